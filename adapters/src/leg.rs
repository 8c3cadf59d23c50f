//! The leg: one path between two ends, as one PBX tells it. Every adapter ends here, and everything after it begins here.
//!
//! A record becomes one leg or several (one line of 3CX v18 tells a whole chain).
//! A source that writes moments instead of paths (Asterisk's CEL, a queue log) gives *partial* legs, one per moment:
//! `calls` folds them into paths.
//! A field that the record does not tell is `None` or empty: never zero, never a guess.

use std::sync::Arc;

use compact_str::CompactString;
use smallvec::SmallVec;

/// Short text: most values of a call record fit in 24 bytes and need no allocation.
pub type Text = CompactString;

/// A moment in UTC, in milliseconds since 1970.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct Moment(pub i64);

impl Moment {
    /// The moment `milliseconds` later (or earlier, if negative); saturates at the ends of time.
    #[must_use]
    pub fn plus_ms(self, milliseconds: i64) -> Moment {
        Moment(self.0.saturating_add(milliseconds))
    }

    /// Milliseconds from `earlier` to this moment; negative if it is later.
    #[must_use]
    pub fn ms_since(self, earlier: Moment) -> i64 {
        self.0.saturating_sub(earlier.0)
    }
}

/// Which installed exchange told it, in which format.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Origin {
    /// The company.
    pub tenant: Text,
    /// The exchange's id in the site file.
    pub pbx: Text,
    /// The adapter's name: a file name of `pbx/`.
    pub adapter: &'static str,
}

/// Where a record was read.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct Position {
    /// Number of the file among those that are read together, from 1; 0 for a stream.
    pub file: u32,
    /// Number of the record in its file, from 1; header lines are not counted.
    pub record: u64,
    /// Offset of the record's first byte in its file or stream.
    pub byte: u64,
}

/// 128 bits that name a leg for ever: the same record read twice gives the same id.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct LegId(pub u128);

/// What joins legs into one call. Two legs of one PBX that share a key are one call.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct LinkKey {
    /// How long the value means the same thing.
    pub kind: KeyKind,
    /// The value as the PBX writes it.
    pub value: Text,
}

/// How long the value of a link key means the same thing, and whether people look for it.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub enum KeyKind {
    /// An id of a call or a leg that the PBX never gives twice (Asterisk `linkedid`, 3CX `call_history_id`). Printed.
    Id,
    /// A name that the PBX gives again after a while (a channel's name, a wrapping call number):
    /// it joins only legs whose times touch. Not printed.
    Reused,
    /// The trace that a caller's leg leaves when its person may have passed the caller on: joins only a `TakeOver` of equal value. Not printed.
    HandOver,
    /// The trace that a consultation leaves when the caller may have been joined to it. Not printed.
    TakeOver,
}

/// One end of a leg.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct End {
    /// What is at this end.
    pub kind: EndKind,
    /// Extension or number as recorded; empty if not told.
    pub number: Text,
    /// Name as recorded.
    pub name: Text,
    /// The telephone or trunk (`PJSIP/101`, `SEP001122334455`), without what makes it one call's.
    pub device: Text,
    /// The PBX's name for this end in this call (a channel, a leg id, a participant): the same end in two legs has the same.
    pub channel: Text,
    /// The trunk's name in the site file, where the end is outside.
    pub trunk: Text,
}

/// What is at one end of a leg.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default, PartialOrd, Ord)]
pub enum EndKind {
    /// The record does not say.
    #[default]
    Unknown,
    /// A telephone of ours.
    Person,
    /// Somebody outside, over a trunk.
    Outside,
    /// A joint inside the PBX with a path on its other side (a `Local` channel's half).
    Joint,
    /// A machine of the PBX.
    Machine,
}

