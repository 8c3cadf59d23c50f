//! The JSON line of a leg: every field that its record tells, by its name, in the order of [`Leg`].
//!
//! What is not told is left out: no null, no empty text, no `false` of a mark that was never made.
//! Moments are RFC 3339 in UTC with milliseconds, lengths are milliseconds as in the leg, words are in snake_case.

use std::fmt::Debug;

use chrono::{DateTime, SecondsFormat};
use serde::ser::{Serialize, SerializeMap, Serializer};
use serde_json::Value;

use crate::clock;
use crate::leg::{Answerer, Disposition, End, EndKind, Leg, LinkKey, Moment, Move, Stage, Text};

/// A leg as it is written: `record` is what the caller calls the place where it was read (`17`, or `FILE:17` where there are several files).
pub struct Line<'l> {
    /// The leg.
    pub leg: &'l Leg,
    /// The number of its record, with its file where there are several.
    pub record: &'l str,
}

/// The JSON of one leg, where its fields are wanted and not their order.
#[must_use]
pub fn line(leg: &Leg, record: &str) -> Value {
    serde_json::to_value(Line { leg, record }).unwrap_or_default()
}

impl Serialize for Line<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let leg = self.leg;
        let mut out = Object(serializer.serialize_map(None)?);
        out.value("leg_id", &format!("{:032x}", leg.leg_id.0))?;
        out.text("tenant", &leg.origin.tenant)?;
        out.text("pbx", &leg.origin.pbx)?;
        out.text("adapter", leg.origin.adapter)?;
        out.text("record", self.record)?;
        out.text("native_id", &leg.native_id)?;
        if leg.order != 0 {
            out.value("order", &leg.order)?;
        }
        if !leg.link_keys.is_empty() {
            out.value("link_keys", &leg.link_keys.iter().map(Key).collect::<Vec<_>>())?;
        }
        out.told("event", leg.event.map(word))?;
        out.text("detail", &leg.detail)?;
        out.text("argument", &leg.argument)?;
        out.told("length_ms", leg.length_ms)?;
        out.told("from", ends(&leg.from))?;
        // An empty object is not the same as none: the leg has another end of which nothing is told.
        out.told("to", leg.to.as_ref().map(EndLine))?;
        out.told("stage", (leg.stage != Stage::Unknown).then(|| word(leg.stage)))?;
        out.text("place", &leg.place)?;
        out.text("dialed", &leg.dialed)?;
        out.text("did", &leg.did)?;
        out.text("queue", &leg.queue)?;
        out.told("started_at", leg.started_at.map(moment))?;
        out.told("rang_at", leg.rang_at.map(moment))?;
        out.told("answered_at", leg.answered_at.map(moment))?;
        out.told("ended_at", leg.ended_at.map(moment))?;
        out.value("grain_ms", &leg.grain_ms)?;
        out.mark("up_before", leg.up_before)?;
        out.told("timed_out", leg.timed_out)?;
        out.told("disposition", (leg.disposition != Disposition::Unknown).then(|| word(leg.disposition)))?;
        out.told("answerer", (leg.answerer != Answerer::Unknown).then(|| word(leg.answerer)))?;
        out.told("cause", leg.cause)?;
        out.told("ended_by", leg.ended_by.map(word))?;
        out.told("moved", leg.moved.as_ref().map(MoveLine))?;
        out.told("hold_ms", leg.hold_ms)?;
        out.told("message_left", leg.message_left)?;
        out.text("recording", &leg.recording)?;
        out.mark("ends_call", leg.ends_call)?;
        if !leg.extra.is_empty() {
            out.value("extra", &ExtraLine(&leg.extra))?;
        }
        out.0.end()
    }
}

/// A JSON object that leaves out what is not told.
struct Object<M>(M);

impl<M: SerializeMap> Object<M> {
    fn value<T: Serialize + ?Sized>(&mut self, name: &str, value: &T) -> Result<(), M::Error> {
        self.0.serialize_entry(name, value)
    }

    fn told<T: Serialize>(&mut self, name: &str, value: Option<T>) -> Result<(), M::Error> {
        value.map_or(Ok(()), |value| self.value(name, &value))
    }

    fn text(&mut self, name: &str, value: &str) -> Result<(), M::Error> {
        if value.is_empty() { Ok(()) } else { self.value(name, value) }
    }

    fn mark(&mut self, name: &str, is_set: bool) -> Result<(), M::Error> {
        if is_set { self.value(name, &true) } else { Ok(()) }
    }
}

fn ends(end: &End) -> Option<EndLine<'_>> {
    (*end != End::default()).then_some(EndLine(end))
}

