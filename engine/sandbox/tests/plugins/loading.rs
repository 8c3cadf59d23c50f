//! What can be wrong with the files of a plugin, and what is said of it.

use std::fs;
use std::path::Path;

use sandbox::{Handled, HostLimits, LoadErrorKind, Plugin, Sandbox};

use crate::guest::{MANIFEST, everything, handle_one, sandbox, table, wasm};

fn load(manifest: &str, wasm: &[u8]) -> Result<Plugin, sandbox::LoadError> {
    sandbox().load_bytes(manifest, wasm, &toml::Table::new(), &everything(MANIFEST))
}

fn check(wasm: &[u8], kind: LoadErrorKind, words: &[&str]) {
    let error = load(MANIFEST, wasm).err().expect("it is refused");
    assert_eq!(error.kind, kind, "{error}");
    for words in words {
        assert!(error.to_string().contains(words), "{error}\ndoes not say {words:?}");
    }
}

/// A component that has what is told beside an export of the contract.
fn component(imports: &str, handle: &str) -> Vec<u8> {
    let text = format!(
        r#"(component
            {imports}
            (core module $m
                (memory (export "memory") 1)
                (func (export "realloc") (param i32 i32 i32 i32) (result i32) i32.const 1024)
                (func (export "handle") (param i32 i32) (result i32) i32.const 0))
            (core instance $i (instantiate $m))
            {handle})"#
    );
    wat::parse_str(text).unwrap()
}

/// `handle` of an older contract, in which an event was but a text.
const OLDER_HANDLE: &str = r#"
    (type $events (list string))
    (type $answers (list string))
    (func $handle (param "events" $events) (result $answers)
        (canon lift (core func $i "handle") (memory $i "memory") (realloc (func $i "realloc"))))
    (instance $handler (export "handle" (func $handle)))
    (export "ringback:plugin/handler@1.0.0" (instance $handler))"#;

