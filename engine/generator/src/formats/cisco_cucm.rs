//! CUCM's call detail records: one for each path, written into a file once a minute.
//!
//! A path that a feature ends (a transfer, a park) is marked as split, and the next one begins where it ended, with the same identifier of the caller's end.
//! The number dialed is a public one: this company's lines bring it unchanged, and no translation pattern replaces it.

use std::io::Write;

use crate::GeneratorError;
use crate::company::{Company, Exchange, PersonAt};
use crate::rows::Written;
use crate::script::{Call, Caller, ParkEnd, Ring, RingEnd, Step, WaitEnd};
use crate::stamp::Clock;

/// A parking place. Records themselves say what it is, and the site file does not: what it calls `park` is read as a telephone there.
pub(crate) const PARKING: &str = "790";

/// What an invented company's places are, as lines of a site file.
pub(crate) const SITE_LINES: &str = "\n[pbx.places]\n780 = \"menu\"\n795 = \"closed\"\n798 = \"mailbox\"\n";

/// The names of the columns of release 12.5, and below them their SQL types.
const HEADER: &str = include_str!("cisco_cucm.header.txt");

/// Columns that differ from record to record, in the order of [`Slots`].
const SLOTS: [&str; SLOT_COUNT] = [
    "globalCallID_callId",
    "origLegCallIdentifier",
    "destLegIdentifier",
    "dateTimeOrigination",
    "dateTimeConnect",
    "dateTimeDisconnect",
    "duration",
    "origCause_value",
    "destCause_value",
    "origCallTerminationOnBehalfOf",
    "destCallTerminationOnBehalfOf",
    "lastRedirectRedirectOnBehalfOf",
    "lastRedirectRedirectReason",
    "joinOnBehalfOf",
    "calledPartyPatternUsage",
    "wasCallQueued",
    "totalWaitTimeInQueue",
    "callingPartyNumber",
    "originalCalledPartyNumber",
    "finalCalledPartyNumber",
    "lastRedirectDn",
    "origDeviceName",
    "destDeviceName",
    "huntPilotDN",
    "pkid",
];
const SLOT_COUNT: usize = 25;
const INTEGER_COUNT: usize = 17;

const SPLIT: i64 = 393_216;
const TRANSFER: i64 = 10;
const PARK: i64 = 3;
const FORWARD: i64 = 5;
const DEVICE: i64 = 12;
const REASON_BUSY: i64 = 1;
const REASON_NO_ANSWER: i64 = 2;
const REASON_TRANSFER: i64 = 4;
const REASON_PARK: i64 = 7;
const REASON_PARK_PICKUP: i64 = 8;
const USAGE_PARK: i64 = 0;
const USAGE_DEVICE: i64 = 2;
const USAGE_ROUTE: i64 = 5;
const USAGE_HUNT: i64 = 7;
const USAGE_MAILBOX: i64 = 8;
const CLEARED: i64 = 16;
const BUSY: i64 = 17;
const NO_ANSWER: i64 = 19;

const MINUTE_MS: i64 = 60_000;

pub(crate) struct Writer {
    clock: Clock,
    /// For each column its slot, or the bytes that it always has.
    columns: Vec<Result<usize, &'static [u8]>>,
    calls: i64,
    ends: i64,
    records: u64,
}

/// One record in the making; moments are true ones.
#[derive(Clone, Default)]
struct Path {
    call: i64,
    calling_end: i64,
    called_end: i64,
    calling: String,
    calling_device: String,
    dialed: String,
    reached: String,
    reached_device: String,
    pilot: String,
    redirected_by: String,
    start: i64,
    connect: Option<i64>,
    end: i64,
    calling_cause: i64,
    called_cause: i64,
    ended_for: i64,
    redirected_for: i64,
    reason: i64,
    joined_for: i64,
    usage: i64,
    waited_s: Option<i64>,
}

