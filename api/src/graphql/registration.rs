//! Registrations: that somebody comes to a session.

use std::sync::Arc;

use async_graphql::{Context, Guard, GuardExt, InputObject, Object, OneofObject, Result, SimpleObject};
use chrono::{DateTime, Utc};
use entity::{
    ClientId, RegistrationId, SessionId, client, gathering, registration, registration_step, session,
    vocabulary::{AttendanceMode, RegistrationStatus},
};

use super::{
    client::Client,
    client_mutation::ContactMethodInput,
    connection::connection,
    context::RequestContext,
    error::{coded, command, internal, query_error},
    guard::{ForOneself, Requires},
    payload::payloads,
    program::Address,
    scalar::WebAddress,
    session::Session,
};
use crate::{
    access::{Access, Scope, secret::Secrets, ticket::Ticket},
    domain::{
        client_access::Inviting,
        registration::{Entry, NewGuest, NewRegistration, Seat, accept, because, cancel, confirm, create, invite, link, record},
        wall_time::zone_of,
    },
    error::{Code, Error, Refusal},
    store::Visible,
};

/// A seat, or a place in line, at a session: class C of a client's data, there only for those to whom it is open.
#[derive(Clone)]
pub(crate) struct Registration(pub(crate) Visible<registration::Entity>);

impl Registration {
    /// What is class C of it, which is open to whoever sees it at all.
    fn seat(&self) -> Result<Seat<'_>> {
        self.0.open().ok_or_else(|| internal(&Error::internal("a registration is seen that is not open")))
    }

    /// Whether they come, and are told where to.
    fn comes(&self) -> Result<bool> {
        use RegistrationStatus::{Cancelled, Offered, Unconfirmed, Waitlisted};
        let seat = self.seat()?;
        Ok(!matches!(*seat.status.read(&seat), Cancelled | Offered | Unconfirmed | Waitlisted))
    }

    async fn held_by(&self, ctx: &Context<'_>) -> Result<Arc<Visible<gathering::Entity>>> {
        self.held_session(ctx).await?.held_by(ctx).await
    }

    async fn held_session(&self, ctx: &Context<'_>) -> Result<Session> {
        let found = ctx.load::<session::Entity>(self.0.session_id).await?;
        found.map(Session).ok_or_else(|| coded("UNAVAILABLE", "The registration's session has gone."))
    }
}

/// A seat, or a place in line, at a session: class C of a client's data, there only for those to whom it is open.
#[Object]
impl Registration {
    /// Its id.
    async fn id(&self) -> RegistrationId {
        self.0.id
    }

    /// Where to.
    async fn session(&self, ctx: &Context<'_>) -> Result<Session> {
        self.held_session(ctx).await
    }

    /// Who comes.
    async fn client(&self, ctx: &Context<'_>) -> Result<Option<Client>> {
        let id = {
            let seat = self.seat()?;
            seat.client_id.as_ref().map(|id| *id.read(&seat))
        };
        match id {
            Some(id) => Ok(ctx.load::<client::Entity>(id).await?.map(Client)),
            None => Ok(None),
        }
    }

    /// As a guest is called; null for a client, and once it was forgotten.
    async fn guest_name(&self, ctx: &Context<'_>) -> Result<Option<String>> {
        let seat = self.seat()?;
        let Some(name) = &seat.guest_name else { return Ok(None) };
        ctx.store().unseal(&seat, registration::Column::GuestName, name).await.map(Some).map_err(query_error)
    }

    /// Until when a guest's contact can confirm (UTC); null once it did, and for a client.
    async fn confirm_by(&self) -> Option<DateTime<Utc>> {
        self.0.confirm_by
    }

    /// How they take part.
    async fn attendance(&self) -> Result<AttendanceMode> {
        let seat = self.seat()?;
        Ok(*seat.attendance.read(&seat))
    }

