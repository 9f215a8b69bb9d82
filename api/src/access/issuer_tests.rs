use std::{
    collections::HashMap,
    sync::{
        Arc, RwLock,
        atomic::{AtomicUsize, Ordering},
    },
};

use async_trait::async_trait;
use bytes::Bytes;
use chrono::TimeDelta;
use serde_json::json;
use tempfile::TempDir;

use super::*;
use crate::access::{
    KeySource,
    keys::{self, Keys, Kind, Use},
    token::tests::noon,
};

/// An issuer: its keys, and the place where it publishes them, which can be out of order.
struct Provider {
    folder: TempDir,
    published: Arc<Published>,
}

#[derive(Default)]
struct Published {
    sets: RwLock<HashMap<String, Vec<u8>>>,
    fetches: AtomicUsize,
}

/// What is trusted, with the keys that were fetched so far.
struct Issuers {
    keys: KeySets,
    trusted: Vec<TrustedIssuer>,
}

impl Issuers {
    fn trust(&mut self, trusted: Vec<TrustedIssuer>) {
        self.trusted = trusted;
    }

    async fn verify(&self, bearer: &str, now: Instant) -> Result<VouchedFor, NotVouched> {
        verify(&self.trusted, &self.keys, bearer, now).await
    }
}

#[async_trait]
impl KeySource for Published {
    fn check(&self, _: &Url) -> Result<(), String> {
        Ok(())
    }

    async fn fetch(&self, url: &Url) -> Result<Bytes, Unreachable> {
        self.fetches.fetch_add(1, Ordering::SeqCst);
        self.sets.read().unwrap().get(url.as_str()).cloned().map(Bytes::from).ok_or(Unreachable)
    }
}

impl Published {
    fn fetches(&self) -> usize {
        self.fetches.load(Ordering::SeqCst)
    }
}

const JWKS: &str = "https://login.example/jwks";

impl Provider {
    fn new(kind: Kind) -> Self {
        let provider = Self { folder: tempfile::tempdir().unwrap(), published: Arc::default() };
        provider.rotate(kind);
        provider.publish(JWKS);
        provider
    }

    fn rotate(&self, kind: Kind) {
        keys::generate(self.folder.path(), kind, Use::Production, noon()).unwrap();
    }

    fn keys(&self) -> Keys {
        Keys::open(self.folder.path(), Use::Production, noon()).unwrap()
    }

    fn publish(&self, url: &str) {
        let set = serde_json::to_vec(&self.keys().jwks()).unwrap();
        self.published.sets.write().unwrap().insert(url.to_owned(), set);
    }

    fn fail(&self) {
        self.published.sets.write().unwrap().clear();
    }

    fn token(&self, change: impl FnOnce(&mut Value)) -> String {
        let mut claims = json!({
            "iss": "https://login.example", "aud": ["aftercare", "others"], "sub": "u-1", "email": "Ana@Example.org", "email_verified": true,
            "iat": noon().timestamp(), "exp": noon().timestamp() + 300, "realm_access": {"roles": ["peer", "ADMINISTRATOR", "wizard"]},
        });
        change(&mut claims);
        self.keys().newest().sign(&claims).unwrap()
    }

    fn trusting(&self, trusted: TrustedIssuer) -> Issuers {
        Issuers { keys: KeySets::new(Arc::clone(&self.published) as Arc<dyn KeySource>), trusted: vec![trusted] }
    }
}

fn trusted() -> TrustedIssuer {
    TrustedIssuer {
        id: IssuerId(uuid::Uuid::from_u128(3)),
        issuer: "https://login.example".to_owned(),
        jwks_url: JWKS.parse().unwrap(),
        audience: "aftercare".to_owned(),
        organization: OrganizationId(uuid::Uuid::from_u128(1)),
        subject_claim: SubjectClaim::Sub,
        roles_claim: Some("realm_access.roles".to_owned()),
        role_map: BTreeMap::new(),
        allowed_roles: None,
        scope_claim: None,
        scopes: BTreeSet::from([Scope::ClientsRead, Scope::ReferralsRead]),
    }
}

#[tokio::test]
async fn a_trusted_issuer_vouches_for_its_own_organization() {
    for kind in [Kind::EdDsa, Kind::Rs256] {
        let provider = Provider::new(kind);
        let issuers = provider.trusting(trusted());
        let vouched = issuers.verify(&provider.token(|_| ()), noon()).await.unwrap();
        assert_eq!((vouched.organization, vouched.subject.as_str()), (trusted().organization, "u-1"));
        assert_eq!(vouched.expires_at, noon() + TimeDelta::seconds(300));
    }
}

#[tokio::test]
async fn roles_are_those_that_token_map_and_allow_list_agree_on() {
    let provider = Provider::new(Kind::EdDsa);
    let none = || None::<BTreeSet<Role>>;
    let map = |name: &str, role| BTreeMap::from([(name.to_owned(), role)]);
    let cases = [
        ("the usual: administrators are not given", BTreeMap::new(), none(), vec![Role::Peer]),
        ("named expressly", BTreeMap::new(), Some(BTreeSet::from([Role::Administrator])), vec![Role::Administrator]),
        ("nothing allowed", BTreeMap::new(), Some(BTreeSet::new()), vec![]),
        ("a map replaces our names", map("wizard", Role::Analyst), none(), vec![Role::Analyst]),
        ("a map is no way around the list", map("wizard", Role::PrivacyOfficer), none(), vec![]),
    ];
    for (case, role_map, allowed_roles, roles) in cases {
        let issuers = provider.trusting(TrustedIssuer { role_map, allowed_roles, ..trusted() });
        let vouched = issuers.verify(&provider.token(|_| ()), noon()).await.unwrap();
        assert_eq!(vouched.roles, roles.into_iter().collect(), "{case}");
    }
}

