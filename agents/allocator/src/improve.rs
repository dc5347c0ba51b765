//! The search for income: pieces and movers around the price search of `solve`.

use vagus_policy::{Policy, Snapshot};

use crate::{
    Inputs,
    plan::{Plan, Targets, fits_moves, gas_cost_up, hurdle_ray, legs, plan},
    solve::{Bounds, Mover, Solution, price_up, ray, solve},
    view::{Venue, View},
};

/// Most solutions that one decision looks at, so that its time is bounded by a count and not by a clock.
const MOST_NODES: usize = 96;
/// Strategies of which every subset is tried if gas matters.
const MOST_SUBSET_MOVERS: usize = 5;

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
    let mut search = Search { policy, snapshot, inputs, view, start, nodes: 0, plans: Vec::new() };
    let all: Vec<Vec<Piece>> = view
        .venues
        .iter()
        .zip(start.targets.iter().zip(&start.only_out))
        .map(|(venue, (from, only_out))| pieces(venue, *from, *only_out))
        .collect();
    let mut prices = Solution::default();
    let mut hurdle_prices = Solution::default();
    let hurdle = price_up(hurdle_ray(policy));
    for combination in combinations(&all) {
        if search.nodes >= MOST_NODES {
            break;
        }
        let free = vec![true; combination.len()];
        let first = search.nodes == 0;
        let Some((targets, solution)) = search.settled(&combination, &free, 0) else { continue };
        if first {
            prices = solution.clone();
        }
        search.prune(&combination, targets, &solution, 0);
        if hurdle > 0 && !search.plans.iter().any(Plan::pays) {
            if let Some((targets, solution)) = search.settled(&combination, &free, hurdle) {
                if first {
                    hurdle_prices = solution.clone();
                }
                search.prune(&combination, targets, &solution, hurdle);
            }
        } else if first {
            hurdle_prices = prices.clone();
        }
    }
    let mut plans = search.plans;
    plans.sort_by(|a, b| {
        (b.pays(), b.net()).cmp(&(a.pays(), a.net())).then_with(|| a.targets.cmp(&b.targets))
    });
    plans.dedup();
    Found { plans, prices, hurdle_prices }
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
                .map(|((index, venue), (piece, from))| Mover {
                    index,
                    position: *from,
                    lowest: piece.lowest,
                    highest: piece.highest,
                    earning: venue.earning.as_ref(),
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

    /// Tries to do with fewer legs, as long as a leg may not be worth its gas and hurdle.
    fn prune(
        &mut self,
        combination: &[Piece],
        targets: Targets,
        solution: &Solution,
        hurdle: i128,
    ) {
        let count = combination.len();
        let moving: Vec<usize> =
            (0..count).filter(|index| targets[*index] != self.start.targets[*index]).collect();
        if moving.len() <= 1 || !self.do_legs_matter(&targets) {
            return;
        }
        if moving.len() <= MOST_SUBSET_MOVERS {
            for subset in 1_usize..(1 << moving.len()) - 1 {
                if self.nodes >= MOST_NODES {
                    return;
                }
                let mut free = vec![true; count];
                for (bit, index) in moving.iter().enumerate() {
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

    /// Whether dropping legs can change the net value by more than a ten-thousandth, or make a plan pay that does not.
    fn do_legs_matter(&self, targets: &[u128]) -> bool {
        let Some(last) = self.plans.last() else { return false };
        if !last.pays() {
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
            .map(|((index, venue), (target, from))| Mover {
                index,
                position: *from,
                lowest: *target.min(from),
                highest: *target.max(from),
                earning: venue.earning.as_ref(),
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
