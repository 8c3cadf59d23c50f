//! Which plugins are installed, and whether what they ask for is done.

use serde_json::json;

use crate::changes::note;
use crate::queue::{last_seq, set_position};
use crate::sqlite::{Row, Tx, args, sql};
use crate::tell::tenants;
use crate::{ActionCount, Error, Office, Result};

/// What is done with a plugin.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PluginState {
    /// It hears events; what it asks for is noted and not done.
    Dry,
    /// It hears events, and what it asks for is done.
    Live,
    /// It hears nothing; switched on again it hears what comes from then on.
    Off,
    /// It hears nothing for now, because it failed too often; it will go on where it was.
    Paused,
}

impl PluginState {
    /// The word that is stored.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            PluginState::Dry => "dry",
            PluginState::Live => "live",
            PluginState::Off => "off",
            PluginState::Paused => "paused",
        }
    }

    /// The state of a word.
    ///
    /// # Errors
    /// [`Error::Invalid`] for any other word.
    pub fn parse(word: &str) -> Result<PluginState> {
        [PluginState::Dry, PluginState::Live, PluginState::Off, PluginState::Paused]
            .into_iter()
            .find(|state| state.as_str() == word)
            .ok_or_else(|| Error::Invalid { what: format!("`{word}` is no state of a plugin: dry, live, off, paused") })
    }
}

/// A plugin to install.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewPlugin {
    /// Its folder's name.
    pub name: String,
    /// Of its manifest.
    pub version: String,
    /// Of its code.
    pub sha256: String,
    /// From now on.
    pub state: PluginState,
    /// Who installs it.
    pub by: String,
    /// For people.
    pub note: String,
    /// The engine's time, in milliseconds.
    pub now: i64,
}

/// A plugin that is installed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plugin {
    /// Its folder's name.
    pub name: String,
    /// Of its manifest.
    pub version: String,
    /// Of its code.
    pub sha256: String,
    /// What is done with it.
    pub state: PluginState,
    /// When it was installed first.
    pub installed_at: i64,
    /// When anything of this changed last.
    pub changed_at: i64,
    /// By whom.
    pub by: String,
    /// For people.
    pub note: String,
}

/// What is to be done with a plugin from now on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PluginSwitch {
    /// In whose list of changes it stands.
    pub tenant: String,
    /// Which one.
    pub name: String,
    /// As it was seen.
    pub before: PluginState,
    /// From now on.
    pub state: PluginState,
}

/// What a plugin did in a company, as far as it is kept.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PluginCounts {
    /// What it asked for, by kind and status; of a dry one, what it would have done.
    pub actions: Vec<ActionCount>,
    /// Events that it was given, by what became of them: the words of [`crate::OutcomeStatus`].
    pub outcomes: Vec<(String, i64)>,
}

impl Office {
    /// Installs a plugin, or another version of it. True: it is new, and hears what comes from now on.
    ///
    /// # Errors
    /// Where the store fails.
    pub fn install(&self, plugin: &NewPlugin) -> Result<bool> {
        self.database.write(|tx| {
            let known = find(tx, &plugin.name)?;
            let args = args![
                &plugin.name,
                &plugin.version,
                &plugin.sha256,
                plugin.state.as_str(),
                plugin.now,
                &plugin.by,
                &plugin.note,
            ];
            tx.run(sql!("plugin_set"), args)?;
            match &known {
                None => begin_at_the_end(tx, &plugin.name)?,
                Some(before) => changed(tx, &plugin.name, before.state, plugin.state)?,
            }
            Ok(known.is_none())
        })
    }

    /// Changes what is done with a plugin; switched off, what it asked for and nobody has begun is held. False: there is none of that name.
    ///
    /// # Errors
    /// Where the store fails.
    pub fn set_plugin_state(&self, name: &str, state: PluginState, by: &str, note: &str, now: i64) -> Result<bool> {
        self.database.write(|tx| {
            let Some(before) = find(tx, name)? else { return Ok(false) };
            tx.run(sql!("plugin_state_set"), args![state.as_str(), now, by, note, name])?;
            changed(tx, name, before.state, state)?;
            Ok(true)
        })
    }

