//! Splits a record into its fields: quoted CSV without an allocation for a field that needs none, and bytes to text.

use std::borrow::Cow;

use smallvec::SmallVec;

use crate::leg::Text;

/// The fields of one record.
pub type Fields<'a> = SmallVec<[Cow<'a, [u8]>; 32]>;

/// Splits a line at `delimiter`; a field in double quotes may hold the delimiter, and `""` for a quote (RFC 4180, 2.5 to 2.7).
///
/// # Errors
/// The offset of the opening quote, where a quoted field does not end.
pub fn split_quoted<'a>(line: &'a [u8], delimiter: u8, out: &mut Fields<'a>) -> Result<(), usize> {
    out.clear();
    each_quoted(line, delimiter, |_, field| out.push(field)).map(|_| ())
}

/// The same, field by field with its number from 0, for records of which few of many fields are wanted. Gives how many there were.
///
/// # Errors
/// The offset of the opening quote, where a quoted field does not end.
pub fn each_quoted<'a>(
    line: &'a [u8],
    delimiter: u8,
    mut each: impl FnMut(usize, Cow<'a, [u8]>),
) -> Result<usize, usize> {
    let mut at = 0;
    let mut number = 0;
    loop {
        if let Some(field) = plainly_quoted(line, at, delimiter) {
            each(number, Cow::Borrowed(field));
            at += field.len() + 2;
        } else if line.get(at) == Some(&b'"') {
            let (field, end) = quoted(line, at)?;
            // What stands between a closing quote and the delimiter belongs to the field, as sloppy writers do it.
            let next = match line.get(end) {
                Some(byte) if *byte != delimiter => find(delimiter, &line[end..]).map_or(line.len(), |n| end + n),
                _ => end,
            };
            if next > end && !line[end..next].iter().all(u8::is_ascii_whitespace) {
                let mut whole = field.into_owned();
                whole.extend_from_slice(&line[end..next]);
                each(number, Cow::Owned(whole));
            } else {
                each(number, field);
            }
            at = next;
        } else {
            let next = find(delimiter, &line[at..]).map_or(line.len(), |n| at + n);
            each(number, Cow::Borrowed(&line[at..next]));
            at = next;
        }
        number += 1;
        if at >= line.len() {
            return Ok(number);
        }
        at += 1;
    }
}

/// The field that opens with a quote at `at`, if it is as most are: without a quote inside, and its closing quote ends it.
#[inline]
fn plainly_quoted(line: &[u8], at: usize, delimiter: u8) -> Option<&[u8]> {
    let inside = line.get(at..)?.strip_prefix(b"\"")?;
    let field = &inside[..find(b'"', inside)?];
    inside.get(field.len() + 1).is_none_or(|behind| *behind == delimiter).then_some(field)
}

/// What a field with quotes in it has of bytes, mostly.
const UNESCAPED_BYTES: usize = 64;

/// The field that opens at `at`, and the offset behind its closing quote.
fn quoted(line: &[u8], at: usize) -> Result<(Cow<'_, [u8]>, usize), usize> {
    let start = at + 1;
    let mut from = start;
    let mut unescaped: Option<Vec<u8>> = None;
    loop {
        let Some(found) = find(b'"', &line[from..]) else { return Err(at) };
        let quote = from + found;
        if line.get(quote + 1) == Some(&b'"') {
            // Such a field is a name and a number: memory for it is asked for once.
            unescaped.get_or_insert_with(|| Vec::with_capacity(UNESCAPED_BYTES)).extend_from_slice(&line[from..=quote]);
            from = quote + 2;
            continue;
        }
        let field = match unescaped {
            Some(mut bytes) => {
                bytes.extend_from_slice(&line[from..quote]);
                Cow::Owned(bytes)
            }
            None => Cow::Borrowed(&line[start..quote]),
        };
        return Ok((field, quote + 1));
    }
}

/// Where a byte is first. Fields are short: eight bytes at a time, without a call, are faster for them than wide registers with one.
#[inline]
pub(crate) fn find(byte: u8, bytes: &[u8]) -> Option<usize> {
    const ONES: u64 = 0x0101_0101_0101_0101;
    let wanted = ONES * u64::from(byte);
    let (words, rest) = bytes.as_chunks::<8>();
    for (index, word) in words.iter().enumerate() {
        // A byte that is wanted becomes zero; the lowest zero byte sets the lowest high bit of its own.
        let differs = u64::from_le_bytes(*word) ^ wanted;
        let zeros = differs.wrapping_sub(ONES) & !differs & (ONES << 7);
        if zeros != 0 {
            return Some(index * 8 + zeros.trailing_zeros() as usize / 8);
        }
    }
    rest.iter().position(|b| *b == byte).map(|at| words.len() * 8 + at)
}

/// True if the line has this name in it, in capitals or not. Every line is asked whether it is a header: most are known not to be one
/// by the lack of one column's name.
pub(crate) fn holds(line: &[u8], name: &[u8]) -> bool {
    let Some(first) = name.first() else { return false };
    memchr::memchr2_iter(first.to_ascii_lowercase(), first.to_ascii_uppercase(), line)
        .any(|at| line.get(at..at + name.len()).is_some_and(|found| found.eq_ignore_ascii_case(name)))
}

