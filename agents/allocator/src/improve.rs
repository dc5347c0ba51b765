//! The search for income: pieces and movers around the price search of `solve`.
//!
//! Who moves is decided by what is left of the gain after gas and hurdle, the hurdle being a price on every deposited
//! unit: a leg that does not pay its own is dropped, and no further plan pays once this one is carried out. How far they
//! move is then decided by income alone, as long as the whole still pays: the hurdle says whether to move, not how far.

use vagus_policy::{Policy, Snapshot};

use crate::{
    Inputs,
    plan::{Plan, Targets, fits_moves, gas_cost_up, hurdle_ray, legs, plan},
    solve::{Bounds, Mover, Solution, price_up, ray, solve},
    view::{Venue, View},
};

/// Most solutions that one decision looks at, so that its time is bounded by a count and not by a clock.
const MOST_NODES: usize = 160;
/// Strategies of which every subset is tried.
const MOST_SUBSET_MOVERS: usize = 6;

/// Where the search starts: positions as they are, or as a repair leaves them.
#[derive(Clone, Debug)]
pub(crate) struct Start {
    /// What we would hold if nothing more were done, in policy order.
    pub(crate) targets: Targets,
    /// Which strategies may not be deposited into: a repair takes out of them.
    pub(crate) only_out: Vec<bool>,
    /// Turnover that is left.
    pub(crate) turnover: u128,
    /// Idle above its goal.
    pub(crate) slack: i128,
}

impl Start {
    /// The positions as they are.
    pub(crate) fn standing(view: &View) -> Self {
        Self {
            targets: view.venues.iter().map(|venue| venue.position).collect(),
            only_out: vec![false; view.venues.len()],
            turnover: view.turnover,
            slack: view.idle as i128 - view.idle_goal as i128,
        }
    }
}

/// What the search found.
#[derive(Clone, Debug, Default)]
pub(crate) struct Found {
    /// Plans, best first.
    pub(crate) plans: Vec<Plan>,
    /// Prices of the solution without hurdle.
    pub(crate) prices: Solution,
    /// Prices of the solution in which deposits pay the hurdle.
    pub(crate) hurdle_prices: Solution,
}

/// One piece of a strategy's curve that a plan may end on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Piece {
    pub(crate) lowest: u128,
    pub(crate) highest: u128,
}

/// The pieces of a strategy: below the kink; above it from where we stand on, if we stand there; and leaving from there.
/// A plan does not push a venue above its kink by withdrawing.
pub(crate) fn pieces(venue: &Venue, from: u128, only_out: bool) -> Vec<Piece> {
    let Some(earning) = &venue.earning else {
        return vec![Piece { lowest: from, highest: from }];
    };
    let highest = if only_out { from } else { venue.highest.max(from) };
    let lowest = venue.lowest.min(from);
    let kink = earning.kink();
    if from >= kink {
        return vec![Piece { lowest: lowest.max(kink), highest }];
    }
    let mut pieces = vec![Piece { lowest: from, highest: highest.min(kink - 1) }];
    if highest >= kink {
        pieces.push(Piece { lowest: kink, highest });
    }
    if lowest == 0 && from > 0 && venue.can_leave {
        pieces.push(Piece { lowest: 0, highest: 0 });
    }
    pieces
}

struct Search<'a> {
    policy: &'a Policy,
    snapshot: &'a Snapshot,
    inputs: &'a Inputs,
    view: &'a View,
    start: &'a Start,
    nodes: usize,
    plans: Vec<Plan>,
}

/// Searches from a start. The plans' moves lead from the positions as they are, whatever the start.
pub(crate) fn improve(
    policy: &Policy,
    snapshot: &Snapshot,
    inputs: &Inputs,
    view: &View,
    start: &Start,
) -> Found {
    let mut found = search(policy, snapshot, inputs, view, start);
    if start.slack < 0 {
        // The idle floor is asked of plans that deposit. One that only withdraws need not fill it.
        let out = Start {
            only_out: vec![true; view.venues.len()],
            slack: i128::MAX / 4,
            ..start.clone()
        };
        let others = search(policy, snapshot, inputs, view, &out).plans;
        if others.first().is_some_and(Plan::pays) && !found.plans.first().is_some_and(Plan::pays) {
            found.plans.splice(0..0, others);
        }
    }
    found
}

