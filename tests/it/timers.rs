//! Timers over two server processes, which are killed again and again: each thing that fell due is done once.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use aftercare::{
    access::{Access, Actor, Scope},
    clock::Clock,
    domain::{
        client::ContactMethod,
        consent::NewConsent,
        referral::{self, Clinical, NewReferral, Under, Who},
    },
};
use chrono::TimeDelta;
use entity::vocabulary::{
    AsamEdition, ConsentKind, ContactMethodKind, DataClass, DischargeType, OrganizationKind, PurposeOfUse, ReferralOrigin, ReferralUrgency,
    Role, ServiceKind, SignatureMethod, SignerCapacity,
};
use kit::{
    app::{Home, TestApp, somebody},
    databases::{TestDatabase, say_skipped},
    program::Installation,
};
use tokio::time::sleep;

/// Each has three clocks, and each clock three effects: half of its time, all of it, and its ceiling.
const REFERRALS: usize = 667;
const CLOCKS: usize = 3 * REFERRALS;
const EFFECTS: usize = 3 * CLOCKS;
/// After how many effects a process is killed.
const BETWEEN_KILLS: usize = 250;
/// How long it may take at the most.
const PATIENCE: Duration = Duration::from_secs(300);

const DONE: &str = "FROM event WHERE kind IN ('CLOCK_WARNING', 'CLOCK_BREACHED')";

/// A closed loop: each of the two may tell the other.
fn consent(app: &TestApp, from: &Home, to: &Home) -> NewConsent {
    let (now, both) = (app.clock().now(), vec![from.organization, to.organization]);
    NewConsent {
        kind: ConsentKind::Specific,
        disclosers: both.clone(),
        recipients: both,
        recipient_class: None,
        data_classes: vec![DataClass::Identity, DataClass::ReferralClinical, DataClass::ReferralStatus],
        purposes: vec![PurposeOfUse::Treatment],
        signed_at: now,
        signed_by: "Ada Byron".to_owned(),
        signer_capacity: SignerCapacity::Oneself,
        signature_method: SignatureMethod::Electronic,
        evidence_sha256: None,
        language: None,
        expires_at: Some(now + TimeDelta::days(365)),
        expiry_event: None,
        never_expires: false,
    }
}

fn new_referral(app: &TestApp, from: &Home, to: &Home) -> NewReferral {
    let mut person = somebody(from);
    person.identity.contact_methods.push(ContactMethod {
        id: "1".to_owned(),
        kind: ContactMethodKind::Phone,
        value: "+12125550123".to_owned(),
        safe: true,
        may_mention_recovery: false,
        may_leave_message: false,
        from: None,
        to: None,
    });
    NewReferral {
        origin: ReferralOrigin::Program,
        re_referral_of: None,
        from_program_id: Some(from.program),
        to_program_id: Some(to.program),
        who: Who::New(Box::new(person)),
        under: Some(Under::New(Box::new(consent(app, from, to)))),
        urgency: ReferralUrgency::Urgent,
        clinical: Clinical {
            // Long enough for the ceiling of the first contact, which runs from discharge.
            discharged_at: Some(app.clock().now() - TimeDelta::days(40)),
            expected_discharge_on: None,
            discharge_type: DischargeType::Completed,
            level: Some((AsamEdition::Fourth, "3.5".to_owned())),
            communities: Vec::new(),
            match_preferences: Vec::new(),
            pathways: Vec::new(),
            moud: None,
            reason: None,
        },
        requested_services: vec![ServiceKind::OneOnOne],
        external_identifiers: Vec::new(),
        submit: true,
    }
}

/// Refers people as somebody who works there does, all in one transaction, so long ago that nobody answered any of them in time.
async fn refer_unanswered(database: &Arc<TestDatabase>) {
    let app = TestApp::beside(database).await;
    // Every clock's ceiling has passed since, and no referral has ended by itself yet.
    app.clock().advance(Clock::system().now() - TimeDelta::days(12) - app.clock().now());
    let from = app.home("Harbor", OrganizationKind::TreatmentProvider).await;
    let to = app.home("Open Door", OrganizationKind::RecoveryCommunityOrganization).await;
    let referrer = Access {
        actor: Actor::Staff(app.staff_member(&from, &[Role::Referrer]).await),
        organization: Some(from.organization),
        organization_kind: Some(OrganizationKind::TreatmentProvider),
        programs: vec![from.program],
        roles: [Role::Referrer].into(),
        scopes: Scope::ALL.iter().map(|(scope, _)| *scope).collect(),
        purpose: Some(PurposeOfUse::Treatment),
        ..Access::anonymous("test", app.clock().now())
    };
    let mut tx = app.store.begin(&referrer).await.unwrap();
    let mut last = None;
    for _ in 0..REFERRALS {
        last = Some(referral::create_in(&mut tx, new_referral(&app, &from, &to)).await.unwrap());
    }
    tx.commit(last.unwrap()).await.unwrap();
}

