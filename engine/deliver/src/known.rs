//! What is known of an action beside itself, and how its dial is claimed: for deliver, and for whoever asks what deliver would do.

use office::{Action, ClaimDial, Office};

use crate::decide::Asked;
use crate::settings::{DeliverSettings, ms};

/// What the office knows of an action beside itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KnownOf {
    /// It rings a customer's telephone.
    pub is_dial: bool,
    /// When the last missed call of its follow-up began, in milliseconds.
    pub about_at: Option<i64>,
    /// Of its follow-up.
    pub status: Option<String>,
    /// In E.164.
    pub customer: Option<String>,
    /// When somebody spoke with the customer last, where that matters.
    pub spoken_at: Option<i64>,
}

impl KnownOf {
    /// Reads it; why the action cannot be done, if nothing of it could be.
    ///
    /// # Errors
    /// Where the office fails.
    pub fn read(office: &Office, action: &Action) -> office::Result<Result<KnownOf, String>> {
        let is_dial = action.kind == "call_back";
        let mut known = KnownOf { is_dial, ..KnownOf::default() };
        if let Some(name) = &action.follow_up {
            let Some(row) = office.follow_up(&action.tenant, name)? else {
                return Ok(if is_dial { Err(format!("there is no follow-up {name}")) } else { Ok(known) });
            };
            known.about_at = Some(row.last_at);
            known.status = Some(row.status);
            known.customer = row.customer;
        } else {
            known.customer.clone_from(&action.customer);
        }
        if let Some(number) = known.customer.as_deref().filter(|_| is_dial) {
            known.spoken_at = office.spoken(&action.tenant, number)?;
        }
        Ok(Ok(known))
    }

    /// For [`crate::decide::decide`].
    #[must_use]
    pub fn as_asked<'a>(&'a self, action: &'a Action) -> Asked<'a> {
        Asked {
            is_dial: self.is_dial,
            is_by_person: action.is_by_person(),
            about_at: self.about_at.unwrap_or(action.asked_at),
            due_at: action.due_at,
            expires_at: action.expires_at,
            customer: self.customer.as_deref(),
            follow_up: self.status.as_deref(),
            spoken_at: self.spoken_at,
        }
    }
}

/// How the dial of an action is claimed.
#[must_use]
pub fn claim_of(settings: &DeliverSettings, key: &str, holder: &str, number: &str, now: i64) -> ClaimDial {
    ClaimDial {
        action_key: key.to_owned(),
        holder: holder.to_owned(),
        now,
        until: now.saturating_add(ms(settings.attempt_s)),
        number: number.to_owned(),
        redial_pause_ms: ms(settings.redial_pause_s),
        max_per_hour: i64::from(settings.max_per_hour),
    }
}
