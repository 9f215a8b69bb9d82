//! Who may tell whom what, as a consent permits it.

use sea_orm::entity::prelude::*;

use crate::{ClientId, ConsentId, OrganizationId, vocabulary::RecipientClass};

/// One direction of a consent, from one organization to one other or to a class of them: what a read asks for, one row at a time.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "consent_flow")]
pub struct Model {
    /// Of which consent.
    #[sea_orm(primary_key, auto_increment = false)]
    pub consent_id: ConsentId,
    /// Its place among the consent's directions, from 0.
    #[sea_orm(primary_key, auto_increment = false)]
    pub ordinal: i32,
    /// Whose consent it is.
    pub client_id: ClientId,
    /// Who may tell.
    pub discloser_id: OrganizationId,
    /// Whom; null when a class is named.
    pub recipient_id: Option<OrganizationId>,
    /// Which class of recipients; null when one is named.
    pub recipient_class: Option<RecipientClass>,
    /// A bit for each class of data, in the order of `DataClass::ALL`.
    pub data_classes: i32,
    /// A bit for each purpose, in the order of `PurposeOfUse::ALL`.
    pub purposes: i32,
    /// Whether who may tell recorded or confirmed the consent: before, it does not count for them.
    pub confirmed: bool,
    /// When it ends by itself (UTC); null when no day ends it.
    pub expires_at: Option<DateTimeUtc>,
    /// When it was revoked or its expiry event happened (UTC); null while it holds.
    pub ended_at: Option<DateTimeUtc>,
}

impl ActiveModelBehavior for ActiveModel {}
