//! What was written before a change of the schema is there after it.

use std::sync::LazyLock;

use entity::workshop::Series;
use kit::databases::{Kind, Templates, TestDatabase, say_skipped};
use migration::Migrator;
use sea_orm::ConnectionTrait;
use sea_orm_migration::{MigrationTrait, MigratorTrait};

/// The schema before workshops had series.
struct BeforeSeries;

impl MigratorTrait for BeforeSeries {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        Migrator::migrations().into_iter().take_while(|step| step.name() != "m0024_series").collect()
    }
}

static BEFORE_SERIES: LazyLock<Templates> = LazyLock::new(Templates::of::<BeforeSeries>);

/// A workshop on two days, one of whose sessions was moved onto the other's time, so that both are at the same.
async fn workshop_of_two_days(database: &TestDatabase) {
    let sqlite = database.kind == Kind::Sqlite;
    let id = |number: u8| if sqlite { format!("X'{number:032x}'") } else { format!("'{}'", uuid::Uuid::from_u128(number.into())) };
    let (own_rows_alone, instant) = if sqlite {
        ("PRAGMA foreign_keys = OFF", "'2026-03-02T12:00:00.000000Z'")
    } else {
        ("SET session_replication_role = replica", "'2026-03-02T12:00:00Z'")
    };
    let workshop = format!(
        "INSERT INTO workshop (id, organization_id, program_id, title, title_words, topics, modality, languages, accessibility, visibility,
            address_after_registration, time_zone, starts_on, start_time, minutes, extra_dates, created_at, updated_at, version)
         VALUES ({}, {}, {}, 'Stress', ' stress ', '[]', 'ONLINE', '[]', '[]', 'PUBLIC', false, 'America/New_York', '2026-03-09', '18:30:00', 90,
            '[\"2026-03-16\"]', {instant}, {instant}, 1)",
        id(1), id(2), id(3)
    );
    let session = |number: u8| {
        format!(
            "INSERT INTO session (id, organization_id, program_id, workshop_id, status, starts_at, ends_at, local_start, registered_in_person,
                registered_online, seats_changed_at, before_in_person, before_online, created_at, updated_at, version)
             VALUES ({}, {}, {}, {}, 'SCHEDULED', {instant}, {instant}, '2026-03-16 18:30:00', 0, 0, {instant}, 0, 0, {instant}, {instant}, 1)",
            id(number), id(2), id(3), id(1)
        )
    };
    let all = [own_rows_alone.to_owned(), workshop, session(4), session(5)].join(";\n");
    database.connect().await.execute_unprepared(&all).await.unwrap();
}

async fn named_days_become_a_series(database: TestDatabase) {
    workshop_of_two_days(&database).await;

    Migrator::up(&database.connect().await, None).await.unwrap();

    let series = database.texts("SELECT CAST(series AS TEXT) FROM workshop").await;
    let series: Vec<Series> = serde_json::from_str(&series[0]).unwrap();
    let [one] = &series[..] else { panic!("{series:?}") };
    assert_eq!((one.id, one.minutes), (uuid::Uuid::from_u128(1), 90));
    assert_eq!((one.starts_on.to_string(), one.start_time.to_string()), ("2026-03-09".to_owned(), "18:30:00".to_owned()));
    assert_eq!((one.extra_dates.len(), one.extra_dates[0].to_string()), (1, "2026-03-16".to_owned()));
    assert_eq!((&one.recurrence, one.ends_before, one.except_dates.len()), (&None, None, 0));
    let occurrences = database.texts("SELECT CAST(occurrence AS TEXT) FROM session ORDER BY occurrence").await;
    assert_eq!(occurrences, ["2026-03-09 18:30:00", "2026-03-16 18:30:00"], "each day has its session, one of which was moved");
}

#[tokio::test]
async fn named_days_become_a_series_on_sqlite() {
    named_days_become_a_series(BEFORE_SERIES.sqlite()).await;
}

#[tokio::test]
async fn named_days_become_a_series_on_postgresql() {
    let Some(database) = BEFORE_SERIES.postgresql() else { return say_skipped() };
    named_days_become_a_series(database).await;
}
