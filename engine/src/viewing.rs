//! Starts the portal of an installation.

use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, Result, anyhow};
use office::{NewLogin, Office};
use portal::{MissedCallNow, Parts, PortalSettings, SiteFile};
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
    let parts = parts(installation, settings, store, acts)?;
    portal::serve(parts).await.map_err(|error| anyhow!("the portal: {error}"))
}

fn parts(installation: &Installation, settings: PortalSettings, store: Store, acts: bool) -> Result<Parts> {
    Ok(Parts {
        store: store.keeping(settings.kept_rows_max as usize),
        office: installation.office()?,
        directories: installation.directories()?,
        acts,
        missed_call_now: None,
        site_file: None,
        settings,
        now,
        say,
    })
}

/// Somebody who may sign in to the portal of a demo.
pub(crate) struct DemoLogin {
    pub(crate) login: &'static str,
    pub(crate) role: &'static str,
    /// Who it is, by their id.
    pub(crate) person: Option<String>,
    /// What an analyst is given.
    pub(crate) groups: Vec<String>,
}

impl DemoLogin {
    /// The one who sees everything.
    pub(crate) fn administrator() -> DemoLogin {
        DemoLogin { login: "admin", role: "administrator", person: None, groups: Vec::new() }
    }
}

/// Where the portal of a demo is.
pub(crate) struct Signing {
    pub(crate) url: String,
    /// Of each login, in the order in which they were named.
    pub(crate) passwords: Vec<String>,
}

/// What the portal of a demo has beside its calls.
pub(crate) struct DemoPortal {
    /// Where it answers.
    pub(crate) listener: TcpListener,
    /// What is asked for there is done.
    pub(crate) acts: bool,
    pub(crate) missed_call_now: Option<MissedCallNow>,
    /// The site file is changed there.
    pub(crate) site_file: Option<Arc<dyn SiteFile>>,
}

/// Kilobytes of a form with a site file in it, which is larger than others.
const SITE_FILE_KB_MAX: u32 = 1024;

/// Takes the address of a demo's portal, on this machine alone; 0 takes a free port.
///
/// # Errors
/// Somebody has it.
pub(crate) fn listener(port: u16) -> Result<TcpListener> {
    let address = format!("127.0.0.1:{port}");
    TcpListener::bind(&address)
        .with_context(|| format!("--port {port}: {address} cannot be taken; name another port, or 0 for a free one"))
}

/// Serves the pages of a demo, with people who can sign in: the same ones at each start.
///
/// # Errors
/// As of [`serve`]; what the file system refuses.
pub(crate) async fn serve_demo(
    folder: &Path,
    config: &Config,
    store: Store,
    portal: DemoPortal,
    logins: &[DemoLogin],
) -> Result<Signing> {
    let installation = Installation::with(folder, config.clone());
    let office = installation.office()?;
    let tenant = installation.directories()?.into_keys().next().unwrap_or_default();
    let mut passwords = Vec::new();
    for login in logins {
        passwords.push(password(folder, &office, &tenant, login)?);
    }
    let form_kb_min = if portal.site_file.is_some() { SITE_FILE_KB_MAX } else { 0 };
    let form_kb_max = config.portal.form_kb_max.max(form_kb_min);
    let settings = PortalSettings { form_kb_max, ..config.portal.clone() };
    let parts = Parts {
        missed_call_now: portal.missed_call_now,
        site_file: portal.site_file,
        ..parts(&installation, settings, store, portal.acts)?
    };
    let served = portal::serve_on(portal.listener, parts).await;
    let address = served.map_err(|error| anyhow!("the portal: {error}"))?;
    Ok(Signing { url: format!("http://{address}"), passwords })
}

/// The password of a login, which is kept in the folder of the demo: whoever reads that reads the calls too. Where there is no such
/// login, or no such file, there is one then.
fn password(folder: &Path, office: &Office, tenant: &str, of: &DemoLogin) -> Result<String> {
    let path = folder.join(format!("{}.password", of.login));
    let kept = std::fs::read_to_string(&path).ok().map(|text| text.trim().to_owned());
    if let (Some(kept), Some(_)) = (kept, office.login(of.login)?) {
        return Ok(kept);
    }
    let password = secret(12)?;
    let hash = portal::password::hash(&password).map_err(|error| anyhow!("{error}"))?;
    write_private(&path, &password).with_context(|| format!("{}: cannot be written", path.display()))?;
    let new = NewLogin {
        login: of.login.to_owned(),
        tenant: tenant.to_owned(),
        role: of.role.to_owned(),
        person: of.person.clone(),
        groups: of.groups.clone(),
        password_hash: Some(hash.clone()),
        ..NewLogin::default()
    };
    if !office.login_add(&new, "demo", now().0)? {
        office.login_password(of.login, &hash, "demo", now().0)?;
    }
    Ok(password)
}

/// A file that only its owner reads.
pub(crate) fn write_private(path: &Path, text: &str) -> std::io::Result<()> {
    use std::io::Write;
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)?.write_all(text.as_bytes())
}
