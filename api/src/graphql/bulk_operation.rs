//! Work on many rows, which goes on after its request was answered.

use std::sync::{
    Arc,
    atomic::{AtomicI32, Ordering},
};

use async_graphql::{Context, Object, Result, Subscription};
use chrono::{DateTime, Utc};
use entity::{
    BulkOperationId, ClientId, bulk_error, bulk_operation,
    vocabulary::{BulkFormat, BulkStatus},
};
use futures_util::{FutureExt, Stream, StreamExt};
use sea_orm::Order;

use super::{
    connection::{children, connection},
    context::{PublicUrl, RequestContext},
    error::{coded, command},
    event::{beginning, live},
    guard::{ForOneself, Oneself, Requires},
    payload::payloads,
    scalar::WebAddress,
};
use crate::{
    access::Scope,
    domain::data_export::request,
    error::Code,
    store::{PageArgs, Visible},
};

/// Work on many rows, which goes on after its request was answered.
#[derive(Clone)]
pub(crate) struct BulkOperation(pub(crate) Visible<bulk_operation::Entity>);

/// Work on many rows, which goes on after its request was answered.
#[Object]
impl BulkOperation {
    /// Its id.
    async fn id(&self) -> BulkOperationId {
        self.0.id
    }

    /// Where it stands; more may come.
    async fn status(&self) -> BulkStatus {
        self.0.status
    }

    /// The form of what it reads or writes.
    async fn format(&self) -> BulkFormat {
        self.0.format
    }

    /// Whether it changes nothing and only says what it would do.
    async fn dry_run(&self) -> bool {
        self.0.dry_run
    }

    /// How many objects were worked off.
    async fn processed(&self) -> i32 {
        self.0.processed
    }

    /// How many there are; null while that is not known.
    async fn total(&self) -> Option<i32> {
        self.0.total
    }

    /// How many of them could not be done.
    async fn error_count(&self) -> i32 {
        self.0.error_count
    }

    /// What could not be done, in the order of the lines that were read.
    async fn errors(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "How many, from the beginning or from `after`: 20 unless it says so, 100 at most.")] first: Option<i32>,
        #[graphql(desc = "After this cursor.")] after: Option<String>,
        #[graphql(desc = "How many, from the end or before `before`.")] last: Option<i32>,
        #[graphql(desc = "Before this cursor.")] before: Option<String>,
    ) -> Result<BulkErrorConnection> {
        let access = ctx.access();
        let find = ctx.store().find::<bulk_error::Entity>(&access).ordered(bulk_error::Column::Line, Order::Asc);
        Ok(children(ctx, find, bulk_error::Column::OperationId, self.0.id, PageArgs { first, after, last, before }).await?.into())
    }

    /// Where the result is, for the same token as here; null until it is done, and once it was removed.
    async fn result_url(&self, ctx: &Context<'_>) -> Result<Option<WebAddress>> {
        let kept = self.0.expires_at.is_some_and(|until| until > ctx.access().now);
        if self.0.sha256.is_none() || !kept {
            return Ok(None);
        }
        let extension = match self.0.format {
            BulkFormat::Ndjson => "ndjson",
            BulkFormat::Csv => "csv",
            BulkFormat::FhirBundle => "json",
        };
        let PublicUrl(public) = ctx.data::<PublicUrl>()?;
        Ok(Some(WebAddress(format!("{public}/exports/{}.{extension}", self.0.id))))
    }

    /// SHA-256 of the result, in hexadecimal; null until it is done.
    async fn sha256(&self) -> Option<&str> {
        self.0.sha256.as_deref()
    }

    /// When the result is removed (UTC); null until it is done.
    async fn expires_at(&self) -> Option<DateTime<Utc>> {
        self.0.expires_at
    }

    /// UTC.
    async fn created_at(&self) -> DateTime<Utc> {
        self.0.created_at
    }

    /// When it came to its end (UTC); null before.
    async fn finished_at(&self) -> Option<DateTime<Utc>> {
        self.0.finished_at
    }
}

/// Something that a bulk operation could not do.
pub(crate) struct BulkError(Visible<bulk_error::Entity>);

