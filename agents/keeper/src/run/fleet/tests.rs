//! Keepers that share one PostgreSQL and one key, on a chain in process.

use std::sync::Arc;

use alloy::primitives::keccak256;
use sqlx::{Connection as _, PgConnection};
use tempfile::TempDir;
use vagus_chain::{AgentKey, memory::MemoryChain};
use vagus_journal::{
    Lease, LeaseKey, Leases as _, OutcomeState, ReadJournal as _, RecordQuery, SqlJournal,
};

use crate::{
    config::FleetConfig,
    report::Reporter,
    run::{ChainLoop, RunOptions},
    testing::{self, BLOCK_SECONDS, vault},
};

const CHAIN: u64 = 31_337;
const TIME: std::time::Duration = std::time::Duration::from_secs(30);

/// A chain, a key, and a database of its own whose clock stands still.
struct Field {
    chain: Arc<MemoryChain>,
    key: Arc<AgentKey>,
    url: String,
    _folder: TempDir,
}

impl Field {
    async fn new() -> Option<Self> {
        let Ok(server) = std::env::var("VAGUS_TEST_POSTGRES_URL") else {
            let is_required = std::env::var("VAGUS_POSTGRES").is_ok_and(|it| it == "required");
            assert!(!is_required, "VAGUS_TEST_POSTGRES_URL is not set, and PostgreSQL is required");
            eprintln!("VAGUS_TEST_POSTGRES_URL is not set: no fleet is tried");
            return None;
        };
        let folder = TempDir::new().expect("a folder");
        let unique = keccak256(folder.path().display().to_string());
        let name = format!("keeper_{}", &unique.to_string()[2..22]);
        execute(&server, &format!("CREATE DATABASE {name}")).await;
        let (base, query) = server.split_once('?').unwrap_or((&server, ""));
        let base = base.rsplit_once('/').expect("a database").0;
        let url = format!("{base}/{name}?{query}");
        let key = Arc::new(AgentKey::random());
        let (chain, _) = testing::world(&key);
        let field = Self { chain, key, url, _folder: folder };
        field.journal().await;
        let clock = "CREATE TABLE test_clock (ms BIGINT); INSERT INTO test_clock VALUES (1700000000000); \
                     CREATE OR REPLACE FUNCTION journal_now() RETURNS BIGINT LANGUAGE sql VOLATILE \
                     AS 'SELECT ms FROM test_clock'";
        execute(&field.url, clock).await;
        Some(field)
    }

    async fn journal(&self) -> Arc<SqlJournal> {
        Arc::new(SqlJournal::connect(&self.url).await.expect("a journal"))
    }

    async fn keeper(&self, name: &str) -> ChainLoop {
        let world = testing::world_on(&self.chain, self.key.address());
        let reporter = Arc::new(Reporter::new(false, Box::new(std::io::sink())));
        let fleet = FleetConfig { name: name.to_owned(), lease_seconds: 30 };
        let options = RunOptions { fleet, ..RunOptions::default() };
        ChainLoop::new(world, self.journal().await, self.key.clone(), reporter).with(options)
    }

    /// Somebody else holds the lease of the key, and does nothing with it.
    async fn key_held_by_another(&self) -> (Arc<SqlJournal>, Lease) {
        let journal = self.journal().await;
        let session = journal.join("sender").await.expect("joined");
        let key = LeaseKey::key(CHAIN, self.key.address());
        let held = journal.acquire(session, key, TIME).await.expect("asked").expect("free");
        (journal, held)
    }

    /// A keeper of another key.
    async fn stranger(&self) -> (Arc<AgentKey>, ChainLoop) {
        let key = Arc::new(AgentKey::random());
        let other = Self {
            chain: self.chain.clone(),
            key: key.clone(),
            url: self.url.clone(),
            _folder: TempDir::new().expect("a folder"),
        };
        (key, other.keeper("stranger").await)
    }

    async fn later(&self, seconds: u64) {
        let sql = format!("UPDATE test_clock SET ms = ms + {seconds} * 1000");
        execute(&self.url, &sql).await;
    }

    fn mine(&self) {
        self.chain.with(|model| model.mine(BLOCK_SECONDS));
    }

    fn in_pool(&self) -> usize {
        self.chain.with(|model| model.pool_size())
    }

    fn executed(&self) -> usize {
        self.chain.with(|model| model.receipts().iter().filter(|r| !r.logs.is_empty()).count())
    }

    async fn states(&self) -> Vec<OutcomeState> {
        let journal = self.journal().await;
        let query = RecordQuery { rebalances_only: true, ..RecordQuery::default() };
        let mut states = Vec::new();
        for stored in journal.records(CHAIN, vault(), query).await.expect("records") {
            states.extend(journal.outcome(stored.hash).await.expect("reads").map(|o| o.state));
        }
        states
    }

