//! What would have come of a shadow's plan.

use alloy::primitives::{B256, U256};
use vagus_chain::{
    Call, ChainReader as _, Header,
    guard::{Rebalanced, decode_receipt},
};
use vagus_journal::{
    Body, DecisionRecord, Outcome, OutcomeState, ShadowEnd, ShadowLeg, StoredRecord,
};
use vagus_policy::Receipt;

use super::super::{ChainLoop, RunError, prediction::Comparison};
use crate::world::VaultWorld;

impl ChainLoop {
    /// Tries a shadow's plan once more where it could have been mined, and looks where the vault came to without it. Whether
    /// the plan is still open.
    pub(super) async fn follow_shadow(
        &self,
        vault: &VaultWorld,
        stored: &StoredRecord,
        mut outcome: Outcome,
        head: &Header,
    ) -> Result<bool, RunError> {
        let act = self.act_of(stored.hash, None).await?;
        let mut notes = outcome.shadow.take().unwrap_or_default();
        let decided = stored.record.first().block();
        if head.block.number <= decided.number {
            return Ok(true);
        }
        let before = notes.clone();
        let is_on_chain = !outcome.is_orphaned;
        if is_on_chain && notes.tried.is_none() {
            let gas = vault.config.gas.limit;
            let (from, to, returns) = (self.world.agent, act.to, act.returns);
            let call = Call { from, to, input: act.input, gas, returns };
            let note = self.try_out(&call, head, self.next_block_at(head)).await?;
            if let (true, Some(receipt)) = (note.is_success, decode_receipt(&note.output)) {
                let tolerance_bps = vault.config.headroom_bps;
                notes.is_as_predicted = is_as_predicted(&stored.record, &receipt, tolerance_bps);
            }
            notes.tried = Some(note);
        }
        if is_on_chain && head.block.timestamp > act.deadline {
            notes.end = self.shadow_end(vault, &stored.record, head).await?;
        }
        let is_open = is_on_chain && notes.end.is_none();
        if notes != before || !is_open {
            if !is_open {
                outcome.state = OutcomeState::Shadowed;
            }
            outcome.shadow = Some(notes);
            self.journal.0.append_outcome(&outcome).await?;
        }
        Ok(is_open)
    }

    /// The vault as it is; none if it cannot be read now.
    async fn shadow_end(
        &self,
        vault: &VaultWorld,
        record: &DecisionRecord,
        head: &Header,
    ) -> Result<Option<ShadowEnd>, RunError> {
        let queries = [self.world.query(vault)];
        let mut page = self.world.endpoints.snapshots(vault.entry.lens, &queries, head).await?;
        let Some(Ok(now)) = page.pop() else { return Ok(None) };
        let (before, now) = (&record.first().snapshot.vault, now.vault);
        let mut legs = Vec::new();
        let mut idle_predicted = before.idle;
        if let Body::Rebalance { rebalance, predicted, .. } = &record.body {
            idle_predicted = predicted.idle_after;
            for (leg, expected) in rebalance.moves.iter().zip(&predicted.legs) {
                let listed = before.strategies.get(usize::from(leg.index));
                let Some(strategy) = listed.map(|listed| listed.strategy) else { continue };
                let found = now.strategies.iter().find(|known| known.strategy == strategy);
                legs.push(ShadowLeg {
                    strategy,
                    before: expected.value_before,
                    predicted: expected.value_after,
                    actual: found.map_or(U256::ZERO, |found| found.redeem_assets),
                });
            }
        }
        let count = |state: &vagus_policy::VaultState| state.guard_state.rebalance_count;
        Ok(Some(ShadowEnd {
            block_number: head.block.number,
            block_hash: head.block.hash,
            rebalances: count(&now).saturating_sub(count(before)),
            idle_predicted,
            idle: now.idle,
            legs,
        }))
    }
}

fn is_as_predicted(record: &DecisionRecord, actual: &Receipt, tolerance_bps: u16) -> Option<bool> {
    let Body::Rebalance { rebalance, predicted, .. } = &record.body else { return None };
    let event = Rebalanced {
        agent: record.header.agent,
        nonce: rebalance.nonce,
        decision: B256::ZERO,
        rebalance_count: 0,
        turnover_assets: actual.legs.iter().fold(U256::ZERO, |sum, leg| sum + leg.assets),
        // Not looked at beside a receipt.
        loss_assets: U256::ZERO,
    };
    let comparison = Comparison {
        moves: &rebalance.moves,
        predicted,
        actual: Some(actual),
        event: &event,
        tolerance_bps,
    };
    Some(comparison.is_as_predicted())
}
