//! A planned contact of which nobody says what came of it: somebody is asked, once, and by whoever may know.

use chrono::{DateTime, TimeDelta, Utc};
use entity::vocabulary::{OrganizationKind, Role};
use kit::{
    app::TestApp,
    caller::{Answer, Caller},
    handover::Handover,
    on_both,
};
use serde_json::{Value, json};

use super::{LOG, Them, hours};

const ASKED: &str = "{ workItems(filter: { kinds: [FOLLOW_UP_DUE] }) { nodes { id dueAt because closesWhen assignee { id } subject { __typename id } closedAt } } }";

/// Everyone with tokens of now, and the peer of before.
struct Now {
    peer: Caller,
    coordinator: Caller,
    supervisor: Caller,
}

impl Now {
    async fn of(app: &TestApp, them: &Them) -> Self {
        let they = &them.they;
        Self {
            peer: app.token_of(they.peer_staff, &they.support, &[Role::Peer]).treating(),
            coordinator: app.staff(&they.support, &[Role::Coordinator]).await.treating(),
            supervisor: app.staff(&they.support, &[Role::Supervisor]).await.treating(),
        }
    }

    async fn log(&self, app: &TestApp, them: &Them, planned: &str, outcome: &str) -> Answer {
        let input = json!({ "clientId": them.client, "modality": "PHONE", "outcome": outcome, "startedAt": app.clock().now(),
            "scheduledContactId": planned });
        self.peer.ask_with(LOG, json!({ "input": input })).await
    }
}

async fn asked(caller: &Caller) -> Vec<Value> {
    caller.ask(ASKED).await.data("/workItems/nodes").as_array().unwrap().clone()
}

/// Of whom something is asked that is still open.
async fn open(caller: &Caller) -> Vec<Value> {
    let all = asked(caller).await.into_iter();
    all.filter(|item| item["closedAt"].is_null()).map(|item| item["subject"]["id"].clone()).collect()
}

async fn watched(app: &TestApp) -> usize {
    app.database.count("FROM timer WHERE kind = 'CONTACT_FOLLOW_UP'").await
}

