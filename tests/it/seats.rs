//! Seats, the line of those who wait for one, and who came: as people meet it, hour by hour.

mod attendance;
mod crowd;
mod group;
mod guest;

use chrono::TimeDelta;
use entity::vocabulary::{OrganizationKind, Role};
use kit::{
    app::{Home, TestApp},
    caller::{Answer, Caller},
    on_both,
    workshops::{published, sessions},
};
use serde_json::{Value, json};

const REGISTER: &str = "mutation($input: RegistrationCreateInput!) { registrationCreate(input: $input) {
    registration { id status waitlistPosition offerExpiresAt joinUrl accessibilityNeeds history { status because } }
    userErrors { code message path } } }";
const ACCEPT: &str = "mutation($id: ID!) { registrationAcceptOffer(id: $id) {
    registration { id status joinUrl offerExpiresAt history { status at because } } userErrors { code path } } }";
const CANCEL: &str = "mutation($id: ID!) { registrationCancel(id: $id) { registration { status waitlistPosition } userErrors { code } } }";
const LOOK: &str = "query($id: ID!) { node(id: $id) { ... on Registration { status waitlistPosition offerExpiresAt checkedInAt
    history { status at because } } } }";
const UPDATE: &str =
    "mutation($input: WorkshopUpdateInput!) { workshopUpdate(input: $input) { workshop { id } userErrors { code path } } }";
const ROSTER: &str = "query($id: ID!) { session(id: $id) { status seatsLeftOnline waitlistOpen version
    roster { registeredCount waitlistCount capacityOnline } } }";

/// Where people register: one session online, with few seats.
pub(super) struct Room {
    pub(super) app: TestApp,
    pub(super) home: Home,
    pub(super) coordinator: Caller,
    pub(super) workshop: String,
    pub(super) session: String,
}

impl Room {
    /// On 9 March 2026 at 18:00 in New York, a week ahead. The input is a workshop's, with these fields in place of its own.
    pub(super) async fn with(app: TestApp, change: Value) -> Self {
        let (home, coordinator) = app.open_door(&[Role::Coordinator]).await;
        let input = json!({
            "programId": home.program, "title": "Riding out stress", "topics": [], "modality": "ONLINE", "visibility": "PUBLIC",
            "joinUrl": "https://meet.example.org/room", "capacityOnline": 1, "startsOn": "2026-03-09", "startTime": "18:00", "minutes": 60,
        });
        let workshop = published(&coordinator, input, &change).await;
        let session = sessions(&coordinator, &workshop).await[0]["id"].as_str().unwrap().to_owned();
        Self { app, home, coordinator, workshop, session }
    }

    pub(super) async fn client(&self) -> String {
        let create = "mutation($input: ClientCreateInput!) { clientCreate(input: $input) { client { id } userErrors { code } } }";
        let input = json!({ "givenName": "Ada", "familyName": "Byron", "dateOfBirth": "1980-12-10",
            "contactMethods": [{ "kind": "EMAIL", "value": "ada@example.org", "safe": true }], "programIds": [self.home.program] });
        self.coordinator().await.ask_with(create, json!({ "input": input })).await.text("/clientCreate/client/id").to_owned()
    }

    /// Registers somebody for the session, with this in the input besides.
    pub(super) async fn try_register(&self, client: &str, more: Value) -> Answer {
        let mut input = json!({ "sessionId": self.session, "registrant": { "clientId": client } });
        for (field, value) in more.as_object().unwrap() {
            input[field] = value.clone();
        }
        self.coordinator().await.ask_with(REGISTER, json!({ "input": input })).await
    }

    /// Registers somebody new. Gives their registration.
    pub(super) async fn register(&self) -> Value {
        let made = self.try_register(&self.client().await, json!({})).await;
        assert_eq!(made.user_error_codes(), [""; 0], "{}", made.raw);
        made.data("/registrationCreate/registration").clone()
    }

