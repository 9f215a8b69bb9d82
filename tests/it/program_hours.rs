//! When a program is staffed: what it says, what its clocks reckon with, and who may change it.

use aftercare::domain::{calendar::Span, program};
use chrono::TimeDelta;
use entity::{
    program as row,
    vocabulary::{ClockUnit, EventKind, OrganizationKind, Role},
};
use kit::{
    app::{Home, TestApp},
    caller::{Answer, Caller},
    databases::TestDatabase,
    handover::Handover,
    on_both,
};
use serde_json::{Value, json};

const CREATE: &str =
    "mutation($input: ProgramCreateInput!) { programCreate(input: $input) { program { id } userErrors { code message } } }";
const UPDATE: &str = "mutation($input: ProgramUpdateInput!) { programUpdate(input: $input) { program { id name operations { version } } userErrors { code message path } } }";
const HOURS: &str = "query($id: ID!) { program(id: $id) { name timeZone description phone operations {
    version staffedHours { weekday from to } holidays } } }";
const POLICY: &str = "query($id: ID!) { program(id: $id) { operations { clockPolicy { version clocks {
    kind urgent { amount unit } routine { amount unit } ceiling { amount unit } } } } } }";

async fn open_door(db: TestDatabase) -> (TestApp, Home, Caller) {
    let app = TestApp::start(db).await;
    let (home, administrator) = app.open_door(&[Role::Administrator]).await;
    (app, home, administrator)
}

async fn change(who: &Caller, id: impl ToString, what: Value) -> Answer {
    let mut input = json!({ "id": id.to_string() });
    input.as_object_mut().unwrap().extend(what.as_object().unwrap().clone());
    who.ask_with(UPDATE, json!({ "input": input })).await
}

async fn operations(who: &Caller, id: impl ToString) -> Value {
    who.ask_with(HOURS, json!({ "id": id.to_string() })).await.data("/program/operations").clone()
}

fn range(weekday: &str, from: &str, to: &str) -> Value {
    json!({ "weekday": weekday, "from": from, "to": to })
}

/// When four staffed hours are over that begin on a Friday at 15:00 in New York.
async fn four_hours_later(app: &TestApp, id: impl ToString) -> String {
    let row = app.store.fetch::<row::Entity>(&app.system(), id.to_string().parse().unwrap()).await.unwrap().unwrap();
    let due = program::calendar(&row)
        .unwrap()
        .after("2026-03-06T15:00:00-05:00".parse().unwrap(), Span { amount: 4, unit: ClockUnit::StaffedHours });
    due.to_rfc3339()
}

