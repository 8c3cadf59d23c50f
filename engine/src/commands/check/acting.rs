//! What `ringback check` says of plugins and of the ways to the outside: what of them would not act, and what would mend it.

use std::path::Path;
use std::sync::Arc;

use anyhow::Result;
use directory::Directory;
use office::PluginState;
use sandbox::Grants;

use super::Findings;
use crate::commands::plugin;
use crate::config::Config;
use crate::installation::Installation;

/// One line.
#[derive(Debug, PartialEq, Eq)]
enum Said {
    Ok(String),
    /// It may be meant so.
    Note(String),
    Wrong(String),
}

/// A plugin that is installed, as it was found.
struct Found {
    name: String,
    version: String,
    state: PluginState,
    /// What it may do, or why it cannot be loaded; `None`: it is off, and was not tried.
    may: Option<Result<Grants, String>>,
    /// What it asks for and is not granted, and what it is granted and does not ask for, as lines of engine.toml.
    missing: Vec<String>,
    unasked: Vec<String>,
}

/// Looks at plugins, secrets, call control, mail and webhooks. `horizon_ms` is how much of the log a start reads again.
pub(super) fn look(folder: &Path, config: &Config, horizon_ms: Option<i64>, findings: &mut Findings) -> Result<()> {
    let installation = Installation::with(folder, config.clone());
    if let Some(Err(wrong)) = horizon_ms.map(|horizon_ms| config.office.keep_ms(horizon_ms)) {
        findings.wrong(&wrong.0)?;
    }
    for wrong in installation.ways_told() {
        findings.wrong(&wrong)?;
    }
    let plugins = match found(&installation) {
        Ok(plugins) => plugins,
        Err(error) => return findings.wrong(&format!("{error:#}")),
    };
    // What is wrong with site files was told before.
    let directories: Vec<Arc<Directory>> = installation.directories().unwrap_or_default().into_values().collect();
    let of_plugins = plugins.iter().flat_map(|plugin| of_plugin(folder, plugin));
    for said in of_plugins.chain(of_names(config, &plugins)).chain(of_ways(config, &directories, &plugins)) {
        match said {
            Said::Ok(what) => findings.ok(&what)?,
            Said::Note(what) => findings.note(&what)?,
            Said::Wrong(what) => findings.wrong(&what)?,
        }
    }
    Ok(())
}

/// Every plugin of the office, loaded as `run` would.
fn found(installation: &Installation) -> Result<Vec<Found>> {
    if !installation.has_office() {
        return Ok(Vec::new());
    }
    let rows = installation.office()?.plugins()?;
    let sandbox = match rows.is_empty() {
        true => return Ok(Vec::new()),
        false => installation.sandbox()?,
    };
    let told = installation.told();
    let found = rows.into_iter().map(|row| {
        let own = told.get(&row.name).cloned().unwrap_or_default();
        let folder = installation.plugins().join(&row.name);
        let may = (row.state != PluginState::Off).then(|| {
            let loaded = sandbox.load(&folder, &own.settings, &own.grants).map_err(|error| error.to_string())?;
            Ok(loaded.grants())
        });
        // Of one whose manifest cannot be read that is said above.
        let missing = plugin::missing(&folder, &own.grants).unwrap_or_default();
        let unasked = plugin::unasked(&folder, &own.grants).unwrap_or_default();
        Found { name: row.name, version: row.version, state: row.state, may, missing, unasked }
    });
    Ok(found.collect())
}

fn of_plugin(settings: &Path, plugin: &Found) -> Vec<Said> {
    let Found { name, version, state, may, missing, unasked } = plugin;
    let mut said = Vec::new();
    match (may, state) {
        (Some(Err(why)), _) => return vec![Said::Wrong(format!("plugin {name} {version} cannot be loaded: {why}"))],
        (_, PluginState::Dry) => said.push(Said::Note(format!(
            "plugin {name} {version} is dry, and nothing that it asks for is done: let it act with ringback plugin enable {name} --settings {}",
            settings.display()
        ))),
        (_, state) => said.push(Said::Ok(format!("plugin {name} {version} is {}", state.as_str()))),
    }
    if !missing.is_empty() {
        said.push(Said::Note(format!(
            "plugin {name} asks for what it is not granted: add under [plugin.{name}.grants] in engine.toml what it shall have: {}",
            missing.join(", ")
        )));
    }
    if !unasked.is_empty() {
        said.push(Said::Note(format!(
            "[plugin.{name}.grants] in engine.toml grants what plugins/{name}/plugin.toml does not ask for: take it out, or have it asked for: {}",
            unasked.join(", ")
        )));
    }
    said
}

