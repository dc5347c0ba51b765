//! Drafts of the keeper's small world.

use alloy::primitives::{Address, B256, U256};
use vagus_allocator::{Action, Inputs, Limiting, Reason};
use vagus_journal::{
    Header,
    draft::{Draft, checked, draft, smallest_moves},
};
use vagus_policy::{AgentPolicy, Mode, Move, Policy, Refusal, Rule, Snapshot};

use crate::testing::{NOW, USDC, inputs, policy, snapshot};

fn agent() -> Address {
    Address::repeat_byte(0xa9)
}

fn drafted(change: impl FnOnce(&mut Policy, &mut Snapshot, &mut Inputs)) -> Draft {
    let (mut policy, mut snapshot, mut inputs) =
        (policy(agent()), snapshot(agent()), inputs(agent()));
    change(&mut policy, &mut snapshot, &mut inputs);
    snapshot.vault.guard_state.policy_hash = vagus_policy::hash(&policy);
    draft(Some(&policy), &snapshot, &inputs)
}

fn header(draft: &Draft) -> Header {
    draft.header(Address::repeat_byte(0x74), B256::repeat_byte(0x75))
}

#[test]
fn idle_capital_becomes_a_plan_that_every_rule_was_asked_about() {
    let draft = drafted(|_, _, _| {});
    let plan = draft.plan.as_ref().expect("a rebalance");
    assert_eq!(draft.observation.decision.reason, Reason::Income);
    assert_eq!(plan.rebalance.deadline, NOW + 300);
    assert_eq!((plan.rebalance.nonce, plan.rebalance.vault_count), (0, 0));
    assert_eq!(plan.rebalance.decision, B256::ZERO);
    let idle = plan.predicted.idle_after;
    assert!(idle >= U256::from(50_000 * USDC), "idle floor of 5 %: {idle}");
    let rules: Vec<Rule> = draft.observation.checks.iter().map(|check| check.rule).collect();
    for rule in [Rule::Mode, Rule::Mandate, Rule::Turnover, Rule::Weight, Rule::Idle, Rule::Loss] {
        assert!(rules.contains(&rule), "{rule} was not checked");
    }
    assert!(draft.observation.checks.iter().all(|check| check.is_met));
}

#[test]
fn the_record_is_the_same_for_the_same_world_and_another_for_any_other() {
    let record = |draft: &Draft, previous| {
        draft.record(header(draft), previous).expect("hashes").expect("a rebalance")
    };
    let one = drafted(|_, _, _| {});
    let (first, hash, rebalance) = record(&one, B256::ZERO);
    first.validate().expect("consistent");
    assert_eq!(rebalance.decision, hash);
    assert_eq!(record(&drafted(|_, _, _| {}), B256::ZERO).1, hash);
    assert_ne!(record(&one, B256::repeat_byte(1)).1, hash);
    assert_ne!(
        record(&drafted(|_, snapshot, _| snapshot.block.timestamp += 1), B256::ZERO).1,
        hash
    );
    assert_ne!(record(&drafted(|_, _, inputs| inputs.gas_price_wei += 1), B256::ZERO).1, hash);
}

#[test]
fn the_deadline_never_outlives_the_mandate() {
    let draft = drafted(|policy, _, _| policy.agents[0].expires_at = NOW + 12);
    assert_eq!(draft.plan.expect("a rebalance").rebalance.deadline, NOW + 12);
    let late = drafted(|policy, _, _| policy.agents[0].expires_at = NOW + 11);
    assert_eq!(late.observation.decision.reason, Reason::NoMandate);
    assert_eq!(late.plan, None);
}

#[test]
fn what_is_closed_is_a_hold() {
    let reasons = [
        (Reason::ModeClosed, drafted(|_, s, _| s.vault.guard_state.mode = Mode::Paused)),
        (Reason::NoMandate, drafted(|_, s, _| s.vault.agent.is_revoked = true)),
        (Reason::Unreadable, drafted(|_, s, _| s.vault.strategies[0].is_readable = false)),
        (Reason::Cooldown, drafted(|_, s, _| s.vault.agent.last_rebalance_at = NOW - 10)),
        (Reason::NoPolicy, draft(None, &snapshot(agent()), &inputs(agent()))),
    ];
    for (expected, draft) in reasons {
        assert_eq!((draft.observation.decision.reason, &draft.plan), (expected, &None));
        let record = draft.record(header(&draft), B256::ZERO).expect("no error");
        assert!(record.is_none(), "{expected:?}");
    }
}

