//! Many who want the same at once: one gets it.

use entity::vocabulary::{OrganizationKind, Role};
use futures_util::future::join_all;
use kit::{
    app::TestApp,
    caller::{Answer, Caller},
    on_both,
};
use serde_json::{Value, json};

async fn fifty(app: &TestApp, caller: &Caller, mutation: &str, variables: Value) -> Vec<Answer> {
    let (url, token, variables) = (&app.url, caller.token.as_deref().unwrap(), &variables);
    join_all((0..50).map(|_| async move { Caller::with_token(url, token).ask_with(mutation, variables.clone()).await })).await
}

/// How many were refused with this code, and how many with nothing.
fn outcome(answers: &[Answer], code: &str) -> (usize, usize) {
    let refused = answers.iter().filter(|answer| answer.user_error_codes() == [code]).count();
    let done = answers.iter().filter(|answer| answer.error_codes().is_empty() && answer.user_error_codes().is_empty()).count();
    (done, refused)
}

on_both! {
    async fn one_of_fifty_revokes_a_client(db: TestDatabase) {
        let app = TestApp::start(db).await;
        let home = app.home("Open Door", OrganizationKind::RecoveryCommunityOrganization).await;
        let administrator = app.staff(&home, &[Role::Administrator]).await;
        let client = app.api_client(&home, &[Role::Coordinator], &[], &[]).await;
        let revoke = "mutation($id: ID!) { apiClientRevoke(id: $id) { apiClient { id revokedAt } userErrors { code } } }";
        let before = app.database.count("FROM event").await;

        let answers = fifty(&app, &administrator, revoke, json!({ "id": client.id.to_string() })).await;

        assert_eq!(outcome(&answers, "IMMUTABLE"), (1, 49), "{}", answers[0].raw);
        assert_eq!(app.database.count("FROM event").await, before + 1);
        assert_eq!(app.database.count("FROM api_client WHERE version = 2").await, 1);
        assert_eq!(app.database.count("FROM audit_event WHERE action = 'REFUSED:apiClientRevoke' AND NOT allowed").await, 49);
    }

    async fn one_of_fifty_gets_a_name(db: TestDatabase) {
        let app = TestApp::start(db).await;
        let home = app.home("Open Door", OrganizationKind::RecoveryCommunityOrganization).await;
        let administrator = app.staff(&home, &[Role::Administrator]).await;
        let create = "mutation($name: String!) { programCreate(input: { name: $name }) { program { id } userErrors { code } } }";
        let before = app.database.count("FROM event").await;

        let answers = fifty(&app, &administrator, create, json!({ "name": "Evenings" })).await;

        assert_eq!(outcome(&answers, "ALREADY_EXISTS"), (1, 49), "{}", answers[0].raw);
        assert_eq!(app.database.count("FROM program WHERE name = 'Evenings'").await, 1);
        assert_eq!(app.database.count("FROM event").await, before + 1);
    }
}
