// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";

import {Market} from "./interfaces/IMorphoBlue.sol";

/// @title Morpho Blue's arithmetic of interest and shares
/// @notice Gives the numbers that Morpho itself will count with, before it does.
library MorphoMarketMath {
    using SafeCast for uint256;

    uint256 private constant WAD = 1e18;
    /// @dev Morpho prices shares as if these existed on top.
    uint256 private constant VIRTUAL_SHARES = 1e6;
    uint256 private constant VIRTUAL_ASSETS = 1;

    /// @notice A market with interest since its last update, as Morpho's accrual leaves it.
    /// @param rateWad Borrow rate per second since the last update, 1e18 = 100 %.
    /// @param timestamp Unix time to accrue to, not before the last update.
    function accrued(Market memory market, uint256 rateWad, uint256 timestamp) internal pure returns (Market memory) {
        uint256 growthWad = _compoundedDown(rateWad, timestamp - market.lastUpdate);
        uint256 interest = Math.mulDiv(market.totalBorrowAssets, growthWad, WAD);
        uint256 supplyAssets = market.totalSupplyAssets + interest;
        if (market.fee != 0) {
            uint256 feeAssets = Math.mulDiv(interest, market.fee, WAD);
            uint256 feeShares = Math.mulDiv(
                feeAssets, market.totalSupplyShares + VIRTUAL_SHARES, supplyAssets - feeAssets + VIRTUAL_ASSETS
            );
            market.totalSupplyShares += feeShares.toUint128();
        }
        market.totalSupplyAssets = supplyAssets.toUint128();
        market.totalBorrowAssets += interest.toUint128();
        market.lastUpdate = timestamp.toUint128();
        return market;
    }

    /// @notice Supply shares for `assets`.
    function toShares(Market memory market, uint256 assets, Math.Rounding rounding) internal pure returns (uint256) {
        return Math.mulDiv(
            assets, market.totalSupplyShares + VIRTUAL_SHARES, market.totalSupplyAssets + VIRTUAL_ASSETS, rounding
        );
    }

    /// @notice Assets for supply `shares`.
    function toAssets(Market memory market, uint256 shares, Math.Rounding rounding) internal pure returns (uint256) {
        return Math.mulDiv(
            shares, market.totalSupplyAssets + VIRTUAL_ASSETS, market.totalSupplyShares + VIRTUAL_SHARES, rounding
        );
    }

    /// @notice Assets for supply `shares`, rounded down, in a market with these totals.
    function assetsDown(uint256 shares, uint256 totalSupplyAssets, uint256 totalSupplyShares)
        internal
        pure
        returns (uint256)
    {
        return Math.mulDiv(shares, totalSupplyAssets + VIRTUAL_ASSETS, totalSupplyShares + VIRTUAL_SHARES);
    }

    /// @notice What the market can pay out: supplied and not borrowed.
    function liquidity(Market memory market) internal pure returns (uint256) {
        return Math.saturatingSub(market.totalSupplyAssets, market.totalBorrowAssets);
    }

    /// @dev e^(rate × time) − 1 as Morpho takes it: the first three terms of the series, each rounded down.
    function _compoundedDown(uint256 rateWad, uint256 elapsedSeconds) private pure returns (uint256) {
        uint256 first = rateWad * elapsedSeconds;
        uint256 second = Math.mulDiv(first, first, 2 * WAD);
        return first + second + Math.mulDiv(second, first, 3 * WAD);
    }
}
