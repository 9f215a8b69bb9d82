//! How long an access lasts: it is refreshed, used twice, left alone, revoked, merged, erased and restored.

use std::time::Duration;

use chrono::TimeDelta;
use entity::vocabulary::Role;
use kit::{app::TestApp, caller::Caller, on_both};
use serde_json::{Value, json};

use super::{Scene, done, invite, is_refused, lets_in, revoke};

fn refresh_token(answer: &Value) -> String {
    answer["refresh_token"].as_str().unwrap().to_owned()
}

impl Scene {
    /// What a client is given who was invited just now.
    async fn given(&self) -> Value {
        let peer = self.app.token_of(self.them.peer_staff, &self.them.support, &[Role::Peer]);
        let code = self.app.invited(&peer, &self.ours).await.code();
        let (status, answer) = self.exchanged(&code).await;
        assert_eq!(status, 200, "{answer}");
        answer
    }

    async fn is_over(&self, answer: &Value) {
        assert!(!self.is_let_in(answer).await);
        assert!(is_refused(&self.refreshed(&refresh_token(answer)).await));
    }
}

on_both! {
    async fn a_refresh_token_is_exchanged_for_the_next(db: TestDatabase) {
        let scene = Scene::on(TestApp::start(db).await).await;
        let first = scene.given().await;
        scene.app.clock().advance(TimeDelta::minutes(15));
        assert!(!scene.is_let_in(&first).await, "a token is good for 15 minutes");

        let (status, second) = scene.refreshed(&refresh_token(&first)).await;

        assert_eq!(status, 200, "{second}");
        assert!(scene.is_let_in(&second).await);
        assert_ne!(refresh_token(&first), refresh_token(&second));
        scene.app.clock().advance(TimeDelta::days(90) - TimeDelta::microseconds(1));
        let (status, third) = scene.refreshed(&refresh_token(&second)).await;
        assert_eq!(status, 200, "{third}");
        scene.app.clock().advance(TimeDelta::days(90));
        assert!(is_refused(&scene.refreshed(&refresh_token(&third)).await), "nobody used it for 90 days");
        let replica = scene.app.replica().await;
        let (status, _) = replica.granted(&[("grant_type", "refresh_token"), ("refresh_token", "0123.abc")]).await;
        assert_eq!(status, 400);
    }

    async fn a_refresh_token_that_comes_twice_ends_the_access(db: TestDatabase) {
        let scene = Scene::on(TestApp::start(db).await).await;
        let first = scene.given().await;
        let (_, second) = scene.refreshed(&refresh_token(&first)).await;
        assert!(scene.is_let_in(&second).await);
        scene.app.clock().advance(TimeDelta::minutes(1));

        assert!(is_refused(&scene.refreshed(&refresh_token(&first)).await));

        scene.is_over(&second).await;
        assert!(!scene.is_let_in(&first).await);
        let ended = "FROM event WHERE kind = 'CLIENT_ACCESS_CHANGED' AND actor = 'system:a refresh token was used twice'";
        assert_eq!(scene.app.database.count(ended).await, 1);

        // Whoever has a token from before the one before is not who was given it, however soon they come.
        let third = scene.given().await;
        let (_, fourth) = scene.refreshed(&refresh_token(&third)).await;
        let (_, fifth) = scene.refreshed(&refresh_token(&fourth)).await;
        assert!(is_refused(&scene.refreshed(&refresh_token(&third)).await));
        scene.is_over(&fifth).await;
    }

    async fn an_answer_that_was_lost_is_given_again(db: TestDatabase) {
        let scene = Scene::on(TestApp::start(db).await).await;
        let first = scene.given().await;
        let (_, lost) = scene.refreshed(&refresh_token(&first)).await;
        scene.app.clock().advance(TimeDelta::minutes(1) - TimeDelta::microseconds(1));

        let (status, again) = scene.refreshed(&refresh_token(&first)).await;

        assert_eq!(status, 200, "{again}");
        assert!(scene.is_let_in(&again).await);
        assert_ne!(refresh_token(&again), refresh_token(&lost));
        // The lost one is what was exchanged before now: it was lost, or it came into other hands.
        scene.app.clock().advance(TimeDelta::minutes(1));
        assert!(is_refused(&scene.refreshed(&refresh_token(&lost)).await));
        scene.is_over(&again).await;
    }

    async fn of_two_at_once_nobody_loses_the_access(db: TestDatabase) {
        let scene = Scene::on(TestApp::start(db).await).await;
        let given = scene.given().await;
        let token = refresh_token(&given);
        let (one, other) = tokio::join!(scene.refreshed(&token), scene.refreshed(&token));
        let given: Vec<_> = [one, other].into_iter().filter(|answer| answer.0 == 200).collect();
        assert!(!given.is_empty());
        for (_, answer) in &given {
            assert!(scene.is_let_in(answer).await);
        }
        // One of them is the token that is good now, and the other the one before it, which is good once more.
        assert_eq!(scene.refreshed(&refresh_token(&given.last().unwrap().1)).await.0, 200);
    }

    async fn a_code_that_comes_twice_ends_what_came_of_it(db: TestDatabase) {
        let scene = Scene::on(TestApp::start(db).await).await;
        let code = scene.app.invited(&scene.them.peer, &scene.ours).await.code();
        let (status, given) = scene.exchanged(&code).await;
        assert_eq!(status, 200, "{given}");
        assert!(scene.is_let_in(&given).await);
        // Somebody else's guess ends nothing.
        assert!(is_refused(&scene.exchanged("0123456789012345678901234567890123456789012").await));
        assert!(is_refused(&scene.exchanged(&code).await), "at once it may be the same person, whose answer was lost");
        assert!(scene.is_let_in(&given).await);
        scene.app.clock().advance(TimeDelta::minutes(1));

        assert!(is_refused(&scene.exchanged(&code).await));

        scene.is_over(&given).await;
        let ended = "FROM event WHERE kind = 'CLIENT_ACCESS_CHANGED' AND actor = 'system:the code of an invitation was used twice'";
        assert_eq!(scene.app.database.count(ended).await, 1);
        assert!(is_refused(&scene.exchanged(&code).await));
        assert_eq!(scene.app.database.count(ended).await, 1, "it ends once");
    }

    async fn what_is_revoked_ends_at_once(db: TestDatabase) {
        let scene = Scene::on(TestApp::start(db).await).await;
        let given = scene.given().await;
        let waiting = scene.app.invited(&scene.them.peer, &scene.ours).await.code();
        let caller = Caller::with_token(&scene.app.url, given["access_token"].as_str().unwrap());
        let subscription = "subscription { events { kind } }";
        let following = tokio::spawn({
            let caller = caller.clone();
            async move { caller.follow(subscription, Duration::from_secs(15)).await }
        });
        tokio::time::sleep(Duration::from_millis(500)).await;

        assert_eq!(revoke(&scene.them.coordinator, &scene.ours).await.user_error_codes(), [""; 0]);

        scene.is_over(&given).await;
        assert!(is_refused(&scene.exchanged(&waiting).await), "the invitation ends as well");
        scene.app.sealed().await;
        let followed = following.await.unwrap();
        assert!(followed.raw.contains("UNAUTHENTICATED") && !followed.raw.contains("CLIENT_ACCESS_CHANGED"), "{}", followed.raw);
        // Tokens tell their instant to the second.
        scene.app.clock().advance(TimeDelta::seconds(1));
        let again = scene.given().await;
        assert!(scene.is_let_in(&again).await);
        assert!(!lets_in(&caller).await, "a token of the access before is none of this one");
    }

    async fn a_new_access_is_in_place_of_the_one_before(db: TestDatabase) {
        let scene = Scene::on(TestApp::start(db).await).await;
        let old = scene.given().await;
        scene.app.clock().advance(TimeDelta::minutes(1));
        let code = scene.app.invited(&scene.them.peer, &scene.ours).await.code();
        assert!(scene.is_let_in(&old).await, "until the code is used");

        let (_, new) = scene.exchanged(&code).await;

        assert!(scene.is_let_in(&new).await);
        scene.is_over(&old).await;
        assert!(scene.is_let_in(&new).await, "what is over takes nothing along");
    }

    async fn whoever_has_them_gives_tokens_back(db: TestDatabase) {
        let scene = Scene::on(TestApp::start(db).await).await;
        let given = scene.given().await;
        let back = async |token: &str| {
            let answer = reqwest::Client::new().post(format!("{}/oauth/revoke", scene.app.url)).form(&[("token", token)]).send().await.unwrap();
            answer.status().as_u16()
        };
        assert_eq!(back(given["access_token"].as_str().unwrap()).await, 200);
        assert!(!scene.is_let_in(&given).await);
        let (_, next) = scene.refreshed(&refresh_token(&given)).await;
        assert!(scene.is_let_in(&next).await, "the access itself goes on");
        assert_eq!(back(&refresh_token(&given)).await, 200);
        assert!(scene.is_let_in(&next).await, "one that was exchanged before is none any more");

        assert_eq!(back(&refresh_token(&next)).await, 200);

        scene.is_over(&next).await;
        assert_eq!(back("abc").await, 401, "and who gives back nothing of a person's says who they are");
    }

    async fn a_merge_and_its_undo_end_the_access_of_both(db: TestDatabase) {
        let scene = Scene::on(TestApp::start(db).await).await;
        let create = format!(
            "mutation {{ clientCreate(input: {{ givenName: \"Adele\", familyName: \"Byron\", dateOfBirth: \"1980-12-10\",
                contactMethods: [{{ kind: EMAIL, value: \"adele@example.org\", safe: true }}], programIds: [\"{}\"] }}) {{ client {{ id }} userErrors {{ code }} }} }}",
            scene.them.support.program
        );
        let second = scene.them.coordinator.ask(&create).await.text("/clientCreate/client/id").to_owned();
        let kept = scene.as_client().await;
        let merged = scene.app.as_client(&scene.them.coordinator, &second).await;
        let waiting = scene.app.invited(&scene.them.coordinator, &second).await.code();
        assert!(lets_in(&kept).await && lets_in(&merged).await);

        let merge = format!("mutation {{ clientMerge(keepId: \"{}\", mergeId: \"{second}\") {{ userErrors {{ code }} }} }}", scene.ours);
        done(&scene.them.coordinator, &merge).await;

        assert!(!lets_in(&kept).await && !lets_in(&merged).await, "should they be two people, neither reads the other's");
        assert!(is_refused(&scene.exchanged(&waiting).await));
        let both = scene.app.as_client(&scene.them.coordinator, &second).await;
        let names = "{ clients { nodes { id mergedInto { id } identity { givenName } privacy { mergedFrom { identity { givenName } } } } } }";
        let told = both.ask(names).await;
        assert_eq!(told.data("/clients/nodes/0/id"), &json!(scene.ours), "an invitation of a merged record is of the one that stands");
        assert_eq!(told.data("/clients/nodes/0/privacy/mergedFrom/0/identity/givenName"), &json!("Adele"));
        done(&scene.them.coordinator, &format!("mutation {{ clientUnmerge(id: \"{second}\") {{ userErrors {{ code }} }} }}")).await;
        assert!(!lets_in(&both).await);
    }

    async fn an_erasure_takes_all_of_it(db: TestDatabase) {
        let scene = Scene::on(TestApp::start(db).await).await;
        let given = scene.given().await;
        scene.app.mails().await;
        let code = scene.app.invited(&scene.them.peer, &scene.ours).await.code();
        scene.them.act(&scene.them.coordinator, "referralClientDeclines", &scene.referral, "reason: NOT_NOW").await;

        let erase = format!("mutation {{ clientErase(id: \"{}\", reason: \"Asked for it\") {{ userErrors {{ message }} }} }}", scene.ours);
        done(&scene.them.officer, &erase).await;

        scene.is_over(&given).await;
        assert!(is_refused(&scene.exchanged(&code).await));
        assert_eq!(scene.app.database.count("FROM client_access").await + scene.app.database.count("FROM outgoing_message").await, 0);
        assert_eq!(invite(&scene.them.coordinator, &scene.ours, "1").await.user_error_codes(), ["IMMUTABLE"]);
    }

    async fn an_erasure_or_an_end_stops_what_is_not_sent_yet(db: TestDatabase) {
        let scene = Scene::on(TestApp::start(db).await).await;
        assert_eq!(invite(&scene.them.peer, &scene.ours, "1").await.user_error_codes(), [""; 0]);
        assert_eq!(revoke(&scene.them.peer, &scene.ours).await.user_error_codes(), [""; 0]);
        assert_eq!(invite(&scene.them.peer, &scene.ours, "1").await.user_error_codes(), [""; 0]);
        scene.them.act(&scene.them.coordinator, "referralClientDeclines", &scene.referral, "reason: NOT_NOW").await;
        let erase = format!("mutation {{ clientErase(id: \"{}\", reason: \"Asked for it\") {{ userErrors {{ message }} }} }}", scene.ours);
        done(&scene.them.officer, &erase).await;
        assert!(scene.app.mails().await.is_empty());
    }

    async fn an_organization_that_has_left_lets_nobody_in(db: TestDatabase) {
        let scene = Scene::on(TestApp::start(db).await).await;
        let given = scene.given().await;
        let code = scene.app.invited(&scene.them.peer, &scene.ours).await.code();
        scene.app.database.tamper("UPDATE organization SET active = FALSE WHERE name = 'Open Door'").await;
        scene.is_over(&given).await;
        assert!(is_refused(&scene.exchanged(&code).await));
    }

    async fn what_a_backup_held_lets_nobody_in(db: TestDatabase) {
        let scene = Scene::on(TestApp::start(db).await).await;
        let given = scene.given().await;
        let code = scene.app.invited(&scene.them.peer, &scene.ours).await.code();
        assert_eq!(invite(&scene.them.referrer, &scene.theirs, "1").await.user_error_codes(), [""; 0]);

        scene.app.store.end_restored_access().await.unwrap();

        scene.is_over(&given).await;
        assert!(is_refused(&scene.exchanged(&code).await));
        assert!(scene.app.mails().await.is_empty(), "nobody is written to twice");
        assert!(scene.is_let_in(&scene.given().await).await, "they are invited anew");
    }

    async fn a_client_follows_what_happens_to_them(db: TestDatabase) {
        let scene = Scene::on(TestApp::start(db).await).await;
        let client = scene.as_client().await;
        scene.app.sealed().await;
        let cursor = client.ask("{ viewer { eventCursor } }").await.text("/viewer/eventCursor").to_owned();
        let following = tokio::spawn({
            let body = json!({ "query": "subscription($after: String) { events(after: $after) { kind client { id } } }", "variables": { "after": cursor } });
            async move { client.follow_with(body, Duration::from_secs(10)).await }
        });
        scene.them.contact(&scene.app, &scene.ours, "COMPLETED").await;
        scene.app.sealed().await;
        let followed = following.await.unwrap().raw;
        assert!(followed.contains("CONTACT_LOGGED") && followed.contains(&scene.ours), "{followed}");
        assert!(!followed.contains(&scene.theirs));
        // What is the staff's to do is not among it.
        assert!(!followed.contains("WORK_ITEM"), "{followed}");
    }
}

/// Nobody but a follower who names a purpose: a client needs none, and may name no other than their own.
#[tokio::test]
async fn a_client_names_no_other_purpose_than_their_own_wish() {
    let scene = Scene::on(TestApp::start(kit::databases::TestDatabase::sqlite()).await).await;
    let client = scene.as_client().await;
    let refused = client.treating().ask("{ viewer { roles } }").await;
    assert_eq!((refused.status, refused.error_codes()), (403, vec!["FORBIDDEN"]));
    let wish = client.naming(entity::vocabulary::PurposeOfUse::PatientRequest).ask("{ viewer { roles } }").await;
    assert_eq!(wish.data("/viewer/roles"), &json!(["CLIENT"]));
}