    /// Where it stands; more may come.
    async fn status(&self) -> Result<RegistrationStatus> {
        let seat = self.seat()?;
        Ok(*seat.status.read(&seat))
    }

    /// Which place in line they have, from 1; null for whoever does not wait.
    async fn waitlist_position(&self, ctx: &Context<'_>) -> Result<Option<i32>> {
        {
            let seat = self.seat()?;
            if *seat.seated.read(&seat) || *seat.status.read(&seat) == RegistrationStatus::Cancelled {
                return Ok(None);
            }
        }
        ctx.load_place(self.0.id).await
    }

    /// Until when a seat is offered to them (UTC); null where none is.
    async fn offer_expires_at(&self) -> Result<Option<DateTime<Utc>>> {
        let seat = self.seat()?;
        Ok(seat.offer_expires_at.as_ref().map(|until| *until.read(&seat)))
    }

    /// When they came in (UTC).
    async fn checked_in_at(&self) -> Result<Option<DateTime<Utc>>> {
        let seat = self.seat()?;
        Ok(seat.checked_in_at.as_ref().map(|at| *at.read(&seat)))
    }

    /// What they need to take part, by the codes of `accessibility`.
    async fn accessibility_needs(&self) -> Result<Vec<String>> {
        let seat = self.seat()?;
        Ok(seat.needs.as_ref().map(|needs| needs.read(&seat).to_vec()).unwrap_or_default())
    }

    /// How it came to stand where it does, oldest first.
    async fn history(&self, ctx: &Context<'_>) -> Result<Vec<RegistrationStep>> {
        // Both at once: where it is, other fields ask for in the same moment.
        let steps = ctx.load_parts::<registration::Entity, registration_step::Entity>(&self.0);
        let (steps, gathering) = futures_util::future::join(steps, self.held_by(ctx)).await;
        let steps = steps?;
        // Whoever does not see where it is reads the clock of everywhere.
        let zone = match gathering {
            Ok(gathering) => zone_of(&gathering.time_zone).map_err(query_error)?,
            Err(_) => chrono_tz::UTC,
        };
        let seat = self.seat()?;
        let step = |step: &registration_step::Model| RegistrationStep {
            status: *step.status.read(&seat),
            at: step.at,
            because: because(*step.cause.read(&seat), step.at, step.named, zone),
        };
        Ok(steps.iter().map(step).collect())
    }

    /// UTC.
    async fn registered_at(&self) -> DateTime<Utc> {
        self.0.registered_at
    }

    /// Where to take part online; null for a seat in the room, and as long as they have no seat.
    async fn join_url(&self, ctx: &Context<'_>) -> Result<Option<WebAddress>> {
        if !self.comes()? || self.attendance(ctx).await? != AttendanceMode::Online {
            return Ok(None);
        }
        Ok(self.held_by(ctx).await?.join_url.clone().map(WebAddress))
    }

    /// Where the room is; null for a seat online, and as long as they have no seat.
    async fn address(&self, ctx: &Context<'_>) -> Result<Option<Address>> {
        if !self.comes()? || self.attendance(ctx).await? != AttendanceMode::InPerson {
            return Ok(None);
        }
        Ok(self.held_by(ctx).await?.address.clone().map(Into::into))
    }

    /// Counts changes.
    async fn version(&self) -> i32 {
        self.0.version
    }
}

connection!(Registration, RegistrationConnection, RegistrationEdge, registration::Entity, "registrations");

/// A step of a registration: where it stood from then on, and why.
#[derive(SimpleObject)]
pub(crate) struct RegistrationStep {
    /// Where it stood; more may come.
    status: RegistrationStatus,
    /// When (UTC).
    at: DateTime<Utc>,
    /// Why, in a sentence.
    because: String,
}

/// Somebody who comes and is nobody's client.
#[derive(InputObject)]
pub(crate) struct GuestInput {
    /// As they are called there.
    display_name: String,
    /// Where they confirm: an e-mail address. What they are sent names neither what they registered for nor who runs it.
    contact: ContactMethodInput,
}

