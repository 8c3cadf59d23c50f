//! The text of a guessed site file.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use adapters::adapter::looks_like_extension;
use adapters::leg::Text;
use chrono_tz::Tz;

use super::clocks::Told;
use super::{
    DIDS_MAX, Did, Extension, Guessed, Guesser, MEMBERS_MAX, NUMBERS_SHOWN_MAX, PEOPLE_MAX, PLACES_MAX, Place, Seen,
    agreed,
};

/// Characters of a name.
const NAME_CHARS_MAX: usize = 100;

/// What stands above everything.
const TITLE: &str = "\
# What is known of the company. Nobody wrote this file: it was guessed from the records, and each line that was says what from.
# Change what is wrong, here or on the page /set-up/directory, and take the comment away; `site.example.toml` explains every key.
# To add, since no record tells it: working hours, `hours.mon = [\"09:00-18:00\"]` and so on (without them it is always open);
# groups with their heads, `[[group]] id = \"sales\", heads = [\"101\"]`, and the `group` of each person, queue and number; e-mail addresses.
";

/// The lines that were written so far.
struct Lines {
    text: String,
    guessed: usize,
}

impl Lines {
    fn plain(&mut self, line: &str) {
        self.text.push_str(line);
        self.text.push('\n');
    }

    fn guessed(&mut self, line: &str, from: &str) {
        let _ = writeln!(self.text, "{line} # guessed from {from}");
        self.guessed += 1;
    }
}

pub(super) fn site_file(guesser: &Guesser, machine: Option<Tz>) -> Guessed {
    let mut lines = Lines { text: TITLE.to_owned(), guessed: 0 };
    site(guesser, machine, &mut lines);
    let fallback = BTreeMap::from([(Text::from("main"), Seen::default())]);
    let pbxes = if guesser.pbxes.is_empty() { &fallback } else { &guesser.pbxes };
    for (id, seen) in pbxes {
        pbx(guesser, id, seen, &mut lines);
    }
    let is_one = pbxes.len() == 1;
    let people: BTreeMap<&Text, BTreeMap<&Text, Person<'_>>> =
        pbxes.iter().map(|(id, seen)| (id, people_of(seen))).collect();
    let count: usize = people.values().map(BTreeMap::len).sum();
    let why = if guesser.is_part {
        Some("since the files were not read to their ends")
    } else if pbxes.values().any(|seen| seen.is_overfull) {
        Some("since the records show too many different extensions, devices or places")
    } else {
        (count > PEOPLE_MAX).then_some("since the records show more extensions than a guessed file lists")
    };
    if let Some(why) = why {
        let _ = write!(
            lines.text,
            "\n# People are left out, {why} ({count} seen, at most {PEOPLE_MAX}): whoever is not on a list of them counts as outside.\n\
             # To add: [[person]] with `id`, `name` and `extensions` for each extension.\n"
        );
    } else {
        for (pbx, extension, told) in people.iter().flat_map(|(pbx, of)| of.iter().map(move |(e, p)| (pbx, e, p))) {
            person(pbx, extension, told, is_one, &mut lines);
        }
    }
    for (id, seen) in pbxes {
        let empty = BTreeMap::new();
        let of = if why.is_some() { &empty } else { people.get(id).unwrap_or(&empty) };
        places("queue", id, &queues_of(seen), of, is_one, &mut lines);
        places("hunt_group", id, &hunt_groups_of(seen), of, is_one, &mut lines);
    }
    dids(guesser, &mut lines);
    Guessed { text: lines.text, lines: lines.guessed }
}

fn site(guesser: &Guesser, machine: Option<Tz>, lines: &mut Lines) {
    lines.plain("\n[[site]]\nid = \"main\"");
    let zone = |zone: Tz| format!("zone = {}", quoted(zone.name()));
    match guesser.clocks.told(machine) {
        Told::Machine(told) => lines.guessed(&zone(told), "the clock of this machine"),
        Told::Proven(told, records) => {
            lines.guessed(&zone(told), &format!("the clock of this machine, which {} agree with", counted(records)));
        }
        Told::Other(offset_ms) => lines.plain(&format!(
            "# The clocks of the records are {} from UTC, and those of this machine are not. To add: zone = \"Europe/Lisbon\", or another.",
            offset(offset_ms)
        )),
        Told::Unknown => lines.plain("# To add, since this machine does not say its own: zone = \"Europe/Lisbon\", or another."),
    }
    match guesser.numbers.country(guesser.pbxes.values().flat_map(|seen| seen.dids.keys())) {
        Some((country, numbers)) => {
            let noun = if numbers == 1 { "number" } else { "numbers" };
            lines.guessed(&format!("country = {}", quoted(&country)), &format!("{numbers} {noun} with a country code"));
        }
        None => {
            lines.plain("# To add, so that national numbers are known: country = \"PT\", or another in two letters.");
        }
    }
}

