//! Every folder `fixtures/<adapter>/<behaviour>/` is a test: `record.*` is read by the adapter, and what comes out, also marks, is `legs.json`.
//!
//! Without a `settings.json` in the folder nothing is known of the exchange, as for a file that somebody just brings.
//! To accept what comes out now (then read it!): `cargo test -p adapters --test fixtures bless -- --ignored`;
//! `FIXTURES=threecx` or `FIXTURES=threecx/queue` takes only those.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout)]
#![allow(clippy::disallowed_methods, reason = "fixtures are files; the crate itself reads none")]

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use adapters::adapter::{Adapter, Header, Legs, Record, Settings};
use adapters::framing::Cutter;
use adapters::leg::{Moment, Position, Stage};
use adapters::line::{Line, moment, word};
use adapters::{Leg, Mark, pbx};
use serde::Deserialize;
use serde_json::{Map, Value, json};

#[test]
fn every_fixture_gives_its_legs() {
    let mut failures = String::new();
    let mut checked = 0;
    for fixture in fixtures() {
        checked += 1;
        let found: Value = serde_json::from_str(&fixture.read_and_print()).unwrap();
        let path = fixture.folder.join("legs.json");
        let Ok(wanted) = std::fs::read_to_string(&path) else {
            let _ = writeln!(failures, "\n{}: no legs.json; bless it, and read it", fixture.name());
            continue;
        };
        let wanted: Value = serde_json::from_str(&wanted).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        for part in ["legs", "marks", "rejects"] {
            compare(&fixture.name(), part, &wanted[part], &found[part], &mut failures);
        }
    }
    println!("{checked} fixtures");
    assert!(failures.is_empty(), "{failures}\n`-` is what legs.json says, `+` what came out");
}

#[test]
fn every_adapter_has_fixtures_and_every_folder_an_adapter() {
    let named: BTreeSet<String> = pbx::ADAPTERS.iter().map(|a| a.about().name.to_owned()).collect();
    let folders: BTreeSet<String> = folders(&root()).iter().map(|f| name_of(f)).collect();
    let without: Vec<_> = named.difference(&folders).collect();
    assert!(
        without.is_empty(),
        "adapters of the list in pbx/mod.rs without a folder in adapters/fixtures: {without:?}"
    );
    let strange: Vec<_> = folders.difference(&named).collect();
    assert!(
        strange.is_empty(),
        "folders of adapters/fixtures that name no adapter of the list in pbx/mod.rs: {strange:?}"
    );
    for folder in self::folders(&root()) {
        assert!(folder.join("about.toml").exists(), "{}: no about.toml (title, provenance, sources)", folder.display());
        assert!(!self::folders(&folder).is_empty(), "{}: no fixture in it", folder.display());
    }
}

/// No bytes make an adapter panic or fall silent: each fixture is cut at every byte, holed, overwritten and blown up.
#[test]
fn hostile_bytes_become_legs_or_rejects() {
    for fixture in fixtures() {
        let mut random = 0x9e37_79b9_7f4a_7c15_u64;
        for (header, bytes) in fixture.records() {
            let bytes = &bytes[..bytes.len().min(4096)];
            for at in 1..bytes.len() {
                fixture.survives(header.as_ref(), &bytes[..at]);
                fixture.survives(header.as_ref(), &bytes[at..]);
            }
            for _ in 0..200 {
                let mut changed = bytes.to_vec();
                for _ in 0..=next(&mut random) % 4 {
                    let at = usize::try_from(next(&mut random)).unwrap() % changed.len();
                    match next(&mut random) % 5 {
                        0 => changed[at] = 0,
                        1 => changed[at] = u8::try_from(next(&mut random) % 256).unwrap(),
                        2 => {
                            changed[at] = *b"0123456789,;:|\" \t{}[]-"
                                .get(usize::try_from(next(&mut random)).unwrap() % 22)
                                .unwrap();
                        }
                        3 => drop(changed.splice(at..at, *b"99999999999999999999999")),
                        _ => drop(changed.splice(at..at, *b"-9223372036854775808")),
                    }
                }
                fixture.survives(header.as_ref(), &changed);
            }
        }
    }
}

