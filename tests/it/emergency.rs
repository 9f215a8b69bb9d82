//! Medical emergencies: what is released, to whom, how long, and how it is accounted for and reviewed (42 CFR 2.51).

use aftercare::access::{Scope, token::Subject};
use chrono::{DateTime, TimeDelta, Utc};
use entity::vocabulary::{OrganizationKind, PurposeOfUse, Role};
use kit::{
    app::{Home, TestApp},
    caller::{Answer, Caller},
    handover::Handover,
    on_both,
};
use serde_json::{Value, json};

const OPEN: &str = "mutation($client: ID!, $to: ID, $name: String!, $facility: String!, $nature: String!) {
    emergencyAccess(clientId: $client, recipientOrganizationId: $to, recipientName: $name, facility: $facility, nature: $nature) {
        client { id identity { familyName } } userErrors { code message path } } }";

const READ: &str = "query($id: ID!) { client(id: $id) { id identity { familyName contactMethods { value } } recovery { pathways moud }
    programs { id } care { __typename } privacy { __typename } timeline { totalCount nodes { id } } } }";

const DISCLOSURES: &str = "query($id: ID!) { client(id: $id) { privacy { disclosures { totalCount nodes { recipient { name } recipientName
    recipientAddress description actorName dataClasses purpose consent { id } emergency at client { id } } } } } }";

/// A peer recovery organization with a client whom their peer supports, and a hospital that knows nobody there.
struct Them {
    they: Handover,
    hospital: Home,
    client: String,
}

impl Them {
    async fn begin(app: &TestApp) -> Self {
        let they = Handover::begin(app).await;
        let hospital = app.home("Mercy Hospital", OrganizationKind::TreatmentProvider).await;
        let id = they.referred(app).await;
        let client = they.accepted(&id).await;
        they.assigned(&id).await;
        Self { they, hospital, client }
    }

    /// Somebody at the hospital, in an emergency.
    async fn physician(&self, app: &TestApp) -> Caller {
        app.staff(&self.hospital, &[Role::Coordinator]).await.naming(PurposeOfUse::Emergency)
    }

    async fn open(&self, caller: &Caller, to: Option<&Home>) -> Answer {
        let to = to.map(|to| to.organization.to_string());
        let told = json!({ "client": self.client, "to": to, "name": "Dr. Reed", "facility": "Mercy Hospital, 1 Hill Road",
            "nature": "Found unconscious" });
        caller.ask_with(OPEN, told).await
    }

    async fn read(&self, caller: &Caller) -> Answer {
        caller.ask_with(READ, json!({ "id": self.client })).await
    }

    /// The lines of the accounting, newest first.
    async fn accounted(&self, app: &TestApp) -> Vec<Value> {
        let officer = app.staff(&self.they.support, &[Role::PrivacyOfficer]).await.treating();
        let answer = officer.ask_with(DISCLOSURES, json!({ "id": self.client })).await;
        answer.data("/client/privacy/disclosures/nodes").as_array().unwrap().clone()
    }
}

fn at(value: &Value) -> DateTime<Utc> {
    value.as_str().unwrap().parse().unwrap()
}

/// The open reviews, as somebody sees them.
async fn reviews(caller: &Caller) -> Vec<Value> {
    let query = "{ workItems(filter: { kinds: [EMERGENCY_ACCESS_REVIEW], open: true }) { nodes { id dueAt because closesWhen requestedBy
        subject { __typename id } } } }";
    caller.ask(query).await.data("/workItems/nodes").as_array().unwrap().clone()
}

fn decide(mutation: &str, id: &Value) -> String {
    let note = if mutation == "workItemReject" { "note: \"Nobody was treated\"" } else { "" };
    format!("mutation {{ {mutation}(id: {id} {note}) {{ workItem {{ decision closedAt }} userErrors {{ code path }} }} }}")
}

