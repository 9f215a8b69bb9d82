//! Partners' applications.

use async_graphql::{Context, InputObject, Object, Result, SimpleObject};
use chrono::{DateTime, Utc};
use entity::{
    ApiClientId, ProgramId, api_client, api_client_program, organization,
    vocabulary::{PurposeOfUse, Role},
};

use super::{
    connection::connection,
    context::RequestContext,
    error::{UserError, coded, command},
    guard::Requires,
    organization::Organization,
    payload::payloads,
    program::{Program, programs},
};
use crate::{
    access::{KeySets, Scope, secret::Secrets},
    domain::api_client::{NewApiClient, NewSecret, OwnKeys, create, revoke, rotate_secret},
    store::Visible,
};

/// An application that acts for an organization.
#[derive(Clone)]
pub(crate) struct ApiClient(pub(crate) Visible<api_client::Entity>);

/// An application that acts for an organization.
#[Object]
impl ApiClient {
    /// Its id, which is its `client_id` at /oauth/token.
    async fn id(&self) -> ApiClientId {
        self.0.id
    }

    /// For whom it acts.
    async fn organization(&self, ctx: &Context<'_>) -> Result<Organization> {
        let found = ctx.load::<organization::Entity>(self.0.organization_id).await?;
        found.map(Organization).ok_or_else(|| coded("UNAVAILABLE", "Its organization has left."))
    }

    /// As its organization calls it.
    async fn name(&self) -> &str {
        &self.0.name
    }

    /// The most that its tokens may be good for.
    async fn scopes(&self) -> Vec<String> {
        self.0.scopes.to_vec()
    }

    /// The programs it acts for.
    async fn programs(&self, ctx: &Context<'_>) -> Result<Vec<Program>> {
        let of = ctx.load_parts::<api_client::Entity, api_client_program::Entity>(&self.0).await?;
        programs(ctx, of.iter().map(|of| of.program_id)).await
    }

    /// In which roles it acts.
    async fn roles(&self) -> Vec<Role> {
        self.0.roles.to_vec()
    }

    /// Which purposes it may name.
    async fn purposes(&self) -> Vec<PurposeOfUse> {
        self.0.purposes.to_vec()
    }

    /// When it last got a token, to the minute (UTC); null before the first.
    async fn last_used_at(&self) -> Option<DateTime<Utc>> {
        self.0.last_used_at
    }

    /// When it was revoked (UTC); null while it works.
    async fn revoked_at(&self) -> Option<DateTime<Utc>> {
        self.0.revoked_at
    }

    /// UTC.
    async fn created_at(&self) -> DateTime<Utc> {
        self.0.created_at
    }
}

connection!(ApiClient, ApiClientConnection, ApiClientEdge, api_client::Entity, "applications");

/// A new application of the caller's organization.
#[derive(InputObject)]
pub(crate) struct ApiClientCreateInput {
    /// As the organization calls it.
    name: String,
    /// The most that its tokens may be good for.
    scopes: Vec<String>,
    /// In which roles it acts.
    roles: Vec<Role>,
    /// The programs it acts for.
    program_ids: Option<Vec<ProgramId>>,
    /// The purposes it may name.
    purposes: Option<Vec<PurposeOfUse>>,
    /// Its public keys, when it signs assertions (RFC 7523) instead of showing a secret: a JSON Web Key Set (RFC 7517) as text, with at
    /// most 8 keys for EdDSA or RS256.
    jwks: Option<String>,
    /// Where it publishes these keys, in place of `jwks`: an `https:` address on the public internet. Its assertions name their key (`kid`).
    jwks_url: Option<String>,
}

/// What `apiClientCreate` came to.
#[derive(SimpleObject)]
pub(crate) struct ApiClientCreatePayload {
    /// The application; null when it was refused.
    api_client: Option<ApiClient>,
    /// Its secret. Shown once: null when a repeated request is answered again, and when it signs with keys of its own.
    client_secret: Option<String>,
    /// What to mend.
    user_errors: Vec<UserError>,
}

/// What `apiClientRotateSecret` came to.
#[derive(SimpleObject)]
pub(crate) struct ApiClientRotateSecretPayload {
    /// The application; null when it was refused.
    api_client: Option<ApiClient>,
    /// Its new secret. Shown once: null when a repeated request is answered again.
    client_secret: Option<String>,
    /// What to mend.
    user_errors: Vec<UserError>,
}

payloads! {
    ApiClientRevokePayload = "apiClientRevoke", api_client: ApiClient, "The application";
}

/// Mutations.
#[derive(Default)]
pub(crate) struct ApiClientMutation;

#[Object]
impl ApiClientMutation {
    /// Makes an application of the caller's organization. For administrators.
    #[graphql(guard = "Requires(Scope::Admin)")]
    async fn api_client_create(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The application.")] input: ApiClientCreateInput,
    ) -> Result<Option<ApiClientCreatePayload>> {
        let secret = NewSecret::make(ctx.data_unchecked::<Secrets>());
        let key_sets = ctx.data_unchecked::<KeySets>();
        let made = async {
            let keys = OwnKeys::checked(input.jwks.as_deref(), input.jwks_url.as_deref(), |url| key_sets.check(url))?;
            let new = NewApiClient {
                name: input.name,
                scopes: input.scopes,
                roles: input.roles,
                program_ids: input.program_ids.unwrap_or_default(),
                purposes: input.purposes.unwrap_or_default(),
                keys,
            };
            create(ctx.store(), &ctx.access(), new, secret).await
        };
        let (made, user_errors) = command(ctx, "apiClientCreate", made).await?;
        let (api_client, client_secret) = made.map_or((None, None), |made| (Some(ApiClient(made.api_client)), made.secret));
        Ok(Some(ApiClientCreatePayload { api_client, client_secret, user_errors }))
    }

    /// Gives an application a new secret; the old one is refused from then on. For administrators.
    #[graphql(guard = "Requires(Scope::Admin)")]
    async fn api_client_rotate_secret(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which.")] id: ApiClientId,
    ) -> Result<Option<ApiClientRotateSecretPayload>> {
        let secret = NewSecret::make(ctx.data_unchecked::<Secrets>());
        let (made, user_errors) = command(ctx, "apiClientRotateSecret", rotate_secret(ctx.store(), &ctx.access(), id, secret)).await?;
        let (api_client, client_secret) = made.map_or((None, None), |made| (Some(ApiClient(made.api_client)), made.secret));
        Ok(Some(ApiClientRotateSecretPayload { api_client, client_secret, user_errors }))
    }

    /// Ends an application: its tokens are refused from then on. For administrators.
    #[graphql(guard = "Requires(Scope::Admin)")]
    async fn api_client_revoke(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which.")] id: ApiClientId,
    ) -> Result<Option<ApiClientRevokePayload>> {
        let (revoked, user_errors) = command(ctx, "apiClientRevoke", revoke(ctx.store(), &ctx.access(), id)).await?;
        Ok(Some(ApiClientRevokePayload { api_client: revoked.map(ApiClient), user_errors }))
    }
}