    pub(super) async fn accept(&self, registration: &Value) -> Answer {
        self.coordinator().await.ask_with(ACCEPT, json!({ "id": registration["id"] })).await
    }

    pub(super) async fn cancel(&self, registration: &Value) {
        let left = self.coordinator().await.ask_with(CANCEL, json!({ "id": registration["id"] })).await;
        assert_eq!(left.data("/registrationCancel/registration/status"), "CANCELLED", "{}", left.raw);
    }

    /// A registration as it stands now.
    pub(super) async fn look(&self, registration: &Value) -> Value {
        self.coordinator().await.ask_with(LOOK, json!({ "id": registration["id"] })).await.data("/node").clone()
    }

    pub(super) async fn session(&self) -> Value {
        self.coordinator().await.ask_with(ROSTER, json!({ "id": self.session })).await.data("/session").clone()
    }

    /// Somebody who coordinates, with a token that is good at this hour.
    pub(super) async fn coordinator(&self) -> Caller {
        self.app.staff(&self.home, &[Role::Coordinator]).await
    }

    async fn update(&self, mut change: Value) -> Answer {
        change["id"] = json!(self.workshop);
        self.coordinator().await.ask_with(UPDATE, json!({ "input": change })).await
    }
}

fn standing(registration: &Value) -> (&str, Option<i64>) {
    (registration["status"].as_str().unwrap(), registration["waitlistPosition"].as_i64())
}

fn because(registration: &Value) -> Vec<&str> {
    registration["history"].as_array().unwrap().iter().map(|step| step["because"].as_str().unwrap()).collect()
}

