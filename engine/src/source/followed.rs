//! A file that is followed by its name: when another takes its place (a log that is rotated, or emptied), reading goes on there.
//!
//! Both are one stream: places in it count on, and a line that the old file did not end is ended.

use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom};
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;

/// Gives no bytes at the end of the file: there may be more later.
pub(crate) struct Followed {
    path: PathBuf,
    file: File,
    read: u64,
    in_line: bool,
}

impl Followed {
    /// Goes on behind the beginning that was read before.
    pub(crate) fn behind(beginning: &[u8], path: PathBuf) -> io::Result<Followed> {
        let mut file = File::open(&path)?;
        let read = beginning.len() as u64;
        file.seek(SeekFrom::Start(read))?;
        Ok(Followed { path, file, read, in_line: is_in_line(beginning, false) })
    }

    /// The file that has this name now, if it is another one or a shorter one. Between two of them there may be none.
    fn successor(&self) -> io::Result<Option<File>> {
        let now = match fs::metadata(&self.path) {
            Ok(now) => now,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        let mine = self.file.metadata()?;
        let is_mine = (now.dev(), now.ino()) == (mine.dev(), mine.ino());
        if is_mine && now.len() >= self.read { Ok(None) } else { File::open(&self.path).map(Some) }
    }
}

fn is_in_line(bytes: &[u8], before: bool) -> bool {
    bytes.last().map_or(before, |last| *last != b'\n')
}

impl Read for Followed {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            let successor = self.successor()?;
            // What came last is read even if the name is gone already.
            let n = self.file.read(buffer)?;
            self.read += n as u64;
            self.in_line = is_in_line(&buffer[..n], self.in_line);
            let Some(successor) = successor.filter(|_| n == 0 && !buffer.is_empty()) else { return Ok(n) };
            (self.file, self.read) = (successor, 0);
            if std::mem::take(&mut self.in_line) {
                buffer[0] = b'\n';
                return Ok(1);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_takes_the_place_of_a_file_is_read_on() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log");
        fs::write(&path, "one\ntw").unwrap();
        let mut followed = Followed::behind(b"one\n", path.clone()).unwrap();
        let mut more = || {
            let mut text = String::new();
            followed.read_to_string(&mut text).unwrap();
            text
        };
        assert_eq!((more(), more()), ("tw".to_owned(), String::new()));
        fs::rename(&path, folder.path().join("log.1")).unwrap();
        assert_eq!(more(), "", "there is none for a moment");
        fs::write(&path, "three\n").unwrap();
        assert_eq!(more(), "\nthree\n", "the line that was not ended is ended");
        fs::write(&path, "four\n").unwrap();
        assert_eq!(more(), "four\n", "emptied and begun anew");
        fs::write(&path, "four\nfive\n").unwrap();
        assert_eq!((more(), more()), ("five\n".to_owned(), String::new()));
    }
}
