//! A call of which an exchange tells moments only (CEL): its halves are not paired, and still nobody at a tie is outside.

use adapters::leg::{EndKind, Text};

use super::Ties;
use crate::journey::{Direction, Journey};

/// What ties say of a journey that moments tell.
pub(crate) struct AtTies {
    /// The exchange from which the caller came.
    pub(crate) came_from: Option<Text>,
}

/// Whoever came by a tie did not come from outside, and whoever is reached over one is not outside; `None` if nobody is at a tie.
pub(crate) fn read(journey: &mut Journey, pbx: &str, ties: &Ties) -> Option<AtTies> {
    let caller = &mut journey.caller;
    let came_from = ties.before(pbx, &caller.trunk).filter(|_| caller.kind == EndKind::Outside);
    if came_from.is_some() {
        caller.kind = EndKind::Person;
        caller.trunk = Text::default();
    }
    let far = journey.offers.iter_mut().map(|o| &mut o.to).chain(journey.talks.iter_mut().map(|t| &mut t.with));
    let mut is_reached = false;
    for end in far.filter(|end| end.kind == EndKind::Outside && ties.is_tie(pbx, &end.trunk)) {
        end.kind = EndKind::Person;
        end.trunk = Text::default();
        is_reached = true;
    }
    let is_outside = journey.offers.iter().any(|o| o.to.kind == EndKind::Outside && o.by.is_empty());
    let is_inside = journey.caller.kind != EndKind::Outside && !is_outside && !journey.own_call;
    if is_inside && (came_from.is_some() || is_reached) {
        journey.direction = Direction::Internal;
    }
    (came_from.is_some() || is_reached).then_some(AtTies { came_from })
}
