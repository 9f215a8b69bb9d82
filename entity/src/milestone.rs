//! What a client counts days from.

use sea_orm::entity::prelude::*;

use crate::{ClientId, Guarded, OrganizationId, Sealed, class};

/// One start of a milestone (domain 6.7): a part of its client. A new start leaves the earlier ones where they are: none is changed, none
/// is deleted.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "milestone")]
pub struct Model {
    /// Its id.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    /// Whose it is.
    pub organization_id: OrganizationId,
    /// Whose days are counted.
    pub client_id: ClientId,
    /// Under whose key it is sealed, where that is another's: a record that was merged into the client's.
    pub sealed_for_id: Option<ClientId>,
    /// Of what kind, how they call it and from which day: class B, sealed under the client's key as one, for the kind alone tells much.
    pub start: Guarded<class::ReferralClinical, Sealed>,
    /// Who set it: the id of staff, application or client.
    pub author: String,
    /// When it was set (UTC).
    pub at: DateTimeUtc,
}

impl ActiveModelBehavior for ActiveModel {}
