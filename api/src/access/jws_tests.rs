use aws_lc_rs::{
    rand::SystemRandom,
    signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair},
};
use chrono::DateTime;
use serde_json::json;

use super::*;

fn key(jwk: &Value) -> Option<PublicKey> {
    PublicKey::from_jwk(&Jwk::deserialize(jwk).ok()?)
}

/// A P-256 key as its owner publishes it, and a token of it.
fn p256() -> (Value, String) {
    let pkcs8 = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &SystemRandom::new()).unwrap();
    let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, pkcs8.as_ref()).unwrap();
    let point = pair.public_key().as_ref();
    let (x, y) = (BASE64URL_NOPAD.encode(&point[1..33]), BASE64URL_NOPAD.encode(&point[33..]));
    let part = |value: Value| BASE64URL_NOPAD.encode(value.to_string().as_bytes());
    let message = format!("{}.{}", part(json!({"alg": "ES256"})), part(json!({"sub": "x"})));
    let signature = pair.sign(&SystemRandom::new(), message.as_bytes()).unwrap();
    let token = format!("{message}.{}", BASE64URL_NOPAD.encode(signature.as_ref()));
    (json!({"kty": "EC", "crv": "P-256", "x": x, "y": y, "kid": "a"}), token)
}

#[test]
fn a_p256_key_opens_what_it_signed() {
    let (jwk, token) = p256();
    let (other, _) = p256();
    assert_eq!(key(&jwk).unwrap().open::<Value>(&token), Ok(json!({"sub": "x"})));
    assert_eq!(key(&other).unwrap().open::<Value>(&token), Err(Invalid));
}

#[test]
fn keys_that_are_not_for_signing_or_too_weak_are_left_out_of_a_set() {
    let (good, _) = p256();
    let with = |name: &str, value: &str| {
        let mut jwk = good.clone();
        jwk[name] = value.into();
        jwk
    };
    let rsa = |bytes: usize, first: u8, alg: &str| {
        let mut modulus = vec![0xff; bytes];
        modulus[0] = first;
        json!({"kty": "RSA", "n": BASE64URL_NOPAD.encode(&modulus), "e": "AQAB", "alg": alg})
    };
    let refused = [
        with("use", "enc"),
        with("alg", "HS256"),
        with("alg", "RS256"),
        with("crv", "P-521"),
        rsa(128, 0xff, "RS256"),
        rsa(256, 0, "RS256"),
        rsa(256, 0xff, "RSA-OAEP"),
        json!({"kty": "oct", "k": "c2VjcmV0", "alg": "HS256"}),
        json!({"kty": "new", "x": "?"}),
        json!("not a key"),
    ];
    for jwk in &refused {
        assert!(key(jwk).is_none(), "{jwk}");
    }
    let mut keys = refused.to_vec();
    keys.extend([good, rsa(256, 0xff, "PS256")]);
    assert_eq!(PublicKey::from_set(json!({"keys": keys}).to_string().as_bytes()).unwrap().len(), 2);
    assert!(PublicKey::from_set(b"<html>").is_none());
}

#[test]
fn times_may_have_fractions_and_must_be_numbers() {
    let holds = |claims: Value| {
        serde_json::from_value::<Validity>(claims).is_ok_and(|times| times.holds(DateTime::from_timestamp(1000, 0).unwrap()))
    };
    assert!(holds(json!({"exp": 1001})));
    assert!(holds(json!({"exp": 1001.5, "iat": 999.9, "nbf": 1030})));
    for wrong in [
        json!({}),
        json!({"exp": 1000}),
        json!({"exp": 1000.9}),
        json!({"exp": "1001"}),
        json!({"exp": -1}),
        json!({"exp": 1e300}),
        json!({"exp": u64::MAX}),
        json!({"exp": 1001, "nbf": 1031}),
        json!({"exp": 1001, "iat": i64::MAX}),
    ] {
        assert!(!holds(wrong.clone()), "{wrong}");
    }
}
