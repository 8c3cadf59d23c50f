//! A line of Mitel 5000 or Inter-Tel Axxess: one trunk call in 80 columns, or the same split by tabs with a date, as collectors write it.
//!
//! *Inter-Tel 5000 Administrator Guide*, SMDR Report Format: type · extension (the last that had the call) · trunk · dialed digits, 28 from column 17
//! (of an incoming call: caller or DID) · start (of a talk, when it became valid; of a ring-in, when it began to ring) · elapsed · cost ·
//! account code · `*` if the trunk's side hung up.
//! By tabs: type, extension, trunk, number, DID, start with date, elapsed.
//!
//! Types: `IN`, `DID`, `DIN`, `DSA` incoming; `RG` ring-in, how long it rang; all others outgoing (`FRE`, `LOC`, `TLC`, `TLD`, `OP`, `INT`, `O/I`, ...).
//! `RG` and then `IN` with the same extension, trunk and number is one answered call; `RG` alone was not answered.
//! Neither has an id: the minute in which the ringing ends and the talk begins joins them.

use super::{Day, date, length_ms};
use crate::adapter::{Legs, Record, Settings};
use crate::clock::{self, date_time};
use crate::fields::{integer, text};
use crate::leg::{Answerer, Disposition, End, EndKind, KeyKind, Leg, Moment, Side, Stage, Text};

const MINUTE_MS: i64 = 60_000;

/// What a type says of the call.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Type {
    Incoming,
    RingIn,
    Outgoing,
    Conference,
    Error,
}

fn type_of(word: &[u8]) -> Option<Type> {
    Some(match word {
        b"IN" | b"DIN" | b"DID" | b"DSA" | b"DNS" => Type::Incoming,
        b"RG" | b"RGI" | b"RNG" => Type::RingIn,
        b"FRE" | b"LOC" | b"TLC" | b"TLD" | b"O/I" | b"OP" | b"INT" | b"NET" | b"DLD" | b"DLC" | b"DLO" | b"DTL" => {
            Type::Outgoing
        }
        b"CNF" => Type::Conference,
        [b'E', b'/', ..] => Type::Error,
        _ => return None,
    })
}

/// True if the line begins with a call type and a blank or tab.
pub(super) fn is_line(bytes: &[u8]) -> bool {
    type_of(first_word(bytes)).is_some()
}

fn first_word(bytes: &[u8]) -> &[u8] {
    let end = bytes.iter().position(|b| matches!(b, b' ' | b'\t')).unwrap_or(bytes.len());
    bytes.get(..end.min(4)).unwrap_or_default()
}

/// The fields of one line, from either writing.
struct Line {
    kind: Type,
    word: Text,
    extension: Text,
    trunk: Text,
    number: Text,
    did: Text,
    start: Moment,
    is_dated: bool,
    grain_ms: u32,
    elapsed_ms: i64,
    cost: Text,
    account: Text,
    trunk_hung_up: bool,
}

/// One line to its leg.
pub(super) fn parse(bytes: &[u8], record: Record<'_>, settings: &Settings, out: &mut Legs) {
    let line = if bytes.contains(&b'\t') { by_tabs(bytes, settings) } else { by_columns(bytes, record, settings) };
    match line {
        Ok(line) => out.legs.push(leg(&line, record, settings)),
        Err(reason) => out.reject(record, reason),
    }
}

fn by_tabs(bytes: &[u8], settings: &Settings) -> Result<Line, String> {
    let fields: smallvec::SmallVec<[&[u8]; 12]> = bytes.split(|b| *b == b'\t').map(<[u8]>::trim_ascii).collect();
    let [word, extension, trunk, number, did, start, elapsed, ..] = fields[..] else {
        return Err(format!(
            "{} fields by tabs; type, extension, trunk, number, DID, start and elapsed are 7",
            fields.len()
        ));
    };
    let local = date_time(start)
        .ok_or_else(|| format!("field 6, start: `{}` is not a time of the form 2012-04-16 07:42:00", text(start)))?;
    let zone = settings.zone.unwrap_or(chrono_tz::Tz::UTC);
    Ok(Line {
        kind: type_of(word).ok_or_else(|| unknown_type(word))?,
        word: text(word),
        extension: text(extension),
        trunk: text(trunk),
        number: told(number),
        did: told(did),
        start: clock::in_zone(local, zone, None),
        is_dated: true,
        // The exchange prints minutes; a collector adds the seconds, as zeros.
        grain_ms: if local.0 % MINUTE_MS == 0 { 60_000 } else { 1000 },
        elapsed_ms: length_ms(elapsed)
            .ok_or_else(|| format!("field 7, elapsed: `{}` is not hh:mm:ss", text(elapsed)))?,
        cost: fields.get(7).map(|f| text(f)).unwrap_or_default(),
        account: fields.get(8).map(|f| text(f)).unwrap_or_default(),
        trunk_hung_up: false,
    })
}

