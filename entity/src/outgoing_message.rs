//! Messages that are sent to people.

use sea_orm::entity::prelude::*;

use crate::{ClientId, Guarded, OrganizationId, OutgoingMessageId, RegistrationId, Sealed, class, vocabulary::MessageKind};

/// A message, written by the command that wants it sent and sent afterwards, at least once.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "outgoing_message")]
pub struct Model {
    /// Its id.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: OutgoingMessageId,
    /// What it says.
    pub kind: MessageKind,
    /// For whom it is sent.
    pub organization_id: OrganizationId,
    /// To whom, under whose key it is sealed; null for somebody who is no client, under the organization's own.
    pub client_id: Option<ClientId>,
    /// About which registration, where it is about one.
    pub registration_id: Option<RegistrationId>,
    /// Where it goes; null once it was sent or given up.
    pub address: Option<Guarded<class::Identity, Sealed>>,
    /// What its words need to know; null likewise.
    pub parameters: Option<Guarded<class::Identity, Sealed>>,
    /// When it is tried next (UTC); null likewise.
    pub due_at: Option<DateTimeUtc>,
    /// How often it was tried.
    pub attempts: i32,
    /// UTC.
    pub created_at: DateTimeUtc,
    /// When the mail server took it (UTC).
    pub sent_at: Option<DateTimeUtc>,
    /// When it was given up (UTC).
    pub failed_at: Option<DateTimeUtc>,
}

impl ActiveModelBehavior for ActiveModel {}
