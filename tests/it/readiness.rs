//! Whether a server says truly that it can serve.

use chrono::TimeDelta;
use entity::vocabulary::OrganizationKind;
use kit::{app::TestApp, on_both};
use sea_orm::{ConnectionTrait, Database};
use serde_json::{Value, json};

async fn missing(app: &TestApp) -> (u16, Value) {
    let answer = reqwest::get(format!("{}/readyz", app.url)).await.unwrap();
    let status = answer.status().as_u16();
    (status, answer.json::<Value>().await.unwrap()["missing"].clone())
}

on_both! {
    async fn a_server_says_what_it_lacks(db: TestDatabase) {
        let mut app = TestApp::start(db).await;
        assert_eq!(missing(&app).await, (200, Value::Null));

        app.stop_sealer().await;
        app.home("Open Door", OrganizationKind::RecoveryCommunityOrganization).await;
        assert_eq!(missing(&app).await, (200, Value::Null), "an event may wait a moment");
        app.clock().advance(TimeDelta::minutes(1));
        assert_eq!(missing(&app).await, (503, json!(["event lag"])));
        app.sealed().await;
        assert_eq!(missing(&app).await, (200, Value::Null));

        let connection = app.database.connect().await;
        connection.execute_unprepared("DELETE FROM seaql_migrations WHERE version = (SELECT MAX(version) FROM seaql_migrations)").await.unwrap();
        assert_eq!(missing(&app).await, (503, json!(["migrations"])));
        #[expect(clippy::disallowed_methods, reason = "the keys lie in a database of their own")]
        let keys = Database::connect(app.config.client_keys().expose()).await.unwrap();
        keys.execute_unprepared("DROP TABLE client_key").await.unwrap();
        assert_eq!(missing(&app).await, (503, json!(["migrations", "keys"])));
    }
}
