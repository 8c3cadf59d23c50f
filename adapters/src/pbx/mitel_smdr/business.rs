//! A line of MiVoice Business, 3300 ICP or SX-2000: one trunk call, or one internal call, in fixed columns.
//!
//! Mitel's help, *SMDR - Summary of Fields Tables*. In order: long call (blank, `-`, `%`, `+`; it may contradict the duration) · date mm/dd ·
//! start, with `P` after noon of a 12-hour clock · duration · calling party (an extension, `Tnnn` a CO trunk, `Xnnn` another trunk, `ATTn` an attendant) ·
//! attendant `*` · time to answer in seconds, all `*` if unanswered (then the duration is the ringing) · digits dialed · meter pulses ·
//! completion (A answer supervision, B busy, E caller error, T toll denied, or night answer or pickup, I internal, P preempted) ·
//! S speed call or F forwarded · called party · [LDN called] ·
//! T supervised or X unsupervised transfer, C conference, U path unavailable, I interflow, R requeue · third party · account code ·
//! route optimization · system id · ANI · DNIS · (suite) · call id · sequence · associated call id.
//! The start of an incoming call is when it began to ring; the duration of an answered one is the talk.
//!
//! Who of two people had a passed-on caller from when to when is not told: the talk is counted from the first answer to the end,
//! and the moment of passing on is put at its earliest.

use smallvec::SmallVec;

use super::{Day, date, length_ms};
use crate::adapter::{Legs, Record, Settings};
use crate::fields::{all_digits, text};
use crate::leg::{Answerer, Disposition, End, EndKind, KeyKind, Leg, Moment, Move, MoveKind, Side, Stage, Text};

/// First and last column, counted from 1 as the manual does.
type Columns = (usize, usize);

/// Where each field is.
struct Layout {
    name: &'static str,
    /// The start has seconds.
    seconds: bool,
    duration: Columns,
    calling: Columns,
    /// Attendant and time to answer with the blank before them: which is where depends on *Extended Time to Answer*.
    answer: Columns,
    digits: Columns,
    meter: Columns,
    completion: usize,
    speed: usize,
    called: Columns,
    ldn: Option<Columns>,
    transfer: usize,
    third: Columns,
    account: Columns,
    system: Columns,
    ani: Columns,
    dnis: Columns,
    suite: Option<Columns>,
    call_id: Columns,
    sequence: usize,
    associated: Columns,
    hot_desk: Option<(Columns, Columns)>,
}

const STANDARD: Layout = Layout {
    name: "standard",
    seconds: false,
    duration: (15, 22),
    calling: (24, 27),
    answer: (28, 32),
    digits: (34, 54),
    meter: (55, 59),
    completion: 60,
    speed: 61,
    called: (62, 65),
    ldn: None,
    transfer: 66,
    third: (68, 71),
    account: (73, 84),
    system: (86, 88),
    ani: (92, 101),
    dnis: (103, 112),
    suite: None,
    call_id: (114, 121),
    sequence: 122,
    associated: (124, 131),
    hot_desk: None,
};
const EXTENDED: Layout = Layout {
    name: "extended",
    seconds: false,
    duration: (15, 24),
    calling: (26, 32),
    answer: (33, 37),
    digits: (39, 59),
    meter: (60, 64),
    completion: 65,
    speed: 66,
    called: (67, 73),
    ldn: None,
    transfer: 74,
    third: (76, 82),
    account: (84, 95),
    system: (97, 99),
    ani: (103, 112),
    dnis: (114, 120),
    suite: None,
    call_id: (122, 129),
    sequence: 130,
    associated: (132, 139),
    hot_desk: None,
};
const LEVEL_1: Layout = Layout {
    name: "level1",
    seconds: false,
    duration: (15, 24),
    calling: (26, 32),
    answer: (33, 37),
    digits: (39, 59),
    meter: (60, 64),
    completion: 65,
    speed: 66,
    called: (67, 73),
    ldn: Some((75, 81)),
    transfer: 82,
    third: (84, 90),
    account: (92, 103),
    system: (105, 107),
    ani: (111, 130),
    dnis: (132, 141),
    suite: Some((143, 149)),
    call_id: (151, 158),
    sequence: 160,
    associated: (162, 169),
    hot_desk: None,
};
const LEVEL_2: Layout = Layout {
    name: "level2",
    seconds: true,
    duration: (18, 27),
    calling: (29, 35),
    answer: (36, 40),
    digits: (42, 62),
    meter: (63, 67),
    completion: 68,
    speed: 69,
    called: (70, 76),
    ldn: Some((78, 84)),
    transfer: 85,
    third: (87, 93),
    account: (95, 106),
    system: (108, 110),
    ani: (114, 133),
    dnis: (135, 144),
    suite: Some((146, 152)),
    call_id: (154, 161),
    sequence: 163,
    associated: (165, 172),
    hot_desk: Some(((181, 187), (189, 195))),
};

