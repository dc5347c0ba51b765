//! The bound that prices prove, and what a plan is worth: one pass over the problem, by nothing of the search. The other way
//! round the search scores itself by this: what it says of a plan is what stands here.
//!
//! For any prices that are not negative, no plan that keeps the limits is worth more than what the limits cost at these
//! prices and what each strategy by itself could gain after paying them (weak duality; A. M. Geoffrion, "Lagrangean
//! relaxation for integer programming", Mathematical Programming Study 2, 1974). Each strategy's gain is a maximum over the
//! ends of its segments, whatever their order.

use super::problem::{Found, Limit, Prices, Problem, Side, Value, Way};

/// Why something is no plan, or no proof.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Flaw {
    /// There is not one number for each strategy or group.
    #[error("{found} {what}, expected {expected}")]
    Count {
        /// Of what.
        what: &'static str,
        /// How many there are.
        found: usize,
        /// How many there should be.
        expected: usize,
    },
    /// A price is below zero.
    #[error("the price of {what} is negative, expected at least zero")]
    NegativePrice {
        /// Of what.
        what: &'static str,
    },
    /// A limit is passed.
    #[error("{what} reaches {found}, expected at most {limit}")]
    Beyond {
        /// What.
        what: &'static str,
        /// What the plan reaches.
        found: i128,
        /// What it may.
        limit: i128,
    },
    /// A leg is smaller than the smallest move.
    #[error("a leg moves {found}, expected at least {least}")]
    TooSmall {
        /// What it moves.
        found: i128,
        /// Least that a leg moves.
        least: i128,
    },
    /// What is claimed is not what follows from the problem.
    #[error("{what} is said to be {found}, and is {expected}")]
    Differs {
        /// What is claimed.
        what: &'static str,
        /// The claim.
        found: Value,
        /// What follows.
        expected: Value,
    },
    /// Numbers beyond those that a problem may have.
    #[error("a number is beyond its range")]
    Range,
}

/// Whether a plan keeps every limit, is worth what is said, and is bounded as is said by the prices that are said. Gives
/// back the bound.
///
/// # Errors
/// The first thing that is not so.
pub fn verify(problem: &Problem, found: &Found) -> Result<Value, Flaw> {
    let same = |what, found: Value, expected: Value| {
        if found == expected { Ok(()) } else { Err(Flaw::Differs { what, found, expected }) }
    };
    same("the plan's value", found.value, worth(problem, &found.moves)?)?;
    let bound = upper_bound(problem, &found.prices)?;
    same("the bound", found.bound, bound)?;
    // By weak duality; anything else is a flaw in this very function.
    if found.value > bound { Err(Flaw::Range) } else { Ok(bound) }
}

/// No plan that keeps the limits is worth more than this.
///
/// # Errors
/// If a price is negative, or there is not one for each group.
pub fn upper_bound(problem: &Problem, prices: &Prices) -> Result<Value, Flaw> {
    count("prices of groups", prices.groups.len(), problem.groups.len())?;
    for (what, price) in [("idle", prices.idle), ("turnover", prices.turnover)]
        .into_iter()
        .chain(prices.groups.iter().map(|price| ("a group", *price)))
    {
        if price < 0 {
            return Err(Flaw::NegativePrice { what });
        }
    }
    if prices.leg.is_negative() {
        return Err(Flaw::NegativePrice { what: "a leg" });
    }
    let legs = Value::try_from(problem.most_legs).map_err(|_| Flaw::Range)?;
    let mut bound = prices.leg.checked_mul(legs).ok_or(Flaw::Range)?;
    bound = plus(bound, times(prices.idle, problem.idle)?)?;
    bound = plus(bound, times(prices.turnover, problem.turnover)?)?;
    for (price, room) in prices.groups.iter().zip(&problem.groups) {
        bound = plus(bound, times(*price, *room)?)?;
    }
    let leg = plus(problem.leg_cost, prices.leg)?;
    for strategy in &problem.strategies {
        let mut held = prices.idle;
        for group in &strategy.groups {
            let price = prices.groups.get(*group).ok_or(Flaw::Range)?;
            held = held.checked_add(*price).ok_or(Flaw::Range)?;
        }
        let inward = prices.turnover.checked_add(held).ok_or(Flaw::Range)?;
        let outward = prices.turnover.checked_sub(held).ok_or(Flaw::Range)?;
        let most_in = most(&strategy.inward, problem.turnover, inward)?;
        let most_out = most(&strategy.outward, problem.turnover, outward)?;
        let best = [most_in, most_out].into_iter().flatten().max();
        if let Some(best) = best {
            let best = best.checked_sub(leg).ok_or(Flaw::Range)?;
            bound = plus(bound, best.max(Value::ZERO))?;
        }
    }
    for goal in &problem.goals {
        let price = match goal.limit {
            Limit::Idle => prices.idle,
            Limit::Group(place) => *prices.groups.get(place).ok_or(Flaw::Range)?,
        };
        let gain = goal.slope.checked_sub(price).ok_or(Flaw::Range)?.max(0);
        bound = plus(bound, times(gain, goal.most.max(0))?)?;
    }
    // Standing still is a plan whatever the limits are.
    let still = worth(problem, &vec![0; problem.strategies.len()])?;
    Ok(bound.max(still))
}

