//! Pictures, as SVG: drawn here, so that a page, a mail and a document show the same. Every text in them is escaped where it is written.

use std::fmt::Write;

use chrono::DateTime;
use chrono_tz::Tz;

use crate::render::escaped;

/// One line of a call's picture.
pub(crate) struct Lane {
    /// Who rang, or where the caller stood.
    pub(crate) name: String,
    /// `offer`, `visit` or `talk`.
    pub(crate) kind: &'static str,
    pub(crate) from: Option<String>,
    pub(crate) to: Option<String>,
    /// How it ended.
    pub(crate) end: String,
}

const WIDTH: f64 = 720.0;
const NAMES: f64 = 150.0;
const ROW: f64 = 26.0;

/// A call's ringing, waiting and talking, to scale; empty where it has no length that could be drawn.
pub(crate) fn lanes(
    started_at: Option<&str>,
    ended_at: Option<&str>,
    drawn: &[Lane],
    zone: Tz,
    say: &dyn Fn(&str) -> String,
) -> Option<String> {
    let ms = |text: &str| DateTime::parse_from_rfc3339(text).ok().map(|at| at.timestamp_millis());
    let (first, last) = (ms(started_at?)?, ms(ended_at?)?);
    let length = (last - first).max(1) as f64;
    let x = |at: i64| NAMES + (at - first) as f64 / length * (WIDTH - NAMES - 10.0);
    let height = ROW * (drawn.len() as f64 + 1.0) + 6.0;
    let mut svg = String::new();
    let label = escaped(&say("call-picture"));
    let _ = write!(svg, "<svg class=\"lanes\" viewBox=\"0 0 {WIDTH} {height}\" role=\"img\" aria-label=\"{label}\">");
    for (at, anchor) in [(first, "start"), (last, "end")] {
        let clock =
            DateTime::from_timestamp_millis(at).map(|at| at.with_timezone(&zone).format("%H:%M:%S").to_string());
        let _ = write!(
            svg,
            "<text class=\"axis\" x=\"{:.1}\" y=\"14\" text-anchor=\"{anchor}\">{}</text>",
            x(at),
            escaped(&clock.unwrap_or_default())
        );
    }
    for (row, lane) in drawn.iter().enumerate() {
        let y = ROW * (row as f64 + 1.0);
        let _ = write!(
            svg,
            "<text x=\"0\" y=\"{:.1}\">{}</text>",
            y + 15.0,
            escaped(&lane.name.chars().take(NAME_CHARS_MAX).collect::<String>())
        );
        let (Some(from), Some(to)) = (lane.from.as_deref().and_then(ms), lane.to.as_deref().and_then(ms)) else {
            continue;
        };
        let (from, to) = (x(from.clamp(first, last)), x(to.clamp(first, last)));
        let end = if lane.end.is_empty() { String::new() } else { say(&format!("end-{}", lane.end.replace('_', "-"))) };
        let class = format!("{} {}", lane.kind, lane.end.replace('_', "-"));
        let _ = write!(
            svg,
            "<rect class=\"{}\" x=\"{from:.1}\" y=\"{:.1}\" width=\"{:.1}\" height=\"16\" rx=\"3\"><title>{}</title></rect>",
            escaped(&class),
            y + 3.0,
            (to - from).max(3.0),
            escaped(&format!("{} {end}", lane.name)),
        );
    }
    svg.push_str("</svg>");
    Some(svg)
}

/// Characters of a name before a lane.
const NAME_CHARS_MAX: usize = 20;

/// One bar: what was answered, and above it what was missed.
pub(crate) struct Bar {
    pub(crate) name: String,
    pub(crate) parts: [u64; 2],
    /// Of its calls; `None`: there are none.
    pub(crate) address: Option<String>,
}

