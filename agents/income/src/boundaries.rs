//! What the treasury may do: the example policy, without limits on where it stands.

use alloy_primitives::Address;
use anyhow::Result;
use vagus_policy::{
    AgentPolicy, Ceilings, Policy, StrategyPolicy, StrategyStatus,
    toml::{Context, parse},
};

const EXAMPLE: &str = include_str!("../../policy/examples/demo.toml");
/// Names in it that stand for strategies.
const STRATEGIES: [&str; 3] = ["aave_a", "aave_b", "morpho"];

const DAY: u32 = 86_400;
const HOUR: u32 = 3_600;
/// Wide enough for a year of interest: a reference follows only where something is moved.
const PRICE_BAND_BPS: u16 = 5_000;

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

/// The example with its limits and objective, but any weight, no idle, no cap: nobody is kept from the portfolio that he
/// wants. Of each strategy its address, and what so many shares of it are worth.
pub(crate) fn policy(strategies: &[(Address, u128, u128)], agent: Address) -> Result<Policy> {
    let context = (1..)
        .zip(STRATEGIES)
        .fold(Context::new("USDC", 6).with_account("keeper", agent), |context, (number, name)| {
            context.with_strategy(name, Address::repeat_byte(number), 6)
        });
    let mut policy = parse(EXAMPLE, "demo.toml", &context)?;
    policy.limits.min_idle_bps = 0;
    policy.limits.deposit_cap = u128::MAX;
    let listed = |&(strategy, reference_assets, reference_shares)| StrategyPolicy {
        strategy,
        status: StrategyStatus::Active,
        max_weight_bps: 10_000,
        min_weight_bps: 0,
        cap: u128::MAX,
        price_band_bps: PRICE_BAND_BPS,
        reference_assets,
        reference_shares,
        groups: 0,
    };
    policy.strategies = strategies.iter().map(listed).collect();
    let scope = strategies.iter().fold(0, |scope: u32, _| scope << 1 | 1);
    policy.agents = policy.agents.iter().map(|one| AgentPolicy { scope, ..*one }).collect();
    Ok(policy)
}
