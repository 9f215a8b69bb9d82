//! The application under test: a real server on a port of its own, over one test's database, with a clock that stands still.

use std::{
    collections::BTreeSet,
    net::TcpListener,
    ops::Deref,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU32, Ordering},
    },
    time::{Duration, Instant},
};

use actix_web::{App as Site, HttpServer, dev::ServerHandle};
use aftercare::{
    access::{
        Access, Scope,
        token::{Grant, Subject},
    },
    app::App,
    clock::Clock,
    config::{Config, Environment, Sources},
    domain::{
        api_client::{self, NewApiClient, NewSecret},
        client::{Identity, NewClient, Recovery},
        gathering::{NewGathering, NewSeries},
        organization::{self, NewOrganization},
        peer::{self, NewPeer},
        program::{self, NewProgram},
        staff_member::{self, NewStaffMember},
        timers::fire_one,
    },
    http::{Metrics, Shutdown},
    readers::schedule,
    store::{Action, Connections},
};
use chrono::{DateTime, Days, NaiveDate, TimeDelta, Utc};
use entity::{
    ApiClientId, OrganizationId, PeerId, ProgramId, ReferralId, StaffMemberId, TypedId, WorkItemId,
    vocabulary::{GatheringVisibility, Modality, OrganizationKind, PurposeOfUse, Role, TimerKind, WorkItemKind},
    work_item,
};
use sea_orm::ActiveValue::Set;
use tokio::{task::JoinHandle, time::sleep};

use crate::{
    caller::{BUSY, Caller},
    databases::TestDatabase,
};

/// When every test takes place, unless it moves its clock: a Monday at noon.
pub const NOW: &str = "2026-03-02T12:00:00Z";

fn noon() -> Clock {
    Clock::fixed(NOW.parse().expect("it is an instant"))
}

/// A running server and its database.
pub struct TestApp {
    app: App,
    /// Where it listens, without a slash at its end.
    pub url: String,
    /// What it counts.
    pub metrics: Metrics,
    /// The database, which is removed with the last server over it.
    pub database: Arc<TestDatabase>,
    server: ServerHandle,
    sealer: JoinHandle<()>,
    listener: JoinHandle<()>,
    board_keeper: Option<JoinHandle<()>>,
    statements: Arc<Mutex<Vec<String>>>,
}

impl Deref for TestApp {
    type Target = App;

    fn deref(&self) -> &App {
        &self.app
    }
}

/// An organization with one program, to act in.
#[derive(Clone, Debug)]
pub struct Home {
    /// The organization.
    pub organization: OrganizationId,
    /// Its program.
    pub program: ProgramId,
}

/// An API client with its secret.
#[derive(Clone, Debug)]
pub struct TestClient {
    /// Its id.
    pub id: ApiClientId,
    /// Its secret.
    pub secret: String,
}

impl TestApp {
    /// Starts a server over a migrated database.
    ///
    /// # Panics
    /// When it does not start.
    pub async fn start(database: TestDatabase) -> Self {
        Self::start_with(database, &[]).await
    }

    /// Likewise, with settings as `AFTERCARE_*` variables.
    ///
    /// # Panics
    /// When it does not start.
    pub async fn start_with(database: TestDatabase, settings: &[(&str, &str)]) -> Self {
        Self::start_over(Arc::new(database), noon(), settings).await
    }

    /// Starts a server over a database that somebody else uses too.
    ///
    /// # Panics
    /// When it does not start.
    pub async fn beside(database: &Arc<TestDatabase>) -> Self {
        Self::start_over(Arc::clone(database), noon(), &[]).await
    }

    /// Starts another server over the same database, keys and clock, as a second replica.
    ///
    /// # Panics
    /// When it does not start.
    pub async fn replica(&self) -> Self {
        self.replica_with(&[]).await
    }

    /// Likewise, with settings as `AFTERCARE_*` variables.
    ///
    /// # Panics
    /// When it does not start.
    pub async fn replica_with(&self, settings: &[(&str, &str)]) -> Self {
        // Tokens name the URL: they are good at both.
        let url = self.config.public_url();
        let settings: Vec<_> = settings.iter().copied().chain([("AFTERCARE_PUBLIC_URL", url.as_str())]).collect();
        Self::start_over(Arc::clone(&self.database), self.clock().clone(), &settings).await
    }

