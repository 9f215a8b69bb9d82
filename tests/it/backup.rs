//! A backup comes back whole, on either database, and what was erased or revoked since does not come back.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
    sync::Arc,
};

use aftercare::{
    domain::consent::{self, NewConsent},
    store::{
        backup,
        vault::{
            Journal,
            journal::{Entry, What},
        },
    },
};
use chrono::TimeDelta;
use entity::{
    ClientId, ConsentId,
    vocabulary::{ConsentKind, DataClass, OrganizationKind, PurposeOfUse, Role, SignatureMethod, SignerCapacity},
};
use kit::{
    app::{Home, TestApp},
    caller::Caller,
    databases::{Kind, TestDatabase, say_skipped},
    follower::Follower,
    on_both,
    program::Installation,
};
use serde_json::json;

const ADA: &str = "{ clients(filter: { familyName: \"byron\" }) { nodes { pseudonym identity { familyName contactMethods { value } } } } }";

/// Somewhere to restore to: an empty database of each kind, with the keys that a keeper brings along.
fn elsewhere(keys: &Path) -> Vec<Installation> {
    let databases = [Some(TestDatabase::sqlite()), TestDatabase::postgresql()];
    if databases[1].is_none() {
        say_skipped();
    }
    let places = databases.into_iter().flatten().map(Installation::over).collect::<Vec<_>>();
    for place in &places {
        bring_keys(keys, place);
    }
    places
}

fn bring_keys(from: &Path, place: &Installation) {
    let to = place.database.folder().join("keys");
    fs::create_dir(&to).unwrap();
    for file in fs::read_dir(from).unwrap().map(|file| file.unwrap().path()) {
        fs::copy(&file, to.join(file.file_name().unwrap())).unwrap();
    }
}

/// The two files of a backup, and the journal as it is now.
struct Files {
    rows: PathBuf,
    keys: PathBuf,
    journal: PathBuf,
}

impl Files {
    fn of(place: &Installation, name: &str) -> Self {
        let file = |name: String| place.database.folder().join(name);
        let files =
            Self { rows: file(format!("{name}.rows")), keys: file(format!("{name}.keys")), journal: file("journal.ndjson".to_owned()) };
        place.run(&["backup", text(&files.rows), "--keys", text(&files.keys)]);
        files
    }

