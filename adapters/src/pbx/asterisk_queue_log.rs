//! Asterisk's queue log: what happened to callers and agents in queues. It refines the CDR: exact waits, each agent's own ringing.
//!
//! docs.asterisk.org, *Queue Logs*: `epoch|callid|queue|agent|event|data1|data2|…`, the call id being the caller's unique id
//! (or NONE, REALTIME, MANAGER, CLI). Time is UTC. The log has no id of its own: a line is named by where it stands.

use crate::adapter::{About, Adapter, Ends, Legs, Provenance, Record, Settings, Tells};
use crate::asterisk;
use crate::fields::{integer, text};
use crate::leg::{End, EndKind, Event, KeyKind, Leg, Moment, Stage, Text};

/// Asterisk's queue log.
pub struct AsteriskQueueLog;

static ABOUT: About = About {
    name: "asterisk_queue_log",
    title: "Asterisk: queue_log",
    versions: "1.4 to 22",
    provenance: Provenance::RealPbx,
    ends: Ends::Never,
    tells: &[Tells::Offers, Tells::QueueWait, Tells::EndedBy, Tells::Seconds],
    needs: "queue_log=yes (logger.conf, on by default)",
    typical_delay_s: 0,
};

impl Adapter for AsteriskQueueLog {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn parse(&self, record: Record<'_>, settings: &Settings, out: &mut Legs) {
        let fields: smallvec::SmallVec<[&[u8]; 12]> =
            record.bytes.split(|b| *b == b'|').map(<[u8]>::trim_ascii).collect();
        let [epoch, call, queue, agent, event, data @ ..] = fields.as_slice() else {
            return out
                .reject(record, format!("{} fields between bars: a queue log line has at least 5", fields.len()));
        };
        let Some(at) = epoch_ms(epoch) else {
            return out.reject(record, format!("`{}` is not seconds since 1970", String::from_utf8_lossy(epoch)));
        };
        if !event.iter().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || *b == b'_') || event.is_empty() {
            return out.reject(
                record,
                format!("event `{}`: the queue log names its events in capitals", String::from_utf8_lossy(event)),
            );
        }
        let mut leg = Leg::new(&settings.origin, record.position);
        leg.event = Some(Event::Presence);
        leg.grain_ms = 1000;
        leg.started_at = Some(at);
        leg.native_id = text(call);
        leg.queue = text(queue);
        leg.place = leg.queue.clone();
        leg.stage = Stage::Queue;
        leg.to = agent_end(&text(agent), settings);
        if is_call(&leg.native_id) {
            let call = leg.native_id.clone();
            leg.link(KeyKind::Id, call);
            read_event(&mut leg, event, data);
        }
        leg.detail = if leg.detail.is_empty() { text(event) } else { leg.detail };
        leg.name_by_position(record.source, 0);
        out.legs.push(leg);
    }
}

/// What stands in the place of a call where an event is of none.
fn is_call(id: &str) -> bool {
    !matches!(id, "" | "NONE" | "REALTIME" | "MANAGER" | "CLI")
}

fn epoch_ms(bytes: &[u8]) -> Option<Moment> {
    let whole = bytes.split(|b| *b == b'.').next().unwrap_or(bytes);
    integer(whole).filter(|s| (100_000_000..100_000_000_000).contains(s)).map(|s| Moment(s * 1000))
}

/// The agent: the name of the site's agents, a device, or `NONE`.
fn agent_end(name: &Text, settings: &Settings) -> Option<End> {
    if name.is_empty() || name == "NONE" {
        return None;
    }
    let mut end = End { kind: EndKind::Person, name: name.clone(), ..End::default() };
    if let Some(extension) = settings.agents.get(name).or_else(|| settings.devices.get(name.as_str())) {
        end.number = extension.clone();
    } else if name.contains('/') {
        // Old releases print the channel, new ones the interface.
        let (whole, interface) = (asterisk::peer(name), asterisk::peer(asterisk::interface(name)));
        end.device = name.clone();
        let device = settings.devices.get(asterisk::interface(name)).map(Text::as_str);
        let listed = device.or_else(|| [whole, interface].into_iter().find(|p| settings.is_extension(p)));
        // Where nobody listed the telephones, one is known by its own name, as in the CDR.
        let peer = listed.or_else(|| settings.extensions.is_empty().then_some(interface));
        end.number = peer.unwrap_or_default().into();
    } else if settings.is_extension(name) {
        end.number = name.clone();
    }
    Some(end)
}

/// `docs: Queue Logs`: the events that say something of a call, and the field with their length.
fn read_event(leg: &mut Leg, event: &[u8], data: &[&[u8]]) {
    let seconds = |index: usize| data.get(index).and_then(|d| integer(d)).map(|s| s.saturating_mul(1000));
    let (kind, length) = match event {
        b"ENTERQUEUE" => {
            leg.from.number = data.get(1).map(|d| text(d)).unwrap_or_default();
            (Event::QueueEntered, None)
        }
        // Old releases do not say how long it rang; new ones in milliseconds.
        b"RINGNOANSWER" => (Event::QueueRangOut, data.first().and_then(|d| integer(d))),
        b"RINGCANCELED" => (Event::QueueRingCanceled, data.first().and_then(|d| integer(d))),
        b"CONNECT" => {
            leg.argument = data.get(2).map(|d| text(d)).unwrap_or_default();
            (Event::QueueConnected, seconds(0))
        }
        b"ABANDON" => (Event::QueueAbandoned, seconds(2)),
        b"EXITWITHTIMEOUT" => (Event::QueueTimedOut, seconds(2)),
        b"EXITWITHKEY" => {
            leg.detail = data.first().map(|d| text(d)).unwrap_or_default();
            (Event::QueueLeftByKey, seconds(3))
        }
        b"EXITEMPTY" => (Event::QueueEmptied, seconds(2)),
        b"FULL" | b"JOINEMPTY" => (Event::QueueNotJoined, None),
        b"COMPLETEAGENT" => {
            leg.detail = "agent".into();
            (Event::QueueCompleted, seconds(1))
        }
        b"COMPLETECALLER" => {
            leg.detail = "caller".into();
            (Event::QueueCompleted, seconds(1))
        }
        b"BLINDTRANSFER" | b"ATTENDEDTRANSFER" | b"TRANSFER" => {
            leg.detail = "transfer".into();
            leg.argument = data.first().map(|d| text(d)).unwrap_or_default();
            (Event::QueueCompleted, None)
        }
        _ => return,
    };
    leg.event = Some(kind);
    leg.length_ms = length;
}
