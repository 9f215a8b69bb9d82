//! All that an organization holds about a person, written down for them (domain 3.4, rule 9): what is in it, what is not, who asks, who
//! downloads, and what becomes of it.

mod life;

use std::collections::{BTreeMap, BTreeSet};

use aftercare::{
    access::{Scope, token::Subject},
    domain::gathering::{self, NewGathering},
};
use aws_lc_rs::digest;
use chrono::TimeDelta;
use data_encoding::HEXLOWER;
use entity::vocabulary::{GatheringVisibility, Role};
use kit::{
    app::{TestApp, new_workshop},
    caller::{Answer, Caller},
    handover::Handover,
    on_both,
};
use serde_json::{Value, json};

const OPERATION: &str =
    "id status format dryRun processed total errorCount errors { totalCount } resultUrl sha256 expiresAt createdAt finishedAt";

/// Asks for somebody's data.
async fn ask(caller: &Caller, client: &str) -> Answer {
    let ask = format!(
        "mutation($id: ID) {{ clientDataExport(clientId: $id) {{ bulkOperation {{ {OPERATION} }} userErrors {{ code message path }} }} }}"
    );
    caller.ask_with(&ask, json!({ "id": client })).await
}

async fn asked(caller: &Caller, client: &str) -> String {
    ask(caller, client).await.text("/clientDataExport/bulkOperation/id").to_owned()
}

async fn operation(caller: &Caller, id: &str) -> Value {
    let answer = caller.ask(&format!("{{ bulkOperation(id: \"{id}\") {{ {OPERATION} }} }}")).await;
    assert_eq!(answer.error_codes(), [""; 0], "{}", answer.raw);
    answer.data("/bulkOperation").clone()
}

/// The file of an operation that is done.
async fn file(caller: &Caller, id: &str) -> Answer {
    let done = operation(caller, id).await;
    assert_eq!(done["status"], "DONE", "{done}");
    let file = caller.download(done["resultUrl"].as_str().unwrap()).await;
    assert_eq!(file.status, 200, "{}", file.raw);
    let sum = digest::digest(&digest::SHA256, file.raw.as_bytes());
    assert_eq!(done["sha256"], HEXLOWER.encode(sum.as_ref()));
    file
}

/// The objects of a file by their kind, and its header.
fn lines(file: &Answer) -> (Value, BTreeMap<String, Vec<Value>>) {
    let mut lines = file.raw.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let header = lines.next().unwrap();
    assert_eq!(header["kind"], "Header");
    let mut kinds: BTreeMap<String, Vec<Value>> = BTreeMap::new();
    for line in lines {
        kinds.entry(line["kind"].as_str().unwrap().to_owned()).or_default().push(line["data"].clone());
    }
    (header["data"].clone(), kinds)
}

async fn done(caller: &Caller, mutation: &str) -> Answer {
    let answer = caller.ask(mutation).await;
    assert!(answer.error_codes().is_empty() && answer.user_error_codes().is_empty(), "{mutation}: {}", answer.raw);
    answer
}

/// The peer logs a contact with a note that is shared or not. Gives its id.
async fn noted(app: &TestApp, them: &Handover, client: &str, note: &str, shared: bool) -> String {
    let log = "mutation($input: ContactLogInput!) { contactLog(input: $input) { contact { id } userErrors { message } } }";
    let input = json!({ "clientId": client, "modality": "PHONE", "outcome": "COMPLETED", "startedAt": app.clock().now(), "minutes": 20,
        "note": note, "noteShared": shared, "topics": ["the garden gate"] });
    them.peer.ask_with(log, json!({ "input": input })).await.text("/contactLog/contact/id").to_owned()
}

async fn written(caller: &Caller, referral: &str, body: &str) {
    let send =
        format!("mutation {{ referralSendMessage(id: \"{referral}\", body: \"{body}\") {{ message {{ id }} userErrors {{ code }} }} }}");
    done(caller, &send).await;
}

/// A person of whom both sides hold everything that there is, and somebody else beside them.
struct Story {
    them: Handover,
    referral: String,
    /// The sender's record and the receiver's.
    theirs: String,
    ours: String,
}

