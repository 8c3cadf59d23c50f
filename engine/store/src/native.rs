//! Reads ClickHouse's Native format: blocks of columns, given back row by row in the order in which they were asked for.
//!
//! A block is understood when the last byte of it has come; what is half there waits, and what was looked through stays looked through.

use adapters::leg::Moment;
use clickhouse::query::BytesCursor;

use crate::StoreError;
use crate::column::Described;

/// Settings without which an answer would have other types than were asked for.
pub(crate) const SETTINGS: [(&str, &str); 2] = [
    ("output_format_native_encode_types_in_binary_format", "0"),
    // Rows of one block: what waits in memory until its last byte has come.
    ("max_block_size", "8192"),
];

/// An answer that is being read.
pub(crate) struct Blocks {
    answer: BytesCursor,
    described: Vec<Described>,
    buffer: Vec<u8>,
    half: Half,
}

/// What of the first block in the buffer was looked through.
#[derive(Default)]
struct Half {
    at: usize,
    rows: Option<usize>,
    columns: Vec<Taken>,
}

/// Where the next value of a column stands.
#[derive(Clone, Copy, Default)]
struct Taken {
    ends: usize,
    previous_end: u64,
    nulls: usize,
    values: usize,
    seconds: usize,
}

impl Blocks {
    pub(crate) fn of(answer: BytesCursor, described: Vec<Described>) -> Blocks {
        Blocks { answer, described, buffer: Vec::new(), half: Half::default() }
    }

    /// Reads the next block and gives each of its rows; false at the end.
    pub(crate) async fn next(
        &mut self,
        mut row: impl FnMut(&mut Row<'_>) -> Result<(), StoreError>,
    ) -> Result<bool, StoreError> {
        loop {
            if let Some(rows) = look_through(&self.buffer, &self.described, &mut self.half)? {
                let Half { at, mut columns, .. } = std::mem::take(&mut self.half);
                for _ in 0..rows {
                    let mut next = Row { buffer: &self.buffer, columns: columns.iter_mut(), is_short: false };
                    row(&mut next)?;
                    if next.is_short {
                        return Err(broken("a value stands outside of its block"));
                    }
                }
                self.buffer.drain(..at);
                if rows > 0 {
                    return Ok(true);
                }
                continue;
            }
            match self.answer.next().await.map_err(|e| StoreError::new("reading rows", e))? {
                Some(bytes) => self.buffer.extend_from_slice(&bytes),
                None if self.buffer.is_empty() => return Ok(false),
                None => return Err(broken("it ends within a block")),
            }
        }
    }
}

fn broken(what: &str) -> StoreError {
    StoreError::plain(format!("reading rows: the answer is not what was asked for: {what}"))
}

/// Finds where the columns of the first block stand; `None`: not all of it is there yet.
fn look_through(buffer: &[u8], described: &[Described], half: &mut Half) -> Result<Option<usize>, StoreError> {
    if half.rows.is_none() {
        let mut at = 0;
        let Some(columns) = length(buffer, &mut at) else { return Ok(None) };
        let Some(rows) = length(buffer, &mut at) else { return Ok(None) };
        // The last block of an answer may have neither columns nor rows.
        if columns != described.len() && (columns, rows) != (0, 0) {
            return Err(broken(&format!("{columns} columns instead of {}", described.len())));
        }
        if columns == 0 {
            half.at = at;
            return Ok(Some(0));
        }
        (half.rows, half.at) = (Some(rows), at);
    }
    let rows = half.rows.unwrap_or_default();
    while let Some((name, kind)) = described.get(half.columns.len()) {
        let mut at = half.at;
        let (Some(found_name), Some(found_kind)) = (text(buffer, &mut at), text(buffer, &mut at)) else {
            return Ok(None);
        };
        if (found_name, found_kind) != (name.as_bytes(), kind.as_bytes()) {
            let (name_found, kind_found) = (String::from_utf8_lossy(found_name), String::from_utf8_lossy(found_kind));
            return Err(broken(&format!("{name_found} {kind_found} instead of {name} {kind}")));
        }
        let Some(taken) = skip_column(buffer, &mut at, kind, rows)? else { return Ok(None) };
        half.columns.push(taken);
        half.at = at;
    }
    Ok(Some(rows))
}

fn skip_column(buffer: &[u8], at: &mut usize, kind: &str, rows: usize) -> Result<Option<Taken>, StoreError> {
    let mut taken = Taken::default();
    let mut values = rows;
    let mut kind = kind;
    if let Some(inner) = inner(kind, "Array(") {
        taken.ends = *at;
        *at += rows * size_of::<u64>();
        if *at > buffer.len() {
            return Ok(None);
        }
        let last = rows.checked_sub(1).and_then(|row| number(buffer, taken.ends + row * size_of::<u64>())).unwrap_or(0);
        values = usize::try_from(last).unwrap_or(usize::MAX);
        kind = inner;
    }
    if let Some(inner) = inner(kind, "Nullable(") {
        taken.nulls = *at;
        *at += rows;
        kind = inner;
    }
    taken.values = *at;
    // Pairs of texts are the only tuples that we keep.
    let texts = if kind == "String" { 1 } else { 2 * usize::from(kind.starts_with("Tuple(")) };
    for nth in 0..texts {
        if nth == 1 {
            taken.seconds = *at;
        }
        for _ in 0..values {
            if text(buffer, at).is_none() {
                return Ok(None);
            }
        }
    }
    if texts == 0 {
        let width = match kind {
            "UInt8" | "Bool" => 1,
            "UInt16" => 2,
            "UInt32" => 4,
            "UInt64" | "Int64" | "DateTime64(3, 'UTC')" => 8,
            "UInt128" => 16,
            _ => return Err(broken(&format!("{kind} is a type that is not read here"))),
        };
        *at = at.saturating_add(values.saturating_mul(width));
    }
    Ok((*at <= buffer.len()).then_some(taken))
}

fn inner<'k>(kind: &'k str, outer: &str) -> Option<&'k str> {
    kind.strip_prefix(outer)?.strip_suffix(')')
}

