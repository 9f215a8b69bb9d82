//! The one durable, ordered log of what happened.

use sea_orm::entity::prelude::*;

use crate::{ClientId, EventId, List, OrganizationId, ReferralId, vocabulary::EventKind};

/// Something that happened: kinds, ids and versions, no texts. A command inserts it without a position; the sealer gives it one.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "event")]
pub struct Model {
    /// Its id, which receivers recognise a repetition by.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: EventId,
    /// Its place among the events of its command, from 0.
    pub ordinal: i32,
    /// Dense and in the order of commits; null until sealed.
    pub position: Option<i64>,
    /// In whose organization it happened, and whose chain it is in; null for what concerns no tenant.
    pub organization_id: Option<OrganizationId>,
    /// The other side of a referral, which may see it while a consent lets it.
    pub other_organization_id: Option<OrganizationId>,
    /// What happened.
    pub kind: EventKind,
    /// When the command ran (UTC).
    pub at: DateTimeUtc,
    /// Who did it: the id of staff or application, or `system:` and the reason.
    pub actor: String,
    /// The prefix of the subject's kind of id.
    pub subject_kind: String,
    /// What it happened to.
    pub subject_id: Uuid,
    /// The subject's version after it; null where it has none.
    pub subject_version: Option<i32>,
    /// Whose timeline it is in; null when it is about no client.
    pub client_id: Option<ClientId>,
    /// In which referral it happened; null for all else. Who does not see the referral does not see its events.
    pub referral_id: Option<ReferralId>,
    /// The names of the fields that changed, never their values.
    pub changed: List<String>,
    /// SHA-256 over the previous event's hash in the organization's chain and this row; null until sealed.
    pub hash: Option<Vec<u8>>,
}

impl ActiveModelBehavior for ActiveModel {}
