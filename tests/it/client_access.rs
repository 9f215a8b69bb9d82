//! A client comes to read their own data: invited by mail, let in by a code, and out again when it ends.

mod life;
mod mail;
mod others;
mod seats;

use chrono::TimeDelta;
use entity::vocabulary::{OrganizationKind, Role};
use kit::{
    app::TestApp,
    caller::{Answer, Caller},
    handover::Handover,
    on_both,
};
use serde_json::{Value, json};

const INVITATION: (&str, &str) = ("grant_type", "urn:aftercare:grant:invitation");

/// Everyone, and a client of the receiver whom a peer supports; the first of their contact methods is a safe address.
struct Scene {
    app: TestApp,
    them: Handover,
    referral: String,
    /// The sender's record.
    theirs: String,
    /// The receiver's.
    ours: String,
}

impl Scene {
    async fn on(app: TestApp) -> Self {
        let them = Handover::begin(&app).await;
        let mut input = them.referral(&app);
        input["client"]["contactMethods"] = json!([
            { "kind": "EMAIL", "value": "canary-ada@example.org", "safe": true, "from": "18:00", "to": "19:00" },
            { "kind": "EMAIL", "value": "shared@example.org", "safe": false },
            { "kind": "PHONE", "value": "+1 212 555 0123", "safe": true },
        ]);
        let referred = them.refer(input).await;
        let referral = referred.text("/referralCreate/referral/id").to_owned();
        let theirs = referred.text("/referralCreate/referral/client/id").to_owned();
        let ours = them.accepted(&referral).await;
        them.assigned(&referral).await;
        Self { app, them, referral, theirs, ours }
    }

    async fn as_client(&self) -> Caller {
        self.app.as_client(&self.them.peer, &self.ours).await
    }

    /// Exchanges a code. Gives the status and the answer.
    async fn exchanged(&self, code: &str) -> (u16, Value) {
        self.app.granted(&[INVITATION, ("code", code)]).await
    }

    async fn refreshed(&self, token: &str) -> (u16, Value) {
        self.app.granted(&[("grant_type", "refresh_token"), ("refresh_token", token)]).await
    }

    async fn is_let_in(&self, answer: &Value) -> bool {
        lets_in(&Caller::with_token(&self.app.url, answer["access_token"].as_str().unwrap())).await
    }
}

async fn lets_in(caller: &Caller) -> bool {
    let answer = caller.ask("{ viewer { client { id } } }").await;
    let refused = (answer.status, answer.error_codes()) == (401, vec!["UNAUTHENTICATED"]);
    assert!(refused || answer.data("/viewer/client/id").is_string(), "{}", answer.raw);
    !refused
}

fn is_refused((status, answer): &(u16, Value)) -> bool {
    assert!(*status == 200 || answer["error"] == "invalid_grant", "{status}: {answer}");
    *status == 400
}

async fn invite(caller: &Caller, client: &str, method: &str) -> Answer {
    let invite = "mutation($id: ID!, $method: ID!) {
        clientAccessInvite(clientId: $id, contactMethodId: $method) { client { id } userErrors { code message path } } }";
    caller.ask_with(invite, json!({ "id": client, "method": method })).await
}

async fn revoke(caller: &Caller, client: &str) -> Answer {
    let revoke = "mutation($id: ID!) { clientAccessRevoke(clientId: $id) { client { id } userErrors { code message path } } }";
    caller.ask_with(revoke, json!({ "id": client })).await
}

async fn done(caller: &Caller, mutation: &str) -> Answer {
    let answer = caller.ask(mutation).await;
    assert!(answer.error_codes().is_empty() && answer.user_error_codes().is_empty(), "{mutation}: {}", answer.raw);
    answer
}

const VIEWER: &str = "{ viewer { roles scopes purposes eventCursor organization { name } actor { ... on Client { id } }
    client { id identity { givenName contactMethods { value } } recovery { moud } care { episodes { totalCount } }
        referrals { nodes { id progress { status } } } privacy { consents { totalCount } } } } }";

