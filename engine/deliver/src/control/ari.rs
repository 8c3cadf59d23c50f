//! Asterisk's REST interface: a connection for each request, and a websocket of its own for each call that is placed.
//!
//! The websocket is open and subscribed to the telephone before the call is placed, so that no event of it is missed;
//! when it is lost, what became of the call is not known.

use std::path::PathBuf;
use std::pin::Pin;
use std::time::Duration;

use adapters::control::asterisk_ari::{ANSWER_BYTES_MAX, Answer, Follower, Request};
use adapters::control::{DialEnd, Limits, Order, Presence, Refusal, Seen, Unwritable};
use base64::Engine as _;
use futures_core::Stream as _;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::http::HeaderValue;

use super::line::{self, Line};
use super::settings::ControlSettings;
use super::{Telephone, Unreachable, Watch};

/// Until it is tried again, in seconds.
const RETRY_S: u32 = 10;

type Socket = tokio_tungstenite::WebSocketStream<Box<dyn Line>>;

pub(crate) struct Ari {
    pbx: String,
    settings: ControlSettings,
    folder: PathBuf,
}

/// What became of a request that has no answer.
enum Failed {
    /// It did not leave.
    NotSent(String),
    /// It left.
    Lost,
}

impl Ari {
    pub(crate) fn new(pbx: &str, settings: ControlSettings, folder: PathBuf) -> Ari {
        Ari { pbx: pbx.to_owned(), settings, folder }
    }

    pub(crate) async fn presence(&self, telephone: &Telephone) -> Result<Presence, Unreachable> {
        let unreachable = |why: String| Unreachable { why: format!("{}: {why}", self.pbx), retry_s: RETRY_S };
        let request = Request::device_state(&telephone.device).map_err(|error| unreachable(error.to_string()))?;
        match self.ask(&request).await {
            Ok(answer) if answer.code == 200 => Ok(answer.device_state().unwrap_or(Presence::Unknown)),
            Ok(answer) if answer.code == 404 => Ok(Presence::Offline),
            Ok(answer) => Err(unreachable(answer.text())),
            Err(Failed::NotSent(why)) => Err(unreachable(why)),
            Err(Failed::Lost) => Err(unreachable("no answer to a question".to_owned())),
        }
    }

    pub(crate) async fn dial(&self, order: &Order, limits: Limits) -> DialEnd {
        let originate = match Request::originate(order) {
            Ok(originate) => originate,
            Err(error) => return DialEnd::NotSent(error.to_string()),
        };
        let mut socket = match self.hear(order).await {
            Ok(socket) => socket,
            Err(end) => return end,
        };
        let mut watch = Watch::start(limits);
        let mut follower = Follower::new(&order.call);
        let answered = self.ask(&originate);
        tokio::pin!(answered);
        let mut has_answer = false;
        loop {
            if let Some(end) = watch.end() {
                let _ = socket.close(None).await;
                return end;
            }
            let quiet = watch.quiet();
            tokio::select! {
                biased;
                event = next(&mut socket) => match event {
                    Some(event) => {
                        if let Some(seen) = follower.see(&event) {
                            watch.hear(seen);
                        }
                    }
                    None => watch.hear(Seen::Lost),
                },
                answer = &mut answered, if !has_answer => {
                    has_answer = true;
                    match answer {
                        Ok(answer) => watch.hear(answer.seen()),
                        Err(Failed::NotSent(why)) => return DialEnd::NotSent(why),
                        // The events may still tell.
                        Err(Failed::Lost) => {}
                    }
                }
                () = tokio::time::sleep(quiet) => {
                    if watch.pass() && let Ok(hang_up) = Request::hang_up(&order.call) {
                        let _ = self.ask(&hang_up).await;
                    }
                }
            }
        }
    }

