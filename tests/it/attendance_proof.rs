//! Proofs of attendance: made for clients and by those who support them, checked by whoever is shown one, and good for nothing else.

use std::collections::BTreeSet;

use aftercare::access::{Scope, token::Subject};
use aws_lc_rs::digest::{SHA256, digest};
use chrono::TimeDelta;
use data_encoding::BASE64URL_NOPAD;
use entity::{
    StaffMemberId,
    vocabulary::{OrganizationKind, Role},
};
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode, decode_header, jwk::JwkSet};
use kit::{
    app::{Home, TestApp},
    caller::{Answer, Caller},
    on_both, workshops,
};
use serde_json::{Value, json};

const ISSUE: &str = "mutation($of: ID, $range: DateRange!) { attendanceProofIssue(clientId: $of, range: $range) {
    attendanceProof { token verifyUrl hours sessions range } userErrors { code message path } } }";

/// A client who came to one session of ninety minutes, and to half of the next, each at eight in the evening of New York, which is the next
/// day in Greenwich. It is the sixth of March.
struct Scene {
    app: TestApp,
    home: Home,
    staff: StaffMemberId,
    client: String,
    /// Four evenings from the third of March on, of which the last is still to come.
    sessions: Vec<String>,
}

async fn created(coordinator: &Caller, home: &Home, given: &str, born: &str) -> String {
    let create = "mutation($input: ClientCreateInput!) { clientCreate(input: $input) { client { id } userErrors { message } } }";
    let input = json!({ "givenName": given, "familyName": "Byron", "dateOfBirth": born, "timeZone": "America/New_York",
        "contactMethods": [{ "kind": "EMAIL", "value": format!("{born}@example.org"), "safe": true }], "programIds": [home.program] });
    coordinator.ask_with(create, json!({ "input": input })).await.text("/clientCreate/client/id").to_owned()
}

async fn comes(coordinator: &Caller, client: &str, session: &str) -> String {
    let register =
        "mutation($session: ID!, $client: ID!) { registrationCreate(input: { sessionId: $session, registrant: { clientId: $client } }) {
        registration { id } userErrors { message } } }";
    let made = coordinator.ask_with(register, json!({ "session": session, "client": client })).await;
    made.text("/registrationCreate/registration/id").to_owned()
}

async fn recorded(coordinator: &Caller, session: &str, registration: &str, status: &str) {
    let record = "mutation($session: ID!, $entries: [AttendanceEntryInput!]!) { attendanceRecord(sessionId: $session, entries: $entries) {
        userErrors { message } } }";
    let entries = json!([{ "registrationId": registration, "status": status }]);
    let answer = coordinator.ask_with(record, json!({ "session": session, "entries": entries })).await;
    assert_eq!(answer.data("/attendanceRecord/userErrors"), &json!([]), "{}", answer.raw);
}

impl Scene {
    async fn on(app: TestApp) -> Self {
        let home = app.home("Open Door", OrganizationKind::RecoveryCommunityOrganization).await;
        let staff = app.staff_member(&home, &[Role::Coordinator]).await;
        let coordinator = app.token_of(staff, &home, &[Role::Coordinator]);
        let client = created(&coordinator, &home, "Áda", "1980-12-10").await;
        let evenings = json!({ "programId": home.program, "title": "Canary evenings", "topics": ["COPING.STRESS"], "modality": "ONLINE",
            "visibility": "PUBLIC", "timeZone": "America/New_York", "startsOn": "2026-03-03", "startTime": "20:00", "minutes": 90,
            "recurrence": "FREQ=DAILY;COUNT=4" });
        let workshop = workshops::published(&coordinator, evenings, &json!({})).await;
        let sessions = workshops::sessions(&coordinator, &workshop).await;
        let sessions: Vec<_> = sessions.iter().map(|session| session["id"].as_str().unwrap().to_owned()).collect();
        let mut seats = Vec::new();
        for session in [&sessions[0], &sessions[1], &sessions[3]] {
            seats.push(comes(&coordinator, &client, session).await);
        }
        app.clock().advance(TimeDelta::days(4));
        let scene = Self { app, home, staff, client, sessions };
        recorded(&scene.coordinator(), &scene.sessions[0], &seats[0], "ATTENDED").await;
        recorded(&scene.coordinator(), &scene.sessions[1], &seats[1], "PARTIAL").await;
        scene
    }

