//! Consents, referrals with what comes of them, and the accounting of disclosures.

use sea_orm_migration::prelude::*;

use crate::column::{bytes, flag, id, index, instant, list, nullable, reference, text, version, word};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[rustfmt::skip]
const PURPOSES: &[&str] = &[
    "TREATMENT", "PAYMENT", "OPERATIONS", "PATIENT_REQUEST", "EMERGENCY", "AUDIT_EVALUATION", "RESEARCH", "PUBLIC_HEALTH",
];

#[rustfmt::skip]
const CONSENT_KINDS: &[&str] = &[
    "TPO_SINGLE", "SPECIFIC", "INTERMEDIARY", "LEGAL_PROCEEDING", "RESEARCH", "CRIMINAL_JUSTICE", "PARTNER_STATUS_FEEDBACK",
    "COMMUNITY_TERMS", "CONTACT_CHANNELS",
];

const RECIPIENT_CLASSES: &[&str] = &["TREATING_PROVIDERS", "HEALTH_PLANS", "PAYERS", "PROGRAM_OPERATIONS"];

/// In which a referral occupies its place: one of them per sender, client and program.
const OPEN: &[&str] = &["SUBMITTED", "NEEDS_INFO", "WAITLISTED", "ACCEPTED", "ASSIGNED", "OUTREACH", "CONNECTED", "ON_HOLD"];

const FINAL: &[&str] = &["COMPLETED", "DECLINED", "CLIENT_DECLINED", "NOT_REACHED", "CANCELLED", "EXPIRED", "ENTERED_IN_ERROR"];

#[rustfmt::skip]
const REASONS: &[&str] = &[
    "NO_CAPACITY", "OUTSIDE_AREA", "NOT_ELIGIBLE", "NEEDS_HIGHER_LEVEL", "DUPLICATE", "MODALITY_NOT_OFFERED", "NOT_NOW",
    "PREFERS_OTHER_SUPPORT", "PRIVACY_CONCERN", "MOVED", "SERVED_ELSEWHERE", "CONSENT_REVOKED", "READMITTED", "INCARCERATED",
    "DECEASED", "REQUESTER_WITHDREW", "OTHER",
];

#[rustfmt::skip]
const ROLES: &[&str] = &[
    "ADMINISTRATOR", "REFERRER", "COORDINATOR", "PEER", "SUPERVISOR", "BILLING", "ANALYST", "MODERATOR", "PRIVACY_OFFICER",
    "PARTNER_APP", "CLIENT",
];

#[rustfmt::skip]
const END_REASONS: &[&str] = &[
    "GOALS_MET", "CLIENT_CHOICE", "LOST_CONTACT", "TRANSFERRED", "MOVED", "HIGHER_LEVEL_OF_CARE", "INCARCERATED", "DECEASED",
    "PROGRAM_CLOSED",
];

#[rustfmt::skip]
const OUTCOMES: &[&str] = &[
    "COMPLETED", "NO_ANSWER", "LEFT_SAFE_MESSAGE", "WRONG_NUMBER", "NO_SHOW", "CANCELLED_BY_CLIENT", "CANCELLED_BY_PEER",
];

fn statuses() -> Vec<&'static str> {
    ["DRAFT"].iter().chain(OPEN).chain(FINAL).copied().collect()
}

fn number(name: &'static str) -> ColumnDef {
    ColumnDef::new(name).integer().not_null().take()
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        peers(manager).await?;
        consents(manager).await?;
        referrals(manager).await?;
        support(manager).await?;
        disclosures(manager).await?;
        manager.alter_table(Table::alter().table("event").add_column(nullable(id("referral_id"))).take()).await?;
        manager.create_index(index("event", &["referral_id", "position"])).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_index(Index::drop().name("ix_event_referral_id_position").table("event").to_owned()).await?;
        manager.alter_table(Table::alter().table("event").drop_column("referral_id").take()).await?;
        for table in [
            "disclosure",
            "contact",
            "peer_match",
            "episode",
            "referral_message",
            "referral_transition",
            "referral_search",
            "referral",
            "consent_flow",
            "consent",
            "peer",
        ] {
            manager.drop_table(Table::drop().table(table).take()).await?;
        }
        Ok(())
    }
}

