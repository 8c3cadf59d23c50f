//! A mail as a file in a folder: for who tries things out without a server.

use std::io;
use std::path::Path;

use super::mailer::again;
use crate::attempt::{Attempted, Status};

/// Puts the mail into the folder, under its own name: however often, it is there once, and whole.
pub(super) async fn put(folder: &Path, message_id: &str, bytes: &[u8]) -> Attempted {
    let (folder, name, bytes) = (folder.to_owned(), name(message_id), bytes.to_vec());
    match tokio::task::spawn_blocking(move || write(&folder, &name, &bytes)).await {
        Ok(Ok(name)) => Attempted { status: Status::Done, detail: format!("it is in {name}"), call: None },
        Ok(Err(error)) => again(format!("the folder of the mails (`folder` under [smtp]): {error}")),
        Err(error) => again(error.to_string()),
    }
}

/// What a name of a mail has beside these is no part of a file's name.
fn name(message_id: &str) -> String {
    let kept = |c: &char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '@');
    format!("{}.eml", message_id.chars().filter(kept).collect::<String>())
}

fn write(folder: &Path, name: &str, bytes: &[u8]) -> io::Result<String> {
    std::fs::create_dir_all(folder)?;
    let (path, new) = (folder.join(name), folder.join(format!(".{name}.new")));
    std::fs::write(&new, bytes)?;
    std::fs::File::open(&new)?.sync_all()?;
    std::fs::rename(&new, &path)?;
    Ok(name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_mail_is_a_file_once() {
        let folder = tempfile::tempdir().unwrap();
        let mails = folder.path().join("mails");
        for text in ["first", "again"] {
            let attempted = put(&mails, "<0123.4567@a.example>", text.as_bytes()).await;
            assert_eq!(attempted.status, Status::Done, "{}", attempted.detail);
        }
        let files: Vec<_> = std::fs::read_dir(&mails).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(files, ["0123.4567@a.example.eml"]);
        assert_eq!(std::fs::read_to_string(mails.join(&files[0])).unwrap(), "again");
        let attempted = put(&mails.join(&files[0]), "<x@a.example>", b"").await;
        assert_eq!(attempted.status, Status::Again { after_s: None }, "{}", attempted.detail);
        assert!(attempted.detail.contains("`folder` under [smtp]"), "{}", attempted.detail);
    }
}
