use alloy_primitives::B256;
use proptest::prelude::*;

use super::*;
use crate::{
    GroupPolicy,
    testing::{ceilings, policy, valid_policy},
};

type Change = fn(&mut Policy);
type LimitChange = fn(&mut Limits);

fn refusal(change: Change) -> Result<(), (InvalidKind, &'static str, usize, String)> {
    let mut document = policy();
    change(&mut document);
    validate(&document).map_err(|invalid| (invalid.kind, invalid.field, invalid.index, invalid.key))
}

fn group(name: u8) -> GroupPolicy {
    let name = B256::right_padding_from(if name == 0 { &[] } else { std::slice::from_ref(&name) });
    GroupPolicy { name, max_weight_bps: 0, cap: 0 }
}

fn targets(policy: &mut Policy, weights: Vec<u16>) {
    policy.objective.kind = ObjectiveKind::TargetWeights;
    policy.objective.target_weights_bps = weights;
}

#[test]
fn each_limit_holds_at_its_end_and_not_beyond() {
    let at_the_limit: [Change; 16] = [
        |p| p.limits.management_fee_bps = 0,
        |p| {
            p.limits.management_fee_bps = 10_000;
            p.limits.performance_fee_bps = 10_000;
            p.limits.fee_recipient = [7; 20].into();
        },
        |p| {
            p.groups = (1..=16).map(group).collect();
            p.strategies[0].groups = u16::MAX;
        },
        |p| p.groups = vec![GroupPolicy { max_weight_bps: 10_000, ..group(1) }],
        |p| targets(p, vec![10_000, 0, 0]),
        |p| {
            targets(p, vec![5_000, 5_000, 0]);
            p.objective.band_bps = 10_000;
        },
        |p| p.limits.max_turnover_bps = 10_000,
        |p| p.limits.max_loss_bps = 10_000,
        |p| p.limits.min_idle_bps = 10_000,
        |p| p.limits.max_drawdown_bps = 10_000,
        |p| p.limits.max_growth_wad = 1_000_000_000_000_000_000,
        |p| p.limits.window_seconds = 1,
        |p| p.strategies[1].max_weight_bps = 10_000,
        |p| p.strategies[1].price_band_bps = 9_999,
        |p| p.agents[0].scope = 0b111,
        |p| p.agents[0].expires_at = (1 << 40) - 1,
    ];
    for change in at_the_limit {
        assert_eq!(refusal(change), Ok(()));
    }
    let beyond: [(Change, &str, usize, &str); 38] = [
        (|p| p.limits.management_fee_bps = 10_001, "managementFeeBps", 0, "limits.management_fee"),
        (
            |p| p.limits.performance_fee_bps = 10_001,
            "performanceFeeBps",
            0,
            "limits.performance_fee",
        ),
        (|p| p.limits.management_fee_bps = 1, "feeRecipient", 0, "limits.fee_recipient"),
        (|p| p.limits.performance_fee_bps = 1, "feeRecipient", 0, "limits.fee_recipient"),
        (|p| p.groups = (1..=17).map(group).collect(), "groups", 16, "groups"),
        (|p| p.groups = vec![group(1), group(0)], "groups.name", 1, "groups[1].name"),
        (
            |p| p.groups = vec![GroupPolicy { name: [1; 32].into(), ..group(1) }],
            "groups.name",
            0,
            "groups[0].name",
        ),
        (|p| p.groups = vec![group(1), group(1)], "groups.name", 1, "groups[1].name"),
        (
            |p| {
                let name = B256::right_padding_from(&[1, 0, 1]);
                p.groups = vec![GroupPolicy { name, ..group(1) }];
            },
            "groups.name",
            0,
            "groups[0].name",
        ),
        (
            |p| p.groups = vec![GroupPolicy { max_weight_bps: 10_001, ..group(1) }],
            "groups.maxWeightBps",
            0,
            "groups[0].max_weight",
        ),
        (
            |p| {
                p.groups = vec![group(1)];
                p.strategies[1].groups = 0b10;
            },
            "strategies.groups",
            1,
            "strategies[1].groups",
        ),
        (|p| targets(p, vec![0, 0]), "objective.targetWeightsBps", 3, "objective.target_weights"),
        (
            |p| targets(p, vec![0, 10_001, 0]),
            "objective.targetWeightsBps",
            1,
            "objective.target_weights",
        ),
        (
            |p| targets(p, vec![5_000, 5_000, 1]),
            "objective.targetWeightsBps",
            2,
            "objective.target_weights",
        ),
        (
            |p| p.objective.target_weights_bps = vec![0, 0, 0],
            "objective.targetWeightsBps",
            0,
            "objective.target_weights",
        ),
        (|p| p.schema_version = 0, "schemaVersion", 0, "schema_version"),
        (|p| p.strategies = vec![p.strategies[0].clone(); 33], "strategies", 32, "strategies"),
        (|p| p.agents = vec![p.agents[0].clone(); 17], "agents", 16, "agents"),
        (|p| p.limits.max_turnover_bps = 10_001, "maxTurnoverBps", 0, "limits.max_turnover"),
        (|p| p.limits.max_loss_bps = 10_001, "maxLossBps", 0, "limits.max_loss"),
        (|p| p.limits.min_idle_bps = 10_001, "minIdleBps", 0, "limits.min_idle"),
        (|p| p.limits.max_drawdown_bps = 10_001, "maxDrawdownBps", 0, "limits.max_drawdown"),
        (
            |p| p.limits.max_growth_wad = 1_000_000_000_000_000_001,
            "maxGrowthWad",
            0,
            "limits.max_growth",
        ),
        (|p| p.limits.window_seconds = 0, "windowSeconds", 0, "limits.window"),
        (|p| p.limits.entry_halt_seconds = 0, "entryHaltSeconds", 0, "limits.entry_halt"),
        (|p| p.limits.seasoning_seconds = 0, "seasoningSeconds", 0, "limits.seasoning"),
        (
            |p| p.strategies[1].strategy = [0; 20].into(),
            "strategies.strategy",
            1,
            "strategies[1].strategy",
        ),
        (
            |p| p.strategies[2].strategy = p.strategies[0].strategy,
            "strategies.strategy",
            2,
            "strategies[2].strategy",
        ),
        (
            |p| p.strategies[1].max_weight_bps = 10_001,
            "strategies.maxWeightBps",
            1,
            "strategies[1].max_weight",
        ),
        (
            |p| p.strategies[1].min_weight_bps = 10_001,
            "strategies.minWeightBps",
            1,
            "strategies[1].min_weight",
        ),
        (
            |p| p.strategies[1].price_band_bps = 10_000,
            "strategies.priceBandBps",
            1,
            "strategies[1].price_band",
        ),
        (
            |p| p.strategies[1].reference_assets = 0,
            "strategies.referenceAssets",
            1,
            "strategies[1].reference.assets",
        ),
        (
            |p| p.strategies[1].reference_shares = 0,
            "strategies.referenceShares",
            1,
            "strategies[1].reference.shares",
        ),
        (|p| p.agents[0].agent = [0; 20].into(), "agents.agent", 0, "agents[0].agent"),
        (|p| p.agents.push(p.agents[0].clone()), "agents.agent", 1, "agents[1].agent"),
        (|p| p.agents[0].scope = 0b1000, "agents.scope", 0, "agents[0].scope"),
        (
            |p| p.agents[0].max_turnover_bps = 10_001,
            "agents.maxTurnoverBps",
            0,
            "agents[0].max_turnover",
        ),
        (|p| p.objective.hurdle_bps = 10_001, "objective.hurdleBps", 0, "objective.hurdle"),
    ];
    for (change, field, index, key) in beyond {
        assert_eq!(refusal(change), Err((InvalidKind::Schema, field, index, key.to_owned())));
    }
    let far = refusal(|p| p.agents[0].expires_at = 1 << 40).unwrap_err();
    assert_eq!((far.0, far.1), (InvalidKind::Encoding, "agents.expiresAt"));
}