struct EndLine<'e>(&'e End);

impl Serialize for EndLine<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let end = self.0;
        let mut out = Object(serializer.serialize_map(None)?);
        out.told("kind", (end.kind != EndKind::Unknown).then(|| word(end.kind)))?;
        out.text("number", &end.number)?;
        out.text("name", &end.name)?;
        out.text("device", &end.device)?;
        out.text("channel", &end.channel)?;
        out.text("trunk", &end.trunk)?;
        out.0.end()
    }
}

struct Key<'k>(&'k LinkKey);

impl Serialize for Key<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut out = Object(serializer.serialize_map(Some(2))?);
        out.value("kind", &word(self.0.kind))?;
        out.value("value", self.0.value.as_str())?;
        out.0.end()
    }
}

struct MoveLine<'m>(&'m Move);

impl Serialize for MoveLine<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut out = Object(serializer.serialize_map(None)?);
        out.value("kind", &word(self.0.kind))?;
        out.text("by", &self.0.by)?;
        out.0.end()
    }
}

struct ExtraLine<'x>(&'x [(&'static str, Text)]);

impl Serialize for ExtraLine<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(name, value)| (name, value.as_str())))
    }
}

/// A moment as RFC 3339 in UTC with milliseconds; one that no calendar holds, as its number.
#[must_use]
pub fn moment(moment: Moment) -> Text {
    const MS_PER_DAY: i64 = 86_400_000;
    let (days, ms) = (moment.0.div_euclid(MS_PER_DAY), moment.0.rem_euclid(MS_PER_DAY));
    let (year, month, day) = clock::date(days);
    if !(0..=9999).contains(&year) {
        return DateTime::from_timestamp_millis(moment.0).map_or_else(
            || compact_str::ToCompactString::to_compact_string(&moment.0),
            |m| m.to_rfc3339_opts(SecondsFormat::Millis, true).into(),
        );
    }
    // Every line has several: printed digit by digit into a text that needs no allocation.
    let mut printed = *b"0000-00-00T00:00:00.000Z";
    for (at, digits, value) in [
        (0, 4, year),
        (5, 2, month),
        (8, 2, day),
        (11, 2, ms / 3_600_000),
        (14, 2, ms / 60_000 % 60),
        (17, 2, ms / 1_000 % 60),
        (20, 3, ms % 1_000),
    ] {
        let mut rest = value;
        for place in printed[at..at + digits].iter_mut().rev() {
            *place += (rest % 10) as u8;
            rest /= 10;
        }
    }
    std::str::from_utf8(&printed).map(Text::from).unwrap_or_default()
}

/// The name of an enum's value in snake_case: `AnsweredElsewhere` is `answered_elsewhere`.
#[must_use]
pub fn word(value: impl Debug) -> String {
    let name = format!("{value:?}");
    let mut word = String::with_capacity(name.len() + 4);
    for (at, letter) in name.char_indices() {
        if letter.is_ascii_uppercase() && at > 0 {
            word.push('_');
        }
        word.push(letter.to_ascii_lowercase());
    }
    word
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::leg::{KeyKind, Origin, Position};

    #[test]
    fn what_is_not_told_is_left_out() {
        let origin = Arc::new(Origin { tenant: Text::default(), pbx: "main".into(), adapter: "x" });
        let mut leg = Leg::new(&origin, Position::default());
        leg.link(KeyKind::HandOver, "1");
        leg.to = Some(End::default());
        leg.disposition = Disposition::AnsweredElsewhere;
        leg.started_at = Some(Moment(1_500));
        assert_eq!(
            serde_json::to_string(&Line { leg: &leg, record: "a:7" }).unwrap(),
            r#"{"leg_id":"00000000000000000000000000000000","pbx":"main","adapter":"x","record":"a:7","link_keys":[{"kind":"hand_over","value":"1"}],"to":{},"started_at":"1970-01-01T00:00:01.500Z","grain_ms":1,"disposition":"answered_elsewhere"}"#
        );
        for ms in
            [0, -1, 951_782_400_123, 1_795_382_597_007, 253_402_300_799_999, 253_402_300_800_000, -62_167_219_200_001]
        {
            let expected = DateTime::from_timestamp_millis(ms).unwrap().to_rfc3339_opts(SecondsFormat::Millis, true);
            assert_eq!(moment(Moment(ms)), expected);
        }
        leg.ended_at = Some(Moment(i64::MAX));
        assert_eq!(line(&leg, "")["ended_at"], i64::MAX.to_string());
    }
}
