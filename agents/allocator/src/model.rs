//! The question of a view as a problem for the search.
//!
//! What is outside its limits pays a reward per unit brought inside that outweighs all income, so that repair comes first
//! and, among repairs, the one that costs least; income is found in the same search.

use alloy_primitives::U256;
use vagus_policy::{MAX_MOVES, Policy};

use crate::{
    Inputs,
    math::{RAY, YEAR_SECONDS, u256},
    needs::Needs,
    plan::{gas_cost_up, hurdle_ray},
    program::{Goal, Limit, Problem, Side, Strategy, Value, Way},
    sides::{Grid, Reach},
    view::{Venue, View},
};

/// Binary digits of slopes and prices.
pub(crate) const DIGITS: usize = 56;
/// What a unit brought inside its limits is worth in a year: 256 units, beyond any income.
const REWARD: i128 = 1 << 64;
/// What pushing a venue above its kink costs a unit: only repair may, and only where nothing else does.
const BEYOND_KINK: i128 = REWARD / 4;
/// What a unit costs whose income is not known.
const UNKNOWN: i128 = REWARD / 8;

/// How far a strategy is free to move for income.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Freedom {
    /// As far as its limits go.
    Free,
    /// The same, but it is not left wholly from above its kink.
    Stays,
    /// Not at all.
    Barred,
}

/// Which units pay the policy's hurdle. What pays it is the larger one of deposits and withdrawals, which no price per unit
/// says exactly.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Hurdle {
    /// None.
    Nowhere,
    /// Those deposited: exact as long as all that is withdrawn is deposited.
    In,
    /// Those withdrawn too, which is never too little.
    Both,
}

/// What is asked of the search.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Model<'a> {
    pub(crate) policy: &'a Policy,
    pub(crate) inputs: &'a Inputs,
    pub(crate) view: &'a View,
    pub(crate) needs: &'a Needs,
    /// Whether nothing may be moved for income.
    pub(crate) is_repair_only: bool,
    /// Which units pay the policy's hurdle.
    pub(crate) hurdle: Hurdle,
    /// Whether legs cost their gas, and deposits what the strategy takes of them.
    pub(crate) has_costs: bool,
}

