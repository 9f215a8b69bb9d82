//! Support groups: who finds them, who comes, and what those who come agree to.

use entity::vocabulary::{OrganizationKind, Role};
use kit::{app::TestApp, on_both};
use serde_json::{Value, json};

use super::{REGISTER, Room, standing};

const CREATE: &str = "mutation($input: SupportGroupCreateInput!) { supportGroupCreate(input: $input) {
    supportGroup { id open pathway focus confidentiality recurrence calendarUrl sessions(first: 2) { nodes { id } }
        operations { capacityInPerson capacityOnline waitlistSize version } } userErrors { code path } } }";
const UPDATE: &str = "mutation($input: SupportGroupUpdateInput!) { supportGroupUpdate(input: $input) {
    supportGroup { open pathway focus title operations { version } } userErrors { code path } } }";

fn circle(room: &Room, open: bool) -> Value {
    json!({
        "programId": room.home.program, "title": "Monday circle", "topics": ["COPING.STRESS"], "modality": "HYBRID", "visibility": "PUBLIC",
        "open": open, "pathway": "SECULAR", "focus": ["ALCOHOL", "PARENTING", "ALCOHOL"], "confidentiality": "What is said here stays here.",
        "startsOn": "2026-03-06", "startTime": "19:00", "minutes": 60, "recurrence": "FREQ=WEEKLY",
        "address": { "line1": "12 Quiet Lane", "city": "Albany", "country": "US" },
    })
}

