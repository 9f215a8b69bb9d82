//! A person receiving support, as one organization knows them.

use sea_orm::entity::prelude::*;

use crate::{ClientId, Guarded, OrganizationId, Sealed, class};

/// A client row belongs to one organization, with a key of its own: the same person in two organizations is two rows that
/// know nothing of each other.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "client")]
pub struct Model {
    /// The client's id.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: ClientId,
    /// Whose row it is.
    pub organization_id: OrganizationId,
    /// Two made-up words and a number, for lists and talk; says nothing about the person. Unique within the organization.
    pub pseudonym: String,
    /// Class A, sealed under the client's key: names, birth date, contact methods, identifiers.
    pub identity: Guarded<class::Identity, Sealed>,
    /// Class B, likewise: pathways, experiences, needs.
    pub recovery: Guarded<class::ReferralClinical, Sealed>,
    /// The record that stands for this person since the two were merged; null while it stands for itself.
    pub merged_into_id: Option<ClientId>,
    /// When they were merged (UTC).
    pub merged_at: Option<DateTimeUtc>,
    /// When the person was erased (UTC); null for all others. What is sealed of them opens nowhere any more.
    pub erased_at: Option<DateTimeUtc>,
    /// UTC.
    pub created_at: DateTimeUtc,
    /// UTC.
    pub updated_at: DateTimeUtc,
    /// Counts changes; a write names the one it saw.
    pub version: i32,
}

impl ActiveModelBehavior for ActiveModel {}
