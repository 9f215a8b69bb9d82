//! How a program comes to be, and how it changes.

use chrono::NaiveDate;
use entity::{
    ProgramId, TypedId, organization,
    program::{self, Address, StaffedHours},
    vocabulary::{AsamEdition, EventKind, ProgramCapacity, ServiceKind},
};
use sea_orm::{ActiveValue::Set, ColumnTrait};

use super::{
    capacity,
    hours::{checked_holidays, checked_hours},
    known_level,
    search::searchable,
};
use crate::{
    access::{
        Access,
        policy::{Act, Resource, may},
    },
    domain::{
        address,
        change::{changed_fields, set, set_or_none},
        text,
    },
    error::{Code, Error, Refusal, Result},
    store::{Action, Event, Store, Tx, Visible, unique},
};

/// What a program is made of.
#[derive(Clone, Debug, Default)]
pub struct NewProgram {
    /// As people know it.
    pub name: String,
    /// A few sentences.
    pub description: Option<String>,
    /// The ASAM level it gives.
    pub level: Option<(AsamEdition, String)>,
    /// BCP 47 tags.
    pub languages: Vec<String>,
    /// Where it is.
    pub address: Option<Address>,
    /// E.164, or as people write it.
    pub phone: Option<String>,
    /// IANA name; the organization's when none is given.
    pub time_zone: Option<String>,
    /// The kinds of support.
    pub services: Vec<ServiceKind>,
    /// By telephone or online.
    pub serves_remotely: bool,
    /// As it names them.
    pub service_areas: Vec<String>,
    /// Whether it takes referrals at all.
    pub accepts_referrals: bool,
    /// When it is staffed; the usual hours when it does not say.
    pub staffed_hours: Option<Vec<StaffedHours>>,
    /// Days on which nobody is there.
    pub holidays: Option<Vec<NaiveDate>>,
}

/// What of a program changes. What is not given stays as it is; of what may be missing, `Some(None)` takes it away.
#[derive(Clone, Debug, Default)]
pub struct ProgramChange {
    /// As people know it.
    pub name: Option<String>,
    /// A few sentences.
    pub description: Option<Option<String>>,
    /// The ASAM level it gives.
    pub level: Option<Option<(AsamEdition, String)>>,
    /// BCP 47 tags.
    pub languages: Option<Vec<String>>,
    /// Where it is.
    pub address: Option<Option<Address>>,
    /// E.164, or as people write it.
    pub phone: Option<Option<String>>,
    /// IANA name.
    pub time_zone: Option<String>,
    /// The kinds of support.
    pub services: Option<Vec<ServiceKind>>,
    /// By telephone or online.
    pub serves_remotely: Option<bool>,
    /// As it names them.
    pub service_areas: Option<Vec<String>>,
    /// Whether it takes referrals at all.
    pub accepts_referrals: Option<bool>,
    /// When it is staffed; none for the usual hours.
    pub staffed_hours: Option<Option<Vec<StaffedHours>>>,
    /// Days on which nobody is there.
    pub holidays: Option<Option<Vec<NaiveDate>>>,
}

impl From<NewProgram> for ProgramChange {
    fn from(new: NewProgram) -> Self {
        Self {
            name: Some(new.name),
            description: Some(new.description),
            level: Some(new.level),
            languages: Some(new.languages),
            address: Some(new.address),
            phone: Some(new.phone),
            time_zone: new.time_zone,
            services: Some(new.services),
            serves_remotely: Some(new.serves_remotely),
            service_areas: Some(new.service_areas),
            accepts_referrals: Some(new.accepts_referrals),
            staffed_hours: Some(new.staffed_hours),
            holidays: Some(new.holidays),
        }
    }
}

/// What can change, as the API names it.
const FIELDS: &[(program::Column, &str)] = &[
    (program::Column::Name, "name"),
    (program::Column::Description, "description"),
    (program::Column::LevelEdition, "levelOfCare"),
    (program::Column::LevelCode, "levelOfCare"),
    (program::Column::Languages, "languages"),
    (program::Column::Address, "address"),
    (program::Column::Phone, "phone"),
    (program::Column::TimeZone, "timeZone"),
    (program::Column::Services, "services"),
    (program::Column::ServesRemotely, "servesRemotely"),
    (program::Column::ServiceAreas, "serviceAreas"),
    (program::Column::AcceptsReferrals, "acceptsReferrals"),
    (program::Column::StaffedHours, "staffedHours"),
    (program::Column::Holidays, "holidays"),
];

