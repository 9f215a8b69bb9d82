//! The command line.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
};

use chrono::TimeDelta;
use clap::{Args, Parser, Subcommand};
use entity::{
    organization, program, staff_member,
    vocabulary::{OrganizationKind, PurposeOfUse, Role},
};
use migration::Migrator;
use sea_orm::{ColumnTrait, Order};
use sea_orm_migration::MigratorTrait;

use super::{
    backup::{self, Files},
    demo::{self, Plan},
    feeds::{self, FeedsCommand},
    init::{self, NewInstallation},
    issuer::{self, IssuerCommand},
    keys::{self, KeysCommand},
};
use crate::{
    access::{
        Access, Scope,
        token::{Grant, Subject},
    },
    app::{App, NotStarted},
    clock::{Clock, Instant},
    config::{Config, Environment},
    domain::api_client::{self, NewApiClient, NewSecret, OwnKeys},
    error::Error,
    graphql, logging,
    store::{Action, Connections, Store, Verified},
};

/// Hands discharged clients over to peer recovery support: a GraphQL API.
#[derive(Parser)]
#[command(name = "aftercare", version)]
pub(super) struct Line {
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Subcommand)]
enum Command {
    /// Runs the server.
    Serve {
        /// Loads the demonstration data when the database is new.
        #[arg(long)]
        demo: bool,
    },
    /// Brings the schema up or down, or tells where it is.
    #[command(subcommand)]
    Migrate(Migrate),
    /// Loads made-up data into an empty database.
    #[command(subcommand)]
    Demo(Demo),
    /// Makes the first organization, its administrator and an administrator's API client in an empty production database.
    Init(Init),
    /// Prints a bearer token for trying things out; refused in production.
    Token(Token),
    /// API clients.
    #[command(subcommand)]
    Client(Client),
    /// Identity providers whose tokens an organization's staff sign in with.
    #[command(subcommand)]
    Issuer(IssuerCommand),
    /// Schedules of others, taken in for "what is near me tonight".
    #[command(subcommand)]
    Feeds(FeedsCommand),
    /// Signing keys and data keys.
    #[command(subcommand)]
    Keys(KeysCommand),
    /// Prints the schema as SDL.
    Schema,
    /// Writes a backup while the server runs: the rows, and the wrapped client keys in a file of their own, to be kept at most 30 days.
    Backup(Files),
    /// Restores a backup into an empty database, and repeats the erasures and revocations that the journal knows.
    Restore {
        #[command(flatten)]
        files: Files,
        /// The journal as it is now, not as it was when the backup was made.
        #[arg(long)]
        journal: PathBuf,
    },
    /// Computes the chains of events and audit anew and says whether they hold.
    Verify,
    /// Checks configuration, database and keys, and says how to mend what is wrong.
    Doctor,
}

#[derive(Subcommand)]
enum Migrate {
    /// All steps that are missing.
    Up,
    /// The last steps back.
    Down {
        /// How many.
        steps: u32,
    },
    /// Which steps were taken.
    Status,
}

#[derive(Subcommand)]
enum Demo {
    /// The six organizations of the documentation, with people, programs and clients.
    Load(Plan),
}

#[derive(Args)]
struct Init {
    /// The organization's name.
    #[arg(long)]
    organization: String,
    /// What it is, such as TREATMENT_PROVIDER.
    #[arg(long)]
    kind: String,
    /// The administrator's e-mail address.
    #[arg(long)]
    administrator: String,
    /// Its time zone.
    #[arg(long, default_value = "America/New_York")]
    time_zone: String,
    /// The identity provider whose tokens its staff sign in with, as `issuer add` takes it.
    #[arg(long)]
    issuer: Option<String>,
}

#[derive(Args)]
struct Token {
    /// The roles, with commas.
    #[arg(long, value_delimiter = ',', required = true)]
    role: Vec<String>,
    /// The organization's name.
    #[arg(long)]
    organization: String,
    /// How long it is good, such as 30m or 1h.
    #[arg(long, default_value = "1h")]
    ttl: String,
}

#[derive(Subcommand)]
enum Client {
    /// Makes one, and prints its id and its secret, once.
    Create(ClientCreate),
}

