//! An organization's own identity provider: a server on a port of its own that publishes its keys, and signs whatever it is told to.

use std::{
    net::TcpListener,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
};

use actix_web::{App, HttpResponse, HttpServer, dev::ServerHandle, web};
use aftercare::access::keys::{self, Keys, Kind, Use};
use chrono::{DateTime, Utc};
use serde_json::{Value, json};
use tempfile::TempDir;

/// Settings with which the server under test may call it.
pub const MAY_CALL: [(&str, &str); 2] =
    [("AFTERCARE_OUTGOING__ALLOWED_NETWORKS", "127.0.0.0/8"), ("AFTERCARE_OUTGOING__ALLOW_HTTP", "true")];

#[derive(Default)]
struct Published {
    url: String,
    keys: Mutex<Value>,
    closed: AtomicBool,
    calls: AtomicUsize,
}

/// The provider.
pub struct IdentityProvider {
    /// Its `iss`.
    pub url: String,
    folder: TempDir,
    published: Arc<Published>,
    server: ServerHandle,
}

impl IdentityProvider {
    /// Starts one with a key that was made now.
    ///
    /// # Panics
    /// When it does not start.
    pub fn start(now: DateTime<Utc>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
        let url = format!("http://{}", listener.local_addr().expect("it has an address"));
        let published = Arc::new(Published { url: url.clone(), ..Published::default() });
        let data = web::Data::from(Arc::clone(&published));
        let site = move || {
            let page = web::get().to(configuration);
            App::new().app_data(data.clone()).route("/.well-known/openid-configuration", page).route("/jwks", web::get().to(jwks))
        };
        let server = HttpServer::new(site).workers(1).disable_signals().listen(listener).expect("it listens").run();
        let handle = server.handle();
        tokio::spawn(server);
        let provider = Self { url, folder: tempfile::tempdir().expect("a folder can be made"), published, server: handle };
        provider.rotate(Kind::EdDsa, now);
        provider.publish();
        provider
    }

    /// Where its keys are.
    ///
    /// # Panics
    /// Never: the address is a good one.
    pub fn jwks_url(&self) -> url::Url {
        format!("{}/jwks", self.url).parse().expect("it is an address")
    }

    /// Its keys.
    ///
    /// # Panics
    /// When the folder cannot be read.
    pub fn keys(&self, now: DateTime<Utc>) -> Keys {
        Keys::open(self.folder.path(), Use::Production, now).expect("the keys can be read")
    }

    /// Makes another key, which signs from now on; [`IdentityProvider::publish`] tells of it.
    ///
    /// # Panics
    /// When it cannot be made.
    pub fn rotate(&self, kind: Kind, now: DateTime<Utc>) {
        keys::generate(self.folder.path(), kind, Use::Production, now).expect("a key can be made");
    }

    /// Publishes the keys that it has.
    ///
    /// # Panics
    /// When they cannot be read.
    pub fn publish(&self) {
        let set = serde_json::to_value(self.keys(DateTime::UNIX_EPOCH).jwks()).expect("a key set is plain data");
        *self.published.keys.lock().unwrap_or_else(PoisonError::into_inner) = set;
    }

    /// Answers nothing but errors, or again its keys.
    pub fn close(&self, closed: bool) {
        self.published.closed.store(closed, Ordering::SeqCst);
    }

    /// How often it was called.
    pub fn calls(&self) -> usize {
        self.published.calls.load(Ordering::SeqCst)
    }

    /// Signs claims with its newest key, as they are.
    ///
    /// # Panics
    /// When it cannot sign.
    pub fn sign(&self, claims: &Value) -> String {
        self.keys(DateTime::UNIX_EPOCH).newest().sign(claims).expect("it can sign")
    }
}

impl Drop for IdentityProvider {
    fn drop(&mut self) {
        drop(self.server.stop(false));
    }
}

impl Published {
    fn answer(&self, body: &Value) -> HttpResponse {
        self.calls.fetch_add(1, Ordering::SeqCst);
        if self.closed.load(Ordering::SeqCst) { HttpResponse::ServiceUnavailable().finish() } else { HttpResponse::Ok().json(body) }
    }
}

async fn configuration(published: web::Data<Published>) -> HttpResponse {
    published.answer(&json!({ "issuer": published.url, "jwks_uri": format!("{}/jwks", published.url) }))
}

async fn jwks(published: web::Data<Published>) -> HttpResponse {
    let keys = published.keys.lock().unwrap_or_else(PoisonError::into_inner).clone();
    published.answer(&keys)
}
