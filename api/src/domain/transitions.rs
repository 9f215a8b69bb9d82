//! The life cycle of a referral (domain 2.3), as data: what can follow what, who does it, what it needs, and why not.

use entity::vocabulary::{
    ReasonCode,
    ReferralStatus::{
        self, Accepted, Assigned, Cancelled, ClientDeclined, Completed, Connected, Declined, Draft, EnteredInError, Expired, NeedsInfo,
        NotReached, OnHold, Outreach, Submitted, Waitlisted,
    },
    Role,
};

use crate::error::{Code, Refusal};

/// Who moves a referral on. What the client decides they do themselves, or whoever supports them records it on their behalf.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Party {
    /// Referrers and coordinators of the program that sends it (REF).
    Sender,
    /// Coordinators of the program that receives it (COORD).
    Receiver,
    /// Supervisors of that program (SUP).
    Supervisor,
    /// The peer who is assigned (PEER).
    AssignedPeer,
    /// Coordinators of the program that wrote it, while it is a draft.
    Author,
    /// The privacy officer of either organization (PRIV).
    PrivacyOfficer,
    /// The person whom it is about (CLIENT), on the side that has them: the sender's until it is accepted, then the receiver's.
    Client,
    /// A rule or a clock (SYS).
    System,
}

impl Party {
    /// As a refusal calls them.
    const fn name(self) -> &'static str {
        match self {
            Self::Sender => "the staff who refer",
            Self::Receiver => "coordinators of the receiving program",
            Self::Supervisor => "supervisors of the receiving program",
            Self::AssignedPeer => "the assigned peer",
            Self::Author => "coordinators of the sending program",
            Self::PrivacyOfficer => "the privacy officer",
            Self::Client => "the client",
            Self::System => "a rule of the system",
        }
    }

    /// The role that somebody has as this party.
    pub const fn roles(self) -> &'static [Role] {
        match self {
            Self::Sender => &[Role::Referrer, Role::Coordinator],
            Self::Receiver | Self::Author => &[Role::Coordinator],
            Self::Supervisor => &[Role::Supervisor],
            Self::AssignedPeer => &[Role::Peer],
            Self::PrivacyOfficer => &[Role::PrivacyOfficer],
            Self::Client => &[Role::Client],
            Self::System => &[],
        }
    }
}

/// What of a referral decides where it can go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Standing {
    /// Where it stands.
    pub status: ReferralStatus,
    /// Where it goes on from a hold; null when it is not held.
    pub held: Option<ReferralStatus>,
    /// Whether the receiver ever accepted it.
    pub accepted: bool,
    /// Whether there was a first two-way contact.
    pub connected: bool,
}

/// One row of domain 2.3.
#[derive(Debug)]
pub struct Transition {
    /// Its number there.
    pub row: &'static str,
    /// From these states.
    pub from: &'static [ReferralStatus],
    /// To this one; null for the state that a hold remembers.
    pub to: Option<ReferralStatus>,
    /// Who may.
    pub who: &'static [Party],
    /// What they give with it, as the mutation's arguments are called.
    pub requires: &'static [&'static str],
    /// The reasons there are; none where none is asked for.
    pub reasons: &'static [ReasonCode],
    /// What else must hold.
    pub when: fn(&Standing) -> bool,
}

const DECLINING: &[ReasonCode] = &[
    ReasonCode::NoCapacity,
    ReasonCode::OutsideArea,
    ReasonCode::NotEligible,
    ReasonCode::NeedsHigherLevel,
    ReasonCode::Duplicate,
    ReasonCode::ModalityNotOffered,
    ReasonCode::Other,
];

const OF_THE_CLIENT: &[ReasonCode] = &[
    ReasonCode::NotNow,
    ReasonCode::PrefersOtherSupport,
    ReasonCode::PrivacyConcern,
    ReasonCode::Moved,
    ReasonCode::ServedElsewhere,
    ReasonCode::Other,
];

const CANCELLING: &[ReasonCode] =
    &[ReasonCode::Readmitted, ReasonCode::Incarcerated, ReasonCode::Deceased, ReasonCode::RequesterWithdrew, ReasonCode::Other];

/// The only reasons to cancel once there was a contact.
const CANCELLING_SUPPORT: &[ReasonCode] = &[ReasonCode::Readmitted, ReasonCode::Incarcerated, ReasonCode::Deceased];

const BEFORE_CONTACT: &[ReferralStatus] = &[Submitted, NeedsInfo, Waitlisted, Accepted, Assigned, Outreach, OnHold];

const fn always(_: &Standing) -> bool {
    true
}

const fn to(row: &'static str, from: &'static [ReferralStatus], to: ReferralStatus, who: &'static [Party]) -> Transition {
    Transition { row, from, to: Some(to), who, requires: &[], reasons: &[], when: always }
}

