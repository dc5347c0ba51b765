//! The bound that prices prove, from the venues' own formulas.
//!
//! Over each smooth piece of a venue's formula lies a roof (`income::roof`) that is concave where it rises, so there its
//! tangent at any place bounds income; the place is looked for in native integers, and whatever is found, the bound holds.
//! Where the roof falls it is bounded interval by interval. A roof that is not income itself is put up anew close around the
//! place, where it then nearly touches. A roof that is a straight line is halved where it is not yet close. Rewards are paid
//! on every unit, so they count as a lower price of it.

use alloy_primitives::{I256, U256};
use vagus_policy::{Policy, math::mul_div_up};

use super::RayPrices;
use crate::{
    Inputs,
    income::{Earning, Roof},
    math::{RAY, YEAR_SECONDS, amount, u256},
    model::price_up,
    plan::{gas_cost_up, hurdle_ray, income, yearly_ray},
    view::{Venue, View},
};

/// Intervals into which the falling part of an income curve is cut.
const FALLING_STEPS: u128 = 256;
/// A roof that is not income itself is put up anew over so much of a piece on either side of the place.
const CLOSE_PARTS: u128 = 64;

/// A straight roof is halved at most so often on one piece.
const HALVINGS: u32 = 96;
/// It is close where it is above what is known already by at most this part of that, as a power of two.
const CLOSE_BITS: usize = 24;

/// Whether no list of moves can beat its costs and hurdle: the bound at the prices, each deposited unit paying the hurdle
/// and what entering costs, and each leg its gas, is no more than what a transaction without legs costs.
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
        let unit = hurdle.saturating_add(yearly_ray(policy, venue.entry_ray));
        bound = bound.saturating_add(most(venue, None, prices, unit).saturating_sub(leg_ray));
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

