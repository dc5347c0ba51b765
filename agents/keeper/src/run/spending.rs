//! What one key may do at once on a chain: how many transactions wait to be mined, and what they may cost in a day.

use alloy::primitives::{B256, U256};
use vagus_allocator::Reason;
use vagus_chain::{
    ChainWriter as _, Header,
    lifecycle::{Phase, TxState},
};

use super::{ChainLoop, RunError};
use crate::board::Purse;

/// Most transactions of a key that wait to be mined. More in a pool are more that one stuck nonce holds up.
pub(super) const MOST_IN_FLIGHT: usize = 8;
/// Window of the fee budget, seconds of chain time.
pub(super) const BUDGET_WINDOW_SECONDS: u64 = 86_400;

/// Decided blocks from one look at a purse that is low to the next: somebody may have filled it.
const LOOK_EVERY: u64 = 25;
/// Rebalances at the cap that a purse which is not low can pay for.
const COMFORTABLE: u64 = 10;

/// When the purse is looked at next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum PurseLook {
    /// At the next block.
    Due,
    /// Now and then: it was low.
    Low,
    /// When something was done.
    Done,
}

impl ChainLoop {
    /// Shows what the key's account has and may spend: at the start, while something is under way and once after it, and
    /// now and then while it is low. While nothing is done nothing more is asked. Whether it can be asked is no matter of
    /// the block's.
    pub(super) async fn show_purse(&mut self, head: &Header, is_busy: bool) {
        let Some(board) = self.reporter.board() else { return };
        let is_tick = self.sight.account().decided.is_multiple_of(LOOK_EVERY);
        let is_due = self.purse == PurseLook::Due || self.purse == PurseLook::Low && is_tick;
        if !is_busy && !is_due {
            return;
        }
        let fees = &self.world.config.fees;
        let limit = self.world.vaults.iter().map(|vault| vault.config.gas.limit).max();
        let worst_wei = fees.worst_case_wei(limit.unwrap_or_default());
        // What bytes cost beside the gas; while nobody tells, the gas alone.
        let data_wei = self.data_fee.most_wei_up().unwrap_or_default();
        let worst = U256::from(worst_wei.saturating_add(data_wei));
        let (chain_id, account) = (self.world.config.chain_id, self.key.address());
        let since = head.block.timestamp.saturating_sub(BUDGET_WINDOW_SECONDS);
        let balance_wei = match self.world.endpoints.balance(account).await {
            Ok(balance_wei) => balance_wei,
            Err(error) => return tracing::debug!("the balance of {account} is not known: {error}"),
        };
        let budget_wei = match &fees.daily_budget {
            None => None,
            Some(budget) => match self.journal.0.fees_paid(chain_id, account, since).await {
                Ok(paid) => {
                    let paid = paid.iter().fold(0_u128, |sum, (_, fee)| sum.saturating_add(*fee));
                    Some((budget.wei, budget.wei.saturating_sub(paid)))
                }
                Err(error) => return tracing::debug!("what was paid is not known: {error}"),
            },
        };
        let low_wei = worst.saturating_mul(U256::from(COMFORTABLE));
        let purse = Purse { balance_wei, low_wei, budget_wei };
        board.change_chain(&self.world.config.name, |view| view.purse = Some(purse));
        self.purse = match (is_busy, purse.is_low()) {
            (true, _) => PurseLook::Due,
            (false, true) => PurseLook::Low,
            (false, false) => PurseLook::Done,
        };
    }

    /// Why no further transaction can begin now; none if there is room. While one that has its nonce cannot be signed, none
    /// can. `intent` is one that is stored already and has no nonce: of the others, only those with a nonce are before it.
    pub(super) async fn no_room(
        &self,
        head: &Header,
        gas_limit: u64,
        intent: Option<B256>,
    ) -> Result<Option<Reason>, RunError> {
        let fees = &self.world.config.fees;
        let data_wei = match (self.data_fee.most_wei_up(), &fees.daily_budget) {
            (Some(data_wei), _) => data_wei,
            (None, Some(_)) => return Ok(Some(Reason::NoNativePrice)),
            // Without a budget nothing is compared with it; all other bounds hold.
            (None, None) => 0,
        };
        let under_way = self.under_way(data_wei, intent).await?;
        if under_way.is_unsigned {
            return Ok(Some(Reason::SignerFailed));
        }
        if under_way.waiting >= MOST_IN_FLIGHT {
            return Ok(Some(Reason::TooManyInFlight));
        }
        let cost_wei = fees.worst_case_wei(gas_limit).saturating_add(data_wei);
        let fits =
            self.fits(head.block.timestamp, under_way.at_risk_wei.saturating_add(cost_wei)).await?;
        Ok((!fits).then_some(Reason::FeeBudgetSpent))
    }

