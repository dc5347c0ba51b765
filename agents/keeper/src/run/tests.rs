mod data_fee;
mod fills;
mod finality;
mod observe;
#[cfg(feature = "otlp")]
mod otlp;
mod rehearsal;
mod reload;
mod revert;
mod safety;
mod signer;
mod turn;
mod unsent;
mod upkeep;

use alloy::primitives::{B256, U256};
use tempfile::TempDir;
use vagus_allocator::Reason;
use vagus_chain::memory::{Fault, MemoryChain};
use vagus_journal::draft;
use vagus_journal::{
    Body, Outcome, OutcomeState, ReadJournal, RecordQuery, SqlJournal, StoredRecord,
};
use vagus_policy::Rule;

use super::*;
use crate::testing::{self, BLOCK_SECONDS, USDC, said::Said, vault};

/// A keeper on a chain in process, with a journal in a file.
struct Keeper {
    chain: Arc<MemoryChain>,
    key: Arc<AgentKey>,
    journal: Option<Arc<SqlJournal>>,
    keeper: Option<ChainLoop>,
    said: Said,
    folder: TempDir,
}

impl Keeper {
    async fn start() -> Self {
        Self::start_with(Arc::new(AgentKey::random())).await
    }

    async fn start_with(key: Arc<AgentKey>) -> Self {
        let (chain, _) = testing::world(&key);
        let folder = TempDir::new().expect("a folder");
        let said = Said::default();
        let mut keeper = Self { chain, key, journal: None, keeper: None, said, folder };
        keeper.restart().await;
        keeper
    }

    /// As after `kill -9`: nothing of the old process is left but the file and the chain.
    async fn restart(&mut self) {
        let world = testing::world_on(&self.chain, self.key.address());
        self.restart_in(world, RunOptions::default()).await;
    }

    /// The same, with another configuration.
    async fn restart_in(&mut self, world: ChainWorld, options: RunOptions) {
        self.keeper = None;
        if let Some(journal) = self.journal.take() {
            let journal = Arc::try_unwrap(journal).map_err(|_| "still shared").expect("alone");
            journal.close().await;
        }
        let url = format!("sqlite:{}", self.folder.path().join("journal.db").display());
        let journal = Arc::new(SqlJournal::connect(&url).await.expect("a journal"));
        let reporter = Arc::new(Reporter::new(false, Box::new(self.said.clone())));
        let keeper = ChainLoop::new(world, journal.clone(), self.key.clone(), reporter);
        let keeper = keeper.with(options);
        (self.journal, self.keeper) = (Some(journal), Some(keeper));
    }

    fn journal(&self) -> &SqlJournal {
        self.journal.as_ref().expect("started")
    }

    async fn round(&mut self) -> Result<(), RunError> {
        self.keeper.as_mut().expect("started").round().await.map(drop)
    }

    async fn mine_and_round(&mut self) {
        self.chain.with(|model| model.mine(BLOCK_SECONDS));
        self.round().await.expect("a round");
    }

    fn finalize(&self) {
        self.chain.with(|model| {
            let number = model.head().block.number;
            model.finalize(number);
        });
    }

    async fn rebalances(&self) -> Vec<StoredRecord> {
        let query = RecordQuery { rebalances_only: true, ..RecordQuery::default() };
        self.journal().records(31_337, vault(), query).await.expect("records")
    }

    async fn outcome(&self, decision: B256) -> Outcome {
        self.journal().outcome(decision).await.expect("reads").expect("an outcome")
    }

    async fn hold(&self) -> vagus_journal::DecisionRecord {
        self.journal().open_run(31_337, vault()).await.expect("reads").expect("a run of holds")
    }

    fn executed(&self) -> usize {
        self.chain.with(|model| model.receipts().iter().filter(|r| !r.logs.is_empty()).count())
    }

    fn idle(&self) -> U256 {
        self.chain.with(|model| model.state.idle)
    }
}

