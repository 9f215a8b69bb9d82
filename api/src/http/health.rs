//! `/healthz`, `/readyz` and `/schema.graphql`.

use std::time::Duration;

use actix_web::{HttpResponse, http::header, web};
use serde_json::json;
use tokio::time::timeout;

use super::routes::Doors;

/// It runs.
pub(super) async fn alive() -> HttpResponse {
    HttpResponse::Ok().json(json!({"status": "ok"}))
}

/// It can serve; else what is missing. An engine that does not say within 5 s cannot.
pub(super) async fn ready(doors: web::Data<Doors>) -> HttpResponse {
    match timeout(Duration::from_secs(5), doors.engine.ready()).await {
        Ok(Ok(())) => HttpResponse::Ok().json(json!({"status": "ready"})),
        Ok(Err(missing)) => HttpResponse::ServiceUnavailable().json(json!({"status": "not ready", "missing": missing})),
        Err(_) => HttpResponse::ServiceUnavailable().json(json!({"status": "not ready", "missing": ["answer"]})),
    }
}

/// The schema, as it is published.
pub(super) async fn schema(doors: web::Data<Doors>) -> HttpResponse {
    let sdl = doors.sdl.get_or_init(|| doors.engine.sdl().into()).clone();
    HttpResponse::Ok().insert_header((header::CACHE_CONTROL, "public, max-age=300")).content_type("text/plain; charset=utf-8").body(sdl)
}
