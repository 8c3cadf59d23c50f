//! Any PBX that can write a CSV line for each call or each leg: the way in for a make that nobody wrote an adapter for.
//!
//! A file whose header names its columns in our own words needs no settings:
//! `call_id leg_id started_at rang_at answered_at ended_at duration ring_time talk_time hold_time caller caller_name callee callee_name
//! dialed did queue trunk direction disposition ended_by cause recording transferred_by`.
//! It needs `started_at` (or `ended_at` and `duration`) and `caller` or `callee`; everything else is read where it is there.
//!
//! For every other file, the site file's `options` say (each has a default):
//!
//! | option | value | default |
//! |---|---|---|
//! | `map.FIELD` | the column of this field: its name in the header, or its number from 1; `Date+Time` joins two with a blank | the field's own name |
//! | `header` | `yes`: the first line names the columns; `no`: there is none, and `map.FIELD` are numbers (or the site file's `columns` lists our words in order) | `yes` |
//! | `delimiter` | one character, or `tab` | what parts the header: `,` `;` tab `\|` |
//! | `time.format` | how moments are printed: `%d/%m/%Y %H:%M:%S` and the like, `epoch`, or `epoch_ms` | `2026-02-10 09:41:57`, with `T`, fraction and offset or without |
//! | `time.unit` | of lengths: `s`, `ms` or `min`; `hh:mm:ss` and `mm:ss` are always read | `s` |
//! | `values.direction.WORD` | the file's words for `inbound`, `outbound`, `internal`, by commas | our word |
//! | `values.disposition.WORD` | the file's words for `answered`, `no_answer`, `busy`, `declined`, `canceled`, `answered_elsewhere`, `not_registered`, `do_not_disturb`, `congestion`, `failed`, `moved_on` or `voicemail`, by commas | our word |
//! | `values.ended_by.WORD` | the file's words for `caller`, `callee`, `network`, by commas | our word |
//! | `ends` | `each_record`: no other line of a call follows | where no column is `call_id` |
//!
//! Fields: `call_id` joins the lines of one call; `leg_id` names a line for ever; `duration` is from start to end, `talk_time` from answer to end,
//! `ring_time` from ringing to answer; `callee` is the extension rung or reached (of an outbound call, the number); `did` the number of ours that was dialed;
//! `transferred_by` the extension that passed the caller on. Times without offset are in the site file's zone, else UTC.
//! Without `direction`, an extension is inside and a longer number outside, but for a callee of a caller outside, which is a number of ours; without `disposition`, a time of answer or of talk tells an answer.

use std::borrow::Cow;

use chrono::{DateTime, NaiveDateTime};
use smallvec::SmallVec;

use crate::adapter::{About, Adapter, Ends, Header, Legs, Provenance, Record, Settings};
use crate::clock::{self, LocalTime};
use crate::fields::{Fields, holds, split_quoted, text};
use crate::leg::{Answerer, Disposition, End, EndKind, KeyKind, Leg, Moment, Move, MoveKind, Side, Stage, Text};
use crate::zoned::stamp;

/// Columns as the site file says, or named in our own words.
pub struct GenericCsv;

static ABOUT: About = About {
    name: "generic_csv",
    title: "Any CSV: columns mapped by options of the site file, or named in our own words",
    versions: "all",
    provenance: Provenance::Documentation,
    ends: Ends::Silence {
        idle_s: 14_400,
        because: "nobody told when this PBX writes the last line of a call; options.ends = each_record says that each line is a whole call",
    },
    tells: &[],
    needs: "a column for the start, and one for the caller or the callee; see the head of this adapter for all options",
    typical_delay_s: 60,
};

/// The fields, by our own words.
const FIELDS: [&str; FIELD_COUNT] = [
    "call_id",
    "leg_id",
    "started_at",
    "rang_at",
    "answered_at",
    "ended_at",
    "duration",
    "ring_time",
    "talk_time",
    "hold_time",
    "caller",
    "caller_name",
    "callee",
    "callee_name",
    "dialed",
    "did",
    "queue",
    "trunk",
    "direction",
    "disposition",
    "ended_by",
    "cause",
    "recording",
    "transferred_by",
];
const FIELD_COUNT: usize = 24;

