//! Where a price reference goes for anybody who calls `followPrice`, in Rust and by the compiled guard.

use alloy_primitives::{Address, Bytes, U256};
use alloy_sol_types::{SolCall, SolError};
use vagus_policy::price::{FOLLOW_SECONDS, follow, unit_shares_up};

use crate::{abi::sol, world::World};

/// A stranger.
const CALLER: Address = Address::repeat_byte(0xca);

/// How the calls ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Follows {
    /// The reference followed, as far as growth or the band let it.
    pub(crate) followed: u64,
    /// Of these, it went to the price, or stayed where it was.
    pub(crate) arrived: u64,
    /// It had followed within the day.
    pub(crate) early: u64,
}

/// Has the reference of every strategy follow, on a copy of the world at its present time.
///
/// # Errors
/// If the guard does otherwise than Rust says: how.
pub(crate) fn compare(world: &World) -> Result<Follows, String> {
    let mut world = world.clone();
    let mut seen = Follows::default();
    for index in (0_u8..).take(world.policy.strategies.len()) {
        one(&mut world, index, &mut seen)
            .map_err(|difference| format!("reference of strategy {index}: {difference}"))?;
    }
    Ok(seen)
}

fn one(world: &mut World, index: u8, seen: &mut Follows) -> Result<(), String> {
    let (at, guard) = (world.chain.now, world.guard);
    let place = usize::from(index);
    let mut expected = references(world);
    let (strategy, price, set_at) = expected[place];
    let shares = unit_shares_up(price);
    let value = world.preview_redeem(strategy, shares);
    let value = value.filter(|value| *value <= U256::from(u128::MAX));
    let growth_wad = world.policy.limits.max_growth_wad;
    let band_bps = world.policy.strategies[place].price_band_bps;

    let call = sol::Guard::followPriceCall { index };
    let answer = world.chain.send(CALLER, guard, call.abi_encode().into());
    let rust: Result<U256, Bytes> = match value {
        _ if at < set_at + FOLLOW_SECONDS => {
            seen.early += 1;
            let followable_at =
                (set_at + FOLLOW_SECONDS).try_into().expect("a time of the guard's");
            let error = sol::Guard::FollowedWithinADay { followableAt: followable_at };
            Err(error.abi_encode().into())
        }
        None => Err(sol::Guard::PriceUnreadable { strategy }.abi_encode().into()),
        Some(value) => {
            let next = follow(price, set_at, at, growth_wad, band_bps, value, shares);
            let next = next.ok_or("Rust says that it stays, and a day has passed")?;
            let again = follow(next, 0, at, u64::MAX, 9_999, value, shares);
            seen.followed += 1;
            seen.arrived += u64::from(again == Some(next));
            expected[place] = (strategy, next, at);
            Ok(next)
        }
    };
    let chain = answer.map(|data| {
        sol::Guard::followPriceCall::abi_decode_returns(&data)
            .unwrap_or_else(|error| panic!("followPrice: {error}"))
    });
    if rust != chain {
        return Err(format!("Rust says {rust:?}, the guard {chain:?}"));
    }
    let after = references(world);
    if after != expected {
        return Err(format!("Rust says {expected:?}, the guard {after:?}"));
    }
    Ok(())
}

/// Each with its price and time.
fn references(world: &mut World) -> Vec<(Address, U256, u64)> {
    let states = world.chain.view(world.guard, &sol::Guard::strategyStatesCall {});
    let each = |one: sol::StrategyState| (one.strategy, one.referencePrice, one.referenceAt.to());
    states.into_iter().map(each).collect()
}
