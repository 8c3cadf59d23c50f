//! The engine of all plugins: few features, so that few holes; a pool, so that what all of them take together is bounded.

use std::path::Path;
use std::sync::Arc;

use wasmtime::component::{HasSelf, Linker};
use wasmtime::{Config, Engine, InstanceAllocationStrategy, OptLevel, PoolingAllocationConfig};

use crate::cache::Cache;
use crate::contract;
use crate::host::Host;
use crate::limits::{HostLimits, bytes};
use crate::load_error::{LoadError, LoadErrorKind};
use crate::ticker::Ticker;

/// Stack of the code of plugins; the thread that calls needs this and its own.
const STACK_BYTES_MAX: usize = 256 * 1024;

/// A component in JavaScript has three memories.
const MEMORIES_OF_INSTANCE_MAX: u32 = 8;

/// A component in Python has about a dozen modules.
const MODULES_OF_INSTANCE_MAX: u32 = 24;

const TABLE_ENTRIES_MAX: usize = 20_000;

/// One engine for the process: it loads plugins. Clones are the same engine.
#[derive(Clone)]
pub struct Sandbox {
    pub(crate) inner: Arc<Inner>,
}

pub(crate) struct Inner {
    pub(crate) engine: Engine,
    pub(crate) linker: Linker<Host>,
    pub(crate) limits: HostLimits,
    pub(crate) cache: Option<Cache>,
    pub(crate) ticker: Ticker,
}

impl Sandbox {
    /// An engine whose compiled code is kept in the folder `cache`, where one is given.
    ///
    /// # Errors
    /// What the machine does not give, or what is wrong with the cache.
    pub fn new(limits: &HostLimits, cache: Option<&Path>) -> Result<Sandbox, LoadError> {
        let wrong = |error: wasmtime::Error| {
            LoadError::new(LoadErrorKind::Host, format!("the engine of plugins does not start: {error:#}"))
        };
        let cache = cache.map(Cache::open).transpose()?;
        let engine = Engine::new(&config(limits)).map_err(wrong)?;
        let mut linker = Linker::new(&engine);
        contract::Plugin::add_to_linker::<Host, HasSelf<Host>>(&mut linker, |host| host).map_err(wrong)?;
        let ticker = Ticker::start(&engine).map_err(|error| wrong(wasmtime::Error::msg(error.to_string())))?;
        Ok(Sandbox { inner: Arc::new(Inner { engine, linker, limits: limits.clone(), cache, ticker }) })
    }
}

fn config(limits: &HostLimits) -> Config {
    let instances = limits.instances_max;
    let mut pool = PoolingAllocationConfig::new();
    pool.total_component_instances(instances)
        .total_core_instances(instances.saturating_mul(MODULES_OF_INSTANCE_MAX))
        .total_memories(instances.saturating_mul(MEMORIES_OF_INSTANCE_MAX))
        .total_tables(instances.saturating_mul(MODULES_OF_INSTANCE_MAX))
        .max_core_instances_per_component(MODULES_OF_INSTANCE_MAX)
        .max_memories_per_component(MEMORIES_OF_INSTANCE_MAX)
        .max_tables_per_component(MODULES_OF_INSTANCE_MAX)
        .table_elements(TABLE_ENTRIES_MAX)
        .max_memory_size(bytes(limits.memory_mb_max, 1_048_576))
        // What an instance leaves in its memory is gone before the next one has the place.
        .linear_memory_keep_resident(0)
        .table_keep_resident(0);
    let mut config = Config::new();
    config
        .allocation_strategy(InstanceAllocationStrategy::Pooling(pool))
        .cranelift_opt_level(OptLevel::Speed)
        .epoch_interruption(true)
        .max_wasm_stack(STACK_BYTES_MAX)
        .memory_init_cow(true)
        .wasm_relaxed_simd(false)
        .wasm_memory64(false)
        .wasm_wide_arithmetic(false);
    config
}
