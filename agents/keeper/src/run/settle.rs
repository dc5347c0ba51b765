//! What came of a rebalance: where it was mined, and prediction against reality.

use alloy::primitives::{Address, B256, Bytes, U256};
use vagus_chain::{
    BlockAt, Call, ChainError, ChainReader as _, ChainWriter as _, Simulation,
    guard::{Rebalanced, decode_receipt, encode_rebalance, find_rebalanced},
    lifecycle::{Inclusion, Phase, TxState},
};
use vagus_journal::{AttemptSummary, Body, Outcome, OutcomeState, ReceiptSummary, Settlement};
use vagus_policy::Receipt;

use super::{ChainLoop, KEEPER_VERSION, RunError, prediction::Comparison};
use crate::{
    config::FeeModel,
    crash,
    receipt::summary,
    report::{Event, SettledEvent},
    words,
};

/// Everything signed for a transaction.
pub(super) fn attempts(state: &TxState, from: Address) -> Vec<AttemptSummary> {
    let Some(nonce) = state.nonce else { return Vec::new() };
    state
        .attempts
        .iter()
        .map(|attempt| AttemptSummary {
            hash: attempt.hash,
            from,
            nonce,
            max_fee_wei: attempt.fees.max_fee_wei,
            priority_fee_wei: attempt.fees.priority_fee_wei,
            is_cancel: attempt.is_cancel,
        })
        .collect()
}

const fn outcome_state(phase: &Phase) -> OutcomeState {
    match phase {
        Phase::Included(_) => OutcomeState::Included,
        Phase::Final(_) => OutcomeState::Executed,
        Phase::Reverted(_) => OutcomeState::Reverted,
        Phase::Cancelled(_) => OutcomeState::Cancelled,
        Phase::Expired => OutcomeState::Expired,
        Phase::Foreign => OutcomeState::Foreign,
        _ => OutcomeState::Submitted,
    }
}

impl ChainLoop {
    /// Writes what is now known of a rebalance, if it is more than before.
    pub(super) async fn settle(
        &self,
        decision: B256,
        from: Address,
        state: &TxState,
    ) -> Result<(), RunError> {
        let _step = self.step("settle", &decision);
        self.write_outcome(decision, from, state).await?;
        self.unsettled.remove(decision);
        Ok(())
    }

    async fn write_outcome(
        &self,
        decision: B256,
        from: Address,
        state: &TxState,
    ) -> Result<(), RunError> {
        let before = self.journal.0.outcome(decision).await?;
        let mut outcome = before
            .clone()
            .unwrap_or_else(|| Outcome::new(decision, KEEPER_VERSION, OutcomeState::Submitted));
        if outcome.state.is_terminal() {
            return Ok(());
        }
        outcome.state = outcome_state(&state.phase);
        outcome.attempts = attempts(state, from);
        outcome.finalized_number = state.is_terminal().then_some(state.head.finalized_number);
        match state.phase.inclusion() {
            None => {
                (outcome.receipt, outcome.settlement, outcome.revert) = (None, None, None);
                outcome.is_as_predicted = None;
            }
            Some(inclusion) => {
                let word = state.word.as_ref();
                self.describe_inclusion(&mut outcome, word, inclusion).await?;
            }
        }
        if state.is_terminal() {
            outcome.fills = self.fills(state).await?;
        }
        if before.as_ref() == Some(&outcome) {
            return Ok(());
        }
        let step = if outcome.state.is_terminal() { "settled" } else { "included" };
        let is_step = outcome.state != OutcomeState::Submitted;
        if is_step {
            crash::before(step);
        }
        self.journal.0.append_outcome(&outcome).await?;
        if is_step {
            crash::after(step);
        }
        if let Some(revert) = &outcome.revert
            && before.as_ref().is_none_or(|before| before.revert.is_none())
        {
            let message =
                revert.message.as_deref().unwrap_or("it goes through when it is tried again");
            tracing::warn!(
                "chain {}: rebalance {decision} reverted, {:?}: {} ({message})",
                self.world.config.name,
                revert.cause,
                words::revert(revert.cause)
            );
        }
        if outcome.is_as_predicted == Some(false)
            && before.as_ref().is_none_or(|before| before.is_as_predicted.is_none())
        {
            tracing::warn!(
                "chain {}: rebalance {decision} came out otherwise than predicted",
                self.world.config.name
            );
        }
        let is_news = before.map(|before| before.state) != Some(outcome.state);
        if is_news && is_step {
            let record = self.record(decision).await?;
            let vault = record.header.vault;
            let name = self.name_of(vault);
            self.reporter.say(&Event::Settled(SettledEvent::new(name, &outcome, &record)));
        }
        Ok(())
    }

