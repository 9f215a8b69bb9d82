//! Contacts with clients, and attempts at them.

use async_graphql::{Context, InputObject, Object, Result, SimpleObject};
use chrono::{DateTime, Utc};
use entity::{
    ClientId, ContactId, PeerId, ProgramId, ReferralId, class, client, contact, contact_addendum, peer, referral,
    vocabulary::{ContactModality, ContactOutcome},
};
use sea_orm::{ColumnTrait, Order};

use super::{
    client::{Client, unless_erased},
    connection::{connection, paged},
    context::RequestContext,
    error::command,
    event::{DateTimeRange, in_our_era, within},
    guard::{Oneself, Requires},
    payload::payloads,
    peer::Peer,
    referral::Referral,
    referral_progress::actor_name,
};
use crate::{
    access::Scope,
    domain::contact::{NewContact, Plan, amend, log, schedule},
    store::{Class, PageArgs, Visible},
};

/// One contact with a client, an attempt at one, or one that is planned. All of it is class C.
#[derive(Clone)]
pub(crate) struct Contact(pub(crate) Visible<contact::Entity>);

connection!(Contact, ContactConnection, ContactEdge, contact::Entity, "contacts");

/// One contact with a client, an attempt at one, or one that is planned. All of it is class C.
#[Object]
impl Contact {
    /// Its id.
    async fn id(&self) -> ContactId {
        self.0.id
    }

    /// With whom; null where they are not there for the viewer.
    async fn client(&self, ctx: &Context<'_>) -> Result<Option<Client>> {
        Ok(ctx.load::<client::Entity>(self.0.client_id).await?.map(Client))
    }

    /// By whom.
    async fn peer(&self, ctx: &Context<'_>) -> Result<Option<Peer>> {
        Ok(ctx.load::<peer::Entity>(self.0.peer_id).await?.map(Peer))
    }

    /// How.
    async fn modality(&self) -> ContactModality {
        self.0.modality
    }

    /// Whether the peer reached out.
    async fn outbound(&self) -> bool {
        self.0.outbound
    }

    /// What came of it; null while it is planned; more may come. Only COMPLETED is two-way.
    async fn outcome(&self) -> Option<ContactOutcome> {
        self.0.outcome
    }

    /// For when it was planned (UTC); null when it was not.
    async fn scheduled_for(&self) -> Option<DateTime<Utc>> {
        self.0.scheduled_for
    }

    /// When it began (UTC); null while it is planned.
    async fn started_at(&self) -> Option<DateTime<Utc>> {
        self.0.outcome.map(|_| self.0.started_at)
    }

    /// How long; null for an attempt.
    async fn minutes(&self) -> Option<i32> {
        self.0.minutes
    }

    /// What was talked about.
    async fn topics(&self) -> Vec<String> {
        self.0.topics.to_vec()
    }

    /// A short note; null where there is none, and once the person is erased. Coordinators read contacts without their notes.
    async fn note(&self, ctx: &Context<'_>) -> Result<Option<String>> {
        let Some(opened) = self.0.open::<class::Notes>() else {
            ctx.closed_by_role(Class::Notes);
            return Ok(None);
        };
        match &opened.note {
            Some(sealed) => unless_erased(ctx.store().unseal(&opened, contact::Column::Note, sealed).await),
            None => Ok(None),
        }
    }

    /// What was added to the note later, oldest first; closed as the note is.
    async fn addenda(&self, ctx: &Context<'_>) -> Result<Vec<ContactAddendum>> {
        let addenda = ctx.load_parts::<contact::Entity, contact_addendum::Entity>(&self.0).await?;
        let Some(opened) = self.0.open::<class::Notes>() else {
            if !addenda.is_empty() {
                ctx.closed_by_role(Class::Notes);
            }
            return Ok(Vec::new());
        };
        let mut told = Vec::new();
        for addendum in addenda.iter() {
            let column = contact_addendum::Column::Text;
            let text = ctx
                .store()
                .unseal_part::<_, contact_addendum::Entity, _, _>(&opened, (addendum, addendum.id), column, &addendum.text)
                .await;
            let author_name = actor_name(ctx, &addendum.author, self.0.organization_id).await?.unwrap_or_default();
            let text = unless_erased(text)?.unwrap_or_else(|| "This was erased.".to_owned());
            told.push(ContactAddendum { text, author_name, at: addendum.at });
        }
        Ok(told)
    }

