//! Dialogues with a real PBX as they went over the wire, read from the files of `tests/dialogues`.
//!
//! `C:` is what the client sent, `S:` what the PBX told, `W<:` what came over a websocket; a blank line ends each; `#` is a remark.
//! `# ends:` says how each call back of the dialogue ended, in the order of its commands.

#![allow(dead_code, reason = "each test uses a part of it")]

use std::path::{Path, PathBuf};

/// Everything that was said in one dialogue.
#[derive(Clone, Debug)]
pub struct Dialogue {
    /// Its file's name without the end.
    pub name: String,
    /// How each call back ended.
    pub ends: Vec<String>,
    /// What was said, in order.
    pub said: Vec<Said>,
}

/// What one side said at once.
#[derive(Clone, Debug)]
pub struct Said {
    /// Who said it: `C`, `S` or `W<`.
    pub by: String,
    /// The lines, without who said them.
    pub lines: Vec<String>,
    /// When, in milliseconds since the dialogue's first moment: what has no moment of its own has that of what came before.
    pub at_ms: i64,
}

impl Said {
    /// The value of a field of the manager interface.
    pub fn get(&self, field: &str) -> &str {
        let named = |line: &&String| line.split_once(':').is_some_and(|(name, _)| name == field);
        self.lines.iter().find(named).and_then(|line| line.split_once(':')).map_or("", |(_, value)| value.trim())
    }

    /// The bytes, as the manager interface sends them.
    pub fn bytes(&self) -> Vec<u8> {
        let mut text: String = self.lines.iter().map(|line| format!("{line}\r\n")).collect();
        text.push_str("\r\n");
        text.into_bytes()
    }
}

/// The folder of the dialogues of an interface.
pub fn folder(interface: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/dialogues").join(interface)
}

/// Every dialogue of an interface, by name.
pub fn dialogues(interface: &str) -> Vec<Dialogue> {
    let mut files: Vec<PathBuf> =
        std::fs::read_dir(folder(interface)).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|file| file.extension().is_some_and(|end| end == "txt"));
    files.sort();
    assert!(!files.is_empty(), "no dialogues of {interface}");
    files.iter().map(|file| read(file)).collect()
}

/// One dialogue.
pub fn read(file: &Path) -> Dialogue {
    let text = std::fs::read_to_string(file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    let mut dialogue =
        Dialogue { name: file.file_stem().unwrap().to_string_lossy().into_owned(), ends: Vec::new(), said: Vec::new() };
    let (mut first_at, mut at) = (None, 0);
    for block in text.split("\n\n") {
        let mut said: Option<Said> = None;
        for line in block.lines() {
            if let Some(ends) = line.strip_prefix("# ends: ") {
                dialogue.ends.push(ends.trim().to_owned());
            }
            let Some((by, rest)) = line.split_once(':').filter(|(by, _)| ["C", "S", "W<"].contains(by)) else {
                continue;
            };
            let rest = rest.strip_prefix(' ').unwrap_or(rest);
            let one = said.get_or_insert_with(|| Said { by: by.to_owned(), lines: Vec::new(), at_ms: 0 });
            one.lines.push(rest.to_owned());
        }
        let Some(mut one) = said else { continue };
        if let Some(moment) = moment(&one) {
            at = moment - *first_at.get_or_insert(moment);
        }
        one.at_ms = at;
        dialogue.said.push(one);
    }
    dialogue
}

/// When it was said, in milliseconds, where it tells: `Timestamp: 1795382848.957853`, or `"timestamp":"…T22:46:14.848+0100"`.
fn moment(said: &Said) -> Option<i64> {
    if said.by == "S" {
        let (seconds, fraction) = said.get("Timestamp").split_once('.')?;
        return Some(seconds.parse::<i64>().ok()? * 1000 + fraction.get(..3)?.parse::<i64>().ok()?);
    }
    if said.by == "W<" {
        let event: serde_json::Value = serde_json::from_str(said.lines.first()?).ok()?;
        let text = event.get("timestamp")?.as_str()?;
        let moment = chrono::DateTime::parse_from_str(text, "%Y-%m-%dT%H:%M:%S%.3f%z").ok()?;
        return Some(moment.timestamp_millis());
    }
    None
}
