//! Follow-ups over the calls of one input: what a missed customer is owed, and the talk that settled it.
//!
//! A pure function of the set of calls with one customer: order and repetition do not matter.

use adapters::leg::{Moment, Text};
use smallvec::SmallVec;

use crate::journey::Direction;
use crate::line::{FollowUpLine, FollowUpStatus, Seconds};

/// What a follow-up needs of one call with a customer.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Contact {
    /// When it began.
    pub started_at: Moment,
    /// The call.
    pub call_id: Text,
    /// When it ended.
    pub ended_at: Moment,
    /// Which way.
    pub direction: Direction,
    /// It opens a follow-up, or joins the one that is open.
    pub owed: bool,
    /// The talks with the customer: when each began and ended.
    pub talks: SmallVec<[(Moment, Moment); 1]>,
    /// Who talked.
    pub talked: Option<Text>,
    /// Whose duty the miss is.
    pub owner: Option<Text>,
    /// When a call back is due.
    pub due_at: Option<Moment>,
}

/// The site's limits for follow-ups.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// A call back shorter than this settles nothing, in milliseconds.
    pub talk_min_ms: i64,
    /// After this, an open follow-up is expired, in milliseconds.
    pub expires_after_ms: i64,
}

/// One follow-up: the missed calls that are one item, and what became of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Episode {
    /// Its missed calls, the opening one first.
    pub missed: Vec<Text>,
    /// When the first of them began.
    pub opened_at: Moment,
    /// When the last of them began.
    pub last_at: Moment,
    /// The last moment of the customer's follow-up before it, if one is known: what began after it belongs here.
    pub after: Option<Moment>,
    /// How soon it should be dealt with (see [`priority`]).
    pub priority: u8,
    /// What is printed with each of them.
    pub line: FollowUpLine,
    /// When it was settled or expired; `None` while it is open.
    pub closed_at: Option<Moment>,
}

/// The follow-ups of one customer. `now` decides what is expired.
#[must_use]
pub fn episodes(tenant: &str, customer: &str, contacts: &[Contact], limits: Limits, now: Moment) -> Vec<Episode> {
    let mut contacts: Vec<&Contact> = contacts.iter().collect();
    contacts.sort_unstable();
    contacts.dedup_by(|b, a| a.call_id == b.call_id);
    let talks = Talks::of(&contacts, limits);
    let before = |at: Moment| contacts.partition_point(|c| c.started_at < at);
    let mut episodes = Vec::new();
    // Calls that began before this are part of an episode already.
    let mut joined_until: Option<Moment> = None;
    for opening in contacts.iter().filter(|c| c.owed) {
        if joined_until.is_some_and(|until| opening.started_at < until) {
            continue;
        }
        let expires = opening.started_at.plus_ms(limits.expires_after_ms);
        let settled = talks.settling(opening).filter(|(_, _, at)| *at <= expires);
        let until = settled.as_ref().map_or(expires, |(_, _, at)| *at);
        let joins_until = until.max(opening.started_at.plus_ms(1));
        let after = joined_until.replace(joins_until).map(|until| until.plus_ms(-1));
        let first = before(opening.started_at);
        let repeats = contacts[first..before(joins_until)].iter().copied().filter(|c| c.owed);
        let repeats: Vec<&Contact> = repeats.collect();
        let attempts = contacts[first..before(until.plus_ms(1))].iter();
        let attempts = attempts.filter(|c| c.direction == Direction::Outbound).count();
        let closed_at = settled.as_ref().map(|(_, _, at)| *at).or_else(|| (now >= expires).then_some(expires));
        let status = match &settled {
            Some((_, Direction::Inbound, _)) => FollowUpStatus::ReachedUs,
            Some(_) => FollowUpStatus::ReturnedByUs,
            None if now >= expires => FollowUpStatus::Expired,
            None => FollowUpStatus::Open,
        };
        episodes.push(Episode {
            missed: repeats.iter().map(|c| c.call_id.clone()).collect(),
            opened_at: opening.started_at,
            last_at: repeats.last().map_or(opening.started_at, |c| c.started_at),
            after,
            priority: priority(&repeats),
            line: FollowUpLine {
                id: id(tenant, customer, &opening.call_id),
                status,
                owner: opening.owner.clone(),
                due_at: opening.due_at,
                settled_by_call: settled.as_ref().map(|(c, ..)| c.call_id.clone()),
                settled_by: settled.as_ref().and_then(|(c, ..)| c.talked.clone()),
                our_attempts: u32::try_from(attempts).unwrap_or(u32::MAX),
                customer_calls: u32::try_from(repeats.len()).unwrap_or(u32::MAX),
                time_to_return_s: settled
                    .as_ref()
                    .map(|(_, _, at)| Seconds { ms: at.ms_since(opening.ended_at).max(0) }),
            },
            closed_at,
        });
    }
    episodes
}