#[test]
fn a_component_of_another_contract() {
    let rebuild = "rebuild it with ringback plugin build";
    check(
        &component(
            r#"(import "ringback:plugin/env@1.0.0" (instance (export "whisper" (func (param "text" string)))))"#,
            OLDER_HANDLE,
        ),
        LoadErrorKind::Contract,
        &["ringback:plugin/env@1.0.0", "whisper", rebuild],
    );
    check(
        &component(
            r#"(import "ringback:plugin/env@1.0.0" (instance (export "settings" (func (result u32)))))"#,
            OLDER_HANDLE,
        ),
        LoadErrorKind::Contract,
        &["settings", "expected `string` found `u32`", rebuild],
    );
    check(
        &component(r#"(import "ringback:plugin/weather@1.1.0" (instance (export "rain" (func))))"#, OLDER_HANDLE),
        LoadErrorKind::Contract,
        &["ringback:plugin/weather@1.1.0", rebuild],
    );
    check(
        &component(
            r#"(import "ringback:plugin/env@2.0.0" (instance (export "settings" (func (result string)))))"#,
            OLDER_HANDLE,
        ),
        LoadErrorKind::Contract,
        &["ringback:plugin/env@2.0.0", rebuild],
    );
    check(&component("", OLDER_HANDLE), LoadErrorKind::Contract, &["another contract than 1.0.0", "string", rebuild]);
    check(&component("", ""), LoadErrorKind::Contract, &["it has no ringback:plugin/handler", rebuild]);
    check(
        &component(r#"(import "acme:own/things@1.0.0" (instance))"#, OLDER_HANDLE),
        LoadErrorKind::Contract,
        &["acme:own/things@1.0.0", rebuild],
    );
}

#[test]
fn a_component_that_wants_wasi() {
    let imports = r#"
        (import "wasi:io/error@0.2.6" (instance))
        (import "wasi:cli/environment@0.2.6" (instance))"#;
    check(
        &component(imports, OLDER_HANDLE),
        LoadErrorKind::Wasi,
        &[
            "it wants wasi:io/error@0.2.6, wasi:cli/environment@0.2.6",
            "ringback plugin build",
            "wasm32-unknown-unknown",
        ],
    );
}

#[test]
fn what_is_no_component() {
    let again = "ringback plugin build";
    check(b"", LoadErrorKind::NotAComponent, &["is no WebAssembly", again]);
    check(b"#!/bin/sh\n", LoadErrorKind::NotAComponent, &["is no WebAssembly", again]);
    check(
        &wat::parse_str("(module)").unwrap(),
        LoadErrorKind::NotAComponent,
        &["is a module and not a component", again],
    );
    let compiled = wasmtime_compiled();
    check(&compiled, LoadErrorKind::NotAComponent, &["is compiled code", "give the component itself"]);
}

/// Compiled code as the cache has it, without its HMAC.
fn wasmtime_compiled() -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    let sandbox = Sandbox::new(&HostLimits::default(), Some(folder.path())).unwrap();
    sandbox.load_bytes(MANIFEST, wasm(), &toml::Table::new(), &toml::Table::new()).unwrap();
    let mut bytes = fs::read(compiled_file(folder.path())).unwrap();
    bytes.truncate(bytes.len() - 32);
    bytes
}

fn compiled_file(cache: &Path) -> std::path::PathBuf {
    let entries = fs::read_dir(cache).unwrap().map(|entry| entry.unwrap().path());
    let mut compiled: Vec<_> = entries.filter(|path| path.extension().is_some_and(|end| end == "cwasm")).collect();
    assert_eq!(compiled.len(), 1, "{compiled:?}");
    compiled.remove(0)
}

#[test]
fn a_truncated_component() {
    for length in [4, 9, 100, wasm().len() / 2, wasm().len() - 1] {
        check(&wasm()[..length], LoadErrorKind::NotAComponent, &["ringback plugin build"]);
    }
    // Its first eight bytes alone are a component without anything in it.
    check(&wasm()[..8], LoadErrorKind::Contract, &["it has no ringback:plugin/handler"]);
}

/// A flipped bit is refused, or makes another plugin, whose checksum tells: nothing else may happen.
#[test]
fn a_bit_flipped_component() {
    let whole = load(MANIFEST, wasm()).unwrap();
    let sandbox = sandbox();
    let mut refused = 0;
    let places: Vec<usize> = (8..wasm().len()).step_by(wasm().len() / 20).collect();
    for at in &places {
        let mut flipped = wasm().to_vec();
        flipped[*at] ^= 0x10;
        match sandbox.load_bytes(MANIFEST, &flipped, &toml::Table::new(), &everything(MANIFEST)) {
            Err(error) => {
                refused += 1;
                assert!(error.to_string().contains("ringback plugin build"), "{error}");
            }
            Ok(mut plugin) => {
                assert_ne!(plugin.sha256(), whole.sha256());
                let _ = handle_one(&mut plugin, "done");
            }
        }
    }
    assert!(refused > 0, "none of {} flips was noticed", places.len());
    let mut whole = whole;
    assert_eq!(handle_one(&mut whole, "done").handled, Handled::Done, "the neighbor goes on");
}

/// The cache is believed only where its HMAC agrees: what was changed is compiled again, and never loaded.
#[test]
fn compiled_code_that_was_changed_is_compiled_again() {
    let folder = tempfile::tempdir().unwrap();
    let was_compiled = || {
        let sandbox = Sandbox::new(&HostLimits::default(), Some(folder.path())).unwrap();
        let mut plugin = sandbox.load_bytes(MANIFEST, wasm(), &toml::Table::new(), &toml::Table::new()).unwrap();
        assert_eq!(handle_one(&mut plugin, "done").handled, Handled::Done);
        plugin.was_compiled()
    };
    assert_eq!((was_compiled(), was_compiled()), (true, false), "the second start finds it");
    let path = compiled_file(folder.path());
    let whole = fs::read(&path).unwrap();
    for at in [0, 100, whole.len() / 2, whole.len() - 1] {
        let mut flipped = whole.clone();
        flipped[at] ^= 1;
        fs::write(&path, flipped).unwrap();
        assert_eq!((was_compiled(), was_compiled()), (true, false), "byte {at} was flipped");
    }
    fs::write(&path, &whole[..whole.len() / 2]).unwrap();
    assert!(was_compiled(), "it was cut");
    fs::remove_file(folder.path().join("key")).unwrap();
    assert!(was_compiled(), "it was written under another key");
}

#[test]
fn settings_grants_and_limits_are_checked() {
    let load = |manifest: &str, settings: &str, granted: &str| {
        let error = sandbox().load_bytes(manifest, wasm(), &table(settings), &table(granted)).err().unwrap();
        (error.kind, error.to_string())
    };
    let (kind, text) = load(MANIFEST, "greeting = 1", "");
    assert_eq!(kind, LoadErrorKind::Settings);
    assert_eq!(
        text,
        "[plugin.guest.settings] in engine.toml: greeting: 1 is not understood: write text like \"missed\""
    );
    let (kind, text) = load(MANIFEST, "greetings = \"x\"", "");
    assert_eq!(kind, LoadErrorKind::Settings);
    assert_eq!(
        text,
        "[plugin.guest.settings] in engine.toml: `greetings` is no setting of this plugin: it has greeting"
    );
    let (kind, text) = load(MANIFEST, "", "call_backs = true");
    assert_eq!(kind, LoadErrorKind::Grants);
    assert!(text.starts_with("[plugin.guest.grants] in engine.toml: ") && text.contains("`call_backs`"), "{text}");
    let (kind, text) = load(&MANIFEST.replace("memory_mb = 8", "memory_mb = 65"), "", "");
    assert_eq!(kind, LoadErrorKind::Limits);
    assert_eq!(
        text,
        "plugins/guest/plugin.toml asks for memory_mb = 65 under [limits], the engine allows 1 to 64: \
         change it there, or memory_mb_max under [sandbox] in engine.toml"
    );
    let (kind, text) = load(&MANIFEST.replace("memory_mb = 8", "memory_mb = 1"), "", "");
    assert_eq!((kind, text.contains("raise memory_mb under [limits]")), (LoadErrorKind::Limits, true), "{text}");
}

#[test]
fn a_component_that_is_too_large() {
    let limits = HostLimits { component_kb_max: 16, ..HostLimits::default() };
    let sandbox = Sandbox::new(&limits, None).unwrap();
    let error = sandbox.load_bytes(MANIFEST, wasm(), &toml::Table::new(), &toml::Table::new()).err().unwrap();
    assert_eq!(error.kind, LoadErrorKind::TooLarge);
    assert!(error.to_string().contains("the engine allows 16: strip it, or raise component_kb_max"), "{error}");
    let begins_large = "(core module $large (memory 1040)) (core instance (instantiate $large))";
    let advice = ["exceeds the limit", "raise memory_mb_max under [sandbox] in engine.toml"];
    check(&component(begins_large, OLDER_HANDLE), LoadErrorKind::Limits, &advice);
    let many = "(core instance (instantiate $one))".repeat(8);
    let many = format!("(core module $one (memory 1)) {many}");
    check(
        &component(&many, OLDER_HANDLE),
        LoadErrorKind::Limits,
        &["9 Wasm linear memories, which exceeds the configured maximum of 8"],
    );
}

/// Wasmtime's own limit holds for each memory alone: ours is for all of them.
#[test]
fn several_memories_are_counted_together() {
    let with = |memories: usize| {
        let modules = "(core instance (instantiate $large))".repeat(memories);
        component(&format!("(core module $large (memory 40)) {modules}"), OLDER_HANDLE)
    };
    check(
        &with(4),
        LoadErrorKind::Limits,
        &["it needs more than 8 MiB of memory to start: raise memory_mb under [limits]"],
    );
    check(&with(2), LoadErrorKind::Contract, &["another contract"]);
}

#[test]
fn a_folder_is_loaded() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("guest");
    let load = || sandbox().load(&path, &toml::Table::new(), &everything(MANIFEST));
    let text = |kind: LoadErrorKind| {
        let error = load().err().unwrap();
        assert_eq!(error.kind, kind, "{error}");
        error.to_string()
    };
    assert!(text(LoadErrorKind::File).contains("guest/plugin.toml: No such file"));
    fs::create_dir(&path).unwrap();
    fs::write(path.join("plugin.toml"), MANIFEST).unwrap();
    let missing = text(LoadErrorKind::File);
    assert!(
        missing.contains("guest/plugin.wasm: No such file") && missing.contains("build it with `ringback plugin build"),
        "{missing}"
    );
    fs::write(path.join("plugin.wasm"), wasm()).unwrap();
    assert_eq!(handle_one(&mut load().unwrap(), "done").handled, Handled::Done);
    fs::write(path.join("plugin.toml"), MANIFEST.replace("\"guest\"", "\"other\"")).unwrap();
    assert!(text(LoadErrorKind::Manifest).contains("its name in plugin.toml is other: rename one of them"));
}