#[derive(Args)]
struct ClientCreate {
    /// The organization's name.
    #[arg(long)]
    organization: String,
    /// The client's name.
    #[arg(long)]
    name: String,
    /// Its scopes, with spaces.
    #[arg(long)]
    scopes: String,
    /// Its roles, with commas.
    #[arg(long, value_delimiter = ',')]
    roles: Vec<String>,
    /// The names of its programs, with commas.
    #[arg(long, value_delimiter = ',')]
    programs: Vec<String>,
    /// The purposes of use it may name, with commas.
    #[arg(long, value_delimiter = ',')]
    purposes: Vec<String>,
    /// A file with its public keys (a JSON Web Key Set): it signs assertions with them, and has no secret.
    #[arg(long)]
    jwks: Option<PathBuf>,
}

pub(super) fn said(sentence: impl Into<String>) -> NotStarted {
    NotStarted(sentence.into())
}

/// What a refusal says; a command line has no other place for it.
pub(super) fn spoken(error: Error) -> NotStarted {
    match error.into_refusals() {
        Ok(refusals) => said(refusals.into_iter().map(|refusal| refusal.message).collect::<Vec<_>>().join(" ")),
        Err(error) => error.into(),
    }
}

#[expect(clippy::print_stdout, reason = "what a command answers is its standard output")]
fn print(line: &str) {
    println!("{line}");
}

/// Does what the line says.
pub(super) async fn run(line: Line) -> Result<(), NotStarted> {
    if matches!(line.command, Some(Command::Schema)) {
        print(graphql::build().finish().sdl().trim_end());
        return Ok(());
    }
    let config = Config::from_process(Vec::new()).map_err(|wrong| said(wrong.to_string()))?;
    logging::start(config.log);
    match line.command {
        None => Box::pin(serve(config, Environment::Development, true)).await,
        Some(Command::Serve { demo: true }) => Box::pin(serve(config, Environment::Development, true)).await,
        Some(Command::Serve { demo: false }) => Box::pin(serve(config, Environment::Production, false)).await,
        Some(Command::Migrate(step)) => migrate(&config, &step).await,
        Some(Command::Demo(Demo::Load(plan))) => {
            let app = App::open(config, Clock::system(), Environment::Development).await?;
            demo::load(&app, &plan, true).await
        }
        Some(Command::Init(init)) => {
            let kind = init.kind.to_ascii_uppercase().parse::<OrganizationKind>().map_err(|_| {
                let kinds: Vec<_> = OrganizationKind::ALL.iter().map(|kind| kind.as_str()).collect();
                said(format!("`--kind` is one of {}", kinds.join(", ")))
            })?;
            let app = App::open(config, Clock::system(), Environment::Production).await?;
            let new = NewInstallation {
                organization: init.organization,
                kind,
                time_zone: init.time_zone,
                administrator: init.administrator,
                issuer: init.issuer,
            };
            let (id, secret) = init::first_organization(&app, new).await?;
            print(&format!("client_id={id}"));
            print(&format!("client_secret={secret}"));
            Ok(())
        }
        Some(Command::Token(token)) => {
            let app = App::open(config, Clock::system(), Environment::Production).await?;
            let roles = parsed::<Role>(&token.role, "role")?;
            print(&token_for(&app, &token.organization, &roles, lifetime(&token.ttl)?).await?);
            Ok(())
        }
        Some(Command::Client(Client::Create(new))) => {
            let app = App::open(config, Clock::system(), Environment::Production).await?;
            let (id, secret) = client_create(&app, new).await?;
            print(&format!("client_id={id}"));
            if let Some(secret) = secret {
                print(&format!("client_secret={secret}"));
            }
            Ok(())
        }
        Some(Command::Issuer(command)) => {
            let app = App::open(config, Clock::system(), Environment::Production).await?;
            for line in issuer::run(&app, command).await? {
                print(&line);
            }
            Ok(())
        }
        Some(Command::Feeds(command)) => {
            let app = App::open(config, Clock::system(), Environment::Production).await?;
            for line in feeds::run(&app, command).await? {
                print(&line);
            }
            Ok(())
        }
        Some(Command::Keys(command)) => {
            for line in keys::run(&config, &command).await? {
                print(&line);
            }
            Ok(())
        }
        Some(Command::Backup(files)) => {
            print(&backup::backup(&config, &files).await?);
            Ok(())
        }
        Some(Command::Restore { files, journal }) => {
            print(&backup::restore(&config, &files, &journal).await?);
            Ok(())
        }
        Some(Command::Verify) => {
            let app = App::open(config, Clock::system(), Environment::Production).await?;
            print(&verified(&app.store, app.clock().now()).await?);
            Ok(())
        }
        Some(Command::Doctor) => doctor(config).await,
        Some(Command::Schema) => Ok(()),
    }
}

