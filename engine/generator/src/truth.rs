//! What really happened in a call, in the keys of the corpus (`engine/calls/tests/corpus`). Lengths are seconds, moments seconds since 1970.

use serde::Serialize;

use crate::company::Company;
use crate::script::{Call, Caller, Kind, ParkEnd, Ring, RingEnd, Step, WaitEnd};

/// The truth of one call, which `serde_json` writes as one line of `truth.ndjson`.
#[derive(Serialize, Clone, Debug, Default, PartialEq)]
pub struct Truth {
    /// Names the call within this run: `f12-c1`, the first call of the twelfth story.
    pub id: String,
    /// The story: one customer, who may call again and be called back.
    pub flow_id: String,
    /// inbound, outbound or internal.
    pub kind: &'static str,
    /// The exchange where it began.
    pub pbx: String,
    /// Those it went through, if several.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub pbxes: Vec<String>,
    /// The line to the outside.
    pub trunk: Option<String>,
    /// E.164; `None` if withheld or internal.
    pub caller: Option<String>,
    /// E.164, inbound.
    pub did: Option<String>,
    /// The extension that placed it.
    pub from_ext: Option<String>,
    /// The customer's number, outbound.
    pub customer: Option<String>,
    /// Seconds since 1970, true time.
    pub start: f64,
    /// Seconds since 1970, true time.
    pub end: f64,
    /// From start to end.
    pub total_s: f64,
    /// caller, or pbx_or_other_side.
    pub ended_by: &'static str,
    /// What the first exchange calls the call in its records.
    pub linkedid: String,
    /// answered, answered_then_lost, abandoned, no_answer, busy, voicemail, closed.
    pub outcome: &'static str,
    /// Extensions that rang.
    pub rang: Vec<String>,
    /// Extensions, in order of speaking; `customer` outbound.
    pub answered_by: Vec<String>,
    /// No person of the company answered a caller from outside.
    pub missed_customer_call: bool,
    /// How it was missed.
    pub missed_reason: Option<&'static str>,
    /// It came within no working hours.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub out_of_hours: bool,
    /// The caller left within five seconds.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub short: bool,
    /// `None` where nothing was owed.
    pub returned: Option<bool>,
    /// The id of the call that returned it.
    pub returned_in_call: Option<String>,
    /// employee_called or customer_called_again.
    pub returned_how: Option<&'static str>,
    /// Until a person answered, or the end.
    pub wait_s: f64,
    /// With people, added up, without hold and parking.
    pub talk_s: f64,
    /// Until the first answer, or to the end of ringing.
    pub ring_s: f64,
    /// What the caller was passed to, in order.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub passed_to: Vec<String>,
    /// The caller was parked.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub parked: bool,
    /// This is a consultation, part of the call with this id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub part_of: Option<String>,
}

/// A caller who leaves before this has hardly called.
const SHORT_MS: i64 = 5_000;

/// What these steps mean. `linkedid` comes from the format.
pub(crate) fn truth(call: &Call, company: &Company, flow: u64, nth: usize) -> Truth {
    let exchange = &company.exchanges[call.pbx];
    let mut tally = Tally { company, started: call.started_ms, ..Tally::of(company) };
    let mut pbxes = Vec::new();
    for step in &call.steps {
        tally.step(step, call);
        if let Step::Cross { pbx, .. } = step {
            pbxes = vec![exchange.id.clone(), company.exchanges[*pbx].id.clone()];
        }
    }
    let mut truth = Truth {
        id: format!("f{flow}-c{nth}"),
        flow_id: format!("f{flow}"),
        pbx: exchange.id.clone(),
        pbxes,
        start: seconds(call.started_ms),
        end: seconds(call.ended_ms),
        total_s: seconds(call.ended_ms - call.started_ms),
        ended_by: if call.ended_by_caller { "caller" } else { "pbx_or_other_side" },
        outcome: tally.outcome,
        ring_s: seconds(tally.ring_ms),
        talk_s: seconds(tally.talk_ms),
        wait_s: seconds(tally.first_answer.unwrap_or(call.ended_ms) - call.started_ms),
        rang: tally.rang,
        answered_by: tally.answered_by,
        passed_to: tally.passed_to,
        parked: tally.parked,
        ..Truth::default()
    };
    match call.kind {
        Kind::Inbound => {
            let did = &exchange.dids[call.did];
            truth.kind = "inbound";
            truth.trunk = Some(exchange.lines[call.line].name.clone());
            truth.did = Some(did.number.clone());
            truth.out_of_hours = !company.is_open(did, call.started_ms);
            truth.missed_customer_call = tally.first_answer.is_none();
            if truth.missed_customer_call {
                truth.missed_reason = Some(tally.reason);
                truth.short = truth.outcome == "abandoned" && call.ended_ms - call.started_ms < SHORT_MS;
            }
        }
        Kind::Outbound => {
            truth.kind = "outbound";
            truth.trunk = Some(exchange.lines[call.line].name.clone());
            truth.customer = Some(call.customer.clone());
        }
        Kind::Internal => truth.kind = "internal",
    }
    match &call.caller {
        Caller::Outside(number) => truth.caller = Some(number.clone()).filter(|n| !n.is_empty()),
        Caller::Person(person) => truth.from_ext = Some(company.people[*person].extension.clone()),
    }
    truth
}

