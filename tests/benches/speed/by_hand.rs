//! The same lists by hand: one statement written for nothing else, and what is needed to make the same answer of its rows.

use aftercare::{
    app::App,
    store::vault::{SealContext, Vault, seal},
};
use chrono::{DateTime, Utc};
use entity::Sealed;
use kit::app::NOW;
use sea_orm::{ConnectOptions, ConnectionTrait, DatabaseConnection, DbBackend, QueryResult, Statement};
use serde::{Deserialize, Serialize};
use serde_json::json;
use uuid::Uuid;

/// A connection and keys of its own, as a program written for these lists alone would have them.
pub(crate) struct ByHand {
    connection: DatabaseConnection,
    vault: Vault,
    workshops: String,
}

impl ByHand {
    pub(crate) async fn open(app: &App) -> Self {
        let connection = connect(app.config.database_url.expose()).await;
        let keys = app.config.client_keys();
        let vault = Vault::open(&app.config.keys_dir, keys.expose(), &app.config.journal(), app.clock().clone()).await.unwrap();
        let workshops = workshops(connection.get_database_backend());
        Self { connection, vault, workshops }
    }

    async fn rows(&self, sql: &str) -> Vec<QueryResult> {
        self.connection.query_all_raw(Statement::from_string(self.connection.get_database_backend(), sql)).await.unwrap()
    }

    /// The database builds the JSON.
    pub(crate) async fn workshops(&self) -> Vec<u8> {
        let nodes: String = self.rows(&self.workshops).await[0].try_get_by_index(0).unwrap();
        format!(r#"{{"data":{{"workshops":{{"nodes":{nodes}}}}}}}"#).into_bytes()
    }

    /// Fetches, opens who it is about with the keys that are in memory, and builds the JSON.
    pub(crate) async fn referrals(&self) -> Vec<u8> {
        let rows = self.rows(REFERRALS).await;
        let ids: Vec<Uuid> = rows.iter().map(|row| row.try_get("", "id").unwrap()).collect();
        let keys = self.vault.keys_for(&ids).await.unwrap();
        let nodes = rows.iter().zip(ids).map(|(row, id)| {
            let key = &keys[&id];
            let place = SealContext { organization: key.organization, table: "referral", column: "person", row: id };
            let sealed = Sealed(row.try_get("", "person").unwrap());
            Node::of(row, seal::open_json(key, &place, &sealed).unwrap())
        });
        let nodes: Vec<Node> = nodes.collect();
        serde_json::to_vec(&json!({ "data": { "referrals": { "nodes": nodes } } })).unwrap()
    }
}

/// Without what costs a statement or a line of a log each time.
#[expect(clippy::disallowed_methods, reason = "what is compared with asks for nobody's permission")]
async fn connect(url: &str) -> DatabaseConnection {
    let mut options = ConnectOptions::new(url);
    options.max_connections(1).sqlx_logging(false).test_before_acquire(false);
    sea_orm::Database::connect(options).await.unwrap()
}

fn workshops(backend: DbBackend) -> String {
    let (object, array, json) = match backend {
        DbBackend::Sqlite => ("json_object", "json_group_array", "json"),
        _ => ("json_build_object", "json_agg", "to_json"),
    };
    let instant = |column: &str| match backend {
        // Text, which lacks one letter.
        DbBackend::Sqlite => format!("replace({column}, ' ', 'T')"),
        _ => column.to_owned(),
    };
    let (starts_at, ends_at) = (instant("s.starts_at"), instant("s.ends_at"));
    let sessions = "SELECT * FROM session s WHERE s.gathering_id = w.id ORDER BY s.starts_at, s.id LIMIT 5";
    let next =
        format!("SELECT MIN(n.starts_at) FROM session n WHERE n.gathering_id = w.id AND n.status = 'SCHEDULED' AND n.starts_at > '{NOW}'");
    format!(
        "SELECT CAST({array}({object}('title', w.title, 'description', w.description, 'modality', w.modality, 'languages', {json}(w.languages),
            'sessions', {object}('nodes', {json}(w.sessions)))) AS TEXT)
        FROM (SELECT w.*, (SELECT {array}({object}('startsAt', {starts_at}, 'endsAt', {ends_at}, 'status', s.status)) FROM ({sessions}) s) AS sessions
            FROM gathering w WHERE w.published_at IS NOT NULL AND w.visibility = 'PUBLIC' AND w.kind = 'WORKSHOP' ORDER BY ({next}), w.id LIMIT 20) w"
    )
}

/// The receiver has one program, so that an index gives the order. Anybody may ask, for the same rows.
const REFERRALS: &str = "SELECT r.id, r.number, r.urgency, r.created_at, r.status, r.accepted_at, r.person,
        p.name, c.pseudonym, peer.display_name
    FROM referral r JOIN program p ON p.id = r.to_program_id LEFT JOIN client c ON c.id = r.to_client_id LEFT JOIN peer ON peer.id = r.peer_id
    WHERE r.submitted_at IS NOT NULL AND r.to_program_id = (SELECT p.id FROM program p JOIN organization o ON o.id = p.organization_id
        WHERE o.name = 'Riverbend Peers') ORDER BY r.created_at DESC, r.id DESC LIMIT 20";

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Node {
    number: String,
    urgency: String,
    created_at: String,
    to: Program,
    client: Option<Client>,
    person: Person,
    progress: Progress,
}

#[derive(Serialize)]
struct Program {
    name: String,
}

#[derive(Serialize)]
struct Client {
    pseudonym: String,
}

/// Sealed under other names than answered.
#[derive(Serialize, Deserialize)]
#[serde(rename_all(serialize = "camelCase"))]
struct Person {
    given_name: String,
    family_name: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Progress {
    status: String,
    accepted_at: Option<String>,
    peer: Option<Peer>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Peer {
    display_name: String,
}

impl Node {
    fn of(row: &QueryResult, person: Person) -> Self {
        let text = |column| row.try_get::<String>("", column).unwrap();
        let perhaps = |column| row.try_get::<Option<String>>("", column).unwrap();
        let instant = |column| row.try_get::<Option<DateTime<Utc>>>("", column).unwrap().map(|at| at.to_rfc3339());
        Self {
            number: text("number"),
            urgency: text("urgency"),
            created_at: instant("created_at").unwrap(),
            to: Program { name: text("name") },
            client: perhaps("pseudonym").map(|pseudonym| Client { pseudonym }),
            person,
            progress: Progress {
                status: text("status"),
                accepted_at: instant("accepted_at"),
                peer: perhaps("display_name").map(|display_name| Peer { display_name }),
            },
        }
    }
}