    /// The same, as an administrator of a company does it: it stands in the company's list of changes. A plugin that is off, or that was
    /// dry, may be let act, and one that acts or is dry be switched off.
    ///
    /// # Errors
    /// [`Error::NotFound`], and [`Error::Overtaken`] if its state is not `before` any more.
    pub fn switch_plugin(&self, switch: &PluginSwitch, by: &str, now: i64) -> Result<()> {
        self.database.write(|tx| {
            let name = &switch.name;
            let Some(found) = find(tx, name)? else {
                return Err(Error::NotFound { what: format!("no plugin {name} is installed") });
            };
            if found.state != switch.before {
                return Err(Error::Overtaken { by: found.by, at: found.changed_at });
            }
            tx.run(sql!("plugin_state_set"), args![switch.state.as_str(), now, by, "", name])?;
            changed(tx, name, found.state, switch.state)?;
            let detail = json!({"from": {"state": found.state.as_str()}, "to": {"state": switch.state.as_str()}});
            note(tx, &switch.tenant, by, "plugin switched", name, &detail, now)
        })
    }

    /// Says what came of loading a plugin: `body` is JSON for people.
    ///
    /// # Errors
    /// Where the store fails.
    pub fn tell_plugin_load(&self, name: &str, body: &str, now: i64) -> Result<()> {
        self.database.write(|tx| tx.run(sql!("plugin_load_set"), args![name, now, body]).map(drop))
    }

    /// When and what [`Office::tell_plugin_load`] was told last.
    ///
    /// # Errors
    /// Where the store fails.
    pub fn plugin_load(&self, name: &str) -> Result<Option<(i64, String)>> {
        self.database.read(|tx| tx.one(sql!("plugin_load"), args![name], |row| Ok((row.get(0)?, row.get(1)?))))
    }

    /// What a plugin asked for in a company, and what became of the events that it was given, counted.
    ///
    /// # Errors
    /// Where the store fails.
    pub fn plugin_counts(&self, name: &str, tenant: &str) -> Result<PluginCounts> {
        self.database.read(|tx| {
            let actions = tx.all(sql!("count_actions_of"), args![&*format!("plugin:{name}"), tenant], |row| {
                Ok(ActionCount { kind: row.get(0)?, status: row.get(1)?, count: row.get(2)? })
            })?;
            let outcomes =
                tx.all(sql!("count_outcomes_of"), args![name, tenant], |row| Ok((row.get(0)?, row.get(1)?)))?;
            Ok(PluginCounts { actions, outcomes })
        })
    }

    /// Every installed plugin, by name.
    ///
    /// # Errors
    /// Where the store fails.
    pub fn plugins(&self) -> Result<Vec<Plugin>> {
        self.database.read(|tx| tx.all(sql!("plugins"), args![], read_plugin))
    }

    /// One plugin.
    ///
    /// # Errors
    /// Where the store fails.
    pub fn plugin(&self, name: &str) -> Result<Option<Plugin>> {
        self.database.read(|tx| find(tx, name))
    }
}

fn changed(tx: &Tx<'_>, name: &str, before: PluginState, now: PluginState) -> Result<()> {
    if before == now {
        return Ok(());
    }
    if before == PluginState::Off {
        begin_at_the_end(tx, name)?;
    }
    if now == PluginState::Off {
        let reason = format!("the plugin {name} was switched off");
        tx.run(sql!("actions_hold_of"), args![&reason, &format!("plugin:{name}")])?;
    }
    Ok(())
}

/// What was told before is not news to it.
fn begin_at_the_end(tx: &Tx<'_>, name: &str) -> Result<()> {
    for tenant in tenants(tx)? {
        set_position(tx, name, &tenant, last_seq(tx, &tenant)?)?;
    }
    Ok(())
}

fn find(tx: &Tx<'_>, name: &str) -> Result<Option<Plugin>> {
    tx.one(sql!("plugin"), args![name], read_plugin)
}

fn read_plugin(row: &Row<'_>) -> Result<Plugin> {
    Ok(Plugin {
        name: row.get(0)?,
        version: row.get(1)?,
        sha256: row.get(2)?,
        state: PluginState::parse(&row.get::<String>(3)?)?,
        installed_at: row.get(4)?,
        changed_at: row.get(5)?,
        by: row.get(6)?,
        note: row.get(7)?,
    })
}
