//! `ringback check` of plugins and of what they use: without a database and brokers it says that too, and goes on.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use office::{NewPlugin, Office, PluginState};

use crate::process::{folder, ringback, run, write};

/// A plugin that was built, in a folder of its name.
fn built(into: &Path) -> std::path::PathBuf {
    let kept = Path::new(env!("CARGO_MANIFEST_DIR")).join("sandbox/tests/kept/0.1.0/webhook");
    let folder = into.join("webhook");
    fs::create_dir(&folder).expect("made");
    fs::copy(kept.join("plugin.toml"), folder.join("plugin.toml")).expect("copied");
    let packed = fs::File::open(kept.join("plugin.wasm.zst")).expect("kept");
    fs::write(folder.join("plugin.wasm"), zstd::decode_all(packed).expect("unpacked")).expect("written");
    folder
}

/// What it says before it comes to the database.
fn check(settings: &Path) -> Vec<String> {
    let ran = run(ringback(["check", "--settings"]).arg(settings).env_remove("CLICKHOUSE_URL"));
    assert_eq!(ran.code, 1, "{}", ran.stderr);
    let said = String::from_utf8(ran.stdout).expect("UTF-8");
    said.lines().take_while(|line| !line.contains("no database")).map(str::to_owned).collect()
}

#[test]
fn what_of_plugins_would_not_act_is_told() {
    let folder = folder();
    let settings = folder.path();
    let place = settings.display();
    write(settings, "site.toml", "[[site]]\nid = \"kyiv\"\n[[pbx]]\nid = \"main\"\n");
    let fine = [format!("ok: settings: {place}/engine.toml"), "ok: site files: main".to_owned()];
    assert_eq!(check(settings), fine, "there is nothing to say of plugins");
    assert!(!settings.join("office.db").exists(), "it looks and makes nothing");

    let secret = write(settings, "pbx.secret", "swordfish\n");
    fs::set_permissions(&secret, fs::Permissions::from_mode(0o644)).expect("set");
    write(
        settings,
        "engine.toml",
        "[office]\nkeep_days = 5\n[deliver]\nattempt_s = 65\n\
         [pbx.shop.control]\naddress = \"127.0.0.1:1\"\nuser = \"u\"\nsecret_file = \"pbx.secret\"\ncontext = \"c\"\n\
         [plugin.webhook.grants]\nwebhook = [\"crm\", \"desk\"]\ntag = true\n\
         [plugin.web_hook.settings]\ndestination = \"crm\"\n",
    );
    let source = folder.path().join("built");
    fs::create_dir(&source).expect("made");
    let installed = run(ringback(["plugin", "install"]).arg(built(&source)).arg("--settings").arg(settings));
    assert_eq!(installed.code, 0, "{}", installed.stderr);
    let office = Office::open(&format!("sqlite:{place}/office.db"), 5000).expect("the office");
    let gone = NewPlugin {
        name: "gone".to_owned(),
        version: "2.0.0".to_owned(),
        sha256: "00".to_owned(),
        state: PluginState::Live,
        by: "a test".to_owned(),
        note: String::new(),
        now: 1_795_514_400_000,
    };
    office.install(&gone).expect("written");
    let secret = secret.display();
    let [settings_are, site_is] = fine;
    assert_eq!(
        check(settings),
        [
            settings_are,
            site_is,
            "wrong: `keep_days` under [office] in engine.toml is 5: a start reads 11.0 days of the log again, and may tell their \
             events again, so 12 or more would work"
                .to_owned(),
            format!(
                "wrong: `secret_file` under [pbx.shop.control]: every user of this machine may read the secret in {secret}: chmod o= {secret}"
            ),
            format!("wrong: plugin gone 2.0.0 cannot be loaded: {place}/plugins/gone/plugin.toml: No such file or directory (os error 2)"),
            format!(
                "note: plugin webhook 1.0.0 is dry, and nothing that it asks for is done: let it act with ringback plugin enable webhook --settings {place}"
            ),
            "note: plugin webhook asks for what it is not granted: add under [plugin.webhook.grants] in engine.toml what it shall have: numbers = true"
                .to_owned(),
            "note: [plugin.webhook.grants] in engine.toml grants what plugins/webhook/plugin.toml does not ask for: take it out, or have it asked for: \
             tag = true, webhook = [\"desk\"]"
                .to_owned(),
            "wrong: [plugin.web_hook] in engine.toml is of no plugin that is installed (installed are: gone, webhook): install it with \
             ringback plugin install, or correct the name"
                .to_owned(),
            "wrong: [pbx.shop.control] in engine.toml: no site file has an exchange shop; it can be one of: main".to_owned(),
            "wrong: `attempt_s` under [deliver] in engine.toml is 65, and one attempt at shop may take 65 seconds (ring_s 20 * people_max 1 + \
             dial_s 45 under [pbx.shop.control]): 66 or more would work"
                .to_owned(),
            "wrong: plugin webhook may post to crm, and engine.toml has no [webhook.crm]: add one with `url` and `secret_file`".to_owned(),
        ]
    );
}
