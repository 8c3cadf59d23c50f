//! How bodies are packed: ClickHouse's own frames (`compress=1`, `decompress=1`) and HTTP's content encodings.
//!
//! A native frame is 16 bytes of CityHash128 (version 1.0.2) over the rest, a byte for the method, the frame's length
//! and the unpacked length as little-endian u32 (the first counts its own nine bytes of header), then the packed bytes.

use std::io::{self, BufRead, BufReader, Read, Write};

use bytes::Bytes;

use super::exception::{self, Exception};

/// The longest native frame that is taken, packed and unpacked. The server's own limit is 1 GiB, which a client that
/// lies in its header could make us allocate several times at once.
pub(crate) const FRAME_BYTES_MAX: usize = 256 << 20;

const CHECKSUM_BYTES: usize = 16;
/// Method and two lengths, which the packed length counts and the checksum covers.
const HEADER_BYTES: usize = 9;
const METHOD_NONE: u8 = 0x02;
const METHOD_LZ4: u8 = 0x82;
const METHOD_ZSTD: u8 = 0x90;

/// A body's encoding, by the names of the HTTP headers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Encoding {
    Identity,
    Gzip,
    Deflate,
    Zstd,
    Lz4,
}

impl Encoding {
    /// Reads a Content-Encoding header.
    pub(crate) fn parse(name: &str) -> Result<Encoding, Exception> {
        match name.trim().to_ascii_lowercase().as_str() {
            "" | "identity" => Ok(Encoding::Identity),
            "gzip" | "x-gzip" => Ok(Encoding::Gzip),
            "deflate" => Ok(Encoding::Deflate),
            "zstd" => Ok(Encoding::Zstd),
            "lz4" => Ok(Encoding::Lz4),
            _ => Err(Exception::new(
                exception::NOT_IMPLEMENTED,
                format_args!("Unknown Content-Encoding `{name}`: gzip, deflate, zstd and lz4 are known"),
            )),
        }
    }

    /// The best of those in an Accept-Encoding header, in the server's order of preference.
    pub(crate) fn accepted(header: &str) -> Encoding {
        let offers = |name: &str| {
            header.split(',').any(|part| {
                let mut words = part.split(';');
                words.next().is_some_and(|w| w.trim().eq_ignore_ascii_case(name)) && !words.any(|w| w.trim() == "q=0")
            })
        };
        match () {
            () if offers("lz4") => Encoding::Lz4,
            () if offers("zstd") => Encoding::Zstd,
            () if offers("gzip") => Encoding::Gzip,
            () if offers("deflate") => Encoding::Deflate,
            () => Encoding::Identity,
        }
    }

    /// The value of a Content-Encoding header, where one is due.
    pub(crate) fn header(self) -> Option<&'static str> {
        match self {
            Encoding::Identity => None,
            Encoding::Gzip => Some("gzip"),
            Encoding::Deflate => Some("deflate"),
            Encoding::Zstd => Some("zstd"),
            Encoding::Lz4 => Some("lz4"),
        }
    }
}

/// Unpacks a request's body while it comes in.
pub(crate) fn reader(body: impl Read + 'static, encoding: Encoding, native_frames: bool) -> io::Result<Box<dyn Read>> {
    let plain: Box<dyn Read> = match encoding {
        Encoding::Identity => Box::new(body),
        Encoding::Gzip => Box::new(flate2::read::MultiGzDecoder::new(body)),
        Encoding::Deflate => Box::new(flate2::read::ZlibDecoder::new(body)),
        Encoding::Zstd => Box::new(zstd::stream::read::Decoder::new(body)?),
        Encoding::Lz4 => Box::new(Lz4Frames { decoder: lz4_flex::frame::FrameDecoder::new(BufReader::new(body)) }),
    };
    Ok(if native_frames { Box::new(NativeFrames::new(plain)) } else { plain })
}

/// LZ4's own frames. The decoder says "end" at the end of each, and some clients send one frame a block.
struct Lz4Frames<R: Read> {
    decoder: lz4_flex::frame::FrameDecoder<BufReader<R>>,
}

impl<R: Read> Read for Lz4Frames<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        loop {
            let length = self.decoder.read(out)?;
            if length > 0 || out.is_empty() || self.decoder.get_mut().fill_buf()?.is_empty() {
                return Ok(length);
            }
        }
    }
}

/// ClickHouse's frames. Nothing of a frame is given out before its checksum was right.
struct NativeFrames<R> {
    packed: R,
    frame: Vec<u8>,
    block: Vec<u8>,
    given: usize,
}

