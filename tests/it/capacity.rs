//! What programs can take on: from caseloads and who waits, found out every ten minutes, and looked for by who refers.

use chrono::TimeDelta;
use entity::vocabulary::Role;
use kit::{app::TestApp, caller::Answer, handover::Handover, on_both};
use serde_json::{Value, json};

const PROGRAMS: &str = "query($filter: ProgramFilter, $orderBy: ProgramOrder) { programs(filter: $filter, orderBy: $orderBy) {
    totalCount nodes { id capacity capacityAsOf } } }";

async fn of(app: &TestApp, they: &Handover) -> Value {
    let query = format!("{{ program(id: \"{}\") {{ capacity capacityAsOf }} }}", they.support.program);
    app.anyone().ask(&query).await.data("/program").clone()
}

async fn another(app: &TestApp, they: &Handover) -> String {
    they.refer(they.another(app)).await.text("/referralCreate/referral/id").to_owned()
}

async fn with(app: &TestApp, capacity: &str) -> Answer {
    app.anyone().ask_with(PROGRAMS, json!({ "filter": { "capacity": [capacity] } })).await
}

on_both! {
    async fn it_follows_what_peers_carry_and_who_waits(db: TestDatabase) {
        let app = TestApp::start(db).await;
        let they = Handover::begin(&app).await;
        let before = of(&app, &they).await;
        app.fire_timers().await;
        let open = of(&app, &they).await;
        assert_eq!(open["capacity"], "CAPACITY", "a peer takes on people, and nobody is there yet: {before}");

        // Fifteen people are as much as a peer carries in the first month.
        let mut referrals = Vec::new();
        for carried in 1..=15 {
            let id = another(&app, &they).await;
            let client = they.accepted(&id).await;
            they.assigned(&id).await;
            referrals.push((id, client));
            if carried == 14 {
                app.clock().advance(TimeDelta::minutes(10));
                app.fire_timers().await;
                let still = of(&app, &they).await;
                assert_eq!(still["capacity"], "CAPACITY", "there is one place");
                assert!(still["capacityAsOf"].as_str() > open["capacityAsOf"].as_str(), "it was looked at again: {still}");
                let waiting = another(&app, &they).await;
                they.accepted(&waiting).await;
                app.clock().advance(TimeDelta::minutes(10));
                app.fire_timers().await;
                assert_eq!(of(&app, &they).await["capacity"], "WAITLIST", "that somebody waits for");
                let cancel = they.act(&they.coordinator, "referralCancel", &waiting, "reason: REQUESTER_WITHDREW").await;
                assert_eq!(cancel.user_error_codes(), [""; 0]);
                app.clock().advance(TimeDelta::minutes(10));
                app.fire_timers().await;
                assert_eq!(of(&app, &they).await["capacity"], "CAPACITY");
            }
        }
        app.clock().advance(TimeDelta::minutes(9));
        app.fire_timers().await;
        assert_eq!(of(&app, &they).await["capacity"], "CAPACITY", "not at once, so that nobody can tell when somebody was assigned");
        app.clock().advance(TimeDelta::minutes(1));
        app.fire_timers().await;
        assert_eq!(of(&app, &they).await["capacity"], "WAITLIST");
        let unassign = they.act(&they.coordinator, "referralHold", &referrals[0].0, "text: \"Away\" reviewAt: \"2026-03-06T16:00:00Z\"").await;
        assert_eq!(unassign.user_error_codes(), [""; 0], "{}", unassign.raw);

        app.sealed().await;
        let officer = app.staff(&they.support, &[Role::Coordinator]).await.treating();
        let events = officer.ask("{ events(filter: { kinds: [PROGRAM_CAPACITY_CHANGED] }) { nodes { subjectVersion actorName client { id } } } }").await;
        assert_eq!(events.data("/events/nodes").as_array().unwrap().len(), 4, "only what changed: {}", events.raw);
        assert_eq!(events.data("/events/nodes/0"), &json!({ "subjectVersion": null, "actorName": "aftercare", "client": null }), "{}", events.raw);
    }

    async fn who_looks_for_a_place_finds_where_there_is_one(db: TestDatabase) {
        let app = TestApp::start(db).await;
        let they = Handover::begin(&app).await;
        app.fire_timers().await;
        let ours = json!(they.support.program.to_string());
        assert_eq!(with(&app, "CAPACITY").await.data("/programs/nodes/0/id"), &ours);
        assert_eq!(with(&app, "CAPACITY").await.data("/programs/totalCount"), &json!(1));
        assert_eq!(with(&app, "NO_CAPACITY").await.data("/programs/totalCount"), &json!(1), "the clinic has no peer");
        let order = |direction: &str| json!({ "orderBy": { "field": "CAPACITY", "direction": direction } });
        assert_eq!(app.anyone().ask_with(PROGRAMS, order("ASC")).await.data("/programs/nodes/0/id"), &ours, "who can take somebody comes first");
        assert_eq!(app.anyone().ask_with(PROGRAMS, order("DESC")).await.data("/programs/nodes/1/id"), &ours);

        let closed = format!("mutation {{ programUpdate(input: {{ id: {ours}, acceptsReferrals: false }}) {{ program {{ capacity }} userErrors {{ code }} }} }}");
        let closed = they.coordinator.ask(&closed).await;
        assert_eq!(closed.text("/programUpdate/program/capacity"), "NO_CAPACITY", "that it takes no referrals holds at once: {}", closed.raw);
        let opened = format!("mutation {{ programUpdate(input: {{ id: {ours}, acceptsReferrals: true }}) {{ program {{ capacity }} userErrors {{ code }} }} }}");
        assert_eq!(they.coordinator.ask(&opened).await.user_error_codes(), [""; 0]);
        app.fire_timers().await;
        assert_eq!(of(&app, &they).await["capacity"], "CAPACITY", "and what there is is found out soon");
    }
}
