//! What the treasury may do: the example policy, without limits on where it stands.

use alloy_primitives::Address;
use vagus_policy::{
    AgentPolicy, Ceilings, Limits, Mode, Objective, ObjectiveKind, POLICY_SCHEMA_VERSION, Policy,
    StrategyPolicy, StrategyStatus,
};

const DAY: u32 = 86_400;
const HOUR: u32 = 3_600;

/// What no policy can lift.
pub(crate) fn ceilings() -> Ceilings {
    Ceilings {
        max_turnover_bps: 10_000,
        max_loss_bps: 100,
        min_window_seconds: HOUR,
        min_policy_delay_seconds: HOUR,
        max_policy_delay_seconds: 30 * DAY,
        max_management_fee_bps: 0,
        max_performance_fee_bps: 0,
        grace_seconds: DAY,
    }
}

/// As `agents/policy/examples/demo.toml`, objective included, but any weight, no idle, no cap, and price bands that a year
/// of interest does not leave: nobody is kept from the portfolio that he wants. Of each strategy its address and its price.
pub(crate) fn policy(strategies: &[(Address, u128, u128)], agent: Address) -> Policy {
    let scope = strategies.iter().fold(0u32, |scope, _| scope << 1 | 1);
    Policy {
        schema_version: POLICY_SCHEMA_VERSION,
        limits: Limits {
            mode: Mode::Active,
            cooldown_seconds: 600,
            window_seconds: DAY,
            max_turnover_bps: 10_000,
            max_loss_bps: 50,
            min_idle_bps: 0,
            max_growth_wad: 5_000_000_000_000_000,
            max_drawdown_bps: 100,
            entry_halt_seconds: DAY,
            seasoning_seconds: HOUR,
            max_nav_age_seconds: HOUR,
            policy_delay_seconds: HOUR,
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
                price_band_bps: 5_000,
                reference_assets,
                reference_shares,
                groups: 0,
            })
            .collect(),
        groups: Vec::new(),
        agents: vec![AgentPolicy {
            agent,
            expires_at: (1 << 40) - 1,
            scope,
            max_turnover_bps: 10_000,
            max_loss_bps: 50,
        }],
        objective: Objective {
            kind: ObjectiveKind::Yield,
            hurdle_bps: 1,
            horizon_seconds: 30 * DAY,
            band_bps: 0,
            target_weights_bps: Vec::new(),
        },
    }
}
