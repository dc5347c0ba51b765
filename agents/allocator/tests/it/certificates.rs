//! The certificate that stands in a record: every number of it, altered by one unit, is found.
//!
//! The checker recomputes value and bound from the lines and the prices. So a value, a bound, a target or a move that is one
//! unit off contradicts what the others say. Prices are different: any prices that are not negative prove a bound, and one
//! that differs by 10^-27 a year may prove the very same whole units; then the certificate is as good as before, and is
//! accepted for just that bound. What must not be accepted is a price that no longer carries the bound.

use alloy_primitives::U256;
use proptest::{
    strategy::{Strategy, ValueTree},
    test_runner::TestRunner,
};
use vagus_allocator::{
    Action, Certificate, CertificateError, Decision, Reason, decide, verify_certificate,
};
use vagus_policy::Move;

use crate::{properties::config, random::any_world, world::World};

/// Decisions with a plan, some of them to do it and some to hold all the same.
fn decisions(rebalances: usize, holds: usize) -> Vec<(World, Decision)> {
    let mut runner = TestRunner::new(config(1));
    let worlds = any_world(8);
    let (mut done, mut declined) = (Vec::new(), Vec::new());
    while done.len() < rebalances || declined.len() < holds {
        let world = worlds.new_tree(&mut runner).unwrap().current();
        let decision = decide(&world.policy, &world.snapshot, &world.inputs);
        let has_plan = decision.candidates.first().is_some_and(|best| !best.moves.is_empty());
        if matches!(decision.action, Action::Rebalance { .. }) {
            done.push((world, decision));
        } else if has_plan {
            declined.push((world, decision));
        }
    }
    done.truncate(rebalances);
    declined.truncate(holds);
    done.into_iter().chain(declined).collect()
}

fn verdict(world: &World, decision: &Decision) -> Result<(), CertificateError> {
    verify_certificate(&world.policy, &world.snapshot, &world.inputs, decision)
}

/// The decision with something in it changed.
fn altered(decision: &Decision, change: impl FnOnce(&mut Decision)) -> Decision {
    let mut altered = decision.clone();
    change(&mut altered);
    altered
}

/// One more and, unless it is zero, one less.
fn neighbours(value: U256) -> impl Iterator<Item = U256> {
    [value.checked_add(U256::ONE), value.checked_sub(U256::ONE)].into_iter().flatten()
}

/// What is done or declined.
fn told(decision: &mut Decision) -> &mut Vec<Move> {
    match &mut decision.action {
        Action::Rebalance { moves } => moves,
        Action::Hold { .. } => &mut decision.candidates[0].moves,
    }
}

/// The prices of a certificate, one by one.
fn price(certificate: &mut Certificate, place: usize) -> &mut U256 {
    match place {
        0 => &mut certificate.idle_price_ray,
        1 => &mut certificate.turnover_price_ray,
        place => &mut certificate.group_price_rays[place - 2],
    }
}

#[test]
fn one_unit_off_is_found_in_every_number_of_a_record() {
    let (mut taken, mut asked, mut carried, mut dropped) = (0, 0, 0, 0);
    for (world, decision) in &decisions(80, 20) {
        assert_eq!(verdict(world, decision), Ok(()));
        let stated = &decision.certificate;
        for value in neighbours(stated.value) {
            let altered = altered(decision, |it| it.certificate.value = value);
            let recomputed = stated.value;
            let error = CertificateError::Value { stated: value, recomputed };
            assert_eq!(verdict(world, &altered), Err(error));
        }
        for bound in neighbours(stated.upper_bound) {
            let altered = altered(decision, |it| it.certificate.upper_bound = bound);
            let recomputed = stated.upper_bound;
            let error = CertificateError::Bound { stated: bound, recomputed };
            assert_eq!(verdict(world, &altered), Err(error));
        }
        for place in 0..decision.lines.len() {
            for target in neighbours(decision.lines[place].assets_after) {
                let altered = altered(decision, |it| it.lines[place].assets_after = target);
                let found = verdict(world, &altered);
                assert_eq!(found, Err(CertificateError::Contradiction), "target of {place}");
            }
        }
        for place in 0..told(&mut decision.clone()).len() {
            for further in [-1_i8, 1] {
                let altered = altered(decision, |it| {
                    let assets = &mut told(it)[place].assets;
                    // One more than "all" is nothing.
                    *assets = assets.wrapping_add_signed(further.into());
                });
                let found = verdict(world, &altered);
                assert_eq!(found, Err(CertificateError::Contradiction), "leg {place}");
            }
        }
        for place in 0..2 + stated.group_price_rays.len() {
            let before = *price(&mut stated.clone(), place);
            for other in neighbours(before) {
                let altered = altered(decision, |it| *price(&mut it.certificate, place) = other);
                asked += 1;
                if verdict(world, &altered).is_err() {
                    continue;
                }
                // As good as before, and for just this bound.
                taken += 1;
                let lower = self::altered(&altered, |it| it.certificate.upper_bound += U256::ONE);
                assert!(matches!(verdict(world, &lower), Err(CertificateError::Bound { .. })));
            }
            if before.is_zero() {
                continue;
            }
            // Without the price of a limit that binds, what the limit leaves out is no longer bounded.
            let free = altered(decision, |it| *price(&mut it.certificate, place) = U256::ZERO);
            carried += 1;
            dropped += usize::from(matches!(
                verdict(world, &free),
                Err(CertificateError::Bound { stated, recomputed }) if stated < recomputed
            ));
        }
        let is_open = matches!(decision.reason, Reason::BelowHurdle | Reason::Optimal)
            && matches!(decision.action, Action::Hold { is_proven: false, .. });
        if is_open {
            let proven = altered(decision, |it| {
                it.action = Action::Hold { is_proven: true, retry_at: None };
            });
            assert_eq!(verdict(world, &proven), Err(CertificateError::NotProven));
        }
    }
    println!(
        "{taken} of {asked} prices next to one prove the same; {dropped} of {carried} carry their bound"
    );
    assert!(dropped * 4 >= carried * 3 && carried >= 80, "{dropped} of {carried}");
}
