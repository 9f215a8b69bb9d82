//! The store's own rows, which need no event: what the database remembers about itself, and tokens that are refused.

use entity::{ApiClientId, api_client, deployment, event, organization, revoked_token};
use migration::Migrator;
use sea_orm::{
    ActiveModelTrait, ActiveValue::Set, ColumnTrait, Condition, EntityTrait, ExprTrait, PaginatorTrait, QueryFilter, QueryOrder,
    QuerySelect, sea_query::OnConflict,
};
use sea_orm_migration::MigratorTrait;

use super::{Connections, Protected, Store, connection};
use crate::{clock::Instant, error::Result};

/// Under which name the database remembers its keys.
pub const KEYS: &str = "key_fingerprint";

impl Connections {
    /// What the database remembers under this name.
    ///
    /// # Errors
    /// `Database` when it cannot be asked.
    pub async fn remembered(&self, name: &str) -> Result<Option<String>> {
        let row = connection::select::<deployment::Entity>().filter(deployment::Column::Name.eq(name)).one(self.reader()).await?;
        Ok(row.map(|row| row.value))
    }
}

impl Connections {
    /// Whether this is a new database: it remembers no keys, and there is no organization.
    ///
    /// # Errors
    /// `Database` when it cannot be asked.
    pub async fn is_new(&self) -> Result<bool> {
        let keyless = self.remembered(KEYS).await?.is_none();
        Ok(keyless && connection::select::<organization::Entity>().count(self.reader()).await? == 0)
    }
}

impl Store {
    /// What the database remembers under this name.
    ///
    /// # Errors
    /// `Database` when it cannot be asked.
    pub async fn remembered(&self, name: &str) -> Result<Option<String>> {
        self.shared.connections.remembered(name).await
    }

    /// Refuses keys that lie under the database's folder, where whoever copies the one copies the other.
    ///
    /// # Errors
    /// `Internal` with the sentence that says so.
    pub fn refuse_keys_under(&self, database: &std::path::Path) -> Result<()> {
        self.shared.vault.keyring().refuse_under(database)
    }

    /// Reads the data keys' folder again if other keys lie in it than before. Whether they do.
    ///
    /// # Errors
    /// As the keyring's.
    pub fn follow_keys(&self) -> Result<bool> {
        self.shared.vault.keyring().follow()
    }

    /// Wraps under the newest data key what older ones wrap. Gives how many client keys.
    ///
    /// # Errors
    /// As the vault's.
    pub async fn rewrap_keys(&self) -> Result<u64> {
        self.shared.vault.client_keys().rewrap().await
    }

    /// Remembers a value under a name, in place of the one before.
    ///
    /// # Errors
    /// `Database` when it cannot be written.
    pub async fn remember(&self, name: &str, value: &str) -> Result<()> {
        let row = deployment::ActiveModel { name: Set(name.to_owned()), value: Set(value.to_owned()) };
        let newest = OnConflict::column(deployment::Column::Name).update_column(deployment::Column::Value).to_owned();
        let tx = self.transaction().await?;
        deployment::Entity::insert(row).on_conflict(newest).exec_without_returning(&tx).await?;
        Ok(tx.commit().await?)
    }

    /// Fills in columns that follow from others in rows that miss them, until none does. What follows needs no event: nothing has
    /// happened.
    ///
    /// # Errors
    /// `Database` when it cannot be written.
    pub async fn derive<E: Protected, A>(&self, missing: impl Fn() -> Condition, of: impl Fn(&E::Model) -> A) -> Result<()>
    where
        A: ActiveModelTrait<Entity = E> + Send,
    {
        while connection::select::<E>().filter(missing()).limit(1).one(self.reader()).await?.is_some() {
            let tx = self.transaction().await?;
            for row in connection::select::<E>().filter(missing()).limit(500).all(&tx).await? {
                let this = E::id_column().eq(super::key_of::<E>(E::id(&row)));
                E::update_many().set(of(&row)).filter(this).filter(missing()).exec(&tx).await?;
            }
            tx.commit().await?;
        }
        Ok(())
    }

    /// Whether the client keys' store answers, and a data key is at hand.
    ///
    /// # Errors
    /// `Database` or `Sealing` when not.
    pub async fn keys_answer(&self) -> Result<()> {
        self.shared.vault.keyring().fingerprint()?;
        self.shared.vault.client_keys().ping().await
    }

    /// Migrations that this server knows and the database has not seen.
    ///
    /// # Errors
    /// `Database` when it cannot be asked, or has seen others.
    pub async fn pending_migrations(&self) -> Result<usize> {
        Ok(Migrator::get_pending_migrations(self.reader()).await?.len())
    }

    /// When the first event happened that has no position yet: subscribers have not heard of it.
    ///
    /// # Errors
    /// `Database` when it cannot be asked.
    pub async fn unsealed_since(&self) -> Result<Option<Instant>> {
        let waiting = connection::select::<event::Entity>().filter(event::Column::Position.is_null());
        Ok(waiting.order_by_asc(event::Column::At).limit(1).one(self.reader()).await?.map(|event| event.at))
    }

    /// Whether there is no organization yet.
    ///
    /// # Errors
    /// `Database` when it cannot be asked.
    pub async fn is_empty(&self) -> Result<bool> {
        Ok(connection::select::<organization::Entity>().count(self.reader()).await? == 0)
    }

    /// Refuses a name (`jti`) from now until it ends by itself. False when it was refused already: of two at once, one gets true.
    ///
    /// # Errors
    /// `Database` when it cannot be written.
    pub async fn refuse_jti(&self, jti: &str, expires_at: Instant) -> Result<bool> {
        let row = revoked_token::ActiveModel { jti: Set(jti.to_owned()), expires_at: Set(expires_at) };
        let first_stays = OnConflict::column(revoked_token::Column::Jti).do_nothing().to_owned();
        let tx = self.transaction().await?;
        let over = revoked_token::Column::ExpiresAt.lt(self.clock().now());
        revoked_token::Entity::delete_many().filter(over).exec(&tx).await?;
        let written = revoked_token::Entity::insert(row).on_conflict(first_stays).try_insert().exec_without_returning(&tx).await?;
        tx.commit().await?;
        // Where the name is there already no row is inserted, and the library calls that inserted, too.
        Ok(matches!(written, sea_orm::TryInsertResult::Inserted(1..)))
    }

    /// Whether a name (`jti`) is refused.
    ///
    /// # Errors
    /// `Database` when it cannot be asked.
    pub async fn refuses_jti(&self, jti: &str) -> Result<bool> {
        let found = connection::select::<revoked_token::Entity>().filter(revoked_token::Column::Jti.eq(jti));
        Ok(found.one(self.reader()).await?.is_some())
    }

    /// Notes that an application got a token, unless that was noted within the same minute.
    ///
    /// # Errors
    /// `Database` when it cannot be written.
    pub async fn note_use(&self, id: ApiClientId, at: Instant) -> Result<()> {
        let minute_ago = at - chrono::TimeDelta::minutes(1);
        let stale = api_client::Column::LastUsedAt.is_null().or(api_client::Column::LastUsedAt.lt(minute_ago));
        let noted = api_client::ActiveModel { last_used_at: Set(Some(at)), ..Default::default() };
        let tx = self.transaction().await?;
        api_client::Entity::update_many().set(noted).filter(api_client::Column::Id.eq(id)).filter(stale).exec(&tx).await?;
        Ok(tx.commit().await?)
    }
}