on_both! {
    async fn whoever_is_first_in_line_is_offered_the_seat_that_becomes_free(db: TestDatabase) {
        let room = Room::with(TestApp::start(db).await, json!({})).await;
        let (ada, bo, cy) = (room.register().await, room.register().await, room.register().await);
        assert_eq!((standing(&ada), standing(&bo), standing(&cy)), (("REGISTERED", None), ("WAITLISTED", Some(1)), ("WAITLISTED", Some(2))));
        assert_eq!((ada["joinUrl"].as_str(), &bo["joinUrl"]), (Some("https://meet.example.org/room"), &Value::Null), "a join link is for who comes");
        assert_eq!(because(&bo), ["All seats were taken: this is a place in line."]);
        assert_eq!(room.session().await["roster"], json!({ "registeredCount": 1, "waitlistCount": 2, "capacityOnline": 1 }));
        let refused = room.accept(&bo).await;
        assert_eq!(refused.user_error_codes(), ["IMMUTABLE"], "nothing is offered to them yet: {}", refused.raw);

        room.cancel(&ada).await;

        let offered = room.look(&bo).await;
        assert_eq!((standing(&offered), offered["offerExpiresAt"].as_str()), (("OFFERED", None), Some("2026-03-03T12:00:00+00:00")));
        assert_eq!(
            because(&offered)[1],
            "Offered because a seat became free at 2026-03-02 07:00 (America/New_York): it is held until 2026-03-03 07:00 (America/New_York)."
        );
        assert_eq!(standing(&room.look(&cy).await), ("WAITLISTED", Some(1)));
        assert_eq!(standing(&room.register().await), ("WAITLISTED", Some(2)), "a seat that is held is nobody else's");

        let accepted = room.accept(&bo).await;
        assert_eq!(accepted.data("/registrationAcceptOffer/registration/joinUrl"), "https://meet.example.org/room", "{}", accepted.raw);
        assert_eq!(because(accepted.data("/registrationAcceptOffer/registration"))[2], "The seat that was offered was accepted.");
        assert_eq!(room.accept(&bo).await.user_error_codes(), ["IMMUTABLE"]);
        assert_eq!(room.session().await["roster"], json!({ "registeredCount": 1, "waitlistCount": 2, "capacityOnline": 1 }));
        assert_eq!(room.app.database.count("FROM timer WHERE kind = 'SEAT_OFFER'").await, 0);
    }

    async fn an_offer_that_nobody_answers_goes_to_whoever_is_next(db: TestDatabase) {
        let room = Room::with(TestApp::start(db).await, json!({})).await;
        let (ada, bo, cy, dee) = (room.register().await, room.register().await, room.register().await, room.register().await);
        room.cancel(&ada).await;
        room.cancel(&cy).await;
        assert_eq!(room.app.fire_timers().await, 0, "there is time");

        room.app.clock().advance(TimeDelta::hours(24));
        assert_eq!(room.accept(&bo).await.user_error_codes(), ["OFFER_EXPIRED"], "its time is over even before the timer fires");
        assert_eq!(room.app.fire_timers().await, 1);

        let lapsed = room.look(&bo).await;
        assert_eq!((standing(&lapsed), &lapsed["offerExpiresAt"]), (("CANCELLED", None), &Value::Null));
        assert_eq!(because(&lapsed)[2], "The seat that was offered was not accepted in time: it went to whoever was next.");
        assert_eq!(room.accept(&bo).await.user_error_codes(), ["OFFER_EXPIRED"]);
        assert_eq!(standing(&room.look(&dee).await), ("OFFERED", None));
        assert_eq!(room.accept(&dee).await.user_error_codes(), [""; 0]);
        assert_eq!(room.session().await["roster"], json!({ "registeredCount": 1, "waitlistCount": 0, "capacityOnline": 1 }));
    }

    async fn shortly_before_it_begins_the_line_moves_faster_and_then_whoever_is_first_has_the_seat(db: TestDatabase) {
        let room = Room::with(TestApp::start(db).await, json!({ "capacityOnline": 2 })).await;
        let (ada, eve) = (room.register().await, room.register().await);
        let (bo, cy, dee) = (room.register().await, room.register().await, room.register().await);
        // It begins on 9 March at 22:00 UTC.
        room.app.clock().advance(TimeDelta::days(6));
        room.cancel(&ada).await;
        assert_eq!(room.look(&bo).await["offerExpiresAt"], "2026-03-08T14:00:00+00:00", "less than 48 hours before, for two");
        assert_eq!(room.accept(&bo).await.user_error_codes(), [""; 0]);

        room.app.clock().advance(TimeDelta::hours(32) + TimeDelta::minutes(30));
        room.cancel(&eve).await;
        for waits in [&cy, &dee] {
            let called = room.look(waits).await;
            assert_eq!((called["status"].as_str(), called["offerExpiresAt"].as_str()), (Some("OFFERED"), Some("2026-03-09T22:00:00+00:00")));
        }
        assert_eq!(room.session().await["roster"]["registeredCount"], 1, "the seat is nobody's");
        assert_eq!(room.accept(&dee).await.user_error_codes(), [""; 0], "the last in line, and the first to say so");
        assert_eq!(room.accept(&cy).await.user_error_codes(), ["OFFER_TAKEN"]);
        let back = room.look(&cy).await;
        assert_eq!(standing(&back), ("WAITLISTED", Some(1)));
        assert_eq!(because(&back)[2], "Somebody else took the free seat first: the place in line stays.");

        room.cancel(&bo).await;
        assert_eq!(room.look(&cy).await["status"], "OFFERED");
        assert_eq!(standing(&room.register().await), ("REGISTERED", None), "whoever comes first");
        assert_eq!(room.look(&cy).await["status"], "WAITLISTED");
        assert_eq!(room.session().await["roster"], json!({ "registeredCount": 2, "waitlistCount": 1, "capacityOnline": 2 }));
        room.app.clock().advance(TimeDelta::hours(2));
        let late = room.coordinator().await.ask_with(CANCEL, json!({ "id": cy["id"] })).await;
        assert_eq!(late.user_error_codes(), ["IMMUTABLE"], "it has begun");
    }

    async fn nobody_is_removed_where_there_are_fewer_seats_and_more_are_offered(db: TestDatabase) {
        let room = Room::with(TestApp::start(db).await, json!({ "capacityOnline": 3, "waitlistSize": 2 })).await;
        let seated = [room.register().await, room.register().await, room.register().await];
        let (bo, cy) = (room.register().await, room.register().await);
        let full = room.try_register(&room.client().await, json!({})).await;
        assert_eq!(full.user_error_codes(), ["SESSION_FULL"], "{}", full.raw);
        let before = room.session().await;

        assert_eq!(room.update(json!({ "capacityOnline": 1, "waitlistSize": 3 })).await.user_error_codes(), [""; 0]);

        let after = room.session().await;
        assert_eq!(after["roster"], json!({ "registeredCount": 3, "waitlistCount": 2, "capacityOnline": 1 }));
        assert_eq!(after["version"].as_i64(), before["version"].as_i64().map(|version| version + 1));
        assert_eq!(standing(&room.register().await), ("WAITLISTED", Some(3)), "the line is longer");
        room.cancel(&seated[0]).await;
        assert_eq!(room.look(&bo).await["status"], "WAITLISTED", "there are still more who come than seats");
        room.app.clock().advance(TimeDelta::minutes(5));
        let now = room.session().await;
        assert_eq!((&now["seatsLeftOnline"], &now["waitlistOpen"]), (&json!(0), &json!(false)), "and never fewer than none");

        assert_eq!(room.update(json!({ "capacityOnline": 4 })).await.user_error_codes(), [""; 0]);

        for waited in [&bo, &cy] {
            assert_eq!(room.look(waited).await["status"], "OFFERED");
        }
        assert_eq!(room.update(json!({ "capacityOnline": null })).await.user_error_codes(), [""; 0]);
        assert_eq!(room.session().await["roster"], json!({ "registeredCount": 5, "waitlistCount": 0, "capacityOnline": null }), "any number");
        assert_eq!(room.update(json!({ "capacityInPerson": 4 })).await.user_error_codes(), ["INVALID"], "nobody meets in person");
    }

    async fn clients_register_wait_accept_and_leave_themselves(db: TestDatabase) {
        let room = Room::with(TestApp::start(db).await, json!({})).await;
        let (first, waits) = (room.register().await, room.client().await);
        let own = room.app.as_client(&room.coordinator, &waits).await;
        let mine = json!({ "sessionId": room.session, "accessibilityNeeds": ["ASL", "CAPTIONING", "ASL"] });

        let made = own.ask_with(REGISTER, json!({ "input": mine })).await;

        assert_eq!(made.user_error_codes(), [""; 0], "{}", made.raw);
        let registration = made.data("/registrationCreate/registration").clone();
        assert_eq!((standing(&registration), &registration["accessibilityNeeds"]), (("WAITLISTED", Some(1)), &json!(["CAPTIONING", "ASL"])));
        assert_eq!(own.ask_with(REGISTER, json!({ "input": mine })).await.user_error_codes(), ["ALREADY_EXISTS"]);
        room.cancel(&first).await;
        let heard = own.ask_with(LOOK, json!({ "id": registration["id"] })).await;
        assert_eq!(heard.data("/node/status"), "OFFERED", "{}", heard.raw);
        assert_eq!(own.ask_with(LOOK, json!({ "id": first["id"] })).await.data("/node"), &Value::Null, "nobody else's");
        assert_eq!(own.ask_with(CANCEL, json!({ "id": first["id"] })).await.user_error_codes(), ["NOT_FOUND"]);
        let accepted = own.ask_with(ACCEPT, json!({ "id": registration["id"] })).await;
        assert_eq!(accepted.data("/registrationAcceptOffer/registration/status"), "REGISTERED", "{}", accepted.raw);
        let left = own.ask_with(CANCEL, json!({ "id": registration["id"] })).await;
        assert_eq!(left.data("/registrationCancel/registration/status"), "CANCELLED", "{}", left.raw);
        for (input, code) in [
            (json!({ "sessionId": room.session, "registrant": { "clientId": first["id"].as_str().unwrap().replace("reg_", "cli_") } }), "NOT_FOUND"),
            (json!({ "sessionId": room.session, "accessibilityNeeds": ["PONY"] }), "INVALID"),
        ] {
            let refused = own.ask_with(REGISTER, json!({ "input": input })).await;
            assert_eq!(refused.user_error_codes(), [code], "{}", refused.raw);
        }
    }

    async fn nobody_is_in_two_places_at_once_without_being_told(db: TestDatabase) {
        let room = Room::with(TestApp::start(db).await, json!({ "capacityOnline": 9 })).await;
        let also = json!({
            "programId": room.home.program, "title": "Choir", "topics": [], "modality": "ONLINE", "visibility": "PUBLIC",
            "startsOn": "2026-03-09", "startTime": "18:59", "minutes": 60, "extraDates": ["2026-03-10"],
        });
        let peer = room.app.staff_member(&room.home, &[Role::Peer]).await;
        let peer = room.app.peer(&room.home, peer).await;
        let choir = published(&room.coordinator, also.clone(), &json!({ "facilitatorIds": [peer] })).await;
        let choir = sessions(&room.coordinator, &choir).await;
        let ada = room.client().await;
        assert_eq!(room.try_register(&ada, json!({})).await.user_error_codes(), [""; 0]);

        let both = json!({ "sessionId": choir[0]["id"] });
        let told = room.try_register(&ada, both).await;
        assert_eq!(told.user_error_codes(), ["SCHEDULE_CONFLICT"], "{}", told.raw);
        assert_eq!(room.try_register(&ada, json!({ "sessionId": choir[1]["id"] })).await.user_error_codes(), [""; 0], "the next day");
        let despite = json!({ "sessionId": choir[0]["id"], "despiteConflict": true });
        assert_eq!(room.try_register(&ada, despite).await.user_error_codes(), [""; 0]);

        let led = room.update(json!({ "facilitatorIds": [peer] })).await;
        assert_eq!((led.user_error_codes(), led.data("/workshopUpdate/userErrors/0/path")), (vec!["SCHEDULE_CONFLICT"], &json!(["input", "facilitatorIds"])));
        let query = "query($id: ID!) { node(id: $id) { ... on Workshop { facilitators { displayName bio } } } }";
        let leads = async || room.app.anyone().ask_with(query, json!({ "id": room.workshop })).await.data("/node/facilitators").clone();
        assert_eq!(leads().await, json!([]));
        assert_eq!(room.update(json!({ "facilitatorIds": [peer], "despiteConflict": true })).await.user_error_codes(), [""; 0]);
        assert_eq!(leads().await.as_array().unwrap().len(), 1, "whoever asks reads who leads it");
        let reschedule = "mutation($id: ID!, $at: DateTime!, $despite: Boolean) { sessionReschedule(id: $id, startsAt: $at, despiteConflict: $despite) {
            session { id } userErrors { code path } } }";
        let onto = json!({ "id": choir[1]["id"], "at": "2026-03-09T22:30:00Z" });
        let moved = room.coordinator.ask_with(reschedule, onto).await;
        assert_eq!(moved.user_error_codes(), ["SCHEDULE_CONFLICT"], "{}", moved.raw);
        let other = room.app.home("Riverbend", OrganizationKind::RecoveryCommunityOrganization).await;
        let stranger = room.app.staff_member(&other, &[Role::Peer]).await;
        let stranger = room.app.peer(&other, stranger).await;
        assert_eq!(room.update(json!({ "facilitatorIds": [stranger] })).await.user_error_codes(), ["NOT_FOUND"]);
    }
}
