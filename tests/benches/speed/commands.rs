//! What is written, and how soon it is heard of.

use std::{
    sync::atomic::{AtomicU32, Ordering},
    time::Instant,
};

use aftercare::command::{Plan, load_demo};
use chrono::{NaiveDate, TimeDelta};
use entity::vocabulary::{OrganizationKind, Role};
use futures_util::future::join_all;
use kit::{app::TestApp, databases::TestDatabase, follower::Follower, handover::Handover};
use serde_json::{Value, json};

use crate::measure::{Times, ms, sized};

/// How many referrals are made, one after the other and at once.
const REFERRALS: usize = sized(320);
const AT_ONCE: usize = 16;

/// A referral of a person whom no other record looks like.
fn somebody_else(app: &TestApp, them: &Handover, number: u32) -> Value {
    let mut input = them.another(app);
    let born = NaiveDate::from_ymd_opt(1950, 1, 1).unwrap() + TimeDelta::days(i64::from(number) * 7);
    input["client"]["dateOfBirth"] = json!(born.to_string());
    input["client"]["familyName"] = json!(format!("Byron-{number}"));
    input["client"]["contactMethods"][0]["value"] = json!(format!("+1 212 555 {number:04}"));
    input
}

/// Referrals of new clients, submitted, over HTTP.
pub(crate) async fn referring(db: TestDatabase) {
    let kind = db.kind;
    let app = TestApp::start(db).await;
    let them = Handover::begin(&app).await;
    let number = AtomicU32::new(0);
    let refer = async || {
        let input = somebody_else(&app, &them, number.fetch_add(1, Ordering::Relaxed));
        let begun = Instant::now();
        let answer = them.refer(input).await;
        assert_eq!(answer.user_error_codes(), [""; 0], "{}", answer.raw);
        begun.elapsed()
    };
    for _ in 0..sized(20) {
        refer().await;
    }
    for at_once in [1, AT_ONCE] {
        let begun = Instant::now();
        let times = join_all((0..at_once).map(async |_| {
            let mut times = Vec::new();
            for _ in 0..REFERRALS / at_once {
                times.push(refer().await);
            }
            times
        }))
        .await
        .concat();
        let rate = times.len() as f64 / begun.elapsed().as_secs_f64();
        let times = Times::of(times);
        println!("{kind:?}: referralCreate, {at_once} at once: {rate:.0} a second, p50 {}, p99 {}", ms(times.at(50)), ms(times.at(99)));
    }
}

/// What falls due: the clocks of referrals that nobody answers, each with half of its time, all of it and its ceiling.
pub(crate) async fn firing(db: TestDatabase) {
    let kind = db.kind;
    let app = TestApp::start(db).await;
    let them = Handover::begin(&app).await;
    for number in 0..REFERRALS {
        let input = somebody_else(&app, &them, u32::try_from(number).unwrap());
        assert_eq!(them.refer(input).await.user_error_codes(), [""; 0]);
    }
    app.fire_timers().await;
    app.clock().advance(TimeDelta::days(13));
    let begun = Instant::now();
    let fired = app.fire_timers().await;
    println!("{kind:?}: {fired} things that fell due: {:.0} a second", fired as f64 / begun.elapsed().as_secs_f64());
}

/// From the answer to a mutation to its event at a subscriber over a WebSocket; an event that is faster than the answer counts as none.
pub(crate) async fn hearing(db: TestDatabase) {
    let kind = db.kind;
    let app = TestApp::start(db).await;
    let home = app.home("Open Door", OrganizationKind::RecoveryCommunityOrganization).await;
    let administrator = app.staff(&home, &[Role::Administrator]).await;
    app.sealed().await;
    let mut follower = Follower::after(&administrator, &app.url, None).await;
    assert!(follower.hears_nothing().await);
    let (mut after, mut whole) = (Vec::new(), Vec::new());
    for number in 0..sized(300) {
        let create = "mutation($name: String!) { programCreate(input: { name: $name }) { userErrors { code } } }";
        let begun = Instant::now();
        let mutation = async {
            administrator.ask_with(create, json!({ "name": format!("Program {number}") })).await;
            Instant::now()
        };
        let event = async {
            follower.event().await;
            Instant::now()
        };
        let (answered, heard) = futures_util::future::join(mutation, event).await;
        after.push(heard.saturating_duration_since(answered));
        whole.push(heard - begun);
    }
    let (after, whole): (Times, Times) = (Times::of(after), Times::of(whole));
    let said = |times: &Times| format!("p50 {}, p99 {}", ms(times.at(50)), ms(times.at(99)));
    println!("{kind:?}: an event after its mutation's answer: {}; from asking to hearing: {}", said(&after), said(&whole));
}

/// Made-up data.
pub(crate) async fn loading(db: TestDatabase) {
    let kind = db.kind;
    let app = TestApp::start(db).await;
    let plan = Plan {
        clients: sized(1_000) as u32,
        workshops: sized(100) as u32,
        sessions: 10,
        registrations: sized(1_000) as u32,
        ..Plan::default()
    };
    let begun = Instant::now();
    load_demo(&app, &plan, false).await.unwrap();
    let (taken, events) = (begun.elapsed().as_secs_f64(), app.database.count("FROM event").await);
    let Plan { clients, workshops, registrations, .. } = plan;
    let rate = events as f64 / taken;
    println!(
        "{kind:?}: demo load, {clients} clients, {workshops} workshops, {registrations} registrations: {taken:.1} s, {rate:.0} events a second"
    );
}
