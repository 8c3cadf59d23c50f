//! A plugin that is installed and loaded, with what is known of it from one turn to the next.

use std::collections::BTreeMap;
use std::sync::Arc;

use office::PluginState;
use sandbox::{Breaker, LoadError, Plugin, Reload, Reloaded, World};

use crate::world::OfficeWorld;
use crate::{Parts, Runner};

/// One plugin.
pub(crate) struct Installed {
    pub(crate) plugin: Plugin,
    pub(crate) is_live: bool,
    pub(crate) breaker: Breaker,
    /// What was said of its breaker last.
    pub(crate) was_paused: bool,
    /// Why a newer version did not take its place.
    pub(crate) kept_because: Option<String>,
    reload: Reload,
    /// By company.
    pub(crate) places: BTreeMap<String, Place>,
}

/// One company's part of a plugin.
pub(crate) struct Place {
    pub(crate) world: Arc<dyn World>,
    /// Events up to here are not for this plugin, which is not noted in the office yet.
    pub(crate) skipped_to: i64,
    /// When that is noted at the latest.
    pub(crate) note_at: i64,
}

/// How often it is looked which plugins are installed, and whether their folders have changed, in milliseconds.
const REFRESH_EVERY_MS: i64 = 1000;

impl Installed {
    fn load(parts: &Parts, name: &str) -> Result<Installed, LoadError> {
        let folder = parts.folder.join(name);
        let told = parts.told.get(name).cloned().unwrap_or_default();
        let plugin = parts.sandbox.load(&folder, &told.settings, &told.grants)?;
        Ok(Installed {
            plugin,
            is_live: false,
            breaker: Breaker::default(),
            was_paused: false,
            kept_because: None,
            reload: Reload::new(&folder),
            places: BTreeMap::new(),
        })
    }

    /// Its part of a company; `None` for a company that nobody knows.
    pub(crate) fn place(&mut self, parts: &Parts, name: &str, tenant: &str) -> Option<&mut Place> {
        if !self.places.contains_key(tenant) {
            let directory = Arc::clone(parts.directories.get(tenant)?);
            let world = OfficeWorld::new(parts.office.clone(), name, tenant, directory, Arc::clone(&parts.raw));
            let place = Place { world: Arc::new(world), skipped_to: i64::MIN, note_at: i64::MAX };
            self.places.insert(tenant.to_owned(), place);
        }
        self.places.get_mut(tenant)
    }
}

impl Runner {
    /// Loads what was installed, lets go of what is off, and takes what has changed. Gives what is to be said.
    pub(crate) fn refresh(&mut self, now: i64) -> Result<Vec<String>, office::Error> {
        if self.refreshed_at.is_some_and(|at| (0..REFRESH_EVERY_MS).contains(&(now - at))) {
            return Ok(Vec::new());
        }
        self.refreshed_at = Some(now);
        let mut said = Vec::new();
        let rows = self.parts.office.plugins()?;
        self.installed.retain(|name, _| {
            rows.iter().any(|row| row.name == *name && !matches!(row.state, PluginState::Off | PluginState::Paused))
        });
        self.refused.retain(|name, _| {
            rows.iter().any(|row| row.name == *name && !matches!(row.state, PluginState::Off | PluginState::Paused))
        });
        for row in rows.iter().filter(|row| !matches!(row.state, PluginState::Off | PluginState::Paused)) {
            if !self.installed.contains_key(&row.name) {
                match Installed::load(&self.parts, &row.name) {
                    Ok(installed) => {
                        self.refused.remove(&row.name);
                        said.push(format!("plugin {}: {} is loaded", row.name, installed.plugin.manifest().version));
                        self.installed.insert(row.name.clone(), installed);
                    }
                    Err(error) => {
                        if self.refused.get(&row.name) != Some(&error) {
                            said.push(format!("plugin {}: {error}", row.name));
                            self.refused.insert(row.name.clone(), error);
                        }
                        continue;
                    }
                }
            }
            let Some(installed) = self.installed.get_mut(&row.name) else { continue };
            installed.is_live = row.state == PluginState::Live;
            let told = self.parts.told.get(&row.name).cloned().unwrap_or_default();
            let sandbox = &self.parts.sandbox;
            match installed.reload.check(sandbox, &mut installed.plugin, &told.settings, &told.grants) {
                Reloaded::Kept => {}
                Reloaded::Swapped { from, to } => {
                    installed.kept_because = None;
                    said.push(format!("plugin {}: {to} takes the place of {from}", row.name));
                }
                Reloaded::Refused(error) => {
                    installed.kept_because = Some(format!("the running one stays: {error}"));
                    said.push(format!("plugin {}: the running one stays: {error}", row.name));
                }
            }
        }
        self.tell_loads(now)?;
        Ok(said)
    }
}