    /// With a token of now.
    fn coordinator(&self) -> Caller {
        self.app.token_of(self.staff, &self.home, &[Role::Coordinator])
    }

    async fn issued(&self) -> String {
        issue(&self.coordinator(), Some(&self.client), "2026-03-01", "2026-03-05")
            .await
            .text("/attendanceProofIssue/attendanceProof/token")
            .to_owned()
    }

    /// Has a proof checked by somebody who has nothing but it. Gives the status and the answer.
    async fn checked(&self, token: &str, name: Option<&str>) -> (u16, Value) {
        let answer = reqwest::Client::new().post(self.address()).json(&json!({ "token": token, "name": name })).send().await.unwrap();
        (answer.status().as_u16(), answer.json().await.unwrap())
    }

    fn address(&self) -> String {
        format!("{}/proofs/verify", self.app.url)
    }

    async fn flaw(&self, token: &str) -> String {
        let (status, answer) = self.checked(token, Some("Ada Byron")).await;
        assert_eq!(
            (status, &answer["valid"], answer.as_object().unwrap().len()),
            (200, &json!(false), 2),
            "nothing else is told: {answer}"
        );
        answer["reason"].as_str().unwrap().to_owned()
    }
}

async fn issue(caller: &Caller, client: Option<&str>, from: &str, to: &str) -> Answer {
    caller.ask_with(ISSUE, json!({ "of": client, "range": { "from": from, "to": to } })).await
}

fn part(token: &str, number: usize) -> Value {
    let bytes = BASE64URL_NOPAD.decode(token.split('.').nth(number).unwrap().as_bytes()).unwrap();
    serde_json::from_slice(&bytes).unwrap()
}

/// What an answer proves: hours, sessions and days.
fn proven(answer: &Answer) -> Value {
    let proof = answer.data("/attendanceProofIssue/attendanceProof");
    json!([proof["hours"], proof["sessions"], proof["range"]])
}

