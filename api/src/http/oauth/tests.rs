use std::{
    collections::{HashMap, HashSet},
    sync::Mutex,
};

use actix_web::{App, dev::ServiceResponse, http::StatusCode, http::header::HeaderMap, test};
use bytes::Bytes;
use data_encoding::{BASE64, BASE64URL_NOPAD};
use entity::TypedId;
use serde_json::Value;
use tempfile::TempDir;

use super::*;
use crate::access::{
    KeySource, Unreachable,
    keys::{self, Keys, Kind, Use},
    secret,
    token::tests::{grant, noon, tokens},
};

/// API clients in memory.
#[derive(Default)]
struct InMemory {
    clients: Mutex<HashMap<ApiClientId, RegisteredClient>>,
    used: Mutex<Vec<ApiClientId>>,
    revoked: Mutex<HashSet<String>>,
    assertions: Mutex<HashSet<(ApiClientId, String)>>,
    out_of_order: Mutex<bool>,
    /// A client with the code of their invitation.
    invited: Mutex<Option<(String, Invited)>>,
}

#[async_trait]
impl Registry for InMemory {
    async fn api_client(&self, id: ApiClientId) -> Result<Option<RegisteredClient>, Unavailable> {
        if *self.out_of_order.lock().unwrap() {
            return Err(Unavailable);
        }
        Ok(self.clients.lock().unwrap().get(&id).cloned())
    }

    async fn note_use(&self, id: ApiClientId, _: &str, _: Instant) -> Result<(), Unavailable> {
        self.used.lock().unwrap().push(id);
        Ok(())
    }

    async fn revoke(&self, jti: &str, _: Instant) -> Result<(), Unavailable> {
        self.revoked.lock().unwrap().insert(jti.to_owned());
        Ok(())
    }

    async fn is_revoked(&self, jti: &str) -> Result<bool, Unavailable> {
        Ok(self.revoked.lock().unwrap().contains(jti))
    }

    async fn remember_assertion(&self, id: ApiClientId, jti: &str, _: Instant) -> Result<bool, Unavailable> {
        Ok(self.assertions.lock().unwrap().insert((id, jti.to_owned())))
    }

    async fn accept_invitation(&self, code: &str, _: &str) -> Result<Option<Invited>, Unavailable> {
        let mut invited = self.invited.lock().unwrap();
        Ok(invited.take_if(|(good, _)| good == code).map(|(_, invited)| invited))
    }

    async fn refresh(&self, token: &str) -> Result<Option<Invited>, Unavailable> {
        let mut invited = self.invited.lock().unwrap();
        Ok(invited.take_if(|(_, invited)| invited.refresh_token == token).map(|(_, invited)| invited))
    }

    async fn give_back(&self, token: &str) -> Result<(), Unavailable> {
        self.refresh(token).await.map(drop)
    }

    async fn has_access(&self, _: ClientId, _: OrganizationId, _: &str, _: Instant) -> Result<bool, Unavailable> {
        Ok(self.invited.lock().unwrap().is_some())
    }
}

/// Nobody publishes keys.
struct Nowhere;

#[async_trait]
impl KeySource for Nowhere {
    fn check(&self, _: &Url) -> Result<(), String> {
        Ok(())
    }

    async fn fetch(&self, _: &Url) -> Result<Bytes, Unreachable> {
        Err(Unreachable)
    }
}

/// The server, one client with a secret, and the keys that client signs assertions with.
struct Scene {
    oauth: Arc<OAuth>,
    registry: Arc<InMemory>,
    client: ApiClientId,
    secret: String,
    client_keys: Keys,
    _folders: [TempDir; 2],
}

