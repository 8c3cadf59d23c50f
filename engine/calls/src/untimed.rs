//! A call of which no record tells a moment: an export of a few columns. What needs no clock is told all the same.
//!
//! Its paths are laid out one behind the other, in the PBX's own order and as long as they are said to have been, and folded like any others;
//! then every moment is taken out again. Nothing is owed for a call of which nobody knows when it was.

use adapters::Leg;
use adapters::leg::{Disposition, Moment, Stage};

use crate::call::Call;
use crate::line::{NOT_TOLD, Seconds};

/// Between two paths, so that what follows does not seem to happen at once.
const GAP_MS: i64 = 60_000;

/// True if there are paths, and none of them tells a moment.
pub(crate) fn is_untimed(legs: &[&Leg]) -> bool {
    let told = |l: &&Leg| l.started_at.or(l.rang_at).or(l.answered_at).or(l.ended_at).is_some();
    legs.iter().any(|l| l.event.is_none()) && !legs.iter().any(told)
}

/// The paths, one behind the other from moment 0 on.
pub(crate) fn laid_out(legs: &[&Leg]) -> Vec<Leg> {
    let mut at = Moment(0);
    let paths = legs.iter().filter(|l| l.event.is_none());
    paths
        .map(|leg| {
            let mut leg = Leg::clone(leg);
            let is_heard = legs.iter().any(|l| heard(l, &leg));
            if leg.disposition == Disposition::Unknown && is_heard {
                leg.disposition = Disposition::Answered;
            }
            leg.started_at = Some(at);
            leg.rang_at = leg.to.as_ref().map(|_| at);
            leg.answered_at = (leg.disposition == Disposition::Answered).then_some(at);
            at = at.plus_ms(leg.length_ms.unwrap_or(0).max(0));
            leg.ended_at = Some(at);
            at = at.plus_ms(GAP_MS);
            leg
        })
        .collect()
}

/// Whoever was recorded spoke.
fn heard(recording: &Leg, leg: &Leg) -> bool {
    let heard = &recording.from.channel;
    recording.stage == Stage::Recording
        && !heard.is_empty()
        && leg.stage != Stage::Recording
        && (*heard == leg.from.channel || leg.to.as_ref().is_some_and(|t| t.channel == *heard))
}

/// The call without the moments of the layout. The talk is told if all who spoke have a length.
pub(crate) fn without_moments(mut call: Call, legs: &[&Leg]) -> Call {
    let lengths_told =
        legs.iter().filter(|l| l.disposition == Disposition::Answered && l.to.is_some()).all(|l| l.length_ms.is_some());
    let line = &mut call.line;
    line.started_at = NOT_TOLD;
    line.ended_at = NOT_TOLD;
    line.queued_at = None;
    line.rang_at = None;
    line.answered_at = None;
    line.duration_s = Seconds { ms: legs.iter().filter_map(|l| l.length_ms).sum() };
    line.wait_time_s = None;
    line.queue_wait_time_s = None;
    line.ring_time_s = None;
    line.park_time_s = None;
    line.hold_time_s = None;
    line.machine_time_s = None;
    line.talk_time_s = line.talk_time_s.filter(|_| lengths_told);
    for transfer in &mut line.transfers {
        transfer.at = NOT_TOLD;
    }
    for offer in &mut line.offers {
        offer.rang_at = None;
        offer.ended_at = NOT_TOLD;
    }
    for visit in &mut line.visits {
        visit.entered_at = NOT_TOLD;
        visit.left_at = NOT_TOLD;
    }
    call.owed = false;
    call.talks.clear();
    call.due_at = None;
    call
}
