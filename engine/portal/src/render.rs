//! Templates, and what they may call: words, moments, lengths, links. Everything that is put into a page is escaped, but for pictures
//! that were drawn here.

use std::sync::Arc;

use chrono::{DateTime, Datelike};
use chrono_tz::Tz;
use handlebars::{
    Context, Handlebars, Helper, HelperDef, HelperResult, Output, RenderContext, RenderError, RenderErrorReason,
    Renderable, ScopedJson,
};
use serde::Serialize;
use serde_json::Value;

use crate::words::{Language, Told, Words, number_shown};

/// The templates of all pages.
pub struct Templates {
    registry: Handlebars<'static>,
}

/// A template, by its name.
macro_rules! template {
    ($name:literal) => {
        ($name, include_str!(concat!("../templates/", $name, ".hbs")))
    };
}

/// All templates: the frame, parts of pages, and one for each page.
pub const TEMPLATES: &[(&str, &str)] = &[
    template!("frame"),
    template!("parts/calls"),
    template!("parts/follow_up"),
    template!("parts/acts"),
    template!("parts/hours"),
    template!("parts/legend"),
    template!("parts/login_fields"),
    template!("parts/messages"),
    template!("parts/set_up"),
    template!("parts/tokens"),
    template!("parts/periods"),
    template!("pages/broken"),
    template!("pages/call"),
    template!("pages/calls"),
    template!("pages/customer"),
    template!("pages/dashboard"),
    template!("pages/me"),
    template!("pages/measures"),
    template!("pages/missed"),
    template!("pages/access"),
    template!("pages/changes"),
    template!("pages/directory"),
    template!("pages/login"),
    template!("pages/messages"),
    template!("pages/own"),
    template!("pages/plugins"),
    template!("pages/recomputing"),
    template!("pages/views"),
    template!("pages/sign_in"),
    template!("pages/sources"),
];

impl Templates {
    /// Reads what is compiled in.
    ///
    /// # Errors
    /// What is wrong in which template: a test sees to it that nothing is.
    pub fn new(words: Arc<Words>) -> Result<Templates, String> {
        let mut registry = Handlebars::new();
        registry.set_strict_mode(true);
        registry.register_escape_fn(escaped);
        for (name, text) in TEMPLATES {
            registry.register_template_string(name, text).map_err(|error| format!("{name}: {error}"))?;
        }
        registry.register_helper("t", Box::new(Say(words)));
        registry.register_helper("moment", Box::new(Shown(moment)));
        registry.register_helper("day", Box::new(Shown(day)));
        registry.register_helper("length", Box::new(Shown(length)));
        registry.register_helper("number", Box::new(Shown(number)));
        registry.register_helper("share", Box::new(Shown(share)));
        registry.register_helper("name_of", Box::new(NameOf));
        registry.register_helper("url", Box::new(url));
        registry.register_helper("picture", Box::new(picture));
        registry.register_helper("eq", Box::new(Equal));
        registry.register_helper("has", Box::new(Has));
        Ok(Templates { registry })
    }

    /// A page.
    ///
    /// # Errors
    /// What the template lacks.
    pub fn page(&self, name: &str, data: &impl Serialize) -> Result<String, RenderError> {
        let mut out = Vec::new();
        self.registry.render_to_write(name, data, &mut out)?;
        String::from_utf8(out).map_err(|error| RenderErrorReason::Other(error.to_string()).into())
    }
}

/// The page's language, from its data.
fn language(context: &Context) -> Language {
    context.data()["page"]["language"].as_str().and_then(Language::of_code).unwrap_or_default()
}

/// The page's clock.
fn zone(context: &Context) -> Tz {
    context.data()["page"]["zone"].as_str().and_then(|name| name.parse().ok()).unwrap_or(Tz::UTC)
}

fn first<'v>(helper: &'v Helper<'_>) -> &'v Value {
    helper.param(0).map_or(&Value::Null, |param| param.value())
}

fn told(value: &Value) -> Option<Told> {
    match value {
        Value::Number(number) => number.as_f64().map(Told::Number),
        Value::String(text) => Some(Told::Text(text.clone())),
        Value::Bool(is) => Some(Told::Text(is.to_string())),
        _ => None,
    }
}

fn wrong(what: String) -> RenderError {
    RenderErrorReason::Other(what).into()
}

