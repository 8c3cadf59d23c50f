//! ClickHouse's compressed frames: a checksum, a method, two lengths, and what was packed by LZ4.
//!
//! Source: the server's `CompressedWriteBuffer`: CityHash128 (version 1.0.2) over the rest of the frame, 0x82 for LZ4,
//! the frame's length without the checksum and the length unpacked, both UInt32.

use bytes::Bytes;

/// What one frame holds at most, in bytes before packing.
const FRAME_BYTES_MAX: usize = 1 << 20;

const CHECKSUM_BYTES: usize = 16;
const HEADER_BYTES: usize = 9;
const METHOD_LZ4: u8 = 0x82;

/// Packs what it is given into frames.
#[derive(Default)]
pub(crate) struct Framer {
    plain: Vec<u8>,
    /// Room for the worst that one frame can become, of which little is used: filled with zeros once, not for every frame.
    frame: Vec<u8>,
    packed: Vec<u8>,
}

impl Framer {
    pub(crate) fn push(&mut self, mut bytes: &[u8]) {
        while self.plain.len() + bytes.len() >= FRAME_BYTES_MAX {
            let (now, later) = bytes.split_at(FRAME_BYTES_MAX - self.plain.len());
            self.plain.extend_from_slice(now);
            bytes = later;
            self.frame();
        }
        self.plain.extend_from_slice(bytes);
    }

    /// All frames. The memory for what is not packed yet stays.
    pub(crate) fn finish(&mut self) -> Bytes {
        if !self.plain.is_empty() {
            self.frame();
        }
        Bytes::from(std::mem::take(&mut self.packed))
    }

    fn frame(&mut self) {
        let (head, body) = (CHECKSUM_BYTES, CHECKSUM_BYTES + HEADER_BYTES);
        let worst = body + lz4_flex::block::get_maximum_output_size(self.plain.len());
        if self.frame.len() < worst {
            self.frame.resize(worst, 0);
        }
        // There is room for the worst case, so it cannot fail.
        let packed = lz4_flex::block::compress_into(&self.plain, &mut self.frame[body..]).unwrap_or(0);
        let frame = &mut self.frame[..body + packed];
        frame[head] = METHOD_LZ4;
        frame[head + 1..head + 5].copy_from_slice(&((HEADER_BYTES + packed) as u32).to_le_bytes());
        frame[head + 5..body].copy_from_slice(&(self.plain.len() as u32).to_le_bytes());
        // The halves are stored in the other order than the crate's number has them.
        let checksum = cityhash_rs::cityhash_102_128(&frame[head..]).rotate_right(64);
        frame[..head].copy_from_slice(&checksum.to_le_bytes());
        self.packed.extend_from_slice(frame);
        self.plain.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_hold_a_mebibyte_each_and_give_back_what_went_in() {
        let bytes: Vec<u8> = (0..2_500_000u32).map(|n| (n / 7) as u8).collect();
        let mut framer = Framer::default();
        bytes.chunks(999).for_each(|part| framer.push(part));
        let mut rest = &framer.finish()[..];
        let mut unpacked = Vec::new();
        let mut frames = 0;
        while !rest.is_empty() {
            let number = |at: usize| u32::from_le_bytes(rest[at..at + 4].try_into().unwrap()) as usize;
            let (packed, plain) = (number(17), number(21));
            assert!(plain <= FRAME_BYTES_MAX);
            let (frame, next) = rest.split_at(CHECKSUM_BYTES + packed);
            unpacked.extend(lz4_flex::block::decompress(&frame[CHECKSUM_BYTES + HEADER_BYTES..], plain).unwrap());
            rest = next;
            frames += 1;
        }
        assert_eq!((unpacked, frames), (bytes, 3));
        assert!(framer.finish().is_empty());
    }
}
