//! What pages say, in each language: Fluent messages of `words/`, with plurals as the language has them.

use std::collections::BTreeMap;

use fluent_bundle::concurrent::FluentBundle;
use fluent_bundle::{FluentArgs, FluentResource, FluentValue};
use serde::{Deserialize, Serialize};
use unic_langid::LanguageIdentifier;

/// A language of the pages.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Language {
    /// English.
    #[default]
    En,
    /// Ukrainian.
    Uk,
}

impl Language {
    /// All of them, with the words of each.
    pub const ALL: [(Language, &'static str, &'static str); 2] =
        [(Language::En, "en", include_str!("../words/en.ftl")), (Language::Uk, "uk", include_str!("../words/uk.ftl"))];

    /// As in `lang` of a page.
    #[must_use]
    pub fn code(self) -> &'static str {
        Language::ALL.into_iter().find(|(language, ..)| *language == self).map_or("en", |(_, code, _)| code)
    }

    /// The one with this code.
    #[must_use]
    pub fn of_code(code: &str) -> Option<Language> {
        let code = code.split(['-', '_']).next().unwrap_or(code);
        Language::ALL.into_iter().find(|(_, known, _)| known.eq_ignore_ascii_case(code)).map(|(language, ..)| language)
    }

    /// The first of a browser's languages that there are words in (RFC 9110, section 12.5.4: by weight, then in order).
    #[must_use]
    pub fn accepted(header: &str) -> Option<Language> {
        let mut wanted: Vec<(f32, Language)> = Vec::new();
        for part in header.split(',').take(ACCEPTED_MAX) {
            let mut parts = part.split(';');
            let Some(language) = parts.next().and_then(|code| Language::of_code(code.trim())) else { continue };
            let weight = parts.find_map(|part| part.trim().strip_prefix("q=")?.parse().ok()).unwrap_or(1.0);
            wanted.push((weight, language));
        }
        wanted.sort_by(|a, b| b.0.total_cmp(&a.0));
        wanted.first().map(|(_, language)| *language)
    }
}

/// Languages of a browser that are looked at.
const ACCEPTED_MAX: usize = 20;

/// The words of all languages.
pub struct Words {
    bundles: BTreeMap<Language, FluentBundle<FluentResource>>,
}

impl Words {
    /// Reads what is compiled in.
    ///
    /// # Errors
    /// What is wrong in which language: a test sees to it that nothing is.
    pub fn new() -> Result<Words, String> {
        let mut bundles = BTreeMap::new();
        for (language, code, text) in Language::ALL {
            let resource = FluentResource::try_new(text.to_owned())
                .map_err(|(_, errors)| format!("words/{code}.ftl: {errors:?}"))?;
            let id: LanguageIdentifier = code.parse().map_err(|error| format!("{code}: {error}"))?;
            let mut bundle = FluentBundle::new_concurrent(vec![id]);
            // Marks around what is put in confuse whoever compares texts; numbers and names here are of no other direction.
            bundle.set_use_isolating(false);
            bundle.add_resource(resource).map_err(|errors| format!("words/{code}.ftl: {errors:?}"))?;
            bundles.insert(language, bundle);
        }
        Ok(Words { bundles })
    }

    /// A message with what is put into it; `None`: there is none of this name.
    #[must_use]
    pub fn say(&self, language: Language, name: &str, told: &[(&str, Told)]) -> Option<String> {
        let bundle = self.bundles.get(&language)?;
        let pattern = bundle.get_message(name)?.value()?;
        let mut args = FluentArgs::new();
        for (key, value) in told {
            match value {
                // A plural is chosen by the number; what is shown of it has its thousands apart.
                Told::Number(number) => {
                    args.set(*key, FluentValue::from(*number));
                    args.set(format!("{key}-shown"), FluentValue::from(number_shown(language, *number)));
                }
                Told::Text(text) => args.set(*key, FluentValue::from(text.as_str())),
            }
        }
        let mut errors = Vec::new();
        let text = bundle.format_pattern(pattern, Some(&args), &mut errors).into_owned();
        errors.is_empty().then_some(text)
    }

    /// The names of all messages.
    #[cfg(test)]
    fn names(code: &str) -> std::collections::BTreeSet<&'static str> {
        let (.., text) = Language::ALL.into_iter().find(|(_, known, _)| *known == code).expect("known");
        let is_name = |line: &&str| line.starts_with(|c: char| c.is_ascii_lowercase());
        text.lines().filter(is_name).filter_map(|line| Some(line.split_once(" =")?.0)).collect()
    }
}

/// A number as people of this language write it: thousands apart, decimals only where there are any.
#[must_use]
pub fn number_shown(language: Language, number: f64) -> String {
    let (apart, point) = match language {
        Language::En => (',', '.'),
        Language::Uk => ('\u{a0}', ','),
    };
    let text = format!("{:.3}", number.abs());
    let (whole, decimals) = text.split_once('.').unwrap_or((&text, ""));
    let decimals = decimals.trim_end_matches('0');
    let mut shown = String::new();
    if number < 0.0 && (whole.bytes().any(|digit| digit != b'0') || !decimals.is_empty()) {
        shown.push('\u{2212}');
    }
    for (at, digit) in whole.chars().enumerate() {
        if at > 0 && (whole.len() - at) % 3 == 0 {
            shown.push(apart);
        }
        shown.push(digit);
    }
    if !decimals.is_empty() {
        shown.push(point);
        shown.push_str(decimals);
    }
    shown
}

/// What is put into a message: `$n` is the number, `$n-shown` its text.
#[derive(Clone, PartialEq, Debug)]
pub enum Told {
    /// A number, by which a plural is chosen.
    Number(f64),
    /// Text.
    Text(String),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_language_says_everything() {
        let (en, uk) = (Words::names("en"), Words::names("uk"));
        assert_eq!(en.difference(&uk).collect::<Vec<_>>(), Vec::<&&str>::new(), "not in Ukrainian");
        assert_eq!(uk.difference(&en).collect::<Vec<_>>(), Vec::<&&str>::new(), "only in Ukrainian");
        assert!(Words::new().is_ok());
    }

    #[test]
    fn a_browser_is_answered_in_its_language() {
        for (header, expected) in [
            ("uk-UA,uk;q=0.9,en;q=0.8", Some(Language::Uk)),
            ("de,en;q=0.5,uk;q=0.6", Some(Language::Uk)),
            ("en-GB", Some(Language::En)),
            ("de, fr;q=0.2", None),
            ("", None),
        ] {
            assert_eq!(Language::accepted(header), expected, "{header}");
        }
    }

    #[test]
    fn plurals_are_those_of_the_language() {
        let words = Words::new().unwrap();
        let said = |language, n| words.say(language, "calls-count", &[("n", Told::Number(n))]).unwrap();
        assert_eq!([1.0, 2.0, 1214.0].map(|n| said(Language::En, n)), ["1 call", "2 calls", "1,214 calls"]);
        assert_eq!(
            [1.0, 2.0, 5.0, 21.0].map(|n| said(Language::Uk, n)),
            ["1 дзвінок", "2 дзвінки", "5 дзвінків", "21 дзвінок"]
        );
    }
}
