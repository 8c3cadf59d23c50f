//! A line of 3CX's CDR service: one call from its first party to its last.
//!
//! 3cx.com, *CDR - Call Data Records*. The administrator chooses fields, order and separator; without [`Settings::columns`] the manual's order holds:
//! historyid (number of the call) · callid (its id) · duration (from answer to end) · time-start · time-answered · time-end (UTC) ·
//! reason-terminated · from-no · to-no · from-dn · to-dn · dial-no · reason-changed (how the destination changed) ·
//! final-number · final-dn (the last party) · bill-code · bill-rate · bill-cost · bill-name · chain (every party in order) ·
//! from-type · to-type · final-type · from-dispname · to-dispname · final-dispname · missed-queue-calls (agents rung in vain).
//! Lines may end after the chain. The word `Call ` stands before the first field, `Chain: ` before the chain.
//! Nothing is quoted, and names hold commas; a spreadsheet that saved the file again quotes the chain and parts it by commas.
//!
//! The line has one answer for all parties: where a queue or menu picked up, it is the machine's, and only a bound of the person's.
//! Before types were written, lines end after the chain, and what a number is must be seen: of 450 real calls from outside without types, those
//! to a queue were answered in the second in which they came or the next, and no other was; and a mailbox has its own number beside the
//! extension's DN, with the extension in the chain.

use smallvec::SmallVec;

use crate::adapter::{Legs, Record, Settings, looks_like_extension};
use crate::clock::{self, date_time};
use crate::fields::text;
use crate::leg::{Answerer, Disposition, End, EndKind, KeyKind, Leg, Moment, Move, MoveKind, Side, Stage, Text};

/// The fields by the manual's names and in its order.
const COLUMNS: [&str; COLUMN_COUNT] = [
    "historyid",
    "callid",
    "duration",
    "time-start",
    "time-answered",
    "time-end",
    "reason-terminated",
    "from-no",
    "to-no",
    "from-dn",
    "to-dn",
    "dial-no",
    "reason-changed",
    "final-number",
    "final-dn",
    "bill-code",
    "bill-rate",
    "bill-cost",
    "bill-name",
    "chain",
    "from-type",
    "to-type",
    "final-type",
    "from-dispname",
    "to-dispname",
    "final-dispname",
    "missed-queue-calls",
];
const COLUMN_COUNT: usize = 27;

#[derive(Clone, Copy, PartialEq, Eq)]
enum C {
    History,
    CallId,
    Duration,
    Start,
    Answered,
    End,
    Terminated,
    From,
    To,
    FromDn,
    ToDn,
    Dialed,
    Changed,
    Final,
    FinalDn,
    BillCode,
    BillRate,
    BillCost,
    BillName,
    Chain,
    FromType,
    ToType,
    FinalType,
    FromName,
    ToName,
    FinalName,
    Missed,
}

/// A call from outside that is answered sooner than this, in milliseconds, was answered by a machine.
const MACHINE_ANSWERS_MS: i64 = 1_000;

/// Trunks have DNs from 10000 on.
const TRUNK_DN_DIGITS: usize = 5;

/// Lines without types and names end here.
const COLUMNS_MIN: usize = C::Chain as usize + 1;

/// The fields of one line.
struct Line<'a> {
    values: [&'a [u8]; COLUMN_COUNT],
    /// The three names, where their commas do not show which is whose.
    names: Text,
}

impl<'a> Line<'a> {
    fn bytes(&self, column: C) -> &'a [u8] {
        self.values[column as usize]
    }

    fn text(&self, column: C) -> Text {
        text(self.bytes(column))
    }

    fn begins(&self, column: C, words: &[&str]) -> bool {
        let value = self.bytes(column);
        words.iter().any(|w| value.get(..w.len()).is_some_and(|v| v.eq_ignore_ascii_case(w.as_bytes())))
    }
}

/// What a party is, by its type, or, without types, by its number.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Party {
    Person,
    Outside,
    Place(Stage),
    /// A number of ours, of which nothing says whether it is a person.
    Unknown,
}