/// Who comes; more kinds may come.
#[derive(OneofObject)]
pub(crate) enum RegistrantInput {
    /// A client of the caller's organization.
    ClientId(ClientId),
    /// A guest, who is nobody's client, for what is open and published for everyone or for partners.
    Guest(GuestInput),
}

/// A new registration for a session.
#[derive(InputObject)]
pub(crate) struct RegistrationCreateInput {
    /// For which session.
    session_id: SessionId,
    /// Who comes; the client who asks when it is not given.
    registrant: Option<RegistrantInput>,
    /// How they take part; needed where a session is in a room and online.
    attendance: Option<AttendanceMode>,
    /// What they need to take part, by the codes of `accessibility`, such as `ASL`.
    accessibility_needs: Option<Vec<String>>,
    /// Whether they agree to what a support group says of confidentiality; needed where it says something.
    agrees_to_confidentiality: Option<bool>,
    /// Whether they come although they are registered for something else at that time. SCHEDULE_CONFLICT says so.
    despite_conflict: Option<bool>,
}

/// What is said of one person's attendance.
#[derive(InputObject, Clone, Copy)]
pub(crate) struct AttendanceEntryInput {
    /// Of which registration.
    registration_id: RegistrationId,
    /// ATTENDED, PARTIAL, NO_SHOW or EXCUSED; REGISTERED takes back what was said.
    status: RegistrationStatus,
}

/// What `registrationCreate` came to.
#[derive(SimpleObject)]
pub(crate) struct RegistrationCreatePayload {
    /// The registration; null when it was refused.
    registration: Option<Registration>,
    /// A guest's ticket: whoever holds it reads, accepts and cancels this registration, without a token. Null for a client's.
    ticket: Option<String>,
    /// Until when the ticket is good (UTC).
    ticket_expires_at: Option<DateTime<Utc>>,
    /// What to mend.
    user_errors: Vec<super::error::UserError>,
}

payloads! {
    RegistrationConfirmPayload = "registrationConfirm", registration: Registration, "The registration";
    RegistrationLinkClientPayload = "registrationLinkClient", registration: Registration, "The registration";
    RegistrationAcceptOfferPayload = "registrationAcceptOffer", registration: Registration, "The registration";
    RegistrationCancelPayload = "registrationCancel", registration: Registration, "The registration";
}

/// What `attendanceRecord` came to.
#[derive(SimpleObject)]
pub(crate) struct AttendanceRecordPayload {
    /// The session; null when it was refused.
    session: Option<Session>,
    /// The registrations that were named, in their order; null when it was refused.
    registrations: Option<Vec<Registration>>,
    /// What to mend.
    user_errors: Vec<super::error::UserError>,
}

pub(super) fn secrets<'a>(ctx: &'a Context<'_>) -> &'a Secrets {
    ctx.data_unchecked::<Secrets>()
}

/// Registers a guest. The ticket is told again when the answer is: it is derived.
async fn invited(ctx: &Context<'_>, new: NewGuest) -> Result<RegistrationCreatePayload> {
    let (access, sends_mail) = (ctx.access(), ctx.data_unchecked::<Inviting>().sends_mail);
    let made = async { Box::pin(invite(ctx.store(), &access, secrets(ctx), sends_mail, new)).await };
    let (made, user_errors) = command(ctx, "registrationCreate", made).await?;
    let registration = made.map(|held| held.0);
    Ok(RegistrationCreatePayload {
        ticket: registration.as_ref().map(|row| Ticket::write(secrets(ctx), row.id)),
        ticket_expires_at: registration.as_ref().and_then(|row| row.ticket_expires_at),
        registration: registration.map(Registration),
        user_errors,
    })
}