#[test]
fn ceilings_hold_at_their_end_and_not_beyond() {
    assert_eq!(validate_ceilings(&policy().limits, &ceilings()), Ok(()));
    let beyond: [(LimitChange, &str); 7] = [
        (
            |l| l.max_turnover_bps += 1,
            "limits.max_turnover: is 50.01 %; expected at most the ceiling 50 %",
        ),
        (|l| l.max_loss_bps += 1, "limits.max_loss: is 0.51 %; expected at most the ceiling 0.5 %"),
        (
            |l| l.window_seconds -= 1,
            "limits.window: is 23h59m59s; expected at least the ceiling 1d",
        ),
        (
            |l| l.policy_delay_seconds -= 1,
            "limits.policy_delay: is 59m59s; expected at least the ceiling 1h",
        ),
        (
            |l| l.policy_delay_seconds += 1,
            "limits.policy_delay: is 1h1s; expected at most the ceiling 1h",
        ),
        (
            |l| l.management_fee_bps += 1,
            "limits.management_fee: is 0.01 %; expected at most the ceiling 0 %",
        ),
        (
            |l| l.performance_fee_bps += 1,
            "limits.performance_fee: is 0.01 %; expected at most the ceiling 0 %",
        ),
    ];
    for (change, sentence) in beyond {
        let mut limits = policy().limits;
        change(&mut limits);
        let invalid = validate_ceilings(&limits, &ceilings()).unwrap_err();
        assert_eq!(invalid.kind, InvalidKind::Ceiling);
        assert_eq!(invalid.to_string(), sentence);
    }
}

proptest! {
    #[test]
    fn documents_in_every_range_are_valid(policy in valid_policy()) {
        prop_assert_eq!(validate(&policy), Ok(()));
    }
}