async fn a_person(app: &TestApp) -> Story {
    let them = Handover::begin(app).await;
    let referral = them.referred(app).await;
    let theirs = them.read(&them.referrer, &referral).await.text("/referral/client/id").to_owned();
    let ours = them.accepted(&referral).await;
    them.assigned(&referral).await;
    let shared = noted(app, &them, &ours, "Wants to learn the trumpet", true).await;
    let hidden = noted(app, &them, &ours, "Seems afraid of her uncle", false).await;
    for (contact, text) in [(shared, "Has found a teacher"), (hidden, "The uncle came along")] {
        done(&them.peer, &format!("mutation {{ contactAddendum(id: \"{contact}\", text: \"{text}\") {{ userErrors {{ code }} }} }}")).await;
    }
    written(&them.referrer, &referral, "She sleeps until noon").await;
    written(&them.coordinator, &referral, "Then we call at two").await;
    let mut consent = them.consent(app);
    consent["signedBy"] = json!("Ada Lovelace-Byron");
    consent["dataClasses"] = json!(["IDENTITY"]);
    let record = "mutation($input: ConsentRecordInput!) { consentRecord(input: $input) { consent { id } userErrors { message } } }";
    them.coordinator.ask_with(record, json!({ "input": { "clientId": ours, "consent": consent } })).await.text("/consentRecord/consent/id");
    let counts = format!(
        "mutation {{ milestoneSet(clientId: \"{ours}\", kind: CUSTOM, label: \"Plays every day\", startedOn: \"2026-02-20\") {{ userErrors {{ code }} }} }}"
    );
    done(&them.coordinator, &counts).await;
    seated(app, &them, &ours).await;
    other(app, &them).await;
    app.sealed().await;
    Story { them, referral, theirs, ours }
}

/// A seat in a workshop that is for clients only.
async fn seated(app: &TestApp, them: &Handover, client: &str) {
    let mut tx = app.store.begin(&app.system()).await.unwrap();
    let new =
        NewGathering { title: "Sleeping again".to_owned(), visibility: GatheringVisibility::ClientsOnly, ..new_workshop(&them.support) };
    let draft = gathering::create_in(&mut tx, new).await.unwrap();
    let published = gathering::publish_in(&mut tx, &draft).await.unwrap();
    tx.commit(published).await.unwrap();
    let found = them.coordinator.ask("{ sessions { nodes { id } } }").await;
    let register = format!(
        "mutation {{ registrationCreate(input: {{ sessionId: \"{}\", registrant: {{ clientId: \"{client}\" }} }}) {{ userErrors {{ message }} }} }}",
        found.text("/sessions/nodes/0/id")
    );
    done(&them.coordinator, &register).await;
}

/// Somebody else, whose words must stand in nobody's file but their own.
async fn other(app: &TestApp, them: &Handover) {
    let mut input = them.referral(app);
    input["client"]["givenName"] = json!("Grace");
    input["client"]["familyName"] = json!("Hopper");
    input["client"]["dateOfBirth"] = json!("1966-12-09");
    input["client"]["externalIdentifiers"] = json!([{ "system": "mrn", "value": "mrn-0099" }]);
    input["client"]["contactMethods"] = json!([{ "kind": "PHONE", "value": "+1 212 555 0999", "safe": true }]);
    input["consent"]["signedBy"] = json!("Grace Hopper");
    input["reason"] = json!("Likes ships");
    let referral = them.refer(input).await.text("/referralCreate/referral/id").to_owned();
    let client = them.accepted(&referral).await;
    them.assigned(&referral).await;
    noted(app, them, &client, "Dreams of the sea", true).await;
    written(&them.referrer, &referral, "Her ship sails at six").await;
}

const OF_ANOTHER: &[&str] = &["Grace", "Hopper", "1966-12-09", "5550999", "mrn-0099", "Likes ships", "Dreams of the sea", "Her ship sails"];

fn holds(file: &Answer, words: &[&str], absent: &[&str]) {
    for word in words {
        assert!(file.raw.contains(word), "{word:?} is missing: {}", file.raw);
    }
    for word in absent {
        assert!(!file.raw.contains(word), "{word:?} is there: {}", file.raw);
    }
}

