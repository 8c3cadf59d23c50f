//! Calls in the order of time: where each stands, and where it stands no more.
//!
//! `calls` is ordered by id, so that a call is one row however often it is concluded; a page by time would read all of it. `calls_by_time`
//! has the same calls by the quarter of an hour in which they began. A call may move: a leg that comes late can begin earlier, and a name
//! can turn out to be part of another call. At each place where it stood, a row of the new version says that it is gone, in the same
//! insert. At one place the highest version counts, whatever lands when. Where a call stood is mostly said by whoever concludes it
//! ([`Stood`]); only where others may have put it elsewhere is the table asked, which costs more than the insert. What the dead left
//! at two places is mended once, when nothing of theirs can land any more ([`Store::mend_places`]).

mod follow_ups;

use std::collections::{BTreeMap, HashMap};

use adapters::leg::{Moment, Text};
use calls::line::OfferLine;

use crate::block::{AT_RANGE, At, Block, List, Thousandths};
use crate::rows::{CallRow, MergedRow, Stood, answered, at, list, maybe, record, seconds};
use crate::{Store, StoreError, without_places};

/// Milliseconds of a quarter of an hour: of so many any zone's hours consist.
pub(crate) const QUARTER_MS: i64 = 900_000;

/// No place in time: where a name stands that is no call any more, so that it is known that it is none. Before every moment of a table.
const NOWHERE: i64 = -1_000_000_000;

/// Calls in one question: a parameter of a form has a limit at the server.
const PLACES_ASKED_MAX: usize = 1_000;

/// What a row takes in a block, about.
const CALL_BYTES: usize = 1_536;
const GONE_BYTES: usize = 80;

/// Where a call that begins at this moment stands.
pub(crate) fn quarter_of(moment: Moment) -> i64 {
    moment.0.clamp(AT_RANGE.0, AT_RANGE.1).div_euclid(QUARTER_MS)
}

/// A conclusion: of which call or follow-up, of which version, and where that stands by it; `None` where it is none any more.
#[derive(Clone, Copy, Debug)]
struct Wanted<'r> {
    tenant: &'r str,
    id: &'r str,
    version: u64,
    quarter: Option<i64>,
    stood: Stood,
}

impl Wanted<'_> {
    fn of_merged(row: &MergedRow) -> Wanted<'_> {
        Wanted { tenant: &row.tenant, id: &row.id, version: row.version, quarter: None, stood: row.stood }
    }
}

/// A row to be written: it stands here since this version, or stands here no more.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Mark {
    /// The number of the conclusion that says so.
    of: usize,
    quarter: i64,
    is_gone: bool,
}

/// What is known of each: its places, each with the highest version that was written there.
type Known = HashMap<(String, String), BTreeMap<i64, u64>>;

