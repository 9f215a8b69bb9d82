//! The one client for calls to the outside: webhooks, feeds, key sets of issuers; and [`Mail`] to people. Addresses come from users, so it never
//! calls what only our own network can reach (server-side request forgery; contract.md, "Webhooks").
//!
//! A name is resolved by us and the connection goes to the address that was checked: a name that resolves differently
//! a second time gains nothing. Redirects are not followed, and proxies of the environment are not used.

mod address;
mod mail;

use std::{error::Error as _, net::SocketAddr, sync::Arc, time::Duration};

use async_trait::async_trait;
use bytes::{Bytes, BytesMut};
use ipnet::IpNet;
use reqwest::{
    Client, Method, StatusCode, Url,
    dns::{Addrs, Name, Resolve, Resolving},
    header::HeaderMap,
    redirect,
};
use url::Host;

pub use address::Allowed;
pub use mail::Mail;

use crate::access::{KeySource, Unreachable};

/// How outgoing calls are made.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Networks that may be called although they are not public: a test server, a partner inside the same data center.
    pub allowed_networks: Vec<IpNet>,
    /// Whether `http:` is good enough. Only where nothing secret is sent.
    pub allow_http: bool,
    /// How long a connection may take to be made.
    pub connect_timeout: Duration,
    /// How long a call may take altogether.
    pub timeout: Duration,
    /// The longest answer that is read, in bytes.
    pub max_bytes: usize,
}

/// How much of one call is borne, where it is more than of others.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// How long it may take altogether.
    pub timeout: Duration,
    /// The longest answer that is read, in bytes.
    pub max_bytes: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            allowed_networks: Vec::new(),
            allow_http: false,
            connect_timeout: Duration::from_secs(5),
            timeout: Duration::from_secs(15),
            max_bytes: 1024 * 1024,
        }
    }
}

/// Why a call failed. A closed list: what is reported to those who gave the address must not map our network for them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum Failure {
    /// Not an address that can be called: no `https`, no host, or a password in it.
    #[error("not an https address without user and password")]
    BadAddress,
    /// It leads to a network that is not public.
    #[error("the address is not on the public internet")]
    NotAllowed,
    /// No connection: name unknown, nobody listening, or TLS not trusted.
    #[error("no trusted connection could be made")]
    NoConnection,
    /// It took too long.
    #[error("no answer in time")]
    TimedOut,
    /// The answer sends us elsewhere, where we do not go.
    #[error("the answer is a redirect, which is not followed")]
    Redirected,
    /// The answer is too long.
    #[error("the answer is too long")]
    TooLarge,
    /// The connection broke, or what came is not HTTP.
    #[error("the answer could not be read")]
    Broken,
}

/// What came back, whatever its status but a redirect.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The status.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    /// The body, within the limit.
    pub body: Bytes,
}

/// The one outgoing client; cheap to clone.
#[derive(Clone, Debug)]
pub struct Outgoing {
    client: Client,
    allowed: Arc<Allowed>,
    settings: Arc<Settings>,
}

impl Outgoing {
    /// Makes the client.
    ///
    /// # Errors
    /// The library's, when TLS cannot be set up.
    pub fn new(settings: Settings) -> reqwest::Result<Self> {
        let allowed = Arc::new(Allowed::new(settings.allowed_networks.clone()));
        let client = Client::builder()
            .no_proxy()
            .redirect(redirect::Policy::none())
            .retry(reqwest::retry::never())
            .referer(false)
            .https_only(!settings.allow_http)
            .connect_timeout(settings.connect_timeout)
            .user_agent(concat!("aftercare/", env!("CARGO_PKG_VERSION")))
            .dns_resolver(CheckedNames(Arc::clone(&allowed)))
            .build()?;
        Ok(Self { client, allowed, settings: Arc::new(settings) })
    }

    /// Fetches.
    ///
    /// # Errors
    /// One of the closed list.
    pub async fn get(&self, url: &Url) -> Result<Answer, Failure> {
        self.send(Method::GET, url, HeaderMap::new(), Bytes::new()).await
    }

    /// Fetches with headers of its own, and within other bounds.
    ///
    /// # Errors
    /// One of the closed list.
    pub async fn get_within(&self, url: &Url, headers: HeaderMap, bounds: Bounds) -> Result<Answer, Failure> {
        self.call(Method::GET, url, headers, Bytes::new(), bounds).await
    }

