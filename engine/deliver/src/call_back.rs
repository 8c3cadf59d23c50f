//! The action `call_back`: whom of ours to ring for a customer, and what comes of it.
//!
//! The person who was called first, if they are there; else the others of the group, its heads last. A person who asks for it is rung
//! themselves, and nobody else.
//! The customer's line is dialed at most once: another of ours is rung only where it is sure that it was not dialed.

use std::future::Future;

use adapters::control::{CustomerEnd, DialEnd, Order, PersonEnd, Presence, Refusal, call_name};
use directory::{Directory, Group, Person};

use crate::attempt::{Attempted, Status};
use crate::control::{Control, ControlSettings, NumberForm, Telephone};

/// What is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallBackOrder {
    /// The key of the action: the name of the call is made from it.
    pub action_key: String,
    /// The customer's number, E.164.
    pub customer: String,
    /// Who has missed the call: `person:ID` or `group:ID`.
    pub owner: Option<String>,
    /// The id of the person who asked for it; absent: a plugin did.
    pub asked_by: Option<String>,
    /// The group whose people are rung; absent: the owner's.
    pub group: Option<String>,
    /// The how manieth attempt it is, from 1: each begins with the next one of those who may be rung.
    pub attempt: usize,
    /// How long a telephone of ours rings, in seconds; absent: as the exchange's settings say.
    pub ring_s: Option<u32>,
    /// A telephone whose state the PBX does not know counts as one that nobody is at.
    pub require_presence: bool,
    /// Now (UTC, milliseconds).
    pub now: i64,
}

/// What came of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CalledBack {
    /// No telephone was rung, and `before_dial` was not asked: nobody is there, or the PBX cannot be told.
    NotAsked(Attempted),
    /// `before_dial` said no before any telephone rang: whoever said it knows why.
    Withheld,
    /// It was allowed, and this came of it.
    Dialed(Attempted),
}

/// Somebody of ours who may be rung, with their telephones at one exchange in the order of the site file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// Their id.
    pub person: String,
    /// Their telephones.
    pub telephones: Vec<Telephone>,
}

/// Whom to ring for this customer at this exchange, the first one first. Who has no telephone there is left out.
#[must_use]
pub fn whom_to_ring(order: &CallBackOrder, directory: &Directory, pbx: &str, device_prefix: &str) -> Vec<Candidate> {
    let asker = order.asked_by.as_deref().and_then(|id| directory.person(id));
    if let Some(asker) = asker {
        let telephones = telephones(asker, pbx, device_prefix, order.now);
        if !telephones.is_empty() {
            return vec![Candidate { person: asker.id.clone(), telephones }];
        }
    }
    let owner = order.owner.as_deref().and_then(|owner| owner.strip_prefix("person:"));
    let owner = owner.and_then(|id| directory.person(id));
    let group = order
        .group
        .as_deref()
        .or_else(|| order.owner.as_deref().and_then(|owner| owner.strip_prefix("group:")))
        .or_else(|| owner.and_then(|person| person.group.as_deref()))
        .and_then(|id| directory.group(id));
    let mut people: Vec<&Person> = owner.into_iter().collect();
    if let Some(group) = group {
        let is_head = |person: &Person| group.heads.contains(&person.id);
        people.extend(directory.people().iter().filter(|person| is_in(person, group) && !is_head(person)));
        people.extend(group.heads.iter().filter_map(|head| directory.person(head)));
    }
    let mut candidates: Vec<Candidate> = Vec::new();
    for person in people {
        let telephones = telephones(person, pbx, device_prefix, order.now);
        let is_new = candidates.iter().all(|known| known.person != person.id);
        if is_new && !telephones.is_empty() {
            candidates.push(Candidate { person: person.id.clone(), telephones });
        }
    }
    if !candidates.is_empty() {
        let first = order.attempt.saturating_sub(1) % candidates.len();
        candidates.rotate_left(first);
    }
    candidates
}

fn is_in(person: &Person, group: &Group) -> bool {
    person.group.as_ref() == Some(&group.id) || person.groups.contains(&group.id)
}

