//! Who or what is at an end of a record: by its device's name, else by its number.
//!
//! `docs: Call Types`: which devices are trunks and gateways is the configuration's to say, so the site file's trunks come first;
//! telephones have a name made of a prefix and an address, which nothing else has.
//! The guide names SEP, CSF, BOT, TCT, TAB, ANN_, MOH_, CFB_ and CTI ports; the other names here are habit, not documented, and the site file
//! overrules every one.

use crate::adapter::Settings;
use crate::leg::{End, EndKind, Stage, Text};

use super::codes::usage;
use super::{C, Row};

/// How the names of telephones begin.
const TELEPHONES: [&str; 6] = ["SEP", "CSF", "BOT", "TCT", "TAB", "ATA"];
/// A remote device that a person answers, though its name begins like a CTI port's.
const REMOTE_DEVICE: &str = "CTIRD";
/// How the names of ports begin behind which an application answers.
const APPLICATION_PORT: &str = "CTI";
/// How the names of the ports of the make's own mailboxes begin.
const MAILBOX_PORT: &str = "CiscoUM";
/// The make's own products that answer on a trunk or a port: its mailboxes, and its menus.
const MAILBOX_PRODUCTS: [&str; 4] = ["Unity", "CUC", "Voicemail", "VM"];
const MENU_PRODUCTS: [&str; 4] = ["UCCX", "CCX", "CVP", "IVR"];
/// Announcements and music on hold.
const ANNOUNCERS: [&str; 2] = ["ANN_", "MOH_"];
/// Where a caller from outside dials on, by mobility's access numbers.
const MOBILITY_PORT: &str = "ParkingLotDevice";
/// What stands between CUCM and the device at an end, by the values of `IncomingProtocolID` and `OutgoingProtocolID`.
const SIP: i64 = 1;
const H323: i64 = 2;
const Q931: i64 = 4;
/// Conference bridges.
const BRIDGE: &str = "CFB_";

/// The side of a record.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Party {
    Calling,
    Called,
}

/// One end.
pub(super) fn end(row: &Row<'_>, party: Party, settings: &Settings) -> End {
    let (device, channel, mobile, protocol) = match party {
        Party::Calling => (C::OrigDevice, C::OrigLeg, C::MobileCalling, C::IncomingProtocol),
        Party::Called => (C::DestDevice, C::DestLeg, C::MobileCalled, C::OutgoingProtocol),
    };
    let device = row.text(device);
    let number = match party {
        Party::Calling if !row.told(C::Calling) => row.text(C::MobileCalling),
        Party::Calling => row.number(C::Calling),
        Party::Called => called_number(row, &device, settings),
    };
    let mut end = End { number, channel: row.identifier(channel), ..End::default() };
    end.name = row.text(if party == Party::Calling { C::CallingUser } else { C::FinalUser });
    if let Some(trunk) = settings.trunk(&device) {
        end.kind = EndKind::Outside;
        end.trunk = trunk.clone();
    } else if is_telephone(&device, settings) {
        end.kind = EndKind::Person;
    } else if machine(&device).is_some() || is_answering_port(&end.number) {
        end.kind = EndKind::Machine;
    } else if is_called_trunk(&device)
        || matches!(row.code(protocol), SIP | H323 | Q931)
        || party == Party::Called
            && (row.integer(C::Usage) == Some(usage::ROUTE_PATTERN) || !row.is_empty(C::Outpulsed))
    {
        end.kind = EndKind::Outside;
    } else {
        end.kind = by_number(&end.number, &device, settings);
        // A hunt group's member whose number is not told.
        if party == Party::Called && end.number.is_empty() && !row.is_empty(C::HuntPilot) {
            end.kind = EndKind::Person;
        }
    }
    // A call that is answered or placed on a person's mobile goes over a trunk, and is that person's.
    if !row.is_empty(mobile) && end.kind == EndKind::Outside {
        end.kind = EndKind::Person;
        end.trunk = Text::default();
    }
    end.device = device;
    end
}

