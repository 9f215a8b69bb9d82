//! The accounting of disclosures.

use async_graphql::{Context, Object, Result};
use chrono::{DateTime, Utc};
use entity::{
    DisclosureId, client, consent, disclosure, organization,
    vocabulary::{DataClass, PurposeOfUse},
};

use super::{client::Client, connection::connection, consent::Consent, context::RequestContext, organization::Organization};
use crate::store::Visible;

/// One disclosure of a client's data to another organization (42 CFR 2.25).
#[derive(Clone)]
pub(crate) struct Disclosure(pub(crate) Visible<disclosure::Entity>);

connection!(Disclosure, DisclosureConnection, DisclosureEdge, disclosure::Entity, "disclosures");

const fn described(class: DataClass) -> &'static str {
    match class {
        DataClass::Identity => "identity and contact",
        DataClass::ReferralClinical => "clinical facts of the referral",
        DataClass::ReferralStatus => "how the referral goes",
        DataClass::ContactsAndNotes => "contacts and notes",
        DataClass::Outcomes => "answers and scores of instruments",
        DataClass::Alerts => "alerts",
    }
}

/// One disclosure of a client's data to another organization (42 CFR 2.25).
#[Object]
impl Disclosure {
    /// Its id.
    async fn id(&self) -> DisclosureId {
        self.0.id
    }

    /// Whose data; null where they are not there for the viewer.
    async fn client(&self, ctx: &Context<'_>) -> Result<Option<Client>> {
        Ok(ctx.load::<client::Entity>(self.0.client_id).await?.map(Client))
    }

    /// To which organization; null once it has left.
    async fn recipient(&self, ctx: &Context<'_>) -> Result<Option<Organization>> {
        Ok(ctx.load::<organization::Entity>(self.0.recipient_organization_id).await?.map(Organization))
    }

    /// The recipient's name, as it was then.
    async fn recipient_name(&self) -> &str {
        &self.0.recipient_name
    }

    /// What was disclosed, in words.
    async fn description(&self) -> String {
        let parts: Vec<&str> = self.0.data_classes.iter().map(|class| described(*class)).collect();
        parts.join("; ")
    }

    /// Who read it: the id of staff or of an application of the recipient.
    async fn actor_name(&self) -> &str {
        &self.0.actor
    }

    /// What was disclosed.
    async fn data_classes(&self) -> Vec<DataClass> {
        self.0.data_classes.to_vec()
    }

    /// What for.
    async fn purpose(&self) -> PurposeOfUse {
        self.0.purpose
    }

    /// Under which consent; null where it is not the viewer's to see.
    async fn consent(&self, ctx: &Context<'_>) -> Result<Option<Consent>> {
        Ok(ctx.load::<consent::Entity>(self.0.consent_id).await?.map(Consent))
    }

    /// When (UTC).
    async fn at(&self) -> DateTime<Utc> {
        self.0.at
    }
}
