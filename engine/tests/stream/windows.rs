//! Windows are a recount of what `ringback calls` says.

use std::collections::BTreeMap;

use adapters::reader::Reader;
use adapters::{Leg, Legs, pbx};
use calls::window::Kept;
use calls::{Calls, Contribution, Site, Told, Windows};
use directory::Directory;

use crate::world::World;

/// A measure of a window, by what it is stored under.
type Table = BTreeMap<String, i64>;

/// `windows` holds for each company what one undisturbed pass over its calls counts: these records were each company's.
pub fn windows_equal_a_recount(world: &World, companies: &[&str], records: &[u8]) {
    for company in companies {
        let site = std::fs::read_to_string(world.site_of(company)).expect("read");
        let directory = Directory::from_toml(&site).unwrap_or_else(|error| panic!("{error}"));
        company_windows_equal_a_recount(world, company, &directory, legs(&directory, records));
    }
}

/// The same of one company, whose legs these are.
pub fn company_windows_equal_a_recount(world: &World, company: &str, directory: &Directory, legs: Vec<Leg>) {
    let (counted, stored) = (recount(directory, legs), stored(world, company));
    assert!(counted.len() > 100, "{company}: only {} figures", counted.len());
    let differs = |from: &Table, other: &Table| -> Vec<String> {
        let of = from.iter().filter(|(key, value)| other.get(*key) != Some(value));
        of.map(|(key, value)| format!("{key} {value}")).take(10).collect()
    };
    assert_eq!(differs(&stored, &counted), differs(&counted, &stored), "{company}: stored, and counted again");
}

fn legs(directory: &Directory, records: &[u8]) -> Vec<Leg> {
    let adapter = pbx::named("asterisk_cdr").expect("an adapter");
    let settings = calls::settings::settings(directory, &directory.first_pbx().id, adapter.about().name);
    let (mut reader, mut out) = (Reader::new(adapter, &settings, b"", 1), Legs::default());
    reader.push(records, None, &mut out);
    reader.finish(None, &mut out);
    out.legs
}

fn recount(directory: &Directory, legs: Vec<Leg>) -> Table {
    let ends: Vec<_> = pbx::ADAPTERS.iter().map(|adapter| adapter.about().ends).collect();
    let mut calls = Calls::new(Site::new(directory), &ends, false).whole();
    for leg in legs {
        calls.push(leg);
    }
    let mut windows = Windows::new(Kept::default(), directory).unwrap_or_else(|error| panic!("{error}"));
    let mut table = Table::new();
    // In the order of their beginnings, so that no window that is told is changed again.
    calls.finish(|told| {
        let Told::Call(line) = told else { panic!("whole calls were asked for") };
        windows.advance(line.started_at, Some(line.started_at), |now| store(&mut table, &now));
        windows.add(&Contribution::of(&line, directory));
    });
    windows.tell_all(|now| store(&mut table, &now));
    assert!(windows.dirty_forgotten().is_empty());
    table
}

fn store(table: &mut Table, now: &calls::window::WindowNow) {
    for row in now.rows() {
        let (scope, id, size_s, opened_at) = (row.scope, row.scope_id, row.size_s, row.opened_at.0);
        let key = format!("{scope}\t{id}\t{size_s}\t{opened_at}\t{}", row.measure);
        // A figure that is 0 and one that is not there are the same.
        if row.value.0 == 0 {
            table.remove(&key);
        } else {
            table.insert(key, row.value.0);
        }
    }
}

fn stored(world: &World, company: &str) -> Table {
    let rows = world.ask(&format!(
        "SELECT scope, scope_id, size_s, toUnixTimestamp64Milli(opened_at), measure, toInt64(value * 1000) FROM windows FINAL \
         WHERE tenant = '{company}' AND value != 0"
    ));
    let pairs = rows.lines().filter_map(|row| row.rsplit_once('\t'));
    pairs.map(|(key, value)| (key.to_owned(), value.parse().expect("a number"))).collect()
}
