//! Fetching the engine's library once: `npm pack`, the pinned sum, one file unpacked into the user's cache.
//!
//! Invariant: a library in the cache is whole. It is unpacked beside its place and renamed into it, one process at a
//! time, and only after the archive's sum was right.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use sha2::{Digest, Sha512};
use tokio::io::AsyncReadExt;
use tokio::process::Command;

use super::{Error, Progress};

/// A package that has the library for one kind of machine.
#[derive(Debug)]
pub(crate) struct Package {
    arch: &'static str,
    name: &'static str,
    version: &'static str,
    archive_bytes: u64,
    /// As `npm view NAME@VERSION dist.integrity` prints it, behind `sha512-`.
    archive_sha512: &'static str,
    library_bytes: u64,
}

/// For aarch64 the `chdb` package names `@chdb/lib-linux-arm64-gnu`; it could not be had when this was written, so
/// that its sum is unknown and it is not here.
const PACKAGES: [Package; 1] = [Package {
    arch: "x86_64",
    name: "@chdb/lib-linux-x64-gnu",
    version: "26.7.3-stable.1",
    archive_bytes: 177_817_999,
    archive_sha512: "XP97mMqnc5tZpKQywR8N7cLTsHNiTmHr30pC5mzo3jWmukjKn2IBa60c2B/gWUNcuFjOMjWoorQICCqBVj5wpw==",
    library_bytes: 566_330_096,
}];

const LIBRARY: &str = "libchdb.so";
/// Where an attempt downloads and unpacks, beside the place of the library.
const WORK_PREFIX: &str = "fetching-";
/// Held while fetching, so that two starts at once fetch once.
const LOCK: &str = "fetch.lock";
/// A download of 178 MB on a slow line; then the other process is not believed any more.
const LOCK_WAIT_MAX: Duration = Duration::from_secs(1800);
/// How often the progress of others is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(300);
/// How much of npm's complaint is shown.
const COMPLAINT_LINES_MAX: usize = 6;
const COMPLAINT_BYTES_MAX: u64 = 64 << 10;
const PIECE_BYTES: usize = 1 << 20;

pub(crate) fn package_for_this_machine() -> Option<&'static Package> {
    let known_c_library = cfg!(all(target_os = "linux", target_env = "gnu"));
    PACKAGES.iter().find(|package| known_c_library && package.arch == std::env::consts::ARCH)
}

/// The library, if it is in the cache.
pub(crate) fn cached(package: &Package, cache: &Path) -> Option<PathBuf> {
    let library = cache.join(package.version).join(LIBRARY);
    // A file of another length was put there by somebody else: fetching replaces it.
    fs::metadata(&library).is_ok_and(|m| m.is_file() && m.len() == package.library_bytes).then_some(library)
}

/// Fetches the library into the cache.
pub(crate) async fn fetch(
    package: &'static Package,
    cache: &Path,
    npm: &Path,
    progress: Arc<dyn Progress>,
) -> Result<PathBuf, Error> {
    fs::create_dir_all(cache).map_err(|source| Error::File { path: cache.into(), doing: "make the folder", source })?;
    let _lock = lock(cache, progress.as_ref()).await?;
    if let Some(library) = cached(package, cache) {
        return Ok(library);
    }
    remove_broken_off(cache)?;
    // A name of its own: the npm of an attempt that was killed may still be writing to the folder of that one.
    let work = cache.join(format!("{WORK_PREFIX}{}", std::process::id()));
    fs::create_dir_all(&work).map_err(|source| Error::File { path: work.clone(), doing: "make the folder", source })?;
    let archive = download(package, &work, npm, progress.as_ref()).await?;

    let (cache, unpacking) = (cache.to_path_buf(), Arc::clone(&progress));
    let work_done = tokio::task::spawn_blocking(move || {
        check_sum(package, &archive, unpacking.as_ref())?;
        let library = unpack(package, &archive, &work, unpacking.as_ref())?;
        let home = cache.join(package.version);
        let place = home.join(LIBRARY);
        fs::create_dir_all(&home).and_then(|()| fs::rename(&library, &place)).map_err(|source| Error::File {
            path: place.clone(),
            doing: "put the library to",
            source,
        })?;
        // Only an archive that is not needed any more is left in it.
        let _ = fs::remove_dir_all(&work);
        Ok(place)
    });
    work_done.await.map_err(|error| Error::Fetch { why: format!("unpacking was given up: {error}") })?
}

