//! The engine's own records in a company's log: what people and plugins said of follow-ups, and what became of actions.
//!
//! No PBX writes them: the office does, in order, and they are known by the header `adapter=ringback` alone, whatever the PBX is said
//! to be. One JSON object a record (RFC 8259), in one line:
//! `{"v":1,"kind":"claim","id":"…","at":"2026-11-23T10:00:00.000Z","tenant":"acme","follow_up":"…","customer":"+442079460123",
//! "opened_at":"2026-11-23T09:12:44.000Z","by":"person:ann"}`, and beside these `why`, `status`, `action`, `call`, `detail`.
//! What is not known is left out, or null. `adapters::mark` says what each field means.

use serde::Deserialize;

use crate::adapter::{About, Adapter, Ends, Legs, Provenance, Record, Settings};
use crate::leg::{Moment, Text};
use crate::mark::{Mark, MarkKind};

/// The engine's own records.
pub struct Ringback;

/// The version of the records that this one reads and writes.
const VERSION: u32 = 1;

static ABOUT: About = About {
    name: "ringback",
    title: "Ringback's own: claims, settlements, deliveries (JSON lines)",
    versions: "1",
    provenance: Provenance::Documentation,
    ends: Ends::Never,
    tells: &[],
    needs: "nothing: the engine writes them itself",
    typical_delay_s: 0,
};

/// One record, as it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    v: u32,
    kind: MarkKind,
    id: String,
    at: String,
    tenant: String,
    follow_up: Option<String>,
    customer: Option<String>,
    opened_at: Option<String>,
    by: Option<String>,
    why: Option<String>,
    status: Option<String>,
    action: Option<String>,
    call: Option<String>,
    detail: Option<String>,
}

impl Adapter for Ringback {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn parse(&self, record: Record<'_>, settings: &Settings, out: &mut Legs) {
        match read(record.bytes, &settings.origin.tenant) {
            Ok(mark) => out.marks.push(mark),
            Err(reason) => out.reject(record, reason),
        }
    }
}

fn read(bytes: &[u8], tenant: &str) -> Result<Mark, String> {
    // A list of the values alone would be taken for an object.
    if !bytes.trim_ascii_start().starts_with(b"{") {
        return Err("no JSON object: each record is one, as {\"v\":1,\"kind\":\"claim\",…}".to_owned());
    }
    let written: Written = serde_json::from_slice(bytes).map_err(|e| e.to_string())?;
    if written.v != VERSION {
        return Err(format!("`v` is {}: this version reads records of version {VERSION}", written.v));
    }
    if written.id.is_empty() {
        return Err(
            "`id` is empty: each record has a name of its own, by which it is known when it comes again".to_owned()
        );
    }
    if !tenant.is_empty() && written.tenant != tenant {
        return Err(format!("`tenant` is `{}`, and the record's key says `{tenant}`", written.tenant));
    }
    let text = |value: Option<String>| value.filter(|text| !text.is_empty()).map(Text::from);
    let mark = Mark {
        kind: written.kind,
        id: written.id.into(),
        at: moment("at", &written.at)?,
        follow_up: text(written.follow_up),
        customer: text(written.customer),
        opened_at: written.opened_at.map(|at| moment("opened_at", &at)).transpose()?,
        by: text(written.by),
        why: text(written.why),
        status: text(written.status),
        action: text(written.action),
        call: text(written.call),
        detail: text(written.detail),
    };
    needs(&mark)?;
    Ok(mark)
}

/// What a mark of each kind cannot do without.
fn needs(mark: &Mark) -> Result<(), String> {
    let is_told = |field: &str| match field {
        "follow_up" => mark.follow_up.is_some(),
        "by" => mark.by.is_some(),
        "why" => mark.why.is_some(),
        "status" => mark.status.is_some(),
        _ => mark.action.is_some(),
    };
    let (kind, fields): (_, &[&str]) = match mark.kind {
        MarkKind::Claim => ("claim", &["follow_up", "by"]),
        MarkKind::Settlement => ("settlement", &["follow_up", "by"]),
        MarkKind::Reopening => ("reopening", &["follow_up", "by"]),
        MarkKind::Delivery => ("delivery", &["action", "status"]),
        MarkKind::Tag => return Ok(()),
        MarkKind::Note => ("note", &["follow_up", "by", "why"]),
    };
    let missing: Vec<&str> = fields.iter().copied().filter(|field| !is_told(field)).collect();
    match missing.is_empty() {
        true => Ok(()),
        false => Err(format!("a {kind} without `{}`: it has {}", missing.join("` and `"), fields.join(", "))),
    }
}

fn moment(field: &str, text: &str) -> Result<Moment, String> {
    let read = chrono::DateTime::parse_from_rfc3339(text);
    read.map(|at| Moment(at.timestamp_millis()))
        .map_err(|_| format!("`{field}` is `{text}`: write a moment as 2026-11-23T10:00:00.000Z"))
}
