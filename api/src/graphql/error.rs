//! How what went wrong is told: `userErrors` for a person's mistakes, top-level errors with a code for all else.

use std::sync::atomic::Ordering;

use async_graphql::{ComplexObject, Context, ErrorExtensions, SimpleObject};
use entity::vocabulary::ReferralStatus;

use super::{
    context::RequestContext,
    schema::{Node, find},
};
use crate::{
    error::{Code, Error, Refusal},
    store::Kept,
};

/// What a person did wrong, and how to mend it. The mutation has changed nothing.
#[derive(Clone, Debug, SimpleObject)]
#[graphql(complex)]
pub(crate) struct UserError {
    /// What kind of mistake; more may come.
    code: Code,
    /// One sentence that says how to mend it.
    message: String,
    /// Where in the input, beginning with the argument's name.
    path: Option<Vec<String>>,
    /// The version that is there now, with STALE.
    current_version: Option<i32>,
    /// The states that can follow, with INVALID_TRANSITION, when the viewer may read the state.
    allowed_transitions: Option<Vec<ReferralStatus>>,
    /// The missing elements of a consent, with CONSENT_INCOMPLETE.
    missing: Option<Vec<String>>,
    #[graphql(skip)]
    in_the_way: Option<String>,
}

#[ComplexObject]
impl UserError {
    /// What is in the way: within the viewer's own organization, and only when it is there for them.
    async fn existing(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<Node>> {
        match self.in_the_way.as_deref().map(str::parse) {
            Some(Ok(id)) => find(ctx, id).await,
            _ => Ok(None),
        }
    }
}

impl From<Refusal> for UserError {
    fn from(refusal: Refusal) -> Self {
        Self {
            code: refusal.code,
            message: refusal.message,
            path: (!refusal.path.is_empty()).then_some(refusal.path),
            current_version: refusal.current_version,
            allowed_transitions: refusal.allowed_transitions,
            missing: refusal.missing,
            in_the_way: refusal.existing,
        }
    }
}

/// A top-level error with a code of the contract's list.
pub(crate) fn coded(code: &'static str, message: impl Into<String>) -> async_graphql::Error {
    async_graphql::Error::new(message).extend_with(|_, extensions| extensions.set("code", code))
}

/// Our own fault: logged once here with its cause, told without it. The door adds the request's id.
pub(crate) fn internal(error: &Error) -> async_graphql::Error {
    tracing::error!(cause = %error, "a request failed");
    coded("INTERNAL", "Something went wrong on our side; it was logged. Name the request's id when you ask about it.")
}

/// An error of a query, which has no `userErrors`.
#[expect(clippy::needless_pass_by_value, reason = "it stands in `map_err`")]
pub(crate) fn query_error(error: Error) -> async_graphql::Error {
    told(&error)
}

/// Likewise, of an error that several fields share.
pub(crate) fn told(error: &Error) -> async_graphql::Error {
    match error {
        Error::Unavailable(what) => coded("UNAVAILABLE", *what),
        Error::IdempotencyKeyReused => {
            coded("IDEMPOTENCY_KEY_REUSED", "This idempotency key was used for another request: choose a new one.")
        }
        Error::Refused(refusals) => match refusals.first() {
            Some(refusal) if refusal.code == Code::CursorExpired => coded("CURSOR_EXPIRED", &refusal.message),
            Some(refusal) => coded("BAD_USER_INPUT", &refusal.message),
            None => coded("INTERNAL", "refused without a reason"),
        },
        Error::NotPermitted => coded("FORBIDDEN", "Your role does not allow this."),
        other => internal(other),
    }
}

/// Runs a command: gives its result or the caller's mistakes, answers a repeated request from what was kept, and keeps and audits
/// a refusal.
pub(crate) async fn command<T: Kept>(
    ctx: &Context<'_>,
    action: &'static str,
    run: impl Future<Output = Result<T, Error>>,
) -> async_graphql::Result<(Option<T>, Vec<UserError>)> {
    let (store, access) = (ctx.store(), &ctx.access());
    let outcome = match Box::pin(run).await {
        Err(Error::Replayed(mut kept)) => {
            ctx.request().replayed.store(true, Ordering::Relaxed);
            if let Some(refused) = kept.get_mut("refused") {
                let refusals: Vec<Refusal> = serde_json::from_value(refused.take())?;
                return Ok((None, refusals.into_iter().map(Into::into).collect()));
            }
            T::recall(store, access, kept["done"].take()).await
        }
        other => other,
    };
    match outcome {
        Ok(result) => Ok((Some(result), Vec::new())),
        Err(error) => {
            let refusals = error.into_refusals().map_err(query_error)?;
            store.note_refusal(access, action, &refusals).await.map_err(query_error)?;
            Ok((None, refusals.into_iter().map(Into::into).collect()))
        }
    }
}
