//! The settings of an installation: `engine.toml` over the defaults, which `default.toml` explains.

use std::collections::BTreeMap;
use std::num::{NonZeroU32, NonZeroU64, NonZeroUsize};
use std::path::{Path, PathBuf};

use anyhow::Result;
use deliver::control::ControlSettings;
use deliver::email::SmtpSettings;
use deliver::http::WebhookSettings;
use deliver::settings::DeliverSettings;
use portal::PortalSettings;
use sandbox::HostLimits;
use serde::{Deserialize, Serialize};

use crate::WrongArguments;

/// The commented defaults: the manual of the settings.
pub(crate) const DEFAULT: &str = include_str!("../default.toml");

/// The file's name in the settings folder.
pub(crate) const FILE: &str = "engine.toml";

/// The whole file. Every key is explained in `default.toml`.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Config {
    pub(crate) tenant: TenantKey,
    pub(crate) clickhouse: Clickhouse,
    pub(crate) http: Http,
    pub(crate) kafka: Kafka,
    pub(crate) office: Office,
    /// By the exchange's id in the site file.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) pbx: BTreeMap<String, PbxEntry>,
    pub(crate) deliver: DeliverSettings,
    pub(crate) smtp: SmtpSettings,
    pub(crate) portal: PortalSettings,
    /// By the name that plugins call the destination.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) webhook: BTreeMap<String, WebhookSettings>,
    /// By the plugin's name.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) plugin: BTreeMap<String, PluginEntry>,
    pub(crate) sandbox: HostLimits,
    pub(crate) limits: Limits,
}

/// Where what is decided once is kept.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Office {
    pub(crate) url: String,
    pub(crate) busy_ms: NonZeroU64,
    pub(crate) keep_days: NonZeroU32,
}

const DAY_MS: i64 = 86_400_000;

impl Office {
    /// How long what nobody waits for is kept, in milliseconds, where so much of the log is read back at a start.
    ///
    /// # Errors
    /// It is not longer than that, in the words of who can mend it.
    pub(crate) fn keep_ms(&self, horizon_ms: i64) -> Result<i64, WrongArguments> {
        let keep_ms = i64::from(self.keep_days.get()).saturating_mul(DAY_MS);
        if keep_ms > horizon_ms {
            return Ok(keep_ms);
        }
        let works = horizon_ms / DAY_MS + 1;
        Err(WrongArguments(format!(
            "`keep_days` under [office] in engine.toml is {}: a start reads {:.1} days of the log again, and may tell their events again, \
             so {works} or more would work",
            self.keep_days,
            horizon_ms as f64 / DAY_MS as f64
        )))
    }
}

impl Default for Office {
    fn default() -> Self {
        Office {
            url: String::new(),
            busy_ms: NonZeroU64::MIN.saturating_add(9999),
            keep_days: NonZeroU32::MIN.saturating_add(29),
        }
    }
}

/// What the engine may tell an exchange to do.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct PbxEntry {
    pub(crate) control: ControlSettings,
}

/// What a plugin is told and may do.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct PluginEntry {
    pub(crate) settings: toml::Table,
    pub(crate) grants: toml::Table,
}

/// `tenant = "acme"`, or one `[tenant.NAME]` for each of several companies.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(untagged)]
pub(crate) enum TenantKey {
    One(String),
    Each(BTreeMap<String, TenantEntry>),
}

impl TenantKey {
    /// The only company; of several, none.
    pub(crate) fn one(&self) -> &str {
        match self {
            TenantKey::One(name) => name,
            TenantKey::Each(_) => "",
        }
    }
}

/// One of several companies.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct TenantEntry {
    /// Its site file, in the settings folder.
    pub(crate) site: PathBuf,
}

#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Http {
    pub(crate) listen: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Clickhouse {
    pub(crate) url: String,
    pub(crate) database: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Kafka {
    pub(crate) bootstrap: String,
    pub(crate) topics: Vec<String>,
    pub(crate) group: String,
    pub(crate) log_time: LogTime,
    pub(crate) default_pbx: String,
    pub(crate) default_adapter: String,
    pub(crate) session_timeout_s: NonZeroU32,
    pub(crate) delivery: Delivery,
    pub(crate) security: Security,
}

/// Whose clock stamps the records of the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum LogTime {
    /// The broker's, when it takes the record.
    AppendTime,
    /// The producer's: for replays of history.
    CreateTime,
}

/// What is promised of each record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Delivery {
    /// Its rows are stored once.
    ExactlyOnce,
    /// Its rows are stored once or more; figures are right, the ledger may show doubles.
    AtLeastOnce,
}

impl Delivery {
    /// As the settings call it.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Delivery::ExactlyOnce => "exactly_once",
            Delivery::AtLeastOnce => "at_least_once",
        }
    }
}

