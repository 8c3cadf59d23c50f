//! A loaded plugin: events in, what became of each out, whatever the code inside does.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use calls::event::Event;
use wasmtime::{Store, Trap, UpdateDeadline, WasmBacktrace};

use crate::contract::{self, Lists, PluginPre};
use crate::cpu::Meter;
use crate::engine::Sandbox;
use crate::grants::Grants;
use crate::handling::{Fault, Handled, Handling, Level};
use crate::host::{Host, Rules, cut};
use crate::load;
use crate::load_error::{LoadError, LoadErrorKind};
use crate::manifest::Manifest;
use crate::mask;
use crate::memory::Memory;
use crate::ticker::TICK_US;
use crate::turn::{Overlay, Turn};
use crate::world::World;

/// After so many events an instance is made anew, so that what leaks slowly is never seen.
const EVENTS_OF_INSTANCE_MAX: u64 = 100_000;

/// An instance that has more of its memory than this is made anew, in hundredths.
const MEMORY_KEPT_MAX_PERCENT: usize = 75;

/// Companies whose instances are kept warm; that of another one takes the place of the oldest.
const WARM_INSTANCES_MAX: usize = 8;

/// After so many faults the rest of the events is not tried.
const FAULTS_OF_CALL_MAX: usize = 5;

/// A batch has the CPU of so many events: one that needs more is repeated event by event anyway, so nobody waits for it.
const BATCH_CPU_EVENTS: u64 = 8;

/// CPU for starting an instance, in microseconds.
const START_US_MAX: u64 = 1_000_000;

/// Bytes that one call of a plugin to us may make us allocate, beside what it asks for.
const HOSTCALL_BYTES_MAX: usize = 4 * 1024 * 1024;

/// Handles of things that plugins hold; the contract has none, so a few are many.
const HANDLES_MAX: usize = 1_000;

/// How long the text of an answer or of a fault may be.
const WHY_BYTES_MAX: usize = 2_048;

/// How many functions of the plugin's own are named with a fault.
const FRAMES_MAX: usize = 6;

/// The code of a plugin, however often it runs.
pub(crate) struct Code {
    pub(crate) sandbox: Sandbox,
    pub(crate) pre: PluginPre<Host>,
    pub(crate) manifest: Manifest,
    pub(crate) sha256: String,
    pub(crate) was_compiled: bool,
}

/// A plugin that can run. It keeps one warm instance for each company, so variables of one are never seen by another.
pub struct Plugin {
    code: Arc<Code>,
    rules: Arc<Rules>,
    /// The one that was used last is the last.
    instances: Vec<Instance>,
}

struct Instance {
    tenant: String,
    store: Store<Host>,
    exports: contract::Plugin,
    events: u64,
}

/// Why there is no instance.
enum NoInstance {
    Fault(Fault, String),
    /// Its export is of other types.
    Contract(String),
}

/// What came of one call into the code.
struct Ran {
    answers: Result<Vec<contract::Handled>, (Fault, String)>,
    turn: Option<Turn>,
    cpu_us: u64,
    memory_bytes: usize,
}

impl Plugin {
    /// Starts one instance, to see that it does.
    pub(crate) fn start(code: Arc<Code>, rules: Arc<Rules>) -> Result<Plugin, LoadError> {
        let plugin = Plugin { code, rules, instances: Vec::new() };
        match plugin.instance("") {
            Ok(_) => Ok(plugin),
            Err(NoInstance::Contract(why)) => Err(load::built_against(&why)),
            Err(NoInstance::Fault(Fault::Memory, _)) => {
                let text = format!(
                    "it needs more than {} MiB of memory to start: raise memory_mb under [limits] in plugins/{}/plugin.toml",
                    plugin.rules.limits.memory_mb, plugin.rules.plugin
                );
                Err(LoadError::new(LoadErrorKind::Limits, text))
            }
            Err(NoInstance::Fault(Fault::Host, why)) => Err(LoadError::new(LoadErrorKind::Host, why)),
            Err(NoInstance::Fault(_, why)) => {
                Err(LoadError::new(LoadErrorKind::Start, format!("it does not start: {why}")))
            }
        }
    }

