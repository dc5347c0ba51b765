//! What policy and snapshot allow, per strategy and for the whole plan, with headroom taken off every limit.

use alloy_primitives::U256;
use vagus_policy::{
    AgentPolicy, Mode, Move, Policy, Snapshot, StrategyPolicy, StrategyState, StrategyStatus,
    budget::Budget,
    math::{bps_down, bps_up},
    predict,
    price::Band,
};

use crate::{Inputs, income::Earning};

/// Amounts of one position stay below this, so that sums of all of them and their products with rates fit.
pub(crate) const LARGEST_AMOUNT: u128 = 1 << 112;
/// Units that the guard's own valuation of a leg may be off by rounding.
pub(crate) const ROUNDING_UNITS: u128 = 4;

/// One strategy and how far it may go.
#[derive(Clone, Debug)]
pub(crate) struct Venue {
    /// Value by `convertToAssets`: what earns.
    pub(crate) position: u128,
    /// Value by the guard's rules.
    pub(crate) value: u128,
    /// Limit of R8: min(cap, weight × base), zero unless Active.
    pub(crate) limit: u128,
    /// The same less headroom.
    pub(crate) goal: u128,
    /// Most that deposits may bring it to, all limits considered; at least the position.
    pub(crate) highest: u128,
    /// Least that withdrawals may bring it to, all limits considered; at most the position.
    pub(crate) lowest: u128,
    /// Least it may hold by R10, smallest unit.
    pub(crate) floor: u128,
    /// What the venue itself still takes in.
    pub(crate) room: u128,
    /// What the venue can pay out to us now.
    pub(crate) liquid: u128,
    /// Least that is worth moving, and a few units at least.
    pub(crate) smallest: u128,
    /// Whether "all shares" would work: the venue can pay out the whole position.
    pub(crate) can_leave: bool,
    /// Whether the strategy is listed as exit-only.
    pub(crate) is_exit_only: bool,
    /// Whether the strategy is written off: not to be touched.
    pub(crate) is_written_off: bool,
    /// Income curve; none if unknown or broken.
    pub(crate) earning: Option<Earning>,
}

/// Everything a plan has to fit in.
#[derive(Clone, Debug)]
pub(crate) struct View {
    pub(crate) at: u64,
    pub(crate) nav: U256,
    pub(crate) base: U256,
    pub(crate) idle: u128,
    /// Floor of R11.
    pub(crate) min_idle: u128,
    /// The same with headroom: what a plan that deposits leaves.
    pub(crate) idle_goal: u128,
    /// What vault and agent may still move, with headroom.
    pub(crate) turnover: u128,
    pub(crate) venues: Vec<Venue>,
}

/// Why there is no view.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NoView {
    /// An amount is absurd.
    TooLarge,
    /// Policy and snapshot list different strategies.
    Mismatch,
}

pub(crate) fn fitting(value: U256) -> Result<u128, NoView> {
    u128::try_from(value).ok().filter(|fits| *fits < LARGEST_AMOUNT).ok_or(NoView::TooLarge)
}

fn capped(value: U256) -> u128 {
    u128::try_from(value).map_or(LARGEST_AMOUNT, |fits| fits.min(LARGEST_AMOUNT))
}

fn less_headroom(limit: U256, headroom_bps: u16) -> U256 {
    limit.saturating_sub(bps_up(limit, headroom_bps))
}

/// Looks at the world at the next block's time.
pub(crate) fn view(
    policy: &Policy,
    snapshot: &Snapshot,
    inputs: &Inputs,
    mandate: &AgentPolicy,
) -> Result<View, NoView> {
    let state = &snapshot.vault;
    if policy.strategies.len() != state.strategies.len()
        || policy.strategies.iter().zip(&state.strategies).any(|(p, s)| p.strategy != s.strategy)
    {
        return Err(NoView::Mismatch);
    }
    let at = snapshot.block.timestamp.saturating_add(u64::from(inputs.block_seconds));
    let nothing = predict(policy, state, &[]);
    let (nav, base) = (nothing.nav, nothing.base);
    fitting(nav)?;
    fitting(base)?;
    let limits = &policy.limits;
    let room = |bucket, bps| {
        let budget = Budget::at(bucket, base, bps, limits.window_seconds, at);
        less_headroom(budget.capacity, inputs.headroom_bps).saturating_sub(budget.used_up())
    };
    let guard = &state.guard_state;
    let turnover = room(guard.turnover, limits.max_turnover_bps)
        .min(room(state.agent.turnover, mandate.max_turnover_bps));
    let min_idle = bps_up(nav, limits.min_idle_bps);
    let mut view = View {
        at,
        nav,
        base,
        idle: fitting(state.idle)?,
        min_idle: capped(min_idle),
        idle_goal: capped(min_idle.saturating_add(bps_up(min_idle, inputs.headroom_bps))),
        turnover: capped(turnover),
        venues: Vec::with_capacity(policy.strategies.len()),
    };
    for (index, (listed, strategy)) in policy.strategies.iter().zip(&state.strategies).enumerate() {
        let in_scope = mandate.scope.checked_shr(index as u32).unwrap_or(0) & 1 == 1;
        let venue = venue(&view, policy, snapshot, inputs, index, in_scope, (listed, strategy))?;
        view.venues.push(venue);
    }
    Ok(view)
}