/// Most that a side gains if each unit costs so much; none if it cannot make a leg.
fn most(side: &Side, turnover: i128, cost: i128) -> Result<Option<Value>, Flaw> {
    let least = side.least;
    if least > turnover {
        return Ok(None);
    }
    let (mut from, mut value, mut best) = (0_i128, Value::ZERO, None::<Value>);
    for (end, slope) in side.ends.iter().zip(&side.slopes) {
        let gain = slope.checked_sub(cost).ok_or(Flaw::Range)?;
        if from < least && least < *end {
            let at_least = plus(value, times(gain, least - from)?)?;
            best = best.max(Some(at_least));
        }
        value = plus(value, times(gain, end.checked_sub(from).ok_or(Flaw::Range)?)?)?;
        if *end >= least {
            best = best.max(Some(value));
        }
        from = *end;
    }
    Ok(best)
}

/// What a plan is worth, if it keeps every limit.
///
/// # Errors
/// The first limit that it does not keep.
pub fn worth(problem: &Problem, moves: &[i128]) -> Result<Value, Flaw> {
    count("moves", moves.len(), problem.strategies.len())?;
    let (mut value, mut legs) = (Value::ZERO, 0_usize);
    let (mut net, mut turnover) = (0_i128, 0_i128);
    let mut groups = vec![0_i128; problem.groups.len()];
    for (strategy, moved) in problem.strategies.iter().zip(moves).filter(|(_, moved)| **moved != 0)
    {
        let way = if *moved > 0 { Way::In } else { Way::Out };
        let (side, amount) = (strategy.side(way), moved.checked_abs().ok_or(Flaw::Range)?);
        if amount < side.least {
            return Err(Flaw::TooSmall { found: amount, least: side.least });
        }
        within("a strategy", amount, side.ends.last().copied().unwrap_or(0))?;
        let mut from = 0;
        for (end, slope) in side.ends.iter().zip(&side.slopes) {
            let here = amount.min(*end) - from;
            if here > 0 {
                value = plus(value, times(*slope, here)?)?;
            }
            from = *end;
        }
        value = value.checked_sub(problem.leg_cost).ok_or(Flaw::Range)?;
        legs += 1;
        net = net.checked_add(*moved).ok_or(Flaw::Range)?;
        turnover = turnover.checked_add(amount).ok_or(Flaw::Range)?;
        for group in &strategy.groups {
            let of = groups.get_mut(*group).ok_or(Flaw::Range)?;
            *of = of.checked_add(*moved).ok_or(Flaw::Range)?;
        }
    }
    within("turnover", turnover, problem.turnover)?;
    // Standing still is a plan whatever idle is.
    if legs > 0 {
        within("idle given up", net, problem.idle)?;
    }
    for (drawn, room) in groups.iter().zip(&problem.groups) {
        within("a group", *drawn, *room)?;
    }
    if legs > problem.most_legs {
        let count = |legs: usize| i128::try_from(legs).map_err(|_| Flaw::Range);
        return Err(Flaw::Beyond {
            what: "the number of legs",
            found: count(legs)?,
            limit: count(problem.most_legs)?,
        });
    }
    for goal in &problem.goals {
        let room = match goal.limit {
            Limit::Idle => problem.idle.checked_sub(net).ok_or(Flaw::Range)?,
            Limit::Group(place) => {
                let (drawn, room) =
                    groups.get(place).zip(problem.groups.get(place)).ok_or(Flaw::Range)?;
                room.checked_sub(*drawn).ok_or(Flaw::Range)?
            }
        };
        let left = room.min(goal.most).max(0);
        value = plus(value, times(goal.slope, left)?)?;
    }
    Ok(value)
}

fn count(what: &'static str, found: usize, expected: usize) -> Result<(), Flaw> {
    if found == expected { Ok(()) } else { Err(Flaw::Count { what, found, expected }) }
}

fn within(what: &'static str, found: i128, limit: i128) -> Result<(), Flaw> {
    if found <= limit { Ok(()) } else { Err(Flaw::Beyond { what, found, limit }) }
}

fn big(value: i128) -> Result<Value, Flaw> {
    Value::try_from(value).map_err(|_| Flaw::Range)
}

fn plus(a: Value, b: Value) -> Result<Value, Flaw> {
    a.checked_add(b).ok_or(Flaw::Range)
}

fn times(a: i128, b: i128) -> Result<Value, Flaw> {
    // Most products fit; the others are made in 256 bits, at several times the price.
    match a.checked_mul(b) {
        Some(product) => big(product),
        None => big(a)?.checked_mul(big(b)?).ok_or(Flaw::Range),
    }
}
