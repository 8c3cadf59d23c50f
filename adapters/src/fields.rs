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
        if line.get(at) == Some(&b'"') {
            let (field, end) = quoted(line, at)?;
            // What stands between a closing quote and the delimiter belongs to the field, as sloppy writers do it.
            let next = memchr::memchr(delimiter, &line[end..]).map_or(line.len(), |n| end + n);
            if next > end && !line[end..next].iter().all(u8::is_ascii_whitespace) {
                let mut whole = field.into_owned();
                whole.extend_from_slice(&line[end..next]);
                each(number, Cow::Owned(whole));
            } else {
                each(number, field);
            }
            at = next;
        } else {
            let next = memchr::memchr(delimiter, &line[at..]).map_or(line.len(), |n| at + n);
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

/// The field that opens at `at`, and the offset behind its closing quote.
fn quoted(line: &[u8], at: usize) -> Result<(Cow<'_, [u8]>, usize), usize> {
    let start = at + 1;
    let mut from = start;
    let mut unescaped: Option<Vec<u8>> = None;
    loop {
        let Some(found) = memchr::memchr(b'"', &line[from..]) else { return Err(at) };
        let quote = from + found;
        if line.get(quote + 1) == Some(&b'"') {
            unescaped.get_or_insert_with(Vec::new).extend_from_slice(&line[from..=quote]);
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

/// Bytes as text: UTF-8 where they are, else Latin-1, as the makers of the nineties wrote it. No byte is lost.
#[must_use]
pub fn text(bytes: &[u8]) -> Text {
    match std::str::from_utf8(bytes) {
        Ok(valid) => Text::from(valid.trim()),
        Err(_) => bytes.iter().map(|b| char::from(*b)).collect::<Text>().trim().into(),
    }
}

/// The field at `index` as text; empty if the record has no such field.
#[must_use]
pub fn field(fields: &Fields<'_>, index: usize) -> Text {
    fields.get(index).map_or_else(Text::default, |f| text(f))
}

/// Decimal digits as a number, with blanks around them; `None` if there is anything else.
#[must_use]
pub fn integer(bytes: &[u8]) -> Option<i64> {
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
    fn bytes_that_are_not_utf8_are_latin1() {
        assert_eq!(text(b"caf\xe9"), "café");
    }
}
