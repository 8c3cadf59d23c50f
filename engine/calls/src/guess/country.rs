//! Where a company is, by the numbers that its records show.

use std::collections::{BTreeMap, BTreeSet};

use adapters::leg::Text;
use directory::{Directory, country_of, is_withheld};
use xxhash_rust::xxh3::xxh3_64;

/// Different numbers that are kept: those with the smallest hashes, whatever came first.
const KEPT_MAX: usize = 20_000;
/// Of fewer international numbers nothing is concluded.
const INTERNATIONAL_MIN: usize = 5;
/// A country is told where so many of a hundred international numbers are of it.
const PREVAILS_PERCENT: usize = 80;
/// And so many of a hundred national ones can be read there.
const READ_PERCENT: usize = 90;

/// Numbers of the outside, each once.
#[derive(Default)]
pub(super) struct Numbers(BTreeSet<(u64, Text)>);

impl Numbers {
    pub(super) fn add(&mut self, number: &Text) {
        let digits = number.strip_prefix('+').unwrap_or(number);
        let is_number = digits.len() > directory::EXTENSION_DIGITS_MAX && digits.bytes().all(|b| b.is_ascii_digit());
        if !is_number || is_withheld(number) {
            return;
        }
        let hash = xxh3_64(number.as_bytes());
        if self.0.len() >= KEPT_MAX && self.0.last().is_some_and(|(last, _)| *last < hash) {
            return;
        }
        self.0.insert((hash, number.clone()));
        if self.0.len() > KEPT_MAX {
            self.0.pop_last();
        }
    }

    /// The country, and how many numbers show it: that of our own international numbers, all of which are of one; else the one that
    /// prevails among those of the outside, where the national ones can be read there too.
    pub(super) fn country<'d>(&self, dids: impl Iterator<Item = &'d Text>) -> Option<(String, usize)> {
        let own: Vec<Option<String>> = dids.filter(|did| did.starts_with('+')).map(|did| country_of(did)).collect();
        if let Some(Some(first)) = own.first() {
            let is_one = own.iter().all(|country| country.as_ref() == Some(first));
            return is_one.then(|| (first.clone(), own.len()));
        }
        let (international, national): (Vec<&Text>, Vec<&Text>) =
            self.0.iter().map(|(_, number)| number).partition(|number| number.starts_with('+'));
        let mut of: BTreeMap<String, usize> = BTreeMap::new();
        for country in international.iter().filter_map(|number| country_of(number)) {
            *of.entry(country).or_default() += 1;
        }
        let (country, count) = of.into_iter().max_by_key(|(_, count)| *count)?;
        let prevails =
            international.len() >= INTERNATIONAL_MIN && count * 100 >= international.len() * PREVAILS_PERCENT;
        // Where the company's own country is written without its code, what has one is from abroad.
        let is_read = read_in(&country, &national) * 100 >= national.len() * READ_PERCENT;
        (prevails && is_read).then_some((country, count))
    }
}

/// How many of these are numbers of a plan in this country.
fn read_in(country: &str, national: &[&Text]) -> usize {
    let text = format!("[[site]]\nid = \"main\"\ncountry = \"{country}\"\n[[pbx]]\nid = \"main\"\n");
    let Ok(directory) = Directory::from_toml(&text) else { return 0 };
    let mut numbers = directory.numbers("main");
    national.iter().filter(|number| numbers.e164(number).is_some_and(|e164| country_of(&e164).is_some())).count()
}
