//! The accounting of disclosures (42 CFR 2.25, 45 CFR 164.528).

use sea_orm::entity::prelude::*;

use crate::{
    ClientId, ConsentId, DisclosureId, EmergencyAccessId, Guarded, List, OrganizationId, Sealed, class,
    vocabulary::{DataClass, PurposeOfUse},
};

/// One disclosure of a client's data to someone outside the organization: one per request, client and what it rests on. Append-only and
/// chained.
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
    /// To which organization; null where it was told to somebody who is not of one.
    pub recipient_organization_id: Option<OrganizationId>,
    /// The recipient's name, as it was then (164.528(b)(2)(ii)); where it is a person's, `facts` tell it.
    pub recipient_name: String,
    /// Who read or told: the id of staff or application.
    pub actor: String,
    /// What (164.528(b)(2)(iii)).
    pub data_classes: List<DataClass>,
    /// What for (164.528(b)(2)(iv)).
    pub purpose: PurposeOfUse,
    /// Under which consent; null in an emergency, which needs none.
    pub consent_id: Option<ConsentId>,
    /// In which version of it.
    pub consent_version: Option<i32>,
    /// Under which emergency access (42 CFR 2.51); null where a consent covers it.
    pub emergency_access_id: Option<EmergencyAccessId>,
    /// What 42 CFR 2.51(c) wants recorded, sealed under the client's key: to whom and where, and why; null where nothing was said.
    pub facts: Option<Guarded<class::Privacy, Sealed>>,
    /// The request it belongs to.
    pub request_id: String,
    /// UTC, real time also for a sandbox.
    pub at: DateTimeUtc,
    /// SHA-256 over the previous entry's hash and this row; null until sealed.
    pub hash: Option<Vec<u8>>,
}

impl ActiveModelBehavior for ActiveModel {}
