//! Numbers to E.164 as one exchange dials and shows them, behind a bounded cache.
//!
//! What a record shows is ambiguous: `912125551234` may be a prefix for an outside line before an American number,
//! or an Indian number without its plus. So every reading is tried, in order of likelihood; the first that is a number
//! of a plan wins, else the first that has at least a possible length, because plans change faster than libraries.

use std::collections::HashMap;

use compact_str::CompactString;
use rlibphonenumber::enums::Region;
use rlibphonenumber::{CountryCodeSource, NumberLengthType, PHONE_NUMBER_UTIL, PhoneNumberFormat};
use rustc_hash::FxHashSet;

use crate::numbering_plan::{E164_DIGITS_MAX, Home, international, keeps_prefix};
use crate::{Directory, EXTENSION_DIGITS_MAX};

/// Numbers that one cache holds before it is emptied.
pub const CACHED_NUMBERS_MAX: usize = 65_536;

/// Longer texts are no numbers, and are not kept.
const RAW_BYTES_MAX: usize = 64;

/// No country's numbers are longer than this, Germany's few exceptions apart.
const NATIONAL_DIGITS_USUAL_MAX: usize = 11;

/// Kept for fiction by Ofcom: in no plan, and in every demonstration.
const FICTION: &str = "+441632960";

/// Without its plus, a foreign number that no plan knows is believed from this length on.
const FOREIGN_DIGITS_MIN: usize = 11;

/// Normalizes the numbers of one exchange.
pub struct Numbers {
    home: Option<Home>,
    outside_prefix: CompactString,
    /// Extensions of the exchange; empty: up to six digits are one.
    extensions: FxHashSet<CompactString>,
    cache: HashMap<CompactString, Option<CompactString>>,
}

impl Numbers {
    /// With the country, the outside-line prefix and the extensions of the exchange.
    #[must_use]
    pub fn new(directory: &Directory, pbx: &str) -> Numbers {
        let site = directory.pbx(pbx).and_then(|p| directory.site(&p.site));
        Numbers {
            home: site.and_then(|s| s.region).and_then(Home::of),
            outside_prefix: site.map(|s| s.outside_prefix.as_str().into()).unwrap_or_default(),
            extensions: directory.extensions(pbx).map(CompactString::from).collect(),
            cache: HashMap::new(),
        }
    }

    /// The number in E.164 with its plus; `None` for an extension, a feature code, a withheld number, a number without
    /// its area, or a national number where nobody told the country.
    pub fn e164(&mut self, raw: &str) -> Option<CompactString> {
        if let Some(known) = self.cache.get(raw) {
            return known.clone();
        }
        let found = self.normalize(raw);
        if raw.len() <= RAW_BYTES_MAX {
            if self.cache.len() >= CACHED_NUMBERS_MAX {
                self.cache.clear();
            }
            self.cache.insert(raw.into(), found.clone());
        }
        found
    }

    fn normalize(&self, raw: &str) -> Option<CompactString> {
        if is_withheld(raw) {
            return None;
        }
        let text = compact(raw)?;
        if self.is_extension(&text) {
            return None;
        }
        self.read_fast(&text).or_else(|| self.read(&text))
    }

    /// Known, or too short for anything else: only where no national number is longer may six digits be one.
    fn is_extension(&self, text: &str) -> bool {
        if text.starts_with('+') {
            return false;
        }
        let is_short = text.len() <= EXTENSION_DIGITS_MAX;
        let is_short_plan = self.home.as_ref().is_some_and(|h| h.longest_national() <= EXTENSION_DIGITS_MAX);
        self.extensions.contains(text) || is_short && (self.extensions.is_empty() || !is_short_plan)
    }

    /// The two forms that most records have, without asking the library: `+` and digits, and the home country's
    /// national form where its prefix is plain. `None` where it takes more to tell.
    fn read_fast(&self, text: &str) -> Option<CompactString> {
        if let Some(digits) = text.strip_prefix('+') {
            return international(digits);
        }
        let may_be_prefixed = !self.outside_prefix.is_empty() && text.starts_with(self.outside_prefix.as_str());
        if may_be_prefixed { None } else { self.home.as_ref()?.national(text) }
    }

    /// Every reading, by the library.
    fn read(&self, text: &str) -> Option<CompactString> {
        let home = self.home.as_ref();
        let region = home.map(|h| h.region);
        if text.starts_with('+') {
            return parse(text, home).map(|r| r.number);
        }
        let inner = text.strip_prefix(self.outside_prefix.as_str()).filter(|_| !self.outside_prefix.is_empty());
        let at_home = region.and_then(|_| parse(text, home));
        let at_home_explicit = at_home.clone().filter(|r| r.is_explicit);
        if inner.is_none() && at_home_explicit.is_some() {
            return at_home_explicit.map(|r| r.number);
        }
        let prefixed = inner.filter(|i| i.len() > EXTENSION_DIGITS_MAX).and_then(|i| parse(i, home));
        let prefixed_explicit = prefixed.clone().filter(|r| r.is_explicit);
        // Longer than a national number usually is, and no sign that it is one: perhaps it only lost its plus.
        let at_home_usual =
            at_home.clone().filter(|r| text.len() <= NATIONAL_DIGITS_USUAL_MAX || r.number[1..] == *text);
        // Without a country nothing says that these digits are not a national number of one.
        let foreign = region.filter(|_| !text.starts_with('0')).and_then(|_| parse(&format!("+{text}"), None));
        let recommended = text.strip_prefix("00").and_then(|rest| parse(&format!("+{rest}"), None));
        let far = foreign.clone().filter(|_| text.len() >= FOREIGN_DIGITS_MIN);

        let valid =
            [&at_home_explicit, &prefixed_explicit, &at_home_usual, &prefixed, &foreign, &recommended, &at_home];
        let possible = [&at_home_explicit, &prefixed_explicit, &at_home_usual, &prefixed, &far, &recommended, &at_home];
        let first_valid = valid.into_iter().flatten().find(|r| r.is_valid);
        first_valid.or_else(|| possible.into_iter().flatten().next()).map(|r| r.number.clone())
    }
}

