//! Bodies that are endless, slow, truncated, or not what they say they are.

use std::io::Write;
use std::time::Duration;

use lotse_federation::outbound::{Limits, OutboundError};

use crate::server::{LIMITS, Peer, answer, gzip};

/// More than any buffer of the system and the client holds together, and far less than an endless answer.
const BUFFERS: usize = 16 * 1024 * 1024;

const CHUNKED: &str = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
const GZIP: &str = "Content-Encoding: gzip\r\n";

fn gzipped(body: &[u8]) -> Peer {
    Peer::saying(answer("200 OK", GZIP, body))
}

/// Text that hardly compresses, so that its ratio is no matter.
fn noise(length: usize) -> Vec<u8> {
    let mut state = 1_u32;
    let step = |_| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 24) as u8
    };
    (0..length).map(step).collect()
}

#[tokio::test]
async fn a_compressed_body_is_unfolded_however_it_is_cut_into_pieces() {
    let plain = noise(5_000);
    let packed = gzip(&plain);
    assert_eq!(gzipped(&packed).get().await.unwrap().body, plain);
    for size in [1, 7, 8, 9, packed.len() - 8, packed.len() - 1] {
        let pieces: Vec<u8> = packed
            .chunks(size)
            .flat_map(|it| [format!("{:x}\r\n", it.len()).as_bytes(), it, b"\r\n"].concat())
            .collect();
        let head = CHUNKED.replace("\r\n\r\n", "\r\nContent-Encoding: GZIP\r\n\r\n");
        let peer = Peer::saying([head.as_bytes(), &pieces, b"0\r\n\r\n"].concat());
        assert_eq!(peer.get().await.unwrap().body, plain, "{size}");
    }
}

#[tokio::test]
async fn no_content_needs_no_body_and_no_length() {
    let peer = Peer::saying("HTTP/1.1 204 No Content\r\n\r\n");
    assert_eq!(peer.get().await.unwrap().body.len(), 0);
}

#[tokio::test]
async fn a_body_that_is_announced_too_long_is_refused_before_it_comes() {
    let peer = Peer::new(|it| {
        it.send("HTTP/1.1 200 OK\r\nContent-Length: 262145\r\n\r\n");
        it.hold();
    });
    assert_eq!(peer.code().await, "too_large");
}

#[tokio::test]
async fn an_endless_body_is_ended_at_its_limit() {
    for line in [
        format!("1000\r\n{}\r\n", "x".repeat(4096)),
        "10\r\nxxxxxxxxxxxxxxxx\r\n".repeat(100),
    ] {
        let peer = Peer::new(move |it| {
            it.send(CHUNKED);
            it.forever(&line, Duration::ZERO);
        });
        assert_eq!(peer.code().await, "too_large");
        assert!(peer.sent() < BUFFERS, "{}", peer.sent());
    }
}

#[tokio::test]
async fn endless_chunk_extensions_and_trailers_are_ended() {
    for (start, line) in [("5;", "a=b;"), ("1\r\nx\r\n0\r\n", "X-A: b\r\n")] {
        let peer = Peer::new(move |it| {
            it.send(CHUNKED);
            it.send(start);
            it.forever(line.repeat(100), Duration::ZERO);
        });
        assert_eq!(peer.code().await, "protocol");
        assert!(peer.sent() < BUFFERS, "{}", peer.sent());
    }
}

#[tokio::test]
async fn a_bomb_is_noticed_while_it_unfolds() {
    let packed = gzip(&vec![0; 20 * 1024 * 1024]);
    assert!(packed.len() < LIMITS.encoded);
    let error = gzipped(&packed).get().await.unwrap_err();
    // At the first step behind the threshold, not after twenty megabytes.
    assert!(
        matches!(error, OutboundError::Bomb { decoded, .. } if decoded <= 2 * 1024 * 1024),
        "{error}"
    );
}

#[tokio::test]
async fn an_endless_bomb_is_ended_too() {
    let peer = Peer::new(|it| {
        it.send(CHUNKED.replace("\r\n\r\n", "\r\nContent-Encoding: gzip\r\n\r\n"));
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
        loop {
            encoder.write_all(&[0; 65536]).unwrap();
            let part = std::mem::take(encoder.get_mut());
            let head = format!("{:x}\r\n", part.len());
            if !part.is_empty() && !it.send([head.as_bytes(), &part, b"\r\n"].concat()) {
                return;
            }
        }
    });
    assert_eq!(peer.code().await, "bomb");
}

#[tokio::test]
async fn a_small_body_may_compress_as_well_as_it_likes() {
    let plain = vec![b' '; 1024 * 1024];
    let packed = gzip(&plain);
    assert!(packed.len() * 500 < plain.len());
    assert_eq!(
        gzipped(&packed).get().await.unwrap().body.len(),
        plain.len()
    );
    let peer = gzipped(&gzip(&vec![b' '; 1024 * 1024 + 1]));
    assert_eq!(peer.code().await, "bomb");
}

