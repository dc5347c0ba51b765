//! What a stolen key of an agent can cost: the two bounds that the guard's budgets give, whatever the thief does.
//!
//! A bucket holds its capacity at once and leaks empty in a window, so over a span T at most
//! capacity × (1 + T ÷ window) goes through it. Measured loss fills the loss bucket. Where an accomplice can move the
//! price of a strategy inside its band, each unit of turnover can lose up to twice the band besides. Yield forgone and
//! a venue's own failure are bounded by weights and expiry, not by these.

use alloy_primitives::U256;

use crate::{
    document::{AgentPolicy, Policy, StrategyStatus},
    math::mul_div_up,
};

/// One bps of a bps: the unit of [`Promise`]'s answers, 10^8 of them are the whole.
const PARTS_PER_BPS: u64 = 10_000;

/// The capacities that bound what a key can do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Promise {
    /// Measured loss that fits at once, bps of base.
    pub loss_bps: u16,
    /// Turnover that fits at once, bps of base.
    pub turnover_bps: u16,
    /// The widest band among the strategies that the key may touch, bps.
    pub band_bps: u16,
    /// Seconds in which both are free again.
    pub window_seconds: u32,
}

impl Promise {
    /// For one agent: the lower of its budgets and the vault's, and the strategies in its scope.
    #[must_use]
    pub fn of(policy: &Policy, agent: &AgentPolicy) -> Self {
        let limits = &policy.limits;
        Self {
            loss_bps: agent.max_loss_bps.min(limits.max_loss_bps),
            turnover_bps: agent.max_turnover_bps.min(limits.max_turnover_bps),
            band_bps: widest_band(policy, agent.scope),
            window_seconds: limits.window_seconds,
        }
    }

    /// For all keys together: the vault's budgets.
    #[must_use]
    pub fn of_all(policy: &Policy) -> Self {
        let limits = &policy.limits;
        let scope = policy.agents.iter().fold(0, |scope, agent| scope | agent.scope);
        Self {
            loss_bps: limits.max_loss_bps,
            turnover_bps: limits.max_turnover_bps,
            band_bps: widest_band(policy, scope),
            window_seconds: limits.window_seconds,
        }
    }

    /// Most measured loss within a span, in 10^-8 of base, rounded up; 2^256 − 1 for a window of zero.
    #[must_use]
    pub fn loss_up(&self, span_seconds: u64) -> U256 {
        let capacity = u64::from(self.loss_bps).saturating_mul(PARTS_PER_BPS);
        self.within(U256::from(capacity), span_seconds)
    }

    /// Most that is lost besides where an accomplice moves prices, in 10^-8 of base, rounded up; likewise.
    #[must_use]
    pub fn pushed_up(&self, span_seconds: u64) -> U256 {
        let capacity = 2 * u64::from(self.band_bps) * u64::from(self.turnover_bps);
        self.within(U256::from(capacity), span_seconds)
    }

    fn within(&self, capacity: U256, span_seconds: u64) -> U256 {
        let window = U256::from(self.window_seconds);
        mul_div_up(capacity, window + U256::from(span_seconds), window)
    }
}

/// A written-off strategy may not be touched, so its band bounds nothing.
fn widest_band(policy: &Policy, scope: u32) -> u16 {
    let touched = policy.strategies.iter().enumerate().filter(|(place, entry)| {
        let is_in_scope = *place < 32 && scope >> place & 1 == 1;
        is_in_scope && entry.status != StrategyStatus::WrittenOff
    });
    touched.map(|(_, entry)| entry.price_band_bps).max().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::policy;

    #[test]
    fn a_key_is_bound_by_the_lower_budget_and_the_widest_band_it_reaches() {
        let mut policy = policy();
        policy.strategies[1].price_band_bps = 250;
        policy.strategies[2].price_band_bps = 900; // out of its scope
        let promise = Promise::of(&policy, &policy.agents[0]);
        assert_eq!((promise.loss_bps, promise.turnover_bps), (40, 4_000));
        assert_eq!(promise.band_bps, 250);
        policy.strategies[1].status = StrategyStatus::WrittenOff;
        assert_eq!(Promise::of(&policy, &policy.agents[0]).band_bps, 100);
        policy.agents[0].max_loss_bps = 9_000;
        let promise = Promise::of(&policy, &policy.agents[0]);
        assert_eq!(promise.loss_bps, policy.limits.max_loss_bps);
        assert_eq!(Promise::of_all(&policy).turnover_bps, policy.limits.max_turnover_bps);
    }

    #[test]
    fn a_span_of_a_window_doubles_it_and_a_part_rounds_up() {
        let promise =
            Promise { loss_bps: 50, turnover_bps: 10_000, band_bps: 100, window_seconds: 86_400 };
        assert_eq!(promise.loss_up(0), U256::from(500_000)); // 0.5 %
        assert_eq!(promise.loss_up(86_400), U256::from(1_000_000));
        assert_eq!(promise.loss_up(1), U256::from(500_006)); // 5.79 more, rounded up
        assert_eq!(promise.pushed_up(0), U256::from(2_000_000)); // 2 %
        assert_eq!(promise.pushed_up(7 * 86_400), U256::from(16_000_000));
        let never = Promise { window_seconds: 0, ..promise };
        assert_eq!(never.loss_up(1), U256::MAX);
    }
}
