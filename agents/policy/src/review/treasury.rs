//! What only the treasury itself can tell: its own addresses, and its strategies as they are.

use alloy_primitives::U256;

use super::{Code, Review};
use crate::{
    document::{StrategyPolicy, StrategyStatus},
    price::{Band, price_down},
    toml::write,
};

pub(super) fn treasury(review: &mut Review<'_>) {
    let (policy, facts) = (review.policy, review.facts);
    for (address, what) in &facts.own {
        if policy.limits.fee_recipient == *address {
            let problem = format!("is the {what} of the treasury, which the guard refuses");
            let advice = "name an account that somebody can spend from";
            review.error(Code::FeeRecipientUnfit, "limits.fee_recipient", problem, advice);
        }
    }
    for (place, entry) in policy.strategies.iter().enumerate() {
        let own = facts.own.iter().find(|(address, _)| *address == entry.strategy);
        let unfit = match own {
            Some((_, what)) => Some(format!("is the {what} of the treasury itself")),
            None => facts.venues.get(&entry.strategy).and_then(|venue| venue.unfit.clone()),
        };
        // The vault does not ask what is written off.
        let unfit = unfit.filter(|_| entry.status != StrategyStatus::WrittenOff);
        if let Some(unfit) = unfit {
            let advice = "correct the address; the vault refuses the policy at adoption";
            let key = format!("strategies[{place}].strategy");
            review.error(Code::StrategyUnfit, key, unfit, advice);
        } else {
            reference(review, place, entry);
        }
    }
}

/// A first reference outside its own band refuses every deposit. It counts only where the guard has none yet.
fn reference(review: &mut Review<'_>, place: usize, entry: &StrategyPolicy) {
    let Some(venue) = review.facts.venues.get(&entry.strategy) else { return };
    let Some((assets, shares)) = venue.price else { return };
    if venue.has_reference || shares.is_zero() {
        return;
    }
    let stated = price_down(U256::from(entry.reference_assets), U256::from(entry.reference_shares));
    let band = Band::around(stated, entry.price_band_bps, 0);
    let is_within = assets.saturating_add(U256::ONE) >= band.lowest_value_up(shares)
        && assets <= band.highest_value(shares);
    if is_within {
        return;
    }
    let unit = U256::from(entry.reference_shares);
    let worth = crate::math::mul_div_down(assets, unit, shares).saturating_to::<u128>();
    let problem = format!(
        "says {} for {} shares, which are worth {} now: outside the band of {}, so that deposits are refused",
        review.context.amount(entry.reference_assets),
        review.context.shares(entry.strategy, entry.reference_shares),
        review.context.amount(worth),
        write::percent(entry.price_band_bps)
    );
    let advice = format!("assets = \"{}\"", review.context.amount(worth));
    review.error(Code::ReferenceOff, format!("strategies[{place}].reference"), problem, advice);
}
