//! Our types as rows: one function a table, its columns in the order of `sql/schema`.

use adapters::leg::{Moment, Text};
use calls::customers::FollowUp;
use calls::line::{Answered, CallLine, FollowUpLine, OfferLine, RecordRef, Seconds, VisitLine, Word};
use calls::live::Before;
use calls::measure;
use calls::window::{WindowKey, WindowNow};
use compact_str::ToCompactString;

use crate::block::{At, Block, List, Thousandths};

/// What a row takes in a block, about: memory that is asked for once is not copied while the block grows.
const CALL_BYTES: usize = 1024;
const OFFER_BYTES: usize = 256;
const VISIT_BYTES: usize = 192;
const VERDICT_BYTES: usize = 160;
const FOLLOW_UP_BYTES: usize = 320;
const WINDOW_BYTES: usize = 96;
const MERGED_BYTES: usize = 96;

/// A call's line, with the version of this conclusion.
pub struct CallRow {
    /// The call.
    pub line: Box<CallLine>,
    /// The customer that its follow-up is owed to, where the line has one.
    pub customer: Option<String>,
    /// What its legs are found by (see [`calls::assemble::stored_keys`]); none where nothing is ever read back.
    pub keys: Vec<u64>,
    /// See [`crate::version`].
    pub version: u64,
    /// A hash of what is concluded.
    pub content: u64,
    /// When it was decided, by the log's clock.
    pub decided_at: Moment,
    /// Where it stood in the order of time until now.
    pub stood: Stood,
}

/// Where a call or a follow-up stood in the order of time until now: it is taken away from there if it stands elsewhere now.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Stood {
    /// When it began, or was opened, as it was told last, by whoever tells it now.
    pub began_at: Option<Moment>,
    /// The tables are asked where else it stands, since others may have put it there.
    pub is_asked: bool,
}

impl Stood {
    /// Nothing is known of it: the tables are asked.
    pub const UNKNOWN: Stood = Stood { began_at: None, is_asked: true };

    /// Of a conclusion; others may have put it elsewhere, if `may_stand_elsewhere`.
    #[must_use]
    pub fn of(before: Before, may_stand_elsewhere: bool) -> Stood {
        match before {
            Before::Nowhere => Stood { began_at: None, is_asked: may_stand_elsewhere },
            Before::Began(at) => Stood { began_at: Some(at), is_asked: may_stand_elsewhere },
            Before::Unknown => Stood::UNKNOWN,
        }
    }
}

pub(crate) fn at(moment: Option<Moment>) -> Option<At> {
    moment.map(|m| At(m.0))
}

pub(crate) fn seconds(seconds: Option<Seconds>) -> Option<Thousandths> {
    seconds.map(|s| Thousandths(s.ms))
}

pub(crate) fn maybe(value: &Option<Text>) -> Option<&str> {
    value.as_deref()
}

pub(crate) fn list(values: &[Text]) -> List<impl ExactSizeIterator<Item = &str> + Clone> {
    List(values.iter().map(Text::as_str))
}

pub(crate) fn answered(answered: Answered) -> &'static str {
    match answered {
        Answered::Answered => "answered",
        Answered::Unanswered => "unanswered",
    }
}

pub(crate) fn record(record: &RecordRef) -> Text {
    match record {
        RecordRef::Number(number) => number.to_compact_string(),
        RecordRef::InFile(place) => place.clone(),
    }
}

pub(crate) fn calls(rows: &[CallRow]) -> Block {
    let mut block = Block::of(rows.len(), CALL_BYTES);
    block
        .column("call_id", rows, |r| r.line.call_id.as_str())
        .column("version", rows, |r| r.version)
        .column("content", rows, |r| r.content)
        .column("keys", rows, |r| List(r.keys.iter().copied()))
        .column("merged_into", rows, |r| maybe(&r.line.merged_into))
        .column("tenant", rows, |r| r.line.tenant.as_str())
        .column("site", rows, |r| maybe(&r.line.site))
        .column("pbx", rows, |r| r.line.pbx.as_str())
        .column("pbxes", rows, |r| list(&r.line.pbxes))
        .column("link_keys", rows, |r| list(&r.line.link_keys))
        .column("direction", rows, |r| r.line.direction.word())
        .column("answered", rows, |r| answered(r.line.answered))
        .column("outcome", rows, |r| r.line.outcome.word())
        .column("missed", rows, |r| r.line.missed)
        .column("short", rows, |r| r.line.short)
        .column("out_of_hours", rows, |r| r.line.out_of_hours)
        .column("reason", rows, |r| r.line.reason.map(|x| x.word()))
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
            List(r.line.transfers.iter().map(|t| (t.kind.as_str(), maybe(&t.by), maybe(&t.to), At(t.at.0))))
        })
        .column("started_at", rows, |r| At(r.line.started_at.0))
        .column("queued_at", rows, |r| at(r.line.queued_at))
        .column("rang_at", rows, |r| at(r.line.rang_at))
        .column("answered_at", rows, |r| at(r.line.answered_at))
        .column("ended_at", rows, |r| At(r.line.ended_at.0))
        .column("ended_by", rows, |r| r.line.ended_by.map(|s| s.word()))
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
        .column("rule", rows, |r| r.line.rule)
        .column("evidence", rows, |r| list(&r.line.evidence))
        .column("follow_up_id", rows, |r| r.line.follow_up.as_ref().map(|f| f.id.as_str()))
        .column("records", rows, |r| List(r.line.records.iter().map(record)))
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
    let mut block = Block::of(rows.len(), OFFER_BYTES);
    block
        .column("tenant", &rows, |r| r.call.line.tenant.as_str())
        .column("call_id", &rows, |r| r.call.line.call_id.as_str())
        .column("version", &rows, |r| r.call.version)
        .column("position", &rows, |r| r.position)
        .column("started_at", &rows, |r| At(r.call.line.started_at.0))
        .column("target", &rows, |r| maybe(&r.what.target))
        .column("person", &rows, |r| maybe(&r.what.person))
        .column("group", &rows, |r| maybe(&r.what.group))
        .column("queue", &rows, |r| maybe(&r.what.queue))
        .column("kind", &rows, |r| r.what.kind)
        .column("round", &rows, |r| r.what.round)
        .column("rang_at", &rows, |r| at(r.what.rang_at))
        .column("ended_at", &rows, |r| At(r.what.ended_at.0))
        .column("end", &rows, |r| r.what.end.word())
        .column("reason", &rows, |r| r.what.reason.map(|x| x.word()))
        .column("person_missed", &rows, |r| r.what.person_missed);
    block
}

