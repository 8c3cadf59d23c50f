//! Asterisk's manager interface: bytes to what it told, commands to bytes, and which of what it told is about one call back.
//!
//! docs.asterisk.org, *AMI v2 specification*; `manager.conf`. Port 5038, 5039 with TLS. Lines end in CR LF, a blank line ends what is told;
//! the first line after connecting is the banner. Answers and events are mixed, and events of several calls are interleaved.
//! It fails in these ways: a wrong user or secret is answered and the connection closed; a command without the right to it is
//! answered with `Permission denied`; a number that the dialplan does not have is refused at once;
//! an unknown device is taken, and only the event `OriginateResponse` says that it failed.

use super::dialing::{Refusal, Seen, Side};
use super::{OWN_ACCOUNT, Order, Presence, Unwritable, dialable, md5, name, own, writable};

/// What is told at once is shorter, or the other side is no manager interface.
pub const TOLD_BYTES_MAX: usize = 256 * 1024;

/// What the interface told: an answer to a command, an event, or the banner.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Told {
    fields: Vec<(String, String)>,
}

impl Told {
    /// The first value of this field; empty where there is none.
    #[must_use]
    pub fn get(&self, field: &str) -> &str {
        self.fields.iter().find(|(known, _)| known.eq_ignore_ascii_case(field)).map_or("", |(_, value)| value)
    }

    /// True for the line that comes first.
    #[must_use]
    pub fn is_banner(&self) -> bool {
        self.fields.first().is_some_and(|(name, _)| name == BANNER)
    }

    /// True for an answer to a command, whose `ActionID` it has.
    #[must_use]
    pub fn is_answer(&self) -> bool {
        self.get("Event").is_empty() && !self.get("Response").is_empty()
    }
}

/// The name of the banner's only field; no field of the interface is called so.
const BANNER: &str = "";

/// The other side told more at once than any manager interface does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooLong;

impl std::fmt::Display for TooLong {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "more than {TOLD_BYTES_MAX} bytes without a blank line: this is no manager interface of Asterisk")
    }
}

impl std::error::Error for TooLong {}

/// Bytes as they come, cut anywhere, to what was told.
#[derive(Clone, Debug, Default)]
pub struct Reader {
    rest: Vec<u8>,
    has_banner: bool,
}

impl Reader {
    /// Takes bytes, and gives what is whole by now.
    ///
    /// # Errors
    /// If too much is told at once; then the connection is of no use any more.
    pub fn push(&mut self, bytes: &[u8], mut each: impl FnMut(Told)) -> Result<(), TooLong> {
        self.rest.extend_from_slice(bytes);
        let mut from = 0;
        while let Some((told, read)) = self.whole(from) {
            from += read;
            if let Some(told) = told {
                each(told);
            }
        }
        self.rest.drain(..from);
        if self.rest.len() > TOLD_BYTES_MAX { Err(TooLong) } else { Ok(()) }
    }

    /// What is whole from this byte on, and how many bytes it has; blank lines alone are nothing.
    fn whole(&mut self, from: usize) -> Option<(Option<Told>, usize)> {
        let rest = self.rest.get(from..)?;
        if !self.has_banner {
            let end = memchr::memchr(b'\n', rest)?;
            self.has_banner = true;
            let banner = String::from_utf8_lossy(rest.get(..end)?).trim_end().to_owned();
            return Some((Some(Told { fields: vec![(BANNER.to_owned(), banner)] }), end + 1));
        }
        let (mut fields, mut at) = (Vec::new(), 0);
        loop {
            let line = rest.get(at..)?;
            let end = memchr::memchr(b'\n', line)?;
            let text = String::from_utf8_lossy(line.get(..end)?);
            let text = text.trim_end_matches('\r');
            at += end + 1;
            if text.is_empty() {
                let told = (!fields.is_empty()).then_some(Told { fields });
                return Some((told, at));
            }
            // A line without a colon belongs to the output of a command that nobody here sends.
            if let Some((field, value)) = text.split_once(':') {
                fields.push((field.trim().to_owned(), value.strip_prefix(' ').unwrap_or(value).to_owned()));
            }
        }
    }
}

/// A command as bytes. Its values cannot end a line, so that no value can be a command of its own.
#[derive(Clone, PartialEq, Eq)]
pub struct Command {
    text: String,
}

impl std::fmt::Debug for Command {
    // A key made from the secret may be in it.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Command").field("action", &self.text.lines().next().unwrap_or_default()).finish()
    }
}

impl Command {
    fn new(action: &str, action_id: &str) -> Result<Command, Unwritable> {
        Command { text: format!("Action: {action}\r\n") }.with("ActionID", "action id", action_id)
    }

    fn with(mut self, field: &str, what: &'static str, value: &str) -> Result<Command, Unwritable> {
        let value = writable(what, value)?;
        self.text.push_str(&format!("{field}: {value}\r\n"));
        Ok(self)
    }

    /// What is sent.
    #[must_use]
    pub fn bytes(&self) -> Vec<u8> {
        format!("{}\r\n", self.text).into_bytes()
    }

