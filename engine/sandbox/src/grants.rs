//! What a plugin may do: what its manifest asks for and the settings allow. A refusal names the line to add.

use serde::{Deserialize, Serialize};

/// Whom an e-mail or a message may be for, beside addresses of a domain.
const RECIPIENTS: [&str; 3] = ["person", "head", "group"];

/// The same keys stand under `[grants]` of a manifest and under `[plugin.NAME.grants]` of the settings.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Grants {
    /// To have customers called back.
    pub call_back: bool,
    /// To whom e-mail may go: `person`, `head`, `group`, `@domain`.
    pub email: Vec<String>,
    /// To whom messages in the portal may go: `person`, `head`, `group`.
    pub message: Vec<String>,
    /// Destinations by their name.
    pub webhook: Vec<String>,
    /// To tag calls and follow-ups.
    pub tag: bool,
    /// To settle follow-ups.
    pub settle: bool,
    /// To set timers.
    pub timers: bool,
    /// To ask who is who.
    pub directory: bool,
    /// To see customers' numbers; without it they are masked.
    pub numbers: bool,
    /// To see the columns of the PBX.
    pub raw: bool,
}

impl Grants {
    /// What is listed makes sense.
    pub(crate) fn check(&self) -> Result<(), String> {
        for (key, list, with_domains) in [("email", &self.email, true), ("message", &self.message, false)] {
            for entry in list {
                let is_domain = with_domains && domain(entry).is_some();
                if !is_domain && !RECIPIENTS.contains(&entry.as_str()) {
                    let more = if with_domains { " or \"@example.com\"" } else { "" };
                    return Err(format!("`{entry}` in {key}: write \"person\", \"head\", \"group\"{more}"));
                }
            }
        }
        Ok(())
    }
}

/// What was asked for and what is allowed; each power needs both.
#[derive(Clone, Debug)]
pub(crate) struct Granted {
    pub(crate) plugin: String,
    pub(crate) asked: Grants,
    pub(crate) allowed: Grants,
}

impl Granted {
    /// The smaller of both.
    pub(crate) fn both(&self) -> Grants {
        let list = |of: fn(&Grants) -> &Vec<String>| {
            of(&self.asked).iter().filter(|entry| holds(of(&self.allowed), entry)).cloned().collect()
        };
        let flag = |of: fn(&Grants) -> bool| of(&self.asked) && of(&self.allowed);
        Grants {
            call_back: flag(|g| g.call_back),
            email: list(|g| &g.email),
            message: list(|g| &g.message),
            webhook: list(|g| &g.webhook),
            tag: flag(|g| g.tag),
            settle: flag(|g| g.settle),
            timers: flag(|g| g.timers),
            directory: flag(|g| g.directory),
            numbers: flag(|g| g.numbers),
            raw: flag(|g| g.raw),
        }
    }

    /// A power that is there or not.
    pub(crate) fn flag(&self, name: &str, of: fn(&Grants) -> bool) -> Result<(), String> {
        match self.lacking(of) {
            None => Ok(()),
            Some(place) => Err(format!("not granted: {name}; add \"{name} = true\" under {place}")),
        }
    }

    /// An e-mail or a message to somebody: `person:ID`, `head:ID`, `group:ID`, or an address.
    pub(crate) fn recipient(&self, name: &str, to: &str, of: fn(&Grants) -> &Vec<String>) -> Result<(), String> {
        let Some(entry) = recipient_entry(to) else { return Err(String::new()) };
        self.entry(&format!("{name} to {entry}"), name, &entry, of)
    }

    /// A destination by its name.
    pub(crate) fn destination(&self, destination: &str) -> Result<(), String> {
        self.entry(&format!("webhook {destination}"), "webhook", destination, |g| &g.webhook)
    }

    fn entry(&self, what: &str, key: &str, entry: &str, of: fn(&Grants) -> &Vec<String>) -> Result<(), String> {
        match self.lacking(|grants| holds(of(grants), entry)) {
            None => Ok(()),
            Some(place) => Err(format!("not granted: {what}; add \"{entry}\" to {key} under {place}")),
        }
    }

