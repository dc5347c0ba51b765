//! Snapshots as the lens would return them.

use alloy::{
    primitives::{Address, Bytes, U256, aliases::U40},
    sol_types::SolValue,
};
use vagus_policy::{Bucket, Curve, MorphoBlueCurve, MorphoBlueHolding, Snapshot, StrategyState};

use crate::{
    Header,
    bindings::{
        curve,
        lens::ITreasuryLens::{
            AgentState, Bucket as LensBucket, GuardState, LensPage, NavState,
            StrategyState as LensReference, StrategyView, VaultView,
        },
    },
    lens::LENS_VERSION,
};

pub(super) fn page(chain_id: u64, at: Header, vaults: Vec<VaultView>, next: usize) -> LensPage {
    LensPage {
        lensVersion: LENS_VERSION,
        chainId: U256::from(chain_id),
        blockNumber: U256::from(at.block.number),
        parentHash: at.block.parent_hash,
        timestamp: U256::from(at.block.timestamp),
        baseFee: U256::from(at.base_fee_wei),
        vaults,
        next: U256::from(next),
    }
}

/// A vault that could not be read.
pub(super) fn empty(vault: Address) -> VaultView {
    VaultView {
        vault,
        guard: Address::ZERO,
        asset: Address::ZERO,
        assetDecimals: 0,
        assetSymbol: String::new(),
        idle: U256::ZERO,
        nav: NavState {
            liveAssets: U256::ZERO,
            navAssets: U256::ZERO,
            entryAssets: U256::ZERO,
            baseAssets: U256::ZERO,
            supply: U256::ZERO,
            pendingFeeShares: U256::ZERO,
            highWaterPrice: U256::ZERO,
            seasonedWad: U256::ZERO,
            markPrice: U256::ZERO,
            observationPrice: U256::ZERO,
            previousPrice: U256::ZERO,
            refreshedAt: U256::ZERO,
            isEntryOpen: false,
            isReadable: false,
        },
        checkpointNav: U256::ZERO,
        checkpointBase: U256::ZERO,
        isCheckpointFresh: false,
        guardState: GuardState {
            policyVersion: 0,
            policyHash: Default::default(),
            policyBlock: 0,
            mode: 0,
            rebalanceCount: 0,
            turnover: bucket(Bucket::default()),
            loss: bucket(Bucket::default()),
        },
        agentState: AgentState {
            exists: false,
            isRevoked: false,
            nonce: 0,
            lastRebalanceAt: U40::ZERO,
            turnover: bucket(Bucket::default()),
            loss: bucket(Bucket::default()),
        },
        references: Vec::new(),
        strategies: Vec::new(),
    }
}

fn bucket(bucket: Bucket) -> LensBucket {
    LensBucket { levelWad: bucket.level_wad, updatedAt: U40::from(bucket.updated_at) }
}

pub(super) fn view(snapshot: &Snapshot) -> VaultView {
    let (state, empty) = (&snapshot.vault, empty(snapshot.vault.vault));
    let (nav, guard, agent) = (&state.nav, &state.guard_state, &state.agent);
    VaultView {
        guard: state.guard,
        asset: state.asset.address,
        assetDecimals: state.asset.decimals,
        assetSymbol: state.asset.symbol.clone(),
        idle: state.idle,
        nav: NavState {
            liveAssets: nav.live_assets,
            navAssets: nav.nav_assets,
            entryAssets: nav.entry_assets,
            baseAssets: nav.base_assets,
            supply: nav.supply,
            pendingFeeShares: nav.pending_fee_shares,
            highWaterPrice: nav.high_water_price,
            seasonedWad: nav.seasoned_wad,
            markPrice: nav.mark_price,
            observationPrice: nav.observation_price,
            previousPrice: nav.previous_price,
            refreshedAt: U256::from(nav.refreshed_at),
            isEntryOpen: nav.is_entry_open,
            isReadable: nav.is_readable,
        },
        checkpointNav: state.checkpoint.nav,
        checkpointBase: state.checkpoint.base,
        isCheckpointFresh: state.checkpoint.is_fresh,
        guardState: GuardState {
            policyVersion: guard.policy_version,
            policyHash: guard.policy_hash,
            policyBlock: guard.policy_block,
            mode: guard.mode as u8,
            rebalanceCount: guard.rebalance_count,
            turnover: bucket(guard.turnover),
            loss: bucket(guard.loss),
        },
        agentState: AgentState {
            exists: agent.exists,
            isRevoked: agent.is_revoked,
            nonce: agent.nonce,
            lastRebalanceAt: U40::from(agent.last_rebalance_at),
            turnover: bucket(agent.turnover),
            loss: bucket(agent.loss),
        },
        references: state.strategies.iter().map(reference).collect(),
        strategies: state.strategies.iter().map(strategy).collect(),
        ..empty
    }
}