impl Model<'_> {
    /// The problem, each strategy cut and free as is said.
    pub(crate) fn problem(&self, grids: &[Grid], freedoms: &[Freedom]) -> Problem {
        let (view, needs) = (self.view, self.needs);
        let is_needy = !needs.is_empty();
        let strategies: Vec<Strategy> = view
            .venues
            .iter()
            .enumerate()
            .map(|(place, venue)| {
                let (grid, freedom) = match venue.earning {
                    None => (grids[place], Freedom::Barred),
                    _ if self.is_repair_only => (grids[place], Freedom::Barred),
                    Some(_) => (grids[place], freedoms[place]),
                };
                Strategy {
                    inward: self.inward(place, venue, grid, freedom),
                    outward: self.outward(place, venue, grid, freedom),
                    groups: venue.groups.clone(),
                }
            })
            .collect();
        // Twice, so that nothing is deposited into what is still above its limit.
        let mut goals: Vec<Goal> = needs
            .groups
            .iter()
            .enumerate()
            .filter(|(_, missing)| **missing > 0)
            .map(|(place, missing)| goal(Limit::Group(place), *missing, 2 * REWARD))
            .collect();
        let mut idle = view.slack();
        if is_needy && idle < 0 {
            // As far as it goes: a repair is not given up because idle cannot be filled as well, but idle comes first.
            goals.push(goal(Limit::Idle, needs.idle.max(idle.unsigned_abs()), 2 * REWARD));
            idle = 0;
        }
        let smallest = view.venues.first().map_or(1, |venue| venue.smallest);
        let most_cost = crate::program::product(REWARD / 4, smallest as i128);
        // What has to be done is done whatever a leg costs.
        let leg_cost = self.leg_cost_up().min(if is_needy { most_cost } else { Value::MAX });
        Problem {
            strategies,
            idle,
            turnover: view.turnover as i128,
            groups: view.groups.iter().map(|group| group.room() as i128).collect(),
            goals,
            leg_cost,
            most_legs: MAX_MOVES,
            tolerance: self.income().asr(12).max(leg_cost.asr(2)),
        }
    }

    fn inward(&self, place: usize, venue: &Venue, grid: Grid, freedom: Freedom) -> Side {
        let room = venue.highest - venue.position;
        let need = self.needs.inward[place].min(room);
        let most = if freedom == Freedom::Barred { need } else { room };
        let hurdle = self.hurdle_price(Way::In);
        let entry = self.entry_price(venue);
        let reach =
            Reach { earning: venue.earning.as_ref(), position: venue.position, way: Way::In, most };
        let mut side = reach.side(grid, &[need], venue.smallest, |end, earned| {
            let adds = earned - entry;
            if end <= need { adds.saturating_add(REWARD) } else { adds.saturating_sub(hurdle) }
        });
        // A unit that earns nothing is not taken, whatever it costs.
        while side.slopes.last().is_some_and(|slope| *slope <= 0) {
            side.slopes.pop();
            side.ends.pop();
        }
        side
    }

    fn outward(&self, place: usize, venue: &Venue, grid: Grid, freedom: Freedom) -> Side {
        let is_needy = !self.needs.is_empty();
        let need = self.needs.out[place];
        let reach = |most: u128| Reach {
            earning: venue.earning.as_ref(),
            position: venue.position,
            way: Way::Out,
            most,
        };
        if !is_needy {
            if freedom == Freedom::Barred {
                return Side::default();
            }
            if freedom == Freedom::Free && venue.may_leave_from_above() {
                return reach(venue.position)
                    .side(grid, &[], venue.smallest, |_, earned| earned)
                    .all_or_nothing();
            }
            let most = venue.position - venue.lowest_for_income();
            let hurdle = self.hurdle_price(Way::Out);
            return reach(most).side(grid, &[], venue.smallest, |_, earned| earned - hurdle);
        }
        let most = venue.position - venue.lowest;
        let to_kink = venue.position - venue.lowest_for_income().max(venue.lowest);
        let is_unknown = venue.earning.is_none();
        let needed = need.min(most);
        reach(most).side(grid, &[needed, to_kink], venue.smallest, |end, earned| {
            let mut adds = earned;
            if end > needed && freedom == Freedom::Barred {
                adds = adds.min(-1);
            }
            if is_unknown {
                adds -= UNKNOWN;
            } else if end > to_kink {
                adds = adds.min(0) - BEYOND_KINK;
            }
            if end <= needed { adds.saturating_add(REWARD) } else { adds }
        })
    }

    /// What the hurdle costs a unit moved.
    pub(crate) fn hurdle_price(&self, way: Way) -> i128 {
        match (self.hurdle, way) {
            (Hurdle::In, Way::In) | (Hurdle::Both, _) => price_up(hurdle_ray(self.policy)),
            (Hurdle::In, Way::Out) | (Hurdle::Nowhere, _) => 0,
        }
    }

    /// What a unit deposited costs at once, as a yearly rate.
    pub(crate) fn entry_price(&self, venue: &Venue) -> i128 {
        // Beyond any income, and below what decides between repairs.
        if self.has_costs { venue.entry_price.min(UNKNOWN) } else { 0 }
    }

    /// Gas of a leg as a yearly value, rounded up; nothing where it has no price.
    pub(crate) fn leg_cost_up(&self) -> Value {
        if !self.has_costs {
            return Value::ZERO;
        }
        let gas = |legs: usize| gas_cost_up(self.inputs, legs).unwrap_or(U256::ZERO);
        self.yearly_up(gas(1).saturating_sub(gas(0)))
    }

    fn yearly_up(&self, assets: U256) -> Value {
        let horizon = u256(u64::from(self.policy.objective.horizon_seconds.max(1)));
        let yearly = vagus_policy::math::mul_div_up(assets, u256(YEAR_SECONDS), horizon);
        Value::try_from(yearly.saturating_mul(U256::ONE << DIGITS)).unwrap_or(Value::MAX >> 8)
    }

    /// What is earned in a year as it stands.
    fn income(&self) -> Value {
        let earned = self.view.venues.iter().filter_map(|venue| {
            let earning = venue.earning.as_ref()?;
            let rate = earning.quick_rate(venue.position);
            Some(crate::program::product(rate, venue.position as i128))
        });
        earned.fold(Value::ZERO, Value::saturating_add)
    }
}

fn goal(limit: Limit, most: u128, slope: i128) -> Goal {
    Goal { limit, most: most as i128, slope }
}

/// A price in ray, rounded down.
pub(crate) fn ray_down(price: i128) -> U256 {
    (U256::from(price.max(0).unsigned_abs()) * RAY) >> DIGITS
}

/// A yearly rate in ray as a price, rounded up.
pub(crate) fn price_up(rate_ray: U256) -> i128 {
    if rate_ray.is_zero() {
        return 0;
    }
    let price = rate_ray.saturating_mul(U256::ONE << DIGITS) / RAY;
    i128::try_from(price).unwrap_or(REWARD).min(REWARD) + 1
}