#[tokio::test]
async fn capital_is_placed_mined_and_settled_and_then_it_holds() {
    let mut keeper = Keeper::start().await;
    keeper.round().await.expect("a round");
    let [stored] = keeper.rebalances().await.try_into().expect("one");
    let submitted = keeper.outcome(stored.hash).await;
    assert_eq!(submitted.state, OutcomeState::Submitted);
    assert!(submitted.simulation.is_some_and(|simulation| simulation.is_success));
    assert_eq!(keeper.chain.with(|model| model.pool_size()), 1);

    keeper.mine_and_round().await;
    let included = keeper.outcome(stored.hash).await;
    assert_eq!(included.state, OutcomeState::Included);
    let settlement = included.settlement.expect("prediction and reality");
    assert_eq!(settlement.predicted, settlement.actual);
    assert_eq!(included.attempts.len(), 1);
    // From outside: the chain executed it once, and idle is at its floor with headroom.
    assert_eq!(keeper.executed(), 1);
    let idle = keeper.idle();
    assert!(idle >= U256::from(50_000 * USDC) && idle < U256::from(60_000 * USDC), "{idle}");
    assert_eq!(keeper.hold().await.reason(), Reason::Cooldown);

    keeper.finalize();
    for _ in 0..6 {
        keeper.mine_and_round().await;
    }
    assert_eq!(keeper.outcome(stored.hash).await.state, OutcomeState::Executed);
    assert!(matches!(keeper.hold().await.reason(), Reason::Optimal | Reason::BelowHurdle));
    assert_eq!(keeper.rebalances().await.len(), 1);
    let report = keeper.journal().verify_chain(31_337, vault()).await.expect("reads");
    assert!(report.is_intact(), "{:?}", report.breaches);
    let said = keeper.said.text();
    assert_eq!(said.matches("  rebalance  ").count(), 1, "{said}");
    assert_eq!(said.matches("Cooldown").count(), 1, "a run of holds is one line: {said}");
}

#[tokio::test]
async fn an_older_journal_sends_nothing_until_a_person_lets_it_stand() {
    let mut keeper = Keeper::start().await;
    let url = format!("sqlite:{}", keeper.folder.path().join("journal.db").display());
    let copy = keeper.folder.path().join("copy.sqlite");
    vagus_journal::backup(&url, &copy).await.expect("copied");
    for _ in 0..2 {
        keeper.mine_and_round().await;
    }
    assert_eq!(keeper.executed(), 1);
    // As an operator does it: the journal moved away, the copy put in its place.
    keeper.keeper = None;
    let journal = keeper.journal.take().expect("started");
    Arc::try_unwrap(journal).map_err(|_| "still shared").expect("alone").close().await;
    let aside = keeper.folder.path().join("aside.db");
    std::fs::rename(keeper.folder.path().join("journal.db"), aside).expect("moved");
    vagus_journal::restore(&copy, &url).await.expect("restored");
    keeper.restart().await;
    keeper.chain.with(|model| model.state.idle += U256::from(500_000 * USDC));
    for _ in 0..8 {
        keeper.chain.with(|model| model.mine(BLOCK_SECONDS));
        let error = keeper.round().await.expect_err("must stop");
        assert!(!error.is_retried());
        let failure = error.into_failure();
        assert_eq!(failure.exit, Exit::Journal);
        for part in ["behind the chain", "1 rebalances", "keeper journal adopt"] {
            assert!(failure.sentence.contains(part), "{failure}");
        }
    }
    assert_eq!((keeper.executed(), keeper.rebalances().await.len()), (1, 0));
    // A person has looked.
    let world = testing::world_on(&keeper.chain, keeper.key.address());
    let head = keeper.chain.with(|model| model.head());
    let adopted = adopt(&world, keeper.journal(), &head, "looked at").await.expect("adopted");
    assert_eq!(adopted.len(), 1);
    let again = adopt(&world, keeper.journal(), &head, "looked at").await.expect("adopted");
    assert_eq!(again, [], "nothing is unknown any more");
    keeper.round().await.expect("a round");
    for _ in 0..2 {
        keeper.mine_and_round().await;
    }
    assert_eq!((keeper.executed(), keeper.rebalances().await.len()), (2, 1));
}