impl Transition {
    const fn with(self, requires: &'static [&'static str]) -> Self {
        Self { requires, ..self }
    }

    const fn because(self, reasons: &'static [ReasonCode]) -> Self {
        Self { requires: &["reason"], reasons, ..self }
    }

    const fn when(self, when: fn(&Standing) -> bool) -> Self {
        Self { when, ..self }
    }

    /// Whether it leads from there to that state.
    fn leads(&self, standing: &Standing, to: ReferralStatus) -> bool {
        self.from.contains(&standing.status) && self.to.or(standing.held) == Some(to) && (self.when)(standing)
    }

    fn is_for(&self, parties: &[Party]) -> bool {
        self.who.iter().any(|who| parties.contains(who))
    }
}

/// The table. The number is the row's in domain 2.3; row 1 is the making of a draft.
pub const TABLE: &[Transition] = &[
    to("2", &[Draft], Submitted, &[Party::Sender]).with(&["toProgramId", "consent", "dischargedAt", "levelOfCareLeft", "contactMethods"]),
    to("3", &[Submitted], NeedsInfo, &[Party::Receiver]).with(&["fields", "text"]),
    to("4", &[NeedsInfo], Submitted, &[Party::Sender]).with(&["text"]),
    to("5", &[Submitted], Accepted, &[Party::Receiver]),
    to("6", &[Submitted, Waitlisted], Declined, &[Party::Receiver]).because(DECLINING),
    to("7", &[Submitted, Accepted], Waitlisted, &[Party::Receiver]).with(&["text", "nextReviewAt"]),
    to("8", &[Waitlisted], Accepted, &[Party::Receiver]),
    to("9", &[Accepted], Assigned, &[Party::Receiver, Party::Supervisor]).with(&["peerId", "clientChose"]),
    to("9b", &[Assigned, Outreach], Accepted, &[Party::Receiver, Party::Supervisor]).with(&["text"]),
    to("10", &[Assigned], Outreach, &[Party::AssignedPeer]).with(&["contact"]),
    to("11", &[Assigned, Outreach], Connected, &[Party::AssignedPeer]).with(&["contact"]),
    to("12", &[Connected], Completed, &[Party::AssignedPeer, Party::Supervisor]).with(&["result"]),
    to(
        "13",
        &[Submitted, NeedsInfo, Waitlisted, Accepted, Assigned, Outreach, Connected, OnHold],
        ClientDeclined,
        &[Party::AssignedPeer, Party::Receiver, Party::Client],
    )
    .because(OF_THE_CLIENT),
    to("14", &[Outreach], NotReached, &[Party::AssignedPeer]),
    to("15", &[Accepted, Assigned, Outreach, Connected], OnHold, &[Party::AssignedPeer, Party::Receiver]).with(&["text", "reviewAt"]),
    Transition { to: None, ..to("16", &[OnHold], OnHold, &[Party::AssignedPeer, Party::Receiver]) },
    to("17", &[Draft, Submitted, NeedsInfo, Waitlisted], Cancelled, &[Party::Sender])
        .because(CANCELLING)
        .when(|standing| !standing.accepted),
    to("17", BEFORE_CONTACT, Cancelled, &[Party::Receiver]).because(CANCELLING).when(|standing| !standing.connected),
    to("17", &[Connected, OnHold], Cancelled, &[Party::Receiver]).because(CANCELLING_SUPPORT).when(|standing| standing.connected),
    to("17", BEFORE_CONTACT, Cancelled, &[Party::System]).because(&[ReasonCode::ConsentRevoked]).when(|standing| !standing.connected),
    to("18", &[Draft, NeedsInfo, Submitted, Waitlisted], Expired, &[Party::System]),
    to("19", &[Draft], EnteredInError, &[Party::Author, Party::PrivacyOfficer]).with(&["text"]),
    to(
        "19",
        &[
            Submitted,
            NeedsInfo,
            Waitlisted,
            Accepted,
            Assigned,
            Outreach,
            Connected,
            OnHold,
            Completed,
            Declined,
            ClientDeclined,
            NotReached,
            Cancelled,
            Expired,
        ],
        EnteredInError,
        &[Party::Receiver, Party::PrivacyOfficer],
    )
    .with(&["text"]),
];

/// How people can bring it there, whoever they are.
fn by_people(standing: &Standing, to: ReferralStatus) -> impl Iterator<Item = &'static Transition> {
    TABLE.iter().filter(move |row| row.leads(standing, to) && row.who != [Party::System])
}