/// Bars side by side, each a link to its calls. On a telephone only every third name is shown.
pub(crate) fn bars(bars: &[Bar]) -> Option<String> {
    let highest = bars.iter().map(|bar| bar.parts.iter().sum::<u64>()).max().filter(|highest| *highest > 0)? as f64;
    let step = WIDTH / bars.len() as f64;
    let mut svg = format!("<svg class=\"bars\" viewBox=\"0 0 {WIDTH} 180\" role=\"group\">");
    for (at, bar) in bars.iter().enumerate() {
        let x = at as f64 * step + step * 0.1;
        let mut y = 156.0;
        let all: u64 = bar.parts.iter().sum();
        if let Some(address) = &bar.address {
            let _ = write!(svg, "<a href=\"{}\" aria-label=\"{}: {all}\">", escaped(address), escaped(&bar.name));
        }
        for (class, part) in ["rest", "missed"].into_iter().zip(bar.parts) {
            let height = part as f64 / highest * 140.0;
            y -= height;
            let _ = write!(
                svg,
                "<rect class=\"{class}\" x=\"{x:.1}\" y=\"{y:.1}\" width=\"{:.1}\" height=\"{height:.1}\"><title>{}: {part}</title></rect>",
                step * 0.8,
                escaped(&bar.name)
            );
        }
        let _ = write!(
            svg,
            "<text class=\"axis{}\" x=\"{:.1}\" y=\"172\" text-anchor=\"middle\">{}</text>",
            if at % 3 == 0 { "" } else { " minor" },
            x + step * 0.4,
            escaped(&bar.name)
        );
        if bar.address.is_some() {
            svg.push_str("</a>");
        }
    }
    svg.push_str("</svg>");
    Some(svg)
}

/// Hours of the week (weekday from 1, hour, calls, missed, address), darker where more were missed.
pub(crate) fn grid(slots: &[(u8, u8, u64, u64, String)], weekdays: &[String]) -> Option<String> {
    let highest = slots.iter().map(|slot| slot.3).max()? as f64;
    let (left, step) = (60.0, (WIDTH - 60.0) / 24.0);
    let mut svg = format!("<svg class=\"grid\" viewBox=\"0 0 {WIDTH} 190\" role=\"group\">");
    for (row, name) in weekdays.iter().enumerate() {
        let _ = write!(svg, "<text x=\"0\" y=\"{:.1}\">{}</text>", row as f64 * 24.0 + 17.0, escaped(name));
    }
    for (weekday, hour, calls, missed, address) in slots {
        let (x, y) = (left + f64::from(*hour) * step, (f64::from(*weekday) - 1.0) * 24.0);
        let level = if highest > 0.0 { (*missed as f64 / highest * 4.0).ceil() as u8 } else { 0 };
        let name = weekdays.get(usize::from(*weekday).saturating_sub(1)).map_or("", String::as_str);
        let told = escaped(&format!("{name} {hour}: {missed}/{calls}"));
        let _ = write!(
            svg,
            "<a href=\"{}\" aria-label=\"{told}\"><rect class=\"level-{level}\" x=\"{x:.1}\" y=\"{y:.1}\" width=\"{:.1}\" height=\"22\"><title>{told}</title></rect></a>",
            escaped(address),
            step - 2.0
        );
    }
    for hour in (0..24).step_by(3) {
        let x = left + f64::from(hour) * step + step / 2.0;
        let _ = write!(svg, "<text class=\"axis\" x=\"{x:.1}\" y=\"184\" text-anchor=\"middle\">{hour}</text>");
    }
    svg.push_str("</svg>");
    Some(svg)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_in_pictures_are_escaped() {
        let lane = Lane {
            name: "<b>".to_owned(),
            kind: "offer",
            from: Some("2026-11-27T09:00:00Z".to_owned()),
            to: Some("2026-11-27T09:00:05Z".to_owned()),
            end: "\"x".to_owned(),
        };
        let say = |word: &str| word.to_owned();
        let drawn = lanes(Some("2026-11-27T09:00:00Z"), Some("2026-11-27T09:00:10Z"), &[lane], Tz::UTC, &say).unwrap();
        assert!(drawn.contains("&lt;b&gt;") && !drawn.contains("<b>") && !drawn.contains("\"\"x"), "{drawn}");
        assert!(drawn.contains("x=\"150.0\" y=\"29.0\" width=\"280.0\""), "{drawn}");
        assert_eq!(lanes(None, None, &[], Tz::UTC, &say), None);
    }

    #[test]
    fn a_picture_of_nothing_is_none() {
        assert_eq!(bars(&[]), None);
        assert_eq!(grid(&[], &[]), None);
    }
}