impl Scene {
    fn new() -> Self {
        let (folder, tokens) = tokens();
        let clients_folder = tempfile::tempdir().unwrap();
        keys::generate(clients_folder.path(), Kind::EdDsa, Use::Production, noon()).unwrap();
        let client_keys = Keys::open(clients_folder.path(), Use::Production, noon()).unwrap();
        let registry = Arc::new(InMemory::default());
        let secrets = Secrets::new(&[7; 32]);
        let oauth = OAuth {
            tokens,
            secrets,
            key_sets: KeySets::new(Arc::new(Nowhere)),
            registry: Arc::clone(&registry) as Arc<dyn Registry>,
            clock: Clock::fixed(noon()),
            lifetime: TimeDelta::minutes(15),
        };
        let mut scene = Self {
            oauth: Arc::new(oauth),
            registry,
            client: ApiClientId::new(),
            secret: String::new(),
            client_keys,
            _folders: [folder, clients_folder],
        };
        (scene.client, scene.secret) = scene.register(OrganizationId::new());
        scene
    }

    fn register(&self, organization: OrganizationId) -> (ApiClientId, String) {
        let (id, secret) = (ApiClientId::new(), secret::generate().to_string());
        let client = RegisteredClient {
            id,
            organization,
            secret_hashes: vec![self.oauth.secrets.hash(&secret)],
            jwks: Some(serde_json::to_string(&self.client_keys.jwks()).unwrap()),
            jwks_url: None,
            scopes: BTreeSet::from([Scope::ReferralsRead, Scope::ReferralsWrite]),
            roles: BTreeSet::from([Role::PartnerApp]),
        };
        self.registry.clients.lock().unwrap().insert(id, client);
        (id, secret)
    }

    fn organization(&self) -> OrganizationId {
        self.registry.clients.lock().unwrap()[&self.client].organization
    }

    fn basic(&self) -> String {
        format!("Basic {}", BASE64.encode(format!("{}:{}", self.client, self.secret).as_bytes()))
    }

    fn assertion(&self, change: impl FnOnce(&mut Value)) -> String {
        let mut claims = json!({
            "iss": self.client, "sub": self.client, "aud": "https://aftercare.example/oauth/token", "jti": "once",
            "iat": noon().timestamp(), "exp": noon().timestamp() + 60,
        });
        change(&mut claims);
        self.client_keys.newest().sign(&claims).unwrap()
    }

    async fn call(&self, request: test::TestRequest) -> Reply {
        let app = test::init_service(App::new().configure(routes(Arc::clone(&self.oauth)))).await;
        let response: ServiceResponse = test::call_service(&app, request.to_request()).await;
        let (status, headers) = (response.status(), response.headers().clone());
        let body = test::read_body(response).await;
        let body = serde_json::from_slice(&body).unwrap_or(Value::Null);
        Reply { status, headers, body }
    }

    async fn post(&self, path: &str, authorization: Option<&str>, form: &[(&str, &str)]) -> Reply {
        let request = test::TestRequest::post().uri(path).set_form(form);
        self.call(match authorization {
            Some(value) => request.insert_header(("authorization", value)),
            None => request,
        })
        .await
    }

    async fn new_token(&self) -> String {
        let reply = self.post("/oauth/token", Some(&self.basic()), &[("grant_type", "client_credentials")]).await;
        reply.body["access_token"].as_str().unwrap().to_owned()
    }

    async fn introspected(&self, authorization: &str, token: &str) -> Value {
        self.post("/oauth/introspect", Some(authorization), &[("token", token)]).await.body
    }
}

struct Reply {
    status: StatusCode,
    headers: HeaderMap,
    body: Value,
}

impl Reply {
    fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    #[track_caller]
    fn refused(&self, status: u16, code: &str) {
        assert_eq!((self.status.as_u16(), self.body["error"].as_str()), (status, Some(code)), "{}", self.body);
        assert_eq!(self.header("cache-control"), "no-store");
    }
}

const GRANT: (&str, &str) = ("grant_type", "client_credentials");
const TYPE: (&str, &str) = ("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer");

