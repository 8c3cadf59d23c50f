//! Rows to legs: the inverse of what `facts` writes. Reopening, recounting and every start read the facts here.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};

use adapters::Leg;
use adapters::leg::{
    Answerer, Disposition, End, EndKind, Event, KeyKind, LegId, LinkKey, Moment, Move, MoveKind, Origin,
};
use adapters::leg::{Position, Side, Stage, Text};
use calls::live::CALL_SPAN_MS;

use crate::column::{Described, TEXT};
use crate::facts::{LEGS, MARKS, Place};
use crate::native::{Blocks, Row, SETTINGS};
use crate::words::Worded;
use crate::{Store, StoreError, without_places};

/// Which stored legs are wanted.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum LegsOf {
    /// What one partition stored before a position, in the order of the log: what a start folds.
    Stored {
        /// The log.
        topic: String,
        /// The partition.
        partition: u32,
        /// The reading of the log that goes on; everything of an earlier one is before it.
        epoch: u8,
        /// The position in this epoch: what stands there is not wanted.
        before: u64,
        /// Records that reached the log before are not wanted, but for those of calls that have records on both sides.
        since: Moment,
        /// Of this company only.
        tenant: Option<String>,
    },
    /// All legs of a company with one of these keys (see [`calls::assemble::stored_keys`]) that began in this time or do not tell when.
    Keys {
        /// The company.
        tenant: String,
        /// Hashes of link keys.
        keys: Vec<u64>,
        /// Legs that began before are not wanted.
        from: Moment,
        /// Legs that began later are not wanted.
        to: Moment,
    },
    /// Legs of a company that began in this time, in the order of their beginnings: what windows are counted again from.
    Began {
        /// The company.
        tenant: String,
        /// The first moment.
        from: Moment,
        /// The last moment.
        to: Moment,
    },
    /// Legs of a company that reached the log in this time, in that order: history for a plugin.
    Logged {
        /// The company.
        tenant: String,
        /// The first moment.
        from: Moment,
        /// The last moment.
        to: Moment,
    },
    /// Legs over one trunk of an exchange that began in this time: what may be the other end of a tie.
    Between {
        /// The company.
        tenant: String,
        /// The exchange.
        pbx: String,
        /// The trunk's name in the site file, at either end of the leg.
        trunk: String,
        /// The first moment.
        from: Moment,
        /// The last moment.
        to: Moment,
    },
}

/// Legs that are being read.
pub struct LegCursor {
    blocks: Blocks,
    origins: Vec<Arc<Origin>>,
    names: HashMap<Vec<u8>, &'static str>,
}

impl LegCursor {
    /// The next legs, some thousand at most; `None` at the end.
    ///
    /// # Errors
    /// The server's own words, or what of a row is not a leg's.
    pub async fn next_block(&mut self) -> Result<Option<Vec<(Leg, Place)>>, StoreError> {
        let mut legs = Vec::new();
        let (origins, names) = (&mut self.origins, &mut self.names);
        let is_there = self.blocks.next(|row| {
            legs.push(take_leg(row, origins, names)?);
            Ok(())
        });
        Ok(is_there.await?.then_some(legs))
    }
}

/// A fact that is no leg and no reject, as it was stored.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct StoredMark {
    /// The company.
    pub tenant: String,
    /// The exchange.
    pub pbx: String,
    /// The adapter.
    pub adapter: String,
    /// The file or collector.
    pub source: Vec<u8>,
    /// What kind.
    pub kind: String,
    /// Of whom or what it is told.
    pub subject: String,
    /// What it says.
    pub value: Vec<u8>,
    /// Where it stands in the log.
    pub place: Place,
}

/// Which stored marks are wanted.
#[derive(Clone, Copy, Debug)]
pub struct MarksOf<'a> {
    /// The topic.
    pub topic: &'a str,
    /// The partition.
    pub partition: u32,
    /// The epoch; everything of an earlier one is before it.
    pub epoch: u8,
    /// Before this position.
    pub before: u64,
    /// That reached the log since.
    pub since: Moment,
    /// Of this adapter.
    pub adapter: &'a str,
}

