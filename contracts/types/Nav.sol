// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {StrategyStatus} from "./Policy.sol";

/// @notice The part of a policy that the vault itself prices by; units as in `Limits`.
struct NavParameters {
    uint64 maxGrowthWad;
    uint16 maxDrawdownBps;
    uint32 entryHaltSeconds;
    uint32 seasoningSeconds;
    uint32 maxNavAgeSeconds;
    uint128 depositCap;
    uint16 managementFeeBps;
    uint16 performanceFeeBps;
    address feeRecipient;
}

/// @notice One entry of the vault's exit list.
struct ExitEntry {
    address strategy;
    StrategyStatus status;
}

/// @notice How the vault stands at the asking block's time, as if it had been refreshed in it.
/// @param liveAssets Idle and all positions by `convertToAssets`; unreadable and written-off ones count zero.
/// @param navAssets min(live, mark), what exits, limits and `totalAssets` use.
/// @param entryAssets What entries pay by: the highest of live, mark and the last observation of an earlier block.
/// @param baseAssets NAV × seasoned share of supply.
/// @param supply Shares in existence, with the fee shares that a refresh now would mint.
/// @param pendingFeeShares Those fee shares.
/// @param highWaterPrice Price above which the performance fee is due, in the unit of the prices below.
/// @param seasonedWad Seasoned supply ÷ supply, 1e18 = all, rounded down.
/// @param markPrice, observationPrice, previousPrice Stored prices: (assets + 1) × 2^128 ÷ (shares + virtual shares).
/// @param refreshedAt Unix time of the last refresh, zero before the first.
/// @param isEntryOpen Whether deposits are possible now.
/// @param isReadable Whether every strategy that is not written off could be read.
struct NavState {
    uint256 liveAssets;
    uint256 navAssets;
    uint256 entryAssets;
    uint256 baseAssets;
    uint256 supply;
    uint256 pendingFeeShares;
    uint256 highWaterPrice;
    uint256 seasonedWad;
    uint256 markPrice;
    uint256 observationPrice;
    uint256 previousPrice;
    uint256 refreshedAt;
    bool isEntryOpen;
    bool isReadable;
}
