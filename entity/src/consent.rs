//! A consent under 42 CFR 2.31.

use sea_orm::entity::prelude::*;

use crate::{
    ClientId, ConsentId, Guarded, List, OrganizationId, Sealed, class,
    vocabulary::{ConsentKind, DataClass, ExpiryEvent, PurposeOfUse, RecipientClass, SignatureMethod, SignerCapacity},
};

/// What a client permits: each element of 42 CFR 2.31(a) is a column of its own. Who may tell whom is in its flows.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "consent")]
pub struct Model {
    /// Its id.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: ConsentId,
    /// Who recorded it.
    pub organization_id: OrganizationId,
    /// Whose consent it is; a client of the organization that recorded it.
    pub client_id: ClientId,
    /// Under whose key it is sealed, where that is another's: a record that was merged into the client's.
    pub sealed_for_id: Option<ClientId>,
    /// What kind.
    pub kind: ConsentKind,
    /// Recipients named by class; null when they are named one by one.
    pub recipient_class: Option<RecipientClass>,
    /// The description of the information (2.31(a)(3)).
    pub data_classes: List<DataClass>,
    /// The purposes (2.31(a)(5)).
    pub purposes: List<PurposeOfUse>,
    /// When it was signed (UTC).
    pub signed_at: DateTimeUtc,
    /// Class M, sealed under the client's key: who signed.
    pub signed_by: Guarded<class::Privacy, Sealed>,
    /// As what they signed.
    pub signer_capacity: SignerCapacity,
    /// How.
    pub signature_method: SignatureMethod,
    /// SHA-256 of the signed document, in hexadecimal; null when none was kept.
    pub evidence_sha256: Option<String>,
    /// In which language it was explained (BCP 47).
    pub language: Option<String>,
    /// When it ends (UTC); null when an event ends it, or nothing.
    pub expires_at: Option<DateTimeUtc>,
    /// What ends it; null when a day ends it, or nothing.
    pub expiry_event: Option<ExpiryEvent>,
    /// Whether the client said that nothing but revocation ends it.
    pub never_expires: bool,
    /// When its expiry event happened (UTC); null before.
    pub expired_at: Option<DateTimeUtc>,
    /// When it was revoked (UTC); null while it was not.
    pub revoked_at: Option<DateTimeUtc>,
    /// Class M, sealed under the client's key: how it was revoked.
    pub revoked_how: Option<Guarded<class::Privacy, Sealed>>,
    /// Whether it was revoked in writing; an oral request stops disclosure at once, too (domain 3.1).
    pub revoked_written: Option<bool>,
    /// UTC.
    pub created_at: DateTimeUtc,
    /// Counts changes; a write names the one it saw.
    pub version: i32,
}

impl ActiveModelBehavior for ActiveModel {}
