//! Cuts a stream of bytes into records. Survives half a record at the start, a line without an end, and a line without end.

/// How a format marks where a record ends.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Framing {
    /// One record a line: LF, CR LF, or CR alone where the file has no LF.
    Lines,
}

/// A record longer than this is not one: it becomes a reject, and reading goes on at the next line.
pub const RECORD_BYTES_MAX: usize = 1 << 20;

/// One piece that the cutter found.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Cut<'a> {
    /// The record's bytes without its frame; of a record that is too long, its beginning.
    pub bytes: &'a [u8],
    /// The offset of its first byte in the stream.
    pub byte: u64,
    /// How long it was in all, if it was longer than [`RECORD_BYTES_MAX`].
    pub too_long: Option<u64>,
}

/// Cuts chunks, however they fall, into records.
#[derive(Debug, Default)]
pub struct Cutter {
    /// The beginning of a record whose end has not come.
    rest: Vec<u8>,
    /// The offset of `rest`'s first byte.
    start: u64,
    /// How many bytes of the unfinished record were seen, also those that were too many to keep.
    seen: u64,
}

impl Cutter {
    /// A cutter for a stream that begins at this offset.
    #[must_use]
    pub fn at(byte: u64) -> Cutter {
        Cutter { rest: Vec::new(), start: byte, seen: 0 }
    }

    /// Takes the next bytes of the stream and calls `each` for every record that they finish.
    pub fn push(&mut self, mut chunk: &[u8], mut each: impl FnMut(Cut<'_>)) {
        while let Some(end) = memchr::memchr(b'\n', chunk) {
            let (line, after) = (&chunk[..end], &chunk[end + 1..]);
            let length = self.seen + line.len() as u64;
            if self.seen == 0 {
                emit(line, self.start, length, &mut each);
            } else {
                self.keep(line);
                emit(&self.rest, self.start, length, &mut each);
                self.rest.clear();
            }
            self.start += length + 1;
            self.seen = 0;
            chunk = after;
        }
        self.keep(chunk);
        self.seen += chunk.len() as u64;
    }

    /// The stream has ended: what is left is a record too.
    pub fn finish(&mut self, mut each: impl FnMut(Cut<'_>)) {
        if self.seen > 0 {
            emit(&self.rest, self.start, self.seen, &mut each);
        }
        self.start += self.seen;
        self.seen = 0;
        self.rest.clear();
    }

    fn keep(&mut self, bytes: &[u8]) {
        let room = RECORD_BYTES_MAX.saturating_sub(self.rest.len());
        self.rest.extend_from_slice(bytes.get(..room).unwrap_or(bytes));
    }
}

fn emit(line: &[u8], byte: u64, length: u64, each: &mut impl FnMut(Cut<'_>)) {
    if length > RECORD_BYTES_MAX as u64 {
        let bytes = line.get(..RECORD_BYTES_MAX).unwrap_or(line);
        each(Cut { bytes, byte, too_long: Some(length) });
        return;
    }
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    if memchr::memchr(b'\r', line).is_none() {
        if !line.iter().all(u8::is_ascii_whitespace) {
            each(Cut { bytes: line, byte, too_long: None });
        }
        return;
    }
    // A file of an old system ends its lines with CR alone: then the whole file is one "line".
    let mut offset = byte;
    for piece in line.split(|b| *b == b'\r') {
        if !piece.iter().all(u8::is_ascii_whitespace) {
            each(Cut { bytes: piece, byte: offset, too_long: None });
        }
        offset += piece.len() as u64 + 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cut(chunks: &[&[u8]]) -> Vec<(u64, Vec<u8>, Option<u64>)> {
        let mut cutter = Cutter::default();
        let mut found = Vec::new();
        for chunk in chunks {
            cutter.push(chunk, |c| found.push((c.byte, c.bytes.to_vec(), c.too_long)));
        }
        cutter.finish(|c| found.push((c.byte, c.bytes.to_vec(), c.too_long)));
        found
    }

    #[test]
    fn records_do_not_depend_on_how_the_chunks_fall() {
        let text = b"one\r\ntwo\n\nthree";
        let whole = cut(&[text]);
        assert_eq!(whole, [(0, b"one".to_vec(), None), (5, b"two".to_vec(), None), (10, b"three".to_vec(), None)]);
        for at in 0..text.len() {
            assert_eq!(cut(&[&text[..at], &text[at..]]), whole, "cut at {at}");
        }
    }

    #[test]
    fn carriage_returns_alone_end_lines_too() {
        assert_eq!(cut(&[b"a\rb\rc"]), [(0, b"a".to_vec(), None), (2, b"b".to_vec(), None), (4, b"c".to_vec(), None)]);
    }

    #[test]
    fn a_line_without_end_is_told_once_and_costs_no_other() {
        let long = vec![b'x'; RECORD_BYTES_MAX * 3];
        let found = cut(&[b"a\n", &long, &long, b"\nb\n"]);
        assert_eq!(found.len(), 3);
        assert_eq!((found[1].0, found[1].1.len(), found[1].2), (2, RECORD_BYTES_MAX, Some(long.len() as u64 * 2)));
        assert_eq!(found[2].1, b"b");
    }
}
