//! The search for the best targets at one piece per strategy: income is concave there, so prices find the optimum.
//!
//! A price λ on idle and a price τ on turnover split the problem: each strategy takes units while one more earns at
//! least λ + τ (and the hurdle, if it is priced) and gives up units that earn less than λ − τ. Three cases: idle alone
//! is scarce; turnover alone is scarce; both are, and then the sums of deposits and of withdrawals are known numbers,
//! each filled by a price of its own. Prices are found by bisection; what the last step leaves goes to the strategies
//! whose targets still differ between its two ends, all of which earn the same there. Prices are yearly rates with 56
//! binary digits.

use alloy_primitives::U256;

use crate::{curves::slope::DIGITS, income::Earning, math::RAY};

/// Bits of a price that are not searched for: the rest is poured.
const PRICE_BITS: u32 = 30;
/// Bits of a target that are not searched for.
const TARGET_BITS: u32 = 36;

/// A price that no unit pays, and one that every unit is kept at.
const NEVER_IN: i128 = i128::MAX / 4;
const NEVER_OUT: i128 = i128::MIN / 4;

/// Targets at a lower and at a higher price, one per mover.
type Known<'a> = Option<(&'a [u128], &'a [u128])>;

/// One strategy that may move, on one piece of its curve.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Mover<'a> {
    /// Place in the policy's list.
    pub(crate) index: usize,
    /// What we hold now.
    pub(crate) position: u128,
    /// Ends of the piece, both inclusive.
    pub(crate) lowest: u128,
    /// See `lowest`.
    pub(crate) highest: u128,
    /// Its curve; none earns nothing.
    pub(crate) earning: Option<&'a Earning>,
    /// Where income is highest, and its mean slope from there to the start, if we hold more than that.
    past_peak: Option<(u128, i128)>,
}

impl<'a> Mover<'a> {
    /// A strategy at `position` that may end anywhere on a piece.
    pub(crate) fn new(
        index: usize,
        position: u128,
        (lowest, highest): (u128, u128),
        earning: Option<&'a Earning>,
    ) -> Self {
        let mut mover = Self { index, position, lowest, highest, earning, past_peak: None };
        let start = mover.start();
        if start > lowest && mover.marginal(start) < 0 {
            let peak = mover.crossing(0, (lowest, start));
            mover.past_peak = mover.mean_slope(peak, start).map(|slope| (peak, slope));
        }
        mover
    }

    fn mean_slope(&self, from: u128, to: u128) -> Option<i128> {
        let earning = self.earning?;
        let lost = earning.income_ray(from).ok()?.saturating_sub(earning.income_ray(to).ok()?);
        let per_unit = lost.checked_div(crate::math::amount(to.checked_sub(from)?))?;
        Some(-price_up(per_unit))
    }

    /// Where it stands before any price: as near to the position as the piece allows.
    fn start(&self) -> u128 {
        self.position.clamp(self.lowest, self.highest)
    }

    /// Yearly income of one more unit, in the unit of prices.
    pub(crate) fn marginal(&self, target: u128) -> i128 {
        self.earning.map_or(0, |earning| earning.quick_marginal(target))
    }

    /// Largest target inside the range at which one more unit still earns `price`; its low end if none does.
    fn crossing(&self, price: i128, (low, high): (u128, u128)) -> u128 {
        if self.marginal(high) >= price {
            return high;
        }
        let (mut earns, mut does_not) = (low, high);
        let close_enough = ((self.highest - self.lowest) >> TARGET_BITS).max(1);
        while does_not - earns > close_enough {
            let middle = earns + (does_not - earns) / 2;
            if self.marginal(middle) >= price {
                earns = middle;
            } else {
                does_not = middle;
            }
        }
        earns
    }

    /// Target at a price for deposits and a price for withdrawals, the first at least the second. It is looked for
    /// between the targets of a lower and of a higher price, if those are known.
    fn target(&self, deposit: i128, withdraw: i128, known: Option<(u128, u128)>) -> u128 {
        let start = self.start();
        let here = self.marginal(start);
        let (low, high) = known.map_or((self.lowest, self.highest), |(a, b)| (a.min(b), a.max(b)));
        if here >= deposit {
            return self.crossing(deposit, (low.max(start), high.max(start)));
        }
        // Past its peak income is not concave: there it is all or nothing, by the mean.
        if withdraw <= 0
            && let Some((peak, mean)) = self.past_peak
        {
            return if mean < withdraw { peak } else { start };
        }
        if here < withdraw {
            self.crossing(withdraw, (low.min(start), high.min(start)))
        } else {
            start
        }
    }
}

/// What limits the sum of all movers.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bounds {
    /// Idle above its goal: deposits may exceed withdrawals by this; below zero, withdrawals have to exceed deposits.
    pub(crate) slack: i128,
    /// Most that all legs together may move.
    pub(crate) turnover: u128,
    /// Price that a deposited unit pays beyond all others.
    pub(crate) hurdle: i128,
}

