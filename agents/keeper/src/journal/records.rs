//! `keeper journal list`, `show` and `export`: from the journal; a chain is asked for the document that an export holds alone.

use std::{fs::OpenOptions, io::Write as _, path::Path};

use alloy::primitives::{Address, B256};
use serde::Serialize;
use serde_json::json;
use vagus_allocator::Reason;
use vagus_chain::Deployment;
use vagus_journal::{
    DecisionRecord, JournalReader, Outcome, OutcomeState, ReadJournal as _, RecordQuery,
    StoredRecord,
};

use super::{failure, file_of, policy_of};
use crate::{
    JSON_SCHEMA_VERSION,
    cli::Listing,
    config::Config,
    exit::{Exit, Failure},
    render, world,
};

/// One line of a list.
#[derive(Clone, Debug, Serialize)]
pub struct Listed {
    /// Name in the configuration.
    pub vault: String,
    /// EIP-155 id.
    pub chain_id: u64,
    /// Hash of the record.
    pub decision: B256,
    /// Place among the records of the vault; none of a run of holds that is still open.
    pub sequence: Option<u64>,
    /// First block.
    pub first_block: u64,
    /// Last block.
    pub last_block: u64,
    /// Unix time of the last block.
    pub last_block_at: u64,
    /// Blocks it stands for.
    pub blocks: u64,
    /// Whether something was to be moved.
    pub is_rebalance: bool,
    /// Why.
    pub reason: Reason,
    /// What came of it; none of a run that is still open.
    pub outcome: Option<OutcomeState>,
    /// Whether its block was reorganised away.
    pub is_orphaned: bool,
}

/// A decision with what came of it.
#[derive(Clone, Debug, Serialize)]
pub struct Shown {
    /// Version of this document.
    pub schema: u32,
    /// Hash of the record.
    pub decision: B256,
    /// Place among the records of the vault.
    pub sequence: u64,
    /// The record as it was hashed.
    pub record: DecisionRecord,
    /// Everything that was written of what came of it, oldest first.
    pub outcomes: Vec<Outcome>,
}

/// A vault of the configuration, as the journal knows it.
#[derive(Debug)]
pub(crate) struct Known {
    pub(crate) name: String,
    pub(crate) chain_id: u64,
    pub(crate) vault: Address,
}

/// The vaults of a configuration, by their deployment files alone.
pub(crate) fn known_vaults(config: &Config, name: Option<&str>) -> Result<Vec<Known>, Failure> {
    let unfit = |error| Failure::new(Exit::Deployment, error);
    let of = |vault: &&crate::config::VaultConfig| {
        let deployment = Deployment::load(&vault.deployment).map_err(unfit)?;
        let entry = deployment.vault(&vault.deployment, vault.vault).map_err(unfit)?;
        let name = vault.name.clone();
        Ok(Known { name, chain_id: config.chains[vault.chain].chain_id, vault: entry.vault })
    };
    config.select(name)?.iter().map(of).collect()
}

async fn reader(config: &Config) -> Result<JournalReader, Failure> {
    JournalReader::connect(config.journal.expose()).await.map_err(failure)
}

/// Decisions, newest first.
///
/// # Errors
/// Those of the journal, and if the configuration names no such vault.
pub async fn list(config: &Config, wanted: &Listing) -> Result<String, Failure> {
    let vaults = known_vaults(config, wanted.common.vault.as_deref())?;
    let journal = reader(config).await?;
    let mut lines = Vec::new();
    for vault in &vaults {
        lines.extend(of_vault(&journal, vault, wanted).await.map_err(failure)?);
    }
    if wanted.common.json {
        let document = json!({ "schema": JSON_SCHEMA_VERSION, "decisions": lines });
        return Ok(document.to_string());
    }
    Ok(render::journal::list(&lines))
}

async fn of_vault(
    journal: &JournalReader,
    vault: &Known,
    wanted: &Listing,
) -> vagus_journal::Result<Vec<Listed>> {
    let query = RecordQuery {
        from_block: wanted.from_block,
        to_block: wanted.to_block,
        rebalances_only: wanted.rebalances,
        reason: wanted.reason,
        limit: Some(wanted.limit),
        newest_first: true,
        before_sequence: None,
    };
    let mut lines = Vec::new();
    if let Some(run) = journal.open_run(vault.chain_id, vault.vault).await? {
        let is_wanted = !wanted.rebalances
            && wanted.reason.is_none_or(|reason| reason == run.reason())
            && wanted.from_block.is_none_or(|from| run.last().block().number >= from)
            && wanted.to_block.is_none_or(|to| run.first().block().number <= to);
        if is_wanted {
            lines.push(listed(vault, run.hash()?, None, &run, None));
        }
    }
    for StoredRecord { hash, sequence, record } in
        journal.records(vault.chain_id, vault.vault, query).await?
    {
        let outcome = journal.outcome(hash).await?;
        lines.push(listed(vault, hash, Some(sequence), &record, outcome.as_ref()));
    }
    lines.truncate(usize::try_from(wanted.limit).unwrap_or(usize::MAX));
    Ok(lines)
}

