//! "Could this reader see that, and why (not)?"

use async_graphql::{Context, Object, Result, SimpleObject};
use entity::{
    ClientId, OrganizationId,
    vocabulary::{DataClass, PurposeOfUse, Role},
};

use super::{context::RequestContext, error::query_error, guard::Requires};
use crate::{
    access::Scope,
    domain::access_explanation::{Reader, explain},
    error::Error,
};

/// Whether a reader could see a class of a client's data, and why (not): answered by the very decision that guards the data.
#[derive(SimpleObject)]
pub(crate) struct AccessExplanation {
    /// Whether they could.
    allowed: bool,
    /// Each rule that was asked, in order.
    steps: Vec<AccessStep>,
    /// What would change the answer; null when they could.
    remedy: Option<String>,
}

/// One rule of an explanation.
#[derive(SimpleObject)]
pub(crate) struct AccessStep {
    /// Its name.
    rule: String,
    /// Whether it lets the reader through.
    passed: bool,
    /// In a sentence.
    detail: String,
}

/// Queries.
#[derive(Default)]
pub(crate) struct AccessExplanationQuery;

#[Object]
impl AccessExplanationQuery {
    /// Explains whether a reader could see a class of data of a client of the viewer's organization, and why (not). Null when the client
    /// is not there for the viewer. For readers other than the viewer: the privacy officer's.
    #[allow(clippy::too_many_arguments, reason = "they are the question")]
    #[graphql(guard = "Requires(Scope::ClientsRead)")]
    async fn explain_access(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Whose data.")] client_id: ClientId,
        #[graphql(desc = "Which class.")] data_class: DataClass,
        #[graphql(desc = "For which purpose.")] purpose: PurposeOfUse,
        #[graphql(desc = "To a reader of this organization; the viewer's own when none is named.")] organization_id: Option<OrganizationId>,
        #[graphql(desc = "To a reader in this role; in the viewer's own, or in any of that organization, when none is named.")]
        role: Option<Role>,
    ) -> Result<Option<AccessExplanation>> {
        let reader = Reader { organization: organization_id, role };
        match explain(ctx.store(), &ctx.access(), client_id, data_class, purpose, reader).await {
            Ok(explained) => {
                let step = |step: &crate::domain::access_explanation::Step| AccessStep {
                    rule: step.rule.to_owned(),
                    passed: step.passed,
                    detail: step.detail.to_owned(),
                };
                let steps = explained.steps.iter().map(step).collect();
                Ok(Some(AccessExplanation { allowed: explained.allowed, steps, remedy: explained.remedy.map(str::to_owned) }))
            }
            Err(Error::NotFound) => Ok(None),
            Err(other) => Err(query_error(other)),
        }
    }
}
