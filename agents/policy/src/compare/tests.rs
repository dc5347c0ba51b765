use alloy_primitives::{Address, B256};
use proptest::prelude::*;

use super::*;
use crate::{
    GroupPolicy, ObjectiveKind,
    testing::{address, any_policy, policy, valid_policy},
};

fn context() -> Context {
    Context::new("USDC", 6)
        .with_strategy("aave_a", address(1), 6)
        .with_strategy("aave_b", address(2), 6)
        .with_account("keeper", address(9))
}

/// One thing that differs.
type Edit = fn(&mut Policy);

fn seen(edit: Edit) -> (bool, Vec<Change>) {
    let now = policy();
    let mut next = now.clone();
    edit(&mut next);
    let in_force = InForce::untouched(&now);
    (takes_effect_at_once(Some(in_force), &next), changes(in_force, &next, &context()))
}

#[test]
fn what_is_on_the_closed_list_is_at_once_and_its_reverse_waits() {
    let cases: [(Edit, Edit, &str); 16] = [
        (|p| p.limits.cooldown_seconds += 1, |p| p.limits.cooldown_seconds -= 1, "cooldown"),
        (|p| p.limits.window_seconds += 1, |p| p.limits.window_seconds -= 1, "window"),
        (|p| p.limits.seasoning_seconds += 1, |p| p.limits.seasoning_seconds -= 1, "seasoning"),
        (|p| p.limits.min_idle_bps += 1, |p| p.limits.min_idle_bps -= 1, "min_idle"),
        (|p| p.limits.max_turnover_bps -= 1, |p| p.limits.max_turnover_bps += 1, "max_turnover"),
        (|p| p.limits.max_loss_bps -= 1, |p| p.limits.max_loss_bps += 1, "max_loss"),
        (|p| p.limits.deposit_cap -= 1, |p| p.limits.deposit_cap += 1, "deposit_cap"),
        (
            |p| p.strategies[1].max_weight_bps -= 1,
            |p| p.strategies[1].max_weight_bps += 1,
            "max_weight",
        ),
        (|p| p.strategies[1].cap -= 1, |p| p.strategies[1].cap += 1, "cap"),
        (
            |p| p.strategies[1].status = StrategyStatus::ExitOnly,
            |p| p.strategies[1].status = StrategyStatus::WrittenOff,
            "status",
        ),
        (|p| p.agents[0].expires_at -= 1, |p| p.agents[0].expires_at += 1, "expires"),
        (|p| p.agents[0].scope = 0b001, |p| p.agents[0].scope = 0b111, "scope"),
        (|p| p.agents[0].scope = 0, |p| p.agents[0].scope = 0b101, "scope"),
        (
            |p| p.agents[0].max_turnover_bps -= 1,
            |p| p.agents[0].max_turnover_bps += 1,
            "max_turnover",
        ),
        (|p| p.agents[0].max_loss_bps -= 1, |p| p.agents[0].max_loss_bps += 1, "max_loss"),
        (|p| p.limits.mode = Mode::Paused, |p| p.limits.management_fee_bps += 1, ""),
    ];
    for (tightens, waits, limit) in cases {
        let (is_at_once, found) = seen(tightens);
        assert!(is_at_once, "{found:?}");
        let [change] = found.as_slice() else { panic!("one change: {found:?}") };
        assert_eq!(change.effect, Effect::AtOnce, "{change:?}");
        assert!(limit.is_empty() || change.limit == limit, "{change:?}");
        let (is_at_once, found) = seen(waits);
        assert!(!is_at_once, "{found:?}");
        assert!(found.iter().all(|change| change.effect == Effect::Waits), "{found:?}");
    }
}

#[test]
fn what_is_not_on_the_list_waits_in_either_direction() {
    let cases: [Edit; 20] = [
        |p| p.limits.max_growth_wad -= 1,
        |p| p.limits.max_growth_wad += 1,
        |p| p.limits.max_drawdown_bps -= 1,
        |p| p.limits.entry_halt_seconds += 1,
        |p| p.limits.max_nav_age_seconds -= 1,
        |p| p.limits.policy_delay_seconds += 1,
        |p| p.limits.fee_recipient = address(7),
        |p| p.strategies[0].min_weight_bps += 1,
        |p| p.strategies[0].price_band_bps -= 1,
        |p| p.strategies[0].reference_assets += 1,
        |p| p.strategies[0].reference_shares += 1,
        |p| p.strategies.swap(0, 1),
        |p| {
            p.strategies.pop();
        },
        |p| {
            let mut one = p.strategies[0].clone();
            one.strategy = address(50);
            p.strategies.push(one);
        },
        |p| p.agents[0].agent = address(51),
        |p| p.agents.clear(),
        |p| p.objective.hurdle_bps += 1,
        |p| p.objective.horizon_seconds += 1,
        |p| {
            p.objective.kind = ObjectiveKind::TargetWeights;
            p.objective.target_weights_bps = vec![1, 2, 3];
        },
        |p| {
            p.groups = vec![GroupPolicy { name: B256::repeat_byte(1), max_weight_bps: 1, cap: 1 }];
        },
    ];
    for edit in cases {
        let (is_at_once, found) = seen(edit);
        assert!(!is_at_once && !found.is_empty(), "{found:?}");
        assert!(found.iter().any(|change| change.effect == Effect::Waits), "{found:?}");
    }
}

#[test]
fn nothing_is_in_force_at_birth_and_the_same_again_changes_nothing() {
    let policy = policy();
    assert!(!takes_effect_at_once(None, &policy));
    assert!(takes_effect_at_once(Some(InForce::untouched(&policy)), &policy));
    assert_eq!(changes(InForce::untouched(&policy), &policy, &context()), []);
}

