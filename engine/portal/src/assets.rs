//! What pages load: the style sheet, and the browser's scripts. Each has its hash in its address, so that it is kept for ever.

use std::sync::LazyLock;

use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use sha2::{Digest, Sha256};

/// A file of the pages.
pub(crate) struct Asset {
    name: &'static str,
    kind: &'static str,
    bytes: &'static [u8],
    /// Its address.
    pub(crate) address: String,
}

macro_rules! fetched {
    ($name:literal) => {
        include_bytes!(concat!(env!("OUT_DIR"), "/", $name))
    };
}

/// All of them.
pub(crate) static ASSETS: LazyLock<Vec<Asset>> = LazyLock::new(|| {
    vec![
        asset("style.css", "text/css; charset=utf-8", include_bytes!("../assets/style.css")),
        asset("icon.svg", "image/svg+xml", include_bytes!("../assets/icon.svg")),
        asset("htmx.js", "text/javascript; charset=utf-8", fetched!("htmx.js")),
        asset("hx-sse.js", "text/javascript; charset=utf-8", fetched!("hx-sse.js")),
        asset("keys.js", "text/javascript; charset=utf-8", include_bytes!("../assets/keys.js")),
    ]
});

fn asset(name: &'static str, kind: &'static str, bytes: &'static [u8]) -> Asset {
    let hash: String = Sha256::digest(bytes).iter().take(8).map(|byte| format!("{byte:02x}")).collect();
    Asset { name, kind, bytes, address: format!("/assets/{hash}/{name}") }
}

/// The address of one; empty text where the binary was built without it.
pub(crate) fn address(name: &str) -> &'static str {
    ASSETS.iter().find(|asset| asset.name == name && !asset.bytes.is_empty()).map_or("", |asset| &asset.address)
}

/// Gives it, if there is one at this address.
pub(crate) fn answer(path: &str) -> Response {
    let Some(asset) = ASSETS.iter().find(|asset| asset.address == path) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    const FOR_EVER: &str = "public, max-age=31536000, immutable";
    ([(header::CONTENT_TYPE, asset.kind), (header::CACHE_CONTROL, FOR_EVER)], asset.bytes).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_scripts_are_there_and_small() {
        for asset in ASSETS.iter() {
            assert!(!asset.bytes.is_empty(), "{} was not fetched: npm is needed to build the portal whole", asset.name);
            assert!(asset.bytes.len() < 60_000, "{} has {} bytes", asset.name, asset.bytes.len());
        }
    }
}
