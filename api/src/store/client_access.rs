//! The store's own rows of client access: refresh tokens that are exchanged for their successors, and what a restore ends.

use entity::{client_access, outgoing_message, private_calendar};
use sea_orm::{ActiveValue::Set, ColumnTrait, EntityTrait, QueryFilter};
use uuid::Uuid;

use super::Store;
use crate::error::Result;

impl Store {
    /// Puts another refresh token in place of the one that is good now, both as keyed hashes. False when it is not any more: of two
    /// at once, one gets true.
    ///
    /// # Errors
    /// `Database` when it cannot be written.
    pub async fn rotate_refresh(&self, id: Uuid, good: &[u8], next: &[u8]) -> Result<bool> {
        let rotated = client_access::ActiveModel {
            refresh_hash: Set(Some(next.to_vec())),
            previous_refresh_hash: Set(Some(good.to_vec())),
            refreshed_at: Set(Some(self.clock().now())),
            ..Default::default()
        };
        let tx = self.transaction().await?;
        let rotate = client_access::Entity::update_many().set(rotated).filter(client_access::Column::Id.eq(id));
        let rotate = rotate.filter(client_access::Column::RefreshHash.eq(good)).filter(client_access::Column::EndedAt.is_null());
        let done = rotate.exec(&tx).await?.rows_affected > 0;
        tx.commit().await?;
        Ok(done)
    }

    /// Ends whatever access, invitations and links to calendars a backup held, and the messages that it held back: what was revoked after it was made must
    /// not come back, and nobody is written to twice. Whoever had access is invited anew.
    ///
    /// # Errors
    /// `Database` when it cannot be written.
    pub async fn end_restored_access(&self) -> Result<()> {
        let now = self.clock().now();
        let over = client_access::ActiveModel::over(now);
        let given_up = outgoing_message::ActiveModel {
            address: Set(None),
            parameters: Set(None),
            due_at: Set(None),
            failed_at: Set(Some(now)),
            ..Default::default()
        };
        let tx = self.transaction().await?;
        private_calendar::Entity::delete_many().exec(&tx).await?;
        client_access::Entity::update_many().set(over).filter(client_access::Column::EndedAt.is_null()).exec(&tx).await?;
        outgoing_message::Entity::update_many().set(given_up).filter(outgoing_message::Column::DueAt.is_not_null()).exec(&tx).await?;
        Ok(tx.commit().await?)
    }
}
