//! The treasury of a world: deployed by the forge scripts that a DAO uses, from a config file like a DAO's.

use std::{
    ffi::OsStr,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use alloy::{primitives::Address, sol};
use anyhow::{Context, Result};
use serde::Deserialize;

use crate::{
    anvil::{Anvil, CHAIN_ID},
    paths, process,
    venues::Venues,
};

sol! {
    /// The vault as depositors use it: plain EIP-4626, and the exit in kind.
    #[allow(missing_docs)]
    interface Vault {
        event Withdraw(address indexed sender, address indexed receiver, address indexed owner, uint256 assets, uint256 shares);
        function balanceOf(address account) external view returns (uint256);
        function totalSupply() external view returns (uint256);
        function totalAssets() external view returns (uint256);
        function convertToAssets(uint256 shares) external view returns (uint256);
        function previewRedeem(uint256 shares) external view returns (uint256);
        function maxRedeem(address owner) external view returns (uint256);
        function maxWithdraw(address owner) external view returns (uint256);
        function deposit(uint256 assets, address receiver) external returns (uint256 shares);
        function withdraw(uint256 assets, address receiver, address owner) external returns (uint256 shares);
        function redeem(uint256 shares, address receiver, address owner) external returns (uint256 assets);
        function redeemInKind(uint256 shares, address receiver, address owner, address[] memory skip)
            external
            returns (uint256 idleAssets, address[] memory strategies, uint256[] memory amounts);
    }

    /// The guard as guardian and anyone use it.
    #[allow(missing_docs)]
    interface GuardActs {
        event Rebalanced(address indexed agent, uint64 indexed nonce, bytes32 indexed decision, uint64 rebalanceCount, uint256 turnoverAssets, uint256 lossAssets);
        function revokeAgent(address agent) external;
        function policyDelaySeconds() external view returns (uint32);
    }
}

sol!(
    /// The guard's interface from its ABI, for documents.
    #[allow(missing_docs)]
    IPolicyGuard,
    "../chain/abi/IPolicyGuard.json"
);

/// Addresses of a deployed treasury, from the file the deployment wrote.
#[derive(Clone, Debug, Deserialize)]
pub struct Treasury {
    /// The vault.
    pub vault: Address,
    /// Holder of the allowances to strategies.
    pub conduit: Address,
    /// The guard.
    pub guard: Address,
    /// Who may tighten at once.
    pub guardian: Address,
    /// OpenZeppelin's Governor.
    pub governor: Address,
    /// OpenZeppelin's timelock, the guard's owner.
    pub timelock: Address,
    /// The lens.
    pub lens: Address,
}

#[derive(Deserialize)]
struct DeploymentFile {
    vaults: Vec<Treasury>,
}

/// Who is who among the chain's accounts.
pub mod people {
    /// Deploys, and ends without power.
    pub const DEPLOYER: usize = 0;
    /// First depositor.
    pub const ALICE: usize = 1;
    /// Second depositor, who leaves in kind.
    pub const BOB: usize = 2;
    /// Third depositor.
    pub const CAROL: usize = 3;
    /// Comes later.
    pub const DAVE: usize = 4;
    /// Holds the DAO's votes.
    pub const VOTER: usize = 5;
    /// The guardian.
    pub const GUARDIAN: usize = 6;
    /// The keeper's key.
    pub const AGENT: usize = 10;
}

/// Longest time a deployment script may take; most of it is compiling, the first time.
const SCRIPT_TIME: Duration = Duration::from_secs(240);

/// Writes the config of the demo's treasury over an asset, with the accounts of a chain.
///
/// # Errors
/// If it cannot be written.
pub fn config(chain: &Anvil, asset: Address, folder: &Path) -> Result<PathBuf> {
    let reviewed = paths::root().join("agents/e2e/worlds/deploy.json");
    let mut text = std::fs::read_to_string(&reviewed)
        .with_context(|| format!("reading {}", reviewed.display()))?;
    for (name, account) in [
        ("{asset}", asset),
        ("{voter}", chain.accounts[people::VOTER]),
        ("{guardian}", chain.accounts[people::GUARDIAN]),
    ] {
        text = text.replace(name, &account.to_string());
    }
    let chain_id = chain.chain_id.to_string();
    text = text.replace(&format!("\"chainId\": {CHAIN_ID}"), &format!("\"chainId\": {chain_id}"));
    let config = folder.join("deploy.json");
    std::fs::write(&config, text).with_context(|| format!("writing {}", config.display()))?;
    Ok(config)
}

/// Deploys the treasury over the venues' asset. Returns its addresses and the file they stand in.
///
/// # Errors
/// If the script refuses or fails.
pub fn deploy(chain: &Anvil, venues: &Venues, folder: &Path) -> Result<(Treasury, PathBuf)> {
    let config = config(chain, venues.asset.address, folder)?;
    let chain_id = chain.chain_id.to_string();
    let deployments = folder.join("deployments");
    script(
        chain,
        folder,
        "Deploy",
        &[("VAGUS_CONFIG", config.as_os_str()), ("VAGUS_DEPLOYMENTS_DIR", deployments.as_os_str())],
    )?;
    let file = deployments.join(chain_id).join("demo.json");
    let text =
        std::fs::read_to_string(&file).with_context(|| format!("reading {}", file.display()))?;
    let deployment: DeploymentFile =
        serde_json::from_str(&text).with_context(|| format!("reading {}", file.display()))?;
    let treasury = deployment.vaults.into_iter().next().context("a deployment without a vault")?;
    Ok((treasury, file))
}

/// Runs one of the repository's forge scripts as the deployer.
///
/// # Errors
/// If it refuses or fails.
pub fn script(
    chain: &Anvil,
    folder: &Path,
    name: &str,
    variables: &[(&str, &OsStr)],
) -> Result<String> {
    let mut forge = script_command(chain, folder, name, variables)?;
    forge.arg("--broadcast");
    let log = folder.join(format!("{name}.log"));
    process::run(&format!("script/{name}.s.sol"), &mut forge, &log, SCRIPT_TIME)
}

/// The command that runs one of the repository's forge scripts as the deployer; nothing is sent without `--broadcast`.
///
/// # Errors
/// If the contracts are not built.
pub fn script_command(
    chain: &Anvil,
    folder: &Path,
    name: &str,
    variables: &[(&str, &OsStr)],
) -> Result<Command> {
    // What forge notes of a deployment stays in the world's folder. Its cache is a copy, so that nothing is compiled again.
    let cache = folder.join("cache");
    std::fs::create_dir_all(&cache).with_context(|| format!("making {}", cache.display()))?;
    let built = paths::root().join("cache/solidity-files-cache.json");
    std::fs::copy(&built, cache.join("solidity-files-cache.json"))
        .with_context(|| format!("copying {}; run `make contracts` first", built.display()))?;
    let mut forge = process::command(paths::foundry("forge")?);
    forge
        .current_dir(paths::root())
        .args(["script", &format!("script/{name}.s.sol")])
        .args(["--rpc-url", &chain.url, "--slow", "--unlocked"])
        .args(["--sender", &chain.accounts[people::DEPLOYER].to_string()])
        .env("FOUNDRY_BROADCAST", folder.join("broadcast"))
        .env("FOUNDRY_CACHE_PATH", cache);
    for (variable, value) in variables {
        forge.env(variable, value);
    }
    Ok(forge)
}

/// Deploys the ERC-4626 strategy over the first Morpho market of `folder/venues.json`.
///
/// # Errors
/// If the script refuses or fails.
pub fn deploy_morpho_strategy(chain: &Anvil, folder: &Path) -> Result<Address> {
    let out = folder.join("morpho-strategy.json");
    script(
        chain,
        folder,
        "DeployMorphoStrategy",
        &[
            ("VAGUS_WORLD", folder.join("venues.json").as_os_str()),
            ("VAGUS_STRATEGY_NAME", OsStr::new("Morpho WETHW/USDW")),
            ("VAGUS_STRATEGY_SYMBOL", OsStr::new("mUSDW")),
            ("VAGUS_STRATEGY_OUT", out.as_os_str()),
        ],
    )?;
    let text =
        std::fs::read_to_string(&out).with_context(|| format!("reading {}", out.display()))?;
    let file: serde_json::Value =
        serde_json::from_str(&text).with_context(|| format!("reading {}", out.display()))?;
    let address = file["strategy"].as_str().context("a strategy file without a strategy")?;
    Ok(address.parse()?)
}
