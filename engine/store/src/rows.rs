//! Our types as rows: one function a table, its columns in the order of `sql/schema`.

use adapters::leg::{KeyKind, Moment};
use adapters::line::word;
use adapters::{Leg, Reject};
use calls::line::{CallLine, OfferLine, Seconds, VisitLine, Word};

use crate::block::{At, Block, Thousandths};

/// A leg, with the moment at which its record reached the log.
pub struct LegRow {
    /// The leg.
    pub leg: Leg,
    /// The log's time.
    pub logged_at: Moment,
}

/// A reject, with where it came from.
pub struct RejectRow {
    /// What was not understood.
    pub reject: Reject,
    /// The company.
    pub tenant: String,
    /// The exchange.
    pub pbx: String,
    /// The adapter that did not understand it.
    pub adapter: &'static str,
    /// The file or collector.
    pub source: String,
    /// The log's time.
    pub logged_at: Moment,
}

/// A call's line, with the version of this conclusion.
pub struct CallRow {
    /// The call.
    pub line: CallLine,
    /// The customer that its follow-up is owed to.
    pub customer: Option<String>,
    /// See [`crate::version`].
    pub version: u64,
    /// When it was decided, by the log's clock.
    pub decided_at: Moment,
}

fn at(moment: Option<Moment>) -> Option<At> {
    moment.map(|m| At(m.0))
}

fn seconds(seconds: Option<Seconds>) -> Option<Thousandths> {
    seconds.map(|s| Thousandths(s.ms))
}

fn maybe<T: AsRef<str>>(value: &Option<T>) -> Option<String> {
    value.as_ref().map(|v| v.as_ref().to_owned())
}

fn list<T: AsRef<str>>(values: &[T]) -> Vec<String> {
    values.iter().map(|v| v.as_ref().to_owned()).collect()
}

pub(crate) fn legs(rows: &[LegRow]) -> Block {
    let mut block = Block::of(rows.len());
    block
        .column("tenant", rows, |r| r.leg.origin.tenant.to_string())
        .column("pbx", rows, |r| r.leg.origin.pbx.to_string())
        .column("adapter", rows, |r| r.leg.origin.adapter.to_owned())
        .column("leg_id", rows, |r| r.leg.leg_id.0)
        .column("file", rows, |r| r.leg.position.file)
        .column("record", rows, |r| r.leg.position.record)
        .column("byte", rows, |r| r.leg.position.byte)
        .column("logged_at", rows, |r| At(r.logged_at.0))
        .column("native_id", rows, |r| r.leg.native_id.to_string())
        .column("ordinal", rows, |r| r.leg.order)
        .column("link_keys", rows, |r| {
            r.leg.link_keys.iter().map(|k| (key_kind(k.kind), k.value.to_string())).collect::<Vec<_>>()
        })
        .column("event", rows, |r| r.leg.event.map(word))
        .column("detail", rows, |r| r.leg.detail.to_string())
        .column("argument", rows, |r| r.leg.argument.to_string())
        .column("length_ms", rows, |r| r.leg.length_ms)
        .column("from_kind", rows, |r| word(r.leg.from.kind))
        .column("from_number", rows, |r| r.leg.from.number.to_string())
        .column("from_name", rows, |r| r.leg.from.name.to_string())
        .column("from_device", rows, |r| r.leg.from.device.to_string())
        .column("from_channel", rows, |r| r.leg.from.channel.to_string())
        .column("from_trunk", rows, |r| r.leg.from.trunk.to_string())
        .column("to_kind", rows, |r| r.leg.to.as_ref().map(|t| word(t.kind)))
        .column("to_number", rows, |r| r.leg.to.as_ref().map_or_else(String::new, |t| t.number.to_string()))
        .column("to_name", rows, |r| r.leg.to.as_ref().map_or_else(String::new, |t| t.name.to_string()))
        .column("to_device", rows, |r| r.leg.to.as_ref().map_or_else(String::new, |t| t.device.to_string()))
        .column("to_channel", rows, |r| r.leg.to.as_ref().map_or_else(String::new, |t| t.channel.to_string()))
        .column("to_trunk", rows, |r| r.leg.to.as_ref().map_or_else(String::new, |t| t.trunk.to_string()))
        .column("stage", rows, |r| word(r.leg.stage))
        .column("place", rows, |r| r.leg.place.to_string())
        .column("dialed", rows, |r| r.leg.dialed.to_string())
        .column("did", rows, |r| r.leg.did.to_string())
        .column("queue", rows, |r| r.leg.queue.to_string())
        .column("started_at", rows, |r| at(r.leg.started_at))
        .column("rang_at", rows, |r| at(r.leg.rang_at))
        .column("answered_at", rows, |r| at(r.leg.answered_at))
        .column("ended_at", rows, |r| at(r.leg.ended_at))
        .column("grain_ms", rows, |r| r.leg.grain_ms)
        .column("up_before", rows, |r| r.leg.up_before)
        .column("timed_out", rows, |r| r.leg.timed_out)
        .column("disposition", rows, |r| word(r.leg.disposition))
        .column("answerer", rows, |r| word(r.leg.answerer))
        .column("cause", rows, |r| r.leg.cause)
        .column("ended_by", rows, |r| r.leg.ended_by.map(word))
        .column("moved_kind", rows, |r| r.leg.moved.as_ref().map(|m| word(m.kind)))
        .column("moved_by", rows, |r| r.leg.moved.as_ref().map_or_else(String::new, |m| m.by.to_string()))
        .column("hold_ms", rows, |r| r.leg.hold_ms)
        .column("message_left", rows, |r| r.leg.message_left)
        .column("recording", rows, |r| r.leg.recording.to_string())
        .column("ends_call", rows, |r| r.leg.ends_call)
        .column("extra", rows, |r| {
            r.leg.extra.iter().map(|(n, v)| ((*n).to_owned(), v.to_string())).collect::<Vec<_>>()
        });
    block
}

