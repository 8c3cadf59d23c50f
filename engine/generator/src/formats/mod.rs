//! The formats in which calls can be written; one format, one file. This is the list.

mod asterisk_cdr;
mod cisco_cucm;

use std::collections::BTreeMap;

use crate::GeneratorError;
use crate::company::{Company, Exchange};
use crate::rows::Written;
use crate::script::{Call, Step};

/// What invented companies call their menu.
pub(crate) const MENU_CONTEXT: &str = "welcome";

/// The adapters whose records can be written.
pub fn names() -> impl Iterator<Item = &'static str> {
    ["asterisk_cdr", "cisco_cucm"].into_iter()
}

/// Writes the records of one exchange.
pub(crate) enum Writer {
    AsteriskCdr(asterisk_cdr::Writer),
    CiscoCucm(cisco_cucm::Writer),
}

impl Writer {
    pub(crate) fn new(exchange: &Exchange) -> Result<Writer, GeneratorError> {
        match exchange.adapter {
            "asterisk_cdr" => asterisk_cdr::Writer::new(exchange).map(Writer::AsteriskCdr),
            "cisco_cucm" => cisco_cucm::Writer::new(exchange).map(Writer::CiscoCucm),
            other => Err(GeneratorError(format!(
                "records of `{other}` cannot be written yet: {} can",
                names().collect::<Vec<_>>().join(", ")
            ))),
        }
    }

    pub(crate) fn header(&self) -> Option<&'static [u8]> {
        match self {
            Writer::AsteriskCdr(_) => None,
            Writer::CiscoCucm(writer) => Some(writer.header()),
        }
    }
}

/// The records of a call on every exchange that it goes through. Gives what the first calls it, and each consultation in it.
pub(crate) fn write(writers: &mut [Writer], company: &Company, call: &Call, out: &mut Vec<Written>) -> Vec<String> {
    let mut names = Vec::new();
    let crossed = call.steps.iter().find_map(|s| if let Step::Cross { pbx, .. } = s { Some(*pbx) } else { None });
    for at in std::iter::once(call.pbx).chain(crossed) {
        let Some(writer) = writers.get_mut(at) else { continue };
        let told = match writer {
            Writer::AsteriskCdr(writer) => writer.call(company, call, at, out),
            Writer::CiscoCucm(writer) => writer.call(company, call, at, out),
        };
        if at == call.pbx {
            names = told;
        }
    }
    names
}

/// The lines of an invented site file that explain a format's places.
pub(crate) fn site_lines(adapter: &str) -> &'static str {
    match adapter {
        "cisco_cucm" => cisco_cucm::SITE_LINES,
        _ => asterisk_cdr::SITE_LINES,
    }
}

/// What a dialplan calls the places that a site file does not name.
pub(crate) fn contexts() -> BTreeMap<&'static str, String> {
    asterisk_cdr::CONTEXTS.iter().map(|(kind, name)| (*kind, (*name).to_owned())).collect()
}

/// Where callers are parked, for formats whose records tell it without a site file.
pub(crate) fn parking(adapter: &str) -> Option<&'static str> {
    (adapter == "cisco_cucm").then_some(cisco_cucm::PARKING)
}

/// How a line's devices begin.
pub(crate) fn trunk_device(adapter: &str, name: &str) -> String {
    if adapter == "cisco_cucm" { format!("{name}-trunk") } else { format!("PJSIP/{name}-") }
}

/// How a telephone is named.
pub(crate) fn person_device(adapter: &str, extension: &str) -> String {
    if adapter == "cisco_cucm" { format!("SEP00005E{extension:0>6}") } else { format!("PJSIP/{extension}") }
}
