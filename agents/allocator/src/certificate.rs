//! How good a decision is, provably.
//!
//! For any price λ ≥ 0 on idle and τ ≥ 0 on turnover, no list of moves inside the limits can gain more in a year than
//!
//! Σ max over p of (income(p) − income(now) − λ × (p − now) − τ × |p − now|) + λ × slack + τ × turnover
//!
//! where p runs over the pieces that a strategy may end on, slack is the idle above its goal and turnover what the
//! budgets leave. Income is concave where it rises, so there the maximum on a piece is bounded by the tangent at the left
//! end of an interval that shrinks around it; where it falls, interval by interval. The bound needs no trust in the
//! search that found prices and plan.

use alloy_primitives::{I256, U256};
use vagus_policy::{Policy, Snapshot};

use crate::{
    Action, Certificate, Decision, Inputs,
    improve::{Piece, pieces},
    math::{RAY, YEAR_SECONDS, amount, u256},
    plan::{gas_cost_up, hurdle_ray, income},
    solve::{Solution, ray},
    view::{Venue, View, view},
};

/// The certificate of targets at prices.
pub(crate) fn certify(
    policy: &Policy,
    view: &View,
    targets: &[u128],
    prices: &Solution,
) -> Certificate {
    let idle_price_ray = ray(prices.idle_price);
    let turnover_price_ray = ray(prices.turnover_price);
    Certificate {
        value: value_down(policy, view, targets),
        upper_bound: bound_up(
            policy,
            view,
            targets,
            [idle_price_ray, turnover_price_ray, U256::ZERO],
        ),
        idle_price_ray,
        turnover_price_ray,
    }
}

/// Why a certificate is not accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CertificateError {
    /// Policy, snapshot and inputs allow no decision that has a certificate.
    #[error("there is nothing to certify")]
    Nothing,
    /// The decision's moves or lines are not those of its best plan.
    #[error("lines and moves contradict each other")]
    Contradiction,
    /// The value is not what the plan gains.
    #[error("the plan gains {recomputed}, the certificate says {stated}")]
    Value {
        /// What the certificate says.
        stated: U256,
        /// What the plan gains.
        recomputed: U256,
    },
    /// The bound is not what the prices give.
    #[error("the prices give a bound of {recomputed}, the certificate says {stated}")]
    Bound {
        /// What the certificate says.
        stated: U256,
        /// What the prices give.
        recomputed: U256,
    },
    /// The value is above the bound: one of them is wrong.
    #[error("the value {value} is above the bound {bound}")]
    ValueAboveBound {
        /// The value.
        value: U256,
        /// The bound.
        bound: U256,
    },
    /// The hold says it is proven, and the bound does not prove it.
    #[error("the hold is not proven by its bound")]
    NotProven,
}

/// Recomputes the certificate of a decision from its prices, without the search, and accepts it only if all of it holds.
///
/// # Errors
/// The first thing that does not hold.
pub fn verify_certificate(
    policy: &Policy,
    snapshot: &Snapshot,
    inputs: &Inputs,
    decision: &Decision,
) -> Result<(), CertificateError> {
    let mandate = policy.agents.iter().find(|entry| entry.agent == inputs.agent);
    let view = mandate
        .and_then(|mandate| view(policy, snapshot, inputs, mandate).ok())
        .ok_or(CertificateError::Nothing)?;
    let targets: Vec<u128> = decision
        .lines
        .iter()
        .map(|line| u128::try_from(line.assets_after).map_err(|_| CertificateError::Contradiction))
        .collect::<Result<_, _>>()?;
    if targets.len() != view.venues.len() {
        return Err(CertificateError::Nothing);
    }
    if let Action::Rebalance { moves } = &decision.action {
        let is_told = |(index, (venue, target)): (usize, (&Venue, &u128))| {
            let told = moves.iter().find(|leg| usize::from(leg.index) == index);
            match told {
                None => *target == venue.position,
                Some(leg) if leg.is_deposit => *target == venue.position + leg.assets,
                Some(leg) if leg.assets == vagus_policy::ALL_ASSETS => *target == 0,
                Some(leg) => *target == venue.position.saturating_sub(leg.assets),
            }
        };
        if !view.venues.iter().zip(&targets).enumerate().all(is_told) {
            return Err(CertificateError::Contradiction);
        }
    }
    let certificate = &decision.certificate;
    let recomputed = value_down(policy, &view, &targets);
    if recomputed != certificate.value {
        return Err(CertificateError::Value { stated: certificate.value, recomputed });
    }
    let prices = [certificate.idle_price_ray, certificate.turnover_price_ray, U256::ZERO];
    let recomputed = bound_up(policy, &view, &targets, prices);
    if recomputed != certificate.upper_bound {
        return Err(CertificateError::Bound { stated: certificate.upper_bound, recomputed });
    }
    if certificate.value > certificate.upper_bound {
        return Err(CertificateError::ValueAboveBound {
            value: certificate.value,
            bound: certificate.upper_bound,
        });
    }
    if matches!(decision.action, Action::Hold { is_proven: true, .. })
        && !is_hold_proven(policy, inputs, &view, &targets, certificate)
    {
        return Err(CertificateError::NotProven);
    }
    Ok(())
}