on_both! {
    async fn an_emergency_opens_who_somebody_is_and_the_clinical_facts_for_four_hours(db: TestDatabase) {
        let app = TestApp::start(db).await;
        let them = Them::begin(&app).await;
        let physician = them.physician(&app).await;
        assert_eq!(them.read(&physician).await.data("/client"), &Value::Null, "nobody has opened anything");

        let opened = them.open(&them.they.coordinator, Some(&them.hospital)).await;
        assert_eq!(opened.user_error_codes(), [""; 0], "{}", opened.raw);
        assert_eq!(opened.text("/emergencyAccess/client/id"), them.client);

        let read = them.read(&physician).await;
        assert_eq!(read.data("/client"), &json!({
            "id": them.client, "identity": { "familyName": "Byron", "contactMethods": [{ "value": "+12125550123" }] },
            "recovery": { "pathways": ["SECULAR"], "moud": true }, "programs": [], "care": null, "privacy": null,
            "timeline": { "totalCount": 0, "nodes": [] },
        }), "{}", read.raw);
        assert!(read.body["extensions"]["part2Notice"].is_string(), "{}", read.raw);
        assert_eq!(read.body["extensions"]["consentScope"], json!([]));
        assert_eq!(read.body["extensions"]["redactions"], Value::Null, "what is another organization's is absent, not closed");
        let node = physician.ask(&format!("{{ node(id: \"{}\") {{ ... on Client {{ id identity {{ givenName }} }} }} }}", them.client)).await;
        assert_eq!(node.text("/node/identity/givenName"), "Ada");
        let all = physician.ask(&format!("{{ nodes(ids: [\"{}\"]) {{ id }} }}", them.client)).await;
        assert_eq!(all.text("/nodes/0/id"), them.client);

        app.clock().advance(TimeDelta::hours(4) - TimeDelta::microseconds(1));
        let later = them.physician(&app).await;
        assert_eq!(them.read(&later).await.text("/client/identity/familyName"), "Byron");
        app.clock().advance(TimeDelta::microseconds(1));
        assert_eq!(them.read(&later).await.data("/client"), &Value::Null, "four hours are over");
    }

    async fn it_opens_nothing_to_anybody_else_and_nothing_but_the_row(db: TestDatabase) {
        let app = TestApp::start(db).await;
        let them = Them::begin(&app).await;
        let physician = them.physician(&app).await;
        them.open(&them.they.coordinator, Some(&them.hospital)).await;

        let mut plain = physician.clone();
        plain.purpose = None;
        for (who, caller) in [
            ("without a purpose", plain.clone()),
            ("with another purpose", physician.treating()),
            ("of a third organization", app.staff(&them.they.clinic, &[Role::Referrer]).await.naming(PurposeOfUse::Emergency)),
            ("without the scope", app.caller(
                Subject::Staff(app.staff_member(&them.hospital, &[Role::Coordinator]).await),
                &them.hospital, &[Role::Coordinator], &[Scope::ReferralsRead],
            ).naming(PurposeOfUse::Emergency)),
        ] {
            let node = caller.ask(&format!("{{ node(id: \"{}\") {{ id }} }}", them.client)).await;
            assert_eq!(node.data("/node"), &Value::Null, "{who}");
        }
        for role in [Role::Administrator, Role::PrivacyOfficer, Role::Analyst, Role::Billing, Role::Moderator] {
            let caller = app.staff(&them.hospital, &[role]).await.naming(PurposeOfUse::Emergency);
            let refused = them.read(&caller).await;
            assert_eq!((refused.status, refused.error_codes()), (403, vec!["FORBIDDEN"]), "{role:?}: {}", refused.raw);
        }
        let application = app.api_client(&them.hospital, &[Role::Coordinator], &[Scope::ClientsRead], &[PurposeOfUse::Emergency]).await;
        let application = app.caller(Subject::Api(application.id), &them.hospital, &[Role::Coordinator], &[Scope::ClientsRead]);
        assert_eq!(them.read(&application.naming(PurposeOfUse::Emergency)).await.status, 403, "an application is no physician");

        app.sealed().await;
        let lists = physician.ask("{ clients { totalCount nodes { id } } named: clients(filter: { familyName: \"Byron\" }) { totalCount }
            known: client(externalIdentifier: { system: \"mrn\", value: \"0017\" }) { id }
            events(filter: {}) { nodes { kind } } referrals { totalCount } workItems { totalCount } contacts { totalCount } }").await;
        assert_eq!(lists.data("/clients"), &json!({ "totalCount": 0, "nodes": [] }), "{}", lists.raw);
        assert_eq!((lists.data("/named/totalCount"), lists.data("/known")), (&json!(0), &Value::Null));
        assert!(!lists.raw.contains("EMERGENCY_ACCESS_OPENED") && !lists.raw.contains("CLIENT_CREATED"), "{}", lists.raw);
        let start = plain.ask("{ viewer { eventCursor } }").await.text("/viewer/eventCursor").to_owned();
        let followed = physician.follow(&format!("subscription {{ events(after: \"{start}\") {{ subject {{ id }} }} }}"), std::time::Duration::from_secs(1)).await;
        assert!(followed.raw.contains("FORBIDDEN") && !followed.raw.contains(&them.client), "{}", followed.raw);

        let before = app.database.count("FROM event").await;
        for mutation in [
            format!("referralCreate(input: {{ clientId: \"{}\", urgency: ROUTINE, dischargeType: NOT_YET_DISCHARGED }}) {{ referral {{ id }} userErrors {{ code }} }}", them.client),
            format!("consentRecord(input: {{ clientId: \"{}\", consent: {{ kind: CONTACT_CHANNELS, dataClasses: [], purposes: [], signedAt: \"2026-03-01T12:00:00Z\", signedBy: \"Somebody\", signerCapacity: SELF, signatureMethod: PAPER, neverExpires: true }} }}) {{ consent {{ id }} userErrors {{ code }} }}", them.client),
            format!("emergencyAccess(clientId: \"{}\", recipientName: \"A\", facility: \"B\", nature: \"C\") {{ client {{ id }} userErrors {{ code }} }}", them.client),
        ] {
            let answer = physician.ask(&format!("mutation {{ {mutation} }}")).await;
            assert_eq!(answer.user_error_codes(), ["NOT_FOUND"], "{mutation}: {}", answer.raw);
        }
        assert_eq!(app.database.count("FROM event").await, before);
        assert_eq!(them.accounted(&app).await.len(), 1, "who was told nothing is no recipient");
    }

    async fn each_reading_is_accounted_for_and_audited(db: TestDatabase) {
        let app = TestApp::start(db).await;
        let them = Them::begin(&app).await;
        let physician = them.physician(&app).await;
        them.open(&them.they.supervisor, Some(&them.hospital)).await;
        app.clock().advance(TimeDelta::minutes(1));
        them.read(&physician).await;
        app.clock().advance(TimeDelta::minutes(1));
        physician.ask(&format!("{{ client(id: \"{}\") {{ pseudonym }} }}", them.client)).await;

        let lines = them.accounted(&app).await;
        let told = |line: &Value| json!([line["recipient"]["name"], line["recipientName"], line["recipientAddress"], line["description"], line["dataClasses"]]);
        let both = json!(["IDENTITY", "REFERRAL_CLINICAL"]);
        let words = "identity and contact; clinical facts of the referral; in a medical emergency";
        assert_eq!(lines.iter().map(told).collect::<Vec<_>>(), [
            // That somebody is a client is told by the row alone.
            json!(["Mercy Hospital", "Mercy Hospital", null, "identity and contact; in a medical emergency", ["IDENTITY"]]),
            json!(["Mercy Hospital", "Mercy Hospital", null, words, both]),
            json!(["Mercy Hospital", "Dr. Reed", "Mercy Hospital, 1 Hill Road", format!("{words}: Found unconscious"), both]),
        ]);
        for line in &lines {
            assert_eq!((&line["purpose"], &line["consent"], &line["emergency"]), (&json!("EMERGENCY"), &Value::Null, &json!(true)), "{line}");
            assert_eq!(line["client"]["id"], them.client.as_str());
        }
        assert_eq!(at(&lines[0]["at"]) - at(&lines[2]["at"]), TimeDelta::minutes(2));
        assert_ne!(lines[0]["actorName"], lines[2]["actorName"], "who read, and who disclosed");
        let read = format!("FROM audit_event WHERE action = 'READ' AND actor = '{}'", lines[0]["actorName"].as_str().unwrap());
        assert_eq!(app.database.count(&read).await, 2);
        assert_eq!(app.database.count("FROM disclosure WHERE recipient_name LIKE '%Reed%'").await, 0, "the facts are sealed");
        assert_eq!(app.database.count("FROM event WHERE kind = 'EMERGENCY_ACCESS_OPENED'").await, 1);
        assert_eq!(app.database.count("FROM event WHERE kind = 'EMERGENCY_ACCESS_OPENED' AND CAST(changed AS TEXT) <> '[]'").await, 0);
        app.sealed().await;
        app.store.verify(&app.system()).await.unwrap().unwrap();
    }

    async fn what_was_told_by_telephone_is_accounted_for_at_once(db: TestDatabase) {
        let app = TestApp::start(db).await;
        let them = Them::begin(&app).await;

        let told = them.open(&them.they.peer, None).await;

        assert_eq!(told.user_error_codes(), [""; 0], "{}", told.raw);
        let lines = them.accounted(&app).await;
        assert_eq!(lines.len(), 1);
        let line = &lines[0];
        assert_eq!((&line["recipient"], line["recipientName"].as_str()), (&Value::Null, Some("Dr. Reed")));
        assert_eq!(line["recipientAddress"], "Mercy Hospital, 1 Hill Road");
        assert_eq!(line["description"], "identity and contact; clinical facts of the referral; in a medical emergency: Found unconscious");
        assert_eq!((&line["emergency"], &line["actorName"]), (&json!(true), &json!(them.they.peer_staff.to_string())));
        assert_eq!(at(&line["at"]), app.clock().now());
        assert_eq!(them.read(&them.physician(&app).await).await.data("/client"), &Value::Null, "nobody was named who could read it");
        app.sealed().await;
        let seen = them.they.coordinator.ask("{ events(filter: { kinds: [EMERGENCY_ACCESS_OPENED] }) { nodes { kind summary subject { id } } } }").await;
        assert_eq!(seen.text("/events/nodes/0/subject/id"), them.client, "{}", seen.raw);
        let clinic = them.they.referrer.ask("{ events(filter: { kinds: [EMERGENCY_ACCESS_OPENED] }) { nodes { kind } } }").await;
        assert_eq!(clinic.data("/events/nodes"), &json!([]), "it is the holder's own");
    }

    async fn those_who_see_the_client_may_record_one(db: TestDatabase) {
        let app = TestApp::start(db).await;
        let them = Them::begin(&app).await;
        let they = &them.they;
        for (caller, code) in [
            (&they.coordinator, None),
            (&they.supervisor, None),
            (&they.peer, None),
            (&they.officer, None),
            (&app.staff(&they.support, &[Role::Peer]).await, Some("NOT_FOUND")),
            (&app.staff(&they.support, &[Role::Analyst]).await, Some("NOT_FOUND")),
            (&app.staff(&they.support, &[Role::Administrator]).await, Some("NOT_FOUND")),
            (&they.referrer, Some("NOT_FOUND")),
            (&they.clinic_officer, Some("NOT_FOUND")),
        ] {
            let before = app.database.count("FROM event").await;
            let answer = them.open(caller, None).await;
            assert_eq!(answer.user_error_codes(), code.into_iter().collect::<Vec<_>>(), "{}", answer.raw);
            assert_eq!(app.database.count("FROM event").await - before, if code.is_none() { 2 } else { 0 });
        }
        let theirs = they.referrer.ask("{ clients { nodes { id } } }").await.text("/clients/nodes/0/id").to_owned();
        let told = json!({ "client": theirs, "name": "Dr. Reed", "facility": "Mercy", "nature": "Unconscious" });
        assert_eq!(they.referrer.ask_with(OPEN, told).await.user_error_codes(), ["NOT_PERMITTED"], "a referrer sees the client, and may not");
        let application = app.api_client(&they.support, &[Role::Coordinator], &[Scope::ClientsWrite], &[]).await;
        let application = app.caller(Subject::Api(application.id), &they.support, &[Role::Coordinator], &[Scope::ClientsWrite]);
        assert_eq!(them.open(&application, None).await.user_error_codes(), ["NOT_PERMITTED"], "who discloses is a person");
        let reader = app.caller(Subject::Staff(they.peer_staff), &they.support, &[Role::Peer], &[Scope::ClientsRead]);
        assert_eq!(them.open(&reader, None).await.error_codes(), ["FORBIDDEN"]);
        assert_eq!(app.database.count("FROM emergency_access").await, 4);
    }

    async fn another_person_reviews_it_and_a_rejection_ends_it(db: TestDatabase) {
        let app = TestApp::start(db).await;
        let them = Them::begin(&app).await;
        let physician = them.physician(&app).await;
        let (opener, other) = (&them.they.officer, app.staff(&them.they.support, &[Role::PrivacyOfficer]).await.treating());
        them.open(opener, Some(&them.hospital)).await;
        app.clock().advance(TimeDelta::seconds(1));
        them.open(opener, Some(&them.hospital)).await;

        for (caller, seen) in [(&them.they.coordinator, 0), (&them.they.supervisor, 0), (&them.they.peer, 0), (&them.they.clinic_officer, 0), (&other, 2)] {
            assert_eq!(reviews(caller).await.len(), seen, "each has a review of its own, for the privacy officer");
        }
        let found = reviews(&other).await;
        assert_eq!(at(&found[0]["dueAt"]), "2026-03-05T12:00:00Z".parse::<DateTime<Utc>>().unwrap(), "within 72 hours");
        assert_eq!(found[0]["subject"], json!({ "__typename": "Client", "id": them.client }));
        assert_eq!(found[0]["requestedBy"], "Somebody");
        let (first, second) = (&found[0]["id"], &found[1]["id"]);
        for (caller, code) in [(opener, "NOT_PERMITTED"), (&them.they.supervisor, "NOT_FOUND"), (&them.they.clinic_officer, "NOT_FOUND")] {
            for mutation in ["workItemApprove", "workItemReject"] {
                assert_eq!(caller.ask(&decide(mutation, first)).await.user_error_codes(), [code], "{mutation}");
            }
        }
        let silent = format!("mutation {{ workItemReject(id: {first} note: \" \") {{ workItem {{ id }} userErrors {{ code path }} }} }}");
        assert_eq!(other.ask(&silent).await.user_error_codes(), ["REQUIRED"]);
        assert_eq!(reviews(&other).await.len(), 2);

        let rejected = other.ask(&decide("workItemReject", second)).await;
        assert_eq!(rejected.text("/workItemReject/workItem/decision"), "REJECTED", "{}", rejected.raw);
        assert_eq!(them.read(&physician).await.text("/client/id"), them.client, "the other one is open still");
        other.ask(&decide("workItemReject", first)).await.text("/workItemReject/workItem/closedAt");
        assert_eq!(them.read(&physician).await.data("/client"), &Value::Null, "at once");
        assert_eq!(other.ask(&decide("workItemApprove", first)).await.user_error_codes(), ["IMMUTABLE"]);

        them.open(&them.they.peer, Some(&them.hospital)).await;
        let last = reviews(&other).await;
        let approved = other.ask(&decide("workItemApprove", &last[0]["id"])).await;
        assert_eq!(approved.text("/workItemApprove/workItem/decision"), "APPROVED", "{}", approved.raw);
        assert_eq!(them.read(&physician).await.text("/client/id"), them.client, "it goes on until its time is over");
        assert_eq!(reviews(&other).await, [Value::Null; 0]);
    }

    async fn one_that_is_asked_for_again_is_recorded_once(db: TestDatabase) {
        let app = TestApp::start(db).await;
        let them = Them::begin(&app).await;
        let told = json!({ "client": them.client, "name": "Dr. Reed", "facility": "Mercy", "nature": "Unconscious" });
        let body = json!({ "query": OPEN, "variables": told });
        for _ in 0..2 {
            let answer = them.they.coordinator.send(body.clone(), &[("idempotency-key", "one")]).await;
            assert_eq!(answer.text("/emergencyAccess/client/id"), them.client, "{}", answer.raw);
        }
        assert_eq!(them.accounted(&app).await.len(), 1);
        assert_eq!(app.database.count("FROM emergency_access").await, 1);
    }

    async fn why_it_is_open_is_explained_by_what_opens_it(db: TestDatabase) {
        let app = TestApp::start(db).await;
        let them = Them::begin(&app).await;
        let explain = async |class: &str, role: &str, purpose: &str| {
            let query = format!("{{ explainAccess(clientId: \"{}\" dataClass: {class} purpose: {purpose} organizationId: \"{}\" role: {role}) {{
                allowed steps {{ rule passed }} remedy }} }}", them.client, them.hospital.organization);
            let officer = app.staff(&them.they.support, &[Role::PrivacyOfficer]).await;
            officer.ask(&query).await.data("/explainAccess").clone()
        };
        let steps = |explained: &Value| {
            let steps = explained["steps"].as_array().unwrap().iter();
            steps.map(|step| format!("{} {}", step["rule"].as_str().unwrap(), step["passed"])).collect::<Vec<_>>().join(", ")
        };
        let closed = explain("IDENTITY", "COORDINATOR", "EMERGENCY").await;
        assert_eq!((steps(&closed).as_str(), &closed["allowed"]), ("role true, emergency false, class false", &json!(false)));
        assert!(closed["remedy"].as_str().unwrap().contains("emergencyAccess"));
        them.open(&them.they.coordinator, Some(&them.hospital)).await;

        for (class, role, purpose, wanted, allowed) in [
            ("IDENTITY", "COORDINATOR", "EMERGENCY", "role true, emergency true, class true", true),
            ("REFERRAL_CLINICAL", "REFERRER", "EMERGENCY", "role true, emergency true, class true", true),
            ("CONTACTS_AND_NOTES", "SUPERVISOR", "EMERGENCY", "role true, emergency true, class false", false),
            ("IDENTITY", "ANALYST", "EMERGENCY", "role false, emergency false, class false", false),
            ("IDENTITY", "COORDINATOR", "TREATMENT", "referral false, role false, consent false", false),
        ] {
            let explained = explain(class, role, purpose).await;
            assert_eq!((steps(&explained).as_str(), &explained["allowed"]), (wanted, &json!(allowed)), "{class} {role} {purpose}");
        }
        app.clock().advance(TimeDelta::hours(4));
        assert_eq!(explain("IDENTITY", "COORDINATOR", "EMERGENCY").await["allowed"], json!(false));
        assert_eq!(app.database.count("FROM disclosure WHERE emergency_access_id IS NOT NULL").await, 1, "explaining discloses nothing");
    }
}
