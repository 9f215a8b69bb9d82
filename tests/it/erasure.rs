//! A person is erased: what was sealed of them opens nowhere any more, in backups neither, and the other side of a referral notices nothing
//! (architecture, "Storage").

use std::{collections::BTreeMap, sync::Arc};

use aftercare::{
    clock::Clock,
    store::{
        Event, Forgotten,
        vault::{Journal, Vault, journal::What},
    },
};
use chrono::TimeDelta;
use entity::{
    ClientId, ReferralId,
    vocabulary::{EventKind, OrganizationKind, Role},
};
use kit::{
    app::TestApp,
    caller::{Answer, Caller},
    handover::{Handover, REFERRAL},
    on_both,
};
use serde_json::{Value, json};
use uuid::Uuid;

const ERASE: &str = "mutation($id: ID!, $reason: String!) { clientErase(id: $id, reason: $reason) {
    client { id pseudonym erasedAt identity { givenName } recovery { moud }
        privacy { erasure { erasedAt byName reason keyDestroyedAt } } }
    userErrors { code message path } } }";

/// All that is sealed of a person, wherever it stands.
const RECORD: &str = "id pseudonym erasedAt identity { givenName contactMethods { value } } recovery { moud }
    privacy { consents { nodes { signedBy revokedHow } } erasure { reason } possibleDuplicates { id } mergedFrom { id } }
    care { contacts { nodes { id outcome note addenda { text } } } episodes { nodes { status endText } } assignments { totalCount } }";

async fn erase(caller: &Caller, id: &str) -> Answer {
    caller.ask_with(ERASE, json!({ "id": id, "reason": "Asked for it in writing" })).await
}

async fn record(caller: &Caller, id: &str) -> Answer {
    let answer = caller.ask(&format!("{{ client(id: \"{id}\") {{ {RECORD} }} }}")).await;
    assert!(answer.error_codes().is_empty(), "{}", answer.raw);
    answer
}

/// Everything that somebody reads of a referral and around it, as it came.
async fn told(callers: &[&Caller], referral: &str) -> Vec<String> {
    let query = format!(
        "{{ referral(id: \"{referral}\") {{ {REFERRAL} externalIdentifiers {{ value }} messages {{ nodes {{ body }} }} }}
            referrals {{ totalCount nodes {{ {REFERRAL} }} }} clients {{ totalCount nodes {{ id version identity {{ givenName }} }} }}
            events {{ nodes {{ kind }} }} workItems {{ nodes {{ kind note }} }} }}"
    );
    let mut told = Vec::new();
    for caller in callers {
        let answer = caller.ask(&query).await;
        assert!(answer.error_codes().is_empty(), "{}", answer.raw);
        // The order of what is listed as closed is that of the resolvers, which run side by side.
        told.push(answer.raw.split("\"extensions\"").next().unwrap().to_owned());
    }
    told
}

async fn message(caller: &Caller, referral: &str, body: &str) {
    let send = "mutation($id: ID!, $body: String!) { referralSendMessage(id: $id, body: $body) { message { id } userErrors { message } } }";
    caller.ask_with(send, json!({ "id": referral, "body": body })).await.text("/referralSendMessage/message/id");
}

/// A referral that was accepted, led to support and came to its end; the receiver's client.
async fn supported(app: &TestApp, them: &Handover) -> (String, String) {
    let referral = them.referred(app).await;
    let ours = them.accepted(&referral).await;
    them.assigned(&referral).await;
    let contact = them.contact(app, &ours, "COMPLETED").await;
    let more = format!(
        "mutation {{ contactAddendum(id: \"{}\", text: \"He called back\") {{ userErrors {{ message }} }} }}",
        contact.text("/contactLog/contact/id")
    );
    assert_eq!(them.peer.ask(&more).await.user_error_codes(), [""; 0]);
    message(&them.referrer, &referral, "She likes to be called in the evening").await;
    message(&them.coordinator, &referral, "Thank you for the word").await;
    let episode = record(&them.supervisor, &ours).await;
    assert_eq!(episode.text("/client/care/episodes/nodes/0/status"), "ACTIVE");
    (referral, ours)
}