#[derive(Clone, Copy, PartialEq, Eq)]
enum F {
    CallId,
    LegId,
    Started,
    Rang,
    Answered,
    Ended,
    Duration,
    RingTime,
    TalkTime,
    HoldTime,
    Caller,
    CallerName,
    Callee,
    CalleeName,
    Dialed,
    Did,
    Queue,
    Trunk,
    Direction,
    Disposition,
    EndedBy,
    Cause,
    Recording,
    TransferredBy,
}

const DELIMITERS: [u8; 4] = [b',', b';', b'\t', b'|'];

/// For each field the column it is in, and a second one that is joined to it.
type Map = [(Option<usize>, Option<usize>); FIELD_COUNT];

impl Adapter for GenericCsv {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn header(&self, bytes: &[u8], settings: &Settings) -> Option<Header> {
        if has_no_header(settings) {
            return None;
        }
        let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
        // Every line is asked: most are known not to be a header by the lack of one name.
        let named = |field: F| {
            let told = settings.options.get(format!("map.{}", FIELDS[field as usize]).as_str());
            let name = told.map_or(FIELDS[field as usize], |name| name.split('+').next().unwrap_or(name));
            holds(bytes, name.trim().as_bytes())
        };
        if !named(F::Started) && !named(F::Ended) {
            return None;
        }
        let told = delimiter(settings);
        told.as_ref()
            .map_or(&DELIMITERS[..], std::slice::from_ref)
            .iter()
            .find_map(|delimiter| header_of(bytes, *delimiter, settings))
    }

    fn parse(&self, record: Record<'_>, settings: &Settings, out: &mut Legs) {
        let (map, delimiter) = match map(record, settings) {
            Ok(found) => found,
            Err(reason) => return out.reject(record, reason),
        };
        let mut fields = Fields::new();
        if let Err(at) = split_quoted(record.bytes, delimiter, &mut fields) {
            return out.reject(record, format!("the field that opens with a quote at byte {at} does not end: the line is cut, or the quote should be doubled"));
        }
        let columns = record.header.map_or(0, |h| h.names.len());
        if fields.len() < columns {
            return out.reject(
                record,
                format!(
                    "{} fields, but the header names {columns}; if another character parts them, set options.delimiter",
                    fields.len()
                ),
            );
        }
        let row = Row { fields: &fields, map, record, settings, rejects_before: out.rejects.len() };
        match row.leg(out) {
            Ok(leg) => out.legs.push(leg),
            Err(reason) => out.reject(record, reason),
        }
    }
}

fn option<'s>(settings: &'s Settings, name: &str) -> Option<&'s str> {
    settings.options.get(name).map(|v| v.trim()).filter(|v| !v.is_empty())
}

fn has_no_header(settings: &Settings) -> bool {
    option(settings, "header").is_some_and(|h| h.eq_ignore_ascii_case("no"))
}

fn delimiter(settings: &Settings) -> Option<u8> {
    option(settings, "delimiter").and_then(|d| if d == "tab" || d == "\\t" { Some(b'\t') } else { d.bytes().next() })
}

/// The header, if this line names the columns that are mapped, or a start and a caller or callee in our own words.
fn header_of(bytes: &[u8], delimiter: u8, settings: &Settings) -> Option<Header> {
    let mut fields = Fields::new();
    split_quoted(bytes, delimiter, &mut fields).ok()?;
    let names: Vec<Text> = fields.iter().map(|f| text(f)).collect();
    let find = |name: &str| names.iter().position(|n| n.trim().eq_ignore_ascii_case(name.trim()));
    let mut index = Vec::with_capacity(FIELD_COUNT * 2 + 1);
    for field in FIELDS {
        let name = settings.options.get(format!("map.{field}").as_str()).map_or(field, |n| n.as_str());
        // A name may hold a plus of its own.
        let (first, second) = match (find(name), name.split_once('+')) {
            (None, Some((first, second))) => (find(first), find(second)),
            (found, _) => (found, None),
        };
        index.push(first);
        index.push(second);
    }
    let has = |field: F| index[field as usize * 2].is_some();
    let when = has(F::Started) || has(F::Ended) && has(F::Duration);
    if !when || !has(F::Caller) && !has(F::Callee) {
        return None;
    }
    index.push(Some(usize::from(delimiter)));
    Some(Header { names, index })
}