/// Waits until no other process is fetching. The lock ends with its process, however that ends.
async fn lock(cache: &Path, progress: &dyn Progress) -> Result<File, Error> {
    let path = cache.join(LOCK);
    let failed = |source| Error::File { path: cache.join(LOCK), doing: "write", source };
    let file = File::options().create(true).truncate(false).write(true).open(&path).map_err(failed)?;
    let mut waited = Duration::ZERO;
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(fs::TryLockError::Error(source)) => return Err(failed(source)),
            Err(fs::TryLockError::WouldBlock) if waited > LOCK_WAIT_MAX => {
                let why = format!("another process has been fetching for {} s", LOCK_WAIT_MAX.as_secs());
                return Err(Error::Fetch { why });
            }
            Err(fs::TryLockError::WouldBlock) => {
                if waited.is_zero() {
                    progress.step("another process is fetching the database's library: waiting for it");
                }
                tokio::time::sleep(LOOK_EVERY).await;
                waited += LOOK_EVERY;
            }
        }
    }
}

/// Removes the folders of attempts that were broken off; the lock says that nobody unpacks in them.
fn remove_broken_off(cache: &Path) -> Result<(), Error> {
    let entries = fs::read_dir(cache).map_err(|source| Error::File { path: cache.into(), doing: "read", source })?;
    for entry in entries.filter_map(Result::ok) {
        if entry.file_name().to_string_lossy().starts_with(WORK_PREFIX) {
            let path = entry.path();
            fs::remove_dir_all(&path).map_err(|source| Error::File { path, doing: "remove the folder", source })?;
        }
    }
    Ok(())
}

/// `npm pack`, which knows the user's registry, proxy and credentials.
async fn download(package: &Package, work: &Path, npm: &Path, progress: &dyn Progress) -> Result<PathBuf, Error> {
    progress.step(&format!(
        "fetching the database's library once: {}@{}, {} MB, with `{}`",
        package.name,
        package.version,
        package.archive_bytes / 1_000_000,
        npm.display()
    ));
    let mut command = Command::new(npm);
    command.arg("pack").arg("--ignore-scripts").arg(format!("{}@{}", package.name, package.version));
    command.arg("--pack-destination").arg(work).current_dir(work);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).kill_on_drop(true);
    let failed = |source: io::Error| Error::Fetch { why: format!("cannot run `{}`: {source}", npm.display()) };
    let mut process = command.spawn().map_err(failed)?;
    let complaint = process.stderr.take().map(|stderr| {
        tokio::spawn(async move {
            let mut text = Vec::new();
            let mut stderr = stderr.take(COMPLAINT_BYTES_MAX);
            // Whatever could be read of it is better than nothing.
            let _ = stderr.read_to_end(&mut text).await;
            let _ = tokio::io::copy(stderr.get_mut(), &mut tokio::io::sink()).await;
            String::from_utf8_lossy(&text).into_owned()
        })
    });

    let pid = process.id();
    let status = loop {
        tokio::select! {
            status = process.wait() => break status.map_err(failed)?,
            () = tokio::time::sleep(LOOK_EVERY) => {
                if let Some(done) = pid.and_then(bytes_read_by) {
                    progress.advance(done.min(package.archive_bytes), package.archive_bytes);
                }
            }
        }
    };
    let complaint = match complaint {
        Some(reading) => reading.await.unwrap_or_default(),
        None => String::new(),
    };
    if !status.success() {
        let lines: Vec<&str> = complaint.lines().filter(|line| line.starts_with("npm error")).collect();
        let lines = &lines[..lines.len().min(COMPLAINT_LINES_MAX)];
        return Err(Error::Fetch { why: format!("`npm pack` ended with {status}: {}", lines.join(" ")) });
    }
    let files = fs::read_dir(work).map_err(|source| Error::File { path: work.into(), doing: "read", source })?;
    files
        .filter_map(|entry| entry.ok().map(|entry| entry.path()))
        .find(|path| path.extension().is_some_and(|extension| extension == "tgz"))
        .ok_or_else(|| Error::Fetch { why: format!("`npm pack` left no archive in `{}`", work.display()) })
}

/// npm says nothing of its progress, but Linux counts what a process reads: nearly all of it is the archive.
fn bytes_read_by(pid: u32) -> Option<u64> {
    let text = fs::read_to_string(format!("/proc/{pid}/io")).ok()?;
    text.lines().find_map(|line| line.strip_prefix("rchar: "))?.trim().parse().ok()
}