fn reference(state: &StrategyState) -> LensReference {
    LensReference {
        strategy: state.strategy,
        referencePrice: state.reference_price,
        referenceAt: U40::from(state.reference_at),
    }
}

fn strategy(state: &StrategyState) -> StrategyView {
    let (source, encoding) = curve(&state.curve);
    StrategyView {
        strategy: state.strategy,
        symbol: state.symbol.clone(),
        decimals: state.decimals,
        isReadable: state.is_readable,
        shares: state.shares,
        convertAssets: state.convert_assets,
        redeemAssets: state.redeem_assets,
        maxWithdrawAssets: state.max_withdraw_assets,
        maxDepositAssets: state.max_deposit_assets,
        unitShares: state.read_price.unwrap_or_default().shares,
        unitAssets: state.read_price.unwrap_or_default().assets,
        curveSource: source,
        curve: encoding,
    }
}

fn curve(of: &Curve) -> (u8, Bytes) {
    match of {
        Curve::AaveV3(of) => {
            let encoding = curve::AaveV3Curve {
                configuration: of.configuration,
                optimalUsageRay: of.optimal_usage_ray,
                baseRateRay: of.base_rate_ray,
                slope1Ray: of.slope1_ray,
                slope2Ray: of.slope2_ray,
                variableBorrowIndexRay: of.variable_borrow_index_ray,
                variableBorrowRateRay: of.variable_borrow_rate_ray,
                scaledDebt: of.scaled_debt,
                virtualBalance: of.virtual_balance,
                deficit: of.deficit,
                lastUpdateAt: U256::from(of.last_update_at),
                totalATokenSupply: of.total_a_token_supply,
                accruedToTreasury: of.accrued_to_treasury,
                liquidityIndexRay: of.liquidity_index_ray,
            };
            (1, encoding.abi_encode().into())
        }
        Curve::MorphoBlue(of) => (2, morpho_blue(of).abi_encode().into()),
        Curve::MorphoBlueMarkets(of) => {
            let holding = |of: &MorphoBlueHolding| curve::MorphoBlueHolding {
                marketId: of.market_id,
                cap: of.cap,
                supplyShares: of.supply_shares,
                curve: morpho_blue(&of.curve),
            };
            let markets = of.markets.iter().map(holding).collect();
            (3, curve::MorphoBlueMarketsCurve { markets }.abi_encode().into())
        }
        Curve::Unknown => (0, Bytes::new()),
    }
}

fn morpho_blue(of: &MorphoBlueCurve) -> curve::MorphoBlueCurve {
    curve::MorphoBlueCurve {
        totalSupplyAssets: of.total_supply_assets,
        totalSupplyShares: of.total_supply_shares,
        totalBorrowAssets: of.total_borrow_assets,
        totalBorrowShares: of.total_borrow_shares,
        lastUpdateAt: U256::from(of.last_update_at),
        feeWad: of.fee_wad,
        rateAtTargetWad: of.rate_at_target_wad,
    }
}
