//! The application, which `main` and the tests start: configuration → keys → database → migrations → server.

use std::{num::NonZeroU32, sync::Arc, time::Duration};

use actix_web::{
    App as Site, HttpServer,
    middleware::from_fn,
    web::{self, ServiceConfig},
};
use chrono::TimeDelta;
use migration::Migrator;
use sea_orm_migration::MigratorTrait;

use crate::{
    access::{
        KeySets,
        keys::{Keys, Use},
        secret::Secrets,
        token::Tokens,
    },
    clock::Clock,
    config::{Config, Environment},
    domain::{
        client_access::Inviting,
        data_export::Renders,
        feed::Reads,
        gathering,
        journal::{self, Repeated},
        message::Sends,
        program,
        schedule::Board,
    },
    error::Error,
    graphql::GraphEngine,
    http::{
        DoorSettings, Engine, Rate, Shutdown, frame, metrics_routes,
        oauth::{self, OAuth},
        routes,
    },
    outgoing::{self, Bounds, Mail, Outgoing},
    readers::{messages, schedule, timers},
    registry::Registered,
    store::{
        Connections, KEYS, Store,
        vault::{Journal, Keyring, Label, Recognised, Vault},
    },
    taking_in::Feeds,
};

/// How long an application's token is good.
const TOKEN_LIFETIME: TimeDelta = TimeDelta::hours(1);
/// How long open requests may take to end at a shutdown.
const SHUTDOWN_SECONDS: u64 = 20;
/// Under which name the database remembers what it is for.
const ENVIRONMENT: &str = "environment";
/// How often a running server looks whether keys were rotated.
const KEYS_POLL: Duration = Duration::from_secs(2);

/// Why the application does not start, as a sentence that says how to mend it.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct NotStarted(pub String);

impl From<Error> for NotStarted {
    fn from(error: Error) -> Self {
        match error {
            // To whoever runs a command, what is wrong is no inside.
            Error::Internal(what) => Self(what),
            other => Self(other.to_string()),
        }
    }
}

fn not_started(error: impl std::fmt::Display) -> NotStarted {
    NotStarted(error.to_string())
}

/// Everything that is open while the application runs.
pub struct App {
    /// What it was started with.
    pub config: Config,
    /// What the database is for.
    pub environment: Environment,
    /// The store.
    pub store: Store,
    /// Mints and verifies tokens.
    pub tokens: Tokens,
    /// Hashes applications' secrets.
    pub secrets: Secrets,
    /// Calls to the outside.
    pub outgoing: Outgoing,
    /// Sends messages to people; nothing where no mail is sent.
    pub mail: Option<Arc<dyn Sends>>,
    /// The public schedule in memory.
    pub board: Arc<Board>,
    engine: Arc<GraphEngine>,
    feeds: Arc<Feeds>,
    oauth: Arc<OAuth>,
    clock: Clock,
}

impl App {
    /// Opens the database and the keys. A new database gets its tables (unless told not to), its environment (`otherwise`, where
    /// none is set) and its keys.
    ///
    /// # Errors
    /// When something does not fit; the sentence says how to mend it.
    pub async fn open(config: Config, clock: Clock, otherwise: Environment) -> Result<Self, NotStarted> {
        if let Some(folder) = config.database_url.sqlite_file().as_ref().and_then(|file| file.parent()) {
            std::fs::create_dir_all(folder).map_err(|error| not_started(format!("{}: {error}", folder.display())))?;
        }
        let connections = Connections::open(config.database_url.expose(), config.database_pool_size).await?;
        Self::open_over(connections, config, clock, otherwise).await
    }

