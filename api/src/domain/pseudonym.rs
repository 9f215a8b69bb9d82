//! Made-up names for clients: two words and a number, for lists and talk. They say nothing about the person.

use rand::seq::IndexedRandom;

const FIRST: &[&str] = &[
    "amber", "autumn", "brave", "bright", "calm", "clear", "coral", "cosy", "early", "east", "fair", "fern", "free", "gentle", "glad",
    "golden", "green", "happy", "hazel", "high", "ivory", "jade", "keen", "kind", "light", "lilac", "lively", "lucky", "maple", "mellow",
    "misty", "new", "noble", "north", "olive", "open", "pearl", "plain", "proud", "quiet", "rapid", "ready", "river", "rosy", "sandy",
    "silver", "simple", "sky", "smooth", "soft", "south", "spring", "steady", "still", "strong", "summer", "sunny", "swift", "tall",
    "true", "warm", "west", "wide", "willow",
];
const SECOND: &[&str] = &[
    "acorn", "alder", "aspen", "badger", "beech", "birch", "breeze", "bridge", "brook", "canyon", "cedar", "cliff", "cloud", "clover",
    "comet", "cove", "creek", "crane", "dawn", "deer", "delta", "dune", "eagle", "elm", "falcon", "field", "finch", "forest", "garden",
    "glade", "harbor", "heron", "hill", "island", "lake", "lantern", "lark", "leaf", "meadow", "moon", "moss", "oak", "orchard", "otter",
    "owl", "path", "pebble", "pine", "plum", "pond", "rain", "reed", "ridge", "robin", "sage", "shore", "sparrow", "star", "stone",
    "trail", "tulip", "valley", "wave", "wren",
];

/// A random one, out of four billion.
pub(super) fn new() -> String {
    let mut rng = rand::rng();
    let mut word = |words: &[&'static str]| words.choose(&mut rng).copied().unwrap_or_default();
    let (first, second) = (word(FIRST), word(SECOND));
    format!("{first}-{second}-{:06}", rand::random_range(0..1_000_000))
}
