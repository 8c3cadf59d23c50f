//! One connection to Asterisk's manager interface, for as many commands and calls as there are.
//!
//! One task has the socket: it writes commands, reads what is told, and gives each answer and each event to whom it concerns.
//! When the connection is lost, whoever waits is told; who only waits to be written is told that nothing was sent.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use adapters::control::asterisk_ami::{self, Command, Follower, Reader, SignIn, Step, Told};
use adapters::control::{DialEnd, Limits, Order, Presence, Seen};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::sync::{Mutex, mpsc, oneshot};
use tokio::time::Instant;

use super::line::{self, Line};
use super::settings::ControlSettings;
use super::{Telephone, Unreachable, Watch};

/// Commands that wait to be written.
const UNWRITTEN_MAX: usize = 64;

/// What is told of one call and waits to be looked at; whoever does not look loses the call from sight.
const HEARD_MAX: usize = 1024;

/// The longest pause between two tries to connect, in seconds.
const RETRY_S_MAX: u32 = 60;

/// After a wrong secret it is not tried again for so long, in seconds: PBXs take whoever tries often for an attacker.
const REFUSED_RETRY_S: u32 = 300;

const READ_BYTES: usize = 16 * 1024;

pub(crate) struct Ami {
    pbx: String,
    settings: ControlSettings,
    folder: PathBuf,
    state: Mutex<State>,
    asked: AtomicU64,
}

#[derive(Default)]
struct State {
    live: Option<mpsc::Sender<Ask>>,
    failures: u32,
    /// Not before this moment, and why.
    pause: Option<(Instant, String)>,
}

/// What the task that has the socket is asked.
enum Ask {
    /// One command, one answer.
    Question { id: String, command: Command, answer: oneshot::Sender<Told> },
    /// A call, of which everything is told.
    Call {
        command: Command,
        follower: Follower,
        heard: mpsc::Sender<Told>,
        written: oneshot::Sender<Result<(), String>>,
    },
}

/// Why a connection could not be made.
enum Failed {
    Refused(String),
    Broken(String),
}

impl Ami {
    pub(crate) fn new(pbx: &str, settings: ControlSettings, folder: PathBuf) -> Ami {
        Ami { pbx: pbx.to_owned(), settings, folder, state: Mutex::default(), asked: AtomicU64::new(0) }
    }

    pub(crate) async fn presence(&self, telephone: &Telephone) -> Result<Presence, Unreachable> {
        let settings = &self.settings;
        if !settings.do_not_disturb_key.is_empty() {
            let key = settings.do_not_disturb_key.replace("{extension}", &telephone.extension);
            let answer = self.question(|id| Command::database(id, &key)).await?;
            let value = answer.get("Value").trim();
            if !value.is_empty() && !["0", "no", "off"].contains(&value.to_ascii_lowercase().as_str()) {
                return Ok(Presence::DoNotDisturb);
            }
        }
        let state = if settings.hint_context.is_empty() {
            let answer = self.question(|id| Command::device_state(id, &telephone.device)).await?;
            asterisk_ami::device_state(&answer)
        } else {
            let (context, extension) = (&settings.hint_context, &telephone.extension);
            let answer = self.question(|id| Command::extension_state(id, context, extension)).await?;
            asterisk_ami::extension_state(&answer)
        };
        Ok(state.unwrap_or(Presence::Unknown))
    }

    pub(crate) async fn dial(&self, order: &Order, limits: Limits) -> DialEnd {
        let id = self.next_id();
        let command = match Command::originate(&id, order) {
            Ok(command) => command,
            Err(error) => return DialEnd::NotSent(error.to_string()),
        };
        let live = match self.live().await {
            Ok(live) => live,
            Err(error) => return DialEnd::NotSent(error.why),
        };
        let (heard, mut told) = mpsc::channel(HEARD_MAX);
        let (written, is_written) = oneshot::channel();
        let follower = Follower::new(&order.call, &id);
        let ask = Ask::Call { command, follower: follower.clone(), heard, written };
        if live.try_send(ask).is_err() {
            return DialEnd::NotSent(format!("the connection to {} is gone or has no room", self.pbx));
        }
        let mut watch = Watch::start(limits);
        match is_written.await {
            Ok(Ok(())) => {}
            Ok(Err(why)) => return DialEnd::NotSent(why),
            // The task ended while it wrote.
            Err(_) => watch.hear(Seen::Lost),
        }
        let mut follower = follower;
        loop {
            if let Some(end) = watch.end() {
                return end;
            }
            let quiet = watch.quiet();
            tokio::select! {
                biased;
                told = told.recv() => match told {
                    Some(told) => {
                        if let Some(seen) = follower.see(&told) {
                            watch.hear(seen);
                        }
                    }
                    None => watch.hear(Seen::Lost),
                },
                () = tokio::time::sleep(quiet) => {
                    if watch.pass() {
                        self.hang_up(&live, &order.call).await;
                    }
                }
            }
        }
    }

