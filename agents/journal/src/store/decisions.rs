//! Decisions and runs of holds.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use alloy_primitives::{Address, B256, keccak256};
use vagus_allocator::Reason;

use super::{
    HoldNotes, HoldRun, SqlJournal,
    outcomes::written,
    rows::VaultLine,
    sql::{Tx, args, damaged, stored},
};
use crate::{
    DecisionRecord, HoldObservation, JournalError, LeaseKey, Outcome, OutcomeState, Result,
    TransactionIntent,
    run::{begun, continued},
};

impl SqlJournal {
    /// Stores a rebalance's record and, if it is to be sent, the transaction it becomes: both or neither.
    pub(super) async fn put_rebalance(
        &self,
        record: &DecisionRecord,
        sent: Option<(&TransactionIntent, &Outcome)>,
    ) -> Result<B256> {
        record.validate()?;
        if record.is_hold() {
            return Err(JournalError::NotARebalance);
        }
        let (chain_id, vault) = (record.header.chain_id, record.header.vault);
        let body = record.to_canonical()?;
        let hash = keccak256(&body);
        for named in sent.iter().flat_map(|(intent, outcome)| [intent.decision, outcome.decision]) {
            if named != hash {
                return Err(JournalError::NoSuchDecision(named));
            }
        }
        // What is sent is committed once more with its signed bytes, before anybody sees it; what is not may be shown at once.
        let mut tx = match sent {
            Some(_) => self.pool.write_ahead().await?,
            None => self.pool.write().await?,
        };
        tx.fence(&self.fences, LeaseKey::vault(chain_id, vault)).await?;
        let mut line = tx.lock_vault(chain_id, vault, None).await?;
        if tx.row("SELECT hash FROM records WHERE hash = $1", args![hash]).await?.is_none() {
            tx.close_run(chain_id, vault, &mut line).await?;
            if record.previous != line.head {
                let (found, expected) = (record.previous, line.head);
                return Err(JournalError::StaleHead { vault, found, expected });
            }
            tx.freeze(record, hash, body, &mut line).await?;
            tx.lock_vault(chain_id, vault, Some(record.last().block())).await?;
        }
        if let Some((intent, outcome)) = sent {
            tx.claim(intent).await?;
            tx.add_outcome(outcome).await?;
        }
        tx.commit().await?;
        Ok(hash)
    }

    /// In one commit, because that is what a hold costs most.
    pub(super) async fn add_holds(
        &self,
        holds: &[(HoldObservation, HoldNotes)],
    ) -> Result<Vec<HoldRun>> {
        let fresh: Vec<_> = holds.iter().map(|(hold, _)| begun(hold, B256::ZERO)).collect();
        fresh.iter().try_for_each(DecisionRecord::validate)?;
        let mut runs = Vec::with_capacity(holds.len());
        let mut tx = self.pool.write().await?;
        for ((hold, notes), fresh) in holds.iter().zip(fresh) {
            let key = LeaseKey::vault(hold.header.chain_id, hold.header.vault);
            tx.fence(&self.fences, key).await?;
            runs.push(tx.add_hold(hold, notes, fresh).await?);
        }
        tx.commit().await?;
        Ok(runs)
    }

    pub(super) async fn close_all(&self) -> Result<Vec<B256>> {
        let mut tx = self.pool.write().await?;
        let open = tx
            .rows("SELECT chain_id, vault FROM open_runs ORDER BY chain_id, vault", args![])
            .await?;
        let mut hashes = Vec::new();
        for row in open {
            let (chain_id, vault) = (row.number("chain_id")?, row.parsed("vault")?);
            let key = LeaseKey::vault(chain_id, vault);
            if !self.fences.names(key) {
                continue;
            }
            tx.fence(&self.fences, key).await?;
            let mut line = tx.lock_vault(chain_id, vault, None).await?;
            hashes.extend(tx.close_run(chain_id, vault, &mut line).await?);
        }
        tx.commit().await?;
        Ok(hashes)
    }
}

/// A stored run of holds.
fn run_in(text: &str, vault: Address) -> Result<DecisionRecord> {
    let run = DecisionRecord::from_canonical(text)?;
    if !run.is_hold() {
        return Err(damaged("open run", &vault.to_string(), "it is not a run of holds"));
    }
    Ok(run)
}

/// Open runs as they were last written here, with their texts: one that stands in the database letter by letter need not be
/// read and hashed again, which is what a hold would cost most. Without meaning of its own; a text that differs is read.
#[derive(Debug, Default)]
pub(crate) struct OpenRuns(Mutex<HashMap<(u64, Address), Written>>);

/// A run, its text, and the hash of that.
#[derive(Debug)]
struct Written {
    text: String,
    hash: B256,
    run: Arc<DecisionRecord>,
}

impl OpenRuns {
    /// What is known of a run whose text this is.
    fn known<T>(
        &self,
        vault: (u64, Address),
        text: &str,
        told: impl Fn(&Written) -> T,
    ) -> Option<T> {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.get(&vault).filter(|written| written.text == text).map(told)
    }

    fn read(&self, vault: (u64, Address), text: &str) -> Result<Arc<DecisionRecord>> {
        let known = self.known(vault, text, |written| written.run.clone());
        known.map_or_else(|| run_in(text, vault.1).map(Arc::new), Ok)
    }

    pub(super) fn hash(&self, vault: (u64, Address), text: &str) -> B256 {
        self.known(vault, text, |written| written.hash).unwrap_or_else(|| keccak256(text))
    }

