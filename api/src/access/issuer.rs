//! Tokens of an organization's own identity provider. The configuration says which organization an issuer speaks for;
//! the token says who, and at most which roles. Today's staff row has the last word, and is looked up elsewhere.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::{Arc, PoisonError, RwLock},
};

use chrono::DateTime;
use entity::{OrganizationId, vocabulary::Role};
use serde::Deserialize;
use serde_json::{Map, Value};
use url::Url;

use super::{
    jws::{Audience, Claimed, Invalid, Validity},
    key_set::{KeySet, KeySource, Unreachable},
};
use crate::clock::Instant;

/// Roles that no issuer gives unless its allow-list names them: with them one could let oneself in anywhere.
const EXPRESS_ONLY: [Role; 2] = [Role::Administrator, Role::PrivacyOfficer];

/// Which claim says who it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SubjectClaim {
    /// `sub`: the issuer's own name for the person.
    #[default]
    Sub,
    /// `email`, in lower case; an address that the issuer says it has not verified counts for nothing.
    Email,
}

/// An outside issuer that an organization trusts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrustedIssuer {
    /// Its `iss`, exactly.
    pub issuer: String,
    /// Where its keys are.
    pub jwks_url: Url,
    /// The `aud` of tokens for us.
    pub audience: String,
    /// The organization that it speaks for, and no other.
    pub organization: OrganizationId,
    /// Which claim says who it is.
    pub subject_claim: SubjectClaim,
    /// Which claim says the roles: a name, or a path with dots (`realm_access.roles`). None: its tokens give no role.
    pub roles_claim: Option<String>,
    /// What the issuer calls our roles. Empty: as we do, in any case.
    pub role_map: BTreeMap<String, Role>,
    /// The roles it may give. None: all but `ADMINISTRATOR` and `PRIVACY_OFFICER`.
    pub allowed_roles: Option<BTreeSet<Role>>,
}

/// Whom a trusted issuer vouches for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VouchedFor {
    /// Who vouches.
    pub issuer: String,
    /// The issuer's organization.
    pub organization: OrganizationId,
    /// Which claim said who it is.
    pub subject_claim: SubjectClaim,
    /// What it said: to be looked up among the staff of that organization.
    pub subject: String,
    /// The roles that token and allow-list agree on; the staff row's come on top as a third condition.
    pub roles: BTreeSet<Role>,
    /// When the token ends (UTC).
    pub expires_at: Instant,
}

/// Why nobody was vouched for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotVouched {
    /// The token is not valid here.
    #[error("the token is not valid")]
    Invalid,
    /// The issuer's keys cannot be had just now.
    #[error("the issuer's keys cannot be fetched just now")]
    Unavailable,
}

impl From<Invalid> for NotVouched {
    fn from(_: Invalid) -> Self {
        Self::Invalid
    }
}

impl From<Unreachable> for NotVouched {
    fn from(_: Unreachable) -> Self {
        Self::Unavailable
    }
}

#[derive(Clone, Debug)]
struct Known {
    trusted: TrustedIssuer,
    keys: Arc<KeySet>,
}

/// The outside issuers that are trusted now.
pub struct Issuers {
    source: Arc<dyn KeySource>,
    known: RwLock<Arc<Vec<Known>>>,
}

impl std::fmt::Debug for Issuers {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Issuers").field(&self.known()).finish()
    }
}

#[derive(Clone, Deserialize)]
struct Claims {
    iss: String,
    aud: Audience,
    #[serde(flatten)]
    validity: Validity,
    #[serde(flatten)]
    rest: Map<String, Value>,
}

impl Issuers {
    /// Trusts these, and fetches their keys from this source.
    pub fn new(source: Arc<dyn KeySource>, trusted: Vec<TrustedIssuer>) -> Self {
        let issuers = Self { source, known: RwLock::default() };
        issuers.trust(trusted);
        issuers
    }

    /// Trusts these from now on, and no others. Keys that were fetched stay.
    pub fn trust(&self, trusted: Vec<TrustedIssuer>) {
        let before = self.known();
        let mut sets: HashMap<Url, Arc<KeySet>> = before.iter().map(|known| (known.keys.url().clone(), Arc::clone(&known.keys))).collect();
        let mut keys_at = |url: &Url| {
            let new = || Arc::new(KeySet::new(url.clone(), Arc::clone(&self.source)));
            Arc::clone(sets.entry(url.clone()).or_insert_with(new))
        };
        let known = trusted.into_iter().map(|trusted| Known { keys: keys_at(&trusted.jwks_url), trusted });
        *self.known.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(known.collect());
    }

