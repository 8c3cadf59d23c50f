//! Asterisk's call detail records, a custom layout with every field quoted, as the corpus has them.
//!
//! One row for each telephone that rang; all rows of a call are written when its first channel ends, those of a consultation at its own end.

use std::fmt::Write;

use crate::GeneratorError;
use crate::company::{Company, Exchange, PersonAt};
use crate::formats::MENU_CONTEXT;
use crate::rows::Written;
use crate::script::{Call, Caller, ParkEnd, Ring, RingEnd, Step, WaitEnd};
use crate::single::{Placed, PlacedEnd};
use crate::stamp::Clock;

/// What an invented company calls its places; kind and name.
pub(crate) const CONTEXTS: [(&str, &str); 10] = [
    ("number", "arriving"),
    ("extension", "person"),
    ("hunt_group", "together"),
    ("queue", "waiting"),
    ("menu", MENU_CONTEXT),
    ("closed", "nobody_here"),
    ("after_queue", "waited"),
    ("inside", "colleagues"),
    ("park", "bench"),
    ("outbound", "leaving"),
];

/// The same as lines of a site file.
pub(crate) const SITE_LINES: &str = "\n[pbx.contexts]\narriving = \"number\"\nperson = \"extension\"\n\
    together = \"hunt_group\"\nwaiting = \"queue\"\nwelcome = \"menu\"\nnobody_here = \"closed\"\nwaited = \"after_queue\"\n\
    colleagues = \"inside\"\nbench = \"park\"\nleaving = \"outbound\"\n\n[pbx.places]\n790 = \"park\"\n";

/// The columns where the site file names none.
const COLUMNS: [&str; 22] = [
    "clid",
    "src",
    "dst",
    "dcontext",
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
    "accountcode",
    "uniqueid",
    "userfield",
    "linkedid",
    "peeraccount",
    "sequence",
    "did",
];
/// Without these the adapter understands nothing.
const NEEDED: [&str; 4] = ["channel", "start", "end", "disposition"];
const OUTSIDE_LIMIT_S: i64 = 30;
/// Channels of an exchange under another name are numbered from here.
const NAMED_CHANNELS: u32 = 0x4000_0000;
/// How long the exchange tells a caller whom nobody called that the line is busy or congested.
const TOLD_MS: i64 = 3_000;
/// Rows of one call are written this long after its end.
const WRITTEN_AFTER_MS: i64 = 12;

pub(crate) struct Writer {
    columns: Vec<usize>,
    clock: Clock,
    /// What stands before each unique id; empty where the exchange has no name of its own.
    system: &'static str,
    channels: u32,
    uniques: u64,
    sequence: u64,
}

/// The caller's channel and what is the same in all its rows.
struct Channel {
    name: String,
    unique: String,
    linked: String,
    number: String,
    caller_name: String,
    account: String,
    did: String,
    user_field: String,
    /// The moment at which its rows are written, true time.
    written_ms: i64,
}

/// The step of the dialplan.
#[derive(Clone, Default)]
struct Place {
    dst: String,
    context: String,
    app: &'static str,
    data: String,
}

/// From when to when a row is, and how it ended.
#[derive(Clone, Copy)]
struct Times {
    start: i64,
    answer: Option<i64>,
    end: i64,
    disposition: &'static str,
}

/// Where the caller's channel stands while its steps are written.
struct State {
    /// The next row's start, if no row was written yet.
    first: Option<i64>,
    /// The channel was answered.
    up: bool,
    place: Place,
}

impl Writer {
    pub(crate) fn new(exchange: &Exchange) -> Result<Writer, GeneratorError> {
        let of_site: Vec<&str> = exchange.columns.iter().map(String::as_str).collect();
        let named: &[&str] = if of_site.is_empty() { &COLUMNS } else { &of_site };
        if let Some(missing) = NEEDED.iter().find(|n| !named.contains(n)) {
            return Err(GeneratorError(format!(
                "the site file's `columns` of PBX `{}` lack `{missing}`: no record could be understood",
                exchange.id
            )));
        }
        let index = |name: &&str| COLUMNS.iter().position(|c| c == name).unwrap_or(COLUMNS.len());
        Ok(Writer {
            columns: named.iter().map(index).collect(),
            clock: Clock::new(exchange.zone, exchange.clock_ahead_ms),
            system: "",
            channels: 0,
            uniques: 0,
            sequence: 0,
        })
    }

