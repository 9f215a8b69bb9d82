//! The vocabularies: enumerations that are columns and that the API speaks. In the database each is its API name as text.

use async_graphql::Enum;
use sea_orm::DeriveValueType;
use serde::{Deserialize, Serialize};

/// A text that is no value of a vocabulary, whose name it holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnknownWord(pub &'static str);

impl std::fmt::Display for UnknownWord {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "not a value of {}", self.0)
    }
}

impl std::error::Error for UnknownWord {}

macro_rules! vocabulary {
    ($($(#[$doc:meta])* $Name:ident { $($Value:ident = $text:literal),* $(,)? })*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, DeriveValueType, Enum, Serialize, Deserialize)]
        #[sea_orm(value_type = "String")]
        pub enum $Name {
            $(
                #[doc = concat!("`", $text, "`")]
                #[graphql(name = $text)]
                #[serde(rename = $text)]
                $Value,
            )*
        }

        impl $Name {
            /// Every value, in the order in which the API lists them.
            pub const ALL: &[Self] = &[$(Self::$Value),*];

            /// The value as the API and the database write it.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$Value => $text),*
                }
            }
        }

        impl std::fmt::Display for $Name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl std::str::FromStr for $Name {
            type Err = UnknownWord;

            fn from_str(text: &str) -> Result<Self, UnknownWord> {
                Self::ALL.iter().copied().find(|value| value.as_str() == text).ok_or(UnknownWord(stringify!($Name)))
            }
        }
    )*};
}

