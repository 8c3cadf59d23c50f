//! A row of 3CX v20's table `cdroutput`: one segment, from a source participant to a destination participant.
//!
//! 3cx.com, *Call Detail Record guide*. Columns, for source and destination alike:
//! entity_type (what it is), dn_number, dn_type, dn_name (its extension, queue, trunk...), participant_id (this end in this call),
//! participant_name, participant_phone_number, participant_trunk_did, participant_group_name (its department).
//! Of the segment: cdr_id, call_history_id, main_call_history_id (of joined calls), base_cdr_id, originating_cdr_id, continued_in_cdr_id,
//! creation_method and creation_forward_reason (why it began), termination_reason, termination_reason_details and
//! terminated_by_participant_id (why it ended), cdr_started_at, cdr_answered_at, cdr_ended_at.
//! An id holds when it was made, in tenths of a microsecond since 1601, and a counter.
//!
//! A caller's participant is the same in all segments of the call, so it is the channel.
//! Queues, menus and scripts answer too; they are the caller alone with the PBX.

use crate::adapter::{Header, Legs, Record, Settings};
use crate::clock;
use crate::fields::text;
use crate::leg::{Answerer, Disposition, End, EndKind, KeyKind, Leg, Moment, Move, MoveKind, Side, Stage, Text};
use crate::zoned::{Stamp, stamp};

pub(super) const COLUMN_COUNT: usize = 31;

/// The columns that are read. `processed`, `migrated` and `offload_id` are the table's own housekeeping;
/// `…_is_incoming`, `…_is_already_connected`, a callee's DID, a caller's department and the billing suffixes tell nothing of who met whom.
pub(super) const COLUMNS: [&str; COLUMN_COUNT] = [
    "cdr_id",
    "call_history_id",
    "main_call_history_id",
    "source_participant_id",
    "source_entity_type",
    "source_dn_number",
    "source_dn_type",
    "source_dn_name",
    "source_participant_name",
    "source_participant_phone_number",
    "source_participant_trunk_did",
    "destination_participant_id",
    "destination_entity_type",
    "destination_dn_number",
    "destination_dn_type",
    "destination_dn_name",
    "destination_participant_name",
    "destination_participant_phone_number",
    "destination_participant_group_name",
    "base_cdr_id",
    "originating_cdr_id",
    "continued_in_cdr_id",
    "creation_method",
    "creation_forward_reason",
    "termination_reason",
    "termination_reason_details",
    "terminated_by_participant_id",
    "cdr_started_at",
    "cdr_answered_at",
    "cdr_ended_at",
    "source_presentation",
];

#[derive(Clone, Copy)]
enum C {
    Id,
    Call,
    MainCall,
    SourceId,
    SourceType,
    SourceDn,
    SourceDnType,
    SourceDnName,
    SourceName,
    SourcePhone,
    SourceDid,
    TargetId,
    TargetType,
    TargetDn,
    TargetDnType,
    TargetDnName,
    TargetName,
    TargetPhone,
    TargetGroup,
    Base,
    Originating,
    ContinuedIn,
    Creation,
    ForwardReason,
    Termination,
    Details,
    TerminatedBy,
    Started,
    Answered,
    Ended,
    Presentation,
}

/// A device that is busy says so at once; one that says so after this long, in milliseconds, rang until somebody refused.
const BUSY_AT_ONCE_MS: i64 = 1_000;

/// The header of the table, in whatever order its columns are.
pub(super) fn header(mut names: Vec<Text>) -> Option<Header> {
    if let Some(first) = names.first_mut() {
        *first = first.trim_start_matches('\u{feff}').trim_matches('"').into();
    }
    let header = Header::find(names, &COLUMNS);
    let has = |c: C| header.index[c as usize].is_some();
    (has(C::Id) && has(C::Call) && has(C::Started)).then_some(header)
}

/// The values of one row, by column.
pub(super) struct Row<'a> {
    pub(super) values: [&'a [u8]; COLUMN_COUNT],
}