#[test]
fn a_revoked_agent_hears_the_rule_itself() {
    let draft = drafted(|_, snapshot, _| snapshot.vault.agent.is_revoked = true);
    let refusal = draft.observation.decision.refusal.expect("the rule's words");
    assert_eq!(refusal.rule, Rule::Mandate);
}

#[test]
fn a_plan_that_a_rule_refuses_becomes_a_hold_with_its_words() {
    let (policy, snapshot, inputs) = (policy(agent()), snapshot(agent()), inputs(agent()));
    let decision = vagus_allocator::decide(&policy, &snapshot, &inputs);
    assert!(decision.reason.is_rebalance());
    // The rules see another world than the allocator did: a spent budget.
    let mut spent = snapshot.clone();
    spent.vault.guard_state.turnover.level_wad = 1_000_000_000_000_000_000;
    spent.vault.guard_state.turnover.updated_at = NOW;
    let draft = checked(&policy, &spent, &inputs, decision.clone());
    assert_eq!(draft.plan, None);
    let held = &draft.observation.decision;
    assert_eq!(held.reason, Reason::RuleRefuses);
    assert_eq!(held.refusal.map(|refusal| refusal.rule), Some(Rule::Turnover));
    assert_eq!(held.bindings[0].limiting, Limiting::Rule(Rule::Turnover));
    assert_eq!(held.candidates, decision.candidates, "the plan stays the best one declined");
}

#[test]
fn the_deadline_of_a_plan_is_cut_to_the_mandate_in_force() {
    let (mut policy, snapshot, inputs) = (policy(agent()), snapshot(agent()), inputs(agent()));
    let decision = vagus_allocator::decide(&policy, &snapshot, &inputs);
    policy.agents[0].expires_at = NOW + 100;
    let draft = checked(&policy, &snapshot, &inputs, decision);
    assert_eq!(draft.plan.expect("clamped").rebalance.deadline, NOW + 100);
}

/// The one rule that gets stricter with time is the mandate's end. The deadline is cut to that of the agent in `inputs`;
/// the rules look at that of the agent in the state, and do not rely on its being the same.
#[test]
fn the_rules_are_asked_at_the_deadline_too() {
    let acting = Address::repeat_byte(0xa8);
    for (expires_at, is_refused) in [(NOW + 300, false), (NOW + 299, true)] {
        let (mut policy, mut snapshot, inputs) =
            (policy(agent()), snapshot(agent()), inputs(agent()));
        let decision = vagus_allocator::decide(&policy, &snapshot, &inputs);
        let second = AgentPolicy { agent: acting, expires_at, ..policy.agents[0].clone() };
        policy.agents.insert(0, second);
        snapshot.vault.agent.agent = acting;
        let draft = checked(&policy, &snapshot, &inputs, decision);
        assert_eq!(draft.plan.is_none(), is_refused, "{expires_at}");
        let held = &draft.observation.decision;
        let refusal = Refusal {
            rule: Rule::Mandate,
            observed: U256::from(NOW + 300),
            limit: U256::from(NOW + 299),
        };
        assert_eq!(held.refusal, is_refused.then_some(refusal));
        assert_eq!(held.reason == Reason::NoMandate, is_refused);
    }
}

#[test]
fn a_failed_simulation_is_a_hold() {
    let refusal = Refusal { rule: Rule::Loss, observed: U256::from(2), limit: U256::from(1) };
    let draft = drafted(|_, _, _| {}).into_failed_simulation(Some(refusal));
    assert_eq!(draft.plan, None);
    let decision = &draft.observation.decision;
    assert_eq!((decision.reason, decision.refusal), (Reason::SimulationFailed, Some(refusal)));
    assert!(matches!(decision.action, Action::Hold { .. }));
    assert_eq!(
        drafted(|_, _, _| {}).into_failed_simulation(None).observation.decision.refusal,
        None
    );
}

#[test]
fn the_smallest_moves_touch_one_unit_of_what_may_be_touched() {
    let (policy, mut snapshot) = (policy(agent()), snapshot(agent()));
    let one = |index, is_deposit| Some(vec![Move { index, is_deposit, assets: 1 }]);
    assert_eq!(smallest_moves(&policy, &snapshot), one(0, true));
    snapshot.vault.strategies[1].max_withdraw_assets = U256::from(5);
    assert_eq!(smallest_moves(&policy, &snapshot), one(1, false));
    let mut written_off = policy.clone();
    written_off.strategies[1].status = vagus_policy::StrategyStatus::WrittenOff;
    assert_eq!(smallest_moves(&written_off, &snapshot), one(0, true));
    snapshot.vault.strategies.clear();
    assert_eq!(smallest_moves(&policy, &snapshot), None);
}
