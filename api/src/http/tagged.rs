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

/// An answer of a kind, known by the hash of what it is, or that the caller has it. `fresh` says for how long nobody need ask.
pub(super) fn tagged<B: MessageBody + 'static>(
    request: &HttpRequest,
    hash: &[u8],
    kind: &'static str,
    fresh: &'static str,
    body: B,
) -> HttpResponse {
    // Weak, for it goes out compressed and not.
    let tag = EntityTag::new_weak(HEXLOWER.encode(&hash[..hash.len().min(16)]));
    let mut answer = HttpResponse::Ok();
    answer.insert_header(ETag(tag.clone())).insert_header((header::CACHE_CONTROL, fresh)).insert_header((header::VARY, "Accept-Encoding"));
    let same = match IfNoneMatch::parse(request) {
        Ok(IfNoneMatch::Any) => true,
        Ok(IfNoneMatch::Items(tags)) => tags.iter().any(|known| known.weak_eq(&tag)),
        Err(_) => false,
    };
    if same { answer.status(StatusCode::NOT_MODIFIED).finish() } else { answer.content_type(kind).body(body) }
}
