//! Two processes, a broker and a database, in which everything that can go wrong goes wrong at the moments that a seed chooses.

use std::collections::{BTreeMap, BTreeSet};

use adapters::leg::{Moment, Text};
use calls::line::FollowUpStatus;
use calls::live::Wanted;
use stream::keeper::CommitOutcome;
use stream::machine::Limits;
use stream::redo::{self, Redo};
use stream::{Assigned, Conclusions, LogRecord, PartitionMachine, Rules, Stop, Tenants};

use super::broker::{Broker, Committing};
use super::database::{Database, Rows, Sent, WINDOW};
use super::log::Logged;
use super::random::Random;

const NEWER: &[u8] = b"ringback=2 and what a later version needs";

/// A commit or an insert on its way; `life` is the one that sent it, and gets the answer if it still lives.
enum Wire {
    Commit(u64, Committing),
    Facts(u64, u64, Sent),
    Conclusions(u64, u64, Conclusions),
}

/// One process in one of its lives.
struct Process<'t> {
    life: u64,
    generation: Option<u64>,
    machine: PartitionMachine<'t, Rows>,
    read: u64,
    commit_out: Option<u64>,
    asked: Option<(Text, Wanted)>,
    /// Conclusions that wait for the facts of the same step.
    waiting: Vec<(u64, Conclusions)>,
    ended: bool,
}

pub struct World<'t> {
    random: Random,
    rules: Rules,
    tenants: &'t Tenants,
    log: &'t [Logged],
    visible: u64,
    now: Moment,
    broker: Broker,
    pub database: Database,
    processes: [Option<Process<'t>>; 2],
    wire: Vec<Wire>,
    lives: u64,
    commits: u64,
    /// The lowest and the highest version that each life told.
    versions: BTreeMap<u64, (u64, u64)>,
    /// Follow-ups that were told as due.
    pub due: BTreeSet<Text>,
    /// The log's clock in the end.
    pub clock: Moment,
    /// What was committed before somebody took it away.
    taken_away: Option<Vec<u8>>,
    is_calm: bool,
    leapt_ms: i64,
    pub seen: Seen,
}

/// What the seed brought about.
#[derive(Default, Debug, Clone, Copy)]
pub struct Seen {
    pub restarts: u64,
    pub takeovers: u64,
    pub unknown_commits: u64,
    pub refused_commits: u64,
    pub redone: u64,
    pub resent: u64,
    pub questions: u64,
    pub recounts: u64,
    /// Follow-ups that people settled, and that were told as due.
    pub by_hand: u64,
    pub due: u64,
    pub stops: u64,
    /// Legs that are there more than once.
    pub doubled: u64,
}

