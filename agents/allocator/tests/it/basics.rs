//! What a person expects of a decision.

use alloy_primitives::U256;
use vagus_allocator::{Action, Decision, Reason, decide, verify_certificate};

use crate::world::{USDC, World, two_markets};

fn answer(world: &World) -> Decision {
    decide(&world.policy, &world.snapshot, &world.inputs)
}

#[test]
fn moves_to_the_better_market() {
    let world = two_markets();
    let decision = answer(&world);
    assert_eq!(decision.reason, Reason::Income);
    let Action::Rebalance { moves } = &decision.action else { panic!("a rebalance") };
    assert!(!moves[0].is_deposit && moves[0].index == 0);
    assert!(moves[1].is_deposit && moves[1].index == 1);
    assert_eq!(
        verify_certificate(&world.policy, &world.snapshot, &world.inputs, &decision),
        Ok(())
    );
    assert!(decision.lines[1].assets_after > U256::from(100_000 * USDC));
}
