// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

/// @notice A reserve as Aave V3's pool stores it, one word per member. Integers are read whole, so that decoding an
/// answer of the wrong shape cannot fail; members of no use here are named all the same to keep the order.
struct AaveV3Reserve {
    uint256 configuration;
    uint256 liquidityIndexRay;
    uint256 liquidityRateRay;
    uint256 variableBorrowIndexRay;
    uint256 variableBorrowRateRay;
    uint256 stableBorrowRateRay;
    uint256 lastUpdateAt;
    uint256 id;
    uint256 aToken;
    uint256 stableDebtToken;
    uint256 variableDebtToken;
    uint256 interestRateStrategy;
    uint256 accruedToTreasury;
    uint256 unbacked;
    uint256 isolationModeTotalDebt;
}

/// @notice Parameters of Aave V3's rate curve, yearly, 1e27 = 100 %.
struct AaveV3RateData {
    uint256 optimalUsageRay;
    uint256 baseRateRay;
    uint256 slope1Ray;
    uint256 slope2Ray;
}

/// @title The part of Aave's ERC-4626 static token that tells its pool
interface IAaveV3StaticToken {
    /// @notice The pool it supplies to.
    function POOL() external view returns (address);
    /// @notice The interest-bearing token it holds.
    function aToken() external view returns (address);
}

/// @title The part of Aave V3's pool that its supply rate depends on
interface IAaveV3Pool {
    /// @notice A reserve's stored state.
    function getReserveData(address asset) external view returns (AaveV3Reserve memory);
    /// @notice Virtual underlying balance of a reserve.
    function getVirtualUnderlyingBalance(address asset) external view returns (uint128);
    /// @notice Debt without a debtor.
    function getReserveDeficit(address asset) external view returns (uint256);
    /// @notice The pool's one rate strategy.
    function RESERVE_INTEREST_RATE_STRATEGY() external view returns (address);
}

/// @title The rate strategy of an Aave V3 pool
interface IAaveV3RateStrategy {
    /// @notice Parameters of a reserve's curve.
    function getInterestRateData(address reserve) external view returns (AaveV3RateData memory);
}

/// @title The part of Aave's variable debt token that its interest does not move
interface IAaveV3DebtToken {
    /// @notice Supply in units of the borrow index.
    function scaledTotalSupply() external view returns (uint256);
}
