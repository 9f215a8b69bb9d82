//! Staff who sign in with a token of their organization's own identity provider.

use std::time::Duration;

use aftercare::{
    access::{Scope, keys::Kind},
    command::{IssuerAdd, NewInstallation, first_organization, trust_issuer},
    domain::{
        issuer::{self, NewIssuer},
        staff_member::{self, NewStaffMember},
    },
    store::Action,
};
use chrono::{DateTime, TimeDelta};
use data_encoding::BASE64URL_NOPAD;
use entity::{
    IssuerId, StaffMemberId,
    vocabulary::{OrganizationKind, Role, SubjectClaim},
};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use kit::{
    app::{Home, TestApp},
    caller::{Answer, Caller},
    databases::TestDatabase,
    follower::Follower,
    identity_provider::{IdentityProvider, MAY_CALL},
    on_both,
};
use sea_orm::ConnectionTrait;
use serde_json::{Value, json};

const VIEWER: &str = "{ viewer { roles scopes organization { name } actor { ... on StaffMember { email } } } }";

/// A server, an organization, and its identity provider, which is trusted when the story says so.
struct Scene {
    app: TestApp,
    home: Home,
    provider: IdentityProvider,
}

impl Scene {
    async fn on(db: TestDatabase) -> Self {
        let app = TestApp::start_with(db, &MAY_CALL).await;
        let home = app.home("Open Door", OrganizationKind::RecoveryCommunityOrganization).await;
        let provider = IdentityProvider::start(app.clock().now());
        Self { app, home, provider }
    }

    /// The usual: people by their address, roles in `roles`.
    fn usual(&self, provider: &IdentityProvider) -> NewIssuer {
        NewIssuer {
            issuer: provider.url.clone(),
            jwks_url: provider.jwks_url(),
            audience: self.app.url.clone(),
            subject_claim: SubjectClaim::Email,
            roles_claim: Some("roles".to_owned()),
            role_names: Vec::new(),
            allowed_roles: None,
            scope_claim: None,
            scopes: [Scope::ClientsRead, Scope::ReferralsRead, Scope::Admin].into(),
        }
    }

    async fn trust(&self, home: &Home, new: NewIssuer) -> IssuerId {
        let mut tx = self.app.store.begin(&self.app.system()).await.unwrap();
        let organization = tx.fetch_for(home.organization, Action::Extend).await.unwrap();
        let made = issuer::create_in(&mut tx, &organization, new).await.unwrap();
        tx.commit(made).await.unwrap().id
    }

    async fn employ(&self, home: &Home, email: &str, roles: &[Role]) -> StaffMemberId {
        let mut tx = self.app.store.begin(&self.app.system()).await.unwrap();
        let organization = tx.fetch_for(home.organization, Action::Extend).await.unwrap();
        let new = NewStaffMember {
            display_name: "Ana".to_owned(),
            email: Some(email.to_owned()),
            roles: roles.to_vec(),
            program_ids: vec![home.program],
        };
        let made = staff_member::create_in(&mut tx, &organization, new).await.unwrap();
        tx.commit(made).await.unwrap().id
    }

    async fn link(&self, issuer: IssuerId, subject: &str, person: StaffMemberId) {
        issuer::link(&self.app.store, &self.app.system(), issuer, subject, person).await.unwrap();
    }

    /// What a good token of a provider says, with some of it changed.
    fn claims(&self, provider: &IdentityProvider, change: &Value) -> Value {
        let now = self.app.clock().now().timestamp();
        let mut claims = json!({
            "iss": provider.url, "aud": self.app.url, "sub": "u-1", "email": "ana@example.org", "email_verified": true,
            "iat": now, "exp": now + 300, "roles": ["coordinator", "administrator", "wizard"],
        });
        claims.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        claims
    }

    fn token(&self, change: &Value) -> String {
        self.provider.sign(&self.claims(&self.provider, change))
    }

    async fn show(&self, token: &str) -> Answer {
        Caller::with_token(&self.app.url, token).ask(VIEWER).await
    }

    async fn let_in(&self, token: &str) -> Value {
        let answer = self.show(token).await;
        assert_eq!((answer.status, answer.error_codes()), (200, vec![]), "{}", answer.raw);
        answer.data("/viewer").clone()
    }

    async fn refused(&self, what: &str, token: &str) {
        let answer = self.show(token).await;
        assert_eq!((answer.status, answer.error_codes()), (401, vec!["UNAUTHENTICATED"]), "{what}: {}", answer.raw);
    }

    async fn change(&self, sql: &str) {
        self.app.database.connect().await.execute_unprepared(sql).await.unwrap();
    }
}

