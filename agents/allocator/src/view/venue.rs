//! One strategy and how far it may go.

use alloy_primitives::U256;
use vagus_policy::{
    Mode, Move, ObjectiveKind, Policy, Rule, Snapshot, StrategyPolicy, StrategyState,
    StrategyStatus, groups::groups_of, predict, price::Band,
};

use super::{LARGEST_AMOUNT, NoView, ROUNDING_UNITS, View, bps_down, bps_up, capped, fitting};
use super::{lowered, raised};
use crate::{
    Inputs,
    income::{Earning, Horizon},
    math::{RAY, amount},
    model::price_up,
    plan::yearly_ray,
};

/// One strategy and how far it may go.
#[derive(Clone, Debug)]
pub(crate) struct Venue {
    /// Value by `convertToAssets`: what earns.
    pub(crate) position: u128,
    /// Value by the guard's rules.
    pub(crate) value: u128,
    /// Most that it may hold, by the guard's valuation, and the rule that says so.
    pub(crate) limit: u128,
    /// See `limit`.
    pub(crate) limit_rule: Rule,
    /// The same less headroom.
    pub(crate) goal: u128,
    /// Most that deposits may bring it to, all limits considered; at least the position.
    pub(crate) highest: u128,
    /// Least that withdrawals may bring it to, all limits considered; at most the position.
    pub(crate) lowest: u128,
    /// Least that it may hold, by the guard's valuation, and the rule that says so.
    pub(crate) floor: u128,
    /// See `floor`.
    pub(crate) floor_rule: Rule,
    /// The same with headroom.
    pub(crate) floor_goal: u128,
    /// What the venue itself still takes in.
    pub(crate) room: u128,
    /// What the venue can pay out to us now.
    pub(crate) liquid: u128,
    /// What a unit deposited loses at once, ray: the whole round trip is charged on the way in, as the guard's valuation does,
    /// and nothing on the way out.
    pub(crate) entry_ray: U256,
    /// The same as a yearly price over the horizon, rounded up; see [`price_up`].
    pub(crate) entry_price: i128,
    /// Least that is worth moving, and a few units at least.
    pub(crate) smallest: u128,
    /// Whether "all shares" would work: the venue can pay out the whole position.
    pub(crate) can_leave: bool,
    /// Whether the agent may touch it at all.
    pub(crate) is_in_scope: bool,
    /// Whether the strategy is listed as exit-only.
    pub(crate) is_exit_only: bool,
    /// Whether the strategy is written off: not to be touched.
    pub(crate) is_written_off: bool,
    /// Value after a deposit and the end of the price band that it crosses (R13), where nothing else keeps deposits out. Only
    /// of a price that was read.
    pub(crate) off_band: Option<(u128, u128)>,
    /// Places of the groups it is in.
    pub(crate) groups: Vec<usize>,
    /// Income curve; none if unknown or broken.
    pub(crate) earning: Option<Earning>,
    /// Whether it may be deposited into or withdrawn from, and its past says too little about its income.
    pub(crate) lacks_history: bool,
}

impl Venue {
    /// Least that a plan for income may leave here. It does not push a venue above its kink by withdrawing, and above it
    /// there is only holding and leaving.
    pub(crate) fn lowest_for_income(&self) -> u128 {
        let Some(earning) = &self.earning else { return self.position };
        if self.is_above_kink() {
            return self.position;
        }
        self.lowest.max(earning.kink().min(self.position))
    }

    /// Whether a plan for income may leave it wholly from above its kink.
    pub(crate) fn may_leave_from_above(&self) -> bool {
        self.is_above_kink() && self.lowest == 0 && self.position > 0 && self.can_leave
    }

    fn is_above_kink(&self) -> bool {
        // A rest of a withdrawal that was meant to end on the kink does not stand above it.
        self.earning
            .as_ref()
            .is_some_and(|earning| earning.kink().saturating_sub(self.position) > self.smallest)
    }
}

/// A limit of the guard on what a strategy holds, by its valuation.
struct Held {
    assets: U256,
    rule: Rule,
}

impl Held {
    /// What a rule says, or what the objective says where that is tighter.
    fn of(assets: U256, rule: Rule, objective: Option<U256>) -> Self {
        objective.map_or(Self { assets, rule }, |assets| Self { assets, rule: Rule::Objective })
    }
}

