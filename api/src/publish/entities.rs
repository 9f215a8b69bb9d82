//! Who runs what is published.

use std::collections::{BTreeMap, BTreeSet};

use entity::{OrganizationId, ProgramId, organization, program};

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
        let programs: BTreeSet<_> = all.iter().map(|one| one.gathering.program_id).collect();
        let programs = store.by_ids::<program::Entity>(access, &programs.into_iter().collect::<Vec<_>>()).await?;
        let organizations: BTreeSet<_> = all.iter().map(|one| one.gathering.organization_id).collect();
        let organizations = store.by_ids::<organization::Entity>(access, &organizations.into_iter().collect::<Vec<_>>()).await?;
        Ok(Self {
            organizations: organizations.into_iter().map(|organization| (organization.id, organization)).collect(),
            programs: programs.into_iter().map(|program| (program.id, program)).collect(),
        })
    }
}