    /// Until what was begun is final.
    async fn settle(&self, keeper: &mut ChainLoop) {
        for _ in 0..4 {
            self.mine();
            self.chain.with(|model| {
                let number = model.head().block.number;
                model.finalize(number);
            });
            round(keeper).await;
        }
    }
}

async fn execute(url: &str, sql: &str) {
    let mut connection = PgConnection::connect(url).await.expect("a server");
    let sql = sqlx::AssertSqlSafe(sql.to_owned());
    sqlx::raw_sql(sql).execute(&mut connection).await.expect("done");
    connection.close().await.expect("closed");
}

/// A round that renews first, however little time has passed here.
async fn round(keeper: &mut ChainLoop) {
    keeper.fleet.beaten = None;
    keeper.round().await.expect("a round");
}

#[tokio::test]
async fn what_one_keeper_decides_another_sends() {
    let Some(field) = Field::new().await else { return };
    let (journal, held) = field.key_held_by_another().await;
    let mut decider = field.keeper("decider").await;
    round(&mut decider).await;
    round(&mut decider).await;
    let waiting = journal.transactions_in_flight(CHAIN).await.expect("reads");
    assert_eq!((waiting.len(), waiting[0].nonce, field.in_pool()), (1, None, 0));
    assert_eq!(field.states().await, [OutcomeState::Submitted]);
    // At the next block it still waits, and nothing is decided on top of it.
    field.mine();
    round(&mut decider).await;
    assert_eq!((field.states().await.len(), field.in_pool()), (1, 0));
    journal.release(&[held]).await.expect("released");
    let mut sender = field.keeper("sender").await;
    round(&mut decider).await;
    assert_eq!(field.in_pool(), 1, "whoever has the key now finds it, without a new block");
    // The other is there and has nothing to hold: one vault, one key.
    round(&mut sender).await;
    field.settle(&mut decider).await;
    assert_eq!((field.executed(), field.states().await), (1, vec![OutcomeState::Executed]));
}

#[tokio::test]
async fn what_cannot_be_stored_is_not_sent() {
    for table in ["records", "transactions", "attempts"] {
        let Some(field) = Field::new().await else { return };
        let full = format!(
            "CREATE FUNCTION no_room() RETURNS trigger LANGUAGE plpgsql AS \
             $$ BEGIN RAISE EXCEPTION 'could not extend file' USING ERRCODE = '53100'; END $$; \
             CREATE TRIGGER no_room BEFORE INSERT ON {table} FOR EACH ROW EXECUTE FUNCTION no_room()"
        );
        execute(&field.url, &full).await;
        let mut keeper = field.keeper("one").await;
        let mut refused = 0;
        for _ in 0..3 {
            keeper.fleet.beaten = None;
            if let Err(error) = keeper.round().await {
                assert!(
                    error.is_retried() && error.to_string().contains("no room left"),
                    "{error}"
                );
                refused += 1;
            }
            assert_eq!(field.in_pool(), 0, "{table}");
            field.mine();
        }
        assert!(refused > 0, "{table}");
        execute(&field.url, &format!("DROP TRIGGER no_room ON {table}")).await;
        // A signature that was asked for and lost is waited for, for some blocks.
        for _ in 0..8 {
            field.mine();
            round(&mut keeper).await;
        }
        field.settle(&mut keeper).await;
        assert_eq!((field.executed(), field.states().await), (1, vec![OutcomeState::Executed]));
    }
}

#[tokio::test]
async fn the_heir_of_a_dead_keeper_hands_in_its_bytes_again() {
    let Some(field) = Field::new().await else { return };
    let mut one = field.keeper("one").await;
    round(&mut one).await;
    assert_eq!(field.in_pool(), 1);
    // Killed, and the pool has forgotten.
    drop(one);
    field.chain.with(|model| model.drop_pool());
    let mut two = field.keeper("two").await;
    round(&mut two).await;
    field.mine();
    round(&mut two).await;
    assert_eq!(field.in_pool(), 0, "its time is not over");
    field.later(30).await;
    round(&mut two).await;
    assert_eq!(field.in_pool(), 1);
    field.settle(&mut two).await;
    assert_eq!((field.executed(), field.states().await), (1, vec![OutcomeState::Executed]));
}

#[tokio::test]
async fn a_keeper_that_was_paused_beyond_its_lease_does_nothing_more() {
    let Some(field) = Field::new().await else { return };
    let mut one = field.keeper("one").await;
    // It holds everything and has decided nothing yet.
    one.fleet.refresh().await.expect("joined");
    field.later(31).await;
    let mut two = field.keeper("two").await;
    round(&mut two).await;
    assert_eq!(field.in_pool(), 1);
    // It goes on where it stood, and believes in its leases.
    field.mine();
    let error = one.round().await.expect_err("refused");
    assert!(error.is_retried(), "{error}");
    assert!(error.to_string().contains("is not held any more"), "{error}");
    round(&mut one).await;
    field.settle(&mut two).await;
    round(&mut one).await;
    assert_eq!((field.executed(), field.states().await), (1, vec![OutcomeState::Executed]));
}

