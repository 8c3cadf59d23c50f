//! Passwords: argon2id with the crate's own costs, kept in the PHC string format. Pure but for the salt, which is chance.

use argon2::Argon2;
use argon2::password_hash::{PasswordHasher, PasswordVerifier, phc::PasswordHash};

/// Characters of a password at least.
pub const CHARS_MIN: usize = 10;
/// Bytes of a password at most: hashing a longer one costs more than anybody's.
pub const BYTES_MAX: usize = 1024;

/// What is kept of a password.
///
/// # Errors
/// It is too short or too long; there is no chance to be had.
pub fn hash(password: &str) -> Result<String, String> {
    if password.chars().count() < CHARS_MIN || password.len() > BYTES_MAX {
        return Err(format!("a password has at least {CHARS_MIN} characters, and at most {BYTES_MAX} bytes"));
    }
    let hashed = Argon2::default().hash_password(password.as_bytes()).map_err(|error| error.to_string())?;
    Ok(hashed.to_string())
}

/// Whether this is the password. Nobody's password takes as long as somebody's, so that time does not tell which logins there are.
#[must_use]
pub fn is_right(password: &str, kept: Option<&str>) -> bool {
    if password.len() > BYTES_MAX {
        return false;
    }
    let parsed = kept.and_then(|kept| PasswordHash::new(kept).ok());
    match parsed {
        Some(parsed) => Argon2::default().verify_password(password.as_bytes(), &parsed).is_ok(),
        None => {
            let _ = Argon2::default().hash_password(password.as_bytes());
            false
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_known_again_and_no_other() {
        let kept = hash("correct horse").unwrap();
        assert!(kept.starts_with("$argon2id$"), "{kept}");
        assert!(is_right("correct horse", Some(&kept)));
        assert!(!is_right("correct horsE", Some(&kept)));
        assert!(!is_right("correct horse", None));
        assert!(!is_right("correct horse", Some("nonsense")));
        assert_ne!(hash("correct horse").unwrap(), kept, "each has a salt of its own");
        assert_eq!(hash("short"), Err("a password has at least 10 characters, and at most 1024 bytes".to_owned()));
    }
}
