//! From wishes to moves as the public bot makes them: what can go out or in, the smaller of both, is handed out in one pass
//! in the order of the list.

use alloy_primitives::U256;
use vagus_policy::{Move, Policy, Snapshot, budget::Budget, math::mul_div_down};

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
    let (mut left_out, mut left_in) = (cut(from_markets), cut(both));
    let (mut withdrawals, mut deposits) = (Vec::new(), Vec::new());
    for (wish, index) in wishes.markets.iter().zip(0u8..) {
        let (out, inward) = (wish.out.min(left_out), wish.inward.min(left_in));
        (left_out, left_in) = (left_out - out, left_in - inward);
        let leg = |is_deposit, assets: U256| Move { index, is_deposit, assets: assets.to() };
        withdrawals.extend((!out.is_zero()).then(|| leg(false, out)));
        deposits.extend((!inward.is_zero()).then(|| leg(true, inward)));
    }
    withdrawals.extend(deposits);
    withdrawals
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