#[tokio::test]
async fn a_body_may_not_unfold_beyond_its_limit() {
    let plain = noise(100_000);
    let limits = |decoded| Limits { decoded, ..LIMITS };
    let peer = gzipped(&gzip(&plain));
    assert_eq!(peer.get_within(&limits(100_000)).await.unwrap().body, plain);
    let error = peer.get_within(&limits(99_999)).await.unwrap_err();
    assert_eq!(
        error,
        OutboundError::TooLarge {
            form: "unfolded",
            limit: 99_999
        }
    );
}

#[tokio::test]
async fn a_body_that_drips_is_ended_for_its_rate() {
    let peer = Peer::new(|it| {
        it.send(CHUNKED);
        it.forever("1\r\nx\r\n", Duration::from_millis(20));
    });
    assert_eq!(peer.quick_code().await, "too_slow");
}

#[tokio::test]
async fn a_body_that_drips_fast_enough_is_ended_for_its_time() {
    let peer = Peer::new(|it| {
        it.send(CHUNKED);
        it.forever(
            format!("80\r\n{}\r\n", "x".repeat(128)),
            Duration::from_millis(5),
        );
    });
    assert_eq!(peer.quick_code().await, "timed_out");
}

#[tokio::test]
async fn a_body_that_falls_silent_is_ended() {
    for begin in ["", "5\r\nhello\r\n", "5\r\nhe", "5;a=b", "0\r\nX-A: b"] {
        let peer = Peer::new(move |it| {
            it.send(CHUNKED);
            it.send(begin);
            it.hold();
        });
        assert_eq!(peer.quick_code().await, "silent", "{begin}");
    }
}

#[tokio::test]
async fn a_truncated_body_is_refused() {
    let long = "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello";
    assert_eq!(Peer::saying(long).code().await, "truncated");
    for part in ["", "5\r\nhel", "5\r\nhello\r\n", "5\r\nhello\r\n0\r\n"] {
        let peer = Peer::saying(format!("{CHUNKED}{part}"));
        assert_eq!(peer.code().await, "truncated", "{part}");
    }
}

#[tokio::test]
async fn a_body_whose_end_is_not_told_well_is_refused() {
    for fields in [
        "",
        "Content-Length: 5\r\nContent-Length: 6\r\n",
        "Content-Length: -5\r\n",
        "Content-Length: 5, 6\r\n",
        "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
        "Transfer-Encoding: gzip, chunked\r\n",
        "Transfer-Encoding: gzip\r\n",
    ] {
        let peer = Peer::saying(format!(
            "HTTP/1.1 200 OK\r\n{fields}\r\n5\r\nhello\r\n0\r\n\r\n"
        ));
        assert_eq!(peer.code().await, "protocol", "{fields}");
    }
    assert_eq!(
        Peer::saying(format!("{CHUNKED}zz\r\nhello\r\n0\r\n\r\n"))
            .code()
            .await,
        "protocol"
    );
}

#[tokio::test]
async fn bytes_behind_the_announced_length_are_no_part_of_this_answer_or_the_next() {
    let one = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello";
    let peer = Peer::saying(one.to_owned() + &one.replace("hello", "other"));
    for _ in 0..5 {
        match peer.get().await {
            Ok(answer) => assert_eq!(answer.body.as_ref(), b"hello"),
            // The connection was taken for the next request at the moment at which it was being given up.
            Err(error) => assert!(error.is_temporary(), "{error}"),
        }
    }
}

#[tokio::test]
async fn encodings_that_were_not_asked_for_are_refused() {
    let packed = gzip(b"hello");
    for field in [
        "Content-Encoding: br\r\n",
        "Content-Encoding: deflate\r\n",
        "Content-Encoding: zstd\r\n",
        "Content-Encoding: gzip, gzip\r\n",
        "Content-Encoding: gzip\r\nContent-Encoding: gzip\r\n",
        "Content-Encoding: identity, gzip\r\n",
        "Content-Encoding: \r\n",
    ] {
        assert_eq!(
            Peer::saying(answer("200 OK", field, &packed)).code().await,
            "encoding",
            "{field}"
        );
    }
}

#[tokio::test]
async fn compressed_data_must_be_whole_and_nothing_else() {
    let good = gzip(&noise(1000));
    let with = |tail: &[u8]| [good.as_slice(), tail].concat();
    let mut wrong_sum = good.clone();
    let at = good.len() - 8;
    wrong_sum[at] ^= 1;
    for bad in [
        Vec::new(),
        good[..5].to_vec(),
        good[..500].to_vec(),
        good[..good.len() - 1].to_vec(),
        good[..good.len() - 8].to_vec(),
        with(b"x"),
        with(&[0; 100]),
        with(&good),
        wrong_sum,
        b"hello, not compressed at all".to_vec(),
    ] {
        assert_eq!(
            gzipped(&bad).code().await,
            "encoding",
            "{} bytes",
            bad.len()
        );
    }
}