/// Whether no list of moves can beat its costs and hurdle: the bound at the certificate's prices, each deposited unit
/// paying the hurdle, is no more than the gas of a single leg.
pub(crate) fn is_hold_proven(
    policy: &Policy,
    inputs: &Inputs,
    view: &View,
    targets: &[u128],
    certificate: &Certificate,
) -> bool {
    let hurdle = hurdle_ray(policy);
    let prices = [certificate.idle_price_ray, certificate.turnover_price_ray, hurdle];
    let bound = bound_up(policy, view, targets, prices);
    gas_cost_up(inputs, 1).is_some_and(|gas| bound <= gas)
}

/// Income gained over the horizon by going from the positions to the targets, rounded down; zero if it loses.
fn value_down(policy: &Policy, view: &View, targets: &[u128]) -> U256 {
    let sum = |held: &dyn Fn(usize, &Venue) -> u128| {
        view.venues.iter().enumerate().fold(U256::ZERO, |sum, (index, venue)| {
            let earning = venue.earning.as_ref();
            sum.saturating_add(earning.map_or(U256::ZERO, |e| income(e, held(index, venue))))
        })
    };
    let after = sum(&|index, _| targets[index]);
    let before = sum(&|_, venue| venue.position);
    let horizon = u256(u64::from(policy.objective.horizon_seconds));
    vagus_policy::math::mul_div_down(after.saturating_sub(before), horizon, u256(YEAR_SECONDS))
        / RAY
}

/// The bound over the horizon, rounded up, at the prices of idle, of turnover and of a deposited unit.
///
/// A repair may have to end outside the pieces that income may end on: its targets count as pieces of their own.
fn bound_up(policy: &Policy, view: &View, targets: &[u128], prices: [U256; 3]) -> U256 {
    let [idle_price, turnover_price, hurdle] = prices;
    let slack = view.idle.saturating_sub(view.idle_goal);
    let mut bound = idle_price
        .saturating_mul(amount(slack))
        .saturating_add(turnover_price.saturating_mul(amount(view.turnover)));
    for (venue, target) in view.venues.iter().zip(targets) {
        let Some(earning) = &venue.earning else { continue };
        let best = pieces(venue, venue.position, false)
            .into_iter()
            .chain([Piece { lowest: *target, highest: *target }])
            .map(|piece| most_on(venue, piece, idle_price, turnover_price, hurdle))
            .max()
            .unwrap_or(I256::ZERO)
            .max(I256::ZERO);
        let noise = earning.noise_ray(venue.position.max(venue.highest)).saturating_mul(u256(4));
        bound = bound.saturating_add(best.unsigned_abs()).saturating_add(noise);
    }
    let horizon = u256(u64::from(policy.objective.horizon_seconds));
    let yearly = vagus_policy::math::mul_div_up(bound, horizon, u256(YEAR_SECONDS));
    vagus_policy::math::mul_div_up(yearly, U256::ONE, RAY)
}

/// Intervals into which the falling part of an income curve is cut.
const FALLING_STEPS: u128 = 256;

/// Most that one strategy can add on a piece, less what it pays at the prices; an upper bound, in yearly ray.
fn most_on(
    venue: &Venue,
    piece: Piece,
    idle_price: U256,
    turnover_price: U256,
    hurdle: U256,
) -> I256 {
    let (idle, turnover, hurdle) = (big(idle_price), big(turnover_price), big(hurdle));
    let Some(earning) = &venue.earning else { return I256::ZERO };
    let here = big(income(earning, venue.position));
    // What a unit pays on the way in is λ + τ and the hurdle; what it brings on the way out is λ − τ.
    let dear = idle.saturating_add(turnover).saturating_add(hurdle);
    let cheap = idle.saturating_sub(turnover);
    let worth = |target: u128| {
        let gained = big(income(earning, target)).saturating_sub(here);
        if target >= venue.position {
            gained.saturating_sub(dear.saturating_mul(big(amount(target - venue.position))))
        } else {
            gained.saturating_add(cheap.saturating_mul(big(amount(venue.position - target))))
        }
    };
    let slope = |target: u128, price: I256| {
        earning.marginal_ray(target).unwrap_or(I256::ZERO).saturating_sub(price)
    };
    let split = venue.position.clamp(piece.lowest, piece.highest);
    let bisected = |from: u128, to: u128, price: I256| {
        let (mut left, mut right) = (from, to);
        while right - left > 1 {
            let middle = left + (right - left) / 2;
            if slope(middle, price) > I256::ZERO { left = middle } else { right = middle }
        }
        (left, right)
    };
    let side = |from: u128, to: u128, price: I256| {
        // Beyond its peak income only falls: there a step of an interval bounds what it can be worth.
        let peak =
            if slope(to, I256::ZERO) < I256::ZERO { bisected(from, to, I256::ZERO).1 } else { to };
        let (left, right) = bisected(from, peak, price);
        // One unit further the tangent rises by at most its slope at the left end.
        let rise = slope(left, price).max(I256::ZERO);
        let rising = worth(left).saturating_add(rise).max(worth(right));
        if !price.is_negative() {
            return rising;
        }
        let mut most = rising;
        let step = ((to - peak) / FALLING_STEPS).max(1);
        let mut left = peak;
        while left < to {
            let right = left.saturating_add(step).min(to);
            // Income of the left end, at the price of the right one.
            let moved = big(amount(right - left));
            most = most.max(worth(left).saturating_sub(price.saturating_mul(moved)));
            left = right;
        }
        most
    };
    side(piece.lowest, split, cheap).max(side(split, piece.highest, dear)).max(worth(split))
}

fn big(value: U256) -> I256 {
    I256::try_from(value).unwrap_or(I256::MAX)
}
