use alloy::primitives::Address;
use vagus_chain::governance::StrategyReading;
use vagus_policy::{
    GroupPolicy, ObjectiveKind, StrategyStatus,
    math::{bps_down, bps_up},
    price::price_down,
};

use super::*;
use crate::testing;

fn world() -> (Policy, Snapshot) {
    let (policy, snapshot) =
        (testing::policy(Default::default()), testing::snapshot(Default::default()));
    let next = under(&policy, &snapshot, &[]);
    (policy, next)
}

fn broken(policy: &Policy, snapshot: &Snapshot) -> Vec<(String, &'static str, bool)> {
    let context = Context::new("USDC", 6);
    let found = breaches(policy, snapshot, &context);
    found.into_iter().map(|it| (it.of, it.limit, it.is_above)).collect()
}

/// The first strategy's position, and its name.
fn first(policy: &Policy, snapshot: &Snapshot) -> (U256, String) {
    let name = policy.strategies[0].strategy.to_checksum(None);
    (snapshot.vault.strategies[0].redeem_assets, name)
}

#[test]
fn a_position_breaks_a_limit_one_unit_past_it() {
    let (mut policy, mut snapshot) = world();
    snapshot.vault.strategies[0].redeem_assets = U256::from(1_000_000);
    snapshot.vault.strategies[0].shares = U256::ZERO;
    let (held, name) = first(&policy, &snapshot);
    policy.strategies[0].cap = held.to();
    assert!(!broken(&policy, &snapshot).contains(&(name.clone(), "cap", true)));
    policy.strategies[0].cap -= 1;
    assert!(broken(&policy, &snapshot).contains(&(name.clone(), "cap", true)));
    policy.strategies[0].status = StrategyStatus::ExitOnly;
    assert!(broken(&policy, &snapshot).contains(&(name.clone(), "status", true)));
    policy.strategies[0].status = StrategyStatus::WrittenOff;
    assert!(!broken(&policy, &snapshot).iter().any(|(of, ..)| *of == name));

    let name = B256::right_padding_from(b"all");
    policy.strategies[0].status = StrategyStatus::Active;
    policy.strategies.iter_mut().for_each(|entry| entry.groups = 1);
    let all = snapshot.vault.strategies.iter().fold(U256::ZERO, |sum, it| sum + it.redeem_assets);
    policy.groups = vec![GroupPolicy { name, max_weight_bps: 10_000, cap: all.to() }];
    assert!(!broken(&policy, &snapshot).contains(&("group all".to_owned(), "cap", true)));
    policy.groups[0].cap -= 1;
    assert!(broken(&policy, &snapshot).contains(&("group all".to_owned(), "cap", true)));
}

#[test]
fn idle_and_targets_have_two_sides() {
    let (mut policy, mut snapshot) = world();
    let nav = snapshot.vault.nav.nav_assets;
    policy.limits.min_idle_bps = 1_000;
    let least = bps_up(nav, 1_000);
    snapshot.vault.idle = least;
    assert!(!broken(&policy, &snapshot).iter().any(|(of, ..)| of == "idle"));
    snapshot.vault.idle = least - U256::ONE;
    assert!(broken(&policy, &snapshot).contains(&("idle".to_owned(), "min_idle", false)));

    policy.objective.kind = ObjectiveKind::TargetWeights;
    policy.objective.band_bps = 100;
    policy.objective.target_weights_bps = vec![2_000; policy.strategies.len()];
    snapshot.vault.strategies[0].shares = U256::ZERO;
    let name = policy.strategies[0].strategy.to_checksum(None);
    for (held, expected) in [
        (bps_down(nav, 2_100), None),
        (bps_down(nav, 2_100) + U256::ONE, Some(true)),
        (bps_up(nav, 1_900), None),
        (bps_up(nav, 1_900) - U256::ONE, Some(false)),
    ] {
        snapshot.vault.strategies[0].redeem_assets = held;
        let found = broken(&policy, &snapshot)
            .into_iter()
            .find(|(of, limit, _)| *of == name && *limit == "target_weights")
            .map(|(_, _, is_above)| is_above);
        assert_eq!(found, expected, "{held}");
    }
}

#[test]
fn what_is_left_out_or_written_off_counts_no_more() {
    let (policy, _) = world();
    let mut now = testing::snapshot(Default::default());
    now.vault.strategies[0].convert_assets = U256::from(1_000);
    let nav = now.vault.nav.nav_assets;
    assert!(nav > U256::from(1_000));
    let mut without = policy.clone();
    without.strategies.remove(0);
    let mut written_off = policy.clone();
    written_off.strategies[0].status = StrategyStatus::WrittenOff;
    for next in [&without, &written_off] {
        assert_eq!(uncounted(next, &now).count(), 1);
        let seen = under(next, &now, &[]);
        assert_eq!(seen.vault.nav.nav_assets, nav - U256::from(1_000));
        assert!(seen.vault.nav.base_assets < now.vault.nav.base_assets);
    }
    assert_eq!(uncounted(&policy, &now).count(), 0);
    assert_eq!(under(&policy, &now, &[]).vault.nav.nav_assets, nav);
}

#[test]
fn what_is_new_is_seen_as_it_was_read_and_starts_at_its_stated_reference() {
    let (mut policy, _) = world();
    let now = testing::snapshot(Default::default());
    let strange = Address::repeat_byte(0x77);
    let mut entry = policy.strategies[0].clone();
    (entry.strategy, entry.reference_assets, entry.reference_shares) = (strange, 3, 2);
    policy.strategies.insert(0, entry);
    let reading = StrategyReading {
        asset: Some(now.vault.asset.address),
        symbol: "NEW".to_owned(),
        decimals: Some(9),
        shares: U256::from(5),
        convert_assets: Some(U256::from(7)),
        redeem_assets: Some(U256::from(6)),
        max_withdraw_assets: U256::from(4),
        max_deposit_assets: U256::from(8),
        price: None,
    };
    let seen = under(&policy, &now, &[(strange, reading)]);
    let state = &seen.vault.strategies[0];
    assert_eq!((state.symbol.as_str(), state.decimals, state.is_readable), ("NEW", 9, true));
    assert_eq!((state.convert_assets, state.redeem_assets), (U256::from(7), U256::from(6)));
    assert_eq!(state.reference_price, price_down(U256::from(3), U256::from(2)));
    assert_eq!(seen.vault.strategies[1], now.vault.strategies[0], "what is known keeps its own");
    assert_eq!(seen.vault.guard_state.policy_hash, hash(&policy));
}

#[test]
fn budgets_go_on_at_their_level_under_new_capacities() {
    let (mut policy, mut snapshot) = world();
    let at = snapshot.block.timestamp;
    let half = Bucket { level_wad: 500_000_000_000_000_000, updated_at: at };
    snapshot.vault.guard_state.turnover = half;
    policy.limits.max_turnover_bps = 2_000;
    let spent = budgets(&policy, &snapshot, &[], &Context::new("USDC", 6));
    let capacity = bps_down(snapshot.vault.nav.base_assets, 2_000);
    assert_eq!(spent[0].turnover.capacity, capacity);
    assert_eq!(spent[0].turnover.left, capacity / U256::from(2));
}
