//! Where settings come from, and what is wrong with them.

use std::{collections::BTreeMap, fmt, path::Path};

use super::{SETTINGS, Setting, value::FromText};

/// The file of settings, in the working directory.
pub const FILE: &str = "aftercare.toml";
const PREFIX: &str = "AFTERCARE_";
/// Variables of the tests; the server does not look at them.
const OF_TESTS: &str = "AFTERCARE_TEST_";

/// What the settings are read from. Handed in, so that tests need not change the process.
#[derive(Clone, Debug, Default)]
pub struct Sources {
    /// The text of `aftercare.toml`, if there is one.
    pub file: Option<String>,
    /// Environment variables, of which those of others are passed over.
    pub env: BTreeMap<String, String>,
    /// Pairs of key and value, such as `("listen", "127.0.0.1:0")`.
    pub flags: Vec<(String, String)>,
}

impl Sources {
    /// Those of this process.
    ///
    /// # Errors
    /// If the file is there but cannot be read, or a variable of ours is not UTF-8.
    pub fn of_process(flags: Vec<(String, String)>) -> Result<Self, ConfigError> {
        let mut problems = ConfigError::default();
        let file = match std::fs::read_to_string(FILE) {
            Ok(text) => Some(text),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
            Err(error) => {
                problems.0.push(format!("{FILE} cannot be read: {error}"));
                None
            }
        };
        let mut env = BTreeMap::new();
        for (name, value) in std::env::vars_os() {
            let Some(name) = name.to_str().filter(|name| name.starts_with(PREFIX)) else {
                continue;
            };
            match value.into_string() {
                Ok(value) => drop(env.insert(name.to_owned(), value)),
                Err(_) => problems.0.push(format!("{name}: expected text in UTF-8")),
            }
        }
        problems.or(Self { file, env, flags })
    }
}

/// Everything that is wrong with the settings, one sentence each. Holds no value of a secret.
#[derive(Clone, Debug, Default, PartialEq, Eq, thiserror::Error)]
pub struct ConfigError(pub Vec<String>);

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join("\n"))
    }
}

impl ConfigError {
    fn or<T>(self, value: T) -> Result<T, Self> {
        if self.0.is_empty() { Ok(value) } else { Err(self) }
    }
}

/// The environment variable of a key: `database.url` is `AFTERCARE_DATABASE__URL`.
pub(super) fn variable(key: &str) -> String {
    format!("{PREFIX}{}", key.replace('.', "__").to_uppercase())
}

/// A value with the name under which it was given, which is the name that a complaint uses.
struct Given {
    name: String,
    text: String,
}

/// The values that won, and what was wrong on the way.
#[derive(Default)]
pub(super) struct Gathered {
    values: BTreeMap<&'static str, Given>,
    problems: ConfigError,
}

/// One layer over the other: file, environment, flags.
pub(super) fn gather(sources: &Sources) -> Gathered {
    let mut gathered = Gathered::default();
    let in_file = sources.file.as_deref().map(|text| gathered.parse_file(text)).unwrap_or_default();
    gathered.layer(in_file, |key| format!("{key} in {FILE}"));
    let in_env = sources.env.iter().filter(|(name, _)| name.starts_with(PREFIX) && !name.starts_with(OF_TESTS));
    let in_env = in_env.map(|(name, value)| (name[PREFIX.len()..].to_lowercase().replace("__", "."), value.clone()));
    gathered.layer(in_env.collect(), variable);
    gathered.layer(sources.flags.clone(), |key| format!("--{}", key.replace(['.', '_'], "-")));
    gathered
}

impl Gathered {
    /// The value of a setting; nothing, and a complaint, when it is a bad one.
    pub(super) fn take<T: FromText>(&mut self, key: &'static str) -> Option<T::Value> {
        let setting = SETTINGS.iter().find(|setting| setting.key == key)?;
        let given = self.values.get(key);
        let text = given.map_or(setting.default, |given| &given.text);
        let name = given.map_or(key, |given| &given.name);
        T::from_text(text)
            .map_err(|expected| {
                let found = if setting.secret { "another value (not shown)".to_owned() } else { format!("`{text}`") };
                self.problems.0.push(format!("{name}: expected {expected}, found {found}"));
            })
            .ok()
    }

    /// Whether all went well.
    pub(super) fn finish(self) -> Result<(), ConfigError> {
        self.problems.or(())
    }

    fn parse_file(&mut self, text: &str) -> Vec<(String, String)> {
        let mut pairs = Vec::new();
        match text.parse::<toml::Table>() {
            Ok(table) => flatten("", &table, &mut pairs),
            Err(error) => {
                // The error's own text quotes the line, which may hold a secret.
                let line = error.span().map_or(1, |span| text[..span.start].lines().count().max(1));
                self.problems.0.push(format!("{FILE}, line {line}: {}", error.message()));
            }
        }
        pairs
    }

    /// Lays one layer over those before.
    fn layer(&mut self, pairs: Vec<(String, String)>, name_of: impl Fn(&str) -> String) {
        let mut of_this_layer: BTreeMap<&'static str, String> = BTreeMap::new();
        for (key, text) in pairs {
            let name = name_of(&key);
            let Some((setting, as_file)) = find(&key) else {
                self.problems.0.push(format!("{name} is not a setting; the nearest is {}", name_of(nearest(&key))));
                continue;
            };
            if text.is_empty() {
                continue;
            }
            if let Some(other) = of_this_layer.insert(setting.key, name.clone()) {
                self.problems.0.push(format!("{name} and {other} are both given: keep one"));
                continue;
            }
            match if as_file { read_secret(&text) } else { Ok(text) } {
                Ok(text) => drop(self.values.insert(setting.key, Given { name, text })),
                Err(error) => self.problems.0.push(format!("{name}: the file cannot be read: {error}")),
            }
        }
    }
}

/// The setting of this key, and whether the key names a file that holds the secret.
fn find(key: &str) -> Option<(&'static Setting, bool)> {
    let named = |key: &str| SETTINGS.iter().find(|setting| setting.key == key);
    let of_secret = || key.strip_suffix("_file").and_then(named).filter(|setting| setting.secret);
    named(key).map(|setting| (setting, false)).or_else(|| of_secret().map(|setting| (setting, true)))
}

fn nearest(key: &str) -> &'static str {
    let likeness = |setting: &&Setting| strsim::jaro_winkler(key, setting.key);
    let best = SETTINGS.iter().max_by(|one, other| likeness(one).total_cmp(&likeness(other)));
    best.map_or("", |setting| setting.key)
}

/// Editors and `echo` end a file with a line break, which is not part of the secret.
fn read_secret(path: &str) -> Result<String, std::io::ErrorKind> {
    let text = std::fs::read_to_string(Path::new(path)).map_err(|error| error.kind())?;
    Ok(text.trim_end_matches(['\r', '\n']).to_owned())
}

fn flatten(prefix: &str, table: &toml::Table, pairs: &mut Vec<(String, String)>) {
    for (name, value) in table {
        let key = if prefix.is_empty() { name.clone() } else { format!("{prefix}.{name}") };
        match value {
            toml::Value::Table(inner) => flatten(&key, inner, pairs),
            toml::Value::Array(items) => pairs.push((key, items.iter().map(text_of).collect::<Vec<_>>().join(","))),
            value => pairs.push((key, text_of(value))),
        }
    }
}

fn text_of(value: &toml::Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}