/// One line to the legs of its call.
pub(super) fn parse(record: Record<'_>, settings: &Settings, out: &mut Legs) {
    let line = match fields(record.bytes, settings) {
        Ok(line) => line,
        Err(reason) => return out.reject(record, reason),
    };
    let times = match times(&line, settings) {
        Ok(times) => times,
        Err(reason) => return out.reject(record, reason),
    };
    let mut call = Call { line: &line, settings, record, times, legs: SmallVec::new(), answer: Disposition::Unknown };
    call.answer = call.ended();
    call.read();
    if call.legs.len() > usize::from(u8::MAX) {
        out.reject(
            record,
            format!("chain and missed-queue-calls name {} parties; the first {} are read", call.legs.len(), u8::MAX),
        );
        call.legs.truncate(usize::from(u8::MAX));
    }
    let count = call.legs.len();
    for (part, mut leg) in call.legs.into_iter().enumerate() {
        leg.order = part as u64;
        if leg.native_id.is_empty() {
            leg.name_by_position(record.source, u8::try_from(part).unwrap_or(u8::MAX));
        } else {
            leg.name_by_native_id(
                &[line.bytes(C::CallId), line.bytes(C::Start)],
                u8::try_from(part).unwrap_or(u8::MAX),
            );
        }
        leg.ends_call = true;
        if part + 1 == count && !line.names.is_empty() {
            leg.extra.push(("dispnames", line.names.clone()));
        }
        out.legs.push(leg);
    }
}

/// The fields by column. Where the line has more fields than columns, names hold commas: the columns before and after the names keep their places.
fn fields<'a>(bytes: &'a [u8], settings: &Settings) -> Result<Line<'a>, String> {
    let delimiter = super::delimiter_option(settings);
    let parts = split(without_prefix(bytes), delimiter);
    let order: SmallVec<[Option<C>; 32]> = if settings.columns.is_empty() {
        ALL.iter().map(|c| Some(*c)).collect()
    } else {
        settings
            .columns
            .iter()
            .map(|name| ALL.iter().copied().find(|c| same_name(COLUMNS[*c as usize], name)))
            .collect()
    };
    let mut line = Line { values: [b""; COLUMN_COUNT], names: Text::default() };
    let wanted = order.len();
    let least = if settings.columns.is_empty() { COLUMNS_MIN } else { wanted };
    if parts.len() < least {
        return Err(format!(
            "{} fields; a line of 3CX's CDR service has {least} or more in the order of its manual; if the administrator chose others, list them in `columns` \
             ({}, …)",
            parts.len(),
            COLUMNS[..6].join(", ")
        ));
    }
    let surplus = parts.len().saturating_sub(wanted);
    let names = order.iter().position(|c| matches!(c, Some(C::FromName | C::ToName | C::FinalName)));
    let mut at = 0;
    for (index, column) in order.iter().enumerate() {
        if surplus > 0 && Some(index) == names {
            // The names stand together; what they hold in all is known, where each ends is not, but for a caller whose name is the number.
            let together =
                order[index..].iter().take_while(|c| matches!(c, Some(C::FromName | C::ToName | C::FinalName))).count();
            line.names = text(&parts[at..at + together + surplus].join(&delimiter));
            if parts[at] == line.bytes(C::From) {
                line.values[C::FromName as usize] = parts[at];
            }
            at += surplus;
        }
        let is_name = matches!(column, Some(C::FromName | C::ToName | C::FinalName));
        if let (Some(column), false) = (column, is_name && surplus > 0) {
            line.values[*column as usize] = parts.get(at).copied().unwrap_or_default();
        }
        at += 1;
    }
    if surplus > 0 && names.is_none() {
        return Err(format!(
            "{} fields, but `columns` names {wanted}, and none of them is a name that could hold the delimiter",
            parts.len()
        ));
    }
    let chain = line.bytes(C::Chain);
    line.values[C::Chain as usize] = chain.strip_prefix(b"Chain:").unwrap_or(chain).trim_ascii();
    Ok(line)
}

