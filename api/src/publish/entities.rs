//! Who runs what is published.

use std::collections::{BTreeMap, BTreeSet};

use entity::{OrganizationId, ProgramId, gathering, organization, program};

use crate::{
    access::Access,
    domain::schedule::Published,
    error::Result,
    store::{Store, Visible},
};

/// Whose gatherings these are, as everyone may know them.
pub(super) struct Entities {
    pub(super) organizations: BTreeMap<OrganizationId, Visible<organization::Entity>>,
    pub(super) programs: BTreeMap<ProgramId, Visible<program::Entity>>,
}

impl Entities {
    pub(super) async fn of(store: &Store, all: &[Published]) -> Result<Self> {
        let access = &Access::anonymous("the public schedule", store.clock().now());
        let programs: BTreeSet<_> = all.iter().filter_map(|one| one.gathering.program_id).collect();
        let programs = store.by_ids::<program::Entity>(access, &programs.into_iter().collect::<Vec<_>>()).await?;
        let organizations: BTreeSet<_> = all.iter().filter_map(|one| one.gathering.organization_id).collect();
        let organizations = store.by_ids::<organization::Entity>(access, &organizations.into_iter().collect::<Vec<_>>()).await?;
        Ok(Self {
            organizations: organizations.into_iter().map(|organization| (organization.id, organization)).collect(),
            programs: programs.into_iter().map(|program| (program.id, program)).collect(),
        })
    }

    /// The organization that runs it, as far as everyone may know it.
    pub(super) fn organization(&self, of: &gathering::Model) -> Option<&Visible<organization::Entity>> {
        self.organizations.get(&of.organization_id?)
    }

    /// The program that runs it, likewise.
    pub(super) fn program(&self, of: &gathering::Model) -> Option<&Visible<program::Entity>> {
        self.programs.get(&of.program_id?)
    }
}
