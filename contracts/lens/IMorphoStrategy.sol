// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

/// @notice What a Morpho Blue market is made of, one word per member; integers are read whole, so that decoding an
/// answer of the wrong shape cannot fail. The market's id is the keccak-256 of the encoding.
struct MorphoMarketParams {
    uint256 loanToken;
    uint256 collateralToken;
    uint256 oracle;
    uint256 irm;
    uint256 lltv;
}

/// @notice A market as Morpho Blue stores it, interest accrued up to `lastUpdateAt`; read whole likewise.
struct MorphoMarketState {
    uint256 totalSupplyAssets;
    uint256 totalSupplyShares;
    uint256 totalBorrowAssets;
    uint256 totalBorrowShares;
    uint256 lastUpdateAt;
    uint256 feeWad;
}

/// @title The part of a Morpho Blue strategy that tells its market
interface IMorphoStrategy {
    /// @notice Morpho Blue.
    function morpho() external view returns (address);
    /// @notice The market's parameters.
    function marketParams() external view returns (MorphoMarketParams memory);
}

/// @title The part of a strategy over several Morpho Blue markets that tells what they are; it has `morpho` as well
interface IMorphoMarketsStrategy {
    /// @notice How many markets there are.
    function marketCount() external view returns (uint256);
    /// @notice The market at a place of the list, its cap, and the supply shares in it that the strategy holds.
    function marketAt(uint256 place)
        external
        view
        returns (MorphoMarketParams memory params, uint256 cap, uint256 supplyShares);
}

/// @title The part of Morpho Blue that a market's rate depends on
interface IMorphoMarkets {
    /// @notice A market's stored state.
    function market(bytes32 id) external view returns (MorphoMarketState memory);
}

/// @title The adaptive curve model's own state
interface IAdaptiveCurve {
    /// @notice Borrow rate per second at target utilisation, 1e18 = 100 %.
    function rateAtTarget(bytes32 id) external view returns (int256);
}
