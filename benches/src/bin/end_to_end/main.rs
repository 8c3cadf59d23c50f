//! From the log to the tables, on a real broker and the real ClickHouse engine: what each part costs, beside the limit of the same
//! run (a bare drain of the topic while the same blocks are stored that the engine made) and beside a consumer as people write it.

#![allow(clippy::expect_used, clippy::panic, clippy::print_stdout)]

mod facts;
mod log;
mod own;
mod peer;
mod wire;
mod world;

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use benches::arguments::Arguments;
use benches::cpu;
use benches::database::Database;
use benches::table::{Table, short};
use generator::{Generator, PbxChoice, Plan};

use own::Steps;
use wire::Sent;
use world::{ADAPTER, Broker, PBX, Took, took};

/// What we want to keep to.
const OWN_US_MAX: f64 = 1.8;
const OF_THE_LIMIT_MIN: f64 = 0.6;
const PEER_TIMES_MIN: f64 = 2.0;

/// Records in one thread's memory for the engine's own part.
const OWN_LEGS_MAX: u64 = 400_000;

fn main() {
    let arguments = Arguments::of_process(&[
        "legs",
        "seed",
        "ringback",
        "part",
        "bootstrap",
        "records",
        "url",
        "site",
        "requests",
        "perf",
    ]);
    match arguments.word("part", "") {
        "" => whole(&arguments),
        part => one(part, &arguments),
    }
}

/// One part, as a process of its own.
fn one(part: &str, arguments: &Arguments) {
    let (bootstrap, url) = (arguments.word("bootstrap", ""), arguments.word("url", ""));
    let records = arguments.number("records", 0);
    match part {
        "drain" => log::read(bootstrap, records, |record| {
            std::hint::black_box(record);
        }),
        "bare" => log::bare(bootstrap, records),
        "facts" => {
            let site = std::fs::read_to_string(arguments.word("site", "")).expect("the site file");
            facts::store_all(bootstrap, records, url, &site);
        }
        "limit" => std::thread::scope(|scope| {
            scope.spawn(|| log::bare(bootstrap, records));
            wire::send(url, wire::kept(Path::new(arguments.word("requests", ""))));
        }),
        "peer" => peer::store_all(bootstrap, records, url),
        "own" => {
            let legs = arguments.number("legs", OWN_LEGS_MAX).min(OWN_LEGS_MAX);
            print_steps(&own::steps(generator(arguments.number("seed", 7), legs)), &[]);
        }
        other => {
            panic!("--part {other}: drain, bare, facts, limit, peer, or own: the engine's own part, without the others")
        }
    }
}

/// What the parts took over the same records.
struct Parts {
    drain: Took,
    bare: Took,
    facts: Took,
    run: Took,
    limit: Took,
    peer: Took,
}

/// The folder of a run; removed when it goes.
struct Bench {
    ringback: PathBuf,
    folder: tempfile::TempDir,
    site: String,
    bootstrap: String,
    records: u64,
    databases: u32,
}

fn whole(arguments: &Arguments) {
    let legs = arguments.number("legs", 2_000_000);
    let seed = arguments.number("seed", 7);
    let folder = tempfile::tempdir().expect("a folder");
    let broker = Broker::start(&folder.path().join("kafka"));
    let mut generator = generator(seed, legs);
    let site = generator.site_toml().to_owned();
    let records = broker.fill(&mut generator, &world::tenant(&site));
    let bootstrap = broker.bootstrap.clone();
    let perf = arguments.word("perf", "").to_owned();
    let mut bench = Bench { ringback: arguments.ringback(), folder, site, bootstrap, records, databases: 0 };
    let (parts, stored, sent) = bench.parts(&perf);
    drop(broker);
    let steps = own::steps(self::generator(seed, legs.min(OWN_LEGS_MAX)));
    print(&parts, stored, &sent, &steps);
}

fn generator(seed: u64, legs: u64) -> Generator {
    let plan = Plan::new(legs, vec![PbxChoice { adapter: ADAPTER, id: PBX.to_owned() }]);
    Generator::new(seed, plan).expect("a plan")
}

impl Bench {
    /// All parts one after the other, each with a database of its own; how many legs there are, and what `ringback run` sent.
    /// `perf` names a file for a profile of the run that is not measured; empty: none.
    fn parts(&mut self, perf: &str) -> (Parts, u64, Arc<Sent>) {
        let requests = self.folder.path().join("requests");
        // The blocks that the engine makes, for the limit; nothing is measured.
        let database = self.database();
        let sent = Arc::default();
        let run = self.run(&wire::record(&database.url, &requests, &sent), "recorded");
        took(&mut under_perf(run, perf), None);
        drop(database);

        let drain = took(&mut self.part("drain"), None);
        let bare = took(&mut self.part("bare"), None);
        let site = self.folder.path().join("site.toml");
        std::fs::write(&site, &self.site).expect("the site file is written");
        let database = self.database();
        let facts = took(self.part("facts").args(["--url", &database.url, "--site"]).arg(&site), Some(&database));
        let legs = database.count("SELECT count() FROM legs");
        drop(database);
        let database = self.database();
        let run = took(&mut self.run(&database.url, "measured"), Some(&database));
        assert_eq!(database.count("SELECT count() FROM legs"), legs, "legs that `ringback run` stored");
        drop(database);
        let database = self.database();
        let limit =
            took(self.part("limit").args(["--url", &database.url, "--requests"]).arg(&requests), Some(&database));
        assert_eq!(database.count("SELECT count() FROM legs"), legs, "legs in the requests that were kept");
        drop(database);
        let database = self.database();
        let peer = took(self.part("peer").args(["--url", &database.url]), Some(&database));
        let rows = database.count("SELECT count() FROM cdr");
        assert!(rows.abs_diff(legs) * 100 < legs, "the peer stored {rows} rows of {legs} legs");
        (Parts { drain, bare, facts, run, limit, peer }, legs, sent)
    }

