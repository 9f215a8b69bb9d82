//! What forgers and those who are gone would show at the door, and what an application gets at /oauth/token.

use std::time::{Duration, Instant};

use aftercare::access::{
    Scope,
    keys::{self, Keys, Kind, Use},
    token::{Grant, Subject, Tokens},
};
use chrono::TimeDelta;
use data_encoding::BASE64URL_NOPAD;
use entity::vocabulary::{OrganizationKind, Role};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use kit::{
    app::{Home, TestApp, TestClient},
    caller::Caller,
    on_both,
};
use sea_orm::ConnectionTrait;
use serde_json::{Value, json};

const VIEWER: &str = "{ viewer { roles scopes organization { name } } }";

fn encoded(value: &Value) -> String {
    BASE64URL_NOPAD.encode(value.to_string().as_bytes())
}

fn part(token: &str, number: usize) -> Value {
    let part = token.split('.').nth(number).unwrap();
    serde_json::from_slice(&BASE64URL_NOPAD.decode(part.as_bytes()).unwrap()).unwrap()
}

/// The claims of a good token with one member changed, properly signed by this server.
fn signed(app: &TestApp, token: &str, member: &str, value: Value) -> String {
    let mut claims = part(token, 1);
    claims[member] = value;
    app.tokens.keys().newest().sign(&claims).unwrap()
}

/// A good token with one letter of one part changed.
fn tampered(token: &str, number: usize) -> String {
    let mut parts: Vec<String> = token.split('.').map(str::to_owned).collect();
    let other = if parts[number].as_bytes()[10] == b'A' { "B" } else { "A" };
    parts[number].replace_range(10..11, other);
    parts.join(".")
}

/// The claims of a good token, signed as HS256 with what is public of the server's key.
fn confused(app: &TestApp, token: &str, secret: &[u8]) -> String {
    let mut header = Header::new(Algorithm::HS256);
    header.kid = part(token, 0)["kid"].as_str().map(str::to_owned);
    assert!(app.tokens.keys().find(header.kid.as_deref().unwrap(), app.clock().now()).is_some());
    jsonwebtoken::encode(&header, &part(token, 1), &EncodingKey::from_secret(secret)).unwrap()
}

/// Somebody else's keys, for the same address: a token of theirs, and one of their key under the name of ours with their key in it.
fn of_other_keys(app: &TestApp, token: &str) -> [String; 2] {
    let folder = tempfile::tempdir().unwrap();
    let now = app.clock().now();
    keys::generate(folder.path(), Kind::EdDsa, Use::Demonstration, now).unwrap();
    let keys = Keys::open(folder.path(), Use::Demonstration, now).unwrap();
    let jwk = serde_json::to_value(keys.jwks()).unwrap()["keys"][0].clone();
    let unknown = keys.newest().sign(&part(token, 1)).unwrap();
    let pem = std::fs::read(folder.path().join(format!("{}.pem", jwk["kid"].as_str().unwrap()))).unwrap();
    let mut header = Header::new(Algorithm::EdDSA);
    header.kid = part(token, 0)["kid"].as_str().map(str::to_owned);
    header.jwk = serde_json::from_value(jwk).unwrap();
    assert!(header.jwk.is_some());
    [unknown, jsonwebtoken::encode(&header, &part(token, 1), &EncodingKey::from_ed_pem(&pem).unwrap()).unwrap()]
}

async fn assert_refused(app: &TestApp, what: &str, token: &str) {
    let began = Instant::now();
    let answer = Caller::with_token(&app.url, token).ask(VIEWER).await;
    assert!(began.elapsed() < Duration::from_secs(1), "{what}: took {:?}", began.elapsed());
    assert_eq!((answer.status, answer.error_codes()), (401, vec!["UNAUTHENTICATED"]), "{what}: {}", answer.raw);
    assert!(answer.raw.contains("/oauth/token"), "{what}: the answer says how to mend it: {}", answer.raw);
    assert!(answer.headers["www-authenticate"].to_str().unwrap().starts_with("Bearer"), "{what}");
    assert_eq!(reqwest::get(format!("{}/healthz", app.url)).await.unwrap().status(), 200, "{what}");
}

async fn assert_let_in(caller: &Caller) -> Value {
    let answer = caller.ask(VIEWER).await;
    assert_eq!((answer.status, answer.error_codes()), (200, vec![]), "{}", answer.raw);
    answer.data("/viewer").clone()
}

/// Asks an endpoint of OAuth as an application.
async fn oauth(app: &TestApp, client: &TestClient, endpoint: &str, form: &[(&str, &str)]) -> (u16, Value) {
    let request = reqwest::Client::new().post(format!("{}/oauth/{endpoint}", app.url)).basic_auth(client.id, Some(&client.secret));
    let answer = request.form(form).send().await.unwrap();
    (answer.status().as_u16(), answer.json().await.unwrap_or_default())
}

