//! What the authorization server asks of us: applications, clients who were invited, and tokens that are refused.

use async_trait::async_trait;
use entity::{ApiClientId, ClientId, OrganizationId, api_client, organization};

use crate::{
    access::{Access, secret::Secrets},
    clock::Instant,
    domain::client_access::{self, Given},
    error::Error,
    http::oauth::{Invited, RegisteredClient, Registry, Unavailable},
    store::Store,
};

/// Whoever is registered in the database.
#[derive(Clone)]
pub struct Registered {
    /// The database.
    pub store: Store,
    /// Hashes codes and refresh tokens.
    pub secrets: Secrets,
}

fn unavailable(error: &Error) -> Unavailable {
    tracing::error!(cause = %error, "whoever wants a token cannot be looked up");
    Unavailable
}

fn invited(given: Given) -> Invited {
    Invited { client: given.client, organization: given.organization, refresh_token: given.refresh_token }
}

#[async_trait]
impl Registry for Registered {
    async fn api_client(&self, id: ApiClientId) -> Result<Option<RegisteredClient>, Unavailable> {
        let system = Access::system("sign-in", self.store.clock().now());
        let found = self.store.fetch::<api_client::Entity>(&system, id).await.map_err(|error| unavailable(&error))?;
        let Some(row) = found.filter(|row| row.revoked_at.is_none()) else { return Ok(None) };
        let home = self.store.fetch::<organization::Entity>(&system, row.organization_id).await.map_err(|error| unavailable(&error))?;
        if !home.is_some_and(|home| home.active) {
            return Ok(None);
        }
        Ok(Some(RegisteredClient {
            id,
            organization: row.organization_id,
            secret_hashes: row.secret_hash.as_slice().try_into().into_iter().collect(),
            jwks: row.jwks.clone(),
            jwks_url: row.jwks_url.as_deref().and_then(|url| url.parse().ok()),
            scopes: row.scopes.iter().filter_map(|scope| scope.parse().ok()).collect(),
            roles: row.roles.iter().copied().collect(),
        }))
    }

    async fn note_use(&self, id: ApiClientId, _jti: &str, at: Instant) -> Result<(), Unavailable> {
        self.store.note_use(id, at).await.map_err(|error| unavailable(&error))
    }

    async fn revoke(&self, jti: &str, expires_at: Instant) -> Result<(), Unavailable> {
        self.store.refuse_jti(jti, expires_at).await.map(drop).map_err(|error| unavailable(&error))
    }

    async fn is_revoked(&self, jti: &str) -> Result<bool, Unavailable> {
        self.store.refuses_jti(jti).await.map_err(|error| unavailable(&error))
    }

    async fn remember_assertion(&self, id: ApiClientId, jti: &str, expires_at: Instant) -> Result<bool, Unavailable> {
        self.store.refuse_jti(&format!("{id}:{jti}"), expires_at).await.map_err(|error| unavailable(&error))
    }

    async fn accept_invitation(&self, code: &str, request_id: &str) -> Result<Option<Invited>, Unavailable> {
        let accepted = Box::pin(client_access::accept(&self.store, &self.secrets, request_id, code)).await;
        Ok(accepted.map_err(|error| unavailable(&error))?.map(invited))
    }

    async fn refresh(&self, token: &str) -> Result<Option<Invited>, Unavailable> {
        let given = client_access::refresh(&self.store, &self.secrets, token).await;
        Ok(given.map_err(|error| unavailable(&error))?.map(invited))
    }

    async fn give_back(&self, token: &str) -> Result<(), Unavailable> {
        client_access::give_back(&self.store, &self.secrets, token).await.map_err(|error| unavailable(&error))
    }

    async fn has_access(&self, id: ClientId, organization: OrganizationId, jti: &str, issued_at: Instant) -> Result<bool, Unavailable> {
        let found = self.store.client_caller(id, organization, jti, issued_at).await;
        Ok(found.map_err(|error| unavailable(&error))?.is_some())
    }
}
