//! What is kept of a generated company in its folder: of what it is made, written once, and the settings that a demo begins with.

use std::path::Path;

use adapters::leg::Moment;
use anyhow::{Context, Result, bail};
use directory::Directory;
use generator::Shape;
use generator::shape::{MAIL_DOMAIN, TENANT};
use serde::{Deserialize, Serialize};

use crate::config;
use crate::source::spool::replace;

/// The file.
const FILE: &str = "company.toml";

const DAY_MS: i64 = 86_400_000;

/// Days before the first start with which the company begins: two weeks come at once, and then a day is played.
const DAYS: i64 = 15;

/// People with a telephone.
const PEOPLE: usize = 60;

/// The company of one folder.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Kept {
    pub(crate) seed: u64,
    people: usize,
    zone: String,
    first_day_ms: i64,
    started_at_ms: i64,
}

impl Kept {
    /// True if this folder has a generated company.
    pub(crate) fn is_in(folder: &Path) -> bool {
        folder.join(FILE).is_file()
    }

    /// The company of this folder; a new one where there is none, with its site file and its settings. What is there stays as it is.
    ///
    /// # Errors
    /// What the file system refuses, or what is wrong in the file.
    pub(crate) fn of(folder: &Path, seed: u64, zone: &str, now: Moment) -> Result<Kept> {
        let path = folder.join(FILE);
        let kept = if Kept::is_in(folder) {
            let text = std::fs::read_to_string(&path).with_context(|| format!("{}: cannot be read", path.display()))?;
            toml::from_str(&text).with_context(|| format!("{}: is not as a demo writes it", path.display()))?
        } else {
            let kept = Kept::new(seed, zone, now)?;
            write(folder, FILE, &kept.text()?)?;
            kept
        };
        for (name, text) in [("site.toml", kept.shape().site_toml()), (config::FILE, settings())] {
            if !folder.join(name).exists() {
                write(folder, name, &text)?;
            }
        }
        Ok(kept)
    }

    fn new(seed: u64, zone: &str, now: Moment) -> Result<Kept> {
        let first_day_ms = (now.0 - DAYS * DAY_MS).div_euclid(DAY_MS) * DAY_MS;
        let of = |zone: &str| Kept { seed, people: PEOPLE, zone: zone.to_owned(), first_day_ms, started_at_ms: now.0 };
        // The machine may call its zone as nobody else does.
        let kept =
            [of(zone), of("UTC")].into_iter().find(|kept| Directory::from_toml(&kept.shape().site_toml()).is_ok());
        match kept {
            Some(kept) => Ok(kept),
            None => bail!("the generated company cannot be read: this is a fault of this version"),
        }
    }

    fn text(&self) -> Result<String> {
        Ok(format!(
            "# Written by `ringback demo`, once: the company of this folder is made of this again at each start.\n\
             # Milliseconds since 1970, UTC: midnight of its first day, and the first start.\n{}",
            toml::to_string(self)?
        ))
    }

    /// What the company looks like.
    pub(crate) fn shape(&self) -> Shape {
        Shape { zone: self.zone.clone(), people: self.people }
    }

    /// Midnight of its first day.
    pub(crate) fn first_day(&self) -> Moment {
        Moment(self.first_day_ms)
    }

    /// Calls that ended before are history, whenever they are told: `not_after_ms` is how old what is acted on may be, in milliseconds.
    ///
    /// Nobody is dialed for yesterday: acting is about calls that ended since the demo was first started. Of those, after it was away,
    /// about none that is too old to be acted on anyway.
    pub(crate) fn acts_from(&self, now: Moment, not_after_ms: i64) -> Moment {
        Moment(self.started_at_ms.max(now.0.saturating_sub(not_after_ms)))
    }
}

/// Takes the place of the file at once, or not at all.
fn write(folder: &Path, name: &str, text: &str) -> Result<()> {
    let path = folder.join(name);
    replace(folder, &path, text.as_bytes()).with_context(|| format!("{}: cannot be written", path.display()))
}

/// The settings that a demo begins with.
fn settings() -> String {
    format!(
        r#"# Written by `ringback demo`, once; `ringback config` explains every key. What is changed here holds from the next start on.
tenant = "{TENANT}"

# The customers of a demo do not sleep, and nobody is dialed for what is over.
[deliver]
quiet_hours = []
not_after_s = 900

# Mails are files in this folder.
[smtp]
folder = "mails"
from = "Ringback <calls@{MAIL_DOMAIN}>"

[plugin.call_back.grants]
call_back = true
timers = true
directory = true

[plugin.notify_missed.settings]
tell = ["person", "head"]

[plugin.notify_missed.grants]
email = ["person", "head", "group"]
message = ["person", "head", "group"]
directory = true
numbers = true

# Seen sooner, for a little more work of the database.
[limits]
batch_age_ms = 300
"#
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;

    const NOW: Moment = Moment(1_795_800_000_000);

    #[test]
    fn a_company_is_kept_as_it_was_made() {
        let folder = tempfile::tempdir().unwrap();
        let kept = Kept::of(folder.path(), 7, "Europe/Kyiv", NOW).unwrap();
        assert_eq!(NOW.0 - kept.first_day_ms, 15 * DAY_MS + NOW.0 % DAY_MS);
        assert_eq!(Kept::of(folder.path(), 8, "Europe/London", NOW.plus_ms(DAY_MS)).unwrap(), kept);
        let directory =
            Directory::from_toml(&std::fs::read_to_string(folder.path().join("site.toml")).unwrap()).unwrap();
        assert_eq!(
            (directory.tenant(), directory.zone().name(), directory.people().len()),
            (TENANT, "Europe/Kyiv", 60)
        );
        assert_eq!(Config::of(Some(folder.path())).unwrap().tenant.one(), TENANT);
        let strange = tempfile::tempdir().unwrap();
        assert_eq!(Kept::of(strange.path(), 7, "Local time", NOW).unwrap().zone, "UTC");
    }

    #[test]
    fn what_was_over_before_the_first_start_is_never_acted_on() {
        let kept = Kept::new(1, "UTC", NOW).unwrap();
        assert_eq!(kept.acts_from(NOW, 900_000), NOW);
        assert_eq!(kept.acts_from(NOW.plus_ms(60_000), 900_000), NOW, "started again a minute later");
        assert_eq!(kept.acts_from(NOW.plus_ms(DAY_MS), 900_000), NOW.plus_ms(DAY_MS - 900_000), "away for a day");
    }
}