pub(crate) fn visits(calls: &[CallRow]) -> Block {
    let rows: Vec<Numbered<'_, VisitLine>> = numbered(calls, |c| &c.line.visits);
    let mut block = Block::of(rows.len(), VISIT_BYTES);
    block
        .column("tenant", &rows, |r| r.call.line.tenant.as_str())
        .column("call_id", &rows, |r| r.call.line.call_id.as_str())
        .column("version", &rows, |r| r.call.version)
        .column("position", &rows, |r| r.position)
        .column("started_at", &rows, |r| At(r.call.line.started_at.0))
        .column("kind", &rows, |r| r.what.kind)
        .column("queue", &rows, |r| r.what.queue.as_str())
        .column("group", &rows, |r| maybe(&r.what.group))
        .column("entered_at", &rows, |r| At(r.what.entered_at.0))
        .column("left_at", &rows, |r| At(r.what.left_at.0))
        .column("end", &rows, |r| maybe(&r.what.end));
    block
}

pub(crate) fn verdicts(rows: &[CallRow]) -> Block {
    let mut block = Block::of(rows.len(), VERDICT_BYTES);
    block
        .column("tenant", rows, |r| r.line.tenant.as_str())
        .column("call_id", rows, |r| r.line.call_id.as_str())
        .column("version", rows, |r| r.version)
        .column("merged_into", rows, |r| maybe(&r.line.merged_into))
        .column("outcome", rows, |r| r.line.outcome.word())
        .column("missed", rows, |r| r.line.missed)
        .column("reason", rows, |r| r.line.reason.map(|x| x.word()))
        .column("rule", rows, |r| r.line.rule)
        .column("is_final", rows, |r| r.line.is_final)
        .column("decided_at", rows, |r| At(r.decided_at.0));
    block
}

/// What is owed to a customer, with the version of this conclusion.
pub struct FollowUpRow {
    /// The follow-up.
    pub follow_up: FollowUp,
    /// See [`crate::version`].
    pub version: u64,
    /// A hash of what is concluded.
    pub content: u64,
    /// Where it stood in the order of time until now.
    pub stood: Stood,
}

pub(crate) fn follow_ups(rows: &[&FollowUpRow]) -> Block {
    fn line(row: &FollowUpRow) -> &FollowUpLine {
        &row.follow_up.line
    }
    let mut block = Block::of(rows.len(), FOLLOW_UP_BYTES);
    block
        .column("tenant", rows, |r| r.follow_up.tenant.as_str())
        .column("follow_up_id", rows, |r| line(r).id.as_str())
        .column("version", rows, |r| r.version)
        .column("content", rows, |r| r.content)
        .column("merged_into", rows, |r| maybe(&r.follow_up.merged_into))
        .column("customer", rows, |r| maybe(&r.follow_up.customer))
        .column("opening_call", rows, |r| r.follow_up.opening_call.as_str())
        .column("calls", rows, |r| list(&r.follow_up.calls))
        .column("calls_at", rows, |r| List(r.follow_up.calls_at.iter().map(|at| At(at.0))))
        .column("opened_at", rows, |r| At(r.follow_up.opened_at.0))
        .column("status", rows, |r| line(r).status.word())
        .column("owner", rows, |r| maybe(&line(r).owner))
        .column("due_at", rows, |r| at(line(r).due_at))
        .column("settled_by_call", rows, |r| maybe(&line(r).settled_by_call))
        .column("settled_by", rows, |r| maybe(&line(r).settled_by))
        .column("our_attempts", rows, |r| line(r).our_attempts)
        .column("customer_calls", rows, |r| line(r).customer_calls)
        .column("time_to_return_s", rows, |r| seconds(line(r).time_to_return_s))
        .column("last_at", rows, |r| At(r.follow_up.last_at.0))
        .column("closed_at", rows, |r| at(r.follow_up.closed_at))
        .column("priority", rows, |r| r.follow_up.priority)
        .column("why", rows, |r| maybe(&r.follow_up.why))
        .column("dealt_by", rows, |r| maybe(&r.follow_up.dealt_by))
        .column("dealt_until", rows, |r| at(r.follow_up.dealt_until));
    block
}

