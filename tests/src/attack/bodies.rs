//! Bodies that are more than they look like: bombs, lengths that lie, ends that never come.

use std::io::Write;
use std::sync::LazyLock;
use std::time::Duration;

use flate2::Compression;
use flate2::write::{GzEncoder, ZlibEncoder};

use super::{Attack, Field, wire};

/// What a bomb unfolds to.
pub const UNFOLDED: usize = 256 * 1024 * 1024;
/// What nobody may be answered who sends one of these: that it was taken.
const TAKEN: &[u16] = &[200, 201, 202, 204];

/// Small bodies that unfold to hundreds of megabytes.
pub(super) const BOMBS: Attack = Attack {
    name: "bombs",
    does: "256 MB of zeros as gzip, deflate, brotli and gzip of gzip, to every operation",
    threads: 2,
    make: bombs,
    never: TAKEN,
};

/// Lengths that are not those of their bodies.
pub(super) const LENGTHS: Attack = Attack {
    name: "lengths",
    does: "lengths that lie: huge, negative, doubled, too long; the connection stays open",
    threads: 2,
    make: lengths,
    never: TAKEN,
};

/// Bodies without an end.
pub(super) const ENDLESS: Attack = Attack {
    name: "endless",
    does: "bodies in chunks without an end, as fast as they are taken, to every operation",
    threads: 2,
    make: endless,
    never: TAKEN,
};

/// Bodies of one byte a second.
pub(super) const DRIPS: Attack = Attack {
    name: "drips",
    does: "bodies of which one byte comes at a time, to every operation",
    threads: 1,
    make: drips,
    never: TAKEN,
};

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// A megabyte of zeros, written and flushed three times. After the first time the codings say the same each time, and it
/// may be said as often as one likes: a bomb costs its maker nothing.
fn repeated<W: Write>(
    mut encoder: W,
    written: impl Fn(&W) -> usize,
    end: impl FnOnce(W) -> Vec<u8>,
) -> Vec<u8> {
    let zeros = vec![0; 1024 * 1024];
    let mut ends = Vec::new();
    for _ in 0..3 {
        encoder.write_all(&zeros).unwrap();
        encoder.flush().unwrap();
        ends.push(written(&encoder));
    }
    let bytes = end(encoder);
    let [first, second, third] = ends.try_into().unwrap();
    let again = &bytes[second..third];
    assert_eq!(
        &bytes[first..second],
        again,
        "it says something else each time"
    );
    // Without an end: who looks at the check sum has unfolded everything.
    [&bytes[..first], &again.repeat(UNFOLDED / zeros.len())].concat()
}

