//! Tells heads of a return that is overdue: first the head of whoever owes it, and while it stays open one further up each time.

use ringback_plugin::{Answer, Cx, Directory, FollowUp, FollowUpStatus, Plugin, Refusal, Timer, export};
use serde::{Deserialize, Serialize};

/// The template of the e-mail.
const TEMPLATE: &str = "overdue";

/// The plugin.
#[derive(Debug, Default)]
pub struct EscalateOverdue;

#[derive(Deserialize)]
struct Settings {
    escalate_after_s: u32,
    to: Vec<String>,
}

/// A return that is overdue.
#[derive(Serialize, Deserialize)]
struct Overdue {
    follow_up: FollowUp,
    /// Heads that were told, the lowest first.
    told: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    timer: Option<String>,
}

/// What the template is filled with.
#[derive(Serialize)]
struct Data<'a> {
    follow_up: &'a FollowUp,
    /// 1: the first e-mail.
    level: usize,
}

impl Plugin for EscalateOverdue {
    fn follow_up_due(&self, cx: &Cx, follow_up: &FollowUp) -> Answer {
        let is_open = matches!(follow_up.status, FollowUpStatus::Open | FollowUpStatus::Dealing);
        if !is_open || cx.state().get(&overdue_key(&follow_up.id)).is_some() {
            return Ok(());
        }
        escalate(cx, Overdue { follow_up: follow_up.clone(), told: Vec::new(), timer: None })
    }

    fn timer_due(&self, cx: &Cx, timer: &Timer) -> Answer {
        match cx.state().get_json::<Overdue>(&overdue_key(&timer.payload))? {
            Some(overdue) => escalate(cx, Overdue { timer: None, ..overdue }),
            // It was settled while the timer was on its way.
            None => Ok(()),
        }
    }

    fn follow_up_settled(&self, cx: &Cx, follow_up: &FollowUp) -> Answer {
        let key = overdue_key(&follow_up.id);
        let Some(overdue) = cx.state().get_json::<Overdue>(&key)? else { return Ok(()) };
        cx.state().delete(&key);
        if let Some(timer) = &overdue.timer {
            cx.cancel(timer)?;
        }
        Ok(())
    }
}

/// Tells the next head, and sets the timer for the one after; after the last one it stays quiet until the return is settled.
fn escalate(cx: &Cx, mut overdue: Overdue) -> Answer {
    let settings: Settings = cx.settings()?;
    let next = next_head(cx.directory(), &overdue)?;
    let to = next.as_ref().map_or_else(|| settings.to.clone(), |head| vec![head.clone()]);
    let level = overdue.told.len() + 1;
    if !to.is_empty() {
        cx.email(&to, TEMPLATE, &Data { follow_up: &overdue.follow_up, level }, &[])?;
    }
    let id = overdue.follow_up.id.clone();
    if let Some(head) = next {
        overdue.told.push(head);
        let at = cx.now().plus_s(settings.escalate_after_s);
        overdue.timer = Some(cx.set_timer(&format!("escalate/{id}"), at, &id)?);
    }
    cx.state().put_json(&overdue_key(&id), &overdue)?;
    Ok(())
}

/// `None`: there is nobody further up.
fn next_head(directory: Directory, overdue: &Overdue) -> Result<Option<String>, Refusal> {
    let below = match (overdue.told.last(), &overdue.follow_up.owner) {
        (Some(head), _) => head.clone(),
        (None, Some(owner)) if owner.starts_with("group:") => return Ok(Some(format!("head:{owner}"))),
        (None, Some(owner)) => owner.clone(),
        (None, None) => return Ok(None),
    };
    // Of the head of a group only the engine knows who it is.
    let Some(person) = below.strip_prefix("person:") else { return Ok(None) };
    let head = match directory.person(person) {
        Ok(person) => person.head.map(|head| format!("person:{head}")),
        Err(Refusal::NotFound) => None,
        Err(refusal) => return Err(refusal),
    };
    // Two who are each other's heads would be told for ever.
    Ok(head.filter(|head| !overdue.told.contains(head) && overdue.follow_up.owner.as_ref() != Some(head)))
}

fn overdue_key(id: &str) -> String {
    format!("overdue/{id}")
}

export!(EscalateOverdue);

#[cfg(test)]
mod tests {
    #[test]
    fn fixtures() {
        ringback_plugin::fixtures::run::<super::EscalateOverdue>();
    }
}