/// Where each field is: by the header, or by number.
fn map(record: Record<'_>, settings: &Settings) -> Result<(Map, u8), String> {
    let mut map: Map = [(None, None); FIELD_COUNT];
    if let Some(header) = record.header.filter(|h| h.index.len() == FIELD_COUNT * 2 + 1) {
        for (field, pair) in map.iter_mut().zip(header.index.chunks_exact(2)) {
            *field = (pair[0], pair[1]);
        }
        let delimiter = header.index.last().copied().flatten().and_then(|d| u8::try_from(d).ok()).unwrap_or(b',');
        return Ok((map, delimiter));
    }
    if !has_no_header(settings) {
        return Err(format!(
            "no header line before it that names our columns: name them {}, …; or say which they are with options.`map.started_at` = \"Start\", \
             options.`map.caller` = \"From\"; or options.header = no and numbers",
            FIELDS[..6].join(", ")
        ));
    }
    for (field, place) in FIELDS.iter().zip(&mut map) {
        let told = settings.options.get(format!("map.{field}").as_str());
        let number = |text: &str| -> Result<Option<usize>, String> {
            let number: usize = text.trim().parse().map_err(|_| {
                format!("options.`map.{field}` = \"{text}\": without a header it is a column's number from 1")
            })?;
            number
                .checked_sub(1)
                .map(Some)
                .ok_or_else(|| format!("options.`map.{field}` = \"{text}\": columns are numbered from 1"))
        };
        *place = match told.map(|t| t.split_once('+').unwrap_or((t, ""))) {
            Some((first, "")) => (number(first)?, None),
            Some((first, second)) => (number(first)?, number(second)?),
            None => (settings.columns.iter().position(|c| c.eq_ignore_ascii_case(field)), None),
        };
    }
    let has = |field: F| map[field as usize].0.is_some();
    let when = has(F::Started) || has(F::Ended) && has(F::Duration);
    if !when {
        return Err(
            "no column is the start: set options.`map.started_at` to its number (or `map.ended_at` and `map.duration`)"
                .to_owned(),
        );
    }
    if !has(F::Caller) && !has(F::Callee) {
        return Err(
            "no column is the caller or the callee: set options.`map.caller` and options.`map.callee` to their numbers"
                .to_owned(),
        );
    }
    Ok((map, delimiter(settings).unwrap_or(b',')))
}

/// One line, with where its fields are.
struct Row<'r, 'a> {
    fields: &'r Fields<'a>,
    map: Map,
    record: Record<'r>,
    settings: &'r Settings,
    /// How many rejects there were before this line's.
    rejects_before: usize,
}

impl Row<'_, '_> {
    fn has(&self, field: F) -> bool {
        self.map[field as usize].0.is_some()
    }