/// The follow-ups of calls whose lines carry them: one row each, by the first of its calls.
pub(crate) fn follow_ups_of(calls: &[CallRow]) -> Vec<FollowUpRow> {
    let mut told: Vec<(&CallRow, &FollowUpLine)> =
        calls.iter().filter_map(|call| Some((call, call.line.follow_up.as_ref()?))).collect();
    told.sort_by(|(a, x), (b, y)| {
        (&x.id, a.line.started_at, &a.line.call_id).cmp(&(&y.id, b.line.started_at, &b.line.call_id))
    });
    told.dedup_by(|(_, later), (_, first)| later.id == first.id);
    let row = |(call, line): (&CallRow, &FollowUpLine)| {
        let follow_up = FollowUp {
            tenant: call.line.tenant.clone(),
            customer: call.customer.as_deref().map(Into::into),
            opening_call: call.line.call_id.clone(),
            opened_at: call.line.started_at,
            last_at: call.line.started_at,
            closed_at: None,
            after: None,
            priority: 0,
            why: None,
            dealt_by: None,
            dealt_until: None,
            calls: Vec::new(),
            calls_at: Vec::new(),
            line: line.clone(),
            merged_into: None,
        };
        FollowUpRow { content: calls::content::of(&follow_up), follow_up, version: call.version, stood: Stood::UNKNOWN }
    };
    told.into_iter().map(row).collect()
}

/// A window, with the version of this conclusion.
#[derive(Clone, PartialEq, Debug)]
pub struct WindowRow {
    /// The window, a row for each of its measures.
    pub window: WindowNow,
    /// See [`crate::version`].
    pub version: u64,
}

/// One measure of a window.
struct Measured<'w> {
    window: &'w WindowRow,
    measure: &'static str,
    value: i64,
}

pub(crate) fn windows(windows: &[WindowRow]) -> Block {
    let mut rows = Vec::with_capacity(windows.iter().map(|row| row.window.values.len()).sum());
    for window in windows {
        rows.extend(window.window.values.iter().map(|(measure, value)| Measured { window, measure, value: value.0 }));
    }
    fn key<'w>(row: &Measured<'w>) -> &'w WindowKey {
        &row.window.window.key
    }
    let content = |r: &Measured<'_>| WindowNow::content_of(r.measure, measure::Thousandths(r.value));
    let mut block = Block::of(rows.len(), WINDOW_BYTES);
    block
        .column("tenant", &rows, |r| r.window.window.tenant.as_str())
        .column("scope", &rows, |r| key(r).scope.as_str())
        .column("scope_id", &rows, |r| key(r).scope_id.as_str())
        .column("size_s", &rows, |r| key(r).size_s)
        .column("opened_at", &rows, |r| At(key(r).opened_at.0))
        .column("measure", &rows, |r| r.measure)
        .column("version", &rows, |r| r.window.version)
        .column("content", &rows, content)
        .column("value", &rows, |r| Thousandths(r.value))
        .column("is_final", &rows, |r| r.window.window.is_final);
    block
}

/// A name under which a call or a follow-up was told, and that is none any more.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct MergedRow {
    /// The company.
    pub tenant: String,
    /// The name.
    pub id: String,
    /// The call or follow-up that it is part of now; empty where it is of none.
    pub merged_into: String,
    /// See [`crate::version`].
    pub version: u64,
    /// When it was decided, by the log's clock. It stands for the moment at which the call began, which nobody asks for any more.
    pub decided_at: Moment,
    /// Where it stood in the order of time until now.
    pub stood: Stood,
}

/// The rows that hide calls: what they do not tell stays at the columns' defaults.
pub(crate) fn merged_calls(rows: &[MergedRow]) -> Block {
    merged(rows, "call_id", "started_at")
}

pub(crate) fn merged_verdicts(rows: &[MergedRow]) -> Block {
    merged(rows, "call_id", "decided_at")
}

pub(crate) fn merged_follow_ups(rows: &[MergedRow]) -> Block {
    merged(rows, "follow_up_id", "opened_at")
}

fn merged(rows: &[MergedRow], id: &str, moment: &str) -> Block {
    let mut block = Block::of(rows.len(), MERGED_BYTES);
    block
        .column("tenant", rows, |r| r.tenant.as_str())
        .column(id, rows, |r| r.id.as_str())
        .column("version", rows, |r| r.version)
        .column("merged_into", rows, |r| Some(r.merged_into.as_str()))
        .column(moment, rows, |r| At(r.decided_at.0));
    block
}