impl Writer {
    pub(crate) fn new(exchange: &Exchange) -> Result<Writer, GeneratorError> {
        let mut lines = HEADER.lines();
        let (names, types) = (lines.next().unwrap_or_default(), lines.next().unwrap_or_default());
        let column = |(name, kind): (&'static str, &'static str)| {
            let name = name.trim_matches('"');
            SLOTS.iter().position(|slot| *slot == name).ok_or(match name {
                "cdrRecordType" => b"1".as_slice(),
                "globalCallID_callManagerId" | "origNodeId" | "destNodeId" => b"1",
                "globalCallId_ClusterID" => b"\"StandAloneCluster\"",
                _ if kind == "INTEGER" => b"0",
                _ => b"\"\"",
            })
        };
        if !exchange.columns.is_empty() {
            return Err(GeneratorError(format!(
                "CUCM's records of PBX `{}` are written with all columns: take `columns` out of the site file",
                exchange.id
            )));
        }
        Ok(Writer {
            clock: Clock::new(exchange.zone, exchange.clock_ahead_ms),
            columns: names.split(',').zip(types.split(',')).map(column).collect(),
            calls: 0,
            ends: 1_000,
            records: 0,
        })
    }

    pub(crate) fn header(&self) -> &'static [u8] {
        HEADER.as_bytes()
    }

    /// The records of a call on the exchange `at`, and what they call it and each consultation.
    pub(crate) fn call(&mut self, company: &Company, call: &Call, at: usize, out: &mut Vec<Written>) -> Vec<String> {
        let exchange = &company.exchanges[at];
        let mut scribe = Scribe { writer: self, company, exchange, at, call, out, speaker: None };
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
    /// Who of ours spoke last.
    speaker: Option<PersonAt>,
}

impl Scribe<'_> {
    fn whole(&mut self) -> Vec<String> {
        let call = self.call;
        let mut path = self.path();
        path.start = call.started_ms;
        match &call.caller {
            Caller::Outside(number) => {
                path.calling.clone_from(number);
                path.calling_device.clone_from(&self.exchange.lines[call.line].device);
                path.dialed.clone_from(&self.exchange.dids[call.did].number);
            }
            Caller::Person(person) => {
                path.calling.clone_from(&self.company.people[*person].extension);
                path.calling_device.clone_from(&self.company.people[*person].device);
            }
        }
        let mut names = vec![self.name(&path)];
        for (nth, step) in call.steps.iter().enumerate() {
            self.step(step, call.steps.get(nth + 1), &mut path, &mut names);
        }
        names
    }

    fn step(&mut self, step: &Step, next: Option<&Step>, path: &mut Path, names: &mut Vec<String>) {
        path.usage = USAGE_DEVICE;
        match step {
            Step::Menu { span, left } => {
                path.reached = self.exchange.place("menu", "780");
                path.reached_device = "CTIP_welcome".to_owned();
                path.connect = Some(span.from);
                if *left {
                    self.over(path, span.until, CLEARED, 0);
                } else {
                    let menu = path.reached.clone();
                    self.split(path, span.until, TRANSFER);
                    path.dialed = String::new();
                    path.redirected_by = menu;
                }
            }
            Step::Closed { span } => {
                path.reached = self.exchange.place("closed", "795");
                path.reached_device = "ANN_2".to_owned();
                path.connect = Some(span.from);
                let causes = if self.call.ended_by_caller { (CLEARED, 0) } else { (0, CLEARED) };
                self.over(path, span.until, causes.0, causes.1);
            }
            Step::Ring(ring) => self.ring(ring, next, path),
            Step::Mailbox { person, span } => {
                path.reached = self.exchange.place("mailbox", "798");
                path.reached_device = "CiscoUM1-VI1".to_owned();
                path.redirected_by.clone_from(&self.company.people[*person].extension);
                path.redirected_for = FORWARD;
                path.usage = USAGE_MAILBOX;
                path.connect = Some(span.from);
                self.over(path, span.until, CLEARED, 0);
            }
            Step::Wait { queue, span, end, .. } => {
                let id = self.exchange.queues[*queue].id.clone();
                path.usage = USAGE_HUNT;
                path.reached.clone_from(&id);
                path.waited_s = Some((span.until - span.from) / 1000);
                if path.dialed.is_empty() {
                    path.dialed.clone_from(&id);
                }
                match end {
                    WaitEnd::Answered { by, until } => {
                        let rang_until = self.answered_at(step).unwrap_or(span.until);
                        path.waited_s = Some((rang_until - span.from) / 1000);
                        path.pilot = id;
                        self.reached(path, *by, rang_until);
                        self.talk_over(path, next, *until);
                    }
                    WaitEnd::TimedOut => self.over(path, span.until, 0, NO_ANSWER),
                    WaitEnd::CallerLeft => self.over(path, span.until, CLEARED, 0),
                }
            }
            Step::Outside { span, answered, busy } => {
                path.usage = USAGE_ROUTE;
                let number = self.call.customer.clone();
                path.reached_device.clone_from(&self.exchange.lines[self.call.line].device);
                path.dialed.clone_from(&number);
                path.reached = number;
                path.connect = *answered;
                match answered {
                    Some(_) => self.talk_over(path, None, self.call.ended_ms),
                    None if *busy => self.over(path, span.until, 0, BUSY),
                    None => self.over(path, span.until, CLEARED, 0),
                }
            }
            Step::Attended { by, to, dialed, answered, joined, until } => {
                let mut consultation = self.consultation(*by, *to, *dialed);
                consultation.connect = Some(*answered);
                names.push(self.name(&consultation));
                let end = consultation.called_end;
                self.split(&mut consultation, *joined, TRANSFER);
                path.called_end = end;
                self.redirected(path, *by, REASON_TRANSFER);
                self.reached(path, *to, *joined);
                path.dialed.clone_from(&path.reached);
                self.talk_over(path, next, *until);
            }
            Step::Park { span, end } => {
                let by = self.speaker.unwrap_or_default();
                match end {
                    ParkEnd::Retrieved { by: to, until } => {
                        path.start = span.until;
                        self.redirected(path, by, REASON_PARK_PICKUP);
                        self.reached(path, *to, span.until);
                        path.dialed.clone_from(&path.reached);
                        self.talk_over(path, next, *until);
                    }
                    ParkEnd::CallerLeft => {
                        self.redirected(path, by, REASON_PARK);
                        path.reached = self.exchange.parking.clone().unwrap_or_default();
                        path.dialed.clone_from(&path.redirected_by);
                        path.reached_device = String::new();
                        path.usage = USAGE_PARK;
                        self.over(path, span.until, CLEARED, 0);
                    }
                }
            }
            Step::Cross { pbx, ring, back } => self.leave_by_tie(*pbx, ring, back.as_ref(), path),
        }
    }
}

