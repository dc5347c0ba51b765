//! What is to be done: repair before income, and whether it pays.

mod telling;

use vagus_policy::{
    AgentPolicy, Checked, Mode, ObjectiveKind, Policy, Refusal, Snapshot, VaultState,
    check_with_headroom, predict,
};

use crate::{
    Action, Decision, Inputs, NativePrice, Reason,
    allocate::rebalance,
    certificate::{RayPrices, is_hold_proven},
    improve::{Answer, CLOSER_LOOKS, Question},
    model::{Freedom, Hurdle, Model},
    needs::Needs,
    plan::Plan,
    program::Prices,
    view::{LARGEST_AMOUNT, View},
};

/// What a decision is made of, once there is something to decide.
pub(crate) struct Deciding<'a> {
    pub(crate) policy: &'a Policy,
    pub(crate) snapshot: &'a Snapshot,
    pub(crate) inputs: &'a Inputs,
    pub(crate) mandate: &'a AgentPolicy,
    pub(crate) view: View,
}

impl Deciding<'_> {
    /// Repair, or income, or why neither.
    pub(crate) fn decide(&self) -> Decision {
        let is_active = self.snapshot.vault.guard_state.mode == Mode::Active;
        let is_weighted = self.policy.objective.kind == ObjectiveKind::TargetWeights;
        let needs = Needs::of(&self.view, self.inputs);
        if !needs.is_empty() {
            let is_priced = self.inputs.native_price != NativePrice::Missing;
            return self.repaired(&needs, is_active && is_priced && !is_weighted);
        }
        if !is_active {
            return self.done_holding(Reason::ModeClosed, None, Prices::default(), Vec::new());
        }
        if is_weighted {
            return self.done_holding(Reason::WithinBand, None, self.prices(), Vec::new());
        }
        self.income()
    }

    fn question<'q>(&'q self, needs: &'q Needs) -> Question<'q> {
        let model = Model {
            policy: self.policy,
            inputs: self.inputs,
            view: &self.view,
            needs,
            is_repair_only: false,
            hurdle: Hurdle::In,
            has_costs: true,
        };
        Question { model, snapshot: self.snapshot, closer_looks: CLOSER_LOOKS }
    }

    fn no_needs(&self) -> Needs {
        Needs::none(self.view.venues.len(), self.view.groups.len())
    }

    /// The prices of the best plan for income alone, which bound what any plan can gain.
    fn prices(&self) -> Prices {
        let needs = self.no_needs();
        self.question(&needs).with(|model| model.hurdle = Hurdle::Nowhere).answer().prices
    }

    /// A repair, with what income can be had in the same rebalance.
    fn repaired(&self, needs: &Needs, with_income: bool) -> Decision {
        let repair = self.question(needs).with(|model| model.is_repair_only = true);
        let mut plans = Vec::new();
        if with_income {
            plans.push(self.question(needs).answer().plan);
        }
        let plain = repair.answer().plan;
        let is_met = needs.met_by(&self.view, &plain.targets).is_some();
        if !plans.contains(&plain) {
            plans.push(plain);
        }
        let prices = self.prices();
        if !is_met {
            // Nothing can be done about what is outside; income goes on where it pays.
            if self.is_turnover_spent() {
                let wide = self.with_all_turnover();
                let plan = repair.with(|model| model.view = &wide).answer().plan;
                return self.held_by_turnover(&plan, prices, Vec::new());
            }
            plans.retain(|plan| plan.pays() && with_income);
            let best = plans.first();
            return match best.filter(|plan| self.refusal(plan).is_none()) {
                Some(plan) => self.done(Reason::Income, plan, prices, Vec::new()),
                None => self.done_holding(Reason::RepairBlocked, best, prices, Vec::new()),
            };
        }
        let mut refusal = None;
        for place in 0..plans.len() {
            let Some(met) = needs.met_by(&self.view, &plans[place].targets) else { continue };
            // A floor that is filled by what pays for itself, as by a first allocation, is no reason of its own.
            let met = if met == Reason::RepairFloor && with_income && plans[place].pays() {
                Reason::Income
            } else {
                met
            };
            match self.refusal(&plans[place]) {
                None => {
                    let chosen = plans.remove(place);
                    return self.done(met, &chosen, prices, plans);
                }
                Some(found) => refusal = Some(found),
            }
        }
        let plain = plans.pop();
        self.refused(refusal, plain.as_ref(), prices, plans)
    }

    fn income(&self) -> Decision {
        let needs = self.no_needs();
        let question = self.question(&needs);
        let Answer { plan: mut best, prices, is_settled } = question.answer();
        let is_settled = is_settled
            || !best.pays()
                && is_hold_proven(self.policy, self.inputs, &self.view, &RayPrices::of(&prices));
        // What the hurdle is paid on is the larger one of deposits and withdrawals, which no price per unit says exactly.
        let other = |hurdle| question.with(|model| model.hurdle = hurdle).answer().plan;
        for hurdle in [Hurdle::Both, Hurdle::Nowhere] {
            if !is_settled && !best.pays() {
                best = Some(other(hurdle)).filter(Plan::pays).unwrap_or(best);
            }
        }
        if best.moves.is_empty() {
            best = self.declined(&question, if is_settled { 0 } else { 1 });
        }
        let has_gain = !best.moves.is_empty() && !best.gain.is_zero();
        if has_gain && self.inputs.native_price == NativePrice::Missing {
            return self.done_holding(Reason::NoNativePrice, Some(&best), prices, Vec::new());
        }
        if !best.pays()
            && let Some(Answer { plan, prices, .. }) = self.beyond_turnover(&prices)
        {
            return self.held_by_turnover(&plan, prices, vec![best]);
        }
        if !has_gain {
            let reason = if self.view.venues.iter().any(|venue| venue.lacks_history) {
                Reason::NoHistory
            } else {
                Reason::Optimal
            };
            return self.proven_as(is_settled, self.done_holding(reason, None, prices, Vec::new()));
        }
        if !best.pays() {
            let hold = self.done_holding(Reason::BelowHurdle, Some(&best), prices, Vec::new());
            return self.proven_as(is_settled, hold);
        }
        let (further, prices) = self.further(&question, &best);
        let plans: Vec<Plan> = further.into_iter().chain([best]).collect();
        let mut refusal = None;
        for plan in &plans {
            match self.refusal(plan) {
                None => {
                    let rest = plans.iter().filter(|other| *other != plan).cloned().collect();
                    return self.done(Reason::Income, plan, prices, rest);
                }
                Some(refused) => refusal = refusal.or(Some(refused)),
            }
        }
        self.refused(refusal, plans.last(), prices, Vec::new())
    }

    /// Says of a hold that even the bound does not beat costs and hurdle, if that is why it holds.
    fn proven_as(&self, is_shown: bool, mut decision: Decision) -> Decision {
        let is_economic = matches!(decision.reason, Reason::Optimal | Reason::BelowHurdle);
        if let Action::Hold { is_proven, .. } = &mut decision.action {
            *is_proven = is_shown && is_economic;
        }
        decision
    }

    /// What would move if moving cost nothing: what a hold declines.
    fn declined(&self, question: &Question<'_>, closer_looks: u32) -> Plan {
        let free = question.with(|model| {
            model.hurdle = Hurdle::Nowhere;
            model.has_costs = false;
        });
        Question { closer_looks, ..free }.answer().plan
    }

    /// Who moves is decided with the hurdle; how far they move is decided by income alone, as long as the whole still pays:
    /// the hurdle says whether to move, not how far. With it the prices without a hurdle.
    fn further(&self, question: &Question<'_>, best: &Plan) -> (Option<Plan>, Prices) {
        let free = question.with(|model| model.hurdle = Hurdle::Nowhere);
        let Answer { plan, prices, .. } = free.answer();
        let stands = |plan: &Plan, place: usize| {
            plan.targets.get(place) == Some(&self.view.venues[place].position)
        };
        let places = || 0..self.view.venues.len();
        let is_within = places().all(|place| stands(&plan, place) || !stands(best, place));
        let plan = if is_within {
            plan
        } else {
            let freedom = |place: usize| {
                if stands(best, place) { Freedom::Barred } else { Freedom::Free }
            };
            free.answer_with(places().map(freedom).collect()).plan
        };
        (Some(plan).filter(|plan| plan.pays() && plan.net() > best.net()), prices)
    }

    /// Whether no useful move is left in the turnover budgets.
    fn is_turnover_spent(&self) -> bool {
        self.view.venues.first().is_some_and(|venue| self.view.turnover < venue.smallest)
    }

    /// The same view with turnover without end.
    fn with_all_turnover(&self) -> View {
        View { turnover: LARGEST_AMOUNT, ..self.view.clone() }
    }

    /// The plan that would pay if turnover had no end, if turnover is what is in its way.
    fn beyond_turnover(&self, prices: &Prices) -> Option<Answer> {
        if prices.turnover == 0 && !self.is_turnover_spent() {
            return None;
        }
        let wide = self.with_all_turnover();
        let needs = self.no_needs();
        let answer = self.question(&needs).with(|model| model.view = &wide).answer();
        Some(answer).filter(|answer| answer.plan.pays())
    }

    /// A hold because turnover is spent. The plan declined needs more turnover than is left, so that its bound is one of every
    /// plan whatever it moves: turnover has no price in it.
    fn held_by_turnover(&self, plan: &Plan, prices: Prices, others: Vec<Plan>) -> Decision {
        let prices = Prices { turnover: 0, ..prices };
        self.done_holding(Reason::TurnoverSpent, Some(plan), prices, others)
    }

    /// What the rules say to a plan, with headroom.
    fn refusal(&self, plan: &Plan) -> Option<Refusal> {
        self.checked(&self.snapshot.vault, plan).err()
    }

    /// What the rules say to a plan in a state of the vault, with headroom.
    fn checked(&self, state: &VaultState, plan: &Plan) -> Result<Checked, Refusal> {
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
    }
}