#[actix_web::test]
async fn a_client_gets_a_token_for_all_its_scopes_or_for_some() {
    let scene = Scene::new();
    let reply = scene.post("/oauth/token", Some(&scene.basic()), &[GRANT]).await;
    assert_eq!((reply.status, reply.header("cache-control"), reply.header("pragma")), (StatusCode::OK, "no-store", "no-cache"));
    assert_eq!((&reply.body["token_type"], &reply.body["expires_in"]), (&"Bearer".into(), &900.into()));
    assert_eq!(reply.body["scope"], "referrals:read referrals:write");
    let verified = scene.oauth.tokens.verify(reply.body["access_token"].as_str().unwrap(), noon()).unwrap();
    assert_eq!((verified.subject, verified.organization), (Subject::Api(scene.client), scene.organization()));
    assert_eq!(verified.roles, BTreeSet::from([Role::PartnerApp]));
    assert_eq!(*scene.registry.used.lock().unwrap(), [scene.client]);

    let reply = scene.post("/oauth/token", Some(&scene.basic()), &[GRANT, ("scope", "referrals:read")]).await;
    assert_eq!(reply.body["scope"], "referrals:read");
}

#[actix_web::test]
async fn scopes_that_the_client_does_not_have_are_refused() {
    let scene = Scene::new();
    for scope in ["admin", "referrals:read admin", "no:such", "Referrals:Read", " "] {
        scene.post("/oauth/token", Some(&scene.basic()), &[GRANT, ("scope", scope)]).await.refused(400, "invalid_scope");
    }
    assert!(scene.registry.used.lock().unwrap().is_empty());
}

#[actix_web::test]
async fn a_secret_is_taken_in_the_header_or_in_the_body() {
    let scene = Scene::new();
    let id = scene.client.to_string();
    let escaped = format!("Basic {}", BASE64.encode(format!("{}:{}", id.replace('_', "%5F"), scene.secret.replace('-', "%2D")).as_bytes()));
    assert_eq!(scene.post("/oauth/token", Some(&escaped), &[GRANT]).await.status, 200);
    assert_eq!(scene.post("/oauth/token", Some(&scene.basic()), &[GRANT, ("client_id", &id)]).await.status, 200);
    assert_eq!(scene.post("/oauth/token", None, &[GRANT, ("client_id", &id), ("client_secret", &scene.secret)]).await.status, 200);
}

#[actix_web::test]
async fn while_a_secret_is_rotated_both_are_good() {
    let scene = Scene::new();
    let next = secret::generate();
    let hash = scene.oauth.secrets.hash(&next);
    scene.registry.clients.lock().unwrap().get_mut(&scene.client).unwrap().secret_hashes.insert(0, hash);
    for secret in [&scene.secret, &*next] {
        let form = [GRANT, ("client_id", &scene.client.to_string()), ("client_secret", secret)];
        assert_eq!(scene.post("/oauth/token", None, &form).await.status, 200);
    }
}

#[actix_web::test]
async fn whoever_is_not_known_gets_one_answer() {
    let scene = Scene::new();
    let basic = |id: &str, secret: &str| format!("Basic {}", BASE64.encode(format!("{id}:{secret}").as_bytes()));
    let id = scene.client.to_string();
    let attempts = [
        None,
        Some(basic(&id, "wrong")),
        Some(basic(&id, "")),
        Some(basic(&ApiClientId::new().to_string(), &scene.secret)),
        Some(basic("nobody", &scene.secret)),
        Some("Basic !!".to_owned()),
        Some(format!("Bearer {}", scene.new_token().await)),
    ];
    let mut answers = HashSet::new();
    for attempt in &attempts {
        for path in ["/oauth/token", "/oauth/introspect", "/oauth/revoke"] {
            let reply = scene.post(path, attempt.as_deref(), &[GRANT, ("token", "x")]).await;
            reply.refused(401, "invalid_client");
            assert!(reply.header("www-authenticate").starts_with("Basic realm="));
            answers.insert(reply.body.to_string());
        }
    }
    assert_eq!(answers.len(), 1);
}

#[actix_web::test]
async fn a_client_without_a_secret_is_not_let_in_with_an_empty_one() {
    let scene = Scene::new();
    scene.registry.clients.lock().unwrap().get_mut(&scene.client).unwrap().secret_hashes.clear();
    scene.post("/oauth/token", Some(&scene.basic()), &[GRANT]).await.refused(401, "invalid_client");
    let empty = format!("Basic {}", BASE64.encode(format!("{}:", scene.client).as_bytes()));
    scene.post("/oauth/token", Some(&empty), &[GRANT]).await.refused(401, "invalid_client");
}