impl Default for Row<'_> {
    fn default() -> Self {
        Row { values: [b""; COLUMN_COUNT] }
    }
}

impl Row<'_> {
    fn bytes(&self, column: C) -> &[u8] {
        self.values[column as usize]
    }

    fn text(&self, column: C) -> Text {
        text(self.bytes(column))
    }

    fn is(&self, column: C, words: &[&str]) -> bool {
        words.iter().any(|w| self.bytes(column).eq_ignore_ascii_case(w.as_bytes()))
    }
}

/// What is at one end of a segment.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Entity {
    Outside,
    Person,
    Queue,
    HuntGroup,
    Menu,
    InboundRouting,
    OutboundRule,
    Mailbox,
    Conference,
    Park,
    /// A farewell, an echo test, paging, a fax: something is heard, and nobody is met.
    Announcement,
    /// The manual's `unknown`: the destination does not exist.
    Nothing,
}

/// One row to one leg.
pub(super) fn parse(row: &Row<'_>, record: Record<'_>, settings: &Settings, out: &mut Legs) {
    if row.bytes(C::Id).is_empty() {
        return out.reject(record, "no cdr_id: every row of cdroutput has one");
    }
    let mut leg = Leg::new(&settings.origin, record.position);
    leg.native_id = row.text(C::Id);
    leg.order = made_at(row.bytes(C::Id)).unwrap_or(0);
    if let Err(reason) = read_times(&mut leg, row, record, settings, out) {
        return out.reject(record, reason);
    }
    let Some(source) = entity(row, C::SourceType, C::SourceDnType) else {
        return out.reject(record, unknown_entity(row, C::SourceType));
    };
    let Some(target) = entity(row, C::TargetType, C::TargetDnType) else {
        return out.reject(record, unknown_entity(row, C::TargetType));
    };
    leg.link(KeyKind::Id, row.text(C::Call));
    leg.link(KeyKind::Id, row.text(C::MainCall));
    leg.from = end(row, source, true, settings);
    if leg.from.kind == EndKind::Outside {
        leg.did = row.text(C::SourceDid);
    }
    read_target(&mut leg, row, target, settings);
    read_outcome(&mut leg, row, target, record, out);
    leg.moved = moved(&leg, row, target);
    // A consultation that ended tells nothing of the call that it was made for, which can go on for hours.
    let is_main = row.bytes(C::MainCall).is_empty() || row.bytes(C::MainCall) == row.bytes(C::Call);
    leg.ends_call = is_main && row.is(C::Termination, &["src_participant_terminated", "dst_participant_terminated"]);
    for (label, column) in [
        ("base_cdr_id", C::Base),
        ("originating_cdr_id", C::Originating),
        ("continued_in_cdr_id", C::ContinuedIn),
        ("creation_method", C::Creation),
        ("creation_forward_reason", C::ForwardReason),
        ("termination_reason", C::Termination),
        ("termination_reason_details", C::Details),
        ("source_presentation", C::Presentation),
        ("group", C::TargetGroup),
    ] {
        let value = row.bytes(column);
        let again = label == "originating_cdr_id" && value == row.bytes(C::Base);
        if !value.is_empty() && value != b"none" && !again {
            leg.extra.push((label, text(value)));
        }
    }
    leg.name_by_native_id(&[], 0);
    out.legs.push(leg);
}

fn unknown_entity(row: &Row<'_>, column: C) -> String {
    format!(
        "{}: `{}`: 3CX writes extension, external_line, queue, ring_group_…, ivr, script, inbound_routing, outbound_rule, voicemail, vmail_console, \
         conference, fax, paging_group, echo_test, endcall, service_call or unknown",
        COLUMNS[column as usize],
        row.text(column)
    )
}