    fn database(&mut self) -> Database {
        self.databases += 1;
        Database::start(&self.ringback, self.folder.path().join(format!("clickhouse-{}", self.databases)), true)
    }

    fn part(&self, part: &str) -> Command {
        let mut command = Command::new(std::env::current_exe().expect("this bench"));
        command.args(["--part", part, "--bootstrap", &self.bootstrap, "--records", &self.records.to_string()]);
        command
    }

    /// `ringback run` until everything is stored, as a consumer group that has read nothing yet.
    fn run(&self, url: &str, group: &str) -> Command {
        let settings = world::settings(self.folder.path(), &self.site, &self.bootstrap, url, group);
        let mut command = Command::new(&self.ringback);
        command.args(["run", "--until-end", "--settings"]).arg(settings).stdout(Stdio::null());
        command
    }
}

/// The same command, with a profile of where it spends its time.
fn under_perf(run: Command, file: &str) -> Command {
    if file.is_empty() {
        return run;
    }
    let mut command = Command::new("perf");
    command.args(["record", "-q", "-F", "499", "-o", file, "--"]).arg(run.get_program()).args(run.get_args());
    command
}

fn print(parts: &Parts, legs: u64, sent: &Sent, steps: &Steps) {
    let each = |ns: u64| ns as f64 / 1e3 / legs as f64;
    let rate = |took: &Took| legs as f64 / took.wall.as_secs_f64();
    println!("{legs} legs of {ADAPTER}, on {}\n", cpu::machine());
    let mut table =
        Table::new(&["", "wall s", "legs a second", "CPU µs a leg", "CPU µs a leg of the database", "peak MB"]);
    for (name, took, has_database) in [
        ("T0: the topic drained as the engine reads it", &parts.drain, false),
        ("the topic drained and not looked at", &parts.bare, false),
        ("T1: records to legs, stored", &parts.facts, true),
        ("a usual consumer: records to rows, stored", &parts.peer, true),
        ("T2: `ringback run`: legs, calls, follow-ups, stored", &parts.run, true),
        ("the limit: drained and not looked at, while the blocks of T2 are stored", &parts.limit, true),
    ] {
        let database = if has_database { short(each(took.database_ns)) } else { String::new() };
        let wall = short(took.wall.as_secs_f64());
        let (cpu, peak) = (short(each(took.cost.cpu_ns)), short(took.cost.peak_bytes as f64 / 1e6));
        table.row(&[name.to_owned(), wall, short(rate(took)), cpu, database, peak]);
    }
    table.print_markdown();
    let count = |of: &AtomicU64| of.load(Ordering::Relaxed);
    println!(
        "\nT2 sends {} inserts of {} MB together, and asks {} questions.",
        count(&sent.inserts),
        short(count(&sent.bytes) as f64 / 1e6),
        count(&sent.questions)
    );

    let own_us = steps.own() / 1e3;
    let of_the_limit = rate(&parts.run) / rate(&parts.limit);
    let times = |ours: &Took| parts.peer.cost.cpu_ns as f64 / ours.cost.cpu_ns as f64;
    println!();
    let mut table = Table::new(&["aim", "wanted", "found", ""]);
    for (name, wanted, found, is_kept) in [
        (
            "the engine's own part without the look-up of numbers, CPU µs a leg",
            format!("at most {OWN_US_MAX}"),
            own_us,
            own_us <= OWN_US_MAX,
        ),
        (
            "T2's rate as a part of the limit's",
            format!("at least {OF_THE_LIMIT_MIN}"),
            of_the_limit,
            of_the_limit >= OF_THE_LIMIT_MIN,
        ),
        (
            "CPU of the usual consumer as a multiple of T1's",
            format!("at least {PEER_TIMES_MIN}"),
            times(&parts.facts),
            times(&parts.facts) >= PEER_TIMES_MIN,
        ),
        ("… as a multiple of all of T2's", String::new(), times(&parts.run), true),
    ] {
        table.row(&[name.to_owned(), wanted, short(found), if is_kept { "" } else { "not reached" }.to_owned()]);
    }
    table.print_markdown();

    let process = parts.run.cost.cpu_ns as f64 / legs as f64;
    let drain = parts.drain.cost.cpu_ns as f64 / legs as f64;
    let rest = process - steps.machine - steps.conclusions - drain;
    print_steps(
        steps,
        &[("the topic drained (T0)", drain), ("the rest of the process", rest), ("T2 as a whole", process)],
    );
}

/// The engine's own part step by step, and what comes beside it.
fn print_steps(steps: &Steps, beside: &[(&str, f64)]) {
    println!(
        "\nWhere T2's CPU goes, in one thread and without a broker or a database ({} calls told a leg):\n",
        short(steps.calls_per_leg)
    );
    let mut table = Table::new(&["step", "CPU ns a leg"]);
    let known = steps.adapter + steps.facts + steps.seal + steps.push + steps.conclude + steps.windows;
    let own = [
        ("framing and adapter, to legs", steps.adapter),
        ("rows of facts", steps.facts),
        ("blocks of facts, compressed", steps.seal),
        ("legs joined to calls", steps.push),
        ("calls, verdicts and follow-ups concluded", steps.conclude),
        ("windows told", steps.windows),
        ("of it, numbers looked up", steps.numbers),
        ("the machine's own, beside these", steps.machine - known),
        ("the machine as a whole", steps.machine),
        ("blocks of conclusions, and sent", steps.conclusions),
    ];
    for (name, ns) in own.iter().chain(beside) {
        table.row(&[(*name).to_owned(), short(*ns)]);
    }
    table.print_markdown();
}