#[actix_web::test]
async fn requests_that_make_no_sense_are_told_so() {
    let scene = Scene::new();
    let (basic, id) = (scene.basic(), scene.client.to_string());
    let basic = Some(basic.as_str());
    scene.post("/oauth/token", basic, &[]).await.refused(400, "invalid_request");
    scene.post("/oauth/token", basic, &[("grant_type", "")]).await.refused(400, "invalid_request");
    scene.post("/oauth/token", basic, &[GRANT, GRANT]).await.refused(400, "invalid_request");
    scene.post("/oauth/token", basic, &[("grant_type", "password")]).await.refused(400, "unsupported_grant_type");
    scene.post("/oauth/token", basic, &[GRANT, ("client_id", "another")]).await.refused(400, "invalid_request");
    let twice = [GRANT, ("client_id", id.as_str()), ("client_secret", &scene.secret)];
    scene.post("/oauth/token", basic, &twice).await.refused(400, "invalid_request");
    scene.post("/oauth/token", None, &[GRANT, ("client_secret", &scene.secret)]).await.refused(400, "invalid_request");
    scene.post("/oauth/token?grant_type=client_credentials", basic, &[GRANT]).await.refused(400, "invalid_request");
    scene.post("/oauth/token", basic, &[GRANT, ("more", &"x".repeat(20_000))]).await.refused(413, "invalid_request");
    scene.post("/oauth/introspect", basic, &[]).await.refused(400, "invalid_request");
    let json = test::TestRequest::post().uri("/oauth/token").set_json(json!({"grant_type": "client_credentials"}));
    scene.call(json).await.refused(400, "invalid_request");
    assert_eq!(scene.call(test::TestRequest::get().uri("/oauth/token")).await.status, 405);
}

#[actix_web::test]
async fn when_clients_cannot_be_looked_up_it_says_to_try_again() {
    let scene = Scene::new();
    *scene.registry.out_of_order.lock().unwrap() = true;
    let reply = scene.post("/oauth/token", Some(&scene.basic()), &[GRANT]).await;
    reply.refused(503, "temporarily_unavailable");
    assert_eq!(reply.header("retry-after"), "5");
}

#[actix_web::test]
async fn an_assertion_is_good_once() {
    let scene = Scene::new();
    let assertion = scene.assertion(|_| ());
    let form = [GRANT, TYPE, ("client_assertion", &assertion)];
    assert_eq!(scene.post("/oauth/token", None, &form).await.status, 200);
    scene.post("/oauth/token", None, &form).await.refused(401, "invalid_client");
    let another = scene.assertion(|claims| claims["jti"] = "twice".into());
    assert_eq!(scene.post("/oauth/token", None, &[GRANT, TYPE, ("client_assertion", &another)]).await.status, 200);
}

