//! The whole words of a name, without what people leave out or write in several ways.

use std::collections::BTreeSet;

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::{canonical_combining_class, is_combining_mark};

/// The words of a name:
/// - compatibility decomposition (NFKD), then upper and lower case, which folds `ß` to `ss` and `ς` to `σ`;
/// - accents and the points of Hebrew and Arabic are left out; marks that make another letter, such as the vowels of Devanagari and
///   the voicing of kana, stay;
/// - Latin letters that do not decompose are spelled out as in travel documents or nearly so (`ø` o, `æ` ae, `þ` th);
/// - apostrophes and invisible characters join (`O'Neill` is `ONeill`), everything else that is no letter or digit separates
///   (`Anne-Marie` has two words).
///
/// Stored hashes, `program.search_words` and `workshop.search_words` are of these words: a change here needs all of them made anew.
pub(crate) fn words(name: &str) -> BTreeSet<String> {
    let joined = name.chars().filter(|&c| !joins(c));
    let folded: String = joined.nfkd().flat_map(char::to_uppercase).flat_map(char::to_lowercase).nfkd().collect();
    let plain = folded.chars().filter(|&c| canonical_combining_class(c) < FIRST_ACCENT && !joins(c));
    let mut spelled = String::with_capacity(folded.len());
    for c in plain {
        match spelled_out(c) {
            Some(letters) => spelled.push_str(letters),
            None => spelled.push(c),
        }
    }
    let separates = |c: char| !c.is_alphanumeric() && !is_combining_mark(c);
    spelled.split(separates).filter(|word| !word.is_empty()).map(str::to_owned).collect()
}

/// Canonical combining classes from 10 are positions around a letter; those below (nukta, voicing, virama) belong to it.
const FIRST_ACCENT: u8 = 10;

const fn joins(c: char) -> bool {
    matches!(c, '\'' | '`' | '´' | '‘' | '’' | '‛' | 'ʹ' | 'ʻ' | 'ʼ' | 'ʽ' | '′' | '＇')
        || matches!(c, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{2060}' | '\u{feff}')
}

const fn spelled_out(c: char) -> Option<&'static str> {
    Some(match c {
        'ø' => "o",
        'ł' => "l",
        'đ' | 'ð' => "d",
        'ħ' => "h",
        'ŧ' => "t",
        'æ' => "ae",
        'œ' => "oe",
        'þ' => "th",
        'ı' => "i",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn names_and_their_words() {
        let cases: &[(&str, &[&str])] = &[
            ("", &[]),
            (" - ' ", &[]),
            ("Maria  Lopez", &["lopez", "maria"]),
            ("López, MARÍA", &["lopez", "maria"]),
            ("Lo\u{301}pez", &["lopez"]),
            ("Anne-Marie", &["anne", "marie"]),
            ("O'Neill O’Neill O´Neill ONeill", &["oneill"]),
            ("St. John", &["john", "st"]),
            ("Straße STRASSE", &["strasse"]),
            ("Søren Łukasz Æsa Þór", &["aesa", "lukasz", "soren", "thor"]),
            ("Işık İnci", &["inci", "isik"]),
            ("ΣΊΣΥΦΟΣ σίσυφος", &["σισυφοσ"]),
            ("Ｍａｒｉａ ﬁona", &["fiona", "maria"]),
            ("Nguyễn", &["nguyen"]),
            ("מֹשֶׁה", &["משה"]),
            ("रमा रामा", &["रमा", "रामा"]),
            ("John 3rd", &["3rd", "john"]),
        ];
        for (name, expected) in cases {
            assert_eq!(words(name).iter().map(String::as_str).collect::<Vec<_>>(), *expected, "{name}");
        }
    }

    proptest! {
        #[test]
        fn words_are_their_own_words(name: String) {
            for word in words(&name) {
                prop_assert_eq!(words(&word), BTreeSet::from([word]));
            }
        }

        #[test]
        fn composed_or_not_is_the_same(name: String) {
            prop_assert_eq!(words(&name.nfc().collect::<String>()), words(&name.nfd().collect::<String>()));
        }
    }
}
