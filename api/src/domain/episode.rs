//! Who sees an episode of support, and how one begins.

use entity::{
    ClientId, EpisodeId, ReferralId, TypedId, episode, referral,
    vocabulary::{EpisodeStatus, EventKind},
};
use sea_orm::{ActiveValue::Set, Condition};

use super::client;
use crate::{
    access::{Access, Scope},
    clock::Instant,
    error::{Error, Result},
    store::{Action, Class, Event, Grants, Part, PartOf, Protected, Tx, Visible, always, never},
};

impl Protected for episode::Entity {
    type Id = EpisodeId;

    fn id_column() -> Self::Column {
        episode::Column::Id
    }

    fn id(row: &episode::Model) -> EpisodeId {
        row.id
    }

    /// To whom the client's care is open.
    fn visible_to(access: &Access) -> Condition {
        if !access.scopes.contains(&Scope::ServicesRead) && !access.scopes.contains(&Scope::ServicesWrite) {
            return never();
        }
        client::named_by(access, episode::Column::ClientId, client::supported(access))
    }

    fn grants(_: &Access) -> Grants {
        Grants::none().open(Class::ContactsAndNotes, always())
    }

    fn allows(_: &Access, action: Action, _: &episode::Model) -> bool {
        action == Action::Read
    }

    fn row_class() -> Option<Class> {
        Some(Class::ContactsAndNotes)
    }
}

impl Part for episode::Entity {}

/// How support goes is a part of how the referral that led to it goes.
impl PartOf<referral::Entity> for episode::Entity {
    fn parent_column() -> episode::Column {
        episode::Column::ReferralId
    }

    fn parent(part: &episode::Model) -> ReferralId {
        part.referral_id.unwrap_or(ReferralId(uuid::Uuid::nil()))
    }

    fn order() -> episode::Column {
        episode::Column::StartedAt
    }
}

/// Opens the episode that a referral led to, with its first two-way contact (domain 2.1).
pub(super) async fn begin(tx: &mut Tx, referral: &Visible<referral::Entity>, client: ClientId, at: Instant) -> Result<()> {
    let broken = || Error::internal("a connected referral names no receiver");
    let (organization, program) = referral.to_organization_id.zip(referral.to_program_id).ok_or_else(broken)?;
    let id = EpisodeId::new();
    let row = episode::ActiveModel {
        id: Set(id),
        organization_id: Set(organization),
        client_id: Set(client),
        program_id: Set(program),
        referral_id: Set(Some(referral.id)),
        status: Set(EpisodeStatus::Active),
        started_at: Set(at),
        ended_at: Set(None),
        end_reason: Set(None),
        version: Set(1),
    };
    tx.insert_unseen(row).await?;
    tx.record(Event::new(EventKind::EpisodeStarted, organization, id, 1).of_client(client));
    Ok(())
}
