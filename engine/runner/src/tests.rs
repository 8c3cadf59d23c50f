//! However often it is cut off, and wherever: what a plugin has in the end is what one undisturbed run gives it.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, OnceLock};

use calls::event::{About, Event, Pairs, Time, Timer};
use directory::Directory;
use office::{NewPlugin, Office, OutcomeStatus, Owner, PluginState, Told as OfficeTold};
use sandbox::{HostLimits, Sandbox};
use tempfile::TempDir;

use crate::{Limits, Parts, RawRecords, Runner, Told, Turn};

#[path = "../../sandbox/tests/guests/from_source.rs"]
mod from_source;

const NAME: &str = "guest";
const TENANT: &str = "main";
const MANIFEST: &str = r#"
    name = "guest"
    version = "1.0.0"
    about = "Does what tests want."
    language = "rust"
    [hears]
    events = ["timer-due"]
    [grants]
    message = ["person"]
    timers = true
    [limits]
    memory_mb = 8
    event_ms = 200
"#;

/// A folder of plugins with the guest of the sandbox's tests.
fn plugins() -> &'static Path {
    static FOLDER: OnceLock<TempDir> = OnceLock::new();
    let folder = FOLDER.get_or_init(|| {
        let guests = Path::new(env!("CARGO_MANIFEST_DIR")).join("../sandbox/tests/guests");
        let target =
            std::env::current_exe().unwrap().ancestors().find(|p| p.ends_with("target")).unwrap().join("guests");
        let wasm = from_source::build(&guests, &target);
        let folder = tempfile::tempdir().unwrap();
        let guest = folder.path().join(NAME);
        std::fs::create_dir(&guest).unwrap();
        std::fs::write(guest.join("plugin.toml"), MANIFEST).unwrap();
        std::fs::copy(wasm, guest.join("plugin.wasm")).unwrap();
        folder
    });
    folder.path()
}

struct NoRaw;

impl RawRecords for NoRaw {
    fn raw(&self, _: &Event) -> Result<Vec<Pairs>, String> {
        Ok(Vec::new())
    }
}

/// One for all: an engine is a thread and its memory.
fn sandbox() -> Sandbox {
    static SANDBOX: OnceLock<Sandbox> = OnceLock::new();
    SANDBOX.get_or_init(|| Sandbox::new(&HostLimits::default(), Some(&plugins().join("compiled"))).unwrap()).clone()
}

fn office(folder: &TempDir) -> Office {
    Office::open(&format!("sqlite:{}", folder.path().join("office.db").display()), 5000).unwrap()
}

/// A process begins.
fn runner(office: &Office, batch_events_max: usize) -> Runner {
    let grants: toml::Table = "message = [\"person\"]\ntimers = true".parse().unwrap();
    let parts = Parts {
        office: office.clone(),
        sandbox: sandbox(),
        folder: plugins().to_owned(),
        told: BTreeMap::from([(NAME.to_owned(), Told { settings: toml::Table::new(), grants })]),
        directories: BTreeMap::from([(TENANT.to_owned(), Arc::new(Directory::without_site_file("main")))]),
        raw: Arc::new(NoRaw),
    };
    Runner::new(parts, Limits { batch_events_max, ..Limits::default() })
}

const BEGAN: u64 = 1_795_428_000_000;

/// What the plugin is given: most of it depends on the order, some fails, some stops the plugin, some is put off.
fn tell(office: &Office, random: &mut fastrand::Rng, count: usize) {
    let events = (0..count).map(|n| {
        let (name, payload) = match random.u32(..10) {
            0 => ("count", "twice"),
            1 => ("failed", "on purpose"),
            2 => ("put_and_fail", "never"),
            3 => ("panic", "on purpose"),
            4 => ("later", "5"),
            5 => ("put", "key=value"),
            6 => ("delete", "key"),
            _ => ("chain", "chain"),
        };
        let (name, payload) = (name.to_owned(), payload.to_owned());
        let about = About::Timer(Timer { name, due_at: Time(BEGAN), payload });
        let (id, kind, tenant) = (format!("e{n}"), "timer-due".to_owned(), TENANT.to_owned());
        let event = Event { id, kind, at: Time(BEGAN), now: Time(BEGAN), tenant, about, offers: Vec::new() };
        let body = serde_json::to_string(&event).unwrap();
        office::Event {
            tenant: event.tenant,
            id: event.id,
            kind: event.kind,
            at: BEGAN as i64,
            body,
            ..office::Event::default()
        }
    });
    let events = events.collect();
    let owner = Owner { epoch: 0, versions: 1 };
    office.take_over("cdr", 0, owner).unwrap();
    let told =
        OfficeTold { topic: "cdr".to_owned(), partition: 0, owner, now: BEGAN as i64, events, ..OfficeTold::default() };
    office.tell(&told).unwrap();
}