/// The longest line of *Extended Digit Length* without the reporting levels.
const EXTENDED_LENGTH_MAX: usize = 139;

/// True if the line begins with a date, with or without the blank before it.
pub(super) fn is_line(bytes: &[u8]) -> bool {
    let at = usize::from(bytes.first().is_some_and(|b| b" -%+".contains(b)));
    matches!(bytes.get(at..at + 6), Some([m1, m2, b'/', d1, d2, b' ']) if [m1, m2, d1, d2].iter().all(|b| b.is_ascii_digit()))
        && bytes.get(at + 8) == Some(&b':')
}

/// One line, with its fields found.
struct Line<'a> {
    bytes: &'a [u8],
    layout: &'static Layout,
}

impl<'a> Line<'a> {
    fn bytes(&self, columns: Columns) -> &'a [u8] {
        let end = columns.1.min(self.bytes.len());
        self.bytes.get(columns.0 - 1..end).unwrap_or_default().trim_ascii()
    }

    fn text(&self, columns: Columns) -> Text {
        text(self.bytes(columns))
    }

    fn mark(&self, column: usize) -> u8 {
        self.bytes.get(column - 1).copied().unwrap_or(b' ')
    }
}

/// One line to the legs of its call.
pub(super) fn parse(bytes: &[u8], record: Record<'_>, settings: &Settings, out: &mut Legs) {
    // Some collectors cut the blank before the date.
    let mut padded: SmallVec<[u8; 256]> = SmallVec::new();
    let bytes = if bytes.first().is_some_and(u8::is_ascii_digit) {
        padded.push(b' ');
        padded.extend_from_slice(bytes);
        &padded[..]
    } else {
        bytes
    };
    let layout = match layout(bytes, settings) {
        Ok(layout) => layout,
        Err(reason) => return out.reject(record, reason),
    };
    if bytes.trim_ascii_end().len() < layout.called.0 {
        return out.reject(
            record,
            format!(
                "{} columns, and a line of the layout {} has the called party from column {} on: it is cut",
                bytes.len(),
                layout.name,
                layout.called.0
            ),
        );
    }
    match Call::read(Line { bytes, layout }, record, settings) {
        Ok(mut call) => {
            call.decompose();
            let ends_call = call.is_from_outside() || call.call_id(call.line.layout.associated).is_empty();
            for (part, mut leg) in call.legs.into_iter().enumerate() {
                leg.order = part as u64;
                leg.ends_call = ends_call;
                leg.name_by_position(record.source, u8::try_from(part).unwrap_or(u8::MAX));
                out.legs.push(leg);
            }
        }
        Err(reason) => out.reject(record, reason),
    }
}

/// The layout: from the site file, from the colons of start and duration, or from where the system id is.
fn layout(bytes: &[u8], settings: &Settings) -> Result<&'static Layout, String> {
    if let Some(told) = settings.options.get("layout") {
        return [&STANDARD, &EXTENDED, &LEVEL_1, &LEVEL_2]
            .into_iter()
            .find(|l| l.name == told.as_str())
            .ok_or_else(|| format!("options.layout: `{told}` is none of standard, extended, level1, level2"));
    }
    let is = |column: usize, wanted: u8| bytes.get(column - 1) == Some(&wanted);
    let digits =
        |columns: Columns| bytes.get(columns.0 - 1..columns.1).is_some_and(|b| b.iter().all(u8::is_ascii_digit));
    if is(13, b':') {
        return Ok(&LEVEL_2);
    }
    let extended = || {
        let length = bytes.trim_ascii_end().len();
        if length > EXTENDED_LENGTH_MAX || !digits(EXTENDED.system) && digits(LEVEL_1.system) {
            &LEVEL_1
        } else {
            &EXTENDED
        }
    };
    if is(17, b':') && is(20, b':') {
        return Ok(&STANDARD);
    }
    if is(19, b':') && is(22, b':') {
        return Ok(extended());
    }
    let duration = bytes.get(14..22).unwrap_or_default();
    if !duration.iter().all(u8::is_ascii_whitespace) {
        return Err(format!(
            "columns 15 to 22: `{}` holds no duration (hh:mm:ss to column 22, hhhh:mm:ss to column 24): the line is cut, or its options are unknown; \
             options.layout can say standard, extended, level1 or level2",
            text(duration)
        ));
    }
    // Without a duration, the system id's three digits tell.
    if digits(STANDARD.system) { Ok(&STANDARD) } else { Ok(extended()) }
}