/// Says that the chains hold, or where they do not.
pub(super) async fn verified(store: &Store, now: Instant) -> Result<String, NotStarted> {
    match store.verify(&Access::system("verify", now)).await? {
        Ok(Verified { events, audit, disclosures }) => {
            Ok(format!("the chains hold: {events} events, {audit} audit entries, {disclosures} disclosures"))
        }
        Err(broken) => Err(said(format!("the chain {} does not hold at {}: {}", broken.chain, broken.position, broken.because))),
    }
}

async fn serve(config: Config, environment: Environment, demo: bool) -> Result<(), NotStarted> {
    let app = App::open(config, Clock::system(), environment).await?;
    let mut token = None;
    if demo && app.environment == Environment::Development {
        if app.store.is_empty().await? {
            Box::pin(demo::load(&app, &Plan::default(), false)).await?;
        }
        token = token_for(&app, "Open Door Recovery", &[Role::Coordinator].into(), TimeDelta::hours(12)).await.ok();
    }
    app.serve(|app| {
        let url = app.config.public_url();
        print(&format!("GraphQL    {url}/graphql   (GraphiQL in a browser; WebSocket; events at /graphql/stream)"));
        print(&format!("schema     {url}/schema.graphql"));
        print(&format!("tokens     {url}/oauth/token"));
        if let Some(metrics) = app.config.metrics_listen {
            print(&format!("metrics    http://{metrics}/metrics"));
        }
        if let Some(token) = token {
            let query = r#"{"query":"{ viewer { roles organization { name } } clients(first: 3) { nodes { pseudonym identity { givenName } } } }"}"#;
            print("try        (a coordinator of Open Door Recovery; the token is good for 12 hours)");
            print(&format!("curl -s {url}/graphql -H 'content-type: application/json' -H 'authorization: Bearer {token}' -d '{query}'"));
        }
    })
    .await
}

async fn migrate(config: &Config, step: &Migrate) -> Result<(), NotStarted> {
    let failed = |error: sea_orm::DbErr| said(error.to_string());
    let connections = Connections::open(config.database_url.expose(), 1).await?;
    let on = connections.for_migrations();
    match step {
        Migrate::Up => Migrator::up(on, None).await.map_err(failed),
        Migrate::Down { steps } => Migrator::down(on, Some(*steps)).await.map_err(failed),
        Migrate::Status => {
            for taken in Migrator::get_applied_migrations(on).await.map_err(failed)? {
                print(&format!("applied  {}", taken.name()));
            }
            for missing in Migrator::get_pending_migrations(on).await.map_err(failed)? {
                print(&format!("pending  {}", missing.name()));
            }
            Ok(())
        }
    }
}

async fn doctor(config: Config) -> Result<(), NotStarted> {
    print("configuration  read");
    let app = App::open(config, Clock::system(), Environment::Production).await?;
    print(&format!("database       answers; environment {:?}", app.environment).to_lowercase());
    print("keys           fit the database");
    let waiting = app.store.unsealed().await?;
    print(&format!("events         {waiting} wait for their place"));
    Ok(())
}

pub(super) fn parsed<T: std::str::FromStr + Ord>(names: &[String], what: &str) -> Result<BTreeSet<T>, NotStarted> {
    let names = names.iter().filter(|name| !name.is_empty());
    names.map(|name| name.to_ascii_uppercase().parse().map_err(|_| said(format!("`{name}` is no {what}")))).collect()
}

