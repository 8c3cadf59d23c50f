//! Which country a number is of.

use rlibphonenumber::PHONE_NUMBER_UTIL;

/// The country of a number in E.164 as its numbering plan has it, in two letters of ISO 3166; `None` for what no plan has, and for
/// numbers of no country.
#[must_use]
pub fn country_of(e164: &str) -> Option<String> {
    let number = e164.starts_with('+').then(|| PHONE_NUMBER_UTIL.parse(e164, None).ok()).flatten()?;
    let code = PHONE_NUMBER_UTIL.get_region_for_number(&number)?.to_string();
    let is_country = code.len() == 2 && code.bytes().all(|b| b.is_ascii_uppercase());
    is_country.then_some(code)
}

#[cfg(test)]
mod tests {
    use super::country_of;

    #[test]
    fn a_number_is_of_the_country_whose_plan_has_it() {
        for (number, expected) in [
            ("+380441234567", Some("UA")),
            ("+442079460000", Some("GB")),
            ("+12125551234", Some("US")),
            ("+14165551234", Some("CA")),
            ("+80012345678", None),
            ("442079460000", None),
            ("+1", None),
            ("", None),
        ] {
            assert_eq!(country_of(number).as_deref(), expected, "{number}");
        }
    }
}
