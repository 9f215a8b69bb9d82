//! How a client, who is a person and no application, comes by a token: by the code of an invitation, once (an extension grant, RFC 6749
//! §4.5), and from then on by the refresh token that came with the last one (§6). Neither shows who they are in another way: whoever has
//! the secret is it.

use actix_web::{HttpRequest, HttpResponse};
use chrono::TimeDelta;
use entity::vocabulary::Role;
use serde_json::json;

use super::{super::caller::request_id, Invited, OAuth, answer, error::OAuthError, form::Form};
use crate::access::{
    Scope,
    token::{Grant, Subject, scope_text},
};

/// The grant of an invitation's code.
pub(super) const INVITATION: &str = "urn:aftercare:grant:invitation";
/// The grant of a refresh token.
pub(super) const REFRESH: &str = "refresh_token";

/// How long a client's own token is good: theirs is a telephone that others may find.
const LIFETIME: TimeDelta = TimeDelta::minutes(15);
/// What it is good for.
const SCOPES: [Scope; 2] = [Scope::SelfRead, Scope::SelfWrite];

impl OAuth {
    /// Gives a client a token for a code or a refresh token.
    pub(super) async fn personal(&self, grant_type: &str, request: &HttpRequest, form: &Form) -> Result<HttpResponse, OAuthError> {
        let scopes = super::asked_for(form.get("scope"), &SCOPES.into())?;
        // A refresh may ask for less, for this one token. An access that is good for less would have to be kept as such (RFC 6749 §6).
        if grant_type == INVITATION && scopes.len() < SCOPES.len() {
            return Err(OAuthError::InvalidScope);
        }
        let invited = match grant_type {
            INVITATION => self.registry.accept_invitation(form.required("code")?, &request_id(request)).await?,
            _ => self.registry.refresh(form.required("refresh_token")?).await?,
        };
        let Invited { client, organization, refresh_token } = invited.ok_or(OAuthError::InvalidGrant)?;
        let grant = Grant { subject: Subject::Client(client), organization, roles: [Role::Client].into(), scopes, lifetime: LIFETIME };
        let minted = self.mint(&grant)?;
        Ok(answer(&json!({
            "access_token": minted.token,
            "token_type": "Bearer",
            "expires_in": grant.lifetime.num_seconds(),
            "refresh_token": refresh_token,
            "scope": scope_text(&grant.scopes),
        })))
    }
}
