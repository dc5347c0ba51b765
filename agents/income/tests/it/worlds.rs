//! Copies of a world, what contenders do in them, and what the venues make of it.

use vagus_allocator::curves::MorphoBlueMarket;
use vagus_income::{
    contenders::Contender,
    history::{HISTORIES, History},
    run,
};
use vagus_policy::{Curve, Snapshot, StrategyState};

fn history(name: &str) -> &'static History {
    HISTORIES.iter().find(|history| history.name == name).unwrap()
}

/// Lent and owed in a market of Morpho, with interest to a time.
fn totals(state: &StrategyState, at: u64) -> (u128, u128) {
    let Curve::MorphoBlue(curve) = &state.curve else { panic!("another venue: {state:?}") };
    let market = MorphoBlueMarket::at(curve, at).unwrap();
    (market.total_supply_assets.to(), market.total_borrow_assets.to())
}

/// Basis points of what is lent that is owed.
fn used_bps(seen: &Snapshot) -> Vec<u128> {
    let used = |state| {
        let (lent, owed) = totals(state, seen.block.timestamp);
        owed * 10_000 / lent
    };
    seen.vault.strategies.iter().map(used).collect()
}

#[test]
fn a_year_is_the_same_again_and_leaves_the_world_as_it_was() {
    let of = history("small Morpho markets");
    let (world, steps) = run::open(of).unwrap();
    let (again, steps_again) = run::open(of).unwrap();
    assert_eq!(steps, steps_again);
    let weeks = &steps[..60];
    let held = run::year(&world, weeks, Contender::Hold).unwrap();
    assert_eq!((held.rebalances, held.refused, held.gas.is_zero()), (0, 0, true));
    assert!(held.after > held.before, "{held:?}");
    let moved = run::year(&world, weeks, Contender::EqualUtilisation).unwrap();
    assert!(moved.rebalances > 0 && !moved.gas.is_zero(), "{moved:?}");
    assert_ne!(moved.after, held.after);
    for (contender, year) in [(Contender::Hold, held), (Contender::EqualUtilisation, moved)] {
        assert_eq!(run::year(&world, weeks, contender).unwrap(), year);
        assert_eq!(run::year(&again, weeks, contender).unwrap(), year);
    }
}

#[test]
fn what_moves_changes_the_real_markets() {
    let (mut world, steps) = run::open(history("small Morpho markets")).unwrap();
    for step in &steps {
        world.go_on(step);
        let seen = world.see().unwrap();
        let moves = Contender::EqualUtilisation.moves(&world.policy, &seen).unwrap();
        if moves.is_empty() {
            continue;
        }
        let gas = world.rebalance(&seen, &moves).unwrap();
        assert!(gas > 300_000, "{gas}");
        let after = world.see().unwrap();
        for (index, (was, is)) in
            seen.vault.strategies.iter().zip(&after.vault.strategies).enumerate()
        {
            let leg = moves.iter().find(|leg| usize::from(leg.index) == index);
            let Some(leg) = leg else { continue };
            let at = after.block.timestamp;
            let ((before, _), (lent, _)) = (totals(was, at), totals(is, at));
            let change = if leg.is_deposit { lent - before } else { before - lent };
            assert_eq!(change, leg.assets, "{leg:?}");
        }
        let (was, is) = (used_bps(&seen), used_bps(&after));
        let spread = |used: &[u128]| used.iter().max().unwrap() - used.iter().min().unwrap();
        assert!(spread(&is) < spread(&was), "{was:?} became {is:?}");
        return;
    }
    panic!("nothing was moved in a year");
}

#[test]
fn where_all_markets_are_alike_nobody_has_a_reason_to_move() {
    let (world, steps) = run::open(history("all together, dear gas")).unwrap();
    let held = run::year(&world, &steps[..30], Contender::Hold).unwrap();
    for contender in Contender::ALL {
        assert_eq!(run::year(&world, &steps[..30], contender).unwrap(), held, "{contender:?}");
    }
}
