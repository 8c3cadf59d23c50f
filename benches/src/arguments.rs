//! `--name value` arguments, with what holds where they are left out.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The arguments of a bench.
#[derive(Debug)]
pub struct Arguments {
    given: BTreeMap<String, String>,
}

impl Arguments {
    /// Those of this process; each of `known` may stand once. Leaves with a sentence at any other.
    #[must_use]
    pub fn of_process(known: &[&str]) -> Arguments {
        let mut given = BTreeMap::new();
        let mut arguments = std::env::args().skip(1);
        while let Some(name) = arguments.next() {
            let bare = name.strip_prefix("--").filter(|bare| known.contains(bare));
            let (Some(bare), Some(value)) = (bare, arguments.next()) else {
                panic!("{name}: give --name value, with a name of {}", known.join(", "));
            };
            given.insert(bare.to_owned(), value);
        }
        Arguments { given }
    }

    /// A number; digits may be grouped with `_`.
    #[must_use]
    pub fn number(&self, name: &str, otherwise: u64) -> u64 {
        self.given.get(name).map_or(otherwise, |value| {
            value.replace('_', "").parse().unwrap_or_else(|_| panic!("--{name} {value}: is no number"))
        })
    }

    /// A word.
    #[must_use]
    pub fn word<'a>(&'a self, name: &str, otherwise: &'a str) -> &'a str {
        self.given.get(name).map_or(otherwise, String::as_str)
    }

    /// The binary `ringback`: `--ringback FILE`, else the release build beside this bench.
    #[must_use]
    pub fn ringback(&self) -> PathBuf {
        let beside = std::env::current_exe().ok().and_then(|exe| Some(exe.parent()?.join("ringback")));
        let path = self.given.get("ringback").map(PathBuf::from).or(beside).unwrap_or_default();
        assert!(path.is_file(), "{}: build it with cargo build --release, or name it with --ringback", path.display());
        path
    }
}

/// The top of the repository.
#[must_use]
pub fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().map(Path::to_owned).unwrap_or_default()
}

/// The site file of the PBX that wrote the corpus, as its script makes it.
#[must_use]
pub fn site_toml() -> String {
    let script = repository().join("adapters/fixtures/site_from_pbx.py");
    let pbx = repository().join("engine/calls/tests/corpus/pbx.json");
    let made = Command::new("python3").arg(script).arg(pbx).output().expect("python3 makes the site file");
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    String::from_utf8(made.stdout).expect("a site file is text")
}
