//! The first pages of the portal over many calls: what each question takes, and how much the database reads for it.
//!
//! The calls are a generated company's, concluded by the engine itself, and then copied, days earlier, under other ids and with other
//! customers, until there are as many as are wanted over as many days.

#![allow(clippy::expect_used, clippy::panic, clippy::print_stdout)]

mod fill;
mod questions;

use std::time::{Duration, Instant};

use adapters::leg::Moment;
use benches::arguments::Arguments;
use benches::cpu;
use benches::database::{Database, runtime};
use benches::table::{Table, short};
use clickhouse::Client;
use store::scope::{Groups, Held, Person, Scope, Whose};
use store::{Reader, Store};

use fill::Filled;
use questions::{Ask, Question, Viewer};

/// What we want of every first page.
const P95_MS_MAX: f64 = 300.0;

/// So often each question is asked, unless that takes too long.
const ROUNDS: u64 = 20;
const ROUNDS_MIN: usize = 3;
const QUESTION_TIME_MAX: Duration = Duration::from_secs(3);

/// How many times as many calls are reckoned with.
const TIMES: f64 = 10.0;

/// Who waited up to this was answered soon.
const SOON_MS: i64 = 20_000;

fn main() {
    let arguments = Arguments::of_process(&[
        "calls", "legs", "days", "seed", "rounds", "ringback", "folder", "only", "viewer", "beside",
    ]);
    let folder = tempfile::tempdir().expect("a folder");
    let folder = match arguments.word("folder", "") {
        "" => folder.path().to_owned(),
        named => named.into(),
    };
    let filled = fill::filled(&arguments, &folder);
    let rounds = arguments.number("rounds", ROUNDS);
    println!(
        "{} calls and {} follow-ups of {} days, of {} that the engine concluded; {}; on {}",
        filled.calls,
        filled.follow_ups,
        filled.days,
        filled.kept,
        filled.sizes,
        cpu::machine()
    );
    match arguments.word("beside", "") {
        "" => {}
        what => println!("Beside it: {what}."),
    }
    println!(
        "A question is all that a page asks, one after the other, in {rounds} rounds at most after a first one, in \
         which what is kept of whole weeks is counted.\n"
    );
    let slow = asked(&filled, rounds, arguments.word("viewer", ""), arguments.word("only", ""));
    println!("\n{slow} of the questions above have a p95 of more than {P95_MS_MAX} ms.");
}

/// What a question took.
struct Took {
    first_ms: f64,
    ms: Vec<f64>,
    rows: u64,
    bytes: u64,
}

impl Took {
    fn at(&self, share: f64) -> f64 {
        let place = (self.ms.len() as f64 * share).ceil() as usize;
        self.ms.get(place.saturating_sub(1)).copied().unwrap_or(f64::NAN)
    }
}

/// Asks everything and prints it; how many were too slow.
fn asked(filled: &Filled, rounds: u64, viewer: &str, only: &str) -> usize {
    let runtime = runtime();
    let client = Client::default().with_url(&filled.database.url);
    let store = Store::at(&filled.database.url, "default");
    let mut slow = 0;
    for viewer in viewers(filled).into_iter().filter(|one| one.name.contains(viewer)) {
        let reader = Reader {
            store: &store,
            scope: viewer.scope.clone(),
            zone: filled.directory.zone(),
            now: filled.now,
            soon_ms: SOON_MS,
        };
        let own = (viewer.name == "person").then(|| questions::own(&filled.sought));
        let mut table = Table::new(&[
            viewer.name,
            "shown",
            "first ms",
            "p50 ms",
            "p95 ms",
            "rows read",
            "MB read",
            "p50 ms, ten times as many",
            "",
        ]);
        let mut floor_ms = f64::NAN;
        let wanted = |question: &Question| question.name.contains(only);
        for question in questions::all(&filled.sought).into_iter().chain(own).filter(wanted) {
            let (took, shown) = runtime.block_on(one(&client, &reader, &question.ask, rounds));
            // What a question costs that reads nearly nothing.
            floor_ms = floor_ms.min(took.at(0.5));
            let is_slow = took.at(0.95) > P95_MS_MAX;
            slow += usize::from(is_slow);
            eprintln!("{}, {}: {} ms", viewer.name, question.name, short(took.at(0.5)));
            table.row(&[
                question.name,
                shown.to_string(),
                short(took.first_ms),
                short(took.at(0.5)),
                short(took.at(0.95)),
                took.rows.to_string(),
                short(took.bytes as f64 / 1e6),
                short(floor_ms + (took.at(0.5) - floor_ms) * TIMES),
                if is_slow { "slow" } else { "" }.to_owned(),
            ]);
        }
        table.print();
        println!();
    }
    slow
}

