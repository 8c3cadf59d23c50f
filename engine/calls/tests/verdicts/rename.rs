//! Another company's records: every name, number inside and clock time replaced, as text, the same in all files of a run.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::run::Run;

/// How much later the other company's clocks show: Madrid's winter to Kolkata.
const LATER_S: i64 = 4 * 3600 + 1800;

/// Words to words, and the moments of local time.
pub struct Renaming {
    words: BTreeMap<String, String>,
}

impl Renaming {
    /// New names for all that a `pbx.json` names.
    pub fn of(pbx: &Value) -> Renaming {
        let mut words = BTreeMap::new();
        let mut number = |old: &str| {
            // Other lengths, too: three digits become four.
            words.insert(old.to_owned(), format!("4{}", old.chars().rev().collect::<String>()));
        };
        for extension in each(&pbx["extensions"]) {
            number(text(&extension["ext"]));
        }
        for place in each(&pbx["queues"]).chain(each(&pbx["hunt_groups"])) {
            number(text(&place["id"]));
        }
        number("9000");
        number("199");
        for place in 700..=709 {
            number(&place.to_string());
        }
        let name = |words: &mut BTreeMap<String, String>, old: &str| {
            let letters: String = old
                .chars()
                .map(|c| match c {
                    'a'..='y' | 'A'..='Y' => char::from_u32(c as u32 + 1).unwrap(),
                    'z' | 'Z' => 'q',
                    other => other,
                })
                .collect();
            words.insert(old.to_owned(), letters);
        };
        for extension in each(&pbx["extensions"]) {
            name(&mut words, text(&extension["name"]));
        }
        for trunk in each(&pbx["trunks"]) {
            name(&mut words, text(&trunk["name"]));
        }
        for context in pbx["contexts"].as_object().unwrap().keys() {
            // `did` is also the name of a key.
            if context != "did" {
                name(&mut words, context);
            }
        }
        words.insert("PJSIP".into(), "SIP".into());
        words.insert("Europe".into(), "Asia".into());
        words.insert("Madrid".into(), "Kolkata".into());
        Renaming { words }
    }

    /// A description of the other company's PBX: the kinds of things are not its names.
    pub fn description(&self, old: &Value) -> Value {
        match old {
            Value::String(text) => Value::String(self.text(text)),
            Value::Array(items) => items.iter().map(|item| self.description(item)).collect(),
            Value::Object(fields) => fields
                .iter()
                .map(|(key, value)| match key.as_str() {
                    "kind" => (key.clone(), value.clone()),
                    _ => (self.text(key), self.description(value)),
                })
                .collect(),
            other => other.clone(),
        }
    }

    /// A text of the other company.
    pub fn text(&self, old: &str) -> String {
        let mut new = String::with_capacity(old.len() + old.len() / 8);
        let mut rest = old;
        while !rest.is_empty() {
            if let Some(moment) = rest.get(..19).filter(|m| is_moment(m)) {
                let at = chrono::NaiveDateTime::parse_from_str(moment, "%Y-%m-%d %H:%M:%S").unwrap();
                let later = at + chrono::TimeDelta::seconds(LATER_S);
                new.push_str(&later.format("%Y-%m-%d %H:%M:%S").to_string());
                rest = &rest[19..];
                continue;
            }
            let first = rest.chars().next().unwrap();
            let length = word_length(rest);
            if length == 0 {
                new.push(first);
                rest = &rest[first.len_utf8()..];
                continue;
            }
            let word = &rest[..length];
            match self.longest(word) {
                Some((taken, with)) => {
                    new.push_str(with);
                    rest = &rest[taken..];
                }
                None => {
                    new.push_str(word);
                    rest = &rest[length..];
                }
            }
        }
        new
    }

    /// The known word at the beginning of these letters, digits and hyphens: all of it, or up to a hyphen.
    fn longest(&self, word: &str) -> Option<(usize, &String)> {
        let ends = word.match_indices('-').map(|(at, _)| at).chain([word.len()]);
        ends.filter_map(|end| self.words.get(&word[..end]).map(|with| (end, with))).max_by_key(|(end, _)| *end)
    }

    /// A run of the other company.
    pub fn run(&self, run: &Run) -> Run {
        let files = run
            .files
            .iter()
            .map(|(name, bytes)| (name.clone(), self.text(std::str::from_utf8(bytes).unwrap()).into_bytes()));
        // Of the truth only who, and the key: its words for what happened are not the company's.
        let mut truth = run.truth.clone();
        for call in &mut truth {
            for who in ["rang", "answered_by", "passed_to", "linkedid"] {
                if !call[who].is_null() {
                    call[who] = serde_json::from_str(&self.text(&call[who].to_string())).unwrap();
                }
            }
        }
        Run { name: run.name.clone(), files: files.collect(), truth }
    }
}

/// Letters, digits and hyphens.
fn word_length(text: &str) -> usize {
    text.bytes().take_while(|b| b.is_ascii_alphanumeric() || *b == b'-').count()
}

fn is_moment(text: &str) -> bool {
    text.bytes().enumerate().all(|(i, b)| match i {
        4 | 7 => b == b'-',
        10 => b == b' ',
        13 | 16 => b == b':',
        _ => b.is_ascii_digit(),
    })
}

fn each(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap()
}
