//! Who runs what is published.

use std::collections::{BTreeMap, BTreeSet};

use entity::{OrganizationId, ProgramId, organization, program};
use sea_orm::ColumnTrait;

use crate::{
    access::Access,
    domain::schedule::Published,
    error::Result,
    store::{Store, Visible},
};

/// Whose workshops these are, as everyone may know them.
pub(super) struct Entities {
    pub(super) organizations: BTreeMap<OrganizationId, Visible<organization::Entity>>,
    pub(super) programs: BTreeMap<ProgramId, Visible<program::Entity>>,
}

impl Entities {
    pub(super) async fn of(store: &Store, all: &[Published]) -> Result<Self> {
        let access = &Access::anonymous("the public schedule", store.clock().now());
        let programs: BTreeSet<_> = all.iter().map(|one| one.workshop.program_id).collect();
        let most = programs.len() as u64;
        let programs = store.find::<program::Entity>(access).by(program::Column::Id, |column| column.is_in(programs));
        let programs = programs.first(most).await?.into_iter().map(|program| (program.id, program)).collect();
        let organizations: BTreeSet<_> = all.iter().map(|one| one.workshop.organization_id).collect();
        let most = organizations.len() as u64;
        let organizations = store.find::<organization::Entity>(access).by(organization::Column::Id, |column| column.is_in(organizations));
        let organizations = organizations.first(most).await?.into_iter().map(|one| (one.id, one)).collect();
        Ok(Self { organizations, programs })
    }
}
