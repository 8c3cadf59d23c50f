//! What the host answers to one plugin of one tenant: who is who, who was rung, and the plugin's own state.

use calls::event::{Event, Offer, Pairs};

/// Answers as of the event's `at`. It is of one plugin and one tenant, and gives what is stored: what the events of one
/// [`handle`](crate::Plugin::handle) change is laid over it by the sandbox.
pub trait World: Send + Sync {
    /// Who was rung, in order.
    ///
    /// # Errors
    /// What cannot be asked now.
    fn offers(&self, event: &Event) -> Result<Vec<Offer>, Unavailable> {
        Ok(event.offers.clone())
    }

    /// The columns that the PBX itself wrote, one list a record.
    ///
    /// # Errors
    /// What cannot be asked now.
    fn raw(&self, event: &Event) -> Result<Vec<Pairs>, Unavailable>;

    /// The person of this id; `None`: nobody has it.
    ///
    /// # Errors
    /// What cannot be asked now.
    fn get_person(&self, event: &Event, id: &str) -> Result<Option<Person>, Unavailable>;

    /// Ids of the people in a group; `None`: there is no such group.
    ///
    /// # Errors
    /// What cannot be asked now.
    fn members(&self, event: &Event, group: &str) -> Result<Option<Vec<String>>, Unavailable>;

    /// Working hours of `site:ID`, `group:ID`, `person:ID` at a moment in milliseconds; `None`: there is no such.
    ///
    /// # Errors
    /// What cannot be asked now.
    fn is_open(&self, event: &Event, who: &str, at: i64) -> Result<Option<bool>, Unavailable>;

    /// The first moment at or after this one, in milliseconds, at which they are open; `None`: there is no such, or it does not open.
    ///
    /// # Errors
    /// What cannot be asked now.
    fn next_open(&self, event: &Event, who: &str, at: i64) -> Result<Option<i64>, Unavailable>;

    /// What is stored under a key.
    ///
    /// # Errors
    /// What cannot be asked now.
    fn state_get(&self, key: &str) -> Result<Option<Vec<u8>>, Unavailable>;

    /// At most so many keys that begin so, after this one, in the order of their bytes.
    ///
    /// # Errors
    /// What cannot be asked now.
    fn state_keys(&self, prefix: &str, after: Option<&str>, max: usize) -> Result<Vec<String>, Unavailable>;

    /// Bytes of all keys and values that are stored.
    ///
    /// # Errors
    /// What cannot be asked now.
    fn state_bytes(&self) -> Result<usize, Unavailable>;
}

/// Something of ours cannot be asked now: the event is a [`Fault::Host`](crate::Fault::Host).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unavailable(pub String);

/// A person as plugins see them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Person {
    /// Their id.
    pub id: String,
    /// Their name.
    pub name: String,
    /// Their extensions at that moment.
    pub extensions: Vec<String>,
    /// Ids of their groups, their own first.
    pub groups: Vec<String>,
    /// Who leads them.
    pub head: Option<String>,
    /// `unknown` where nothing tells.
    pub presence: String,
    /// What else is known.
    pub facts: Pairs,
}