/// Rewrites every `legs.json`.
#[test]
#[ignore = "writes files: run it by name to accept what comes out now"]
fn bless() {
    for fixture in fixtures() {
        std::fs::write(fixture.folder.join("legs.json"), fixture.read_and_print()).unwrap();
    }
}

/// One folder of fixtures.
struct Fixture {
    adapter: &'static dyn Adapter,
    folder: PathBuf,
    files: Vec<PathBuf>,
    settings: Settings,
    logged_at: Option<Moment>,
}

/// What `settings.json` may say, by the names of [`Settings`]; and when the records reached the log.
#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
struct FixtureSettings {
    zone: Option<String>,
    columns: Vec<String>,
    stages: BTreeMap<String, String>,
    trunks: BTreeMap<String, String>,
    devices: BTreeMap<String, String>,
    extensions: Vec<String>,
    agents: BTreeMap<String, String>,
    dids: Vec<String>,
    places: BTreeMap<String, String>,
    outside_prefix: String,
    options: BTreeMap<String, String>,
    logged_at: Option<String>,
}

impl Fixture {
    fn open(adapter: &'static dyn Adapter, folder: PathBuf) -> Fixture {
        let mut files: Vec<PathBuf> =
            entries(&folder).into_iter().filter(|p| name_of(p).starts_with("record")).collect();
        files.sort();
        assert!(!files.is_empty(), "{}: no file record.*", folder.display());
        let told = match std::fs::read(folder.join("settings.json")) {
            Ok(bytes) => {
                serde_json::from_slice(&bytes).unwrap_or_else(|e| panic!("{}/settings.json: {e}", folder.display()))
            }
            Err(_) => FixtureSettings::default(),
        };
        let logged_at = told.logged_at.as_ref().map(|text| {
            let moment = chrono::DateTime::parse_from_rfc3339(text)
                .unwrap_or_else(|e| panic!("{}: logged_at: {e}", folder.display()));
            Moment(moment.timestamp_millis())
        });
        let settings = settings(&told, adapter.about().name);
        Fixture { adapter, folder, files, settings, logged_at }
    }

    fn name(&self) -> String {
        format!("{}/{}", self.adapter.about().name, name_of(&self.folder))
    }

    /// Cuts the files into records, as the shell does.
    fn each_record(&self, mut each: impl FnMut(&mut Option<Header>, &[u8], Position)) {
        for (number, file) in self.files.iter().enumerate() {
            let bytes = std::fs::read(file).unwrap();
            let mut header = None;
            let mut position = Position { file: u32::try_from(number + 1).unwrap(), record: 0, byte: 0 };
            let mut take = |cut: adapters::framing::Cut<'_>| {
                if let Some(found) = self.adapter.header(cut.bytes, &self.settings) {
                    found.take(&mut header);
                    return;
                }
                position.record += 1;
                position.byte = cut.byte;
                each(&mut header, cut.bytes, position);
            };
            let mut cutter = Cutter::at(0);
            cutter.push(&bytes, &mut take);
            cutter.finish(&mut take);
        }
    }

    fn records(&self) -> Vec<(Option<Header>, Vec<u8>)> {
        let mut records = Vec::new();
        self.each_record(|header, bytes, _| records.push((header.clone(), bytes.to_vec())));
        records
    }

    fn read_and_print(&self) -> String {
        let mut out = Legs::default();
        self.each_record(|header, bytes, position| {
            let record =
                Record { bytes, position, source: b"fixture", header: header.as_ref(), logged_at: self.logged_at };
            let before = out.legs.len() + out.marks.len() + out.rejects.len();
            self.adapter.parse(record, &self.settings, &mut out);
            assert!(
                out.legs.len() + out.marks.len() + out.rejects.len() > before,
                "{}: record {} gave neither leg nor mark nor reject",
                self.name(),
                position.record
            );
        });
        let mut ids = BTreeMap::new();
        for leg in &out.legs {
            if let Some(other) = ids.insert(leg.leg_id.0, leg.position) {
                assert!(
                    other.byte == leg.position.byte || same_record(&self.files, other, leg.position),
                    "{}: records {other:?} and {:?} give one leg_id",
                    self.name(),
                    leg.position
                );
            }
        }
        print(&out, self.files.len() > 1)
    }

    fn survives(&self, header: Option<&Header>, bytes: &[u8]) {
        if bytes.iter().all(u8::is_ascii_whitespace) || self.adapter.header(bytes, &self.settings).is_some() {
            return;
        }
        let mut out = Legs::default();
        let record =
            Record { bytes, position: Position::default(), source: b"fixture", header, logged_at: self.logged_at };
        self.adapter.parse(record, &self.settings, &mut out);
        assert!(
            !out.legs.is_empty() || !out.marks.is_empty() || !out.rejects.is_empty(),
            "{}: neither leg nor mark nor reject for `{}`",
            self.name(),
            String::from_utf8_lossy(bytes)
        );
    }
}

