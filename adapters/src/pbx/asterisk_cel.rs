//! Asterisk's channel event log: one record per moment of a channel. It refines the CDR and is enough without it.
//!
//! docs.asterisk.org, *CEL Specification*; `configs/samples/cel_custom.conf.sample` for the order of the columns:
//! eventtype · eventtime (seconds.micro, or a printed time) · cid_name · cid_num · cid_ani · cid_rdnis · cid_dnid · exten ·
//! context · channame · appname · appdata · amaflags · accountcode · uniqueid · linkedid · peer · userfield · userdeftype ·
//! extra (JSON since 12: hangup cause, bridge, transfer; before, a hang-up's `cause,source,status`). A header or [`Settings::columns`] may say otherwise; JSON lines carry the names.
//! Order is kept per channel only, so nothing here depends on the order of records.

use std::borrow::Cow;

use serde_json::Value;

use crate::adapter::{About, Adapter, Ends, Header, Legs, Provenance, Record, Settings, Tells};
use crate::asterisk::{self, UniqueId};
use crate::control::OWN_PREFIX;
use crate::fields::{Fields, holds, split_quoted, text};
use crate::leg::{EndKind, Event, KeyKind, Leg, Moment, Stage, Text};

/// Asterisk's channel event log.
pub struct AsteriskCel;

static ABOUT: About = About {
    name: "asterisk_cel",
    title: "Asterisk: channel event logging (cel_custom, with or without header, JSON lines)",
    versions: "1.8 to 22",
    provenance: Provenance::RealPbx,
    // LINKEDID_END is written when the last channel of the linkedid is gone.
    ends: Ends::Marker { settle_s: 2 },
    tells: &[
        Tells::Offers,
        Tells::QueueWait,
        Tells::Did,
        Tells::EndedBy,
        Tells::Hold,
        Tells::Mailbox,
        Tells::Declined,
        Tells::Transfers,
        Tells::Seconds,
    ],
    needs: "cel.conf: enable=yes, apps=all, events=ALL",
    typical_delay_s: 0,
};

const COLUMNS: [&str; COLUMN_COUNT] = [
    "eventtype",
    "eventtime",
    "cid_name",
    "cid_num",
    "cid_ani",
    "cid_rdnis",
    "cid_dnid",
    "exten",
    "context",
    "channame",
    "appname",
    "appdata",
    "amaflags",
    "accountcode",
    "uniqueid",
    "linkedid",
    "peer",
    "userfield",
    "userdeftype",
    "extra",
];
const COLUMN_COUNT: usize = 20;

#[derive(Clone, Copy)]
enum C {
    Type = 0,
    Time = 1,
    Name = 2,
    Number = 3,
    Forwarder = 5,
    Dialed = 6,
    Exten = 7,
    Context = 8,
    Channel = 9,
    App = 10,
    Data = 11,
    UniqueId = 14,
    LinkedId = 15,
    Peer = 16,
    UserField = 17,
    UserType = 18,
    Extra = 19,
}

type Layout = [Option<usize>; COLUMN_COUNT];

impl Adapter for AsteriskCel {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn header(&self, bytes: &[u8], _settings: &Settings) -> Option<Header> {
        if bytes.first() == Some(&b'{') || !holds(bytes, COLUMNS[C::Type as usize].as_bytes()) {
            return None;
        }
        let mut fields = Fields::new();
        split_quoted(bytes, b',', &mut fields).ok()?;
        let names: Vec<Text> = fields.iter().map(|f| text(f)).collect();
        let mut header = Header::find(names, &COLUMNS);
        // FreePBX's table and the AMI call three of them otherwise.
        for (column, other) in [(C::Channel, "channel"), (C::Extra, "eventextra"), (C::Time, "time")] {
            if header.index[column as usize].is_none() {
                header.index[column as usize] = header.names.iter().position(|n| n.eq_ignore_ascii_case(other));
            }
        }
        let has = |c: C| header.index[c as usize].is_some();
        (has(C::Type) && has(C::Time) && has(C::Channel)).then_some(header)
    }

