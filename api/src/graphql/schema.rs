//! The whole of it: queries, mutations and subscriptions of every concept.

use std::sync::Arc;

use async_graphql::{
    Context, ID, InputValueError, InputValueResult, Interface, MergedObject, MergedSubscription, Object, Result, Scalar, ScalarType,
    SchemaBuilder, Value,
};
use entity::{
    AnyId, api_client, audit_event, bulk_operation, client, consent, contact, disclosure, episode, event, gathering, organization, peer,
    peer_match, program, referral, referral_message, referral_offer, registration, staff_member, vocabulary::GatheringKind, work_item,
};

use super::{
    access_explanation::AccessExplanationQuery,
    analytics::AnalyticsQuery,
    api_client::{ApiClient, ApiClientMutation},
    attendance_proof::AttendanceProofMutation,
    audit_event::{AuditEvent, AuditEventQuery},
    bulk_operation::{BulkOperation, BulkOperationMutation, BulkOperationQuery, BulkOperationSubscription},
    client::{Client, ClientQuery},
    client_access::ClientAccessMutation,
    client_mutation::ClientMutation,
    consent::{Consent, ConsentMutation},
    contact::{Contact, ContactMutation, ContactQuery},
    context::RequestContext,
    disclosure::Disclosure,
    emergency_access::EmergencyAccessMutation,
    episode::{Episode, EpisodeMutation},
    error::coded,
    event::{Event, EventQuery, EventSubscription},
    listed_meeting::ListedMeeting,
    milestone::MilestoneMutation,
    nullable::NullableRoots,
    organization::{Organization, OrganizationQuery},
    peer::{Peer, PeerMutation, PeerQuery},
    peer_match::PeerMatch,
    private_calendar::PrivateCalendarMutation,
    program::{Program, ProgramQuery},
    program_mutation::ProgramMutation,
    referral::Referral,
    referral_message::ReferralMessage,
    referral_mutation::ReferralMutation,
    referral_offer::{ReferralOffer, ReferralOfferMutation, ReferralOfferQuery, ReferralOfferSubscription},
    referral_query::{ReferralQuery, ReferralSubscription},
    referral_steps::ReferralStepMutation,
    registration::{Registration, RegistrationMutation, RegistrationQuery},
    registration_changed::RegistrationSubscription,
    session::{Session, SessionMutation, SessionQuery, SessionSubscription, session},
    staff_member::{StaffMember, StaffMemberMutation},
    support_group::{SupportGroup, SupportGroupQuery},
    support_group_mutation::SupportGroupMutation,
    viewer::ViewerQuery,
    work_item::{WorkItem, WorkItemMutation, WorkItemQuery, WorkItemSubscription},
    workshop::{Workshop, WorkshopQuery},
    workshop_mutation::WorkshopMutation,
};
use crate::{
    access::Actor,
    store::{Protected, Visible},
};

/// The schema.
pub type Schema = async_graphql::Schema<Query, Mutation, Subscription>;

/// What can be asked. The public schedule and directory need no token; all else is within organization, role, scopes and consents.
#[derive(MergedObject, Default)]
pub struct Query(
    AnalyticsQuery,
    ViewerQuery,
    NodeQuery,
    OrganizationQuery,
    ProgramQuery,
    ClientQuery,
    ReferralQuery,
    ReferralOfferQuery,
    WorkItemQuery,
    PeerQuery,
    ContactQuery,
    AccessExplanationQuery,
    ScheduleQuery,
    EventQuery,
    AuditEventQuery,
    BulkOperationQuery,
);

/// What can be asked of the schedule, likewise in one object of its own.
#[derive(MergedObject, Default)]
pub(crate) struct ScheduleQuery(WorkshopQuery, SupportGroupQuery, SessionQuery, RegistrationQuery);

