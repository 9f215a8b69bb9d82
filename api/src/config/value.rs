//! The kinds of values that settings have, and how each is read from text.

use std::{
    fmt,
    marker::PhantomData,
    net::SocketAddr,
    path::{Path, PathBuf},
    str::FromStr,
};

use ipnet::IpNet;
use url::Url;

/// How a value is read. The error says what is expected and never repeats the value, which may be a secret.
pub trait FromText {
    /// What the setting is in [`super::Config`].
    type Value;

    /// Reads the value; the text is empty when nobody says anything and there is no default.
    ///
    /// # Errors
    /// What is expected instead, as the end of a sentence: "expected …".
    fn from_text(text: &str) -> Result<Self::Value, &'static str>;
}

/// A setting that can be absent.
impl<T: FromText> FromText for Option<T> {
    type Value = Option<T::Value>;

    fn from_text(text: &str) -> Result<Self::Value, &'static str> {
        if text.is_empty() { Ok(None) } else { T::from_text(text).map(Some) }
    }
}

macro_rules! read_with_from_str {
    ($($kind:ty: $expected:literal,)+) => { $(
        impl FromText for $kind {
            type Value = Self;

            fn from_text(text: &str) -> Result<Self, &'static str> {
                text.parse().map_err(|_| $expected)
            }
        }
    )+ };
}

read_with_from_str! {
    bool: "true or false",
    u32: "a whole number from 0 to 4294967295",
    u64: "a whole number that is not negative",
    usize: "a whole number that is not negative",
    SocketAddr: "an IP address with a port, such as 127.0.0.1:8080",
}

impl FromText for PathBuf {
    type Value = Self;

    fn from_text(text: &str) -> Result<Self, &'static str> {
        Ok(Self::from(text))
    }
}

impl FromText for Url {
    type Value = Self;

    fn from_text(text: &str) -> Result<Self, &'static str> {
        Self::parse(text)
            .ok()
            .filter(|url| matches!(url.scheme(), "http" | "https") && url.query().is_none() && url.fragment().is_none())
            .ok_or("a URL that begins with http:// or https:// and has no query, such as https://aftercare.example")
    }
}

/// A number that is not zero.
#[derive(Debug)]
pub struct Positive<T>(PhantomData<T>);

impl<T: FromStr + PartialOrd + From<bool>> FromText for Positive<T> {
    type Value = T;

    fn from_text(text: &str) -> Result<T, &'static str> {
        text.parse().ok().filter(|number| *number >= T::from(true)).ok_or("a whole number from 1 upwards")
    }
}

/// Where a database is. Its password is never shown.
#[derive(Clone, PartialEq, Eq)]
pub struct DatabaseUrl(String);

impl DatabaseUrl {
    /// The database in this SQLite file.
    pub fn sqlite(path: &Path) -> Self {
        Self(format!("sqlite://{}", path.display()))
    }

    /// The whole URL, with its password: for connecting, never for showing.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// The SQLite file; nothing for PostgreSQL and for a database in memory.
    pub fn sqlite_file(&self) -> Option<PathBuf> {
        let path = self.0.strip_prefix("sqlite:")?.trim_start_matches("//").split('?').next()?;
        (path != ":memory:").then(|| PathBuf::from(path))
    }
}

impl fmt::Debug for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:…", self.0.split(':').next().unwrap_or_default())
    }
}

impl FromText for DatabaseUrl {
    type Value = Self;

    fn from_text(text: &str) -> Result<Self, &'static str> {
        let known = match text.split_once("://") {
            Some(("sqlite", path)) => !path.is_empty(),
            Some(("postgres" | "postgresql", _)) => Url::parse(text).is_ok(),
            _ => text == "sqlite::memory:",
        };
        if known { Ok(Self(text.to_owned())) } else { Err("sqlite://PATH or postgres://USER:PASSWORD@HOST/DATABASE") }
    }
}

/// Where mail goes. Its password is never shown.
#[derive(Clone, PartialEq, Eq)]
pub enum MailUrl {
    /// To a mail server: by TLS from the beginning (`smtps:`), or from STARTTLS on (`smtp:`), which only a server on this machine may do
    /// without.
    Server(Url),
    /// Into a folder, a file for each message: for trying out.
    Folder(PathBuf),
}

impl fmt::Debug for MailUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Server(url) => write!(f, "{}:…", url.scheme()),
            Self::Folder(_) => f.write_str("file:…"),
        }
    }
}

impl FromText for MailUrl {
    type Value = Self;

    fn from_text(text: &str) -> Result<Self, &'static str> {
        let url = Url::parse(text).ok();
        let url = url.filter(|url| url.query().is_none() && url.fragment().is_none());
        let known = url.and_then(|url| match url.scheme() {
            "smtp" | "smtps" if url.has_host() && matches!(url.path(), "" | "/") => Some(Self::Server(url)),
            "file" => url.to_file_path().ok().map(Self::Folder),
            _ => None,
        });
        known.ok_or("smtps://USER:PASSWORD@HOST:PORT, smtp://USER:PASSWORD@HOST:PORT or file:///FOLDER")
    }
}

/// The address that mail comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MailAddress(pub String);

impl FromText for MailAddress {
    type Value = Self;

    fn from_text(text: &str) -> Result<Self, &'static str> {
        match email_address::EmailAddress::is_valid(text) {
            true => Ok(Self(text.to_owned())),
            false => Err("an e-mail address, such as no-reply@aftercare.example"),
        }
    }
}

/// What a database is for. Written into it when it is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Environment {
    /// For trying things out: demonstration data and keys are allowed.
    Development,
    /// For real people's data.
    Production,
}

impl FromText for Environment {
    type Value = Self;

    fn from_text(text: &str) -> Result<Self, &'static str> {
        match text {
            "development" => Ok(Self::Development),
            "production" => Ok(Self::Production),
            _ => Err("development or production"),
        }
    }
}

/// How the log is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// One JSON object per line, for machines.
    Json,
    /// Lines for people.
    Pretty,
}

impl FromText for LogFormat {
    type Value = Self;

    fn from_text(text: &str) -> Result<Self, &'static str> {
        match text {
            "json" => Ok(Self::Json),
            "pretty" => Ok(Self::Pretty),
            _ => Err("json or pretty"),
        }
    }
}

/// Where `/metrics` is served, read as nothing for `off`.
#[derive(Debug)]
pub struct MetricsListen;

impl FromText for MetricsListen {
    type Value = Option<SocketAddr>;

    fn from_text(text: &str) -> Result<Option<SocketAddr>, &'static str> {
        match text {
            "off" => Ok(None),
            address => address.parse().map(Some).map_err(|_| "an IP address with a port, such as 127.0.0.1:9464, or off"),
        }
    }
}

/// Networks, with commas between; none when the text is empty.
#[derive(Debug)]
pub struct Networks;

impl FromText for Networks {
    type Value = Vec<IpNet>;

    fn from_text(text: &str) -> Result<Vec<IpNet>, &'static str> {
        let networks = text.split(',').map(str::trim).filter(|network| !network.is_empty());
        networks.map(|network| network.parse().map_err(|_| "networks with commas between, such as 10.1.0.0/16,fd12::/16")).collect()
    }
}
