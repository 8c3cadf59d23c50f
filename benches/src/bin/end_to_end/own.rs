//! The engine's own part, in one thread and without a broker or a database: the machine of a partition as a whole, then its steps
//! one by one over the same records.

use adapters::leg::{EndKind, Moment};
use adapters::{Leg, Legs};
use benches::cpu::thread_ns;
use calls::live::{self, Conclusion, Live};
use calls::window::Kept;
use calls::{Site, Windows};
use directory::Directory;
use generator::{Generator, Row};
use store::{ConclusionRows, FactsBuilder, Store};
use stream::keeper::CommitOutcome;
use stream::{Assigned, Facts, Ledger, Limits, LogRecord, PartitionMachine, Place, Rules, Tenants};
use tokio::runtime::Runtime;

use crate::facts::{Reading, batch, place};
use crate::wire;
use crate::world::{PBX, TOPIC};

/// Legs of a batch: about what a second brings.
const LEGS_PER_BATCH: usize = 50_000;

/// Records of one turn, after which everything else is looked at.
const RECORDS_PER_TURN: usize = 1000;

/// What each step took, in nanoseconds of CPU for a leg.
#[derive(Default)]
pub struct Steps {
    pub adapter: f64,
    pub facts: f64,
    pub seal: f64,
    pub push: f64,
    pub conclude: f64,
    pub windows: f64,
    /// Of the calls' numbers, a part of `conclude`.
    pub numbers: f64,
    /// The machine with all of the above, but for what is drawn from it afterwards.
    pub machine: f64,
    /// Conclusions to blocks, and these to a database that says yes.
    pub conclusions: f64,
    pub calls_per_leg: f64,
}

impl Steps {
    /// Everything that is the engine's own, without the look-up of numbers.
    pub fn own(&self) -> f64 {
        self.machine - self.numbers
    }
}

/// Measures both over the same records.
pub fn steps(mut generator: Generator) -> Steps {
    let directory = Directory::from_toml(generator.site_toml()).expect("the site file");
    let mut rows: Vec<Row> = Vec::new();
    while let Some(row) = generator.next() {
        generator.take_truth();
        rows.push(row);
    }
    let mut steps = Steps::default();
    let legs = one_by_one(&rows, &directory, &mut steps);
    whole(&rows, directory, &mut steps);
    let each = [
        &mut steps.adapter,
        &mut steps.facts,
        &mut steps.seal,
        &mut steps.push,
        &mut steps.conclude,
        &mut steps.windows,
        &mut steps.numbers,
        &mut steps.machine,
        &mut steps.conclusions,
        &mut steps.calls_per_leg,
    ];
    each.into_iter().for_each(|sum| *sum /= legs as f64);
    steps
}

fn record<'r>(row: &'r Row, offset: u64, tenant: &'r str) -> LogRecord<'r> {
    LogRecord {
        offset,
        logged_at: row.at,
        tenant,
        pbx: &row.pbx,
        adapter: row.adapter,
        source: TOPIC.as_bytes(),
        position: stream::tenant::position(offset, offset),
        bytes: row.bytes.strip_suffix(b"\n").unwrap_or(&row.bytes),
        too_long: None,
    }
}

/// Adds what a step takes to its sum.
fn timed<T>(sum: &mut f64, step: impl FnOnce() -> T) -> T {
    let before = thread_ns();
    let done = step();
    *sum += (thread_ns() - before) as f64;
    done
}