/// What can be done. Each field is a transaction of its own and takes an Idempotency-Key.
#[derive(MergedObject, Default)]
pub struct Mutation(
    ProgramMutation,
    StaffMemberMutation,
    ApiClientMutation,
    ClientMutation,
    MilestoneMutation,
    ClientAccessMutation,
    ConsentMutation,
    ReferralMutation,
    ReferralStepMutation,
    ReferralOfferMutation,
    WorkItemMutation,
    EmergencyAccessMutation,
    EpisodeMutation,
    PeerMutation,
    ContactMutation,
    ScheduleMutation,
    BulkOperationMutation,
);

/// What can be done with the schedule: in one object of its own, for each of a row of objects lies within the one before it.
#[derive(MergedObject, Default)]
pub(crate) struct ScheduleMutation(
    WorkshopMutation,
    SupportGroupMutation,
    SessionMutation,
    RegistrationMutation,
    AttendanceProofMutation,
    PrivateCalendarMutation,
);

/// What can be followed. `after` is an event cursor: first what was missed since it, then what happens.
#[derive(MergedSubscription, Default)]
pub struct Subscription(
    EventSubscription,
    ReferralSubscription,
    ReferralOfferSubscription,
    WorkItemSubscription,
    SessionSubscription,
    RegistrationSubscription,
    BulkOperationSubscription,
);

/// The schema, before what it runs on is put in.
pub fn build() -> SchemaBuilder<Query, Mutation, Subscription> {
    Schema::build(Query::default(), Mutation::default(), Subscription::default()).extension(NullableRoots)
}

/// Anything with an id.
#[derive(Interface)]
#[graphql(field(name = "id", ty = "ID", method = "node_id", desc = "Its id, with its kind before the `_`."))]
pub(crate) enum Node {
    Organization(Organization),
    Program(Program),
    StaffMember(StaffMember),
    ApiClient(ApiClient),
    Client(Client),
    Consent(Consent),
    Disclosure(Disclosure),
    Referral(Referral),
    ReferralMessage(ReferralMessage),
    ReferralOffer(ReferralOffer),
    WorkItem(WorkItem),
    Episode(Episode),
    Peer(Peer),
    PeerMatch(PeerMatch),
    Contact(Contact),
    Workshop(Workshop),
    SupportGroup(SupportGroup),
    ListedMeeting(ListedMeeting),
    Session(Session),
    Registration(Registration),
    Event(Event),
    AuditEvent(AuditEvent),
    BulkOperation(BulkOperation),
}

macro_rules! node_ids {
    ($($Node:ident)*) => {$(
        impl $Node {
            pub(crate) async fn node_id(&self, _: &Context<'_>) -> Result<ID> {
                Ok(ID(self.0.id().to_string()))
            }
        }
    )*};
}

node_ids!(Organization Program StaffMember ApiClient Client Consent Disclosure Referral ReferralMessage ReferralOffer WorkItem Episode Peer PeerMatch Contact Session Registration Event AuditEvent BulkOperation);

/// An id of any kind.
#[derive(Clone, Copy, Debug)]
pub(crate) struct AnyNodeId(pub(crate) AnyId);

#[Scalar(name = "ID")]
impl ScalarType for AnyNodeId {
    fn parse(value: Value) -> InputValueResult<Self> {
        match value {
            Value::String(text) => text.parse().map(Self).map_err(InputValueError::custom),
            other => Err(InputValueError::expected_type(other)),
        }
    }

    fn to_value(&self) -> Value {
        Value::String(self.0.to_string())
    }
}

/// Queries.
#[derive(Default)]
pub(crate) struct NodeQuery;

/// How many ids `nodes` takes at once.
const MOST_NODES: usize = 100;

#[Object]
impl NodeQuery {
    /// Whatever has this id, if it exists for the viewer.
    async fn node(&self, ctx: &Context<'_>, #[graphql(desc = "Which.")] id: AnyNodeId) -> Result<Option<Node>> {
        find(ctx, id.0).await
    }

    /// Whatever has these ids, in their order; null where nothing exists for the viewer. At most 100.
    async fn nodes(&self, ctx: &Context<'_>, #[graphql(desc = "Which, at most 100.")] ids: Vec<AnyNodeId>) -> Result<Vec<Option<Node>>> {
        if ids.len() > MOST_NODES {
            return Err(coded("BAD_USER_INPUT", format!("`ids` has at most {MOST_NODES} ids.")));
        }
        futures_util::future::try_join_all(ids.into_iter().map(|id| find(ctx, id.0))).await
    }
}

