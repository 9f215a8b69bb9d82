//! How a client comes to read their own data.

use sea_orm::{ActiveValue::Set, entity::prelude::*};

use crate::{ClientId, OrganizationId};

/// An invitation of a client, and the access that came of it. A client has one live invitation and one live access at the most.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "client_access")]
pub struct Model {
    /// Its id: the first half of each of its refresh tokens, and shown nowhere else.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    /// Whose client.
    pub organization_id: OrganizationId,
    /// Who is invited: the record that stood for them then.
    pub client_id: ClientId,
    /// Who invited them, as the log keeps actors.
    pub invited_by: String,
    /// UTC.
    pub invited_at: DateTimeUtc,
    /// Until when the code can be exchanged (UTC).
    pub code_expires_at: DateTimeUtc,
    /// Keyed hash of the code; null once it was exchanged, and when the invitation is over.
    pub code_hash: Option<Vec<u8>>,
    /// Keyed hash of the code that was exchanged, while the access lasts: who comes with it again has it from somewhere.
    pub used_code_hash: Option<Vec<u8>>,
    /// When the code was exchanged (UTC): tokens that were issued before are none of this access.
    pub accepted_at: Option<DateTimeUtc>,
    /// Keyed hash of the one refresh token that is good now; null before there is one, and when the access is over.
    pub refresh_hash: Option<Vec<u8>>,
    /// Keyed hash of the one before it: for a moment it is good once more, should its successor not have arrived.
    pub previous_refresh_hash: Option<Vec<u8>>,
    /// When the one that is good now was given (UTC).
    pub refreshed_at: Option<DateTimeUtc>,
    /// When it was replaced, revoked, or ended with the record (UTC).
    pub ended_at: Option<DateTimeUtc>,
}

impl ActiveModelBehavior for ActiveModel {}

impl ActiveModel {
    /// What ends an invitation or an access: none of its secrets is kept.
    pub fn over(at: DateTimeUtc) -> Self {
        Self {
            code_hash: Set(None),
            used_code_hash: Set(None),
            refresh_hash: Set(None),
            previous_refresh_hash: Set(None),
            ended_at: Set(Some(at)),
            ..Default::default()
        }
    }
}
