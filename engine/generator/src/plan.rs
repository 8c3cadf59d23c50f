//! Who calls when: stories of one customer each, in the curve of a day and the shape of a week.
//!
//! A story is a first call and what follows from it: the customer calls again, somebody calls back. Its truth is told when it is over.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};

use chrono::{DateTime, Datelike, NaiveDate, Timelike, Weekday};
use fastrand::Rng;

use crate::company::{Company, Entry, PersonAt};
use crate::faults::Faults;
use crate::script::{Call, Caller, Kind, RingEnd, Step};
use crate::steps::Dice;
use crate::truth::{Truth, truth};

/// One exchange whose records are written, in the words of `--pbx ADAPTER@PBX`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PbxChoice {
    /// The adapter whose records it writes: a file name of `adapters/src/pbx`.
    pub adapter: &'static str,
    /// Its id in the site file.
    pub id: String,
}

/// An hour in which nothing of one exchange is written: its records come an hour later.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Silence {
    /// The exchange's id.
    pub pbx: String,
    /// When it falls silent, milliseconds since 1970, UTC.
    pub from_ms: i64,
}

/// What is to be written.
#[derive(Clone, Debug)]
pub struct Plan {
    /// About how many records: no new call begins once so many were written.
    pub legs: u64,
    /// The exchanges; the first is where most calls come in.
    pub pbxes: Vec<PbxChoice>,
    /// What goes wrong on the way from the exchange.
    pub faults: Faults,
    /// The text of a site file; without one a company is invented.
    pub site: Option<String>,
    /// One exchange is silent for an hour.
    pub silent: Option<Silence>,
    /// The day on which it begins, at midnight UTC.
    pub first_day: NaiveDate,
    /// By how many milliseconds the clock of every exchange but the first is ahead of the true time.
    pub clock_ahead_ms: i64,
    /// How many calls there are, and what becomes of missed ones.
    pub habits: Habits,
}

/// How often people call, and how well they return what they missed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Habits {
    /// Calls a second of one person in the busiest hour: one in so many.
    pub seconds_per_person: u64,
    /// Of a hundred missed callers: who call again by themselves.
    pub call_again: u8,
    /// Who call again or are called back; nothing happens with the others.
    pub are_returned: u8,
}

impl Habits {
    /// A busy company that returns three in four.
    pub const USUAL: Habits = Habits { seconds_per_person: 1_200, call_again: 40, are_returned: 75 };
    /// A company that knows what it missed.
    pub const CAREFUL: Habits = Habits { seconds_per_person: 3_000, call_again: 25, are_returned: 99 };
}

/// The clock of the second exchange, and each further one's, is ahead by this, where a plan says nothing else.
const CLOCK_AHEAD_MS: i64 = 40_000;

impl Plan {
    /// So many records of these exchanges, with the usual faults, from Monday, March 2, 2026: the clocks change on the 29th.
    #[must_use]
    pub fn new(legs: u64, pbxes: Vec<PbxChoice>) -> Plan {
        let first_day = NaiveDate::from_ymd_opt(2026, 3, 2).unwrap_or_default();
        Plan {
            legs,
            pbxes,
            faults: Faults::USUAL,
            site: None,
            silent: None,
            first_day,
            clock_ahead_ms: CLOCK_AHEAD_MS,
            habits: Habits::USUAL,
        }
    }
}

/// Of a hundred first calls in working hours.
const INBOUND: u8 = 62;
const OUTBOUND: u8 = 80;
const CALLS_MAX: usize = 5;
const WITHHELD: u8 = 3;
const SLOT_MS: i64 = 900_000;
/// Share of the busiest hour's calls, in hundredths, by the hour of the local clock.
const DAY: [u64; 24] = [1, 1, 1, 1, 1, 2, 6, 20, 60, 90, 100, 95, 70, 65, 85, 90, 80, 60, 25, 12, 8, 5, 3, 2];
/// Nobody works, and some call all the same: one in so many.
const CLOSED_SHARE: u64 = 8;

enum Next {
    CallsAgain { did: usize, pbx: usize },
    CalledBack { by: PersonAt },
}

struct Intent {
    story: u64,
    next: Next,
}

struct Story {
    customer: String,
    told: Vec<(Truth, bool)>,
    missed: bool,
}

/// Makes calls in the order of their starts.
pub(crate) struct Planner {
    rng: Rng,
    habits: Habits,
    now_ms: i64,
    slot_from_ms: i64,
    /// Of 2^32: that a story begins in one second of this slot.
    chance_per_second: u64,
    busy_until: Vec<i64>,
    intents: BinaryHeap<Reverse<(i64, u64)>>,
    waiting: BTreeMap<u64, Intent>,
    stories: BTreeMap<u64, Story>,
    serial: u64,
    story_count: u64,
}