    fn parse(&self, record: Record<'_>, settings: &Settings, out: &mut Legs) {
        if memchr::memchr(0, record.bytes).is_some() {
            return out.reject(record, "a NUL byte in the record: the file has a hole; no field of CEL holds one");
        }
        if record.bytes.trim_ascii_start().first() == Some(&b'{') {
            return parse_json(record, settings, out);
        }
        let mut fields = Fields::new();
        if let Err(at) = split_quoted(record.bytes, b',', &mut fields) {
            return out.reject(
                record,
                format!("the field that opens with a quote at byte {at} does not end: the line is cut"),
            );
        }
        let layout = match record.header {
            Some(header) => header.index.as_slice().try_into().ok(),
            None if !settings.columns.is_empty() => {
                Header::find(settings.columns.clone(), &COLUMNS).index.as_slice().try_into().ok()
            }
            None if fields.len() >= 16 => Some(std::array::from_fn(Some)),
            None => None,
        };
        let Some(layout) = layout else {
            return out.reject(
                record,
                format!(
                    "{} fields: a CEL record of the sample configuration has 20, an old one 16 or more; \
                name other columns in the site file's `columns`",
                    fields.len()
                ),
            );
        };
        event(&Row { fields: &fields, layout }, record, settings, out);
    }
}

struct Row<'r, 'a> {
    fields: &'r Fields<'a>,
    layout: Layout,
}

impl Row<'_, '_> {
    fn bytes(&self, column: C) -> &[u8] {
        self.layout[column as usize].and_then(|i| self.fields.get(i)).map_or(b"", |f| f.as_ref())
    }

    fn text(&self, column: C) -> Text {
        text(self.bytes(column))
    }
}

fn parse_json(record: Record<'_>, settings: &Settings, out: &mut Legs) {
    let object = match serde_json::from_slice::<Value>(record.bytes) {
        Ok(Value::Object(object)) => object,
        Ok(_) => {
            return out
                .reject(record, "JSON, but not an object: one record is one object with CEL's field names as keys");
        }
        Err(error) => return out.reject(record, format!("not JSON: {error}")),
    };
    let mut layout: Layout = [None; COLUMN_COUNT];
    let mut fields = Fields::new();
    for (key, value) in &object {
        let key = match key.as_str() {
            "channel" => "channame",
            "eventextra" => "extra",
            other => other,
        };
        if let Some(column) = COLUMNS.iter().position(|c| key.eq_ignore_ascii_case(c)) {
            layout[column] = Some(fields.len());
            let value = match value {
                Value::String(s) => s.clone(),
                Value::Null => String::new(),
                other => other.to_string(),
            };
            fields.push(Cow::Owned(value.into_bytes()));
        }
    }
    event(&Row { fields: &fields, layout }, record, settings, out);
}

/// `docs: CEL Specification, events`; 1.8's bridges are told by both channels' names instead of an id.
fn event_of(name: &str) -> Option<Option<Event>> {
    Some(Some(match name {
        "CHAN_START" => Event::Started,
        "CHAN_END" => Event::Ended,
        "ANSWER" => Event::Answered,
        "APP_START" => Event::AppStarted,
        "APP_END" => Event::AppEnded,
        "BRIDGE_ENTER" | "BRIDGE_START" => Event::BridgeEntered,
        "BRIDGE_EXIT" | "BRIDGE_END" => Event::BridgeLeft,
        "STREAM_BEGIN" => Event::StreamStarted,
        "STREAM_END" => Event::StreamEnded,
        "BLINDTRANSFER" => Event::BlindTransfer,
        "ATTENDEDTRANSFER" => Event::AttendedTransfer,
        "PICKUP" => Event::Pickup,
        "FORWARD" => Event::Forward,
        "PARK_START" => Event::Parked,
        "PARK_END" => Event::Unparked,
        "DTMF" => Event::Key,
        "LOCAL_OPTIMIZE" | "LOCAL_OPTIMIZE_BEGIN" => Event::Optimized,
        "HANGUP" => Event::HungUp,
        "LINKEDID_END" => Event::CallEnded,
        // They tell nothing of who talked with whom.
        "USER_DEFINED" | "LOCAL_OPTIMIZE_END" | "BRIDGE_UPDATE" | "CONF_ENTER" | "CONF_EXIT" | "CONF_START"
        | "CONF_END" => return Some(None),
        _ => return None,
    }))
}

