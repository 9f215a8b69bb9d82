use std::fs;

use chrono::DateTime;
use tempfile::TempDir;

use super::*;
use crate::store::vault::seal::{SealContext, open, seal};

struct House {
    folder: TempDir,
    url: String,
}

impl House {
    fn keyring(&self) -> Arc<Keyring> {
        Arc::new(Keyring::open(&self.folder.path().join("keys")).unwrap())
    }

    async fn open(&self) -> ClientKeys {
        let clock = Clock::fixed(DateTime::from_timestamp(1_700_000_000, 0).unwrap());
        ClientKeys::open(&self.url, self.keyring(), clock).await.unwrap()
    }

    fn rotate(&self) {
        Keyring::rotate(&self.folder.path().join("keys")).unwrap();
    }
}

/// One house on a SQLite file and, where a server is named, one on a fresh PostgreSQL schema.
async fn houses() -> Vec<House> {
    let folder = || {
        let folder = tempfile::tempdir().unwrap();
        Keyring::generate(&folder.path().join("keys")).unwrap();
        folder
    };
    let sqlite = folder();
    let url = format!("sqlite://{}", sqlite.path().join("client-keys.db").display());
    let mut houses = vec![House { folder: sqlite, url }];
    if let Ok(server) = std::env::var("AFTERCARE_TEST_POSTGRES_URL") {
        let schema = format!("vault_{}", Uuid::new_v4().simple());
        let pool = sqlx::PgPool::connect(&server).await.unwrap();
        sqlx::query(sqlx::AssertSqlSafe(format!("CREATE SCHEMA {schema}"))).execute(&pool).await.unwrap();
        let separator = if server.contains('?') { '&' } else { '?' };
        houses.push(House { folder: folder(), url: format!("{server}{separator}options[search_path]={schema}") });
    }
    houses
}

fn place(organization: Uuid) -> SealContext {
    SealContext { organization, table: "client", column: "name", row: Uuid::from_u128(7) }
}

#[tokio::test]
async fn a_key_is_made_once_and_survives_a_restart() {
    for house in houses().await {
        let (subject, organization) = (Uuid::new_v4(), Uuid::new_v4());
        let keys = house.open().await;
        let sealed = seal(&keys.create(subject, organization).await.unwrap(), &place(organization), b"Ada").unwrap();
        let again = keys.create(subject, organization).await.unwrap();
        assert_eq!(*open(&again, &place(organization), &sealed).unwrap(), b"Ada");

        let restarted = house.open().await;
        let key = restarted.many(&[subject, Uuid::new_v4()]).await.unwrap();
        assert_eq!(key.len(), 1);
        assert_eq!(*open(&key[&subject], &place(organization), &sealed).unwrap(), b"Ada");
        keys.create(subject, Uuid::new_v4()).await.unwrap_err();
    }
}

#[tokio::test]
async fn a_destroyed_key_is_gone_from_memory_and_from_the_store() {
    for house in houses().await {
        let subject = Uuid::new_v4();
        let keys = house.open().await;
        keys.create(subject, Uuid::new_v4()).await.unwrap();
        assert_eq!(keys.many(&[subject]).await.unwrap().len(), 1);

        keys.destroy(subject).await.unwrap();
        keys.destroy(subject).await.unwrap();

        assert!(keys.many(&[subject]).await.unwrap().is_empty());
        assert!(house.open().await.many(&[subject]).await.unwrap().is_empty());
    }
}

#[tokio::test]
async fn sqlites_files_hold_nothing_of_a_destroyed_key() {
    let house = houses().await.remove(0);
    let subject = Uuid::new_v4();
    let keys = house.open().await;
    keys.create(subject, Uuid::new_v4()).await.unwrap();
    let holds = || {
        let files = fs::read_dir(house.folder.path()).unwrap().map(|entry| entry.unwrap().path()).filter(|path| path.is_file());
        let name = subject.to_string();
        files.map(|path| fs::read(path).unwrap()).any(|bytes| bytes.windows(name.len()).any(|part| part == name.as_bytes()))
    };
    assert!(holds());
    keys.destroy(subject).await.unwrap();
    assert!(!holds());
}

#[tokio::test]
async fn after_a_rotation_keys_are_wrapped_anew_also_while_another_server_runs() {
    for house in houses().await {
        let (organization, subjects) = (Uuid::new_v4(), [(); 3].map(|()| Uuid::new_v4()));
        let running = house.open().await;
        let made = running.create_many(&subjects, organization).await.unwrap();
        let sealed = seal(&made[&subjects[0]], &place(organization), b"Ada").unwrap();
        house.rotate();

        let rotated = house.open().await;
        assert_eq!(rotated.rewrap().await.unwrap(), 3);
        assert_eq!(rotated.rewrap().await.unwrap(), 0);

        let newest = house.keyring().list().pop().unwrap();
        assert_eq!(rotated.usage().await.unwrap(), [(newest, 3)]);
        let keys = running.many(&subjects).await.unwrap();
        assert_eq!(*open(&keys[&subjects[0]], &place(organization), &sealed).unwrap(), b"Ada");
    }
}

#[tokio::test]
async fn a_wrapped_key_given_to_another_subject_or_organization_does_not_open() {
    for house in houses().await {
        let (mine, other) = (Uuid::new_v4(), Uuid::new_v4());
        let keys = house.open().await;
        keys.create_many(&[mine, other], Uuid::new_v4()).await.unwrap();
        on_either!(&keys.database, pool => {
            let swap = "UPDATE client_key SET wrapped = (SELECT wrapped FROM client_key WHERE subject = $1) WHERE subject = $2";
            sqlx::query(swap).bind(other.to_string()).bind(mine.to_string()).execute(pool).await.unwrap();
            let give = "UPDATE client_key SET organization = $1 WHERE subject = $2";
            sqlx::query(give).bind(Uuid::new_v4().to_string()).bind(other.to_string()).execute(pool).await.unwrap();
        });
        keys.many(&[mine]).await.unwrap_err();
        keys.many(&[other]).await.unwrap_err();
    }
}
