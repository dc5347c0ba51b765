//! Somebody comes first, on a real chain: the rebalance reverts or is never mined, and its outcome says who it was.

use std::{fs, path::Path, sync::Arc};

use vagus_e2e::{
    paths, playground,
    treasury::{Vault, people},
};
use vagus_journal::{OutcomeState, ReadJournal, RecordQuery, RevertCause, SqlJournal};
use vagus_keeper::{
    config::Config,
    exit::Exit,
    keys,
    report::Reporter,
    run::{ChainLoop, RunError},
    world,
};

const BLOCK_SECONDS: u64 = 12;

/// A keeper by a configuration, and its journal.
async fn keeper(file: &Path) -> (ChainLoop, Arc<SqlJournal>) {
    let config = Config::load(file).unwrap();
    let [world] = world::open(&config, None).await.unwrap().try_into().expect("one chain");
    let journal = Arc::new(SqlJournal::connect(config.journal.expose()).await.unwrap());
    let reporter = Arc::new(Reporter::new(true, Box::new(std::io::sink())));
    let key = Arc::new(keys::open(&config.agent, false).await.unwrap());
    (ChainLoop::new(world, journal.clone(), key, reporter), journal)
}

#[tokio::test]
async fn an_exit_in_the_same_block_is_named() {
    let folder = paths::run_folder("races").unwrap();
    let (mut treasury, file) = playground::build(&folder).await.unwrap();
    let vault = treasury.treasury.vault;
    let (mut keeper, journal) = keeper(&file).await;
    let agent = vagus_e2e::keeper::Keeper::agent().unwrap();
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

#[tokio::test]
async fn of_two_keepers_with_one_key_and_no_shared_journal_one_acts_and_the_other_knows_why_it_did_not()
 {
    let folder = paths::run_folder("races").unwrap();
    let (mut treasury, file) = playground::build(&folder).await.unwrap();
    let (vault, agent) = (treasury.treasury.vault, vagus_e2e::keeper::Keeper::agent().unwrap());
    // Another headroom, so that it is another plan: the very same one would be the very same transaction.
    let other = folder.join("other.toml");
    let text = fs::read_to_string(&file).unwrap();
    let text =
        text.replace("journal.db", "other.db").replace("headroom_bps = 10", "headroom_bps = 300");
    fs::write(&other, text).unwrap();
    let (mut first, journal) = keeper(&file).await;
    let (mut second, others) = keeper(&other).await;
    first.round().await.unwrap();
    second.round().await.unwrap();
    let query = RecordQuery { rebalances_only: true, ..RecordQuery::default() };
    let [won] = journal.records(31_337, vault, query).await.unwrap().try_into().expect("one");
    let [lost] = others.records(31_337, vault, query).await.unwrap().try_into().expect("one");
    assert_ne!(won.hash, lost.hash);
    // From outside: one nonce, and one transaction of the two waits for it.
    assert_eq!(treasury.clock.chain.waiting(agent).await.unwrap(), 1);

    for _ in 0..6 {
        treasury.clock.mine(BLOCK_SECONDS).await.unwrap();
        first.round().await.unwrap();
        second.round().await.unwrap();
    }
    let [fact] = treasury.rebalances().await.unwrap().try_into().expect("one");
    assert_eq!(fact.decision, won.hash);
    assert_eq!(treasury.reverted_of(agent).await.unwrap(), 0);
    let outcome = journal.outcome(won.hash).await.unwrap().expect("an outcome");
    assert_eq!(outcome.state, OutcomeState::Executed);
    let outcome = others.outcome(lost.hash).await.unwrap().expect("an outcome");
    assert_eq!((outcome.state, outcome.receipt), (OutcomeState::Foreign, None));
    assert!(others.transactions_in_flight(31_337).await.unwrap().is_empty());

    // Started again, it sees that its journal is not the one of what was done, and sends nothing until a person says so.
    drop(second);
    let others = Arc::try_unwrap(others).map_err(|_| "still shared").unwrap();
    others.close().await;
    let (mut second, _) = keeper(&other).await;
    treasury.clock.mine(BLOCK_SECONDS).await.unwrap();
    match second.round().await {
        Err(error @ RunError::Failure(_)) => {
            let failure = error.into_failure();
            assert_eq!(failure.exit, Exit::Journal, "{failure}");
            assert!(failure.to_string().contains("behind"), "{failure}");
        }
        other => panic!("it goes on: {other:?}"),
    }
}