impl BulkError {
    fn known_code(&self) -> Result<Code> {
        serde_json::from_value(self.0.code.clone().into()).map_err(|_| coded("INTERNAL", "A kept error has no code."))
    }
}

/// Something that a bulk operation could not do.
#[Object]
impl BulkError {
    /// In which line of what was read, from 1.
    async fn line(&self) -> i32 {
        self.0.line
    }

    /// What kind of mistake; more may come.
    async fn code(&self) -> Result<Code> {
        self.known_code()
    }

    /// One sentence that says how to mend it.
    async fn message(&self) -> &str {
        &self.0.message
    }

    /// Where in the line; null where it is about the whole line.
    async fn path(&self) -> Option<Vec<String>> {
        (!self.0.path.is_empty()).then(|| self.0.path.to_vec())
    }
}

connection!(BulkError, BulkErrorConnection, BulkErrorEdge, bulk_error::Entity, "errors of a bulk operation");

/// Queries.
#[derive(Default)]
pub(crate) struct BulkOperationQuery;

#[Object]
impl BulkOperationQuery {
    /// The bulk operation with this id. A data export is the privacy officer's, and the client's whom it is about.
    #[graphql(guard = "Oneself.or(Requires(Scope::BulkRun))")]
    async fn bulk_operation(&self, ctx: &Context<'_>, #[graphql(desc = "Which.")] id: BulkOperationId) -> Result<Option<BulkOperation>> {
        Ok(ctx.load::<bulk_operation::Entity>(id).await?.map(BulkOperation))
    }
}

payloads! {
    ClientDataExportPayload = "clientDataExport", bulk_operation: BulkOperation, "What writes it down";
}

/// Mutations.
#[derive(Default)]
pub(crate) struct BulkOperationMutation;

#[Object]
impl BulkOperationMutation {
    /// Has all that the caller's organization holds about a client written down for them, as they may read it themselves, with the
    /// accounting of disclosures: one file of NDJSON, whose first line says what it is. For clients themselves, and for privacy officers on
    /// their behalf. The file is kept for seven days, sealed under the client's key; each download is in the audit.
    ///
    /// While it is being written down, asking again answers the same operation. For a record that was merged into another it is about the
    /// one that stands, with all that were merged into it. Refused with IMMUTABLE for a person who was erased.
    #[graphql(guard = "ForOneself.or(Requires(Scope::BulkRun))")]
    async fn client_data_export(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Whose data. A client who leaves it out means themselves; everybody else names one.")] client_id: Option<ClientId>,
    ) -> Result<Option<ClientDataExportPayload>> {
        let asked = async { request(ctx.store(), &ctx.access(), client_id).await };
        let (operation, user_errors) = command(ctx, "clientDataExport", asked).await?;
        Ok(Some(ClientDataExportPayload { bulk_operation: operation.map(BulkOperation), user_errors }))
    }
}

/// Subscriptions.
#[derive(Default)]
pub(crate) struct BulkOperationSubscription;

#[Subscription]
impl BulkOperationSubscription {
    /// A bulk operation as it is now, and then each time that it changed. Nothing while it is not there for the viewer.
    #[graphql(guard = "Oneself.or(Requires(Scope::BulkRun))")]
    async fn bulk_operation_progress(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which.")] id: BulkOperationId,
    ) -> Result<impl Stream<Item = Result<BulkOperation>> + use<>> {
        let from = beginning(ctx, None).await?;
        // What was sent last: the log wakes whoever waits, and the row says whether it was about this.
        let sent = Arc::new(AtomicI32::new(0));
        let states = live(ctx.shared(), from, move |store, access, from| {
            let sent = Arc::clone(&sent);
            async move {
                let operation = store.fetch::<bulk_operation::Entity>(&access, id).await?;
                let changed = operation.filter(|operation| sent.swap(operation.version, Ordering::Relaxed) != operation.version);
                Ok(changed.map(|operation| (from, vec![operation])))
            }
            .boxed()
        });
        Ok(states.map(|state| state.map(BulkOperation)))
    }
}
