//! The lending venues of a world: real Aave V3 markets and real Morpho Blue markets, with people behind them.

use std::{path::Path, process::Command, time::Duration};

use alloy::{
    primitives::{Address, B256, U256},
    sol,
};
use anyhow::{Context, Result};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::{anvil::Anvil, paths, process};

sol! {
    /// What the world uses of an ERC-20.
    #[allow(missing_docs)]
    interface Token {
        function balanceOf(address account) external view returns (uint256);
        function allowance(address owner, address spender) external view returns (uint256);
        function approve(address spender, uint256 value) external returns (bool);
        function transfer(address to, uint256 value) external returns (bool);
        function mint(address account, uint256 value) external;
        function totalSupply() external view returns (uint256);
        function decimals() external view returns (uint8);
    }

    /// What the world uses of Aave's pool.
    #[allow(missing_docs)]
    interface AavePool {
        function supply(address asset, uint256 amount, address onBehalfOf, uint16 referralCode) external;
        function borrow(address asset, uint256 amount, uint256 rateMode, uint16 referralCode, address onBehalfOf) external;
        function repay(address asset, uint256 amount, uint256 rateMode, address onBehalfOf) external returns (uint256);
        function getVirtualUnderlyingBalance(address asset) external view returns (uint128);
    }

    /// What the world uses of Morpho.
    #[allow(missing_docs)]
    interface MorphoBlue {
        struct MarketParams {
            address loanToken;
            address collateralToken;
            address oracle;
            address irm;
            uint256 lltv;
        }
        function borrow(MarketParams memory marketParams, uint256 assets, uint256 shares, address onBehalf, address receiver)
            external
            returns (uint256 assetsBorrowed, uint256 sharesBorrowed);
        function repay(MarketParams memory marketParams, uint256 assets, uint256 shares, address onBehalf, bytes memory data)
            external
            returns (uint256 assetsRepaid, uint256 sharesRepaid);
        function market(bytes32 id)
            external
            view
            returns (uint128, uint128, uint128, uint128, uint128, uint128);
    }
}

/// A token of the world.
#[derive(Clone, Debug, Deserialize)]
pub struct TokenInfo {
    /// Its address.
    pub address: Address,
    /// Its symbol.
    pub symbol: String,
    /// Its decimals.
    pub decimals: u8,
}

/// An Aave market.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AaveMarket {
    /// Its name.
    pub name: String,
    /// Aave's pool.
    pub pool: Address,
    /// Aave's ERC-4626 static token, the strategy.
    pub stata_token: Address,
    /// Who borrows there.
    pub borrower: Address,
}

/// Parameters of a Morpho market.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct MorphoParams {
    /// Asset lent.
    pub loan_token: Address,
    /// Collateral.
    pub collateral_token: Address,
    /// Price source.
    pub oracle: Address,
    /// Rate model.
    pub irm: Address,
    /// Liquidation threshold, 10^18 = 100 %, decimal.
    pub lltv: String,
}

/// A Morpho market.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct MorphoMarket {
    /// Its name.
    pub name: String,
    /// Morpho itself.
    pub morpho: Address,
    /// Its id.
    pub market_id: B256,
    /// Its parameters.
    pub market_params: MorphoParams,
    /// Who borrows there.
    pub borrower: Address,
}

/// All venues of a world, as the deployment wrote them.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Venues {
    /// Asset that is lent.
    pub asset: TokenInfo,
    /// Collateral.
    pub collateral: TokenInfo,
    /// May mint asset and collateral.
    pub deployer: Address,
    /// Aave markets.
    pub aave: Vec<AaveMarket>,
    /// Morpho markets.
    pub morpho: Vec<MorphoMarket>,
}

/// Money that an account has at the start, in whole assets.
#[derive(Clone, Copy, Debug)]
pub struct Grant {
    /// Index of the account.
    pub account: u32,
    /// Whole assets.
    pub assets: u64,
}

