//! Asterisk's call detail records, as `cdr_csv` (`Master.csv`), `cdr_custom`, `cdr_adaptive_odbc` exports with a header, and JSON lines write them.
//!
//! docs.asterisk.org, *CDR Specification*: one record per pair of parties; a dial to n destinations writes n records;
//! leaving a bridge writes a new one. `cdr/cdr_csv.c` and `configs/samples/cdr.conf.sample` give order and options;
//! `cdr-formats/asterisk.md` quotes both.
//!
//! Fields, in the order of `Master.csv`:
//! accountcode · src (caller ID number) · dst (extension of the dialplan) · dcontext · clid (`"name" <number>`) ·
//! channel (party A) · dstchannel (party B) · lastapp · lastdata · start · answer · end · duration · billsec (end − answer) ·
//! disposition · amaflags · uniqueid · userfield · peeraccount · linkedid · sequence; the last five are optional.
//! `cdr_custom` writes them in any order; a header or [`Settings::columns`] says which, else the dates and the disposition show it.
//! A dump of FreePBX's table begins with the start (`calldate`) and has no answer and no end; the AMI and web interfaces name the columns otherwise.

use std::borrow::Cow;

use serde_json::Value;
use smallvec::SmallVec;

use crate::adapter::{
    About, Adapter, EXTENSION_DIGITS_MAX, Ends, Header, Legs, Provenance, Record, Settings, Tells, looks_like_extension,
};
use crate::asterisk::{self, UniqueId};
use crate::control::{OWN_PREFIX, is_own};
use crate::fields::{Fields, all_digits, borrowed_of, find, holds, integer, split_quoted, text, trimmed};
use crate::leg::{Answerer, Disposition, End, EndKind, KeyKind, Leg, Moment, Stage, Text};

/// Asterisk's call detail records.
pub struct AsteriskCdr;

static ABOUT: About = About {
    name: "asterisk_cdr",
    title: "Asterisk, FreePBX: call detail records (Master.csv, cdr_custom, adaptive with header, JSON lines)",
    versions: "1.8 to 22; joined best from 12 on, with linkedid",
    provenance: Provenance::RealPbx,
    // The caller's own channel is the last of its call to be closed; the rows of the telephones it rang are written with it or before.
    // After the first row whose uniqueid is the linkedid, the last row of the same linkedid came 87 ms later at most, in 1,145 linkedids
    // of a real PBX with many calls at once. Two seconds are more than twenty times that, and leave room for a collector that reads
    // once a second. `engine/tests/stream/settle.rs` compares, with the moments at which the PBX wrote the rows.
    ends: Ends::Marker { settle_s: 2 },
    tells: &[Tells::Offers, Tells::Did, Tells::Mailbox, Tells::Seconds],
    needs: "cdr.conf: unanswered=yes, congestion=yes, canceldispositionenabled=yes; [csv] loguniqueid=yes, newcdrcolumns=yes",
    typical_delay_s: 1,
};

/// The columns that this adapter knows, by the names of Asterisk's variables (and, after `|`, of FreePBX's table).
const COLUMNS: [&str; COLUMN_COUNT] = [
    "accountcode",
    "src",
    "dst",
    "dcontext",
    "clid",
    "channel",
    "dstchannel",
    "lastapp",
    "lastdata",
    "start",
    "answer",
    "end",
    "duration",
    "billsec",
    "disposition",
    "amaflags",
    "uniqueid",
    "userfield",
    "peeraccount",
    "linkedid",
    "sequence",
    "did",
    "recordingfile",
    "calldate",
];
const COLUMN_COUNT: usize = 24;

/// Other names of the same columns, letters and digits alone: of the AMI's event, of Grandstream's export, of views on the table.
const OTHER_NAMES: [(C, &[&str]); 16] = [
    (C::Src, &["source", "callernumber"]),
    (C::Dst, &["destination", "calleenumber"]),
    (C::Context, &["destinationcontext", "context"]),
    (C::Clid, &["callerid", "calleridnumber"]),
    (C::Channel, &["sourcechannel"]),
    (C::DstChannel, &["destinationchannel", "destchannel"]),
    (C::App, &["lastapplication"]),
    (C::Data, &["lastapparg", "lastdate"]),
    (C::Start, &["starttime"]),
    (C::Answer, &["answertime", "answeredtime", "answerdate"]),
    (C::End, &["endtime", "enddate"]),
    (C::Duration, &["durationsecs", "calltime"]),
    (C::AnsweredFor, &["billableseconds", "billablesecs", "talktime"]),
    (C::UserField, &["loguserfield"]),
    (C::LinkedId, &["session"]),
    (C::Recording, &["recordfiles"]),
];