/// The number that was rung last. With *Show Line Group Member DN* off it is the hunt pilot's also where a member answered:
/// then only the device tells who did.
fn called_number(row: &Row<'_>, device: &str, settings: &Settings) -> Text {
    let number = row.number(C::FinalCalled);
    if number.is_empty() || number != row.text(C::HuntPilot) || device.is_empty() {
        return if number.is_empty() { row.number(C::OriginalCalled) } else { number };
    }
    settings.devices.get(device).cloned().unwrap_or_default()
}

fn is_telephone(device: &str, settings: &Settings) -> bool {
    settings.devices.contains_key(device)
        || device.starts_with(REMOTE_DEVICE)
        || TELEPHONES.iter().any(|prefix| device.starts_with(prefix))
}

/// A device that is called what it is: the digital port of a gateway (`S0/SU1/DS1-0@name`, `BRI/S1/SU0/P1@name`), a gateway that goes by its
/// address (`192.0.2.5`), or a name with one of these words in it.
fn is_called_trunk(device: &str) -> bool {
    let is_gateway = |part: &str| {
        let (word, number) = part.split_at(part.trim_end_matches(|c: char| c.is_ascii_digit()).len());
        word.eq_ignore_ascii_case("gw") && number.len() < 4
    };
    device.contains("/DS1-")
        || device.starts_with("BRI/")
        || device.parse::<std::net::Ipv4Addr>().is_ok()
        || holds(device, "trunk")
        || holds(device, "gateway")
        || parts(device).any(is_gateway)
}

fn holds(device: &str, word: &str) -> bool {
    device.as_bytes().windows(word.len()).any(|window| window.eq_ignore_ascii_case(word.as_bytes()))
}

fn parts(device: &str) -> impl Iterator<Item = &str> {
    device.split(|c: char| !c.is_ascii_alphanumeric())
}

/// What a device that no person answers is.
pub(super) fn machine(device: &str) -> Option<Stage> {
    if device.starts_with(REMOTE_DEVICE) {
        None
    } else if device.starts_with(MAILBOX_PORT) || parts(device).any(|part| is_one_of(part, &MAILBOX_PRODUCTS)) {
        Some(Stage::Mailbox)
    } else if device.starts_with(APPLICATION_PORT) || parts(device).any(|part| is_one_of(part, &MENU_PRODUCTS)) {
        Some(Stage::Menu)
    } else if ANNOUNCERS.iter().any(|prefix| device.starts_with(prefix)) {
        Some(Stage::Announcement)
    } else if device == MOBILITY_PORT {
        Some(Stage::Menu)
    } else if device.starts_with(BRIDGE) {
        Some(Stage::Conference)
    } else {
        None
    }
}

fn is_one_of(part: &str, products: &[&str]) -> bool {
    products.iter().any(|product| part.eq_ignore_ascii_case(product))
}

/// A device whose name says nothing, or that is not told: extensions are ours, other numbers are outside.
/// Without a number, a device that is no telephone's is a trunk on which the number was withheld.
fn by_number(number: &str, device: &str, settings: &Settings) -> EndKind {
    match (number.is_empty(), device.is_empty()) {
        (true, true) => EndKind::Unknown,
        (true, false) => EndKind::Outside,
        (false, _) if settings.is_extension(number) => EndKind::Person,
        (false, _) => EndKind::Outside,
    }
}

/// Somebody who is told by a number only: who forwarded or was forwarded from is a number of this PBX.
pub(super) fn forwarder(number: Text) -> End {
    End { kind: EndKind::Person, number, ..End::default() }
}

/// `b0019901001`: the port of a conference bridge, or, with the identifiers of a call and a telephone behind it, of the bridge in a telephone.
pub(super) fn is_bridge(number: &str) -> bool {
    is_port(number, 'b')
}

/// `c00124401001`: a port at which CUCM itself answers and asks, as *Conference Now* does.
pub(super) fn is_answering_port(number: &str) -> bool {
    is_port(number, 'c')
}

fn is_port(number: &str, letter: char) -> bool {
    number.strip_prefix(letter).is_some_and(|digits| digits.len() >= 8 && digits.bytes().all(|b| b.is_ascii_digit()))
}