/// What is at one end, as the party columns name it.
#[derive(Clone, PartialEq, Eq)]
enum Party {
    None,
    Trunk(Text),
    Attendant(Text),
    Extension(Text),
}

impl Party {
    fn of(name: Text, settings: &Settings) -> Party {
        let rest = name.get(1..).unwrap_or_default();
        if name.is_empty() {
            Party::None
        } else if name.starts_with(['T', 'X']) && all_digits(rest) || settings.trunk(&name).is_some() {
            Party::Trunk(name)
        } else if name.starts_with("AT") {
            Party::Attendant(name)
        } else {
            Party::Extension(name)
        }
    }

    fn name(&self) -> &str {
        match self {
            Party::None => "",
            Party::Trunk(name) | Party::Attendant(name) | Party::Extension(name) => name,
        }
    }

    fn is_person(&self) -> bool {
        matches!(self, Party::Attendant(_) | Party::Extension(_))
    }
}

/// How long until the answer.
#[derive(Clone, Copy, PartialEq, Eq)]
enum ToAnswer {
    Seconds(i64),
    Unanswered,
    NotTold,
}

/// One call while its legs are made.
struct Call<'c> {
    line: Line<'c>,
    record: Record<'c>,
    settings: &'c Settings,
    calling: Party,
    called: Party,
    third: Party,
    attendant: bool,
    to_answer: ToAnswer,
    start: Moment,
    duration_ms: Option<i64>,
    year_told: bool,
    legs: SmallVec<[Leg; 4]>,
}

