//! PostgreSQL for tests: the server that `AFTERCARE_TEST_POSTGRES_URL` names, else a private one of the programs found.
//!
//! All that makes or removes databases goes through one connection, the housekeeper's. It carries the run's name, so that a later
//! run can tell which databases on a shared server have lost their owner.

use std::{
    fmt,
    sync::{
        LazyLock, Mutex, PoisonError,
        atomic::{AtomicU32, Ordering},
        mpsc,
    },
    thread,
    time::{Duration, Instant},
};

use sea_orm::{ConnectOptions, ConnectionTrait, DatabaseConnection, DbBackend, DbErr, Statement};
use url::Url;

use super::cluster::Cluster;

/// Databases of runs whose housekeeper is gone.
const ORPHANS: &str = "SELECT datname FROM pg_database WHERE datname LIKE 'aftercare\\_test\\_%' AND NOT EXISTS \
    (SELECT FROM pg_stat_activity WHERE application_name LIKE 'aftercare\\_test\\_%' AND starts_with(datname, application_name || '_'))";

/// A statement for the housekeeper, and where to answer.
type Order = (String, mpsc::Sender<Result<(), DbErr>>);

/// The server of this process.
pub(super) struct Server {
    pub(super) version: String,
    url: Url,
    run: String,
    orders: Mutex<mpsc::Sender<Order>>,
    /// Held open: the private server ends with it.
    _cluster: Option<Cluster>,
}

/// The server of this process, or why there is none.
pub(super) fn server() -> &'static Result<Server, String> {
    static SERVER: LazyLock<Result<Server, String>> = LazyLock::new(Server::find);
    &SERVER
}

impl Server {
    fn find() -> Result<Self, String> {
        match std::env::var("AFTERCARE_TEST_POSTGRES_URL") {
            Ok(url) => {
                let url = Url::parse(&url).map_err(|error| format!("AFTERCARE_TEST_POSTGRES_URL is not a URL: {error}"))?;
                // Somebody asked for this very server: going on without it would be a lie.
                Ok(Self::open(url, None, Duration::from_secs(10)).unwrap_or_else(|error| panic!("AFTERCARE_TEST_POSTGRES_URL: {error}")))
            }
            Err(_) => {
                let cluster = Cluster::start()?;
                let url = cluster.url();
                Self::open(url, Some(cluster), Duration::from_secs(60))
                    .map_err(|error| format!("the private server does not answer: {error}"))
            }
        }
    }

    fn open(url: Url, cluster: Option<Cluster>, patience: Duration) -> Result<Self, DbErr> {
        let run = format!("aftercare_test_{}_{:08x}", std::process::id(), rand::random::<u32>());
        let (orders, received) = mpsc::channel::<Order>();
        let (opened, answer) = mpsc::channel();
        let mut own = url.clone();
        own.query_pairs_mut().append_pair("application_name", &run);
        thread::spawn(move || keep_house(&own, patience, &opened, &received));
        let version = answer.recv().map_err(|_| DbErr::Custom("the housekeeper is gone".into()))??;
        Ok(Self { version, url, run, orders: Mutex::new(orders), _cluster: cluster })
    }

    /// Runs one statement that makes or removes a database.
    fn order(&self, sql: String) -> Result<(), DbErr> {
        let (done, answer) = mpsc::channel();
        let gone = |_| DbErr::Custom("the housekeeper is gone".into());
        self.orders.lock().unwrap_or_else(PoisonError::into_inner).send((sql, done)).map_err(|_| gone(mpsc::RecvError))?;
        answer.recv().map_err(gone)?
    }

    fn new_name(&self) -> String {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        format!("{}_{}", self.run, COUNT.fetch_add(1, Ordering::Relaxed))
    }

    fn url_of(&self, database: &str) -> String {
        let mut url = self.url.clone();
        url.set_path(database);
        url.into()
    }
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server").field("version", &self.version).finish_non_exhaustive()
    }
}

fn keep_house(url: &Url, patience: Duration, opened: &mpsc::Sender<Result<String, DbErr>>, orders: &mpsc::Receiver<Order>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime can be made");
    let connection = match runtime.block_on(open_house(url, patience)) {
        Ok((connection, version)) => {
            let _ = opened.send(Ok(version));
            connection
        }
        Err(error) => return drop(opened.send(Err(error))),
    };
    for (sql, done) in orders {
        // The test that asked may have panicked meanwhile.
        let _ = done.send(runtime.block_on(connection.execute_unprepared(&sql)).map(drop));
    }
}

/// Connects, waiting for a server that is starting, and clears away what earlier runs left.
async fn open_house(url: &Url, patience: Duration) -> Result<(DatabaseConnection, String), DbErr> {
    let mut options = ConnectOptions::new(url.as_str());
    options.max_connections(1).min_connections(1).idle_timeout(None::<Duration>).max_lifetime(None::<Duration>);
    options.connect_timeout(Duration::from_secs(2)).acquire_timeout(Duration::from_secs(2)).sqlx_logging(false);
    let pause = Duration::from_millis(50);
    let give_up_at = Instant::now() + patience;
    let connection = loop {
        #[expect(clippy::disallowed_methods, reason = "not the product's database")]
        match sea_orm::Database::connect(options.clone()).await {
            Ok(connection) => break connection,
            Err(error) if Instant::now() > give_up_at => return Err(error),
            Err(_) => {}
        }
        tokio::time::sleep(pause).await;
    };
    let ask = |sql: &str| Statement::from_string(DbBackend::Postgres, sql);
    let row = connection.query_one_raw(ask("SHOW server_version")).await?;
    let version: String = row.ok_or_else(|| DbErr::Custom("no version".into()))?.try_get_by_index(0)?;
    for orphan in connection.query_all_raw(ask(ORPHANS)).await? {
        let name: String = orphan.try_get_by_index(0)?;
        connection.execute_unprepared(&format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)")).await?;
    }
    Ok((connection, version.split(' ').next().unwrap_or_default().to_owned()))
}

/// A database to clone from. Lives as long as the process.
#[derive(Debug)]
pub(super) struct Template {
    server: &'static Server,
    name: String,
}

impl Template {
    pub(super) fn create(server: &'static Server) -> Self {
        let name = server.new_name();
        server.order(format!("CREATE DATABASE {name}")).expect("a template can be made");
        Self { server, name }
    }

    pub(super) fn url(&self) -> String {
        self.server.url_of(&self.name)
    }

    pub(super) fn clone_database(&self) -> Clone {
        let name = self.server.new_name();
        self.server.order(format!("CREATE DATABASE {name} TEMPLATE {}", self.name)).expect("a template can be cloned");
        Clone { server: self.server, name }
    }
}

/// One test's database on the server. Dropping it removes it, also under those who are still connected.
pub(super) struct Clone {
    server: &'static Server,
    name: String,
}

impl Clone {
    pub(super) fn url(&self) -> String {
        self.server.url_of(&self.name)
    }
}

impl Drop for Clone {
    fn drop(&mut self) {
        // If it fails, the next run clears it away.
        let _ = self.server.order(format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", self.name));
    }
}
