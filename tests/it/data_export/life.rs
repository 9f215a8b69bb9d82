//! What becomes of a data export: it fails, is killed, is asked for twice, ends with its week or with whom it is about.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use aftercare::{
    access::Access,
    domain::{
        data_export::{Object, Renders},
        timers::fire_one,
    },
    error::{Error, Result},
    readers::timers,
};
use async_trait::async_trait;
use chrono::TimeDelta;
use entity::vocabulary::{OrganizationKind, Role, TimerKind};
use futures_util::future::join_all;
use kit::{app::TestApp, follower::Follower, handover::Handover, on_both};
use serde_json::{Value, json};
use tokio::time::{sleep, timeout};

use super::{OF_ANOTHER, Story, a_person, ask, asked, done, file, holds, operation};

/// How long a loop may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// Renders as the application does, but for what it is told to do first.
struct Failing {
    whole: Arc<dyn Renders>,
    fails: AtomicBool,
    hangs: bool,
}

#[async_trait]
impl Renders for Failing {
    fn documents(&self) -> Vec<(&'static str, &'static str)> {
        self.whole.documents()
    }

    async fn own_data(&self, oneself: &Access) -> Result<Vec<Object>> {
        if self.fails.load(Ordering::Relaxed) {
            if self.hangs {
                std::future::pending::<()>().await;
            }
            return Err(Error::internal("it cannot be rendered just now"));
        }
        self.whole.own_data(oneself).await
    }
}

impl Failing {
    fn of(app: &TestApp, hangs: bool) -> Self {
        Self { whole: app.renders(), fails: true.into(), hangs }
    }
}

/// Does what is due until an export was begun, of which there is one at the most. Whether there was one.
async fn runs(app: &TestApp, renders: &dyn Renders) -> bool {
    while let Some(kind) = fire_one(&app.store, renders, &*app.reads(), TimerKind::ALL).await.unwrap() {
        if kind == TimerKind::BulkRun {
            return true;
        }
    }
    false
}

