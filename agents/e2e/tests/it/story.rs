//! The demo's story, asserted.

use alloy::primitives::U256;
use vagus_e2e::{
    demo,
    story::{Ending, Story, Tenure},
    teller::Teller,
    watch,
    world::World,
};

/// All that two runs must agree in, to the last digit.
fn fingerprint(ending: &Ending) -> (Vec<String>, Vec<String>, Vec<String>) {
    (
        ending.rebalances.iter().map(|fact| format!("{fact:?}")).collect(),
        ending.depositors.iter().map(|payout| format!("{payout:?}")).collect(),
        ending.records.iter().map(|record| format!("{} {}", record.hash, record.reason)).collect(),
    )
}

async fn told_once_more() -> (Ending, World) {
    let folder = vagus_e2e::paths::run_folder("test").unwrap();
    let story = Story::open(&folder, Tenure::ToTheEnd, Teller::silent()).await.unwrap();
    story.tell().await.unwrap()
}

#[tokio::test]
async fn the_demo_story_ends_as_it_must_and_twice_the_same() {
    let comparison = demo::play("test", Teller::silent()).await.unwrap();
    let (kept, still, world) = (&comparison.kept, &comparison.still, &comparison.world);

    // Every limit at every block, by a checker that knows nothing of guard, lens or agents.
    let (breaches, facts) =
        watch::breaches(world, &kept.chapters, world.began_block, kept.blocks.1).await.unwrap();
    assert!(
        breaches.is_empty(),
        "{}",
        breaches.iter().map(|b| format!("{b}\n")).collect::<String>()
    );
    let operations: usize = facts.iter().map(|block| block.operations.len()).sum();
    assert_eq!(
        operations,
        kept.rebalances.len(),
        "the checker saw other operations than the guard"
    );

    // What the demo's last line says.
    assert_eq!(kept.rebalances.len(), 7, "{:#?}", kept.rebalances);
    assert_eq!(kept.refusals, 0);
    assert!(kept.income().unwrap() > still.income().unwrap(), "standing still earned as much");

    // Repair after the vote: Aave Prime is inside its new limit, and stays there.
    let total = kept.last.total();
    assert!(kept.last.strategies[1] * U256::from(10_000) <= total * U256::from(2_000));

    // The revoked agent sent nothing; its keeper said R2, and asked the guard once.
    let revoked: Vec<_> =
        kept.records.iter().filter(|record| record.reason == "NoMandate").collect();
    assert!(!revoked.is_empty(), "{:#?}", kept.records);
    for record in revoked {
        let simulation = record.simulation.as_ref().expect("the refusal was not confirmed");
        assert!(!simulation.is_success);
        assert_eq!(simulation.refusal.expect("not the guard's word").rule as u8, 2);
    }

    // Everybody left with more than they brought.
    for payout in &kept.depositors {
        assert!(payout.paid_out > payout.paid_in, "{payout:?}");
    }

    let (again, _) = told_once_more().await;
    assert_eq!(fingerprint(kept), fingerprint(&again));
}
