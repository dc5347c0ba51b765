// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {IERC4626} from "@openzeppelin/contracts/interfaces/IERC4626.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";

import {ITreasuryVault} from "../interfaces/ITreasuryVault.sol";

/// @title Calls to strategies that may be broken or hostile
/// @notice Every call gets a fixed gas allowance, and no more of the answer is copied than one word. A failure is
/// believed only if the callee had its full allowance; otherwise the whole call reverts with `GasTooLow`. So a strategy
/// can fail
/// only itself, and a caller cannot make a healthy strategy fail by bringing too little gas.
library SafeStrategyCall {
    /// @dev Allowance of a read.
    uint256 internal constant READ_GAS = 1_000_000;
    /// @dev Allowance of a withdrawal.
    uint256 internal constant WITHDRAW_GAS = 3_000_000;
    /// @dev Allowance of the vault's own frame around a withdrawal: the withdrawal, one read after it, the vault's own
    /// balance reads; each with the 1/64 that the frame keeps back.
    uint256 internal constant LEG_GAS = 4_500_000;

    /// @dev Spent between measuring gas and the call itself: cold account access, memory, arithmetic.
    uint256 private constant CALL_SLACK = 10_000;

    /// @notice Reads an amount: one word of at most 2^128 − 1. A larger one is no amount and counts as failure.
    function tryAmount(address strategy, bytes4 selector, uint256 argument)
        internal
        view
        returns (bool isRead, uint256 amount)
    {
        (isRead, amount) = tryWord(strategy, selector, argument);
        if (amount > type(uint128).max) return (false, 0);
    }

    /// @notice Reads a number of shares: as an amount, but at most 2^248 − 1, because shares may have many more
    /// decimals.
    function tryShares(address strategy, bytes4 selector, uint256 argument)
        internal
        view
        returns (bool isRead, uint256 shares)
    {
        (isRead, shares) = tryWord(strategy, selector, argument);
        if (shares > type(uint248).max) return (false, 0);
    }

    /// @notice The vault's balance of the strategy's shares.
    function tryBalance(address strategy) internal view returns (bool isRead, uint256 shares) {
        (isRead, shares) = tryWord(strategy, IERC20.balanceOf.selector, uint256(uint160(address(this))));
        if (shares > type(uint248).max) return (false, 0);
    }

    /// @notice The vault's position: shares and what they are worth. An empty one is worth nothing, and its price is
    /// not asked for. Both are zero if either cannot be read; bounds are those of `tryShares` and `tryAmount`.
    /// @dev What `tryBalance` and `tryAmount` do, in one: every entry and exit does it for every strategy.
    function tryPosition(address strategy) internal view returns (bool isRead, uint256 shares, uint256 worth) {
        uint256 given = gasleft();
        (bytes4 balanceOf, bytes4 convertToAssets) = (IERC20.balanceOf.selector, IERC4626.convertToAssets.selector);
        assembly ("memory-safe") {
            // Scratch space as in `tryWord`.
            mstore(0x00, balanceOf)
            mstore(0x04, address())
            isRead := staticcall(READ_GAS, strategy, 0x00, 0x24, 0x00, 0x20)
            isRead := and(isRead, gt(returndatasize(), 0x1f))
            if isRead { shares := mload(0x00) }
        }
        if (shares == 0) {
            if (!isRead) requireGas(given, READ_GAS);
            return (isRead, 0, 0);
        }
        given = gasleft();
        assembly ("memory-safe") {
            mstore(0x00, convertToAssets)
            mstore(0x04, shares)
            isRead := staticcall(READ_GAS, strategy, 0x00, 0x24, 0x00, 0x20)
            isRead := and(isRead, gt(returndatasize(), 0x1f))
            if isRead { worth := mload(0x00) }
        }
        if (!isRead) requireGas(given, READ_GAS);
        if (!isRead || worth >> 128 != 0 || shares >> 248 != 0) return (false, 0, 0);
    }

    /// @notice Reads one word.
    /// @param argument The function's only argument; a function without one ignores it.
    function tryWord(address strategy, bytes4 selector, uint256 argument)
        internal
        view
        returns (bool isRead, uint256 word)
    {
        uint256 given = gasleft();
        uint256 allowance = READ_GAS;
        assembly ("memory-safe") {
            // Scratch space 0x00–0x23 holds the call and 0x00–0x1f takes the answer. The free memory pointer at
            // 0x40 is not touched, and no more of the answer is copied. A short answer is a failure.
            mstore(0x00, selector)
            mstore(0x04, argument)
            isRead := staticcall(allowance, strategy, 0x00, 0x24, 0x00, 0x20)
            isRead := and(isRead, gt(returndatasize(), 0x1f))
            word := mul(isRead, mload(0x00))
        }
        if (!isRead) requireGas(given, READ_GAS);
    }

    /// @notice Calls with an allowance; the answer is ignored, because the caller measures balances.
    function tryCall(address target, bytes memory data, uint256 allowance) internal returns (bool isDone) {
        uint256 given = gasleft();
        assembly ("memory-safe") {
            // No answer is copied.
            isDone := call(allowance, target, 0, add(data, 0x20), mload(data), 0x00, 0x00)
        }
        if (!isDone) requireGas(given, allowance);
    }

    /// @notice Reverts if a call made with `given` gas left could not pass on `allowance`.
    function requireGas(uint256 given, uint256 allowance) internal pure {
        uint256 needed = allowance + allowance / 63 + CALL_SLACK;
        if (given < needed) revert ITreasuryVault.GasTooLow(needed, given);
    }
}
