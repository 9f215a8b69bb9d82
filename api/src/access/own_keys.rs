//! The key set that an application hands over, to sign its assertions with instead of showing a secret (RFC 7523).

use jsonwebtoken::jwk::Jwk;
use serde::Deserialize;
use serde_json::Value;

use super::jws::PublicKey;

/// The longest set that is taken, in bytes.
pub const MOST_BYTES: usize = 16 * 1024;

/// The most keys of a set: the one in use, the next, and some more.
const MOST_KEYS: usize = 8;

/// Members of a key that only its owner may know: of RSA and elliptic curves (RFC 7518 §6.2.2 and 6.3.2), and symmetric (§6.4).
const PRIVATE_MEMBERS: [&str; 8] = ["d", "p", "q", "dp", "dq", "qi", "oth", "k"];

/// The set as it is kept, when each of its keys is a public one that assertions may be signed with.
///
/// # Errors
/// A sentence that says what is wrong with it and how to mend it.
pub fn checked(jwks: &str) -> Result<String, String> {
    if jwks.len() > MOST_BYTES {
        return Err(format!("`jwks` has at most {MOST_BYTES} bytes."));
    }
    let set: Value = serde_json::from_str(jwks).map_err(|_| "`jwks` is a JSON Web Key Set (RFC 7517), as JSON.")?;
    let keys = set["keys"].as_array().ok_or("`jwks` is an object with `keys` (RFC 7517).")?;
    if keys.is_empty() || keys.len() > MOST_KEYS {
        return Err(format!("`jwks` has 1 to {MOST_KEYS} keys."));
    }
    for key in keys {
        if PRIVATE_MEMBERS.iter().any(|member| key.get(member).is_some()) {
            return Err("`jwks` holds a private key: it is none any more. Make another, and send its public half.".to_owned());
        }
        let usable = Jwk::deserialize(key).ok().and_then(|jwk| PublicKey::from_jwk(&jwk)).is_some_and(|key| key.signs_assertions());
        if !usable {
            return Err("`jwks` holds keys for EdDSA (Ed25519) and RS256 (RSA from 2048 bits on), and no others.".to_owned());
        }
    }
    Ok(serde_json::json!({ "keys": keys }).to_string())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const PUBLIC: &str = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo";

    #[test]
    fn only_public_keys_that_sign_assertions_are_taken() {
        let ed = json!({ "kty": "OKP", "crv": "Ed25519", "x": PUBLIC, "kid": "a" });
        let with = |member: &str, value: Value| {
            let mut key = ed.clone();
            key[member] = value;
            json!({ "keys": [key] }).to_string()
        };
        assert_eq!(checked(&with("use", json!("sig"))).map(|kept| kept.contains(PUBLIC)), Ok(true));
        for (wrong, says) in [
            ("nonsense".to_owned(), "as JSON"),
            ("[]".to_owned(), "`keys`"),
            (json!({ "keys": [] }).to_string(), "1 to 8"),
            (json!({ "keys": vec![ed.clone(); 9] }).to_string(), "1 to 8"),
            (with("d", json!(PUBLIC)), "private"),
            (json!({ "keys": [{ "kty": "oct", "k": PUBLIC }] }).to_string(), "private"),
            (json!({ "keys": [{ "kty": "RSA", "n": "AQAB", "e": "AQAB" }] }).to_string(), "2048"),
            (json!({ "keys": [{ "kty": "EC", "crv": "P-256", "x": PUBLIC, "y": PUBLIC }] }).to_string(), "EdDSA"),
            (with("use", json!("enc")), "EdDSA"),
            (with("x", json!("!")), "EdDSA"),
            (json!({ "keys": [1] }).to_string(), "EdDSA"),
            (with("kid", json!("a".repeat(MOST_BYTES))), "bytes"),
        ] {
            let refused = checked(&wrong).expect_err(says);
            assert!(refused.contains(says), "{refused} does not say {says}");
        }
    }
}
