//! Numbers that nobody should be called back at without a person's say: dear ones.

use rlibphonenumber::{PHONE_NUMBER_UTIL, PhoneNumberType};

/// A premium-rate or shared-cost number, as its numbering plan has it. False for what is no number.
#[must_use]
pub fn is_premium(e164: &str) -> bool {
    let Ok(number) = PHONE_NUMBER_UTIL.parse(e164, None) else { return false };
    matches!(PHONE_NUMBER_UTIL.get_number_type(&number), PhoneNumberType::PremiumRate | PhoneNumberType::SharedCost)
}

#[cfg(test)]
mod tests {
    use super::is_premium;

    #[test]
    fn dear_numbers_are_known() {
        for (number, expected) in [
            ("+449012345678", true),
            ("+19002345678", true),
            ("+442079460000", false),
            ("+380441234567", false),
            ("101", false),
            ("", false),
        ] {
            assert_eq!(is_premium(number), expected, "{number}");
        }
    }
}
