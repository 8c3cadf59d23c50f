//! A manager interface of Asterisk for tests: it tells what a real one told in the dialogues, with every failure that a scenario chooses.
//!
//! A scenario is a JSON file, read again for each command, so that a test can change it while the peer runs:
//! `{"secret": "…", "log": FILE, "rules": [{"dialed_ends": "331", "device": "PJSIP/101", "play": "customer-busy"}]}`;
//! [`Scenario`] and [`Rule`] have every key. The first rule that fits a command decides.

pub mod dialogue;

use std::collections::HashMap;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use dialogue::{Dialogue, Said};
use serde::Deserialize;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;

/// How the peer behaves.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Scenario {
    /// Who may sign in.
    pub user: String,
    /// With this secret.
    pub secret: String,
    /// How many times faster than the real PBX it tells.
    pub speed: f64,
    /// It writes so many bytes at once; 0: whole.
    pub piece_bytes: usize,
    /// States of devices, in the words of the function `DEVICE_STATE`; others are `NOT_INUSE`.
    pub states: HashMap<String, String>,
    /// Values of the PBX's database.
    pub database: HashMap<String, String>,
    /// What is played for which command.
    pub rules: Vec<Rule>,
    /// What is played where no rule fits.
    pub play: String,
    /// Each command to place a call is added to this file, as a line of JSON.
    pub log: Option<PathBuf>,
    /// The rows of the calls are added to this file as the real PBX wrote them (`cdr_custom` of the dialogues).
    pub cdr: Option<PathBuf>,
    /// Printed times in the rows are so many seconds ahead of UTC.
    pub zone_s: i64,
}

impl Default for Scenario {
    fn default() -> Scenario {
        Scenario {
            user: "ringback".into(),
            secret: "peer-secret".into(),
            speed: 50.0,
            piece_bytes: 0,
            states: HashMap::new(),
            database: HashMap::new(),
            rules: Vec::new(),
            play: "answered".into(),
            log: None,
            cdr: None,
            zone_s: 0,
        }
    }
}

/// What is played for which command; what is left out fits every one.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Rule {
    /// The end of the number that the dialplan is to dial.
    pub dialed_ends: String,
    /// The device that is to ring.
    pub device: String,
    /// The dialogue.
    pub play: String,
    /// It is played up to here: the first event of this kind, or `Response`, is not told any more.
    pub stop_before: String,
    /// What then happens: `drop` closes the connection, `freeze` tells nothing of anything any more; empty: the call stays as it is.
    pub then: String,
    /// Milliseconds before the first thing is told.
    pub delay_ms: u64,
}

/// A running peer; it ends with its last owner.
pub struct Peer {
    /// Where it listens.
    pub address: String,
    task: tokio::task::JoinHandle<()>,
}

impl Drop for Peer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Listens on this port of the loopback; 0 takes a free one.
pub async fn start(scenario: &Path, port: u16) -> Peer {
    let listener = TcpListener::bind(("127.0.0.1", port)).await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let scenario = scenario.to_owned();
    let calls = Arc::new(AtomicU32::new(0));
    let task = tokio::spawn(async move {
        // Connections end with the peer, as those of a PBX that is stopped.
        let mut connections = tokio::task::JoinSet::new();
        loop {
            let Ok((stream, _)) = listener.accept().await else { continue };
            connections.spawn(Connection::new(scenario.clone(), Arc::clone(&calls)).attend(stream));
        }
    });
    Peer { address, task }
}

