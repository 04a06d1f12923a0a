//! What is no HTTP, or more than one request at once.

use super::{Attack, Field};

/// Requests that two readers could understand differently, or nobody.
pub(super) const MALFORMED: Attack = Attack {
    name: "malformed",
    does: "smuggling shapes, huge heads, NUL, bytes that are no UTF-8, TLS and HTTP/2 on this port",
    threads: 2,
    make: malformed,
    never: &[201, 202],
};

fn shapes(host: &str) -> Vec<Vec<u8>> {
    let hidden = format!("GET /api/v1/me HTTP/1.1\r\nHost: {host}\r\n\r\n");
    let mut shapes = vec![
        format!("POST /api/v1/token HTTP/1.1\r\nHost: {host}\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n{hidden}"),
        format!("POST /api/v1/token HTTP/1.1\r\nHost: {host}\r\nTransfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n{hidden}"),
        format!("POST /api/v1/token HTTP/1.1\r\nHost: {host}\r\nTransfer-Encoding : chunked\r\n\r\n0\r\n\r\n{hidden}"),
        format!("POST /api/v1/token HTTP/1.1\r\nHost: {host}\r\nTransfer-Encoding: xchunked\r\nContent-Length: 3\r\n\r\nabc"),
        format!("POST /fed/v1/hints HTTP/1.1\r\nHost: {host}\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\n"),
        format!("POST /fed/v1/hints HTTP/1.1\r\nHost: {host}\r\nTransfer-Encoding: chunked\r\n\r\n5;{}\r\nabcde\r\n0\r\n\r\n", "x=y;".repeat(10_000)),
        format!("GET /api/v1/offers HTTP/1.1\r\nHost: {host}\r\nHost: other.example\r\n\r\n"),
        "GET /api/v1/offers HTTP/1.1\r\n\r\n".to_owned(),
        format!("GET /api/v1/offers HTTP/9.9\r\nHost: {host}\r\n\r\n"),
        format!("GET /api/v1/offers?q=\u{0}\u{1} HTTP/1.1\r\nHost: {host}\r\n\r\n"),
        format!("GET /api/v1/offers?q=%00%ff%fe HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n"),
        format!("GET /{} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n", "a".repeat(60_000)),
        format!("GET /api/v1/offers HTTP/1.1\r\nHost: {host}\r\n{}\r\n", "X: y\r\n".repeat(5_000)),
        format!("GET /api/v1/offers HTTP/1.1\r\nHost: {host}\r\nX: {}\r\n\r\n", "a".repeat(200_000)),
        format!("GET /api/v1/offers HTTP/1.1\r\nHost: {host}\r\n folded: yes\r\nConnection: close\r\n\r\n"),
        format!("GET http://other.example/api/v1/offers HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n"),
        format!("GET /../../etc/passwd HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n"),
        format!("CONNECT other.example:443 HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n"),
        format!("GET / HTTP/1.1\r\nHost: {host}\r\nUpgrade: h2c\r\nConnection: Upgrade, HTTP2-Settings\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n\r\n"),
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_owned(),
        "\r\n".repeat(20_000),
    ]
    .into_iter()
    .map(String::into_bytes)
    .collect::<Vec<_>>();
    // The beginning of TLS, and noise.
    shapes.push([&[0x16, 3, 1, 2, 0][..], &[0xff; 512]].concat());
    shapes.push(
        (0..4_096_u32)
            .map(|number| (number * 31 % 251) as u8)
            .collect(),
    );
    shapes.push(
        [
            b"GET /api/v1/offers?q=".as_slice(),
            &[0xc3, 0x28, 0xff],
            b" HTTP/1.1\r\n\r\n",
        ]
        .concat(),
    );
    shapes
}

fn malformed(field: &Field<'_>) {
    let shapes = shapes(&field.target.host);
    while let Some(number) = field.next() {
        let shape = &shapes[number as usize % shapes.len()];
        let Some(mut stream) = field.connect(field.source(number)) else {
            continue;
        };
        let _ = std::io::Write::write_all(&mut stream, shape);
        let _ = stream.shutdown(std::net::Shutdown::Write);
        field.finish(stream, std::time::Duration::from_millis(500));
    }
}