    /// What its `plugin.toml` says.
    #[must_use]
    pub fn manifest(&self) -> &Manifest {
        &self.code.manifest
    }

    /// Of its component, in hexadecimal.
    #[must_use]
    pub fn sha256(&self) -> &str {
        &self.code.sha256
    }

    /// Its settings in JSON, as it sees them.
    #[must_use]
    pub fn settings(&self) -> &str {
        &self.rules.settings
    }

    /// What holds of its grants: the smaller of what it asks for and what is allowed.
    #[must_use]
    pub fn grants(&self) -> Grants {
        self.rules.granted.both()
    }

    /// False if its compiled code came from the cache.
    #[must_use]
    pub fn was_compiled(&self) -> bool {
        self.code.was_compiled
    }

    /// This event is for it. Ask this first: what is not given to a plugin costs nothing.
    #[must_use]
    pub fn hears(&self, event: &Event) -> bool {
        self.code.manifest.hears.hears(event)
    }

    /// The same code with other settings and grants; nothing is compiled.
    ///
    /// # Errors
    /// What is wrong with them.
    pub fn with_settings(&self, settings: &toml::Table, granted: &toml::Table) -> Result<Plugin, LoadError> {
        let rules = load::rules(&self.code.sandbox, &self.code.manifest, settings, granted)?;
        Ok(Plugin { code: Arc::clone(&self.code), rules: Arc::new(rules), instances: Vec::new() })
    }

    /// Forgets its instances, and with them what they have in variables.
    pub fn restart(&mut self) {
        self.instances.clear();
    }

    /// Has events of one company handled, and says what became of each, in their order.
    ///
    /// They are given together first. If not all of them are done, nothing of that counts, and each is given alone: changes of state
    /// of those that are done are then seen by the later ones. Nothing is stored here: what is to be kept and done is in the answers.
    pub fn handle(&mut self, events: &Arc<[Event]>, world: &Arc<dyn World>) -> Vec<Handling> {
        let Some(first) = events.first() else { return Vec::new() };
        let tenant = first.tenant.clone();
        if events.iter().any(|event| event.tenant != tenant) {
            let why = "events of several companies were given together: this is a defect of the engine".to_owned();
            return events.iter().map(|_| Handling::of(fault(Fault::Host, why.clone()))).collect();
        }
        let events = if self.rules.granted.flag("numbers", |g| g.numbers).is_ok() {
            Arc::clone(events)
        } else {
            events.iter().map(mask::event).collect()
        };
        if events.len() > 1
            && let Some(handlings) = self.together(&tenant, &events, world)
        {
            return handlings;
        }
        self.one_by_one(&tenant, &events, world)
    }

    /// All at once; `None` if not all of them are done.
    fn together(&mut self, tenant: &str, events: &Arc<[Event]>, world: &Arc<dyn World>) -> Option<Vec<Handling>> {
        let ran = self.run(tenant, Turn::new(events, 0, events.len(), world, Overlay::default()));
        let turn = ran.turn?;
        if !ran.answers.ok()?.iter().all(|answer| matches!(answer, contract::Handled::Done)) {
            return None;
        }
        let share = ran.cpu_us / u64::try_from(events.len()).unwrap_or(1).max(1);
        let mut handlings: Vec<Handling> = events
            .iter()
            .map(|_| Handling { cpu_us: share, memory_bytes: ran.memory_bytes, ..Handling::of(Handled::Done) })
            .collect();
        let index = |cause: u32| usize::try_from(cause).unwrap_or(usize::MAX);
        for (cause, asked) in turn.asked {
            handlings.get_mut(index(cause))?.asked.push(asked);
        }
        for (key, (cause, value)) in turn.changes {
            handlings.get_mut(index(cause))?.state.push((key, value));
        }
        let last = handlings.len() - 1;
        for (cause, text) in turn.refused {
            handlings.get_mut(index(cause).min(last))?.refused.push(text);
        }
        let log = log(turn.log, turn.log_left_out);
        handlings.first_mut()?.log = log;
        Some(handlings)
    }

