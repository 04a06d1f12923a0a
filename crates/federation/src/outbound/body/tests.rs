#![expect(clippy::unwrap_used, reason = "a test may end with a panic")]

use std::io::{Read, Write};

use flate2::Compression;
use proptest::prelude::*;
use reqwest::header::{CONTENT_ENCODING, HeaderMap, HeaderValue};

use super::super::{Limits, OutboundError};
use super::Body;

/// What becomes of a compressed body that comes in pieces of these sizes.
fn unfold(packed: &[u8], sizes: &[usize], limits: Limits) -> Result<Vec<u8>, OutboundError> {
    let headers = HeaderMap::from_iter([(CONTENT_ENCODING, HeaderValue::from_static("gzip"))]);
    let mut body = Body::of(&headers, limits)?;
    let mut rest = packed;
    let mut sizes = sizes.iter().cycle();
    while !rest.is_empty() {
        let (piece, behind) = rest.split_at(rest.len().min(*sizes.next().unwrap()));
        body.take(piece)?;
        rest = behind;
    }
    body.finish()
}

/// The same by a decoder that sees all at once; nothing if that is not what the bytes are, or not all of them.
fn reference(packed: &[u8]) -> Option<Vec<u8>> {
    let mut decoder = flate2::bufread::GzDecoder::new(packed);
    let mut plain = Vec::new();
    decoder.read_to_end(&mut plain).ok()?;
    decoder.into_inner().is_empty().then_some(plain)
}

fn gzip(plain: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::GzBuilder::new()
        .filename("name")
        .extra(vec![1, 2, 3])
        .write(Vec::new(), Compression::default());
    encoder.write_all(plain).unwrap();
    encoder.finish().unwrap()
}

proptest! {
    #[test]
    fn what_is_unfolded_does_not_depend_on_how_it_comes(
        plain: Vec<u8>,
        sizes in prop::collection::vec(1_usize..50, 1..9),
    ) {
        prop_assert_eq!(unfold(&gzip(&plain), &sizes, Limits::SMALL).unwrap(), plain);
    }

    #[test]
    fn broken_data_is_refused_or_the_same_to_everybody(
        plain: Vec<u8>,
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..4),
        cut in any::<prop::sample::Index>(),
        tail in prop::collection::vec(any::<u8>(), 0..3),
        sizes in prop::collection::vec(1_usize..50, 1..9),
    ) {
        let mut packed = gzip(&plain);
        for (at, to) in changes {
            let at = at.index(packed.len());
            packed[at] = to;
        }
        if tail.len() == 1 {
            packed.truncate(cut.index(packed.len()));
        }
        packed.extend(tail);
        let unfolded = unfold(&packed, &sizes, Limits::SMALL);
        match reference(&packed) {
            Some(plain) => prop_assert_eq!(unfolded.unwrap(), plain),
            None => prop_assert_eq!(unfolded.unwrap_err().code(), "encoding"),
        }
    }

    #[test]
    fn never_is_more_kept_than_the_limits_allow(
        length in 0_usize..200_000,
        decoded in 0_usize..200_000,
        encoded in 0_usize..400,
    ) {
        let packed = gzip(&vec![b'x'; length]);
        let limits = Limits { encoded, decoded, ..Limits::SMALL };
        match unfold(&packed, &[64], limits) {
            Ok(plain) => prop_assert!(plain.len() == length && length <= decoded && packed.len() <= encoded),
            Err(OutboundError::TooLarge { form: "compressed", .. }) => prop_assert!(packed.len() > encoded),
            Err(OutboundError::TooLarge { .. }) => prop_assert!(length > decoded),
            Err(other) => prop_assert!(false, "{other}"),
        }
    }
}
