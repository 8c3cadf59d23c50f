//! One run of the corpus: the records of a small story as a PBX wrote them, and its truth.

use std::path::{Path, PathBuf};
use std::process::Command;

use adapters::leg::Leg;
use adapters::reader::Reader;
use adapters::{Ends, Legs, pbx};
use calls::{Calls, Site};
use directory::Directory;
use serde_json::Value;

/// Sources of one PBX that are read together: file and adapter, the first as the main one.
pub type Sources = &'static [(&'static str, &'static str)];

/// The sets of sources that are scored.
pub const SETS: [(&str, Sources); 4] = [
    ("cdr-full", &[("cdr-full.csv", "asterisk_cdr")]),
    ("cdr", &[("cdr.csv", "asterisk_cdr")]),
    ("cel", &[("cel.csv", "asterisk_cel")]),
    ("all", &[("cdr-full.csv", "asterisk_cdr"), ("cel.csv", "asterisk_cel"), ("queue_log", "asterisk_queue_log")]),
];

/// A run: the texts of its files, and what really happened.
pub struct Run {
    pub name: String,
    pub files: Vec<(String, Vec<u8>)>,
    pub truth: Vec<Value>,
}

/// The runs under a folder, by name.
pub fn runs(root: &Path) -> Vec<Run> {
    let mut folders = Vec::new();
    find(root, &mut folders);
    folders.sort();
    assert!(!folders.is_empty(), "{}: no run (a folder with truth.json)", root.display());
    folders.iter().map(|folder| open(root, folder)).collect()
}

fn find(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap_or_else(|e| panic!("{}: {e}", folder.display())) {
        let path = entry.unwrap().path();
        if path.is_dir() {
            find(&path, found);
        } else if path.file_name().is_some_and(|n| n == "truth.json" || n == "truth.ndjson") {
            found.push(folder.to_owned());
        }
    }
}

fn open(root: &Path, folder: &Path) -> Run {
    let mut files = Vec::new();
    for name in ["cdr-full.csv", "cdr.csv", "cel.csv", "queue_log"] {
        if let Ok(bytes) = std::fs::read(folder.join(name)) {
            files.push((name.to_owned(), bytes));
        }
    }
    let truth = match std::fs::read(folder.join("truth.json")) {
        Ok(bytes) => serde_json::from_slice::<Value>(&bytes).unwrap()["calls"].as_array().unwrap().clone(),
        Err(_) => std::fs::read_to_string(folder.join("truth.ndjson"))
            .unwrap()
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect(),
    };
    Run { name: folder.strip_prefix(root).unwrap().display().to_string(), files, truth }
}

/// The corpus that the repo keeps, or another one of its shape, named by `RINGBACK_CORPUS`.
pub fn root() -> PathBuf {
    match std::env::var_os("RINGBACK_CORPUS") {
        Some(path) => path.into(),
        None => Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus"),
    }
}

/// The text of the corpus's `pbx.json`.
pub fn pbx_json(root: &Path) -> String {
    std::fs::read_to_string(root.join("pbx.json")).unwrap()
}

/// The directory of a `pbx.json`, by way of the script that users have.
pub fn directory(pbx_json: &str) -> Directory {
    Directory::from_toml(&site_file(pbx_json)).unwrap_or_else(|e| panic!("{e}"))
}

/// What the script writes of a `pbx.json`.
pub fn site_file(pbx_json: &str) -> String {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("pbx.json");
    std::fs::write(&path, pbx_json).unwrap();
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../adapters/fixtures/site_from_pbx.py");
    let out = Command::new("python3").arg(&script).arg(&path).output().expect("python3 runs");
    assert!(out.status.success(), "site_from_pbx.py: {}", String::from_utf8_lossy(&out.stderr));
    String::from_utf8(out.stdout).unwrap()
}

impl Run {
    /// The legs of these sources in the order of their records, and what ends their calls.
    pub fn legs(&self, sources: Sources, directory: &Directory) -> (Vec<Leg>, Vec<Ends>) {
        let mut out = Legs::default();
        let mut ends = Vec::new();
        for ((name, adapter), file) in sources.iter().zip(1..) {
            let Some((_, bytes)) = self.files.iter().find(|(n, _)| n == name) else { continue };
            let adapter = pbx::named(adapter).unwrap();
            let settings =
                calls::settings::settings(directory, &directory.first_pbx().id.clone(), adapter.about().name);
            let mut reader = Reader::new(adapter, &settings, name.as_bytes(), file);
            reader.push(bytes, None, &mut out);
            reader.finish(None, &mut out);
            ends.push(adapter.about().ends);
        }
        assert!(out.rejects.is_empty(), "{}: {:?}", self.name, out.rejects);
        (out.legs, ends)
    }

    /// What `ringback calls` prints of these sources.
    pub fn calls(&self, sources: Sources, directory: &Directory) -> Vec<Value> {
        let (legs, ends) = self.legs(sources, directory);
        let mut calls = Calls::new(Site::new(directory), &ends, sources.len() > 1);
        for leg in legs {
            calls.push(leg);
        }
        lines(calls).iter().map(|line| serde_json::from_str(line).unwrap()).collect()
    }
}

/// The lines of everything that a fold still holds.
pub fn lines(mut calls: Calls<'_>) -> Vec<String> {
    let mut lines = Vec::new();
    calls.finish(|told| lines.push(told.json()));
    lines
}
