//! A client's own calendar, which their calendar programs read by a link.

use sea_orm::entity::prelude::*;

use crate::{ClientId, OrganizationId};

/// The link to a client's calendar. A client has one at the most; when it is over, the row is gone.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "private_calendar")]
pub struct Model {
    /// Its id, shown nowhere.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    /// Whose client.
    pub organization_id: OrganizationId,
    /// Whose calendar: the record that stands for them.
    pub client_id: ClientId,
    /// Keyed hash of the key that stands in the link.
    pub key_hash: Vec<u8>,
    /// UTC.
    pub created_at: DateTimeUtc,
}

impl ActiveModelBehavior for ActiveModel {}
