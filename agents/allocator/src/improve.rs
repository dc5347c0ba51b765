//! From a view to the best plan: the search, asked again and again with the curves cut finer around what it found.

use vagus_policy::{Snapshot, math::mul_div_down};

use crate::{
    Certificate,
    certificate::{RayPrices, certify, is_hold_proven},
    exchange::Exchange,
    math::{YEAR_SECONDS, u256},
    model::{DIGITS, Freedom, Hurdle, Model, price_up},
    plan::{Plan, Targets, hurdle_ray, plan},
    program::{Found, Prices, Problem, Side, Value, search_from},
    sides::{CELLS, FINER, Grid},
    view::Venue,
};

/// Times that the curves are cut finer for a plan that is carried out: the last steps are a five-hundredth of the first
/// ones'.
pub(crate) const CLOSER_LOOKS: u32 = 3;

/// What is asked: a plan for a view.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Question<'a> {
    pub(crate) model: Model<'a>,
    pub(crate) snapshot: &'a Snapshot,
    /// Times that the curves are cut finer.
    pub(crate) closer_looks: u32,
}

/// The best plan found, and the prices of the limits there.
#[derive(Clone, Debug, Default)]
pub(crate) struct Answer {
    pub(crate) plan: Plan,
    pub(crate) prices: Prices,
    /// Whether a first look was enough: nothing moves, and the prices prove that nothing would pay.
    pub(crate) is_settled: bool,
}

