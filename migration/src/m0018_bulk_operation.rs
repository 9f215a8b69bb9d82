//! Bulk operations: what is asked for, what came of it, and its result in pieces.

use sea_orm_migration::prelude::*;

use crate::column::{bytes, flag, id, index, instant, list, nullable, reference, text, version, word};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

const GOING_ON: [&str; 2] = ["QUEUED", "RUNNING"];

fn count(name: &'static str) -> ColumnDef {
    ColumnDef::new(name).integer().not_null().check(Expr::col(name).gte(0)).take()
}

/// What goes on has no end, and everything else has one.
fn ended_or_not() -> Expr {
    let going_on = Expr::col("status").is_in(GOING_ON);
    let ended = Expr::col("finished_at").is_not_null();
    going_on.clone().and(ended.clone().not()).or(going_on.not().and(ended))
}

/// Only what is done has a result.
fn done_with_a_result() -> Expr {
    let done = Expr::col("status").eq("DONE");
    let (sum, until) = (Expr::col("sha256"), Expr::col("expires_at"));
    let whole = sum.clone().is_not_null().and(until.clone().is_not_null());
    done.clone().and(whole).or(done.not().and(sum.is_null()).and(until.is_null()))
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let operation = Table::create()
            .table("bulk_operation")
            .col(id("id").primary_key())
            .col(id("organization_id"))
            .col(word("kind", &["CLIENT_DATA_EXPORT"]))
            .col(nullable(id("client_id")))
            .col(word("status", &["QUEUED", "RUNNING", "DONE", "FAILED", "CANCELLED"]))
            .col(word("format", &["NDJSON", "CSV", "FHIR_BUNDLE"]))
            .col(flag("dry_run"))
            .col(count("processed"))
            .col(nullable(count("total")))
            .col(count("error_count"))
            .col(count("attempts"))
            .col(nullable(text("sha256")))
            .col(text("requested_by"))
            .col(nullable(instant("expires_at")))
            .col(instant("created_at"))
            .col(nullable(instant("finished_at")))
            .col(version())
            .check(Expr::col("kind").ne("CLIENT_DATA_EXPORT").or(Expr::col("client_id").is_not_null()))
            .check(ended_or_not())
            .check(done_with_a_result())
            .foreign_key(&mut reference("bulk_operation", "organization_id", "organization"))
            .foreign_key(&mut reference("bulk_operation", "client_id", "client"))
            .take();
        manager.create_table(operation).await?;
        manager.create_index(index("bulk_operation", &["organization_id", "created_at", "id"])).await?;
        manager.create_index(index("bulk_operation", &["client_id"])).await?;
        let one_at_a_time = Index::create()
            .name("ux_bulk_operation_one_at_a_time")
            .table("bulk_operation")
            .col("client_id")
            .col("kind")
            .and_where(Expr::col("status").is_in(GOING_ON))
            .unique()
            .take();
        manager.create_index(one_at_a_time).await?;

        let part = Table::create()
            .table("bulk_part")
            .col(id("id").primary_key())
            .col(id("operation_id"))
            .col(count("number"))
            .col(bytes("content"))
            .foreign_key(&mut reference("bulk_part", "operation_id", "bulk_operation"))
            .take();
        manager.create_table(part).await?;
        manager.create_index(index("bulk_part", &["operation_id", "number"]).unique().take()).await?;

        let error = Table::create()
            .table("bulk_error")
            .col(id("id").primary_key())
            .col(id("operation_id"))
            .col(count("line"))
            .col(text("code"))
            .col(text("message"))
            .col(list("path"))
            .foreign_key(&mut reference("bulk_error", "operation_id", "bulk_operation"))
            .take();
        manager.create_table(error).await?;
        manager.create_index(index("bulk_error", &["operation_id", "line", "id"])).await
    }

    async fn down(&self, _: &SchemaManager) -> Result<(), DbErr> {
        Err(DbErr::Migration("what is to be run and removed has no place in the earlier table of timers: restore a backup".to_owned()))
    }
}
