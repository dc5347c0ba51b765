//! From the lens's answer to [`Snapshot`]s: every number checked for its range, every page for where it was made.

use alloy::{
    primitives::{Address, U256, keccak256},
    sol_types::{SolCall, SolError, SolValue},
};
use vagus_policy::{
    AaveV3Curve, AgentState, AssetInfo, Bucket, Checkpoint, Curve, GuardState, Mode,
    MorphoBlueCurve, MorphoBlueHolding, MorphoBlueMarketsCurve, NavState, ReadPrice, Snapshot,
    StrategyState, VaultState,
};

use crate::{
    Header, Query, Sighting, Unseen, Witness,
    bindings::{
        curve,
        lens::ITreasuryLens::{
            self, AgentState as LensAgent, Bucket as LensBucket, GuardState as LensGuard, LensPage,
            NavState as LensNav, StrategyState as LensReference, StrategyView, VaultQuery,
            VaultView,
        },
    },
};

/// Version of the lens that this code reads.
pub const LENS_VERSION: u32 = 2;
/// Most markets that a strategy over several of them has.
const MOST_MARKETS: usize = 8;
/// Gas that the lens keeps back to return what it has read, unless that was not enough.
pub(crate) const GAS_RESERVE: u64 = 3_000_000;

/// A call of the lens from a query on, with so much gas kept back.
#[must_use]
pub fn encode(queries: &[Query], start: usize, gas_reserve: u64) -> Vec<u8> {
    ITreasuryLens::readCall {
        queries: queries
            .iter()
            .map(|query| VaultQuery { vault: query.vault, agent: query.agent })
            .collect(),
        start: U256::from(start),
        gasReserve: U256::from(gas_reserve),
    }
    .abi_encode()
}

/// Whether a page failed because the vault that it begins with needs more gas.
pub(crate) fn is_gas_too_low(revert: &[u8]) -> bool {
    ITreasuryLens::GasTooLow::abi_decode(revert).is_ok()
}

/// A vault that was not seen.
pub(crate) fn unseen(query: &Query, cause: impl Into<String>) -> Unseen {
    Unseen { vault: query.vault, cause: cause.into() }
}

/// What a page of one vault says, and a digest of its bytes that all honest endpoints give alike. The base fee is left
/// out of it: some nodes report none in a call, and nothing here is taken from it.
pub(crate) fn witness(
    answer: &[u8],
    queries: &[Query; 1],
    header: &Header,
    chain_id: u64,
) -> Result<Witness, String> {
    let (mut sightings, _) = decode(answer, queries, 0, header, chain_id)?;
    let sighting = sightings.pop().ok_or("it left out the vault")?;
    let mut page = ITreasuryLens::readCall::abi_decode_returns(answer)
        .map_err(|_| "it is no lens page".to_owned())?;
    page.baseFee = U256::ZERO;
    let digest = keccak256(ITreasuryLens::readCall::abi_encode_returns(&page));
    Ok(Witness { sighting, digest })
}

/// A page of vaults and the place to go on from. What is wrong with one vault is that vault's alone.
///
/// # Errors
/// In words, if it is no page of the lens, or was made elsewhere than `header` and `chain_id` say.
pub fn decode(
    answer: &[u8],
    queries: &[Query],
    start: usize,
    header: &Header,
    chain_id: u64,
) -> Result<(Vec<Sighting>, usize), String> {
    let page = ITreasuryLens::readCall::abi_decode_returns(answer)
        .map_err(|_| "it is no lens page; is there a lens at this address?".to_owned())?;
    prove(&page, header, chain_id)?;
    let next = usize::try_from(page.next).unwrap_or(usize::MAX);
    if next <= start || next > queries.len() || page.vaults.len() != next - start {
        return Err(format!(
            "a page from {start} holds {} vaults and goes on at {}",
            page.vaults.len(),
            page.next
        ));
    }
    let mut sightings = Vec::with_capacity(page.vaults.len());
    for (view, query) in page.vaults.into_iter().zip(&queries[start..next]) {
        if view.vault != query.vault {
            return Err(format!("it answers for {} instead of {}", view.vault, query.vault));
        }
        // The lens leaves everything empty where a vault could not be read: no guard, no number.
        let state = if view.guard == Address::ZERO {
            Err("the lens could not read it".to_owned())
        } else {
            vault(view, query.agent)
        };
        sightings.push(match state {
            Ok(vault) => Ok(Snapshot {
                lens_version: page.lensVersion,
                chain_id,
                block: header.block,
                base_fee_wei: header.base_fee_wei,
                vault,
            }),
            Err(cause) => Err(unseen(query, cause)),
        });
    }
    Ok((sightings, next))
}

