//! The total of a view, its groups, its measures, and one call.

use std::collections::BTreeMap;

use serde_json::Value as Json;

use super::added_up::{AddedUp, Measured};
use super::{JsonRow, Reader};
use crate::StoreError;
use crate::question::{Question, Value};
use crate::view::{Column, Kind, View, column_named};
use crate::weeks::Summed;

/// Groups of a grouped view at most: the largest ones.
pub(super) const GROUPS_MAX: usize = 1_000;
/// Parts of one call that are shown at most: legs, visits, verdicts, deliveries.
const PARTS_SHOWN_MAX: i64 = 1_000;

/// A grouped view.
#[derive(Clone, PartialEq, Debug)]
pub struct Grouped {
    /// The largest groups, the largest first.
    pub rows: Vec<Group>,
    /// Calls of the view, each once, whatever the groups add up to.
    pub total: ViewTotal,
    /// There are more groups than are given.
    pub is_cut: bool,
}

/// One row of a grouped view.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Group {
    /// What its calls have in common; `None`: they have no such value.
    pub value: Option<String>,
    /// Calls.
    pub calls: u64,
    /// Of them, missed: by this person where the group is one's, else by the company.
    pub missed: u64,
    /// Of them, answered: by this person where the group is one's, else by anybody.
    pub answered: u64,
    /// The calls of this row.
    pub view: View,
}

/// Calls of a view.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct ViewTotal {
    /// Calls, each once.
    pub calls: u64,
}

/// What became of the missed calls of a view.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct StateCount {
    /// open, dealing, returned_by_us, reached_us, settled_by_hand, not_returnable, expired.
    pub state: String,
    /// Missed calls in it.
    pub calls: u64,
    /// Follow-ups that these are in.
    pub follow_ups: u64,
}

/// One call with everything that is stored of it.
#[derive(Clone, PartialEq, Debug)]
pub struct OneCall {
    /// The keys of the line that `ringback calls` prints.
    pub line: JsonRow,
    /// Its stays in queues and hunt groups, in order.
    pub visits: Vec<JsonRow>,
    /// Every verdict that it has had, the first one first.
    pub verdicts: Vec<JsonRow>,
    /// What was done for it or for its follow-up, in order.
    pub deliveries: Vec<JsonRow>,
    /// The legs that it was made of, with their records' places and own fields.
    pub legs: Vec<JsonRow>,
}

/// The keys of a call's line, in its order.
const LINE: &str = "call_id,tenant,site,pbx,pbxes,link_keys,direction,answered,outcome,missed,short,out_of_hours,reason,caller,caller_raw,\
    caller_name,caller_extension,caller_person,did,dialed,trunk,entry,menu_path,first_target,queue,group,owner,answered_by,\
    answered_by_kind,transfers,started_at,queued_at,rang_at,answered_at,ended_at,ended_by,cause,wait_time_s,queue_wait_time_s,\
    ring_time_s,talk_time_s,hold_time_s,park_time_s,machine_time_s,duration_s,voicemail_left,recording_url,offers,rule,evidence,\
    follow_up,records,revision,is_final";