fn telephones(person: &Person, pbx: &str, device_prefix: &str, now: i64) -> Vec<Telephone> {
    let held = person.extensions.iter().filter(|extension| extension.pbx == pbx && extension.span.holds(now));
    held.map(|extension| {
        let named = if extension.device.is_empty() { &extension.number } else { &extension.device };
        let device = if named.contains('/') { named.clone() } else { format!("{device_prefix}{named}") };
        Telephone { extension: extension.number.clone(), device }
    })
    .collect()
}

/// The customer's number as this exchange wants it dialed.
///
/// # Errors
/// What the site file or the settings lack.
pub fn number_to_dial(
    customer: &str,
    settings: &ControlSettings,
    directory: &Directory,
    pbx: &str,
) -> Result<String, String> {
    let prefix = settings.outside_prefix.as_deref().or_else(|| directory.outside_prefix(pbx)).unwrap_or_default();
    let is_national = match settings.number_form {
        NumberForm::E164 => false,
        NumberForm::National => true,
        NumberForm::Auto => !prefix.is_empty(),
    };
    if !is_national {
        return Ok(format!("{prefix}{customer}"));
    }
    match directory.as_dialed(pbx, customer) {
        Some(digits) => Ok(format!("{prefix}{digits}")),
        None => Err(format!(
            "{customer} cannot be written as it is dialed at {pbx}: `country` of its [[site]] in site.toml says how; \
             or number_form = \"e164\" under [pbx.{pbx}.control] in engine.toml"
        )),
    }
}

/// Calls the customer back: rings one of ours who is there, and has the PBX dial the customer when they take it.
///
/// `before_dial` is asked right before each telephone is rung: true if the dial is still ours and nobody has spoken with the customer.
pub async fn call_back<Asked: Future<Output = bool>>(
    order: &CallBackOrder,
    control: &Control,
    directory: &Directory,
    before_dial: impl Fn() -> Asked,
) -> CalledBack {
    let (pbx, settings) = (control.pbx(), control.settings());
    let not_asked = |status: Status, detail: String| CalledBack::NotAsked(Attempted { status, detail, call: None });
    let dialed = match number_to_dial(&order.customer, settings, directory, pbx) {
        Ok(dialed) => dialed,
        Err(why) => return not_asked(Status::Failed, why),
    };
    let candidates = whom_to_ring(order, directory, pbx, &settings.device_prefix);
    if candidates.is_empty() {
        let whose = order.group.as_deref().or(order.owner.as_deref()).unwrap_or("nobody");
        let why =
            format!("there is nobody to ring at {pbx} for {whose}: no person with `extensions` there in site.toml");
        return not_asked(Status::Failed, why);
    }
    let Some(_turn) = control.turn() else {
        let why = format!("{} calls are being placed at {pbx} already (`dials_max`)", settings.dials_max);
        return not_asked(Status::Again { after_s: Some(RETRY_S) }, why);
    };
    let mut tried = Vec::new();
    let (mut rung, mut last_call) = (0, None);
    for candidate in &candidates {
        if rung == settings.people_max {
            break;
        }
        let telephone = match present(candidate, control, order.require_presence).await {
            Ok(Ok(telephone)) => telephone,
            Ok(Err(presence)) => {
                tried.push(format!("{} is {}", candidate.person, presence.word()));
                continue;
            }
            Err(unreachable) if rung == 0 => {
                return not_asked(Status::Again { after_s: Some(unreachable.retry_s) }, unreachable.why);
            }
            Err(unreachable) => {
                tried.push(unreachable.why);
                break;
            }
        };
        if !before_dial().await {
            if rung == 0 {
                return CalledBack::Withheld;
            }
            tried.push("then it was not to be dialed any more".to_owned());
            break;
        }
        rung += 1;
        let call = call_name(&order.action_key, order.now, rung);
        let shown_number = if settings.caller_id.is_empty() { &order.customer } else { &settings.caller_id };
        let placed = Order {
            call: call.clone(),
            action_key: order.action_key.clone(),
            device: telephone.device.clone(),
            context: settings.context.clone(),
            dialed: dialed.clone(),
            shown: (settings.caller_name.clone(), shown_number.clone()),
            ring_s: order.ring_s.unwrap_or(settings.ring_s).max(1),
        };
        let end = control.dial(&placed, directory.talk_min_ms()).await;
        match attempted(&end, &candidate.person, &call, directory.talk_min_ms(), settings) {
            Next::Ended(attempted) => return CalledBack::Dialed(attempted),
            Next::Another(why) => tried.push(why),
        }
        last_call = Some(call);
    }
    let detail = tried.join("; ");
    if rung == 0 {
        return not_asked(Status::Again { after_s: None }, format!("nobody is present: {detail}"));
    }
    // Another attempt has another key: under this one nothing is dialed again.
    CalledBack::Dialed(Attempted {
        status: Status::Failed,
        detail: format!("nobody of ours came to the telephone, and the customer was not dialed: {detail}"),
        call: last_call,
    })
}

