//! Listed meetings: what a feed tells of one, and the rows that it comes to.

use aws_lc_rs::digest::{SHA256, digest};
use chrono::{Days as Later, NaiveDate, NaiveTime, TimeDelta, Weekday};
use chrono_tz::Tz;
use entity::{
    FeedId, GatheringId, List, SessionId, TypedId, gathering,
    gathering::Series,
    listed_meeting,
    program::Address,
    session,
    vocabulary::{GatheringKind, GatheringVisibility, Modality, SessionStatus},
};
use sea_orm::{ActiveModelTrait, ActiveValue::Set, IntoActiveModel, TryIntoModel};
use serde::{Serialize, Serializer};
use uuid::Uuid;

use super::{
    gathering::{between, known_place, searchable},
    recurrence::{Occurrence, WEEKDAYS},
    schedule::seats_move_at,
    wall_time::{local_of, zone_of},
};
use crate::{
    clock::Instant,
    error::{Error, Result},
    store::{Part, PartOf},
};

/// How far ahead the sessions of listed meetings are there.
pub const AHEAD: TimeDelta = TimeDelta::days(8);
/// How long they stay when they are over.
pub const KEPT: TimeDelta = TimeDelta::days(1);

impl Part for listed_meeting::Entity {}

impl PartOf<gathering::Entity> for listed_meeting::Entity {
    fn parent_column() -> listed_meeting::Column {
        listed_meeting::Column::GatheringId
    }

    fn parent(part: &listed_meeting::Model) -> GatheringId {
        part.gathering_id
    }

    fn order() -> listed_meeting::Column {
        listed_meeting::Column::ExternalId
    }
}

/// On which days a meeting is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub enum Days {
    /// Each week on these.
    Weekly(Vec<Weekday>),
    /// From a first one on, as [`Series`] has them.
    From {
        /// The first.
        starts_on: NaiveDate,
        /// The rule by which they come again.
        recurrence: Option<String>,
        /// Those of the rule without a session.
        except: Vec<NaiveDate>,
        /// Further ones.
        extra: Vec<NaiveDate>,
    },
}

/// A meeting as a feed tells of it, tidied: texts are short and plain, codes are ours.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Meeting {
    /// What the feed calls it.
    pub external_id: String,
    /// What it is called.
    pub title: String,
    /// A few sentences.
    pub description: Option<String>,
    /// Who lists it.
    pub source: String,
    /// Its own page.
    pub source_url: Option<String>,
    /// How people meet.
    pub modality: Modality,
    /// BCP 47 tags.
    pub languages: Vec<String>,
    /// Codes of [`ACCESSIBILITY`](super::gathering::ACCESSIBILITY).
    pub accessibility: Vec<String>,
    /// Whom it is for; none for everyone.
    pub audience: Option<String>,
    /// Where people meet in person.
    pub address: Option<Address>,
    /// Roughly where.
    pub area: Option<String>,
    /// The zone of its hours.
    #[serde(serialize_with = "by_name")]
    pub time_zone: Tz,
    /// When its sessions begin, on the clock of the zone.
    pub start_time: NaiveTime,
    /// How long they take.
    pub minutes: i32,
    /// On which days.
    pub days: Days,
}

fn by_name<S: Serializer>(zone: &Tz, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_str(zone.name())
}

impl Meeting {
    /// SHA-256 of all that it says: the same as long as the feed says the same.
    ///
    /// # Errors
    /// `Internal` when it cannot be written down.
    pub fn hash(&self) -> Result<Vec<u8>> {
        let text = serde_json::to_vec(self).map_err(|_| Error::internal("a listed meeting cannot be written down"))?;
        Ok(digest(&SHA256, &text).as_ref().to_vec())
    }

    /// When it is. As long as it is at the same times, that is the series that is known already.
    pub fn series(&self, known: Option<&Series>, now: Instant) -> Series {
        let today = local_of(self.time_zone, now).date();
        let (starts_on, recurrence, except_dates, extra_dates) = match &self.days {
            Days::Weekly(weekdays) => {
                let names: Vec<_> = weekdays.iter().map(|day| WEEKDAYS[day.num_days_from_monday() as usize]).collect();
                let first = (0..7).map(|days| today + Later::new(days)).find(|day| weekdays.contains(&chrono::Datelike::weekday(day)));
                (first.unwrap_or(today), Some(format!("FREQ=WEEKLY;BYDAY={}", names.join(","))), Vec::new(), Vec::new())
            }
            Days::From { starts_on, recurrence, except, extra } => (*starts_on, recurrence.clone(), except.clone(), extra.clone()),
        };
        let id = known.map_or_else(Uuid::new_v4, |known| known.id);
        let (start_time, minutes) = (self.start_time, self.minutes);
        let new = Series { id, starts_on, ends_before: None, start_time, minutes, recurrence, except_dates, extra_dates, time_zone: None };
        match known {
            Some(known) if matches!(self.days, Days::Weekly(_)) && Series { starts_on: known.starts_on, ..new.clone() } == *known => {
                known.clone()
            }
            _ => new,
        }
    }

