//! Finds in an answer what its asker may not see, and misses what they may.

use std::collections::HashSet;

use aho_corasick::AhoCorasick;
use kit::caller::Answer;
use serde_json::Value;

use super::{
    expectation::Class,
    world::{Asker, Canary, World},
};

/// Finds all of many texts in one reading: there are hundreds of them, and answers are long.
pub(crate) struct Finder {
    automaton: AhoCorasick,
    texts: Vec<String>,
}

impl Finder {
    pub(crate) fn of<'a>(texts: impl Iterator<Item = &'a str>) -> Self {
        let texts: Vec<_> = texts.map(str::to_owned).collect();
        Self { automaton: AhoCorasick::new(&texts).unwrap(), texts }
    }

    /// Those that stand in this text.
    pub(crate) fn found_in(&self, text: &str) -> HashSet<&str> {
        self.automaton.find_overlapping_iter(text).map(|found| self.texts[found.pattern()].as_str()).collect()
    }
}

/// Everything of an answer that someone could read.
pub(crate) fn text(answer: &Answer) -> String {
    let headers = answer.headers.iter().map(|(name, value)| format!("{name}: {}\n", String::from_utf8_lossy(value.as_bytes())));
    headers.collect::<String>() + &answer.raw
}

/// The canaries that the asker may not see, and the counts that tell of rows they may not see.
pub(crate) fn leaks(world: &World, asker: &Asker, answer: &Answer) -> Vec<String> {
    let text = text(answer);
    let said = world.finder.found_in(&text);
    let sung = world.canaries.iter().filter(|canary| said.contains(canary.text.as_str()) && !asker.may_see(canary));
    let mut found: Vec<_> = sung.map(|canary| format!("{} sees {canary:?}", asker.name)).collect();
    unscoped_counts(&answer.body, &mut |count, shown| {
        found.push(format!("{} is told of {count} rows and shown {shown}", asker.name));
    });
    found
}

/// Those of these canaries that the asker's role lets them see and that they were not shown.
pub(crate) fn withheld<'a>(world: &World, asker: &Asker, answer: &Answer, canaries: impl Iterator<Item = &'a Canary>) -> Vec<String> {
    let text = text(answer);
    let said = world.finder.found_in(&text);
    let missing = canaries.filter(|canary| !said.contains(canary.text.as_str()) && asker.reaches(canary.class, canary.place));
    missing.map(|canary| format!("{} does not see {canary:?}", asker.name)).collect()
}

/// Whether someone sees something of a class in an answer, for the test of the test.
pub(crate) fn shown(world: &World, answer: &Answer, class: Class) -> bool {
    let text = text(answer);
    let said = world.finder.found_in(&text);
    world.canaries.iter().any(|canary| canary.class == class && said.contains(canary.text.as_str()))
}

/// Calls with each `totalCount` that is more than the rows of its list, where the list is whole: it tells of rows that are not shown. What
/// is written between the count and the list, by others who ask, makes it less.
pub(crate) fn unscoped_counts(value: &Value, report: &mut dyn FnMut(u64, usize)) {
    match value {
        Value::Object(fields) => {
            let whole = value["pageInfo"]["hasNextPage"] != true && value["pageInfo"]["hasPreviousPage"] != true;
            if let (Some(count), Some(nodes), true) = (value["totalCount"].as_u64(), value["nodes"].as_array(), whole)
                && count > nodes.len() as u64
            {
                report(count, nodes.len());
            }
            fields.values().for_each(|value| unscoped_counts(value, report));
        }
        Value::Array(values) => values.iter().for_each(|value| unscoped_counts(value, report)),
        _ => {}
    }
}
