//! What is sent to people, and when: neutral words, to where they called it safe, once the command is committed, and for three days.

use std::time::{Duration, Instant};

use chrono::TimeDelta;
use entity::vocabulary::Role;
use kit::{
    app::TestApp,
    caller::Caller,
    mail::{Mail, MailServer},
    on_both,
    program::Installation,
};
use serde_json::{Value, json};
use tokio::time::sleep;

use super::{INVITATION, Scene, invite, is_refused};
use crate::leaks::log_lines;

pub(super) const WORDS: &[&str] =
    &["recover", "treat", "peer", "support", "clinic", "health", "substance", "Open Door", "Harbor", "Ada", "Byron", "Parker"];

/// Has the client's contact methods changed.
async fn reached(scene: &Scene, methods: Value) {
    let update = "mutation($input: ClientUpdateInput!) { clientUpdate(input: $input) { client { id } userErrors { message } } }";
    let answer = scene.them.coordinator.ask_with(update, json!({ "input": { "id": scene.ours, "contactMethods": methods } })).await;
    answer.text("/clientUpdate/client/id");
}

impl Scene {
    /// A caller whose token is good now, whatever became of the clock.
    fn peer_now(&self) -> Caller {
        self.app.token_of(self.them.peer_staff, &self.them.support, &[Role::Peer])
    }

    async fn waits(&self) -> usize {
        self.app.database.count("FROM outgoing_message WHERE due_at IS NOT NULL").await
    }
}