    /// Likewise over connections that are open already: a test counts the statements that pass through them.
    ///
    /// # Errors
    /// As [`App::open`].
    pub async fn open_over(connections: Connections, config: Config, clock: Clock, otherwise: Environment) -> Result<Self, NotStarted> {
        let file = config.database_url.sqlite_file();
        if config.auto_migrate {
            Migrator::up(connections.for_migrations(), None).await.map_err(not_started)?;
        }
        if connections.is_half_restored().await? {
            let sentence = "a restore into this database did not come to its end: run `aftercare restore` again, into an empty one";
            return Err(NotStarted(sentence.to_owned()));
        }
        let new = connections.is_new().await?;
        if new {
            make_data_keys(&config)?;
        }
        let vault = open_vault(&config, &clock).await?;
        let secrets = Secrets::new(vault.derive(Label::ClientSecret, b"")?.bytes());
        let fingerprint = vault.keyring().fingerprint()?;
        let rotated = match connections.remembered(KEYS).await? {
            Some(known) => vault.keyring().recognise(&known)? == Recognised::Rotated,
            None => true,
        };
        let store = Store::new(connections, vault, clock.clone())?;
        program::complete(&store).await?;
        gathering::complete(&store).await?;
        program::begin_capacity(&store).await?;
        complete_journal(&config, &store).await?;
        while store.destroy_pending_keys().await? > 0 {}
        let environment = settle_environment(&config, &store, otherwise).await?;
        if let (Environment::Production, Some(file)) = (environment, &file) {
            store.refuse_keys_under(file)?;
        }
        let allowed = if environment == Environment::Production { Use::Production } else { Use::Demonstration };
        let keys = Keys::open_or_make(&config.keys_dir, allowed, new, clock.now()).map_err(not_started)?;
        // Last: until all keys are there the database is new, and a start that ended half-way makes the rest.
        if rotated {
            store.remember(KEYS, &fingerprint).await?;
        }
        let tokens = Tokens::new(Arc::new(keys), config.public_url());
        let outgoing = Outgoing::new(outgoing_settings(&config)).map_err(not_started)?;
        let bounds = Bounds { timeout: Duration::from_secs(config.feed_timeout_seconds), max_bytes: config.feed_bytes };
        let feeds = Arc::new(Feeds::new(outgoing.clone(), bounds));
        let key_sets = KeySets::new(Arc::new(outgoing.clone()));
        let mail = open_mail(&config, environment)?;
        let inviting = Inviting { secrets: secrets.clone(), page: format!("{}/access", tokens.issuer()), sends_mail: mail.is_some() };
        let board = Arc::new(Board::new(store.clone()));
        let engine = Arc::new(GraphEngine::new(store.clone(), Arc::clone(&board), tokens.clone(), inviting, key_sets.clone()));
        let oauth = Arc::new(OAuth {
            tokens: tokens.clone(),
            secrets: secrets.clone(),
            key_sets,
            registry: Arc::new(Registered { store: store.clone(), secrets: secrets.clone() }),
            clock: clock.clone(),
            lifetime: TOKEN_LIFETIME,
        });
        Ok(Self { config, environment, store, tokens, secrets, outgoing, mail, board, engine, feeds, oauth, clock })
    }

    /// Which keys this database may be used with.
    pub fn keys_for(&self) -> Use {
        if self.environment == Environment::Production { Use::Production } else { Use::Demonstration }
    }

    /// Uses new keys within seconds of a rotation, until the task is dropped.
    pub async fn follow_keys(store: Store, tokens: Tokens) {
        loop {
            tokio::time::sleep(KEYS_POLL).await;
            match tokens.keys().follow(store.clock().now()) {
                Ok(true) => tracing::info!(key = tokens.keys().newest().kid, "the signing keys were rotated"),
                Ok(false) => {}
                Err(error) => tracing::error!(%error, "the signing keys stay as they were"),
            }
            match store.follow_keys() {
                Ok(true) => tracing::info!("the data keys were rotated"),
                Ok(false) => {}
                Err(error) => tracing::error!(%error, "the data keys stay as they were"),
            }
        }
    }

    /// What the doors open to.
    pub fn engine(&self) -> Arc<dyn Engine> {
        Arc::clone(&self.engine) as Arc<dyn Engine>
    }

