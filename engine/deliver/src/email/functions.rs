//! What templates can call beside handlebars' own: moments, lengths, numbers, names, links. Each is a function of its
//! arguments and of whom the mail is for; what it gives is escaped where the template is HTML.

use chrono::DateTime;
use chrono_tz::Tz;
use directory::Language;
use handlebars::{Context, Handlebars, Helper, HelperDef, RenderContext, RenderError, RenderErrorReason, ScopedJson};
use serde_json::{Map, Value};

use super::wording;

/// A list in the data of a mail has no more entries.
pub const ENTRIES_MAX: usize = 1000;

/// The key under which templates find whom the mail is for.
pub(crate) const MAIL_KEY: &str = "mail";

/// The schemes of links that a mail may have.
const SCHEMES: [&str; 4] = ["https:", "http:", "mailto:", "tel:"];

/// What a helper does with its arguments, and whether they may be missing.
struct Function {
    name: &'static str,
    may_miss: bool,
    does: fn(&[&Value], &Voice<'_>) -> Result<Value, String>,
}

/// For whom the mail is written.
struct Voice<'a> {
    language: Language,
    zone: Tz,
    now_ms: i64,
    names: Option<&'a Map<String, Value>>,
}

/// Every helper of ours; a template's author reads of them in `templates/README.md`.
const FUNCTIONS: [Function; 13] = [
    Function { name: "moment", may_miss: false, does: moment },
    Function { name: "clock", may_miss: false, does: clock },
    Function { name: "length", may_miss: false, does: length },
    Function { name: "number", may_miss: false, does: number },
    Function { name: "party", may_miss: false, does: party },
    Function { name: "who", may_miss: false, does: who },
    Function { name: "reason", may_miss: false, does: reason },
    Function { name: "figure", may_miss: false, does: figure },
    Function { name: "plural", may_miss: false, does: plural },
    Function { name: "url", may_miss: false, does: url },
    Function { name: "told", may_miss: true, does: told },
    Function { name: "dialable", may_miss: true, does: dialable },
    Function { name: NEEDED, may_miss: false, does: needed },
];

/// Put around the arguments of `if`, `each` and their like, which else take what is missing for false.
pub(crate) const NEEDED: &str = "needed";

/// handlebars' own that templates may call.
const BUILT_IN: [&str; 15] =
    ["if", "unless", "each", "with", "lookup", "eq", "ne", "gt", "gte", "lt", "lte", "and", "or", "not", "len"];

/// True for a name that a template may call.
pub(crate) fn is_known(name: &str) -> bool {
    names().any(|known| known == name)
}

/// Every name that a template may call.
pub(crate) fn names() -> impl Iterator<Item = &'static str> {
    BUILT_IN.into_iter().chain(FUNCTIONS.iter().map(|f| f.name).filter(|name| *name != NEEDED))
}

/// Makes the functions known, and takes away those of handlebars that no mail needs.
pub(crate) fn register(registry: &mut Handlebars<'static>) {
    for function in FUNCTIONS {
        registry.register_helper(function.name, Box::new(function));
    }
    for name in ["log", "raw"] {
        registry.unregister_helper(name);
    }
}

impl HelperDef for Function {
    fn call_inner<'reg: 'rc, 'rc>(
        &self,
        helper: &Helper<'rc>,
        _: &'reg Handlebars<'reg>,
        context: &'rc Context,
        _: &mut RenderContext<'reg, 'rc>,
    ) -> Result<ScopedJson<'rc>, RenderError> {
        if let Some(missing) = helper.params().iter().find(|p| p.is_value_missing() && !self.may_miss) {
            return Err(RenderError::strict_error(missing.relative_path()));
        }
        let arguments: Vec<&Value> = helper.params().iter().map(|p| p.value()).collect();
        let given = (self.does)(&arguments, &Voice::of(context.data()));
        given.map(ScopedJson::Derived).map_err(|why| RenderErrorReason::Other(format!("{}: {why}", self.name)).into())
    }
}

