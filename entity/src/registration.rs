//! A seat, or a place in line, at a session.

use sea_orm::entity::prelude::*;

use crate::{
    ApiClientId, ClientId, Guarded, List, OrganizationId, RegistrationId, Sealed, SessionId, class,
    vocabulary::{AttendanceMode, RegistrationStatus},
};

/// That somebody comes to a session: a client, of whose data it is class C, or a guest, who comes through an application and is nobody's
/// client. At most one registration of a person and session is not cancelled.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "registration")]
pub struct Model {
    /// Its id.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: RegistrationId,
    /// Whose client or guest it is.
    pub organization_id: OrganizationId,
    /// Where to.
    pub session_id: SessionId,
    /// Who; null for a guest.
    pub client_id: Option<Guarded<class::ContactsAndNotes, ClientId>>,
    /// How they take part.
    pub attendance: Guarded<class::ContactsAndNotes, AttendanceMode>,
    /// Where it stands.
    pub status: Guarded<class::ContactsAndNotes, RegistrationStatus>,
    /// Whether it takes a seat, or holds one: it is counted with its session.
    pub seated: Guarded<class::ContactsAndNotes, bool>,
    /// Since when it is in line (UTC), which is its place there; null where it never was.
    pub waiting_since: Option<Guarded<class::ContactsAndNotes, DateTimeUtc>>,
    /// Until when a seat is offered (UTC); null where none is.
    pub offer_expires_at: Option<Guarded<class::ContactsAndNotes, DateTimeUtc>>,
    /// When they first came in (UTC); null where they did not, or nobody said so.
    pub checked_in_at: Option<Guarded<class::ContactsAndNotes, DateTimeUtc>>,
    /// What they need to take part, by the codes of domain 6.5. Not sealed: an erasure takes it away.
    pub needs: Option<Guarded<class::ContactsAndNotes, List<String>>>,
    /// When they agreed to keep among those who come what is said there (UTC).
    pub agreed_at: Option<DateTimeUtc>,
    /// As a guest is called, sealed under the organization's own key; null once that is forgotten.
    pub guest_name: Option<Guarded<class::ContactsAndNotes, Sealed>>,
    /// How a guest is reached, likewise.
    pub guest_contact: Option<Guarded<class::ContactsAndNotes, Sealed>>,
    /// A keyed hash of that: by it a guest has one registration of a session. Null likewise.
    pub guest_hash: Option<Vec<u8>>,
    /// Until when a guest's contact can confirm (UTC); null once it did.
    pub confirm_by: Option<DateTimeUtc>,
    /// A keyed hash of the code that confirms; null once it did.
    pub code_hash: Option<Vec<u8>>,
    /// Until when a guest's ticket is good (UTC); null for a client.
    pub ticket_expires_at: Option<DateTimeUtc>,
    /// Through which application a guest came.
    pub api_client_id: Option<ApiClientId>,
    /// UTC.
    pub registered_at: DateTimeUtc,
    /// UTC.
    pub updated_at: DateTimeUtc,
    /// Counts changes; a write names the one it saw.
    pub version: i32,
}

impl ActiveModelBehavior for ActiveModel {}