    /// What renders a client's data for themselves.
    pub fn renders(&self) -> Arc<dyn Renders> {
        Arc::clone(&self.engine) as Arc<dyn Renders>
    }

    /// What reads schedules of others.
    pub fn reads(&self) -> Arc<dyn Reads> {
        Arc::clone(&self.feeds) as Arc<dyn Reads>
    }

    /// The one clock.
    pub fn clock(&self) -> &Clock {
        &self.clock
    }

    /// The doors' settings, from the configuration.
    pub fn door_settings(&self, shutdown: Shutdown) -> DoorSettings {
        let per_second = NonZeroU32::new(self.config.rate_limit_per_second);
        let burst = NonZeroU32::new(self.config.rate_limit_burst).unwrap_or(NonZeroU32::MIN);
        DoorSettings {
            body_bytes: self.config.body_limit_bytes,
            request_timeout: Duration::from_secs(self.config.request_timeout_seconds),
            answers_bytes: self.config.schedule_answers_bytes,
            rate: per_second.map(|per_second| Rate { burst, per_second }),
            shutdown,
            ..DoorSettings::default()
        }
    }

    /// All doors, for `App::configure`.
    pub fn doors(&self, settings: DoorSettings) -> impl FnOnce(&mut ServiceConfig) + Clone + Send + 'static {
        let limit = web::Data::new(oauth::AddressLimit::new(&settings));
        let graphql = routes(self.engine(), settings);
        let oauth = Arc::clone(&self.oauth);
        move |config| {
            config.configure(graphql);
            // Last, because it takes whatever is left: the authorization server, and for all else a 404 with the same frame.
            let rest = web::scope("").app_data(limit).wrap(from_fn(oauth::limited)).wrap(from_fn(frame));
            config.service(rest.configure(oauth::routes(oauth)));
        }
    }

    /// Serves until it is told to stop, then lets open requests end and closes what stays open.
    ///
    /// # Errors
    /// When an address cannot be bound.
    pub async fn serve(self, listening: impl FnOnce(&Self)) -> Result<(), NotStarted> {
        let (trigger, shutdown) = Shutdown::channel();
        let settings = self.door_settings(shutdown);
        let metrics = settings.metrics.clone();
        let doors = self.doors(settings);
        let server = HttpServer::new(move || Site::new().configure(doors.clone()))
            .shutdown_timeout(SHUTDOWN_SECONDS)
            .disable_signals()
            .bind(self.config.listen)
            .map_err(|error| not_started(format!("{}: {error}", self.config.listen)))?
            .run();
        let metrics = match self.config.metrics_listen {
            Some(address) => {
                let server = HttpServer::new(move || Site::new().configure(metrics_routes(metrics.clone()))).workers(1).disable_signals();
                let server = server.bind(address).map_err(|error| not_started(format!("metrics on {address}: {error}")))?;
                Some(tokio::spawn(server.run()))
            }
            None => None,
        };
        let sealer = tokio::spawn(self.store.clone().run_sealer());
        let listener = tokio::spawn(self.store.clone().run_listener());
        let timers = tokio::spawn(timers::run(self.store.clone(), self.renders(), self.reads()));
        let board = self.config.schedule_in_memory.then(|| tokio::spawn(schedule::run(Arc::clone(&self.board))));
        let messages = self.mail.clone().map(|mail| tokio::spawn(messages::run(self.store.clone(), mail)));
        let keys = tokio::spawn(Self::follow_keys(self.store.clone(), self.tokens.clone()));
        listening(&self);
        tracing::info!(listen = %self.config.listen, environment = ?self.environment, "serving");
        let handle = server.handle();
        let running = tokio::spawn(server);
        stop_signal().await;
        tracing::info!("stopping");
        // Receivers may be gone already; then nothing is open.
        let _ = trigger.send(true);
        handle.stop(true).await;
        let ended = running.await.map_err(not_started)?.map_err(not_started);
        sealer.abort();
        listener.abort();
        timers.abort();
        // What it was sending is sent again: a message more is better than one less.
        if let Some(messages) = messages {
            messages.abort();
        }
        keys.abort();
        if let Some(board) = board {
            board.abort();
        }
        while self.store.seal_batch().await? > 0 {}
        if let Some(metrics) = metrics {
            metrics.abort();
        }
        ended
    }
}

