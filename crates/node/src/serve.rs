//! Serving: the HTTP application, health, metrics, and an orderly end.

use std::net::TcpListener;
use std::sync::Arc;
use std::time::Duration;

use actix_server::Server;
use actix_web::http::header;
use actix_web::middleware::Compress;
use actix_web::{App, HttpRequest, HttpResponse, web as actix};
use health::{Health, Part};
use http::answers::Answers;
use http::connection::Times;
use http::drain::Drain;
use http::load::{Load, Shares};
use http::metrics::{self, Metrics};
use http::problem::{AllowedMethods, Problem, explain, unmatched};
use http::server::{self, Connections};
use http::sign_in::{bearer, jwks};
use http::surface::Surface;
use http::tally::Tally;
use http::{Code, conditional};
use storage::Storage;
use tokio_util::sync::CancellationToken;

use crate::config::Config;
use crate::failure::Failure;
use crate::gauges::Gauges;
use crate::node::Node;
use crate::readiness::{Readiness, live, ready};
use crate::{console, descriptors, ending, erasing, log, places, quality, signals, upkeep, watch};

/// Paths whose answers stream.
const LONG_PATHS: &[&str] = &["/api/v1/batch"];

/// Takes the port, so that a busy one is noticed before anything else is done.
pub(crate) fn listen(config: &Config) -> Result<TcpListener, Failure> {
    TcpListener::bind(config.listen).map_err(|error| match error.kind() {
        std::io::ErrorKind::AddrInUse => Failure::new(format!(
            "{} is in use by another program: stop it, or choose another address with --listen",
            config.listen
        )),
        _ => Failure::new(format!("cannot listen on {}: {error}", config.listen)),
    })
}

/// Serves until the process is asked to end.
pub(crate) async fn serve(
    config: &Config,
    listener: TcpListener,
    storage: Storage,
) -> Result<(), Failure> {
    for path in places::clear(config) {
        tracing::info!(path = %path.display(), "cleared what a killed process had left behind");
    }
    let node = signals::or_leave_well(Node::open(config, storage)).await?;
    warn(config);
    let stop = CancellationToken::new();
    let following = node.follow(stop.clone());
    let refilling = node.refill(stop.clone());
    let cleaning = upkeep::start(&node, stop.clone());
    let erasing = erasing::start(&node, config, stop.clone());
    let assessing = quality::start(node.api_state(config), &node.health, stop.clone());
    let (lag, watching) = watch::start(&node, &config.data, &stop);
    let (federating, error) = node.federation.start(&stop).await;
    if let Some(error) = error {
        // Everything else works: those who look for advice should not have to wait for it.
        tracing::error!(
            code = error.code(),
            cause = error.log(),
            "this node does not federate"
        );
        console::note(format_args!("This node does not federate: {error}"));
        for part in [Part::Publishing, Part::Following] {
            node.health
                .failing(part, "this node does not federate", error.code());
        }
    }
    // Only now: the first start makes keys.
    for together in places::together(config) {
        tracing::warn!("{together}");
    }
    if config.days_ahead > 0 {
        tracing::warn!(
            days = config.days_ahead,
            "this node is ahead of its time: for rehearsals on a copy only"
        );
    }
    let metrics = Arc::new(Metrics::new(ROUTES));
    let gauges = Gauges {
        health: node.health.clone(),
        lag,
        index: node.index.clone(),
        federation: node.federation.clone(),
    };
    metrics.register(|registry| registry.register_collector(Box::new(gauges)));
    let tally = Arc::new(Tally::default());
    let long = Duration::from_secs(config.long_request_seconds);
    let load = Load {
        in_flight: Shares::new(usize::MAX, config.connections_per_client),
        ..Load::default()
    };
    let answers = Answers {
        load: load.clone(),
        proxies: config.proxies(),
        time: long,
    };
    let surface = Surface::new(
        http::surface::Settings {
            https: node.sign_in.https,
            proxies: config.proxies(),
            time_limit: Duration::from_secs(config.request_seconds),
            long_paths: LONG_PATHS,
            long_time_limit: long,
            body_time: Duration::from_secs(config.body_seconds),
            load,
            tally: Arc::clone(&tally),
        },
        Arc::clone(&node.sign_in.limits),
        Arc::clone(&metrics),
    );
    let drain = Drain::default();
    let connections = connections(config, Arc::clone(&tally), Arc::clone(&metrics));
    let shared = Shared::new(config, &node, metrics);
    let own_metrics = metrics_server(config, &shared, connections.clone(), &node.health, &stop)?;
    let telling = telling(config, tally, &node.health, &stop);
    let application = {
        let (shared, drain) = (shared.clone(), drain.clone());
        move || {
            App::new()
                .wrap(answers.clone())
                .wrap(Compress::default())
                .wrap(drain.clone())
                .wrap(surface.clone())
                .configure(|cfg| shared.routes(cfg))
        }
    };
    let server = Server::build()
        .workers(config.workers())
        .worker_max_blocking_threads(16)
        // They are counted as they are taken: those of the framework wait unseen.
        .max_concurrent_connections(usize::MAX)
        .shutdown_timeout(config.shutdown_seconds)
        .disable_signals();
    let server = server::listen(server, listener, connections, application)
        .map_err(|error| Failure::new(format!("cannot serve: {error}")))?
        .run();
    tracing::info!(listen = %config.listen, base_url = %node.origin, "serving");
    console::note(format_args!(
        "Lotse serves {} (Ctrl-C ends it)",
        node.origin
    ));
    let ended = ending::serve_until_asked(server, &drain, config).await;
    stop.cancel();
    if let Some(server) = own_metrics {
        server.abort();
    }
    let background = [following, refilling, cleaning, erasing, assessing, telling]
        .into_iter()
        .chain(watching)
        .chain(federating);
    ending::wait_for(background).await;
    tracing::info!("ended");
    ended.map_err(|error| Failure::new(format!("serving ended: {error}")))
}

