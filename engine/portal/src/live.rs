//! What is new, told to pages that are open: one question a second for the whole process, however many look.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures_util::stream::unfold;
use store::Store;
use tokio::sync::{Semaphore, watch};

use crate::asking::Fault;

/// How often it is asked.
const ASK_EVERY: Duration = Duration::from_secs(1);

/// A page that hears nothing for so long is told that the connection stands.
const SIGN_OF_LIFE_EVERY: Duration = Duration::from_secs(20);

/// How much was ever stored of what pages show.
pub(crate) struct Live {
    stored: watch::Sender<u64>,
    /// Changes that pages made themselves.
    touched: AtomicU64,
    pages: Arc<Semaphore>,
}

impl Live {
    pub(crate) fn new(pages_max: usize) -> Live {
        Live { stored: watch::Sender::new(0), touched: AtomicU64::new(0), pages: Arc::new(Semaphore::new(pages_max)) }
    }

    /// Something was changed by a page: the others need not wait for it to be stored.
    pub(crate) fn touch(&self) {
        self.touched.fetch_add(1, Ordering::Relaxed);
    }

    /// Looks for what is new, until the process ends.
    pub(crate) async fn watch(self: Arc<Self>, store: Store, say: fn(&str)) {
        let mut is_away = false;
        loop {
            tokio::time::sleep(ASK_EVERY).await;
            match store.inserted().await {
                Ok(inserted) => {
                    is_away = false;
                    let now = inserted.wrapping_add(self.touched.load(Ordering::Relaxed));
                    self.stored.send_if_modified(|known| std::mem::replace(known, now) != now);
                }
                Err(error) if !is_away => {
                    is_away = true;
                    say(&format!("portal: {error}"));
                }
                Err(_) => {}
            }
        }
    }

    /// A stream of events (WHATWG HTML, section 9.2): `changed` whenever there is something new.
    pub(crate) fn answer(&self) -> Result<Response, Fault> {
        let turn = Arc::clone(&self.pages).try_acquire_owned().map_err(|_| Fault::Busy)?;
        let mut stored = self.stored.subscribe();
        stored.mark_unchanged();
        let events = unfold((stored, turn), |(mut stored, turn)| async move {
            stored.changed().await.ok()?;
            let changed: Result<Event, Infallible> = Ok(Event::default().event("changed").data("1"));
            Some((changed, (stored, turn)))
        });
        Ok(Sse::new(events).keep_alive(KeepAlive::new().interval(SIGN_OF_LIFE_EVERY)).into_response())
    }
}
