//! `keeper policy verify` finds what is planted on a real chain: one deviation at a time, each in the row that is about it.

use std::{
    path::{Path, PathBuf},
    process::Output,
};

use alloy::{
    primitives::{Address, B256, Bytes, U256, b256, keccak256},
    sol,
    sol_types::SolCall,
};
use serde_json::{Value, json};
use vagus_e2e::{
    anvil::Anvil,
    governance::{Governor, Proposal},
    keeper::Keeper,
    paths, safe,
    treasury::{self, people},
    venues::Token,
    world::World,
};
use vagus_policy::{Policy, toml::render_alone};

use crate::pages::{golden, masked};

sol! {
    interface Powers {
        function setMode(uint8 mode) external;
        function offerOwnership(address offered) external;
        function acceptOwnership() external;
        function nameGuardian(address guardian) external;
        function activateGuardian() external;
        function revokeAgent(address agent) external;
        function grantRole(bytes32 role, address account) external;
        function revokeRole(bytes32 role, address account) external;
        function updateDelay(uint256 seconds_) external;
        function updateQuorumNumerator(uint256 percent) external;
        function delegate(address to) external;
        function addOwnerWithThreshold(address owner, uint256 threshold) external;
        function changeThreshold(uint256 threshold) external;
        function enableModule(address module) external;
    }
}

const IMPLEMENTATION: B256 =
    b256!("0x360894a13ba1a3210667c828492db98dca3e2076cc3735a920a3ca505d382bbc");
const SAFE_GUARD: B256 =
    b256!("0x4a204f620c8c5ccdca3fd54d003badd85ba500436a431f0cbda4f558c93c34c8");
const STRANGER: Address = Address::repeat_byte(0x77);

fn verify(record: &Path, url: &str, more: &[&str]) -> Output {
    std::process::Command::new(paths::keeper().unwrap())
        .args(["policy", "verify", "--rpc", url, "--record"])
        .arg(record)
        .args(more)
        .output()
        .unwrap()
}

struct Desk {
    world: World,
    record: PathBuf,
    file: PathBuf,
    policy: Policy,
    record_of: Value,
}

impl Desk {
    fn new(world: World, record: PathBuf, policy: Policy, file: PathBuf) -> Self {
        let record_of = serde_json::from_str(&std::fs::read_to_string(&record).unwrap()).unwrap();
        Self { world, record, file, policy, record_of }
    }

    fn chain(&self) -> &Anvil {
        &self.world.clock.chain
    }

    fn at(&self, pointer: &str) -> Address {
        self.record_of.pointer(pointer).unwrap().as_str().unwrap().parse().unwrap()
    }

    fn guard(&self) -> Address {
        self.at("/vaults/0/guard")
    }

    fn owner(&self) -> Address {
        self.at("/owner/address")
    }

    fn deployer(&self) -> Address {
        self.chain().accounts[people::DEPLOYER]
    }

    /// The rows that are not as they are declared: area and subject.
    fn deviations(&self) -> Vec<String> {
        let file = self.file.to_str().unwrap();
        let output = verify(&self.record, &self.chain().url, &[file, "--json"]);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        let report: Value = serde_json::from_slice(&output.stdout).expect(&said);
        let [one] = report["reports"].as_array().unwrap().as_slice() else { panic!("{report}") };
        let checks = one["checks"].as_array().unwrap();
        assert!(checks.len() > 80, "{}", checks.len());
        let rows: Vec<String> = checks
            .iter()
            .filter(|check| check["ok"] == false)
            .map(|check| {
                assert_ne!(check["expected"], check["found"], "{check}");
                check["subject"].as_str().unwrap().to_owned()
            })
            .collect();
        assert_eq!(report["ok"], json!(rows.is_empty()), "{report}");
        assert_eq!(report["deviations"], json!(rows.len()));
        let code = if rows.is_empty() { 0 } else { 16 };
        assert_eq!(output.status.code(), Some(code), "{said}");
        if let Some(first) = rows.first() {
            assert!(said.contains(first.as_str()), "{said}");
        }
        rows
    }

    /// Plants something, wants to find it in these rows and in no others, and takes it out again.
    async fn finds(&self, name: &str, rows: &[&str], plant: impl AsyncFnOnce(&Self)) {
        let snapshot: Value = self.chain().rpc("evm_snapshot", json!([])).await.unwrap();
        plant(self).await;
        let found = self.deviations();
        assert_eq!(found, rows, "{name}");
        let _: bool = self.chain().rpc("evm_revert", json!([snapshot])).await.unwrap();
    }

