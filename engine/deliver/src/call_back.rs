//! Not here yet.

use std::collections::BTreeMap;
use std::sync::Arc;

use directory::Directory;
use office::Action;

use crate::attempt::Attempted;
use crate::control::Control;
use crate::driver::Driver;

pub(crate) async fn act(
    driver: &Arc<Driver>,
    action: &Action,
    _: &Arc<Directory>,
    _: &BTreeMap<String, Arc<Control>>,
    _: bool,
) -> office::Result<Option<Attempted>> {
    driver.may_dial(action, "", false).await?;
    Ok(None)
}
