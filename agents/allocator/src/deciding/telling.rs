//! A decision as it is told: moves or a hold, with candidates, limits and certificate.

use vagus_policy::{Refusal, Rule};

use super::Deciding;
use crate::{
    Action, Candidate, Decision, Limiting, Reason,
    allocate::hold,
    certificate::certify,
    decision::Binding,
    explain::{bindings, leak_at, lines},
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
            Reason::TurnoverSpent => {
                leak_at(self.policy, self.snapshot, self.inputs, self.mandate, &self.view)
            }
            _ => None,
        };
        decision.action = Action::Hold { is_proven: false, retry_at };
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
        prices: &Prices,
        others: Vec<Plan>,
    ) -> Decision {
        let targets = &self.targets(plan);
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
