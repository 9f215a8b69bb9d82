//! Workshops with sessions ahead, and who comes; support groups, with a line of those who wait.

use chrono::{Days, NaiveDate, NaiveTime, TimeDelta};
use entity::{
    ClientId, GatheringId, SessionId,
    program::Address,
    session,
    vocabulary::{AttendanceMode, GatheringVisibility, Modality, Role},
};
use indicatif::ProgressBar;
use rand::{Rng, rngs::StdRng};
use sea_orm::{ColumnTrait, Order};

use super::{
    BATCH, Known, Plan,
    cast::{Cast, Home, Place},
};
use crate::{
    app::App,
    domain::{
        gathering::{self, NewGathering, NewGroup, NewSeries, in_person, online},
        recurrence::MOST_OCCURRENCES,
        registration::{self, NewRegistration},
        session as session_rules,
        topic::{TOPICS, Topic},
    },
    error::Result,
};

const HOURS: &[(u32, u32)] = &[(10, 0), (12, 30), (17, 30), (19, 0)];
const MODALITIES: &[Modality] = &[Modality::InPerson, Modality::Online, Modality::Hybrid];
/// Where workshops are; none for their program's own zone.
const ZONES: &[Option<&str>] = &[None, Some("America/Chicago"), Some("America/Denver"), Some("America/Los_Angeles")];
/// How many days ahead the sessions of a rule are there in any case, with a few to spare.
const BY_RULE: u32 = 170;
/// How many people are registered for a group, which has seats for fewer.
const IN_A_GROUP: usize = 5;
const SEATS_IN_A_GROUP: i32 = 3;
/// How many seats a session has for those whom nobody planned for.
const SPARE_SEATS: u32 = 12;
/// How many sessions of a workshop people are registered for.
const MOST_SESSIONS: u64 = MOST_OCCURRENCES as u64;

/// Makes the workshops, publishes them, and registers people.
pub(super) async fn all(app: &App, cast: &Cast, plan: &Plan, rng: &mut StdRng, known: &Known, progress: &ProgressBar) -> Result<()> {
    let places = cast.places();
    let planned: Vec<_> = (0..plan.workshops as usize).map(|number| (number, rng.random_range(0..HOURS.len()))).collect();
    let mut sessions = Vec::new();
    for home in &cast.supporters {
        let theirs = planned.iter().filter_map(|(number, hour)| {
            let (of, place) = places[number % places.len()];
            (of.id == home.id).then_some((*number, *hour, place))
        });
        let mut workshops = Vec::new();
        for batch in theirs.collect::<Vec<_>>().chunks(BATCH) {
            publish(app, home, plan, batch, &mut workshops).await?;
            progress.inc(batch.len() as u64);
        }
        sessions.push(sessions_of(app, home, &workshops).await?);
    }
    for (at, (home, sessions)) in cast.supporters.iter().zip(&sessions).enumerate() {
        // As many for one as for the other, and one more for the first.
        let (wanted, among) = (plan.registrations as usize, cast.supporters.len());
        let wanted = wanted / among + usize::from(at < wanted % among);
        let clients = known.get(&home.id).map(Vec::as_slice).unwrap_or_default();
        register(app, home, wanted, sessions, clients, progress).await?;
        if !sessions.is_empty() {
            for open in [true, false] {
                group(app, home, open, clients).await?;
            }
        }
    }
    match sessions.first().map(Vec::as_slice) {
        Some([.., moved, cancelled]) => unforeseen(app, &cast.supporters[0], moved.0, cancelled.0).await,
        _ => Ok(()),
    }
}

/// What happens to plans: a session begins two hours later, and another does not take place.
async fn unforeseen(app: &App, home: &Home, moved: SessionId, cancelled: SessionId) -> Result<()> {
    let access = home.acting(Role::Coordinator, app.clock().now())?;
    if let Some(planned) = app.store.fetch::<session::Entity>(&access, moved).await? {
        session_rules::reschedule(&app.store, &access, moved, planned.starts_at + TimeDelta::hours(2), None, true).await?;
    }
    session_rules::cancel(&app.store, &access, cancelled, Some("The room is being painted.".to_owned())).await.map(drop)
}