impl Voice<'_> {
    fn of(data: &Value) -> Voice<'_> {
        let mail = &data[MAIL_KEY];
        let language = mail["language"].as_str();
        Voice {
            language: Language::ALL.into_iter().find(|l| Some(l.word()) == language).unwrap_or_default(),
            zone: mail["zone"].as_str().and_then(|zone| zone.parse().ok()).unwrap_or(Tz::UTC),
            now_ms: mail["at_ms"].as_i64().unwrap_or_default(),
            names: mail["names"].as_object(),
        }
    }

    fn withheld(&self) -> &'static str {
        match self.language {
            Language::En => "a withheld number",
            Language::Uk => "прихований номер",
        }
    }
}

fn moment(arguments: &[&Value], voice: &Voice<'_>) -> Result<Value, String> {
    let at_ms = at_ms(arguments)?;
    let told = wording::moment(at_ms, voice.now_ms, voice.zone, voice.language);
    told.map(Value::String).ok_or_else(|| format!("{at_ms} is no moment"))
}

fn clock(arguments: &[&Value], voice: &Voice<'_>) -> Result<Value, String> {
    let at_ms = at_ms(arguments)?;
    wording::clock(at_ms, voice.zone).map(Value::String).ok_or_else(|| format!("{at_ms} is no moment"))
}

fn length(arguments: &[&Value], voice: &Voice<'_>) -> Result<Value, String> {
    match arguments {
        [Value::Number(seconds)] if seconds.as_f64().is_some_and(|s| (0.0..1e12).contains(&s)) => {
            let seconds = seconds.as_u64().unwrap_or_else(|| seconds.as_f64().unwrap_or_default() as u64);
            Ok(wording::length(seconds, voice.language).into())
        }
        _ => Err(format!("wants seconds, a number from 0 up; not {}", shown(arguments))),
    }
}

fn number(arguments: &[&Value], voice: &Voice<'_>) -> Result<Value, String> {
    match arguments {
        [Value::Null] => Ok(voice.withheld().into()),
        [Value::String(number)] if number.is_empty() => Ok(voice.withheld().into()),
        [Value::String(number)] => Ok(directory::in_groups(number).into()),
        _ => Err(format!("wants a number as text; not {}", shown(arguments))),
    }
}

/// A side of a call: its name with its number, else what there is of both.
fn party(arguments: &[&Value], voice: &Voice<'_>) -> Result<Value, String> {
    let [Value::Object(party)] = arguments else {
        return Err(format!("wants a side of a call, as in {{{{party call.caller}}}}; not {}", shown(arguments)));
    };
    let text = |key: &str| party.get(key).and_then(Value::as_str).filter(|text| !text.is_empty());
    let person = text("person").and_then(|id| voice.name_of(&format!("person:{id}")));
    let number = text("extension").map(str::to_owned).or_else(|| text("number").map(directory::in_groups));
    // Many exchanges write the number again where a name should be.
    let name = person.or_else(|| text("name")).filter(|name| Some(*name) != text("number"));
    Ok(Value::String(match (name, number) {
        (Some(name), Some(number)) => format!("{name}, {number}"),
        (Some(name), None) => name.to_owned(),
        (None, Some(number)) => number,
        (None, None) => voice.withheld().to_owned(),
    }))
}

impl Voice<'_> {
    fn name_of(&self, id: &str) -> Option<&str> {
        self.names?.get(id)?.as_str()
    }
}

/// `person:ID` or `group:ID` by name; of anything else what is behind the colon.
fn who(arguments: &[&Value], voice: &Voice<'_>) -> Result<Value, String> {
    let [Value::String(id)] = arguments else {
        return Err(format!("wants person:ID or group:ID; not {}", shown(arguments)));
    };
    let bare = || id.split_once(':').map_or(id.as_str(), |(_, bare)| bare);
    Ok(voice.name_of(id).unwrap_or_else(bare).into())
}

fn reason(arguments: &[&Value], voice: &Voice<'_>) -> Result<Value, String> {
    match arguments {
        [Value::Null] => Ok(wording::reason("unknown", voice.language).into()),
        [Value::String(word)] => Ok(wording::reason(word, voice.language).into()),
        _ => Err(format!("wants the word of a reason; not {}", shown(arguments))),
    }
}