/// `{{t "name" n=count}}`: a message. `{{t "outcome-" outcome}}`: the message whose name both are; a word that nobody knows as it is.
struct Say(Arc<Words>);

impl HelperDef for Say {
    fn call_inner<'reg: 'rc, 'rc>(
        &self,
        helper: &Helper<'rc>,
        _: &'reg Handlebars<'reg>,
        context: &'rc Context,
        _: &mut RenderContext<'reg, 'rc>,
    ) -> Result<ScopedJson<'rc>, RenderError> {
        let name = first(helper).as_str().unwrap_or_default();
        let mut put: Vec<(&str, Told)> = Vec::new();
        for (key, value) in helper.hash() {
            put.extend(told(value.value()).map(|value| (*key, value)));
        }
        let language = language(context);
        let text = match helper.param(1).map(|param| param.value()) {
            None => {
                self.0.say(language, name, &put).ok_or_else(|| wrong(format!("no words `{name}` with these parts")))?
            }
            Some(Value::Null) => return Ok(ScopedJson::Derived(Value::String("–".to_owned()))),
            Some(value) => {
                let word = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
                let name = format!("{name}{}", word.replace('_', "-"));
                self.0.say(language, &name, &put).unwrap_or(word)
            }
        };
        Ok(ScopedJson::Derived(Value::String(text)))
    }
}

/// A helper whose value is shown as text: a dash where it is not known.
struct Shown(fn(&Value, &Context) -> Option<String>);

impl HelperDef for Shown {
    fn call_inner<'reg: 'rc, 'rc>(
        &self,
        helper: &Helper<'rc>,
        _: &'reg Handlebars<'reg>,
        context: &'rc Context,
        _: &mut RenderContext<'reg, 'rc>,
    ) -> Result<ScopedJson<'rc>, RenderError> {
        let shown = (self.0)(first(helper), context).unwrap_or_else(|| "–".to_owned());
        Ok(ScopedJson::Derived(Value::String(shown)))
    }
}

/// `{{name_of names id}}`: the name of `person:ID` or `group:ID`; of one whom the site file does not know any more, the id.
/// `{{name_of names column value}}`: the name of whom a column of calls tells by an id alone; of any other column, what it says.
struct NameOf;

impl HelperDef for NameOf {
    fn call_inner<'reg: 'rc, 'rc>(
        &self,
        helper: &Helper<'rc>,
        _: &'reg Handlebars<'reg>,
        _: &'rc Context,
        _: &mut RenderContext<'reg, 'rc>,
    ) -> Result<ScopedJson<'rc>, RenderError> {
        let text = |at: usize| helper.param(at).and_then(|told| told.value().as_str());
        let told = match (text(1), helper.param(2)) {
            (Some(column), Some(_)) => name_in(first(helper), column, text(2).unwrap_or("–")),
            (id, _) => name_in(first(helper), "owner", id.unwrap_or("–")),
        };
        Ok(ScopedJson::Derived(Value::String(told.to_owned())))
    }
}

/// What a column of calls says, with names instead of the ids of people and groups.
fn name_in<'t>(names: &'t Value, column: &str, value: &'t str) -> &'t str {
    let kinds: &[&str] = match column {
        "called" | "tried" | "missed_by" | "taken_by" | "caller_person" => &["person:", "group:"],
        "group" | "groups" | "owner_group" => &["group:"],
        "owner" => &[""],
        _ => return value,
    };
    let name = kinds.iter().find_map(|kind| names.get(format!("{kind}{value}"))?.as_str());
    let plain = || value.strip_prefix("person:").or_else(|| value.strip_prefix("group:")).unwrap_or(value);
    name.unwrap_or_else(plain)
}

/// A number, also where it stands in a text.
fn number_of(value: &Value) -> Option<f64> {
    match value {
        Value::Number(number) => number.as_f64(),
        Value::String(text) => text.parse().ok(),
        _ => None,
    }
}

/// `{{moment at}}`: a moment by the page's clock, with its day where that is not the page's today.
fn moment(value: &Value, context: &Context) -> Option<String> {
    Some(moment_shown(language(context), value.as_str()?, context.data()["page"]["now"].as_str(), zone(context)))
}