/// Who acts on which registration: whoever holds a ticket on the one that it names, everybody else by its id.
async fn named(ctx: &Context<'_>, id: Option<RegistrationId>, ticket: Option<String>) -> Result<(Access, Result<RegistrationId, Error>)> {
    let access = ctx.access();
    let Some(ticket) = ticket else {
        ForOneself.or(Requires(Scope::RegistrationsWrite)).check(ctx).await?;
        return Ok((Access::clone(&access), id.ok_or_else(|| Refusal::required("id").at(["id"]).into())));
    };
    if id.is_some() {
        let sentence = "Give `id` or `ticket`, not both.";
        return Ok((Access::clone(&access), Err(Refusal::invalid(sentence).at(["ticket"]).into())));
    }
    Ok(match Ticket::read(secrets(ctx), &ticket) {
        Some(ticket) => (access.holding(ticket), Ok(ticket.registration())),
        None => {
            let sentence = "This is no ticket: give it as `registrationCreate` gave it to you.";
            (Access::clone(&access), Err(Refusal::new(Code::NotFound, sentence).at(["ticket"]).into()))
        }
    })
}

/// Queries.
#[derive(Default)]
pub(crate) struct RegistrationQuery;

#[Object]
impl RegistrationQuery {
    /// A guest's registration, for whoever holds its ticket; null when it is none, or its time is over. Public: no token is needed.
    async fn registration(&self, ctx: &Context<'_>, #[graphql(desc = "The ticket.")] ticket: String) -> Result<Option<Registration>> {
        let Some(ticket) = Ticket::read(secrets(ctx), &ticket) else { return Ok(None) };
        let holding = ctx.access().holding(ticket);
        let found = ctx.store().fetch::<registration::Entity>(&holding, ticket.registration()).await.map_err(query_error)?;
        Ok(found.map(Registration))
    }
}

/// Mutations.
#[derive(Default)]
pub(crate) struct RegistrationMutation;

#[Object]
impl RegistrationMutation {
    /// Registers a client for a session of their own organization: with a seat, or with a place in line where none is left. For coordinators
    /// and supervisors of a program that the client is with, for their peer, and for clients themselves. A guest is registered by an
    /// application (PARTNER_APP), or by those who run the session: their contact confirms until `confirmBy`. SESSION_FULL when no place in line
    /// is left either, ALREADY_EXISTS when the client is registered, SCHEDULE_CONFLICT when they come to something else at that time.
    #[graphql(guard = "ForOneself.or(Requires(Scope::RegistrationsWrite))")]
    async fn registration_create(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The registration.")] input: RegistrationCreateInput,
    ) -> Result<Option<RegistrationCreatePayload>> {
        let (session_id, attendance) = (input.session_id, input.attendance);
        let (needs, agrees) = (input.accessibility_needs.unwrap_or_default(), input.agrees_to_confidentiality.unwrap_or_default());
        let client_id = match input.registrant {
            Some(RegistrantInput::Guest(guest)) => {
                let contact = (guest.contact.kind, guest.contact.value);
                let new = NewGuest { session_id, display_name: guest.display_name, contact, attendance, needs, agrees };
                return Ok(Some(invited(ctx, new).await?));
            }
            Some(RegistrantInput::ClientId(id)) => Some(id),
            None => None,
        };
        let despite_conflict = input.despite_conflict.unwrap_or_default();
        let new = NewRegistration { session_id, client_id, attendance, needs, agrees, despite_conflict };
        let (made, user_errors) = command(ctx, "registrationCreate", create(ctx.store(), &ctx.access(), new)).await?;
        Ok(Some(RegistrationCreatePayload { registration: made.map(Registration), ticket: None, ticket_expires_at: None, user_errors }))
    }

