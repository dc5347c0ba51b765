//! From wishes to moves as the public bot makes them: what can go out or in, the smaller of both, is handed out in one pass
//! in the order of the list.

use alloy_primitives::U256;
use vagus_policy::{Move, Policy, Snapshot, budget::Budget, math::mul_div_down};

use crate::others::WHOLE;

/// Least that is moved, one unit of the asset: what rounding leaves over is not worth a leg.
const LEAST: U256 = U256::from_limbs([WHOLE, 0, 0, 0]);

/// What is wanted of one market: that so much is taken out of it or put into it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Wish {
    /// Smallest unit.
    pub(super) out: U256,
    /// Smallest unit.
    pub(super) inward: U256,
}

/// Wishes, and what is wanted of idle.
#[derive(Clone, Debug, Default)]
pub(super) struct Wishes {
    pub(super) markets: Vec<Wish>,
    /// What is taken out may stay idle.
    pub(super) may_idle: bool,
}

/// The moves, withdrawals first. They are cut in proportion where the turnover of the policy's window does not allow all of
/// them; the rest is for the next time.
pub(super) fn moves(wishes: &Wishes, policy: &Policy, seen: &Snapshot) -> Vec<Move> {
    let out: U256 = wishes.markets.iter().map(|wish| wish.out).sum();
    let inward: U256 = wishes.markets.iter().map(|wish| wish.inward).sum();
    let both = out.saturating_add(seen.vault.idle).min(inward);
    let from_markets = if wishes.may_idle { out } else { out.min(both) };
    let turnover = from_markets + both;
    let room = turnover_room(policy, seen);
    let cut = |amount: U256| {
        if turnover <= room { amount } else { mul_div_down(amount, room, turnover) }
    };
    let amounts = |side: fn(&Wish) -> U256, is_deposit: bool, mut left: U256| {
        let of = |(wish, index): (&Wish, u8)| {
            let assets = side(wish).min(left);
            left -= assets;
            (assets >= LEAST).then(|| Move { index, is_deposit, assets: assets.saturating_to() })
        };
        wishes.markets.iter().zip(0u8..).filter_map(of).collect::<Vec<Move>>()
    };
    let withdrawals = amounts(|wish| wish.out, false, cut(from_markets));
    let withdrawn: U256 = withdrawals.iter().map(|leg| U256::from(leg.assets)).sum();
    let funds = withdrawn.saturating_add(seen.vault.idle);
    let deposits = amounts(|wish| wish.inward, true, cut(both).min(funds));
    [withdrawals, deposits].concat()
}

/// What may still be moved in the window, with the thousandth to spare that our own code leaves.
fn turnover_room(policy: &Policy, seen: &Snapshot) -> U256 {
    let (limits, state) = (&policy.limits, &seen.vault);
    let room = |bucket, bps| {
        let (base, at) = (state.nav.base_assets, seen.block.timestamp);
        Budget::at(bucket, base, bps, limits.window_seconds, at).room_down()
    };
    let of_agent = policy.agents.first().map_or(0, |agent| agent.max_turnover_bps);
    let room = room(state.guard_state.turnover, limits.max_turnover_bps)
        .min(room(state.agent.turnover, of_agent));
    room - room / U256::from(1_000)
}
