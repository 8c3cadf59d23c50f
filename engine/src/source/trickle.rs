//! A pipe that is read while it goes on: what has not come yet is not waited for, so that other sources and signals are heard.

use std::io::{self, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, TryRecvError, sync_channel};

/// Pieces that were read ahead of whoever asks.
const PIECES_AHEAD_MAX: usize = 4;

/// What is read at once.
const PIECE_BYTES: usize = 1 << 16;

/// Gives no bytes where none are there yet; [`Trickle::is_over`] tells that from the end.
pub(crate) struct Trickle {
    pieces: Receiver<io::Result<Vec<u8>>>,
    rest: io::Cursor<Vec<u8>>,
    over: Arc<AtomicBool>,
}

impl Trickle {
    /// Reads on in a thread of its own, which ends with the input or with this.
    pub(crate) fn of(mut input: Box<dyn Read + Send>) -> Trickle {
        let (sender, pieces) = sync_channel(PIECES_AHEAD_MAX);
        std::thread::spawn(move || {
            let mut piece = vec![0; PIECE_BYTES];
            loop {
                let read = input.read(&mut piece).map(|n| piece[..n].to_vec());
                let is_last = read.as_ref().map_or(true, Vec::is_empty);
                if sender.send(read).is_err() || is_last {
                    return;
                }
            }
        });
        Trickle { pieces, rest: io::Cursor::default(), over: Arc::default() }
    }

    /// Becomes true when the other side has closed the pipe, and everything was given.
    pub(crate) fn is_over(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.over)
    }
}

impl Read for Trickle {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n = self.rest.read(buffer)?;
        if n > 0 || buffer.is_empty() {
            return Ok(n);
        }
        match self.pieces.try_recv() {
            Ok(Ok(piece)) if !piece.is_empty() => self.rest = io::Cursor::new(piece),
            Err(TryRecvError::Empty) => return Ok(0),
            Ok(Ok(_)) | Err(TryRecvError::Disconnected) => {
                self.over.store(true, Ordering::Relaxed);
                return Ok(0);
            }
            Ok(Err(error)) => return Err(error),
        }
        self.rest.read(buffer)
    }
}
