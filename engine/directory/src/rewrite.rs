//! How the digits dialed at one end of a tie become those that arrive at the other: `s/^7//`, in a few digits of sed.

/// The rules of one direction of a tie. The first whose beginning fits is applied; where none fits, the digits stay.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Rewrite {
    rules: Vec<Rule>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Rule {
    /// Digits, `*`, `#`, `+`; a dot is any one of them.
    begins: String,
    with: String,
}

/// What would have worked, for whoever wrote something else.
pub(crate) const EXPECTED: &str = "write \"s/^7/30/\": the digits with which the number begins, and those that take their place; \
     a dot is any digit, \"s/^7//\" takes one away, \"s/^/7/\" puts one before, and \"s/^7//; s/^8/2/\" are two rules of which the first that fits holds";

impl Rewrite {
    /// Reads the rules; `None` if they are not understood.
    pub(crate) fn read(text: &str) -> Option<Rewrite> {
        if text.trim().is_empty() {
            return Some(Rewrite::default());
        }
        let rules: Option<Vec<Rule>> = text.split(';').map(|rule| Rule::read(rule.trim())).collect();
        Some(Rewrite { rules: rules? })
    }

    /// The digits that arrive.
    #[must_use]
    pub fn apply(&self, digits: &str) -> String {
        let rewritten = self.rules.iter().find_map(|rule| rule.apply(digits));
        rewritten.unwrap_or_else(|| digits.to_owned())
    }
}

impl Rule {
    fn read(text: &str) -> Option<Rule> {
        let inside = text.strip_prefix("s/^")?.strip_suffix('/')?;
        let (begins, with) = inside.split_once('/')?;
        let is_dialed = |c: char| c.is_ascii_digit() || matches!(c, '*' | '#' | '+');
        let is_read = begins.chars().all(|c| is_dialed(c) || c == '.') && with.chars().all(is_dialed);
        is_read.then(|| Rule { begins: begins.to_owned(), with: with.to_owned() })
    }

    fn apply(&self, digits: &str) -> Option<String> {
        let rest = digits.get(self.begins.len()..)?;
        let fits = self.begins.bytes().zip(digits.bytes()).all(|(rule, digit)| rule == b'.' || rule == digit);
        fits.then(|| format!("{}{rest}", self.with))
    }
}

#[cfg(test)]
mod tests {
    use super::Rewrite;

    fn check(rules: &str, dialed: &str, arrives: &str) {
        assert_eq!(Rewrite::read(rules).unwrap().apply(dialed), arrives, "{rules} {dialed}");
    }

    #[test]
    fn the_first_rule_that_fits_holds() {
        check("", "741", "741");
        check("s/^7//", "741", "41");
        check("s/^7//", "841", "841");
        check("s/^..//", "741", "1");
        check("s/^/9/", "41", "941");
        check("s/^7//; s/^8/30/", "841", "3041");
        check("s/^+351/0/", "+351210000123", "0210000123");
        check("s/^741999//", "741", "741");
        check("s/^7//", "é7", "é7");
    }

    #[test]
    fn what_is_not_a_rule_is_refused() {
        for rules in ["7", "s/7//", "s/^7/", "s/^7//g", "s/^(7)//", "strip 1", "s/^7//;", "s/^7/./"] {
            assert_eq!(Rewrite::read(rules), None, "{rules}");
        }
    }
}
