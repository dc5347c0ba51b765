//! The past of share prices: sampled each hour at settled blocks, and what a decision used of it stands in its record.

use std::{path::Path, sync::Arc};

use alloy::{primitives::U256, sol};
use serde_json::json;
use vagus_allocator::{RateBase, Sample};
use vagus_chain::{AgentKey, ChainReader as _, Tag};
use vagus_e2e::{many::Many, paths};
use vagus_journal::{Body, FiledRecord, Journal, ReadJournal as _, SqlJournal};
use vagus_keeper::{
    config::Config,
    exit::Verdict,
    journal::{file_of_run, policy_of},
    report::Reporter,
    run::{ChainLoop, adopt},
    trace::{Standing, Subject, examine},
    world,
};

sol! {
    #[allow(missing_docs)]
    interface Shares {
        function convertToAssets(uint256 shares) external view returns (uint256 assets);
        function decimals() external view returns (uint8 places);
    }
}

const HOUR: u64 = 3_600;

/// A keeper's configuration in which the first strategy's income is taken from its past.
fn configure(world: &Many, name: &str, strategy: &str, others: &[&str]) -> Config {
    let endpoints = [&[world.chain.url.as_str()], others].concat();
    let file = world.configure(1, 50_000_000, &endpoints).unwrap();
    let text = std::fs::read_to_string(&file).unwrap();
    let text = text.replace("block_seconds = 12", "block_seconds = 3600");
    let text = text.replace("deadline_seconds = 300", "deadline_seconds = 7200");
    let (before, _) = text.split_once("sqlite:").unwrap();
    let (_, after) = text.split_once(".db\"").unwrap();
    let rate = format!(
        "[[vaults.rates]]\nstrategy = \"{strategy}\"\nsource = \"history\"\nwindow_hours = 2\nwindows = 3\n\
         min_samples = 3\n"
    );
    let path = world.folder.join(format!("{name}.toml"));
    std::fs::write(&path, format!("{before}sqlite:{name}.db\"{after}\n{rate}")).unwrap();
    Config::load(&path).unwrap()
}

/// The samples in the record of the newest hold.
async fn samples(journal: &SqlJournal, world: &Many) -> Vec<Sample> {
    let run = journal.open_run(world.chain.chain_id, world.vaults[0]).await.unwrap();
    let run = run.expect("a hold");
    let [rate] = run.last().inputs.rates.as_slice() else { panic!("one rate") };
    let RateBase::History(history) = &rate.base else { panic!("a history") };
    history.samples.clone()
}

#[tokio::test]
async fn a_strategys_past_is_sampled_and_stands_in_the_record() {
    let folder = paths::run_folder("history").unwrap();
    let world = Many::build(Path::new(&folder), 1).await.unwrap();
    let plain =
        Config::load(&world.configure(1, 50_000_000, &[&world.chain.url]).unwrap()).unwrap();
    let [chain] = world::open(&plain, None).await.unwrap().try_into().expect("one chain");
    let head = chain.endpoints.head(Tag::Latest).await.unwrap();
    let seen = chain.snapshots(&head).await.unwrap();
    let strategy = seen[0].vault.strategies[0].strategy;

    let start = async |name: &str, others: &[&str]| {
        let config = configure(&world, name, &strategy.to_string(), others);
        let [chain] = world::open(&config, None).await.unwrap().try_into().expect("one chain");
        let journal = Arc::new(SqlJournal::connect(config.journal.expose()).await.unwrap());
        let head = chain.endpoints.head(Tag::Latest).await.unwrap();
        adopt(&chain, &*journal, &head, "the world's own").await.unwrap();
        let reporter = Arc::new(Reporter::new(true, Box::new(std::io::sink())));
        let shared: Arc<dyn Journal> = journal.clone();
        let key = Arc::new(AgentKey::random());
        (journal, ChainLoop::new(chain, shared, key, reporter))
    };
    let (journal, mut keeper) = start("first", &[]).await;
    for _ in 0..12 {
        let head = world.chain.head().await.unwrap();
        world.chain.mine_at(head.timestamp + HOUR).await.unwrap();
        keeper.round().await.unwrap();
    }
    let found = samples(&journal, &world).await;
    assert_eq!(found.len(), 4, "the ends of three windows: {found:?}");
    assert!(found.windows(2).all(|pair| pair[0].at + 2 * HOUR <= pair[1].at), "{found:?}");
    // From outside: what that many shares were worth at those blocks.
    let decimals = world.chain.call(strategy, Shares::decimalsCall {}).await.unwrap();
    let shares = U256::from(10).pow(U256::from(decimals + 6));
    for sample in &found {
        let call = Shares::convertToAssetsCall { shares };
        let worth = world
            .chain
            .call_at(strategy, call, json!(format!("{:#x}", sample.block)))
            .await
            .unwrap();
        assert_eq!(sample.assets, worth);
    }
    assert!(found.windows(2).all(|pair| pair[0].assets < pair[1].assets), "it has earned");

    // Another keeper with an empty journal, on an endpoint that has old states: the windows before are there at once.
    let head = world.chain.head().await.unwrap();
    world.chain.mine_at(head.timestamp + HOUR).await.unwrap();
    let (journal, mut keeper) = start("second", &[]).await;
    keeper.round().await.unwrap();
    let found = samples(&journal, &world).await;
    assert_eq!(found.len(), 4, "{found:?}");
    // And one that starts anew goes on from what its journal has.
    let kept = journal.cursor(world.chain.chain_id, strategy).await.unwrap().expect("kept");
    assert_eq!(kept["samples"].as_array().expect("a list").len(), 4);

    // An auditor reads that past again, and finds one that a keeper made up, whatever it hashes to.
    let run = journal.open_run(world.chain.chain_id, world.vaults[0]).await.unwrap();
    let run = run.expect("a hold");
    let [chain] = world::open(&plain, None).await.unwrap().try_into().expect("one chain");
    let mut file = file_of_run(&*journal, &run).await.unwrap();
    file.policy = policy_of(&chain.endpoints, &run).await;
    let sound = examine(&chain.endpoints, &file).await;
    assert_eq!(sound.verdict, Verdict::Reproduced, "{:?}", sound.findings);
    let mut forged = run;
    let Body::Hold { first, .. } = &mut forged.body else { panic!("a hold") };
    let RateBase::History(history) = &mut first.inputs.rates[0].base else { panic!("a history") };
    history.samples[1].assets += U256::ONE;
    let filed = FiledRecord::new(&forged).unwrap();
    (file.decision, file.outcome) = (filed.hash, None);
    *file.records.last_mut().expect("one") = filed;
    let found = examine(&chain.endpoints, &file).await;
    assert_eq!(found.verdict, Verdict::NotReproduced, "{:?}", found.findings);
    let of_samples = found.findings.iter().find(|one| one.subject == Subject::Samples);
    assert_eq!(of_samples.expect("looked into").standing, Standing::Differs);

    // Where two endpoints have to agree, what one of them says alone is no past.
    let (journal, mut keeper) = start("third", &["http://127.0.0.1:9"]).await;
    keeper.round().await.unwrap();
    assert_eq!(samples(&journal, &world).await, []);
}