async fn peers(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let peer = Table::create()
        .table("peer")
        .col(id("id").primary_key())
        .col(id("organization_id"))
        .col(id("program_id"))
        .col(id("staff_member_id"))
        .col(text("display_name"))
        .col(nullable(text("bio")))
        .col(list("languages"))
        .col(list("modalities"))
        .col(flag("accepting_clients"))
        .col(nullable(instant("present_until")))
        .col(instant("created_at"))
        .col(instant("updated_at"))
        .col(version())
        .foreign_key(&mut reference("peer", "organization_id", "organization"))
        .foreign_key(&mut reference("peer", "program_id", "program"))
        .foreign_key(&mut reference("peer", "staff_member_id", "staff_member"))
        .take();
    manager.create_table(peer).await?;
    manager.create_index(index("peer", &["staff_member_id", "program_id"]).unique().take()).await?;
    manager.create_index(index("peer", &["organization_id", "created_at", "id"])).await?;
    manager.create_index(index("peer", &["program_id"])).await
}

async fn consents(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let consent = Table::create()
        .table("consent")
        .col(id("id").primary_key())
        .col(id("organization_id"))
        .col(id("client_id"))
        .col(word("kind", CONSENT_KINDS))
        .col(nullable(word("recipient_class", RECIPIENT_CLASSES)))
        .col(list("data_classes"))
        .col(list("purposes"))
        .col(instant("signed_at"))
        .col(bytes("signed_by"))
        .col(word("signer_capacity", &["SELF", "PARENT", "GUARDIAN", "PERSONAL_REPRESENTATIVE"]))
        .col(word("signature_method", &["PAPER", "ELECTRONIC", "ORAL"]))
        .col(nullable(text("evidence_sha256")))
        .col(nullable(text("language")))
        .col(nullable(instant("expires_at")))
        .col(nullable(word("expiry_event", &["EPISODE_ENDS", "REFERRAL_CLOSES", "RESEARCH_ENDS"])))
        .col(flag("never_expires"))
        .col(nullable(instant("expired_at")))
        .col(nullable(instant("revoked_at")))
        .col(nullable(bytes("revoked_how")))
        .col(nullable(flag("revoked_written")))
        .col(instant("created_at"))
        .col(version())
        .foreign_key(&mut reference("consent", "organization_id", "organization"))
        .foreign_key(&mut reference("consent", "client_id", "client"))
        .take();
    manager.create_table(consent).await?;
    manager.create_index(index("consent", &["client_id", "created_at", "id"])).await?;

    let flow = Table::create()
        .table("consent_flow")
        .col(id("consent_id"))
        .col(number("ordinal"))
        .col(id("client_id"))
        .col(id("discloser_id"))
        .col(nullable(id("recipient_id")))
        .col(nullable(word("recipient_class", RECIPIENT_CLASSES)))
        .col(number("data_classes"))
        .col(number("purposes"))
        .col(flag("confirmed"))
        .col(nullable(instant("expires_at")))
        .col(nullable(instant("ended_at")))
        .primary_key(Index::create().col("consent_id").col("ordinal"))
        .foreign_key(&mut reference("consent_flow", "consent_id", "consent"))
        .foreign_key(&mut reference("consent_flow", "client_id", "client"))
        .foreign_key(&mut reference("consent_flow", "discloser_id", "organization"))
        .foreign_key(&mut reference("consent_flow", "recipient_id", "organization"))
        .take();
    manager.create_table(flow).await?;
    manager.create_index(index("consent_flow", &["client_id", "discloser_id", "recipient_id"])).await?;
    manager.create_index(index("consent_flow", &["recipient_id", "consent_id"])).await
}

