//! Support groups beside workshops: both are gatherings. Lines of those who wait for a seat, guests, who leads, and how each registration
//! came to stand where it does.

use sea_orm_migration::prelude::*;

use crate::{
    column::{bytes, flag, id, index, instant, list, nullable, reference, text, version, word},
    m0019_client_access::waiting_with_its_words,
    rebuild::{copied, put_in_place, rebuilt, timers},
};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

const STEP: &str = "m0025";

#[rustfmt::skip]
const TIMERS: &[&str] = &[
    "CLOCK", "REFERRAL_EXPIRY", "REFERRAL_REVIEW", "CONSENT_EXPIRY", "OFFER_EXPIRY", "CLIENT_MERGE", "PROGRAM_CAPACITY",
    "BULK_RUN", "BULK_EXPIRY", "CONTACT_FOLLOW_UP", "SESSION_PLAN", "SEAT_OFFER", "GUEST_CONFIRMATION", "GUEST_FORGOTTEN",
];

#[rustfmt::skip]
const MESSAGES: &[&str] = &[
    "CLIENT_ACCESS_INVITATION", "REGISTRATION_CONFIRMATION", "SEAT_OFFERED", "SESSION_CANCELLED", "SESSION_MOVED",
];

#[rustfmt::skip]
const PATHWAYS: &[&str] = &["MEDICATION_ASSISTED", "TWELVE_STEP", "SECULAR", "FAITH", "HARM_REDUCTION", "CULTURAL", "UNDECIDED"];

#[rustfmt::skip]
const STATUSES: &[&str] = &[
    "UNCONFIRMED", "REGISTERED", "WAITLISTED", "OFFERED", "CANCELLED", "ATTENDED", "PARTIAL", "NO_SHOW", "EXCUSED",
];

#[rustfmt::skip]
const CAUSES: &[&str] = &[
    "REGISTERED", "REQUESTED", "CONFIRMED", "NOT_CONFIRMED", "FULL", "OTHERS_WAIT", "SEAT_FREE", "FIRST_COME", "SEAT_TAKEN", "ACCEPTED",
    "LAPSED", "LEFT", "ATTENDANCE", "UNDONE", "LINKED", "MOVED",
];

#[rustfmt::skip]
const SESSION_COLUMNS: &[&str] = &[
    "id", "organization_id", "program_id", "gathering_id", "status", "starts_at", "ends_at", "local_start", "occurrence",
    "capacity_in_person", "capacity_online", "registered_in_person", "registered_online", "seats_changed_at", "before_in_person",
    "before_online", "note", "created_at", "updated_at", "version",
];

const REGISTRATION_COLUMNS: &[&str] =
    &["id", "organization_id", "session_id", "client_id", "attendance", "status", "registered_at", "updated_at", "version"];

const MESSAGE_COLUMNS: &[&str] =
    &["id", "kind", "organization_id", "client_id", "address", "parameters", "due_at", "attempts", "created_at", "sent_at", "failed_at"];

fn number(name: &'static str) -> ColumnDef {
    ColumnDef::new(name).integer().not_null().take()
}

fn count(name: &'static str) -> ColumnDef {
    number(name).default(0).check(Expr::col(name).gte(0)).take()
}

async fn add(manager: &SchemaManager<'_>, table: &'static str, columns: Vec<ColumnDef>) -> Result<(), DbErr> {
    for column in columns {
        manager.alter_table(Table::alter().table(table).add_column(column).take()).await?;
    }
    Ok(())
}

/// Workshops become gatherings, of which they are one kind.
async fn gatherings(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    for columns in [&["organization_id"][..], &["program_id"], &["title", "id"]] {
        manager.drop_index(Index::drop().name(format!("ix_workshop_{}", columns.join("_"))).table("workshop").to_owned()).await?;
    }
    manager.drop_index(Index::drop().name("ix_workshop_label_kind_value_workshop_id").table("workshop_label").to_owned()).await?;
    manager.rename_table(Table::rename().table("workshop", "gathering").take()).await?;
    manager.rename_table(Table::rename().table("workshop_label", "gathering_label").take()).await?;
    for table in ["gathering_label", "session"] {
        manager.alter_table(Table::alter().table(table).rename_column("workshop_id", "gathering_id").take()).await?;
    }
    let columns = vec![
        word("kind", &["WORKSHOP", "SUPPORT_GROUP"]).default("WORKSHOP").take(),
        nullable(number("waitlist_size")),
        flag("open").default(true).take(),
        nullable(word("pathway", PATHWAYS)),
        list("focus").default("[]").take(),
        nullable(text("confidentiality")),
    ];
    add(manager, "gathering", columns).await?;
    manager.create_index(index("gathering", &["organization_id"])).await?;
    manager.create_index(index("gathering", &["program_id"])).await?;
    manager.create_index(index("gathering", &["kind", "title", "id"])).await?;
    manager.create_index(index("gathering_label", &["kind", "value", "gathering_id"])).await?;

    let facilitator = Table::create()
        .table("gathering_facilitator")
        .col(id("organization_id"))
        .col(id("gathering_id"))
        .col(id("peer_id"))
        .col(number("place"))
        .primary_key(Index::create().col("gathering_id").col("peer_id"))
        .foreign_key(&mut reference("gathering_facilitator", "organization_id", "organization"))
        .foreign_key(&mut reference("gathering_facilitator", "gathering_id", "gathering"))
        .foreign_key(&mut reference("gathering_facilitator", "peer_id", "peer"))
        .take();
    manager.create_table(facilitator).await?;
    manager.create_index(index("gathering_facilitator", &["peer_id"])).await
}