/// The scenario as it is now.
pub fn scenario(file: &Path) -> Scenario {
    let text = std::fs::read_to_string(file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", file.display()))
}

struct Connection {
    scenario: PathBuf,
    calls: Arc<AtomicU32>,
    is_signed_in: bool,
    is_frozen: Arc<AtomicBool>,
    challenge: String,
    /// What is being played, by the name of the call.
    playing: Arc<Mutex<HashMap<String, Playing>>>,
}

#[derive(Clone)]
struct Playing {
    task: Arc<tokio::task::AbortHandle>,
    action_id: String,
    device: String,
}

/// What the writer is told.
enum Tell {
    Bytes(Vec<u8>),
    /// Nothing is written any more, and the connection stays.
    Freeze,
    Close,
}

impl Connection {
    fn new(scenario: PathBuf, calls: Arc<AtomicU32>) -> Connection {
        Connection {
            scenario,
            calls,
            is_signed_in: false,
            is_frozen: Arc::default(),
            challenge: "700779483".into(),
            playing: Arc::default(),
        }
    }

    async fn attend(mut self, stream: TcpStream) {
        let (mut read, mut write) = stream.into_split();
        let (tell, mut told) = mpsc::channel::<Tell>(1024);
        let piece = scenario(&self.scenario).piece_bytes;
        let (closed, mut is_closed) = mpsc::channel::<()>(1);
        tokio::spawn(async move {
            let _closed = closed;
            while let Some(tell @ (Tell::Bytes(_) | Tell::Freeze)) = told.recv().await {
                let Tell::Bytes(bytes) = tell else { std::future::pending().await };
                let size = if piece == 0 { bytes.len() } else { piece };
                for bytes in bytes.chunks(size.max(1)) {
                    if write.write_all(bytes).await.is_err() {
                        return;
                    }
                    tokio::task::yield_now().await;
                }
            }
            let _ = write.shutdown().await;
        });
        let _ = tell.send(Tell::Bytes(b"Asterisk Call Manager/11.0.0\r\n".to_vec())).await;
        let (mut rest, mut bytes) = (String::new(), vec![0; 4096]);
        loop {
            let count = tokio::select! {
                count = read.read(&mut bytes) => count.unwrap_or(0),
                _ = is_closed.recv() => 0,
            };
            if count == 0 {
                return;
            }
            rest.push_str(&String::from_utf8_lossy(&bytes[..count]));
            while let Some(end) = rest.find("\r\n\r\n") {
                let command: Vec<String> = rest[..end].lines().map(str::to_owned).collect();
                rest.drain(..end + 4);
                let command = Said { by: "C".into(), lines: command, at_ms: 0 };
                if !self.answer(&command, &tell).await {
                    let _ = tell.send(Tell::Close).await;
                }
            }
        }
    }

    /// Answers one command; false closes the connection.
    async fn answer(&mut self, command: &Said, tell: &mpsc::Sender<Tell>) -> bool {
        if self.is_frozen.load(Ordering::SeqCst) {
            return true;
        }
        let scenario = scenario(&self.scenario);
        let id = command.get("ActionID").to_owned();
        let say = async |text: &str| {
            let told = Said { by: "S".into(), lines: text.lines().map(str::to_owned).collect(), at_ms: 0 };
            tell.send(Tell::Bytes(told.bytes())).await.is_ok()
        };
        let action = command.get("Action");
        if !self.is_signed_in && !["Challenge", "Login"].contains(&action) {
            say(&format!("Response: Error\nActionID: {id}\nMessage: Permission denied")).await;
            return false;
        }
        match action {
            "Challenge" => say(&format!("Response: Success\nActionID: {id}\nChallenge: {}", self.challenge)).await,
            "Login" => {
                let expected = md5(&format!("{}{}", self.challenge, scenario.secret));
                self.is_signed_in = command.get("Username") == scenario.user && command.get("Key") == expected;
                let (word, text) = if self.is_signed_in {
                    ("Success", "Authentication accepted")
                } else {
                    ("Error", "Authentication failed")
                };
                say(&format!("Response: {word}\nActionID: {id}\nMessage: {text}")).await && self.is_signed_in
            }
            "Events" => say(&format!("Response: Success\nActionID: {id}\nEvents: On")).await,
            "Ping" => {
                say(&format!("Response: Success\nActionID: {id}\nPing: Pong\nTimestamp: 1795382836.847019")).await
            }
            "Getvar" => {
                let variable = command.get("Variable");
                let inner = variable.split_once('(').map_or("", |(_, rest)| rest.trim_end_matches(')'));
                let value = if variable.starts_with("DB(") {
                    scenario.database.get(inner).cloned().unwrap_or_default()
                } else {
                    scenario.states.get(inner).cloned().unwrap_or_else(|| "NOT_INUSE".into())
                };
                say(&format!("Response: Success\nActionID: {id}\nVariable: {variable}\nValue: {value}")).await
            }
            "Originate" => {
                self.originate(command, &scenario, tell);
                true
            }
            "Hangup" => {
                let playing = self.playing.lock().unwrap().remove(command.get("Channel"));
                let Some(playing) = playing else {
                    return say(&format!("Response: Error\nActionID: {id}\nMessage: No such channel")).await;
                };
                playing.task.abort();
                let call = command.get("Channel");
                let (device, action_id) = (&playing.device, &playing.action_id);
                say(&format!("Response: Success\nActionID: {id}\nMessage: Channel Hungup")).await
                    && say(&format!("Event: OriginateResponse\nActionID: {action_id}\nResponse: Failure\nChannel: {device}\nReason: 0\nUniqueid: {call}")).await
                    && say(&format!("Event: Hangup\nChannel: {device}-00000011\nUniqueid: {call}\nLinkedid: {call}\nCause: 16\nCause-txt: Normal Clearing")).await
            }
            _ => say(&format!("Response: Error\nActionID: {id}\nMessage: Invalid/unknown command: {action}.")).await,
        }
    }

    fn originate(&self, command: &Said, scenario: &Scenario, tell: &mpsc::Sender<Tell>) {
        let nth = self.calls.fetch_add(1, Ordering::SeqCst);
        if let Some(log) = &scenario.log {
            add_line(log, &logged(command).to_string());
        }
        let fits = |rule: &&Rule| {
            command.get("Exten").ends_with(&rule.dialed_ends)
                && (rule.device.is_empty() || rule.device == command.get("Channel"))
        };
        let rule = scenario.rules.iter().find(fits).cloned().unwrap_or_default();
        let play = if rule.play.is_empty() { &scenario.play } else { &rule.play };
        let dialogue = dialogue::read(&dialogue::folder("asterisk_ami").join(format!("{play}.txt")));
        let told = told_for(command, &dialogue, nth);
        let rows = scenario.cdr.clone().map(|file| (file, rows_for(command, &dialogue, nth, scenario.zone_s)));
        let (tell, speed, call) = (tell.clone(), scenario.speed, command.get("ChannelId").to_owned());
        let (is_frozen, playing, named) = (Arc::clone(&self.is_frozen), Arc::clone(&self.playing), call.clone());
        let task = tokio::spawn(async move {
            tokio::time::sleep(Duration::from_millis(rule.delay_ms)).await;
            let mut at_ms = told.first().map_or(0, |said| said.at_ms);
            for said in told {
                let kind = if said.get("Event").is_empty() { "Response" } else { said.get("Event") };
                if !rule.stop_before.is_empty() && kind == rule.stop_before {
                    match rule.then.as_str() {
                        "drop" => drop(tell.send(Tell::Close).await),
                        "freeze" => {
                            is_frozen.store(true, Ordering::SeqCst);
                            drop(tell.send(Tell::Freeze).await);
                        }
                        _ => std::future::pending::<()>().await,
                    }
                    return;
                }
                let pause = (said.at_ms - at_ms) as f64 / speed;
                tokio::time::sleep(Duration::from_millis(pause as u64)).await;
                at_ms = said.at_ms;
                // The call goes on, and its rows are written, whether anybody listens or not.
                let _ = tell.send(Tell::Bytes(said.bytes())).await;
            }
            playing.lock().unwrap().remove(&named);
            if let Some((file, rows)) = rows {
                rows.iter().for_each(|row| add_line(&file, row));
            }
        });
        let playing = Playing {
            task: Arc::new(task.abort_handle()),
            action_id: command.get("ActionID").to_owned(),
            device: command.get("Channel").to_owned(),
        };
        self.playing.lock().unwrap().insert(call, playing);
    }
}

/// What is written of a command to place a call.
fn logged(command: &Said) -> serde_json::Value {
    let named = |line: &String| {
        line.strip_prefix("Variable: ")
            .and_then(|pair| pair.split_once('='))
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
    };
    let variables: HashMap<String, String> = command.lines.iter().filter_map(named).collect();
    serde_json::json!({
        "at_ms": now_ms(),
        "action_id": command.get("ActionID"),
        "channel": command.get("Channel"),
        "context": command.get("Context"),
        "exten": command.get("Exten"),
        "call": command.get("ChannelId"),
        "account": command.get("Account"),
        "caller_id": command.get("CallerID"),
        "timeout_ms": command.get("Timeout"),
        "variables": variables,
    })
}

fn now_ms() -> i64 {
    i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis()).unwrap()
}