    fn words(&self) -> [&str; 6] {
        ["restore", text(&self.rows), "--keys", text(&self.keys), "--journal", text(&self.journal)]
    }
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// The rows of a backup, whatever their order.
fn rows(file: &Path) -> BTreeSet<String> {
    let text = fs::read_to_string(file).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    lines[1..lines.len() - 1].iter().map(|line| (*line).to_owned()).collect()
}

async fn add_client(caller: &Caller, home: &Home, family: &str) -> ClientId {
    let create = "mutation($input: ClientCreateInput!) { clientCreate(input: $input) { client { id } userErrors { code } } }";
    let letters: String = family.chars().filter(char::is_ascii_alphabetic).collect();
    let value = format!("{}@example.org", letters.to_lowercase());
    let method = json!({ "kind": "EMAIL", "value": value, "safe": true, "mayMentionRecovery": false, "mayLeaveMessage": false });
    let input = json!({ "givenName": "Ada", "familyName": family, "dateOfBirth": "1980-12-10", "contactMethods": [method],
        "programIds": [home.program.to_string()] });
    caller.ask_with(create, json!({ "input": input })).await.text("/clientCreate/client/id").parse().unwrap()
}

async fn consent_of(app: &TestApp, client: ClientId, to: &Home) -> ConsentId {
    let new = NewConsent {
        kind: ConsentKind::Specific,
        disclosers: Vec::new(),
        recipients: vec![to.organization],
        recipient_class: None,
        data_classes: vec![DataClass::Identity],
        purposes: vec![PurposeOfUse::Treatment],
        signed_at: app.clock().now() - TimeDelta::days(1),
        signed_by: "Ada Byron".to_owned(),
        signer_capacity: SignerCapacity::Oneself,
        signature_method: SignatureMethod::Paper,
        evidence_sha256: None,
        language: None,
        expires_at: None,
        expiry_event: None,
        never_expires: true,
    };
    consent::record(&app.store, &app.system(), client, new).await.unwrap().id
}

on_both! {
    async fn a_backup_holds_every_table_of_the_schema(db: TestDatabase) {
        let listed = match db.kind {
            Kind::Sqlite => "SELECT name FROM sqlite_master WHERE type = 'table'",
            Kind::Postgresql => "SELECT CAST(table_name AS TEXT) FROM information_schema.tables WHERE table_schema = current_schema()",
        };
        let mut there = db.texts(listed).await;
        there.retain(|name| name != "seaql_migrations");
        there.sort();
        let mut saved = backup::table_names().expect("what the columns hold is in api/src/store/backup/kind.rs");
        saved.sort();
        assert_eq!(saved, there, "a table is added to the list in api/src/store/backup/mod.rs");
    }

    async fn it_comes_back_whole_on_either_database(db: TestDatabase) {
        let app = TestApp::start(db).await;
        let home = app.home("Open Door", OrganizationKind::RecoveryCommunityOrganization).await;
        let staff = app.staff_member(&home, &[Role::Coordinator, Role::Administrator]).await;
        let scopes: Vec<_> = aftercare::access::Scope::ALL.iter().map(|(scope, _)| *scope).collect();
        let caller = |app: &TestApp| {
            app.caller(aftercare::access::token::Subject::Staff(staff), &home, &[Role::Coordinator, Role::Administrator], &scopes)
        };
        let before = caller(&app);
        let hours = "staffedHours: [{ weekday: SATURDAY, from: \"10:00\", to: \"14:00\" }], holidays: [\"2026-07-04\"]";
        let set = format!("mutation {{ programUpdate(input: {{ id: \"{}\", {hours} }}) {{ userErrors {{ code }} }} }}", home.program);
        assert_eq!(before.ask(&set).await.user_error_codes(), [""; 0]);
        app.sealed().await;
        let cursor = before.ask("{ viewer { eventCursor } }").await.text("/viewer/eventCursor").to_owned();
        for family in ["Byron", "Lovelace", "O'Neill \u{1F33B}"] {
            let client = add_client(&before, &home, family).await;
            consent_of(&app, client, &home_of_others(&app, family).await).await;
        }
        let shown = before.ask(ADA).await.body;
        app.sealed().await;
        let place = Installation::beside(Arc::clone(&app.database));
        let files = Files::of(&place, "first");
        let last = app.store.last_position().await.unwrap();

        for there in elsewhere(&app.database.folder().join("keys")) {
            let said = there.run(&files.words());

            assert!(said.contains("3 client keys are restored; 0 erasures and 0 revocations") && said.contains("the chains hold"), "{said}");
            let again = Files::of(&there, "again");
            assert_eq!(rows(&again.rows), rows(&files.rows), "to the byte");
            assert_eq!(rows(&again.keys), rows(&files.keys));
            let restored = TestApp::beside(&there.database).await;
            let after = caller(&restored);
            assert_eq!(after.ask(ADA).await.body["data"], shown["data"], "what is sealed opens, and is found by its hashes");
            let mut follower = Follower::after(&after, &restored.url, Some(&cursor)).await;
            let later = add_client(&after, &home, "Later").await.to_string();
            let mut missed = Vec::new();
            loop {
                let event = follower.event().await;
                if event["subjectId"] == later {
                    break;
                }
                missed.push(event["kind"].as_str().unwrap().to_owned());
            }
            missed.sort();
            assert_eq!(missed, [["CLIENT_CREATED"; 3], ["CONSENT_RECORDED"; 3]].concat(), "what came after a cursor of before");
            assert_eq!(restored.store.last_position().await.unwrap(), last + 1, "positions go on without a gap");
            restored.store.verify(&restored.system()).await.unwrap().unwrap();
        }
    }

    async fn what_was_erased_or_revoked_since_does_not_come_back(db: TestDatabase) {
        let app = TestApp::start(db).await;
        let home = app.home("Open Door", OrganizationKind::RecoveryCommunityOrganization).await;
        let other = app.home("Riverbend", OrganizationKind::RecoveryCommunityOrganization).await;
        let coordinator = app.staff(&home, &[Role::Coordinator]).await;
        let erased = add_client(&coordinator, &home, "Byron").await;
        let kept = add_client(&coordinator, &home, "Lovelace").await;
        let revoked = consent_of(&app, kept, &other).await;
        app.sealed().await;
        let place = Installation::beside(Arc::clone(&app.database));
        let files = Files::of(&place, "before");
        let officer = app.staff(&home, &[Role::PrivacyOfficer]).await;
        let erase = "mutation($id: ID!) { clientErase(id: $id, reason: \"Asked for it\") { client { id } userErrors { message } } }";
        assert_eq!(officer.ask_with(erase, json!({ "id": erased })).await.user_error_codes(), [""; 0]);
        let journal = Journal::open(&files.journal).unwrap();
        let what = What::Revocation { consent: revoked.into() };
        journal.append(Entry { at: app.clock().now(), organization: home.organization.into(), what }).await.unwrap();

        for there in elsewhere(&app.database.folder().join("keys")) {
            let said = there.run(&files.words());

            assert!(said.contains("1 client keys are restored; 1 erasures and 1 revocations came after the backup"), "{said}");
            let keys = there.run(&["keys", "list"]);
            assert!(keys.contains("wraps 1 client keys"), "{keys}");
            assert_eq!(there.database.count("FROM client_search").await, app.database.count("FROM client_search").await);
            assert_eq!(there.database.count("FROM client WHERE erased_at IS NOT NULL").await, 1);
            assert_eq!(there.database.count("FROM event WHERE kind = 'CLIENT_ERASED' AND position IS NOT NULL").await, 1);
            assert_eq!(there.database.count("FROM erasure WHERE key_destroyed_at IS NOT NULL").await, 1);
            assert_eq!(there.database.count("FROM consent WHERE revoked_at IS NOT NULL").await, 1);
            assert_eq!(there.database.count("FROM event WHERE kind = 'CONSENT_REVOKED' AND position IS NOT NULL").await, 1);
            let journal = Journal::read(&there.database.folder().join("journal.ndjson")).unwrap();
            assert_eq!(journal, Journal::read(&files.journal).unwrap(), "the next restore needs it too");
            let restored = TestApp::beside(&there.database).await;
            let again = restored.staff(&home, &[Role::Coordinator]).await;
            let answer = again.ask("{ clients { nodes { identity { familyName } } } }").await;
            assert!(answer.raw.contains("Lovelace") && !answer.raw.contains("Byron"), "{}", answer.raw);
            assert_eq!(again.ask(ADA).await.data("/clients/nodes"), &json!([]));
            let stone = format!("{{ client(id: \"{erased}\") {{ erasedAt identity {{ familyName }} }} }}");
            let stone = again.ask(&stone).await;
            assert_eq!(stone.data("/client"), &json!({ "erasedAt": app.clock().now().to_rfc3339(), "identity": null }), "{}", stone.raw);
        }
    }
}

async fn home_of_others(app: &TestApp, family: &str) -> Home {
    app.home(&format!("Peers for {family}"), OrganizationKind::RecoveryCommunityOrganization).await
}

/// Puts another byte into the middle of a file, or cuts it off there.
fn damaged(file: &Path, cut: bool) -> PathBuf {
    let mut bytes = fs::read(file).unwrap();
    let middle = bytes.len() / 2;
    if cut {
        bytes.truncate(middle);
    } else {
        bytes[middle] ^= 1;
    }
    let damaged = file.with_extension("damaged");
    fs::write(&damaged, bytes).unwrap();
    damaged
}

#[tokio::test]
async fn what_cannot_be_restored_is_refused_and_leaves_the_database_empty() {
    let place = Installation::over(TestDatabase::sqlite());
    place.run(&["demo", "load", "--clients", "3"]);
    let files = Files::of(&place, "good");
    let complaint = place.refused(&["backup", text(&files.rows), "--keys", "other.keys"]);
    assert!(complaint.contains("exists"), "a backup is not written over: {complaint}");
    let keys = place.database.folder().join("keys");

    for there in elsewhere(&keys) {
        let refused = |files: &Files, because: &str| {
            let complaint = there.refused(&files.words());
            assert!(complaint.contains(because), "{complaint}");
        };
        for cut in [true, false] {
            refused(&Files { rows: damaged(&files.rows, cut), ..files.copy() }, "cut off or was changed");
            refused(&Files { keys: damaged(&files.keys, cut), ..files.copy() }, "cut off or was changed");
        }
        refused(&Files { keys: files.rows.clone(), ..files.copy() }, "it is none of ours");
        assert_eq!(there.database.count("FROM organization").await, 0);
    }
    let strange = Installation::over(TestDatabase::sqlite());
    strange.run(&["keys", "generate"]);
    assert!(strange.refused(&files.words()).contains("root.key is not the one that the database was made with"));
    assert_eq!(strange.database.count("FROM organization").await, 0);

    assert!(place.refused(&files.words()).contains("the database is not empty"));
}

#[tokio::test]
async fn an_old_copy_of_the_journal_is_refused() {
    let place = Installation::over(TestDatabase::sqlite());
    place.run(&["demo", "load", "--clients", "1"]);
    let files = Files::of(&place, "first");
    let old = files.journal.with_extension("old");
    fs::copy(&files.journal, &old).unwrap();
    let entry = json!({ "at": "2026-03-02T12:00:00Z", "organization": uuid::Uuid::from_u128(1), "kind": "ERASURE", "subject": uuid::Uuid::from_u128(2) });
    let entry: Entry = serde_json::from_value::<Entry>(entry).unwrap();
    Journal::open(&files.journal).unwrap().append(entry).await.unwrap();
    let later = Files::of(&place, "later");

    for there in elsewhere(&place.database.folder().join("keys")) {
        let complaint = there.refused(&Files { journal: old.clone(), ..later.copy() }.words());
        assert!(complaint.contains("the journal ends before the backup was made"), "{complaint}");
        there.run(&Files { journal: files.journal.clone(), ..later.copy() }.words());
    }
}

#[tokio::test]
async fn a_database_that_is_half_restored_is_used_by_nobody() {
    let place = Installation::over(TestDatabase::sqlite());
    place.run(&["demo", "load", "--clients", "1"]);
    place.database.tamper("INSERT INTO deployment (name, value) VALUES ('restoring', 'a backup')").await;

    for command in [["verify"].as_slice(), &["serve"], &["backup", "rows", "--keys", "keys.of.rows"]] {
        let complaint = place.refused(command);
        assert!(complaint.contains("restore"), "{complaint}");
    }
}

#[tokio::test]
async fn one_changed_byte_is_located_by_the_command() {
    let place = Installation::over(TestDatabase::sqlite());
    place.run(&["demo", "load", "--clients", "1"]);
    drop(place.serve().await);
    let app = TestApp::beside(&place.database).await;
    app.sealed().await;
    place.run(&["verify"]);

    // No id has a question mark: the byte is never the one that was there.
    assert_eq!(place.database.tamper("UPDATE event SET actor = SUBSTR(actor, 1, LENGTH(actor) - 1) || '?' WHERE position = 7").await, 1);

    let complaint = place.refused(&["verify"]);
    assert!(complaint.contains("does not hold at 7: the row was changed"), "{complaint}");
}

impl Files {
    fn copy(&self) -> Self {
        Self { rows: self.rows.clone(), keys: self.keys.clone(), journal: self.journal.clone() }
    }
}
