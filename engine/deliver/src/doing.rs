//! The ways to the outside, each made once from the settings, and one try at an action over each of them.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use directory::Directory;
use office::Action;
use serde::Deserialize;

use crate::attempt::{Attempted, Status};
use crate::call_back::{self, CallBackOrder, CalledBack};
use crate::control::{Control, ControlSettings};
use crate::driver::{Driver, now};
use crate::email::{self, EmailBody, Mailer, SmtpSettings, Templates};
use crate::http::{Webhook, WebhookBody, WebhookSettings};
use crate::message::{self, MessageBody};
use crate::secret::Secret;

/// What the settings say of the ways to the outside.
#[derive(Clone, Debug, Default)]
pub struct Ways {
    /// The folder of the settings: files that they name stand in it.
    pub folder: PathBuf,
    /// `[smtp]`; without a host or a folder, mails cannot be sent.
    pub smtp: SmtpSettings,
    /// `[webhook.NAME]`.
    pub webhooks: BTreeMap<String, WebhookSettings>,
    /// `[pbx.ID.control]`.
    pub controls: BTreeMap<String, ControlSettings>,
    /// A telephone that nobody knows the state of is one that nobody is at.
    pub require_presence: bool,
}

impl Ways {
    /// What cannot be used, and what an administrator should hear of the rest: each a sentence with the place and what would mend it.
    #[must_use]
    pub fn check(&self) -> Vec<String> {
        crate::install_tls();
        let folder: &Path = &self.folder;
        let mut told = Vec::new();
        let readable =
            |place: &str, warning: Option<&str>| warning.map(|why| format!("`secret_file` under {place}: {why}"));
        if self.smtp.is_set() {
            match Mailer::new(&self.smtp, folder) {
                Err(error) => told.push(error.to_string()),
                Ok(mailer) => told.extend(readable("[smtp]", mailer.warning())),
            }
        }
        for (name, settings) in &self.webhooks {
            match Webhook::new(name, settings, folder) {
                Err(error) => told.push(error.to_string()),
                Ok(webhook) => told.extend(readable(&format!("[webhook.{name}]"), webhook.warning())),
            }
        }
        for (pbx, settings) in &self.controls {
            let place = format!("[pbx.{pbx}.control]");
            match settings.check(pbx).map(|()| Secret::read(folder, &settings.secret_file)) {
                Err(error) => told.push(error),
                // It is read when the exchange is connected to, so a start does not fail for it.
                Ok(Err(error)) => told.push(format!("`secret_file` under {place}: {error}")),
                Ok(Ok(secret)) => told.extend(readable(&place, secret.warning())),
            }
        }
        if let Err(error) = Templates::load(&folder.join(TEMPLATES)) {
            told.push(error.to_string());
        }
        told
    }
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
        let mailer = match ways.smtp.is_set() {
            false => None,
            true => Some(Mailer::new(&ways.smtp, folder).map_err(|error| said(&error))?),
        };
        let mut webhooks = BTreeMap::new();
        for (name, settings) in &ways.webhooks {
            webhooks.insert(name.clone(), Webhook::new(name, settings, folder).map_err(|error| said(&error))?);
        }
        let mut controls = BTreeMap::new();
        for (pbx, settings) in &ways.controls {
            let control = Control::new(pbx, settings.clone(), folder).map_err(WayError)?;
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

    /// One try at a call back. `None`: nothing is to be written of it, the office says why already.
    pub(crate) async fn call_back(
        &self,
        driver: &Arc<Driver>,
        action: &Action,
        directory: &Arc<Directory>,
    ) -> office::Result<Option<Tried>> {
        let (tenant, name) = (action.tenant.clone(), action.follow_up.clone().unwrap_or_default());
        let row = driver.ask(move |office| office.follow_up(&tenant, &name)).await?;
        let Some((customer, owner)) = row.and_then(|row| Some((row.customer?, row.owner))) else {
            return Ok(Some(Tried::BeforeClaim(failed("the customer's number is not known"))));
        };
        let body: CallBackBody = match serde_json::from_str(&action.body) {
            Ok(body) => body,
            Err(error) => return Ok(Some(Tried::BeforeClaim(failed(&format!("it is not readable: {error}"))))),
        };
        let number = |key: &str| body.options.get(key).and_then(|value| value.parse::<u32>().ok());
        let order = CallBackOrder {
            action_key: action.key.clone(),
            customer,
            owner,
            asked_by: action.by.strip_prefix("person:").map(str::to_owned),
            group: body.options.get("group").cloned(),
            attempt: number("attempt").unwrap_or(1) as usize,
            ring_s: number("ring_s"),
            require_presence: self.require_presence,
            now: now(),
        };
        let Some(control) = self.control(&order, directory) else {
            let why = match self.controls.is_empty() {
                true => {
                    "no exchange can be told to call: describe one under [pbx.ID.control] in engine.toml".to_owned()
                }
                false => "whoever is to be rung has no telephone at an exchange with [pbx.ID.control] in engine.toml"
                    .to_owned(),
            };
            return Ok(Some(Tried::BeforeClaim(failed(&why))));
        };
        let is_claimed = AtomicBool::new(false);
        let before_dial = || async {
            let was_claimed = is_claimed.load(Ordering::Relaxed);
            let may = driver.may_dial(action, &order.customer, was_claimed).await;
            if may.as_ref().is_ok_and(|may| may.is_claimed) {
                is_claimed.store(true, Ordering::Relaxed);
            }
            may.is_ok_and(|may| may.may)
        };
        let came = call_back::call_back(&order, control, directory, before_dial).await;
        Ok(match came {
            CalledBack::NotAsked(attempted) => Some(Tried::BeforeClaim(attempted)),
            CalledBack::Dialed(attempted) => Some(Tried::Claimed(attempted)),
            // The claim is ours and nothing was dialed: it is given back.
            CalledBack::Withheld if is_claimed.load(Ordering::Relaxed) => {
                let detail = "it was claimed, and then it was not to be dialed any more".to_owned();
                Some(Tried::Claimed(Attempted { status: Status::Again { after_s: None }, detail, call: None }))
            }
            CalledBack::Withheld => None,
        })
    }

    /// The first exchange of the company that can be told to call, and has a telephone of somebody who is to be rung.
    fn control(&self, order: &CallBackOrder, directory: &Directory) -> Option<&Arc<Control>> {
        let controls = directory.pbx_ids().filter_map(|pbx| self.controls.get(pbx));
        controls.into_iter().find(|control| {
            let prefix = &control.settings().device_prefix;
            !call_back::whom_to_ring(order, directory, control.pbx(), prefix).is_empty()
        })
    }
}

/// What came of one try at a call back.
pub(crate) enum Tried {
    /// Nothing was claimed.
    BeforeClaim(Attempted),
    /// The dial was claimed here.
    Claimed(Attempted),
}

/// What an action of the kind `call_back` holds.
#[derive(Deserialize)]
struct CallBackBody {
    #[serde(rename = "follow_up")]
    _follow_up: String,
    #[serde(default)]
    options: BTreeMap<String, String>,
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