fn search(
    policy: &Policy,
    snapshot: &Snapshot,
    inputs: &Inputs,
    view: &View,
    start: &Start,
) -> Found {
    let mut search = Search { policy, snapshot, inputs, view, start, nodes: 0, plans: Vec::new() };
    let all: Vec<Vec<Piece>> = view
        .venues
        .iter()
        .zip(start.targets.iter().zip(&start.only_out))
        .map(|(venue, (from, only_out))| pieces(venue, *from, *only_out))
        .collect();
    let hurdle = price_up(hurdle_ray(policy));
    let (mut prices, mut hurdle_prices) = (Solution::default(), Solution::default());
    let mut best: Option<(Plan, Vec<Piece>)> = None;
    for (place, combination) in combinations(&all).into_iter().enumerate() {
        if search.nodes >= MOST_NODES {
            break;
        }
        let free = vec![true; combination.len()];
        // Never sold short: what the whole move would bring is always among the candidates.
        let whole = search.settled(&combination, &free, 0);
        let tried = search.plans.len();
        let priced = search.settled(&combination, &free, hurdle);
        if place == 0 {
            prices = whole.map(|(_, solution)| solution).unwrap_or_default();
            hurdle_prices = priced.clone().map(|(_, solution)| solution).unwrap_or_default();
        }
        if let Some((targets, solution)) = priced {
            search.prune(&combination, targets, &solution, hurdle);
        }
        for plan in &search.plans[tried..] {
            if best.as_ref().is_none_or(|(best, _)| plan.surplus() > best.surplus()) {
                best = Some((plan.clone(), combination.clone()));
            }
        }
    }
    let mut plans = search.plans.clone();
    plans.sort_by(better);
    if let Some((best, combination)) = best.filter(|(plan, _)| hurdle > 0 && plan.pays()) {
        // Who moves is decided; how far is decided by income alone, as long as that still pays.
        let free: Vec<bool> =
            best.targets.iter().zip(&start.targets).map(|(target, from)| target != from).collect();
        search.plans.clear();
        search.settled(&combination, &free, 0);
        let further = search.plans.pop().filter(|plan| plan.pays() && plan.gain > best.gain);
        plans.splice(0..0, further);
    }
    plans.dedup();
    Found { plans, prices, hurdle_prices }
}

/// More surplus first; the rest of the order only has to be the same everywhere.
fn better(a: &Plan, b: &Plan) -> std::cmp::Ordering {
    b.surplus().cmp(&a.surplus()).then_with(|| a.targets.cmp(&b.targets))
}

