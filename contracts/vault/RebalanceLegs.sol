// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {IERC4626} from "@openzeppelin/contracts/interfaces/IERC4626.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";

import {IConduit} from "../interfaces/IConduit.sol";
import {ALL_ASSETS, Leg, LegReceipt} from "../types/Rebalance.sol";
import {Balance} from "./Balance.sol";

/// @title The legs of a rebalance
/// @notice Carries out what the guard authorised and measures it. Nothing here judges: what a strategy did not pay, or
/// took too much of, shows in the receipt's idle, and the guard charges it.
/// @dev Per leg this is the dearest part of a rebalance, so legs are read where they came in and the receipt is written
/// as the answer that goes out, without structs in between. Only the guard calls, and its words are what their types
/// say.
library RebalanceLegs {
    using SafeERC20 for IERC20;

    // Where a leg's receipt has the values.
    uint256 private constant BEFORE = 0x20;
    uint256 private constant AFTER = 0x40;

    /// @notice Withdraw legs, then deposit legs through the conduit; the rest returns to idle.
    /// @return answer Place of the encoded `Receipt`. @return size Its length in bytes.
    function execute(Leg[] calldata legs, IERC20 asset, IConduit conduit, uint256 nav, uint256 base)
        internal
        returns (uint256 answer, uint256 size)
    {
        assembly ("memory-safe") {
            size := add(0x120, mul(0xa0, legs.length))
            // [0x20] [nav][base][idle before][idle after][offset of legs][offset of members]
            // [count][count legs of 5 words] [0 members]
            answer := mload(0x40)
            mstore(0x40, add(answer, size))
            mstore(answer, 0x20)
            mstore(add(answer, 0x20), nav)
            mstore(add(answer, 0x40), base)
            mstore(add(answer, 0xa0), 0xc0)
            mstore(add(answer, 0xc0), sub(size, 0x40))
            mstore(add(answer, 0xe0), legs.length)
            mstore(sub(add(answer, size), 0x20), 0)
        }
        uint256 idle = Balance.held(asset);
        assembly ("memory-safe") {
            mstore(add(answer, 0x60), idle)
        }
        unchecked {
            _execute(legs, asset, conduit, answer + 0x100);
        }
        idle = Balance.held(asset);
        assembly ("memory-safe") {
            mstore(add(answer, 0x80), idle)
        }
    }

    /// @notice One withdraw leg, measured.
    /// @param assets Amount asked, or `ALL_ASSETS`. @param measured Filled.
    function withdraw(address strategy, uint128 assets, address receiver, LegReceipt memory measured) internal {
        uint256 place;
        assembly ("memory-safe") {
            place := measured
        }
        _withdraw(strategy, assets, receiver, place);
    }

    /// @param place Where the receipts of the legs begin, five words each.
    function _execute(Leg[] calldata legs, IERC20 asset, IConduit conduit, uint256 place) private {
        uint256 leg;
        uint256 end;
        bool hasDeposits;
        assembly ("memory-safe") {
            leg := legs.offset
            end := add(leg, mul(legs.length, 0x60))
            // Withdrawals come first, so the last leg tells.
            if legs.length { hasDeposits := calldataload(sub(end, 0x40)) }
        }
        address receiver = address(this);
        uint256 atStart;
        // Without a deposit the conduit is not needed, and a rebalance that only withdraws does not depend on it.
        if (hasDeposits) {
            receiver = address(conduit);
            atStart = Balance.heldBy(asset, receiver);
        }
        for (; leg != end; (leg, place) = _next(leg, place)) {
            (address strategy, bool isDeposit, uint256 assets) = _legAt(leg);
            if (isDeposit) break;
            _withdraw(strategy, assets, receiver, place);
        }
        if (!hasDeposits) return;
        _fund(asset, receiver, atStart, _sumOf(leg, end));
        for (; leg != end; (leg, place) = _next(leg, place)) {
            // What is behind the first deposit is a deposit.
            (address strategy,, uint256 assets) = _legAt(leg);
            _deposit(receiver, strategy, assets, place);
        }
        // The conduit is called only where there is something to return, or too little.
        if (Balance.heldBy(asset, receiver) != atStart) conduit.settle(atStart);
    }

    function _legAt(uint256 leg) private pure returns (address strategy, bool isDeposit, uint256 assets) {
        assembly ("memory-safe") {
            strategy := calldataload(leg)
            isDeposit := calldataload(add(leg, 0x20))
            assets := calldataload(add(leg, 0x40))
        }
    }

    /// @dev The next leg, and the place of its receipt.
    function _next(uint256 leg, uint256 place) private pure returns (uint256, uint256) {
        unchecked {
            return (leg + 0x60, place + 0xa0);
        }
    }

    /// @dev Adds from idle what the withdraw legs did not bring. What lay in the conduit before is not counted.
    function _fund(IERC20 asset, address conduit, uint256 atStart, uint256 deposits) private {
        uint256 balance = Balance.heldBy(asset, conduit);
        if (balance < atStart) revert IConduit.Overspent(balance, atStart);
        uint256 brought = balance - atStart;
        if (brought < deposits) asset.safeTransfer(conduit, deposits - brought);
    }

    function _withdraw(address strategy, uint256 assets, address receiver, uint256 place) private {
        uint256 shares = _measure(strategy, place, BEFORE);
        (bytes4 selector, uint256 amount) = (IERC4626.withdraw.selector, assets);
        bool isAll = assets == ALL_ASSETS;
        if (isAll) (selector, amount) = (IERC4626.redeem.selector, shares);
        assembly ("memory-safe") {
            // Behind the end of used memory: the call, which may be overwritten afterwards.
            let data := mload(0x40)
            mstore(data, selector)
            mstore(add(data, 0x04), amount)
            mstore(add(data, 0x24), receiver)
            mstore(add(data, 0x44), address())
            let isDone := call(gas(), strategy, 0, data, 0x64, 0x00, 0x20)
            if or(iszero(isDone), lt(returndatasize(), 0x20)) {
                returndatacopy(data, 0x00, returndatasize())
                revert(data, returndatasize())
            }
            // What a redemption reports; of a withdrawal, what was asked.
            if isAll { assets := mload(0x00) }
            mstore(place, assets)
        }
        _measure(strategy, place, AFTER);
    }

    function _deposit(address conduit, address strategy, uint256 assets, uint256 place) private {
        _measure(strategy, place, BEFORE);
        bytes4 selector = IConduit.deposit.selector;
        assembly ("memory-safe") {
            mstore(place, assets)
            let data := mload(0x40)
            mstore(data, selector)
            mstore(add(data, 0x04), strategy)
            mstore(add(data, 0x24), assets)
            if iszero(call(gas(), conduit, 0, data, 0x44, 0x00, 0x00)) {
                returndatacopy(data, 0x00, returndatasize())
                revert(data, returndatasize())
            }
        }
        _measure(strategy, place, AFTER);
    }

    /// @dev Writes the position's value into the leg's receipt, and its shares two words behind; an empty one is worth
    /// nothing and its price is not asked for. Reverts as the strategy does, and if an answer is short.
    /// @param place Of the leg's receipt. @param member Where the value goes in it.
    function _measure(address strategy, uint256 place, uint256 member) private view returns (uint256 shares) {
        (bytes4 balanceOf, bytes4 previewRedeem) = (IERC20.balanceOf.selector, IERC4626.previewRedeem.selector);
        assembly ("memory-safe") {
            place := add(place, member)
            // Scratch space 0x00–0x23 holds each call and 0x00–0x1f takes the answer.
            mstore(0x00, balanceOf)
            mstore(0x04, address())
            let isDone := staticcall(gas(), strategy, 0x00, 0x24, 0x00, 0x20)
            isDone := and(isDone, gt(returndatasize(), 0x1f))
            let value := 0
            shares := mul(isDone, mload(0x00))
            if shares {
                mstore(0x00, previewRedeem)
                mstore(0x04, shares)
                isDone := staticcall(gas(), strategy, 0x00, 0x24, 0x00, 0x20)
                isDone := and(isDone, gt(returndatasize(), 0x1f))
                value := mload(0x00)
            }
            if iszero(isDone) {
                returndatacopy(mload(0x40), 0x00, returndatasize())
                revert(mload(0x40), returndatasize())
            }
            mstore(place, value)
            mstore(add(place, 0x40), shares)
        }
    }

    /// @dev Amounts of the legs in between. They are below 2^128, so no sum overflows.
    function _sumOf(uint256 leg, uint256 end) private pure returns (uint256 sum) {
        assembly ("memory-safe") {
            for {} lt(leg, end) { leg := add(leg, 0x60) } { sum := add(sum, calldataload(add(leg, 0x40))) }
        }
    }
}