/// What has to be written after these conclusions, whose places that the table knows are `known`.
///
/// Whatever was written of one before, at most one of its places shows it after this: that of its highest version.
fn decide(wanted: &[Wanted<'_>], known: &mut Known) -> Vec<Mark> {
    let mut in_order: Vec<(usize, &Wanted<'_>)> = wanted.iter().enumerate().collect();
    in_order.sort_by_key(|(_, w)| w.version);
    let mut marks = Vec::new();
    for (of, conclusion) in in_order {
        let Wanted { tenant, id, version, quarter, stood } = *conclusion;
        let places = known.entry((tenant.to_owned(), id.to_owned())).or_default();
        if places.values().any(|newer| *newer > version) {
            continue;
        }
        if let Some(began_at) = stood.began_at {
            places.entry(quarter_of(began_at)).or_insert(0);
        }
        let here = quarter.unwrap_or(NOWHERE);
        let left = places.keys().filter(|place| **place != here);
        marks.extend(left.map(|quarter| Mark { of, quarter: *quarter, is_gone: true }));
        places.values_mut().for_each(|newest| *newest = version);
        places.insert(here, version);
        marks.push(Mark { of, quarter: here, is_gone: quarter.is_none() });
    }
    marks.sort_unstable_by_key(|mark| (mark.of, mark.quarter));
    marks
}

impl Store {
    /// Puts calls in the order of time that were concluded [`Store::without_places`]. A call that was placed before that and has moved
    /// since stands at both places until it is concluded again.
    ///
    /// # Errors
    /// The server's own words.
    pub async fn catch_up_with_places(&self) -> Result<(), StoreError> {
        let failed = |e| StoreError::new("putting calls in the order of time", e);
        let behind = self.client.query(&without_places(include_str!("../../../sql/store/places_behind.sql")));
        if behind.fetch_one().await.map_err(failed)? {
            let fill = include_str!("../../../sql/schema/0038_calls_by_time_before.sql");
            self.client.query(&without_places(fill)).execute().await.map_err(failed)?;
        }
        Ok(())
    }

    /// Takes calls and follow-ups of a company away from places where an earlier owner of its log put them and where they stand no more:
    /// one that died between the places and the calls, or whose insert landed after another had taken over. `begun` is the version above which the
    /// owner of now concludes, so whatever it concludes itself counts more; `since` one of the time before which nobody died.
    /// Nothing of an earlier owner may be on its way any more.
    ///
    /// # Errors
    /// The server's own words.
    pub async fn mend_places(&self, tenant: &str, since: u64, begun: u64) -> Result<(), StoreError> {
        self.mend_places_of_follow_ups(tenant, since, begun).await?;
        if !self.places {
            return Ok(());
        }
        let failed = |e| StoreError::new("mending the order of time", e);
        let query = self.client.query(&without_places(include_str!("../../../sql/store/places_left.sql")));
        let query = query.param("tenant", tenant).param("since", since).param("begun", begun);
        let left: Vec<(i64, String)> = query.fetch_all().await.map_err(failed)?;
        let mut block = Block::of(left.len(), GONE_BYTES);
        block
            .column("tenant", &left, |_| tenant)
            .column("quarter", &left, |(quarter, _)| *quarter)
            .column("call_id", &left, |(_, id)| id.as_str())
            .column("version", &left, |_| begun)
            .column("is_gone", &left, |_| true);
        self.insert("calls_by_time", block).await
    }

    /// Puts calls at their places in the order of time, and takes them away from those where they stood before.
    pub(crate) async fn place_calls(&self, rows: &[CallRow]) -> Result<(), StoreError> {
        let wanted: Vec<Wanted<'_>> = rows
            .iter()
            .map(|row| Wanted {
                tenant: &row.line.tenant,
                id: &row.line.call_id,
                version: row.version,
                quarter: row.line.merged_into.is_none().then(|| quarter_of(row.line.started_at)),
                stood: row.stood,
            })
            .collect();
        let mut known = self.places_known(&wanted).await?;
        let marks = decide(&wanted, &mut known);
        let placed: Vec<Placed<'_>> =
            marks.iter().filter_map(|mark| Some(Placed::of(rows.get(mark.of)?, *mark))).collect();
        self.insert("calls_by_time", placed_block(&placed)).await
    }

    /// Takes names that are no calls any more away from their places.
    pub(crate) async fn take_places(&self, rows: &[MergedRow]) -> Result<(), StoreError> {
        let wanted: Vec<Wanted<'_>> = rows.iter().map(Wanted::of_merged).collect();
        let mut known = self.places_known(&wanted).await?;
        let marks = decide(&wanted, &mut known);
        let gone: Vec<(&MergedRow, i64)> =
            marks.iter().filter_map(|mark| Some((rows.get(mark.of)?, mark.quarter))).collect();
        self.insert("calls_by_time", gone_block(&gone)).await
    }

    /// What `call_places` knows of those of which it is to be asked.
    async fn places_known(&self, wanted: &[Wanted<'_>]) -> Result<Known, StoreError> {
        let statement = include_str!("../../../sql/store/places_known.sql");
        self.known_of("asking where calls stand", statement, wanted).await
    }

    /// What a statement says of those of which the tables are to be asked; `what` says in an error what was asked.
    async fn known_of(&self, what: &'static str, statement: &str, wanted: &[Wanted<'_>]) -> Result<Known, StoreError> {
        let mut known = Known::new();
        let asked: Vec<&Wanted<'_>> = wanted.iter().filter(|wanted| wanted.stood.is_asked).collect();
        for part in asked.chunks(PLACES_ASKED_MAX) {
            let (tenants, ids): (Vec<&str>, Vec<&str>) = part.iter().map(|w| (w.tenant, w.id)).unzip();
            let query = self.client.query(&without_places(statement));
            let query = query.param("tenants", tenants).param("ids", ids).param("nowhere", NOWHERE);
            let found = query.fetch_all::<(String, String, i64, u64)>().await.map_err(|e| StoreError::new(what, e))?;
            for (tenant, id, quarter, version) in found {
                known.entry((tenant, id)).or_default().insert(quarter, version);
            }
        }
        Ok(known)
    }
}

/// What these rows do not tell stays at the columns' defaults.
fn gone_block(rows: &[(&MergedRow, i64)]) -> Block {
    let mut block = Block::of(rows.len(), GONE_BYTES);
    block
        .column("tenant", rows, |(row, _)| row.tenant.as_str())
        .column("quarter", rows, |(_, quarter)| *quarter)
        .column("call_id", rows, |(row, _)| row.id.as_str())
        .column("version", rows, |(row, _)| row.version)
        .column("is_gone", rows, |_| true);
    block
}

/// A call with what only its offers and visits tell.
///
/// One that is gone has the same columns, so that one insert takes it away and puts it elsewhere.
struct Placed<'r> {
    row: &'r CallRow,
    mark: Mark,
    customer: Option<&'r str>,
    called: Option<&'r str>,
    owner_group: Option<&'r str>,
    tried: Vec<&'r str>,
    missed_by: Vec<&'r str>,
    taken_by: Vec<&'r str>,
    people: Vec<&'r str>,
    groups: Vec<&'r str>,
    queues: Vec<&'r str>,
    extensions: Vec<&'r str>,
}

impl Placed<'_> {
    fn of(row: &CallRow, mark: Mark) -> Placed<'_> {
        use calls::journey::{Direction, OfferEnd};

        fn each<'t>(values: impl Iterator<Item = &'t str>) -> Vec<&'t str> {
            let mut values: Vec<&str> = values.filter(|value| !value.is_empty()).collect();
            values.sort_unstable();
            values.dedup();
            values
        }
        fn text(text: &Option<Text>) -> Option<&str> {
            text.as_deref()
        }
        let line = &*row.line;
        let owner_of = |kind: &str| line.owner.as_deref().and_then(|owner| owner.strip_prefix(kind));
        let offers = || line.offers.iter().filter(|offer| offer.kind == "person");
        let people = |chosen: fn(&OfferLine) -> bool| {
            each(offers().filter(|offer| chosen(offer)).filter_map(|offer| text(&offer.person)))
        };
        let first = offers().next();
        let tried = people(|_| true);
        // Who answered an outbound call is outside.
        let answered_by = line.answered_by.iter().filter(|_| line.direction != Direction::Outbound);
        let moved = line.transfers.iter().flat_map(|transfer| [text(&transfer.by), text(&transfer.to)]).flatten();
        let groups_of_visits = line.visits.iter().filter_map(|visit| text(&visit.group));
        Placed {
            row,
            mark,
            customer: line.customer().map(Text::as_str),
            called: first.and_then(|o| o.person.as_deref().or(o.target.as_deref())).or(line.first_target.as_deref()),
            owner_group: line.owner_group(),
            missed_by: people(|offer| offer.person_missed),
            taken_by: people(|offer| offer.end == OfferEnd::Answered),
            people: each(tried.iter().copied().chain(text(&line.caller_person)).chain(owner_of("person:"))),
            groups: each(
                line.offers
                    .iter()
                    .filter_map(|offer| text(&offer.group))
                    .chain(groups_of_visits)
                    .chain(text(&line.group))
                    .chain(line.owner_group()),
            ),
            queues: each(line.visits.iter().map(|visit| visit.queue.as_str()).chain(text(&line.queue))),
            extensions: each(
                offers()
                    .filter_map(|offer| text(&offer.target))
                    .chain(text(&line.caller_extension))
                    .chain(answered_by.map(Text::as_str))
                    .chain(moved),
            ),
            tried,
        }
    }
}

