//! Who sees a program, and what it can be.

mod capacity;
mod hours;
mod search;
mod write;

use entity::{
    ProgramId, program,
    vocabulary::{AsamEdition, Role},
};
use sea_orm::{ColumnTrait, Condition};

pub use capacity::begin as begin_capacity;
pub(in crate::domain) use capacity::{Found, confirm as confirm_capacity, found as capacity_found, soon as capacity_soon};
pub use hours::{calendar, holidays, staffed_hours};
pub use search::{By, Wanted, complete, find};
pub use write::{NewProgram, ProgramChange, create, create_in, update};

use crate::{
    access::{
        Access,
        policy::{Act, Resource, may},
    },
    error::{Refusal, Result},
    store::{Action, Class, Grants, Protected, always},
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
            // Coordinators keep the programs that they work in.
            Action::Update => {
                let there = access.has(Role::Administrator) || access.programs.contains(&row.id);
                own && there && may(access, Resource::Program, Act::Update)
            }
            Action::Extend => own && access.programs.contains(&row.id),
            _ => false,
        }
    }
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