/// Where of ours the leg took place: what the caller was in while it lasted.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default, PartialOrd, Ord)]
pub enum Stage {
    /// Not told.
    #[default]
    Unknown,
    /// A number of ours, before anything was reached.
    Number,
    /// One person's telephone.
    Extension,
    /// Extensions rung by a rule.
    HuntGroup,
    /// A queue: callers wait, agents answer.
    Queue,
    /// After a queue gave up or could not be joined.
    AfterQueue,
    /// The caller left a queue by a key.
    QueueExit,
    /// A call moved on before an answer.
    Forward,
    /// An interactive menu.
    Menu,
    /// A menu entry or announcement that the site marks as the end of self-service.
    Final,
    /// An announcement.
    Announcement,
    /// A message that turns callers away.
    Closed,
    /// A mailbox.
    Mailbox,
    /// A parking place.
    Park,
    /// Somebody takes a call out of a parking place.
    ParkRetrieve,
    /// A conference room.
    Conference,
    /// Dialed from a telephone of ours.
    Inside,
    /// On the way out over a trunk.
    Outbound,
    /// A call that the engine had the PBX place.
    OwnCall,
    /// Recording or monitoring: no call of its own.
    Recording,
}

/// How a leg ended, as far as its record tells.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default, PartialOrd, Ord)]
pub enum Disposition {
    /// Not told.
    #[default]
    Unknown,
    /// The far end, or the PBX in its place, answered.
    Answered,
    /// It rang until somebody gave up.
    NoAnswer,
    /// The device was busy.
    Busy,
    /// The callee refused.
    Declined,
    /// The caller gave up while it rang.
    Canceled,
    /// Another telephone of the same call was faster.
    AnsweredElsewhere,
    /// No device is registered there.
    NotRegistered,
    /// Do-not-disturb was on.
    DoNotDisturb,
    /// No line, no free resource.
    Congestion,
    /// A number, route or network fault.
    Failed,
    /// The leg was ended by a feature: the call goes on elsewhere.
    MovedOn,
}

/// Who or what picked up.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default, PartialOrd, Ord)]
pub enum Answerer {
    /// Nobody did, or the record does not say who.
    #[default]
    Unknown,
    /// A person.
    Person,
    /// A machine: menu, music, mailbox, announcement, recorder.
    Machine,
}

/// Which side ended a leg.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, PartialOrd, Ord)]
pub enum Side {
    /// Whoever placed the call.
    Caller,
    /// Whoever was called.
    Callee,
    /// The network or the PBX.
    Network,
}

/// How a caller was moved from one end to another.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, PartialOrd, Ord)]
pub enum MoveKind {
    /// An answered call moved on without asking.
    Blind,
    /// An answered call moved on after asking.
    Attended,
    /// Put into a parking place.
    Park,
    /// Moved on before an answer.
    Forward,
    /// Taken by another telephone while it rang.
    Pickup,
}

/// A move that this leg began with (`by` moved the caller here) .
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Move {
    /// How.
    pub kind: MoveKind,
    /// The extension that did it, or the number that forwarded; empty if not told.
    pub by: Text,
}

