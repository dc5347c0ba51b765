//! What the keeper does when it does not see well.

use std::time::Duration;

use vagus_chain::{Account, BlockId, Chain, Endpoints, memory::Model};
use vagus_journal::DecisionRecord;

use super::*;

impl Keeper {
    /// Starts again with a changed world.
    pub(super) async fn changed(&mut self, change: impl FnOnce(&mut ChainWorld)) {
        let mut world = testing::world_on(&self.chain, self.key.address());
        change(&mut world);
        self.restart_in(world, RunOptions::default()).await;
    }

    /// Starts again with a second endpoint, both of which have to agree.
    async fn with_second(&mut self, second: &Arc<MemoryChain>) {
        let list: Vec<Arc<dyn Chain>> = vec![self.chain.clone(), second.clone()];
        self.changed(|world| world.endpoints = Endpoints::new(list)).await;
    }

    fn account(&self) -> Account {
        self.keeper.as_ref().expect("started").account()
    }

    pub(super) fn pool(&self) -> usize {
        self.chain.with(|model| model.pool_size())
    }

    pub(super) async fn reason(&self) -> Reason {
        self.hold().await.reason()
    }
}

fn mine_many(model: &mut Model, count: usize) {
    for _ in 0..count {
        model.mine(BLOCK_SECONDS);
    }
}

fn twin(keeper: &Keeper) -> Arc<MemoryChain> {
    testing::world(&keeper.key).0
}

/// Of blocks followed, decided and passed over, none is missing.
fn assert_accounted(account: Account, followed: u64, passed_over: u64) {
    let decided = followed - passed_over;
    assert_eq!(account, Account { followed, decided, passed_over });
}

#[tokio::test]
async fn endpoints_that_disagree_hold_and_nothing_is_sent() {
    let mut keeper = Keeper::start().await;
    let agent = keeper.key.address();
    let mut lie = testing::snapshot(agent);
    lie.vault.idle += U256::ONE;
    let liar = Arc::new(MemoryChain::new(testing::policy(agent), lie));
    keeper.with_second(&liar).await;
    keeper.round().await.expect("a round");
    let hold: DecisionRecord = keeper.hold().await;
    assert_eq!(hold.reason(), Reason::EndpointsDisagree);
    assert!(!hold.first().decision.candidates.is_empty(), "with the plan that was declined");
    let sent = (keeper.pool(), liar.with(|model| model.pool_size()));
    assert_eq!((sent, keeper.rebalances().await.len()), ((0, 0), 0));
    assert!(keeper.said.text().contains("EndpointsDisagree"));
}

#[tokio::test]
async fn too_few_endpoints_hold_and_the_next_block_is_another_try() {
    let mut keeper = Keeper::start().await;
    let second = twin(&keeper);
    keeper.with_second(&second).await;
    second.set_down(true);
    keeper.round().await.expect("a round");
    assert_eq!((keeper.reason().await, keeper.pool()), (Reason::NoQuorum, 0));
    second.set_down(false);
    second.with(|model| model.mine(BLOCK_SECONDS));
    keeper.mine_and_round().await;
    assert_eq!((keeper.rebalances().await.len(), keeper.pool()), (1, 1));
    assert_eq!(second.with(|model| model.pool_size()), 1, "it is handed to both");
}

#[tokio::test]
async fn a_vault_that_cannot_be_read_is_held_and_its_record_holds_no_state() {
    let mut keeper = Keeper::start().await;
    keeper.chain.fail_next("simulate_fails", Fault::Refused("not yet".to_owned()));
    keeper.round().await.expect("a round");
    keeper.chain.fail_next("unseen", Fault::Late);
    keeper.mine_and_round().await;
    let hold = keeper.hold().await;
    assert_eq!((hold.reason(), keeper.pool()), (Reason::VaultUnread, 0));
    assert!(!hold.first().snapshot.vault.nav.is_readable);
    keeper.mine_and_round().await;
    assert_eq!(keeper.rebalances().await.len(), 1, "when it can be read it is decided about");
}

#[tokio::test]
async fn a_vault_that_cannot_be_read_keeps_no_other_one_from_its_decision() {
    let mut keeper = Keeper::start().await;
    let stranger = alloy::primitives::Address::repeat_byte(0x11);
    keeper
        .changed(|world| {
            let mut second = world.vaults[0].clone();
            second.entry.vault = stranger;
            // It comes first.
            world.vaults.insert(0, second);
        })
        .await;
    keeper.round().await.expect("a round");
    assert_eq!(keeper.rebalances().await.len(), 1);
    let run = keeper.journal().open_run(31_337, stranger).await.expect("reads");
    assert_eq!(run.expect("a hold").reason(), Reason::VaultUnread);
}

