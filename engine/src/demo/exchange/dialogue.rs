//! A call that the exchange is told to place, from its command to its records: what is told at which moment. Pure.
//!
//! The events are those of the dialogues that a real Asterisk had, `engine/deliver/tests/dialogues/asterisk_ami`, as far as anybody
//! reads them. How it ends is in the last digit of the number that is dialed, so that who looks can choose.

use adapters::leg::Moment;
use generator::single::{Placed, PlacedEnd};

use super::wire::Told;

/// What the exchange is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Ordered {
    /// Comes back in what is told of it.
    pub(crate) action_id: String,
    /// The telephone of ours.
    pub(crate) device: String,
    /// Where it dials.
    context: String,
    /// The customer's number.
    dialed: String,
    shown_name: String,
    shown_number: String,
    ring_ms: i64,
    /// The unique id of its first channel.
    pub(crate) call: String,
    account: String,
    user_field: String,
}

impl Ordered {
    /// Reads the command.
    ///
    /// # Errors
    /// What Asterisk answers to one that it cannot do.
    pub(crate) fn of(told: &Told) -> Result<Ordered, &'static str> {
        let text = |field: &str| told.get(field).to_owned();
        let (name, number) = told.get("CallerID").rsplit_once('<').unwrap_or_default();
        let user_field = told.all("Variable").find_map(|variable| variable.strip_prefix("CDR(userfield)="));
        let ordered = Ordered {
            action_id: text("ActionID"),
            device: text("Channel"),
            context: text("Context"),
            dialed: text("Exten"),
            shown_name: name.trim().trim_matches('"').to_owned(),
            shown_number: number.trim_end_matches('>').to_owned(),
            ring_ms: told.get("Timeout").parse().unwrap_or(RING_MS),
            call: text("ChannelId"),
            account: text("Account"),
            user_field: user_field.unwrap_or_default().to_owned(),
        };
        match (ordered.device.as_str(), ordered.dialed.as_str()) {
            ("", _) => Err("Channel not specified"),
            (device, _) if !device.contains('/') => Err("Invalid channel"),
            (_, "") => Err("Extension does not exist."),
            _ => Ok(ordered),
        }
    }
}

/// What comes of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    /// Both take their telephones, and talk.
    Talks,
    /// One of ours does not come to the telephone.
    NobodyOfOurs,
    /// The customer's line is busy.
    CustomerBusy,
    /// The customer does not come to the telephone.
    CustomerSilent,
}

impl Fate {
    /// By the last digit of the customer's number: 7 busy, 8 silent, 9 nobody of ours, all others talk.
    fn of(dialed: &str) -> Fate {
        match dialed.bytes().last() {
            Some(b'7') => Fate::CustomerBusy,
            Some(b'8') => Fate::CustomerSilent,
            Some(b'9') => Fate::NobodyOfOurs,
            _ => Fate::Talks,
        }
    }
}

/// How long a telephone of ours rings where nothing is said.
const RING_MS: i64 = 30_000;

/// One of ours takes the telephone after so long.
const TAKEN_MS: i64 = 1_800;
/// The customer's telephone is dialed after so long more.
const DIALED_MS: i64 = 60;
/// The customer takes it after so long more.
const ANSWERED_MS: i64 = 2_500;
/// They talk so long.
const TALK_MS: i64 = 7_500;
/// The busy signal comes after so long, and is listened to so long.
const BUSY_MS: i64 = 700;
const BUSY_TONE_MS: i64 = 3_000;
/// A customer who does not come is rung so long.
const SILENT_MS: i64 = 12_000;

/// What is told after so many milliseconds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Said {
    pub(crate) after_ms: i64,
    pub(crate) fields: Vec<(&'static str, String)>,
}

impl Said {
    fn get(&self, field: &str) -> &str {
        self.fields.iter().find(|(name, _)| *name == field).map_or("", |(_, value)| value)
    }
}

