//! Clients who read their own data are told by mail what becomes of their seats, in words that say nothing.

use kit::{
    app::TestApp,
    caller::Caller,
    mail::Mail,
    on_both,
    workshops::{published, sessions},
};
use serde_json::{Value, json};

use super::{Scene, done, mail::WORDS};

const REGISTER: &str = "mutation($input: RegistrationCreateInput!) { registrationCreate(input: $input) {
    registration { id status } userErrors { code message } } }";

/// A workshop of two days with one seat, and its first session.
async fn room(scene: &Scene) -> (String, Value) {
    let input = json!({
        "programId": scene.them.support.program, "title": "Riding out stress", "topics": [], "modality": "ONLINE", "visibility": "PUBLIC",
        "joinUrl": "https://meet.example.org/room", "capacityOnline": 1, "startsOn": "2026-03-09", "startTime": "18:00", "minutes": 60,
    });
    let workshop = published(&scene.them.coordinator, input, &json!({ "extraDates": ["2026-03-10"] })).await;
    let first = sessions(&scene.them.coordinator, &workshop).await[0]["id"].clone();
    (workshop, first)
}

async fn registered(who: &Caller, session: &Value, client: &str) -> (String, String) {
    let made = who.ask_with(REGISTER, json!({ "input": { "sessionId": session, "registrant": { "clientId": client } } })).await;
    let registration = |field: &str| made.text(&format!("/registrationCreate/registration/{field}")).to_owned();
    (registration("id"), registration("status"))
}

/// The one mail that was sent, and what it tells.
async fn told(scene: &Scene) -> Mail {
    let mut mails = scene.app.mails().await;
    assert_eq!(mails.len(), 1, "one person is told, once");
    let mail = mails.remove(0);
    assert_eq!(mail.header("To"), "canary-ada@example.org");
    let text = mail.0.replace("canary-ada@example.org", "").to_lowercase();
    for word in WORDS.iter().chain(&["stress", "workshop", "session"]) {
        assert!(!text.contains(&word.to_lowercase()), "{word}: {}", mail.0);
    }
    mail
}

/// Somebody else whom the program supports, with an address that they call safe and no access of their own.
async fn another(scene: &Scene) -> String {
    let create = "mutation($input: ClientCreateInput!) { clientCreate(input: $input) { client { id } userErrors { code } } }";
    let input = json!({ "givenName": "Grace", "familyName": "Hopper", "dateOfBirth": "1966-12-09",
        "contactMethods": [{ "kind": "EMAIL", "value": "grace@example.org", "safe": true }], "programIds": [scene.them.support.program] });
    scene.them.coordinator.ask_with(create, json!({ "input": input })).await.text("/clientCreate/client/id").to_owned()
}

on_both! {
    async fn they_learn_of_a_seat_and_of_what_becomes_of_it(db: TestDatabase) {
        let scene = Scene::on(TestApp::start(db).await).await;
        let (coordinator, (_, session)) = (&scene.them.coordinator, room(&scene).await);
        let other = another(&scene).await;
        let (first, _) = registered(coordinator, &session, &other).await;
        let client = scene.as_client().await;
        let (theirs, status) = registered(&client, &session, &scene.ours).await;
        assert_eq!(status, "WAITLISTED");
        assert_eq!(scene.app.mails().await.len(), 0);

        done(coordinator, &format!("mutation {{ registrationCancel(id: \"{first}\") {{ userErrors {{ code }} }} }}")).await;

        let mail = told(&scene).await;
        assert!(mail.text().contains("A place that you asked for has become free.") && mail.text().contains("2026-03-03 07:00"), "{}", mail.0);
        done(&client, &format!("mutation {{ registrationAcceptOffer(id: \"{theirs}\") {{ userErrors {{ code }} }} }}")).await;
        let session = session.as_str().unwrap();
        let moved = format!("mutation {{ sessionReschedule(id: \"{session}\", startsAt: \"2026-03-11T22:00:00Z\") {{ userErrors {{ code }} }} }}");
        done(coordinator, &moved).await;
        let mail = told(&scene).await;
        assert!(mail.text().contains("on 2026-03-09 18:00") && mail.text().contains("is on 2026-03-11 18:00"), "{}", mail.0);
        let (line, _) = registered(coordinator, &json!(session), &other).await;
        done(coordinator, &format!("mutation {{ sessionCancel(id: \"{session}\", note: \"The room floods.\") {{ userErrors {{ code }} }} }}")).await;
        let mail = told(&scene).await;
        assert!(mail.text().contains("on 2026-03-11 18:00") && mail.text().contains("does not take place") && !mail.0.contains("floods"), "{}", mail.0);
        assert!(!line.is_empty(), "whoever has no access of their own is told by those who support them");
    }

    async fn what_does_not_hold_any_more_is_not_sent(db: TestDatabase) {
        let scene = Scene::on(TestApp::start(db).await).await;
        let (coordinator, (workshop, first)) = (&scene.them.coordinator, room(&scene).await);
        let second = sessions(coordinator, &workshop).await[1]["id"].clone();
        let other = another(&scene).await;
        let client = scene.as_client().await;
        let mut lines = Vec::new();
        for session in [&first, &second] {
            let (taken, _) = registered(coordinator, session, &other).await;
            lines.push((taken, registered(&client, session, &scene.ours).await.0));
        }
        for (taken, _) in &lines {
            done(coordinator, &format!("mutation {{ registrationCancel(id: \"{taken}\") {{ userErrors {{ code }} }} }}")).await;
        }
        // Of the one seat they know already.
        done(&client, &format!("mutation {{ registrationAcceptOffer(id: \"{}\") {{ userErrors {{ code }} }} }}", lines[0].1)).await;
        told(&scene).await;

        done(&client, &format!("mutation {{ registrationCancel(id: \"{}\") {{ userErrors {{ code }} }} }}", lines[1].1)).await;
        done(&scene.them.peer, &format!("mutation {{ clientAccessRevoke(clientId: \"{}\") {{ userErrors {{ code }} }} }}", scene.ours)).await;
        done(coordinator, &format!("mutation {{ sessionCancel(id: \"{}\", note: \"No.\") {{ userErrors {{ code }} }} }}", first.as_str().unwrap())).await;

        assert_eq!(scene.app.mails().await.len(), 0, "they have no access any more");
    }
}
