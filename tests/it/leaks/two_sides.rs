//! Who may see what of a referral, on each of its two sides: written by hand from domain 3.3 and "Whose row it is", and on purpose not
//! from the code.

use entity::vocabulary::{
    DataClass::{self, Identity, ReferralClinical, ReferralStatus},
    PurposeOfUse,
    Role::{self, Client, Coordinator, Peer, PrivacyOfficer, Referrer, Supervisor},
};

/// A referral, by what became of its consent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Story {
    Draft,
    Offered,
    Connected,
    Narrow,
    Expired,
    RevokedBeforeAnswer,
    RevokedBeforeContact,
    RevokedAfterContact,
    Elsewhere,
}

/// Where a story has come to when everyone asks.
pub(crate) struct Stage {
    pub(crate) story: Story,
    submitted: bool,
    accepted: bool,
    /// Whether a peer supports the client now.
    supported: bool,
    /// What the consent lets the two tell each other, for treatment.
    pub(crate) covers: &'static [DataClass],
    /// Whether the consent still holds.
    holds: bool,
}

const ALL: &[DataClass] = &[Identity, ReferralClinical, ReferralStatus];

pub(crate) const STAGES: &[Stage] = &[
    Stage { story: Story::Draft, submitted: false, accepted: false, supported: false, covers: ALL, holds: true },
    Stage { story: Story::Offered, submitted: true, accepted: false, supported: false, covers: ALL, holds: true },
    Stage { story: Story::Connected, submitted: true, accepted: true, supported: true, covers: ALL, holds: true },
    Stage { story: Story::Narrow, submitted: true, accepted: true, supported: false, covers: &[Identity], holds: true },
    Stage { story: Story::Expired, submitted: true, accepted: false, supported: false, covers: ALL, holds: false },
    Stage { story: Story::RevokedBeforeAnswer, submitted: true, accepted: false, supported: false, covers: ALL, holds: false },
    Stage { story: Story::RevokedBeforeContact, submitted: true, accepted: true, supported: false, covers: ALL, holds: false },
    Stage { story: Story::RevokedAfterContact, submitted: true, accepted: true, supported: true, covers: ALL, holds: false },
    Stage { story: Story::Elsewhere, submitted: true, accepted: true, supported: true, covers: ALL, holds: true },
];

/// Where someone works, as the referral sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Post {
    /// The program that sent it.
    Sender,
    /// Another program of that organization.
    SenderElsewhere,
    /// The program that received it.
    Receiver,
    /// Another program of that organization.
    ReceiverElsewhere,
    /// Another organization.
    Stranger,
    /// One that the receiver released data to in a medical emergency.
    Hospital,
}

/// What is read of a referral on one of its sides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    /// That there is one.
    Sent,
    /// A: the sender's record of the person, and what was disclosed of it.
    SentPerson,
    /// B: the facts of discharge.
    SentClinical,
    /// M: the consent, who signed it and how it was revoked.
    SentConsent,
    /// M: to whom the sender disclosed what.
    SentDisclosures,
    /// That it is offered to several programs.
    SentOffer,
    /// B2, told back: where it stands, what was said to it, messages of both sides, the peer as everyone may know them.
    FlowsBack,
    /// B2, told back: that there is something to do.
    SentWork,
    /// That there is an offer, which tells neither whose nor of whom.
    ReceivedOffer,
    /// That there is one.
    Received,
    /// A: the person as disclosed.
    ReceivedPerson,
    /// B: the facts as disclosed.
    ReceivedClinical,
    /// That there is a consent.
    ReceivedConsent,
    /// M: who signed it, which is most often the client.
    Signer,
    /// B2: how it goes is the receiver's own.
    Kept,
    /// B2: what there is to do about it.
    ReceivedWork,
    /// The receiver's own record of the person.
    Record,
    /// C: contacts, episodes, pairings.
    Care,
    /// C: that a contact with the client was planned, and nothing was logged of it.
    FollowUp,
    /// C: what the peer noted.
    Note,
    /// M: to whom the receiver disclosed what.
    ReceivedDisclosures,
    /// A and B of the receiver's record, released in an emergency.
    Released,
    /// That the staff of the organization to which it was released read it: an organization audits its own.
    Audited,
    /// That the emergency is to be reviewed.
    Review,
    /// That all that is held about the person was written down for them.
    Export,
    /// That this is in the log.
    ExportLog,
}

/// Who of a side, of those with the role.
enum Who {
    /// Those of the program (superscript p).
    Program,
    /// All of the organization.
    Organization,
    /// The peer who supports the client (superscript a).
    Assigned,
}