impl Planner {
    pub(crate) fn new(rng: Rng, company: &Company, first_ms: i64, habits: Habits) -> Planner {
        Planner {
            rng,
            habits,
            now_ms: first_ms,
            slot_from_ms: i64::MIN,
            chance_per_second: 0,
            busy_until: vec![i64::MIN; company.people.len()],
            intents: BinaryHeap::new(),
            waiting: BTreeMap::new(),
            stories: BTreeMap::new(),
            serial: 0,
            story_count: 0,
        }
    }

    /// The next call, and its story.
    pub(crate) fn next(&mut self, company: &Company) -> (Call, u64) {
        loop {
            if let Some(Reverse((at, serial))) =
                self.intents.peek().copied().filter(|Reverse((at, _))| *at <= self.now_ms)
            {
                self.intents.pop();
                if let Some(intent) = self.waiting.remove(&serial) {
                    return (self.follow(company, at, &intent), intent.story);
                }
            }
            if self.now_ms.div_euclid(SLOT_MS) != self.slot_from_ms.div_euclid(SLOT_MS) || self.slot_from_ms == i64::MIN
            {
                self.slot_from_ms = self.now_ms;
                self.chance_per_second = (chance_of_100_per_second(company, self.now_ms) << 32)
                    / 100
                    / self.habits.seconds_per_person.max(1);
            }
            self.now_ms += 1_000;
            if u64::from(self.rng.u32(..)) < self.chance_per_second {
                return self.begin(company);
            }
        }
    }

    /// No further call begins before this moment.
    pub(crate) fn begun_ms(&self) -> i64 {
        self.now_ms - 2_000
    }

    /// Tells the story what came of its call; gives the story's truth once it is over.
    pub(crate) fn told(&mut self, company: &Company, story: u64, call: &Call, names: Vec<String>) -> Vec<Truth> {
        let Some(known) = self.stories.get_mut(&story) else { return Vec::new() };
        let mut names = names.into_iter();
        let mut whole = truth(call, company, story, known.told.len() + 1);
        whole.linkedid = names.next().unwrap_or_default();
        let spoke = matches!(whole.outcome, "answered" | "answered_then_lost")
            && whole.talk_s * 1000.0 >= company.directory.talk_min_ms() as f64;
        known.missed = whole.missed_customer_call && !whole.short;
        let id = whole.id.clone();
        known.told.push((whole, spoke));
        let consultations = call.steps.iter().filter_map(|s| {
            if let Step::Attended { by, to, dialed, answered, joined, .. } = s {
                Some((by, to, dialed, answered, joined))
            } else {
                None
            }
        });
        for ((by, to, dialed, answered, joined), name) in consultations.zip(names) {
            let seconds = |ms: i64| ms as f64 / 1000.0;
            let consultation = Truth {
                id: format!("{id}-consultation"),
                flow_id: format!("f{story}"),
                kind: "internal",
                pbx: company.exchanges[call.pbx].id.clone(),
                from_ext: Some(company.people[*by].extension.clone()),
                start: seconds(*dialed),
                end: seconds(*joined),
                total_s: seconds(joined - dialed),
                ended_by: "caller",
                linkedid: name,
                outcome: "answered",
                rang: vec![company.people[*to].extension.clone()],
                answered_by: vec![company.people[*to].extension.clone()],
                wait_s: seconds(answered - dialed),
                talk_s: seconds(joined - answered),
                ring_s: seconds(answered - dialed),
                part_of: Some(id.clone()),
                ..Truth::default()
            };
            known.told.push((consultation, false));
        }
        if self.goes_on(company, story, call) {
            Vec::new()
        } else {
            self.stories.remove(&story).map(over).unwrap_or_default()
        }
    }

    /// The truths of stories that will not go on, since nothing more is written.
    pub(crate) fn finish(&mut self) -> Vec<Truth> {
        self.intents.clear();
        self.waiting.clear();
        std::mem::take(&mut self.stories).into_values().flat_map(over).collect()
    }

    fn begin(&mut self, company: &Company) -> (Call, u64) {
        let at = self.now_ms + self.rng.i64(0..1000);
        self.story_count += 1;
        let story = self.story_count;
        let pbx = self.exchange(company);
        let exchange = &company.exchanges[pbx];
        let dice = self.rng.u8(0..100);
        let did = self.did(company, pbx);
        let is_open = company.is_open(&exchange.dids[did], at);
        let (inbound, outbound) = if is_open { (INBOUND, OUTBOUND) } else { (95, 100) };
        let withheld = dice < inbound && self.rng.u8(0..100) < WITHHELD;
        let customer = if withheld { String::new() } else { customer(story) };
        let call = if dice < inbound {
            self.inbound(company, at, pbx, did, &customer, true)
        } else {
            let by = exchange.people[self.rng.usize(0..exchange.people.len())];
            if dice < outbound || exchange.people.len() < 2 {
                self.outbound(company, at, by, &customer)
            } else {
                self.internal(company, at, by)
            }
        };
        self.stories.insert(story, Story { customer, told: Vec::new(), missed: false });
        (call, story)
    }