fn key_kind(kind: KeyKind) -> String {
    word(kind)
}

pub(crate) fn rejects(rows: &[RejectRow]) -> Block {
    let mut block = Block::of(rows.len());
    block
        .column("tenant", rows, |r| r.tenant.clone())
        .column("pbx", rows, |r| r.pbx.clone())
        .column("adapter", rows, |r| r.adapter.to_owned())
        .column("source", rows, |r| r.source.clone())
        .column("file", rows, |r| r.reject.position.file)
        .column("record", rows, |r| r.reject.position.record)
        .column("byte", rows, |r| r.reject.position.byte)
        .column("logged_at", rows, |r| At(r.logged_at.0))
        .column("reason", rows, |r| r.reject.reason.clone())
        .column("bytes_total", rows, |r| r.reject.bytes_total);
    // Bytes are bytes, also where they are no text.
    let bytes: Vec<&[u8]> = rows.iter().map(|r| r.reject.bytes.as_slice()).collect();
    block.column("bytes", &bytes, |b| BytesOf(b.to_vec()));
    block
}

/// Bytes that need not be text.
struct BytesOf(Vec<u8>);

impl crate::block::Kind for BytesOf {
    type Column = Vec<u8>;
    fn name() -> String {
        "String".to_owned()
    }
    fn put(self, column: &mut Vec<u8>) {
        self.0.as_slice().put(column);
    }
    fn put_default(column: &mut Vec<u8>) {
        column.push(0);
    }
    fn seal(column: Vec<u8>, out: &mut Vec<u8>) {
        out.extend_from_slice(&column);
    }
}

