//! The doorbell: a token's scope, asked before a resolver runs. The store is the lock.

use async_graphql::{Context, Guard};

use super::{context::RequestContext, error::coded};
use crate::access::{Actor, Scope};

/// The caller's token must have this scope.
pub(crate) struct Requires(pub(crate) Scope);

/// The caller must be a client who reads their own data.
pub(crate) struct Oneself;

impl Guard for Oneself {
    async fn check(&self, ctx: &Context<'_>) -> async_graphql::Result<()> {
        if ctx.access().is_oneself() { Ok(()) } else { Err(coded("FORBIDDEN", "This is for clients.")) }
    }
}

/// The caller must be a client who does something for themselves.
pub(crate) struct ForOneself;

impl Guard for ForOneself {
    async fn check(&self, ctx: &Context<'_>) -> async_graphql::Result<()> {
        if ctx.access().acts_for_oneself() { Ok(()) } else { Err(coded("FORBIDDEN", "This is for clients.")) }
    }
}

impl Guard for Requires {
    async fn check(&self, ctx: &Context<'_>) -> async_graphql::Result<()> {
        let access = ctx.access();
        if access.actor == Actor::Anonymous {
            return Err(coded("UNAUTHENTICATED", "This needs a token: get one at /oauth/token."));
        }
        if !access.is_system() && !access.scopes.contains(&self.0) {
            return Err(coded("FORBIDDEN", format!("This needs a token with the scope `{}`.", self.0)));
        }
        Ok(())
    }
}