fn check_sum(package: &Package, archive: &Path, progress: &dyn Progress) -> Result<(), Error> {
    progress.step("checking its sum");
    let failed = |source| Error::File { path: archive.into(), doing: "read", source };
    let mut file = File::open(archive).map_err(failed)?;
    let mut hasher = Sha512::new();
    let mut piece = vec![0; PIECE_BYTES];
    let mut done = 0;
    loop {
        let length = file.read(&mut piece).map_err(failed)?;
        if length == 0 {
            break;
        }
        hasher.update(&piece[..length]);
        done += length as u64;
        progress.advance(done, package.archive_bytes);
    }
    let got = base64::engine::general_purpose::STANDARD.encode(hasher.finalize());
    if got == package.archive_sha512 {
        return Ok(());
    }
    Err(Error::WrongSum { file: archive.into(), expected: package.archive_sha512.to_string(), got })
}

/// Unpacks the library, and nothing else, into `work`.
fn unpack(package: &Package, archive: &Path, work: &Path, progress: &dyn Progress) -> Result<PathBuf, Error> {
    progress.step(&format!("unpacking it ({} MB)", package.library_bytes / 1_000_000));
    let target = work.join(LIBRARY);
    let result = unpack_to(archive, &target, package.library_bytes, progress);
    result.map_err(|source| Error::File { path: target.clone(), doing: "unpack the library to", source })?;
    Ok(target)
}

fn unpack_to(archive: &Path, target: &Path, expected_bytes: u64, progress: &dyn Progress) -> io::Result<()> {
    let mut archive = tar::Archive::new(flate2::read::GzDecoder::new(File::open(archive)?));
    for entry in archive.entries()? {
        let mut entry = entry?;
        if entry.path()?.file_name().is_none_or(|name| name != LIBRARY) {
            continue;
        }
        let mut file = File::create(target)?;
        let mut piece = vec![0; PIECE_BYTES];
        let mut done_bytes = 0;
        loop {
            let length = entry.read(&mut piece)?;
            if length == 0 {
                break;
            }
            file.write_all(&piece[..length])?;
            done_bytes += length as u64;
            progress.advance(done_bytes, expected_bytes);
        }
        // Renamed before it is on the disk, it could be in place and empty after a power cut.
        return file.sync_all();
    }
    Err(io::Error::new(io::ErrorKind::InvalidData, format!("the archive has no {LIBRARY}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Quiet;
    impl Progress for Quiet {
        fn step(&self, _: &str) {}
        fn advance(&self, _: u64, _: u64) {}
    }

    fn archive_with(name: &str, folder: &Path) -> PathBuf {
        let path = folder.join("x.tgz");
        let packer = flate2::write::GzEncoder::new(File::create(&path).expect("a file"), flate2::Compression::fast());
        let mut builder = tar::Builder::new(packer);
        let mut header = tar::Header::new_gnu();
        header.set_size(3);
        header.set_mode(0o755);
        builder.append_data(&mut header, name, &b"abc"[..]).expect("appended");
        builder.into_inner().and_then(flate2::write::GzEncoder::finish).expect("an archive");
        path
    }

    #[test]
    fn the_library_alone_is_unpacked() {
        let folder = tempfile::tempdir().expect("a folder");
        let target = folder.path().join("out.so");
        let archive = archive_with("package/libchdb.so", folder.path());
        unpack_to(&archive, &target, 3, &Quiet).expect("unpacked");
        assert_eq!(fs::read(&target).expect("read"), b"abc");
        let archive = archive_with("package/other.so", folder.path());
        assert!(unpack_to(&archive, &target, 3, &Quiet).is_err());
    }

    #[test]
    fn another_file_is_not_taken_for_the_library() {
        let folder = tempfile::tempdir().expect("a folder");
        let archive = archive_with("package/libchdb.so", folder.path());
        assert!(matches!(check_sum(&PACKAGES[0], &archive, &Quiet), Err(Error::WrongSum { .. })));
        let home = folder.path().join(PACKAGES[0].version);
        fs::create_dir_all(&home).and_then(|()| fs::write(home.join(LIBRARY), b"abc")).expect("written");
        assert_eq!(cached(&PACKAGES[0], folder.path()), None);
    }
}
