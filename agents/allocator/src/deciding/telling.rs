//! A decision as it is told: moves or a hold, with candidates, limits and certificate.

use alloy_primitives::U256;
use vagus_policy::{
    Bucket, Refusal, Rule,
    budget::Budget,
    math::{bps_up, mul_div_up},
};

use super::Deciding;
use crate::{
    Action, Candidate, Decision, Limiting, Reason,
    allocate::hold,
    certificate::certify,
    decision::Binding,
    explain::{bindings, lines},
    math::amount,
    plan::Plan,
    program::Prices,
};

/// Most candidates that a decision carries.
const MOST_CANDIDATES: usize = 6;

impl Deciding<'_> {
    /// A hold because of what a rule says to a plan.
    pub(super) fn refused(
        &self,
        refusal: Option<Refusal>,
        plan: Option<&Plan>,
        prices: Prices,
        others: Vec<Plan>,
    ) -> Decision {
        let reason = match refusal.map(|refusal| refusal.rule) {
            Some(Rule::Loss) => Reason::LossSpent,
            Some(Rule::Turnover) => Reason::TurnoverSpent,
            _ => Reason::RuleRefuses,
        };
        let mut decision = self.done_holding(reason, plan, prices, others);
        if reason == Reason::RuleRefuses {
            decision.refusal = refusal;
        } else if let Some(refusal) = refusal {
            let limiting = Limiting::Rule(refusal.rule);
            let Refusal { observed, limit, .. } = refusal;
            decision.bindings.insert(0, Binding { limiting, index: None, observed, limit });
        }
        decision
    }

    /// A rebalance.
    pub(super) fn done(
        &self,
        reason: Reason,
        plan: &Plan,
        prices: Prices,
        others: Vec<Plan>,
    ) -> Decision {
        Decision {
            action: Action::Rebalance { moves: plan.moves.clone() },
            ..self.described(reason, Some(plan), &prices, others)
        }
    }

    /// A hold.
    pub(super) fn done_holding(
        &self,
        reason: Reason,
        plan: Option<&Plan>,
        prices: Prices,
        others: Vec<Plan>,
    ) -> Decision {
        let mut decision = self.described(reason, plan, &prices, others);
        let retry_at = match reason {
            Reason::TurnoverSpent => self.turnover_leaks_at(),
            Reason::LossSpent => plan.and_then(|plan| self.loss_leaks_at(plan)),
            _ => None,
        };
        decision.action = Action::Hold { is_proven: false, retry_at };
        decision
    }

    /// When both turnover buckets will have leaked enough for the smallest move, if they ever do.
    fn turnover_leaks_at(&self) -> Option<u64> {
        let vault = (self.snapshot.vault.guard_state.turnover, self.policy.limits.max_turnover_bps);
        let agent = (self.snapshot.vault.agent.turnover, self.mandate.max_turnover_bps);
        self.leak_at([vault, agent], amount(self.inputs.smallest_move.max(1)))
    }

    /// When both loss buckets will have leaked enough for a plan, if they ever do and no other rule refuses it.
    fn loss_leaks_at(&self, plan: &Plan) -> Option<u64> {
        let mut unspent = self.snapshot.vault.clone();
        (unspent.guard_state.loss, unspent.agent.loss) = (Bucket::default(), Bucket::default());
        let loss = self.checked(&unspent, plan).ok()?.loss_assets;
        let vault = (self.snapshot.vault.guard_state.loss, self.policy.limits.max_loss_bps);
        let agent = (self.snapshot.vault.agent.loss, self.mandate.max_loss_bps);
        self.leak_at([vault, agent], loss)
    }

    /// When all of some buckets, each with its size in bps of base, have room for an amount with headroom, if they ever do.
    fn leak_at(&self, buckets: [(Bucket, u16); 2], wanted: U256) -> Option<u64> {
        let (view, window) = (&self.view, self.policy.limits.window_seconds);
        let mut latest = view.at;
        for (bucket, bps) in buckets {
            let budget = Budget::at(bucket, view.base, bps, window, view.at);
            let reserve = bps_up(budget.capacity, self.inputs.headroom_bps);
            let capacity = budget.capacity.saturating_sub(reserve);
            if wanted > capacity {
                return None;
            }
            let missing = budget.used_up().saturating_add(wanted).saturating_sub(capacity);
            let seconds = mul_div_up(missing, U256::from(window), budget.capacity);
            latest = latest.max(view.at.checked_add(u64::try_from(seconds).ok()?)?);
        }
        Some(latest)
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
        prices: &Prices,
        others: Vec<Plan>,
    ) -> Decision {
        let (policy, targets) = (self.policy, &self.targets(plan));
        let mut candidates: Vec<Candidate> =
            plan.into_iter().chain(&others).map(Plan::candidate).collect();
        candidates.dedup_by(|a, b| a.moves == b.moves);
        candidates.truncate(MOST_CANDIDATES);
        candidates.push(Candidate::default());
        Decision {
            certificate: certify(policy, &self.view, targets, prices),
            bindings: bindings(policy, &self.view, self.inputs, reason, plan, targets, prices),
            lines: lines(policy, &self.view, targets),
            candidates,
            ..hold(self.snapshot, reason)
        }
    }
}
