//! What is asked of one thing that is owed: its state, what was said of it and done for it; and the bytes of a call's records.

use crate::StoreError;
use crate::question::{Question, Value};
use crate::viewed::{JsonRow, Reader};

/// Rows of one follow-up or one call that are shown at most.
const SHOWN_MAX: i64 = 1_000;

impl Reader<'_> {
    /// What is owed under this id; `None` if there is none that the viewer may see.
    ///
    /// # Errors
    /// The server's own words.
    pub async fn follow_up(&self, id: &str) -> Result<Option<JsonRow>, StoreError> {
        let statement = include_str!("../../../sql/calls/follow_up.sql");
        let question = Question::of("a follow-up", statement, &self.scope)?.with("id", Value::Text(id.to_owned()));
        Ok(question.owed("owed_one").json(self.store).await?.pop())
    }

    /// What people and plugins said of what is owed under this id, and under the name that the office has for it, in order: claims
    /// (`status` released: given back), settlements, reopenings, notes.
    ///
    /// # Errors
    /// The server's own words.
    pub async fn said_of(&self, id: &str, name: &str) -> Result<Vec<JsonRow>, StoreError> {
        let statement = include_str!("../../../sql/calls/said.sql");
        self.of_follow_up("what was said of a follow-up", statement, id, name)?.json(self.store).await
    }

    /// What was done for what is owed under this id, and under the name that the office has for it, in order.
    ///
    /// # Errors
    /// The server's own words.
    pub async fn deliveries_of(&self, id: &str, name: &str) -> Result<Vec<JsonRow>, StoreError> {
        let statement = include_str!("../../../sql/calls/deliveries_of_follow_up.sql");
        self.of_follow_up("what was done for a follow-up", statement, id, name)?.json(self.store).await
    }

    /// The bytes of a call's records, in base64, as far as they are stored: those of records a part of which was not understood.
    ///
    /// # Errors
    /// The server's own words.
    pub async fn bytes_of(&self, call_id: &str) -> Result<Vec<JsonRow>, StoreError> {
        let statement = include_str!("../../../sql/calls/bytes.sql");
        let question = Question::of("the bytes of a call", statement, &self.scope)?;
        let question = question.with("id", Value::Text(call_id.to_owned())).with("limit", Value::Number(SHOWN_MAX));
        let question = question.owed("owed_ids").with("ids", Value::Texts(vec![call_id.to_owned()]));
        question.json(self.store).await
    }

    fn of_follow_up(&self, what: &'static str, statement: &str, id: &str, name: &str) -> Result<Question, StoreError> {
        let names = Value::Texts(vec![id.to_owned(), name.to_owned()]);
        let question = Question::of(what, statement, &self.scope)?.with("id", Value::Text(id.to_owned()));
        Ok(question.owed("owed_one").with("names", names).with("limit", Value::Number(SHOWN_MAX)))
    }
}
