//! The register of the spool: one line of text in a file beside the log, replaced as a whole.

use std::fs::{self, File};
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow};
use stream::Register;
use stream::register::Unreadable;

/// The file. Whoever has the log has it.
pub(crate) struct RegisterFile {
    folder: PathBuf,
    path: PathBuf,
}

impl RegisterFile {
    pub(crate) fn beside(folder: &Path) -> RegisterFile {
        RegisterFile { folder: folder.to_owned(), path: folder.join("register") }
    }

    /// What was written last; `None` if nothing ever was.
    ///
    /// # Errors
    /// If it cannot be read, or is no register that this version understands.
    pub(crate) fn read(&self) -> Result<Option<Register>> {
        let path = self.path.display();
        let text = match fs::read(&self.path) {
            Ok(text) => text,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error).with_context(|| format!("{path}: cannot be read")),
        };
        match Register::from_text(&text) {
            Ok(register) => Ok(Some(register)),
            Err(Unreadable::NewerFormat(format)) => {
                Err(anyhow!("{path}: is of the newer format {format}; run the version of Ringback that wrote it"))
            }
            Err(Unreadable::Empty) => Err(self.damaged("it is empty")),
            Err(Unreadable::Damaged(what)) => Err(self.damaged(&what)),
        }
    }

    fn damaged(&self, what: &str) -> anyhow::Error {
        anyhow!(
            "{}: says how far the records of this folder are stored, and cannot be read: {what}; bring it back from a copy, or read the \
             records into another folder with `ringback demo --data`",
            self.path.display()
        )
    }

    /// Replaces it: after a crash at any moment it is the one before or this one, and after this it outlives a power cut.
    ///
    /// # Errors
    /// If the file system refuses.
    pub(crate) fn write(&self, text: &str) -> Result<()> {
        replace(&self.folder, &self.path, text.as_bytes())
            .with_context(|| format!("{}: cannot be written", self.path.display()))
    }
}

/// Replaces a file of this folder as a whole.
///
/// # Errors
/// If the file system refuses; the file is as it was or as it should be.
pub(crate) fn replace(folder: &Path, path: &Path, bytes: &[u8]) -> io::Result<()> {
    let new = path.with_extension("new");
    let mut file = File::create(&new)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(&new, path)?;
    File::open(folder)?.sync_all()
}