#[actix_web::test]
async fn assertions_for_this_server_are_taken_and_others_are_refused() {
    let scene = Scene::new();
    let at = |seconds: i64| Value::from(noon().timestamp() + seconds);
    let (other, _) = scene.register(OrganizationId::new());
    let ours = scene.oauth.tokens.keys().newest();
    let cases = [
        ("for the server", scene.assertion(|claims| claims["aud"] = "https://aftercare.example".into()), 200),
        (
            "for several",
            scene.assertion(|claims| {
                claims["aud"] = json!(["x", "https://aftercare.example"]);
                claims["jti"] = "2".into();
            }),
            200,
        ),
        ("for another", scene.assertion(|claims| claims["aud"] = "https://other.example".into()), 401),
        ("about another", scene.assertion(|claims| claims["sub"] = json!(other)), 401),
        ("from nobody", scene.assertion(|claims| claims["iss"] = json!(ApiClientId::new())), 401),
        ("over", scene.assertion(|claims| claims["exp"] = at(0)), 401),
        ("too long", scene.assertion(|claims| claims["exp"] = at(3601)), 401),
        ("from tomorrow", scene.assertion(|claims| claims["iat"] = at(86_400)), 401),
        ("without a name", scene.assertion(|claims| claims["jti"] = "".into()), 401),
        ("without an end", scene.assertion(|claims| drop(claims.as_object_mut().unwrap().remove("exp"))), 401),
        (
            "signed with the server's key",
            ours.sign(&json!({
                "iss": scene.client, "sub": scene.client, "aud": "https://aftercare.example", "jti": "3", "exp": at(60),
            }))
            .unwrap(),
            401,
        ),
        (
            "signed with nothing",
            format!("{}.{}.", BASE64URL_NOPAD.encode(br#"{"alg":"none"}"#), scene.assertion(|_| ()).split('.').nth(1).unwrap()),
            401,
        ),
        ("no assertion", "abc".to_owned(), 401),
    ];
    for (case, assertion, status) in cases {
        let reply = scene.post("/oauth/token", None, &[GRANT, TYPE, ("client_assertion", &assertion)]).await;
        assert_eq!(reply.status.as_u16(), status, "{case}: {}", reply.body);
    }
    let assertion = scene.assertion(|claims| claims["jti"] = "4".into());
    let another = [GRANT, TYPE, ("client_assertion", assertion.as_str()), ("client_id", "another")];
    scene.post("/oauth/token", None, &another).await.refused(401, "invalid_client");
    let kind = [GRANT, ("client_assertion_type", "saml"), ("client_assertion", &assertion)];
    scene.post("/oauth/token", None, &kind).await.refused(400, "invalid_request");
}

#[actix_web::test]
async fn a_token_is_described_to_its_own_organization_alone() {
    let scene = Scene::new();
    let token = scene.new_token().await;
    let about = scene.introspected(&scene.basic(), &token).await;
    assert_eq!((&about["active"], &about["client_id"]), (&true.into(), &json!(scene.client)));
    assert_eq!((&about["scope"], &about["exp"]), (&"referrals:read referrals:write".into(), &(noon().timestamp() + 900).into()));

    let inactive = json!({"active": false});
    let (other, secret) = scene.register(OrganizationId::new());
    let other = format!("Basic {}", BASE64.encode(format!("{other}:{secret}").as_bytes()));
    assert_eq!(scene.introspected(&other, &token).await, inactive);
    assert_eq!(scene.introspected(&scene.basic(), "abc").await, inactive);
    scene.oauth.clock.advance(TimeDelta::minutes(15));
    assert_eq!(scene.introspected(&scene.basic(), &token).await, inactive);
}

#[actix_web::test]
async fn a_client_ends_its_own_token_and_no_other() {
    let scene = Scene::new();
    let token = scene.new_token().await;
    let reply = scene.post("/oauth/revoke", Some(&scene.basic()), &[("token", &token), ("token_type_hint", "access_token")]).await;
    assert_eq!(reply.status, 200);
    assert_eq!(scene.introspected(&scene.basic(), &token).await, json!({"active": false}));
    // Not one any more, or never: as good as ended.
    for given in [token.as_str(), "abc"] {
        assert_eq!(scene.post("/oauth/revoke", Some(&scene.basic()), &[("token", given)]).await.status, 200);
    }
    let others = scene.oauth.tokens.mint(&grant(), noon()).unwrap();
    let reply = scene.post("/oauth/revoke", Some(&scene.basic()), &[("token", &others.token)]).await;
    reply.refused(400, "unauthorized_client");
    assert!(!scene.registry.is_revoked(&others.jti).await.unwrap());
}

#[actix_web::test]
async fn a_revoked_clients_tokens_are_not_active() {
    let scene = Scene::new();
    let (watcher, secret) = scene.register(scene.organization());
    let watcher = format!("Basic {}", BASE64.encode(format!("{watcher}:{secret}").as_bytes()));
    let token = scene.new_token().await;
    assert_eq!(scene.introspected(&watcher, &token).await["active"], true);
    scene.registry.clients.lock().unwrap().remove(&scene.client);
    assert_eq!(scene.introspected(&watcher, &token).await, json!({"active": false}));
}

#[actix_web::test]
async fn the_metadata_names_endpoints_under_the_public_address() {
    let scene = Scene::new();
    let about = scene.call(test::TestRequest::get().uri("/.well-known/oauth-authorization-server")).await.body;
    assert_eq!(about["issuer"], "https://aftercare.example");
    assert_eq!(about["token_endpoint"], "https://aftercare.example/oauth/token");
    assert_eq!(about["jwks_uri"], "https://aftercare.example/.well-known/jwks.json");
    assert_eq!(about["response_types_supported"], json!([]));
    assert_eq!(about["scopes_supported"].as_array().unwrap().len(), Scope::ALL.len());
}

#[actix_web::test]
async fn the_published_keys_verify_our_tokens() {
    let scene = Scene::new();
    let token = scene.new_token().await;
    let reply = scene.call(test::TestRequest::get().uri("/.well-known/jwks.json")).await;
    assert_eq!(reply.header("content-type"), "application/jwk-set+json");
    let keys = crate::access::jws::PublicKey::from_set(reply.body.to_string().as_bytes()).unwrap();
    assert_eq!(keys.len(), 2);
    assert!(keys.iter().any(|key| key.open::<Value>(&token).is_ok()));
}

#[actix_web::test]
async fn whoever_was_invited_exchanges_a_code_once_and_then_what_came_with_it() {
    let scene = Scene::new();
    let (code, organization) = (secret::generate(), scene.organization());
    let invited = Invited { client: ClientId::new(), organization, refresh_token: "first.half".to_owned() };
    *scene.registry.invited.lock().unwrap() = Some((code.to_string(), invited.clone()));
    let grant = ("grant_type", grants::INVITATION);
    scene.post("/oauth/token", None, &[grant]).await.refused(400, "invalid_request");
    scene.post("/oauth/token", None, &[grant, ("code", "another")]).await.refused(400, "invalid_grant");
    scene.post("/oauth/token", None, &[grant, ("code", &code), ("scope", "clients:read")]).await.refused(400, "invalid_scope");

    let reply = scene.post("/oauth/token", None, &[grant, ("code", &code)]).await;

    assert_eq!((reply.status.as_u16(), reply.header("cache-control")), (200, "no-store"), "{}", reply.body);
    assert_eq!((&reply.body["expires_in"], &reply.body["scope"]), (&json!(900), &json!("self:read self:write")));
    assert_eq!(reply.body["refresh_token"], "first.half");
    let token = reply.body["access_token"].as_str().unwrap();
    let verified = scene.oauth.tokens.verify(token, noon()).unwrap();
    assert_eq!((verified.subject, verified.organization), (Subject::Client(invited.client), organization));
    assert_eq!(verified.roles, BTreeSet::from([Role::Client]));
    scene.post("/oauth/token", None, &[grant, ("code", &code)]).await.refused(400, "invalid_grant");

    *scene.registry.invited.lock().unwrap() = Some((String::new(), invited.clone()));
    assert_eq!(scene.introspected(&scene.basic(), token).await["sub"], json!(invited.client));
    let refresh = [("grant_type", "refresh_token"), ("refresh_token", "first.half")];
    assert_eq!(scene.post("/oauth/token", None, &refresh).await.status, 200);
    scene.post("/oauth/token", None, &refresh).await.refused(400, "invalid_grant");
    assert_eq!(scene.introspected(&scene.basic(), token).await, json!({"active": false}), "the access is over");

    // Both are given back by whoever has them, and by nobody else: the server is told no more than the secret.
    *scene.registry.invited.lock().unwrap() = Some((String::new(), invited));
    assert_eq!(scene.post("/oauth/revoke", None, &[("token", token)]).await.status, 200);
    assert!(scene.registry.is_revoked(&verified.jti).await.unwrap());
    assert_eq!(scene.post("/oauth/revoke", None, &[("token", "other.half")]).await.status, 200);
    assert!(scene.registry.invited.lock().unwrap().is_some());
    assert_eq!(scene.post("/oauth/revoke", None, &[("token", "first.half")]).await.status, 200);
    assert!(scene.registry.invited.lock().unwrap().is_none());
}
