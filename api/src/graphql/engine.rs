//! What the doors open to.

use std::sync::{Arc, atomic::Ordering};

use async_graphql::{Request, Response, Value, value};
use async_trait::async_trait;
use chrono::TimeDelta;
use entity::vocabulary::PurposeOfUse;
use futures_util::{FutureExt, StreamExt, stream, stream::BoxStream};
use tokio::sync::Semaphore;
use url::Url;

use super::{
    Schema,
    context::{PublicUrl, RequestData},
    error::{coded, query_error},
    level::ByLevels,
};
use crate::{
    access::{
        Access, Actor, KeySets,
        attendance_proof::{Checked, Flaw},
        jws::Claimed,
        secret::Secrets,
        token::{Tokens, Verified},
    },
    clock::Instant,
    domain::{
        attendance_proof,
        client_access::Inviting,
        data_export::{Download, download},
        disclosure::NOTICE,
        issuer, private_calendar,
        schedule::{Board, Snapshot},
        sign_in::sign_in,
    },
    error::{Error, Result as OurResult},
    http::{Credentials, Document, Edition, Engine, Executed, Export, NotLetIn, Publication},
    publish::{self, Listed},
    store::{ConsentScope, Store},
};

/// How long an event may wait for its place in the log while a server still counts as ready.
const EVENT_LAG: TimeDelta = TimeDelta::seconds(30);

/// The GraphQL engine behind the doors.
pub struct GraphEngine {
    schema: Schema,
    store: Store,
    board: Arc<Board>,
    tokens: Tokens,
    key_sets: KeySets,
    secrets: Secrets,
    /// Documents of the whole schedule are large: few are written at once, and the others wait.
    documents: Semaphore,
}

/// How many documents of the schedule are written at once.
const DOCUMENTS: usize = 2;

impl GraphEngine {
    /// An engine over this store, which knows the keys of outside issuers by these sets.
    pub fn new(store: Store, board: Arc<Board>, tokens: Tokens, inviting: Inviting, key_sets: KeySets) -> Self {
        let public = PublicUrl(tokens.issuer().to_owned());
        let secrets = inviting.secrets.clone();
        let schema = super::build().data(secrets.clone()).data(inviting).data(key_sets.clone()).data(public).data(tokens.clone());
        Self { schema: schema.finish(), store, board, tokens, key_sets, secrets, documents: Semaphore::new(DOCUMENTS) }
    }

    /// What a token says: one of ours, or one of an issuer that an organization trusts.
    async fn claims(&self, bearer: &str, now: Instant) -> OurResult<Verified> {
        let ours = Claimed::read(bearer).is_ok_and(|claimed| claimed.issuer.as_deref() == Some(self.tokens.issuer()));
        if ours {
            return self.tokens.verify(bearer, now).map_err(|_| Error::NotPermitted);
        }
        issuer::claims(&self.store, &self.key_sets, bearer, now).await
    }

    /// The data of a request that is answered once.
    fn data(&self, access: Access) -> Arc<RequestData> {
        Arc::new(RequestData::new(self.store.for_request(), access, Some(Arc::clone(&self.board))))
    }
}

fn edition_of(snapshot: &Snapshot, now: Instant) -> Edition {
    let phase = snapshot.phase(now);
    Edition { snapshot: snapshot.number(), phase, ends: snapshot.ends(phase) }
}

fn not_let_in(error: Error) -> NotLetIn {
    match error {
        Error::NotPermitted => NotLetIn::InvalidToken,
        other => {
            tracing::error!(cause = %other, "sign-in failed");
            NotLetIn::Unavailable
        }
    }
}

/// A consent under which something was disclosed, as the answer explains it (42 CFR 2.32(b)).
fn consent_scope(scope: &ConsentScope) -> Value {
    value!({
        "consentId": (scope.consent.to_string()),
        "dataClasses": (scope.data_classes.iter().map(|class| Value::from(class.as_str())).collect::<Vec<_>>()),
        "purposes": (scope.purposes.iter().map(|purpose| Value::from(purpose.as_str())).collect::<Vec<_>>()),
        "expiresAt": (scope.expires_at.map(|at| Value::from(at.to_rfc3339()))),
    })
}

