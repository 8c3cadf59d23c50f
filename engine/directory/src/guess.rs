//! Lines of a site file that nobody wrote: whoever guessed them said beside them what from.

/// How a comment begins that says so.
const GUESSED: &str = "guessed from ";

/// A line of the site file that was guessed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Guess {
    /// Its number, from 1.
    pub line: usize,
    /// What it says, without the comment.
    pub text: String,
    /// What it was guessed from, for people: `412 records`.
    pub from: String,
}

/// Every line with a comment that says that it was guessed.
pub(crate) fn guesses(text: &str) -> Vec<Guess> {
    let guess = |(line, text): (usize, &str)| {
        let (told, comment) = text.split_at(comment_at(text)?);
        let from = comment.trim_start_matches('#').trim().strip_prefix(GUESSED)?;
        Some(Guess { line, text: told.trim().to_owned(), from: from.to_owned() })
    };
    (1..).zip(text.lines()).filter_map(guess).collect()
}

/// Where the comment of a line begins: at the first number sign that is in no string. Strings of several lines are not looked into.
fn comment_at(line: &str) -> Option<usize> {
    let mut within: Option<char> = None;
    let mut is_escaped = false;
    for (at, c) in line.char_indices() {
        match within {
            None if c == '#' => return Some(at),
            None if matches!(c, '"' | '\'') => within = Some(c),
            Some('"') if c == '\\' && !is_escaped => {
                is_escaped = true;
                continue;
            }
            Some(quote) if c == quote && !is_escaped => within = None,
            _ => {}
        }
        is_escaped = false;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_guessed_is_told_with_what_from() {
        let text = "tenant = \"a # guessed from nothing\"\nzone = \"Europe/Kyiv\" # guessed from the clock of this machine\n\
            # guessed from 9 records\nname = 'b\\' # of hand\nid = \"q\\\"#\" # guessed from 412 records\n";
        let told: Vec<(usize, String, String)> =
            guesses(text).into_iter().map(|guess| (guess.line, guess.text, guess.from)).collect();
        let one = |line, text: &str, from: &str| (line, text.to_owned(), from.to_owned());
        assert_eq!(
            told,
            [
                one(2, "zone = \"Europe/Kyiv\"", "the clock of this machine"),
                one(3, "", "9 records"),
                one(5, "id = \"q\\\"#\"", "412 records"),
            ]
        );
    }
}
