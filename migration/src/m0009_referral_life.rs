//! The whole life of a referral: what a step asks for and until when, what a referral follows on, and introductions in person.

use sea_orm_migration::prelude::*;

use crate::column::{bytes, flag, id, index, instant, list, nullable, reference, word};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

/// A column that refers to a row of another table: SQLite takes it with the column, and only then.
fn referring(name: &'static str, to: &'static str) -> ColumnDef {
    nullable(id(name)).extra(format!("REFERENCES {to} (id)")).take()
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for (table, column) in [
            ("referral", referring("re_referral_of_id", "referral")),
            ("referral", nullable(instant("expires_at"))),
            ("referral", nullable(instant("due_at"))),
            ("episode", nullable(bytes("end_text"))),
            ("referral_transition", nullable(list("fields"))),
            ("referral_transition", nullable(instant("review_at"))),
            ("referral_transition", referring("suggested_program_id", "program")),
        ] {
            manager.alter_table(Table::alter().table(table).add_column(column).take()).await?;
        }
        for columns in [["from_program_id", "due_at", "id"], ["to_program_id", "due_at", "id"]] {
            manager.create_index(index("referral", &columns)).await?;
        }
        manager.create_index(index("referral", &["re_referral_of_id"])).await?;

        let handoff = Table::create()
            .table("warm_handoff")
            .col(id("id").primary_key())
            .col(id("organization_id"))
            .col(id("referral_id"))
            .col(id("peer_id"))
            .col(nullable(id("staff_member_id")))
            .col(word("method", &["IN_PERSON", "THREE_WAY_CALL", "VIDEO"]))
            .col(instant("occurred_at"))
            .col(flag("client_present"))
            .col(ColumnDef::new("minutes").integer().not_null().take())
            .col(nullable(bytes("outcome")))
            .col(instant("created_at"))
            .foreign_key(&mut reference("warm_handoff", "organization_id", "organization"))
            .foreign_key(&mut reference("warm_handoff", "referral_id", "referral"))
            .foreign_key(&mut reference("warm_handoff", "peer_id", "peer"))
            .foreign_key(&mut reference("warm_handoff", "staff_member_id", "staff_member"))
            .take();
        manager.create_table(handoff).await?;
        manager.create_index(index("warm_handoff", &["referral_id", "created_at"])).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_table(Table::drop().table("warm_handoff").take()).await?;
        for name in ["ix_referral_from_program_id_due_at_id", "ix_referral_to_program_id_due_at_id", "ix_referral_re_referral_of_id"] {
            manager.drop_index(Index::drop().name(name).table("referral").to_owned()).await?;
        }
        manager.alter_table(Table::alter().table("episode").drop_column("end_text").take()).await?;
        for (table, columns) in [
            ("referral_transition", ["suggested_program_id", "review_at", "fields"]),
            ("referral", ["due_at", "expires_at", "re_referral_of_id"]),
        ] {
            for column in columns {
                manager.alter_table(Table::alter().table(table).drop_column(column).take()).await?;
            }
        }
        Ok(())
    }
}
