//! Registrations: that somebody comes to a session.

use async_graphql::{Context, InputObject, Object, OneofObject, Result, SimpleObject};
use chrono::{DateTime, Utc};
use entity::{
    ClientId, RegistrationId, SessionId, client, gathering, registration, registration_step, session,
    vocabulary::{AttendanceMode, RegistrationStatus},
};

use super::{
    client::Client,
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
    access::Scope,
    domain::{
        registration::{Entry, NewRegistration, Seat, accept, because, cancel, create, record},
        wall_time::zone_of,
    },
    error::Error,
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

    async fn held_by(&self, ctx: &Context<'_>) -> Result<Visible<gathering::Entity>> {
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
        let steps = ctx.load_parts::<registration::Entity, registration_step::Entity>(&self.0).await?;
        let zone = zone_of(&self.held_by(ctx).await?.time_zone).map_err(query_error)?;
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

/// Who comes; more kinds may come.
#[derive(OneofObject)]
pub(crate) enum RegistrantInput {
    /// A client of the caller's organization.
    ClientId(ClientId),
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

payloads! {
    RegistrationCreatePayload = "registrationCreate", registration: Registration, "The registration";
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

/// Mutations.
#[derive(Default)]
pub(crate) struct RegistrationMutation;

#[Object]
impl RegistrationMutation {
    /// Registers a client for a session of their own organization: with a seat, or with a place in line where none is left. For coordinators
    /// and supervisors of a program that the client is with, for their peer, and for clients themselves. SESSION_FULL when no place in line
    /// is left either, ALREADY_EXISTS when the client is registered, SCHEDULE_CONFLICT when they come to something else at that time.
    #[graphql(guard = "ForOneself.or(Requires(Scope::RegistrationsWrite))")]
    async fn registration_create(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The registration.")] input: RegistrationCreateInput,
    ) -> Result<Option<RegistrationCreatePayload>> {
        let new = NewRegistration {
            session_id: input.session_id,
            client_id: input.registrant.map(|RegistrantInput::ClientId(id)| id),
            attendance: input.attendance,
            needs: input.accessibility_needs.unwrap_or_default(),
            agrees: input.agrees_to_confidentiality.unwrap_or_default(),
            despite_conflict: input.despite_conflict.unwrap_or_default(),
        };
        let (made, user_errors) = command(ctx, "registrationCreate", create(ctx.store(), &ctx.access(), new)).await?;
        Ok(Some(RegistrationCreatePayload { registration: made.map(Registration), user_errors }))
    }

    /// Accepts a seat that is offered to whoever is first in line. For those who may register the client, and for clients themselves.
    /// OFFER_EXPIRED when its time is over, OFFER_TAKEN when somebody else was first in the last two hours.
    #[graphql(guard = "ForOneself.or(Requires(Scope::RegistrationsWrite))")]
    async fn registration_accept_offer(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which.")] id: RegistrationId,
    ) -> Result<Option<RegistrationAcceptOfferPayload>> {
        let (accepted, user_errors) = command(ctx, "registrationAcceptOffer", accept(ctx.store(), &ctx.access(), id)).await?;
        Ok(Some(RegistrationAcceptOfferPayload { registration: accepted.map(Registration), user_errors }))
    }

    /// Leaves a session, or its line: a seat is offered to whoever is next at once. For those who may register the client, and for clients
    /// themselves.
    #[graphql(guard = "ForOneself.or(Requires(Scope::RegistrationsWrite))")]
    async fn registration_cancel(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which.")] id: RegistrationId,
    ) -> Result<Option<RegistrationCancelPayload>> {
        let (cancelled, user_errors) = command(ctx, "registrationCancel", cancel(ctx.store(), &ctx.access(), id)).await?;
        Ok(Some(RegistrationCancelPayload { registration: cancelled.map(Registration), user_errors }))
    }

    /// Records who came to a session, from an hour before it begins: all of it or nothing, and what is recorded already stays as it is. For
    /// coordinators, peers and supervisors of its program.
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
