//! Follow-ups over the calls with one customer and what was said about them: what a missed customer is owed, and what settled it.
//!
//! A pure function of the set of those calls and the set of what was said: order and repetition do not matter. The time that it is
//! decides only what has expired and which claim has lapsed.

use adapters::leg::{Moment, Text};
use directory::NotReturnable;
use smallvec::SmallVec;

use crate::journey::Direction;
use crate::line::{FollowUpLine, FollowUpStatus, Seconds};
use crate::said::{Said, What};

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
    /// Why the customer is not called back, if they are not.
    pub not_returnable: Option<NotReturnable>,
    /// Of a call of ours: hashes of the names that its records have ([`crate::said::named`]).
    pub names: Box<[u64]>,
}

/// The site's limits for follow-ups.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// A call back shorter than this settles nothing, in milliseconds.
    pub talk_min_ms: i64,
    /// After this, an open follow-up is expired, in milliseconds.
    pub expires_after_ms: i64,
    /// A claim holds for so long, in milliseconds.
    pub deal_lapses_ms: i64,
}

impl Limits {
    /// As the site has them.
    #[must_use]
    pub fn of(directory: &directory::Directory) -> Limits {
        Limits {
            talk_min_ms: directory.talk_min_ms(),
            expires_after_ms: directory.expires_after_ms(),
            deal_lapses_ms: directory.deal_lapses_ms(),
        }
    }
}

/// One follow-up: the missed calls that are one item, and what became of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Episode {
    /// Its missed calls, the opening one first.
    pub missed: Vec<Text>,
    /// When each of them began.
    pub missed_at: Vec<Moment>,
    /// When the first of them began.
    pub opened_at: Moment,
    /// When the last of them began.
    pub last_at: Moment,
    /// The last moment of the customer's follow-up before it, if one is known: what began after it belongs here.
    pub after: Option<Moment>,
    /// How soon it should be dealt with, from 0 to 100.
    pub priority: u8,
    /// What is printed with each of its calls.
    pub line: FollowUpLine,
    /// When it was settled or expired: no call joins it from then on; `None` before.
    pub closed_at: Option<Moment>,
    /// Why somebody settled it by hand, or why it is not returnable.
    pub why: Option<Text>,
    /// Who deals with it, and until when.
    pub dealt: Option<(Text, Moment)>,
}

/// What is known of one customer.
#[derive(Clone, Copy, Debug)]
pub struct Customer<'a> {
    /// The company.
    pub tenant: &'a str,
    /// The customer's number.
    pub number: &'a str,
    /// Calls with them, in any order.
    pub contacts: &'a [Contact],
    /// What was said about them, in any order.
    pub said: &'a [Said],
    /// When follow-ups of theirs ended that are remembered no more: what was said of those is not of a later one.
    pub ended: &'a [Moment],
    /// When a follow-up ended that was opened before the first of these calls: what began before is part of it.
    pub lasted: Option<Moment>,
}

/// The follow-ups of one customer. `now` decides what is expired, and which claim has lapsed.
#[must_use]
pub fn episodes(of: &Customer<'_>, limits: Limits, now: Moment) -> Vec<Episode> {
    let mut contacts: Vec<&Contact> = of.contacts.iter().collect();
    contacts.sort_unstable();
    contacts.dedup_by(|b, a| a.call_id == b.call_id);
    let said = Sayings::of(of.said, &contacts);
    let talks = Talks::of(&contacts, &said, limits);
    let before = |at: Moment| contacts.partition_point(|c| c.started_at < at);
    let mut episodes = Vec::new();
    // What began before this is part of an episode already.
    let mut joined_until: Option<Moment> = of.lasted;
    for opening in contacts.iter().filter(|c| c.owed) {
        if joined_until.is_some_and(|until| opening.started_at < until) {
            continue;
        }
        let forgotten = of.ended.iter().copied().filter(|ended| *ended <= opening.started_at).max();
        let ended = joined_until.max(forgotten);
        let since = ended.unwrap_or(Moment(i64::MIN));
        let expires = opening.started_at.plus_ms(limits.expires_after_ms);
        let settled = settled(opening, since, &talks, &said).filter(|settled| settled.at <= expires);
        let until = settled.as_ref().map_or(expires, |settled| settled.at);
        let joins_until = until.max(opening.started_at.plus_ms(1));
        joined_until = Some(joins_until);
        let first = before(opening.started_at);
        let repeats = contacts[first..before(joins_until)].iter().copied().filter(|c| c.owed);
        let repeats: Vec<&Contact> = repeats.collect();
        let ours = contacts[first..before(until.plus_ms(1))].iter();
        let ours = ours.filter(|c| c.direction == Direction::Outbound).count();
        let attempts = ours + said.attempts(opening.started_at, until);
        let mut episode = Episode {
            opened_at: opening.started_at,
            last_at: repeats.last().map_or(opening.started_at, |c| c.started_at),
            after: ended.map(|ended| ended.plus_ms(-1)),
            priority: priority(&repeats),
            line: FollowUpLine {
                id: id(of.tenant, of.number, &opening.call_id),
                status: FollowUpStatus::Open,
                owner: opening.owner.clone(),
                due_at: opening.due_at,
                settled_by_call: None,
                settled_by: None,
                our_attempts: u32::try_from(attempts).unwrap_or(u32::MAX),
                customer_calls: u32::try_from(repeats.len()).unwrap_or(u32::MAX),
                time_to_return_s: None,
            },
            missed: repeats.iter().map(|c| c.call_id.clone()).collect(),
            missed_at: repeats.iter().map(|c| c.started_at).collect(),
            closed_at: settled.as_ref().map(|settled| settled.at).or_else(|| (now >= expires).then_some(expires)),
            why: None,
            dealt: None,
        };
        match settled {
            Some(settled) => episode.settle(opening, &settled),
            None => match opening.not_returnable {
                Some(why) => {
                    (episode.line.status, episode.why) = (FollowUpStatus::NotReturnable, Some(why.word().into()));
                    episode.line.due_at = None;
                }
                None if now >= expires => episode.line.status = FollowUpStatus::Expired,
                None => episode.dealt = said.dealing(since, opening.started_at, limits, now),
            },
        }
        if episode.dealt.is_some() {
            episode.line.status = FollowUpStatus::Dealing;
        }
        episodes.push(episode);
    }
    episodes
}