/// The column that a header or a key names.
fn column_named(name: &str) -> Option<usize> {
    if let Some(known) = COLUMNS.iter().position(|c| name.eq_ignore_ascii_case(c)) {
        return Some(known);
    }
    let plain: String = name.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect();
    COLUMNS.iter().position(|c| *c == plain).or_else(|| {
        OTHER_NAMES.iter().find(|(_, names)| names.contains(&plain.as_str())).map(|(column, _)| *column as usize)
    })
}

#[derive(Clone, Copy)]
enum C {
    Account,
    Src,
    Dst,
    Context,
    Clid,
    Channel,
    DstChannel,
    App,
    Data,
    Start,
    Answer,
    End,
    Duration,
    AnsweredFor,
    Disposition,
    Ama,
    UniqueId,
    UserField,
    PeerAccount,
    LinkedId,
    Sequence,
    Did,
    Recording,
    CallDate,
}

/// Where each column is in a record.
type Layout = [Option<usize>; COLUMN_COUNT];

impl Adapter for AsteriskCdr {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn header(&self, bytes: &[u8], _settings: &Settings) -> Option<Header> {
        if bytes.first() == Some(&b'{') || !holds(bytes, COLUMNS[C::Disposition as usize].as_bytes()) {
            return None;
        }
        let mut fields = Fields::new();
        split_quoted(bytes, b',', &mut fields).ok()?;
        let mut header = Header::find(fields.iter().map(|f| text(f)).collect(), &COLUMNS);
        for (at, column) in header.names.iter().map(|n| column_named(n)).enumerate() {
            let Some(index) = column.and_then(|c| header.index.get_mut(c)) else { continue };
            *index = index.or(Some(at));
        }
        let has = |c: C| header.index[c as usize].is_some();
        (has(C::Disposition) && has(C::Channel) && (has(C::Start) || has(C::CallDate))).then_some(header)
    }

    fn parse(&self, record: Record<'_>, settings: &Settings, out: &mut Legs) {
        if memchr::memchr(0, record.bytes).is_some() {
            out.reject(record, "a NUL byte in the record: the file has a hole; no field of an Asterisk CDR holds one");
            return;
        }
        if record.bytes.trim_ascii_start().first() == Some(&b'{') {
            parse_json(record, settings, out);
            return;
        }
        let mut fields = Fields::new();
        if let Err(at) = split_quoted(record.bytes, b',', &mut fields) {
            out.reject(record, format!("the field that opens with a quote at byte {at} does not end: the line is cut, or the quote should be doubled"));
            return;
        }
        match layout(&fields, record.header, settings) {
            Ok(layout) => {
                let row =
                    Row { record: std::str::from_utf8(record.bytes).unwrap_or_default(), fields: &fields, layout };
                leg(&row, record, settings, out);
            }
            Err(reason) => out.reject(record, reason),
        }
    }
}

/// A record's values by column.
struct Row<'r, 'a> {
    /// The record as text; empty where it is none, or its fields are not parts of it.
    record: &'r str,
    fields: &'r [Cow<'a, [u8]>],
    layout: Layout,
}

impl Row<'_, '_> {
    fn bytes(&self, column: C) -> &[u8] {
        self.layout[column as usize].and_then(|i| self.fields.get(i)).map_or(b"", |f| f.as_ref())
    }

    fn text(&self, column: C) -> Text {
        Text::from(self.borrowed(column))
    }

    fn borrowed(&self, column: C) -> Cow<'_, str> {
        borrowed_of(self.record, self.bytes(column))
    }

    fn integer(&self, column: C) -> Option<i64> {
        integer(self.bytes(column))
    }
}

/// The layout: from the header, from the settings, or from what the record itself shows.
fn layout(fields: &Fields<'_>, header: Option<&Header>, settings: &Settings) -> Result<Layout, String> {
    if let Some(header) = header {
        if fields.len() + 1 < header.names.len() || fields.len() > header.names.len() + 1 {
            return Err(format!("{} fields, but the header names {}", fields.len(), header.names.len()));
        }
        return header.index.as_slice().try_into().map_err(|_| "a header of another format".to_owned());
    }
    if !settings.columns.is_empty() {
        if fields.len() < settings.columns.len() {
            return Err(format!(
                "{} fields, but the site file's `columns` names {}",
                fields.len(),
                settings.columns.len()
            ));
        }
        let header = Header::find(settings.columns.clone(), &COLUMNS);
        return header.index.as_slice().try_into().map_err(|_| "columns of another format".to_owned());
    }
    shown_layout(fields)
}

