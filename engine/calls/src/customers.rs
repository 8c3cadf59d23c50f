//! What is owed to every customer, while calls go on: follow-ups told when they open, and again when they change.
//!
//! A follow-up is a function of the calls with one customer and of what was said about them ([`crate::follow_up`]); here is all of that
//! which can still matter.

use std::collections::BTreeSet;
use std::hash::{Hash, Hasher};

use adapters::leg::{Moment, Text};
use rustc_hash::{FxHashMap, FxHashSet};

use crate::follow_up::{self, Contact, Customer, Episode, Limits};
use crate::line::{FollowUpLine, FollowUpStatus};
use crate::live::Before;
use crate::said::Said;

/// One follow-up, with the missed calls that are one item in it.
#[derive(Clone, Debug, PartialEq)]
pub struct FollowUp {
    /// The company.
    pub tenant: Text,
    /// The customer's number; `None`: withheld.
    pub customer: Option<Text>,
    /// The call that opened it.
    pub opening_call: Text,
    /// When that call began.
    pub opened_at: Moment,
    /// When the last of its missed calls began.
    pub last_at: Moment,
    /// When it was settled or expired: no call joins it from then on. `None` before; the beginning of the call where the number was
    /// withheld.
    pub closed_at: Option<Moment>,
    /// The last moment of the customer's follow-up before this one: what the customer did after it, up to `closed_at`, belongs to this
    /// one. Where none is remembered, a moment after which there was none. `None` where the number was withheld.
    pub after: Option<Moment>,
    /// How soon it should be dealt with, from 0 to 100; of two that are equal, the one that was opened first.
    pub priority: u8,
    /// Why somebody settled it by hand, in their words; or why it is not returnable: withheld, do_not_call, fax.
    pub why: Option<Text>,
    /// Who deals with it now.
    pub dealt_by: Option<Text>,
    /// When their claim lapses, unless they say it again.
    pub dealt_until: Option<Moment>,
    /// Its missed calls, the opening one first.
    pub calls: Vec<Text>,
    /// When each of them began, in the same order.
    pub calls_at: Vec<Moment>,
    /// What is printed with each of them.
    pub line: FollowUpLine,
    /// It is none any more: the follow-up that its opening call is part of now, or empty if that call is owed nothing any more.
    pub merged_into: Option<Text>,
}

// `after` is not of what is stored of this one: it is known only as long as the follow-up before it is remembered.
impl Hash for FollowUp {
    fn hash<H: Hasher>(&self, state: &mut H) {
        let FollowUp { tenant, customer, opening_call, opened_at, last_at, closed_at, .. } = self;
        (tenant, customer, opening_call, opened_at, last_at, closed_at).hash(state);
        let FollowUp { priority, why, dealt_by, dealt_until, calls, calls_at, line, merged_into, .. } = self;
        (priority, why, dealt_by, dealt_until, calls, calls_at, line, merged_into).hash(state);
    }
}

/// A customer's earlier calls are remembered this long after they became known, in milliseconds of the log's time: a call that a late
/// leg turns into a missed one still finds the talk that settled it. By the log's time, since history that is read anew is old already.
const REMEMBERED_MS: i64 = 8 * 86_400_000;

/// Above this many remembered calls, those of customers who are owed nothing are let go sooner, so that memory has a limit.
pub const CONTACTS_MAX: usize = 2_000_000;

/// How soon, then, in milliseconds.
const PRESSED_MS: i64 = 86_400_000;

/// All customers with calls that can still matter. The empty number stands for all who withheld theirs.
pub struct Customers {
    tenant: Text,
    limits: Limits,
    known: FxHashMap<Text, Known>,
    changed: FxHashSet<Text>,
    /// When a follow-up expires, or a claim lapses.
    changing: BTreeSet<(Moment, Text)>,
    /// When an open follow-up is due that was not told so.
    due: BTreeSet<(Moment, Text)>,
    /// Customers of whom one is due until somebody asks.
    waiting: BTreeSet<Text>,
    forgot_at: Moment,
}

