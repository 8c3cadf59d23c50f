//! What pages and the API ask, against a plain recount of what was concluded: the corpus goes through the live fold with legs that are late
//! and doubled, step by step into the real engine; then calls are moved, merged away and told again by hand.

mod figures;
mod hostile;
mod pages;
mod scopes;
mod told;
mod weeks;

use std::sync::{Arc, Mutex, PoisonError, Weak};

use chrono_tz::Tz;
use store::Reader;
use store::scope::Scope;
use told::World;

const ZONE: Tz = chrono_tz::Europe::Kyiv;

/// One world for all tests of this module: it takes seconds to make, and nobody changes it. The last test that has it ends its database.
fn world() -> Arc<World> {
    static WORLD: Mutex<Weak<World>> = Mutex::new(Weak::new());
    let mut kept = WORLD.lock().unwrap_or_else(PoisonError::into_inner);
    kept.upgrade().unwrap_or_else(|| {
        let world = Arc::new(World::made());
        *kept = Arc::downgrade(&world);
        world
    })
}

fn reader(world: &World, scope: Scope) -> Reader<'_> {
    Reader { store: &world.store, scope, zone: ZONE, now: world.now, soon_ms: 20_000 }
}

fn everything(world: &World) -> Reader<'_> {
    reader(world, Scope::everything(&world.tenant))
}
