//! `[fleet]`: other keepers on the same PostgreSQL.

use std::time::Duration;

use serde::Deserialize;
use vagus_journal::Patience;

use super::value;

/// How a keeper shares a journal with others. Without PostgreSQL it means nothing: a file has one keeper.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct FleetConfig {
    /// Its name for people.
    pub name: String,
    /// Seconds of the database's clock after which others take over what a keeper holds that says nothing.
    #[serde(deserialize_with = "value::lease_seconds")]
    pub lease_seconds: u32,
}

impl FleetConfig {
    /// How long the journal waits for others under these leases: a session that stands still loses its locks well before
    /// its leases are over.
    #[must_use]
    pub fn patience(&self) -> Patience {
        let standing = Duration::from_secs(u64::from(self.lease_seconds) / 2);
        let usual = Patience::default();
        Patience { standing: usual.standing.min(standing), ..usual }
    }
}

impl Default for FleetConfig {
    fn default() -> Self {
        Self { name: "keeper".to_owned(), lease_seconds: 30 }
    }
}