/// Whole lines, so that a reader never sees half of one.
fn add_line(file: &Path, line: &str) {
    let mut file = std::fs::OpenOptions::new().create(true).append(true).open(file).unwrap();
    file.write_all(format!("{line}\n").as_bytes()).unwrap();
}

/// What stands in a dialogue, and what stands there for this command.
fn replaced(command: &Said, dialogue: &Dialogue, nth: u32) -> Vec<(String, String)> {
    let asked = dialogue.said.iter().find(|said| said.get("Action") == "Originate").unwrap();
    let mut pairs: Vec<(String, String)> = ["ChannelId", "Channel", "Exten", "ActionID"]
        .iter()
        .map(|field| (asked.get(field).to_owned(), command.get(field).to_owned()))
        .collect();
    // Channels of the customer have other ids in each call.
    let (call, mut made) = (asked.get("ChannelId"), Vec::new());
    for said in &dialogue.said {
        for id in ["Uniqueid", "DestUniqueid"].map(|field| said.get(field)) {
            let is_new = !id.is_empty() && !id.starts_with(call) && !id.starts_with('<') && !made.contains(&id);
            if is_new {
                made.push(id);
                let second = id.split('.').next().unwrap_or_default();
                pairs.push((id.to_owned(), format!("{second}.{}", 100_000 + nth as usize * 10 + made.len())));
            }
        }
    }
    pairs.retain(|(from, _)| !from.is_empty());
    // The longest first, since one may begin another.
    pairs.sort_by_key(|(from, _)| std::cmp::Reverse(from.len()));
    pairs
}