/// What a partial leg tells: one moment of a channel or of a stay in a queue.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, PartialOrd, Ord)]
pub enum Event {
    /// The channel came into being. `detail`: the context.
    Started,
    /// An application took the channel. `detail`: its name; `argument`: its arguments.
    AppStarted,
    /// The application let it go.
    AppEnded,
    /// The channel was answered.
    Answered,
    /// It entered a bridge. `detail`: the bridge.
    BridgeEntered,
    /// It left a bridge. `detail`: the bridge.
    BridgeLeft,
    /// Music or a prompt begins. `detail`: `hold` or `prompt`.
    StreamStarted,
    /// Music or a prompt ends.
    StreamEnded,
    /// The person at this channel passed the other end on without asking. `detail`: the extension dialed; `argument`: the other channel.
    BlindTransfer,
    /// The person at this channel joined two calls. `detail`: the other channel of theirs; `argument`: the channel that stays.
    AttendedTransfer,
    /// This channel took the ringing call of another. `detail`: that channel.
    Pickup,
    /// The call was moved on before an answer. `detail`: to what.
    Forward,
    /// Into a parking place. `detail`: the place.
    Parked,
    /// Out of it. `detail`: why; `argument`: who took it.
    Unparked,
    /// A key was pressed. `detail`: the key.
    Key,
    /// Two joint halves were replaced by what they joined. `detail`: the other half.
    Optimized,
    /// The channel was hung up. `cause` is told; `detail`: the channel that ended it; `argument`: the dial status.
    HungUp,
    /// The channel is gone.
    Ended,
    /// The last channel of the call is gone.
    CallEnded,
    /// The caller entered a queue.
    QueueEntered,
    /// An agent's telephone was rung and gave up. `length_ms`: how long.
    QueueRangOut,
    /// An agent's telephone stopped ringing since the caller had left. `length_ms`: how long.
    QueueRingCanceled,
    /// An agent took the caller. `length_ms`: how long the caller had waited.
    QueueConnected,
    /// The caller hung up in the queue. `length_ms`: the wait.
    QueueAbandoned,
    /// The queue gave the caller up after its time. `length_ms`: the wait.
    QueueTimedOut,
    /// The caller left by a key. `detail`: the key; `length_ms`: the wait.
    QueueLeftByKey,
    /// The queue put the caller out since nobody was signed in any more. `length_ms`: the wait.
    QueueEmptied,
    /// The caller could not join.
    QueueNotJoined,
    /// The talk with the agent ended. `detail`: `agent`, `caller` or `transfer`; `length_ms`: the talk.
    QueueCompleted,
    /// A state of an agent or of the queue, of no call (`ADDMEMBER`, `PAUSE`).
    Presence,
    /// A moment that says nothing of who was where.
    Noted,
}

/// One path between two ends, as one PBX tells it; or, where `event` is set, one moment of it.
#[derive(Clone, PartialEq, Debug)]
pub struct Leg {
    /// The leg's name for ever.
    pub leg_id: LegId,
    /// Who told it.
    pub origin: Arc<Origin>,
    /// Where its record was read.
    pub position: Position,
    /// The PBX's own id of the record, as printed; empty where the format has none.
    pub native_id: Text,
    /// The PBX's own order of making legs, for two that began in the same moment; 0 where the format has none.
    pub order: u64,
    /// What joins it to other legs.
    pub link_keys: SmallVec<[LinkKey; 4]>,
    /// `None`: a whole path. Else the one moment that this partial leg tells, at `started_at`.
    pub event: Option<Event>,
    /// Says more about `event` (see there).
    pub detail: Text,
    /// Says still more about `event` (see there).
    pub argument: Text,
    /// A length told with `event`; of a path of which no moment is told, how long it was answered. In milliseconds.
    pub length_ms: Option<i64>,