/// The page was made at the block that was asked for.
fn prove(page: &LensPage, header: &Header, chain_id: u64) -> Result<(), String> {
    let says = |what: &str, found: &dyn std::fmt::Display, expected: &dyn std::fmt::Display| {
        Err(format!("its {what} is {found} instead of {expected}"))
    };
    let block = header.block;
    if page.lensVersion != LENS_VERSION {
        return says("lens version", &page.lensVersion, &LENS_VERSION);
    }
    if page.chainId != U256::from(chain_id) {
        return says("chain id", &page.chainId, &chain_id);
    }
    if page.blockNumber != U256::from(block.number) {
        return says("block number", &page.blockNumber, &block.number);
    }
    if page.parentHash != block.parent_hash {
        return says("parent hash", &page.parentHash, &block.parent_hash);
    }
    if page.timestamp != U256::from(block.timestamp) {
        return says("block time", &page.timestamp, &block.timestamp);
    }
    Ok(())
}

/// Seconds, heights and the like: far below 2^64 in every honest answer.
fn small(number: U256, what: &str) -> Result<u64, String> {
    u64::try_from(number).map_err(|_| format!("{what} of {number} is out of range"))
}

fn vault(view: VaultView, agent: Address) -> Result<VaultState, String> {
    if view.references.len() != view.strategies.len() {
        return Err(format!(
            "vault {} has {} strategies and {} price references",
            view.vault,
            view.strategies.len(),
            view.references.len()
        ));
    }
    let strategies = view
        .strategies
        .into_iter()
        .zip(view.references)
        .map(|(strategy, reference)| strategy_state(strategy, reference))
        .collect::<Result<_, _>>()?;
    Ok(VaultState {
        vault: view.vault,
        guard: view.guard,
        asset: AssetInfo {
            address: view.asset,
            symbol: printable(&view.assetSymbol),
            decimals: view.assetDecimals,
        },
        idle: view.idle,
        nav: nav_state(view.nav)?,
        checkpoint: Checkpoint {
            nav: view.checkpointNav,
            base: view.checkpointBase,
            is_fresh: view.isCheckpointFresh,
        },
        guard_state: guard_state(view.guardState)?,
        agent: agent_state(view.agentState, agent)?,
        strategies,
    })
}

/// Symbols are chosen by strangers: no control characters in a terminal, no endless ones.
pub(crate) fn printable(symbol: &str) -> String {
    symbol.chars().filter(|c| !c.is_control()).take(32).collect()
}

fn nav_state(nav: LensNav) -> Result<NavState, String> {
    Ok(NavState {
        live_assets: nav.liveAssets,
        nav_assets: nav.navAssets,
        entry_assets: nav.entryAssets,
        base_assets: nav.baseAssets,
        supply: nav.supply,
        pending_fee_shares: nav.pendingFeeShares,
        high_water_price: nav.highWaterPrice,
        seasoned_wad: nav.seasonedWad,
        mark_price: nav.markPrice,
        observation_price: nav.observationPrice,
        previous_price: nav.previousPrice,
        refreshed_at: small(nav.refreshedAt, "a refresh time")?,
        is_entry_open: nav.isEntryOpen,
        is_readable: nav.isReadable,
    })
}

fn bucket(bucket: LensBucket) -> Bucket {
    Bucket { level_wad: bucket.levelWad, updated_at: bucket.updatedAt.to::<u64>() }
}

fn guard_state(guard: LensGuard) -> Result<GuardState, String> {
    let mode = match guard.mode {
        0 => Mode::Active,
        1 => Mode::ExitOnly,
        2 => Mode::Paused,
        other => return Err(format!("there is no mode {other}")),
    };
    Ok(GuardState {
        policy_version: guard.policyVersion,
        policy_hash: guard.policyHash,
        policy_block: guard.policyBlock,
        mode,
        rebalance_count: guard.rebalanceCount,
        turnover: bucket(guard.turnover),
        loss: bucket(guard.loss),
    })
}