/// What records have in common.
impl Scribe<'_> {
    fn path(&mut self) -> Path {
        self.writer.calls += 1;
        self.writer.ends += 2;
        Path {
            call: self.writer.calls,
            calling_end: self.writer.ends - 1,
            called_end: self.writer.ends,
            ended_for: DEVICE,
            ..Path::default()
        }
    }

    /// As the adapter names the call: the identity comes again, so the day goes with it.
    fn name(&self, path: &Path) -> String {
        const SECONDS_PER_DAY: i64 = 86_400;
        let day = self.writer.clock.seconds(path.start).div_euclid(SECONDS_PER_DAY);
        format!("StandAloneCluster/1-{}@{day}", path.call)
    }

    fn ring(&mut self, ring: &Ring, next: Option<&Step>, path: &mut Path) {
        if let Some(by) = ring.passed_by {
            let mut consultation = self.consultation(by, ring.people[0], ring.span.from - 500);
            let end = consultation.called_end;
            self.split(&mut consultation, ring.span.from, TRANSFER);
            path.called_end = end;
            self.redirected(path, by, REASON_TRANSFER);
            path.dialed = String::new();
        }
        let group = ring.hunt_group.map(|g| self.exchange.hunt_groups[g].id.clone());
        self.reached(path, ring.people[0], 0);
        path.connect = None;
        if let Some(group) = &group {
            path.usage = USAGE_HUNT;
            path.reached.clone_from(group);
            path.reached_device = String::new();
        }
        if path.dialed.is_empty() {
            path.dialed.clone_from(&path.reached);
        }
        let forwards = matches!(next, Some(Step::Mailbox { .. }));
        let hunts_on = matches!(next, Some(Step::Ring(Ring { passed_by: None, .. })));
        match ring.end {
            RingEnd::Answered { by, until } => {
                path.pilot = group.unwrap_or_default();
                self.reached(path, by, ring.span.until);
                self.talk_over(path, next, until);
            }
            // The mailbox has the record, and the group's last telephone.
            RingEnd::Busy if forwards => path.reason = REASON_BUSY,
            RingEnd::NoAnswer if forwards => path.reason = REASON_NO_ANSWER,
            RingEnd::Busy | RingEnd::NoAnswer if hunts_on => {}
            RingEnd::Busy => self.over(path, ring.span.until, 0, BUSY),
            RingEnd::NoAnswer => self.over(path, ring.span.until, 0, NO_ANSWER),
            RingEnd::CallerLeft => self.over(path, ring.span.until, CLEARED, 0),
        }
    }

    /// When the queue's last round was answered.
    fn answered_at(&self, step: &Step) -> Option<i64> {
        if let Step::Wait { rounds, .. } = step { rounds.last().map(|r| r.span.until) } else { None }
    }

    /// This person's telephone is at the far end, connected at this moment.
    fn reached(&mut self, path: &mut Path, person: PersonAt, connect: i64) {
        let who = &self.company.people[person];
        path.reached.clone_from(&who.extension);
        path.reached_device.clone_from(&who.device);
        path.connect = Some(connect);
        self.speaker = Some(person);
    }

    fn redirected(&self, path: &mut Path, by: PersonAt, reason: i64) {
        path.redirected_by.clone_from(&self.company.people[by].extension);
        path.reason = reason;
        let feature = if reason == REASON_TRANSFER { TRANSFER } else { PARK };
        (path.redirected_for, path.joined_for) = (feature, feature);
    }

    /// A telephone of ours dials another, to pass a caller on.
    fn consultation(&mut self, by: PersonAt, to: PersonAt, dialed: i64) -> Path {
        let mut path = self.path();
        let company = self.company;
        path.calling.clone_from(&company.people[by].extension);
        path.calling_device.clone_from(&company.people[by].device);
        path.reached.clone_from(&company.people[to].extension);
        path.reached_device.clone_from(&company.people[to].device);
        path.dialed.clone_from(&path.reached);
        path.usage = USAGE_DEVICE;
        path.start = dialed;
        path
    }

    /// A talk ends, or goes on elsewhere.
    fn talk_over(&mut self, path: &mut Path, next: Option<&Step>, until: i64) {
        match next {
            Some(Step::Attended { joined, .. }) => self.split(path, *joined, TRANSFER),
            Some(Step::Ring(Ring { passed_by: Some(_), .. })) => self.split(path, until, TRANSFER),
            Some(Step::Park { .. }) => self.split(path, until, PARK),
            _ if self.call.ended_by_caller => self.over(path, until, CLEARED, 0),
            _ => self.over(path, until, 0, CLEARED),
        }
    }

    /// The path ends, and the call goes on by another one from the same end of the caller.
    fn split(&mut self, path: &mut Path, end: i64, feature: i64) {
        path.end = end;
        path.ended_for = feature;
        (path.calling_cause, path.called_cause) = (SPLIT, SPLIT);
        self.row(path, feature);
        self.writer.ends += 1;
        *path = Path {
            call: path.call,
            calling_end: path.calling_end,
            called_end: self.writer.ends,
            calling: std::mem::take(&mut path.calling),
            calling_device: std::mem::take(&mut path.calling_device),
            dialed: std::mem::take(&mut path.dialed),
            start: end,
            ended_for: DEVICE,
            redirected_for: feature,
            joined_for: feature,
            reason: if feature == TRANSFER { REASON_TRANSFER } else { 0 },
            ..Path::default()
        };
    }

    fn over(&mut self, path: &mut Path, end: i64, calling_cause: i64, called_cause: i64) {
        path.end = end;
        (path.calling_cause, path.called_cause) = (calling_cause, called_cause);
        self.row(path, 0);
    }

    /// The call leaves to a person of another exchange; `back` comes from there as a call of its own.
    fn leave_by_tie(&mut self, pbx: usize, ring: &Ring, back: Option<&Ring>, path: &mut Path) {
        let Some(tie) = self.exchange.ties.get(&pbx) else { return };
        path.usage = USAGE_ROUTE;
        path.reached.clone_from(&self.company.people[ring.people[0]].extension);
        path.reached_device.clone_from(&tie.device);
        self.crossed(ring.end, ring.span.until, path);
        if let Some(back) = back {
            let mut home = self.path();
            home.calling.clone_from(&path.calling);
            home.calling_device.clone_from(&tie.device);
            home.start = back.span.from;
            self.ring(&Ring { passed_by: None, ..back.clone() }, None, &mut home);
        }
    }

    /// The end of a path over a tie.
    fn crossed(&mut self, end: RingEnd, rang_until: i64, path: &mut Path) {
        match end {
            RingEnd::Answered { .. } => {
                path.connect = Some(rang_until);
                self.talk_over(path, None, self.call.ended_ms);
            }
            RingEnd::Busy => self.over(path, rang_until, 0, BUSY),
            RingEnd::NoAnswer => self.over(path, rang_until, 0, NO_ANSWER),
            RingEnd::CallerLeft => self.over(path, rang_until, CLEARED, 0),
        }
    }

    /// The call arrives here over a tie; its caller may be passed back.
    fn arrival_by_tie(&mut self) -> Vec<String> {
        let Some(tie) = self.exchange.ties.get(&self.call.pbx) else { return Vec::new() };
        for step in &self.call.steps {
            let Step::Cross { ring, back, .. } = step else { continue };
            let mut path = self.path();
            if let Caller::Outside(number) = &self.call.caller {
                path.calling.clone_from(number);
            }
            path.calling_device.clone_from(&tie.device);
            path.start = ring.span.from;
            let passed = back.clone().map(Step::Ring);
            self.ring(ring, passed.as_ref(), &mut path);
            if let (Some(back), Some(by)) = (back, self.speaker) {
                self.redirected(&mut path, by, REASON_TRANSFER);
                path.usage = USAGE_ROUTE;
                path.reached.clone_from(&self.company.people[back.people[0]].extension);
                path.dialed.clone_from(&path.reached);
                path.reached_device.clone_from(&tie.device);
                self.crossed(back.end, back.span.until, &mut path);
            }
        }
        Vec::new()
    }

    /// Writes one record, into the file of its minute.
    fn row(&mut self, path: &Path, called_ended_for: i64) {
        self.writer.records += 1;
        let clock = &self.writer.clock;
        let connect = path.connect.map_or(0, |at| clock.seconds(at));
        let end = clock.seconds(path.end);
        let integers: [i64; INTEGER_COUNT] = [
            path.call,
            path.calling_end,
            path.called_end,
            clock.seconds(path.start),
            connect,
            end,
            if path.connect.is_some() { end - connect } else { 0 },
            path.calling_cause,
            path.called_cause,
            path.ended_for,
            called_ended_for,
            path.redirected_for,
            path.reason,
            path.joined_for,
            path.usage,
            i64::from(path.waited_s.is_some()),
            path.waited_s.unwrap_or(0),
        ];
        let texts = [
            &path.calling,
            &path.dialed,
            &path.reached,
            if path.redirected_by.is_empty() { &path.dialed } else { &path.redirected_by },
            &path.calling_device,
            &path.reached_device,
            &path.pilot,
        ];
        let mut bytes = Vec::with_capacity(700);
        for (nth, column) in self.writer.columns.iter().enumerate() {
            if nth > 0 {
                bytes.push(b',');
            }
            match column {
                Err(always) => bytes.extend_from_slice(always),
                Ok(slot) if *slot < INTEGER_COUNT => {
                    // Writing to a vector cannot fail.
                    let _ = write!(bytes, "{}", integers[*slot]);
                }
                Ok(slot) => {
                    bytes.push(b'"');
                    match texts.get(slot - INTEGER_COUNT) {
                        Some(text) => bytes.extend_from_slice(text.as_bytes()),
                        None => {
                            let _ = write!(bytes, "{:08x}-0000-4000-8000-{:012x}", self.at, self.writer.records);
                        }
                    }
                    bytes.push(b'"');
                }
            }
        }
        bytes.push(b'\n');
        let file_at_ms = (path.end.div_euclid(MINUTE_MS) + 1) * MINUTE_MS;
        self.out.push(Written { pbx: self.at, at_ms: file_at_ms, bytes });
    }
}
