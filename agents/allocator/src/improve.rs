//! The search for income: pieces and movers around the price search of `solve`.
//!
//! Who moves is decided by what is left of the gain after gas and hurdle, the hurdle being a price on every deposited
//! unit: a leg that does not pay its own is dropped, and no further plan pays once this one is carried out. Where every
//! curve is concave, how far they move is then decided by income alone, as long as the whole still pays: the hurdle says
//! whether to move, not how far.

use vagus_policy::{Policy, Snapshot};

use crate::{
    Inputs,
    plan::{Plan, Targets, fits_moves, gas_cost_up, hurdle_ray, legs, plan},
    solve::{Bounds, Mover, Solution, price_up, ray, solve},
    view::{Venue, View},
};

/// Most solutions that one decision looks at, so that its time is bounded by a count and not by a clock.
const MOST_NODES: usize = 384;
/// Size of the sets that are all tried where the movers are more.
const MOST_LEGS_OF_MANY: usize = 3;
/// Choices of pieces on which fewer legs are tried.
const MOST_PRUNED: usize = 4;
/// Steps tried where income falls.
const STEPS_BACK: u128 = 12;
/// Strategies of which every subset is tried.
const MOST_SUBSET_MOVERS: usize = 6;

/// Where the search starts: positions as they are, or as a repair leaves them.
#[derive(Clone, Debug)]
pub(crate) struct Start {
    /// What we would hold if nothing more were done, in policy order.
    pub(crate) targets: Targets,
    /// Which strategies may not be deposited into: a repair takes out of them.
    pub(crate) only_out: Vec<bool>,
    /// What a repair takes out in all.
    pub(crate) repaired: u128,
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
            repaired: 0,
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
    // A rest of a withdrawal that was meant to end on the kink does not stand above it.
    let kink = if earning.kink().saturating_sub(from) <= venue.smallest {
        earning.kink().min(from)
    } else {
        earning.kink()
    };
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

/// Past the peak of our income a strategy's curve is not concave: besides all of it and nothing, steps are tried, as far
/// as turnover goes.
fn steps_back(venue: &Venue, from: u128, whole: Piece, turnover: u128) -> Vec<Piece> {
    let is_past_peak =
        venue.earning.as_ref().is_some_and(|earning| earning.quick_marginal(from) < 0);
    if !is_past_peak || whole.lowest >= from {
        return Vec::new();
    }
    let span = (from - whole.lowest).min(turnover);
    (0..STEPS_BACK)
        .map(|step| from - span / STEPS_BACK * step)
        .map(|target| Piece { lowest: target, highest: target })
        .collect()
}

struct Search<'a> {
    policy: &'a Policy,
    snapshot: &'a Snapshot,
    inputs: &'a Inputs,
    view: &'a View,
    start: &'a Start,
    /// The policy's hurdle as a price.
    hurdle: i128,
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
    let hurdle = price_up(hurdle_ray(policy));
    let mut search =
        Search { policy, snapshot, inputs, view, start, hurdle, nodes: 0, plans: Vec::new() };
    let all: Vec<Vec<Piece>> = view
        .venues
        .iter()
        .zip(start.targets.iter().zip(&start.only_out))
        .map(|(venue, (from, only_out))| {
            let mut pieces = pieces(venue, *from, *only_out);
            pieces.extend(steps_back(venue, *from, pieces[0], start.turnover));
            pieces
        })
        .collect();
    let first: Vec<Piece> = all.iter().filter_map(|pieces| pieces.first().copied()).collect();
    let free = vec![true; first.len()];
    // What the whole move would bring is always among the candidates.
    search.settled(&first, &free, 0);
    let prices = search.prices(&first, 0);
    let hurdle_prices = search.prices(&first, hurdle);
    let mut tried = search.on_pieces(&all, first, &free, hurdle);
    tried.sort_by(|a, b| better(&a.plan, &b.plan));
    tried.truncate(MOST_PRUNED);
    for trial in std::mem::take(&mut tried) {
        let from = search.plans.len();
        search.prune(&trial.combination, trial.plan.targets.clone(), hurdle);
        let found = search.plans[from..].iter().min_by(|a, b| better(a, b)).cloned();
        tried.extend(found.map(|plan| Trial { plan, ..trial.clone() }));
        tried.push(trial);
    }
    let best = tried.into_iter().min_by(|a, b| better(&a.plan, &b.plan));
    // Across a kink the part beyond what pays its hurdle could make a further plan pay.
    let is_concave = all.iter().all(|pieces| pieces.len() == 1);
    let mut plans = search.plans.clone();
    plans.sort_by(better);
    if let Some(Trial { plan: best, combination }) =
        best.filter(|trial| is_concave && hurdle > 0 && trial.plan.pays())
    {
        // Who moves is decided; how far is decided by income alone, as long as that still pays.
        let free: Vec<bool> =
            best.targets.iter().zip(&start.targets).map(|(target, from)| target != from).collect();
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

/// A choice of pieces with its plan.
#[derive(Clone, Debug)]
struct Trial {
    combination: Vec<Piece>,
    plan: Plan,
}

impl Search<'_> {
    /// Tries the other pieces of each free strategy in turn and goes on from the best, until no single change is better.
    fn on_pieces(
        &mut self,
        all: &[Vec<Piece>],
        first: Vec<Piece>,
        free: &[bool],
        hurdle: i128,
    ) -> Vec<Trial> {
        let mut trials = Vec::new();
        let Some(mut best) = self.trial(first, free, hurdle) else { return trials };
        trials.push(best.clone());
        loop {
            let mut next: Option<Trial> = None;
            for (index, pieces) in all.iter().enumerate().filter(|(index, _)| free[*index]) {
                for piece in pieces.iter().filter(|piece| **piece != best.combination[index]) {
                    if self.nodes >= MOST_NODES / 2 {
                        return trials;
                    }
                    let mut combination = best.combination.clone();
                    combination[index] = *piece;
                    let Some(trial) = self.trial(combination, free, hurdle) else { continue };
                    if next.as_ref().is_none_or(|next| better(&trial.plan, &next.plan).is_lt()) {
                        next = Some(trial.clone());
                    }
                    trials.push(trial);
                }
            }
            match next.filter(|next| next.plan.surplus() > best.plan.surplus()) {
                Some(next) => best = next,
                None => return trials,
            }
        }
    }

    fn trial(&mut self, combination: Vec<Piece>, free: &[bool], hurdle: i128) -> Option<Trial> {
        self.settled(&combination, free, hurdle)?;
        let plan = self.plans.last()?.clone();
        Some(Trial { combination, plan })
    }

    /// The free strategies that a choice of pieces lets move.
    fn movers(&self, combination: &[Piece], free: &[bool]) -> Vec<Mover<'_>> {
        self.view
            .venues
            .iter()
            .enumerate()
            .zip(combination.iter().zip(&self.start.targets))
            .filter(|((index, _), (piece, from))| {
                free[*index] && (piece.lowest != **from || piece.highest != **from)
            })
            .map(|((index, venue), (piece, from))| {
                Mover::new(index, *from, (piece.lowest, piece.highest), venue.earning.as_ref())
            })
            .collect()
    }

