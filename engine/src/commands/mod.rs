//! One command, one file.

pub(crate) mod adapters;
mod arguments;
pub(crate) mod audit;
pub(crate) mod calls;
pub(crate) mod check;
pub(crate) mod clickhouse;
pub(crate) mod clickhouse_child;
pub(crate) mod config;
pub(crate) mod data;
pub(crate) mod demo;
pub(crate) mod generate;
pub(crate) mod legs;
pub(crate) mod migrate;
pub(crate) mod output;
pub(crate) mod plugin;
pub(crate) mod repair;
pub(crate) mod run;
pub(crate) mod signals;
mod site_file;
pub(crate) mod user;

use anyhow::Result;

use crate::WrongArguments;
use crate::config::Config;

/// The database of an installation: CLICKHOUSE_URL, else the settings.
///
/// # Errors
/// If neither names one.
pub(crate) fn store_url(config: &Config) -> Result<String> {
    let url = std::env::var("CLICKHOUSE_URL").ok().filter(|url| !url.is_empty());
    let url = url.unwrap_or_else(|| config.clickhouse.url.clone());
    if url.is_empty() {
        return Err(WrongArguments(
            "no database: name a ClickHouse server's HTTP interface with `url` under [clickhouse] in engine.toml, or CLICKHOUSE_URL"
                .to_owned(),
        )
        .into());
    }
    Ok(url)
}