    /// Where the line is missing.
    fn lacking(&self, has: impl Fn(&Grants) -> bool) -> Option<String> {
        if !has(&self.asked) {
            Some(format!("[grants] in plugins/{}/plugin.toml", self.plugin))
        } else if !has(&self.allowed) {
            Some(format!("[plugin.{}.grants] in engine.toml", self.plugin))
        } else {
            None
        }
    }
}

/// What has to be listed for this recipient; `None` if nobody understands it.
pub(crate) fn recipient_entry(to: &str) -> Option<String> {
    if let Some((kind, id)) = to.split_once(':')
        && RECIPIENTS.contains(&kind)
    {
        return (!id.is_empty()).then(|| kind.to_owned());
    }
    let (name, domain) = to.rsplit_once('@')?;
    let is_plain = |part: &str| !part.is_empty() && !part.contains(|c: char| c.is_whitespace() || c.is_control());
    (is_plain(name) && is_plain(domain)).then(|| format!("@{}", domain.to_ascii_lowercase()))
}

fn holds(list: &[String], entry: &str) -> bool {
    list.iter().any(|listed| match (domain(listed), domain(entry)) {
        (Some(listed), Some(entry)) => listed.eq_ignore_ascii_case(entry),
        _ => listed == entry,
    })
}

/// Of `@domain` and `*@domain`.
fn domain(entry: &str) -> Option<&str> {
    entry.strip_prefix('*').unwrap_or(entry).strip_prefix('@').filter(|domain| !domain.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn granted(asked: &str, allowed: &str) -> Granted {
        let read = |text: &str| toml::from_str::<Grants>(text).unwrap();
        Granted { plugin: "call_back".into(), asked: read(asked), allowed: read(allowed) }
    }

    #[test]
    fn a_refusal_names_the_line_to_add() {
        let in_manifest = granted("", "call_back = true").flag("call_back", |g| g.call_back);
        let text = "not granted: call_back; add \"call_back = true\" under [grants] in plugins/call_back/plugin.toml";
        assert_eq!(in_manifest, Err(text.to_owned()));
        let in_settings = granted("call_back = true", "").flag("call_back", |g| g.call_back);
        let text = "not granted: call_back; add \"call_back = true\" under [plugin.call_back.grants] in engine.toml";
        assert_eq!(in_settings, Err(text.to_owned()));
        let list = granted("email = [\"person\"]", "").recipient("email", "person:ann", |g| &g.email);
        let text =
            "not granted: email to person; add \"person\" to email under [plugin.call_back.grants] in engine.toml";
        assert_eq!(list, Err(text.to_owned()));
        let destination = granted("", "").destination("crm");
        let text = "not granted: webhook crm; add \"crm\" to webhook under [grants] in plugins/call_back/plugin.toml";
        assert_eq!(destination, Err(text.to_owned()));
    }

    #[test]
    fn recipients_need_their_kind_or_their_domain() {
        let both = "email = [\"head\", \"*@Example.com\"]";
        let email = |to: &str| {
            granted(both, "email = [\"head\", \"person\", \"@example.com\"]").recipient("email", to, |g| &g.email)
        };
        for (to, is_granted) in [
            ("head:ann", true),
            ("head:group:sales", true),
            ("person:ann", false),
            ("ann@example.com", true),
            ("ann@EXAMPLE.com", true),
            ("ann@sub.example.com", false),
            ("ann@example.com.evil.org", false),
            ("head:", false),
            ("ann", false),
        ] {
            assert_eq!(email(to).is_ok(), is_granted, "{to}");
        }
    }

    #[test]
    fn the_smaller_of_both_holds() {
        let granted = granted(
            "call_back = true\ntimers = true\nemail = [\"person\", \"head\"]",
            "call_back = true\ntag = true\nemail = [\"head\", \"group\"]",
        );
        let both = Grants { call_back: true, email: vec!["head".into()], ..Grants::default() };
        assert_eq!(granted.both(), both);
    }
}