    async fn send(&self, from: Address, to: Address, data: Bytes) {
        let chain = self.chain();
        let _: Value = chain.rpc("anvil_impersonateAccount", json!([from])).await.unwrap();
        chain.fund(from, U256::from(10).pow(U256::from(20))).await.unwrap();
        let hash = chain.submit_data(from, to, data).await.unwrap();
        assert!(chain.receipt(hash).await.unwrap().status());
    }

    async fn act(&self, from: Address, to: Address, call: impl SolCall) {
        self.send(from, to, call.abi_encode().into()).await;
    }

    async fn submit(&self, from: Address, policy: &Policy) {
        let selector = treasury::IPolicyGuard::submitPolicyCall::SELECTOR;
        let data = [&selector[..], &vagus_policy::encode(policy)].concat();
        self.send(from, self.guard(), data.into()).await;
    }

    async fn activate(&self, policy: &Policy) {
        self.wait(86_400).await;
        let selector = treasury::IPolicyGuard::activatePolicyCall::SELECTOR;
        let data = [&selector[..], &vagus_policy::encode(policy)].concat();
        self.send(self.chain().accounts[people::DAVE], self.guard(), data.into()).await;
    }

    async fn wait(&self, seconds: u64) {
        let _: Value = self.chain().rpc("evm_increaseTime", json!([seconds])).await.unwrap();
        let _: Value = self.chain().rpc("evm_mine", json!([])).await.unwrap();
    }

    async fn code(&self, account: Address) -> Bytes {
        self.chain().rpc("eth_getCode", json!([account, "latest"])).await.unwrap()
    }

    /// One byte more behind the code: it does the same, and is not the same.
    async fn change_code(&self, account: Address) {
        let changed: Bytes = [self.code(account).await.as_ref(), &[0]].concat().into();
        let _: Value = self.chain().rpc("anvil_setCode", json!([account, changed])).await.unwrap();
    }

    async fn store(&self, account: Address, slot: B256, word: B256) {
        let _: Value =
            self.chain().rpc("anvil_setStorageAt", json!([account, slot, word])).await.unwrap();
    }

    async fn slot(&self, account: Address, slot: B256) -> B256 {
        self.chain().rpc("eth_getStorageAt", json!([account, slot, "latest"])).await.unwrap()
    }
}

/// Code of the strategies that are not of this build, as somebody has looked at it.
async fn pin(desk: &Desk, path: &Path) {
    let mut pins = Vec::new();
    for (_, strategy, _) in desk.world.strategies.iter().take(2) {
        let at = Address::from_word(desk.slot(*strategy, IMPLEMENTATION).await);
        let mut pin =
            json!({ "strategy": strategy, "codeHash": keccak256(desk.code(*strategy).await) });
        if !at.is_zero() {
            pin["implementation"] = json!(at);
            pin["implementationCodeHash"] = json!(keccak256(desk.code(at).await));
        }
        pins.push(pin);
    }
    let text = json!({ "schema": 1, "strategies": pins }).to_string();
    std::fs::write(path, text).unwrap();
}

async fn governed(name: &str) -> Desk {
    let folder = paths::run_folder(name).unwrap();
    let mut world = World::build(&folder).await.unwrap();
    let (_, policy) = world.policies.first().unwrap();
    let record = world.deployment.clone();

    // The end of a deployment: no policy is in force, and the record says so.
    let born = verify(&record, &world.clock.chain.url, &[]);
    assert!(born.status.success(), "{}", String::from_utf8_lossy(&born.stderr));
    let told = String::from_utf8_lossy(&born.stdout).into_owned();
    assert!(told.contains("The chain is as declared"), "{told}");

    world.vote(&policy, "Adopt the first policy").await.unwrap();
    world.activate(&policy).await.unwrap();
    let file = folder.join("policy.toml");
    std::fs::write(&file, render_alone(&policy, world.policies.context())).unwrap();
    let _: Value = world.clock.chain.rpc("evm_setAutomine", json!([true])).await.unwrap();
    let desk = Desk::new(world, record, policy, file);

    // Two of the strategies are Aave's: nobody has said yet which code is right.
    let unknown = desk.deviations();
    assert_eq!(unknown, ["code of strategy aave_main", "code of strategy aave_prime"]);
    pin(&desk, &desk.record.with_extension("strategies.json")).await;
    assert_eq!(desk.deviations(), Vec::<String>::new(), "it is as it is declared");
    desk
}

