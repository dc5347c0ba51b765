// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {IERC4626} from "@openzeppelin/contracts/interfaces/IERC4626.sol";

import {MarketParams} from "./IMorphoBlue.sol";

/// @notice A market of the strategy's list.
/// @param params The market. @param cap Most that deposits may bring the strategy's position in it to, in the asset;
/// interest may carry it further.
struct MarketCap {
    MarketParams params;
    uint96 cap;
}

/// @title Lending positions in several Morpho Blue markets of one loan token, as an ERC-4626
/// @notice The list of markets with their caps is fixed at deployment; there is no owner, no fee and no setting.
/// Deposits fill the markets from the first to the last, each up to its cap; withdrawals empty them from the last to
/// the first, each as far as it can pay. Neither order depends on anything that another user can move, save that a
/// market which cannot pay is passed over.
///
/// Shares are priced by the sum of the positions. Only supply that the strategy itself entered counts: assets sent to
/// it and supply given to it in a market are nobody's, change no price and cannot be taken out. Morpho rounds each
/// entry into a market and each exit from one by about two smallest units; whoever causes it pays for it. Decimals are
/// the asset's plus six.
interface IMorphoBlueMarketsStrategy is IERC4626 {
    /// @notice An address that must hold something is zero.
    error ZeroAddress();
    /// @notice The list has no market, or more than `most`.
    error MarketCountOutOfRange(uint256 count, uint256 most);
    /// @notice Morpho does not know the market.
    error MarketNotCreated(bytes32 marketId);
    /// @notice The market stands in the list twice.
    error MarketTwice(bytes32 marketId);
    /// @notice The market lends another token than the first one of the list.
    error OtherLoanToken(bytes32 marketId, address loanToken, address expected);
    /// @notice A cap is zero.
    error ZeroCap(bytes32 marketId);
    /// @notice A deposit is too small for one share.
    error ZeroShares(uint256 assets);
    /// @notice Morpho counted other shares for an exit than its own arithmetic gives.
    error SharesDiffer(uint256 expected, uint256 counted);
    /// @notice The markets took in or paid out less than was previewed, by so much.
    error AssetsLeft(uint256 assets);

    /// @notice The Morpho Blue that holds the positions.
    function morpho() external view returns (address);

    /// @notice How many markets there are.
    function marketCount() external view returns (uint256);

    /// @notice The market at a place of the list, its cap, and the supply shares in it that the strategy entered.
    function marketAt(uint256 place)
        external
        view
        returns (MarketParams memory params, uint256 cap, uint256 supplyShares);
}
