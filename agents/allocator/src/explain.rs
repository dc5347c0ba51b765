//! Saying why: the lines of a plan, and what binds it.

use alloy_primitives::U256;
use vagus_policy::{Policy, Rule};

use crate::{
    Inputs, Limiting, RateBase, Reason, StrategyLine,
    decision::Binding,
    math::{RAY, amount},
    plan::Plan,
    program::Prices,
    view::{Venue, View},
};

/// One line per strategy, in policy order.
pub(crate) fn lines(policy: &Policy, view: &View, targets: &[u128]) -> Vec<StrategyLine> {
    policy
        .strategies
        .iter()
        .zip(view.venues.iter().zip(targets))
        .map(|(listed, (venue, target))| {
            let rate = |held: u128| {
                let earning = venue.earning.as_ref();
                earning.and_then(|earning| earning.rate_ray(held).ok()).unwrap_or(U256::ZERO)
            };
            let (before, after) = (rate(venue.position), rate(*target));
            let income = |rate: U256, held: u128| rate.saturating_mul(amount(held)) / RAY;
            StrategyLine {
                strategy: listed.strategy,
                assets_before: amount(venue.position),
                assets_after: amount(*target),
                limit_assets: amount(venue.limit),
                rate_before_ray: before,
                rate_after_ray: after,
                yearly_income_before: income(before, venue.position),
                yearly_income_after: income(after, *target),
            }
        })
        .collect()
}

/// What a plan runs into, the dearest first.
pub(crate) fn bindings(
    policy: &Policy,
    view: &View,
    inputs: &Inputs,
    reason: Reason,
    plan: Option<&Plan>,
    targets: &[u128],
    prices: &Prices,
) -> Vec<Binding> {
    let mut found: Vec<(i128, Binding)> = Vec::new();
    if reason == Reason::BelowHurdle
        && let Some(plan) = plan
    {
        found.push((
            i128::MAX,
            Binding {
                limiting: Limiting::Hurdle,
                index: None,
                observed: plan.gain,
                limit: plan.cost.saturating_add(plan.hurdle),
            },
        ));
    }
    if reason == Reason::NoHistory {
        found.extend(samples(policy, view, inputs));
    }
    let moved: u128 = view
        .venues
        .iter()
        .zip(targets)
        .map(|(venue, target)| venue.position.abs_diff(*target))
        .sum();
    if prices.turnover > 0 || reason == Reason::TurnoverSpent {
        let price = if reason == Reason::TurnoverSpent { i128::MAX } else { prices.turnover };
        found.push((
            price,
            Binding {
                limiting: Limiting::Rule(Rule::Turnover),
                index: None,
                observed: amount(moved),
                limit: amount(view.turnover),
            },
        ));
    }
    let held_before: u128 = view.venues.iter().map(|venue| venue.position).sum();
    let held_after: u128 = targets.iter().sum();
    let idle_after = (view.idle + held_before).saturating_sub(held_after);
    if prices.idle > 0 && idle_after <= view.idle_goal.saturating_add(view.idle_goal / 1_000) {
        found.push((
            prices.idle,
            Binding {
                limiting: Limiting::Rule(Rule::Idle),
                index: None,
                observed: amount(idle_after),
                limit: amount(view.min_idle),
            },
        ));
    }
    found.extend(groups(view, targets, prices));
    for (index, (venue, target)) in (0_u8..).zip(view.venues.iter().zip(targets)) {
        let held = venue.groups.iter().filter_map(|place| prices.groups.get(*place));
        let held = held.fold(prices.idle, |sum, price| sum.saturating_add(*price));
        if let Some((price, limiting, observed, limit)) =
            at_strategy(venue, *target, inputs, (held, prices.turnover))
        {
            let (observed, limit) = (amount(observed), amount(limit));
            found.push((price, Binding { limiting, index: Some(index), observed, limit }));
        }
    }
    found.sort_by_key(|(price, _)| std::cmp::Reverse(*price));
    found.into_iter().map(|(_, binding)| binding).collect()
}

