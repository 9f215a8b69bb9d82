//! One change of a referral's state: asked of the table, written under the version it saw, with its history and its event.

use chrono::TimeDelta;
use entity::{
    Guarded, OrganizationId, ProgramId, ReferralId, ReferralTransitionId, TypedId, class, peer, referral, referral_transition,
    vocabulary::{EventKind, ExpiryEvent, ReasonCode, ReferralOrigin, ReferralStatus, Role, TimerKind},
};
use sea_orm::{
    ActiveValue::{NotSet, Set},
    ColumnTrait, Condition,
};
use uuid::Uuid;

use super::super::{
    consent as consents, referral_offer as offers, text,
    transitions::{self, Barred, Party, Standing, Transition},
};
use super::{clocks, work};
use crate::{
    access::Access,
    clock::Instant,
    error::{Code, Error, Refusal, Result},
    store::{Action, Event, Protected, Tx, Visible},
};

/// On which side of a referral something is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::domain) enum Side {
    Sender,
    Receiver,
}

/// What somebody says to a step: why, in which words, and which version they saw.
#[derive(Clone, Debug, Default)]
pub struct Said {
    /// Why, where there is a list of reasons.
    pub reason: Option<ReasonCode>,
    /// In words.
    pub text: Option<String>,
    /// The version that they saw; the present one when none is named.
    pub version: Option<i32>,
}

impl Said {
    /// Nothing but the version that was seen.
    pub fn of_version(version: Option<i32>) -> Self {
        Self { version, ..Self::default() }
    }
}

/// A referral that somebody wants to move on, with what that depends on.
pub(super) struct Moving {
    pub(super) referral: Visible<referral::Entity>,
    pub(super) standing: Standing,
    version: i32,
    parties: Vec<Party>,
}

/// A step that may be taken.
pub(super) struct Step {
    to: ReferralStatus,
    side: Side,
    party: Party,
    reason: Option<ReasonCode>,
    pub(super) text: Option<String>,
    /// What is asked for, with a request for information.
    pub(super) fields: Option<Vec<String>>,
    /// When it is looked at again.
    pub(super) review_at: Option<Instant>,
    /// Which program may serve the person instead.
    pub(super) suggested: Option<ProgramId>,
    /// When the person was discharged, where the step says it.
    pub(super) discharged_at: Option<Instant>,
}

/// As whom somebody can move a referral on. The assigned peer is known by their row.
pub fn parties(access: &Access, row: &referral::Model, peer: Option<&peer::Model>) -> Vec<Party> {
    if access.is_system() {
        return vec![Party::System];
    }
    let (sent, submitted) = (access.programs.contains(&row.from_program_id), row.submitted_at.is_some());
    let received = submitted && row.to_program_id.is_some_and(|to| access.programs.contains(&to));
    let own = access.organization == Some(row.from_organization_id) || (submitted && access.organization == row.to_organization_id);
    let supports = peer.is_some_and(|peer| peer::Entity::allows(access, Action::Support, peer));
    // Of a referral that was accepted the receiver's record is the person's: the sender's would set off what is the receiver's to know.
    let theirs = submitted && access.records.contains(&row.to_client_id.unwrap_or(row.from_client_id));
    let sides = [
        (Party::Sender, sent),
        (Party::Author, sent),
        (Party::Receiver, received),
        (Party::Supervisor, received),
        (Party::AssignedPeer, received && supports),
        (Party::PrivacyOfficer, own),
        (Party::Client, theirs && access.acts_for_oneself()),
    ];
    sides.into_iter().filter(|(party, holds)| *holds && access.has_any(party.roles())).map(|(party, _)| party).collect()
}

/// Where a referral stands, to whom that is open. The state that a hold remembers is the one that it was held in.
pub fn standing(referral: &Visible<referral::Entity>, history: &[referral_transition::Model]) -> Option<Standing> {
    let progress = referral.open::<class::ReferralStatus>()?;
    let status = *progress.status.read(&progress);
    let holds = history.iter().rev().find(|step| *step.to.read(&progress) == ReferralStatus::OnHold);
    let held = holds.and_then(|step| step.from.as_ref()).map(|from| *from.read(&progress));
    Some(Standing {
        status,
        held: held.filter(|_| status == ReferralStatus::OnHold),
        accepted: progress.accepted_at.is_some(),
        connected: progress.connected_at.is_some(),
    })
}