#[tokio::test]
async fn a_vault_with_another_guard_or_asset_than_deployed_is_held() {
    let mut keeper = Keeper::start().await;
    let guard = keeper.chain.with(|model| {
        std::mem::replace(&mut model.state.guard, alloy::primitives::Address::repeat_byte(0x12))
    });
    keeper.mine_and_round().await;
    assert_eq!((keeper.reason().await, keeper.pool()), (Reason::VaultUnread, 0));
    keeper.chain.with(|model| model.state.guard = guard);
    keeper.mine_and_round().await;
    assert_eq!(keeper.rebalances().await.len(), 1);
}

#[tokio::test]
async fn a_vault_that_cannot_be_read_keeps_the_keeper_from_nothing_at_the_start() {
    let mut keeper = Keeper::start().await;
    keeper.keeper = None;
    keeper.chain.fail_next("unseen", Fault::Late);
    let journal: Arc<dyn Journal> = keeper.journal.clone().expect("started");
    let reporter = Arc::new(Reporter::new(false, Box::new(keeper.said.clone())));
    let world = testing::world_on(&keeper.chain, keeper.key.address());
    let (stop, stopped) = watch::channel(false);
    let (options, key) = (RunOptions::default(), AgentKey::random());
    let running = tokio::spawn(run(vec![world], journal, options, key, reporter, stopped));
    tokio::time::sleep(Duration::from_millis(300)).await;
    stop.send_replace(true);
    running.await.expect("no panic").expect("in order");
    assert_eq!(
        keeper.rebalances().await.len(),
        1,
        "and it was decided about when it could be read"
    );
}

#[tokio::test]
async fn a_policy_that_no_endpoint_has_is_held() {
    let mut keeper = Keeper::start().await;
    let known = keeper.chain.with(|model| {
        std::mem::replace(&mut model.state.guard_state.policy_hash, B256::repeat_byte(0xaf))
    });
    keeper.mine_and_round().await;
    assert_eq!((keeper.reason().await, keeper.pool()), (Reason::PolicyUnread, 0));
    keeper.chain.with(|model| model.state.guard_state.policy_hash = known);
    keeper.mine_and_round().await;
    assert_eq!(keeper.rebalances().await.len(), 1);
}

#[tokio::test]
async fn a_head_that_stands_still_is_said_once_and_decided_on_no_more() {
    let mut keeper = Keeper::start().await;
    keeper.changed(|world| world.config.profile.stale_after_seconds = Some(1)).await;
    keeper.chain.fail_next("simulate_fails", Fault::Refused("not yet".to_owned()));
    keeper.round().await.expect("a round");
    // The next head is seen, but cannot be read before it is old.
    keeper.chain.with(|model| model.mine(BLOCK_SECONDS));
    keeper.chain.fail_next("snapshots", Fault::Refused("no".to_owned()));
    assert!(keeper.round().await.expect_err("not read").is_retried() || keeper.pool() == 0);
    tokio::time::sleep(Duration::from_millis(1_100)).await;
    for _ in 0..3 {
        keeper.round().await.expect("a round");
    }
    assert_eq!((keeper.reason().await, keeper.pool()), (Reason::StaleHead, 0));
    assert_eq!(keeper.said.text().matches("no new head for 1 seconds").count(), 1);
    keeper.mine_and_round().await;
    assert_eq!(
        (keeper.rebalances().await.len(), keeper.pool()),
        (1, 1),
        "a new head is decided on"
    );
}

#[tokio::test]
async fn silence_makes_the_head_stale_as_well() {
    let mut keeper = Keeper::start().await;
    keeper.changed(|world| world.config.profile.stale_after_seconds = Some(1)).await;
    keeper.round().await.expect("a round");
    keeper.chain.set_down(true);
    assert!(keeper.round().await.is_err());
    assert!(!keeper.said.text().contains("StaleHead"));
    tokio::time::sleep(Duration::from_millis(1_100)).await;
    for _ in 0..3 {
        assert!(keeper.round().await.is_err());
    }
    assert_eq!(keeper.said.text().matches("StaleHead").count(), 1);
}

