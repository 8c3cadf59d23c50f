//! Where the database is found: five places in a fixed order, and the reason for the one that is taken.

use std::env;
use std::ffi::OsString;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use tokio::process::Command;
use tokio::time::timeout;

use super::{Error, Progress, fetch, ping};
use crate::config::Config;

/// The oldest `clickhouse` program that is taken; distributions still carry one of 2018.
const SERVER_MAJOR_MIN: u32 = 24;
/// A program that does not say its version in this time is none of ours.
const SERVER_VERSION_WAIT_MAX: Duration = Duration::from_secs(20);

/// What was asked for on the command line.
#[derive(Clone, Debug)]
pub(crate) struct Locate {
    /// `--clickhouse URL`.
    pub url: Option<String>,
    /// Which places are looked at.
    pub sources: Sources,
    /// The port of a database that is started; 0 is a free one.
    pub port: u16,
    /// How long to wait for the data, while another process has them.
    pub lock_wait: Duration,
    /// `[clickhouse] url` of the settings; empty: none.
    pub settings_url: String,
    /// What the embedded engine does at once.
    pub at_once: AtOnce,
}

/// What the embedded engine does at once; the rest waits.
#[derive(Clone, Copy, Debug)]
pub(crate) struct AtOnce {
    /// Statements that run.
    pub statements_max: u32,
    /// Connections that are open.
    pub connections_max: u32,
}

/// Which places are looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sources {
    /// All five.
    All,
    /// The embedded engine's own: the library, cached or fetched.
    LibraryOnly,
}

impl Locate {
    /// Looks everywhere, and starts what it finds on a free port. `url` is `--clickhouse`.
    pub(crate) fn anywhere(url: Option<String>, config: &Config) -> Locate {
        let limits = &config.limits;
        Locate {
            url,
            sources: Sources::All,
            port: 0,
            lock_wait: Duration::from_secs(limits.lock_wait_s.get()),
            settings_url: config.clickhouse.url.clone(),
            at_once: AtOnce {
                statements_max: limits.statements_at_once_max.get(),
                connections_max: limits.connections_max.get(),
            },
        }
    }

    /// True if somebody named a server, so that no folder of data is needed.
    pub(crate) fn names_a_server(&self) -> bool {
        self.url.is_some()
            || !self.settings_url.is_empty()
            || env::var_os("CLICKHOUSE_URL").is_some_and(|u| !u.is_empty())
    }

    /// Takes the embedded engine, whatever else there is.
    pub(crate) fn library_only(config: &Config) -> Locate {
        Locate { sources: Sources::LibraryOnly, ..Locate::anywhere(None, config) }
    }
}

/// A database, found.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Found {
    Url(String),
    Server(PathBuf),
    Library(PathBuf),
}

/// Finds a database, and says in a sentence which and why.
pub(crate) async fn find(locate: &Locate, data: &Path, progress: Arc<dyn Progress>) -> Result<(Found, String), Error> {
    let mut tried = Vec::new();
    if locate.sources == Sources::All {
        if let Some(url) = &locate.url {
            return Ok((checked_url(url, "--clickhouse")?, format!("{} (--clickhouse)", ping::without_password(url))));
        }
        if let Some(url) = env_text("CLICKHOUSE_URL")? {
            let how = format!("{} (CLICKHOUSE_URL)", ping::without_password(&url));
            return Ok((checked_url(&url, "CLICKHOUSE_URL")?, how));
        }
        if !locate.settings_url.is_empty() {
            let source = "[clickhouse] url of the settings";
            let how = format!("{} ({source})", ping::without_password(&locate.settings_url));
            return Ok((checked_url(&locate.settings_url, source)?, how));
        }
        tried.push("no --clickhouse, no CLICKHOUSE_URL, no URL in the settings".to_string());
        match find_server(data).await {
            Ok((program, version)) => {
                let how = format!("`{}` {version} (on PATH; {})", program.display(), tried.join(", "));
                return Ok((Found::Server(program), how));
            }
            Err(why) => tried.push(why),
        }
    }
    let (library, why) = find_library(&mut tried, progress).await?;
    tried.push(why);
    Ok((Found::Library(library.clone()), format!("`{}` ({})", library.display(), tried.join(", "))))
}

async fn find_library(tried: &mut Vec<String>, progress: Arc<dyn Progress>) -> Result<(PathBuf, String), Error> {
    if let Some(path) = env::var_os("RINGBACK_LIBCHDB").filter(|path| !path.is_empty()) {
        let path = PathBuf::from(path);
        return match fs::metadata(&path) {
            Ok(metadata) if metadata.is_file() => Ok((path, "RINGBACK_LIBCHDB".to_string())),
            Ok(_) => {
                let what = format!("RINGBACK_LIBCHDB is `{}`, which is no file: give the libchdb.so", path.display());
                Err(Error::Setting { what })
            }
            Err(source) => Err(Error::File { path, doing: "open RINGBACK_LIBCHDB", source }),
        };
    }
    tried.push("no RINGBACK_LIBCHDB".to_string());
    let package = fetch::package_for_this_machine().ok_or_else(|| {
        tried.push(format!("no package of the library is known for {} {}", env::consts::OS, env::consts::ARCH));
        Error::NotFound { tried: tried.clone() }
    })?;
    let cache = cache_folder()?;
    if let Some(library) = fetch::cached(package, &cache) {
        return Ok((library, "from the cache".to_string()));
    }
    let Some(npm) = on_path("npm") else {
        tried.push(format!("nothing in the cache `{}`", cache.display()));
        tried.push("no `npm` on PATH".to_string());
        return Err(Error::NotFound { tried: tried.clone() });
    };
    let library = fetch::fetch(package, &cache, &npm, progress).await?;
    Ok((library, "fetched with npm".to_string()))
}

