//! A `clickhouse` program from PATH as the database: a real server on loopback, in the same frame as the library.
//!
//! Written against ClickHouse's documentation of its configuration files; the tests run it with a stand-in only.

use std::fs;
use std::net::{Ipv4Addr, TcpListener};
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use tokio::process::Command;
use tokio::sync::watch;
use tokio::time::timeout;

use super::child::Said;
use super::{ping, serve};

const START_WAIT_MAX: Duration = Duration::from_secs(60);
/// From the statement that ends it to its end; then it is killed.
const END_WAIT_MAX: Duration = Duration::from_secs(6);

/// Runs the server until the parent ends.
pub(crate) async fn run(program: &Path, data: &Path, port: u16, mut stop: watch::Receiver<bool>) -> Result<(), String> {
    let port = free_port(port)?;
    let config = write_config(data, port)
        .map_err(|error| format!("cannot write the server's configuration in `{}`: {error}", data.display()))?;
    let mut command = Command::new(program);
    command.arg("server").arg("--config-file").arg(&config).current_dir(data);
    // Its log goes to standard error, of which the parent keeps the last words.
    command.stdin(Stdio::null()).stdout(Stdio::null()).kill_on_drop(true);
    let mut process = command.spawn().map_err(|error| format!("cannot run `{}`: {error}", program.display()))?;

    let url = format!("http://127.0.0.1:{port}");
    let answered = async {
        ping::until_it_answers(&url, START_WAIT_MAX).await?;
        ping::version(&url).await
    };
    let version = tokio::select! {
        version = answered => version.map_err(|error| error.to_string())?,
        status = process.wait() => return Err(ended(program, status)),
    };
    serve::say(&Said::Ready { port, version });

    tokio::select! {
        () = serve::wait_for_end(&mut stop) => {}
        status = process.wait() => return Err(ended(program, status)),
    }
    // It may close the connection before it answers: its end is what counts.
    let _ = ping::ask(&url, "", "SYSTEM SHUTDOWN").await;
    if timeout(END_WAIT_MAX, process.wait()).await.is_err() {
        process.kill().await.map_err(|error| format!("cannot end `{}`: {error}", program.display()))?;
    }
    Ok(())
}

fn ended(program: &Path, status: std::io::Result<std::process::ExitStatus>) -> String {
    match status {
        Ok(status) => format!("`{} server` ended ({status})", program.display()),
        Err(error) => format!("`{} server` cannot be watched: {error}", program.display()),
    }
}

/// The port if it is free, or a free one. The server binds it a moment later, and says so if another was faster.
fn free_port(port: u16) -> Result<u16, String> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).map_err(|error| {
        format!("port {port} on 127.0.0.1 cannot be had ({error}): give --port another one, or 0 for a free one")
    })?;
    listener.local_addr().map(|address| address.port()).map_err(|error| format!("cannot ask for a port: {error}"))
}

/// Writes the server's two files: HTTP on loopback only, one user without a password, everything below `data`.
fn write_config(data: &Path, port: u16) -> std::io::Result<std::path::PathBuf> {
    let folder = data.join("ringback.server");
    fs::create_dir_all(&folder)?;
    let users = folder.join("users.xml");
    fs::write(
        &users,
        "<clickhouse>\n  <users><default><password></password><networks><ip>127.0.0.1</ip></networks>\
         <profile>default</profile><quota>default</quota><access_management>1</access_management></default></users>\n  \
         <profiles><default></default></profiles>\n  <quotas><default></default></quotas>\n</clickhouse>\n",
    )?;
    let path = |name: &str| xml(&data.join(name).display().to_string());
    let config = folder.join("config.xml");
    fs::write(
        &config,
        format!(
            "<clickhouse>\n  <logger><level>warning</level><console>1</console></logger>\n  \
             <listen_host>127.0.0.1</listen_host>\n  <http_port>{port}</http_port>\n  <path>{}/</path>\n  \
             <tmp_path>{}/</tmp_path>\n  <user_files_path>{}/</user_files_path>\n  \
             <format_schema_path>{}/</format_schema_path>\n  <user_directories><users_xml><path>{}</path></users_xml>\
             <local_directory><path>{}/</path></local_directory></user_directories>\n</clickhouse>\n",
            xml(&data.display().to_string()),
            path("tmp"),
            path("user_files"),
            path("format_schemas"),
            xml(&users.display().to_string()),
            path("access"),
        ),
    )?;
    Ok(config)
}

fn xml(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