/// What else must hold.
enum Needs {
    Nothing,
    Submission,
    Acceptance,
    /// The class was disclosed: before acceptance under a consent that holds, for its purpose; afterwards it is the receiver's own.
    Disclosure(DataClass),
    /// A consent lets it flow back, for its purpose; a draft has nobody to flow back from.
    FlowBack,
    /// It was released in an emergency, for that purpose (42 CFR 2.51).
    Emergency,
}

/// A row: what, which roles, who of them, what else must hold.
type Row = (Part, &'static [Role], Who, Needs);

/// What a client of a side reads: nothing of the other side but what was sent, or is told back. Whatever a consent covers for their
/// organization it covers for them; of the one story that has clients who ask it covers all.
const OF_ONESELF: &[Part] = &[
    Part::Sent,
    Part::SentPerson,
    Part::SentClinical,
    Part::SentConsent,
    Part::SentDisclosures,
    Part::FlowsBack,
    Part::Received,
    Part::ReceivedPerson,
    Part::ReceivedClinical,
    Part::ReceivedConsent,
    Part::Signer,
    Part::Kept,
    Part::Record,
    Part::Care,
    Part::ReceivedDisclosures,
    Part::Export,
];

/// Part × roles. Everyone else sees nothing: administrators, analysts, billing, moderators, and PEER who is not assigned.
const ROWS: &[Row] = &[
    (Part::Sent, &[Referrer, Coordinator, Supervisor], Who::Program, Needs::Nothing),
    (Part::Sent, &[PrivacyOfficer], Who::Organization, Needs::Nothing),
    (Part::SentPerson, &[Referrer, Coordinator, Supervisor], Who::Program, Needs::Nothing),
    (Part::SentPerson, &[PrivacyOfficer], Who::Organization, Needs::Nothing),
    (Part::SentClinical, &[Referrer, Coordinator, Supervisor], Who::Program, Needs::Nothing),
    (Part::SentOffer, &[Referrer, Coordinator, Supervisor], Who::Program, Needs::Nothing),
    (Part::SentOffer, &[PrivacyOfficer], Who::Organization, Needs::Nothing),
    (Part::ReceivedOffer, &[Coordinator, Supervisor], Who::Program, Needs::Nothing),
    (Part::SentConsent, &[Referrer, Coordinator], Who::Program, Needs::Nothing),
    (Part::SentConsent, &[PrivacyOfficer], Who::Organization, Needs::Nothing),
    (Part::SentDisclosures, &[PrivacyOfficer], Who::Organization, Needs::Nothing),
    (Part::FlowsBack, &[Referrer, Coordinator, Supervisor], Who::Program, Needs::FlowBack),
    (Part::FlowsBack, &[PrivacyOfficer], Who::Organization, Needs::FlowBack),
    (Part::SentWork, &[Referrer, Coordinator, Supervisor], Who::Program, Needs::FlowBack),
    (Part::SentWork, &[PrivacyOfficer], Who::Organization, Needs::FlowBack),
    (Part::Received, &[Coordinator, Supervisor], Who::Program, Needs::Submission),
    (Part::Received, &[PrivacyOfficer], Who::Organization, Needs::Submission),
    (Part::Received, &[Peer], Who::Assigned, Needs::Submission),
    (Part::ReceivedPerson, &[Coordinator, Supervisor], Who::Program, Needs::Disclosure(Identity)),
    (Part::ReceivedPerson, &[PrivacyOfficer], Who::Organization, Needs::Disclosure(Identity)),
    (Part::ReceivedPerson, &[Peer], Who::Assigned, Needs::Disclosure(Identity)),
    (Part::ReceivedClinical, &[Coordinator, Supervisor], Who::Program, Needs::Disclosure(ReferralClinical)),
    (Part::ReceivedClinical, &[Peer], Who::Assigned, Needs::Disclosure(ReferralClinical)),
    (Part::ReceivedConsent, &[Coordinator], Who::Program, Needs::Submission),
    (Part::ReceivedConsent, &[PrivacyOfficer], Who::Organization, Needs::Submission),
    (Part::Signer, &[Coordinator], Who::Program, Needs::Disclosure(Identity)),
    (Part::Signer, &[PrivacyOfficer], Who::Organization, Needs::Disclosure(Identity)),
    (Part::Kept, &[Coordinator, Supervisor], Who::Program, Needs::Submission),
    (Part::Kept, &[PrivacyOfficer], Who::Organization, Needs::Submission),
    (Part::Kept, &[Peer], Who::Assigned, Needs::Submission),
    (Part::ReceivedWork, &[Coordinator, Supervisor], Who::Program, Needs::Submission),
    (Part::ReceivedWork, &[PrivacyOfficer], Who::Organization, Needs::Submission),
    (Part::ReceivedWork, &[Peer], Who::Assigned, Needs::Submission),
    (Part::Record, &[Coordinator, Supervisor], Who::Program, Needs::Acceptance),
    (Part::Record, &[PrivacyOfficer], Who::Organization, Needs::Acceptance),
    (Part::Record, &[Peer], Who::Assigned, Needs::Acceptance),
    (Part::Care, &[Coordinator, Supervisor], Who::Program, Needs::Acceptance),
    (Part::Care, &[Peer], Who::Assigned, Needs::Acceptance),
    (Part::FollowUp, &[Coordinator, Supervisor], Who::Program, Needs::Acceptance),
    (Part::FollowUp, &[Peer], Who::Assigned, Needs::Acceptance),
    (Part::Note, &[Supervisor], Who::Program, Needs::Acceptance),
    (Part::Note, &[Peer], Who::Assigned, Needs::Acceptance),
    (Part::ReceivedDisclosures, &[PrivacyOfficer], Who::Organization, Needs::Nothing),
    (Part::Released, &[Referrer, Coordinator, Supervisor, Peer], Who::Organization, Needs::Emergency),
    (Part::Audited, &[PrivacyOfficer], Who::Organization, Needs::Nothing),
    (Part::Review, &[PrivacyOfficer], Who::Organization, Needs::Acceptance),
    (Part::Export, &[PrivacyOfficer], Who::Organization, Needs::Acceptance),
    (Part::ExportLog, &[PrivacyOfficer], Who::Organization, Needs::Acceptance),
];

impl Part {
    /// The program and the organization on whose side it is read.
    fn side(self) -> [Post; 2] {
        match self {
            Self::Sent
            | Self::SentPerson
            | Self::SentClinical
            | Self::SentConsent
            | Self::SentOffer
            | Self::SentDisclosures
            | Self::FlowsBack
            | Self::SentWork => [Post::Sender, Post::SenderElsewhere],
            Self::Released | Self::Audited => [Post::Hospital, Post::Hospital],
            _ => [Post::Receiver, Post::ReceiverElsewhere],
        }
    }
}

/// Someone who asks.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reader {
    pub(crate) post: Post,
    pub(crate) role: Role,
    pub(crate) purpose: Option<PurposeOfUse>,
    /// Whether they are the peer of those stories that have one.
    pub(crate) assigned: bool,
}