    /// Whether a nonce that somebody left open may be filled at a block time: beside everything that is under way.
    pub(super) async fn may_fill(&self, at: u64) -> Result<bool, RunError> {
        if self.world.config.fees.daily_budget.is_none() {
            return Ok(true);
        }
        let Some(data_wei) = self.data_fee.most_wei_up() else { return Ok(false) };
        let under_way = self.under_way(data_wei, None).await?;
        let cost_wei = self.world.config.fees.worst_fill_wei().saturating_add(data_wei);
        self.fits(at, under_way.at_risk_wei.saturating_add(cost_wei)).await
    }

    /// What the key has under way; before an intent, if one is named.
    async fn under_way(&self, data_wei: u128, intent: Option<B256>) -> Result<UnderWay, RunError> {
        let fees = &self.world.config.fees;
        let fill_wei = fees.worst_fill_wei().saturating_add(data_wei);
        let mut found = UnderWay::default();
        for stored in self.journal.0.transactions_in_flight(self.world.config.chain_id).await? {
            let is_other = Some(stored.decision) != intent;
            let is_before = is_other && (intent.is_none() || stored.nonce.is_some());
            if stored.from != self.key.address() || !is_before {
                continue;
            }
            let state: TxState = serde_json::from_value(stored.state)?;
            found.is_unsigned |= state.phase == Phase::Claimed;
            if state.phase.inclusion().is_none() {
                found.waiting = found.waiting.saturating_add(1);
            }
            // What is mined and not final may be reorganised away, and cost more the second time.
            let record = self.record(stored.decision).await?;
            let own_wei = fees.worst_case_wei(self.gas_limit(&record)).saturating_add(data_wei);
            let fills_wei = fill_wei.saturating_mul(state.filled_nonces().into());
            found.at_risk_wei = found.at_risk_wei.saturating_add(own_wei).saturating_add(fills_wei);
        }
        Ok(found)
    }

    /// Whether so much fits into the daily budget beside what was paid.
    async fn fits(&self, at: u64, at_risk_wei: u128) -> Result<bool, RunError> {
        let Some(budget) = &self.world.config.fees.daily_budget else { return Ok(true) };
        let since = at.saturating_sub(BUDGET_WINDOW_SECONDS);
        let (chain_id, account) = (self.world.config.chain_id, self.key.address());
        let paid = self.journal.0.fees_paid(chain_id, account, since).await?;
        let paid_wei = paid.iter().fold(0_u128, |sum, (_, fee_wei)| sum.saturating_add(*fee_wei));
        Ok(paid_wei.saturating_add(at_risk_wei) <= budget.wei)
    }
}

/// What a key has in flight.
#[derive(Clone, Copy, Debug, Default)]
struct UnderWay {
    /// Transactions that wait to be mined.
    waiting: usize,
    /// Whether one of them has its nonce and no signature.
    is_unsigned: bool,
    /// What all of them, mined and not final ones included, can come to cost.
    at_risk_wei: u128,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_purse_is_low_below_its_line_and_a_budget_below_a_fifth() {
        let purse = |balance: u64, left: u128| Purse {
            balance_wei: U256::from(balance),
            low_wei: U256::from(100),
            budget_wei: Some((1_000, left)),
        };
        assert!(!purse(100, 200).is_low() && !purse(100, 200).is_budget_low());
        assert!(purse(99, 200).is_low() && purse(100, 199).is_budget_low());
        assert!(!Purse { budget_wei: None, ..purse(100, 0) }.is_budget_low());
    }
}
