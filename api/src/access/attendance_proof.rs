//! Attendance proofs: that somebody came for so many hours, as a token that whoever is shown it can check, here or by themselves with the
//! published keys.
//!
//! They are signed by the keys of access tokens. Their kind (`typ`) keeps the two apart in both directions, and a proof has neither subject,
//! nor audience, nor organization, which an access token is none without. It says nothing of what the hours were for, and of its holder
//! only a salted hash of their name: whoever is told the name can check it. Who has the proof can try names as well, as with every name that
//! stands on a paper; the salt keeps two proofs of one person apart.

use aws_lc_rs::digest::{Context, SHA256};
use chrono::{DateTime, NaiveDate, TimeDelta};
use data_encoding::{BASE64URL_NOPAD, HEXLOWER};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::{
    jws::{Claimed, Seconds, Validity},
    token::Tokens,
};
use crate::clock::Instant;

/// What their header names as their kind.
const KIND: &str = "attendance+jwt";

/// How long one is good.
const GOOD_FOR: TimeDelta = TimeDelta::days(90);

/// What is proven.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proven {
    /// How many hours, to a hundredth.
    pub hours: Decimal,
    /// In how many sessions.
    pub sessions: u32,
    /// The first day that counts.
    pub from: NaiveDate,
    /// The last.
    pub to: NaiveDate,
}

impl Proven {
    /// The days as ISO 8601 writes an interval of them, such as `2026-01-01/2026-03-31`: both count.
    pub fn range(&self) -> String {
        format!("{}/{}", self.from, self.to)
    }
}

/// A proof that is ours and good now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verified {
    /// What it proves.
    pub proven: Proven,
    /// Until when it is good (UTC).
    pub expires_at: Instant,
    salt: Vec<u8>,
    hash: Vec<u8>,
}

impl Verified {
    /// Whether it is of somebody of this name, normalized as it was when the proof was made.
    pub fn is_of(&self, name: &str) -> bool {
        hash(&self.salt, name) == self.hash
    }
}

/// What somebody learns who checks a proof.
#[derive(Clone, Debug)]
pub struct Checked {
    /// What the proof says.
    pub verified: Verified,
    /// Whether it is of somebody of the name that they were told; nothing where they gave none.
    pub name_fits: Option<bool>,
}

/// What is wrong with a proof. Who is shown one must know whether it was forged, or only is too old.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flaw {
    /// It is no attendance proof at all.
    NotAProof,
    /// Somebody else signed it, or with a key that is no longer ours.
    NotOurs,
    /// It does not say what was signed.
    Altered,
    /// It is not good yet: a clock is wrong.
    NotYet,
    /// It was good.
    Expired,
}

impl Flaw {
    /// As answers name it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NotAProof => "NOT_A_PROOF",
            Self::NotOurs => "NOT_OURS",
            Self::Altered => "ALTERED",
            Self::NotYet => "NOT_YET",
            Self::Expired => "EXPIRED",
        }
    }
}

#[derive(Clone, Serialize, Deserialize)]
struct Claims {
    iss: String,
    jti: String,
    iat: i64,
    exp: i64,
    /// A decimal number as text.
    hours: String,
    sessions: u32,
    from: NaiveDate,
    to: NaiveDate,
    /// 16 random bytes (base64url).
    name_salt: String,
    /// SHA-256 of these bytes and the normalized name in UTF-8 (base64url).
    name_hash: String,
}

fn hash(salt: &[u8], name: &str) -> Vec<u8> {
    let mut context = Context::new(&SHA256);
    context.update(salt);
    context.update(name.as_bytes());
    context.finish().as_ref().to_vec()
}

/// Signs a proof for somebody of this normalized name.
///
/// # Errors
/// When the library cannot sign, which is a fault of ours.
pub fn sign(tokens: &Tokens, proven: &Proven, name: &str, now: Instant) -> Result<String, jsonwebtoken::errors::Error> {
    let salt = rand::random::<[u8; 16]>();
    let claims = Claims {
        iss: tokens.issuer().to_owned(),
        jti: HEXLOWER.encode(&rand::random::<[u8; 16]>()),
        iat: now.timestamp(),
        exp: (now + GOOD_FOR).timestamp(),
        hours: proven.hours.to_string(),
        sessions: proven.sessions,
        from: proven.from,
        to: proven.to,
        name_salt: BASE64URL_NOPAD.encode(&salt),
        name_hash: BASE64URL_NOPAD.encode(&hash(&salt, name)),
    };
    tokens.keys().newest().sign_as(KIND, &claims)
}

