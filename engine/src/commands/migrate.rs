//! `ringback migrate`: brings a database to this version's tables and views. Twice does no harm.

use std::io::Write;
use std::path::PathBuf;

use anyhow::{Context, Result};
use clap::{Arg, ArgMatches, Command, value_parser};
use store::Store;

use super::output::Out;
use crate::WrongArguments;
use crate::config::Config;
use crate::embedded::{self, Locate};

/// The command's arguments.
pub(crate) fn command() -> Command {
    let path = || value_parser!(PathBuf);
    Command::new("migrate")
        .about("Bring a database to this version's tables and views")
        .arg(
            Arg::new("settings")
                .long("settings")
                .value_name("DIR")
                .value_parser(path())
                .help("The folder of engine.toml, whose [clickhouse] names the database"),
        )
        .arg(Arg::new("data").long("data").value_name("DIR").value_parser(path()).help("The folder of a demo"))
        .arg(Arg::new("clickhouse").long("clickhouse").value_name("URL").help("A ClickHouse server's HTTP interface"))
}

/// Applies what is missing and prints its names.
pub(crate) fn run(matches: &ArgMatches) -> Result<()> {
    let config = Config::of(matches.get_one::<PathBuf>("settings").map(PathBuf::as_path))?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().context("cannot start threads")?;
    let result = runtime.block_on(migrate(matches, &config));
    runtime.shutdown_background();
    result
}

async fn migrate(matches: &ArgMatches, config: &Config) -> Result<()> {
    let locate = Locate::anywhere(matches.get_one::<String>("clickhouse").cloned(), config);
    let data = match matches.get_one::<PathBuf>("data") {
        Some(data) => data.join("clickhouse"),
        None if locate.names_a_server() => PathBuf::new(),
        None => {
            return Err(WrongArguments(
                "which database? name one with --clickhouse URL, CLICKHOUSE_URL or `url` under [clickhouse] in DIR/engine.toml \
                 (--settings DIR), or the folder of a demo with --data DIR"
                    .to_owned(),
            )
            .into());
        }
    };
    let database = embedded::open(&locate, &data, embedded::for_standard_error()).await?;
    let applied = Store::at(&database.url, &config.clickhouse.database).migrate().await;
    database.shutdown().await?;
    let mut out = Out::stdout();
    let applied = applied?;
    for name in &applied {
        writeln!(out, "{name}")?;
    }
    if applied.is_empty() {
        writeln!(out, "nothing to apply")?;
    }
    out.flush()?;
    Ok(())
}