    fn follow(&mut self, company: &Company, at: i64, intent: &Intent) -> Call {
        let customer = self.stories.get(&intent.story).map(|s| s.customer.clone()).unwrap_or_default();
        match intent.next {
            // Who calls again is not passed on, so that what settles the first miss is beyond doubt.
            Next::CallsAgain { did, pbx } => self.inbound(company, at, pbx, did, &customer, false),
            Next::CalledBack { by } => self.outbound(company, at, by, &customer),
        }
    }

    /// Whether the story goes on after this call, and how.
    fn goes_on(&mut self, company: &Company, story: u64, call: &Call) -> bool {
        let Some(known) = self.stories.get(&story) else { return false };
        let owes = known.missed
            || call.kind == Kind::Outbound
                && !known.told.last().is_some_and(|(_, spoke)| *spoke)
                && known.told.len() > 1;
        if !owes || known.customer.is_empty() || known.told.len() >= CALLS_MAX {
            return false;
        }
        let dice = self.rng.u8(0..100);
        let at;
        let next = if dice < self.habits.call_again && call.kind == Kind::Inbound {
            at = call.ended_ms + self.rng.i64(60_000..2_400_000);
            Next::CallsAgain { did: call.did, pbx: call.pbx }
        } else if dice < self.habits.are_returned {
            let soon = call.ended_ms + self.rng.i64(180_000..10_800_000);
            let site = &company.exchanges[call.pbx].site;
            let is_open = company.directory.group_open_at(None, Some(site), soon).unwrap_or(true);
            let opening = company.directory.next_opening(None, Some(site), soon);
            at = if is_open { soon } else { opening.unwrap_or(soon) + self.rng.i64(300_000..3_600_000) };
            let people = &company.exchanges[call.pbx].people;
            Next::CalledBack { by: first_tried(call).unwrap_or(people[self.rng.usize(0..people.len())]) }
        } else {
            return false;
        };
        self.serial += 1;
        self.intents.push(Reverse((at, self.serial)));
        self.waiting.insert(self.serial, Intent { story, next });
        true
    }

    fn inbound(&mut self, company: &Company, at: i64, pbx: usize, did: usize, customer: &str, may_move: bool) -> Call {
        let exchange = &company.exchanges[pbx];
        let is_open = company.is_open(&exchange.dids[did], at);
        let mut call = self.call(company, Kind::Inbound, at, pbx);
        call.did = did;
        call.caller = Caller::Outside(customer.to_owned());
        let entry = exchange.dids[did].entry;
        self.roll(company, call, |dice| dice.inbound(entry, is_open, may_move))
    }

    fn outbound(&mut self, company: &Company, at: i64, by: PersonAt, customer: &str) -> Call {
        let pbx = company.people[by].pbx;
        let mut call = self.call(company, Kind::Outbound, at.max(self.busy_until[by] + 2_000), pbx);
        call.caller = Caller::Person(by);
        customer.clone_into(&mut call.customer);
        let call = self.roll(company, call, |dice| {
            dice.outside(70);
        });
        self.busy_until[by] = call.ended_ms;
        call
    }

    fn internal(&mut self, company: &Company, at: i64, by: PersonAt) -> Call {
        let pbx = company.people[by].pbx;
        let people = &company.exchanges[pbx].people;
        let near = people.iter().position(|p| *p == by).unwrap_or(0);
        let to = people[(near + self.rng.usize(1..people.len())) % people.len()];
        let mut call = self.call(company, Kind::Internal, at.max(self.busy_until[by] + 2_000), pbx);
        call.caller = Caller::Person(by);
        let call = self.roll(company, call, |dice| dice.internal(to));
        self.busy_until[by] = call.ended_ms;
        call
    }

    fn call(&mut self, company: &Company, kind: Kind, started_ms: i64, pbx: usize) -> Call {
        self.serial += 1;
        Call {
            serial: self.serial,
            kind,
            pbx,
            line: self.rng.usize(0..company.exchanges[pbx].lines.len()),
            caller: Caller::Outside(String::new()),
            did: 0,
            customer: String::new(),
            started_ms,
            ended_ms: started_ms,
            ended_by_caller: false,
            steps: Vec::new(),
        }
    }

