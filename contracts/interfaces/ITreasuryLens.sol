// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {NavState} from "../types/Nav.sol";
import {AgentState, GuardState, StrategyState} from "./IPolicyGuard.sol";

/// @notice Which curve a strategy's raw inputs belong to.
enum CurveSource {
    Unknown,
    AaveV3,
    MorphoBlue,
    MorphoBlueMarkets
}

/// @notice Raw inputs of Aave V3's rate, for a strategy that is an Aave static token. Units are the pool's.
/// @param configuration The reserve's configuration bitmap (reserve factor, caps, flags).
/// @param optimalUsageRay, baseRateRay, slope1Ray, slope2Ray The rate strategy's parameters.
/// @param variableBorrowIndexRay, variableBorrowRateRay Reserve state at `lastUpdateAt`.
/// @param scaledDebt Scaled total supply of the variable debt token.
/// @param virtualBalance Virtual underlying balance of the reserve.
/// @param deficit The reserve's deficit.
/// @param lastUpdateAt Unix time of the reserve's last update.
/// @param totalATokenSupply Supply of the aToken at the asking block, with interest.
/// @param accruedToTreasury Scaled amount owed to Aave's treasury.
/// @param liquidityIndexRay Stored liquidity index.
struct AaveV3Curve {
    uint256 configuration;
    uint256 optimalUsageRay;
    uint256 baseRateRay;
    uint256 slope1Ray;
    uint256 slope2Ray;
    uint256 variableBorrowIndexRay;
    uint256 variableBorrowRateRay;
    uint256 scaledDebt;
    uint256 virtualBalance;
    uint256 deficit;
    uint256 lastUpdateAt;
    uint256 totalATokenSupply;
    uint256 accruedToTreasury;
    uint256 liquidityIndexRay;
}

/// @notice Raw inputs of Morpho Blue's rate under the adaptive curve model. Units are Morpho's.
struct MorphoBlueCurve {
    uint256 totalSupplyAssets;
    uint256 totalSupplyShares;
    uint256 totalBorrowAssets;
    uint256 totalBorrowShares;
    uint256 lastUpdateAt;
    uint256 feeWad;
    int256 rateAtTargetWad;
}

/// @notice One market of a strategy over several of them.
/// @param marketId The market's id.
/// @param cap Most that deposits may bring the strategy's position in it to, in the asset.
/// @param supplyShares What the strategy holds there, for all of its own holders.
/// @param curve Raw inputs of the market's rate.
struct MorphoBlueHolding {
    bytes32 marketId;
    uint256 cap;
    uint256 supplyShares;
    MorphoBlueCurve curve;
}

/// @notice Raw inputs of the rate of a strategy of ours over several Morpho Blue markets: how its assets are spread and
/// what each market pays.
/// @param markets In the strategy's order, in which deposits fill them and against which withdrawals empty them; at
/// most eight, none of them twice.
struct MorphoBlueMarketsCurve {
    MorphoBlueHolding[] markets;
}

/// @notice A strategy as the vault sees it.
/// @param isReadable False if any of the amounts could not be read; they are zero then.
/// @param shares The vault's balance.
/// @param convertAssets `convertToAssets(shares)`. @param redeemAssets `previewRedeem(shares)`.
/// @param maxWithdrawAssets, maxDepositAssets For the vault.
/// @param unitShares, unitAssets What `IPolicyGuard.followPrice` would see: a number of shares that depends on the
/// price reference alone, and `previewRedeem` of it. Both are zero if that cannot be read; the rest may be readable
/// then.
/// @param curve Encoding of the struct that `curveSource` names; empty for Unknown.
struct StrategyView {
    address strategy;
    string symbol;
    uint8 decimals;
    bool isReadable;
    uint256 shares;
    uint256 convertAssets;
    uint256 redeemAssets;
    uint256 maxWithdrawAssets;
    uint256 maxDepositAssets;
    uint256 unitShares;
    uint256 unitAssets;
    CurveSource curveSource;
    bytes curve;
}

/// @notice A vault to look at, and the agent whose mandate is asked for.
struct VaultQuery {
    address vault;
    address agent;
}

/// @notice A vault with its guard and strategies, in policy order.
/// @param idle The vault's own balance of the asset.
/// @param checkpointNav, checkpointBase, isCheckpointFresh As `ITreasuryVault.checkpointState`.
struct VaultView {
    address vault;
    address guard;
    address asset;
    uint8 assetDecimals;
    string assetSymbol;
    uint256 idle;
    NavState nav;
    uint256 checkpointNav;
    uint256 checkpointBase;
    bool isCheckpointFresh;
    GuardState guardState;
    AgentState agentState;
    StrategyState[] references;
    StrategyView[] strategies;
}

/// @notice One page of an answer.
/// @param lensVersion `LENS_VERSION` of the answering contract.
/// @param parentHash Hash of the block before; with number and time the proof of where the answer was made.
/// @param next Index of the first query not answered on this page; the length of the list when all are.
struct LensPage {
    uint32 lensVersion;
    uint256 chainId;
    uint256 blockNumber;
    bytes32 parentHash;
    uint256 timestamp;
    uint256 baseFee;
    VaultView[] vaults;
    uint256 next;
}

/// @title One view call that returns everything a keeper needs
/// @notice What strategies answer is never trusted to be there: each call to one has a gas allowance and a bounded
/// answer, and one that fails marks that strategy unreadable and nothing else.
interface ITreasuryLens {
    /// @notice A failure is not believed because the caller gave too little gas; ask again with more, or with a smaller
    /// `gasReserve`.
    error GasTooLow(uint256 needed, uint256 given);

    /// @notice Version of `LensPage`.
    function LENS_VERSION() external view returns (uint32);

    /// @notice Reads vaults from `start` on until the list ends or less than `gasReserve` gas is left.
    /// @dev Every page answers at least one vault or reverts `GasTooLow`, so that following `next` always ends. A vault
    /// that cannot be read at all (no vault of ours, a broken guard or asset) is answered with `guard` zero and nothing
    /// but its address; that is said only of the first vault of a page, which had the whole of the gas.
    /// @param queries Vaults to look at.
    /// @param start Index of the first query to answer.
    /// @param gasReserve Gas kept back for putting the answer together: a quarter of the call's gas is ample.
    function read(VaultQuery[] calldata queries, uint256 start, uint256 gasReserve)
        external
        view
        returns (LensPage memory);

    /// @notice Reads one vault. Unlike `read` it reverts if the vault, its guard or its asset cannot be read.
    function readVault(VaultQuery calldata query) external view returns (VaultView memory);
}