/// The line behind the word `Call`, and behind what a collector wrote before that.
fn without_prefix(bytes: &[u8]) -> &[u8] {
    const PREFIX_MAX: usize = 80;
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes).trim_ascii();
    if let Some(body) = bytes.strip_prefix(b"Call ") {
        return body;
    }
    let behind = memchr::memmem::find(&bytes[..bytes.len().min(PREFIX_MAX)], b" Call ").map(|at| &bytes[at + 6..]);
    let is_line = |body: &&[u8]| {
        let digits = body.iter().take_while(|b| b.is_ascii_digit()).count();
        digits > 0 && body.get(digits) == Some(&b',')
    };
    behind.filter(is_line).unwrap_or(bytes)
}

/// The fields. A chain in quotes is one of them.
fn split(line: &[u8], delimiter: u8) -> SmallVec<[&[u8]; 32]> {
    let plain = |bytes| <[u8]>::split(bytes, move |b: &u8| *b == delimiter).map(<[u8]>::trim_ascii);
    let quoted = memchr::memmem::find(line, b"\"Chain:").and_then(|from| {
        let chain = &line[from + 1..];
        let until = memchr::memchr(b'"', chain)?;
        let rest = chain[until + 1..].trim_ascii_start();
        let ends = rest.is_empty() || rest.first() == Some(&delimiter);
        ends.then(|| (&line[..from], &chain[..until], rest.get(1..)))
    });
    let Some((before, chain, behind)) = quoted else { return plain(line).collect() };
    let mut parts: SmallVec<[&[u8]; 32]> = plain(before).collect();
    parts.pop();
    parts.push(chain);
    parts.extend(behind.into_iter().flat_map(plain));
    parts
}

const ALL: [C; COLUMN_COUNT] = [
    C::History,
    C::CallId,
    C::Duration,
    C::Start,
    C::Answered,
    C::End,
    C::Terminated,
    C::From,
    C::To,
    C::FromDn,
    C::ToDn,
    C::Dialed,
    C::Changed,
    C::Final,
    C::FinalDn,
    C::BillCode,
    C::BillRate,
    C::BillCost,
    C::BillName,
    C::Chain,
    C::FromType,
    C::ToType,
    C::FinalType,
    C::FromName,
    C::ToName,
    C::FinalName,
    C::Missed,
];

/// `time-start`, `time_start` and `TimeStart` are one column.
fn same_name(known: &str, told: &str) -> bool {
    let letters = |s: &str| {
        s.bytes().filter(u8::is_ascii_alphanumeric).map(|b| b.to_ascii_lowercase()).collect::<SmallVec<[u8; 24]>>()
    };
    letters(known) == letters(told)
}

struct Times {
    start: Moment,
    /// Of the call as a whole: the first that picked up, person or machine.
    answered: Option<Moment>,
    /// The answer that is no later than the end, and so no person's.
    answered_and_ended: Option<Moment>,
    end: Option<Moment>,
}

/// The moments, in UTC as the service prints them; `options.times = "local"` reads them in the site file's zone.
fn times(line: &Line<'_>, settings: &Settings) -> Result<Times, String> {
    let zone = settings.zone.filter(|_| settings.options.get("times").is_some_and(|t| t == "local"));
    let read = |column: C| -> Result<Option<Moment>, String> {
        let bytes = line.bytes(column);
        if bytes.is_empty() {
            return Ok(None);
        }
        let local = date_time(bytes).ok_or_else(|| {
            format!(
                "{}: `{}` is not a time of the form 2024/04/30 06:27:28; if the administrator chose another order of fields, list it in `columns`",
                COLUMNS[column as usize], text(bytes)
            )
        })?;
        Ok(Some(zone.map_or(Moment(local.0), |zone| clock::in_zone(local, zone, None))))
    };
    let (start, answered, end) = (read(C::Start)?, read(C::Answered)?, read(C::End)?);
    let Some(start) = start else {
        return Err(
            "time-start is empty: nothing says when the call was; choose the field in 3CX's CDR settings".to_owned()
        );
    };
    if end.is_some_and(|e| e < start) {
        return Err("time-end is before time-start".to_owned());
    }
    let duration = clock::time_of_day(line.bytes(C::Duration));
    let end = end.or_else(|| Some(answered?.plus_ms(duration?)));
    // An unanswered call prints no time of answer, or that of its end.
    let told = answered.filter(|a| *a >= start);
    let answered = told.filter(|a| Some(*a) != end || duration.is_some_and(|d| d > 0));
    Ok(Times { start, answered, answered_and_ended: told.filter(|_| answered.is_none()), end })
}