/// One line about a record.
pub(crate) fn listed(
    vault: &Known,
    decision: B256,
    sequence: Option<u64>,
    record: &DecisionRecord,
    outcome: Option<&Outcome>,
) -> Listed {
    Listed {
        vault: vault.name.clone(),
        chain_id: vault.chain_id,
        decision,
        sequence,
        first_block: record.first().block().number,
        last_block: record.last().block().number,
        last_block_at: record.last().block().timestamp,
        blocks: record.blocks(),
        is_rebalance: !record.is_hold(),
        reason: record.reason(),
        outcome: outcome.map(|outcome| outcome.state),
        is_orphaned: outcome.is_some_and(|outcome| outcome.is_orphaned),
    }
}

async fn find(config: &Config, digits: &str) -> Result<(JournalReader, StoredRecord), Failure> {
    let journal = reader(config).await?;
    let found = journal.find(digits, 3).await.map_err(failure)?;
    let refuse = |what: &str| Err(Failure::new(Exit::Usage, format_args!("0x{digits}: {what}")));
    let hash = match found.as_slice() {
        [] => {
            return refuse(
                "the journal holds no such decision; a run of holds that still goes on has no hash that lasts.",
            );
        }
        [(hash, true)] => *hash,
        [(_, false)] => {
            return refuse("its body was dropped by retention, and its hash alone is left.");
        }
        _ => return refuse("several decisions begin so; give more digits."),
    };
    let stored = journal.record(hash).await.map_err(failure)?;
    match stored {
        Some(stored) => Ok((journal, stored)),
        None => refuse("it was dropped while it was being read."),
    }
}

/// One decision and what came of it.
///
/// # Errors
/// Those of the journal, and if it holds no such decision.
pub async fn show(config: &Config, digits: &str, is_json: bool) -> Result<String, Failure> {
    let (journal, stored) = find(config, digits).await?;
    let StoredRecord { hash: decision, sequence, record } = stored;
    let outcomes = journal.outcomes(decision).await.map_err(failure)?;
    let shown = Shown { schema: JSON_SCHEMA_VERSION, decision, sequence, record, outcomes };
    if is_json {
        return serde_json::to_string_pretty(&shown)
            .map_err(|error| Failure::new(Exit::Internal, error));
    }
    let names = config.vaults.iter().flat_map(|vault| vault.strategies.clone()).collect();
    Ok(render::journal::show(&shown, &names))
}

/// Writes a decision into a new file: its record with what proves its place, the document in force, and what came of it. With
/// `is_bare` the record alone, as it was hashed and without a line end: the keccak-256 of that file is the decision.
///
/// The document is asked of the chain, because the journal has none. If no endpoint gives it, the file is written without it,
/// and whoever traces it asks the chain.
///
/// # Errors
/// Those of the journal, if it holds no such decision, and if the file is there or cannot be written.
pub async fn export(
    config: &Config,
    digits: &str,
    file: &Path,
    is_bare: bool,
    is_json: bool,
) -> Result<String, Failure> {
    let (journal, stored) = find(config, digits).await?;
    let unfit = |error| Failure::new(Exit::Journal, format_args!("The {error}."));
    let hash = stored.hash;
    if is_bare {
        let text = stored.record.to_canonical().map_err(unfit)?;
        write_new(file, &text)?;
        let said = format!(
            "decision {hash} written to {}, {} bytes; their keccak-256 is that hash",
            file.display(),
            text.len()
        );
        let document = json!({
            "schema": JSON_SCHEMA_VERSION, "decision": hash, "file": file, "bytes": text.len(),
        });
        return Ok(if is_json { document.to_string() } else { said });
    }
    let mut written = file_of(&journal, &stored).await.map_err(failure)?;
    let chain_id = stored.record.header.chain_id;
    if let Some(chain) = config.chains.iter().find(|chain| chain.chain_id == chain_id) {
        written.policy = policy_of(&world::connect(chain)?, &stored.record).await;
    }
    let text = written.to_text().map_err(unfit)?;
    write_new(file, &text)?;
    let (records, is_anchored) = (written.records.len(), written.anchor.is_some());
    if is_json {
        let document = json!({
            "schema": JSON_SCHEMA_VERSION, "decision": hash, "file": file, "bytes": text.len(),
            "records": records, "is_anchored": is_anchored, "has_policy": written.policy.is_some(),
        });
        return Ok(document.to_string());
    }
    let anchored = if is_anchored {
        "an event of the chain names the last of them"
    } else {
        "no event of the chain names the last of them yet"
    };
    Ok(format!(
        "decision {hash} written to {}, {} bytes, {records} records; {anchored}; anybody may check it: keeper trace --record",
        file.display(),
        text.len()
    ))
}

/// Writes what is there in no file yet.
fn write_new(file: &Path, text: &str) -> Result<(), Failure> {
    let written = OpenOptions::new()
        .write(true)
        .create_new(true)
        .open(file)
        .and_then(|mut file| file.write_all(text.as_bytes()).and_then(|()| file.sync_all()));
    written.map_err(|error| {
        let file = file.display();
        Failure::new(
            Exit::Usage,
            format_args!(
                "{file}: the record cannot be written into it: {error}; expected a new file."
            ),
        )
    })
}

#[cfg(test)]
mod tests;
