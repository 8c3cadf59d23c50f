//! Rule R4: what is done with a batch that may be stored already.

/// What the tables have of a batch's rows, and what should be done.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Redo {
    /// All are there: nothing is sent.
    Done,
    /// It is sent, with its token.
    Send,
    /// Some are there, and it is too long ago to trust the server's memory of tokens.
    Stop,
}

/// Decides. `found` rows of the `expected` ones are there; `inserts_since` other inserts went into the table since the first try, of
/// the `window` tokens that the server remembers.
#[must_use]
pub fn decide(found: u64, expected: u64, inserts_since: u64, window: u64) -> Redo {
    if found == expected {
        Redo::Done
    } else if found == 0 || inserts_since <= window / 10 {
        Redo::Send
    } else {
        Redo::Stop
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_there_is_not_sent_and_a_part_only_while_the_token_is_remembered() {
        assert_eq!(decide(5, 5, 1_000_000, 100), Redo::Done);
        assert_eq!(decide(0, 0, 0, 100), Redo::Done);
        assert_eq!(decide(0, 5, 1_000_000, 100), Redo::Send);
        assert_eq!(decide(3, 5, 10, 100), Redo::Send);
        assert_eq!(decide(3, 5, 11, 100), Redo::Stop);
    }
}
