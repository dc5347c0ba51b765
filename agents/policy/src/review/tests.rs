use std::collections::BTreeSet;

use alloy_primitives::{Address, B256, uint};

use super::*;
use crate::{
    AgentPolicy, GroupPolicy, ObjectiveKind, StrategyStatus,
    testing::{NOW, address, ceilings, policy as base, valid_policy},
    toml::write,
};

/// Sound in every respect.
fn policy() -> Policy {
    let mut policy = base();
    policy.strategies.iter_mut().for_each(|entry| entry.cap = 500_000_000_000);
    policy.agents[0].scope = 0b111;
    policy.limits.deposit_cap = 1_000_000_000_000;
    policy
}

fn context() -> Context {
    Context::new("USDC", 6)
        .with_strategy("aave_a", address(1), 6)
        .with_strategy("aave_b", address(2), 6)
        .with_strategy("morpho", address(3), 6)
        .with_account("keeper", address(9))
}

fn facts() -> Facts {
    let venue = || Venue {
        rate_ray: Some(uint!(50_000_000_000_000_000_000_000_000_U256)), // 5 %
        price: Some((U256::from(1_005_000), U256::from(1_000_000))),
        ..Venue::default()
    };
    Facts {
        at: Some(NOW),
        ceilings: Some(ceilings()),
        own: vec![(address(100), "vault"), (address(101), "guard")],
        venues: (1..4).map(|n| (address(n), venue())).collect(),
    }
}

type Edit = fn(&mut Policy, &mut Facts);

fn group(max_weight_bps: u16, cap: u128) -> GroupPolicy {
    GroupPolicy { name: B256::right_padding_from(b"aave"), max_weight_bps, cap }
}

fn found(edit: Edit) -> Vec<Finding> {
    let (mut policy, mut facts) = (policy(), facts());
    edit(&mut policy, &mut facts);
    review(&policy, &context(), &facts)
}

