//! The world of these tests: what was concluded, as the store was told it and as it stands in the end.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::LazyLock;

use adapters::leg::{Leg, Moment, Text};
use adapters::reader::Reader;
use adapters::{Legs, pbx};
use calls::assemble::stored_keys;
use calls::customers::FollowUp;
use calls::live::{Conclusion, Limits, Live};
use calls::{CallLine, Site};
use directory::Directory;
use store::{CallRow, ConclusionRows, FollowUpRow, MergedRow, Stood, Store};
use stream::Conclusions;
use tempfile::TempDir;
use tokio::runtime::Runtime;

use crate::{Database, folder, start};

/// Conclusions are told every so many legs.
const LEGS_PER_STEP: usize = 5;

pub struct World {
    pub store: Store,
    pub directory: Directory,
    pub tenant: String,
    /// An hour after the last call began.
    pub now: Moment,
    /// Every call as it is in the end, by id, with its follow-up.
    pub calls: BTreeMap<String, CallLine>,
    /// Every follow-up as it is in the end, by id.
    pub follow_ups: BTreeMap<String, FollowUp>,
    /// Names that are no calls any more.
    pub gone: Vec<String>,
    /// How many calls were told at different quarters of an hour.
    pub moved: usize,
    /// How many follow-ups were told again since calls of theirs had moved, and how many have another name since.
    pub owed_again: (usize, usize),
    pub database: Database,
    _folder: TempDir,
}

/// What a conclusion changes, beside what the store is told.
#[derive(Default)]
struct Told {
    calls: BTreeMap<String, CallLine>,
    follow_ups: BTreeMap<String, FollowUp>,
    gone: Vec<String>,
    begun: BTreeMap<String, Vec<i64>>,
    owed_again: (usize, usize),
}

impl Told {
    fn take(&mut self, conclusion: &Conclusion) {
        match conclusion {
            Conclusion::Call { line, .. } => self.call(line),
            Conclusion::Gone { call_id, .. } => {
                self.calls.remove(call_id.as_str());
                self.gone.push(call_id.to_string());
            }
            Conclusion::FollowUp { told, .. } if told.merged_into.is_some() => {
                self.follow_ups.remove(told.line.id.as_str());
            }
            Conclusion::FollowUp { told, .. } => {
                self.follow_ups.insert(told.line.id.to_string(), (**told).clone());
            }
            Conclusion::Window(_) => {}
        }
    }

    fn call(&mut self, line: &CallLine) {
        let id = line.call_id.to_string();
        self.gone.retain(|gone| *gone != id);
        self.begun.entry(id.clone()).or_default().push(line.started_at.0.div_euclid(900_000));
        self.calls.insert(id, line.clone());
    }
}

impl World {
    pub fn made() -> World {
        let folder = folder();
        let database = start(folder.path());
        let store = Store::at(&database.url, "default");
        wait(store.migrate()).expect("tables");
        let (directory, legs) = corpus();
        let tenant = directory.tenant().to_owned();
        let mut told = Told::default();
        let mut version = 1_000;
        tell(&store, &directory, &disordered(legs), &mut told, &mut version);
        change(&store, &tenant, &mut told, &mut version);

        let now = told.calls.values().map(|line| line.started_at).max().expect("calls").plus_ms(3_600_000);
        for follow_up in told.follow_ups.values() {
            for id in &follow_up.calls {
                if let Some(line) = told.calls.get_mut(id.as_str()) {
                    line.follow_up = Some(follow_up.line.clone());
                }
            }
        }
        let moved = told.begun.values().filter(|begun| begun.iter().any(|at| *at != begun[0])).count();
        World {
            store,
            directory,
            tenant,
            now,
            calls: told.calls,
            follow_ups: told.follow_ups,
            gone: told.gone,
            moved,
            owed_again: told.owed_again,
            database,
            _folder: folder,
        }
    }

    /// All calls in the order in which a view shows them: the latest first.
    pub fn latest_first(&self) -> Vec<&CallLine> {
        let mut lines: Vec<&CallLine> = self.calls.values().collect();
        lines.sort_by(|a, b| (b.started_at, &b.call_id).cmp(&(a.started_at, &a.call_id)));
        lines
    }
}

pub fn wait<T>(what: impl Future<Output = T>) -> T {
    // One runtime for all: the client keeps its connections, which belong to the runtime that made them.
    static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| Runtime::new().expect("a runtime"));
    RUNTIME.block_on(what)
}