    /// Waits until the public schedule is in memory as it is now.
    ///
    /// # Panics
    /// When it does not come to be.
    pub async fn schedule_read(&self) {
        let begun = Instant::now();
        while self.board.settled(self.clock().now()).await.is_none() {
            assert!(begun.elapsed() < BUSY, "the schedule is not read into memory");
            sleep(Duration::from_millis(5)).await;
        }
    }

    async fn start_over(database: Arc<TestDatabase>, clock: Clock, settings: &[(&str, &str)]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
        let address = listener.local_addr().expect("it has an address");
        let folder = database.folder();
        let own = [
            ("AFTERCARE_DATABASE__URL", database.url.clone()),
            ("AFTERCARE_KEYS_DIR", folder.join("keys").display().to_string()),
            ("AFTERCARE_LISTEN", address.to_string()),
            ("AFTERCARE_AUTO_MIGRATE", "false".to_owned()),
            ("AFTERCARE_RATE_LIMIT__PER_SECOND", "0".to_owned()),
            // A busy machine is no finding.
            ("AFTERCARE_REQUESTS__TIMEOUT_SECONDS", "600".to_owned()),
        ];
        let own = own.into_iter().map(|(name, value)| (name.to_owned(), value));
        let given = settings.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        let sources = Sources { env: own.chain(given).collect(), ..Sources::default() };
        let config = Config::load(&sources).expect("the settings are good");
        let mut connections = Connections::open(config.database_url.expose(), config.database_pool_size).await.expect("it connects");
        let statements = Arc::new(Mutex::new(Vec::new()));
        let heard = Arc::clone(&statements);
        connections.on_statement(move |sql| heard.lock().unwrap_or_else(PoisonError::into_inner).push(sql.to_owned()));
        let app = App::open_over(connections, config, clock, Environment::Development).await.expect("it opens");
        let settings = app.door_settings(Shutdown::never());
        let metrics = settings.metrics.clone();
        let doors = app.doors(settings);
        let server = HttpServer::new(move || Site::new().configure(doors.clone())).workers(1).disable_signals();
        // On a busy machine a request's head may have to wait for longer than the five seconds that a stranger is given.
        let server = server.client_request_timeout(Duration::from_secs(60));
        let server = server.listen(listener).expect("it listens").run();
        let handle = server.handle();
        tokio::spawn(server);
        let sealer = tokio::spawn(app.store.clone().run_sealer());
        let listener = tokio::spawn(app.store.clone().run_listener());
        let board_keeper = app.config.schedule_in_memory.then(|| tokio::spawn(schedule::run(Arc::clone(&app.board))));
        Self { url: format!("http://{address}"), app, database, metrics, server: handle, sealer, listener, board_keeper, statements }
    }

    /// Does all that is due by now, in its order. Gives how many things that was, without finding out what programs can take on, which is
    /// done again and again.
    ///
    /// # Panics
    /// When timers cannot be asked for.
    pub async fn fire_timers(&self) -> usize {
        let mut fired = 0;
        while let Some(kind) =
            fire_one(&self.store, &*self.renders(), &*self.reads(), TimerKind::ALL).await.expect("timers can be asked for")
        {
            fired += usize::from(kind != TimerKind::ProgramCapacity);
        }
        fired
    }

    /// The system, for what a test needs done before it begins.
    pub fn system(&self) -> Access {
        Access::system("test", self.clock().now())
    }

    /// Makes an organization with one program.
    ///
    /// # Panics
    /// When it cannot be made.
    pub async fn home(&self, name: &str, kind: OrganizationKind) -> Home {
        let mut tx = self.store.begin(&self.system()).await.expect("it begins");
        let new = NewOrganization { name: name.to_owned(), kind, time_zone: "America/New_York".to_owned() };
        let home = organization::create_in(&mut tx, new).await.expect("an organization can be made");
        let new = NewProgram { name: format!("{name} program"), accepts_referrals: true, ..NewProgram::default() };
        let program = program::create_in(&mut tx, &home, new).await.expect("a program can be made");
        let home = tx.commit(home).await.expect("it commits");
        Home { organization: home.id, program: program.id }
    }

