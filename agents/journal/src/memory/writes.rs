//! Writing.

use std::sync::Arc;

use alloy_primitives::{Address, B256};
use async_trait::async_trait;
use vagus_allocator::Reason;

use super::{Fee, Frozen, MemoryJournal, Place, Run, State};
use crate::{
    Adoption, Attempt, DecisionRecord, HoldNotes, HoldObservation, HoldRun, Journal, JournalError,
    Outcome, OutcomeState, Result, StoredTransaction, TransactionIntent, TransactionUpdate,
    intervention::Strike,
    run,
    store::{outcomes, transactions},
};

/// Holds looked at when old ones are dropped.
const STEP: usize = 64;

impl State {
    fn freeze(&mut self, place: Place, record: Arc<DecisionRecord>) -> Result<B256> {
        let hash = record.hash()?;
        let line = self.lines.entry(place).or_default();
        let sequence = line.records.len() as u64;
        line.records.push(hash);
        line.head = hash;
        let is_hold = record.is_hold();
        self.records.insert(hash, Frozen { place, sequence, record: Some(record), is_hold });
        Ok(hash)
    }

    fn close_run(&mut self, place: Place) -> Result<Option<B256>> {
        let Some(run) = self.runs.remove(&place) else { return Ok(None) };
        let state = match run.record.reason() {
            Reason::SimulationFailed => OutcomeState::SimulationFailed,
            _ => OutcomeState::Held,
        };
        let hash = self.freeze(place, run.record)?;
        let outcome = Outcome::new(hash, &run.keeper_version, state);
        self.add_outcome(&Outcome { simulation: run.simulation, ..outcome })?;
        Ok(Some(hash))
    }

    fn add_outcome(&mut self, outcome: &Outcome) -> Result<()> {
        let all = self.outcomes.entry(outcome.decision).or_default();
        let Some(next) = outcomes::following(all.last().map(AsRef::as_ref), outcome)? else {
            return Ok(());
        };
        all.push(Arc::new(next.clone()));
        if !matches!(next.state, OutcomeState::Held | OutcomeState::SimulationFailed) {
            self.note_strike(&next);
            self.note_fees(&next);
        }
        Ok(())
    }

    fn note_strike(&mut self, outcome: &Outcome) {
        let decision = outcome.decision;
        let Some(strike) = Strike::of(outcome) else {
            self.strikes.remove(&decision);
            return;
        };
        if let Some(frozen) = self.records.get(&decision) {
            let noted = self.strikes.entry(decision).or_insert((frozen.place, strike, false));
            noted.1 = strike;
        }
    }

    fn note_fees(&mut self, outcome: &Outcome) {
        let Ok(paid) = self.transaction(outcome.decision) else { return };
        let (chain_id, from) = (paid.chain_id, paid.from);
        for receipt in outcome.mined().filter(|_| outcome.state.is_terminal()) {
            let hash = receipt.transaction_hash;
            if self.fees.iter().all(|fee| fee.hash != hash) {
                let (paid_at, fee_wei) = (receipt.block_timestamp, receipt.fee_wei());
                self.fees.push(Fee { chain_id, from, hash, paid_at, fee_wei });
            }
        }
    }

    fn rebalance(
        &mut self,
        record: &DecisionRecord,
        sent: Option<(&TransactionIntent, &Outcome)>,
    ) -> Result<B256> {
        record.validate()?;
        if record.is_hold() {
            return Err(JournalError::NotARebalance);
        }
        let (place, hash) = ((record.header.chain_id, record.header.vault), record.hash()?);
        for named in sent.iter().flat_map(|(intent, outcome)| [intent.decision, outcome.decision]) {
            if named != hash {
                return Err(JournalError::NoSuchDecision(named));
            }
        }
        if !self.records.contains_key(&hash) {
            self.close_run(place)?;
            let expected = self.lines.entry(place).or_default().head;
            if record.previous != expected {
                let (vault, found) = (place.1, record.previous);
                return Err(JournalError::StaleHead { vault, found, expected });
            }
            self.freeze(place, Arc::new(record.clone()))?;
            self.lines.entry(place).or_default().decided = Some(record.last().block());
        }
        if let Some((intent, outcome)) = sent {
            self.claim(intent)?;
            self.add_outcome(outcome)?;
        }
        Ok(hash)
    }

    fn claim(&mut self, intent: &TransactionIntent) -> Result<()> {
        let decision = intent.decision;
        let frozen = self.records.get(&decision).filter(|frozen| !frozen.is_hold);
        let (chain_id, vault) = frozen.ok_or(JournalError::NoSuchDecision(decision))?.place;
        if self.transaction(decision).is_ok() {
            return Err(JournalError::AlreadyClaimed(decision));
        }
        self.transactions.push(Arc::new(StoredTransaction {
            decision,
            chain_id,
            vault,
            from: intent.from,
            state: intent.state.clone(),
            nonce: None,
            is_terminal: false,
        }));
        Ok(())
    }

    fn change(&mut self, decision: B256, update: &TransactionUpdate) -> Result<()> {
        let before = self.transaction(decision)?.clone();
        if !transactions::may_change(&before, update)? {
            return Ok(());
        }
        if let (None, Some(nonce)) = (before.nonce, update.nonce) {
            let is_taken = self.transactions.iter().any(|of| {
                (of.chain_id, of.from, of.nonce) == (before.chain_id, before.from, Some(nonce))
                    && !of.is_terminal
            });
            if is_taken {
                return Err(JournalError::NonceTaken { from: before.from, nonce });
            }
        }
        for of in self.transactions.iter_mut().filter(|of| of.decision == decision) {
            *of = Arc::new(StoredTransaction {
                state: update.state.clone(),
                nonce: update.nonce,
                is_terminal: update.is_terminal,
                ..before.clone()
            });
        }
        Ok(())
    }