/// How connections are dealt with.
fn connections(config: &Config, tally: Arc<Tally>, metrics: Arc<Metrics>) -> Connections {
    let each = descriptors::connections(config.connections, config.workers());
    let all = each.saturating_mul(config.workers());
    Connections {
        tally,
        metrics,
        proxies: config.proxies(),
        open: Shares::yielding(all, usize::MAX, Duration::ZERO),
        count: Shares::new(usize::MAX, config.connections_per_client),
        heads: Shares::yielding(
            http::consts::HEADS_BYTES,
            http::consts::HEADS_BYTES_EACH,
            http::consts::HEADS_PATIENCE,
        ),
        stalled: Shares::yielding(http::consts::STALLED, usize::MAX, Duration::ZERO),
        times: Times {
            head: Duration::from_secs(config.head_seconds),
            keep_alive: http::consts::KEEP_ALIVE,
            write: Duration::from_secs(config.write_seconds),
        },
    }
}

/// Tells now and then what was counted instead of logged.
fn telling(
    config: &Config,
    tally: Arc<Tally>,
    health: &Health,
    stop: &CancellationToken,
) -> tokio::task::JoinHandle<()> {
    let every = Duration::from_secs(config.log_summary_seconds.max(1));
    let halt = stop.clone();
    health.spawn("summaries of the log", stop.clone(), move || {
        let (tally, stop) = (Arc::clone(&tally), halt.clone());
        async move {
            while !stop.is_cancelled() {
                tokio::select! {
                    () = tokio::time::sleep(every) => {}
                    () = stop.cancelled() => {}
                }
                tally.tell();
                log::tell();
            }
        }
    })
}

/// Tells the operator what is not as it should be, and keeps no reader from an answer.
fn warn(config: &Config) {
    for exposed in places::exposed(config) {
        tracing::warn!("{exposed}");
    }
    if let Err(failure) = places::journal_writable(config) {
        tracing::error!(cause = %failure, "the journal cannot be written: nothing is published");
        console::note(format_args!(
            "Nothing is published to other nodes: {failure}"
        ));
    }
}

/// What all workers share.
#[derive(Clone)]
struct Shared {
    state: actix::Data<api::State>,
    sign_in: actix::Data<http::sign_in::SignIn>,
    directory: actix::Data<web::Directory>,
    allowed: actix::Data<AllowedMethods>,
    monitor: actix::Data<Monitor>,
    readiness: actix::Data<Readiness>,
    federation: actix::Data<federation::Federation>,
    document: bytes::Bytes,
}

/// The OpenAPI document of all that a node serves.
pub(crate) fn document_json() -> String {
    api::document_json(vec![federation::routes::admin::document()])
}

/// What metrics are told from.
struct Monitor {
    metrics: Arc<Metrics>,
    token: Option<String>,
}

impl Shared {
    fn new(config: &Config, node: &Node, metrics: Arc<Metrics>) -> Self {
        let (index, clock) = (node.index.clone(), node.clock.clone());
        let pages = web::Settings {
            origin: node.origin.clone(),
            site: config.site.clone(),
        };
        let directory =
            web::Directory::new(pages, move || Some(index.snapshot()), move || clock.now());
        let mut methods = api::methods();
        methods.extend(federation::routes::methods());
        Self {
            state: actix::Data::new(node.api_state(config)),
            sign_in: actix::Data::new(node.sign_in.clone()),
            directory: actix::Data::new(directory),
            allowed: actix::Data::new(AllowedMethods::new(
                methods
                    .iter()
                    .map(|(path, method)| (path.as_str(), *method)),
            )),
            federation: actix::Data::new(node.federation.clone()),
            document: bytes::Bytes::from(document_json()),
            monitor: actix::Data::new(Monitor {
                metrics,
                token: config.metrics_token.clone(),
            }),
            readiness: actix::Data::new(Readiness {
                health: node.health.clone(),
                index: node.index.clone(),
            }),
        }
    }

