//! The site file as text, in the form of a demo of records: it is checked as a start checks it, written, and everything is computed anew.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::{directory, frame, said, show};
use crate::SiteFile;
use crate::asking::{Asking, Fault};
use crate::sign_in::to;

/// Where the form stands.
const PAGE: &str = "/set-up/directory";

/// How a browser comes back to that page by itself. Nobody answers meanwhile, and it waits until somebody does.
const COME_BACK: &str = "2; url=/set-up/directory";

/// Lines that the list of changes keeps of what was, and of what is.
const CHANGED_LINES_MAX: usize = 50;

/// The form.
pub(crate) struct Form {
    text: String,
    /// Which text was there when the page was made.
    was: String,
    /// What is wrong with what was typed.
    wrong: Option<String>,
}

impl Form {
    /// As its template is told.
    pub(crate) fn told(self) -> Value {
        json!({"text": self.text, "was": self.was, "wrong": self.wrong})
    }
}

/// The form with the file as it is; `None` where nobody changes it here.
///
/// # Errors
/// It cannot be read.
pub(crate) async fn form(asking: &Asking) -> Result<Option<Form>, Fault> {
    let Some(file) = asking.portal.parts.site_file.clone() else { return Ok(None) };
    let text = waited(move || file.text()).await?;
    Ok(Some(Form { was: name_of(&text), text, wrong: None }))
}

/// Whether a change is on its way.
pub(crate) fn is_recomputing(asking: &Asking) -> bool {
    asking.portal.is_recomputing.load(Ordering::Acquire)
}

/// The page that says so and comes back by itself, without a script too.
///
/// # Errors
/// The company is gone.
pub(crate) fn recomputing(asking: &Asking) -> Result<Response, Fault> {
    let mut frame = frame(asking, "recomputing-title", "set-up")?;
    frame.is_live = false;
    let mut page = show(&asking.portal, "pages/recomputing", &frame, json!({}))?.into_response();
    page.headers_mut().insert(header::REFRESH, HeaderValue::from_static(COME_BACK));
    Ok(page)
}

/// `POST /set-up/directory`
///
/// # Errors
/// Nobody changes it here; it cannot be read or written. What is wrong with the text is said on the page, with what was typed.
pub(crate) async fn save(asking: Asking) -> Result<Response, Fault> {
    let file = asking.portal.parts.site_file.clone().ok_or(Fault::NotFound)?;
    let (text, was) = (typed(&asking), asking.field("was").unwrap_or_default().to_owned());
    // Of two who save at once the second learns that the first did.
    let is_first = !asking.portal.is_recomputing.swap(true, Ordering::AcqRel);
    let saved = match is_first {
        true => put(&asking, &file, &text, &was).await,
        false => Ok(Saved::Overtaken(was.clone())),
    };
    if is_first && !matches!(saved, Ok(Saved::Yes)) {
        asking.portal.is_recomputing.store(false, Ordering::Release);
    }
    let (status, was, wrong) = match saved? {
        Saved::Yes => {
            file.recompute();
            return recomputing(&asking);
        }
        Saved::Same => return Ok(to(PAGE)),
        Saved::Wrong(wrong) => (StatusCode::BAD_REQUEST, was, wrong),
        Saved::Overtaken(now) => (StatusCode::CONFLICT, now, said(&asking, "site-file-overtaken", &[])),
    };
    let page = directory::shown(&asking, Some(Form { text, was, wrong: Some(wrong) }))?;
    Ok((status, page).into_response())
}

/// What became of what was sent.
enum Saved {
    Yes,
    /// It is what was there.
    Same,
    /// No start would take it.
    Wrong(String),
    /// Somebody changed the file meanwhile: which text is there now.
    Overtaken(String),
}

async fn put(asking: &Asking, file: &Arc<dyn SiteFile>, text: &str, was: &str) -> Result<Saved, Fault> {
    let before = waited({
        let file = Arc::clone(file);
        move || file.text()
    })
    .await?;
    let now = name_of(&before);
    if now != was {
        return Ok(Saved::Overtaken(now));
    }
    if before == text {
        return Ok(Saved::Same);
    }
    let checked = tokio::task::spawn_blocking({
        let (file, text) = (Arc::clone(file), text.to_owned());
        move || file.check(&text)
    });
    if let Err(wrong) = checked.await.map_err(|error| Fault::Broken(error.to_string()))? {
        return Ok(Saved::Wrong(wrong));
    }
    let (from, to) = (gone(&before, text), gone(text, &before));
    waited({
        let (file, text) = (Arc::clone(file), text.to_owned());
        move || file.write(&text)
    })
    .await?;
    let viewer = asking.viewer()?;
    let (tenant, by, now) = (viewer.tenant().to_owned(), viewer.login.clone(), asking.now.0);
    let noted = asking.portal.ask(move |office| office.site_file_changed(&tenant, &by, &from, &to, now)).await;
    if let Err(fault) = noted {
        // What is not in the list of changes is not changed.
        let file = Arc::clone(file);
        waited(move || file.write(&before)).await?;
        return Err(fault);
    }
    Ok(Saved::Yes)
}

/// Waits for what may wait.
async fn waited<T: Send + 'static>(work: impl FnOnce() -> Result<T, String> + Send + 'static) -> Result<T, Fault> {
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(|error| Fault::Broken(error.to_string()))?.map_err(Fault::Broken)
}

/// The text of the form with the ends of lines that files have: browsers send others.
fn typed(asking: &Asking) -> String {
    let mut text = asking.field("text").unwrap_or_default().replace("\r\n", "\n");
    if !text.is_empty() && !text.ends_with('\n') {
        text.push('\n');
    }
    text
}

/// What tells two texts apart.
fn name_of(text: &str) -> String {
    Sha256::digest(text.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The lines of a text that another has not, or not so often.
fn gone(text: &str, other: &str) -> String {
    let mut left: BTreeMap<&str, usize> = BTreeMap::new();
    for line in other.lines() {
        *left.entry(line).or_default() += 1;
    }
    let mut lines = Vec::new();
    for line in text.lines() {
        match left.get_mut(line) {
            Some(count) if *count > 0 => *count -= 1,
            _ if line.trim().is_empty() => {}
            _ => lines.push(line),
        }
    }
    let mut told = lines.iter().take(CHANGED_LINES_MAX).copied().collect::<Vec<_>>().join("\n");
    if lines.len() > CHANGED_LINES_MAX {
        told.push_str(&format!("\n… {} more", lines.len() - CHANGED_LINES_MAX));
    }
    told
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lines_that_are_gone_are_told_however_often_they_stood() {
        let (before, after) = ("a = 1\nb = 2\nb = 2\n\n", "b = 2\na = 3\n\n\n");
        assert_eq!((gone(before, after), gone(after, before)), ("a = 1\nb = 2".to_owned(), "a = 3".to_owned()));
        let many: String = (0..CHANGED_LINES_MAX + 2).map(|n| format!("a{n} = 1\n")).collect();
        assert!(gone(&many, "").ends_with("a49 = 1\n… 2 more"));
        assert_ne!(name_of("a"), name_of("b"));
    }
}
