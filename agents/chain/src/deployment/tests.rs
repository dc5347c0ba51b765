use std::io::Write as _;

use super::*;
use crate::memory::MemoryChain;

fn address(byte: u8) -> Address {
    Address::repeat_byte(byte)
}

fn deployment() -> Deployment {
    let code = |byte| alloy::primitives::keccak256(address(byte));
    let entry = VaultDeployment {
        asset: address(1),
        vault: address(2),
        conduit: address(3),
        guard: address(4),
        guardian: address(5),
        factory: address(6),
        vault_periphery: None,
        guard_governance: None,
        guard_rules: None,
        governor: Some(address(7)),
        timelock: Some(address(8)),
        votes: Some(address(9)),
        lens: address(10),
        lens_version: LENS_VERSION,
        ceilings: Ceilings {
            max_turnover_bps: 1,
            max_loss_bps: 2,
            min_window_seconds: 3,
            min_policy_delay_seconds: 4,
            max_policy_delay_seconds: 5,
            max_management_fee_bps: 6,
            max_performance_fee_bps: 7,
            grace_seconds: 8,
        },
        code_hashes: CodeHashes {
            vault: code(2),
            vault_periphery: None,
            conduit: code(3),
            guard: code(4),
            guard_governance: None,
            guard_rules: None,
            factory: None,
            lens: code(10),
        },
        policy_hash: B256::ZERO,
    };
    Deployment {
        schema_version: 1,
        treasury: "treasury".to_owned(),
        chain_id: 31_337,
        genesis_hash: B256::repeat_byte(0xee),
        deploy_block: 0,
        deployer: address(11),
        owner: None,
        vaults: vec![entry],
    }
}

fn chain() -> MemoryChain {
    let (policy, snapshot) = crate::memory::empty_world();
    MemoryChain::new(policy, snapshot)
}

async fn prove(deployment: &Deployment, configured: u64) -> Result<(), DeploymentError> {
    let chain = chain();
    let head = chain.with(|model| model.head());
    let path = Path::new("treasury.json");
    deployment.prove(path, &deployment.vaults[0], configured, &chain, &head).await
}

#[tokio::test]
async fn its_own_chain_is_accepted() {
    assert_eq!(prove(&deployment(), 31_337).await, Ok(()));
}

#[tokio::test]
async fn any_other_is_refused_with_a_sentence() {
    let cases: [(&str, fn(&mut Deployment)); 9] = [
        ("treasury.json is of chain 5, but the configuration names chain 31337", |d| {
            d.chain_id = 5
        }),
        ("another chain with the same id", |d| d.genesis_hash = B256::ZERO),
        ("the vault at", |d| d.vaults[0].code_hashes.vault = B256::ZERO),
        ("the guard at", |d| d.vaults[0].code_hashes.guard = B256::ZERO),
        ("the lens at", |d| d.vaults[0].code_hashes.lens = B256::ZERO),
        ("the conduit at", |d| d.vaults[0].code_hashes.conduit = B256::ZERO),
        ("the asset of vault", |d| d.vaults[0].asset = Address::ZERO),
        ("lensVersion 3", |d| d.vaults[0].lens_version = 3),
        ("the lens at", |d| d.vaults[0].lens = Address::ZERO),
    ];
    for (expected, change) in cases {
        let mut deployment = deployment();
        change(&mut deployment);
        let error = prove(&deployment, 31_337).await.expect_err(expected).to_string();
        assert!(error.contains(expected), "{error}");
        assert!(error.starts_with("treasury.json") && error.ends_with('.'), "{error}");
    }
    let error = prove(&Deployment { chain_id: 1, ..deployment() }, 1).await.expect_err("served");
    assert!(error.to_string().contains("memory serves chain 31337"), "{error}");
}

fn load(text: &str) -> Result<Deployment, DeploymentError> {
    let path = std::env::temp_dir()
        .join(format!("vagus-deployment-{}", alloy::primitives::keccak256(text)));
    let mut file = std::fs::File::create(&path).expect("a file");
    file.write_all(text.as_bytes()).expect("written");
    let deployment = Deployment::load(&path);
    std::fs::remove_file(&path).expect("removed");
    deployment
}

#[test]
fn a_file_is_read_back() {
    let text = serde_json::to_string(&deployment()).expect("json");
    assert!(text.contains("\"genesisHash\"") && text.contains("\"codeHashes\""), "{text}");
    assert_eq!(load(&text), Ok(deployment()));
}

#[test]
fn a_file_of_version_2_says_who_may_act_through_the_owner() {
    let owner = OwnerDeployment {
        kind: OwnerKind::Governor,
        address: address(8),
        code_hash: B256::repeat_byte(8),
        timelock: Some(TimelockDeployment {
            from_block: 1,
            delay_seconds: 2,
            proposers: vec![address(7)],
            cancellers: vec![],
            executors: vec![Address::ZERO],
        }),
        governor: Some(GovernorDeployment {
            address: address(7),
            code_hash: B256::repeat_byte(7),
            votes: address(9),
            votes_code_hash: B256::repeat_byte(9),
            voting_delay: 3,
            voting_period: 4,
            quorum_percent: None,
            proposal_threshold: alloy::primitives::U256::from(5),
        }),
        safe: None,
    };
    let file = Deployment { schema_version: 2, owner: Some(owner), ..deployment() };
    let text = serde_json::to_string(&file).expect("json");
    assert!(text.contains("\"proposalThreshold\":\"5\"") && !text.contains("safe"), "{text}");
    assert_eq!(load(&text), Ok(file));
}

#[test]
fn files_of_another_shape_are_refused() {
    let text = serde_json::to_string(&deployment()).expect("json");
    let refused = |from: &str, to: &str, expected: &str| {
        assert!(text.contains(from), "{from}");
        let error = load(&text.replacen(from, to, 1)).expect_err(expected).to_string();
        assert!(error.contains(expected), "{error}");
    };
    refused(
        "\"schemaVersion\":1",
        "\"schemaVersion\":3",
        "schemaVersion 3 is not understood; expected 2",
    );
    refused("\"deployBlock\"", "\"firstBlock\"", "unknown field `firstBlock`");
    refused("\"lens\"", "\"lense\"", "lense");
    refused("{", "", "expected a deployment file");
    let missing = Deployment::load(Path::new("/nowhere/treasury.json")).expect_err("missing");
    assert!(missing.to_string().contains("/nowhere/treasury.json: the deployment file cannot"));
}

#[test]
fn the_vault_is_found_by_address_or_alone() {
    let path = Path::new("treasury.json");
    let one = deployment();
    assert_eq!(one.vault(path, None).map(|v| v.vault), Ok(address(2)));
    assert_eq!(one.vault(path, Some(address(2))).map(|v| v.vault), Ok(address(2)));
    let error = one.vault(path, Some(address(3))).expect_err("other").to_string();
    assert!(error.contains("no vault 0x0303") && error.contains("it holds 0x0202"), "{error}");
    let mut two = deployment();
    two.vaults.push(VaultDeployment { vault: address(12), ..two.vaults[0].clone() });
    assert!(two.vault(path, None).is_err());
    assert_eq!(two.vault(path, Some(address(12))).map(|v| v.vault), Ok(address(12)));
}
