//! Guests, who come through an application and are nobody's clients: their contact confirms, and a ticket does the rest.

use std::time::Duration;

use aftercare::access::{Access, Scope, token::Subject};
use chrono::TimeDelta;
use entity::{
    OrganizationId,
    vocabulary::{OrganizationKind, Role},
};
use kit::{
    app::TestApp,
    caller::{Answer, Caller},
    on_both,
    workshops::{published, sessions},
};
use serde_json::{Value, json};

use super::{Room, because};

const REGISTER: &str = "mutation($input: RegistrationCreateInput!) { registrationCreate(input: $input) {
    registration { id status guestName client { id } joinUrl waitlistPosition confirmBy history { status because } }
    ticket ticketExpiresAt userErrors { code message path } } }";
const CONFIRM: &str = "mutation($code: String!) { registrationConfirm(code: $code) {
    registration { id status joinUrl waitlistPosition history { because } } userErrors { code path } } }";
const READ: &str =
    "query($ticket: String!) { registration(ticket: $ticket) { status guestName joinUrl waitlistPosition confirmBy offerExpiresAt
    session { startsAt gathering { title } } history { status because } } }";
const ACCEPT: &str =
    "mutation($ticket: String) { registrationAcceptOffer(ticket: $ticket) { registration { status joinUrl } userErrors { code path } } }";
const CANCEL: &str =
    "mutation($ticket: String) { registrationCancel(ticket: $ticket) { registration { status guestName } userErrors { code path } } }";

/// An application of another organization, that enrols people.
async fn application(app: &TestApp, name: &str) -> Caller {
    let home = app.home(name, OrganizationKind::PartnerApp).await;
    let scopes = [Scope::ScheduleRead, Scope::RegistrationsWrite];
    let id = app.api_client(&home, &[Role::PartnerApp], &scopes, &[]).await.id;
    app.caller(Subject::Api(id), &home, &[Role::PartnerApp], &scopes)
}

async fn register(caller: &Caller, session: &str, address: &str) -> Answer {
    let guest = json!({ "displayName": "Robin", "contact": { "kind": "EMAIL", "value": address, "safe": true } });
    caller.ask_with(REGISTER, json!({ "input": { "sessionId": session, "registrant": { "guest": guest } } })).await
}

fn ticket(made: &Answer) -> Value {
    assert_eq!(made.user_error_codes(), [""; 0], "{}", made.raw);
    json!({ "ticket": made.text("/registrationCreate/ticket") })
}

/// The code in the last mail.
async fn code(app: &TestApp) -> String {
    app.mails().await.pop().expect("a mail was sent").typed_code()
}

async fn read(app: &TestApp, ticket: &Value) -> Value {
    app.anyone().ask_with(READ, ticket.clone()).await.data("/registration").clone()
}

