use entity::TypedId;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::*;
use crate::access::keys::{self, Kind, Use};

const URL: &str = "https://aftercare.example";

pub(crate) fn noon() -> Instant {
    DateTime::from_timestamp(1_800_000_000, 0).unwrap()
}

/// Tokens with a key of each kind; the Ed25519 key, being the newest, signs.
pub(crate) fn tokens() -> (TempDir, Tokens) {
    let folder = tempfile::tempdir().unwrap();
    keys::generate(folder.path(), Kind::Rs256, Use::Production, noon() - TimeDelta::days(1)).unwrap();
    keys::generate(folder.path(), Kind::EdDsa, Use::Production, noon()).unwrap();
    let keys = Keys::open(folder.path(), Use::Production, noon()).unwrap();
    (folder, Tokens::new(Arc::new(keys), format!("{URL}/")))
}

pub(crate) fn grant() -> Grant {
    Grant {
        subject: Subject::Staff(StaffMemberId::new()),
        organization: OrganizationId::new(),
        roles: BTreeSet::from([Role::Coordinator, Role::PrivacyOfficer]),
        scopes: BTreeSet::from([Scope::ReferralsRead, Scope::ReferralsWrite]),
        lifetime: TimeDelta::hours(1),
    }
}

fn claims(token: &str) -> Value {
    serde_json::from_slice(&data_encoding::BASE64URL_NOPAD.decode(token.split('.').nth(1).unwrap().as_bytes()).unwrap()).unwrap()
}

fn encoded(value: &Value) -> String {
    data_encoding::BASE64URL_NOPAD.encode(value.to_string().as_bytes())
}

/// A token with claims of the test's choice, properly signed.
fn signed(tokens: &Tokens, change: impl FnOnce(&mut Value)) -> String {
    let mut claims = claims(&tokens.mint(&grant(), noon()).unwrap().token);
    change(&mut claims);
    tokens.keys().newest().sign(&claims).unwrap()
}

/// A token whose header and signing key are of the test's choice.
fn forged(tokens: &Tokens, header: &Value, key: Option<&[u8]>) -> String {
    let claims = claims(&tokens.mint(&grant(), noon()).unwrap().token);
    let message = format!("{}.{}", encoded(header), encoded(&claims));
    let signature = key.map_or_else(String::new, |key| {
        let key = aws_lc_rs::hmac::Key::new(aws_lc_rs::hmac::HMAC_SHA256, key);
        data_encoding::BASE64URL_NOPAD.encode(aws_lc_rs::hmac::sign(&key, message.as_bytes()).as_ref())
    });
    format!("{message}.{signature}")
}

/// A valid signature over a header with one more member.
fn with_header(tokens: &Tokens, folder: &TempDir, member: &str, value: Value) -> String {
    let kid = tokens.keys().newest().kid.clone();
    let mut header = json!({"alg": "EdDSA", "typ": "JWT", "kid": kid});
    match value {
        Value::Null => drop(header.as_object_mut().unwrap().remove(member)),
        value => header[member] = value,
    }
    let claims = claims(&tokens.mint(&grant(), noon()).unwrap().token);
    let message = format!("{}.{}", encoded(&header), encoded(&claims));
    let pem = std::fs::read_to_string(folder.path().join(format!("{kid}.pem"))).unwrap();
    let der = crate::access::key_file::der(&pem).unwrap();
    let pair = aws_lc_rs::signature::Ed25519KeyPair::from_pkcs8(&der).unwrap();
    let signature = data_encoding::BASE64URL_NOPAD.encode(pair.sign(message.as_bytes()).as_ref());
    format!("{message}.{signature}")
}

#[test]
fn a_minted_token_says_what_it_was_minted_for() {
    let (_folder, tokens) = tokens();
    let grant = grant();
    let minted = tokens.mint(&grant, noon()).unwrap();
    let verified = tokens.verify(&minted.token, noon()).unwrap();
    assert_eq!((verified.subject, verified.organization), (grant.subject, grant.organization));
    assert_eq!((verified.roles, verified.scopes), (grant.roles, grant.scopes));
    assert_eq!((verified.issued_at, verified.expires_at), (noon(), noon() + TimeDelta::hours(1)));
    assert_eq!(verified.jti, minted.jti);
    let written = claims(&minted.token);
    assert_eq!((&written["iss"], &written["aud"]), (&URL.into(), &URL.into()));
    assert_eq!(written["scope"], "referrals:read referrals:write");
    assert_eq!(written["roles"], json!(["coordinator", "privacy_officer"]));
    assert!(minted.token.len() < 1024);
}

#[test]
fn a_token_holds_from_its_issue_to_its_end() {
    let (_folder, tokens) = tokens();
    let token = tokens.mint(&grant(), noon()).unwrap().token;
    let held = |seconds| tokens.verify(&token, noon() + TimeDelta::seconds(seconds)).is_ok();
    assert_eq!([-31, -30, 0, 3599, 3600, 3601].map(held), [false, true, true, true, false, false]);
}

#[test]
fn a_token_signed_with_an_older_key_still_verifies() {
    let (_folder, tokens) = tokens();
    let claims = claims(&tokens.mint(&grant(), noon()).unwrap().token);
    let older = tokens.keys().list().into_iter().find(|key| key.kind == Kind::Rs256).unwrap();
    assert!(tokens.verify(&older.sign(&claims).unwrap(), noon()).is_ok());
}

