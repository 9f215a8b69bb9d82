//! Applications that sign with keys of their own instead of showing a secret (RFC 7523).

use aftercare::access::keys::Kind;
use chrono::{DateTime, TimeDelta};
use entity::vocabulary::Role;
use kit::{
    app::TestApp,
    caller::{Answer, Caller},
    databases::TestDatabase,
    identity_provider::{IdentityProvider, MAY_CALL},
    on_both,
};
use serde_json::{Value, json};

const CREATE: &str = "mutation($input: ApiClientCreateInput!) {
    apiClientCreate(input: $input) { apiClient { id } clientSecret userErrors { code message path } } }";

/// A server, an administrator, and an application's keys, which it can also publish.
struct Scene {
    app: TestApp,
    administrator: Caller,
    application: IdentityProvider,
}

impl Scene {
    async fn on(db: TestDatabase) -> Self {
        let app = TestApp::start_with(db, &MAY_CALL).await;
        let (_home, administrator) = app.open_door(&[Role::Administrator]).await;
        let application = IdentityProvider::start(app.clock().now());
        Self { app, administrator, application }
    }

    fn jwks(&self) -> String {
        serde_json::to_string(&self.application.keys(DateTime::UNIX_EPOCH).jwks()).unwrap()
    }

    async fn register(&self, change: &Value) -> Answer {
        let mut input = json!({ "name": "Portal", "scopes": ["clients:read"], "roles": ["PARTNER_APP"] });
        input.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        self.administrator.ask_with(CREATE, json!({ "input": input })).await
    }

    async fn registered(&self, change: &Value) -> String {
        let made = self.register(change).await;
        assert_eq!((made.user_error_codes(), made.data("/apiClientCreate/clientSecret")), (vec![], &Value::Null), "{}", made.raw);
        made.text("/apiClientCreate/apiClient/id").to_owned()
    }

    fn claims(&self, id: &str, jti: &str) -> Value {
        let now = self.app.clock().now().timestamp();
        json!({ "iss": id, "sub": id, "aud": format!("{}/oauth/token", self.app.url), "jti": jti, "iat": now, "exp": now + 60 })
    }

    fn assertion(&self, id: &str, jti: &str) -> String {
        self.application.sign(&self.claims(id, jti))
    }

    async fn token(&self, assertion: &str) -> (u16, Value) {
        let form = [
            ("grant_type", "client_credentials"),
            ("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"),
            ("client_assertion", assertion),
        ];
        let answer = reqwest::Client::new().post(format!("{}/oauth/token", self.app.url)).form(&form).send().await.unwrap();
        (answer.status().as_u16(), answer.json().await.unwrap())
    }

    async fn let_in(&self, assertion: &str) {
        let (status, answer) = self.token(assertion).await;
        assert_eq!(status, 200, "{answer}");
        let caller = Caller::with_token(&self.app.url, answer["access_token"].as_str().unwrap());
        let viewer = caller.ask("{ viewer { scopes actor { ... on ApiClient { name } } } }").await;
        assert_eq!(viewer.data("/viewer"), &json!({ "scopes": ["clients:read"], "actor": { "name": "Portal" } }));
    }

    async fn refused(&self, what: &str, assertion: &str) {
        let (status, answer) = self.token(assertion).await;
        assert_eq!((status, &answer["error"]), (401, &json!("invalid_client")), "{what}: {answer}");
    }
}

on_both! {
    async fn an_application_gets_a_token_with_a_key_that_it_handed_over(db: TestDatabase) {
        let scene = Scene::on(db).await;
        let id = scene.registered(&json!({ "jwks": scene.jwks() })).await;
        let once = scene.assertion(&id, "once");

        scene.let_in(&once).await;

        scene.refused("an assertion that was used", &once).await;
        scene.let_in(&scene.assertion(&id, "twice")).await;
        let other = IdentityProvider::start(scene.app.clock().now());
        scene.refused("another's key", &other.sign(&scene.claims(&id, "x"))).await;
        let without = scene.register(&json!({})).await;
        let without = without.text("/apiClientCreate/apiClient/id");
        scene.refused("an application without keys", &scene.assertion(without, "y")).await;
        scene.refused("an application that is none", &scene.assertion("api_00000000000000000000000000", "z")).await;
        let mut elsewhere = scene.claims(&id, "elsewhere");
        elsewhere["aud"] = json!("https://elsewhere.example");
        scene.refused("an assertion for somebody else", &scene.application.sign(&elsewhere)).await;
        let no_secret = reqwest::Client::new().post(format!("{}/oauth/token", scene.app.url)).basic_auth(&id, Some(""));
        let no_secret = no_secret.form(&[("grant_type", "client_credentials")]).send().await.unwrap();
        assert_eq!(no_secret.status(), 401, "an empty secret is none");
        assert_eq!(scene.application.calls(), 0, "what was handed over is not fetched");
        let revoke = "mutation($id: ID!) { apiClientRevoke(id: $id) { userErrors { code } } }";
        scene.administrator.ask_with(revoke, json!({ "id": id })).await;
        scene.refused("an application that was revoked", &scene.assertion(&id, "late")).await;
    }

    async fn an_application_that_publishes_its_keys_can_change_them(db: TestDatabase) {
        let scene = Scene::on(db).await;
        let id = scene.registered(&json!({ "jwksUrl": scene.application.jwks_url().as_str() })).await;
        scene.let_in(&scene.assertion(&id, "first")).await;

        scene.app.clock().advance(TimeDelta::seconds(61));
        scene.application.rotate(Kind::Rs256, scene.app.clock().now());
        scene.application.publish();

        scene.let_in(&scene.assertion(&id, "second")).await;
        assert_eq!(scene.application.calls(), 2);
    }

    async fn keys_that_cannot_be_had_are_no_fault_of_the_application(db: TestDatabase) {
        let scene = Scene::on(db).await;
        let id = scene.registered(&json!({ "jwksUrl": scene.application.jwks_url().as_str() })).await;
        scene.application.close(true);

        let (status, answer) = scene.token(&scene.assertion(&id, "once")).await;

        assert_eq!((status, &answer["error"]), (503, &json!("temporarily_unavailable")), "{answer}");
        scene.application.close(false);
        scene.app.clock().advance(TimeDelta::seconds(61));
        scene.let_in(&scene.assertion(&id, "once")).await;
    }
}
