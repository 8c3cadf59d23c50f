//! Tells people of a call that they missed: whose telephone rang in vain, their heads, the group that owes the return.
//!
//! Never because a colleague answered: a ringing that ended `answered_elsewhere` is nobody's miss.

use ringback_plugin::{Answer, Cx, Failure, FollowUp, FollowUpStatus, Missed, OfferEnd, Plugin, Refusal, export};
use serde::{Deserialize, Serialize};

/// The template of the e-mail.
const TEMPLATE: &str = "missed";

/// The plugin.
#[derive(Debug, Default)]
pub struct NotifyMissed;

#[derive(Deserialize)]
struct Settings {
    tell: Vec<String>,
    by: Vec<String>,
    each_call: bool,
}

/// What the template is filled with.
#[derive(Serialize)]
struct Data<'a> {
    call: &'a ringback_plugin::Call,
    follow_up: &'a FollowUp,
}

impl Plugin for NotifyMissed {
    fn call_missed(&self, cx: &Cx, missed: &Missed) -> Answer {
        // Nobody has to be told of what is settled by the time its verdict is final.
        use FollowUpStatus::{Expired, ReachedUs, ReturnedByUs, SettledByHand};
        if matches!(missed.follow_up.status, ReturnedByUs | ReachedUs | SettledByHand | Expired) {
            return Ok(());
        }
        let settings: Settings = cx.settings()?;
        let key = told_key(&missed.follow_up.id);
        let mut told: Vec<String> = cx.state().get_json(&key)?.unwrap_or_default();
        let mut to = recipients(cx, missed, &settings.tell)?;
        if !settings.each_call {
            to.retain(|recipient| !told.contains(recipient));
            told.extend(to.iter().cloned());
        }
        if to.is_empty() {
            return Ok(());
        }
        let data = Data { call: &missed.call, follow_up: &missed.follow_up };
        for by in &settings.by {
            match by.as_str() {
                "email" => cx.email(&to, TEMPLATE, &data, &[])?,
                "message" => cx.message(&to, &text(missed), &[])?,
                other => return Err(Failure::failed(format!("by = [{other:?}]: there are email, message"))),
            };
        }
        if !settings.each_call {
            cx.state().put_json(&key, &told)?;
        }
        Ok(())
    }

    fn follow_up_settled(&self, cx: &Cx, follow_up: &FollowUp) -> Answer {
        cx.state().delete(&told_key(&follow_up.id));
        Ok(())
    }
}

/// Each once, the persons first.
fn recipients(cx: &Cx, missed: &Missed, tell: &[String]) -> Result<Vec<String>, Refusal> {
    let wants = |whom: &str| tell.iter().any(|told| told == whom);
    let owner = missed.follow_up.owner.as_deref().or(missed.call.owner.as_deref()).unwrap_or_default();
    let mut persons: Vec<String> = Vec::new();
    for offer in cx.offers() {
        let is_missed = !matches!(offer.end, OfferEnd::Answered | OfferEnd::AnsweredElsewhere);
        persons.extend(offer.person.filter(|person| is_missed && !persons.contains(person)));
    }
    if let (true, Some(person)) = (persons.is_empty(), owner.strip_prefix("person:")) {
        persons.push(person.to_owned());
    }
    let mut to: Vec<String> = Vec::new();
    let mut add = |recipient: String| {
        if !to.contains(&recipient) {
            to.push(recipient);
        }
    };
    if wants("person") {
        persons.iter().for_each(|person| add(format!("person:{person}")));
    }
    if wants("head") {
        for person in &persons {
            match cx.directory().person(person) {
                Ok(person) => person.head.into_iter().for_each(|head| add(format!("person:{head}"))),
                Err(Refusal::NotFound) => {}
                Err(refusal) => return Err(refusal),
            }
        }
        if owner.starts_with("group:") {
            add(format!("head:{owner}"));
        }
    }
    if wants("group") && owner.starts_with("group:") {
        add(owner.to_owned());
    }
    Ok(to)
}

fn text(missed: &Missed) -> String {
    let (call, calls) = (&missed.call, missed.follow_up.customer_calls);
    let who = match (&call.caller.name, &call.caller.number) {
        (Some(name), Some(number)) => format!("{name}, {number}"),
        (None, Some(number)) => number.clone(),
        (Some(name), None) => name.clone(),
        (None, None) => "a withheld number".to_owned(),
    };
    let why = call.reason.as_ref().map_or(String::new(), |reason| format!(" ({})", reason.as_str().replace('_', " ")));
    let again = if calls > 1 { format!(", {calls} times so far") } else { String::new() };
    format!("Missed call from {who}{why}{again}")
}

fn told_key(id: &str) -> String {
    format!("told/{id}")
}

export!(NotifyMissed);

#[cfg(test)]
mod tests {
    #[test]
    fn fixtures() {
        ringback_plugin::fixtures::run::<super::NotifyMissed>();
    }
}
