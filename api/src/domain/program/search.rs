//! Which programs are listed, and in which order.

use entity::{
    OrganizationId,
    program::{self, Address},
    vocabulary::{AsamEdition, ProgramCapacity, ServiceKind},
};
use sea_orm::{ActiveValue::Set, ColumnTrait, Condition, ExprTrait, Order, sea_query::Expr};

use super::known_level;
use crate::{
    access::Access,
    domain::{
        place::{Near, Place, no_distance},
        search_words, text,
    },
    error::{Code, Refusal, Result},
    store::{Find, Store},
};

/// The most that a list in a filter holds.
const MOST: usize = 50;

/// Which programs. What is not said does not matter.
#[derive(Clone, Debug, Default)]
pub struct Wanted {
    /// Those that take referrals, or do not.
    pub accepts_referrals: Option<bool>,
    /// Those with one of these capacities.
    pub capacities: Option<Vec<ProgramCapacity>>,
    /// Those that serve by telephone or online, or do not.
    pub serves_remotely: Option<bool>,
    /// Those of these organizations.
    pub organizations: Option<Vec<OrganizationId>>,
    /// Those that give one of these kinds of support.
    pub services: Option<Vec<ServiceKind>>,
    /// Those that serve in one of these languages: `es` is `es-MX` as well.
    pub languages: Option<Vec<String>>,
    /// Those that give one of these levels of care.
    pub levels: Option<Vec<(AsamEdition, String)>>,
    /// Those in this circle.
    pub near: Option<Near>,
    /// Those whose name or description has words that begin like these.
    pub search: Option<String>,
}

/// By what programs are ordered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum By {
    /// Their name.
    Name,
    /// How far they are from the middle of the circle.
    Distance,
    /// How ready they are to take on somebody.
    Capacity,
}

/// The programs that are wanted, each measured by its distance when they are wanted in a circle.
///
/// # Errors
/// Refused when something of it makes no sense.
pub fn find<'a>(store: &'a Store, access: &'a Access, wanted: &Wanted, by: By, order: Order) -> Result<Find<'a, program::Entity>> {
    let mut find = store.find::<program::Entity>(access);
    if let Some(accepts) = wanted.accepts_referrals {
        find = find.by(program::Column::AcceptsReferrals, |column| column.eq(accepts));
    }
    if let Some(capacities) = &wanted.capacities {
        find = find.by(program::Column::Capacity, |column| column.is_in(capacities.iter().copied()));
    }
    if let Some(remotely) = wanted.serves_remotely {
        find = find.by(program::Column::ServesRemotely, |column| column.eq(remotely));
    }
    if let Some(ids) = &wanted.organizations {
        at_most("organizationIds", ids)?;
        find = find.by(program::Column::OrganizationId, |column| column.is_in(ids.iter().copied()));
    }
    if let Some(services) = &wanted.services {
        at_most("services", services)?;
        let names: Vec<_> = services.iter().map(|service| service.as_str()).collect();
        find = find.holding(program::Column::Services, |entry| Condition::all().add(entry.is_in(names)));
    }
    if let Some(languages) = &wanted.languages {
        at_most("languages", languages)?;
        find = find.holding(program::Column::Languages, |entry| one_of_languages(&entry, languages));
    }
    if let Some(levels) = &wanted.levels {
        find = find.matching(None, one_of_levels(levels)?);
    }
    if let Some(search) = &wanted.search {
        find = find.matching(None, words_like(search)?);
    }
    if let Some(near) = &wanted.near {
        let circle = near.circle()?;
        let square = circle.square_to(place());
        find = find.matching(None, Condition::all().add(circle.holds(square.clone()))).measured(square);
    }
    match (by, &wanted.near) {
        (By::Name, _) => Ok(find.ordered(program::Column::Name, order)),
        (By::Capacity, _) => Ok(find.ordered(program::Column::CapacityRank, order)),
        (By::Distance, Some(_)) => Ok(find.ordered_by_measure(None, order)),
        (By::Distance, None) => Err(no_distance().into()),
    }
}

fn at_most<T>(field: &'static str, list: &[T]) -> Result<(), Refusal> {
    if list.len() <= MOST {
        return Ok(());
    }
    Err(Refusal::new(Code::TooMany, format!("`{field}` has at most {MOST} entries.")).at(["filter", field]))
}

/// Basic filtering of RFC 4647 §3.3.1. Tags hold nothing that `LIKE` would take for a pattern.
fn one_of_languages(entry: &Expr, languages: &[String]) -> Condition {
    let none = Condition::any().add(Expr::val(1).eq(0));
    languages.iter().fold(none, |any, tag| any.add(entry.clone().eq(tag.as_str())).add(entry.clone().like(format!("{tag}-%"))))
}

fn one_of_levels(levels: &[(AsamEdition, String)]) -> Result<Condition> {
    at_most("levelsOfCare", levels)?;
    let mut any = Condition::any().add(Expr::val(1).eq(0));
    for (edition, code) in levels {
        known_level(*edition, code).map_err(|refusal| refusal.at(["filter", "levelsOfCare"]))?;
        let same = Condition::all().add(program::Column::LevelEdition.eq(*edition)).add(program::Column::LevelCode.eq(code.as_str()));
        any = any.add(same);
    }
    Ok(any)
}

fn words_like(search: &str) -> Result<Condition> {
    let search = text::line("search", search, 200).map_err(|refusal| refusal.at(["filter", "search"]))?;
    let all = search_words::beginning_like(program::Column::SearchWords, &search);
    all.ok_or_else(|| Refusal::invalid("`search` has at least one letter or digit.").at(["filter", "search"]).into())
}

/// Where each program is.
fn place() -> [Expr; 3] {
    [program::Column::EarthX, program::Column::EarthY, program::Column::EarthZ].map(|axis| Expr::col((program::Entity, axis)))
}

/// Sets what a program is searched by. Whoever writes a name, a description or an address goes through here.
pub(super) fn searchable(
    row: program::ActiveModel,
    name: &str,
    description: Option<&str>,
    address: Option<&Address>,
) -> program::ActiveModel {
    let degrees = address.and_then(|address| address.latitude.zip(address.longitude));
    let place = degrees.map(|(latitude, longitude)| Place::at(latitude, longitude));
    program::ActiveModel {
        search_words: Set(Some(search_words::kept(name, description))),
        earth_x: Set(place.map(|place| place.x)),
        earth_y: Set(place.map(|place| place.y)),
        earth_z: Set(place.map(|place| place.z)),
        ..row
    }
}

/// Fills in what programs are searched by where it is missing, as after a migration.
///
/// # Errors
/// `Database` when it cannot be written.
pub async fn complete(store: &Store) -> Result<()> {
    let missing = || Condition::all().add(program::Column::SearchWords.is_null());
    let of =
        |row: &program::Model| searchable(program::ActiveModel::default(), &row.name, row.description.as_deref(), row.address.as_ref());
    store.derive::<program::Entity, _>(missing, of).await
}
