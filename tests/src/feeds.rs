//! Schedules of others: a stranger's server, and meetings that are taken in without one.

use std::{
    net::TcpListener,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use actix_web::{App, HttpRequest, HttpResponse, HttpServer, dev::ServerHandle, http::StatusCode, web};
use aftercare::domain::{
    feed::{self, Read, Reads},
    listed_meeting::{Days, Meeting},
};
use async_trait::async_trait;
use chrono::Weekday;
use entity::{
    FeedId, feed as row,
    program::Address,
    vocabulary::{FeedFailure, FeedFormat, Modality},
};
use tokio::time::sleep;

use crate::app::TestApp;

/// What the stranger's server says, and what it was asked.
#[derive(Clone, Debug, Default)]
pub struct Said {
    /// The body.
    pub body: String,
    /// What it calls this version; whoever knows it is told that nothing has changed.
    pub etag: Option<String>,
    /// When it was changed.
    pub last_modified: Option<String>,
    /// A status in place of 200.
    pub status: Option<u16>,
    /// Where it sends callers.
    pub location: Option<String>,
    /// How long it lets them wait, in milliseconds.
    pub waits_ms: u64,
    /// Of each call, the version and the time that the caller knew.
    pub calls: Vec<(Option<String>, Option<String>)>,
}

/// A stranger's server, on a port of its own.
pub struct Stranger {
    /// Where its schedule is.
    pub url: String,
    said: Arc<Mutex<Said>>,
    server: ServerHandle,
}

impl Stranger {
    /// Starts one that says this.
    ///
    /// # Panics
    /// When it does not start.
    pub fn saying(body: impl Into<String>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
        let url = format!("http://{}/feed?key=secret", listener.local_addr().expect("it has an address"));
        let said = Arc::new(Mutex::new(Said { body: body.into(), ..Said::default() }));
        let data = web::Data::from(Arc::clone(&said));
        let site = move || App::new().app_data(data.clone()).route("/feed", web::get().to(answer));
        let server = HttpServer::new(site).workers(1).disable_signals().listen(listener).expect("it listens").run();
        let handle = server.handle();
        tokio::spawn(server);
        Self { url, said, server: handle }
    }

    /// Has it say something else.
    pub fn says(&self, change: impl FnOnce(&mut Said)) {
        change(&mut self.said.lock().unwrap_or_else(PoisonError::into_inner));
    }

    /// What it was asked since this was asked last.
    pub fn calls(&self) -> Vec<(Option<String>, Option<String>)> {
        std::mem::take(&mut self.said.lock().unwrap_or_else(PoisonError::into_inner).calls)
    }
}

impl Drop for Stranger {
    fn drop(&mut self) {
        drop(self.server.stop(false));
    }
}

async fn answer(request: HttpRequest, said: web::Data<Mutex<Said>>) -> HttpResponse {
    let header = |name| request.headers().get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
    let known = (header("if-none-match"), header("if-modified-since"));
    let said = {
        let mut said = said.lock().unwrap_or_else(PoisonError::into_inner);
        said.calls.push(known.clone());
        said.clone()
    };
    sleep(Duration::from_millis(said.waits_ms)).await;
    let is_known = said.etag.is_some() && said.etag == known.0 || said.last_modified.is_some() && said.last_modified == known.1;
    let usual = if is_known { 304 } else { 200 };
    let status = StatusCode::from_u16(said.status.unwrap_or(usual)).expect("it is a status");
    let mut response = HttpResponse::build(status);
    for (name, value) in [("etag", said.etag), ("last-modified", said.last_modified), ("location", said.location)] {
        if let Some(value) = value {
            response.insert_header((name, value));
        }
    }
    if status == StatusCode::NOT_MODIFIED { response.finish() } else { response.body(said.body) }
}

/// A meeting in Albany, on Tuesdays at 18:30.
pub fn meeting(name: &str) -> Meeting {
    let address = Address { country: "US".to_owned(), latitude: Some(42.65), longitude: Some(-73.75), ..Address::default() };
    Meeting {
        external_id: name.to_owned(),
        title: name.to_owned(),
        description: None,
        source: "Capital District".to_owned(),
        source_url: Some(format!("https://example.org/{name}")),
        modality: Modality::InPerson,
        languages: vec!["en".to_owned()],
        accessibility: Vec::new(),
        audience: None,
        address: Some(address),
        area: Some("Albany".to_owned()),
        time_zone: chrono_tz::America::New_York,
        start_time: "18:30:00".parse().expect("it is an hour"),
        minutes: 60,
        days: Days::Weekly(vec![Weekday::Tue]),
    }
}

struct Told(Mutex<Vec<Meeting>>);

#[async_trait]
impl Reads for Told {
    async fn read(&self, _: &row::Model) -> Result<Read, FeedFailure> {
        let meetings = std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
        Ok(Read::Meetings { meetings, skipped: 0, etag: None, last_modified: None })
    }
}

/// Takes meetings in, from a feed of this name, which is read by nobody else.
///
/// # Panics
/// When they cannot be taken in.
pub async fn listed(app: &TestApp, name: &str, meetings: Vec<Meeting>) -> FeedId {
    let url = format!("https://{name}.example.org/feed").parse().expect("it is an address");
    let feed = feed::add(&app.store, &app.system(), url, FeedFormat::MeetingGuide, None).await.expect("it can be added").id;
    feed::refresh(&app.store, &Told(Mutex::new(meetings)), feed).await.expect("it can be read");
    feed
}
