//! What happens to the keeper's surroundings.

use alloy::primitives::{Address, Bytes, U256};
use serde_json::json;
use vagus_chain::signer::Unsigned;
use vagus_keeper::testing::BLOCK_SECONDS;
use vagus_policy::Curve;

use super::{End, World};
use crate::What;

/// Base fee while nothing is special.
pub(super) const BASE_FEE_WEI: u128 = 1_000_000_000;

impl World {
    pub(super) fn end(&mut self, block: u64) {
        for end in self.ends.remove(&block).unwrap_or_default() {
            match end {
                End::Lag(place) => self.plan.set_lag(place, 0),
                End::Down(place) => self.plan.set_down(place, false),
                End::Crowd => self.chain.with(|model| model.is_mining = true),
                End::Spike => self.chain.with(|model| model.base_fee_wei = BASE_FEE_WEI),
            }
        }
    }

    fn later(&mut self, block: u64, blocks: u64, end: End) {
        self.ends.entry(block.saturating_add(blocks)).or_default().push(end);
    }

    pub(super) async fn happen(&mut self, block: u64, what: &What) {
        let is_counted = match what {
            What::Answer { endpoint, method, nth, fault } => {
                self.plan.arm_answer(*endpoint, method, *nth, *fault);
                false
            }
            What::Write { call, nth, fault } => {
                self.plan.arm_write(call, *nth, *fault);
                false
            }
            What::Crash { call, is_after, nth } => {
                self.plan.arm_crash(call, *nth, *is_after);
                false
            }
            What::Lags { endpoint, depth, blocks } => {
                self.plan.set_lag(*endpoint, *depth);
                self.later(block, *blocks, End::Lag(*endpoint));
                true
            }
            What::Down { endpoint, blocks } => {
                self.plan.set_down(*endpoint, true);
                self.later(block, *blocks, End::Down(*endpoint));
                true
            }
            What::Reorganised { depth, is_pooled } => self.reorganise(*depth, *is_pooled),
            What::Rewritten { below } => {
                let depth = self.chain.with(|model| {
                    let above = model.head().block.number - model.finalized().block.number;
                    usize::try_from(above).unwrap_or_default().saturating_add(*below)
                });
                self.seen.has_rewritten = true;
                self.reorganise(depth, true)
            }
            What::PoolDropped => {
                self.chain.with(|model| model.drop_pool());
                true
            }
            What::Crowded { blocks } => {
                self.chain.with(|model| model.is_mining = false);
                self.later(block, *blocks, End::Crowd);
                true
            }
            What::FeeSpike { factor, blocks } => {
                self.chain.with(|model| model.base_fee_wei = BASE_FEE_WEI.saturating_mul(*factor));
                self.later(block, *blocks, End::Spike);
                true
            }
            What::Foreign { ahead } => self.foreign(*ahead).await,
            What::Exit { percent } => {
                self.chain.with(|model| {
                    let taken = model.state.idle * U256::from(*percent) / U256::from(100);
                    model.state.idle -= taken;
                    change_nav(&mut model.state, |nav| nav.saturating_sub(taken));
                });
                self.seen.has_others = true;
                true
            }
            What::Entry { percent } => {
                self.chain.with(|model| {
                    let nav = model.state.nav.nav_assets;
                    let brought = nav * U256::from(*percent) / U256::from(100);
                    model.state.idle += brought;
                    change_nav(&mut model.state, |nav| nav + brought);
                });
                self.seen.has_others = true;
                true
            }
            What::RatesTurn => {
                self.chain.with(|model| turn(&mut model.state.strategies));
                true
            }
            What::Asleep { blocks } => {
                self.asleep_until = block.saturating_add(*blocks);
                true
            }
        };
        if is_counted {
            self.plan.meet(what.kind());
        }
    }

    /// Never below the first block: then nothing happens.
    fn reorganise(&mut self, depth: usize, is_pooled: bool) -> bool {
        self.seen.has_reorganised = true;
        self.chain.with(|model| {
            if model.headers().len() <= depth {
                return false;
            }
            let finalized = model.finalized().block.number;
            let head = model.head().block.number;
            if is_pooled {
                model.roll_back_into_pool(depth);
            } else {
                model.roll_back(depth);
            }
            let height = head - depth as u64;
            model.finalize(finalized.min(height));
            // The branch that won is at least as long.
            for _ in 0..depth {
                model.mine(BLOCK_SECONDS);
            }
            true
        })
    }

    /// Whoever else has the key sends something.
    async fn foreign(&mut self, ahead: u64) -> bool {
        let agent = self.key.address();
        let nonce = self.chain.with(|model| model.next_nonce(agent)).saturating_add(ahead);
        let unsigned = Unsigned {
            chain_id: 31_337,
            nonce,
            to: Address::repeat_byte(0x99),
            input: Bytes::new(),
            gas_limit: 21_000,
            max_fee_wei: BASE_FEE_WEI * 400,
            priority_fee_wei: 1,
        };
        let Ok(signed) = self.key.sign(&unsigned).await else { return false };
        self.seen.has_foreign = true;
        let request = json!({"method": "eth_sendRawTransaction", "params": [signed.raw], "id": 1});
        let _ = self.chain.answer(&request, 0);
        true
    }

    pub(super) fn mine(&mut self) {
        for request in self.plan.arriving() {
            let _ = self.chain.answer(&request, 0);
        }
        let finality = self.schedule.finality;
        self.chain.with(|model| {
            // It is never the same twice in a row.
            let swing = u128::from(model.head().block.number % 5) * (model.base_fee_wei / 64);
            let calm = model.base_fee_wei;
            model.base_fee_wei = calm.saturating_add(swing);
            let head = model.mine(BLOCK_SECONDS).block.number;
            model.base_fee_wei = calm;
            let finalized = model.finalized().block.number;
            model.finalize(finalized.max(head.saturating_sub(finality)));
        });
    }
}

fn change_nav(state: &mut vagus_policy::VaultState, change: impl Fn(U256) -> U256) {
    let nav = &mut state.nav;
    for assets in
        [&mut nav.live_assets, &mut nav.nav_assets, &mut nav.entry_assets, &mut nav.base_assets]
    {
        *assets = change(*assets);
    }
    nav.supply = change(nav.supply);
    (state.checkpoint.nav, state.checkpoint.base) = (nav.nav_assets, nav.base_assets);
}

/// What was borrowed in one market is borrowed in the other.
fn turn(strategies: &mut [vagus_policy::StrategyState]) {
    if let [first, second, ..] = strategies
        && let (Curve::AaveV3(first), Curve::AaveV3(second)) = (&mut first.curve, &mut second.curve)
    {
        std::mem::swap(first, second);
    }
}
