//! The doors: what listens, and how a request becomes a call. Doors know no domain: behind them is an [`Engine`].

mod access_page;
mod answer;
mod answers;
mod caller;
mod exports;
mod frame;
mod graphiql;
mod graphql;
mod health;
pub mod limits;
mod media;
mod metrics;
pub mod oauth;
mod operation;
mod parameters;
mod persisted;
mod private_calendar;
mod proofs;
mod publication;
mod rate;
mod routes;
mod scan;
mod settings;
mod stream;
mod tagged;
mod websocket;

use async_graphql::{Request, Response};
use async_trait::async_trait;
use entity::vocabulary::PurposeOfUse;
use futures_util::stream::BoxStream;

use crate::{
    access::{
        Access,
        attendance_proof::{Checked, Flaw},
    },
    clock::Instant,
};

pub use answer::ErrorCode;
pub use frame::frame;
pub use limits::Limits;
pub use metrics::{Metrics, metrics_routes};
pub use rate::Rate;
pub use routes::routes;
pub use settings::{DoorSettings, Shutdown};

/// What a caller showed at the door.
#[derive(Clone, Debug, Default)]
pub struct Credentials {
    /// The token of `Authorization: Bearer …`.
    pub bearer: Option<String>,
    /// `X-Purpose-Of-Use`, as sent.
    pub purpose: Option<PurposeOfUse>,
    /// The request's id.
    pub request_id: String,
}

/// Why a caller was not let in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotLetIn {
    /// The token is not valid: expired, tampered, of someone unknown or revoked. One answer for all of them.
    #[error("the token is not valid: get a new one at /oauth/token")]
    InvalidToken,
    /// The purpose of use is none of those the caller may name.
    #[error("this purpose of use is not among those allowed to you")]
    PurposeNotAllowed,
    /// Keys or database cannot be asked just now.
    #[error("sign-in is not available just now: try again")]
    Unavailable,
}

/// What there is to download.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Export {
    /// Nobody asks: there is no token.
    Nobody,
    /// There is no such file for the caller.
    Absent,
    /// There was one, and it was removed.
    Gone,
    /// It cannot be read, or the reading cannot be written to the audit.
    Unavailable,
    /// It.
    File(String),
}

/// A document of the public schedule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Document {
    /// The calendar of the workshops that the parameters of an address ask for.
    Workshops(Vec<(String, String)>),
    /// The calendar of the workshop or support group of this id.
    Workshop(String),
    /// The workshop or support group of this id as JSON-LD of schema.org.
    Event(String),
    /// What comes again each week, in the Meeting Guide format.
    Meetings,
    /// A page of a list of Open Referral HSDS 3.0, by its name and the parameters of an address.
    Hsds(String, Vec<(String, String)>),
}

/// What there is of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Publication {
    /// Nothing is public there.
    Absent,
    /// The address asks for something that is not: why.
    Wrong(String),
    /// It cannot be read just now.
    Unavailable,
    /// It.
    Document(String),
}

/// An edition of what is public of the schedule: within one, the same question of somebody without a token has the same answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Edition {
    /// Of which reading.
    pub snapshot: u64,
    /// How often time has changed it since.
    pub phase: u32,
    /// When time changes it next (UTC), if it does.
    pub ends: Option<Instant>,
}

/// What the engine answers.
#[derive(Debug)]
pub struct Executed {
    /// The answer.
    pub response: Response,
    /// The edition that all of it comes from; nothing where it holds anything else, or is for this caller alone.
    pub edition: Option<Edition>,
}

impl From<Response> for Executed {
    /// An answer that is nobody else's.
    fn from(response: Response) -> Self {
        Self { response, edition: None }
    }
}

/// What the doors open to: signs callers in and runs their operations.
#[async_trait]
pub trait Engine: Send + Sync + 'static {
    /// Who this is, with today's roles. No token is an anonymous caller, who may read what is public.
    async fn sign_in(&self, credentials: Credentials) -> Result<Access, NotLetIn>;

    /// Runs one query or mutation. The answer is complete but for codes and cost, which doors add.
    async fn execute(&self, access: Access, request: Request) -> Executed;

    /// The edition of the schedule now; nothing when none is at hand.
    fn edition(&self) -> Option<Edition> {
        None
    }

    /// Runs a subscription: its items, or one error with why the stream could not be begun.
    fn subscribe(&self, access: Access, request: Request) -> BoxStream<'static, Result<Response, Response>>;

    /// The file of this name, which ends on its format. That it was read is in the audit before it leaves.
    async fn export(&self, access: Access, name: &str) -> Export;

    /// A document of the public schedule, the same for everyone.
    async fn publication(&self, document: Document) -> Publication;

    /// A client's own calendar, by the key of its link: that it was read is in the audit before it leaves.
    async fn private_calendar(&self, request_id: &str, key: &str) -> Publication;

    /// What an attendance proof proves, and whether it is of somebody of this name; what is wrong with it otherwise.
    fn check_proof(&self, token: &str, name: Option<&str>) -> Result<Checked, Flaw>;

    /// The schema as SDL.
    fn sdl(&self) -> String;

    /// Whether it can serve now; the names of what is missing otherwise.
    async fn ready(&self) -> Result<(), Vec<&'static str>>;
}
