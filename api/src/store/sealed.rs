//! Sealed columns and searchable words, as rows have them: sealed for their place, opened only with the proof that their class is
//! open, found by keyed hashes.

use chrono::NaiveDate;
use entity::{ClientId, Guarded, Proof, Sealed, TypedId, client, client_search, referral, referral_search};
use sea_orm::{ColumnTrait, Condition, EntityName, EntityTrait, IdenStatic, QueryFilter, QuerySelect, QueryTrait};
use serde::{Serialize, de::DeserializeOwned};
use uuid::Uuid;

use super::{
    Opened, PartOf, Protected, Store, Tx, connection,
    vault::{ClientKey, SealContext, SearchHash, SearchKey, Vault, seal},
};
use crate::{
    access::Access,
    error::{Error, Result},
};

/// A word of a client's identity that they can be found by.
#[derive(Clone, Debug)]
pub enum Searchable<'a> {
    /// One or more whole words of the family name.
    FamilyName(&'a str),
    /// Likewise of the given name.
    GivenName(&'a str),
    /// The date of birth.
    DateOfBirth(NaiveDate),
    /// A telephone number in E.164.
    Phone(&'a str),
    /// An e-mail address.
    Email(&'a str),
    /// A system and the identifier in it.
    ExternalIdentifier(&'a str, &'a str),
}

/// A keyed hash of a word, with its kind.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct SearchWord {
    /// What is hashed.
    pub kind: &'static str,
    /// The hash.
    pub hash: Vec<u8>,
}

impl Searchable<'_> {
    fn words(&self, key: &SearchKey) -> Vec<SearchWord> {
        let (kind, hashes): (_, Vec<SearchHash>) = match self {
            Self::FamilyName(name) => ("FAMILY_NAME", key.name(name).into_iter().collect()),
            Self::GivenName(name) => ("GIVEN_NAME", key.name(name).into_iter().collect()),
            Self::DateOfBirth(date) => ("DATE_OF_BIRTH", vec![key.date(*date)]),
            Self::Phone(number) => ("PHONE", key.phone(number).into_iter().collect()),
            Self::Email(address) => ("EMAIL", vec![key.email(address)]),
            Self::ExternalIdentifier(system, value) => ("EXTERNAL_IDENTIFIER", vec![key.identifier(system, value)]),
        };
        hashes.into_iter().map(|hash| SearchWord { kind, hash: hash.0.to_vec() }).collect()
    }
}

/// The place of a column: bound to the organization whose key seals it, which the key itself is bound to.
fn place<E: EntityTrait + Default>(key: &ClientKey, row: Uuid, column: E::Column) -> SealContext {
    SealContext { organization: key.organization, table: E::default().table_name_static(), column: column.as_str(), row }
}

/// The name of an entity's table, for as long as the program runs.
trait TableName {
    fn table_name_static(&self) -> &'static str;
}

impl<E: EntityName> TableName for E {
    fn table_name_static(&self) -> &'static str {
        self.table_name()
    }
}

/// The key of a subject that is being written, to seal its columns with.
pub struct SubjectKey(ClientKey);

impl SubjectKey {
    /// The key of an organization's own, which outlives its people's.
    pub(in crate::store) fn of_organization(vault: &Vault, organization: entity::OrganizationId) -> Result<Self> {
        vault.guests_key(organization.into()).map(Self)
    }

    /// Seals a value for its place.
    ///
    /// # Errors
    /// `Sealing` when it cannot be.
    pub fn seal<E: EntityTrait + Default, C, T: Serialize>(
        &self,
        row: impl Into<Uuid>,
        column: E::Column,
        value: &T,
    ) -> Result<Guarded<C, Sealed>> {
        seal::seal_json(&self.0, &place::<E>(&self.0, row.into(), column), value).map(Guarded::new)
    }
}

/// Opens a sealed column of a row whose class is open. Keys that are not in memory are fetched for all rows of the row's cohort at
/// once, so that a list costs one statement, whatever is opened of it.
async fn open<E: Protected + Default, C, T: DeserializeOwned>(
    vault: &Vault,
    opened: &Opened<'_, E, C>,
    column: E::Column,
    sealed: &Guarded<C, Sealed>,
) -> Result<T>
where
    for<'a> Opened<'a, E, C>: Proof<C>,
{
    let row: &E::Model = opened;
    let key = match E::sealed_by(row) {
        Some(organization) => vault.guests_key(organization.into())?,
        None => subject_key(vault, E::subject(row), opened.cohort()).await?,
    };
    seal::open_json(&key, &place::<E>(&key, E::id(row).into(), column), sealed.read(opened))
}