on_both! {
    async fn what_takes_a_while_holds_nothing_up(db: TestDatabase) {
        let app = TestApp::start(db).await;
        let Story { them, ours, .. } = a_person(&app).await;
        them.refer(them.another(&app)).await.text("/referralCreate/referral/id");
        asked(&them.officer, &ours).await;
        let loops = tokio::spawn(timers::run(app.store.clone(), Arc::new(Failing::of(&app, true)), app.reads()));
        let comes = async |what: &str| {
            let looking = async {
                while app.database.count(&format!("FROM {what}")).await == 0 {
                    sleep(Duration::from_millis(50)).await;
                }
            };
            timeout(PATIENCE, looking).await.is_ok()
        };
        assert!(comes("bulk_operation WHERE status = 'RUNNING'").await, "it is begun");

        app.clock().advance(TimeDelta::days(5));

        assert!(comes("work_item WHERE kind = 'CLOCK_BREACHED'").await, "what falls due meanwhile is done");
        assert_eq!(app.database.count("FROM bulk_operation WHERE status = 'RUNNING'").await, 1, "and it goes on");
        loops.abort();
    }

    async fn a_file_is_kept_for_a_week(db: TestDatabase) {
        let app = TestApp::start(db).await;
        let Story { them, ours, .. } = a_person(&app).await;
        let id = asked(&them.officer, &ours).await;
        app.fire_timers().await;
        let path = format!("/exports/{id}.ndjson");
        app.clock().advance(TimeDelta::days(7) - TimeDelta::microseconds(1));
        let officer = app.staff(&them.support, &[Role::PrivacyOfficer]).await;
        assert_eq!(officer.download(&path).await.status, 200);
        app.clock().advance(TimeDelta::microseconds(1));

        assert_eq!(officer.download(&path).await.status, 410, "before the timer");
        assert!(app.database.count("FROM bulk_part").await > 0);
        app.fire_timers().await;

        assert_eq!(app.database.count("FROM bulk_part").await, 0);
        assert_eq!(officer.download(&path).await.status, 410);
        assert_eq!(them.clinic_officer.download(&path).await.status, 401, "their token is over");
        let over = operation(&officer, &id).await;
        assert_eq!((&over["status"], &over["resultUrl"]), (&json!("DONE"), &Value::Null));
        assert!(over["sha256"].is_string());
        assert_ne!(asked(&officer, &ours).await, id, "and can be asked for again");
    }

    async fn whoever_is_erased_takes_it_with_them(db: TestDatabase) {
        let app = TestApp::start(db).await;
        let them = Handover::begin(&app).await;
        let left = async || {
            let referral = them.refer({
                let mut input = them.referral(&app);
                input["client"]["externalIdentifiers"] = json!([]);
                input
            }).await.text("/referralCreate/referral/id").to_owned();
            let ours = them.accepted(&referral).await;
            them.act(&them.coordinator, "referralClientDeclines", &referral, "reason: NOT_NOW").await;
            ours
        };
        let erase = async |client: &str| {
            done(&them.officer, &format!("mutation {{ clientErase(id: \"{client}\", reason: \"Asked for it\") {{ userErrors {{ code }} }} }}")).await
        };

        let waiting = left().await;
        let queued = asked(&them.officer, &waiting).await;
        erase(&waiting).await;
        assert_eq!(operation(&them.officer, &queued).await, Value::Null);
        app.fire_timers().await;
        assert_eq!(app.database.count("FROM bulk_operation").await, 0);

        let ready = left().await;
        let id = asked(&them.officer, &ready).await;
        app.fire_timers().await;
        assert_eq!(them.officer.download(&format!("/exports/{id}.ndjson")).await.status, 200);
        erase(&ready).await;
        assert_eq!(them.officer.download(&format!("/exports/{id}.ndjson")).await.status, 404);
        for table in ["bulk_operation", "bulk_part", "timer WHERE kind IN ('BULK_RUN', 'BULK_EXPIRY')"] {
            assert_eq!(app.database.count(&format!("FROM {table}")).await, 0, "{table}");
        }
        assert_eq!(ask(&them.officer, &ready).await.user_error_codes(), ["IMMUTABLE"]);

        // While it is being written down: what is rendered already finds no place any more.
        let going = left().await;
        let id = asked(&them.officer, &going).await;
        let hanging = Failing::of(&app, true);
        assert!(timeout(Duration::from_millis(300), runs(&app, &hanging)).await.is_err());
        assert_eq!(operation(&them.officer, &id).await["status"], "RUNNING");
        erase(&going).await;
        app.clock().advance(TimeDelta::minutes(10));
        app.fire_timers().await;
        assert_eq!(app.database.count("FROM bulk_operation").await, 0);
    }

    async fn what_fails_or_is_killed_is_done_again(db: TestDatabase) {
        let app = TestApp::start(db).await;
        let Story { them, ours, .. } = a_person(&app).await;
        let id = asked(&them.officer, &ours).await;
        let failing = Failing::of(&app, false);
        assert!(runs(&app, &failing).await);
        assert_eq!(operation(&them.officer, &id).await["status"], "QUEUED");
        assert!(!runs(&app, &failing).await, "it waits");

        app.clock().advance(TimeDelta::seconds(30));
        let hanging = Failing::of(&app, true);
        assert!(timeout(Duration::from_millis(300), runs(&app, &hanging)).await.is_err(), "the process is gone");
        assert_eq!(operation(&them.officer, &id).await["status"], "RUNNING");
        app.fire_timers().await;
        assert_eq!(operation(&them.officer, &id).await["status"], "RUNNING", "nobody knows yet");
        assert_eq!(asked(&them.officer, &ours).await, id);

        app.clock().advance(TimeDelta::minutes(10));
        failing.fails.store(false, Ordering::Relaxed);
        while runs(&app, &failing).await {}
        let whole = file(&them.officer, &id).await;
        holds(&whole, &["trumpet"], OF_ANOTHER);
    }

    async fn what_cannot_be_done_is_given_up(db: TestDatabase) {
        let app = TestApp::start(db).await;
        let Story { them, ours, .. } = a_person(&app).await;
        let id = asked(&them.officer, &ours).await;
        let failing = Failing::of(&app, false);
        for _ in 0..5 {
            while runs(&app, &failing).await {}
            app.clock().advance(TimeDelta::minutes(3));
        }

        let over = operation(&them.officer, &id).await;
        assert_eq!((&over["status"], &over["resultUrl"]), (&json!("FAILED"), &Value::Null), "{over}");
        assert!(over["finishedAt"].is_string());
        assert_eq!(app.database.count("FROM timer WHERE kind = 'BULK_RUN'").await, 0);
        assert_eq!(them.officer.download(&format!("/exports/{id}.ndjson")).await.status, 404);
        let again = asked(&them.officer, &ours).await;
        assert_ne!(again, id);
        app.fire_timers().await;
        file(&them.officer, &again).await;
    }

    async fn progress_is_told_as_it_is_made(db: TestDatabase) {
        let app = TestApp::start(db).await;
        let Story { them, ours, .. } = a_person(&app).await;
        let id = asked(&them.officer, &ours).await;
        app.sealed().await;
        let query = format!("subscription {{ bulkOperationProgress(id: \"{id}\") {{ id status processed resultUrl }} }}");
        let mut follower = Follower::asking(&them.officer, &app.url, json!({ "query": query })).await;
        let mut stranger = Follower::asking(&them.clinic_officer, &app.url, json!({ "query": query })).await;
        let first = follower.item("bulkOperationProgress").await;
        assert_eq!((&first["id"], &first["status"]), (&json!(id), &json!("QUEUED")));

        app.fire_timers().await;

        let mut last = follower.item("bulkOperationProgress").await;
        if last["status"] == "RUNNING" {
            last = follower.item("bulkOperationProgress").await;
        }
        assert_eq!(last["status"], "DONE", "{last}");
        assert!(last["resultUrl"].is_string() && last["processed"].as_i64() > Some(10), "{last}");
        assert!(follower.hears_nothing().await);
        assert!(stranger.hears_nothing().await);
    }

    async fn asked_twice_it_is_one(db: TestDatabase) {
        let app = TestApp::start(db).await;
        let Story { them, ours, .. } = a_person(&app).await;
        let query = "mutation($id: ID) { clientDataExport(clientId: $id) { bulkOperation { id status } userErrors { code } } }";
        let keyed = async |key: &str, id: &str| {
            them.officer.send(json!({ "query": query, "variables": { "id": id } }), &[("Idempotency-Key", key)]).await
        };

        let all = join_all((0..6).map(|_| ask(&them.officer, &ours))).await;
        let first = keyed("one", &ours).await;
        let id = first.text("/clientDataExport/bulkOperation/id");
        for answer in &all {
            assert_eq!(answer.text("/clientDataExport/bulkOperation/id"), id);
        }
        app.fire_timers().await;
        let replayed = keyed("one", &ours).await;

        assert_eq!(replayed.headers.get("idempotency-replayed").map(|value| value.to_str().unwrap()), Some("true"));
        assert_eq!(replayed.data("/clientDataExport/bulkOperation"), &json!({ "id": id, "status": "DONE" }), "as it is now");
        let new = keyed("two", &ours).await;
        assert_ne!(new.text("/clientDataExport/bulkOperation/id"), id, "what is done is asked for anew");
        assert_eq!(app.database.count("FROM bulk_operation").await, 2);
        let other = app.home("Riverbend", OrganizationKind::RecoveryCommunityOrganization).await;
        let stranger = app.staff(&other, &[Role::PrivacyOfficer]).await;
        assert_eq!(ask(&stranger, &ours).await.user_error_codes(), ["NOT_FOUND"]);
        assert_eq!(app.database.count("FROM bulk_operation").await, 2);
    }
}
