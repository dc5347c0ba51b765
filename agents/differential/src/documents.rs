//! Policies for the cases: wide open, narrow at random, or open but for one rule.

use alloy_primitives::{Address, B256, U256};
use vagus_policy::{
    AgentPolicy, GroupPolicy, Limits, Mode, Objective, ObjectiveKind, POLICY_SCHEMA_VERSION,
    Policy, StrategyPolicy, StrategyStatus, VaultState,
};

use crate::{
    agents,
    rng::{Amounts as _, Rng},
};

/// Receives the fee shares of all vaults.
pub(crate) const FEE_RECIPIENT: Address = Address::repeat_byte(0xfe);

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
            management_fee_bps: rng.pick(&[0, 0, 200]),
            performance_fee_bps: rng.pick(&[0, 0, 1_000]),
            fee_recipient: FEE_RECIPIENT,
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
        agents: agents::named().map(agent).to_vec(),
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
    if rng.chance(40) {
        group(&mut policy, rng);
        policy.groups.iter_mut().for_each(|group| group.max_weight_bps = rng.bps(4_000, 10_000));
    }
    if rng.chance(25) {
        let share = 10_000 / u16::try_from(policy.strategies.len()).unwrap_or(1).max(1);
        let weights = policy.strategies.iter().map(|_| rng.bps(0, share)).collect();
        aim(&mut policy, weights, rng.bps(100, 5_000));
    }
    policy
}

/// Puts the strategies into one to four groups without a limit, some into several and some into none.
pub(crate) fn group(policy: &mut Policy, rng: &mut Rng) {
    let count = 1 + rng.below(4);
    policy.groups = (1..=count)
        .map(|place| GroupPolicy {
            name: B256::right_padding_from(format!("group {place}").as_bytes()),
            max_weight_bps: 10_000,
            cap: u128::MAX,
        })
        .collect();
    let all = (1_u16 << count) - 1;
    for entry in &mut policy.strategies {
        // Two draws together: half of the memberships, three quarters of the strategies in a group of one.
        entry.groups = u16::try_from((rng.next() | rng.next()) & u64::from(all)).unwrap_or(all);
    }
}

/// Sets target weights with a band.
pub(crate) fn aim(policy: &mut Policy, weights: Vec<u16>, band_bps: u16) {
    policy.objective.kind = ObjectiveKind::TargetWeights;
    policy.objective.band_bps = band_bps;
    policy.objective.target_weights_bps = weights;
}

/// Target weights somewhere around what the strategies hold, together at most the whole.
pub(crate) fn weights_around(state: &VaultState, rng: &mut Rng) -> Vec<u16> {
    let nav = state.nav.nav_assets.max(U256::ONE);
    let mut left = 10_000;
    let mut weight = |held: U256| {
        let weight = (held * U256::from(10_000) / nav).saturating_to::<u16>();
        let weight = rng.bps(weight.min(left) / 2, (weight.saturating_add(500)).min(left));
        left -= weight;
        weight
    };
    state.strategies.iter().map(|position| weight(position.redeem_assets)).collect()
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
