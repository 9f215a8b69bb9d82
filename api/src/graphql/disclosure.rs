//! The accounting of disclosures.

use async_graphql::{Context, Object, Result};
use chrono::{DateTime, Utc};
use entity::{
    DisclosureId, class, client, consent, disclosure, organization,
    vocabulary::{DataClass, PurposeOfUse},
};

use super::{
    client::{Client, unless_erased},
    connection::connection,
    consent::Consent,
    context::RequestContext,
    organization::Organization,
    referral_progress::actor_name,
};
use crate::{domain::emergency_access::Facts, store::Visible};

/// One disclosure of a client's data to somebody outside the organization (42 CFR 2.25).
#[derive(Clone)]
pub(crate) struct Disclosure(pub(crate) Visible<disclosure::Entity>);

impl Disclosure {
    /// What was said of an emergency; nothing where nothing was said, or the person was erased.
    async fn facts(&self, ctx: &Context<'_>) -> Result<Option<Facts>> {
        let Some(opened) = self.0.open::<class::Privacy>() else { return Ok(None) };
        match &opened.facts {
            Some(sealed) => unless_erased(ctx.store().unseal(&opened, disclosure::Column::Facts, sealed).await),
            None => Ok(None),
        }
    }
}

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

/// One disclosure of a client's data to somebody outside the organization (42 CFR 2.25).
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

    /// To which organization; null once it has left, and where it was told to somebody who is not of one.
    async fn recipient(&self, ctx: &Context<'_>) -> Result<Option<Organization>> {
        match self.0.recipient_organization_id {
            Some(id) => Ok(ctx.load::<organization::Entity>(id).await?.map(Organization)),
            None => Ok(None),
        }
    }

    /// The recipient's name, as it was then.
    async fn recipient_name(&self, ctx: &Context<'_>) -> Result<String> {
        let facts = self.facts(ctx).await?;
        Ok(facts.map_or_else(|| self.0.recipient_name.clone(), |facts| facts.recipient_name))
    }

    /// Where the recipient is: the medical facility that was named in an emergency. Null where none was.
    async fn recipient_address(&self, ctx: &Context<'_>) -> Result<Option<String>> {
        Ok(self.facts(ctx).await?.map(|facts| facts.facility))
    }

    /// What was disclosed, in words, with the nature of the emergency where it was one.
    async fn description(&self, ctx: &Context<'_>) -> Result<String> {
        let mut parts: Vec<String> = self.0.data_classes.iter().map(|class| described(*class).to_owned()).collect();
        if let Some(facts) = self.facts(ctx).await? {
            parts.push(format!("in a medical emergency: {}", facts.nature));
        } else if self.0.emergency_access_id.is_some() {
            parts.push("in a medical emergency".to_owned());
        }
        Ok(parts.join("; "))
    }

    /// Who read it: the id of staff or of an application of the recipient; to a client, who that is for them. Who told it, where an
    /// emergency was recorded.
    async fn actor_name(&self, ctx: &Context<'_>) -> Result<String> {
        if !ctx.access().is_oneself() {
            return Ok(self.0.actor.clone());
        }
        let whose = self.0.recipient_organization_id.unwrap_or(self.0.organization_id);
        Ok(actor_name(ctx, &self.0.actor, whose).await?.unwrap_or_default())
    }

    /// What was disclosed.
    async fn data_classes(&self) -> Vec<DataClass> {
        self.0.data_classes.to_vec()
    }

    /// What for.
    async fn purpose(&self) -> PurposeOfUse {
        self.0.purpose
    }

    /// Under which consent; null where it is not the viewer's to see, and in an emergency, which needs none.
    async fn consent(&self, ctx: &Context<'_>) -> Result<Option<Consent>> {
        match self.0.consent_id {
            Some(id) => Ok(ctx.load::<consent::Entity>(id).await?.map(Consent)),
            None => Ok(None),
        }
    }

    /// Whether it was made in a medical emergency, without a consent (42 CFR 2.51).
    async fn emergency(&self) -> bool {
        self.0.emergency_access_id.is_some()
    }

    /// When (UTC).
    async fn at(&self) -> DateTime<Utc> {
        self.0.at
    }
}
