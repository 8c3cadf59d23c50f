//! Every leg that any fixture or any call of the corpus tells is read back from the engine unchanged.

use std::fs;
use std::path::{Path, PathBuf};

use adapters::leg::{Position, Text};
use adapters::reader::Reader;
use adapters::{Adapter, Leg, Legs, Settings};
use directory::Directory;
use store::{FactsBuilder, LegsOf, Place};
use stream::Facts;

use super::{NOON, Tables, about, wait};

#[test]
fn every_leg_is_read_back_unchanged() {
    let tables = Tables::made();
    let told = told();
    assert!(told.len() > 2000, "{} legs", told.len());
    let adapters: std::collections::BTreeSet<&str> = told.iter().map(|leg| leg.origin.adapter).collect();
    // What the engine writes itself tells no legs.
    let all = adapters::pbx::ADAPTERS.iter().map(|adapter| adapter.about().name);
    assert_eq!(adapters, all.filter(|name| *name != stream::tenant::OURS).collect(), "adapters whose legs were told");

    let mut facts = FactsBuilder::default();
    let place = |at: usize| Place { position: at as u64, logged_at: NOON.plus_ms(at as i64), ..super::place(0) };
    for (at, leg) in told.iter().enumerate() {
        facts.leg(leg, place(at));
    }
    tables.insert(&facts.seal(&about(0, told.len() as u64)));
    let of = LegsOf::Stored {
        topic: "calls".into(),
        partition: 3,
        epoch: 1,
        before: told.len() as u64,
        since: NOON,
        tenant: None,
    };
    let read = read(&tables, &of);
    assert_eq!(read.len(), told.len());
    for (at, ((found, found_place), leg)) in read.iter().zip(&told).enumerate() {
        assert_eq!(found, leg, "{at}");
        assert_eq!(*found_place, place(at));
    }
}

pub(super) fn read(tables: &Tables, of: &LegsOf) -> Vec<(Leg, Place)> {
    wait(async {
        let mut cursor = tables.store.legs(of).expect("asked");
        let mut legs = Vec::new();
        while let Some(block) = cursor.next_block().await.unwrap_or_else(|error| panic!("{error:?}")) {
            legs.extend(block);
        }
        legs
    })
}

fn told() -> Vec<Leg> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the top").to_owned();
    let mut out = Legs::default();
    for adapter in adapters::pbx::ADAPTERS {
        let name = adapter.about().name;
        for folder in entries(&root.join("adapters/fixtures").join(name)).iter().filter(|path| path.is_dir()) {
            let settings = settings_of(folder, name);
            for file in entries(folder).iter().filter(|path| file_name(path).starts_with("record")) {
                read_file(*adapter, &settings, file, &mut out);
            }
        }
    }
    let corpus = root.join("engine/calls/tests/corpus");
    let site = fs::read_to_string(corpus.join("site.toml")).expect("a site file");
    let directory = Directory::from_toml(&site).expect("a site");
    for (file, name) in
        [("cdr-full.csv", "asterisk_cdr"), ("cel.csv", "asterisk_cel"), ("queue_log", "asterisk_queue_log")]
    {
        let adapter = adapters::pbx::named(name).expect("an adapter");
        let settings = calls::settings::settings(&directory, directory.first_pbx().id.as_str(), name);
        for scenario in entries(&corpus).iter().filter(|path| path.join(file).exists()) {
            read_file(adapter, &settings, &scenario.join(file), &mut out);
        }
    }
    out.legs
}

fn read_file(adapter: &'static dyn Adapter, settings: &Settings, file: &Path, out: &mut Legs) {
    let before = out.legs.len();
    let mut reader = Reader::new(adapter, settings, b"source", 1);
    reader.push(&fs::read(file).expect("records"), Some(NOON), out);
    reader.finish(Some(NOON), out);
    // Numbers that no small value hides.
    for leg in out.legs.iter_mut().skip(before) {
        leg.position = Position { file: 7, record: leg.position.record << 33, byte: leg.position.byte << 34 };
    }
}

/// Of the fixture's settings those that are plain text: without them some formats tell no leg.
fn settings_of(folder: &Path, adapter: &'static str) -> Settings {
    let mut settings = Settings::without_site_file("acme", "main", adapter);
    let Ok(text) = fs::read_to_string(folder.join("settings.json")) else { return settings };
    let told: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    let words = |value: &serde_json::Value| value.as_str().map(Text::from);
    settings.columns = told["columns"].as_array().into_iter().flatten().filter_map(words).collect();
    let pairs = told["options"].as_object().into_iter().flatten();
    settings.options = pairs.filter_map(|(name, value)| Some((name.into(), words(value)?))).collect();
    settings
}

fn entries(folder: &Path) -> Vec<PathBuf> {
    let mut found: Vec<PathBuf> =
        fs::read_dir(folder).expect("a folder").map(|e| e.expect("an entry").path()).collect();
    found.sort();
    found
}

fn file_name(path: &Path) -> String {
    path.file_name().expect("a name").to_string_lossy().into_owned()
}