pub(crate) fn calls(rows: &[CallRow]) -> Block {
    let mut block = Block::of(rows.len());
    block
        .column("call_id", rows, |r| r.line.call_id.to_string())
        .column("version", rows, |r| r.version)
        .column("merged_into", rows, |r| maybe(&r.line.merged_into))
        .column("tenant", rows, |r| r.line.tenant.to_string())
        .column("site", rows, |r| maybe(&r.line.site))
        .column("pbx", rows, |r| r.line.pbx.to_string())
        .column("pbxes", rows, |r| list(&r.line.pbxes))
        .column("link_keys", rows, |r| list(&r.line.link_keys))
        .column("direction", rows, |r| r.line.direction.word().to_owned())
        .column("answered", rows, |r| word(r.line.answered))
        .column("outcome", rows, |r| r.line.outcome.word().to_owned())
        .column("missed", rows, |r| r.line.missed)
        .column("short", rows, |r| r.line.short)
        .column("out_of_hours", rows, |r| r.line.out_of_hours)
        .column("reason", rows, |r| r.line.reason.map(|x| x.word().to_owned()))
        .column("caller", rows, |r| maybe(&r.line.caller))
        .column("caller_raw", rows, |r| maybe(&r.line.caller_raw))
        .column("caller_name", rows, |r| maybe(&r.line.caller_name))
        .column("caller_extension", rows, |r| maybe(&r.line.caller_extension))
        .column("caller_person", rows, |r| maybe(&r.line.caller_person))
        .column("did", rows, |r| maybe(&r.line.did))
        .column("dialed", rows, |r| maybe(&r.line.dialed))
        .column("trunk", rows, |r| maybe(&r.line.trunk))
        .column("entry", rows, |r| maybe(&r.line.entry))
        .column("menu_path", rows, |r| list(&r.line.menu_path))
        .column("first_target", rows, |r| maybe(&r.line.first_target))
        .column("queue", rows, |r| maybe(&r.line.queue))
        .column("group", rows, |r| maybe(&r.line.group))
        .column("owner", rows, |r| maybe(&r.line.owner))
        .column("answered_by", rows, |r| list(&r.line.answered_by))
        .column("answered_by_kind", rows, |r| maybe(&r.line.answered_by_kind))
        .column("transfers", rows, |r| {
            r.line
                .transfers
                .iter()
                .map(|t| (t.kind.to_string(), maybe(&t.by), maybe(&t.to), At(t.at.0)))
                .collect::<Vec<_>>()
        })
        .column("started_at", rows, |r| At(r.line.started_at.0))
        .column("queued_at", rows, |r| at(r.line.queued_at))
        .column("rang_at", rows, |r| at(r.line.rang_at))
        .column("answered_at", rows, |r| at(r.line.answered_at))
        .column("ended_at", rows, |r| At(r.line.ended_at.0))
        .column("ended_by", rows, |r| r.line.ended_by.map(|s| s.word().to_owned()))
        .column("cause", rows, |r| r.line.cause)
        .column("wait_time_s", rows, |r| seconds(r.line.wait_time_s))
        .column("queue_wait_time_s", rows, |r| seconds(r.line.queue_wait_time_s))
        .column("ring_time_s", rows, |r| seconds(r.line.ring_time_s))
        .column("talk_time_s", rows, |r| seconds(r.line.talk_time_s))
        .column("hold_time_s", rows, |r| seconds(r.line.hold_time_s))
        .column("park_time_s", rows, |r| seconds(r.line.park_time_s))
        .column("machine_time_s", rows, |r| seconds(r.line.machine_time_s))
        .column("duration_s", rows, |r| Thousandths(r.line.duration_s.ms))
        .column("voicemail_left", rows, |r| r.line.voicemail_left)
        .column("recording_url", rows, |r| maybe(&r.line.recording_url))
        .column("rule", rows, |r| r.line.rule.to_owned())
        .column("evidence", rows, |r| list(&r.line.evidence))
        .column("follow_up_id", rows, |r| r.line.follow_up.as_ref().map(|f| f.id.to_string()))
        .column("records", rows, |r| {
            r.line
                .records
                .iter()
                .map(|n| match n {
                    calls::line::RecordRef::Number(n) => n.to_string(),
                    calls::line::RecordRef::InFile(n) => n.to_string(),
                })
                .collect::<Vec<_>>()
        })
        .column("is_final", rows, |r| r.line.is_final);
    block
}

struct Numbered<'r, T> {
    call: &'r CallRow,
    position: u32,
    what: &'r T,
}

fn numbered<'r, T>(rows: &'r [CallRow], of: impl Fn(&'r CallRow) -> &'r [T]) -> Vec<Numbered<'r, T>> {
    rows.iter()
        .flat_map(|call| (1u32..).zip(of(call)).map(move |(position, what)| Numbered { call, position, what }))
        .collect()
}

