//! What a plugin without the grant `numbers` sees of customers' numbers: `+4477*****331`, enough to tell two of them apart.
//! The same as in the real host, so that a fixture says the same in both.

use super::manifest::Granted;
use crate::event::{About, Call, Event, Offer, Pairs};

/// So many digits in a row are a number.
const DIGITS_MIN: usize = 7;
const KEPT_FIRST: usize = 5;
const KEPT_LAST: usize = 3;
/// Of numbers that are no longer than both together.
const KEPT_OF_SHORT: usize = 2;

/// The event as the plugin hears it: without the offers, which it asks for.
pub(crate) fn heard(event: &Event, granted: &Granted) -> Event {
    let mut heard = event.clone();
    heard.offers = Vec::new();
    if sees_numbers(granted) {
        return heard;
    }
    match &mut heard.about {
        About::Call(told) => call(told),
        About::Missed(told) => {
            call(&mut told.call);
            pairs(&mut told.follow_up.facts);
        }
        About::FollowUp(told) => pairs(&mut told.facts),
        About::Delivery(told) => text(&mut told.detail),
        // In JSON only what begins with a plus is one: moments are numbers too.
        About::Json(told) => *told = inside(told, true),
        About::Limit(_) | About::Timer(_) => {}
    }
    heard
}

pub(crate) fn offer(mut offer: Offer, granted: &Granted) -> Offer {
    if !sees_numbers(granted) {
        text(&mut offer.target);
    }
    offer
}

fn sees_numbers(granted: &Granted) -> bool {
    granted.asked.numbers && granted.allowed.numbers
}

fn call(call: &mut Call) {
    if let Some(number) = &mut call.caller.number {
        *number = whole(number);
    }
    call.caller.name.iter_mut().for_each(text);
    call.answered_by.iter_mut().for_each(text);
    pairs(&mut call.facts);
}

fn pairs(pairs: &mut Pairs) {
    pairs.values_mut().for_each(text);
}

fn text(text: &mut String) {
    *text = inside(text, false);
}

fn inside(text: &str, with_plus: bool) -> String {
    let (mut masked, mut rest) = (String::new(), text);
    while let Some(start) = rest.find(|c: char| c.is_ascii_digit() || c == '+') {
        let has_plus = rest[start..].starts_with('+');
        let digits = &rest[start + usize::from(has_plus)..];
        let length = digits.find(|c: char| !c.is_ascii_digit()).unwrap_or(digits.len());
        let end = start + usize::from(has_plus) + length;
        let is_number = length >= DIGITS_MIN && (has_plus || !with_plus);
        masked.push_str(&rest[..start]);
        masked.push_str(&if is_number { whole(&rest[start..end]) } else { rest[start..end].to_owned() });
        rest = &rest[end..];
    }
    masked + rest
}

fn whole(number: &str) -> String {
    let letters = number.chars().count();
    let is_long = letters > KEPT_FIRST + KEPT_LAST;
    let (first, last) = if is_long { (KEPT_FIRST, KEPT_LAST) } else { (0, KEPT_OF_SHORT.min(letters / 2)) };
    number.chars().enumerate().map(|(at, c)| if at < first || at + last >= letters { c } else { '*' }).collect()
}
