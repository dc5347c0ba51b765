//! Strategies and their groups.

use alloy_primitives::U256;

use super::{BAND_DAYS, Code, Review, limits::yearly};
use crate::{
    document::{StrategyPolicy, StrategyStatus},
    toml::write,
};

pub(super) fn groups(review: &mut Review<'_>) {
    let policy = review.policy;
    for (place, group) in policy.groups.iter().enumerate() {
        let members: Vec<&StrategyPolicy> =
            policy.strategies.iter().filter(|entry| entry.groups >> place & 1 == 1).collect();
        let name = write::group_name(group.name);
        if members.is_empty() {
            let problem = format!("no strategy is in {name:?}");
            let advice = "name it in the groups of a strategy, or leave it out";
            review.warning(Code::GroupEmpty, format!("groups[{place}].name"), problem, advice);
            continue;
        }
        let active = members.iter().filter(|entry| entry.status == StrategyStatus::Active);
        let Some(widest) = active.clone().max_by_key(|entry| entry.max_weight_bps) else {
            continue;
        };
        if group.max_weight_bps < widest.max_weight_bps {
            let problem = format!(
                "is {}, so that {}, a member, can never hold the {} that it may",
                write::percent(group.max_weight_bps),
                review.context.account(widest.strategy),
                write::percent(widest.max_weight_bps)
            );
            let key = format!("groups[{place}].max_weight");
            let advice = "raise it, or lower the max_weight of the member to what is meant";
            review.warning(Code::GroupTighterThanMember, key, problem, advice);
        }
        let Some(largest) = active.max_by_key(|entry| entry.cap) else { continue };
        if group.cap < largest.cap {
            let problem = format!(
                "is {}, so that {}, a member, can never hold the {} that it may",
                review.context.amount(group.cap),
                review.context.account(largest.strategy),
                review.context.amount(largest.cap)
            );
            let key = format!("groups[{place}].cap");
            let advice = "raise it, or lower the cap of the member to what is meant";
            review.warning(Code::GroupTighterThanMember, key, problem, advice);
        }
    }
}

pub(super) fn strategies(review: &mut Review<'_>) {
    let policy = review.policy;
    let reached = policy.agents.iter().fold(0_u32, |scope, agent| scope | agent.scope);
    for (place, entry) in policy.strategies.iter().enumerate() {
        let key = |name: &str| format!("strategies[{place}].{name}");
        let is_reached = place < 32 && reached >> place & 1 == 1;
        let is_active = entry.status == StrategyStatus::Active;
        let is_closed = entry.max_weight_bps == 0 || entry.cap == 0;
        if !is_reached && entry.status != StrategyStatus::WrittenOff && !policy.agents.is_empty() {
            let problem = format!("{} is in the scope of no agent", review.strategy(place));
            let advice = "put it into a scope, or leave it out";
            review.warning(Code::StrategyOutOfEveryScope, key("strategy"), problem, advice);
        }
        if is_active && is_closed {
            let name = if entry.cap == 0 { "cap" } else { "max_weight" };
            let problem = "is zero, while the strategy is active: nothing can be deposited into it";
            let advice = "set status = \"exit-only\" if that is meant, else a limit above zero";
            review.warning(Code::LimitZero, key(name), problem, advice);
        }
        floor(review, place, entry, is_reached);
        if is_active && !is_closed {
            band(review, place, entry);
        }
    }
}

fn floor(review: &mut Review<'_>, place: usize, entry: &StrategyPolicy, is_reached: bool) {
    let key = format!("strategies[{place}].min_weight");
    let name = review.strategy(place);
    if entry.min_weight_bps == 0 {
        return;
    }
    let floor = write::percent(entry.min_weight_bps);
    if entry.status != StrategyStatus::Active {
        let problem = format!("is {floor}, and {name} is not active: a floor holds no one there");
        review.warning(Code::FloorWithoutEffect, key, problem, "leave it out");
    } else if entry.min_weight_bps >= entry.max_weight_bps {
        // Above it is an error already, of another code.
        if entry.min_weight_bps == entry.max_weight_bps {
            let problem = format!(
                "is {floor}, as much as {name} may hold: nobody can leave it, nor move anything else in its place"
            );
            let advice = "leave room between min_weight and max_weight";
            review.error(Code::FloorNobodyLeaves, key, problem, advice);
        }
    } else if !is_reached {
        let problem =
            format!("is {floor}, and no agent may touch {name}: nobody fills or leaves it");
        let advice = "put the strategy into the scope of an agent, or leave the floor out";
        review.error(Code::FloorNobodyLeaves, key, problem, advice);
    }
}

/// A reference follows the price when a rebalance touches the strategy or somebody calls `followPrice`. Until then the
/// price moves away from it by what the venue earns, and once it is out of the band, deposits are refused: a narrow band
/// rests on a call that nobody has to make.
fn band(review: &mut Review<'_>, place: usize, entry: &StrategyPolicy) {
    let (rate, is_known) = review.rate_of(entry.strategy);
    // A bps of a year's rate in ray is 10^23; the days that the band holds out, rounded down.
    let width =
        U256::from(entry.price_band_bps) * U256::from(10_u64).pow(U256::from(23)) * U256::from(365);
    let Some(days) = width.checked_div(rate) else { return };
    if days >= U256::from(BAND_DAYS) {
        return;
    }
    let payer = if is_known { "it pays" } else { "a venue may well pay" };
    let problem = format!(
        "is {}, narrower than normal yield: {payer} {}, which leaves the band after {days} days without a rebalance",
        write::percent(entry.price_band_bps),
        yearly(rate)
    );
    let bps = (rate * U256::from(BAND_DAYS))
        .div_ceil(U256::from(10_u64).pow(U256::from(23)) * U256::from(365));
    let advice = format!(
        "at least \"{}\", which holds out {BAND_DAYS} days",
        write::percent(bps.saturating_to::<u16>())
    );
    let key = format!("strategies[{place}].price_band");
    if days.is_zero() {
        review.error(Code::BandNarrow, key, problem, advice);
    } else {
        review.warning(Code::BandNarrow, key, problem, advice);
    }
}