    fn routes(&self, cfg: &mut actix::ServiceConfig) {
        cfg.app_data(self.state.clone())
            .app_data(self.sign_in.clone())
            .app_data(self.directory.clone())
            .app_data(self.allowed.clone())
            .app_data(self.monitor.clone())
            .app_data(self.readiness.clone())
            .app_data(self.federation.clone())
            .configure(api::routes)
            .configure(|cfg| api::document_routes(cfg, self.document.clone()))
            .configure(federation::routes::routes)
            .route("/.well-known/jwks.json", actix::get().to(jwks))
            .route("/problems/{code}", actix::get().to(explain))
            .route("/health/live", actix::get().to(live))
            .route("/health/ready", actix::get().to(ready))
            .route("/metrics", actix::get().to(guarded_metrics))
            .configure(web::routes)
            .default_service(actix::to(unmatched));
    }
}

/// Where requests are counted.
const ROUTES: &[&str] = &[
    "/api/v1/organisations",
    "/api/v1/offers",
    "/api/v1/contact-points",
    "/api/v1/pathways",
    "/api/v1/quality-standards",
    "/api/v1/self-assessments",
    "/api/v1/assessment-reviews",
    "/api/v1/events",
    "/api/v1/publications",
    "/api/v1/needs",
    "/api/v1/entries",
    "/api/v1/coverage",
    "/api/v1/batch",
    "/api/v1/vocabularies",
    "/api/v1/corrections",
    "/api/v1/registrations",
    "/api/v1/token",
    "/api/v1/sessions",
    "/api/v1/peers",
    "/api/v1/review-invitation",
    "/fed/v1/feeds/{feed}/changes",
    "/fed/v1/hints",
    "/fed/v1/follows",
    "/health/live",
    "/health/ready",
];

/// `GET /metrics` at the main address: only with the token.
async fn guarded_metrics(
    request: HttpRequest,
    monitor: actix::Data<Monitor>,
    sign_in: actix::Data<http::sign_in::SignIn>,
) -> Result<HttpResponse, Problem> {
    let Some(token) = &monitor.token else {
        return Err(Problem::not_found());
    };
    let sent = request
        .headers()
        .get(header::AUTHORIZATION)
        .and_then(bearer)
        .unwrap_or_default();
    if !http::sign_in::secret::matches(sent, &http::sign_in::secret::hash(token)) {
        let address = sign_in.client_address(&request);
        sign_in.limits.wrong_secret(Some("metrics"), address)?;
        return Err(Problem::new(
            Code::InvalidToken,
            "send the token of the node's settings",
        ));
    }
    Ok(own_metrics(monitor).await)
}

async fn own_metrics(monitor: actix::Data<Monitor>) -> HttpResponse {
    let mut response = HttpResponse::Ok()
        .content_type(metrics::CONTENT_TYPE)
        .body(monitor.metrics.render());
    conditional::Caching::Never.apply(response.headers_mut());
    response
}

/// The server of `/metrics` on its own address, where one is set.
fn metrics_server(
    config: &Config,
    shared: &Shared,
    connections: Connections,
    health: &Health,
    stop: &CancellationToken,
) -> Result<Option<tokio::task::JoinHandle<()>>, Failure> {
    let Some(address) = config.metrics_listen else {
        return Ok(None);
    };
    let listener = TcpListener::bind(address).map_err(|error| {
        Failure::new(format!("cannot listen on {address} for metrics: {error}"))
    })?;
    let monitor = shared.monitor.clone();
    let application = move || {
        App::new()
            .app_data(monitor.clone())
            .route("/metrics", actix::get().to(own_metrics))
    };
    let server = Server::build().workers(1).disable_signals();
    let server = server::listen(server, listener, connections, application)
        .map_err(|error| Failure::new(format!("cannot serve metrics: {error}")))?
        .run();
    let mut server = Some(server);
    Ok(Some(health.spawn("metrics", stop.clone(), move || {
        let server = server.take();
        async move {
            if let Some(server) = server
                && let Err(error) = server.await
            {
                tracing::error!(%error, "serving metrics ended");
            }
        }
    })))
}