pub(crate) fn offers(calls: &[CallRow]) -> Block {
    let rows: Vec<Numbered<'_, OfferLine>> = numbered(calls, |c| &c.line.offers);
    let mut block = Block::of(rows.len());
    block
        .column("tenant", &rows, |r| r.call.line.tenant.to_string())
        .column("call_id", &rows, |r| r.call.line.call_id.to_string())
        .column("version", &rows, |r| r.call.version)
        .column("position", &rows, |r| r.position)
        .column("started_at", &rows, |r| At(r.call.line.started_at.0))
        .column("target", &rows, |r| maybe(&r.what.target))
        .column("person", &rows, |r| maybe(&r.what.person))
        .column("group", &rows, |r| maybe(&r.what.group))
        .column("queue", &rows, |r| maybe(&r.what.queue))
        .column("kind", &rows, |r| r.what.kind.to_owned())
        .column("round", &rows, |r| r.what.round)
        .column("rang_at", &rows, |r| at(r.what.rang_at))
        .column("ended_at", &rows, |r| At(r.what.ended_at.0))
        .column("end", &rows, |r| r.what.end.word().to_owned())
        .column("reason", &rows, |r| r.what.reason.map(|x| x.word().to_owned()))
        .column("person_missed", &rows, |r| r.what.person_missed);
    block
}

pub(crate) fn visits(calls: &[CallRow]) -> Block {
    let rows: Vec<Numbered<'_, VisitLine>> = numbered(calls, |c| &c.line.visits);
    let mut block = Block::of(rows.len());
    block
        .column("tenant", &rows, |r| r.call.line.tenant.to_string())
        .column("call_id", &rows, |r| r.call.line.call_id.to_string())
        .column("version", &rows, |r| r.call.version)
        .column("position", &rows, |r| r.position)
        .column("started_at", &rows, |r| At(r.call.line.started_at.0))
        .column("kind", &rows, |r| r.what.kind.to_owned())
        .column("queue", &rows, |r| r.what.queue.to_string())
        .column("group", &rows, |r| maybe(&r.what.group))
        .column("entered_at", &rows, |r| At(r.what.entered_at.0))
        .column("left_at", &rows, |r| At(r.what.left_at.0))
        .column("end", &rows, |r| maybe(&r.what.end));
    block
}

pub(crate) fn verdicts(rows: &[CallRow]) -> Block {
    let mut block = Block::of(rows.len());
    block
        .column("tenant", rows, |r| r.line.tenant.to_string())
        .column("call_id", rows, |r| r.line.call_id.to_string())
        .column("version", rows, |r| r.version)
        .column("merged_into", rows, |r| maybe(&r.line.merged_into))
        .column("outcome", rows, |r| r.line.outcome.word().to_owned())
        .column("missed", rows, |r| r.line.missed)
        .column("reason", rows, |r| r.line.reason.map(|x| x.word().to_owned()))
        .column("rule", rows, |r| r.line.rule.to_owned())
        .column("is_final", rows, |r| r.line.is_final)
        .column("decided_at", rows, |r| At(r.decided_at.0));
    block
}

/// One row a follow-up: the lines of its calls carry the same one.
pub(crate) fn follow_ups(calls: &[CallRow]) -> Block {
    let mut rows: Vec<&CallRow> = calls.iter().filter(|c| c.line.follow_up.is_some()).collect();
    let id = |c: &CallRow| c.line.follow_up.as_ref().map(|f| f.id.clone()).unwrap_or_default();
    rows.sort_by_key(|c| (id(c), c.line.started_at, c.line.call_id.clone()));
    rows.dedup_by_key(|c| id(c));
    let mut block = Block::of(rows.len());
    let told = |r: &CallRow| r.line.follow_up.clone();
    block
        .column("tenant", &rows, |r| r.line.tenant.to_string())
        .column("follow_up_id", &rows, |r| id(r).to_string())
        .column("version", &rows, |r| r.version)
        .column("merged_into", &rows, |_| None::<String>)
        .column("customer", &rows, |r| r.customer.clone())
        .column("opening_call", &rows, |r| r.line.call_id.to_string())
        .column("opened_at", &rows, |r| At(r.line.started_at.0))
        .column("status", &rows, |r| told(r).map_or_else(String::new, |f| word(f.status)))
        .column("owner", &rows, |r| told(r).and_then(|f| maybe(&f.owner)))
        .column("due_at", &rows, |r| at(told(r).and_then(|f| f.due_at)))
        .column("settled_by_call", &rows, |r| told(r).and_then(|f| maybe(&f.settled_by_call)))
        .column("settled_by", &rows, |r| told(r).and_then(|f| maybe(&f.settled_by)))
        .column("our_attempts", &rows, |r| told(r).map_or(0, |f| f.our_attempts))
        .column("customer_calls", &rows, |r| told(r).map_or(0, |f| f.customer_calls))
        .column("time_to_return_s", &rows, |r| seconds(told(r).and_then(|f| f.time_to_return_s)));
    block
}