/// Claims under a header of the sender's choice, signed with a secret or with nothing.
fn confused(claims: &Value, header: &Value, secret: Option<&[u8]>) -> String {
    let encoded = |value: &Value| BASE64URL_NOPAD.encode(value.to_string().as_bytes());
    let Some(secret) = secret else { return format!("{}.{}.", encoded(header), encoded(claims)) };
    let mut signed = Header::new(Algorithm::HS256);
    signed.kid = header["kid"].as_str().map(str::to_owned);
    jsonwebtoken::encode(&signed, claims, &EncodingKey::from_secret(secret)).unwrap()
}

on_both! {
    async fn staff_sign_in_with_their_address_at_work(db: TestDatabase) {
        let scene = Scene::on(db).await;
        scene.employ(&scene.home, "ana@example.org", &[Role::Coordinator, Role::Peer]).await;
        scene.trust(&scene.home, scene.usual(&scene.provider)).await;
        let token = scene.token(&json!({ "email": "Ana@Example.org" }));

        let viewer = scene.let_in(&token).await;

        assert_eq!(viewer, json!({
            "roles": ["COORDINATOR"], "scopes": ["referrals:read", "clients:read", "admin"],
            "organization": { "name": "Open Door" }, "actor": { "email": "ana@example.org" },
        }));
        let ana = Caller::with_token(&scene.app.url, &token);
        assert_eq!(ana.ask("{ clients { totalCount } }").await.data("/clients/totalCount"), 0);
        let stream = ana.follow("{ clients { totalCount } }", Duration::from_millis(300)).await;
        assert!(stream.raw.contains("\"totalCount\":0"), "{}", stream.raw);
        assert!(Follower::after(&ana, &scene.app.url, None).await.hears_nothing().await, "she is not refused");
        assert_eq!(scene.provider.calls(), 1, "the keys are fetched once");
    }

    async fn staff_sign_in_by_the_name_that_the_issuer_has_for_them(db: TestDatabase) {
        let scene = Scene::on(db).await;
        let ana = scene.employ(&scene.home, "ana@example.org", &[Role::Coordinator]).await;
        let second = IdentityProvider::start(scene.app.clock().now());
        let by_sub = |provider| NewIssuer { subject_claim: SubjectClaim::Sub, ..scene.usual(provider) };
        let issuer = scene.trust(&scene.home, by_sub(&scene.provider)).await;
        scene.trust(&scene.home, by_sub(&second)).await;
        scene.refused("a name that nobody linked", &scene.token(&json!({}))).await;

        scene.link(issuer, "u-1", ana).await;

        assert_eq!(scene.let_in(&scene.token(&json!({ "email": "other@example.org" }))).await["actor"]["email"], "ana@example.org");
        scene.refused("another name", &scene.token(&json!({ "sub": "u-2" }))).await;
        scene.refused("an address in place of a name", &scene.token(&json!({ "sub": "ana@example.org" }))).await;
        scene.refused("the same name by another issuer", &second.sign(&scene.claims(&second, &json!({})))).await;
        let twice = issuer::link(&scene.app.store, &scene.app.system(), issuer, "u-1", ana).await;
        assert!(twice.is_err(), "a name means one person");
    }

    async fn roles_are_those_that_claim_allow_list_and_row_agree_on(db: TestDatabase) {
        let scene = Scene::on(db).await;
        scene.employ(&scene.home, "ana@example.org", &[Role::Coordinator, Role::Administrator, Role::PrivacyOfficer, Role::Billing]).await;
        let usual = scene.trust(&scene.home, scene.usual(&scene.provider)).await;
        let roles = async |claim: Value| scene.let_in(&scene.token(&json!({ "roles": claim }))).await["roles"].clone();

        assert_eq!(roles(json!(["coordinator", "administrator", "privacy_officer", "supervisor"])).await, json!(["COORDINATOR"]));
        assert_eq!(roles(json!("billing coordinator")).await, json!(["COORDINATOR", "BILLING"]));
        assert_eq!(roles(json!(null)).await, json!(null), "without a role nobody sees their own colleagues, themselves among them");
        issuer::end(&scene.app.store, &scene.app.system(), usual).await.unwrap();
        scene.refused("an issuer that is trusted no more", &scene.token(&json!({}))).await;

        let named = [Role::Administrator, Role::Supervisor].into();
        scene.trust(&scene.home, NewIssuer { allowed_roles: Some(named), ..scene.usual(&scene.provider) }).await;
        assert_eq!(roles(json!(["coordinator", "administrator", "privacy_officer", "supervisor"])).await, json!(["ADMINISTRATOR"]));
        scene.change("UPDATE staff_member SET roles = '[\"SUPERVISOR\"]'").await;
        assert_eq!(roles(json!(["administrator", "supervisor"])).await, json!(["SUPERVISOR"]), "the row counts as it is now");
    }

    async fn what_is_forged_or_not_for_us_is_refused(db: TestDatabase) {
        let scene = Scene::on(db).await;
        scene.employ(&scene.home, "ana@example.org", &[Role::Coordinator]).await;
        scene.trust(&scene.home, scene.usual(&scene.provider)).await;
        let other = IdentityProvider::start(scene.app.clock().now());
        let foreign = NewIssuer { audience: "https://elsewhere.example".to_owned(), ..scene.usual(&other) };
        scene.trust(&scene.home, foreign).await;
        let good = scene.claims(&scene.provider, &json!({}));
        let key = serde_json::to_value(scene.provider.keys(DateTime::UNIX_EPOCH).jwks()).unwrap()["keys"][0].clone();
        let public = BASE64URL_NOPAD.decode(key["x"].as_str().unwrap().as_bytes()).unwrap();
        let none = json!({ "alg": "none", "typ": "JWT", "kid": key["kid"] });
        let now = scene.app.clock().now().timestamp();

        for (what, token) in [
            ("another issuer's key", other.sign(&good)),
            ("our own key", scene.app.tokens.keys().newest().sign(&good).unwrap()),
            ("our own name with their key", scene.token(&json!({ "iss": scene.app.url }))),
            ("no algorithm", confused(&good, &none, None)),
            ("HS256 with the public key", confused(&good, &none, Some(&public))),
            ("HS256 with the key's text", confused(&good, &none, Some(key["x"].as_str().unwrap().as_bytes()))),
            ("another audience", scene.token(&json!({ "aud": "https://elsewhere.example" }))),
            ("no audience", scene.token(&json!({ "aud": [] }))),
            ("another issuer's audience", other.sign(&scene.claims(&other, &json!({})))),
            ("an address that is not verified", scene.token(&json!({ "email_verified": false }))),
            ("nobody's address", scene.token(&json!({ "email": "eve@example.org" }))),
            ("an address with NUL", scene.token(&json!({ "email": "a\0b" }))),
            ("ended", scene.token(&json!({ "exp": now }))),
            ("not yet valid", scene.token(&json!({ "nbf": now + 3600 }))),
            ("without an end", scene.token(&json!({ "exp": null }))),
        ] {
            scene.refused(what, &token).await;
        }
        scene.let_in(&scene.token(&json!({}))).await;
        assert!(scene.provider.calls() <= 2, "{} calls", scene.provider.calls());
    }

    async fn an_issuer_that_nobody_trusts_costs_no_call(db: TestDatabase) {
        let scene = Scene::on(db).await;
        scene.employ(&scene.home, "ana@example.org", &[Role::Coordinator]).await;
        scene.refused("an unknown issuer", &scene.token(&json!({}))).await;
        for (what, name) in [("NUL", json!("a\0b")), ("a long name", json!("x".repeat(2_000))), ("nothing", json!("")), ("a number", json!(1))] {
            scene.refused(what, &scene.token(&json!({ "iss": name }))).await;
        }
        assert_eq!(scene.provider.calls(), 0);
    }

    async fn an_issuer_speaks_for_its_own_organization_only(db: TestDatabase) {
        let scene = Scene::on(db).await;
        let theirs = scene.app.home("Riverbend", OrganizationKind::TreatmentProvider).await;
        let bo = scene.employ(&theirs, "bo@example.org", &[Role::Coordinator]).await;
        scene.employ(&scene.home, "ana@example.org", &[Role::Coordinator]).await;
        scene.trust(&scene.home, scene.usual(&scene.provider)).await;
        let by_sub = IdentityProvider::start(scene.app.clock().now());
        let second = scene.trust(&scene.home, NewIssuer { subject_claim: SubjectClaim::Sub, ..scene.usual(&by_sub) }).await;

        scene.refused("the address of somebody else's staff", &scene.token(&json!({ "email": "bo@example.org" }))).await;
        scene.refused("their organization", &scene.token(&json!({ "email": "bo@example.org", "org": theirs.organization }))).await;
        let linked = issuer::link(&scene.app.store, &scene.app.system(), second, "u-1", bo).await;
        assert!(linked.is_err(), "nobody of another organization is linked");
        let stays = scene.let_in(&scene.token(&json!({ "org": theirs.organization }))).await;
        assert_eq!(stays["organization"]["name"], "Open Door", "the configuration says for whom it speaks");
    }

    async fn who_left_is_refused(db: TestDatabase) {
        let scene = Scene::on(db).await;
        scene.employ(&scene.home, "ana@example.org", &[Role::Coordinator]).await;
        scene.trust(&scene.home, scene.usual(&scene.provider)).await;
        let token = scene.token(&json!({}));
        scene.let_in(&token).await;

        scene.change("UPDATE staff_member SET active = FALSE").await;
        scene.refused("somebody who left", &token).await;

        scene.change("UPDATE staff_member SET active = TRUE").await;
        scene.let_in(&token).await;
        scene.change("UPDATE organization SET active = FALSE").await;
        scene.refused("an organization that left", &token).await;
    }

    async fn a_new_key_is_picked_up(db: TestDatabase) {
        let scene = Scene::on(db).await;
        scene.employ(&scene.home, "ana@example.org", &[Role::Coordinator]).await;
        scene.trust(&scene.home, scene.usual(&scene.provider)).await;
        scene.let_in(&scene.token(&json!({}))).await;

        scene.app.clock().advance(TimeDelta::seconds(61));
        scene.provider.rotate(Kind::Rs256, scene.app.clock().now());
        scene.refused("a key that is not published", &scene.token(&json!({}))).await;
        scene.provider.publish();
        scene.app.clock().advance(TimeDelta::seconds(61));

        scene.let_in(&scene.token(&json!({}))).await;
        assert_eq!(scene.provider.calls(), 3);
    }

    async fn keys_that_cannot_be_had_are_no_fault_of_the_token(db: TestDatabase) {
        let scene = Scene::on(db).await;
        scene.employ(&scene.home, "ana@example.org", &[Role::Coordinator]).await;
        scene.trust(&scene.home, scene.usual(&scene.provider)).await;
        scene.provider.close(true);

        let answer = scene.show(&scene.token(&json!({}))).await;
        assert_eq!((answer.status, answer.error_codes()), (503, vec!["UNAVAILABLE"]), "{}", answer.raw);

        scene.provider.close(false);
        scene.app.clock().advance(TimeDelta::seconds(61));
        scene.let_in(&scene.token(&json!({}))).await;
        scene.provider.close(true);
        scene.app.clock().advance(TimeDelta::hours(3));
        scene.let_in(&scene.token(&json!({}))).await;
    }

    async fn an_installation_begins_with_its_identity_provider(db: TestDatabase) {
        let app = TestApp::start_with(db, &MAY_CALL).await;
        let provider = IdentityProvider::start(app.clock().now());
        let first = |issuer: &str| NewInstallation {
            organization: "Open Door".to_owned(),
            kind: OrganizationKind::RecoveryCommunityOrganization,
            time_zone: "America/New_York".to_owned(),
            administrator: "ana@example.org".to_owned(),
            issuer: Some(issuer.to_owned()),
        };
        let inside = first_organization(&app, first("http://169.254.169.254")).await.unwrap_err();
        assert!(inside.to_string().contains("not on the public internet"), "{inside}");
        assert_eq!(app.database.count("FROM organization").await, 0, "what is refused makes nothing");

        first_organization(&app, first(&provider.url)).await.unwrap();

        let now = app.clock().now().timestamp();
        let show = async |email: &str| {
            let claims = json!({ "iss": provider.url, "aud": app.url, "sub": "u-1", "email": email, "email_verified": true,
                "iat": now, "exp": now + 300, "roles": ["administrator"] });
            Caller::with_token(&app.url, &provider.sign(&claims)).ask(VIEWER).await
        };
        // Their own, and without the role: an issuer names administrators only where it is allowed to expressly.
        let answer = show("ana@example.org").await;
        assert_eq!((answer.status, answer.data("/viewer")), (200, &Value::Null), "{}", answer.raw);
        assert_eq!(show("somebody@example.org").await.status, 401);
    }

    async fn one_is_named_by_its_url_and_says_itself_where_its_keys_are(db: TestDatabase) {
        let scene = Scene::on(db).await;
        scene.employ(&scene.home, "ana@example.org", &[Role::Coordinator]).await;
        let refused = |why: Result<IssuerId, aftercare::app::NotStarted>| why.unwrap_err().to_string();
        let slash = IssuerAdd::usual("Open Door", &format!("{}/", scene.provider.url));
        assert!(refused(trust_issuer(&scene.app, &slash).await).contains("another issuer"));
        let inside = IssuerAdd::usual("Open Door", "http://169.254.169.254");
        assert!(refused(trust_issuer(&scene.app, &inside).await).contains("not on the public internet"));
        let nowhere = IssuerAdd::usual("Nowhere", &scene.provider.url);
        assert!(refused(trust_issuer(&scene.app, &nowhere).await).contains("no organization"));

        trust_issuer(&scene.app, &IssuerAdd::usual("Open Door", &scene.provider.url)).await.unwrap();

        let viewer = scene.let_in(&scene.token(&json!({}))).await;
        assert_eq!(viewer["roles"], json!(["COORDINATOR"]));
        assert!(!viewer["scopes"].as_array().unwrap().contains(&json!("admin")), "{viewer}");
        let again = IssuerAdd::usual("Open Door", &scene.provider.url);
        assert!(refused(trust_issuer(&scene.app, &again).await).contains("already"));
    }
}