/// True for what a record shows where the caller sent no number.
#[must_use]
pub fn is_withheld(raw: &str) -> bool {
    const WORDS: [&str; 15] = [
        "anonymous",
        "unknown",
        "<unknown>",
        "restricted",
        "private",
        "unavailable",
        "withheld",
        "asserted",
        "blocked",
        "null",
        "none",
        "-1",
        // ANONYMOUS and UNAVAILABLE on a telephone's keys, as some providers send them.
        "266696687",
        "+266696687",
        "+86282452253",
    ];
    let raw = raw.trim();
    // A SIP address of nobody: `anonymous@anonymous.invalid`, as RFC 3323 has it.
    let user = raw.strip_prefix("sip:").unwrap_or(raw).split('@').next().unwrap_or(raw).trim();
    user.bytes().all(|b| b == b'0') || WORDS.iter().any(|w| user.eq_ignore_ascii_case(w))
}

/// A number in E.164 as people read it: `+44 20 7946 0000`; anything else, also a masked number, comes back unchanged.
#[must_use]
pub fn in_groups(e164: &str) -> String {
    let is_e164 = e164.strip_prefix('+').is_some_and(|d| !d.is_empty() && d.bytes().all(|b| b.is_ascii_digit()));
    let read = is_e164.then(|| PHONE_NUMBER_UTIL.parse_and_keep_raw_input(e164, None).ok()).flatten();
    read.map_or_else(|| e164.to_owned(), |number| number.format_as(PhoneNumberFormat::International).into_owned())
}

/// What somebody wrote, as E.164 if it reads as a number of this country or with a plus.
pub(crate) fn as_e164(text: &str, region: Option<Region>) -> Option<CompactString> {
    parse(&compact(text)?, region.and_then(Home::of).as_ref()).map(|r| r.number)
}

#[derive(Clone)]
struct Reading {
    number: CompactString,
    /// A plan has it.
    is_valid: bool,
    /// A plus or a prefix said that it is an outside number.
    is_explicit: bool,
}

/// What the library reads, if a complete number may have this length.
fn parse(text: &str, home: Option<&Home>) -> Option<Reading> {
    let number = PHONE_NUMBER_UTIL.parse_and_keep_raw_input(text, home.map(|h| h.region)).ok()?;
    // A length that is possible only inside one's own area says nothing to the rest of the world.
    if !matches!(number.is_possible_with_reason(), Ok(NumberLengthType::IsPossible)) {
        return None;
    }
    let e164 = number.format_as(PhoneNumberFormat::E164);
    let is_explicit = match number.country_code_source() {
        CountryCodeSource::FromNumberWithPlusSign | CountryCodeSource::FromNumberWithIdd => true,
        _ => home.is_some_and(|h| h.after_prefix(text).is_some()),
    };
    let is_valid = number.is_valid() || e164.starts_with(FICTION);
    let is_whole = e164.len() <= E164_DIGITS_MAX + 1 && (is_valid || !keeps_prefix(&e164));
    is_whole.then(|| Reading { is_valid, is_explicit, number: e164.as_ref().into() })
}

/// The digits with a plus before them or not; `None` if there is anything that no written number has.
fn compact(raw: &str) -> Option<CompactString> {
    let raw = raw.trim();
    let raw = raw.strip_prefix("tel:").or_else(|| raw.strip_prefix("sip:")).unwrap_or(raw);
    let raw = raw.split(['@', ';']).next().unwrap_or(raw);
    if raw.len() > RAW_BYTES_MAX {
        return None;
    }
    let is_kept = |c: &char| c.is_ascii_digit() || *c == '+';
    let is_between = |c: &char| matches!(c, ' ' | '\u{a0}' | '-' | '(' | ')' | '.' | '/');
    let text: CompactString = if raw.chars().all(|c| is_kept(&c)) {
        raw.into()
    } else if raw.chars().all(|c| is_kept(&c) || is_between(&c)) {
        raw.chars().filter(is_kept).collect()
    } else {
        return None;
    };
    (text.bytes().filter(|b| *b == b'+').count() <= 1 && text.bytes().any(|b| b.is_ascii_digit())).then_some(text)
}

#[cfg(test)]
mod tests;