/// R8 and, under target weights, R14: the tighter one, the first at a tie.
fn most_held(
    view: &View,
    policy: &Policy,
    listed: &StrategyPolicy,
    target_bps: Option<u16>,
) -> Held {
    if listed.status != StrategyStatus::Active {
        return Held { assets: U256::ZERO, rule: Rule::Weight };
    }
    let assets = U256::from(listed.cap).min(bps_down(view.base, listed.max_weight_bps));
    let band_bps = policy.objective.band_bps;
    let high =
        target_bps.map(|target| bps_down(view.nav, target.saturating_add(band_bps).min(10_000)));
    let tighter = high.filter(|high| *high < assets);
    Held::of(assets, Rule::Weight, tighter)
}

/// R10 and, under target weights, R14: the higher one, the first at a tie. Only where the strategy is Active; nothing stops
/// the leaving of one that governance has closed.
fn least_held(
    view: &View,
    policy: &Policy,
    listed: &StrategyPolicy,
    target_bps: Option<u16>,
) -> Held {
    if listed.status != StrategyStatus::Active {
        return Held { assets: U256::ZERO, rule: Rule::Floor };
    }
    let assets = bps_up(view.nav, listed.min_weight_bps);
    let band_bps = policy.objective.band_bps;
    let low = target_bps.map(|target| bps_up(view.nav, target.saturating_sub(band_bps)));
    let tighter = low.filter(|low| *low > assets);
    Held::of(assets, Rule::Floor, tighter)
}

pub(super) fn venue(
    view: &View,
    policy: &Policy,
    snapshot: &Snapshot,
    inputs: &Inputs,
    index: usize,
    is_in_scope: bool,
) -> Result<Venue, NoView> {
    let lists = policy.strategies.get(index).zip(snapshot.vault.strategies.get(index));
    let (listed, strategy) = lists.ok_or(NoView::Mismatch)?;
    let headroom = inputs.headroom_bps;
    let position = fitting(strategy.convert_assets)?;
    let value = fitting(strategy.redeem_assets)?;
    let is_active = listed.status == StrategyStatus::Active;
    // R10 and R14 are asked in Active alone.
    let is_open = snapshot.vault.guard_state.mode == Mode::Active;
    let target_bps = (is_open && policy.objective.kind == ObjectiveKind::TargetWeights)
        .then(|| policy.objective.target_weights_bps.get(index).copied().unwrap_or(0));
    let most = most_held(view, policy, listed, target_bps);
    let least = if is_open {
        least_held(view, policy, listed, target_bps)
    } else {
        Held { assets: U256::ZERO, rule: Rule::Floor }
    };
    let input = inputs.rate_of(listed.strategy);
    let horizon = Horizon { at: view.at, seconds: view.seconds.into() };
    let earning = Earning::of(strategy, input, position, horizon).ok().flatten();
    let is_by_history =
        input.is_some_and(|input| matches!(input.base, crate::RateBase::History(_)));
    let groups: Vec<usize> =
        groups_of(listed.groups).filter(|place| *place < view.groups.len()).collect();
    let is_touchable =
        is_in_scope && strategy.is_readable && listed.status != StrategyStatus::WrittenOff;
    let is_enterable = is_touchable
        && is_active
        && is_open
        && groups.iter().all(|place| view.groups[*place].is_open);
    let crossed = crossed_band(policy, snapshot, inputs, index, view).filter(|_| is_enterable);
    let may_deposit = is_enterable && crossed.is_none();
    let may_withdraw = is_touchable && is_withdrawal_priced(listed, strategy, headroom);

    // Headroom is taken of all that we would hold, not of the room alone, so that a second look after the plan finds
    // the same bound.
    let by_books = earning.as_ref().map_or(U256::MAX, Earning::deposit_room);
    let room = capped(strategy.max_deposit_assets.min(by_books));
    let reserve = capped(bps_up(U256::from(room.saturating_add(position)), headroom));
    let usable_room = if room >= LARGEST_AMOUNT { room } else { room.saturating_sub(reserve) };
    let in_books = earning.as_ref().map_or(U256::MAX, Earning::withdraw_room);
    let liquid = capped(strategy.max_withdraw_assets.min(in_books));
    let rounding = earning.as_ref().map_or(0, Earning::exit_rounding);
    let lost = ROUNDING_UNITS.saturating_add(rounding);
    let can_leave = liquid.saturating_add(lost) >= position && position > 0;
    // What is left behind for a race with others is less than a move, so that the next look finds nothing to take.
    let left_behind = capped(bps_up(U256::from(liquid), headroom))
        .min(inputs.smallest_move / 2)
        .max(ROUNDING_UNITS);
    let usable_liquid =
        if can_leave { position } else { liquid.saturating_sub(left_behind).min(position) };

    let goal = capped(lowered(most.assets, headroom));
    let highest = if may_deposit {
        goal.min(position.saturating_add(usable_room)).max(position)
    } else {
        position
    };
    // The floors look at the guard's value, which may lie below what earns.
    let floor_goal = if least.assets.is_zero() {
        0
    } else {
        capped(raised(least.assets, headroom)).saturating_add(ROUNDING_UNITS)
    };
    let kept =
        if floor_goal == 0 { 0 } else { floor_goal.saturating_add(position.saturating_sub(value)) };
    let lowest = if may_withdraw {
        position.saturating_sub(usable_liquid).max(kept).min(position)
    } else {
        position
    };
    let entry_ray = entry_ray(policy, snapshot, index);
    Ok(Venue {
        position,
        value,
        limit: capped(most.assets),
        limit_rule: most.rule,
        goal,
        highest,
        lowest,
        floor: capped(least.assets),
        floor_rule: least.rule,
        floor_goal,
        room,
        liquid,
        entry_ray,
        entry_price: price_up(yearly_ray(policy, entry_ray)),
        smallest: inputs.smallest_move.clamp(4 * ROUNDING_UNITS, LARGEST_AMOUNT),
        can_leave,
        is_in_scope,
        is_exit_only: listed.status == StrategyStatus::ExitOnly,
        is_written_off: listed.status == StrategyStatus::WrittenOff,
        off_band: crossed.filter(|_| strategy.read_price.is_some()),
        groups,
        lacks_history: is_by_history && earning.is_none() && (may_deposit || may_withdraw),
        earning,
    })
}

