//! How a client comes to read their own data: an invitation, and the access that comes of it. And messages that are sent to people, from
//! the command that wants them sent until they are.

use sea_orm_migration::prelude::*;

use crate::column::{bytes, id, index, instant, nullable, reference, text, word};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

/// What is over can be used by nobody: it has neither code nor token.
fn over_without_secrets() -> Expr {
    let secrets = Expr::col("code_hash").is_not_null().or(Expr::col("refresh_hash").is_not_null());
    Expr::col("ended_at").is_null().or(secrets.not())
}

/// A code is good for one exchange, and a token comes of it.
fn invited_or_accepted() -> Expr {
    let accepted = Expr::col("accepted_at").is_not_null();
    let (code, token) = (Expr::col("code_hash").is_not_null(), Expr::col("refresh_hash").is_not_null());
    accepted.clone().and(code.not()).or(accepted.not().and(token.not()))
}

/// What was sent or given up holds neither address nor words any more, and what waits holds both.
pub(crate) fn waiting_with_its_words() -> Expr {
    let waits = Expr::col("due_at").is_not_null();
    let whole = Expr::col("address").is_not_null().and(Expr::col("parameters").is_not_null());
    let ended = Expr::col("sent_at").is_not_null().or(Expr::col("failed_at").is_not_null());
    let empty = Expr::col("address").is_null().and(Expr::col("parameters").is_null());
    waits.clone().and(whole).and(ended.clone().not()).or(waits.not().and(empty).and(ended))
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let access = Table::create()
            .table("client_access")
            .col(id("id").primary_key())
            .col(id("organization_id"))
            .col(id("client_id"))
            .col(text("invited_by"))
            .col(instant("invited_at"))
            .col(instant("code_expires_at"))
            .col(nullable(bytes("code_hash")))
            .col(nullable(instant("accepted_at")))
            .col(nullable(bytes("refresh_hash")))
            .col(nullable(instant("refreshed_at")))
            .col(nullable(instant("ended_at")))
            .check(over_without_secrets())
            .check(invited_or_accepted())
            .foreign_key(&mut reference("client_access", "organization_id", "organization"))
            .foreign_key(&mut reference("client_access", "client_id", "client"))
            .take();
        manager.create_table(access).await?;
        manager.create_index(index("client_access", &["client_id", "invited_at"])).await?;
        manager.create_index(index("client_access", &["code_hash"]).unique().take()).await?;
        let one = |name: &'static str, accepted: Expr| {
            let live = Expr::col("ended_at").is_null().and(accepted);
            Index::create().name(name).table("client_access").col("client_id").and_where(live).unique().take()
        };
        manager.create_index(one("ux_client_access_one_invitation", Expr::col("accepted_at").is_null())).await?;
        manager.create_index(one("ux_client_access_one_access", Expr::col("accepted_at").is_not_null())).await?;

        let message = Table::create()
            .table("outgoing_message")
            .col(id("id").primary_key())
            .col(word("kind", &["CLIENT_ACCESS_INVITATION"]))
            .col(id("organization_id"))
            .col(nullable(id("client_id")))
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
            .take();
        manager.create_table(message).await?;
        manager.create_index(index("outgoing_message", &["due_at"])).await?;
        manager.create_index(index("outgoing_message", &["client_id"])).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_table(Table::drop().table("outgoing_message").take()).await?;
        manager.drop_table(Table::drop().table("client_access").take()).await
    }
}
