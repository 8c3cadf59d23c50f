//! Moments, lengths, reasons and plurals in the words of a language. Pure.

use chrono::{DateTime, Datelike, Timelike};
use chrono_tz::Tz;
use directory::Language;

const MONTHS_EN: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

/// As they stand behind the day of the month.
const MONTHS_UK: [&str; 12] = [
    "січня",
    "лютого",
    "березня",
    "квітня",
    "травня",
    "червня",
    "липня",
    "серпня",
    "вересня",
    "жовтня",
    "листопада",
    "грудня",
];

/// Why a call was missed, by the engine's word: in English, in Ukrainian.
const REASONS: [(&str, &str, &str); 19] = [
    ("out_of_hours", "the call came outside working hours", "дзвінок надійшов у неробочий час"),
    ("fault", "a fault in the network or the telephone system", "несправність мережі або телефонної станції"),
    (
        "blocked",
        "there was no free line, or nobody could be reached",
        "не було вільної лінії або нікого, хто міг би прийняти дзвінок",
    ),
    ("short_abandon", "the caller hung up almost at once", "абонент майже одразу поклав слухавку"),
    ("abandoned_in_menu", "the caller hung up in the menu", "абонент поклав слухавку в голосовому меню"),
    ("left_by_key", "the caller left the queue by pressing a key", "абонент вийшов із черги, натиснувши клавішу"),
    ("on_another_call", "all who were called were on other calls", "усі, кому дзвонили, розмовляли по телефону"),
    ("all_busy", "everybody in the group was on a call", "усі в групі були зайняті розмовами"),
    ("busy", "the telephone was busy", "телефон був зайнятий"),
    ("nobody_signed_in", "nobody was signed in to the queue", "у черзі не було жодного оператора"),
    ("not_registered", "the telephone was not connected", "телефон не був підключений"),
    ("nobody_rung", "no telephone rang", "жоден телефон не задзвонив"),
    ("declined", "the call was declined", "дзвінок відхилили"),
    ("do_not_disturb", "the telephone was set to do not disturb", "на телефоні було ввімкнено «не турбувати»"),
    ("away", "the person was away", "людини не було на місці"),
    ("gave_up_early", "the caller waited less than callers usually do", "абонент чекав менше, ніж зазвичай чекають"),
    ("rang_unanswered", "the telephone rang and nobody picked it up", "телефон дзвонив, але ніхто не відповів"),
    ("lost_in_transfer", "the call was lost after it was passed on", "дзвінок загубився після переадресації"),
    ("unknown", "not known", "невідомо"),
];

/// `23 November, 10:15`, with the year where it is not that of `now_ms`. Moments are UTC, in milliseconds.
pub(crate) fn moment(at_ms: i64, now_ms: i64, zone: Tz, language: Language) -> Option<String> {
    let at = DateTime::from_timestamp_millis(at_ms)?.with_timezone(&zone);
    let now = DateTime::from_timestamp_millis(now_ms)?.with_timezone(&zone);
    let months = match language {
        Language::En => MONTHS_EN,
        Language::Uk => MONTHS_UK,
    };
    let month = months.get(at.month0() as usize)?;
    let year = if at.year() == now.year() { String::new() } else { format!(" {}", at.year()) };
    Some(format!("{} {month}{year}, {:02}:{:02}", at.day(), at.hour(), at.minute()))
}

/// `10:15`.
pub(crate) fn clock(at_ms: i64, zone: Tz) -> Option<String> {
    let at = DateTime::from_timestamp_millis(at_ms)?.with_timezone(&zone);
    Some(format!("{:02}:{:02}", at.hour(), at.minute()))
}

