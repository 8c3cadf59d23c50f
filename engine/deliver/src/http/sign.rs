//! Signatures of Standard Webhooks 1: HMAC-SHA256 over id, timestamp and body. Pure.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

/// How long a secret is, in bytes, by the specification.
const SECRET_BYTES: std::ops::RangeInclusive<usize> = 24..=64;

/// Secrets that sign side by side.
const SECRETS_MAX: usize = 4;

const EXPECTED: &str =
    "write `whsec_` and the base64 of 24 to 64 bytes, as `echo whsec_$(openssl rand -base64 32)` prints";

/// The secrets of one webhook. Its `Debug` tells nothing.
pub(crate) struct Signer {
    secrets: Vec<Vec<u8>>,
}

impl Signer {
    /// From the lines of a secret's file.
    ///
    /// # Errors
    /// What would have worked; nothing of the secret.
    pub(crate) fn read<'l>(lines: impl Iterator<Item = &'l str>) -> Result<Signer, String> {
        let mut secrets = Vec::new();
        for line in lines {
            let secret = line.strip_prefix("whsec_").and_then(|text| STANDARD.decode(text).ok());
            secrets.push(secret.filter(|s| SECRET_BYTES.contains(&s.len())).ok_or(EXPECTED)?);
        }
        match secrets.len() {
            0 => Err(EXPECTED.to_owned()),
            1..=SECRETS_MAX => Ok(Signer { secrets }),
            more => Err(format!("has {more} secrets, and at most {SECRETS_MAX} sign")),
        }
    }

    /// The header `webhook-signature`: one signature for each secret. The timestamp is in seconds since 1970.
    pub(crate) fn sign(&self, id: &str, timestamp_s: i64, body: &[u8]) -> String {
        let signed = self.secrets.iter().filter_map(|secret| {
            // A key of any length is taken: there is no error.
            let mut mac = Hmac::<Sha256>::new_from_slice(secret).ok()?;
            mac.update(format!("{id}.{timestamp_s}.").as_bytes());
            mac.update(body);
            Some(format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes())))
        });
        signed.collect::<Vec<_>>().join(" ")
    }
}

impl std::fmt::Debug for Signer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Signer")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of the specification's own libraries.
    #[test]
    fn it_signs_as_the_specification_does() {
        let secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
        let body = br#"{"test": 2432232314}"#;
        let signature =
            Signer::read([secret].into_iter()).unwrap().sign("msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, body);
        assert_eq!(signature, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
        let two = Signer::read([secret, secret].into_iter()).unwrap().sign(
            "msg_p5jXN8AQM9LWM0D4loKWxJek",
            1_614_265_330,
            body,
        );
        assert_eq!(two, format!("{signature} {signature}"));
    }

    #[test]
    fn what_is_no_secret_is_refused_and_not_told() {
        for wrong in
            ["", "swordfish", "whsec_", "whsec_swordfish", "whsec_c3dvcmRmaXNo", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"]
        {
            assert_eq!(Signer::read([wrong].into_iter()).map(|_| ()).unwrap_err(), EXPECTED);
        }
        assert_eq!(Signer::read(std::iter::empty()).map(|_| ()).unwrap_err(), EXPECTED);
    }
}