/// Completes an answer: what was opened is in the audit before it leaves, and what stayed closed is listed.
async fn complete(data: &RequestData, mut response: Response) -> Response {
    let scopes = match data.store.write_reads(&data.access()).await {
        Ok(scopes) => scopes,
        Err(error) => {
            tracing::error!(cause = %error, "what an answer opened could not be written to the audit: the answer is withheld");
            let withheld = query_error(Error::Unavailable("The audit cannot be written just now: try again."));
            return Response::from_errors(vec![withheld.into_server_error(async_graphql::Pos::default())]);
        }
    };
    if let Some(scopes) = scopes {
        response.extensions.insert("part2Notice".to_owned(), NOTICE.into());
        let scopes = scopes.iter().map(consent_scope).collect();
        response.extensions.insert("consentScope".to_owned(), Value::List(scopes));
    }
    let redactions = data.take_redactions();
    if let (false, Ok(list)) = (redactions.is_empty(), async_graphql::to_value(redactions)) {
        response.extensions.insert("redactions".to_owned(), list);
    }
    if data.replayed.load(Ordering::Relaxed) {
        response.http_headers.insert("idempotency-replayed", ::http::HeaderValue::from_static("true"));
    }
    response
}

#[async_trait]
impl Engine for GraphEngine {
    async fn sign_in(&self, credentials: Credentials) -> Result<Access, NotLetIn> {
        let now = self.store.clock().now();
        let caller = Access::anonymous(credentials.request_id, now);
        let Some(bearer) = credentials.bearer else { return Ok(caller) };
        let claims = self.claims(&bearer, now).await.map_err(not_let_in)?;
        let mut access = sign_in(&self.store, caller, claims).await.map_err(not_let_in)?;
        if let Some(purpose) = credentials.purpose {
            if !access.purposes.contains(&purpose) {
                return Err(NotLetIn::PurposeNotAllowed);
            }
            access.purpose = Some(purpose);
        }
        Ok(access)
    }

    async fn execute(&self, access: Access, request: Request) -> Executed {
        debug_assert!(!matches!(access.actor, Actor::System(_)), "the system does not ask through a door");
        let data = self.data(access);
        let response = ByLevels::new(self.schema.execute(request.data(Arc::clone(&data))), data.levels.clone()).await;
        let edition = data.public().map(|snapshot| edition_of(snapshot, data.access().now));
        Executed { response: complete(&data, response).await, edition }
    }

    fn edition(&self) -> Option<Edition> {
        let now = self.store.clock().now();
        self.board.current(now).map(|snapshot| edition_of(&snapshot, now))
    }