pub(crate) async fn find(ctx: &Context<'_>, id: AnyId) -> Result<Option<Node>> {
    // Reading a kind by id asks for what reading it by its own field asks for: the store decides the rest.
    if ctx.access().actor == Actor::Anonymous && !matches!(id.prefix, "org" | "prg" | "wks" | "grp" | "lst" | "ses") {
        return Ok(None);
    }
    Ok(match id.prefix {
        "org" => one::<organization::Entity>(ctx, id).await?.map(|row| Node::Organization(Organization(row))),
        "prg" => one::<program::Entity>(ctx, id).await?.map(|row| Node::Program(Program(row))),
        "stf" => one::<staff_member::Entity>(ctx, id).await?.map(|row| Node::StaffMember(StaffMember(row))),
        "api" => one::<api_client::Entity>(ctx, id).await?.map(|row| Node::ApiClient(ApiClient(row))),
        "cli" => one::<client::Entity>(ctx, id).await?.map(|row| Node::Client(Client(row))),
        "con" => one::<consent::Entity>(ctx, id).await?.map(|row| Node::Consent(Consent(row))),
        "dis" => one::<disclosure::Entity>(ctx, id).await?.map(|row| Node::Disclosure(Disclosure(row))),
        "ref" => one::<referral::Entity>(ctx, id).await?.map(|row| Node::Referral(Referral(row))),
        "msg" => one::<referral_message::Entity>(ctx, id).await?.map(|row| Node::ReferralMessage(ReferralMessage(row))),
        "off" => one::<referral_offer::Entity>(ctx, id).await?.map(|row| Node::ReferralOffer(ReferralOffer(row))),
        "wrk" => one::<work_item::Entity>(ctx, id).await?.map(|row| Node::WorkItem(WorkItem(row))),
        "epi" => one::<episode::Entity>(ctx, id).await?.map(|row| Node::Episode(Episode(row))),
        "per" => one::<peer::Entity>(ctx, id).await?.map(|row| Node::Peer(Peer(row))),
        "pmt" => one::<peer_match::Entity>(ctx, id).await?.map(|row| Node::PeerMatch(PeerMatch(row))),
        "ctc" => one::<contact::Entity>(ctx, id).await?.map(|row| Node::Contact(Contact(row))),
        "wks" => gathering(ctx, id, GatheringKind::Workshop).await?.map(|row| Node::Workshop(Workshop(row))),
        "grp" => gathering(ctx, id, GatheringKind::SupportGroup).await?.map(|row| Node::SupportGroup(SupportGroup(row))),
        "lst" => gathering(ctx, id, GatheringKind::ListedMeeting).await?.map(|row| Node::ListedMeeting(ListedMeeting(row))),
        "ses" => session(ctx, id.id.into()).await?.map(Node::Session),
        "reg" => one::<registration::Entity>(ctx, id).await?.map(|row| Node::Registration(Registration(row))),
        "evt" => one::<event::Entity>(ctx, id).await?.map(|row| Node::Event(Event(row))),
        "aud" => one::<audit_event::Entity>(ctx, id).await?.map(|row| Node::AuditEvent(AuditEvent(row))),
        "blk" => one::<bulk_operation::Entity>(ctx, id).await?.map(|row| Node::BulkOperation(BulkOperation(row))),
        _ => None,
    })
}

/// A gathering by the id of its kind.
async fn gathering(ctx: &Context<'_>, id: AnyId, kind: GatheringKind) -> Result<Option<Arc<Visible<gathering::Entity>>>> {
    Ok(ctx.gathering(id.id.into()).await?.filter(|row| row.kind == kind))
}

async fn one<E: Protected>(ctx: &Context<'_>, id: AnyId) -> Result<Option<Visible<E>>> {
    match id.of::<E::Id>() {
        Some(id) => ctx.load::<E>(id).await,
        None => Ok(None),
    }
}