    /// Calls.
    ///
    /// # Errors
    /// One of the closed list.
    pub async fn send(&self, method: Method, url: &Url, headers: HeaderMap, body: Bytes) -> Result<Answer, Failure> {
        let bounds = Bounds { timeout: self.settings.timeout, max_bytes: self.settings.max_bytes };
        self.call(method, url, headers, body, bounds).await
    }

    async fn call(&self, method: Method, url: &Url, headers: HeaderMap, body: Bytes, bounds: Bounds) -> Result<Answer, Failure> {
        self.check(url)?;
        let request = self.client.request(method, url.clone()).headers(headers).timeout(bounds.timeout);
        let request = if body.is_empty() { request } else { request.body(body) };
        let response = request.send().await.map_err(|error| failure(&error))?;
        let status = response.status();
        if status.is_redirection() && status != StatusCode::NOT_MODIFIED {
            return Err(Failure::Redirected);
        }
        let headers = response.headers().clone();
        let body = read(response, bounds.max_bytes).await?;
        Ok(Answer { status, headers, body })
    }

    /// Whether an address may be called, as far as can be told without resolving its name. Good for telling someone who types one in.
    ///
    /// # Errors
    /// `BadAddress` or `NotAllowed`.
    pub fn check(&self, url: &Url) -> Result<(), Failure> {
        let scheme_fits = url.scheme() == "https" || (self.settings.allow_http && url.scheme() == "http");
        if !scheme_fits || !url.username().is_empty() || url.password().is_some() {
            return Err(Failure::BadAddress);
        }
        // An address in place of a name never meets the resolver. `Url` has made `0x7f.1` and its like into addresses.
        let permitted = match url.host() {
            None => return Err(Failure::BadAddress),
            Some(Host::Domain(_)) => true,
            Some(Host::Ipv4(address)) => self.allowed.permits(address.into()),
            Some(Host::Ipv6(address)) => self.allowed.permits(address.into()),
        };
        if permitted { Ok(()) } else { Err(Failure::NotAllowed) }
    }
}

async fn read(mut response: reqwest::Response, max_bytes: usize) -> Result<Bytes, Failure> {
    let mut body = BytesMut::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| failure(&error))? {
        if body.len() + chunk.len() > max_bytes {
            return Err(Failure::TooLarge);
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body.freeze())
}

/// How `access` has key sets fetched, without knowing how calls are made.
#[async_trait]
impl KeySource for Outgoing {
    fn check(&self, url: &Url) -> Result<(), String> {
        Self::check(self, url).map_err(|why| why.to_string())
    }

    async fn fetch(&self, url: &Url) -> Result<Bytes, Unreachable> {
        match self.get(url).await {
            Ok(answer) if answer.status.is_success() => Ok(answer.body),
            _ => Err(Unreachable),
        }
    }
}

fn failure(error: &reqwest::Error) -> Failure {
    let mut cause = error.source();
    while let Some(inner) = cause {
        if inner.is::<NoneAllowed>() {
            return Failure::NotAllowed;
        }
        cause = inner.source();
    }
    if error.is_timeout() {
        Failure::TimedOut
    } else if error.is_connect() {
        Failure::NoConnection
    } else if error.is_builder() {
        Failure::BadAddress
    } else {
        Failure::Broken
    }
}

/// The name has addresses, and none of them may be called.
#[derive(Debug, thiserror::Error)]
#[error("no address of this name is on the public internet")]
struct NoneAllowed;

/// Resolves names to those of their addresses that may be called.
struct CheckedNames(Arc<Allowed>);

impl Resolve for CheckedNames {
    fn resolve(&self, name: Name) -> Resolving {
        let allowed = Arc::clone(&self.0);
        Box::pin(async move {
            let found: Vec<SocketAddr> = tokio::net::lookup_host((name.as_str(), 0)).await?.collect();
            let any = !found.is_empty();
            let permitted: Vec<_> = found.into_iter().filter(|address| allowed.permits(address.ip())).collect();
            if any && permitted.is_empty() {
                return Err(NoneAllowed.into());
            }
            Ok(Box::new(permitted.into_iter()) as Addrs)
        })
    }
}

#[cfg(test)]
mod tests;
