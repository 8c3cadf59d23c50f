//! What a plugin is answered: by the directory of its company, and by its own state in the office.

use std::sync::Arc;

use calls::event::{Event, Pairs};
use directory::Directory;
use office::Office;
use sandbox::{DirectoryWorld, Person, Unavailable, World};

/// The columns that a PBX wrote of the call of an event.
pub trait RawRecords: Send + Sync {
    /// One list of names and values for each record.
    ///
    /// # Errors
    /// Why they cannot be had now.
    fn raw(&self, event: &Event) -> Result<Vec<Pairs>, String>;
}

/// Of one plugin and one company.
pub(crate) struct OfficeWorld {
    office: Office,
    plugin: String,
    tenant: String,
    directory: DirectoryWorld,
    raw: Arc<dyn RawRecords>,
}

impl OfficeWorld {
    pub(crate) fn new(
        office: Office,
        plugin: &str,
        tenant: &str,
        directory: Arc<Directory>,
        raw: Arc<dyn RawRecords>,
    ) -> OfficeWorld {
        let (plugin, tenant) = (plugin.to_owned(), tenant.to_owned());
        OfficeWorld { office, plugin, tenant, directory: DirectoryWorld::new(directory), raw }
    }
}

impl World for OfficeWorld {
    fn raw(&self, event: &Event) -> Result<Vec<Pairs>, Unavailable> {
        self.raw.raw(event).map_err(Unavailable)
    }

    fn get_person(&self, event: &Event, id: &str) -> Result<Option<Person>, Unavailable> {
        self.directory.get_person(event, id)
    }

    fn members(&self, event: &Event, group: &str) -> Result<Option<Vec<String>>, Unavailable> {
        self.directory.members(event, group)
    }

    fn is_open(&self, event: &Event, who: &str, at: i64) -> Result<Option<bool>, Unavailable> {
        self.directory.is_open(event, who, at)
    }

    fn next_open(&self, event: &Event, who: &str, at: i64) -> Result<Option<i64>, Unavailable> {
        self.directory.next_open(event, who, at)
    }

    fn state_get(&self, key: &str) -> Result<Option<Vec<u8>>, Unavailable> {
        self.office.state(&self.plugin, &self.tenant, key).map_err(|error| unavailable(&error))
    }

    fn state_keys(&self, prefix: &str, after: Option<&str>, max: usize) -> Result<Vec<String>, Unavailable> {
        self.office.state_keys(&self.plugin, &self.tenant, prefix, after, max).map_err(|error| unavailable(&error))
    }

    fn state_bytes(&self) -> Result<usize, Unavailable> {
        let bytes = self.office.state_bytes(&self.plugin, &self.tenant).map_err(|error| unavailable(&error))?;
        Ok(usize::try_from(bytes).unwrap_or(0))
    }
}

fn unavailable(error: &office::Error) -> Unavailable {
    Unavailable(error.to_string())
}
