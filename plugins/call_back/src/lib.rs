//! Has missed customers called back: asks for it within working hours, and again if the customer could not be reached.
//!
//! What is known of a follow-up is kept until it is settled: which attempt it is at, and the keys of what was asked for.

use ringback_plugin::{
    Answer, Cx, Delivery, DeliveryStatus, FollowUp, FollowUpStatus, Level, Missed, Plugin, Reason, Refusal, Time,
    Timer, export,
};
use serde::{Deserialize, Serialize};

/// The plugin.
#[derive(Debug, Default)]
pub struct CallBack;

#[derive(Deserialize)]
struct Settings {
    max_attempts: u32,
    retry_after_s: u32,
}

/// Where the call back of one follow-up is.
#[derive(Serialize, Deserialize)]
struct Progress {
    /// The attempt that was asked for last, or that the timer is for.
    attempt: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    owner: Option<String>,
    /// The key of the attempt that is under way.
    #[serde(skip_serializing_if = "Option::is_none")]
    action: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    timer: Option<String>,
}

impl Plugin for CallBack {
    fn call_missed(&self, cx: &Cx, missed: &Missed) -> Answer {
        let (call, follow_up) = (&missed.call, &missed.follow_up);
        let is_returnable = follow_up.status == FollowUpStatus::Open && call.caller.number.is_some();
        if !is_returnable || call.short || call.reason == Some(Reason::AbandonedInMenu) {
            return Ok(());
        }
        let settings: Settings = cx.settings()?;
        let owner = follow_up.owner.clone().or_else(|| call.owner.clone());
        let progress = match cx.state().get_json::<Progress>(&progress_key(&follow_up.id))? {
            None => Progress { attempt: 1, owner, action: None, timer: None },
            // Nothing is under way any more, and the customer has called again.
            Some(before) if before.action.is_none() && before.timer.is_none() => {
                Progress { attempt: before.attempt + 1, ..before }
            }
            Some(_) => return Ok(()),
        };
        if progress.attempt > settings.max_attempts {
            return Ok(());
        }
        attempt(cx, &follow_up.id, progress)
    }

    fn timer_due(&self, cx: &Cx, timer: &Timer) -> Answer {
        match cx.state().get_json::<Progress>(&progress_key(&timer.payload))? {
            Some(progress) => attempt(cx, &timer.payload, Progress { timer: None, ..progress }),
            // It was settled while the timer was on its way.
            None => Ok(()),
        }
    }

    fn delivery_ended(&self, cx: &Cx, delivery: &Delivery) -> Answer {
        let state = cx.state();
        let Some(id) = state.get_json::<String>(&attempt_key(&delivery.action))? else { return Ok(()) };
        state.delete(&attempt_key(&delivery.action));
        let Some(progress) = state.get_json::<Progress>(&progress_key(&id))? else { return Ok(()) };
        let mut progress = Progress { action: None, ..progress };
        let settings: Settings = cx.settings()?;
        if is_to_be_tried_again(delivery) && progress.attempt < settings.max_attempts {
            let at = cx.now().plus_s(settings.retry_after_s.saturating_mul(progress.attempt));
            progress.timer = Some(cx.set_timer(&timer_name(&id), at, &id)?);
            progress.attempt += 1;
        }
        state.put_json(&progress_key(&id), &progress)?;
        Ok(())
    }

    fn follow_up_settled(&self, cx: &Cx, follow_up: &FollowUp) -> Answer {
        let state = cx.state();
        let Some(progress) = state.get_json::<Progress>(&progress_key(&follow_up.id))? else { return Ok(()) };
        state.delete(&progress_key(&follow_up.id));
        if let Some(timer) = &progress.timer {
            cx.cancel(timer)?;
        }
        if let Some(action) = &progress.action {
            state.delete(&attempt_key(action));
            cx.cancel(action)?;
        }
        Ok(())
    }
}

/// Asks now, or sets a timer for when whoever owes the call works again.
fn attempt(cx: &Cx, id: &str, mut progress: Progress) -> Answer {
    match opens_at(cx, progress.owner.as_deref())? {
        Some(at) => progress.timer = Some(cx.set_timer(&timer_name(id), at, id)?),
        None => {
            let action = cx.call_back(id, &[("attempt", &progress.attempt.to_string())])?;
            cx.state().put_json(&attempt_key(&action), &id)?;
            progress.action = Some(action);
        }
    }
    cx.state().put_json(&progress_key(id), &progress)?;
    Ok(())
}

/// `None`: whoever owes the call works now. Whom the directory does not know has no hours of their own; the engine's quiet hours hold.
fn opens_at(cx: &Cx, owner: Option<&str>) -> Result<Option<Time>, Refusal> {
    let Some(owner) = owner else { return Ok(None) };
    let directory = cx.directory();
    let told = match directory.is_open(owner, cx.now()) {
        Ok(true) => return Ok(None),
        Ok(false) => directory.next_open(owner, cx.now()),
        Err(refusal) => Err(refusal),
    };
    match told {
        Err(Refusal::NotFound) => {
            cx.log(Level::Warn, &format!("the directory does not tell when {owner} works: taken as now"));
            Ok(None)
        }
        told => told.map(Some),
    }
}

/// What was not reached may be reached later; what may have been done, or was held back for a reason, is for people.
fn is_to_be_tried_again(delivery: &Delivery) -> bool {
    let told = delivery.detail.to_lowercase().replace('_', " ");
    delivery.status == DeliveryStatus::Failed
        || (delivery.status == DeliveryStatus::Done && (told.contains("customer busy") || told.contains("no answer")))
}

fn progress_key(id: &str) -> String {
    format!("follow_up/{id}")
}

fn attempt_key(action: &str) -> String {
    format!("attempt/{action}")
}

fn timer_name(id: &str) -> String {
    format!("again/{id}")
}

export!(CallBack);

#[cfg(test)]
mod tests {
    #[test]
    fn fixtures() {
        ringback_plugin::fixtures::run::<super::CallBack>();
    }
}
