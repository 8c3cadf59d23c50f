//! What a component imports and exports, read from its bytes: the few sections that say so, in the component model's binary format.

/// Names of interfaces.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Interfaces {
    pub(super) imports: Vec<String>,
    pub(super) exports: Vec<String>,
}

/// A component's first bytes; a module's third pair is a 1, and its fourth a 0.
const PREAMBLE: [u8; 8] = [0x00, b'a', b's', b'm', 0x0d, 0x00, 0x01, 0x00];
const MODULE: [u8; 8] = [0x00, b'a', b's', b'm', 0x01, 0x00, 0x00, 0x00];
const IMPORTS: u8 = 10;
const EXPORTS: u8 = 11;

/// Reads them.
///
/// # Errors
/// Why the bytes are no component.
pub(super) fn interfaces(bytes: &[u8]) -> Result<Interfaces, String> {
    if bytes.starts_with(&MODULE) {
        return Err("it is a module and no component: the linker has to be wasm-component-ld".to_owned());
    }
    let mut rest = Bytes(bytes.strip_prefix(&PREAMBLE).ok_or("it is no component")?);
    let mut found = Interfaces::default();
    while !rest.0.is_empty() {
        let section = rest.byte()?;
        let length = rest.number()?;
        let mut body = Bytes(rest.take(length)?);
        match section {
            IMPORTS => {
                for _ in 0..body.number()? {
                    found.imports.push(body.name()?);
                    body.described()?;
                }
            }
            EXPORTS => {
                for _ in 0..body.number()? {
                    found.exports.push(body.name()?);
                    body.sort()?;
                    body.number()?;
                    // The type that it is exported as, where it says one.
                    if body.byte()? == 1 {
                        body.described()?;
                    }
                }
            }
            _ => {}
        }
    }
    Ok(found)
}

/// What is not read yet.
struct Bytes<'a>(&'a [u8]);

impl<'a> Bytes<'a> {
    fn take(&mut self, length: usize) -> Result<&'a [u8], String> {
        let (taken, rest) = self.0.split_at_checked(length).ok_or("it ends too early")?;
        self.0 = rest;
        Ok(taken)
    }

    fn byte(&mut self) -> Result<u8, String> {
        Ok(self.take(1)?.first().copied().unwrap_or_default())
    }

    /// LEB128, at most 32 bits.
    fn number(&mut self) -> Result<usize, String> {
        let mut number = 0_u64;
        for shift in (0..35).step_by(7) {
            let byte = self.byte()?;
            number |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return usize::try_from(number).map_err(|error| error.to_string());
            }
        }
        Err("a number is too long".to_owned())
    }

    fn text(&mut self) -> Result<&'a str, String> {
        let length = self.number()?;
        str::from_utf8(self.take(length)?).map_err(|_| "a name is no text".to_owned())
    }

    /// A name of an import or an export; what newer tools write behind it is passed over.
    fn name(&mut self) -> Result<String, String> {
        let form = self.byte()?;
        let name = self.text()?.to_owned();
        if form == 2 {
            for _ in 0..self.number()? {
                self.byte()?;
                self.text()?;
            }
        }
        Ok(name)
    }

    /// What kind of thing.
    fn sort(&mut self) -> Result<u8, String> {
        let sort = self.byte()?;
        // A core thing has a kind of its own.
        if sort == 0 {
            self.byte()?;
        }
        Ok(sort)
    }

    /// A kind of thing with its type.
    fn described(&mut self) -> Result<(), String> {
        match self.sort()? {
            // A value or a type is bound in one of two ways, of which only one has an index.
            sort @ (2 | 3) => {
                let bound = self.byte()?;
                if bound == 0 || sort == 2 {
                    self.number()?;
                }
            }
            _ => drop(self.number()?),
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Made by hand: one import of an instance, one section that is passed over, one export.
    fn bytes() -> Vec<u8> {
        let mut bytes = PREAMBLE.to_vec();
        bytes.extend([IMPORTS, 8, 1, 0, 3, b'a', b':', b'b', 5, 0]);
        bytes.extend([7, 2, 9, 9]);
        bytes.extend([EXPORTS, 9, 1, 0, 3, b'c', b':', b'd', 5, 1, 0]);
        bytes
    }

    #[test]
    fn names_are_read_and_the_rest_is_passed_over() {
        let found = Interfaces { imports: vec!["a:b".into()], exports: vec!["c:d".into()] };
        assert_eq!(interfaces(&bytes()), Ok(found));
    }

    #[test]
    fn what_is_no_component_is_said() {
        assert_eq!(interfaces(b"hello").unwrap_err(), "it is no component");
        assert!(interfaces(&MODULE).unwrap_err().contains("wasm-component-ld"));
        let whole = bytes();
        // Cut between sections, a part is whole by itself.
        let sections = [8, 18, 22];
        for length in (8..whole.len()).filter(|length| !sections.contains(length)) {
            assert!(interfaces(&whole[..length]).is_err(), "cut at {length}");
        }
    }
}
