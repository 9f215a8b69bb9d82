//! Consents, and what is kept of their use.

use async_graphql::{Context, InputObject, Object, Result};
use chrono::{DateTime, Utc};
use entity::{
    ClientId, ConsentId, OrganizationId, class, client, consent, consent_flow,
    vocabulary::{ConsentKind, ConsentStatus, DataClass, ExpiryEvent, PurposeOfUse, RecipientClass, SignatureMethod, SignerCapacity},
};

use super::{
    client::{Client, unless_erased},
    connection::connection,
    context::RequestContext,
    error::command,
    event::in_our_era,
    guard::{ForOneself, Requires},
    organization::Organization,
    payload::payloads,
    referral::organization_of,
    scalar::LanguageTag,
};
use crate::{
    access::Scope,
    domain::{
        consent::{NewConsent, confirm, missing, record, revoke, status},
        disclosure::NOTICE,
    },
    store::Visible,
};

/// What a client permits (42 CFR 2.31). It counts for what an organization holds once that organization recorded or confirmed it.
#[derive(Clone)]
pub(crate) struct Consent(pub(crate) Visible<consent::Entity>);

connection!(Consent, ConsentConnection, ConsentEdge, consent::Entity, "consents");

/// Organizations that a consent names, each once.
async fn named(ctx: &Context<'_>, ids: impl Iterator<Item = OrganizationId>) -> Result<Vec<Organization>> {
    let mut once: Vec<OrganizationId> = Vec::new();
    for id in ids {
        if !once.contains(&id) {
            once.push(id);
        }
    }
    futures_util::future::try_join_all(once.into_iter().map(|id| organization_of(ctx, id))).await
}

/// What a client permits (42 CFR 2.31). It counts for what an organization holds once that organization recorded or confirmed it.
#[Object]
impl Consent {
    /// Its id.
    async fn id(&self) -> ConsentId {
        self.0.id
    }

    /// Whose consent it is; null for an organization that only received it with a referral.
    async fn client(&self, ctx: &Context<'_>) -> Result<Option<Client>> {
        Ok(ctx.load::<client::Entity>(self.0.client_id).await?.map(Client))
    }

    /// What kind.
    async fn kind(&self) -> ConsentKind {
        self.0.kind
    }

    /// Where it stands now.
    async fn status(&self, ctx: &Context<'_>) -> Result<ConsentStatus> {
        let flows = ctx.load_parts::<consent::Entity, consent_flow::Entity>(&self.0).await?;
        Ok(status(&self.0, &flows, ctx.access().now))
    }

