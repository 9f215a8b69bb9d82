//! What a user may write, and what is said when it is wrong.

use super::*;

fn sources(file: &str, env: &[(&str, &str)], flags: &[(&str, &str)]) -> Sources {
    let owned = |pairs: &[(&str, &str)]| pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect::<Vec<_>>();
    Sources { file: Some(file.to_owned()), env: owned(env).into_iter().collect(), flags: owned(flags) }
}

fn env(pairs: &[(&str, &str)]) -> Result<Config, ConfigError> {
    Config::load(&sources("", pairs, &[]))
}

fn complaints(result: Result<Config, ConfigError>) -> Vec<String> {
    result.expect_err("a complaint").0
}

#[test]
fn the_defaults_are_those_of_the_contract() {
    let config = Config::load(&Sources::default()).unwrap();
    assert_eq!(config.database_url.expose(), "sqlite://data/aftercare.db");
    assert_eq!(config.client_keys().expose(), "sqlite://data/client-keys.db");
    assert_eq!(config.journal(), PathBuf::from("data/journal.ndjson"));
    assert_eq!(config.public_url(), "http://127.0.0.1:8080");
    assert_eq!(config.metrics_listen.unwrap().to_string(), "127.0.0.1:9464");
    assert_eq!((config.env, config.log, config.auto_migrate), (None, LogFormat::Pretty, true));
    assert_eq!(config.body_limit_bytes, 1_048_576);
    assert_eq!((config.outgoing_networks.len(), config.outgoing_http), (0, false), "nothing but the public internet is called");
}

#[test]
fn flags_win_over_the_environment_which_wins_over_the_file() {
    let file = "listen = \"127.0.0.1:1\"\nlog = \"json\"\n[database]\nurl = \"sqlite://file.db\"\npool_size = 3\n";
    let env = [("AFTERCARE_LISTEN", "127.0.0.1:2"), ("AFTERCARE_DATABASE__URL", "postgres://env/db")];
    let config = Config::load(&sources(file, &env, &[("listen", "127.0.0.1:3")])).unwrap();
    assert_eq!(config.listen.port(), 3);
    assert_eq!(config.database_url.expose(), "postgres://env/db");
    assert_eq!((config.log, config.database_pool_size), (LogFormat::Json, 3));
}

#[test]
fn an_unknown_name_is_refused_with_the_nearest_known_one() {
    assert_eq!(
        complaints(env(&[("AFTERCARE_DATABSE__URL", "x")])),
        ["AFTERCARE_DATABSE__URL is not a setting; the nearest is AFTERCARE_DATABASE__URL"]
    );
    assert_eq!(
        complaints(Config::load(&sources("[databse]\nurl = \"x\"", &[], &[]))),
        ["databse.url in aftercare.toml is not a setting; the nearest is database.url in aftercare.toml"]
    );
    assert_eq!(
        complaints(env(&[("AFTERCARE_LISTEN_FILE", "x")])),
        ["AFTERCARE_LISTEN_FILE is not a setting; the nearest is AFTERCARE_LISTEN"]
    );
}

#[test]
fn variables_of_others_and_of_the_tests_are_passed_over() {
    env(&[("AFTERCARE_TEST_POSTGRES_URL", "x"), ("HOME", "y"), ("AFTERCARE_ENV", "")]).unwrap();
}

#[test]
fn a_secret_can_stand_in_a_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("url");
    std::fs::write(&path, "postgres://aftercare:hidden@db/aftercare\n").unwrap();
    let path = path.display().to_string();
    let config = env(&[("AFTERCARE_DATABASE__URL_FILE", &path)]).unwrap();
    assert_eq!(config.database_url.expose(), "postgres://aftercare:hidden@db/aftercare");
    assert!(!format!("{config:?}").contains("hidden"));

    let both = [("AFTERCARE_DATABASE__URL_FILE", path.as_str()), ("AFTERCARE_DATABASE__URL", "sqlite://x")];
    assert_eq!(complaints(env(&both)), ["AFTERCARE_DATABASE__URL_FILE and AFTERCARE_DATABASE__URL are both given: keep one"]);
    let absent = [("AFTERCARE_DATABASE__URL_FILE", "/absent")];
    assert_eq!(complaints(env(&absent)), ["AFTERCARE_DATABASE__URL_FILE: the file cannot be read: entity not found"]);
}

#[test]
fn bad_values_are_all_named_and_secrets_are_not_shown() {
    let bad = [("AFTERCARE_LISTEN", "here"), ("AFTERCARE_DATABASE__URL", "mysql://root:hidden@db"), ("AFTERCARE_DATABASE__POOL_SIZE", "0")];
    insta::assert_snapshot!(complaints(env(&bad)).join("\n"), @r"
    AFTERCARE_DATABASE__URL: expected sqlite://PATH or postgres://USER:PASSWORD@HOST/DATABASE, found another value (not shown)
    AFTERCARE_DATABASE__POOL_SIZE: expected a whole number from 1 upwards, found `0`
    AFTERCARE_LISTEN: expected an IP address with a port, such as 127.0.0.1:8080, found `here`
    ");
}

#[test]
fn where_mail_goes_is_a_server_or_a_folder_and_its_password_is_not_shown() {
    let server = env(&[("AFTERCARE_MAIL__URL", "smtps://aftercare:hidden@mail.example.org:465")]).unwrap();
    assert!(matches!(server.mail(Environment::Production), Some(MailUrl::Server(_))));
    assert!(!format!("{server:?}").contains("hidden"));
    let none = env(&[("AFTERCARE_PUBLIC_URL", "https://aftercare.example:8443")]).unwrap();
    assert_eq!((none.mail(Environment::Production), none.public_host().as_str()), (None, "aftercare.example"));
    assert_eq!(none.mail(Environment::Development), Some(MailUrl::Folder("data/mail".into())), "for trying out");
    for wrong in [
        "mail.example.org",
        "http://hidden@mail.example.org",
        "smtp://",
        "smtp://hidden@host?tls=none",
        "smtp://hidden@host/x",
        "file://folder",
    ] {
        let said = complaints(env(&[("AFTERCARE_MAIL__URL", wrong)])).join("\n");
        assert!(said.starts_with("AFTERCARE_MAIL__URL: expected smtps://") && !said.contains("hidden"), "{wrong}: {said}");
    }
    assert!(complaints(env(&[("AFTERCARE_MAIL__FROM", "nobody")]))[0].contains("an e-mail address"));
}

#[test]
fn a_broken_file_is_named_by_its_line_without_quoting_it() {
    let complaint = complaints(Config::load(&sources("log = \"json\"\ndatabase.url = hidden\n", &[], &[]))).join("\n");
    assert!(complaint.starts_with("aftercare.toml, line 2: "), "{complaint}");
    assert!(!complaint.contains("hidden"), "{complaint}");
}

#[test]
fn the_documentation_is_the_table() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../CONFIGURATION.md");
    if std::env::var_os("AFTERCARE_TEST_UPDATE").is_some() {
        std::fs::write(path, documentation()).unwrap();
    }
    let written = std::fs::read_to_string(path).unwrap_or_default();
    assert!(written == documentation(), "CONFIGURATION.md is not the table of settings: run the tests once with AFTERCARE_TEST_UPDATE=1");
}
