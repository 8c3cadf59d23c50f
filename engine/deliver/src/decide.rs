//! Whether an action whose turn has come may be done now. Pure: the moment is an argument.
//!
//! What two processes could decide at once (whether the customer was dialed or spoken with meanwhile, how many were called in this hour)
//! is decided again by the office in the transaction that claims the dial.

use chrono_tz::Tz;

use crate::settings::{DeliverSettings, ms};

/// What is known of an action.
#[derive(Clone, Copy, Debug)]
pub struct Asked<'a> {
    /// It rings a customer's telephone.
    pub is_dial: bool,
    /// A person asked for it, and no plugin.
    pub is_by_person: bool,
    /// When what it is about happened, by the log, in milliseconds.
    pub about_at: i64,
    /// When it should be done.
    pub due_at: i64,
    /// When it should not be done any more, where whoever asked said so.
    pub expires_at: Option<i64>,
    /// In E.164, where it is known.
    pub customer: Option<&'a str>,
    /// Of the follow-up, where it is about one.
    pub follow_up: Option<&'a str>,
    /// When somebody spoke with the customer last.
    pub spoken_at: Option<i64>,
}

/// What to do with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    /// It may be done.
    Go,
    /// Not before this moment.
    Wait {
        /// In milliseconds.
        until: i64,
        /// For people.
        why: String,
    },
    /// It is not done.
    Hold {
        /// For people.
        why: String,
    },
    /// It is too late for it.
    Expire {
        /// For people.
        why: String,
    },
}

/// Decides.
#[must_use]
pub fn decide(asked: Asked<'_>, settings: &DeliverSettings, zone: Tz, now: i64) -> Decision {
    let latest = asked.about_at.saturating_add(ms(settings.not_after_s));
    // What waited for its moment on purpose is not late before that moment.
    let latest =
        latest.max(asked.due_at.saturating_add(i64::try_from(settings.not_after_s).unwrap_or(i64::MAX) / 4 * 1000));
    let latest = asked.expires_at.map_or(latest, |expires| expires.min(latest));
    if now > latest {
        let late_s = now.saturating_sub(asked.about_at) / 1000;
        return Decision::Expire {
            why: format!("{late_s} seconds after what it is about: `not_after_s` under [deliver]"),
        };
    }
    if now < asked.due_at {
        return Decision::Wait { until: asked.due_at, why: "its moment has not come".to_owned() };
    }
    if !asked.is_dial {
        return Decision::Go;
    }
    let Some(customer) = asked.customer else {
        return Decision::Hold { why: "the customer's number is not known".to_owned() };
    };
    if let Some(status) = asked.follow_up.filter(|status| !matches!(*status, "open" | "dealing")) {
        return Decision::Hold { why: format!("the follow-up is {status}") };
    }
    // What those ask for who deal with it is dialed: whether it is they, the office looks up when it gives the dial away.
    if asked.follow_up == Some("dealing") && !asked.is_by_person {
        return Decision::Hold { why: "somebody is dealing with the follow-up".to_owned() };
    }
    if asked.spoken_at.is_some_and(|spoken_at| spoken_at >= asked.about_at) {
        return Decision::Hold { why: "somebody spoke with the customer since".to_owned() };
    }
    if let Some(why) = settings.refuses(customer) {
        return Decision::Hold { why: why.to_owned() };
    }
    if let Some(until) = settings.quiet_until(now, zone) {
        return Decision::Wait { until, why: "`quiet_hours` under [deliver]".to_owned() };
    }
    Decision::Go
}

/// When the next try is due: each waits twice as long as the one before, an hour at most. `None`: there was the last one.
#[must_use]
pub fn next_try(settings: &DeliverSettings, attempts: u32, after_s: Option<u32>, now: i64) -> Option<i64> {
    const WAIT_MAX_S: u64 = 3600;
    if attempts >= settings.attempts_max {
        return None;
    }
    let doubled = settings.retry_after_s.saturating_mul(1_u64 << attempts.saturating_sub(1).min(20)).min(WAIT_MAX_S);
    let wait_s = doubled.max(u64::from(after_s.unwrap_or(0)));
    Some(now.saturating_add(ms(wait_s)))
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: i64 = 3_600_000;
    /// Monday, ten in the morning in London.
    const TEN: i64 = 1_795_428_000_000;

    fn asked() -> Asked<'static> {
        Asked {
            is_dial: true,
            is_by_person: false,
            about_at: TEN,
            due_at: TEN,
            expires_at: None,
            customer: Some("+442079460331"),
            follow_up: Some("open"),
            spoken_at: None,
        }
    }

    fn check(asked: Asked<'_>, now: i64, expected: &str) {
        let found = match decide(asked, &DeliverSettings::default(), chrono_tz::Europe::London, now) {
            Decision::Go => "go".to_owned(),
            Decision::Wait { until, why } => format!("wait {} min: {why}", (until - now) / 60_000),
            Decision::Hold { why } => format!("hold: {why}"),
            Decision::Expire { why } => format!("expire: {why}"),
        };
        assert_eq!(found, expected, "{asked:?} at {now}");
    }

    #[test]
    fn a_dial_is_held_for_each_of_its_reasons() {
        check(asked(), TEN + 1, "go");
        check(Asked { follow_up: None, ..asked() }, TEN, "go");
        check(Asked { customer: None, ..asked() }, TEN, "hold: the customer's number is not known");
        check(Asked { follow_up: Some("reached_us"), ..asked() }, TEN, "hold: the follow-up is reached_us");
        check(Asked { follow_up: Some("dealing"), ..asked() }, TEN, "hold: somebody is dealing with the follow-up");
        check(Asked { follow_up: Some("dealing"), is_by_person: true, ..asked() }, TEN, "go");
        check(Asked { spoken_at: Some(TEN), ..asked() }, TEN, "hold: somebody spoke with the customer since");
        check(Asked { spoken_at: Some(TEN - 1), ..asked() }, TEN, "go");
        check(Asked { due_at: TEN + HOUR, ..asked() }, TEN, "wait 60 min: its moment has not come");
        check(
            Asked { about_at: TEN + 10 * HOUR, due_at: TEN + 10 * HOUR, ..asked() },
            TEN + 10 * HOUR,
            "wait 720 min: `quiet_hours` under [deliver]",
        );
    }

    #[test]
    fn what_is_too_old_is_not_done() {
        let old = "28801 seconds after what it is about: `not_after_s` under [deliver]";
        check(asked(), TEN + 8 * HOUR, "go");
        check(asked(), TEN + 8 * HOUR + 1000, &format!("expire: {old}"));
        check(Asked { is_dial: false, ..asked() }, TEN + 8 * HOUR + 1000, &format!("expire: {old}"));
        check(Asked { due_at: TEN + 24 * HOUR, ..asked() }, TEN + 24 * HOUR, "go");
        check(
            Asked { expires_at: Some(TEN + 1), ..asked() },
            TEN + 2,
            "expire: 0 seconds after what it is about: `not_after_s` under [deliver]",
        );
    }

    #[test]
    fn each_try_waits_longer_than_the_one_before() {
        let settings = DeliverSettings { attempts_max: 4, ..DeliverSettings::default() };
        let waits: Vec<Option<i64>> = (1..=4).map(|tries| next_try(&settings, tries, None, 0)).collect();
        assert_eq!(waits, [Some(30_000), Some(60_000), Some(120_000), None]);
        assert_eq!(next_try(&settings, 1, Some(300), 0), Some(300_000));
    }
}