/// What a proof says, when it is ours and good now.
///
/// # Errors
/// What is wrong with it.
pub fn verify(tokens: &Tokens, token: &str, now: Instant) -> Result<Verified, Flaw> {
    let claimed = Claimed::read_as(token, KIND).map_err(|_| Flaw::NotAProof)?;
    if claimed.issuer.as_deref() != Some(tokens.issuer()) {
        return Err(Flaw::NotOurs);
    }
    let key = claimed.kid.and_then(|kid| tokens.keys().find(&kid, now)).ok_or(Flaw::NotOurs)?;
    let claims: Claims = key.public().open(token).map_err(|_| Flaw::Altered)?;
    let validity = Validity { iat: Some(Seconds(claims.iat)), nbf: None, exp: Seconds(claims.exp) };
    if !validity.holds(now) {
        return Err(if claims.exp <= now.timestamp() { Flaw::Expired } else { Flaw::NotYet });
    }
    claims.into_verified().ok_or(Flaw::NotAProof)
}

impl Claims {
    fn into_verified(self) -> Option<Verified> {
        Some(Verified {
            proven: Proven { hours: self.hours.parse().ok()?, sessions: self.sessions, from: self.from, to: self.to },
            expires_at: DateTime::from_timestamp(self.exp, 0)?,
            salt: BASE64URL_NOPAD.decode(self.name_salt.as_bytes()).ok()?,
            hash: BASE64URL_NOPAD.decode(self.name_hash.as_bytes()).ok()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeSet, sync::Arc};

    use serde_json::{Value, json};

    use super::*;
    use crate::access::{
        keys::{Keys, Use},
        token::tests::{grant, noon, tokens},
    };

    fn proven() -> Proven {
        let day = |text: &str| text.parse().unwrap();
        Proven { hours: Decimal::new(150, 2), sessions: 2, from: day("2026-01-01"), to: day("2026-02-28") }
    }

    fn parts(token: &str) -> (Value, Value) {
        let part = |at: usize| BASE64URL_NOPAD.decode(token.split('.').nth(at).unwrap().as_bytes()).unwrap();
        (serde_json::from_slice(&part(0)).unwrap(), serde_json::from_slice(&part(1)).unwrap())
    }

    #[test]
    fn a_proof_proves_what_it_was_made_for_and_names_nobody() {
        let (_folder, tokens) = tokens();
        let token = sign(&tokens, &proven(), "ada byron", noon()).unwrap();
        let verified = verify(&tokens, &token, noon()).unwrap();
        assert_eq!((&verified.proven, verified.expires_at), (&proven(), noon() + GOOD_FOR));
        assert!(verified.is_of("ada byron") && !verified.is_of("ada") && !verified.is_of(""));
        let (header, claims) = parts(&token);
        assert_eq!((&header["typ"], &header["alg"]), (&json!("attendance+jwt"), &json!("EdDSA")));
        let names: BTreeSet<_> = claims.as_object().unwrap().keys().map(String::as_str).collect();
        let expected = ["iss", "jti", "iat", "exp", "hours", "sessions", "from", "to", "name_salt", "name_hash"];
        assert_eq!(names, BTreeSet::from(expected), "and nothing else");
        let (_, another) = parts(&sign(&tokens, &proven(), "ada byron", noon()).unwrap());
        assert!(claims["name_hash"] != another["name_hash"] && claims["jti"] != another["jti"], "two of one person have nothing in common");
    }

    #[test]
    fn what_is_wrong_is_told_apart() {
        let ((folder, tokens), (_other_folder, others)) = (tokens(), tokens());
        let good = sign(&tokens, &proven(), "ada byron", noon()).unwrap();
        let altered = {
            let (_, mut claims) = parts(&good);
            claims["hours"] = json!("99");
            let mut parts: Vec<_> = good.split('.').map(str::to_owned).collect();
            parts[1] = BASE64URL_NOPAD.encode(claims.to_string().as_bytes());
            parts.join(".")
        };
        let same_keys = Keys::open(folder.path(), Use::Production, noon()).unwrap();
        let elsewhere = Tokens::new(Arc::new(same_keys), "https://elsewhere.example");
        let access_token = tokens.mint(&grant(), noon()).unwrap().token;
        let cases = [
            ("nothing", String::new(), noon(), Flaw::NotAProof),
            ("an access token", access_token, noon(), Flaw::NotAProof),
            ("one of another key", sign(&others, &proven(), "ada byron", noon()).unwrap(), noon(), Flaw::NotOurs),
            ("one of another house", sign(&elsewhere, &proven(), "ada byron", noon()).unwrap(), noon(), Flaw::NotOurs),
            ("an altered one", altered, noon(), Flaw::Altered),
            ("one of tomorrow", good.clone(), noon() - TimeDelta::days(1), Flaw::NotYet),
            ("one of last year", good.clone(), noon() + GOOD_FOR, Flaw::Expired),
        ];
        for (what, token, at, flaw) in cases {
            assert_eq!(verify(&tokens, &token, at), Err(flaw), "{what}");
        }
        assert!(verify(&tokens, &good, noon() + GOOD_FOR - TimeDelta::seconds(1)).is_ok());
        assert!(tokens.verify(&good, noon()).is_err(), "nobody is let in by it");
    }
}