impl Store {
    /// Reads stored legs.
    ///
    /// # Errors
    /// The server's own words.
    pub fn legs(&self, of: &LegsOf) -> Result<LegCursor, StoreError> {
        let described = described(LEGS);
        let query = |statement: &str| self.reading(statement, &described);
        let query = match of {
            LegsOf::Stored { topic, partition, epoch, before, since, tenant } => {
                query(include_str!("../../../sql/store/legs_stored.sql"))
                    .param("topic", topic)
                    .param("partition", partition)
                    .param("epoch", epoch)
                    .param("before", before)
                    .param("since", since.0)
                    .param("across_from", since.0.saturating_sub(CALL_SPAN_MS))
                    .param("across_to", since.0.saturating_add(CALL_SPAN_MS))
                    .param("tenant", tenant.as_deref().unwrap_or_default())
                    .param("of_all", tenant.is_none())
            }
            LegsOf::Keys { tenant, keys, from, to } => query(include_str!("../../../sql/store/legs_by_keys.sql"))
                .param("tenant", tenant)
                .param("keys", keys)
                .param("from", from.0)
                .param("to", to.0),
            LegsOf::Began { tenant, from, to } => query(include_str!("../../../sql/store/legs_began.sql"))
                .param("tenant", tenant)
                .param("from", from.0)
                .param("to", to.0),
            LegsOf::Logged { tenant, from, to } => query(include_str!("../../../sql/store/legs_logged.sql"))
                .param("tenant", tenant)
                .param("from", from.0)
                .param("to", to.0),
            LegsOf::Between { tenant, pbx, trunk, from, to } => {
                query(include_str!("../../../sql/store/legs_between.sql"))
                    .param("tenant", tenant)
                    .param("pbx", pbx)
                    .param("trunk", trunk)
                    .param("from", from.0)
                    .param("to", to.0)
            }
        };
        let answer = query.fetch_bytes("Native").map_err(|e| StoreError::new("reading legs", e))?;
        Ok(LegCursor { blocks: Blocks::of(answer, described), origins: Vec::new(), names: HashMap::new() })
    }

    /// Companies of which one partition stored legs that reached the log since this moment.
    ///
    /// # Errors
    /// The server's own words.
    pub async fn companies_of(&self, topic: &str, partition: u32, since: Moment) -> Result<Vec<String>, StoreError> {
        let query = self.client.query(&without_places(include_str!("../../../sql/store/companies_of.sql")));
        let query = query.param("topic", topic).param("partition", partition).param("since", since.0);
        query.fetch_all().await.map_err(|e| StoreError::new("reading legs", e))
    }

    /// The log's clock when the last batch was sealed that ends at this position or before.
    ///
    /// # Errors
    /// The server's own words.
    pub async fn sealed_below(
        &self,
        topic: &str,
        partition: u32,
        epoch: u8,
        below: u64,
    ) -> Result<Option<Moment>, StoreError> {
        let query = self.client.query(&without_places(include_str!("../../../sql/store/sealed_below.sql")));
        let query =
            query.param("topic", topic).param("partition", partition).param("epoch", epoch).param("below", below);
        let found: Option<i64> = query.fetch_optional().await.map_err(|e| StoreError::new("reading batches", e))?;
        Ok(found.map(Moment))
    }

    /// True if one partition stored legs that reached the log before this moment.
    ///
    /// # Errors
    /// The server's own words.
    pub async fn has_legs_before(&self, topic: &str, partition: u32, moment: Moment) -> Result<bool, StoreError> {
        let query = self.client.query(&without_places(include_str!("../../../sql/store/has_legs_before.sql")));
        let query = query.param("topic", topic).param("partition", partition).param("moment", moment.0);
        query.fetch_one().await.map_err(|e| StoreError::new("reading legs", e))
    }

    /// The last mark of each company, exchange, adapter, source and subject that one partition stored before a position.
    ///
    /// # Errors
    /// The server's own words.
    pub async fn last_marks(
        &self,
        topic: &str,
        partition: u32,
        epoch: u8,
        before: u64,
        kind: &str,
    ) -> Result<Vec<StoredMark>, StoreError> {
        let query = self.reading(include_str!("../../../sql/store/marks_last.sql"), &described(MARKS));
        let query = query.param("topic", topic).param("partition", partition).param("epoch", epoch);
        read_marks(query.param("before", before).param("kind", kind)).await
    }

