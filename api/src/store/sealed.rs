//! Sealed columns and searchable words, as rows have them: sealed for their place, opened only with the proof that their class is
//! open, found by keyed hashes.

use chrono::NaiveDate;
use entity::{Guarded, Proof, Sealed, TypedId, client, client_search};
use sea_orm::{ColumnTrait, Condition, EntityName, IdenStatic, QueryFilter, QuerySelect, QueryTrait};
use serde::{Serialize, de::DeserializeOwned};
use uuid::Uuid;

use super::{
    Opened, Protected, Store, Tx, Visible, connection,
    vault::{ClientKey, SealContext, SearchHash, SearchKey, seal},
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

fn place<E: Protected + Default>(row: &E::Model, column: E::Column) -> SealContext {
    SealContext {
        organization: E::holder(row).into(),
        table: E::default().table_name_static(),
        column: column.as_str(),
        row: E::id(row).into(),
    }
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
pub struct SubjectKey {
    key: ClientKey,
    organization: Uuid,
}

impl SubjectKey {
    /// Seals a value for its place.
    ///
    /// # Errors
    /// `Sealing` when it cannot be.
    pub fn seal<E: Protected + Default, C, T: Serialize>(&self, row: E::Id, column: E::Column, value: &T) -> Result<Guarded<C, Sealed>> {
        let place = SealContext {
            organization: self.organization,
            table: E::default().table_name_static(),
            column: column.as_str(),
            row: row.into(),
        };
        seal::seal_json(&self.key, &place, value).map(Guarded::new)
    }
}

impl Tx {
    /// Makes the key of a new subject, durable before its rows are. Should the transaction not be committed, the key opens nothing.
    ///
    /// # Errors
    /// As the vault's.
    pub async fn new_key<I: TypedId>(&self, subject: I, organization: entity::OrganizationId) -> Result<SubjectKey> {
        let organization: Uuid = organization.into();
        let key = self.vault().new_key(subject.into(), organization).await?;
        Ok(SubjectKey { key, organization })
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
        sealed: impl Fn(&E::Model) -> &Guarded<C, Sealed>,
    ) -> Result<T>
    where
        for<'a> Opened<'a, E, C>: Proof<C>,
    {
        let row: &E::Model = opened;
        let subject: Uuid = E::id(row).into();
        let key = self.shared.vault.keys_for(&[subject]).await?.remove(&subject).ok_or(Error::NotFound)?;
        seal::open_json(&key, &place::<E>(row, column), sealed(row).read(opened))
    }

    /// Fetches the keys of these rows with one statement, before each is opened.
    ///
    /// # Errors
    /// As the vault's.
    pub async fn warm_keys<E: Protected>(&self, rows: impl IntoIterator<Item = &Visible<E>>) -> Result<()> {
        let subjects: Vec<Uuid> = rows.into_iter().map(|row| row.id().into()).collect();
        self.shared.vault.keys_for(&subjects).await.map(drop)
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
}
