//! The authorization server: tokens for API clients (RFC 6749 §4.4) and for clients who were invited (§4.5 and §6), asking about a token
//! (RFC 7662), giving one back (RFC 7009), and the two public pages that say how (RFC 8414, RFC 7517). Knows no database: behind it is a
//! [`Registry`].

mod address_limit;
mod authentication;
mod error;
mod form;
mod grants;
mod metadata;

use std::{collections::BTreeSet, sync::Arc};

use actix_web::{HttpRequest, HttpResponse, http::header, web};
use async_trait::async_trait;
use chrono::{DateTime, TimeDelta};
use entity::{ApiClientId, ClientId, OrganizationId, vocabulary::Role};
use serde_json::json;
use url::Url;

pub use self::address_limit::{AddressLimit, limited};
use self::{error::OAuthError, form::Form};
use crate::{
    access::{
        KeySets, Scope,
        secret::{SecretHash, Secrets},
        token::{Grant, Minted, Subject, Tokens, Verified, scope_text},
    },
    clock::{Clock, Instant},
};

/// The registry cannot be asked just now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("API clients cannot be looked up just now")]
pub struct Unavailable;

/// An API client that may have tokens. A revoked one is none.
#[derive(Clone, Debug)]
pub struct RegisteredClient {
    /// Its id, which is its `client_id`.
    pub id: ApiClientId,
    /// The tenant that it acts in.
    pub organization: OrganizationId,
    /// The keyed hashes of its secrets: one, or two while a secret is being rotated, or none when it signs assertions.
    pub secret_hashes: Vec<SecretHash>,
    /// Its public keys as a JSON Web Key Set, when it signs assertions (RFC 7523).
    pub jwks: Option<String>,
    /// Where it publishes its public keys, when it does.
    pub jwks_url: Option<Url>,
    /// What its tokens may be good for.
    pub scopes: BTreeSet<Scope>,
    /// The roles of its tokens.
    pub roles: BTreeSet<Role>,
}

/// A client who was invited and may have tokens, with the refresh token that is good from now on. Has no `Debug`: it holds a secret.
#[derive(Clone)]
pub struct Invited {
    /// Who they are.
    pub client: ClientId,
    /// Of which organization.
    pub organization: OrganizationId,
    /// To be exchanged for the next.
    pub refresh_token: String,
}

/// What is known of API clients, of clients who were invited, and of revoked tokens.
#[async_trait]
pub trait Registry: Send + Sync + 'static {
    /// The client with this id, unless it was revoked.
    async fn api_client(&self, id: ApiClientId) -> Result<Option<RegisteredClient>, Unavailable>;

    /// Notes that the client got a token at this time, in this request.
    async fn note_use(&self, id: ApiClientId, jti: &str, at: Instant) -> Result<(), Unavailable>;

    /// Revokes a token by name until its end, when it stops by itself.
    async fn revoke(&self, jti: &str, expires_at: Instant) -> Result<(), Unavailable>;

    /// Whether a token was revoked by name.
    async fn is_revoked(&self, jti: &str) -> Result<bool, Unavailable>;

    /// Remembers that the client used the assertion of this name, until its end. False when it is remembered already:
    /// of two at once, one gets true, on whichever replica they arrive.
    async fn remember_assertion(&self, id: ApiClientId, jti: &str, expires_at: Instant) -> Result<bool, Unavailable>;

    /// Exchanges the code of an invitation, in this request, which uses it up. Nothing when it is not good.
    async fn accept_invitation(&self, code: &str, request_id: &str) -> Result<Option<Invited>, Unavailable>;

    /// Exchanges a refresh token for its successor. Nothing when it is not good; one that was exchanged before ends the access.
    async fn refresh(&self, token: &str) -> Result<Option<Invited>, Unavailable>;

    /// Ends the access that a refresh token is of, if it is good.
    async fn give_back(&self, token: &str) -> Result<(), Unavailable>;

    /// Whether a client's token of this name, issued then, is of an access that holds.
    async fn has_access(&self, id: ClientId, organization: OrganizationId, jti: &str, issued_at: Instant) -> Result<bool, Unavailable>;
}

