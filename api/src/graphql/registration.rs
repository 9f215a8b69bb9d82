//! Registrations: that a client comes to a session.

use async_graphql::{Context, InputObject, Object, OneofObject, Result};
use chrono::{DateTime, Utc};
use entity::{
    ClientId, RegistrationId, SessionId, class, client, registration, session,
    vocabulary::{AttendanceMode, RegistrationStatus},
};

use super::{
    client::Client,
    connection::connection,
    context::RequestContext,
    error::{coded, command, internal},
    guard::Requires,
    payload::payloads,
    program::Address,
    scalar::WebAddress,
    session::Session,
    workshop::Workshop,
};
use crate::{
    access::Scope,
    domain::registration::{NewRegistration, cancel, create},
    error::Error,
    store::{Opened, Visible},
};

/// A client's seat at a session: class C of their data, there only for those to whom it is open.
#[derive(Clone)]
pub(crate) struct Registration(pub(crate) Visible<registration::Entity>);

type Seat<'a> = Opened<'a, registration::Entity, class::ContactsAndNotes>;

impl Registration {
    /// What is class C of it, which is open to whoever sees it at all.
    fn seat(&self) -> Result<Seat<'_>> {
        self.0.open().ok_or_else(|| internal(&Error::internal("a registration is seen that is not open")))
    }

    /// Whether the seat is held.
    fn is_live(&self) -> Result<bool> {
        let seat = self.seat()?;
        Ok(*seat.status.read(&seat) != RegistrationStatus::Cancelled)
    }

    async fn workshop(&self, ctx: &Context<'_>) -> Result<Workshop> {
        self.held_session(ctx).await?.workshop(ctx).await
    }

    async fn held_session(&self, ctx: &Context<'_>) -> Result<Session> {
        let found = ctx.load::<session::Entity>(self.0.session_id).await?;
        found.map(Session).ok_or_else(|| coded("UNAVAILABLE", "The registration's session has gone."))
    }
}

/// A client's seat at a session: class C of their data, there only for those to whom it is open.
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
            *seat.client_id.read(&seat)
        };
        Ok(ctx.load::<client::Entity>(id).await?.map(Client))
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

    /// UTC.
    async fn registered_at(&self) -> DateTime<Utc> {
        self.0.registered_at
    }

    /// Where to take part online; null for a seat in the room, and once it is cancelled.
    async fn join_url(&self, ctx: &Context<'_>) -> Result<Option<WebAddress>> {
        if !self.is_live()? || self.attendance(ctx).await? != AttendanceMode::Online {
            return Ok(None);
        }
        Ok(self.workshop(ctx).await?.0.join_url.clone().map(WebAddress))
    }

    /// Where the room is; null for a seat online, and once it is cancelled.
    async fn address(&self, ctx: &Context<'_>) -> Result<Option<Address>> {
        if !self.is_live()? || self.attendance(ctx).await? != AttendanceMode::InPerson {
            return Ok(None);
        }
        Ok(self.workshop(ctx).await?.0.address.clone().map(Into::into))
    }

    /// Counts changes.
    async fn version(&self) -> i32 {
        self.0.version
    }
}

connection!(Registration, RegistrationConnection, RegistrationEdge, registration::Entity, "registrations");

/// Who comes; more kinds may come.
#[derive(OneofObject)]
pub(crate) enum RegistrantInput {
    /// A client of the caller's organization.
    ClientId(ClientId),
}

/// A new registration of a client for a session.
#[derive(InputObject)]
pub(crate) struct RegistrationCreateInput {
    /// For which session.
    session_id: SessionId,
    /// Who comes.
    registrant: RegistrantInput,
    /// How they take part; needed where a session is in a room and online.
    attendance: Option<AttendanceMode>,
}

payloads! {
    RegistrationCreatePayload = "registrationCreate", registration: Registration, "The registration";
    RegistrationCancelPayload = "registrationCancel", registration: Registration, "The registration";
}

/// Mutations.
#[derive(Default)]
pub(crate) struct RegistrationMutation;

#[Object]
impl RegistrationMutation {
    /// Registers a client for a session of their own organization. For coordinators and supervisors of a program that the client is with,
    /// and for their peer. SESSION_FULL when no seat is left at the moment of writing, ALREADY_EXISTS when the client is registered.
    #[graphql(guard = "Requires(Scope::RegistrationsWrite)")]
    async fn registration_create(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The registration.")] input: RegistrationCreateInput,
    ) -> Result<Option<RegistrationCreatePayload>> {
        let RegistrantInput::ClientId(client_id) = input.registrant;
        let new = NewRegistration { session_id: input.session_id, client_id, attendance: input.attendance };
        let (made, user_errors) = command(ctx, "registrationCreate", create(ctx.store(), &ctx.access(), new)).await?;
        Ok(Some(RegistrationCreatePayload { registration: made.map(Registration), user_errors }))
    }

    /// Cancels a registration, which frees its seat at once. For coordinators and supervisors of a program that the client is with, and for
    /// their peer.
    #[graphql(guard = "Requires(Scope::RegistrationsWrite)")]
    async fn registration_cancel(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which.")] id: RegistrationId,
    ) -> Result<Option<RegistrationCancelPayload>> {
        let (cancelled, user_errors) = command(ctx, "registrationCancel", cancel(ctx.store(), &ctx.access(), id)).await?;
        Ok(Some(RegistrationCancelPayload { registration: cancelled.map(Registration), user_errors }))
    }
}
