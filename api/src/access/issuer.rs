//! Tokens of an organization's own identity provider. The configuration says which organization an issuer speaks for;
//! the token says who, and at most which roles. Today's staff row has the last word, and is looked up elsewhere.

use std::collections::{BTreeMap, BTreeSet};

use chrono::DateTime;
use entity::{
    IssuerId, OrganizationId,
    vocabulary::{Role, SubjectClaim},
};
use serde::Deserialize;
use serde_json::{Map, Value};
use url::Url;

use super::{
    Scope,
    jws::{Audience, Claimed, Invalid, Validity},
    key_set::{KeySets, Unreachable},
};
use crate::clock::Instant;

/// Roles that no issuer gives unless its allow-list names them: with them one could let oneself in anywhere.
const EXPRESS_ONLY: [Role; 2] = [Role::Administrator, Role::PrivacyOfficer];

/// An outside issuer that an organization trusts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrustedIssuer {
    /// The row that says so.
    pub id: IssuerId,
    /// Its `iss`, exactly.
    pub issuer: String,
    /// Where its keys are.
    pub jwks_url: Url,
    /// The `aud` of tokens for us.
    pub audience: String,
    /// The organization that it speaks for, and no other.
    pub organization: OrganizationId,
    /// Which claim says who it is. An address (`EMAIL`) counts in lower case; one that the issuer says it has not verified, not at all.
    pub subject_claim: SubjectClaim,
    /// Which claim says the roles: a name, or a path with dots (`realm_access.roles`). None: its tokens give no role.
    pub roles_claim: Option<String>,
    /// What the issuer calls our roles. Empty: as we do, in any case.
    pub role_map: BTreeMap<String, Role>,
    /// The roles it may give. None: all but `ADMINISTRATOR` and `PRIVACY_OFFICER`.
    pub allowed_roles: Option<BTreeSet<Role>>,
    /// Which claim narrows the scopes. None: its tokens are good for all of them.
    pub scope_claim: Option<String>,
    /// The most that its tokens are good for.
    pub scopes: BTreeSet<Scope>,
}

/// Whom a trusted issuer vouches for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VouchedFor {
    /// Who vouches.
    pub issuer: IssuerId,
    /// The issuer's organization.
    pub organization: OrganizationId,
    /// Which claim said who it is.
    pub subject_claim: SubjectClaim,
    /// What it said: to be looked up among the staff of that organization.
    pub subject: String,
    /// The roles that token and allow-list agree on; the staff row's come on top as a third condition.
    pub roles: BTreeSet<Role>,
    /// What the token is good for.
    pub scopes: BTreeSet<Scope>,
    /// When the token was issued (UTC), if it says.
    pub issued_at: Option<Instant>,
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

#[derive(Clone, Deserialize)]
struct Claims {
    iss: String,
    aud: Audience,
    #[serde(flatten)]
    validity: Validity,
    #[serde(flatten)]
    rest: Map<String, Value>,
}

/// Whom a token of one of these issuers vouches for.
///
/// # Errors
/// `Invalid`, whatever is wrong with it; `Unavailable`, when its issuer is one of these and the keys cannot be had.
pub async fn verify(trusted: &[TrustedIssuer], keys: &KeySets, bearer: &str, now: Instant) -> Result<VouchedFor, NotVouched> {
    let claimed = Claimed::read(bearer)?;
    let kid = claimed.kid.as_deref().ok_or(Invalid)?;
    let trusted = speaking(trusted, &claimed).ok_or(Invalid)?;
    let key = keys.find(&trusted.jwks_url, kid, now).await?.ok_or(Invalid)?;
    let claims: Claims = key.open(bearer)?;
    if claims.iss != trusted.issuer || !claims.aud.names(&trusted.audience) || !claims.validity.holds(now) {
        return Err(NotVouched::Invalid);
    }
    Ok(trusted.vouch(&claims).ok_or(Invalid)?)
}

/// The one trusted issuer that a token claims to be from. Where two organizations trust the same issuer, the
/// audience tells them apart; where it does not, nobody is let in.
fn speaking<'t>(trusted: &'t [TrustedIssuer], claimed: &Claimed) -> Option<&'t TrustedIssuer> {
    let mut fitting =
        trusted.iter().filter(|trusted| claimed.issuer.as_ref() == Some(&trusted.issuer) && claimed.audience.names(&trusted.audience));
    let one = fitting.next()?;
    fitting.next().is_none().then_some(one)
}

impl TrustedIssuer {
    fn vouch(&self, claims: &Claims) -> Option<VouchedFor> {
        Some(VouchedFor {
            issuer: self.id,
            organization: self.organization,
            subject_claim: self.subject_claim,
            subject: self.subject(&claims.rest)?,
            roles: self.roles(&claims.rest),
            scopes: self.scopes(&claims.rest),
            issued_at: claims.validity.iat.and_then(|at| DateTime::from_timestamp(at.0, 0)),
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
        // Control characters are in no name, and PostgreSQL does not take all of them.
        Some(subject).filter(|subject| !subject.is_empty() && !subject.chars().any(char::is_control))
    }

    fn roles(&self, claims: &Map<String, Value>) -> BTreeSet<Role> {
        let said = self.roles_claim.as_deref().map(|path| names_at(claims, path)).unwrap_or_default();
        said.into_iter().filter_map(|name| self.role(name)).filter(|role| self.allows(*role)).collect()
    }

    fn scopes(&self, claims: &Map<String, Value>) -> BTreeSet<Scope> {
        let Some(path) = &self.scope_claim else { return self.scopes.clone() };
        names_at(claims, path).into_iter().filter_map(|name| name.parse().ok()).filter(|scope| self.scopes.contains(scope)).collect()
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

/// The names that a claim holds: a list of texts, or one text with spaces between (RFC 6749 §3.3).
fn names_at<'a>(claims: &'a Map<String, Value>, path: &str) -> Vec<&'a str> {
    match at_path(claims, path) {
        Some(Value::String(names)) => names.split_whitespace().collect(),
        Some(Value::Array(names)) => names.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
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