/// How many groups of these columns have not exactly one row.
async fn not_once(database: &TestDatabase, columns: &str, from: &str) -> usize {
    database.count(&format!("FROM (SELECT {columns} {from} GROUP BY {columns} HAVING COUNT(*) <> 1) AS not_once")).await
}

async fn two_processes_do_each_thing_once(database: TestDatabase) {
    let database = Arc::new(database);
    Box::pin(refer_unanswered(&database)).await;
    assert_eq!(database.count("FROM timer WHERE kind = 'CLOCK'").await, CLOCKS);
    let later = database.count("FROM timer WHERE kind <> 'CLOCK'").await;

    let places = [Installation::beside(Arc::clone(&database)), Installation::beside(Arc::clone(&database))];
    let mut servers = [Some(places[0].serve().await), Some(places[1].serve().await)];
    let (begun, mut kills, mut killed_at) = (Instant::now(), 0, 0);
    loop {
        let done = database.count(DONE).await;
        if done >= EFFECTS {
            break;
        }
        assert!(begun.elapsed() < PATIENCE, "{done} of {EFFECTS} effects after {kills} kills");
        if done < killed_at + BETWEEN_KILLS {
            sleep(Duration::from_millis(10)).await;
            continue;
        }
        // One after the other, in the middle of whatever it does; meanwhile the other goes on.
        let turn = kills % 2;
        drop(servers[turn].take());
        servers[turn] = Some(places[turn].serve().await);
        (kills, killed_at) = (kills + 1, done);
    }
    while database.count("FROM event WHERE position IS NULL").await > 0 {
        assert!(begun.elapsed() < PATIENCE, "the log is not sealed");
        sleep(Duration::from_millis(20)).await;
    }
    drop(servers);

    assert!(kills >= 8, "it was killed in the middle of it: {kills}");
    assert_eq!(database.count(DONE).await, EFFECTS);
    let effect = "referral_id, kind, CAST(changed AS TEXT)";
    assert_eq!(not_once(&database, effect, DONE).await, 0, "each effect of each clock has one event");
    let reached = "warned_at IS NOT NULL AND breached_at IS NOT NULL AND ceiling_breached_at IS NOT NULL";
    assert_eq!(database.count(&format!("FROM referral_clock WHERE {reached}")).await, CLOCKS);
    for (kind, closed) in [("CLOCK_DUE", "IS NOT NULL"), ("CLOCK_BREACHED", "IS NULL")] {
        assert_eq!(database.count(&format!("FROM work_item WHERE kind = '{kind}' AND closed_at {closed}")).await, CLOCKS, "{kind}");
    }
    assert_eq!(not_once(&database, "referral_id, kind, clock", "FROM work_item").await, 0, "each clock opens one of each");
    for (kind, count) in [("WORK_ITEM_OPENED", 2 * CLOCKS), ("WORK_ITEM_CLOSED", CLOCKS)] {
        let of_kind = format!("FROM event WHERE kind = '{kind}'");
        assert_eq!(database.count(&of_kind).await, count);
        assert_eq!(not_once(&database, "subject_id", &of_kind).await, 0, "{kind}");
    }
    assert_eq!(database.count("FROM timer WHERE kind = 'CLOCK'").await, 0, "nothing is left to do");
    assert_eq!(database.count("FROM timer WHERE failures = 0").await, later, "what is due later waits, and nothing was put off");
    assert_eq!(database.count("FROM timer").await, later);
    let whole = places[0].run(&["verify"]);
    assert!(whole.starts_with("the chains hold"), "{whole}");
}

/// SQLite has one process.
#[tokio::test]
async fn two_processes_of_which_one_is_always_being_killed_do_each_thing_once() {
    match TestDatabase::postgresql() {
        Some(database) => Box::pin(two_processes_do_each_thing_once(database)).await,
        None => say_skipped(),
    }
}