/// A `clickhouse` program that is new enough, unless the data are the embedded engine's.
async fn find_server(data: &Path) -> Result<(PathBuf, String), String> {
    let program = on_path("clickhouse").ok_or("no `clickhouse` on PATH")?;
    let shown = program.display();
    if super::serve::maker_of(data).is_some_and(|maker| maker == super::serve::MADE_BY_LIBRARY) {
        return Err(format!("`{shown}` is passed over: the data in `{}` are the embedded engine's", data.display()));
    }
    let mut command = Command::new(&program);
    command.args(["server", "--version"]).stdin(Stdio::null()).stderr(Stdio::null()).kill_on_drop(true);
    let output = match timeout(SERVER_VERSION_WAIT_MAX, command.output()).await {
        Ok(Ok(output)) => String::from_utf8_lossy(&output.stdout).into_owned(),
        Ok(Err(error)) => return Err(format!("`{shown}` does not run: {error}")),
        Err(_) => return Err(format!("`{shown}` did not say its version")),
    };
    let version = version_in(&output).ok_or_else(|| format!("`{shown}` did not say its version"))?;
    let major = version.split('.').next().and_then(|major| major.parse::<u32>().ok()).unwrap_or(0);
    if major < SERVER_MAJOR_MIN {
        return Err(format!("`{shown}` is {version}, and {SERVER_MAJOR_MIN}.1 is the oldest that will do"));
    }
    Ok((program, version))
}

/// The first word that is numbers and dots.
fn version_in(text: &str) -> Option<String> {
    text.split_whitespace()
        .map(|word| word.trim_end_matches(['.', ',']))
        .find(|word| {
            word.contains('.') && word.split('.').all(|n| !n.is_empty() && n.bytes().all(|b| b.is_ascii_digit()))
        })
        .map(str::to_string)
}

fn checked_url(url: &str, source: &str) -> Result<Found, Error> {
    let is_url = (url.starts_with("http://") || url.starts_with("https://"))
        && url.parse::<hyper::Uri>().is_ok_and(|uri| uri.host().is_some());
    if !is_url {
        let shown = ping::without_password(url);
        let what = format!("{source} is `{shown}`, which is no URL: http://127.0.0.1:8123 would be one");
        return Err(Error::Setting { what });
    }
    Ok(Found::Url(url.to_string()))
}

fn env_text(name: &str) -> Result<Option<String>, Error> {
    match env::var(name) {
        Ok(value) => Ok(Some(value).filter(|value| !value.is_empty())),
        Err(env::VarError::NotPresent) => Ok(None),
        Err(env::VarError::NotUnicode(_)) => Err(Error::Setting { what: format!("{name} is not UTF-8") }),
    }
}

/// `$XDG_CACHE_HOME/ringback/libchdb`, else `~/.cache/ringback/libchdb`. The standard wants relative paths ignored.
fn cache_folder() -> Result<PathBuf, Error> {
    let absolute = |value: Option<OsString>| value.map(PathBuf::from).filter(|path| path.is_absolute());
    let base = absolute(env::var_os("XDG_CACHE_HOME")).or_else(|| env::home_dir().map(|home| home.join(".cache")));
    match base.filter(|base| base.is_absolute()) {
        Some(base) => Ok(base.join("ringback").join("libchdb")),
        None => Err(Error::Setting { what: "no cache folder: set XDG_CACHE_HOME or HOME to a folder".to_string() }),
    }
}

/// The first program of this name on PATH.
fn on_path(name: &str) -> Option<PathBuf> {
    env::split_paths(&env::var_os("PATH")?)
        .filter(|folder| folder.is_absolute())
        .map(|folder| folder.join(name))
        .find(|path| fs::metadata(path).is_ok_and(|m| m.is_file() && m.permissions().mode() & 0o111 != 0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_is_found_in_what_the_server_says() {
        let check = |text: &str, version: Option<&str>| assert_eq!(version_in(text).as_deref(), version);
        check("ClickHouse server version 25.3.1.2 (official build).", Some("25.3.1.2"));
        check("ClickHouse server version 18.16.1.", Some("18.16.1"));
        check("command not found. ", None);
        check("", None);
    }

    #[test]
    fn a_url_has_a_scheme_and_a_host() {
        for url in ["http://127.0.0.1:8123", "https://u:p@db.example/?database=d"] {
            assert!(checked_url(url, "x").is_ok(), "{url}");
        }
        for url in ["127.0.0.1:8123", "tcp://h:9000", "http://", "", "clickhouse"] {
            assert!(checked_url(url, "x").is_err(), "{url}");
        }
    }
}