impl<R: Read> NativeFrames<R> {
    fn new(packed: R) -> NativeFrames<R> {
        NativeFrames { packed, frame: Vec::new(), block: Vec::new(), given: 0 }
    }

    /// Reads and unpacks one frame; false at a clean end.
    fn next_frame(&mut self) -> io::Result<bool> {
        self.frame.clear();
        let head = CHECKSUM_BYTES + HEADER_BYTES;
        let got = (&mut self.packed).take(head as u64).read_to_end(&mut self.frame)?;
        if got == 0 {
            return Ok(false);
        }
        let header: [u8; HEADER_BYTES] = match self.frame.get(CHECKSUM_BYTES..head).map(TryInto::try_into) {
            Some(Ok(header)) => header,
            _ => return Err(truncated(got, head)),
        };
        let checksum: [u8; CHECKSUM_BYTES] = self.frame[..CHECKSUM_BYTES].try_into().unwrap_or_default();
        let [method, p0, p1, p2, p3, u0, u1, u2, u3] = header;
        let packed_bytes = u32::from_le_bytes([p0, p1, p2, p3]) as usize;
        let block_bytes = u32::from_le_bytes([u0, u1, u2, u3]) as usize;
        if packed_bytes < HEADER_BYTES {
            return Err(cannot_decompress(format_args!("a frame of {packed_bytes} bytes is shorter than its header")));
        }
        if packed_bytes > FRAME_BYTES_MAX || block_bytes > FRAME_BYTES_MAX {
            let what =
                format!("a frame of {packed_bytes} bytes, {block_bytes} unpacked: {FRAME_BYTES_MAX} is the most");
            return Err(Exception::new(exception::TOO_LARGE_SIZE_COMPRESSED, what).into());
        }

        // `take` grows the buffer with what really comes, so that a header alone cannot make it large.
        self.frame.drain(..CHECKSUM_BYTES);
        let wanted = packed_bytes - HEADER_BYTES;
        let got = (&mut self.packed).take(wanted as u64).read_to_end(&mut self.frame)?;
        if got < wanted {
            return Err(truncated(got, wanted));
        }
        if checksum_of(&self.frame) != checksum {
            let what = "Checksum doesn't match: corrupted data";
            return Err(Exception::new(exception::CHECKSUM_DOESNT_MATCH, what).into());
        }

        self.given = 0;
        self.block.clear();
        self.block.resize(block_bytes, 0);
        let packed = &self.frame[HEADER_BYTES..];
        let unpacked = match method {
            METHOD_LZ4 => lz4_flex::block::decompress_into(packed, &mut self.block)
                .map_err(|error| cannot_decompress(format_args!("LZ4: {error}")))?,
            METHOD_ZSTD => zstd::bulk::decompress_to_buffer(packed, &mut self.block[..])
                .map_err(|error| cannot_decompress(format_args!("ZSTD: {error}")))?,
            METHOD_NONE if packed.len() == block_bytes => {
                self.block.copy_from_slice(packed);
                block_bytes
            }
            METHOD_NONE => packed.len(),
            _ => return Err(cannot_decompress(format_args!("unknown method {method:#04x}"))),
        };
        if unpacked != block_bytes {
            return Err(cannot_decompress(format_args!("a frame of {block_bytes} bytes unpacked to {unpacked}")));
        }
        Ok(true)
    }
}

impl<R: Read> Read for NativeFrames<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        while self.given == self.block.len() {
            if !self.next_frame()? {
                return Ok(0);
            }
        }
        let length = out.len().min(self.block.len() - self.given);
        out[..length].copy_from_slice(&self.block[self.given..self.given + length]);
        self.given += length;
        Ok(length)
    }
}

/// One native frame with `block` in it, packed by LZ4.
pub(crate) fn native_frame(block: &[u8]) -> Vec<u8> {
    let packed = lz4_flex::block::compress(block);
    let mut frame = Vec::with_capacity(CHECKSUM_BYTES + HEADER_BYTES + packed.len());
    frame.resize(CHECKSUM_BYTES, 0);
    frame.push(METHOD_LZ4);
    frame.extend_from_slice(&((packed.len() + HEADER_BYTES) as u32).to_le_bytes());
    frame.extend_from_slice(&(block.len() as u32).to_le_bytes());
    frame.extend_from_slice(&packed);
    let checksum = checksum_of(&frame[CHECKSUM_BYTES..]);
    frame[..CHECKSUM_BYTES].copy_from_slice(&checksum);
    frame
}