/// A support group each week, with more people than seats at its first session: some of them wait.
async fn group(app: &App, home: &Home, open: bool, clients: &[ClientId]) -> Result<()> {
    let access = home.acting(Role::Coordinator, app.clock().now())?;
    let Some(place) = home.places.first() else { return Ok(()) };
    let mut tx = app.store.begin(&access).await?;
    let made = gathering::create_in(&mut tx, new_group(place, open, access.now.date_naive())).await?;
    let made = tx.commit(made).await?;
    let first = sessions_of(app, home, &[(made.id, made.modality)]).await?;
    let Some((session_id, _)) = first.first() else { return Ok(()) };
    for client in clients.iter().take(IN_A_GROUP) {
        let new = NewRegistration { agrees: true, despite_conflict: true, ..NewRegistration::of(*session_id, *client) };
        registration::create(&app.store, &access, new).await?;
    }
    Ok(())
}

fn new_group(place: &Place, open: bool, today: NaiveDate) -> NewGathering {
    NewGathering {
        title: if open { "Evening circle" } else { "First year" }.to_owned(),
        description: Some("People who have been there, each week.".to_owned()),
        topics: vec![TOPICS[0].code.to_owned()],
        series: NewSeries {
            starts_on: today + Days::new(3),
            start_time: NaiveTime::from_hms_opt(if open { 18 } else { 20 }, 0, 0).unwrap_or_default(),
            minutes: 90,
            recurrence: Some("FREQ=WEEKLY".to_owned()),
            except_dates: Vec::new(),
            extra_dates: Vec::new(),
        },
        capacity_online: Some(SEATS_IN_A_GROUP),
        group: Some(NewGroup { open, pathway: None, focus: Vec::new(), confidentiality: Some("What is said here stays here.".to_owned()) }),
        ..online_gathering(place)
    }
}

async fn publish(
    app: &App,
    home: &Home,
    plan: &Plan,
    workshops: &[(usize, usize, &Place)],
    made: &mut Vec<(GatheringId, Modality)>,
) -> Result<()> {
    let now = app.clock().now();
    let mut tx = app.store.begin(&home.acting(Role::Coordinator, now)?).await?;
    let mut last = None;
    for (number, hour, place) in workshops {
        let new = new_workshop(plan, *number, HOURS[*hour], place, now.date_naive());
        let draft = gathering::create_in(&mut tx, new).await?;
        made.push((draft.id, draft.modality));
        last = Some(gathering::publish_in(&mut tx, &draft).await?);
    }
    match last {
        Some(last) => tx.commit(last).await.map(drop),
        None => Ok(()),
    }
}

/// When the sessions of a workshop are: on the same days, whether they are named or a rule says them.
fn series(plan: &Plan, number: usize, hour: (u32, u32), today: NaiveDate) -> NewSeries {
    let apart = (plan.days / plan.sessions).max(1);
    // Not before tomorrow; in zones where it is still yesterday, that is the day after.
    let day = |session: u32| today + Days::new(u64::from(2 + session * apart));
    let by_rule = number % 2 == 1 && plan.sessions > 1 && plan.sessions * apart <= BY_RULE;
    let (each, interval) = if apart.is_multiple_of(7) { ("WEEKLY", apart / 7) } else { ("DAILY", apart) };
    NewSeries {
        starts_on: day(0),
        start_time: NaiveTime::from_hms_opt(hour.0, hour.1, 0).unwrap_or_default(),
        minutes: 60,
        recurrence: by_rule.then(|| format!("FREQ={each};INTERVAL={interval};COUNT={}", plan.sessions)),
        except_dates: Vec::new(),
        extra_dates: if by_rule { Vec::new() } else { (1..plan.sessions).map(day).collect() },
    }
}

