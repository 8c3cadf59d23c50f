//! The plugin of these tests, built once, and what they tell it.

use std::path::Path;
use std::sync::{Arc, Mutex, OnceLock};

#[path = "../guests/from_source.rs"]
mod from_source;

use calls::event::{About, Call, Event, FollowUp, Missed, Party, Time, Timer};
use directory::Directory;
use sandbox::{Asked, DirectoryWorld, Handled, HostLimits, Plugin, Sandbox, World};

/// What it asks for: everything.
pub const MANIFEST: &str = r#"
    name = "guest"
    version = "1.0.0"
    about = "Does what tests want."
    language = "rust"
    [hears]
    events = ["timer-due", "call-missed", "window-closed"]
    [grants]
    call_back = true
    email = ["person", "@example.com"]
    message = ["person", "group"]
    webhook = ["crm"]
    tag = true
    settle = true
    timers = true
    directory = true
    numbers = true
    raw = true
    [limits]
    memory_mb = 8
    event_ms = 50
    state_kb = 64
    actions_max = 10
    output_kb = 4
    [settings.greeting]
    type = "text"
    default = "hello"
"#;

/// The component of `tests/guests`.
pub fn wasm() -> &'static [u8] {
    static WASM: OnceLock<Vec<u8>> = OnceLock::new();
    WASM.get_or_init(|| {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/guests");
        let target = Path::new(env!("CARGO_TARGET_TMPDIR")).with_file_name("guests");
        std::fs::read(from_source::build(&folder, &target)).unwrap()
    })
}

/// With a cache, so that the guest is compiled once for all tests.
pub fn sandbox() -> Sandbox {
    let cache = Path::new(env!("CARGO_TARGET_TMPDIR")).join("compiled");
    Sandbox::new(&HostLimits::default(), Some(&cache)).unwrap()
}

pub fn table(text: &str) -> toml::Table {
    text.parse().unwrap()
}

/// All that a manifest asks for.
pub fn everything(manifest: &str) -> toml::Table {
    table(manifest).remove("grants").and_then(|grants| grants.as_table().cloned()).unwrap_or_default()
}

/// The guest with everything granted; all of them in one engine, as neighbors are.
pub fn plugin() -> Plugin {
    static FIRST: OnceLock<Mutex<Plugin>> = OnceLock::new();
    let first = FIRST.get_or_init(|| plugin_of(MANIFEST).into());
    first.lock().unwrap().with_settings(&toml::Table::new(), &everything(MANIFEST)).unwrap()
}

pub fn plugin_of(manifest: &str) -> Plugin {
    sandbox().load_bytes(manifest, wasm(), &toml::Table::new(), &everything(manifest)).unwrap()
}

pub fn world() -> Arc<dyn World> {
    Arc::new(DirectoryWorld::new(Arc::new(Directory::without_site_file("main"))))
}

/// `what=payload`.
pub fn timer(id: &str, what: &str) -> Event {
    let (name, payload) = what.split_once('=').unwrap_or((what, ""));
    let timer = Timer { name: name.into(), due_at: Time(1_000), payload: payload.into() };
    event(id, "timer-due", About::Timer(timer))
}

pub fn event(id: &str, kind: &str, about: About) -> Event {
    let at = Time(1_795_000_000_000);
    Event { id: id.into(), kind: kind.into(), at, now: at, tenant: "acme".into(), about, offers: Vec::new() }
}

pub fn missed(id: &str, number: &str) -> Event {
    let caller = Party { number: Some(number.into()), name: Some(format!("of {number}")), ..Party::default() };
    let facts = [("customer".to_owned(), number.to_owned())].into();
    let call = Call {
        id: format!("call of {id}"),
        direction: "inbound".into(),
        outcome: "abandoned".into(),
        missed: true,
        caller,
        owner: Some("person:ann".into()),
        facts,
        ..Call::default()
    };
    let facts = [("customer".to_owned(), number.to_owned())].into();
    let follow_up = FollowUp { id: format!("follow-up of {id}"), status: "open".into(), facts, ..FollowUp::default() };
    event(id, "call-missed", About::Missed(Box::new(Missed { call, follow_up })))
}

pub fn events(whats: &[&str]) -> Arc<[Event]> {
    whats.iter().enumerate().map(|(at, what)| timer(&format!("e{at}"), what)).collect()
}

/// What became of one event.
pub fn handle_one(plugin: &mut Plugin, what: &str) -> sandbox::Handling {
    plugin.handle(&events(&[what]), &world()).pop().unwrap()
}

/// The text of an event that the guest ended as failed: what it was asked.
pub fn told(plugin: &mut Plugin, what: &str) -> String {
    match handle_one(plugin, what).handled {
        Handled::Failed { why } => why,
        other => panic!("{what}: {other:?}"),
    }
}

/// Kinds and bodies, without the keys.
pub fn asked(asked: &[Asked]) -> Vec<String> {
    asked.iter().map(|asked| format!("{} {}", asked.action.kind(), asked.action.body())).collect()
}
