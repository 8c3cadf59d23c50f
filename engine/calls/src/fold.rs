//! The fold: legs in, one at a time and in any order; calls out when nothing that is still to come can turn them.

use std::collections::{BTreeSet, HashMap};

use adapters::leg::{Moment, Text};
use adapters::{Ends, Leg};
use rustc_hash::FxHashMap;
use smallvec::SmallVec;

use crate::assemble::{Assembly, Hold, Slot};
use crate::call::{self, Call};
use crate::follow_up::{self, Contact, Limits};
use crate::held::{Held, Packer, Told};
use crate::journey::Direction;
use crate::line::CallLine;
use crate::said::named;
use crate::site::Site;

/// A call with somebody outside of which a leg says that it is the last is held this long by the log's clock before it is called final:
/// legs of other sources and of a hand-over still find it, in milliseconds. One among us is held as long as one that no leg ends:
/// it may be a consultation for a caller who is still there.
pub const MARKED_HOLD_MS: i64 = 3_600_000;

/// Above this many held legs, calls that are marked as ended are let go sooner, so that memory has a limit.
pub const HELD_LEGS_MAX: usize = 150_000;

/// How soon, then, in milliseconds.
pub(crate) const PRESSED_HOLD_MS: i64 = 120_000;

/// A customer's earlier calls are remembered this long after they ended, so that a call that closes late still finds them, in milliseconds.
const REMEMBERED_MS: i64 = 6 * 3_600_000;

/// All calls that are open, and the follow-ups that are.
pub struct Calls<'d> {
    site: Site<'d>,
    assembly: Assembly,
    clock: Moment,
    drained_at: Moment,
    several_files: bool,
    /// `None`: every call is given as it is.
    packer: Option<Packer>,
    hold: Hold,
    limits: Limits,
    customers: HashMap<Text, Customer>,
    /// Customers with lines that wait, by the moment at which they should be looked at again.
    agenda: BTreeSet<(Moment, Text)>,
    forgot_at: Moment,
    with_open: bool,
    /// The names under which open calls were told early, each with the component that has the name: a tie may not hold.
    names: HashMap<Slot, SmallVec<[Text; 1]>>,
    /// Calls that were told early under a name that is no more.
    merged: Vec<CallLine>,
}

/// What is known of one customer: calls, and the lines that wait for their follow-up.
#[derive(Default)]
struct Customer {
    contacts: Vec<Contact>,
    lines: Vec<Held>,
    /// Where it stands on the agenda.
    due: Option<Moment>,
}

impl<'d> Calls<'d> {
    /// An empty fold. `ends` are those of the adapters whose legs will come.
    #[must_use]
    pub fn new(site: Site<'d>, ends: &[Ends], several_files: bool) -> Calls<'d> {
        let silence = ends.iter().filter_map(|e| match e {
            Ends::Silence { idle_s, .. } => Some(i64::from(*idle_s) * 1000),
            Ends::EachRecord => Some(0),
            Ends::Marker { .. } | Ends::Never => None,
        });
        let marker = ends.iter().any(|e| matches!(e, Ends::Marker { .. }));
        let grace_ms = site.directory.grace_ms();
        // Where the format has a marker, silence alone ends nothing before the grace is over.
        let idle_ms = if marker { grace_ms } else { silence.max().unwrap_or(grace_ms) };
        let limits = Limits::of(site.directory);
        let idle_ms = idle_ms.max(MARKED_HOLD_MS);
        let hold = Hold { marked_ms: MARKED_HOLD_MS, among_us_ms: idle_ms, idle_ms, by_log_time: false };
        let assembly = Assembly::new(hold).with_ties(site.directory);
        Calls {
            site,
            assembly,
            clock: Moment(i64::MIN),
            drained_at: Moment(i64::MIN),
            several_files,
            packer: Some(Packer::default()),
            hold,
            limits,
            customers: HashMap::new(),
            agenda: BTreeSet::new(),
            forgot_at: Moment(i64::MIN),
            with_open: false,
            names: HashMap::new(),
            merged: Vec::new(),
        }
    }

    /// Gives every call as it is, also those that waited for their follow-up: for whoever stores them.
    #[must_use]
    pub fn whole(mut self) -> Calls<'d> {
        self.packer = None;
        self
    }

