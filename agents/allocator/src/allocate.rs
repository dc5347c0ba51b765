//! The decision for one vault at one block.
//!
//! Everything is asked for the next block's time, `block.timestamp + block_seconds`, on the positions and venues of the
//! pinned block.

use alloy_primitives::{B256, U256};
use vagus_policy::{
    ANY_COUNT, AgentPolicy, Mode, Move, Policy, Rebalance, Refusal, Rule, Snapshot, authorise,
    check_with_headroom, predict,
};

use crate::{
    ALGORITHM_VERSION, Action, Candidate, Certificate, Decision, Inputs, Limiting, NativePrice,
    Reason,
    certificate::certify,
    decision::Binding,
    explain::{bindings, leak_at, lines},
    improve::{Found, Start, improve},
    plan::{Plan, plan},
    repair::{Blocked, Need, Repair, repair},
    view::{NoView, View, view},
};

/// Most candidates that a decision carries.
const MOST_CANDIDATES: usize = 6;

/// Decides what to do. Pure: the same arguments give the same decision, bit for bit, on every machine.
#[must_use]
pub fn decide(policy: &Policy, snapshot: &Snapshot, inputs: &Inputs) -> Decision {
    let at = snapshot.block.timestamp.saturating_add(u64::from(inputs.block_seconds));
    let state = &snapshot.vault;
    let guard = &state.guard_state;
    if guard.policy_version == 0 || guard.policy_hash == B256::ZERO {
        return hold(snapshot, Reason::NoPolicy);
    }
    if guard.mode == Mode::Paused {
        return hold(snapshot, Reason::ModeClosed);
    }
    let mandate = match mandate(policy, snapshot, inputs, at) {
        Ok(mandate) => mandate,
        Err(refusal) => {
            return Decision { refusal: Some(refusal), ..hold(snapshot, Reason::NoMandate) };
        }
    };
    let receipt = predict(policy, state, &[]);
    if receipt.nav.is_zero() || receipt.base.is_zero() {
        return hold(snapshot, Reason::NoCapital);
    }
    let is_unreadable = |index: usize| {
        let is_written_off = policy
            .strategies
            .get(index)
            .is_some_and(|s| s.status == vagus_policy::StrategyStatus::WrittenOff);
        !is_written_off && !state.strategies[index].is_readable
    };
    if !state.nav.is_readable || (0..state.strategies.len()).any(is_unreadable) {
        return hold(snapshot, Reason::Unreadable);
    }
    if let Err(refusal) = authorise(policy, state, &rebalance(snapshot, inputs, Vec::new()), at)
        && refusal.rule == Rule::Cooldown
    {
        let retry_at = u64::try_from(refusal.limit).ok();
        return Decision {
            action: Action::Hold { is_proven: false, retry_at },
            bindings: vec![Binding {
                limiting: Limiting::Rule(Rule::Cooldown),
                index: None,
                observed: refusal.observed,
                limit: refusal.limit,
            }],
            ..hold(snapshot, Reason::Cooldown)
        };
    }
    match view(policy, snapshot, inputs, mandate) {
        Ok(view) => Deciding { policy, snapshot, inputs, mandate, view }.decide(),
        Err(NoView::TooLarge) => hold(snapshot, Reason::Unreadable),
        // The document at hand is not the one in force.
        Err(NoView::Mismatch) => hold(snapshot, Reason::NoPolicy),
    }
}

/// The mandate in force, or R2's own words.
fn mandate<'a>(
    policy: &'a Policy,
    snapshot: &Snapshot,
    inputs: &Inputs,
    at: u64,
) -> Result<&'a AgentPolicy, Refusal> {
    let none = Refusal { rule: Rule::Mandate, observed: U256::ZERO, limit: U256::ZERO };
    match authorise(policy, &snapshot.vault, &rebalance(snapshot, inputs, Vec::new()), at) {
        Err(refusal) if refusal.rule == Rule::Mandate => Err(refusal),
        _ => policy
            .agents
            .iter()
            .find(|entry| entry.agent == inputs.agent)
            .filter(|_| snapshot.vault.agent.agent == inputs.agent)
            .ok_or(none),
    }
}

/// The moves as the keeper would send them, for asking the rules.
fn rebalance(snapshot: &Snapshot, inputs: &Inputs, moves: Vec<Move>) -> Rebalance {
    Rebalance {
        policy_version: snapshot.vault.guard_state.policy_version,
        nonce: snapshot.vault.agent.nonce,
        vault_count: ANY_COUNT,
        deadline: snapshot
            .block
            .timestamp
            .saturating_add(u64::from(inputs.deadline_seconds.max(inputs.block_seconds))),
        decision: B256::ZERO,
        moves,
    }
}

