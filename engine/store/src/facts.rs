//! The facts of one batch, row by row into columns, and sealed into bytes that are sent until the server has them.
//!
//! A batch is a function of its records and the settings: the same calls in the same order make the same bytes.

use std::sync::Arc;

use adapters::leg::{End, Moment};
use adapters::{Leg, Reject};
use bytes::Bytes;
use calls::assemble::stored_keys;
use stream::Facts;

use crate::column::{AT, Columns, Described, MAYBE_AT, Row, TEXT};
use crate::frame::Framer;
use crate::words::Worded;

/// Rows of one table in one batch at most: so that the block is never cut, and its token covers all of it.
pub const BATCH_ROWS_MAX: usize = 1_000_000;

pub use stream::facts::{From, Mark, Place};

/// A range of the log that is stored together, and what it promises beside its rows.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Batch<'a> {
    /// Which reading of the log.
    pub epoch: u8,
    /// The log.
    pub topic: &'a str,
    /// The partition.
    pub partition: u32,
    /// The position of its first record.
    pub first: u64,
    /// The position after its last record.
    pub next: u64,
    /// Records that were read.
    pub records: u64,
    /// Records that only name the columns of others.
    pub headers: u64,
    /// The version of the settings.
    pub settings: u32,
    /// The log's clock.
    pub sealed_at: Moment,
}

/// A batch as bytes: cheap to clone, and the same however often it is sent.
#[derive(Clone, Debug)]
pub struct Sealed {
    blocks: Arc<[SealedBlock]>,
}

impl Sealed {
    /// One block for each table that has rows; the batch's own row is in the last, so that it promises what is there.
    #[must_use]
    pub fn blocks(&self) -> &[SealedBlock] {
        &self.blocks
    }

    /// Rows of this table.
    #[must_use]
    pub fn rows(&self, table: &str) -> u64 {
        self.blocks.iter().find(|block| block.table == table).map_or(0, |block| block.rows)
    }

    /// Packed bytes of all blocks.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.blocks.iter().map(|block| block.body.len()).sum()
    }
}

/// One table's rows of a batch.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SealedBlock {
    /// The table.
    pub table: &'static str,
    /// What names the block for ever: `{epoch}/{table}/{topic}/{partition}/{first}-{next}`.
    pub token: String,
    /// Rows in it.
    pub rows: u64,
    /// ClickHouse's LZ4 frames with one Native block in them.
    pub body: Bytes,
}

/// Collects the rows of one batch.
pub struct FactsBuilder {
    legs: Columns,
    marks: Columns,
    rejects: Columns,
    batches: Columns,
    framer: Framer,
}

impl Default for FactsBuilder {
    fn default() -> FactsBuilder {
        FactsBuilder {
            legs: Columns::of(LEGS),
            marks: Columns::of(MARKS),
            rejects: Columns::of(REJECTS),
            batches: Columns::of(BATCHES),
            framer: Framer::default(),
        }
    }
}

impl Facts for FactsBuilder {
    fn leg(&mut self, leg: &Leg, place: Place) {
        put_leg(&mut self.legs.row(), leg, place);
    }

    fn reject(&mut self, reject: &Reject, from: From<'_>, place: Place) {
        put_reject(&mut self.rejects.row(), reject, from, place);
    }

    fn mark(&mut self, mark: Mark<'_>, place: Place) {
        put_mark(&mut self.marks.row(), mark, place);
    }

    fn bytes(&self) -> usize {
        self.legs.bytes() + self.marks.bytes() + self.rejects.bytes()
    }
}

impl FactsBuilder {
    /// Rows in all tables.
    #[must_use]
    pub fn len(&self) -> usize {
        self.legs.rows() + self.marks.rows() + self.rejects.rows()
    }

