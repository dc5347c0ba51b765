//! What ends a rebalance for good, where endpoints contradict each other about it.

use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::Value;
use vagus_chain::{Chain, Endpoints, memory::Liar};

use super::*;

/// A keeper whose rebalance is mined and final, with two endpoints, of which the preferred one can lie about receipts.
async fn start(change: fn(&mut Value)) -> (Keeper, Arc<AtomicBool>, B256) {
    let mut keeper = Keeper::start().await;
    let lies = Arc::new(AtomicBool::new(false));
    let chain = keeper.chain.clone();
    let method = "eth_getTransactionReceipt";
    let liar = Liar { chain: chain.clone(), lies: lies.clone(), method, change };
    // By the same way, so that the same is the same byte by byte.
    let honest = Liar { chain, lies: Arc::default(), method, change };
    let list: Vec<Arc<dyn Chain>> = vec![liar.endpoint(), honest.endpoint()];
    let mut world = testing::world_on(&keeper.chain, keeper.key.address());
    world.endpoints = Endpoints::new(list);
    keeper.restart_in(world, RunOptions::default()).await;
    keeper.round().await.expect("a round");
    let [stored] = keeper.rebalances().await.try_into().expect("one");
    keeper.chain.with(|model| model.mine(BLOCK_SECONDS));
    keeper.finalize();
    lies.store(true, Ordering::SeqCst);
    (keeper, lies, stored.hash)
}

#[tokio::test]
async fn a_record_is_not_final_while_endpoints_contradict_each_other() {
    let reverted = |receipt: &mut Value| receipt["status"] = "0x0".into();
    let cheaper = |receipt: &mut Value| receipt["gasUsed"] = "0x1".into();
    for change in [reverted as fn(&mut Value), cheaper] {
        let (mut keeper, lies, decision) = start(change).await;
        for _ in 0..4 {
            keeper.mine_and_round().await;
            keeper.finalize();
            assert_eq!(keeper.outcome(decision).await.state, OutcomeState::Included);
            // The reason that the alert is about.
            assert_eq!(keeper.hold().await.reason(), Reason::EndpointsDisagree);
        }
        assert_eq!(keeper.rebalances().await.len(), 1, "nothing new meanwhile");
        let paid = keeper.journal().fees_paid(31_337, keeper.key.address(), 0).await;
        assert_eq!(paid.expect("reads"), []);
        lies.store(false, Ordering::SeqCst);
        keeper.mine_and_round().await;
        let outcome = keeper.outcome(decision).await;
        let receipt = outcome.receipt.expect("mined");
        assert_eq!((outcome.state, receipt.is_success), (OutcomeState::Executed, true));
        // From outside: what the chain took for it, not what was told first.
        let taken = keeper.chain.with(|model| model.receipts()[0].gas_used);
        assert_eq!(receipt.gas_used, taken);
        assert_eq!(outcome.revert, None);
    }
}