fn hold(snapshot: &Snapshot, reason: Reason) -> Decision {
    Decision {
        algorithm_version: ALGORITHM_VERSION,
        reason,
        action: Action::Hold { is_proven: false, retry_at: None },
        candidates: Vec::new(),
        certificate: Certificate::default(),
        bindings: Vec::new(),
        lines: Vec::new(),
        refusal: None,
        policy_hash: snapshot.vault.guard_state.policy_hash,
    }
}

struct Deciding<'a> {
    policy: &'a Policy,
    snapshot: &'a Snapshot,
    inputs: &'a Inputs,
    mandate: &'a AgentPolicy,
    view: View,
}

impl Deciding<'_> {
    fn decide(&self) -> Decision {
        let is_active = self.snapshot.vault.guard_state.mode == Mode::Active;
        let blocked = match repair(&self.view, self.inputs) {
            Need::Repair(repair) => return self.repaired(&repair, is_active),
            Need::Blocked(blocked) => Some(blocked),
            Need::Nothing => None,
        };
        if blocked == Some(Blocked::Turnover) {
            return self.held(Reason::TurnoverSpent, None, Vec::new());
        }
        if !is_active {
            return self.held(Reason::ModeClosed, None, Vec::new());
        }
        self.income()
    }

    /// A repair, with what income can be had in the same rebalance.
    fn repaired(&self, repair: &Repair, is_active: bool) -> Decision {
        let plain = self.plain(&repair.targets);
        let mut plans = Vec::new();
        if is_active && self.inputs.native_price != NativePrice::Missing {
            plans = self.added(repair, &plain);
        }
        plans.push(plain);
        let mut refusal = None;
        for place in 0..plans.len() {
            match self.refusal(&plans[place]) {
                None => {
                    let chosen = plans.swap_remove(place);
                    return self.done(repair.reason, &chosen, Found::default(), plans);
                }
                Some(found) => refusal = Some(found),
            }
        }
        let plain = plans.pop();
        self.refused(refusal, plain.as_ref(), Found::default(), plans)
    }

    /// Plans that do more than the repair, and whose addition pays for itself; best first.
    fn added(&self, repair: &Repair, plain: &Plan) -> Vec<Plan> {
        let withdrawn = self.withdrawn(&repair.targets);
        let start = Start {
            targets: repair.targets.clone(),
            only_out: self
                .view
                .venues
                .iter()
                .zip(&repair.targets)
                .map(|(venue, target)| *target < venue.position)
                .collect(),
            repaired: withdrawn,
            turnover: self.view.turnover.saturating_sub(withdrawn),
            slack: (self.view.idle + withdrawn) as i128 - self.view.idle_goal as i128,
        };
        let mut plans = improve(self.policy, self.snapshot, self.inputs, &self.view, &start).plans;
        plans.retain(|plan| Self::is_worth_adding(plain, plan));
        plans
    }

    fn is_worth_adding(plain: &Plan, plan: &Plan) -> bool {
        let better = plan.gain.saturating_add(plain.loss).saturating_add(plain.cost);
        let worse = [plan.loss, plan.cost, plan.hurdle]
            .into_iter()
            .fold(plain.gain, |sum, part| sum.saturating_add(part));
        better > worse
    }

    fn income(&self) -> Decision {
        let start = Start::standing(&self.view);
        let mut found = improve(self.policy, self.snapshot, self.inputs, &self.view, &start);
        // Between its floor and its goal idle is no reason to withdraw, so what neither deposits nor gains is left out.
        found.plans.retain(|plan| !plan.moves.is_empty());
        let plans = std::mem::take(&mut found.plans);
        let best = plans.first().cloned();
        let Some(best) = best.filter(|plan| !plan.gain.is_zero()) else {
            let reason =
                if self.is_turnover_in_the_way() { Reason::TurnoverSpent } else { Reason::Optimal };
            return self.done_holding(reason, None, found, plans);
        };
        if self.inputs.native_price == NativePrice::Missing {
            return self.done_holding(Reason::NoNativePrice, Some(&best), found, plans);
        }
        if !best.pays() {
            let reason = if self.is_turnover_in_the_way() {
                Reason::TurnoverSpent
            } else {
                Reason::BelowHurdle
            };
            return self.done_holding(reason, Some(&best), found, plans);
        }
        let mut refusal = None;
        for plan in plans.iter().filter(|plan| plan.pays()) {
            match self.refusal(plan) {
                None => {
                    let rest = plans.iter().filter(|other| *other != plan).cloned().collect();
                    return self.done(Reason::Income, plan, found, rest);
                }
                Some(refused) => refusal = refusal.or(Some(refused)),
            }
        }
        self.refused(refusal, Some(&best), found, plans)
    }

    /// Whether a plan would pay if the turnover budgets were empty.
    fn is_turnover_in_the_way(&self) -> bool {
        let mut wide = self.view.clone();
        wide.turnover = crate::view::LARGEST_AMOUNT;
        let start = Start::standing(&wide);
        improve(self.policy, self.snapshot, self.inputs, &wide, &start)
            .plans
            .first()
            .is_some_and(Plan::pays)
    }

    /// What a repair takes out in all.
    fn withdrawn(&self, targets: &[u128]) -> u128 {
        self.view.venues.iter().zip(targets).map(|(venue, target)| venue.position - target).sum()
    }

    /// A repair and nothing else.
    fn plain(&self, targets: &[u128]) -> Plan {
        let repaired = self.withdrawn(targets);
        plan(self.policy, self.snapshot, self.inputs, &self.view, targets, repaired)
    }

    /// What the rules say to a plan, with headroom.
    fn refusal(&self, plan: &Plan) -> Option<Refusal> {
        let state = &self.snapshot.vault;
        let receipt = predict(self.policy, state, &plan.moves);
        let asked = rebalance(self.snapshot, self.inputs, plan.moves.clone());
        check_with_headroom(
            self.policy,
            state,
            &asked,
            self.view.at,
            &receipt,
            self.inputs.headroom_bps,
        )
        .err()
    }

    fn refused(
        &self,
        refusal: Option<Refusal>,
        plan: Option<&Plan>,
        found: Found,
        others: Vec<Plan>,
    ) -> Decision {
        let reason = match refusal.map(|refusal| refusal.rule) {
            Some(Rule::Loss) => Reason::LossSpent,
            Some(Rule::Turnover) => Reason::TurnoverSpent,
            _ => Reason::RuleRefuses,
        };
        let mut decision = self.done_holding(reason, plan, found, others);
        if reason == Reason::RuleRefuses {
            decision.refusal = refusal;
        } else if let Some(refusal) = refusal {
            let limiting = Limiting::Rule(refusal.rule);
            let Refusal { observed, limit, .. } = refusal;
            decision.bindings.insert(0, Binding { limiting, index: None, observed, limit });
        }
        decision
    }

    fn held(&self, reason: Reason, plan: Option<&Plan>, others: Vec<Plan>) -> Decision {
        self.done_holding(reason, plan, Found::default(), others)
    }

    /// A rebalance.
    fn done(&self, reason: Reason, plan: &Plan, found: Found, others: Vec<Plan>) -> Decision {
        Decision {
            action: Action::Rebalance { moves: plan.moves.clone() },
            ..self.described(reason, Some(plan), &found, others)
        }
    }

    /// A hold, proven where the bound shows it.
    fn done_holding(
        &self,
        reason: Reason,
        plan: Option<&Plan>,
        found: Found,
        others: Vec<Plan>,
    ) -> Decision {
        let mut decision = self.described(reason, plan, &found, others);
        let targets = self.targets(plan);
        let is_economic = matches!(reason, Reason::Optimal | Reason::BelowHurdle);
        let is_proven = is_economic
            && crate::certificate::is_hold_proven(
                self.policy,
                self.inputs,
                &self.view,
                &targets,
                &decision.certificate,
            );
        let retry_at = match reason {
            Reason::TurnoverSpent => {
                leak_at(self.policy, self.snapshot, self.inputs, self.mandate, &self.view)
            }
            _ => None,
        };
        decision.action = Action::Hold { is_proven, retry_at };
        decision
    }

    /// What we would hold after a plan, or hold now.
    fn targets(&self, plan: Option<&Plan>) -> Vec<u128> {
        let standing = || self.view.venues.iter().map(|venue| venue.position).collect();
        plan.map_or_else(standing, |plan| plan.targets.clone())
    }

    fn described(
        &self,
        reason: Reason,
        plan: Option<&Plan>,
        found: &Found,
        others: Vec<Plan>,
    ) -> Decision {
        let targets = &self.targets(plan);
        let is_hold = !reason.is_rebalance();
        let prices = if is_hold { &found.hurdle_prices } else { &found.prices };
        let mut candidates: Vec<Candidate> =
            plan.into_iter().chain(&others).map(Plan::candidate).collect();
        candidates.dedup_by(|a, b| a.moves == b.moves);
        candidates.truncate(MOST_CANDIDATES);
        candidates.push(Candidate::default());
        Decision {
            certificate: certify(self.policy, &self.view, targets, prices),
            bindings: bindings(&self.view, self.inputs, reason, plan, targets, prices),
            lines: lines(self.policy, &self.view, targets),
            candidates,
            ..hold(self.snapshot, reason)
        }
    }
}
