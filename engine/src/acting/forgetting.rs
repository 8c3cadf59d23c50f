//! Takes out of the office what is old and waited for by nobody: events that every plugin has heard, what became of them, records that
//! their logs have, and claims that have lapsed. It takes no input, and may run in several processes at once and again after any crash.

use std::time::Duration;

use anyhow::{Context, Result};
use office::{Office, Prune};

use crate::pipeline::{now, say};

/// How often it is looked for what is old. Not at the start: what an owner before had told and not stored is told again first, under
/// names by which the office has to know it.
const LOOK_EVERY: Duration = Duration::from_secs(600);

/// Events, records of the outbox, and claims, that one transaction takes away: others wait for its end.
const RECORDS_MAX: usize = 500;

/// Who waits to write has a turn between two transactions.
const PAUSE: Duration = Duration::from_millis(20);

/// Starts the thread that forgets what is older than `keep_ms`, in milliseconds.
///
/// # Errors
/// If there can be no thread.
pub(super) fn start(office: Office, keep_ms: i64) -> Result<()> {
    let work = move || {
        loop {
            std::thread::sleep(LOOK_EVERY);
            match forget(&office, now().0, keep_ms) {
                Ok(0) => {}
                Ok(forgotten) => {
                    say(&format!(
                        "the office: {forgotten} events, sent records and lapsed claims were old, and are gone"
                    ));
                }
                // Nothing waits for it: the next look finds it again.
                Err(error) => say(&format!("the office: what is old could not be taken away: {error}")),
            }
        }
    };
    std::thread::Builder::new().name("forgetting".to_owned()).spawn(work).context("cannot start a thread")?;
    Ok(())
}

/// Says how many are gone.
fn forget(office: &Office, now: i64, keep_ms: i64) -> office::Result<usize> {
    let mut forgotten = 0;
    loop {
        match office.prune(&Prune { now, keep_ms, records_max: RECORDS_MAX })? {
            0 => return Ok(forgotten),
            more => forgotten += more,
        }
        std::thread::sleep(PAUSE);
    }
}

#[cfg(test)]
mod tests {
    use ::office::{Event, NewPlugin, Owner, PluginState, Told};

    use super::*;

    const T0: i64 = 1_764_000_000_000;
    const DAY_MS: i64 = 86_400_000;

    fn tell(office: &Office, from: usize, to: usize, now: i64) {
        let event = |n: usize| Event {
            tenant: "acme".to_owned(),
            id: format!("e{n}"),
            kind: "call-ended".to_owned(),
            at: now,
            body: "{}".to_owned(),
            ..Event::default()
        };
        let events = (from..to).map(event).collect();
        let told =
            Told { topic: "cdr".to_owned(), owner: Owner { epoch: 1, versions: 1 }, now, events, ..Told::default() };
        office.tell(&told).unwrap();
    }

    /// More than one transaction takes.
    #[test]
    fn all_that_is_old_goes_and_nothing_that_somebody_waits_for() {
        let office = Office::open("sqlite::memory:", 1000).unwrap();
        let (old, new) = (RECORDS_MAX * 2 + 7, 5);
        tell(&office, 0, old, T0);
        let plugin = NewPlugin {
            name: "p".to_owned(),
            version: "1.0.0".to_owned(),
            sha256: "00".to_owned(),
            state: PluginState::Live,
            by: "root".to_owned(),
            note: String::new(),
            now: T0,
        };
        office.install(&plugin).unwrap();
        office.set_position("p", "acme", 3).unwrap();
        tell(&office, old, old + new, T0 + 40 * DAY_MS);
        let now = T0 + 41 * DAY_MS;
        let left = || office.events_after("acme", 0, 10_000).unwrap().len();
        assert_eq!((forget(&office, now, 42 * DAY_MS).unwrap(), left()), (0, old + new), "nothing is old");
        assert_eq!(
            (forget(&office, now, 30 * DAY_MS).unwrap(), left()),
            (3, old + new - 3),
            "the plugin waits for the rest"
        );
        office.set_position("p", "acme", i64::try_from(old + 1).unwrap()).unwrap();
        assert_eq!((forget(&office, now, 30 * DAY_MS).unwrap(), left()), (old - 3, new));
        assert_eq!(forget(&office, now, 30 * DAY_MS).unwrap(), 0, "again it finds nothing");
        tell(&office, old, old + new, now);
        assert_eq!(left(), new, "what is still known is not told twice");
    }
}
