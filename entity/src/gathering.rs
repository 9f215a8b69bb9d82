//! A gathering: what people come together for, in one session or several. A workshop, or a support group.

use chrono::{NaiveDate, NaiveTime};
use sea_orm::entity::prelude::*;
use serde::{Deserialize, Serialize};

use crate::{
    AnyId, GatheringId, List, ListedMeetingId, OrganizationId, ProgramId, SupportGroupId, WorkshopId,
    program::Address,
    vocabulary::{Experience, GatheringKind, GatheringVisibility, Modality, RecoveryPathway},
};

/// When a gathering's sessions are, from a day on: a series of RFC 5545 (domain 6.5), in the gathering's zone. Whoever changes the schedule
/// from a later day on has another series begin there, so that what was stays as it was told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Series {
    /// Its own id, by which calendars know it.
    pub id: Uuid,
    /// The first day of the rule, from which it is reckoned, with a session or without; where there is none, the first that is named.
    pub starts_on: NaiveDate,
    /// The day from which on it is over, since another series follows.
    pub ends_before: Option<NaiveDate>,
    /// When its sessions begin, on the clock of the zone.
    pub start_time: NaiveTime,
    /// How long they take.
    pub minutes: i32,
    /// The value of an `RRULE`; none where all days are named one by one.
    pub recurrence: Option<String>,
    /// Days of the rule without a session.
    pub except_dates: Vec<NaiveDate>,
    /// Days of further sessions, which need not be days of the rule, and may come before its first.
    pub extra_dates: Vec<NaiveDate>,
    /// The zone that the gathering was in while it was in force, where that is another now: what was stays as it was told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time_zone: Option<String>,
}

impl Series {
    /// The day from which on it is in force: its first, by the rule or by name.
    pub fn begins_on(&self) -> NaiveDate {
        self.extra_dates.iter().copied().fold(self.starts_on, Ord::min)
    }
}

/// A gathering with what all of its sessions share. A draft until it is published; a support group is published as it is made.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "gathering")]
pub struct Model {
    /// Its id.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: GatheringId,
    /// Which kind it is, once and for all.
    pub kind: GatheringKind,
    /// Whose it is; null of a listed meeting, which is nobody's here.
    pub organization_id: Option<OrganizationId>,
    /// The program that runs it, likewise.
    pub program_id: Option<ProgramId>,
    /// What it is called.
    pub title: String,
    /// The words of title and description without accents and in one case, with a space before and after each: what it is found by, alike
    /// on both databases. Null after a migration until the server starts.
    pub search_words: Option<String>,
    /// A few sentences for people who look for it.
    pub description: Option<String>,
    /// Codes of domain 6.4. What it is found by stands in `gathering_label`.
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
    /// Where everyone may know that it is, in metres from the middle of the earth towards 0° north, 0° east: of an address that only those
    /// who registered are told, a square of a tenth of a degree. Null where nobody meets in person, and where the address has no degrees.
    pub earth_x: Option<i64>,
    /// Towards 0° north, 90° east.
    pub earth_y: Option<i64>,
    /// Towards the north pole.
    pub earth_z: Option<i64>,
    /// Roughly where, as everyone may know.
    pub area: Option<String>,
    /// Whether only those who registered are told the address.
    pub address_after_registration: bool,
    /// Where people meet online: only for those who registered.
    pub join_url: Option<String>,
    /// IANA name: its sessions are at these hours of this zone, in summer and winter.
    pub time_zone: String,
    /// When its sessions are: one series, and another for each change from a day on, in the order of their days.
    pub series: List<Series>,
    /// Seats in the room of each session; null for any number.
    pub capacity_in_person: Option<i32>,
    /// Likewise online.
    pub capacity_online: Option<i32>,
    /// Places in line of each session, for both; null for any number.
    pub waitlist_size: Option<i32>,
    /// Whether anybody may come. Into a closed group those who run it take people (domain 6.3).
    pub open: bool,
    /// The way of recovery that a support group follows.
    pub pathway: Option<RecoveryPathway>,
    /// What the people of a support group have lived through.
    pub focus: List<Experience>,
    /// What everyone who comes agrees to keep among those who come, in the group's own words; null where nothing is agreed.
    pub confidentiality: Option<String>,
    /// UTC; null for a draft.
    pub published_at: Option<DateTimeUtc>,
    /// UTC.
    pub created_at: DateTimeUtc,
    /// UTC.
    pub updated_at: DateTimeUtc,
    /// Counts changes; a write names the one it saw.
    pub version: i32,
}

impl Model {
    /// The zone that the gathering was in when the series of a day was in force, where that is another now.
    pub fn zone_left(&self, day: NaiveDate) -> Option<&str> {
        self.series.iter().rfind(|series| series.begins_on() <= day)?.time_zone.as_deref()
    }

    /// The zone whose clocks the session of a day follows.
    pub fn zone_on(&self, day: NaiveDate) -> &str {
        self.zone_left(day).unwrap_or(&self.time_zone)
    }

    /// Its id as everyone knows it, with its kind.
    pub fn known_as(&self) -> AnyId {
        match self.kind {
            GatheringKind::Workshop => WorkshopId::from(self.id).into(),
            GatheringKind::SupportGroup => SupportGroupId::from(self.id).into(),
            GatheringKind::ListedMeeting => ListedMeetingId::from(self.id).into(),
        }
    }
}

impl ActiveModelBehavior for ActiveModel {}