    /// No row yet.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// One more record's rows could make a block too long.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.len() + usize::from(u16::MAX) >= BATCH_ROWS_MAX
    }

    /// Makes the bytes of the batch, and is empty again; its memory stays.
    pub fn seal(&mut self, batch: &Batch<'_>) -> Sealed {
        let counts = [&self.legs, &self.marks, &self.rejects].map(|columns| columns.rows() as u64);
        put_batch(&mut self.batches.row(), batch, counts);
        let Batch { epoch, topic, partition, first, next, .. } = *batch;
        self.frames(topic, |table| format!("{epoch}/{table}/{topic}/{partition}/{first}-{next}"))
    }

    /// The rows alone, of no batch and without a token: for readers of whole files, whose rows may come again.
    pub fn seal_rows(&mut self, topic: &str) -> Sealed {
        self.frames(topic, |_| String::new())
    }

    fn frames(&mut self, topic: &str, token: impl Fn(&str) -> String) -> Sealed {
        let tables = TABLES.iter().zip([&mut self.legs, &mut self.marks, &mut self.rejects, &mut self.batches]);
        let mut blocks = Vec::with_capacity(TABLES.len());
        for ((table, _), columns) in tables.filter(|(_, columns)| columns.rows() > 0) {
            columns.block(topic, |bytes| self.framer.push(bytes));
            let (rows, body) = (columns.rows() as u64, self.framer.finish());
            blocks.push(SealedBlock { table, token: token(table), rows, body });
            columns.clear();
        }
        Sealed { blocks: blocks.into() }
    }
}

/// The tables of facts with the columns that are written, in the order in which they are sent.
pub(crate) static TABLES: [(&str, &[Described]); 4] =
    [("legs", LEGS), ("marks", MARKS), ("rejects", REJECTS), ("batches", BATCHES)];

const PAIRS: &str = "Array(Tuple(name String, value String))";

/// The columns of `legs`, as [`put_leg`] puts them and `decode` takes them.
pub(crate) const LEGS: &[Described] = &[
    ("tenant", TEXT),
    ("pbx", TEXT),
    ("adapter", TEXT),
    ("epoch", "UInt8"),
    ("topic", TEXT),
    ("partition", "UInt32"),
    ("position", "UInt64"),
    ("part", "UInt16"),
    ("settings", "UInt32"),
    ("logged_at", AT),
    ("leg_id", "UInt128"),
    ("keys", "Array(UInt64)"),
    ("file", "UInt32"),
    ("record", "UInt64"),
    ("byte", "UInt64"),
    ("native_id", TEXT),
    ("ordinal", "UInt64"),
    ("link_keys", "Array(Tuple(kind String, value String))"),
    ("event", TEXT),
    ("detail", TEXT),
    ("argument", TEXT),
    ("length_ms", "Nullable(Int64)"),
    ("from_kind", TEXT),
    ("from_number", TEXT),
    ("from_name", TEXT),
    ("from_device", TEXT),
    ("from_channel", TEXT),
    ("from_trunk", TEXT),
    ("to_kind", TEXT),
    ("to_number", TEXT),
    ("to_name", TEXT),
    ("to_device", TEXT),
    ("to_channel", TEXT),
    ("to_trunk", TEXT),
    ("stage", TEXT),
    ("place", TEXT),
    ("dialed", TEXT),
    ("did", TEXT),
    ("queue", TEXT),
    ("started_at", MAYBE_AT),
    ("rang_at", MAYBE_AT),
    ("answered_at", MAYBE_AT),
    ("ended_at", MAYBE_AT),
    ("grain_ms", "UInt32"),
    ("up_before", "Bool"),
    ("timed_out", "Nullable(Bool)"),
    ("disposition", TEXT),
    ("answerer", TEXT),
    ("cause", "Nullable(UInt16)"),
    ("ended_by", TEXT),
    ("moved_kind", TEXT),
    ("moved_by", TEXT),
    ("hold_ms", "Nullable(Int64)"),
    ("message_left", "Nullable(Bool)"),
    ("recording", TEXT),
    ("ends_call", "Bool"),
    ("extra", PAIRS),
];

