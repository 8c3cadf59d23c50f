//! How an outside number is dialed from a telephone of ours: what stands before it, and whether its country does.

use rlibphonenumber::PHONE_NUMBER_UTIL;

use crate::Directory;

impl Directory {
    /// A number (E.164) as somebody at this exchange dials it: in the national form at home, with the prefix for other countries abroad.
    /// `None` where nobody told the country of its site, or where it is no number.
    #[must_use]
    pub fn as_dialed(&self, pbx: &str, e164: &str) -> Option<String> {
        let region = self.pbx(pbx).and_then(|pbx| self.site(&pbx.site))?.region?;
        let number = PHONE_NUMBER_UTIL.parse(e164, None).ok()?;
        let written = number.format_out_of_country_calling_number(region);
        let digits: String = written.chars().filter(char::is_ascii_digit).collect();
        (!digits.is_empty() && !written.starts_with('+')).then_some(digits)
    }
}

#[cfg(test)]
mod tests {
    use crate::Directory;

    fn dialed(country: &str, number: &str) -> Option<String> {
        let site = format!("[[site]]\nid = \"one\"\n{country}\n[[pbx]]\nid = \"main\"\n");
        Directory::from_toml(&site).unwrap().as_dialed("main", number)
    }

    #[test]
    fn a_number_is_dialed_as_one_dials_there() {
        let check = |country: &str, number: &str, expected: Option<&str>| {
            let country = format!("country = \"{country}\"");
            assert_eq!(dialed(&country, number).as_deref(), expected, "{number} from {country}");
        };
        check("GB", "+442079460999", Some("02079460999"));
        check("GB", "+14155550132", Some("0014155550132"));
        check("UA", "+380441234567", Some("0441234567"));
        check("ES", "+34912345678", Some("912345678"));
        check("US", "+442079460999", Some("011442079460999"));
        check("US", "+14155550132", Some("14155550132"));
        check("GB", "no number", None);
        assert_eq!(dialed("", "+442079460999"), None);
    }
}