    fn roll(&mut self, company: &Company, mut call: Call, go: impl FnOnce(&mut Dice<'_>)) -> Call {
        let mut dice = Dice {
            rng: &mut self.rng,
            company,
            busy_until: &mut self.busy_until,
            pbx: call.pbx,
            now: call.started_ms + 60,
            steps: Vec::new(),
            ended_by_caller: false,
        };
        go(&mut dice);
        call.ended_ms = dice.now;
        call.ended_by_caller = dice.ended_by_caller;
        call.steps = dice.steps;
        call
    }

    /// The first exchange gets two thirds of the calls that another gets one of.
    fn exchange(&mut self, company: &Company) -> usize {
        let shares = company.exchanges.len() + 1;
        self.rng.usize(0..shares).saturating_sub(1).min(company.exchanges.len() - 1)
    }

    /// A number of this exchange: those of queues and menus are dialed more often than a person's.
    fn did(&mut self, company: &Company, pbx: usize) -> usize {
        let dids = &company.exchanges[pbx].dids;
        let weight = |entry: &Entry| match entry {
            Entry::Queue(_) => 20,
            Entry::Menu => 30,
            Entry::HuntGroup(_) => 10,
            Entry::Person(_) => 3,
        };
        let total: usize = dids.iter().map(|d| weight(&d.entry)).sum();
        let mut left = self.rng.usize(0..total);
        for (at, did) in dids.iter().enumerate() {
            let weight = weight(&did.entry);
            if left < weight {
                return at;
            }
            left -= weight;
        }
        0
    }
}

/// Hundred times the calls that begin in a second if one person's busiest hour is one.
fn chance_of_100_per_second(company: &Company, at_ms: i64) -> u64 {
    let Some(first) = company.exchanges.first() else { return 0 };
    let Some(utc) = DateTime::from_timestamp_millis(at_ms) else { return 0 };
    let local = utc.with_timezone(&first.zone);
    let hour = DAY.get(local.hour() as usize).copied().unwrap_or(1);
    let is_open = company.directory.group_open_at(None, Some(&first.site), at_ms).unwrap_or(true);
    let of_day = if is_open { hour } else { hour.div_ceil(CLOSED_SHARE) };
    let of_week = match local.weekday() {
        Weekday::Mon => 120,
        Weekday::Fri => 90,
        Weekday::Sat | Weekday::Sun => 50,
        _ => 100,
    };
    of_day * of_week * company.people.len() as u64 / 100
}

/// Who rang in vain: whoever is called back by them is called back by the one who was asked for.
fn first_tried(call: &Call) -> Option<PersonAt> {
    if let Caller::Person(by) = call.caller {
        return Some(by);
    }
    call.steps.iter().find_map(|step| match step {
        Step::Ring(ring) if ring.end != RingEnd::Busy => ring.people.first().copied(),
        Step::Wait { rounds, .. } => rounds.first().and_then(|r| r.people.first().copied()),
        _ => None,
    })
}

/// Which of a story's misses were returned, by what.
fn over(story: Story) -> Vec<Truth> {
    let told = story.told;
    let settles = |after: usize| {
        told.iter().skip(after + 1).find(|(t, spoke)| *spoke && t.part_of.is_none() && t.kind != "internal").map(
            |(t, _)| (t.id.clone(), if t.kind == "outbound" { "employee_called" } else { "customer_called_again" }),
        )
    };
    let settled: Vec<Option<(String, &'static str)>> = (0..told.len()).map(settles).collect();
    let owed =
        |t: &Truth| t.kind == "inbound" && (t.missed_customer_call || t.outcome == "answered_then_lost") && !t.short;
    told.into_iter()
        .zip(settled)
        .map(|((mut truth, _), settled)| {
            if owed(&truth) {
                truth.returned = Some(settled.is_some());
                if let Some((id, how)) = settled {
                    truth.returned_in_call = Some(id);
                    truth.returned_how = Some(how);
                }
            }
            truth
        })
        .collect()
}

/// The ranges reserved for fiction in the United Kingdom, each with a thousand numbers.
const FICTION: [&str; 16] = [
    "113496", "114496", "115496", "116496", "117496", "118496", "121496", "131496", "141496", "151496", "161496",
    "191498", "207946", "292018", "770090", "808157",
];

/// The customer of a story, E.164: the same one comes again only after all others.
fn customer(story: u64) -> String {
    let at = story.wrapping_mul(7919) % (FICTION.len() as u64 * 1000);
    let range = FICTION[(at / 1000) as usize];
    format!("+44{range}0{:03}", at % 1000)
}
