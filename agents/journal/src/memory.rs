//! A journal in memory, for tests that run thousands of keepers: it outlives the keeper, and nothing else. What it does
//! with a call is what the one over SQL does; a test compares the two call by call.

mod alerts;
mod leases;
mod reads;
mod writes;

use std::{
    collections::{BTreeMap, HashMap},
    fmt,
    sync::{Arc, Mutex},
};

use alloy_primitives::{Address, B256};
use async_trait::async_trait;
use vagus_policy::BlockRef;

use crate::{
    Adoption, Attempt, DecisionRecord, Intervention, InterventionAction, JournalError, Outcome,
    Result, Simulation, StoredTransaction, intervention::Strike,
};

/// Stands before and behind every call that writes. An error of either is the call's.
#[async_trait]
pub trait Gate: Send + Sync {
    /// Before anything is done.
    ///
    /// # Errors
    /// The call's; nothing was changed.
    async fn before(&self, call: &'static str) -> Result<()>;

    /// When everything is done and the caller does not know it yet.
    ///
    /// # Errors
    /// The call's, as if the answer were lost.
    async fn after(&self, call: &'static str) -> Result<()>;
}

/// Lets everything through.
#[derive(Debug)]
struct Open;

#[async_trait]
impl Gate for Open {
    async fn before(&self, _call: &'static str) -> Result<()> {
        Ok(())
    }

    async fn after(&self, _call: &'static str) -> Result<()> {
        Ok(())
    }
}

/// The journal. Clones are the same journal.
#[derive(Clone)]
pub struct MemoryJournal {
    state: Arc<Mutex<State>>,
    gate: Arc<dyn Gate>,
}

impl fmt::Debug for MemoryJournal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MemoryJournal")
    }
}

impl Default for MemoryJournal {
    fn default() -> Self {
        Self { state: Arc::default(), gate: Arc::new(Open) }
    }
}

impl MemoryJournal {
    /// The same journal behind a gate.
    #[must_use]
    pub fn behind(&self, gate: Arc<dyn Gate>) -> Self {
        Self { state: self.state.clone(), gate }
    }

    /// A person pauses or resumes a vault.
    ///
    /// # Errors
    /// What the gate says.
    pub async fn intervene(&self, made: &Intervention) -> Result<()> {
        self.write("intervene", |state| {
            let place = (made.chain_id, made.vault);
            state.lines.entry(place).or_default();
            state.interventions.push(made.clone());
            if made.action == InterventionAction::Resume {
                for strike in state.strikes.values_mut().filter(|strike| strike.0 == place) {
                    strike.2 = true;
                }
            }
            Ok(())
        })
        .await
    }

    fn read<T>(&self, look: impl FnOnce(&State) -> Result<T>) -> Result<T> {
        // A poisoned lock only means that a test died between two whole writes.
        look(&self.state.lock().unwrap_or_else(|e| e.into_inner()))
    }

    /// All of it or nothing, as in a database.
    async fn write<T>(
        &self,
        call: &'static str,
        change: impl FnOnce(&mut State) -> Result<T> + Send,
    ) -> Result<T> {
        self.gate.before(call).await?;
        let done = {
            let mut state = self.state.lock().unwrap_or_else(|e| e.into_inner());
            let mut changed = state.clone();
            let done = change(&mut changed)?;
            *state = changed;
            done
        };
        self.gate.after(call).await?;
        Ok(done)
    }
}

type Place = (u64, Address);

/// Where a vault's chain of records stands.
#[derive(Clone, Debug, Default)]
struct Line {
    head: B256,
    records: Vec<B256>,
    decided: Option<BlockRef>,
    dropped_before: u64,
}

#[derive(Clone, Debug)]
struct Frozen {
    place: Place,
    sequence: u64,
    /// None once it was dropped.
    record: Option<Arc<DecisionRecord>>,
    is_hold: bool,
}

#[derive(Clone, Debug)]
struct Run {
    record: Arc<DecisionRecord>,
    keeper_version: String,
    simulation: Option<Simulation>,
}

#[derive(Clone, Debug, Default)]
struct State {
    lines: BTreeMap<Place, Line>,
    records: HashMap<B256, Frozen>,
    runs: BTreeMap<Place, Run>,
    outcomes: HashMap<B256, Vec<Arc<Outcome>>>,
    /// In the order in which they were claimed.
    transactions: Vec<Arc<StoredTransaction>>,
    attempts: Vec<Arc<Attempt>>,
    cursors: HashMap<Place, Arc<serde_json::Value>>,
    adoptions: Vec<Adoption>,
    interventions: Vec<Intervention>,
    /// What speaks against a vault, by decision; whether a person has cleared it.
    strikes: HashMap<B256, (Place, Strike, bool)>,
    fees: Vec<Fee>,
    /// With their versions, which are never given twice.
    alerts: BTreeMap<String, (u64, serde_json::Value)>,
    alert_versions: u64,
}

/// What a final transaction cost.
#[derive(Clone, Debug)]
struct Fee {
    chain_id: u64,
    from: Address,
    hash: B256,
    paid_at: u64,
    fee_wei: u128,
}

impl State {
    fn transaction(&self, decision: B256) -> Result<&StoredTransaction> {
        let found = self.transactions.iter().find(|of| of.decision == decision);
        found.map(AsRef::as_ref).ok_or(JournalError::NoSuchTransaction(decision))
    }
}