    /// The marks that records of one adapter gave and that one partition stored before a position and since a moment, in the order of
    /// the log.
    ///
    /// # Errors
    /// The server's own words.
    pub async fn marks(&self, of: &MarksOf<'_>) -> Result<Vec<StoredMark>, StoreError> {
        let query = self.reading(include_str!("../../../sql/store/marks_stored.sql"), &described(MARKS));
        let query = query.param("topic", of.topic).param("partition", of.partition).param("epoch", of.epoch);
        let query = query.param("before", of.before).param("since", of.since.0).param("adapter", of.adapter);
        read_marks(query).await
    }

    fn reading(&self, statement: &str, described: &[Described]) -> clickhouse::query::Query {
        // Not as the table keeps them: a LowCardinality column comes in a form of its own, whatever is asked for.
        let column = |(name, kind): &Described| match *kind {
            TEXT => format!("CAST(`{name}`, 'String') AS `{name}`"),
            _ => format!("`{name}`"),
        };
        let names: Vec<String> = described.iter().map(column).collect();
        let mut query = self.client.query(&without_places(statement).replace("{columns}", &names.join(", ")));
        for (name, value) in SETTINGS {
            query = query.with_setting(name, value);
        }
        query
    }
}

async fn read_marks(query: clickhouse::query::Query) -> Result<Vec<StoredMark>, StoreError> {
    let answer = query.fetch_bytes("Native").map_err(|e| StoreError::new("reading marks", e))?;
    let mut blocks = Blocks::of(answer, described(MARKS));
    let mut marks = Vec::new();
    let mut take = |row: &mut Row<'_>| {
        marks.push(take_mark(row));
        Ok(())
    };
    while blocks.next(&mut take).await? {}
    Ok(marks)
}

/// The columns that are read: what is known from the question, and what is made from other columns, is not.
fn described(columns: &[Described]) -> Vec<Described> {
    columns.iter().filter(|(name, _)| !["topic", "keys"].contains(name)).copied().collect()
}

fn take_leg(
    row: &mut Row<'_>,
    origins: &mut Vec<Arc<Origin>>,
    names: &mut HashMap<Vec<u8>, &'static str>,
) -> Result<(Leg, Place), StoreError> {
    let origin = origin(row.text(), row.text(), row.text(), origins)?;
    let place = Place {
        epoch: row.u8(),
        partition: row.u32(),
        position: row.u64(),
        part: row.u16(),
        settings: row.u32(),
        logged_at: row.at(),
    };
    let mut leg = Leg::new(&origin, Position::default());
    leg.leg_id = LegId(row.u128());
    leg.position = Position { file: row.u32(), record: row.u64(), byte: row.u64() };
    leg.native_id = text(row.text());
    leg.order = row.u64();
    row.pairs(|kind, value| {
        leg.link_keys.push(LinkKey { kind: word::<KeyKind>("link_keys.kind", kind)?, value: text(value) });
        Ok(())
    })?;
    leg.event = maybe_word::<Event>("event", row.text())?;
    leg.detail = text(row.text());
    leg.argument = text(row.text());
    leg.length_ms = row.maybe_i64();
    leg.from = take_end("from_kind", row)?.unwrap_or_default();
    leg.to = take_end("to_kind", row)?;
    leg.stage = word::<Stage>("stage", row.text())?;
    leg.place = text(row.text());
    leg.dialed = text(row.text());
    leg.did = text(row.text());
    leg.queue = text(row.text());
    leg.started_at = row.maybe_at();
    leg.rang_at = row.maybe_at();
    leg.answered_at = row.maybe_at();
    leg.ended_at = row.maybe_at();
    leg.grain_ms = row.u32();
    leg.up_before = row.flag();
    leg.timed_out = row.maybe_flag();
    leg.disposition = word::<Disposition>("disposition", row.text())?;
    leg.answerer = word::<Answerer>("answerer", row.text())?;
    leg.cause = row.maybe_u16();
    leg.ended_by = maybe_word::<Side>("ended_by", row.text())?;
    let (moved, by) = (maybe_word::<MoveKind>("moved_kind", row.text())?, text(row.text()));
    leg.moved = moved.map(|kind| Move { kind, by });
    leg.hold_ms = row.maybe_i64();
    leg.message_left = row.maybe_flag();
    leg.recording = text(row.text());
    leg.ends_call = row.flag();
    row.pairs(|name, value| {
        leg.extra.push((name_of(name, names)?, text(value)));
        Ok(())
    })?;
    Ok((leg, place))
}

