//! What a follower of the log can rely on, whatever happens to writers, sealers and bytes.

use aftercare::{
    domain::program::{self, NewProgram},
    store::{Action, Tx, Visible},
};
use chrono::TimeDelta;
use entity::{audit_event, event, organization, program as program_row, vocabulary::Role};
use kit::{
    app::{Home, TestApp},
    caller::Caller,
    databases::Kind,
    follower::Follower,
    on_both,
};
use sea_orm::{IdenStatic, Iterable};
use uuid::Uuid;

async fn home(app: &TestApp) -> (Home, Caller, String) {
    let (home, administrator) = app.open_door(&[Role::Administrator]).await;
    app.sealed().await;
    let cursor = administrator.ask("{ viewer { eventCursor } }").await.text("/viewer/eventCursor").to_owned();
    (home, administrator, cursor)
}

/// A writer who has added a program and not yet committed.
async fn writer(app: &TestApp, home: &Home, name: &str) -> (Tx, Visible<program_row::Entity>) {
    let mut tx = app.store.begin(&app.system()).await.unwrap();
    let organization = tx.fetch_for::<organization::Entity>(home.organization, Action::Extend).await.unwrap();
    let new = NewProgram { name: name.to_owned(), ..NewProgram::default() };
    let made = program::create_in(&mut tx, &organization, new).await.unwrap();
    (tx, made)
}

async fn commit(app: &TestApp, home: &Home, name: &str) -> String {
    // What waits at the same time is placed by its time.
    app.clock().advance(TimeDelta::milliseconds(1));
    let (tx, made) = writer(app, home, name).await;
    tx.commit(made).await.unwrap().id.to_string()
}

async fn verify(app: &TestApp) -> Result<aftercare::store::Verified, aftercare::store::Broken> {
    app.store.verify(&app.system()).await.unwrap()
}

/// SQL that makes another value of a column, which the database accepts.
fn changed(kind: Kind, column: &str) -> String {
    let sqlite = kind == Kind::Sqlite;
    let id = Uuid::from_u128(7);
    match column {
        "id" | "subject_id" | "client_id" | "referral_id" | "other_organization_id" if sqlite => format!("X'{}'", id.simple()),
        "id" | "subject_id" | "client_id" | "referral_id" | "other_organization_id" => format!("CAST('{id}' AS uuid)"),
        "ordinal" | "subject_version" => format!("{column} + 1"),
        "kind" => "'WEBHOOK_CHANGED'".to_owned(),
        "at" if sqlite => "REPLACE(at, '2026-03-02', '2026-03-03')".to_owned(),
        "at" => "at + INTERVAL '1 microsecond'".to_owned(),
        "actor" | "subject_kind" | "action" | "request_id" => format!("SUBSTR({column}, 2) || 'x'"),
        "changed" => "'[\"x\"]'".to_owned(),
        "data_classes" => "'[\"IDENTITY\"]'".to_owned(),
        "allowed" => "NOT allowed".to_owned(),
        "hash" if sqlite => "SUBSTR(hash, 1, 31) || X'00'".to_owned(),
        "hash" => "set_byte(hash, 31, get_byte(hash, 31) # 1)".to_owned(),
        _ => panic!("say how to change {column} of a log"),
    }
}

/// Changes each column of the log's third row in turn, and looks whether it is found there.
async fn every_column_is_found(app: &TestApp, table: &str, chain: &str, columns: impl Iterator<Item = &'static str>) {
    app.database.tamper(&format!("CREATE TABLE kept AS SELECT * FROM {table} WHERE position = 3")).await;
    // To another position or organization is another place: gaps are found elsewhere.
    for column in columns.filter(|column| !["position", "organization_id"].contains(column)) {
        let value = changed(app.database.kind, column);
        assert_eq!(app.database.tamper(&format!("UPDATE {table} SET {column} = {value} WHERE position = 3")).await, 1);
        let broken = verify(app).await.expect_err(column);
        assert_eq!((broken.chain.as_str(), broken.position), (chain, 3), "{column}");
        app.database.tamper(&format!("DELETE FROM {table} WHERE position = 3")).await;
        app.database.tamper(&format!("INSERT INTO {table} SELECT * FROM kept")).await;
        verify(app).await.expect("all is as it was");
    }
    app.database.tamper("DROP TABLE kept").await;
}

on_both! {
    async fn a_writer_who_stays_open_for_long_stops_nobody_and_is_not_missed(db: TestDatabase) {
        let app = TestApp::start(db).await;
        let (home, administrator, cursor) = home(&app).await;
        let mut follower = Follower::after(&administrator, &app.url, Some(&cursor)).await;
        // On SQLite there is one writer: who stays open for long makes the others wait, and cannot be overtaken.
        let slow = if app.database.kind == Kind::Postgresql { Some(writer(&app, &home, "Slow").await) } else { None };

        let mut wanted = Vec::new();
        for n in 0..300 {
            wanted.push(commit(&app, &home, &format!("Quick {n}")).await);
            if n % 50 == 49 {
                for id in wanted.drain(..) {
                    assert_eq!(follower.event().await["subjectId"], id, "it is sealed and read while the other is open");
                }
            }
        }
        let late = match slow {
            Some((tx, made)) => tx.commit(made).await.unwrap().id.to_string(),
            None => commit(&app, &home, "Slow").await,
        };
        let after = commit(&app, &home, "After").await;

        assert_eq!([follower.event().await["subjectId"].clone(), follower.event().await["subjectId"].clone()], [late, after]);
        assert!(follower.hears_nothing().await);
        verify(&app).await.unwrap();
    }

    async fn a_sealer_killed_before_it_told_anyone_loses_nothing(db: TestDatabase) {
        let mut app = TestApp::start(db).await;
        let (home, administrator, cursor) = home(&app).await;
        let mut follower = Follower::after(&administrator, &app.url, Some(&cursor)).await;
        // Who begins to follow reads what is there: only after the first event is it certain that they wait to be told.
        let first = commit(&app, &home, "First").await;
        assert_eq!(follower.event().await["subjectId"], first);
        app.stop_sealer().await;
        let mut wanted = Vec::new();
        for n in 0..5 {
            wanted.push(commit(&app, &home, &format!("Number {n}")).await);
        }
        while app.store.seal_batch().await.unwrap() > 0 {}
        assert!(follower.hears_nothing().await, "they have their positions, and nobody was told");

        let replica = app.replica().await;
        let mut there = Follower::after(&administrator, &replica.url, Some(&cursor)).await;
        let sealer = tokio::spawn(app.store.clone().run_sealer());

        assert_eq!(there.event().await["subjectId"], first);
        for follower in [&mut follower, &mut there] {
            for id in &wanted {
                assert_eq!(follower.event().await["subjectId"], *id);
            }
            assert!(follower.hears_nothing().await, "each came once");
        }
        sealer.abort();
    }

    async fn a_change_in_any_column_is_found_where_it_is(db: TestDatabase) {
        let mut app = TestApp::start(db).await;
        let (home, ..) = home(&app).await;
        for n in 0..3 {
            commit(&app, &home, &format!("Number {n}")).await;
        }
        app.stop_sealer().await;
        verify(&app).await.unwrap();

        let of = |log: &str| format!("{log}:{}", home.organization);
        every_column_is_found(&app, "event", &of("event"), event::Column::iter().map(|column| column.as_str())).await;
        every_column_is_found(&app, "audit_event", &of("audit"), audit_event::Column::iter().map(|column| column.as_str())).await;
    }
}