/// A call from its beginning to its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Scene {
    pub(crate) said: Vec<Said>,
    /// What its records tell.
    pub(crate) placed: Placed,
}

/// Q.850.
const NORMAL: &str = "16";
const LINE_BUSY: &str = "17";
const NO_ANSWER: &str = "19";

/// The call as it goes, where nobody hangs up before its end. `serial`: which call of this exchange it is.
pub(crate) fn scene(ordered: &Ordered, made_at: Moment, serial: u64) -> Scene {
    let fate = Fate::of(&ordered.dialed);
    let mut scene = Scene { said: Vec::new(), placed: placed(ordered, made_at) };
    let ours = Channel {
        name: format!("{}-{serial:08x}", ordered.device),
        unique: ordered.call.clone(),
        linked: ordered.call.clone(),
    };
    let line = Channel {
        name: format!("PJSIP/north-{serial:08x}"),
        unique: format!("demo-{}.{serial}", made_at.0 / 1000),
        linked: ordered.call.clone(),
    };
    scene.say(0, vec![("Event", "Newchannel".into()), ("ChannelStateDesc", "Down".into())], Some(&ours), None);
    scene.say(0, vec![("Event", "DialBegin".into()), ("DialString", end_of(&ordered.device))], None, Some(&ours));
    scene.say(50, vec![("Event", "Newstate".into()), ("ChannelStateDesc", "Ringing".into())], Some(&ours), None);
    let responds = |response: &str, reason: &str, unique: &str| {
        vec![
            ("Event", "OriginateResponse".into()),
            ("ActionID", ordered.action_id.clone()),
            ("Response", response.into()),
            ("Context", ordered.context.clone()),
            ("Exten", ordered.dialed.clone()),
            ("Reason", reason.into()),
            ("Uniqueid", unique.into()),
        ]
    };
    let ends = |status: &str| vec![("Event", "DialEnd".into()), ("DialStatus", status.into())];
    let hangs_up = |cause: &str| vec![("Event", "Hangup".into()), ("Cause", cause.into())];
    if fate == Fate::NobodyOfOurs {
        let at = ordered.ring_ms;
        scene.say(at, ends("NOANSWER"), None, Some(&ours));
        scene.say(at, hangs_up(NO_ANSWER), Some(&ours), None);
        scene.say(at, responds("Failure", "3", "<unknown>"), None, None);
        return scene.over(at, None, PlacedEnd::NoAnswer);
    }
    let taken = TAKEN_MS;
    scene.say(taken, vec![("Event", "Newstate".into()), ("ChannelStateDesc", "Up".into())], Some(&ours), None);
    scene.say(taken, ends("ANSWER"), None, Some(&ours));
    scene.say(taken, responds("Success", "4", &ordered.call), None, None);
    let dialed = taken + DIALED_MS;
    scene.say(dialed, vec![("Event", "Newchannel".into()), ("ChannelStateDesc", "Down".into())], Some(&line), None);
    let begins = vec![("Event", "DialBegin".into()), ("DialString", format!("{}@north", ordered.dialed))];
    scene.say(dialed, begins, Some(&ours), Some(&line));
    let (ended, status, cause, end) = match fate {
        Fate::CustomerBusy => (dialed + BUSY_MS, "BUSY", LINE_BUSY, PlacedEnd::Busy),
        Fate::CustomerSilent => (dialed + SILENT_MS, "CANCEL", NORMAL, PlacedEnd::NoAnswer),
        Fate::Talks | Fate::NobodyOfOurs => (dialed + ANSWERED_MS, "ANSWER", NORMAL, PlacedEnd::Answered),
    };
    scene.say(ended, ends(status), Some(&ours), Some(&line));
    let over = match fate {
        Fate::Talks => ended + TALK_MS,
        Fate::CustomerBusy => ended + BUSY_TONE_MS,
        _ => ended,
    };
    let line_over = if fate == Fate::Talks { over } else { ended };
    scene.say(line_over, hangs_up(cause), Some(&line), None);
    scene.say(over, hangs_up(if fate == Fate::CustomerBusy { LINE_BUSY } else { NORMAL }), Some(&ours), None);
    scene.over(over, Some(taken), end)
}