/// The legs of every scenario of the corpus that has this file, as the exchange told them.
fn corpus() -> (Directory, Vec<Leg>) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("calls/tests/corpus");
    let site = fs::read_to_string(root.join("site.toml")).expect("a site file");
    let directory = Directory::from_toml(&site).expect("a site");
    let adapter = pbx::named("asterisk_cdr").expect("an adapter");
    let settings = calls::settings::settings(&directory, directory.first_pbx().id.as_str(), "asterisk_cdr");
    let mut scenarios: Vec<_> = fs::read_dir(&root).expect("a folder").map(|e| e.expect("an entry").path()).collect();
    scenarios.sort();
    let mut out = Legs::default();
    for file in scenarios.iter().map(|scenario| scenario.join("cdr-full.csv")).filter(|file| file.exists()) {
        let name = file.display().to_string();
        let mut reader = Reader::new(adapter, &settings, name.as_bytes(), 1);
        reader.push(&fs::read(&file).expect("records"), None, &mut out);
        reader.finish(None, &mut out);
    }
    assert!(out.rejects.is_empty() && out.legs.len() > 150, "{} legs", out.legs.len());
    (directory, out.legs)
}

/// Every fourth leg hours late, every seventh twice: what is early and what is revised comes from this.
fn disordered(mut legs: Vec<Leg>) -> Vec<(Leg, Moment)> {
    legs.sort_by_key(|leg| (leg.ended_at.or(leg.started_at), leg.leg_id));
    let mut last = Moment(0);
    let mut log = Vec::new();
    for (number, leg) in legs.into_iter().enumerate() {
        last = last.max(leg.ended_at.or(leg.started_at).unwrap_or(last));
        let late = last.plus_ms(6 * 3_600_000 + number as i64 * 60_000);
        if number % 7 == 3 {
            log.push((leg.clone(), late));
        }
        log.push((leg, if number % 4 == 1 { late } else { last }));
    }
    log.sort_by_key(|(_, at)| *at);
    for (number, (leg, _)) in log.iter_mut().enumerate() {
        leg.position.record = number as u64 + 1;
    }
    log
}

fn tell(store: &Store, directory: &Directory, log: &[(Leg, Moment)], told: &mut Told, version: &mut u64) {
    let tenant: Text = directory.tenant().into();
    let mut live = Live::new(Site::new(directory), false, Limits::default());
    let mut write = |found: Vec<Conclusion>, clock: Moment, version: &mut u64| {
        found.iter().for_each(|conclusion| told.take(conclusion));
        let found = found.into_iter().map(|conclusion| (tenant.clone(), conclusion)).collect();
        let rows = ConclusionRows::of(Conclusions::collect(clock, found, version));
        wait(store.write_conclusions(&rows)).expect("written");
        // On doubt it is written again.
        wait(store.write_conclusions(&rows)).expect("written again");
    };
    for (number, (leg, at)) in log.iter().enumerate() {
        live.push(leg.clone(), *at, number as u64);
        if number % LEGS_PER_STEP == 0 {
            answer(&mut live, &log[..number]);
            let mut found = Vec::new();
            live.conclude(number % (2 * LEGS_PER_STEP) == 0, &mut |conclusion| found.push(conclusion));
            write(found, *at, version);
        }
    }
    let mut found = Vec::new();
    while {
        answer(&mut live, log);
        live.end(&mut |conclusion| found.push(conclusion));
        live.is_waiting()
    } {}
    write(found, log.last().expect("a log").1, version);
}

fn answer(live: &mut Live<'_>, stored: &[(Leg, Moment)]) {
    while let Some(wanted) = live.wanted(stored.len() as u64) {
        let is_wanted = |leg: &&(Leg, Moment)| {
            let at = leg.0.started_at.unwrap_or_default();
            (wanted.from..=wanted.to).contains(&at) && stored_keys(&leg.0).any(|k| wanted.keys.contains(&k))
        };
        live.answer(stored.iter().filter(is_wanted).map(|(leg, _)| leg.clone()).collect::<Vec<_>>());
    }
}