/// Whether someone may see a part of a story.
pub(crate) fn may_see(reader: Reader, part: Part, story: Story) -> bool {
    let stage = STAGES.iter().find(|stage| stage.story == story).unwrap();
    let under_consent = |class| stage.covers.contains(&class) && stage.holds && reader.purpose == Some(PurposeOfUse::Treatment);
    if reader.role == Client {
        return story == Story::Connected && OF_ONESELF.contains(&part) && reader.post == part.side()[0];
    }
    story != Story::Elsewhere
        && ROWS.iter().any(|(of, roles, who, needs)| {
            let [program, elsewhere] = of.side();
            let reached = match who {
                Who::Program => reader.post == program,
                Who::Organization => reader.post == program || reader.post == elsewhere,
                Who::Assigned => reader.post == program && reader.assigned && stage.supported,
            };
            let holds = match needs {
                Needs::Nothing => true,
                Needs::Submission => stage.submitted,
                Needs::Acceptance => stage.accepted,
                Needs::Disclosure(class) => stage.submitted && stage.covers.contains(class) && (stage.accepted || under_consent(*class)),
                Needs::Emergency => story == Story::Connected && reader.purpose == Some(PurposeOfUse::Emergency),
                Needs::FlowBack => !stage.submitted || under_consent(ReferralStatus),
            };
            *of == part && roles.contains(&reader.role) && reached && holds
        })
}

/// A field of a root type that tells of referrals: its arguments, and what it shows to all who may see that.
pub(crate) struct Telling {
    pub(crate) name: &'static str,
    pub(crate) arguments: &'static str,
    pub(crate) shows: &'static [Part],
    /// Whether those ask it as well who come without a purpose, for another one, or without anything that could open a gate. Between
    /// them these fields show all that the others do.
    pub(crate) always: bool,
}

const fn telling(name: &'static str, arguments: &'static str, shows: &'static [Part]) -> Telling {
    Telling { name, arguments, shows, always: false }
}

