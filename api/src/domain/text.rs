//! What people type, checked and tidied. Each refusal says what is allowed.

use chrono_tz::Tz;
use email_address::EmailAddress;
use oxilangtag::LanguageTag;
use url::Url;

use crate::error::{Refusal, Result};

/// One line of text: trimmed, not empty, without control characters, at most so many characters.
///
/// # Errors
/// Refused with the field's name.
pub fn line(field: &'static str, value: &str, most: usize) -> Result<String, Refusal> {
    let value = value.trim();
    if value.is_empty() {
        return Err(Refusal::required(field).at(["input", field]));
    }
    if value.chars().any(char::is_control) {
        return Err(Refusal::invalid(format!("`{field}` is one line without control characters.")).at(["input", field]));
    }
    at_most(field, value, most)
}

/// Text of several lines: trimmed, line breaks and tabs allowed, at most so many characters.
///
/// # Errors
/// Refused with the field's name.
pub fn paragraph(field: &'static str, value: &str, most: usize) -> Result<String, Refusal> {
    let value = value.trim();
    if value.chars().any(|c| c.is_control() && !matches!(c, '\n' | '\r' | '\t')) {
        return Err(Refusal::invalid(format!("`{field}` has no control characters but line breaks and tabs.")).at(["input", field]));
    }
    at_most(field, value, most)
}

/// Text of several lines that may be left out: none where there is nothing in it.
///
/// # Errors
/// Refused with the field's name.
pub fn optional(field: &'static str, value: Option<impl AsRef<str>>, most: usize) -> Result<Option<String>, Refusal> {
    let value = value.map(|value| paragraph(field, value.as_ref(), most)).transpose()?;
    Ok(value.filter(|value| !value.is_empty()))
}

fn at_most(field: &'static str, value: &str, most: usize) -> Result<String, Refusal> {
    if value.chars().count() > most {
        return Err(Refusal::invalid(format!("`{field}` has at most {most} characters.")).at(["input", field]));
    }
    Ok(value.to_owned())
}

/// An IANA time zone.
///
/// # Errors
/// Refused when there is none of that name.
pub fn time_zone(field: &'static str, value: &str) -> Result<String, Refusal> {
    let known = value.parse::<Tz>().map_err(|_| {
        Refusal::invalid(format!("`{field}` is the IANA name of a time zone, such as `America/New_York`.")).at(["input", field])
    })?;
    Ok(known.name().to_owned())
}

/// An e-mail address, in lower case.
///
/// # Errors
/// Refused when it is none.
pub fn email(field: &'static str, value: &str) -> Result<String, Refusal> {
    let value = value.trim();
    if value.len() > 254 || !EmailAddress::is_valid(value) {
        return Err(Refusal::invalid(format!("`{field}` is an e-mail address, such as `name@example.org`.")).at(["input", field]));
    }
    Ok(value.to_lowercase())
}

/// A telephone number in E.164, as `+15551234567`.
///
/// # Errors
/// Refused when it is none.
pub fn phone(field: &'static str, value: &str) -> Result<String, Refusal> {
    let wrong =
        || Refusal::invalid(format!("`{field}` is a telephone number with its country, such as `+1 212 555 0123`.")).at(["input", field]);
    let number = phonenumber::parse(None, value).map_err(|_| wrong())?;
    if !number.is_valid() {
        return Err(wrong());
    }
    Ok(number.format().mode(phonenumber::Mode::E164).to_string())
}

/// An address of the web that is sent over TLS, at most 2,000 characters.
///
/// # Errors
/// Refused when it is none.
pub fn url(field: &'static str, value: &str) -> Result<String, Refusal> {
    let value = value.trim();
    let known = Url::parse(value).ok().filter(|url| url.scheme() == "https" && url.has_host() && value.len() <= 2_000);
    let wrong =
        || Refusal::invalid(format!("`{field}` is an address of the web, such as `https://example.org/room`.")).at(["input", field]);
    known.map(String::from).ok_or_else(wrong)
}

/// A language tag (BCP 47) in its usual form.
///
/// # Errors
/// Refused when it is none.
pub fn language(field: &'static str, value: &str) -> Result<String, Refusal> {
    LanguageTag::parse_and_normalize(value)
        .map(LanguageTag::into_inner)
        .map_err(|_| Refusal::invalid(format!("`{field}` holds BCP 47 language tags, such as `es` or `ase`.")).at(["input", field]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wrong_is_refused_with_the_field() {
        let wrong: [(&str, Result<String, Refusal>); 13] = [
            ("empty", line("name", "  ", 10)),
            ("long", line("name", "12345678901", 10)),
            ("nul", line("name", "a\0b", 10)),
            ("line break", line("name", "a\nb", 10)),
            ("nul in a paragraph", paragraph("name", "a\0b", 10)),
            ("no zone", time_zone("name", "Mars/Olympus")),
            ("offset", time_zone("name", "+02:00")),
            ("no mail", email("name", "nobody")),
            ("no number", phone("name", "12")),
            ("no address of the web", url("name", "example.org")),
            ("an address without TLS", url("name", "http://example.org")),
            ("a script", url("name", "javascript:alert(1)")),
            ("no tag", language("name", "this is english")),
        ];
        for (what, result) in wrong {
            assert_eq!(result.map_err(|refusal| refusal.path), Err(vec!["input".to_owned(), "name".to_owned()]), "{what}");
        }
    }

    #[test]
    fn what_is_right_is_tidied() {
        assert_eq!(line("name", " Hope House ", 10), Ok("Hope House".to_owned()));
        assert_eq!(email("email", "Ann@Example.org"), Ok("ann@example.org".to_owned()));
        assert_eq!(phone("phone", "+1 212 555 0123"), Ok("+12125550123".to_owned()));
        assert_eq!(language("language", "EN-us"), Ok("en-US".to_owned()));
        assert_eq!(url("url", "https://Example.org/a"), Ok("https://example.org/a".to_owned()));
    }
}