/// Nobody is removed when there come to be fewer seats: more may be taken than there are.
fn session() -> TableCreateStatement {
    Table::create()
        .col(id("id").primary_key())
        .col(id("organization_id"))
        .col(id("program_id"))
        .col(id("gathering_id"))
        .col(word("status", &["SCHEDULED", "CANCELLED", "HELD"]))
        .col(instant("starts_at"))
        .col(instant("ends_at"))
        .col(ColumnDef::new("local_start").date_time().not_null())
        .col(ColumnDef::new("occurrence").date_time())
        .col(nullable(number("capacity_in_person")))
        .col(nullable(number("capacity_online")))
        .col(nullable(number("waitlist_size")))
        .col(count("registered_in_person"))
        .col(count("registered_online"))
        .col(count("waiting"))
        .col(instant("seats_changed_at"))
        .col(count("before_in_person"))
        .col(count("before_online"))
        .col(count("before_waiting"))
        .col(nullable(text("note")))
        .col(instant("created_at"))
        .col(instant("updated_at"))
        .col(version())
        .foreign_key(&mut reference("session", "organization_id", "organization"))
        .foreign_key(&mut reference("session", "program_id", "program"))
        .foreign_key(&mut reference("session", "gathering_id", "gathering"))
        .take()
}

/// A client's, or a guest's as long as anything is known of them.
fn one_of_two() -> Expr {
    let client = Expr::col("client_id").is_not_null();
    let guest =
        ["guest_name", "guest_contact", "guest_hash", "code_hash", "ticket_expires_at"].map(|column| Expr::col(column).is_not_null());
    let guest = guest.into_iter().reduce(Expr::or).unwrap_or_else(|| Expr::val(false));
    client.and(guest).not()
}

/// Who holds a seat holds it as somebody who comes or may come, and who is in line holds none.
fn seated_or_not() -> Expr {
    let status = || Expr::col("status");
    let seated = Expr::col("seated").eq(true);
    let never = status().is_in(["WAITLISTED", "CANCELLED"]).and(seated.clone());
    let always = status().is_not_in(["WAITLISTED", "CANCELLED", "OFFERED", "UNCONFIRMED"]).and(seated.not());
    never.or(always).not()
}

fn registration() -> TableCreateStatement {
    Table::create()
        .col(id("id").primary_key())
        .col(id("organization_id"))
        .col(id("session_id"))
        .col(nullable(id("client_id")))
        .col(word("attendance", &["IN_PERSON", "ONLINE"]))
        .col(word("status", STATUSES))
        .col(flag("seated"))
        .col(nullable(instant("waiting_since")))
        .col(nullable(instant("offer_expires_at")))
        .col(nullable(instant("checked_in_at")))
        .col(nullable(list("needs")))
        .col(nullable(instant("agreed_at")))
        .col(nullable(bytes("guest_name")))
        .col(nullable(bytes("guest_contact")))
        .col(nullable(bytes("guest_hash")))
        .col(nullable(instant("confirm_by")))
        .col(nullable(bytes("code_hash")))
        .col(nullable(instant("ticket_expires_at")))
        .col(nullable(id("api_client_id")))
        .col(instant("registered_at"))
        .col(instant("updated_at"))
        .col(version())
        .check(one_of_two())
        .check(seated_or_not())
        .check(Expr::col("status").ne("OFFERED").or(Expr::col("offer_expires_at").is_not_null()))
        .check(Expr::col("status").is_not_in(["WAITLISTED", "OFFERED"]).or(Expr::col("waiting_since").is_not_null()))
        .foreign_key(&mut reference("registration", "organization_id", "organization"))
        .foreign_key(&mut reference("registration", "session_id", "m0025_session"))
        .foreign_key(&mut reference("registration", "client_id", "client"))
        .foreign_key(&mut reference("registration", "api_client_id", "api_client"))
        .take()
}

