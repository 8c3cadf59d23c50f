//! The names of calls that Ringback has a PBX place, so that their records are known when they come back.

/// The unique id of a channel that Ringback had a PBX make begins so.
pub const OWN_PREFIX: &str = "rb-";

/// The account of calls that Ringback had a PBX place.
pub const OWN_ACCOUNT: &str = "ringback";

/// The user field of their records begins so.
pub(crate) const OWN_USER_FIELD: &str = "rb:";

/// Hexadecimal digits of an action's key that go into the name of its call.
const KEY_DIGITS: usize = 16;

/// The name of the `nth` call that is placed for an action, `at_ms` (UTC): `rb-KEY-SECONDS.NTH`.
///
/// It has the form of a unique id of Asterisk's with a system name before it, so that everything that reads such ids reads it,
/// and 32 bytes, since the tables of some installations hold no more.
#[must_use]
pub fn call_name(action_key: &str, at_ms: i64, nth: u32) -> String {
    let digits = action_key.rsplit(':').next().unwrap_or_default();
    let mut key: String =
        digits.chars().filter(char::is_ascii_hexdigit).take(KEY_DIGITS).collect::<String>().to_ascii_lowercase();
    while key.len() < KEY_DIGITS {
        key.push('0');
    }
    format!("{OWN_PREFIX}{key}-{}.{}", at_ms.div_euclid(1000).max(0), nth % 10)
}

/// True for what the records of such a call hold: its unique id, its account or its user field.
#[must_use]
pub fn is_own(unique_id: &[u8], account: &[u8], user_field: &[u8]) -> bool {
    unique_id.starts_with(OWN_PREFIX.as_bytes())
        || account == OWN_ACCOUNT.as_bytes()
        || user_field.starts_with(OWN_USER_FIELD.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_a_unique_id_that_fits_a_short_column() {
        let name = call_name("call_back:00ff00ff00ff00ff1111111111111111", 1_795_382_848_957, 2);
        assert_eq!(name, "rb-00ff00ff00ff00ff-1795382848.2");
        assert_eq!(name.len(), 32);
        assert!(is_own(name.as_bytes(), b"", b""));
        assert!(is_own(b"1795382848.2", b"ringback", b""));
        assert!(is_own(b"", b"", b"rb:00ff"));
        assert!(!is_own(b"1795382848.2", b"101", b"r"));
    }

    #[test]
    fn a_key_of_another_form_gives_a_name_all_the_same() {
        assert_eq!(call_name("x\r\nAction: Logoff", 0, 13), "rb-ff00000000000000-0.3");
    }
}
