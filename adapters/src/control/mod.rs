//! Codecs of call control: what is told to a PBX and what it answers, as bytes and as values. One interface, one file.
//!
//! Pure, as everything in this crate: the sockets and the clock are with whoever calls.

pub mod asterisk_ami;
pub mod asterisk_ari;
pub mod dialing;
mod md5;
mod own;

pub use dialing::{CustomerEnd, DialEnd, Dialing, Limits, PersonEnd, Refusal, Seen, Side};
pub use own::{OWN_ACCOUNT, OWN_PREFIX, call_name, is_own};

/// THE LIST: the interfaces by which a PBX can be told to place calls, each with what it is in the manual's words.
pub const CONTROLS: [(&str, &str); 2] = [
    ("asterisk_ami", "Asterisk, FreePBX: manager interface (AMI), manager.conf"),
    ("asterisk_ari", "Asterisk, FreePBX: REST interface (ARI), ari.conf and http.conf"),
];

/// What a PBX says of a telephone at this moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Presence {
    /// It is registered, and nobody talks on it.
    Available,
    /// Somebody talks on it, or holds a call.
    Busy,
    /// It rings.
    Ringing,
    /// Its owner does not want to be rung.
    DoNotDisturb,
    /// It is not registered, or there is none of this name.
    Offline,
    /// The PBX does not know.
    Unknown,
}

impl Presence {
    /// For people.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Presence::Available => "available",
            Presence::Busy => "busy",
            Presence::Ringing => "ringing",
            Presence::DoNotDisturb => "do not disturb",
            Presence::Offline => "offline",
            Presence::Unknown => "unknown",
        }
    }

    /// Reads what Asterisk calls the state of a device: `AST_DEVICE_STATE` in the words of the function `DEVICE_STATE`.
    #[must_use]
    pub fn of_device_state(state: &str) -> Presence {
        match state.trim().to_ascii_uppercase().as_str() {
            "NOT_INUSE" => Presence::Available,
            "INUSE" | "BUSY" | "ONHOLD" | "RINGINUSE" => Presence::Busy,
            "RINGING" => Presence::Ringing,
            "UNAVAILABLE" | "INVALID" => Presence::Offline,
            _ => Presence::Unknown,
        }
    }
}

/// A call back as a PBX is told to place it: first the telephone of one of ours is rung, then its dialplan dials the customer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Order {
    /// The name of the call that is made, from [`call_name`]: the unique id of the first channel.
    pub call: String,
    /// The key of the action, for whoever reads the PBX's own log.
    pub action_key: String,
    /// The telephone of one of ours as the PBX dials it: `PJSIP/101`.
    pub device: String,
    /// The context of the dialplan in which a telephone of ours dials outside numbers.
    pub context: String,
    /// The customer's number as that context wants it dialed.
    pub dialed: String,
    /// What the rung telephone shows: a name and a number.
    pub shown: (String, String),
    /// How long the telephone of one of ours rings, in seconds.
    pub ring_s: u32,
}

/// A value that cannot be written into a command, because it would end its line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unwritable {
    /// Which value.
    pub field: &'static str,
}

impl std::fmt::Display for Unwritable {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "the {} holds a control character, or one that would end its value in a command: nothing was sent to the PBX",
            self.field
        )
    }
}

impl std::error::Error for Unwritable {}

/// Longer values have no place in a command.
const VALUE_BYTES_MAX: usize = 1024;

/// The value, if it can stand in a command as it is.
pub(crate) fn writable<'v>(field: &'static str, value: &'v str) -> Result<&'v str, Unwritable> {
    if value.len() > VALUE_BYTES_MAX || value.chars().any(char::is_control) {
        Err(Unwritable { field })
    } else {
        Ok(value)
    }
}

/// What a dialplan dials: digits, with a plus before them, `*` and `#`.
pub(crate) fn dialable<'v>(field: &'static str, value: &'v str) -> Result<&'v str, Unwritable> {
    let rest = value.strip_prefix('+').unwrap_or(value);
    let is_dialed = !rest.is_empty() && rest.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'*' | b'#'));
    if is_dialed { Ok(value) } else { Err(Unwritable { field }) }
}

/// A device's name, a context's name: nothing that parts values in a command or in the dialplan.
pub(crate) fn name<'v>(field: &'static str, value: &'v str) -> Result<&'v str, Unwritable> {
    let is_name = |c: char| c.is_ascii_alphanumeric() || "/_-.@:;+*#".contains(c);
    if !value.is_empty() && value.len() <= VALUE_BYTES_MAX && value.chars().all(is_name) {
        Ok(value)
    } else {
        Err(Unwritable { field })
    }
}
