//! The GraphiQL page for browsers, with everything it needs served from here.

use actix_web::{HttpRequest, HttpResponse, http::header, web};
use rust_embed::RustEmbed;

use super::tagged::{Telling, tagged};

/// The page and its files; `assets/graphiql/README.md` says where they are from.
#[derive(RustEmbed)]
#[folder = "assets/graphiql/"]
struct Files;

/// Nothing but our own files and addresses. The editor writes styles into the page, hence `unsafe-inline` for these alone.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; \
    font-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// The page.
pub(super) fn page() -> HttpResponse {
    let Some(page) = Files::get("index.html") else {
        return HttpResponse::NotFound().finish();
    };
    HttpResponse::Ok()
        .insert_header((header::CONTENT_SECURITY_POLICY, POLICY))
        .insert_header((header::VARY, "Accept"))
        .content_type("text/html; charset=utf-8")
        .body(page.data.into_owned())
}

/// A file of the page. Asked for again it costs a 304: names stay the same from one version to the next.
pub(super) async fn asset(request: HttpRequest, file: web::Path<String>) -> HttpResponse {
    let kind = match file.rsplit('.').next() {
        Some("js") => "text/javascript; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        _ => return HttpResponse::NotFound().finish(),
    };
    let Some(found) = Files::get(&file) else {
        return HttpResponse::NotFound().finish();
    };
    let telling = Telling { kind, fresh: "public, max-age=3600", vary: "Accept-Encoding" };
    tagged(&request, &found.metadata.sha256_hash(), telling, found.data.into_owned())
}
