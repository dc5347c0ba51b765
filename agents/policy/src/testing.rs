//! Policies and states for the tests of this crate.

use alloy_primitives::{Address, B256, U256};
use proptest::{collection::vec, prelude::*};

use crate::{
    AgentPolicy, AgentState, AssetInfo, Ceilings, Checkpoint, Curve, GroupPolicy, GuardState,
    Limits, Mode, NavState, Objective, ObjectiveKind, POLICY_SCHEMA_VERSION, Policy,
    StrategyPolicy, StrategyState, StrategyStatus, VaultState, math::PRICE_ONE,
};

/// Compares a text with the file that a person reviewed; `UPDATE_GOLDEN=1` writes it anew.
pub(crate) fn golden(name: &str, text: &str) {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name);
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(&path, text).unwrap();
    }
    let known = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(text == known, "{} differs from:\n{text}", path.display());
}

pub(crate) const NOW: u64 = 1_800_000_000;
/// NAV and base of [`state`].
pub(crate) const NAV: u64 = 1_000_000;

pub(crate) fn address(n: u64) -> Address {
    Address::left_padding_from(&(0x1000 + n).to_be_bytes())
}

/// Three strategies, one agent that may touch the first two.
pub(crate) fn policy() -> Policy {
    let strategy = |n| StrategyPolicy {
        strategy: address(n),
        status: StrategyStatus::Active,
        max_weight_bps: 6_000,
        min_weight_bps: 1_000,
        cap: 500_000,
        price_band_bps: 100,
        reference_assets: 1,
        reference_shares: 1,
        groups: 0,
    };
    Policy {
        schema_version: POLICY_SCHEMA_VERSION,
        limits: Limits {
            mode: Mode::Active,
            cooldown_seconds: 600,
            window_seconds: 86_400,
            max_turnover_bps: 5_000,
            max_loss_bps: 50,
            min_idle_bps: 500,
            max_growth_wad: 10_000_000_000_000_000,
            max_drawdown_bps: 100,
            entry_halt_seconds: 86_400,
            seasoning_seconds: 3_600,
            max_nav_age_seconds: 3_600,
            policy_delay_seconds: 3_600,
            deposit_cap: 100_000_000,
            management_fee_bps: 0,
            performance_fee_bps: 0,
            fee_recipient: Address::ZERO,
        },
        strategies: vec![strategy(1), strategy(2), strategy(3)],
        groups: vec![],
        agents: vec![AgentPolicy {
            agent: address(9),
            expires_at: NOW + 1_000,
            scope: 0b011,
            max_turnover_bps: 4_000,
            max_loss_bps: 40,
        }],
        objective: Objective {
            kind: ObjectiveKind::Yield,
            hurdle_bps: 1,
            horizon_seconds: 2_592_000,
            band_bps: 0,
            target_weights_bps: vec![],
        },
    }
}

/// Ceilings that [`policy`] just meets.
pub(crate) fn ceilings() -> Ceilings {
    Ceilings {
        max_turnover_bps: 5_000,
        max_loss_bps: 50,
        min_window_seconds: 86_400,
        min_policy_delay_seconds: 3_600,
        max_policy_delay_seconds: 3_600,
        max_management_fee_bps: 0,
        max_performance_fee_bps: 0,
        grace_seconds: 1,
    }
}

/// 200,000 in each strategy, the rest idle; all at a price of one.
pub(crate) fn state() -> VaultState {
    let held = U256::from(200_000);
    let strategy = |n| StrategyState {
        strategy: address(n),
        symbol: format!("S{n}"),
        decimals: 6,
        is_readable: true,
        shares: held,
        convert_assets: held,
        redeem_assets: held,
        max_withdraw_assets: held,
        max_deposit_assets: U256::MAX,
        reference_price: PRICE_ONE,
        reference_at: NOW - 100,
        read_price: None,
        curve: Curve::Unknown,
    };
    VaultState {
        vault: address(100),
        guard: address(101),
        asset: AssetInfo { address: address(102), symbol: "USDC".to_owned(), decimals: 6 },
        idle: U256::from(400_000),
        nav: NavState::default(),
        checkpoint: Checkpoint { nav: U256::from(NAV), base: U256::from(NAV), is_fresh: true },
        guard_state: GuardState {
            policy_version: 3,
            policy_hash: B256::ZERO,
            policy_block: 1,
            mode: Mode::Active,
            rebalance_count: 7,
            turnover: Default::default(),
            loss: Default::default(),
        },
        agent: AgentState {
            agent: address(9),
            exists: true,
            is_revoked: false,
            nonce: 5,
            last_rebalance_at: NOW - 600,
            turnover: Default::default(),
            loss: Default::default(),
        },
        strategies: vec![strategy(1), strategy(2), strategy(3)],
    }
}