#[tokio::test]
async fn every_planted_deviation_is_found_in_the_row_that_is_about_it() {
    let desk = governed("verify").await;
    terms(&desk).await;
    powers(&desk).await;
    codes(&desk).await;
    roles(&desk).await;
    deployer(&desk).await;
    by_configuration(&desk).await;
    voted(desk).await;
}

async fn terms(desk: &Desk) {
    let guardian = desk.chain().accounts[people::GUARDIAN];
    let mut tighter = desk.policy.clone();
    tighter.limits.min_idle_bps += 1;
    let rows = ["policy in force", "limits, min_idle"];
    desk.finds("a limit", &rows, async |desk| desk.submit(guardian, &tighter).await).await;

    let mut tighter = desk.policy.clone();
    tighter.strategies[0].cap -= 1;
    let rows = ["policy in force", "strategy aave_main, cap"];
    desk.finds("a cap", &rows, async |desk| desk.submit(guardian, &tighter).await).await;

    let mut other = desk.policy.clone();
    other.limits.max_drawdown_bps += 1;
    let rows = ["policy in force", "limits, max_drawdown", "settings of the vault"];
    desk.finds("what the vault prices by", &rows, async |desk| {
        desk.submit(desk.owner(), &other).await;
        desk.activate(&other).await;
    })
    .await;

    let mut other = desk.policy.clone();
    other.agents.push(vagus_policy::AgentPolicy { agent: STRANGER, ..other.agents[0].clone() });
    let name = STRANGER.to_checksum(None);
    let own = ["expires", "scope", "max_turnover", "max_loss"];
    let own: Vec<String> = own.iter().map(|key| format!("agent {name}, {key}")).collect();
    let mut rows = vec!["policy in force", "agents, order"];
    rows.extend(own.iter().map(String::as_str));
    desk.finds("an agent that nobody declared", &rows, async |desk| {
        desk.submit(desk.owner(), &other).await;
        desk.activate(&other).await;
    })
    .await;

    let mut looser = desk.policy.clone();
    looser.limits.min_idle_bps -= 1;
    desk.finds("a policy that waits", &["policy that waits"], async |desk| {
        desk.submit(desk.owner(), &looser).await;
    })
    .await;
    desk.finds("the mode, under the same hash", &["mode in force"], async |desk| {
        desk.act(guardian, desk.guard(), Powers::setModeCall { mode: 2 }).await;
    })
    .await;
    let agent = Keeper::agent().unwrap();
    desk.finds("a mandate, under the same hash", &["mandate of keeper"], async |desk| {
        desk.act(guardian, desk.guard(), Powers::revokeAgentCall { agent }).await;
    })
    .await;
}

async fn powers(desk: &Desk) {
    let guard = desk.guard();
    let offer = Powers::offerOwnershipCall { offered: STRANGER };
    desk.finds("an offer", &["ownership offered to"], async |desk| {
        desk.act(desk.owner(), guard, offer.clone()).await;
    })
    .await;
    desk.finds("the owner", &["owner"], async |desk| {
        desk.act(desk.owner(), guard, offer.clone()).await;
        desk.act(STRANGER, guard, Powers::acceptOwnershipCall {}).await;
    })
    .await;
    let name = Powers::nameGuardianCall { guardian: STRANGER };
    desk.finds("a guardian that is named", &["guardian named"], async |desk| {
        desk.act(desk.owner(), guard, name.clone()).await;
    })
    .await;
    desk.finds("the guardian", &["guardian"], async |desk| {
        desk.act(desk.owner(), guard, name.clone()).await;
        desk.wait(86_400).await;
        desk.act(STRANGER, guard, Powers::activateGuardianCall {}).await;
    })
    .await;
    // Ceilings stand in one word of the guard's storage; the lowest bytes are the first of them.
    let first = desk.record_of["vaults"][0]["ceilings"]["maxTurnoverBps"].as_u64().unwrap();
    let grace = desk.record_of["vaults"][0]["ceilings"]["graceSeconds"].as_u64().unwrap();
    let mut found = None;
    for number in 0..32_u64 {
        let slot = B256::from(U256::from(number));
        let word = U256::from_be_bytes(desk.slot(guard, slot).await.0);
        let low = (word & U256::from(u16::MAX)).to::<u64>();
        let high = (word >> 160_usize).to::<u128>();
        if low == first && high == u128::from(grace) {
            found = Some((slot, word));
        }
    }
    let (slot, word) = found.expect("the slot of the ceilings");
    desk.finds("a ceiling", &["ceiling max_turnover"], async |desk| {
        desk.store(guard, slot, B256::from(word - U256::from(1))).await;
    })
    .await;
}