/// Each with a limit one step inside, where there is one, and the step that is found.
fn cases() -> Vec<(Edit, Edit, Code, Severity, &'static str)> {
    use Severity::{Error, Warning};
    let none: Edit = |_, _| {};
    vec![
        (none, |p, _| p.limits.max_loss_bps = 51, Code::CeilingExceeded, Error, "limits.max_loss"),
        (
            |p, _| p.limits.min_idle_bps = 7_000,
            |p, _| p.limits.min_idle_bps = 7_001,
            Code::MinimumsUnmeetable,
            Error,
            "limits.min_idle",
        ),
        (
            |p, _| p.strategies[1].max_weight_bps = 1_001,
            |p, _| p.strategies[1].max_weight_bps = 999,
            Code::MinimumsUnmeetable,
            Error,
            "strategies[1].min_weight",
        ),
        (
            |p, _| {
                p.groups = vec![group(6_000, u128::MAX)];
                p.strategies[0].groups = 1;
                p.strategies[1].groups = 1;
            },
            |p, _| {
                p.groups = vec![group(1_999, u128::MAX)];
                p.strategies[0].groups = 1;
                p.strategies[1].groups = 1;
                p.strategies[0].max_weight_bps = 1_500;
                p.strategies[1].max_weight_bps = 1_500;
            },
            Code::MinimumsUnmeetable,
            Error,
            "groups[0].max_weight",
        ),
        (
            |p, _| target(p, [6_100, 1_000, 1_000]),
            |p, _| target(p, [6_101, 1_000, 1_000]),
            Code::TargetUnreachable,
            Error,
            "objective.target_weights",
        ),
        (
            |p, _| target(p, [900, 1_000, 1_000]),
            |p, _| target(p, [899, 1_000, 1_000]),
            Code::TargetUnreachable,
            Error,
            "objective.target_weights",
        ),
        (
            |p, _| target(p, [5_000, 3_000, 1_800]),
            |p, _| target(p, [5_000, 3_000, 1_801]),
            Code::MinimumsUnmeetable,
            Error,
            "objective.target_weights",
        ),
        (
            |p, _| {
                p.groups = vec![group(6_000, 500_000_000_000)];
                p.strategies[0].groups = 1;
            },
            |p, _| {
                p.groups = vec![group(5_999, 500_000_000_000)];
                p.strategies[0].groups = 1;
            },
            Code::GroupTighterThanMember,
            Warning,
            "groups[0].max_weight",
        ),
        (
            none,
            |p, _| {
                p.groups = vec![group(6_000, 499_999_999_999)];
                p.strategies[0].groups = 1;
            },
            Code::GroupTighterThanMember,
            Warning,
            "groups[0].cap",
        ),
        (
            none,
            |p, _| p.groups = vec![group(6_000, 1)],
            Code::GroupEmpty,
            Warning,
            "groups[0].name",
        ),
        (
            |p, _| p.strategies[0].max_weight_bps = 1_001,
            |p, _| p.strategies[0].max_weight_bps = 1_000,
            Code::FloorNobodyLeaves,
            Error,
            "strategies[0].min_weight",
        ),
        (
            none,
            |p, _| p.strategies[2].status = StrategyStatus::ExitOnly,
            Code::FloorWithoutEffect,
            Warning,
            "strategies[2].min_weight",
        ),
        (none, |p, _| p.agents[0].scope = 0, Code::AgentWithoutRoom, Error, "agents[0].scope"),
        (
            |p, _| p.agents[0].expires_at = NOW + 1,
            |p, _| p.agents[0].expires_at = NOW,
            Code::AgentWithoutRoom,
            Error,
            "agents[0].expires",
        ),
        (
            |p, _| p.agents[0].max_turnover_bps = 1,
            |p, _| p.agents[0].max_turnover_bps = 0,
            Code::AgentWithoutRoom,
            Error,
            "agents[0].max_turnover",
        ),
        (
            |p, _| p.agents[0].max_loss_bps = 1,
            |p, _| p.agents[0].max_loss_bps = 0,
            Code::AgentWithoutRoom,
            Error,
            "agents[0].max_loss",
        ),
        (
            none,
            |p, _| {
                p.strategies.iter_mut().for_each(|it| it.status = StrategyStatus::WrittenOff);
                p.strategies.iter_mut().for_each(|it| it.min_weight_bps = 0);
            },
            Code::AgentWithoutRoom,
            Error,
            "agents[0].scope",
        ),
        (
            |p, _| p.agents[0].max_turnover_bps = 5_000,
            |p, _| p.agents[0].max_turnover_bps = 5_001,
            Code::AgentBudgetBeyondVault,
            Warning,
            "agents[0].max_turnover",
        ),
        (
            |p, _| second_agent(p, 1_000),
            |p, _| second_agent(p, 1_001),
            Code::AgentBudgetsTogether,
            Warning,
            "limits.max_turnover",
        ),
        (
            none,
            |p, _| {
                p.agents[0].scope = 0b011;
                p.strategies[2].min_weight_bps = 0;
            },
            Code::StrategyOutOfEveryScope,
            Warning,
            "strategies[2].strategy",
        ),
        (
            |p, _| p.strategies[1].cap = 1,
            |p, _| p.strategies[1].cap = 0,
            Code::LimitZero,
            Warning,
            "strategies[1].cap",
        ),
        (
            none,
            |p, _| {
                p.limits.max_loss_bps = 0;
                p.agents[0].max_loss_bps = 1;
            },
            Code::LossZero,
            Error,
            "limits.max_loss",
        ),
        (
            none,
            |p, _| p.limits.max_turnover_bps = 0,
            Code::TurnoverZero,
            Warning,
            "limits.max_turnover",
        ),
        (
            |p, _| p.limits.max_nav_age_seconds = 3_600,
            |p, _| p.limits.max_nav_age_seconds = 3_601,
            Code::NavAgeLong,
            Warning,
            "limits.max_nav_age",
        ),
        // 3 × 5 % ÷ 365, in wad a day, rounded up.
        (
            |p, _| p.limits.max_growth_wad = 410_958_904_109_590,
            |p, _| p.limits.max_growth_wad = 410_958_904_109_589,
            Code::GrowthSlow,
            Warning,
            "limits.max_growth",
        ),
        // 5 % in 365 days: 0.42 % holds out 30 days, 0.41 % 29.
        (
            |p, _| p.strategies[0].price_band_bps = 42,
            |p, f| {
                p.strategies[0].price_band_bps = 41;
                f.venues.clear();
                f.venues.insert(address(1), facts().venues[&address(1)].clone());
                f.venues.get_mut(&address(1)).unwrap().price = None;
            },
            Code::BandNarrow,
            Warning,
            "strategies[0].price_band",
        ),
        (
            none,
            |p, f| {
                p.strategies[0].price_band_bps = 0;
                f.venues.get_mut(&address(1)).unwrap().price = None;
            },
            Code::BandNarrow,
            Error,
            "strategies[0].price_band",
        ),
        (
            |p, _| p.objective.horizon_seconds = 1,
            |p, _| p.objective.horizon_seconds = 0,
            Code::HorizonZero,
            Error,
            "objective.horizon",
        ),
        (
            |p, _| p.limits.deposit_cap = u128::MAX - 1,
            |p, _| p.limits.deposit_cap = u128::MAX,
            Code::DepositCapEndless,
            Warning,
            "limits.deposit_cap",
        ),
        (
            none,
            |_, f| {
                let venue = f.venues.get_mut(&address(2)).unwrap();
                venue.unfit = Some("has no code".to_owned());
            },
            Code::StrategyUnfit,
            Error,
            "strategies[1].strategy",
        ),
        (
            none,
            |p, _| {
                p.strategies[2].strategy = address(100);
            },
            Code::StrategyUnfit,
            Error,
            "strategies[2].strategy",
        ),
        // The band is 1 %, with a unit of grace.
        (
            |_, f| price(f, 1_010_001),
            |_, f| price(f, 1_010_002),
            Code::ReferenceOff,
            Error,
            "strategies[0].reference",
        ),
        (
            |_, f| {
                price(f, 2_000_000);
                f.venues.get_mut(&address(1)).unwrap().has_reference = true;
            },
            |_, f| price(f, 989_998),
            Code::ReferenceOff,
            Error,
            "strategies[0].reference",
        ),
        (
            none,
            |p, _| p.limits.fee_recipient = address(101),
            Code::FeeRecipientUnfit,
            Error,
            "limits.fee_recipient",
        ),
    ]
}