/// How soon a follow-up should be dealt with, from 0 to 100, by what the customer has done for it: 20 points for each call after
/// the first, up to 60, and one for every ten seconds that they waited in vain, up to 40.
/// How long it has been open is not in it, so that it is a function of the calls alone: that grows alike for all, so of two with the
/// same priority the one that was opened first comes first.
pub(crate) fn priority(missed: &[&Contact]) -> u8 {
    const CALL_POINTS: i64 = 20;
    const CALL_POINTS_MAX: i64 = 60;
    const WAIT_POINT_MS: i64 = 10_000;
    const WAIT_POINTS_MAX: i64 = 40;
    let repeats = i64::try_from(missed.len().saturating_sub(1)).unwrap_or(i64::MAX);
    let waited_ms = missed.iter().fold(0_i64, |sum, c| sum.saturating_add(c.ended_at.ms_since(c.started_at).max(0)));
    let points = repeats.saturating_mul(CALL_POINTS).min(CALL_POINTS_MAX);
    u8::try_from(points + (waited_ms / WAIT_POINT_MS).min(WAIT_POINTS_MAX)).unwrap_or(u8::MAX)
}

/// The talks of one customer that can settle a miss, by the moment at which they began: ours to them, long enough;
/// theirs with a person.
struct Talks<'c> {
    talks: Vec<Talk<'c>>,
    /// For each, when the last of the customer's own up to it ended.
    last_ended_at: Vec<Moment>,
}

#[derive(Clone, Copy)]
struct Talk<'c> {
    from: Moment,
    to: Moment,
    call: &'c Contact,
}

impl<'c> Talks<'c> {
    fn of(contacts: &[&'c Contact], limits: Limits) -> Talks<'c> {
        let counts = |talk: &Talk<'_>| match talk.call.direction {
            Direction::Outbound => talk.to.ms_since(talk.from) >= limits.talk_min_ms,
            Direction::Inbound => !talk.call.owed,
            Direction::Internal => false,
        };
        let all = contacts.iter().flat_map(|c| c.talks.iter().map(|(from, to)| Talk { from: *from, to: *to, call: c }));
        let mut talks: Vec<Talk<'c>> = all.filter(counts).collect();
        talks.sort_unstable_by_key(|talk| (talk.from, &talk.call.call_id));
        let mut last = Moment(i64::MIN);
        let ends = talks.iter().map(|talk| {
            last = if talk.call.direction == Direction::Inbound { last.max(talk.to) } else { last };
            last
        });
        let last_ended_at = ends.collect();
        Talks { talks, last_ended_at }
    }

    /// The first one after the miss began; one of the customer's own counts also if it had begun before and went on.
    fn settling(&self, opening: &Contact) -> Option<(&'c Contact, Direction, Moment)> {
        let since = opening.started_at;
        let after = self.talks.partition_point(|talk| talk.from < since);
        let other = |talk: &&Talk<'_>| {
            let lasts = talk.call.direction == Direction::Outbound || talk.to > since;
            lasts && talk.call.call_id != opening.call_id
        };
        let going_on = (0..after)
            .rev()
            .take_while(|i| self.last_ended_at[*i] > since)
            .map(|i| &self.talks[i])
            .filter(|talk| talk.call.direction == Direction::Inbound);
        let later = self.talks[after..].iter().find(other);
        going_on
            .filter(other)
            .chain(later)
            .map(|talk| (talk.call, talk.call.direction, talk.from.max(since)))
            .min_by(|a, b| (a.2, &a.0.call_id).cmp(&(b.2, &b.0.call_id)))
    }
}

/// A withheld number cannot be called: each of its calls is its own, not returnable at once.
#[must_use]
pub fn not_returnable(tenant: &str, missed: &Contact) -> FollowUpLine {
    FollowUpLine {
        id: id(tenant, "", &missed.call_id),
        status: FollowUpStatus::NotReturnable,
        owner: missed.owner.clone(),
        due_at: None,
        settled_by_call: None,
        settled_by: None,
        our_attempts: 0,
        customer_calls: 1,
        time_to_return_s: None,
    }
}

fn id(tenant: &str, customer: &str, opening: &str) -> Text {
    let mut name: smallvec::SmallVec<[u8; 128]> = smallvec::SmallVec::new();
    for part in [tenant, customer, opening] {
        name.extend_from_slice(&(part.len() as u64).to_le_bytes());
        name.extend_from_slice(part.as_bytes());
    }
    crate::call::hex(xxhash_rust::xxh3::xxh3_128(&name))
}
