//! What Asterisk's three record formats share: channel names, unique ids, what is at the end of a channel, what an application is.
//!
//! Sources: Asterisk's CDR specification, CEL specification and channel naming (docs.asterisk.org);
//! `cdr-formats/asterisk.md`.

use crate::adapter::{EXTENSION_DIGITS_MAX, Settings, looks_like_extension};
use crate::clock;
use crate::fields::find;
use crate::leg::{End, EndKind, Moment, Stage, Text};
use crate::zoned::{self, Stamp};

/// A channel's device: `PJSIP/101-0000003b` is a channel of `PJSIP/101`.
/// The last hyphen parts them, so that `PJSIP/any-line-00000015` is one of `PJSIP/any-line`.
pub(crate) fn device(channel: &str) -> &str {
    let channel = channel.strip_suffix("<ZOMBIE>").unwrap_or(channel);
    let channel = before(channel, b';');
    memchr::memrchr(b'-', channel.as_bytes()).map_or(channel, |at| &channel[..at])
}

/// The interface of what may be one or a channel of it: only a channel's number has eight hexadecimal digits.
pub(crate) fn interface(name: &str) -> &str {
    match name.rsplit_once('-') {
        Some((interface, made)) if made.len() >= 8 && made.bytes().all(|b| b.is_ascii_hexdigit()) => interface,
        _ => name,
    }
}

/// The channel without what a masquerade put around its name (`AsyncGoto/SIP/1-1`, `Transfered/SIP/1-1`, `…<ZOMBIE>`).
pub(crate) fn channel_name(channel: &str) -> &str {
    let channel = channel.strip_suffix("<ZOMBIE>").unwrap_or(channel);
    ["AsyncGoto/", "Transfered/", "Parked/", "Surrogate/"]
        .iter()
        .fold(channel, |name, prefix| name.strip_prefix(prefix).unwrap_or(name))
}

/// `Local/x@context-1234;1` and `;2` are two halves of one joint: what they share.
pub(crate) fn joint(channel: &str) -> Option<&str> {
    let channel = channel_name(channel);
    if !channel.starts_with("Local/") {
        return None;
    }
    Some(channel.strip_suffix(";1").or_else(|| channel.strip_suffix(";2")).unwrap_or(channel))
}

/// The device's own name: `101` of `PJSIP/101`, `105` of `Local/105@somewhere`.
pub(crate) fn peer(device: &str) -> &str {
    before(find(b'/', device.as_bytes()).map_or(device, |at| &device[at + 1..]), b'@')
}

/// What stands before the first such byte, which is ASCII; all of it if there is none.
fn before(text: &str, byte: u8) -> &str {
    parted(text, byte).map_or(text, |(before, _)| before)
}

/// What stands before the first such byte, which is ASCII, and after it.
fn parted(text: &str, byte: u8) -> Option<(&str, &str)> {
    find(byte, text.as_bytes()).map(|at| (&text[..at], &text[at + 1..]))
}

/// A unique id, `[systemname-]1795381797.72`; that of a joint's far half is its near half's with `;2`, where somebody named it.
#[derive(Clone, Copy)]
pub(crate) struct UniqueId {
    /// The second in which the channel was made.
    second: i64,
    /// How many channels were made before it.
    counter: u64,
}

impl UniqueId {
    /// Reads one without blanks around it; `None` for anything else.
    pub(crate) fn of(bytes: &[u8]) -> Option<UniqueId> {
        let (bytes, after) = bytes.strip_suffix(b";2").map_or((bytes, 0), |near| (near, 1));
        let dot = memchr::memrchr(b'.', bytes)?;
        let (second, counter) = (&bytes[..dot], &bytes[dot + 1..]);
        let second = memchr::memrchr(b'-', second).map_or(second, |at| &second[at + 1..]);
        if !(9..=11).contains(&second.len()) {
            return None;
        }
        Some(UniqueId {
            second: i64::try_from(counted(second)?).ok()?,
            counter: counted(counter)?.saturating_add(after),
        })
    }

    /// When its channel was made, to the second.
    pub(crate) fn moment(self) -> Moment {
        Moment(self.second * 1000)
    }

    /// The order in which channels were made: by second, then by counter.
    pub(crate) fn order(self) -> u64 {
        u64::try_from(self.second).unwrap_or(0).saturating_mul(1 << 24).saturating_add(self.counter.min((1 << 24) - 1))
    }
}

/// Digits, and perhaps a plus before them, as a number.
fn counted(bytes: &[u8]) -> Option<u64> {
    /// As many digits as no number is too large for.
    const SAFE_DIGITS: usize = 19;
    let digits = bytes.strip_prefix(b"+").unwrap_or(bytes);
    if digits.len() > SAFE_DIGITS {
        return std::str::from_utf8(digits).ok()?.parse().ok();
    }
    let (mut number, mut is_number) = (0_u64, !digits.is_empty());
    for byte in digits {
        let digit = byte.wrapping_sub(b'0');
        is_number &= digit < 10;
        number = number.wrapping_mul(10).wrapping_add(u64::from(digit));
    }
    is_number.then_some(number)
}

