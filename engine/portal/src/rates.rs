//! How often somebody asks: so many requests a minute, counted where the process is. What must hold across processes (failed sign-ins)
//! is counted in the office.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use adapters::leg::Moment;

const MINUTE_MS: i64 = 60_000;

/// Askers that are remembered at most; when there are more, those whose minute is over are forgotten.
const ASKERS_MAX: usize = 10_000;

/// Counts requests of each asker in the minute that they are in.
pub(crate) struct Rates {
    per_minute_max: u32,
    asked: Mutex<HashMap<String, (i64, u32)>>,
}

impl Rates {
    pub(crate) fn new(per_minute_max: u32) -> Rates {
        Rates { per_minute_max, asked: Mutex::default() }
    }

    /// False: they asked too often in this minute.
    pub(crate) fn may(&self, asker: &str, now: Moment) -> bool {
        let minute = now.0.div_euclid(MINUTE_MS);
        let mut asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
        if asked.len() >= ASKERS_MAX {
            asked.retain(|_, (of, _)| *of == minute);
        }
        if asked.len() >= ASKERS_MAX && !asked.contains_key(asker) {
            return false;
        }
        let (of, count) = asked.entry(asker.to_owned()).or_insert((minute, 0));
        if *of != minute {
            (*of, *count) = (minute, 0);
        }
        *count = count.saturating_add(1);
        *count <= self.per_minute_max
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_asker_has_so_many_in_a_minute() {
        let rates = Rates::new(2);
        let asked = |asker, second: i64| rates.may(asker, Moment(second * 1000));
        assert_eq!([asked("a", 0), asked("a", 1), asked("a", 59), asked("b", 59)], [true, true, false, true]);
        assert_eq!([asked("a", 60), asked("a", 61), asked("a", 62)], [true, true, false]);
    }
}
