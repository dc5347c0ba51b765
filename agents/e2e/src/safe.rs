//! A Safe as people use it: a proxy of the real singleton with the real fallback handler, from its authors' package.

use alloy::{
    primitives::{Address, B256, Bytes, U256},
    sol,
    sol_types::SolCall as _,
};
use anyhow::{Context, Result};
use serde_json::{Value, json};

use crate::{paths, world::World};

sol! {
    /// The Safe, as the world uses it.
    #[allow(missing_docs)]
    interface Safe {
        function setup(address[] owners, uint256 threshold, address to, bytes data, address fallbackHandler, address paymentToken, uint256 payment, address paymentReceiver)
            external;
        function isValidSignature(bytes32 hash, bytes signature) external view returns (bytes4);
        function getThreshold() external view returns (uint256);
    }

    /// What makes proxies of it.
    #[allow(missing_docs)]
    interface SafeProxyFactory {
        function createProxyWithNonce(address singleton, bytes initializer, uint256 saltNonce) external returns (address proxy);
    }
}

/// The creation code of a contract of the package.
fn code(contract: &str) -> Result<Bytes> {
    let name = contract.rsplit('/').next().unwrap_or(contract);
    let path = paths::root()
        .join("node_modules/@safe-global/safe-smart-account/build/artifacts/contracts")
        .join(format!("{contract}.sol/{name}.json"));
    let text =
        std::fs::read_to_string(&path).with_context(|| format!("reading {}", path.display()))?;
    let artifact: Value = serde_json::from_str(&text)?;
    Ok(artifact["bytecode"].as_str().context("no creation code")?.parse()?)
}

async fn create(world: &mut World, contract: &str) -> Result<Address> {
    let from = world.person(0);
    world.clock.ready(12).await?;
    let transaction = json!({ "from": from, "data": code(contract)?, "gas": "0xb71b00" });
    let hash: B256 = world.clock.chain.rpc("eth_sendTransaction", json!([transaction])).await?;
    let receipt = world.clock.land(hash, contract, 12).await?;
    receipt.contract_address.with_context(|| format!("{contract} has no address"))
}

/// Deploys a Safe of some owners.
///
/// # Errors
/// If a step reverts.
pub async fn deploy(world: &mut World, owners: Vec<Address>, threshold: u64) -> Result<Address> {
    let singleton = create(world, "Safe").await?;
    let factory = create(world, "proxies/SafeProxyFactory").await?;
    let handler = create(world, "handler/CompatibilityFallbackHandler").await?;
    let setup = Safe::setupCall {
        owners,
        threshold: U256::from(threshold),
        to: Address::ZERO,
        data: Bytes::new(),
        fallbackHandler: handler,
        paymentToken: Address::ZERO,
        payment: U256::ZERO,
        paymentReceiver: Address::ZERO,
    };
    let make = SafeProxyFactory::createProxyWithNonceCall {
        singleton,
        initializer: setup.abi_encode().into(),
        saltNonce: U256::ZERO,
    };
    let safe = world.clock.chain.call(factory, make.clone()).await?;
    world.clock.act(world.person(0), factory, make, 12).await?;
    let found = world.clock.chain.call(safe, Safe::getThresholdCall {}).await?;
    anyhow::ensure!(found == U256::from(threshold), "the Safe at {safe} is not set up");
    Ok(safe)
}
