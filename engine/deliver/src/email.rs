//! The action `email`: one mail for each of its recipients, written in their language, handed to an SMTP server once.
//!
//! What SMTP allows: a server that takes a mail says so after the final dot. Whoever dies between the dot and the answer
//! cannot know, and nobody can ask. So each mail has a name (its Message-ID, from the action's key and the address), the
//! office notes the name before the content goes out, and a mail whose fate is unknown is not sent again. What ended
//! before that is sent again under the same name.

mod file;
mod functions;
mod mail;
mod mailer;
mod settings;
mod templates;
mod walk;
mod wording;

use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;

use directory::Directory;
use serde::{Deserialize, Serialize};

use crate::attempt::{Attempted, Status};
use crate::recipients::{self, Unreached};

pub use functions::ENTRIES_MAX;
pub use mail::Mail;
pub use mailer::Mailer;
pub use settings::{Security, SmtpError, SmtpSettings};
pub use templates::{
    RENDERED_BYTES_MAX, Rendered, SUBJECT_CHARS_MAX, TEMPLATE_BYTES_MAX, TEMPLATES_MAX, TemplateError, Templates,
};

/// What an action of the kind `email` holds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EmailBody {
    /// Whom it is for: `person:ID`, `group:ID`, `head:person:ID`, `head:group:ID` or an address.
    pub to: Vec<String>,
    /// The template's name.
    pub template: String,
    /// What the template is filled in with: an object, or null.
    #[serde(default)]
    pub data: serde_json::Value,
    /// Nothing is known here yet.
    #[serde(default)]
    pub options: BTreeMap<String, String>,
}

/// The mails of one action, and for whom there is none.
#[derive(Clone, Debug, PartialEq)]
pub struct Mails {
    /// One for each recipient.
    pub mails: Vec<Mail>,
    /// Who was named and has no address, or for whom the template could not be filled in.
    pub unreached: Vec<Unreached>,
}

/// Writes the mails of an action, as of a moment (UTC, milliseconds), for `from_domain`, which is in their names.
#[must_use]
pub fn write(
    action_key: &str,
    body: &EmailBody,
    templates: &Templates,
    directory: &Directory,
    from_domain: &str,
    at_ms: i64,
) -> Mails {
    let (recipients, mut unreached) = recipients::addresses(&body.to, directory, at_ms);
    let mut mails = Vec::new();
    for to in recipients {
        match templates.render(&body.template, &to, &body.data, directory, at_ms) {
            Ok(rendered) => mails.push(Mail::new(action_key, to, rendered, from_domain, at_ms)),
            Err(error) => unreached.push(Unreached { named: to.address, why: error.to_string() }),
        }
    }
    Mails { mails, unreached }
}

/// Sends those mails of an action that were not sent, one after the other, and says what became of the whole action.
///
/// `ended` is what the office knows of mails by their names from earlier tries: those that are `Done`, `Failed` or
/// `Unknown`, also those that were begun by a process that is gone, are not sent again.
/// `begin` is asked with the name right before the content goes out: it notes durably that this mail may be on its way
/// and is true, or it is false if the right to send is lost; then nothing more is sent.
/// `end` notes what became of the mail: `Again` takes the note of `begin` away.
pub async fn send<B, BF, E, EF>(
    mailer: &Mailer,
    mails: &Mails,
    ended: &BTreeMap<String, Status>,
    mut begin: B,
    mut end: E,
) -> Attempted
where
    B: FnMut(String) -> BF,
    BF: Future<Output = bool>,
    E: FnMut(String, Attempted) -> EF,
    EF: Future<Output = ()>,
{
    let mut came: Vec<(String, Attempted)> = Vec::new();
    let mut seen = BTreeSet::new();
    for mail in mails.mails.iter().filter(|mail| seen.insert(mail.message_id())) {
        let attempted = match ended.get(mail.message_id()) {
            Some(status) => Attempted { status: *status, detail: "an earlier try".to_owned(), call: None },
            None => {
                let name = mail.message_id().to_owned();
                let attempted = mailer.send(mail, || begin(name.clone())).await;
                end(name, attempted.clone()).await;
                attempted
            }
        };
        came.push((mail.to().address.clone(), attempted));
    }
    whole(&came, &mails.unreached)
}

/// What became of an action whose mails ended so: it is tried again while one of them may succeed, unknown if one of
/// them is, and done if at least one arrived.
#[must_use]
pub fn whole(came: &[(String, Attempted)], unreached: &[Unreached]) -> Attempted {
    let again = came.iter().filter_map(|(_, attempted)| match attempted.status {
        Status::Again { after_s } => Some(after_s),
        _ => None,
    });
    let any = |status: Status| came.iter().any(|(_, attempted)| attempted.status == status);
    let status = match again.max() {
        Some(after_s) => Status::Again { after_s },
        None if any(Status::Unknown) => Status::Unknown,
        None if any(Status::Done) => Status::Done,
        None => Status::Failed,
    };
    let mails = came.iter().map(|(address, attempted)| format!("{address}: {}", told(attempted)));
    let detail = mails.chain(unreached.iter().map(ToString::to_string)).collect::<Vec<_>>().join("; ");
    Attempted { status, detail: if detail.is_empty() { "it names nobody".to_owned() } else { detail }, call: None }
}

fn told(attempted: &Attempted) -> String {
    let word = match attempted.status {
        Status::Done => "sent",
        Status::Failed => "failed",
        Status::Again { .. } => "not sent yet",
        Status::Unknown => "perhaps sent",
    };
    format!("{word}, {}", attempted.detail)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_action_is_what_its_mails_are() {
        let mail = |address: &str, status| {
            let detail = "250 ok".to_owned();
            (address.to_owned(), Attempted { status, detail, call: None })
        };
        let (done, failed, unknown) =
            (mail("a@x", Status::Done), mail("b@x", Status::Failed), mail("c@x", Status::Unknown));
        let soon = mail("d@x", Status::Again { after_s: None });
        let late = mail("e@x", Status::Again { after_s: Some(60) });
        let status =
            |came: &[&(String, Attempted)]| whole(&came.iter().map(|c| (*c).clone()).collect::<Vec<_>>(), &[]).status;
        assert_eq!(status(&[&done, &failed, &unknown, &soon, &late]), Status::Again { after_s: Some(60) });
        assert_eq!(status(&[&done, &failed, &unknown]), Status::Unknown);
        assert_eq!(status(&[&done, &failed]), Status::Done);
        assert_eq!(status(&[&failed]), Status::Failed);
        let nobody = Unreached { named: "person:z".to_owned(), why: "no email".to_owned() };
        assert_eq!(whole(&[], &[]).detail, "it names nobody");
        assert_eq!(
            whole(&[done, soon], &[nobody]).detail,
            "a@x: sent, 250 ok; d@x: not sent yet, 250 ok; person:z: no email"
        );
    }
}
