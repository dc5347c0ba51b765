//! `keeper version`: what this binary is, as far as a decision or a file depends on it.

use serde::Serialize;

use crate::JSON_SCHEMA_VERSION;

/// Commit that the binary was built from; "unknown" if the build was not told.
pub const COMMIT: &str = env!("VAGUS_COMMIT");

/// What this binary is.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Version {
    /// Version of this document.
    pub schema: u32,
    /// Version of the keeper.
    pub version: &'static str,
    /// Commit it was built from.
    pub commit: &'static str,
    /// Version of the code that decides; it stands in every record.
    pub algorithm_version: u32,
    /// Version of the decision records it writes.
    pub record_schema_version: u32,
    /// Version of the deployment files it reads.
    pub deployment_schema_version: u64,
    /// Version of the lens it reads.
    pub lens_version: u32,
}

/// What this binary is.
#[must_use]
pub const fn version() -> Version {
    Version {
        schema: JSON_SCHEMA_VERSION,
        version: crate::run::KEEPER_VERSION,
        commit: COMMIT,
        algorithm_version: vagus_allocator::ALGORITHM_VERSION,
        record_schema_version: vagus_journal::RECORD_SCHEMA_VERSION,
        deployment_schema_version: vagus_chain::deployment::DEPLOYMENT_SCHEMA_VERSION,
        lens_version: vagus_chain::LENS_VERSION,
    }
}

impl Version {
    /// Lines for people.
    #[must_use]
    pub fn text(&self) -> String {
        format!(
            "keeper {}\ncommit              {}\nalgorithm           {}\ndecision records    {}\n\
             deployment files    {}\nlens                {}",
            self.version,
            self.commit,
            self.algorithm_version,
            self.record_schema_version,
            self.deployment_schema_version,
            self.lens_version
        )
    }
}