#[tokio::test]
async fn a_keeper_that_is_told_to_stop_hands_over_at_once() {
    let Some(field) = Field::new().await else { return };
    let one = field.keeper("one").await;
    let (told, stop) = tokio::sync::watch::channel(false);
    let running = tokio::spawn(one.run(stop));
    while field.in_pool() == 0 {
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    let mut two = field.keeper("two").await;
    round(&mut two).await;
    assert!(!two.fleet.sends() && !two.fleet.decides_any());
    told.send_replace(true);
    running.await.expect("ended").expect("in order");
    // Without a second of the database's clock.
    round(&mut two).await;
    assert!(two.fleet.sends() && two.fleet.decides(vault()));
    field.settle(&mut two).await;
    assert_eq!((field.executed(), field.states().await), (1, vec![OutcomeState::Executed]));
}

#[tokio::test]
async fn what_another_decided_is_not_sent_once_the_guard_would_refuse_it() {
    let Some(field) = Field::new().await else { return };
    let (journal, held) = field.key_held_by_another().await;
    let mut decider = field.keeper("decider").await;
    round(&mut decider).await;
    assert_eq!((field.states().await, field.in_pool()), (vec![OutcomeState::Submitted], 0));
    field.chain.with(|model| model.state.guard_state.rebalance_count += 1);
    field.mine();
    journal.release(&[held]).await.expect("released");
    round(&mut decider).await;
    let states = field.states().await;
    assert_eq!(states[0], OutcomeState::Expired);
    assert_eq!(field.in_pool(), states.len() - 1, "nothing of the first");
}

#[tokio::test]
async fn what_a_dead_keeper_signed_with_its_own_key_is_looked_after_by_a_keeper_of_another() {
    let Some(field) = Field::new().await else { return };
    let mut one = field.keeper("one").await;
    round(&mut one).await;
    assert_eq!(field.in_pool(), 1);
    let (_, mut two) = field.stranger().await;
    round(&mut two).await;
    field.chain.with(|model| model.drop_pool());
    round(&mut two).await;
    field.mine();
    round(&mut two).await;
    assert_eq!(field.in_pool(), 0, "its time is not over: nobody else touches it");
    drop(one);
    field.later(30).await;
    // With the vault it takes what was left behind for it.
    round(&mut two).await;
    assert_eq!(field.in_pool(), 1, "the same bytes, handed in again");
    field.settle(&mut two).await;
    assert_eq!((field.executed(), field.states().await), (1, vec![OutcomeState::Executed]));
    let journal = field.journal().await;
    let left = journal.transactions_in_flight(CHAIN).await.expect("reads");
    assert_eq!(left.len(), 0);
    // There is nothing left behind, so nothing of it is held.
    round(&mut two).await;
    assert!(!two.fleet.sends_for(field.key.address()));
}

#[tokio::test]
async fn what_a_dead_keeper_signed_with_its_own_key_holds_nobody_up_after_its_deadline() {
    let Some(field) = Field::new().await else { return };
    let mut one = field.keeper("one").await;
    round(&mut one).await;
    assert_eq!(field.in_pool(), 1);
    field.chain.with(|model| {
        model.drop_pool();
        model.is_mining = false;
    });
    drop(one);
    field.later(30).await;
    let (key, mut two) = field.stranger().await;
    let mandate = testing::policy(key.address());
    field.chain.with(|model| {
        let hash = model.learn(mandate);
        model.state.guard_state.policy_hash = hash;
        model.state.guard_state.policy_version += 1;
        model.state.agent = testing::snapshot(key.address()).vault.agent;
    });
    for _ in 0..2 {
        field.mine();
        round(&mut two).await;
    }
    assert_eq!(field.states().await, [OutcomeState::Submitted], "it may still be mined");
    field.chain.with(|model| model.mine(400));
    round(&mut two).await;
    field.mine();
    round(&mut two).await;
    let journal = field.journal().await;
    let in_flight = journal.transactions_in_flight(CHAIN).await.expect("reads");
    let from: Vec<_> = in_flight.iter().map(|stored| stored.from).collect();
    assert!(from.contains(&key.address()), "it decides and sends on its own: {from:?}");
}

#[tokio::test]
async fn what_a_dead_keeper_decided_and_never_signed_ends_unsent() {
    let Some(field) = Field::new().await else { return };
    field.key_held_by_another().await;
    let mut one = field.keeper("one").await;
    round(&mut one).await;
    assert_eq!((field.states().await, field.in_pool()), (vec![OutcomeState::Submitted], 0));
    drop(one);
    let (_, mut two) = field.stranger().await;
    round(&mut two).await;
    field.later(30).await;
    for _ in 0..2 {
        field.mine();
        round(&mut two).await;
    }
    assert_eq!((field.states().await, field.in_pool()), (vec![OutcomeState::Expired], 0));
}