fn venue(
    view: &View,
    policy: &Policy,
    snapshot: &Snapshot,
    inputs: &Inputs,
    index: usize,
    in_scope: bool,
    (listed, strategy): (&StrategyPolicy, &StrategyState),
) -> Result<Venue, NoView> {
    let headroom = inputs.headroom_bps;
    let position = fitting(strategy.convert_assets)?;
    let value = fitting(strategy.redeem_assets)?;
    let is_active = listed.status == StrategyStatus::Active;
    let weight_limit = bps_down(view.base, listed.max_weight_bps);
    let limit = if is_active { U256::from(listed.cap).min(weight_limit) } else { U256::ZERO };
    let earning = Earning::of(strategy, position, view.at).ok().flatten();
    let is_touchable =
        in_scope && strategy.is_readable && listed.status != StrategyStatus::WrittenOff;
    let may_deposit = is_touchable
        && is_active
        && snapshot.vault.guard_state.mode == Mode::Active
        && is_deposit_priced(policy, snapshot, inputs, index, view);
    let may_withdraw = is_touchable && is_withdrawal_priced(listed, strategy, headroom);

    // Headroom is taken of all that we would hold, not of the room alone, so that a second look after the plan finds
    // the same bound.
    let room = capped(strategy.max_deposit_assets);
    let reserve = capped(bps_up(U256::from(room.saturating_add(position)), headroom));
    let usable_room = if room >= LARGEST_AMOUNT { room } else { room.saturating_sub(reserve) };
    let in_books = earning.as_ref().map_or(U256::MAX, Earning::withdraw_room);
    let liquid = capped(strategy.max_withdraw_assets.min(in_books));
    let can_leave = liquid.saturating_add(ROUNDING_UNITS) >= position && position > 0;
    // What is left behind for a race with others is less than a move, so that the next look finds nothing to take.
    let left_behind = capped(bps_up(U256::from(liquid), headroom))
        .min(inputs.smallest_move / 2)
        .max(ROUNDING_UNITS);
    let usable_liquid =
        if can_leave { position } else { liquid.saturating_sub(left_behind).min(position) };

    let goal = capped(less_headroom(limit, headroom));
    let highest = if may_deposit {
        goal.min(position.saturating_add(usable_room)).max(position)
    } else {
        position
    };
    // R10 looks at the guard's value, which may lie below what earns, and only in Active; nothing stops the leaving of a
    // strategy that governance has closed.
    let floor = if is_active && snapshot.vault.guard_state.mode == Mode::Active {
        bps_up(view.nav, listed.min_weight_bps)
    } else {
        U256::ZERO
    };
    let kept = if floor.is_zero() {
        0
    } else {
        capped(floor.saturating_add(bps_up(floor, headroom)))
            .saturating_add(position.saturating_sub(value))
            .saturating_add(ROUNDING_UNITS)
    };
    let lowest = if may_withdraw {
        position.saturating_sub(usable_liquid).max(kept).min(position)
    } else {
        position
    };
    Ok(Venue {
        position,
        value,
        limit: capped(limit),
        goal,
        highest,
        lowest,
        floor: capped(floor),
        room,
        liquid,
        smallest: inputs.smallest_move.clamp(4 * ROUNDING_UNITS, LARGEST_AMOUNT),
        can_leave,
        is_exit_only: listed.status == StrategyStatus::ExitOnly,
        is_written_off: listed.status == StrategyStatus::WrittenOff,
        earning,
    })
}

/// R13 for a withdrawal: the price now is not below the band.
fn is_withdrawal_priced(listed: &StrategyPolicy, strategy: &StrategyState, headroom: u16) -> bool {
    let band = Band::around(strategy.reference_price, listed.price_band_bps, headroom);
    strategy.redeem_assets.saturating_add(U256::ONE) >= band.lowest_value_up(strategy.shares)
}

/// R13 for a deposit: the price after it lies inside the band.
fn is_deposit_priced(
    policy: &Policy,
    snapshot: &Snapshot,
    inputs: &Inputs,
    index: usize,
    view: &View,
) -> bool {
    let lists = policy.strategies.get(index).zip(snapshot.vault.strategies.get(index));
    let (Some((listed, strategy)), Ok(place)) = (lists, u8::try_from(index)) else { return false };
    let band = Band::around(strategy.reference_price, listed.price_band_bps, inputs.headroom_bps);
    // The price does not depend on the amount; a larger one only has less rounding in it.
    let assets = inputs.smallest_move.max(view.idle).clamp(1, LARGEST_AMOUNT);
    let receipt =
        predict(policy, &snapshot.vault, &[Move { index: place, is_deposit: true, assets }]);
    receipt.legs.first().is_some_and(|leg| {
        leg.value_after.saturating_add(U256::ONE) >= band.lowest_value_up(leg.shares_after)
            && leg.value_after <= band.highest_value(leg.shares_after)
    })
}
