//! `ringback clickhouse`: the embedded database alone, for whoever wants to ask it.

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use tokio::signal::unix::{SignalKind, signal};

use crate::embedded::{self, Database, Error, Locate};

/// Run the embedded ClickHouse engine on 127.0.0.1 until Ctrl-C
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// The folder of its data; made if it is not there
    #[arg(long, value_name = "DIR")]
    data: PathBuf,
    /// The port of ClickHouse's HTTP interface; 0 takes a free one
    #[arg(long, value_name = "N", default_value_t = 0)]
    port: u16,
    /// How long to wait for the data while another process has them
    #[arg(long, value_name = "SECONDS", hide = true)]
    lock_wait_s: Option<u64>,
    /// Take the first database that there is, as the commands do that need one, instead of the embedded one
    #[arg(long, hide = true)]
    any: bool,
}

/// Runs until a signal, or until the database ends by itself.
pub(crate) fn run(arguments: &Arguments) -> ExitCode {
    let runtime = match tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return fail(&format!("cannot start threads: {error}")),
    };
    let result = runtime.block_on(run_until_signal(arguments));
    // A library that is being unpacked must not hold up Ctrl-C.
    runtime.shutdown_background();
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => fail(&error.to_string()),
    }
}

async fn run_until_signal(arguments: &Arguments) -> Result<(), Error> {
    let mut interrupt = signal(SignalKind::interrupt()).map_err(Error::Spawn)?;
    let mut terminate = signal(SignalKind::terminate()).map_err(Error::Spawn)?;
    let signaled = async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    };
    tokio::pin!(signaled);

    let mut locate = if arguments.any { Locate::new(None) } else { Locate::library_only() };
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
    let _ = writeln!(std::io::stdout().lock(), "ready {ready}");

    tokio::select! {
        () = &mut signaled => {}
        error = database.ended() => return Err(error),
    }
    database.shutdown().await
}

fn fail(why: &str) -> ExitCode {
    let _ = writeln!(std::io::stderr().lock(), "ringback clickhouse: {why}");
    ExitCode::FAILURE
}