/// What the two type columns say together: the entity is the role in the call, the DN what it is in the configuration.
fn entity(row: &Row<'_>, entity: C, dn: C) -> Option<Entity> {
    if row.is(dn, &["parking_orbit", "shared_parking"]) {
        return Some(Entity::Park);
    }
    if row.is(dn, &["conference"]) {
        return Some(Entity::Conference);
    }
    let word = row.text(entity).to_ascii_lowercase();
    Some(match word.as_str() {
        "external_line" => Entity::Outside,
        "extension" => Entity::Person,
        "queue" => Entity::Queue,
        word if word.starts_with("ring_group") => Entity::HuntGroup,
        "ivr" | "script" | "vmail_console" | "specialmenu" => Entity::Menu,
        "inbound_routing" => Entity::InboundRouting,
        "outbound_rule" => Entity::OutboundRule,
        "voicemail" => Entity::Mailbox,
        "conference" => Entity::Conference,
        "fax" | "paging_group" | "echo_test" | "endcall" | "service_call" | "callback_test" => Entity::Announcement,
        "unknown" | "" => Entity::Nothing,
        _ => return None,
    })
}

/// One participant. Outside, the DN is the trunk; inside, it is the extension.
fn end(row: &Row<'_>, entity: Entity, is_source: bool, settings: &Settings) -> End {
    let at = |source: C, target: C| row.text(if is_source { source } else { target });
    let (dn, dn_name) = (at(C::SourceDn, C::TargetDn), at(C::SourceDnName, C::TargetDnName));
    let (name, phone) = (at(C::SourceName, C::TargetName), at(C::SourcePhone, C::TargetPhone));
    let channel = at(C::SourceId, C::TargetId);
    match entity {
        Entity::Outside | Entity::OutboundRule => End {
            kind: EndKind::Outside,
            number: phone,
            name,
            trunk: settings.trunk(&dn).cloned().unwrap_or(dn_name),
            device: dn,
            channel,
        },
        Entity::Person => End {
            kind: EndKind::Person,
            number: settings.devices.get(&dn).cloned().unwrap_or(dn),
            name: if dn_name.is_empty() { name } else { dn_name },
            channel,
            ..End::default()
        },
        _ => End {
            kind: EndKind::Machine,
            number: dn,
            name: if dn_name.is_empty() { name } else { dn_name },
            channel,
            ..End::default()
        },
    }
}

/// Whom or what the segment leads to: an offer to a person or outside, else a place where the caller is alone with the PBX.
fn read_target(leg: &mut Leg, row: &Row<'_>, target: Entity, settings: &Settings) {
    let dn = row.text(C::TargetDn);
    let phone = row.text(C::TargetPhone);
    let is_first = row.is(C::Creation, &["call_init"]);
    if is_first || target == Entity::OutboundRule {
        leg.dialed = if phone.is_empty() { dn.clone() } else { phone };
    }
    leg.place = dn;
    leg.stage = match target {
        Entity::Person if is_first && leg.from.kind == EndKind::Person => Stage::Inside,
        Entity::Person => Stage::Extension,
        Entity::Outside | Entity::OutboundRule if leg.from.kind == EndKind::Person => Stage::Outbound,
        Entity::Outside | Entity::OutboundRule => Stage::Forward,
        Entity::Queue => Stage::Queue,
        Entity::HuntGroup => Stage::HuntGroup,
        Entity::Menu => Stage::Menu,
        Entity::InboundRouting => Stage::Number,
        Entity::Mailbox => Stage::Mailbox,
        Entity::Conference => Stage::Conference,
        Entity::Park => Stage::Park,
        Entity::Announcement => Stage::Announcement,
        Entity::Nothing => Stage::Number,
    };
    // Somebody who listens in makes no call of their own.
    if row.is(C::Creation, &["barge_in"]) {
        leg.stage = Stage::Recording;
    }
    match target {
        Entity::Person | Entity::Outside => {
            leg.to = Some(end(row, target, false, settings));
            leg.place = Text::default();
        }
        Entity::Queue | Entity::HuntGroup => leg.queue = leg.place.clone(),
        Entity::Menu | Entity::Announcement => {
            // The office hours led here: what is heard turns callers away, unless the site says otherwise.
            if row.is(C::ForwardReason, &["out_of_office", "holiday", "break_time"]) {
                leg.stage = Stage::Closed;
            }
            if let Some(stage) = told_stage(row, settings) {
                leg.stage = stage;
            }
        }
        Entity::OutboundRule => leg.place = Text::default(),
        Entity::InboundRouting | Entity::Nothing => {
            if leg.did.is_empty() && leg.from.kind == EndKind::Outside {
                leg.did = leg.dialed.clone();
            }
            leg.place = Text::default();
        }
        Entity::Mailbox | Entity::Conference | Entity::Park => {}
    }
}

