//! Strategies over several markets: what the contract would do, written down once more, against what income and certificate
//! make of it.

use alloy_primitives::U256;
use proptest::prelude::*;
use vagus_allocator::{
    Earning, Horizon,
    curves::{Change, MorphoBlueMarket},
};
use vagus_policy::{Curve, MorphoBlueMarketsCurve, StrategyState};

use crate::{
    properties::{answer, config, moves},
    random::{after, any_world_of_markets},
    world::{NOW, World},
};

/// A market as the contract sees it.
#[derive(Clone, Debug)]
pub(crate) struct Slot {
    pub(crate) market: MorphoBlueMarket,
    pub(crate) held: u128,
    pub(crate) room: u128,
    pub(crate) payable: u128,
}

/// `_slots`, in the contract's order.
pub(crate) fn slots(curve: &MorphoBlueMarketsCurve, at: u64) -> Vec<Slot> {
    let slot = |holding: &vagus_policy::MorphoBlueHolding| {
        let market = MorphoBlueMarket::at(&holding.curve, at).unwrap();
        let assets: u128 = market.total_supply_assets.to::<u128>() + 1;
        let shares = market.total_supply_shares + U256::from(1_000_000);
        let held: u128 = (holding.supply_shares * U256::from(assets) / shares).to();
        let dust = U256::from(assets).div_ceil(shares).to::<u128>() + 1;
        let liquid: u128 =
            market.total_supply_assets.saturating_sub(market.total_borrow_assets).to();
        let available = held.min(liquid);
        let cap = u128::try_from(holding.cap).unwrap_or(u128::MAX);
        Slot {
            market,
            held,
            room: cap.saturating_sub(held),
            payable: if available > dust { available } else { 0 },
        }
    };
    curve.markets.iter().map(slot).collect()
}

/// `_inward` and `_outward`: what each market gains or loses.
fn spread(slots: &[Slot], is_deposit: bool, mut assets: u128) -> Vec<u128> {
    let mut amounts = vec![0; slots.len()];
    if is_deposit {
        for place in 0..slots.len() {
            amounts[place] = assets.min(slots[place].room);
            assets -= amounts[place];
        }
    } else {
        for place in (0..slots.len()).rev() {
            amounts[place] = assets.min(slots[place].payable);
            assets -= amounts[place];
        }
    }
    assert_eq!(assets, 0, "more than there is");
    amounts
}

/// Somebody deposits or withdraws by the strategy.
pub(crate) fn act(curve: &mut MorphoBlueMarketsCurve, is_deposit: bool, assets: u128, at: u64) {
    let slots = slots(curve, at);
    let can: u128 =
        slots.iter().map(|slot| if is_deposit { slot.room } else { slot.payable }).sum();
    let amounts = spread(&slots, is_deposit, assets.min(can));
    for (holding, moved) in curve.markets.iter_mut().zip(amounts) {
        // A share is a millionth of a unit in these markets as long as nothing was earned.
        let (moved, shares) = (U256::from(moved), U256::from(moved) * U256::from(1_000_000));
        let market = &mut holding.curve;
        if is_deposit {
            market.total_supply_assets += moved;
            market.total_supply_shares += shares;
            holding.supply_shares += shares;
        } else {
            market.total_supply_assets -= moved;
            market.total_supply_shares -= shares;
            holding.supply_shares -= shares;
        }
    }
}

/// Our yearly income once we hold `target`, in 10^-27 of a unit: our part of what all markets pay the strategy.
fn income(curve: &MorphoBlueMarketsCurve, position: u128, target: u128, horizon: Horizon) -> U256 {
    let slots = slots(curve, horizon.at);
    let amounts = spread(&slots, target >= position, target.abs_diff(position));
    let (mut all, mut total) = (U256::ZERO, 0);
    for (slot, moved) in slots.iter().zip(amounts) {
        let change = if target >= position {
            Change::Deposit(U256::from(moved))
        } else {
            Change::Withdrawal(U256::from(moved))
        };
        let held = if target >= position { slot.held + moved } else { slot.held - moved };
        let rates = slot.market.after(change).unwrap().rates_over(horizon.seconds).unwrap();
        all += rates.supply_yearly_ray * U256::from(held);
        total += held;
    }
    if total == 0 { U256::ZERO } else { all / U256::from(total) * U256::from(target) }
}