/// The bombs, with the coding that they name; made once.
pub static MADE: LazyLock<Vec<(&'static str, Vec<u8>)>> = LazyLock::new(made);

fn made() -> Vec<(&'static str, Vec<u8>)> {
    let best = Compression::best();
    let gzipped = repeated(
        GzEncoder::new(Vec::new(), best),
        |encoder| encoder.get_ref().len(),
        |encoder| encoder.get_ref().clone(),
    );
    let deflated = repeated(
        ZlibEncoder::new(Vec::new(), best),
        |encoder| encoder.get_ref().len(),
        |encoder| encoder.get_ref().clone(),
    );
    let brotlied = repeated(
        brotli::CompressorWriter::new(Vec::new(), 4096, 5, 22),
        |encoder| encoder.get_ref().len(),
        |encoder| encoder.get_ref().clone(),
    );
    let nested = gzip(&gzipped);
    vec![
        ("br", brotlied),
        ("deflate", deflated),
        ("gzip", gzipped),
        ("gzip, gzip", nested),
    ]
}

fn bombs(field: &Field<'_>) {
    let bombs = &*MADE;
    let operations = &field.target.operations;
    let token = format!("Bearer {}", field.target.token);
    while let Some(number) = field.next() {
        let at = number as usize;
        let (coding, bomb) = &bombs[at % bombs.len()];
        let (method, path, media) = &operations[(at / bombs.len()) % operations.len()];
        let mut headers = vec![
            ("Content-Type", media.as_str()),
            ("Content-Encoding", *coding),
        ];
        // Every other one by a partner: what is refused to strangers before it is read may be read for partners.
        if number % 2 == 1 {
            headers.push(("Authorization", &token));
        }
        let bytes = field.request(method, path, &headers, bomb);
        if let Some(mut stream) = field.connect(field.source(number)) {
            // Who does not want it closes the connection when it likes, and one need not wait for that.
            let _ = stream.write_all(&bytes);
            field.finish(stream, Duration::from_millis(100));
        }
    }
}

fn lengths(field: &Field<'_>) {
    let operations = &field.target.operations;
    let lies: &[&[(&str, &str)]] = &[
        &[("Content-Length", "9223372036854775807")],
        &[("Content-Length", "99999999999999999999999999")],
        &[("Content-Length", "-1")],
        &[("Content-Length", "2"), ("Content-Length", "300000000")],
        &[("Content-Length", "4000000000")],
        &[("Content-Length", "1000000")],
        &[("Content-Length", "+2")],
        &[("Content-Length", "0x10")],
    ];
    let mut held = Vec::new();
    while let Some(number) = field.next() {
        let at = number as usize;
        let lie = lies[at % lies.len()];
        let (method, path, media) = &operations[(at / lies.len()) % operations.len()];
        let mut headers = vec![("Content-Type", media.as_str())];
        headers.extend_from_slice(lie);
        let bytes = field.request(method, path, &headers, b"{}");
        if let Some(mut stream) = field.connect(field.source(number)) {
            let _ = stream.write_all(&bytes);
            held.push(stream);
        }
        if held.len() >= field.bounds.connections / 2 {
            held.drain(..)
                .for_each(|stream| field.finish(stream, SHORT));
        }
    }
    held.into_iter()
        .for_each(|stream| field.finish(stream, SHORT));
}

/// How long an attacker looks whether there is an answer.
const SHORT: Duration = Duration::from_millis(20);

fn endless(field: &Field<'_>) {
    let operations = &field.target.operations;
    let token = format!("Bearer {}", field.target.token);
    let piece = wire::chunk(&[b' '; 16 * 1024]);
    while let Some(number) = field.next() {
        let (method, path, media) = &operations[number as usize % operations.len()];
        let mut headers = vec![
            ("Content-Type", media.as_str()),
            ("Transfer-Encoding", "chunked"),
        ];
        if number % 2 == 1 {
            headers.push(("Authorization", &token));
        }
        let Some(mut stream) = field.connect(field.source(number)) else {
            continue;
        };
        let mut sent = stream.write_all(&field.request(method, path, &headers, b""));
        // 64 MB at most: by then an answer has come, or everything is taken.
        for _ in 0..4_096 {
            if sent.is_err() || field.is_over() {
                break;
            }
            sent = stream.write_all(&piece);
        }
        field.finish(stream, Duration::from_millis(200));
    }
}

fn drips(field: &Field<'_>) {
    let operations = &field.target.operations;
    let mut held = Vec::new();
    while held.len() < field.bounds.connections {
        let Some(number) = field.next() else { break };
        let (method, path, media) = &operations[number as usize % operations.len()];
        let headers = [
            ("Content-Type", media.as_str()),
            ("Content-Length", "10000"),
        ];
        if let Some(mut stream) = field.connect(field.source(number)) {
            let _ = stream.write_all(&field.request(method, path, &headers, b"{"));
            held.push(stream);
        }
    }
    while !field.is_over() {
        std::thread::sleep(Duration::from_millis(500));
        for stream in &mut held {
            let _ = stream.write_all(b" ");
        }
    }
    held.into_iter()
        .for_each(|stream| field.finish(stream, SHORT));
}
