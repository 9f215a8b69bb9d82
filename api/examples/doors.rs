//! The doors before a small schema, for the conformance checks of `tests/conformance`. Prints its addresses; any token but
//! `good` is bad.

use std::{
    net::TcpListener,
    num::NonZeroU32,
    sync::{
        Arc,
        atomic::{AtomicI32, Ordering},
    },
    time::Duration,
};

use actix_web::{App, HttpServer};
use aftercare::{
    access::{
        Access, Actor,
        attendance_proof::{Checked, Flaw},
    },
    clock::Clock,
    http::{Credentials, Document, DoorSettings, Engine, Executed, Export, NotLetIn, Publication, Rate, Shutdown, metrics_routes, routes},
};
use async_graphql::{Context, InputObject, Object, Request, Response, Schema, SimpleObject, Subscription};
use async_trait::async_trait;
use futures_util::{
    StreamExt as _,
    stream::{self, BoxStream, Stream},
};

/// How often the mutation ran.
static COUNTER: AtomicI32 = AtomicI32::new(0);

struct Query;

/// A workshop of the example.
#[derive(SimpleObject)]
struct Workshop {
    title: String,
    seats: i32,
}

/// Which workshops.
#[derive(InputObject)]
struct WorkshopFilter {
    /// At least so many seats.
    seats_at_least: Option<i32>,
    /// Near a place.
    near: Option<String>,
}

/// A level of nesting.
struct Level;

#[Object]
impl Level {
    /// The next one.
    async fn deeper(&self) -> Level {
        Level
    }

    /// A leaf.
    async fn leaf(&self) -> i32 {
        1
    }
}

#[Object]
impl Query {
    /// A greeting.
    async fn hello(&self, name: Option<String>) -> String {
        format!("Hello, {}!", name.as_deref().unwrap_or("world"))
    }

    /// Who asks.
    async fn caller(&self, ctx: &Context<'_>) -> String {
        format!("{:?}", ctx.data_unchecked::<Access>().actor)
    }

    /// Public workshops.
    async fn workshops(&self, first: Option<i32>, filter: Option<WorkshopFilter>) -> Vec<Workshop> {
        let least = filter.as_ref().and_then(|filter| filter.seats_at_least).unwrap_or(0);
        let place = filter.and_then(|filter| filter.near).unwrap_or_default();
        let all = (1..=first.unwrap_or(3)).map(|seats| Workshop { title: format!("Workshop {seats}{place}"), seats });
        all.filter(|workshop| workshop.seats >= least).collect()
    }

    /// The registration of a ticket.
    async fn registration(&self, ticket: Option<String>) -> Option<String> {
        ticket
    }

    /// How often the mutation ran.
    async fn count(&self) -> i32 {
        COUNTER.load(Ordering::SeqCst)
    }

    /// Nests.
    async fn level(&self) -> Level {
        Level
    }

    /// Takes a while.
    async fn slow(&self, milliseconds: u64) -> bool {
        tokio::time::sleep(Duration::from_millis(milliseconds)).await;
        true
    }

    /// Fails without a code.
    async fn broken(&self) -> async_graphql::Result<Option<i32>> {
        Err("a secret of the inside".into())
    }
}

struct Mutation;

#[Object]
impl Mutation {
    /// Counts one, after a while.
    async fn count(&self, milliseconds: Option<u64>) -> i32 {
        tokio::time::sleep(Duration::from_millis(milliseconds.unwrap_or(0))).await;
        COUNTER.fetch_add(1, Ordering::SeqCst) + 1
    }

    /// The idempotency key that came along.
    async fn key(&self, ctx: &Context<'_>) -> Option<String> {
        ctx.insert_http_header("idempotency-replayed", "true");
        ctx.data_unchecked::<Access>().idempotency.as_ref().map(|key| key.key.clone())
    }
}

struct Ticks;