/// How the brokers know us, and we them; empty where there is nothing to say.
#[derive(Clone, Debug, PartialEq, Eq, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Security {
    pub(crate) protocol: String,
    pub(crate) mechanism: String,
    pub(crate) user: String,
    pub(crate) secret_file: String,
    pub(crate) ca_file: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Limits {
    pub(crate) statements_at_once_max: NonZeroU32,
    pub(crate) connections_max: NonZeroU32,
    pub(crate) lock_wait_s: NonZeroU64,
    pub(crate) commit_answer_s: NonZeroU64,
    pub(crate) drain_s: NonZeroU64,
    pub(crate) missed_listed_max: NonZeroUsize,
    pub(crate) records_per_turn_max: NonZeroUsize,
    pub(crate) batch_legs_max: NonZeroUsize,
    pub(crate) batch_bytes_max: NonZeroUsize,
    pub(crate) batch_age_ms: NonZeroU64,
    pub(crate) bytes_in_flight_max: NonZeroUsize,
    pub(crate) conclude_every_ms: NonZeroU64,
    pub(crate) conclude_many_every_ms: NonZeroU64,
    pub(crate) commit_age_ms: NonZeroU64,
    pub(crate) look_again_s: NonZeroU64,
    pub(crate) closed_calls_remembered_max: NonZeroUsize,
}

impl Limits {
    /// What of it a partition's machine keeps to.
    pub(crate) fn stream(&self) -> stream::machine::Limits {
        let ms = |n: NonZeroU64| i64::try_from(n.get()).unwrap_or(i64::MAX);
        let live = calls::live::Limits {
            remembered_keys_max: self.closed_calls_remembered_max.get(),
            ..calls::live::Limits::default()
        };
        stream::machine::Limits {
            legs_per_batch_max: self.batch_legs_max.get(),
            bytes_per_batch_max: self.batch_bytes_max.get(),
            batch_age_ms: ms(self.batch_age_ms),
            bytes_in_flight_max: self.bytes_in_flight_max.get(),
            conclude_every_ms: ms(self.conclude_every_ms),
            conclude_many_every_ms: ms(self.conclude_many_every_ms),
            commit_age_ms: ms(self.commit_age_ms),
            live,
            ..stream::machine::Limits::default()
        }
    }
}

impl Default for Config {
    fn default() -> Self {
        Config {
            tenant: TenantKey::One("main".to_owned()),
            clickhouse: Clickhouse::default(),
            http: Http::default(),
            kafka: Kafka::default(),
            office: Office::default(),
            pbx: BTreeMap::new(),
            deliver: DeliverSettings::default(),
            smtp: SmtpSettings::default(),
            portal: PortalSettings::default(),
            webhook: BTreeMap::new(),
            plugin: BTreeMap::new(),
            sandbox: HostLimits::default(),
            limits: Limits::default(),
        }
    }
}

impl Default for Http {
    fn default() -> Self {
        Http { listen: "127.0.0.1:0".to_owned() }
    }
}

impl Default for Clickhouse {
    fn default() -> Self {
        Clickhouse { url: String::new(), database: "default".to_owned() }
    }
}

impl Default for Kafka {
    fn default() -> Self {
        Kafka {
            bootstrap: String::new(),
            topics: Vec::new(),
            group: "ringback".to_owned(),
            log_time: LogTime::AppendTime,
            default_pbx: String::new(),
            default_adapter: String::new(),
            session_timeout_s: NonZeroU32::MIN.saturating_add(44),
            delivery: Delivery::ExactlyOnce,
            security: Security::default(),
        }
    }
}

impl Default for Limits {
    fn default() -> Self {
        const fn size(n: usize) -> NonZeroUsize {
            NonZeroUsize::MIN.saturating_add(n - 1)
        }
        Limits {
            statements_at_once_max: NonZeroU32::MIN.saturating_add(7),
            connections_max: NonZeroU32::MIN.saturating_add(255),
            lock_wait_s: NonZeroU64::MIN.saturating_add(14),
            commit_answer_s: NonZeroU64::MIN.saturating_add(29),
            drain_s: NonZeroU64::MIN.saturating_add(24),
            missed_listed_max: size(50),
            records_per_turn_max: size(1000),
            batch_legs_max: size(200_000),
            batch_bytes_max: size(64 << 20),
            batch_age_ms: NonZeroU64::MIN.saturating_add(999),
            bytes_in_flight_max: size(256 << 20),
            conclude_every_ms: NonZeroU64::MIN.saturating_add(99),
            conclude_many_every_ms: NonZeroU64::MIN.saturating_add(499),
            commit_age_ms: NonZeroU64::MIN.saturating_add(4999),
            look_again_s: NonZeroU64::MIN.saturating_add(119),
            closed_calls_remembered_max: size(20_000_000),
        }
    }
}