impl Moving {
    /// The referral with this id, for whoever sees it.
    pub(super) async fn fetch(tx: &Tx, id: ReferralId) -> Result<Self> {
        Self::of(tx, tx.fetch_for::<referral::Entity>(id, Action::Read).await?).await
    }

    /// A referral that a rule moves on, whoever set it off.
    pub(super) async fn by_rule(tx: &Tx, referral: Visible<referral::Entity>) -> Result<Self> {
        Ok(Self { parties: vec![Party::System], ..Self::of(tx, referral).await? })
    }

    /// A referral that the assigned peer asked to move on and a supervisor, who sees it, approves.
    pub(super) async fn approved(tx: &Tx, referral: Visible<referral::Entity>) -> Result<Self> {
        let moving = Self::of(tx, referral).await?;
        if !moving.is_by(Party::Supervisor) {
            return Err(Error::NotPermitted);
        }
        Ok(Self { parties: vec![Party::AssignedPeer], ..moving })
    }

    /// A referral that was fetched.
    ///
    /// # Errors
    /// `NotPermitted` when the caller may not know where it stands.
    pub(super) async fn of(tx: &Tx, referral: Visible<referral::Entity>) -> Result<Self> {
        let progress = referral.open::<class::ReferralStatus>().ok_or(Error::NotPermitted)?;
        let status = *progress.status.read(&progress);
        let peer = match &progress.peer_id {
            Some(id) => tx.known::<peer::Entity>(*id.read(&progress), "who is assigned").await?,
            None => None,
        };
        let history = match status {
            ReferralStatus::OnHold => history(tx, referral.id).await?,
            _ => Vec::new(),
        };
        let version = *progress.version.read(&progress);
        let parties = parties(tx.access(), &referral, peer.as_deref());
        let standing = standing(&referral, &history).ok_or(Error::NotPermitted)?;
        Ok(Self { referral, standing, version, parties })
    }

    /// Whether the caller moves it on as this party.
    pub(super) fn is_by(&self, party: Party) -> bool {
        self.parties.contains(&party)
    }

    /// The step to a state by one of these rows of the table, with what is said to it.
    ///
    /// # Errors
    /// `NotPermitted` when it is never the caller's to do; refused with `INVALID_TRANSITION` and the states that can follow, `STALE` when
    /// it changed meanwhile, and when a reason or a text is missing or none of the list.
    pub(super) fn to(&self, rows: &[&str], to: ReferralStatus, said: Said) -> Result<Step> {
        let row = transitions::step(rows, &self.standing, to, &self.parties).map_err(|barred| match barred {
            Barred::NotTheirs => Error::NotPermitted,
            Barred::Not(refusal) => refusal.into(),
        })?;
        self.unchanged_since(said.version)?;
        let text = worded(row, said.reason, said.text)?;
        let party = row.who.iter().copied().find(|party| self.parties.contains(party)).ok_or(Error::NotPermitted)?;
        Ok(Step {
            to,
            side: self.side_of(party, to),
            party,
            reason: said.reason.filter(|_| !row.reasons.is_empty()),
            text,
            fields: None,
            review_at: None,
            suggested: None,
            discharged_at: None,
        })
    }

    /// That it is as the caller saw it.
    pub(super) fn unchanged_since(&self, seen: Option<i32>) -> Result<(), Refusal> {
        match seen {
            Some(seen) if seen != self.version => Err(Refusal::stale(Some(self.version))),
            _ => Ok(()),
        }
    }

    /// The system acts on the side that holds the referral.
    fn side_of(&self, party: Party, to: ReferralStatus) -> Side {
        let drafted = self.referral.submitted_at.is_none() && to != ReferralStatus::Submitted;
        match party {
            Party::Sender | Party::Author => Side::Sender,
            Party::Client if self.referral.to_client_id.is_none() => Side::Sender,
            Party::PrivacyOfficer | Party::System if drafted => Side::Sender,
            _ => Side::Receiver,
        }
    }