on_both! {
    async fn a_client_is_given_a_proof_and_whoever_is_shown_it_can_check_it(db: TestDatabase) {
        let scene = Scene::on(TestApp::start(db).await).await;
        let client = scene.app.as_client(&scene.coordinator(), &scene.client).await;
        scene.app.sealed().await;
        let events = "FROM event WHERE kind = 'CLIENT_ACCESS_CHANGED'";
        let before = scene.app.database.count(events).await;

        let answer = issue(&client, None, "2026-03-01", "2026-03-05").await;

        assert_eq!(answer.user_error_codes(), [""; 0], "{}", answer.raw);
        assert_eq!(proven(&answer), json!(["2.25", 2, "2026-03-01/2026-03-05"]), "one evening, and half of another");
        assert_eq!(answer.text("/attendanceProofIssue/attendanceProof/verifyUrl"), format!("{}/proofs/verify", scene.app.config.public_url()));
        assert_eq!(scene.app.database.count(events).await, before + 1, "that there is one is in the log");
        let token = answer.text("/attendanceProofIssue/attendanceProof/token");
        let claims = part(token, 1);
        let named: BTreeSet<_> = claims.as_object().unwrap().keys().map(String::as_str).collect();
        let expected = ["iss", "jti", "iat", "exp", "hours", "sessions", "from", "to", "name_salt", "name_hash"];
        assert_eq!(named, BTreeSet::from(expected), "it names neither topic nor group nor program nor organization nor client");

        let whole = json!({ "valid": true, "reason": null, "hours": "2.25", "sessions": 2, "range": "2026-03-01/2026-03-05",
            "expiresAt": "2026-06-04T12:00:00Z", "nameFits": null });
        assert_eq!(scene.checked(token, None).await, (200, whole.clone()));
        for (name, fits) in [("Ada Byron", true), ("byron,  ÁDA", true), ("Ada", false), ("Eve Byron", false)] {
            let (status, answer) = scene.checked(token, Some(name)).await;
            assert_eq!((status, &answer["nameFits"]), (200, &json!(fits)), "{name}: {answer}");
        }
        let form = [("token", format!("\n {token} \n")), ("name", "Ada Byron".to_owned())];
        let answer = reqwest::Client::new().post(scene.address()).form(&form).send().await.unwrap();
        assert_eq!(answer.headers()["cache-control"], "no-store");
        assert_eq!(answer.json::<Value>().await.unwrap()["nameFits"], true, "a form is answered likewise");
    }

    async fn it_is_checked_without_asking_anybody(db: TestDatabase) {
        let scene = Scene::on(TestApp::start(db).await).await;
        let token = scene.issued().await;
        let keys = reqwest::get(format!("{}/.well-known/jwks.json", scene.app.url)).await.unwrap().json::<JwkSet>().await.unwrap();

        let header = decode_header(&token).unwrap();
        let key = DecodingKey::from_jwk(keys.find(header.kid.as_deref().unwrap()).unwrap()).unwrap();
        let mut validation = Validation::new(Algorithm::EdDSA);
        // The clock of the test is not the machine's.
        validation.validate_exp = false;
        validation.set_issuer(&[scene.app.config.public_url()]);
        let claims = decode::<Value>(&token, &key, &validation).unwrap().claims;

        assert_eq!(header.typ.as_deref(), Some("attendance+jwt"));
        assert_eq!((&claims["hours"], &claims["sessions"]), (&json!("2.25"), &json!(2)));
        assert_eq!((&claims["from"], &claims["to"]), (&json!("2026-03-01"), &json!("2026-03-05")));
        let salt = BASE64URL_NOPAD.decode(claims["name_salt"].as_str().unwrap().as_bytes()).unwrap();
        let hash = digest(&SHA256, &[&salt[..], b"ada byron"].concat());
        assert_eq!(claims["name_hash"], BASE64URL_NOPAD.encode(hash.as_ref()));
    }

    async fn what_is_wrong_with_one_is_told_and_nothing_else(db: TestDatabase) {
        let scene = Scene::on(TestApp::start(db).await).await;
        let (token, coordinator) = (scene.issued().await, scene.coordinator());
        let (access_token, day) = (coordinator.token.clone().unwrap(), TimeDelta::days(1));
        let mut claims = part(&token, 1);
        claims["hours"] = json!("225");
        let parts: Vec<_> = token.split('.').collect();
        let altered = format!("{}.{}.{}", parts[0], BASE64URL_NOPAD.encode(claims.to_string().as_bytes()), parts[2]);
        assert_eq!(scene.flaw(&altered).await, "ALTERED");
        assert_eq!(scene.flaw(&access_token).await, "NOT_A_PROOF", "nobody proves anything with an access token");
        assert_eq!(scene.flaw("nonsense").await, "NOT_A_PROOF");
        let header = json!({ "typ": "attendance+jwt", "alg": "none", "kid": part(&token, 0)["kid"] });
        let unsigned = format!("{}.{}.", BASE64URL_NOPAD.encode(header.to_string().as_bytes()), parts[1]);
        assert_eq!(scene.flaw(&unsigned).await, "ALTERED");

        let refused = Caller::with_token(&scene.app.url, &token).ask("{ viewer { roles } }").await;
        assert_eq!((refused.status, refused.error_codes()), (401, vec!["UNAUTHENTICATED"]), "a proof lets nobody in");

        scene.app.clock().advance(day * 90 - TimeDelta::seconds(1));
        assert_eq!(scene.checked(&token, None).await.1["valid"], true);
        scene.app.clock().advance(TimeDelta::seconds(1));
        assert_eq!(scene.flaw(&token).await, "EXPIRED");
    }

    async fn the_address_takes_it_in_a_body_alone(db: TestDatabase) {
        let scene = Scene::on(TestApp::start(db).await).await;
        let token = scene.issued().await;
        let page = reqwest::get(scene.address()).await.unwrap();
        let policy = page.headers()["content-security-policy"].to_str().unwrap().to_owned();
        let text = page.text().await.unwrap();
        assert!(text.contains("<form") && !text.contains("<script"), "{text}");
        assert!(policy.starts_with("default-src 'none'"), "{policy}");

        let post = |address: String| reqwest::Client::new().post(address);
        let status = async |request: reqwest::RequestBuilder| request.send().await.unwrap().status().as_u16();
        assert_eq!(status(post(format!("{}?token={token}", scene.address())).json(&json!({ "token": token }))).await, 400);
        assert_eq!(status(post(scene.address()).json(&json!({ "token": " " }))).await, 400);
        assert_eq!(status(post(scene.address()).json(&json!({ "token": 7 }))).await, 400);
        assert_eq!(status(post(scene.address()).json(&json!([]))).await, 400);
        assert_eq!(status(post(scene.address()).form(&[("name", "Ada")])).await, 400);
        assert_eq!(status(post(scene.address()).header("content-type", "text/plain").body(token.clone())).await, 415);
        assert_eq!(status(post(scene.address()).json(&json!({ "token": "a".repeat(17_000) }))).await, 413);
        assert_eq!(status(reqwest::Client::new().put(scene.address())).await, 405);
        assert_eq!(status(post(scene.address()).bearer_auth(&token).json(&json!({ "token": token }))).await, 401, "a bad token is one here as well");
    }

    async fn whoever_sees_that_somebody_comes_can_prove_it_and_nobody_else(db: TestDatabase) {
        let scene = Scene::on(TestApp::start(db).await).await;
        let whole = |caller: Caller| {
            let client = scene.client.clone();
            async move { issue(&caller, Some(&client), "2026-03-03", "2026-03-05").await }
        };
        for role in [Role::Coordinator, Role::Supervisor] {
            let answer = whole(scene.app.staff(&scene.home, &[role]).await).await;
            assert_eq!(proven(&answer), json!(["2.25", 2, "2026-03-03/2026-03-05"]), "{role}: {}", answer.raw);
        }
        assert_eq!(whole(scene.app.staff(&scene.home, &[Role::Peer]).await).await.user_error_codes(), ["NOT_FOUND"], "it is not their client");
        for role in [Role::Administrator, Role::Referrer, Role::Billing, Role::Analyst, Role::Moderator, Role::PrivacyOfficer] {
            assert_eq!(whole(scene.app.staff(&scene.home, &[role]).await).await.user_error_codes(), ["NOT_PERMITTED"], "{role}");
        }
        let scopes: Vec<_> = Scope::ALL.iter().map(|(scope, _)| *scope).collect();
        let application = scene.app.api_client(&scene.home, &[Role::PartnerApp], &scopes, &[]).await;
        let partner = scene.app.caller(Subject::Api(application.id), &scene.home, &[Role::PartnerApp], &scopes);
        assert_eq!(whole(partner).await.user_error_codes(), ["NOT_PERMITTED"]);
        let abroad = scene.app.home("Riverbend", OrganizationKind::RecoveryCommunityOrganization).await;
        assert_eq!(whole(scene.app.staff(&abroad, &[Role::Coordinator]).await).await.user_error_codes(), ["NOT_FOUND"]);
        assert_eq!(whole(scene.app.anyone()).await.error_codes(), ["UNAUTHENTICATED"]);
        let unscoped = scene.app.caller(Subject::Staff(scene.staff), &scene.home, &[Role::Coordinator], &[Scope::ClientsRead]);
        assert_eq!(whole(unscoped).await.error_codes(), ["FORBIDDEN"]);

        let client = scene.app.as_client(&scene.coordinator(), &scene.client).await;
        let other = created(&scene.coordinator(), &scene.home, "Eve", "1971-01-01").await;
        assert_eq!(issue(&client, Some(&other), "2026-03-03", "2026-03-05").await.user_error_codes(), ["NOT_FOUND"]);
        assert_eq!(proven(&issue(&client, Some(&scene.client), "2026-03-03", "2026-03-05").await)[0], "2.25");
    }

    async fn the_days_are_those_of_the_sessions(db: TestDatabase) {
        let scene = Scene::on(TestApp::start(db).await).await;
        let coordinator = scene.coordinator();
        let of = async |from: &str, to: &str| issue(&coordinator, Some(&scene.client), from, to).await;
        assert_eq!(proven(&of("2026-03-03", "2026-03-03").await)[0], "1.5", "on the day of New York");
        assert_eq!(proven(&of("2026-03-04", "2026-03-06").await)[0], "0.75");
        scene.app.sealed().await;
        let before = scene.app.database.count("FROM event").await;
        for (what, from, to, code, field) in [
            ("backwards", "2026-03-05", "2026-03-04", "INVALID", "/range/to"),
            ("tomorrow", "2026-03-05", "2026-03-07", "INVALID", "/range/to"),
            ("too many", "2025-03-05", "2026-03-06", "INVALID", "/range/from"),
            ("nothing", "2026-03-05", "2026-03-06", "NOT_ELIGIBLE", "/range"),
            ("nothing long ago", "2025-03-06", "2026-03-02", "NOT_ELIGIBLE", "/range"),
        ] {
            let answer = of(from, to).await;
            assert_eq!(answer.user_error_codes(), [code], "{what}: {}", answer.raw);
            let path = answer.data("/attendanceProofIssue/userErrors/0/path").as_array().unwrap();
            assert_eq!(path.iter().fold(String::new(), |all, one| format!("{all}/{}", one.as_str().unwrap())), field, "{what}");
            assert_eq!(answer.data("/attendanceProofIssue/attendanceProof"), &Value::Null);
        }
        scene.app.sealed().await;
        assert_eq!(scene.app.database.count("FROM event").await, before, "refused is nothing happened");
    }

    async fn a_repeated_request_is_not_shown_it_again(db: TestDatabase) {
        let scene = Scene::on(TestApp::start(db).await).await;
        let coordinator = scene.coordinator();
        let body = json!({ "query": ISSUE, "variables": { "of": scene.client, "range": { "from": "2026-03-01", "to": "2026-03-05" } } });
        let key = [("idempotency-key", "a proof")];
        let first = coordinator.send(body.clone(), &key).await;
        assert!(first.data("/attendanceProofIssue/attendanceProof/token").is_string(), "{}", first.raw);

        let again = coordinator.send(body, &key).await;

        assert_eq!(again.headers["idempotency-replayed"], "true", "{}", again.raw);
        assert_eq!(again.data("/attendanceProofIssue/attendanceProof/token"), &Value::Null);
        assert_eq!(proven(&again), proven(&first));
        assert_eq!(scene.app.database.count("FROM idempotency WHERE CAST(kept AS TEXT) LIKE '%eyJ%'").await, 0, "it is not kept");
    }

    async fn what_a_merged_record_came_to_counts(db: TestDatabase) {
        let scene = Scene::on(TestApp::start(db).await).await;
        let coordinator = scene.coordinator();
        let other = created(&coordinator, &scene.home, "Ada", "1980-12-11").await;
        scene.app.clock().advance(-TimeDelta::days(4));
        let seat = comes(&scene.coordinator(), &other, &scene.sessions[2]).await;
        scene.app.clock().advance(TimeDelta::days(4));
        recorded(&scene.coordinator(), &scene.sessions[2], &seat, "ATTENDED").await;
        let merge = format!("mutation {{ clientMerge(keepId: \"{}\", mergeId: \"{other}\") {{ userErrors {{ code }} }} }}", scene.client);
        assert_eq!(scene.coordinator().ask(&merge).await.user_error_codes(), [""; 0]);

        for record in [&scene.client, &other] {
            let answer = issue(&scene.coordinator(), Some(record), "2026-03-01", "2026-03-06").await;
            assert_eq!(proven(&answer), json!(["3.75", 3, "2026-03-01/2026-03-06"]), "{}", answer.raw);
        }
    }
}