/// All that the endpoints need.
pub struct OAuth {
    /// Signs and verifies.
    pub tokens: Tokens,
    /// Verifies clients' secrets.
    pub secrets: Secrets,
    /// The keys that clients publish.
    pub key_sets: KeySets,
    /// What is known of clients.
    pub registry: Arc<dyn Registry>,
    /// Real time, never a sandbox's.
    pub clock: Clock,
    /// How long a client's token is good.
    pub lifetime: TimeDelta,
}

impl std::fmt::Debug for OAuth {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("OAuth").field("issuer", &self.tokens.issuer()).finish_non_exhaustive()
    }
}

/// The routes. Each endpoint answers 405 to other methods.
pub fn routes(oauth: Arc<OAuth>) -> impl Fn(&mut web::ServiceConfig) {
    let oauth = web::Data::from(oauth);
    move |config| {
        let post = |path| web::resource(path).app_data(oauth.clone()).app_data(web::PayloadConfig::new(form::MAX_BYTES));
        let get = |path| web::resource(path).app_data(oauth.clone());
        config
            .service(post("/oauth/token").route(web::post().to(token)))
            .service(post("/oauth/introspect").route(web::post().to(introspect)))
            .service(post("/oauth/revoke").route(web::post().to(revoke)))
            .service(get("/.well-known/oauth-authorization-server").route(web::get().to(metadata::server)))
            .service(get("/.well-known/jwks.json").route(web::get().to(metadata::keys)));
    }
}

/// Gives an API client a token (RFC 6749 §4.4), or a client who was invited.
async fn token(oauth: web::Data<OAuth>, request: HttpRequest, body: Body) -> Result<HttpResponse, OAuthError> {
    let form = Form::read(&request, body)?;
    let grant_type = form.required("grant_type")?;
    if [grants::INVITATION, grants::REFRESH].contains(&grant_type) {
        return oauth.personal(grant_type, &request, &form).await;
    }
    let client = oauth.authenticate(&request, &form).await?;
    if grant_type != "client_credentials" {
        return Err(OAuthError::UnsupportedGrantType);
    }
    let scopes = asked_for(form.get("scope"), &client.scopes)?;
    let grant = Grant {
        subject: Subject::Api(client.id),
        organization: client.organization,
        roles: client.roles,
        scopes,
        lifetime: oauth.lifetime,
    };
    let minted = oauth.mint(&grant)?;
    oauth.registry.note_use(client.id, &minted.jti, oauth.clock.now()).await?;
    Ok(answer(&json!({
        "access_token": minted.token,
        "token_type": "Bearer",
        "expires_in": grant.lifetime.num_seconds(),
        "scope": scope_text(&grant.scopes),
    })))
}

/// The scopes of a token: those asked for, when the client has them all; all of the client's, when it asks for none.
fn asked_for(asked: Option<&str>, granted: &BTreeSet<Scope>) -> Result<BTreeSet<Scope>, OAuthError> {
    let Some(asked) = asked else {
        return Ok(granted.clone());
    };
    let scopes: Result<BTreeSet<Scope>, ()> = asked.split(' ').filter(|name| !name.is_empty()).map(str::parse).collect();
    scopes.ok().filter(|scopes| !scopes.is_empty() && scopes.is_subset(granted)).ok_or(OAuthError::InvalidScope)
}