/// Moves calls to other times, there and back, merges some away, brings one of these back, and brings older news of all of them last.
fn change(store: &Store, tenant: &str, told: &mut Told, version: &mut u64) {
    let ids: Vec<String> = told.calls.keys().cloned().collect();
    let row = |line: &CallLine, version: u64| CallRow {
        line: Box::new(CallLine { follow_up: None, ..line.clone() }),
        customer: None,
        keys: Vec::new(),
        version,
        content: version,
        decided_at: line.ended_at,
        stood: Stood::UNKNOWN,
    };
    let write = |rows: &[CallRow]| wait(store.write_calls(rows)).expect("written");
    let gone = |id: &str, version: u64| MergedRow {
        tenant: tenant.to_owned(),
        id: id.to_owned(),
        merged_into: String::new(),
        version,
        decided_at: Moment(0),
        stood: Stood::UNKNOWN,
    };
    let by = |line: &CallLine, ms: i64| CallLine { started_at: line.started_at.plus_ms(ms), ..line.clone() };
    let mut older = Vec::new();
    let mut next = || {
        *version += 1;
        *version
    };
    for (number, id) in ids.iter().enumerate() {
        let line = told.calls[id].clone();
        let (hour, day) = (3_600_000, 86_400_000);
        match number % 9 {
            // Moved a little, by two days, and far away and back; the last in one step with itself.
            0 => {
                older.push(row(&line, next()));
                let moved = by(&line, -hour);
                write(&[row(&moved, next())]);
                told.call(&moved);
            }
            1 => {
                older.push(row(&by(&line, 40 * day), next()));
                let moved = by(&line, 2 * day);
                write(&[row(&moved, next())]);
                told.call(&moved);
            }
            2 => {
                let (away, back) = (next(), next());
                write(&[row(&line, back), row(&by(&line, -30 * day), away)]);
                told.call(&line);
            }
            3 if number % 2 == 0 => {
                older.push(row(&by(&line, hour), next()));
                wait(store.write_merged(&[gone(id, next())])).expect("written");
                told.calls.remove(id);
                told.gone.push(id.clone());
            }
            3 => {
                wait(store.write_merged(&[gone(id, next())])).expect("written");
                let back = by(&line, 5 * hour);
                write(&[row(&back, next())]);
                told.call(&back);
            }
            _ => {}
        }
    }
    assert!(older.len() > 5);
    write(&older);
    owe_again(store, told, version);
}

/// Tells what is owed again where calls of it have moved or are none any more, as whoever moves calls does; and older news of it last.
fn owe_again(store: &Store, told: &mut Told, version: &mut u64) {
    let mut next = || {
        *version += 1;
        *version
    };
    let row = |follow_up: &FollowUp, version: u64, stood: Stood| {
        let follow_up = follow_up.clone();
        FollowUpRow { content: calls::content::of(&follow_up), follow_up, version, stood }
    };
    let write = |rows: &[FollowUpRow]| wait(store.write_follow_ups(rows)).expect("written");
    let (mut older, mut moved, mut renamed) = (Vec::new(), 0, 0);
    for (number, before) in told.follow_ups.values().cloned().collect::<Vec<_>>().into_iter().enumerate() {
        let begun = |id: &Text| Some((told.calls.get(id.as_str())?.started_at, id.clone()));
        let mut calls: Vec<(Moment, Text)> = before.calls.iter().filter_map(begun).collect();
        calls.sort();
        let (calls_at, calls): (Vec<Moment>, Vec<Text>) = calls.into_iter().unzip();
        if calls == before.calls && calls_at == before.calls_at {
            continue;
        }
        older.push(row(&before, next(), Stood::UNKNOWN));
        let known = Stood { began_at: Some(before.opened_at), is_asked: false };
        let stood = if number % 2 == 0 { known } else { Stood::UNKNOWN };
        let mut now = before.clone();
        if let (Some(opening_call), [opened_at, ..]) = (calls.first(), calls_at.as_slice()) {
            (now.opening_call, now.opened_at) = (opening_call.clone(), *opened_at);
            now.last_at = calls_at.last().copied().expect("a call");
        }
        if now.opening_call != before.opening_call {
            now.line.id = format!("{}-{}", before.line.id, now.opening_call).into();
        }
        if calls.is_empty() || now.line.id != before.line.id {
            let merged_into = if calls.is_empty() { String::new() } else { now.line.id.to_string() };
            let (tenant, id) = (before.tenant.to_string(), before.line.id.to_string());
            let gone = MergedRow { tenant, id, merged_into, version: next(), decided_at: Moment(0), stood };
            wait(store.write_merged_follow_ups(&[gone])).expect("written");
            told.follow_ups.remove(before.line.id.as_str());
            renamed += 1;
        }
        (now.calls, now.calls_at) = (calls, calls_at);
        if now.calls.is_empty() {
            continue;
        }
        moved += 1;
        write(&[row(&now, next(), stood)]);
        told.follow_ups.insert(now.line.id.to_string(), now);
    }
    write(&older);
    told.owed_again = (moved, renamed);
}
