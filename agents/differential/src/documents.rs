//! Policies for the cases: wide open, narrow at random, or open but for one rule.

use alloy_primitives::{Address, U256};
use vagus_policy::{
    AgentPolicy, Limits, Mode, Objective, ObjectiveKind, POLICY_SCHEMA_VERSION, Policy,
    StrategyPolicy, StrategyStatus,
};

use crate::rng::Rng;

pub(crate) const AGENT: Address = Address::repeat_byte(0xa1);
pub(crate) const OTHER_AGENT: Address = Address::repeat_byte(0xa2);
/// No policy names it.
pub(crate) const STRANGER: Address = Address::repeat_byte(0xa3);

const WAD: u64 = 1_000_000_000_000_000_000;

/// Under it nearly everything is allowed.
pub(crate) fn open(strategies: &[(Address, u128, u128)], rng: &mut Rng) -> Policy {
    let count = u32::try_from(strategies.len()).unwrap_or(0);
    let agent = |agent| AgentPolicy {
        agent,
        expires_at: (1 << 40) - 1,
        scope: u32::MAX.checked_shr(32 - count).unwrap_or(0),
        max_turnover_bps: 10_000,
        max_loss_bps: 10_000,
    };
    Policy {
        schema_version: POLICY_SCHEMA_VERSION,
        limits: Limits {
            mode: Mode::Active,
            cooldown_seconds: 0,
            window_seconds: u32::try_from(rng.within(1, 300_000)).unwrap_or(1),
            max_turnover_bps: 10_000,
            max_loss_bps: 10_000,
            min_idle_bps: 0,
            max_growth_wad: rng.pick(&[0, WAD / 1_000, WAD / 100, WAD]),
            max_drawdown_bps: 10_000,
            entry_halt_seconds: 1,
            seasoning_seconds: 1,
            max_nav_age_seconds: rng.pick(&[0, 3_600, 200_000, u32::MAX]),
            policy_delay_seconds: 1,
            deposit_cap: u128::MAX,
            management_fee_bps: 0,
            performance_fee_bps: 0,
            fee_recipient: Address::ZERO,
        },
        strategies: strategies
            .iter()
            .map(|&(strategy, reference_assets, reference_shares)| StrategyPolicy {
                strategy,
                status: StrategyStatus::Active,
                max_weight_bps: 10_000,
                min_weight_bps: 0,
                cap: u128::MAX,
                price_band_bps: 9_999,
                reference_assets,
                reference_shares,
                groups: 0,
            })
            .collect(),
        groups: vec![],
        agents: vec![agent(AGENT), agent(OTHER_AGENT)],
        objective: Objective {
            kind: ObjectiveKind::Yield,
            hurdle_bps: 0,
            horizon_seconds: 1,
            band_bps: 0,
            target_weights_bps: vec![],
        },
    }
}

/// Lists and references of `policy`, every limit drawn anew in a range in which rebalances still fit.
pub(crate) fn narrow(policy: &Policy, nav: U256, rng: &mut Rng) -> Policy {
    let mut policy = policy.clone();
    let limits = &mut policy.limits;
    limits.cooldown_seconds = u32::try_from(rng.below(3_600)).unwrap_or(0);
    limits.window_seconds = u32::try_from(rng.within(1_000, 300_000)).unwrap_or(1);
    limits.max_turnover_bps = rng.bps(1_000, 10_000);
    limits.max_loss_bps = rng.bps(0, 300);
    limits.min_idle_bps = rng.bps(0, 1_500);
    limits.max_growth_wad = rng.below(WAD / 50);
    let nav = nav.saturating_to::<u128>();
    for entry in &mut policy.strategies {
        entry.max_weight_bps = rng.bps(2_000, 10_000);
        entry.min_weight_bps = rng.bps(0, 500);
        entry.price_band_bps = rng.bps(20, 2_000);
        entry.cap = nav / 4 + rng.amount(U256::from(nav)).saturating_to::<u128>();
        if rng.chance(8) {
            entry.status = rng.pick(&[StrategyStatus::ExitOnly, StrategyStatus::WrittenOff]);
        }
    }
    let count = policy.strategies.len();
    for agent in &mut policy.agents {
        agent.max_turnover_bps = rng.bps(1_000, 10_000);
        agent.max_loss_bps = rng.bps(0, 300);
        if rng.chance(30) {
            agent.scope = u32::try_from(rng.below(1 << count)).unwrap_or(0);
        }
    }
    policy
}

/// Everything opened again, lists and references kept.
pub(crate) fn reopened(policy: &Policy, rng: &mut Rng) -> Policy {
    let listed: Vec<_> = policy
        .strategies
        .iter()
        .map(|entry| (entry.strategy, entry.reference_assets, entry.reference_shares))
        .collect();
    open(&listed, rng)
}