type OfferTuple<'r> = (
    Option<&'r str>,
    &'r str,
    Option<&'r str>,
    Option<&'r str>,
    u32,
    Option<At>,
    At,
    &'static str,
    Option<&'static str>,
);

fn offer(offer: &OfferLine) -> OfferTuple<'_> {
    use calls::line::Word;
    (
        maybe(&offer.target),
        offer.kind,
        maybe(&offer.person),
        maybe(&offer.group),
        offer.round,
        at(offer.rang_at),
        At(offer.ended_at.0),
        offer.end.word(),
        offer.reason.map(|reason| reason.word()),
    )
}

fn placed_block(rows: &[Placed<'_>]) -> Block {
    use calls::line::Word;

    fn some<'s>(values: &'s [&'s str]) -> List<impl ExactSizeIterator<Item = &'s str> + Clone> {
        List(values.iter().copied())
    }
    let mut block = Block::of(rows.len(), CALL_BYTES);
    block
        .column("tenant", rows, |r| r.row.line.tenant.as_str())
        .column("quarter", rows, |r| r.mark.quarter)
        .column("call_id", rows, |r| r.row.line.call_id.as_str())
        .column("version", rows, |r| r.row.version)
        .column("is_gone", rows, |r| r.mark.is_gone)
        .column("site", rows, |r| maybe(&r.row.line.site))
        .column("pbx", rows, |r| r.row.line.pbx.as_str())
        .column("pbxes", rows, |r| list(&r.row.line.pbxes))
        .column("link_keys", rows, |r| list(&r.row.line.link_keys))
        .column("direction", rows, |r| r.row.line.direction.word())
        .column("answered", rows, |r| answered(r.row.line.answered))
        .column("outcome", rows, |r| r.row.line.outcome.word())
        .column("missed", rows, |r| r.row.line.missed)
        .column("short", rows, |r| r.row.line.short)
        .column("out_of_hours", rows, |r| r.row.line.out_of_hours)
        .column("reason", rows, |r| r.row.line.reason.map(|x| x.word()))
        .column("caller", rows, |r| maybe(&r.row.line.caller))
        .column("caller_raw", rows, |r| maybe(&r.row.line.caller_raw))
        .column("caller_name", rows, |r| maybe(&r.row.line.caller_name))
        .column("caller_extension", rows, |r| maybe(&r.row.line.caller_extension))
        .column("caller_person", rows, |r| maybe(&r.row.line.caller_person))
        .column("did", rows, |r| maybe(&r.row.line.did))
        .column("dialed", rows, |r| maybe(&r.row.line.dialed))
        .column("trunk", rows, |r| maybe(&r.row.line.trunk))
        .column("entry", rows, |r| maybe(&r.row.line.entry))
        .column("menu_path", rows, |r| list(&r.row.line.menu_path))
        .column("first_target", rows, |r| maybe(&r.row.line.first_target))
        .column("queue", rows, |r| maybe(&r.row.line.queue))
        .column("group", rows, |r| maybe(&r.row.line.group))
        .column("owner", rows, |r| maybe(&r.row.line.owner))
        .column("answered_by", rows, |r| list(&r.row.line.answered_by))
        .column("answered_by_kind", rows, |r| maybe(&r.row.line.answered_by_kind))
        .column("transfers", rows, |r| {
            List(r.row.line.transfers.iter().map(|t| (t.kind.as_str(), maybe(&t.by), maybe(&t.to), At(t.at.0))))
        })
        .column("started_at", rows, |r| At(r.row.line.started_at.0))
        .column("queued_at", rows, |r| at(r.row.line.queued_at))
        .column("rang_at", rows, |r| at(r.row.line.rang_at))
        .column("answered_at", rows, |r| at(r.row.line.answered_at))
        .column("ended_at", rows, |r| At(r.row.line.ended_at.0))
        .column("ended_by", rows, |r| r.row.line.ended_by.map(|s| s.word()))
        .column("cause", rows, |r| r.row.line.cause)
        .column("wait_time_s", rows, |r| seconds(r.row.line.wait_time_s))
        .column("queue_wait_time_s", rows, |r| seconds(r.row.line.queue_wait_time_s))
        .column("ring_time_s", rows, |r| seconds(r.row.line.ring_time_s))
        .column("talk_time_s", rows, |r| seconds(r.row.line.talk_time_s))
        .column("hold_time_s", rows, |r| seconds(r.row.line.hold_time_s))
        .column("park_time_s", rows, |r| seconds(r.row.line.park_time_s))
        .column("machine_time_s", rows, |r| seconds(r.row.line.machine_time_s))
        .column("duration_s", rows, |r| Thousandths(r.row.line.duration_s.ms))
        .column("voicemail_left", rows, |r| r.row.line.voicemail_left)
        .column("recording_url", rows, |r| maybe(&r.row.line.recording_url))
        .column("offers", rows, |r| List(r.row.line.offers.iter().map(offer)))
        .column("rule", rows, |r| r.row.line.rule)
        .column("evidence", rows, |r| list(&r.row.line.evidence))
        .column("records", rows, |r| List(r.row.line.records.iter().map(record)))
        .column("is_final", rows, |r| r.row.line.is_final)
        .column("customer", rows, |r| r.customer)
        .column("called", rows, |r| r.called)
        .column("owner_group", rows, |r| r.owner_group)
        .column("tried", rows, |r| some(&r.tried))
        .column("missed_by", rows, |r| some(&r.missed_by))
        .column("taken_by", rows, |r| some(&r.taken_by))
        .column("people", rows, |r| some(&r.people))
        .column("groups", rows, |r| some(&r.groups))
        .column("queues", rows, |r| some(&r.queues))
        .column("extensions", rows, |r| some(&r.extensions));
    block
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wanted(version: u64, quarter: Option<i64>) -> Wanted<'static> {
        Wanted { tenant: "acme", id: "c", version, quarter, stood: Stood::UNKNOWN }
    }

    fn of(marks: &[Mark], wanted: &[Wanted<'_>]) -> Vec<(i64, u64, bool)> {
        marks.iter().map(|mark| (mark.quarter, wanted[mark.of].version, mark.is_gone)).collect()
    }

    /// What the table shows after these rows, in whatever order they land: the places whose highest version is no row that is gone.
    fn shown(rows: &[(i64, u64, bool)]) -> Vec<(i64, u64)> {
        let mut highest: BTreeMap<i64, (u64, bool)> = BTreeMap::new();
        for (quarter, version, is_gone) in rows {
            let at = highest.entry(*quarter).or_insert((*version, *is_gone));
            if *version >= at.0 {
                *at = (*version, *is_gone);
            }
        }
        highest.into_iter().filter(|(_, (_, gone))| !gone).map(|(quarter, (version, _))| (quarter, version)).collect()
    }

    /// Conclusions of one call in every order of arrival, each in a step of its own or several in one: shown is the highest version alone.
    #[test]
    fn whatever_comes_when_the_highest_version_is_shown_once() {
        let told = [wanted(1, Some(5)), wanted(2, Some(7)), wanted(3, None), wanted(4, Some(5)), wanted(5, Some(6))];
        for last in 1..=told.len() {
            let told = &told[..last];
            let expected: Vec<(i64, u64)> =
                told[last - 1].quarter.map(|quarter| (quarter, told[last - 1].version)).into_iter().collect();
            let mut orders = 0;
            permute(&mut told.to_vec(), 0, &mut |order| {
                for step in 1..=order.len() {
                    let (mut known, mut rows) = (Known::new(), Vec::new());
                    for part in order.chunks(step) {
                        rows.extend(of(&decide(part, &mut known), part));
                    }
                    assert_eq!(shown(&rows), expected, "{order:?} by {step}");
                    rows.reverse();
                    assert_eq!(shown(&rows), expected, "{order:?} by {step}, landing backwards");
                }
                orders += 1;
            });
            assert_eq!(orders, (1..=last).product::<usize>());
        }
    }

    fn permute(values: &mut Vec<Wanted<'static>>, from: usize, each: &mut impl FnMut(&[Wanted<'static>])) {
        if from == values.len() {
            return each(values);
        }
        for at in from..values.len() {
            values.swap(from, at);
            permute(values, from + 1, each);
            values.swap(from, at);
        }
    }

    /// What one fold concludes, in steps whose rows land in any order: it knows where it put the call last, and nobody is asked.
    #[test]
    fn whoever_knows_where_a_call_stood_asks_nobody() {
        let at = |quarter: i64| Moment(quarter * QUARTER_MS + 7);
        let mut told =
            [wanted(1, Some(5)), wanted(2, Some(7)), wanted(3, None), wanted(4, Some(5)), wanted(5, Some(6))];
        let mut stands = None;
        for told in &mut told {
            told.stood = Stood { began_at: stands, is_asked: false };
            stands = told.quarter.map(at);
        }
        for last in 1..=told.len() {
            let told = &told[..last];
            let expected: Vec<(i64, u64)> =
                told[last - 1].quarter.map(|quarter| (quarter, told[last - 1].version)).into_iter().collect();
            permute(&mut told.to_vec(), 0, &mut |order| {
                for step in 1..=order.len() {
                    let rows: Vec<_> =
                        order.chunks(step).flat_map(|part| of(&decide(part, &mut Known::new()), part)).collect();
                    assert_eq!(shown(&rows), expected, "{order:?} by {step}");
                }
            });
        }
    }

    #[test]
    fn what_is_written_twice_is_written_to_the_same_place() {
        let mut known = Known::new();
        let here = Mark { of: 0, quarter: 5, is_gone: false };
        assert_eq!(decide(&[wanted(3, Some(5))], &mut known), [here]);
        assert_eq!(decide(&[wanted(3, Some(5))], &mut known), [here]);
        assert_eq!(decide(&[wanted(2, Some(9))], &mut known), []);
    }

    #[test]
    fn every_moment_has_a_place() {
        assert_eq!(quarter_of(Moment(-1)), -1);
        assert_eq!(quarter_of(Moment(1_800_000)), 2);
        assert!(quarter_of(Moment(i64::MIN)) > NOWHERE);
    }
}
