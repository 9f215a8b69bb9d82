//! The log of what happened: dense, in order, whole; and the audit of who saw and who was refused.

use std::{sync::Arc, time::Duration};

use aftercare::{
    app::App,
    config::Environment,
    domain::organization::{self, NewOrganization},
    store::{Broken, Tx, Verified},
};
use entity::vocabulary::{OrganizationKind, Role};
use futures_util::future::join_all;
use kit::{
    app::TestApp,
    databases::{Kind, TestDatabase},
    on_both,
};
use serde_json::json;

/// A writer who has written and not yet committed.
async fn writer(app: &App, name: &str) -> (Tx, impl FnOnce(Tx) -> Commit) {
    let mut tx = app.store.begin(&aftercare::access::Access::system("test", app.clock().now())).await.unwrap();
    let kind = OrganizationKind::RecoveryCommunityOrganization;
    let new = NewOrganization { name: name.to_owned(), kind, time_zone: "America/New_York".to_owned() };
    let made = organization::create_in(&mut tx, new).await.unwrap();
    (tx, |tx| Box::pin(async move { drop(tx.commit(made).await.unwrap()) }))
}

type Commit = std::pin::Pin<Box<dyn Future<Output = ()> + Send>>;

async fn commit(app: &App, name: &str) {
    let (tx, done) = writer(app, name).await;
    done(tx).await;
}

/// The names of the organizations that were made, in the order of the log, from a position on.
async fn made_after(db: &TestDatabase, position: usize) -> Vec<String> {
    let of = "FROM event JOIN organization ON organization.id = event.subject_id";
    db.texts(&format!("SELECT organization.name {of} WHERE event.position > {position} ORDER BY event.position")).await
}

/// Positions are 1 to n, each once, and nothing waits. Gives n.
async fn dense(app: &TestApp) -> usize {
    app.sealed().await;
    let positions = app.database.texts("SELECT CAST(position AS TEXT) FROM event ORDER BY event.position").await;
    assert_eq!(positions, (1..=positions.len()).map(|n| n.to_string()).collect::<Vec<_>>());
    positions.len()
}

async fn verify(app: &App) -> Result<Verified, Broken> {
    app.store.verify(&aftercare::access::Access::system("test", app.clock().now())).await.unwrap()
}

