//! How long each country's numbers are, and what is dialed before them, so that plain numbers need no library.
//!
//! The library shows lengths and national prefixes to whoever tries, but not the patterns of carriers and of digits that change
//! places. Where a country has such, its numbers are not plain; `number/tests.rs` holds every country to the library.

use std::collections::HashMap;
use std::sync::LazyLock;

use compact_str::CompactString;
use rlibphonenumber::enums::Region;
use rlibphonenumber::{NumberLengthType, PHONE_NUMBER_UTIL, PhoneNumber, PhoneNumberFormat};

/// The longest number of E.164, without its plus.
pub(crate) const E164_DIGITS_MAX: usize = 15;

const CALLING_CODE_DIGITS_MAX: usize = 3;

/// Calling codes whose national form holds more than a prefix: carriers (Brazil, China, Colombia, Korea),
/// digits that move (Argentina), services dialed first (Australia, Japan), or several prefixes (Belarus, Lithuania),
/// or whose international prefix looks like a national one (New Zealand, Uruguay, Taiwan, Israel).
const NOT_PLAIN: [u32; 21] =
    [54, 55, 57, 61, 64, 81, 82, 86, 241, 298, 352, 370, 375, 378, 423, 506, 591, 598, 672, 886, 972];

/// Numbers behind one calling code.
#[derive(Clone, Debug)]
struct Plan {
    /// Bit n is set if a national number may have n digits.
    lengths: u32,
    /// Dialed before a national number; empty: nothing, as in Spain.
    national_prefix: &'static str,
    is_plain: bool,
}

/// Plans by calling code; where several countries share one, they are as the main one's.
static PLANS: LazyLock<HashMap<u32, Plan>> = LazyLock::new(|| {
    let codes = PHONE_NUMBER_UTIL.get_supported_calling_codes();
    codes.filter_map(|code| Some((u32::try_from(code).ok()?, Plan::of(code)?))).collect()
});

impl Plan {
    fn of(code: i32) -> Option<Plan> {
        let region = PHONE_NUMBER_UTIL.get_region_for_country_code(code)?;
        let is_whole = |digits: &u32| {
            let number =
                PhoneNumber { country_code: code, national_number: 10_u64.pow(digits - 1), ..PhoneNumber::default() };
            matches!(number.is_possible_with_reason(), Ok(NumberLengthType::IsPossible))
        };
        Some(Plan {
            lengths: (1..=E164_DIGITS_MAX as u32).filter(is_whole).map(|digits| 1 << digits).sum(),
            national_prefix: national_prefix(region),
            is_plain: !NOT_PLAIN.iter().any(|c| i32::try_from(*c) == Ok(code)),
        })
    }

    fn has_length(&self, digits: usize) -> bool {
        digits <= E164_DIGITS_MAX && self.lengths & (1 << digits) != 0
    }
}

/// `+` and these digits, if it is plain that they are a calling code and a whole national number.
pub(crate) fn international(digits: &str) -> Option<CompactString> {
    if digits.starts_with('0') || digits.len() > E164_DIGITS_MAX || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let (national, plan) = split(digits)?;
    let first = national.get(..1)?;
    let is_as_dialed_inside = first == "0" || plan.national_prefix.starts_with(first);
    (plan.is_plain && !is_as_dialed_inside && plan.has_length(national.len())).then(|| plus("", digits))
}

/// A zero that nobody dials from abroad is still there: the library left it, because it could make nothing of the rest.
pub(crate) fn keeps_prefix(e164: &str) -> bool {
    let Some((national, plan)) = e164.strip_prefix('+').and_then(split) else { return false };
    plan.national_prefix == "0" && national.starts_with('0')
}

/// The national number and its plan; no calling code begins another.
fn split(digits: &str) -> Option<(&str, &'static Plan)> {
    (1..=CALLING_CODE_DIGITS_MAX).find_map(|n| {
        let (code, national) = digits.split_at_checked(n)?;
        Some((national, PLANS.get(&code.parse().ok()?)?))
    })
}

/// The country of a site.
pub(crate) struct Home {
    pub(crate) region: Region,
    calling_code: CompactString,
    national_prefix: &'static str,
    /// Not a smaller country that shares a calling code, and whose own numbers alone the library takes for whole.
    is_main: bool,
    plan: Plan,
}

impl Home {
    pub(crate) fn of(region: Region) -> Option<Home> {
        let code = PHONE_NUMBER_UTIL.get_country_code_for_region(region)?;
        Some(Home {
            region,
            calling_code: code.to_string().into(),
            national_prefix: national_prefix(region),
            is_main: PHONE_NUMBER_UTIL.get_region_for_country_code(code) == Some(region),
            plan: PLANS.get(&u32::try_from(code).ok()?)?.clone(),
        })
    }

    /// Digits of the longest national number.
    pub(crate) fn longest_national(&self) -> usize {
        self.plan.lengths.checked_ilog2().unwrap_or(0) as usize
    }

    /// What follows the national prefix; zeros there are a prefix that we do not know, not a number.
    pub(crate) fn after_prefix<'t>(&self, text: &'t str) -> Option<&'t str> {
        let prefix = self.national_prefix;
        text.strip_prefix(prefix).filter(|rest| !prefix.is_empty() && !rest.starts_with('0'))
    }

    /// The national form with its prefix, if it is plain that it is one.
    pub(crate) fn national(&self, text: &str) -> Option<CompactString> {
        let national = self.after_prefix(text)?;
        let is_another_form = !self.plan.is_plain
            || !self.is_main
            || national.starts_with(self.national_prefix)
            // From Russia and its neighbors, 810 goes abroad.
            || text.starts_with("810")
            || text.starts_with(self.calling_code.as_str()) && self.calling_code.as_str() != self.national_prefix
            || self.plan.has_length(text.len()) && !text.starts_with('0')
            || !national.bytes().all(|b| b.is_ascii_digit());
        let is_whole =
            self.plan.has_length(national.len()) && self.calling_code.len() + national.len() <= E164_DIGITS_MAX;
        (!is_another_form && is_whole).then(|| plus(&self.calling_code, national))
    }
}

/// The library does not tell the prefix, but it takes it away.
pub(crate) fn national_prefix(region: Region) -> &'static str {
    const PREFIXES: [&str; 4] = ["0", "1", "8", "06"];
    let Ok(example) = PHONE_NUMBER_UTIL.get_example_number(region) else { return "" };
    let e164 = example.format_as(PhoneNumberFormat::E164);
    let Some(national) = e164.get(1 + example.country_code.to_string().len()..) else { return "" };
    let is_taken_away = |prefix: &&str| {
        let read = PHONE_NUMBER_UTIL.parse(format!("{prefix}{national}"), Some(region));
        read.is_ok_and(|number| number.format_as(PhoneNumberFormat::E164) == e164)
    };
    PREFIXES.into_iter().find(is_taken_away).unwrap_or_default()
}

fn plus(code: &str, national: &str) -> CompactString {
    let mut number = CompactString::with_capacity(1 + code.len() + national.len());
    number.push('+');
    number.push_str(code);
    number.push_str(national);
    number
}