    /// What comes of it is seen in the events of the call.
    async fn hang_up(&self, live: &mpsc::Sender<Ask>, call: &str) {
        let id = self.next_id();
        if let Ok(command) = Command::hang_up(&id, call) {
            let (answer, _) = oneshot::channel();
            let _ = live.send(Ask::Question { id, command, answer }).await;
        }
    }

    fn next_id(&self) -> String {
        format!("rb{}", self.asked.fetch_add(1, Ordering::Relaxed))
    }

    /// Asks, and waits for the answer.
    async fn question(
        &self,
        command: impl FnOnce(&str) -> Result<Command, adapters::control::Unwritable>,
    ) -> Result<Told, Unreachable> {
        let id = self.next_id();
        let unreachable = |why: String| Unreachable { why, retry_s: 1 };
        let command = command(&id).map_err(|error| unreachable(error.to_string()))?;
        let live = self.live().await?;
        let (answer, answered) = oneshot::channel();
        let pbx = &self.pbx;
        live.try_send(Ask::Question { id, command, answer })
            .map_err(|_| unreachable(format!("the connection to {pbx} is gone or has no room")))?;
        let within = Duration::from_secs(u64::from(self.settings.answer_s));
        match tokio::time::timeout(within, answered).await {
            Ok(Ok(told)) => Ok(told),
            Ok(Err(_)) => Err(unreachable(format!("the connection to {pbx} was lost"))),
            Err(_) => Err(unreachable(format!("{pbx} has not answered within {} s", self.settings.answer_s))),
        }
    }

    /// The connection; a new one where there is none.
    async fn live(&self) -> Result<mpsc::Sender<Ask>, Unreachable> {
        let mut state = self.state.lock().await;
        if let Some(live) = state.live.as_ref().filter(|live| !live.is_closed()) {
            return Ok(live.clone());
        }
        if let Some((until, why)) = &state.pause {
            let left = until.saturating_duration_since(Instant::now());
            if !left.is_zero() {
                let retry_s = u32::try_from(left.as_secs()).unwrap_or(RETRY_S_MAX) + 1;
                return Err(Unreachable {
                    why: format!("{}: {why}; it is tried again in {retry_s} s", self.pbx),
                    retry_s,
                });
            }
        }
        let (why, retry_s) = match self.connect().await {
            Ok(line) => {
                let (asks, asked) = mpsc::channel(UNWRITTEN_MAX);
                tokio::spawn(attend(line, asked, self.settings.clone()));
                *state = State { live: Some(asks.clone()), ..State::default() };
                return Ok(asks);
            }
            Err(Failed::Refused(why)) => (why, REFUSED_RETRY_S),
            Err(Failed::Broken(why)) => (why, (1 << state.failures.min(6)).min(RETRY_S_MAX)),
        };
        state.failures = state.failures.saturating_add(1);
        state.pause = Some((Instant::now() + Duration::from_secs(u64::from(retry_s)), why.clone()));
        Err(Unreachable { why: format!("{}: {why}", self.pbx), retry_s })
    }

    /// Connects and signs in.
    async fn connect(&self) -> Result<(Box<dyn Line>, Reader), Failed> {
        let secret = line::secret(&self.settings, &self.folder).map_err(Failed::Broken)?;
        let stream = line::connect(&self.settings, &self.folder).await.map_err(Failed::Broken)?;
        let within = Duration::from_secs(u64::from(self.settings.answer_s));
        match tokio::time::timeout(within, self.sign_in(stream, &secret)).await {
            Ok(signed_in) => signed_in,
            Err(_) => Err(Failed::Broken(format!("no manager interface answered within {} s", self.settings.answer_s))),
        }
    }