/// FreePBX's table, as a dump of it prints it: the start is first, and there is no answer and no end.
const TABLE: [C; 16] = [
    C::CallDate,
    C::Clid,
    C::Src,
    C::Dst,
    C::Context,
    C::Channel,
    C::DstChannel,
    C::App,
    C::Data,
    C::Duration,
    C::AnsweredFor,
    C::Disposition,
    C::Ama,
    C::Account,
    C::UniqueId,
    C::UserField,
];

/// The table's layout, if the record shows it; the columns behind the sixteenth differ by release, and the ids among them by their shape.
fn table_layout(fields: &Fields<'_>) -> Option<Layout> {
    let index_of = |column: C| TABLE.iter().position(|c| *c as usize == column as usize);
    // The word is asked for first: what is no date is compared with more than one form of it.
    if disposition_of(bytes_at(fields, index_of(C::Disposition)?)).is_none() || !is_date(fields, 0) {
        return None;
    }
    let mut layout: Layout = [None; COLUMN_COUNT];
    for (index, column) in TABLE.iter().enumerate().take_while(|(index, _)| *index < fields.len()) {
        layout[*column as usize] = Some(index);
    }
    let linked = (TABLE.len()..fields.len()).find(|index| is_unique_id(fields, *index));
    layout[C::LinkedId as usize] = linked;
    layout[C::Sequence as usize] = linked.map(|l| l + 2).filter(|s| integer(bytes_at(fields, *s)).is_some());
    if linked.is_some_and(|l| l > TABLE.len() + 1) {
        layout[C::Did as usize] = Some(TABLE.len());
        layout[C::Recording as usize] = Some(TABLE.len() + 1);
    }
    Some(layout)
}

/// The order that the record itself shows: start, answer and end stand together, the disposition three places after the end,
/// and before the dates come the two channels and the application. What follows is told by its shape.
fn shown_layout(fields: &Fields<'_>) -> Result<Layout, String> {
    if let Some(layout) = table_layout(fields) {
        return Ok(layout);
    }
    let start = (8..=9)
        .find(|i| disposition_of(bytes_at(fields, *i + 5)).is_some() && is_date(fields, *i) && is_date(fields, *i + 2))
        .ok_or_else(|| unknown_layout(fields))?;
    let mut layout: Layout = [None; COLUMN_COUNT];
    let mut set = |column: C, index: usize| layout[column as usize] = Some(index);
    // `Master.csv` begins with the account and has the caller id fifth; the custom sample begins with the caller id.
    if start == 9 {
        for (index, column) in [C::Account, C::Src, C::Dst, C::Context, C::Clid].into_iter().enumerate() {
            set(column, index);
        }
    } else {
        for (index, column) in [C::Clid, C::Src, C::Dst, C::Context].into_iter().enumerate() {
            set(column, index);
        }
    }
    let middle = [
        C::Channel,
        C::DstChannel,
        C::App,
        C::Data,
        C::Start,
        C::Answer,
        C::End,
        C::Duration,
        C::AnsweredFor,
        C::Disposition,
        C::Ama,
    ];
    for (step, column) in middle.into_iter().enumerate() {
        set(column, start - 4 + step);
    }
    let mut at = start + 7;
    if start == 8 && !is_unique_id(fields, at) && fields.len() > at {
        set(C::Account, at);
        at += 1;
    }
    if is_unique_id(fields, at) {
        set(C::UniqueId, at);
        at += 1;
    }
    if fields.len() > at {
        set(C::UserField, at);
        at += 1;
    }
    // peeraccount and linkedid come in either order; the sequence follows both.
    if fields.len() > at + 1 {
        let first_is_id = is_unique_id(fields, at);
        let second_is_id = is_unique_id(fields, at + 1);
        let (linked, peer) = if first_is_id && !second_is_id { (at, at + 1) } else { (at + 1, at) };
        if first_is_id || second_is_id {
            set(C::LinkedId, linked);
            set(C::PeerAccount, peer);
            at += 2;
            if integer(bytes_at(fields, at)).is_some() {
                set(C::Sequence, at);
                at += 1;
            }
            // A custom field after it that looks like a number is the number dialed, if the site knows it as its own.
            if fields.len() > at {
                set(C::Did, at);
            }
        }
    }
    Ok(layout)
}

