//! ClickHouse's Native format: a block is a list of columns, each with its name, its type and its values one after the other.
//!
//! Source: clickhouse.com/docs/interfaces/formats/Native and the server's serializations: a String is its length as LEB128 and its bytes,
//! a Nullable is a map of bytes (1 = null) before the values, an Array the running ends (UInt64) before the flattened values,
//! a Tuple its elements' columns in turn; numbers are little-endian.

use adapters::leg::Text;

/// The columns of one block, of the same number of rows.
pub struct Block {
    rows: usize,
    columns: u8,
    bytes: Vec<u8>,
    names: String,
}

/// So many columns are counted in one byte, which stands first and is written last.
const COLUMNS_MAX: u8 = 0x7f;

impl Block {
    /// An empty block for so many rows of about so many bytes.
    #[must_use]
    pub fn of(rows: usize, row_bytes: usize) -> Block {
        let mut bytes = Vec::with_capacity(rows * row_bytes + HEAD_BYTES);
        bytes.push(0);
        length(&mut bytes, rows);
        Block { rows, columns: 0, bytes, names: String::new() }
    }

    /// Rows in it.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// The names of its columns, quoted, as an INSERT lists them.
    #[must_use]
    pub fn names(&self) -> &str {
        &self.names
    }

    /// The bytes of the block.
    #[must_use]
    pub fn sealed(mut self) -> Vec<u8> {
        debug_assert!(self.columns <= COLUMNS_MAX);
        self.bytes[0] = self.columns;
        self.bytes
    }

    /// Adds a column: its type's name, and its values. `value` may be asked more than once for the same row.
    pub fn column<'r, R, T: Kind>(&mut self, name: &str, rows: &'r [R], value: impl Fn(&'r R) -> T) -> &mut Block {
        self.columns += 1;
        if !self.names.is_empty() {
            self.names.push_str(", ");
        }
        self.names.push('`');
        self.names.push_str(name);
        self.names.push('`');
        text(&mut self.bytes, name.as_bytes());
        text(&mut self.bytes, T::name().as_bytes());
        T::write(rows.iter().map(&value), &mut self.bytes);
        self
    }
}

/// What stands before the rows: the two counts, and the columns' names and types.
const HEAD_BYTES: usize = 4096;

/// A type of ClickHouse, and how a column of it is written: what is written together is asked for in one pass over the rows,
/// so that nothing is gathered elsewhere first.
pub trait Kind: Sized {
    /// The type's name.
    fn name() -> String;
    /// Writes a value of each row.
    fn write(values: impl Iterator<Item = Self> + Clone, out: &mut Vec<u8>);
}

macro_rules! number {
    ($type:ty, $name:literal) => {
        impl Kind for $type {
            fn name() -> String {
                $name.to_owned()
            }
            fn write(values: impl Iterator<Item = $type> + Clone, out: &mut Vec<u8>) {
                values.for_each(|value| out.extend_from_slice(&value.to_le_bytes()));
            }
        }
    };
}

number!(u8, "UInt8");
number!(u16, "UInt16");
number!(u32, "UInt32");
number!(u64, "UInt64");
number!(i64, "Int64");

impl Kind for bool {
    fn name() -> String {
        "Bool".to_owned()
    }
    fn write(values: impl Iterator<Item = bool> + Clone, out: &mut Vec<u8>) {
        out.extend(values.map(u8::from));
    }
}

/// A moment: milliseconds since 1970 as DateTime64(3, 'UTC'), held within the years that the type can show.
#[derive(Default)]
pub struct At(pub i64);

/// 1900-01-01 and 2299-12-31, the ends of DateTime64, in milliseconds.
pub(crate) const AT_RANGE: (i64, i64) = (-2_208_988_800_000, 10_413_791_999_999);

impl Kind for At {
    fn name() -> String {
        "DateTime64(3, 'UTC')".to_owned()
    }
    fn write(values: impl Iterator<Item = At> + Clone, out: &mut Vec<u8>) {
        i64::write(values.map(|at| at.0.clamp(AT_RANGE.0, AT_RANGE.1)), out);
    }
}