#[Subscription]
impl Ticks {
    /// Counts to a number, or on and on.
    async fn ticks(&self, to: Option<i32>, every_milliseconds: Option<u64>) -> impl Stream<Item = i32> {
        let every = Duration::from_millis(every_milliseconds.unwrap_or(10));
        stream::iter(1..=to.unwrap_or(i32::MAX)).then(move |tick| async move {
            tokio::time::sleep(every).await;
            tick
        })
    }
}

struct Example(Schema<Query, Mutation, Ticks>, Clock);

#[async_trait]
impl Engine for Example {
    async fn sign_in(&self, credentials: Credentials) -> Result<Access, NotLetIn> {
        let mut access = Access::anonymous(credentials.request_id, self.1.now());
        match credentials.bearer.as_deref() {
            None => {}
            Some("good") => access.actor = Actor::System("example"),
            Some(_) => return Err(NotLetIn::InvalidToken),
        }
        access.purpose = credentials.purpose;
        Ok(access)
    }

    async fn execute(&self, access: Access, request: Request) -> Executed {
        self.0.execute(request.data(access)).await.into()
    }

    fn subscribe(&self, access: Access, request: Request) -> BoxStream<'static, Result<Response, Response>> {
        // A refused document has no data; a stream of this example always begins.
        self.0.execute_stream(request.data(access)).map(Ok).boxed()
    }

    async fn export(&self, _: Access, _: &str) -> Export {
        Export::Absent
    }

    async fn publication(&self, _: Document) -> Publication {
        Publication::Absent
    }

    async fn private_calendar(&self, _: &str, _: &str) -> Publication {
        Publication::Absent
    }

    fn check_proof(&self, _: &str, _: Option<&str>) -> Result<Checked, Flaw> {
        Err(Flaw::NotAProof)
    }

    fn sdl(&self) -> String {
        self.0.sdl()
    }

    async fn ready(&self) -> Result<(), Vec<&'static str>> {
        Ok(())
    }
}

#[actix_web::main]
#[expect(clippy::print_stdout, reason = "the addresses are what a script reads")]
async fn main() -> std::io::Result<()> {
    if std::env::var_os("RUST_LOG").is_some() {
        tracing_subscriber::fmt().with_env_filter(tracing_subscriber::EnvFilter::from_default_env()).with_writer(std::io::stderr).init();
    }
    let engine = Arc::new(Example(Schema::new(Query, Mutation, Ticks), Clock::system()));
    let (trigger, shutdown) = Shutdown::channel();
    // Shorter than in the product, so that the checks need not wait; `DOORS_BURST` makes the rate small.
    let burst = std::env::var("DOORS_BURST").ok().and_then(|burst| burst.parse().ok()).and_then(NonZeroU32::new);
    let settings = DoorSettings {
        request_timeout: Duration::from_secs(3),
        init_timeout: Duration::from_secs(3),
        keep_alive: Duration::from_secs(2),
        rate: Some(burst.map_or_else(Rate::default, |burst| Rate { burst, per_second: NonZeroU32::MIN })),
        shutdown,
        ..DoorSettings::default()
    };
    let doors = routes(engine, settings.clone());
    let metrics = metrics_routes(settings.metrics);

    let (listener, counts) = (TcpListener::bind("127.0.0.1:0")?, TcpListener::bind("127.0.0.1:0")?);
    println!("http://{}/graphql", listener.local_addr()?);
    println!("http://{}/metrics", counts.local_addr()?);
    let counting = HttpServer::new(move || App::new().configure(metrics.clone())).workers(1).disable_signals().listen(counts)?.run();
    actix_web::rt::spawn(counting);
    let server = HttpServer::new(move || App::new().configure(doors.clone()))
        .workers(2)
        .disable_signals()
        .shutdown_timeout(3)
        .listen(listener)?
        .run();
    let handle = server.handle();
    actix_web::rt::spawn(async move {
        if tokio::signal::ctrl_c().await.is_ok() {
            let _ = trigger.send(true);
            handle.stop(true).await;
        }
    });
    server.await
}
