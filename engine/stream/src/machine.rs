//! One partition of the log, from its assign to its revocation: records, ticks and answers in; commits, inserts and questions out.
//!
//! The order of one life: [`PartitionMachine::assigned`] reads the register and looks at the ledger; what is stored comes by
//! [`PartitionMachine::stored_leg`] and its like until [`PartitionMachine::restored`]; then records from
//! [`PartitionMachine::read_from`] on, of which the first form the pending batches again; then everything that was concluded again
//! is compared with what is stored, and the partition runs.

use std::collections::{BTreeMap, VecDeque};

use adapters::leg::{Moment, Text};
use adapters::{Leg, Legs};
use calls::counting::{Counting, Recount};

use calls::live::{Before, Conclusion, Live, Wanted};
use calls::window::{LATE_RISE_MS, WindowEvent, WindowNow};

use crate::assigned::{Assigned, Ledger, check};
use crate::comparing::{Comparing, Key, Known};
use crate::conclusions::{Conclusions, Versioned};
use crate::facts::{Counts, Facts, Place};
use crate::keeper::{CommitOutcome, Keeper};
pub use crate::limits::Limits;
use crate::record::{KeptRecord, LogRecord};
use crate::register::{Pending, Register, record_hash};
use crate::rules::Rules;
use crate::stop::Stop;
use crate::tenant::{Company, Tenants, refuse};
use crate::version::Versions;

/// What is to be stored in one step: facts under one token, then conclusions.
#[derive(Debug)]
pub struct Insert<F> {
    /// Names it in the answer.
    pub number: u64,
    /// The epoch.
    pub epoch: u8,
    /// Its first position.
    pub first: u64,
    /// The position after its last; the same if it has only conclusions.
    pub next: u64,
    /// It may be stored already, by whoever had the partition before: its rows are to be counted first (R4).
    pub is_redo: bool,
    /// When the latest of its records reached the log: a function of its records, since a batch that is formed again has the same row.
    pub sealed_at: Moment,
    /// Its rows; `None` if it has only conclusions.
    pub facts: Option<F>,
    /// How many.
    pub counts: Counts,
    /// What was concluded with it.
    pub conclusions: Conclusions,
}

enum Phase {
    /// Stored facts come in.
    Restoring,
    /// Pending batches are formed again.
    Redoing(VecDeque<Pending>),
    /// Late legs are answered, then everything is compared.
    Comparing,
    /// Names that nothing concludes any more are looked for.
    Leaving(Vec<(Text, Text)>),
    /// Records become batches.
    Running,
}

/// A batch that was sealed.
struct Batch<F> {
    number: u64,
    first: u64,
    next: u64,
    clock: Moment,
    sealed_at: Moment,
    last_record: u64,
    counts: Counts,
    bytes: usize,
    is_redo: bool,
    /// Taken when it is sent.
    load: Option<(Option<F>, Conclusions)>,
    is_stored: bool,
}

/// Records of the batch that is open.
struct Open<F> {
    facts: F,
    counts: Counts,
    first: u64,
    /// When the latest of them reached the log.
    logged_at: Moment,
    /// By the wall clock, when the first of them came.
    since: Option<Moment>,
}

/// One partition.
pub struct PartitionMachine<'d, F> {
    partition: u32,
    first_in_log: u64,
    settings: u32,
    rules: Rules,
    limits: Limits,
    tenants: &'d Tenants,
    companies: BTreeMap<Text, Company<'d>>,
    comparing: BTreeMap<Text, Comparing>,
    keeper: Keeper,
    versions: Versions,
    phase: Phase,
    /// The position of the next record.
    next: u64,
    last_record: u64,
    clock: Moment,
    open: Open<F>,
    batches: VecDeque<Batch<F>>,
    numbers: u64,
    bytes_in_flight: usize,
    /// Legs that were taken since conclusions were drawn.
    legs_since: usize,
    /// A company whose question is out.
    asked: Option<Text>,
    /// The store has answered, and what was said is not concluded yet.
    is_answered: bool,
    /// A company of which windows are counted again.
    recounting: Option<Text>,
    /// What happened to limits and windows while it was concluded again.
    events: Vec<WindowEvent>,
    out: Legs,
    /// By the wall clock, when time alone brought something about.
    concluded_at: Option<Moment>,
    is_ended: bool,
    has_looked_again: bool,
    /// Nothing of this log was ever sent to the store before.
    is_first: bool,
    /// Up to where the tables had it when it was assigned.
    stored_before: u64,
    /// Records that came while nothing could be read: what one call of the source lends at most.
    kept: VecDeque<KeptRecord>,
}