    /// The gathering that it comes to.
    ///
    /// # Errors
    /// `Internal` when a column of it has no value.
    pub fn gathering(&self, id: GatheringId, series: Series, now: Instant) -> Result<gathering::Model> {
        let row = gathering::Model {
            id,
            kind: GatheringKind::ListedMeeting,
            organization_id: None,
            program_id: None,
            title: self.title.clone(),
            search_words: None,
            description: self.description.clone(),
            topics: List::default(),
            modality: self.modality,
            languages: self.languages.clone().into(),
            accessibility: self.accessibility.clone().into(),
            audience: self.audience.clone(),
            minimum_age: None,
            cost_cents: None,
            visibility: GatheringVisibility::Public,
            address: self.address.clone(),
            earth_x: None,
            earth_y: None,
            earth_z: None,
            area: self.area.clone(),
            address_after_registration: false,
            join_url: None,
            time_zone: self.time_zone.name().to_owned(),
            series: vec![series].into(),
            capacity_in_person: Some(0),
            capacity_online: Some(0),
            waitlist_size: Some(0),
            open: true,
            pathway: None,
            focus: List::default(),
            confidentiality: None,
            published_at: Some(now),
            created_at: now,
            updated_at: now,
            version: 1,
        };
        let place = known_place(self.address.as_ref(), false, self.modality);
        let row = searchable(row.into_active_model().reset_all(), &self.title, self.description.as_deref(), place);
        row.try_into_model().map_err(|_| Error::internal("a listed meeting lacks a column"))
    }

    /// Where it comes from.
    ///
    /// # Errors
    /// As [`Meeting::hash`].
    pub fn listed(&self, id: GatheringId, feed_id: FeedId, feed_version: i32) -> Result<listed_meeting::ActiveModel> {
        Ok(listed_meeting::ActiveModel {
            gathering_id: Set(id),
            feed_id: Set(feed_id),
            external_id: Set(self.external_id.clone()),
            content_hash: Set(self.hash()?),
            source: Set(self.source.clone()),
            source_url: Set(self.source_url.clone()),
            feed_version: Set(feed_version),
        })
    }
}

/// Whether a meeting has no session any more.
///
/// # Errors
/// `Internal` when its rule is none.
pub fn is_over(meeting: &Meeting, now: Instant) -> Result<bool> {
    // As far as any day can be named.
    let horizon = now + TimeDelta::days(730);
    Ok(matches!(meeting.days, Days::From { .. }) && between(&meeting.series(None, now), meeting.time_zone, now - KEPT, horizon)?.is_empty())
}

/// What is to be done so that the sessions of a meeting follow its series.
#[derive(Debug, Default)]
pub struct Following {
    /// Those that are missing.
    pub missing: Vec<session::ActiveModel>,
    /// Those that are at another time, or longer or shorter.
    pub moved: Vec<(SessionId, session::ActiveModel)>,
    /// Those that are over, or of a day that is none any more.
    pub gone: Vec<SessionId>,
}

impl Following {
    /// Whether everything is as it should be.
    pub fn is_nothing(&self) -> bool {
        self.missing.is_empty() && self.moved.is_empty() && self.gone.is_empty()
    }
}

/// Compares the sessions that are there with those that are to be: until they are over, and as far ahead as they are told.
///
/// # Errors
/// `Internal` when a zone or a rule was written that is none.
pub fn follow<'a>(
    id: GatheringId,
    (series, zone): (&Series, &str),
    there: impl IntoIterator<Item = &'a session::Model>,
    now: Instant,
) -> Result<Following> {
    let zone = zone_of(zone)?;
    let takes = TimeDelta::minutes(series.minutes.into());
    let mut wanted: Vec<Occurrence> = between(series, zone, now - takes, now + AHEAD)?;
    wanted.retain(|occurrence| occurrence.at + takes > now);
    let mut following = Following::default();
    for session in there {
        let place = wanted.iter().position(|wanted| session.occurrence.is_some_and(|own| own.date() == wanted.local.date()));
        let planned = place.map(|place| wanted.swap_remove(place));
        match planned {
            Some(planned) if (session.starts_at, session.ends_at) != (planned.at, planned.at + takes) => {
                let change = session::ActiveModel { updated_at: Set(now), version: Set(session.version + 1), ..at(planned, takes, zone) };
                following.moved.push((session.id, change));
            }
            Some(_) => {}
            None if session.ends_at <= now && session.ends_at + KEPT > now => {}
            None => following.gone.push(session.id),
        }
    }
    following.missing = wanted.into_iter().map(|planned| row(id, at(planned, takes, zone), now)).collect();
    Ok(following)
}

/// When a session is.
fn at(planned: Occurrence, takes: TimeDelta, zone: Tz) -> session::ActiveModel {
    session::ActiveModel {
        starts_at: Set(planned.at),
        ends_at: Set(planned.at + takes),
        local_start: Set(local_of(zone, planned.at)),
        occurrence: Set(Some(planned.local)),
        ..Default::default()
    }
}

/// A session without seats, of nobody here.
fn row(of: GatheringId, at: session::ActiveModel, now: Instant) -> session::ActiveModel {
    session::ActiveModel {
        id: Set(SessionId::new()),
        organization_id: Set(None),
        program_id: Set(None),
        gathering_id: Set(of),
        status: Set(SessionStatus::Scheduled),
        capacity_in_person: Set(Some(0)),
        capacity_online: Set(Some(0)),
        waitlist_size: Set(Some(0)),
        registered_in_person: Set(0),
        registered_online: Set(0),
        waiting: Set(0),
        seats_changed_at: Set(seats_move_at(now)),
        before_in_person: Set(0),
        before_online: Set(0),
        before_waiting: Set(0),
        note: Set(None),
        created_at: Set(now),
        updated_at: Set(now),
        version: Set(1),
        ..at
    }
}