    /// Gives a call that waits for its follow-up also before: as soon as it is final, and whenever its follow-up changes.
    /// For whoever follows what goes on.
    #[must_use]
    pub fn with_open(mut self) -> Calls<'d> {
        self.with_open = true;
        self
    }

    /// Takes one leg.
    pub fn push(&mut self, leg: Leg) -> Slot {
        let pushed = self.assembly.push(leg, self.clock);
        if !self.names.is_empty() {
            for gone in pushed.absorbed {
                let names = self.names.remove(&gone).unwrap_or_default();
                self.names.entry(pushed.slot).or_default().extend(names);
            }
        }
        pushed.slot
    }

    /// The log's clock: everything that ended before this moment has been seen, but for what is late.
    pub fn advance(&mut self, clock: Moment) {
        self.clock = self.clock.max(clock);
    }

    /// Calls that are open.
    #[must_use]
    pub fn open_calls(&self) -> usize {
        self.assembly.open_calls()
    }

    /// The verdict of an open call as it is known now. It is final if a leg said that it is the last, and those written with it
    /// have had `settle_ms` of the log's time to come; else it is early, and never acted on.
    pub fn now(&mut self, slot: Slot, settle_ms: i64) -> Option<Call> {
        let is_final = self.assembly.is_marked(slot) && self.clock.ms_since(self.assembly.last(slot)) >= settle_ms;
        let call = call::fold(self.assembly.legs(slot), &mut self.site, self.several_files, is_final)?;
        let parts = self.assembly.parts(slot);
        self.retire_names(&parts, &call.line);
        let has_name = |part: &&Slot| call::name(self.assembly.part_legs(**part)) == call.line.call_id;
        let named = if parts.len() == 1 { parts.first() } else { parts.iter().find(has_name).or(parts.first()) };
        self.names.insert(named.copied().unwrap_or(slot), SmallVec::from_elem(call.line.call_id.clone(), 1));
        Some(call)
    }

    /// Calls that [`Calls::now`] told under a name that they do not have any more, since a leg joined two of them, or showed a
    /// smaller key: the line of the call that they are part of, with their own name and `merged_into`. Each is given once.
    pub fn merged(&mut self) -> Vec<CallLine> {
        std::mem::take(&mut self.merged)
    }

    fn retire_names(&mut self, parts: &[Slot], line: &CallLine) {
        let names: Vec<Text> = parts.iter().filter_map(|part| self.names.remove(part)).flatten().collect();
        for name in names.into_iter().filter(|name| *name != line.call_id) {
            let merged_into = Some(line.call_id.clone());
            self.merged.push(CallLine { call_id: name, merged_into, follow_up: None, ..line.clone() });
        }
    }

    /// Gives every call that has become final, and whose follow-up can change no more. Cheap to ask after every leg.
    pub fn drain(&mut self, mut emit: impl FnMut(Told)) {
        const EVERY_MS: i64 = 60_000;
        if self.drained_at.0 != i64::MIN && self.clock.ms_since(self.drained_at) < EVERY_MS {
            return;
        }
        self.drained_at = self.clock;
        let quiet = if self.assembly.held_legs() > HELD_LEGS_MAX {
            let hold = Hold { marked_ms: PRESSED_HOLD_MS, among_us_ms: PRESSED_HOLD_MS, ..self.hold };
            self.assembly.quiet_sooner(self.clock, hold)
        } else {
            self.assembly.quiet(self.clock)
        };
        for slot in quiet {
            self.close(slot, &mut emit);
        }
        self.release(&mut emit);
    }

    /// The input has ended, and with it every call. Gives all that is left, by the moment at which the calls began.
    pub fn finish(&mut self, mut emit: impl FnMut(Told)) {
        let mut lines = Vec::new();
        let slots: Vec<Slot> = self.assembly.slots().collect();
        for slot in slots {
            self.close(slot, &mut |told| lines.push(told));
        }
        for (customer, mut known) in self.customers.drain() {
            if !known.lines.is_empty() {
                settle(&customer, &mut known, self.limits, self.clock);
                lines.extend(known.lines.drain(..).map(Held::told));
            }
        }
        self.agenda.clear();
        lines.sort_by(|a: &Told, b| (a.started_at(), a.call_id()).cmp(&(b.started_at(), b.call_id())));
        for line in lines {
            emit(line);
        }
    }

    fn close(&mut self, slot: Slot, emit: &mut impl FnMut(Told)) {
        let parts = self.assembly.parts(slot);
        let legs = self.assembly.take(slot);
        let legs = legs.iter().map(AsRef::as_ref);
        let Some(mut call) = call::fold(legs, &mut self.site, self.several_files, true) else { return };
        self.retire_names(&parts, &call.line);
        let contact = contact(&call);
        if call.owed && call.withheld {
            call.line.follow_up = Some(follow_up::withheld(&call.line.tenant, &contact, &[]).line);
        }
        let Some(customer) = call.customer.clone() else { return emit(Told::Call(call.line)) };
        let known = self.customers.entry(customer.clone()).or_default();
        known.contacts.push(contact);
        if call.owed && !call.withheld {
            known.lines.push(Held::new(call.line, self.packer.as_mut()));
        } else {
            emit(Told::Call(call.line));
        }
        if self.with_open && !known.lines.is_empty() {
            let before: Vec<_> = known.lines.iter().map(|l| l.follow_up.clone()).collect();
            settle(&customer, known, self.limits, self.clock);
            let changed = known.lines.iter().zip(before).filter(|(line, before)| line.follow_up != *before);
            changed.for_each(|(line, _)| emit(Told::Open(Box::new(line.clone()))));
        }
        // What this call decides of the customer is sure only when no earlier call can come any more: until then there is nothing to do.
        let sure = self.clock.plus_ms(REMEMBERED_MS);
        if !known.lines.is_empty() && known.due.is_none_or(|due| due > sure) {
            if let Some(due) = known.due.replace(sure) {
                self.agenda.remove(&(due, customer.clone()));
            }
            self.agenda.insert((sure, customer));
        }
    }

    /// Gives the lines whose follow-up is settled for good, and forgets contacts that can matter no more.
    fn release(&mut self, emit: &mut impl FnMut(Told)) {
        let sure = self.clock.plus_ms(-REMEMBERED_MS);
        let mut done = Vec::new();
        while self.agenda.first().is_some_and(|(due, _)| *due <= self.clock) {
            let Some((_, customer)) = self.agenda.pop_first() else { break };
            let Some(known) = self.customers.get_mut(&customer) else { continue };
            known.due = None;
            let closed = settle(&customer, known, self.limits, self.clock);
            let is_ready = |l: &mut Held| closed.get(&l.call_id).is_some_and(|at| *at < sure);
            done.extend(known.lines.extract_if(.., is_ready));
            let Some(first) = known.lines.iter().map(|l| l.started_at).min() else { continue };
            known.contacts.retain(|c| c.ended_at >= sure || c.ended_at >= first);
            // A settled one waits until no earlier call can come; an open one until it expires.
            let next = known.lines.iter().map(|l| {
                let decided = closed
                    .get(&l.call_id)
                    .copied()
                    .unwrap_or_else(|| l.started_at.plus_ms(self.limits.expires_after_ms));
                decided.plus_ms(REMEMBERED_MS + 1)
            });
            if let Some(due) = next.min() {
                let due = due.max(self.clock.plus_ms(1));
                known.due = Some(due);
                self.agenda.insert((due, customer));
            }
        }
        if self.clock.ms_since(self.forgot_at) > FORGET_EVERY_MS || self.forgot_at.0 == i64::MIN {
            self.forgot_at = self.clock;
            self.customers.retain(|_, known| {
                if known.lines.is_empty() {
                    known.contacts.retain(|c| c.ended_at >= sure);
                }
                !known.contacts.is_empty() || !known.lines.is_empty()
            });
        }
        done.sort_by(|a, b| (a.started_at, &a.call_id).cmp(&(b.started_at, &b.call_id)));
        for held in done {
            emit(held.told());
        }
    }
}