async fn referrals(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let referral = Table::create()
        .table("referral")
        .col(id("id").primary_key())
        .col(text("number").unique_key())
        .col(word("origin", &["PROGRAM", "SELF", "COMMUNITY"]))
        .col(id("from_organization_id"))
        .col(id("from_program_id"))
        .col(id("from_client_id"))
        .col(nullable(id("to_organization_id")))
        .col(nullable(id("to_program_id")))
        .col(nullable(id("to_client_id")))
        .col(nullable(id("consent_id")))
        .col(word("urgency", &["ROUTINE", "URGENT"]))
        .col(list("requested_services"))
        .col(nullable(bytes("person")))
        .col(bytes("clinical"))
        .col(nullable(bytes("identifiers")))
        .col(number("disclosed_classes"))
        .col(nullable(instant("submitted_at")))
        .col(word("status", &statuses()))
        .col(nullable(word("result", &["ENGAGED", "SINGLE_CONTACT_ONLY", "LINKED_ELSEWHERE"])))
        .col(nullable(word("close_reason", REASONS)))
        .col(nullable(id("peer_id")))
        .col(nullable(instant("acknowledged_at")))
        .col(nullable(instant("accepted_at")))
        .col(nullable(instant("assigned_at")))
        .col(nullable(instant("first_attempt_at")))
        .col(nullable(instant("connected_at")))
        .col(nullable(instant("closed_at")))
        .col(number("attempt_count"))
        .col(instant("created_at"))
        .col(instant("updated_at"))
        .col(version())
        .foreign_key(&mut reference("referral", "from_organization_id", "organization"))
        .foreign_key(&mut reference("referral", "from_program_id", "program"))
        .foreign_key(&mut reference("referral", "from_client_id", "client"))
        .foreign_key(&mut reference("referral", "to_organization_id", "organization"))
        .foreign_key(&mut reference("referral", "to_program_id", "program"))
        .foreign_key(&mut reference("referral", "to_client_id", "client"))
        .foreign_key(&mut reference("referral", "consent_id", "consent"))
        .foreign_key(&mut reference("referral", "peer_id", "peer"))
        .take();
    manager.create_table(referral).await?;
    // What is submitted, received or assigned is listed newest first, by the two sides and by the peer.
    for columns in [
        ["from_program_id", "created_at", "id"],
        ["to_program_id", "created_at", "id"],
        ["from_organization_id", "created_at", "id"],
        ["to_organization_id", "created_at", "id"],
        ["from_program_id", "updated_at", "id"],
        ["to_program_id", "updated_at", "id"],
        ["peer_id", "created_at", "id"],
    ] {
        manager.create_index(index("referral", &columns)).await?;
    }
    for column in ["from_client_id", "to_client_id", "consent_id"] {
        manager.create_index(index("referral", &[column])).await?;
    }
    let one_open = Index::create()
        .name("ux_referral_one_open")
        .table("referral")
        .col("from_organization_id")
        .col("from_client_id")
        .col("to_program_id")
        .and_where(Expr::col("status").is_in(OPEN.iter().copied()))
        .unique()
        .take();
    manager.create_index(one_open).await?;

    let search = Table::create()
        .table("referral_search")
        .col(id("organization_id"))
        .col(bytes("hash"))
        .col(id("referral_id"))
        .primary_key(Index::create().col("organization_id").col("hash").col("referral_id"))
        .foreign_key(&mut reference("referral_search", "organization_id", "organization"))
        .foreign_key(&mut reference("referral_search", "referral_id", "referral"))
        .take();
    manager.create_table(search).await?;
    manager.create_index(index("referral_search", &["referral_id"])).await?;

    let transition = Table::create()
        .table("referral_transition")
        .col(id("id").primary_key())
        .col(id("referral_id"))
        .col(version())
        .col(id("organization_id"))
        .col(nullable(word("from", &statuses())))
        .col(word("to", &statuses()))
        .col(instant("at"))
        .col(text("actor"))
        .col(nullable(word("role", ROLES)))
        .col(nullable(word("reason", REASONS)))
        .col(nullable(bytes("text")))
        .foreign_key(&mut reference("referral_transition", "referral_id", "referral"))
        .foreign_key(&mut reference("referral_transition", "organization_id", "organization"))
        .take();
    manager.create_table(transition).await?;
    manager.create_index(index("referral_transition", &["referral_id", "version"]).unique().take()).await?;

    let message = Table::create()
        .table("referral_message")
        .col(id("id").primary_key())
        .col(id("referral_id"))
        .col(id("organization_id"))
        .col(text("author"))
        .col(bytes("body"))
        .col(instant("sent_at"))
        .foreign_key(&mut reference("referral_message", "referral_id", "referral"))
        .foreign_key(&mut reference("referral_message", "organization_id", "organization"))
        .take();
    manager.create_table(message).await?;
    manager.create_index(index("referral_message", &["referral_id", "sent_at", "id"])).await
}