/// One call while its legs are made.
struct Call<'c> {
    line: &'c Line<'c>,
    settings: &'c Settings,
    record: Record<'c>,
    times: Times,
    legs: SmallVec<[Leg; 4]>,
    /// How the call ended if nobody answered.
    answer: Disposition,
}

impl Call<'_> {
    /// The first party that was called, those between as the chain tells them, the last, and the agents that were rung in vain.
    fn read(&mut self) {
        let mut first = self.party(C::To, C::ToDn, C::ToType);
        let changed = self.is_changed();
        if self.is_answered_by_machine(first) {
            first = Party::Place(Stage::Queue);
        }
        let last = if changed { self.party(C::Final, C::FinalDn, C::FinalType) } else { first };
        // A ring group does not pick up; a queue, a menu and the like do.
        let machine_first = matches!(first, Party::Place(stage) if stage != Stage::HuntGroup);
        self.push(first, C::To, C::ToDn, C::ToName, 1, changed);
        if changed {
            let between = self.between();
            for (index, number) in &between {
                self.push_between(number, *index);
            }
            let at = between.last().map_or(2, |(index, _)| index + 1);
            self.push(last, C::Final, C::FinalDn, C::FinalName, at, false);
            let passed_in_vain = self.line.begins(C::Changed, &["FailedBXfer"]);
            let passed_on =
                first == Party::Person && (passed_in_vain || self.line.begins(C::Changed, &["ReplacedDst"]));
            if let (true, Some(answered), Some(leg)) = (passed_on, self.times.answered, self.legs.first_mut()) {
                // Who was called first answered, and passed the caller on; when, is not told.
                leg.disposition = Disposition::Answered;
                leg.answerer = Answerer::Person;
                leg.rang_at = leg.started_at;
                leg.answered_at = Some(answered);
                leg.ended_at = if passed_in_vain { self.times.end } else { Some(answered) };
            }
            if let Some(leg) = self.legs.last_mut() {
                leg.moved = moved(self.line, first);
                if passed_in_vain && passed_on {
                    leg.started_at = leg.ended_at;
                    leg.answered_at = None;
                    leg.disposition = self.answer;
                }
                leg.up_before = self.times.answered.is_some()
                    && (machine_first
                        || !passed_on && leg.moved.as_ref().is_some_and(|m| m.kind == MoveKind::Blind)
                        || !between.is_empty());
                if leg.up_before {
                    leg.rang_at = None;
                }
            }
        }
        self.push_missed_agents();
    }

    /// A leg of this call from its caller.
    fn leg(&self) -> Leg {
        let line = self.line;
        let mut leg = Leg::new(&self.settings.origin, self.record.position);
        leg.native_id = line.text(C::History);
        leg.link(KeyKind::Id, line.text(C::CallId));
        leg.link(KeyKind::Id, line.text(C::History));
        leg.grain_ms = 1000;
        leg.started_at = Some(self.times.start);
        leg.from = self.caller();
        leg.dialed = line.text(C::Dialed);
        // A call that a rule sent to a queue or extension prints that one's number, which is no DID.
        let digits = leg.dialed.trim_start_matches('+');
        if leg.from.kind == EndKind::Outside && (self.settings.dids.contains(digits) || !looks_like_extension(digits)) {
            leg.did = leg.dialed.clone();
        }
        if self.legs.is_empty() {
            for (label, column) in [
                ("reason_terminated", C::Terminated),
                ("reason_changed", C::Changed),
                ("chain", C::Chain),
                ("bill_code", C::BillCode),
                ("bill_cost", C::BillCost),
            ] {
                let value = line.text(column);
                if !value.is_empty() {
                    leg.extra.push((label, value));
                }
            }
        }
        leg
    }

    fn caller(&self) -> End {
        let line = self.line;
        let kind = match self.party(C::From, C::FromDn, C::FromType) {
            Party::Outside => EndKind::Outside,
            Party::Person => EndKind::Person,
            Party::Place(_) => EndKind::Machine,
            Party::Unknown => EndKind::Unknown,
        };
        let dn = line.text(C::FromDn);
        let outside = kind == EndKind::Outside;
        End {
            kind,
            number: extension_of(&line.text(C::From)).into(),
            name: other_than(line.text(C::FromName), &line.text(C::From)),
            trunk: if outside { self.settings.trunk(&dn).unwrap_or(&dn).clone() } else { Text::default() },
            device: if outside { dn } else { Text::default() },
            channel: self.channel(0),
        }
    }

    /// A party is named by its place in the chain: the same extension twice is rung twice.
    fn channel(&self, index: usize) -> Text {
        let id =
            if self.line.bytes(C::CallId).is_empty() { self.line.text(C::History) } else { self.line.text(C::CallId) };
        let id = if id.is_empty() {
            compact_str::ToCompactString::to_compact_string(&self.record.position.byte)
        } else {
            id
        };
        compact_str::format_compact!("{id}:{index}")
    }

    /// One party of the chain; `goes_on` if the call did not end there.
    fn push(&mut self, party: Party, number: C, dn: C, name: C, index: usize, goes_on: bool) {
        let line = self.line;
        let raw = self.raw(number, dn);
        if raw.is_empty() && line.bytes(dn).is_empty() {
            return;
        }
        let mut leg = self.leg();
        if raw == END_CALL && leg.from.kind == EndKind::Person {
            // A number that leads nowhere.
            leg.stage = Stage::Number;
            leg.disposition = Disposition::Failed;
            leg.ended_at = self.times.end;
            return self.legs.push(leg);
        }
        let shown = match party {
            Party::Place(Stage::Mailbox) if self.is_mailbox_of(number, dn) => line.text(dn),
            _ if raw.is_empty() => line.text(dn),
            _ => extension_of(&raw).into(),
        };
        let answered = self.times.answered;
        if !goes_on {
            leg.ended_at = self.times.end;
            leg.ended_by = self.ended_by(party);
        }
        leg.disposition = match (goes_on, answered) {
            (true, _) => Disposition::MovedOn,
            (false, Some(_)) => Disposition::Answered,
            (false, None) => self.answer,
        };
        if index > 1 {
            // When the call came here is not told: no sooner than the first answer, where there was one.
            leg.started_at = answered.or(leg.started_at);
        }
        if let Party::Place(stage) = party {
            leg.stage = stage;
            leg.place = shown.clone();
            if matches!(stage, Stage::Queue | Stage::HuntGroup) {
                leg.queue = shown;
                // The caller alone in a queue was not answered by anybody.
                if !goes_on && leg.disposition == Disposition::Answered {
                    leg.disposition =
                        if leg.ended_by == Some(Side::Caller) { Disposition::Canceled } else { Disposition::NoAnswer };
                }
            }
            let picks_up =
                stage != Stage::HuntGroup && (index == 1 || !self.legs.iter().any(|l| l.answerer == Answerer::Machine));
            leg.answered_at = answered.filter(|_| picks_up);
            if leg.answered_at.is_some() {
                leg.answerer = Answerer::Machine;
            }
            self.legs.push(leg);
            return;
        }
        let kind = match party {
            Party::Outside => EndKind::Outside,
            Party::Person => EndKind::Person,
            _ => EndKind::Unknown,
        };
        let device = line.text(dn);
        leg.stage = match (kind, leg.from.kind) {
            (EndKind::Outside, EndKind::Person) => Stage::Outbound,
            (EndKind::Outside, _) => Stage::Forward,
            (_, EndKind::Person) if index == 1 => Stage::Inside,
            _ => Stage::Extension,
        };
        let outside = kind == EndKind::Outside;
        leg.to = Some(End {
            kind,
            name: other_than(line.text(name), &raw),
            trunk: if outside { self.settings.trunk(&device).unwrap_or(&device).clone() } else { Text::default() },
            device: if outside { device } else { Text::default() },
            number: shown,
            channel: self.channel(index),
        });
        if leg.disposition == Disposition::Answered {
            leg.answered_at = answered;
            leg.answerer = if kind == EndKind::Person { Answerer::Person } else { Answerer::Unknown };
        }
        let rang = matches!(leg.disposition, Disposition::Answered | Disposition::NoAnswer | Disposition::Canceled);
        if kind == EndKind::Person && rang && index == 1 {
            leg.rang_at = leg.started_at;
        }
        self.legs.push(leg);
    }

    /// The parties of the chain between the first that was called and the last, with their places.
    fn between(&self) -> SmallVec<[(usize, Text); 4]> {
        let chain: SmallVec<[&[u8]; 8]> = self.chain().collect();
        let (to, last) = (self.line.bytes(C::To), self.line.bytes(C::Final));
        let from = chain.iter().position(|p| *p == to);
        let until = chain.iter().rposition(|p| *p == last);
        let (Some(from), Some(until)) = (from, until) else { return SmallVec::new() };
        (from + 1..until).map(|i| (i, text(chain[i]))).collect()
    }

    /// Of a party between, the line tells only that the call was there.
    fn push_between(&mut self, raw: &Text, index: usize) {
        let number: Text = extension_of(raw).into();
        let mut leg = self.leg();
        leg.started_at = self.times.answered.or(leg.started_at);
        leg.disposition = Disposition::MovedOn;
        match self.by_number(raw) {
            Party::Place(stage) => {
                leg.stage = stage;
                if matches!(stage, Stage::Queue | Stage::HuntGroup) {
                    leg.queue = number.clone();
                }
                leg.place = number;
            }
            party => {
                // Nothing tells a person from a queue here, unless the site file lists one of them.
                let kind = match party {
                    Party::Outside => EndKind::Outside,
                    Party::Person if self.settings.extensions.contains(&number) => EndKind::Person,
                    _ => EndKind::Unknown,
                };
                leg.stage = if kind == EndKind::Person { Stage::Extension } else { Stage::Unknown };
                leg.to = Some(End { kind, number, channel: self.channel(index), ..End::default() });
            }
        }
        self.legs.push(leg);
    }

    /// The agents that a queue rang in vain: whether each rang out, was busy or lost to another is not told, so only that they did not answer.
    fn push_missed_agents(&mut self) {
        let missed = self.line.text(C::Missed);
        let agents = missed.split([';', ',', ' ', '|']).map(extension_of).filter(|a| looks_like_extension(a));
        for (index, agent) in agents.enumerate() {
            let mut leg = self.leg();
            leg.started_at = self.times.answered.or(leg.started_at);
            leg.stage = Stage::Extension;
            leg.queue = self.legs.iter().find(|l| l.stage == Stage::Queue).map(|l| l.queue.clone()).unwrap_or_default();
            leg.disposition = Disposition::NoAnswer;
            let id = self.channel(index);
            let channel = compact_str::format_compact!("{id}:missed");
            leg.to = Some(End { kind: EndKind::Person, number: agent.into(), channel, ..End::default() });
            self.legs.push(leg);
        }
    }

    fn chain(&self) -> impl Iterator<Item = &[u8]> {
        let parts = self.line.bytes(C::Chain).split(|b| matches!(b, b';' | b','));
        parts.map(<[u8]>::trim_ascii).filter(|p| !p.is_empty())
    }

    /// A party's number, or its DN where the number is a rule's name.
    fn raw(&self, number: C, dn: C) -> Text {
        let (number, dn) = (self.line.text(number), self.line.text(dn));
        let has_digits = |text: &str| text.bytes().any(|b| b.is_ascii_digit());
        if number.contains(' ') && !has_digits(&number) && has_digits(&dn) { dn } else { number }
    }

    /// True if another party had the call in the end. Where the source was replaced, whoever was called had the call on,
    /// and the last party is the new caller; nobody is passed on to themselves.
    fn is_changed(&self) -> bool {
        let line = self.line;
        let numbered = !line.bytes(C::Final).is_empty();
        let last = if numbered { self.raw(C::Final, C::FinalDn) } else { line.text(C::FinalDn) };
        let first = line.text(if numbered { C::To } else { C::ToDn });
        let is_replaced_source = line.begins(C::Changed, &["ReplacedSrc"]);
        !last.is_empty() && last != first && last != line.text(C::From) && !is_replaced_source
    }

    /// Without types, a call from outside that was answered at once: a queue or menu picked up.
    fn is_answered_by_machine(&self, first: Party) -> bool {
        let is_first = matches!(first, Party::Person | Party::Unknown)
            && !is_type(&self.line.text(C::ToType))
            && !self.settings.extensions.contains(extension_of(&self.line.text(C::To)));
        let answered = self.times.answered.or(self.times.answered_and_ended);
        let at_once = answered.is_some_and(|at| at.ms_since(self.times.start) <= MACHINE_ANSWERS_MS);
        is_first && at_once && self.party(C::From, C::FromDn, C::FromType) == Party::Outside
    }

    /// Without types: the number of the mailboxes beside the extension whose mailbox it is.
    fn is_mailbox_of(&self, number: C, dn: C) -> bool {
        let (raw, dn) = (self.line.text(number), self.line.text(dn));
        let is_other = raw.starts_with("Ext.") && looks_like_extension(&dn) && extension_of(&raw) != dn;
        is_other
            && self.chain().any(|p| p.strip_prefix(b"Ext.") == Some(dn.as_bytes()))
            && self.chain().all(|p| p != raw.as_bytes())
    }

    /// How an unanswered call ended, by `reason-terminated`.
    fn ended(&self) -> Disposition {
        let word = self.line.text(C::Terminated).to_ascii_lowercase();
        if self.line.begins(C::Changed, &["PickedUp"]) {
            Disposition::AnsweredElsewhere
        } else if word.contains("busy") {
            Disposition::Busy
        } else if word.contains("notregistered") || word.contains("not_registered") {
            Disposition::NotRegistered
        } else if word.contains("cancel") {
            Disposition::Canceled
        } else if word.contains("noanswer")
            || word.contains("no_answer")
            || word.contains("timeout")
            || word == "notavailable"
        {
            Disposition::NoAnswer
        } else if word.contains("reject") || word.contains("declin") {
            Disposition::Declined
        } else if word.contains("fail")
            || word.contains("notfound")
            || word.contains("not_found")
            || word.contains("no_route")
            || word.contains("noroute")
        {
            Disposition::Failed
        } else if word == "terminatedbysrc" || word == "src_participant_terminated" {
            Disposition::Canceled
        } else if word == "terminatedbydst" || word == "dst_participant_terminated" {
            // The PBX or the called side gave up ringing.
            Disposition::NoAnswer
        } else {
            Disposition::Unknown
        }
    }

    fn ended_by(&self, party: Party) -> Option<Side> {
        if self
            .line
            .begins(C::Terminated, &["TerminatedBySrc", "src_participant_terminated", "Cancel", "Failed_Cancel"])
        {
            return Some(Side::Caller);
        }
        if !self.line.begins(C::Terminated, &["TerminatedByDst", "dst_participant_terminated"]) {
            return None;
        }
        match party {
            Party::Place(_) => Some(Side::Network),
            // Of a telephone that only rang, the PBX may have given up as well as the person.
            _ => self.times.answered.map(|_| Side::Callee),
        }
    }

    /// By type where the line has one, else by number.
    fn party(&self, number: C, dn: C, kind: C) -> Party {
        let word = type_word(&self.line.text(kind));
        let place = |stage| {
            let (raw, dn) = (self.line.text(number), self.line.text(dn));
            let told = self.settings.places.get(extension_of(&raw)).or_else(|| self.settings.places.get(&dn));
            Party::Place(told.copied().unwrap_or(stage))
        };
        match word.as_str() {
            "extension" => Party::Person,
            "line" | "lineset" | "externalline" | "provider" | "bridge" | "outboundrule" => Party::Outside,
            "queue" => place(Stage::Queue),
            "ivr" | "script" | "specialmenu" | "digitalreceptionist" => place(Stage::Menu),
            "vmail" | "voicemail" => Party::Place(Stage::Mailbox),
            "confplace" | "conference" => Party::Place(Stage::Conference),
            "parking" | "parkingorbit" | "sharedparking" => Party::Place(Stage::Park),
            "inboundrouting" => Party::Place(Stage::Number),
            "fax" | "faxext" | "endcall" | "echotest" | "paginggroup" => place(Stage::Announcement),
            word if word.starts_with("ringgroup") => place(Stage::HuntGroup),
            _ => {
                let raw = self.raw(number, dn);
                let raw = if raw.is_empty() { self.line.text(dn) } else { raw };
                if !matches!(number, C::From) && self.is_mailbox_of(number, dn) {
                    return Party::Place(Stage::Mailbox);
                }
                // A forward out of a queue says that the first was one.
                if matches!(number, C::To) && self.line.begins(C::Changed, &["QFwd"]) {
                    return place(Stage::Queue);
                }
                let dn = self.line.text(dn);
                // A trunk's DN beside a number that is not marked as one of ours, however short it is.
                let is_trunk = dn.len() == TRUNK_DN_DIGITS && dn.starts_with('1') && looks_like_extension(&dn);
                if is_trunk && dn != raw && !raw.starts_with("Ext.") && !self.settings.extensions.contains(&raw) {
                    return Party::Outside;
                }
                self.by_number(&raw)
            }
        }
    }

    /// `Ext.101` is a number of ours; `VMail` a mailbox; everything else by the site file, or by its length.
    fn by_number(&self, raw: &str) -> Party {
        let number = extension_of(raw);
        if let Some(stage) = self.settings.places.get(number) {
            return Party::Place(*stage);
        }
        if raw.get(..5).is_some_and(|v| v.eq_ignore_ascii_case("vmail")) {
            return Party::Place(Stage::Mailbox);
        }
        if [END_CALL, "PlayFile", "MakeCall"].contains(&raw) {
            return Party::Place(Stage::Announcement);
        }
        if self.settings.is_extension(number) {
            return Party::Person;
        }
        if raw.starts_with("Ext.") { Party::Unknown } else { Party::Outside }
    }
}

