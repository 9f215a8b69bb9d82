//! A workshop's sessions come by series: by a rule, and from a day on by another. Workshops are found by the words of what they say.

use std::collections::HashMap;

use sea_orm_migration::{
    prelude::*,
    sea_orm::{
        ConnectionTrait, DbBackend,
        prelude::{Date, DateTime, Json, Time, Uuid},
    },
};

use crate::{
    column::{list, nullable, text},
    rebuild::timers,
};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[rustfmt::skip]
const TIMERS: &[&str] = &[
    "CLOCK", "REFERRAL_EXPIRY", "REFERRAL_REVIEW", "CONSENT_EXPIRY", "OFFER_EXPIRY", "CLIENT_MERGE", "PROGRAM_CAPACITY",
    "BULK_RUN", "BULK_EXPIRY", "CONTACT_FOLLOW_UP", "SESSION_PLAN",
];

/// Each workshop has had one series, whose days were all named. Databases make JSON in ways of their own.
const POSTGRESQL: &str = "UPDATE workshop SET series = jsonb_build_array(jsonb_build_object('id', id, 'starts_on', starts_on, \
    'ends_before', NULL, 'start_time', start_time, 'minutes', minutes, 'recurrence', NULL, 'except_dates', '[]'::jsonb, \
    'extra_dates', extra_dates))";
const SQLITE: &str = "UPDATE workshop SET series = json_array(json_object('id', lower(hex(id)), 'starts_on', starts_on, \
    'ends_before', NULL, 'start_time', start_time, 'minutes', minutes, 'recurrence', NULL, 'except_dates', json('[]'), \
    'extra_dates', json(extra_dates)))";

/// The days of each workshop, with the time at which its sessions begin.
async fn days_of_workshops(db: &SchemaManagerConnection<'_>) -> Result<HashMap<Uuid, Vec<DateTime>>, DbErr> {
    let all = Query::select().columns(["id", "starts_on", "start_time", "extra_dates"]).from("workshop").take();
    let mut days = HashMap::new();
    for row in db.query_all(&all).await? {
        let (first, time): (Date, Time) = (row.try_get("", "starts_on")?, row.try_get("", "start_time")?);
        let extra: Json = row.try_get("", "extra_dates")?;
        let extra = extra.as_array().into_iter().flatten().filter_map(|day| day.as_str()?.parse::<Date>().ok());
        let mut of_it: Vec<_> = extra.chain([first]).map(|day| day.and_time(time)).collect();
        of_it.sort_unstable();
        days.insert(row.try_get("", "id")?, of_it);
    }
    Ok(days)
}

/// Each day has had one session, and none was ever deleted. One that is still at its time is of its day; those that were moved are, in their
/// order, of the days that are left.
async fn occurrences(db: &SchemaManagerConnection<'_>, mut days: HashMap<Uuid, Vec<DateTime>>) -> Result<(), DbErr> {
    let all = Query::select().columns(["id", "workshop_id", "local_start"]).from("session").order_by("local_start", Order::Asc).take();
    let mut moved = Vec::new();
    let mut found: Vec<(Uuid, DateTime)> = Vec::new();
    for row in db.query_all(&all).await? {
        let (id, workshop, local): (Uuid, Uuid, DateTime) =
            (row.try_get("", "id")?, row.try_get("", "workshop_id")?, row.try_get("", "local_start")?);
        let left = days.entry(workshop).or_default();
        match left.iter().position(|day| *day == local) {
            Some(at) => found.push((id, left.remove(at))),
            None => moved.push((id, workshop)),
        }
    }
    for (id, workshop) in moved {
        let left = days.entry(workshop).or_default();
        if !left.is_empty() {
            found.push((id, left.remove(0)));
        }
    }
    for (id, day) in found {
        let update = Query::update().table("session").value("occurrence", day).and_where(Expr::col("id").eq(id)).take();
        db.execute(&update).await?;
    }
    Ok(())
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let db = manager.get_connection();
        let days = days_of_workshops(db).await?;
        let series = list("series").default("[]").take();
        manager.alter_table(Table::alter().table("workshop").add_column(series).take()).await?;
        let fill = if manager.get_database_backend() == DbBackend::Sqlite { SQLITE } else { POSTGRESQL };
        db.execute_unprepared(fill).await?;
        // Null until the server starts: databases fold letters in ways of their own.
        manager.alter_table(Table::alter().table("workshop").add_column(nullable(text("search_words"))).take()).await?;
        for column in ["starts_on", "start_time", "minutes", "extra_dates", "title_words"] {
            manager.alter_table(Table::alter().table("workshop").drop_column(column).take()).await?;
        }

        let occurrence = ColumnDef::new("occurrence").date_time().take();
        manager.alter_table(Table::alter().table("session").add_column(occurrence).take()).await?;
        occurrences(db, days).await?;
        // Of a day of a series there is one session, whoever plans it (domain 6.5).
        let one = Index::create()
            .name("ux_session_occurrence")
            .table("session")
            .col("workshop_id")
            .col("occurrence")
            .and_where(Expr::col("occurrence").is_not_null())
            .unique()
            .take();
        manager.create_index(one).await?;

        timers(manager, "m0024", TIMERS).await
    }

    async fn down(&self, _: &SchemaManager) -> Result<(), DbErr> {
        Err(DbErr::Migration("rules have no place in the earlier tables: restore a backup".to_owned()))
    }
}