/// How often customers without an open follow-up are looked through, in milliseconds of the log's time.
const FORGET_EVERY_MS: i64 = 3_600_000;

/// Writes each follow-up into its missed calls' lines; gives when each was closed.
fn settle(customer: &str, known: &mut Customer, limits: Limits, now: Moment) -> FxHashMap<Text, Moment> {
    let tenant = known.lines.first().map(|l| l.tenant().clone()).unwrap_or_default();
    let mut closed = FxHashMap::default();
    let index: FxHashMap<Text, usize> = known.lines.iter().enumerate().map(|(i, l)| (l.call_id.clone(), i)).collect();
    let of = follow_up::Customer {
        tenant: &tenant,
        number: customer,
        contacts: &known.contacts,
        said: &[],
        ended: &[],
        lasted: None,
    };
    for episode in follow_up::episodes(&of, limits, now) {
        for call in &episode.missed {
            if let Some(at) = episode.closed_at {
                closed.insert(call.clone(), at);
            }
            if let Some(line) = index.get(call).and_then(|i| known.lines.get_mut(*i)) {
                line.follow_up = Some(episode.line.clone());
            }
        }
    }
    closed
}

pub(crate) fn contact(call: &Call) -> Contact {
    let line = &call.line;
    let talks = match line.direction {
        Direction::Inbound if line.outcome == crate::verdict::Outcome::LostInTransfer => SmallVec::new(),
        _ => call.talks.clone(),
    };
    Contact {
        started_at: line.started_at,
        call_id: line.call_id.clone(),
        ended_at: line.ended_at,
        direction: line.direction,
        owed: call.owed,
        talks,
        talked: match line.direction {
            Direction::Inbound => line.answered_by.last().cloned(),
            _ => line.caller_person.clone().or_else(|| line.caller_extension.clone()),
        },
        owner: line.owner.clone(),
        due_at: call.due_at,
        not_returnable: call.not_returnable,
        names: match line.direction {
            Direction::Outbound => line.link_keys.iter().map(|key| named(key)).collect(),
            Direction::Inbound | Direction::Internal => Box::default(),
        },
    }
}
