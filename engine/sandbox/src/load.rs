//! A folder with `plugin.toml` and `plugin.wasm` to a plugin that can run. Everything that can be wrong is found here, and said with
//! what to do.

use std::fs;
use std::hash::{Hash, Hasher};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::Arc;

use sha2::{Digest, Sha256};
use wasmtime::Engine;
use wasmtime::component::Component;
use wasmtime::component::types::ComponentItem;

use crate::contract::PluginPre;
use crate::engine::Sandbox;
use crate::grants::{Granted, Grants};
use crate::host::Rules;
use crate::limits::bytes;
use crate::load_error::{LoadError, LoadErrorKind};
use crate::manifest::Manifest;
use crate::plugin::{Code, Plugin};

/// How the interfaces of the contract are called.
const OURS: &str = "ringback:plugin/";

/// What the contract's version here is.
const VERSION: &str = "1.0.0";

const WASM_MAGIC: &[u8] = b"\0asm";
/// After the magic: a component and not a module.
const COMPONENT_VERSION: &[u8] = &[0x0d, 0, 1, 0];
const WASM_PAGE_BYTES: u64 = 65_536;

impl Sandbox {
    /// Loads the plugin of a folder, with what `[plugin.NAME.settings]` and `[plugin.NAME.grants]` say.
    ///
    /// # Errors
    /// What is wrong, in which file, and what to do.
    pub fn load(&self, folder: &Path, settings: &toml::Table, granted: &toml::Table) -> Result<Plugin, LoadError> {
        let wrong = |path: &Path, error: &std::io::Error, advice: &str| {
            LoadError::new(LoadErrorKind::File, format!("{}: {error}{advice}", path.display()))
        };
        let path = folder.join("plugin.toml");
        let manifest = fs::read_to_string(&path).map_err(|error| wrong(&path, &error, ""))?;
        let path = folder.join("plugin.wasm");
        let advice = format!(": build it with `ringback plugin build {}`", folder.display());
        let size = fs::metadata(&path).map_err(|error| wrong(&path, &error, &advice))?.len();
        self.check_size(size)?;
        let wasm = fs::read(&path).map_err(|error| wrong(&path, &error, &advice))?;
        let plugin = self.load_bytes(&manifest, &wasm, settings, granted)?;
        let name = &plugin.manifest().name;
        if folder.file_name().is_some_and(|folder| folder != name.as_str()) {
            let text = format!("{}: its name in plugin.toml is {name}: rename one of them", folder.display());
            return Err(LoadError::new(LoadErrorKind::Manifest, text));
        }
        Ok(plugin)
    }

    /// Loads a plugin from what its two files hold.
    ///
    /// # Errors
    /// What is wrong, where, and what to do.
    pub fn load_bytes(
        &self,
        manifest: &str,
        wasm: &[u8],
        settings: &toml::Table,
        granted: &toml::Table,
    ) -> Result<Plugin, LoadError> {
        let manifest = Manifest::read(manifest)?;
        let rules = rules(self, &manifest, settings, granted)?;
        self.check_size(u64::try_from(wasm.len()).unwrap_or(u64::MAX))?;
        let sha256 = hex(&Sha256::digest(wasm));
        let (component, was_compiled) = self.component(wasm, &sha256)?;
        check_imports(&self.inner.engine, &component)?;
        self.check_pool(&component)?;
        let other = |error: wasmtime::Error| built_against(&format!("{error:#}"));
        let pre = self.inner.linker.instantiate_pre(&component).map_err(other)?;
        let pre = PluginPre::new(pre).map_err(other)?;
        let code = Code { sandbox: self.clone(), pre, manifest, sha256, was_compiled };
        Plugin::start(Arc::new(code), Arc::new(rules))
    }

    fn check_size(&self, size: u64) -> Result<(), LoadError> {
        let kb_max = self.inner.limits.component_kb_max;
        if size > u64::try_from(bytes(kb_max, 1_024)).unwrap_or(u64::MAX) {
            let text = format!(
                "plugin.wasm has {} KiB, the engine allows {kb_max}: strip it, or raise component_kb_max under [sandbox] in engine.toml",
                size.div_ceil(1_024)
            );
            return Err(LoadError::new(LoadErrorKind::TooLarge, text));
        }
        Ok(())
    }

    /// From the cache, else compiled; true: it was compiled.
    fn component(&self, wasm: &[u8], sha256: &str) -> Result<(Component, bool), LoadError> {
        let engine = &self.inner.engine;
        check_header(wasm)?;
        let mut hasher = Fnv(0xcbf2_9ce4_8422_2325);
        engine.precompile_compatibility_hash().hash(&mut hasher);
        let name = format!("{sha256}-{:016x}", hasher.finish());
        if let Some(compiled) = self.inner.cache.as_ref().and_then(|cache| cache.get(&name)) {
            // SAFETY: these bytes were made by `serialize` of this very version and settings, as their name says, and nobody without
            // the cache's key can have changed them since: their HMAC was checked on what is in memory here.
            if let Ok(component) = unsafe { Component::deserialize(engine, &compiled) } {
                return Ok((component, false));
            }
        }
        // A compiler that panics on a component must not take the engine with it.
        let compiled = catch_unwind(AssertUnwindSafe(|| Component::from_binary(engine, wasm)));
        let component = match compiled {
            Ok(Ok(component)) => component,
            // Wasmtime's error for it has no name outside of wasmtime.
            Ok(Err(error)) if format!("{error:#}").contains("pooling allocator") => {
                let why = too_large_for_the_pool(&error.root_cause().to_string());
                return Err(LoadError::new(LoadErrorKind::Limits, why));
            }
            Ok(Err(error)) => {
                let text = format!(
                    "plugin.wasm is damaged or not understood ({error:#}): build it again with ringback plugin build"
                );
                return Err(LoadError::new(LoadErrorKind::NotAComponent, text));
            }
            Err(_) => {
                let text = "the compiler gave up on plugin.wasm: build it again with ringback plugin build; if that does not help, tell us";
                return Err(LoadError::new(LoadErrorKind::Compile, text));
            }
        };
        if let Some(cache) = &self.inner.cache
            && let Ok(bytes) = component.serialize()
        {
            cache.put(&name, &bytes);
        }
        Ok((component, true))
    }