/// A printed time: with an offset of its own (PostgreSQL's `timestamptz`), in the site's zone, or in the one that the channel's
/// making proves. Months and days of one digit stand in the specification's own examples.
pub(crate) fn moment(bytes: &[u8], settings: &Settings, proof: Option<Moment>) -> Option<Moment> {
    let stamp = stamp(bytes)?;
    if let Some(moment) = stamp.moment() {
        return Some(moment);
    }
    let local = stamp.local;
    Some(match (settings.zone, proof) {
        (Some(zone), near) => clock::in_zone(local, zone, near),
        (None, Some(proof)) => clock::by_proof(local, proof),
        (None, None) => Moment(local.0),
    })
}

/// A printed time as it stands.
pub(crate) fn stamp(bytes: &[u8]) -> Option<Stamp> {
    zoned::stamp(bytes).or_else(|| zoned::stamp(&padded(bytes)?))
}

/// `2026-3-4 …` as `2026-03-04 …`.
fn padded(bytes: &[u8]) -> Option<Vec<u8>> {
    let bytes = bytes.trim_ascii();
    let (date, time) = bytes.split_at(bytes.iter().position(|b| matches!(b, b' ' | b'T'))?);
    let mut padded = Vec::with_capacity(bytes.len() + 2);
    for part in date.split_inclusive(|b| matches!(b, b'-' | b'/')) {
        if part.iter().filter(|b| b.is_ascii_digit()).count() == 1 {
            padded.push(b'0');
        }
        padded.extend_from_slice(part);
    }
    padded.extend_from_slice(time);
    Some(padded)
}

/// What is at the end of a channel. `number` is what the record says of the caller or callee there:
/// it helps only where no site file names the device.
pub(crate) fn end(channel: &str, number: &str, settings: &Settings) -> End {
    let name = channel_name(channel);
    let device = device(name);
    let peer = peer(device);
    let mut end = End { channel: name.into(), device: device.into(), ..End::default() };
    if let Some(joint) = joint(name) {
        end.kind = EndKind::Joint;
        end.channel = joint.into();
        end.number = peer.into();
        return end;
    }
    if let Some(trunk) = settings.trunk(name).or_else(|| settings.trunk(device)) {
        end.kind = EndKind::Outside;
        end.trunk = trunk.clone();
        end.number = number.into();
        return end;
    }
    if let Some(extension) = settings.devices.get(device) {
        end.kind = EndKind::Person;
        end.number = extension.clone();
        return end;
    }
    let known = !settings.extensions.is_empty();
    if known && settings.extensions.contains(peer) {
        end.kind = EndKind::Person;
        end.number = peer.into();
        return end;
    }
    // Nobody told us of this device. A long number on it, or none that is shown, makes it a line; all else is a telephone,
    // known by the number that it shows, or by its own name.
    let digits = number.strip_prefix('+').unwrap_or(number);
    let is_long = digits.len() > EXTENSION_DIGITS_MAX && digits.bytes().all(|b| b.is_ascii_digit()) && number != peer;
    let is_withheld =
        ["anonymous", "unknown", "restricted", "private", "unavailable"].iter().any(|w| number.eq_ignore_ascii_case(w));
    if known || is_long || is_withheld {
        end.kind = EndKind::Outside;
        end.number = number.into();
        end.trunk = peer.into();
    } else {
        end.kind = EndKind::Person;
        end.number = if number.is_empty() || looks_like_extension(peer) { peer.into() } else { number.into() };
    }
    end
}

/// The destinations in the arguments of Dial: `PJSIP/101&PJSIP/102,20,tT` or, before 1.6, with `|`.
pub(crate) fn dialed_devices(arguments: &str) -> impl Iterator<Item = &str> {
    let first = before(before(arguments, b','), b'|');
    first.split('&').filter(|d| !d.is_empty())
}

/// The number that one destination of Dial sends to a line: `PJSIP/+4420@line`, `SIP/line/020`, `DAHDI/g1/020`.
/// `None` where the destination is a device alone.
pub(crate) fn dialed_number(destination: &str) -> Option<&str> {
    let (_, rest) = parted(destination, b'/')?;
    if destination.starts_with("Local/") {
        return None;
    }
    let (endpoint, number) = match parted(rest, b'/') {
        Some((endpoint, number)) => (endpoint, before(number, b'@')),
        None => ("", parted(rest, b'@').map(|(number, _)| number)?),
    };
    let number = number.strip_prefix("sip:").or_else(|| number.strip_prefix("sips:")).unwrap_or(number);
    // `PJSIP/101/sip:101@192.0.2.7` is one contact of a telephone, not a number sent to a line.
    (!number.is_empty() && number != endpoint).then_some(number)
}