impl<'d, F: Facts> PartitionMachine<'d, F> {
    /// Takes a partition over.
    ///
    /// # Errors
    /// Why it must be left alone.
    pub fn assigned(
        assigned: &Assigned<'_>,
        ledger: Ledger,
        tenants: &'d Tenants,
        limits: Limits,
        rules: Rules,
    ) -> Result<PartitionMachine<'d, F>, Stop> {
        let fresh = Register::new(ledger.epoch, assigned.first, assigned.settings, assigned.partitions);
        let is_new = ledger.next == 0 && ledger.batches_next == 0;
        let register = match assigned.register {
            None if is_new || !rules.compares_with_the_ledger => fresh,
            None => return Err(Stop::RegisterLost { stored: ledger.next.max(ledger.batches_next) }),
            Some(text) => match Register::from_text(text) {
                Ok(register) => register,
                Err(_) if text.is_empty() && is_new => fresh,
                Err(why) if rules.refuses_newer_formats => return Err(Stop::Register(why)),
                Err(_) => fresh,
            },
        };
        check(&register, assigned, ledger, rules)?;
        let mut machine = PartitionMachine {
            partition: assigned.partition,
            first_in_log: assigned.first,
            settings: assigned.settings,
            rules,
            limits,
            tenants,
            companies: BTreeMap::new(),
            comparing: BTreeMap::new(),
            versions: Versions::after(register.epoch, register.clock, register.versions),
            phase: Phase::Restoring,
            next: register.high,
            last_record: register.last_record,
            clock: Moment(0),
            open: Open::at(register.high),
            batches: VecDeque::new(),
            numbers: 0,
            bytes_in_flight: 0,
            legs_since: 0,
            asked: None,
            is_answered: false,
            recounting: None,
            events: Vec::new(),
            out: Legs::default(),
            concluded_at: None,
            is_ended: false,
            has_looked_again: false,
            is_first: is_new && assigned.register.is_none_or(<[u8]>::is_empty),
            stored_before: ledger.next.max(ledger.batches_next),
            kept: VecDeque::new(),
            keeper: Keeper::new(register, rules),
        };
        for directory in tenants.all() {
            machine.company(directory.tenant());
        }
        machine.known_since(Moment(i64::MIN));
        Ok(machine)
    }

    /// Of calls that reached the log before this moment not all that is stored will come: windows that begin before are not whole.
    pub fn known_since(&mut self, moment: Moment) {
        let live = self.companies.values_mut().map(|company| &mut company.live);
        live.filter_map(Live::counting_mut).for_each(|counting| counting.restore(moment));
    }

    /// The partition.
    #[must_use]
    pub fn partition(&self) -> u32 {
        self.partition
    }

    /// Everything below this position is stored, as the register was read.
    #[must_use]
    pub fn high(&self) -> u64 {
        self.keeper.wanted().high
    }

    /// The position of the next record.
    #[must_use]
    pub fn next(&self) -> u64 {
        self.next
    }

    /// The epoch of its facts.
    #[must_use]
    pub fn epoch(&self) -> u8 {
        self.keeper.wanted().epoch
    }

    /// Whose conclusions these are: the epoch, and the version above which its owner concludes. A later owner's are higher.
    #[must_use]
    pub fn owner(&self) -> (u8, u64) {
        (self.epoch(), self.keeper.wanted().versions)
    }

    /// The log's clock.
    #[must_use]
    pub fn clock(&self) -> Moment {
        self.clock
    }

    /// The log's clock up to which the register says that conclusions were drawn.
    #[must_use]
    pub fn register_clock(&self) -> Moment {
        self.keeper.committed().clock
    }

    /// Its companies with calls that are open or held, and how many; and with calls that were read back, and how many.
    pub fn companies(&self) -> impl Iterator<Item = (&str, usize, u64)> {
        self.companies.iter().map(|(name, c)| (name.as_str(), c.live.open_calls(), c.live.reopened_calls()))
    }

    /// Its companies of which any leg was ever taken.
    pub fn companies_with_legs(&self) -> impl Iterator<Item = &str> {
        self.companies.iter().filter(|(_, company)| company.live.has_legs()).map(|(name, _)| name.as_str())
    }

    /// What is counted of each company.
    pub fn counting(&self) -> impl Iterator<Item = (&str, &Counting<'d>)> {
        self.companies.iter().filter_map(|(name, company)| Some((name.as_str(), company.live.counting()?)))
    }

    fn company(&mut self, name: &str) -> Option<&mut Company<'d>> {
        if !self.companies.contains_key(name) {
            let directory = self.tenants.get(name)?;
            let company = Company::new(directory, self.limits.names_files, self.limits.live);
            self.companies.insert(name.into(), company);
        }
        self.companies.get_mut(name)
    }

    /// A conclusion that is stored.
    pub fn known(&mut self, tenant: &str, known: Known) {
        self.versions = Versions::above(self.versions.last().max(known.version));
        self.comparing.entry(tenant.into()).or_default().know(known);
    }

    /// Versions are above those of all that earlier owners concluded before this moment of the wall clock and that may land late.
    pub fn conclude_above(&mut self, now: Moment) {
        self.versions = Versions::above(self.versions.last().max(Versions::after(self.epoch(), now, 0).last()));
    }

    /// Column names that are stored, with the number of such lines that their source had so far, as their mark says it.
    pub fn stored_header(&mut self, tenant: &str, pbx: &str, adapter: &str, source: &[u8], line: &[u8], number: &str) {
        if let Some(company) = self.company(tenant) {
            company.header(pbx, adapter, source, line, number.parse().unwrap_or(1));
        }
    }

    /// A record that told something and is no leg, as it is stored below [`PartitionMachine::high`]; in any order.
    pub fn stored_mark(&mut self, tenant: &str, pbx: &str, adapter: &str, value: &[u8], logged_at: Moment) {
        if let Some(company) = self.company(tenant) {
            company.stored_mark(pbx, adapter, value, logged_at);
        }
    }

    /// A follow-up that is stored and was opened before the first leg that will come.
    pub fn stored_follow_up(&mut self, tenant: &str, customer: &Text, opened_at: Moment, closed_at: Option<Moment>) {
        if let Some(company) = self.company(tenant) {
            company.live.lasted(customer, opened_at, closed_at);
        }
    }

    /// A leg that is stored below [`PartitionMachine::high`], in the order of their positions.
    pub fn stored_leg(&mut self, leg: Leg, logged_at: Moment, position: u64) {
        let tenant = leg.origin.tenant.clone();
        let Some(company) = self.company(&tenant) else { return };
        company.live.push(leg, logged_at, position);
        self.legs_since += 1;
        if self.legs_since >= LEGS_PER_CONCLUSION_MAX {
            self.conclude_again();
        }
    }

    /// Everything that is stored has come.
    pub fn restored(&mut self) {
        self.keeper.begin_above(self.versions.last());
        self.conclude_again();
        let pending = self.keeper.committed().pending.iter().copied().collect::<VecDeque<_>>();
        self.phase = match pending.is_empty() {
            false if self.rules.keeps_borders => Phase::Redoing(pending),
            _ => {
                self.clock = self.clock.max(self.keeper.committed().clock);
                Phase::Comparing
            }
        };
    }

    /// The position from which records are to be read: the last one that is stored, if the log still has it, to see that it is the one.
    #[must_use]
    pub fn read_from(&self) -> u64 {
        let high = self.keeper.committed().high;
        let has_last = self.last_record != 0 && high > self.first_in_log;
        if has_last { high - 1 } else { high }
    }

    /// True while more records may come.
    #[must_use]
    pub fn wants_records(&self) -> bool {
        match self.phase {
            Phase::Redoing(_) => true,
            Phase::Running => {
                self.keeper.has_room() && !self.is_full() && self.bytes_in_flight < self.limits.bytes_in_flight_max
            }
            Phase::Restoring | Phase::Comparing | Phase::Leaving(_) => false,
        }
    }

    /// True when everything has been taken over.
    #[must_use]
    pub fn is_running(&self) -> bool {
        matches!(self.phase, Phase::Running)
    }

    /// The next record of the log. `now` is the wall clock: it only decides when a batch is old.
    ///
    /// # Errors
    /// If this is another log, or a pending batch is not what it was.
    pub fn record(&mut self, record: &LogRecord<'_>, now: Moment) -> Result<(), Stop> {
        if matches!(self.phase, Phase::Restoring | Phase::Comparing | Phase::Leaving(_)) || !self.kept.is_empty() {
            self.kept.push_back(KeptRecord::of(record));
            return Ok(());
        }
        self.read(record, now)
    }

    /// Reads what came while nothing could be read.
    ///
    /// # Errors
    /// As of [`PartitionMachine::record`].
    pub fn read_kept(&mut self, now: Moment) -> Result<(), Stop> {
        while self.is_running()
            && self.wants_records()
            && let Some(kept) = self.kept.pop_front()
        {
            self.read(&kept.lent(), now)?;
        }
        Ok(())
    }

    fn read(&mut self, record: &LogRecord<'_>, now: Moment) -> Result<(), Stop> {
        if record.offset < self.next {
            let is_last = record.offset + 1 == self.keeper.committed().high && self.last_record != 0;
            let is_same = !is_last || record_hash(record.bytes) == self.keeper.committed().last_record;
            let is_first_read = self.open.counts.records == 0 && self.batches.is_empty();
            return if is_same || !is_first_read {
                Ok(())
            } else {
                Err(Stop::OtherLog { position: record.offset + 1 })
            };
        }
        if self.open.counts.records == 0 {
            self.open.first = self.next;
            self.open.since = Some(now);
        }
        self.is_ended = false;
        self.next = record.offset + 1;
        self.last_record = record_hash(record.bytes);
        self.clock = self.clock.max(record.logged_at);
        let place = Place {
            epoch: self.epoch(),
            partition: self.partition,
            position: record.offset,
            part: 0,
            logged_at: record.logged_at,
            settings: self.settings,
        };
        self.open.counts.records += 1;
        self.open.logged_at = self.open.logged_at.max(record.logged_at);
        let (open, out) = (&mut self.open, &mut self.out);
        let legs_before = open.counts.legs;
        match self.companies.get_mut(record.tenant) {
            Some(company) => company.record(record, place, out, &mut open.facts, &mut open.counts),
            None => {
                let known: Vec<&str> = self.tenants.names().collect();
                let what = format!(
                    "no tenant is called `{}`: the key of a record names its tenant, and the settings have {}",
                    record.tenant,
                    known.join(", ")
                );
                refuse(record, what, place, &mut open.facts, &mut open.counts);
            }
        }
        self.legs_since += (open.counts.legs - legs_before) as usize;
        self.seal_if_full()
    }

    fn seal_if_full(&mut self) -> Result<(), Stop> {
        if let Phase::Redoing(pending) = &mut self.phase {
            let Some(expected) = pending.front().copied() else { return Ok(()) };
            if self.next > expected.next {
                let what = format!("the record before {} is gone", expected.next);
                return Err(Stop::Reformed { first: expected.first, next: expected.next, what });
            }
            if self.next < expected.next {
                return Ok(());
            }
            pending.pop_front();
            let is_last = pending.is_empty();
            let counts = self.open.counts;
            self.open.first = expected.first;
            if (counts.legs, counts.marks, counts.rejects) != (expected.legs, expected.marks, expected.rejects)
                && self.keeper.committed().settings == self.settings
            {
                let what = format!(
                    "it had {} legs, {} marks and {} rejects, and has {}, {} and {}",
                    expected.legs, expected.marks, expected.rejects, counts.legs, counts.marks, counts.rejects
                );
                return Err(Stop::Reformed { first: expected.first, next: expected.next, what });
            }
            self.conclude_again();
            self.put(true, Conclusions::default());
            if is_last {
                self.clock = self.clock.max(self.keeper.committed().clock);
                self.phase = Phase::Comparing;
            }
            return Ok(());
        }
        if self.is_full() {
            self.seal();
        }
        Ok(())
    }

    fn is_full(&self) -> bool {
        self.open.counts.legs as usize >= self.limits.legs_per_batch_max
            || self.open.facts.bytes() >= self.limits.bytes_per_batch_max
    }

    /// Seals the batch that is open, with everything that can be concluded now, if there is room for one more.
    fn seal(&mut self) {
        if !self.is_running() || !self.keeper.has_room() {
            return;
        }
        self.is_answered = false;
        let conclusions = self.conclude(false);
        if self.open.counts.records > 0 || !conclusions.is_empty() {
            self.put(false, conclusions);
        }
    }

    fn put(&mut self, is_redo: bool, conclusions: Conclusions) {
        let open = std::mem::replace(&mut self.open, Open::at(self.next));
        let has_records = open.counts.records > 0;
        let first = if has_records { open.first } else { self.next };
        let pending = Pending {
            first,
            next: self.next,
            shard: 0,
            legs: open.counts.legs,
            marks: open.counts.marks,
            rejects: open.counts.rejects,
        };
        if !is_redo {
            self.keeper.intend(has_records.then_some(pending), self.clock);
        }
        self.numbers += 1;
        let bytes = open.facts.bytes() + conclusions.calls.len() * BYTES_PER_CALL;
        self.bytes_in_flight += bytes;
        self.batches.push_back(Batch {
            number: self.numbers,
            first,
            next: self.next,
            clock: self.clock,
            sealed_at: open.logged_at,
            last_record: self.last_record,
            counts: open.counts,
            bytes,
            is_redo,
            load: Some((has_records.then_some(open.facts), conclusions)),
            is_stored: false,
        });
    }

    /// What time does: old batches are sealed, and what is due by the log's clock is concluded. `log_now` is the log's time if
    /// its clock is the wall clock: now where everything in the log has been read, else that of the last record if that is recent;
    /// `None` else.
    pub fn tick(&mut self, now: Moment, log_now: Option<Moment>) {
        if !self.is_running() {
            return self.go_on();
        }
        let is_old = self.open.since.is_some_and(|since| now.ms_since(since) >= self.limits.batch_age_ms);
        let are_many = self.open.counts.records >= RECORDS_MANY;
        let every_ms = if are_many { self.limits.conclude_many_every_ms } else { self.limits.conclude_every_ms };
        let is_early = self.concluded_at.is_some_and(|at| (0..every_ms).contains(&now.ms_since(at)));
        let log_now = log_now.filter(|_| !is_early);
        let is_due =
            log_now.is_some_and(|at| self.companies.values().any(|c| c.live.next_due().is_some_and(|d| d <= at)));
        if let Some(at) = log_now.filter(|_| is_due) {
            self.concluded_at = Some(now);
            self.clock = self.clock.max(at);
        }
        let is_waited_for = self.asked.is_none() && self.companies.values().any(|c| c.live.is_waiting());
        if is_old || is_due || self.is_answered || is_waited_for && self.open.counts.records > 0 {
            self.seal();
        }
    }

    /// Seals what is open, whatever its age.
    pub fn drain(&mut self) {
        if self.open.counts.records > 0 {
            self.seal();
        }
    }

    /// The log has ended: every call is final as it is. Records that come later are taken as ever.
    pub fn end(&mut self) {
        if !self.is_running() || self.is_ended || !self.keeper.has_room() {
            return;
        }
        self.is_ended = true;
        let conclusions = self.conclude(true);
        if self.open.counts.records > 0 || !conclusions.is_empty() {
            self.put(false, conclusions);
        }
    }

    /// The register that should be committed now, if none is out: with what only confirms, if `all`.
    pub fn commit(&mut self, all: bool) -> Option<Register> {
        self.keeper.commit(all)
    }

    /// What became of the commit that was out.
    ///
    /// # Errors
    /// If nobody knows: the process must end.
    pub fn committed(&mut self, outcome: CommitOutcome) -> Result<(), Stop> {
        self.keeper.answered(outcome)
    }

    /// The source has shown that the partition is still ours.
    pub fn still_assigned(&mut self) {
        self.keeper.still_assigned();
    }

    /// The next batch that may be sent.
    pub fn insert(&mut self) -> Option<Insert<F>> {
        let epoch = self.epoch();
        let batch = self.batches.iter_mut().find(|b| b.load.is_some())?;
        if !self.keeper.may_send(batch.first, batch.next, batch.clock) {
            return None;
        }
        let (facts, conclusions) = batch.load.take()?;
        Some(Insert {
            number: batch.number,
            epoch,
            first: batch.first,
            next: batch.next,
            is_redo: batch.is_redo && self.rules.counts_before_sending_again,
            sealed_at: batch.sealed_at,
            facts,
            counts: batch.counts,
            conclusions,
        })
    }

    /// All rows of this batch are stored.
    pub fn stored(&mut self, number: u64) {
        if let Some(batch) = self.batches.iter_mut().find(|b| b.number == number) {
            batch.is_stored = true;
            self.bytes_in_flight = self.bytes_in_flight.saturating_sub(batch.bytes);
            if !self.rules.moves_over_stored_only {
                self.keeper.stored_below(batch.next, batch.last_record);
            }
        }
        while self.batches.front().is_some_and(|b| b.is_stored) {
            let Some(batch) = self.batches.pop_front() else { break };
            if batch.next > self.keeper.wanted().high {
                self.keeper.stored_below(batch.next, batch.last_record);
            }
        }
    }

    /// A question to the store that late legs wait for: the company, and what is wanted. One at a time.
    pub fn ask(&mut self) -> Option<(Text, Wanted)> {
        if self.asked.is_some() || matches!(self.phase, Phase::Restoring | Phase::Redoing(_)) {
            return None;
        }
        let stored_below = self.keeper.wanted().high;
        for (name, company) in &mut self.companies {
            if let Some(wanted) = company.live.wanted(stored_below) {
                self.asked = Some(name.clone());
                return Some((name.clone(), wanted));
            }
        }
        None
    }

    /// What the store has of what was asked. Without intents an earlier owner may have stored what is still to be read here.
    pub fn answer(&mut self, legs: Vec<(Leg, Place)>) {
        let Some(name) = self.asked.take() else { return };
        let is_read =
            |at: &Place| self.rules.names_batches || at.partition != self.partition || at.position < self.next;
        if let Some(company) = self.companies.get_mut(&name) {
            company.live.answer(legs.into_iter().filter(|(_, at)| is_read(at)).map(|(leg, _)| leg));
        }
        // What waited for this is final by the next end.
        self.is_ended = false;
        self.is_answered = true;
        self.seal();
        self.go_on();
    }

    /// Calls that are stored, and that nothing concludes any more: the company and the name of each. The keys that they are stored
    /// with are wanted.
    #[must_use]
    pub fn left(&self) -> Option<&[(Text, Text)]> {
        match &self.phase {
            Phase::Leaving(left) => Some(left),
            _ => None,
        }
    }

    /// The keys of each of [`PartitionMachine::left`], in the same order. Their legs are asked for next.
    pub fn answer_left(&mut self, keys: Vec<Vec<u64>>) {
        let Phase::Leaving(left) = std::mem::replace(&mut self.phase, Phase::Running) else { return };
        for ((tenant, call_id), keys) in left.into_iter().zip(keys) {
            if let Some(company) = self.companies.get_mut(&tenant) {
                company.live.doubt(call_id, keys, self.next);
            }
        }
    }

    /// Nothing is open, on its way, or asked for.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.is_running()
            && self.kept.is_empty()
            && self.open.counts.records == 0
            && self.batches.is_empty()
            && self.asked.is_none()
            && self
                .companies
                .values()
                .all(|c| !c.live.is_waiting() && !c.live.counting().is_some_and(Counting::is_recounting))
    }

    /// Nothing is open or on its way, and the register says so; late legs may still wait.
    #[must_use]
    pub fn is_drained(&self) -> bool {
        self.open.counts.records == 0 && self.batches.is_empty() && self.keeper.is_settled()
    }

    /// [`PartitionMachine::end`] was called, and nothing came since.
    #[must_use]
    pub fn is_ended(&self) -> bool {
        self.is_ended
    }

    /// The store cannot be asked now.
    pub fn not_answered(&mut self) {
        if let Some(company) = self.asked.take().and_then(|name| self.companies.get_mut(&name)) {
            company.live.not_answered();
        }
    }

    /// Idle, and the register says so.
    #[must_use]
    pub fn is_settled(&self) -> bool {
        self.is_idle() && self.keeper.is_settled()
    }

    /// The next step of taking over, where nothing has to be waited for.
    fn go_on(&mut self) {
        let is_waiting = self.asked.is_some() || self.companies.values().any(|c| c.live.is_waiting());
        if !matches!(self.phase, Phase::Comparing) || is_waiting {
            return;
        }
        self.conclude_again();
        self.count_again(true);
        let events = std::mem::take(&mut self.events);
        let due = self.companies.values_mut().flat_map(|company| company.live.take_due()).collect();
        let mut conclusions = Conclusions { clock: self.clock, events, due, ..Conclusions::default() };
        let mut left = Vec::new();
        let (versions, epoch) = (&mut self.versions, self.keeper.wanted().epoch);
        for (tenant, comparing) in &mut self.comparing {
            let (differing, without) = comparing.end();
            for told in differing.into_iter().filter(|_| self.rules.compares_conclusions) {
                conclusions.take(tenant, told, versions, epoch);
            }
            // What was stored beyond the register's position is read first: see `should_look_again`.
            let without = without.into_iter().filter(|_| self.rules.names_batches);
            left.extend(without.map(|key| (tenant.clone(), key)));
        }
        self.leave(left, conclusions);
    }

    /// Rows of an earlier owner may have landed after everything was compared: an insert that it had sent can take as long as the
    /// server lets it. True until [`PartitionMachine::look_again`] was called.
    #[must_use]
    pub fn should_look_again(&self) -> bool {
        self.is_running() && !self.has_looked_again && (self.rules.names_batches || self.next >= self.stored_before)
    }

    /// What is stored, when no insert of an earlier owner can land any more: names that nothing concludes are gone.
    pub fn look_again(&mut self, stored: impl IntoIterator<Item = (Text, Known)>) {
        if !self.should_look_again() {
            return;
        }
        self.has_looked_again = true;
        let mut by_tenant: BTreeMap<Text, Vec<Known>> = BTreeMap::new();
        for (tenant, known) in stored {
            by_tenant.entry(tenant).or_default().push(known);
        }
        let mut left = Vec::new();
        for (tenant, comparing) in std::mem::take(&mut self.comparing) {
            let known = by_tenant.remove(&tenant).unwrap_or_default();
            let counting = self.companies.get_mut(&tenant).and_then(|company| company.live.counting_mut());
            if let Some(counting) = counting {
                let mixed = comparing.mixed(&known);
                mixed.iter().for_each(|key| counting.tell_again(key, self.next));
                // They are told by the next end, where the log has ended.
                self.is_ended &= mixed.is_empty();
            }
            let without = comparing.left(known);
            left.extend(without.into_iter().map(|key| (tenant.clone(), key)));
        }
        self.leave(left, Conclusions { clock: self.clock, ..Conclusions::default() });
    }

    /// Says of names that nothing concludes any more that they are gone: of follow-ups at once, of calls when their legs are here.
    fn leave(&mut self, left: Vec<(Text, Key)>, mut conclusions: Conclusions) {
        let mut calls = Vec::new();
        for (tenant, key) in left.into_iter().filter(|_| self.rules.compares_conclusions) {
            match key {
                Key::Call(call_id) => calls.push((tenant, call_id)),
                Key::Window(key) => {
                    if let Some(nothing) = WindowNow::nothing(&tenant, &key) {
                        let told = Conclusion::Window(Box::new(nothing));
                        conclusions.take(&tenant, told, &mut self.versions, self.keeper.wanted().epoch);
                    }
                }
                // Which call it belongs to now is said by the follow-up that has that call.
                Key::FollowUp(_) => conclusions.gone.push(Versioned {
                    told: (tenant, key, Text::default(), Before::Unknown),
                    version: self.versions.next(self.keeper.wanted().epoch, self.clock),
                    content: 0,
                }),
            }
        }
        self.phase = if calls.is_empty() { Phase::Running } else { Phase::Leaving(calls) };
        if !conclusions.is_empty() {
            self.put(false, conclusions);
        }
    }

    /// Draws conclusions that are compared with what is stored.
    fn conclude_again(&mut self) {
        self.legs_since = 0;
        for (tenant, company) in &mut self.companies {
            let comparing = self.comparing.entry(tenant.clone()).or_default();
            company.live.advance(self.clock);
            company.live.conclude(true, &mut |told| comparing.saw(told));
        }
        self.count_again(false);
    }

    /// Tells windows that are compared with what is stored; all of them, if nothing more is to be compared.
    fn count_again(&mut self, is_last: bool) {
        let recently = self.keeper.committed().clock.plus_ms(-LATE_RISE_MS);
        for (tenant, company) in &mut self.companies {
            let comparing = self.comparing.entry(tenant.clone()).or_default();
            company.live.count(is_last, &mut |told| comparing.saw(told));
            let Some(counting) = company.live.counting_mut() else { continue };
            self.events.extend(counting.events().into_iter().filter(|event| event.at() >= recently));
            if is_last {
                counting.restored();
            }
        }
    }

    /// Draws conclusions that are to be stored; with all that is open as if the log ended here, if it does.
    fn conclude(&mut self, is_end: bool) -> Conclusions {
        self.legs_since = 0;
        // Before it is looked again, what an earlier owner sent may be on its way.
        let may_stand_elsewhere = !self.has_looked_again && !self.is_first;
        let mut conclusions = Conclusions { may_stand_elsewhere, clock: self.clock, ..Conclusions::default() };
        for (tenant, company) in &mut self.companies {
            let (versions, epoch, clock) = (&mut self.versions, self.keeper.wanted().epoch, self.clock);
            let mut comparing = self.comparing.get_mut(tenant);
            let mut emit = |told: Conclusion| {
                if let Some(comparing) = &mut comparing {
                    comparing.told(&told);
                }
                conclusions.take(tenant, told, versions, epoch);
            };
            company.live.advance(clock);
            company.live.conclude(true, &mut emit);
            if is_end {
                company.live.end(&mut emit);
            }
            company.live.count(is_end, &mut emit);
            conclusions.due.extend(company.live.take_due());
            conclusions.events.extend(company.live.counting_mut().map(Counting::events).unwrap_or_default());
        }
        conclusions
    }

    /// Windows that are to be counted again with what is stored, if there are any that can be, and of which company. One question at a
    /// time.
    pub fn recount(&mut self) -> Option<(Text, Recount)> {
        if !self.is_running() || self.recounting.is_some() {
            return None;
        }
        let stored_below = self.keeper.wanted().high;
        let mut live = self.companies.iter_mut().map(|(tenant, company)| (tenant, &mut company.live));
        let (tenant, recount) = live.find_map(|(tenant, live)| Some((tenant.clone(), live.recount(stored_below)?)))?;
        self.recounting = Some(tenant.clone());
        Some((tenant, recount))
    }

    /// These windows as the stored calls have them. `None`: the store cannot be asked now.
    pub fn recounted(&mut self, windows: Option<Vec<WindowNow>>) {
        let live = self.recounting.take().and_then(|name| self.companies.get_mut(&name)).map(|c| &mut c.live);
        if let Some(counting) = live.and_then(Live::counting_mut) {
            counting.recounted(windows);
        }
        self.is_answered = true;
        self.seal();
    }
}

/// Stored legs after which conclusions are drawn, so that calls that are over do not fill the memory.
const LEGS_PER_CONCLUSION_MAX: usize = 10_000;

/// Records of an open batch that are many.
const RECORDS_MANY: u32 = 50;

/// What a call's line takes of memory, about.
const BYTES_PER_CALL: usize = 2048;

impl<F: Facts> Open<F> {
    fn at(first: u64) -> Open<F> {
        Open { facts: F::default(), counts: Counts::default(), first, logged_at: Moment(0), since: None }
    }
}