    async fn sign_in(&self, mut stream: Box<dyn Line>, secret: &str) -> Result<(Box<dyn Line>, Reader), Failed> {
        let sign_in = SignIn::new(&self.settings.user, secret);
        let mut reader = Reader::default();
        let mut bytes = vec![0; READ_BYTES];
        loop {
            let read = stream.read(&mut bytes).await.map_err(|error| Failed::Broken(error.to_string()))?;
            if read == 0 {
                return Err(Failed::Broken("the PBX closed the connection before we had signed in".to_owned()));
            }
            let mut told = Vec::new();
            let heard = reader.push(bytes.get(..read).unwrap_or_default(), |one| told.push(one));
            heard.map_err(|error| Failed::Broken(error.to_string()))?;
            for one in told {
                match sign_in.hear(&one).map_err(|error| Failed::Broken(error.to_string()))? {
                    Step::Wait => {}
                    Step::Send(command) => {
                        let written = stream.write_all(&command.bytes()).await;
                        written.map_err(|error| Failed::Broken(error.to_string()))?;
                    }
                    Step::Done => return Ok((stream, reader)),
                    Step::Refused(said) => {
                        let (user, file) = (&self.settings.user, self.settings.secret_file.display());
                        let why = format!(
                            "the PBX refused the user {user}: {said}; compare manager.conf with `user` and the secret in {file}"
                        );
                        return Err(Failed::Refused(why));
                    }
                }
            }
        }
    }
}

/// Who waits for what.
#[derive(Default)]
struct Waiting {
    answers: HashMap<String, oneshot::Sender<Told>>,
    calls: Vec<(Follower, mpsc::Sender<Told>)>,
}

impl Waiting {
    /// Who has given up does not wait any more.
    fn forget(&mut self) {
        self.answers.retain(|_, answer| !answer.is_closed());
    }

    fn hear(&mut self, told: &Told) {
        if told.is_answer()
            && let Some(answer) = self.answers.remove(told.get("ActionID"))
        {
            let _ = answer.send(told.clone());
            return;
        }
        // Who has ended does not listen any more, and who does not look has lost it from sight.
        self.calls.retain(|(follower, heard)| {
            !heard.is_closed() && (!follower.concerns(told) || heard.try_send(told.clone()).is_ok())
        });
    }
}

/// Has the socket until it is lost. When it returns, whoever waits is told by the end of their channel.
async fn attend(
    (mut stream, mut reader): (Box<dyn Line>, Reader),
    mut asks: mpsc::Receiver<Ask>,
    settings: ControlSettings,
) {
    let (ping, answer) = (u64::from(settings.ping_s), u64::from(settings.answer_s));
    let (ping, answer) = (Duration::from_secs(ping), Duration::from_secs(answer));
    let mut waiting = Waiting::default();
    let mut bytes = vec![0; READ_BYTES];
    let mut heard_at = Instant::now();
    let mut pinged_at = heard_at;
    loop {
        let next_ping = heard_at.max(pinged_at) + ping;
        tokio::select! {
            read = stream.read(&mut bytes) => {
                let Ok(read @ 1..) = read else { break };
                heard_at = Instant::now();
                if reader.push(bytes.get(..read).unwrap_or_default(), |told| waiting.hear(&told)).is_err() {
                    break;
                }
            }
            ask = asks.recv() => {
                // Nobody is left who could ask.
                let Some(ask) = ask else { break };
                let most = usize::try_from(settings.answers_waiting_max).unwrap_or(usize::MAX);
                if waiting.answers.len() >= most {
                    waiting.forget();
                }
                let is_full = waiting.answers.len() >= most;
                if !write(&mut stream, ask, &mut waiting, is_full, answer).await {
                    break;
                }
            }
            () = tokio::time::sleep_until(next_ping) => {
                if heard_at.elapsed() > ping + answer {
                    break;
                }
                pinged_at = Instant::now();
                waiting.forget();
                let Ok(command) = Command::ping("ping") else { break };
                if !matches!(tokio::time::timeout(answer, stream.write_all(&command.bytes())).await, Ok(Ok(()))) {
                    break;
                }
            }
        }
    }
    asks.close();
    while let Ok(ask) = asks.try_recv() {
        if let Ask::Call { written, .. } = ask {
            let _ = written.send(Err("the connection was lost before the command was sent".to_owned()));
        }
    }
}

/// Writes one command; false if the connection is of no use any more.
async fn write(stream: &mut Box<dyn Line>, ask: Ask, waiting: &mut Waiting, is_full: bool, within: Duration) -> bool {
    let is_written = async |stream: &mut Box<dyn Line>, command: &Command| {
        matches!(tokio::time::timeout(within, stream.write_all(&command.bytes())).await, Ok(Ok(())))
    };
    match ask {
        // Too many wait for an answer: who asks is told by the end of their channel.
        Ask::Question { .. } if is_full => true,
        Ask::Question { id, command, answer } => {
            waiting.answers.insert(id, answer);
            is_written(stream, &command).await
        }
        Ask::Call { command, follower, heard, written } => {
            // It listens before the command leaves: the first event may come before the answer.
            waiting.calls.push((follower, heard));
            let is_written = is_written(stream, &command).await;
            if is_written {
                let _ = written.send(Ok(()));
            }
            is_written
        }
    }
}
