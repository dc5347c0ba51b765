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

/// The story in figures, without what depends on bytecode.
fn figures_of(kept: &Ending, still: &Ending) -> String {
    let mut out = String::new();
    for (name, ending) in [("with the keeper", kept), ("standing still", still)] {
        out += &format!("{name}\n");
        for fact in &ending.rebalances {
            out += &format!("  block {} moved {} lost {}\n", fact.block, fact.turnover, fact.loss);
        }
        for (when, holdings) in [("first", &ending.first), ("last", &ending.last)] {
            out += &format!("  {when} idle {} {:?}\n", holdings.idle, holdings.strategies);
        }
        for payout in &ending.depositors {
            out += &format!("  {} {} {}\n", payout.name, payout.paid_in, payout.paid_out);
        }
    }
    out
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
    // Nobody else acts in the blocks of the keeper's rebalances: none reverts, so none is the keeper's own fault.
    let reverts: Vec<_> = kept.records.iter().filter_map(|record| record.revert).collect();
    assert_eq!(reverts, []);
    assert!(kept.income().unwrap() > still.income().unwrap(), "standing still earned as much");

    // Repair after the vote: Aave Prime is inside its new limit, and stays there.
    let total = kept.last.total();
    assert!(kept.last.strategies[1] * U256::from(10_000) <= total * U256::from(2_000));

    // The revoked agent sent nothing; its keeper said R2, and asked the guard once.
    let revoked: Vec<_> =
        kept.records.iter().filter(|record| record.reason == "NoMandate").collect();
    assert!(!revoked.is_empty(), "{:#?}", kept.records);
    let simulation = revoked[0].simulation.as_ref().expect("the refusal was not confirmed");
    assert!(!simulation.is_success);
    assert_eq!(simulation.refusal.expect("not the guard's word").rule as u8, 2);
    let last_event = kept.rebalances.last().expect("rebalances").block;
    assert!(last_event < revoked[0].blocks.0, "something moved after the revocation");

    // Weights, moves and payouts, to the unit.
    let known = include_str!("../golden/story.txt");
    let told = figures_of(kept, still);
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/story.txt");
        std::fs::write(path, &told).unwrap();
    } else {
        assert_eq!(told, known);
    }

    // Everybody left with more than they brought.
    for payout in &kept.depositors {
        assert!(payout.paid_out > payout.paid_in, "{payout:?}");
    }

    let (again, _) = told_once_more().await;
    assert_eq!(fingerprint(kept), fingerprint(&again));
}
