//! What people and plugins said about one customer, as far as it changes what is owed: claims, settlements, reopenings, attempts.

use adapters::leg::{Moment, Text};
use adapters::{Mark, MarkKind};

/// One thing that was said about a follow-up of a customer.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Said {
    /// When, and not before what it is about: the clock of the exchange may be ahead of the office's.
    pub at: Moment,
    /// Its name: said again, it is the same.
    pub id: Text,
    /// When the follow-up that it is about was opened, as it was known then.
    pub opened_at: Moment,
    /// That follow-up's name then: what counts where the number was withheld.
    pub follow_up: Text,
    /// What was said.
    pub what: What,
}

/// What was said.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum What {
    /// Somebody deals with it from now on; `None`: nobody does any more.
    Claim(Option<Text>),
    /// Somebody has settled it by hand.
    Settlement {
        /// Who.
        by: Text,
        /// Why.
        why: Option<Text>,
    },
    /// What had settled it did not.
    Reopening {
        /// The call that did not, by its name or by one that its records have; `None`: whatever it was that had settled it.
        call: Option<Text>,
    },
    /// The exchange dialed the customer for us, in a call that its records may have under this name.
    Attempt {
        /// See [`named`].
        call: u64,
    },
}

impl Said {
    /// What this mark changes of what is owed: of which customer, empty where the number was withheld; `None` if nothing.
    #[must_use]
    pub fn of(mark: &Mark) -> Option<(Text, Said)> {
        let by = || Some(mark.by.as_deref()?.trim_start_matches("person:").into());
        let what = match mark.kind {
            MarkKind::Claim if mark.status.as_deref() == Some("released") => What::Claim(None),
            MarkKind::Claim => What::Claim(Some(by()?)),
            MarkKind::Settlement => What::Settlement { by: by()?, why: mark.why.clone() },
            MarkKind::Reopening => What::Reopening { call: mark.call.clone() },
            MarkKind::Delivery if mark.action.as_deref().is_some_and(|key| key.starts_with("call_back:")) => {
                What::Attempt { call: named(mark.call.as_deref()?) }
            }
            MarkKind::Delivery | MarkKind::Tag | MarkKind::Note => return None,
        };
        let opened_at = mark.opened_at.unwrap_or(mark.at);
        let said = Said {
            at: mark.at.max(opened_at),
            id: mark.id.clone(),
            opened_at,
            follow_up: mark.follow_up.clone().unwrap_or_default(),
            what,
        };
        Some((mark.customer.clone().unwrap_or_default(), said))
    }
}

impl Said {
    /// It is about a call, whenever that was.
    pub(crate) fn names_a_call(&self) -> bool {
        matches!(self.what, What::Reopening { call: Some(_) })
    }
}

/// A hash of a name that records have of a call.
#[must_use]
pub fn named(call: &str) -> u64 {
    xxhash_rust::xxh3::xxh3_64(call.as_bytes())
}
