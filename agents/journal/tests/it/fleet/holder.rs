//! A keeper, as far as its journal and its sending go.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use alloy_primitives::{Address, B256};
use serde_json::{Value, json};
use vagus_journal::{
    Attempt, Body, ErrorKind, Journal, JournalError, Lease, LeaseKey, Leases as _, Outcome,
    OutcomeState, Pauses, ReadJournal as _, Result, Session, SqlJournal, StoredTransaction,
    TransactionIntent, TransactionUpdate,
};

use super::world::{Ledger, Signed};
use crate::fixture::{AGENT, OTHER_VAULT, VAULT, rebalance};

pub(super) const VAULTS: [Address; 2] = [VAULT, OTHER_VAULT];
/// Milliseconds of the database's clock.
pub(super) const LEASE: u64 = 1_000;
const DEADLINE: u64 = 3 * LEASE;

pub(super) struct Holder {
    pub(super) journal: SqlJournal,
    pub(super) chain_id: u64,
    pub(super) ledger: Arc<dyn Ledger>,
    pub(super) gate: Arc<dyn Pauses>,
    /// Writes that were refused because a lease was lost.
    pub(super) refused: Arc<AtomicU64>,
    /// The first error that no keeper should meet.
    pub(super) wrong: Arc<Mutex<Option<String>>>,
    pub(super) session: Option<Session>,
    pub(super) held: BTreeMap<LeaseKey, Lease>,
    /// Whether nothing new is begun.
    pub(super) is_ending: bool,
}

impl Holder {
    /// Works for ever; whatever fails is begun again.
    pub(super) async fn work(mut self) {
        loop {
            self.round().await;
        }
    }

    pub(super) async fn round(&mut self) {
        if let Err(error) = self.try_round().await {
            if error.kind() != ErrorKind::Retry {
                self.wrong.lock().unwrap().get_or_insert(error.to_string());
            }
            if matches!(error, JournalError::LeaseLost { .. }) {
                self.refused.fetch_add(1, Ordering::SeqCst);
            }
        }
    }

    /// A round that begins nothing.
    pub(super) async fn round_without_deciding(&mut self) {
        self.is_ending = true;
        self.round().await;
    }

    /// Number of transactions that have not ended.
    pub(super) async fn in_flight(&self) -> usize {
        self.journal.transactions_in_flight(self.chain_id).await.unwrap().len()
    }

    /// A holder that has nothing yet.
    pub(super) fn new(
        journal: SqlJournal,
        chain_id: u64,
        ledger: Arc<dyn Ledger>,
        gate: Arc<dyn Pauses>,
    ) -> Self {
        Self {
            journal,
            chain_id,
            ledger,
            gate,
            refused: Arc::default(),
            wrong: Arc::default(),
            session: None,
            held: BTreeMap::new(),
            is_ending: false,
        }
    }

    async fn try_round(&mut self) -> Result<()> {
        self.take_leases().await?;
        let leases: Vec<_> = self.held.values().copied().collect();
        let journal = self.journal.fenced(&leases);
        for vault in VAULTS.into_iter().filter(|_| !self.is_ending) {
            if let Some(lease) = self.held.get(&LeaseKey::vault(self.chain_id, vault)) {
                self.decide(&*journal, vault, lease.token).await?;
            }
        }
        if let Some(lease) = self.held.get(&LeaseKey::key(self.chain_id, AGENT)) {
            for stored in journal.transactions_in_flight(self.chain_id).await? {
                self.drive(&*journal, stored, lease.token).await?;
            }
        }
        Ok(())
    }

    async fn take_leases(&mut self) -> Result<()> {
        let time = Duration::from_millis(LEASE);
        let session = match self.session {
            Some(session) => session,
            None => self.journal.join("holder").await?,
        };
        self.session = Some(session);
        let chain_id = self.chain_id;
        let vaults = VAULTS.map(|vault| LeaseKey::vault(chain_id, vault));
        for key in vaults.into_iter().chain([LeaseKey::key(chain_id, AGENT)]) {
            // As a keeper does it: what is held is prolonged, what is lost is lost.
            let lease = match self.held.remove(&key) {
                Some(lease) => self.journal.renew(&[lease], time).await?.pop(),
                None => self.journal.acquire(session, key, time).await?,
            };
            self.held.extend(lease.map(|lease| (key, lease)));
        }
        Ok(())
    }

    /// What is in flight first, then the chain: what is not in flight any more is in what the chain says.
    async fn decide(&self, journal: &dyn Journal, vault: Address, token: u64) -> Result<()> {
        let chain_id = self.chain_id;
        let in_flight = journal.transactions_in_flight(chain_id).await?;
        if in_flight.iter().any(|stored| stored.vault == vault) {
            return Ok(());
        }
        self.gate.pause().await;
        let seen = self.ledger.executed(vault).await;
        let decided = journal.last_decided_block(chain_id, vault).await?;
        let head = journal.head_hash(chain_id, vault).await?;
        let number = decided.map_or(100, |block| block.number + 1);
        let mut record = rebalance(vault, head, number);
        record.header.chain_id = chain_id;
        if let Body::Rebalance { observation, rebalance, .. } = &mut record.body {
            observation.snapshot.chain_id = chain_id;
            observation.snapshot.vault.agent.nonce = seen;
            rebalance.nonce = seen;
            // For whoever checks: under which token it was decided.
            observation.inputs.gas_price_wei = token.into();
        }
        let decision = record.hash().unwrap();
        let state = json!({
            "version": 0, "phase": "intended", "signed": [], "seen": seen,
            "deadline": self.ledger.now() + DEADLINE,
        });
        let intent = TransactionIntent { decision, from: AGENT, state };
        let outcome = Outcome::new(decision, "0.1.0", OutcomeState::Submitted);
        journal.append_rebalance(&record, &intent, &outcome).await.map(drop)
    }