fn length(buffer: &[u8], at: &mut usize) -> Option<usize> {
    let mut value = 0usize;
    for shift in (0..63).step_by(7) {
        let byte = *buffer.get(*at)?;
        *at += 1;
        value |= usize::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            break;
        }
    }
    Some(value)
}

fn text<'b>(buffer: &'b [u8], at: &mut usize) -> Option<&'b [u8]> {
    let bytes = length(buffer, at)?;
    let end = at.checked_add(bytes)?;
    let text = buffer.get(*at..end)?;
    *at = end;
    Some(text)
}

fn number(buffer: &[u8], at: usize) -> Option<u64> {
    Some(u64::from_le_bytes(buffer.get(at..at + 8)?.try_into().ok()?))
}

/// One row. Each call takes the value of the next column.
pub(crate) struct Row<'b> {
    buffer: &'b [u8],
    columns: std::slice::IterMut<'b, Taken>,
    is_short: bool,
}

impl<'b> Row<'b> {
    fn fixed<const N: usize>(&mut self) -> [u8; N] {
        let value = self.columns.next().and_then(|column| {
            let value = self.buffer.get(column.values..column.values + N)?.try_into().ok();
            column.values += N;
            value
        });
        self.is_short |= value.is_none();
        value.unwrap_or([0; N])
    }

    fn maybe<const N: usize>(&mut self) -> Option<[u8; N]> {
        let Some(column) = self.columns.next() else {
            self.is_short = true;
            return None;
        };
        let is_null = self.buffer.get(column.nulls).is_none_or(|byte| *byte != 0);
        let value = self.buffer.get(column.values..column.values + N).and_then(|value| value.try_into().ok());
        column.nulls += 1;
        column.values += N;
        value.filter(|_| !is_null)
    }

