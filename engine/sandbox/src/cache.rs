//! Compiled code between two starts. A file of it is machine code that nobody checks, so ours carry an HMAC under a key that only
//! this folder's owner can read; what does not agree is compiled again and never loaded.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use crate::load_error::{LoadError, LoadErrorKind};

const KEY_BYTES: usize = 32;
const TAG_BYTES: usize = 32;

/// A folder of compiled code.
pub(crate) struct Cache {
    folder: PathBuf,
    key: Vec<u8>,
}

impl Cache {
    pub(crate) fn open(folder: &Path) -> Result<Cache, LoadError> {
        let wrong = |error: io::Error| {
            let text = format!("the cache of compiled plugins, {}: {error}", folder.display());
            LoadError::new(LoadErrorKind::Host, text)
        };
        fs::DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(wrong)?;
        let path = folder.join("key");
        if !path.exists() {
            make_key(folder, &path).map_err(wrong)?;
        }
        let mode = fs::metadata(&path).map_err(wrong)?.permissions().mode();
        if mode & 0o077 != 0 {
            let text = format!(
                "{} can be read by others (mode {:o}): delete that folder, a new one is made",
                path.display(),
                mode & 0o777
            );
            return Err(LoadError::new(LoadErrorKind::Host, text));
        }
        let key = fs::read(&path).map_err(wrong)?;
        if key.len() != KEY_BYTES {
            let text = format!("{} has not {KEY_BYTES} bytes: delete it, a new one is made", path.display());
            return Err(LoadError::new(LoadErrorKind::Host, text));
        }
        Ok(Cache { folder: folder.to_owned(), key })
    }

    /// The compiled code of this name, if it is there and ours.
    pub(crate) fn get(&self, name: &str) -> Option<Vec<u8>> {
        let mut bytes = fs::read(self.path(name)).ok()?;
        let tag = bytes.split_off(bytes.len().checked_sub(TAG_BYTES)?);
        self.mac(name, &bytes)?.verify_slice(&tag).ok()?;
        Some(bytes)
    }

    /// Keeps compiled code. Where that fails the next start compiles again, so nobody has to know.
    pub(crate) fn put(&self, name: &str, bytes: &[u8]) {
        let Some(mac) = self.mac(name, bytes) else { return };
        let path = self.path(name);
        let temporary = self.folder.join(format!("{name}.{}", std::process::id()));
        let written = private(&temporary).and_then(|mut file| {
            file.write_all(bytes)?;
            file.write_all(&mac.finalize().into_bytes())?;
            fs::rename(&temporary, &path)
        });
        if written.is_err() {
            let _ = fs::remove_file(&temporary);
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.join(format!("{name}.cwasm"))
    }

    /// Over the name too: the code of another plugin is as wrong as a changed one.
    fn mac(&self, name: &str, bytes: &[u8]) -> Option<Hmac<Sha256>> {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.key).ok()?;
        mac.update(name.as_bytes());
        mac.update(&[0]);
        mac.update(bytes);
        Some(mac)
    }
}

/// Of two processes that begin together, one makes the key that both use.
fn make_key(folder: &Path, path: &Path) -> io::Result<()> {
    let mut key = [0; KEY_BYTES];
    getrandom::fill(&mut key).map_err(|error| io::Error::other(error.to_string()))?;
    let temporary = folder.join(format!("key.{}", std::process::id()));
    private(&temporary)?.write_all(&key)?;
    let linked = fs::hard_link(&temporary, path);
    fs::remove_file(&temporary)?;
    match linked {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        linked => linked,
    }
}

fn private(path: &Path) -> io::Result<File> {
    OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_was_put_is_got() {
        let folder = tempfile::tempdir().unwrap();
        let cache = Cache::open(folder.path()).unwrap();
        assert_eq!(cache.get("a"), None);
        cache.put("a", b"code");
        assert_eq!(cache.get("a").as_deref(), Some(&b"code"[..]));
        assert_eq!(Cache::open(folder.path()).unwrap().get("a").as_deref(), Some(&b"code"[..]), "another start has it");
        fs::copy(cache.path("a"), cache.path("b")).unwrap();
        assert_eq!(cache.get("b"), None, "under another name it is another one's");
        let whole = fs::read(cache.path("a")).unwrap();
        for at in 0..whole.len() {
            let mut changed = whole.clone();
            changed[at] ^= 1;
            fs::write(cache.path("a"), changed).unwrap();
            assert_eq!(cache.get("a"), None, "byte {at} was flipped");
        }
        for length in 0..whole.len() {
            fs::write(cache.path("a"), &whole[..length]).unwrap();
            assert_eq!(cache.get("a"), None, "cut to {length} bytes");
        }
    }

    #[test]
    fn a_key_that_others_can_read_is_no_key() {
        let folder = tempfile::tempdir().unwrap();
        Cache::open(folder.path()).unwrap();
        let key = folder.path().join("key");
        assert_eq!(fs::metadata(&key).unwrap().permissions().mode() & 0o777, 0o600);
        fs::set_permissions(&key, fs::Permissions::from_mode(0o640)).unwrap();
        let error = Cache::open(folder.path()).err().unwrap().to_string();
        assert!(error.contains("can be read by others (mode 640): delete that folder"), "{error}");
    }
}