fn replace(line: &str, pairs: &[(String, String)]) -> String {
    // In two steps, so that what was put in is not replaced again.
    let mut line = line.to_owned();
    for (index, (from, _)) in pairs.iter().enumerate() {
        line = line.replace(from, &format!("\u{1}{index}\u{2}"));
    }
    for (index, (_, to)) in pairs.iter().enumerate() {
        line = line.replace(&format!("\u{1}{index}\u{2}"), to);
    }
    line
}

/// What the PBX tells after the command.
fn told_for(command: &Said, dialogue: &Dialogue, nth: u32) -> Vec<Said> {
    let pairs = replaced(command, dialogue, nth);
    let is_command = |said: &Said| said.get("Action") == "Originate";
    let after = dialogue.said.iter().skip_while(|said| !is_command(said)).skip(1);
    let mut told: Vec<Said> = after.filter(|said| said.by == "S").cloned().collect();
    for said in &mut told {
        for line in &mut said.lines {
            if !line.starts_with("Timestamp:") {
                *line = replace(line, &pairs);
            }
        }
    }
    told
}

/// The rows that the real PBX wrote of this dialogue, moved to now.
fn rows_for(command: &Said, dialogue: &Dialogue, nth: u32, zone_s: i64) -> Vec<String> {
    const FORM: &str = "%Y-%m-%d %H:%M:%S";
    let file = dialogue::folder("asterisk_ami").join(format!("{}.cdr-full.csv", dialogue.name));
    let Ok(text) = std::fs::read_to_string(file) else { return Vec::new() };
    let pairs = replaced(command, dialogue, nth);
    let local = |text: &str| chrono::NaiveDateTime::parse_from_str(text, FORM).ok();
    let first = text.split('"').filter_map(local).min();
    let started = chrono::DateTime::from_timestamp(now_ms() / 1000 + zone_s, 0).unwrap().naive_utc();
    let mut rows = Vec::new();
    for (index, row) in text.lines().enumerate() {
        let row = replace(row, &pairs);
        let moved: Vec<String> = row
            .split('"')
            .map(|part| match (local(part), first) {
                (Some(at), Some(first)) => (started + (at - first)).format(FORM).to_string(),
                _ => part.to_owned(),
            })
            .collect();
        rows.push(sequenced(&moved.join("\""), nth * 10 + u32::try_from(index).unwrap()));
    }
    rows
}

/// The row with another number in its sequence, the third column from the end.
fn sequenced(row: &str, sequence: u32) -> String {
    let parts: Vec<&str> = row.rsplitn(4, ',').collect();
    match parts.as_slice() {
        [last, before, _, rest] => format!("{rest},\"{}\",{before},{last}", 900_000 + sequence),
        _ => row.to_owned(),
    }
}

/// Told by the product's own codec, so that this file has none: the dialogue with a real PBX proves it.
fn md5(text: &str) -> String {
    let command = adapters::control::asterisk_ami::Command::login("x", "x", text, "").unwrap();
    let sent = String::from_utf8(command.bytes()).unwrap();
    sent.lines().find_map(|line| line.strip_prefix("Key: ")).unwrap().to_owned()
}