    pub(crate) fn text(&mut self) -> &'b [u8] {
        let value = self.columns.next().and_then(|column| text(self.buffer, &mut column.values));
        self.is_short |= value.is_none();
        value.unwrap_or_default()
    }

    pub(crate) fn flag(&mut self) -> bool {
        self.u8() != 0
    }

    pub(crate) fn u8(&mut self) -> u8 {
        u8::from_le_bytes(self.fixed())
    }

    pub(crate) fn u16(&mut self) -> u16 {
        u16::from_le_bytes(self.fixed())
    }

    pub(crate) fn u32(&mut self) -> u32 {
        u32::from_le_bytes(self.fixed())
    }

    pub(crate) fn u64(&mut self) -> u64 {
        u64::from_le_bytes(self.fixed())
    }

    pub(crate) fn u128(&mut self) -> u128 {
        u128::from_le_bytes(self.fixed())
    }

    pub(crate) fn at(&mut self) -> Moment {
        Moment(i64::from_le_bytes(self.fixed()))
    }

    pub(crate) fn maybe_flag(&mut self) -> Option<bool> {
        self.maybe::<1>().map(|value| value != [0])
    }

    pub(crate) fn maybe_u16(&mut self) -> Option<u16> {
        self.maybe().map(u16::from_le_bytes)
    }

    pub(crate) fn maybe_i64(&mut self) -> Option<i64> {
        self.maybe().map(i64::from_le_bytes)
    }

    pub(crate) fn maybe_at(&mut self) -> Option<Moment> {
        self.maybe_i64().map(Moment)
    }

    /// Gives each pair of the row's array.
    pub(crate) fn pairs(
        &mut self,
        mut give: impl FnMut(&'b [u8], &'b [u8]) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        let Some(column) = self.columns.next() else {
            self.is_short = true;
            return Ok(());
        };
        let end = number(self.buffer, column.ends).unwrap_or(column.previous_end);
        column.ends += size_of::<u64>();
        for _ in column.previous_end..end {
            match (text(self.buffer, &mut column.values), text(self.buffer, &mut column.seconds)) {
                (Some(first), Some(second)) => give(first, second)?,
                _ => self.is_short = true,
            }
        }
        column.previous_end = end;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::column::Columns;

    const DESCRIBED: &[Described] =
        &[("a", "UInt16"), ("b", "String"), ("c", "Nullable(Int64)"), ("d", "Array(Tuple(name String, value String))")];

    #[test]
    fn what_comes_in_pieces_is_read_as_it_was_written() {
        let mut columns = Columns::of(DESCRIBED);
        columns.row().u16(7).text("x").maybe_i64(None).pairs([("k", "v"), ("l", "")].into_iter());
        columns.row().u16(8).text("y".repeat(300)).maybe_i64(Some(-5)).pairs([].into_iter());
        columns.row().u16(9).text("").maybe_i64(Some(1)).pairs([("m", "w")].into_iter());
        let mut bytes = Vec::new();
        columns.block("", |part| bytes.extend_from_slice(part));
        let mut half = Half::default();
        for end in 0..bytes.len() {
            assert_eq!(look_through(&bytes[..end], DESCRIBED, &mut half).unwrap(), None, "{end}");
        }
        assert_eq!(look_through(&bytes, DESCRIBED, &mut half).unwrap(), Some(3));
        assert_eq!(half.at, bytes.len());
        let mut taken = half.columns;
        let mut told = Vec::new();
        for _ in 0..3 {
            let mut row = Row { buffer: &bytes, columns: taken.iter_mut(), is_short: false };
            let (a, b, c) = (row.u16(), row.text().len(), row.maybe_i64());
            let mut pairs = 0;
            row.pairs(|_, _| {
                pairs += 1;
                Ok(())
            })
            .unwrap();
            assert!(!row.is_short);
            told.push((a, b, c, pairs));
        }
        assert_eq!(told, [(7, 1, None, 2), (8, 300, Some(-5), 0), (9, 0, Some(1), 1)]);
        let other: &[Described] = &[("a", "UInt32"), DESCRIBED[1], DESCRIBED[2], DESCRIBED[3]];
        assert!(look_through(&bytes, other, &mut Half::default()).is_err());
    }
}