    fn subscribe(&self, access: Access, request: Request) -> BoxStream<'static, Result<Response, Response>> {
        if access.purpose == Some(PurposeOfUse::Emergency) {
            let refused =
                coded("FORBIDDEN", "What an emergency opens is in no stream: ask for it by its id, or name another purpose of use.");
            let refused = Response::from_errors(vec![refused.into_server_error(async_graphql::Pos::default())]);
            return stream::once(async { Err(refused) }).boxed();
        }
        // What goes on for long is told as it is each time: of no one snapshot.
        let data = Arc::new(RequestData::new(self.store.for_request(), access, None));
        let items = ByLevels::new(self.schema.execute_stream(request.data(Arc::clone(&data))), data.levels.clone());
        items
            .then(move |response| {
                let data = Arc::clone(&data);
                async move {
                    let begun = data.executed.load(Ordering::Relaxed);
                    let response = complete(&data, response).await;
                    if begun { Ok(response) } else { Err(response) }
                }
                .boxed()
            })
            .boxed()
    }

    async fn export(&self, access: Access, name: &str) -> Export {
        if access.actor == Actor::Anonymous {
            return Export::Nobody;
        }
        let Some(id) = name.strip_suffix(".ndjson").and_then(|id| id.parse().ok()) else { return Export::Absent };
        let store = self.store.for_request();
        let read = async {
            let file = Box::pin(download(&store, &access, id)).await?;
            store.write_reads(&access).await?;
            Ok::<_, Error>(file)
        };
        match read.await {
            Ok(Some(Download::File(file))) => Export::File(file),
            Ok(Some(Download::Gone)) => Export::Gone,
            Ok(None) => Export::Absent,
            Err(error) => {
                tracing::error!(cause = %error, bulk_operation.id = %id, "an export could not be read");
                Export::Unavailable
            }
        }
    }

    async fn publication(&self, document: Document) -> Publication {
        let Ok(_one_of_few) = self.documents.acquire().await else { return Publication::Unavailable };
        let store = self.store.for_request();
        let host = self.tokens.issuer().parse::<Url>().ok().and_then(|url| url.host_str().map(str::to_owned)).unwrap_or_default();
        let read = match document {
            Document::Workshops(parameters) => publish::workshops(&store, &host, &parameters).await.map(Some),
            Document::Workshop(id) => match id.parse() {
                Ok(id) => publish::gathering(&store, &host, id).await,
                Err(_) => Ok(None),
            },
            Document::Event(id) => match id.parse() {
                Ok(id) => publish::event(&store, self.tokens.issuer(), id).await,
                Err(_) => Ok(None),
            },
            Document::Meetings => publish::meetings(&store, self.tokens.issuer()).await.map(Some),
            Document::Hsds(list, parameters) => {
                let listed = match list.as_str() {
                    "services" => Listed::Services,
                    "service_at_locations" => Listed::ServiceAtLocations,
                    "schedules" => Listed::Schedules,
                    _ => return Publication::Absent,
                };
                publish::list(&store, self.tokens.issuer(), listed, &parameters).await.map(Some)
            }
        };
        match read {
            Ok(Some(document)) => Publication::Document(document),
            Ok(None) => Publication::Absent,
            Err(Error::Refused(refusals)) => {
                Publication::Wrong(refusals.into_iter().map(|refusal| refusal.message).collect::<Vec<_>>().join(" "))
            }
            Err(error) => {
                tracing::error!(cause = %error, "the public schedule could not be read");
                Publication::Unavailable
            }
        }
    }

    async fn private_calendar(&self, request_id: &str, key: &str) -> Publication {
        let store = self.store.for_request();
        let read = async {
            let Some(oneself) = private_calendar::reader(&store, &self.secrets, request_id, key).await? else { return Ok(None) };
            let calendar = publish::private_calendar(&private_calendar::appointments(&store, &oneself).await?, &self.secrets)?;
            store.write_reads(&oneself).await?;
            Ok::<_, Error>(Some(calendar))
        };
        match Box::pin(read).await {
            Ok(Some(calendar)) => Publication::Document(calendar),
            Ok(None) => Publication::Absent,
            Err(error) => {
                tracing::error!(cause = %error, request.id = request_id, "a client's calendar could not be read");
                Publication::Unavailable
            }
        }
    }

    fn check_proof(&self, token: &str, name: Option<&str>) -> Result<Checked, Flaw> {
        attendance_proof::check(&self.tokens, token, name, self.store.clock().now())
    }

    fn sdl(&self) -> String {
        self.schema.sdl()
    }

    async fn ready(&self) -> Result<(), Vec<&'static str>> {
        if self.store.ping().await.is_err() {
            return Err(vec!["database"]);
        }
        let late = self.store.clock().now() - EVENT_LAG;
        let checks = [
            ("migrations", self.store.pending_migrations().await.is_ok_and(|pending| pending == 0)),
            ("keys", self.store.keys_answer().await.is_ok()),
            ("event lag", self.store.unsealed_since().await.is_ok_and(|since| since.is_none_or(|since| since > late))),
        ];
        let missing: Vec<_> = checks.into_iter().filter_map(|(what, holds)| (!holds).then_some(what)).collect();
        if missing.is_empty() { Ok(()) } else { Err(missing) }
    }
}
