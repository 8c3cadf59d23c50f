//! CUCM's code tables (`docs: CDR Field Descriptions`): features, reasons of a redirect, causes of an end.

use crate::leg::{Disposition, MoveKind};

/// Which feature ended, redirected or joined a call: the values of the `…OnBehalfOf` columns that say where a caller was.
pub(super) mod feature {
    pub(crate) const PARK: i64 = 3;
    pub(crate) const CONFERENCE: i64 = 4;
    pub(crate) const FORWARD: i64 = 5;
    pub(crate) const MEET_ME: i64 = 6;
    pub(crate) const MEET_ME_INTERCEPT: i64 = 7;
    pub(crate) const TRANSFER: i64 = 10;
    pub(crate) const IMMEDIATE_DIVERT: i64 = 14;
    pub(crate) const BARGE: i64 = 15;
    pub(crate) const PICKUP: i64 = 16;
    pub(crate) const REFER: i64 = 17;
    pub(crate) const REPLACES: i64 = 18;
    pub(crate) const MOBILITY: i64 = 24;
    pub(crate) const DIRECTED_PARK: i64 = 26;
    pub(crate) const RECORDING: i64 = 27;
    pub(crate) const MONITORING: i64 = 28;
    pub(crate) const AGENT_GREETING: i64 = 33;

    /// Ends a record while the call goes on elsewhere.
    pub(crate) const MOVING: [i64; 10] = [
        PARK,
        CONFERENCE,
        MEET_ME_INTERCEPT,
        TRANSFER,
        IMMEDIATE_DIVERT,
        PICKUP,
        REFER,
        REPLACES,
        MOBILITY,
        DIRECTED_PARK,
    ];
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
    pub(crate) const SIP_FORWARD_BUSY: i64 = 177;
    pub(crate) const FORWARD_UNREGISTERED: i64 = 178;
    pub(crate) const FOLLOW_ME: i64 = 207;
    pub(crate) const OUT_OF_SERVICE: i64 = 209;
    pub(crate) const TIME_OF_DAY: i64 = 239;
    pub(crate) const DO_NOT_DISTURB: i64 = 242;
    pub(crate) const UNAVAILABLE: i64 = 257;
    pub(crate) const AWAY: i64 = 274;
    pub(crate) const PARK_NOT_RETRIEVED: i64 = 434;
    pub(crate) const PARK_BACK_TO_PARKER: i64 = 450;
    pub(crate) const AGENT_GREETING: i64 = 752;
    pub(crate) const QUEUE_WITHOUT_AGENTS: i64 = 818;
    pub(crate) const QUEUE_FULL: i64 = 834;
    pub(crate) const QUEUE_TIMED_OUT: i64 = 850;
    /// Whoever was left behind for these is a queue.
    pub(crate) const OF_QUEUE: [i64; 3] = [QUEUE_WITHOUT_AGENTS, QUEUE_FULL, QUEUE_TIMED_OUT];
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
/// Taken away for a call of higher precedence: it had been up.
pub(super) const PREEMPTED: [u16; 2] = [8, 9];
/// Causes above this have the Q.850 cause in the low byte.
const CAUSE_MAX: i64 = 0xffff;

/// The release code of Q.850; `None` where the record has none. Causes are unsigned numbers of 32 bits, of which files have the large ones as negative.
pub(super) fn cause(value: i64) -> Option<u16> {
    let code = match unsigned(value) {
        CONFERENCE_DROP | 128 => 16,
        value if is_split(value) => 0,
        value if value > CAUSE_MAX => value & 0xff,
        value => value,
    };
    u16::try_from(code).ok().filter(|c| (1..=127).contains(c))
}

fn unsigned(value: i64) -> i64 {
    i32::try_from(value).map_or(value, |signed| i64::from(signed.cast_unsigned()))
}

/// The SIP response that a cause stands for, as its highest byte tells: 1 is 400, 64 is 480, 161 is 600.
fn sip_response(value: i64) -> Option<i64> {
    match unsigned(value) >> 24 {
        0 => None,
        n @ 1..64 => Some(399 + n),
        n @ 64..160 => Some(416 + n),
        n => Some(439 + n),
    }
}

/// How a path ended that was never connected: by the side and its cause.
pub(super) fn unanswered(orig: i64, dest: i64) -> Disposition {
    if orig == CONFERENCE_FULL || dest == CONFERENCE_FULL {
        return Disposition::Congestion;
    }
    let response = sip_response(dest).filter(|_| cause(dest).is_some()).or(sip_response(orig));
    match response {
        // The caller took the call back.
        Some(487) => return Disposition::Canceled,
        // Not accepted by the far PBX or proxy, for its own reasons; the Q.850 causes given to these say that a person refused, or was busy.
        Some(400..=479 | 491 | 493) if matches!(cause(dest).or(cause(orig)), Some(17 | 21)) => {
            return Disposition::Failed;
        }
        _ => {}
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
        reason::BUSY | reason::SIP_FORWARD_BUSY => Disposition::Busy,
        reason::NO_ANSWER | reason::QUEUE_TIMED_OUT => Disposition::NoAnswer,
        reason::OUT_OF_ORDER | reason::FORWARD_UNREGISTERED | reason::OUT_OF_SERVICE | reason::QUEUE_WITHOUT_AGENTS => {
            Disposition::NotRegistered
        }
        reason::DO_NOT_DISTURB => Disposition::DoNotDisturb,
        reason::QUEUE_FULL => Disposition::Congestion,
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
        | reason::REDIRECTION
        | reason::SIP_FORWARD_BUSY
        | reason::FORWARD_UNREGISTERED
        | reason::FOLLOW_ME
        | reason::OUT_OF_SERVICE
        | reason::TIME_OF_DAY
        | reason::DO_NOT_DISTURB
        | reason::UNAVAILABLE
        | reason::AWAY
        | reason::QUEUE_WITHOUT_AGENTS
        | reason::QUEUE_FULL
        | reason::QUEUE_TIMED_OUT => MoveKind::Forward,
        reason::PICKUP => MoveKind::Pickup,
        reason::PARK
        | reason::PARK_PICKUP
        | reason::PARK_REVERSION
        | reason::PARK_NOT_RETRIEVED
        | reason::PARK_BACK_TO_PARKER => MoveKind::Park,
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
            (851_976, Some(8)),
            (2_801_795_135, Some(63)),
            (-1_493_172_161, Some(63)),
            (0, None),
            (-5, None),
        ] {
            assert_eq!(cause(value), wanted, "{value}");
        }
    }

    #[test]
    fn sip_responses_that_no_person_gives_are_faults() {
        for (value, wanted) in [
            (1_174_405_137, Disposition::Busy),
            (2_701_131_793, Disposition::Busy),
            (2_717_909_013, Disposition::Declined),
            (67_108_885, Disposition::Failed),
            (419_430_421, Disposition::Failed),
            (-1_493_172_161, Disposition::Failed),
            (1_191_182_367, Disposition::Canceled),
            (1_073_741_842, Disposition::NoAnswer),
        ] {
            assert_eq!(unanswered(0, value), wanted, "{value}");
        }
    }
}