/// The halves are stored in the other order than the crate's number has them.
fn checksum_of(frame: &[u8]) -> [u8; CHECKSUM_BYTES] {
    cityhash_rs::cityhash_102_128(frame).rotate_right(64).to_le_bytes()
}

fn truncated(got: usize, wanted: usize) -> io::Error {
    cannot_decompress(format_args!("the body ends within a frame, {got} of {wanted} bytes into it"))
}

fn cannot_decompress(what: std::fmt::Arguments<'_>) -> io::Error {
    Exception::new(exception::CANNOT_DECOMPRESS, what).into()
}

/// Packs a response. One stream for the whole of it, flushed with each piece, since several clients refuse
/// concatenated streams.
pub(crate) enum Packer {
    Plain,
    NativeFrames,
    Gzip(flate2::write::GzEncoder<Vec<u8>>),
    Deflate(flate2::write::ZlibEncoder<Vec<u8>>),
    Zstd(zstd::stream::write::Encoder<'static, Vec<u8>>),
    Lz4(Box<lz4_flex::frame::FrameEncoder<Vec<u8>>>),
}

impl Packer {
    pub(crate) fn new(encoding: Encoding, native_frames: bool) -> io::Result<Packer> {
        let level = flate2::Compression::fast();
        Ok(match encoding {
            _ if native_frames => Packer::NativeFrames,
            Encoding::Identity => Packer::Plain,
            Encoding::Gzip => Packer::Gzip(flate2::write::GzEncoder::new(Vec::new(), level)),
            Encoding::Deflate => Packer::Deflate(flate2::write::ZlibEncoder::new(Vec::new(), level)),
            Encoding::Zstd => Packer::Zstd(zstd::stream::write::Encoder::new(Vec::new(), 1)?),
            Encoding::Lz4 => Packer::Lz4(Box::new(lz4_flex::frame::FrameEncoder::new(Vec::new()))),
        })
    }

    /// Packs a piece; what it gives can be sent at once.
    pub(crate) fn pack(&mut self, piece: Bytes) -> io::Result<Bytes> {
        Ok(match self {
            Packer::Plain => piece,
            Packer::NativeFrames => native_frame(&piece).into(),
            Packer::Gzip(encoder) => {
                encoder.write_all(&piece)?;
                encoder.flush()?;
                std::mem::take(encoder.get_mut()).into()
            }
            Packer::Deflate(encoder) => {
                encoder.write_all(&piece)?;
                encoder.flush()?;
                std::mem::take(encoder.get_mut()).into()
            }
            Packer::Zstd(encoder) => {
                encoder.write_all(&piece)?;
                encoder.flush()?;
                std::mem::take(encoder.get_mut()).into()
            }
            Packer::Lz4(encoder) => {
                encoder.write_all(&piece)?;
                encoder.flush()?;
                std::mem::take(encoder.get_mut()).into()
            }
        })
    }

