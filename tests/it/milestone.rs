//! What clients count days from: by their own clock, kept with every new start, and read by whoever reads of their recovery.

use aftercare::{
    access::{Access, Scope, token::Subject},
    domain::milestone::{set, set_in},
    error::Error,
    store::Action,
};
use chrono::{Days, NaiveDate, TimeDelta};
use entity::{
    ClientId, client,
    vocabulary::{MilestoneKind, OrganizationKind, Role},
};
use kit::{
    app::{Home, TestApp, somebody},
    caller::{Answer, Caller},
    on_both,
};
use serde_json::{Value, json};

const SET: &str = "mutation($of: ID, $kind: MilestoneKind!, $label: String, $on: Date!) {
    milestoneSet(clientId: $of, kind: $kind, label: $label, startedOn: $on) {
        client { id version } milestone { kind label startedOn days bestDays cumulativeDays resets }
        userErrors { code message path } } }";

/// An organization and somebody of theirs.
struct Them {
    home: Home,
    coordinator: Caller,
    client: String,
}

impl Them {
    async fn begin(app: &TestApp) -> Self {
        let (home, coordinator) = app.open_door(&[Role::Coordinator]).await;
        let client = created(&coordinator, &home, "America/New_York").await;
        Self { home, coordinator, client }
    }

    async fn set(&self, caller: &Caller, kind: &str, label: Option<&str>, on: &str) -> Answer {
        caller.ask_with(SET, json!({ "of": self.client, "kind": kind, "label": label, "on": on })).await
    }

    /// The client, for those rules that are asked past the door.
    fn id(&self) -> ClientId {
        self.client.parse().unwrap()
    }
}

async fn created(coordinator: &Caller, home: &Home, zone: &str) -> String {
    let create = "mutation($input: ClientCreateInput!) { clientCreate(input: $input) { client { id } userErrors { message } } }";
    let input = json!({ "givenName": "Ada", "familyName": "Byron", "dateOfBirth": "1980-12-10", "contactMethods": [], "timeZone": zone,
        "programIds": [home.program] });
    coordinator.ask_with(create, json!({ "input": input })).await.text("/clientCreate/client/id").to_owned()
}

/// What somebody counts, as a reader sees it: its name, and days, best, sum and resets.
async fn counted(caller: &Caller, client: &str) -> Value {
    let query = "query($id: ID!) { client(id: $id) { recovery { milestones { label days bestDays cumulativeDays resets } } } }";
    let answer = caller.ask_with(query, json!({ "id": client })).await;
    let all = answer.data("/client/recovery/milestones").as_array().unwrap().iter();
    let told = all.map(|one| json!([one["label"], one["days"], one["bestDays"], one["cumulativeDays"], one["resets"]]));
    told.collect::<Vec<_>>().into()
}

async fn merge(caller: &Caller, keep: &str, gone: &str) {
    let merge = format!("mutation {{ clientMerge(keepId: \"{keep}\", mergeId: \"{gone}\") {{ userErrors {{ code }} }} }}");
    assert_eq!(caller.ask(&merge).await.user_error_codes(), [""; 0]);
}