    fn one_by_one(&mut self, tenant: &str, events: &Arc<[Event]>, world: &Arc<dyn World>) -> Vec<Handling> {
        let mut earlier = Overlay::default();
        let mut faults = 0;
        let mut handlings = Vec::with_capacity(events.len());
        for at in 0..events.len() {
            if faults >= FAULTS_OF_CALL_MAX {
                handlings.push(Handling::of(Handled::NotRun));
                continue;
            }
            let ran = self.run(tenant, Turn::new(events, at, 1, world, std::mem::take(&mut earlier)));
            let handled = match ran.answers {
                Ok(mut answers) => match answers.pop() {
                    Some(contract::Handled::Done) => Handled::Done,
                    Some(contract::Handled::Later(after_s)) => Handled::Later { after_s },
                    Some(contract::Handled::Failed(mut why)) => {
                        cut(&mut why, WHY_BYTES_MAX);
                        Handled::Failed { why }
                    }
                    None => fault(Fault::Answers, "it gave no answer".to_owned()),
                },
                Err((kind, why)) => fault(kind, why),
            };
            faults += usize::from(matches!(handled, Handled::Fault { .. }));
            let is_done = handled == Handled::Done;
            let mut handling = Handling { cpu_us: ran.cpu_us, memory_bytes: ran.memory_bytes, ..Handling::of(handled) };
            if let Some(mut turn) = ran.turn {
                handling.log = log(std::mem::take(&mut turn.log), turn.log_left_out);
                handling.refused = std::mem::take(&mut turn.refused).into_iter().map(|(_, text)| text).collect();
                if is_done {
                    handling.asked = std::mem::take(&mut turn.asked).into_iter().map(|(_, asked)| asked).collect();
                    handling.state =
                        turn.changes.iter().map(|(key, (_, value))| (key.clone(), value.clone())).collect();
                }
                earlier = turn.into_overlay(is_done);
            }
            handlings.push(handling);
        }
        handlings
    }

    /// One call into the code.
    fn run(&mut self, tenant: &str, turn: Turn) -> Ran {
        let (first, count) = (turn.first, turn.count);
        let mut instance = match self.take_instance(tenant) {
            Ok(instance) => instance,
            Err(NoInstance::Fault(kind, why)) => return Ran::not(kind, why, turn),
            Err(NoInstance::Contract(why)) => return Ran::not(Fault::Trap, why, turn),
        };
        let events = Arc::clone(&turn.events);
        let events = events.get(first..first + count).unwrap_or_default();
        let lists: Vec<Lists<'_>> = events.iter().map(Lists::of).collect();
        let given: Vec<contract::Event<'_>> =
            events.iter().zip(&lists).map(|(event, lists)| contract::event(event, lists)).collect();
        let count = u64::try_from(count).unwrap_or(u64::MAX);
        let budget_us = self.rules.limits.event_us() * count.min(BATCH_CPU_EVENTS);
        instance.store.data_mut().turn = Some(turn);
        instance.store.data_mut().meter = Meter::start(budget_us);
        instance.store.set_epoch_deadline(1);
        let called = {
            let _running = self.code.sandbox.inner.ticker.run();
            let Instance { store, exports, .. } = &mut instance;
            let handler = exports.ringback_plugin_handler();
            catch_unwind(AssertUnwindSafe(|| handler.call_handle(&mut *store, &given)))
        };
        let cpu_us = instance.store.data().meter.used_us();
        instance.events = instance.events.saturating_add(count);
        let host = instance.store.data_mut();
        let memory_bytes = host.memory.bytes;
        let mut turn = host.turn.take();
        let stopped = turn.as_mut().and_then(|turn| turn.stopped.take());
        let answers = match called {
            Ok(Ok(answers)) if answers.len() == given.len() => Ok(answers),
            Ok(Ok(answers)) => {
                let why =
                    format!("it gave {} answers to {} events: it has to give one for each", answers.len(), given.len());
                Err((Fault::Answers, why))
            }
            Ok(Err(error)) => Err(stopped.unwrap_or_else(|| {
                let words = turn.as_ref().and_then(|turn| last_words(&turn.log));
                self.what_stopped(&error, host, words)
            })),
            Err(_) => Err((Fault::Host, "the engine itself failed in a call from the plugin".to_owned())),
        };
        // Whoever was stopped cannot be entered again; whoever miscounts is not trusted either.
        let is_worn = instance.events >= EVENTS_OF_INSTANCE_MAX
            || memory_bytes > self.rules.limits.memory_bytes() / 100 * MEMORY_KEPT_MAX_PERCENT;
        if answers.is_ok() && !is_worn {
            self.instances.push(instance);
        }
        let answers = answers.map_err(|(kind, mut why)| {
            cut(&mut why, WHY_BYTES_MAX);
            (kind, why)
        });
        Ran { answers, turn, cpu_us, memory_bytes }
    }

