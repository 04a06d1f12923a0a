//! Requests byte by byte, from any address of this machine, for what no well-behaved client sends; and what a node's process
//! takes for them.

use std::io::{ErrorKind, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4, TcpStream};
use std::time::{Duration, Instant};

use rustix::net::{AddressFamily, SocketType, bind, connect, socket, sockopt};

use crate::TestNode;

/// A connection to a node.
pub struct Raw {
    stream: TcpStream,
}

impl Raw {
    /// From this machine's first address.
    ///
    /// # Panics
    /// When nobody listens.
    #[must_use]
    pub fn connect(node: &TestNode) -> Self {
        Self::from(node, Ipv4Addr::LOCALHOST)
    }

    /// From another address of the loopback network, with a small buffer for what is answered.
    ///
    /// # Panics
    /// When nobody listens.
    #[must_use]
    pub fn from(node: &TestNode, source: Ipv4Addr) -> Self {
        let to: SocketAddrV4 = node.address().parse().unwrap();
        let io = socket(AddressFamily::INET, SocketType::STREAM, None).unwrap();
        sockopt::set_socket_recv_buffer_size(&io, 4 * 1024).unwrap();
        bind(&io, &SocketAddr::from((source, 0))).unwrap();
        connect(&io, &SocketAddr::from(to)).unwrap();
        let stream = TcpStream::from(io);
        stream.set_nodelay(true).unwrap();
        Self { stream }
    }

    /// Sends; false when the node has closed the connection.
    ///
    /// # Panics
    /// When it is neither sent nor refused.
    pub fn send(&mut self, bytes: impl AsRef<[u8]>) -> bool {
        self.stream
            .set_write_timeout(Some(Duration::from_secs(30)))
            .unwrap();
        self.stream.write_all(bytes.as_ref()).is_ok()
    }

    /// What arrives within so many seconds, or until `enough`, or until the node closes the connection.
    ///
    /// # Panics
    /// When the connection cannot be used.
    pub fn read(&mut self, seconds: u64, enough: impl Fn(&[u8]) -> bool) -> Received {
        let until = Instant::now() + Duration::from_secs(seconds);
        let mut received = Received::default();
        let mut buffer = [0; 16 * 1024];
        let mut last = false;
        while !enough(&received.bytes) && !last {
            // At least one look.
            let left = until.saturating_duration_since(Instant::now());
            last = left.is_zero();
            let left = left.max(Duration::from_millis(1));
            self.stream.set_read_timeout(Some(left)).unwrap();
            match self.stream.read(&mut buffer) {
                Ok(0) => received.closed = true,
                Ok(count) => received.bytes.extend_from_slice(&buffer[..count]),
                Err(error)
                    if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {}
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(_) => received.closed = true,
            }
            if received.closed {
                break;
            }
        }
        received
    }

    /// Takes one byte, if there is one.
    pub fn read_byte(&mut self) -> bool {
        let _ = self
            .stream
            .set_read_timeout(Some(Duration::from_millis(100)));
        matches!(self.stream.read(&mut [0]), Ok(1))
    }

    /// The status of the next answer, if it comes within so many seconds.
    pub fn status(&mut self, seconds: u64) -> Option<u16> {
        self.read(seconds, |bytes| bytes.len() >= 12).status()
    }

    /// Whether the node closes the connection within so many seconds, whatever it answers before.
    pub fn is_closed_within(&mut self, seconds: u64) -> bool {
        self.read(seconds, |_| false).closed
    }
}

/// What a node sent.
#[derive(Debug, Default)]
pub struct Received {
    /// All of it.
    pub bytes: Vec<u8>,
    /// Whether it closed the connection after it.
    pub closed: bool,
}

impl Received {
    /// The status of the first answer.
    #[must_use]
    pub fn status(&self) -> Option<u16> {
        let head = self.bytes.get(..12)?;
        str::from_utf8(head).ok()?.get(9..12)?.parse().ok()
    }

    /// As text.
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.bytes).into_owned()
    }
}

/// The most memory that a node's process has had, in bytes (`VmHWM`, proc_pid_status(5)).
///
/// # Panics
/// When it does not run.
#[must_use]
pub fn peak_memory(node: &TestNode) -> u64 {
    let pid = node.process().unwrap().as_raw_nonzero();
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM:"));
    let kilobytes: u64 = line
        .and_then(|line| line.split_whitespace().nth(1)?.parse().ok())
        .unwrap();
    kilobytes * 1024
}

/// Begins to measure [`peak_memory`] anew, from what is in use now.
///
/// # Panics
/// When the process does not run.
pub fn forget_peak_memory(node: &TestNode) {
    let pid = node.process().unwrap().as_raw_nonzero();
    std::fs::write(format!("/proc/{pid}/clear_refs"), "5").unwrap();
}

/// How many sockets a node's process has open.
///
/// # Panics
/// When it does not run.
#[must_use]
pub fn open_sockets(node: &TestNode) -> usize {
    let pid = node.process().unwrap().as_raw_nonzero();
    std::fs::read_dir(format!("/proc/{pid}/fd"))
        .unwrap()
        .filter_map(|item| std::fs::read_link(item.ok()?.path()).ok())
        .filter(|target| target.to_string_lossy().starts_with("socket:"))
        .count()
}
