//! Who sees what happened.

use entity::{
    ClientId, ConsentId, ContactId, EpisodeId, EventId, PeerMatchId, ReferralId, ReferralMessageId, RegistrationId, TypedId, WorkItemId,
    bulk_operation, client, consent, event, referral, referral_offer, registration, vocabulary::EventKind,
};
use sea_orm::{ColumnTrait, Condition, ExprTrait, Order, QueryFilter, QuerySelect, QueryTrait};

use super::{client as clients, referral as referrals, work_item};
use crate::{
    access::{
        Access, Scope,
        policy::{Act, Resource, may},
    },
    error::Result,
    store::{Action, Find, Grants, Protected, Visible, never, query},
};

impl Protected for event::Entity {
    type Id = EventId;

    fn id_column() -> Self::Column {
        event::Column::Id
    }

    fn id(row: &event::Model) -> EventId {
        row.id
    }

    /// What happened in the caller's organization, once it has its place; about a client, when the caller sees that client; in a
    /// referral, when the caller sees that referral; to a registration, a contact, an episode or a pairing, when the client's care is
    /// open to them: it is class C; to something to do, when they see it or the referral's progress; to an offer, when they see it; to a
    /// consent of no client of theirs, when they see the consent; to a bulk operation, when they see that. What the other side
    /// of a referral did, while its progress is open. Asks for a scope itself, because `node` reads events as well.
    fn visible_to(access: &Access) -> Condition {
        Condition::any().add(told(access)).add_option(ticketed(access))
    }

    fn grants(_: &Access) -> Grants {
        Grants::none()
    }

    fn allows(_: &Access, action: Action, _: &event::Model) -> bool {
        action == Action::Read
    }
}

/// What happened to the one registration of a guest whose ticket the caller holds.
fn ticketed(access: &Access) -> Option<Condition> {
    let ticket = access.ticket?;
    let this = Condition::all()
        .add(event::Column::SubjectKind.eq(RegistrationId::PREFIX))
        .add(event::Column::SubjectId.eq(uuid::Uuid::from(ticket.registration())))
        .add(event::Column::Position.is_not_null());
    Some(this.add(known::<registration::Entity>(access)))
}

/// What happened as far as the caller's role and scopes tell them of it.
fn told(access: &Access) -> Condition {
    if access.is_oneself() {
        return happened_to_oneself(access);
    }
    let scoped = access.scopes.contains(&Scope::ReferralsRead) || access.scopes.contains(&Scope::Admin);
    let Some(own) = access.organization.filter(|_| scoped && may(access, Resource::Event, Act::Read)) else {
        return never();
    };
    let clients = query::<client::Entity>().select_only().column(client::Column::Id).filter(client::Entity::visible_to(access));
    let referrals = query::<referral::Entity>().select_only().column(referral::Column::Id).filter(referral::Entity::visible_to(access));
    let known_client =
        Condition::any().add(event::Column::ClientId.is_null()).add(event::Column::ClientId.in_subquery(clients.into_query()));
    let known_referral =
        Condition::any().add(event::Column::ReferralId.is_null()).add(event::Column::ReferralId.in_subquery(referrals.into_query()));
    let followed = referrals::followed(access);
    let here = Condition::all().add(event::Column::OrganizationId.eq(own)).add(known_client).add(known_referral);
    let of_work = event::Column::SubjectKind.eq(WorkItemId::PREFIX);
    let known_work = Condition::any()
        .add(of_work.not())
        .add(event::Column::ReferralId.in_subquery(followed.clone()))
        .add_option(work_item::of_clients(access).map(|items| event::Column::SubjectId.in_subquery(items)));
    let here = here.add(known_care(access)).add(known_consent(access)).add(known_work);
    let here = here.add(known::<registration::Entity>(access)).add(known::<referral_offer::Entity>(access));
    let here = here.add(known::<bulk_operation::Entity>(access));
    let other_side = Condition::all().add(event::Column::OtherOrganizationId.eq(own)).add(event::Column::ReferralId.in_subquery(followed));
    Condition::all().add(event::Column::Position.is_not_null()).add(Condition::any().add(here).add(other_side))
}

/// What happened to a client as they are told themselves: to their record, and to what they read of it. What was to be done about them,
/// and by whom, is not theirs.
fn happened_to_oneself(access: &Access) -> Condition {
    let Some((organization, own)) = access.organization.zip(access.own(event::Column::ClientId)) else { return never() };
    let kinds = [
        ClientId::PREFIX,
        ConsentId::PREFIX,
        ReferralId::PREFIX,
        ReferralMessageId::PREFIX,
        RegistrationId::PREFIX,
        ContactId::PREFIX,
        EpisodeId::PREFIX,
        PeerMatchId::PREFIX,
    ];
    let referral = event::Column::ReferralId;
    own.add(event::Column::OrganizationId.eq(organization))
        .add(event::Column::Position.is_not_null())
        .add(event::Column::SubjectKind.is_in(kinds))
        .add(Condition::any().add(referral.is_null()).add(referral.in_subquery(referrals::followed(access))))
}

