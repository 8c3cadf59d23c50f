//! Numbers of customers, hidden from plugins that were not granted to see them.
//!
//! The first five and the last three letters stay, so that people can still tell two customers apart: `+4477*****331`.

use std::borrow::Cow;

use calls::event::{About, Call, Event, FollowUp, Offer, Pairs};

/// A run of digits that is shorter is an extension, a count or a year.
const DIGITS_MIN: usize = 7;

const KEPT_FIRST: usize = 5;
const KEPT_LAST: usize = 3;
/// Of a number too short to keep that much.
const KEPT_OF_SHORT: usize = 2;

/// The event without customers' numbers.
pub(crate) fn event(event: &Event) -> Event {
    let mut masked = event.clone();
    match &mut masked.about {
        About::Call(of) => call(of),
        About::Missed(of) => {
            call(&mut of.call);
            follow_up(&mut of.follow_up);
        }
        About::FollowUp(of) => follow_up(of),
        About::Delivery(of) => text(&mut of.detail),
        About::Json(of) => *of = inside(of, true).into_owned(),
        About::Limit(_) | About::Timer(_) => {}
    }
    offers(&mut masked.offers);
    masked
}

pub(crate) fn offers(offers: &mut [Offer]) {
    offers.iter_mut().for_each(|offer| text(&mut offer.target));
}

pub(crate) fn pairs(pairs: &mut Pairs) {
    pairs.values_mut().for_each(text);
}

fn call(call: &mut Call) {
    if let Some(number) = &mut call.caller.number {
        *number = whole(number);
    }
    call.caller.name.iter_mut().for_each(text);
    call.answered_by.iter_mut().for_each(text);
    pairs(&mut call.facts);
}

fn follow_up(of: &mut FollowUp) {
    pairs(&mut of.facts);
}

fn text(of: &mut String) {
    if let Cow::Owned(masked) = inside(of, false) {
        *of = masked;
    }
}

/// Every number in a text; `with_plus` leaves runs of digits alone that do not begin with a plus, which are figures in JSON.
fn inside(text: &str, with_plus: bool) -> Cow<'_, str> {
    let mut masked = String::new();
    let mut rest = text;
    let mut found = false;
    while let Some(start) = rest.find(|c: char| c.is_ascii_digit() || c == '+') {
        let has_plus = rest[start..].starts_with('+');
        let digits = &rest[start + usize::from(has_plus)..];
        let length = digits.find(|c: char| !c.is_ascii_digit()).unwrap_or(digits.len());
        let end = start + usize::from(has_plus) + length;
        masked.push_str(&rest[..start]);
        if length >= DIGITS_MIN && (has_plus || !with_plus) {
            masked.push_str(&whole(&rest[start..end]));
            found = true;
        } else {
            masked.push_str(&rest[start..end]);
        }
        rest = &rest[end..];
    }
    if !found {
        return Cow::Borrowed(text);
    }
    masked.push_str(rest);
    Cow::Owned(masked)
}

fn whole(number: &str) -> String {
    let letters = number.chars().count();
    let (first, last) =
        if letters > KEPT_FIRST + KEPT_LAST { (KEPT_FIRST, KEPT_LAST) } else { (0, KEPT_OF_SHORT.min(letters / 2)) };
    number.chars().enumerate().map(|(at, c)| if at < first || at + last >= letters { c } else { '*' }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_hidden_and_still_told_apart() {
        for (number, masked) in [
            ("+447700900331", "+4477*****331"),
            ("012345678", "01234*678"),
            ("1234567", "*****67"),
            ("17", "*7"),
            ("", ""),
        ] {
            assert_eq!(whole(number), masked);
        }
    }

    #[test]
    fn texts_lose_their_numbers_and_nothing_else() {
        for (text, masked) in [
            ("failed: +447700900331 is busy", "failed: +4477*****331 is busy"),
            ("204", "204"),
            ("in 2026, 12 of 1000000", "in 2026, 12 of *****00"),
            ("a+b", "a+b"),
        ] {
            assert_eq!(inside(text, false), masked);
        }
        assert_eq!(
            inside("{\"at\":1795000000000,\"n\":\"+447700900331\"}", true),
            "{\"at\":1795000000000,\"n\":\"+4477*****331\"}"
        );
    }
}
