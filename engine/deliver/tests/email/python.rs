//! A Python with the packages that the peers of tests need, made once under `target`.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Command;

/// By name and version, as their registry has them.
const PACKAGES: [&str; 2] = ["aiosmtpd==1.4.6", "trustme==1.2.1"];

/// Its interpreter.
pub fn interpreter() -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("python-peers");
    std::fs::create_dir_all(&folder).unwrap();
    // Tests run side by side, in several processes too.
    let lock = File::create(folder.join("lock")).unwrap();
    lock.lock().unwrap();
    let ready = folder.join(format!("ready-{}", PACKAGES.join("-")));
    let interpreter = folder.join("venv/bin/python3");
    if !ready.exists() {
        run(Command::new("python3").args(["-m", "venv", "--clear"]).arg(folder.join("venv")));
        run(Command::new(&interpreter)
            .args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check"])
            .args(PACKAGES));
        File::create(&ready).unwrap();
    }
    interpreter
}

fn run(command: &mut Command) {
    let done = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    assert!(done.status.success(), "{command:?}: {}", String::from_utf8_lossy(&done.stderr));
}
