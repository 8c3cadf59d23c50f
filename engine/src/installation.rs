//! An installation as the commands of plugins see it: the folder of its settings, its office, and the sandbox of its plugins.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, Result, anyhow};
use directory::Directory;
use office::Office;
use sandbox::Sandbox;

use crate::commands::run;
use crate::config::Config;

/// The folder of the plugins in that of the settings.
const PLUGINS: &str = "plugins";

/// The office in the folder of the settings, where they name no other.
const OFFICE: &str = "office.db";

/// Compiled plugins, in the folder of the settings: it may be deleted at any time.
const COMPILED: &str = ".compiled";

/// The settings of an installation, and what they name.
pub(crate) struct Installation {
    folder: PathBuf,
    pub(crate) config: Config,
}

impl Installation {
    /// # Errors
    /// What is wrong in `engine.toml`: a wrong argument.
    pub(crate) fn of(folder: &Path) -> Result<Installation> {
        Ok(Installation::with(folder, Config::of(Some(folder))?))
    }

    /// With settings that were read already.
    pub(crate) fn with(folder: &Path, config: Config) -> Installation {
        Installation { folder: folder.to_owned(), config }
    }

    /// Opens the office, and makes it where there is none.
    ///
    /// # Errors
    /// If it cannot be opened.
    pub(crate) fn office(&self) -> Result<Office> {
        let url = self.office_url();
        Office::open(&url, self.config.office.busy_ms.get()).with_context(|| format!("the office at {url}"))
    }

    /// There is an office already, or something that is told to be one.
    pub(crate) fn has_office(&self) -> bool {
        self.office_url().strip_prefix("sqlite:").is_none_or(|path| Path::new(path).exists())
    }

    fn office_url(&self) -> String {
        let told = &self.config.office.url;
        match told.strip_prefix("sqlite:") {
            _ if told.is_empty() => format!("sqlite:{}", self.folder.join(OFFICE).display()),
            Some(path) if path != ":memory:" => format!("sqlite:{}", self.folder.join(path).display()),
            _ => told.clone(),
        }
    }

    /// The folder of the plugins, each in its own.
    pub(crate) fn plugins(&self) -> PathBuf {
        self.folder.join(PLUGINS)
    }

    /// Where plugins run, with the compiled ones kept in the folder of the settings.
    ///
    /// # Errors
    /// If the machine cannot run them.
    pub(crate) fn sandbox(&self) -> Result<Sandbox> {
        Sandbox::new(&self.config.sandbox, Some(&self.folder.join(COMPILED))).map_err(|error| anyhow!("{error}"))
    }

    /// What the settings say of each plugin.
    pub(crate) fn told(&self) -> BTreeMap<String, runner::Told> {
        let told = |entry: &crate::config::PluginEntry| runner::Told {
            settings: entry.settings.clone(),
            grants: entry.grants.clone(),
        };
        self.config.plugin.iter().map(|(name, entry)| (name.clone(), told(entry))).collect()
    }

    /// The companies' directories.
    ///
    /// # Errors
    /// What is wrong in which site file.
    pub(crate) fn directories(&self) -> Result<BTreeMap<String, Arc<Directory>>> {
        let companies = run::directories(&self.config, &self.folder)?;
        Ok(companies.into_iter().map(|directory| (directory.tenant().to_owned(), Arc::new(directory))).collect())
    }

    /// The ways to the outside.
    pub(crate) fn ways(&self) -> deliver::Ways {
        let config = &self.config;
        deliver::Ways {
            folder: self.folder.clone(),
            smtp: config.smtp.clone(),
            webhooks: config.webhook.clone(),
            controls: config.pbx.iter().map(|(pbx, entry)| (pbx.clone(), entry.control.clone())).collect(),
            require_presence: config.deliver.require_presence,
        }
    }

    /// What an administrator should hear of the ways to the outside and of the secrets: each a sentence with what would mend it.
    pub(crate) fn ways_told(&self) -> Vec<String> {
        let mut told = self.ways().check();
        let file = &self.config.kafka.security.secret_file;
        if !file.is_empty() {
            // As the client reads it, which knows nothing of the folder of the settings.
            let secret = deliver::secret::Secret::read(Path::new(""), Path::new(file));
            let wrong =
                secret.map_or_else(|error| Some(error.to_string()), |secret| secret.warning().map(str::to_owned));
            told.extend(wrong.map(|wrong| format!("`secret_file` under [kafka.security]: {wrong}")));
        }
        told
    }

    /// The folder of the settings.
    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }
}