/// The states that people can bring it to, each once.
pub fn next(standing: &Standing) -> Vec<ReferralStatus> {
    ReferralStatus::ALL.iter().copied().filter(|to| by_people(standing, *to).next().is_some()).collect()
}

/// Why a referral does not go on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Barred {
    /// It is never theirs to do.
    NotTheirs,
    /// It cannot be done now; the sentence says what can.
    Not(Refusal),
}

/// Any row of the table, where it does not matter by which something follows.
pub const ANY: &[&str] = &[];

/// How a referral goes from where it stands to a state, by one of these rows, each of which is a thing that people do, and one of these
/// parties.
///
/// # Errors
/// [`Barred::NotTheirs`] when no row lets them do it from any state; otherwise refused with `INVALID_TRANSITION` and the states that can
/// follow, or `NOT_PERMITTED` and for whom it is from there.
pub fn step(rows: &[&str], standing: &Standing, to: ReferralStatus, parties: &[Party]) -> Result<&'static Transition, Barred> {
    let meant = |row: &&Transition| rows.is_empty() || rows.contains(&row.row);
    let theirs = |row: &&Transition| row.is_for(parties);
    let reaches = |row: &Transition| row.to.map_or(standing.held == Some(to), |state| state == to);
    if !TABLE.iter().filter(meant).any(|row| reaches(row) && theirs(&row)) {
        return Err(Barred::NotTheirs);
    }
    if let Some(row) = TABLE.iter().filter(meant).filter(|row| row.leads(standing, to)).find(theirs) {
        return Ok(row);
    }
    Err(Barred::Not(match by_people(standing, to).find(meant) {
        Some(row) => Refusal::new(Code::NotPermitted, for_whom(row.who)),
        None => invalid(standing, to),
    }))
}

fn invalid(standing: &Standing, to: ReferralStatus) -> Refusal {
    let allowed = next(standing);
    let names: Vec<&str> = allowed.iter().map(|status| status.as_str()).collect();
    let follows = if names.is_empty() { "nothing".to_owned() } else { names.join(" or ") };
    let sentence = match allowed.contains(&to) {
        true => format!("From {} a referral goes to {to} by another mutation, not by this one.", standing.status),
        false => format!("From {} a referral goes to {follows}, not to {to}.", standing.status),
    };
    Refusal { allowed_transitions: Some(allowed), ..Refusal::new(Code::InvalidTransition, sentence) }
}

fn for_whom(who: &[Party]) -> String {
    let names: Vec<_> = who.iter().map(|party| party.name()).collect();
    format!("From here this is for {}.", names.join(" and "))
}

/// What can follow, as it is shown to somebody.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Available {
    /// Where to.
    pub to: ReferralStatus,
    /// Why they cannot bring it there; null when they can.
    pub blocked_because: Option<String>,
    /// What they give with it.
    pub requires: &'static [&'static str],
    /// The reasons there are.
    pub reasons: &'static [ReasonCode],
}

/// What people can bring a referral to from where it stands, and for whom that is: what [`step`] answers, asked of every state.
pub fn available(standing: &Standing, parties: &[Party]) -> Vec<Available> {
    let shown = ReferralStatus::ALL.iter().filter_map(|to| {
        let by_others = by_people(standing, *to).next()?;
        let (row, blocked_because) = match step(ANY, standing, *to, parties) {
            Ok(row) => (row, None),
            Err(Barred::Not(refusal)) => (by_others, Some(refusal.message)),
            Err(Barred::NotTheirs) => (by_others, Some(for_whom(by_others.who))),
        };
        Some(Available { to: *to, blocked_because, requires: row.requires, reasons: row.reasons })
    });
    shown.collect()
}

/// The table as a text that is reviewed like code.
pub fn text() -> String {
    let words = |words: Vec<&str>| if words.is_empty() { "-".to_owned() } else { words.join(", ") };
    TABLE.iter().fold(String::from("how a referral moves on: row of domain 2.3, from, to, by whom, with what\n\n"), |text, row| {
        let from: Vec<_> = row.from.iter().map(|status| status.as_str()).collect();
        let to = row.to.map_or("where it was held", ReferralStatus::as_str);
        let who: Vec<_> = row.who.iter().map(|party| party.name()).collect();
        let given: Vec<_> = row.requires.iter().copied().chain(row.reasons.iter().map(|reason| reason.as_str())).collect();
        format!("{text}{:<3} {}\n    to {to}, by {}\n    with {}\n", row.row, words(from), words(who), words(given))
    })
}

/// Whether it is over: only an entry in error can follow.
pub fn is_final(status: ReferralStatus) -> bool {
    matches!(status, Completed | Declined | ClientDeclined | NotReached | Cancelled | Expired | EnteredInError)
}

#[cfg(test)]
#[path = "transitions_tests.rs"]
mod tests;
