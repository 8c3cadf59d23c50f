//! What an event costs in a plugin: refused by its filter, handled alone and in batches, against the same work without a sandbox.

#![allow(clippy::expect_used, clippy::panic, clippy::print_stdout)]

#[path = "../../../../engine/sandbox/tests/guests/from_source.rs"]
mod from_source;
mod native;

use std::fs;
use std::path::Path;
use std::sync::Arc;

use benches::arguments::{Arguments, repository};
use benches::cpu::{self, Subject};
use benches::table::{Table, short};
use calls::event::{About, Call, Event, FollowUp, Missed, Party, Time};
use directory::Directory;
use sandbox::{DirectoryWorld, Handled, HostLimits, Plugin, Sandbox, World};

const BATCHES: [usize; 3] = [1, 16, 256];

const MANIFEST: &str = r#"
    name = "guest"
    version = "1.0.0"
    about = "Calls back, or tells the owner."
    language = "rust"
    [hears]
    events = ["call-missed"]
    [grants]
    call_back = true
    message = ["person", "group"]
    numbers = true
    [limits]
    memory_mb = 64
    event_ms = 1000
"#;

fn main() {
    let arguments = Arguments::of_process(&["events", "rounds", "rust", "javascript"]);
    let events: Vec<Event> = (0..arguments.number("events", 20_480)).map(missed).collect();
    let cache = tempfile::tempdir().expect("a folder");
    let sandbox = Sandbox::new(&HostLimits::default(), Some(cache.path())).expect("the engine of plugins");
    let world: Arc<dyn World> = Arc::new(DirectoryWorld::new(Arc::new(Directory::without_site_file("main"))));

    let rust = match arguments.word("rust", "") {
        "" => {
            let folder = repository().join("engine/sandbox/tests/guests");
            from_source::build(&folder, &repository().join("target/guests"))
        }
        file => file.into(),
    };
    let mut guests = vec![("Rust", load(&sandbox, &rust, MANIFEST))];
    let javascript = arguments.word("javascript", "");
    if !javascript.is_empty() {
        guests.push(("JavaScript", load(&sandbox, Path::new(javascript), MANIFEST)));
    }
    for (language, plugin) in &mut guests {
        check(language, plugin, &events, &world);
    }
    let deaf = MANIFEST.replace("[grants]", "direction = [\"outbound\"]\n[grants]");
    let deaf = load(&sandbox, &rust, &deaf);

    let names: Vec<String> =
        guests.iter().flat_map(|(language, _)| BATCHES.map(|size| format!("{language}, {size} at once"))).collect();
    let batches: Vec<Vec<Arc<[Event]>>> =
        BATCHES.iter().map(|size| events.chunks(*size).map(Arc::from).collect()).collect();
    let mut plugins: Vec<(Plugin, &Vec<Arc<[Event]>>)> = Vec::new();
    for (_, plugin) in &guests {
        for batches in &batches {
            let grants = toml::Table::try_from(&plugin.manifest().grants).expect("grants are a table");
            plugins.push((plugin.with_settings(&toml::Table::new(), &grants).expect("the same plugin"), batches));
        }
    }
    let mut subjects = vec![
        Subject {
            name: "the same work, native",
            round: Box::new(|| events.iter().map(|event| u64::from(native::handle(event).is_some())).sum()),
        },
        Subject {
            name: "refused by its filter",
            round: Box::new(|| events.iter().map(|event| u64::from(deaf.hears(event))).sum()),
        },
    ];
    for (name, (plugin, batches)) in names.iter().zip(&mut plugins) {
        let world = &world;
        let round = move || batches.iter().map(|batch| plugin.handle(batch, world).len() as u64).sum();
        subjects.push(Subject { name, round: Box::new(round) });
    }
    let took = cpu::in_turn(arguments.number("rounds", 7), &mut subjects);
    let native = took.first().copied().unwrap_or(f64::NAN);
    println!("{} events, on {}", events.len(), cpu::machine());
    let mut table = Table::new(&["", "CPU ns an event", "times native", "events a second and core"]);
    for (subject, took) in subjects.iter().zip(&took) {
        let ns = took / events.len() as f64;
        table.row(&[subject.name.to_owned(), short(ns), short(took / native), short(1e9 / ns)]);
    }
    table.print();
}

fn load(sandbox: &Sandbox, wasm: &Path, manifest: &str) -> Plugin {
    let wasm = fs::read(wasm).unwrap_or_else(|error| panic!("{}: {error}", wasm.display()));
    let told: toml::Table = manifest.parse().expect("the manifest");
    let grants = told.get("grants").and_then(toml::Value::as_table).cloned().unwrap_or_default();
    sandbox.load_bytes(manifest, &wasm, &toml::Table::new(), &grants).unwrap_or_else(|error| panic!("{error}"))
}

/// It does what the native one does: else their costs say nothing.
fn check(language: &str, plugin: &mut Plugin, events: &[Event], world: &Arc<dyn World>) {
    let batch: Arc<[Event]> = events.iter().take(256).cloned().collect();
    for (event, handling) in batch.iter().zip(plugin.handle(&batch, world)) {
        assert_eq!(handling.handled, Handled::Done, "{language}, {}", event.id);
        let asked: Vec<_> = handling.asked.into_iter().map(|asked| asked.action).collect();
        assert_eq!(asked, Vec::from_iter(native::handle(event)), "{language}, {}", event.id);
    }
}

/// A missed call as there are most: 16 of its fields are told.
fn missed(number: u64) -> Event {
    let customer = format!("+4477009{:05}", number % 100_000);
    let at = Time(1_795_000_000_000 + number * 1_000);
    let call = Call {
        id: format!("{number:032x}"),
        direction: "inbound".into(),
        outcome: "abandoned".into(),
        missed: true,
        short: number.is_multiple_of(10),
        reason: Some("rang_unanswered".into()),
        caller: Party { number: Some(customer.clone()), ..Party::default() },
        did: Some("+442079460000".into()),
        entry: Some("queue".into()),
        queue: Some("600".into()),
        group: Some("sales".into()),
        owner: Some("person:ann".into()),
        started_at: at,
        ended_at: Time(at.0 + 30_000),
        wait_time_s: Some(30),
        talk_time_s: Some(0),
        ..Call::default()
    };
    let follow_up = FollowUp {
        id: format!("{:032x}", number + 1),
        status: "open".into(),
        customer_calls: 1,
        first_at: at,
        last_at: at,
        owner: Some("person:ann".into()),
        facts: [("customer".to_owned(), customer)].into(),
        ..FollowUp::default()
    };
    let about = About::Missed(Box::new(Missed { call, follow_up }));
    Event {
        id: format!("e{number}"),
        kind: "call-missed".into(),
        at,
        now: at,
        tenant: "acme".into(),
        about,
        offers: vec![],
    }
}