async fn codes(desk: &Desk) {
    for (key, what) in [
        ("vault", "vault"),
        ("vaultPeriphery", "vault's second half"),
        ("conduit", "conduit"),
        ("guard", "guard"),
        ("guardGovernance", "guard's second part"),
        ("guardRules", "guard's rules"),
        ("factory", "factory"),
        ("lens", "lens"),
    ] {
        let rows = [format!("code of the {what}"), format!("code of the {what}, as recorded")];
        let rows: Vec<&str> = rows.iter().map(String::as_str).collect();
        let address = desk.at(&format!("/vaults/0/{key}"));
        desk.finds(what, &rows, async |desk| desk.change_code(address).await).await;
    }
    for (pointer, row) in [
        ("/owner/address", "code of the owner, as recorded"),
        ("/owner/governor/address", "code of the governor, as recorded"),
        ("/owner/governor/votes", "code of the votes, as recorded"),
    ] {
        let address = desk.at(pointer);
        desk.finds(row, &[row], async |desk| desk.change_code(address).await).await;
    }

    // The same code with another conduit inside: only the record tells.
    let (vault, conduit) = (desk.at("/vaults/0/vault"), desk.at("/vaults/0/conduit"));
    let rows = ["code of the vault, as recorded", "vault's conduit"];
    desk.finds("an immutable", &rows, async |desk| {
        let code = desk.code(vault).await.to_string();
        let mine = format!("{conduit:x}");
        let mine = mine.trim_start_matches("0x");
        assert!(code.contains(mine), "the conduit stands in the code");
        let changed = code.replace(mine, &"77".repeat(20));
        let _: Value = desk.chain().rpc("anvil_setCode", json!([vault, changed])).await.unwrap();
    })
    .await;

    let morpho = desk.world.strategies[2].1;
    desk.finds("a strategy of the build", &["code of strategy morpho"], async |desk| {
        desk.change_code(morpho).await;
    })
    .await;
    let aave = desk.world.strategies[0].1;
    desk.finds("a strategy of another", &["code of strategy aave_main"], async |desk| {
        desk.change_code(aave).await;
    })
    .await;
    let behind = "code of strategy aave_main, behind its proxy";
    let rows = [behind.to_owned(), format!("{behind}, its code")];
    let rows: Vec<&str> = rows.iter().map(String::as_str).collect();
    desk.finds("an upgrade", &rows, async |desk| {
        desk.store(aave, IMPLEMENTATION, desk.guard().into_word()).await;
    })
    .await;
}

async fn roles(desk: &Desk) {
    let timelock = desk.owner();
    let odd = keccak256("FORGOTTEN_ROLE");
    let odd_row = format!("{odd}s of the timelock");
    for (name, role, row) in [
        ("a proposer", keccak256("PROPOSER_ROLE"), "proposers of the timelock"),
        ("a canceller", keccak256("CANCELLER_ROLE"), "cancellers of the timelock"),
        ("an executor", keccak256("EXECUTOR_ROLE"), "executors of the timelock"),
        ("an administrator", B256::ZERO, "admins of the timelock"),
        ("a role that no timelock has", odd, &odd_row),
    ] {
        let grant = Powers::grantRoleCall { role, account: STRANGER };
        desk.finds(name, &[row], async |desk| desk.act(timelock, timelock, grant).await).await;
    }
    let role = keccak256("PROPOSER_ROLE");
    let revoke = Powers::revokeRoleCall { role, account: desk.at("/owner/governor/address") };
    desk.finds("a role that is gone", &["proposers of the timelock"], async |desk| {
        desk.act(timelock, timelock, revoke).await;
    })
    .await;
    let delay = Powers::updateDelayCall { seconds_: U256::from(1) };
    desk.finds("the timelock's delay", &["delay of the timelock, seconds"], async |desk| {
        desk.act(timelock, timelock, delay).await;
    })
    .await;
}

