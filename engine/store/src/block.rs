//! ClickHouse's Native format: a block is a list of columns, each with its name, its type and its values one after the other.
//!
//! Source: clickhouse.com/docs/interfaces/formats/Native and the server's serializations: a String is its length as LEB128 and its bytes,
//! a Nullable is a map of bytes (1 = null) before the values, an Array the running ends (UInt64) before the flattened values,
//! a Tuple its elements' columns in turn; numbers are little-endian.

/// The columns of one block, of the same number of rows.
pub struct Block {
    rows: usize,
    columns: usize,
    body: Vec<u8>,
    names: String,
}

impl Block {
    /// An empty block for so many rows.
    #[must_use]
    pub fn of(rows: usize) -> Block {
        Block { rows, columns: 0, body: Vec::with_capacity(rows * 64), names: String::new() }
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
    pub fn sealed(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(self.body.len() + 16);
        length(&mut bytes, self.columns);
        length(&mut bytes, self.rows);
        bytes.extend_from_slice(&self.body);
        bytes
    }

    /// Adds a column: its type's name, and what writes its values.
    pub fn column<R, T: Kind>(&mut self, name: &str, rows: &[R], mut value: impl FnMut(&R) -> T) -> &mut Block {
        self.columns += 1;
        if !self.names.is_empty() {
            self.names.push_str(", ");
        }
        self.names.push('`');
        self.names.push_str(name);
        self.names.push('`');
        text(&mut self.body, name);
        text(&mut self.body, &T::name());
        let mut values = T::Column::default();
        for row in rows {
            value(row).put(&mut values);
        }
        T::seal(values, &mut self.body);
        self
    }
}

/// A type of ClickHouse, and how a column of it is written.
pub trait Kind {
    /// What collects the values.
    type Column: Default;
    /// The type's name.
    fn name() -> String;
    /// Adds a value.
    fn put(self, column: &mut Self::Column);
    /// Adds the value that stands under a null.
    fn put_default(column: &mut Self::Column);
    /// Writes what was collected.
    fn seal(column: Self::Column, out: &mut Vec<u8>);
}

macro_rules! number {
    ($type:ty, $name:literal) => {
        impl Kind for $type {
            type Column = Vec<u8>;
            fn name() -> String {
                $name.to_owned()
            }
            fn put(self, column: &mut Vec<u8>) {
                column.extend_from_slice(&self.to_le_bytes());
            }
            fn put_default(column: &mut Vec<u8>) {
                column.extend_from_slice(&<$type>::default().to_le_bytes());
            }
            fn seal(column: Vec<u8>, out: &mut Vec<u8>) {
                out.extend_from_slice(&column);
            }
        }
    };
}

number!(u16, "UInt16");
number!(u32, "UInt32");
number!(u64, "UInt64");
number!(u128, "UInt128");
number!(i64, "Int64");

impl Kind for bool {
    type Column = Vec<u8>;
    fn name() -> String {
        "Bool".to_owned()
    }
    fn put(self, column: &mut Vec<u8>) {
        column.push(u8::from(self));
    }
    fn put_default(column: &mut Vec<u8>) {
        column.push(0);
    }
    fn seal(column: Vec<u8>, out: &mut Vec<u8>) {
        out.extend_from_slice(&column);
    }
}

/// A moment: milliseconds since 1970 as DateTime64(3, 'UTC'), held within the years that the type can show.
pub struct At(pub i64);

/// 1900-01-01 and 2299-12-31, the ends of DateTime64, in milliseconds.
pub(crate) const AT_RANGE: (i64, i64) = (-2_208_988_800_000, 10_413_791_999_999);

impl Kind for At {
    type Column = Vec<u8>;
    fn name() -> String {
        "DateTime64(3, 'UTC')".to_owned()
    }
    fn put(self, column: &mut Vec<u8>) {
        self.0.clamp(AT_RANGE.0, AT_RANGE.1).put(column);
    }
    fn put_default(column: &mut Vec<u8>) {
        i64::put_default(column);
    }
    fn seal(column: Vec<u8>, out: &mut Vec<u8>) {
        out.extend_from_slice(&column);
    }
}

/// Seconds to the millisecond: Decimal(18, 3).
pub struct Thousandths(pub i64);

impl Kind for Thousandths {
    type Column = Vec<u8>;
    fn name() -> String {
        "Decimal(18, 3)".to_owned()
    }
    fn put(self, column: &mut Vec<u8>) {
        const LIMIT: i64 = 999_999_999_999_999_999;
        self.0.clamp(-LIMIT, LIMIT).put(column);
    }
    fn put_default(column: &mut Vec<u8>) {
        i64::put_default(column);
    }
    fn seal(column: Vec<u8>, out: &mut Vec<u8>) {
        out.extend_from_slice(&column);
    }
}

impl Kind for &[u8] {
    type Column = Vec<u8>;
    fn name() -> String {
        "String".to_owned()
    }
    fn put(self, column: &mut Vec<u8>) {
        length(column, self.len());
        column.extend_from_slice(self);
    }
    fn put_default(column: &mut Vec<u8>) {
        column.push(0);
    }
    fn seal(column: Vec<u8>, out: &mut Vec<u8>) {
        out.extend_from_slice(&column);
    }
}

impl Kind for String {
    type Column = Vec<u8>;
    fn name() -> String {
        "String".to_owned()
    }
    fn put(self, column: &mut Vec<u8>) {
        self.as_bytes().put(column);
    }
    fn put_default(column: &mut Vec<u8>) {
        column.push(0);
    }
    fn seal(column: Vec<u8>, out: &mut Vec<u8>) {
        out.extend_from_slice(&column);
    }
}

/// The map of nulls, and the values under it.
#[derive(Default)]
pub struct NullableColumn<C> {
    nulls: Vec<u8>,
    values: C,
}

impl<T: Kind> Kind for Option<T> {
    type Column = NullableColumn<T::Column>;
    fn name() -> String {
        format!("Nullable({})", T::name())
    }
    fn put(self, column: &mut Self::Column) {
        column.nulls.push(u8::from(self.is_none()));
        match self {
            Some(value) => value.put(&mut column.values),
            None => T::put_default(&mut column.values),
        }
    }
    fn put_default(column: &mut Self::Column) {
        None::<T>.put(column);
    }
    fn seal(column: Self::Column, out: &mut Vec<u8>) {
        out.extend_from_slice(&column.nulls);
        T::seal(column.values, out);
    }
}

/// Running ends, and the values of all rows.
#[derive(Default)]
pub struct ArrayColumn<C> {
    ends: Vec<u8>,
    total: u64,
    values: C,
}

impl<T: Kind> Kind for Vec<T> {
    type Column = ArrayColumn<T::Column>;
    fn name() -> String {
        format!("Array({})", T::name())
    }
    fn put(self, column: &mut Self::Column) {
        column.total += self.len() as u64;
        column.total.put(&mut column.ends);
        for value in self {
            value.put(&mut column.values);
        }
    }
    fn put_default(column: &mut Self::Column) {
        column.total.put(&mut column.ends);
    }
    fn seal(column: Self::Column, out: &mut Vec<u8>) {
        out.extend_from_slice(&column.ends);
        T::seal(column.values, out);
    }
}

macro_rules! tuple {
    ($($type:ident $index:tt),+) => {
        impl<$($type: Kind),+> Kind for ($($type,)+) {
            type Column = ($($type::Column,)+);
            fn name() -> String {
                format!("Tuple({})", [$($type::name()),+].join(", "))
            }
            fn put(self, column: &mut Self::Column) {
                $(self.$index.put(&mut column.$index);)+
            }
            fn put_default(column: &mut Self::Column) {
                $($type::put_default(&mut column.$index);)+
            }
            fn seal(column: Self::Column, out: &mut Vec<u8>) {
                $($type::seal(column.$index, out);)+
            }
        }
    };
}

tuple!(A 0, B 1);
tuple!(A 0, B 1, C 2, D 3);

fn text(out: &mut Vec<u8>, value: &str) {
    length(out, value.len());
    out.extend_from_slice(value.as_bytes());
}

/// LEB128.
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
        let mut block = Block::of(2);
        block.column("a", &[1u16, 2], |n| *n).column("b", &["x", "yz"], |s| Some(s.as_bytes()).filter(|s| s.len() > 1));
        let mut expected = vec![2, 2, 1, b'a', 6];
        expected.extend_from_slice(b"UInt16\x01\x00\x02\x00\x01b\x10Nullable(String)\x01\x00\x00\x02yz");
        assert_eq!(block.sealed(), expected);
        assert_eq!(block.names(), "`a`, `b`");
    }

    #[test]
    fn arrays_have_running_ends_and_lengths_are_leb128() {
        let mut column = ArrayColumn::default();
        vec![(1u16, 2u16)].put(&mut column);
        Vec::<(u16, u16)>::new().put(&mut column);
        let mut out = Vec::new();
        <Vec<(u16, u16)>>::seal(column, &mut out);
        assert_eq!(out, [1, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1, 0, 2, 0]);
        let mut long = Vec::new();
        length(&mut long, 300);
        assert_eq!(long, [0xac, 0x02]);
    }
}
