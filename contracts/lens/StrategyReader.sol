// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {IERC4626} from "@openzeppelin/contracts/interfaces/IERC4626.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {IERC20Metadata} from "@openzeppelin/contracts/token/ERC20/extensions/IERC20Metadata.sol";

import {PriceBands} from "../guard/PriceBands.sol";
import {StrategyState} from "../interfaces/IPolicyGuard.sol";
import {StrategyView} from "../interfaces/ITreasuryLens.sol";
import {CurveReader} from "./CurveReader.sol";
import {StaticRead} from "./StaticRead.sol";

/// @title A strategy as its vault sees it
/// @notice Never reverts because of the strategy. The first amount that cannot be read ends the reading, so that a
/// strategy that burns its allowance does it once.
library StrategyReader {
    /// @dev Per amount; the vault gives the same for its own reads.
    uint256 private constant READ_GAS = 1_000_000;
    /// @dev Per name or number for people.
    uint256 private constant METADATA_GAS = 100_000;

    /// @notice The position of `vault` in a strategy, whose underlying is `asset`.
    /// @param reference_ The guard's price reference of the strategy.
    function read(StrategyState memory reference_, address asset, address vault)
        internal
        view
        returns (StrategyView memory seen)
    {
        address strategy = reference_.strategy;
        seen.strategy = strategy;
        seen.symbol = symbol(strategy);
        seen.decimals = decimals(strategy);
        if (!_readAmounts(seen, vault)) {
            (seen.shares, seen.convertAssets, seen.redeemAssets) = (0, 0, 0);
            (seen.maxWithdrawAssets, seen.maxDepositAssets) = (0, 0);
            return seen;
        }
        seen.isReadable = true;
        _readUnit(seen, reference_.referencePrice);
        (seen.curveSource, seen.curve) = CurveReader.read(strategy, asset);
    }

    /// @notice A token's symbol, empty if it has none.
    function symbol(address token) internal view returns (string memory) {
        return StaticRead.text(token, METADATA_GAS, abi.encodeCall(IERC20Metadata.symbol, ()));
    }

    /// @notice A token's decimals, zero if it has none.
    function decimals(address token) internal view returns (uint8) {
        (bool isOk, uint256 value) = StaticRead.word(token, METADATA_GAS, abi.encodeCall(IERC20Metadata.decimals, ()));
        // The comparison makes the cast exact.
        // forge-lint: disable-next-line(unsafe-typecast)
        return isOk && value <= type(uint8).max ? uint8(value) : 0;
    }

    /// @dev As the guard reads it: what is no amount, above 2^128 − 1, is no answer.
    function _readUnit(StrategyView memory seen, uint256 referencePrice) private view {
        uint256 shares = PriceBands.unitSharesUp(referencePrice);
        (bool isOk, uint256 value) =
            StaticRead.word(seen.strategy, READ_GAS, abi.encodeCall(IERC4626.previewRedeem, (shares)));
        if (isOk && value <= type(uint128).max) (seen.unitShares, seen.unitAssets) = (shares, value);
    }

    function _readAmounts(StrategyView memory seen, address vault) private view returns (bool isOk) {
        address strategy = seen.strategy;
        (isOk, seen.shares) = StaticRead.word(strategy, READ_GAS, abi.encodeCall(IERC20.balanceOf, (vault)));
        if (!isOk) return false;
        (isOk, seen.convertAssets) =
            StaticRead.word(strategy, READ_GAS, abi.encodeCall(IERC4626.convertToAssets, (seen.shares)));
        if (!isOk) return false;
        (isOk, seen.redeemAssets) =
            StaticRead.word(strategy, READ_GAS, abi.encodeCall(IERC4626.previewRedeem, (seen.shares)));
        if (!isOk) return false;
        (isOk, seen.maxWithdrawAssets) =
            StaticRead.word(strategy, READ_GAS, abi.encodeCall(IERC4626.maxWithdraw, (vault)));
        if (!isOk) return false;
        (isOk, seen.maxDepositAssets) =
            StaticRead.word(strategy, READ_GAS, abi.encodeCall(IERC4626.maxDeposit, (vault)));
    }
}
