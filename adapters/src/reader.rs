//! One source's bytes to legs: cuts records, keeps the header, asks the adapter, and accounts for every byte.

use crate::adapter::{Adapter, Header, Legs, Record, Settings};
use crate::framing::{Cut, Cutter, RECORD_BYTES_MAX};
use crate::leg::{Moment, Position};
use crate::reject::Reject;

/// Reads one file or stream from its beginning.
pub struct Reader<'a> {
    adapter: &'static dyn Adapter,
    settings: &'a Settings,
    source: &'a [u8],
    file: u32,
    cutter: Cutter,
    state: State,
}

#[derive(Default)]
struct State {
    header: Option<Header>,
    records: u64,
}

impl<'a> Reader<'a> {
    /// A reader of a file with this number; `source` is its identity, for formats whose records have no id.
    #[must_use]
    pub fn new(adapter: &'static dyn Adapter, settings: &'a Settings, source: &'a [u8], file: u32) -> Reader<'a> {
        Reader { adapter, settings, source, file, cutter: Cutter::default(), state: State::default() }
    }

    /// Takes the next bytes. Legs and rejects are added to `out`.
    pub fn push(&mut self, chunk: &[u8], logged_at: Option<Moment>, out: &mut Legs) {
        let Reader { adapter, settings, source, file, cutter, state } = self;
        cutter.push(chunk, |cut| record(*adapter, settings, source, *file, state, cut, logged_at, out));
    }

    /// The source has ended.
    pub fn finish(&mut self, logged_at: Option<Moment>, out: &mut Legs) {
        let Reader { adapter, settings, source, file, cutter, state } = self;
        cutter.finish(|cut| record(*adapter, settings, source, *file, state, cut, logged_at, out));
    }

    /// Takes one record that was cut before, with its offset; `too_long` is its whole length if not all of it was kept.
    pub fn record(
        &mut self,
        bytes: &[u8],
        byte: u64,
        too_long: Option<u64>,
        logged_at: Option<Moment>,
        out: &mut Legs,
    ) {
        let cut = Cut { bytes, byte, too_long };
        record(self.adapter, self.settings, self.source, self.file, &mut self.state, cut, logged_at, out);
    }

    /// Records read; header lines are not counted.
    #[must_use]
    pub fn records(&self) -> u64 {
        self.state.records
    }
}

/// What one record of a log was.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Read {
    /// A line that names the columns of those after it.
    Header,
    /// Nothing at all: a file's mark of its encoding.
    Nothing,
    /// A record: legs, rejects or both were added.
    Record,
}

/// Reads one record of a log that gives each with its position, and with its whole length if it was too long to be one.
/// `header` is that of its source; a header line becomes the one of the records after it.
pub fn read(
    adapter: &'static dyn Adapter,
    settings: &Settings,
    header: &mut Option<Header>,
    mut record: Record<'_>,
    too_long: Option<u64>,
    out: &mut Legs,
) -> Read {
    // An editor's mark of the encoding is of the file, not of its first record.
    if record.position.byte == 0 && too_long.is_none() {
        record.bytes = without_mark(record.bytes);
        if record.bytes.is_empty() {
            return Read::Nothing;
        }
    }
    if too_long.is_none()
        && let Some(told) = adapter.header(record.bytes, settings)
    {
        told.take(header);
        return Read::Header;
    }
    if let Some(length) = too_long {
        let mut reject = Reject::new(
            record.position,
            record.bytes,
            format!(
                "{length} bytes without a line end: a record has at most {RECORD_BYTES_MAX}; reading went on at the next line"
            ),
        );
        reject.bytes_total = length;
        out.rejects.push(reject);
        return Read::Record;
    }
    // A file that was being written when the machine stopped has a hole of NULs before its next record: the record behind it is sound.
    let zeros = record.bytes.iter().take_while(|b| **b == 0).count();
    if zeros > 0 {
        out.rejects.push(Reject::new(
            record.position,
            &record.bytes[..zeros],
            "NUL bytes where a record should begin: the file has a hole; the rest of the line was read",
        ));
        record.bytes = &record.bytes[zeros..];
        record.position.byte += zeros as u64;
        if record.bytes.is_empty() {
            return Read::Record;
        }
    }
    adapter.parse(Record { header: header.as_ref(), ..record }, settings, out);
    Read::Record
}

/// The bytes without UTF-8's byte order mark.
pub(crate) fn without_mark(bytes: &[u8]) -> &[u8] {
    bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes)
}

#[allow(clippy::too_many_arguments)] // The reader's own parts, borrowed one by one since the cutter is among them.
fn record(
    adapter: &'static dyn Adapter,
    settings: &Settings,
    source: &[u8],
    file: u32,
    state: &mut State,
    cut: Cut<'_>,
    logged_at: Option<Moment>,
    out: &mut Legs,
) {
    let position = Position { file, record: state.records + 1, byte: cut.byte };
    let record = Record { bytes: cut.bytes, position, source, header: None, logged_at };
    if read(adapter, settings, &mut state.header, record, cut.too_long, out) == Read::Record {
        state.records += 1;
    }
}
