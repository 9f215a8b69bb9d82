//! Workshops, their sessions, and who is registered.

use sea_orm_migration::prelude::*;

use crate::column::{flag, id, index, instant, list, nullable, reference, text, version, word};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

fn number(name: &'static str) -> ColumnDef {
    ColumnDef::new(name).integer().not_null().take()
}

/// No seat is taken that is not there, whatever the program above believes.
fn within_capacity(registered: &'static str, capacity: &'static str) -> Expr {
    Expr::col(registered).gte(0).and(Expr::col(capacity).is_null().or(Expr::col(registered).lte(Expr::col(capacity))))
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let workshop = Table::create()
            .table("workshop")
            .col(id("id").primary_key())
            .col(id("organization_id"))
            .col(id("program_id"))
            .col(text("title"))
            .col(text("title_words"))
            .col(nullable(text("description")))
            .col(list("topics"))
            .col(word("modality", &["IN_PERSON", "ONLINE", "PHONE", "HYBRID"]))
            .col(list("languages"))
            .col(list("accessibility"))
            .col(nullable(text("audience")))
            .col(nullable(number("minimum_age")))
            .col(ColumnDef::new("cost_cents").big_integer())
            .col(word("visibility", &["PUBLIC", "PARTNERS", "CLIENTS_ONLY"]))
            .col(nullable(list("address")))
            .col(nullable(text("area")))
            .col(flag("address_after_registration"))
            .col(nullable(text("join_url")))
            .col(text("time_zone"))
            .col(ColumnDef::new("starts_on").date().not_null())
            .col(ColumnDef::new("start_time").time().not_null())
            .col(number("minutes"))
            .col(list("extra_dates"))
            .col(nullable(number("capacity_in_person")))
            .col(nullable(number("capacity_online")))
            .col(nullable(instant("published_at")))
            .col(instant("created_at"))
            .col(instant("updated_at"))
            .col(version())
            .foreign_key(&mut reference("workshop", "organization_id", "organization"))
            .foreign_key(&mut reference("workshop", "program_id", "program"))
            .take();
        manager.create_table(workshop).await?;
        manager.create_index(index("workshop", &["organization_id"])).await?;
        manager.create_index(index("workshop", &["program_id"])).await?;
        manager.create_index(index("workshop", &["title", "id"])).await?;

        let label = Table::create()
            .table("workshop_label")
            .col(id("organization_id"))
            .col(id("workshop_id"))
            .col(word("kind", &["TOPIC", "LANGUAGE", "ACCESSIBILITY"]))
            .col(text("value"))
            .primary_key(Index::create().col("workshop_id").col("kind").col("value"))
            .foreign_key(&mut reference("workshop_label", "organization_id", "organization"))
            .foreign_key(&mut reference("workshop_label", "workshop_id", "workshop"))
            .take();
        manager.create_table(label).await?;
        manager.create_index(index("workshop_label", &["kind", "value", "workshop_id"])).await?;

        let session = Table::create()
            .table("session")
            .col(id("id").primary_key())
            .col(id("organization_id"))
            .col(id("program_id"))
            .col(id("workshop_id"))
            .col(word("status", &["SCHEDULED", "CANCELLED", "HELD"]))
            .col(instant("starts_at"))
            .col(instant("ends_at"))
            .col(ColumnDef::new("local_start").date_time().not_null())
            .col(nullable(number("capacity_in_person")))
            .col(nullable(number("capacity_online")))
            .col(number("registered_in_person"))
            .col(number("registered_online"))
            .col(instant("seats_changed_at"))
            .col(number("before_in_person"))
            .col(number("before_online"))
            .col(nullable(text("note")))
            .col(instant("created_at"))
            .col(instant("updated_at"))
            .col(version())
            .check(within_capacity("registered_in_person", "capacity_in_person"))
            .check(within_capacity("registered_online", "capacity_online"))
            .foreign_key(&mut reference("session", "organization_id", "organization"))
            .foreign_key(&mut reference("session", "program_id", "program"))
            .foreign_key(&mut reference("session", "workshop_id", "workshop"))
            .take();
        manager.create_table(session).await?;
        manager.create_index(index("session", &["workshop_id", "starts_at", "id"])).await?;
        manager.create_index(index("session", &["starts_at", "id"])).await?;

        #[rustfmt::skip]
        let statuses = ["UNCONFIRMED", "REGISTERED", "WAITLISTED", "OFFERED", "CANCELLED", "ATTENDED", "PARTIAL", "NO_SHOW", "EXCUSED"];
        let registration = Table::create()
            .table("registration")
            .col(id("id").primary_key())
            .col(id("organization_id"))
            .col(id("session_id"))
            .col(id("client_id"))
            .col(word("attendance", &["IN_PERSON", "ONLINE"]))
            .col(word("status", &statuses))
            .col(instant("registered_at"))
            .col(instant("updated_at"))
            .col(version())
            .foreign_key(&mut reference("registration", "organization_id", "organization"))
            .foreign_key(&mut reference("registration", "session_id", "session"))
            .foreign_key(&mut reference("registration", "client_id", "client"))
            .take();
        manager.create_table(registration).await?;
        manager.create_index(index("registration", &["session_id", "registered_at", "id"])).await?;
        manager.create_index(index("registration", &["client_id"])).await?;
        // One live registration of a client and session, kept by the database (domain 6.5).
        let live = Index::create()
            .name("ux_registration_live")
            .table("registration")
            .col("session_id")
            .col("client_id")
            .and_where(Expr::col("status").ne("CANCELLED"))
            .unique()
            .take();
        manager.create_index(live).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for table in ["registration", "session", "workshop_label", "workshop"] {
            manager.drop_table(Table::drop().table(table).take()).await?;
        }
        Ok(())
    }
}