/// Sessions and registrations anew. What was registered had its seat.
async fn seats(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    copied(manager, session(), "session", STEP, SESSION_COLUMNS).await?;
    manager.create_table(registration().table("m0025_registration").take()).await?;
    let seated: Expr = CaseStatement::new().case(Expr::col("status").eq("CANCELLED"), Expr::val(false)).finally(Expr::val(true)).into();
    let kept = Query::select().columns(REGISTRATION_COLUMNS.iter().copied()).expr(seated).from("registration").take();
    let mut insert = Query::insert();
    insert.into_table("m0025_registration").columns(REGISTRATION_COLUMNS.iter().copied().chain(["seated"]));
    insert.select_from(kept).map_err(|error| DbErr::Custom(error.to_string()))?;
    manager.execute(insert).await?;
    put_in_place(manager, "registration", STEP).await?;
    put_in_place(manager, "session", STEP).await?;

    manager.create_index(index("session", &["gathering_id", "starts_at", "id"])).await?;
    manager.create_index(index("session", &["starts_at", "id"])).await?;
    let unique = |name: &'static str, table: &'static str, columns: [&'static str; 2], live: Expr| {
        let [first, second] = columns;
        Index::create().name(name).table(table).col(first).col(second).and_where(live).unique().take()
    };
    let planned = Expr::col("occurrence").is_not_null();
    manager.create_index(unique("ux_session_occurrence", "session", ["gathering_id", "occurrence"], planned)).await?;
    manager.create_index(index("registration", &["session_id", "registered_at", "id"])).await?;
    manager.create_index(index("registration", &["session_id", "waiting_since", "id"])).await?;
    manager.create_index(index("registration", &["client_id"])).await?;
    manager.create_index(index("registration", &["guest_hash"])).await?;
    manager.create_index(index("registration", &["api_client_id", "registered_at"])).await?;
    manager.create_index(index("registration", &["code_hash"]).unique().take()).await?;
    // One live registration of a person and session, kept by the database (domain 6.5).
    let live = || Expr::col("status").ne("CANCELLED");
    manager.create_index(unique("ux_registration_live", "registration", ["session_id", "client_id"], live())).await?;
    // Who registered a guest before learns nothing of whether another did: only what was confirmed is one.
    let confirmed = Expr::col("status").is_not_in(["CANCELLED", "UNCONFIRMED"]);
    manager.create_index(unique("ux_registration_guest", "registration", ["session_id", "guest_hash"], confirmed)).await
}

/// How each registration came to stand where it does, as far as that is known of those before.
async fn steps(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let step = Table::create()
        .table("registration_step")
        .col(id("registration_id"))
        .col(number("version"))
        .col(word("status", STATUSES))
        .col(word("cause", CAUSES))
        .col(instant("at"))
        .col(nullable(instant("named")))
        .primary_key(Index::create().col("registration_id").col("version"))
        .foreign_key(&mut reference("registration_step", "registration_id", "registration"))
        .take();
    manager.create_table(step).await?;
    let first = Query::select()
        .column("id")
        .expr(Expr::val(1))
        .expr(Expr::val("REGISTERED"))
        .expr(Expr::val("REGISTERED"))
        .column("registered_at")
        .from("registration")
        .take();
    let left = Query::select()
        .column("id")
        .column("version")
        .expr(Expr::val("CANCELLED"))
        .expr(Expr::val("LEFT"))
        .column("updated_at")
        .from("registration")
        .and_where(Expr::col("status").eq("CANCELLED"))
        .take();
    for known in [first, left] {
        let mut insert = Query::insert();
        insert.into_table("registration_step").columns(["registration_id", "version", "status", "cause", "at"]);
        insert.select_from(known).map_err(|error| DbErr::Custom(error.to_string()))?;
        manager.execute(insert).await?;
    }
    Ok(())
}

/// Messages to guests, each about their registration.
async fn messages(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let message = Table::create()
        .col(id("id").primary_key())
        .col(word("kind", MESSAGES))
        .col(id("organization_id"))
        .col(nullable(id("client_id")))
        .col(nullable(id("registration_id")))
        .col(nullable(bytes("address")))
        .col(nullable(bytes("parameters")))
        .col(nullable(instant("due_at")))
        .col(ColumnDef::new("attempts").integer().not_null().check(Expr::col("attempts").gte(0)))
        .col(instant("created_at"))
        .col(nullable(instant("sent_at")))
        .col(nullable(instant("failed_at")))
        .check(waiting_with_its_words())
        .foreign_key(&mut reference("outgoing_message", "organization_id", "organization"))
        .foreign_key(&mut reference("outgoing_message", "client_id", "client"))
        .foreign_key(&mut reference("outgoing_message", "registration_id", "registration"))
        .take();
    rebuilt(manager, message, "outgoing_message", STEP, MESSAGE_COLUMNS).await?;
    manager.create_index(index("outgoing_message", &["due_at"])).await?;
    manager.create_index(index("outgoing_message", &["client_id"])).await?;
    manager.create_index(index("outgoing_message", &["registration_id"])).await
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        gatherings(manager).await?;
        seats(manager).await?;
        steps(manager).await?;
        messages(manager).await?;
        timers(manager, STEP, TIMERS).await
    }

    async fn down(&self, _: &SchemaManager) -> Result<(), DbErr> {
        Err(DbErr::Migration("lines and guests have no place in the earlier tables: restore a backup".to_owned()))
    }
}