/// Best targets, one per mover, and the prices that make them the best.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Solution {
    pub(crate) targets: Vec<u128>,
    pub(crate) idle_price: i128,
    pub(crate) turnover_price: i128,
}

/// Finds the best targets; none if the pieces and bounds leave no room.
pub(crate) fn solve(movers: &[Mover<'_>], bounds: Bounds) -> Option<Solution> {
    let top = highest_price(movers);
    let idle_only = by_idle(movers, bounds, top)?;
    if turnover(movers, &idle_only.targets) <= bounds.turnover {
        return Some(idle_only);
    }
    let turnover_only = by_turnover(movers, bounds, top)?;
    if net(movers, &turnover_only.targets) <= bounds.slack {
        return Some(turnover_only);
    }
    by_both(movers, bounds, top)
}

/// A price that no unit of any mover is worth, in either direction.
fn highest_price(movers: &[Mover<'_>]) -> i128 {
    let of = |mover: &Mover<'_>| {
        let ends = [mover.lowest, mover.start(), mover.highest];
        let slopes = ends.map(|target| mover.marginal(target).abs());
        let mean = mover.past_peak.map_or(0, |(_, mean)| mean.abs());
        slopes.into_iter().fold(mean, i128::max)
    };
    movers.iter().map(of).max().unwrap_or(0) + 1
}

/// Idle is scarce, turnover is not.
fn by_idle(movers: &[Mover<'_>], bounds: Bounds, top: i128) -> Option<Solution> {
    let at = |price: i128, known: Known<'_>| {
        targets(movers, deposit_price(price, 0, bounds), price, known)
    };
    let fits = |targets: &[u128]| net(movers, targets) <= bounds.slack;
    let (price, mut best, beyond) = cheapest(0, top, at, fits)?;
    if let Some(beyond) = beyond {
        let left = bounds.slack - net(movers, &best);
        pour(&mut best, &beyond, unsigned(left));
    }
    Some(Solution { targets: best, idle_price: price, turnover_price: 0 })
}

/// Turnover is scarce, idle is not.
fn by_turnover(movers: &[Mover<'_>], bounds: Bounds, top: i128) -> Option<Solution> {
    let at = |price: i128, known: Known<'_>| {
        targets(movers, deposit_price(0, price, bounds), -price, known)
    };
    let fits = |targets: &[u128]| turnover(movers, targets) <= bounds.turnover;
    let (price, mut best, beyond) = cheapest(0, top, at, fits)?;
    if let Some(beyond) = beyond {
        let left = bounds.turnover - turnover(movers, &best);
        let poured = pour(&mut best, &beyond, left);
        drain(&mut best, &beyond, left - poured);
    }
    Some(Solution { targets: best, idle_price: 0, turnover_price: price })
}

/// Idle and turnover are both scarce: deposits less withdrawals are the slack, their sum the turnover.
fn by_both(movers: &[Mover<'_>], bounds: Bounds, top: i128) -> Option<Solution> {
    let available = i128::try_from(bounds.turnover).ok()?;
    let most_in = (available + bounds.slack).max(0) / 2;
    let inward = |price: i128, known: Known<'_>| targets(movers, price, NEVER_OUT, known);
    let outward = |price: i128, known: Known<'_>| targets(movers, NEVER_IN, price, known);
    let starts = || movers.iter().map(Mover::start);
    let moved_in = |targets: &[u128]| -> i128 {
        movers.iter().zip(targets).map(|(m, t)| signed(t.saturating_sub(m.position))).sum()
    };
    let moved_out = |targets: &[u128]| -> i128 {
        movers.iter().zip(targets).map(|(m, t)| signed(m.position.saturating_sub(*t))).sum()
    };
    let largest_out = moved_out(&outward(top, None));
    let most_in = most_in.min(bounds.slack + largest_out);
    let lowest_price = bounds.hurdle + 1;
    let (price_in, mut deposits, beyond) =
        cheapest(lowest_price.min(top), top + bounds.hurdle, inward, |targets: &[u128]| {
            moved_in(targets) <= most_in
        })?;
    if let Some(beyond) = beyond {
        let left = most_in - moved_in(&deposits);
        pour(&mut deposits, &beyond, unsigned(left));
    }
    let most_out = (moved_in(&deposits) - bounds.slack).max(0);
    // Withdrawals grow with their price: searched for on its negative.
    let (negative, withdrawals, beyond) = cheapest(
        -top,
        top,
        |price: i128, known: Known<'_>| outward(-price, known),
        |targets: &[u128]| moved_out(targets) <= most_out,
    )?;
    let mut withdrawals = withdrawals;
    if let Some(beyond) = beyond {
        let left = most_out - moved_out(&withdrawals);
        drain(&mut withdrawals, &beyond, unsigned(left));
    }
    let best: Vec<u128> = starts()
        .zip(deposits.iter().zip(&withdrawals))
        .map(
            |(start, (deposited, withdrawn))| {
                if *deposited > start { *deposited } else { *withdrawn }
            },
        )
        .collect();
    if net(movers, &best) > bounds.slack || turnover(movers, &best) > bounds.turnover {
        return None;
    }
    let paid = price_in - bounds.hurdle;
    Some(Solution {
        targets: best,
        idle_price: (paid - negative).max(0) / 2,
        turnover_price: (paid + negative).max(0) / 2,
    })
}

/// Withdraws `wanted` at the least loss of income; as much of it as the pieces hold.
pub(crate) fn withdraw(movers: &[Mover<'_>], wanted: u128) -> Vec<u128> {
    let top = highest_price(movers);
    let out = |targets: &[u128]| -> u128 {
        movers.iter().zip(targets).map(|(m, t)| m.position.saturating_sub(*t)).sum()
    };
    let at = |price: i128, known: Known<'_>| targets(movers, NEVER_IN, -price, known);
    let Some((_, mut best, beyond)) = cheapest(-top, top, at, |t: &[u128]| out(t) <= wanted) else {
        return movers.iter().map(|m| m.position).collect();
    };
    if let Some(beyond) = beyond {
        let left = wanted - out(&best).min(wanted);
        drain(&mut best, &beyond, left);
    }
    best
}

fn deposit_price(idle: i128, turnover: i128, bounds: Bounds) -> i128 {
    // A unit that earns nothing is not taken, whatever it costs.
    (idle + turnover + bounds.hurdle).max(1)
}

/// Lowest price in the range whose targets fit, its targets, and those of the price just below if that one does not fit.
#[allow(clippy::type_complexity, reason = "one caller-facing triple, named in the line above")]
fn cheapest(
    from: i128,
    to: i128,
    at: impl Fn(i128, Known<'_>) -> Vec<u128>,
    fits: impl Fn(&[u128]) -> bool,
) -> Option<(i128, Vec<u128>, Option<Vec<u128>>)> {
    let lowest = at(from, None);
    if fits(&lowest) {
        return Some((from, lowest, None));
    }
    let highest = at(to, None);
    if !fits(&highest) {
        return None;
    }
    let (mut low, mut high) = ((from, lowest), (to, highest));
    while high.0 - low.0 > (high.0.abs() >> PRICE_BITS).max(1) {
        let middle = low.0 + (high.0 - low.0) / 2;
        let found = at(middle, Some((&low.1, &high.1)));
        if fits(&found) {
            high = (middle, found);
        } else {
            low = (middle, found);
        }
    }
    Some((high.0, high.1, Some(low.1)))
}

/// Raises targets towards `beyond` by at most `left` in all; says by how much.
fn pour(targets: &mut [u128], beyond: &[u128], left: u128) -> u128 {
    let mut poured = 0;
    for (target, beyond) in targets.iter_mut().zip(beyond) {
        let step = beyond.saturating_sub(*target).min(left - poured);
        *target += step;
        poured += step;
    }
    poured
}

/// Lowers targets towards `beyond` by at most `left` in all.
fn drain(targets: &mut [u128], beyond: &[u128], mut left: u128) {
    for (target, beyond) in targets.iter_mut().zip(beyond) {
        let step = target.saturating_sub(*beyond).min(left);
        *target -= step;
        left -= step;
    }
}

fn targets(movers: &[Mover<'_>], deposit: i128, withdraw: i128, known: Known<'_>) -> Vec<u128> {
    movers
        .iter()
        .enumerate()
        .map(|(place, mover)| {
            let between = known.map(|(a, b)| (a[place], b[place]));
            mover.target(deposit, withdraw, between)
        })
        .collect()
}

/// A price in ray.
pub(crate) fn ray(price: i128) -> U256 {
    (U256::from(price.max(0)) * RAY) >> (DIGITS as usize)
}

/// A yearly rate in ray as a price, rounded up.
pub(crate) fn price_up(rate_ray: U256) -> i128 {
    let shifted = rate_ray.saturating_mul(U256::ONE << (DIGITS as usize));
    let price = (shifted / RAY).saturating_add(U256::ONE);
    if rate_ray.is_zero() { 0 } else { i128::try_from(price).unwrap_or(NEVER_IN).min(NEVER_IN / 4) }
}

/// Deposits less withdrawals.
pub(crate) fn net(movers: &[Mover<'_>], targets: &[u128]) -> i128 {
    movers.iter().zip(targets).map(|(m, target)| signed(*target) - signed(m.position)).sum()
}

/// Deposits and withdrawals.
pub(crate) fn turnover(movers: &[Mover<'_>], targets: &[u128]) -> u128 {
    movers.iter().zip(targets).map(|(m, target)| target.abs_diff(m.position)).sum()
}

/// Positions and targets are below 2^113 (`view::LARGEST_AMOUNT`), so this loses nothing.
fn signed(value: u128) -> i128 {
    i128::try_from(value).unwrap_or(i128::MAX)
}

fn unsigned(value: i128) -> u128 {
    u128::try_from(value).unwrap_or(0)
}