    /// The same exchange under another name: no channel, unique id or sequence number is one that it gave before, up to `counted` of each.
    pub(crate) fn named(self, system: &'static str, counted: u32) -> Writer {
        Writer { system, channels: NAMED_CHANNELS | counted, uniques: counted.into(), sequence: counted.into(), ..self }
    }

    /// The rows of a call that Ringback had the exchange `at` place, as it writes them: the person's telephone first, then the customer's.
    pub(crate) fn placed(&mut self, company: &Company, at: usize, placed: &Placed, out: &mut Vec<Written>) {
        let call = Call::nothing(at);
        let exchange = &company.exchanges[at];
        Scribe { writer: self, company, exchange, at, call: &call, out }.placed(placed);
    }

    /// The rows of a call on the exchange `at`, and what they call it and each consultation.
    pub(crate) fn call(&mut self, company: &Company, call: &Call, at: usize, out: &mut Vec<Written>) -> Vec<String> {
        let exchange = &company.exchanges[at];
        let mut scribe = Scribe { writer: self, company, exchange, at, call, out };
        if at == call.pbx { scribe.whole() } else { scribe.arrival_by_tie() }
    }
}

struct Scribe<'a> {
    writer: &'a mut Writer,
    company: &'a Company,
    exchange: &'a Exchange,
    at: usize,
    call: &'a Call,
    out: &'a mut Vec<Written>,
}

