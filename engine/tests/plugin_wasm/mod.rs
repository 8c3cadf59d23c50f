//! `ringback plugin build` and `test` over every plugin that comes along: what its fixtures say natively holds in the sandbox.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use tempfile::TempDir;

#[test]
fn every_plugin_passes_its_fixtures_in_the_sandbox() {
    let plugins = Path::new(env!("CARGO_MANIFEST_DIR")).join("../plugins");
    let mut folders: Vec<PathBuf> = fs::read_dir(&plugins)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|p| p.join("plugin.toml").is_file())
        .collect();
    folders.push(plugins.join("sdk/js/tests/tried"));
    folders.sort();
    assert!(folders.len() >= 6, "{folders:?}");
    for folder in folders {
        let built = ringback("build", &folder);
        assert!(built.status.success(), "{}", said(&built));
        let tested = ringback("test", &folder);
        assert!(tested.status.success(), "{}", said(&tested));
        assert!(said(&tested).contains(" fixtures, 0 failed"), "{}", said(&tested));
    }
}

#[test]
fn a_wrong_fixture_and_what_is_not_granted_fail_with_what_to_change() {
    let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("../plugins/webhook");
    let built = ringback("build", &from);
    assert!(built.status.success(), "{}", said(&built));
    let folder = TempDir::new().unwrap();
    let to = folder.path().join("webhook");
    copy(&from, &to);
    let acts = fs::read_dir(to.join("fixtures")).unwrap().map(|entry| entry.unwrap().path());
    let acts =
        acts.into_iter().find(|f| fs::read_to_string(f.join("actions.json")).unwrap().contains("\"destination\""));
    let actions = acts.expect("a fixture that acts").join("actions.json");
    let right = fs::read_to_string(&actions).unwrap();
    fs::write(&actions, right.replace("\"destination\": \"", "\"destination\": \"not-")).unwrap();
    let tested = ringback("test", &to);
    assert_eq!(tested.status.code(), Some(1), "{}", said(&tested));
    assert!(said(&tested).contains("not-"), "{}", said(&tested));

    fs::write(&actions, right).unwrap();
    let manifest = fs::read_to_string(to.join("plugin.toml")).unwrap();
    let without: String =
        manifest.lines().filter(|line| !line.starts_with("webhook = ")).map(|line| format!("{line}\n")).collect();
    assert_ne!(without, manifest);
    fs::write(to.join("plugin.toml"), without).unwrap();
    let tested = ringback("test", &to);
    assert_eq!(tested.status.code(), Some(1), "{}", said(&tested));
    assert!(said(&tested).contains("under [grants] in plugins/webhook/plugin.toml"), "{}", said(&tested));
}

fn ringback(command: &str, folder: &Path) -> Output {
    let mut ringback = Command::new(env!("CARGO_BIN_EXE_ringback"));
    ringback.args(["plugin", command]).arg(folder).output().unwrap()
}

fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let target = to.join(path.file_name().unwrap());
        if path.is_dir() {
            copy(&path, &target);
        } else {
            fs::copy(&path, target).unwrap();
        }
    }
}
