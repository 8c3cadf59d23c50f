//! "Make a missed call now": the records of a call that a person of the company has just not taken.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use generator::single::{MissedBy, Single};

use super::books::Books;
use super::play::Hurry;
use crate::pipeline::now;

/// The telephone rang so long, in milliseconds.
const RANG_MS: i64 = 21_000;

/// A day that is still played is waited for so long, and looked at so often.
const CATCH_UP_WITHIN: Duration = Duration::from_secs(30);
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// Who calls: numbers that the United Kingdom keeps for fiction, and that no customer of the generated company has.
const CUSTOMERS: &str = "+443069990";

/// Makes missed calls.
pub(crate) struct MissedCalls {
    books: Books,
    single: Arc<Mutex<Single>>,
    hurry: Hurry,
    made: AtomicU64,
}

impl MissedCalls {
    pub(crate) fn new(books: Books, single: Arc<Mutex<Single>>, hurry: Hurry) -> MissedCalls {
        // Whoever starts the demo again soon gets other customers: one who was just dialed is not dialed again.
        let begun = u64::try_from(now().0 / 1000).unwrap_or(0) % 99 * 10;
        MissedCalls { books, single, hurry, made: AtomicU64::new(begun) }
    }

    /// A call to this person, if they have a number at this exchange; else to anybody whose group is open. A day that is still played
    /// catches up first: nothing comes late after it, and it is called back at once.
    ///
    /// # Errors
    /// If the log cannot be written, or the day does not catch up.
    pub(crate) fn make(&self, person: Option<&str>) -> Result<()> {
        self.hurry.up();
        let since = Instant::now();
        while !self.books.log.is_live() {
            if since.elapsed() > CATCH_UP_WITHIN {
                bail!("the day that is played has not caught up within {} s", CATCH_UP_WITHIN.as_secs());
            }
            std::thread::sleep(LOOK_EVERY);
        }
        let nth = self.made.fetch_add(1, Ordering::Relaxed) + 1;
        let now = now();
        let mut single = self.single.lock().unwrap_or_else(PoisonError::into_inner);
        let missable: Vec<String> = single.missable(now).into_iter().map(str::to_owned).collect();
        let own = person.map(str::to_owned);
        // Each press is another's: the step has no divisor in common with a company's size.
        let any = missable.get(usize::try_from(nth.wrapping_mul(7919)).unwrap_or(0) % missable.len().max(1)).cloned();
        let customer = format!("{CUSTOMERS}{:03}", nth % 1000);
        for person in own.into_iter().chain(any) {
            let missed = MissedBy { person, customer: customer.clone(), rang_ms: RANG_MS, ended_at: now };
            if let Some(rows) = single.missed(&missed) {
                return self.books.put_call(&rows);
            }
        }
        Ok(())
    }
}