    async fn drive(
        &self,
        journal: &dyn Journal,
        stored: StoredTransaction,
        token: u64,
    ) -> Result<()> {
        let (decision, nonce) = (stored.decision, stored.nonce);
        let phase = stored.state["phase"].as_str().unwrap().to_owned();
        let Some(nonce) = nonce else {
            let nonce = self.free_nonce(journal).await?;
            let state = stepped(&stored.state, "claimed");
            return self.update(journal, decision, state, nonce, false).await;
        };
        let mine: Vec<B256> =
            serde_json::from_value(stored.state["signed"].clone()).expect("hashes");
        self.gate.pause().await;
        // The count first: what is mined after it is found.
        let count = self.ledger.count().await;
        if let Some(mined) = self.ledger.mined_of(&mine).await {
            return self.end(journal, &stored, &mined).await;
        }
        // The nonce was used, by nothing that the state knows of.
        if count > nonce {
            let state = stepped(&stored.state, "foreign");
            return self.update(journal, decision, state, nonce, true).await;
        }
        let is_late = self.ledger.now() > stored.state["deadline"].as_u64().unwrap();
        let seen = stored.state["seen"].as_u64().unwrap();
        let signed =
            Signed { decision, vault: stored.vault, nonce, is_cancel: is_late, token, seen };
        if mine.is_empty() || (is_late && phase != "cancelling") {
            let phase = if is_late { "cancelling" } else { "signed" };
            self.sign(journal, &stored, signed, phase).await?;
        }
        // Everything that is stored is handed in again, whoever signed it.
        for attempt in journal.attempts(decision).await? {
            self.gate.pause().await;
            self.ledger.broadcast(read(&attempt)).await;
        }
        Ok(())
    }

    async fn free_nonce(&self, journal: &dyn Journal) -> Result<u64> {
        self.gate.pause().await;
        let mut nonce = self.ledger.count().await;
        for held in journal.nonces_in_flight(self.chain_id, AGENT).await? {
            nonce += u64::from(held == nonce);
        }
        Ok(nonce)
    }

    async fn sign(
        &self,
        journal: &dyn Journal,
        stored: &StoredTransaction,
        signed: Signed,
        phase: &str,
    ) -> Result<()> {
        let mut state = stepped(&stored.state, phase);
        state["signed"].as_array_mut().unwrap().push(json!(signed.hash()));
        let update = TransactionUpdate { state, nonce: Some(signed.nonce), is_terminal: false };
        let text = json!([signed.vault, signed.seen]).to_string();
        let attempt = Attempt {
            hash: signed.hash(),
            decision: signed.decision,
            nonce: signed.nonce,
            max_fee_wei: signed.token.into(),
            priority_fee_wei: 0,
            is_cancel: signed.is_cancel,
            raw: text.into_bytes().into(),
        };
        journal.store_attempt(&attempt, &update).await?;
        self.gate.pause().await;
        self.ledger.broadcast(signed).await;
        Ok(())
    }

    async fn end(
        &self,
        journal: &dyn Journal,
        stored: &StoredTransaction,
        mined: &Signed,
    ) -> Result<()> {
        let (phase, outcome) = if mined.is_cancel {
            ("cancelled", OutcomeState::Cancelled)
        } else {
            ("final", OutcomeState::Executed)
        };
        let outcome = Outcome::new(stored.decision, "0.1.0", outcome);
        journal.append_outcome(&outcome).await?;
        let state = stepped(&stored.state, phase);
        self.update(journal, stored.decision, state, mined.nonce, true).await
    }

    async fn update(
        &self,
        journal: &dyn Journal,
        decision: B256,
        state: Value,
        nonce: u64,
        is_terminal: bool,
    ) -> Result<()> {
        let update = TransactionUpdate { state, nonce: Some(nonce), is_terminal };
        journal.update_transaction(decision, &update).await
    }
}

fn stepped(state: &Value, phase: &str) -> Value {
    let mut next = state.clone();
    next["version"] = json!(state["version"].as_u64().unwrap() + 1);
    next["phase"] = json!(phase);
    next
}

fn read(attempt: &Attempt) -> Signed {
    let (vault, seen) = serde_json::from_slice(&attempt.raw).unwrap();
    Signed {
        decision: attempt.decision,
        vault,
        nonce: attempt.nonce,
        is_cancel: attempt.is_cancel,
        token: u64::try_from(attempt.max_fee_wei).unwrap(),
        seen,
    }
}