const fn always(name: &'static str, arguments: &'static str, shows: &'static [Part]) -> Telling {
    Telling { name, arguments, shows, always: true }
}

const REFERRAL: &[Part] = &[
    Part::Sent,
    Part::SentPerson,
    Part::SentClinical,
    Part::SentConsent,
    Part::FlowsBack,
    Part::Received,
    Part::ReceivedPerson,
    Part::ReceivedClinical,
    Part::ReceivedConsent,
    Part::Signer,
    Part::Kept,
    Part::Record,
];

/// Every field that tells of referrals.
pub(crate) const TELLING: &[Telling] = &[
    always("Query.node", "id: \"{node}\"", &[]),
    telling("Query.nodes", "ids: [{nodes}]", &[]),
    telling("Query.clients", "first: 100", &[Part::SentPerson, Part::Record]),
    telling("Query.client", "id: \"{theirs}\"", &[Part::SentPerson, Part::SentDisclosures]),
    telling("Query.client", "id: \"{ours}\"", &[Part::Record, Part::ReceivedDisclosures, Part::Released]),
    always("Query.referrals", "first: 100", REFERRAL),
    telling("Query.referral", "id: \"{referral}\"", REFERRAL),
    always("Query.referralOffers", "first: 100", &[Part::SentOffer, Part::ReceivedOffer]),
    telling("Query.node", "id: \"{offer}\"", &[Part::SentOffer, Part::ReceivedOffer]),
    telling("Query.peers", "first: 100", &[]),
    always("Query.contacts", "first: 100", &[Part::Care, Part::Note]),
    telling("Query.explainAccess", "clientId: \"{ours}\", dataClass: IDENTITY, purpose: TREATMENT", &[]),
    telling("Query.explainAccess", "clientId: \"{theirs}\", dataClass: REFERRAL_STATUS, purpose: TREATMENT", &[]),
    telling("Query.events", "last: 100", &[]),
    telling("Query.auditEvents", "last: 100", &[]),
    always("Query.workItems", "first: 100", &[Part::SentWork, Part::ReceivedWork, Part::FollowUp]),
    telling("Subscription.workItemChanged", "after: \"{start}\"", &[]),
    always("Subscription.referralChanged", "after: \"{start}\"", &[]),
    telling("Subscription.referralOfferChanged", "after: \"{start}\"", &[Part::SentOffer, Part::ReceivedOffer]),
    telling("Subscription.events", "after: \"{start}\"", &[]),
    telling("Query.bulkOperation", "id: \"{export}\"", &[Part::Export]),
    telling("Subscription.bulkOperationProgress", "id: \"{export}\"", &[Part::Export]),
    telling("Mutation.clientDataExport", "clientId: \"{spareKept}\"", &[]),
    telling("Mutation.clientAccessInvite", "clientId: \"{spareKept}\", contactMethodId: \"1\"", &[]),
    telling("Mutation.clientAccessRevoke", "clientId: \"{spareInvited}\"", &[]),
    telling("Mutation.clientUpdate", "input: { id: \"{spareKept}\", interpreterNeeded: true }", &[]),
    telling("Mutation.milestoneSet", "clientId: \"{spareKept}\", kind: RECOVERY, startedOn: \"2026-03-01\"", &[]),
    telling("Mutation.clientMerge", "keepId: \"{spareKept}\", mergeId: \"{spareMerged}\"", &[]),
    telling("Mutation.clientUnmerge", "id: \"{spareParted}\"", &[]),
    telling("Mutation.clientErase", "id: \"{spareErased}\", reason: \"Asked for it\"", &[]),
    telling(
        "Mutation.consentRecord",
        "input: { clientId: \"{theirs}\", consent: { kind: CONTACT_CHANNELS, dataClasses: [], purposes: [], signedAt: \"2026-03-01T12:00:00Z\", signedBy: \"Somebody\", signerCapacity: SELF, signatureMethod: PAPER, neverExpires: true } }",
        &[],
    ),
    telling("Mutation.consentConfirm", "id: \"{consent}\"", &[]),
    telling("Mutation.consentRevoke", "id: \"{spareConsent}\", how: \"In person\", written: true", &[]),
    telling("Mutation.referralCreate", "input: { clientId: \"{theirs}\", urgency: ROUTINE, dischargeType: NOT_YET_DISCHARGED }", &[]),
    telling("Mutation.referralSubmit", "id: \"{spareDraft}\"", &[]),
    telling(
        "Mutation.referralOfferOpen",
        "input: { referralId: \"{spareUnasked}\", programIds: [\"{receiver}\"], region: \"NY\", expiresAt: \"2026-03-03T12:00:00Z\" }",
        &[],
    ),
    telling("Mutation.referralOfferClaim", "id: \"{spareOffer}\", programId: \"{receiver}\"", &[]),
    telling("Mutation.referralOfferWithdraw", "id: \"{spareRegret}\"", &[]),
    telling("Mutation.referralAccept", "id: \"{spareOffered}\"", &[]),
    telling("Mutation.referralDecline", "id: \"{spareUnwanted}\", reason: NO_CAPACITY", &[]),
    telling("Mutation.referralCancel", "id: \"{spareWithdrawn}\", reason: REQUESTER_WITHDREW", &[]),
    telling("Mutation.referralAssign", "id: \"{spareAccepted}\", peerId: \"{peer}\", clientChose: false", &[]),
    telling("Mutation.referralUpdate", "input: { id: \"{spareChanged}\", urgency: URGENT }", &[]),
    telling("Mutation.referralRequestInfo", "id: \"{spareUnclear}\", fields: [\"phone\"], text: \"Which?\"", &[]),
    telling("Mutation.referralAnswerInfo", "id: \"{spareAsked}\", text: \"The first\"", &[]),
    telling("Mutation.referralWaitlist", "id: \"{spareWaiting}\", text: \"Full\", nextReviewAt: \"2026-03-06T12:00:00Z\"", &[]),
    telling("Mutation.referralUnassign", "id: \"{spareLeft}\", text: \"On leave\"", &[]),
    telling(
        "Mutation.referralRecordWarmHandoff",
        "id: \"{spareIntroduced}\", input: { method: VIDEO, occurredAt: \"2026-03-02T11:00:00Z\", peerId: \"{peer}\", clientPresent: true, minutes: 20 }",
        &[],
    ),
    telling("Mutation.referralClientDeclines", "id: \"{spareUnwilling}\", reason: NOT_NOW", &[]),
    telling("Mutation.referralNotReached", "id: \"{spareUnreached}\"", &[]),
    telling("Mutation.workItemAssign", "id: \"{spareWork}\", staffMemberId: \"{colleague}\"", &[]),
    telling("Mutation.workItemApprove", "id: \"{spareApproved}\"", &[]),
    telling("Mutation.workItemReject", "id: \"{spareRejected}\", note: \"Once more\"", &[]),
    telling(
        "Mutation.emergencyAccess",
        "clientId: \"{ours}\", recipientName: \"Dr. Reed\", facility: \"Mercy Hospital\", nature: \"Found unconscious\"",
        &[],
    ),
    telling("Mutation.referralHold", "id: \"{spareHeld}\", text: \"Away\", reviewAt: \"2026-03-09T12:00:00Z\"", &[]),
    telling("Mutation.referralResume", "id: \"{spareResumed}\"", &[]),
    telling("Mutation.referralMarkEnteredInError", "id: \"{spareMistaken}\", text: \"Another person\"", &[]),
    telling("Mutation.episodeEnd", "id: \"{spareEpisode}\", reason: GOALS_MET", &[]),
    telling("Mutation.referralComplete", "id: \"{spareConnected}\", result: ENGAGED", &[]),
    always("Mutation.referralSendMessage", "id: \"{referral}\", body: \"Thank you\"", &[]),
    telling("Mutation.peerCreate", "input: { staffMemberId: \"{colleague}\", programId: \"{receiver}\", displayName: \"Robin\" }", &[]),
    telling("Mutation.contactAddendum", "id: \"{contact}\", text: \"He called back\"", &[]),
    telling(
        "Mutation.contactLog",
        "input: { clientId: \"{ours}\", modality: PHONE, outcome: NO_ANSWER, startedAt: \"2026-03-02T11:00:00Z\" }",
        &[],
    ),
    telling(
        "Mutation.contactSchedule",
        "input: { clientId: \"{ours}\", modality: IN_PERSON, scheduledFor: \"2026-03-03T12:00:00Z\" }",
        &[],
    ),
];

/// The types of rows that a referral brings, with the placeholder of their ids.
pub(crate) const KINDS: &[(&str, &str)] = &[
    ("Client", "theirs"),
    ("Client", "ours"),
    ("Consent", "consent"),
    ("Disclosure", "disclosure"),
    ("Referral", "referral"),
    ("ReferralMessage", "message"),
    ("ReferralOffer", "offer"),
    ("Episode", "episode"),
    ("Peer", "peer"),
    ("PeerMatch", "match"),
    ("Contact", "contact"),
    ("WorkItem", "work"),
    ("BulkOperation", "export"),
];
