//! What workshops and support groups are made of and changed by alike.

use async_graphql::{InputObject, MaybeUndefined};
use entity::{
    PeerId, ProgramId,
    vocabulary::{GatheringVisibility, Modality},
};

use super::{
    program::AddressInput,
    scalar::{Amount, Date, LanguageTag, LocalTime, RecurrenceRule, TimeZone, WebAddress, each},
};
use crate::domain::gathering::{GatheringChange, NewGathering, NewGroup, NewSeries, SeriesChange};

/// What a new workshop or support group of a program is made of: fields of the input of each.
#[derive(InputObject)]
pub(super) struct GatheringInput {
    /// The program that runs it.
    program_id: ProgramId,
    /// What it is called.
    title: String,
    /// A few sentences for people who look for it.
    description: Option<String>,
    /// What it is about, by the codes of `topics`.
    topics: Vec<String>,
    /// How people meet.
    modality: Modality,
    /// The languages it is held in.
    languages: Option<Vec<LanguageTag>>,
    /// What makes it accessible: `WHEELCHAIR`, `CAPTIONING`, `ASL`, `HEARING_LOOP`, `TRANSPORT_HELP`, `CHILDCARE`, `QUIET_ROOM`,
    /// `INTERPRETER`.
    accessibility: Option<Vec<String>>,
    /// Whom it is for; everyone when it is not given.
    audience: Option<String>,
    /// From which age, in years.
    minimum_age: Option<i32>,
    /// Where people meet in person.
    address: Option<AddressInput>,
    /// Roughly where, as everyone may know.
    area: Option<String>,
    /// Whether only those who registered are told the address; not unless it says so.
    address_after_registration: Option<bool>,
    /// Where people meet online: only those who registered are told.
    join_url: Option<WebAddress>,
    /// What it costs, in US dollars; nothing when it is not given.
    cost: Option<Amount>,
    /// Who can find it; a workshop once it is published.
    visibility: GatheringVisibility,
    /// Seats in the room of each session. When it is not given it is any number, or 12 of a support group, as one peer leads.
    capacity_in_person: Option<i32>,
    /// Seats online; likewise.
    capacity_online: Option<i32>,
    /// Places in line of each session, for both; any number when it is not given, 0 for none.
    waitlist_size: Option<i32>,
    /// The peers of its program who lead it.
    facilitator_ids: Option<Vec<PeerId>>,
    /// Whether it is made although somebody who leads it leads something else at the same time. SCHEDULE_CONFLICT says so.
    despite_conflict: Option<bool>,
    /// The zone of its hours; the program's when none is given.
    time_zone: Option<TimeZone>,
    /// The day of its first session, at most two years ahead.
    starts_on: Date,
    /// When its sessions begin, on the clock of the zone. An hour that clocks skip is moved forward by what they skip; of one that occurs
    /// twice it is the first.
    start_time: LocalTime,
    /// How long a session takes.
    minutes: i32,
    /// The rule by which sessions come again; the first day is one of its days. One that ends has at most 730 sessions; one without an end
    /// goes on.
    recurrence: Option<RecurrenceRule>,
    /// Days of the rule without a session, after the first.
    except_dates: Option<Vec<Date>>,
    /// The days of further sessions, after the first, each at the same hour.
    extra_dates: Option<Vec<Date>>,
}

impl GatheringInput {
    /// What is to be made: a support group, where it is said what that is besides; a workshop otherwise.
    pub(super) fn into_new(self, group: Option<NewGroup>) -> NewGathering {
        let input = self;
        NewGathering {
            program_id: input.program_id,
            title: input.title,
            description: input.description,
            topics: input.topics,
            modality: input.modality,
            languages: input.languages.map(each).unwrap_or_default(),
            accessibility: input.accessibility.unwrap_or_default(),
            audience: input.audience,
            minimum_age: input.minimum_age,
            cost: input.cost.map(|amount| amount.0),
            visibility: input.visibility,
            address: input.address.map(Into::into),
            area: input.area,
            address_after_registration: input.address_after_registration.unwrap_or_default(),
            join_url: input.join_url.map(|url| url.0),
            time_zone: input.time_zone.map(|zone| zone.0),
            series: NewSeries {
                starts_on: input.starts_on.0,
                start_time: input.start_time.0,
                minutes: input.minutes,
                recurrence: input.recurrence.map(|rule| rule.0),
                except_dates: input.except_dates.map(each).unwrap_or_default(),
                extra_dates: input.extra_dates.map(each).unwrap_or_default(),
            },
            capacity_in_person: input.capacity_in_person,
            capacity_online: input.capacity_online,
            waitlist_size: input.waitlist_size,
            facilitator_ids: input.facilitator_ids.unwrap_or_default(),
            despite_conflict: input.despite_conflict.unwrap_or_default(),
            group,
        }
    }
}