/// `45 s`, `2 min 5 s`, `1 h 5 min`, `2 d 3 h`: two units at most, rounded down.
pub(crate) fn length(seconds: u64, language: Language) -> String {
    let [d, h, min, s] = match language {
        Language::En => ["d", "h", "min", "s"],
        Language::Uk => ["дн", "год", "хв", "с"],
    };
    let two = |large: u64, large_unit: &str, small: u64, small_unit: &str| match small {
        0 => format!("{large} {large_unit}"),
        _ => format!("{large} {large_unit} {small} {small_unit}"),
    };
    match seconds {
        0..60 => format!("{seconds} {s}"),
        60..3600 => two(seconds / 60, min, seconds % 60, s),
        3600..86_400 => two(seconds / 3600, h, seconds % 3600 / 60, min),
        _ => two(seconds / 86_400, d, seconds % 86_400 / 3600, h),
    }
}

/// Why a call was missed; a word that is not known yet is shown with spaces.
pub(crate) fn reason(word: &str, language: Language) -> String {
    let known = REASONS.iter().find(|(known, ..)| *known == word);
    known.map_or_else(
        || word.replace('_', " "),
        |(_, en, uk)| match language {
            Language::En => (*en).to_owned(),
            Language::Uk => (*uk).to_owned(),
        },
    )
}

/// Which of the forms goes with this count: of two the English rule chooses, of three the Ukrainian one
/// (1 раз, 2 рази, 5 разів).
pub(crate) fn plural<'f>(count: u64, forms: &[&'f str]) -> Option<&'f str> {
    let form = match forms.len() {
        2 => usize::from(count != 1),
        3 => match (count % 10, count % 100) {
            (_, 11..=14) => 2,
            (1, _) => 0,
            (2..=4, _) => 1,
            _ => 2,
        },
        _ => return None,
    };
    forms.get(form).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW_MS: i64 = 1_795_428_000_000; // 2026-11-23T10:00:00Z

    #[test]
    fn a_moment_is_told_by_the_readers_clock_and_in_their_words() {
        let told = |at, zone, language| moment(at, NOW_MS, zone, language).unwrap();
        assert_eq!(told(NOW_MS + 900_000, Tz::UTC, Language::En), "23 November, 10:15");
        assert_eq!(told(NOW_MS + 900_000, Tz::Europe__Kyiv, Language::Uk), "23 листопада, 12:15");
        assert_eq!(told(NOW_MS - 365 * 86_400_000, Tz::UTC, Language::En), "23 November 2025, 10:00");
        assert_eq!(clock(NOW_MS, Tz::Europe__Kyiv).unwrap(), "12:00");
        assert_eq!(moment(i64::MAX, NOW_MS, Tz::UTC, Language::En), None);
    }

    #[test]
    fn a_length_has_two_units_at_most() {
        for (seconds, en, uk) in [
            (0, "0 s", "0 с"),
            (59, "59 s", "59 с"),
            (60, "1 min", "1 хв"),
            (125, "2 min 5 s", "2 хв 5 с"),
            (3_900, "1 h 5 min", "1 год 5 хв"),
            (86_400, "1 d", "1 дн"),
            (183_599, "2 d 2 h", "2 дн 2 год"),
        ] {
            assert_eq!((length(seconds, Language::En), length(seconds, Language::Uk)), (en.to_owned(), uk.to_owned()));
        }
    }

    #[test]
    fn a_form_goes_with_its_count() {
        let uk = |count| plural(count, &["раз", "рази", "разів"]).unwrap();
        assert_eq!(
            [0, 1, 2, 4, 5, 11, 12, 21, 22, 111].map(uk).join(" "),
            "разів раз рази рази разів разів разів раз рази разів"
        );
        assert_eq!([0, 1, 2].map(|count| plural(count, &["time", "times"]).unwrap()).join(" "), "times time times");
        assert_eq!(plural(1, &["time"]), None);
    }

    #[test]
    fn an_unknown_reason_is_still_readable() {
        assert_eq!(reason("fell_asleep", Language::Uk), "fell asleep");
        assert_eq!(reason("busy", Language::Uk), "телефон був зайнятий");
    }
}
