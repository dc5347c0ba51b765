// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {IERC4626} from "@openzeppelin/contracts/interfaces/IERC4626.sol";

import {WorldStrategy} from "./mocks/WorldStrategy.sol";

/// @notice Reads strategies that may fail, with the gas that the design gives a read. What cannot be read is zero.
library Reading {
    /// @notice One word.
    function word(address target, bytes memory call_) internal view returns (bool isRead, uint256 answered) {
        bytes memory answer;
        (isRead, answer) = target.staticcall{gas: 1_000_000}(call_);
        isRead = isRead && answer.length >= 32;
        if (isRead) answered = abi.decode(answer, (uint256));
    }

    /// @notice What a strategy pays for all shares of `holder`, by its preview.
    function value(WorldStrategy strategy, address holder) internal view returns (uint256 assets) {
        uint256 shares = strategy.trueBalanceOf(holder);
        if (shares == 0) return 0;
        (, assets) = word(address(strategy), abi.encodeCall(IERC4626.previewRedeem, (shares)));
    }

    /// @notice What can leave a strategy now, as an amount.
    function liquid(WorldStrategy strategy, address holder) internal view returns (uint256 assets) {
        (, assets) = word(address(strategy), abi.encodeCall(IERC4626.maxWithdraw, (holder)));
        if (assets >= type(uint128).max) assets = type(uint128).max - 1;
    }

    /// @notice What the vault may count a position for.
    function reported(WorldStrategy strategy, address holder) internal view returns (uint256 assets) {
        (bool isRead, uint256 shares) = word(address(strategy), abi.encodeCall(strategy.balanceOf, (holder)));
        if (!isRead || shares == 0 || shares > type(uint248).max) return 0;
        (, assets) = word(address(strategy), abi.encodeCall(IERC4626.convertToAssets, (shares)));
        if (assets > type(uint128).max) assets = 0;
    }
}