on_both! {
    async fn it_says_nothing_of_recovery_unless_they_allow_it(db: TestDatabase) {
        let scene = Scene::on(TestApp::start(db).await).await;

        let mail = scene.app.invited(&scene.them.peer, &scene.ours).await;

        assert_eq!((mail.header("To"), mail.header("From"), mail.header("Auto-Submitted")),
            ("canary-ada@example.org", "no-reply@localhost", "auto-generated"));
        assert_eq!((mail.header("Content-Type"), mail.header("Subject")), ("text/plain; charset=utf-8", "A private page for you"));
        assert!(mail.header("Message-ID").starts_with("<out_") && !mail.header("Date").is_empty(), "{}", mail.0);
        let told = mail.0.replace("canary-ada@example.org", "").to_lowercase();
        for word in WORDS {
            assert!(!told.contains(&word.to_lowercase()), "{word}: {}", mail.0);
        }
        assert!(!mail.0.contains("<html") && mail.text().matches("://").count() == 1, "one link, and no picture that tells when it is read");

        reached(&scene, json!([{ "kind": "EMAIL", "value": "canary-ada@example.org", "safe": true, "mayMentionRecovery": true }])).await;
        let open = scene.app.invited(&scene.them.peer, &scene.ours).await;
        assert_eq!(open.header("Subject"), "Open Door: a private page for you");
        assert!(open.text().contains("Open Door has opened a private page for you.") && !open.0.contains("Byron"), "{}", open.0);
    }

    async fn it_is_sealed_while_it_waits_and_gone_once_it_is_sent(db: TestDatabase) {
        let scene = Scene::on(TestApp::start(db).await).await;
        invite(&scene.them.peer, &scene.ours, "1").await;
        assert_eq!(scene.waits().await, 1);
        for word in ["canary-ada", "access#"] {
            let stands = format!("FROM outgoing_message WHERE CAST(address AS TEXT) LIKE '%{word}%' OR CAST(parameters AS TEXT) LIKE '%{word}%'");
            assert_eq!(scene.app.database.count(&stands).await, 0, "{word}");
        }
        assert_eq!(scene.app.send_messages().await, 1);
        assert_eq!(scene.app.send_messages().await, 0);
        assert_eq!(scene.app.database.count("FROM outgoing_message WHERE sent_at IS NOT NULL AND address IS NULL AND parameters IS NULL").await, 1);
    }

    async fn what_is_not_safe_any_more_is_not_written_to(db: TestDatabase) {
        let scene = Scene::on(TestApp::start(db).await).await;
        for methods in [
            json!([{ "kind": "EMAIL", "value": "canary-ada@example.org", "safe": false }]),
            json!([{ "kind": "EMAIL", "value": "other@example.org", "safe": true }]),
            json!([]),
        ] {
            reached(&scene, json!([{ "kind": "EMAIL", "value": "canary-ada@example.org", "safe": true }])).await;
            assert_eq!(invite(&scene.them.peer, &scene.ours, "1").await.user_error_codes(), [""; 0]);
            reached(&scene, methods).await;
            assert!(scene.app.mails().await.is_empty());
            assert_eq!(scene.waits().await, 0);
        }
    }

    async fn a_link_that_went_where_it_is_not_safe_any_more_opens_nothing(db: TestDatabase) {
        let scene = Scene::on(TestApp::start(db).await).await;
        let theirs = json!({ "kind": "EMAIL", "value": "canary-ada@example.org", "safe": true });
        let telephone = json!({ "kind": "PHONE", "value": "+1 212 555 0123", "safe": true });
        let gone = scene.app.invited(&scene.them.peer, &scene.ours).await.code();
        reached(&scene, json!([{ "kind": "EMAIL", "value": "canary-ada@example.org", "safe": false }])).await;
        assert!(is_refused(&scene.exchanged(&gone).await));

        reached(&scene, json!([theirs])).await;
        let good = scene.app.invited(&scene.them.peer, &scene.ours).await.code();
        reached(&scene, json!([theirs, telephone])).await;
        let (status, answer) = scene.app.granted(&[INVITATION, ("code", &good), ("scope", "self:read")]).await;
        assert_eq!((status, &answer["error"]), (400, &json!("invalid_scope")), "an access is good for both");
        assert!(!is_refused(&scene.exchanged(&good).await), "where it went is safe still");
    }

    async fn a_mail_server_that_is_closed_delays_nothing_and_is_sent_to_later(db: TestDatabase) {
        let _listening = log_lines::listen();
        let mut server = MailServer::closed().await;
        let scene = Scene::on(TestApp::start_with(db, &[("AFTERCARE_MAIL__URL", &server.url())]).await).await;
        let began = Instant::now();
        assert_eq!(invite(&scene.them.peer, &scene.ours, "1").await.user_error_codes(), [""; 0]);
        assert!(began.elapsed() < Duration::from_secs(10), "whoever invites waits for no mail server");

        assert_eq!((scene.app.send_messages().await, scene.waits().await), (1, 1));
        assert!(scene.app.fire_timers().await < 100, "and nothing else waits for it");
        server.open().await;
        assert_eq!(scene.app.send_messages().await, 0, "it is tried again after a while");
        server.busy(true);
        scene.app.clock().advance(TimeDelta::minutes(1));
        assert_eq!((scene.app.send_messages().await, scene.waits().await), (1, 1));
        server.busy(false);
        scene.app.clock().advance(TimeDelta::minutes(1));
        assert_eq!(scene.app.send_messages().await, 0, "and then after twice as long");
        scene.app.clock().advance(TimeDelta::minutes(1));
        assert_eq!((scene.app.send_messages().await, scene.waits().await), (1, 0));

        let taken = server.taken();
        assert_eq!(taken.len(), 1);
        assert_eq!((taken[0].header("To"), taken[0].header("Auto-Submitted")), ("canary-ada@example.org", "auto-generated"));
        assert_eq!(scene.exchanged(&taken[0].code()).await.0, 200);
        let told = log_lines::told(&scene.app, ["canary-ada", "canary-server-says"].into_iter());
        assert!(told.is_empty(), "{told:?}");
    }

    async fn after_three_days_it_is_given_up(db: TestDatabase) {
        let mut server = MailServer::closed().await;
        let scene = Scene::on(TestApp::start_with(db, &[("AFTERCARE_MAIL__URL", &server.url())]).await).await;
        invite(&scene.them.peer, &scene.ours, "1").await;
        for _ in 0..30 {
            scene.app.send_messages().await;
            scene.app.clock().advance(TimeDelta::hours(1));
        }
        assert_eq!(scene.waits().await, 1);
        assert!(scene.app.database.count("FROM outgoing_message WHERE attempts = 30").await > 0, "once an hour at the least");
        server.open().await;
        scene.app.clock().advance(TimeDelta::hours(42));
        scene.app.send_messages().await;
        assert_eq!((scene.waits().await, server.taken().len()), (0, 0), "the link in it would be too old");
        assert_eq!(scene.app.database.count("FROM outgoing_message WHERE failed_at IS NOT NULL AND address IS NULL").await, 1);
        let peer = scene.peer_now();
        assert_eq!(invite(&peer, &scene.ours, "1").await.user_error_codes(), [""; 0]);
        scene.app.send_messages().await;
        assert_eq!(server.taken().len(), 1);
    }

    async fn whoever_is_killed_in_the_middle_leaves_it_to_the_next(db: TestDatabase) {
        let scene = Scene::on(TestApp::start(db).await).await;
        invite(&scene.them.peer, &scene.ours, "1").await;
        let replica = scene.app.replica().await;
        // Killed after it was committed, and once more while it was being sent.
        let taken = scene.app.store.take_message(&scene.app.system()).await.unwrap().unwrap();
        assert!(replica.store.take_message(&replica.system()).await.unwrap().is_none(), "one has it at a time");
        assert!(replica.mails().await.is_empty());
        scene.app.clock().advance(TimeDelta::minutes(2));

        let sent = replica.mails().await;

        assert_eq!(sent.len(), 1);
        scene.app.store.settle_message(&taken, aftercare::store::Attempt::GivenUp).await.unwrap();
        assert_eq!(scene.app.database.count("FROM outgoing_message WHERE sent_at IS NOT NULL AND failed_at IS NULL").await, 1,
            "whoever comes back late changes nothing");
        assert_eq!(scene.exchanged(&sent[0].code()).await.0, 200);
    }

    async fn replicas_share_what_there_is_to_send(db: TestDatabase) {
        let mut server = MailServer::closed().await;
        server.open().await;
        let url = server.url();
        let settings = [("AFTERCARE_MAIL__URL", url.as_str())];
        let scene = Scene::on(TestApp::start_with(db, &settings).await).await;
        for (caller, client) in [(&scene.them.peer, &scene.ours), (&scene.them.referrer, &scene.theirs)] {
            assert_eq!(invite(caller, client, "1").await.user_error_codes(), [""; 0]);
        }
        let (one, other) = tokio::join!(scene.app.send_messages(), scene.app.send_messages());
        assert_eq!((one + other, server.taken().len()), (2, 2));
        let ids: std::collections::BTreeSet<_> = server.taken().iter().map(|mail| mail.header("Message-ID").to_owned()).collect();
        assert_eq!(ids.len(), 2);
    }

    async fn what_was_committed_is_sent_though_the_server_is_killed(db: TestDatabase) {
        let place = Installation::over(db);
        place.run(&["demo", "load", "--clients", "1"]);
        let url = format!("http://{}", place.address);
        let coordinator = Caller::with_token(&url, &place.run(&["token", "--role", "COORDINATOR", "--organization", "Open Door Recovery"]));
        let server = place.serve().await;
        let programs = coordinator.ask("{ programs(filter: { search: \"Open Door Peer Support\" }) { nodes { id } } }").await;
        let create = "mutation($program: ID!) { clientCreate(input: { givenName: \"Ada\", familyName: \"Byron\", dateOfBirth: \"1980-12-10\",
            contactMethods: [{ kind: EMAIL, value: \"ada@example.org\", safe: true }], programIds: [$program] }) { client { id } userErrors { message } } }";
        let client = coordinator.ask_with(create, json!({ "program": programs.text("/programs/nodes/0/id") })).await;
        let client = client.text("/clientCreate/client/id");
        assert_eq!(invite(&coordinator, client, "1").await.user_error_codes(), [""; 0]);
        drop(server);

        let _server = place.serve().await;

        let folder = place.database.folder().join("mail");
        let sent = || std::fs::read_dir(&folder).ok()?.flatten().map(|file| file.path()).find(|path| path.extension().is_some_and(|end| end == "eml"));
        let began = Instant::now();
        let mail = loop {
            if let Some(path) = sent() {
                break Mail(std::fs::read_to_string(path).unwrap());
            }
            // Whoever was killed while sending has it for two minutes.
            assert!(began.elapsed() < Duration::from_secs(180), "nothing is sent");
            sleep(Duration::from_millis(50)).await;
        };
        assert_eq!((mail.header("To"), mail.link().starts_with(&format!("{url}/access#"))), ("ada@example.org", true));
        let form = [INVITATION, ("code", &mail.code())];
        let answer = reqwest::Client::new().post(format!("{url}/oauth/token")).form(&form).send().await.unwrap();
        let answer: Value = answer.json().await.unwrap();
        let themselves = Caller::with_token(&url, answer["access_token"].as_str().unwrap());
        assert_eq!(themselves.ask("{ viewer { client { id } } }").await.text("/viewer/client/id"), client);
    }
}
