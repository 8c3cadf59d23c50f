//! Builds the plugin in this folder, for tests and benches.

use std::path::{Path, PathBuf};
use std::process::Command;

/// The component of this folder, in this target folder. The toolchain has a linker that makes components; only the target has to be installed.
pub fn build(folder: &Path, target: &Path) -> PathBuf {
    let sysroot = Command::new("rustc").args(["--print", "sysroot"]).output().expect("rustc runs").stdout;
    let sysroot = String::from_utf8(sysroot).expect("a path");
    let tools = Path::new(sysroot.trim()).join("lib/rustlib/x86_64-unknown-linux-gnu/bin");
    let linker =
        format!("-Clinker-flavor=wasm-ld -Clink-arg=--wasm-ld-path={}", tools.join("gcc-ld/wasm-ld").display());
    let built = Command::new(env!("CARGO"))
        .args(["build", "--quiet", "--release", "--locked", "--target", "wasm32-unknown-unknown", "--manifest-path"])
        .arg(folder.join("Cargo.toml"))
        .arg("--target-dir")
        .arg(target)
        .env("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER", tools.join("wasm-component-ld"))
        .env("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUSTFLAGS", linker)
        .env_remove("RUSTFLAGS")
        .env_remove("CARGO_ENCODED_RUSTFLAGS")
        .status()
        .expect("cargo runs");
    assert!(built.success(), "the guest is not built: `rustup target add wasm32-unknown-unknown` adds what it needs");
    target.join("wasm32-unknown-unknown/release/guest.wasm")
}