fn outgoing_settings(config: &Config) -> outgoing::Settings {
    outgoing::Settings {
        allowed_networks: config.outgoing_networks.clone(),
        allow_http: config.outgoing_http,
        ..outgoing::Settings::default()
    }
}

/// What sends mail to people, where the configuration or the environment says so.
fn open_mail(config: &Config, environment: Environment) -> Result<Option<Arc<dyn Sends>>, NotStarted> {
    let Some(url) = config.mail(environment) else { return Ok(None) };
    let host = config.public_host();
    let from = config.mail_from.as_ref().map_or_else(|| format!("no-reply@{host}"), |from| from.0.clone());
    let mail = Mail::to(&url, &from, &host).map_err(NotStarted)?;
    Ok(Some(Arc::new(mail)))
}

/// Waits for the signal to stop: SIGTERM, or Ctrl-C.
async fn stop_signal() {
    let mut term = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()).ok();
    let terminated = async {
        match &mut term {
            Some(term) => drop(term.recv().await),
            None => std::future::pending().await,
        }
    };
    tokio::select! {
        _ = tokio::signal::ctrl_c() => {}
        () = terminated => {}
    }
}

/// Makes the first data keys, for an empty database only: a full one without its keys is a loss that new keys would hide.
fn make_data_keys(config: &Config) -> Result<(), NotStarted> {
    if !config.keys_dir.join("root.key").exists() {
        std::fs::create_dir_all(&config.keys_dir).map_err(|error| not_started(format!("{}: {error}", config.keys_dir.display())))?;
        Keyring::generate(&config.keys_dir)?;
    }
    Ok(())
}

/// The vault, whose keys are there already.
pub(crate) async fn open_vault(config: &Config, clock: &Clock) -> Result<Vault, NotStarted> {
    let client_keys = config.client_keys();
    if let Some(folder) = client_keys.sqlite_file().as_ref().and_then(|file| file.parent()) {
        std::fs::create_dir_all(folder).map_err(not_started)?;
    }
    Ok(Vault::open(&config.keys_dir, client_keys.expose(), &config.journal(), clock.clone()).await?)
}

/// Does what the journal knows and a crash kept from the database. What cannot be done now, as when another replica is doing it, is done
/// at the next start.
async fn complete_journal(config: &Config, store: &Store) -> Result<(), NotStarted> {
    let entries = Journal::read(&config.journal())?;
    match journal::repeat(store, &entries, "what a crash kept from the database").await {
        Ok(Repeated { erased: 0, revoked: 0 }) => {}
        Ok(Repeated { erased, revoked }) => tracing::warn!(erased, revoked, "what the journal knew and the database did not was repeated"),
        Err(error) => tracing::error!(cause = %error, "what the journal knows could not be repeated: the next start tries again"),
    }
    Ok(())
}

/// What the database is for: what it remembers, or for a new one what is set, or otherwise what the command is for.
async fn settle_environment(config: &Config, store: &Store, otherwise: Environment) -> Result<Environment, NotStarted> {
    let name = |environment| if environment == Environment::Production { "production" } else { "development" };
    match store.remembered(ENVIRONMENT).await? {
        None => {
            let environment = config.env.unwrap_or(otherwise);
            store.remember(ENVIRONMENT, name(environment)).await?;
            Ok(environment)
        }
        Some(known) => {
            let known = if known == "development" { Environment::Development } else { Environment::Production };
            match config.env {
                Some(set) if set != known => Err(NotStarted(format!(
                    "AFTERCARE_ENV is {}, but this database was made for {}: unset it, or use another database",
                    name(set),
                    name(known)
                ))),
                _ => Ok(known),
            }
        }
    }
}