    /// Open Door, the recovery community organization of most tests, and somebody of its staff with these roles.
    ///
    /// # Panics
    /// When they cannot be made.
    pub async fn open_door(&self, roles: &[Role]) -> (Home, Caller) {
        let home = self.home("Open Door", OrganizationKind::RecoveryCommunityOrganization).await;
        let somebody = self.staff(&home, roles).await;
        (home, somebody)
    }

    /// Adds a person of staff with these roles to a home's program, and gives them a token with every scope.
    ///
    /// # Panics
    /// When they cannot be added.
    pub async fn staff(&self, home: &Home, roles: &[Role]) -> Caller {
        let id = self.staff_member(home, roles).await;
        self.token_of(id, home, roles)
    }

    /// Adds a person of staff with these roles to a home's program.
    ///
    /// # Panics
    /// When they cannot be added.
    pub async fn staff_member(&self, home: &Home, roles: &[Role]) -> StaffMemberId {
        let mut tx = self.store.begin(&self.system()).await.expect("it begins");
        let organization = tx.fetch_for(home.organization, Action::Extend).await.expect("it exists");
        let new =
            NewStaffMember { display_name: "Somebody".to_owned(), email: None, roles: roles.to_vec(), program_ids: vec![home.program] };
        let made = staff_member::create_in(&mut tx, &organization, new).await.expect("they can be added");
        tx.commit(made).await.expect("it commits").id
    }

    /// Makes a person of staff a peer of a home's program.
    ///
    /// # Panics
    /// When they cannot be one.
    pub async fn peer(&self, home: &Home, staff_member_id: StaffMemberId) -> PeerId {
        let mut tx = self.store.begin(&self.system()).await.expect("it begins");
        let new = NewPeer {
            staff_member_id,
            program_id: home.program,
            display_name: "Parker".to_owned(),
            bio: None,
            languages: Vec::new(),
            modalities: Vec::new(),
            accepting_clients: true,
        };
        let made = peer::create_in(&mut tx, new).await.expect("they can be a peer");
        tx.commit(made).await.expect("it commits").id
    }

    /// Somebody of staff, with a token with every scope.
    pub fn token_of(&self, id: StaffMemberId, home: &Home, roles: &[Role]) -> Caller {
        self.caller(Subject::Staff(id), home, roles, &Scope::ALL.iter().map(|(scope, _)| *scope).collect::<Vec<_>>())
    }

    /// A caller with a token of this server for anyone, whoever they are.
    ///
    /// # Panics
    /// When no token can be made.
    pub fn caller(&self, subject: Subject, home: &Home, roles: &[Role], scopes: &[Scope]) -> Caller {
        let grant = Grant {
            subject,
            organization: home.organization,
            roles: roles.iter().copied().collect(),
            scopes: scopes.iter().copied().collect::<BTreeSet<_>>(),
            lifetime: TimeDelta::hours(1),
        };
        let minted = self.tokens.mint(&grant, self.clock().now()).expect("a token can be made");
        Caller::with_token(&self.url, &minted.token)
    }

    /// A caller without a token.
    pub fn anyone(&self) -> Caller {
        Caller::anonymous(&self.url)
    }

    /// Makes an API client of a home.
    ///
    /// # Panics
    /// When it cannot be made.
    pub async fn api_client(&self, home: &Home, roles: &[Role], scopes: &[Scope], purposes: &[PurposeOfUse]) -> TestClient {
        let mut tx = self.store.begin(&self.system()).await.expect("it begins");
        let organization = tx.fetch_for(home.organization, Action::Extend).await.expect("it exists");
        let new = NewApiClient {
            name: "An application".to_owned(),
            scopes: scopes.iter().map(ToString::to_string).collect(),
            roles: roles.to_vec(),
            program_ids: vec![home.program],
            purposes: purposes.to_vec(),
            keys: None,
        };
        let made = api_client::create_in(&mut tx, &organization, new, NewSecret::make(&self.secrets)).await.expect("it can be made");
        let made = tx.commit(made).await.expect("it commits");
        TestClient { id: made.api_client.id, secret: made.secret.expect("a new client has a secret") }
    }

