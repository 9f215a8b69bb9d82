//! Where postal codes are: the middle of each, to a hundredth of a degree, about a kilometre.
//!
//! Of the United States: the ZIP Code Tabulation Areas of the Census Bureau's gazetteer of 2021, a work of the government in the public
//! domain; each line of `us_zip_codes.txt` is a code with hundredths of a degree north and east.

use std::{collections::HashMap, sync::OnceLock};

use crate::error::Refusal;

/// Degrees north and east, in hundredths.
type Hundredths = (i16, i16);

fn of_united_states() -> &'static HashMap<&'static str, Hundredths> {
    static KNOWN: OnceLock<HashMap<&'static str, Hundredths>> = OnceLock::new();
    KNOWN.get_or_init(|| include_str!("us_zip_codes.txt").lines().filter_map(line).collect())
}

fn line(line: &'static str) -> Option<(&'static str, Hundredths)> {
    let mut words = line.split(' ');
    Some((words.next()?, (words.next()?.parse().ok()?, words.next()?.parse().ok()?)))
}

/// The middle of a postal code, in degrees north and east. Of a ZIP+4 code the first five digits count.
///
/// # Errors
/// Refused when codes of the country are not known here, and when there is none like this.
pub fn middle_of(country: &str, code: &str) -> Result<(f64, f64), Refusal> {
    let at = |refusal: Refusal, field: &'static str| refusal.at(["filter", "near", field]);
    if !country.eq_ignore_ascii_case("US") {
        let sentence = "Postal codes are known here of `US` alone: give `latitude` and `longitude`.";
        return Err(at(Refusal::invalid(sentence), "country"));
    }
    let five = code.trim().split('-').next().unwrap_or_default();
    let degrees = |hundredths: i16| f64::from(hundredths) / 100.0;
    let known = of_united_states().get(five).map(|(north, east)| (degrees(*north), degrees(*east)));
    known.ok_or_else(|| {
        at(Refusal::invalid("This is no ZIP code that we know: check it, or give `latitude` and `longitude`."), "postalCode")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_is_a_code_on_the_globe() {
        let lines = include_str!("us_zip_codes.txt").lines().count();
        assert_eq!(of_united_states().len(), lines, "each line is a code of its own");
        for (code, (north, east)) in of_united_states() {
            assert!(code.len() == 5 && code.bytes().all(|digit| digit.is_ascii_digit()), "{code}");
            assert!((-1_500..=7_200).contains(north) && (-18_000..=18_000).contains(east), "{code}");
        }
    }

    #[test]
    fn codes_are_where_they_are() {
        for (code, expected) in [("12207", (42.66, -73.75)), ("10001-2062", (40.75, -74.0)), (" 96799 ", (-14.32, -170.75))] {
            assert_eq!(middle_of("us", code), Ok(expected), "{code}");
        }
        for (country, code) in [("US", "00000"), ("US", ""), ("US", "1220"), ("CA", "K1A 0B1")] {
            assert!(middle_of(country, code).is_err(), "{country} {code}");
        }
    }
}
