//! A peer recovery support specialist.

use sea_orm::{FromJsonQueryResult, entity::prelude::*};
use serde::{Deserialize, Serialize};

use crate::{
    List, OrganizationId, PeerId, ProgramId, StaffMemberId,
    vocabulary::{LanguageProficiency, Modality},
};

/// A language that a peer supports people in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, FromJsonQueryResult)]
pub struct SpokenLanguage {
    /// BCP 47.
    pub tag: String,
    /// How well.
    pub proficiency: LanguageProficiency,
}

/// A person of staff in their work as a peer of one program: whom clients are matched with.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "peer")]
pub struct Model {
    /// Its id.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: PeerId,
    /// Whose staff they are.
    pub organization_id: OrganizationId,
    /// Where they work.
    pub program_id: ProgramId,
    /// Who they are; one peer per person and program.
    pub staff_member_id: StaffMemberId,
    /// As clients and other organizations know them.
    pub display_name: String,
    /// What they say of themselves.
    pub bio: Option<String>,
    /// What they speak.
    pub languages: List<SpokenLanguage>,
    /// How they meet people.
    pub modalities: List<Modality>,
    /// Whether they take on more people now.
    pub accepting_clients: bool,
    /// Until when they are reachable at once (UTC); null when they are not.
    pub present_until: Option<DateTimeUtc>,
    /// UTC.
    pub created_at: DateTimeUtc,
    /// UTC.
    pub updated_at: DateTimeUtc,
    /// Counts changes; a write names the one it saw.
    pub version: i32,
}

impl ActiveModelBehavior for ActiveModel {}