    /// A websocket that hears of the telephone's calls.
    async fn hear(&self, order: &Order) -> Result<Socket, DialEnd> {
        let application = order.call.replace('.', "-");
        let not_sent = |why: String| DialEnd::NotSent(format!("{}: {why}", self.pbx));
        let written = |error: Unwritable| DialEnd::NotSent(error.to_string());
        let events = Request::events(&application).map_err(written)?;
        let subscribe = Request::subscribe(&application, &order.device).map_err(written)?;
        let within = Duration::from_secs(u64::from(self.settings.answer_s));
        let opened = tokio::time::timeout(within, self.open(&events.path)).await;
        let socket = opened.map_err(|_| not_sent("the websocket was not answered in time".to_owned()))?;
        let socket = socket.map_err(not_sent)?;
        match self.ask(&subscribe).await {
            Ok(answer) if answer.code < 300 => Ok(socket),
            Ok(answer) if answer.code == 401 => Err(DialEnd::Refused(Refusal::SignIn, answer.text())),
            Ok(answer) if answer.code == 403 => Err(DialEnd::Refused(Refusal::Grant, answer.text())),
            Ok(answer) if answer.code < 500 => Err(DialEnd::Refused(Refusal::Value, answer.text())),
            Ok(answer) => Err(not_sent(answer.text())),
            Err(Failed::NotSent(why)) => Err(not_sent(why)),
            Err(Failed::Lost) => Err(not_sent("no answer to a subscription".to_owned())),
        }
    }

    async fn open(&self, path: &str) -> Result<Socket, String> {
        let stream = line::connect(&self.settings, &self.folder).await?;
        let mut request = format!("ws://{}{path}", self.settings.host_and_port())
            .into_client_request()
            .map_err(|error| error.to_string())?;
        let value = HeaderValue::from_str(&self.authorization()?)
            .map_err(|_| "the user or the secret holds a control character".to_owned())?;
        request.headers_mut().insert("Authorization", value);
        request.headers_mut().insert("Sec-WebSocket-Protocol", HeaderValue::from_static("ari"));
        let opened = tokio_tungstenite::client_async(request, stream).await;
        opened.map(|(socket, _)| socket).map_err(|error| format!("the websocket: {error}"))
    }

    fn authorization(&self) -> Result<String, String> {
        let secret = line::secret(&self.settings, &self.folder)?;
        let pair = format!("{}:{secret}", self.settings.user);
        Ok(format!("Basic {}", base64::engine::general_purpose::STANDARD.encode(pair)))
    }

    /// One request over a connection of its own.
    async fn ask(&self, request: &Request) -> Result<Answer, Failed> {
        let authorization = self.authorization().map_err(Failed::NotSent)?;
        let bytes = request
            .bytes(self.settings.host_and_port(), &authorization)
            .map_err(|error| Failed::NotSent(error.to_string()))?;
        let mut stream = line::connect(&self.settings, &self.folder).await.map_err(Failed::NotSent)?;
        let within = Duration::from_secs(u64::from(self.settings.answer_s));
        let answer = tokio::time::timeout(within, async {
            stream.write_all(&bytes).await.ok()?;
            let mut answer = Vec::new();
            let most = u64::try_from(ANSWER_BYTES_MAX).unwrap_or(u64::MAX);
            // A connection that breaks behind a whole answer has answered.
            let _ = (&mut stream).take(most).read_to_end(&mut answer).await;
            Answer::of(&answer)
        });
        answer.await.ok().flatten().ok_or(Failed::Lost)
    }
}

/// The next event; `None` when there will be none.
async fn next(socket: &mut Socket) -> Option<serde_json::Value> {
    loop {
        match std::future::poll_fn(|context| Pin::new(&mut *socket).poll_next(context)).await? {
            Ok(Message::Text(text)) => {
                if let Ok(event) = serde_json::from_str(&text) {
                    return Some(event);
                }
            }
            Ok(Message::Close(_)) | Err(_) => return None,
            Ok(_) => {}
        }
    }
}