/// Until a turn at the exchange is asked for again, in seconds.
const RETRY_S: u32 = 5;

/// The first telephone of somebody that they are at; else how the last one is.
async fn present<'c>(
    candidate: &'c Candidate,
    control: &Control,
    require_presence: bool,
) -> Result<Result<&'c Telephone, Presence>, crate::control::Unreachable> {
    let mut last = Presence::Offline;
    for telephone in &candidate.telephones {
        match control.presence(telephone).await? {
            Presence::Available => return Ok(Ok(telephone)),
            Presence::Unknown if !require_presence => return Ok(Ok(telephone)),
            other => last = other,
        }
    }
    Ok(Err(last))
}

/// What follows from the end of one call.
#[derive(Debug, PartialEq, Eq)]
enum Next {
    /// The try is over.
    Ended(Attempted),
    /// The customer was not dialed: another of ours may be rung.
    Another(String),
}

/// Decides what follows from the end of one call. Once the customer's line was dialed, this action never dials again.
fn attempted(end: &DialEnd, person: &str, call: &str, talk_min_ms: i64, settings: &ControlSettings) -> Next {
    let ended = |status: Status, detail: String| Next::Ended(Attempted { status, detail, call: Some(call.to_owned()) });
    match end {
        DialEnd::NotSent(why) => Next::Another(format!("{person} was not rung: {why}")),
        DialEnd::Refused(refusal, said) => {
            let user = &settings.user;
            let mend = match refusal {
                Refusal::SignIn => format!("compare the user {user} and its secret with the PBX's"),
                Refusal::Grant => format!(
                    "give {user} the right to originate: write = originate,call in manager.conf, or read_only = no in ari.conf"
                ),
                Refusal::Value => {
                    format!("compare `context` ({}) and {person}'s device with the PBX's", settings.context)
                }
            };
            ended(Status::Failed, format!("refused by the PBX: {said}; {mend}"))
        }
        DialEnd::Person(how, said) => {
            let word = match how {
                PersonEnd::Offline => "is offline",
                PersonEnd::Busy => "is busy",
                PersonEnd::Declined => "declined",
                PersonEnd::NoAnswer => "did not answer",
                // The dialplan had the call: what it did with it is not sure enough to dial once more.
                PersonEnd::LeftEarly => {
                    return ended(
                        Status::Failed,
                        format!("{person} answered, but the PBX was not seen to dial the customer ({said})"),
                    );
                }
            };
            Next::Another(format!("{person} {word} ({said})"))
        }
        DialEnd::Customer(how, said) => {
            let (status, word) = match how {
                CustomerEnd::Answered { talk_ms, .. } if *talk_ms < talk_min_ms => {
                    (Status::Done, "answered, and talked too short to settle anything")
                }
                CustomerEnd::Answered { .. } => (Status::Done, "answered"),
                CustomerEnd::Busy => (Status::Failed, "busy"),
                CustomerEnd::Declined => (Status::Failed, "declined"),
                CustomerEnd::NoAnswer => (Status::Failed, "did not answer"),
                CustomerEnd::Invalid => (Status::Failed, "no such number"),
                CustomerEnd::Network => (Status::Failed, "could not be reached by the network"),
            };
            ended(status, format!("customer: {word} ({said}); rung for them: {person}"))
        }
        DialEnd::Unknown(why) => ended(Status::Unknown, format!("{why}; rung: {person}; it is not dialed again")),
    }
}

#[cfg(test)]
mod tests;
