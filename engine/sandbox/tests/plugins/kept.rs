//! Plugins as earlier versions built them: each still loads, and everything that comes out of its fixtures is what came out then.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use sandbox::fixture;
use serde_json::Value;

use crate::guest::sandbox;

/// The file with everything that came out, by fixture.
const OUTCOMES: &str = "outcomes.json";

#[test]
fn what_was_built_before_still_does_the_same() {
    let kept = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/kept");
    let plugins: Vec<PathBuf> = folders(&kept).iter().flat_map(|version| folders(version)).collect();
    assert!(!plugins.is_empty(), "{} holds none", kept.display());
    for plugin in plugins {
        let place = plugin.display();
        let unpacked = tempfile::tempdir().unwrap();
        // It is loaded from a folder of its own name, as in an installation.
        let folder = unpacked.path().join(plugin.file_name().unwrap());
        fs::create_dir(&folder).unwrap();
        fs::copy(plugin.join("plugin.toml"), folder.join("plugin.toml")).unwrap();
        let packed = fs::File::open(plugin.join("plugin.wasm.zst")).unwrap();
        fs::write(folder.join("plugin.wasm"), zstd::decode_all(packed).unwrap()).unwrap();
        std::os::unix::fs::symlink(plugin.join("fixtures"), folder.join("fixtures")).unwrap();

        let reports = fixture::test(&sandbox(), &folder).unwrap_or_else(|error| panic!("{place}: {error}"));
        for report in &reports {
            assert!(report.passed(), "{place}: {report}");
        }
        let came: BTreeMap<String, Value> = reports.into_iter().map(|report| (report.name, report.actual)).collect();
        let file = plugin.join(OUTCOMES);
        if std::env::var_os("BLESS").is_some() && !file.exists() {
            fs::write(&file, format!("{}\n", serde_json::to_string_pretty(&came).unwrap())).unwrap();
        }
        let expected: BTreeMap<String, Value> = serde_json::from_str(&fs::read_to_string(&file).unwrap()).unwrap();
        assert_eq!(came, expected, "{place}");
    }
}

fn folders(of: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(of).unwrap().map(|entry| entry.unwrap().path());
    let mut folders: Vec<PathBuf> = entries.filter(|path| path.is_dir()).collect();
    folders.sort();
    folders
}
