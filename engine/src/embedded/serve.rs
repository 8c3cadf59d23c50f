//! The child process: takes the data folder, loads the engine, answers on loopback, and ends when its parent does.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use tokio::sync::watch;

use super::child::Said;
use super::ffi::{self, Engine};
use super::http::Interface;
use super::locate::AtOnce;
use super::server;

/// Held for the life of the process that uses a folder; its text is that process's id.
const LOCK: &str = "ringback.lock";
const LOOK_EVERY: Duration = Duration::from_millis(100);
/// Says which engine made a folder: a server must not open the library's data, nor the other way round, since
/// neither reads what a newer version wrote.
const MADE_BY: &str = "ringback.made_by";
pub(crate) const MADE_BY_LIBRARY: &str = "libchdb";
pub(crate) const MADE_BY_SERVER: &str = "clickhouse server";
/// From the end of the parent to the end of this process, whatever still runs. Data survive a hard end.
const END_TIME_MAX: Duration = Duration::from_secs(8);
/// Threads that carry bytes; statements have threads of their own.
const CONNECTION_THREADS: usize = 2;

/// The arguments of the hidden command.
#[derive(Debug, clap::Args)]
pub(crate) struct ChildArguments {
    /// The folder of the data.
    #[arg(long)]
    data: PathBuf,
    /// The port on 127.0.0.1; 0 takes a free one.
    #[arg(long)]
    port: u16,
    /// How long to wait for the data while another process has them.
    #[arg(long)]
    lock_wait_s: u64,
    /// Statements that run at once.
    #[arg(long)]
    statements_max: u32,
    /// Connections that are open at once.
    #[arg(long)]
    connections_max: u32,
    /// The engine's library.
    #[arg(long, required_unless_present = "server")]
    library: Option<PathBuf>,
    /// A `clickhouse` program to run as a server instead.
    #[arg(long, conflicts_with = "library")]
    server: Option<PathBuf>,
}

/// Runs the database until standard input closes. Does not return: the engine's threads do not end with `main`.
pub(crate) fn serve(arguments: &ChildArguments) -> ! {
    let (stop_sender, stop) = watch::channel(false);
    // The first thing of all: a parent that dies while the engine loads must be noticed too.
    std::thread::spawn(move || watch_parent(&stop_sender));
    match run(arguments, stop) {
        Ok(()) => ffi::exit_now(0),
        Err(why) => {
            say(&Said::Failed(why));
            ffi::exit_now(1)
        }
    }
}

fn run(arguments: &ChildArguments, stop: watch::Receiver<bool>) -> Result<(), String> {
    let data = prepare_folder(&arguments.data)?;
    let maker = if arguments.library.is_some() { MADE_BY_LIBRARY } else { MADE_BY_SERVER };
    let _lock = take_lock(&data, Duration::from_secs(arguments.lock_wait_s), &stop)?;
    check_maker(&data, maker)?;

    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(CONNECTION_THREADS)
        // One for each statement, and as many again to end those whose clients went away.
        .max_blocking_threads(2 * arguments.statements_max as usize)
        .enable_all()
        .build()
        .map_err(|error| format!("cannot start threads: {error}"))?;
    match (&arguments.library, &arguments.server) {
        (Some(library), _) => runtime.block_on(serve_library(library, &data, arguments, stop)),
        (None, Some(program)) => runtime.block_on(server::run(program, &data, arguments.port, stop)),
        (None, None) => Err("neither --library nor --server".to_string()),
    }
}

async fn serve_library(
    library: &Path,
    data: &Path,
    arguments: &ChildArguments,
    mut stop: watch::Receiver<bool>,
) -> Result<(), String> {
    let at_once = AtOnce { statements_max: arguments.statements_max, connections_max: arguments.connections_max };
    // Bound before the engine loads: a port in use is told at once.
    let listener = bind(arguments.port).await?;
    let port = listener.local_addr().map_err(|error| format!("cannot ask for the port: {error}"))?.port();
    let engine = Engine::load(library, data)?;
    let interface = Interface::new(engine, at_once)
        .map_err(|error| format!("the engine does not start over `{}`: {error}", data.display()))?;
    say(&Said::Ready { port, version: interface.version().to_string() });

    let (end, ended) = watch::channel(false);
    let serving = tokio::spawn(std::sync::Arc::clone(&interface).serve(listener, ended));
    wait_for_end(&mut stop).await;
    // The receiver is gone only if serving is over, which is what is wanted.
    let _ = end.send(true);
    let _ = serving.await;
    // Ends the engine's threads and closes its files; may take a moment, which the watch over the parent limits.
    let _ = tokio::task::spawn_blocking(move || interface.shut_down()).await;
    Ok(())
}