#[test]
fn every_forgery_is_refused_with_the_same_words() {
    let (folder, tokens) = tokens();
    let good = tokens.mint(&grant(), noon()).unwrap().token;
    let kid = tokens.keys().newest().kid.clone();
    let rsa_kid = tokens.keys().list()[1].kid.clone();
    let set = serde_json::to_value(tokens.keys().jwks()).unwrap();
    let public = data_encoding::BASE64URL_NOPAD.decode(set["keys"][0]["x"].as_str().unwrap().as_bytes()).unwrap();
    let public_rsa = data_encoding::BASE64URL_NOPAD.decode(set["keys"][1]["n"].as_str().unwrap().as_bytes()).unwrap();
    let (stranger_folder, stranger) = self::tokens();
    let (head, signature) = good.rsplit_once('.').unwrap();
    let other = signed(&tokens, |claims| claims["org"] = OrganizationId::new().to_string().into());
    let later = noon().timestamp() + 120;

    assert!(tokens.verify(&with_header(&tokens, &folder, "typ", "JWT".into()), noon()).is_ok(), "the forger's tool makes good tokens too");
    let attacks = [
        ("nothing", String::new()),
        ("not a token", "Bearer abc".to_owned()),
        ("two parts", head.to_owned()),
        ("four parts", format!("{good}.{signature}")),
        ("alg none", forged(&tokens, &json!({"alg": "none", "kid": kid}), None)),
        ("alg nOnE", forged(&tokens, &json!({"alg": "nOnE", "kid": kid}), None)),
        ("no alg", forged(&tokens, &json!({"kid": kid}), None)),
        ("HS256 with the public key", forged(&tokens, &json!({"alg": "HS256", "kid": kid}), Some(&public))),
        ("HS256 with the public RSA key", forged(&tokens, &json!({"alg": "HS256", "kid": rsa_kid}), Some(&public_rsa))),
        ("the algorithm of another key", with_header(&tokens, &folder, "alg", "RS256".into())),
        ("the name of another key", with_header(&tokens, &folder, "kid", rsa_kid.into())),
        ("an unknown key", with_header(&tokens, &folder, "kid", "20260101T000000000Z-00000000".into())),
        ("a path as key", with_header(&tokens, &folder, "kid", format!("../{kid}").into())),
        ("no key named", with_header(&tokens, &folder, "kid", Value::Null)),
        ("a key's name that is no text", with_header(&tokens, &folder, "kid", json!(7))),
        ("an embedded key", with_header(&tokens, &folder, "jwk", set["keys"][0].clone())),
        ("a key's address", with_header(&tokens, &folder, "jku", "https://evil.example/jwks".into())),
        ("a certificate's address", with_header(&tokens, &folder, "x5u", "https://evil.example/x".into())),
        ("a certificate", with_header(&tokens, &folder, "x5c", json!(["AAAA"]))),
        ("a critical extension", with_header(&tokens, &folder, "crit", json!(["b64"]))),
        ("another type", with_header(&tokens, &folder, "typ", "logout+jwt".into())),
        ("another server's key under our name", {
            let renamed = stranger_folder.path().join(format!("{}.pem", stranger.keys().newest().kid));
            std::fs::rename(renamed, stranger_folder.path().join(format!("{kid}.pem"))).unwrap();
            stranger.keys().reload(noon()).unwrap();
            stranger.mint(&grant(), noon()).unwrap().token
        }),
        ("claims of another", format!("{}.{signature}", other.rsplit_once('.').unwrap().0)),
        ("no signature", format!("{head}.")),
        ("a changed signature", format!("{head}.{}", signature.chars().rev().collect::<String>())),
        ("another audience", signed(&tokens, |claims| claims["aud"] = "https://other.example".into())),
        ("no audience", signed(&tokens, |claims| drop(claims.as_object_mut().unwrap().remove("aud")))),
        ("another issuer", signed(&tokens, |claims| claims["iss"] = "https://other.example".into())),
        ("our address with more at its end", signed(&tokens, |claims| claims["iss"] = format!("{URL}.evil.example").into())),
        ("no issuer", signed(&tokens, |claims| drop(claims.as_object_mut().unwrap().remove("iss")))),
        ("expired", signed(&tokens, |claims| claims["exp"] = noon().timestamp().into())),
        ("no end", signed(&tokens, |claims| drop(claims.as_object_mut().unwrap().remove("exp")))),
        ("an end that is no number", signed(&tokens, |claims| claims["exp"] = "9999999999".into())),
        ("issued tomorrow", signed(&tokens, |claims| claims["iat"] = later.into())),
        ("not yet good", signed(&tokens, |claims| claims["nbf"] = later.into())),
        ("a referral's id as subject", signed(&tokens, |claims| claims["sub"] = entity::ReferralId::new().to_string().into())),
        ("no subject", signed(&tokens, |claims| drop(claims.as_object_mut().unwrap().remove("sub")))),
        ("another kind of organization", signed(&tokens, |claims| claims["org"] = "prg_x".into())),
        ("no name", signed(&tokens, |claims| claims["jti"] = "".into())),
        ("oversized", signed(&tokens, |claims| claims["more"] = "x".repeat(MAX_BYTES).into())),
    ];
    for (attack, token) in attacks {
        assert_eq!(tokens.verify(&token, noon()), Err(Invalid), "{attack}");
    }
}

#[test]
fn what_is_not_known_grants_nothing() {
    let (_folder, tokens) = tokens();
    let token = signed(&tokens, |claims| {
        claims["roles"] = json!(["root", "PEER"]);
        claims["scope"] = "everything referrals:read  ".into();
    });
    let verified = tokens.verify(&token, noon()).unwrap();
    assert_eq!((verified.roles, verified.scopes), (BTreeSet::from([Role::Peer]), BTreeSet::from([Scope::ReferralsRead])));
}