on_both! {
    async fn an_invitation_is_sent_exchanged_and_opens_what_is_theirs(db: TestDatabase) {
        let scene = Scene::on(TestApp::start(db).await).await;
        let mail = scene.app.invited(&scene.them.peer, &scene.ours).await;
        assert!(mail.link().starts_with(&format!("{}/access#", scene.app.config.public_url())), "{}", mail.link());
        assert_eq!(mail.code().len(), 43);

        let (status, answer) = scene.exchanged(&mail.code()).await;

        assert_eq!(status, 200, "{answer}");
        assert_eq!((&answer["token_type"], &answer["expires_in"], &answer["scope"]), (&json!("Bearer"), &json!(900), &json!("self:read self:write")));
        let caller = Caller::with_token(&scene.app.url, answer["access_token"].as_str().unwrap());
        let disclosed = scene.app.database.count("FROM disclosure").await;
        let viewer = caller.ask(VIEWER).await;
        assert_eq!(viewer.error_codes(), [""; 0], "{}", viewer.raw);
        let viewer = viewer.data("/viewer");
        assert_eq!((&viewer["roles"], &viewer["scopes"]), (&json!(["CLIENT"]), &json!(["self:read", "self:write"])));
        assert_eq!((&viewer["purposes"], &viewer["organization"]["name"]), (&json!(["PATIENT_REQUEST"]), &json!("Open Door")));
        assert_eq!((&viewer["actor"]["id"], &viewer["client"]["id"]), (&json!(scene.ours), &json!(scene.ours)));
        assert_eq!(viewer["client"]["identity"]["givenName"], "Ada");
        assert_eq!(viewer["client"]["recovery"]["moud"], true);
        assert_eq!(viewer["client"]["referrals"]["nodes"], json!([{ "id": scene.referral, "progress": { "status": "ASSIGNED" } }]));
        assert!(viewer["eventCursor"].is_string());
        assert!(scene.app.database.count(&format!("FROM audit_event WHERE actor = '{}' AND action = 'READ'", scene.ours)).await > 0);
        assert_eq!(scene.app.database.count("FROM disclosure").await, disclosed, "what people read of themselves is told to nobody else");
        scene.app.sealed().await;
        let timeline = format!("{{ client(id: \"{}\") {{ timeline(last: 100) {{ nodes {{ kind actorName changed summary }} }} }} }}", scene.ours);
        let told = scene.them.coordinator.ask(&timeline).await;
        let nodes = told.data("/client/timeline/nodes").as_array().unwrap().clone();
        let changed: Vec<_> = nodes.iter().filter(|node| node["kind"] == "CLIENT_ACCESS_CHANGED").map(|node| (&node["actorName"], &node["changed"])).collect();
        // Newest first.
        assert_eq!(changed, [(&json!("The client"), &json!(["access"])), (&json!("Somebody"), &json!(["invitation"]))], "{}", told.raw);
    }

    async fn who_supports_them_invites_and_nobody_else(db: TestDatabase) {
        let Scene { app, them, theirs, ours, .. } = Scene::on(TestApp::start(db).await).await;
        for caller in [&them.peer, &them.coordinator, &them.supervisor] {
            assert_eq!(invite(caller, &ours, "1").await.user_error_codes(), [""; 0]);
        }
        assert_eq!(invite(&them.referrer, &theirs, "1").await.user_error_codes(), [""; 0]);
        let sent = app.mails().await.len();
        assert_eq!(sent, 2, "those that were replaced were not sent any more");

        let elsewhere = app.staff(&them.support, &[Role::Peer]).await;
        for (caller, client, code) in [(&them.officer, &ours, "NOT_PERMITTED"), (&them.referrer, &ours, "NOT_FOUND"),
            (&them.peer, &theirs, "NOT_FOUND"), (&elsewhere, &ours, "NOT_FOUND")] {
            assert_eq!(invite(caller, client, "1").await.user_error_codes(), [code]);
        }
        for role in [Role::Administrator, Role::Analyst, Role::Billing, Role::Moderator] {
            let caller = app.staff(&them.support, &[role]).await;
            assert_eq!(invite(&caller, &ours, "1").await.user_error_codes(), ["NOT_FOUND"], "{role:?}");
            assert_eq!(revoke(&caller, &ours).await.user_error_codes(), ["NOT_FOUND"], "{role:?}");
        }
        assert_eq!(invite(&app.anyone(), &ours, "1").await.error_codes(), ["UNAUTHENTICATED"]);
        assert!(app.mails().await.is_empty());
        for caller in [&them.referrer, &elsewhere, &them.clinic_officer] {
            assert_eq!(revoke(caller, &ours).await.user_error_codes(), ["NOT_FOUND"]);
        }
        assert_eq!(revoke(&them.officer, &ours).await.user_error_codes(), [""; 0], "the privacy officer ends what they may not begin");
        let nothing = revoke(&them.officer, &ours).await;
        assert_eq!((nothing.user_error_codes(), nothing.data("/clientAccessRevoke/userErrors/0/path")), (vec!["IMMUTABLE"], &json!(["clientId"])));
    }

    async fn only_a_safe_address_of_theirs_is_written_to(db: TestDatabase) {
        let Scene { app, them, ours, .. } = Scene::on(TestApp::start(db).await).await;
        let before = app.database.count("FROM event").await;

        for (method, code) in [("2", "INVALID"), ("3", "INVALID"), ("4", "NOT_FOUND"), ("", "NOT_FOUND"), ("canary-ada@example.org", "NOT_FOUND")] {
            let answer = invite(&them.peer, &ours, method).await;
            assert_eq!(answer.user_error_codes(), [code], "{method}: {}", answer.raw);
            assert_eq!(answer.data("/clientAccessInvite/userErrors/0/path"), &json!(["contactMethodId"]));
            assert_eq!(answer.data("/clientAccessInvite/client"), &Value::Null);
        }

        // Nobody who works there reads a record in the client's name.
        app.database.tamper("UPDATE staff_member SET email = 'Canary-Ada@Example.org' WHERE id IN (SELECT staff_member_id FROM peer)").await;
        let answer = invite(&them.peer, &ours, "1").await;
        assert_eq!(answer.user_error_codes(), ["INVALID"], "{}", answer.raw);

        assert_eq!(app.database.count("FROM event").await, before);
        assert_eq!(app.database.count("FROM client_access").await + app.database.count("FROM outgoing_message").await, 0);
        assert_eq!(app.send_messages().await, 0);
    }

    async fn a_code_is_good_once_until_it_is_replaced_and_for_three_days(db: TestDatabase) {
        let scene = Scene::on(TestApp::start(db).await).await;
        let peer = scene.them.peer.clone();
        let first = scene.app.invited(&peer, &scene.ours).await.code();
        for wrong in ["", "x", &first[1..], &format!("{first}x"), &first.to_lowercase()] {
            let (status, answer) = scene.exchanged(wrong).await;
            assert!((status, &answer["error"]) == (400, &json!(if wrong.is_empty() { "invalid_request" } else { "invalid_grant" })), "{wrong}: {answer}");
        }
        let second = scene.app.invited(&peer, &scene.ours).await.code();
        assert!(is_refused(&scene.exchanged(&first).await), "it was replaced");

        let (one, other) = tokio::join!(scene.exchanged(&second), scene.exchanged(&second));

        assert_ne!(is_refused(&one), is_refused(&other), "of two at once one is let in");
        assert!(is_refused(&scene.exchanged(&second).await), "it was used");
        let in_time = scene.app.invited(&peer, &scene.ours).await.code();
        scene.app.clock().advance(TimeDelta::hours(72) - TimeDelta::microseconds(1));
        assert!(!is_refused(&scene.exchanged(&in_time).await));
        let peer = scene.app.token_of(scene.them.peer_staff, &scene.them.support, &[Role::Peer]);
        let late = scene.app.invited(&peer, &scene.ours).await.code();
        scene.app.clock().advance(TimeDelta::hours(72));
        assert!(is_refused(&scene.exchanged(&late).await));
        let codes = [&first, &second, &in_time, &late].map(|code| format!("'{code}'")).join(", ");
        assert_eq!(scene.app.database.count(&format!("FROM client_access WHERE CAST(code_hash AS TEXT) IN ({codes})")).await, 0);
    }

    async fn at_most_five_invitations_are_sent_in_a_day(db: TestDatabase) {
        let Scene { app, them, ours, .. } = Scene::on(TestApp::start(db).await).await;
        for _ in 0..5 {
            assert_eq!(invite(&them.coordinator, &ours, "1").await.user_error_codes(), [""; 0]);
        }
        let sixth = invite(&them.peer, &ours, "1").await;
        assert_eq!((sixth.user_error_codes(), sixth.data("/clientAccessInvite/userErrors/0/path")), (vec!["TOO_MANY"], &json!(["clientId"])));
        assert_eq!(app.mails().await.len(), 1, "the fifth is the one that is good");
        app.clock().advance(TimeDelta::hours(24));
        let peer = app.token_of(them.peer_staff, &them.support, &[Role::Peer]);
        assert_eq!(invite(&peer, &ours, "1").await.user_error_codes(), [""; 0]);
    }

    async fn the_page_of_the_link_asks_nobody_else_and_uses_nothing_up(db: TestDatabase) {
        let app = TestApp::start(db).await;
        let page = app.anyone().download("/access").await;
        assert_eq!((page.status, &page.headers["content-type"]), (200, &"text/html; charset=utf-8".parse().unwrap()));
        let policy = page.headers["content-security-policy"].to_str().unwrap();
        assert!(policy.starts_with("default-src 'none'; script-src 'self';") && !policy.contains("unsafe"), "{policy}");
        assert_eq!((&page.headers["referrer-policy"], &page.headers["cache-control"]), (&"no-referrer".parse().unwrap(), &"no-store".parse().unwrap()));
        let told = page.raw.to_lowercase();
        for word in ["recovery", "treatment", "peer", "clinic", "http://", "https://"] {
            assert!(!told.contains(word), "{word}");
        }
        for (file, kind) in [("page.js", "text/javascript; charset=utf-8"), ("page.css", "text/css; charset=utf-8")] {
            assert!(page.raw.contains(&format!("\"access/{file}\"")));
            let file = app.anyone().download(&format!("/access/{file}")).await;
            assert_eq!((file.status, file.headers["content-type"].to_str().unwrap()), (200, kind));
            assert!(!file.raw.contains("://"), "nothing is asked of anybody else");
        }
        assert_eq!(app.anyone().download("/access/other.html").await.status, 404);
    }

    async fn a_server_without_mail_says_so(db: TestDatabase) {
        let app = TestApp::start(db).await;
        let home = app.home("Open Door", OrganizationKind::RecoveryCommunityOrganization).await;
        assert!(app.config.mail(aftercare::config::Environment::Production).is_none(), "in production it is configured or there is none");
        let mut tx = app.store.begin(&app.system()).await.unwrap();
        let client = aftercare::domain::client::create_in(&mut tx, home.organization, kit::app::somebody(&home)).await.unwrap();
        let client = tx.commit(client).await.unwrap();
        let with = aftercare::domain::client_access::Inviting { secrets: app.secrets.clone(), page: String::new(), sends_mail: false };

        let refused = aftercare::domain::client_access::invite(&app.store, &app.system(), &with, client.id, "1").await;

        let refusals = refused.err().unwrap().into_refusals().unwrap();
        assert!(refusals[0].message.contains("AFTERCARE_MAIL__URL"), "{refusals:?}");
    }
}