fn one_by_one(rows: &[Row], directory: &Directory, steps: &mut Steps) -> usize {
    let mut reading = Reading::of(directory);
    let windows = Windows::new(Kept::default(), directory).expect("no limits");
    let mut live = Live::new(Site::new(directory), false, live::Limits::default()).counted(windows);
    let mut numbers = directory.numbers(PBX);
    let mut facts = FactsBuilder::default();
    let mut out = Legs::default();
    let (mut first, mut total) = (0, 0);
    for chunk in rows.chunks(LEGS_PER_BATCH) {
        let records: Vec<LogRecord<'_>> =
            (first..).zip(chunk).map(|(offset, row)| record(row, offset, directory.tenant())).collect();
        let Some(last) = records.last().copied() else { break };
        let legs: Vec<(Leg, Place)> = timed(&mut steps.adapter, || {
            let mut legs = Vec::with_capacity(records.len());
            for record in &records {
                reading.read(record, &mut out);
                let place = place(record);
                legs.extend(out.legs.drain(..).zip(0..).map(|(leg, part)| (leg, Place { part, ..place })));
            }
            legs
        });
        total += legs.len();
        timed(&mut steps.facts, || legs.iter().for_each(|(leg, place)| facts.leg(leg, *place)));
        timed(&mut steps.seal, || std::hint::black_box(facts.seal(&batch(first, &last)).bytes()));
        timed(&mut steps.numbers, || {
            let outside = |leg: &&Leg| leg.from.kind == EndKind::Outside;
            for leg in legs.iter().map(|(leg, _)| leg).filter(outside) {
                std::hint::black_box((numbers.e164(&leg.from.number), numbers.e164(&leg.did)));
            }
            for end in legs.iter().filter_map(|(leg, _)| leg.to.as_ref()).filter(|end| end.kind == EndKind::Outside) {
                std::hint::black_box(numbers.e164(&end.number));
            }
        });
        timed(&mut steps.push, || {
            for (leg, place) in legs {
                live.push(leg, place.logged_at, place.position);
            }
        });
        let calls = timed(&mut steps.conclude, || {
            let mut calls = 0;
            live.advance(last.logged_at);
            live.conclude(true, &mut |told| calls += u64::from(matches!(told, Conclusion::Call { .. })));
            calls
        });
        steps.calls_per_leg += calls as f64;
        timed(&mut steps.windows, || live.count(false, &mut |told| drop(std::hint::black_box(told))));
        first = last.offset + 1;
    }
    total
}

fn whole(rows: &[Row], directory: Directory, steps: &mut Steps) {
    let tenant = directory.tenant().to_owned();
    let tenants = Tenants::of(directory).expect("no limits");
    let next = rows.len() as u64;
    let assigned = Assigned { partition: 0, partitions: 1, register: None, first: 0, next, settings: 1 };
    let limits = Limits { legs_per_batch_max: LEGS_PER_BATCH, ..Limits::default() };
    let machine =
        PartitionMachine::<FactsBuilder>::assigned(&assigned, Ledger::default(), &tenants, limits, Rules::ALL);
    let mut machine = machine.unwrap_or_else(|stop| panic!("{stop}"));
    machine.restored();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let store = Store::at(&wire::nowhere(), "default");
    let now = Moment(0);
    machine.tick(now, None);
    machine.look_again([]);
    let mut offsets = 0..;
    for turn in rows.chunks(RECORDS_PER_TURN) {
        timed(&mut steps.machine, || {
            for (row, offset) in turn.iter().zip(&mut offsets) {
                machine.record(&record(row, offset, &tenant), now).unwrap_or_else(|stop| panic!("{stop}"));
            }
        });
        acknowledge(&mut machine, now, steps, &store, &runtime);
    }
    timed(&mut steps.machine, || machine.end());
    acknowledge(&mut machine, now, steps, &store, &runtime);
}

/// Answers everything that the machine asks: commits and inserts are done, and of late legs the store has nothing.
fn acknowledge(
    machine: &mut PartitionMachine<'_, FactsBuilder>,
    now: Moment,
    steps: &mut Steps,
    store: &Store,
    runtime: &Runtime,
) {
    let inserts = timed(&mut steps.machine, || {
        machine.tick(now, None);
        if machine.commit(true).is_some() {
            machine.committed(CommitOutcome::Stored).unwrap_or_else(|stop| panic!("{stop}"));
        }
        let (mut inserts, mut is_full) = (Vec::new(), false);
        while let Some(mut insert) = machine.insert() {
            if let Some(facts) = &mut insert.facts {
                let batch = store::Batch {
                    epoch: insert.epoch,
                    topic: TOPIC,
                    partition: 0,
                    first: insert.first,
                    next: insert.next,
                    records: u64::from(insert.counts.records),
                    headers: 0,
                    settings: 1,
                    sealed_at: insert.sealed_at,
                };
                std::hint::black_box(facts.seal(&batch).bytes());
            }
            machine.stored(insert.number);
            is_full |= insert.counts.legs as usize >= LEGS_PER_BATCH;
            inserts.push(insert.conclusions);
        }
        // An answer seals what is open: as often as a database would answer, and not after every turn.
        if is_full && machine.ask().is_some() {
            machine.answer(Vec::new());
        }
        inserts
    });
    for conclusions in inserts {
        timed(&mut steps.conclusions, || {
            runtime.block_on(store.write_conclusions(&ConclusionRows::of(conclusions))).expect("taken");
        });
    }
}