    /// Who placed it.
    pub from: End,
    /// Who was rung or reached; `None` where the caller was alone with the PBX.
    pub to: Option<End>,
    /// Where of ours it took place.
    pub stage: Stage,
    /// The name of that place: a queue, a menu, a mailbox.
    pub place: Text,
    /// The digits as dialed.
    pub dialed: Text,
    /// The number of ours that the caller dialed, as recorded.
    pub did: Text,
    /// The queue or hunt group, where the record names it.
    pub queue: Text,
    /// When it began.
    pub started_at: Option<Moment>,
    /// When the far device began to ring.
    pub rang_at: Option<Moment>,
    /// When it was answered; see `up_before`.
    pub answered_at: Option<Moment>,
    /// When it ended.
    pub ended_at: Option<Moment>,
    /// The moments are no finer than this, in milliseconds (1, 1000, 60000).
    pub grain_ms: u32,
    /// The caller's channel was answered before this leg began, so `answered_at` is not the far end's answer.
    pub up_before: bool,
    /// The PBX gave up ringing: the leg lasted as long as it was allowed to. `None`: not told.
    pub timed_out: Option<bool>,
    /// How it ended.
    pub disposition: Disposition,
    /// Who or what picked up.
    pub answerer: Answerer,
    /// The network's release code, Q.850.
    pub cause: Option<u16>,
    /// Which side ended it.
    pub ended_by: Option<Side>,
    /// How the caller came here, if they were moved.
    pub moved: Option<Move>,
    /// The time on hold after the answer, where the record separates it, in milliseconds.
    pub hold_ms: Option<i64>,
    /// A message was left, in a mailbox.
    pub message_left: Option<bool>,
    /// Where the recording is.
    pub recording: Text,
    /// This record is the last that the PBX writes of its call.
    pub ends_call: bool,
    /// The record's own fields that have no place above: name and value as written.
    pub extra: SmallVec<[(&'static str, Text); 2]>,
}

impl Leg {
    /// An empty leg of this origin, read here.
    #[must_use]
    pub fn new(origin: &Arc<Origin>, position: Position) -> Leg {
        Leg {
            leg_id: LegId::default(),
            origin: Arc::clone(origin),
            position,
            native_id: Text::default(),
            order: 0,
            link_keys: SmallVec::new(),
            event: None,
            detail: Text::default(),
            argument: Text::default(),
            length_ms: None,
            from: End::default(),
            to: None,
            stage: Stage::Unknown,
            place: Text::default(),
            dialed: Text::default(),
            did: Text::default(),
            queue: Text::default(),
            started_at: None,
            rang_at: None,
            answered_at: None,
            ended_at: None,
            grain_ms: 1,
            up_before: false,
            timed_out: None,
            disposition: Disposition::Unknown,
            answerer: Answerer::Unknown,
            cause: None,
            ended_by: None,
            moved: None,
            hold_ms: None,
            message_left: None,
            recording: Text::default(),
            ends_call: false,
            extra: SmallVec::new(),
        }
    }

    /// From the first moment that it tells to its end; a leg that tells none was in 1970.
    #[must_use]
    pub fn span(&self) -> (Moment, Moment) {
        let from = self.started_at.or(self.answered_at).or(self.ended_at).unwrap_or_default();
        (from, self.ended_at.unwrap_or(from).max(from))
    }

    /// Adds a link key; an empty value joins nothing and is left out.
    pub fn link(&mut self, kind: KeyKind, value: impl Into<Text>) {
        let value = value.into();
        if !value.is_empty() && !self.link_keys.iter().any(|k| k.kind == kind && k.value == value) {
            self.link_keys.push(LinkKey { kind, value });
        }
    }

    /// Names the leg by what the PBX calls it: tenant, PBX, native id, and whatever else tells apart records that share it.
    /// `part` numbers the legs of one record.
    pub fn name_by_native_id(&mut self, distinct: &[&[u8]], part: u8) {
        let mut hash = Hasher::of(&self.origin);
        hash.field(self.native_id.as_bytes());
        for field in distinct {
            hash.field(field);
        }
        hash.field(&[part]);
        self.leg_id = hash.finish();
    }

    /// Names the leg by where it was read, for formats without an id: content is never an id,
    /// since minute-resolution lines of two calls can be equal.
    /// `source` is the file's or collector's identity.
    pub fn name_by_position(&mut self, source: &[u8], part: u8) {
        let mut hash = Hasher::of(&self.origin);
        hash.field(source);
        hash.field(&self.position.byte.to_le_bytes());
        hash.field(&[part]);
        self.leg_id = hash.finish();
    }
}

/// Fields one after the other, each with its length before it, so that no two lists of fields are the same bytes.
/// They are gathered first: the hash of few bytes at once costs a tenth of the same hash fed in pieces.
struct Hasher(Vec<u8>);

impl Hasher {
    fn of(origin: &Origin) -> Hasher {
        let mut hash = Hasher(Vec::with_capacity(256));
        hash.field(origin.tenant.as_bytes());
        hash.field(origin.pbx.as_bytes());
        hash.field(origin.adapter.as_bytes());
        hash
    }

    fn field(&mut self, bytes: &[u8]) {
        self.0.extend_from_slice(&(bytes.len() as u64).to_le_bytes());
        self.0.extend_from_slice(bytes);
    }

    fn finish(self) -> LegId {
        LegId(xxhash_rust::xxh3::xxh3_128(&self.0))
    }
}