/// Binds loopback, and nothing else.
async fn bind(port: u16) -> Result<tokio::net::TcpListener, String> {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    tokio::net::TcpListener::bind(address).await.map_err(|error| match error.kind() {
        io::ErrorKind::AddrInUse => {
            format!("port {port} on 127.0.0.1 is in use: give --port another one, or 0 for a free one")
        }
        io::ErrorKind::PermissionDenied => {
            format!("port {port} on 127.0.0.1 needs rights ({error}): give --port one above 1023, or 0 for a free one")
        }
        _ => format!("cannot listen on port {port} of 127.0.0.1: {error}"),
    })
}

/// Waits for the parent's end, or for SIGTERM.
pub(crate) async fn wait_for_end(stop: &mut watch::Receiver<bool>) {
    let terminated = async {
        match tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()) {
            Ok(mut signal) => {
                signal.recv().await;
            }
            Err(_) => std::future::pending().await,
        }
    };
    tokio::select! {
        _ = stop.wait_for(|stop| *stop) => {}
        () = terminated => {}
    }
}

/// The parent holds the other end of standard input and never writes: its end is the parent's end.
fn watch_parent(stop: &watch::Sender<bool>) {
    let mut stdin = io::stdin().lock();
    let mut ignored = [0; 64];
    loop {
        match stdin.read(&mut ignored) {
            Ok(0) => break,
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(_) => break,
        }
    }
    // Whoever listens ends in order; whatever is in between ends with the process.
    let _ = stop.send(true);
    std::thread::sleep(END_TIME_MAX);
    ffi::exit_now(1);
}

/// Makes the folder if need be, and gives its full path.
fn prepare_folder(data: &Path) -> Result<PathBuf, String> {
    let shown = data.display();
    fs::create_dir_all(data).map_err(|error| match error.kind() {
        io::ErrorKind::AlreadyExists | io::ErrorKind::NotADirectory => {
            format!("`{shown}` is a file, or inside of one: give --data a folder, or a name that is free")
        }
        _ => format!("cannot make the folder `{shown}`: {error}: give --data one that you may write in"),
    })?;
    fs::canonicalize(data).map_err(|error| format!("cannot enter the folder `{shown}`: {error}"))
}

/// Takes the folder for this process. The kernel takes the lock back with the process, however that ends.
fn take_lock(data: &Path, wait: Duration, stop: &watch::Receiver<bool>) -> Result<File, String> {
    let path = data.join(LOCK);
    let shown = data.display();
    let cannot_write = |error: io::Error| {
        format!("cannot write in the folder `{shown}`: {error}: give --data one that you may write in")
    };
    let mut file =
        File::options().create(true).read(true).write(true).truncate(false).open(&path).map_err(cannot_write)?;
    let started_at = Instant::now();
    let mut told = false;
    loop {
        match file.try_lock() {
            Ok(()) => break,
            Err(fs::TryLockError::Error(error)) => return Err(cannot_write(error)),
            Err(fs::TryLockError::WouldBlock) => {}
        }
        let holder = fs::read_to_string(&path).unwrap_or_default();
        let holder = match holder.trim() {
            "" => "another process".to_string(),
            pid => format!("process {pid}"),
        };
        if started_at.elapsed() >= wait || *stop.borrow() {
            return Err(format!(
                "the data in `{shown}` are in use by {holder}, also after {} s: end it, or give --data another folder",
                started_at.elapsed().as_secs()
            ));
        }
        if !std::mem::replace(&mut told, true) {
            say(&Said::Waiting(format!("the data in `{shown}` are in use by {holder}: waiting for its end")));
        }
        std::thread::sleep(LOOK_EVERY);
    }
    file.set_len(0)
        .and_then(|()| writeln!(file, "{}", std::process::id()))
        .and_then(|()| file.flush())
        .map_err(cannot_write)?;
    Ok(file)
}

/// Which engine made the folder, if one did.
pub(crate) fn maker_of(data: &Path) -> Option<String> {
    fs::read_to_string(data.join(MADE_BY)).ok().map(|text| text.trim().to_string())
}

fn check_maker(data: &Path, maker: &str) -> Result<(), String> {
    let shown = data.display();
    match maker_of(data) {
        None => {
            let path = data.join(MADE_BY);
            fs::write(&path, format!("{maker}\n"))
                .map_err(|error| format!("cannot write `{}`: {error}", path.display()))
        }
        Some(made_by) if made_by == maker => Ok(()),
        Some(made_by) => Err(format!(
            "the data in `{shown}` were made by {made_by}, and {maker} may not be able to read them: \
             give --data another folder, or start that one and pass its URL by --clickhouse"
        )),
    }
}

/// Tells the parent. If it is gone, standard input says so too.
pub(crate) fn say(said: &Said) {
    let mut stdout = io::stdout().lock();
    let _ = writeln!(stdout, "{}", said.to_line());
    let _ = stdout.flush();
}
