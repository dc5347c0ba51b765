//! `keeper journal`: what was decided, copies of the journal, and taking over what a journal does not know.

mod file;
mod records;

use std::path::Path;

use serde_json::json;
use vagus_chain::{ChainReader as _, Tag};
use vagus_journal::{CopyReport, JournalError, SqlJournal};

use crate::{
    JSON_SCHEMA_VERSION,
    config::Config,
    exit::{Exit, Failure},
    run,
    world::{self, chain_failure},
};

pub use file::{file_of, file_of_run, policy_of};
pub(crate) use records::{Known, known_vaults, listed};
pub use records::{Listed, Shown, export, list, show};

fn failure(error: JournalError) -> Failure {
    Failure::new(Exit::Journal, format_args!("The {error}."))
}

/// Copies the journal of a configuration into a new file, while keepers run.
///
/// # Errors
/// Those of the journal.
pub async fn backup(config: &Config, file: &Path, is_json: bool) -> Result<String, Failure> {
    let url = config.journal.expose();
    let report = vagus_journal::backup(url, file).await.map_err(failure)?;
    Ok(copied("copied to", file, &report, is_json))
}

/// Puts a copy in the place of a configuration's journal, which has to hold nothing yet.
///
/// # Errors
/// Those of the journal.
pub async fn restore(config: &Config, file: &Path, is_json: bool) -> Result<String, Failure> {
    let url = config.journal.expose();
    let report = vagus_journal::restore(file, url).await.map_err(failure)?;
    Ok(copied("restored from", file, &report, is_json))
}

fn copied(what: &str, file: &Path, report: &CopyReport, is_json: bool) -> String {
    let CopyReport { vaults, records, in_flight } = *report;
    if is_json {
        let document = json!({
            "schema": JSON_SCHEMA_VERSION, "file": file, "vaults": vaults, "records": records,
            "in_flight": in_flight,
        });
        return document.to_string();
    }
    format!(
        "journal {what} {}: {vaults} vaults, {records} records, every chain of hashes followed; \
         {in_flight} transactions in flight",
        file.display()
    )
}

/// Takes the vaults of a configuration as they stand on their chains: what the journal does not know of is not its own to
/// explain any more. Sends nothing.
///
/// # Errors
/// Those of chain and journal.
pub async fn adopt(
    config: &Config,
    vault: Option<&str>,
    note: &str,
    is_json: bool,
) -> Result<String, Failure> {
    let worlds = world::open(config, vault).await?;
    let journal = SqlJournal::connect_with(config.journal.expose(), config.fleet.patience())
        .await
        .map_err(failure)?;
    let mut adopted = Vec::new();
    for world in &worlds {
        let head = world.endpoints.head(Tag::Latest).await.map_err(|e| chain_failure(&e))?;
        let of_chain = run::adopt(world, &journal, &head, note).await;
        adopted.extend(of_chain.map_err(run::RunError::into_failure)?);
    }
    journal.close().await;
    if is_json {
        let vaults: Vec<_> = adopted
            .iter()
            .map(|(vault, what)| json!({ "vault": vault, "unknown": what.to_string() }))
            .collect();
        return Ok(json!({ "schema": JSON_SCHEMA_VERSION, "adopted": vaults }).to_string());
    }
    if adopted.is_empty() {
        return Ok("nothing on the chain is unknown to the journal".to_owned());
    }
    let lines = adopted.iter().map(|(vault, what)| format!("vault {vault}: adopted: {what}"));
    Ok(lines.collect::<Vec<_>>().join("\n"))
}