on_both! {
    async fn a_new_start_keeps_what_was_reached(db: TestDatabase) {
        let app = TestApp::start(db).await;
        let them = Them::begin(&app).await;
        assert_eq!(counted(&them.coordinator, &them.client).await, json!([]), "it is nobody's duty to count");

        let first = them.set(&them.coordinator, "ABSTINENCE", None, "2025-11-22").await;
        assert_eq!(first.user_error_codes(), [""; 0], "{}", first.raw);
        assert_eq!(first.data("/milestoneSet/milestone"), &json!({ "kind": "ABSTINENCE", "label": "Abstinence", "startedOn": "2025-11-22",
            "days": 100, "bestDays": 100, "cumulativeDays": 100, "resets": 0 }));
        assert_eq!(first.data("/milestoneSet/client/version"), &json!(2));
        let again = them.set(&them.coordinator, "ABSTINENCE", None, "2026-02-20").await;
        assert_eq!(again.data("/milestoneSet/milestone"), &json!({ "kind": "ABSTINENCE", "label": "Abstinence", "startedOn": "2026-02-20",
            "days": 10, "bestDays": 90, "cumulativeDays": 100, "resets": 1 }));

        app.sealed().await;
        let rows = async || (app.database.count("FROM milestone").await, app.database.count("FROM event").await);
        let before = rows().await;
        for (label, on) in [(None, "2026-02-20"), (Some("Abstinence"), "2025-11-22"), (Some("  Abstinence "), "2025-11-22")] {
            let same = them.set(&them.coordinator, "ABSTINENCE", label, on).await;
            assert_eq!(same.data("/milestoneSet/milestone/resets"), &json!(1), "{}", same.raw);
            assert_eq!(same.data("/milestoneSet/client/version"), &json!(3));
        }
        assert_eq!(rows().await, before, "what is set already changes nothing");

        for (kind, label, on) in [("CUSTOM", "Runs in the morning", "2026-03-01"), ("ABSTINENCE", "Tobacco", "2026-03-02")] {
            assert_eq!(them.set(&them.coordinator, kind, Some(label), on).await.text("/milestoneSet/milestone/label"), label);
        }
        let expected = json!([["Abstinence", 10, 90, 100, 1], ["Tobacco", 0, 0, 0, 0], ["Runs in the morning", 1, 1, 1, 0]]);
        assert_eq!(counted(&them.coordinator, &them.client).await, expected);
        app.sealed().await;
        let events = them.coordinator.ask("{ events(filter: { kinds: [CLIENT_UPDATED] }) { nodes { summary changed subjectVersion } } }").await;
        let nodes = events.data("/events/nodes").as_array().unwrap();
        assert_eq!(nodes.len(), 4);
        assert!(nodes.iter().all(|node| node["changed"] == json!(["recovery"])), "neither kind nor name is in the log: {}", events.raw);
        for text in ["Tobacco", "ABSTINENCE", "Runs in the morning"] {
            assert_eq!(app.database.count(&format!("FROM milestone WHERE CAST(start AS TEXT) LIKE '%{text}%'")).await, 0, "it is sealed");
        }
    }

    async fn days_are_those_of_the_clients_own_clock(db: TestDatabase) {
        let app = TestApp::start(db).await;
        let them = Them::begin(&app).await;
        // It is noon in Greenwich on the second of March.
        for (zone, today, tomorrow) in [
            ("Pacific/Kiritimati", "2026-03-03", "2026-03-04"),
            ("America/New_York", "2026-03-02", "2026-03-03"),
            ("Pacific/Pago_Pago", "2026-03-02", "2026-03-03"),
        ] {
            let of = Them { client: created(&them.coordinator, &them.home, zone).await, home: them.home.clone(), coordinator: them.coordinator.clone() };
            let early = of.set(&of.coordinator, "RECOVERY", None, tomorrow).await;
            assert_eq!((early.user_error_codes(), early.data("/milestoneSet/userErrors/0/path")), (vec!["INVALID"], &json!(["startedOn"])), "{zone}");
            assert_eq!(of.set(&of.coordinator, "RECOVERY", None, today).await.data("/milestoneSet/milestone/days"), &json!(0), "{zone}");
        }
        them.set(&them.coordinator, "RECOVERY", None, "2026-03-02").await;
        app.clock().advance(TimeDelta::hours(17) - TimeDelta::microseconds(1));
        let later = app.staff(&them.home, &[Role::Coordinator]).await;
        assert_eq!(counted(&later, &them.client).await, json!([["Recovery", 0, 0, 0, 0]]), "not yet midnight in New York");
        app.clock().advance(TimeDelta::microseconds(1));
        assert_eq!(counted(&later, &them.client).await, json!([["Recovery", 1, 1, 1, 0]]));
        // They move to where it is still yesterday: nothing counts backwards.
        let moves = format!("mutation {{ clientUpdate(input: {{ id: \"{}\", timeZone: \"Pacific/Pago_Pago\" }}) {{ userErrors {{ code }} }} }}", them.client);
        assert_eq!(later.ask(&moves).await.user_error_codes(), [""; 0]);
        assert_eq!(counted(&later, &them.client).await, json!([["Recovery", 0, 0, 0, 0]]));
    }

    async fn whoever_reads_of_their_recovery_reads_it_and_a_coordinator_sets_it(db: TestDatabase) {
        let app = TestApp::start(db).await;
        let them = Them::begin(&app).await;
        them.set(&them.coordinator, "MOUD_START", None, "2026-02-01").await;
        let supervisor = app.staff(&them.home, &[Role::Supervisor]).await;
        assert_eq!(counted(&supervisor, &them.client).await, json!([["Medication", 29, 29, 29, 0]]));
        let officer = app.staff(&them.home, &[Role::PrivacyOfficer]).await;
        let query = format!("{{ client(id: \"{}\") {{ recovery {{ milestones {{ label }} }} }} }}", them.client);
        let closed = officer.ask(&query).await;
        assert_eq!(closed.data("/client/recovery"), &Value::Null);
        assert_eq!(closed.body["extensions"]["redactions"][0]["dataClass"], "REFERRAL_CLINICAL");

        let elsewhere = app.home("Riverbend", OrganizationKind::RecoveryCommunityOrganization).await;
        for (who, caller, code) in [
            ("a supervisor", &supervisor, "NOT_PERMITTED"),
            ("a privacy officer", &officer, "NOT_PERMITTED"),
            ("a peer who is not assigned", &app.staff(&them.home, &[Role::Peer]).await, "NOT_FOUND"),
            ("an administrator", &app.staff(&them.home, &[Role::Administrator]).await, "NOT_FOUND"),
            ("another organization's coordinator", &app.staff(&elsewhere, &[Role::Coordinator]).await, "NOT_FOUND"),
        ] {
            let refused = them.set(caller, "RECOVERY", None, "2026-02-01").await;
            assert_eq!(refused.user_error_codes(), [code], "{who}: {}", refused.raw);
            assert_eq!(refused.data("/milestoneSet/milestone"), &Value::Null, "{who}");
        }
        let staff = Subject::Staff(app.staff_member(&them.home, &[Role::Coordinator]).await);
        let reader = app.caller(staff, &them.home, &[Role::Coordinator], &[Scope::ClientsRead, Scope::SelfRead, Scope::SelfWrite]);
        assert_eq!(them.set(&reader, "RECOVERY", None, "2026-02-01").await.error_codes(), ["FORBIDDEN"], "what clients may do is theirs");
        assert_eq!(them.set(&app.anyone(), "RECOVERY", None, "2026-02-01").await.error_codes(), ["UNAUTHENTICATED"]);
        assert_eq!(app.database.count("FROM milestone").await, 1);
    }

    async fn clients_set_their_own_and_no_other(db: TestDatabase) {
        let app = TestApp::start(db).await;
        let them = Them::begin(&app).await;
        let other: ClientId = created(&them.coordinator, &them.home, "UTC").await.parse().unwrap();
        let kind = OrganizationKind::RecoveryCommunityOrganization;
        let oneself = |scopes: &[Scope]| {
            let caller = Access::anonymous("a client", app.clock().now());
            Access { scopes: scopes.iter().copied().collect(), ..Access::oneself(them.home.organization, kind, vec![them.id()], caller) }
        };
        let on: NaiveDate = "2026-03-01".parse().unwrap();
        let tried = async |access: &Access, whose| Box::pin(set(&app.store, access, whose, MilestoneKind::Recovery, None, on)).await;
        let (reads, writes) = (oneself(&[Scope::SelfRead]), oneself(&[Scope::SelfRead, Scope::SelfWrite]));
        assert!(matches!(tried(&reads, None).await, Err(Error::NotPermitted)), "whoever only reads sets nothing");
        assert!(matches!(tried(&writes, Some(other)).await, Err(Error::NotFound)));
        assert_eq!(tried(&writes, None).await.unwrap().id, them.id());
        assert_eq!(counted(&them.coordinator, &them.client).await, json!([["Recovery", 1, 1, 1, 0]]));
        assert_eq!(counted(&them.coordinator, &other.to_string()).await, json!([]));
        app.sealed().await;
        let by = app.database.texts("SELECT actor FROM event WHERE kind = 'CLIENT_UPDATED'").await;
        assert_eq!(by, std::slice::from_ref(&them.client));

        let nobody = them.coordinator.ask_with(SET, json!({ "kind": "RECOVERY", "on": "2026-03-01" })).await;
        assert_eq!((nobody.user_error_codes(), nobody.data("/milestoneSet/userErrors/0/path")), (vec!["REQUIRED"], &json!(["clientId"])));
    }

    async fn what_a_merged_record_counted_is_read_with_the_one_that_stands(db: TestDatabase) {
        let app = TestApp::start(db).await;
        let them = Them::begin(&app).await;
        let gone = created(&them.coordinator, &them.home, "UTC").await;
        let other = Them { client: gone.clone(), home: them.home.clone(), coordinator: them.coordinator.clone() };
        them.set(&them.coordinator, "RECOVERY", None, "2026-02-20").await;
        other.set(&them.coordinator, "RECOVERY", None, "2025-11-22").await;
        other.set(&them.coordinator, "CUSTOM", Some("Choir"), "2026-03-01").await;

        merge(&them.coordinator, &them.client, &gone).await;
        let one = json!([["Recovery", 10, 90, 100, 1], ["Choir", 1, 1, 1, 0]]);
        assert_eq!(counted(&them.coordinator, &them.client).await, one);
        // One that starts anew holds no key in its memory.
        let restarted = app.replica().await;
        let there = restarted.staff(&them.home, &[Role::Coordinator]).await;
        assert_eq!(counted(&there, &them.client).await, one, "what was sealed for the merged record opens");
        let by_old_id = other.set(&there, "CUSTOM", Some("Choir"), "2026-03-02").await;
        assert_eq!((by_old_id.text("/milestoneSet/client/id"), by_old_id.data("/milestoneSet/milestone/resets")), (&*them.client, &json!(1)));

        let unmerge = format!("mutation {{ clientUnmerge(id: \"{gone}\") {{ userErrors {{ code }} }} }}");
        assert_eq!(them.coordinator.ask(&unmerge).await.user_error_codes(), [""; 0]);
        assert_eq!(counted(&them.coordinator, &gone).await, json!([["Recovery", 100, 100, 100, 0], ["Choir", 1, 1, 1, 0]]));
        assert_eq!(counted(&them.coordinator, &them.client).await, json!([["Recovery", 10, 10, 10, 0], ["Choir", 0, 0, 0, 0]]), "what was written since stays");
    }

    async fn whoever_sets_some_at_once_waits_for_the_other(db: TestDatabase) {
        let app = TestApp::start(db).await;
        let them = Them::begin(&app).await;
        let labels: Vec<_> = (0..16).map(|number| format!("Number {number}")).collect();
        let set = labels.iter().map(|label| them.set(&them.coordinator, "CUSTOM", Some(label), "2026-02-01"));
        let answers = futures_util::future::join_all(set).await;
        for answer in &answers {
            assert_eq!((answer.error_codes(), answer.user_error_codes()), (vec![], vec![]), "{}", answer.raw);
        }
        assert_eq!(counted(&them.coordinator, &them.client).await.as_array().unwrap().len(), 16);
    }

    async fn of_a_person_who_is_erased_nothing_counts(db: TestDatabase) {
        let app = TestApp::start(db).await;
        let them = Them::begin(&app).await;
        them.set(&them.coordinator, "RECOVERY", None, "2026-02-20").await;
        let officer = app.staff(&them.home, &[Role::PrivacyOfficer]).await;
        let erase = format!("mutation {{ clientErase(id: \"{}\", reason: \"Asked for it\") {{ userErrors {{ code }} }} }}", them.client);
        assert_eq!(officer.ask(&erase).await.user_error_codes(), [""; 0]);
        let query = format!("{{ client(id: \"{}\") {{ erasedAt recovery {{ milestones {{ label }} }} }} }}", them.client);
        let read = them.coordinator.ask(&query).await;
        assert_eq!(read.data("/client/recovery"), &Value::Null, "{}", read.raw);
        assert!(read.data("/client/erasedAt").is_string());
        let refused = them.set(&them.coordinator, "RECOVERY", None, "2026-03-01").await;
        assert_eq!(refused.user_error_codes(), ["IMMUTABLE"], "{}", refused.raw);
    }

    async fn there_are_bounds_to_how_much_is_counted(db: TestDatabase) {
        let app = TestApp::start(db).await;
        let (home, coordinator) = app.open_door(&[Role::Coordinator]).await;
        let mut tx = app.store.begin(&app.system()).await.unwrap();
        let client = aftercare::domain::client::create_in(&mut tx, home.organization, somebody(&home)).await.unwrap().id;
        let day: NaiveDate = "2025-06-01".parse().unwrap();
        for number in 0..100 {
            Box::pin(set_in(&mut tx, client, MilestoneKind::Recovery, None, day + Days::new(number))).await.unwrap();
        }
        for number in 1..20 {
            Box::pin(set_in(&mut tx, client, MilestoneKind::Custom, Some(&number.to_string()), day)).await.unwrap();
        }
        let client = tx.fetch_for::<client::Entity>(client, Action::Read).await.unwrap();
        let them = Them { client: tx.commit(client).await.unwrap().id.to_string(), home, coordinator };
        for (kind, label, on, path) in [
            ("RECOVERY", None, "2026-01-01", "startedOn"),
            ("CUSTOM", Some("one more"), "2026-01-01", "kind"),
            ("PROGRAM", None, "2026-01-01", "kind"),
        ] {
            let refused = them.set(&them.coordinator, kind, label, on).await;
            assert_eq!((refused.user_error_codes(), refused.data("/milestoneSet/userErrors/0/path")), (vec!["TOO_MANY"], &json!([path])), "{}", refused.raw);
        }
        assert_eq!(them.set(&them.coordinator, "RECOVERY", None, "2025-06-01").await.user_error_codes(), [""; 0], "one that is there is no more");
        assert_eq!(them.set(&them.coordinator, "CUSTOM", Some("19"), "2026-01-01").await.user_error_codes(), [""; 0]);
        assert_eq!(counted(&them.coordinator, &them.client).await.as_array().map(Vec::len), Some(20));
    }
}