on_both! {
    async fn a_program_is_staffed_as_it_says_and_otherwise_as_is_usual(db: TestDatabase) {
        let (app, home, administrator) = open_door(db).await;
        let usual: Vec<_> = ["MONDAY", "TUESDAY", "WEDNESDAY", "THURSDAY", "FRIDAY"].iter().map(|day| range(day, "09:00", "17:00")).collect();
        let expected = json!({ "version": 1, "staffedHours": usual, "holidays": [] });
        assert_eq!(operations(&administrator, home.program).await, expected);
        assert_eq!(four_hours_later(&app, home.program).await, "2026-03-09T15:00:00+00:00");

        let said = [range("SATURDAY", "20:00", "00:00"), range("FRIDAY", "13:00", "17:00"), range("FRIDAY", "09:00", "12:00")];
        let holidays = ["2026-12-25", "2026-03-13", "2026-12-25"];
        let input = json!({ "name": "Evenings", "timeZone": "America/New_York", "staffedHours": said, "holidays": holidays });
        let made = administrator.ask_with(CREATE, json!({ "input": input })).await.text("/programCreate/program/id").to_owned();

        let [saturday, afternoon, morning] = said;
        let expected = json!({ "version": 1, "staffedHours": [morning, afternoon, saturday], "holidays": ["2026-03-13", "2026-12-25"] });
        assert_eq!(operations(&administrator, &made).await, expected);
        // Two on Friday, two on Saturday evening.
        assert_eq!(four_hours_later(&app, &made).await, "2026-03-08T03:00:00+00:00");
    }

    async fn a_change_keeps_what_it_does_not_name_and_null_takes_it_back(db: TestDatabase) {
        let (app, home, administrator) = open_door(db).await;
        let hours = json!([range("SUNDAY", "00:00", "00:00")]);
        let first = json!({ "version": 1, "staffedHours": hours, "holidays": ["2026-07-04"], "description": "At night", "phone": "+12125550123" });
        assert_eq!(change(&administrator, home.program, first).await.user_error_codes(), [""; 0]);
        let renamed = change(&administrator, home.program, json!({ "name": "Night Watch" })).await;
        assert_eq!(renamed.data("/programUpdate/program"), &json!({ "id": home.program, "name": "Night Watch", "operations": { "version": 3 } }));

        let shown = administrator.ask_with(HOURS, json!({ "id": home.program })).await;
        let operations = json!({ "version": 3, "staffedHours": hours, "holidays": ["2026-07-04"] });
        let expected = json!({ "name": "Night Watch", "timeZone": shown.data("/program/timeZone"), "description": "At night",
            "phone": "+12125550123", "operations": operations });
        assert_eq!(shown.data("/program"), &expected);
        let found = app.anyone().ask("{ programs(filter: { search: \"night watch\" }) { nodes { description } } }").await;
        assert_eq!(found.data("/programs/nodes"), &json!([{ "description": "At night" }]));

        let cleared = change(&administrator, home.program, json!({ "staffedHours": null, "holidays": null, "description": null, "phone": null })).await;
        assert_eq!(cleared.user_error_codes(), [""; 0]);
        let shown = administrator.ask_with(HOURS, json!({ "id": home.program })).await;
        assert_eq!((shown.data("/program/description"), shown.data("/program/phone")), (&Value::Null, &Value::Null));
        assert_eq!(shown.data("/program/operations/staffedHours").as_array().map(Vec::len), Some(5));
        assert_eq!(shown.data("/program/operations/holidays"), &json!([]));

        app.sealed().await;
        let events = administrator.ask("{ events(last: 2, filter: { kinds: [PROGRAM_CHANGED] }) { nodes { kind changed } } }").await;
        let changed = |fields: &[&str]| json!({ "kind": EventKind::ProgramChanged, "changed": fields });
        let expected = json!([changed(&["name"]), changed(&["description", "phone", "staffedHours", "holidays"])]);
        assert_eq!(events.data("/events/nodes"), &expected);
    }

    async fn a_change_of_what_has_changed_is_refused(db: TestDatabase) {
        let (app, home, administrator) = open_door(db).await;
        let noon = json!({ "version": 1, "staffedHours": [range("MONDAY", "12:00", "13:00")] });
        assert_eq!(change(&administrator, home.program, noon.clone()).await.user_error_codes(), [""; 0]);
        let before = app.database.count("FROM event").await;

        let stale = change(&administrator, home.program, json!({ "version": 1, "staffedHours": null })).await;
        let taken = change(&administrator, home.program, json!({ "name": "Open Door program" })).await;

        assert_eq!(stale.user_error_codes(), ["STALE"]);
        assert_eq!(stale.data("/programUpdate/userErrors/0/path"), &json!(["input", "version"]));
        assert_eq!(taken.user_error_codes(), [""; 0], "its own name is not another's");
        assert_eq!(operations(&administrator, home.program).await["staffedHours"], noon["staffedHours"]);
        let second = administrator.ask_with(CREATE, json!({ "input": { "name": "Evenings" } })).await;
        let taken = change(&administrator, second.text("/programCreate/program/id"), json!({ "name": "Open Door program" })).await;
        assert_eq!(taken.user_error_codes(), ["ALREADY_EXISTS"]);
        assert_eq!(app.database.count("FROM event").await, before + 2, "one of the change that changed nothing, one of the second program");
    }

    async fn administrators_and_the_programs_own_coordinators_change_it(db: TestDatabase) {
        let (app, home, administrator) = open_door(db).await;
        let second = administrator.ask_with(CREATE, json!({ "input": { "name": "Evenings" } })).await.text("/programCreate/program/id").to_owned();
        let coordinator = app.staff(&home, &[Role::Coordinator]).await;
        let peer = app.staff(&home, &[Role::Peer, Role::Supervisor]).await;
        let elsewhere = app.home("Riverbend", OrganizationKind::RecoveryCommunityOrganization).await;
        let stranger = app.staff(&elsewhere, &[Role::Administrator]).await;
        let closed = json!({ "holidays": ["2026-12-25"] });

        let own = home.program.to_string();
        for (who, id, codes) in [
            (&administrator, &second, vec![]),
            (&coordinator, &own, vec![]),
            (&coordinator, &second, vec!["NOT_PERMITTED"]),
            (&peer, &own, vec!["NOT_PERMITTED"]),
            (&stranger, &own, vec!["NOT_PERMITTED"]),
        ] {
            assert_eq!(change(who, id, closed.clone()).await.user_error_codes(), codes, "{id}");
        }
        assert_eq!(operations(&peer, home.program).await["holidays"], json!(["2026-12-25"]), "colleagues see how it is run");
        assert_eq!(operations(&stranger, home.program).await, Value::Null);
        assert_eq!(operations(&app.anyone(), home.program).await, Value::Null);
    }

    async fn the_policy_of_the_clocks_is_told(db: TestDatabase) {
        let (_app, home, administrator) = open_door(db).await;
        let told = administrator.ask_with(POLICY, json!({ "id": home.program })).await;
        let span = |amount: u32, unit: &str| json!({ "amount": amount, "unit": unit });
        let rule = |kind: &str, [urgent, routine, ceiling]: [Value; 3]| json!({ "kind": kind, "urgent": urgent, "routine": routine, "ceiling": ceiling });
        let clocks = [
            rule("ACKNOWLEDGE", [span(4, "STAFFED_HOURS"), span(1, "BUSINESS_DAYS"), span(3, "BUSINESS_DAYS")]),
            rule("FIRST_ATTEMPT", [24, 48, 72].map(|hours| span(hours, "HOURS"))),
            rule("FIRST_CONTACT", [3, 7, 30].map(|days| span(days, "DAYS"))),
            rule("ENGAGE", [7, 14, 30].map(|days| span(days, "DAYS"))),
        ];
        assert_eq!(told.data("/program/operations/clockPolicy"), &json!({ "version": 1, "clocks": clocks }));
    }

    async fn a_program_lists_the_referrals_that_it_sent_and_received(db: TestDatabase) {
        let app = TestApp::start(db).await;
        let clinic = app.home("Harbor", OrganizationKind::TreatmentProvider).await;
        let home = app.home("Open Door", OrganizationKind::RecoveryCommunityOrganization).await;
        let (sender, receiver) = (clinic.program, home.program);
        let them = Handover::between(&app, clinic, home).await;
        let sent = them.refer(them.referral(&app)).await.text("/referralCreate/referral/id").to_owned();
        app.clock().advance(TimeDelta::minutes(1));
        let mut draft = them.referral(&app);
        draft["submit"] = json!(false);
        draft["client"]["externalIdentifiers"] = json!([{ "system": "mrn", "value": "draft" }]);
        let draft = them.refer(draft).await.text("/referralCreate/referral/id").to_owned();

        let lists = "query($id: ID!, $filter: ReferralFilter) { program(id: $id) { operations {
            referralsReceived(filter: $filter) { totalCount nodes { id } } referralsSent(filter: $filter) { totalCount nodes { id } } } } }";
        let list = |ids: &[&String]| json!({ "totalCount": ids.len(), "nodes": ids.iter().map(|id| json!({ "id": id })).collect::<Vec<_>>() });
        let both = |received: &[&String], sent: &[&String]| json!({ "referralsReceived": list(received), "referralsSent": list(sent) });
        let open = json!({ "status": ["SUBMITTED"] });
        for (what, who, program, filter, expected) in [
            ("its sender", &them.referrer, sender, json!(null), both(&[], &[&draft, &sent])),
            ("its sender, of what was submitted", &them.referrer, sender, open.clone(), both(&[], &[&sent])),
            ("its receiver", &them.coordinator, receiver, json!(null), both(&[&sent], &[])),
            ("its receiver, of what was accepted", &them.coordinator, receiver, json!({ "status": ["ACCEPTED"] }), both(&[], &[])),
            ("of another organization's program", &them.coordinator, sender, json!(null), Value::Null),
        ] {
            let answer = who.ask_with(lists, json!({ "id": program, "filter": filter })).await;
            assert_eq!(answer.data("/program/operations"), &expected, "{what}");
        }

        let home = Home { organization: them.support.organization, program: receiver };
        let bystander = app.staff(&home, &[Role::Billing]).await;
        let answer = bystander.ask_with(lists, json!({ "id": receiver, "filter": null })).await;
        assert_eq!(answer.data("/program/operations"), &both(&[], &[]), "who sees no referrals is shown none");
    }
}