on_both! {
    async fn a_guest_comes_with_a_code_and_a_ticket_and_nothing_else(db: TestDatabase) {
        let room = Room::with(TestApp::start(db).await, json!({})).await;
        let finder = application(&room.app, "Meeting Finder").await;

        let made = register(&finder, &room.session, " Robin@Example.org ").await;

        let held = ticket(&made);
        let registration = made.data("/registrationCreate/registration");
        assert_eq!((registration["status"].as_str(), registration["guestName"].as_str()), (Some("UNCONFIRMED"), Some("Robin")));
        assert_eq!((&registration["client"], &registration["joinUrl"]), (&Value::Null, &Value::Null));
        assert_eq!(registration["confirmBy"], "2026-03-02T14:00:00+00:00");
        assert_eq!(room.session().await["roster"]["registeredCount"], 1, "the seat is held");
        let sent = room.app.mails().await.pop().expect("a mail was sent");
        let mail = &sent.0;
        assert!(mail.contains("robin@example.org") && mail.contains("2026-03-02 09:00"), "{mail}");
        for told in ["stress", "Open Door", "recovery", "Robin,"] {
            assert!(!mail.to_lowercase().contains(&told.to_lowercase()), "{told}: {mail}");
        }
        let code = sent.typed_code();

        let wrong = room.app.anyone().ask_with(CONFIRM, json!({ "code": "AAAA-BBBB-CCCC-DDDD" })).await;
        assert_eq!(wrong.user_error_codes(), ["NOT_FOUND"], "{}", wrong.raw);
        let confirmed = room.app.anyone().ask_with(CONFIRM, json!({ "code": code.to_lowercase().replace('-', " ") })).await;
        assert_eq!(confirmed.text("/registrationConfirm/registration/status"), "REGISTERED", "{}", confirmed.raw);
        assert_eq!(confirmed.text("/registrationConfirm/registration/joinUrl"), "https://meet.example.org/room");
        let twice = room.app.anyone().ask_with(CONFIRM, json!({ "code": code })).await;
        assert_eq!(twice.user_error_codes(), ["NOT_FOUND"], "a code is good once");

        let seen = read(&room.app, &held).await;
        assert_eq!((seen["status"].as_str(), seen["guestName"].as_str()), (Some("REGISTERED"), Some("Robin")), "{seen}");
        assert_eq!(because(&seen)[1], "The contact confirmed it.");
        assert_eq!(finder.ask_with("query($id: ID!) { node(id: $id) { id } }", json!({ "id": registration["id"] })).await.data("/node"), &Value::Null,
            "the application itself sees nothing without the ticket");
        let roster = "query($id: ID!) { session(id: $id) { roster { registrations { nodes { guestName client { id } } } } } }";
        let rows = room.coordinator.ask_with(roster, json!({ "id": room.session })).await;
        assert_eq!(rows.data("/session/roster/registrations/nodes"), &json!([{ "guestName": "Robin", "client": null }]), "{}", rows.raw);
        let left = room.app.anyone().ask_with(CANCEL, held.clone()).await;
        assert_eq!(left.data("/registrationCancel/registration"), &json!({ "status": "CANCELLED", "guestName": null }), "{}", left.raw);
        assert_eq!(room.session().await["roster"]["registeredCount"], 0);
        assert_eq!(read(&room.app, &held).await["status"], "CANCELLED", "the ticket tells it still");
        assert_eq!(room.app.database.count("FROM registration WHERE guest_name IS NOT NULL OR guest_contact IS NOT NULL").await, 0);
        for wrong in [json!({ "ticket": "tkt_no.no" }), json!({ "ticket": held["ticket"].as_str().unwrap().to_uppercase() })] {
            assert_eq!(read(&room.app, &wrong).await, Value::Null);
            assert_eq!(room.app.anyone().ask_with(CANCEL, wrong).await.user_error_codes(), ["NOT_FOUND"]);
        }
    }

    async fn a_seat_that_nobody_confirms_is_whoevers_is_next(db: TestDatabase) {
        let room = Room::with(TestApp::start(db).await, json!({})).await;
        let finder = application(&room.app, "Meeting Finder").await;
        let (first, second) = (ticket(&register(&finder, &room.session, "one@example.org").await), register(&finder, &room.session, "two@example.org").await);
        assert_eq!(second.data("/registrationCreate/registration/waitlistPosition"), 1, "{}", second.raw);
        let second = ticket(&second);
        let mails = room.app.mails().await;
        let confirmed = mails.into_iter().find(|mail| mail.0.contains("two@example.org")).unwrap().typed_code();
        let confirmed = room.app.anyone().ask_with(CONFIRM, json!({ "code": confirmed })).await;
        assert_eq!(confirmed.text("/registrationConfirm/registration/status"), "WAITLISTED", "{}", confirmed.raw);

        room.app.clock().advance(TimeDelta::hours(2));
        assert_eq!(room.app.fire_timers().await, 1);

        let ended = read(&room.app, &first).await;
        assert_eq!((ended["status"].as_str(), &ended["guestName"]), (Some("CANCELLED"), &Value::Null));
        assert_eq!(because(&ended)[1], "The contact did not confirm it in time.");
        assert_eq!(read(&room.app, &second).await["status"], "OFFERED");
        let mail = room.app.mails().await.pop().expect("they are told").text();
        assert!(mail.contains("has become free") && mail.contains("2026-03-03 09:00"), "{mail}");
        let accepted = room.app.anyone().ask_with(ACCEPT, second.clone()).await;
        assert_eq!(accepted.data("/registrationAcceptOffer/registration/joinUrl"), "https://meet.example.org/room", "{}", accepted.raw);
        let cancel = "mutation($id: ID!) { sessionCancel(id: $id, note: \"The room floods.\") { userErrors { code } } }";
        let cancelled = room.coordinator().await.ask_with(cancel, json!({ "id": room.session })).await;
        assert_eq!(cancelled.user_error_codes(), [""; 0], "{}", cancelled.raw);
        let mail = room.app.mails().await.pop().expect("they are told").text();
        assert!(mail.contains("does not take place") && mail.contains("2026-03-09 18:00") && !mail.contains("floods"), "{mail}");
    }

    async fn guests_come_to_what_is_open_and_published_for_them(db: TestDatabase) {
        let room = Room::with(TestApp::start(db).await, json!({})).await;
        let (app, home) = (&room.app, &room.home);
        let finder = application(app, "Meeting Finder").await;
        let other = app.home("Riverbend", OrganizationKind::RecoveryCommunityOrganization).await;
        let input = json!({ "programId": home.program, "title": "Choir", "topics": [], "modality": "ONLINE", "startsOn": "2026-03-10",
            "startTime": "18:00", "minutes": 60 });
        let mut of = Vec::new();
        for visibility in ["PARTNERS", "CLIENTS_ONLY"] {
            let id = published(&room.coordinator, input.clone(), &json!({ "visibility": visibility })).await;
            of.push(sessions(&room.coordinator, &id).await[0]["id"].as_str().unwrap().to_owned());
        }
        let closed = "mutation($input: SupportGroupCreateInput!) { supportGroupCreate(input: $input) { supportGroup { sessions { nodes { id } } } } }";
        let mut group = input.clone();
        (group["visibility"], group["open"]) = (json!("PUBLIC"), json!(false));
        let closed = room.coordinator.ask_with(closed, json!({ "input": group })).await;
        let closed = closed.text("/supportGroupCreate/supportGroup/sessions/nodes/0/id");

        assert_eq!(register(&finder, &of[0], "a@example.org").await.user_error_codes(), [""; 0], "a partner's session");
        assert_eq!(register(&finder, &of[1], "a@example.org").await.user_error_codes(), ["NOT_FOUND"], "the application does not see it");
        assert_eq!(register(&room.coordinator, &of[1], "a@example.org").await.user_error_codes(), ["NOT_ELIGIBLE"]);
        assert_eq!(register(&finder, closed, "a@example.org").await.user_error_codes(), ["NOT_ELIGIBLE"]);
        assert_eq!(register(&room.coordinator, &room.session, "b@example.org").await.user_error_codes(), [""; 0], "those who run it");
        assert_eq!(register(&app.staff(&other, &[Role::Coordinator]).await, &room.session, "c@example.org").await.user_error_codes(), ["NOT_ELIGIBLE"]);
        assert_eq!(register(&app.anyone(), &room.session, "c@example.org").await.error_codes(), ["UNAUTHENTICATED"]);
        assert_eq!(register(&app.staff(home, &[Role::Analyst]).await, &room.session, "c@example.org").await.user_error_codes(), ["NOT_PERMITTED"]);
        let mut phone = json!({ "sessionId": room.session, "registrant": { "guest": { "displayName": "Robin",
            "contact": { "kind": "PHONE", "value": "+1 212 555 0123", "safe": true } } } });
        assert_eq!(finder.ask_with(REGISTER, json!({ "input": phone })).await.user_error_codes(), ["INVALID"], "a code is sent by mail");
        phone["registrant"]["guest"]["contact"] = json!({ "kind": "EMAIL", "value": "nobody", "safe": true });
        assert_eq!(finder.ask_with(REGISTER, json!({ "input": phone })).await.user_error_codes(), ["INVALID"]);
        let neither = "mutation { registrationCancel { userErrors { code path } } }";
        assert_eq!(finder.ask(neither).await.user_error_codes(), ["REQUIRED"]);
        assert_eq!(app.anyone().ask(neither).await.error_codes(), ["UNAUTHENTICATED"]);
    }

    async fn nobody_learns_from_it_who_else_is_registered(db: TestDatabase) {
        let room = Room::with(TestApp::start(db).await, json!({ "capacityOnline": 100 })).await;
        let (finder, other) = (application(&room.app, "Meeting Finder").await, application(&room.app, "Other Finder").await);
        ticket(&register(&finder, &room.session, "robin@example.org").await);
        let first = code(&room.app).await;
        assert_eq!(room.app.anyone().ask_with(CONFIRM, json!({ "code": first })).await.user_error_codes(), [""; 0]);

        let asked = register(&other, &room.session, "robin@example.org").await;

        assert_eq!(asked.data("/registrationCreate/registration/status"), "UNCONFIRMED", "as for anybody: {}", asked.raw);
        let second = code(&room.app).await;
        let told = room.app.anyone().ask_with(CONFIRM, json!({ "code": second })).await;
        assert_eq!(told.user_error_codes(), ["ALREADY_EXISTS"], "only whoever reads the mail is told: {}", told.raw);
        for number in 0..9 {
            assert_eq!(register(&finder, &room.session, "robin@example.org").await.user_error_codes(), [""; 0], "{number}");
        }
        assert_eq!(room.app.mails().await.len(), 8, "ten mails in a day to one contact, whoever asks");
        assert_eq!(register(&finder, &room.session, "robin@example.org").await.user_error_codes(), ["TOO_MANY"], "its own are told");
        assert_eq!(register(&other, &room.session, "robin@example.org").await.user_error_codes(), [""; 0], "those of others are not");
        assert_eq!(room.app.mails().await.len(), 0);
        room.app.clock().advance(TimeDelta::hours(25));
        room.app.fire_timers().await;
        assert_eq!(room.session().await["roster"]["registeredCount"], 1, "what nobody confirmed ended");
    }

    async fn a_lost_answer_is_told_again_with_its_ticket(db: TestDatabase) {
        let room = Room::with(TestApp::start(db).await, json!({})).await;
        let finder = application(&room.app, "Meeting Finder").await;
        let guest = json!({ "displayName": "Robin", "contact": { "kind": "EMAIL", "value": "robin@example.org", "safe": true } });
        let body = json!({ "query": REGISTER, "variables": { "input": { "sessionId": room.session, "registrant": { "guest": guest } } } });

        let once = finder.send(body.clone(), &[("idempotency-key", "one")]).await;
        let again = finder.send(body, &[("idempotency-key", "one")]).await;

        assert_eq!(once.data("/registrationCreate"), again.data("/registrationCreate"), "{}", again.raw);
        assert_eq!(again.headers["idempotency-replayed"], "true");
        assert_eq!(room.app.database.count("FROM registration").await, 1);
        assert_eq!(room.app.mails().await.len(), 1);
    }

    async fn a_ticket_follows_its_registration_and_no_other(db: TestDatabase) {
        let room = Room::with(TestApp::start(db).await, json!({})).await;
        let finder = application(&room.app, "Meeting Finder").await;
        let ada = room.register().await;
        let held = ticket(&register(&finder, &room.session, "robin@example.org").await);
        let code = code(&room.app).await;
        room.app.anyone().ask_with(CONFIRM, json!({ "code": code })).await;
        room.cancel(&ada).await;
        room.app.anyone().ask_with(ACCEPT, held.clone()).await;
        room.app.sealed().await;
        let anyone = Access::anonymous("test", room.app.clock().now());
        let heard = async |caller: &Caller, of: Option<OrganizationId>, arguments: &str| {
            // Where the log begins, as the organization's own people know it, or as everybody does.
            let start = room.app.store.event_cursor(&Access { organization: of, ..anyone.clone() }, 0).unwrap();
            let query = format!("subscription {{ registrationChanged({arguments}after: \"{start}\") {{ cursor event {{ kind actorName client {{ id }} }}
                registration {{ guestName status }} }} }}");
            caller.follow(&query, Duration::from_secs(1)).await
        };
        let items = |heard: &Answer| heard.items("registrationChanged");

        let own = heard(&room.app.anyone(), None, &format!("ticket: {}, ", held["ticket"])).await;

        let own = items(&own);
        let kinds: Vec<_> = own.iter().map(|change| change["event"]["kind"].as_str().unwrap_or_default()).collect();
        assert_eq!(kinds, ["REGISTRATION_CHANGED", "REGISTRATION_CHANGED", "REGISTRATION_OFFERED", "REGISTRATION_CHANGED"], "{own:?}");
        for change in &own {
            assert_eq!(change["registration"], json!({ "guestName": "Robin", "status": "REGISTERED" }));
            assert_eq!(change["event"]["client"], Value::Null);
            assert!([json!(null), json!("Open Door")].contains(&change["event"]["actorName"]), "no person is named: {change}");
        }
        let all = items(&heard(&room.coordinator, Some(room.home.organization), "").await);
        assert_eq!(all.len(), 6, "those who run it hear of everybody: {all:?}");
        let wrong = heard(&room.app.anyone(), None, "ticket: \"tkt_a.b\", ").await;
        assert!(wrong.raw.contains("BAD_USER_INPUT"), "{}", wrong.raw);
        let none = heard(&room.app.anyone(), None, "").await;
        assert!(none.raw.contains("UNAUTHENTICATED"), "{}", none.raw);
    }

    async fn a_guest_who_is_found_to_be_a_client_is_theirs_from_then_on(db: TestDatabase) {
        let room = Room::with(TestApp::start(db).await, json!({ "capacityOnline": 9 })).await;
        let finder = application(&room.app, "Meeting Finder").await;
        let link = "mutation($id: ID!, $client: ID!) { registrationLinkClient(id: $id, clientId: $client) {
            registration { status guestName client { id } history { because } } userErrors { code path } } }";
        let made = register(&finder, &room.session, "robin@example.org").await;
        let held = ticket(&made);
        let id = made.data("/registrationCreate/registration/id").clone();
        let (ada, bo) = (room.client().await, room.client().await);
        let of = |client: &str| json!({ "id": id, "client": client });
        let early = room.coordinator.ask_with(link, of(&ada)).await;
        assert_eq!(early.user_error_codes(), ["IMMUTABLE"], "nobody confirmed it: {}", early.raw);
        let code = code(&room.app).await;
        room.app.anyone().ask_with(CONFIRM, json!({ "code": code })).await;
        room.try_register(&bo, json!({})).await;

        assert_eq!(room.coordinator.ask_with(link, of(&bo)).await.user_error_codes(), ["ALREADY_EXISTS"]);
        let other = room.app.home("Riverbend", OrganizationKind::RecoveryCommunityOrganization).await;
        for stranger in [room.app.staff(&other, &[Role::Coordinator]).await, finder] {
            assert_eq!(stranger.ask_with(link, of(&ada)).await.user_error_codes(), ["NOT_FOUND"]);
        }
        let linked = room.coordinator.ask_with(link, of(&ada)).await;
        assert_eq!(linked.user_error_codes(), [""; 0], "{}", linked.raw);
        let row = linked.data("/registrationLinkClient/registration");
        assert_eq!((row["status"].as_str(), &row["guestName"], &row["client"]["id"]), (Some("REGISTERED"), &Value::Null, &json!(ada)));
        assert_eq!(row["history"][2]["because"], "It was found to be a client's, and is theirs.");
        assert_eq!(read(&room.app, &held).await, Value::Null, "the ticket ended");
        assert_eq!(room.coordinator.ask_with(link, of(&ada)).await.user_error_codes(), ["IMMUTABLE"]);
        assert_eq!(room.app.database.count("FROM timer WHERE kind LIKE 'GUEST%'").await, 0);
    }

    async fn a_session_that_is_moved_takes_its_line_and_its_guests_with_it(db: TestDatabase) {
        let room = Room::with(TestApp::start(db).await, json!({})).await;
        let finder = application(&room.app, "Meeting Finder").await;
        let (ada, bo) = (room.register().await, room.register().await);
        let guest = ticket(&register(&finder, &room.session, "robin@example.org").await);
        let code = code(&room.app).await;
        room.app.anyone().ask_with(CONFIRM, json!({ "code": code })).await;
        room.cancel(&ada).await;
        assert_eq!(room.look(&bo).await["offerExpiresAt"], "2026-03-03T12:00:00+00:00");
        let reschedule = "mutation($id: ID!, $at: DateTime!) { sessionReschedule(id: $id, startsAt: $at) { session { startsAt } userErrors { code message } } }";
        let to = async |at: &str| {
            let moved = room.coordinator().await.ask_with(reschedule, json!({ "id": room.session, "at": at })).await;
            assert_eq!(moved.user_error_codes(), [""; 0], "{}", moved.raw);
        };

        to("2026-03-02T15:00:00Z").await;

        assert_eq!(room.look(&bo).await["offerExpiresAt"], "2026-03-02T14:00:00+00:00", "an offer never outlives what a seat could be offered for");
        let mail = room.app.mails().await.pop().expect("the guest is told").text();
        assert!(mail.contains("2026-03-09 18:00") && mail.contains("2026-03-02 10:00"), "{mail}");
        to("2026-03-02T13:30:00Z").await;
        for (waits, position) in [(room.look(&bo).await, 1), (read(&room.app, &guest).await, 2)] {
            assert_eq!((waits["status"].as_str(), waits["waitlistPosition"].as_i64()), (Some("OFFERED"), Some(position)), "first come: {waits}");
            assert_eq!(waits["offerExpiresAt"], "2026-03-02T13:30:00+00:00");
        }
        assert_eq!(room.session().await["roster"], json!({ "registeredCount": 0, "waitlistCount": 2, "capacityOnline": 1 }));
        to("2026-06-09T22:00:00Z").await;
        assert_eq!(room.look(&bo).await["offerExpiresAt"], "2026-03-03T12:00:00+00:00", "whoever is first is offered the seat anew");
        assert_eq!(read(&room.app, &guest).await["status"], "WAITLISTED");

        room.app.clock().advance(TimeDelta::days(99) + TimeDelta::hours(10));
        room.app.fire_timers().await;
        assert_eq!(read(&room.app, &guest).await["guestName"], "Robin", "they are known for as long as after any session");
        room.app.clock().advance(TimeDelta::days(31));
        room.app.fire_timers().await;
        assert_eq!(read(&room.app, &guest).await, Value::Null);
        assert_eq!(room.app.database.count("FROM registration WHERE guest_name IS NOT NULL OR guest_hash IS NOT NULL").await, 0, "forgotten");
    }
}
