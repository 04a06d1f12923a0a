//! HTTP as an attacker writes it: bytes on a connection from an address of its own.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use rustix::net::{AddressFamily, SocketType, bind, connect as connect_socket, socket};

/// How long an attacker waits for one step of a connection.
pub const PATIENCE: Duration = Duration::from_secs(10);
/// Bytes of an answer that are read at most.
const ANSWER: usize = 64 * 1024 * 1024;

/// Bytes at the beginning that are looked at for statuses.
const LOOKED_AT: usize = 64 * 1024;

/// What a connection was answered.
#[derive(Debug, Clone, Default)]
pub struct Reply {
    /// The statuses, of several requests in turn; none where it was closed without an answer.
    pub statuses: Vec<u16>,
    /// Bytes that were answered.
    pub bytes: u64,
}

/// A connection from an address of the loopback network (every one of 127/8 is this machine's).
///
/// # Errors
/// As the system says: refused, no ports left.
pub fn connect(from: Ipv4Addr, to: SocketAddr) -> io::Result<TcpStream> {
    let socket = socket(AddressFamily::INET, SocketType::STREAM, None)?;
    bind(&socket, &SocketAddr::from((from, 0)))?;
    connect_socket(&socket, &to)?;
    let stream = TcpStream::from(socket);
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

/// A request whose connection is closed after it. The length is that of the body unless a header says another.
#[must_use]
pub fn request(
    method: &str,
    path: &str,
    host: &str,
    headers: &[(&str, &str)],
    body: &[u8],
) -> Vec<u8> {
    let mut bytes = head(method, path, host, headers);
    let framed = headers.iter().any(|(name, _)| {
        name.eq_ignore_ascii_case("content-length")
            || name.eq_ignore_ascii_case("transfer-encoding")
    });
    if !framed && (!body.is_empty() || method != "GET") {
        bytes.extend_from_slice(format!("Content-Length: {}\r\n", body.len()).as_bytes());
    }
    bytes.extend_from_slice(b"Connection: close\r\n\r\n");
    bytes.extend_from_slice(body);
    bytes
}

/// The beginning of a request, without the blank line that ends its head.
#[must_use]
pub fn head(method: &str, path: &str, host: &str, headers: &[(&str, &str)]) -> Vec<u8> {
    let mut text = format!("{method} {path} HTTP/1.1\r\nHost: {host}\r\n");
    for (name, value) in headers {
        text += &format!("{name}: {value}\r\n");
    }
    text.into_bytes()
}

/// A part of a body in chunks (RFC 9112, section 7.1).
#[must_use]
pub fn chunk(bytes: &[u8]) -> Vec<u8> {
    let mut chunk = format!("{:x}\r\n", bytes.len()).into_bytes();
    chunk.extend_from_slice(bytes);
    chunk.extend_from_slice(b"\r\n");
    chunk
}

/// Sends bytes and reads what is answered, to the end of the connection, but no longer than `patience`.
///
/// # Errors
/// Where there is no connection.
pub fn exchange(
    from: Ipv4Addr,
    to: SocketAddr,
    bytes: &[u8],
    patience: Duration,
) -> io::Result<Reply> {
    let mut stream = connect(from, to)?;
    // Who answers before it has read everything may close what is still written to.
    let _ = stream.write_all(bytes);
    Ok(read(&mut stream, patience))
}

/// Reads what is answered until the connection ends, but no longer than `patience`.
pub fn read(stream: &mut TcpStream, patience: Duration) -> Reply {
    let until = Instant::now() + patience;
    let mut reply = Reply::default();
    let mut start = Vec::new();
    let mut buffer = vec![0; 16 * 1024];
    while reply.bytes < ANSWER as u64 {
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() || stream.set_read_timeout(Some(left)).is_err() {
            break;
        }
        match stream.read(&mut buffer) {
            Ok(0) => break,
            Ok(read) => {
                let wanted = LOOKED_AT.saturating_sub(start.len()).min(read);
                start.extend_from_slice(buffer.get(..wanted).unwrap_or_default());
                reply.bytes += read as u64;
            }
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(_) => break,
        }
    }
    reply.statuses = statuses(&start);
    reply
}

/// The statuses of answers that follow each other: each begins with `HTTP/1.1 200`.
fn statuses(answers: &[u8]) -> Vec<u16> {
    let text = String::from_utf8_lossy(answers);
    let after = text.split("HTTP/1.1 ").skip(1);
    after
        .filter_map(|rest| rest.get(..3)?.parse().ok())
        .collect()
}
