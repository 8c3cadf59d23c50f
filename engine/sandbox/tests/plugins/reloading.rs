//! A folder that changes while its plugin runs.

use std::fs;

use sandbox::{Handled, Reload, Reloaded};

use crate::guest::{MANIFEST, everything, handle_one, sandbox, told, wasm};

#[test]
fn a_new_version_is_swapped_in_and_a_broken_one_is_not() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("guest");
    fs::create_dir(&path).unwrap();
    fs::write(path.join("plugin.toml"), MANIFEST).unwrap();
    fs::write(path.join("plugin.wasm"), wasm()).unwrap();
    let (sandbox, settings, granted) = (sandbox(), toml::Table::new(), everything(MANIFEST));
    let mut plugin = sandbox.load(&path, &settings, &granted).unwrap();
    let mut reload = Reload::new(&path);
    assert_eq!(told(&mut plugin, "seen"), "1");
    let mut check = |plugin: &mut sandbox::Plugin| reload.check(&sandbox, plugin, &settings, &granted);
    assert_eq!(check(&mut plugin), Reloaded::Kept);

    fs::write(path.join("plugin.wasm"), &wasm()[..wasm().len() / 2]).unwrap();
    assert_eq!(check(&mut plugin), Reloaded::Kept, "it may still be written");
    match check(&mut plugin) {
        Reloaded::Refused(error) => assert!(error.to_string().contains("damaged"), "{error}"),
        other => panic!("{other:?}"),
    }
    assert_eq!(check(&mut plugin), Reloaded::Kept, "said once");
    assert_eq!(told(&mut plugin, "seen"), "2", "the running one stays, with its instance");

    fs::write(path.join("plugin.wasm"), wasm()).unwrap();
    fs::write(path.join("plugin.toml"), MANIFEST.replace("1.0.0", "1.0.1")).unwrap();
    assert_eq!(check(&mut plugin), Reloaded::Kept);
    let sha256 = &plugin.sha256()[..12].to_owned();
    let swapped = Reloaded::Swapped { from: format!("1.0.0 {sha256}"), to: format!("1.0.1 {sha256}") };
    assert_eq!(check(&mut plugin), swapped);
    assert_eq!(plugin.manifest().version, "1.0.1");
    assert_eq!(told(&mut plugin, "seen"), "1", "it has an instance of its own");
    assert_eq!(check(&mut plugin), Reloaded::Kept);

    fs::remove_file(path.join("plugin.toml")).unwrap();
    assert_eq!(check(&mut plugin), Reloaded::Kept);
    assert!(matches!(check(&mut plugin), Reloaded::Refused(_)));
    assert_eq!(handle_one(&mut plugin, "done").handled, Handled::Done);
}