/// A figure without needless digits: `12`, `12.5`, in Ukrainian `12,5`.
fn figure(arguments: &[&Value], voice: &Voice<'_>) -> Result<Value, String> {
    let [Value::Number(figure)] = arguments else {
        return Err(format!("wants a number; not {}", shown(arguments)));
    };
    let rounded = (figure.as_f64().unwrap_or_default() * 100.0).round() / 100.0;
    let text = rounded.to_string();
    Ok(match voice.language {
        Language::En => text,
        Language::Uk => text.replace('.', ","),
    }
    .into())
}

fn plural(arguments: &[&Value], _: &Voice<'_>) -> Result<Value, String> {
    let wanted = || {
        format!(
            "wants a count and two or three forms, as in {{{{plural n \"time\" \"times\"}}}}; not {}",
            shown(arguments)
        )
    };
    let [count, forms @ ..] = arguments else { return Err(wanted()) };
    let forms: Option<Vec<&str>> = forms.iter().map(|form| form.as_str()).collect();
    let form = count.as_u64().zip(forms).and_then(|(count, forms)| wording::plural(count, &forms).map(str::to_owned));
    form.map(Value::String).ok_or_else(wanted)
}

/// A link, only of the schemes that no program of mail runs.
fn url(arguments: &[&Value], _: &Voice<'_>) -> Result<Value, String> {
    let wanted = || format!("wants a link that begins with one of {}; not {}", SCHEMES.join(" "), shown(arguments));
    let parts: Option<Vec<&str>> = arguments.iter().map(|part| part.as_str()).collect();
    let link = parts.ok_or_else(wanted)?.concat();
    let has_scheme = SCHEMES.iter().any(|s| link.get(..s.len()).is_some_and(|start| start.eq_ignore_ascii_case(s)));
    let is_plain = !link.chars().any(|c| c.is_control() || c.is_whitespace() || matches!(c, '<' | '>' | '"' | '\''));
    if has_scheme && is_plain { Ok(link.into()) } else { Err(wanted()) }
}

/// True if it is there: not missing, null or empty.
fn told(arguments: &[&Value], _: &Voice<'_>) -> Result<Value, String> {
    let is_there = |value: &Value| match value {
        Value::Null => false,
        Value::String(text) => !text.is_empty(),
        Value::Array(entries) => !entries.is_empty(),
        Value::Object(fields) => !fields.is_empty(),
        Value::Bool(_) | Value::Number(_) => true,
    };
    Ok(arguments.iter().all(|value| is_there(value)).into())
}

/// True for a whole number in E.164: a masked one is no link.
fn dialable(arguments: &[&Value], _: &Voice<'_>) -> Result<Value, String> {
    let is_number =
        |text: &str| text.strip_prefix('+').is_some_and(|d| !d.is_empty() && d.bytes().all(|b| b.is_ascii_digit()));
    Ok(matches!(arguments, [Value::String(text)] if is_number(text)).into())
}

fn needed(arguments: &[&Value], _: &Voice<'_>) -> Result<Value, String> {
    match arguments {
        [Value::Array(entries)] if entries.len() > ENTRIES_MAX => {
            Err(format!("a list of {} entries; a mail has at most {ENTRIES_MAX}", entries.len()))
        }
        [value] => Ok((*value).clone()),
        _ => Err("wants one value".to_owned()),
    }
}

/// Milliseconds since 1970, or RFC 3339.
fn at_ms(arguments: &[&Value]) -> Result<i64, String> {
    let told = match arguments {
        [Value::Number(ms)] => ms.as_i64(),
        [Value::String(text)] => DateTime::parse_from_rfc3339(text).ok().map(|at| at.timestamp_millis()),
        _ => None,
    };
    told.ok_or_else(|| {
        format!("wants a moment: milliseconds since 1970, or 2026-11-23T10:00:00.000Z; not {}", shown(arguments))
    })
}

fn shown(arguments: &[&Value]) -> String {
    const CHARS_MAX: usize = 60;
    let all = arguments.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ");
    match all.char_indices().nth(CHARS_MAX) {
        _ if all.is_empty() => "nothing".to_owned(),
        Some((end, _)) => format!("{}…", &all[..end]),
        None => all,
    }
}
