use alloy::primitives::keccak256;
use tempfile::TempDir;
use vagus_chain::AgentKey;
use vagus_journal::{HoldNotes, Journal as _, SqlJournal, TransactionIntent, draft};

use super::*;
use crate::{cli::Common, testing};

/// A journal with a rebalance, then a run of holds that goes on; and the configuration that names it.
struct Desk {
    folder: TempDir,
    config: Config,
    rebalance: B256,
}

async fn desk() -> Desk {
    let folder = TempDir::new().expect("a folder");
    let agent = AgentKey::random().address();
    let (policy, snapshot) = (testing::policy(agent), testing::snapshot(agent));
    let entry = testing::deployment();
    let deployment = Deployment {
        schema_version: 1,
        treasury: "demo".to_owned(),
        chain_id: 31_337,
        genesis_hash: B256::ZERO,
        deploy_block: 1,
        deployer: agent,
        owner: None,
        vaults: vec![entry.clone()],
    };
    let file = folder.path().join("deployment.json");
    std::fs::write(&file, serde_json::to_string(&deployment).expect("json")).expect("written");
    let url = format!("sqlite:{}", folder.path().join("journal.db").display());
    let text = include_str!("../../../examples/keeper.toml")
        .replace("chain_id = 1\n", "chain_id = 31337\n")
        .replace("deployments/1/treasury.json", "deployment.json");
    let config =
        Config::parse(&text, "keeper.toml".as_ref(), folder.path(), &|_| Some("http://h".into()));
    let config = config.expect("sound");
    let journal = SqlJournal::connect(&url).await.expect("a journal");

    let draft = draft::draft(Some(&policy), &snapshot, &testing::inputs(agent));
    let header = draft.header(entry.lens, entry.code_hashes.lens);
    let (record, rebalance, _) =
        draft.record(header, B256::ZERO).expect("hashed").expect("a rebalance");
    let intent =
        TransactionIntent { decision: rebalance, from: agent, state: serde_json::json!({}) };
    let mut outcome = Outcome::new(rebalance, "1.2.3", OutcomeState::Submitted);
    journal.append_rebalance(&record, &intent, &outcome).await.expect("stored");
    outcome.state = OutcomeState::Executed;
    journal.append_outcome(&outcome).await.expect("stored");
    let mut previous = snapshot.block.hash;
    for number in 101..=103 {
        let mut later = snapshot.clone();
        later.block.number = number;
        later.block.hash = B256::repeat_byte(number as u8);
        later.block.parent_hash = previous;
        previous = later.block.hash;
        let draft = draft::hold(&later, &testing::inputs(agent), Reason::Cooldown);
        let header = draft.header(entry.lens, entry.code_hashes.lens);
        let hold = draft.into_hold_observation(header);
        journal.observe_hold(&hold, &HoldNotes::default()).await.expect("stored");
    }
    journal.close().await;
    Desk { folder, config, rebalance }
}

fn listing(change: impl FnOnce(&mut Listing)) -> Listing {
    let common = Common { config: "keeper.toml".into(), vault: None, json: true };
    let mut listing = Listing {
        common,
        shadow: false,
        limit: 20,
        rebalances: false,
        reason: None,
        from_block: None,
        to_block: None,
    };
    change(&mut listing);
    listing
}

