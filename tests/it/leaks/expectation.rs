//! Who may see what, written by hand from domain 3.3 and on purpose not from `access/policy.rs`: two people would have to err alike.

use entity::vocabulary::Role::{
    self, Administrator, Analyst, Billing, Client, Coordinator, Moderator, PartnerApp, Peer, PrivacyOfficer, Referrer, Supervisor,
};

/// What a canary stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Class {
    /// That someone is a client at all (42 CFR 2.13(c)): id and pseudonym.
    Person,
    /// What happened to a client.
    ClientEvent,
    /// A.
    Identity,
    /// B.
    Recovery,
    /// Who works there.
    Staff,
    /// How an organization is run, its applications with it.
    Administration,
    /// How a program is run.
    Operations,
    /// What happened that is about no client.
    Event,
    /// M: the audit.
    Audit,
    /// What is not published: drafts, and what is for clients only.
    Draft,
    /// Support groups for clients only.
    Group,
    /// What is published for partners.
    Partners,
    /// An address that only those who registered are told.
    HiddenAddress,
    /// Where people meet online.
    JoinUrl,
    /// How many come to a session.
    Roster,
    /// C: that a client comes to a session.
    Registration,
    /// That a guest does.
    Guest,
    /// What happened to a registration.
    RegistrationEvent,
}

/// Where a canary lives, and where an asker works.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// The first organization's first program.
    Near,
    /// Another program of the same organization.
    Far,
    /// Another organization.
    Abroad,
}

impl Place {
    pub(crate) const ALL: [Self; 3] = [Self::Near, Self::Far, Self::Abroad];

    pub(crate) fn same_organization(self, other: Self) -> bool {
        (self == Self::Abroad) == (other == Self::Abroad)
    }
}

/// How far a role sees a class. No row: nowhere. What is about people never into another organization: there is nothing yet that a
/// consent opens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reach {
    /// In the asker's own program (superscript p).
    Program,
    /// In the asker's whole organization.
    Organization,
    /// Wherever it is.
    Anywhere,
}

impl Reach {
    pub(crate) fn covers(self, asker: Place, canary: Place) -> bool {
        match self {
            Self::Program => asker == canary,
            Self::Organization => asker.same_organization(canary),
            Self::Anywhere => true,
        }
    }
}

const STAFF: &[Role] = &[Administrator, Referrer, Coordinator, Peer, Supervisor, Billing, Analyst, Moderator, PrivacyOfficer];

/// Class × roles. REF sees own referrals and PEER assigned clients: none, before there are either. BILL's minimum of A has no field
/// of its own yet, so the gate stays closed. PRIV reads B by break-glass only, which is not there yet. CLIENT reads what is their own: each
/// program has one, of whom all canaries of the place are; what else they are told is in the list of their own.
pub(crate) const ROLES: &[(Class, &[Role], Reach)] = &[
    (Class::Person, &[Coordinator, Supervisor], Reach::Program),
    (Class::Person, &[PrivacyOfficer], Reach::Organization),
    (Class::ClientEvent, &[Coordinator, Supervisor], Reach::Program),
    (Class::ClientEvent, &[PrivacyOfficer], Reach::Organization),
    (Class::Identity, &[Coordinator, Supervisor], Reach::Program),
    (Class::Identity, &[PrivacyOfficer], Reach::Organization),
    (Class::Recovery, &[Coordinator, Supervisor], Reach::Program),
    (Class::Person, &[Client], Reach::Program),
    (Class::ClientEvent, &[Client], Reach::Program),
    (Class::Identity, &[Client], Reach::Program),
    (Class::Recovery, &[Client], Reach::Program),
    (Class::RegistrationEvent, &[Client], Reach::Program),
    (Class::Staff, STAFF, Reach::Organization),
    (Class::Administration, &[Administrator], Reach::Organization),
    (Class::Operations, STAFF, Reach::Organization),
    (Class::Event, STAFF, Reach::Organization),
    (Class::Audit, &[PrivacyOfficer], Reach::Organization),
    (Class::Draft, STAFF, Reach::Organization),
    (Class::Group, STAFF, Reach::Organization),
    (Class::Partners, STAFF, Reach::Anywhere),
    (Class::Partners, &[PartnerApp], Reach::Anywhere),
    (Class::HiddenAddress, STAFF, Reach::Organization),
    (Class::JoinUrl, &[Coordinator, Supervisor], Reach::Program),
    (Class::Roster, &[Coordinator, Peer, Supervisor], Reach::Program),
    (Class::Registration, &[Coordinator, Supervisor], Reach::Program),
    (Class::RegistrationEvent, &[Coordinator, Supervisor], Reach::Program),
    (Class::Guest, &[Coordinator, Peer, Supervisor], Reach::Program),
];