/// `{{day at}}`: the day of a moment by the page's clock.
fn day(value: &Value, context: &Context) -> Option<String> {
    let at = DateTime::parse_from_rfc3339(value.as_str()?).ok()?.with_timezone(&zone(context));
    let format = if language(context) == Language::Uk { "%d.%m.%Y" } else { "%-d %b %Y" };
    Some(at.format(format).to_string())
}

/// `{{length seconds}}`: a length.
fn length(value: &Value, context: &Context) -> Option<String> {
    Some(length_shown(language(context), number_of(value)?))
}

/// `{{number n}}`: a number as the language writes it.
fn number(value: &Value, context: &Context) -> Option<String> {
    Some(number_shown(language(context), number_of(value)?))
}

/// `{{share n}}`: a share of a hundred, to the tenth.
fn share(value: &Value, context: &Context) -> Option<String> {
    let rounded = (value.as_f64()? * 10.0).round() / 10.0;
    Some(format!("{} %", number_shown(language(context), rounded)))
}

fn moment_shown(language: Language, text: &str, now: Option<&str>, zone: Tz) -> String {
    let local = |text: &str| DateTime::parse_from_rfc3339(text).ok().map(|at| at.with_timezone(&zone));
    let Some(at) = local(text) else { return text.to_owned() };
    let format = match now.and_then(local) {
        Some(now) if now.date_naive() == at.date_naive() => "%H:%M:%S",
        Some(now) if now.year() == at.year() => match language {
            Language::En => "%-d %b %H:%M",
            Language::Uk => "%d.%m %H:%M",
        },
        _ => "%Y-%m-%d %H:%M",
    };
    at.format(format).to_string()
}

/// Hours, minutes and seconds with colons; from two days on, days and hours.
fn length_shown(language: Language, seconds: f64) -> String {
    let whole = seconds.max(0.0).round() as u64;
    match whole {
        0..60 => format!("0:{whole:02}"),
        60..3600 => format!("{}:{:02}", whole / 60, whole % 60),
        3600..172_800 => format!("{}:{:02}:{:02}", whole / 3600, whole / 60 % 60, whole % 60),
        _ => {
            let (days, hours) = if language == Language::Uk { ("д", "год") } else { ("d", "h") };
            format!("{} {days} {} {hours}", whole / 86_400, whole / 3600 % 24)
        }
    }
}

/// What stands between tags, or between the quotes of an attribute: our templates have no attribute without them. The escapes of the
/// library, for the marks that need none there too, make a page of links a third longer.
pub(crate) fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len() + text.len() / 8);
    for mark in text.chars() {
        match mark {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            mark => escaped.push(mark),
        }
    }
    escaped
}

/// `href="{{url address}}"`: a link within the portal. Anything else leads nowhere: an address that came with data may run a script.
fn url<'reg, 'rc>(
    helper: &Helper<'rc>,
    registry: &'reg Handlebars<'reg>,
    _: &'rc Context,
    _: &mut RenderContext<'reg, 'rc>,
    out: &mut dyn Output,
) -> HelperResult {
    let address = first(helper).as_str().unwrap_or_default();
    let is_ours = address.starts_with('?') || (address.starts_with('/') && !address.starts_with("//"));
    let address = if is_ours && !address.contains(['\\', '\n', '\r']) { address } else { "#" };
    out.write(&registry.get_escape_fn()(address))?;
    Ok(())
}

/// `{{picture svg}}`: a picture that was drawn here, by code that escapes what it writes: the only text that is not escaped again.
fn picture<'reg, 'rc>(
    helper: &Helper<'rc>,
    _: &'reg Handlebars<'reg>,
    _: &'rc Context,
    _: &mut RenderContext<'reg, 'rc>,
    out: &mut dyn Output,
) -> HelperResult {
    match first(helper).as_str() {
        Some(svg) if svg.starts_with("<svg ") => out.write(svg).map_err(Into::into),
        _ => Err(wrong("`picture` takes a picture".to_owned())),
    }
}

/// `{{#eq a b}}…{{/eq}}`, also with `{{else}}`.
struct Equal;