fn put_leg(row: &mut Row<'_>, leg: &Leg, place: Place) {
    row.text(&leg.origin.tenant)
        .text(&leg.origin.pbx)
        .text(leg.origin.adapter)
        .u8(place.epoch)
        .constant()
        .u32(place.partition)
        .u64(place.position)
        .u16(place.part)
        .u32(place.settings)
        .at(place.logged_at)
        .u128(leg.leg_id.0)
        .numbers(stored_keys(leg))
        .u32(leg.position.file)
        .u64(leg.position.record)
        .u64(leg.position.byte)
        .text(&leg.native_id)
        .u64(leg.order)
        .pairs(leg.link_keys.iter().map(|key| (key.kind.word(), key.value.as_str())))
        .text(leg.event.map_or("", Worded::word))
        .text(&leg.detail)
        .text(&leg.argument)
        .maybe_i64(leg.length_ms);
    put_end(row, Some(&leg.from));
    put_end(row, leg.to.as_ref());
    row.text(leg.stage.word())
        .text(&leg.place)
        .text(&leg.dialed)
        .text(&leg.did)
        .text(&leg.queue)
        .maybe_at(leg.started_at)
        .maybe_at(leg.rang_at)
        .maybe_at(leg.answered_at)
        .maybe_at(leg.ended_at)
        .u32(leg.grain_ms)
        .flag(leg.up_before)
        .maybe_flag(leg.timed_out)
        .text(leg.disposition.word())
        .text(leg.answerer.word())
        .maybe_u16(leg.cause)
        .text(leg.ended_by.map_or("", Worded::word))
        .text(leg.moved.as_ref().map_or("", |moved| moved.kind.word()))
        .text(leg.moved.as_ref().map_or("", |moved| moved.by.as_str()))
        .maybe_i64(leg.hold_ms)
        .maybe_flag(leg.message_left)
        .text(&leg.recording)
        .flag(leg.ends_call)
        .pairs(leg.extra.iter().map(|(name, value)| (*name, value.as_str())));
}

/// What is told of an end: kind, number, name, device, channel, trunk.
const END_COLUMNS: usize = 6;

fn put_end(row: &mut Row<'_>, end: Option<&End>) {
    let Some(end) = end else {
        for _ in 0..END_COLUMNS {
            row.text("");
        }
        return;
    };
    row.text(end.kind.word()).text(&end.number).text(&end.name).text(&end.device).text(&end.channel).text(&end.trunk);
}

/// The columns of `marks`, as [`put_mark`] puts them.
pub(crate) const MARKS: &[Described] = &[
    ("tenant", TEXT),
    ("pbx", TEXT),
    ("adapter", TEXT),
    ("source", TEXT),
    ("epoch", "UInt8"),
    ("topic", TEXT),
    ("partition", "UInt32"),
    ("position", "UInt64"),
    ("part", "UInt16"),
    ("logged_at", AT),
    ("kind", TEXT),
    ("subject", TEXT),
    ("value", TEXT),
];

fn put_mark(row: &mut Row<'_>, mark: Mark<'_>, place: Place) {
    row.text(mark.tenant)
        .text(mark.pbx)
        .text(mark.adapter)
        .text(mark.source)
        .u8(place.epoch)
        .constant()
        .u32(place.partition)
        .u64(place.position)
        .u16(place.part)
        .at(place.logged_at)
        .text(mark.kind)
        .text(mark.subject)
        .text(mark.value);
}

const REJECTS: &[Described] = &[
    ("tenant", TEXT),
    ("pbx", TEXT),
    ("adapter", TEXT),
    ("source", TEXT),
    ("epoch", "UInt8"),
    ("topic", TEXT),
    ("partition", "UInt32"),
    ("position", "UInt64"),
    ("part", "UInt16"),
    ("settings", "UInt32"),
    ("logged_at", AT),
    ("file", "UInt32"),
    ("record", "UInt64"),
    ("byte", "UInt64"),
    ("reason", TEXT),
    ("bytes", TEXT),
    ("bytes_total", "UInt64"),
];

