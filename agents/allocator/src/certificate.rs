//! How good a decision is, provably.
//!
//! For any prices λ ≥ 0 of idle, τ ≥ 0 of turnover and g ≥ 0 of room in each group, no list of moves inside the limits can
//! gain more in a year than
//!
//! Σ max over p of (income(p) − income(now) − (λ + Σ g of its groups) × (p − now) − τ × |p − now|)
//! + λ × slack + τ × turnover + Σ g × room
//!
//! where p runs over what a strategy may end on, slack is the idle above its goal and turnover what the budgets leave. The
//! bound needs no trust in the search that found prices and plan.

mod bound;

use std::cell::RefCell;

use alloy_primitives::U256;
use vagus_policy::{ALL_ASSETS, Move, Policy, Snapshot};

use crate::{
    Action, Certificate, Decision, Inputs,
    math::{RAY, YEAR_SECONDS, u256},
    model::ray_down,
    plan::income,
    program::Prices,
    view::{Venue, View, view},
};
use bound::bound_up;
pub(crate) use bound::is_hold_proven;

/// Version from which on rates are means of the horizon where a venue moves them; older ones took those of the moment, and
/// their certificates are recomputed so.
const FIRST_OVER_HORIZON: u32 = 4;

/// Version from which on a hold's lines are those of its first candidate; older ones could tell of another.
const FIRST_TOLD_IN_HOLDS: u32 = 6;

/// Prices of the limits, yearly rates in ray.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct RayPrices {
    pub(crate) idle: U256,
    pub(crate) turnover: U256,
    pub(crate) groups: Vec<U256>,
}

impl RayPrices {
    /// The search's prices, rounded down. Any prices prove a bound, so rounding costs nothing but tightness.
    pub(crate) fn of(prices: &Prices) -> Self {
        Self {
            idle: ray_down(prices.idle),
            turnover: ray_down(prices.turnover),
            groups: prices.groups.iter().map(|price| ray_down(*price)).collect(),
        }
    }

    fn stated(certificate: &Certificate) -> Self {
        Self {
            idle: certificate.idle_price_ray,
            turnover: certificate.turnover_price_ray,
            groups: certificate.group_price_rays.clone(),
        }
    }
}

/// Bounds that were worked out for a view, with the targets and prices they are of: the search asks for them, and the
/// decision that comes of it states one. A copy knows none, as it is made to be changed.
#[derive(Debug, Default)]
pub(crate) struct KnownBounds(RefCell<Vec<(Vec<u128>, RayPrices, U256)>>);

impl Clone for KnownBounds {
    fn clone(&self) -> Self {
        Self::default()
    }
}

impl KnownBounds {
    fn of(&self, targets: &[u128], prices: &RayPrices, bound: impl FnOnce() -> U256) -> U256 {
        let is_asked = |(of, at, _): &&(Vec<u128>, RayPrices, U256)| of == targets && at == prices;
        if let Some((.., bound)) = self.0.borrow().iter().find(is_asked) {
            return *bound;
        }
        let bound = bound();
        self.0.borrow_mut().push((targets.to_vec(), prices.clone(), bound));
        bound
    }
}

/// The certificate of targets at prices.
pub(crate) fn certify(
    policy: &Policy,
    view: &View,
    targets: &[u128],
    prices: &Prices,
) -> Certificate {
    let mut prices = RayPrices::of(prices);
    prices.groups.resize(view.groups.len(), U256::ZERO);
    let upper_bound = view.bounds.of(targets, &prices, || bound_up(policy, view, targets, &prices));
    Certificate {
        value: value_down(policy, view, targets),
        upper_bound,
        idle_price_ray: prices.idle,
        turnover_price_ray: prices.turnover,
        group_price_rays: prices.groups,
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
    let is_of_moment = decision.algorithm_version < FIRST_OVER_HORIZON;
    let seconds = if is_of_moment { 0 } else { policy.objective.horizon_seconds };
    let view = mandate
        .and_then(|mandate| view(policy, snapshot, inputs, mandate, seconds).ok())
        .ok_or(CertificateError::Nothing)?;
    let targets: Vec<u128> = decision
        .lines
        .iter()
        .map(|line| u128::try_from(line.assets_after).map_err(|_| CertificateError::Contradiction))
        .collect::<Result<_, _>>()?;
    if targets.len() != view.venues.len() {
        return Err(CertificateError::Nothing);
    }
    let told = match &decision.action {
        Action::Rebalance { moves } => Some(moves),
        Action::Hold { .. } if decision.algorithm_version < FIRST_TOLD_IN_HOLDS => None,
        Action::Hold { .. } => decision.candidates.first().map(|best| &best.moves),
    };
    if told.is_some_and(|moves| !leads_to(&view, moves, &targets)) {
        return Err(CertificateError::Contradiction);
    }
    let certificate = &decision.certificate;
    let recomputed = value_down(policy, &view, &targets);
    if recomputed != certificate.value {
        return Err(CertificateError::Value { stated: certificate.value, recomputed });
    }
    let prices = RayPrices::stated(certificate);
    if prices.groups.len() != view.groups.len() {
        return Err(CertificateError::Contradiction);
    }
    let recomputed = bound_up(policy, &view, &targets, &prices);
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
        && !is_hold_proven(policy, inputs, &view, &prices)
    {
        return Err(CertificateError::NotProven);
    }
    Ok(())
}

/// Whether moves, each of another strategy, lead from the positions to the targets.
fn leads_to(view: &View, moves: &[Move], targets: &[u128]) -> bool {
    let mut ends: Vec<u128> = view.venues.iter().map(|venue| venue.position).collect();
    for (place, leg) in moves.iter().enumerate() {
        let is_first = moves[..place].iter().all(|before| before.index != leg.index);
        let Some(end) = ends.get_mut(usize::from(leg.index)).filter(|_| is_first) else {
            return false;
        };
        let moved = if leg.is_deposit {
            end.checked_add(leg.assets)
        } else if leg.assets == ALL_ASSETS {
            Some(0)
        } else {
            end.checked_sub(leg.assets)
        };
        let Some(moved) = moved else { return false };
        *end = moved;
    }
    ends == targets
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
