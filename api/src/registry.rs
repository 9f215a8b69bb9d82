//! What the authorization server asks of us: applications, and tokens that are refused.

use async_trait::async_trait;
use entity::{ApiClientId, api_client, organization};

use crate::{
    access::Access,
    clock::Instant,
    error::Error,
    http::oauth::{RegisteredClient, Registry, Unavailable},
    store::Store,
};

/// The applications in the database.
#[derive(Clone)]
pub struct Applications(pub Store);

fn unavailable(error: &Error) -> Unavailable {
    tracing::error!(cause = %error, "applications cannot be looked up");
    Unavailable
}

#[async_trait]
impl Registry for Applications {
    async fn api_client(&self, id: ApiClientId) -> Result<Option<RegisteredClient>, Unavailable> {
        let system = Access::system("sign-in", self.0.clock().now());
        let found = self.0.fetch::<api_client::Entity>(&system, id).await.map_err(|error| unavailable(&error))?;
        let Some(row) = found.filter(|row| row.revoked_at.is_none()) else { return Ok(None) };
        let home = self.0.fetch::<organization::Entity>(&system, row.organization_id).await.map_err(|error| unavailable(&error))?;
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
        self.0.note_use(id, at).await.map_err(|error| unavailable(&error))
    }

    async fn revoke(&self, jti: &str, expires_at: Instant) -> Result<(), Unavailable> {
        self.0.refuse_jti(jti, expires_at).await.map(drop).map_err(|error| unavailable(&error))
    }

    async fn is_revoked(&self, jti: &str) -> Result<bool, Unavailable> {
        self.0.refuses_jti(jti).await.map_err(|error| unavailable(&error))
    }

    async fn remember_assertion(&self, id: ApiClientId, jti: &str, expires_at: Instant) -> Result<bool, Unavailable> {
        self.0.refuse_jti(&format!("{id}:{jti}"), expires_at).await.map_err(|error| unavailable(&error))
    }
}
