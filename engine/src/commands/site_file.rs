//! The site file of a demo of records, as an administrator changes it on a page.

use std::path::PathBuf;
use std::sync::Arc;

use portal::SiteFile;
use tokio::sync::Notify;

use super::arguments::SiteText;
use super::data::{self, Data};
use super::run::Companies;
use crate::config::Config;
use crate::source::spool::replace;

/// The file in the folder of a demo.
pub(crate) struct Kept {
    folder: PathBuf,
    config: Config,
    /// The exchange that `--pbx` names.
    pbx: Option<String>,
    names_files: bool,
    changed: Arc<Notify>,
}

impl Kept {
    /// `pbx`: what `--pbx` says. `changed` hears when everything is to be computed anew.
    pub(crate) fn of(data: &Data, pbx: Option<&str>, names_files: bool, changed: Arc<Notify>) -> Kept {
        let pbx = pbx.and_then(|told| told.split_once('@')).map(|(_, pbx)| pbx.to_owned());
        Kept { folder: data.folder().to_owned(), config: data.config.clone(), pbx, names_files, changed }
    }

    fn path(&self) -> PathBuf {
        self.folder.join(data::SITE)
    }
}

impl SiteFile for Kept {
    fn text(&self) -> Result<String, String> {
        let bytes = data::read(&self.path()).map_err(|error| format!("{error:#}"))?.unwrap_or_default();
        String::from_utf8(bytes).map_err(|error| format!("{}: {error}", self.path().display()))
    }

    fn check(&self, text: &str) -> Result<(), String> {
        let directory =
            SiteText::written(data::SITE, text).directory(&self.config).map_err(|error| format!("{error:#}"))?;
        if let Some(pbx) = self.pbx.as_deref().filter(|pbx| directory.pbx(pbx).is_none()) {
            return Err(format!("{}: has no [[pbx]] with the id {pbx:?}, and `--pbx` names it; add one", data::SITE));
        }
        Companies::of(directory, text, self.names_files).map(drop).map_err(|error| format!("{error:#}"))
    }

    fn write(&self, text: &str) -> Result<(), String> {
        let path = self.path();
        replace(&self.folder, &path, text.as_bytes())
            .map_err(|error| format!("{}: cannot be written ({error}); it is as it was", path.display()))
    }

    fn recompute(&self) {
        self.changed.notify_one();
    }
}
