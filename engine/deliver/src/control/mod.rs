//! Connections to PBXs that can be told to place calls: how a telephone is at this moment, and one call back.
//!
//! What the bytes mean is in the crate `adapters` and pure; here are the sockets, the limits of time and the clock.

mod ami;
mod ari;
mod line;
mod settings;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use adapters::control::{DialEnd, Dialing, Limits, Order, Presence, Seen};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

pub use settings::{ControlKind, ControlSettings, NumberForm};

/// One exchange that can be told to place calls. It is connected to when it is first needed, and again when the connection was lost.
pub struct Control {
    pbx: String,
    settings: ControlSettings,
    way: Way,
    turns: Arc<Semaphore>,
}

enum Way {
    Ami(ami::Ami),
    Ari(ari::Ari),
}

/// The exchange cannot be asked now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unreachable {
    /// Why, for people.
    pub why: String,
    /// It is not tried again before so many seconds.
    pub retry_s: u32,
}

/// A telephone of ours.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Telephone {
    /// Its extension.
    pub extension: String,
    /// Its device as the PBX dials it.
    pub device: String,
}

/// The right to place one call at this exchange; given back when it is dropped.
pub struct Turn(#[allow(dead_code, reason = "it is held, not read")] OwnedSemaphorePermit);

/// For what the PBX still says after the end of a call, in milliseconds.
const SETTLE_MS: i64 = 3000;

impl Control {
    /// Nothing is connected before it is needed. Files of the settings are relative to `folder`.
    ///
    /// # Errors
    /// Which setting is wrong, and what would have worked.
    pub fn new(pbx: &str, settings: ControlSettings, folder: &Path) -> Result<Control, String> {
        settings.check(pbx)?;
        let folder: PathBuf = folder.to_owned();
        let way = match settings.kind {
            ControlKind::AsteriskAmi => Way::Ami(ami::Ami::new(pbx, settings.clone(), folder)),
            ControlKind::AsteriskAri => Way::Ari(ari::Ari::new(pbx, settings.clone(), folder)),
        };
        let turns = Arc::new(Semaphore::new(usize::try_from(settings.dials_max).unwrap_or(1)));
        Ok(Control { pbx: pbx.to_owned(), settings, way, turns })
    }

    /// The exchange's id in the site file.
    #[must_use]
    pub fn pbx(&self) -> &str {
        &self.pbx
    }

    /// How it is reached and dialed with.
    #[must_use]
    pub fn settings(&self) -> &ControlSettings {
        &self.settings
    }

    /// The right to place one call; `None` while as many calls are placed as may be.
    #[must_use]
    pub fn turn(&self) -> Option<Turn> {
        Arc::clone(&self.turns).try_acquire_owned().ok().map(Turn)
    }

    /// Asks the PBX how a telephone is at this moment.
    ///
    /// # Errors
    /// If the PBX cannot be asked.
    pub async fn presence(&self, telephone: &Telephone) -> Result<Presence, Unreachable> {
        match &self.way {
            Way::Ami(ami) => ami.presence(telephone).await,
            Way::Ari(ari) => ari.presence(telephone).await,
        }
    }

    /// Places one call and follows it until it is known how it ended. `talk_min_ms`: so long both must be connected.
    pub async fn dial(&self, order: &Order, talk_min_ms: i64) -> DialEnd {
        let ms = |seconds: u32| i64::from(seconds) * 1000;
        let limits = Limits {
            answer_ms: ms(self.settings.answer_s),
            ring_ms: ms(order.ring_s),
            dial_ms: ms(self.settings.dial_s),
            talk_min_ms,
            settle_ms: SETTLE_MS,
        };
        match &self.way {
            Way::Ami(ami) => ami.dial(order, limits).await,
            Way::Ari(ari) => ari.dial(order, limits).await,
        }
    }
}

/// A [`Dialing`] with a clock that never goes back.
struct Watch {
    dialing: Dialing,
    since: Instant,
}

impl Watch {
    fn start(limits: Limits) -> Watch {
        Watch { dialing: Dialing::new(limits, 0), since: Instant::now() }
    }

    fn now(&self) -> i64 {
        i64::try_from(self.since.elapsed().as_millis()).unwrap_or(i64::MAX)
    }

    fn hear(&mut self, seen: Seen) {
        let now = self.now();
        self.dialing.hear(seen, now);
    }

    /// True where the call must be hung up.
    fn pass(&mut self) -> bool {
        let now = self.now();
        self.dialing.pass(now)
    }

    /// How long nothing has to be done.
    fn quiet(&self) -> Duration {
        Duration::from_millis(u64::try_from(self.dialing.next_at().saturating_sub(self.now())).unwrap_or(0))
    }

    fn end(&self) -> Option<DialEnd> {
        self.dialing.end().cloned()
    }
}