    fn hold(&mut self, hold: &HoldObservation, notes: &HoldNotes) -> Result<HoldRun> {
        let place = (hold.header.chain_id, hold.header.vault);
        let mut fresh = run::begun(hold, B256::ZERO);
        fresh.validate()?;
        let mut closed = None;
        self.lines.entry(place).or_default();
        let before = self.runs.get(&place);
        let simulation = before.and_then(|run| run.simulation.clone());
        let next = before.and_then(|run| run::continued(&run.record, hold));
        let (record, simulation) = match next {
            Some(record) => (record, notes.simulation.clone().or(simulation)),
            None => {
                closed = self.close_run(place)?;
                fresh.previous = self.lines.entry(place).or_default().head;
                (fresh, notes.simulation.clone())
            }
        };
        let (hash, count) = (record.hash()?, record.blocks());
        let keeper_version = notes.keeper_version.clone();
        self.runs.insert(place, Run { record: Arc::new(record), keeper_version, simulation });
        self.lines.entry(place).or_default().decided = Some(hold.observation.block());
        Ok(HoldRun { hash, count, closed })
    }

    fn drop_holds(&mut self, place: Place, keep_seconds: u64) -> u64 {
        let Some(line) = self.lines.get_mut(&place) else { return 0 };
        let now = line.decided.map_or(0, |block| block.timestamp);
        let first = usize::try_from(line.dropped_before).unwrap_or(usize::MAX);
        let mut dropped = 0;
        for hash in line.records.clone().into_iter().skip(first).take(STEP) {
            let Some(frozen) = self.records.get_mut(&hash) else { break };
            let Some(record) = &frozen.record else { break };
            if now.saturating_sub(record.last().block().timestamp) <= keep_seconds {
                break;
            }
            if frozen.is_hold {
                frozen.record = None;
                self.outcomes.remove(&hash);
                dropped += 1;
            }
            line.dropped_before = frozen.sequence + 1;
        }
        dropped
    }
}

#[async_trait]
impl Journal for MemoryJournal {
    async fn append_decision(&self, record: &DecisionRecord) -> Result<B256> {
        self.write("append_decision", |state| state.rebalance(record, None)).await
    }

    async fn append_rebalance(
        &self,
        record: &DecisionRecord,
        intent: &TransactionIntent,
        outcome: &Outcome,
    ) -> Result<B256> {
        let sent = Some((intent, outcome));
        self.write("append_rebalance", |state| state.rebalance(record, sent)).await
    }

    async fn observe_holds(&self, holds: &[(HoldObservation, HoldNotes)]) -> Result<Vec<HoldRun>> {
        let all =
            |state: &mut State| holds.iter().map(|(hold, notes)| state.hold(hold, notes)).collect();
        self.write("observe_holds", all).await
    }

    async fn close_runs(&self) -> Result<Vec<B256>> {
        self.write("close_runs", |state| {
            let places: Vec<Place> = state.runs.keys().copied().collect();
            let closed = places.into_iter().map(|place| state.close_run(place));
            Ok(closed.collect::<Result<Vec<_>>>()?.into_iter().flatten().collect())
        })
        .await
    }

    async fn put_transaction(&self, intent: &TransactionIntent) -> Result<()> {
        self.write("put_transaction", |state| state.claim(intent)).await
    }

    async fn store_attempt(&self, attempt: &Attempt, update: &TransactionUpdate) -> Result<()> {
        self.write("store_attempt", |state| {
            state.change(attempt.decision, update)?;
            transactions::has_nonce(attempt, update)?;
            match state.attempts.iter().find(|of| of.hash == attempt.hash) {
                Some(known) if **known == *attempt => {}
                Some(_) => return Err(JournalError::AttemptChanged(attempt.hash)),
                None => state.attempts.push(Arc::new(attempt.clone())),
            }
            Ok(())
        })
        .await
    }

    async fn update_transaction(&self, decision: B256, update: &TransactionUpdate) -> Result<()> {
        self.write("update_transaction", |state| state.change(decision, update)).await
    }

    async fn append_outcome(&self, outcome: &Outcome) -> Result<()> {
        self.write("append_outcome", |state| {
            if !state.records.contains_key(&outcome.decision) {
                return Err(JournalError::NoSuchDecision(outcome.decision));
            }
            state.add_outcome(outcome)
        })
        .await
    }

    async fn put_cursor(
        &self,
        chain_id: u64,
        agent: Address,
        cursor: &serde_json::Value,
    ) -> Result<()> {
        self.write("put_cursor", |state| {
            state.cursors.insert((chain_id, agent), Arc::new(cursor.clone()));
            Ok(())
        })
        .await
    }

    async fn mark_orphaned(&self, decision: B256) -> Result<()> {
        self.write("mark_orphaned", |state| {
            if !state.records.contains_key(&decision) {
                return Err(JournalError::NoSuchDecision(decision));
            }
            let last = state.outcomes.get(&decision).and_then(|all| all.last()).cloned();
            match last {
                Some(last) => state.add_outcome(&Outcome { is_orphaned: true, ..(*last).clone() }),
                None => Ok(()),
            }
        })
        .await
    }

    async fn drop_old_holds(
        &self,
        chain_id: u64,
        vault: Address,
        keep_seconds: u64,
    ) -> Result<u64> {
        let place = (chain_id, vault);
        self.write("drop_old_holds", |state| Ok(state.drop_holds(place, keep_seconds))).await
    }

    async fn tidy(&self) -> Result<()> {
        Ok(())
    }

    async fn adopt(&self, adoption: &Adoption) -> Result<()> {
        self.write("adopt", |state| {
            state.adoptions.push(adoption.clone());
            Ok(())
        })
        .await
    }
}