    /// Asks for a challenge, so that the secret need not be sent.
    ///
    /// # Errors
    /// If the id cannot be written.
    pub fn challenge(action_id: &str) -> Result<Command, Unwritable> {
        Command::new("Challenge", action_id)?.with("AuthType", "kind of challenge", "MD5")
    }

    /// Signs in with the answer to a challenge.
    ///
    /// # Errors
    /// If the user's name cannot be written.
    pub fn login(action_id: &str, user: &str, challenge: &str, secret: &str) -> Result<Command, Unwritable> {
        let key = key(challenge, secret);
        Command::new("Login", action_id)?
            .with("AuthType", "kind of challenge", "MD5")?
            .with("Username", "user", user)?
            .with("Key", "key", &key)?
            .with("Events", "events", "off")
    }

    /// Asks for the events of calls.
    ///
    /// # Errors
    /// If the id cannot be written.
    pub fn events(action_id: &str) -> Result<Command, Unwritable> {
        Command::new("Events", action_id)?.with("EventMask", "events", "call")
    }

    /// Asks for a sign of life.
    ///
    /// # Errors
    /// If the id cannot be written.
    pub fn ping(action_id: &str) -> Result<Command, Unwritable> {
        Command::new("Ping", action_id)
    }

    /// Asks for the state of a device.
    ///
    /// # Errors
    /// If the device's name is none.
    pub fn device_state(action_id: &str, device: &str) -> Result<Command, Unwritable> {
        let asked = format!("DEVICE_STATE({})", name("device", device)?);
        Command::new("Getvar", action_id)?.with("Variable", "device", &asked)
    }

    /// Asks for a value of the PBX's own database.
    ///
    /// # Errors
    /// If the key is none.
    pub fn database(action_id: &str, key: &str) -> Result<Command, Unwritable> {
        let asked = format!("DB({})", name("database key", key)?);
        Command::new("Getvar", action_id)?.with("Variable", "database key", &asked)
    }

    /// Asks for the state of an extension by its hint.
    ///
    /// # Errors
    /// If the context or the extension is none.
    pub fn extension_state(action_id: &str, context: &str, extension: &str) -> Result<Command, Unwritable> {
        Command::new("ExtensionState", action_id)?.with("Context", "context", name("context", context)?)?.with(
            "Exten",
            "extension",
            dialable("extension", extension)?,
        )
    }

    /// Rings a telephone of ours, and has the dialplan dial the customer when it is taken.
    ///
    /// # Errors
    /// If a value of the order cannot be written: then nothing is sent.
    pub fn originate(action_id: &str, order: &Order) -> Result<Command, Unwritable> {
        let (shown_name, shown_number) = &order.shown;
        if shown_name.contains(['"', '<', '>', '\\']) {
            return Err(Unwritable { field: "name that the telephone shows" });
        }
        let shown = format!("\"{shown_name}\" <{}>", dialable("number that the telephone shows", shown_number)?);
        let ring_ms = u64::from(order.ring_s) * 1000;
        let key = name("action key", &order.action_key)?;
        Command::new("Originate", action_id)?
            .with("Channel", "device", name("device", &order.device)?)?
            .with("Context", "context", name("context", &order.context)?)?
            .with("Exten", "customer's number", dialable("customer's number", &order.dialed)?)?
            .with("Priority", "priority", "1")?
            .with("CallerID", "name and number that the telephone shows", &shown)?
            .with("Timeout", "time to ring", &ring_ms.to_string())?
            .with("Async", "mode", "true")?
            .with("ChannelId", "name of the call", name("name of the call", &order.call)?)?
            .with("Account", "account", OWN_ACCOUNT)?
            .with("Variable", "action key", &format!("RINGBACK_ACTION={key}"))?
            .with("Variable", "name of the call", &format!("CDR(userfield)={}{}", own::OWN_USER_FIELD, order.call))
    }

    /// Ends a call that takes too long.
    ///
    /// # Errors
    /// If the call's name cannot be written.
    pub fn hang_up(action_id: &str, call: &str) -> Result<Command, Unwritable> {
        Command::new("Hangup", action_id)?.with("Channel", "name of the call", name("name of the call", call)?)
    }
}

/// The answer to a challenge: who has it knows the secret.
#[must_use]
pub fn key(challenge: &str, secret: &str) -> String {
    md5::hex(format!("{challenge}{secret}").as_bytes())
}

/// What comes of an attempt to sign in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Send this, and wait for the answer.
    Send(Command),
    /// Nothing of it concerned signing in.
    Wait,
    /// Signed in, and events are on.
    Done,
    /// Refused; to try again with the same user and secret only gets this address onto a list of attackers.
    Refused(String),
}

/// The way from the banner to a connection that hears events. The secret never goes over the wire.
pub struct SignIn {
    user: String,
    secret: String,
}

impl SignIn {
    /// With the user and the secret of `manager.conf`.
    #[must_use]
    pub fn new(user: &str, secret: &str) -> SignIn {
        SignIn { user: user.to_owned(), secret: secret.to_owned() }
    }