    /// Confirms a guest's registration by the code that was sent to their contact, which needs no token: they have the seat that was held
    /// for them, or their place in line. NOT_FOUND when no registration waits for this code.
    async fn registration_confirm(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "As it was sent, in any spelling.")] code: String,
    ) -> Result<Option<RegistrationConfirmPayload>> {
        let access = ctx.access();
        let confirmed = async { Box::pin(confirm(ctx.store(), &access, secrets(ctx), &code)).await };
        let (confirmed, user_errors) = command(ctx, "registrationConfirm", confirmed).await?;
        Ok(Some(RegistrationConfirmPayload { registration: confirmed.map(|held| Registration(held.0)), user_errors }))
    }

    /// Finds a guest to be a client of the program that runs the session: the registration is the client's from then on, what was told of
    /// the guest is forgotten, and the ticket ends. For coordinators, supervisors and peers of the program.
    #[graphql(guard = "Requires(Scope::RegistrationsWrite)")]
    async fn registration_link_client(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which.")] id: RegistrationId,
        #[graphql(desc = "Whose it is.")] client_id: ClientId,
    ) -> Result<Option<RegistrationLinkClientPayload>> {
        let access = ctx.access();
        let linked = async { Box::pin(link(ctx.store(), &access, id, client_id)).await };
        let (linked, user_errors) = command(ctx, "registrationLinkClient", linked).await?;
        Ok(Some(RegistrationLinkClientPayload { registration: linked.map(Registration), user_errors }))
    }

    /// Accepts a seat that is offered to whoever is first in line. For those who may register the client, for clients themselves, and for
    /// whoever holds a guest's ticket. OFFER_EXPIRED when its time is over, OFFER_TAKEN when somebody else was first in the last two hours.
    async fn registration_accept_offer(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which; or `ticket`.")] id: Option<RegistrationId>,
        #[graphql(desc = "A guest's, which needs no token.")] ticket: Option<String>,
    ) -> Result<Option<RegistrationAcceptOfferPayload>> {
        let (access, id) = named(ctx, id, ticket).await?;
        let accepted = async { Box::pin(accept(ctx.store(), &access, id?)).await };
        let (accepted, user_errors) = command(ctx, "registrationAcceptOffer", accepted).await?;
        Ok(Some(RegistrationAcceptOfferPayload { registration: accepted.map(Registration), user_errors }))
    }

    /// Leaves a session, or its line: a seat is offered to whoever is next at once. For those who may register the client, for clients
    /// themselves, and for whoever holds a guest's ticket.
    async fn registration_cancel(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which; or `ticket`.")] id: Option<RegistrationId>,
        #[graphql(desc = "A guest's, which needs no token.")] ticket: Option<String>,
    ) -> Result<Option<RegistrationCancelPayload>> {
        let (access, id) = named(ctx, id, ticket).await?;
        let cancelled = async { Box::pin(cancel(ctx.store(), &access, id?)).await };
        let (cancelled, user_errors) = command(ctx, "registrationCancel", cancelled).await?;
        Ok(Some(RegistrationCancelPayload { registration: cancelled.map(Registration), user_errors }))
    }

    /// Records who came to a session, from an hour before it begins: all of it or nothing, and what is recorded already stays as it is. For
    /// coordinators, peers and supervisors, of those whose registrations they see.
    #[graphql(guard = "Requires(Scope::RegistrationsWrite)")]
    async fn attendance_record(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Of which session.")] session_id: SessionId,
        #[graphql(desc = "What is said of whom, at most 500.")] entries: Vec<AttendanceEntryInput>,
    ) -> Result<Option<AttendanceRecordPayload>> {
        let entries: Vec<_> =
            entries.into_iter().map(|entry| Entry { registration_id: entry.registration_id, status: entry.status }).collect();
        let access = ctx.access();
        let recorded = async { Box::pin(record(ctx.store(), &access, session_id, &entries)).await };
        let (recorded, user_errors) = command(ctx, "attendanceRecord", recorded).await?;
        let (session, registrations) = recorded.map(|recorded| (recorded.session, recorded.registrations)).unzip();
        Ok(Some(AttendanceRecordPayload {
            session: session.map(Session),
            registrations: registrations.map(|rows| rows.into_iter().map(Registration).collect()),
            user_errors,
        }))
    }
}
