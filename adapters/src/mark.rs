//! `Mark`: a fact that is not a leg: what somebody said or did about a follow-up, and what became of an action.

use serde::{Deserialize, Serialize};

use crate::leg::{Moment, Text};

/// What one record of the engine's own tells.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Mark {
    /// What kind it is of.
    pub kind: MarkKind,
    /// Its name: the same mark told again has the same one.
    pub id: Text,
    /// When it happened, by the clock of whoever told it.
    pub at: Moment,
    /// The follow-up that it is about, by the name that it had then.
    pub follow_up: Option<Text>,
    /// That follow-up's customer, as it is written there; `None`: the number was withheld.
    pub customer: Option<Text>,
    /// When that follow-up was opened, as it was known then: names change, and customer and moment stay.
    pub opened_at: Option<Moment>,
    /// `person:ID` or `plugin:NAME`.
    pub by: Option<Text>,
    /// Why, for people; of a tag, the word.
    pub why: Option<Text>,
    /// Of a delivery: what became of it.
    pub status: Option<Text>,
    /// Of a delivery: the action's key.
    pub action: Option<Text>,
    /// Of a delivery: the call to the customer that was placed, by a name that its records have; without it nobody dialed the customer.
    /// Of a reopening: the call that a mailbox answered. Of a tag: the call that it is put to.
    pub call: Option<Text>,
    /// For people: what the other side said.
    pub detail: Option<Text>,
}

/// The kinds of marks that the engine's own records have.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MarkKind {
    /// Somebody deals with a follow-up; with the status `released`, nobody does any more.
    Claim,
    /// Somebody has settled a follow-up by hand.
    Settlement,
    /// What had settled a follow-up did not: a mailbox answered, or it was settled by mistake.
    Reopening,
    /// What became of an action, or of one try at it.
    Delivery,
    /// A word that somebody put to a call or a follow-up.
    Tag,
    /// What somebody wrote about a follow-up.
    Note,
}
