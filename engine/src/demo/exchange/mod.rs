//! The demo's own exchange: a manager interface on loopback that places the calls it is told to, as an Asterisk does, and writes the
//! records of them. Nobody is rung: what comes of a call is in the number.

mod dialogue;
mod wire;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use adapters::control::asterisk_ami;
use anyhow::{Context, Result};
use generator::single::Single;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc::{self, Sender};
use tokio::sync::{Notify, Semaphore};
use tokio::time::Instant;

use super::books::Books;
use crate::pipeline::{now, say};
use dialogue::{Ordered, Said, Scene};
use wire::{BANNER, Commands, Told, written};

/// Who may sign in.
pub(crate) const USER: &str = "ringback";

/// The context in which its telephones dial, as the generated company's site file has it.
pub(crate) const CONTEXT: &str = "colleagues";

/// Connections at once.
const CONNECTIONS_MAX: usize = 8;

/// What is told and waits to be written; who does not read is left.
const UNWRITTEN_MAX: usize = 4096;

/// Calls that are placed at once.
const CALLS_MAX: usize = 64;

const READ_BYTES: usize = 16 * 1024;

/// Who has not signed in within this is left.
const SIGN_IN_WITHIN: Duration = Duration::from_secs(30);

/// The exchange.
pub(crate) struct Exchange {
    books: Books,
    /// Writes its records, one call at a time.
    single: Arc<Mutex<Single>>,
    secret: String,
    calls: Mutex<BTreeMap<String, Call>>,
    serial: AtomicU64,
}

/// A call that goes on.
struct Call {
    device: String,
    hangs_up: Arc<Notify>,
}

impl Exchange {
    /// Answers on loopback until the process ends; gives the address.
    ///
    /// # Errors
    /// If there is no port.
    pub(crate) async fn start(books: Books, single: Arc<Mutex<Single>>, secret: String) -> Result<SocketAddr> {
        let listener = TcpListener::bind("127.0.0.1:0").await.context("the demo's exchange has no port")?;
        let address = listener.local_addr()?;
        let serial = AtomicU64::new(books.exchange_records());
        let exchange = Arc::new(Exchange { books, single, secret, calls: Mutex::default(), serial });
        tokio::spawn(async move {
            let turns = Arc::new(Semaphore::new(CONNECTIONS_MAX));
            while let Ok((stream, _)) = listener.accept().await {
                let Ok(turn) = Arc::clone(&turns).try_acquire_owned() else { continue };
                let exchange = Arc::clone(&exchange);
                tokio::spawn(async move {
                    exchange.attend(stream).await;
                    drop(turn);
                });
            }
        });
        Ok(address)
    }

    fn calls(&self) -> std::sync::MutexGuard<'_, BTreeMap<String, Call>> {
        self.calls.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// One connection, to its end.
    async fn attend(self: Arc<Self>, stream: TcpStream) {
        let _ = stream.set_nodelay(true);
        let (mut read, mut write) = stream.into_split();
        let (sender, mut unwritten) = mpsc::channel::<Vec<u8>>(UNWRITTEN_MAX);
        let writer = tokio::spawn(async move {
            while let Some(bytes) = unwritten.recv().await {
                if write.write_all(&bytes).await.is_err() {
                    return;
                }
            }
        });
        let mut talk = Talk { exchange: Arc::clone(&self), sender, challenge: String::new(), is_signed_in: false };
        talk.tell(BANNER.to_vec());
        let (mut commands, mut bytes) = (Commands::default(), vec![0; READ_BYTES]);
        let since = Instant::now();
        loop {
            let left = SIGN_IN_WITHIN.saturating_sub(since.elapsed());
            let read = match talk.is_signed_in {
                true => read.read(&mut bytes).await,
                false => match tokio::time::timeout(left, read.read(&mut bytes)).await {
                    Ok(read) => read,
                    Err(_) => break,
                },
            };
            let Ok(read @ 1..) = read else { break };
            let Ok(told) = commands.push(&bytes[..read]) else { break };
            if !told.iter().all(|told| talk.hear(told)) {
                break;
            }
        }
        drop(talk);
        let _ = writer.await;
    }
}

/// What is said on one connection.
struct Talk {
    exchange: Arc<Exchange>,
    sender: Sender<Vec<u8>>,
    challenge: String,
    is_signed_in: bool,
}

impl Talk {
    /// Whoever does not read loses what is told.
    fn tell(&self, bytes: Vec<u8>) {
        let _ = self.sender.try_send(bytes);
    }

    fn answer(&self, told: &Told, response: &str, fields: &[(&str, &str)]) {
        let mut all = vec![("Response", response), ("ActionID", told.get("ActionID"))];
        all.extend_from_slice(fields);
        self.tell(written(&all));
    }

