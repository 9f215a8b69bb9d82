//! What is counted, and where Prometheus reads it. Counts requests, never people: no label holds an id or a name.

use std::time::Duration;

use actix_web::{HttpResponse, http::StatusCode, web};
use prometheus::{Encoder, HistogramOpts, HistogramVec, IntCounterVec, IntGauge, Opts, Registry, TextEncoder};

/// The counters, shared by whoever counts; clones count together.
#[derive(Clone, Debug)]
pub struct Metrics {
    registry: Registry,
    requests: IntCounterVec,
    durations: HistogramVec,
    websockets: IntGauge,
    operations: IntCounterVec,
}

impl Default for Metrics {
    fn default() -> Self {
        let options = |name: &str, help: &str| Opts::new(name, help);
        let well_formed = "names and labels are written here and well formed";
        let metrics = Self {
            registry: Registry::new(),
            requests: IntCounterVec::new(options("aftercare_http_requests_total", "Requests by door and status."), &["door", "status"])
                .expect(well_formed),
            durations: HistogramVec::new(
                HistogramOpts::new("aftercare_http_request_seconds", "How long requests took, by door.")
                    .buckets(vec![0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0]),
                &["door"],
            )
            .expect(well_formed),
            websockets: IntGauge::new("aftercare_websockets_open", "WebSockets open now.").expect(well_formed),
            operations: IntCounterVec::new(
                options("aftercare_websocket_operations_total", "Operations over WebSockets by kind."),
                &["kind"],
            )
            .expect(well_formed),
        };
        let unique = "each name is registered once";
        metrics.registry.register(Box::new(metrics.requests.clone())).expect(unique);
        metrics.registry.register(Box::new(metrics.durations.clone())).expect(unique);
        metrics.registry.register(Box::new(metrics.websockets.clone())).expect(unique);
        metrics.registry.register(Box::new(metrics.operations.clone())).expect(unique);
        metrics
    }
}

impl Metrics {
    /// Where others register what they count.
    pub const fn registry(&self) -> &Registry {
        &self.registry
    }

    pub(super) fn request(&self, door: &str, status: StatusCode, took: Duration) {
        self.requests.with_label_values(&[door, status.as_str()]).inc();
        self.durations.with_label_values(&[door]).observe(took.as_secs_f64());
    }

    pub(super) fn operation(&self, kind: &str) {
        self.operations.with_label_values(&[kind]).inc();
    }

    /// Counts a WebSocket as open until it is dropped.
    pub(super) fn open_websocket(&self) -> OpenWebSocket {
        self.websockets.inc();
        OpenWebSocket(self.websockets.clone())
    }

    /// All of it, as Prometheus reads it.
    pub fn text(&self) -> String {
        let mut text = Vec::new();
        // A counter that cannot be written is left out; the scrape says so by its absence.
        let _ = TextEncoder::new().encode(&self.registry.gather(), &mut text);
        String::from_utf8(text).unwrap_or_default()
    }
}

pub(super) struct OpenWebSocket(IntGauge);

impl Drop for OpenWebSocket {
    fn drop(&mut self) {
        self.0.dec();
    }
}

/// `GET /metrics`, for an application on a listener of its own: `App::new().configure(metrics_routes(metrics))`.
pub fn metrics_routes(metrics: Metrics) -> impl FnOnce(&mut web::ServiceConfig) + Clone + Send + 'static {
    move |config| {
        let serve = move || {
            let text = metrics.text();
            async move { HttpResponse::Ok().content_type("text/plain; version=0.0.4; charset=utf-8").body(text) }
        };
        config.route("/metrics", web::get().to(serve));
    }
}