on_both! {
    async fn whoever_planned_it_is_asked_a_day_later(db: TestDatabase) {
        let app = TestApp::start(db).await;
        let them = Them::begin(&app).await;
        let planned = them.planned(&app, hours(30)).await;
        app.clock().advance(hours(54) - TimeDelta::microseconds(1));
        app.fire_timers().await;
        let now = Now::of(&app, &them).await;
        assert_eq!(asked(&now.coordinator).await, [Value::Null; 0], "not yet");

        app.clock().advance(TimeDelta::microseconds(1));
        // Another replica does it as well as the one that heard of the plan, and both together do it once.
        let other = app.replica().await;
        tokio::join!(app.fire_timers(), other.fire_timers());

        let told = asked(&now.coordinator).await;
        let [item] = &told[..] else { panic!("{told:?}") };
        assert_eq!(item["subject"], json!({ "__typename": "Client", "id": them.client }));
        assert_eq!(item["assignee"]["id"], json!(them.they.peer_staff), "it is their peer's");
        let due: DateTime<Utc> = item["dueAt"].as_str().unwrap().parse().unwrap();
        assert_eq!(due, app.clock().now() + hours(24));
        assert_eq!(item["because"], "A contact with this person was planned a day ago or more, and nothing was logged of it yet.");
        assert_eq!(item["closesWhen"], "What came of every contact that was planned with this person until now is logged, or it is called off.");
        for reader in [&now.peer, &now.supervisor] {
            assert_eq!(asked(reader).await, told);
        }
        let elsewhere = app.home("Riverbend", OrganizationKind::RecoveryCommunityOrganization).await;
        let node = format!("{{ node(id: {}) {{ id }} }}", item["id"]);
        for (who, home, role) in [
            ("a peer who does not support them", &them.they.support, Role::Peer),
            ("the privacy officer", &them.they.support, Role::PrivacyOfficer),
            ("the administrator", &them.they.support, Role::Administrator),
            ("a referrer of the receiver", &them.they.support, Role::Referrer),
            ("the sender", &them.they.clinic, Role::Referrer),
            ("another organization", &elsewhere, Role::Coordinator),
        ] {
            let reader = app.staff(home, &[role]).await.treating();
            assert_eq!(asked(&reader).await, [Value::Null; 0], "{who}");
            assert_eq!(reader.ask(&node).await.data("/node"), &Value::Null, "{who}");
            assert!(!reader.ask("{ events(first: 100) { nodes { kind subjectId } } }").await.raw.contains(item["id"].as_str().unwrap()), "{who}");
        }
        assert_eq!((watched(&app).await, app.fire_timers().await), (0, 0), "nobody is asked twice");

        assert_eq!(now.log(&app, &them, &planned, "NO_ANSWER").await.user_error_codes(), [""; 0]);
        assert_eq!(open(&now.coordinator).await, [Value::Null; 0]);
        app.sealed().await;
        let events = "FROM event WHERE kind IN ('WORK_ITEM_OPENED', 'WORK_ITEM_CLOSED') AND referral_id IS NULL";
        assert_eq!(app.database.count(events).await, 2);
    }

    async fn of_what_is_logged_or_called_off_in_time_nobody_is_asked(db: TestDatabase) {
        let app = TestApp::start(db).await;
        let them = Them::begin(&app).await;
        let (held, off) = (them.planned(&app, hours(30)).await, them.planned(&app, hours(31)).await);
        them.planned(&app, hours(32)).await;
        assert_eq!(watched(&app).await, 3);
        app.clock().advance(hours(40));
        let now = Now::of(&app, &them).await;
        for (planned, outcome) in [(&held, "NO_ANSWER"), (&off, "CANCELLED_BY_CLIENT")] {
            assert_eq!(now.log(&app, &them, planned, outcome).await.user_error_codes(), [""; 0]);
        }
        assert_eq!(watched(&app).await, 1);
        let unassign = format!("mutation {{ referralUnassign(id: \"{}\", text: \"On leave\") {{ userErrors {{ code }} }} }}", them.referral);
        assert_eq!(now.coordinator.ask(&unassign).await.user_error_codes(), [""; 0]);
        assert_eq!(watched(&app).await, 0, "whoever supports them no more is asked nothing");
        app.clock().advance(hours(40));
        app.fire_timers().await;
        assert_eq!(app.database.count("FROM work_item WHERE kind = 'FOLLOW_UP_DUE'").await, 0);
    }

    async fn one_question_is_asked_until_all_of_it_is_said(db: TestDatabase) {
        let app = TestApp::start(db).await;
        let them = Them::begin(&app).await;
        let (one, two) = (them.planned(&app, hours(1)).await, them.planned(&app, hours(3)).await);
        them.planned(&app, hours(24 * 30)).await;
        app.clock().advance(hours(26));
        app.fire_timers().await;
        let now = Now::of(&app, &them).await;
        assert_eq!(open(&now.coordinator).await, [json!(them.client)]);
        app.clock().advance(hours(2));
        app.fire_timers().await;
        let now = Now::of(&app, &them).await;
        assert_eq!(open(&now.coordinator).await, [json!(them.client)], "it is asked already");
        // Another contact is not what was planned.
        let unplanned = json!({ "input": { "clientId": them.client, "modality": "PHONE", "outcome": "NO_ANSWER", "startedAt": app.clock().now() } });
        assert_eq!(now.peer.ask_with(LOG, unplanned).await.user_error_codes(), [""; 0]);
        now.log(&app, &them, &one, "NO_ANSWER").await.text("/contactLog/contact/id");
        assert_eq!(open(&now.coordinator).await, [json!(them.client)], "of the other nothing is said");
        now.log(&app, &them, &two, "NO_SHOW").await.text("/contactLog/contact/id");
        assert_eq!(open(&now.coordinator).await, [Value::Null; 0], "what lies ahead is not asked for");
    }

    async fn another_peer_ends_the_question(db: TestDatabase) {
        let app = TestApp::start(db).await;
        let them = Them::begin(&app).await;
        them.planned(&app, hours(1)).await;
        app.clock().advance(hours(26));
        app.fire_timers().await;
        let now = Now::of(&app, &them).await;
        assert_eq!(open(&now.coordinator).await, [json!(them.client)]);
        let other = app.staff_member(&them.they.support, &[Role::Peer]).await;
        let other = app.peer(&them.they.support, other).await;
        let assign = them.they.act(&now.coordinator, "referralAssign", &them.referral, &format!("peerId: \"{other}\" clientChose: true")).await;
        assert_eq!(assign.user_error_codes(), [""; 0], "{}", assign.raw);
        assert_eq!(open(&now.coordinator).await, [Value::Null; 0], "what was planned is called off");
    }

    async fn the_question_follows_the_record_that_stands(db: TestDatabase) {
        let app = TestApp::start(db).await;
        let them = Them::begin(&app).await;
        let planned = them.planned(&app, hours(1)).await;
        let other = app.home("Cedar", OrganizationKind::TreatmentProvider).await;
        let second = Handover::between(&app, other, them.they.support.clone()).await;
        let referral = second.referred(&app).await;
        let kept = second.accepted(&referral).await;
        app.clock().advance(hours(26));
        app.fire_timers().await;
        let now = Now::of(&app, &them).await;
        assert_eq!(open(&now.coordinator).await, [json!(them.client)]);
        let merge = format!("mutation {{ clientMerge(keepId: \"{kept}\", mergeId: \"{}\") {{ userErrors {{ code }} }} }}", them.client);
        assert_eq!(now.coordinator.ask(&merge).await.user_error_codes(), [""; 0]);
        app.fire_timers().await;
        assert_eq!(open(&now.coordinator).await, [json!(kept)]);
        let unmerge = format!("mutation {{ clientUnmerge(id: \"{}\") {{ userErrors {{ code }} }} }}", them.client);
        assert_eq!(now.coordinator.ask(&unmerge).await.user_error_codes(), [""; 0]);
        app.fire_timers().await;
        assert_eq!(open(&now.coordinator).await, [json!(them.client)]);
        now.log(&app, &them, &planned, "NO_ANSWER").await.text("/contactLog/contact/id");
        assert_eq!(open(&now.coordinator).await, [Value::Null; 0]);
    }

    async fn what_was_planned_before_there_were_questions_waits_its_day_as_well(db: TestDatabase) {
        let app = TestApp::start(db).await;
        let them = Them::begin(&app).await;
        them.planned(&app, hours(30)).await;
        // As the step of the schema finds it.
        let early = "UPDATE timer SET due_at = (SELECT scheduled_for FROM contact WHERE contact.id = timer.subject_id) WHERE kind = 'CONTACT_FOLLOW_UP'";
        assert_eq!(app.database.tamper(early).await, 1);
        app.clock().advance(hours(30));
        app.fire_timers().await;
        assert_eq!((watched(&app).await, app.database.count("FROM work_item WHERE kind = 'FOLLOW_UP_DUE'").await), (1, 0), "its time has come, and not yet the day after");
        app.clock().advance(hours(24));
        app.fire_timers().await;
        assert_eq!(open(&Now::of(&app, &them).await.coordinator).await, [json!(them.client)]);
    }

    async fn of_whoever_was_erased_nothing_is_asked(db: TestDatabase) {
        let app = TestApp::start(db).await;
        let them = Them::begin(&app).await;
        them.planned(&app, hours(1)).await;
        let decline = them.they.act(&them.they.coordinator, "referralClientDeclines", &them.referral, "reason: NOT_NOW").await;
        assert_eq!(decline.user_error_codes(), [""; 0], "{}", decline.raw);
        let erase = format!("mutation {{ clientErase(id: \"{}\", reason: \"Asked for it\") {{ userErrors {{ code message }} }} }}", them.client);
        assert_eq!(them.they.officer.ask(&erase).await.user_error_codes(), [""; 0]);
        // Should a timer be left, and the contact without its outcome: what a restored copy may bring back.
        assert_eq!(app.database.tamper("UPDATE contact SET outcome = NULL").await, 1);
        let armed = "INSERT INTO timer (kind, subject_id, due_at, failures) SELECT 'CONTACT_FOLLOW_UP', id, scheduled_for, 0 FROM contact";
        assert_eq!(app.database.tamper(armed).await, 1);
        app.clock().advance(hours(26));
        app.fire_timers().await;
        assert_eq!((watched(&app).await, app.database.count("FROM work_item WHERE closed_at IS NULL AND kind = 'FOLLOW_UP_DUE'").await), (0, 0));
    }
}
