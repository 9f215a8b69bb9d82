//! How iCalendar is read (RFC 5545, 3.1): lines that are folded, with a name, parameters and a value. A line that is none is left out: what
//! is around it does not suffer from it, which parsers of whole calendars do not offer.

/// One line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Property {
    /// In capitals.
    pub(super) name: String,
    /// Names in capitals.
    pub(super) parameters: Vec<(String, String)>,
    /// As it stands there.
    pub(super) value: String,
}

impl Property {
    /// The value of a parameter.
    pub(super) fn parameter(&self, name: &str) -> Option<&str> {
        self.parameters.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// The value as text (3.3.11).
    pub(super) fn text(&self) -> String {
        let mut text = String::with_capacity(self.value.len());
        let mut letters = self.value.chars();
        while let Some(letter) = letters.next() {
            match letter {
                '\\' => match letters.next() {
                    Some('n' | 'N') => text.push('\n'),
                    Some(escaped) => text.push(escaped),
                    None => {}
                },
                letter => text.push(letter),
            }
        }
        text
    }
}

/// The lines of a file, unfolded: folds lie between octets, which may be those of one letter.
pub(super) fn lines(body: &[u8]) -> Vec<Property> {
    let mut whole: Vec<Vec<u8>> = Vec::new();
    for line in body.split(|octet| *octet == b'\n') {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        match (line.first(), whole.last_mut()) {
            (Some(b' ' | b'\t'), Some(before)) => before.extend_from_slice(&line[1..]),
            _ => whole.push(line.to_vec()),
        }
    }
    whole.iter().filter_map(|line| property(&String::from_utf8_lossy(line))).collect()
}

fn property(line: &str) -> Option<Property> {
    let mut parts = Vec::new();
    let (mut begun, mut quoted) = (0, false);
    let colon = line.char_indices().find_map(|(at, letter)| {
        match letter {
            '"' => quoted = !quoted,
            ';' if !quoted => {
                parts.push(&line[begun..at]);
                begun = at + 1;
            }
            ':' if !quoted => return Some(at),
            _ => {}
        }
        None
    })?;
    parts.push(&line[begun..colon]);
    let mut parts = parts.into_iter();
    let name = parts.next().filter(|name| !name.is_empty())?.trim().to_ascii_uppercase();
    let parameters = parts.filter_map(|part| {
        let (name, value) = part.split_once('=')?;
        Some((name.trim().to_ascii_uppercase(), value.trim_matches('"').to_owned()))
    });
    Some(Property { name, parameters: parameters.collect(), value: line[colon + 1..].to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_unfolded_and_taken_apart() {
        let body = "SUMMARY;LANGUAGE=en-US:Caf\u{e9}\\, 7\\; here\\nand \\\\ there\r\nno line\r\n\
            dtstart;TZID=\"America/New_York\";X-A=\"a:b;c\":2026\r\n 0309T180000\nURL:https://example.org:8443/a;b\r\n";
        let read = lines(body.as_bytes());
        assert_eq!(read.len(), 3);
        assert_eq!(read[0].text(), "Caf\u{e9}, 7; here\nand \\ there");
        assert_eq!(read[0].parameter("LANGUAGE"), Some("en-US"));
        assert_eq!((read[1].name.as_str(), read[1].value.as_str()), ("DTSTART", "20260309T180000"));
        assert_eq!((read[1].parameter("TZID"), read[1].parameter("X-A")), (Some("America/New_York"), Some("a:b;c")));
        assert_eq!(read[2].value, "https://example.org:8443/a;b");
    }

    #[test]
    fn a_letter_may_be_folded_between_its_octets() {
        let mut body = b"SUMMARY:Caf\xc3".to_vec();
        body.extend_from_slice(b"\r\n \xa9\r\n");
        assert_eq!(lines(&body)[0].text(), "Caf\u{e9}");
    }
}
