//! The deployment script on a real chain: told before it is sent, and finished after it was cut off at any transaction.

use std::{
    ffi::OsStr,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use alloy::{
    primitives::{Address, B256, Bytes, U256},
    sol,
    sol_types::SolValue as _,
};
use serde_json::{Value, json};
use vagus_e2e::{
    anvil::Anvil,
    paths,
    process::{self, Running},
    treasury::{self, people},
};

/// Transactions of the demo's treasury: factory, lens, votes, timelock with Governor, vault.
const TRANSACTIONS: usize = 6;
/// Most that a transaction may use, by EIP-7825.
const MOST_GAS: u64 = 1 << 24;
const LONG_ENOUGH: Duration = Duration::from_secs(180);

sol! {
    struct Allocation {
        address holder;
        uint256 votes;
    }
}

/// A plain ERC-20: the votes token, which is one.
async fn asset(chain: &Anvil) -> Address {
    let artifact = paths::root().join("out/TreasuryVotes.sol/TreasuryVotes.json");
    let artifact: Value =
        serde_json::from_str(&std::fs::read_to_string(artifact).unwrap()).unwrap();
    let mut code: Bytes = artifact["bytecode"]["object"].as_str().unwrap().parse().unwrap();
    let holder = chain.accounts[people::ALICE];
    let allocation = Allocation { holder, votes: U256::from(1_000_000) };
    let arguments = ("Dollar".to_owned(), "USD".to_owned(), vec![allocation]).abi_encode_params();
    code = [code.as_ref(), &arguments].concat().into();
    let transaction = json!({ "from": chain.accounts[9], "data": code, "gas": "0xb71b00" });
    let hash: B256 = chain.rpc("eth_sendTransaction", json!([transaction])).await.unwrap();
    chain.receipt(hash).await.unwrap().contract_address.unwrap()
}

struct Desk {
    chain: Anvil,
    folder: PathBuf,
    config: PathBuf,
    deployments: PathBuf,
}

impl Desk {
    async fn new() -> Self {
        let folder = paths::run_folder("test").unwrap();
        let chain = Anvil::start(&folder).await.unwrap();
        let config = treasury::config(&chain, asset(&chain).await, &folder).unwrap();
        let deployments = folder.join("deployments");
        Self { chain, folder, config, deployments }
    }

    fn record(&self) -> PathBuf {
        self.deployments.join("31337/demo.json")
    }

    fn forge(&self, is_sent: bool) -> std::process::Command {
        let variables: [(&str, &OsStr); 2] = [
            ("VAGUS_CONFIG", self.config.as_os_str()),
            ("VAGUS_DEPLOYMENTS_DIR", self.deployments.as_os_str()),
        ];
        let mut forge =
            treasury::script_command(&self.chain, &self.folder, "Deploy", &variables).unwrap();
        if is_sent {
            forge.arg("--broadcast");
        }
        forge
    }

    fn run(&self, is_sent: bool) -> String {
        let log = self.folder.join("deploy.log");
        process::run("Deploy", &mut self.forge(is_sent), &log, LONG_ENOUGH).unwrap()
    }

    async fn sent(&self) -> u64 {
        let deployer = self.chain.accounts[people::DEPLOYER];
        let count: U256 =
            self.chain.rpc("eth_getTransactionCount", json!([deployer, "latest"])).await.unwrap();
        count.to()
    }

    async fn automine(&self, is_on: bool) {
        let _: Value = self.chain.rpc("evm_setAutomine", json!([is_on])).await.unwrap();
    }

    /// Lets the script send until `mined` of its transactions are in a block and one more waits, and kills it there.
    async fn cut_off(&self, mined: usize) {
        self.automine(false).await;
        let log = self.folder.join(format!("cut-{mined}.log"));
        let mut forge = Running::start("Deploy", &mut self.forge(true), &log).unwrap();
        let deployer = self.chain.accounts[people::DEPLOYER];
        let started = Instant::now();
        for number in 0..=mined {
            while self.chain.waiting(deployer).await.unwrap() == 0 {
                assert!(started.elapsed() < LONG_ENOUGH, "transaction {number} was not sent");
                assert!(forge.ended().unwrap().is_none(), "it ended before transaction {number}");
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            if number < mined {
                let _: Value = self.chain.rpc("evm_mine", json!([])).await.unwrap();
            }
        }
        forge.kill().unwrap();
    }
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap()
}

/// Rows of the table: what, address, gas; no gas for what is there.
fn table(said: &str) -> Vec<(String, Address, Option<u64>)> {
    let rows = said.lines().filter_map(|line| {
        let (what, rest) = line.trim().split_once("  ")?;
        let mut rest = rest.split_whitespace();
        let address = rest.next()?.parse().ok()?;
        Some((what.to_owned(), address, rest.next()?.parse().ok()))
    });
    rows.collect()
}

#[tokio::test]
async fn a_dry_run_tells_every_transaction_with_its_gas_and_sends_nothing() {
    let desk = Desk::new().await;
    let told = table(&desk.run(false));
    assert_eq!(told.len(), TRANSACTIONS, "{told:?}");
    assert_eq!(desk.sent().await, 0);
    assert!(!desk.record().exists(), "nothing is written either");

    let head = desk.chain.head().await.unwrap();
    let said = desk.run(true);
    assert_eq!(table(&said), told, "what is sent is what was told");
    let record: Value = serde_json::from_str(&read(&desk.record())).unwrap();
    let [.., vault, guard] = told.as_slice() else { panic!("{told:?}") };
    let recorded =
        |key: &str| -> Address { record["vaults"][0][key].as_str().unwrap().parse().unwrap() };
    assert_eq!((recorded("vault"), recorded("guard")), (vault.1, guard.1));
    assert_eq!(recorded("factory"), told[0].1);
    assert_eq!(record["deployBlock"], json!(head.number));
    for (place, (what, address, gas)) in told.iter().enumerate() {
        let number = format!("0x{:x}", head.number + 1 + place as u64);
        let receipts: Vec<Value> =
            desk.chain.rpc("eth_getBlockReceipts", json!([number])).await.unwrap();
        let used = receipts[0]["gasUsed"].as_str().unwrap();
        let used = u64::from_str_radix(used.trim_start_matches("0x"), 16).unwrap();
        let gas = gas.unwrap();
        assert!(used < MOST_GAS, "{what} uses {used}");
        // What is refunded at its end is not told.
        assert!(gas.abs_diff(used) * 50 < used, "{what}: told {gas}, used {used}");
        let code: Bytes = desk.chain.rpc("eth_getCode", json!([address, "latest"])).await.unwrap();
        assert!(!code.is_empty(), "{what}");
    }

    // Everything is there: nothing is sent any more, and the record stays as it is.
    let before = read(&desk.record());
    let again = table(&desk.run(true));
    assert!(again.iter().all(|(_, _, gas)| gas.is_none()), "{again:?}");
    assert_eq!(desk.sent().await, TRANSACTIONS as u64);
    assert_eq!(read(&desk.record()), before);
}

#[tokio::test]
async fn a_deployment_that_is_cut_off_at_any_transaction_is_finished_by_the_next_run() {
    let desk = Desk::new().await;
    let virgin: Value = desk.chain.rpc("evm_snapshot", json!([])).await.unwrap();
    desk.run(true);
    let whole = read(&desk.record());
    let mut snapshot = virgin;
    for mined in 0..TRANSACTIONS {
        let _: bool = desk.chain.rpc("evm_revert", json!([snapshot])).await.unwrap();
        snapshot = desk.chain.rpc("evm_snapshot", json!([])).await.unwrap();
        std::fs::remove_dir_all(&desk.deployments).unwrap();

        desk.cut_off(mined).await;
        // What the script has sent last is lost, or mined after its end: it may never know.
        let is_lost = mined % 2 == 0;
        let way = if is_lost { "anvil_dropAllTransactions" } else { "evm_mine" };
        let _: Value = desk.chain.rpc(way, json!([])).await.unwrap();
        desk.automine(true).await;
        let there = mined + usize::from(!is_lost);
        assert_eq!(desk.sent().await, there as u64);

        let told = table(&desk.run(true));
        let left = told.iter().filter(|(_, _, gas)| gas.is_some()).count();
        assert_eq!(left, TRANSACTIONS - there, "after {there}: {told:?}");
        assert_eq!(desk.sent().await, TRANSACTIONS as u64, "nothing is sent twice");
        assert_eq!(read(&desk.record()), whole, "the same deployment, cut off after {there}");
    }
}