/// What a token without any scope still shows, by role: colleagues and how programs and what they publish are run, for which there is no
/// scope.
pub(crate) const WITHOUT_SCOPE: &[Class] = &[Class::Staff, Class::Operations, Class::HiddenAddress];

/// A field of a root type: its arguments, and the classes that it shows to all who may see them.
/// `{client}` and so on stand for an id of each place in turn, `{node}` for an id of any kind, `{nodes}` for all, `{n}` for a number,
/// `{start}` for the log's beginning.
pub(crate) struct Field {
    pub(crate) name: &'static str,
    pub(crate) arguments: &'static str,
    pub(crate) shows: &'static [Class],
}

const fn field(name: &'static str, arguments: &'static str, shows: &'static [Class]) -> Field {
    Field { name, arguments, shows }
}

/// Every field of every root type.
pub(crate) const FIELDS: &[Field] = &[
    field("Query.viewer", "", &[Class::Administration]),
    field("Query.analytics", "", &[]),
    field("Query.node", "id: \"{node}\"", &[]),
    field("Query.nodes", "ids: [{nodes}]", &[Class::Person, Class::Identity, Class::Recovery]),
    field("Query.organizations", "first: 100", &[Class::Administration]),
    field("Query.programs", "first: 100", &[Class::Operations, Class::Draft, Class::Partners, Class::HiddenAddress]),
    field("Query.program", "id: \"{program}\"", &[Class::Operations, Class::Draft, Class::Partners, Class::HiddenAddress]),
    field("Query.topics", "", &[]),
    field("Query.workshops", "first: 100", &[Class::Draft, Class::Partners, Class::HiddenAddress, Class::Roster]),
    field("Query.supportGroups", "first: 100", &[Class::Group]),
    field(
        "Query.sessions",
        "first: 100, filter: { includeListed: true }",
        &[Class::Draft, Class::Partners, Class::HiddenAddress, Class::Roster, Class::JoinUrl, Class::Registration],
    ),
    field("Query.session", "id: \"{session}\"", &[Class::HiddenAddress, Class::Roster, Class::JoinUrl, Class::Registration]),
    field("Query.registration", "ticket: \"tkt_none.none\"", &[]),
    field("Query.clients", "first: 100", &[Class::Person, Class::Identity, Class::Recovery]),
    field("Query.client", "id: \"{client}\"", &[Class::Person, Class::Identity, Class::Recovery]),
    field("Query.events", "first: 100", &[Class::Event, Class::ClientEvent, Class::RegistrationEvent, Class::Person]),
    field("Query.event", "id: \"{event}\"", &[]),
    field("Query.auditEvents", "first: 100", &[Class::Audit]),
    field("Mutation.programCreate", "input: { name: \"Program {n}\" }", &[]),
    field("Mutation.programUpdate", "input: { id: \"{program}\", acceptsReferrals: true }", &[]),
    field("Mutation.staffMemberCreate", "input: { displayName: \"New\", roles: [PEER], programIds: [\"{program}\"] }", &[]),
    field("Mutation.apiClientCreate", "input: { name: \"New\", scopes: [], roles: [], programIds: [\"{program}\"] }", &[]),
    field("Mutation.apiClientRotateSecret", "id: \"{application}\"", &[]),
    field("Mutation.apiClientRevoke", "id: \"{application}\"", &[]),
    field(
        "Mutation.clientCreate",
        "input: { givenName: \"New\", familyName: \"Person\", dateOfBirth: \"1980-01-01\", contactMethods: [], \
         externalIdentifiers: [{ system: \"mrn\", value: \"{n}\" }], programIds: [\"{program}\"] }",
        &[],
    ),
    field("Mutation.milestoneSet", "clientId: \"{client}\", kind: CUSTOM, label: \"New {n}\", startedOn: \"2026-03-01\"", &[]),
    field(
        "Mutation.workshopCreate",
        "input: { programId: \"{program}\", title: \"New {n}\", topics: [], modality: ONLINE, visibility: PUBLIC, startsOn: \"2026-03-09\", \
         startTime: \"18:00\", minutes: 60 }",
        &[],
    ),
    field("Mutation.workshopPublish", "id: \"{draft}\"", &[]),
    field(
        "Mutation.workshopUpdate",
        "input: { id: \"{draft}\", title: \"New {n}\", from: \"2026-03-09\", recurrence: \"FREQ=WEEKLY;COUNT=2\" }",
        &[],
    ),
    field(
        "Mutation.supportGroupCreate",
        "input: { programId: \"{program}\", title: \"New {n}\", topics: [], modality: ONLINE, visibility: PUBLIC, startsOn: \"2026-03-09\", \
         startTime: \"18:00\", minutes: 60 }",
        &[],
    ),
    field("Mutation.supportGroupUpdate", "input: { id: \"{group}\", description: \"New {n}\" }", &[]),
    field("Mutation.sessionReschedule", "id: \"{session}\", startsAt: \"2026-03-10T18:00:00Z\"", &[]),
    field(
        "Mutation.registrationCreate",
        "input: { sessionId: \"{partners-session}\", registrant: { clientId: \"{client}\" }, attendance: ONLINE }",
        &[],
    ),
    field("Mutation.registrationLinkClient", "id: \"{guest}\", clientId: \"{client}\"", &[]),
    field("Mutation.registrationConfirm", "code: \"AAAABBBBCCCCDDDD\"", &[]),
    field("Mutation.registrationAcceptOffer", "id: \"{offered}\"", &[]),
    field(
        "Mutation.attendanceRecord",
        "sessionId: \"{group-session}\", entries: [{ registrationId: \"{coming}\", status: ATTENDED }]",
        &[],
    ),
    field("Mutation.attendanceProofIssue", "clientId: \"{client}\", range: { from: \"2026-02-01\", to: \"2026-03-01\" }", &[]),
    field("Mutation.registrationCancel", "id: \"{registration}\"", &[]),
    field("Mutation.sessionCancel", "id: \"{session}\", note: \"New {n}\"", &[]),
    field("Mutation.clientAccessInvite", "clientId: \"{client}\", contactMethodId: \"1\"", &[]),
    field("Mutation.privateCalendarCreate", "", &[]),
    field("Mutation.privateCalendarRevoke", "", &[]),
    // Last: whose access is ended asks for nothing any more.
    field("Mutation.clientAccessRevoke", "clientId: \"{client}\"", &[]),
    field(
        "Subscription.sessionChanged",
        "after: \"{start}\"",
        &[Class::Partners, Class::HiddenAddress, Class::Roster, Class::JoinUrl, Class::Registration],
    ),
    field("Subscription.registrationChanged", "after: \"{start}\"", &[Class::Registration, Class::Guest]),
    field("Subscription.events", "after: \"{start}\"", &[Class::Event, Class::ClientEvent, Class::RegistrationEvent, Class::Person]),
];

/// Every type behind `node`, the placeholder of its ids, and what stands for its rows; nothing where they are public.
pub(crate) const NODES: &[(&str, &str, Option<Class>)] = &[
    ("Organization", "organization", None),
    ("Program", "program", None),
    ("StaffMember", "staff", Some(Class::Staff)),
    ("ApiClient", "application", Some(Class::Administration)),
    ("Client", "client", Some(Class::Person)),
    ("Workshop", "draft", Some(Class::Draft)),
    ("SupportGroup", "group", Some(Class::Group)),
    ("ListedMeeting", "listed", None),
    ("Session", "session", None),
    ("Registration", "registration", Some(Class::Registration)),
    ("Event", "event", Some(Class::Event)),
    ("AuditEvent", "audit", Some(Class::Audit)),
];
