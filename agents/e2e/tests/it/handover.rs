//! A keeper that is told to stop gives back what it holds; one that is killed does not.

use std::{
    fs,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use alloy::primitives::keccak256;
use sqlx::{Connection as _, PgConnection};
use vagus_e2e::{
    ask::{free_address, get, sample},
    keeper::Keeper,
    paths, playground,
    world::World,
};

const PATIENCE: Duration = Duration::from_secs(60);
/// Of the leases: longer than the whole test.
const LEASE_SECONDS: u64 = 600;

/// A database of its own on the server under `VAGUS_TEST_POSTGRES_URL`; none without one, which is said.
async fn database(folder: &Path) -> Option<String> {
    let Ok(server) = std::env::var("VAGUS_TEST_POSTGRES_URL") else {
        let is_required = std::env::var("VAGUS_POSTGRES").is_ok_and(|it| it == "required");
        assert!(!is_required, "VAGUS_TEST_POSTGRES_URL is not set, and PostgreSQL is required");
        eprintln!("VAGUS_TEST_POSTGRES_URL is not set: no hand-over is tried");
        return None;
    };
    let name = format!("handover_{}", &keccak256(folder.display().to_string()).to_string()[2..22]);
    let mut connection = PgConnection::connect(&server).await.unwrap();
    let sql = sqlx::AssertSqlSafe(format!("CREATE DATABASE {name}"));
    sqlx::raw_sql(sql).execute(&mut connection).await.unwrap();
    let (base, query) = server.split_once('?').unwrap_or((&server, ""));
    Some(format!("{}/{name}?{query}", base.rsplit_once('/').unwrap().0))
}

/// One of several keepers of a world, each with a name and an address of its own.
struct Member {
    process: Keeper,
    address: String,
}

impl Member {
    async fn start(world: &World, config: &Path, url: &str, name: &str) -> Self {
        let address = free_address().await.unwrap();
        let text = fs::read_to_string(config).unwrap().replace("sqlite:journal.db", url);
        let file: PathBuf = world.folder.join(format!("{name}.toml"));
        let sections = format!(
            "\n[fleet]\nname = \"{name}\"\nlease_seconds = {LEASE_SECONDS}\n\n[http]\nlisten = \"{address}\"\n"
        );
        fs::write(&file, format!("{text}{sections}")).unwrap();
        let process = Keeper::start_with(&file, &world.folder, &[]).unwrap();
        Self { process, address }
    }

    /// Whether it decides and sends now; none while it does not say.
    async fn holds(&self) -> Option<(String, String)> {
        let (_, text) = get(&self.address, "/metrics").await.ok()?;
        Some((sample(&text, "vagus_decides{")?, sample(&text, "vagus_sends{")?))
    }

    async fn holds_within(&self, patience: Duration) -> bool {
        let began = Instant::now();
        while began.elapsed() < patience {
            if self.holds().await == Some(("1".to_owned(), "1".to_owned())) {
                return true;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        false
    }
}

#[tokio::test]
async fn sigterm_hands_over_at_once_what_a_kill_keeps_for_the_time_of_its_lease() {
    let folder = paths::run_folder("test").unwrap();
    let Some(url) = database(&folder).await else { return };
    let (mut world, config) = playground::build(&folder).await.unwrap();
    let mut first = Member::start(&world, &config, &url, "first").await;
    assert!(first.holds_within(PATIENCE).await, "nobody else is there");
    let before = world.rebalances().await.unwrap().len();

    // Told to stop, it ends in order, and its heir has everything as soon as it is there.
    first.process.stop().unwrap();
    let mut second = Member::start(&world, &config, &url, "second").await;
    assert!(second.holds_within(PATIENCE).await, "well before {LEASE_SECONDS} s are over");
    // It works: what there is to do is done, once.
    let began = Instant::now();
    while world.rebalances().await.unwrap().len() == before {
        assert!(began.elapsed() < PATIENCE, "nothing is decided");
        world.clock.mine(12).await.unwrap();
        tokio::time::sleep(Duration::from_millis(500)).await;
    }

    // The contrast, without which this would show nothing: what is killed gives nothing back.
    second.process.kill().unwrap();
    let mut third = Member::start(&world, &config, &url, "third").await;
    let began = Instant::now();
    while third.holds().await.is_none() {
        assert!(began.elapsed() < PATIENCE, "it does not answer");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert!(!third.holds_within(Duration::from_secs(5)).await, "the leases are not over");
    third.process.stop().unwrap();
}
