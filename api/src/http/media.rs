//! Media types: what a caller accepts, and what a body is.

/// The two types that answers are written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Media {
    /// `application/json`: 200 also for documents that do not parse or validate.
    Json,
    /// `application/graphql-response+json`: the status tells.
    GraphqlResponse,
}

const GRAPHQL_RESPONSE: &str = "application/graphql-response+json";
const JSON: &str = "application/json";

impl Media {
    /// The content type.
    pub(super) const fn content_type(self) -> &'static str {
        match self {
            Self::Json => "application/json; charset=utf-8",
            Self::GraphqlResponse => "application/graphql-response+json; charset=utf-8",
        }
    }

    /// What to answer in; none is 406. Whoever accepts anything gets JSON, which older clients understand.
    pub(super) fn accepted(accept: Option<&str>) -> Option<Self> {
        let Some(accept) = accept.filter(|accept| !accept.trim().is_empty()) else {
            return Some(Self::Json);
        };
        let (json, _) = quality(accept, JSON);
        let (response, named) = quality(accept, GRAPHQL_RESPONSE);
        match (response > 0, json > 0) {
            (true, true) if named && response >= json => Some(Self::GraphqlResponse),
            (true, true) if response > json => Some(Self::GraphqlResponse),
            (_, true) => Some(Self::Json),
            (true, false) => Some(Self::GraphqlResponse),
            (false, false) => None,
        }
    }
}

/// Whether the caller names this type, as a browser names `text/html`.
pub(super) fn names(accept: Option<&str>, media: &str) -> bool {
    accept.is_some_and(|accept| matches!(quality(accept, media), (1.., true)))
}

/// Whether the caller accepts this type, by name or by a range.
pub(super) fn accepts(accept: Option<&str>, media: &str) -> bool {
    accept.is_none_or(|accept| quality(accept, media).0 > 0)
}

/// How much a type is wanted, in thousandths, by the range that fits best (RFC 9110, 12.5.1); and whether it is named.
fn quality(accept: &str, media: &str) -> (u16, bool) {
    let kind = media.split('/').next().unwrap_or_default();
    let mut best = (0, 0);
    for range in accept.split(',') {
        let mut parts = range.split(';').map(str::trim);
        let name = parts.next().unwrap_or_default().to_ascii_lowercase();
        let fits = match name.split_once('/') {
            _ if name == media => 3,
            Some((range, "*")) if range == kind => 2,
            Some(("*", "*")) => 1,
            _ => continue,
        };
        if fits > best.0 {
            let q = parts.find_map(|part| part.strip_prefix("q=").or_else(|| part.strip_prefix("Q=")));
            best = (fits, q.map_or(1000, thousandths));
        }
    }
    (best.1, best.0 == 3)
}

fn thousandths(q: &str) -> u16 {
    match q.trim().parse::<f32>() {
        // Rounded within 0 and 1000, so nothing is lost.
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped just before")]
        Ok(q) if q.is_finite() => (q.clamp(0.0, 1.0) * 1000.0).round() as u16,
        _ => 0,
    }
}

/// Whether a body of this content type is JSON in UTF-8. Nothing a form of another site can send is.
pub(super) fn is_json(content_type: Option<&str>) -> bool {
    let mut parts = content_type.unwrap_or_default().split(';').map(str::trim);
    let json = parts.next().is_some_and(|name| name.eq_ignore_ascii_case(JSON));
    json && parts.all(|part| {
        let (name, value) = part.split_once('=').unwrap_or((part, ""));
        !name.trim().eq_ignore_ascii_case("charset") || value.trim().trim_matches('"').eq_ignore_ascii_case("utf-8")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_best_range_decides() {
        let cases = [
            (None, Some(Media::Json)),
            (Some("*/*"), Some(Media::Json)),
            (Some("application/*"), Some(Media::Json)),
            (Some("application/json"), Some(Media::Json)),
            (Some("application/graphql-response+json"), Some(Media::GraphqlResponse)),
            (Some("application/json, application/graphql-response+json"), Some(Media::GraphqlResponse)),
            (Some("application/graphql-response+json;q=0.5, application/json"), Some(Media::Json)),
            (Some("application/json;q=0.5, */*"), Some(Media::GraphqlResponse)),
            (Some("application/json;q=0, */*;q=0.1"), Some(Media::GraphqlResponse)),
            (Some("Application/JSON; charset=utf-8"), Some(Media::Json)),
            (Some("text/html, */*;q=0"), None),
            (Some("text/plain"), None),
            (Some("application/json;q=0"), None),
        ];
        for (accept, expected) in cases {
            assert_eq!(Media::accepted(accept), expected, "{accept:?}");
        }
        assert!(names(Some("text/html,application/xhtml+xml,*/*;q=0.8"), "text/html"));
        assert!(!names(Some("*/*"), "text/html"));
    }

    #[test]
    fn only_json_in_utf_8_is_json() {
        for good in ["application/json", "Application/Json; Charset=\"UTF-8\"", "application/json;charset=utf-8"] {
            assert!(is_json(Some(good)), "{good}");
        }
        for bad in [
            "",
            "text/plain",
            "text/plain; application/json",
            "application/json; charset=utf-16",
            "application/jsonp",
            "multipart/form-data",
        ] {
            assert!(!is_json(Some(bad)), "{bad}");
        }
        assert!(!is_json(None));
    }
}