on_both! {
    async fn the_log_is_in_the_order_of_commits(db: TestDatabase) {
        let app = TestApp::start(db).await;
        if app.database.kind == Kind::Sqlite {
            // There is one writer: the second begins when the first is done.
            commit(&app, "Second").await;
            commit(&app, "First").await;
        } else {
            let (first, commit_first) = writer(&app, "First").await;
            let (second, commit_second) = writer(&app, "Second").await;
            commit_second(second).await;
            app.sealed().await;
            commit_first(first).await;
        }

        assert_eq!(dense(&app).await, 2);
        if app.database.kind == Kind::Postgresql {
            assert_eq!(made_after(&app.database, 0).await, ["Second", "First"]);
        }
        assert_eq!(verify(&app).await.unwrap().events, 2);
    }

    async fn who_follows_the_log_misses_no_late_commit(db: TestDatabase) {
        let app = TestApp::start(db).await;
        let mut seen = Vec::new();
        let slow = match app.database.kind {
            Kind::Postgresql => Some(writer(&app, "Slow").await),
            Kind::Sqlite => None,
        };
        for n in 0..5 {
            commit(&app, &format!("Quick {n}")).await;
            app.sealed().await;
            seen.extend(made_after(&app.database, seen.len()).await);
        }
        match slow {
            Some((tx, done)) => done(tx).await,
            None => commit(&app, "Slow").await,
        }
        app.sealed().await;
        seen.extend(made_after(&app.database, seen.len()).await);

        assert_eq!(seen, ["Quick 0", "Quick 1", "Quick 2", "Quick 3", "Quick 4", "Slow"]);
        assert_eq!(dense(&app).await, 6);
        assert_eq!(verify(&app).await.unwrap().events, 6);
    }

    async fn two_sealers_seal_each_event_once(db: TestDatabase) {
        let app = TestApp::start(db).await;
        let replica = App::open(app.config.clone(), app.clock().clone(), Environment::Development).await.unwrap();
        let sealers: Vec<_> = [&app.store, &app.store, &replica.store, &replica.store]
            .map(|store| {
                let store = store.clone();
                tokio::spawn(async move {
                    loop {
                        store.seal_batch().await.unwrap();
                        tokio::time::sleep(Duration::from_millis(1)).await;
                    }
                })
            })
            .into();

        join_all((0..40).map(|n| {
            let app = if n % 2 == 0 { &*app } else { &replica };
            async move { commit(app, &format!("Number {n}")).await }
        }))
        .await;

        assert_eq!(dense(&app).await, 40);
        assert!(sealers.iter().all(|sealer| !sealer.is_finished()), "no sealer failed");
        sealers.iter().for_each(tokio::task::JoinHandle::abort);
        assert_eq!(verify(&app).await, Ok(Verified { events: 40, audit: 40, disclosures: 0 }));
    }

    async fn the_chains_verify_while_they_grow(db: TestDatabase) {
        let app = Arc::new(TestApp::start(db).await);
        let writing = Arc::clone(&app);
        let busy = tokio::spawn(async move {
            for n in 0..60 {
                commit(&writing, &format!("Number {n}")).await;
                writing.store.seal_batch().await.unwrap();
            }
        });

        while !busy.is_finished() {
            verify(&app).await.unwrap();
        }

        busy.await.unwrap();
        assert_eq!(dense(&app).await, 60);
    }

    async fn a_changed_event_is_found(db: TestDatabase) {
        let app = TestApp::start(db).await;
        let home = app.home("Open Door", OrganizationKind::RecoveryCommunityOrganization).await;
        app.staff_member(&home, &[Role::Peer]).await;
        assert_eq!(dense(&app).await, 3);
        verify(&app).await.unwrap();

        assert_eq!(app.database.tamper("UPDATE event SET actor = 'system:tesu' WHERE position = 2").await, 1);

        let broken = verify(&app).await.unwrap_err();
        assert_eq!((broken.chain, broken.position), (format!("event:{}", home.organization), 2));
    }

    async fn a_changed_audit_entry_is_found(db: TestDatabase) {
        let app = TestApp::start(db).await;
        let home = app.home("Open Door", OrganizationKind::RecoveryCommunityOrganization).await;
        app.staff_member(&home, &[Role::Peer]).await;
        app.sealed().await;

        assert_eq!(app.database.tamper("UPDATE audit_event SET request_id = request_id || 'x' WHERE position = 3").await, 1);

        let broken = verify(&app).await.unwrap_err();
        assert_eq!((broken.chain, broken.position), (format!("audit:{}", home.organization), 3));
    }

    async fn a_missing_end_is_found(db: TestDatabase) {
        let app = TestApp::start(db).await;
        let home = app.home("Open Door", OrganizationKind::RecoveryCommunityOrganization).await;
        app.sealed().await;
        let audit = "(SELECT MAX(position) FROM audit_event)";
        let kept = "CREATE TABLE kept AS SELECT * FROM audit_event";
        app.database.tamper(kept).await;
        assert_eq!(app.database.tamper(&format!("DELETE FROM audit_event WHERE position = {audit}")).await, 1);
        let broken = verify(&app).await.unwrap_err();
        assert_eq!((broken.chain, broken.position), (format!("audit:{}", home.organization), 2));

        app.database.tamper("DELETE FROM audit_event").await;
        let broken = verify(&app).await.unwrap_err();
        assert_eq!((broken.chain, broken.position), (format!("audit:{}", home.organization), 2), "all of it is an end too");

        app.database.tamper("INSERT INTO audit_event SELECT * FROM kept").await;
        verify(&app).await.unwrap();
        assert_eq!(app.database.tamper("DELETE FROM event WHERE position = 2").await, 1);
        let broken = verify(&app).await.unwrap_err();
        assert_eq!((broken.chain, broken.position), (format!("event:{}", home.organization), 2));
    }

    async fn a_changed_head_is_found(db: TestDatabase) {
        let app = TestApp::start(db).await;
        let home = app.home("Open Door", OrganizationKind::RecoveryCommunityOrganization).await;
        app.sealed().await;

        for (chain, position) in [(format!("event:{}", home.organization), 2), ("event".to_owned(), 2)] {
            app.database.tamper(&format!("CREATE TABLE kept AS SELECT * FROM chain_head WHERE chain = '{chain}'")).await;
            assert_eq!(app.database.tamper(&format!("DELETE FROM chain_head WHERE chain = '{chain}'")).await, 1);
            let broken = verify(&app).await.unwrap_err();
            assert_eq!((broken.chain, broken.position), (chain, position));
            app.database.tamper("INSERT INTO chain_head SELECT * FROM kept").await;
            app.database.tamper("DROP TABLE kept").await;
        }
        verify(&app).await.unwrap();
    }

    async fn a_batch_costs_as_many_statements_for_forty_commits_as_for_one(db: TestDatabase) {
        let mut app = TestApp::start(db).await;
        app.stop_sealer().await;
        let mut costs = Vec::new();
        for commits in [1, 40] {
            for n in 0..commits {
                commit(&app, &format!("{n} of {commits}")).await;
            }
            app.take_statements();
            assert_eq!(app.store.seal_batch().await.unwrap(), 2 * commits, "an event and an audit entry each");
            costs.push(app.take_statements().len());
        }

        assert_eq!(costs[0], costs[1]);
        verify(&app).await.unwrap();
    }

    async fn a_gap_is_found(db: TestDatabase) {
        let app = TestApp::start(db).await;
        app.home("Open Door", OrganizationKind::RecoveryCommunityOrganization).await;
        app.sealed().await;

        app.database.tamper("DELETE FROM event WHERE position = 1").await;

        let broken = verify(&app).await.unwrap_err();
        assert_eq!((broken.chain.as_str(), broken.position), ("event", 1));
    }

    async fn a_commit_without_an_event_is_refused(db: TestDatabase) {
        let app = TestApp::start(db).await;
        let home = app.home("Open Door", OrganizationKind::RecoveryCommunityOrganization).await;
        let tx = app.store.begin(&app.system()).await.unwrap();
        let row = tx.fetch_for::<entity::organization::Entity>(home.organization, aftercare::store::Action::Read).await.unwrap();

        let refused = tx.commit(row).await.map(drop).unwrap_err();

        assert_eq!(refused.to_string(), "internal: a command committed without an event");
    }

    async fn who_read_an_identity_is_in_the_audit_before_the_answer(db: TestDatabase) {
        let app = TestApp::start(db).await;
        let (home, coordinator) = app.open_door(&[Role::Coordinator]).await;
        let create = "mutation($input: ClientCreateInput!) { clientCreate(input: $input) { client { id } userErrors { code } } }";
        let input = json!({ "givenName": "Ada", "familyName": "Byron", "dateOfBirth": "1980-12-10", "contactMethods": [], "programIds": [home.program.to_string()] });
        let made = coordinator.ask_with(create, json!({ "input": input })).await;
        let id = json!({ "id": made.text("/clientCreate/client/id") });
        let reads = "FROM audit_event WHERE action = 'READ' AND allowed";
        assert_eq!(app.database.count(reads).await, 0, "an id is nobody's secret");

        coordinator.ask_with("query($id: ID!) { client(id: $id) { pseudonym } }", id.clone()).await;
        assert_eq!(app.database.count(reads).await, 0);
        coordinator.ask_with("query($id: ID!) { client(id: $id) { identity { givenName } } }", id).await;

        assert_eq!(app.database.texts(&format!("SELECT CAST(data_classes AS TEXT) {reads}")).await, ["[\"IDENTITY\"]"]);
        app.sealed().await;
        verify(&app).await.unwrap();
    }

    async fn a_refusal_is_in_the_audit_and_is_no_event(db: TestDatabase) {
        let app = TestApp::start(db).await;
        let (_home, peer) = app.open_door(&[Role::Peer]).await;
        let before = app.database.count("FROM event").await;

        let refused = peer.ask("mutation { programCreate(input: { name: \"Mine\" }) { program { id } userErrors { code } } }").await;

        assert_eq!(refused.user_error_codes(), ["NOT_PERMITTED"], "{}", refused.raw);
        let entries = app.database.texts("SELECT action FROM audit_event WHERE NOT allowed").await;
        assert_eq!(entries, ["REFUSED:programCreate"]);
        assert_eq!(app.database.count("FROM event").await, before);
        assert_eq!(app.database.count("FROM program WHERE name = 'Mine'").await, 0);
    }
}