    /// The elements of 42 CFR 2.31(a) that it lacks; while there are some, it is not active.
    async fn missing_elements(&self, ctx: &Context<'_>) -> Result<Vec<&'static str>> {
        let flows = ctx.load_parts::<consent::Entity, consent_flow::Entity>(&self.0).await?;
        Ok(missing(&self.0, &flows))
    }

    /// Who may disclose.
    async fn disclosers(&self, ctx: &Context<'_>) -> Result<Vec<Organization>> {
        let flows = ctx.load_parts::<consent::Entity, consent_flow::Entity>(&self.0).await?;
        named(ctx, flows.iter().map(|flow| flow.discloser_id)).await
    }

    /// Who may receive, by name.
    async fn recipients(&self, ctx: &Context<'_>) -> Result<Vec<Organization>> {
        let flows = ctx.load_parts::<consent::Entity, consent_flow::Entity>(&self.0).await?;
        named(ctx, flows.iter().filter_map(|flow| flow.recipient_id)).await
    }

    /// Who may receive, by class; null when they are named.
    async fn recipient_class(&self) -> Option<RecipientClass> {
        self.0.recipient_class
    }

    /// Which information.
    async fn data_classes(&self) -> Vec<DataClass> {
        self.0.data_classes.to_vec()
    }

    /// What for.
    async fn purposes(&self) -> Vec<PurposeOfUse> {
        self.0.purposes.to_vec()
    }

    /// When it was signed (UTC).
    async fn signed_at(&self) -> Option<DateTime<Utc>> {
        Some(self.0.signed_at)
    }

    /// By whom; null for an organization that received it with a referral and may not know who the client is, and once the person is
    /// erased.
    async fn signed_by(&self, ctx: &Context<'_>) -> Result<Option<String>> {
        match self.0.open::<class::Privacy>() {
            Some(opened) => unless_erased(ctx.store().unseal(&opened, consent::Column::SignedBy, &opened.signed_by).await),
            None => Ok(None),
        }
    }

    /// As what they signed.
    async fn signer_capacity(&self) -> Option<SignerCapacity> {
        Some(self.0.signer_capacity)
    }

    /// How.
    async fn signature_method(&self) -> Option<SignatureMethod> {
        Some(self.0.signature_method)
    }

    /// SHA-256 of the signed document; null when none was kept.
    async fn evidence_sha256(&self) -> Option<&str> {
        self.0.evidence_sha256.as_deref()
    }

    /// In which language it was explained.
    async fn language(&self) -> Option<LanguageTag> {
        self.0.language.clone().map(LanguageTag)
    }

    /// When it ends (UTC); null when an event ends it, or nothing.
    async fn expires_at(&self) -> Option<DateTime<Utc>> {
        self.0.expires_at
    }

    /// What ends it; null when a day ends it, or nothing. REFERRAL_CLOSES ends it with the final state itself.
    async fn expiry_event(&self) -> Option<ExpiryEvent> {
        self.0.expiry_event
    }

    /// Whether nothing but revocation ends it.
    async fn never_expires(&self) -> bool {
        self.0.never_expires
    }

    /// The organizations that may disclose and recorded or confirmed it: for what they hold it counts.
    async fn confirmed_by(&self, ctx: &Context<'_>) -> Result<Vec<Organization>> {
        let flows = ctx.load_parts::<consent::Entity, consent_flow::Entity>(&self.0).await?;
        named(ctx, flows.iter().filter(|flow| flow.confirmed).map(|flow| flow.discloser_id)).await
    }

    /// When it was revoked (UTC); null while it was not.
    async fn revoked_at(&self) -> Option<DateTime<Utc>> {
        self.0.revoked_at
    }

    /// How it was revoked; null for an organization that only received it with a referral, and once the person is erased.
    async fn revoked_how(&self, ctx: &Context<'_>) -> Result<Option<String>> {
        let recorded = ctx.access().organization == Some(self.0.organization_id);
        let opened = self.0.open::<class::Privacy>().filter(|_| recorded);
        match opened.as_ref().and_then(|opened| Some((opened, opened.revoked_how.as_ref()?))) {
            Some((opened, sealed)) => unless_erased(ctx.store().unseal(opened, consent::Column::RevokedHow, sealed).await),
            None => Ok(None),
        }
    }

    /// The statement that goes with every disclosure under it (42 CFR 2.32).
    async fn notice(&self) -> &str {
        NOTICE
    }

    /// UTC.
    async fn created_at(&self) -> DateTime<Utc> {
        self.0.created_at
    }

    /// Counts changes.
    async fn version(&self) -> i32 {
        self.0.version
    }
}

/// The elements of a consent (42 CFR 2.31(a)). Recipients by id or by class.
#[derive(InputObject)]
pub(crate) struct ConsentInput {
    /// What kind.
    kind: ConsentKind,
    /// Who may disclose; the viewer's own organization when none is named. A closed loop needs both organizations here and among the
    /// recipients.
    disclosing_organization_ids: Option<Vec<OrganizationId>>,
    /// Who may receive, by name.
    recipient_organization_ids: Option<Vec<OrganizationId>>,
    /// Or by class.
    recipient_class: Option<RecipientClass>,
    /// Which information.
    data_classes: Vec<DataClass>,
    /// What for.
    purposes: Vec<PurposeOfUse>,
    /// When it was signed (UTC).
    #[graphql(validator(custom = "in_our_era"))]
    signed_at: DateTime<Utc>,
    /// By whom.
    signed_by: String,
    /// As what they signed.
    signer_capacity: SignerCapacity,
    /// How.
    signature_method: SignatureMethod,
    /// SHA-256 of the signed document, in hexadecimal.
    evidence_sha256: Option<String>,
    /// In which language it was explained.
    language: Option<LanguageTag>,
    /// When it ends (UTC). One of this, `expiryEvent` and `neverExpires`.
    #[graphql(validator(custom = "in_our_era"))]
    expires_at: Option<DateTime<Utc>>,
    /// Or what ends it. REFERRAL_CLOSES ends it with the final state itself: to learn the outcome, choose another.
    expiry_event: Option<ExpiryEvent>,
    /// Or nothing but revocation does.
    never_expires: Option<bool>,
}

impl From<ConsentInput> for NewConsent {
    fn from(input: ConsentInput) -> Self {
        Self {
            kind: input.kind,
            disclosers: input.disclosing_organization_ids.unwrap_or_default(),
            recipients: input.recipient_organization_ids.unwrap_or_default(),
            recipient_class: input.recipient_class,
            data_classes: input.data_classes,
            purposes: input.purposes,
            signed_at: crate::clock::whole_micros(input.signed_at),
            signed_by: input.signed_by,
            signer_capacity: input.signer_capacity,
            signature_method: input.signature_method,
            evidence_sha256: input.evidence_sha256,
            language: input.language.map(|tag| tag.0),
            expires_at: input.expires_at.map(crate::clock::whole_micros),
            expiry_event: input.expiry_event,
            never_expires: input.never_expires.unwrap_or_default(),
        }
    }
}

/// A consent of a client.
#[derive(InputObject)]
pub(crate) struct ConsentRecordInput {
    /// Whose.
    client_id: ClientId,
    /// Its elements.
    consent: ConsentInput,
}

payloads! {
    ConsentRecordPayload = "consentRecord", consent: Consent, "The consent";
    ConsentConfirmPayload = "consentConfirm", consent: Consent, "The consent";
    ConsentRevokePayload = "consentRevoke", consent: Consent, "The consent";
}

/// Mutations.
#[derive(Default)]
pub(crate) struct ConsentMutation;

#[Object]
impl ConsentMutation {
    /// Records a consent of a client of the viewer's organization. For referrers and coordinators.
    #[graphql(guard = "Requires(Scope::ClientsWrite)")]
    async fn consent_record(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The consent.")] input: ConsentRecordInput,
    ) -> Result<Option<ConsentRecordPayload>> {
        let recorded = async { record(ctx.store(), &ctx.access(), input.client_id, input.consent.into()).await };
        let (recorded, user_errors) = command(ctx, "consentRecord", recorded).await?;
        Ok(Some(ConsentRecordPayload { consent: recorded.map(Consent), user_errors }))
    }

