//! `/access`: the page to which an invitation leads. It asks nobody but us, and nothing of its link is sent before somebody presses its
//! button.

use actix_web::{HttpResponse, http::header, web};
use rust_embed::RustEmbed;

/// The page and its files.
#[derive(RustEmbed)]
#[folder = "assets/access/"]
struct Files;

/// Nothing but our own files, and our own token endpoint.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; \
    frame-ancestors 'none'";

/// The page.
pub(super) async fn page() -> HttpResponse {
    file("index.html", "text/html; charset=utf-8")
}

/// A file of the page.
pub(super) async fn asset(name: web::Path<String>) -> HttpResponse {
    match name.as_str() {
        "page.js" => file("page.js", "text/javascript; charset=utf-8"),
        "page.css" => file("page.css", "text/css; charset=utf-8"),
        _ => HttpResponse::NotFound().finish(),
    }
}

fn file(name: &str, kind: &str) -> HttpResponse {
    match Files::get(name) {
        Some(found) => {
            HttpResponse::Ok().insert_header((header::CONTENT_SECURITY_POLICY, POLICY)).content_type(kind).body(found.data.into_owned())
        }
        None => HttpResponse::NotFound().finish(),
    }
}
