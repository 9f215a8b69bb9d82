//! What does not change from one request to the next: whoever has it already is told so (RFC 9110, 8.8.3 and 13.1.2).

use actix_web::{
    HttpRequest, HttpResponse,
    body::MessageBody,
    http::{
        StatusCode,
        header::{self, ETag, EntityTag, Header as _, IfNoneMatch},
    },
};
use data_encoding::HEXLOWER;

/// How what does not change is told.
#[derive(Clone, Copy)]
pub(super) struct Telling<'a> {
    /// Its media type.
    pub(super) kind: &'static str,
    /// For how long nobody need ask.
    pub(super) fresh: &'a str,
    /// The headers of the request that it depends on.
    pub(super) vary: &'static str,
}

/// An answer that is known by the hash of what it is, or that the caller has it.
pub(super) fn tagged<B: MessageBody + 'static>(
    request: &HttpRequest,
    hash: &[u8],
    Telling { kind, fresh, vary }: Telling<'_>,
    body: B,
) -> HttpResponse {
    // Weak, for it goes out compressed and not.
    let tag = EntityTag::new_weak(HEXLOWER.encode(&hash[..hash.len().min(16)]));
    let mut answer = HttpResponse::Ok();
    answer.insert_header(ETag(tag.clone())).insert_header((header::CACHE_CONTROL, fresh)).insert_header((header::VARY, vary));
    let same = match IfNoneMatch::parse(request) {
        Ok(IfNoneMatch::Any) => true,
        Ok(IfNoneMatch::Items(tags)) => tags.iter().any(|known| known.weak_eq(&tag)),
        Err(_) => false,
    };
    if same { answer.status(StatusCode::NOT_MODIFIED).finish() } else { answer.content_type(kind).body(body) }
}
