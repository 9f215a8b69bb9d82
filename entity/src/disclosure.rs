//! The accounting of disclosures (42 CFR 2.25, 45 CFR 164.528).

use sea_orm::entity::prelude::*;

use crate::{
    ClientId, ConsentId, DisclosureId, List, OrganizationId,
    vocabulary::{DataClass, PurposeOfUse},
};

/// One disclosure of a client's data to another organization: one per request, client and consent. Append-only and chained.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "disclosure")]
pub struct Model {
    /// Its id.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: DisclosureId,
    /// Its place in the organization's chain, from 1; null until sealed.
    pub position: Option<i64>,
    /// Who disclosed.
    pub organization_id: OrganizationId,
    /// Whose data it was: a client of that organization.
    pub client_id: ClientId,
    /// To which organization.
    pub recipient_organization_id: OrganizationId,
    /// The recipient's name, as it was then (164.528(b)(2)(ii)).
    pub recipient_name: String,
    /// Who read: the id of staff or application.
    pub actor: String,
    /// What (164.528(b)(2)(iii)).
    pub data_classes: List<DataClass>,
    /// What for (164.528(b)(2)(iv)).
    pub purpose: PurposeOfUse,
    /// Under which consent.
    pub consent_id: ConsentId,
    /// In which version of it.
    pub consent_version: i32,
    /// The request it belongs to.
    pub request_id: String,
    /// UTC, real time also for a sandbox.
    pub at: DateTimeUtc,
    /// SHA-256 over the previous entry's hash and this row; null until sealed.
    pub hash: Option<Vec<u8>>,
}

impl ActiveModelBehavior for ActiveModel {}