struct Tally<'c> {
    company: &'c Company,
    started: i64,
    outcome: &'static str,
    reason: &'static str,
    rang: Vec<String>,
    answered_by: Vec<String>,
    passed_to: Vec<String>,
    parked: bool,
    first_answer: Option<i64>,
    talk_ms: i64,
    ring_ms: i64,
}

impl<'c> Tally<'c> {
    fn of(company: &'c Company) -> Tally<'c> {
        Tally {
            company,
            started: 0,
            outcome: "no_answer",
            reason: "no_answer",
            rang: Vec::new(),
            answered_by: Vec::new(),
            passed_to: Vec::new(),
            parked: false,
            first_answer: None,
            talk_ms: 0,
            ring_ms: 0,
        }
    }

    fn step(&mut self, step: &Step, call: &Call) {
        match step {
            Step::Menu { left, .. } => {
                if *left {
                    self.ended("abandoned", "abandoned_ivr");
                }
            }
            Step::Closed { .. } => self.ended("closed", "closed"),
            Step::Mailbox { .. } => self.ended("voicemail", "voicemail"),
            Step::Ring(ring) => self.ring(ring, call.pbx),
            Step::Wait { queue, rounds, end, .. } => {
                for round in rounds {
                    self.rings(&round.people, round.span.until - round.span.from);
                }
                match end {
                    WaitEnd::Answered { by, until } => {
                        let at = rounds.last().map_or(self.started, |r| r.span.until);
                        self.answered(*by, at, *until);
                    }
                    WaitEnd::TimedOut => self.ended("no_answer", "queue_timeout"),
                    WaitEnd::CallerLeft => self.ended("abandoned", "abandoned_queue"),
                }
                debug_assert!(*queue < self.company.exchanges[call.pbx].queues.len());
            }
            Step::Outside { answered, busy, span } => {
                if let Some(at) = answered {
                    self.first_answer = Some(*at);
                    self.talk_ms += call.ended_ms - at;
                    self.ring_ms += at - span.from;
                    self.outcome = "answered";
                    self.answered_by.push("customer".to_owned());
                } else {
                    self.outcome = if *busy {
                        "busy"
                    } else if call.ended_by_caller {
                        "abandoned"
                    } else {
                        "no_answer"
                    };
                }
            }
            Step::Attended { to, dialed, joined, until, .. } => {
                // Since the consultation the caller was on hold.
                self.talk_ms -= joined - dialed;
                let extension = self.company.people[*to].extension.clone();
                self.passed_to.push(extension.clone());
                self.rings(&[*to], 0);
                self.answered(*to, *joined, *until);
            }
            Step::Park { end, .. } => {
                self.parked = true;
                self.passed_to.push(self.company.exchanges[call.pbx].parking.clone().unwrap_or_default());
                match end {
                    ParkEnd::Retrieved { by, until } => {
                        let Step::Park { span, .. } = step else { return };
                        self.answered(*by, span.until, *until);
                    }
                    ParkEnd::CallerLeft => self.lost(),
                }
            }
            Step::Cross { pbx, ring, back } => {
                self.ring(ring, *pbx);
                if let Some(back) = back {
                    self.ring(back, call.pbx);
                }
            }
        }
    }

    fn ring(&mut self, ring: &Ring, pbx: usize) {
        if ring.passed_by.is_some() {
            let team = ring.hunt_group.map(|g| self.company.exchanges[pbx].hunt_groups[g].id.clone());
            let person = || self.company.people[ring.people[0]].extension.clone();
            self.passed_to.push(team.unwrap_or_else(person));
        }
        if ring.end != RingEnd::Busy {
            self.rings(&ring.people, ring.span.until - ring.span.from);
        }
        match ring.end {
            RingEnd::Answered { by, until } => self.answered(by, ring.span.until, until),
            _ if ring.passed_by.is_some() => self.lost(),
            RingEnd::NoAnswer => self.ended("no_answer", "no_answer"),
            RingEnd::Busy => self.ended("busy", "busy"),
            RingEnd::CallerLeft => self.ended("abandoned", "abandoned_ringing"),
        }
    }

    fn rings(&mut self, people: &[usize], length_ms: i64) {
        if self.first_answer.is_none() {
            self.ring_ms += length_ms;
        }
        for person in people {
            let extension = &self.company.people[*person].extension;
            if !self.rang.contains(extension) {
                self.rang.push(extension.clone());
            }
        }
    }

    fn answered(&mut self, by: usize, at: i64, until: i64) {
        self.first_answer.get_or_insert(at);
        self.talk_ms += until - at;
        self.outcome = "answered";
        let extension = &self.company.people[by].extension;
        if !self.answered_by.contains(extension) {
            self.answered_by.push(extension.clone());
        }
    }

    fn lost(&mut self) {
        self.outcome = "answered_then_lost";
    }

    fn ended(&mut self, outcome: &'static str, reason: &'static str) {
        self.outcome = outcome;
        self.reason = reason;
    }
}

fn seconds(ms: i64) -> f64 {
    ms as f64 / 1000.0
}