    /// Takes a step: writes the state with the columns that go with it, its history and its event.
    pub(super) async fn advance(&self, tx: &mut Tx, step: Step, change: referral::ActiveModel) -> Result<Visible<referral::Entity>> {
        let (now, version, done) = (tx.access().now, self.version + 1, transitions::is_final(step.to));
        if done && self.standing.status == ReferralStatus::Draft {
            // First, as whoever claims an offer writes the offer first as well.
            Box::pin(offers::end_with(tx, self.referral.id)).await?;
        }
        let change = referral::ActiveModel {
            status: Set(step.to.into()),
            updated_at: Set(now.into()),
            version: Set(version.into()),
            expires_at: Set(idle_until(step.to, now).map(Guarded::new)),
            closed_at: if done { Set(Some(now.into())) } else { NotSet },
            close_reason: step.reason.filter(|_| done).map_or(NotSet, |reason| Set(Some(reason.into()))),
            ..change
        };
        let after = self.write(tx, change).await?;
        let event = happened(&after, step.side, version);
        let (to, review_at, discharged_at) = (step.to, step.review_at, step.discharged_at);
        note(tx, &after, Some(self.standing.status), version, step).await?;
        tx.record(event);
        // Boxed, as they are large and every step awaits them.
        Box::pin(clocks::follow(tx, after.id, self.standing.status, to, discharged_at)).await?;
        Box::pin(self.time(tx, &after, to, review_at)).await?;
        if let Some(consent) = after.consent_id.filter(|_| done) {
            consents::expire_with(tx, consent, ExpiryEvent::ReferralCloses).await?;
        }
        Ok(after)
    }

    /// What else is due because of a step: what is to be done, when it is looked at again, and when it ends by itself.
    async fn time(&self, tx: &mut Tx, after: &Visible<referral::Entity>, to: ReferralStatus, review_at: Option<Instant>) -> Result<()> {
        work::follow(tx, after, self.standing.status, to).await?;
        let subject = Uuid::from(after.id);
        match review_at {
            Some(at) => tx.arm(TimerKind::ReferralReview, subject, at).await?,
            None if matches!(self.standing.status, ReferralStatus::Waitlisted | ReferralStatus::OnHold) => {
                tx.disarm(TimerKind::ReferralReview, [subject]).await?;
            }
            None => {}
        }
        expire_when_idle(tx, after.id, to).await
    }

    /// Of two at once one wins. What a rule changes need not be there for whoever set it off.
    async fn write(&self, tx: &Tx, change: referral::ActiveModel) -> Result<Visible<referral::Entity>> {
        let unchanged = Condition::all().add(referral::Column::Version.eq(self.version));
        if !self.is_by(Party::System) {
            return Ok(tx.update_if(&self.referral, change, unchanged).await?.ok_or_else(|| Refusal::stale(None))?);
        }
        if !tx.write_if(&self.referral, change, unchanged).await? {
            return Err(Refusal::stale(None).into());
        }
        let after = tx.known::<referral::Entity>(self.referral.id, "a rule").await?;
        after.ok_or_else(|| Error::internal("a referral vanished while it was changed"))
    }

    /// Writes a change that leaves the state as it is, with its event.
    pub(super) async fn change(
        &self,
        tx: &mut Tx,
        side: Side,
        change: referral::ActiveModel,
        changed: Vec<&'static str>,
    ) -> Result<Visible<referral::Entity>> {
        let (now, version) = (tx.access().now, self.version + 1);
        let change = referral::ActiveModel {
            updated_at: Set(now.into()),
            version: Set(version.into()),
            expires_at: Set(idle_until(self.standing.status, now).map(Guarded::new)),
            ..change
        };
        let after = self.write(tx, change).await?;
        expire_when_idle(tx, after.id, self.standing.status).await?;
        let event = Event { kind: EventKind::ReferralUpdated, changed, ..happened(&after, side, version) };
        tx.record(if self.is_by(Party::System) { event.by_rule("a rule about referrals") } else { event });
        Ok(after)
    }
}

/// What was said, as the row asks for it: a reason of its list, a text where one is needed.
fn worded(row: &Transition, reason: Option<ReasonCode>, text: Option<String>) -> Result<Option<String>, Refusal> {
    let text = text::optional("text", text, 2_000).map_err(|refusal| refusal.at(["text"]))?;
    if !row.reasons.is_empty() {
        match reason {
            None => return Err(Refusal::required("reason").at(["reason"])),
            Some(reason) if !row.reasons.contains(&reason) => {
                let names: Vec<&str> = row.reasons.iter().map(|reason| reason.as_str()).collect();
                return Err(Refusal::invalid(format!("`reason` is one of {} here.", names.join(", "))).at(["reason"]));
            }
            Some(ReasonCode::Other) if text.is_none() => {
                return Err(Refusal::new(Code::Required, "Give `text` with the reason OTHER.").at(["text"]));
            }
            Some(_) => {}
        }
    }
    if row.requires.contains(&"text") && text.is_none() {
        return Err(Refusal::required("text").at(["text"]));
    }
    Ok(text)
}

