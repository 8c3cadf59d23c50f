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
    mut cut: Cut<'_>,
    logged_at: Option<Moment>,
    out: &mut Legs,
) {
    // An editor's mark of the encoding is of the file, not of its first record.
    if cut.byte == 0 && cut.too_long.is_none() {
        cut.bytes = without_mark(cut.bytes);
        if cut.bytes.is_empty() {
            return;
        }
    }
    if cut.too_long.is_none()
        && let Some(header) = adapter.header(cut.bytes, settings)
    {
        header.take(&mut state.header);
        return;
    }
    state.records += 1;
    let mut position = Position { file, record: state.records, byte: cut.byte };
    if let Some(length) = cut.too_long {
        let mut reject = Reject::new(
            position,
            cut.bytes,
            format!(
                "{length} bytes without a line end: a record has at most {RECORD_BYTES_MAX}; reading went on at the next line"
            ),
        );
        reject.bytes_total = length;
        out.rejects.push(reject);
        return;
    }
    // A file that was being written when the machine stopped has a hole of NULs before its next record: the record behind it is sound.
    let zeros = cut.bytes.iter().take_while(|b| **b == 0).count();
    let mut bytes = cut.bytes;
    if zeros > 0 {
        out.rejects.push(Reject::new(
            position,
            &cut.bytes[..zeros],
            "NUL bytes where a record should begin: the file has a hole; the rest of the line was read",
        ));
        bytes = &cut.bytes[zeros..];
        position.byte += zeros as u64;
        if bytes.is_empty() {
            return;
        }
    }
    adapter.parse(Record { bytes, position, source, header: state.header.as_ref(), logged_at }, settings, out);
}
