//! The ways to the outside, each made once from the settings, and one try at an action over each of them.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use directory::Directory;
use office::Action;

use crate::attempt::{Attempted, Status};
use crate::call_back;
use crate::control::{Control, ControlSettings};
use crate::driver::{Driver, now};
use crate::email::{self, EmailBody, Mailer, SmtpSettings, Templates};
use crate::http::{Webhook, WebhookBody, WebhookSettings};
use crate::message::{self, MessageBody};

/// What the settings say of the ways to the outside.
#[derive(Clone, Debug, Default)]
pub struct Ways {
    /// The folder of the settings: files that they name stand in it.
    pub folder: PathBuf,
    /// `[smtp]`; without a host, mails cannot be sent.
    pub smtp: SmtpSettings,
    /// `[webhook.NAME]`.
    pub webhooks: BTreeMap<String, WebhookSettings>,
    /// `[pbx.ID.control]`.
    pub controls: BTreeMap<String, ControlSettings>,
    /// A telephone that nobody knows the state of is one that nobody is at.
    pub require_presence: bool,
}

/// A way to the outside that cannot be used, with what would mend it.
#[derive(Debug)]
pub struct WayError(String);

impl fmt::Display for WayError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for WayError {}

/// The ways to the outside.
pub struct Doing {
    mailer: Option<Mailer>,
    templates: Templates,
    webhooks: BTreeMap<String, Webhook>,
    controls: BTreeMap<String, Arc<Control>>,
    require_presence: bool,
}

/// The folder of an installation's own templates, in that of the settings.
const TEMPLATES: &str = "templates";

/// Mails are claimed by their names, once: see [`email::send`].
const MAIL: &str = "mail";

impl Doing {
    /// Reads secrets and templates; connections are made when they are needed.
    ///
    /// # Errors
    /// What of the settings cannot be.
    pub fn new(ways: &Ways) -> Result<Doing, WayError> {
        crate::install_tls();
        let said = |error: &dyn fmt::Display| WayError(error.to_string());
        let folder: &Path = &ways.folder;
        let mailer = match ways.smtp.host.is_empty() {
            true => None,
            false => Some(Mailer::new(&ways.smtp, folder).map_err(|error| said(&error))?),
        };
        let mut webhooks = BTreeMap::new();
        for (name, settings) in &ways.webhooks {
            webhooks.insert(name.clone(), Webhook::new(name, settings, folder).map_err(|error| said(&error))?);
        }
        let mut controls = BTreeMap::new();
        for (pbx, settings) in &ways.controls {
            let control = Control::new(pbx, settings, folder).map_err(|error| said(&error))?;
            controls.insert(pbx.clone(), Arc::new(control));
        }
        Ok(Doing {
            mailer,
            templates: Templates::load(&folder.join(TEMPLATES)).map_err(|error| said(&error))?,
            webhooks,
            controls,
            require_presence: ways.require_presence,
        })
    }

    /// One try at a mail, a webhook or a message.
    pub(crate) async fn send(
        &self,
        driver: &Arc<Driver>,
        action: &Action,
        directory: &Arc<Directory>,
    ) -> office::Result<Attempted> {
        match action.kind.as_str() {
            "email" => self.email(driver, action, directory).await,
            "message" => self.message(driver, action, directory).await,
            _ => Ok(self.webhook(action).await),
        }
    }

    async fn email(
        &self,
        driver: &Arc<Driver>,
        action: &Action,
        directory: &Arc<Directory>,
    ) -> office::Result<Attempted> {
        let Some(mailer) = &self.mailer else {
            return Ok(failed("no mail can be sent: name a server with `host` under [smtp] in engine.toml"));
        };
        let body: EmailBody = match serde_json::from_str(&action.body) {
            Ok(body) => body,
            Err(error) => return Ok(failed(&format!("the mail is not readable: {error}"))),
        };
        let mails = email::write(&action.key, &body, &self.templates, directory, mailer.from_domain(), now());
        let names: Vec<String> = mails.mails.iter().map(|mail| mail.message_id().to_owned()).collect();
        let ended = driver
            .ask(move |office| {
                let mut ended = BTreeMap::new();
                for name in names {
                    if let Some(result) = office.claim_result(MAIL, &name)? {
                        ended.insert(name, status(result.as_deref()));
                    }
                }
                Ok(ended)
            })
            .await?;
        let begin = |name: String| async move {
            let holder = driver.parts.holder.clone();
            let claimed = driver.ask(move |office| office.claim(MAIL, &name, &holder, now(), None)).await;
            (driver.parts.reach)("after_mail_claim");
            matches!(claimed, Ok(office::Claimed::Yes))
        };
        let end = |name: String, came: Attempted| async move {
            let holder = driver.parts.holder.clone();
            let noted = driver
                .ask(move |office| match word(came.status) {
                    Some(word) => office.note_result(MAIL, &name, &holder, word),
                    None => office.release(MAIL, &name, &holder),
                })
                .await;
            if let Err(error) = noted {
                (driver.parts.say)(&format!("the office: {error}"));
            }
        };
        Ok(email::send(mailer, &mails, &ended, begin, end).await)
    }

    async fn message(
        &self,
        driver: &Arc<Driver>,
        action: &Action,
        directory: &Arc<Directory>,
    ) -> office::Result<Attempted> {
        let body: MessageBody = match serde_json::from_str(&action.body) {
            Ok(body) => body,
            Err(error) => return Ok(failed(&format!("the message is not readable: {error}"))),
        };
        let (left, unreached) = message::messages(&action.key, &body, directory, now());
        let attempted = message::attempted(&left, &unreached);
        driver
            .ask(move |office| {
                for message in left {
                    let message::NewMessage { tenant, person, text, at, action_key } = message;
                    office.add_message(&office::NewMessage { tenant, person, text, at, action_key })?;
                }
                Ok(())
            })
            .await?;
        Ok(attempted)
    }

    async fn webhook(&self, action: &Action) -> Attempted {
        let body: WebhookBody = match serde_json::from_str(&action.body) {
            Ok(body) => body,
            Err(error) => return failed(&format!("the webhook is not readable: {error}")),
        };
        match self.webhooks.get(&body.destination) {
            Some(webhook) => webhook.post(&action.key, &body.json, now()).await,
            None => {
                failed(&format!("there is no [webhook.{}] in engine.toml: add it with its `url`", body.destination))
            }
        }
    }

    /// One try at a call back. `None`: nobody was rung, and the office says why.
    pub(crate) async fn call_back(
        &self,
        driver: &Arc<Driver>,
        action: &Action,
        directory: &Arc<Directory>,
    ) -> office::Result<Option<Attempted>> {
        call_back::act(driver, action, directory, &self.controls, self.require_presence).await
    }
}

/// What an earlier try noted of a mail; one that noted nothing may have been sent.
fn status(result: Option<&str>) -> Status {
    match result {
        Some("done") => Status::Done,
        Some("failed") => Status::Failed,
        _ => Status::Unknown,
    }
}

fn word(status: Status) -> Option<&'static str> {
    match status {
        Status::Done => Some("done"),
        Status::Failed => Some("failed"),
        Status::Unknown => Some("unknown"),
        Status::Again { .. } => None,
    }
}

fn failed(detail: &str) -> Attempted {
    Attempted { status: Status::Failed, detail: detail.to_owned(), call: None }
}
