// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {IERC4626} from "@openzeppelin/contracts/interfaces/IERC4626.sol";

import {MarketParams} from "./IMorphoBlue.sol";

/// @title A lending position in one Morpho Blue market, as an ERC-4626
/// @notice One share of the strategy is one supply share of the market, so prices, interest, losses and rounding are
/// the market's own. Decimals are the asset's plus six, because the market counts a million virtual shares. There is no
/// owner,
/// no fee and no setting. Assets sent to the strategy, and supply given to it in the market, are nobody's: they change
/// no price and cannot be taken out.
interface IMorphoBlueStrategy is IERC4626 {
    /// @notice An address that must hold something is zero.
    error ZeroAddress();
    /// @notice Morpho does not know the market.
    error MarketNotCreated(bytes32 marketId);
    /// @notice A deposit is too small for one share.
    error ZeroShares(uint256 assets);
    /// @notice Morpho counted other shares than were previewed; happens only when an asset calls back into the market.
    error SharesDiffer(uint256 previewed, uint256 counted);

    /// @notice The Morpho Blue that holds the position.
    function morpho() external view returns (address);

    /// @notice The market.
    function marketParams() external view returns (MarketParams memory);

    /// @notice The market's id: keccak-256 of the ABI encoding of `marketParams`.
    function marketId() external view returns (bytes32);
}
