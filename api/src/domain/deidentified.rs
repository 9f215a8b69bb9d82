//! What of a person can be told without telling who they are: HIPAA Safe Harbor, 45 CFR 164.514(b)(2) (domain 3.5).

use crate::error::Refusal;

/// The states, the District of Columbia and the territories in which people live, as ISO 3166-2 writes them after `US-`.
#[rustfmt::skip]
const STATES: &[&str] = &[
    "AL", "AK", "AZ", "AR", "CA", "CO", "CT", "DE", "FL", "GA", "HI", "ID", "IL", "IN", "IA", "KS", "KY", "LA", "ME", "MD", "MA", "MI",
    "MN", "MS", "MO", "MT", "NE", "NV", "NH", "NJ", "NM", "NY", "NC", "ND", "OH", "OK", "OR", "PA", "RI", "SC", "SD", "TN", "TX", "UT",
    "VT", "VA", "WA", "WV", "WI", "WY", "DC", "AS", "GU", "MP", "PR", "VI",
];

/// The 3-digit ZIP codes in which 20,000 people or fewer live (HHS, "Guidance Regarding Methods for De-identification of Protected Health
/// Information", from the census of 2000), with 000, which stands for all of them.
#[rustfmt::skip]
const SPARSE: &[&str] = &[
    "000", "036", "059", "063", "102", "203", "556", "692", "790", "821", "823", "830", "831", "878", "879", "884", "890", "893",
];

/// The languages that more than a million people in the United States speak at home (US Census, American Community Survey, "Language Use
/// in the United States: 2019", ACS-50).
const COMMON: &[&str] = &["en", "es", "zh", "tl", "vi", "ar", "fr", "ko"];

/// Tags of what the survey counts as one of those languages.
const COUNTED_AS: &[(&str, &str)] = &[("cmn", "zh"), ("yue", "zh"), ("fil", "tl"), ("arb", "ar")];

/// What any other language reads: a tag that is well-formed (RFC 5646, 2.2.1) and registered for none.
const OTHER: &str = "other";

/// A state, or a 3-digit ZIP code with enough people, in its usual form: `NY`, `121`.
///
/// # Errors
/// Refused with the field's name.
pub(super) fn region(field: &'static str, value: &str) -> Result<String, Refusal> {
    let value = value.trim().to_uppercase();
    let state = value.strip_prefix("US-").unwrap_or(&value);
    if STATES.contains(&state) {
        return Ok(state.to_owned());
    }
    let is_zip3 = value.len() == 3 && value.bytes().all(|digit| digit.is_ascii_digit());
    let sentence = match is_zip3 {
        true if !SPARSE.contains(&value.as_str()) => return Ok(value),
        true => format!(
            "`{field}` {value} is an area of 20,000 people or fewer by the list of HHS (45 CFR 164.514(b)(2)(i)(B)): give the state, or nothing."
        ),
        false => format!("`{field}` is a state of the US by its two letters, such as `NY`, or the first three digits of a ZIP code."),
    };
    Err(Refusal::invalid(sentence).at(["input", field]))
}

/// Languages without what is rare about them: no region, script or dialect, and all that few people speak as one.
pub(super) fn languages(tags: &[String]) -> Vec<String> {
    let mut told: Vec<String> = Vec::new();
    for tag in tags {
        let primary = tag.split('-').next().unwrap_or_default().to_lowercase();
        let counted = COUNTED_AS.iter().find(|(tag, _)| *tag == primary).map_or(primary.as_str(), |(_, language)| language);
        let language = COMMON.iter().find(|common| **common == counted).map_or(OTHER, |common| common);
        if !told.iter().any(|known| known == language) {
            told.push(language.to_owned());
        }
    }
    told
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::text;

    #[test]
    fn a_region_is_a_state_or_an_area_of_many() {
        for (given, told) in [("NY", "NY"), (" us-ny ", "NY"), ("PR", "PR"), ("121", "121"), ("902", "902")] {
            assert_eq!(region("region", given), Ok(told.to_owned()), "{given}");
        }
        for (given, says) in [("036", "20,000"), ("893", "20,000"), ("000", "20,000")] {
            assert!(region("region", given).unwrap_err().message.contains(says), "{given}");
        }
        for given in ["", "Albany", "12110", "12", "XX", "US-", "US-121", "DE-BY", "ØØØ", "١٢٣", "1 2"] {
            assert_eq!(
                region("region", given).map_err(|refusal| refusal.path),
                Err(vec!["input".to_owned(), "region".to_owned()]),
                "{given}"
            );
        }
        assert_eq!(SPARSE.len(), 17 + 1);
        assert_eq!(STATES.len(), 50 + 1 + 5);
    }

    #[test]
    fn what_few_people_speak_is_told_of_nobody() {
        let cases: &[(&[&str], &[&str])] = &[
            (&[], &[]),
            (&["es", "en-US"], &["es", "en"]),
            (&["es-GT", "es-MX"], &["es"]),
            (&["zh-Hant", "yue", "fil"], &["zh", "tl"]),
            (&["nv", "en", "chr", "ase"], &["other", "en"]),
            (&["x-own"], &["other"]),
        ];
        for (given, told) in cases {
            let given: Vec<String> = given.iter().map(|tag| (*tag).to_owned()).collect();
            assert_eq!(languages(&given), *told, "{given:?}");
        }
        assert_eq!(text::language("languages", OTHER), Ok(OTHER.to_owned()), "our own scalar takes what we say");
    }
}