/// Brings support and referral to their ends.
async fn ended(them: &Handover, referral: &str, ours: &str) {
    let done = them.act(&them.peer, "referralComplete", referral, "result: ENGAGED text: \"Comes to the garden now\"").await;
    assert_eq!(done.user_error_codes(), [""; 0], "{}", done.raw);
    let episode = them.supervisor.ask(&format!("{{ client(id: \"{ours}\") {{ care {{ episodes {{ nodes {{ id }} }} }} }} }}")).await;
    let id = episode.text("/client/care/episodes/nodes/0/id");
    let end = format!(
        "mutation {{ episodeEnd(id: \"{id}\", reason: GOALS_MET, text: \"Has a garden of her own\") {{ userErrors {{ message }} }} }}"
    );
    assert_eq!(them.supervisor.ask(&end).await.user_error_codes(), [""; 0]);
}

/// Which of these subjects still have a key, asked of the store of keys itself and not of the server's memory.
async fn with_keys(app: &TestApp, subjects: &[Uuid]) -> Vec<Uuid> {
    let folder = app.database.folder();
    let url = format!("sqlite://{}", folder.join("client-keys.db").display());
    let vault = Vault::open(&folder.join("keys"), &url, &folder.join("journal.ndjson"), Clock::system()).await.unwrap();
    let keys = vault.keys_for(subjects).await.unwrap();
    subjects.iter().copied().filter(|subject| keys.contains_key(subject)).collect()
}

fn client_id(text: &str) -> Uuid {
    text.parse::<ClientId>().unwrap().into()
}

fn referral_id(text: &str) -> Uuid {
    text.parse::<ReferralId>().unwrap().into()
}

/// How many rows there are of what an erasure writes, besides the audit of refusals.
async fn written(app: &TestApp) -> BTreeMap<&'static str, usize> {
    let mut counts = BTreeMap::new();
    for from in ["event", "erasure", "client_search", "client WHERE erased_at IS NOT NULL", "work_item WHERE closed_at IS NULL"] {
        counts.insert(from, app.database.count(&format!("FROM {from}")).await);
    }
    counts.insert("journal", journal(app).len());
    counts
}

/// Whom the journal knows to be erased.
fn journal(app: &TestApp) -> Vec<Uuid> {
    let entries = Journal::read(&app.database.folder().join("journal.ndjson")).unwrap();
    let subject = |what| if let What::Erasure { subject } = what { Some(subject) } else { None };
    entries.into_iter().filter_map(|entry| subject(entry.what)).collect()
}