impl<'t> World<'t> {
    pub fn new(seed: u64, rules: Rules, tenants: &'t Tenants, log: &'t [Logged]) -> World<'t> {
        let mut random = Random::of(seed);
        let mut broker = Broker::default();
        let is_floor = !rules.names_batches;
        let mut database = Database::default();
        database.takes_doubles = is_floor;
        if random.one_in(5) && !is_floor {
            broker.committed = Some(NEWER.to_vec());
        }
        World {
            random,
            rules,
            tenants,
            log,
            visible: 0,
            now: Moment(0),
            broker: Broker { takes_all: is_floor, ..broker },
            database,
            processes: [None, None],
            wire: Vec::new(),
            lives: 0,
            commits: 0,
            versions: BTreeMap::new(),
            due: BTreeSet::new(),
            clock: Moment(0),
            taken_away: None,
            is_calm: false,
            leapt_ms: 0,
            seen: Seen::default(),
        }
    }

    /// Everything, to the end: first with faults, then in calm until all is stored.
    pub fn run(&mut self) -> Result<(), String> {
        let mut steps = 0;
        while self.visible < self.log.len() as u64 || self.seen.restarts < 3 {
            self.step()?;
            steps += 1;
            if steps > 200_000 {
                return Err("the log is not read".into());
            }
        }
        for _ in 0..600 {
            self.step()?;
        }
        self.is_calm = true;
        for _ in 0..20_000 {
            self.step()?;
            let settled = self.processes.iter().flatten().find(|p| {
                p.ended
                    && !p.machine.should_look_again()
                    && p.machine.is_settled()
                    && p.machine.next() == self.visible
                    && p.waiting.is_empty()
            });
            if let Some(process) = settled.filter(|_| self.wire.is_empty()) {
                self.clock = process.machine.clock();
                return self.check_register();
            }
        }
        Err("it does not come to an end in calm".into())
    }

    fn step(&mut self) -> Result<(), String> {
        let which = self.random.below(2) as usize;
        match self.random.below(if self.is_calm { 60 } else { 100 }) {
            0..12 => self.append(),
            12..24 => self.poll(which),
            24..30 => self.tick(which),
            30..42 => self.work(which),
            42..56 => self.deliver(),
            56..60 => self.start(which),
            60..63 => {
                self.crash(which);
                Ok(())
            }
            63..65 => self.take_over(which),
            65..67 => self.no_answer(which),
            67 => self.take_the_register_away(),
            68..70 => {
                // The server forgets tokens only after longer than an insert may last, and a session.
                let owner = self.broker.owner;
                let is_stale = |p: &Process<'_>| owner != Some(p.life as usize);
                if !self.wire.iter().any(|w| matches!(w, Wire::Facts(..)))
                    && !self.processes.iter().flatten().any(is_stale)
                {
                    self.database.forget_tokens();
                }
                Ok(())
            }
            70..84 => self.tick(which),
            _ => self.work(which),
        }
    }

    fn append(&mut self) -> Result<(), String> {
        let more = 1 + self.random.below(12);
        self.visible = (self.visible + more).min(self.log.len() as u64);
        if let Some(last) = self.log.get((self.visible as usize).saturating_sub(1)) {
            self.now = self.now.max(last.logged_at);
        }
        Ok(())
    }

    fn start(&mut self, which: usize) -> Result<(), String> {
        if self.processes[which].is_some() || self.is_calm && self.processes[1 - which].is_some() {
            return Ok(());
        }
        self.lives += 1;
        let life = self.lives;
        let generation = self.broker.assign(life as usize);
        let register = match self.broker.committed.clone() {
            Some(text) if !self.rules.names_batches => Some(self.register_of_offset(&text)?),
            register => register,
        };
        let assigned = Assigned {
            partition: 0,
            partitions: 1,
            register: register.as_deref(),
            first: 0,
            next: self.visible,
            settings: 7,
        };
        let limits = Limits {
            legs_per_batch_max: 1 + self.random.below(40) as usize,
            bytes_in_flight_max: 20_000 + self.random.below(100_000) as usize,
            ..Limits::default()
        };
        let ledger = self.database.ledger();
        let mut machine = match PartitionMachine::assigned(&assigned, ledger, self.tenants, limits, self.rules) {
            Ok(machine) => machine,
            Err(stop) => {
                self.seen.stops += 1;
                self.broker.leave();
                return self.operator(&stop);
            }
        };
        for known in self.database.known() {
            machine.known("main", known);
        }
        if !self.rules.names_batches {
            // A start takes its time.
            machine.conclude_above(self.now.plus_ms(10 * life as i64));
        }
        for (value, place) in self.database.said.range(..(machine.high(), 0)).map(|(_, said)| said) {
            machine.stored_mark("main", "", stream::tenant::OURS, value, place.logged_at);
        }
        let stored: Vec<_> = self
            .database
            .below(machine.high())
            .map(|(leg, place)| (leg.clone(), place.logged_at, place.position))
            .collect();
        for (leg, logged_at, position) in stored {
            machine.stored_leg(leg, logged_at, position);
        }
        machine.restored();
        let read = machine.read_from();
        self.processes[which] = Some(Process {
            life,
            generation: Some(generation),
            machine,
            read,
            commit_out: None,
            asked: None,
            waiting: Vec::new(),
            ended: false,
        });
        Ok(())
    }

    /// Brokers that keep nothing beside an offset give only that; what the tables tell of its time is all there is.
    fn register_of_offset(&self, text: &[u8]) -> Result<Vec<u8>, String> {
        let high = stream::Register::from_text(text).map_err(|why| format!("{why:?}"))?.high;
        let clock = self.database.clock(high);
        Ok(stream::Register { clock, ..stream::Register::new(0, high, 7, 1) }.text().into_bytes())
    }

    /// Whoever is told why it stopped mends what was broken from outside; nothing else may stop.
    fn operator(&mut self, stop: &Stop) -> Result<(), String> {
        match stop {
            Stop::Register(stream::register::Unreadable::NewerFormat(2)) => {
                self.broker.committed = None;
                Ok(())
            }
            Stop::RegisterLost { .. } | Stop::RegisterBehind { .. } if self.taken_away.is_some() => {
                self.broker.committed = self.taken_away.take();
                Ok(())
            }
            other => Err(format!("stopped: {other}")),
        }
    }

    fn crash(&mut self, which: usize) {
        if let Some(process) = self.processes[which].take() {
            self.seen.restarts += 1;
            // What it had given to its socket arrives, or does not.
            let (life, random) = (process.life, &mut self.random);
            self.wire.retain(|w| match w {
                Wire::Commit(of, _) | Wire::Facts(of, ..) | Wire::Conclusions(of, ..) => {
                    *of != life || random.one_in(2)
                }
            });
            if self.broker.owner == Some(process.life as usize) && self.random.one_in(2) {
                self.broker.leave();
            }
        }
    }

    /// The group gives the partition to the other process, and this one does not know yet.
    fn take_over(&mut self, which: usize) -> Result<(), String> {
        if self.processes[which].is_some() || self.processes[1 - which].is_none() {
            return Ok(());
        }
        self.seen.takeovers += 1;
        self.start(which)
    }

    /// Somebody resets the group's offsets with a tool.
    fn take_the_register_away(&mut self) -> Result<(), String> {
        let has_commit = self.wire.iter().any(|w| matches!(w, Wire::Commit(..)));
        if self.processes.iter().all(Option::is_none)
            && !has_commit
            && self.taken_away.is_none()
            && self.database.batches.len() > 3
        {
            self.taken_away = self.broker.committed.take();
        }
        Ok(())
    }

    fn poll(&mut self, which: usize) -> Result<(), String> {
        let Some(process) = &mut self.processes[which] else { return Ok(()) };
        if self.broker.owner != Some(process.life as usize) {
            // One that was frozen, or whose heartbeat has not come, does not know yet.
            if !self.is_calm && !self.random.one_in(4) {
                return Ok(());
            }
            // Revoked: the machine goes, and what is on its way stays on its way.
            self.processes[which] = None;
            return Ok(());
        }
        process.generation = Some(self.broker.generation);
        if process.commit_out.is_none() {
            process.machine.still_assigned();
        }
        let many = 1 + self.random.below(20);
        for _ in 0..many {
            if process.read >= self.visible || !process.machine.wants_records() {
                break;
            }
            let offset = process.read;
            let logged = &self.log[offset as usize];
            let record = LogRecord {
                offset,
                logged_at: logged.logged_at,
                tenant: logged.tenant,
                // What the engine writes itself is of no exchange.
                pbx: if logged.adapter == stream::tenant::OURS { "" } else { "main" },
                adapter: logged.adapter,
                source: b"log/0",
                position: stream::tenant::position(offset, offset),
                bytes: &logged.bytes,
                too_long: None,
            };
            process.read += 1;
            if let Err(stop) = process.machine.record(&record, self.now) {
                return Err(format!("at {offset}: {stop}"));
            }
        }
        Ok(())
    }

    fn tick(&mut self, which: usize) -> Result<(), String> {
        let leap = match self.random.below(24) {
            // Beyond the moment at which follow-ups expire, and once: what is older than eight days is not held in memory.
            0..3 if self.leapt_ms == 0 => 7 * 86_400_000 + 3_600_000,
            3..5 if self.leapt_ms < 7 * 86_400_000 + 4 * 3_600_000 => 2 * 3_600_000,
            n => n as i64 * 500,
        };
        let Some(process) = &mut self.processes[which] else { return Ok(()) };
        let life = process.life;
        let of_others = |w: &Wire| match w {
            Wire::Commit(of, _) | Wire::Facts(of, ..) | Wire::Conclusions(of, ..) => *of != life,
        };
        if process.machine.should_look_again() && !self.wire.iter().any(of_others) {
            process.machine.look_again(self.database.known().into_iter().map(|known| ("main".into(), known)));
        }
        let is_caught_up = process.read >= self.visible;
        if is_caught_up {
            self.now = self.now.plus_ms(leap);
            self.leapt_ms += if leap >= 3_600_000 { leap } else { 0 };
        }
        let log_now = is_caught_up.then_some(self.now);
        if process.machine.read_kept(self.now).is_err() {
            return Err("a kept record is of another log".into());
        }
        process.machine.tick(self.now, log_now);
        // It is to stop, and stores what it has read.
        if self.random.one_in(10) {
            process.machine.drain();
        }
        if self.is_calm && is_caught_up && process.machine.is_idle() {
            process.machine.end();
            process.ended = true;
        }
        Ok(())
    }

    fn work(&mut self, which: usize) -> Result<(), String> {
        let Some(process) = &mut self.processes[which] else { return Ok(()) };
        let life = process.life;
        let all = self.is_calm || self.random.one_in(4);
        if process.commit_out.is_none()
            && let Some(register) = process.machine.commit(all)
        {
            self.commits += 1;
            process.commit_out = Some(self.commits);
            let text = register.text().into_bytes();
            let commit = Committing { generation: process.generation, text, id: self.commits };
            self.wire.push(Wire::Commit(life, commit));
        }
        if let Some(insert) = process.machine.insert() {
            let expected = u64::from(insert.counts.legs + insert.counts.marks + insert.counts.rejects);
            let mut facts = insert.facts;
            if insert.is_redo {
                self.seen.redone += 1;
                let found = self.database.count(insert.first, insert.next);
                match redo::decide(found, expected, 0, WINDOW as u64) {
                    Redo::Done if self.database.batches.contains_key(&(insert.first, insert.next)) => facts = None,
                    Redo::Done | Redo::Send => {}
                    Redo::Stop => return Err("a part of a batch is stored".into()),
                }
            }
            match facts {
                Some(rows) => {
                    let mut token = format!("{}/legs/log/0/{}-{}", insert.epoch, insert.first, insert.next);
                    if !self.rules.names_batches {
                        token = format!("once/{life}/{}", insert.number);
                    }
                    let sent = Sent { token, first: insert.first, next: insert.next, rows };
                    process.waiting.push((insert.number, insert.conclusions));
                    self.wire.push(Wire::Facts(life, insert.number, sent));
                }
                None if self.broker.owner == Some(life as usize) => {
                    self.wire.push(Wire::Conclusions(life, insert.number, insert.conclusions));
                }
                None => {}
            }
        }
        if process.asked.is_none() {
            process.asked = process.machine.ask();
            self.seen.questions += u64::from(process.asked.is_some());
        }
        if let Some((_, wanted)) = process.asked.take() {
            if self.random.one_in(3) {
                process.asked = Some((Text::default(), wanted));
            } else {
                process.machine.answer(self.database.wanted(&wanted));
            }
        }
        if let Some((tenant, recount)) = process.machine.recount() {
            self.seen.recounts += 1;
            let counted = self.tenants.get(&tenant).filter(|_| !self.random.one_in(3));
            let counted = counted.map(|directory| self.database.recount(recount, directory));
            process.machine.recounted(counted);
        }
        if let Some(left) = process.machine.left() {
            let keys = left.iter().map(|(_, call_id)| self.database.keys_of_call(call_id)).collect();
            process.machine.answer_left(keys);
        }
        Ok(())
    }

    fn alive(&mut self, life: u64) -> Option<usize> {
        self.processes.iter().position(|p| p.as_ref().is_some_and(|p| p.life == life))
    }

    fn deliver(&mut self) -> Result<(), String> {
        if self.wire.is_empty() {
            return Ok(());
        }
        let index = self.random.below(self.wire.len() as u64) as usize;
        let loses_answer = !self.is_calm && self.random.one_in(8);
        match self.wire.swap_remove(index) {
            Wire::Commit(life, commit) => {
                if !self.rules.names_batches
                    && stream::Register::from_text(&commit.text).is_ok_and(|r| !r.pending.is_empty())
                {
                    return Err("a batch is named, and nobody keeps it".into());
                }
                let was_newer = self.broker.committed.as_deref() == Some(NEWER);
                let is_stored = self.broker.commit(&commit);
                if was_newer && is_stored {
                    return Err("a register of a newer format was overwritten".into());
                }
                if is_stored {
                    self.check_register()?;
                }
                let Some(which) = self.alive(life) else { return Ok(()) };
                let Some(process) = &mut self.processes[which] else { return Ok(()) };
                if process.commit_out != Some(commit.id) {
                    return Ok(());
                }
                process.commit_out = None;
                let outcome = if loses_answer {
                    self.seen.unknown_commits += 1;
                    CommitOutcome::Unknown("no answer".into())
                } else if is_stored {
                    CommitOutcome::Stored
                } else {
                    self.seen.refused_commits += 1;
                    // The client forgets its generation with a refusal.
                    process.generation = None;
                    CommitOutcome::Refused("illegal generation".into())
                };
                if process.machine.committed(outcome).is_err() {
                    self.crash(which);
                }
            }
            Wire::Facts(life, number, sent) => {
                self.database.insert(&sent)?;
                if loses_answer {
                    // The same bytes again, and again.
                    self.seen.resent += 1;
                    if self.alive(life).is_some() {
                        self.wire.push(Wire::Facts(life, number, sent));
                    }
                    return Ok(());
                }
                let Some(which) = self.alive(life) else { return Ok(()) };
                let Some(process) = &mut self.processes[which] else { return Ok(()) };
                if let Some(at) = process.waiting.iter().position(|(n, _)| *n == number) {
                    let (_, conclusions) = process.waiting.swap_remove(at);
                    // Conclusions have no token: they are sent only while the session cannot have expired.
                    if self.broker.owner == Some(life as usize) {
                        self.wire.push(Wire::Conclusions(life, number, conclusions));
                    }
                }
            }
            Wire::Conclusions(life, number, conclusions) => {
                // What a process that is gone had not sent is gone with it, or arrives late.
                if self.alive(life).is_none() && self.random.one_in(2) {
                    return Ok(());
                }
                self.check_clock(&conclusions)?;
                self.check_due(&conclusions)?;
                self.check_versions(life, &conclusions)?;
                self.database.conclude(&conclusions)?;
                if let Some(which) = self.alive(life)
                    && let Some(process) = &mut self.processes[which]
                {
                    process.machine.stored(number);
                }
            }
        }
        Ok(())
    }

    /// The client gives up waiting for the answer to its commit, which is on its way still.
    fn no_answer(&mut self, which: usize) -> Result<(), String> {
        let Some(process) = &mut self.processes[which] else { return Ok(()) };
        if process.commit_out.take().is_none() {
            return Ok(());
        }
        self.seen.unknown_commits += 1;
        if process.machine.committed(CommitOutcome::Unknown("timed out".into())).is_err() {
            self.crash(which);
        }
        Ok(())
    }

    /// A successor begins with the register's time: what was told of a later one it would take back.
    fn check_clock(&self, conclusions: &Conclusions) -> Result<(), String> {
        let register = self.broker.committed.as_deref().and_then(|text| stream::Register::from_text(text).ok());
        match register {
            Some(register) if self.rules.names_batches && register.clock < conclusions.clock => {
                Err(format!("told at {}, when the register's time is {}", conclusions.clock.0, register.clock.0))
            }
            _ => Ok(()),
        }
    }

    /// What is told as due is.
    fn check_due(&mut self, conclusions: &Conclusions) -> Result<(), String> {
        for due in &conclusions.due {
            if due.line.status != FollowUpStatus::Open || due.line.due_at.is_none_or(|at| at > conclusions.clock) {
                return Err(format!("told as due at {}: {due:?}", conclusions.clock.0));
            }
            self.due.insert(due.line.id.clone());
        }
        Ok(())
    }

    /// What a process sent counts less than what a later one sends, whichever of them lands first.
    fn check_versions(&mut self, life: u64, conclusions: &Conclusions) -> Result<(), String> {
        let calls = conclusions.calls.iter().map(|told| told.version);
        let gone = conclusions.gone.iter().map(|told| told.version);
        let follow_ups = conclusions.follow_ups.iter().map(|told| told.version);
        let windows = conclusions.windows.iter().map(|told| told.version);
        let versions = || calls.clone().chain(gone.clone()).chain(follow_ups.clone()).chain(windows.clone());
        let (Some(lowest), Some(highest)) = (versions().min(), versions().max()) else { return Ok(()) };
        let told = self.versions.entry(life).or_insert((lowest, highest));
        *told = (told.0.min(lowest), told.1.max(highest));
        let before = self.versions.range(..life).map(|(_, (_, highest))| *highest).max();
        let after = self.versions.range(life + 1..).map(|(_, (lowest, _))| *lowest).min();
        match before.is_some_and(|before| before >= lowest) || after.is_some_and(|after| after <= highest) {
            true => {
                Err(format!("life {life} told {lowest} to {highest}, and others {before:?} before and {after:?} after"))
            }
            false => Ok(()),
        }
    }

    /// What the register says is stored is.
    fn check_register(&self) -> Result<(), String> {
        let Some(text) = self.broker.committed.as_deref().filter(|t| *t != NEWER) else { return Ok(()) };
        let register = stream::Register::from_text(text).map_err(|why| format!("{why:?}"))?;
        let mut at = 0;
        for (first, next) in self.database.batches.keys() {
            if *first > at {
                break;
            }
            at = at.max(*next);
        }
        if register.high > at {
            return Err(format!("the register says that all below {} is stored, but only {at} is", register.high));
        }
        Ok(())
    }
}