impl<'a> Question<'a> {
    /// The same question of a model that differs.
    pub(crate) fn with(mut self, change: impl FnOnce(&mut Model<'a>)) -> Self {
        change(&mut self.model);
        self
    }

    /// Searches with every strategy free.
    pub(crate) fn answer(&self) -> Answer {
        self.answer_with(vec![Freedom::Free; self.model.view.venues.len()])
    }

    /// Searches with strategies as free as is said.
    pub(crate) fn answer_with(&self, mut freedoms: Vec<Freedom>) -> Answer {
        loop {
            let (mut targets, found, is_settled) = self.search(&freedoms);
            if let Some(place) = self.returns_at_once(&targets, &found, &freedoms) {
                freedoms[place] = Freedom::Stays;
                continue;
            }
            self.leave_no_dust(&mut targets);
            let Model { policy, inputs, view, needs, .. } = self.model;
            let plan = plan(policy, self.snapshot, inputs, view, &targets, needs);
            return Answer { plan, prices: found.prices, is_settled };
        }
    }

    /// Targets, prices, and whether a first look was enough.
    fn search(&self, freedoms: &[Freedom]) -> (Targets, Found, bool) {
        let venues = &self.model.view.venues;
        let mut grids = vec![Grid::Whole; venues.len()];
        let mut steps: Vec<u128> =
            venues.iter().map(|venue| (venue.highest - venue.lowest) / CELLS).collect();
        let (mut look, mut is_open, mut known) = (0, false, Vec::new());
        loop {
            let problem = self.model.problem(&grids, freedoms);
            let mut found = search_from(&problem, &known);
            is_open |=
                found.bound.saturating_sub(found.value) > problem.tolerance || rises(&problem);
            let mut targets = self.targets(&found.moves);
            let is_settled = look == 0 && self.is_settled(&targets, &found.prices);
            if is_settled {
                return (targets, found, is_settled);
            }
            if look == self.closer_looks {
                // A glance stays one.
                let is_for_income = self.closer_looks > 0
                    && self.model.needs.is_empty()
                    && !self.model.is_repair_only;
                if is_open && is_for_income && self.may_miss(&problem, &targets, &found.prices) {
                    found.moves = self.exchanged(&problem, &found, &steps, freedoms);
                    targets = self.targets(&found.moves);
                }
                return (targets, found, is_settled);
            }
            look += 1;
            for (step, (grid, target)) in steps.iter_mut().zip(grids.iter_mut().zip(&targets)) {
                *step = (*step / FINER).max(1);
                *grid = Grid::Around { target: *target, step: *step };
            }
            known = found.moves;
        }
    }

    /// What would be held after moves.
    fn targets(&self, moves: &[i128]) -> Targets {
        let venues = self.model.view.venues.iter();
        venues
            .zip(moves)
            .map(|(venue, moved)| venue.position.saturating_add_signed(*moved))
            .collect()
    }

    /// Whether the curves themselves leave open, at the prices, that a plan misses more than the search's tolerance.
    fn may_miss(&self, problem: &Problem, targets: &[u128], prices: &Prices) -> bool {
        let Certificate { upper_bound, value, .. } =
            certify(self.model.policy, self.model.view, targets, prices);
        let open = upper_bound.saturating_sub(value) << DIGITS;
        let horizon = u256(u64::from(self.model.policy.objective.horizon_seconds.max(1)));
        let yearly = mul_div_down(open, u256(YEAR_SECONDS), horizon);
        Value::try_from(yearly).map_or(true, |yearly| yearly > problem.tolerance)
    }

    /// What exchanges make of a plan that may be far from the best, and a last look around that.
    fn exchanged(
        &self,
        problem: &Problem,
        found: &Found,
        steps: &[u128],
        freedoms: &[Freedom],
    ) -> Vec<i128> {
        let mut exchange = Exchange::new(&self.model, problem, freedoms);
        let mut better = exchange.best(&found.moves, &found.prices.groups);
        if better != found.moves {
            let around = |(target, step): (u128, &u128)| Grid::Around { target, step: *step };
            let grids: Vec<Grid> =
                self.targets(&better).into_iter().zip(steps).map(around).collect();
            let last = search_from(&self.model.problem(&grids, freedoms), &better).moves;
            if exchange.value(&last) > exchange.value(&better) {
                better = last;
            }
        }
        if exchange.becomes_exact(&better) {
            better = exchange.best(&better, &found.prices.groups);
        }
        better
    }

    /// Whether a first look is enough: standing still, and no closer look can find anything that pays.
    fn is_settled(&self, targets: &[u128], prices: &Prices) -> bool {
        let is_still = self
            .model
            .view
            .venues
            .iter()
            .zip(targets)
            .all(|(venue, target)| venue.position == *target);
        is_still
            && self.model.hurdle == Hurdle::In
            && self.model.has_costs
            && self.model.needs.is_empty()
            && is_hold_proven(
                self.model.policy,
                self.model.inputs,
                self.model.view,
                &RayPrices::of(prices),
            )
    }

    /// A strategy that is left from above its kink although its first unit would be worth bringing back.
    fn returns_at_once(
        &self,
        targets: &[u128],
        found: &Found,
        freedoms: &[Freedom],
    ) -> Option<usize> {
        let hurdle = price_up(hurdle_ray(self.model.policy));
        let prices = &found.prices;
        let legs = self.model.view.venues.iter().zip(targets).enumerate();
        let is_back = |venue: &Venue| {
            let groups = venue.groups.iter().map(|group| prices.groups[*group]).sum::<i128>();
            let entry = self.model.entry_price(venue);
            let worth = prices.idle + prices.turnover + groups + hurdle + entry;
            venue.earning.as_ref().is_some_and(|earning| earning.quick_marginal(0) > worth)
        };
        let mut left = legs.filter(|(place, (venue, target))| {
            freedoms[*place] == Freedom::Free
                && **target == 0
                && venue.may_leave_from_above()
                && is_back(venue)
        });
        left.next().map(|(place, _)| place)
    }

    /// What is left of a withdrawal and is less than a move goes too, as far as turnover allows.
    fn leave_no_dust(&self, targets: &mut [u128]) {
        let venues = &self.model.view.venues;
        let moved = |targets: &[u128]| -> u128 {
            venues.iter().zip(targets).map(|(venue, target)| venue.position.abs_diff(*target)).sum()
        };
        let may_leave = |venue: &Venue| {
            let lowest =
                if self.model.needs.is_empty() { venue.lowest_for_income() } else { venue.lowest };
            lowest == 0 && venue.can_leave
        };
        let mut left = self.model.view.turnover.saturating_sub(moved(targets));
        for (venue, target) in venues.iter().zip(targets.iter_mut()) {
            let is_dust = *target > 0 && *target < venue.smallest && *target < venue.position;
            if is_dust && may_leave(venue) && *target <= left {
                left -= *target;
                *target = 0;
            }
        }
    }
}

/// Whether a further unit brings more than the one before it somewhere, so that a segment may hide a peak.
fn rises(problem: &Problem) -> bool {
    let rises = |side: &Side| side.slopes.windows(2).any(|pair| pair[1] > pair[0]);
    problem.strategies.iter().any(|strategy| rises(&strategy.inward) || rises(&strategy.outward))
}