fn agent_state(state: LensAgent, agent: Address) -> Result<AgentState, String> {
    Ok(AgentState {
        agent,
        exists: state.exists,
        is_revoked: state.isRevoked,
        nonce: state.nonce,
        last_rebalance_at: state.lastRebalanceAt.to::<u64>(),
        turnover: bucket(state.turnover),
        loss: bucket(state.loss),
    })
}

fn strategy_state(view: StrategyView, reference: LensReference) -> Result<StrategyState, String> {
    if view.strategy != reference.strategy {
        return Err(format!(
            "the price reference of {} stands beside strategy {}",
            reference.strategy, view.strategy
        ));
    }
    Ok(StrategyState {
        strategy: view.strategy,
        symbol: printable(&view.symbol),
        decimals: view.decimals,
        is_readable: view.isReadable,
        shares: view.shares,
        convert_assets: view.convertAssets,
        redeem_assets: view.redeemAssets,
        max_withdraw_assets: view.maxWithdrawAssets,
        max_deposit_assets: view.maxDepositAssets,
        reference_price: reference.referencePrice,
        reference_at: reference.referenceAt.to::<u64>(),
        read_price: (!view.unitShares.is_zero())
            .then_some(ReadPrice { shares: view.unitShares, assets: view.unitAssets }),
        curve: curve_of(view.curveSource, &view.curve)?,
    })
}

fn curve_of(source: u8, encoding: &[u8]) -> Result<Curve, String> {
    let unfit = |_| format!("the curve of source {source} cannot be decoded");
    match source {
        0 => Ok(Curve::Unknown),
        1 => {
            let raw = curve::AaveV3Curve::abi_decode(encoding).map_err(unfit)?;
            Ok(Curve::AaveV3(AaveV3Curve {
                configuration: raw.configuration,
                optimal_usage_ray: raw.optimalUsageRay,
                base_rate_ray: raw.baseRateRay,
                slope1_ray: raw.slope1Ray,
                slope2_ray: raw.slope2Ray,
                variable_borrow_index_ray: raw.variableBorrowIndexRay,
                variable_borrow_rate_ray: raw.variableBorrowRateRay,
                scaled_debt: raw.scaledDebt,
                virtual_balance: raw.virtualBalance,
                deficit: raw.deficit,
                last_update_at: small(raw.lastUpdateAt, "an update time")?,
                total_a_token_supply: raw.totalATokenSupply,
                accrued_to_treasury: raw.accruedToTreasury,
                liquidity_index_ray: raw.liquidityIndexRay,
            }))
        }
        2 => {
            let raw = curve::MorphoBlueCurve::abi_decode(encoding).map_err(unfit)?;
            morpho_blue(raw).map(Curve::MorphoBlue)
        }
        3 => {
            let raw = curve::MorphoBlueMarketsCurve::abi_decode(encoding).map_err(unfit)?;
            // What the contract was built for; more would only be a way to keep the reader busy.
            if raw.markets.is_empty() || raw.markets.len() > MOST_MARKETS {
                return Err(format!(
                    "a strategy over {} markets; there are 1 to {MOST_MARKETS}",
                    raw.markets.len()
                ));
            }
            let holding = |raw: curve::MorphoBlueHolding| -> Result<_, String> {
                Ok(MorphoBlueHolding {
                    market_id: raw.marketId,
                    cap: raw.cap,
                    supply_shares: raw.supplyShares,
                    curve: morpho_blue(raw.curve)?,
                })
            };
            let markets = raw.markets.into_iter().map(holding).collect::<Result<_, _>>()?;
            Ok(Curve::MorphoBlueMarkets(MorphoBlueMarketsCurve { markets }))
        }
        other => Err(format!("there is no curve source {other}")),
    }
}

fn morpho_blue(raw: curve::MorphoBlueCurve) -> Result<MorphoBlueCurve, String> {
    Ok(MorphoBlueCurve {
        total_supply_assets: raw.totalSupplyAssets,
        total_supply_shares: raw.totalSupplyShares,
        total_borrow_assets: raw.totalBorrowAssets,
        total_borrow_shares: raw.totalBorrowShares,
        last_update_at: small(raw.lastUpdateAt, "an update time")?,
        fee_wad: raw.feeWad,
        rate_at_target_wad: raw.rateAtTargetWad,
    })
}

#[cfg(test)]
pub(crate) mod tests;
