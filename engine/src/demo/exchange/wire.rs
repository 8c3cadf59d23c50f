//! The manager interface from the exchange's side: commands in, answers and events out. Pure.
//!
//! A command is lines of `Field: value`, ended by an empty one; what is told looks the same.

/// A longer command is none.
const COMMAND_BYTES_MAX: usize = 64 * 1024;

/// What the exchange says before anything else.
pub(crate) const BANNER: &[u8] = b"Asterisk Call Manager/11.0.0\r\n";

/// One command.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Told(Vec<(String, String)>);

impl Told {
    /// The first value of this field; empty where there is none.
    pub(crate) fn get(&self, field: &str) -> &str {
        self.0.iter().find(|(name, _)| name.eq_ignore_ascii_case(field)).map_or("", |(_, value)| value)
    }

    /// All values of this field.
    pub(crate) fn all<'t>(&'t self, field: &'t str) -> impl Iterator<Item = &'t str> {
        self.0.iter().filter(move |(name, _)| name.eq_ignore_ascii_case(field)).map(|(_, value)| value.as_str())
    }
}

/// Bytes as they come to commands.
#[derive(Default)]
pub(crate) struct Commands {
    rest: Vec<u8>,
}

/// The other side sends something else than commands.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct NoCommand;

impl Commands {
    /// Takes bytes, and gives the commands that are whole by now.
    ///
    /// # Errors
    /// If one is too long; then the connection is of no use any more.
    pub(crate) fn push(&mut self, bytes: &[u8]) -> Result<Vec<Told>, NoCommand> {
        self.rest.extend_from_slice(bytes);
        let mut whole = Vec::new();
        while let Some(end) = self.rest.windows(4).position(|four| four == b"\r\n\r\n") {
            let text = String::from_utf8_lossy(&self.rest[..end]).into_owned();
            self.rest.drain(..end + 4);
            let field = |line: &str| {
                let (name, value) = line.split_once(':')?;
                Some((name.trim().to_owned(), value.trim().to_owned()))
            };
            whole.push(Told(text.lines().filter_map(field).collect()));
        }
        if self.rest.len() > COMMAND_BYTES_MAX { Err(NoCommand) } else { Ok(whole) }
    }
}

/// An answer or an event, as it goes over the wire.
pub(crate) fn written(fields: &[(&str, &str)]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for (name, value) in fields {
        bytes.extend_from_slice(format!("{name}: {value}\r\n").as_bytes());
    }
    bytes.extend_from_slice(b"\r\n");
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_are_whole_however_they_are_cut() {
        let bytes =
            b"Action: Ping\r\nActionID: a\r\n\r\nAction: Originate\r\nVariable: A=1\r\nVariable: B=2\r\n\r\nAction: La";
        for cut in 0..bytes.len() {
            let mut commands = Commands::default();
            let mut told = commands.push(&bytes[..cut]).unwrap();
            told.extend(commands.push(&bytes[cut..]).unwrap());
            assert_eq!(told.len(), 2, "cut at {cut}");
            assert_eq!((told[0].get("action"), told[0].get("ActionID"), told[0].get("x")), ("Ping", "a", ""));
            assert_eq!(told[1].all("Variable").collect::<Vec<_>>(), ["A=1", "B=2"]);
        }
        assert_eq!(Commands::default().push(&vec![b'x'; COMMAND_BYTES_MAX + 1]), Err(NoCommand));
    }
}
