//! What a keeper asks of its endpoints while there is nothing to do, counted in front of the chain.

use std::{path::Path, sync::Arc};

use serde_json::{Value, json};
use vagus_chain::{AgentKey, ChainReader as _, Tag};
use vagus_e2e::{anvil::Anvil, counter::Counter, many::Many, paths};
use vagus_journal::{Journal, SqlJournal};
use vagus_keeper::{
    board::Board,
    config::Config,
    report::Reporter,
    run::{ChainLoop, adopt},
    world::{self, ChainWorld},
};

/// Vaults of the large fleet.
const VAULTS: usize = 100;
/// Blocks that are counted.
const BLOCKS: u64 = 5;
/// Gas of a page as nodes come, and as gateways allow.
const PAGES: [(u64, usize); 2] = [(50_000_000, MOST_SMALL_PAGES), (150_000_000, MOST_LARGE_PAGES)];
const MOST_SMALL_PAGES: usize = 3;
const MOST_LARGE_PAGES: usize = 1;

async fn mine(chain: &Anvil) {
    let _: Value = chain.rpc("evm_mine", json!([])).await.unwrap();
}

/// Methods of requests, sorted.
fn methods(asked: &[Value]) -> Vec<&str> {
    let mut methods: Vec<&str> = asked.iter().filter_map(|one| one["method"].as_str()).collect();
    methods.sort_unstable();
    methods
}

/// Every page of a block is asked at one hash that has to be canonical; how many there are.
fn pages(asked: &[Value]) -> usize {
    let pinned: Vec<&Value> = asked
        .iter()
        .filter(|one| one["method"] == "eth_call")
        .map(|one| &one["params"][1])
        .collect();
    for at in &pinned {
        assert_eq!(*at, pinned[0]);
        assert_eq!(at["requireCanonical"], true);
        assert!(at["blockHash"].is_string());
    }
    pinned.len()
}

/// Counts a keeper of the first vaults over some blocks. Gives back the pages of the lens per block.
async fn count(world: &Many, vaults: usize, lens_gas: u64) -> usize {
    let (first, second) = (
        Counter::start(&world.chain.url).await.unwrap(),
        Counter::start(&world.chain.url).await.unwrap(),
    );
    let file = world.configure(vaults, lens_gas, &[&first.url, &second.url]).unwrap();
    let config = Config::load(&file).unwrap();
    // As if nothing had answered at the start: the first round proves it.
    let chosen = config.select(None).unwrap();
    let endpoints = world::connect(&config.chains[0]).unwrap();
    let chain = ChainWorld::of(&config, &config.chains[0], endpoints, &chosen).unwrap();
    assert!(!chain.is_proven);
    let journal: Arc<dyn Journal> =
        Arc::new(SqlJournal::connect(config.journal.expose()).await.unwrap());
    let addresses: Vec<_> = chain.vaults.iter().map(|vault| vault.entry.vault).collect();
    assert_eq!(addresses.len(), vaults);
    // The positions were taken before there was a keeper.
    let head = chain.endpoints.head(Tag::Latest).await.unwrap();
    adopt(&chain, &*journal, &head, "the world's own").await.unwrap();
    // With everything that is shown to Prometheus, as `keeper run` has it.
    let board = Arc::new(Board::new(std::slice::from_ref(&chain)));
    let reporter = Reporter::new(true, Box::new(std::io::sink())).with_board(board);
    let reporter = Arc::new(reporter);
    let key = Arc::new(AgentKey::random());
    let mut keeper = ChainLoop::new(chain, journal.clone(), key, reporter);
    // The first rounds read policies, and compare journal and chain.
    mine(&world.chain).await;
    keeper.round().await.unwrap();
    let (_, _) = (first.take(), second.take());

    let mut found = Vec::new();
    for _ in 0..BLOCKS {
        mine(&world.chain).await;
        assert!(keeper.round().await.unwrap(), "a new head");
        let asked = first.take();
        let lens = pages(&asked);
        let mut expected = vec!["eth_call"; lens];
        // The newest header, and the final one: header and spare.
        expected.extend(["eth_getBlockByNumber"; 2]);
        assert_eq!(methods(&asked), expected);
        let of = |tag: &str| asked.iter().filter(|one| one["params"][0] == tag).count();
        assert_eq!((of("latest"), of("finalized")), (1, 1));
        found.push(lens);

        // Waiting: one question per poll, and nothing else.
        for _ in 0..3 {
            assert!(!keeper.round().await.unwrap(), "nothing new");
            assert_eq!(methods(&first.take()), ["eth_getBlockByNumber"]);
        }
        assert_eq!(second.take(), Vec::<Value>::new(), "the preferred endpoint alone");
    }
    // Every block gave every vault a hold, and none was passed over.
    let head = world.chain.head().await.unwrap();
    for vault in addresses {
        let decided = journal.last_decided_block(31_337, vault).await.unwrap().unwrap();
        assert_eq!(decided.hash, head.hash);
        let run = journal.open_run(31_337, vault).await.unwrap().expect("a hold");
        assert!(!format!("{:?}", run.reason()).contains("Unread"), "{:?}", run.reason());
        assert_eq!(run.first().snapshot.vault.strategies.len(), 8);
        assert!(run.first().snapshot.vault.strategies.iter().all(|seen| seen.is_readable));
    }
    let account = keeper.account();
    assert_eq!(
        (account.followed, account.decided, account.passed_over),
        (1 + BLOCKS, 1 + BLOCKS, 0)
    );
    assert!(found.iter().all(|pages| *pages == found[0]), "{found:?}");
    println!("{vaults} vaults, {lens_gas} gas a page: {} pages per block", found[0]);
    found[0]
}

#[tokio::test]
async fn per_block_one_header_one_lens_call_and_one_spare() {
    let folder = paths::run_folder("budget").unwrap();
    let began = std::time::Instant::now();
    let world = Many::build(Path::new(&folder), VAULTS).await.unwrap();
    println!("{VAULTS} vaults stand after {} s", began.elapsed().as_secs());
    assert_eq!(count(&world, 1, PAGES[0].0).await, 1);
    for (lens_gas, most) in PAGES {
        let pages = count(&world, VAULTS, lens_gas).await;
        assert!(pages <= most, "{pages} pages of {lens_gas} gas");
    }
}
