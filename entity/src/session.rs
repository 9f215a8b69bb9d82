//! One meeting of a workshop.

use sea_orm::entity::prelude::*;

use crate::{OrganizationId, ProgramId, SessionId, WorkshopId, vocabulary::SessionStatus};

/// One meeting, with its seats. The database keeps `0 <= registered <= capacity`.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "session")]
pub struct Model {
    /// Its id.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: SessionId,
    /// Whose it is.
    pub organization_id: OrganizationId,
    /// The program that runs it.
    pub program_id: ProgramId,
    /// Of which workshop.
    pub workshop_id: WorkshopId,
    /// Where it stands.
    pub status: SessionStatus,
    /// UTC.
    pub starts_at: DateTimeUtc,
    /// UTC.
    pub ends_at: DateTimeUtc,
    /// When it begins on the clock of the workshop's zone.
    pub local_start: DateTime,
    /// When the series of its workshop has it begin, on the clock of the zone, whatever it was moved to since; null when the series has
    /// it no more. One session of a workshop at each.
    pub occurrence: Option<DateTime>,
    /// Seats in the room; null for any number, 0 where nobody meets in person.
    pub capacity_in_person: Option<i32>,
    /// Seats online, likewise.
    pub capacity_online: Option<i32>,
    /// Seats in the room that are taken, counted by the database.
    pub registered_in_person: i32,
    /// Seats online that are taken, likewise.
    pub registered_online: i32,
    /// The beginning of the five minutes in which seats last changed (UTC): what everyone may read of them moves no faster.
    pub seats_changed_at: DateTimeUtc,
    /// Seats in the room that were taken when those five minutes began.
    pub before_in_person: i32,
    /// Seats online that were, likewise.
    pub before_online: i32,
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
