//! `ringback clickhouse`: the embedded database alone, for whoever wants to ask it.

use std::io::Write;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result};

use super::output::Out;
use super::signals;
use crate::config::Config;
use crate::embedded::{self, Database, Locate};

/// Run the embedded ClickHouse engine on 127.0.0.1 until Ctrl-C
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// The folder of its data; made if it is not there
    #[arg(long, value_name = "DIR")]
    data: PathBuf,
    /// The port of ClickHouse's HTTP interface; 0 takes a free one
    #[arg(long, value_name = "N", default_value_t = 0)]
    port: u16,
    /// The folder of engine.toml, for the limits in it (see `ringback config`)
    #[arg(long, value_name = "DIR")]
    settings: Option<PathBuf>,
    /// How long to wait for the data while another process has them
    #[arg(long, value_name = "SECONDS", hide = true)]
    lock_wait_s: Option<u64>,
    /// Take the first database that there is, as the commands do that need one, instead of the embedded one
    #[arg(long, hide = true)]
    any: bool,
}

/// Runs until a signal, or until the database ends by itself.
pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let config = Config::of(arguments.settings.as_deref())?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .context("cannot start threads")?;
    let result = runtime.block_on(run_until_signal(arguments, &config));
    // A library that is being unpacked must not hold up Ctrl-C.
    runtime.shutdown_background();
    result
}

async fn run_until_signal(arguments: &Arguments, config: &Config) -> Result<()> {
    let signaled = signals::first()?;
    tokio::pin!(signaled);

    let mut locate = if arguments.any { Locate::anywhere(None, config) } else { Locate::library_only(config) };
    locate.port = arguments.port;
    if let Some(seconds) = arguments.lock_wait_s {
        locate.lock_wait = Duration::from_secs(seconds);
    }
    let mut database: Database = tokio::select! {
        opened = embedded::open(&locate, &arguments.data, embedded::for_standard_error()) => opened?,
        () = &mut signaled => return Ok(()),
    };
    let ready = serde_json::json!({ "clickhouse": database.url, "version": database.version, "how": database.how });
    // Without a reader there is nobody to tell.
    let mut out = Out::stdout();
    let _ = writeln!(out, "ready {ready}").and_then(|()| out.flush());

    tokio::select! {
        () = &mut signaled => {}
        error = database.ended() => return Err(error.into()),
    }
    database.shutdown().await?;
    Ok(())
}
