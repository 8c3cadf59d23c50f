//! An installation with plugins, over a broker and a database of the test's own.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use rdkafka::ClientConfig;
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;

use crate::exchange::{Exchange, SECRET};
use crate::process::{ringback, run, write};
use crate::world::{SESSION_S, World};

/// A topic whose records have the moment at which the broker took them: what acts needs the log's own time.
pub fn topic(world: &World, name: &str) {
    let admin: AdminClient<DefaultClientContext> =
        ClientConfig::new().set("bootstrap.servers", &world.bootstrap).create().expect("a client");
    let new = NewTopic::new(name, 1, TopicReplication::Fixed(1)).set("message.timestamp.type", "LogAppendTime");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let made = runtime.block_on(admin.create_topics([&new], &AdminOptions::new())).expect("asked");
    assert!(made.iter().all(Result::is_ok), "{made:?}");
}

/// A plugin's folder with its plugin.wasm, built once for all tests.
pub fn built(name: &str) -> PathBuf {
    static BUILDING: Mutex<()> = Mutex::new(());
    let _one = BUILDING.lock().unwrap_or_else(PoisonError::into_inner);
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../plugins").join(name);
    let ran = run(ringback(["plugin", "build"]).arg(&folder));
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    folder
}

/// The settings of an installation whose exchange is this one, with these plugins, which act. `more` is further text of engine.toml.
pub fn settings(world: &World, topic: &str, exchange: &Exchange, plugins: &[&str], site: &str, more: &str) -> PathBuf {
    let folder = world.folder.path().join("settings");
    std::fs::create_dir_all(&folder).expect("made");
    write(&folder, "site.toml", site);
    write(&folder, "pbx.secret", SECRET);
    let (bootstrap, url, address) = (&world.bootstrap, &world.url, &exchange.address);
    write(
        &folder,
        "engine.toml",
        format!(
            "[kafka]\nbootstrap = \"{bootstrap}\"\ntopics = [\"{topic}\"]\nsession_timeout_s = {SESSION_S}\n\
             [clickhouse]\nurl = \"{url}\"\n[limits]\nlook_again_s = 1\n\
             [pbx.main.control]\nkind = \"asterisk_ami\"\naddress = \"{address}\"\nuser = \"ringback\"\nsecret_file = \"pbx.secret\"\n\
             context = \"from-internal\"\nnumber_form = \"e164\"\noutside_prefix = \"\"\ndials_max = 64\n\
             [plugin.call_back.grants]\ncall_back = true\ntimers = true\ndirectory = true\n\
             [plugin.notify_missed.grants]\nemail = [\"person\", \"head\", \"group\"]\nmessage = [\"person\", \"head\", \"group\"]\n\
             directory = true\nnumbers = true\n{more}"
        ),
    );
    for plugin in plugins {
        let ran = run(ringback(["plugin", "install"]).arg(built(plugin)).arg("--settings").arg(&folder));
        assert_eq!(ran.code, 0, "{}", ran.stderr);
        let ran = run(ringback(["plugin", "enable", plugin, "--settings"]).arg(&folder));
        assert_eq!(ran.code, 0, "{}", ran.stderr);
    }
    folder
}