/// How the destination changed: the manual calls `ReplacedDst` a transfer; `…Fwd…` forwards before an answer.
/// Out of a queue or group, the change is the agent's answer; where the source was replaced, the caller's side changed.
fn moved(line: &Line<'_>, first: Party) -> Option<Move> {
    let changed = line.text(C::Changed).to_ascii_lowercase();
    if matches!(first, Party::Place(_)) || changed == "replacedsrc" {
        return None;
    }
    let forward = changed.contains("fwd") || changed.contains("forward");
    let kind = if forward { MoveKind::Forward } else { MoveKind::Blind };
    Some(Move { kind, by: extension_of(&line.text(C::To)).into() })
}

/// Where numbers lead that no rule knows, and calls that a rule ends.
const END_CALL: &str = "EndCall";

/// `101` of `Ext.101`, or of `PickupExt.101`, whose call is taken over.
fn extension_of(raw: &str) -> &str {
    ["Ext.", "ext.", "PickupExt."].iter().find_map(|prefix| raw.strip_prefix(prefix)).unwrap_or(raw).trim()
}

fn type_word(told: &str) -> Text {
    told.to_ascii_lowercase().replace('_', "").into()
}

/// A word of 3CX's for what a party is; others are a collector's.
fn is_type(told: &str) -> bool {
    !matches!(type_word(told).as_str(), "" | "internal" | "external")
}

/// A name that only repeats the number is none.
fn other_than(name: Text, number: &str) -> Text {
    if name == number || name == extension_of(number) { Text::default() } else { name }
}