/// `docs: cel.conf, show_user_defined`: then the name of a user's own event stands where the kind does.
fn is_user_s(name: &str, row: &Row<'_, '_>) -> bool {
    let is_name = name.starts_with(|c: char| c.is_ascii_uppercase())
        && name.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_');
    let told = row.text(C::UserType);
    is_name && (name == told || told.is_empty() && name.contains('_'))
}

fn event(row: &Row<'_, '_>, record: Record<'_>, settings: &Settings, out: &mut Legs) {
    let name = row.text(C::Type);
    let Some(event) = event_of(&name).or_else(|| is_user_s(&name, row).then_some(None)) else {
        return out.reject(record, format!("eventtype `{name}`: no event of the CEL specification"));
    };
    let unique = row.text(C::UniqueId);
    let id = UniqueId::of(unique.as_bytes());
    let Some(at) = moment(row.bytes(C::Time), settings, id) else {
        return out.reject(
            record,
            format!(
                "eventtime `{}`: neither seconds since 1970 nor a time of the form YYYY-MM-DD hh:mm:ss.ffffff",
                row.text(C::Time)
            ),
        );
    };
    let channel = row.text(C::Channel);
    if channel.is_empty() {
        return out.reject(record, "no channel name: every CEL event is of a channel");
    }
    let mut leg = Leg::new(&settings.origin, record.position);
    leg.event = Some(event.unwrap_or(Event::Noted));
    leg.native_id = unique.clone();
    leg.order = id.map_or(0, UniqueId::order);
    leg.started_at = Some(at);
    leg.from = asterisk::end(&channel, &row.text(C::Number), settings);
    if unique.starts_with(OWN_PREFIX) {
        asterisk::as_telephone(&mut leg.from, settings);
    }
    leg.from.name = row.text(C::Name);
    leg.dialed = row.text(C::Exten);
    leg.place = row.text(C::Context);
    leg.stage = settings.stages.get(&leg.place).copied().unwrap_or(Stage::Unknown);
    leg.did = row.text(C::Dialed);
    let linked = row.text(C::LinkedId);
    leg.link(KeyKind::Id, linked);
    leg.link(KeyKind::Id, unique);
    if matches!(leg.event, Some(Event::Started | Event::HungUp)) {
        leg.link(KeyKind::Reused, asterisk::joint(&channel).unwrap_or(&channel));
    }
    let forwarder = row.text(C::Forwarder);
    if !forwarder.is_empty() {
        leg.extra.push(("rdnis", forwarder));
    }
    let user = row.text(C::UserField);
    if !user.is_empty() {
        leg.extra.push(("userfield", user));
    }
    read_details(&mut leg, row, settings);
    if leg.event == Some(Event::CallEnded) {
        leg.ends_call = true;
    }
    let distinct: [&[u8]; 6] = [
        row.bytes(C::Type),
        row.bytes(C::Time),
        row.bytes(C::Channel),
        row.bytes(C::App),
        row.bytes(C::Extra),
        row.bytes(C::LinkedId),
    ];
    leg.name_by_native_id(&distinct, 0);
    out.legs.push(leg);
}