/// What the site file says that this menu or script is, by its number or name.
fn told_stage(row: &Row<'_>, settings: &Settings) -> Option<Stage> {
    let (number, name) = (row.text(C::TargetDn), row.text(C::TargetDnName));
    settings
        .places
        .get(&number)
        .or_else(|| settings.stages.get(&number))
        .or_else(|| settings.stages.get(&name))
        .copied()
}

/// Start, answer and end. A start that cannot be read is a reject; of the others only the field is.
fn read_times(
    leg: &mut Leg,
    row: &Row<'_>,
    record: Record<'_>,
    settings: &Settings,
    out: &mut Legs,
) -> Result<(), String> {
    let read = |column: C| -> Result<Option<Stamp>, String> {
        let bytes = row.bytes(column);
        if bytes.is_empty() {
            return Ok(None);
        }
        stamp(bytes).map(Some).ok_or_else(|| {
            format!(
                "{}: `{}` is not a time of the form 2026-02-10 09:41:57.554 +0100",
                COLUMNS[column as usize],
                text(bytes)
            )
        })
    };
    let Some(started) = read(C::Started)? else {
        return Err("no cdr_started_at: every row of cdroutput has one".to_owned());
    };
    let to_utc = |stamp: Stamp| stamp.moment().unwrap_or_else(|| without_offset(stamp, started, row, settings));
    leg.grain_ms = started.grain_ms;
    leg.started_at = Some(to_utc(started));
    for (column, moment) in [(C::Answered, &mut leg.answered_at), (C::Ended, &mut leg.ended_at)] {
        match read(column) {
            Ok(stamp) => *moment = stamp.map(to_utc),
            Err(reason) => out.reject(record, reason),
        }
    }
    Ok(())
}

/// A time that was exported without its offset: the site file's zone, or what the segment's id proves of its start; else UTC, as the table keeps it.
fn without_offset(stamp: Stamp, started: Stamp, row: &Row<'_>, settings: &Settings) -> Moment {
    const MS_1601_TO_1970: i64 = 11_644_473_600_000;
    let made = made_at(row.bytes(C::Id))
        .and_then(|ticks| i64::try_from(ticks / 10_000).ok())
        .map(|ms| Moment(ms - MS_1601_TO_1970));
    match (made, settings.zone) {
        (Some(made), _) => {
            let offset = clock::by_proof(started.local, made).0 - started.local.0;
            Moment(stamp.local.0.saturating_add(offset))
        }
        (None, Some(zone)) => clock::in_zone(stamp.local, zone, None),
        (None, None) => Moment(stamp.local.0),
    }
}

/// When an id was made, in tenths of a microsecond since 1601: the eight bytes after the first four.
fn made_at(id: &[u8]) -> Option<u64> {
    let hex = |range: std::ops::Range<usize>| -> Option<u64> {
        id.get(range)?.iter().try_fold(0_u64, |n, b| Some((n << 4) | u64::from(char::from(*b).to_digit(16)?)))
    };
    if id.len() != 36 || id[13] != b'-' || id[18] != b'-' || id[23] != b'-' {
        return None;
    }
    let ticks = (hex(9..13)? << 48) | (hex(14..18)? << 32) | (hex(19..23)? << 16) | hex(24..28)?;
    // 1990 to 2200: an id of another make is no proof.
    (0x01b4_0000_0000_0000..0x029c_0000_0000_0000).contains(&ticks).then_some(ticks)
}

