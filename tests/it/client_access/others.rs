//! What a client may do with their own, and that they come by nothing of anybody else's.

use entity::vocabulary::Role;
use kit::{app::TestApp, caller::Caller, handover::Handover, on_both};
use serde_json::{Value, json};

use super::{Scene, done};

/// Somebody else of the same program, who was referred as well. Gives the referral and both records.
async fn another(scene: &Scene) -> [String; 3] {
    let mut input = scene.them.another(&scene.app);
    input["client"]["givenName"] = json!("Grace");
    input["client"]["contactMethods"] = json!([{ "kind": "EMAIL", "value": "grace@example.org", "safe": true }]);
    let referred = scene.them.refer(input).await;
    let referral = referred.text("/referralCreate/referral/id").to_owned();
    let theirs = referred.text("/referralCreate/referral/client/id").to_owned();
    let ours = scene.them.accepted(&referral).await;
    [referral, theirs, ours]
}

async fn their_consent(caller: &Caller) -> String {
    let asked = "{ viewer { client { referrals { nodes { consent { id } } } } } }";
    caller.ask(asked).await.text("/viewer/client/referrals/nodes/0/consent/id").to_owned()
}

on_both! {
    async fn they_read_their_own_and_nobody_elses(db: TestDatabase) {
        let scene = Scene::on(TestApp::start(db).await).await;
        let [referral, theirs, ours] = another(&scene).await;
        scene.them.contact(&scene.app, &scene.ours, "COMPLETED").await;
        scene.app.sealed().await;
        let client = scene.as_client().await;

        for id in [&referral, &theirs, &ours, &scene.theirs] {
            assert_eq!(client.ask(&format!("{{ node(id: \"{id}\") {{ id }} }}")).await.data("/node"), &Value::Null, "{id}");
        }
        let lists = client.ask("{ clients { totalCount nodes { id } } referrals { totalCount nodes { id } } contacts { totalCount nodes { note peer { displayName } } }
            events(first: 100) { nodes { client { id } actorName } } auditEvents(first: 100) { nodes { actorName } } sessions { totalCount } }").await;
        assert_eq!(lists.error_codes(), [""; 0], "{}", lists.raw);
        assert_eq!(lists.data("/clients"), &json!({ "totalCount": 1, "nodes": [{ "id": scene.ours }] }));
        assert_eq!(lists.data("/referrals"), &json!({ "totalCount": 1, "nodes": [{ "id": scene.referral }] }));
        assert_eq!(lists.data("/contacts/nodes"), &json!([{ "note": null, "peer": { "displayName": "Parker" } }]));
        assert!(lists.data("/events/nodes").as_array().unwrap().iter().all(|event| event["client"]["id"] == json!(scene.ours)), "{}", lists.raw);
        for word in ["Grace", "Somebody", &theirs, &ours, &referral] {
            assert!(!lists.raw.contains(word), "{word}: {}", lists.raw);
        }
        assert_eq!(client.ask(&format!("{{ client(id: \"{ours}\") {{ id }} }}")).await.data("/client"), &Value::Null);
        assert_eq!(client.ask(&format!("{{ client(id: \"{}\") {{ id }} }}", scene.ours)).await.text("/client/id"), scene.ours);
        for field in ["workItems { totalCount }", "peers { totalCount }", "referralOffers { totalCount }"] {
            assert_eq!(client.ask(&format!("{{ {field} }}")).await.error_codes(), ["FORBIDDEN"], "{field}");
        }
    }

    async fn the_senders_client_reads_the_senders_side(db: TestDatabase) {
        let scene = Scene::on(TestApp::start(db).await).await;
        let client = scene.app.as_client(&scene.them.referrer, &scene.theirs).await;
        let viewer = client.ask("{ viewer { organization { name } client { id referrals { nodes { id clinical { reason } progress { status } } } } } }").await;
        assert_eq!(viewer.text("/viewer/organization/name"), "Harbor");
        assert_eq!(viewer.text("/viewer/client/id"), scene.theirs);
        assert_eq!(viewer.data("/viewer/client/referrals/nodes/0/progress/status"), &json!("ASSIGNED"), "a consent lets it flow back");
        assert!(!viewer.raw.contains(&scene.ours));
        let consent = their_consent(&client).await;
        let revoke = format!("mutation {{ consentRevoke(id: \"{consent}\", how: \"Myself\", written: true) {{ consent {{ status }} userErrors {{ code }} }} }}");
        assert_eq!(done(&client, &revoke).await.text("/consentRevoke/consent/status"), "REVOKED");
        let later = client.ask("{ viewer { client { referrals { nodes { progress { status } } } } } }").await;
        assert_eq!(later.data("/viewer/client/referrals/nodes/0/progress"), &Value::Null);
        let read = scene.them.read(&scene.them.coordinator, &scene.referral).await;
        assert_eq!(read.text("/referral/progress/status"), "CANCELLED", "there was no contact yet (domain 2.3)");
        assert!(!read.raw.contains(&scene.theirs));
    }

    async fn they_have_their_own_data_written_down(db: TestDatabase) {
        let scene = Scene::on(TestApp::start(db).await).await;
        let [_, _, other] = another(&scene).await;
        let client = scene.as_client().await;
        let ask = "mutation($id: ID) { clientDataExport(clientId: $id) { bulkOperation { id status } userErrors { code path } } }";
        assert_eq!(client.ask_with(ask, json!({ "id": other })).await.user_error_codes(), ["NOT_FOUND"]);

        let id = client.ask_with(ask, json!({})).await.text("/clientDataExport/bulkOperation/id").to_owned();

        let same = client.ask_with(ask, json!({ "id": scene.ours })).await;
        assert_eq!(same.text("/clientDataExport/bulkOperation/id"), id, "they are who they mean");
        let officers = scene.them.officer.ask_with(ask, json!({ "id": other })).await.text("/clientDataExport/bulkOperation/id").to_owned();
        scene.app.fire_timers().await;
        let operation = client.ask(&format!("{{ bulkOperation(id: \"{id}\") {{ status resultUrl }} }}")).await;
        assert_eq!(operation.text("/bulkOperation/status"), "DONE");
        let file = client.download(operation.text("/bulkOperation/resultUrl")).await;
        assert_eq!(file.status, 200, "{}", file.raw);
        assert!(file.raw.contains("canary-ada@example.org") && file.raw.contains("1980-12-10") && !file.raw.contains("Grace"), "{}", file.raw);
        assert_eq!(client.ask(&format!("{{ bulkOperation(id: \"{officers}\") {{ status }} }}")).await.data("/bulkOperation"), &Value::Null);
        assert_eq!(client.download(&format!("/exports/{officers}.ndjson")).await.status, 404);
        let audited = format!("FROM audit_event WHERE actor = '{}' AND subject_kind = 'blk' AND action = 'READ'", scene.ours);
        assert_eq!(scene.app.database.count(&audited).await, 1, "the download is in the audit as theirs");
    }

    async fn they_revoke_their_consent_and_decline_support(db: TestDatabase) {
        let scene = Scene::on(TestApp::start(db).await).await;
        let [referral, ..] = another(&scene).await;
        let client = scene.as_client().await;
        let decline = |id: &str| format!("mutation {{ referralClientDeclines(id: \"{id}\", reason: MOVED) {{ referral {{ progress {{ status history {{ to actorName role }} }} }} userErrors {{ code }} }} }}");
        assert_eq!(client.ask(&decline(&referral)).await.user_error_codes(), ["NOT_FOUND"]);
        let consent = their_consent(&client).await;
        let foreign = scene.them.coordinator.ask(&format!("{{ referral(id: \"{referral}\") {{ consent {{ id }} }} }}")).await;
        let revoke = |id: &str| format!("mutation {{ consentRevoke(id: \"{id}\", how: \"Myself\", written: true) {{ consent {{ status }} userErrors {{ code }} }} }}");
        assert_eq!(client.ask(&revoke(foreign.text("/referral/consent/id"))).await.user_error_codes(), ["NOT_FOUND"]);

        let declined = done(&client, &decline(&scene.referral)).await;

        assert_eq!(declined.text("/referralClientDeclines/referral/progress/status"), "CLIENT_DECLINED");
        let staff = scene.them.read(&scene.them.coordinator, &scene.referral).await;
        let last = staff.data("/referral/progress/history").as_array().unwrap().last().unwrap().clone();
        assert_eq!((&last["to"], &last["actorName"], &last["role"]), (&json!("CLIENT_DECLINED"), &json!("The client"), &json!("CLIENT")));
        assert_eq!(client.ask(&decline(&scene.referral)).await.user_error_codes(), ["INVALID_TRANSITION"]);
        assert_eq!(done(&client, &revoke(&consent)).await.text("/consentRevoke/consent/status"), "REVOKED");
        assert_eq!(client.ask(&revoke(&consent)).await.user_error_codes(), ["IMMUTABLE"]);
        let sender = scene.app.as_client(&scene.them.referrer, &scene.theirs).await;
        assert_ne!(sender.ask(&decline(&scene.referral)).await.user_error_codes(), [""; 0]);
    }

    async fn before_it_is_accepted_it_is_the_senders_client_who_declines(db: TestDatabase) {
        let app = TestApp::start(db).await;
        let them = Handover::begin(&app).await;
        let mut input = them.referral(&app);
        input["client"]["contactMethods"] = json!([{ "kind": "EMAIL", "value": "ada@example.org", "safe": true }]);
        let referred = them.refer(input).await;
        let (referral, theirs) = (referred.text("/referralCreate/referral/id"), referred.text("/referralCreate/referral/client/id"));
        let client = app.as_client(&them.referrer, theirs).await;

        let decline = format!("mutation {{ referralClientDeclines(id: \"{referral}\", reason: NOT_NOW) {{ userErrors {{ code message }} }} }}");
        done(&client, &decline).await;

        let read = them.read(&them.coordinator, referral).await;
        assert_eq!(read.text("/referral/progress/status"), "CLIENT_DECLINED");
        assert_eq!(read.data("/referral/progress/history/1/actorName"), &json!("Harbor"), "of others nobody is told who");
        assert!(!read.raw.contains(theirs));
        app.sealed().await;
        let told = them.officer.ask("{ auditEvents(last: 100) { nodes { actorName } } events(last: 100) { nodes { actorName } } }").await;
        assert!(!told.raw.contains(theirs) && !told.raw.contains("The client"), "{}", told.raw);
    }

    async fn what_is_the_staffs_is_not_theirs_to_do(db: TestDatabase) {
        let scene = Scene::on(TestApp::start(db).await).await;
        let client = scene.as_client().await;
        let before = scene.app.database.count("FROM event").await;
        let (ours, referral, program) = (&scene.ours, &scene.referral, scene.them.support.program);
        for mutation in [
            format!("clientAccessInvite(clientId: \"{ours}\", contactMethodId: \"1\")"),
            format!("clientAccessRevoke(clientId: \"{ours}\")"),
            format!("clientErase(id: \"{ours}\", reason: \"x\")"),
            format!("clientUpdate(input: {{ id: \"{ours}\", interpreterNeeded: true }})"),
            format!("referralAccept(id: \"{referral}\")"),
            format!("referralCancel(id: \"{referral}\", reason: REQUESTER_WITHDREW)"),
            format!("referralSendMessage(id: \"{referral}\", body: \"x\")"),
            format!("clientCreate(input: {{ givenName: \"x\", familyName: \"x\", dateOfBirth: \"1980-01-01\", contactMethods: [], programIds: [\"{program}\"] }})"),
            format!("workshopCreate(input: {{ programId: \"{program}\", title: \"x\", topics: [], modality: ONLINE, visibility: PUBLIC, startsOn: \"2026-03-09\", startTime: \"18:00\", minutes: 60 }})"),
        ] {
            let answer = client.ask(&format!("mutation {{ {mutation} {{ userErrors {{ code }} }} }}")).await;
            assert_eq!(answer.error_codes(), ["FORBIDDEN"], "{mutation}: {}", answer.raw);
        }
        assert_eq!(scene.app.database.count("FROM event").await, before);
    }

    async fn a_token_with_the_roles_of_staff_is_a_clients_all_the_same(db: TestDatabase) {
        let scene = Scene::on(TestApp::start(db).await).await;
        scene.as_client().await;
        let id = scene.ours.parse().unwrap();
        let subject = aftercare::access::token::Subject::Client(id);
        let scopes: Vec<_> = aftercare::access::Scope::ALL.iter().map(|(scope, _)| *scope).collect();
        let roles = [Role::Client, Role::Coordinator, Role::PrivacyOfficer];
        let forged = scene.app.caller(subject, &scene.them.support, &roles, &scopes);
        let viewer = forged.ask("{ viewer { roles scopes } clients { totalCount } }").await;
        assert_eq!(viewer.data("/viewer"), &json!({ "roles": ["CLIENT"], "scopes": ["self:read", "self:write"] }));
        assert_eq!(viewer.data("/clients/totalCount"), &json!(1));
        let elsewhere = scene.app.caller(subject, &scene.them.clinic, &roles, &scopes);
        assert_eq!(elsewhere.ask("{ viewer { roles } }").await.status, 401, "of another organization");
        let nobody = aftercare::access::token::Subject::Client(scene.theirs.parse().unwrap());
        assert_eq!(scene.app.caller(nobody, &scene.them.clinic, &roles, &scopes).ask("{ viewer { roles } }").await.status, 401, "never invited");
        let reader = scene.app.caller(subject, &scene.them.support, &[Role::Client], &[aftercare::access::Scope::SelfRead]);
        let ask = "mutation { clientDataExport { userErrors { code } } }";
        assert_eq!(reader.ask(ask).await.error_codes(), ["FORBIDDEN"], "who may only read asks for nothing to be done");
    }
}
