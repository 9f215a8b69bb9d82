//! Contacts that are planned and have no outcome yet; when a message was first read by the other side; what a program can take on; more
//! that falls due.

use sea_orm_migration::prelude::*;

use crate::{
    column::{bytes, flag, id, index, instant, list, nullable, reference, text, version, word},
    rebuild::{copied, put_in_place, timers},
};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[rustfmt::skip]
const TIMERS: &[&str] = &[
    "CLOCK", "REFERRAL_EXPIRY", "REFERRAL_REVIEW", "CONSENT_EXPIRY", "OFFER_EXPIRY", "CLIENT_MERGE", "PROGRAM_CAPACITY",
    "BULK_RUN", "BULK_EXPIRY",
];

#[rustfmt::skip]
const OUTCOMES: &[&str] = &[
    "COMPLETED", "NO_ANSWER", "LEFT_SAFE_MESSAGE", "WRONG_NUMBER", "NO_SHOW", "CANCELLED_BY_CLIENT", "CANCELLED_BY_PEER",
];

#[rustfmt::skip]
const CONTACT_COLUMNS: &[&str] = &[
    "id", "organization_id", "client_id", "sealed_for_id", "program_id", "peer_id", "referral_id", "modality", "outbound", "outcome",
    "started_at", "minutes", "topics", "note", "note_shared", "created_at", "version",
];

const ADDENDUM_COLUMNS: &[&str] = &["id", "contact_id", "text", "author", "at"];

const CAPACITIES: &[&str] = &["CAPACITY", "WAITLIST", "NO_CAPACITY", "ADDITIONAL_ASSESSMENT_REQUIRED"];

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        contacts(manager).await?;
        let message = Table::alter().table("referral_message").add_column(nullable(instant("read_at"))).take();
        manager.alter_table(message).await?;

        timers(manager, "m0017", TIMERS).await?;

        // Nobody has looked at what these can take on yet: the server does when it starts.
        let capacity = word("capacity", CAPACITIES).default("NO_CAPACITY").take();
        let rank = ColumnDef::new("capacity_rank").integer().not_null().default(3).take();
        for column in [capacity, rank, nullable(instant("capacity_as_of"))] {
            manager.alter_table(Table::alter().table("program").add_column(column).take()).await?;
        }
        manager.create_index(index("program", &["capacity_rank", "id"])).await
    }

    async fn down(&self, _: &SchemaManager) -> Result<(), DbErr> {
        Err(DbErr::Migration("what is planned has no place in the earlier table: restore a backup".to_owned()))
    }
}

/// Makes contacts anew, with what was added to their notes, which refers to them.
async fn contacts(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let planned = Expr::col("outcome").is_null().and(Expr::col("scheduled_for").is_not_null()).and(Expr::col("minutes").is_null());
    let contact = Table::create()
        .col(id("id").primary_key())
        .col(id("organization_id"))
        .col(id("client_id"))
        .col(nullable(id("sealed_for_id")))
        .col(id("program_id"))
        .col(id("peer_id"))
        .col(nullable(id("referral_id")))
        .col(word("modality", &["IN_PERSON", "PHONE", "VIDEO", "TEXT", "LETTER"]))
        .col(flag("outbound"))
        .col(nullable(word("outcome", OUTCOMES)))
        .col(nullable(instant("scheduled_for")))
        .col(instant("started_at"))
        .col(ColumnDef::new("minutes").integer())
        .col(list("topics"))
        .col(nullable(bytes("note")))
        .col(flag("note_shared"))
        .col(instant("created_at"))
        .col(version())
        .foreign_key(&mut reference("contact", "organization_id", "organization"))
        .foreign_key(&mut reference("contact", "client_id", "client"))
        .foreign_key(&mut reference("contact", "sealed_for_id", "client"))
        .foreign_key(&mut reference("contact", "program_id", "program"))
        .foreign_key(&mut reference("contact", "peer_id", "peer"))
        .foreign_key(&mut reference("contact", "referral_id", "referral"))
        .check(Expr::col("outcome").is_not_null().or(planned))
        .take();
    let addendum = |contact: &'static str| {
        Table::create()
            .col(id("id").primary_key())
            .col(id("contact_id"))
            .col(bytes("text"))
            .col(text("author"))
            .col(instant("at"))
            .foreign_key(&mut reference("contact_addendum", "contact_id", contact))
            .take()
    };
    copied(manager, contact, "contact", "m0017", CONTACT_COLUMNS).await?;
    copied(manager, addendum("m0017_contact"), "contact_addendum", "m0017", ADDENDUM_COLUMNS).await?;
    put_in_place(manager, "contact_addendum", "m0017").await?;
    put_in_place(manager, "contact", "m0017").await?;
    for columns in [["client_id", "started_at", "id"], ["organization_id", "started_at", "id"], ["referral_id", "started_at", "id"]] {
        manager.create_index(index("contact", &columns)).await?;
    }
    manager.create_index(index("contact", &["peer_id", "started_at", "id"])).await?;
    manager.create_index(index("contact_addendum", &["contact_id", "at"])).await
}