on_both! {
    async fn the_receiver_erases_and_the_sender_notices_nothing(db: TestDatabase) {
        let app = TestApp::start(db).await;
        let them = Handover::begin(&app).await;
        let (referral, ours) = supported(&app, &them).await;
        let during = erase(&them.officer, &ours).await;
        assert_eq!(during.user_error_codes(), ["IMMUTABLE"; 3], "referral, episode and pairing go on: {}", during.raw);
        ended(&them, &referral, &ours).await;
        app.sealed().await;
        let clinic = [&them.referrer, &them.clinic_officer];
        let before = told(&clinic, &referral).await;
        let known = record(&them.supervisor, &ours).await;
        for word in ["Ada", "Spoke of the garden", "He called back", "Has a garden of her own"] {
            assert!(known.raw.contains(word), "{word}: {}", known.raw);
        }

        let erased = erase(&them.officer, &ours).await;

        assert_eq!(erased.user_error_codes(), [""; 0], "{}", erased.raw);
        let at = app.clock().now().to_rfc3339();
        let stone = erased.data("/clientErase/client");
        assert_eq!((&stone["identity"], &stone["recovery"]), (&Value::Null, &Value::Null));
        assert_eq!(stone["privacy"]["erasure"], json!({
            "erasedAt": at, "byName": "Somebody", "reason": "Asked for it in writing", "keyDestroyedAt": at,
        }));
        assert_eq!(stone["pseudonym"], known.data("/client")["pseudonym"], "it stays what people called them by");
        assert!(with_keys(&app, &[client_id(&ours)]).await.is_empty());
        assert_eq!(with_keys(&app, &[referral_id(&referral)]).await.len(), 1, "the sender holds what it sent");
        assert_eq!(journal(&app), [client_id(&ours)]);

        app.sealed().await;
        assert_eq!(told(&clinic, &referral).await, before, "byte for byte");
        for (caller, addenda) in [(&them.coordinator, json!([])), (&them.supervisor, json!([{ "text": "This was erased." }]))] {
            let left = record(caller, &ours).await;
            assert_eq!(left.text("/client/id"), ours);
            let contact = left.data("/client/care/contacts/nodes/0");
            assert_eq!((&contact["outcome"], &contact["note"], &contact["addenda"]), (&json!("COMPLETED"), &Value::Null, &addenda));
            assert_eq!(left.data("/client/care/episodes/nodes"), &json!([{ "status": "ENDED", "endText": null }]));
        }
        let officers = record(&them.officer, &ours).await;
        assert_eq!(officers.text("/client/privacy/erasure/reason"), "Asked for it in writing");
        let coordinators = record(&them.coordinator, &ours).await;
        assert_eq!(coordinators.data("/client/privacy/erasure"), &json!({ "reason": null }), "the privacy officer answers for it");
        assert_eq!(coordinators.body["extensions"]["redactions"].as_array().map_or(0, Vec::len), 2, "notes and what was added alone: {}", coordinators.raw);
        for caller in [&them.coordinator, &them.supervisor, &them.officer] {
            let now = told(&[caller], &referral).await.remove(0);
            for word in ["Ada", "Byron", "1980-12-10", "0123", "garden", "evening", "Thank you"] {
                assert!(!now.contains(word), "{word}: {now}");
            }
            let found = caller.ask("{ clients(filter: { familyName: \"byron\" }) { totalCount } everybody: clients { totalCount } }").await;
            assert_eq!(found.data(""), &json!({ "clients": { "totalCount": 0 }, "everybody": { "totalCount": 0 } }));
            let known = "{ client(externalIdentifier: { system: \"mrn\", value: \"0017\" }) { id } }";
            assert_eq!(caller.ask(known).await.data("/client"), &Value::Null);
        }
        let timeline = format!("{{ client(id: \"{ours}\") {{ timeline(first: 1) {{ nodes {{ kind }} }} }} }}");
        assert_eq!(them.officer.ask(&timeline).await.text("/client/timeline/nodes/0/kind"), "CLIENT_ERASED");
        assert!(!app.database.texts("SELECT actor FROM audit_event WHERE action = 'CLIENT_ERASED'").await.is_empty());
    }

    async fn the_sender_erases_and_the_receiver_keeps_its_own_record(db: TestDatabase) {
        let app = TestApp::start(db).await;
        let them = Handover::begin(&app).await;
        let (referral, ours) = supported(&app, &them).await;
        let theirs = them.read(&them.referrer, &referral).await.text("/referral/client/id").to_owned();
        app.sealed().await;
        let support = [&them.coordinator, &them.supervisor, &them.officer, &them.peer];
        let before = told(&support, &referral).await;

        let erased = erase(&them.clinic_officer, &theirs).await;

        assert_eq!(erased.user_error_codes(), [""; 0], "what the receiver goes on with is its own: {}", erased.raw);
        app.sealed().await;
        assert_eq!(told(&support, &referral).await, before, "byte for byte");
        assert!(record(&them.coordinator, &ours).await.raw.contains("Ada"));
        for caller in [&them.referrer, &them.clinic_officer] {
            let now = them.read(caller, &referral).await;
            assert_eq!(now.data("/referral/person"), &Value::Null, "{}", now.raw);
            assert_eq!((now.data("/referral/clinical"), now.data("/referral/progress")), (&Value::Null, &Value::Null));
            assert_eq!(now.body["extensions"]["redactions"], Value::Null, "nothing would open it");
            assert_eq!(now.text("/referral/urgency"), "URGENT", "that there was one stays");
        }
        let more = "mutation($id: ID!) { referralSendMessage(id: $id, body: \"More of her\") { message { id } userErrors { code } } }";
        let refused = them.referrer.ask_with(more, json!({ "id": referral })).await;
        assert_eq!(refused.user_error_codes().len(), 1, "{}", refused.raw);
        assert_eq!(with_keys(&app, &[client_id(&theirs), referral_id(&referral)]).await, [referral_id(&referral)]);

        ended(&them, &referral, &ours).await;
        assert_eq!(erase(&them.officer, &ours).await.user_error_codes(), [""; 0]);
        assert!(with_keys(&app, &[client_id(&ours), referral_id(&referral)]).await.is_empty(), "it goes with the last who held it");
        assert_eq!(journal(&app), [client_id(&theirs), client_id(&ours), referral_id(&referral)]);
        assert_eq!(app.database.count("FROM referral_search").await, 0);
    }

    async fn what_was_never_accepted_goes_with_the_sender(db: TestDatabase) {
        let app = TestApp::start(db).await;
        let them = Handover::begin(&app).await;
        let referral = them.referred(&app).await;
        let theirs = them.read(&them.referrer, &referral).await.text("/referral/client/id").to_owned();
        message(&them.coordinator, &referral, "Which evenings?").await;
        let waiting = erase(&them.clinic_officer, &theirs).await;
        assert_eq!(waiting.user_error_codes(), ["IMMUTABLE"]);
        assert!(waiting.raw.contains("cancel it first"), "{}", waiting.raw);
        let declined = them.act(&them.coordinator, "referralDecline", &referral, "reason: NO_CAPACITY text: \"Full until May\"").await;
        assert_eq!(declined.user_error_codes(), [""; 0], "{}", declined.raw);
        assert_eq!(them.read(&them.coordinator, &referral).await.text("/referral/person/givenName"), "Ada");

        assert_eq!(erase(&them.clinic_officer, &theirs).await.user_error_codes(), [""; 0]);

        assert!(with_keys(&app, &[client_id(&theirs), referral_id(&referral)]).await.is_empty());
        let query = format!(
            "{{ referral(id: \"{referral}\") {{ {REFERRAL} messages {{ nodes {{ body }} }} }} referrals {{ nodes {{ {REFERRAL} }} }} }}"
        );
        let now = them.coordinator.ask(&query).await;
        assert!(now.error_codes().is_empty(), "nothing fails: {}", now.raw);
        assert_eq!((now.data("/referral/person"), now.data("/referral/clinical")), (&Value::Null, &Value::Null));
        assert_eq!(now.text("/referral/progress/status"), "DECLINED");
        assert_eq!(now.data("/referral/messages/nodes"), &json!([{ "body": "This message was erased." }]));
        assert!(!now.raw.contains("Full until May"), "{}", now.raw);
    }

    async fn nothing_is_done_to_an_erased_record(db: TestDatabase) {
        let app = TestApp::start(db).await;
        let them = Handover::begin(&app).await;
        let (referral, ours) = supported(&app, &them).await;
        ended(&them, &referral, &ours).await;
        let create = format!(
            "mutation {{ clientCreate(input: {{ givenName: \"Bea\", familyName: \"Lovelace\", dateOfBirth: \"1985-05-05\",
                contactMethods: [], programIds: [\"{}\"] }}) {{ client {{ id }} userErrors {{ code }} }} }}",
            them.support.program
        );
        let other = them.coordinator.ask(&create).await.text("/clientCreate/client/id").to_owned();
        let workshop = app.staff(&them.support, &[Role::Coordinator]).await;
        let gathering = format!(
            "mutation {{ workshopCreate(input: {{ programId: \"{}\", title: \"Evenings\", topics: [], modality: ONLINE, visibility: PUBLIC,
                startsOn: \"2026-03-09\", startTime: \"18:00\", minutes: 60 }}) {{ workshop {{ id sessions {{ nodes {{ id }} }} }} userErrors {{ message }} }} }}",
            them.support.program
        );
        let made = workshop.ask(&gathering).await;
        let session = made.text("/workshopCreate/workshop/sessions/nodes/0/id").to_owned();
        let publish = format!(
            "mutation {{ workshopPublish(id: \"{}\") {{ userErrors {{ message }} }} }}",
            made.text("/workshopCreate/workshop/id")
        );
        assert_eq!(workshop.ask(&publish).await.user_error_codes(), [""; 0]);
        let seat = |client: &str| format!(
            "mutation {{ registrationCreate(input: {{ sessionId: \"{session}\", registrant: {{ clientId: \"{client}\" }} }}) {{
                registration {{ id }} userErrors {{ code }} }} }}"
        );
        let seated = them.coordinator.ask(&seat(&ours)).await;
        let seated = seated.text("/registrationCreate/registration/id").to_owned();
        let review = them.coordinator.ask(&format!(
            "mutation {{ emergencyAccess(clientId: \"{ours}\", recipientName: \"Dr. Reed\", facility: \"Mercy\", nature: \"Found unconscious\") {{
                client {{ id }} userErrors {{ code }} }} }}"
        )).await;
        assert_eq!(review.user_error_codes(), [""; 0]);
        let before = written(&app).await;
        let refused = erase(&them.officer, &ours).await;
        assert_eq!(refused.user_error_codes(), ["IMMUTABLE"; 2], "a seat to come and a review: {}", refused.raw);
        assert_eq!(written(&app).await, before, "a refusal writes nothing");
        let cancel = format!("mutation {{ registrationCancel(id: \"{seated}\") {{ userErrors {{ code }} }} }}");
        assert_eq!(them.coordinator.ask(&cancel).await.user_error_codes(), [""; 0]);
        let work = them.officer.ask("{ workItems(filter: { kinds: [EMERGENCY_ACCESS_REVIEW] }) { nodes { id } } }").await;
        let approve =
            format!("mutation {{ workItemApprove(id: \"{}\") {{ userErrors {{ code }} }} }}", work.text("/workItems/nodes/0/id"));
        assert_eq!(them.officer.ask(&approve).await.user_error_codes(), [""; 0]);
        assert_eq!(erase(&them.officer, &ours).await.user_error_codes(), [""; 0]);
        let after = written(&app).await;

        let consent = "consent: { kind: CONTACT_CHANNELS, dataClasses: [], purposes: [], signedAt: \"2026-03-01T12:00:00Z\",
            signedBy: \"Somebody\", signerCapacity: SELF, signatureMethod: PAPER, neverExpires: true }";
        let now = app.clock().now();
        let contact = record(&them.supervisor, &ours).await.text("/client/care/contacts/nodes/0/id").to_owned();
        let cases = [
            (&them.peer, format!("contactAddendum(id: \"{contact}\", text: \"Called again\")")),
            (&them.officer, format!("clientErase(id: \"{ours}\", reason: \"Once more\")")),
            (&them.coordinator, format!("clientUpdate(input: {{ id: \"{ours}\", familyName: \"Byron\" }})")),
            (&them.coordinator, format!("clientMerge(keepId: \"{ours}\", mergeId: \"{other}\")")),
            (&them.coordinator, format!("clientMerge(keepId: \"{other}\", mergeId: \"{ours}\")")),
            (&them.coordinator, format!("clientUnmerge(id: \"{ours}\")")),
            (&them.coordinator, format!("consentRecord(input: {{ clientId: \"{ours}\", {consent} }})")),
            (&them.coordinator, format!("referralCreate(input: {{ clientId: \"{ours}\", urgency: ROUTINE, dischargeType: NOT_YET_DISCHARGED }})")),
            (&them.coordinator, format!("registrationCreate(input: {{ sessionId: \"{session}\", registrant: {{ clientId: \"{ours}\" }} }})")),
            (&them.coordinator, format!("emergencyAccess(clientId: \"{ours}\", recipientName: \"R\", facility: \"M\", nature: \"N\")")),
            (&them.peer, format!("contactLog(input: {{ clientId: \"{ours}\", modality: PHONE, outcome: NO_ANSWER, startedAt: \"{now}\" }})", now = now.to_rfc3339())),
        ];
        for (caller, field) in cases {
            let answer = caller.ask(&format!("mutation {{ {field} {{ userErrors {{ code message }} }} }}")).await;
            let codes = answer.user_error_codes();
            assert!(codes == ["IMMUTABLE"] || codes == ["NOT_FOUND"], "{field}: {}", answer.raw);
        }
        assert_eq!(written(&app).await, after);
        let facts = "query($id: ID!) { client(id: $id) { privacy { disclosures { nodes { at recipientName emergency { nature } } } } } }";
        let accounting = them.officer.ask_with(facts, json!({ "id": ours })).await;
        assert!(!accounting.raw.contains("Found unconscious"), "{}", accounting.raw);
    }

    async fn merged_records_go_with_the_one_that_stands(db: TestDatabase) {
        let app = TestApp::start(db).await;
        let first = Handover::begin(&app).await;
        let second = Handover::between(&app, app.home("Cedar", OrganizationKind::TreatmentProvider).await, first.support.clone()).await;
        let (one, two) = (first.referred(&app).await, second.referred(&app).await);
        let (keep, gone) = (first.accepted(&one).await, second.accepted(&two).await);
        let merge = format!("mutation {{ clientMerge(keepId: \"{keep}\", mergeId: \"{gone}\") {{ userErrors {{ message }} }} }}");
        assert_eq!(first.coordinator.ask(&merge).await.user_error_codes(), [""; 0]);
        let part = erase(&first.officer, &gone).await;
        assert_eq!(part.user_error_codes(), ["IMMUTABLE"]);
        assert!(part.raw.contains("mergedInto"), "{}", part.raw);
        for (them, referral) in [(&first, &one), (&second, &two)] {
            assert_eq!(erase(&first.officer, &keep).await.user_error_codes(), ["IMMUTABLE"]);
            let declined = them.act(&them.coordinator, "referralClientDeclines", referral, "reason: NOT_NOW").await;
            assert_eq!(declined.user_error_codes(), [""; 0], "{}", declined.raw);
        }

        assert_eq!(erase(&first.officer, &keep).await.user_error_codes(), [""; 0]);

        assert!(with_keys(&app, &[client_id(&keep), client_id(&gone)]).await.is_empty());
        assert_eq!(journal(&app).len(), 2);
        assert_eq!(app.database.count("FROM client WHERE erased_at IS NOT NULL").await, 2);
        assert_eq!(app.database.count("FROM event WHERE kind = 'CLIENT_ERASED'").await, 2);
        let unmerge = format!("mutation {{ clientUnmerge(id: \"{gone}\") {{ userErrors {{ code }} }} }}");
        assert_eq!(first.coordinator.ask(&unmerge).await.user_error_codes(), ["IMMUTABLE"]);
        app.clock().advance(TimeDelta::hours(1));
        app.fire_timers().await;
        assert_eq!(app.database.count("FROM event WHERE kind = 'CLIENT_MERGED'").await, 2, "nothing moves once more");
    }

    async fn who_is_to_be_looked_at_because_of_an_erased_person_is_not_any_more(db: TestDatabase) {
        let app = TestApp::start(db).await;
        let them = Handover::begin(&app).await;
        let create = format!(
            "mutation {{ clientCreate(input: {{ givenName: \"Ada\", familyName: \"Byron\", dateOfBirth: \"1980-12-10\",
                contactMethods: [], programIds: [\"{}\"] }}) {{ client {{ id }} userErrors {{ code }} }} }}",
            them.support.program
        );
        let old = them.coordinator.ask(&create).await.text("/clientCreate/client/id").to_owned();
        let new = them.coordinator.ask(&create).await.text("/clientCreate/client/id").to_owned();
        let open = "{ workItems(filter: { open: true }) { nodes { id } } }";
        assert_eq!(them.coordinator.ask(open).await.data("/workItems/nodes").as_array().unwrap().len(), 1);

        assert_eq!(erase(&them.officer, &old).await.user_error_codes(), [""; 0]);

        assert_eq!(them.coordinator.ask(open).await.data("/workItems/nodes"), &json!([]));
        assert_eq!(record(&them.coordinator, &new).await.data("/client/privacy/possibleDuplicates"), &json!([]));
        let again = them.coordinator.ask(&create).await.text("/clientCreate/client/id").to_owned();
        let like = record(&them.coordinator, &again).await;
        assert_eq!(like.data("/client/privacy/possibleDuplicates").as_array().unwrap().len(), 1, "only the one who is there");
    }

    async fn a_request_sent_twice_erases_once(db: TestDatabase) {
        let app = TestApp::start(db).await;
        let them = Handover::begin(&app).await;
        let (referral, ours) = supported(&app, &them).await;
        ended(&them, &referral, &ours).await;
        let body = json!({ "query": ERASE, "variables": { "id": ours, "reason": "Asked for it in writing" } });
        let first = them.officer.send(body.clone(), &[("Idempotency-Key", "forget")]).await;
        let after = written(&app).await;

        let second = them.officer.send(body, &[("Idempotency-Key", "forget")]).await;

        assert_eq!(first.user_error_codes(), [""; 0], "{}", first.raw);
        assert_eq!(second.body["data"], first.body["data"]);
        assert!(second.headers.contains_key("idempotency-replayed"));
        assert_eq!(written(&app).await, after);
        assert_eq!(after["journal"], 1);
    }

    async fn a_key_that_a_crash_left_is_destroyed_at_the_next_start(db: TestDatabase) {
        let app = TestApp::start(db).await;
        let them = Handover::begin(&app).await;
        let (referral, ours) = supported(&app, &them).await;
        ended(&them, &referral, &ours).await;
        let keep = "CREATE TRIGGER keep BEFORE DELETE ON client_key BEGIN SELECT RAISE(ABORT, 'the store of keys does not answer'); END";
        app.database.tamper_keys(keep).await;

        let erased = erase(&them.officer, &ours).await;

        assert_eq!(erased.user_error_codes(), [""; 0], "it is decided, and committed: {}", erased.raw);
        assert_eq!(erased.data("/clientErase/client/privacy/erasure/keyDestroyedAt"), &Value::Null);
        assert_eq!(with_keys(&app, &[client_id(&ours)]).await.len(), 1);
        let left = record(&them.coordinator, &ours).await;
        assert_eq!(left.data("/client/identity"), &Value::Null, "nobody waits for the key");
        app.store.destroy_pending_keys().await.unwrap_err();

        app.database.tamper_keys("DROP TRIGGER keep").await;
        let restarted = TestApp::beside(&app.database).await;

        assert!(with_keys(&app, &[client_id(&ours)]).await.is_empty());
        assert_eq!(restarted.store.destroy_pending_keys().await.unwrap(), 0);
        let officer = restarted.staff(&them.support, &[Role::PrivacyOfficer]).await;
        assert!(record(&officer, &ours).await.data("/client/erasedAt").is_string());
        assert_eq!(app.database.count("FROM erasure WHERE key_destroyed_at IS NULL").await, 0);
    }

    async fn two_at_once_and_a_command_in_between_leave_nothing_half(db: TestDatabase) {
        let app = Arc::new(TestApp::start(db).await);
        let them = Handover::begin(&app).await;
        let (referral, ours) = supported(&app, &them).await;
        ended(&them, &referral, &ours).await;
        let log = || async { them.contact(&app, &ours, "NO_ANSWER").await };
        let (one, two, contact) = tokio::join!(erase(&them.officer, &ours), erase(&them.officer, &ours), log());

        let done = [&one, &two].iter().filter(|answer| answer.user_error_codes().is_empty()).count();
        assert_eq!(done, 1, "{} {}", one.raw, two.raw);
        assert_eq!(journal(&app), [client_id(&ours)]);
        assert_eq!(app.database.count("FROM event WHERE kind = 'CLIENT_ERASED'").await, 1);
        let logged = contact.user_error_codes().is_empty();
        assert_eq!(app.database.count("FROM contact").await, 1 + usize::from(logged), "{}", contact.raw);
        assert!(record(&them.officer, &ours).await.data("/client/erasedAt").is_string());
    }

    async fn what_a_crash_kept_from_the_database_is_done_at_the_next_start(db: TestDatabase) {
        let app = TestApp::start(db).await;
        let them = Handover::begin(&app).await;
        let (first, second) = (them.referred(&app).await, them.refer(them.another(&app)).await);
        let erased = them.referrer.ask(&format!("{{ referral(id: \"{first}\") {{ client {{ id }} }} }}")).await.text("/referral/client/id").to_owned();
        them.act(&them.referrer, "referralCancel", &first, "reason: REQUESTER_WITHDREW").await;
        let (second, consent) = (second.text("/referralCreate/referral/id"), second.text("/referralCreate/referral/consent/id"));

        // What two commands had done when the process was killed: the journal is durable, and the transaction is gone.
        let mut tx = app.store.begin(&app.system()).await.unwrap();
        let whom = Forgotten {
            organization: them.clinic.organization,
            client: erased.parse().unwrap(),
            clients: vec![erased.parse().unwrap()],
            referrals: vec![first.parse().unwrap()],
            at: app.clock().now(),
            reason: Some("Asked for it".to_owned()),
        };
        let _ = tx.begin_erasure(&whom).await.unwrap();
        tx.journal_revocation(them.clinic.organization, consent.parse().unwrap()).await.unwrap();
        tx.record(Event::new(EventKind::ClientErased, them.clinic.organization, whom.client, 2));
        drop(tx);
        let officer = app.staff(&them.clinic, &[Role::PrivacyOfficer]).await.treating();
        let given = |record: &Answer| record.data("/client/identity/givenName").clone();
        assert_eq!(given(&record(&officer, &erased).await), json!("Ada"), "the database knows nothing");
        assert_eq!(them.read(&them.coordinator, second).await.text("/referral/progress/status"), "SUBMITTED");

        let next = app.replica().await;
        let officer = next.token_of(next.staff_member(&them.clinic, &[Role::PrivacyOfficer]).await, &them.clinic, &[Role::PrivacyOfficer]).treating();
        let gone = record(&officer, &erased).await;
        assert_eq!((gone.data("/client/identity"), gone.data("/client/erasedAt").is_string()), (&Value::Null, true), "{}", gone.raw);
        assert_eq!(next.database.count("FROM erasure WHERE key_destroyed_at IS NOT NULL").await, 2, "and the keys went");
        assert_eq!(them.read(&them.coordinator, second).await.text("/referral/progress/status"), "CANCELLED", "with the consent the referral ended");
        let events = next.database.count("FROM event").await;
        let again = app.replica().await;
        assert_eq!(again.database.count("FROM event").await, events, "once");
    }
}