/// How the segment ended.
fn read_outcome(leg: &mut Leg, row: &Row<'_>, target: Entity, record: Record<'_>, out: &mut Legs) {
    let known = [
        "continued_in",
        "redirected",
        "rejected",
        "cancelled",
        "src_participant_terminated",
        "dst_participant_terminated",
        "",
    ];
    if !row.is(C::Termination, &known) {
        out.reject(record, format!(
            "termination_reason: `{}`: 3CX writes continued_in, redirected, rejected, cancelled, src_participant_terminated or dst_participant_terminated; \
             how the segment ended is taken as not told",
            row.text(C::Termination)
        ));
    }
    leg.ended_by = ended_by(row, target);
    let is_offer = matches!(target, Entity::Person | Entity::Outside);
    if is_offer && leg.answered_at.is_some() {
        leg.disposition = Disposition::Answered;
        // Whether a person or a machine picked up outside is not told.
        leg.answerer = if target == Entity::Person { Answerer::Person } else { Answerer::Unknown };
    } else if is_offer {
        read_unanswered(leg, row, target);
    } else {
        read_place(leg, row, target);
    }
    // Outside, nothing tells when it began to ring, or whether it did.
    let rang = match leg.disposition {
        Disposition::Answered
        | Disposition::NoAnswer
        | Disposition::Canceled
        | Disposition::AnsweredElsewhere
        | Disposition::Declined => true,
        // Taken away from a telephone by hand: by a pickup, or by the person who sent it on.
        Disposition::MovedOn => {
            row.is(C::Termination, &["continued_in"])
                || row.is(C::Details, &["deflected", "none", ""]) && lasted_ms(leg) >= BUSY_AT_ONCE_MS
        }
        _ => false,
    };
    if target == Entity::Person && rang {
        leg.rang_at = leg.started_at;
    }
}

fn lasted_ms(leg: &Leg) -> i64 {
    match (leg.started_at, leg.ended_at) {
        (Some(from), Some(to)) => to.ms_since(from),
        _ => 0,
    }
}

/// Who hung up. What a queue or a menu ends, the PBX ends.
fn ended_by(row: &Row<'_>, target: Entity) -> Option<Side> {
    if row.is(C::Termination, &["src_participant_terminated"]) || row.is(C::Details, &["terminated_by_originator"]) {
        return Some(Side::Caller);
    }
    row.is(C::Termination, &["dst_participant_terminated"]).then_some(match target {
        Entity::Person | Entity::Outside => Side::Callee,
        _ => Side::Network,
    })
}

/// An offer that nobody took.
fn read_unanswered(leg: &mut Leg, row: &Row<'_>, target: Entity) {
    if row.is(C::Termination, &["src_participant_terminated"]) || row.is(C::Details, &["terminated_by_originator"]) {
        leg.disposition = Disposition::Canceled;
        return;
    }
    if row.is(C::Details, &["no_answer", "timeout"]) {
        leg.disposition = Disposition::NoAnswer;
        leg.timed_out = Some(true);
        return;
    }
    if row.is(C::Details, &["busy"]) {
        let refused =
            target == Entity::Person && row.is(C::Termination, &["rejected"]) && lasted_ms(leg) >= BUSY_AT_ONCE_MS;
        leg.disposition = if refused { Disposition::Declined } else { Disposition::Busy };
        return;
    }
    if let Some(refused) = refused(row) {
        leg.disposition = refused;
        return;
    }
    leg.disposition = match row.text(C::Termination).to_ascii_lowercase().as_str() {
        "continued_in" | "redirected" => Disposition::MovedOn,
        "cancelled" if row.is(C::Details, &["completed_elsewhere"]) => Disposition::AnsweredElsewhere,
        "cancelled"
            if !row.bytes(C::TerminatedBy).is_empty() && row.bytes(C::TerminatedBy) == row.bytes(C::SourceId) =>
        {
            Disposition::Canceled
        }
        // A line that refuses without saying why did not carry the call.
        "rejected" if target == Entity::Outside => Disposition::Failed,
        "rejected" | "dst_participant_terminated" if lasted_ms(leg) >= BUSY_AT_ONCE_MS => Disposition::Declined,
        _ => Disposition::Unknown,
    };
}