/// A lone zero is no number.
fn told(field: &[u8]) -> Text {
    if field == b"0" { Text::default() } else { text(field) }
}

fn by_columns(bytes: &[u8], record: Record<'_>, settings: &Settings) -> Result<Line, String> {
    const DIALED: usize = 16;
    let word = first_word(bytes);
    let kind = type_of(word).ok_or_else(|| unknown_type(word))?;
    // The start's place moved by a column between releases: it is the first `hh:mm ` behind the dialed digits' beginning.
    let at = (DIALED..bytes.len())
        .find(|i| bytes[i - 1] == b' ' && matches!(bytes.get(*i..i + 6), Some([a, b, b':', c, d, b' ']) if [a, b, c, d].iter().all(|x| x.is_ascii_digit())))
        .ok_or("no start `hh:mm` behind the dialed digits (column 17 on): the line is cut")?;
    let number = |i: usize| i64::from(bytes[i] - b'0') * 10 + i64::from(bytes[i + 1] - b'0');
    let (hour, minute) = (number(at), number(at + 3));
    if hour > 23 || minute > 59 {
        return Err(format!("column {}: `{}` is no time of day", at + 1, text(&bytes[at..at + 5])));
    }
    let rest = bytes.get(at + 6..).unwrap_or_default().trim_ascii();
    let mut words = rest.split(|b| *b == b' ').filter(|w| !w.is_empty());
    let printed = words.next().unwrap_or_default();
    let elapsed_ms = elapsed(printed).ok_or_else(|| {
        format!("elapsed, behind the start: `{}` is not hh:mm:ss, S=seconds, nor hh:mm", text(printed))
    })?;
    let mut line = Line {
        kind,
        word: text(word),
        extension: text(bytes.get(4..9).unwrap_or_default()),
        trunk: text(bytes.get(10..15).unwrap_or_default()),
        number: text(bytes.get(DIALED..at).unwrap_or_default()),
        did: Text::default(),
        start: Moment::default(),
        is_dated: false,
        grain_ms: 60_000,
        elapsed_ms,
        cost: Text::default(),
        account: Text::default(),
        trunk_hung_up: rest.ends_with(b"*"),
    };
    for word in words {
        let word = word.strip_suffix(b"*").unwrap_or(word);
        if word.starts_with(b"$") {
            line.cost = text(word);
        } else if !word.is_empty() {
            line.account = text(word);
        }
    }
    let dated = date(Day::None, (hour * 60 + minute) * MINUTE_MS, elapsed_ms, record, settings)?;
    line.start = dated.at;
    line.is_dated = dated.is_told;
    Ok(line)
}

fn unknown_type(word: &[u8]) -> String {
    format!(
        "type `{}`: known are IN, DID, DIN, DSA, RG, FRE, LOC, TLC, TLD, OP, INT, O/I, NET, CNF and E/…",
        text(word)
    )
}

/// `hh:mm:ss`, `S=nnnnnn` (a setting), or `hh:mm` where that many seconds have no room.
fn elapsed(word: &[u8]) -> Option<i64> {
    if let Some(seconds) = word.strip_prefix(b"S=") {
        return integer(seconds).filter(|s| (0..=999_999).contains(s)).map(|s| s * 1000);
    }
    length_ms(word).or_else(|| {
        let (hours, minutes) = std::str::from_utf8(word).ok()?.split_once(':')?;
        let (hours, minutes): (i64, i64) = (hours.parse().ok()?, minutes.parse().ok()?);
        ((0..=9999).contains(&hours) && (0..60).contains(&minutes)).then_some((hours * 60 + minutes) * MINUTE_MS)
    })
}