    /// It fits into its places of the pool; compiled code of the cache may be from a time when there was more.
    fn check_pool(&self, component: &Component) -> Result<(), LoadError> {
        let needs = component.resources_required();
        let pages = needs.and_then(|needs| needs.max_initial_memory_size).unwrap_or(0);
        let memory_bytes = pages.saturating_mul(WASM_PAGE_BYTES);
        if memory_bytes > u64::try_from(bytes(self.inner.limits.memory_mb_max, 1_048_576)).unwrap_or(u64::MAX) {
            let why = format!("a memory has a minimum byte size of {memory_bytes}, which exceeds the limit");
            return Err(LoadError::new(LoadErrorKind::Limits, too_large_for_the_pool(&why)));
        }
        Ok(())
    }
}

/// What holds for the plugin, from its manifest and the settings.
pub(crate) fn rules(
    sandbox: &Sandbox,
    manifest: &Manifest,
    settings: &toml::Table,
    granted: &toml::Table,
) -> Result<Rules, LoadError> {
    let limits = &sandbox.inner.limits;
    manifest.limits.check(&manifest.name, limits)?;
    let settings = manifest.settings(settings)?;
    let wrong = |why: String| {
        let text = format!("[plugin.{}.grants] in engine.toml: {why}", manifest.name);
        LoadError::new(LoadErrorKind::Grants, text)
    };
    let allowed: Grants = granted.clone().try_into().map_err(|error: toml::de::Error| wrong(error.to_string()))?;
    allowed.check().map_err(wrong)?;
    Ok(Rules {
        plugin: manifest.name.clone(),
        settings,
        granted: Granted { plugin: manifest.name.clone(), asked: manifest.grants.clone(), allowed },
        limits: manifest.limits.clone(),
        log_lines_max: usize::try_from(limits.log_lines_max).unwrap_or(usize::MAX),
    })
}

fn too_large_for_the_pool(why: &str) -> String {
    format!(
        "it does not fit into its place in the engine ({why}): build it with less memory, \
         or raise memory_mb_max under [sandbox] in engine.toml"
    )
}

/// Its types are not those of the contract here; `why` names what does not fit.
pub(crate) fn built_against(why: &str) -> LoadError {
    let text = format!(
        "it was built against another contract than {VERSION} ({why}): \
         rebuild it with ringback plugin build, or take the engine that it was built for"
    );
    LoadError::new(LoadErrorKind::Contract, text)
}

/// What can be told from the first bytes.
fn check_header(wasm: &[u8]) -> Result<(), LoadError> {
    let text = if Engine::detect_precompiled(wasm).is_some() {
        "plugin.wasm is compiled code of an engine, which nobody can check: give the component itself, as ringback plugin build makes it"
    } else if !wasm.starts_with(WASM_MAGIC) {
        "plugin.wasm is no WebAssembly: build it with ringback plugin build"
    } else if wasm.get(4..8) != Some(COMPONENT_VERSION) {
        "plugin.wasm is a module and not a component: build it with ringback plugin build, which makes one"
    } else {
        return Ok(());
    };
    Err(LoadError::new(LoadErrorKind::NotAComponent, text))
}

/// It wants nothing but the contract.
fn check_imports(engine: &Engine, component: &Component) -> Result<(), LoadError> {
    let component = component.component_type();
    let imports = || component.imports(engine).map(|(name, _)| name.to_owned());
    let wasi: Vec<String> = imports().filter(|name| name.starts_with("wasi:")).collect();
    if !wasi.is_empty() {
        let text = format!(
            "it wants {}, and plugins have no WASI: build it with ringback plugin build, which uses the target \
             wasm32-unknown-unknown for Rust and leaves WASI out for other languages",
            wasi.join(", ")
        );
        return Err(LoadError::new(LoadErrorKind::Wasi, text));
    }
    if let Some(other) = imports().find(|name| !name.starts_with(OURS)) {
        let text = format!(
            "it wants {other}, which is not of the contract {OURS}*@{VERSION}: rebuild it with ringback plugin build"
        );
        return Err(LoadError::new(LoadErrorKind::Contract, text));
    }
    // Other exports are left alone: a runtime may have some of its own.
    let handles = component.exports(engine).any(|(name, item)| {
        name.starts_with("ringback:plugin/handler@") && matches!(item.ty, ComponentItem::ComponentInstance(_))
    });
    if !handles {
        let text = "it has no ringback:plugin/handler, so nothing can be told to it: export it, and rebuild it with ringback plugin build";
        return Err(LoadError::new(LoadErrorKind::Contract, text));
    }
    Ok(())
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// A hash that is the same in every process, which the standard library does not promise.
struct Fnv(u64);

impl Hasher for Fnv {
    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }

    fn finish(&self) -> u64 {
        self.0
    }
}
