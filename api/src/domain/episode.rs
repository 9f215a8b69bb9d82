//! Who sees an episode of support, and how one begins.

use entity::{
    ClientId, EpisodeId, ReferralId, TypedId, class, episode, referral,
    vocabulary::{EpisodeEndReason, EpisodeStatus, EventKind},
};
use sea_orm::{ActiveValue::Set, ColumnTrait, Condition};

use super::{client, consent, peer_match, text};
use crate::{
    access::{
        Access, Scope,
        policy::{Act, Resource, may},
    },
    clock::Instant,
    error::{Code, Error, Refusal, Result},
    store::{Action, Class, Event, Grants, Part, PartOf, Protected, Store, Tx, Visible, always, never},
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
        if !access.scoped(&[Scope::ServicesRead, Scope::ServicesWrite]) {
            return never();
        }
        client::named_by(access, episode::Column::ClientId, client::supported(access))
    }

    fn grants(_: &Access) -> Grants {
        Grants::none().open(Class::ContactsAndNotes, always())
    }

    fn allows(access: &Access, action: Action, _: &episode::Model) -> bool {
        match action {
            Action::Read => true,
            Action::End => may(access, Resource::Episode, Act::End),
            _ => false,
        }
    }

    /// What was said to its end is sealed under the client's key.
    fn subject(row: &episode::Model) -> uuid::Uuid {
        row.sealed_for_id.unwrap_or(row.client_id).into()
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

/// The episode that a referral led to.
pub(super) async fn of_referral(tx: &Tx, referral: ReferralId) -> Result<Option<Visible<episode::Entity>>> {
    let system = Access::system("the episode of a referral", tx.access().now);
    Ok(tx.look::<episode::Entity>(&system, Condition::all().add(episode::Column::ReferralId.eq(referral))).await?.pop())
}

/// Pauses the support that a referral led to, where it goes on.
pub(super) async fn pause(tx: &mut Tx, referral: ReferralId) -> Result<()> {
    set_of(tx, referral, EpisodeStatus::Active, EpisodeStatus::OnHold).await
}

/// Goes on with the support that a referral led to, where it is paused.
pub(super) async fn resume(tx: &mut Tx, referral: ReferralId) -> Result<()> {
    set_of(tx, referral, EpisodeStatus::OnHold, EpisodeStatus::Active).await
}

async fn set_of(tx: &mut Tx, referral: ReferralId, from: EpisodeStatus, to: EpisodeStatus) -> Result<()> {
    let Some(episode) = of_referral(tx, referral).await?.filter(|episode| episode.status == from) else { return Ok(()) };
    let change = episode::ActiveModel { status: Set(to), version: Set(episode.version + 1), ..Default::default() };
    if !tx.write_if(&episode, change, episode::Column::Version.eq(episode.version)).await? {
        return Err(Refusal::stale(None).into());
    }
    Ok(())
}

/// Ends the support that a referral led to, where it has not ended.
pub(super) async fn end_of(tx: &mut Tx, referral: ReferralId, reason: EpisodeEndReason) -> Result<()> {
    match of_referral(tx, referral).await? {
        Some(episode) if episode.status != EpisodeStatus::Ended => end_in(tx, &episode, reason).await,
        _ => Ok(()),
    }
}

/// Ends an episode of support: when it ends is the client's to say, or life's. The referral that led to it stays as it is (domain 2.1).
///
/// # Errors
/// `NotFound` and `NotPermitted` as ever; refused with `IMMUTABLE` when it has ended, and with `STALE` when it changed.
pub async fn end(
    store: &Store,
    access: &Access,
    id: EpisodeId,
    reason: EpisodeEndReason,
    text: Option<String>,
    version: Option<i32>,
) -> Result<Visible<episode::Entity>> {
    let mut tx = store.begin(access).await?;
    let episode = tx.fetch_for::<episode::Entity>(id, Action::End).await?;
    if version.is_some_and(|seen| seen != episode.version) {
        return Err(Refusal::stale(Some(episode.version)).into());
    }
    let text = text::optional("text", text, 2_000).map_err(|refusal| refusal.at(["text"]))?;
    if episode.status == EpisodeStatus::Ended {
        return Err(Refusal::new(Code::Immutable, "This episode has ended.").at(["id"]).into());
    }
    end_in(&mut tx, &episode, reason).await?;
    if let Some(text) = text {
        let key = tx.key_of(episode::Entity::subject(&episode)).await?;
        let sealed = key.seal::<episode::Entity, class::ContactsAndNotes, _>(id, episode::Column::EndText, &text)?;
        let change = episode::ActiveModel { end_text: Set(Some(sealed)), ..Default::default() };
        tx.write_if(&episode, change, Condition::all()).await?;
    }
    let ended = tx.fetch_for::<episode::Entity>(id, Action::Read).await?;
    peer_match::end_in(&mut tx, episode.program_id, episode.client_id).await?;
    tx.commit(ended).await
}

async fn end_in(tx: &mut Tx, episode: &Visible<episode::Entity>, reason: EpisodeEndReason) -> Result<()> {
    let version = episode.version + 1;
    let change = episode::ActiveModel {
        status: Set(EpisodeStatus::Ended),
        ended_at: Set(Some(tx.access().now)),
        end_reason: Set(Some(reason)),
        version: Set(version),
        ..Default::default()
    };
    if !tx.write_if(episode, change, episode::Column::Version.eq(episode.version)).await? {
        return Err(Refusal::stale(None).into());
    }
    tx.record(Event::new(EventKind::EpisodeEnded, episode.organization_id, episode.id, version).of_client(episode.client_id));
    consent::expire_with_episode(tx, episode).await
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
        sealed_for_id: Set(None),
        program_id: Set(program),
        referral_id: Set(Some(referral.id)),
        status: Set(EpisodeStatus::Active),
        started_at: Set(at),
        ended_at: Set(None),
        end_reason: Set(None),
        end_text: Set(None),
        version: Set(1),
    };
    tx.insert_unseen(row).await?;
    tx.record(Event::new(EventKind::EpisodeStarted, organization, id, 1).of_client(client));
    Ok(())
}
