//! Which plugins are installed, and whether what they ask for is done.

use crate::queue::{last_seq, set_position};
use crate::sqlite::{Row, Tx, args, sql};
use crate::tell::tenants;
use crate::{Error, Office, Result};

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

    fn parse(word: &str) -> Result<PluginState> {
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