fn pbx(guesser: &Guesser, id: &str, seen: &Seen, lines: &mut Lines) {
    lines.plain(&format!("\n[[pbx]]\nid = {}", quoted(id)));
    match seen.adapters.iter().next() {
        Some((adapter, count)) if seen.adapters.len() == 1 => {
            lines.guessed(&format!("adapter = {}", quoted(adapter)), &counted(count.records));
        }
        Some(_) => {
            let names: Vec<&str> = seen.adapters.keys().copied().collect();
            lines.plain(&format!("# Its records have several formats: {}.", names.join(", ")));
        }
        None => {}
    }
    if seen.adapters.keys().any(|adapter| guesser.clocks.is_kept_in_utc(adapter)) {
        lines.guessed("zone = \"UTC\"", "how this make keeps times");
    }
}

/// Somebody with an extension.
struct Person<'s> {
    seen: &'s Extension,
    records: u64,
    /// Devices whose names do not say the extension.
    devices: Vec<&'s Text>,
}

impl Seen {
    /// Somebody outside was behind this device. Once is enough, unless it is named like an extension: a telephone may show the few numbers
    /// of the company, and a way to the outside shows those of many callers.
    fn is_trunk(&self, device: &Text, as_telephone: u64) -> bool {
        let Some(outside) = self.outside.get(device) else { return false };
        let shows_many = outside.numbers.len() >= NUMBERS_SHOWN_MAX && outside.sightings > as_telephone;
        shows_many || !looks_like_extension(peer(device))
    }
}

/// Extensions of people: not what showed a short number on a way to the outside.
fn people_of(seen: &Seen) -> BTreeMap<&Text, Person<'_>> {
    let mut people = BTreeMap::new();
    for (number, extension) in &seen.extensions {
        let devices = extension.devices.iter().map(|(device, count)| (device, count.records));
        let own: Vec<(&Text, u64)> = devices.filter(|(device, records)| !seen.is_trunk(device, *records)).collect();
        let records: u64 = own.iter().map(|(_, records)| records).sum();
        let is_place = seen.queues.contains_key(number) && !looks_like_device(&own, number);
        if records == 0 || is_place || number.chars().count() > NAME_CHARS_MAX {
            continue;
        }
        // A device with a technology before a slash is one telephone; other makes name a telephone with several extensions.
        let is_named =
            |device: &Text| device.contains('/') && peer(device) != number.as_str() && !device.ends_with('/');
        let devices = own.iter().map(|(device, _)| *device).filter(|device| is_named(device)).collect();
        people.insert(number, Person { seen: extension, records, devices });
    }
    share_no_device(&mut people);
    people
}

/// A telephone is named after this extension.
fn looks_like_device(own: &[(&Text, u64)], number: &str) -> bool {
    own.iter().any(|(device, _)| device.contains('/') && peer(device) == number)
}

/// A device that showed several extensions says nothing of any.
fn share_no_device(people: &mut BTreeMap<&Text, Person<'_>>) {
    let mut of: BTreeMap<&Text, usize> = BTreeMap::new();
    for device in people.values().flat_map(|person| person.devices.iter().copied()) {
        *of.entry(device).or_default() += 1;
    }
    for person in people.values_mut() {
        person.devices.retain(|device| of.get(device) == Some(&1));
    }
}

/// `101` of `PJSIP/101`.
fn peer(device: &str) -> &str {
    device.split_once('/').map_or(device, |(_, peer)| peer)
}

fn person(pbx: &str, number: &str, told: &Person<'_>, is_one: bool, lines: &mut Lines) {
    let id = if is_one { number.to_owned() } else { format!("{pbx}-{number}") };
    let from = counted(told.records);
    lines.plain("\n[[person]]");
    lines.guessed(&format!("id = {}", quoted(&id)), &from);
    match agreed(&told.seen.names) {
        Some(name) => {
            let of = told.seen.names.get(name).copied().unwrap_or_default();
            let name: String = name.chars().take(NAME_CHARS_MAX).collect();
            lines.guessed(&format!("name = {}", quoted(&name)), &counted(of));
        }
        None => lines.guessed(&format!("name = {}", quoted(number)), &from),
    }
    let at = if is_one { String::new() } else { format!(", pbx = {}", quoted(pbx)) };
    let number = quoted(number);
    let held: Vec<String> = match told.devices.as_slice() {
        [] => vec![format!("{{ number = {number}{at} }}")],
        devices => devices.iter().map(|d| format!("{{ number = {number}{at}, device = {} }}", quoted(d))).collect(),
    };
    lines.guessed(&format!("extensions = [{}]", held.join(", ")), &from);
}

fn queues_of(seen: &Seen) -> Vec<(&Text, &Place)> {
    seen.queues.iter().collect()
}