    /// The statements that ran since it was last asked. Stop the sealer first, which writes whenever something was written.
    pub fn take_statements(&self) -> Vec<String> {
        std::mem::take(&mut self.statements.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Seals what there is, and from then on only what [`TestApp::sealed`] is asked to. It hears nothing of replicas either, and reads
    /// nothing into memory.
    ///
    /// # Panics
    /// When the log cannot be sealed.
    pub async fn stop_sealer(&mut self) {
        self.only_listen().await;
        self.listener.abort();
        let _ = (&mut self.listener).await;
        if let Some(keeper) = self.board_keeper.take() {
            keeper.abort();
            let _ = keeper.await;
        }
        self.sealed().await;
    }

    /// Seals no more, and knows of the log's growth only what other replicas say.
    pub async fn only_listen(&mut self) {
        self.sealer.abort();
        // It ends as cancelled, which is what was asked for.
        let _ = (&mut self.sealer).await;
    }

    /// Waits until everything that was committed has its place in the log.
    ///
    /// # Panics
    /// When the log cannot be sealed.
    pub async fn sealed(&self) {
        let begun = Instant::now();
        loop {
            while self.store.seal_batch().await.expect("the log can be sealed") > 0 {}
            // Nothing to do may also mean that the other sealer is at it.
            if self.store.unsealed().await.expect("the database answers") == 0 {
                return;
            }
            assert!(begun.elapsed() < Duration::from_secs(20), "the log is not sealed");
            sleep(Duration::from_millis(5)).await;
        }
    }
}

impl Drop for TestApp {
    fn drop(&mut self) {
        self.sealer.abort();
        self.listener.abort();
        if let Some(keeper) = &self.board_keeper {
            keeper.abort();
        }
        // The server ends with its runtime; asking it to stop lets go of the port at once.
        drop(self.server.stop(false));
    }
}

/// A client of a home's program, who says no more than has to be said. Each is somebody else, born on a day of their own.
///
/// # Panics
/// Never: the day of birth is one.
pub fn somebody(home: &Home) -> NewClient {
    static BORN: AtomicU32 = AtomicU32::new(0);
    let born: NaiveDate = "1940-01-01".parse().expect("it is a day");
    let born = born + Days::new(u64::from(BORN.fetch_add(1, Ordering::Relaxed) % 20_000));
    let identity = Identity {
        given_name: "Ada".to_owned(),
        family_name: "Byron".to_owned(),
        preferred_name: None,
        pronouns: None,
        date_of_birth: born,
        gender: None,
        race_ethnicity: vec![],
        contact_methods: vec![],
        address: None,
        time_zone: "UTC".to_owned(),
        languages: vec![],
        interpreter_needed: false,
        payer: None,
        external_identifiers: vec![],
    };
    NewClient { identity, recovery: Recovery::default(), program_ids: vec![home.program] }
}

/// A public workshop of a home's program with one session, in a room with any number of seats.
///
/// # Panics
/// Never: the day and the hour are some.
pub fn new_workshop(home: &Home) -> NewGathering {
    NewGathering {
        program_id: home.program,
        title: "Living with stress".to_owned(),
        description: None,
        topics: vec!["COPING.STRESS".to_owned()],
        modality: Modality::InPerson,
        languages: vec!["en".to_owned()],
        accessibility: vec![],
        audience: None,
        minimum_age: None,
        cost: None,
        visibility: GatheringVisibility::Public,
        address: None,
        area: None,
        address_after_registration: false,
        join_url: None,
        time_zone: None,
        series: NewSeries {
            starts_on: "2026-03-09".parse().expect("it is a day"),
            start_time: "18:00:00".parse().expect("it is an hour"),
            minutes: 60,
            recurrence: None,
            except_dates: vec![],
            extra_dates: vec![],
        },
        capacity_in_person: None,
        capacity_online: None,
        waitlist_size: None,
        facilitator_ids: vec![],
        despite_conflict: false,
        group: None,
    }
}

/// Something to do about a referral, which no command opened.
pub fn some_work(home: &Home, referral: ReferralId, at: DateTime<Utc>) -> work_item::ActiveModel {
    work_item::ActiveModel {
        id: Set(WorkItemId::new()),
        organization_id: Set(home.organization),
        program_id: Set(home.program),
        kind: Set(WorkItemKind::HoldReview),
        referral_id: Set(Some(referral)),
        client_id: Set(None),
        clock: Set(None),
        opened_at: Set(at),
        due_at: Set(None),
        assignee_id: Set(None),
        requested_by: Set(None),
        note: Set(None),
        decision: Set(None),
        decided_by: Set(None),
        closed_at: Set(None),
        version: Set(1),
    }
}