#[tokio::test]
async fn decisions_are_listed_newest_first_and_filtered() {
    let desk = desk().await;
    let reasons = async |listing: Listing| {
        let text = list(&desk.config, &listing).await.expect("lists");
        let json: serde_json::Value = serde_json::from_str(&text).expect("json");
        assert_eq!(json["schema"], 1);
        let lines = json["decisions"].as_array().expect("a list").clone();
        lines
            .iter()
            .map(|line| line["reason"].as_str().expect("one").to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(reasons(listing(|_| {})).await, ["Cooldown", "Income"]);
    assert_eq!(reasons(listing(|l| l.limit = 1)).await, ["Cooldown"]);
    assert_eq!(reasons(listing(|l| l.rebalances = true)).await, ["Income"]);
    assert_eq!(reasons(listing(|l| l.reason = Some(Reason::Income))).await, ["Income"]);
    assert_eq!(reasons(listing(|l| l.reason = Some(Reason::Cooldown))).await, ["Cooldown"]);
    assert_eq!(reasons(listing(|l| l.from_block = Some(103))).await, ["Cooldown"]);
    assert_eq!(reasons(listing(|l| l.to_block = Some(100))).await, ["Income"]);
    assert!(reasons(listing(|l| l.from_block = Some(104))).await.is_empty());

    let table = list(&desk.config, &listing(|l| l.common.json = false)).await.expect("lists");
    for part in ["Decision", "101–103", "goes on", "rebalance", "final", "treasury"] {
        assert!(table.contains(part), "{part} is missing from\n{table}");
    }
    let strange = listing(|l| l.common.vault = Some("other".to_owned()));
    assert_eq!(list(&desk.config, &strange).await.expect_err("unknown").exit, Exit::Usage);
}

#[tokio::test]
async fn one_is_shown_by_the_first_digits_of_its_hash() {
    let desk = desk().await;
    let hash = format!("{:x}", desk.rebalance);
    for digits in [&hash[..8], &hash] {
        let page = show(&desk.config, digits, false).await.expect("shown");
        let whole = desk.rebalance.to_string();
        for part in [whole.as_str(), "Income", "into", "R7", "final", "keeper 1.2.3"] {
            assert!(page.contains(part), "{part} is missing from\n{page}");
        }
    }
    let json = show(&desk.config, &hash[..8], true).await.expect("shown");
    let json: serde_json::Value = serde_json::from_str(&json).expect("json");
    assert_eq!(json["decision"], desk.rebalance.to_string());
    assert_eq!(json["outcomes"].as_array().map(Vec::len), Some(2));
    let failure = show(&desk.config, "00000000", false).await.expect_err("no such");
    assert_eq!(failure.exit, Exit::Usage);
    assert!(failure.sentence.contains("no such decision"), "{failure}");
}

#[tokio::test]
async fn the_file_of_a_record_has_the_hash_that_the_guard_names_and_nothing_is_overwritten() {
    let desk = desk().await;
    let file = desk.folder.path().join("decision.json");
    let digits = format!("{:x}", desk.rebalance);
    export(&desk.config, &digits, &file, true, false).await.expect("written");
    let bytes = std::fs::read(&file).expect("there");
    assert_eq!(keccak256(&bytes), desk.rebalance);
    let again = export(&desk.config, &digits, &file, true, false).await.expect_err("there already");
    assert!(again.sentence.contains("expected a new file"), "{again}");
    assert_eq!(std::fs::read(&file).expect("there"), bytes);
}

#[tokio::test]
async fn the_file_of_a_decision_holds_its_place_and_what_came_of_it() {
    let desk = desk().await;
    let file = desk.folder.path().join("decision.json");
    let digits = format!("{:x}", desk.rebalance);
    let said = export(&desk.config, &digits, &file, false, true).await.expect("written");
    let said: serde_json::Value = serde_json::from_str(&said).expect("json");
    // No endpoint answers, and the outcome names no block.
    assert_eq!((&said["has_policy"], &said["is_anchored"]), (&false.into(), &false.into()));
    let filed = vagus_journal::RecordFile::parse(&std::fs::read_to_string(&file).expect("there"));
    let filed = filed.expect("read");
    assert_eq!(filed.decision, desk.rebalance);
    assert_eq!(filed.outcome.expect("one").state, OutcomeState::Executed);
    assert_eq!(filed.records.len(), 1, "the run that follows goes on, and has no hash that lasts");
}

/// What is asked for, of a journal whose chain does not answer.
async fn traced(desk: &Desk, what: &str) -> crate::trace::Told {
    let text = include_str!("../../../examples/keeper.toml")
        .replace("chain_id = 1\n", "chain_id = 31337\n")
        .replace("deployments/1/treasury.json", "deployment.json")
        .replace("url_env = \"MAINNET_RPC_URL\"", "url = \"http://127.0.0.1:9\"");
    let config = desk.folder.path().join("keeper.toml");
    std::fs::write(&config, text).expect("written");
    let wanted = crate::cli::Tracing {
        what: Some(what.parse().expect("asked for")),
        config: Some(config),
        vault: None,
        record: None,
        rpc: None,
        shadow: false,
        json: false,
    };
    crate::trace::trace(&wanted).await.expect("traced")
}

async fn meddle(desk: &Desk, sql: &'static str) {
    use sqlx::Connection as _;
    let url = format!("sqlite:{}", desk.folder.path().join("journal.db").display());
    let mut connection = sqlx::SqliteConnection::connect(&url).await.expect("opens");
    sqlx::query(sql).execute(&mut connection).await.expect("meddled");
    connection.close().await.expect("closed");
}

#[tokio::test]
async fn a_journal_that_was_meddled_with_is_found_though_no_chain_answers() {
    use crate::exit::Verdict;
    let digits = |desk: &Desk| desk.rebalance.to_string();
    let desk = desk().await;
    let whole = traced(&desk, &digits(&desk)).await;
    // Its outcome was never mined, which no chain has to say.
    assert_eq!(whole.verdict, Verdict::NotReproduced, "{}", whole.text);
    let inside = traced(&desk, "102").await;
    assert_eq!(inside.verdict, Verdict::ChainUnavailable, "{}", inside.text);
    assert!(inside.text.contains("101–103"), "a run that goes on: {}", inside.text);
    meddle(&desk, "UPDATE vaults SET head = '0x' || replace(hex(zeroblob(32)), '00', '11')").await;
    let headless = traced(&desk, &digits(&desk)).await;
    assert_eq!(headless.verdict, Verdict::Altered, "{}", headless.text);
    assert!(headless.text.contains("chain of records"), "{}", headless.text);
    meddle(&desk, "UPDATE records SET body = replace(body, '\"USDC\"', '\"USDT\"')").await;
    let changed = traced(&desk, &digits(&desk)).await;
    assert_eq!(changed.verdict, Verdict::Altered, "{}", changed.text);
    assert!(changed.sentence.expect("one").contains("hashes to"));
}
