// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {PriceFeed} from "./PriceFeed.sol";
import {WorldToken} from "./WorldToken.sol";

/// @notice The tokens of a world and their prices; every market of it lends `asset` against `collateral`.
struct Tokens {
    WorldToken asset;
    WorldToken collateral;
    PriceFeed assetFeed;
    PriceFeed collateralFeed;
}

/// @notice One Aave market. Amounts are in whole tokens, as Aave's own caps are; 0 means no cap.
struct AaveConfig {
    string name;
    uint16 optimalUsageBps;
    uint32 baseRateBps;
    uint32 slope1Bps;
    uint32 slope2Bps;
    uint256 reserveFactorBps;
    uint256 supplyCap;
    uint256 borrowCap;
}

/// @notice The addresses of an Aave market.
struct AaveMarket {
    address provider;
    address pool;
    address configurator;
    address rateStrategy;
    address oracle;
    address aToken;
    address debtToken;
    address stataFactory;
    address stataToken;
}

/// @notice One Morpho Blue market. 1e18 = 100 %.
struct MorphoConfig {
    string name;
    uint256 feeWad;
    uint256 lltvWad;
}