fn limits() -> impl Strategy<Value = Limits> {
    let seconds = any::<[u32; 6]>();
    let bps = any::<[u16; 6]>();
    (0..3_usize, seconds, bps, any::<u64>(), any::<u128>(), any::<[u8; 20]>()).prop_map(
        |(mode, seconds, bps, growth, cap, recipient)| Limits {
            mode: [Mode::Active, Mode::ExitOnly, Mode::Paused][mode],
            cooldown_seconds: seconds[0],
            window_seconds: seconds[1],
            max_turnover_bps: bps[0],
            max_loss_bps: bps[1],
            min_idle_bps: bps[2],
            max_growth_wad: growth,
            max_drawdown_bps: bps[3],
            entry_halt_seconds: seconds[2],
            seasoning_seconds: seconds[3],
            max_nav_age_seconds: seconds[4],
            policy_delay_seconds: seconds[5],
            deposit_cap: cap,
            management_fee_bps: bps[4],
            performance_fee_bps: bps[5],
            fee_recipient: recipient.into(),
        },
    )
}

fn strategy() -> impl Strategy<Value = StrategyPolicy> {
    let amounts = any::<[u128; 3]>();
    (any::<[u8; 20]>(), 0..3_usize, any::<[u16; 4]>(), amounts).prop_map(
        |(strategy, status, bps, amounts)| StrategyPolicy {
            strategy: strategy.into(),
            status: [StrategyStatus::Active, StrategyStatus::ExitOnly, StrategyStatus::WrittenOff]
                [status],
            max_weight_bps: bps[0],
            min_weight_bps: bps[1],
            cap: amounts[0],
            price_band_bps: bps[2],
            reference_assets: amounts[1],
            reference_shares: amounts[2],
            groups: bps[3],
        },
    )
}

/// Any document that has an encoding and a text: masks point into their lists, target weights have a strategy each.
pub(crate) fn any_policy() -> impl Strategy<Value = Policy> {
    let group = ("[a-zA-Z é\"\\\\]{1,12}", any::<u16>(), any::<u128>());
    let agent = (any::<[u8; 20]>(), 0_u64..1 << 40, any::<u32>(), any::<[u16; 2]>());
    let objective = (any::<bool>(), any::<[u16; 2]>(), any::<u32>(), any::<[u16; 5]>());
    let lists = (vec(strategy(), 0..5), vec(group, 0..4), vec(agent, 0..4));
    (any::<u16>(), limits(), lists, objective).prop_map(
        |(schema_version, limits, (mut strategies, groups, agents), objective)| {
            let mut groups: Vec<_> = groups
                .into_iter()
                .map(|(name, max_weight_bps, cap)| GroupPolicy {
                    name: B256::right_padding_from(name.as_bytes()),
                    max_weight_bps,
                    cap,
                })
                .collect();
            groups.sort_by_key(|group| group.name);
            groups.dedup_by_key(|group| group.name);
            for entry in &mut strategies {
                entry.groups &= (1 << groups.len()) - 1;
            }
            let agents = agents
                .into_iter()
                .map(|(agent, expires_at, scope, bps)| AgentPolicy {
                    agent: agent.into(),
                    expires_at,
                    scope: scope & ((1 << strategies.len()) - 1),
                    max_turnover_bps: bps[0],
                    max_loss_bps: bps[1],
                })
                .collect();
            let (has_targets, bps, horizon_seconds, weights) = objective;
            let has_targets = has_targets && !strategies.is_empty();
            let weights = weights.into_iter().take(if has_targets { strategies.len() } else { 0 });
            let objective = Objective {
                kind: if has_targets { ObjectiveKind::TargetWeights } else { ObjectiveKind::Yield },
                hurdle_bps: bps[0],
                horizon_seconds,
                band_bps: bps[1],
                target_weights_bps: weights.collect(),
            };
            Policy { schema_version, limits, strategies, groups, agents, objective }
        },
    )
}

/// A document that a guard accepts: the same, forced into every range.
pub(crate) fn valid_policy() -> impl Strategy<Value = Policy> {
    any_policy().prop_map(|mut policy| {
        policy.schema_version = POLICY_SCHEMA_VERSION;
        for group in &mut policy.groups {
            group.max_weight_bps %= 10_001;
        }
        let limits = &mut policy.limits;
        limits.max_growth_wad %= 1_000_000_000_000_000_001;
        for bps in [
            &mut limits.max_turnover_bps,
            &mut limits.max_loss_bps,
            &mut limits.min_idle_bps,
            &mut limits.max_drawdown_bps,
            &mut limits.management_fee_bps,
            &mut limits.performance_fee_bps,
            &mut policy.objective.hurdle_bps,
            &mut policy.objective.band_bps,
        ] {
            *bps %= 10_001;
        }
        for seconds in [
            &mut limits.window_seconds,
            &mut limits.entry_halt_seconds,
            &mut limits.seasoning_seconds,
        ] {
            *seconds = (*seconds).max(1);
        }
        for entry in &mut policy.strategies {
            entry.max_weight_bps %= 10_001;
            entry.min_weight_bps %= 10_001;
            entry.price_band_bps %= 10_000;
            entry.reference_assets = entry.reference_assets.max(1);
            entry.reference_shares = entry.reference_shares.max(1);
        }
        for agent in &mut policy.agents {
            agent.max_turnover_bps %= 10_001;
            agent.max_loss_bps %= 10_001;
        }
        let mut left = 10_000;
        for weight in &mut policy.objective.target_weights_bps {
            *weight %= left + 1;
            left -= *weight;
        }
        policy
    })
}
