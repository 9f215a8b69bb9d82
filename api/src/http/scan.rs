//! A look at a document before it is parsed. The parser recurses, so how deep a document nests must be known first.

/// What a document is made of, as far as brackets and words tell.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Scan {
    /// Words, numbers, strings and punctuation.
    pub(super) tokens: usize,
    /// The deepest nesting of `{`, `(` and `[` together.
    pub(super) nesting: usize,
    /// Whether a block string is never closed. The parser would read its quotes as two empty strings and go on behind them,
    /// where nothing was counted.
    pub(super) unclosed: bool,
}

/// Counts tokens and nesting in one pass, without recursion. It need not reject what is no GraphQL: the parser does.
pub(super) fn scan(document: &str) -> Scan {
    let bytes = document.as_bytes();
    let (mut found, mut depth, mut at) = (Scan::default(), 0_usize, 0);
    while let Some(&byte) = bytes.get(at) {
        let length = match byte {
            b' ' | b'\t' | b'\n' | b'\r' | b',' => {
                at += 1;
                continue;
            }
            b'#' => {
                at += run(&bytes[at..], |byte| byte != b'\n' && byte != b'\r');
                continue;
            }
            b'"' if bytes[at..].starts_with(b"\"\"\"") => match block(&bytes[at..]) {
                Some(length) => length,
                None => {
                    found.unclosed = true;
                    return found;
                }
            },
            b'"' => string(&bytes[at..]),
            b'{' | b'(' | b'[' => {
                depth += 1;
                found.nesting = found.nesting.max(depth);
                1
            }
            b'}' | b')' | b']' => {
                depth = depth.saturating_sub(1);
                1
            }
            _ => run(&bytes[at..], is_word).max(1),
        };
        found.tokens += 1;
        at += length;
    }
    found
}

const fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'.' || byte == b'-' || byte >= 0x80
}

fn run(bytes: &[u8], belongs: impl Fn(u8) -> bool) -> usize {
    bytes.iter().position(|byte| !belongs(*byte)).unwrap_or(bytes.len())
}

/// The length of the string that begins here; to the end, when it is not closed.
fn string(bytes: &[u8]) -> usize {
    let mut at = 1;
    while let Some(&byte) = bytes.get(at) {
        match byte {
            b'\\' => at += 2,
            b'"' => return at + 1,
            // A string ends with its line; the parser refuses it, and brackets after it count again.
            b'\n' | b'\r' => return at,
            _ => at += 1,
        }
    }
    bytes.len()
}

/// The length of the block string that begins here; none, when it is not closed.
fn block(bytes: &[u8]) -> Option<usize> {
    let mut at = 3;
    while at < bytes.len() {
        if bytes[at..].starts_with(b"\\\"\"\"") {
            at += 4;
        } else if bytes[at..].starts_with(b"\"\"\"") {
            return Some(at + 3);
        } else {
            at += 1;
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn brackets_in_strings_and_comments_do_not_nest() {
        let document = "{ a(b: \"{{{\\\"{{\", c: \"\"\"{{ \\\"\"\" {{\"\"\") # {{{{\n { d } }";
        assert_eq!(scan(document), Scan { tokens: 14, nesting: 2, unclosed: false });
    }

    #[test]
    fn a_megabyte_of_brackets_is_counted() {
        assert_eq!(scan(&"{[(".repeat(300_000)).nesting, 900_000);
        assert_eq!(scan(&format!("\"{}", "{".repeat(1_000_000))).nesting, 0);
    }

    #[test]
    fn nothing_hides_behind_a_block_string_that_is_not_closed() {
        assert!(scan("{ a(b: [\"\"\"\" {c: {c: {c:").unclosed);
        assert!(scan(&"\\\"\"\"".repeat(250_000)).unclosed);
        assert!(!scan("{ a(b: \"\"\"\"\"\") }").unclosed);
    }

    #[test]
    fn what_never_closes_ends_with_the_document() {
        for document in ["\"abc\\", "\"\"\"abc", "\"", "#", "é{", "\"\"\"\\"] {
            let _ = scan(document);
        }
    }
}
