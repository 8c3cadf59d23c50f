//! The portal: pages and an API over what is stored. The only crate that knows HTTP.
//!
//! `routes.rs` lists every address with who may ask for it, `asking.rs` is the way from a request to an answer, each page is a file in
//! `pages/` with a template in `templates/pages/` and a sample in `samples/`. Pages read from ClickHouse and the office only.

mod api;
mod asking;
mod assets;
mod drawing;
mod live;
mod pages;
pub mod password;
mod rates;
mod render;
mod routes;
pub mod secret;
mod settings;
mod sign_in;
mod viewer;
mod words;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use adapters::leg::Moment;
use directory::Directory;
use office::Office;
use store::Store;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;

use live::Live;
use rates::Rates;
use render::Templates;
pub use routes::{ROUTES, Route, Who};
pub use settings::PortalSettings;
pub use viewer::{Powers, Role};
use words::Words;

/// Makes a missed call now, of this person where that can be: for who tries the portal out.
pub type MissedCallNow = Arc<dyn Fn(Option<&str>) -> Result<(), String> + Send + Sync>;

/// The site file of who tries the portal out, as an administrator changes it on a page. Each of these may wait, and says why it could not.
pub trait SiteFile: Send + Sync {
    /// As it is written now; empty where there is none.
    ///
    /// # Errors
    /// It cannot be read.
    fn text(&self) -> Result<String, String>;

    /// Whether a start would take this text.
    ///
    /// # Errors
    /// What is wrong, on which line, and what would have worked.
    fn check(&self, text: &str) -> Result<(), String>;

    /// Puts it in the place of the one before, as a whole or not at all.
    ///
    /// # Errors
    /// What the file system refuses.
    fn write(&self, text: &str) -> Result<(), String>;

    /// Computes everything anew by what is written now: this portal ends soon, and there is one at the same address afterwards.
    fn recompute(&self);
}

/// What the portal needs.
pub struct Parts {
    /// Where calls are.
    pub store: Store,
    /// Logins, claims, what people made.
    pub office: Office,
    /// By company.
    pub directories: BTreeMap<String, Arc<Directory>>,
    /// Somebody does what is asked for here: without deliver beside it, people only look.
    pub acts: bool,
    /// A demo has a button for it; it may wait, and says why it could not.
    pub missed_call_now: Option<MissedCallNow>,
    /// A demo of records has a form for it.
    pub site_file: Option<Arc<dyn SiteFile>>,
    /// `[portal]`.
    pub settings: PortalSettings,
    /// The wall clock.
    pub now: fn() -> Moment,
    /// For whoever reads the log of this process.
    pub say: fn(&str),
}

/// The portal.
pub(crate) struct Portal {
    pub(crate) parts: Parts,
    pub(crate) words: Arc<Words>,
    pub(crate) templates: Templates,
    pub(crate) turns: Semaphore,
    pub(crate) rates: Rates,
    pub(crate) live: Arc<Live>,
    /// The site file was changed, and everything is about to be computed anew.
    pub(crate) is_recomputing: AtomicBool,
}

/// Answers on this address until the process ends; gives the address that was taken.
///
/// # Errors
/// If the address cannot be taken.
pub async fn serve(parts: Parts) -> Result<SocketAddr, String> {
    let listen = parts.settings.listen.clone();
    let listener = TcpListener::bind(&listen).await.map_err(|error| {
        format!("`listen` under [portal]: {listen} cannot be taken ({error}); name another address, or port 0 for a free one")
    })?;
    answer(listener, parts)
}

/// Answers whoever connects to this, also who did before, until the process ends; gives its address.
///
/// # Errors
/// If it is none that can be waited for.
pub async fn serve_on(listener: std::net::TcpListener, parts: Parts) -> Result<SocketAddr, String> {
    listener.set_nonblocking(true).map_err(|error| error.to_string())?;
    answer(TcpListener::from_std(listener).map_err(|error| error.to_string())?, parts)
}

fn answer(listener: TcpListener, parts: Parts) -> Result<SocketAddr, String> {
    let address = listener.local_addr().map_err(|error| error.to_string())?;
    let portal = Portal::new(parts)?;
    tokio::spawn(Arc::clone(&portal.live).watch(portal.parts.store.clone(), portal.parts.say));
    let routes = asking::router(portal).into_make_service_with_connect_info::<SocketAddr>();
    tokio::spawn(async move { axum::serve(listener, routes).await });
    Ok(address)
}

impl Portal {
    fn new(parts: Parts) -> Result<Arc<Portal>, String> {
        let words = Arc::new(Words::new()?);
        let templates = Templates::new(Arc::clone(&words))?;
        let settings = &parts.settings;
        Ok(Arc::new(Portal {
            turns: Semaphore::new(settings.requests_at_once_max as usize),
            rates: Rates::new(settings.requests_per_minute_max),
            live: Arc::new(Live::new(settings.live_pages_max as usize)),
            words,
            templates,
            is_recomputing: AtomicBool::new(false),
            parts,
        }))
    }

    /// Asks the office on a thread that may wait.
    pub(crate) async fn ask<T: Send + 'static>(
        &self,
        question: impl FnOnce(&Office) -> office::Result<T> + Send + 'static,
    ) -> Result<T, asking::Fault> {
        let office = self.parts.office.clone();
        match tokio::task::spawn_blocking(move || question(&office)).await {
            Ok(answer) => answer.map_err(asking::Fault::of_office),
            Err(error) => Err(asking::Fault::Broken(error.to_string())),
        }
    }
}
