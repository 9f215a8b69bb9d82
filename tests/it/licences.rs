//! Every crate we link is under a licence that `deny.toml` allows. `cargo deny` says the same and more, where it is installed.

use std::{collections::BTreeSet, process::Command};

use serde_json::Value;

/// The allow list of `deny.toml`: the texts between `allow = [` and `]`.
fn allowed() -> BTreeSet<String> {
    let text = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../deny.toml")).unwrap();
    let list = text.split_once("allow = [").and_then(|(_, rest)| rest.split_once(']')).expect("deny.toml has an allow list").0;
    list.split('"').skip(1).step_by(2).map(str::to_owned).collect()
}

/// Whether an SPDX expression can be met with what is allowed. `AND` binds more tightly than `OR`; an old `/` means `OR`.
fn permits(expression: &str, allowed: &BTreeSet<String>) -> bool {
    let spaced = expression.replace('/', " OR ").replace('(', " ( ").replace(')', " ) ");
    let mut words = spaced.split_whitespace().peekable();
    let answer = either(&mut words, allowed);
    answer && words.next().is_none()
}

type Words<'a> = std::iter::Peekable<std::str::SplitWhitespace<'a>>;

fn either(words: &mut Words<'_>, allowed: &BTreeSet<String>) -> bool {
    let mut answer = both(words, allowed);
    while words.next_if_eq(&"OR").is_some() {
        answer |= both(words, allowed);
    }
    answer
}

fn both(words: &mut Words<'_>, allowed: &BTreeSet<String>) -> bool {
    let mut answer = one(words, allowed);
    while words.next_if_eq(&"AND").is_some() {
        answer &= one(words, allowed);
    }
    answer
}

fn one(words: &mut Words<'_>, allowed: &BTreeSet<String>) -> bool {
    match words.next() {
        Some("(") => {
            let answer = either(words, allowed);
            answer && words.next() == Some(")")
        }
        Some(licence) if words.next_if_eq(&"WITH").is_some() => {
            let exception = words.next().unwrap_or_default();
            allowed.contains(&format!("{licence} WITH {exception}"))
        }
        Some(licence) => allowed.contains(licence),
        None => false,
    }
}

#[test]
fn every_crate_has_a_licence_that_is_allowed() {
    let manifest = concat!(env!("CARGO_MANIFEST_DIR"), "/../Cargo.toml");
    // Only what is linked here: the crates of other systems need not be on this machine.
    let platform = format!("{}-unknown-linux-gnu", std::env::consts::ARCH);
    let arguments = ["metadata", "--format-version", "1", "--locked", "--filter-platform", &platform, "--manifest-path", manifest];
    let output = Command::new(env!("CARGO")).args(arguments).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));

    let metadata: Value = serde_json::from_slice(&output.stdout).unwrap();
    let packages = metadata["packages"].as_array().unwrap();
    let allowed = allowed();
    let refused: Vec<String> = packages
        .iter()
        .filter(|package| !package["license"].as_str().is_some_and(|licence| permits(licence, &allowed)))
        .map(|package| format!("{} {}: {}", package["name"], package["version"], package["license"]))
        .collect();
    assert!(packages.len() > 50 && refused.is_empty(), "not allowed by deny.toml: {refused:#?}");
}

#[test]
fn expressions_are_understood() {
    let allowed = ["MIT", "ISC", "Apache-2.0 WITH LLVM-exception"].map(str::to_owned).into();
    for met in
        ["MIT", "GPL-3.0 OR MIT", "MIT/Apache-2.0", "ISC AND (MIT OR GPL-3.0)", "GPL-3.0 AND ISC OR MIT", "Apache-2.0 WITH LLVM-exception"]
    {
        assert!(permits(met, &allowed), "{met}");
    }
    for unmet in ["GPL-3.0", "MIT AND GPL-3.0", "Apache-2.0", "(GPL-3.0 OR MIT) AND GPL-3.0", "", "MIT GPL-3.0"] {
        assert!(!permits(unmet, &allowed), "{unmet}");
    }
}
