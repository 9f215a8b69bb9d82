//! Who sees a gathering, how one comes to be and changes, and when its sessions are.

mod change;
mod facilitators;
mod plan;
mod series;
mod series_change;
#[cfg(test)]
mod series_tests;
mod write;

use std::collections::BTreeSet;

use chrono::TimeDelta;
use entity::{
    GatheringId, ProgramId, gathering, gathering_label,
    program::Address,
    registration, session,
    vocabulary::{GatheringKind, GatheringVisibility, Modality},
};
use sea_orm::{ColumnTrait, Condition, QueryFilter, QuerySelect, QueryTrait};

pub use self::{
    change::GatheringChange,
    plan::{Ahead, plan_ahead},
    series::{NewSeries, belongs, in_calendars, in_force, later, rule_of, zone_in},
    series_change::SeriesChange,
    write::{NewGathering, NewGroup, complete, create, create_in, publish, publish_in, update},
};
pub(in crate::domain) use self::{
    facilitators::refuse_conflicts,
    series::between,
    write::{known_place, labels, searchable},
};
use super::schedule::Seen;
use crate::{
    access::{
        Access,
        policy::{Act, Resource, may},
    },
    error::{Refusal, Result},
    store::{Action, Class, Grants, Part, Protected, query},
};

impl Part for gathering_label::Entity {}

impl Protected for gathering::Entity {
    type Id = GatheringId;

    fn id_column() -> Self::Column {
        gathering::Column::Id
    }

    fn id(row: &gathering::Model) -> GatheringId {
        row.id
    }

    /// What is published for everyone is everyone's, what is published for partners is theirs and all staff's; drafts and what is for
    /// clients only are for the organization's staff; to its clients that is what is published for them, and whatever they were ever
    /// registered for.
    fn visible_to(access: &Access) -> Condition {
        let published = |visibility: GatheringVisibility| {
            Condition::all().add(gathering::Column::PublishedAt.is_not_null()).add(gathering::Column::Visibility.eq(visibility))
        };
        let seen = Seen::by(access);
        Condition::any()
            .add(published(GatheringVisibility::Public))
            .add_option(seen.of_partners.then(|| published(GatheringVisibility::Partners)))
            .add_option(seen.as_staff.map(|own| gathering::Column::OrganizationId.eq(own)))
            .add_option(for_oneself(access, published(GatheringVisibility::ClientsOnly)))
    }

    fn grants(access: &Access) -> Grants {
        match access.organization {
            Some(own) if may(access, Resource::ProgramOperations, Act::Read) => {
                Grants::none().open(Class::Operations, Condition::all().add(gathering::Column::OrganizationId.eq(own)))
            }
            _ => Grants::none(),
        }
    }

    fn allows(access: &Access, action: Action, row: &gathering::Model) -> bool {
        match action {
            Action::Read => true,
            Action::Update => runs(access, row.program_id) && may(access, Resource::Workshop, Act::Update),
            _ => false,
        }
    }
}

/// Whether the caller works in the program that runs something; nobody does of what no program runs.
pub(in crate::domain) fn runs(access: &Access, program: Option<ProgramId>) -> bool {
    program.is_some_and(|program| access.programs.contains(&program))
}

/// What a client sees besides what is everyone's.
fn for_oneself(access: &Access, for_clients: Condition) -> Option<Condition> {
    let own = access.organization.filter(|_| access.is_oneself())?;
    let seats = query::<registration::Entity>().select_only().column(registration::Column::SessionId);
    let seats = seats.filter(access.own(registration::Column::ClientId)?);
    let sessions = query::<session::Entity>().select_only().column(session::Column::GatheringId);
    let sessions = sessions.filter(session::Column::Id.in_subquery(seats.into_query()));
    let theirs = Condition::any().add(for_clients).add(gathering::Column::Id.in_subquery(sessions.into_query()));
    Some(Condition::all().add(gathering::Column::OrganizationId.eq(own)).add(theirs))
}

/// The kinds of accessibility that a gathering can name (domain 6.5).
pub const ACCESSIBILITY: &[&str] =
    &["WHEELCHAIR", "CAPTIONING", "ASL", "HEARING_LOOP", "TRANSPORT_HELP", "CHILDCARE", "QUIET_ROOM", "INTERPRETER"];

/// The most topics, languages, facilitators and so on of one gathering.
const MOST: usize = 20;

/// How far ahead sessions can be named.
pub(super) const FURTHEST: TimeDelta = TimeDelta::days(730);

fn at(refusal: Refusal, field: &'static str) -> Refusal {
    refusal.at(["input", field])
}

fn within(field: &'static str, number: i32, least: i32, most: i32) -> Result<i32, Refusal> {
    if (least..=most).contains(&number) {
        return Ok(number);
    }
    Err(at(Refusal::invalid(format!("`{field}` is from {least} to {most}.")), field))
}

/// Whether people meet in this way in a room.
pub const fn in_person(modality: Modality) -> bool {
    matches!(modality, Modality::InPerson | Modality::Hybrid)
}

/// Whether people take part in this way from where they are.
pub const fn online(modality: Modality) -> bool {
    !matches!(modality, Modality::InPerson)
}

/// Where people meet in person, as everyone may know.
pub fn address_for_all(gathering: &gathering::Model) -> Option<&Address> {
    gathering.address.as_ref().filter(|_| !gathering.address_after_registration)
}

/// What a gathering is found by, each with its kind: a language with and without its region.
pub fn labels_of(gathering: &gathering::Model) -> BTreeSet<(&'static str, &str)> {
    let languages = gathering.languages.iter().flat_map(|tag| [Some(tag.as_str()), tag.split('-').next()]).flatten();
    let topics = gathering.topics.iter().map(|code| (TOPIC, code.as_str()));
    let accessibility = gathering.accessibility.iter().map(|code| (ACCESSIBLE, code.as_str()));
    topics.chain(languages.map(|tag| (LANGUAGE, tag))).chain(accessibility).collect()
}

/// The kind of label of a topic.
pub(super) const TOPIC: &str = "TOPIC";
/// Of a language.
pub(super) const LANGUAGE: &str = "LANGUAGE";
/// Of what makes it accessible.
pub(super) const ACCESSIBLE: &str = "ACCESSIBILITY";

/// Those of one kind.
pub fn of_kind(kind: GatheringKind) -> Condition {
    Condition::all().add(gathering::Column::Kind.eq(kind))
}
