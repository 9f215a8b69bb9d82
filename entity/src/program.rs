//! One of an organization's services.

use chrono::{NaiveDate, NaiveTime};
use sea_orm::{FromJsonQueryResult, entity::prelude::*};
use serde::{Deserialize, Serialize};

use crate::{
    List, OrganizationId, ProgramId,
    vocabulary::{AsamEdition, ProgramCapacity, ServiceKind, Weekday},
};

/// A postal address, or as much of it as there is.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, FromJsonQueryResult)]
pub struct Address {
    /// Street and number.
    pub line1: Option<String>,
    /// The rest of it.
    pub line2: Option<String>,
    /// City.
    pub city: Option<String>,
    /// State or region.
    pub region: Option<String>,
    /// Postal code.
    pub postal_code: Option<String>,
    /// ISO 3166-1 alpha-2.
    pub country: String,
    /// Degrees, WGS 84, -90 to 90.
    pub latitude: Option<f64>,
    /// Degrees, WGS 84, -180 to 180.
    pub longitude: Option<f64>,
}

impl Eq for Address {}

/// A part of a day of the week in which a program is staffed, as the clocks of its time zone show it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct StaffedHours {
    /// On which day.
    pub weekday: Weekday,
    /// When people come.
    pub from: NaiveTime,
    /// When they have left. Midnight is the one at the end of the day.
    pub to: NaiveTime,
}

/// A program: what a client is referred to, and what people work in.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "program")]
pub struct Model {
    /// Its id.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: ProgramId,
    /// Whose it is.
    pub organization_id: OrganizationId,
    /// As people know it. Unique within the organization.
    pub name: String,
    /// A few sentences for people who look for support.
    pub description: Option<String>,
    /// With `level_code`: the ASAM level it gives; null for peer support, which is none.
    pub level_edition: Option<AsamEdition>,
    /// See `level_edition`.
    pub level_code: Option<String>,
    /// BCP 47 tags.
    pub languages: List<String>,
    /// Where it is; null when it only serves remotely.
    pub address: Option<Address>,
    /// E.164.
    pub phone: Option<String>,
    /// IANA name: its clocks and sessions run in it.
    pub time_zone: String,
    /// The kinds of support it gives.
    pub services: List<ServiceKind>,
    /// By telephone or online.
    pub serves_remotely: bool,
    /// States, counties or 3-digit ZIP codes, as it names them.
    pub service_areas: List<String>,
    /// Whether it takes referrals at all.
    pub accepts_referrals: bool,
    /// The words of name and description, folded, with a space before and after each. Null until the server has filled it in.
    pub search_words: Option<String>,
    /// Where it is, in metres from the middle of the earth towards 0° north, 0° east. Null when it has no place.
    pub earth_x: Option<i64>,
    /// Likewise towards 0° north, 90° east.
    pub earth_y: Option<i64>,
    /// Likewise towards the north pole.
    pub earth_z: Option<i64>,
    /// When it is staffed; null for the hours of a program that has set none.
    pub staffed_hours: Option<List<StaffedHours>>,
    /// Days on which nobody is there, in its time zone; null for none.
    pub holidays: Option<List<NaiveDate>>,
    /// Whether it can take on somebody new, as it was found out last.
    pub capacity: ProgramCapacity,
    /// Where that is in the order of readiness, from 0.
    pub capacity_rank: i32,
    /// When it was found out (UTC); null until it was for the first time.
    pub capacity_as_of: Option<DateTimeUtc>,
    /// UTC.
    pub created_at: DateTimeUtc,
    /// UTC.
    pub updated_at: DateTimeUtc,
    /// Counts changes; a write names the one it saw.
    pub version: i32,
}

impl ActiveModelBehavior for ActiveModel {}
