//! A signed token (JWS, RFC 7515) and the one key that may have signed it. Our own tokens, those of outside issuers and
//! the assertions of API clients all pass here, so that each attack on signatures is met in one place.
//!
//! The order matters (RFC 8725 §3.1): the key is found first, and the key says which algorithm it is for. The header
//! may only agree.

use data_encoding::BASE64URL_NOPAD;
use jsonwebtoken::{
    Algorithm, DecodingKey, Validation,
    jwk::{AlgorithmParameters, EllipticCurve, Jwk, KeyAlgorithm, PublicKeyUse},
};
use serde::{Deserialize, Deserializer, Serialize, de::DeserializeOwned};
use serde_json::{Map, Value};

use crate::clock::Instant;

/// The longest token that is looked at; ours are near 700 bytes. A limit, so that nobody makes us hash megabytes.
pub const MAX_BYTES: usize = 8 * 1024;

/// How far another machine's clock may run ahead of ours, in seconds.
const LEEWAY_SECONDS: i64 = 30;

/// Header members that bring or point to a key of the sender's choice, and the list of extensions that we would have
/// to know (RFC 7515 §4.1.2 to 4.1.6 and 4.1.11).
const REFUSED_MEMBERS: [&str; 7] = ["jwk", "jku", "x5u", "x5c", "crit", "enc", "zip"];

/// The token is not valid. It says nothing more: which check failed is of use only to someone who forges.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the token is not valid")]
pub struct Invalid;

/// A public key: its name, its one algorithm, and the key.
#[derive(Clone, Debug)]
pub struct PublicKey {
    /// What tokens call it.
    pub kid: Option<String>,
    algorithm: Algorithm,
    key: DecodingKey,
}

impl PublicKey {
    /// A key from a set (RFC 7517), when it is one that signs in a way we take: EdDSA, ES256, ES384, and RSA from 2048 bits on.
    /// Symmetric keys are none: whoever can verify with one can sign with it.
    pub fn from_jwk(jwk: &Jwk) -> Option<Self> {
        if matches!(&jwk.common.public_key_use, Some(kind) if *kind != PublicKeyUse::Signature) {
            return None;
        }
        let algorithm = algorithm_of(jwk)?;
        Some(Self { kid: jwk.common.key_id.clone(), algorithm, key: DecodingKey::from_jwk(jwk).ok()? })
    }

    /// Whether an application may sign its assertions with it: what [`super::own_keys`] takes, and the metadata promises.
    pub fn signs_assertions(&self) -> bool {
        matches!(self.algorithm, Algorithm::EdDSA | Algorithm::RS256)
    }

    /// The keys of a set that are of use; a set with some exotic key in it is still a set. At most 64.
    pub fn from_set(json: &[u8]) -> Option<Vec<Self>> {
        let set: Value = serde_json::from_slice(json).ok()?;
        let keys = set.get("keys")?.as_array()?;
        let usable = keys.iter().filter_map(|key| Self::from_jwk(&Jwk::deserialize(key).ok()?));
        Some(usable.take(64).collect())
    }

    /// The claims of a token that this key signed. Says nothing about whom it is for, or whether it is current.
    ///
    /// # Errors
    /// `Invalid`, whatever is wrong.
    pub fn open<C: DeserializeOwned + Clone>(&self, token: &str) -> Result<C, Invalid> {
        if token.len() > MAX_BYTES {
            return Err(Invalid);
        }
        let mut validation = Validation::new(self.algorithm);
        // Time, audience and issuer are checked by the caller, who knows them: this library would ask the machine for the time.
        validation.required_spec_claims.clear();
        validation.validate_exp = false;
        validation.validate_aud = false;
        let opened = jsonwebtoken::decode::<C>(token, &self.key, &validation).map_err(|_| Invalid)?;
        Ok(opened.claims)
    }
}

/// The one algorithm of a key: what it says of itself when that fits the kind of key, or the usual one of its kind.
fn algorithm_of(jwk: &Jwk) -> Option<Algorithm> {
    let said = jwk.common.key_algorithm;
    match &jwk.algorithm {
        AlgorithmParameters::OctetKeyPair(pair) if pair.curve == EllipticCurve::Ed25519 => {
            one_of(said, &[(KeyAlgorithm::EdDSA, Algorithm::EdDSA)])
        }
        AlgorithmParameters::EllipticCurve(point) if point.curve == EllipticCurve::P256 => {
            one_of(said, &[(KeyAlgorithm::ES256, Algorithm::ES256)])
        }
        AlgorithmParameters::EllipticCurve(point) if point.curve == EllipticCurve::P384 => {
            one_of(said, &[(KeyAlgorithm::ES384, Algorithm::ES384)])
        }
        AlgorithmParameters::RSA(rsa) if modulus_bytes(&rsa.n) >= 256 => one_of(
            said,
            &[
                (KeyAlgorithm::RS256, Algorithm::RS256),
                (KeyAlgorithm::RS384, Algorithm::RS384),
                (KeyAlgorithm::RS512, Algorithm::RS512),
                (KeyAlgorithm::PS256, Algorithm::PS256),
                (KeyAlgorithm::PS384, Algorithm::PS384),
                (KeyAlgorithm::PS512, Algorithm::PS512),
            ],
        ),
        _ => None,
    }
}