/// Opens a sealed column that stands behind a class of another row, under a key that is at hand.
pub(in crate::store) fn open_with<P: EntityTrait + Default, E: Protected, C, T: DeserializeOwned>(
    key: &SubjectKey,
    opened: &Opened<'_, E, C>,
    row: Uuid,
    column: P::Column,
    sealed: &Guarded<C, Sealed>,
) -> Result<T> {
    seal::open_json(&key.0, &place::<P>(&key.0, row, column), sealed.read(opened))
}

async fn subject_key(vault: &Vault, subject: Uuid, cohort: &[Uuid]) -> Result<ClientKey> {
    match vault.client_keys().cached(subject) {
        Some(key) => Ok(key),
        None if cohort.contains(&subject) => vault.keys_for(cohort).await?.remove(&subject).ok_or(Error::NotFound),
        None => vault.keys_for(&[subject]).await?.remove(&subject).ok_or(Error::NotFound),
    }
}

/// Likewise, of a part of such a row, under that row's key or the one that the part names.
async fn open_part<E: Protected, P: PartOf<E> + Default, C, T: DeserializeOwned>(
    vault: &Vault,
    opened: &Opened<'_, E, C>,
    (part, id): (&P::Model, Uuid),
    column: P::Column,
    sealed: &Guarded<C, Sealed>,
) -> Result<T>
where
    for<'a> Opened<'a, E, C>: Proof<C>,
{
    let subject = P::sealed_for(part).unwrap_or_else(|| E::subject(opened));
    let key = subject_key(vault, subject, opened.cohort()).await?;
    open_with::<P, E, C, T>(&SubjectKey(key), opened, id, column, sealed)
}

impl Tx {
    /// Makes the key of a new subject, durable before its rows are. Should the transaction not be committed, the key opens nothing.
    ///
    /// # Errors
    /// As the vault's.
    pub async fn new_key<I: TypedId>(&self, subject: I, organization: entity::OrganizationId) -> Result<SubjectKey> {
        self.vault().new_key(subject.into(), organization.into()).await.map(SubjectKey)
    }

    /// The key of a subject whose rows are there already.
    ///
    /// # Errors
    /// `NotFound` when the person was erased.
    pub async fn key_of(&self, subject: impl Into<Uuid>) -> Result<SubjectKey> {
        let subject = subject.into();
        subject_key(self.vault(), subject, &[subject]).await.map(SubjectKey)
    }

    /// The key that seals what is an organization's own, and no client's.
    ///
    /// # Errors
    /// `Sealing` when no key can be derived.
    pub fn own_key(&self, organization: entity::OrganizationId) -> Result<SubjectKey> {
        SubjectKey::of_organization(self.vault(), organization)
    }

    /// Opens a sealed column of a row whose class is open to the caller.
    ///
    /// # Errors
    /// As [`Store::unseal`].
    pub async fn unseal<E: Protected + Default, C, T: DeserializeOwned>(
        &self,
        opened: &Opened<'_, E, C>,
        column: E::Column,
        sealed: &Guarded<C, Sealed>,
    ) -> Result<T>
    where
        for<'a> Opened<'a, E, C>: Proof<C>,
    {
        open(self.vault(), opened, column, sealed).await
    }

    /// Opens a sealed column of a part of such a row. The part is given with its id.
    ///
    /// # Errors
    /// As [`Store::unseal`].
    pub async fn unseal_part<E: Protected, P: PartOf<E> + Default, C, T: DeserializeOwned>(
        &self,
        opened: &Opened<'_, E, C>,
        (part, id): (&P::Model, impl Into<Uuid>),
        column: P::Column,
        sealed: &Guarded<C, Sealed>,
    ) -> Result<T>
    where
        for<'a> Opened<'a, E, C>: Proof<C>,
    {
        open_part::<E, P, C, T>(self.vault(), opened, (part, id.into()), column, sealed).await
    }