vocabulary! {
    /// What an organization is.
    OrganizationKind {
        TreatmentProvider = "TREATMENT_PROVIDER", RecoveryCommunityOrganization = "RECOVERY_COMMUNITY_ORGANIZATION",
        PartnerApp = "PARTNER_APP", Funder = "FUNDER",
    }

    /// What an organization is under 42 CFR Part 2 (2.11). Asked of it, never guessed (domain 3.1).
    Part2Status {
        Part2Program = "PART2_PROGRAM", LawfulHolder = "LAWFUL_HOLDER", Intermediary = "INTERMEDIARY", NotPart2 = "NOT_PART2",
    }

    /// What an organization is under HIPAA (45 CFR 160.103).
    HipaaStatus {
        CoveredEntity = "COVERED_ENTITY", BusinessAssociate = "BUSINESS_ASSOCIATE", Neither = "NEITHER",
    }

    /// Which claim of an outside token says who it is: the issuer's own name for the person, or their e-mail address.
    SubjectClaim { Sub = "SUB", Email = "EMAIL" }

    /// What someone does here; what each role may see and do is in the policy table (domain 3.3).
    Role {
        Administrator = "ADMINISTRATOR", Referrer = "REFERRER", Coordinator = "COORDINATOR", Peer = "PEER",
        Supervisor = "SUPERVISOR", Billing = "BILLING", Analyst = "ANALYST", Moderator = "MODERATOR",
        PrivacyOfficer = "PRIVACY_OFFICER", PartnerApp = "PARTNER_APP", Client = "CLIENT",
    }

    /// The edition of the ASAM criteria a code is from. Codes are never translated between editions silently (domain 1.1).
    AsamEdition {
        Third = "THIRD", Fourth = "FOURTH",
    }

    /// Whether a program can take someone on (domain 2.10). Computed, never typed in.
    ProgramCapacity {
        Capacity = "CAPACITY", Waitlist = "WAITLIST", NoCapacity = "NO_CAPACITY",
        AdditionalAssessmentRequired = "ADDITIONAL_ASSESSMENT_REQUIRED",
    }

    /// Gender, as the person says.
    Gender {
        Woman = "WOMAN", Man = "MAN", Nonbinary = "NONBINARY", Other = "OTHER", Declined = "DECLINED", Unknown = "UNKNOWN",
    }

    /// Race and ethnicity, as the person says; several may hold (SPD 15, 2024).
    RaceEthnicity {
        AmericanIndianOrAlaskaNative = "AMERICAN_INDIAN_OR_ALASKA_NATIVE", Asian = "ASIAN",
        BlackOrAfricanAmerican = "BLACK_OR_AFRICAN_AMERICAN", HispanicOrLatino = "HISPANIC_OR_LATINO",
        MiddleEasternOrNorthAfrican = "MIDDLE_EASTERN_OR_NORTH_AFRICAN",
        NativeHawaiianOrPacificIslander = "NATIVE_HAWAIIAN_OR_PACIFIC_ISLANDER", White = "WHITE", Declined = "DECLINED",
        Unknown = "UNKNOWN",
    }

    /// What a match with a peer can be judged by (domain 5).
    MatchCriterionKind {
        Language = "LANGUAGE", Pathway = "PATHWAY", Experience = "EXPERIENCE", Gender = "GENDER", Community = "COMMUNITY",
        LifeStage = "LIFE_STAGE", Availability = "AVAILABILITY", Modality = "MODALITY",
    }

    /// What a client counts days from (domain 6.7): each has a meaning of their own, and none has to be.
    MilestoneKind {
        Abstinence = "ABSTINENCE", Recovery = "RECOVERY", MoudStart = "MOUD_START", Program = "PROGRAM", Custom = "CUSTOM",
    }

    /// How someone can be reached.
    ContactMethodKind {
        Phone = "PHONE", Sms = "SMS", Email = "EMAIL", Video = "VIDEO", Mail = "MAIL",
    }

    /// The way of recovery a person names.
    RecoveryPathway {
        MedicationAssisted = "MEDICATION_ASSISTED", TwelveStep = "TWELVE_STEP", Secular = "SECULAR", Faith = "FAITH",
        HarmReduction = "HARM_REDUCTION", Cultural = "CULTURAL", Undecided = "UNDECIDED",
    }

    /// What someone has lived through and names themselves (domain 4.2).
    Experience {
        Alcohol = "ALCOHOL", Opioids = "OPIOIDS", Stimulants = "STIMULANTS", Cannabis = "CANNABIS",
        Benzodiazepines = "BENZODIAZEPINES", OtherSubstance = "OTHER_SUBSTANCE", Moud = "MOUD",
        CoOccurringMentalHealth = "CO_OCCURRING_MENTAL_HEALTH", JusticeInvolvement = "JUSTICE_INVOLVEMENT",
        Homelessness = "HOMELESSNESS", Parenting = "PARENTING", ChildWelfare = "CHILD_WELFARE", Military = "MILITARY",
        Trauma = "TRAUMA", Lgbtq = "LGBTQ", Faith = "FAITH", FamilyMemberInRecovery = "FAMILY_MEMBER_IN_RECOVERY",
        YoungAdult = "YOUNG_ADULT", OlderAdult = "OLDER_ADULT",
    }

    /// The classes of protected data that a consent can cover (domain 3.3).
    DataClass {
        Identity = "IDENTITY", ReferralClinical = "REFERRAL_CLINICAL", ReferralStatus = "REFERRAL_STATUS",
        ContactsAndNotes = "CONTACTS_AND_NOTES", Outcomes = "OUTCOMES", Alerts = "ALERTS",
    }

    /// Why data is asked for.
    PurposeOfUse {
        Treatment = "TREATMENT", Payment = "PAYMENT", Operations = "OPERATIONS", PatientRequest = "PATIENT_REQUEST",
        Emergency = "EMERGENCY", AuditEvaluation = "AUDIT_EVALUATION", Research = "RESEARCH", PublicHealth = "PUBLIC_HEALTH",
    }

    /// The kinds of consent (domain 3.2).
    ConsentKind {
        TpoSingle = "TPO_SINGLE", Specific = "SPECIFIC", Intermediary = "INTERMEDIARY", LegalProceeding = "LEGAL_PROCEEDING",
        Research = "RESEARCH", CriminalJustice = "CRIMINAL_JUSTICE", PartnerStatusFeedback = "PARTNER_STATUS_FEEDBACK",
        CommunityTerms = "COMMUNITY_TERMS", ContactChannels = "CONTACT_CHANNELS",
    }

    /// Where a consent stands. Derived from its elements, its expiry and its revocation.
    ConsentStatus {
        Draft = "DRAFT", Active = "ACTIVE", Expired = "EXPIRED", Revoked = "REVOKED", Invalid = "INVALID",
    }

    /// As what someone signed.
    SignerCapacity {
        Oneself = "SELF", Parent = "PARENT", Guardian = "GUARDIAN", PersonalRepresentative = "PERSONAL_REPRESENTATIVE",
    }

    /// How a consent was signed.
    SignatureMethod {
        Paper = "PAPER", Electronic = "ELECTRONIC", Oral = "ORAL",
    }

    /// Recipients named by class (42 CFR 2.31(a)(4)), resolved at reading.
    RecipientClass {
        TreatingProviders = "TREATING_PROVIDERS", HealthPlans = "HEALTH_PLANS", Payers = "PAYERS",
        ProgramOperations = "PROGRAM_OPERATIONS",
    }

    /// What ends a consent; each is fired by a transition.
    ExpiryEvent {
        EpisodeEnds = "EPISODE_ENDS", ReferralCloses = "REFERRAL_CLOSES", ResearchEnds = "RESEARCH_ENDS",
    }

    /// The states of a referral (domain 2.2).
    ReferralStatus {
        Draft = "DRAFT", Submitted = "SUBMITTED", NeedsInfo = "NEEDS_INFO", Waitlisted = "WAITLISTED", Accepted = "ACCEPTED",
        Assigned = "ASSIGNED", Outreach = "OUTREACH", Connected = "CONNECTED", OnHold = "ON_HOLD", Completed = "COMPLETED",
        Declined = "DECLINED", ClientDeclined = "CLIENT_DECLINED", NotReached = "NOT_REACHED", Cancelled = "CANCELLED",
        Expired = "EXPIRED", EnteredInError = "ENTERED_IN_ERROR",
    }

    /// How soon someone should be met.
    ReferralUrgency {
        Routine = "ROUTINE", Urgent = "URGENT",
    }

    /// Where the offer of a referral to several programs stands.
    OfferStatus {
        Open = "OPEN", Claimed = "CLAIMED", Withdrawn = "WITHDRAWN", Expired = "EXPIRED",
    }

    /// What has to happen in time while someone is handed over (domain 2.4).
    ClockKind {
        Acknowledge = "ACKNOWLEDGE", FirstAttempt = "FIRST_ATTEMPT", FirstContact = "FIRST_CONTACT", Engage = "ENGAGE",
    }

    /// What a clock counts: hours as they pass; days of the program's time zone, to the same time of day; hours in which the program is
    /// staffed; or days on which it is.
    ClockUnit {
        Hours = "HOURS", Days = "DAYS", StaffedHours = "STAFFED_HOURS", BusinessDays = "BUSINESS_DAYS",
    }

    /// The days of the week.
    Weekday {
        Monday = "MONDAY", Tuesday = "TUESDAY", Wednesday = "WEDNESDAY", Thursday = "THURSDAY", Friday = "FRIDAY",
        Saturday = "SATURDAY", Sunday = "SUNDAY",
    }

    /// Who asks for support.
    ReferralOrigin {
        Program = "PROGRAM", Oneself = "SELF", Community = "COMMUNITY",
    }

    /// Why treatment ended; the numbers of the TEDS-D file are in domain 1.2.
    DischargeType {
        Completed = "COMPLETED", DroppedOut = "DROPPED_OUT", TerminatedByFacility = "TERMINATED_BY_FACILITY",
        Transferred = "TRANSFERRED", Incarcerated = "INCARCERATED", Deceased = "DECEASED", Other = "OTHER",
        NotYetDischarged = "NOT_YET_DISCHARGED", Unknown = "UNKNOWN",
    }

    /// Why a referral was declined, withdrawn or ended (domain 2.3).
    ReasonCode {
        NoCapacity = "NO_CAPACITY", OutsideArea = "OUTSIDE_AREA", NotEligible = "NOT_ELIGIBLE",
        NeedsHigherLevel = "NEEDS_HIGHER_LEVEL", Duplicate = "DUPLICATE", ModalityNotOffered = "MODALITY_NOT_OFFERED",
        NotNow = "NOT_NOW", PrefersOtherSupport = "PREFERS_OTHER_SUPPORT", PrivacyConcern = "PRIVACY_CONCERN", Moved = "MOVED",
        ServedElsewhere = "SERVED_ELSEWHERE", ConsentRevoked = "CONSENT_REVOKED", Readmitted = "READMITTED",
        Incarcerated = "INCARCERATED", Deceased = "DECEASED", RequesterWithdrew = "REQUESTER_WITHDREW", Other = "OTHER",
    }

    /// What a completed referral came to.
    ReferralResult {
        Engaged = "ENGAGED", SingleContactOnly = "SINGLE_CONTACT_ONLY", LinkedElsewhere = "LINKED_ELSEWHERE",
    }

    /// The kinds of support.
    ServiceKind {
        OneOnOne = "ONE_ON_ONE", Telephone = "TELEPHONE", SupportGroup = "SUPPORT_GROUP", Workshop = "WORKSHOP",
        OnlineCommunity = "ONLINE_COMMUNITY", RecoveryPlanning = "RECOVERY_PLANNING",
    }

    /// Why an episode of support ended.
    EpisodeEndReason {
        GoalsMet = "GOALS_MET", ClientChoice = "CLIENT_CHOICE", LostContact = "LOST_CONTACT", Transferred = "TRANSFERRED",
        Moved = "MOVED", HigherLevelOfCare = "HIGHER_LEVEL_OF_CARE", Incarcerated = "INCARCERATED", Deceased = "DECEASED",
        ProgramClosed = "PROGRAM_CLOSED",
    }

    /// Where an episode of support stands.
    EpisodeStatus {
        Pending = "PENDING", Active = "ACTIVE", OnHold = "ON_HOLD", Ended = "ENDED",
    }

    /// How people meet.
    Modality {
        InPerson = "IN_PERSON", Online = "ONLINE", Phone = "PHONE", Hybrid = "HYBRID",
    }

    /// What falls due.
    TimerKind {
        Clock = "CLOCK", ReferralExpiry = "REFERRAL_EXPIRY", ReferralReview = "REFERRAL_REVIEW", ConsentExpiry = "CONSENT_EXPIRY",
        ClientMerge = "CLIENT_MERGE",
        OfferExpiry = "OFFER_EXPIRY", ProgramCapacity = "PROGRAM_CAPACITY",
        BulkRun = "BULK_RUN", BulkExpiry = "BULK_EXPIRY", ContactFollowUp = "CONTACT_FOLLOW_UP",
        SessionPlan = "SESSION_PLAN", SeatOffer = "SEAT_OFFER", GuestConfirmation = "GUEST_CONFIRMATION",
        GuestForgotten = "GUEST_FORGOTTEN", FeedRead = "FEED_READ",
    }

    /// What a bulk operation does.
    BulkKind {
        ClientDataExport = "CLIENT_DATA_EXPORT",
    }

    /// The form of what a bulk operation reads or writes.
    BulkFormat { Ndjson = "NDJSON", Csv = "CSV", FhirBundle = "FHIR_BUNDLE" }

    /// What a message says that is sent to somebody.
    MessageKind {
        ClientAccessInvitation = "CLIENT_ACCESS_INVITATION", RegistrationConfirmation = "REGISTRATION_CONFIRMATION",
        SeatOffered = "SEAT_OFFERED", SessionCancelled = "SESSION_CANCELLED", SessionMoved = "SESSION_MOVED",
    }

    /// Where a bulk operation stands.
    BulkStatus {
        Queued = "QUEUED", Running = "RUNNING", Done = "DONE", Failed = "FAILED", Cancelled = "CANCELLED",
    }

    /// What somebody has to do; more may come.
    WorkItemKind {
        InfoRequested = "INFO_REQUESTED", ClockDue = "CLOCK_DUE", ClockBreached = "CLOCK_BREACHED", WaitlistReview = "WAITLIST_REVIEW",
        HoldReview = "HOLD_REVIEW", PossibleDuplicate = "POSSIBLE_DUPLICATE", Approval = "APPROVAL",
        EmergencyAccessReview = "EMERGENCY_ACCESS_REVIEW", FollowUpDue = "FOLLOW_UP_DUE", CredentialExpiring = "CREDENTIAL_EXPIRING",
        SupervisionDue = "SUPERVISION_DUE", Moderation = "MODERATION",
    }

    /// What was decided about something that was asked for.
    Decision { Approved = "APPROVED", Rejected = "REJECTED" }

    /// How a client is introduced to their peer (domain 2.7).
    HandoffMethod { InPerson = "IN_PERSON", ThreeWayCall = "THREE_WAY_CALL", Video = "VIDEO" }

    /// Where the pairing of a client and a peer stands.
    PeerMatchStatus {
        Proposed = "PROPOSED", Active = "ACTIVE", Declined = "DECLINED", Ended = "ENDED",
    }

    /// How a contact took place.
    ContactModality {
        InPerson = "IN_PERSON", Phone = "PHONE", Video = "VIDEO", Text = "TEXT", Letter = "LETTER",
    }

    /// What came of a contact. Only COMPLETED counts as two-way.
    ContactOutcome {
        Completed = "COMPLETED", NoAnswer = "NO_ANSWER", LeftSafeMessage = "LEFT_SAFE_MESSAGE", WrongNumber = "WRONG_NUMBER",
        NoShow = "NO_SHOW", CancelledByClient = "CANCELLED_BY_CLIENT", CancelledByPeer = "CANCELLED_BY_PEER",
    }

    /// What people come together for.
    GatheringKind { Workshop = "WORKSHOP", SupportGroup = "SUPPORT_GROUP", ListedMeeting = "LISTED_MEETING" }

    /// The form of a feed: the schedule of somebody else, taken in.
    FeedFormat { MeetingGuide = "MEETING_GUIDE", Bmlt = "BMLT", Ics = "ICS" }

    /// What is wrong with a feed: a closed list, for what a server says is not ours to repeat.
    FeedFailure {
        BadAddress = "BAD_ADDRESS", NotAllowed = "NOT_ALLOWED", NoConnection = "NO_CONNECTION", TimedOut = "TIMED_OUT",
        Redirected = "REDIRECTED", TooLarge = "TOO_LARGE", Broken = "BROKEN", Refused = "REFUSED", Malformed = "MALFORMED",
        Empty = "EMPTY",
    }

    /// Who can find a workshop or group.
    GatheringVisibility {
        Public = "PUBLIC", Partners = "PARTNERS", ClientsOnly = "CLIENTS_ONLY",
    }

    /// Where a session stands.
    SessionStatus {
        Scheduled = "SCHEDULED", Cancelled = "CANCELLED", Held = "HELD",
    }

    /// How someone takes part in a session.
    AttendanceMode {
        InPerson = "IN_PERSON", Online = "ONLINE",
    }

    /// Where a registration stands.
    RegistrationStatus {
        Unconfirmed = "UNCONFIRMED", Registered = "REGISTERED", Waitlisted = "WAITLISTED", Offered = "OFFERED",
        Cancelled = "CANCELLED", Attended = "ATTENDED", Partial = "PARTIAL", NoShow = "NO_SHOW", Excused = "EXCUSED",
    }

    /// Why a registration came to stand where it does. What of it is told is written for whoever reads it.
    StepCause {
        Registered = "REGISTERED", Requested = "REQUESTED", Confirmed = "CONFIRMED", NotConfirmed = "NOT_CONFIRMED", Full = "FULL",
        Others = "OTHERS_WAIT", SeatFree = "SEAT_FREE", FirstCome = "FIRST_COME", SeatTaken = "SEAT_TAKEN", Accepted = "ACCEPTED",
        Lapsed = "LAPSED", Left = "LEFT", Attendance = "ATTENDANCE", Undone = "UNDONE", Linked = "LINKED", Moved = "MOVED",
    }

    /// What happened.
    EventKind {
        ClientCreated = "CLIENT_CREATED", ClientUpdated = "CLIENT_UPDATED", ClientMerged = "CLIENT_MERGED",
        ClientErased = "CLIENT_ERASED", ConsentRecorded = "CONSENT_RECORDED", ConsentRevoked = "CONSENT_REVOKED",
        ReferralCreated = "REFERRAL_CREATED", ReferralStatusChanged = "REFERRAL_STATUS_CHANGED",
        ReferralMessageSent = "REFERRAL_MESSAGE_SENT", ClockWarning = "CLOCK_WARNING", ClockBreached = "CLOCK_BREACHED",
        WarmHandoffRecorded = "WARM_HANDOFF_RECORDED", OfferOpened = "OFFER_OPENED", OfferClaimed = "OFFER_CLAIMED",
        EpisodeStarted = "EPISODE_STARTED", EpisodeEnded = "EPISODE_ENDED", PeerMatched = "PEER_MATCHED",
        PeerMatchEnded = "PEER_MATCH_ENDED", CredentialExpiring = "CREDENTIAL_EXPIRING",
        SupervisionOverdue = "SUPERVISION_OVERDUE", ContactLogged = "CONTACT_LOGGED", CallbackRequested = "CALLBACK_REQUESTED",
        CrisisHandoffRecorded = "CRISIS_HANDOFF_RECORDED", GoalAchieved = "GOAL_ACHIEVED", MilestoneReached = "MILESTONE_REACHED",
        WorkshopPublished = "WORKSHOP_PUBLISHED", WorkshopChanged = "WORKSHOP_CHANGED", SessionChanged = "SESSION_CHANGED",
        SessionCancelled = "SESSION_CANCELLED", RegistrationChanged = "REGISTRATION_CHANGED",
        AssessmentRecorded = "ASSESSMENT_RECORDED", MeasureRecorded = "MEASURE_RECORDED", AlertRaised = "ALERT_RAISED",
        AlertClosed = "ALERT_CLOSED", ModerationOpened = "MODERATION_OPENED", BulkFinished = "BULK_FINISHED",
        WorkItemOpened = "WORK_ITEM_OPENED", WorkItemClosed = "WORK_ITEM_CLOSED",
        ProgramCapacityChanged = "PROGRAM_CAPACITY_CHANGED", ConsentExpired = "CONSENT_EXPIRED",
        ContactScheduled = "CONTACT_SCHEDULED", ReferralUpdated = "REFERRAL_UPDATED", OfferWithdrawn = "OFFER_WITHDRAWN",
        RegistrationOffered = "REGISTRATION_OFFERED", MessageQueued = "MESSAGE_QUEUED", ConsentConfirmed = "CONSENT_CONFIRMED",
        EmergencyAccessOpened = "EMERGENCY_ACCESS_OPENED", OrganizationChanged = "ORGANIZATION_CHANGED",
        ProgramChanged = "PROGRAM_CHANGED", StaffChanged = "STAFF_CHANGED", ApiClientChanged = "API_CLIENT_CHANGED",
        ClientAccessChanged = "CLIENT_ACCESS_CHANGED", PeerChanged = "PEER_CHANGED", CredentialRecorded = "CREDENTIAL_RECORDED",
        SupervisionRecorded = "SUPERVISION_RECORDED", ContactAmended = "CONTACT_AMENDED", CallbackChanged = "CALLBACK_CHANGED",
        OnCallChanged = "ON_CALL_CHANGED", PlanChanged = "PLAN_CHANGED", AlertChanged = "ALERT_CHANGED",
        WorkItemChanged = "WORK_ITEM_CHANGED", CommunityChanged = "COMMUNITY_CHANGED", FundingChanged = "FUNDING_CHANGED",
        WebhookChanged = "WEBHOOK_CHANGED", BulkStarted = "BULK_STARTED", SandboxChanged = "SANDBOX_CHANGED",
        FeedChanged = "FEED_CHANGED", ListedMeetingsChanged = "LISTED_MEETINGS_CHANGED",
    }

    /// Who pays.
    FundingKind {
        Medicaid = "MEDICAID", Medicare = "MEDICARE", SuptrsBg = "SUPTRS_BG", Sor = "SOR", Tor = "TOR",
        OpioidSettlement = "OPIOID_SETTLEMENT", StateGeneral = "STATE_GENERAL", County = "COUNTY",
        PrivateInsurance = "PRIVATE_INSURANCE", Foundation = "FOUNDATION", Donation = "DONATION", SelfPay = "SELF_PAY",
    }

    /// The four dimensions of a recovery plan (SAMHSA).
    PlanDimension {
        Health = "HEALTH", Home = "HOME", Purpose = "PURPOSE", Community = "COMMUNITY",
    }

    /// How well someone speaks a language.
    LanguageProficiency {
        Native = "NATIVE", Professional = "PROFESSIONAL", Conversational = "CONVERSATIONAL",
    }

    /// Which way a list is ordered.
    SortDirection {
        Asc = "ASC", Desc = "DESC",
    }
}

/// A set of values as the bits of one number, for conditions that a database can ask.
macro_rules! bits {
    ($($Name:ident)*) => {$(
        impl $Name {
            /// The bit of this value.
            pub const fn bit(self) -> i32 {
                1 << self as i32
            }

            /// The bits of these values.
            pub fn bits(values: &[Self]) -> i32 {
                values.iter().fold(0, |bits, value| bits | value.bit())
            }
        }
    )*};
}

bits!(DataClass PurposeOfUse);
