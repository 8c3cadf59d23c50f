//! Vocabularies that can grow: a word that is newer than this SDK is `Other`, never an error.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($case:ident = $word:literal: $about:literal,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[non_exhaustive]
        pub enum $name {
            $(#[doc = $about] $case,)*
            /// A word that is newer than this SDK.
            Other(String),
        }

        impl $name {
            /// The word as it travels.
            #[must_use]
            pub fn as_str(&self) -> &str {
                match self {
                    $($name::$case => $word,)*
                    $name::Other(word) => word,
                }
            }
        }

        impl From<String> for $name {
            fn from(word: String) -> $name {
                match word.as_str() {
                    $($word => $name::$case,)*
                    _ => $name::Other(word),
                }
            }
        }

        impl Default for $name {
            fn default() -> $name {
                $name::Other(String::new())
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.as_str())
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<$name, D::Error> {
                String::deserialize(deserializer).map($name::from)
            }
        }
    };
}

words! {
    /// What an event tells.
    Kind {
        CallEnded = "call-ended": "A verdict is final, whatever it is.",
        CallMissed = "call-missed": "A call is final and owed a follow-up; never because a colleague answered.",
        CallRevised = "call-revised": "A late record changed a verdict that was final.",
        FollowUpOpened = "follow-up-opened": "Something is owed to a customer.",
        FollowUpDue = "follow-up-due": "It is still open, and its time has come.",
        FollowUpSettled = "follow-up-settled": "It is open no more, for whatever reason.",
        LimitCrossed = "limit-crossed": "A figure rose above a limit of the site file.",
        LimitCleared = "limit-cleared": "It fell to where the limit is cleared.",
        WindowClosed = "window-closed": "The watermark passed the end of a window of the company.",
        TimerDue = "timer-due": "The plugin's own timer, at its moment.",
        DeliveryEnded = "delivery-ended": "What became of an action that the plugin had asked for.",
    }
}

words! {
    /// Which way a call went.
    Direction {
        Inbound = "inbound": "From outside.",
        Outbound = "outbound": "To the outside.",
        Internal = "internal": "Between people of the company.",
    }
}

words! {
    /// How a call ended for the caller.
    Outcome {
        Answered = "answered": "A person spoke with the caller and had them last.",
        LostInTransfer = "lost_in_transfer": "A person spoke with the caller and passed them on, and then nobody did.",
        Overflowed = "overflowed": "Passed to the outside, answer unknown.",
        Voicemail = "voicemail": "A mailbox took it.",
        Served = "served": "The caller heard a final menu entry or announcement to its end.",
        Failed = "failed": "A fault before anything of the company was reached.",
        Closed = "closed": "Turned away by a route that is marked closed.",
        Blocked = "blocked": "No line, no room in the queue, nobody signed in, no device.",
        Abandoned = "abandoned": "The caller left first.",
        Busy = "busy": "Every telephone tried was busy or on do-not-disturb.",
        Declined = "declined": "All busy or declined, at least one declined.",
        NoAnswer = "no_answer": "Everything else.",
    }
}

words! {
    /// Why a call was missed.
    Reason {
        OutOfHours = "out_of_hours": "By the calendar or a closed route.",
        Fault = "fault": "Of the network.",
        Blocked = "blocked": "No line, no room, nobody signed in, no device.",
        ShortAbandon = "short_abandon": "The caller hung up almost at once.",
        AbandonedInMenu = "abandoned_in_menu": "The caller left before choosing.",
        LeftByKey = "left_by_key": "The caller left a queue by a key.",
        OnAnotherCall = "on_another_call": "Who was rung spoke with somebody else.",
        AllBusy = "all_busy": "The whole group or queue was busy.",
        Busy = "busy": "The device said so.",
        NobodySignedIn = "nobody_signed_in": "No agent served the queue.",
        NotRegistered = "not_registered": "The device was not there.",
        NobodyRung = "nobody_rung": "No telephone rang.",
        Declined = "declined": "Somebody pressed it away.",
        DoNotDisturb = "do_not_disturb": "The device said so.",
        Away = "away": "No sign of life for some time.",
        GaveUpEarly = "gave_up_early": "The caller waited less than callers do.",
        RangUnanswered = "rang_unanswered": "A telephone rang to the end.",
        LostInTransfer = "lost_in_transfer": "Passed on, and met nobody.",
        Unknown = "unknown": "The records do not tell.",
    }
}

words! {
    /// What the dialed number led to.
    Entry {
        Person = "person": "A person's telephone.",
        HuntGroup = "hunt_group": "Extensions rung by a rule.",
        Queue = "queue": "Callers wait, agents answer.",
        Menu = "menu": "A choice by keys.",
        Closed = "closed": "A message that the company is closed.",
        Mailbox = "mailbox": "A mailbox.",
        Conference = "conference": "A conference.",
        Refused = "refused": "Nothing: the call was refused.",
    }
}

words! {
    /// How one ringing of one person ended.
    OfferEnd {
        Answered = "answered": "They answered.",
        NoAnswer = "no_answer": "The exchange gave up ringing.",
        Busy = "busy": "The device was busy.",
        Declined = "declined": "They pressed it away.",
        AnsweredElsewhere = "answered_elsewhere": "A colleague answered: nobody's miss.",
        CallerLeft = "caller_left": "The caller hung up first.",
        NotRegistered = "not_registered": "The device was not there.",
        DoNotDisturb = "do_not_disturb": "The device said so.",
        Failed = "failed": "A fault.",
    }
}

words! {
    /// Where a follow-up stands.
    FollowUpStatus {
        Open = "open": "It waits.",
        Dealing = "dealing": "Somebody took it.",
        ReturnedByUs = "returned_by_us": "We spoke with the customer.",
        ReachedUs = "reached_us": "The customer reached us.",
        SettledByHand = "settled_by_hand": "A person said that it is settled.",
        NotReturnable = "not_returnable": "There is nobody to call back.",
        Expired = "expired": "Its time is over.",
    }
}

words! {
    /// Where an action that the plugin asked for came to.
    DeliveryStatus {
        Dry = "dry": "The plugin is not enabled: it would have been done.",
        Held = "held": "Held back, for the reason in the detail.",
        Done = "done": "Done.",
        Failed = "failed": "Tried in vain.",
        Expired = "expired": "Its time was over.",
        Unknown = "unknown": "It may have been done: a person has to look.",
        Canceled = "canceled": "Taken back before it was done.",
    }
}

words! {
    /// What a person is doing.
    Presence {
        Available = "available": "They can be called.",
        OnCall = "on_call": "They speak.",
        Away = "away": "They are not there.",
        DoNotDisturb = "do_not_disturb": "They want no calls.",
        Unknown = "unknown": "Nothing tells.",
    }
}
