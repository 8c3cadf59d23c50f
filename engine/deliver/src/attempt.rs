//! What came of one try at an action.

/// What came of one try.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attempted {
    /// How it ended.
    pub status: Status,
    /// For people: what the other side said.
    pub detail: String,
    /// The call that it made, by a name that is found in its records (Asterisk: the channel's unique id).
    pub call: Option<String>,
}

/// How a try ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// It is done: a mail was taken, a webhook was answered with 2xx, a person spoke with the customer.
    Done,
    /// It will not succeed however often it is tried.
    Failed,
    /// It may succeed later; after so many seconds at the earliest, where the other side said so.
    Again {
        /// What the other side asked for.
        after_s: Option<u32>,
    },
    /// Nobody knows whether it was done: it must not be done again.
    Unknown,
}