#[tokio::test]
async fn a_block_is_decided_once() {
    let mut keeper = Keeper::start().await;
    for _ in 0..3 {
        keeper.round().await.expect("a round");
    }
    keeper.restart().await;
    keeper.round().await.expect("a round");
    assert_eq!(keeper.rebalances().await.len(), 1);
}

#[tokio::test]
async fn nothing_new_is_decided_while_a_rebalance_waits() {
    let mut keeper = Keeper::start().await;
    keeper.round().await.expect("a round");
    keeper.chain.with(|model| model.is_mining = false);
    keeper.mine_and_round().await;
    keeper.mine_and_round().await;
    let Body::Hold { count, .. } = keeper.hold().await.body else { panic!("a hold") };
    assert_eq!((keeper.hold().await.reason(), count), (Reason::InFlight, 2));
    assert_eq!(keeper.rebalances().await.len(), 1);
}

#[tokio::test]
async fn after_its_deadline_the_nonce_is_taken_back() {
    let mut keeper = Keeper::start().await;
    keeper.round().await.expect("a round");
    keeper.chain.with(|model| model.is_mining = false);
    keeper.chain.with(|model| model.mine(301));
    keeper.round().await.expect("a round");
    keeper.chain.with(|model| model.is_mining = true);
    keeper.mine_and_round().await;
    keeper.finalize();
    keeper.mine_and_round().await;
    let rebalances = keeper.rebalances().await;
    assert_eq!(keeper.outcome(rebalances[0].hash).await.state, OutcomeState::Cancelled);
    assert!(rebalances.len() > 1, "it goes on");
}

#[tokio::test]
async fn what_would_fail_by_now_is_taken_back_while_it_waits() {
    let mut keeper = Keeper::start().await;
    keeper.chain.with(|model| model.is_mining = false);
    keeper.round().await.expect("a round");
    let [stored] = keeper.rebalances().await.try_into().expect("one");
    keeper.chain.with(|model| model.state.agent.is_revoked = true);
    keeper.mine_and_round().await;
    keeper.chain.with(|model| model.is_mining = true);
    keeper.mine_and_round().await;
    keeper.finalize();
    keeper.mine_and_round().await;
    assert_eq!(keeper.outcome(stored.hash).await.state, OutcomeState::Cancelled);
    assert_eq!(keeper.executed(), 0);
    let now = keeper.chain.with(|model| model.head().block.timestamp);
    let vagus_journal::Body::Rebalance { rebalance, .. } = &stored.record.body else {
        panic!("a rebalance")
    };
    assert!(now < rebalance.deadline, "long before its deadline");
}

#[tokio::test]
async fn a_revoked_agent_sends_nothing_and_the_guard_confirms_it_once() {
    let mut keeper = Keeper::start().await;
    keeper.chain.with(|model| model.state.agent.is_revoked = true);
    for _ in 0..3 {
        keeper.mine_and_round().await;
    }
    let hold = keeper.hold().await;
    assert_eq!(hold.reason(), Reason::NoMandate);
    assert_eq!(hold.first().decision.refusal.map(|refusal| refusal.rule), Some(Rule::Mandate));
    assert_eq!(keeper.chain.with(|model| (model.pool_size(), model.receipts().len())), (0, 0));
    let closed = keeper.journal().close_runs_now().await;
    let outcome = keeper.outcome(closed[0]).await;
    let simulation = outcome.simulation.expect("the guard was asked");
    assert!(!simulation.is_success);
    assert_eq!(simulation.refusal.map(|refusal| refusal.rule), Some(Rule::Mandate));
    assert_eq!(simulation.block_number, 101, "once, at the first block of the run");
}

trait CloseNow {
    async fn close_runs_now(&self) -> Vec<B256>;
}

