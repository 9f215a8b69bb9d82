//! What was written before a change of the schema is there after it.

use std::sync::LazyLock;

use entity::gathering::Series;
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
    let (instant, nothing) = if sqlite { ("'2026-03-02T12:00:00.000000Z'", "X'00'") } else { ("'2026-03-02T12:00:00Z'", "'\\x00'") };
    let organization = format!(
        "INSERT INTO organization (id, name, kind, time_zone, sandbox, part2_status, hipaa_status, active, created_at, updated_at, version)
         VALUES ({}, 'Open Door', 'RECOVERY_COMMUNITY_ORGANIZATION', 'America/New_York', false, 'NOT_PART2', 'NEITHER', true, {instant}, {instant}, 1)",
        id(2)
    );
    let program = format!(
        "INSERT INTO program (id, organization_id, name, languages, time_zone, services, serves_remotely, service_areas, accepts_referrals,
            created_at, updated_at, version)
         VALUES ({}, {}, 'Evenings', '[]', 'America/New_York', '[]', false, '[]', false, {instant}, {instant}, 1)",
        id(3),
        id(2)
    );
    let client = format!(
        "INSERT INTO client (id, organization_id, pseudonym, identity, recovery, created_at, updated_at, version)
         VALUES ({}, {}, 'Calm River 1', {nothing}, {nothing}, {instant}, {instant}, 1)",
        id(6),
        id(2)
    );
    let registration =
        |number: u8, session: u8, status: &str, version: u8| {
            format!(
            "INSERT INTO registration (id, organization_id, session_id, client_id, attendance, status, registered_at, updated_at, version)
             VALUES ({}, {}, {}, {}, 'ONLINE', '{status}', {instant}, {instant}, {version})",
            id(number), id(2), id(session), id(6)
        )
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
    let registrations = [registration(7, 4, "REGISTERED", 1), registration(8, 5, "CANCELLED", 2)];
    let rows = [organization, program, client, workshop, session(4), session(5)].into_iter().chain(registrations);
    let all = rows.collect::<Vec<_>>().join(";\n");
    database.connect().await.execute_unprepared(&all).await.unwrap();
}

async fn named_days_become_a_series(database: TestDatabase) {
    workshop_of_two_days(&database).await;

    Migrator::up(&database.connect().await, None).await.unwrap();

    let series = database.texts("SELECT CAST(series AS TEXT) FROM gathering WHERE kind = 'WORKSHOP' AND open").await;
    let series: Vec<Series> = serde_json::from_str(&series[0]).unwrap();
    let [one] = &series[..] else { panic!("{series:?}") };
    assert_eq!((one.id, one.minutes), (uuid::Uuid::from_u128(1), 90));
    assert_eq!((one.starts_on.to_string(), one.start_time.to_string()), ("2026-03-09".to_owned(), "18:30:00".to_owned()));
    assert_eq!((one.extra_dates.len(), one.extra_dates[0].to_string()), (1, "2026-03-16".to_owned()));
    assert_eq!((&one.recurrence, one.ends_before, one.except_dates.len()), (&None, None, 0));
    let occurrences = database.texts("SELECT CAST(occurrence AS TEXT) FROM session ORDER BY occurrence").await;
    assert_eq!(occurrences, ["2026-03-09 18:30:00", "2026-03-16 18:30:00"], "each day has its session, one of which was moved");
    let steps = "SELECT r.status || ' ' || CAST(s.version AS TEXT) || ' ' || s.status || ' ' || s.cause
        FROM registration r JOIN registration_step s ON s.registration_id = r.id
        WHERE r.seated = (r.status = 'REGISTERED') ORDER BY r.status, s.version";
    let expected = ["CANCELLED 1 REGISTERED REGISTERED", "CANCELLED 2 CANCELLED LEFT", "REGISTERED 1 REGISTERED REGISTERED"];
    assert_eq!(database.texts(steps).await, expected, "each registration knows how it came to stand there");
    let refused = [
        "UPDATE gathering SET organization_id = NULL",
        "UPDATE gathering SET program_id = NULL",
        "UPDATE gathering SET kind = 'LISTED_MEETING'",
        "UPDATE gathering SET kind = 'SOMETHING'",
        "UPDATE session SET program_id = NULL",
        "DELETE FROM session",
        "DELETE FROM gathering",
    ];
    for statement in refused {
        assert!(database.connect().await.execute_unprepared(statement).await.is_err(), "{statement}");
    }
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