/// What the strategy would not pay back of each unit deposited, ray, rounded down; rounding of a position is no cost.
fn entry_ray(policy: &Policy, snapshot: &Snapshot, index: usize) -> U256 {
    let (Some(strategy), Ok(place)) = (snapshot.vault.strategies.get(index), u8::try_from(index))
    else {
        return U256::ZERO;
    };
    if strategy.redeem_assets >= strategy.convert_assets {
        return U256::ZERO;
    }
    // The part does not depend on the amount; the largest one only has the least rounding in it.
    let all = Move { index: place, is_deposit: true, assets: LARGEST_AMOUNT };
    let receipt = predict(policy, &snapshot.vault, &[all]);
    let arrived = receipt
        .legs
        .first()
        .map_or(U256::ZERO, |leg| leg.value_after.saturating_sub(leg.value_before));
    let lost = amount(LARGEST_AMOUNT).saturating_sub(arrived);
    vagus_policy::math::mul_div_down(lost, RAY, amount(LARGEST_AMOUNT))
}

/// R13 for a withdrawal: the price now is not below the band.
fn is_withdrawal_priced(listed: &StrategyPolicy, strategy: &StrategyState, headroom: u16) -> bool {
    let band = Band::around(strategy.reference_price, listed.price_band_bps, headroom);
    strategy.redeem_assets.saturating_add(U256::ONE) >= band.lowest_value_up(strategy.shares)
}

/// R13 for a deposit: what the position would be worth after it and the end of the band that this lies beyond, if any.
fn crossed_band(
    policy: &Policy,
    snapshot: &Snapshot,
    inputs: &Inputs,
    index: usize,
    view: &View,
) -> Option<(u128, u128)> {
    let lists = policy.strategies.get(index).zip(snapshot.vault.strategies.get(index));
    let (Some((listed, strategy)), Ok(place)) = (lists, u8::try_from(index)) else {
        return Some((0, 0));
    };
    let band = Band::around(strategy.reference_price, listed.price_band_bps, inputs.headroom_bps);
    // The price does not depend on the amount; a larger one only has less rounding in it.
    let assets = inputs.smallest_move.max(view.idle).clamp(1, LARGEST_AMOUNT);
    let receipt =
        predict(policy, &snapshot.vault, &[Move { index: place, is_deposit: true, assets }]);
    let Some(leg) = receipt.legs.first() else { return Some((0, 0)) };
    let (lowest, highest) =
        (band.lowest_value_up(leg.shares_after), band.highest_value(leg.shares_after));
    if leg.value_after.saturating_add(U256::ONE) < lowest {
        return Some((capped(leg.value_after), capped(lowest)));
    }
    (leg.value_after > highest).then(|| (capped(leg.value_after), capped(highest)))
}