impl CloseNow for SqlJournal {
    async fn close_runs_now(&self) -> Vec<B256> {
        Journal::close_runs(self).await.expect("closes")
    }
}

#[tokio::test]
async fn a_failed_simulation_sends_nothing() {
    let mut keeper = Keeper::start().await;
    keeper.chain.fail_next("simulate_fails", Fault::Refused("out of gas".to_owned()));
    keeper.round().await.expect("a round");
    assert_eq!(keeper.hold().await.reason(), Reason::SimulationFailed);
    assert_eq!(keeper.chain.with(|model| model.pool_size()), 0);
    let closed = keeper.journal().close_runs_now().await;
    let outcome = keeper.outcome(closed[0]).await;
    assert_eq!(outcome.state, OutcomeState::SimulationFailed);
    assert_eq!(outcome.simulation.expect("noted").message.as_deref(), Some("out of gas"));
    // The next block is another try.
    keeper.mine_and_round().await;
    assert_eq!(keeper.rebalances().await.len(), 1);
}

#[tokio::test]
async fn a_lost_answer_means_maybe_sent() {
    for fault in [Fault::AnswerLost, Fault::Unreachable] {
        let mut keeper = Keeper::start().await;
        keeper.chain.fail_next("send_raw", fault);
        keeper.round().await.expect("a round");
        for _ in 0..8 {
            keeper.mine_and_round().await;
        }
        assert_eq!((keeper.executed(), keeper.rebalances().await.len()), (1, 1));
    }
}

#[tokio::test]
async fn every_request_may_fail_and_nothing_is_done_twice() {
    let methods = [
        "head",
        "header",
        "snapshots",
        "policy",
        "simulate",
        "transaction_count",
        "receipt",
        "send_raw",
        "chain_id",
    ];
    for method in methods {
        let mut keeper = Keeper::start().await;
        for round in 0..12 {
            keeper.chain.fail_next(method, Fault::Unreachable);
            let result = keeper.round().await;
            if let Err(error) = result {
                assert!(error.is_retried(), "{method}: {error}");
            }
            keeper.round().await.ok();
            if round % 3 == 2 {
                keeper.chain.with(|model| model.mine(BLOCK_SECONDS));
            }
        }
        keeper.chain.clear_faults();
        keeper.round().await.expect("nothing fails any more");
        keeper.finalize();
        for _ in 0..8 {
            keeper.mine_and_round().await;
        }
        let rebalances = keeper.rebalances().await;
        let mut executed = 0;
        for stored in &rebalances {
            let state = keeper.outcome(stored.hash).await.state;
            assert!(state.is_terminal() || state == OutcomeState::Included, "{method}: {state:?}");
            executed +=
                usize::from(matches!(state, OutcomeState::Executed | OutcomeState::Included));
        }
        assert_eq!(keeper.executed(), executed, "{method}");
        assert!(keeper.idle() < U256::from(60_000 * USDC), "{method}: it got there");
    }
}

#[tokio::test]
async fn a_restart_goes_on_with_what_is_in_flight() {
    let mut keeper = Keeper::start().await;
    keeper.round().await.expect("a round");
    keeper.chain.with(|model| model.drop_pool());
    keeper.restart().await;
    for _ in 0..8 {
        keeper.mine_and_round().await;
    }
    assert_eq!((keeper.executed(), keeper.rebalances().await.len()), (1, 1));
}

#[tokio::test]
async fn a_decision_that_never_became_a_transaction_ends_without_being_sent() {
    let mut keeper = Keeper::start().await;
    let draft = {
        let agent = keeper.key.address();
        let (policy, snapshot) = (testing::policy(agent), testing::snapshot(agent));
        draft::draft(Some(&policy), &snapshot, &testing::inputs(agent))
    };
    let header = draft.header(Default::default(), B256::ZERO);
    let (record, hash, _) = draft.record(header, B256::ZERO).expect("hashes").expect("a rebalance");
    keeper.journal().append_decision(&record).await.expect("stored");
    keeper.restart().await;
    keeper.round().await.expect("a round");
    assert_eq!(keeper.outcome(hash).await.state, OutcomeState::Expired);
    keeper.mine_and_round().await;
    keeper.mine_and_round().await;
    assert_eq!((keeper.executed(), keeper.rebalances().await.len()), (1, 2));
}