#[tokio::test]
async fn scopes_are_the_issuers_and_a_claim_can_only_narrow_them() {
    let provider = Provider::new(Kind::EdDsa);
    let token = provider.token(|claims| claims["scope"] = "openid clients:read admin".into());
    for (scope_claim, scopes) in
        [(None, trusted().scopes), (Some("scope"), BTreeSet::from([Scope::ClientsRead])), (Some("scp"), BTreeSet::new())]
    {
        let issuers = provider.trusting(TrustedIssuer { scope_claim: scope_claim.map(str::to_owned), ..trusted() });
        assert_eq!(issuers.verify(&token, noon()).await.unwrap().scopes, scopes, "{scope_claim:?}");
    }
}

#[tokio::test]
async fn an_email_counts_in_lower_case_unless_the_issuer_says_it_is_not_verified() {
    let provider = Provider::new(Kind::EdDsa);
    let issuers = provider.trusting(TrustedIssuer { subject_claim: SubjectClaim::Email, ..trusted() });
    assert_eq!(issuers.verify(&provider.token(|_| ()), noon()).await.unwrap().subject, "ana@example.org");
    let unverified = provider.token(|claims| claims["email_verified"] = false.into());
    assert_eq!(issuers.verify(&unverified, noon()).await, Err(NotVouched::Invalid));
}

#[tokio::test]
async fn what_is_not_this_issuers_or_not_for_us_is_refused() {
    let (provider, other) = (Provider::new(Kind::EdDsa), Provider::new(Kind::EdDsa));
    let issuers = provider.trusting(trusted());
    let attacks = [
        ("another issuer's key", other.token(|_| ())),
        ("an unknown issuer", provider.token(|claims| claims["iss"] = "https://evil.example".into())),
        ("for someone else", provider.token(|claims| claims["aud"] = "others".into())),
        ("expired", provider.token(|claims| claims["exp"] = noon().timestamp().into())),
        ("issued tomorrow", provider.token(|claims| claims["iat"] = (noon().timestamp() + 86_400).into())),
        ("nobody", provider.token(|claims| claims["sub"] = "".into())),
        ("a name with NUL", provider.token(|claims| claims["sub"] = "a\0b".into())),
        ("no token", "abc".to_owned()),
    ];
    for (attack, token) in attacks {
        assert_eq!(issuers.verify(&token, noon()).await, Err(NotVouched::Invalid), "{attack}");
    }
}

#[tokio::test]
async fn two_trusted_issuers_do_not_lend_each_other_keys() {
    let (provider, other) = (Provider::new(Kind::EdDsa), Provider::new(Kind::EdDsa));
    other.publish("https://other.example/jwks");
    let set = other.published.sets.read().unwrap()["https://other.example/jwks"].clone();
    provider.published.sets.write().unwrap().insert("https://other.example/jwks".to_owned(), set);
    let second =
        TrustedIssuer { issuer: "https://other.example".to_owned(), jwks_url: "https://other.example/jwks".parse().unwrap(), ..trusted() };
    let mut issuers = provider.trusting(trusted());
    issuers.trust(vec![trusted(), second]);
    assert!(issuers.verify(&other.token(|claims| claims["iss"] = "https://other.example".into()), noon()).await.is_ok());
    assert_eq!(issuers.verify(&other.token(|_| ()), noon()).await, Err(NotVouched::Invalid));
}

#[tokio::test]
async fn an_audience_that_two_organizations_share_lets_nobody_in() {
    let provider = Provider::new(Kind::EdDsa);
    let mut issuers = provider.trusting(trusted());
    let second = TrustedIssuer { organization: OrganizationId(uuid::Uuid::from_u128(2)), ..trusted() };
    issuers.trust(vec![trusted(), second]);
    assert_eq!(issuers.verify(&provider.token(|_| ()), noon()).await, Err(NotVouched::Invalid));
}

#[tokio::test]
async fn unknown_keys_do_not_make_us_fetch_in_a_loop() {
    let (provider, other) = (Provider::new(Kind::EdDsa), Provider::new(Kind::EdDsa));
    let issuers = provider.trusting(trusted());
    for _ in 0..20 {
        assert!(issuers.verify(&other.token(|_| ()), noon()).await.is_err());
    }
    assert_eq!(provider.published.fetches(), 1);
}

#[tokio::test]
async fn a_rotated_key_is_found_after_a_minute() {
    let provider = Provider::new(Kind::EdDsa);
    let issuers = provider.trusting(trusted());
    issuers.verify(&provider.token(|_| ()), noon()).await.unwrap();
    provider.rotate(Kind::Rs256);
    provider.publish(JWKS);
    let token = provider.token(|_| ());
    assert_eq!(issuers.verify(&token, noon() + TimeDelta::seconds(59)).await, Err(NotVouched::Invalid));
    assert!(issuers.verify(&token, noon() + TimeDelta::seconds(60)).await.is_ok());
}

#[tokio::test]
async fn an_issuer_out_of_order_signs_nobody_out_for_a_day() {
    let provider = Provider::new(Kind::EdDsa);
    let issuers = provider.trusting(trusted());
    let token = provider.token(|claims| claims["exp"] = (noon().timestamp() + 1_000_000).into());
    issuers.verify(&token, noon()).await.unwrap();
    provider.fail();
    for (after, outcome) in [(1, true), (23, true), (24, false)] {
        let verified = issuers.verify(&token, noon() + TimeDelta::hours(after)).await;
        assert_eq!(verified.is_ok(), outcome, "after {after} h: {verified:?}");
    }
    let verified = issuers.verify(&token, noon() + TimeDelta::hours(25)).await;
    assert_eq!(verified, Err(NotVouched::Unavailable));
}