/// Seconds to the millisecond: Decimal(18, 3).
#[derive(Default)]
pub struct Thousandths(pub i64);

impl Kind for Thousandths {
    fn name() -> String {
        "Decimal(18, 3)".to_owned()
    }
    fn write(values: impl Iterator<Item = Thousandths> + Clone, out: &mut Vec<u8>) {
        const LIMIT: i64 = 999_999_999_999_999_999;
        i64::write(values.map(|value| value.0.clamp(-LIMIT, LIMIT)), out);
    }
}

impl Kind for &str {
    fn name() -> String {
        "String".to_owned()
    }
    fn write(values: impl Iterator<Item = Self> + Clone, out: &mut Vec<u8>) {
        values.for_each(|value| text(out, value.as_bytes()));
    }
}

impl Kind for Text {
    fn name() -> String {
        "String".to_owned()
    }
    fn write(values: impl Iterator<Item = Text> + Clone, out: &mut Vec<u8>) {
        values.for_each(|value| text(out, value.as_bytes()));
    }
}

/// The map of nulls, and the values; the default stands under a null.
impl<T: Kind + Default> Kind for Option<T> {
    fn name() -> String {
        format!("Nullable({})", T::name())
    }
    fn write(values: impl Iterator<Item = Option<T>> + Clone, out: &mut Vec<u8>) {
        out.extend(values.clone().map(|value| u8::from(value.is_none())));
        T::write(values.map(Option::unwrap_or_default), out);
    }
}

/// An array.
pub struct List<I>(pub I);

/// Running ends, and the values of all rows.
impl<T: Kind, I: ExactSizeIterator<Item = T> + Clone> Kind for List<I> {
    fn name() -> String {
        format!("Array({})", T::name())
    }
    fn write(values: impl Iterator<Item = List<I>> + Clone, out: &mut Vec<u8>) {
        let lengths = values.clone().map(|list| list.0.len() as u64);
        let ends = lengths.scan(0, |end, length| {
            *end += length;
            Some(*end)
        });
        u64::write(ends, out);
        T::write(values.flat_map(|list| list.0), out);
    }
}

macro_rules! tuple {
    ($($type:ident $index:tt),+) => {
        impl<$($type: Kind),+> Kind for ($($type,)+) {
            fn name() -> String {
                format!("Tuple({})", [$($type::name()),+].join(", "))
            }
            fn write(values: impl Iterator<Item = Self> + Clone, out: &mut Vec<u8>) {
                $($type::write(values.clone().map(|value| value.$index), out);)+
            }
        }
    };
}

tuple!(A 0, B 1);
tuple!(A 0, B 1, C 2, D 3);
tuple!(A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7, I 8);

/// A String: its length, and its bytes. Many are empty, and nothing is copied for them.
#[inline]
pub(crate) fn text(out: &mut Vec<u8>, value: &[u8]) {
    length(out, value.len());
    if !value.is_empty() {
        out.extend_from_slice(value);
    }
}

/// LEB128.
#[inline]
pub(crate) fn length(out: &mut Vec<u8>, mut value: usize) {
    while value >= 0x80 {
        out.push((value as u8 & 0x7f) | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_is_columns_with_names_types_and_values() {
        let mut block = Block::of(2, 8);
        block.column("a", &[1u16, 2], |n| *n).column("b", &["x", "yz"], |s| Some(*s).filter(|s| s.len() > 1));
        let mut expected = vec![2, 2, 1, b'a', 6];
        expected.extend_from_slice(b"UInt16\x01\x00\x02\x00\x01b\x10Nullable(String)\x01\x00\x00\x02yz");
        assert_eq!(block.names(), "`a`, `b`");
        assert_eq!(block.sealed(), expected);
    }

    #[test]
    fn arrays_have_running_ends_and_lengths_are_leb128() {
        let rows: [&[(u16, u16)]; 2] = [&[(1, 2)], &[]];
        let mut out = Vec::new();
        List::write(rows.iter().map(|row| List(row.iter().copied())), &mut out);
        assert_eq!(out, [1, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1, 0, 2, 0]);
        let mut long = Vec::new();
        length(&mut long, 300);
        assert_eq!(long, [0xac, 0x02]);
    }
}
