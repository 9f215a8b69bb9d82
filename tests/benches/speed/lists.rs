//! Lists beside one statement that was written by hand for nothing else.

use aftercare::{
    command::{Plan, load_demo, token_for},
    http::Credentials,
};
use async_graphql::Request;
use chrono::TimeDelta;
use entity::vocabulary::{PurposeOfUse, Role};
use kit::{
    app::{NOW, TestApp},
    databases::{Kind, TestDatabase},
};
use sea_orm::{ConnectionTrait, DatabaseConnection, Statement};

use crate::measure::{beside, sized};

async fn loaded(db: TestDatabase, plan: &Plan) -> TestApp {
    let mut app = TestApp::start(db).await;
    load_demo(&app, plan, false).await.unwrap();
    app.stop_sealer().await;
    app
}

/// Signs in, executes, and renders the answer: all of a request but HTTP.
async fn answer(app: &TestApp, credentials: &Credentials, document: &str) -> Vec<u8> {
    let engine = app.engine();
    let access = engine.sign_in(credentials.clone()).await.unwrap();
    let response = engine.execute(access, Request::new(document)).await;
    assert!(response.errors.is_empty(), "{:?}", response.errors);
    serde_json::to_vec(&response).unwrap()
}

async fn rows(connection: &DatabaseConnection, sql: &str) -> Vec<sea_orm::QueryResult> {
    connection.query_all_raw(Statement::from_string(connection.get_database_backend(), sql)).await.unwrap()
}

const WORKSHOPS: &str = "{ workshops(first: 20) { nodes { title description modality languages
    sessions(first: 5) { nodes { startsAt endsAt status } } } } }";

fn workshops_by_hand(kind: Kind) -> String {
    let sessions = "SELECT * FROM session s WHERE s.workshop_id = w.id ORDER BY s.starts_at, s.id LIMIT 5";
    let next =
        format!("SELECT MIN(n.starts_at) FROM session n WHERE n.workshop_id = w.id AND n.status = 'SCHEDULED' AND n.starts_at > '{NOW}'");
    let (object, array, json) = match kind {
        Kind::Sqlite => ("json_object", "json_group_array", "json"),
        Kind::Postgresql => ("json_build_object", "json_agg", "to_json"),
    };
    format!(
        "SELECT CAST({array}({object}('title', w.title, 'description', w.description, 'modality', w.modality, 'languages', {json}(w.languages),
            'sessions', {json}(w.sessions))) AS TEXT)
        FROM (SELECT w.*, (SELECT {array}({object}('startsAt', s.starts_at, 'endsAt', s.ends_at, 'status', s.status)) FROM ({sessions}) s) AS sessions
            FROM workshop w WHERE w.published_at IS NOT NULL AND w.visibility = 'PUBLIC' ORDER BY ({next}), w.id LIMIT 20) w"
    )
}

/// Twenty workshops with five sessions each, as anyone reads them.
pub(crate) async fn workshops(db: TestDatabase) {
    let kind = db.kind;
    let app = loaded(db, &Plan { clients: 0, workshops: 200, sessions: 10, registrations: 0, ..Plan::default() }).await;
    let connection = app.database.connect().await;
    let by_hand = workshops_by_hand(kind);
    let anyone = Credentials::default();
    let ours = answer(&app, &anyone, WORKSHOPS).await.len();
    let theirs = rows(&connection, &by_hand).await[0].try_get_by_index::<String>(0).unwrap().len();
    app.take_statements();
    answer(&app, &anyone, WORKSHOPS).await;
    println!("workshops: {} statements, {ours} bytes, {theirs} by hand", app.take_statements().len());
    let what = format!("{kind:?}: 20 of 200 workshops with 5 of 10 sessions each");
    let ask = async || drop(answer(&app, &anyone, WORKSHOPS).await);
    beside(&what, ask, async || drop(rows(&connection, &by_hand).await)).await;
}

const REFERRALS: &str = "{ referrals(first: 20) { nodes { number urgency createdAt to { name } client { pseudonym }
    person { givenName familyName } progress { status acceptedAt peer { displayName } } } } }";

const REFERRALS_BY_HAND: &str = "SELECT r.number, r.urgency, r.created_at, r.status, r.accepted_at, r.person, p.name, c.pseudonym, peer.display_name
    FROM referral r JOIN program p ON p.id = r.to_program_id LEFT JOIN client c ON c.id = r.to_client_id LEFT JOIN peer ON peer.id = r.peer_id
    WHERE r.submitted_at IS NOT NULL AND r.to_program_id IN (SELECT p.id FROM program p JOIN organization o ON o.id = p.organization_id
        WHERE o.name = 'Riverbend Peers') ORDER BY r.updated_at DESC, r.id LIMIT 20";

/// A page of what a coordinator received, with who it is about. By hand, names stay sealed.
pub(crate) async fn referrals(db: TestDatabase) {
    let kind = db.kind;
    let app = loaded(db, &Plan { clients: sized(4_000) as u32, workshops: 0, registrations: 0, ..Plan::default() }).await;
    let connection = app.database.connect().await;
    let token = token_for(&app, "Riverbend Peers", &[Role::Coordinator].into(), TimeDelta::hours(1)).await.unwrap();
    let casey = Credentials { bearer: Some(token), purpose: Some(PurposeOfUse::Treatment), request_id: "bench".to_owned() };
    let answered = answer(&app, &casey, REFERRALS).await;
    assert!(String::from_utf8_lossy(&answered).matches("givenName").count() >= 20);
    assert_eq!(rows(&connection, REFERRALS_BY_HAND).await.len(), 20);
    app.take_statements();
    answer(&app, &casey, REFERRALS).await;
    let statements = app.take_statements();
    println!("referrals: {} statements", statements.len());
    let what = format!("{kind:?}: 20 of a coordinator's {} referrals", app.database.count("FROM referral").await);
    let ask = async || drop(answer(&app, &casey, REFERRALS).await);
    beside(&what, ask, async || drop(rows(&connection, REFERRALS_BY_HAND).await)).await;
}
