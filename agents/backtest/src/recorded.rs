//! What the record says happened to the holdings between two of its blocks: what decisions moved, and what came and went.

use alloy_primitives::{I256, U256};
use vagus_allocator::Reason;
use vagus_attribution::{Delta, FlowKind};
use vagus_policy::{ALL_ASSETS, Move, math::mul_div_up};

use crate::{
    BacktestError, Result, execute,
    portfolio::{Portfolio, Sight},
};

/// Whether a reason comes from what the recorded keeper alone knew, or did in another way than by deciding: it is taken over
/// as long as the positions agree, because no snapshot leads to it.
pub(crate) const fn is_imposed(reason: Reason) -> bool {
    matches!(
        reason,
        Reason::VaultUnread
            | Reason::PolicyUnread
            | Reason::StaleHead
            | Reason::DeepReorg
            | Reason::Paused
            | Reason::ModelMistrust
            | Reason::InFlight
            | Reason::EndpointsDisagree
            | Reason::SignerFailed
            | Reason::NoQuorum
            | Reason::FeeBudgetSpent
            | Reason::TooManyInFlight
            | Reason::SimulationFailed
            | Reason::Person
            | Reason::Checkpoint
            | Reason::Trim
            | Reason::FollowPrice
            | Reason::Activate
    )
}

fn out_of_range(sight: &Sight<'_>) -> BacktestError {
    let block = sight.block.snapshot.block.number;
    BacktestError::OutOfRange { block, what: "a recorded position" }
}

/// Change of what the record holds from one block to another.
pub(crate) fn change(before: &Sight<'_>, after: &Sight<'_>) -> Result<Delta> {
    let signed = |amount: U256| I256::try_from(amount).map_err(|_| out_of_range(after));
    let of = |before: U256, after: U256| Ok(signed(after)? - signed(before)?);
    let places = 0..after.seen.len();
    let shares = places.map(|place| {
        // What a block says nothing of is taken for unchanged.
        let is_seen = |sight: &Sight<'_>| sight.seen.get(place).is_some_and(Option::is_some);
        if is_seen(before) && is_seen(after) {
            of(before.shares(place), after.shares(place))
        } else {
            Ok(I256::ZERO)
        }
    });
    Ok(Delta {
        idle: of(before.block.snapshot.vault.idle, after.block.snapshot.vault.idle)?,
        shares: shares.collect::<Result<_>>()?,
    })
}

/// Assets of a change of shares, rounded towards zero.
pub(crate) fn assets(sight: &Sight<'_>, place: usize, shares: I256) -> Result<I256> {
    let Some((_, quote)) = sight.seen.get(place).copied().flatten() else { return Ok(I256::ZERO) };
    let worth = quote.convert.assets_down(shares.unsigned_abs());
    let worth = I256::try_from(worth).map_err(|_| out_of_range(sight))?;
    Ok(if shares.is_negative() { -worth } else { worth })
}

/// What came or went by the record, at the prices of its block: moves between idle and strategies cancel out, but for the
/// rounding of each, which is no flow.
pub(crate) fn flow(sight: &Sight<'_>, change: &Delta) -> Result<I256> {
    let (mut sum, mut rounding) = (change.idle, U256::ZERO);
    for (place, shares) in change.shares.iter().enumerate().filter(|(_, shares)| !shares.is_zero())
    {
        sum = sum.checked_add(assets(sight, place, *shares)?).ok_or(out_of_range(sight))?;
        let one_share = sight.seen.get(place).copied().flatten();
        let one_share =
            one_share.map_or(U256::ZERO, |(_, quote)| quote.convert.assets_down(U256::ONE));
        rounding = rounding.saturating_add(one_share << 1).saturating_add(U256::from(2));
    }
    Ok(if sum.unsigned_abs() <= rounding && !rounding.is_zero() { I256::ZERO } else { sum })
}

/// Which kind a flow is, by its sign.
pub(crate) fn kind(flow: I256) -> FlowKind {
    match (flow.is_positive(), flow.is_negative()) {
        (true, _) => FlowKind::Deposit,
        (_, true) => FlowKind::Withdrawal,
        _ => FlowKind::Other,
    }
}

/// The part of a recorded change that these moves made, and how far the formulas would have been off, in assets. `order` has
/// the places of the strategies that the moves count.
pub(crate) fn of_moves(
    (before, after): (&Sight<'_>, &Sight<'_>),
    order: &[usize],
    moves: &[Move],
    change: &Delta,
) -> Result<(Delta, U256)> {
    let mut part = Delta::none(change.shares.len());
    let mut largest_gap = U256::ZERO;
    for asked in moves {
        let Some(place) = order.get(usize::from(asked.index)).copied() else { continue };
        let Some((_, quote)) = after.seen.get(place).copied().flatten() else { continue };
        let (Some(moved), Some((state, _))) =
            (change.shares.get(place), before.seen.get(place).copied().flatten())
        else {
            continue;
        };
        let mut state = state.clone();
        // What the venue lets is not asked here: it did let it.
        (state.max_deposit_assets, state.max_withdraw_assets) = (U256::MAX, U256::MAX);
        let Some(done) = execute::leg(*asked, &state, quote) else { continue };
        let signed = |amount: U256| I256::try_from(amount).map_err(|_| out_of_range(after));
        let expected = signed(done.shares_after)? - signed(done.shares_before)?;
        let gap = (*moved - expected).unsigned_abs();
        let gap = mul_div_up(gap, quote.convert.assets, quote.convert.shares);
        largest_gap = largest_gap.max(gap);
        let out = if !asked.is_deposit && asked.assets == ALL_ASSETS {
            assets(after, place, -*moved)?
        } else {
            signed(done.assets)?
        };
        part.shares[place] = *moved;
        part.idle += if asked.is_deposit { -out } else { out };
    }
    Ok((part, largest_gap))
}

/// What comes into the own portfolio, or leaves it: into idle; out of idle first, then out of strategies in the order of the
/// history. Gives back the change; what cannot be paid is not.
pub(crate) fn apply(portfolio: &mut Portfolio, sight: &Sight<'_>, flow: I256) -> Result<Delta> {
    let mut delta = Delta::none(portfolio.positions.len());
    if !flow.is_negative() {
        portfolio.idle =
            portfolio.idle.checked_add(flow.unsigned_abs()).ok_or(out_of_range(sight))?;
        delta.idle = flow;
        return Ok(delta);
    }
    let signed = |amount: U256| I256::try_from(amount).map_err(|_| out_of_range(sight));
    let mut due = flow.unsigned_abs();
    let from_idle = due.min(portfolio.idle);
    portfolio.idle -= from_idle;
    due -= from_idle;
    delta.idle = -signed(from_idle)?;
    for place in 0..portfolio.positions.len() {
        if due.is_zero() {
            break;
        }
        let Some(own) = portfolio.own(sight, place)? else { continue };
        let assets = due.min(own.state.max_withdraw_assets);
        let asked = Move {
            index: 0,
            is_deposit: false,
            assets: u128::try_from(assets).unwrap_or(u128::MAX - 1),
        };
        let Some(done) = execute::leg(asked, &own.state, own.quote).filter(|_| !assets.is_zero())
        else {
            continue;
        };
        let position = &mut portfolio.positions[place];
        position.shares = done.shares_after;
        position.drift.cash -= signed(done.assets)?;
        delta.shares[place] = signed(done.shares_after)? - signed(done.shares_before)?;
        due = due.saturating_sub(done.assets);
    }
    Ok(delta)
}