/// The same record sent twice is the same leg: two records of one id must be equal bytes.
fn same_record(files: &[PathBuf], one: Position, other: Position) -> bool {
    let line = |position: Position| {
        let bytes = std::fs::read(&files[usize::try_from(position.file).unwrap() - 1]).unwrap();
        let from = usize::try_from(position.byte).unwrap();
        bytes[from..].split(|b| *b == b'\n').next().unwrap_or_default().trim_ascii().to_vec()
    };
    line(one) == line(other)
}

fn settings(told: &FixtureSettings, adapter: &'static str) -> Settings {
    let mut settings = Settings::without_site_file("", "pbx", adapter);
    settings.zone = told.zone.as_ref().map(|z| z.parse().unwrap_or_else(|_| panic!("`{z}` is no time zone")));
    settings.columns = told.columns.iter().map(|c| c.as_str().into()).collect();
    settings.stages = told.stages.iter().map(|(name, s)| (name.as_str().into(), stage(s))).collect();
    settings.trunks = told.trunks.iter().map(|(prefix, name)| (prefix.as_str().into(), name.as_str().into())).collect();
    settings.devices = told.devices.iter().map(|(device, e)| (device.as_str().into(), e.as_str().into())).collect();
    settings.extensions = told.extensions.iter().map(|e| e.as_str().into()).collect();
    settings.agents = told.agents.iter().map(|(name, e)| (name.as_str().into(), e.as_str().into())).collect();
    settings.dids = told.dids.iter().map(|d| d.as_str().into()).collect();
    settings.places = told.places.iter().map(|(number, s)| (number.as_str().into(), stage(s))).collect();
    settings.outside_prefix = told.outside_prefix.as_str().into();
    settings.options = told.options.iter().map(|(name, value)| (name.as_str().into(), value.as_str().into())).collect();
    settings
}

fn stage(name: &str) -> Stage {
    use Stage::*;
    [
        Number,
        Extension,
        HuntGroup,
        Queue,
        AfterQueue,
        QueueExit,
        Forward,
        Menu,
        Final,
        Announcement,
        Closed,
        Mailbox,
        Park,
        ParkRetrieve,
        Conference,
        Inside,
        Outbound,
        OwnCall,
        Recording,
    ]
    .into_iter()
    .find(|s| word(s) == name)
    .unwrap_or_else(|| panic!("`{name}` is no stage"))
}

/// `{"legs": [...], "rejects": [...]}`, each leg an object of a few lines.
fn print(out: &Legs, several_files: bool) -> String {
    let place = |position: Position| match several_files {
        true => format!("{}:{}", position.file, position.record),
        false => position.record.to_string(),
    };
    let legs: Vec<String> = out.legs.iter().map(|leg| wrap(leg, &place(leg.position))).collect();
    let rejects: Vec<String> =
        out.rejects.iter().map(|r| format!("  {}", json!({"record": place(r.position), "reason": r.reason}))).collect();
    let list =
        |items: &[String]| if items.is_empty() { "[]".to_owned() } else { format!("[\n{}\n]", items.join(",\n")) };
    let marks: Vec<String> = out.marks.iter().map(|mark| format!("  {}", fields_of(mark))).collect();
    let marks = if marks.is_empty() { String::new() } else { format!("\"marks\": {},\n", list(&marks)) };
    format!("{{\"legs\": {},\n{marks}\"rejects\": {}}}\n", list(&legs), list(&rejects))
}