async fn one(client: &Client, reader: &Reader<'_>, ask: &Ask, rounds: u64) -> (Took, usize) {
    let began = Instant::now();
    let shown =
        ask.ask(reader).await.unwrap_or_else(|error| panic!("{error}: {:?}", std::error::Error::source(&error)));
    let first_ms = began.elapsed().as_secs_f64() * 1e3;
    let read = || async {
        let statement = include_str!("../../../../sql/benches/read_so_far.sql");
        client.query(statement).fetch_one::<(u64, u64)>().await.expect("the server's own figures")
    };
    let before = read().await;
    let began = Instant::now();
    let mut ms = Vec::new();
    while (ms.len() as u64) < rounds && (ms.len() < ROUNDS_MIN || began.elapsed() < QUESTION_TIME_MAX) {
        let began = Instant::now();
        ask.ask(reader).await.expect("an answer, as before");
        ms.push(began.elapsed().as_secs_f64() * 1e3);
    }
    let after = read().await;
    let each = |before: u64, after: u64| (after - before) / ms.len() as u64;
    let (rows, bytes) = (each(before.0, after.0), each(before.1, after.1));
    ms.sort_by(f64::total_cmp);
    (Took { first_ms, ms, rows, bytes }, shown)
}

/// An administrator, the head of the largest group, and a person of it.
fn viewers(filled: &Filled) -> [Viewer; 3] {
    let directory = &filled.directory;
    let tenant = directory.tenant().to_owned();
    let person = directory.person(&filled.sought.person).expect("the person whose calls are sought");
    let group = person.group.clone().expect("a person of a group");
    let is_in = |of: &Option<String>| of.as_ref() == Some(&group);
    let queues = directory.queues().filter(|queue| is_in(&queue.group)).map(|queue| queue.id.clone());
    let hunt_groups = directory.hunt_groups().filter(|hunt| is_in(&hunt.group)).map(|hunt| hunt.id.clone());
    let groups = Groups {
        groups: vec![group.clone()],
        people: directory.people().iter().filter(|p| is_in(&p.group)).map(|p| p.id.clone()).collect(),
        queues: queues.chain(hunt_groups).collect(),
    };
    let held = |extension: &directory::Extension| Held {
        number: extension.number.clone(),
        pbx: extension.pbx.clone(),
        since: extension.span.bounds().0.map(Moment),
        until: extension.span.bounds().1.map(Moment),
    };
    let own = Person { id: person.id.clone(), extensions: person.extensions.iter().map(held).collect() };
    let of = |name, whose| Viewer { name, scope: Scope { tenant: tenant.clone(), whose } };
    [of("administrator", Whose::Everything), of("head", Whose::Groups(groups)), of("person", Whose::Person(own))]
}

/// The person who is sought: the first of the largest group.
fn person_of(directory: &directory::Directory) -> String {
    let of =
        |group: &directory::Group| directory.people().iter().filter(|p| p.group.as_ref() == Some(&group.id)).count();
    let largest = directory.groups().iter().max_by_key(|group| of(group)).expect("a company has groups");
    let person = directory.people().iter().find(|person| person.group.as_ref() == Some(&largest.id));
    person.expect("a group has people").id.clone()
}
