//! What `demo` and `run --data` share: the folder of a demo with its settings, its spool and its tables, and the way from one to the other.

use std::fs::File;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::{Context, Result, bail};
use directory::Directory;
use store::{Store, StoreError};
use tokio::runtime::Handle;
use tokio::task::JoinHandle;

use super::run::{self, Companies};
use super::{arguments, signals};
use crate::WrongArguments;
use crate::config::{self, Config};
use crate::embedded::{self, Database, Locate};
use crate::pipeline::{Outside, Pipeline, Progress, say};
use crate::source::spool::{Spool, SpoolSource, epoch, replace};
use crate::telemetry;

/// The site file in a folder of settings.
pub(crate) const SITE: &str = "site.toml";

/// The log in the folder of a demo.
const SPOOL: &str = "spool";

/// The folder of a demo. Its settings lie in it as in a folder that `--settings` names.
pub(crate) struct Data {
    folder: PathBuf,
    /// The settings, and what is to be kept of them in the folder.
    pub(crate) config: Config,
    kept_config: Option<Vec<u8>>,
    site: arguments::SiteText,
    is_site_new: bool,
}

impl Data {
    /// The folder with these settings: what is named on the command line takes the place of what the folder has.
    ///
    /// # Errors
    /// What is wrong in which file: a wrong argument.
    pub(crate) fn of(folder: &Path, site: Option<&Path>, settings: Option<&Path>) -> Result<Data> {
        let own = folder.is_dir().then_some(folder);
        let kept_config = settings.map(|settings| read(&settings.join(config::FILE))).transpose()?.flatten();
        // A folder that is named has to be right, also where it has no such file.
        let config = match settings {
            Some(settings) if kept_config.is_some() || own.is_none() => Config::of(Some(settings))?,
            Some(settings) => Config::of(Some(settings)).and_then(|_| Config::of(own))?,
            None => Config::of(own)?,
        };
        let told = arguments::SiteText::of(site, settings)?;
        let is_site_new = told.is_there();
        let site = if is_site_new { told } else { arguments::SiteText::of(None, own)? };
        Ok(Data { folder: folder.to_owned(), config, kept_config, site, is_site_new })
    }

    /// Neither the command line nor the folder has a site file.
    pub(crate) fn has_no_site(&self) -> bool {
        !self.site.is_there()
    }

    /// The command line names the site file: what is written in the folder holds until the next start only.
    pub(crate) fn is_site_named(&self) -> bool {
        self.is_site_new
    }

    /// The folder.
    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Takes this text as the site file, which is in the folder when the folder is ours.
    pub(crate) fn with_site(mut self, text: &str) -> Data {
        let name = self.folder.join(SITE).display().to_string();
        self.site = arguments::SiteText::written(&name, text);
        self.is_site_new = true;
        self
    }

    /// A folder that a demo made.
    ///
    /// # Errors
    /// If it is none, or what is wrong in its settings: a wrong argument.
    pub(crate) fn existing(folder: &Path) -> Result<Data> {
        if !Data::has_records(folder) {
            return Err(WrongArguments(format!(
                "--data {}: is no folder of records; name that of a demo, which `ringback demo --data DIR` makes",
                folder.display()
            ))
            .into());
        }
        Data::of(folder, None, None)
    }

    /// The company of these settings.
    ///
    /// # Errors
    /// What is wrong in the site file.
    pub(crate) fn directory(&self) -> Result<Directory> {
        self.site.directory(&self.config)
    }

    /// Takes the spool of a folder: from here on the folder is ours.
    ///
    /// # Errors
    /// If another process has it, or the file system refuses.
    pub(crate) fn spool(folder: &Path) -> Result<Spool> {
        Spool::open(&folder.join(SPOOL))
    }

    /// There are records in this folder, of whatever demo.
    pub(crate) fn has_records(folder: &Path) -> bool {
        folder.join(SPOOL).is_dir()
    }

    /// How long what nobody waits for is kept, as of [`config::Office::keep_ms`].
    ///
    /// # Errors
    /// What is wrong in which file.
    pub(crate) fn keep_ms(&self) -> Result<i64> {
        let companies = Companies::of(self.directory()?, self.site.text(), true)?;
        Ok(self.config.office.keep_ms(companies.horizon_ms)?)
    }

    /// Takes the spool: from here on the folder is ours, and its settings are these.
    ///
    /// # Errors
    /// If another process has it, or the file system refuses.
    pub(crate) fn take(&self) -> Result<Spool> {
        let spool = Data::spool(&self.folder)?;
        self.keep(config::FILE, self.kept_config.as_deref())?;
        self.keep(SITE, self.is_site_new.then(|| self.site.text().as_bytes()))?;
        Ok(spool)
    }

