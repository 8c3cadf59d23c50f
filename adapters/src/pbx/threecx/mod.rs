//! 3CX Phone System: what its CDR service writes (one line per call, up to v18 and in v20), and the rows of v20's table `cdroutput` (one per segment).
//!
//! 3cx.com, *CDR - Call Data Records* (the service's fields) and *Call Detail Record guide* (the table, its columns and words);
//! `cdr-formats/3cx.md` quotes both.
//! Which of the two a record is, is told by its header, by its JSON keys, by [`Settings::columns`], or else it is a line of the service.

use serde_json::Value;

use crate::adapter::{About, Adapter, Ends, Header, Legs, Provenance, Record, Settings, Tells};
use crate::fields::{Fields, split_quoted, text};

mod v18;
mod v20;

/// 3CX's call records.
pub struct ThreeCx;

static ABOUT: About = About {
    name: "threecx",
    title: "3CX: lines of the CDR service; rows of the table cdroutput (CSV with header, JSON lines)",
    versions: "CDR service 12 to 20; cdroutput 20 Update 6 and later",
    provenance: Provenance::RealRecords,
    // A line of the service is a whole call. Of the rows of one call in cdroutput exactly one says which participant ended it, and none ends later;
    // the rows are copied out of the table together.
    ends: Ends::Marker { settle_s: 30 },
    tells: &[
        Tells::Direction,
        Tells::Offers,
        Tells::QueueWait,
        Tells::Did,
        Tells::EndedBy,
        Tells::Mailbox,
        Tells::Declined,
        Tells::Transfers,
        Tells::Seconds,
    ],
    needs: "nothing: unanswered calls are recorded; in the CDR service's settings, all fields in the order of the manual, or the order in `columns`",
    typical_delay_s: 5,
};

/// What may part the columns of an exported table.
const DELIMITERS: [u8; 4] = [b',', b';', b'\t', b'|'];

impl Adapter for ThreeCx {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn header(&self, bytes: &[u8], _settings: &Settings) -> Option<Header> {
        if !starts_like_header(bytes) {
            return None;
        }
        DELIMITERS.iter().find_map(|delimiter| {
            let mut fields = Fields::new();
            split_quoted(bytes, *delimiter, &mut fields).ok()?;
            let names = fields.iter().map(|f| text(f)).collect();
            // The delimiter goes with the header, behind the columns, since a record alone does not show it.
            v20::header(names).map(|mut header| {
                header.index.push(Some(usize::from(*delimiter)));
                header
            })
        })
    }

    fn parse(&self, record: Record<'_>, settings: &Settings, out: &mut Legs) {
        let bytes = record.bytes.trim_ascii();
        if bytes.first() == Some(&b'{') {
            return parse_json(record, settings, out);
        }
        if record.header.is_some_and(|h| h.index.len() > v20::COLUMN_COUNT) {
            return parse_row(record, settings, out);
        }
        if settings.columns.iter().any(|c| c.eq_ignore_ascii_case("cdr_id")) {
            let mut header = Header::find(settings.columns.clone(), &v20::COLUMNS);
            header.index.push(Some(usize::from(delimiter_option(settings))));
            return parse_row(Record { header: Some(&header), ..record }, settings, out);
        }
        v18::parse(record, settings, out);
    }
}

/// Every header of the table names the segment's id; most lines are known not to be one by their first byte.
fn starts_like_header(bytes: &[u8]) -> bool {
    let first = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes).trim_ascii_start().first();
    first.is_some_and(|b| b.is_ascii_alphabetic() || *b == b'"')
        && memchr::memchr2_iter(b'c', b'C', bytes)
            .any(|at| bytes.get(at..at + 6).is_some_and(|name| name.eq_ignore_ascii_case(b"cdr_id")))
}

/// The site file's `options.delimiter`; a comma without it.
fn delimiter_option(settings: &Settings) -> u8 {
    match settings.options.get("delimiter").map(|d| d.as_str()) {
        Some("tab" | "\\t") => b'\t',
        Some(d) => d.bytes().next().unwrap_or(b','),
        None => b',',
    }
}

/// One row of the table as CSV, with the header that came before it.
fn parse_row(record: Record<'_>, settings: &Settings, out: &mut Legs) {
    let Some(header) = record.header else { return v18::parse(record, settings, out) };
    let delimiter = header.index.last().copied().flatten().and_then(|d| u8::try_from(d).ok()).unwrap_or(b',');
    let mut fields = Fields::new();
    if let Err(at) = split_quoted(record.bytes, delimiter, &mut fields) {
        return out.reject(record, format!("the field that opens with a quote at byte {at} does not end: the line is cut, or the quote should be doubled"));
    }
    if fields.len() != header.names.len() {
        return out.reject(
            record,
            format!(
                "{} fields, but the header names {}: the line is cut, or is no row of the table",
                fields.len(),
                header.names.len()
            ),
        );
    }
    let mut row = v20::Row::default();
    for (value, index) in row.values.iter_mut().zip(&header.index) {
        if let Some(field) = index.and_then(|i| fields.get(i)) {
            *value = not_null(field);
        }
    }
    v20::parse(&row, record, settings, out);
}

/// What psql, pgAdmin and COPY write for a value that is none.
fn not_null(value: &[u8]) -> &[u8] {
    let value = value.trim_ascii();
    if matches!(value, b"NULL" | b"null" | b"\\N" | b"[NULL]") { b"" } else { value }
}

/// One row of the table as a JSON object, its keys the column names.
fn parse_json(record: Record<'_>, settings: &Settings, out: &mut Legs) {
    let object: serde_json::Map<String, Value> = match serde_json::from_slice(record.bytes) {
        Ok(object) => object,
        Err(error) => return out.reject(record, format!("not a JSON object: {error}")),
    };
    let mut texts: [String; v20::COLUMN_COUNT] = std::array::from_fn(|_| String::new());
    let mut found = false;
    for (key, value) in object {
        if let Some(at) = v20::COLUMNS.iter().position(|c| c.eq_ignore_ascii_case(&key)) {
            found = true;
            texts[at] = match value {
                Value::Null => continue,
                Value::String(text) => text,
                other => other.to_string(),
            };
        }
    }
    if !found {
        return out.reject(record, "a JSON object without a column of 3CX's table cdroutput: it has cdr_id, call_history_id, cdr_started_at and 39 more");
    }
    let mut row = v20::Row::default();
    for (value, text) in row.values.iter_mut().zip(&texts) {
        *value = text.trim().as_bytes();
    }
    v20::parse(&row, record, settings, out);
}