/// What can change of a workshop and of a support group: fields of the input of each.
#[derive(InputObject)]
pub(super) struct GatheringChangeInput {
    /// The version that was read; a stale one gives STALE. The present one when none is named.
    pub(super) version: Option<i32>,
    /// What it is called.
    title: Option<String>,
    /// How people meet at each session that is still to come. Where there come to be seats of a kind, they are as many as for a new one unless
    /// it says so; where there are none any more, whoever has one stays registered.
    modality: Option<Modality>,
    /// The zone of its hours, from the next session on: they stay the hours that they are, on the clock of the other zone. By itself, or with
    /// the hour and the length.
    time_zone: Option<TimeZone>,
    /// A few sentences for people who look for it; null takes them away.
    description: MaybeUndefined<String>,
    /// What it is about, by the codes of `topics`: all of it.
    topics: Option<Vec<String>>,
    /// The languages it is held in: all of them.
    languages: Option<Vec<LanguageTag>>,
    /// What makes it accessible: all of it.
    accessibility: Option<Vec<String>>,
    /// Whom it is for; null for everyone.
    audience: MaybeUndefined<String>,
    /// From which age, in years; null for no limit.
    minimum_age: MaybeUndefined<i32>,
    /// Where people meet in person, all of it; null for nowhere.
    address: MaybeUndefined<AddressInput>,
    /// Roughly where, as everyone may know; null for nowhere.
    area: MaybeUndefined<String>,
    /// Whether only those who registered are told the address.
    address_after_registration: Option<bool>,
    /// Where people meet online; null for nowhere.
    join_url: MaybeUndefined<WebAddress>,
    /// What it costs, in US dollars; null for nothing.
    cost: MaybeUndefined<Amount>,
    /// Who can find it; a workshop once it is published.
    visibility: Option<GatheringVisibility>,
    /// Seats in the room of each session that is still to come; null for any number. Nobody is removed where there are fewer.
    capacity_in_person: MaybeUndefined<i32>,
    /// Seats online, likewise.
    capacity_online: MaybeUndefined<i32>,
    /// Places in line, likewise.
    waitlist_size: MaybeUndefined<i32>,
    /// The peers of its program who lead it: all of them.
    facilitator_ids: Option<Vec<PeerId>>,
    /// Whether it is changed although somebody who leads it leads something else at the same time. SCHEDULE_CONFLICT says so.
    despite_conflict: Option<bool>,
    /// The first day of which a change of the schedule holds, today or later; needed with `recurrence`, of whose days it is one then. From
    /// now on when it is not given. Sessions before stay as they are, and so do those that were moved or cancelled one by one.
    from: Option<Date>,
    /// When sessions begin, on the clock of the zone. Whoever is registered for a session of that day stays so.
    start_time: Option<LocalTime>,
    /// How long a session takes.
    minutes: Option<i32>,
    /// The rule by which sessions come again; null when all days are named. It is in place of whatever was planned from then on. Sessions on
    /// days that are none of it are cancelled, but for those that were moved one by one.
    recurrence: MaybeUndefined<RecurrenceRule>,
    /// Days of the rule without a session: all that are still to come. Those that were there before are told by the last of `plannedSeries`
    /// where anything is planned. Another rule has none unless they are given.
    except_dates: Option<Vec<Date>>,
    /// The days of further sessions, from `from` on: all that are still to come. Those that were there before are told by the last of
    /// `plannedSeries` where anything is planned. They may come before the next by the rule; with `recurrence` they come after `from`. Where
    /// all days are named, `startsOn` stays as long as it is to come.
    extra_dates: Option<Vec<Date>>,
    /// A sentence for everyone on sessions that are cancelled by this.
    note: Option<String>,
}

impl From<GatheringChangeInput> for GatheringChange {
    fn from(input: GatheringChangeInput) -> Self {
        Self {
            title: input.title,
            modality: input.modality,
            time_zone: input.time_zone.map(|zone| zone.0),
            description: input.description.into(),
            topics: input.topics,
            languages: input.languages.map(each),
            accessibility: input.accessibility,
            audience: input.audience.into(),
            minimum_age: input.minimum_age.into(),
            cost: input.cost.map_value(|amount| amount.0).into(),
            visibility: input.visibility,
            address: input.address.map_value(Into::into).into(),
            area: input.area.into(),
            address_after_registration: input.address_after_registration,
            join_url: input.join_url.map_value(|url| url.0).into(),
            capacity_in_person: input.capacity_in_person.into(),
            capacity_online: input.capacity_online.into(),
            waitlist_size: input.waitlist_size.into(),
            facilitator_ids: input.facilitator_ids,
            despite_conflict: input.despite_conflict.unwrap_or_default(),
            series: SeriesChange {
                from: input.from.map(|day| day.0),
                start_time: input.start_time.map(|time| time.0),
                minutes: input.minutes,
                recurrence: input.recurrence.map_value(|rule| rule.0).into(),
                except_dates: input.except_dates.map(each),
                extra_dates: input.extra_dates.map(each),
                ..SeriesChange::default()
            },
            note: input.note,
            ..Self::default()
        }
    }
}