/// How many of its markets the plan moves, for each strategy over several.
pub(crate) fn touched(world: &World) -> Vec<usize> {
    let decision = answer(world);
    let of_leg = |leg: &vagus_policy::Move| {
        let strategy = &world.snapshot.vault.strategies[usize::from(leg.index)];
        let Curve::MorphoBlueMarkets(curve) = &strategy.curve else { return 0 };
        let slots = slots(curve, NOW + 12);
        let assets = leg.assets.min(strategy.convert_assets.saturating_to());
        let can: u128 = slots.iter().map(|slot| slot.payable).sum();
        let assets = if leg.is_deposit { leg.assets } else { assets.min(can) };
        spread(&slots, leg.is_deposit, assets).iter().filter(|moved| **moved > 0).count()
    };
    moves(&decision).iter().map(of_leg).collect()
}

fn of_markets(world: &World) -> impl Iterator<Item = (&StrategyState, &MorphoBlueMarketsCurve)> {
    world.snapshot.vault.strategies.iter().filter_map(|strategy| match &strategy.curve {
        Curve::MorphoBlueMarkets(curve) => Some((strategy, curve)),
        _ => None,
    })
}

proptest! {
    #![proptest_config(config(600))]

    #[test]
    fn income_is_our_part_of_what_the_markets_pay(
        world in any_world_of_markets(4, 0.5), places in prop::collection::vec(0_u32..=1_000, 8),
        is_over_time in any::<bool>(),
    ) {
        let seconds = if is_over_time { world.policy.objective.horizon_seconds.into() } else { 0 };
        let horizon = Horizon { at: NOW + 12, seconds };
        for (strategy, curve) in of_markets(&world) {
            let position: u128 = strategy.convert_assets.to();
            let earning = Earning::of(strategy, None, position, horizon).unwrap().unwrap();
            let slots = slots(curve, horizon.at);
            let low = position - position.min(slots.iter().map(|slot| slot.payable).sum());
            let high = position + slots.iter().map(|slot| slot.room).sum::<u128>();
            prop_assert_eq!(earning.deposit_room(), U256::from(high - position));
            let at = |part: u32| low + (high - low) / 1_000 * u128::from(part);
            for target in places.iter().map(|part| at(*part)).chain([low, position, high]) {
                let ours = earning.income_ray(target).unwrap();
                prop_assert_eq!(ours, income(curve, position, target, horizon), "{}", target);
            }
            prop_assert!(earning.income_ray(high + 1).is_err(), "beyond all caps");
            // Where the order does not pay, or what is left is more than rounding.
            prop_assert!(low < 100 || earning.income_ray(low - 1).is_err(), "beyond what is liquid");
        }
    }

    #[test]
    fn every_plan_is_accepted_by_the_rules_and_its_certificate_holds(world in any_world_of_markets(8, 0.5)) {
        crate::properties::holds_of(&world)?;
    }

    /// What leaves the last market may be worth bringing back into the first one, which is a plan of its own: deposits fill
    /// another market than withdrawals empty. That ends, since every plan earns more than the one before.
    #[test]
    fn its_own_plans_come_to_an_end(mut world in any_world_of_markets(6, 0.5)) {
        world.policy.limits.cooldown_seconds = 0;
        let mut plans = 0;
        loop {
            let decision = answer(&world);
            if moves(&decision).is_empty() {
                break;
            }
            plans += 1;
            prop_assert!(plans <= 6, "{decision:#?}");
            world = after(&world, moves(&decision));
        }
    }
}
