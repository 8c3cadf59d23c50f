//! The words of a leg's enums, as its columns have them, in both directions.

use adapters::leg::{Answerer, Disposition, EndKind, Event, KeyKind, MoveKind, Side, Stage};

/// An enum with a word for each value.
pub(crate) trait Worded: Copy + Sized + 'static {
    /// Every value, with its word.
    const WORDS: &'static [(Self, &'static str)];
    /// The value's word.
    fn word(self) -> &'static str;

    /// The value of a word.
    fn of(word: &[u8]) -> Option<Self> {
        Self::WORDS.iter().find(|(_, known)| known.as_bytes() == word).map(|(value, _)| *value)
    }
}

macro_rules! words {
    ($type:ident: $($value:ident $word:literal),+ $(,)?) => {
        impl Worded for $type {
            const WORDS: &'static [(Self, &'static str)] = &[$(($type::$value, $word)),+];
            fn word(self) -> &'static str {
                match self { $($type::$value => $word),+ }
            }
        }
    };
}

words!(KeyKind:
    Id "id",
    Reused "reused",
    HandOver "hand_over",
    TakeOver "take_over",
);
words!(EndKind:
    Unknown "unknown",
    Person "person",
    Outside "outside",
    Joint "joint",
    Machine "machine",
);
words!(Stage:
    Unknown "unknown",
    Number "number",
    Extension "extension",
    HuntGroup "hunt_group",
    Queue "queue",
    AfterQueue "after_queue",
    QueueExit "queue_exit",
    Forward "forward",
    Menu "menu",
    Final "final",
    Announcement "announcement",
    Closed "closed",
    Mailbox "mailbox",
    Park "park",
    ParkRetrieve "park_retrieve",
    Conference "conference",
    Inside "inside",
    Outbound "outbound",
    OwnCall "own_call",
    Recording "recording",
);
words!(Disposition:
    Unknown "unknown",
    Answered "answered",
    NoAnswer "no_answer",
    Busy "busy",
    Declined "declined",
    Canceled "canceled",
    AnsweredElsewhere "answered_elsewhere",
    NotRegistered "not_registered",
    DoNotDisturb "do_not_disturb",
    Congestion "congestion",
    Failed "failed",
    MovedOn "moved_on",
);
words!(Answerer:
    Unknown "unknown",
    Person "person",
    Machine "machine",
);
words!(Side:
    Caller "caller",
    Callee "callee",
    Network "network",
);
words!(MoveKind:
    Blind "blind",
    Attended "attended",
    Park "park",
    Forward "forward",
    Pickup "pickup",
);
words!(Event:
    Started "started",
    AppStarted "app_started",
    AppEnded "app_ended",
    Answered "answered",
    BridgeEntered "bridge_entered",
    BridgeLeft "bridge_left",
    StreamStarted "stream_started",
    StreamEnded "stream_ended",
    BlindTransfer "blind_transfer",
    AttendedTransfer "attended_transfer",
    Pickup "pickup",
    Forward "forward",
    Parked "parked",
    Unparked "unparked",
    Key "key",
    Optimized "optimized",
    HungUp "hung_up",
    Ended "ended",
    CallEnded "call_ended",
    QueueEntered "queue_entered",
    QueueRangOut "queue_rang_out",
    QueueRingCanceled "queue_ring_canceled",
    QueueConnected "queue_connected",
    QueueAbandoned "queue_abandoned",
    QueueTimedOut "queue_timed_out",
    QueueLeftByKey "queue_left_by_key",
    QueueEmptied "queue_emptied",
    QueueNotJoined "queue_not_joined",
    QueueCompleted "queue_completed",
    Presence "presence",
    Noted "noted",
);

#[cfg(test)]
mod tests {
    use super::*;

    fn check<T: Worded + PartialEq + std::fmt::Debug>() {
        for (value, word) in T::WORDS {
            assert_eq!(*word, adapters::line::word(value), "as `ringback legs` prints it");
            assert_eq!((value.word(), T::of(word.as_bytes())), (*word, Some(*value)));
        }
        assert_eq!(T::of(b""), None);
    }

    #[test]
    fn every_word_is_the_printed_one_and_leads_back() {
        check::<KeyKind>();
        check::<EndKind>();
        check::<Stage>();
        check::<Disposition>();
        check::<Answerer>();
        check::<Side>();
        check::<MoveKind>();
        check::<Event>();
    }
}