/// Without a site file: a device that is named after the number dialed, and that shows another caller, is a line
/// by which calls to that number come in, since no telephone calls itself.
pub(crate) fn is_line_of_ours(end: &End, shown: &str, dialed: &str, settings: &Settings) -> bool {
    settings.extensions.is_empty()
        && end.kind == EndKind::Person
        && looks_like_extension(dialed)
        && peer(&end.device) == dialed
        && !shown.is_empty()
        && shown != dialed
}

/// The end as a line by which somebody outside calls.
pub(crate) fn as_line(end: &mut End, shown: &str) {
    end.kind = EndKind::Outside;
    end.trunk = peer(&end.device).into();
    end.number = shown.into();
}

/// Without a site file: the channel that we had the PBX make is a telephone of ours, though it shows the customer's number.
pub(crate) fn as_telephone(end: &mut End, settings: &Settings) {
    if end.kind == EndKind::Outside && settings.extensions.is_empty() && settings.trunk(&end.channel).is_none() {
        end.kind = EndKind::Person;
        end.number = peer(&end.device).into();
        end.trunk = Text::default();
    }
}

/// True if this destination of Dial is the device of the channel that was made for it.
pub(crate) fn is_destination(destination: &str, device: &str) -> bool {
    let Some((technology, rest)) = parted(destination, b'/') else { return false };
    let Some((made_technology, made)) = parted(device, b'/') else { return false };
    technology.eq_ignore_ascii_case(made_technology)
        && (rest == made
            || rest.rsplit_once('@').is_some_and(|(_, line)| line == made)
            || parted(rest, b'/').is_some_and(|(line, _)| line == made || is_line_group(line)))
}

/// A group of lines, of which the PBX takes a free one: `g1`, `G1`, `r1`, `R1`, and an ISDN span, `i1`.
fn is_line_group(line: &str) -> bool {
    let digits = line.strip_prefix(['g', 'G', 'r', 'R', 'i']).unwrap_or_default();
    !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit())
}

/// The n-th argument of an application, from 0.
pub(crate) fn argument(arguments: &str, index: usize) -> &str {
    let separator = if find(b',', arguments.as_bytes()).is_some() { b',' } else { b'|' };
    let mut rest = arguments;
    for _ in 0..index {
        let Some(at) = find(separator, rest.as_bytes()) else { return "" };
        rest = &rest[at + 1..];
    }
    before(rest, separator).trim()
}

/// What an application makes of a call, where it decides by itself.
pub(crate) fn application_stage(application: &str) -> Option<Stage> {
    let is = |names: &[&str]| names.iter().any(|n| application.eq_ignore_ascii_case(n));
    Some(if is(&["VoiceMail", "MiniVM_Record", "MinivmGreet"]) {
        Stage::Mailbox
    } else if is(&["Queue", "AppQueue"]) {
        Stage::Queue
    } else if is(&["Park"]) {
        Stage::Park
    } else if is(&["ParkedCall"]) {
        Stage::ParkRetrieve
    } else if is(&["ConfBridge", "MeetMe", "Conference"]) {
        Stage::Conference
    } else if is(&["AppDial2"]) {
        Stage::OwnCall
    } else if is(&["ChanSpy", "ExtenSpy", "MixMonitor", "Monitor"]) {
        Stage::Recording
    } else {
        return None;
    })
}

/// What an application is where nobody told us what its context is.
pub(crate) fn application_hint(application: &str, arguments: &str) -> Stage {
    let is = |names: &[&str]| names.iter().any(|n| application.eq_ignore_ascii_case(n));
    if is(&["Dial", "AppDial"]) {
        if dialed_devices(arguments).nth(1).is_some() { Stage::HuntGroup } else { Stage::Extension }
    } else if is(&["BackGround", "WaitExten", "Read", "ReadExten", "Directory"]) {
        Stage::Menu
    } else if is(&[
        "Playback",
        "SayDigits",
        "SayNumber",
        "Playtones",
        "MusicOnHold",
        "ControlPlayback",
        "Milliwatt",
        "Echo",
    ]) {
        Stage::Announcement
    } else {
        Stage::Unknown
    }
}

/// Name and number of a caller id: `"Name" <101>`.
pub(crate) fn caller_id(clid: &str) -> (&str, &str) {
    match memchr::memrchr(b'<', clid.as_bytes()) {
        Some(at) => {
            let (name, number) = (&clid[..at], &clid[at + 1..]);
            let name = name.trim().trim_matches('"').trim();
            (name, number.trim_end().trim_end_matches('>').trim())
        }
        None => ("", clid.trim().trim_matches('"')),
    }
}