    fn bytes(&self, field: F) -> Cow<'_, [u8]> {
        let at = |index: Option<usize>| index.and_then(|i| self.fields.get(i)).map(|f| f.trim_ascii());
        let (first, second) = self.map[field as usize];
        match (at(first), at(second)) {
            (Some(first), Some(second)) => Cow::Owned([first, second].join(&b' ')),
            (first, _) => Cow::Borrowed(first.unwrap_or_default()),
        }
    }

    fn text(&self, field: F) -> Text {
        text(&self.bytes(field))
    }

    /// The line's leg. An optional field that is not understood is a reject of its own.
    fn leg(&self, out: &mut Legs) -> Result<Leg, String> {
        let mut leg = Leg::new(&self.settings.origin, self.record.position);
        self.read_times(&mut leg, out)?;
        self.read_disposition(&mut leg, out);
        self.read_ends(&mut leg, out);
        leg.ended_by = self
            .word(F::EndedBy, &["caller", "callee", "network"], out)
            .map(|i| [Side::Caller, Side::Callee, Side::Network][i]);
        leg.recording = self.text(F::Recording);
        let cause = self.text(F::Cause);
        if !cause.is_empty() {
            match cause.parse() {
                Ok(code) if code < 128 => leg.cause = Some(code),
                _ => out.reject(self.record, format!("cause: `{cause}` is no Q.850 code from 0 to 127; leave out options.`map.cause` if the column holds something else")),
            }
        }
        let by = self.text(F::TransferredBy);
        if !by.is_empty() {
            leg.moved = Some(Move { kind: MoveKind::Blind, by });
        }
        let call_id = self.text(F::CallId);
        leg.link(KeyKind::Id, call_id.clone());
        leg.ends_call = option(self.settings, "ends") == Some("each_record") || call_id.is_empty();
        leg.native_id = self.text(F::LegId);
        if leg.native_id.is_empty() {
            leg.name_by_position(self.record.source, 0);
        } else {
            leg.name_by_native_id(&[call_id.as_bytes()], 0);
        }
        Ok(leg)
    }

    /// Each moment as told, or from another and a length.
    fn read_times(&self, leg: &mut Leg, out: &mut Legs) -> Result<(), String> {
        let mut grain_ms = 1;
        let mut moment = |field: F| -> Result<Option<Moment>, String> {
            let bytes = self.bytes(field);
            if bytes.is_empty() || bytes.iter().all(|b| matches!(b, b'0' | b'-' | b':' | b' ' | b'/')) {
                return Ok(None);
            }
            let (at, grain) = self.moment(&bytes).ok_or_else(|| {
                let format = option(self.settings, "time.format").unwrap_or("2026-02-10 09:41:57");
                format!("{}: `{}` is no time of the form {format}; set options.`time.format` (such as %d/%m/%Y %H:%M:%S, epoch, epoch_ms)", FIELDS[field as usize], text(&bytes))
            })?;
            grain_ms = grain_ms.max(grain);
            Ok(Some(at))
        };
        let started = moment(F::Started)?;
        let mut optional = |field: F| {
            moment(field).unwrap_or_else(|reason| {
                out.reject(self.record, reason);
                None
            })
        };
        let (rang, answered, ended) = (optional(F::Rang), optional(F::Answered), optional(F::Ended));
        leg.grain_ms = grain_ms;
        let [duration, ring, talk, hold] =
            [F::Duration, F::RingTime, F::TalkTime, F::HoldTime].map(|field| self.length(field, out));
        leg.hold_ms = hold;
        leg.rang_at = rang;
        leg.started_at = started.or_else(|| Some(ended?.plus_ms(-duration?)));
        if leg.started_at.is_none() {
            return Err("no start: started_at is empty, and ended_at with duration does not tell it".to_owned());
        }
        let talked = talk.filter(|ms| *ms > 0);
        leg.ended_at = ended
            .or_else(|| Some(leg.started_at?.plus_ms(duration?)))
            .or_else(|| Some(answered?.plus_ms(talked?)))
            .or_else(|| Some(leg.started_at?.plus_ms(ring?.saturating_add(talk.unwrap_or(0)))));
        leg.answered_at = answered.or_else(|| Some(leg.ended_at?.plus_ms(-talked?)));
        // A talk of which nothing tells when it began: only its length.
        if leg.ended_at.is_none() && talked.is_some() {
            leg.disposition = Disposition::Answered;
            leg.ended_at = leg.started_at.map(|start| start.plus_ms(talked.unwrap_or(0)));
        }
        if leg.ended_at.is_some() && leg.ended_at < leg.started_at {
            return Err(
                "the end is before the start: one of the two is read wrongly; check options.`time.format` and the zone"
                    .to_owned(),
            );
        }
        Ok(())
    }

    fn moment(&self, bytes: &[u8]) -> Option<(Moment, u32)> {
        let in_zone =
            |local: LocalTime| self.settings.zone.map_or(Moment(local.0), |zone| clock::in_zone(local, zone, None));
        let Some(format) = option(self.settings, "time.format") else {
            let stamp = stamp(bytes)?;
            return Some((stamp.moment().unwrap_or_else(|| in_zone(stamp.local)), stamp.grain_ms));
        };
        let text = std::str::from_utf8(bytes).ok()?;
        match format {
            "epoch" => {
                let seconds: f64 = text.parse().ok()?;
                (seconds.abs() < 1e12)
                    .then_some((Moment((seconds * 1000.0).round() as i64), if text.contains('.') { 1 } else { 1000 }))
            }
            "epoch_ms" => Some((Moment(text.parse().ok()?), 1)),
            _ => {
                let grain =
                    if format.contains("%S") || format.contains("%T") || format.contains("%c") || format.contains("%s")
                    {
                        1000
                    } else {
                        60_000
                    };
                if format.contains("%z") || format.contains("%:z") || format.contains("%s") {
                    return Some((Moment(DateTime::parse_from_str(text, format).ok()?.timestamp_millis()), grain));
                }
                let local = NaiveDateTime::parse_from_str(text, format).ok()?;
                Some((in_zone(LocalTime(local.and_utc().timestamp_millis())), grain))
            }
        }
    }

    /// A length in milliseconds; `hh:mm:ss` and `mm:ss` in any unit.
    fn length(&self, field: F, out: &mut Legs) -> Option<i64> {
        const LENGTH_MS_MAX: i64 = 366 * 86_400_000;
        let value = self.text(field);
        if value.is_empty() {
            return None;
        }
        let unit = option(self.settings, "time.unit").unwrap_or("s");
        let factor = match unit {
            "ms" => 1.0,
            "min" => 60_000.0,
            _ => 1000.0,
        };
        let read = if value.contains(':') {
            value
                .split(':')
                .try_fold(0_i64, |sum, part| {
                    let part: i64 = part.trim().parse().ok().filter(|n| (0..=100_000).contains(n))?;
                    Some(sum.saturating_mul(60).saturating_add(part))
                })
                .map(|seconds| seconds.saturating_mul(1000))
        } else {
            value
                .replace(',', ".")
                .parse::<f64>()
                .ok()
                .filter(|n| n.is_finite() && *n >= 0.0)
                .map(|n| (n * factor).round() as i64)
        };
        match read.filter(|ms| (0..=LENGTH_MS_MAX).contains(ms)) {
            Some(ms) => Some(ms),
            None => {
                out.reject(self.record, format!(
                    "{}: `{value}` is no length: a number (options.`time.unit` = s, ms or min; now {unit}), or hh:mm:ss", FIELDS[field as usize]
                ));
                None
            }
        }
    }

    /// How it ended: as told, or by whether there was an answer.
    fn read_disposition(&self, leg: &mut Leg, out: &mut Legs) {
        const WORDS: [&str; 12] = [
            "answered",
            "no_answer",
            "busy",
            "declined",
            "canceled",
            "answered_elsewhere",
            "not_registered",
            "do_not_disturb",
            "congestion",
            "failed",
            "moved_on",
            "voicemail",
        ];
        const MEANT: [Disposition; 12] = [
            Disposition::Answered,
            Disposition::NoAnswer,
            Disposition::Busy,
            Disposition::Declined,
            Disposition::Canceled,
            Disposition::AnsweredElsewhere,
            Disposition::NotRegistered,
            Disposition::DoNotDisturb,
            Disposition::Congestion,
            Disposition::Failed,
            Disposition::MovedOn,
            Disposition::Answered,
        ];
        let told = self.word(F::Disposition, &WORDS, out);
        let sound = out.rejects.len() == self.rejects_before;
        leg.disposition = match told {
            Some(index) => MEANT[index],
            None if leg.answered_at.is_some() || leg.disposition == Disposition::Answered => Disposition::Answered,
            // An empty time of answer, where the file has that column, tells that there was none; one that could not be read does not.
            None if sound && (self.has(F::Answered) || self.has(F::TalkTime)) => Disposition::NoAnswer,
            None => Disposition::Unknown,
        };
        if told == Some(WORDS.len() - 1) {
            leg.stage = Stage::Mailbox;
            leg.answerer = Answerer::Machine;
        }
        if leg.disposition != Disposition::Answered {
            leg.answered_at = None;
        } else if leg.answered_at.is_none() {
            leg.answered_at = self
                .length(F::RingTime, &mut Legs::default())
                .and_then(|ring| Some(leg.rang_at.or(leg.started_at)?.plus_ms(ring)));
        }
    }

    /// Who called whom. What is neither told nor an extension is outside.
    fn read_ends(&self, leg: &mut Leg, out: &mut Legs) {
        let [caller, callee, trunk] = [F::Caller, F::Callee, F::Trunk].map(|f| self.text(f));
        let kind = |number: &str| {
            if !number.is_empty() && self.settings.is_extension(number) { EndKind::Person } else { EndKind::Outside }
        };
        let (from, to) = match self.word(F::Direction, &["inbound", "outbound", "internal"], out) {
            Some(0) => (EndKind::Outside, EndKind::Person),
            Some(1) => (EndKind::Person, EndKind::Outside),
            Some(_) => (EndKind::Person, EndKind::Person),
            // A longer number that somebody outside called is one of ours: a call from line to line would be told.
            None if kind(&caller) == EndKind::Outside => (EndKind::Outside, EndKind::Person),
            None => (kind(&caller), kind(&callee)),
        };
        leg.dialed = self.text(F::Dialed);
        leg.did = self.text(F::Did);
        leg.queue = self.text(F::Queue);
        let trunk_of = |end: EndKind| {
            if end == EndKind::Outside {
                self.settings.trunk(&trunk).unwrap_or(&trunk).clone()
            } else {
                Text::default()
            }
        };
        let id = match (self.text(F::CallId), self.text(F::LegId)) {
            (call, _) if !call.is_empty() => call,
            (_, own) if !own.is_empty() => own,
            _ => compact_str::ToCompactString::to_compact_string(&self.record.position.byte),
        };
        leg.from = End {
            kind: from,
            name: self.text(F::CallerName),
            trunk: trunk_of(from),
            channel: compact_str::format_compact!("{id}:{caller}"),
            number: caller,
            ..End::default()
        };
        if leg.stage == Stage::Mailbox {
            leg.place = callee;
            return;
        }
        // A number of ours in the callee's column is what was dialed, and names nobody.
        let is_did = to == EndKind::Person
            && from == EndKind::Outside
            && !callee.is_empty()
            && !self.settings.is_extension(&callee);
        let callee = if is_did {
            if leg.did.is_empty() {
                leg.did = callee;
            }
            Text::default()
        } else {
            callee
        };
        if callee.is_empty() && leg.disposition != Disposition::Answered {
            leg.stage = if leg.queue.is_empty() { Stage::Number } else { Stage::Queue };
            leg.place = leg.queue.clone();
            return;
        }
        leg.stage = match (from, to) {
            _ if !leg.queue.is_empty() => Stage::Queue,
            (EndKind::Person, EndKind::Outside) => Stage::Outbound,
            (_, EndKind::Outside) => Stage::Forward,
            (EndKind::Person, _) => Stage::Inside,
            _ => Stage::Extension,
        };
        leg.place = leg.queue.clone();
        if leg.dialed.is_empty() && to == EndKind::Outside {
            leg.dialed = callee.clone();
        }
        leg.to = Some(End {
            kind: to,
            name: self.text(F::CalleeName),
            trunk: trunk_of(to),
            // Somebody who is rung twice is rung at two moments.
            channel: compact_str::format_compact!("{id}:{callee}:{}", leg.started_at.map_or(0, |m| m.0)),
            number: callee,
            ..End::default()
        });
        if leg.disposition == Disposition::Answered {
            leg.answerer = if to == EndKind::Person { Answerer::Person } else { Answerer::Unknown };
        }
    }

    /// Which of our words this field's value is: our own, or one that `values.FIELD.WORD` lists.
    fn word(&self, field: F, words: &[&str], out: &mut Legs) -> Option<usize> {
        let value = self.text(field);
        if value.is_empty() {
            return None;
        }
        let name = FIELDS[field as usize];
        let listed = |word: &&str| {
            if self.settings.options.is_empty() {
                return false;
            }
            let option = self.settings.options.get(format!("values.{name}.{word}").as_str());
            option.is_some_and(|list| list.split(',').any(|v| v.trim().eq_ignore_ascii_case(&value)))
        };
        let own: SmallVec<[u8; 24]> =
            value.bytes().map(|b| if b == b' ' || b == b'-' { b'_' } else { b.to_ascii_lowercase() }).collect();
        let found = words.iter().position(listed).or_else(|| words.iter().position(|w| w.as_bytes() == own.as_slice()));
        if found.is_none() {
            out.reject(
                self.record,
                format!(
                    "{name}: `{value}` is none of {}; say which it is with options.`values.{name}.{}` = \"{value}\"",
                    words.join(", "),
                    words.first().copied().unwrap_or_default()
                ),
            );
        }
        found
    }
}