async fn deployer(desk: &Desk) {
    let (deployer, timelock) = (desk.deployer(), desk.owner());
    let role = keccak256("CANCELLER_ROLE");
    let rows = ["cancellers of the timelock", "roles in the timelock"];
    desk.finds("a role of the deployer", &rows, async |desk| {
        let grant = Powers::grantRoleCall { role, account: deployer };
        desk.act(timelock, timelock, grant).await;
    })
    .await;
    let (voter, votes) = (desk.chain().accounts[people::VOTER], desk.at("/owner/governor/votes"));
    desk.finds("votes of the deployer", &["votes held"], async |desk| {
        let transfer = Token::transferCall { to: deployer, value: U256::from(1) };
        desk.act(voter, votes, transfer).await;
    })
    .await;
    desk.finds("voting power of the deployer", &["voting power"], async |desk| {
        desk.act(voter, votes, Powers::delegateCall { to: deployer }).await;
    })
    .await;
    let rows = ["guardian named", "powers of the deployer"];
    desk.finds("the deployer as guardian to be", &rows, async |desk| {
        let name = Powers::nameGuardianCall { guardian: deployer };
        desk.act(timelock, desk.guard(), name).await;
    })
    .await;
}

/// The same through a configuration, as text.
async fn by_configuration(desk: &Desk) {
    let config = Keeper::prepare(&desk.world).unwrap();
    let file = desk.file.to_str().unwrap();
    let output = Keeper::ask_under(&config, &["policy", "verify"], &[file]).unwrap();
    let told = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{told}{}", String::from_utf8_lossy(&output.stderr));
    assert!(told.contains("│ ok") && told.contains("limits, min_idle"), "{told}");
    assert!(told.contains("The chain is as declared"), "{told}");
    golden("policy-verify.txt", &masked(&told, &desk.world.folder));
    let declared = std::fs::read_to_string(&desk.file).unwrap();
    let other = desk.world.folder.join("other.toml");
    std::fs::write(&other, declared.replacen("min_idle = \"5 %\"", "min_idle = \"6 %\"", 1))
        .unwrap();
    let asked = [other.to_str().unwrap()];
    let output = Keeper::ask_under(&config, &["policy", "verify"], &asked).unwrap();
    assert_eq!(output.status.code(), Some(16));
    let told = String::from_utf8_lossy(&output.stdout).into_owned();
    let deviating: Vec<&str> =
        told.lines().filter(|line| line.contains("DEVIATES") || line.contains("NOT as")).collect();
    golden("policy-verify-deviates.txt", &masked(&deviating.join("\n"), &desk.world.folder));

    // A configuration that names the policy of each vault: all of them at once, here the same one under two names of its chain.
    let text = std::fs::read_to_string(&config).unwrap();
    let declared =
        text.replace("headroom_bps = 10", &format!("policy = \"{file}\"\nheadroom_bps = 10"));
    let (head, vault) = declared.split_at(declared.find("[[vaults]]").unwrap());
    let second = vault.replacen("\"treasury\"", "\"again\"", 1);
    let all = desk.world.folder.join("all.toml");
    std::fs::write(&all, format!("{head}{vault}\n{second}")).unwrap();
    let output = Keeper::ask_under(&all, &["policy", "verify"], &["--json"]).unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(0), "{said}");
    let told: Value = serde_json::from_slice(&output.stdout).unwrap();
    let reports = told["reports"].as_array().unwrap();
    assert_eq!((reports.len(), &told["ok"]), (2, &json!(true)));
    let areas = |at: usize, name: &str| {
        let mut checks = reports[at]["checks"].as_array().unwrap().iter();
        checks.any(|check| check["area"] == format!("vault {name}"))
    };
    assert!(areas(0, "treasury") && areas(1, "again"), "{told}");
    // A file is one vault's.
    let output = Keeper::ask_under(&all, &["policy", "verify"], &[file]).unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.contains("--vault, one of treasury, again"), "{said}");
}