    /// The prices that a certificate is made of: those of all movers, without smallest move and number of legs.
    fn prices(&self, combination: &[Piece], hurdle: i128) -> Solution {
        let movers = self.movers(combination, &vec![true; combination.len()]);
        let slack = self.start.slack.max(0);
        let bounds = Bounds { slack, turnover: self.start.turnover, hurdle };
        solve(&movers, bounds).unwrap_or_default()
    }

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
            let movers = self.movers(combination, &free);
            let bounds = Bounds { slack: self.start.slack, turnover: self.start.turnover, hurdle };
            let solution = solve(&movers, bounds)?;
            let worth = solution.idle_price + solution.turnover_price + self.hurdle;
            let is_back_at_once = |mover: &Mover<'_>| {
                mover.highest == 0 && mover.position > 0 && mover.marginal(0) > worth
            };
            if movers.iter().any(is_back_at_once) {
                return None;
            }
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
                let found = plan(
                    self.policy,
                    self.snapshot,
                    self.inputs,
                    self.view,
                    &targets,
                    self.start.repaired,
                );
                self.plans.push(found);
                return Some((targets, solution));
            }
        }
    }

    /// Tries who else could move, as long as a leg may not be worth its gas and hurdle.
    fn prune(&mut self, combination: &[Piece], targets: Targets, hurdle: i128) {
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
            self.subsets(combination, &able, 1..=able.len(), hurdle);
            return;
        }
        // Too many for every subset: the drop that helps most, until none does.
        let mut free = vec![true; count];
        let mut best = self.plans.iter().find(|plan| plan.targets == targets).cloned();
        while let Some(current) = best.take() {
            let moving =
                (0..count).filter(|index| current.targets[*index] != self.start.targets[*index]);
            let mut dropped = None;
            for index in moving {
                if self.nodes >= MOST_NODES {
                    return;
                }
                free[index] = false;
                if self.settled(combination, &free, hurdle).is_some()
                    && let Some(plan) = self.plans.last()
                    && better(plan, best.as_ref().unwrap_or(&current)).is_lt()
                {
                    best = Some(plan.clone());
                    dropped = Some(index);
                }
                free[index] = true;
            }
            if let Some(index) = dropped {
                free[index] = false;
            }
        }
        self.subsets(combination, &able, 1..=MOST_LEGS_OF_MANY, hurdle);
    }

    /// Solves for every set of movers of these sizes, small ones first, as far as the nodes go.
    fn subsets(
        &mut self,
        combination: &[Piece],
        able: &[usize],
        sizes: std::ops::RangeInclusive<usize>,
        hurdle: i128,
    ) {
        for size in sizes {
            let mut chosen: Vec<usize> = (0..size).collect();
            loop {
                if self.nodes >= MOST_NODES {
                    return;
                }
                let mut free = vec![false; combination.len()];
                for place in &chosen {
                    free[able[*place]] = true;
                }
                self.settled(combination, &free, hurdle);
                // The next choice in lexical order: the last place that can still move on does, those behind follow it.
                let movable = (0..size).rev().find(|at| chosen[*at] < able.len() - size + at);
                let Some(at) = movable else { break };
                let next = chosen[at] + 1;
                for (step, place) in chosen[at..].iter_mut().enumerate() {
                    *place = next + step;
                }
            }
        }
    }

    /// Whether dropping legs can change what is left by more than a ten-thousandth, or make a plan pay that does not.
    fn do_legs_matter(&self, targets: &[u128]) -> bool {
        let Some(last) = self.plans.iter().find(|plan| plan.targets == targets) else {
            return true;
        };
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
                let moved_in = big(to.saturating_sub(from) as i128);
                let paid = big(to as i128 - from as i128)
                    .saturating_mul(big_ray(solution.idle_price))
                    .saturating_add(moved_in.saturating_mul(hurdle));
                (mover.index, gained.saturating_sub(paid))
            })
            .min_by(|a, b| a.1.cmp(&b.1).then(a.0.cmp(&b.0)))
    }
}