/// Tells a client about a token of its own organization; of any other, only that it is not active (RFC 7662 §2.2).
async fn introspect(oauth: web::Data<OAuth>, request: HttpRequest, body: Body) -> Result<HttpResponse, OAuthError> {
    let form = Form::read(&request, body)?;
    let client = oauth.authenticate(&request, &form).await?;
    let asked = form.required("token")?;
    let verified = oauth.tokens.verify(asked, oauth.clock.now()).ok();
    let Some(verified) = verified.filter(|verified| verified.organization == client.organization) else {
        return Ok(answer(&json!({"active": false})));
    };
    if !oauth.is_active(&verified).await? {
        return Ok(answer(&json!({"active": false})));
    }
    let mut about = json!({
        "active": true,
        "token_type": "Bearer",
        "scope": scope_text(&verified.scopes),
        "sub": verified.subject.to_string(),
        "org": verified.organization,
        "iss": oauth.tokens.issuer(),
        "aud": oauth.tokens.issuer(),
        "iat": verified.issued_at.timestamp(),
        "exp": verified.expires_at.timestamp(),
        "jti": verified.jti,
    });
    if let Subject::Api(id) = verified.subject {
        about["client_id"] = json!(id);
    }
    Ok(answer(&about))
}

/// Ends a token of the API client's own, or of the person who has it: theirs need nothing else (RFC 7009 §2.1, public clients), and a
/// refresh token ends the whole access. A token that is none any more is as good as ended (§2.2).
async fn revoke(oauth: web::Data<OAuth>, request: HttpRequest, body: Body) -> Result<HttpResponse, OAuthError> {
    let form = Form::read(&request, body)?;
    let verified = form.get("token").and_then(|given| oauth.tokens.verify(given, oauth.clock.now()).ok());
    let personal = verified.as_ref().is_some_and(|verified| matches!(verified.subject, Subject::Client(_)));
    if personal || form.get("token").is_some_and(is_refresh_token) {
        match verified {
            Some(verified) => oauth.registry.revoke(&verified.jti, verified.expires_at).await?,
            None => oauth.registry.give_back(form.required("token")?).await?,
        }
        return Ok(no_store(HttpResponse::Ok()).finish());
    }
    let client = oauth.authenticate(&request, &form).await?;
    form.required("token")?;
    if let Some(verified) = verified {
        if verified.subject != Subject::Api(client.id) {
            return Err(OAuthError::UnauthorizedClient);
        }
        oauth.registry.revoke(&verified.jti, verified.expires_at).await?;
    }
    Ok(no_store(HttpResponse::Ok()).finish())
}

/// Whether a token has the form of a refresh token: two halves, where a JWT has three.
fn is_refresh_token(given: &str) -> bool {
    given.split('.').count() == 2
}

impl OAuth {
    fn mint(&self, grant: &Grant) -> Result<Minted, OAuthError> {
        self.tokens.mint(grant, self.clock.now()).map_err(|error| {
            tracing::error!(%error, "a token could not be signed");
            OAuthError::Unavailable
        })
    }

    /// Whether a token that verified is still good: neither revoked itself, nor its client.
    async fn is_active(&self, verified: &Verified) -> Result<bool, Unavailable> {
        if self.registry.is_revoked(&verified.jti).await? {
            return Ok(false);
        }
        match verified.subject {
            Subject::Api(id) => Ok(self.registry.api_client(id).await?.is_some()),
            Subject::Client(id) => self.registry.has_access(id, verified.organization, &verified.jti, verified.issued_at).await,
            Subject::Staff(_) => Ok(true),
        }
    }
}

/// A body, or why it could not be read, which is answered in OAuth's own form.
type Body = Result<web::Bytes, actix_web::Error>;

fn answer(body: &serde_json::Value) -> HttpResponse {
    no_store(HttpResponse::Ok()).json(body)
}

/// Answers with tokens in them are kept by nobody on the way (RFC 6749 §5.1).
fn no_store(mut response: actix_web::HttpResponseBuilder) -> actix_web::HttpResponseBuilder {
    response.insert_header((header::CACHE_CONTROL, "no-store")).insert_header((header::PRAGMA, "no-cache"));
    response
}

/// Seconds since 1970 as an instant.
fn instant(seconds: i64) -> Option<Instant> {
    DateTime::from_timestamp(seconds, 0)
}

#[cfg(test)]
mod tests;
