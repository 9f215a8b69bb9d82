//! Peers, as colleagues see them and as everyone does.

use async_graphql::{Context, InputObject, Object, Result, SimpleObject};
use entity::{
    PeerId, ProgramId, StaffMemberId, peer, program, staff_member,
    vocabulary::{LanguageProficiency, Modality},
};
use sea_orm::{ColumnTrait, Order};

use super::{
    connection::{connection, paged},
    context::RequestContext,
    error::{coded, command},
    guard::Requires,
    payload::payloads,
    program::Program,
    scalar::LanguageTag,
    staff_member::StaffMember,
};
use crate::{
    access::Scope,
    domain::peer::{NewPeer, create},
    store::{PageArgs, Visible},
};

/// A peer recovery support specialist of a program.
#[derive(Clone)]
pub(crate) struct Peer(pub(crate) Visible<peer::Entity>);

connection!(Peer, PeerConnection, PeerEdge, peer::Entity, "peers");

/// A language that a peer supports people in.
#[derive(SimpleObject)]
pub(crate) struct SpokenLanguage {
    /// Which.
    tag: LanguageTag,
    /// How well.
    proficiency: LanguageProficiency,
}

/// A peer recovery support specialist of a program.
#[Object]
impl Peer {
    /// Their id.
    async fn id(&self) -> PeerId {
        self.0.id
    }

    /// Who they are among the staff.
    async fn staff_member(&self, ctx: &Context<'_>) -> Result<Option<StaffMember>> {
        Ok(ctx.load::<staff_member::Entity>(self.0.staff_member_id).await?.map(StaffMember))
    }

    /// Where they work.
    async fn program(&self, ctx: &Context<'_>) -> Result<Program> {
        let found = ctx.load::<program::Entity>(self.0.program_id).await?;
        found.map(Program).ok_or_else(|| coded("UNAVAILABLE", "The peer's program has closed."))
    }

    /// As clients and other organizations know them.
    async fn display_name(&self) -> &str {
        &self.0.display_name
    }

    /// What they say of themselves.
    async fn bio(&self) -> Option<&str> {
        self.0.bio.as_deref()
    }

    /// What they speak.
    async fn languages(&self) -> Vec<SpokenLanguage> {
        let spoken = self.0.languages.iter();
        spoken.map(|spoken| SpokenLanguage { tag: LanguageTag(spoken.tag.clone()), proficiency: spoken.proficiency }).collect()
    }

    /// How they meet people.
    async fn modalities(&self) -> Vec<Modality> {
        self.0.modalities.to_vec()
    }

    /// Whether they take on people now.
    async fn accepting_clients(&self) -> bool {
        self.0.accepting_clients
    }

    /// Counts changes.
    async fn version(&self) -> i32 {
        self.0.version
    }
}

/// How a peer appears to the public and to other organizations.
pub(crate) struct Facilitator(pub(crate) Visible<peer::Entity>);

/// How a peer appears to the public and to other organizations.
#[Object]
impl Facilitator {
    /// As they are known.
    async fn display_name(&self) -> &str {
        &self.0.display_name
    }

    /// What they say of themselves.
    async fn bio(&self) -> Option<&str> {
        self.0.bio.as_deref()
    }

    /// What they speak.
    async fn languages(&self) -> Vec<LanguageTag> {
        self.0.languages.iter().map(|spoken| LanguageTag(spoken.tag.clone())).collect()
    }

    /// The peer, to colleagues.
    async fn peer(&self, ctx: &Context<'_>) -> Result<Option<Peer>> {
        Ok(ctx.load::<peer::Entity>(self.0.id).await?.map(Peer))
    }
}

/// Which peers.
#[derive(InputObject, Default)]
pub(crate) struct PeerFilter {
    /// Of these programs.
    program_ids: Option<Vec<ProgramId>>,
    /// Whether they take on people now.
    accepting_clients: Option<bool>,
}

/// Queries.
#[derive(Default)]
pub(crate) struct PeerQuery;

#[Object]
impl PeerQuery {
    /// The peers of the viewer's organization, in the order in which they began.
    #[graphql(guard = "Requires(Scope::ServicesRead).or(Requires(Scope::ReferralsWrite))")]
    async fn peers(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which peers; all when there is none.")] filter: Option<PeerFilter>,
        #[graphql(desc = "How many, from the beginning or from `after`: 20 unless it says so, 100 at most.")] first: Option<i32>,
        #[graphql(desc = "After this cursor.")] after: Option<String>,
        #[graphql(desc = "How many, from the end or before `before`.")] last: Option<i32>,
        #[graphql(desc = "Before this cursor.")] before: Option<String>,
    ) -> Result<PeerConnection> {
        let (filter, access) = (filter.unwrap_or_default(), ctx.access());
        let mut find = ctx.store().find::<peer::Entity>(&access);
        if let Some(ids) = &filter.program_ids {
            find = find.by(peer::Column::ProgramId, |column| column.is_in(ids.iter().copied()));
        }
        if let Some(accepting) = filter.accepting_clients {
            find = find.by(peer::Column::AcceptingClients, |column| column.eq(accepting));
        }
        let find = find.ordered(peer::Column::CreatedAt, Order::Asc);
        Ok(paged(ctx, find, PageArgs { first, after, last, before }).await?.into())
    }
}

/// A language that a peer supports people in.
#[derive(InputObject)]
pub(crate) struct SpokenLanguageInput {
    /// Which.
    tag: LanguageTag,
    /// How well.
    proficiency: LanguageProficiency,
}

/// A new peer of one of the viewer's programs.
#[derive(InputObject)]
pub(crate) struct PeerCreateInput {
    /// Who they are: a person of staff with the role PEER.
    staff_member_id: StaffMemberId,
    /// Where they work.
    program_id: ProgramId,
    /// As clients and other organizations are to know them.
    display_name: String,
    /// What they say of themselves; at most 2,000 characters.
    bio: Option<String>,
    /// What they speak.
    languages: Option<Vec<SpokenLanguageInput>>,
    /// How they meet people.
    modalities: Option<Vec<Modality>>,
    /// Whether they take on people now; they do unless it says otherwise.
    accepting_clients: Option<bool>,
}

payloads! {
    PeerCreatePayload = "peerCreate", peer: Peer, "The peer";
}

/// Mutations.
#[derive(Default)]
pub(crate) struct PeerMutation;

#[Object]
impl PeerMutation {
    /// Makes a person of staff a peer of a program. For administrators, coordinators and supervisors.
    #[graphql(guard = "Requires(Scope::ServicesWrite).or(Requires(Scope::Admin))")]
    async fn peer_create(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The peer.")] input: PeerCreateInput,
    ) -> Result<Option<PeerCreatePayload>> {
        let spoken = |spoken: SpokenLanguageInput| peer::SpokenLanguage { tag: spoken.tag.0, proficiency: spoken.proficiency };
        let new = NewPeer {
            staff_member_id: input.staff_member_id,
            program_id: input.program_id,
            display_name: input.display_name,
            bio: input.bio,
            languages: input.languages.unwrap_or_default().into_iter().map(spoken).collect(),
            modalities: input.modalities.unwrap_or_default(),
            accepting_clients: input.accepting_clients.unwrap_or(true),
        };
        let (made, user_errors) = command(ctx, "peerCreate", create(ctx.store(), &ctx.access(), new)).await?;
        Ok(Some(PeerCreatePayload { peer: made.map(Peer), user_errors }))
    }
}