#[tokio::test]
async fn a_reorganisation_beyond_the_window_holds_one_block_and_reconciles() {
    let mut keeper = Keeper::start().await;
    keeper.changed(|world| world.config.profile.reorg_window = 3).await;
    keeper.round().await.expect("a round");
    let decided = keeper.rebalances().await[0].hash;
    for _ in 0..5 {
        keeper.mine_and_round().await;
    }
    assert_eq!(keeper.outcome(decided).await.state, OutcomeState::Included);
    keeper.chain.with(|model| {
        model.roll_back(5);
        model.is_mining = false;
        mine_many(model, 6);
        model.is_mining = true;
    });
    keeper.round().await.expect("a round");
    assert_eq!(keeper.reason().await, Reason::DeepReorg);
    assert_eq!(
        keeper.said.text().matches("DeepReorg").count(),
        2,
        "the chain's line and the vault's"
    );
    assert_eq!(keeper.outcome(decided).await.state, OutcomeState::Submitted, "it waits again");
    // The orphan is mined again, once.
    keeper.mine_and_round().await;
    assert_ne!(keeper.reason().await, Reason::DeepReorg);
    assert_eq!((keeper.executed(), keeper.rebalances().await.len()), (1, 1));
}

#[tokio::test]
async fn records_are_marked_however_many_blocks_came_with_the_reorganisation() {
    let mut keeper = Keeper::start().await;
    keeper.chain.fail_next("simulate_fails", Fault::Refused("not yet".to_owned()));
    keeper.round().await.expect("a round");
    keeper.mine_and_round().await;
    keeper.mine_and_round().await;
    let hash = keeper.rebalances().await[0].hash;
    keeper.chain.with(|model| {
        model.roll_back(2);
        mine_many(model, 20);
    });
    keeper.round().await.expect("a round");
    assert!(keeper.outcome(hash).await.is_orphaned);
}

#[tokio::test]
async fn an_endpoint_that_lags_is_no_reorganisation() {
    let mut keeper = Keeper::start().await;
    for _ in 0..4 {
        keeper.mine_and_round().await;
    }
    let (before, records) = (keeper.account(), keeper.rebalances().await);
    keeper.chain.with(|model| model.roll_back(2));
    keeper.round().await.expect("a round");
    assert_eq!(keeper.account(), before);
    for stored in &records {
        assert!(!keeper.outcome(stored.hash).await.is_orphaned);
    }
}

#[tokio::test]
async fn every_block_is_decided_or_counted_as_passed_over() {
    let mut keeper = Keeper::start().await;
    keeper.round().await.expect("a round");
    assert_accounted(keeper.account(), 1, 0);
    // Five at once: four are passed over.
    keeper.chain.with(|model| mine_many(model, 4));
    keeper.mine_and_round().await;
    assert_accounted(keeper.account(), 6, 4);
    // One that cannot be read before the next comes.
    keeper.chain.with(|model| model.mine(BLOCK_SECONDS));
    keeper.chain.fail_next("snapshots", Fault::Refused("no".to_owned()));
    assert!(keeper.round().await.is_err());
    keeper.mine_and_round().await;
    assert_accounted(keeper.account(), 8, 5);
    // And one that can be read on the second try is decided.
    keeper.chain.with(|model| model.mine(BLOCK_SECONDS));
    keeper.chain.fail_next("snapshots", Fault::Refused("no".to_owned()));
    assert!(keeper.round().await.is_err());
    keeper.round().await.expect("a round");
    assert_accounted(keeper.account(), 9, 5);
    // Those that came while nobody ran count as well.
    keeper.chain.with(|model| mine_many(model, 9));
    keeper.restart().await;
    keeper.mine_and_round().await;
    assert_accounted(keeper.account(), 19, 14);
}

#[tokio::test]
async fn on_a_fast_chain_each_nth_block_is_decided_and_the_others_are_counted() {
    let mut keeper = Keeper::start().await;
    keeper.changed(|world| world.config.profile.observe_every = 3).await;
    keeper.round().await.expect("a round");
    let hash = keeper.rebalances().await[0].hash;
    keeper.mine_and_round().await;
    assert_eq!(keeper.outcome(hash).await.state, OutcomeState::Included, "looked after at each");
    assert_accounted(keeper.account(), 2, 1);
    for (followed, passed_over, decided) in
        [(3, 2, 100), (4, 2, 103), (5, 3, 103), (6, 4, 103), (7, 4, 106)]
    {
        keeper.mine_and_round().await;
        assert_accounted(keeper.account(), followed, passed_over);
        let block = keeper.journal().last_decided_block(31_337, vault()).await.expect("reads");
        assert_eq!(block.map(|block| block.number), Some(decided));
    }
}

#[tokio::test]
async fn what_was_final_and_was_rewritten_while_nobody_ran_is_found_at_the_start() {
    let mut keeper = Keeper::start().await;
    for _ in 0..4 {
        keeper.mine_and_round().await;
    }
    keeper.finalize();
    keeper.mine_and_round().await;
    keeper.chain.with(|model| {
        model.roll_back(4);
        mine_many(model, 8);
        let number = model.head().block.number;
        model.finalize(number - 1);
    });
    for _ in 0..2 {
        keeper.restart().await;
        let error = keeper.round().await.expect_err("must stop, however often it is started");
        assert_eq!(error.into_failure().exit, Exit::ChainRewritten);
    }
    let world = testing::world_on(&keeper.chain, keeper.key.address());
    let options =
        RunOptions { accepted_rewrites: vec!["mainnet".to_owned()], ..Default::default() };
    keeper.restart_in(world, options).await;
    keeper.round().await.expect("a person has looked");
    keeper.restart().await;
    keeper.mine_and_round().await;
}