struct Channel {
    name: String,
    unique: String,
    linked: String,
}

impl Scene {
    fn say(
        &mut self,
        after_ms: i64,
        mut fields: Vec<(&'static str, String)>,
        channel: Option<&Channel>,
        made: Option<&Channel>,
    ) {
        fields.insert(1, ("Privilege", "call,all".to_owned()));
        if let Some(Channel { name, unique, linked }) = channel {
            fields.extend([("Channel", name.clone()), ("Uniqueid", unique.clone()), ("Linkedid", linked.clone())]);
        }
        if let Some(Channel { name, unique, linked }) = made {
            let made = [("DestChannel", name), ("DestUniqueid", unique), ("DestLinkedid", linked)];
            fields.extend(made.map(|(field, value)| (field, value.clone())));
        }
        self.said.push(Said { after_ms, fields });
    }

    fn over(mut self, after_ms: i64, taken_ms: Option<i64>, end: PlacedEnd) -> Scene {
        let made_at = self.placed.made_at;
        let taken_at = taken_ms.map(|ms| made_at.plus_ms(ms));
        self.placed = Placed { taken_at, ended_at: made_at.plus_ms(after_ms), end, ..self.placed };
        self
    }

    /// The call as it was when somebody hung it up so many milliseconds after its beginning: what is told then, and what its records
    /// tell.
    pub(crate) fn hung_up(mut self, after_ms: i64) -> Scene {
        let ended_at = self.placed.made_at.plus_ms(after_ms);
        let has_been_taken = self.placed.taken_at.is_some_and(|taken_at| taken_at <= ended_at);
        let is_answer = |said: &&Said| said.get("DialStatus") == "ANSWER" && !said.get("Uniqueid").is_empty();
        let before = || self.said.iter().filter(|said| said.after_ms <= after_ms);
        let has_talked = before().any(|said| is_answer(&said));
        // Of each channel that was made, the end is told.
        let made: Vec<String> = before()
            .filter(|said| said.get("Event") == "Newchannel")
            .map(|said| said.get("Uniqueid").to_owned())
            .collect();
        self.said.retain(|said| said.get("Event") == "Hangup" && made.iter().any(|made| made == said.get("Uniqueid")));
        self.said.iter_mut().for_each(|said| said.after_ms = after_ms);
        self.placed = Placed {
            taken_at: self.placed.taken_at.filter(|_| has_been_taken),
            ended_at,
            end: if has_talked { PlacedEnd::Answered } else { PlacedEnd::NoAnswer },
            ..self.placed
        };
        self
    }
}

fn placed(ordered: &Ordered, made_at: Moment) -> Placed {
    Placed {
        call: ordered.call.clone(),
        account: ordered.account.clone(),
        user_field: ordered.user_field.clone(),
        device: ordered.device.clone(),
        shown_name: ordered.shown_name.clone(),
        shown_number: ordered.shown_number.clone(),
        dialed: ordered.dialed.clone(),
        made_at,
        taken_at: None,
        ended_at: made_at,
        end: PlacedEnd::NoAnswer,
    }
}

fn end_of(device: &str) -> String {
    device.rsplit('/').next().unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use adapters::control::asterisk_ami::{Command, Follower, Reader};
    use adapters::control::{CustomerEnd, DialEnd, Dialing, Limits, Order, PersonEnd};

    use super::super::wire::{BANNER, Commands, written};
    use super::*;

    const MADE_AT: Moment = Moment(1_795_800_000_000);

    fn ordered(dialed: &str) -> Ordered {
        let order = Order {
            call: "rb-00ff00ff00ff00ff-1795800000.1".to_owned(),
            action_key: "call_back:1".to_owned(),
            device: "PJSIP/2001".to_owned(),
            context: "colleagues".to_owned(),
            dialed: dialed.to_owned(),
            shown: ("Ringback".to_owned(), dialed.to_owned()),
            ring_s: 20,
        };
        let command = Command::originate("rb1", &order).unwrap();
        Ordered::of(&Commands::default().push(&command.bytes()).unwrap()[0]).unwrap()
    }

    /// What deliver makes of what the exchange tells.
    fn end(scene: &Scene) -> DialEnd {
        let limits =
            Limits { answer_ms: 5_000, ring_ms: 20_000, dial_ms: 45_000, talk_min_ms: 5_000, settle_ms: 3_000 };
        let (mut dialing, mut reader) = (Dialing::new(limits, 0), Reader::default());
        let mut follower = Follower::new(&scene.placed.call, "rb1");
        reader.push(BANNER, |_| {}).unwrap();
        let accepted = Said { after_ms: 0, fields: vec![("Response", "Success".into()), ("ActionID", "rb1".into())] };
        for said in std::iter::once(&accepted).chain(&scene.said) {
            let fields: Vec<(&str, &str)> = said.fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
            reader
                .push(&written(&fields), |told| {
                    assert!(follower.concerns(&told), "{told:?}");
                    if let Some(seen) = follower.see(&told) {
                        dialing.hear(seen, said.after_ms);
                    }
                })
                .unwrap();
        }
        let last = scene.said.last().map_or(0, |said| said.after_ms);
        for ms in (last..last + 60_000).step_by(500) {
            let _ = dialing.pass(ms);
        }
        dialing.end().cloned().expect("it has ended")
    }

    #[test]
    fn the_last_digit_decides_and_it_is_heard_so() {
        let talked = end(&scene(&ordered("+443069990001"), MADE_AT, 1));
        assert!(
            matches!(&talked, DialEnd::Customer(CustomerEnd::Answered { talk_ms: 7_500, goes_on: false }, _)),
            "{talked:?}"
        );
        let busy = end(&scene(&ordered("+443069990007"), MADE_AT, 2));
        assert!(matches!(&busy, DialEnd::Customer(CustomerEnd::Busy, _)), "{busy:?}");
        let silent = end(&scene(&ordered("+443069990008"), MADE_AT, 3));
        assert!(matches!(&silent, DialEnd::Customer(CustomerEnd::NoAnswer, _)), "{silent:?}");
        let nobody = end(&scene(&ordered("+443069990009"), MADE_AT, 4));
        assert!(matches!(&nobody, DialEnd::Person(PersonEnd::NoAnswer, _)), "{nobody:?}");
    }

    #[test]
    fn what_is_hung_up_ends_there() {
        let whole = scene(&ordered("+443069990001"), MADE_AT, 1);
        let ended = |after_ms: i64| {
            let placed = whole.clone().hung_up(after_ms).placed;
            (placed.taken_at.is_some(), placed.end, placed.ended_at.ms_since(MADE_AT))
        };
        assert_eq!(ended(1_000), (false, PlacedEnd::NoAnswer, 1_000));
        assert_eq!(ended(3_000), (true, PlacedEnd::NoAnswer, 3_000));
        assert_eq!(ended(6_000), (true, PlacedEnd::Answered, 6_000));
    }

    #[test]
    fn a_command_that_cannot_be_done_is_refused_as_asterisk_does() {
        let refused = |text: &str| Ordered::of(&Commands::default().push(text.as_bytes()).unwrap()[0]).unwrap_err();
        assert_eq!(refused("Action: Originate\r\nExten: 1\r\n\r\n"), "Channel not specified");
        assert_eq!(refused("Action: Originate\r\nChannel: 2001\r\nExten: 1\r\n\r\n"), "Invalid channel");
        assert_eq!(refused("Action: Originate\r\nChannel: PJSIP/2001\r\n\r\n"), "Extension does not exist.");
    }
}
