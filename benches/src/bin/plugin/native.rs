//! What the guests do, without a sandbox: `call_missed` in `engine/sandbox/tests/guests/src/lib.rs`, and `guest.js` beside this file.

use calls::event::{About, Event, Pairs};
use sandbox::Action;

/// A customer is called back, and of every fourth the owner is told.
pub fn handle(event: &Event) -> Option<Action> {
    let About::Missed(missed) = &event.about else { return None };
    let number = missed.call.caller.number.as_ref()?;
    let hash = number
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
    if missed.call.short || missed.follow_up.status != "open" {
        return None;
    }
    if hash.is_multiple_of(4) {
        let to = missed.call.owner.clone().unwrap_or_else(|| "group:sales".into());
        return Some(Action::Message { to: vec![to], text: format!("{number} called in vain"), options: Pairs::new() });
    }
    let options = [("attempt".to_owned(), "1".to_owned())].into();
    Some(Action::CallBack { follow_up: missed.follow_up.id.clone(), options })
}