/// What a mark tells, without what it does not.
fn fields_of(mark: &Mark) -> Value {
    let mut fields = json!({
        "kind": mark.kind, "id": mark.id.as_str(), "at": moment(mark.at).as_str(), "opened_at": mark.opened_at.map(|at| moment(at).to_string()),
    });
    let texts = [
        ("follow_up", &mark.follow_up),
        ("customer", &mark.customer),
        ("by", &mark.by),
        ("why", &mark.why),
        ("status", &mark.status),
        ("action", &mark.action),
        ("call", &mark.call),
        ("detail", &mark.detail),
    ];
    let fields_map = fields.as_object_mut().unwrap();
    fields_map.extend(texts.map(|(name, text)| (name.to_owned(), json!(text.as_deref()))));
    fields_map.retain(|_, value| !value.is_null());
    fields
}

/// One leg, with a new line before the fields that begin a thought, so that it is read like a paragraph.
fn wrap(leg: &Leg, record: &str) -> String {
    const BEGIN: [&str; 8] = ["link_keys", "event", "from", "to", "stage", "started_at", "disposition", "extra"];
    let text = serde_json::to_string(&Line { leg, record }).unwrap();
    let fields: Map<String, Value> = serde_json::from_str(&text).unwrap();
    // The order is that of the line, which a map does not keep.
    let mut order: Vec<&String> = fields.keys().collect();
    order.sort_by_key(|name| text.find(&format!("\"{name}\":")).unwrap());
    let mut printed = String::from("  {");
    for (index, name) in order.into_iter().enumerate() {
        if index > 0 {
            printed.push_str(if BEGIN.contains(&name.as_str()) { ",\n   " } else { ", " });
        }
        let _ = write!(printed, "\"{name}\": {}", fields[name]);
    }
    printed.push('}');
    printed
}

/// Leg by leg and field by field, what differs.
fn compare(name: &str, part: &str, wanted: &Value, found: &Value, failures: &mut String) {
    let empty = Vec::new();
    let (wanted, found) = (wanted.as_array().unwrap_or(&empty), found.as_array().unwrap_or(&empty));
    if wanted == found {
        return;
    }
    let _ = writeln!(failures, "\n{name}: {part}: {} in legs.json, {} came out", wanted.len(), found.len());
    for index in 0..wanted.len().max(found.len()) {
        let (one, other) = (wanted.get(index), found.get(index));
        if one == other {
            continue;
        }
        let nothing = Map::new();
        let fields = |v: Option<&Value>| v.and_then(Value::as_object).unwrap_or(&nothing).clone();
        let (one, other) = (fields(one), fields(other));
        let record = one.get("record").or(other.get("record")).cloned().unwrap_or_default();
        let _ = writeln!(failures, "  {part}[{index}] of record {record}:");
        for field in one.keys().chain(other.keys()).collect::<BTreeSet<_>>() {
            if one.get(field) != other.get(field) {
                for (mark, value) in [('-', one.get(field)), ('+', other.get(field))] {
                    if let Some(value) = value {
                        let _ = writeln!(failures, "    {mark} {field}: {value}");
                    }
                }
            }
        }
    }
}

fn fixtures() -> Vec<Fixture> {
    let wanted = std::env::var("FIXTURES").unwrap_or_default();
    let mut fixtures = Vec::new();
    for folder in folders(&root()) {
        let Some(adapter) = pbx::named(&name_of(&folder)) else { continue };
        for behaviour in folders(&folder) {
            if format!("{}/{}", name_of(&folder), name_of(&behaviour)).starts_with(&wanted) {
                fixtures.push(Fixture::open(adapter, behaviour));
            }
        }
    }
    fixtures
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures")
}

fn folders(path: &Path) -> Vec<PathBuf> {
    entries(path).into_iter().filter(|p| p.is_dir()).collect()
}

fn entries(path: &Path) -> Vec<PathBuf> {
    let mut found: Vec<PathBuf> =
        std::fs::read_dir(path).map(|d| d.map(|e| e.unwrap().path()).collect()).unwrap_or_default();
    found.sort();
    found
}

fn name_of(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

/// xorshift64*: the same numbers on every machine.
fn next(state: &mut u64) -> u64 {
    *state ^= *state >> 12;
    *state ^= *state << 25;
    *state ^= *state >> 27;
    state.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33
}