    /// Does what is told. False: the connection is closed.
    fn hear(&mut self, told: &Told) -> bool {
        let action = told.get("Action").to_ascii_lowercase();
        if !self.is_signed_in {
            return self.sign_in(told, &action);
        }
        match action.as_str() {
            "ping" => self.answer(told, "Success", &[("Ping", "Pong")]),
            "events" => self.answer(told, "Success", &[("Events", "On")]),
            "getvar" => self.variable(told),
            "originate" => self.originate(told),
            "hangup" => self.hang_up(told),
            "logoff" => {
                self.answer(told, "Goodbye", &[("Message", "Thanks for all the fish.")]);
                return false;
            }
            _ => self.answer(told, "Error", &[("Message", "Invalid/unknown command")]),
        }
        true
    }

    fn sign_in(&mut self, told: &Told, action: &str) -> bool {
        match action {
            "challenge" if told.get("AuthType").eq_ignore_ascii_case("MD5") => {
                let Ok(challenge) = crate::commands::user::secret(12) else { return false };
                self.challenge = challenge;
                self.answer(told, "Success", &[("Challenge", &self.challenge)]);
                true
            }
            "login" => {
                let key = asterisk_ami::key(&self.challenge, &self.exchange.secret);
                let is_right = !self.challenge.is_empty() && told.get("Username") == USER && told.get("Key") == key;
                self.is_signed_in = is_right;
                match is_right {
                    true => self.answer(told, "Success", &[("Message", "Authentication accepted")]),
                    false => self.answer(told, "Error", &[("Message", "Authentication failed")]),
                }
                is_right
            }
            _ => {
                self.answer(told, "Error", &[("Message", "Permission denied")]);
                false
            }
        }
    }

    /// A telephone is in use while one of the exchange's own calls is on it.
    fn variable(&self, told: &Told) {
        let asked = told.get("Variable");
        let device = asked.strip_prefix("DEVICE_STATE(").and_then(|rest| rest.strip_suffix(')'));
        let value = match device {
            Some(device) if self.exchange.calls().values().any(|call| call.device == device) => "INUSE",
            Some(_) => "NOT_INUSE",
            None => "",
        };
        self.answer(told, "Success", &[("Variable", asked), ("Value", value)]);
    }

    fn originate(&self, told: &Told) {
        let ordered = match Ordered::of(told) {
            Ok(ordered) => ordered,
            Err(why) => return self.answer(told, "Error", &[("Message", why)]),
        };
        let hangs_up = Arc::new(Notify::new());
        {
            let mut calls = self.exchange.calls();
            if calls.len() >= CALLS_MAX || calls.contains_key(&ordered.call) {
                drop(calls);
                return self.answer(told, "Error", &[("Message", "Originate failed")]);
            }
            let call = Call { device: ordered.device.clone(), hangs_up: Arc::clone(&hangs_up) };
            calls.insert(ordered.call.clone(), call);
        }
        self.answer(told, "Success", &[("Message", "Originate successfully queued")]);
        let exchange = Arc::clone(&self.exchange);
        let serial = exchange.serial.fetch_add(1, Ordering::Relaxed);
        let scene = dialogue::scene(&ordered, now(), serial);
        let sender = self.sender.clone();
        tokio::spawn(async move {
            let scene = played(scene, &sender, &hangs_up).await;
            exchange.calls().remove(&ordered.call);
            let written = tokio::task::spawn_blocking(move || exchange.write(&scene)).await;
            if let Ok(Err(error)) = written {
                say(&format!("the demo's exchange: {error:#}"));
            }
        });
    }

    fn hang_up(&self, told: &Told) {
        let call = self.exchange.calls().get(told.get("Channel")).map(|call| Arc::clone(&call.hangs_up));
        match call {
            Some(hangs_up) => {
                hangs_up.notify_one();
                self.answer(told, "Success", &[("Message", "Channel Hungup")]);
            }
            None => self.answer(told, "Error", &[("Message", "No such channel")]),
        }
    }
}

/// Tells everything at its moment; gives the call as it went.
async fn played(scene: Scene, sender: &Sender<Vec<u8>>, hangs_up: &Notify) -> Scene {
    let since = Instant::now();
    let tell = |said: &Said| {
        let fields: Vec<(&str, &str)> = said.fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let _ = sender.try_send(written(&fields));
    };
    for said in &scene.said {
        let at = since + Duration::from_millis(u64::try_from(said.after_ms).unwrap_or(0));
        tokio::select! {
            () = tokio::time::sleep_until(at) => tell(said),
            () = hangs_up.notified() => {
                let after_ms = i64::try_from(since.elapsed().as_millis()).unwrap_or(i64::MAX);
                let scene = scene.clone().hung_up(after_ms);
                scene.said.iter().for_each(tell);
                return scene;
            }
        }
    }
    scene
}

impl Exchange {
    fn write(&self, scene: &Scene) -> Result<()> {
        let rows = self.single.lock().unwrap_or_else(PoisonError::into_inner).placed(&scene.placed);
        self.books.put_call(&rows)
    }
}
