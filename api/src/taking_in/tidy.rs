//! What strangers write, made plain: no HTML, no control characters, no links, and no more of it than fits.

use std::collections::BTreeSet;

use entity::program::Address;
use serde_json::Value;
use url::Url;

/// The most characters of a line, such as a name, and of a paragraph.
pub(super) const LINE: usize = 200;
pub(super) const PARAGRAPH: usize = 4_000;

/// The longest web address, in characters.
const LONGEST_URL: usize = 2_000;

/// ISO 3166 has given this code to nobody: of a country that is not told.
const NOWHERE: &str = "ZZ";

/// Countries as feeds call them that do not use their codes.
const COUNTRIES: &[(&str, &str)] = &[
    ("USA", "US"),
    ("UNITED STATES", "US"),
    ("UNITED STATES OF AMERICA", "US"),
    ("CANADA", "CA"),
    ("CAN", "CA"),
    ("MEXICO", "MX"),
    ("UK", "GB"),
    ("UNITED KINGDOM", "GB"),
    ("ENGLAND", "GB"),
    ("IRELAND", "IE"),
    ("AUSTRALIA", "AU"),
    ("AUS", "AU"),
    ("NEW ZEALAND", "NZ"),
    ("INDIA", "IN"),
    ("BRAZIL", "BR"),
];

/// What a document of HTML means by these names.
const ENTITIES: &[(&str, &str)] = &[
    ("amp", "&"),
    ("lt", "<"),
    ("gt", ">"),
    ("quot", "\""),
    ("apos", "'"),
    ("nbsp", " "),
    ("ndash", "\u{2013}"),
    ("mdash", "\u{2014}"),
    ("lsquo", "\u{2018}"),
    ("rsquo", "\u{2019}"),
    ("ldquo", "\u{201c}"),
    ("rdquo", "\u{201d}"),
    ("hellip", "\u{2026}"),
];

/// The text of a field: not empty, a number as it is written.
pub(super) fn field(of: &Value, name: &str) -> Option<String> {
    let text = match of.get(name)? {
        Value::String(text) => text.trim().to_owned(),
        Value::Number(number) => number.to_string(),
        _ => return None,
    };
    (!text.is_empty()).then_some(text)
}

/// A whole number of a field, which may be written as a text.
pub(super) fn number(of: &Value) -> Option<i64> {
    match of {
        Value::Number(number) => number.as_i64(),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    }
}

/// Text as one line.
pub(super) fn line(text: &str, most: usize) -> Option<String> {
    let words = plain(text);
    bounded(words.split_whitespace().collect::<Vec<_>>().join(" "), most)
}

/// Text of several lines, of which no two that follow one another are empty.
pub(super) fn paragraph(text: &str) -> Option<String> {
    let text = plain(text);
    let mut lines: Vec<String> = text.lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ")).collect();
    lines.dedup_by(|next, before| next.is_empty() && before.is_empty());
    bounded(lines.join("\n").trim().to_owned(), PARAGRAPH)
}

fn bounded(text: String, most: usize) -> Option<String> {
    let text: String = if text.chars().count() > most { text.chars().take(most - 1).chain(['\u{2026}']).collect() } else { text };
    (!text.is_empty()).then_some(text)
}

/// Words, spaces and line breaks alone.
fn plain(text: &str) -> String {
    let text = without_tags(&decoded(text));
    let shown = text.chars().filter(|letter| *letter == '\n' || *letter == '\t' || !is_hidden(*letter));
    let shown: String = shown.collect();
    let without_links = |line: &str| line.split(' ').filter(|word| !is_link(word)).collect::<Vec<_>>().join(" ");
    shown.lines().map(without_links).collect::<Vec<_>>().join("\n")
}

