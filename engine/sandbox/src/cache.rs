//! Compiled code between two starts. A file of it is machine code that nobody checks, so ours carry an HMAC under a key that only
//! this folder's owner can read; what does not agree is compiled again and never loaded.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use crate::load_error::{LoadError, LoadErrorKind};

const KEY_BYTES: usize = 32;
const TAG_BYTES: usize = 32;

/// What no start has used for so long is taken away.
const UNUSED_MAX: Duration = Duration::from_secs(30 * 86_400);

/// All compiled code together; above it, what was used longest ago goes first.
const BYTES_MAX: u64 = 1 << 30;

/// What was being written longer ago than this is of a process that died.
const WRITING_MAX: Duration = Duration::from_secs(3600);

/// How compiled code ends.
const COMPILED: &str = "cwasm";

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
        let mut file = File::open(self.path(name)).ok()?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes).ok()?;
        let tag = bytes.split_off(bytes.len().checked_sub(TAG_BYTES)?);
        self.mac(name, &bytes)?.verify_slice(&tag).ok()?;
        // When it was written says when it was used last; where that cannot be noted it goes earlier.
        let _ = file.set_modified(SystemTime::now());
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
        // The folder grows only here.
        self.tidy(&path, SystemTime::now());
    }

    /// Takes away what is used no more. Other processes may do the same at once, and read what is taken away: who has opened a file
    /// reads it to its end, and who finds none compiles again.
    fn tidy(&self, new: &Path, now: SystemTime) {
        let Ok(entries) = fs::read_dir(&self.folder) else { return };
        let files = entries.filter_map(|entry| {
            let entry = entry.ok()?;
            let about = entry.metadata().ok()?;
            Some(Kept { path: entry.path(), bytes: about.len(), used_at: about.modified().ok()? })
        });
        let files = files.filter(|file| file.path != new).collect();
        let new_bytes = fs::metadata(new).map_or(0, |about| about.len());
        for path in out_of_use(files, now, BYTES_MAX.saturating_sub(new_bytes)) {
            let _ = fs::remove_file(path);
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.join(format!("{name}.{COMPILED}"))
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

/// A file of the folder.
#[derive(Clone, Debug)]
struct Kept {
    path: PathBuf,
    bytes: u64,
    used_at: SystemTime,
}

/// The files that nobody needs: unused for too long, or more than `bytes_max` together, or left by a process that died while it wrote.
fn out_of_use(mut files: Vec<Kept>, now: SystemTime, bytes_max: u64) -> Vec<PathBuf> {
    files.sort_by(|a, b| b.used_at.cmp(&a.used_at).then_with(|| a.path.cmp(&b.path)));
    // A moment in the future is now: clocks are set back.
    let unused = |file: &Kept| now.duration_since(file.used_at).unwrap_or_default();
    let mut bytes: u64 = 0;
    let is_out = |file: &Kept| match file.path.extension().and_then(|end| end.to_str()) {
        Some(COMPILED) => {
            bytes = bytes.saturating_add(file.bytes);
            bytes > bytes_max || unused(file) > UNUSED_MAX
        }
        Some(end) if end.bytes().all(|letter| letter.is_ascii_digit()) => unused(file) > WRITING_MAX,
        // The key, and what is not ours.
        _ => false,
    };
    files.into_iter().filter(is_out).map(|file| file.path).collect()
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
    fn what_is_used_no_more_goes() {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000);
        let kept = |name: &str, bytes: u64, ago: Duration| Kept { path: name.into(), bytes, used_at: now - ago };
        let hours = |hours: u64| Duration::from_secs(hours * 3600);
        let files = vec![
            kept("key", 32, hours(10_000)),
            kept("notes.txt", 5, hours(10_000)),
            kept("a.cwasm", 40, hours(1)),
            kept("b.cwasm", 40, hours(3)),
            kept("c.cwasm", 40, hours(2)),
            kept("d.cwasm", 1, hours(30 * 24 + 1)),
            kept("e.4711", 1, hours(2)),
            kept("f.4712", 1, hours(1)),
            kept("key.4713", 32, hours(2)),
        ];
        let check = |bytes_max: u64, expected: &[&str]| {
            let mut out = out_of_use(files.clone(), now, bytes_max);
            out.sort();
            assert_eq!(out, expected.iter().map(PathBuf::from).collect::<Vec<_>>(), "{bytes_max}");
        };
        check(1000, &["d.cwasm", "e.4711", "key.4713"]);
        check(120, &["d.cwasm", "e.4711", "key.4713"]);
        check(119, &["b.cwasm", "d.cwasm", "e.4711", "key.4713"]);
        check(0, &["a.cwasm", "b.cwasm", "c.cwasm", "d.cwasm", "e.4711", "key.4713"]);
        let later = vec![Kept { path: "g.cwasm".into(), bytes: 1, used_at: now + hours(1) }];
        assert_eq!(out_of_use(later, now, 1), Vec::<PathBuf>::new(), "it is of the future");
    }

    #[test]
    fn what_comes_takes_the_place_of_what_was_not_used() {
        let folder = tempfile::tempdir().unwrap();
        let cache = Cache::open(folder.path()).unwrap();
        let long_ago = SystemTime::now() - UNUSED_MAX - Duration::from_secs(60);
        let age = |path: &Path| File::options().write(true).open(path).unwrap().set_modified(long_ago).unwrap();
        ["used", "unused"].iter().for_each(|name| cache.put(name, b"code"));
        ["used", "unused"].iter().for_each(|name| age(&cache.path(name)));
        age(&folder.path().join("key"));
        let left = folder.path().join("dead.4711");
        fs::write(&left, b"co").unwrap();
        age(&left);
        assert!(cache.get("used").is_some());
        // Another process has it open while it goes.
        let mut open = File::open(cache.path("unused")).unwrap();
        Cache::open(folder.path()).unwrap().put("new", b"more code");
        let mut names: Vec<String> = fs::read_dir(folder.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        assert_eq!(names, ["key", "new.cwasm", "used.cwasm"]);
        let mut bytes = Vec::new();
        open.read_to_end(&mut bytes).unwrap();
        assert_eq!(bytes.len(), b"code".len() + TAG_BYTES);
        assert_eq!(cache.get("unused"), None);
        cache.put("unused", b"code");
        assert_eq!(cache.get("unused").as_deref(), Some(&b"code"[..]), "it is compiled again");
    }

    /// Nobody who reads sees half of a file, and nobody stumbles over what another took away.
    #[test]
    fn several_put_get_and_tidy_at_once() {
        let folder = tempfile::tempdir().unwrap();
        let old = SystemTime::now() - UNUSED_MAX - Duration::from_secs(60);
        Cache::open(folder.path()).unwrap();
        std::thread::scope(|scope| {
            for worker in 0..4_u8 {
                let folder = folder.path();
                scope.spawn(move || {
                    let cache = Cache::open(folder).unwrap();
                    for round in 0..50 {
                        let name = format!("w{}", (worker + round) % 4);
                        if let Some(bytes) = cache.get(&name) {
                            assert_eq!(bytes, name.as_bytes());
                        }
                        cache.put(&format!("w{worker}"), format!("w{worker}").as_bytes());
                        let path = cache.path(&format!("w{worker}"));
                        let _ = File::open(path).and_then(|file| file.set_modified(old));
                    }
                });
            }
        });
        let cache = Cache::open(folder.path()).unwrap();
        cache.put("last", b"code");
        assert_eq!(cache.get("last").as_deref(), Some(&b"code"[..]));
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
