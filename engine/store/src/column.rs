//! Columns of ClickHouse's Native format that are filled row by row, and keep their memory from batch to batch.
//!
//! A [`Row`] takes the values of one row in the order in which the table's columns are listed.

use adapters::leg::Moment;

use crate::block::{AT_RANGE, length, text};

/// A column's name and type, as the block's header has them. A column that the table keeps as LowCardinality is sent as what it holds.
pub(crate) type Described = (&'static str, &'static str);

/// The types that a column can have here.
pub(crate) const TEXT: &str = "String";
pub(crate) const AT: &str = "DateTime64(3, 'UTC')";
pub(crate) const MAYBE_AT: &str = "Nullable(DateTime64(3, 'UTC'))";

/// One column of a block that grows.
#[derive(Default)]
struct Column {
    /// Of an array: the running ends.
    ends: Vec<u8>,
    total: u64,
    /// Of a nullable column: 1 = null.
    nulls: Vec<u8>,
    values: Vec<u8>,
    /// Of an array of pairs: the second ones.
    seconds: Vec<u8>,
}

/// The columns of one table's block.
pub(crate) struct Columns {
    described: &'static [Described],
    columns: Vec<Column>,
    rows: usize,
    bytes: usize,
}

impl Columns {
    pub(crate) fn of(described: &'static [Described]) -> Columns {
        let columns = described.iter().map(|_| Column::default()).collect();
        Columns { described, columns, rows: 0, bytes: 0 }
    }

    pub(crate) fn rows(&self) -> usize {
        self.rows
    }

    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    /// A new row, all of whose values are to be put.
    pub(crate) fn row(&mut self) -> Row<'_> {
        self.rows += 1;
        Row { columns: self.columns.iter_mut(), bytes: &mut self.bytes }
    }

    /// Gives the block's bytes piece by piece. `topic` stands in every row of the column of that name.
    pub(crate) fn block(&self, topic: &str, mut give: impl FnMut(&[u8])) {
        let mut head = Vec::with_capacity(64);
        length(&mut head, self.columns.len());
        length(&mut head, self.rows);
        for ((name, kind), column) in self.described.iter().zip(&self.columns) {
            for word in [name, kind] {
                text(&mut head, word.as_bytes());
            }
            give(&head);
            head.clear();
            if *name == TOPIC {
                text(&mut head, topic.as_bytes());
                (0..self.rows).for_each(|_| give(&head));
                head.clear();
            }
            [&column.ends, &column.nulls, &column.values, &column.seconds].iter().for_each(|bytes| give(bytes));
        }
    }

    /// Empties the columns; their memory stays.
    pub(crate) fn clear(&mut self) {
        (self.rows, self.bytes) = (0, 0);
        for column in &mut self.columns {
            column.total = 0;
            for bytes in [&mut column.ends, &mut column.nulls, &mut column.values, &mut column.seconds] {
                bytes.clear();
            }
        }
    }
}

/// The column that is the same in every row of a batch: a row skips it.
pub(crate) const TOPIC: &str = "topic";

/// One row that is being put. Each call takes the next column.
pub(crate) struct Row<'c> {
    columns: std::slice::IterMut<'c, Column>,
    bytes: &'c mut usize,
}

impl Row<'_> {
    fn fixed(&mut self, value: &[u8]) -> &mut Self {
        if let Some(column) = self.columns.next() {
            column.values.extend_from_slice(value);
            *self.bytes += value.len();
        }
        self
    }

    pub(crate) fn flag(&mut self, value: bool) -> &mut Self {
        self.fixed(&[u8::from(value)])
    }

    pub(crate) fn u8(&mut self, value: u8) -> &mut Self {
        self.fixed(&[value])
    }

    pub(crate) fn u16(&mut self, value: u16) -> &mut Self {
        self.fixed(&value.to_le_bytes())
    }

    pub(crate) fn u32(&mut self, value: u32) -> &mut Self {
        self.fixed(&value.to_le_bytes())
    }

    pub(crate) fn u64(&mut self, value: u64) -> &mut Self {
        self.fixed(&value.to_le_bytes())
    }

    pub(crate) fn u128(&mut self, value: u128) -> &mut Self {
        self.fixed(&value.to_le_bytes())
    }

    pub(crate) fn at(&mut self, value: Moment) -> &mut Self {
        self.fixed(&within(value).to_le_bytes())
    }

    /// A leg has fifty of them, most of them short or empty.
    #[inline(always)]
    pub(crate) fn text(&mut self, value: impl AsRef<[u8]>) -> &mut Self {
        let value = value.as_ref();
        if let Some(column) = self.columns.next() {
            text(&mut column.values, value);
            *self.bytes += value.len() + 1;
        }
        self
    }

    fn maybe(&mut self, is_told: bool, value: &[u8]) -> &mut Self {
        if let Some(column) = self.columns.next() {
            column.nulls.push(u8::from(!is_told));
            column.values.extend_from_slice(value);
            *self.bytes += value.len() + 1;
        }
        self
    }

    pub(crate) fn maybe_flag(&mut self, value: Option<bool>) -> &mut Self {
        self.maybe(value.is_some(), &[u8::from(value.unwrap_or_default())])
    }

    pub(crate) fn maybe_u16(&mut self, value: Option<u16>) -> &mut Self {
        self.maybe(value.is_some(), &value.unwrap_or_default().to_le_bytes())
    }

    pub(crate) fn maybe_i64(&mut self, value: Option<i64>) -> &mut Self {
        self.maybe(value.is_some(), &value.unwrap_or_default().to_le_bytes())
    }

    pub(crate) fn maybe_at(&mut self, value: Option<Moment>) -> &mut Self {
        self.maybe(value.is_some(), &within(value.unwrap_or_default()).to_le_bytes())
    }

    pub(crate) fn numbers(&mut self, values: impl Iterator<Item = u64>) -> &mut Self {
        if let Some(column) = self.columns.next() {
            let before = column.values.len();
            values.for_each(|value| column.values.extend_from_slice(&value.to_le_bytes()));
            let bytes = column.values.len() - before;
            column.total += (bytes / size_of::<u64>()) as u64;
            column.ends.extend_from_slice(&column.total.to_le_bytes());
            *self.bytes += bytes + size_of::<u64>();
        }
        self
    }

    pub(crate) fn pairs<'p>(&mut self, values: impl Iterator<Item = (&'p str, &'p str)>) -> &mut Self {
        if let Some(column) = self.columns.next() {
            for (first, second) in values {
                text(&mut column.values, first.as_bytes());
                text(&mut column.seconds, second.as_bytes());
                column.total += 1;
                *self.bytes += first.len() + second.len() + 2;
            }
            column.ends.extend_from_slice(&column.total.to_le_bytes());
            *self.bytes += size_of::<u64>();
        }
        self
    }

    /// The next column is the same in every row.
    pub(crate) fn constant(&mut self) -> &mut Self {
        self.columns.next();
        self
    }

    /// Whether a value was put into every column.
    #[cfg(test)]
    pub(crate) fn is_full(&self) -> bool {
        self.columns.len() == 0
    }
}

/// A moment that the type can show.
fn within(moment: Moment) -> i64 {
    moment.0.clamp(AT_RANGE.0, AT_RANGE.1)
}