/// What happened to a row of this kind is known to whom the row is.
fn known<E: Protected>(access: &Access) -> Condition {
    let seen = query::<E>().select_only().column(E::id_column()).filter(E::visible_to(access));
    let of_this = event::Column::SubjectKind.eq(E::Id::PREFIX);
    Condition::any().add(of_this.not()).add(event::Column::SubjectId.in_subquery(seen.into_query()))
}

/// What happened in the care of a client is class C, as the contact, the episode or the pairing is that it happened to.
fn known_care(access: &Access) -> Condition {
    let of_care = event::Column::SubjectKind.is_in([ContactId::PREFIX, EpisodeId::PREFIX, PeerMatchId::PREFIX]);
    let scoped = access.scopes.contains(&Scope::ServicesRead) || access.scopes.contains(&Scope::ServicesWrite);
    let open = scoped.then(|| clients::named_by(access, event::Column::ClientId, clients::supported(access)));
    Condition::any().add(of_care.not()).add_option(open)
}

/// What happened to a consent that came with a referral is in no timeline of the organization's own: it is known to whom the consent is.
fn known_consent(access: &Access) -> Condition {
    known::<consent::Entity>(access).add(event::Column::ClientId.is_not_null())
}

/// What of these happened after a place in the log, in the order of the log: at most so many.
///
/// # Errors
/// `Database` when it cannot be asked.
pub async fn happened_after(events: Find<'_, event::Entity>, place: i64, most: u64) -> Result<Vec<Visible<event::Entity>>> {
    let after = events.by(event::Column::Position, |column| column.gt(place));
    after.ordered(event::Column::Position, Order::Asc).first(most).await
}

/// One neutral sentence about what happened, the same for everyone: it names nobody and says nothing that its kind does not.
pub fn summary(kind: EventKind) -> &'static str {
    match kind {
        EventKind::OrganizationChanged => "An organization was made or changed.",
        EventKind::ProgramChanged => "A program was made or changed.",
        EventKind::StaffChanged => "A person of staff was added or changed.",
        EventKind::ApiClientChanged => "An API client was made, changed or revoked.",
        EventKind::ClientCreated => "A client was added.",
        EventKind::ClientUpdated => "A client's record was updated.",
        EventKind::ClientAccessChanged => {
            "A client was invited to read their own data, their access began or ended, or they were given something of it to show."
        }
        EventKind::ClientMerged => "Two records of a client became one.",
        EventKind::ConsentRecorded => "A consent was recorded.",
        EventKind::ConsentConfirmed => "A consent was confirmed.",
        EventKind::ConsentRevoked => "A consent was revoked.",
        EventKind::ConsentExpired => "A consent ended.",
        EventKind::EmergencyAccessOpened => "A client's data was released in a medical emergency.",
        EventKind::ReferralCreated => "A referral was written.",
        EventKind::ReferralStatusChanged => "A referral moved on.",
        EventKind::ReferralUpdated => "A referral was changed.",
        EventKind::OfferOpened => "A referral was offered to several programs.",
        EventKind::OfferClaimed => "An offer of a referral was claimed.",
        EventKind::OfferWithdrawn => "An offer of a referral ended.",
        EventKind::WarmHandoffRecorded => "A client was introduced to a peer.",
        EventKind::WorkItemOpened => "There is something to do.",
        EventKind::WorkItemChanged => "Something to do was given to somebody.",
        EventKind::WorkItemClosed => "Something to do was closed.",
        EventKind::ClockWarning => "Half of a clock's time has passed.",
        EventKind::ClockBreached => "A clock fell due.",
        EventKind::EpisodeEnded => "An episode of support ended.",
        EventKind::ReferralMessageSent => "A message about a referral was sent.",
        EventKind::PeerChanged => "A peer was added or changed.",
        EventKind::PeerMatched => "A client and a peer began to work together.",
        EventKind::PeerMatchEnded => "A client and a peer ended their work together.",
        EventKind::EpisodeStarted => "An episode of support began.",
        EventKind::ContactAmended => "Something was added to a contact.",
        EventKind::ContactScheduled => "A contact was planned.",
        EventKind::ProgramCapacityChanged => "What a program can take on changed.",
        EventKind::ContactLogged => "A contact was logged.",
        EventKind::WorkshopChanged => "A workshop or support group was made or changed.",
        EventKind::WorkshopPublished => "A workshop or support group was published.",
        EventKind::SessionChanged => "A session was made or changed.",
        EventKind::SessionCancelled => "A session was cancelled.",
        EventKind::BulkStarted => "Work on many rows was asked for, or begun.",
        EventKind::BulkFinished => "Work on many rows came to its end, or its result was removed.",
        EventKind::FeedChanged => "A schedule of others was added, read or taken away, or could not be read.",
        EventKind::ListedMeetingsChanged => "Meetings of others that are listed here changed.",
        EventKind::RegistrationChanged => "A registration was made or cancelled.",
        _ => "Something happened.",
    }
}
