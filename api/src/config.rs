//! Every setting: its name, default and unit. A bad one stops the start by name.
//!
//! Read from the defaults below, then `aftercare.toml` in the working directory, then environment variables `AFTERCARE_…`
//! (`__` between levels), then flags; the last one that says something wins. An empty value says nothing.

mod sources;
#[cfg(test)]
mod tests;
mod value;

use std::{fmt::Write as _, net::SocketAddr, path::PathBuf};

use url::Url;

pub use sources::{ConfigError, FILE, Sources};
pub use value::{DatabaseUrl, Environment, LogFormat, MailAddress, MailUrl, MetricsListen, Networks};
use value::{FromText, Positive};

/// One line of the table of settings.
#[derive(Clone, Copy, Debug)]
pub struct Setting {
    /// Its key in the file, with dots between levels: `database.url`.
    pub key: &'static str,
    /// What it is when nobody says; empty when that is nothing.
    pub default: &'static str,
    /// What it does, with its unit.
    pub about: &'static str,
    /// Whether its value may hold a secret: never shown, and it can be given as the name of a file (`…_FILE`).
    pub secret: bool,
}

impl Setting {
    /// Its environment variable: `AFTERCARE_DATABASE__URL`.
    pub fn variable(&self) -> String {
        sources::variable(self.key)
    }
}