fn bytes_at<'f>(fields: &'f Fields<'_>, index: usize) -> &'f [u8] {
    fields.get(index).map_or(b"", |f: &Cow<'_, [u8]>| f.as_ref())
}

fn is_date(fields: &Fields<'_>, index: usize) -> bool {
    asterisk::stamp(bytes_at(fields, index)).is_some()
}

/// Most fields that are asked have no dot.
fn is_unique_id(fields: &Fields<'_>, index: usize) -> bool {
    let bytes = bytes_at(fields, index);
    find(b'.', bytes).is_some() && UniqueId::of(&trimmed(bytes)).is_some()
}

/// Why no layout fits, in the words of who can mend it.
fn unknown_layout(fields: &Fields<'_>) -> String {
    if fields.len() < 16 {
        return format!(
            "{} fields: an Asterisk CDR has 16, 17, 18, 19 or 21 (or more in a custom layout); the line may be cut",
            fields.len()
        );
    }
    for start in [9, 8] {
        if disposition_of(bytes_at(fields, start + 5)).is_some() {
            let (date, name) = if is_date(fields, start) { (start + 2, "end") } else { (start, "start") };
            return format!(
                "field {} ({name}): `{}` is not a time of the form YYYY-MM-DD hh:mm:ss",
                date + 1,
                String::from_utf8_lossy(bytes_at(fields, date))
            );
        }
    }
    "no disposition (ANSWERED, NO ANSWER, BUSY, FAILED, CONGESTION, CANCEL) where Master.csv or the custom sample have it: \
     name the columns in the site file's `columns`"
        .to_owned()
}

/// `docs: CDR Specification, disposition`; `None` for a word that is none.
fn disposition_of(bytes: &[u8]) -> Option<Disposition> {
    Some(match bytes.trim_ascii() {
        b"ANSWERED" | b"ANSWER" | b"8" => Disposition::Answered,
        b"NO ANSWER" | b"NOANSWER" => Disposition::NoAnswer,
        b"BUSY" => Disposition::Busy,
        b"FAILED" => Disposition::Failed,
        b"CONGESTION" => Disposition::Congestion,
        b"CANCEL" | b"CANCELED" | b"CANCELLED" => Disposition::Canceled,
        _ => return None,
    })
}

/// One JSON object a line (`format = json`), keys as Asterisk names its variables: the same row in another dress.
fn parse_json(record: Record<'_>, settings: &Settings, out: &mut Legs) {
    let object = match serde_json::from_slice::<Value>(record.bytes) {
        Ok(Value::Object(object)) => object,
        Ok(_) => {
            return out
                .reject(record, "JSON, but not an object: one record is one object with Asterisk's variables as keys");
        }
        Err(error) => return out.reject(record, format!("not JSON: {error}")),
    };
    let mut layout: Layout = [None; COLUMN_COUNT];
    let mut fields = Fields::new();
    for (key, value) in &object {
        if let Some(column) = column_named(key).filter(|c| layout[*c].is_none()) {
            layout[column] = Some(fields.len());
            let value = match value {
                Value::String(s) => s.clone(),
                Value::Null => String::new(),
                other => other.to_string(),
            };
            fields.push(Cow::Owned(value.into_bytes()));
        }
    }
    leg(&Row { record: "", fields: &fields, layout }, record, settings, out);
}

/// One row as one leg; two for a row of a conference room, since two calls met there; more for a dial that reached no device.
fn leg(row: &Row<'_, '_>, record: Record<'_>, settings: &Settings, out: &mut Legs) {
    let Some(disposition) = disposition_of(row.bytes(C::Disposition)) else {
        return out.reject(
            record,
            format!(
                "disposition `{}`: Asterisk writes ANSWERED, NO ANSWER, BUSY, FAILED, CONGESTION or CANCEL",
                row.text(C::Disposition)
            ),
        );
    };
    let channel = row.borrowed(C::Channel);
    if channel.is_empty() {
        return out.reject(record, "no channel: every Asterisk CDR has the channel of party A");
    }
    let unique = row.text(C::UniqueId);
    let linked = row.text(C::LinkedId);
    let id = UniqueId::of(unique.as_bytes());
    let times = match times(row, settings, id.map(UniqueId::moment)) {
        Ok(times) => times,
        Err(reason) => return out.reject(record, reason),
    };

    let mut leg = Leg::new(&settings.origin, record.position);
    leg.native_id = unique.clone();
    leg.order = id.map_or(0, UniqueId::order);
    leg.grain_ms = 1000;
    leg.started_at = Some(times.start);
    leg.ended_at = Some(times.end);
    leg.answered_at = times.answer;
    leg.disposition = disposition;

    let clid = row.borrowed(C::Clid);
    let (caller_name, clid_number) = asterisk::caller_id(&clid);
    let src = row.borrowed(C::Src);
    let caller = if src.is_empty() { clid_number } else { &src };
    leg.from = asterisk::end(&channel, caller, settings);
    leg.from.name = caller_name.into();
    leg.dialed = row.text(C::Dst);
    if asterisk::is_line_of_ours(&leg.from, caller, &leg.dialed, settings)
        || came_by_did(&leg.from, row, settings)
        || came_by_line(&leg.from, row, settings)
    {
        asterisk::as_line(&mut leg.from, caller);
    }
    if unique.starts_with(OWN_PREFIX) {
        asterisk::as_telephone(&mut leg.from, settings);
    }
    read_place(&mut leg, row, settings);
    read_did(&mut leg, row, settings);
    read_far_end(&mut leg, row, settings);
    if leg.stage == Stage::OwnCall {
        // The telephone that the PBX rang for us is party A here, and `src` the number that it was to be joined with.
        leg.did = Text::default();
        leg.dialed = caller.into();
    }
    leg.recording = row.text(C::Recording);
    for (column, label) in [(C::Account, "accountcode"), (C::UserField, "userfield"), (C::PeerAccount, "peeraccount")] {
        if !row.bytes(column).is_empty() {
            let value = row.text(column);
            if !value.is_empty() {
                leg.extra.push((label, value));
            }
        }
    }
    leg.ends_call = !linked.is_empty() && linked == unique && !may_have_met_somebody(&leg);
    link(&mut leg, row, &unique, &linked);
    name(&mut leg, row, record, 0);
    let others = unreached(&leg, settings);
    let mirror = met_in_room(&leg, settings);
    let closed = closed_before_mailbox(&leg, settings);
    out.legs.push(leg);
    if mirror.is_none() && closed.is_none() && others.is_empty() {
        return;
    }
    for (part, mut other) in others.into_iter().chain(mirror).chain(closed).enumerate() {
        name(&mut other, row, record, u8::try_from(part + 1).unwrap_or(u8::MAX));
        out.legs.push(other);
    }
}

/// Without a site file: FreePBX fills the column `did` of calls that came in, and of no others.
fn came_by_did(from: &End, row: &Row<'_, '_>, settings: &Settings) -> bool {
    settings.extensions.is_empty() && from.kind == EndKind::Person && is_long(&row.borrowed(C::Did))
}

/// Without a site file: FreePBX's own contexts for calls that come in by a line.
fn came_by_line(from: &End, row: &Row<'_, '_>, settings: &Settings) -> bool {
    const OF_LINES: [&str; 7] =
        ["from-pstn", "from-trunk", "from-dahdi", "from-zaptel", "from-analog", "from-digital", "from-sip-external"];
    settings.extensions.is_empty()
        && settings.stages.is_empty()
        && from.kind == EndKind::Person
        && OF_LINES.iter().any(|line| row.borrowed(C::Context).starts_with(line))
}

/// A record without a unique id is named by where it stands.
fn name(leg: &mut Leg, row: &Row<'_, '_>, record: Record<'_>, part: u8) {
    if row.bytes(C::UniqueId).is_empty() {
        leg.name_by_position(record.source, part);
    } else if row.bytes(C::Sequence).is_empty() {
        // Without a sequence, rows that share a unique id differ in their channels, their place or their start.
        let columns = [C::Channel, C::DstChannel, C::Start, C::End, C::App, C::Data, C::Dst, C::Context];
        let distinct: SmallVec<[&[u8]; 8]> = columns.iter().map(|c| row.bytes(*c)).collect();
        leg.name_by_native_id(&distinct, part);
    } else {
        leg.name_by_native_id(&[row.bytes(C::LinkedId), row.bytes(C::Sequence)], part);
    }
}

struct Times {
    start: Moment,
    answer: Option<Moment>,
    end: Moment,
}

/// Start, answer and end in UTC. The unique id's second is when party A's channel was made: it proves the offset.
fn times(row: &Row<'_, '_>, settings: &Settings, proof: Option<Moment>) -> Result<Times, String> {
    let column = |c: C| -> Result<Option<Moment>, String> {
        let bytes = row.bytes(c);
        if bytes.trim_ascii().is_empty() {
            return Ok(None);
        }
        asterisk::moment(bytes, settings, proof).map(Some).ok_or_else(|| {
            format!(
                "{}: `{}` is not a time of the form YYYY-MM-DD hh:mm:ss",
                COLUMNS[c as usize],
                String::from_utf8_lossy(bytes)
            )
        })
    };
    let Some(start) = column(C::Start)?.or(column(C::CallDate)?) else {
        return Err("no start: every Asterisk CDR has one (FreePBX's table calls it calldate)".to_owned());
    };
    let duration = row.integer(C::Duration);
    let mut answer = column(C::Answer)?;
    let mut end = column(C::End)?;
    if end.is_none() {
        end = duration.map(|s| start.plus_ms(s.saturating_mul(1000)));
        // The table has no answer column: it is what remains of the duration.
        let talked = row.integer(C::AnsweredFor).unwrap_or(0);
        if answer.is_none() && talked > 0 {
            answer = end.map(|e| e.plus_ms(-talked.saturating_mul(1000)));
        }
    }
    let Some(mut end) = end else {
        return Err("no end and no duration: the record says when the call began but not how long it took".to_owned());
    };
    // In the autumn hour the end can print before the start; the duration says which of the two hours was meant.
    if let Some(seconds) = duration {
        let told = start.plus_ms(seconds.saturating_mul(1000));
        if end.ms_since(told).abs() >= 1_800_000 && seconds >= 0 {
            end = told;
        }
    }
    if end < start {
        return Err("the end is before the start, and the duration does not explain it".to_owned());
    }
    Ok(Times { start, answer: answer.filter(|a| *a >= start && *a <= end.plus_ms(1000)), end })
}

/// Where the caller was: the application where it decides by itself, else what the site says the context is,
/// else what the application suggests.
fn read_place(leg: &mut Leg, row: &Row<'_, '_>, settings: &Settings) {
    let context = row.text(C::Context);
    let application = row.text(C::App);
    let data = row.text(C::Data);
    let from_context = settings.stages.get(&context).copied();
    leg.stage = asterisk::application_stage(&application)
        .or(from_context)
        .unwrap_or_else(|| asterisk::application_hint(&application, &data));
    if leg.stage == Stage::Queue && application.eq_ignore_ascii_case("Dial") {
        leg.stage = Stage::Extension;
    }
    // A call that we had the PBX place, and that its dialplan has not had yet, whatever this release calls what rang the telephone.
    let is_rung_by_us = ["", "AppDial", "AppDial2", "Stasis"].iter().any(|name| application.eq_ignore_ascii_case(name))
        && is_own(row.bytes(C::UniqueId), row.bytes(C::Account), row.bytes(C::UserField));
    if from_context == Some(Stage::OwnCall) || is_rung_by_us {
        leg.stage = Stage::OwnCall;
    }
    match leg.stage {
        Stage::Queue => {
            let queue = asterisk::argument(&data, 0);
            leg.queue = if queue.is_empty() { leg.dialed.clone() } else { queue.into() };
            leg.place = leg.queue.clone();
        }
        Stage::HuntGroup => {
            leg.queue = leg.dialed.clone();
            leg.place = leg.dialed.clone();
        }
        Stage::Mailbox => leg.place = asterisk::argument(&data, 0).split('@').next().unwrap_or_default().into(),
        Stage::Park | Stage::ParkRetrieve => leg.place = data.rsplit([':', ',']).next().unwrap_or_default().into(),
        Stage::Menu | Stage::Closed | Stage::Announcement | Stage::Final | Stage::AfterQueue | Stage::QueueExit => {
            leg.place = context.clone();
        }
        _ => leg.place = leg.dialed.clone(),
    }
    if !context.is_empty() {
        leg.extra.push(("dcontext", context));
    }
    // The step that ended the dialplan says why: Hangup(19), Busy, Congestion.
    if application.eq_ignore_ascii_case("Hangup") {
        leg.cause = data.trim().parse().ok().filter(|c| (1..128).contains(c));
    } else if application.eq_ignore_ascii_case("Busy") {
        leg.cause = Some(17);
    } else if application.eq_ignore_ascii_case("Congestion") {
        leg.cause = Some(34);
    }
    leg.detail = application;
    leg.argument = data;
}

/// The number dialed: the custom field where it holds one of ours, or the extension of the dialplan where it is still the number.
fn read_did(leg: &mut Leg, row: &Row<'_, '_>, settings: &Settings) {
    if leg.from.kind == EndKind::Person {
        return;
    }
    let is_ours = |value: &str| {
        let digits = value.strip_prefix('+').unwrap_or(value);
        all_digits(digits) && (settings.dids.contains(digits) || settings.dids.is_empty() && digits.len() > 6)
    };
    let custom = row.borrowed(C::Did);
    if is_ours(&custom) {
        leg.did = Text::from(custom);
    } else if leg.stage == Stage::Number || is_ours(&leg.dialed) {
        leg.did = leg.dialed.clone();
    }
}

/// Party B: the device that was rung, or what was to be rung where no device could be.
fn read_far_end(leg: &mut Leg, row: &Row<'_, '_>, settings: &Settings) {
    let far = row.borrowed(C::DstChannel);
    let is_dial = leg.detail.eq_ignore_ascii_case("Dial");
    // The channel was answered before: the PBX had picked up (a menu, a queue, a transfer), so the answer printed is not party B's.
    leg.up_before = leg.answered_at == leg.started_at && leg.answered_at.is_some();
    if is_dial || leg.stage == Stage::Queue {
        let limit = asterisk::argument(&leg.argument, if is_dial { 1 } else { 4 });
        leg.timed_out = limit.parse::<i64>().ok().filter(|s| *s > 0).and_then(|limit| {
            row.integer(C::Duration)
                .filter(|_| leg.disposition != Disposition::Answered || leg.up_before)
                .map(|took| took >= limit)
        });
    }
    if far.is_empty() {
        if is_dial {
            leg.to = first_destination(leg, settings);
            if leg.to.is_some() {
                leg.disposition = match leg.disposition {
                    Disposition::Busy => Disposition::Busy,
                    Disposition::Canceled => Disposition::Canceled,
                    _ => Disposition::NotRegistered,
                };
            }
        }
        if leg.to.is_none() && leg.disposition == Disposition::Answered {
            leg.answerer = Answerer::Machine;
        }
        return;
    }
    let device = asterisk::device(asterisk::channel_name(&far));
    let destination = asterisk::dialed_devices(&leg.argument).find(|d| asterisk::is_destination(d, device));
    let number = destination.and_then(asterisk::dialed_number).map_or_else(|| number_meant(leg), Text::from);
    let mut end = asterisk::end(&far, &number, settings);
    // Without a site file, a device to which a telephone of ours sends a number is a line; a caller from outside
    // who is sent on to a short number is sent to a colleague on another exchange.
    let sent = destination.and_then(asterisk::dialed_number).map(Text::from);
    if settings.extensions.is_empty() && sent.as_deref().is_some_and(is_long) && is_long(&leg.dialed) {
        calls_out(leg);
    }
    let guessed = settings.extensions.is_empty() && leg.from.kind == EndKind::Person && end.kind == EndKind::Person;
    if let Some(sent) = sent.filter(|_| guessed) {
        asterisk::as_line(&mut end, &sent);
    }
    if end.kind == EndKind::Outside && end.number.is_empty() && leg.stage != Stage::Conference {
        end.number = leg.dialed.clone();
    }
    leg.to = Some(end);
    if matches!(leg.disposition, Disposition::Answered | Disposition::NoAnswer | Disposition::Canceled) {
        leg.rang_at = leg.started_at;
    }
    if leg.disposition == Disposition::Answered {
        leg.answerer = match leg.to.as_ref().map(|e| e.kind) {
            Some(EndKind::Person | EndKind::Outside) => Answerer::Person,
            _ => Answerer::Unknown,
        };
    }
}

/// Without a site file: who dials a long number that is sent to a line calls out, if the device is named like an extension,
/// whatever number it shows: the dialplan may have put the company's there.
fn calls_out(leg: &mut Leg) {
    let extension = asterisk::peer(&leg.from.device);
    if leg.from.kind == EndKind::Outside && looks_like_extension(extension) {
        leg.from.kind = EndKind::Person;
        leg.from.number = extension.into();
        leg.from.trunk = Text::default();
        leg.did = Text::default();
    }
}

/// Longer than an extension without a site file.
fn is_long(number: &str) -> bool {
    let digits = number.strip_prefix('+').unwrap_or(number);
    digits.len() > EXTENSION_DIGITS_MAX && all_digits(digits)
}

/// What a telephone of ours dialed is what the far end is, where the destination names a line alone.
fn number_meant(leg: &Leg) -> Text {
    let is_ours = leg.from.kind == EndKind::Person && leg.stage != Stage::Conference;
    if leg.stage == Stage::Inside || is_ours && leg.dialed.len() > EXTENSION_DIGITS_MAX {
        leg.dialed.clone()
    } else {
        Text::default()
    }
}

/// The end that Dial would have rung first, where no channel to it could be made.
fn first_destination(leg: &Leg, settings: &Settings) -> Option<End> {
    destinations(leg, settings).next()
}

fn destinations<'l>(leg: &'l Leg, settings: &'l Settings) -> impl Iterator<Item = End> + 'l {
    let guessed = if settings.extensions.is_empty() { number_meant(leg) } else { Text::default() };
    asterisk::dialed_devices(&leg.argument).map(move |destination| {
        let number = asterisk::dialed_number(destination).unwrap_or(&guessed);
        // The device alone, with a hyphen behind it, since a channel's name would have one.
        let device = match destination.split_once('@') {
            Some((_, line)) if !destination.starts_with("Local/") => {
                format!("{}/{line}-", destination.split('/').next().unwrap_or_default())
            }
            _ => format!("{destination}-"),
        };
        let mut end = asterisk::end(&device, number, settings);
        end.channel = Text::default();
        end
    })
}

/// A dial that reached none of several devices writes one row: an offer to each was meant.
fn unreached(leg: &Leg, settings: &Settings) -> Vec<Leg> {
    if leg.disposition != Disposition::NotRegistered {
        return Vec::new();
    }
    destinations(leg, settings).skip(1).map(|end| Leg { to: Some(end), ..leg.clone() }).collect()
}

/// Whom a caller met in a conference room is told by either of both: by whoever stays, perhaps an hour after the caller has left.
fn may_have_met_somebody(leg: &Leg) -> bool {
    let met_a_person = leg.to.as_ref().is_some_and(|far| far.kind == EndKind::Person);
    leg.stage == Stage::Conference && leg.from.kind == EndKind::Outside && !met_a_person
}

/// A row of a conference room with a party B tells two calls whom they met. The pair is no link: a conference joins people, not calls.
fn met_in_room(leg: &Leg, settings: &Settings) -> Option<Leg> {
    if leg.stage != Stage::Conference {
        return None;
    }
    let far = leg.to.as_ref()?;
    let mut mirror = leg.clone();
    mirror.from = far.clone();
    mirror.to = Some(leg.from.clone());
    mirror.did = Text::default();
    // The id is that of the other call.
    mirror.native_id = Text::default();
    mirror.ends_call = false;
    mirror.order = u64::MAX;
    mirror.link_keys.clear();
    link_channel(&mut mirror, &far.channel);
    if settings.is_extension(&leg.dialed) {
        mirror.place = leg.dialed.clone();
    }
    Some(mirror)
}

/// A closed route that ends in a mailbox is one row, of the mailbox: that the caller was turned away first is told by the context.
fn closed_before_mailbox(leg: &Leg, settings: &Settings) -> Option<Leg> {
    if leg.stage != Stage::Mailbox {
        return None;
    }
    let (_, context) = leg.extra.iter().find(|(name, _)| *name == "dcontext")?;
    if settings.stages.get(context) != Some(&Stage::Closed) {
        return None;
    }
    Some(Leg {
        stage: Stage::Closed,
        place: context.clone(),
        ended_at: leg.started_at,
        ends_call: false,
        ..leg.clone()
    })
}

/// What joins this row to others: linkedid and unique id for good, channel names while the channels live.
fn link(leg: &mut Leg, row: &Row<'_, '_>, unique: &Text, linked: &Text) {
    leg.link(KeyKind::Id, linked.clone());
    leg.link(KeyKind::Id, unique.clone());
    let from = leg.from.channel.clone();
    link_channel(leg, &from);
    if leg.stage != Stage::Conference
        && let Some(far) = leg.to.as_ref().map(|e| e.channel.clone())
    {
        link_channel(leg, &far);
    }
    link_hand_over(leg, row);
}

fn link_channel(leg: &mut Leg, channel: &str) {
    if !channel.is_empty() {
        leg.link(KeyKind::Reused, asterisk::joint(channel).unwrap_or(channel));
    }
}

/// When a person joins a caller to a telephone that still rings, Asterisk swaps the two channels' places in the dialplan:
/// the consultation's row then carries the extension and context of the caller's row, and both end in one second.
/// No id joins the two; this trace does.
fn link_hand_over(leg: &mut Leg, row: &Row<'_, '_>) {
    let (Some(end), Some(to)) = (leg.ended_at, &leg.to) else { return };
    let second = end.0.div_euclid(1000);
    let (dialed, context) = (row.borrowed(C::Dst), row.borrowed(C::Context));
    let trace = |extension: &str, second: i64| {
        let mut value = Text::default();
        for part in [extension, &dialed, &context] {
            value.push_str(part);
            value.push('|');
        }
        value.push_str(itoa(second).as_str());
        value
    };
    if to.kind == EndKind::Person && leg.disposition == Disposition::Answered && leg.from.kind != EndKind::Person {
        let value = trace(&to.number, second);
        leg.link(KeyKind::HandOver, value);
    } else if leg.from.kind == EndKind::Person && leg.disposition != Disposition::Answered && leg.dialed != to.number {
        // Both rows are closed by one act, which can fall across the turn of a second.
        let number = leg.from.number.clone();
        for near in [second - 1, second, second + 1] {
            leg.link(KeyKind::TakeOver, trace(&number, near));
        }
    }
}

fn itoa(number: i64) -> Text {
    compact_str::ToCompactString::to_compact_string(&number)
}
