//! What something public is found by: the words of what it says, whatever their case and accents, alike on both databases.

use sea_orm::{ColumnTrait, Condition};

use crate::store::vault::folded_words;

/// The words of a name and of what is said of it, as they are kept: with a space before and after each.
pub(super) fn kept(name: &str, description: Option<&str>) -> String {
    let words: Vec<_> = folded_words(&format!("{name} {}", description.unwrap_or_default())).into_iter().collect();
    format!(" {} ", words.join(" "))
}

/// All of the words, as [`begin`] looks for them.
pub(super) fn sought(search: &str) -> Vec<String> {
    folded_words(search).into_iter().map(|word| format!(" {word}")).collect()
}

/// Whether each of these words is the beginning of one that is kept; never where there is none.
pub(super) fn begin(kept: Option<&str>, sought: &[String]) -> bool {
    !sought.is_empty() && kept.is_some_and(|kept| sought.iter().all(|word| kept.contains(word.as_str())))
}

/// All of the words, each at the beginning of one that is kept; nothing where there is none. Words hold nothing that `LIKE` would take for
/// a pattern.
pub(super) fn beginning_like(column: impl ColumnTrait, search: &str) -> Option<Condition> {
    let words = folded_words(search);
    let all = words.iter().fold(Condition::all(), |all, word| all.add(column.like(format!("% {word}%"))));
    (!words.is_empty()).then_some(all)
}