fn take_end(column: &str, row: &mut Row<'_>) -> Result<Option<End>, StoreError> {
    let kind = maybe_word::<EndKind>(column, row.text())?;
    let mut next = || text(row.text());
    let (number, name, device, channel, trunk) = (next(), next(), next(), next(), next());
    Ok(kind.map(|kind| End { kind, number, name, device, channel, trunk }))
}

fn take_mark(row: &mut Row<'_>) -> StoredMark {
    let owned = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let (tenant, pbx, adapter, source) = (owned(row.text()), owned(row.text()), owned(row.text()), row.text().to_vec());
    let place = Place {
        epoch: row.u8(),
        partition: row.u32(),
        position: row.u64(),
        part: row.u16(),
        logged_at: row.at(),
        settings: 0,
    };
    let (kind, subject, value) = (owned(row.text()), owned(row.text()), row.text().to_vec());
    StoredMark { tenant, pbx, adapter, source, kind, subject, value, place }
}

fn origin(tenant: &[u8], pbx: &[u8], adapter: &[u8], known: &mut Vec<Arc<Origin>>) -> Result<Arc<Origin>, StoreError> {
    let is_it =
        |o: &Arc<Origin>| o.pbx.as_bytes() == pbx && o.adapter.as_bytes() == adapter && o.tenant.as_bytes() == tenant;
    if let Some(at) = known.iter().position(is_it) {
        // The last one comes first: rows of one exchange stand together.
        known.swap(0, at);
    } else {
        let found = std::str::from_utf8(adapter).ok().and_then(adapters::pbx::named);
        let adapter = found.map(|a| a.about().name).ok_or_else(|| {
            let name = String::from_utf8_lossy(adapter).into_owned();
            StoreError::plain(format!("legs of the adapter `{name}` are stored, which this version does not have"))
        })?;
        known.insert(0, Arc::new(Origin { tenant: text(tenant), pbx: text(pbx), adapter }));
    }
    known.first().cloned().ok_or_else(|| StoreError::plain("a leg without an origin"))
}

fn text(bytes: &[u8]) -> Text {
    Text::from_utf8_lossy(bytes)
}

fn word<T: Worded>(column: &str, word: &[u8]) -> Result<T, StoreError> {
    T::of(word).ok_or_else(|| {
        let word = String::from_utf8_lossy(word).into_owned();
        StoreError::plain(format!(
            "legs.{column} has `{word}`, which this version does not know: was it stored by a newer one?"
        ))
    })
}

fn maybe_word<T: Worded>(column: &str, bytes: &[u8]) -> Result<Option<T>, StoreError> {
    if bytes.is_empty() { Ok(None) } else { word(column, bytes).map(Some) }
}

/// Different names of extra fields in one process: adapters have some hundred.
const NAMES_MAX: usize = 4096;

/// Names of extra fields, which live as long as the process does: adapters have them in their code, and here they come from rows.
static NAMES: Mutex<Option<HashSet<&'static str>>> = Mutex::new(None);

fn name_of(bytes: &[u8], known: &mut HashMap<Vec<u8>, &'static str>) -> Result<&'static str, StoreError> {
    if let Some(name) = known.get(bytes) {
        return Ok(name);
    }
    let name = String::from_utf8_lossy(bytes).into_owned();
    let mut names = NAMES.lock().unwrap_or_else(PoisonError::into_inner);
    let names = names.get_or_insert_default();
    let kept = match names.get(name.as_str()) {
        Some(kept) => *kept,
        None if names.len() >= NAMES_MAX => {
            return Err(StoreError::plain(format!(
                "legs.extra has more than {NAMES_MAX} names: no adapter writes so many"
            )));
        }
        None => {
            let kept: &'static str = Box::leak(name.into_boxed_str());
            names.insert(kept);
            kept
        }
    };
    known.insert(bytes.to_vec(), kept);
    Ok(kept)
}
