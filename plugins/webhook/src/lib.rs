//! Posts events as they are, in JSON, to a web service that the settings name.

use ringback_plugin::{About, Answer, Call, Cx, Event, FollowUp, Limit, Missed, Pairs, Plugin, export};
use serde::Deserialize;

/// Digits of a number that is hidden which stay at its front and at its end.
const SHOWN_FIRST: usize = 5;
const SHOWN_LAST: usize = 3;

/// The plugin.
#[derive(Debug, Default)]
pub struct Webhook;

#[derive(Deserialize)]
struct Settings {
    destination: String,
    events: Vec<String>,
    numbers: bool,
}

impl Plugin for Webhook {
    fn call_ended(&self, cx: &Cx, _: &Call) -> Answer {
        post(cx)
    }

    fn call_missed(&self, cx: &Cx, _: &Missed) -> Answer {
        post(cx)
    }

    fn call_revised(&self, cx: &Cx, _: &Call) -> Answer {
        post(cx)
    }

    fn follow_up_opened(&self, cx: &Cx, _: &FollowUp) -> Answer {
        post(cx)
    }

    fn follow_up_due(&self, cx: &Cx, _: &FollowUp) -> Answer {
        post(cx)
    }

    fn follow_up_settled(&self, cx: &Cx, _: &FollowUp) -> Answer {
        post(cx)
    }

    fn limit_crossed(&self, cx: &Cx, _: &Limit) -> Answer {
        post(cx)
    }

    fn limit_cleared(&self, cx: &Cx, _: &Limit) -> Answer {
        post(cx)
    }
}

fn post(cx: &Cx) -> Answer {
    let settings: Settings = cx.settings()?;
    let event = cx.event();
    if !settings.events.iter().any(|kind| kind == event.kind.as_str()) {
        return Ok(());
    }
    if settings.numbers {
        cx.webhook(&settings.destination, event, &[])?;
    } else {
        cx.webhook(&settings.destination, &without_numbers(event), &[])?;
    }
    Ok(())
}

fn without_numbers(event: &Event) -> Event {
    let mut event = event.clone();
    match &mut event.about {
        About::Call(call) => hide_caller(call),
        About::Missed(missed) => {
            hide_caller(&mut missed.call);
            hide_customer(&mut missed.follow_up.facts);
        }
        About::FollowUp(follow_up) => hide_customer(&mut follow_up.facts),
        _ => {}
    }
    event
}

fn hide_caller(call: &mut Call) {
    // A caller without a name is recorded with the number in its place.
    let is_number = |name: &&mut String| name.chars().filter(char::is_ascii_digit).count() > SHOWN_FIRST;
    if let Some(name) = call.caller.name.as_mut().filter(is_number) {
        *name = hidden(name);
    }
    if let Some(number) = &mut call.caller.number {
        *number = hidden(number);
    }
    // Of an outbound call it is the customer's, of an inbound one an extension, which is shorter.
    for answered_by in call.answered_by.iter_mut().filter(|number| number.len() > SHOWN_FIRST + SHOWN_LAST) {
        *answered_by = hidden(answered_by);
    }
    hide_customer(&mut call.facts);
}

fn hide_customer(facts: &mut Pairs) {
    if let Some(customer) = facts.get_mut("customer") {
        *customer = hidden(customer);
    }
}

fn hidden(number: &str) -> String {
    let length = number.chars().count();
    let is_long = length > SHOWN_FIRST + SHOWN_LAST;
    let is_shown = |at: usize| is_long && (at < SHOWN_FIRST || at + SHOWN_LAST >= length);
    number.chars().enumerate().map(|(at, c)| if is_shown(at) { c } else { '*' }).collect()
}

export!(Webhook);

#[cfg(test)]
mod tests {
    #[test]
    fn fixtures() {
        ringback_plugin::fixtures::run::<super::Webhook>();
    }
}