fn leg(line: &Line, record: Record<'_>, settings: &Settings) -> Leg {
    let mut leg = Leg::new(&settings.origin, record.position);
    leg.grain_ms = line.grain_ms;
    let end = line.start.plus_ms(line.elapsed_ms);
    leg.ended_at = Some(end);
    leg.did = line.did.clone();
    // Of a caller without a number, the column holds words.
    let has_number = line.number.bytes().any(|b| b.is_ascii_digit());
    let outside = End {
        kind: EndKind::Outside,
        number: if has_number { line.number.clone() } else { Text::default() },
        name: if has_number { Text::default() } else { line.number.clone() },
        device: line.trunk.clone(),
        trunk: settings.trunk(&line.trunk).unwrap_or(&line.trunk).clone(),
        channel: compact_str::format_compact!("{}:{}", line.trunk, line.number),
    };
    let person = End {
        kind: EndKind::Person,
        number: settings.devices.get(&line.extension).unwrap_or(&line.extension).clone(),
        channel: compact_str::format_compact!("{}:{}:{}", line.trunk, line.number, line.extension),
        ..End::default()
    };
    // An unanswered ring-in of which no extension is told prints asterisks.
    let known = !line.extension.is_empty() && !line.extension.starts_with('*');
    let from_outside = matches!(line.kind, Type::Incoming | Type::RingIn);
    if from_outside {
        leg.from = outside;
        leg.to = known.then_some(person);
        leg.stage = if known { Stage::Extension } else { Stage::Number };
    } else {
        leg.from = person;
        leg.to = Some(outside);
        leg.dialed = line.number.clone();
        leg.stage = if line.kind == Type::Conference { Stage::Conference } else { Stage::Outbound };
    }
    match line.kind {
        Type::RingIn => {
            leg.started_at = Some(line.start);
            leg.rang_at = leg.to.as_ref().map(|_| line.start);
            // Whether somebody answered is told by the line that may follow.
            leg.disposition = if known { Disposition::Unknown } else { Disposition::NoAnswer };
        }
        Type::Error => {
            leg.started_at = Some(line.start);
            leg.disposition = Disposition::Failed;
        }
        // The start of a talk: when it was dialed, or began to ring, is not in the line.
        Type::Incoming | Type::Outgoing | Type::Conference => {
            leg.answered_at = Some(line.start);
            leg.disposition = Disposition::Answered;
            leg.answerer = if from_outside { Answerer::Person } else { Answerer::Unknown };
        }
    }
    if line.trunk_hung_up {
        leg.ended_by = Some(if from_outside { Side::Caller } else { Side::Callee });
    }
    link(&mut leg, line, end);
    leg.extra.push(("type", line.word.clone()));
    if !line.is_dated {
        leg.extra.push(("date", "not told: 1972-01-01 stands for it; give options.date".into()));
    }
    for (label, value) in [("cost", &line.cost), ("account_code", &line.account)] {
        if !value.is_empty() {
            leg.extra.push((label, value.clone()));
        }
    }
    // Neither ring-in nor talk is written before the trunk is released.
    leg.ends_call = true;
    leg.name_by_position(record.source, 0);
    leg
}

/// A ring-in ends in the minute in which its talk begins; minutes are cut off, so it can be the next one.
fn link(leg: &mut Leg, line: &Line, end: Moment) {
    let trace = |minute: i64| {
        compact_str::format_compact!("{}|{}|{}|{}|{minute}", line.extension, line.trunk, line.number, line.did)
    };
    match line.kind {
        Type::RingIn => {
            let first = end.0.div_euclid(MINUTE_MS);
            let last = end.0.saturating_add(i64::from(line.grain_ms) - 1).div_euclid(MINUTE_MS);
            for minute in first..=last {
                leg.link(KeyKind::HandOver, trace(minute));
            }
        }
        Type::Incoming => leg.link(KeyKind::TakeOver, trace(line.start.0.div_euclid(MINUTE_MS))),
        _ => {}
    }
}