/// Settings of the Governor change by a vote alone; after it nothing is taken back.
async fn voted(mut desk: Desk) {
    let _: Value = desk.chain().rpc("evm_setAutomine", json!([false])).await.unwrap();
    let governor = desk.at("/owner/governor/address");
    let voter = desk.chain().accounts[people::VOTER];
    let data = Powers::updateQuorumNumeratorCall { percent: U256::from(5) }.abi_encode();
    let proposal = Proposal {
        target: governor,
        data: data.into(),
        description: "A quorum that nobody wrote down".to_owned(),
    };
    desk.world.clock.resume().await.unwrap();
    let clock = &mut desk.world.clock;
    clock.act(voter, governor, proposal.propose(), 12).await.unwrap();
    let id = clock.chain.call(governor, proposal.id()).await.unwrap();
    let vote = Governor::castVoteCall { proposalId: id, support: 1 };
    clock.act(voter, governor, vote, 86_401).await.unwrap();
    clock.advance(259_200).await.unwrap();
    clock.act(voter, governor, proposal.queue(), 12).await.unwrap();
    clock.act(voter, governor, proposal.execute(), 86_401).await.unwrap();
    assert_eq!(desk.deviations(), ["quorum, percent"]);
}

#[tokio::test]
async fn what_a_safe_may_is_compared_too() {
    let desk = governed("verify-safe").await;
    let Desk { mut world, .. } = desk;
    let _: Value = world.clock.chain.rpc("evm_setAutomine", json!([false])).await.unwrap();
    world.clock.resume().await.unwrap();
    let owners = vec![world.person(11), world.person(12), world.person(13)];
    let safe = safe::deploy(&mut world, owners.clone(), 2).await.unwrap();
    let _: Value = world.clock.chain.rpc("evm_setAutomine", json!([true])).await.unwrap();

    let folder = world.folder.clone();
    let config = treasury::config(&world.clock.chain, world.venues.asset.address, &folder).unwrap();
    let mut text: Value = serde_json::from_str(&std::fs::read_to_string(&config).unwrap()).unwrap();
    text["treasury"] = json!("council");
    text["governance"] = json!({ "kind": "safe", "safe": safe, "owners": owners, "threshold": 2 });
    std::fs::write(&config, text.to_string()).unwrap();
    let deployments = folder.join("deployments");
    treasury::script(
        &world.clock.chain,
        &folder,
        "Deploy",
        &[("VAGUS_CONFIG", config.as_os_str()), ("VAGUS_DEPLOYMENTS_DIR", deployments.as_os_str())],
    )
    .unwrap();
    let record = deployments.join("31337/council.json");
    let (_, policy) = world.policies.first().unwrap();
    let file = folder.join("council.toml");
    std::fs::write(&file, render_alone(&policy, world.policies.context())).unwrap();
    let desk = Desk::new(world, record, policy, file);
    pin(&desk, &desk.record.with_extension("strategies.json")).await;
    desk.submit(safe, &desk.policy).await;
    desk.activate(&desk.policy).await;
    assert_eq!(desk.deviations(), Vec::<String>::new(), "it is as it is declared");

    let owner = STRANGER;
    let add = Powers::addOwnerWithThresholdCall { owner, threshold: U256::from(2) };
    desk.finds("an owner", &["owners of the Safe"], async |desk| desk.act(safe, safe, add).await)
        .await;
    let lower = Powers::changeThresholdCall { threshold: U256::from(1) };
    desk.finds("the threshold", &["threshold of the Safe"], async |desk| {
        desk.act(safe, safe, lower).await;
    })
    .await;
    let module = Powers::enableModuleCall { module: STRANGER };
    desk.finds("a module", &["modules of the Safe"], async |desk| {
        desk.act(safe, safe, module).await;
    })
    .await;
    desk.finds("a guard", &["guard of the Safe"], async |desk| {
        desk.store(safe, SAFE_GUARD, STRANGER.into_word()).await;
    })
    .await;
    let singleton = desk.at("/owner/safe/singleton");
    desk.finds("its code", &["code that the Safe runs, as recorded"], async |desk| {
        desk.change_code(singleton).await;
    })
    .await;
    let deployer = desk.deployer();
    let add = Powers::addOwnerWithThresholdCall { owner: deployer, threshold: U256::from(2) };
    let rows = ["owners of the Safe", "signs for the Safe"];
    desk.finds("the deployer", &rows, async |desk| desk.act(safe, safe, add).await).await;
}
