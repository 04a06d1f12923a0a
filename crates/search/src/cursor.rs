//! Cursors: where the next page starts, as an opaque text.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use uuid::Uuid;

use crate::{QueryError, limits};

/// Where a page ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Position {
    /// After this many hits.
    Offset(u32),
    /// After the entry of this name and key.
    Name {
        name: Vec<u8>,
        origin: String,
        id: Uuid,
    },
    /// After the entry of this time (as the column has it) and key.
    Time { at: i64, origin: String, id: Uuid },
}

const VERSION: u8 = 1;

/// The text of a cursor for a question with this fingerprint.
pub(crate) fn write(fingerprint: u64, position: &Position) -> String {
    let mut out = vec![VERSION];
    out.extend_from_slice(&fingerprint.to_be_bytes());
    match position {
        Position::Offset(offset) => {
            out.push(0);
            out.extend_from_slice(&offset.to_be_bytes());
        }
        Position::Name { name, origin, id } => {
            out.push(1);
            out.push(u8::try_from(name.len()).unwrap_or(u8::MAX));
            out.extend_from_slice(name);
            out.extend_from_slice(id.as_bytes());
            out.extend_from_slice(origin.as_bytes());
        }
        Position::Time { at, origin, id } => {
            out.push(2);
            out.extend_from_slice(&at.to_be_bytes());
            out.extend_from_slice(id.as_bytes());
            out.extend_from_slice(origin.as_bytes());
        }
    }
    URL_SAFE_NO_PAD.encode(out)
}

/// Reads a cursor back.
///
/// # Errors
/// [`QueryError::Cursor`] for anything but a cursor of the question with this fingerprint.
pub(crate) fn read(fingerprint: u64, cursor: &str) -> Result<Position, QueryError> {
    if cursor.len() > limits::CURSOR_BYTES {
        return Err(QueryError::Cursor);
    }
    let bytes = URL_SAFE_NO_PAD
        .decode(cursor)
        .map_err(|_| QueryError::Cursor)?;
    parse(fingerprint, &bytes).ok_or(QueryError::Cursor)
}

fn parse(fingerprint: u64, bytes: &[u8]) -> Option<Position> {
    let (&[version], rest) = bytes.split_first_chunk::<1>()?;
    let (bound, rest) = rest.split_first_chunk::<8>()?;
    if version != VERSION || u64::from_be_bytes(*bound) != fingerprint {
        return None;
    }
    let (&[shape], rest) = rest.split_first_chunk::<1>()?;
    match shape {
        0 => Some(Position::Offset(u32::from_be_bytes(rest.try_into().ok()?))),
        1 => {
            let (&[length], rest) = rest.split_first_chunk::<1>()?;
            let (name, rest) = rest.split_at_checked(length.into())?;
            let (id, origin) = key(rest)?;
            Some(Position::Name {
                name: name.to_vec(),
                origin,
                id,
            })
        }
        2 => {
            let (at, rest) = rest.split_first_chunk::<8>()?;
            let (id, origin) = key(rest)?;
            Some(Position::Time {
                at: i64::from_be_bytes(*at),
                origin,
                id,
            })
        }
        _ => None,
    }
}

fn key(bytes: &[u8]) -> Option<(Uuid, String)> {
    let (id, origin) = bytes.split_first_chunk::<16>()?;
    Some((
        Uuid::from_bytes(*id),
        std::str::from_utf8(origin).ok()?.to_owned(),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_reads_back_only_with_its_own_question() {
        let origin = "https://a.example".to_owned();
        let id = Uuid::from_u128(7);
        for position in [
            Position::Offset(40),
            Position::Name {
                name: b"migrationsberatung".to_vec(),
                origin: origin.clone(),
                id,
            },
            Position::Time { at: -5, origin, id },
        ] {
            let text = write(1, &position);
            assert_eq!(read(1, &text), Ok(position));
            assert_eq!(read(2, &text), Err(QueryError::Cursor));
        }
    }

    #[test]
    fn what_is_no_cursor_is_refused() {
        let good = write(1, &Position::Offset(40));
        let long = "A".repeat(limits::CURSOR_BYTES + 1);
        for bad in ["", "x", "AAAA", "%%%", &good[..good.len() - 2], &long] {
            assert_eq!(read(1, bad), Err(QueryError::Cursor), "{bad}");
        }
    }
}