impl Reader<'_> {
    /// The columns that are the keys of a call's line: what the API gives of each call.
    #[must_use]
    pub fn line_columns() -> Vec<&'static Column> {
        LINE.split(',').filter_map(|name| column_named(name.trim())).collect()
    }

    /// These columns of the calls at these places, in this order.
    pub(super) async fn rows_at(
        &self,
        places: &[(i64, String)],
        columns: &[&'static Column],
    ) -> Result<Vec<JsonRow>, StoreError> {
        if places.is_empty() {
            return Ok(Vec::new());
        }
        let asked = |question: Question| {
            question
                .owed("owed_calls")
                .with("quarters", Value::Numbers(places.iter().map(|(quarter, _)| *quarter).collect()))
                .with("ids", Value::Texts(places.iter().map(|(_, id)| id.clone()).collect()))
        };
        let is_asked = |name: &str| columns.iter().any(|column| column.name == name);
        let of_table = columns.iter().filter(|c| !["follow_up", "revision"].contains(&c.name));
        let names: Vec<String> = of_table.map(|column| format!("{} AS `{}`", column.sql, column.name)).collect();
        let names = if names.is_empty() { "call_id".to_owned() } else { names.join(", ") };
        let rows = self.question("the rows of a page", include_str!("../../../../sql/calls/rows.sql"))?;
        let mut rows = by_id(asked(rows.put("columns", &names)).json(self.store).await?, "id");
        if is_asked("follow_up") {
            let owed = include_str!("../../../../sql/calls/follow_ups_of_calls.sql");
            let owed = asked(self.question("the follow-ups of a page", owed)?).json(self.store).await?;
            let mut owed = by_id(owed, "call_id");
            for (id, row) in &mut rows {
                row.insert("follow_up".to_owned(), owed.remove(id).map_or(Json::Null, Json::Object));
            }
        }
        if is_asked("revision") {
            let told = include_str!("../../../../sql/calls/revisions.sql");
            let told: Vec<(String, u32)> =
                asked(self.question("the revisions of a page", told)?).rows(self.store).await?;
            for (id, revision) in told {
                if let Some(row) = rows.get_mut(&id) {
                    row.insert("revision".to_owned(), revision.into());
                }
            }
        }
        Ok(places.iter().filter_map(|(_, id)| rows.remove(id)).collect())
    }

    /// These columns of calls by their ids, as far as the viewer may see them; in this order, without those that there are not.
    ///
    /// # Errors
    /// The server's own words.
    pub async fn calls_of(&self, ids: &[&str], columns: &[&'static Column]) -> Result<Vec<JsonRow>, StoreError> {
        let places = self.places_of(ids).await?;
        let in_order = ids.iter().filter_map(|id| places.iter().find(|(_, found)| found == id).cloned());
        self.rows_at(&in_order.collect::<Vec<_>>(), columns).await
    }

    async fn places_of(&self, ids: &[&str]) -> Result<Vec<(i64, String)>, StoreError> {
        let question = self.question("where calls stand", include_str!("../../../../sql/calls/places.sql"))?;
        let ids = ids.iter().map(|id| (*id).to_owned()).collect();
        question.owed("owed_ids").with("ids", Value::Texts(ids)).rows(self.store).await
    }

    /// How many calls a view has.
    ///
    /// # Errors
    /// The server's own words.
    pub async fn total(&self, view: &View, named: &[String]) -> Result<ViewTotal, StoreError> {
        let calls = self.count(view, named).await?.added().into_values().filter_map(|sums| sums.first().copied()).sum();
        Ok(ViewTotal { calls: unsigned(calls) })
    }

    /// The calls of a view, by week where these are kept.
    pub(super) async fn count(&self, view: &View, named: &[String]) -> Result<Summed, StoreError> {
        let statement = include_str!("../../../../sql/calls/total.sql");
        self.summed("the total of a view", statement, (view, named), usize::MAX, |question| question).await
    }

    /// A view by the column that it names, with the calls that are in it, each once. A view that names none has no groups.
    ///
    /// # Errors
    /// The server's own words.
    pub async fn grouped(&self, view: &View, named: &[String]) -> Result<Grouped, StoreError> {
        let total = self.total(view, named).await?;
        let (rows, is_cut) = self.groups(view, named).await?;
        Ok(Grouped { rows, total, is_cut })
    }

    /// The groups of a view, and whether there are more.
    pub(super) async fn groups(&self, view: &View, named: &[String]) -> Result<(Vec<Group>, bool), StoreError> {
        let Some(by) = view.by else { return Ok((Vec::new(), false)) };
        let statement = match by.kind {
            Kind::People => include_str!("../../../../sql/calls/grouped_people.sql"),
            Kind::List => include_str!("../../../../sql/calls/grouped_each.sql"),
            _ => include_str!("../../../../sql/calls/grouped_one.sql"),
        };
        let name = if by.is_several() { "group_each" } else { "group_one" };
        let group = crate::question::fragment(name).replace("%it%", by.sql);
        // Who is in the column itself need not be looked for in it.
        let of = |column: &str| {
            let end = if by.name == column { "itself" } else { "one" };
            crate::question::fragment(&format!("{column}_{end}"))
        };
        let dressed = |question: Question| {
            let question = question.put("is_missed", of("missed_by")).put("is_taken", of("taken_by"));
            question.put("group", &group)
        };
        let summed = self.summed("a grouped view", statement, (view, named), GROUPS_MAX + 1, dressed).await?;
        groups_of(view, summed.added().into_iter().map(|(of, sums)| (of.map(str::to_owned), sums)).collect())
    }

    /// What became of the missed calls of a view, the states in alphabetical order. A missed call whose follow-up is not stored yet is in
    /// none.
    ///
    /// # Errors
    /// The server's own words.
    pub async fn states(&self, view: &View, named: &[String]) -> Result<Vec<StateCount>, StoreError> {
        let statement = include_str!("../../../../sql/calls/states.sql");
        let summed =
            self.summed("the follow-ups of a view", statement, (view, named), usize::MAX, |question| question).await?;
        let mut found: BTreeMap<&str, (u64, u64)> = BTreeMap::new();
        for (of, sums) in summed.added() {
            let Some(of) = of else { continue };
            let [calls, follow_ups] = counts(&sums);
            // One that lasts beyond a week is told by its id, and counts once however many weeks have calls of it.
            let (state, follow_ups) = of.split_once(' ').map_or((of, follow_ups), |(state, _)| (state, 1));
            let counted = found.entry(state).or_default();
            *counted = (counted.0 + calls, counted.1 + follow_ups);
        }
        let count = |(state, (calls, follow_ups)): (&str, (u64, u64))| StateCount {
            state: state.to_owned(),
            calls,
            follow_ups,
        };
        Ok(found.into_iter().map(count).collect())
    }

    /// The measures of calls over the inbound ones of a view, in the order in which they are shown. `ring_no_answer` is not among them:
    /// it is counted on offers, and stands in the windows.
    ///
    /// # Errors
    /// The server's own words.
    pub async fn measures(&self, view: &View, named: &[String]) -> Result<Vec<Measured>, StoreError> {
        Ok(self.added_up(view, named).await?.measures())
    }

    /// What the inbound calls of a view add up to.
    pub(super) async fn added_up(&self, view: &View, named: &[String]) -> Result<AddedUp, StoreError> {
        let statement = include_str!("../../../../sql/calls/measures.sql");
        let soon = |question: Question| question.with("soon_ms", Value::Number(self.soon_ms));
        let summed = self.summed("the measures of a view", statement, (view, named), usize::MAX, soon).await?;
        let mut added_up = AddedUp::default();
        for (of, sums) in summed.added() {
            added_up.add(of.unwrap_or_default(), &sums);
        }
        Ok(added_up)
    }

    /// One call; `None` if there is none of this id that the viewer may see.
    ///
    /// # Errors
    /// The server's own words.
    pub async fn call(&self, id: &str) -> Result<Option<OneCall>, StoreError> {
        let places = self.places_of(&[id]).await?;
        let Some((quarter, _)) = places.first() else { return Ok(None) };
        let Some(mut line) = self.rows_at(&places, &Self::line_columns()).await?.pop() else { return Ok(None) };
        line.insert("merged_into".to_owned(), Json::Null);
        let asked = |what, statement: &str| -> Result<Question, StoreError> {
            let question = self.question(what, statement)?;
            let question = question.with("id", Value::Text(id.to_owned())).with("quarter", Value::Number(*quarter));
            let question = question.with("ids", Value::Texts(vec![id.to_owned()])).owed("owed_calls");
            let question = question.with("quarters", Value::Numbers(vec![*quarter]));
            Ok(question.with("limit", Value::Number(PARTS_SHOWN_MAX)))
        };
        let visits = asked("the visits of a call", include_str!("../../../../sql/calls/visits.sql"))?;
        let verdicts = asked("the verdicts of a call", include_str!("../../../../sql/calls/verdicts.sql"))?;
        let deliveries = asked("the deliveries of a call", include_str!("../../../../sql/calls/deliveries.sql"))?;
        let deliveries = deliveries.owed("owed_deliveries");
        let legs = asked("the legs of a call", include_str!("../../../../sql/calls/legs.sql"))?;
        Ok(Some(OneCall {
            line,
            visits: visits.json(self.store).await?,
            verdicts: verdicts.json(self.store).await?,
            deliveries: deliveries.json(self.store).await?,
            legs: legs.json(self.store).await?,
        }))
    }
}

/// Groups as they are shown, the largest first, and whether there are more.
pub(super) fn groups_of(
    view: &View,
    mut found: Vec<(Option<String>, Vec<i64>)>,
) -> Result<(Vec<Group>, bool), StoreError> {
    let calls = |sums: &[i64]| sums.first().copied().unwrap_or_default();
    found.sort_by(|(a, x), (b, y)| (calls(y), a.is_none(), a).cmp(&(calls(x), b.is_none(), b)));
    let is_cut = found.len() > GROUPS_MAX;
    found.truncate(GROUPS_MAX);
    let row = |(value, sums): (Option<String>, Vec<i64>)| {
        let of_group = view.of_group(value.as_deref());
        let view = of_group.map_err(|error| StoreError::plain(format!("a group of a view: {error}")))?;
        let [calls, missed, answered] = counts(&sums);
        Ok(Group { value, calls, missed, answered, view })
    };
    Ok((found.into_iter().map(row).collect::<Result<_, StoreError>>()?, is_cut))
}

fn by_id(rows: Vec<JsonRow>, key: &str) -> std::collections::HashMap<String, JsonRow> {
    let id = |mut row: JsonRow| Some((row.remove(key)?.as_str()?.to_owned(), row));
    rows.into_iter().filter_map(id).collect()
}

/// Sums that cannot be below zero.
pub(super) fn counts<const N: usize>(sums: &[i64]) -> [u64; N] {
    std::array::from_fn(|at| unsigned(sums.get(at).copied().unwrap_or_default()))
}

fn unsigned(count: i64) -> u64 {
    u64::try_from(count).unwrap_or_default()
}