fn install(office: &Office) {
    let text = |text: &str| text.to_owned();
    let plugin = NewPlugin {
        name: text(NAME),
        version: text("1.0.0"),
        sha256: String::new(),
        state: PluginState::Live,
        by: text("a test"),
        note: String::new(),
        now: 0,
    };
    assert!(office.install(&plugin).unwrap());
}

/// Everything that the plugin has come to.
#[derive(Debug, PartialEq)]
struct Came {
    state: BTreeMap<String, String>,
    messages: Vec<(String, String)>,
    failed: Vec<(String, String)>,
}

fn came(office: &Office) -> Came {
    let keys = office.state_keys(NAME, TENANT, "", None, 1000).unwrap();
    let value = |key: &String| String::from_utf8(office.state(NAME, TENANT, key).unwrap().unwrap()).unwrap();
    let due = office.due_actions(&["message"], i64::MAX - 1, 1000).unwrap();
    let mut messages: Vec<(String, String)> = due.into_iter().map(|action| (action.key, action.body)).collect();
    messages.sort();
    let failed = office.outcomes(NAME, TENANT, OutcomeStatus::Failed, None, 1000).unwrap();
    let mut failed: Vec<(String, String)> = failed.into_iter().map(|o| (o.event_id, o.detail)).collect();
    failed.sort();
    Came { state: keys.iter().map(|key| (key.clone(), value(key))).collect(), messages, failed }
}

/// Moments at which something may be due, until nothing is: a plugin that was paused is tried again, and what was put off for a day is
/// given up.
fn moments() -> impl Iterator<Item = i64> {
    let soon = (0..20).map(|n| n * 5000);
    let later = (1..30).map(|n| n * 600_000);
    soon.chain(later).chain((0..10).map(|n| 86_500_000 + n * 600_000)).map(|ms| BEGAN as i64 + ms)
}

fn undisturbed(seed: u64, count: usize) -> Came {
    let folder = tempfile::tempdir().unwrap();
    let office = office(&folder);
    install(&office);
    tell(&office, &mut fastrand::Rng::with_seed(seed), count);
    let mut runner = runner(&office, 256);
    for now in moments() {
        while runner.turn(&[TENANT.to_owned()], now).unwrap().has_more {}
    }
    came(&office)
}

#[test]
fn cut_off_anywhere_it_comes_to_the_same() {
    for seed in 0..10 {
        let count = 40;
        let expected = undisturbed(seed, count);
        assert!(expected.state.contains_key("chain") && !expected.messages.is_empty(), "{expected:?}");
        let folder = tempfile::tempdir().unwrap();
        let mut office = self::office(&folder);
        install(&office);
        tell(&office, &mut fastrand::Rng::with_seed(seed), count);
        let mut random = fastrand::Rng::with_seed(seed ^ 0xcafe);
        let mut ours = runner(&office, 1 + random.usize(..40));
        let mut cuts = 0;
        for now in moments() {
            ours.refresh(now).unwrap();
            for _ in 0..4 {
                let mut turn = Turn::default();
                let Some(prepared) = ours.prepare(NAME, TENANT, now, &mut turn).unwrap() else { break };
                match random.u32(..4) {
                    // Killed after the plugin has run, before anything is written.
                    0 => cuts += 1,
                    // Frozen there; another does its part; then this one wakes.
                    1 => {
                        let mut other = runner(&office, 1 + random.usize(..40));
                        other.turn(&[TENANT.to_owned()], now).unwrap();
                        ours.commit(&prepared, &mut turn).unwrap();
                        assert_eq!(turn.handled, 0, "it wrote though another had been there");
                    }
                    // Killed right after it was written.
                    2 => {
                        ours.commit(&prepared, &mut turn).unwrap();
                        cuts += 1;
                    }
                    _ => {
                        ours.commit(&prepared, &mut turn).unwrap();
                        continue;
                    }
                }
                office = self::office(&folder);
                ours = runner(&office, 1 + random.usize(..40));
                ours.refresh(now).unwrap();
            }
        }
        let mut last = runner(&office, 256);
        for now in moments() {
            while last.turn(&[TENANT.to_owned()], now).unwrap().has_more {}
        }
        assert!(cuts > 10, "{cuts} cuts");
        assert_eq!(came(&office), expected, "seed {seed}");
    }
}