impl Episode {
    fn settle(&mut self, opening: &Contact, settled: &Settled<'_>) {
        let line = &mut self.line;
        match settled.by {
            By::Talk(call) => {
                let is_theirs = call.direction == Direction::Inbound;
                line.status = if is_theirs { FollowUpStatus::ReachedUs } else { FollowUpStatus::ReturnedByUs };
                line.settled_by_call = Some(call.call_id.clone());
                line.settled_by = call.talked.clone();
                line.time_to_return_s = Some(Seconds { ms: settled.at.ms_since(opening.ended_at).max(0) });
            }
            By::Hand { by, why } => {
                line.status = FollowUpStatus::SettledByHand;
                line.settled_by = Some(by.clone());
                self.why = why.cloned();
            }
        }
    }
}

/// How a follow-up ended before it expired.
struct Settled<'c> {
    at: Moment,
    by: By<'c>,
}

#[derive(Clone, Copy)]
enum By<'c> {
    Talk(&'c Contact),
    Hand { by: &'c Text, why: Option<&'c Text> },
}

/// What settled the follow-up that this call opened, whose customer owes nothing from before `since` on: the first talk that counts, or
/// the first word of a person, unless a later word took it back. Of those that name no call, each takes back one.
fn settled<'c>(opening: &Contact, since: Moment, talks: &Talks<'c>, said: &Sayings<'c>) -> Option<Settled<'c>> {
    let mut void: SmallVec<[&str; 2]> = SmallVec::new();
    let mut used: SmallVec<[&str; 2]> = SmallVec::new();
    loop {
        let talk = talks.settling(opening, &void);
        let hand = said.settling(since, opening.started_at, &void);
        let (name, settled) = match (talk, hand) {
            (Some((call, at)), hand) if hand.is_none_or(|(hand, ..)| at <= hand.at) => {
                (call.call_id.as_str(), Settled { at, by: By::Talk(call) })
            }
            (_, Some((hand, by, why))) => (hand.id.as_str(), Settled { at: hand.at, by: By::Hand { by, why } }),
            _ => return None,
        };
        let taken_back = said.reopenings.iter().find(|reopening| {
            let is_of_it = (since..=settled.at).contains(&reopening.opened_at);
            is_of_it && reopening.at >= settled.at && !used.contains(&reopening.id.as_str())
        });
        let Some(reopening) = taken_back else { return Some(settled) };
        used.push(&reopening.id);
        void.push(name);
    }
}

