//! The treasury as it would be under a document. Pure.

use alloy::primitives::{Address, U256};
use vagus_chain::governance::StrategyReading;
use vagus_policy::{
    AgentState, Curve, Policy, Snapshot, StrategyState, StrategyStatus, hash, math::mul_div_down,
    price::price_down,
};

/// Positions that count now and would not.
pub(super) fn uncounted<'a>(
    policy: &'a Policy,
    snapshot: &'a Snapshot,
) -> impl Iterator<Item = &'a StrategyState> {
    snapshot.vault.strategies.iter().filter(|state| {
        let listed = policy.strategies.iter().find(|entry| entry.strategy == state.strategy);
        let counts = listed.is_some_and(|entry| entry.status != StrategyStatus::WrittenOff);
        !counts && !state.convert_assets.is_zero()
    })
}

/// The treasury as it would be in the block if the policy had just been adopted.
pub(super) fn under(
    policy: &Policy,
    now: &Snapshot,
    readings: &[(Address, StrategyReading)],
) -> Snapshot {
    let mut next = now.clone();
    let state = &mut next.vault;
    let lost =
        uncounted(policy, now).fold(U256::ZERO, |sum, it| sum.saturating_add(it.convert_assets));
    let nav = &mut state.nav;
    let before = nav.nav_assets;
    let scaled = |amount: U256, after: U256| {
        if before.is_zero() { amount } else { mul_div_down(amount, after, before) }
    };
    let after = before.saturating_sub(lost);
    nav.base_assets = scaled(nav.base_assets, after);
    nav.live_assets = nav.live_assets.saturating_sub(lost);
    nav.nav_assets = after;
    state.checkpoint.base = scaled(state.checkpoint.base, after);
    state.checkpoint.nav = state.checkpoint.nav.saturating_sub(lost);
    let guard = &mut state.guard_state;
    guard.policy_version = guard.policy_version.saturating_add(1);
    guard.policy_hash = hash(policy);
    guard.mode = policy.limits.mode;
    state.strategies = policy
        .strategies
        .iter()
        .map(|entry| {
            let known = now.vault.strategies.iter().find(|it| it.strategy == entry.strategy);
            let reading = readings.iter().find(|(strategy, _)| *strategy == entry.strategy);
            let mut state = known
                .cloned()
                .unwrap_or_else(|| of_reading(entry.strategy, reading.map(|(_, reading)| reading)));
            if state.reference_price.is_zero() {
                let (assets, shares) = (entry.reference_assets, entry.reference_shares);
                state.reference_price = price_down(U256::from(assets), U256::from(shares));
                state.reference_at = now.block.timestamp;
            }
            state
        })
        .collect();
    next
}

/// A strategy that no lens has read: its income is not known.
fn of_reading(strategy: Address, reading: Option<&StrategyReading>) -> StrategyState {
    let amount = |of: fn(&StrategyReading) -> U256| reading.map(of).unwrap_or_default();
    StrategyState {
        strategy,
        symbol: reading.map(|it| it.symbol.clone()).unwrap_or_default(),
        decimals: reading.and_then(|it| it.decimals).unwrap_or_default(),
        is_readable: reading
            .is_some_and(|it| it.convert_assets.is_some() && it.redeem_assets.is_some()),
        shares: amount(|it| it.shares),
        convert_assets: amount(|it| it.convert_assets.unwrap_or_default()),
        redeem_assets: amount(|it| it.redeem_assets.unwrap_or_default()),
        max_withdraw_assets: amount(|it| it.max_withdraw_assets),
        max_deposit_assets: amount(|it| it.max_deposit_assets),
        reference_price: U256::ZERO,
        reference_at: 0,
        read_price: None,
        curve: Curve::Unknown,
    }
}

/// The same, seen for an agent that the policy gives a mandate to.
pub(super) fn with_agent(snapshot: &Snapshot, state: AgentState) -> Snapshot {
    let mut snapshot = snapshot.clone();
    snapshot.vault.agent = AgentState { exists: true, is_revoked: false, ..state };
    snapshot
}
