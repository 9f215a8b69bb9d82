//! One meeting of a gathering.

use sea_orm::entity::prelude::*;

use crate::{GatheringId, OrganizationId, ProgramId, SessionId, vocabulary::SessionStatus};

/// One meeting, with its seats. Nobody is removed when there come to be fewer seats: more may be taken than there are.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "session")]
pub struct Model {
    /// Its id.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: SessionId,
    /// Whose it is; null of a listed meeting's, which is nobody's here.
    pub organization_id: Option<OrganizationId>,
    /// The program that runs it, likewise.
    pub program_id: Option<ProgramId>,
    /// Of which gathering.
    pub gathering_id: GatheringId,
    /// Whether it is cancelled. That it was held is reckoned: it says nothing of who came.
    pub status: SessionStatus,
    /// UTC.
    pub starts_at: DateTimeUtc,
    /// UTC.
    pub ends_at: DateTimeUtc,
    /// When it begins on the clock of the gathering's zone.
    pub local_start: DateTime,
    /// When the series of its gathering has it begin, on the clock of the zone, whatever it was moved to since; null when the series has
    /// it no more. One session of a gathering at each.
    pub occurrence: Option<DateTime>,
    /// Seats in the room; null for any number, 0 where nobody meets in person.
    pub capacity_in_person: Option<i32>,
    /// Seats online, likewise.
    pub capacity_online: Option<i32>,
    /// Places in line, for both; null for any number.
    pub waitlist_size: Option<i32>,
    /// Seats in the room that are taken or held, counted by the database.
    pub registered_in_person: i32,
    /// Seats online that are taken, likewise.
    pub registered_online: i32,
    /// How many wait in line, likewise.
    pub waiting: i32,
    /// The beginning of the five minutes in which seats last changed (UTC): what everyone may read of them moves no faster.
    pub seats_changed_at: DateTimeUtc,
    /// Seats in the room that were taken when those five minutes began.
    pub before_in_person: i32,
    /// Seats online that were, likewise.
    pub before_online: i32,
    /// How many waited then.
    pub before_waiting: i32,
    /// A sentence for everyone, such as why it is cancelled.
    pub note: Option<String>,
    /// UTC.
    pub created_at: DateTimeUtc,
    /// UTC.
    pub updated_at: DateTimeUtc,
    /// Counts changes, but not of seats; a write names the one it saw.
    pub version: i32,
}

impl ActiveModelBehavior for ActiveModel {}
