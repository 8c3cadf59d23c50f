//! What a browser or a program holds: random bytes, of which the office has the hash only; and what forms carry, made of it.

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

/// The SHA-256 of a secret, in hexadecimal digits: what the office knows of it.
#[must_use]
pub fn hash(secret: &str) -> String {
    Sha256::digest(secret.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// So many bytes that nobody guesses, as text.
///
/// # Errors
/// The machine has no chance to give.
pub fn new(bytes: usize) -> Result<String, String> {
    let mut secret = vec![0_u8; bytes];
    getrandom::fill(&mut secret).map_err(|error| format!("no chance to be had: {error}"))?;
    Ok(BASE64_URL_SAFE_NO_PAD.encode(secret))
}

/// What the forms of a sign-in carry: nobody makes it who does not have the sign-in's secret.
pub(crate) fn csrf(secret: &str) -> String {
    // A key of any length is taken.
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(secret.as_bytes()) else { return String::new() };
    mac.update(b"form");
    BASE64_URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes())
}

/// Whether two secrets are the same, in a time that does not tell where they differ.
pub(crate) fn is_same(a: &str, b: &str) -> bool {
    !a.is_empty() && a.len() == b.len() && bool::from(a.as_bytes().ct_eq(b.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_carry_what_only_their_sign_in_makes() {
        assert_eq!(hash("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
        assert!(is_same(&csrf("one"), &csrf("one")));
        assert!(!is_same(&csrf("one"), &csrf("two")));
        assert!(!is_same("", ""));
        assert_ne!(csrf("one"), hash("one"));
    }
}
