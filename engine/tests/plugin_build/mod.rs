//! `ringback plugin new` and `build`: from an empty folder to a component that imports nothing but our contract.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use tempfile::TempDir;

#[test]
fn a_new_plugin_in_rust_passes_its_fixtures_and_is_built() {
    let folder = TempDir::new().unwrap();
    succeeds(ringback(&folder, ["plugin", "new", "greet"]));
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["test", "--quiet"]).current_dir(folder.path().join("greet")).env("CARGO_TARGET_DIR", built());
    let tested = succeeds(cargo);
    assert!(tested.contains("test result: ok. 1 passed"), "{tested}");

    let said = succeeds(ringback(&folder, ["plugin", "build", "greet"]));
    assert!(said.starts_with("built with rustc "), "{said}");
    assert!(said.contains("greet 1.0.0: greet/plugin.wasm, "), "{said}");
    let ours = ["env", "types", "actions"].map(|name| format!("ringback:plugin/{name}@1.0.0"));
    assert_eq!(imports(&said), ours, "{said}");
    assert!(said.ends_with("asks for: message (person, group)\n"), "{said}");
    let component = fs::read(folder.path().join("greet/plugin.wasm")).unwrap();
    assert!(component.len() < 400_000, "{} bytes: it was larger than a plugin of ten lines is", component.len());
}

#[test]
fn a_new_plugin_in_javascript_is_built() {
    let folder = TempDir::new().unwrap();
    succeeds(ringback(&folder, ["plugin", "new", "greet", "--language", "javascript"]));
    let said = succeeds(ringback(&folder, ["plugin", "build", "greet"]));
    assert!(said.contains("greet 1.0.0: greet/plugin.wasm, "), "{said}");
    assert!(imports(&said).iter().all(|import| import.starts_with("ringback:plugin/")), "{said}");
}

#[test]
fn a_mistake_in_a_source_is_told_with_its_place() {
    let folder = TempDir::new().unwrap();
    succeeds(ringback(&folder, ["plugin", "new", "greet"]));
    fs::write(folder.path().join("greet/src/lib.rs"), "fn broken( {}\n").unwrap();
    fails(ringback(&folder, ["plugin", "build", "greet"]), 1, &["src/lib.rs:1", "cargo could not build greet"]);
    succeeds(ringback(&folder, ["plugin", "new", "hello", "--language", "javascript"]));
    fs::write(folder.path().join("hello/plugin.js"), "export const handler = ;\n").unwrap();
    fails(ringback(&folder, ["plugin", "build", "hello"]), 1, &["could not build hello/plugin.js", "plugin.js"]);
}

/// Whatever built it: what a component imports is read from its bytes.
#[test]
fn a_component_that_wants_more_than_a_plugin_may_have_is_refused() {
    let folder = TempDir::new().unwrap();
    let plugin = folder.path().join("ready");
    fs::create_dir(&plugin).unwrap();
    let manifest = "name = \"ready\"\nversion = \"1.0.0\"\nabout = \"Built elsewhere.\"\nlanguage = \"none\"\n";
    fs::write(plugin.join("plugin.toml"), manifest).unwrap();
    let build = || ringback(&folder, ["plugin", "build", "ready"]);
    fails(build(), 1, &["ready/plugin.wasm is missing"]);
    let component = |name: &str, section: u8| {
        let mut bytes = b"\0asm\x0d\0\x01\0".to_vec();
        let end: &[u8] = if section == 10 { &[5, 0] } else { &[5, 0, 0] };
        let length = u8::try_from(name.len()).unwrap();
        bytes.extend([section, length + 3 + u8::try_from(end.len()).unwrap(), 1, 0, length]);
        bytes.extend(name.bytes());
        bytes.extend(end);
        bytes
    };
    fs::write(plugin.join("plugin.wasm"), component("wasi:io/streams@0.2.0", 10)).unwrap();
    fails(build(), 1, &["imports wasi:io/streams@0.2.0, which no plugin has"]);
    fs::write(plugin.join("plugin.wasm"), component("ringback:plugin/env@1.0.0", 10)).unwrap();
    fails(build(), 1, &["does not export ringback:plugin/handler@1."]);
    fs::write(plugin.join("plugin.wasm"), component("ringback:plugin/handler@1.0.0", 11)).unwrap();
    let said = succeeds(build());
    assert!(said.contains("imports: nothing\nasks for: nothing\n"), "{said}");
    fs::write(plugin.join("plugin.wasm"), b"\0asm\x01\0\0\0").unwrap();
    fails(build(), 1, &["it is a module and no component: the linker has to be wasm-component-ld"]);
}

#[test]
fn what_is_wrong_is_said_with_what_would_work() {
    let folder = TempDir::new().unwrap();
    fails(ringback(&folder, ["plugin", "new", "Call-Back"]), 2, &["`Call-Back`", "write it like call_back"]);
    fs::create_dir(folder.path().join("there")).unwrap();
    fs::write(folder.path().join("there/notes"), "mine").unwrap();
    fails(ringback(&folder, ["plugin", "new", "there"]), 2, &["there is there already"]);
    fails(ringback(&folder, ["plugin", "build"]), 2, &["plugin.toml", "`ringback plugin new NAME`"]);
    // Nothing but what the test says is on the path: no compiler, no npm.
    let empty = TempDir::new().unwrap();
    for (language, words) in [("rust", ["cargo", "rustup"]), ("javascript", ["npm", "Node.js"])] {
        let name = format!("in_{language}");
        succeeds(ringback(&folder, ["plugin", "new", &name, "--language", language]));
        let mut build = ringback(&folder, ["plugin", "build", &name]);
        build.env("PATH", empty.path()).env("XDG_CACHE_HOME", empty.path());
        fails(build, 1, &words);
    }
}

/// In a folder, with the target folder that all tests here share: dependencies are compiled once.
fn ringback<'a>(folder: &TempDir, arguments: impl IntoIterator<Item = &'a str>) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ringback"));
    command.args(arguments).current_dir(folder.path()).env("CARGO_TARGET_DIR", built());
    command
}

fn built() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join("plugins")
}

fn imports(said: &str) -> Vec<String> {
    let line = said.lines().find_map(|line| line.strip_prefix("imports: ")).expect("a line of imports");
    line.split(", ").map(str::to_owned).collect()
}

/// What it printed.
fn succeeds(mut command: Command) -> String {
    let ended = command.stdin(Stdio::null()).output().unwrap();
    let errors = String::from_utf8_lossy(&ended.stderr);
    assert!(ended.status.success(), "{command:?}: {errors}");
    String::from_utf8(ended.stdout).unwrap()
}

fn fails(mut command: Command, code: i32, words: &[impl AsRef<str>]) {
    let ended = command.stdin(Stdio::null()).stdout(Stdio::null()).output().unwrap();
    let errors = String::from_utf8_lossy(&ended.stderr);
    let program = Path::new(command.get_program()).file_name().and_then(OsStr::to_str);
    assert_eq!(ended.status.code(), Some(code), "{program:?}: {errors}");
    for word in words {
        assert!(errors.contains(word.as_ref()), "`{}` is not in: {errors}", word.as_ref());
    }
}