/// Deploys the venues of a world file with other grants, and returns their addresses, kept in `folder/venues.json`.
///
/// # Errors
/// If the deployment fails or takes over two minutes.
pub fn deploy(chain: &Anvil, world: &str, grants: &[Grant], folder: &Path) -> Result<Venues> {
    let source = paths::root().join("venues/worlds").join(format!("{world}.json"));
    let text = std::fs::read_to_string(&source)
        .with_context(|| format!("reading {}", source.display()))?;
    let file: Value =
        serde_json::from_str(&text).with_context(|| format!("reading {}", source.display()))?;
    deploy_file(chain, &file, grants, folder)
}

/// As [`deploy`], with the world given.
///
/// # Errors
/// As [`deploy`].
pub fn deploy_file(
    chain: &Anvil,
    world: &Value,
    grants: &[Grant],
    folder: &Path,
) -> Result<Venues> {
    let mut file = world.clone();
    file["grants"] = grants
        .iter()
        .map(|grant| json!({ "account": grant.account, "asset": grant.assets, "collateral": 0 }))
        .collect();
    let world_file = folder.join("world.json");
    std::fs::write(&world_file, serde_json::to_string_pretty(&file)?)?;

    let out = folder.join("venues.json");
    process::run(
        "the venues' deployment",
        Command::new(paths::root().join("venues/deploy.sh"))
            .arg(&chain.url)
            .arg(&world_file)
            .arg(&out)
            .current_dir(paths::root()),
        &folder.join("venues.log"),
        Duration::from_secs(120),
    )?;
    let text =
        std::fs::read_to_string(&out).with_context(|| format!("reading {}", out.display()))?;
    serde_json::from_str(&text).with_context(|| format!("reading {}", out.display()))
}

/// A borrower takes a further loan at an Aave market.
///
/// # Errors
/// If Aave refuses it.
pub async fn borrow_aave(chain: &Anvil, venues: &Venues, at: usize, assets: U256) -> Result<B256> {
    let market = &venues.aave[at];
    let call = AavePool::borrowCall {
        asset: venues.asset.address,
        amount: assets,
        rateMode: U256::from(2),
        referralCode: 0,
        onBehalfOf: market.borrower,
    };
    chain.submit(market.borrower, market.pool, call).await
}

/// A borrower repays part of its loan at an Aave market.
///
/// # Errors
/// If Aave refuses it.
pub async fn repay_aave(chain: &Anvil, venues: &Venues, at: usize, assets: U256) -> Result<B256> {
    let market = &venues.aave[at];
    let call = AavePool::repayCall {
        asset: venues.asset.address,
        amount: assets,
        rateMode: U256::from(2),
        onBehalfOf: market.borrower,
    };
    chain.submit(market.borrower, market.pool, call).await
}

impl MorphoMarket {
    fn params(&self) -> Result<MorphoBlue::MarketParams> {
        Ok(MorphoBlue::MarketParams {
            loanToken: self.market_params.loan_token,
            collateralToken: self.market_params.collateral_token,
            oracle: self.market_params.oracle,
            irm: self.market_params.irm,
            lltv: self.market_params.lltv.parse().context("lltv of the Morpho market")?,
        })
    }
}

/// A borrower takes a further loan at a Morpho market.
///
/// # Errors
/// If Morpho refuses it.
pub async fn borrow_morpho(
    chain: &Anvil,
    venues: &Venues,
    at: usize,
    assets: U256,
) -> Result<B256> {
    let market = &venues.morpho[at];
    let call = MorphoBlue::borrowCall {
        marketParams: market.params()?,
        assets,
        shares: U256::ZERO,
        onBehalf: market.borrower,
        receiver: market.borrower,
    };
    chain.submit(market.borrower, market.morpho, call).await
}

/// A borrower repays part of its loan at a Morpho market.
///
/// # Errors
/// If Morpho refuses it.
pub async fn repay_morpho(chain: &Anvil, venues: &Venues, at: usize, assets: U256) -> Result<B256> {
    let market = &venues.morpho[at];
    let call = MorphoBlue::repayCall {
        marketParams: market.params()?,
        assets,
        shares: U256::ZERO,
        onBehalf: market.borrower,
        data: Vec::new().into(),
    };
    chain.submit(market.borrower, market.morpho, call).await
}