fn lifetime(text: &str) -> Result<TimeDelta, NotStarted> {
    let wrong = || said("`--ttl` is a number with s, m or h, such as 30m, and at most 24h");
    let number = text.get(..text.len().saturating_sub(1)).and_then(|number| number.parse::<i64>().ok()).ok_or_else(wrong)?;
    let span = match text.chars().last() {
        Some('s') => TimeDelta::try_seconds(number),
        Some('m') => TimeDelta::try_minutes(number),
        Some('h') => TimeDelta::try_hours(number),
        _ => None,
    };
    span.filter(|span| *span > TimeDelta::zero() && *span <= TimeDelta::hours(24)).ok_or_else(wrong)
}

/// A token for someone of staff of the organization who has all of these roles.
///
/// # Errors
/// In production, and when there is no such organization or nobody with these roles.
pub async fn token_for(app: &App, organization: &str, roles: &BTreeSet<Role>, lifetime: TimeDelta) -> Result<String, NotStarted> {
    if app.environment == Environment::Production {
        return Err(said("tokens for trying out are refused in production: use /oauth/token with an API client"));
    }
    let system = Access::system("token for trying out", app.clock().now());
    let home = organization_named(app, &system, organization).await?;
    let staff = app.store.find::<staff_member::Entity>(&system).by(staff_member::Column::OrganizationId, |column| column.eq(home));
    let staff = staff.ordered(staff_member::Column::DisplayName, Order::Asc).first(1_000).await?;
    let with_all = staff.into_iter().find(|person| person.active && roles.iter().all(|role| person.roles.contains(role)));
    let person = with_all.ok_or_else(|| said(format!("nobody at {organization} has all of these roles")))?;
    let grant = Grant {
        subject: Subject::Staff(person.id),
        organization: home,
        roles: roles.clone(),
        scopes: Scope::ALL.iter().map(|(scope, _)| *scope).collect(),
        lifetime,
    };
    let minted = app.tokens.mint(&grant, app.clock().now()).map_err(|error| said(error.to_string()))?;
    Ok(minted.token)
}

pub(super) async fn organization_named(app: &App, system: &Access, name: &str) -> Result<entity::OrganizationId, NotStarted> {
    let found = app.store.find::<organization::Entity>(system).by(organization::Column::Name, |column| column.eq(name)).first(1).await?;
    found.first().map(|row| row.id).ok_or_else(|| said(format!("there is no organization named `{name}`")))
}

async fn client_create(app: &App, new: ClientCreate) -> Result<(entity::ApiClientId, Option<String>), NotStarted> {
    let keys = new.jwks.as_deref().map(keys_in).transpose()?.flatten();
    let system = Access::system("client create", app.clock().now());
    let home = organization_named(app, &system, &new.organization).await?;
    let mut program_ids = Vec::new();
    for name in new.programs.iter().filter(|name| !name.is_empty()) {
        let find = app.store.find::<program::Entity>(&system).by(program::Column::OrganizationId, |column| column.eq(home));
        let found = find.by(program::Column::Name, |column| column.eq(name.as_str())).first(1).await?;
        program_ids.push(found.first().map(|row| row.id).ok_or_else(|| said(format!("{} has no program `{name}`", new.organization)))?);
    }
    let wanted = NewApiClient {
        name: new.name,
        scopes: new.scopes.split_whitespace().map(ToOwned::to_owned).collect(),
        roles: parsed::<Role>(&new.roles, "role")?.into_iter().collect(),
        program_ids,
        purposes: parsed::<PurposeOfUse>(&new.purposes, "purpose of use")?.into_iter().collect(),
        keys,
    };
    let mut tx = app.store.begin(&system).await?;
    let home = tx.fetch_for::<organization::Entity>(home, Action::Extend).await?;
    let made = api_client::create_in(&mut tx, &home, wanted, NewSecret::make(&app.secrets)).await.map_err(spoken)?;
    let made = tx.commit(made).await?;
    Ok((made.api_client.id, made.secret))
}

/// The public keys in a file.
fn keys_in(file: &Path) -> Result<Option<OwnKeys>, NotStarted> {
    let text = std::fs::read_to_string(file).map_err(|why| said(format!("{}: {why}", file.display())))?;
    OwnKeys::checked(Some(&text), None, |_| Ok(())).map_err(|refusal| spoken(refusal.into()))
}