    pub(super) async fn describe_inclusion(
        &self,
        outcome: &mut Outcome,
        word: Option<&Bytes>,
        inclusion: &Inclusion,
    ) -> Result<(), RunError> {
        let is_known = outcome.receipt.is_some_and(|known| {
            // What one endpoint told and others did not confirm is told anew.
            known.transaction_hash == inclusion.hash
                && known.block_hash == inclusion.block_hash
                && known.is_success == inclusion.is_success
                && known.gas_used == inclusion.gas_used
                && known.effective_gas_price_wei == inclusion.effective_gas_price_wei
        });
        let is_cancel = outcome.attempts.iter().any(|a| a.hash == inclusion.hash && a.is_cancel);
        let has_reverted = !inclusion.is_success && !is_cancel;
        if is_known && (!has_reverted || outcome.revert.is_some()) {
            return Ok(());
        }
        let found = self.world.endpoints.header(BlockAt::Hash(inclusion.block_hash)).await?;
        let header = found.ok_or_else(|| self.late(inclusion.block_hash))?;
        let receipt = self.world.endpoints.receipt(inclusion.hash).await?;
        let data_fee_wei = match (&receipt, self.world.config.profile.fee_model) {
            (Some(receipt), _) => receipt.data_fee_wei,
            // Without it what was paid would not be counted.
            (None, FeeModel::Op) => return Err(self.late(inclusion.block_hash).into()),
            (None, FeeModel::L1 | FeeModel::Arbitrum) => 0,
        };
        outcome.receipt = Some(ReceiptSummary {
            transaction_hash: inclusion.hash,
            block_number: inclusion.block_number,
            block_hash: inclusion.block_hash,
            block_timestamp: header.block.timestamp,
            is_success: inclusion.is_success,
            gas_used: inclusion.gas_used,
            effective_gas_price_wei: inclusion.effective_gas_price_wei,
            data_fee_wei,
        });
        (outcome.settlement, outcome.is_as_predicted, outcome.revert) = (None, None, None);
        let record = self.record(outcome.decision).await?;
        if has_reverted && matches!(record.body, Body::Rebalance { .. }) {
            let is_last_try = outcome.state.is_terminal();
            outcome.revert = self
                .explain_revert(outcome.decision, word, inclusion, &header, is_last_try)
                .await?;
        }
        if !inclusion.is_success || is_cancel {
            return Ok(());
        }
        if !matches!(record.body, Body::Rebalance { .. }) {
            return Ok(());
        }
        let event = receipt.and_then(|receipt| find_rebalanced(record.header.guard, &receipt.logs));
        let Some(event) = event.filter(|event| event.decision == outcome.decision) else {
            return Ok(());
        };
        let Body::Rebalance { rebalance, predicted, .. } = &record.body else { return Ok(()) };
        let actual =
            self.replay(outcome.decision, header.block.parent_hash, header.block.timestamp).await?;
        let actual = actual.filter(|actual| agrees(actual, &event));
        let vault = self.world.vaults.iter().find(|known| known.entry.vault == record.header.vault);
        let comparison = Comparison {
            moves: &rebalance.moves,
            predicted,
            actual: actual.as_ref(),
            event: &event,
            tolerance_bps: vault.map_or(0, |vault| vault.config.headroom_bps),
        };
        outcome.is_as_predicted = Some(comparison.is_as_predicted());
        outcome.settlement =
            actual.map(|actual| Settlement { predicted: predicted.clone(), actual });
        Ok(())
    }

    /// A block that carries a receipt exists: without it, what was paid would not be counted.
    fn late(&self, block: B256) -> ChainError {
        ChainError::Late { endpoint: self.world.endpoints.endpoint(), block }
    }

    /// Where nonces before a transaction's own were mined that were filled for it. It has ended: nothing of that changes.
    async fn fills(&self, state: &TxState) -> Result<Vec<ReceiptSummary>, RunError> {
        let mut mined = Vec::new();
        for fill in &state.fills {
            let Some(receipt) = self.world.endpoints.receipt(fill.hash).await? else { continue };
            let header = self.world.endpoints.header(BlockAt::Hash(receipt.block_hash)).await?;
            let header = header.ok_or_else(|| self.late(receipt.block_hash))?;
            mined.push(summary(&receipt, &header));
        }
        Ok(mined)
    }

    /// What the guard returned: the same call on the block before, at the block's time.
    async fn replay(
        &self,
        decision: B256,
        parent: B256,
        at: u64,
    ) -> Result<Option<Receipt>, RunError> {
        let (record, rebalance) = self.rebalance_of(decision).await?;
        let Some(parent) = self.world.endpoints.header(BlockAt::Hash(parent)).await? else {
            return Ok(None);
        };
        let call = Call {
            returns: true,
            from: record.header.agent,
            to: record.header.guard,
            input: encode_rebalance(&rebalance),
            gas: self.gas_limit(&record),
        };
        Ok(match self.world.endpoints.simulate(&call, &parent, at).await? {
            Simulation::Succeeds(output) => decode_receipt(&output),
            Simulation::Fails { .. } => None,
        })
    }
}

/// The replay is what happened only if the event says the same: another transaction of the block may have come first.
fn agrees(actual: &Receipt, event: &Rebalanced) -> bool {
    let turnover = actual.legs.iter().fold(U256::ZERO, |sum, leg| sum.saturating_add(leg.assets));
    turnover == event.turnover_assets
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_end_of_a_transaction_has_its_outcome() {
        let inclusion = Inclusion {
            hash: B256::ZERO,
            block_number: 1,
            block_hash: B256::ZERO,
            is_success: true,
            gas_used: 1,
            effective_gas_price_wei: 1,
        };
        for phase in [
            Phase::Intended,
            Phase::Claimed,
            Phase::Signed,
            Phase::Pending,
            Phase::Cancelling,
            Phase::Included(inclusion),
            Phase::Final(inclusion),
            Phase::Reverted(inclusion),
            Phase::Cancelled(inclusion),
            Phase::Expired,
            Phase::Foreign,
        ] {
            assert_eq!(outcome_state(&phase).is_terminal(), phase.is_terminal(), "{phase:?}");
        }
    }
}