fn new_workshop(plan: &Plan, number: usize, hour: (u32, u32), place: &Place, today: NaiveDate) -> NewGathering {
    let topic: &Topic = &TOPICS[number % TOPICS.len()];
    let modality = MODALITIES[number % MODALITIES.len()];
    // Room for everyone who is registered, whichever session they are spread to.
    let seats = Some((SPARE_SEATS + plan.registrations).min(10_000).cast_signed());
    NewGathering {
        title: topic.label.to_owned(),
        description: Some(format!("{}, with people who have been there.", topic.area)),
        topics: vec![topic.code.to_owned()],
        modality,
        languages: vec![if number % 5 == 4 { "es" } else { "en" }.to_owned()],
        accessibility: if number.is_multiple_of(2) { vec!["WHEELCHAIR".to_owned()] } else { Vec::new() },
        address: in_person(modality).then(address),
        area: in_person(modality).then(|| "Downtown".to_owned()),
        join_url: online(modality).then(|| format!("https://meet.example/{number}")),
        time_zone: ZONES[number % ZONES.len()].map(str::to_owned),
        series: series(plan, number, hour, today),
        capacity_in_person: seats.filter(|_| in_person(modality)),
        capacity_online: seats.filter(|_| online(modality)),
        ..online_gathering(place)
    }
}

/// Something online for everyone, of which nothing else is said.
fn online_gathering(place: &Place) -> NewGathering {
    NewGathering {
        program_id: place.program,
        title: String::new(),
        description: None,
        topics: Vec::new(),
        modality: Modality::Online,
        languages: vec!["en".to_owned()],
        accessibility: Vec::new(),
        audience: None,
        minimum_age: None,
        cost: None,
        visibility: GatheringVisibility::Public,
        address: None,
        area: None,
        address_after_registration: false,
        join_url: None,
        time_zone: None,
        series: NewSeries {
            starts_on: NaiveDate::default(),
            start_time: NaiveTime::default(),
            minutes: 60,
            recurrence: None,
            except_dates: Vec::new(),
            extra_dates: Vec::new(),
        },
        capacity_in_person: None,
        capacity_online: None,
        waitlist_size: None,
        facilitator_ids: Vec::new(),
        despite_conflict: false,
        group: None,
    }
}

fn address() -> Address {
    Address {
        line1: Some("12 Ferry Street".to_owned()),
        line2: None,
        city: Some("Albany".to_owned()),
        region: Some("NY".to_owned()),
        postal_code: Some("12207".to_owned()),
        country: "US".to_owned(),
        latitude: None,
        longitude: None,
    }
}

/// The sessions of workshops, in their order.
async fn sessions_of(app: &App, home: &Home, workshops: &[(GatheringId, Modality)]) -> Result<Vec<(SessionId, Modality)>> {
    let access = home.acting(Role::Coordinator, app.clock().now())?;
    let mut all = Vec::new();
    for (workshop, modality) in workshops {
        let of = app.store.find::<session::Entity>(&access).by(session::Column::GatheringId, |column| column.eq(*workshop));
        let sessions = of.ordered(session::Column::StartsAt, Order::Asc).first(MOST_SESSIONS).await?;
        all.extend(sessions.iter().map(|session| (session.id, *modality)));
    }
    Ok(all)
}

/// Registers an organization's clients, each for a session at most once.
async fn register(
    app: &App,
    home: &Home,
    wanted: usize,
    sessions: &[(SessionId, Modality)],
    clients: &[ClientId],
    progress: &ProgressBar,
) -> Result<()> {
    let access = home.acting(Role::Coordinator, app.clock().now())?;
    let pairs: Vec<_> = (0..wanted.min(sessions.len() * clients.len())).map(|n| pair(n, sessions, clients)).collect();
    for batch in pairs.chunks(BATCH) {
        let mut tx = app.store.begin(&access).await?;
        let mut last = None;
        for ((session_id, modality), client_id) in batch {
            let attendance = (*modality == Modality::Hybrid).then_some(AttendanceMode::Online);
            let of = NewRegistration::of(*session_id, *client_id);
            let new = NewRegistration { attendance, despite_conflict: true, ..of };
            last = Some(registration::create_in(&mut tx, new).await?);
        }
        if let Some(last) = last {
            tx.commit(last).await?;
        }
        progress.inc(batch.len() as u64);
    }
    Ok(())
}

/// The sessions fill side by side, and no two of them with the same people first.
fn pair(number: usize, sessions: &[(SessionId, Modality)], clients: &[ClientId]) -> ((SessionId, Modality), ClientId) {
    let (round, session) = (number / sessions.len(), number % sessions.len());
    (sessions[session], clients[(round + session) % clients.len()])
}