/// What was said of one customer, each once, by its moment.
struct Sayings<'c> {
    claims: Vec<(&'c Said, Option<&'c Text>)>,
    settlements: Vec<(&'c Said, &'c Text, Option<&'c Text>)>,
    /// Those that name no call.
    reopenings: Vec<&'c Said>,
    /// Calls whose talks settle nothing.
    void: SmallVec<[&'c str; 2]>,
    /// Dials of which no call is known, by the name that the call would have: what became of one may be told more than once.
    attempts: Vec<(u64, Moment)>,
}

impl<'c> Sayings<'c> {
    fn of(said: &'c [Said], contacts: &[&'c Contact]) -> Sayings<'c> {
        let mut all: Vec<&Said> = said.iter().collect();
        all.sort_unstable_by(|a, b| (&a.id, *a).cmp(&(&b.id, *b)));
        all.dedup_by(|b, a| a.id == b.id);
        all.sort_unstable();
        let mut sayings = Sayings {
            claims: Vec::new(),
            settlements: Vec::new(),
            reopenings: Vec::new(),
            void: SmallVec::new(),
            attempts: Vec::new(),
        };
        for said in all {
            match &said.what {
                What::Claim(by) => sayings.claims.push((said, by.as_ref())),
                What::Settlement { by, why } => sayings.settlements.push((said, by, why.as_ref())),
                What::Reopening { call: None } => sayings.reopenings.push(said),
                What::Reopening { call: Some(call) } => {
                    let name = crate::said::named(call);
                    let is_it = |c: &&&Contact| c.call_id == *call || c.names.contains(&name);
                    sayings.void.extend(contacts.iter().filter(is_it).map(|c| c.call_id.as_str()));
                }
                What::Attempt { call } if contacts.iter().any(|c| c.names.contains(call)) => {}
                What::Attempt { call } if sayings.attempts.iter().any(|(known, _)| known == call) => {}
                What::Attempt { call } => sayings.attempts.push((*call, said.at)),
            }
        }
        sayings
    }

    /// The first settlement by hand of a follow-up that was opened in this span, if it is not void.
    fn settling(
        &self,
        since: Moment,
        opened_at: Moment,
        void: &[&str],
    ) -> Option<(&'c Said, &'c Text, Option<&'c Text>)> {
        let after = self.settlements.partition_point(|(said, ..)| said.at < opened_at);
        let is_of_it = |said: &Said| said.opened_at >= since && !void.contains(&said.id.as_str());
        self.settlements[after..].iter().find(|(said, ..)| is_of_it(said)).copied()
    }

    /// Who deals with the follow-up that was opened then, by the last word about it, and until when.
    fn dealing(&self, since: Moment, opened_at: Moment, limits: Limits, now: Moment) -> Option<(Text, Moment)> {
        let is_of_it = |said: &Said| said.opened_at >= since && said.at >= opened_at;
        let (said, by) = self.claims.iter().rev().find(|(said, _)| is_of_it(said))?;
        let lapses = said.at.plus_ms(limits.deal_lapses_ms);
        (*by).filter(|_| now < lapses).map(|by| (by.clone(), lapses))
    }

    fn attempts(&self, from: Moment, to: Moment) -> usize {
        self.attempts.iter().filter(|(_, at)| (from..=to).contains(at)).count()
    }
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
    fn of(contacts: &[&'c Contact], said: &Sayings<'_>, limits: Limits) -> Talks<'c> {
        let is_void = |talk: &Talk<'_>| said.void.contains(&talk.call.call_id.as_str());
        let counts = |talk: &Talk<'_>| match talk.call.direction {
            Direction::Outbound => talk.to.ms_since(talk.from) >= limits.talk_min_ms,
            Direction::Inbound => !talk.call.owed,
            Direction::Internal => false,
        };
        let all = contacts.iter().flat_map(|c| c.talks.iter().map(|(from, to)| Talk { from: *from, to: *to, call: c }));
        let mut talks: Vec<Talk<'c>> = all.filter(counts).filter(|talk| !is_void(talk)).collect();
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
    fn settling(&self, opening: &Contact, void: &[&str]) -> Option<(&'c Contact, Moment)> {
        let since = opening.started_at;
        let after = self.talks.partition_point(|talk| talk.from < since);
        let other = |talk: &&Talk<'_>| {
            let lasts = talk.call.direction == Direction::Outbound || talk.to > since;
            lasts && talk.call.call_id != opening.call_id && !void.contains(&talk.call.call_id.as_str())
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
            .map(|talk| (talk.call, talk.from.max(since)))
            .min_by(|a, b| (a.1, &a.0.call_id).cmp(&(b.1, &b.0.call_id)))
    }
}

/// A withheld number cannot be called: each of its calls is its own, not returnable at once, unless somebody who knew who it was has
/// settled it. What was said is found by the follow-up's name, since there is no customer to find it by.
#[must_use]
pub fn withheld(tenant: &str, missed: &Contact, said: &[Said]) -> Episode {
    let id = id(tenant, "", &missed.call_id);
    let mut of_it: SmallVec<[&Said; 4]> = said.iter().filter(|said| said.follow_up == id).collect();
    of_it.sort_unstable();
    let taken_back = of_it.iter().filter(|said| matches!(said.what, What::Reopening { .. })).map(|said| said.at).max();
    let settlement = of_it.iter().find_map(|said| match &said.what {
        What::Settlement { by, why } if taken_back.is_none_or(|at| at < said.at) => Some((said.at, by, why)),
        _ => None,
    });
    let status = if settlement.is_some() { FollowUpStatus::SettledByHand } else { FollowUpStatus::NotReturnable };
    Episode {
        missed: vec![missed.call_id.clone()],
        missed_at: vec![missed.started_at],
        opened_at: missed.started_at,
        last_at: missed.started_at,
        after: None,
        priority: priority(&[missed]),
        line: FollowUpLine {
            id,
            status,
            owner: missed.owner.clone(),
            due_at: None,
            settled_by_call: None,
            settled_by: settlement.map(|(_, by, _)| by.clone()),
            our_attempts: 0,
            customer_calls: 1,
            time_to_return_s: None,
        },
        closed_at: Some(settlement.map_or(missed.started_at, |(at, ..)| at)),
        why: settlement.map_or(Some("withheld".into()), |(_, _, why)| why.clone()),
        dealt: None,
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