/// How long a referral may lie idle in a state before it ends by itself (domain 2.3, row 18).
pub(super) fn idle_until(status: ReferralStatus, since: Instant) -> Option<Instant> {
    let days = match status {
        ReferralStatus::Draft => 30,
        ReferralStatus::NeedsInfo | ReferralStatus::Submitted => 14,
        ReferralStatus::Waitlisted => 60,
        _ => return None,
    };
    Some(since + TimeDelta::days(days))
}

/// Has a referral end by itself when it lies idle from now on, where that ends it.
async fn expire_when_idle(tx: &Tx, id: ReferralId, status: ReferralStatus) -> Result<()> {
    match idle_until(status, tx.access().now) {
        Some(at) => tx.arm(TimerKind::ReferralExpiry, id, at).await,
        None => tx.disarm(TimerKind::ReferralExpiry, [Uuid::from(id)]).await,
    }
}

/// The history of a referral that the caller was shown, oldest first.
pub(super) async fn history(tx: &Tx, id: ReferralId) -> Result<Vec<referral_transition::Model>> {
    let mut steps = tx.parts::<referral_transition::Entity>(Condition::all().add(referral_transition::Column::ReferralId.eq(id))).await?;
    steps.sort_by_key(|step| step.version);
    Ok(steps)
}

/// What happened to a referral on one of its sides: told to the other once it was submitted, where there is another.
pub(in crate::domain) fn happened(referral: &referral::Model, side: Side, version: i32) -> Event {
    let one_sided = referral.origin != ReferralOrigin::Program;
    let (organization, other, client) = match (side, referral.to_organization_id) {
        (Side::Receiver, Some(to)) => (to, Some(referral.from_organization_id), referral.to_client_id),
        (_, to) => (referral.from_organization_id, to.filter(|_| referral.submitted_at.is_some()), Some(referral.from_client_id)),
    };
    let client = if one_sided { Some(referral.from_client_id) } else { client };
    let event = Event::new(EventKind::ReferralStatusChanged, organization, referral.id, version).of_referral(referral.id);
    Event { other_organization: other.filter(|_| !one_sided), client, ..event }
}

/// Writes that a draft was begun, which ends by itself when it lies idle.
pub(super) async fn begun(tx: &Tx, referral: &Visible<referral::Entity>) -> Result<()> {
    let first = Step {
        to: ReferralStatus::Draft,
        side: Side::Sender,
        party: Party::Sender,
        reason: None,
        text: None,
        fields: None,
        review_at: None,
        suggested: None,
        discharged_at: None,
    };
    note(tx, referral, None, 1, first).await?;
    expire_when_idle(tx, referral.id, ReferralStatus::Draft).await
}

/// Writes a step into the referral's history.
async fn note(tx: &Tx, referral: &Visible<referral::Entity>, from: Option<ReferralStatus>, version: i32, step: Step) -> Result<()> {
    let id = ReferralTransitionId::new();
    let organization: OrganizationId = match (step.side, referral.to_organization_id) {
        (Side::Receiver, Some(to)) => to,
        _ => referral.from_organization_id,
    };
    let text = match &step.text {
        Some(text) => {
            let key = tx.key_of(referral.id).await?;
            Some(key.seal::<referral_transition::Entity, _, _>(id, referral_transition::Column::Text, text)?)
        }
        None => None,
    };
    let row = referral_transition::ActiveModel {
        id: Set(id),
        referral_id: Set(referral.id),
        version: Set(version),
        organization_id: Set(organization),
        from: Set(from.map(Guarded::new)),
        to: Set(step.to.into()),
        at: Set(tx.access().now),
        actor: Set(tx.actor()),
        // Where a supervisor approved what the peer asked, it is the supervisor's doing.
        role: Set(step.party.roles().iter().copied().chain([Role::Supervisor]).find(|role| tx.access().has(*role))),
        reason: Set(step.reason.map(Guarded::new)),
        text: Set(text),
        fields: Set(step.fields.map(|fields| Guarded::new(fields.into()))),
        review_at: Set(step.review_at.map(Guarded::new)),
        suggested_program_id: Set(step.suggested.map(Guarded::new)),
    };
    tx.insert_parts::<referral_transition::Entity, _>(vec![row]).await
}