    /// Whether the client may read the note.
    async fn note_shared(&self) -> bool {
        self.0.note_shared
    }

    /// The referral that it served.
    async fn referral(&self, ctx: &Context<'_>) -> Result<Option<Referral>> {
        match self.0.referral_id {
            Some(id) => Ok(ctx.load::<referral::Entity>(id).await?.map(Referral)),
            None => Ok(None),
        }
    }

    /// When it was logged (UTC).
    async fn created_at(&self) -> DateTime<Utc> {
        self.0.created_at
    }

    /// Counts changes.
    async fn version(&self) -> i32 {
        self.0.version
    }
}

/// What was added to the note of a contact.
#[derive(SimpleObject)]
pub(crate) struct ContactAddendum {
    /// What; a sentence that it was erased, once the person is.
    text: String,
    /// Who added it.
    author_name: String,
    /// UTC.
    at: DateTime<Utc>,
}

/// Which contacts.
#[derive(InputObject, Default)]
pub(crate) struct ContactFilter {
    /// With this client.
    client_id: Option<ClientId>,
    /// By one of these peers.
    peer_ids: Option<Vec<PeerId>>,
    /// For one of these programs.
    program_ids: Option<Vec<ProgramId>>,
    /// Begun, or planned for, then.
    started: Option<DateTimeRange>,
    /// With one of these outcomes.
    outcome: Option<Vec<ContactOutcome>>,
    /// Those that are planned and have no outcome yet, or those that have one.
    planned: Option<bool>,
}

/// Queries.
#[derive(Default)]
pub(crate) struct ContactQuery;

#[Object]
impl ContactQuery {
    /// Contacts with the clients whose care is open to the viewer, those that are planned among them, the latest first.
    #[graphql(guard = "Oneself.or(Requires(Scope::ServicesRead))")]
    async fn contacts(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which contacts; all when there is none.")] filter: Option<ContactFilter>,
        #[graphql(desc = "How many, from the beginning or from `after`: 20 unless it says so, 100 at most.")] first: Option<i32>,
        #[graphql(desc = "After this cursor.")] after: Option<String>,
        #[graphql(desc = "How many, from the end or before `before`.")] last: Option<i32>,
        #[graphql(desc = "Before this cursor.")] before: Option<String>,
    ) -> Result<ContactConnection> {
        let (filter, access) = (filter.unwrap_or_default(), ctx.access());
        let mut find = ctx.store().find::<contact::Entity>(&access);
        if let Some(id) = filter.client_id {
            find = find.by(contact::Column::ClientId, |column| column.eq(id));
        }
        if let Some(ids) = &filter.peer_ids {
            find = find.by(contact::Column::PeerId, |column| column.is_in(ids.iter().copied()));
        }
        if let Some(ids) = &filter.program_ids {
            find = find.by(contact::Column::ProgramId, |column| column.is_in(ids.iter().copied()));
        }
        find = within(find, contact::Column::StartedAt, filter.started);
        if let Some(outcomes) = &filter.outcome {
            find = find.by(contact::Column::Outcome, |column| column.is_in(outcomes.iter().copied()));
        }
        if let Some(planned) = filter.planned {
            find = find.by(contact::Column::Outcome, |column| if planned { column.is_null() } else { column.is_not_null() });
        }
        let find = find.ordered(contact::Column::StartedAt, Order::Desc);
        Ok(paged(ctx, find, PageArgs { first, after, last, before }).await?.into())
    }
}

/// A contact with a client, or an attempt at one.
#[derive(InputObject)]
pub(crate) struct ContactLogInput {
    /// With whom: somebody assigned to the viewer.
    client_id: ClientId,
    /// By which peer; the viewer's own when none is named.
    peer_id: Option<PeerId>,
    /// For which referral; the client's open one with that peer when none is named.
    referral_id: Option<ReferralId>,
    /// How.
    modality: ContactModality,
    /// Whether the peer reached out; they did unless it says otherwise.
    outbound: Option<bool>,
    /// What came of it.
    outcome: ContactOutcome,
    /// When it began (UTC); not in the future.
    #[graphql(validator(custom = "in_our_era"))]
    started_at: DateTime<Utc>,
    /// How long, 1 to 1,440; needed with COMPLETED.
    minutes: Option<i32>,
    /// What was talked about.
    topics: Option<Vec<String>>,
    /// A short note on strengths and next steps; at most 2,000 characters.
    note: Option<String>,
    /// Whether the client may read the note; not unless it says so.
    note_shared: Option<bool>,
    /// Which planned contact this was; its peer and referral are taken from it.
    scheduled_contact_id: Option<ContactId>,
    /// When the next one is planned (UTC), by the same means.
    #[graphql(validator(custom = "in_our_era"))]
    next_contact_at: Option<DateTime<Utc>>,
}