on_both! {
    async fn a_group_is_found_beside_workshops_and_never_among_them(db: TestDatabase) {
        let room = Room::with(TestApp::start(db).await, json!({})).await;
        let made = room.coordinator.ask_with(CREATE, json!({ "input": circle(&room, true) })).await;
        assert_eq!(made.user_error_codes(), [""; 0], "{}", made.raw);
        let group = made.data("/supportGroupCreate/supportGroup");
        assert_eq!((&group["open"], &group["pathway"], &group["focus"]), (&json!(true), &json!("SECULAR"), &json!(["ALCOHOL", "PARENTING"])));
        assert_eq!(group["operations"], json!({ "capacityInPerson": 12, "capacityOnline": 12, "waitlistSize": null, "version": 1 }), "domain 6.3");
        let id = group["id"].as_str().unwrap();

        let found = room.app.anyone().ask("{ supportGroups { totalCount nodes { id title program { name } nextSession { startsAt } } } workshops { totalCount }
            one: sessions { totalCount nodes { gathering { __typename id } } }
            both: sessions(first: 2, filter: { includeGroups: true }) { totalCount nodes { gathering { __typename ... on SupportGroup { open } } } } }").await;
        assert_eq!(found.error_codes(), [""; 0], "{}", found.raw);
        assert_eq!((found.text("/supportGroups/nodes/0/id"), found.data("/supportGroups/totalCount")), (id, &json!(1)));
        assert_eq!((found.data("/workshops/totalCount"), found.data("/one/totalCount")), (&json!(1), &json!(1)));
        assert_eq!(found.text("/one/nodes/0/gathering/__typename"), "Workshop");
        assert_eq!(found.data("/both/nodes/0/gathering"), &json!({ "__typename": "SupportGroup", "open": true }));
        let as_workshop = id.replace("grp_", "wks_");
        let query = "query($group: ID!, $workshop: ID!) { group: node(id: $group) { __typename } workshop: node(id: $workshop) { __typename } }";
        let nodes = room.app.anyone().ask_with(query, json!({ "group": id, "workshop": as_workshop })).await;
        assert_eq!((nodes.text("/group/__typename"), nodes.data("/workshop")), ("SupportGroup", &Value::Null), "it is no workshop by any id");
        let update = "mutation($input: WorkshopUpdateInput!) { workshopUpdate(input: $input) { workshop { id } userErrors { code } } }";
        let refused = room.coordinator.ask_with(update, json!({ "input": { "id": as_workshop, "title": "Other" } })).await;
        assert_eq!(refused.user_error_codes(), ["NOT_FOUND"], "{}", refused.raw);
        let calendar = room.app.anyone().download(&format!("/calendar/workshops/{id}.ics")).await;
        assert!(calendar.raw.contains("SUMMARY:Monday circle") && calendar.raw.contains("RRULE:FREQ=WEEKLY"), "{}", calendar.raw);
        let all = room.app.anyone().download("/calendar/workshops.ics").await;
        assert!(!all.raw.contains("Monday circle") && all.raw.contains("Riding out stress"), "{}", all.raw);
        let none = room.app.anyone().download(&format!("/calendar/workshops/{as_workshop}.ics")).await;
        assert_eq!(none.status, 404);
    }

    async fn whoever_comes_to_a_group_agrees_to_what_it_says(db: TestDatabase) {
        let room = Room::with(TestApp::start(db).await, json!({})).await;
        let made = room.coordinator.ask_with(CREATE, json!({ "input": circle(&room, true) })).await;
        let session = made.data("/supportGroupCreate/supportGroup/sessions/nodes/0/id").clone();
        let ada = room.client().await;
        let own = room.app.as_client(&room.coordinator, &ada).await;
        let mut input = json!({ "sessionId": session, "attendance": "ONLINE" });

        let refused = own.ask_with(REGISTER, json!({ "input": input })).await;
        assert_eq!(refused.user_error_codes(), ["REQUIRED"], "{}", refused.raw);
        assert_eq!(refused.data("/registrationCreate/userErrors/0/path"), &json!(["input", "agreesToConfidentiality"]));
        input["agreesToConfidentiality"] = json!(true);
        let comes = own.ask_with(REGISTER, json!({ "input": input })).await;
        assert_eq!(standing(comes.data("/registrationCreate/registration")), ("REGISTERED", None), "{}", comes.raw);
        assert_eq!(room.app.database.count("FROM registration WHERE agreed_at IS NOT NULL").await, 1);
    }

    async fn into_a_closed_group_those_who_run_it_take_people(db: TestDatabase) {
        let room = Room::with(TestApp::start(db).await, json!({})).await;
        let made = room.coordinator.ask_with(CREATE, json!({ "input": circle(&room, false) })).await;
        let id = made.text("/supportGroupCreate/supportGroup/id").to_owned();
        let session = made.data("/supportGroupCreate/supportGroup/sessions/nodes/0/id").clone();
        let ada = room.client().await;
        let own = room.app.as_client(&room.coordinator, &ada).await;
        let input = json!({ "sessionId": session, "attendance": "ONLINE", "agreesToConfidentiality": true });

        let refused = own.ask_with(REGISTER, json!({ "input": input })).await;
        assert_eq!(refused.user_error_codes(), ["NOT_ELIGIBLE"], "{}", refused.raw);
        let taken = room.try_register(&ada, input.clone()).await;
        assert_eq!(taken.user_error_codes(), [""; 0], "{}", taken.raw);
        // That somebody comes to it is class C: not to colleagues who do not work with them.
        let roster = "query($id: ID!) { session(id: $id) { roster { registeredCount registrations { totalCount nodes { client { id } } } } } }";
        for (role, seen) in [(Role::Supervisor, json!(1)), (Role::Peer, json!(0))] {
            let asked = room.app.staff(&room.home, &[role]).await.ask_with(roster, json!({ "id": session })).await;
            assert_eq!(asked.data("/session/roster/registrations/totalCount"), &seen, "{role}: {}", asked.raw);
        }
        for role in [Role::Administrator, Role::Referrer] {
            let asked = room.app.staff(&room.home, &[role]).await.ask_with(roster, json!({ "id": session })).await;
            assert_eq!(asked.data("/session/roster"), &Value::Null, "{role}");
        }
        let other = room.app.home("Riverbend", OrganizationKind::RecoveryCommunityOrganization).await;
        let stranger = room.app.staff(&other, &[Role::Coordinator]).await.ask_with(roster, json!({ "id": session })).await;
        assert_eq!(stranger.data("/session/roster"), &Value::Null);

        let seats = "query($id: ID!) { session(id: $id) { seatsLeftInPerson seatsLeftOnline waitlistOpen }
            sessions(filter: { includeGroups: true, hasSeats: true }) { nodes { gathering { title } } } }";
        let public = room.app.anyone().ask_with(seats, json!({ "id": session })).await;
        assert_eq!(public.data("/session"), &json!({ "seatsLeftInPerson": 0, "seatsLeftOnline": 0, "waitlistOpen": false }), "how many come is theirs to know");
        assert_eq!(public.data("/sessions/nodes"), &json!([{ "gathering": { "title": "Riding out stress" } }]), "{}", public.raw);
        for document in [format!("/calendar/workshops/{id}.ics"), "/meetings.json".to_owned(), "/hsds/services".to_owned()] {
            let read = room.app.anyone().download(&document).await;
            assert!(!read.raw.contains("Monday circle"), "{document}: {}", read.raw);
        }

        let opened = room.coordinator.ask_with(UPDATE, json!({ "input": { "id": id, "open": true, "pathway": null, "focus": [] } })).await;
        assert_eq!(opened.data("/supportGroupUpdate/supportGroup"), &json!({
            "open": true, "pathway": null, "focus": [], "title": "Monday circle", "operations": { "version": 2 },
        }), "{}", opened.raw);
        let listed = room.app.anyone().download("/meetings.json").await;
        assert!(listed.raw.contains("Monday circle") && listed.raw.contains(&id), "{}", listed.raw);
        let cy = room.client().await;
        let comes = room.app.as_client(&room.coordinator, &cy).await.ask_with(REGISTER, json!({ "input": input })).await;
        assert_eq!(comes.user_error_codes(), [""; 0], "{}", comes.raw);
        assert_eq!(room.app.database.count("FROM event WHERE subject_kind = 'gth'").await, 0, "an id from inside is told nowhere");
    }
}
