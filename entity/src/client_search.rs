//! Keyed hashes by which a client is found.

use sea_orm::entity::prelude::*;

use crate::{ClientId, OrganizationId};

/// One searchable word of a client's identity, as a keyed hash: equality can be asked, nothing can be read back.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "client_search")]
pub struct Model {
    /// Whose the client is; the hash's key is this organization's.
    #[sea_orm(primary_key, auto_increment = false)]
    pub organization_id: OrganizationId,
    /// What is hashed: `FAMILY_NAME`, `GIVEN_NAME`, `DATE_OF_BIRTH`, `PHONE`, `EMAIL`, `EXTERNAL_IDENTIFIER`.
    #[sea_orm(primary_key, auto_increment = false)]
    pub kind: String,
    /// The keyed hash.
    #[sea_orm(primary_key, auto_increment = false)]
    pub hash: Vec<u8>,
    /// Whose word it is.
    #[sea_orm(primary_key, auto_increment = false)]
    pub client_id: ClientId,
}

impl ActiveModelBehavior for ActiveModel {}