impl<'c> Call<'c> {
    fn read(line: Line<'c>, record: Record<'c>, settings: &'c Settings) -> Result<Call<'c>, String> {
        let layout = line.layout;
        let completion = line.mark(layout.completion);
        if !b" ABETIP".contains(&completion) {
            return Err(wrong_mark(&line, layout.completion, completion, "A, B, E, T, I, P or blank"));
        }
        let transfer = line.mark(layout.transfer);
        if !b" TXCUIR".contains(&transfer) {
            return Err(wrong_mark(&line, layout.transfer, transfer, "T, X, C, U, I, R or blank"));
        }
        let printed = line.bytes(layout.duration);
        let duration_ms = if printed.is_empty() {
            None
        } else {
            Some(length_ms(printed).ok_or_else(|| {
                format!("columns {} to {}: `{}` is no duration", layout.duration.0, layout.duration.1, text(printed))
            })?)
        };
        let (attendant, to_answer) = to_answer(&line, settings)?;
        let length = duration_ms.unwrap_or(0) + if let ToAnswer::Seconds(s) = to_answer { s * 1000 } else { 0 };
        let (start, year_told) = start(&line, length, record, settings)?;
        Ok(Call {
            calling: Party::of(line.text(layout.calling), settings),
            called: Party::of(line.text(layout.called), settings),
            third: Party::of(line.text(layout.third), settings),
            attendant,
            to_answer,
            start,
            duration_ms,
            year_told,
            legs: SmallVec::new(),
            line,
            record,
            settings,
        })
    }

    fn completion(&self) -> u8 {
        self.line.mark(self.line.layout.completion)
    }

    fn transfer(&self) -> u8 {
        self.line.mark(self.line.layout.transfer)
    }

    fn end(&self) -> Moment {
        self.start.plus_ms(self.duration_ms.unwrap_or(0))
    }

    fn is_from_outside(&self) -> bool {
        let ani = !self.line.bytes(self.line.layout.ani).is_empty();
        let no_caller = self.calling == Party::None;
        matches!(self.calling, Party::Trunk(_))
            || no_caller && (ani || self.to_answer != ToAnswer::NotTold || self.called.is_person())
    }

    fn decompose(&mut self) {
        let internal = self.completion() == b'I';
        if self.is_from_outside() {
            self.inbound();
        } else if !internal && !self.called.is_person() {
            self.outbound();
        } else {
            self.internal();
        }
        let extra = self.extra();
        if let Some(leg) = self.legs.first_mut() {
            leg.extra.extend(extra);
        }
    }

    /// From a trunk to somebody, over a queue or an attendant, and perhaps on to a third.
    fn inbound(&mut self) {
        let queue = self.queue_name();
        match (self.completion(), self.transfer()) {
            (_, b'U') => return self.alone(Stage::Queue, queue, Disposition::Congestion),
            (b'E', _) => return self.alone(Stage::Number, Text::default(), Disposition::Failed),
            (b'B', _) if self.called == Party::None => {
                return self.alone(Stage::Number, Text::default(), Disposition::Busy);
            }
            _ => {}
        }
        // Interflow and requeue: the caller was in a queue before.
        if matches!(self.transfer(), b'I' | b'R') {
            let mut leg = self.leg();
            leg.stage = Stage::Queue;
            leg.place = queue.clone();
            leg.queue = queue;
            leg.disposition = Disposition::MovedOn;
            leg.ended_at = Some(self.answered_at().unwrap_or_else(|| self.end()));
            self.legs.push(leg);
        }
        if self.called == Party::None {
            let disposition =
                if self.to_answer == ToAnswer::Unanswered { Disposition::NoAnswer } else { Disposition::Unknown };
            return self.alone(Stage::Number, Text::default(), disposition);
        }
        let mut leg = self.leg();
        leg.to = Some(self.far_end(&self.called));
        leg.stage = if self.called.is_person() { Stage::Extension } else { Stage::Forward };
        // Out of a queue, the telephone rang later than the caller came.
        leg.rang_at = (self.called.is_person() && self.legs.is_empty()).then_some(self.start);
        if self.line.mark(self.line.layout.speed) == b'F' {
            leg.moved = Some(Move { kind: MoveKind::Forward, by: Text::default() });
        }
        if self.completion() == b'B' {
            leg.rang_at = None;
            leg.disposition = Disposition::Busy;
            leg.ended_at = Some(self.end());
        } else if self.to_answer == ToAnswer::Unanswered {
            leg.disposition = Disposition::NoAnswer;
            leg.ended_at = Some(self.end());
        } else {
            return self.answered(leg);
        }
        self.legs.push(leg);
    }

    /// Somebody answered, perhaps the attendant first, and perhaps a third had the caller afterwards.
    fn answered(&mut self, mut leg: Leg) {
        let answered = self.answered_at();
        let end = answered.unwrap_or(self.start).plus_ms(self.duration_ms.unwrap_or(0));
        if answered.is_none()
            && (self.duration_ms.unwrap_or(0) == 0
                || matches!(self.called, Party::Trunk(_)) && self.completion() != b'A')
        {
            leg.ended_at = Some(end);
            return self.legs.push(leg);
        }
        if self.completion() == b'T' {
            leg.moved = Some(Move { kind: MoveKind::Pickup, by: self.called.name().into() });
        }
        if self.completion() == b'P' {
            leg.ended_by = Some(Side::Network);
        }
        if self.attendant && !matches!(self.called, Party::Attendant(_)) {
            let number = self.line.layout.ldn.map(|c| self.line.text(c)).unwrap_or_default();
            let mut first = self.leg();
            first.to = Some(End {
                kind: EndKind::Person,
                channel: self.channel("attendant"),
                name: "attendant".into(),
                number: number.clone(),
                ..End::default()
            });
            first.stage = Stage::Extension;
            first.rang_at = Some(self.start);
            answer(&mut first, answered, answered.unwrap_or(self.start));
            self.legs.push(first);
            leg.started_at = answered.or(leg.started_at);
            leg.rang_at = None;
            leg.moved = Some(Move { kind: MoveKind::Blind, by: number });
        }
        let third = match (self.transfer(), self.third.is_person()) {
            (b'T', true) => self.third_leg(answered, end, Some(MoveKind::Attended)),
            (b'X', true) => self.third_leg(answered, end, Some(MoveKind::Blind)),
            (b'C', true) => self.third_leg(answered, end, None),
            _ => None,
        };
        answer(
            &mut leg,
            answered,
            if self.transfer() == b'T' && third.is_some() { answered.unwrap_or(end) } else { end },
        );
        if matches!(self.called, Party::Trunk(_)) {
            leg.answerer = Answerer::Unknown;
        }
        self.legs.push(leg);
        self.legs.extend(third);
    }

    /// The third party. After a transfer without asking, whether they answered is not told.
    fn third_leg(&self, answered: Option<Moment>, end: Moment, kind: Option<MoveKind>) -> Option<Leg> {
        let mut leg = self.leg();
        leg.to = Some(self.far_end(&self.third));
        leg.started_at = answered.or(leg.started_at);
        leg.stage = if kind.is_none() { Stage::Conference } else { Stage::Extension };
        leg.moved = kind.map(|kind| Move { kind, by: self.called.name().into() });
        if kind != Some(MoveKind::Blind) {
            answer(&mut leg, answered, end);
        }
        Some(leg)
    }

    /// From an extension out over a trunk.
    fn outbound(&mut self) {
        let mut leg = self.leg();
        leg.to = Some(self.far_end(&self.called));
        leg.stage = Stage::Outbound;
        leg.ended_at = Some(self.end());
        let unsupervised = self.settings.options.get("answer_supervision").is_some_and(|o| o == "none");
        leg.disposition = match (self.completion(), self.duration_ms) {
            (b'A', _) => Disposition::Answered,
            (b'T', _) => Disposition::Failed,
            (b'B', _) => Disposition::Busy,
            // The far end's answer is not reported by such trunks: who talked, had one.
            (_, Some(ms)) if unsupervised && ms > 0 => Disposition::Answered,
            (_, None | Some(0)) => Disposition::Failed,
            _ => Disposition::Unknown,
        };
        let third = if matches!(self.transfer(), b'T' | b'X') && self.third.is_person() {
            // The extension handed the far end to another: from there, that one has it.
            let mut next = self.leg();
            next.from = self.far_end(&self.third);
            next.to = leg.to.clone();
            next.stage = Stage::Outbound;
            next.disposition = leg.disposition;
            next.ended_at = leg.ended_at;
            let kind = if self.transfer() == b'T' { MoveKind::Attended } else { MoveKind::Blind };
            next.moved = Some(Move { kind, by: self.calling.name().into() });
            Some(next)
        } else {
            None
        };
        self.legs.push(leg);
        self.legs.extend(third);
    }

    /// From an extension to an extension: the time to answer is printed for trunk calls only, so a talk is all that tells an answer.
    fn internal(&mut self) {
        let mut leg = self.leg();
        leg.stage = Stage::Inside;
        leg.ended_at = Some(self.end());
        if self.called != Party::None {
            leg.to = Some(self.far_end(&self.called));
        }
        if self.line.mark(self.line.layout.speed) == b'F' {
            leg.moved = Some(Move { kind: MoveKind::Forward, by: Text::default() });
        }
        leg.disposition = match (self.completion(), self.to_answer, self.duration_ms) {
            (b'B', ..) => Disposition::Busy,
            (b'E', ..) => Disposition::Failed,
            (_, ToAnswer::Unanswered, _) => Disposition::NoAnswer,
            (_, _, Some(ms)) if ms > 0 => Disposition::Answered,
            _ => Disposition::Unknown,
        };
        if leg.disposition == Disposition::NoAnswer {
            leg.rang_at = leg.started_at;
        }
        if leg.disposition == Disposition::Answered && leg.to.is_some() {
            leg.answerer = Answerer::Person;
            if let Some(answered) = self.answered_at() {
                answer(&mut leg, Some(answered), answered.plus_ms(self.duration_ms.unwrap_or(0)));
            }
        }
        self.legs.push(leg);
    }

    /// The caller met nobody.
    fn alone(&mut self, stage: Stage, place: Text, disposition: Disposition) {
        let mut leg = self.leg();
        leg.stage = stage;
        if stage == Stage::Queue {
            leg.queue = place.clone();
        }
        leg.place = place;
        leg.disposition = disposition;
        leg.ended_at = Some(self.answered_at().unwrap_or(self.start).plus_ms(self.duration_ms.unwrap_or(0)));
        self.legs.push(leg);
    }

    fn answered_at(&self) -> Option<Moment> {
        match self.to_answer {
            ToAnswer::Seconds(seconds) => Some(self.start.plus_ms(seconds * 1000)),
            _ => None,
        }
    }

    /// The path (ACD) or hunt group that was dialed.
    fn queue_name(&self) -> Text {
        let layout = self.line.layout;
        [self.digits(), self.line.text(layout.dnis), self.called.name().into()]
            .into_iter()
            .find(|t| !t.is_empty())
            .unwrap_or_default()
    }

    /// The digits dialed; without meter pulses, they use those columns too.
    fn digits(&self) -> Text {
        let (first, last) = self.line.layout.digits;
        if self.line.mark(last) == b' ' {
            self.line.text((first, last))
        } else {
            self.line.text((first, self.line.layout.meter.1))
        }
    }

    /// A leg from the caller.
    fn leg(&self) -> Leg {
        let layout = self.line.layout;
        let mut leg = Leg::new(&self.settings.origin, self.record.position);
        leg.grain_ms = if layout.seconds { 1000 } else { 60_000 };
        leg.started_at = Some(self.start);
        leg.dialed = self.digits();
        let call_id = self.call_id(layout.call_id);
        leg.native_id = compact_str::format_compact!("{call_id}{}", self.line.text((layout.sequence, layout.sequence)));
        // The call number is given again after 9999.
        leg.link(KeyKind::Reused, call_id);
        leg.link(KeyKind::Reused, self.call_id(layout.associated));
        leg.from = match &self.calling {
            Party::Trunk(_) | Party::None => End { number: self.line.text(layout.ani), ..self.far_end(&self.calling) },
            person => self.far_end(person),
        };
        if leg.from.kind == EndKind::Outside {
            leg.did = self.line.text(layout.dnis);
        }
        leg
    }

    /// A letter, three digits of the system and four of the call; anything else is no id.
    fn call_id(&self, columns: Columns) -> Text {
        let id = self.line.text(columns);
        if id.len() == 8 && id.starts_with(|c: char| c.is_ascii_alphabetic()) && all_digits(&id[1..]) {
            id
        } else {
            Text::default()
        }
    }

    fn far_end(&self, party: &Party) -> End {
        match party {
            Party::Extension(name) | Party::Attendant(name) => End {
                kind: EndKind::Person,
                number: self.settings.devices.get(name).unwrap_or(name).clone(),
                channel: self.channel(name),
                ..End::default()
            },
            Party::Trunk(name) => End {
                kind: EndKind::Outside,
                number: self.digits(),
                device: name.clone(),
                trunk: self.settings.trunk(name).unwrap_or(name).clone(),
                channel: self.channel(name),
                ..End::default()
            },
            Party::None => End {
                kind: EndKind::Outside,
                number: self.digits(),
                channel: self.channel("outside"),
                ..End::default()
            },
        }
    }

    /// Lines of one call share its number; without one, a line is alone.
    fn channel(&self, party: &str) -> Text {
        let id = self.call_id(self.line.layout.call_id);
        if id.is_empty() {
            compact_str::format_compact!("{}:{party}", self.record.position.byte)
        } else {
            compact_str::format_compact!("{id}:{party}")
        }
    }

    /// What has no field of its own in a leg.
    fn extra(&self) -> SmallVec<[(&'static str, Text); 4]> {
        let layout = self.line.layout;
        let mut extra = SmallVec::new();
        let mut add = |label: &'static str, value: Text| {
            if !value.is_empty() {
                extra.push((label, value));
            }
        };
        if !self.year_told {
            add("year", "not told: 1972 stands for it; give options.year".into());
        }
        add("long_call", text(&[self.line.mark(1)]));
        add("completion", text(&[self.completion()]));
        add("speed_or_forward", text(&[self.line.mark(layout.speed)]));
        add("transfer", text(&[self.transfer()]));
        if self.line.mark(layout.digits.1) == b' ' {
            add("meter_pulses", self.line.text(layout.meter));
        }
        if self.attendant {
            add("attendant", "*".into());
        }
        add("third_party", self.third.name().into());
        add("account_code", self.line.text(layout.account));
        add("system", self.line.text(layout.system));
        if self.legs.first().is_some_and(|l| l.from.kind == EndKind::Person) {
            add("ani", self.line.text(layout.ani));
        }
        for (label, columns) in [
            ("ldn", layout.ldn),
            ("suite", layout.suite),
            ("hot_desk_calling", layout.hot_desk.map(|h| h.0)),
            ("hot_desk_called", layout.hot_desk.map(|h| h.1)),
        ] {
            add(label, columns.map(|c| self.line.text(c)).unwrap_or_default());
        }
        extra
    }
}

/// Answered by a person then, and over then.
fn answer(leg: &mut Leg, answered: Option<Moment>, ended: Moment) {
    leg.disposition = Disposition::Answered;
    leg.answerer = Answerer::Person;
    leg.answered_at = answered;
    leg.ended_at = Some(ended);
}

fn wrong_mark(line: &Line<'_>, column: usize, found: u8, wanted: &str) -> String {
    format!(
        "column {column}: `{}`, where the layout {} has {wanted}: the line is cut or shifted, or has another layout; options.layout can say standard, \
         extended, level1 or level2",
        text(&[found]),
        line.layout.name
    )
}

/// Attendant's mark and time to answer: `_fttt`, or `ftttt` with *Extended Time to Answer*.
fn to_answer(line: &Line<'_>, settings: &Settings) -> Result<(bool, ToAnswer), String> {
    let (first, last) = line.layout.answer;
    let field: [u8; 5] = std::array::from_fn(|i| line.mark(first + i));
    let told = settings.options.get("extended_time_to_answer").map(|o| o == "yes");
    // The reporting levels include it; else a digit in the second place shows it.
    let extended = line.layout.ldn.is_some() || told.unwrap_or(field[1].is_ascii_digit() || field[0] == b'*');
    let (attendant, time) = if extended { (field[0], &field[1..]) } else { (field[1], &field[2..]) };
    let time = time.trim_ascii();
    if time.is_empty() {
        return Ok((attendant == b'*', ToAnswer::NotTold));
    }
    if time.iter().all(|b| *b == b'*') {
        // `****` without being told is either four of the time, or the attendant's and three.
        return Ok((attendant == b'*' && (extended || told == Some(false)), ToAnswer::Unanswered));
    }
    match std::str::from_utf8(time).ok().and_then(|t| if all_digits(t) { t.parse().ok() } else { None }) {
        Some(seconds) => Ok((attendant == b'*', ToAnswer::Seconds(seconds))),
        None => Err(format!(
            "columns {first} to {last}: `{}` is no time to answer: seconds, or `*` for unanswered",
            text(&field)
        )),
    }
}

/// The start, and whether its year was told. A blank after twelve o'clock is noon of a 24-hour clock or midnight of a 12-hour clock:
/// `options.clock` says `12` or `24`, else the log's time, else 24.
fn start(line: &Line<'_>, length: i64, record: Record<'_>, settings: &Settings) -> Result<(Moment, bool), String> {
    let two = |column: usize| -> Option<i64> {
        let pair = [line.mark(column), line.mark(column + 1)];
        pair.iter().all(u8::is_ascii_digit).then(|| i64::from(pair[0] - b'0') * 10 + i64::from(pair[1] - b'0'))
    };
    let (seconds, half) = if line.layout.seconds { (two(14), 16) } else { (Some(0), 13) };
    let bad = || format!("columns 8 to {half}: `{}` is no time of day", line.text((8, half)));
    let (Some(month), Some(day)) = (two(2), two(5)) else { return Err("columns 2 to 6: no date mm/dd".to_owned()) };
    let (Some(hour), Some(minute), Some(second)) = (two(8), two(11), seconds) else { return Err(bad()) };
    if hour > 23 || minute > 59 || second > 59 || !b" P".contains(&line.mark(half)) {
        return Err(bad());
    }
    let afternoon = line.mark(half) == b'P';
    let at = |hour: i64| {
        date(Day::MonthAndDay(month, day), ((hour * 60 + minute) * 60 + second) * 1000, length, record, settings)
    };
    let clock = settings.options.get("clock").map(Text::as_str);
    let dated = match (hour, afternoon) {
        (1..=11, true) => at(hour + 12)?,
        (12, false) if clock == Some("12") => at(0)?,
        (12, false) if clock.is_none() => match record.logged_at {
            Some(logged) => {
                let (midnight, noon) = (at(0)?, at(12)?);
                let distance = |m: Moment| logged.plus_ms(-length).ms_since(m).abs();
                if distance(midnight.at) < distance(noon.at) { midnight } else { noon }
            }
            None => at(12)?,
        },
        _ => at(hour)?,
    };
    Ok((dated.at, dated.is_told))
}