/// What several telephones were rung for at once; a person with several telephones is none.
fn hunt_groups_of(seen: &Seen) -> Vec<(&Text, &Place)> {
    let is_group = |(id, place): &(&Text, &Place)| {
        looks_like_extension(id)
            && !seen.extensions.contains_key(*id)
            && !seen.queues.contains_key(*id)
            && place.members.len() > 1
    };
    seen.hunt_groups.iter().filter(is_group).collect()
}

fn places(
    table: &str,
    pbx: &str,
    found: &[(&Text, &Place)],
    people: &BTreeMap<&Text, Person<'_>>,
    is_one: bool,
    lines: &mut Lines,
) {
    let mut kept: Vec<&(&Text, &Place)> = found.iter().collect();
    kept.sort_by_key(|(id, place)| (std::cmp::Reverse(place.count.records), *id));
    let left_out = kept.len().saturating_sub(PLACES_MAX);
    kept.truncate(PLACES_MAX);
    kept.sort_by_key(|(id, _)| *id);
    for (id, place) in kept {
        lines.plain(&format!("\n[[{table}]]"));
        lines.guessed(&format!("id = {}", quoted(id)), &counted(place.count.records));
        if !is_one {
            lines.plain(&format!("pbx = {}", quoted(pbx)));
        }
        let mut members: Vec<(&Text, u64)> =
            place.members.iter().filter(|(m, _)| people.contains_key(m)).map(|(m, count)| (m, count.records)).collect();
        members.sort_by_key(|(member, records)| (std::cmp::Reverse(*records), *member));
        let more = members.len().saturating_sub(MEMBERS_MAX);
        members.truncate(MEMBERS_MAX);
        members.sort_unstable();
        if !members.is_empty() {
            let told: Vec<String> = members.iter().map(|(member, _)| quoted(member)).collect();
            let records = members.iter().map(|(_, records)| records).sum();
            lines.guessed(&format!("members = [{}]", told.join(", ")), &counted(records));
        }
        if more > 0 {
            lines.plain(&format!("# {more} more members were rung for it."));
        }
    }
    if left_out > 0 {
        lines.plain(&format!(
            "\n# {left_out} more with fewer records are left out: at most {PLACES_MAX} [[{table}]] are guessed."
        ));
    }
}

/// The numbers of the company, if each of them can be told: where some are listed, others are none.
fn dids(guesser: &Guesser, lines: &mut Lines) {
    let found: BTreeMap<&Text, &Did> = guesser.pbxes.values().flat_map(|seen| &seen.dids).collect();
    if found.is_empty() {
        return;
    }
    let is_e164 = |number: &str| {
        let digits = number.strip_prefix('+').unwrap_or(number);
        directory::country_of(&format!("+{digits}")).is_some()
    };
    let count = found.len();
    let of_two = guesser.pbxes.values().map(|seen| seen.dids.len()).sum::<usize>() > count;
    let digits: BTreeSet<&str> = found.keys().map(|number| number.trim_start_matches('+')).collect();
    let why = if guesser.is_part {
        Some("since the files were not read to their ends")
    } else if of_two || digits.len() < count {
        Some("since some are written in two ways, or at two exchanges")
    } else if count > DIDS_MAX {
        Some("since there are too many")
    } else if !found.keys().all(|number| is_e164(number)) {
        Some("since not all are written with their country code")
    } else if !found.values().all(|did| agreed(&did.entries).is_some()) {
        Some("since the records do not say of each what it leads to")
    } else {
        None
    };
    if let Some(why) = why {
        lines.plain(&format!(
            "\n# {count} numbers of the company are left out, {why}.\n\
             # To add: [[did]] with `number` and `entry` for each, since where some are listed, others are not known as the company's."
        ));
        return;
    }
    for (number, did) in found {
        let Some((kind, target)) = agreed(&did.entries) else { continue };
        let from = counted(did.count.records);
        lines.plain("\n[[did]]");
        lines.guessed(&format!("number = {}", quoted(&format!("+{}", number.trim_start_matches('+')))), &from);
        let told = did.entries.get(&(*kind, target.clone())).copied().unwrap_or_default();
        lines.guessed(&format!("entry = {}", quoted(kind)), &counted(told));
        if !target.is_empty() {
            lines.guessed(&format!("target = {}", quoted(target)), &counted(told));
        }
    }
}

fn counted(records: u64) -> String {
    format!("{records} {}", if records == 1 { "record" } else { "records" })
}

/// `+01:00`.
fn offset(offset_ms: i64) -> String {
    let minutes = (offset_ms / 60_000).abs();
    format!("{}{:02}:{:02}", if offset_ms < 0 { '-' } else { '+' }, minutes / 60, minutes % 60)
}

/// A text as TOML has it, on one line.
fn quoted(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for c in text.chars() {
        match c {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            c if c.is_control() => {
                let _ = write!(quoted, "\\u{:04X}", u32::from(c));
            }
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}
