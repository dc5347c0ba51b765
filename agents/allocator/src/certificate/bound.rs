//! The bound that prices prove, from the venues' own formulas.
//!
//! Income is concave where it rises (`curves::shape`), so there the tangent at any place bounds it; the place is looked for
//! in native integers, and whatever is found, the bound holds. Where income falls it is bounded interval by interval.

use alloy_primitives::{I256, U256};
use vagus_policy::{Policy, math::mul_div_up};

use super::RayPrices;
use crate::{
    Inputs,
    income::Earning,
    math::{RAY, YEAR_SECONDS, amount, u256},
    model::price_up,
    plan::{gas_cost_up, hurdle_ray, income},
    view::{Venue, View},
};

/// Intervals into which the falling part of an income curve is cut.
const FALLING_STEPS: u128 = 256;

/// Whether no list of moves can beat its costs and hurdle: the bound at the prices, each deposited unit paying the hurdle
/// and each leg its gas, is no more than what a transaction without legs costs.
pub(crate) fn is_hold_proven(
    policy: &Policy,
    inputs: &Inputs,
    view: &View,
    prices: &RayPrices,
) -> bool {
    let (Some(none), Some(one)) = (gas_cost_up(inputs, 0), gas_cost_up(inputs, 1)) else {
        return false;
    };
    let horizon = u256(u64::from(policy.objective.horizon_seconds.max(1)));
    // One less, because each of the two was rounded up.
    let leg = one.saturating_sub(none).saturating_sub(U256::ONE);
    let leg_ray = leg.saturating_mul(RAY).saturating_mul(u256(YEAR_SECONDS)) / horizon;
    let hurdle = hurdle_ray(policy);
    let mut bound = at_limits(view, prices);
    for venue in &view.venues {
        bound = bound.saturating_add(most(venue, None, prices, hurdle).saturating_sub(leg_ray));
    }
    over_horizon_up(policy, bound) <= none
}

/// The bound over the horizon, rounded up.
///
/// A repair may have to end outside of what income may end on: its targets count beside it.
pub(super) fn bound_up(policy: &Policy, view: &View, targets: &[u128], prices: &RayPrices) -> U256 {
    let mut bound = at_limits(view, prices);
    for (venue, target) in view.venues.iter().zip(targets) {
        bound = bound.saturating_add(most(venue, Some(*target), prices, U256::ZERO));
    }
    over_horizon_up(policy, bound)
}

/// What the limits themselves are worth at the prices, yearly ray.
fn at_limits(view: &View, prices: &RayPrices) -> U256 {
    let slack = view.idle.saturating_sub(view.idle_goal);
    let idle = prices.idle.saturating_mul(amount(slack));
    let turnover = prices.turnover.saturating_mul(amount(view.turnover));
    let groups = view.groups.iter().zip(&prices.groups);
    groups.fold(idle.saturating_add(turnover), |sum, (group, price)| {
        sum.saturating_add(price.saturating_mul(amount(group.room())))
    })
}

fn over_horizon_up(policy: &Policy, yearly_ray: U256) -> U256 {
    let horizon = u256(u64::from(policy.objective.horizon_seconds));
    mul_div_up(mul_div_up(yearly_ray, horizon, u256(YEAR_SECONDS)), U256::ONE, RAY)
}

/// Most that one strategy can add less what it pays at the prices, rounding included; yearly ray.
fn most(venue: &Venue, target: Option<u128>, prices: &RayPrices, hurdle: U256) -> U256 {
    let Some(earning) = &venue.earning else { return U256::ZERO };
    let held = venue.groups.iter().filter_map(|place| prices.groups.get(*place));
    let held = held.fold(prices.idle, |sum, price| sum.saturating_add(*price));
    let position = venue.position;
    let line = Line {
        earning,
        position,
        here: big(income(earning, position)),
        dear: big(held.saturating_add(prices.turnover).saturating_add(hurdle)),
        cheap: big(held).saturating_sub(big(prices.turnover)),
    };
    let mut best = I256::ZERO;
    if venue.highest > position {
        best = best.max(line.most_between(position, venue.highest, line.dear));
    }
    let lowest = venue.lowest_for_income();
    if lowest < position {
        best = best.max(line.most_between(lowest, position, line.cheap));
    }
    if venue.may_leave_from_above() {
        best = best.max(line.worth(0));
    }
    if let Some(target) = target.filter(|target| *target != position) {
        best = best.max(line.worth(target));
    }
    let noise = earning.noise_ray(position.max(venue.highest)).saturating_mul(u256(4));
    best.unsigned_abs().saturating_add(noise)
}

/// A strategy's income with what a unit pays on the way in and brings on the way out.
struct Line<'a> {
    earning: &'a Earning,
    position: u128,
    /// Income at the position.
    here: I256,
    dear: I256,
    cheap: I256,
}

impl Line<'_> {
    fn worth(&self, target: u128) -> I256 {
        let gained = big(income(self.earning, target)).saturating_sub(self.here);
        if target >= self.position {
            gained.saturating_sub(self.dear.saturating_mul(big(amount(target - self.position))))
        } else {
            gained.saturating_add(self.cheap.saturating_mul(big(amount(self.position - target))))
        }
    }

    fn slope(&self, target: u128, price: I256) -> I256 {
        self.earning.marginal_ray(target).unwrap_or(I256::ZERO).saturating_sub(price)
    }

    /// Bound on the worth on one side of the position, on one side of the kink, where a unit pays a price.
    fn most_between(&self, from: u128, to: u128, price: I256) -> I256 {
        let kink = self.earning.kink();
        if from < kink && kink <= to {
            let below = self.most_on_piece(from, kink - 1, price);
            return below.max(self.most_on_piece(kink, to, price));
        }
        self.most_on_piece(from, to, price)
    }

    fn most_on_piece(&self, from: u128, to: u128, price: I256) -> I256 {
        if !price.is_negative() {
            // Past its peak income only falls, and so does the tangent's place: it is at the peak or before.
            return self.tangent(from, to, price);
        }
        let peak = self.crossing(from, to, I256::ZERO);
        let mut most = self.tangent(from, peak, price).max(self.worth(to));
        let step = ((to - peak) / FALLING_STEPS).max(1);
        let mut left = peak;
        while left < to {
            let right = left.saturating_add(step).min(to);
            // Income of the left end, at the price of the right one.
            let moved = big(amount(right - left));
            most = most.max(self.worth(left).saturating_sub(price.saturating_mul(moved)));
            left = right;
        }
        most
    }

    /// Bound by the tangent near where the worth is highest.
    fn tangent(&self, from: u128, to: u128, price: I256) -> I256 {
        let place = self.crossing(from, to, price);
        let slope = self.slope(place, price);
        let further = if slope.is_negative() {
            slope.saturating_mul(big(amount(place - from))).saturating_neg()
        } else {
            slope.saturating_mul(big(amount(to - place)))
        };
        self.worth(place).saturating_add(further)
    }

    /// About the largest place at which one more unit still earns the price; the low end if none does.
    fn crossing(&self, from: u128, to: u128, price: I256) -> u128 {
        let price = if price.is_negative() {
            -price_up(price.unsigned_abs())
        } else {
            price_up(price.unsigned_abs())
        };
        let earns = |place: u128| self.earning.quick_marginal(place) >= price;
        if earns(to) {
            return to;
        }
        let (mut low, mut high) = (from, to);
        while high - low > 1 {
            let middle = low + (high - low) / 2;
            if earns(middle) { low = middle } else { high = middle }
        }
        low
    }
}

fn big(value: U256) -> I256 {
    I256::try_from(value).unwrap_or(I256::MAX)
}
