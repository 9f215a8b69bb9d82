use std::fs;
#[cfg(unix)]
use std::os::unix::fs::PermissionsExt;

use tempfile::TempDir;

use super::*;

fn at(seconds: i64) -> Instant {
    DateTime::from_timestamp(1_800_000_000 + seconds, 0).unwrap()
}

fn folder() -> TempDir {
    tempfile::tempdir().unwrap()
}

#[test]
fn an_empty_folder_gets_a_key_only_when_told_so() {
    let folder = folder();
    let path = folder.path().join("keys");
    assert!(matches!(Keys::open(&path, Use::Production, at(0)), Err(KeyError::None(_))));
    let keys = Keys::open_or_make(&path, Use::Production, true, at(0)).unwrap();
    let again = Keys::open_or_make(&path, Use::Production, false, at(9)).unwrap();
    assert_eq!(keys.newest().kid, again.newest().kid);
    assert_eq!((again.list().len(), keys.newest().kind, keys.newest().made_at), (1, Kind::EdDsa, at(0)));
}

#[test]
fn a_database_that_lost_its_key_gets_no_other() {
    let folder = folder();
    let lost = Keys::open_or_make(folder.path(), Use::Production, false, at(0)).unwrap_err();
    assert!(matches!(lost, KeyError::Lost(_)) && lost.to_string().contains("aftercare keys generate"), "{lost}");
    assert!(list(folder.path(), Use::Production).unwrap().is_empty(), "none was made");
}

#[test]
fn who_follows_the_folder_signs_with_the_new_key_and_forgets_a_removed_one() {
    let folder = folder();
    let keys = Keys::open_or_make(folder.path(), Use::Production, true, at(0)).unwrap();
    let old = keys.newest().kid.clone();
    assert!(!keys.follow(at(1)).unwrap());

    let new = generate(folder.path(), Kind::EdDsa, Use::Production, at(1)).unwrap();
    assert!(keys.follow(at(1)).unwrap());
    assert_eq!((keys.newest().kid.as_str(), keys.jwks().keys.len()), (new.as_str(), 2));

    fs::remove_file(folder.path().join(format!("{old}.pem"))).unwrap();
    assert!(keys.follow(at(2)).unwrap());
    assert!(keys.find(&old, at(2)).is_none());
    fs::remove_file(folder.path().join(format!("{new}.pem"))).unwrap();
    keys.follow(at(3)).unwrap_err();
    assert_eq!(keys.newest().kid, new, "the last good keys stay");
}

#[test]
#[cfg(unix)]
fn a_key_is_its_owners_alone() {
    let folder = folder();
    let kid = generate(folder.path(), Kind::EdDsa, Use::Production, at(0)).unwrap();
    let path = folder.path().join(format!("{kid}.pem"));
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    for mode in [0o640, 0o604, 0o660, 0o644] {
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        assert!(matches!(Keys::open(folder.path(), Use::Production, at(0)), Err(KeyError::OpenToOthers(_))), "{mode:o}");
    }
}

#[test]
fn after_a_rotation_the_new_key_signs_and_the_old_one_still_verifies() {
    let folder = folder();
    let keys = Keys::open_or_make(folder.path(), Use::Production, true, at(0)).unwrap();
    let old = keys.newest().kid.clone();
    // The clock was set back in between.
    let new = generate(folder.path(), Kind::EdDsa, Use::Production, at(-60)).unwrap();
    assert!(keys.find(&new, at(1)).is_none(), "the folder was read just now");
    assert_eq!(keys.find(&new, at(6)).unwrap().kid, new);
    assert_eq!(keys.newest().kid, new);
    assert!(keys.find(&old, at(6)).is_some());
    assert_eq!(keys.jwks().keys.len(), 2);
}

#[test]
fn a_key_whose_file_is_removed_no_longer_verifies() {
    let folder = folder();
    let keys = Keys::open_or_make(folder.path(), Use::Production, true, at(0)).unwrap();
    let old = keys.newest().kid.clone();
    generate(folder.path(), Kind::EdDsa, Use::Production, at(1)).unwrap();
    fs::remove_file(folder.path().join(format!("{old}.pem"))).unwrap();
    keys.reload(at(2)).unwrap();
    assert!(keys.find(&old, at(2)).is_none());
}

#[test]
fn production_refuses_a_demonstration_key() {
    let folder = folder();
    let keys = Keys::open_or_make(folder.path(), Use::Demonstration, true, at(0)).unwrap();
    assert!(keys.newest().kid.starts_with("demo-"));
    assert!(matches!(Keys::open(folder.path(), Use::Production, at(0)), Err(KeyError::Demonstration(_))));
    assert!(matches!(Keys::open_or_make(folder.path(), Use::Production, true, at(0)), Err(KeyError::Demonstration(_))));
}

#[test]
fn a_file_that_is_no_key_stops_the_start_and_other_files_do_not() {
    let folder = folder();
    generate(folder.path(), Kind::EdDsa, Use::Production, at(0)).unwrap();
    fs::write(folder.path().join("README"), "keys").unwrap();
    assert!(Keys::open(folder.path(), Use::Production, at(0)).is_ok());
    let stray = folder.path().join("stray.pem");
    fs::write(&stray, "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n").unwrap();
    #[cfg(unix)]
    fs::set_permissions(&stray, fs::Permissions::from_mode(0o600)).unwrap();
    assert!(matches!(Keys::open(folder.path(), Use::Production, at(0)), Err(KeyError::NotAKey(_))));
}

#[test]
fn the_public_set_names_key_use_and_algorithm_and_nothing_private() {
    let folder = folder();
    let ed = generate(folder.path(), Kind::EdDsa, Use::Production, at(0)).unwrap();
    let rsa = generate(folder.path(), Kind::Rs256, Use::Production, at(1)).unwrap();
    let keys = Keys::open(folder.path(), Use::Production, at(2)).unwrap();
    assert_eq!((keys.newest().kid.as_str(), keys.newest().kind), (rsa.as_str(), Kind::Rs256));
    let set = serde_json::to_value(keys.jwks()).unwrap();
    assert_eq!(set["keys"][0]["alg"], "RS256");
    assert_eq!(set["keys"][1]["kid"], ed);
    assert_eq!(set["keys"][1]["alg"], "EdDSA");
    assert_eq!((&set["keys"][1]["kty"], &set["keys"][1]["crv"], &set["keys"][1]["use"]), (&"OKP".into(), &"Ed25519".into(), &"sig".into()));
    for key in set["keys"].as_array().unwrap() {
        assert!(["d", "p", "q", "k"].iter().all(|private| key.get(private).is_none()), "{key}");
    }
}