async fn support(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let episode = Table::create()
        .table("episode")
        .col(id("id").primary_key())
        .col(id("organization_id"))
        .col(id("client_id"))
        .col(id("program_id"))
        .col(nullable(id("referral_id")).unique_key())
        .col(word("status", &["PENDING", "ACTIVE", "ON_HOLD", "ENDED"]))
        .col(instant("started_at"))
        .col(nullable(instant("ended_at")))
        .col(nullable(word("end_reason", END_REASONS)))
        .col(version())
        .foreign_key(&mut reference("episode", "organization_id", "organization"))
        .foreign_key(&mut reference("episode", "client_id", "client"))
        .foreign_key(&mut reference("episode", "program_id", "program"))
        .foreign_key(&mut reference("episode", "referral_id", "referral"))
        .take();
    manager.create_table(episode).await?;
    manager.create_index(index("episode", &["client_id", "started_at", "id"])).await?;

    let pairing = Table::create()
        .table("peer_match")
        .col(id("id").primary_key())
        .col(id("organization_id"))
        .col(id("client_id"))
        .col(id("peer_id"))
        .col(id("program_id"))
        .col(word("status", &["PROPOSED", "ACTIVE", "DECLINED", "ENDED"]))
        .col(flag("client_chose"))
        .col(instant("proposed_at"))
        .col(nullable(instant("started_at")))
        .col(nullable(instant("ended_at")))
        .col(version())
        .foreign_key(&mut reference("peer_match", "organization_id", "organization"))
        .foreign_key(&mut reference("peer_match", "client_id", "client"))
        .foreign_key(&mut reference("peer_match", "peer_id", "peer"))
        .foreign_key(&mut reference("peer_match", "program_id", "program"))
        .take();
    manager.create_table(pairing).await?;
    let one_active = Index::create()
        .name("ux_peer_match_one_active")
        .table("peer_match")
        .col("client_id")
        .col("program_id")
        .and_where(Expr::col("status").eq("ACTIVE"))
        .unique()
        .take();
    manager.create_index(one_active).await?;
    manager.create_index(index("peer_match", &["client_id", "proposed_at", "id"])).await?;
    manager.create_index(index("peer_match", &["peer_id", "status", "client_id"])).await?;

    let contact = Table::create()
        .table("contact")
        .col(id("id").primary_key())
        .col(id("organization_id"))
        .col(id("client_id"))
        .col(id("program_id"))
        .col(id("peer_id"))
        .col(nullable(id("referral_id")))
        .col(word("modality", &["IN_PERSON", "PHONE", "VIDEO", "TEXT", "LETTER"]))
        .col(flag("outbound"))
        .col(word("outcome", OUTCOMES))
        .col(instant("started_at"))
        .col(ColumnDef::new("minutes").integer())
        .col(list("topics"))
        .col(nullable(bytes("note")))
        .col(flag("note_shared"))
        .col(instant("created_at"))
        .col(version())
        .foreign_key(&mut reference("contact", "organization_id", "organization"))
        .foreign_key(&mut reference("contact", "client_id", "client"))
        .foreign_key(&mut reference("contact", "program_id", "program"))
        .foreign_key(&mut reference("contact", "peer_id", "peer"))
        .foreign_key(&mut reference("contact", "referral_id", "referral"))
        .take();
    manager.create_table(contact).await?;
    manager.create_index(index("contact", &["client_id", "started_at", "id"])).await?;
    manager.create_index(index("contact", &["organization_id", "started_at", "id"])).await?;
    manager.create_index(index("contact", &["referral_id", "started_at", "id"])).await?;
    manager.create_index(index("contact", &["peer_id", "started_at", "id"])).await
}

async fn disclosures(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let disclosure = Table::create()
        .table("disclosure")
        .col(id("id").primary_key())
        .col(nullable(ColumnDef::new("position").big_integer().not_null().take()))
        .col(id("organization_id"))
        .col(id("client_id"))
        .col(id("recipient_organization_id"))
        .col(text("recipient_name"))
        .col(text("actor"))
        .col(list("data_classes"))
        .col(word("purpose", PURPOSES))
        .col(id("consent_id"))
        .col(number("consent_version"))
        .col(text("request_id"))
        .col(instant("at"))
        .col(nullable(bytes("hash")))
        .foreign_key(&mut reference("disclosure", "organization_id", "organization"))
        .foreign_key(&mut reference("disclosure", "recipient_organization_id", "organization"))
        .foreign_key(&mut reference("disclosure", "consent_id", "consent"))
        .take();
    manager.create_table(disclosure).await?;
    manager.create_index(index("disclosure", &["organization_id", "position"]).unique().take()).await?;
    manager.create_index(index("disclosure", &["client_id", "at", "id"])).await?;
    let mut unsealed = Index::create();
    unsealed.name("ix_disclosure_unsealed").table("disclosure").col("at").and_where(Expr::col("position").is_null());
    manager.create_index(unsealed).await
}