fn put_reject(row: &mut Row<'_>, reject: &Reject, from: From<'_>, place: Place) {
    row.text(from.tenant)
        .text(from.pbx)
        .text(from.adapter)
        .text(from.source)
        .u8(place.epoch)
        .constant()
        .u32(place.partition)
        .u64(place.position)
        .u16(place.part)
        .u32(place.settings)
        .at(place.logged_at)
        .u32(reject.position.file)
        .u64(reject.position.record)
        .u64(reject.position.byte)
        .text(&reject.reason)
        .text(&reject.bytes)
        .u64(reject.bytes_total);
}

const BATCHES: &[Described] = &[
    ("epoch", "UInt8"),
    ("topic", TEXT),
    ("partition", "UInt32"),
    ("first", "UInt64"),
    ("next", "UInt64"),
    ("records", "UInt64"),
    ("legs", "UInt64"),
    ("marks", "UInt64"),
    ("rejects", "UInt64"),
    ("headers", "UInt64"),
    ("settings", "UInt32"),
    ("sealed_at", AT),
];

fn put_batch(row: &mut Row<'_>, batch: &Batch<'_>, [legs, marks, rejects]: [u64; 3]) {
    row.u8(batch.epoch)
        .constant()
        .u32(batch.partition)
        .u64(batch.first)
        .u64(batch.next)
        .u64(batch.records)
        .u64(legs)
        .u64(marks)
        .u64(rejects)
        .u64(batch.headers)
        .u32(batch.settings)
        .at(batch.sealed_at);
}

#[cfg(test)]
mod tests {
    use adapters::leg::{Origin, Position};

    use super::*;

    fn leg() -> Leg {
        let origin = Arc::new(Origin { tenant: "a".into(), pbx: "b".into(), adapter: "asterisk_cdr" });
        Leg::new(&origin, Position::default())
    }

    #[test]
    fn every_column_gets_a_value() {
        let place = Place::default();
        let mut columns = Columns::of(LEGS);
        for to in [None, Some(End::default())] {
            let mut row = columns.row();
            put_leg(&mut row, &Leg { to, ..leg() }, place);
            assert!(row.is_full());
        }
        let mut columns = Columns::of(MARKS);
        let mut row = columns.row();
        put_mark(&mut row, Mark::default(), place);
        assert!(row.is_full());
        let mut columns = Columns::of(REJECTS);
        let mut row = columns.row();
        put_reject(&mut row, &Reject::new(Position::default(), b"", ""), From::default(), place);
        assert!(row.is_full());
        let mut columns = Columns::of(BATCHES);
        let mut row = columns.row();
        put_batch(&mut row, &batch(), [0; 3]);
        assert!(row.is_full());
    }

    fn batch() -> Batch<'static> {
        let (topic, sealed_at) = ("calls", Moment(0));
        Batch { epoch: 3, topic, partition: 7, first: 10, next: 12, records: 2, headers: 0, settings: 1, sealed_at }
    }

    #[test]
    fn the_same_rows_make_the_same_bytes_and_a_token_names_the_range() {
        let mut builder = FactsBuilder::default();
        let mut seal = || {
            builder.leg(&leg(), Place { epoch: 3, partition: 7, position: 10, ..Place::default() });
            assert_eq!((builder.len(), builder.bytes() > 100), (1, true));
            let sealed = builder.seal(&batch());
            assert!(builder.is_empty() && builder.bytes() == 0);
            sealed
        };
        let first = seal();
        let tokens: Vec<&str> = first.blocks().iter().map(|block| block.token.as_str()).collect();
        assert_eq!(tokens, ["3/legs/calls/7/10-12", "3/batches/calls/7/10-12"]);
        assert_eq!(seal().blocks(), first.blocks());
    }
}