impl Config {
    /// The settings of this folder, or the defaults without one. A folder need not have the file; it must be one.
    ///
    /// # Errors
    /// What is wrong, in which file and line, and what would have worked: a wrong argument.
    pub(crate) fn of(folder: Option<&Path>) -> Result<Config> {
        let Some(folder) = folder else { return Ok(Config::default()) };
        let wrong = |what: String| Err(WrongArguments(format!("--settings {}: {what}", folder.display())).into());
        if !folder.is_dir() {
            return wrong(format!("is no folder; name the one that holds {FILE} and site.toml"));
        }
        let path = folder.join(FILE);
        match std::fs::read_to_string(&path) {
            Ok(text) => Config::from_toml(&text).or_else(|why| wrong(format!("{FILE}, {why}"))),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Config::default()),
            Err(error) => wrong(format!("{FILE} cannot be read: {error}")),
        }
    }

    fn from_toml(text: &str) -> Result<Config, String> {
        toml::from_str(text).map_err(|error: toml::de::Error| {
            let line = error.span().map_or(1, |span| text[..span.start.min(text.len())].matches('\n').count() + 1);
            format!("line {line}: {}; `ringback config` prints every key with its meaning", error.message())
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_file_is_the_default_of_the_types() {
        assert_eq!(Config::from_toml(DEFAULT), Ok(Config::default()));
        assert_eq!(Config::from_toml(""), Ok(Config::default()));
    }

    #[test]
    fn every_key_is_in_the_default_file_under_a_comment() {
        let lines: Vec<&str> = DEFAULT.lines().collect();
        let check = |line: &str| {
            let at = lines.iter().position(|l| *l == line).unwrap_or_else(|| panic!("no line `{line}`"));
            // Keys that are explained together stand together.
            let above = lines[..at].iter().rev().find(|l| !l.contains(" = ") || l.starts_with('#'));
            assert!(above.is_some_and(|l| l.starts_with('#')), "`{line}` is not explained");
        };
        let toml::Value::Table(keys) = toml::Value::try_from(Config::default()).unwrap() else { panic!() };
        let mut tables = vec![(String::new(), keys)];
        while let Some((name, keys)) = tables.pop() {
            for (key, value) in keys {
                let toml::Value::Table(inner) = value else {
                    check(&format!("{key} = {value}"));
                    continue;
                };
                let name = if name.is_empty() { key } else { format!("{name}.{key}") };
                check(&format!("[{name}]"));
                tables.push((name, inner));
            }
        }
    }

    /// What stands there as an example, of exchanges, webhooks and plugins, is read and has every key.
    #[test]
    fn the_examples_of_the_default_file_are_read_and_whole() {
        let mut examples = String::new();
        for block in DEFAULT.split("\n\n") {
            let lines = block.lines().skip_while(|line| !line.starts_with("# ["));
            lines.for_each(|line| examples.push_str(&format!("{}\n", line.strip_prefix("# ").unwrap_or_default())));
        }
        let read = Config::from_toml(&examples).unwrap_or_else(|error| panic!("{error}\n{examples}"));
        let keys =
            |value: toml::Value| value.as_table().map(|t| t.keys().cloned().collect::<Vec<_>>()).unwrap_or_default();
        let told: toml::Value = toml::from_str(&examples).unwrap();
        let whole = ControlSettings { outside_prefix: Some(String::new()), ..ControlSettings::default() };
        assert_eq!(keys(told["pbx"]["main"]["control"].clone()), keys(toml::Value::try_from(whole).unwrap()));
        let whole = toml::Value::try_from(WebhookSettings::default()).unwrap();
        assert_eq!(keys(told["webhook"]["crm"].clone()), keys(whole));
        assert_eq!(read.plugin["call_back"].settings["max_attempts"], toml::Value::Integer(3));
    }

    #[test]
    fn what_may_be_told_again_is_kept() {
        let office = |days| Office { keep_days: NonZeroU32::new(days).unwrap(), ..Office::default() };
        assert_eq!(office(10).keep_ms(9 * DAY_MS).map_err(|error| error.0), Ok(10 * DAY_MS));
        assert_eq!(
            office(9).keep_ms(9 * DAY_MS + DAY_MS / 2).map_err(|error| error.0),
            Err("`keep_days` under [office] in engine.toml is 9: a start reads 9.5 days of the log again, and may tell their events \
                 again, so 10 or more would work"
                .to_owned())
        );
        assert!(office(9).keep_ms(9 * DAY_MS).is_err());
    }

    #[test]
    fn an_error_says_the_line_the_key_and_what_would_have_worked() {
        let check = |text: &str, words: &[&str]| {
            let error = Config::from_toml(text).unwrap_err();
            for word in words {
                assert!(error.contains(word), "`{word}` is not in: {error}");
            }
        };
        check("tenant = \"a\"\n[limits]\nbatch_legs = 5\n", &["line 3", "`batch_legs`", "`batch_legs_max`"]);
        check("tennant = \"a\"", &["line 1", "`tennant`", "`tenant`", "`clickhouse`", "`limits`"]);
        check("[limits]\nbatch_legs_max = 0", &["line 2", "`0`", "nonzero"]);
        check("\n[limits]\nconnections_max = \"many\"", &["line 3", "many", "u32"]);
        check("a b", &["line 1"]);
    }
}