impl HelperDef for Equal {
    fn call<'reg: 'rc, 'rc>(
        &self,
        helper: &Helper<'rc>,
        registry: &'reg Handlebars<'reg>,
        context: &'rc Context,
        render: &mut RenderContext<'reg, 'rc>,
        out: &mut dyn Output,
    ) -> HelperResult {
        let second = helper.param(1).map_or(&Value::Null, |param| param.value());
        let block = if first(helper) == second { helper.template() } else { helper.inverse() };
        block.map_or(Ok(()), |block| block.render(registry, context, render, out))
    }
}

/// `{{#has value}}…{{/has}}`: there is a value, also where it is 0, false or empty text.
struct Has;

impl HelperDef for Has {
    fn call<'reg: 'rc, 'rc>(
        &self,
        helper: &Helper<'rc>,
        registry: &'reg Handlebars<'reg>,
        context: &'rc Context,
        render: &mut RenderContext<'reg, 'rc>,
        out: &mut dyn Output,
    ) -> HelperResult {
        let block = if first(helper).is_null() { helper.inverse() } else { helper.template() };
        block.map_or(Ok(()), |block| block.render(registry, context, render, out))
    }
}

#[cfg(test)]
mod samples;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_and_moments_are_short() {
        let length = |seconds| length_shown(Language::En, seconds);
        assert_eq!([0.0, 7.4, 61.0, 7800.0].map(length), ["0:00", "0:07", "1:01", "2:10:00"]);
        assert_eq!(length(432_900.0), "5 d 0 h");
        let now = Some("2026-11-27T12:00:00Z");
        let shown = |text| moment_shown(Language::En, text, now, Tz::Europe__Kyiv);
        assert_eq!(shown("2026-11-27T09:05:06.123Z"), "11:05:06");
        assert_eq!(shown("2026-11-26T22:00:00Z"), "00:00:00");
        assert_eq!(shown("2026-11-26T09:05:06Z"), "26 Nov 11:05");
        assert_eq!(moment_shown(Language::Uk, "2026-11-26T09:05:06Z", now, Tz::Europe__Kyiv), "26.11 11:05");
        assert_eq!(shown("2025-11-26T09:05:06Z"), "2025-11-26 11:05");
        assert_eq!(shown("soon"), "soon");
    }

    #[test]
    fn what_comes_with_data_is_escaped_and_leads_nowhere_else() {
        let mut registry = Handlebars::new();
        registry.set_strict_mode(true);
        registry.register_escape_fn(escaped);
        registry.register_helper("t", Box::new(Say(Arc::new(Words::new().unwrap()))));
        registry.register_helper("name_of", Box::new(NameOf));
        registry.register_helper("url", Box::new(url));
        registry.register_helper("picture", Box::new(picture));
        let render = |template: &str, value: &str| {
            registry.render_template(template, &serde_json::json!({"v": value, "page": {"language": "en"}}))
        };
        let hostile = "<script>alert(\"1\")</script>";
        assert_eq!(render("{{v}}", hostile).unwrap(), "&lt;script&gt;alert(&quot;1&quot;)&lt;/script&gt;");
        assert_eq!(
            render("{{t \"outcome-\" v}}", hostile).unwrap(),
            "&lt;script&gt;alert(&quot;1&quot;)&lt;/script&gt;"
        );
        assert_eq!(render("{{url v}}", "/calls?a=1&b=\"2").unwrap(), "/calls?a=1&amp;b=&quot;2");
        for address in ["javascript:alert(1)", "//elsewhere.example", "https://elsewhere.example", "/\\elsewhere", ""] {
            assert_eq!(render("{{url v}}", address).unwrap(), "#", "{address}");
        }
        assert_eq!(render("{{name_of page v}}", "language").unwrap(), "en");
        let names = serde_json::json!({"person:ann": "Ann", "group:ann": "The Anns", "group:sales": "Sales"});
        let named = |column, value| name_in(&names, column, value).to_owned();
        assert_eq!(["ann", "sales", "500"].map(|value| named("called", value)), ["Ann", "Sales", "500"]);
        assert_eq!(["ann", "gone"].map(|value| named("owner_group", value)), ["The Anns", "gone"]);
        assert_eq!(["person:ann", "group:gone"].map(|value| named("owner", value)), ["Ann", "gone"]);
        assert_eq!(render("{{name_of page v}}", "person:gone").unwrap(), "gone");
        assert_eq!(render("{{name_of page \"did\" v}}", "language").unwrap(), "language");
        assert!(render("{{picture v}}", hostile).is_err());
    }
}
