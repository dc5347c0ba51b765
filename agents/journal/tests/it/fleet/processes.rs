//! Keepers as processes of their own, stopped by SIGSTOP for longer than their leases, let go on by SIGCONT, and killed.
//! The chain is two tables beside the journal, mined by the parent; nothing here turns a clock.

use std::{
    process::{Child, Command, Stdio},
    sync::Arc,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use alloy_primitives::{Address, B256};
use async_trait::async_trait;
use sqlx::PgPool;
use vagus_draw::Draw;
use vagus_journal::{Patience, Pauses, SqlJournal};

use super::{
    check::check,
    holder::{Holder, LEASE},
    world::{Chain, Ledger, Signed},
};
use crate::fixture::Place;

const URL: &str = "VAGUS_TEST_FLEET_JOURNAL";
const CHAIN: u64 = 31_338;
/// How long the processes are stopped, let go on and killed.
const TIME: Duration = Duration::from_secs(12);

/// The chain, in tables.
struct Tables(PgPool);

impl Tables {
    async fn open(url: &str) -> Self {
        Self(PgPool::connect(url).await.unwrap())
    }

    async fn signed(&self, sql: &'static str) -> Vec<Signed> {
        let rows: Vec<String> = sqlx::query_scalar(sql).fetch_all(&self.0).await.unwrap();
        rows.iter().map(|text| serde_json::from_str(text).unwrap()).collect()
    }

    async fn chain(&self) -> Chain {
        let mined = self.signed("SELECT body FROM test_mined ORDER BY nonce").await;
        Chain { pool: self.signed("SELECT body FROM test_pool ORDER BY body").await, mined }
    }

    async fn mine(&self, draw: &mut Draw) {
        let mut chain = self.chain().await;
        let before = chain.mined.len();
        chain.mine(draw);
        if let Some(mined) = chain.mined.get(before) {
            let insert = sqlx::query("INSERT INTO test_mined (nonce, body) VALUES ($1, $2)");
            let nonce = i64::try_from(mined.nonce).unwrap();
            let text = serde_json::to_string(mined).unwrap();
            insert.bind(nonce).bind(text).execute(&self.0).await.unwrap();
        }
    }
}

#[async_trait]
impl Ledger for Tables {
    async fn count(&self) -> u64 {
        self.chain().await.count()
    }

    async fn executed(&self, vault: Address) -> u64 {
        self.chain().await.executed(vault)
    }

    async fn mined_of(&self, hashes: &[B256]) -> Option<Signed> {
        let chain = self.chain().await;
        hashes.iter().find_map(|hash| chain.is_mined(*hash))
    }

    async fn broadcast(&self, signed: Signed) {
        let insert = "INSERT INTO test_pool (body) VALUES ($1) ON CONFLICT DO NOTHING";
        let text = serde_json::to_string(&signed).unwrap();
        sqlx::query(insert).bind(text).execute(&self.0).await.unwrap();
    }

    fn now(&self) -> u64 {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
        u64::try_from(since.as_millis()).unwrap()
    }
}

/// Nobody is held; the signals do that.
struct Free;

#[async_trait]
impl Pauses for Free {
    async fn pause(&self) {}
}

async fn holder(url: &str) -> Holder {
    let standing = Duration::from_millis(LEASE / 2);
    let patience = Patience { standing, ..Patience::default() };
    let journal = SqlJournal::connect_with(url, patience).await.unwrap();
    Holder::new(journal, CHAIN, Arc::new(Tables::open(url).await), Arc::new(Free))
}

/// Not a test: what each of the processes does.
#[tokio::test]
#[ignore = "run by the test of this module as processes of their own"]
async fn child() {
    let Ok(url) = std::env::var(URL) else { return };
    let mut holder = holder(&url).await;
    loop {
        holder.round().await;
        if let Some(wrong) = holder.wrong.lock().unwrap().take() {
            println!("wrong {wrong}");
        }
        let refused = holder.refused.swap(0, std::sync::atomic::Ordering::SeqCst);
        for _ in 0..refused {
            println!("refused");
        }
    }
}

struct Process {
    child: Child,
    /// Everything it says.
    said: std::fs::File,
}

impl Process {
    fn start(url: &str) -> Self {
        let said = tempfile::tempfile().unwrap();
        let child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "fleet::processes::child", "--ignored", "--nocapture"])
            .env(URL, url)
            .stdout(Stdio::from(said.try_clone().unwrap()))
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        Self { child, said }
    }

    fn signal(&self, name: &str) {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args([name, &pid]).status().unwrap().success());
    }

    fn kill(mut self) -> String {
        use std::io::{Read as _, Seek as _};
        assert!(self.child.try_wait().unwrap().is_none(), "a process ended by itself");
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        let mut said = String::new();
        self.said.rewind().unwrap();
        self.said.read_to_string(&mut said).unwrap();
        said
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn stopped_processes_that_go_on_execute_nothing_twice() {
    let Some(place) = Place::postgres_only().await else { return };
    drop(place.unleased().await);
    let sql = "CREATE TABLE test_pool (body TEXT PRIMARY KEY); \
               CREATE TABLE test_mined (nonce BIGINT PRIMARY KEY, body TEXT NOT NULL)";
    place.meddle(sql).await;
    let tables = Tables::open(&place.url).await;
    let (mut draw, mut said) = (Draw::new(7), String::new());
    let mut processes: Vec<_> = (0..3).map(|_| Process::start(&place.url)).collect();
    let (began, mut stops) = (Instant::now(), 0);
    while began.elapsed() < TIME {
        let chosen = usize::try_from(draw.below(3)).unwrap();
        if draw.below(6) == 0 {
            said += &std::mem::replace(&mut processes[chosen], Process::start(&place.url)).kill();
            continue;
        }
        processes[chosen].signal("-STOP");
        // Past its lease, or not quite.
        let pause = Duration::from_millis(draw.below(2 * LEASE));
        stops += u64::from(pause.as_millis() > u128::from(LEASE));
        let until = Instant::now() + pause;
        while Instant::now() < until {
            tables.mine(&mut draw).await;
            tokio::time::sleep(Duration::from_millis(40)).await;
        }
        processes[chosen].signal("-CONT");
    }
    for process in processes {
        said += &process.kill();
    }
    assert!(!said.contains("wrong"), "{said}");
    let mut heir = holder(&place.url).await;
    let ending = Instant::now();
    loop {
        heir.round_without_deciding().await;
        tables.mine(&mut draw).await;
        if heir.in_flight().await == 0 {
            break;
        }
        assert!(ending.elapsed() < Duration::from_secs(60), "what was in flight has not ended");
        tokio::time::sleep(Duration::from_millis(40)).await;
    }
    let found = check(&heir.journal, CHAIN, &tables.chain().await).await.unwrap();
    let refused = said.matches("refused").count();
    println!("{stops} stops beyond a lease, {refused} writes refused, {found:?}");
    assert!(found.executed > 0 && stops > 0, "{stops} stops, {found:?}");
}