    /// A client of an organization who has one of these words.
    ///
    /// # Errors
    /// `Sealing` when no key can be derived.
    pub async fn client_known_by(&self, organization: entity::OrganizationId, words: &[Searchable<'_>]) -> Result<Option<ClientId>> {
        let any = self.search_words(organization, words)?.into_iter().fold(Condition::any(), |any, word| {
            let this = client_search::Column::Kind.eq(word.kind);
            any.add(Condition::all().add(this).add(client_search::Column::Hash.eq(word.hash)))
        });
        if any.is_empty() {
            return Ok(None);
        }
        let of = Condition::all().add(client_search::Column::OrganizationId.eq(organization)).add(any);
        let found = connection::select::<client_search::Entity>().filter(of).one(&self.transaction).await?;
        Ok(found.map(|found| found.client_id))
    }

    /// The hashes of words, under the organization's key.
    ///
    /// # Errors
    /// `Sealing` when no key can be derived.
    pub fn search_words(&self, organization: entity::OrganizationId, words: &[Searchable<'_>]) -> Result<Vec<SearchWord>> {
        search_words(&self.vault().search(organization.into())?, words)
    }
}

fn search_words(key: &SearchKey, words: &[Searchable<'_>]) -> Result<Vec<SearchWord>> {
    let mut all: Vec<SearchWord> = words.iter().flat_map(|word| word.words(key)).collect();
    all.sort();
    all.dedup();
    Ok(all)
}

impl Store {
    /// Opens a sealed column of a row whose class is open to the caller.
    ///
    /// # Errors
    /// `NotFound` when the person was erased, `Sealing` when the value is not of this place.
    pub async fn unseal<E: Protected + Default, C, T: DeserializeOwned>(
        &self,
        opened: &Opened<'_, E, C>,
        column: E::Column,
        sealed: &Guarded<C, Sealed>,
    ) -> Result<T>
    where
        for<'a> Opened<'a, E, C>: Proof<C>,
    {
        open(&self.shared.vault, opened, column, sealed).await
    }

    /// Opens a sealed column of a part of a row whose class is open to the caller, under that row's key unless the part names another. The
    /// part is given with its id.
    ///
    /// # Errors
    /// As [`Store::unseal`].
    pub async fn unseal_part<E: Protected, P: PartOf<E> + Default, C, T: DeserializeOwned>(
        &self,
        opened: &Opened<'_, E, C>,
        (part, id): (&P::Model, impl Into<Uuid>),
        column: P::Column,
        sealed: &Guarded<C, Sealed>,
    ) -> Result<T>
    where
        for<'a> Opened<'a, E, C>: Proof<C>,
    {
        open_part::<E, P, C, T>(&self.shared.vault, opened, (part, id.into()), column, sealed).await
    }

    /// The clients of the caller's organization who have all of these words, as a condition on [`client::Entity`].
    ///
    /// # Errors
    /// `Sealing` when no key can be derived.
    pub fn clients_with(&self, access: &Access, words: &[Searchable<'_>]) -> Result<Condition> {
        let Some(own) = access.organization else { return Ok(super::never()) };
        let words = search_words(&self.shared.vault.search(own.into())?, words)?;
        if words.is_empty() {
            return Ok(super::never());
        }
        Ok(words.into_iter().fold(Condition::all(), |all, word| {
            let with = connection::query::<client_search::Entity>()
                .select_only()
                .column(client_search::Column::ClientId)
                .filter(client_search::Column::OrganizationId.eq(own))
                .filter(client_search::Column::Kind.eq(word.kind))
                .filter(client_search::Column::Hash.eq(word.hash));
            all.add(client::Column::Id.in_subquery(with.into_query()))
        }))
    }

    /// The referrals to which the caller's organization gave this identifier, as a condition on [`referral::Entity`].
    ///
    /// # Errors
    /// `Sealing` when no key can be derived.
    pub fn referrals_known_as(&self, access: &Access, system: &str, value: &str) -> Result<Condition> {
        let Some(own) = access.organization else { return Ok(super::never()) };
        let hash = self.shared.vault.search(own.into())?.identifier(system, value);
        let known = connection::query::<referral_search::Entity>()
            .select_only()
            .column(referral_search::Column::ReferralId)
            .filter(referral_search::Column::OrganizationId.eq(own))
            .filter(referral_search::Column::Hash.eq(hash.0.to_vec()));
        Ok(Condition::all().add(referral::Column::Id.in_subquery(known.into_query())))
    }
}
