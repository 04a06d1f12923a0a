//! A body taken apart into lines, with limits.

use bytes::{Bytes, BytesMut};
use domain::limits;
use http::body::BodyStream;
use http::{Code, Problem};

/// A line: its number from 1, and its bytes or why it was not read.
pub(super) type Line = (usize, Result<Bytes, Problem>);

/// Reads a body line by line, holding one line and one network buffer.
pub(super) struct Lines {
    body: BodyStream,
    buffer: BytesMut,
    searched: usize,
    count: usize,
    bytes: usize,
    ended: bool,
    skipping: bool,
}

impl Lines {
    pub(super) fn new(body: BodyStream) -> Self {
        Self {
            body,
            buffer: BytesMut::new(),
            searched: 0,
            count: 0,
            bytes: 0,
            ended: false,
            skipping: false,
        }
    }

    /// Lines read so far.
    pub(super) fn count(&self) -> usize {
        self.count
    }

    /// Bytes of the lines given so far.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Counts so many bytes that are kept of this body.
    pub(super) fn keep(&mut self, bytes: usize) -> Result<(), Problem> {
        self.body.keep(bytes)
    }

    /// Gives no more lines.
    pub(super) fn stop(&mut self) {
        self.body.stop();
        self.ended = true;
        self.buffer.clear();
        self.searched = 0;
    }

    /// The next line that is not blank.
    pub(super) async fn next(&mut self) -> Option<Line> {
        loop {
            while let Some(line) = self.whole_line() {
                if std::mem::take(&mut self.skipping) {
                    continue;
                }
                if let Some(line) = self.numbered(line) {
                    return Some(line);
                }
            }
            if self.buffer.len() > limits::ENTRY_BYTES {
                self.buffer.clear();
                self.searched = 0;
                if !std::mem::replace(&mut self.skipping, true) {
                    self.count += 1;
                    return Some((self.count, Err(too_long())));
                }
            }
            if self.ended {
                let rest = self.buffer.split().freeze();
                self.searched = 0;
                return if self.skipping {
                    None
                } else {
                    self.numbered(rest)
                };
            }
            match self.body.next().await {
                None => self.ended = true,
                Some(Ok(piece)) => self.buffer.extend_from_slice(&piece),
                Some(Err(problem)) => {
                    self.stop();
                    self.count += 1;
                    return Some((self.count, Err(problem)));
                }
            }
        }
    }

    fn whole_line(&mut self) -> Option<Bytes> {
        let rest = self.buffer.get(self.searched..)?;
        match memchr::memchr(b'\n', rest) {
            Some(at) => {
                let line = self.buffer.split_to(self.searched + at + 1).freeze();
                self.searched = 0;
                Some(line)
            }
            None => {
                self.searched = self.buffer.len();
                None
            }
        }
    }

    fn numbered(&mut self, line: Bytes) -> Option<Line> {
        let trimmed = line.trim_ascii();
        if trimmed.is_empty() {
            return None;
        }
        let trimmed = line.slice_ref(trimmed);
        self.count += 1;
        self.bytes += line.len();
        if trimmed.len() > limits::ENTRY_BYTES {
            return Some((self.count, Err(too_long())));
        }
        Some((self.count, Ok(trimmed)))
    }
}

fn too_long() -> Problem {
    Problem::new(
        Code::BodyTooLarge,
        format!("a line has at most {} bytes", limits::ENTRY_BYTES),
    )
}
