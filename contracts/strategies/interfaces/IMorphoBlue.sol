// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

/// @notice What a Morpho Blue market is made of. Its id is the keccak-256 of the struct's ABI encoding.
/// @param loanToken The asset that is lent. @param collateralToken What borrowers put up.
/// @param oracle Price of the collateral in the loan token. @param irm The interest rate model.
/// @param lltv Loan-to-value at which a loan is liquidated, 1e18 = 100 %.
struct MarketParams {
    address loanToken;
    address collateralToken;
    address oracle;
    address irm;
    uint256 lltv;
}

/// @notice A market's stored state; interest is accrued up to `lastUpdate`.
/// @param lastUpdate Unix time of the last accrual; zero if the market does not exist.
/// @param fee Share of interest that goes to Morpho's fee recipient, 1e18 = 100 %.
struct Market {
    uint128 totalSupplyAssets;
    uint128 totalSupplyShares;
    uint128 totalBorrowAssets;
    uint128 totalBorrowShares;
    uint128 lastUpdate;
    uint128 fee;
}

/// @notice An account's part of a market.
struct Position {
    uint256 supplyShares;
    uint128 borrowShares;
    uint128 collateral;
}

/// @title The part of Morpho Blue that a lender needs
/// @notice Written against the deployed contract's ABI; amounts are in the loan token's smallest unit.
interface IMorphoBlue {
    /// @notice A market's state, as stored.
    function market(bytes32 id) external view returns (Market memory);

    /// @notice An account's position in a market.
    function position(bytes32 id, address account) external view returns (Position memory);

    /// @notice Adds the interest since the market's last update to its totals.
    function accrueInterest(MarketParams calldata marketParams) external;

    /// @notice Lends `assets`, or as much as `shares` cost, for `onBehalf`. Exactly one of the two is non-zero.
    function supply(
        MarketParams calldata marketParams,
        uint256 assets,
        uint256 shares,
        address onBehalf,
        bytes calldata data
    ) external returns (uint256 assetsSupplied, uint256 sharesSupplied);

    /// @notice Takes back `assets`, or what `shares` are worth. Exactly one of the two is non-zero.
    function withdraw(
        MarketParams calldata marketParams,
        uint256 assets,
        uint256 shares,
        address onBehalf,
        address receiver
    ) external returns (uint256 assetsWithdrawn, uint256 sharesWithdrawn);
}

/// @title An interest rate model of Morpho Blue
interface IMorphoIrm {
    /// @notice Borrow rate per second, 1e18 = 100 %, averaged since the market's last update. May store its own state.
    function borrowRate(MarketParams calldata marketParams, Market calldata market) external returns (uint256);

    /// @notice The same without storing anything.
    function borrowRateView(MarketParams calldata marketParams, Market calldata market) external view returns (uint256);
}
