//! What can go wrong: a refusal, which a person can mend and whose sentence says how, and all the rest, which only passes through.

use entity::vocabulary::ReferralStatus;
use serde::{Deserialize, Serialize};

/// Codes of `userErrors`: a person's mistakes. A code is never renamed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, async_graphql::Enum, Serialize, Deserialize)]
#[graphql(name = "UserErrorCode")]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Code {
    /// Something needed was not given.
    Required,
    /// What was given is outside of what is allowed.
    Invalid,
    /// Absent, or not there for the caller.
    NotFound,
    /// It exists already.
    AlreadyExists,
    /// It changed since the caller read it.
    Stale,
    /// It can no longer be changed.
    Immutable,
    /// The life cycle does not allow it (domain 2.3).
    InvalidTransition,
    /// More than the limit.
    TooMany,
    /// The caller sees it, but may not do this with it.
    NotPermitted,
    /// A consent is needed first.
    ConsentRequired,
    /// The consent lacks an element of 42 CFR 2.31(a).
    ConsentIncomplete,
    /// The person has an open referral to this program.
    DuplicateOpenReferral,
    /// Not eligible.
    NotEligible,
    /// More attempts are needed before (domain 2.5).
    AttemptsTooFew,
    /// No seat is left.
    SessionFull,
    /// It overlaps with something else.
    ScheduleConflict,
    /// The peer's caseload is full.
    CaseloadFull,
    /// The peer's credential is not valid on that day.
    CredentialNotValid,
    /// The budget does not cover it.
    BudgetExceeded,
    /// Someone else was first.
    OfferTaken,
    /// The offer's time is over.
    OfferExpired,
    /// The cursor is too old, or not one of this list.
    CursorExpired,
}

/// One thing that a person can mend. Never holds personal data.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refusal {
    /// What kind of mistake.
    pub code: Code,
    /// One sentence that says how to mend it.
    pub message: String,
    /// Where in the input, beginning with the argument's name.
    pub path: Vec<String>,
    /// The version that is there now, with [`Code::Stale`].
    pub current_version: Option<i32>,
    /// The states that can follow, with [`Code::InvalidTransition`], when the caller may read the state.
    pub allowed_transitions: Option<Vec<ReferralStatus>>,
    /// The missing elements of a consent, with [`Code::ConsentIncomplete`].
    pub missing: Option<Vec<String>>,
    /// The row that is in the way, when it is the caller's own organization's.
    pub existing: Option<String>,
}

impl Refusal {
    /// A refusal with a code and a sentence.
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
            path: Vec::new(),
            current_version: None,
            allowed_transitions: None,
            missing: None,
            existing: None,
        }
    }

    /// Names the place in the input, beginning with the argument's name: `["input", "birthDate"]`.
    #[must_use]
    pub fn at<S: Into<String>>(mut self, path: impl IntoIterator<Item = S>) -> Self {
        self.path = path.into_iter().map(Into::into).collect();
        self
    }

    /// Something needed was not given.
    pub fn required(field: &str) -> Self {
        Self::new(Code::Required, format!("Give `{field}`."))
    }

    /// What was given is not allowed; the sentence says what is.
    pub fn invalid(message: impl Into<String>) -> Self {
        Self::new(Code::Invalid, message)
    }

    /// The row changed since the caller read it.
    pub fn stale(current: Option<i32>) -> Self {
        Self {
            current_version: current,
            ..Self::new(Code::Stale, "It changed since you read it: read it again and repeat with its present version.")
        }
    }
}

/// Why a command or a query gave no result.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A person can mend it. Several at once, so that a form is mended in one go.
    #[error("refused")]
    Refused(Vec<Refusal>),
    /// Absent, foreign or not consented: one answer for all three (42 CFR 2.13(c)).
    #[error("not found")]
    NotFound,
    /// The caller sees the row but may not do this.
    #[error("not permitted")]
    NotPermitted,
    /// The first answer to this idempotency key, to be rendered anew.
    #[error("replayed")]
    Replayed(serde_json::Value),
    /// The idempotency key was used for another request.
    #[error("the idempotency key was used for another request")]
    IdempotencyKeyReused,
    /// Not now; the same request can succeed later.
    #[error("unavailable: {0}")]
    Unavailable(&'static str),
    /// The database's fault, or ours in using it. Its text never leaves the house.
    #[error("database: {0}")]
    Database(#[from] sea_orm::DbErr),
    /// A sealed value could not be sealed or opened. Says nothing of the value.
    #[error("sealing: {0}")]
    Sealing(&'static str),
    /// A broken promise of our own code.
    #[error("internal: {0}")]
    Internal(String),
}

impl From<Refusal> for Error {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(vec![refusal])
    }
}

impl Error {
    /// A broken promise of our own code.
    pub fn internal(what: impl Into<String>) -> Self {
        Self::Internal(what.into())
    }

    /// The refusals that this is to a caller of a mutation; gives the error back when it is not theirs to mend.
    ///
    /// # Errors
    /// The error itself, when it is none of the caller's.
    pub fn into_refusals(self) -> std::result::Result<Vec<Refusal>, Self> {
        match self {
            Self::Refused(refusals) => Ok(refusals),
            Self::NotFound => Ok(vec![Refusal::new(Code::NotFound, "There is nothing with this id for you: check the id.")]),
            Self::NotPermitted => {
                Ok(vec![Refusal::new(Code::NotPermitted, "Your role does not allow this here: ask someone of the program that may.")])
            }
            other => Err(other),
        }
    }
}

/// What a command or a query gives.
pub type Result<T, E = Error> = std::result::Result<T, E>;
