//! SIGINT and SIGTERM for commands that end in order when they are told to.

use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::Duration;

use anyhow::{Context, Result};
use tokio::signal::unix::{SignalKind, signal};

/// Done when one of the two comes. From here on they no longer end the process by themselves.
pub(crate) fn first() -> Result<impl Future<Output = ()>> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    })
}

/// Tells whether a signal came.
pub(crate) struct Signals(Receiver<()>);

impl Signals {
    /// From here on the two signals no longer end the process by themselves.
    pub(crate) fn listen() -> Result<Signals> {
        let (sender, receiver) = channel();
        let runtime =
            tokio::runtime::Builder::new_current_thread().enable_all().build().context("cannot wait for signals")?;
        let signaled = {
            let _entered = runtime.enter();
            first()?
        };
        std::thread::spawn(move || {
            runtime.block_on(signaled);
            let _ = sender.send(());
        });
        Ok(Signals(receiver))
    }

    /// Waits so long for a signal. True at once if one came, now or before.
    pub(crate) fn came_within(&self, wait: Duration) -> bool {
        !matches!(self.0.recv_timeout(wait), Err(RecvTimeoutError::Timeout))
    }
}
