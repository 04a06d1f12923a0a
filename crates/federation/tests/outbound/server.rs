//! A peer on loopback that does what a test tells it to, for a bounded number of connections, bytes and seconds.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock, Mutex};
use std::time::{Duration, Instant};

use domain::Origin;
use lotse_federation::outbound::{Answer, Limits, Outbound, OutboundError, Settings};

/// How long a server lives on, whatever happens.
const LIFE: Duration = Duration::from_secs(20);

/// What one server saw and did.
pub(crate) struct Peer {
    pub(crate) base: Origin,
    /// Bytes that it got rid of.
    pub(crate) sent: Arc<AtomicUsize>,
    /// The requests that it got, heads and bodies as they came.
    pub(crate) requests: Arc<Mutex<Vec<String>>>,
}

/// A connection whose request has been read.
pub(crate) struct Line {
    stream: TcpStream,
    sent: Arc<AtomicUsize>,
    end: Instant,
}

impl Line {
    /// Sends some bytes; false if the other side has gone, or time is up.
    pub(crate) fn send(&mut self, bytes: impl AsRef<[u8]>) -> bool {
        let bytes = bytes.as_ref();
        let well = Instant::now() < self.end && self.stream.write_all(bytes).is_ok();
        if well {
            self.sent.fetch_add(bytes.len(), Ordering::SeqCst);
        }
        well
    }

    /// Sends the same again and again, until the other side goes.
    pub(crate) fn forever(&mut self, bytes: impl AsRef<[u8]>, pause: Duration) {
        while self.send(bytes.as_ref()) {
            std::thread::sleep(pause);
        }
    }

    /// Waits until the other side has gone.
    pub(crate) fn hold(&mut self) {
        let _ = self.stream.read(&mut [0; 64]);
    }
}

impl Peer {
    /// Starts a peer that answers each connection's first request as told.
    pub(crate) fn new(answer: impl Fn(&mut Line) + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let peer = Self {
            base: base.parse().unwrap(),
            sent: Arc::default(),
            requests: Arc::default(),
        };
        let (sent, requests) = (peer.sent.clone(), peer.requests.clone());
        listener.set_nonblocking(true).unwrap();
        let end = Instant::now() + LIFE;
        std::thread::spawn(move || {
            while Instant::now() < end {
                let Ok((mut stream, _)) = listener.accept() else {
                    std::thread::sleep(Duration::from_millis(2));
                    continue;
                };
                stream.set_nonblocking(false).unwrap();
                stream.set_read_timeout(Some(LIFE)).unwrap();
                stream.set_write_timeout(Some(LIFE)).unwrap();
                let mut request = vec![0; 64 * 1024];
                let n = stream.read(&mut request).unwrap_or(0);
                let text = String::from_utf8_lossy(&request[..n]).into_owned();
                requests.lock().unwrap().push(text);
                let sent = sent.clone();
                answer(&mut Line { stream, sent, end });
            }
        });
        peer
    }

    /// A peer that sends these bytes and closes.
    pub(crate) fn saying(bytes: impl Into<Vec<u8>>) -> Self {
        let bytes = bytes.into();
        Self::new(move |line| {
            line.send(&bytes);
        })
    }

    pub(crate) async fn get(&self) -> Result<Answer, OutboundError> {
        self.get_within(&LIMITS).await
    }

    pub(crate) async fn get_within(&self, limits: &Limits) -> Result<Answer, OutboundError> {
        lax().get(&self.base, "/x", &[], limits).await
    }

    /// The code of the error that a request must end with.
    pub(crate) async fn code(&self) -> &'static str {
        self.get().await.unwrap_err().code()
    }

    /// The same under [`QUICK`], soon.
    pub(crate) async fn quick_code(&self) -> &'static str {
        let begun = Instant::now();
        let error = self.get_within(&QUICK).await.unwrap_err();
        let took = begun.elapsed();
        assert!(took < QUICK.total + QUICK.total, "took {took:?}: {error}");
        error.code()
    }

    pub(crate) fn sent(&self) -> usize {
        self.sent.load(Ordering::SeqCst)
    }
}

/// Limits on bytes that a test can exceed, and on time that a busy machine does not.
pub(crate) const LIMITS: Limits = Limits {
    encoded: 256 * 1024,
    decoded: 4 * 1024 * 1024,
    ratio: 60,
    total: Duration::from_secs(10),
    idle: Duration::from_secs(5),
    bytes_per_second: 4096,
};

/// The same with limits on time that a test can wait for.
pub(crate) const QUICK: Limits = Limits {
    total: Duration::from_millis(1200),
    idle: Duration::from_millis(400),
    ..LIMITS
};

/// A client that may speak to loopback. One for all tests: setting up TLS takes a while.
pub(crate) fn lax() -> Outbound {
    static LAX: LazyLock<Outbound> = LazyLock::new(|| {
        Outbound::new(Settings {
            allow_insecure: true,
        })
        .unwrap()
    });
    LAX.clone()
}

/// A whole answer with a length, the last one on its connection.
pub(crate) fn answer(status: &str, fields: &str, body: &[u8]) -> Vec<u8> {
    let mut bytes = format!(
        "HTTP/1.1 {status}\r\nConnection: close\r\nContent-Length: {}\r\n{fields}\r\n",
        body.len()
    )
    .into_bytes();
    bytes.extend_from_slice(body);
    bytes
}

/// Compressed.
pub(crate) fn gzip(plain: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(plain).unwrap();
    encoder.finish().unwrap()
}