#[tokio::test]
async fn endpoints_that_disagree_about_a_final_block_hold_and_end_nothing() {
    let mut keeper = Keeper::start().await;
    let second = twin(&keeper);
    keeper.with_second(&second).await;
    keeper.round().await.expect("a round");
    for _ in 0..3 {
        second.with(|model| model.mine(BLOCK_SECONDS));
        keeper.mine_and_round().await;
    }
    let number = keeper.chain.with(|model| model.head().block.number);
    second.with(|model| model.finalize(number));
    keeper.finalize();
    second.with(|model| model.mine(BLOCK_SECONDS));
    keeper.mine_and_round().await;
    let stood = BlockId::from(&second.with(|model| model.finalized()));
    // The preferred endpoint alone serves another history.
    keeper.chain.with(|model| {
        model.roll_back(3);
        mine_many(model, 5);
    });
    for _ in 0..3 {
        keeper.round().await.expect("held, not ended");
        assert_eq!(keeper.reason().await, Reason::EndpointsDisagree);
        keeper.chain.with(|model| model.mine(BLOCK_SECONDS));
    }
    let said = keeper.said.text();
    assert_eq!(said.matches("disagrees about the final block").count(), 1, "once: {said}");
    let found = keeper.chain.with(|model| model.finalized());
    assert_ne!(BlockId::from(&found), stood);
}

/// Runs a keeper that polls once a minute, with a websocket, until told to stop.
async fn decided_within(keeper: &Keeper, websocket: &str, limit: Duration) -> bool {
    let mut world = testing::world_on(&keeper.chain, keeper.key.address());
    world.config.profile.poll_ms = 60_000;
    world.config.profile.block_seconds = 60;
    world.config.websocket = vagus_chain::WebsocketUrl::parse(websocket).ok();
    let journal: Arc<dyn Journal> = keeper.journal.clone().expect("started");
    let reporter = Arc::new(Reporter::new(false, Box::new(keeper.said.clone())));
    let (stop, stopped) = watch::channel(false);
    let running =
        tokio::spawn(ChainLoop::new(world, journal, keeper.key.clone(), reporter).run(stopped));
    let began = tokio::time::Instant::now();
    let mut is_decided = false;
    while !is_decided && began.elapsed() < limit {
        tokio::time::sleep(Duration::from_millis(20)).await;
        let head = keeper.chain.with(|model| model.head().block.hash);
        let decided = keeper.journal().last_decided_block(31_337, vault()).await.expect("reads");
        // The first block is there from the start.
        is_decided = decided.is_some_and(|block| block.hash == head && block.number > 100);
    }
    stop.send_replace(true);
    let ended = tokio::time::timeout(Duration::from_secs(10), running).await;
    ended.expect("stops in time").expect("no panic").expect("in order");
    is_decided
}

#[tokio::test]
async fn an_announced_head_wakes_the_keeper_and_a_dead_websocket_does_not_hinder_it() {
    use futures_util::{SinkExt as _, StreamExt as _};
    use tokio_tungstenite::tungstenite::Message;

    let mut keeper = Keeper::start().await;
    keeper.keeper = None;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("ws://{}", listener.local_addr().expect("bound"));
    let chain = keeper.chain.clone();
    tokio::spawn(async move {
        let (stream, _) = listener.accept().await.expect("a connection");
        let mut socket = tokio_tungstenite::accept_async(stream).await.expect("a handshake");
        socket.next().await.expect("subscribes").expect("sound");
        socket.send(Message::text(r#"{"id":1,"result":"0x1"}"#)).await.expect("open");
        tokio::time::sleep(Duration::from_millis(300)).await;
        chain.with(|model| model.mine(BLOCK_SECONDS));
        socket.send(Message::text(r#"{"method":"eth_subscription"}"#)).await.expect("open");
        // It stays open, and says nothing more.
        std::future::pending::<()>().await;
    });
    assert!(decided_within(&keeper, &url, Duration::from_secs(10)).await, "woken");
    // Nobody listens at this port: the keeper works all the same, and decides at once what is there.
    keeper.chain.with(|model| model.mine(BLOCK_SECONDS));
    assert!(decided_within(&keeper, "ws://127.0.0.1:1", Duration::from_secs(10)).await);
}