/// Epoch seconds with a fraction, or a printed local time.
fn moment(bytes: &[u8], settings: &Settings, id: Option<UniqueId>) -> Option<Moment> {
    if let Some(printed) = asterisk::moment(bytes, settings, id.map(UniqueId::moment)) {
        return Some(printed);
    }
    let text = std::str::from_utf8(bytes).ok()?.trim();
    let (seconds, fraction) = text.split_once('.').unwrap_or((text, ""));
    let seconds: i64 = seconds.parse().ok().filter(|s| (0..=1 << 40).contains(s))?;
    let ms = fraction
        .bytes()
        .chain(*b"000")
        .take(3)
        .try_fold(0, |n, b| b.is_ascii_digit().then(|| n * 10 + i64::from(b - b'0')))?;
    Some(Moment(seconds * 1000 + ms))
}

/// What the event says beyond its kind, from `extra` (a JSON object since 12) and `peer`.
fn read_details(leg: &mut Leg, row: &Row<'_, '_>, settings: &Settings) {
    let extra = row.bytes(C::Extra);
    let extra: Value =
        if extra.first() == Some(&b'{') { serde_json::from_slice(extra).unwrap_or_default() } else { Value::Null };
    let told = |key: &str| extra.get(key).and_then(Value::as_str).unwrap_or_default();
    match leg.event {
        Some(Event::AppStarted | Event::AppEnded | Event::Answered | Event::Started) => {
            leg.detail = row.text(C::App);
            leg.argument = row.text(C::Data);
        }
        Some(Event::BridgeEntered | Event::BridgeLeft) => {
            leg.detail = told("bridge_id").into();
            leg.argument = row.text(C::Peer);
            // In a conference the others are calls of their own: their names here are all that this call learns of them.
            leg.to = leg
                .argument
                .split(',')
                .map(str::trim)
                .filter(|peer| !peer.is_empty())
                .map(|peer| asterisk::end(peer, "", settings))
                .find(|end| end.kind == EndKind::Person);
        }
        Some(Event::StreamStarted | Event::StreamEnded) => {
            leg.detail = if row.text(C::UserType).starts_with("MOH") { "hold".into() } else { "prompt".into() };
        }
        Some(Event::BlindTransfer) => {
            leg.detail = told("extension").into();
            leg.argument = told("transferee_channel_name").into();
        }
        Some(Event::AttendedTransfer) => {
            leg.detail = told("channel2_name").into();
            leg.argument = told("transfer_target_channel_name").into();
            for key in ["channel2_uniqueid", "transferee_channel_uniqueid", "transfer_target_channel_uniqueid"] {
                // `N/A` stands for a channel that there is not.
                let unique = told(key);
                leg.link(KeyKind::Id, if unique == "N/A" { "" } else { unique });
            }
        }
        Some(Event::Pickup) => {
            leg.detail = told("pickup_channel").into();
            leg.link(KeyKind::Id, told("pickup_channel_uniqueid"));
        }
        Some(Event::Parked) => leg.detail = told("parking_lot").into(),
        Some(Event::Unparked) => {
            leg.detail = told("reason").into();
            leg.argument = told("retriever").into();
        }
        Some(Event::Key) => leg.detail = told("digit").into(),
        Some(Event::HungUp) => {
            leg.cause = extra.get("hangupcause").and_then(Value::as_u64).and_then(|c| u16::try_from(c).ok());
            leg.detail = told("hangupsource").into();
            leg.argument = told("dialstatus").into();
            if extra.is_null() {
                // Before 12 they are `cause,source,status`.
                let plain = row.text(C::Extra);
                let mut parts = plain.split(',');
                leg.cause = parts.next().and_then(|c| c.trim().parse().ok()).filter(|c| (1..128).contains(c));
                if leg.cause.is_some() {
                    leg.detail = parts.next().unwrap_or_default().into();
                    leg.argument = parts.next().unwrap_or_default().into();
                }
            }
            // A channel that was rung, and not one that called, is in the application that rang it.
            let application = row.text(C::App);
            if !application.is_empty() {
                leg.extra.push(("appname", application));
            }
        }
        _ => {}
    }
}
