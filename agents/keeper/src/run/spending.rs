//! What one key may do at once on a chain: how many transactions wait to be mined, and what they may cost in a day.

use alloy::primitives::B256;
use vagus_allocator::Reason;
use vagus_chain::{
    Header,
    lifecycle::{Phase, TxState},
};

use super::{ChainLoop, RunError};

/// Most transactions of a key that wait to be mined. More in a pool are more that one stuck nonce holds up.
pub(super) const MOST_IN_FLIGHT: usize = 8;
/// Window of the fee budget, seconds of chain time.
pub(super) const BUDGET_WINDOW_SECONDS: u64 = 86_400;

impl ChainLoop {
    /// Why no further transaction can begin now; none if there is room. While one that has its nonce cannot be signed, none can. `intent` is one that is stored already and has no
    /// nonce: of the others, only those with a nonce are before it.
    pub(super) async fn no_room(
        &self,
        head: &Header,
        gas_limit: u64,
        intent: Option<B256>,
    ) -> Result<Option<Reason>, RunError> {
        let chain_id = self.world.config.chain_id;
        let fees = &self.world.config.fees;
        let (mut waiting, mut at_risk_wei) = (0_usize, fees.worst_case_wei(gas_limit));
        for stored in self.journal.0.transactions_in_flight(chain_id).await? {
            let is_other = Some(stored.decision) != intent;
            let is_before = is_other && (intent.is_none() || stored.nonce.is_some());
            if stored.from != self.key.address() || !is_before {
                continue;
            }
            let state: TxState = serde_json::from_value(stored.state)?;
            if state.phase == Phase::Claimed {
                return Ok(Some(Reason::SignerFailed));
            }
            if state.phase.inclusion().is_none() {
                waiting = waiting.saturating_add(1);
            }
            // What is mined and not final may be reorganised away, and cost more the second time.
            let record = self.act_of(stored.decision, None).await?.record;
            at_risk_wei = at_risk_wei.saturating_add(fees.worst_case_wei(self.gas_limit(&record)));
        }
        if waiting >= MOST_IN_FLIGHT {
            return Ok(Some(Reason::TooManyInFlight));
        }
        let Some(budget) = &fees.daily_budget else { return Ok(None) };
        let since = head.block.timestamp.saturating_sub(BUDGET_WINDOW_SECONDS);
        let paid = self.journal.0.fees_paid(chain_id, self.key.address(), since).await?;
        let paid_wei = paid.iter().fold(0_u128, |sum, (_, fee_wei)| sum.saturating_add(*fee_wei));
        let is_over = paid_wei.saturating_add(at_risk_wei) > budget.wei;
        Ok(is_over.then_some(Reason::FeeBudgetSpent))
    }
}