impl Search<'_> {
    /// Solves for the free strategies, dropping legs below the smallest move and those beyond what one rebalance
    /// carries, and records the plan.
    fn settled(
        &mut self,
        combination: &[Piece],
        free: &[bool],
        hurdle: i128,
    ) -> Option<(Targets, Solution)> {
        let mut free = free.to_vec();
        loop {
            self.nodes += 1;
            let movers: Vec<Mover<'_>> = self
                .view
                .venues
                .iter()
                .enumerate()
                .zip(combination.iter().zip(&self.start.targets))
                .filter(|((index, _), (piece, from))| {
                    free[*index] && (piece.lowest != **from || piece.highest != **from)
                })
                .map(|((index, venue), (piece, from))| {
                    let ends = (piece.lowest, piece.highest);
                    Mover::new(index, *from, ends, venue.earning.as_ref())
                })
                .collect();
            let bounds = Bounds { slack: self.start.slack, turnover: self.start.turnover, hurdle };
            let solution = solve(&movers, bounds)?;
            let mut targets = self.start.targets.clone();
            for (mover, target) in movers.iter().zip(&solution.targets) {
                targets[mover.index] = *target;
            }
            let smallest = self.inputs.smallest_move;
            let mut is_settled = true;
            for mover in &movers {
                let target = &mut targets[mover.index];
                let can_leave = self.view.venues[mover.index].can_leave;
                if *target > 0
                    && *target < smallest.min(mover.position)
                    && mover.lowest == 0
                    && can_leave
                {
                    // Dust is not left behind.
                    *target = 0;
                }
                let moved = target.abs_diff(mover.position);
                if moved > 0 && moved < smallest {
                    free[mover.index] = false;
                    is_settled = false;
                }
            }
            if is_settled && !fits_moves(self.view, &targets) {
                let worst = self.worst_leg(&movers, &targets, &solution)?;
                free[worst.0] = false;
                is_settled = false;
            }
            if is_settled {
                let found = plan(self.policy, self.snapshot, self.inputs, self.view, &targets);
                self.plans.push(found);
                return Some((targets, solution));
            }
        }
    }

    /// Tries who else could move, as long as a leg may not be worth its gas and hurdle.
    fn prune(
        &mut self,
        combination: &[Piece],
        targets: Targets,
        solution: &Solution,
        hurdle: i128,
    ) {
        if !self.do_legs_matter(&targets) {
            return;
        }
        let count = combination.len();
        let able: Vec<usize> = (0..count)
            .filter(|index| {
                let (piece, from) = (combination[*index], self.start.targets[*index]);
                piece.lowest != from || piece.highest != from
            })
            .collect();
        if able.len() <= MOST_SUBSET_MOVERS {
            for subset in 1_usize..(1 << able.len()) - 1 {
                if self.nodes >= MOST_NODES {
                    return;
                }
                let mut free = vec![false; count];
                for (bit, index) in able.iter().enumerate() {
                    free[*index] = subset >> bit & 1 == 1;
                }
                self.settled(combination, &free, hurdle);
            }
            return;
        }
        let mut free = vec![true; count];
        let (mut targets, mut solution) = (targets, solution.clone());
        while self.nodes < MOST_NODES && legs(self.view, &targets) > 1 {
            let movers = self.movers_of(&targets);
            let Some((worst, _)) = self.worst_leg(&movers, &targets, &solution) else { return };
            free[worst] = false;
            let Some(next) = self.settled(combination, &free, hurdle) else { return };
            (targets, solution) = next;
        }
    }

    /// Whether dropping legs can change what is left by more than a ten-thousandth, or make a plan pay that does not.
    fn do_legs_matter(&self, targets: &[u128]) -> bool {
        let Some(last) = self.plans.last() else { return false };
        if !last.pays() || !last.hurdle.is_zero() {
            return true;
        }
        let legs = legs(self.view, targets);
        let saved = gas_cost_up(self.inputs, legs)
            .zip(gas_cost_up(self.inputs, 1))
            .map(|(all, one)| all.saturating_sub(one))
            .unwrap_or_default();
        saved.saturating_mul(crate::math::u256(10_000)) > last.gain
    }

    fn movers_of(&self, targets: &[u128]) -> Vec<Mover<'_>> {
        self.view
            .venues
            .iter()
            .enumerate()
            .zip(targets.iter().zip(&self.start.targets))
            .filter(|(_, (target, from))| target != from)
            .map(|((index, venue), (target, from))| {
                let ends = (*target.min(from), *target.max(from));
                Mover::new(index, *from, ends, venue.earning.as_ref())
            })
            .collect()
    }

    /// The leg that adds least at the solution's prices, with its yearly value in ray.
    fn worst_leg(
        &self,
        movers: &[Mover<'_>],
        targets: &[u128],
        solution: &Solution,
    ) -> Option<(usize, alloy_primitives::I256)> {
        use alloy_primitives::I256;
        let big = |value: i128| I256::try_from(value).unwrap_or(I256::ZERO);
        let hurdle = I256::try_from(hurdle_ray(self.policy)).unwrap_or(I256::MAX);
        let big_ray = |price: i128| I256::try_from(ray(price)).unwrap_or(I256::MAX);
        movers
            .iter()
            .filter(|mover| targets[mover.index] != self.start.targets[mover.index])
            .map(|mover| {
                let (from, to) = (self.start.targets[mover.index], targets[mover.index]);
                let income = |at: u128| {
                    mover
                        .earning
                        .map(|earning| crate::plan::income(earning, at))
                        .and_then(|ray| I256::try_from(ray).ok())
                        .unwrap_or(I256::ZERO)
                };
                let gained = income(to).saturating_sub(income(from));
                let paid =
                    big(to as i128 - from as i128).saturating_mul(big_ray(solution.idle_price));
                (mover.index, gained.saturating_sub(paid))
            })
            .min_by(|a, b| a.1.cmp(&b.1).then(a.0.cmp(&b.0)))
    }
}

/// Every choice of one piece per strategy, the pieces we stand on first.
fn combinations(all: &[Vec<Piece>]) -> Vec<Vec<Piece>> {
    let mut found: Vec<Vec<Piece>> = vec![all.iter().filter_map(|p| p.first().copied()).collect()];
    for (index, pieces) in all.iter().enumerate() {
        for piece in pieces.iter().skip(1) {
            let grown: Vec<Vec<Piece>> = found
                .iter()
                .filter(|combination| Some(&combination[index]) == pieces.first())
                .take(MOST_NODES)
                .map(|combination| {
                    let mut next = combination.clone();
                    next[index] = *piece;
                    next
                })
                .collect();
            found.extend(grown);
            if found.len() >= MOST_NODES {
                return found;
            }
        }
    }
    found
}