/// Settings of plugins that are not there.
fn of_names(config: &Config, plugins: &[Found]) -> Vec<Said> {
    let installed: Vec<&str> = plugins.iter().map(|plugin| plugin.name.as_str()).collect();
    let strange = config.plugin.keys().filter(|name| !installed.contains(&name.as_str()));
    let known =
        if installed.is_empty() { "none is".to_owned() } else { format!("installed are: {}", installed.join(", ")) };
    strange
        .map(|name| {
            Said::Wrong(format!(
                "[plugin.{name}] in engine.toml is of no plugin that is installed ({known}): install it with ringback plugin install, \
                 or correct the name"
            ))
        })
        .collect()
}

/// What plugins may use of the ways to the outside, and whether there are those ways.
fn of_ways(config: &Config, directories: &[Arc<Directory>], plugins: &[Found]) -> Vec<Said> {
    let mut said = Vec::new();
    let mut exchanges: Vec<&str> = directories.iter().flat_map(|directory| directory.pbx_ids()).collect();
    exchanges.sort_unstable();
    exchanges.dedup();
    let exchanges = exchanges.join(", ");
    let attempt_s = config.deliver.attempt_s;
    for (pbx, entry) in &config.pbx {
        if !directories.is_empty() && !directories.iter().any(|directory| directory.pbx(pbx).is_some()) {
            said.push(Said::Wrong(format!(
                "[pbx.{pbx}.control] in engine.toml: no site file has an exchange {pbx}; it can be one of: {exchanges}"
            )));
        }
        let (ring_s, people_max, dial_s) = (entry.control.ring_s, entry.control.people_max, entry.control.dial_s);
        let takes_s = u64::from(ring_s) * u64::from(people_max) + u64::from(dial_s);
        if attempt_s <= takes_s {
            said.push(Said::Wrong(format!(
                "`attempt_s` under [deliver] in engine.toml is {attempt_s}, and one attempt at {pbx} may take {takes_s} seconds \
                 (ring_s {ring_s} * people_max {people_max} + dial_s {dial_s} under [pbx.{pbx}.control]): {} or more would work",
                takes_s + 1
            )));
        }
    }
    for plugin in plugins {
        let Some(Ok(may)) = &plugin.may else { continue };
        let name = &plugin.name;
        if may.call_back && config.pbx.is_empty() {
            said.push(Said::Wrong(format!(
                "plugin {name} may call back, and engine.toml has no [pbx.ID.control]: nobody is called without one; ID can be one of: {exchanges}"
            )));
        }
        if !may.email.is_empty() && !config.smtp.is_set() {
            said.push(Said::Wrong(format!(
                "plugin {name} may send e-mail, and `host` under [smtp] in engine.toml is empty: name the server that takes mails, \
                 for example host = \"mail.example.com\""
            )));
        }
        for webhook in may.webhook.iter().filter(|webhook| !config.webhook.contains_key(*webhook)) {
            said.push(Said::Wrong(format!(
                "plugin {name} may post to {webhook}, and engine.toml has no [webhook.{webhook}]: add one with `url` and `secret_file`"
            )));
        }
    }
    said
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::PbxEntry;

    fn plugin(name: &str, state: PluginState, may: Option<Result<Grants, String>>) -> Found {
        let (name, version) = (name.to_owned(), "1.0.0".to_owned());
        Found { name, version, state, may, missing: Vec::new(), unasked: Vec::new() }
    }

    fn all() -> Grants {
        let (email, webhook) = (vec!["head".to_owned()], vec!["crm".to_owned(), "desk".to_owned()]);
        Grants { call_back: true, email, webhook, ..Grants::default() }
    }

    #[test]
    fn a_plugin_is_told_with_what_would_mend_it() {
        let check = |plugin: &Found, expected: &[Said]| {
            assert_eq!(of_plugin(Path::new("/etc/ringback"), plugin), expected);
        };
        let wrong = Some(Err("plugin.wasm is no WebAssembly".to_owned()));
        check(
            &plugin("a", PluginState::Live, wrong),
            &[Said::Wrong("plugin a 1.0.0 cannot be loaded: plugin.wasm is no WebAssembly".to_owned())],
        );
        check(&plugin("a", PluginState::Off, None), &[Said::Ok("plugin a 1.0.0 is off".to_owned())]);
        let missing = vec!["call_back = true".to_owned(), "tag = true".to_owned()];
        let unasked = vec!["raw = true".to_owned()];
        check(
            &Found { missing, unasked, ..plugin("a", PluginState::Dry, Some(Ok(Grants::default()))) },
            &[
                Said::Note(
                    "plugin a 1.0.0 is dry, and nothing that it asks for is done: let it act with ringback plugin enable a --settings /etc/ringback"
                        .to_owned(),
                ),
                Said::Note(
                    "plugin a asks for what it is not granted: add under [plugin.a.grants] in engine.toml what it shall have: call_back = true, tag = true"
                        .to_owned(),
                ),
                Said::Note(
                    "[plugin.a.grants] in engine.toml grants what plugins/a/plugin.toml does not ask for: take it out, or have it asked for: raw = true"
                        .to_owned(),
                ),
            ],
        );
    }

    #[test]
    fn settings_of_a_plugin_that_is_not_there_are_told() {
        let mut config = Config::default();
        config.plugin.insert("cal_back".to_owned(), Default::default());
        config.plugin.insert("call_back".to_owned(), Default::default());
        assert_eq!(
            of_names(&config, &[plugin("call_back", PluginState::Live, None)]),
            [Said::Wrong(
                "[plugin.cal_back] in engine.toml is of no plugin that is installed (installed are: call_back): install it with \
                 ringback plugin install, or correct the name"
                    .to_owned()
            )]
        );
        assert_eq!(of_names(&config, &[]).len(), 2);
    }

    #[test]
    fn what_plugins_may_use_has_to_be_there() {
        let mut config = Config::default();
        config.webhook.insert("crm".to_owned(), Default::default());
        let directories = [Arc::new(
            Directory::from_toml("[[site]]\nid = \"kyiv\"\n[[pbx]]\nid = \"main\"\n[[pbx]]\nid = \"shop\"\n").unwrap(),
        )];
        let plugins = [
            plugin("all", PluginState::Live, Some(Ok(all()))),
            plugin("none", PluginState::Live, Some(Ok(Grants::default()))),
            plugin("off", PluginState::Off, None),
        ];
        assert_eq!(
            of_ways(&config, &directories, &plugins),
            [
                "plugin all may call back, and engine.toml has no [pbx.ID.control]: nobody is called without one; ID can be one of: main, shop",
                "plugin all may send e-mail, and `host` under [smtp] in engine.toml is empty: name the server that takes mails, \
                 for example host = \"mail.example.com\"",
                "plugin all may post to desk, and engine.toml has no [webhook.desk]: add one with `url` and `secret_file`",
            ]
            .map(|wrong| Said::Wrong(wrong.to_owned()))
        );
        let entry = |people_max: u32| {
            let control = deliver::control::ControlSettings { people_max, ..Default::default() };
            PbxEntry { control }
        };
        config.pbx.insert("main".to_owned(), entry(1));
        config.pbx.insert("shops".to_owned(), entry(7));
        config.smtp.host = "mail.example.com".to_owned();
        config.webhook.insert("desk".to_owned(), Default::default());
        config.deliver.attempt_s = 20 * 7 + 45;
        assert_eq!(
            of_ways(&config, &directories, &plugins),
            [
                "[pbx.shops.control] in engine.toml: no site file has an exchange shops; it can be one of: main, shop",
                "`attempt_s` under [deliver] in engine.toml is 185, and one attempt at shops may take 185 seconds \
                 (ring_s 20 * people_max 7 + dial_s 45 under [pbx.shops.control]): 186 or more would work",
            ]
            .map(|wrong| Said::Wrong(wrong.to_owned()))
        );
    }
}