    /// Whom a token of a trusted issuer vouches for.
    ///
    /// # Errors
    /// `Invalid`, whatever is wrong with it; `Unavailable`, when its issuer is trusted and the keys cannot be had.
    pub async fn verify(&self, bearer: &str, now: Instant) -> Result<VouchedFor, NotVouched> {
        let claimed = Claimed::read(bearer)?;
        let kid = claimed.kid.as_deref().ok_or(Invalid)?;
        let known = self.speaking(&claimed).ok_or(Invalid)?;
        let key = known.keys.find(kid, now).await?.ok_or(Invalid)?;
        let claims: Claims = key.open(bearer)?;
        let trusted = &known.trusted;
        if claims.iss != trusted.issuer || !claims.aud.names(&trusted.audience) || !claims.validity.holds(now) {
            return Err(NotVouched::Invalid);
        }
        Ok(trusted.vouch(&claims).ok_or(Invalid)?)
    }

    /// The one trusted issuer that a token claims to be from. Where two organizations trust the same issuer, the
    /// audience tells them apart; where it does not, nobody is let in.
    fn speaking(&self, claimed: &Claimed) -> Option<Known> {
        let known = self.known();
        let mut fitting = known
            .iter()
            .filter(|known| claimed.issuer.as_ref() == Some(&known.trusted.issuer) && claimed.audience.names(&known.trusted.audience));
        let one = fitting.next()?;
        fitting.next().is_none().then(|| one.clone())
    }

    fn known(&self) -> Arc<Vec<Known>> {
        Arc::clone(&self.known.read().unwrap_or_else(PoisonError::into_inner))
    }
}

impl TrustedIssuer {
    fn vouch(&self, claims: &Claims) -> Option<VouchedFor> {
        Some(VouchedFor {
            issuer: self.issuer.clone(),
            organization: self.organization,
            subject_claim: self.subject_claim,
            subject: self.subject(&claims.rest)?,
            roles: self.roles(&claims.rest),
            expires_at: DateTime::from_timestamp(claims.validity.exp.0, 0)?,
        })
    }

    fn subject(&self, claims: &Map<String, Value>) -> Option<String> {
        let subject = match self.subject_claim {
            SubjectClaim::Sub => claims.get("sub")?.as_str()?.to_owned(),
            SubjectClaim::Email => {
                if claims.get("email_verified").is_some_and(|verified| *verified != Value::Bool(true)) {
                    return None;
                }
                claims.get("email")?.as_str()?.to_lowercase()
            }
        };
        Some(subject).filter(|subject| !subject.is_empty())
    }

    fn roles(&self, claims: &Map<String, Value>) -> BTreeSet<Role> {
        let said = self.roles_claim.as_deref().and_then(|path| at_path(claims, path));
        let names: Vec<&str> = match said {
            Some(Value::String(names)) => names.split_whitespace().collect(),
            Some(Value::Array(names)) => names.iter().filter_map(Value::as_str).collect(),
            _ => Vec::new(),
        };
        names.into_iter().filter_map(|name| self.role(name)).filter(|role| self.allows(*role)).collect()
    }

    fn role(&self, name: &str) -> Option<Role> {
        if self.role_map.is_empty() {
            return name.to_ascii_uppercase().parse().ok();
        }
        self.role_map.get(name).copied()
    }

    fn allows(&self, role: Role) -> bool {
        match &self.allowed_roles {
            Some(allowed) => allowed.contains(&role),
            None => !EXPRESS_ONLY.contains(&role),
        }
    }
}

/// A claim by its name, or by a path with dots; names may themselves be addresses with dots in them.
fn at_path<'a>(claims: &'a Map<String, Value>, path: &str) -> Option<&'a Value> {
    claims.get(path).or_else(|| {
        let (first, rest) = path.split_once('.')?;
        at_path(claims.get(first)?.as_object()?, rest)
    })
}

#[cfg(test)]
#[path = "issuer_tests.rs"]
mod tests;
