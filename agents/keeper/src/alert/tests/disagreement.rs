//! From an endpoint that lies to a message that a person gets.

use std::sync::atomic::{AtomicBool, Ordering};

use vagus_chain::{
    AgentKey, Chain, Endpoints,
    memory::{Liar, MemoryChain},
};
use vagus_journal::{ReadJournal as _, RecordQuery, SqlJournal};

use super::{memory::Watched, *};
use crate::{
    report::Reporter,
    run::{ChainLoop, RunOptions},
    testing::{self, BLOCK_SECONDS},
};

/// Another word in an answer: its last digit.
fn falsified(result: &mut Value) {
    let text = result.as_str().expect("bytes").to_owned();
    let (rest, last) = text.split_at(text.len() - 1);
    *result = format!("{rest}{}", if last == "0" { '1' } else { '0' }).into();
}

#[tokio::test]
async fn endpoints_that_contradict_each_other_end_in_no_action_and_in_an_inbox() {
    let key = Arc::new(AgentKey::random());
    let agent = key.address();
    let mut policy = testing::policy(agent);
    // Nothing else is wrong.
    policy.agents[0].expires_at = testing::NOW + 100 * 86_400;
    let chain = Arc::new(MemoryChain::new(policy, testing::snapshot(agent)));
    let mut world = testing::world_on(&chain, agent);
    let lies = Arc::new(AtomicBool::new(true));
    let endpoint = |lies: &Arc<AtomicBool>| {
        let (chain, lies, method) = (chain.clone(), lies.clone(), "eth_call");
        Liar { chain, lies, method, change: falsified }.endpoint()
    };
    // The one that is asked first is honest.
    let list: Vec<Arc<dyn Chain>> = vec![endpoint(&Arc::default()), endpoint(&lies)];
    world.endpoints = Endpoints::new(list).with_quorum(2);
    let watched = Watched::of(&world).await;
    let folder = tempfile::TempDir::new().expect("a folder");
    let url = format!("sqlite:{}", folder.path().join("journal.db").display());
    let journal = Arc::new(SqlJournal::connect(&url).await.expect("a journal"));
    let reporter = Reporter::new(true, Box::new(std::io::sink())).with_board(watched.board.clone());
    let mut keeper =
        ChainLoop::new(world, journal.clone(), key, Arc::new(reporter)).with(RunOptions::default());
    let _watch = watched.start("keeper-a");

    let pool = || chain.with(|model| model.pool_size());
    for _ in 0..3 {
        keeper.round().await.expect("a round");
        chain.with(|model| model.mine(BLOCK_SECONDS));
    }
    assert_eq!(pool(), 0, "nothing is sent");
    let rebalances = RecordQuery { rebalances_only: true, ..RecordQuery::default() };
    let stored = journal.records(31_337, testing::vault(), rebalances).await;
    assert_eq!(stored.expect("reads"), [], "nor decided to be");
    // It has been so for less than its half a minute.
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert_eq!(watched.inbox.wait_for(0).await, []);
    watched.store.ahead_ms.store(30_000, Ordering::Relaxed);
    let id = "keeper-a/EndpointsDisagree/mainnet/treasury".to_owned();
    assert_eq!(watched.told(1).await, [("opened".to_owned(), id.clone())]);

    // The truth again, and what was held back is done; the person hears that, too.
    lies.store(false, Ordering::Relaxed);
    keeper.round().await.expect("a round");
    assert_eq!(pool(), 1);
    assert_eq!(watched.told(2).await[1], ("resolved".to_owned(), id));
    let stored = journal.records(31_337, testing::vault(), rebalances).await;
    assert_eq!(stored.expect("reads").len(), 1);
}