/// Most that one strategy can add less what it pays at the prices, and `unit` on each unit deposited, rounding included;
/// yearly ray.
fn most(venue: &Venue, target: Option<u128>, prices: &RayPrices, unit: U256) -> U256 {
    let Some(earning) = &venue.earning else { return U256::ZERO };
    let held = venue.groups.iter().filter_map(|place| prices.groups.get(*place));
    let held = held.fold(prices.idle, |sum, price| sum.saturating_add(*price));
    let position = venue.position;
    let reward = big(earning.reward_ray());
    let line = Line {
        earning,
        position,
        here: big(income(earning, position)).saturating_sub(times(reward, position)),
        dear: big(held.saturating_add(prices.turnover).saturating_add(unit)).saturating_sub(reward),
        cheap: big(held).saturating_sub(big(prices.turnover)).saturating_sub(reward),
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

/// A strategy's income without rewards, with what a unit pays on the way in and brings on the way out, rewards taken off.
struct Line<'a> {
    earning: &'a Earning,
    position: u128,
    /// Income at the position.
    here: I256,
    dear: I256,
    cheap: I256,
}

impl Line<'_> {
    /// Of standing at a target.
    fn worth(&self, target: u128) -> I256 {
        let Ok(roof) = self.earning.roof(target, target) else { return I256::MAX };
        self.worth_under(&roof, target)
    }

    fn worth_under(&self, roof: &Roof<'_>, target: u128) -> I256 {
        let income = roof.income_ray(target).unwrap_or(U256::ZERO);
        let gained = big(income).saturating_sub(self.here);
        if target >= self.position {
            gained.saturating_sub(times(self.dear, target - self.position))
        } else {
            gained.saturating_add(times(self.cheap, self.position - target))
        }
    }

    /// Bound on the worth on one side of the position, where a unit pays a price.
    fn most_between(&self, from: u128, to: u128, price: I256) -> I256 {
        let mut start = from;
        // Standing still is worth nothing and always possible: less than that need not be known.
        let mut most = I256::ZERO;
        let breaks = self.earning.breaks().iter().flat_map(|(first, last)| [*first, *last]);
        for place in breaks.filter(|place| from < *place && *place <= to) {
            if place > start {
                most = self.most_on_piece(start, place - 1, price, most);
                start = place;
            }
        }
        self.most_on_piece(start, to, price, most)
    }

    /// The same on one piece, at least what is known already.
    fn most_on_piece(&self, from: u128, to: u128, price: I256, known: I256) -> I256 {
        if self.is_below(from, to, price, known) {
            return known;
        }
        // What cannot be reckoned proves nothing.
        let Ok(roof) = self.earning.roof(from, to) else { return I256::MAX };
        if matches!(roof, Roof::Straight(_)) {
            let mut halvings = HALVINGS;
            return self.most_by_halves((from, to), known, &mut halvings);
        }
        let around = (to - from) / CLOSE_PARTS;
        if !matches!(roof, Roof::Line(_)) || around == 0 {
            return known.max(self.most_under(&roof, (from, to), price));
        }
        let place = self.crossing(from, to, price);
        let low = place.saturating_sub(around).max(from);
        let high = place.saturating_add(around).min(to);
        let parts = [(from, low), (low, high), (high, to)];
        let parts = parts.into_iter().filter(|(from, to)| from < to);
        parts.fold(known, |known, (from, to)| {
            if self.is_below(from, to, price, known) {
                return known;
            }
            let roof = self.earning.roof(from, to);
            known.max(roof.map_or(I256::MAX, |roof| self.most_under(&roof, (from, to), price)))
        })
    }

    /// The same under straight roofs, the half that promises more first.
    fn most_by_halves(&self, (from, to): (u128, u128), known: I256, halvings: &mut u32) -> I256 {
        let above = self.most_straight(from, to);
        let noise = big(self.earning.noise_ray(to));
        let is_close = above.saturating_sub(known) <= (known >> CLOSE_BITS).max(noise);
        if is_close || to - from <= 1 || *halvings == 0 {
            return known.max(above);
        }
        *halvings -= 1;
        let middle = from + (to - from) / 2;
        let (low, high) = ((from, middle), (middle, to));
        let is_low_first = self.most_straight(from, middle) >= self.most_straight(middle, to);
        let order = if is_low_first { [low, high] } else { [high, low] };
        order.into_iter().fold(known, |known, half| self.most_by_halves(half, known, halvings))
    }

    /// Most under the straight roof between two positions, which is at an end.
    fn most_straight(&self, from: u128, to: u128) -> I256 {
        // What cannot be reckoned proves nothing.
        let Ok(roof) = self.earning.roof(from, to) else { return I256::MAX };
        self.worth_under(&roof, from).max(self.worth_under(&roof, to))
    }

    /// Whether a stretch cannot beat what is known, by a glance: the borrow rate of its lower end, which is its highest, paid
    /// for all of it.
    fn is_below(&self, from: u128, to: u128, price: I256, known: I256) -> bool {
        let Ok(roof @ Roof::Line(_)) = self.earning.roof(from, from) else { return false };
        let spared = times(price.max(I256::ZERO), to - from);
        self.worth_under(&roof, to).saturating_add(spared) <= known
    }

    fn most_under(&self, roof: &Roof<'_>, (from, to): (u128, u128), price: I256) -> I256 {
        if !price.is_negative() {
            // Past its peak the roof only falls, and so does the tangent's place: it is at the peak or before.
            return self.tangent(roof, (from, to), price);
        }
        let peak = match roof {
            Roof::Line(_) => last_earning(roof, (from, to), I256::ZERO, 1),
            Roof::Shape(..) | Roof::Straight(_) | Roof::Flat(_) => {
                self.crossing(from, to, I256::ZERO)
            }
        };
        let mut most = self.worth_under(roof, peak).max(self.worth_under(roof, to));
        let step = ((to - peak) / FALLING_STEPS).max(1);
        let mut left = peak;
        while left < to {
            let right = left.saturating_add(step).min(to);
            // Income of the left end, at the price of the right one.
            let at_left = self.worth_under(roof, left);
            most = most.max(at_left.saturating_sub(times(price, right - left)));
            left = right;
        }
        most
    }

    /// Bound by the tangent near where the worth is highest.
    fn tangent(&self, roof: &Roof<'_>, (from, to): (u128, u128), price: I256) -> I256 {
        let place = self.place(roof, (from, to), price);
        let slope = marginal(roof, place).saturating_sub(price);
        let further = if slope.is_negative() {
            times(slope, place - from).saturating_neg()
        } else {
            times(slope, to - place)
        };
        self.worth_under(roof, place).saturating_add(further)
    }

    /// A place at which the roof still rises, about the largest one at which one more unit still earns the price; the low end
    /// if there is none.
    fn place(&self, roof: &Roof<'_>, (from, to): (u128, u128), price: I256) -> u128 {
        let place = match roof {
            // A little before the place the tangent is nearly the same.
            Roof::Line(_) => last_earning(roof, (from, to), price, (to - from) / FALLING_STEPS),
            Roof::Shape(..) | Roof::Straight(_) | Roof::Flat(_) => self.crossing(from, to, price),
        };
        if place == from || !marginal(roof, place).is_negative() {
            return place;
        }
        last_earning(roof, (from, place), I256::ZERO, 1)
    }

    /// About the largest place at which one more unit still earns the price; the low end if none does.
    fn crossing(&self, from: u128, to: u128, price: I256) -> u128 {
        let price = price.saturating_add(big(self.earning.reward_ray()));
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

fn marginal(roof: &Roof<'_>, held: u128) -> I256 {
    roof.marginal_ray(held).unwrap_or(I256::ZERO)
}

/// The last place at which one more unit still adds the price to the roof, or one at most so far before it; the low end if
/// there is none.
fn last_earning(roof: &Roof<'_>, (from, to): (u128, u128), price: I256, near: u128) -> u128 {
    if marginal(roof, to) >= price {
        return to;
    }
    let (mut low, mut high) = (from, to);
    while high - low > near.max(1) {
        let middle = low + (high - low) / 2;
        if marginal(roof, middle) >= price { low = middle } else { high = middle }
    }
    low
}

fn times(price: I256, moved: u128) -> I256 {
    price.saturating_mul(big(amount(moved)))
}

fn big(value: U256) -> I256 {
    I256::try_from(value).unwrap_or(I256::MAX)
}