    /// Takes what was told.
    ///
    /// # Errors
    /// If the user's name cannot be written.
    pub fn hear(&self, told: &Told) -> Result<Step, Unwritable> {
        if told.is_banner() {
            return Command::challenge("sign-in-1").map(Step::Send);
        }
        if !told.is_answer() {
            return Ok(Step::Wait);
        }
        let is_taken = told.get("Response") == "Success";
        let refused = || Ok(Step::Refused(told.get("Message").to_owned()));
        match told.get("ActionID") {
            "sign-in-1" if is_taken => {
                Command::login("sign-in-2", &self.user, told.get("Challenge"), &self.secret).map(Step::Send)
            }
            "sign-in-2" if is_taken => Command::events("sign-in-3").map(Step::Send),
            "sign-in-3" if is_taken => Ok(Step::Done),
            "sign-in-1" | "sign-in-2" | "sign-in-3" => refused(),
            _ => Ok(Step::Wait),
        }
    }
}

/// The state of a device in the answer to [`Command::device_state`]; `None` for an answer that is none.
#[must_use]
pub fn device_state(answer: &Told) -> Option<Presence> {
    (answer.get("Response") == "Success").then(|| Presence::of_device_state(answer.get("Value")))
}

/// The state of an extension in the answer to [`Command::extension_state`]; `None` for an answer that is none.
#[must_use]
pub fn extension_state(answer: &Told) -> Option<Presence> {
    if answer.get("Response") != "Success" {
        return None;
    }
    let bits: i32 = answer.get("Status").trim().parse().ok()?;
    // 1 in use, 2 busy, 4 unavailable, 8 ringing, 16 on hold; -1 no hint, -2 removed.
    Some(match bits {
        0 => Presence::Available,
        _ if bits < 0 => Presence::Unknown,
        _ if bits & (1 | 2 | 16) != 0 => Presence::Busy,
        _ if bits & 8 != 0 => Presence::Ringing,
        _ => Presence::Offline,
    })
}

/// Tells which of what was told is about one call back, and what it shows of it.
#[derive(Clone, Debug)]
pub struct Follower {
    call: String,
    action_id: String,
    customer: String,
}

impl Follower {
    /// Follows the call of this name, placed by the command with this id.
    #[must_use]
    pub fn new(call: &str, action_id: &str) -> Follower {
        Follower { call: call.to_owned(), action_id: action_id.to_owned(), customer: String::new() }
    }

    /// True if it is about this call.
    #[must_use]
    pub fn concerns(&self, told: &Told) -> bool {
        told.get("ActionID") == self.action_id
            || ["Uniqueid", "DestUniqueid", "Linkedid", "DestLinkedid"].iter().any(|id| told.get(id) == self.call)
    }

    /// What it shows.
    pub fn see(&mut self, told: &Told) -> Option<Seen> {
        let is_mine = told.get("ActionID") == self.action_id;
        let kind = told.get("Event");
        if is_mine && told.is_answer() {
            return Some(match told.get("Response") {
                "Success" => Seen::Accepted,
                _ => refused(told.get("Message")),
            });
        }
        if is_mine && kind == "OriginateResponse" {
            return Some(match told.get("Response") {
                "Success" => Seen::Answered(Side::Ours),
                _ => Seen::GaveUp { timed_out: told.get("Reason") == "3" },
            });
        }
        let (channel, made) = (told.get("Uniqueid"), told.get("DestUniqueid"));
        let side = |is_from_ours: bool| if is_from_ours { Side::Customer } else { Side::Ours };
        let is_from_ours = channel == self.call;
        match kind {
            "Newchannel" if is_from_ours => Some(Seen::Made(Side::Ours)),
            "DialBegin" if is_from_ours => {
                made.clone_into(&mut self.customer);
                Some(Seen::Rings(Side::Customer))
            }
            "DialBegin" if made == self.call => Some(Seen::Rings(Side::Ours)),
            "DialEnd" if is_from_ours || made == self.call => {
                let side = side(is_from_ours);
                Some(match told.get("DialStatus") {
                    "ANSWER" => Seen::Answered(side),
                    word => Seen::NotAnswered(side, word.to_owned()),
                })
            }
            "Hangup" if is_from_ours || !self.customer.is_empty() && channel == self.customer => {
                let side = side(!is_from_ours);
                let cause = told.get("Cause").trim().parse().unwrap_or(0);
                Some(Seen::Gone { side, cause, sip: told.get("TechCause").trim().parse().ok() })
            }
            _ => None,
        }
    }
}

/// What `Response: Error` to the command means.
fn refused(text: &str) -> Seen {
    let refusal = match text {
        "Permission denied" => Refusal::Grant,
        _ if text.starts_with("Originate Access Forbidden") => Refusal::Grant,
        "Authentication failed" | "Authentication Required" => Refusal::SignIn,
        _ => Refusal::Value,
    };
    Seen::Refused(refusal, text.to_owned())
}
