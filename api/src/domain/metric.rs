//! What is measured, and how (domain 9.1), as data with versions: `metric.json`. A definition that has been reported by is never changed:
//! a changed one is added with the next version. Days are those of the program's time zone; referrals that were entered in error and data
//! of sandboxes are never counted.

use std::sync::LazyLock;

use serde::Deserialize;

static DEFINITIONS: LazyLock<Vec<MetricDefinition>> =
    LazyLock::new(|| serde_json::from_str(include_str!("metric.json")).expect("a test reads the file that is built in"));

/// How one measure is counted.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MetricDefinition {
    /// Which measure: `M01` and on.
    pub id: String,
    /// Counts its definitions, from 1.
    pub version: i32,
    /// What it is called.
    pub name: String,
    /// What is counted.
    pub numerator: String,
    /// Of what.
    pub denominator: String,
    /// What is left out, beyond what always is.
    pub exclusions: Option<String>,
    /// Where the definition comes from.
    pub source: String,
}

/// The definitions by which measures are counted now: the last version of each, in the order of their ids.
pub fn current() -> impl Iterator<Item = &'static MetricDefinition> {
    let later = |one: &MetricDefinition| DEFINITIONS.iter().any(|other| other.id == one.id && other.version > one.version);
    DEFINITIONS.iter().filter(move |definition| !later(definition))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_measures_of_referrals_and_episodes_are_defined_each_version_once() {
        let current: Vec<_> = current().map(|definition| definition.id.as_str()).collect();
        assert_eq!(current, ["M01", "M02", "M03", "M04", "M05", "M06", "M07", "M08", "M09"]);
        for id in current {
            let versions: Vec<_> = DEFINITIONS.iter().filter(|definition| definition.id == id).map(|one| one.version).collect();
            assert_eq!(versions, (1..).take(versions.len()).collect::<Vec<_>>(), "{id}");
        }
    }

    /// Domain 9.2 and 2.6: nothing is said to be caused, and no figure is called one of NCQA's.
    #[test]
    fn the_words_are_honest() {
        for definition in DEFINITIONS.iter() {
            let said = [&definition.name, &definition.numerator, &definition.denominator, &definition.source];
            let said = said.into_iter().chain(&definition.exclusions);
            for text in said {
                assert!(text.len() > 5 && !text.trim().is_empty(), "{}", definition.id);
                for word in ["caused", "saved", "HEDIS", "addict", "failure", "abuse"] {
                    assert!(!text.contains(word), "{}: {text}", definition.id);
                }
            }
            assert!(!definition.source.contains("NCQA") || definition.source.contains("is not"), "{}", definition.id);
        }
    }
}