#[test]
fn overlays_are_in_force() {
    let now = policy();
    let paused = InForce { mode: Mode::Paused, ..InForce::untouched(&now) };
    assert!(!takes_effect_at_once(Some(paused), &now), "back to active loosens");
    let found = changes(paused, &now, &context());
    assert_eq!(found[0].before.as_deref(), Some("paused (voted: active)"));
    assert_eq!((found[0].after.as_deref(), found[0].effect), (Some("active"), Effect::Waits));

    let ended = InForce { ended_mandates: 1, ..InForce::untouched(&now) };
    assert!(!takes_effect_at_once(Some(ended), &now), "a mandate that ended is given again");
    let mut without = now.clone();
    without.agents.clear();
    assert!(takes_effect_at_once(Some(ended), &without));
    assert_eq!(changes(ended, &without, &context()), []);
    let found = changes(ended, &now, &context());
    assert_eq!((found[0].of.as_str(), found[0].limit.as_str()), ("agent keeper", "entry"));
    assert_eq!(found[0].before, None);
}

#[test]
fn a_change_says_what_a_file_would_say() {
    let (_, found) = seen(|p| {
        p.strategies[1].cap = 1_500_000;
        p.limits.max_loss_bps = 25;
        p.agents[0].scope = 0b001;
    });
    let told: Vec<_> = found
        .iter()
        .map(|it| {
            let before = it.before.as_deref().unwrap_or("-");
            let after = it.after.as_deref().unwrap_or("-");
            format!("{} {}: {before} -> {after}", it.of, it.limit)
        })
        .collect();
    assert_eq!(
        told,
        [
            "limits max_loss: 0.5 % -> 0.25 %",
            "strategy aave_b cap: 0.5 USDC -> 1.5 USDC",
            "agent keeper scope: aave_a, aave_b -> aave_a"
        ]
    );
}

/// Documents that differ by little, so that both answers are common.
fn neighbour() -> impl Strategy<Value = (Policy, Policy, Mode, u16)> {
    let edits = prop::collection::vec((0_usize..16, any::<bool>(), any::<u16>()), 0..4);
    (valid_policy(), edits, 0_usize..3, any::<u16>()).prop_map(|(now, edits, mode, ended)| {
        let mut next = now.clone();
        for (what, is_up, by) in edits {
            nudge(&mut next, what, is_up, by);
        }
        // What points beyond the end of a list is no document that a guard takes.
        let (strategies, groups) = (next.strategies.len(), next.groups.len());
        next.agents.iter_mut().for_each(|agent| agent.scope &= (1 << strategies) - 1);
        next.strategies.iter_mut().for_each(|entry| entry.groups &= (1 << groups) - 1);
        let mode = [Mode::Active, Mode::ExitOnly, Mode::Paused][mode].max(now.limits.mode);
        let ended = if ended % 2 == 0 { 0 } else { ended };
        (now, next, mode, ended)
    })
}

fn nudge(policy: &mut Policy, what: usize, is_up: bool, by: u16) {
    let step = |value: u16| {
        if is_up { value.saturating_add(by % 7) } else { value.saturating_sub(by % 7) }
    };
    match what {
        0 => policy.limits.max_loss_bps = step(policy.limits.max_loss_bps),
        1 => policy.limits.min_idle_bps = step(policy.limits.min_idle_bps),
        2 => policy.limits.mode = if is_up { Mode::Paused } else { Mode::Active },
        3 => policy.limits.max_drawdown_bps = step(policy.limits.max_drawdown_bps),
        4 => {
            if let Some(entry) = policy.strategies.first_mut() {
                entry.max_weight_bps = step(entry.max_weight_bps);
            }
        }
        5 => {
            if let Some(entry) = policy.strategies.last_mut() {
                entry.status = StrategyStatus::ExitOnly;
            }
        }
        6 => policy.strategies.reverse(),
        7 => {
            policy.strategies.pop();
        }
        8 => policy.groups.reverse(),
        9 => {
            if let Some(group) = policy.groups.first_mut() {
                group.cap = group.cap.saturating_add(u128::from(by)).saturating_sub(7);
            }
        }
        10 => policy.agents.reverse(),
        11 => {
            policy.agents.pop();
        }
        12 => {
            if let Some(agent) = policy.agents.first_mut() {
                agent.scope = if is_up { agent.scope | 1 } else { agent.scope & !1 };
            }
        }
        13 => policy.limits.fee_recipient = Address::repeat_byte(by as u8),
        14 => {
            if let Some(entry) = policy.strategies.first_mut() {
                entry.groups ^= 1;
            }
        }
        _ => {
            if let Some(agent) = policy.agents.first_mut() {
                agent.expires_at = agent.expires_at.saturating_sub(by.into());
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    /// The whole document's rule and the limits told one by one are two pieces of code.
    #[test]
    fn a_document_is_at_once_if_and_only_if_every_change_is((now, next, mode, ended) in neighbour()) {
        let in_force = InForce { policy: &now, mode, ended_mandates: ended };
        let found = changes(in_force, &next, &context());
        let all_at_once = found.iter().all(|change| change.effect == Effect::AtOnce);
        prop_assert_eq!(takes_effect_at_once(Some(in_force), &next), all_at_once, "{:?}", found);
    }

    #[test]
    fn any_two_documents_are_told_apart(now in any_policy(), next in any_policy()) {
        let in_force = InForce::untouched(&now);
        prop_assert_eq!(changes(in_force, &next, &context()).is_empty(), now == next);
        prop_assert!(changes(InForce::untouched(&next), &next, &context()).is_empty());
    }
}