    fn keep(&self, name: &str, bytes: Option<&[u8]>) -> Result<()> {
        let path = self.folder.join(name);
        match bytes {
            Some(bytes) if read(&path)?.as_deref() != Some(bytes) => replace(&self.folder, &path, bytes)
                .with_context(|| format!("{}: the settings cannot be kept", path.display())),
            _ => Ok(()),
        }
    }

    fn tables(&self) -> PathBuf {
        self.folder.join("clickhouse")
    }

    /// The database, with this version's tables, as far as it can store exactly once.
    ///
    /// # Errors
    /// If there is none, or it is not so.
    pub(crate) async fn open_store(&self, locate: &Locate) -> Result<(Database, Store)> {
        let database = embedded::open(locate, &self.tables(), embedded::for_standard_error()).await?;
        let store = Store::at(&database.url, &self.config.clickhouse.database);
        let checked = async {
            store.migrate().await?;
            let findings = store.check_exact().await?;
            if !findings.is_empty() {
                bail!("the database at {} cannot store exactly once:\n{}", database.url, findings.join("\n"));
            }
            Ok(())
        };
        checked.await.map_err(|error| self.told(error))?;
        Ok((database, store))
    }

    /// What went wrong with the tables, and what would help.
    fn told(&self, error: anyhow::Error) -> anyhow::Error {
        let is_full = error.downcast_ref::<StoreError>().is_some_and(StoreError::is_full_disk);
        if !is_full {
            return error;
        }
        error.context(format!(
            "no space left for the tables in {}: make room and start again, or name another --data",
            self.tables().display()
        ))
    }

    /// Takes the records of the spool to the tables, beside whoever waits for it.
    ///
    /// # Errors
    /// What is wrong in the site file.
    pub(crate) fn start(
        &self,
        spool: Spool,
        store: Store,
        until_end: bool,
        progress: Arc<Progress>,
        outside: Option<Outside>,
    ) -> Result<Work> {
        let directory = self.directory()?;
        let tenant = directory.tenant().to_owned();
        let names_files = spool.log.has_several_sources();
        let companies = Companies::of(directory, self.site.text(), names_files)?;
        let mut settings = run::settings(&self.config, &companies, until_end);
        settings.limits.names_files = names_files;
        settings.has_whole_epochs = true;
        let lock = spool.log.lock();
        let stop = Arc::new(AtomicBool::new(false));
        let told = Arc::clone(&stop);
        let ended = tokio::task::spawn_blocking(move || {
            let runtime = Handle::current();
            runtime.block_on(epoch::begin(&spool, &store, &companies.tenants, companies.version))?;
            let source = SpoolSource::of(spool, &tenant);
            Pipeline::new(source, store, &companies.tenants, settings, runtime, progress, outside).run(&told)
        });
        Ok(Work { ended, stop, _lock: lock })
    }
}

/// The pipeline at work.
pub(crate) struct Work {
    ended: JoinHandle<Result<()>>,
    stop: Arc<AtomicBool>,
    /// The folder stays ours when the log has been read.
    _lock: Arc<File>,
}

impl Work {
    /// What is on its way is finished, and nothing else begun.
    pub(crate) fn stop(&self) {
        self.stop.store(true, Ordering::Relaxed);
    }

    /// Waits for its end. May be asked again after it was given up.
    ///
    /// # Errors
    /// Why it could not go on.
    pub(crate) async fn ended(&mut self) -> Result<()> {
        (&mut self.ended).await.context("the pipeline stopped")?
    }
}

/// A file, if there is one.
pub(crate) fn read(path: &Path) -> Result<Option<Vec<u8>>> {
    match std::fs::read(path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error).with_context(|| format!("{}: cannot be read", path.display())),
    }
}

/// `ringback run --data DIR`.
///
/// # Errors
/// Why it could not go on.
pub(crate) fn run(folder: &Path, until_end: bool) -> Result<()> {
    let data = Data::existing(folder)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().context("cannot start threads")?;
    let result = runtime.block_on(run_until_signal(&data, until_end));
    runtime.shutdown_background();
    result
}

async fn run_until_signal(data: &Data, until_end: bool) -> Result<()> {
    let signaled = signals::first()?;
    tokio::pin!(signaled);
    let spool = data.take()?;
    let progress = Arc::new(Progress::default());
    let address = telemetry::serve(&data.config.http.listen, Arc::clone(&progress)).await?;
    say(&format!("http://{address}/ready"));
    let locate = Locate::anywhere(None, &data.config);
    let (mut database, store) = tokio::select! {
        opened = data.open_store(&locate) => opened?,
        () = &mut signaled => return Ok(()),
    };
    let mut work = data.start(spool, store, until_end, progress, None)?;
    tokio::select! {
        ended = work.ended() => ended?,
        error = database.ended() => return Err(error.into()),
        () = &mut signaled => {
            work.stop();
            tokio::select! {
                ended = work.ended() => ended?,
                error = database.ended() => return Err(error.into()),
            }
        }
    }
    database.shutdown().await?;
    Ok(())
}