    /// The company's instance; where there is no place for a new one, those of others make room.
    fn take_instance(&mut self, tenant: &str) -> Result<Instance, NoInstance> {
        if let Some(at) = self.instances.iter().position(|instance| instance.tenant == tenant) {
            return Ok(self.instances.remove(at));
        }
        while self.instances.len() >= WARM_INSTANCES_MAX {
            self.instances.remove(0);
        }
        match self.instance(tenant) {
            Err(NoInstance::Fault(Fault::Host, _)) if !self.instances.is_empty() => {
                self.instances.clear();
                self.instance(tenant)
            }
            made => made,
        }
    }

    fn instance(&self, tenant: &str) -> Result<Instance, NoInstance> {
        let host = Host {
            rules: Arc::clone(&self.rules),
            memory: Memory::new(self.rules.limits.memory_bytes()),
            turn: None,
            meter: Meter::start(START_US_MAX),
        };
        let mut store = Store::new(&self.code.sandbox.inner.engine, host);
        store.limiter(|host| &mut host.memory);
        store.set_hostcall_fuel(HOSTCALL_BYTES_MAX);
        store.set_max_component_handles(HANDLES_MAX);
        store.epoch_deadline_callback(|mut store| {
            let left_us = store.data_mut().meter.tick();
            Ok(if left_us == 0 { UpdateDeadline::Interrupt } else { UpdateDeadline::Continue(ticks(left_us)) })
        });
        store.set_epoch_deadline(1);
        let made = {
            let _running = self.code.sandbox.inner.ticker.run();
            catch_unwind(AssertUnwindSafe(|| self.code.pre.instantiate(&mut store)))
        };
        match made {
            Ok(Ok(exports)) => Ok(Instance { tenant: tenant.to_owned(), store, exports, events: 0 }),
            Ok(Err(error)) if error.is::<wasmtime::PoolConcurrencyLimitError>() => {
                let max = self.code.sandbox.inner.limits.instances_max;
                let why = format!(
                    "all {max} places of plugins are taken: raise instances_max under [sandbox] in engine.toml"
                );
                Err(NoInstance::Fault(Fault::Host, why))
            }
            Ok(Err(error)) if !error.is::<Trap>() && !store.data().memory.was_refused => {
                Err(NoInstance::Contract(format!("{error:#}")))
            }
            Ok(Err(error)) => {
                let (kind, why) = self.what_stopped(&error, store.data(), None);
                Err(NoInstance::Fault(kind, why))
            }
            Err(_) => {
                let why = "the engine itself failed while a plugin started".to_owned();
                Err(NoInstance::Fault(Fault::Host, why))
            }
        }
    }