fn target(policy: &mut Policy, weights: [u16; 3]) {
    policy.objective.kind = ObjectiveKind::TargetWeights;
    policy.objective.band_bps = 100;
    policy.objective.target_weights_bps = weights.to_vec();
}

fn second_agent(policy: &mut Policy, max_turnover_bps: u16) {
    let first = &policy.agents[0];
    let second =
        AgentPolicy { agent: address(10), max_turnover_bps, max_loss_bps: 1, ..first.clone() };
    policy.agents.push(second);
}

fn price(facts: &mut Facts, assets: u64) {
    let venue = facts.venues.get_mut(&address(1)).unwrap();
    venue.price = Some((U256::from(assets), U256::from(1_000_000)));
}

#[test]
fn a_sound_policy_has_no_findings() {
    assert_eq!(found(|_, _| {}), []);
    assert_eq!(review(&policy(), &context(), &Facts::default()), []);
}

#[test]
fn each_finding_is_made_one_step_past_its_limit_and_not_at_it() {
    let mut seen = BTreeSet::from([Code::Unreadable]);
    for (inside, past, code, severity, key) in cases() {
        let of_key = |findings: Vec<Finding>| -> Vec<(Code, Severity)> {
            let here = findings.into_iter().filter(|finding| finding.key == key);
            here.filter(|finding| finding.code == code)
                .map(|finding| (finding.code, finding.severity))
                .collect()
        };
        assert_eq!(of_key(found(inside)), [], "{code:?} at the limit");
        assert_eq!(of_key(found(past)), [(code, severity)], "{:?}", found(past));
        seen.insert(code);
    }
    assert_eq!(seen, BTreeSet::from(Code::ALL), "a case for each code");
}

#[test]
fn findings_are_sentences_that_a_person_reviewed() {
    let mut text = String::new();
    for (_, past, code, severity, key) in cases() {
        for finding in found(past) {
            if (finding.code, finding.severity, finding.key.as_str()) == (code, severity, key) {
                let Finding { problem, advice, .. } = finding;
                text.push_str(&format!("{severity:?} {code:?} {key}: {problem}; {advice}\n"));
            }
        }
    }
    crate::testing::golden("findings.txt", &text);
}

#[test]
fn what_is_normal_yield_stands_as_a_number() {
    assert_eq!(NORMAL_RATE_RAY, U256::from(10_u64).pow(U256::from(26)));
    assert_eq!(write::percent(1_000), "10 %");
}

#[test]
fn several_ceilings_are_all_told() {
    let keys: Vec<_> = found(|p, _| {
        p.limits.max_loss_bps = 51;
        p.limits.window_seconds = 1;
        p.limits.policy_delay_seconds = 3_601;
    })
    .into_iter()
    .filter(|finding| finding.code == Code::CeilingExceeded)
    .map(|finding| finding.key)
    .collect();
    assert_eq!(keys, ["limits.max_loss", "limits.window", "limits.policy_delay"]);
}

proptest::proptest! {
    #[test]
    fn no_valid_document_panics(policy in valid_policy(), at: u64) {
        let facts = Facts { at: Some(at), own: vec![(Address::ZERO, "vault")], ..facts() };
        let _ = review(&policy, &context(), &facts);
        let _ = review(&policy, &context(), &Facts::default());
    }
}