on_both! {
    async fn all_that_the_receiver_holds_and_nothing_of_anybody_else(db: TestDatabase) {
        let app = TestApp::start(db).await;
        let Story { them, ours, .. } = a_person(&app).await;

        let queued = ask(&them.officer, &ours).await;
        let queued = queued.data("/clientDataExport/bulkOperation").clone();
        assert_eq!((&queued["status"], &queued["format"], &queued["dryRun"]), (&json!("QUEUED"), &json!("NDJSON"), &json!(false)));
        assert_eq!((&queued["resultUrl"], &queued["sha256"], &queued["finishedAt"]), (&Value::Null, &Value::Null, &Value::Null));
        assert!(app.fire_timers().await > 0);
        let id = queued["id"].as_str().unwrap();
        let file = file(&them.officer, id).await;

        holds(&file, &[
            "Ada", "Byron", "1980-12-10", "+12125550123", "night workers", "SECULAR", "Wants a peer who knows the evenings",
            "Wants to learn the trumpet", "Has found a teacher", "the garden gate", "She sleeps until noon", "Then we call at two",
            "Ada Lovelace-Byron", "Sleeping again", "Parker", "Harbor program", "Plays every day", "\"cumulativeDays\":10",
        ], OF_ANOTHER);
        holds(&file, &[], &["Seems afraid of her uncle", "The uncle came along", "Somebody", "episode-17"]);
        let (header, kinds) = lines(&file);
        assert_eq!((&header["formatVersion"], &header["organization"]), (&json!(1), &json!("Open Door")));
        assert!(header["part2Notice"].as_str().unwrap().starts_with("42 CFR part 2 prohibits"), "{header}");
        assert!(header["scope"].as_str().unwrap().contains("Open Door holds about them"), "{header}");
        assert_eq!(header["documents"].as_array().map(Vec::len), Some(app.renders().documents().len()));
        let counts: BTreeMap<_, _> = kinds.iter().map(|(kind, objects)| (kind.as_str(), objects.len())).collect();
        for (kind, count) in [("Client", 1), ("Consent", 2), ("Referral", 1), ("ReferralMessage", 2), ("Contact", 2), ("Episode", 1),
            ("PeerMatch", 1), ("Registration", 1)] {
            assert_eq!(counts.get(kind), Some(&count), "{counts:?}");
        }
        assert!(counts["Event"] > 3 && counts["AuditEvent"] > 0, "{counts:?}");
        let done = operation(&them.officer, id).await;
        let objects = json!(counts.values().sum::<usize>());
        assert_eq!((&done["processed"], &done["total"], &done["errorCount"]), (&objects, &objects, &json!(0)));
        assert_eq!(done["resultUrl"], json!(format!("{}/exports/{id}.ndjson", app.config.public_url())));
        assert_eq!((&file.headers["cache-control"], &file.headers["content-disposition"]), (
            &"no-store".parse().unwrap(), &format!("attachment; filename=\"{id}.ndjson\"").parse().unwrap(),
        ));
        for word in ["trumpet", "Byron"] {
            assert_eq!(app.database.count(&format!("FROM bulk_part WHERE CAST(content AS TEXT) LIKE '%{word}%'")).await, 0, "it is sealed");
        }
    }

    async fn all_that_the_sender_holds_with_what_it_disclosed(db: TestDatabase) {
        let app = TestApp::start(db).await;
        let Story { them, referral, theirs, ours } = a_person(&app).await;
        let before = app.database.count("FROM disclosure").await;
        let id = asked(&them.clinic_officer, &theirs).await;
        app.fire_timers().await;

        let told = file(&them.clinic_officer, &id).await;

        holds(&told, &["Ada", "1980-12-10", "episode-17", "0017", "Wants a peer who knows", "She sleeps until noon", "Open Door", "CONNECTED"], OF_ANOTHER);
        holds(&told, &[], &["trumpet", "uncle", "Sleeping again", "Ada Lovelace-Byron", &ours]);
        let (_, kinds) = lines(&told);
        assert!(kinds["Disclosure"].iter().any(|line| line["recipientName"] == "Open Door"), "{:?}", kinds["Disclosure"]);
        assert!(!kinds.contains_key("Contact") && !kinds.contains_key("Episode"), "support is the receiver's");
        assert_eq!(app.database.count("FROM disclosure").await, before, "what people read of themselves is told to no other organization");

        // How it goes is the receiver's: without a consent the sender's file does not tell it either.
        let consent = kinds["Consent"][0]["id"].as_str().unwrap();
        done(&them.referrer, &format!("mutation {{ consentRevoke(id: \"{consent}\", how: \"By telephone\", written: false) {{ userErrors {{ code }} }} }}")).await;
        let id = asked(&them.clinic_officer, &theirs).await;
        app.fire_timers().await;
        let later = file(&them.clinic_officer, &id).await;
        holds(&later, &["Ada", "By telephone", &referral], &["Then we call at two", "CONNECTED"]);
        let (_, kinds) = lines(&later);
        assert_eq!(kinds["Referral"][0]["progress"], Value::Null);
    }

    async fn of_a_merged_record_all_that_became_one(db: TestDatabase) {
        let app = TestApp::start(db).await;
        let Story { them, ours, .. } = a_person(&app).await;
        let create = format!(
            "mutation {{ clientCreate(input: {{ givenName: \"Adele\", familyName: \"Byron\", dateOfBirth: \"1980-12-10\",
                contactMethods: [], programIds: [\"{}\"] }}) {{ client {{ id }} userErrors {{ code }} }} }}",
            them.support.program
        );
        let second = them.coordinator.ask(&create).await.text("/clientCreate/client/id").to_owned();
        let merge = format!("mutation {{ clientMerge(keepId: \"{ours}\", mergeId: \"{second}\") {{ userErrors {{ code }} }} }}");
        done(&them.coordinator, &merge).await;

        let id = asked(&them.officer, &second).await;

        assert_eq!(asked(&them.officer, &ours).await, id, "it is one person's");
        app.fire_timers().await;
        let told = file(&them.officer, &id).await;
        holds(&told, &["Adele", "Ada", "trumpet"], OF_ANOTHER);
        assert_eq!(lines(&told).1["Client"].len(), 2);

        let undo = format!("mutation {{ clientUnmerge(id: \"{second}\") {{ userErrors {{ code }} }} }}");
        let running = asked(&them.officer, &ours).await;
        done(&them.coordinator, &undo).await;
        app.fire_timers().await;
        for id in [id, running] {
            assert_eq!(operation(&them.officer, &id).await, Value::Null, "it holds what is another person's now");
            assert_eq!(them.officer.download(&format!("/exports/{id}.ndjson")).await.status, 404);
        }
        assert_eq!(app.database.count("FROM bulk_part").await, 0);
        let alone = asked(&them.officer, &ours).await;
        app.fire_timers().await;
        holds(&file(&them.officer, &alone).await, &["Ada", "trumpet"], &["Adele"]);
    }

    async fn at_most_five_are_made_in_a_day(db: TestDatabase) {
        let app = TestApp::start(db).await;
        let Story { them, ours, .. } = a_person(&app).await;
        for _ in 0..5 {
            asked(&them.officer, &ours).await;
            app.fire_timers().await;
        }
        assert_eq!(ask(&them.officer, &ours).await.user_error_codes(), ["TOO_MANY"]);
        assert_eq!(app.database.count("FROM bulk_operation").await, 5);
        app.clock().advance(TimeDelta::days(1));
        let officer = app.staff(&them.support, &[Role::PrivacyOfficer]).await;
        asked(&officer, &ours).await;
    }

    async fn nobody_else_asks_sees_or_downloads(db: TestDatabase) {
        let app = TestApp::start(db).await;
        let Story { them, ours, .. } = a_person(&app).await;
        let id = asked(&them.officer, &ours).await;
        app.fire_timers().await;
        let path = format!("/exports/{id}.ndjson");
        let scoped = |scopes: &[Scope]| {
            let (app, home, scopes) = (&app, &them.support, scopes.to_vec());
            async move {
                let id = app.staff_member(home, &[Role::PrivacyOfficer]).await;
                app.caller(Subject::Staff(id), home, &[Role::PrivacyOfficer], &scopes)
            }
        };

        for (caller, code) in [(&them.coordinator, "NOT_PERMITTED"), (&them.supervisor, "NOT_PERMITTED"), (&them.peer, "NOT_PERMITTED"),
            (&them.referrer, "NOT_FOUND"), (&them.clinic_officer, "NOT_FOUND")] {
            assert_eq!(ask(caller, &ours).await.user_error_codes(), [code]);
            assert_eq!(operation(caller, &id).await, Value::Null);
            assert_eq!(caller.ask(&format!("{{ node(id: \"{id}\") {{ id }} }}")).await.data("/node"), &Value::Null);
            let (foreign, absent) = (caller.download(&path).await, caller.download("/exports/blk_00000000000000000000000000.ndjson").await);
            assert_eq!((foreign.status, &foreign.raw), (404, &absent.raw));
        }
        for role in [Role::Administrator, Role::Analyst, Role::Billing, Role::Moderator] {
            let caller = app.staff(&them.support, &[role]).await;
            assert_eq!(ask(&caller, &ours).await.user_error_codes(), ["NOT_FOUND"], "{role:?}");
            assert_eq!(caller.download(&path).await.status, 404, "{role:?}");
        }
        let narrow = scoped(&[Scope::ClientsRead, Scope::ClientsWrite, Scope::AuditRead, Scope::ReferralsRead]).await;
        assert_eq!(ask(&narrow, &ours).await.error_codes(), ["FORBIDDEN"]);
        assert_eq!(narrow.ask(&format!("{{ node(id: \"{id}\") {{ id }} }}")).await.data("/node"), &Value::Null);
        assert_eq!(narrow.download(&path).await.status, 404);
        let blind = scoped(&[Scope::BulkRun]).await;
        assert_eq!(ask(&blind, &ours).await.user_error_codes(), ["NOT_FOUND"], "who may not see clients may not ask either");
        assert_eq!((app.anyone().download(&path).await.status, ask(&app.anyone(), &ours).await.error_codes()), (401, vec!["UNAUTHENTICATED"]));
        for wrong in ["nothing", &id, &format!("{id}.csv"), &format!("{ours}.ndjson"), ".ndjson", "blk_%00.ndjson"] {
            assert_eq!(them.officer.download(&format!("/exports/{wrong}")).await.status, 404, "{wrong}");
        }
        let timeline = format!("{{ client(id: \"{ours}\") {{ timeline(last: 100) {{ nodes {{ kind }} }} }} }}");
        app.sealed().await;
        assert!(!them.coordinator.ask(&timeline).await.raw.contains("BULK_"), "that somebody asked is the privacy officer's");
        assert!(them.officer.ask(&timeline).await.raw.contains("BULK_FINISHED"));
    }

    async fn each_reading_and_each_download_is_audited(db: TestDatabase) {
        let app = TestApp::start(db).await;
        let Story { them, ours, .. } = a_person(&app).await;
        let id = asked(&them.officer, &ours).await;
        app.fire_timers().await;
        let read = app.database.count(&format!("FROM audit_event WHERE action = 'READ' AND actor = '{ours}' AND request_id = '{id}'")).await;
        assert!(read > 5, "what was written down was read by the person: {read}");
        let downloads = "FROM audit_event WHERE action = 'READ' AND subject_kind = 'blk'";
        assert_eq!(app.database.count(downloads).await, 0);

        for _ in 0..2 {
            file(&them.officer, &id).await;
        }
        them.clinic_officer.download(&format!("/exports/{id}.ndjson")).await;

        assert_eq!(app.database.count(downloads).await, 2);
        let classes = app.database.texts("SELECT CAST(data_classes AS TEXT) FROM audit_event WHERE subject_kind = 'blk' AND action = 'READ'").await;
        assert!(classes.iter().all(|classes| classes.contains("CONTACTS_AND_NOTES") && classes.contains("IDENTITY")), "{classes:?}");
        app.sealed().await;
        assert!(app.store.verify(&app.system()).await.unwrap().is_ok());
    }

    async fn lists_are_asked_to_their_ends(db: TestDatabase) {
        let app = TestApp::start(db).await;
        let Story { them, ours, .. } = a_person(&app).await;
        let long = "The hedge grows. ".repeat(117);
        for _ in 0..130 {
            noted(&app, &them, &ours, &long, true).await;
        }
        let id = asked(&them.officer, &ours).await;
        app.fire_timers().await;

        let told = file(&them.officer, &id).await;

        let contacts = &lines(&told).1["Contact"];
        assert_eq!(contacts.iter().filter(|contact| contact["note"] == long.trim()).count(), 130);
        assert_eq!(contacts.iter().map(|contact| contact["id"].as_str().unwrap()).collect::<BTreeSet<_>>().len(), 132);
        assert!(app.database.count("FROM bulk_part").await > 1, "in pieces");
    }
}
