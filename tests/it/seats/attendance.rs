//! Who came to a session.

use chrono::TimeDelta;
use entity::vocabulary::Role;
use kit::{
    app::TestApp,
    caller::{Answer, Caller},
    on_both,
};
use serde_json::{Value, json};

use super::{CANCEL, Room};

const RECORD: &str =
    "mutation($session: ID!, $entries: [AttendanceEntryInput!]!) { attendanceRecord(sessionId: $session, entries: $entries) {
    session { status roster { registeredCount waitlistCount } } registrations { id status checkedInAt } userErrors { code path } } }";

async fn record(caller: &Caller, room: &Room, entries: &[(&Value, &str)]) -> Answer {
    let entries: Vec<_> = entries.iter().map(|(of, status)| json!({ "registrationId": of["id"], "status": status })).collect();
    caller.ask_with(RECORD, json!({ "session": room.session, "entries": entries })).await
}

on_both! {
    async fn who_came_is_recorded_in_one_batch_again_and_taken_back(db: TestDatabase) {
        let room = Room::with(TestApp::start(db).await, json!({ "capacityOnline": 3 })).await;
        let (ada, bo, cy, dee) = (room.register().await, room.register().await, room.register().await, room.register().await);
        let early = record(&room.coordinator().await, &room, &[(&ada, "ATTENDED")]).await;
        assert_eq!((early.user_error_codes(), early.data("/attendanceRecord/userErrors/0/path")), (vec!["IMMUTABLE"], &json!(["sessionId"])));

        // Half an hour before it begins people come in.
        room.app.clock().advance(TimeDelta::days(7) + TimeDelta::minutes(9 * 60 + 30));
        let desk = room.coordinator().await;
        let came = record(&desk, &room, &[(&ada, "ATTENDED")]).await;
        assert_eq!(came.user_error_codes(), [""; 0], "{}", came.raw);
        assert_eq!(came.data("/attendanceRecord/session/status"), "SCHEDULED", "it has not begun");
        assert_eq!(came.data("/attendanceRecord/registrations/0"), &json!({ "id": ada["id"], "status": "ATTENDED", "checkedInAt": "2026-03-09T21:30:00+00:00" }));
        for early in ["NO_SHOW", "EXCUSED"] {
            assert_eq!(record(&desk, &room, &[(&bo, early)]).await.user_error_codes(), ["INVALID"], "nobody has stayed away yet");
        }
        for moved in [
            "mutation($id: ID!) { done: sessionReschedule(id: $id, startsAt: \"2026-03-12T18:00:00Z\") { userErrors { code } } }",
            "mutation($id: ID!) { done: sessionCancel(id: $id) { userErrors { code } } }",
        ] {
            assert_eq!(desk.ask_with(moved, json!({ "id": room.session })).await.user_error_codes(), ["IMMUTABLE"], "people are there");
        }
        let drop = room.update(json!({ "startTime": "19:00" })).await;
        assert_eq!(drop.user_error_codes(), [""; 0], "{}", drop.raw);
        assert_eq!(room.app.database.count("FROM session WHERE version = 1").await, 1, "it stays where people came to");

        room.app.clock().advance(TimeDelta::minutes(45));
        let desk = room.coordinator().await;
        let batch = [(&ada, "ATTENDED"), (&bo, "PARTIAL"), (&cy, "NO_SHOW"), (&dee, "ATTENDED")];
        let all = record(&desk, &room, &batch).await;
        assert_eq!(all.user_error_codes(), [""; 0], "{}", all.raw);
        assert_eq!(all.data("/attendanceRecord/session"), &json!({ "status": "SCHEDULED", "roster": { "registeredCount": 4, "waitlistCount": 0 } }),
            "whoever waited and came is there, however many seats there were");
        let statuses: Vec<_> = all.data("/attendanceRecord/registrations").as_array().unwrap().iter().map(|one| one["status"].as_str().unwrap()).collect();
        assert_eq!(statuses, ["ATTENDED", "PARTIAL", "NO_SHOW", "ATTENDED"], "in their order");
        assert_eq!(all.data("/attendanceRecord/registrations/0/checkedInAt"), "2026-03-09T21:30:00+00:00", "when they first came");

        let (steps, events) = ("FROM registration_step", "FROM event WHERE kind = 'REGISTRATION_CHANGED' AND CAST(changed AS TEXT) LIKE '%status%'");
        let before = (room.app.database.count(steps).await, room.app.database.count(events).await);
        assert_eq!(record(&desk, &room, &batch).await.data("/attendanceRecord"), all.data("/attendanceRecord"), "again is as once");
        assert_eq!((room.app.database.count(steps).await, room.app.database.count(events).await), before);
        let undone = record(&desk, &room, &[(&bo, "REGISTERED"), (&cy, "EXCUSED")]).await;
        assert_eq!(undone.data("/attendanceRecord/registrations/0"), &json!({ "id": bo["id"], "status": "REGISTERED", "checkedInAt": null }));
        let cancel = desk.ask_with(CANCEL, json!({ "id": ada["id"] })).await;
        assert_eq!(cancel.user_error_codes(), ["IMMUTABLE"], "that they came stays: {}", cancel.raw);
        room.app.clock().advance(TimeDelta::hours(1));
        assert_eq!(room.session().await["status"], "HELD", "its time is over, whoever came");
        let history = room.look(&bo).await["history"].clone();
        assert_eq!(history[2]["because"], "What was recorded of attendance was taken back.", "{history}");
    }

    async fn a_batch_is_made_whole_or_not_at_all(db: TestDatabase) {
        let room = Room::with(TestApp::start(db).await, json!({ "capacityOnline": 3 })).await;
        let (ada, bo) = (room.register().await, room.register().await);
        room.cancel(&bo).await;
        room.app.clock().advance(TimeDelta::days(7) + TimeDelta::hours(10));
        let desk = room.coordinator().await;
        let nobody = json!({ "id": "reg_00000000000000000000000000" });
        let cases = [
            (vec![(&ada, "ATTENDED"), (&ada, "PARTIAL")], "INVALID", json!(["entries", "1", "registrationId"])),
            (vec![(&ada, "ATTENDED"), (&bo, "ATTENDED")], "IMMUTABLE", json!(["entries", "1", "registrationId"])),
            (vec![(&ada, "ATTENDED"), (&nobody, "ATTENDED")], "NOT_FOUND", json!(null)),
            (vec![(&ada, "WAITLISTED")], "INVALID", json!(["entries", "0", "status"])),
            (vec![(&ada, "CANCELLED")], "INVALID", json!(["entries", "0", "status"])),
            (vec![], "REQUIRED", json!(["entries"])),
        ];
        for (entries, code, path) in cases {
            let refused = record(&desk, &room, &entries).await;
            assert_eq!(refused.user_error_codes(), [code], "{entries:?}: {}", refused.raw);
            assert_eq!(refused.data("/attendanceRecord/userErrors/0/path"), &path);
        }
        let many = vec![(&ada, "ATTENDED"); 501];
        assert_eq!(record(&desk, &room, &many).await.user_error_codes(), ["TOO_MANY"]);
        assert_eq!(room.look(&ada).await["status"], "REGISTERED", "nothing was recorded");
        for role in [Role::Administrator, Role::Referrer, Role::Analyst] {
            let refused = record(&room.app.staff(&room.home, &[role]).await, &room, &[(&ada, "ATTENDED")]).await;
            assert_eq!(refused.user_error_codes(), ["NOT_PERMITTED"], "{role}");
        }
        assert_eq!(record(&room.app.staff(&room.home, &[Role::Supervisor]).await, &room, &[(&ada, "ATTENDED")]).await.user_error_codes(), [""; 0]);
    }
}
