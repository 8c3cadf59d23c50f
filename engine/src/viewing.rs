//! Starts the portal of an installation.

use std::net::SocketAddr;
use std::path::Path;

use anyhow::{Context, Result, anyhow};
use office::NewLogin;
use portal::{Parts, PortalSettings};
use store::Store;

use crate::commands::user::secret;
use crate::config::Config;
use crate::installation::Installation;
use crate::pipeline::{now, say};

/// Serves the pages of an installation, and gives the address that was taken. `acts`: what is asked for there is done.
///
/// # Errors
/// What is wrong in which file, or why the address cannot be taken.
pub(crate) async fn serve(
    installation: &Installation,
    settings: PortalSettings,
    store: Store,
    acts: bool,
) -> Result<SocketAddr> {
    let parts = Parts {
        store,
        office: installation.office()?,
        directories: installation.directories()?,
        acts,
        settings,
        now,
        say,
    };
    portal::serve(parts).await.map_err(|error| anyhow!("the portal: {error}"))
}

/// Where the portal of a demo is, and how one gets in.
pub(crate) struct Signing {
    pub(crate) url: String,
    pub(crate) login: String,
    pub(crate) password: String,
}

/// The login of a demo's administrator.
const ADMINISTRATOR: &str = "admin";

/// Its password, in the folder of the demo: whoever reads that reads the calls too.
const PASSWORD: &str = "admin.password";

/// Serves the pages of a demo, with an administrator who can sign in: the same one at each start.
///
/// # Errors
/// As of [`serve`]; what the file system refuses.
pub(crate) async fn serve_demo(folder: &Path, config: &Config, port: u16, store: Store) -> Result<Signing> {
    let installation = Installation::with(folder, config.clone());
    let office = installation.office()?;
    let path = folder.join(PASSWORD);
    let kept = std::fs::read_to_string(&path).ok().map(|text| text.trim().to_owned());
    let login = office.login(ADMINISTRATOR)?;
    let password = match (kept, &login) {
        (Some(kept), Some(_)) => kept,
        _ => {
            let password = secret(12)?;
            let hash = portal::password::hash(&password).map_err(|error| anyhow!("{error}"))?;
            write_private(&path, &password).with_context(|| format!("{}: cannot be written", path.display()))?;
            let tenant = installation.directories()?.into_keys().next().unwrap_or_default();
            let new = NewLogin {
                login: ADMINISTRATOR.to_owned(),
                tenant,
                role: "administrator".to_owned(),
                password_hash: Some(hash.clone()),
                ..NewLogin::default()
            };
            if !office.login_add(&new, "demo", now().0)? {
                office.login_password(ADMINISTRATOR, &hash, "demo", now().0)?;
            }
            password
        }
    };
    let settings = PortalSettings { listen: format!("127.0.0.1:{port}"), ..config.portal.clone() };
    let address = serve(&installation, settings, store, false).await.with_context(|| format!("--port {port}"))?;
    Ok(Signing { url: format!("http://{address}"), login: ADMINISTRATOR.to_owned(), password })
}

/// A file that only its owner reads.
fn write_private(path: &Path, text: &str) -> std::io::Result<()> {
    use std::io::Write;
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)?.write_all(text.as_bytes())
}