#[tokio::test]
async fn a_reorganised_rebalance_is_sent_again_and_executes_once() {
    let mut keeper = Keeper::start().await;
    keeper.mine_and_round().await;
    keeper.mine_and_round().await;
    let hash = keeper.rebalances().await[0].hash;
    assert_eq!(keeper.outcome(hash).await.state, OutcomeState::Included);
    // The block with the rebalance goes; the block that it was decided at stays.
    keeper.chain.with(|model| {
        model.roll_back(1);
        model.is_mining = false;
        model.mine(BLOCK_SECONDS);
        model.is_mining = true;
    });
    keeper.round().await.expect("a round");
    assert_eq!(keeper.outcome(hash).await.state, OutcomeState::Submitted);
    keeper.mine_and_round().await;
    keeper.finalize();
    keeper.mine_and_round().await;
    let outcome = keeper.outcome(hash).await;
    assert_eq!((outcome.state, outcome.is_orphaned), (OutcomeState::Executed, false));
    assert_eq!(keeper.executed(), 1);
}

#[tokio::test]
async fn records_of_blocks_that_are_gone_are_marked() {
    let mut keeper = Keeper::start().await;
    keeper.chain.fail_next("simulate_fails", Fault::Refused("not yet".to_owned()));
    keeper.round().await.expect("a round");
    keeper.mine_and_round().await;
    keeper.mine_and_round().await;
    let hash = keeper.rebalances().await[0].hash;
    keeper.chain.with(|model| {
        model.roll_back(2);
        model.mine(BLOCK_SECONDS);
        model.mine(BLOCK_SECONDS);
        model.mine(BLOCK_SECONDS);
    });
    keeper.round().await.expect("a round");
    assert!(keeper.outcome(hash).await.is_orphaned);
}

#[tokio::test]
async fn a_chain_that_rewrites_what_was_final_stops_the_keeper() {
    let mut keeper = Keeper::start().await;
    for _ in 0..80 {
        keeper.mine_and_round().await;
    }
    keeper.finalize();
    keeper.mine_and_round().await;
    keeper.chain.with(|model| {
        model.roll_back(70);
        for _ in 0..90 {
            model.mine(BLOCK_SECONDS);
        }
    });
    let error = keeper.round().await.expect_err("must stop");
    assert!(!error.is_retried());
    assert_eq!(error.into_failure().exit, Exit::ChainRewritten);
}

#[tokio::test]
async fn an_answer_that_fails_after_a_reorganisation_hides_nothing() {
    let mut keeper = Keeper::start().await;
    for _ in 0..4 {
        keeper.mine_and_round().await;
    }
    keeper.finalize();
    keeper.mine_and_round().await;
    keeper.chain.with(|model| {
        model.roll_back(3);
        model.mine(BLOCK_SECONDS);
    });
    // Below the final height nobody can say yet what became of it; nothing is decided meanwhile.
    let waiting = keeper.round().await.expect_err("must not go on");
    assert!(waiting.is_retried(), "{waiting}");
    for _ in 0..3 {
        keeper.chain.with(|model| model.mine(BLOCK_SECONDS));
    }
    keeper.chain.fail_next("header", Fault::Unreachable);
    let first = keeper.round().await.expect_err("must not go on");
    let error =
        if first.is_retried() { keeper.round().await.expect_err("must stop") } else { first };
    assert_eq!(error.into_failure().exit, Exit::ChainRewritten);
}

