//! CUCM's code tables (`docs: CDR Field Descriptions`): features, reasons of a redirect, causes of an end.

use crate::leg::{Disposition, MoveKind};

/// Which feature ended, redirected or joined a call: the values of the `…OnBehalfOf` columns that say where a caller was.
pub(super) mod feature {
    pub(crate) const PARK: i64 = 3;
    pub(crate) const CONFERENCE: i64 = 4;
    pub(crate) const FORWARD: i64 = 5;
    pub(crate) const MEET_ME: i64 = 6;
    pub(crate) const MEET_ME_INTERCEPT: i64 = 7;
    pub(crate) const IMMEDIATE_DIVERT: i64 = 14;
    pub(crate) const BARGE: i64 = 15;
    pub(crate) const PICKUP: i64 = 16;
    pub(crate) const DIRECTED_PARK: i64 = 26;
    pub(crate) const RECORDING: i64 = 27;
    pub(crate) const MONITORING: i64 = 28;
}

/// Why a call was redirected: the values of the `…RedirectReason` columns that say more than that it was.
pub(super) mod reason {
    pub(crate) const BUSY: i64 = 1;
    pub(crate) const NO_ANSWER: i64 = 2;
    pub(crate) const PICKUP: i64 = 5;
    pub(crate) const PARK: i64 = 7;
    pub(crate) const PARK_PICKUP: i64 = 8;
    pub(crate) const OUT_OF_ORDER: i64 = 9;
    pub(crate) const FORWARD: i64 = 10;
    pub(crate) const PARK_REVERSION: i64 = 11;
    pub(crate) const FORWARD_ALL: i64 = 15;
    pub(crate) const DEFLECTION: i64 = 18;
    pub(crate) const BLIND_TRANSFER: i64 = 34;
    pub(crate) const IMMEDIATE_DIVERT: i64 = 50;
    pub(crate) const ALTERNATE: i64 = 66;
    pub(crate) const ON_FAILURE: i64 = 82;
    pub(crate) const AAR: i64 = 129;
    pub(crate) const REFER: i64 = 130;
    pub(crate) const REPLACES: i64 = 146;
    pub(crate) const REDIRECTION: i64 = 162;
    pub(crate) const BARGE: i64 = 114;
    pub(crate) const RECORDING: i64 = 354;
    pub(crate) const MONITORING: i64 = 370;
}

/// What the number called is: the values of `calledPartyPatternUsage` that are used.
pub(super) mod usage {
    pub(crate) const PARK: i64 = 0;
    pub(crate) const CONFERENCE: i64 = 1;
    pub(crate) const ROUTE_PATTERN: i64 = 5;
    pub(crate) const HUNT_PILOT: i64 = 7;
    pub(crate) const MAILBOX_PORT: i64 = 8;
}

/// The leg was ended by a feature, and the call goes on elsewhere: never an outcome. 126 up to release 4, 393216 since.
pub(super) fn is_split(cause: i64) -> bool {
    matches!(cause, 126 | 393_216)
}

pub(super) const CONFERENCE_FULL: i64 = 262_144;
const CONFERENCE_DROP: i64 = 458_752;
/// Causes above this are a SIP response, with the Q.850 cause in the low byte.
const CAUSE_MAX: i64 = 16_777_215;

/// The release code of Q.850; `None` where the record has none.
pub(super) fn cause(value: i64) -> Option<u16> {
    let code = match value {
        CONFERENCE_DROP => 16,
        value if is_split(value) => 0,
        value if value > CAUSE_MAX => value & 0xff,
        value => value,
    };
    u16::try_from(code).ok().filter(|c| (1..=127).contains(c))
}

/// How a path ended that was never connected: by the side and its cause.
pub(super) fn unanswered(orig: i64, dest: i64) -> Disposition {
    if orig == CONFERENCE_FULL || dest == CONFERENCE_FULL {
        return Disposition::Congestion;
    }
    match cause(dest).map(|c| (c, false)).or(cause(orig).map(|c| (c, true))) {
        // The guide's abandoned call has 16 on the caller's side; files have 0 on both as well.
        None | Some((16, true)) => Disposition::Canceled,
        Some((16 | 18 | 19 | 102, _)) => Disposition::NoAnswer,
        Some((17, _)) => Disposition::Busy,
        Some((20, _)) => Disposition::NotRegistered,
        Some((21, _)) => Disposition::Declined,
        Some((34 | 38 | 41 | 42 | 44 | 46 | 47 | 122..=125, _)) => Disposition::Congestion,
        Some(_) => Disposition::Failed,
    }
}

/// How a redirect for this reason left the party who was called before it: rung or not, and how that ended.
/// `None` where that party's telephone was not tried, or is told by another record.
pub(super) fn left_behind(reason: i64) -> Option<Disposition> {
    Some(match reason {
        reason::BUSY => Disposition::Busy,
        reason::NO_ANSWER => Disposition::NoAnswer,
        reason::OUT_OF_ORDER => Disposition::NotRegistered,
        reason::PICKUP => Disposition::AnsweredElsewhere,
        reason::IMMEDIATE_DIVERT => Disposition::Declined,
        _ => return None,
    })
}

/// How the caller was moved. A transfer's own record does not say whether it was announced: the consultation's does.
pub(super) fn move_kind(reason: i64) -> Option<MoveKind> {
    Some(match reason {
        reason::BUSY
        | reason::NO_ANSWER
        | reason::OUT_OF_ORDER
        | reason::FORWARD
        | reason::FORWARD_ALL
        | reason::DEFLECTION
        | reason::IMMEDIATE_DIVERT
        | reason::ALTERNATE
        | reason::ON_FAILURE
        | reason::AAR
        | reason::REDIRECTION => MoveKind::Forward,
        reason::PICKUP => MoveKind::Pickup,
        reason::PARK | reason::PARK_PICKUP | reason::PARK_REVERSION => MoveKind::Park,
        reason::BLIND_TRANSFER | reason::REFER => MoveKind::Blind,
        reason::REPLACES => MoveKind::Attended,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sip_responses_have_the_cause_in_their_low_byte() {
        for (value, wanted) in [
            (1_174_405_137, Some(17)),
            (1_073_741_842, Some(18)),
            (83_886_081, Some(1)),
            (1_459_617_833, Some(41)),
            (393_216, None),
            (126, None),
            (458_752, Some(16)),
            (0, None),
            (-5, None),
        ] {
            assert_eq!(cause(value), wanted, "{value}");
        }
    }
}