/// Bytes as text: UTF-8 where they are, else Latin-1, as the makers of the nineties wrote it. No byte is lost.
#[must_use]
pub fn text(bytes: &[u8]) -> Text {
    if bytes.is_empty() {
        return Text::const_new("");
    }
    match borrowed(bytes) {
        Cow::Borrowed(text) => Text::from(text),
        Cow::Owned(text) => Text::from(text),
    }
}

/// The same without a copy, for a text that is only looked at.
#[must_use]
pub fn borrowed(bytes: &[u8]) -> Cow<'_, str> {
    match std::str::from_utf8(bytes) {
        Ok(valid) => Cow::Borrowed(trim(valid)),
        Err(_) => Cow::Owned(bytes.iter().map(|b| char::from(*b)).collect::<String>().trim().to_owned()),
    }
}

/// The same for a part of a record that is UTF-8 as a whole, without looking at the bytes of the part again.
/// Where the part is not one of `record`, as one with doubled quotes, it is read by itself.
#[must_use]
pub(crate) fn borrowed_of<'a>(record: &'a str, part: &'a [u8]) -> Cow<'a, str> {
    if part.is_empty() {
        return Cow::Borrowed("");
    }
    let at = part.as_ptr().addr().wrapping_sub(record.as_ptr().addr());
    match record.get(at..at.wrapping_add(part.len())) {
        Some(text) => Cow::Borrowed(trim(text)),
        None => borrowed(part),
    }
}

/// The bytes of [`borrowed`], of which those of most fields need not be read as text.
#[must_use]
pub(crate) fn trimmed(bytes: &[u8]) -> Cow<'_, [u8]> {
    if is_dense(bytes) {
        return Cow::Borrowed(bytes);
    }
    match borrowed(bytes) {
        Cow::Borrowed(text) => Cow::Borrowed(text.as_bytes()),
        Cow::Owned(text) => Cow::Owned(text.into_bytes()),
    }
}

fn trim(text: &str) -> &str {
    if is_dense(text.as_bytes()) { text } else { text.trim() }
}

/// Most fields have nothing to trim, which their first and last byte show.
fn is_dense(bytes: &[u8]) -> bool {
    bytes.first().is_none_or(u8::is_ascii_graphic) && bytes.last().is_none_or(u8::is_ascii_graphic)
}

/// The field at `index` as text; empty if the record has no such field.
#[must_use]
pub fn field(fields: &Fields<'_>, index: usize) -> Text {
    fields.get(index).map_or_else(Text::default, |f| text(f))
}

/// Decimal digits as a number, with blanks around them; `None` if there is anything else.
#[must_use]
pub fn integer(bytes: &[u8]) -> Option<i64> {
    // Most have no sign and no blank, and fewer digits than could be too many.
    if (1..=18).contains(&bytes.len()) && bytes.iter().all(u8::is_ascii_digit) {
        return Some(bytes.iter().fold(0, |number, digit| number * 10 + i64::from(digit - b'0')));
    }
    std::str::from_utf8(bytes).ok()?.trim().parse().ok()
}

/// Digits only, and at least one.
#[must_use]
pub fn all_digits(value: &str) -> bool {
    !value.is_empty() && value.bytes().all(|b| b.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn split(line: &str) -> Result<Vec<String>, usize> {
        let mut fields = Fields::new();
        split_quoted(line.as_bytes(), b',', &mut fields)?;
        Ok(fields.iter().map(|f| String::from_utf8_lossy(f).into_owned()).collect())
    }

    #[test]
    fn quotes_hold_delimiters_and_quotes() {
        assert_eq!(split(r#""a,b","""x"" <1>",,c"#).unwrap(), ["a,b", "\"x\" <1>", "", "c"]);
        assert_eq!(split("").unwrap(), [""]);
        assert_eq!(split("a,").unwrap(), ["a", ""]);
        assert_eq!(split(r#""a"b,c"#).unwrap(), ["ab", "c"]);
        assert_eq!(split(r#"x,"unfinished"#).unwrap_err(), 2);
    }

    #[test]
    fn a_byte_is_found_wherever_it_is() {
        let bytes: Vec<u8> = (0..=255).collect();
        for from in 0..40 {
            for byte in 0..=255 {
                let expected = bytes[from..].iter().position(|b| *b == byte);
                assert_eq!(find(byte, &bytes[from..]), expected, "{byte} from {from}");
            }
        }
        assert_eq!(find(b'"', b"\x23\x22\xa2\"\x23\x22\x22\x22"), Some(1));
    }

    #[test]
    fn a_part_of_a_record_is_read_as_it_is_by_itself() {
        for line in ["a, é ,\"é, \",\"x\"\"é\",".as_bytes(), b"caf\xe9,\xc3\xa9,x"] {
            let record = std::str::from_utf8(line).unwrap_or_default();
            let mut fields = Fields::new();
            split_quoted(line, b',', &mut fields).unwrap();
            for field in &fields {
                assert_eq!(borrowed_of(record, field), borrowed(field));
                assert_eq!(*trimmed(field), *borrowed(field).as_bytes());
            }
        }
    }

    #[test]
    fn bytes_that_are_not_utf8_are_latin1() {
        assert_eq!(text(b"caf\xe9"), "café");
    }
}
