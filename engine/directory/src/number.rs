//! Numbers to E.164 as one exchange dials and shows them, by Google's metadata, behind a bounded cache.

use std::collections::HashMap;

use compact_str::CompactString;
use rlibphonenumber::enums::Region;
use rlibphonenumber::{PHONE_NUMBER_UTIL, PhoneNumberFormat};

use crate::{Directory, EXTENSION_DIGITS_MAX};

/// Numbers that one cache holds before it is emptied.
pub const CACHED_NUMBERS_MAX: usize = 65_536;

/// Normalizes the numbers of one exchange.
pub struct Numbers {
    region: Option<Region>,
    outside_prefix: CompactString,
    cache: HashMap<CompactString, Option<CompactString>>,
}

impl Numbers {
    /// With the country and the outside-line prefix of the exchange's site.
    #[must_use]
    pub fn new(directory: &Directory, pbx: &str) -> Numbers {
        let site = directory.pbx(pbx).and_then(|p| directory.site(&p.site));
        Numbers {
            region: site.and_then(|s| s.region),
            outside_prefix: site.map(|s| s.outside_prefix.as_str().into()).unwrap_or_default(),
            cache: HashMap::new(),
        }
    }

    /// The number in E.164 with its plus; `None` for an extension, a feature code, a withheld number,
    /// or a national number where nobody told the country.
    pub fn e164(&mut self, raw: &str) -> Option<CompactString> {
        if let Some(known) = self.cache.get(raw) {
            return known.clone();
        }
        let found = self.normalize(raw);
        if self.cache.len() >= CACHED_NUMBERS_MAX {
            self.cache.clear();
        }
        self.cache.insert(raw.into(), found.clone());
        found
    }

    fn normalize(&self, raw: &str) -> Option<CompactString> {
        let raw = raw.trim();
        let raw = raw.strip_prefix("tel:").or_else(|| raw.strip_prefix("sip:")).unwrap_or(raw);
        let raw = raw.split(['@', ';']).next().unwrap_or(raw);
        let is_written = |b: u8| b.is_ascii_digit() || matches!(b, b'+' | b' ' | b'-' | b'(' | b')' | b'.' | b'/');
        if raw.is_empty() || !raw.bytes().all(is_written) {
            return None;
        }
        if let Some(number) = self.parsed(raw) {
            return Some(number);
        }
        let inner = raw.strip_prefix(self.outside_prefix.as_str()).filter(|_| !self.outside_prefix.is_empty())?;
        self.parsed(inner)
    }

    /// What the library reads, of those that it calls possible; a number without a plus that only reads as one
    /// when the plus is put before it is read so if that gives a number of a country.
    fn parsed(&self, raw: &str) -> Option<CompactString> {
        let digits = raw.bytes().filter(u8::is_ascii_digit).count();
        if digits <= EXTENSION_DIGITS_MAX {
            return None;
        }
        let told = PHONE_NUMBER_UTIL.parse(raw, self.region).ok().filter(|n| n.is_possible_with_reason().is_ok());
        let told = match told {
            Some(number) if raw.starts_with('+') || number.is_valid() => Some(number),
            // Neither valid nor international: `442079460117` as a trunk shows it reads better with a plus.
            other => {
                let plus = (!raw.starts_with(['+', '0'])).then(|| format!("+{raw}"));
                let international = plus.and_then(|p| PHONE_NUMBER_UTIL.parse(&p, None).ok()).filter(|n| {
                    n.is_possible_with_reason().is_ok()
                        && self.region.is_none_or(|r| {
                            PHONE_NUMBER_UTIL.get_country_code_for_region(r) == Some(n.country_code) || other.is_none()
                        })
                });
                match (international, other) {
                    (Some(number), _) if self.region.is_some() => Some(number),
                    (_, other) => other,
                }
            }
        };
        told.map(|n| n.format_as(PhoneNumberFormat::E164).as_ref().into())
    }
}

/// True for what a record shows where the caller sent no number.
#[must_use]
pub fn is_withheld(raw: &str) -> bool {
    const WORDS: [&str; 11] = [
        "anonymous",
        "unknown",
        "restricted",
        "private",
        "unavailable",
        "withheld",
        "asserted",
        "blocked",
        "null",
        "none",
        "<unknown>",
    ];
    let raw = raw.trim();
    raw.is_empty() || WORDS.iter().any(|w| raw.eq_ignore_ascii_case(w)) || raw.bytes().all(|b| b == b'0') || raw == "-1"
}