    /// Confirms, for the viewer's organization, a consent that came with a referral. Answering the referral does the same.
    #[graphql(guard = "Requires(Scope::ReferralsWrite)")]
    async fn consent_confirm(&self, ctx: &Context<'_>, #[graphql(desc = "Which.")] id: ConsentId) -> Result<Option<ConsentConfirmPayload>> {
        let (confirmed, user_errors) = command(ctx, "consentConfirm", confirm(ctx.store(), &ctx.access(), id)).await?;
        Ok(Some(ConsentConfirmPayload { consent: confirmed.map(Consent), user_errors }))
    }

    /// Revokes a consent: every further disclosure under it stops at once. An oral request is enough; a client revokes their own.
    #[graphql(guard = "ForOneself.or(Requires(Scope::ClientsWrite)).or(Requires(Scope::ReferralsWrite))")]
    async fn consent_revoke(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which.")] id: ConsentId,
        #[graphql(desc = "How the client revoked it, such as in person or by telephone.")] how: String,
        #[graphql(desc = "Whether in writing.")] written: bool,
    ) -> Result<Option<ConsentRevokePayload>> {
        let revoked = async { revoke(ctx.store(), &ctx.access(), id, &how, written).await };
        let (revoked, user_errors) = command(ctx, "consentRevoke", revoked).await?;
        Ok(Some(ConsentRevokePayload { consent: revoked.map(Consent), user_errors }))
    }
}
