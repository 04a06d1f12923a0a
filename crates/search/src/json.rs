//! Where the entries' JSON lies: a few large runs of bytes that segments share.

use bytes::Bytes;

use crate::limits;

/// Where one JSON text lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) block: u32,
    start: u32,
    len: u32,
}

impl Place {
    pub(crate) fn len(self) -> usize {
        self.len as usize
    }
}

/// The blocks that a segment's places point into.
#[derive(Debug, Default, Clone)]
pub(crate) struct Blocks(pub(crate) Vec<Bytes>);

impl Blocks {
    /// The bytes at a place: no copy, one more user of the block.
    pub(crate) fn get(&self, place: Place) -> Bytes {
        let (start, end) = (place.start as usize, place.start as usize + place.len());
        match self.0.get(place.block as usize) {
            Some(block) if end <= block.len() => block.slice(start..end),
            _ => Bytes::new(),
        }
    }

    pub(crate) fn bytes(&self, place: Place) -> &[u8] {
        let (start, end) = (place.start as usize, place.start as usize + place.len());
        self.0
            .get(place.block as usize)
            .and_then(|block| block.get(start..end))
            .unwrap_or(&[])
    }
}

/// Gathers JSON into blocks.
#[derive(Debug, Default)]
pub(crate) struct BlocksBuilder {
    done: Vec<Bytes>,
    open: Vec<u8>,
    /// Which block of `done` the open one becomes.
    open_at: Option<usize>,
}

impl BlocksBuilder {
    /// Takes over a block as it is; places in it move to the returned number.
    pub(crate) fn share(&mut self, block: Bytes) -> u32 {
        self.done.push(block);
        u32::try_from(self.done.len() - 1).unwrap_or(u32::MAX)
    }

    /// Copies a text.
    pub(crate) fn add(&mut self, json: &[u8]) -> Place {
        if self.open.len() + json.len() > limits::JSON_BLOCK {
            self.close();
        }
        let at = *self.open_at.get_or_insert_with(|| {
            self.done.push(Bytes::new());
            self.done.len() - 1
        });
        let place = Place {
            block: u32::try_from(at).unwrap_or(u32::MAX),
            start: u32::try_from(self.open.len()).unwrap_or(u32::MAX),
            len: u32::try_from(json.len()).unwrap_or(u32::MAX),
        };
        self.open.extend_from_slice(json);
        place
    }

    /// The place that a text of a shared block has now.
    pub(crate) fn moved(place: Place, block: u32) -> Place {
        Place { block, ..place }
    }

    fn close(&mut self) {
        if let Some(slot) = self.open_at.take().and_then(|at| self.done.get_mut(at)) {
            // Copied, as `build::fitted` does, and the room is used again for the next one.
            *slot = Bytes::copy_from_slice(&self.open);
            self.open.clear();
        }
    }

    pub(crate) fn finish(mut self) -> Blocks {
        self.close();
        self.done.shrink_to_fit();
        Blocks(self.done)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_put_in_lies_where_its_place_says_across_blocks() {
        let mut builder = BlocksBuilder::default();
        let shared = builder.share(Bytes::from_static(b"shared"));
        let texts: Vec<Vec<u8>> = (0..40_u8).map(|i| vec![i; 100_000]).collect();
        let places: Vec<Place> = texts.iter().map(|text| builder.add(text)).collect();
        let large = builder.add(&vec![7; limits::JSON_BLOCK * 2]);
        let blocks = builder.finish();
        assert!(blocks.0.len() > 3);
        for (text, place) in texts.iter().zip(&places) {
            assert_eq!(blocks.get(*place), text);
        }
        assert_eq!(blocks.get(large).len(), limits::JSON_BLOCK * 2);
        let whole = Place {
            block: 9,
            start: 0,
            len: 6,
        };
        assert_eq!(blocks.bytes(BlocksBuilder::moved(whole, shared)), b"shared");
    }
}
