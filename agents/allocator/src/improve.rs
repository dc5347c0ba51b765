//! From a view to the best plan: the search, asked again and again with the curves cut finer around what it found.

use vagus_policy::{Policy, Snapshot};

use crate::{
    Inputs,
    certificate::{RayPrices, is_hold_proven},
    model::{Freedom, Hurdle, Model, price_up},
    needs::Needs,
    plan::{Plan, Targets, hurdle_ray, plan},
    program::{Found, Prices, search},
    sides::{CELLS, FINER, Grid},
    view::{Venue, View},
};

/// Times that the curves are cut finer for a plan that is carried out: the last steps are a thousandth of the first ones'.
pub(crate) const CLOSER_LOOKS: u32 = 3;

/// What is asked: a plan for a view.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Question<'a> {
    pub(crate) policy: &'a Policy,
    pub(crate) snapshot: &'a Snapshot,
    pub(crate) inputs: &'a Inputs,
    pub(crate) view: &'a View,
    pub(crate) needs: &'a Needs,
    /// Whether nothing may be moved for income.
    pub(crate) is_repair_only: bool,
    /// Which units pay the policy's hurdle.
    pub(crate) hurdle: Hurdle,
    /// Whether legs cost their gas.
    pub(crate) has_gas: bool,
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

impl Question<'_> {
    /// Searches with every strategy free.
    pub(crate) fn answer(&self) -> Answer {
        self.answer_with(vec![Freedom::Free; self.view.venues.len()])
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
            let Question { policy, snapshot, inputs, view, needs, .. } = self;
            let plan = plan(policy, snapshot, inputs, view, &targets, needs);
            return Answer { plan, prices: found.prices, is_settled };
        }
    }

    /// Targets, prices, and whether a first look was enough.
    fn search(&self, freedoms: &[Freedom]) -> (Targets, Found, bool) {
        let venues = &self.view.venues;
        let Question { policy, inputs, view, needs, is_repair_only, hurdle, has_gas, .. } = *self;
        let model = Model { policy, inputs, view, needs, is_repair_only, hurdle, has_gas };
        let mut grids = vec![Grid::Whole; venues.len()];
        let mut steps: Vec<u128> =
            venues.iter().map(|venue| (venue.highest - venue.lowest) / CELLS).collect();
        let mut look = 0;
        loop {
            let found = search(&model.problem(&grids, freedoms));
            let targets: Targets = venues
                .iter()
                .zip(&found.moves)
                .map(|(venue, moved)| venue.position.saturating_add_signed(*moved))
                .collect();
            let is_settled = look == 0 && self.is_settled(&targets, &found.prices);
            if is_settled || look == self.closer_looks {
                return (targets, found, is_settled);
            }
            look += 1;
            for (step, (grid, target)) in steps.iter_mut().zip(grids.iter_mut().zip(&targets)) {
                *step = (*step / FINER).max(1);
                *grid = Grid::Around { target: *target, step: *step };
            }
        }
    }

    /// Whether a first look is enough: standing still, and no closer look can find anything that pays.
    fn is_settled(&self, targets: &[u128], prices: &Prices) -> bool {
        let is_still =
            self.view.venues.iter().zip(targets).all(|(venue, target)| venue.position == *target);
        is_still
            && self.hurdle == Hurdle::In
            && self.has_gas
            && self.needs.is_empty()
            && is_hold_proven(self.policy, self.inputs, self.view, &RayPrices::of(prices))
    }

    /// A strategy that is left from above its kink although its first unit would be worth bringing back.
    fn returns_at_once(
        &self,
        targets: &[u128],
        found: &Found,
        freedoms: &[Freedom],
    ) -> Option<usize> {
        let hurdle = price_up(hurdle_ray(self.policy));
        let prices = &found.prices;
        let legs = self.view.venues.iter().zip(targets).enumerate();
        let is_back = |venue: &Venue| {
            let groups = venue.groups.iter().map(|group| prices.groups[*group]).sum::<i128>();
            let worth = prices.idle + prices.turnover + groups + hurdle;
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
        let venues = &self.view.venues;
        let moved = |targets: &[u128]| -> u128 {
            venues.iter().zip(targets).map(|(venue, target)| venue.position.abs_diff(*target)).sum()
        };
        let may_leave = |venue: &Venue| {
            let lowest =
                if self.needs.is_empty() { venue.lowest_for_income() } else { venue.lowest };
            lowest == 0 && venue.can_leave
        };
        let mut left = self.view.turnover.saturating_sub(moved(targets));
        for (venue, target) in venues.iter().zip(targets.iter_mut()) {
            let is_dust = *target > 0 && *target < venue.smallest && *target < venue.position;
            if is_dust && may_leave(venue) && *target <= left {
                left -= *target;
                *target = 0;
            }
        }
    }
}
