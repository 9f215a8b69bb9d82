//! How a registration came to stand where it does.

use sea_orm::entity::prelude::*;

use crate::{
    Guarded, RegistrationId, class,
    vocabulary::{RegistrationStatus, StepCause},
};

/// One step of one registration: where it stood from then on, and why.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "registration_step")]
pub struct Model {
    /// Which registration.
    #[sea_orm(primary_key, auto_increment = false)]
    pub registration_id: RegistrationId,
    /// The registration's version after it.
    #[sea_orm(primary_key, auto_increment = false)]
    pub version: i32,
    /// Where it stood.
    pub status: Guarded<class::ContactsAndNotes, RegistrationStatus>,
    /// Why.
    pub cause: Guarded<class::ContactsAndNotes, StepCause>,
    /// When (UTC).
    pub at: DateTimeUtc,
    /// What the cause names: when a seat became free, or until when it was offered (UTC).
    pub named: Option<DateTimeUtc>,
}

impl ActiveModelBehavior for ActiveModel {}