/// What no page shows and what turns the order of letters around.
fn is_hidden(letter: char) -> bool {
    letter.is_control()
        || matches!(letter, '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
}

/// Where people meet online is told on the meeting's own page, to whom it likes.
fn is_link(word: &str) -> bool {
    let word = word.to_ascii_lowercase();
    word.contains("://")
        || word.contains("www.")
        || ["zoom.us/", "meet.google.com", "teams.microsoft.com"].iter().any(|host| word.contains(host))
}

/// With what HTML writes in a roundabout way.
fn decoded(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('&') {
        out.push_str(&rest[..at]);
        rest = &rest[at..];
        let end = rest.bytes().take(12).position(|byte| byte == b';');
        let meant = end.and_then(|end| entity(&rest[1..end]).map(|meant| (meant, end + 1)));
        let (meant, length) = meant.unwrap_or_else(|| ("&".to_owned(), 1));
        out.push_str(&meant);
        rest = &rest[length..];
    }
    out + rest
}

fn entity(name: &str) -> Option<String> {
    if let Some(number) = name.strip_prefix('#') {
        let code = match number.strip_prefix(['x', 'X']) {
            Some(hex) => u32::from_str_radix(hex, 16),
            None => number.parse(),
        };
        return char::from_u32(code.ok()?).map(String::from);
    }
    ENTITIES.iter().find(|(known, _)| *known == name).map(|(_, meant)| (*meant).to_owned())
}

/// Without tags, some of which end a line, and without what is left of others.
fn without_tags(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('<') {
        out.push_str(&rest[..at]);
        let tag = &rest[at + 1..];
        let is_tag = tag.starts_with(|first: char| first.is_ascii_alphabetic() || matches!(first, '/' | '!' | '?'));
        match tag.find('>').filter(|_| is_tag) {
            Some(end) => {
                let name = tag[..end].trim_start_matches('/').to_ascii_lowercase();
                if ["br", "p", "li", "div"].iter().any(|ends| name.trim_end_matches('/').split_whitespace().next() == Some(ends)) {
                    out.push('\n');
                }
                rest = &tag[end + 1..];
            }
            None => rest = tag,
        }
    }
    out.push_str(rest);
    out.replace(['<', '>'], "")
}

/// A public page: an address of the web without user and password.
pub(super) fn page(text: &str) -> Option<String> {
    let url: Url = text.trim().parse().ok()?;
    let fits = matches!(url.scheme(), "http" | "https") && url.has_host() && url.username().is_empty() && url.password().is_none();
    (fits && url.as_str().len() <= LONGEST_URL).then(|| url.into())
}

/// A pair of degrees that is a place on the earth, and not the point in the sea that stands for none.
pub(super) fn degrees(latitude: Option<&str>, longitude: Option<&str>) -> Option<(f64, f64)> {
    let read = |text: Option<&str>, most: f64| text?.trim().parse::<f64>().ok().filter(|degrees| degrees.abs() <= most);
    read(latitude, 90.0).zip(read(longitude, 180.0)).filter(|place| *place != (0.0, 0.0))
}

/// A country as ISO 3166-1 has it.
pub(super) fn country(text: Option<&str>) -> String {
    let text = text.unwrap_or_default().trim().trim_end_matches('.').to_ascii_uppercase();
    if text.len() == 2 && text != "UK" && text.bytes().all(|letter| letter.is_ascii_uppercase()) {
        return text;
    }
    COUNTRIES.iter().find(|(name, _)| *name == text).map_or(NOWHERE, |(_, code)| *code).to_owned()
}

/// An address, if there is anything of one.
pub(super) fn address(given: Address) -> Option<Address> {
    let line = |text: Option<String>, most| text.and_then(|text| line(&text, most));
    let tidied = Address {
        line1: line(given.line1, LINE),
        line2: line(given.line2, LINE),
        city: line(given.city, 100),
        region: line(given.region, 100),
        postal_code: line(given.postal_code, 20),
        ..given
    };
    let nothing = Address { country: tidied.country.clone(), ..Address::default() };
    (tidied != nothing).then_some(tidied)
}

/// Codes in a fixed order, each once.
pub(super) fn once(codes: impl IntoIterator<Item = String>) -> Vec<String> {
    codes.into_iter().collect::<BTreeSet<_>>().into_iter().collect()
}