    /// What an error of the code means, and what to do.
    fn what_stopped(&self, error: &wasmtime::Error, host: &Host, last_words: Option<&str>) -> (Fault, String) {
        let limits = &self.rules.limits;
        let place = format!("under [limits] in plugins/{}/plugin.toml", self.rules.plugin);
        let trap = error.downcast_ref::<Trap>();
        let (kind, what) = match trap {
            Some(Trap::Interrupt) => {
                let ms = limits.event_ms;
                (
                    Fault::Loop,
                    format!("one event took more than {ms} ms of CPU: end the loop, or raise event_ms {place}"),
                )
            }
            _ if host.memory.was_refused => {
                let mb = limits.memory_mb;
                (
                    Fault::Memory,
                    format!(
                        "it wanted more than {mb} MiB of memory: keep less in variables, or raise memory_mb {place}"
                    ),
                )
            }
            Some(Trap::StackOverflow | Trap::MemoryOutOfBounds) => (
                Fault::Stack,
                format!(
                    "it reached outside of its memory ({error}), most often by calling itself too deeply: end the recursion"
                ),
            ),
            // Wasmtime's error for it has no name outside of wasmtime.
            _ if error.root_cause().to_string().contains("fuel allocated for hostcalls") => {
                let mb = HOSTCALL_BYTES_MAX / 1_048_576;
                (Fault::Output, format!("it gave more than {mb} MiB in one call: give less at once"))
            }
            _ => match last_words {
                Some(words) => (Fault::Trap, format!("it stopped itself: {words}")),
                None => (Fault::Trap, format!("it stopped itself: {}", error.root_cause())),
            },
        };
        let frames = error.downcast_ref::<WasmBacktrace>().map(WasmBacktrace::frames).unwrap_or_default();
        let names: Vec<String> =
            frames.iter().filter_map(|frame| own_name(frame.func_name()?)).take(FRAMES_MAX).collect();
        if names.is_empty() { (kind, what) } else { (kind, format!("{what} (in {})", names.join(" < "))) }
    }
}

impl Ran {
    fn not(kind: Fault, why: String, turn: Turn) -> Ran {
        Ran { answers: Err((kind, why)), turn: Some(turn), cpu_us: 0, memory_bytes: 0 }
    }
}

impl Handling {
    pub(crate) fn of(handled: Handled) -> Handling {
        Handling {
            handled,
            asked: Vec::new(),
            state: Vec::new(),
            log: Vec::new(),
            refused: Vec::new(),
            cpu_us: 0,
            memory_bytes: 0,
        }
    }
}

fn fault(kind: Fault, why: String) -> Handled {
    Handled::Fault { kind, why }
}

fn ticks(us: u64) -> u64 {
    us / TICK_US + 1
}

fn log(mut lines: Vec<(Level, String)>, left_out: u64) -> Vec<(Level, String)> {
    if left_out > 0 {
        lines.push((Level::Warn, format!("{left_out} more lines were not kept")));
    }
    lines
}

/// What the SDK logged before it gave up.
fn last_words(log: &[(Level, String)]) -> Option<&str> {
    log.last().filter(|(level, _)| *level == Level::Error).map(|(_, text)| text.as_str())
}

/// A function's name for people; `None` for what every plugin in Rust has.
fn own_name(mangled: &str) -> Option<String> {
    let name = format!("{:#}", rustc_demangle::demangle(mangled));
    let is_library = ["std::", "core::", "alloc::", "__rust"]
        .iter()
        .any(|library| name.strip_prefix('<').unwrap_or(&name).starts_with(library));
    (!is_library && !name.contains("__rustc")).then_some(name)
}
