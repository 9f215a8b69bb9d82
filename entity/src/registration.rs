//! A client's seat at a session.

use sea_orm::entity::prelude::*;

use crate::{
    ClientId, Guarded, OrganizationId, RegistrationId, SessionId, class,
    vocabulary::{AttendanceMode, RegistrationStatus},
};

/// That a client comes to a session is class C of their data. At most one registration of a client and session is not cancelled.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "registration")]
pub struct Model {
    /// Its id.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: RegistrationId,
    /// Whose client it is.
    pub organization_id: OrganizationId,
    /// Where to.
    pub session_id: SessionId,
    /// Who.
    pub client_id: Guarded<class::ContactsAndNotes, ClientId>,
    /// How they take part.
    pub attendance: Guarded<class::ContactsAndNotes, AttendanceMode>,
    /// Where it stands.
    pub status: Guarded<class::ContactsAndNotes, RegistrationStatus>,
    /// UTC.
    pub registered_at: DateTimeUtc,
    /// UTC.
    pub updated_at: DateTimeUtc,
    /// Counts changes; a write names the one it saw.
    pub version: i32,
}

impl ActiveModelBehavior for ActiveModel {}