#[derive(Default)]
struct Known {
    contacts: Vec<Contact>,
    /// Since when each of them is known.
    since: Vec<Since>,
    /// What was said, and when it became known.
    said: Vec<(Said, Moment)>,
    /// When follow-ups that are forgotten ended.
    ended: Vec<Moment>,
    /// When a follow-up ended of whose calls not all were read back.
    lasted: Option<Moment>,
    told: Vec<Told>,
}

/// Since when a call is known.
#[derive(Clone, Copy, Default)]
struct Since {
    /// When it became known.
    at: Moment,
    /// It may have opened what was told before and is not among what is remembered as told: that is forgotten, or another fold told it.
    is_doubted: bool,
}

struct Told {
    follow_up: FollowUp,
    content: u64,
    /// When it was told.
    at: Moment,
    /// It was told that it is due.
    is_due: bool,
}

impl Known {
    fn is_empty(&self) -> bool {
        self.contacts.is_empty() && self.told.is_empty() && self.said.is_empty() && self.lasted.is_none()
    }

    fn retain(&mut self, mut stays: impl FnMut(&Contact, Moment) -> bool) {
        let mut all = self.since.iter();
        let mut kept = Vec::with_capacity(self.since.len());
        self.contacts.retain(|contact| {
            let since = all.next().copied().unwrap_or_default();
            let stays = stays(contact, since.at);
            kept.extend(stays.then_some(since));
            stays
        });
        self.since = kept;
    }

    /// Where this follow-up stood in the order of time, which was told last as that.
    fn before(&self, follow_up: &FollowUp, told: Option<&Told>) -> Before {
        if let Some(told) = told {
            return Before::Began(told.follow_up.opened_at);
        }
        let of_opening = self.contacts.iter().position(|contact| contact.call_id == follow_up.opening_call);
        let since = of_opening.and_then(|at| self.since.get(at));
        if since.is_none_or(|since| since.is_doubted) { Before::Unknown } else { Before::Nowhere }
    }
}

impl Customers {
    /// Nobody yet.
    #[must_use]
    pub fn new(tenant: Text, limits: Limits) -> Customers {
        Customers {
            tenant,
            limits,
            known: FxHashMap::default(),
            changed: FxHashSet::default(),
            changing: BTreeSet::new(),
            due: BTreeSet::new(),
            waiting: BTreeSet::new(),
            forgot_at: Moment(i64::MIN),
        }
    }

    /// A call with this customer is final. `was_final`: under this name it may have been so before, here or where it was read back from.
    pub fn add(&mut self, customer: &Text, contact: Contact, was_final: bool, clock: Moment) {
        let known = self.known.entry(customer.clone()).or_default();
        if known.contacts.contains(&contact) {
            return;
        }
        known.contacts.push(contact);
        known.since.push(Since { at: clock, is_doubted: was_final });
        self.changed.insert(customer.clone());
    }

    /// A follow-up of this customer was opened before the first call that is read back, and closed then, or is to expire. What they missed
    /// up to its end is part of it, and is told already.
    pub fn lasted(&mut self, customer: &Text, opened_at: Moment, closed_at: Option<Moment>) {
        let ended = closed_at.unwrap_or_else(|| opened_at.plus_ms(self.limits.expires_after_ms));
        let known = self.known.entry(customer.clone()).or_default();
        known.lasted = known.lasted.max(Some(ended.max(opened_at.plus_ms(1))));
    }

    /// Something was said about this customer; the empty number: about somebody who withheld it.
    pub fn say(&mut self, customer: &Text, said: Said, clock: Moment) {
        let known = self.known.entry(customer.clone()).or_default();
        if known.said.iter().any(|(before, _)| before.id == said.id) {
            return;
        }
        known.said.push((said, clock));
        self.changed.insert(customer.clone());
    }

    /// A call is what it was, and is remembered from now on. False if it is not known any more.
    pub fn saw_again(&mut self, customer: &Text, call_id: &Text, clock: Moment) -> bool {
        let Some(known) = self.known.get_mut(customer) else { return false };
        let of_call = known.contacts.iter().position(|contact| contact.call_id == *call_id);
        let Some(since) = of_call.and_then(|at| known.since.get_mut(at)) else { return false };
        since.at = clock;
        true
    }