#[tokio::test]
async fn two_keepers_of_the_same_world_decide_the_same() {
    let key = Arc::new(AgentKey::random());
    let mut hashes = Vec::new();
    for _ in 0..2 {
        let mut keeper = Keeper::start_with(key.clone()).await;
        for _ in 0..10 {
            keeper.mine_and_round().await;
        }
        Journal::close_runs(keeper.journal()).await.expect("closes");
        let all = keeper.journal().records(31_337, vault(), RecordQuery::default()).await;
        hashes.push(all.expect("records").iter().map(|stored| stored.hash).collect::<Vec<_>>());
    }
    assert!(hashes[0].len() >= 3, "{hashes:?}");
    assert_eq!(hashes[0], hashes[1]);
}

async fn run_until_stopped(
    keeper: &Keeper,
    agent: alloy::primitives::Address,
) -> Result<(), Failure> {
    let world = testing::world_on(&keeper.chain, agent);
    let (stop, stopped) = watch::channel(false);
    let journal: Arc<dyn Journal> = keeper.journal.clone().expect("started");
    let reporter = Arc::new(Reporter::new(true, Box::new(keeper.said.clone())));
    let key = AgentKey::random();
    let running =
        tokio::spawn(run(vec![world], journal, RunOptions::default(), key, reporter, stopped));
    tokio::time::sleep(std::time::Duration::from_millis(300)).await;
    stop.send_replace(true);
    tokio::time::timeout(std::time::Duration::from_secs(10), running)
        .await
        .expect("stops in time")
        .expect("no panic")
}

#[tokio::test]
async fn it_stops_when_told_to_and_closes_its_runs() {
    let mut keeper = Keeper::start().await;
    keeper.keeper = None;
    keeper.chain.with(|model| {
        model.state.agent.is_revoked = true;
        model.mine(BLOCK_SECONDS);
    });
    run_until_stopped(&keeper, keeper.key.address()).await.expect("in order");
    assert_eq!(keeper.journal().open_run(31_337, vault()).await.expect("reads"), None);
    let line = keeper.said.text();
    let line: serde_json::Value = serde_json::from_str(line.trim()).expect("one line of JSON");
    assert_eq!((&line["schema"], &line["event"]), (&1.into(), &"hold".into()), "{line}");
    assert_eq!(line["reason"], "NoMandate");
}

#[tokio::test]
async fn an_agent_that_no_policy_names_is_refused_at_the_start() {
    let mut keeper = Keeper::start().await;
    keeper.keeper = None;
    let stranger = AgentKey::random().address();
    let failure = run_until_stopped(&keeper, stranger).await.expect_err("a stranger");
    assert_eq!(failure.exit, Exit::NoMandate);
    assert!(failure.sentence.contains(&stranger.to_string()), "{failure}");
}

#[tokio::test]
async fn silence_is_waited_out() {
    let mut keeper = Keeper::start().await;
    keeper.chain.set_down(true);
    for _ in 0..3 {
        assert!(keeper.round().await.expect_err("down").is_retried());
    }
    keeper.chain.set_down(false);
    keeper.round().await.expect("a round");
    assert_eq!(keeper.rebalances().await.len(), 1);
}

#[tokio::test]
async fn a_chain_that_is_not_there_at_the_start_is_proven_before_anything_is_decided() {
    let mut keeper = Keeper::start().await;
    let mut world = testing::world_on(&keeper.chain, keeper.key.address());
    world.is_proven = false;
    keeper.restart_in(world, RunOptions::default()).await;
    keeper.chain.set_down(true);
    for _ in 0..3 {
        assert!(keeper.round().await.expect_err("down").is_retried());
    }
    keeper.chain.set_down(false);
    // It is another chain than the deployment's, which no retry mends.
    for _ in 0..2 {
        keeper.chain.with(|model| model.mine(BLOCK_SECONDS));
        let error = keeper.round().await.expect_err("another chain");
        assert!(!error.is_retried());
        assert_eq!(error.into_failure().exit, Exit::Deployment);
    }
    assert_eq!((keeper.executed(), keeper.rebalances().await.len()), (0, 0));
}
