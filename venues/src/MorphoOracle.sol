// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {PriceFeed} from "./PriceFeed.sol";

/// @title A Morpho oracle over two price feeds
/// @notice Both kinds of venue see the same prices.
contract MorphoOracle {
    /// @notice Prices of the collateral and of the loan token.
    PriceFeed public immutable COLLATERAL_FEED;
    PriceFeed public immutable LOAN_FEED;
    uint256 private immutable _SCALE;

    constructor(PriceFeed collateralFeed, PriceFeed loanFeed, uint8 collateralDecimals, uint8 loanDecimals) {
        COLLATERAL_FEED = collateralFeed;
        LOAN_FEED = loanFeed;
        _SCALE = 10 ** (36 + uint256(loanDecimals) - collateralDecimals);
    }

    /// @notice Loan token's smallest units for one smallest unit of collateral, scaled by 1e36.
    function price() external view returns (uint256) {
        // forge-lint: disable-next-line(unsafe-typecast) The feeds' owner sets positive prices only.
        return uint256(COLLATERAL_FEED.latestAnswer()) * _SCALE / uint256(LOAN_FEED.latestAnswer());
    }
}