    /// A call is no more what it was.
    pub fn remove(&mut self, customer: &Text, call_id: &Text) {
        if let Some(known) = self.known.get_mut(customer) {
            known.retain(|contact, _| contact.call_id != *call_id);
            self.changed.insert(customer.clone());
        }
    }

    /// When the next follow-up expires or is due, or the next claim lapses.
    #[must_use]
    pub fn next_due(&self) -> Option<Moment> {
        [self.changing.first(), self.due.first()].into_iter().flatten().map(|(due, _)| *due).min()
    }

    /// Follow-ups that are open though they are due, each once: what is settled before it is asked for was never due.
    /// To be asked after [`Customers::conclude`], with the same clock.
    pub fn take_due(&mut self, clock: Moment) -> Vec<FollowUp> {
        let mut due = Vec::new();
        for customer in std::mem::take(&mut self.waiting) {
            let Some(known) = self.known.get_mut(&customer) else { continue };
            for told in known.told.iter_mut().filter(|told| !told.is_due) {
                if waits_for(&told.follow_up).is_some_and(|at| at <= clock) {
                    told.is_due = true;
                    due.push(told.follow_up.clone());
                }
            }
        }
        due
    }

    /// Gives every follow-up that has changed since it was asked last, with where it stood in the order of time until now.
    pub fn conclude(&mut self, clock: Moment, emit: &mut impl FnMut(FollowUp, Before)) {
        while let Some((due, customer)) = self.changing.first().cloned().filter(|(due, _)| *due <= clock) {
            self.changing.remove(&(due, customer.clone()));
            self.changed.insert(customer);
        }
        let mut changed: Vec<Text> = self.changed.drain().collect();
        changed.sort_unstable();
        for customer in changed {
            self.conclude_one(&customer, clock, emit);
        }
        while self.due.first().is_some_and(|(at, _)| *at <= clock) {
            self.waiting.extend(self.due.pop_first().map(|(_, customer)| customer));
        }
        const EVERY_MS: i64 = 3_600_000;
        if self.forgot_at.0 == i64::MIN || clock.ms_since(self.forgot_at) >= EVERY_MS {
            self.forgot_at = clock;
            self.forget(clock);
        }
    }

    fn conclude_one(&mut self, customer: &Text, clock: Moment, emit: &mut impl FnMut(FollowUp, Before)) {
        let Some(known) = self.known.get_mut(customer) else { return };
        let said: Vec<Said> = known.said.iter().map(|(said, _)| said.clone()).collect();
        let of = Customer {
            tenant: &self.tenant,
            number: customer,
            contacts: &known.contacts,
            said: &said,
            ended: &known.ended,
            lasted: known.lasted,
        };
        let now = follow_ups(&of, self.limits, clock);
        // All who withheld their numbers are in one list, so each is looked up.
        let names: FxHashSet<&Text> = now.iter().map(|f| &f.line.id).collect();
        let before: FxHashMap<&Text, &Told> = known.told.iter().map(|t| (&t.follow_up.line.id, t)).collect();
        for told in &known.told {
            let gone = &told.follow_up;
            if !names.contains(&gone.line.id) {
                let successor = now.iter().find(|f| f.calls.contains(&gone.opening_call));
                let merged_into = successor.map(|f| f.line.id.clone()).unwrap_or_default();
                emit(FollowUp { merged_into: Some(merged_into), ..gone.clone() }, Before::Began(gone.opened_at));
            }
        }
        let mut next_told = Vec::with_capacity(now.len());
        for mut follow_up in now {
            let content = crate::content::of(&follow_up);
            let before = before.get(&follow_up.line.id).copied();
            let forgotten = || follow_up.opened_at.plus_ms(-REMEMBERED_MS);
            follow_up.after = follow_up.after.or_else(|| follow_up.customer.as_ref().map(|_| forgotten()));
            let is_same = |t: &&Told| t.content == content && t.follow_up.after == follow_up.after;
            let known_since = before.filter(is_same).map(|t| t.at);
            if known_since.is_none() {
                emit(follow_up.clone(), known.before(&follow_up, before));
            }
            let is_due = before.is_some_and(|t| t.is_due);
            if let Some(due) = waits_for(&follow_up).filter(|_| !is_due) {
                self.due.insert((due, customer.clone()));
            }
            let expires = follow_up.opened_at.plus_ms(self.limits.expires_after_ms);
            let expires = follow_up.closed_at.is_none().then_some(expires);
            for at in expires.into_iter().chain(follow_up.dealt_until).filter(|at| *at > clock) {
                self.changing.insert((at, customer.clone()));
            }
            next_told.push(Told { follow_up, content, at: known_since.unwrap_or(clock), is_due });
        }
        known.told = next_told;
        if known.is_empty() {
            self.known.remove(customer);
        }
    }

