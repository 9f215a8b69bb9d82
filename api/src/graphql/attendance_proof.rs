//! Proofs of attendance that people can show.

use async_graphql::{Context, Object, Result, SimpleObject};
use entity::ClientId;

use super::{
    context::{PublicUrl, RequestContext},
    error::{UserError, command},
    event::DateRange,
    guard::{ForOneself, Requires},
    scalar::{Amount, WebAddress},
};
use crate::{
    access::{Scope, token::Tokens},
    domain::attendance_proof::{Issued, issue},
};

/// That somebody came, as a signed token that whoever is shown it can check. It names no topic, no group, no program and no organization,
/// and of its holder only a salted hash of their name.
#[derive(SimpleObject)]
pub(crate) struct AttendanceProof {
    /// The proof: a JWT of the kind `attendance+jwt`, good for 90 days, that the keys of `/.well-known/jwks.json` verify. Shown once: null
    /// when a repeated request is answered again.
    token: Option<String>,
    /// Where whoever is shown it can have it checked, with the name that they were told or without. It is sent there in a form, never in an
    /// address.
    verify_url: WebAddress,
    /// How many hours: all of each session that is recorded as ATTENDED, half of each that is PARTIAL.
    hours: Amount,
    /// In how many sessions.
    sessions: i32,
    /// The days that count, both included, such as `2026-01-01/2026-03-31`.
    range: String,
}

impl AttendanceProof {
    fn of(issued: Issued, public: &PublicUrl) -> Self {
        Self {
            token: issued.token,
            verify_url: WebAddress(format!("{}/proofs/verify", public.0)),
            hours: Amount(issued.proven.hours),
            sessions: i32::try_from(issued.proven.sessions).unwrap_or(i32::MAX),
            range: issued.proven.range(),
        }
    }
}

/// What `attendanceProofIssue` came to.
#[derive(SimpleObject)]
pub(crate) struct AttendanceProofIssuePayload {
    /// The proof; null when it was refused.
    attendance_proof: Option<AttendanceProof>,
    /// What to mend.
    user_errors: Vec<UserError>,
}

/// Mutations.
#[derive(Default)]
pub(crate) struct AttendanceProofMutation;

#[Object]
impl AttendanceProofMutation {
    /// Makes a proof of how long a client came to sessions that are over, for them to show to whom they like. For clients themselves, and for
    /// coordinators, supervisors and peers to whom class C of their data is open. NOT_ELIGIBLE when no attendance is recorded on these days.
    #[graphql(guard = "ForOneself.or(Requires(Scope::RegistrationsWrite))")]
    async fn attendance_proof_issue(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Whose; the viewer's own when they are a client and name nobody.")] client_id: Option<ClientId>,
        #[graphql(desc = "Which days, on the local clocks of the sessions: both are needed, at most 366 days, and none that is to come.")]
        range: DateRange,
    ) -> Result<Option<AttendanceProofIssuePayload>> {
        let tokens = ctx.data_unchecked::<Tokens>();
        let days = (range.from.map(Into::into), range.to.map(Into::into));
        let issued = async { issue(ctx.store(), &ctx.access(), tokens, client_id, days).await };
        let (issued, user_errors) = command(ctx, "attendanceProofIssue", issued).await?;
        let public = ctx.data_unchecked::<PublicUrl>();
        Ok(Some(AttendanceProofIssuePayload { attendance_proof: issued.map(|issued| AttendanceProof::of(issued, public)), user_errors }))
    }
}
