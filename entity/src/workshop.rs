//! A workshop: what peers teach and practise together, in one session or several.

use sea_orm::entity::prelude::*;

use crate::{
    List, OrganizationId, ProgramId, WorkshopId,
    program::Address,
    vocabulary::{GatheringVisibility, Modality},
};

/// A workshop with what all of its sessions share. A draft until it is published.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "workshop")]
pub struct Model {
    /// Its id.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: WorkshopId,
    /// Whose it is.
    pub organization_id: OrganizationId,
    /// The program that runs it.
    pub program_id: ProgramId,
    /// What it is called.
    pub title: String,
    /// The title's words in lower case, with a space before and after each: what it is found by, alike on both databases.
    pub title_words: String,
    /// A few sentences for people who look for it.
    pub description: Option<String>,
    /// Codes of domain 6.4. What it is found by stands in `workshop_label`.
    pub topics: List<String>,
    /// How people meet.
    pub modality: Modality,
    /// BCP 47 tags.
    pub languages: List<String>,
    /// Codes of domain 6.5.
    pub accessibility: List<String>,
    /// Whom it is for, in words; null for everyone.
    pub audience: Option<String>,
    /// Years; null for no limit.
    pub minimum_age: Option<i32>,
    /// What it costs, in cents of US dollars; null when it costs nothing.
    pub cost_cents: Option<i64>,
    /// Who can find it, once it is published.
    pub visibility: GatheringVisibility,
    /// Where people meet in person.
    pub address: Option<Address>,
    /// Roughly where, as everyone may know.
    pub area: Option<String>,
    /// Whether only those who registered are told the address.
    pub address_after_registration: bool,
    /// Where people meet online: only for those who registered.
    pub join_url: Option<String>,
    /// IANA name: its sessions are at these hours of this zone, in summer and winter.
    pub time_zone: String,
    /// The day of its first session.
    pub starts_on: Date,
    /// When its sessions begin, on the clock of the zone.
    pub start_time: Time,
    /// How long they take.
    pub minutes: i32,
    /// The days of further sessions.
    pub extra_dates: List<Date>,
    /// Seats in the room of each session; null for any number.
    pub capacity_in_person: Option<i32>,
    /// Likewise online.
    pub capacity_online: Option<i32>,
    /// UTC; null for a draft.
    pub published_at: Option<DateTimeUtc>,
    /// UTC.
    pub created_at: DateTimeUtc,
    /// UTC.
    pub updated_at: DateTimeUtc,
    /// Counts changes; a write names the one it saw.
    pub version: i32,
}

impl ActiveModelBehavior for ActiveModel {}
