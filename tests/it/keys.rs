//! Keys over the life of an installation: made once, rotated under a running server, never made anew for what was lost.

use std::time::Duration;

use kit::{on_both, program::Installation};
use serde_json::{Value, json};
use tokio::time::sleep;

async fn published(place: &Installation) -> usize {
    let answer = reqwest::get(format!("http://{}/.well-known/jwks.json", place.address)).await.unwrap();
    answer.json::<Value>().await.unwrap()["keys"].as_array().unwrap().len()
}

async fn first_name(place: &Installation, token: &str) -> Value {
    let query = json!({ "query": "{ clients(first: 1) { nodes { identity { givenName } } } }" });
    let answer = reqwest::Client::new().post(format!("http://{}/graphql", place.address)).bearer_auth(token).json(&query);
    let answer: Value = answer.send().await.unwrap().json().await.unwrap();
    answer["data"]["clients"]["nodes"][0]["identity"]["givenName"].clone()
}

on_both! {
    async fn a_rotation_reaches_a_running_server_within_seconds(db: TestDatabase) {
        let place = Installation::over(db);
        place.run(&["demo", "load", "--clients", "5"]);
        let token = || place.run(&["token", "--role", "COORDINATOR", "--organization", "Open Door Recovery"]);
        let before = token();
        let _server = place.serve().await;
        assert_eq!(published(&place).await, 1);
        let name = first_name(&place, &before).await;

        let rotated = place.run(&["keys", "rotate"]);

        // Each side's record of a person has a key, and each referral.
        let keys = place.database.count("FROM client").await + place.database.count("FROM referral").await;
        assert!(rotated.ends_with(&format!("{keys} client keys are wrapped under it now")), "{rotated}");
        let listed = place.run(&["keys", "list"]);
        assert_eq!(listed.matches(&format!("wraps {keys} client keys, and each new one")).count(), 1, "{listed}");
        assert_eq!(listed.matches("wraps 0 client keys").count(), 1, "{listed}");
        for _ in 0..500 {
            if published(&place).await == 2 {
                break;
            }
            sleep(Duration::from_millis(20)).await;
        }
        assert_eq!(published(&place).await, 2, "nobody had to show it a new name");
        for token in [before, token()] {
            assert_eq!(first_name(&place, &token).await, name, "old and new tokens are good, and what is sealed opens");
        }
    }

    async fn a_database_that_lost_its_keys_is_not_given_others(db: TestDatabase) {
        let place = Installation::over(db);
        place.run(&["demo", "load", "--clients", "1"]);
        let keys = place.database.folder().join("keys");
        let kept = place.database.folder().join("kept");
        let signing = std::fs::read_dir(&keys).unwrap().map(|file| file.unwrap().path());
        let signing = signing.filter(|path| path.extension().is_some_and(|extension| extension == "pem")).collect::<Vec<_>>();
        std::fs::remove_file(&signing[0]).unwrap();
        let complaint = place.refused(&["verify"]);
        assert!(complaint.contains("the database is not new, and there is no signing key in"), "{complaint}");

        std::fs::rename(&keys, &kept).unwrap();
        place.refused(&["verify"]);
        assert!(!keys.join("root.key").exists(), "no other keys were made");

        std::fs::rename(&kept, &keys).unwrap();
        place.run(&["keys", "generate"]);
        place.run(&["verify"]);
    }
}
