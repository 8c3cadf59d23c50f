//! A manager interface of Asterisk for tests: `ami_peer SCENARIO.json [PORT]`; `tests/peer/mod.rs` has every key of a scenario.
//!
//! It prints `listening 127.0.0.1:PORT`, and ends when its standard input does.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout)]

#[path = "../tests/peer/mod.rs"]
mod peer;

use std::path::Path;

#[tokio::main]
async fn main() {
    let mut arguments = std::env::args().skip(1);
    let scenario = arguments.next().expect("ami_peer SCENARIO.json [PORT]");
    let port = arguments.next().map_or(0, |port| port.parse().expect("a port"));
    // A scenario that cannot be read is told at once, not at the first command.
    let _ = peer::scenario(Path::new(&scenario));
    let peer = peer::start(Path::new(&scenario), port).await;
    println!("listening {}", peer.address);
    let end = tokio::task::spawn_blocking(|| std::io::copy(&mut std::io::stdin(), &mut std::io::sink()));
    let _ = end.await;
}
