//! Who sees a peer, and how one comes to be.

use entity::{
    List, PeerId, ProgramId, StaffMemberId, TypedId, contact,
    peer::{self, SpokenLanguage},
    peer_match, program, staff_member,
    vocabulary::{EventKind, Modality, Role},
};
use sea_orm::{ActiveValue::Set, ColumnTrait, Condition, QueryFilter, QuerySelect, QueryTrait};

use super::{program as programs, text};
use crate::{
    access::{
        Access, Actor,
        policy::{Act, Resource, may},
    },
    error::{Code, Error, Refusal, Result},
    store::{Action, Event, Grants, Protected, Store, Tx, Visible, never, query, unique},
};

impl Protected for peer::Entity {
    type Id = PeerId;

    fn id_column() -> Self::Column {
        peer::Column::Id
    }

    fn id(row: &peer::Model) -> PeerId {
        row.id
    }

    /// Colleagues see each other, and a client whoever supports them or did. How a peer appears to others is written where it appears: a
    /// name, and no row.
    fn visible_to(access: &Access) -> Condition {
        match access.organization {
            Some(own) if may(access, Resource::Peer, Act::Read) => Condition::all().add(peer::Column::OrganizationId.eq(own)),
            Some(own) if access.is_oneself() => Condition::all().add(peer::Column::OrganizationId.eq(own)).add(supporting(access)),
            _ => never(),
        }
    }

    fn grants(_: &Access) -> Grants {
        Grants::none()
    }

    fn allows(access: &Access, action: Action, row: &peer::Model) -> bool {
        match action {
            Action::Read => true,
            Action::Update => may(access, Resource::Peer, Act::Update) && works_in(access, row.program_id),
            Action::Support => matches!(access.actor, Actor::Staff(id) if id == row.staff_member_id) && access.has(Role::Peer),
            _ => false,
        }
    }
}

/// The peers whom a client was paired with, and those who logged a contact with them.
fn supporting(access: &Access) -> Condition {
    let (paired, logged) = (access.own(peer_match::Column::ClientId), access.own(contact::Column::ClientId));
    let paired = query::<peer_match::Entity>().select_only().column(peer_match::Column::PeerId).filter(paired.unwrap_or_else(never));
    let logged = query::<contact::Entity>().select_only().column(contact::Column::PeerId).filter(logged.unwrap_or_else(never));
    let id = peer::Column::Id;
    Condition::any().add(id.in_subquery(paired.into_query())).add(id.in_subquery(logged.into_query()))
}

/// Administrators keep the whole organization's directory, the others their own programs'.
fn works_in(access: &Access, program: ProgramId) -> bool {
    access.has(Role::Administrator) || access.programs.contains(&program)
}

/// What a peer is made of.
#[derive(Clone, Debug)]
pub struct NewPeer {
    /// Who they are.
    pub staff_member_id: StaffMemberId,
    /// Where they work.
    pub program_id: ProgramId,
    /// As clients and other organizations know them.
    pub display_name: String,
    /// What they say of themselves.
    pub bio: Option<String>,
    /// What they speak.
    pub languages: Vec<SpokenLanguage>,
    /// How they meet people.
    pub modalities: Vec<Modality>,
    /// Whether they take on people now.
    pub accepting_clients: bool,
}

/// The most languages of one peer.
const MOST: usize = 20;

/// Makes a person of staff a peer of one of the caller's programs.
///
/// # Errors
/// `NotPermitted` for other roles than administrators, coordinators and supervisors, and for programs that the caller does not work in;
/// refused when a field is wrong, the person has no role PEER, or is a peer of the program already.
pub async fn create(store: &Store, access: &Access, new: NewPeer) -> Result<Visible<peer::Entity>> {
    let mut tx = store.begin(access).await?;
    let made = create_in(&mut tx, new).await?;
    tx.commit(made).await
}

/// Makes a peer within a larger command.
///
/// # Errors
/// As [`create`].
pub async fn create_in(tx: &mut Tx, new: NewPeer) -> Result<Visible<peer::Entity>> {
    tx.require(may(tx.access(), Resource::Peer, Act::Create))?;
    let program = tx.fetch_for::<program::Entity>(new.program_id, Action::Read).await?;
    let staff = tx.fetch_for::<staff_member::Entity>(new.staff_member_id, Action::Read).await?;
    if staff.organization_id != program.organization_id {
        return Err(Error::NotFound);
    }
    tx.require(works_in(tx.access(), program.id))?;
    if !staff.roles.contains(&Role::Peer) {
        let sentence = "This person of staff has no role PEER: give it to them first.";
        return Err(Refusal::new(Code::NotEligible, sentence).at(["input", "staffMemberId"]).into());
    }
    if new.languages.len() > MOST {
        return Err(Refusal::new(Code::TooMany, format!("`languages` has at most {MOST} entries.")).at(["input", "languages"]).into());
    }
    let languages = new
        .languages
        .into_iter()
        .map(|spoken| Ok::<_, Refusal>(SpokenLanguage { tag: text::language("languages", &spoken.tag)?, proficiency: spoken.proficiency }));
    let now = tx.access().now;
    let row = peer::ActiveModel {
        id: Set(PeerId::new()),
        organization_id: Set(program.organization_id),
        program_id: Set(program.id),
        staff_member_id: Set(staff.id),
        display_name: Set(text::line("displayName", &new.display_name, 100)?),
        bio: Set(new.bio.map(|bio| text::paragraph("bio", &bio, 2_000)).transpose()?),
        languages: Set(languages.collect::<Result<List<_>, _>>()?),
        modalities: Set(new.modalities.into()),
        accepting_clients: Set(new.accepting_clients),
        present_until: Set(None),
        created_at: Set(now),
        updated_at: Set(now),
        version: Set(1),
    };
    let taken = || Refusal::new(Code::AlreadyExists, "This person is a peer of this program already.").at(["input", "staffMemberId"]);
    let made = tx.insert::<peer::Entity, _>(row).await.map_err(|error| unique(error, taken))?;
    programs::capacity_soon(tx, made.program_id).await?;
    tx.record(Event::new(EventKind::PeerChanged, made.organization_id, made.id, made.version));
    Ok(made)
}