/// Makes the typed struct, the table and the parser of one list, so that none of the three can lag behind.
macro_rules! settings {
    ($( $(#[doc = $about:literal])+ $key:literal $($secret:ident)? => $field:ident: $kind:ty = $default:literal, )+) => {
        /// Every setting of the server, checked.
        #[derive(Clone, Debug)]
        pub struct Config {
            $( $(#[doc = $about])+ pub $field: <$kind as FromText>::Value, )+
        }

        /// Every setting there is, in the order of the documentation.
        pub const SETTINGS: &[Setting] = &[
            $( Setting { key: $key, default: $default, about: concat!($($about),+), secret: settings!(@secret $($secret)?) }, )+
        ];

        impl Config {
            /// Reads the settings from what was gathered.
            ///
            /// # Errors
            /// Every bad and every unknown setting, by name.
            pub fn load(sources: &Sources) -> Result<Self, ConfigError> {
                let mut gathered = sources::gather(sources);
                $( let $field = gathered.take::<$kind>($key); )+
                gathered.finish()?;
                match ($($field,)+) {
                    ($(Some($field),)+) => Ok(Self { $($field,)+ }),
                    _ => Err(ConfigError::default()),
                }
            }
        }
    };
    (@secret secret) => { true };
    (@secret) => { false };
}

settings! {
    /// The database: `sqlite://PATH` or `postgres://…`.
    "database.url" secret => database_url: DatabaseUrl = "sqlite://data/aftercare.db",
    /// Connections to the database that are open at most. On SQLite these are readers; there is one writer.
    "database.pool_size" => database_pool_size: Positive<u32> = "16",
    /// The store of wrapped client keys, apart from the database. Without it a SQLite file beside the keys folder.
    "client_keys.url" secret => client_keys_url: Option<DatabaseUrl> = "",
    /// The file of erasures and revocations, outside of the database. Without it `journal.ndjson` beside the keys folder.
    "journal" => journal: Option<PathBuf> = "",
    /// The folder of signing keys and data keys.
    "keys_dir" => keys_dir: PathBuf = "data/keys",
    /// The address and port to serve on.
    "listen" => listen: SocketAddr = "127.0.0.1:8080",
    /// The URL that callers use; tokens name it as their audience. Without it `http://` and the address to serve on.
    "public_url" => public_url: Option<Url> = "",
    /// The address and port of `/metrics`, or `off`.
    "metrics_listen" => metrics_listen: MetricsListen = "127.0.0.1:9464",
    /// `development` or `production`. Without it a new database is given one by the command that makes it.
    "env" => env: Option<Environment> = "",
    /// How the log is written to standard error: `json` or `pretty`.
    "log" => log: LogFormat = "pretty",
    /// Whether `serve` brings the schema up to date: `true` or `false`.
    "auto_migrate" => auto_migrate: bool = "true",
    /// Seconds that one request may take.
    "requests.timeout_seconds" => request_timeout_seconds: Positive<u64> = "30",
    /// Bytes that the body of one request may have.
    "requests.body_limit_bytes" => body_limit_bytes: Positive<usize> = "1048576",
    /// Requests per second that one caller may make on average; 0 for no limit.
    "rate_limit.per_second" => rate_limit_per_second: u32 = "50",
    /// Requests that one caller may make at once before the average counts.
    "rate_limit.burst" => rate_limit_burst: Positive<u32> = "200",
    /// Whether the public schedule is kept in memory, and who sees no more than that is answered from there: `true` or `false`.
    "schedule.in_memory" => schedule_in_memory: bool = "true",
    /// Bytes of whole answers about the public schedule that are kept to be told again; 0 for none.
    "schedule.answers_bytes" => schedule_answers_bytes: usize = "67108864",
    /// Networks that are not public and may be called all the same (key sets of issuers and applications, feeds): CIDR, with commas.
    "outgoing.allowed_networks" => outgoing_networks: Networks = "",
    /// Whether such calls may use `http:` instead of `https:`: `true` or `false`. For trying out.
    "outgoing.allow_http" => outgoing_http: bool = "false",
    /// Bytes that a feed, the schedule of somebody else, may have.
    "feeds.max_bytes" => feed_bytes: Positive<usize> = "20971520",
    /// Seconds that reading a feed may take.
    "feeds.timeout_seconds" => feed_timeout_seconds: Positive<u64> = "60",
    /// Where mail to people goes: `smtps://USER:PASSWORD@HOST:PORT`, `smtp://…` (with STARTTLS, which only a server on this machine may do without), or `file:///FOLDER`, a file for each message, for trying out. Without it the folder `mail` beside the keys folder in development; in production no mail is sent, and what needs some is refused.
    "mail.url" secret => mail_url: Option<MailUrl> = "",
    /// The address that mail comes from. Without it `no-reply@` and the host of the public URL.
    "mail.from" => mail_from: Option<MailAddress> = "",
}

impl Config {
    /// Reads `aftercare.toml`, this process's environment and the flags, which are pairs of key and value.
    ///
    /// # Errors
    /// Every bad and every unknown setting, by name.
    pub fn from_process(flags: Vec<(String, String)>) -> Result<Self, ConfigError> {
        Self::load(&Sources::of_process(flags)?)
    }

    /// The store of wrapped client keys: as set, or a SQLite file beside the keys folder.
    pub fn client_keys(&self) -> DatabaseUrl {
        self.client_keys_url.clone().unwrap_or_else(|| DatabaseUrl::sqlite(&self.keys_dir.with_file_name("client-keys.db")))
    }

    /// The journal of erasures and revocations: as set, or a file beside the keys folder.
    pub fn journal(&self) -> PathBuf {
        self.journal.clone().unwrap_or_else(|| self.keys_dir.with_file_name("journal.ndjson"))
    }

    /// Where mail goes: as set, or a folder beside the keys folder in development; nothing in production.
    pub fn mail(&self, environment: Environment) -> Option<MailUrl> {
        let folder = || (environment == Environment::Development).then(|| MailUrl::Folder(self.keys_dir.with_file_name("mail")));
        self.mail_url.clone().or_else(folder)
    }

    /// The host that callers use, and mail comes from: a name, or this machine's where it is an address.
    pub fn public_host(&self) -> String {
        let host = self.public_url.as_ref().and_then(|url| url.domain().map(str::to_owned));
        host.unwrap_or_else(|| "localhost".to_owned())
    }

    /// The URL that callers use, without a slash at its end.
    pub fn public_url(&self) -> String {
        let url = self.public_url.as_ref().map_or_else(|| format!("http://{}", self.listen), Url::to_string);
        url.trim_end_matches('/').to_owned()
    }
}

/// The table of settings as Markdown; `CONFIGURATION.md` is this text.
pub fn documentation() -> String {
    let mut text = String::from(
        "# Configuration\n\n\
         Settings come from their defaults, then from `aftercare.toml` in the working directory, then from environment variables, then from\n\
         flags; the last one that says something wins, and an empty value says nothing. In the file a dot is a level: `database.url` is `url`\n\
         under `[database]`. An unknown name stops the start and says which known one is nearest. Secrets (marked *) can be given as a file\n\
         that holds them: `…_FILE` in the environment, `…_file` in `aftercare.toml`. Variables `AFTERCARE_TEST_…` belong to the tests and are\n\
         ignored.\n\n\
         | variable | key | default | what, and its unit |\n| --- | --- | --- | --- |\n",
    );
    for setting in SETTINGS {
        let default = if setting.default.is_empty() { "none".to_owned() } else { format!("`{}`", setting.default) };
        let mark = if setting.secret { " *" } else { "" };
        // Writing to a string cannot fail.
        let _ = writeln!(text, "| `{}`{mark} | `{}` | {default} | {} |", setting.variable(), setting.key, setting.about.trim());
    }
    text
}