fn one_of(said: Option<KeyAlgorithm>, fitting: &[(KeyAlgorithm, Algorithm)]) -> Option<Algorithm> {
    let Some(said) = said else {
        return fitting.first().map(|(_, usual)| *usual);
    };
    fitting.iter().find(|(name, _)| *name == said).map(|(_, algorithm)| *algorithm)
}

fn modulus_bytes(base64: &str) -> usize {
    let bytes = BASE64URL_NOPAD.decode(base64.as_bytes()).unwrap_or_default();
    bytes.iter().skip_while(|byte| **byte == 0).count()
}

/// What a token says before anyone has verified it: good for finding the key, and for nothing else.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claimed {
    /// The name of the key.
    pub kid: Option<String>,
    /// Who says to have issued it.
    pub issuer: Option<String>,
    /// Whom it says to be for.
    pub audience: Audience,
}

impl Claimed {
    /// Reads what a token says of itself.
    ///
    /// # Errors
    /// `Invalid`, when it is no token, is too long, or its header carries something that we never take.
    pub fn read(token: &str) -> Result<Self, Invalid> {
        Self::read_if(token, is_plain_token)
    }

    /// Likewise, of a token of this kind alone, which its header names.
    ///
    /// # Errors
    /// As [`Self::read`], and when it is of another kind.
    pub fn read_as(token: &str, kind: &str) -> Result<Self, Invalid> {
        Self::read_if(token, |header| header.get("typ").and_then(Value::as_str).is_some_and(|named| named.eq_ignore_ascii_case(kind)))
    }

    fn read_if(token: &str, is_of_kind: impl FnOnce(&Map<String, Value>) -> bool) -> Result<Self, Invalid> {
        if token.len() > MAX_BYTES {
            return Err(Invalid);
        }
        let mut parts = token.split('.');
        let (Some(header), Some(claims), Some(_signature), None) = (parts.next(), parts.next(), parts.next(), parts.next()) else {
            return Err(Invalid);
        };
        let (header, claims) = (object(header)?, object(claims)?);
        if REFUSED_MEMBERS.iter().any(|member| header.contains_key(*member)) || !is_of_kind(&header) {
            return Err(Invalid);
        }
        Ok(Self {
            kid: text(&header, "kid"),
            issuer: text(&claims, "iss"),
            audience: claims.get("aud").and_then(|aud| Audience::deserialize(aud).ok()).unwrap_or_default(),
        })
    }
}

fn object(part: &str) -> Result<Map<String, Value>, Invalid> {
    let json = BASE64URL_NOPAD.decode(part.as_bytes()).map_err(|_| Invalid)?;
    serde_json::from_slice(&json).map_err(|_| Invalid)
}

fn text(object: &Map<String, Value>, name: &str) -> Option<String> {
    object.get(name).and_then(Value::as_str).map(str::to_owned)
}

/// A logout token or a proof of possession is signed by the same keys and is no access token (RFC 8725 §3.11).
fn is_plain_token(header: &Map<String, Value>) -> bool {
    match header.get("typ").map(Value::as_str) {
        None => true,
        Some(Some(kind)) => ["JWT", "at+jwt", "application/at+jwt"].iter().any(|ours| kind.eq_ignore_ascii_case(ours)),
        Some(None) => false,
    }
}

/// Whom a token is for: one name or several (RFC 7519 §4.1.3).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Audience(Vec<String>);

impl Audience {
    /// Whether it is for this one.
    pub fn names(&self, one: &str) -> bool {
        self.0.iter().any(|name| name == one)
    }
}

impl<'de> Deserialize<'de> for Audience {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum OneOrMany {
            One(String),
            Many(Vec<String>),
        }
        Ok(match OneOrMany::deserialize(from)? {
            OneOrMany::One(name) => Self(vec![name]),
            OneOrMany::Many(names) => Self(names),
        })
    }
}

/// A `NumericDate`: seconds since 1970, whole or not (RFC 7519 §2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Seconds(pub i64);

impl<'de> Deserialize<'de> for Seconds {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let number = serde_json::Number::deserialize(from)?;
        let whole = number.as_i64().or_else(|| {
            let seconds = number.as_f64().filter(|seconds| (0.0..=1e12).contains(seconds))?;
            #[expect(clippy::cast_possible_truncation, reason = "checked to lie between 0 and 10^12")]
            Some(seconds as i64)
        });
        whole.map(Self).ok_or_else(|| serde::de::Error::custom("not a time"))
    }
}

/// When a token is good.
#[derive(Clone, Copy, Debug, Deserialize)]
pub struct Validity {
    /// Issued at.
    pub iat: Option<Seconds>,
    /// Not before.
    pub nbf: Option<Seconds>,
    /// Not from here on. A token without an end is none.
    pub exp: Seconds,
}

impl Validity {
    /// Whether it holds now: ours to decide to the second at its end, lenient about its beginning.
    pub fn holds(&self, now: Instant) -> bool {
        let now = now.timestamp();
        let begun = |at: Option<Seconds>| at.is_none_or(|at| at.0 <= now + LEEWAY_SECONDS);
        now < self.exp.0 && begun(self.iat) && begun(self.nbf)
    }
}

#[cfg(test)]
#[path = "jws_tests.rs"]
mod tests;