async fn token_of(app: &TestApp, client: &TestClient, form: &[(&str, &str)]) -> (String, Value) {
    let form: Vec<_> = [("grant_type", "client_credentials")].iter().chain(form).copied().collect();
    let (status, answer) = oauth(app, client, "token", &form).await;
    assert_eq!(status, 200, "{answer}");
    (answer["access_token"].as_str().unwrap().to_owned(), answer)
}

async fn change(app: &TestApp, sql: &str) {
    app.database.connect().await.execute_unprepared(sql).await.unwrap();
}

async fn open_door(app: &TestApp) -> Home {
    app.home("Open Door", OrganizationKind::RecoveryCommunityOrganization).await
}

on_both! {
    async fn a_forged_token_is_refused_at_once_and_the_server_is_well(db: TestDatabase) {
        let app = TestApp::start(db).await;
        let home = open_door(&app).await;
        let caller = app.staff(&home, &[Role::Coordinator]).await;
        let good = caller.token.clone().unwrap();
        let payload = good.split('.').nth(1).unwrap();
        let key = serde_json::to_value(app.tokens.keys().jwks()).unwrap()["keys"][0].clone();
        let public = BASE64URL_NOPAD.decode(key["x"].as_str().unwrap().as_bytes()).unwrap();
        let now = app.clock().now().timestamp();
        let [unknown_kid, embedded_key] = of_other_keys(&app, &good);
        let none = encoded(&json!({ "alg": "none", "typ": "JWT", "kid": key["kid"] }));
        let other_url = Tokens::new(std::sync::Arc::new(Keys::open(app.database.folder().join("keys"), Use::Demonstration, app.clock().now()).unwrap()), "https://elsewhere.example");
        let grant = Grant {
            subject: Subject::Staff(app.staff_member(&home, &[Role::Coordinator]).await),
            organization: home.organization,
            roles: [Role::Coordinator].into(),
            scopes: [Scope::ClientsRead].into(),
            lifetime: TimeDelta::hours(1),
        };

        for (what, token) in [
            ("no algorithm", format!("{none}.{payload}.")),
            ("no algorithm, with a signature", format!("{none}.{payload}.{}", good.rsplit('.').next().unwrap())),
            ("HS256 with the bytes of the public key", confused(&app, &good, &public)),
            ("HS256 with the text of the public key", confused(&app, &good, key["x"].as_str().unwrap().as_bytes())),
            ("HS256 with the key as JSON", confused(&app, &good, key.to_string().as_bytes())),
            ("another audience", signed(&app, &good, "aud", json!("https://elsewhere.example"))),
            ("no audience", signed(&app, &good, "aud", json!([]))),
            ("another issuer", signed(&app, &good, "iss", json!("https://elsewhere.example"))),
            ("our key at another address", other_url.mint(&grant, app.clock().now()).unwrap().token),
            ("an unknown key", unknown_kid),
            ("a key that it brings along", embedded_key),
            ("a tampered header", tampered(&good, 0)),
            ("a tampered payload", tampered(&good, 1)),
            ("a tampered signature", tampered(&good, 2)),
            ("no signature", format!("{}.", good.rsplit_once('.').unwrap().0)),
            ("not yet valid", signed(&app, &good, "nbf", json!(now + 3600))),
            ("issued in the future", signed(&app, &good, "iat", json!(now + 3600))),
            ("ended", signed(&app, &good, "exp", json!(now))),
            ("an end that is none", signed(&app, &good, "exp", json!("tomorrow"))),
            ("nobody we know", signed(&app, &good, "sub", json!(<entity::StaffMemberId as entity::TypedId>::new().to_string()))),
            ("a subject of another kind", signed(&app, &good, "sub", json!(home.program.to_string()))),
            ("another organization", signed(&app, &good, "org", json!(app.home("Other", OrganizationKind::TreatmentProvider).await.organization))),
            ("nothing", String::new()),
            ("a word", "token".to_owned()),
            ("dots", "...".to_owned()),
            ("five parts", format!("{good}.{good}")),
            ("9 KB", "a".repeat(9 * 1024)),
            ("9 KB in three parts", format!("{}.{}.{}", good.split('.').next().unwrap(), "e".repeat(9 * 1024), "A".repeat(86))),
        ] {
            assert_refused(&app, what, &token).await;
        }
        assert_let_in(&caller).await;
        app.clock().advance(TimeDelta::minutes(61));
        assert_refused(&app, "expired", &good).await;
    }

    async fn who_is_gone_is_refused_and_roles_are_those_of_today(db: TestDatabase) {
        let app = TestApp::start(db).await;
        let home = open_door(&app).await;
        let staff = app.staff(&home, &[Role::Administrator, Role::Coordinator]).await;
        let application = app.api_client(&home, &[Role::PartnerApp], &[Scope::ReferralsRead], &[]).await;
        let (api_token, _) = token_of(&app, &application, &[]).await;
        assert_eq!(assert_let_in(&staff).await["roles"].as_array().map(Vec::len), Some(2));

        change(&app, "UPDATE staff_member SET roles = '[\"COORDINATOR\"]'").await;
        assert_eq!(assert_let_in(&staff).await["roles"], json!(["COORDINATOR"]));
        let refused = staff.ask("mutation { programCreate(input: { name: \"Late\" }) { userErrors { code } } }").await;
        assert_eq!(refused.user_error_codes(), ["NOT_PERMITTED"], "{}", refused.raw);
        change(&app, "UPDATE staff_member SET roles = '[\"COORDINATOR\", \"SUPERVISOR\"]'").await;
        assert_eq!(assert_let_in(&staff).await["roles"], json!(["COORDINATOR"]), "a new role needs a new token");

        change(&app, "UPDATE staff_member SET active = FALSE").await;
        assert_refused(&app, "someone who left", staff.token.as_deref().unwrap()).await;

        assert_let_in(&Caller::with_token(&app.url, &api_token)).await;
        let administrator = app.staff(&home, &[Role::Administrator]).await;
        let revoke = "mutation($id: ID!) { apiClientRevoke(id: $id) { apiClient { revokedAt } userErrors { code } } }";
        let revoked = administrator.ask_with(revoke, json!({ "id": application.id })).await;
        assert_eq!(revoked.user_error_codes(), [""; 0], "{}", revoked.raw);
        assert_refused(&app, "an application that was revoked", &api_token).await;
        let (status, answer) = oauth(&app, &application, "token", &[("grant_type", "client_credentials")]).await;
        assert_eq!((status, &answer["error"]), (401, &json!("invalid_client")), "{answer}");
    }

    async fn an_application_gets_a_token_for_what_it_asks_and_can_end_it(db: TestDatabase) {
        let app = TestApp::start(db).await;
        let home = open_door(&app).await;
        let scopes = [Scope::ReferralsRead, Scope::ClientsRead];
        let application = app.api_client(&home, &[Role::PartnerApp], &scopes, &[]).await;

        let (all, answer) = token_of(&app, &application, &[]).await;
        assert_eq!((&answer["token_type"], &answer["expires_in"]), (&json!("Bearer"), &json!(3600)));
        let viewer = assert_let_in(&Caller::with_token(&app.url, &all)).await;
        assert_eq!(viewer, json!({ "roles": ["PARTNER_APP"], "scopes": ["referrals:read", "clients:read"], "organization": { "name": "Open Door" } }));

        let (less, answer) = token_of(&app, &application, &[("scope", "referrals:read")]).await;
        let lesser = Caller::with_token(&app.url, &less);
        assert_eq!(answer["scope"], "referrals:read");
        assert_eq!(assert_let_in(&lesser).await["scopes"], json!(["referrals:read"]));
        assert_eq!(lesser.ask("{ clients { totalCount } }").await.error_codes(), ["FORBIDDEN"]);

        for (what, form, status, error) in [
            ("a scope it has not", vec![("grant_type", "client_credentials"), ("scope", "referrals:read admin")], 400, "invalid_scope"),
            ("a scope that is none", vec![("grant_type", "client_credentials"), ("scope", "everything")], 400, "invalid_scope"),
            ("another grant", vec![("grant_type", "password")], 400, "unsupported_grant_type"),
            ("no grant", vec![], 400, "invalid_request"),
        ] {
            let (got, answer) = oauth(&app, &application, "token", &form).await;
            assert_eq!((got, &answer["error"]), (status, &json!(error)), "{what}: {answer}");
        }
        let stranger = TestClient { secret: "wrong".to_owned(), ..application.clone() };
        let (status, answer) = oauth(&app, &stranger, "token", &[("grant_type", "client_credentials")]).await;
        assert_eq!((status, &answer["error"]), (401, &json!("invalid_client")), "{answer}");

        let other = app.api_client(&home, &[Role::PartnerApp], &scopes, &[]).await;
        let (status, answer) = oauth(&app, &other, "revoke", &[("token", &less)]).await;
        assert_eq!((status, &answer["error"]), (400, &json!("unauthorized_client")), "{answer}");
        assert_let_in(&lesser).await;
        assert_eq!(oauth(&app, &application, "revoke", &[("token", &less)]).await.0, 200);
        assert_refused(&app, "a token that was revoked", &less).await;
        assert_let_in(&Caller::with_token(&app.url, &all)).await;
    }
}