    /// Forgets calls that are older than all that can still change.
    fn forget(&mut self, clock: Moment) {
        let contacts: usize = self.known.values().map(|known| known.contacts.len()).sum();
        let remembered_ms = if contacts > CONTACTS_MAX { PRESSED_MS } else { REMEMBERED_MS };
        let sure = clock.plus_ms(-remembered_ms);
        self.known.retain(|_, known| {
            let is_over = |t: &Told| t.follow_up.closed_at.is_some() && t.at < sure;
            let first = known.told.iter().filter(|t| !is_over(t)).map(|t| t.follow_up.opened_at).min();
            let over = known.told.iter().filter(|t| is_over(t)).map(|t| &t.follow_up);
            known.ended.extend(over.filter_map(|f| Some(f.closed_at?.max(f.opened_at.plus_ms(1)))));
            known.ended.extend(known.lasted.take_if(|at| *at < sure));
            let told = known.told.len();
            known.told.retain(|t| !is_over(t));
            if known.told.len() < told {
                known.since.iter_mut().for_each(|since| since.is_doubted = true);
            }
            known.retain(|c, known_at| known_at >= sure || first.is_some_and(|first| c.ended_at >= first));
            // What was said stays as long as a call that it may be about.
            let earliest = known.contacts.iter().map(|c| c.started_at).chain(first).min();
            // Of what ended before all that is left, the last one is enough.
            let last = known.ended.iter().copied().filter(|at| earliest.is_none_or(|earliest| *at <= earliest)).max();
            known.ended.retain(|at| last.is_none_or(|last| *at >= last));
            let is_about = |said: &Said, earliest| said.at >= earliest || said.names_a_call();
            known.said.retain(|(said, at)| *at >= sure || earliest.is_some_and(|earliest| is_about(said, earliest)));
            !known.is_empty()
        });
    }
}

/// When it is due, if nobody has dealt with it.
fn waits_for(follow_up: &FollowUp) -> Option<Moment> {
    follow_up.line.due_at.filter(|_| follow_up.line.status == FollowUpStatus::Open)
}

/// The follow-ups of one customer; of all who withheld their number, where it is empty.
#[must_use]
pub fn follow_ups(of: &Customer<'_>, limits: Limits, clock: Moment) -> Vec<FollowUp> {
    let customer = (!of.number.is_empty()).then(|| Text::from(of.number));
    let tenant = Text::from(of.tenant);
    let episodes: Vec<Episode> = match &customer {
        Some(_) => follow_up::episodes(of, limits, clock),
        None => {
            let owed = of.contacts.iter().filter(|c| c.owed);
            owed.map(|c| follow_up::withheld(of.tenant, c, of.said)).collect()
        }
    };
    let told = episodes.into_iter().filter_map(|episode| {
        let (dealt_by, dealt_until) = episode.dealt.unzip();
        Some(FollowUp {
            tenant: tenant.clone(),
            customer: customer.clone(),
            opening_call: episode.missed.first()?.clone(),
            opened_at: episode.opened_at,
            last_at: episode.last_at,
            closed_at: episode.closed_at,
            after: episode.after,
            priority: episode.priority,
            why: episode.why,
            dealt_by,
            dealt_until,
            calls: episode.missed,
            calls_at: episode.missed_at,
            line: episode.line,
            merged_into: None,
        })
    });
    told.collect()
}
