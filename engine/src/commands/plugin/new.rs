//! `ringback plugin new`: a folder with a plugin that works, two fixtures, and the SDK it is built with.
//!
//! The SDK travels in this binary and is written into `.sdk/` of the folder: nothing is published or fetched.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use clap::{Arg, ArgMatches, Command, value_parser};

use crate::WrongArguments;
use crate::commands::output::Out;

/// The name that the templates have, which becomes the new plugin's.
const TEMPLATE_NAME: &str = "my_plugin";

/// Files of `plugins/sdk`, by their path in it. A test compares them with the folder.
macro_rules! embedded {
    ($($path:literal,)*) => {
        [$(($path, include_str!(concat!("../../../../plugins/sdk/", $path))),)*]
    };
}

/// The contract and both SDKs.
const SDK: [(&str, &str); 14] = embedded![
    "js/index.js",
    "rust/Cargo.toml",
    "rust/src/bindings.generated",
    "rust/src/cx.rs",
    "rust/src/event.rs",
    "rust/src/fixtures.rs",
    "rust/src/lib.rs",
    "rust/src/native/manifest.rs",
    "rust/src/native/masking.rs",
    "rust/src/native/mod.rs",
    "rust/src/plugin.rs",
    "rust/src/time.rs",
    "rust/src/wasm.rs",
    "rust/src/words.rs",
];

/// Apart from the SDKs, since both need it.
const CONTRACT: [(&str, &str); 1] = embedded!["wit/v1/plugin.wit",];

const TEMPLATES: [(&str, &str); 17] = embedded![
    "template/javascript/README.md",
    "template/javascript/fixtures/stays_still_after_a_short_wait/actions.json",
    "template/javascript/fixtures/stays_still_after_a_short_wait/event.json",
    "template/javascript/fixtures/tells_of_a_long_wait/actions.json",
    "template/javascript/fixtures/tells_of_a_long_wait/event.json",
    "template/javascript/gitignore",
    "template/javascript/plugin.js",
    "template/javascript/plugin.toml",
    "template/rust/Cargo.toml",
    "template/rust/README.md",
    "template/rust/fixtures/stays_still_after_a_short_wait/actions.json",
    "template/rust/fixtures/stays_still_after_a_short_wait/event.json",
    "template/rust/fixtures/tells_of_a_long_wait/actions.json",
    "template/rust/fixtures/tells_of_a_long_wait/event.json",
    "template/rust/gitignore",
    "template/rust/plugin.toml",
    "template/rust/src/lib.rs",
];

/// The command's arguments.
pub(crate) fn command() -> Command {
    Command::new("new")
        .about("Write a new plugin that works, with two fixtures and everything it is built with")
        .arg(
            Arg::new("name")
                .value_name("NAME")
                .required(true)
                .value_parser(value_parser!(PathBuf))
                .help("The plugin's name: a-z, 0-9 and _; with a path before it, that folder/NAME is made"),
        )
        .arg(
            Arg::new("language")
                .long("language")
                .value_name("LANGUAGE")
                .value_parser(["rust", "javascript"])
                .default_value("rust")
                .help("What it is written in"),
        )
}

/// Writes the folder and says what to do next.
pub(crate) fn run(matches: &ArgMatches) -> Result<()> {
    let folder = matches.get_one::<PathBuf>("name").cloned().unwrap_or_default();
    let language = matches.get_one::<String>("language").map_or("rust", String::as_str);
    let name = folder.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    if !is_name(name) {
        let text = format!("`{name}` cannot be the name of a plugin: write it like call_back, with a-z, 0-9 and _");
        return Err(WrongArguments(text).into());
    }
    let is_empty = fs::read_dir(&folder).map_or(true, |mut entries| entries.next().is_none());
    if folder.is_file() || !is_empty {
        return Err(WrongArguments(format!("{} is there already: choose another name", folder.display())).into());
    }
    let template = format!("template/{language}/");
    for (path, text) in TEMPLATES {
        if let Some(path) = path.strip_prefix(&template) {
            let path = if path == "gitignore" { ".gitignore" } else { path };
            write(&folder.join(path), &text.replace(TEMPLATE_NAME, name))?;
        }
    }
    write_sdk(&folder, language)?;
    let shown = folder.display();
    let mut out = Out::stdout();
    writeln!(out, "{shown}: a plugin in {language} that works; README.md says what is in it")?;
    if language == "rust" {
        writeln!(out, "  cd {shown} && cargo test       runs its fixtures")?;
    }
    writeln!(out, "  ringback plugin build {shown}   makes {shown}/plugin.wasm")?;
    Ok(out.flush()?)
}

/// Writes the SDK of a language into `.sdk/` of a plugin's folder; what is there already stays untouched, so nothing is built anew.
pub(super) fn write_sdk(folder: &Path, language: &str) -> Result<()> {
    let of_language = if language == "rust" { "rust/" } else { "js/" };
    let files = SDK.iter().filter(|(path, _)| path.starts_with(of_language));
    for (path, text) in files.chain(&CONTRACT) {
        write(&folder.join(".sdk").join(path), text)?;
    }
    Ok(())
}

fn write(path: &Path, text: &str) -> Result<()> {
    if fs::read(path).is_ok_and(|there| there == text.as_bytes()) {
        return Ok(());
    }
    let made = path.parent().map_or(Ok(()), fs::create_dir_all).and_then(|()| fs::write(path, text));
    made.with_context(|| format!("cannot write {}", path.display()))
}

fn is_name(name: &str) -> bool {
    let is_plain = name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_');
    is_plain && name.starts_with(|c: char| c.is_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// What `new` writes is what is in the repository: no file was forgotten here.
    #[test]
    fn every_file_of_the_sdk_is_embedded() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../plugins/sdk");
        let mut found = BTreeSet::new();
        let mut folders = vec![root.clone()];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                let name = path.strip_prefix(&root).unwrap().to_string_lossy().into_owned();
                let is_of_authors = !["rust/tests", "js/tests"].contains(&name.as_str());
                if path.is_dir() && is_of_authors {
                    folders.push(path);
                } else if is_of_authors {
                    found.insert(name);
                }
            }
        }
        let listed: Vec<&str> = SDK.iter().chain(&CONTRACT).chain(&TEMPLATES).map(|(path, _)| *path).collect();
        let embedded: BTreeSet<String> = listed.iter().map(|path| (*path).to_owned()).collect();
        assert_eq!(embedded, found);
        assert_eq!(embedded.len(), listed.len(), "one is listed twice");
    }

    #[test]
    fn names_are_those_of_folders_and_crates() {
        let names = ["call_back", "a1", "Call", "1a", "call-back", "_a", "", "a/b"].map(is_name);
        assert_eq!(names, [true, true, false, false, false, false, false, false]);
    }
}
