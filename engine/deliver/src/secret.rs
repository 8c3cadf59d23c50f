//! Secrets that are kept in files: read at the start, never told.

use std::fmt;
use std::path::{Path, PathBuf};

/// A longer file holds no secret.
pub const SECRET_FILE_BYTES_MAX: u64 = 16 * 1024;

/// The lines of a file of secrets. Its `Debug` tells nothing.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret {
    lines: Vec<String>,
    warning: Option<String>,
}

impl Secret {
    /// Reads a file of secrets, one a line; a path that is not absolute begins in `folder`.
    ///
    /// # Errors
    /// The file and what is wrong with it; never what is in it.
    pub fn read(folder: &Path, file: &Path) -> Result<Secret, SecretError> {
        let path = folder.join(file);
        let told = |sentence: String| SecretError { file: path.clone(), sentence };
        let about = std::fs::metadata(&path).map_err(|error| told(format!("cannot be read: {error}")))?;
        if about.len() > SECRET_FILE_BYTES_MAX {
            return Err(told(format!(
                "has more than {SECRET_FILE_BYTES_MAX} bytes: give the file whose first line is the secret"
            )));
        }
        // The error of a file that is no text would show a part of it.
        let bytes = std::fs::read(&path).map_err(|error| told(format!("cannot be read: {error}")))?;
        let text = String::from_utf8(bytes).map_err(|_| told("is no text in UTF-8".to_owned()))?;
        let lines: Vec<String> =
            text.lines().map(|line| line.trim_end().to_owned()).filter(|line| !line.is_empty()).collect();
        if lines.is_empty() {
            return Err(told("is empty: write the secret into its first line".to_owned()));
        }
        Ok(Secret { lines, warning: readable_by_others(&about, &path) })
    }

    /// The first line.
    #[must_use]
    pub fn first(&self) -> &str {
        self.lines.first().map_or("", String::as_str)
    }

    /// Every line that is not empty.
    pub fn all(&self) -> impl Iterator<Item = &str> {
        self.lines.iter().map(String::as_str)
    }

    /// What an administrator should hear: that others may read the file.
    #[must_use]
    pub fn warning(&self) -> Option<&str> {
        self.warning.as_deref()
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret")
    }
}

/// Why a secret cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SecretError {
    /// The file.
    pub file: PathBuf,
    /// What is wrong with it, as the rest of a sentence that begins with its name.
    pub sentence: String,
}

impl fmt::Display for SecretError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the secret's file {} {}", self.file.display(), self.sentence)
    }
}

impl std::error::Error for SecretError {}

#[cfg(unix)]
fn readable_by_others(about: &std::fs::Metadata, path: &Path) -> Option<String> {
    use std::os::unix::fs::PermissionsExt;
    let path = path.display();
    (about.permissions().mode() & 0o007 != 0)
        .then(|| format!("every user of this machine may read the secret in {path}: chmod o= {path}"))
}

#[cfg(not(unix))]
fn readable_by_others(_: &std::fs::Metadata, _: &Path) -> Option<String> {
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_read_and_never_told() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("word");
        std::fs::write(&file, "swordfish \r\n\nsecond\n").unwrap();
        set_mode(&file, 0o600);
        let secret = Secret::read(folder.path(), Path::new("word")).unwrap();
        assert_eq!((secret.first(), secret.all().collect::<Vec<_>>()), ("swordfish", vec!["swordfish", "second"]));
        assert_eq!(format!("{secret:?}"), "Secret");
        assert_eq!(secret.warning(), None);
        set_mode(&file, 0o644);
        let warned = Secret::read(folder.path(), Path::new("word")).unwrap();
        let path = file.display();
        assert_eq!(
            warned.warning(),
            Some(format!("every user of this machine may read the secret in {path}: chmod o= {path}").as_str())
        );
        std::fs::write(&file, b"\xffswordfish").unwrap();
        let error = Secret::read(folder.path(), Path::new("word")).unwrap_err().to_string();
        assert_eq!(error, format!("the secret's file {path} is no text in UTF-8"));
        std::fs::write(&file, "\n").unwrap();
        let error = Secret::read(folder.path(), Path::new("word")).unwrap_err().to_string();
        assert_eq!(error, format!("the secret's file {path} is empty: write the secret into its first line"));
        let error = Secret::read(folder.path(), Path::new("other")).unwrap_err().to_string();
        assert!(error.contains("other cannot be read"), "{error}");
    }

    fn set_mode(file: &Path, mode: u32) {
        use std::os::unix::fs::PermissionsExt;
        std::fs::set_permissions(file, std::fs::Permissions::from_mode(mode)).unwrap();
    }
}