impl Scribe<'_> {
    fn whole(&mut self) -> Vec<String> {
        let call = self.call;
        let channel = match &call.caller {
            Caller::Outside(number) => {
                let line = &self.exchange.lines[call.line];
                let did = self.exchange.dids[call.did].number.trim_start_matches('+').to_owned();
                let device = line.device.trim_end_matches('-').to_owned();
                Channel { did, number: self.shown(number), ..self.channel(&device, call.started_ms, call.ended_ms) }
            }
            Caller::Person(person) => self.telephone(*person, call.started_ms, call.ended_ms),
        };
        let mut names = vec![channel.linked.clone()];
        let mut state = State { first: Some(call.started_ms), up: false, place: Place::default() };
        for (nth, step) in call.steps.iter().enumerate() {
            self.step(step, call.steps.get(nth + 1), &channel, &mut state, &mut names);
        }
        names
    }

    fn step(
        &mut self,
        step: &Step,
        next: Option<&Step>,
        channel: &Channel,
        state: &mut State,
        names: &mut Vec<String>,
    ) {
        // While a consultation goes on, the row of the talk before goes on too.
        let talk_until = |until: i64| if let Some(Step::Attended { joined, .. }) = next { *joined } else { until };
        match step {
            Step::Menu { span, left } => {
                state.up = true;
                if *left {
                    let place = self.place("menu", "s", "WaitExten", "10");
                    self.alone(channel, state, &place, span.from, span.until);
                }
            }
            Step::Closed { span } => {
                state.up = true;
                let place = self.place("closed", "s", "Playback", "we_are_closed");
                self.alone(channel, state, &place, span.from, span.until);
            }
            Step::Mailbox { person, span } => {
                state.up = true;
                let extension = &self.company.people[*person].extension;
                let place = self.place("extension", extension, "VoiceMail", &format!("{extension}@default,u"));
                self.alone(channel, state, &place, span.from, span.until);
            }
            Step::Ring(ring) => self.ring(ring, talk_until(self.answered_until(ring)), next.is_none(), channel, state),
            Step::Wait { queue, limit_s, rounds, span, end } => {
                state.up = true;
                let id = self.exchange.queues[*queue].id.clone();
                state.place = self.place("queue", &id, "Queue", &format!("{id},tTk,,,{limit_s}"));
                for (nth, round) in rounds.iter().enumerate() {
                    let answered = match end {
                        WaitEnd::Answered { by, until } if nth + 1 == rounds.len() => Some((*by, talk_until(*until))),
                        _ => None,
                    };
                    self.telephones(
                        &round.people,
                        round.span.from,
                        round.span.until,
                        answered,
                        "NO ANSWER",
                        channel,
                        state,
                    );
                }
                match end {
                    WaitEnd::TimedOut => {
                        let place = self.place("after_queue", "s", "Hangup", "16");
                        self.alone(channel, state, &place, span.until, span.until);
                    }
                    WaitEnd::CallerLeft if rounds.is_empty() => {
                        let place = state.place.clone();
                        self.alone(channel, state, &place, span.from, span.until);
                    }
                    _ => {}
                }
            }
            Step::Outside { span, answered, busy } => self.outside(span.until, *answered, *busy, channel, state),
            Step::Attended { by, to, dialed, answered, joined, until } => {
                let mut own = self.telephone(*by, *dialed, *joined);
                own.written_ms = joined + WRITTEN_AFTER_MS;
                let device = self.company.people[*to].device.clone();
                let far = self.channel_name(&device);
                let extension = &self.company.people[*to].extension;
                let place = self.place("extension", extension, "Dial", &format!("{device},20,tTkK"));
                let times = Times { start: *dialed, answer: Some(*answered), end: *joined, disposition: "ANSWERED" };
                self.row(&own, &place, &far, extension, times);
                names.push(own.linked);
                let times = Times { start: *joined, answer: Some(*joined), end: *until, disposition: "ANSWERED" };
                self.row(channel, &state.place.clone(), &far, extension, times);
            }
            Step::Park { span, end, .. } => self.park(span.from, span.until, *end, channel, state),
            Step::Cross { pbx, ring, back } => self.leave_by_tie(*pbx, ring, back.as_ref(), channel, state),
        }
    }

    /// Until when the talk of this ringing goes on, or the ringing itself.
    fn answered_until(&self, ring: &Ring) -> i64 {
        if let RingEnd::Answered { until, .. } = ring.end { until } else { ring.span.until }
    }

    fn ring(&mut self, ring: &Ring, until: i64, is_last: bool, channel: &Channel, state: &mut State) {
        let devices: Vec<&str> = ring.people.iter().map(|p| self.company.people[*p].device.as_str()).collect();
        let data = format!("{},{},tTkK", devices.join("&"), ring.limit_s);
        state.place = match ring.hunt_group {
            Some(group) => self.place("hunt_group", &self.exchange.hunt_groups[group].id, "Dial", &data),
            None => self.place("extension", &self.company.people[ring.people[0]].extension, "Dial", &data),
        };
        let answered = if let RingEnd::Answered { by, .. } = ring.end { Some((by, until)) } else { None };
        let unanswered = if ring.end == RingEnd::Busy { "BUSY" } else { "NO ANSWER" };
        self.telephones(&ring.people, ring.span.from, ring.span.until, answered, unanswered, channel, state);
        if is_last {
            self.given_up(ring.end, ring.span.until, channel, state);
        }
    }

    /// The step at which the dialplan ends a call that nobody took.
    fn given_up(&mut self, end: RingEnd, at: i64, channel: &Channel, state: &mut State) {
        let (app, data, disposition) = match end {
            RingEnd::NoAnswer => ("Hangup", "19", "NO ANSWER"),
            RingEnd::Busy => ("Busy", "3", "BUSY"),
            RingEnd::Answered { .. } | RingEnd::CallerLeft => return,
        };
        let place = Place { app, data: data.to_owned(), ..state.place.clone() };
        let answer = state.up.then_some(at);
        let disposition = if state.up { "ANSWERED" } else { disposition };
        self.row(channel, &place, "", "", Times { start: at, answer, end: at, disposition });
    }

    /// A row for each telephone; that of the one who answered ends with the talk.
    #[allow(clippy::too_many_arguments)]
    fn telephones(
        &mut self,
        people: &[PersonAt],
        from: i64,
        rang_until: i64,
        answered: Option<(PersonAt, i64)>,
        unanswered: &'static str,
        channel: &Channel,
        state: &mut State,
    ) {
        let place = state.place.clone();
        for person in people {
            let start = state.first.take().unwrap_or(from);
            let who = &self.company.people[*person];
            let far = self.channel_name(&who.device);
            let times = match answered {
                Some((by, until)) if by == *person => {
                    let answer = Some(if state.up { start } else { rang_until });
                    Times { start, answer, end: until, disposition: "ANSWERED" }
                }
                _ => Times { start, answer: state.up.then_some(start), end: rang_until, disposition: unanswered },
            };
            self.row(channel, &place, &far, &who.extension, times);
        }
        state.up |= answered.is_some();
    }

    /// A row without a far end: the PBX itself speaks.
    fn alone(&mut self, channel: &Channel, state: &mut State, place: &Place, from: i64, until: i64) {
        let start = state.first.take().unwrap_or(from);
        state.place = place.clone();
        self.row(channel, place, "", "", Times { start, answer: Some(start), end: until, disposition: "ANSWERED" });
    }

    fn outside(&mut self, until: i64, answered: Option<i64>, busy: bool, channel: &Channel, state: &mut State) {
        let call = self.call;
        let dialed = match call.customer.strip_prefix('+') {
            Some(digits) if call.serial.is_multiple_of(2) => format!("00{digits}"),
            _ => call.customer.clone(),
        };
        let device = self.exchange.lines[call.line].device.trim_end_matches('-');
        let far = self.channel_name(device);
        let (kind, line) = device.split_once('/').unwrap_or(("PJSIP", device));
        state.place = self.place("inside", &dialed, "Dial", &format!("{kind}/{dialed}@{line},{OUTSIDE_LIMIT_S},T"));
        let start = state.first.take().unwrap_or(call.started_ms);
        let disposition = if answered.is_some() {
            "ANSWERED"
        } else if busy {
            "BUSY"
        } else {
            "NO ANSWER"
        };
        let end = if answered.is_some() { call.ended_ms } else { until };
        self.row(channel, &state.place.clone(), &far, "", Times { start, answer: answered, end, disposition });
        if busy {
            let place = self.place("outbound", "s", "Busy", "3");
            self.row(channel, &place, "", "", Times { start: end, answer: None, end, disposition: "BUSY" });
        }
    }

    fn park(&mut self, from: i64, until: i64, end: ParkEnd, channel: &Channel, state: &State) {
        let slot = self.exchange.parking.clone().unwrap_or_default();
        let place = Place { app: "Park", data: format!("default:{slot}"), ..state.place.clone() };
        self.row(
            channel,
            &place,
            "",
            "",
            Times { start: from, answer: Some(from), end: until, disposition: "ANSWERED" },
        );
        if let ParkEnd::Retrieved { by, until: talk_until } = end {
            let dialed = until - 400;
            let mut own = self.telephone(by, dialed, until);
            own.linked.clone_from(&channel.linked);
            own.written_ms = until + WRITTEN_AFTER_MS;
            let place = self.place("inside", &slot, "ParkedCall", &format!("default,{slot}"));
            self.row(
                &own,
                &place,
                "",
                "",
                Times { start: dialed, answer: Some(dialed), end: until, disposition: "ANSWERED" },
            );
            let extension = &self.company.people[by].extension;
            let times = Times { start: until, answer: Some(until), end: talk_until, disposition: "ANSWERED" };
            self.row(channel, &state.place, &own.name, extension, times);
        }
    }
}