/// The words that say why nothing could be reached.
fn refused(row: &Row<'_>) -> Option<Disposition> {
    let details = row.text(C::Details).to_ascii_lowercase();
    Some(match details.as_str() {
        "declined" => Disposition::Declined,
        "not_registered" => Disposition::NotRegistered,
        "line_busy" | "source_line_busy" | "license_limit_reached" => Disposition::Congestion,
        "no_route"
        | "not_found"
        | "invalid_destination"
        | "invalid_dialcode"
        | "external_call_disabled"
        | "destination_prohibited"
        | "caller_blacklisted"
        | "feature_disabled"
        | "no_access"
        | "pin_is_required"
        | "disabled"
        | "target_disabled"
        | "caller_disabled"
        | "server_error"
        | "forwarding_loop" => Disposition::Failed,
        _ => return None,
    })
}

/// The caller alone with the PBX: what ended that.
fn read_place(leg: &mut Leg, row: &Row<'_>, target: Entity) {
    if leg.answered_at.is_some() {
        leg.answerer = Answerer::Machine;
    }
    let waits = matches!(target, Entity::Queue | Entity::HuntGroup);
    if waits && row.is(C::Details, &["no_answer", "timeout"]) {
        leg.disposition = Disposition::NoAnswer;
        leg.timed_out = Some(true);
        return;
    }
    // A queue or group without anybody signed in.
    if waits && row.is(C::Details, &["no_destinations"]) {
        leg.disposition = Disposition::NotRegistered;
        return;
    }
    leg.disposition = match row.text(C::Termination).to_ascii_lowercase().as_str() {
        _ if target == Entity::Nothing => Disposition::Failed,
        "continued_in" | "redirected" => Disposition::MovedOn,
        "src_participant_terminated" | "cancelled" if leg.answered_at.is_none() || waits => Disposition::Canceled,
        "src_participant_terminated" | "dst_participant_terminated" | "cancelled"
            if leg.answered_at.is_some() && !waits =>
        {
            Disposition::Answered
        }
        "dst_participant_terminated" if waits => refused(row).unwrap_or(Disposition::NoAnswer),
        "rejected" if waits => refused(row).unwrap_or(Disposition::Congestion),
        "dst_participant_terminated" | "rejected" => refused(row).unwrap_or(Disposition::Failed),
        _ => Disposition::Unknown,
    };
}

/// The move that this segment began with. Who made it is told by another row only (`base_cdr_id`), so `by` is mostly empty.
/// A script moves a caller with the same words as a person does.
fn moved(leg: &Leg, row: &Row<'_>, target: Entity) -> Option<Move> {
    let kind = match row.text(C::Creation).to_ascii_lowercase().as_str() {
        "transfer" if target == Entity::Park => MoveKind::Park,
        "transfer" => MoveKind::Blind,
        "join" => MoveKind::Attended,
        "pickup" => MoveKind::Pickup,
        // The other reasons are the PBX's own routing: by the number dialed, by office hours, out of a queue or group.
        "divert"
            if row.is(
                C::ForwardReason,
                &["none", "", "no_answer", "busy", "forward_all", "not_registered", "user_requested"],
            ) =>
        {
            MoveKind::Forward
        }
        _ => return None,
    };
    let by = match (&leg.to, kind) {
        (Some(to), MoveKind::Pickup) => to.number.clone(),
        _ => Text::default(),
    };
    Some(Move { kind, by })
}
