//! What is added to the note of a contact later.

use sea_orm::entity::prelude::*;

use crate::{ContactId, Guarded, Sealed, class};

/// An addendum: a part of its contact, and of the same class as its note. Never changed, never deleted.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "contact_addendum")]
pub struct Model {
    /// Its id.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    /// Of which contact.
    pub contact_id: ContactId,
    /// What, sealed under the client's key.
    pub text: Guarded<class::Notes, Sealed>,
    /// Who: the id of staff or application.
    pub author: String,
    /// UTC.
    pub at: DateTimeUtc,
}

impl ActiveModelBehavior for ActiveModel {}
