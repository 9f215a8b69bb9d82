//! Our own bearer tokens: minted for staff, API clients and clients, verified at each request (contract.md, "Tokens").
//! What a token says of roles and scopes bounds what its bearer can do; what they may today is asked of the database.

use std::{collections::BTreeSet, fmt, sync::Arc};

use chrono::{DateTime, TimeDelta};
use data_encoding::HEXLOWER;
use entity::{ApiClientId, ClientId, OrganizationId, StaffMemberId, vocabulary::Role};
use serde::{Deserialize, Serialize};

pub use super::jws::{Invalid, MAX_BYTES};
use super::{
    Scope,
    jws::{Audience, Claimed, Seconds, Validity},
    keys::Keys,
};
use crate::clock::Instant;

/// Whose token it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Subject {
    /// A person of staff.
    Staff(StaffMemberId),
    /// A partner's application.
    Api(ApiClientId),
    /// A client, who reads their own data.
    Client(ClientId),
}

impl Subject {
    fn parse(text: &str) -> Option<Self> {
        let staff = || text.parse().map(Self::Staff).ok();
        staff().or_else(|| text.parse().map(Self::Api).ok()).or_else(|| text.parse().map(Self::Client).ok())
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Staff(id) => id.fmt(f),
            Self::Api(id) => id.fmt(f),
            Self::Client(id) => id.fmt(f),
        }
    }
}

/// What a token is to say.
#[derive(Clone, Debug)]
pub struct Grant {
    /// Whose it is.
    pub subject: Subject,
    /// The tenant they act in.
    pub organization: OrganizationId,
    /// The roles they may act in with it.
    pub roles: BTreeSet<Role>,
    /// What it is good for.
    pub scopes: BTreeSet<Scope>,
    /// How long it is good.
    pub lifetime: TimeDelta,
}

/// What a token said that was found to be ours.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verified {
    /// Whose it is.
    pub subject: Subject,
    /// The tenant they act in.
    pub organization: OrganizationId,
    /// The roles it allows. Roles that this version does not know are left out.
    pub roles: BTreeSet<Role>,
    /// What it is good for. Scopes that this version does not know are left out.
    pub scopes: BTreeSet<Scope>,
    /// When it was issued (UTC).
    pub issued_at: Instant,
    /// When it ends (UTC).
    pub expires_at: Instant,
    /// Its own name, by which it is revoked.
    pub jti: String,
}

/// A token, fresh.
#[derive(Clone, PartialEq, Eq)]
pub struct Minted {
    /// What the bearer shows. Has no `Debug`, so that no log shows it.
    pub token: String,
    /// Its own name.
    pub jti: String,
    /// When it ends (UTC).
    pub expires_at: Instant,
}

#[derive(Serialize)]
struct Written<'a> {
    iss: &'a str,
    aud: &'a str,
    sub: String,
    org: OrganizationId,
    roles: Vec<String>,
    scope: String,
    iat: i64,
    exp: i64,
    jti: &'a str,
}

#[derive(Clone, Deserialize)]
struct Read {
    iss: String,
    aud: Audience,
    sub: String,
    org: OrganizationId,
    roles: Vec<String>,
    scope: String,
    iat: Seconds,
    exp: Seconds,
    nbf: Option<Seconds>,
    jti: String,
}

/// Mints and verifies.
#[derive(Clone, Debug)]
pub struct Tokens {
    keys: Arc<Keys>,
    public_url: String,
}

impl Tokens {
    /// For the server at this address: it is issuer and audience at once.
    pub fn new(keys: Arc<Keys>, public_url: impl Into<String>) -> Self {
        let public_url = public_url.into().trim_end_matches('/').to_owned();
        Self { keys, public_url }
    }

    /// The keys.
    pub fn keys(&self) -> &Keys {
        &self.keys
    }

    /// The issuer: the public address, without a slash at its end.
    pub fn issuer(&self) -> &str {
        &self.public_url
    }

    /// Signs a token.
    ///
    /// # Errors
    /// When the library cannot sign, which is a fault of ours.
    pub fn mint(&self, grant: &Grant, now: Instant) -> Result<Minted, jsonwebtoken::errors::Error> {
        let jti = HEXLOWER.encode(&rand::random::<[u8; 16]>());
        let expires_at = now + grant.lifetime;
        let written = Written {
            iss: &self.public_url,
            aud: &self.public_url,
            sub: grant.subject.to_string(),
            org: grant.organization,
            roles: grant.roles.iter().map(|role| role.as_str().to_ascii_lowercase()).collect(),
            scope: scope_text(&grant.scopes),
            iat: now.timestamp(),
            exp: expires_at.timestamp(),
            jti: &jti,
        };
        let token = self.keys.newest().sign(&written)?;
        Ok(Minted { token, jti, expires_at })
    }

    /// What a token says, when it is ours and holds now. Whether it was revoked, and what its bearer may do today, is
    /// the database's to know.
    ///
    /// # Errors
    /// `Invalid`, whatever is wrong with it.
    pub fn verify(&self, bearer: &str, now: Instant) -> Result<Verified, Invalid> {
        let claimed = Claimed::read(bearer)?;
        if claimed.issuer.as_ref() != Some(&self.public_url) {
            return Err(Invalid);
        }
        let kid = claimed.kid.ok_or(Invalid)?;
        let key = self.keys.find(&kid, now).ok_or(Invalid)?;
        let read: Read = key.public().open(bearer)?;
        let validity = Validity { iat: Some(read.iat), nbf: read.nbf, exp: read.exp };
        if read.iss != self.public_url || !read.aud.names(&self.public_url) || !validity.holds(now) {
            return Err(Invalid);
        }
        read.into_verified().ok_or(Invalid)
    }
}

impl Read {
    fn into_verified(self) -> Option<Verified> {
        Some(Verified {
            subject: Subject::parse(&self.sub)?,
            organization: self.org,
            roles: self.roles.iter().filter_map(|role| role.to_ascii_uppercase().parse().ok()).collect(),
            scopes: self.scope.split(' ').filter_map(|scope| scope.parse().ok()).collect(),
            issued_at: DateTime::from_timestamp(self.iat.0, 0)?,
            expires_at: DateTime::from_timestamp(self.exp.0, 0)?,
            jti: Some(self.jti).filter(|jti| !jti.is_empty())?,
        })
    }
}

/// Scopes as tokens and answers write them: names with spaces between (RFC 6749 §3.3).
pub fn scope_text(scopes: &BTreeSet<Scope>) -> String {
    scopes.iter().map(|scope| scope.as_str()).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
#[path = "token_tests.rs"]
pub(crate) mod tests;
