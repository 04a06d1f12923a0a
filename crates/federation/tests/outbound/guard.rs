//! Where a node does not connect to.

use std::net::{IpAddr, TcpListener};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use domain::Origin;
use lotse_federation::outbound::{Addresses, Outbound, OutboundError, Resolve, Settings};

use tokio::io::AsyncReadExt;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivatePkcs8KeyDer};

use crate::server::{LIMITS, Peer, answer};

/// Says the same about every name, and counts how often it was asked.
struct Fixed(Vec<IpAddr>, AtomicUsize);

impl Resolve for Fixed {
    fn resolve(&self, host: &str) -> Addresses {
        assert_eq!(host, "peer.example");
        self.1.fetch_add(1, Ordering::SeqCst);
        Box::pin(std::future::ready(Ok(self.0.clone())))
    }
}

fn fixed(addresses: &[&str]) -> Arc<Fixed> {
    let addresses = addresses.iter().map(|it| it.parse().unwrap()).collect();
    Arc::new(Fixed(addresses, AtomicUsize::new(0)))
}

fn strict() -> Settings {
    Settings::default()
}

/// A port at which somebody listens, and the listener, which must not be connected to.
fn untouched() -> (TcpListener, u16) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let port = listener.local_addr().unwrap().port();
    (listener, port)
}

fn origin(text: &str) -> Origin {
    text.parse().unwrap()
}

#[tokio::test]
async fn a_name_that_resolves_to_loopback_is_refused() {
    let (listener, port) = untouched();
    let client = Outbound::new(strict()).unwrap();
    for host in ["localhost", "localhost.", "LOCALHOST"] {
        let base = origin(&format!("https://{host}:{port}"));
        let error = client.get(&base, "/", &[], &LIMITS).await.unwrap_err();
        // Where the system does not know the name with a dot at its end, there is nothing to refuse.
        assert!(
            error.code() == "address_refused" || host == "localhost.",
            "{host}: {error}"
        );
    }
    assert!(listener.accept().is_err());
}

#[tokio::test]
async fn a_peer_that_moves_to_loopback_or_metadata_is_refused_without_a_connection() {
    let (listener, port) = untouched();
    for said in [
        &["127.0.0.1", "::1"][..],
        &["169.254.169.254"],
        &["::ffff:127.0.0.1"],
        &["0.0.0.0"],
    ] {
        let client = Outbound::with_resolver(strict(), fixed(said)).unwrap();
        let base = origin(&format!("https://peer.example:{port}"));
        let error = client.get(&base, "/", &[], &LIMITS).await.unwrap_err();
        assert!(
            matches!(&error, OutboundError::AddressRefused { host, .. } if host == "peer.example"),
            "{error}"
        );
    }
    assert!(listener.accept().is_err());
}

#[tokio::test]
async fn an_address_in_the_url_is_refused_without_a_connection() {
    let (listener, port) = untouched();
    let client = Outbound::new(strict()).unwrap();
    for host in ["127.0.0.1", "0x7f.1", "2130706433", "[::ffff:127.0.0.1]"] {
        let base = origin(&format!("https://{host}:{port}"));
        let error = client.get(&base, "/", &[], &LIMITS).await.unwrap_err();
        assert_eq!(error.code(), "address_refused", "{host}");
    }
    let base = origin(&format!("http://localhost:{port}"));
    let error = client.get(&base, "/", &[], &LIMITS).await.unwrap_err();
    assert_eq!(error.code(), "not_https");
    assert!(listener.accept().is_err());
}

#[tokio::test]
async fn what_is_checked_is_what_is_connected_to_after_one_question() {
    let peer = Peer::saying(answer("200 OK", "", b"hello"));
    let port = peer.base.host().rsplit_once(':').unwrap().1.to_owned();
    // The first address would be tried first, and time would pass, if the guard let it through.
    let resolver = fixed(&["169.254.169.254", "127.0.0.1"]);
    let lax = Settings {
        allow_insecure: true,
    };
    let client = Outbound::with_resolver(lax, resolver.clone()).unwrap();
    let base = origin(&format!("http://peer.example:{port}"));
    let answer = client.get(&base, "/", &[], &LIMITS).await.unwrap();
    assert_eq!(answer.body.as_ref(), b"hello");
    assert_eq!(resolver.1.load(Ordering::SeqCst), 1);
    assert!(peer.requests.lock().unwrap()[0].contains(&format!("peer.example:{port}")));
}

#[tokio::test]
async fn nobody_listening_is_told_as_such() {
    let (listener, port) = untouched();
    drop(listener);
    let client = Outbound::new(Settings {
        allow_insecure: true,
    })
    .unwrap();
    let base = origin(&format!("http://127.0.0.1:{port}"));
    let error = client.get(&base, "/", &[], &LIMITS).await.unwrap_err();
    assert_eq!(error.code(), "connect");
    assert!(error.is_temporary());
}

#[tokio::test]
async fn plain_http_where_tls_should_be_is_told_as_such() {
    let peer = Peer::saying(answer("400 Bad Request", "", b""));
    let client = Outbound::new(Settings {
        allow_insecure: true,
    })
    .unwrap();
    let base = origin(&format!("https://{}", peer.base.host()));
    let error = client.get(&base, "/", &[], &LIMITS).await.unwrap_err();
    assert_eq!(error.code(), "tls", "{error}");
}

/// A server with a certificate for `peer.example` that it made itself (its key is in this directory, and so no secret).
/// Gives the port, and how the server fared with its one connection.
async fn impostor() -> (u16, tokio::task::JoinHandle<std::io::Result<()>>) {
    let certificate = CertificateDer::from_slice(include_bytes!("tls/certificate.der"));
    let key = PrivatePkcs8KeyDer::from(include_bytes!("tls/key.der").as_slice());
    let config = ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key.into())
        .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let task = tokio::spawn(async move {
        let (stream, _) = listener.accept().await?;
        let mut stream = acceptor.accept(stream).await?;
        stream.read_u8().await.map(drop)
    });
    (port, task)
}

#[tokio::test]
async fn a_certificate_that_nobody_vouches_for_is_refused_before_anything_is_asked() {
    let (port, impostor) = impostor().await;
    // The development switch makes plain http possible; https stays what it is.
    let lax = Settings {
        allow_insecure: true,
    };
    let client = Outbound::with_resolver(lax, fixed(&["127.0.0.1"])).unwrap();
    let base = origin(&format!("https://peer.example:{port}"));
    let error = client.get(&base, "/", &[], &LIMITS).await.unwrap_err();
    assert_eq!(error.code(), "tls", "{error}");
    assert!(impostor.await.unwrap().is_err());
}

/// The variables that other HTTP clients read proxies from.
const PROXIES: [&str; 6] = [
    "http_proxy",
    "HTTP_PROXY",
    "https_proxy",
    "HTTPS_PROXY",
    "all_proxy",
    "ALL_PROXY",
];

#[test]
fn proxy_variables_change_nothing() {
    // Another process, because a process's own variables cannot be set safely while others of its threads run.
    let (listener, port) = untouched();
    let proxy = format!("http://127.0.0.1:{port}");
    let status = Command::new(std::env::current_exe().unwrap())
        .args([
            "--exact",
            "heads::an_answer_comes_with_status_fields_and_body",
        ])
        .envs(PROXIES.map(|name| (name, &proxy)))
        .env_remove("no_proxy")
        .env_remove("NO_PROXY")
        .env_remove("REQUEST_METHOD")
        .stdout(Stdio::null())
        .status()
        .unwrap();
    assert!(status.success());
    assert!(listener.accept().is_err());
}
