// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {Test} from "forge-std/Test.sol";

import {SafeStrategyCall} from "../../contracts/vault/SafeStrategyCall.sol";

/// @notice What an answer of a strategy may be at most, at the bound and one past it.
contract SafeStrategyCallTest is Test {
    bytes4 private constant SELECTOR = 0x12345678;
    address private _strategy = makeAddr("strategy");

    function test_TryShares_AtMost248Bits() public {
        _answer(type(uint248).max);
        (bool isRead, uint256 shares) = SafeStrategyCall.tryShares(_strategy, SELECTOR, 0);
        assertTrue(isRead);
        assertEq(shares, type(uint248).max);
        _answer(uint256(type(uint248).max) + 1);
        (isRead, shares) = SafeStrategyCall.tryShares(_strategy, SELECTOR, 0);
        assertFalse(isRead);
        assertEq(shares, 0);
    }

    function test_TryAmount_AtMost128Bits() public {
        _answer(type(uint128).max);
        (bool isRead, uint256 amount) = SafeStrategyCall.tryAmount(_strategy, SELECTOR, 0);
        assertTrue(isRead);
        assertEq(amount, type(uint128).max);
        _answer(uint256(type(uint128).max) + 1);
        (isRead, amount) = SafeStrategyCall.tryAmount(_strategy, SELECTOR, 0);
        assertFalse(isRead);
        assertEq(amount, 0);
    }

    function test_TryBalance_AtMost248Bits() public {
        _answer(IERC20.balanceOf.selector, type(uint248).max);
        (bool isRead, uint256 shares) = SafeStrategyCall.tryBalance(_strategy);
        assertTrue(isRead);
        assertEq(shares, type(uint248).max);
        _answer(IERC20.balanceOf.selector, uint256(type(uint248).max) + 1);
        (isRead,) = SafeStrategyCall.tryBalance(_strategy);
        assertFalse(isRead);
    }

    function _answer(uint256 word) private {
        _answer(SELECTOR, word);
    }

    function _answer(bytes4 selector, uint256 word) private {
        vm.mockCall(_strategy, abi.encodePacked(selector), abi.encode(word));
    }
}
