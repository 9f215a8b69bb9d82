//! The schema as callers read it: the file at the root of the repository, with a description of everything.

use std::path::Path;

use aftercare::graphql;
use serde_json::Value;

const EVERYTHING: &str = "{ __schema { types { name description
    fields(includeDeprecated: true) { name description args { name description } }
    inputFields { name description } enumValues(includeDeprecated: true) { name description } } } }";

#[test]
fn the_schema_is_the_one_that_was_committed() {
    let printed = format!("{}\n", graphql::build().finish().sdl().trim_end());
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../schema.graphql");
    if std::env::var("AFTERCARE_TEST_UPDATE").is_ok_and(|value| value == "1") {
        std::fs::write(&file, &printed).unwrap();
    }
    let committed = std::fs::read_to_string(&file).unwrap_or_default();
    let place = committed.lines().zip(printed.lines()).position(|(one, other)| one != other);
    assert!(
        committed == printed,
        "schema.graphql is not what `aftercare schema` prints (first difference after line {place:?}): \
         see what callers would notice, then run with AFTERCARE_TEST_UPDATE=1"
    );
}

#[tokio::test]
async fn everything_has_a_description() {
    let answer = serde_json::to_value(graphql::build().finish().execute(EVERYTHING).await.data).unwrap();

    let mut bare = Vec::new();
    let types = answer["__schema"]["types"].as_array().unwrap().iter();
    // `ID` is GraphQL's own; the library gives it no description.
    for kind in types.filter(|kind| !name_of(kind).starts_with("__") && name_of(kind) != "ID") {
        note_if_bare(&mut bare, "", kind);
        let kind_name = name_of(kind);
        for part in ["fields", "inputFields", "enumValues"].iter().flat_map(|list| parts(kind, list)) {
            note_if_bare(&mut bare, kind_name, part);
            let within = format!("{kind_name}.{}", name_of(part));
            parts(part, "args").for_each(|argument| note_if_bare(&mut bare, &within, argument));
        }
    }
    assert!(bare.is_empty(), "without a description: {bare:#?}");
}

fn parts<'v>(of: &'v Value, list: &str) -> impl Iterator<Item = &'v Value> {
    of[list].as_array().into_iter().flatten()
}

fn name_of(part: &Value) -> &str {
    part["name"].as_str().unwrap_or_default()
}

fn note_if_bare(bare: &mut Vec<String>, within: &str, part: &Value) {
    if part["description"].as_str().is_none_or(str::is_empty) {
        bare.push(format!("{within}.{}", name_of(part)));
    }
}