    /// Gives the end of the stream.
    pub(crate) fn finish(self) -> io::Result<Bytes> {
        Ok(match self {
            Packer::Plain | Packer::NativeFrames => Bytes::new(),
            Packer::Gzip(encoder) => encoder.finish()?.into(),
            Packer::Deflate(encoder) => encoder.finish()?.into(),
            Packer::Zstd(encoder) => encoder.finish()?.into(),
            Packer::Lz4(encoder) => encoder.finish().map_err(io::Error::other)?.into(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unpack(body: &[u8]) -> Result<Vec<u8>, Exception> {
        let mut out = Vec::new();
        let mut reader = reader(io::Cursor::new(body.to_vec()), Encoding::Identity, true).expect("a reader");
        reader.read_to_end(&mut out).map(|_| out).map_err(|error| Exception::from_read(&error))
    }

    fn check_refused(body: &[u8], code: i32) {
        assert_eq!(unpack(body).map_err(|error| error.code), Err(code));
    }

    /// A frame with these fields and a right checksum.
    fn frame(method: u8, packed_bytes: usize, block_bytes: usize, packed: &[u8]) -> Vec<u8> {
        let mut frame = vec![0; CHECKSUM_BYTES];
        frame.push(method);
        frame.extend_from_slice(&(packed_bytes as u32).to_le_bytes());
        frame.extend_from_slice(&(block_bytes as u32).to_le_bytes());
        frame.extend_from_slice(packed);
        let checksum = checksum_of(&frame[CHECKSUM_BYTES..]);
        frame[..CHECKSUM_BYTES].copy_from_slice(&checksum);
        frame
    }

    #[test]
    fn frames_come_back_as_they_went() {
        let blocks: [&[u8]; 4] = [b"", b"a", &[7; 100_000], "дзвінок".as_bytes()];
        let body: Vec<u8> = blocks.iter().flat_map(|block| native_frame(block)).collect();
        assert_eq!(unpack(&body), Ok(blocks.concat()));
        assert_eq!(unpack(b""), Ok(Vec::new()));
    }

    #[test]
    fn the_other_methods_are_read() {
        let none = frame(METHOD_NONE, 3 + HEADER_BYTES, 3, b"abc");
        assert_eq!(unpack(&none), Ok(b"abc".to_vec()));
        let packed = zstd::bulk::compress(b"abcabc", 1).expect("packed");
        assert_eq!(unpack(&frame(METHOD_ZSTD, packed.len() + HEADER_BYTES, 6, &packed)), Ok(b"abcabc".to_vec()));
    }

    #[test]
    fn a_cut_frame_is_refused_wherever_it_is_cut() {
        let body = native_frame(&[1, 2, 3, 4, 5, 6, 7, 8, 9]);
        for length in 1..body.len() {
            check_refused(&body[..length], exception::CANNOT_DECOMPRESS);
        }
    }

    #[test]
    fn a_changed_byte_is_noticed_wherever_it_is() {
        let body = native_frame(b"every byte is covered by the checksum, or by the lengths");
        for at in 0..body.len() {
            let mut changed = body.clone();
            changed[at] ^= 0x10;
            assert!(unpack(&changed).is_err(), "byte {at}");
        }
    }

    #[test]
    fn lies_about_lengths_are_refused() {
        let lz4 = lz4_flex::block::compress(b"abc");
        let n = lz4.len() + HEADER_BYTES;
        check_refused(&frame(METHOD_LZ4, FRAME_BYTES_MAX + 1, 3, &lz4), exception::TOO_LARGE_SIZE_COMPRESSED);
        check_refused(&frame(METHOD_LZ4, n, FRAME_BYTES_MAX + 1, &lz4), exception::TOO_LARGE_SIZE_COMPRESSED);
        check_refused(&frame(METHOD_LZ4, 8, 3, &lz4), exception::CANNOT_DECOMPRESS);
        check_refused(&frame(METHOD_LZ4, n, 2, &lz4), exception::CANNOT_DECOMPRESS);
        check_refused(&frame(METHOD_LZ4, n, 4, &lz4), exception::CANNOT_DECOMPRESS);
        check_refused(&frame(METHOD_NONE, 3 + HEADER_BYTES, 4, b"abc"), exception::CANNOT_DECOMPRESS);
        check_refused(&frame(METHOD_ZSTD, n, 3, &lz4), exception::CANNOT_DECOMPRESS);
        check_refused(&frame(0x33, n, 3, &lz4), exception::CANNOT_DECOMPRESS);
    }

    #[test]
    fn noise_is_refused() {
        let mut seed = 11_u64;
        for length in 1..2_000 {
            let noise: Vec<u8> = (0..length)
                .map(|_| {
                    seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                    (seed >> 56) as u8
                })
                .collect();
            assert!(unpack(&noise).is_err());
        }
    }

    #[test]
    fn every_encoding_comes_back_as_it_went() {
        for encoding in [Encoding::Identity, Encoding::Gzip, Encoding::Deflate, Encoding::Zstd, Encoding::Lz4] {
            let mut packer = Packer::new(encoding, false).expect("a packer");
            let mut body = Vec::new();
            for piece in ["one ", "two ", ""] {
                body.extend_from_slice(&packer.pack(Bytes::from(piece)).expect("packed"));
            }
            body.extend_from_slice(&packer.finish().expect("an end"));
            // Clients also send one stream a block, one after the other.
            let streams = if encoding == Encoding::Deflate { 1 } else { 2 };
            let mut out = String::new();
            let mut reader = reader(io::Cursor::new(body.repeat(streams)), encoding, false).expect("a reader");
            reader.read_to_string(&mut out).expect("read");
            assert_eq!(out, "one two ".repeat(streams), "{encoding:?}");
        }
    }

    #[test]
    fn the_best_accepted_encoding_is_taken() {
        assert_eq!(Encoding::accepted("gzip, deflate;q=0.5, zstd"), Encoding::Zstd);
        assert_eq!(Encoding::accepted("lz4"), Encoding::Lz4);
        assert_eq!(Encoding::accepted("gzip;q=0, br"), Encoding::Identity);
        assert_eq!(Encoding::accepted(""), Encoding::Identity);
        assert_eq!(Encoding::parse("br").map_err(|error| error.code), Err(exception::NOT_IMPLEMENTED));
    }
}
