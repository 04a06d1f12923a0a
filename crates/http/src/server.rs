//! The server of an application: connections counted by client, each with its deadlines.

use std::fmt;
use std::future::ready;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;

use actix_http::error::DispatchError;
use actix_http::{HttpService, Protocol, Request, Response};
use actix_server::ServerBuilder;
use actix_service::{
    IntoServiceFactory, Service, ServiceFactory, ServiceFactoryExt as _, fn_service, map_config,
};
use actix_web::body::MessageBody;
use actix_web::dev::AppConfig;
use actix_web::rt::net::TcpStream;
use rustix::net::sockopt;

use crate::client::TrustedProxies;
use crate::connection::{Guarded, Held, Times};
use crate::consts;
use crate::load::Shares;
use crate::metrics::Metrics;
use crate::tally::Tally;

/// How connections are dealt with.
#[derive(Debug, Clone)]
pub struct Connections {
    /// Proxies in front. Their connections are not counted: one of them speaks for many clients.
    pub proxies: TrustedProxies,
    /// All connections. Where there is no room for another, the one that has waited for its client the longest yields.
    pub open: Arc<Shares>,
    /// The connections of each client.
    pub count: Arc<Shares>,
    /// The bytes of large heads.
    pub heads: Arc<Shares>,
    /// Connections whose answers stand still.
    pub stalled: Arc<Shares>,
    /// How long each wait may be.
    pub times: Times,
    /// Where refused ones are told.
    pub tally: Arc<Tally>,
    /// Where refused ones are counted.
    pub metrics: Arc<Metrics>,
}

/// Adds to a server an application that answers at `listener`.
///
/// # Errors
/// When the listener cannot be used.
pub fn listen<F, I, S, B>(
    server: ServerBuilder,
    listener: TcpListener,
    connections: Connections,
    application: F,
) -> io::Result<ServerBuilder>
where
    F: Fn() -> I + Send + Clone + 'static,
    I: IntoServiceFactory<S, Request>,
    S: ServiceFactory<Request, Config = AppConfig> + 'static,
    S::Error: Into<actix_web::Error> + 'static,
    S::InitError: fmt::Debug,
    S::Response: Into<Response<B>> + 'static,
    <S::Service as Service<Request>>::Future: 'static,
    S::Service: 'static,
    B: MessageBody + 'static,
{
    let ending = server.graceful_shutdown_signal();
    server.listen("http", listener, move || {
        let (ending, connections) = (ending.clone(), connections.clone());
        let application = application()
            .into_factory()
            .map_err(|error| error.into().error_response());
        let http = HttpService::build()
            .graceful_shutdown_signal(move || {
                let ending = ending.clone();
                async move { ending.notified().await }
            })
            .keep_alive(connections.times.keep_alive)
            .client_request_timeout(connections.times.head)
            .client_disconnect_timeout(consts::LINGER)
            .on_connect_ext(|io: &Guarded, data| {
                data.insert(io.connection());
            })
            // The application asks neither for its own name nor for its address.
            .finish(map_config(application, |_| AppConfig::default()));
        fn_service(move |io: TcpStream| ready(connections.accept(io))).and_then(http)
    })
}

impl Connections {
    /// Takes a connection, unless its client has too many.
    fn accept(
        &self,
        io: TcpStream,
    ) -> Result<(Guarded, Protocol, Option<SocketAddr>), DispatchError> {
        let peer = io.peer_addr().map_err(DispatchError::Io)?;
        let of_client = if self.proxies.trust(peer.ip()) {
            None
        } else {
            let share = self.count.take(peer.ip(), 1);
            Some(share.ok_or_else(|| self.refuse())?)
        };
        let place = self.open.take(peer.ip(), 1);
        let held = Held {
            place: place.ok_or_else(|| self.refuse())?,
            of_client,
            heads: self.heads.none_for(peer.ip()),
            still: self.stalled.none_for(peer.ip()),
        };
        self.prepare(&io).map_err(DispatchError::Io)?;
        let guarded = Guarded::new(io, self.times, held);
        Ok((guarded, Protocol::Http1, Some(peer)))
    }

    /// Without an answer: whoever has so many connections open reads some other one, and where all are at work nothing waits
    /// that could yield.
    fn refuse(&self) -> DispatchError {
        self.metrics.count_connection_refused();
        if self.tally.is_first_connection() {
            tracing::info!(
                "there are too many connections, of one client or in all: this one is closed"
            );
        }
        DispatchError::DisconnectTimeout
    }

    fn prepare(&self, io: &TcpStream) -> io::Result<()> {
        // A compressed answer goes out in two writes; without this the second waits 40 ms for the client to acknowledge
        // the first (RFC 896, RFC 1122 section 4.2.3.2).
        io.set_nodelay(true)?;
        // What the system holds of an answer is bounded as well, and given up when it is not taken (RFC 5482).
        sockopt::set_socket_send_buffer_size(io, consts::SEND_BUFFER_BYTES)?;
        let millis = u32::try_from(self.times.write.as_millis()).unwrap_or(u32::MAX);
        sockopt::set_tcp_user_timeout(io, millis)?;
        Ok(())
    }
}