/// Calls that the exchange was told to place.
impl Scribe<'_> {
    fn placed(&mut self, placed: &Placed) {
        let Placed { made_at, ended_at, .. } = *placed;
        let channel = Channel {
            unique: placed.call.clone(),
            linked: placed.call.clone(),
            caller_name: placed.shown_name.clone(),
            account: placed.account.clone(),
            user_field: placed.user_field.clone(),
            ..self.channel(&placed.device, made_at.0, ended_at.0)
        };
        let Some(taken_at) = placed.taken_at else {
            // The telephone that was rung is a caller who has not dialed yet: it shows whom it would have called.
            let channel = Channel { number: placed.shown_number.clone(), ..channel };
            let place = self.place("inside", "s", "AppDial2", "(Outgoing Line)");
            let disposition = if placed.end == PlacedEnd::Busy { "BUSY" } else { "NO ANSWER" };
            let times = Times { start: made_at.0, answer: None, end: ended_at.0, disposition };
            return self.row(&channel, &place, "", "", times);
        };
        let number = self.exchange.dids.first().map_or_else(String::new, |did| did.number.clone());
        let channel = Channel { number, ..channel };
        let line = self.exchange.lines.first().map_or("PJSIP/outside-", |line| &line.device).trim_end_matches('-');
        let far = self.channel_name(line);
        let (kind, name) = line.split_once('/').unwrap_or(("PJSIP", line));
        let dialed = &placed.dialed;
        let place = self.place("inside", dialed, "Dial", &format!("{kind}/{dialed}@{name},{OUTSIDE_LIMIT_S},T"));
        let disposition = match placed.end {
            PlacedEnd::Answered => "ANSWERED",
            PlacedEnd::Busy => "BUSY",
            PlacedEnd::NoAnswer => "NO ANSWER",
        };
        let is_told = placed.end == PlacedEnd::Busy;
        let end = if is_told { (ended_at.0 - TOLD_MS).max(taken_at.0) } else { ended_at.0 };
        self.row(
            &channel,
            &place,
            &far,
            &placed.account,
            Times { start: made_at.0, answer: Some(taken_at.0), end, disposition },
        );
        if is_told {
            let place = self.place("outbound", "s", "Busy", "3");
            self.row(
                &channel,
                &place,
                "",
                "",
                Times { start: end, answer: Some(end), end: ended_at.0, disposition: "ANSWERED" },
            );
        }
    }
}