/// A contact to come.
#[derive(InputObject)]
pub(crate) struct ContactScheduleInput {
    /// With whom: somebody assigned to the viewer.
    client_id: ClientId,
    /// By which peer; the viewer's own when none is named.
    peer_id: Option<PeerId>,
    /// For which referral; the client's open one with that peer when none is named.
    referral_id: Option<ReferralId>,
    /// How: on a channel that the client called safe.
    modality: ContactModality,
    /// Whether the peer reaches out; they do unless it says otherwise.
    outbound: Option<bool>,
    /// When (UTC): within the hours that are safe, at most 366 days ahead.
    #[graphql(validator(custom = "in_our_era"))]
    scheduled_for: DateTime<Utc>,
    /// What is to be talked about.
    topics: Option<Vec<String>>,
}

payloads! {
    ContactAddendumPayload = "contactAddendum", contact: Contact, "The contact";
    ContactLogPayload = "contactLog", contact: Contact, "The contact";
    ContactSchedulePayload = "contactSchedule", contact: Contact, "The contact";
}

/// Mutations.
#[derive(Default)]
pub(crate) struct ContactMutation;

#[Object]
impl ContactMutation {
    /// Logs a contact, and moves the client's referral to OUTREACH or CONNECTED where it should. For the assigned peer.
    #[graphql(guard = "Requires(Scope::ServicesWrite)")]
    async fn contact_log(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The contact.")] input: ContactLogInput,
    ) -> Result<Option<ContactLogPayload>> {
        let new = NewContact {
            client_id: input.client_id,
            peer_id: input.peer_id,
            referral_id: input.referral_id,
            modality: input.modality,
            outbound: input.outbound.unwrap_or(true),
            outcome: input.outcome,
            started_at: crate::clock::whole_micros(input.started_at),
            minutes: input.minutes,
            topics: input.topics.unwrap_or_default(),
            note: input.note,
            note_shared: input.note_shared.unwrap_or_default(),
            scheduled: input.scheduled_contact_id,
            next_at: input.next_contact_at.map(crate::clock::whole_micros),
        };
        let (made, user_errors) = command(ctx, "contactLog", Box::pin(log(ctx.store(), &ctx.access(), new))).await?;
        Ok(Some(ContactLogPayload { contact: made.map(Contact), user_errors }))
    }

    /// Plans a contact on a channel and at a time that the client called safe. Where nothing is logged of it within a day, it is to be done
    /// in `workItems`. For the assigned peer.
    #[graphql(guard = "Requires(Scope::ServicesWrite)")]
    async fn contact_schedule(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The contact.")] input: ContactScheduleInput,
    ) -> Result<Option<ContactSchedulePayload>> {
        let plan = Plan {
            client_id: input.client_id,
            peer_id: input.peer_id,
            referral_id: input.referral_id,
            modality: input.modality,
            outbound: input.outbound.unwrap_or(true),
            at: crate::clock::whole_micros(input.scheduled_for),
            topics: input.topics.unwrap_or_default(),
        };
        let (planned, user_errors) = command(ctx, "contactSchedule", schedule(ctx.store(), &ctx.access(), plan)).await?;
        Ok(Some(ContactSchedulePayload { contact: planned.map(Contact), user_errors }))
    }

    /// Adds to the note of a contact, which itself is never changed. For the assigned peer.
    #[graphql(guard = "Requires(Scope::ServicesWrite)")]
    async fn contact_addendum(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Of which contact.")] id: ContactId,
        #[graphql(desc = "What, at most 2,000 characters.")] text: String,
    ) -> Result<Option<ContactAddendumPayload>> {
        let amended = async { amend(ctx.store(), &ctx.access(), id, &text).await };
        let (contact, user_errors) = command(ctx, "contactAddendum", amended).await?;
        Ok(Some(ContactAddendumPayload { contact: contact.map(Contact), user_errors }))
    }
}
