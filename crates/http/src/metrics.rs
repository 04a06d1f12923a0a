//! Counts for the operator, in the format of Prometheus. Counts only: nothing that could tell who asked for what.

use std::collections::HashMap;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use actix_web::http::{Method, StatusCode};
use parking_lot::Mutex;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

use crate::problem::Code;

/// The content type of what [`Metrics::render`] gives.
pub const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RouteLabels {
    route: String,
    method: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct StatusLabels {
    route: String,
    method: &'static str,
    status: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct CodeLabels {
    code: &'static str,
}

const METHODS: [&str; 6] = ["GET", "POST", "PUT", "PATCH", "DELETE", "other"];
const STATUSES: [&str; 5] = ["1xx", "2xx", "3xx", "4xx", "5xx"];

/// One set of counters: a route and a method.
#[derive(Debug)]
struct Cell {
    answers: [Counter<u64, AtomicU64>; STATUSES.len()],
    seconds: Histogram,
}

/// The counters of this process. Handles are made once, so that counting formats and looks up nothing by text but the
/// route.
pub struct Metrics {
    registry: Mutex<Registry>,
    /// Sorted: a handful of comparisons is faster than hashing a path.
    routes: Vec<(&'static str, usize)>,
    cells: Vec<[Cell; METHODS.len()]>,
    rate_limited: Counter,
    refused: HashMap<Code, Counter>,
    connections_refused: Counter,
}

impl Metrics {
    /// Counters for these routes, each the first segments of a path: `/api/v1/offers` counts all that lies below it.
    /// Everything else is counted as `other`.
    #[must_use]
    pub fn new(routes: &[&'static str]) -> Self {
        let mut registry = Registry::with_prefix("lotse");
        let answers = Family::<StatusLabels, Counter>::default();
        let seconds = Family::<RouteLabels, Histogram>::new_with_constructor(|| {
            Histogram::new([0.0002, 0.001, 0.005, 0.02, 0.1, 0.5, 2.0, 10.0])
        });
        let rate_limited = Counter::default();
        registry.register("http_requests", "Requests answered", answers.clone());
        registry.register(
            "http_request_seconds",
            "Time until the head of the answer was ready",
            seconds.clone(),
        );
        registry.register(
            "http_rate_limited",
            "Requests refused by a rate limit",
            rate_limited.clone(),
        );
        let refusals = Family::<CodeLabels, Counter>::default();
        registry.register("http_refused", "Problems answered", refusals.clone());
        let connections_refused = Counter::default();
        registry.register(
            "http_connections_refused",
            "Connections of clients that have too many",
            connections_refused.clone(),
        );
        let refused = Code::ALL
            .iter()
            .map(|code| {
                let labels = CodeLabels {
                    code: code.as_str(),
                };
                (*code, refusals.get_or_create_owned(&labels))
            })
            .collect();
        let cell = |route: &str, method: &'static str| Cell {
            answers: STATUSES.map(|status| {
                answers.get_or_create_owned(&StatusLabels {
                    route: route.to_owned(),
                    method,
                    status,
                })
            }),
            seconds: seconds.get_or_create_owned(&RouteLabels {
                route: route.to_owned(),
                method,
            }),
        };
        let mut sorted: Vec<(&'static str, usize)> = routes
            .iter()
            .enumerate()
            .map(|(index, route)| (*route, index))
            .collect();
        sorted.sort_unstable();
        Self {
            routes: sorted,
            cells: routes
                .iter()
                .chain(&["other"])
                .map(|route| METHODS.map(|method| cell(route, method)))
                .collect(),
            registry: Mutex::new(registry),
            rate_limited,
            refused,
            connections_refused,
        }
    }

    /// Adds the metrics of others to what is rendered.
    pub fn register(&self, register: impl FnOnce(&mut Registry)) {
        register(&mut self.registry.lock());
    }

    /// Everything, as text.
    #[must_use]
    pub fn render(&self) -> String {
        let mut text = String::new();
        if prometheus_client::encoding::text::encode(&mut text, &self.registry.lock()).is_err() {
            tracing::error!("metrics cannot be rendered");
        }
        text
    }

    pub(crate) fn count(&self, path: Route, status: StatusCode, took: Duration) {
        let cell = self
            .cells
            .get(path.route)
            .and_then(|methods| methods.get(path.method));
        let Some(cell) = cell else { return };
        if let Some(answers) = cell
            .answers
            .get(usize::from(status.as_u16() / 100).saturating_sub(1))
        {
            answers.inc();
        }
        cell.seconds.observe(took.as_secs_f64());
    }

    pub(crate) fn count_rate_limited(&self) {
        self.rate_limited.inc();
    }

    pub(crate) fn count_refused(&self, code: Code) {
        if let Some(counter) = self.refused.get(&code) {
            counter.inc();
        }
    }

    pub(crate) fn count_connection_refused(&self) {
        self.connections_refused.inc();
    }

    /// Where a request is counted: at its longest known prefix of up to three segments.
    pub(crate) fn route(&self, path: &str, method: &Method) -> Route {
        let method = match method.as_str() {
            "GET" | "HEAD" => 0,
            "POST" => 1,
            "PUT" => 2,
            "PATCH" => 3,
            "DELETE" => 4,
            _ => METHODS.len() - 1,
        };
        let mut end = third_segment(path);
        loop {
            if let Some(route) = path.get(..end).and_then(|prefix| self.known(prefix)) {
                return Route { route, method };
            }
            match path.get(..end).and_then(|prefix| prefix.rfind('/')) {
                Some(slash) if slash > 0 => end = slash,
                _ => {
                    return Route {
                        route: self.routes.len(),
                        method,
                    };
                }
            }
        }
    }

    fn known(&self, prefix: &str) -> Option<usize> {
        let found = self
            .routes
            .binary_search_by_key(&prefix, |(route, _)| route)
            .ok()?;
        self.routes.get(found).map(|(_, index)| *index)
    }
}

/// Where the third segment of a path ends, or the path.
fn third_segment(path: &str) -> usize {
    path.bytes()
        .enumerate()
        .skip(1)
        .filter(|(_, byte)| *byte == b'/')
        .nth(2)
        .map_or(path.len(), |(index, _)| index)
}

/// A place to count.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Route {
    route: usize,
    method: usize,
}

impl std::fmt::Debug for Metrics {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Metrics")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_counted_by_route_and_never_by_path() {
        let metrics = Metrics::new(&["/api/v1/offers", "/health"]);
        let count = |path: &str, method: Method, status: StatusCode| {
            metrics.count(
                metrics.route(path, &method),
                status,
                Duration::from_millis(3),
            );
        };
        count("/api/v1/offers", Method::GET, StatusCode::OK);
        count(
            "/api/v1/offers/some-id/history",
            Method::GET,
            StatusCode::NOT_MODIFIED,
        );
        count("/health/live", Method::GET, StatusCode::OK);
        count("/api/v1/secret-token", Method::POST, StatusCode::NOT_FOUND);
        let text = metrics.render();
        for line in [
            r#"lotse_http_requests_total{route="/api/v1/offers",method="GET",status="2xx"} 1"#,
            r#"lotse_http_requests_total{route="/api/v1/offers",method="GET",status="3xx"} 1"#,
            r#"lotse_http_requests_total{route="/health",method="GET",status="2xx"} 1"#,
            r#"lotse_http_requests_total{route="other",method="POST",status="4xx"} 1"#,
            r#"lotse_http_request_seconds_bucket{le="0.005",route="/api/v1/offers",method="GET"} 2"#,
        ] {
            assert!(text.contains(line), "{line} is missing in\n{text}");
        }
        assert!(!text.contains("secret-token"));
    }
}