/// The strategies whose past says too little.
fn samples<'a>(
    policy: &'a Policy,
    view: &'a View,
    inputs: &'a Inputs,
) -> impl Iterator<Item = (i128, Binding)> + 'a {
    let lacking = (0_u8..).zip(policy.strategies.iter().zip(&view.venues));
    lacking.filter(|(_, (_, venue))| venue.lacks_history).filter_map(|(index, (listed, _))| {
        let RateBase::History(history) = &inputs.rate_of(listed.strategy)?.base else {
            return None;
        };
        let (observed, limit) = (history.counting(view.at), history.fewest());
        let (observed, limit) = (U256::from(observed), U256::from(limit));
        let limiting = Limiting::Samples;
        Some((i128::MAX, Binding { limiting, index: Some(index), observed, limit }))
    })
}

/// The groups that bind, or that the guard would let nothing be deposited into.
fn groups<'a>(
    view: &'a View,
    targets: &'a [u128],
    prices: &'a Prices,
) -> impl Iterator<Item = (i128, Binding)> + 'a {
    view.groups.iter().enumerate().filter_map(move |(place, group)| {
        let members = view.venues.iter().zip(targets);
        let members = members.filter(|(venue, _)| venue.groups.contains(&place));
        let (mut before, mut after) = (0_u128, 0_u128);
        for (venue, target) in members {
            before = before.saturating_add(venue.position);
            after = after.saturating_add(*target);
        }
        let price = prices.groups.get(place).copied().unwrap_or(0);
        if price == 0 && group.is_open && group.held <= group.limit {
            return None;
        }
        let limiting = Limiting::Rule(Rule::Group);
        let index = u8::try_from(place).ok();
        let observed = amount(group.held.saturating_add(after).saturating_sub(before));
        Some((price, Binding { limiting, index, observed, limit: amount(group.limit) }))
    })
}

/// The limit at which a strategy's target stands, and what one more unit beyond it would add.
fn at_strategy(
    venue: &Venue,
    target: u128,
    inputs: &Inputs,
    (held, turnover): (i128, i128),
) -> Option<(i128, Limiting, u128, u128)> {
    let marginal = venue.earning.as_ref().map_or(0, |earning| earning.quick_marginal(target));
    let gain_in =
        marginal.saturating_sub(venue.entry_price).saturating_sub(held).saturating_sub(turnover);
    let near = inputs.smallest_move.max(1);
    if venue.value > venue.limit && !venue.is_written_off && target > venue.limit {
        let limiting = if target > venue.floor {
            Limiting::VenueLiquidity
        } else {
            Limiting::Rule(venue.floor_rule)
        };
        return Some((i128::MAX - 1, limiting, venue.liquid, venue.value - venue.limit));
    }
    if gain_in > 0
        && target >= venue.position
        && let Some((observed, limit)) = venue.off_band
    {
        return Some((gain_in, Limiting::Rule(Rule::Price), observed, limit));
    }
    if gain_in > 0 && target.saturating_add(near) > venue.highest && target >= venue.position {
        if venue.goal <= venue.highest.saturating_add(near) {
            return Some((gain_in, Limiting::Rule(venue.limit_rule), target, venue.limit));
        }
        if venue.room < crate::view::LARGEST_AMOUNT && venue.highest > venue.position
            || venue.room < near
        {
            let added = target - venue.position;
            return Some((gain_in, Limiting::VenueCap, added, venue.room));
        }
    }
    let gain_out = held.saturating_sub(turnover).saturating_sub(marginal);
    if gain_out > 0
        && target <= venue.position
        && target < venue.lowest.saturating_add(near)
        && target > 0
    {
        if venue.floor > 0
            && target <= venue.floor.saturating_add(venue.floor / 100).saturating_add(near)
        {
            return Some((gain_out, Limiting::Rule(venue.floor_rule), target, venue.floor));
        }
        if venue.liquid < venue.position {
            let taken = venue.position - target;
            return Some((gain_out, Limiting::VenueLiquidity, taken, venue.liquid));
        }
    }
    None
}
