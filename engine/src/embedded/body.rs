//! Bodies between two worlds: the connection's task, which must never wait on the engine, and the statement's thread,
//! which blocks. Bounded channels lie between them, so that a slow side slows the other and nothing piles up.

use std::io::{self, Read};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::BodyExt;
use hyper::body::{Body, Frame, Incoming};
use tokio::runtime::Handle;
use tokio::sync::mpsc;
use tokio::time::{Sleep, timeout};

use super::exception::{self, Exception};
use super::ffi::Counts;

/// How many pieces of a body may wait between the two sides.
const PIECES_WAITING_MAX: usize = 8;
/// How long a client may send nothing within a body before its statement is given up.
const REQUEST_SILENCE_MAX: Duration = Duration::from_secs(60);
/// How long a client may take none of its result before its statement is given up.
const RESPONSE_SILENCE_MAX: Duration = Duration::from_secs(60);
/// How much of a body is still read after its statement failed, so that the client can hear why.
const DRAIN_BYTES_MAX: usize = 64 << 20;
const DRAIN_TIME_MAX: Duration = Duration::from_secs(5);
/// Between the text of a late exception and the cut of the body: what was written must have left the buffers.
const CUT_AFTER: Duration = Duration::from_millis(5);

/// A request's body, read by the statement's thread.
pub(crate) struct RequestBody {
    pieces: mpsc::Receiver<Result<Bytes, Exception>>,
    current: Bytes,
    runtime: Handle,
}

impl RequestBody {
    /// Reads `incoming` in a task of its own.
    pub(crate) fn pump(incoming: Incoming) -> RequestBody {
        let (sender, pieces) = mpsc::channel(PIECES_WAITING_MAX);
        tokio::spawn(pump(incoming, sender));
        RequestBody { pieces, current: Bytes::new(), runtime: Handle::current() }
    }

    /// A body that has been read already.
    pub(crate) fn empty() -> RequestBody {
        let (_, pieces) = mpsc::channel(1);
        RequestBody { pieces, current: Bytes::new(), runtime: Handle::current() }
    }
}

impl Read for RequestBody {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        while self.current.is_empty() {
            let next = self.runtime.block_on(timeout(REQUEST_SILENCE_MAX, self.pieces.recv()));
            match next {
                Ok(None) => return Ok(0),
                Ok(Some(piece)) => self.current = piece?,
                Err(_) => {
                    let seconds = REQUEST_SILENCE_MAX.as_secs();
                    let what = format!("Nothing of the request body came for {seconds} s");
                    return Err(Exception::new(exception::SOCKET_TIMEOUT, what).into());
                }
            }
        }
        let length = out.len().min(self.current.len());
        out[..length].copy_from_slice(&self.current.split_to(length));
        Ok(length)
    }
}

/// hyper makes an error of a body that is shorter than its head said, so that a clean end here is one.
async fn pump(mut incoming: Incoming, sender: mpsc::Sender<Result<Bytes, Exception>>) {
    while let Some(frame) = incoming.frame().await {
        let piece = match frame {
            Ok(frame) => match frame.into_data() {
                Ok(data) => Ok(data),
                Err(_trailers) => continue,
            },
            Err(error) => {
                Err(Exception::new(exception::NETWORK_ERROR, format_args!("The request body broke off: {error}")))
            }
        };
        let broke_off = piece.is_err();
        if sender.send(piece).await.is_err() {
            drain(incoming).await;
            return;
        }
        if broke_off {
            return;
        }
    }
}

/// A client that is still writing when the answer comes would see a broken connection instead of the answer.
async fn drain(mut incoming: Incoming) {
    let reading = async {
        let mut drained_bytes = 0;
        while let Some(Ok(frame)) = incoming.frame().await {
            drained_bytes += frame.data_ref().map_or(0, Bytes::len);
            if drained_bytes > DRAIN_BYTES_MAX {
                return;
            }
        }
    };
    let _ = timeout(DRAIN_TIME_MAX, reading).await;
}

/// What the statement's thread tells the connection's task, in this order.
pub(crate) enum Part {
    /// The statement is under way, or done: the response can begin.
    Head(Head),
    Data(Bytes),
    /// An exception after the head: its text is sent as data, and then the body is cut.
    LateException(Bytes),
    /// An exception before the head.
    Exception(Exception),
}

/// What the headers of a response tell.
pub(crate) struct Head {
    pub format: String,
    pub counts: Counts,
}

pub(crate) fn response_parts() -> (PartSender, mpsc::Receiver<Part>) {
    let (sender, receiver) = mpsc::channel(PIECES_WAITING_MAX);
    (PartSender { sender, runtime: Handle::current() }, receiver)
}

/// The statement's end of a response.
pub(crate) struct PartSender {
    sender: mpsc::Sender<Part>,
    runtime: Handle,
}

impl PartSender {
    /// Sends a part; fails if the client is gone, or takes nothing.
    pub(crate) fn send(&self, part: Part) -> Result<(), Exception> {
        self.runtime.block_on(self.sender.send_timeout(part, RESPONSE_SILENCE_MAX)).map_err(|error| match error {
            mpsc::error::SendTimeoutError::Closed(_) => Exception::new(exception::NETWORK_ERROR, "The client is gone"),
            mpsc::error::SendTimeoutError::Timeout(_) => {
                let seconds = RESPONSE_SILENCE_MAX.as_secs();
                Exception::new(exception::SOCKET_TIMEOUT, format_args!("The client took nothing for {seconds} s"))
            }
        })
    }
}

/// A response's body as it comes from the statement. `on_drop` lives as long as the client listens.
pub(crate) struct ResponseBody<T> {
    parts: mpsc::Receiver<Part>,
    cut: Option<Pin<Box<Sleep>>>,
    ended: bool,
    on_drop: T,
}

/// Told when the statement came to its end while the client was listening.
pub(crate) trait Ended: Unpin {
    fn ended(&mut self);
}

impl<T: Ended> ResponseBody<T> {
    pub(crate) fn new(parts: mpsc::Receiver<Part>, on_drop: T) -> ResponseBody<T> {
        ResponseBody { parts, cut: None, ended: false, on_drop }
    }
}

impl<T: Ended> Body for ResponseBody<T> {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        let body = self.get_mut();
        if let Some(cut) = &mut body.cut {
            return cut.as_mut().poll(context).map(|()| {
                // An error makes hyper close the connection without the last chunk: the client sees a cut body.
                body.cut = None;
                body.ended = true;
                Some(Err(io::Error::other("the statement failed within its result")))
            });
        }
        if body.ended {
            return Poll::Ready(None);
        }
        let Poll::Ready(part) = body.parts.poll_recv(context) else {
            return Poll::Pending;
        };
        Poll::Ready(match part {
            Some(Part::Data(bytes)) => Some(Ok(Frame::data(bytes))),
            Some(Part::LateException(bytes)) => {
                body.on_drop.ended();
                body.cut = Some(Box::pin(tokio::time::sleep(CUT_AFTER)));
                Some(Ok(Frame::data(bytes)))
            }
            Some(Part::Head(_) | Part::Exception(_)) => Some(Err(io::Error::other("a second head"))),
            None => {
                body.on_drop.ended();
                body.ended = true;
                None
            }
        })
    }
}