/// The columns that a change sets.
fn columns(change: ProgramChange) -> Result<program::ActiveModel, Refusal> {
    let level = change.level.map(Option::unzip);
    if let Some((Some(edition), Some(code))) = &level {
        known_level(*edition, code)?;
    }
    let (edition, code) = level.unzip();
    Ok(program::ActiveModel {
        name: set(change.name, |name| text::line("name", &name, 200))?,
        description: set_or_none(change.description, |text| text::paragraph("description", &text, 4_000))?,
        level_edition: set(edition, Ok)?,
        level_code: set(code, Ok)?,
        languages: set(change.languages, |tags| tags.iter().map(|tag| text::language("languages", tag)).collect())?,
        address: set_or_none(change.address, address::checked)?,
        phone: set_or_none(change.phone, |phone| text::phone("phone", &phone))?,
        time_zone: set(change.time_zone, |zone| text::time_zone("timeZone", &zone))?,
        services: set(change.services, |services| Ok(services.into()))?,
        serves_remotely: set(change.serves_remotely, Ok)?,
        service_areas: set(change.service_areas, |areas| areas.iter().map(|area| text::line("serviceAreas", area, 100)).collect())?,
        accepts_referrals: set(change.accepts_referrals, Ok)?,
        staffed_hours: set_or_none(change.staffed_hours, checked_hours)?,
        holidays: set_or_none(change.holidays, checked_holidays)?,
        ..Default::default()
    })
}

fn taken() -> Refusal {
    Refusal::new(Code::AlreadyExists, "Your organization has a program of this name: choose another.").at(["input", "name"])
}

/// Makes a program of the caller's organization.
///
/// # Errors
/// `NotPermitted` for other roles than administrators; refused when a field is wrong or the name taken.
pub async fn create(store: &Store, access: &Access, new: NewProgram) -> Result<Visible<program::Entity>> {
    let mut tx = store.begin(access).await?;
    let organization = tx.fetch_for::<organization::Entity>(access.organization.ok_or(Error::NotPermitted)?, Action::Extend).await?;
    let made = create_in(&mut tx, &organization, new).await?;
    tx.commit(made).await
}

/// Makes a program within a larger command.
///
/// # Errors
/// As [`create`].
pub async fn create_in(tx: &mut Tx, organization: &Visible<organization::Entity>, new: NewProgram) -> Result<Visible<program::Entity>> {
    tx.require(may(tx.access(), Resource::Program, Act::Create))?;
    let now = tx.access().now;
    let zone = new.time_zone.clone().unwrap_or_else(|| organization.time_zone.clone());
    let row = columns(ProgramChange { time_zone: Some(zone), ..new.into() })?;
    let row = program::ActiveModel {
        id: Set(ProgramId::new()),
        organization_id: Set(organization.id),
        created_at: Set(now),
        updated_at: Set(now),
        version: Set(1),
        // It has no peer yet.
        ..capacity::known(searched(row, None), ProgramCapacity::NoCapacity, now)
    };
    let made = tx.insert::<program::Entity, _>(row).await.map_err(|error| unique(error, taken))?;
    capacity::soon(tx, made.id).await?;
    tx.record(Event::new(EventKind::ProgramChanged, made.organization_id, made.id, made.version));
    Ok(made)
}

/// Changes a program.
///
/// # Errors
/// `NotFound` when there is none, `NotPermitted` to others than administrators and its coordinators; refused when a field is wrong or the
/// name taken, with `STALE` when it changed meanwhile.
pub async fn update(
    store: &Store,
    access: &Access,
    id: ProgramId,
    change: ProgramChange,
    version: Option<i32>,
) -> Result<Visible<program::Entity>> {
    let mut tx = store.begin(access).await?;
    let before = tx.fetch_for::<program::Entity>(id, Action::Update).await?;
    let seen = version.unwrap_or(before.version);
    let row = columns(change)?;
    let changed = changed_fields(FIELDS, &row, &*before);
    let row = match row.accepts_referrals.try_as_ref() {
        Some(true) if !before.accepts_referrals => {
            capacity::soon(&tx, id).await?;
            row
        }
        Some(false) => capacity::known(row, ProgramCapacity::NoCapacity, access.now),
        _ => row,
    };
    let row = program::ActiveModel { updated_at: Set(access.now), version: Set(seen.saturating_add(1)), ..searched(row, Some(&before)) };
    let written = tx.update_if(&before, row, program::Column::Version.eq(seen)).await.map_err(|error| unique(error, taken))?;
    let after = written.ok_or_else(|| Refusal::stale(Some(before.version)).at(["input", "version"]))?;
    tx.record(Event::new(EventKind::ProgramChanged, after.organization_id, after.id, after.version).changed(changed));
    tx.commit(after).await
}

/// With what the program is searched by, of what it will be.
fn searched(row: program::ActiveModel, before: Option<&program::Model>) -> program::ActiveModel {
    let name = row.name.try_as_ref().or(before.map(|before| &before.name)).cloned().unwrap_or_default();
    let description = row.description.try_as_ref().or(before.map(|before| &before.description)).cloned().flatten();
    let address = row.address.try_as_ref().or(before.map(|before| &before.address)).cloned().flatten();
    searchable(row, &name, description.as_deref(), address.as_ref())
}