    fn keep(&self, vault: (u64, Address), text: String, hash: B256, run: DecisionRecord) {
        let run = Written { text, hash, run: Arc::new(run) };
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(vault, run);
    }
}

impl Tx {
    /// Goes on with the vault's open run, or begins `fresh`.
    async fn add_hold(
        &mut self,
        hold: &HoldObservation,
        notes: &HoldNotes,
        mut fresh: DecisionRecord,
    ) -> Result<HoldRun> {
        let (chain_id, vault) = (hold.header.chain_id, hold.header.vault);
        let mut line = self.lock_vault(chain_id, vault, Some(hold.observation.block())).await?;
        let mut closed = None;
        let before = match self.run_text(chain_id, vault).await? {
            None => None,
            Some(text) => Some(self.open_runs.read((chain_id, vault), &text)?),
        };
        let run = match before.and_then(|run| continued(&run, hold)) {
            Some(run) => run,
            None => {
                closed = self.close_run(chain_id, vault, &mut line).await?;
                fresh.previous = line.head;
                fresh
            }
        };
        let body = run.to_canonical()?;
        let hash = keccak256(&body);
        self.keep_run(&run, &body, notes).await?;
        let count = run.blocks();
        self.open_runs.keep((chain_id, vault), body, hash, run);
        Ok(HoldRun { hash, count, closed })
    }

    /// The vault's open run as it stands.
    pub(super) async fn run_of(
        &mut self,
        chain_id: u64,
        vault: Address,
    ) -> Result<Option<DecisionRecord>> {
        let text = self.run_text(chain_id, vault).await?;
        text.map(|text| run_in(&text, vault)).transpose()
    }

    /// Its canonical text.
    pub(super) async fn run_text(
        &mut self,
        chain_id: u64,
        vault: Address,
    ) -> Result<Option<String>> {
        let sql = "SELECT body FROM open_runs WHERE chain_id = $1 AND vault = $2";
        let row = self.row(sql, args![stored(chain_id)?, vault]).await?;
        row.map(|row| row.text("body")).transpose()
    }

    /// Writes the open run as it stands now; a simulation that is noted stays until there is another one.
    async fn keep_run(
        &mut self,
        run: &DecisionRecord,
        body: &str,
        notes: &HoldNotes,
    ) -> Result<()> {
        let simulation = notes.simulation.as_ref().map(written).transpose()?;
        self.run(
            "INSERT INTO open_runs (chain_id, vault, body, keeper_version, simulation) \
             VALUES ($1, $2, $3, $4, $5) ON CONFLICT (chain_id, vault) DO UPDATE SET \
             body = excluded.body, keeper_version = excluded.keeper_version, \
             simulation = COALESCE(excluded.simulation, open_runs.simulation)",
            args![
                stored(run.header.chain_id)?,
                run.header.vault,
                body.to_owned(),
                notes.keeper_version.clone(),
                simulation
            ],
        )
        .await
    }

    /// Freezes the vault's open run, if it has one, with its outcome.
    async fn close_run(
        &mut self,
        chain_id: u64,
        vault: Address,
        line: &mut VaultLine,
    ) -> Result<Option<B256>> {
        let sql = "DELETE FROM open_runs WHERE chain_id = $1 AND vault = $2 \
                   RETURNING body, keeper_version, simulation";
        let Some(row) = self.row(sql, args![stored(chain_id)?, vault]).await? else {
            return Ok(None);
        };
        let body = row.text("body")?;
        let run = self.open_runs.read((chain_id, vault), &body)?;
        if run.previous != line.head {
            let message = "it does not follow the last record";
            return Err(damaged("open run", &vault.to_string(), message));
        }
        let hash = self.open_runs.hash((chain_id, vault), &body);
        self.freeze(&run, hash, body, line).await?;
        let state = match run.reason() {
            Reason::SimulationFailed => OutcomeState::SimulationFailed,
            _ => OutcomeState::Held,
        };
        let mut outcome = Outcome::new(hash, &row.text("keeper_version")?, state);
        if row.optional_text("simulation")?.is_some() {
            outcome.simulation = Some(row.json("simulation")?);
        }
        self.add_outcome(&outcome).await?;
        Ok(Some(hash))
    }

    /// Puts a record, with the hash of its text, at the end of its vault's chain.
    async fn freeze(
        &mut self,
        record: &DecisionRecord,
        hash: B256,
        body: String,
        line: &mut VaultLine,
    ) -> Result<()> {
        let (chain_id, vault) = (stored(record.header.chain_id)?, record.header.vault);
        self.run(
            "INSERT INTO records \
             (hash, chain_id, vault, sequence, kind, reason, first_block, last_block, body) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
            args![
                hash,
                chain_id,
                vault,
                stored(line.next_sequence)?,
                kind(record).to_owned(),
                format!("{:?}", record.reason()),
                stored(record.first().block().number)?,
                stored(record.last().block().number)?,
                body
            ],
        )
        .await?;
        line.next_sequence += 1;
        line.head = hash;
        self.run(
            "UPDATE vaults SET next_sequence = $3, head = $4 WHERE chain_id = $1 AND vault = $2",
            args![chain_id, vault, stored(line.next_sequence)?, hash],
        )
        .await
    }
}

/// The record's kind as it is listed: upkeep is sent as rebalances are, and is found with them.
pub(crate) const fn kind(record: &DecisionRecord) -> &'static str {
    if record.is_hold() { "hold" } else { "rebalance" }
}