/// Over ties, and what every row has.
impl Scribe<'_> {
    /// The call leaves to a person of another exchange; `back` is a call that comes back from there, with a channel of its own.
    fn leave_by_tie(&mut self, pbx: usize, ring: &Ring, back: Option<&Ring>, channel: &Channel, state: &mut State) {
        let Some(tie) = self.exchange.ties.get(&pbx) else { return };
        let extension = &self.company.people[ring.people[0]].extension;
        let device = tie.device.trim_end_matches('-');
        let (kind, line) = device.split_once('/').unwrap_or(("PJSIP", device));
        let far = self.channel_name(device);
        state.place =
            self.place("extension", extension, "Dial", &format!("{kind}/{extension}@{line},{},tTkK", ring.limit_s));
        let start = state.first.take().unwrap_or(self.call.started_ms);
        let times = match ring.end {
            RingEnd::Answered { .. } => {
                Times { start, answer: Some(ring.span.until), end: self.call.ended_ms, disposition: "ANSWERED" }
            }
            RingEnd::Busy => Times { start, answer: None, end: ring.span.until, disposition: "BUSY" },
            _ => Times { start, answer: None, end: ring.span.until, disposition: "NO ANSWER" },
        };
        self.row(channel, &state.place.clone(), &far, "", times);
        self.given_up(ring.end, ring.span.until, channel, state);
        if let Some(back) = back {
            let home =
                Channel { number: channel.number.clone(), ..self.channel(device, back.span.from, self.call.ended_ms) };
            let mut state = State { first: None, up: false, place: Place::default() };
            self.ring(back, self.answered_until(back), true, &home, &mut state);
        }
    }

    /// The call arrives here over a tie; its caller may be passed back.
    fn arrival_by_tie(&mut self) -> Vec<String> {
        let Some(tie) = self.exchange.ties.get(&self.call.pbx) else { return Vec::new() };
        let device = tie.device.trim_end_matches('-');
        let number = if let Caller::Outside(number) = &self.call.caller { self.shown(number) } else { String::new() };
        for step in &self.call.steps {
            let Step::Cross { ring, back, .. } = step else { continue };
            let channel =
                Channel { number: number.clone(), ..self.channel(device, ring.span.from, self.call.ended_ms) };
            let mut state = State { first: Some(ring.span.from), up: false, place: Place::default() };
            self.ring(ring, self.answered_until(ring), back.is_none(), &channel, &mut state);
            if let Some(back) = back {
                let extension = &self.company.people[back.people[0]].extension;
                let (kind, line) = device.split_once('/').unwrap_or(("PJSIP", device));
                let far = self.channel_name(device);
                let place = self.place(
                    "extension",
                    extension,
                    "Dial",
                    &format!("{kind}/{extension}@{line},{},tTkK", back.limit_s),
                );
                let disposition = match back.end {
                    RingEnd::Answered { .. } => "ANSWERED",
                    RingEnd::Busy => "BUSY",
                    _ => "NO ANSWER",
                };
                let start = back.span.from;
                self.row(
                    &channel,
                    &place,
                    &far,
                    "",
                    Times { start, answer: Some(start), end: self.call.ended_ms, disposition },
                );
            }
        }
        Vec::new()
    }

    fn place(&self, kind: &str, dst: &str, app: &'static str, data: &str) -> Place {
        let context = self.exchange.contexts.get(kind).cloned().unwrap_or_default();
        Place { dst: dst.to_owned(), context, app, data: data.to_owned() }
    }

    /// A caller's number as this line shows it.
    fn shown(&self, number: &str) -> String {
        match number.strip_prefix("+44") {
            _ if number.is_empty() => "anonymous".to_owned(),
            Some(national) if self.exchange.shows_national && self.call.line % 2 == 1 => format!("0{national}"),
            _ => number.to_owned(),
        }
    }

    /// A new channel of this device, whose rows are written after `ended`.
    fn channel(&mut self, device: &str, started: i64, ended: i64) -> Channel {
        let name = self.channel_name(device);
        self.writer.uniques += 1;
        let Writer { system, clock, uniques, .. } = &*self.writer;
        let unique = format!("{system}{}.{uniques}", clock.seconds(started));
        Channel {
            name,
            linked: unique.clone(),
            unique,
            number: String::new(),
            caller_name: String::new(),
            account: String::new(),
            did: String::new(),
            user_field: String::new(),
            written_ms: ended + WRITTEN_AFTER_MS,
        }
    }

    /// The channel of a telephone of ours that calls.
    fn telephone(&mut self, person: PersonAt, started: i64, ended: i64) -> Channel {
        let company = self.company;
        let who = &company.people[person];
        let channel = self.channel(&who.device, started, ended);
        Channel {
            number: who.extension.clone(),
            caller_name: who.name.clone(),
            account: who.extension.clone(),
            ..channel
        }
    }

    fn channel_name(&mut self, device: &str) -> String {
        self.writer.channels = self.writer.channels.wrapping_add(1);
        format!("{device}-{:08x}", self.writer.channels)
    }

    /// Writes one row. `peer`: the account of the far end.
    fn row(&mut self, channel: &Channel, place: &Place, far: &str, peer: &str, times: Times) {
        self.writer.sequence += 1;
        let mut bytes = Vec::with_capacity(360);
        let lasted = |from: i64| (times.end - from).max(0) / 1000;
        for (nth, column) in self.writer.columns.iter().enumerate() {
            bytes.extend_from_slice(if nth == 0 { b"\"" } else { b",\"" });
            let name = COLUMNS.get(*column).copied().unwrap_or_default();
            let mut number = |value: i64| {
                let mut text = Number(&mut bytes);
                let _ = write!(text, "{value}");
            };
            match name {
                "duration" => number(lasted(times.start)),
                "billsec" => number(times.answer.map_or(0, lasted)),
                "sequence" => number(i64::try_from(self.writer.sequence).unwrap_or(i64::MAX)),
                "start" => self.writer.clock.print(times.start, &mut bytes),
                "end" => self.writer.clock.print(times.end, &mut bytes),
                "answer" => {
                    if let Some(answer) = times.answer {
                        self.writer.clock.print(answer, &mut bytes);
                    }
                }
                "clid" => {
                    for part in ["\"\"", &channel.caller_name, "\"\" <", &channel.number, ">"] {
                        bytes.extend_from_slice(part.as_bytes());
                    }
                }
                _ => bytes.extend_from_slice(match name {
                    "src" => channel.number.as_bytes(),
                    "dst" => place.dst.as_bytes(),
                    "dcontext" => place.context.as_bytes(),
                    "channel" => channel.name.as_bytes(),
                    "dstchannel" => far.as_bytes(),
                    "lastapp" => place.app.as_bytes(),
                    "lastdata" => place.data.as_bytes(),
                    "disposition" => times.disposition.as_bytes(),
                    "amaflags" => b"DOCUMENTATION",
                    "accountcode" => channel.account.as_bytes(),
                    "uniqueid" => channel.unique.as_bytes(),
                    "userfield" => channel.user_field.as_bytes(),
                    "linkedid" => channel.linked.as_bytes(),
                    "peeraccount" => peer.as_bytes(),
                    "did" => channel.did.as_bytes(),
                    _ => b"",
                }),
            }
            bytes.push(b'"');
        }
        bytes.push(b'\n');
        self.out.push(Written { pbx: self.at, at_ms: channel.written_ms, bytes });
    }
}

/// Bytes that `write!` can write to.
struct Number<'b>(&'b mut Vec<u8>);

impl Write for Number<'_> {
    fn write_str(&mut self, text: &str) -> std::fmt::Result {
        self.0.extend_from_slice(text.as_bytes());
        Ok(())
    }
}
