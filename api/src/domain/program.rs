//! Who sees a program, and how one comes to be.

mod search;

use entity::{
    List, ProgramId, TypedId, organization,
    program::{self, Address},
    vocabulary::{AsamEdition, EventKind, ServiceKind},
};
use sea_orm::{ActiveValue::Set, ColumnTrait, Condition};

use search::searchable;
pub use search::{By, Near, Wanted, complete, find};

use super::{address, text};
use crate::{
    access::{
        Access,
        policy::{Act, Resource, may},
    },
    error::{Code, Error, Refusal, Result},
    store::{Action, Class, Event, Grants, Protected, Store, Tx, Visible, always, unique},
};

impl Protected for program::Entity {
    type Id = ProgramId;

    fn id_column() -> Self::Column {
        program::Column::Id
    }

    fn id(row: &program::Model) -> ProgramId {
        row.id
    }

    /// The public profile is everybody's.
    fn visible_to(_: &Access) -> Condition {
        always()
    }

    fn grants(access: &Access) -> Grants {
        match access.organization {
            Some(own) if may(access, Resource::ProgramOperations, Act::Read) => {
                Grants::none().open(Class::Operations, Condition::all().add(program::Column::OrganizationId.eq(own)))
            }
            _ => Grants::none(),
        }
    }

    fn allows(access: &Access, action: Action, row: &program::Model) -> bool {
        let own = access.organization == Some(row.organization_id);
        match action {
            Action::Read => true,
            Action::Update => own && may(access, Resource::Program, Act::Update),
            Action::Extend => own && access.programs.contains(&row.id),
            _ => false,
        }
    }
}

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
}

/// The levels of care (domain 1.1), with their names.
pub const LEVELS: &[(AsamEdition, &str, &str)] = &[
    (AsamEdition::Fourth, "1.0", "Long-Term Remission Monitoring"),
    (AsamEdition::Fourth, "1.5", "Outpatient Therapy"),
    (AsamEdition::Fourth, "1.7", "Medically Managed Outpatient"),
    (AsamEdition::Fourth, "2.1", "Intensive Outpatient"),
    (AsamEdition::Fourth, "2.5", "High-Intensity Outpatient"),
    (AsamEdition::Fourth, "2.7", "Medically Managed Intensive Outpatient"),
    (AsamEdition::Fourth, "3.1", "Clinically Managed Low-Intensity Residential"),
    (AsamEdition::Fourth, "3.5", "Clinically Managed High-Intensity Residential"),
    (AsamEdition::Fourth, "3.7", "Medically Managed Residential"),
    (AsamEdition::Fourth, "3.7-BIO", "Medically Managed Residential, biomedically enhanced"),
    (AsamEdition::Fourth, "4", "Medically Managed Inpatient"),
    (AsamEdition::Fourth, "4-PSY", "Medically Managed Inpatient, psychiatric"),
    (AsamEdition::Fourth, "RR", "Recovery Residence"),
    (AsamEdition::Third, "0.5", "Early Intervention"),
    (AsamEdition::Third, "1", "Outpatient Services"),
    (AsamEdition::Third, "2.1", "Intensive Outpatient"),
    (AsamEdition::Third, "2.5", "Partial Hospitalization"),
    (AsamEdition::Third, "3.1", "Clinically Managed Low-Intensity Residential"),
    (AsamEdition::Third, "3.3", "Clinically Managed Population-Specific High-Intensity Residential"),
    (AsamEdition::Third, "3.5", "Clinically Managed High-Intensity Residential"),
    (AsamEdition::Third, "3.7", "Medically Monitored Intensive Inpatient"),
    (AsamEdition::Third, "4", "Medically Managed Intensive Inpatient"),
    (AsamEdition::Third, "1-WM", "Ambulatory Withdrawal Management without Extended On-Site Monitoring"),
    (AsamEdition::Third, "2-WM", "Ambulatory Withdrawal Management with Extended On-Site Monitoring"),
    (AsamEdition::Third, "3.2-WM", "Clinically Managed Residential Withdrawal Management"),
    (AsamEdition::Third, "3.7-WM", "Medically Monitored Inpatient Withdrawal Management"),
    (AsamEdition::Third, "4-WM", "Medically Managed Intensive Inpatient Withdrawal Management"),
];

/// The name of a level of care.
pub fn level_name(edition: AsamEdition, code: &str) -> Option<&'static str> {
    LEVELS.iter().find(|(in_edition, known, _)| *in_edition == edition && *known == code).map(|(_, _, name)| *name)
}

fn known_level(edition: AsamEdition, code: &str) -> Result<&'static str, Refusal> {
    let sentence = || format!("`{code}` is no level of care of this edition of the ASAM criteria.");
    level_name(edition, code).ok_or_else(|| Refusal::invalid(sentence()).at(["input", "levelOfCare", "code"]))
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
    if let Some((edition, code)) = &new.level {
        known_level(*edition, code)?;
    }
    let languages = new.languages.iter().map(|tag| text::language("languages", tag)).collect::<Result<List<_>, _>>()?;
    let areas = new.service_areas.iter().map(|area| text::line("serviceAreas", area, 100)).collect::<Result<List<_>, _>>()?;
    let now = tx.access().now;
    let (edition, code) = new.level.unzip();
    let name = text::line("name", &new.name, 200)?;
    let description = new.description.map(|text| text::paragraph("description", &text, 4_000)).transpose()?;
    let address = new.address.map(address::checked).transpose()?;
    let row = searchable(program::ActiveModel::default(), &name, description.as_deref(), address.as_ref());
    let row = program::ActiveModel {
        id: Set(ProgramId::new()),
        organization_id: Set(organization.id),
        name: Set(name),
        description: Set(description),
        level_edition: Set(edition),
        level_code: Set(code),
        languages: Set(languages),
        address: Set(address),
        phone: Set(new.phone.map(|phone| text::phone("phone", &phone)).transpose()?),
        time_zone: Set(match new.time_zone {
            Some(zone) => text::time_zone("timeZone", &zone)?,
            None => organization.time_zone.clone(),
        }),
        services: Set(new.services.into()),
        serves_remotely: Set(new.serves_remotely),
        service_areas: Set(areas),
        accepts_referrals: Set(new.accepts_referrals),
        created_at: Set(now),
        updated_at: Set(now),
        version: Set(1),
        ..row
    };
    let taken = || Refusal::new(Code::AlreadyExists, "Your organization has a program of this name: choose another.").at(["input", "name"]);
    let made = tx.insert::<program::Entity, _>(row).await.map_err(|error| unique(error, taken))?;
    tx.record(Event::new(EventKind::ProgramChanged, made.organization_id, made.id, made.version));
    Ok(made)
}
