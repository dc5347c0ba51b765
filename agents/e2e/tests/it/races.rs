//! Somebody comes first, in the same block, on a real chain: the rebalance reverts, and its outcome says who it was.

use std::sync::Arc;

use vagus_e2e::{
    paths, playground,
    treasury::{Vault, people},
};
use vagus_journal::{Journal, OutcomeState, ReadJournal, RecordQuery, RevertCause, SqlJournal};
use vagus_keeper::{config::Config, keys, report::Reporter, run::ChainLoop, world};

const BLOCK_SECONDS: u64 = 12;

#[tokio::test]
async fn an_exit_in_the_same_block_is_named() {
    let folder = paths::run_folder("races").unwrap();
    let (mut treasury, file) = playground::build(&folder).await.unwrap();
    let config = Config::load(&file).unwrap();
    let [world] = world::open(&config, None).await.unwrap().try_into().expect("one chain");
    let vault = treasury.treasury.vault;
    let journal = Arc::new(SqlJournal::connect(config.journal.expose()).await.unwrap());
    let reporter = Arc::new(Reporter::new(true, Box::new(std::io::sink())));
    let key = Arc::new(keys::open(&config.agent, false).await.unwrap());
    let agent = key.address();
    let shared: Arc<dyn Journal> = journal.clone();
    let mut keeper = ChainLoop::new(world, shared, key, reporter);
    // Nearly half of the treasury leaves: in the pool before the rebalance, which knows nothing of it.
    let leaver = treasury.person(people::ALICE);
    let call =
        Vault::withdrawCall { assets: treasury.assets(3_900_000), receiver: leaver, owner: leaver };
    let exit = treasury.clock.chain.submit(leaver, vault, call).await.unwrap();
    keeper.round().await.unwrap();
    assert_eq!(treasury.clock.chain.waiting(agent).await.unwrap(), 1);
    treasury.clock.mine(BLOCK_SECONDS).await.unwrap();
    // From outside: the exit went through, the rebalance did not, and nothing was placed.
    assert!(treasury.clock.chain.receipt(exit).await.unwrap().status());
    assert_eq!(treasury.reverted_of(agent).await.unwrap(), 1);
    assert!(treasury.rebalances().await.unwrap().is_empty());

    keeper.round().await.unwrap();
    let query = RecordQuery { rebalances_only: true, ..RecordQuery::default() };
    let records = journal.records(31_337, vault, query).await.unwrap();
    let outcome = journal.outcome(records[0].hash).await.unwrap().expect("an outcome");
    assert_eq!(outcome.state, OutcomeState::Included);
    let revert = outcome.revert.expect("looked into");
    assert_eq!(revert.cause, RevertCause::Exit, "{revert:?}");
    // What is left is placed by the next rebalance.
    assert_eq!(records.len(), 2);
    treasury.clock.mine(BLOCK_SECONDS).await.unwrap();
    assert_eq!(treasury.rebalances().await.unwrap().len(), 1);
}
