// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {ITreasuryVault} from "../interfaces/ITreasuryVault.sol";
import {Leg, Receipt} from "../types/Rebalance.sol";
import {PolicyTable} from "./PolicyTable.sol";

/// @title The guard's calls to its vault, without copying
/// @notice What `ITreasuryVault.execute` and `pull` take and return, word for word. Legs and their receipts are static,
/// so their encoding is the same as their layout in memory: legs are built where the call data needs them, and the
/// answer is used where it was received.
/// @dev The vault is the guard's own and immutable; the answer's shape is checked all the same.
library VaultCall {
    /// @notice The vault's answer is not a receipt of that many legs.
    error UnexpectedReceipt();

    /// @notice Empty legs, with the call data's place before the first.
    function allocateLegs(uint256 count) internal pure returns (Leg[] memory legs) {
        assembly ("memory-safe") {
            // [count][count pointers] [selector][offset][age][seasoning][count][count legs of 3 words]
            legs := mload(0x40)
            mstore(legs, count)
            let pointer := add(legs, 0x20)
            let leg := add(pointer, add(shl(5, count), 0xa0))
            for { let end := add(pointer, shl(5, count)) } lt(pointer, end) { pointer := add(pointer, 0x20) } {
                mstore(pointer, leg)
                leg := add(leg, 0x60)
            }
            mstore(0x40, leg)
            // The legs themselves are zero.
            calldatacopy(pointer, calldatasize(), sub(leg, pointer))
        }
    }

    /// @notice `ITreasuryVault.execute`.
    /// @param legs As allocated above. @param hot The table's first word.
    function execute(address vault, Leg[] memory legs, uint256 hot) internal returns (Receipt memory) {
        uint256 data;
        uint256 count = legs.length;
        assembly ("memory-safe") {
            data := add(legs, shl(5, add(count, 1)))
        }
        return receiptAt(executeAt(vault, data, count, hot), count);
    }

    /// @notice `ITreasuryVault.execute` of legs that lie in memory where the call data needs them.
    /// @param data Place of the head: five words, to be written here, with the legs behind them.
    /// @param hot The table's first word.
    /// @return answer Place of the vault's answer, which is an encoded `Receipt`.
    function executeAt(address vault, uint256 data, uint256 count, uint256 hot) internal returns (uint256 answer) {
        uint256 selector = uint32(ITreasuryVault.execute.selector);
        (uint256 maxNavAge, uint256 seasoning) = PolicyTable.navSeconds(hot);
        bool isReceipt;
        assembly ("memory-safe") {
            mstore(data, selector)
            mstore(add(data, 0x20), 0x60)
            mstore(add(data, 0x40), maxNavAge)
            mstore(add(data, 0x60), seasoning)
            mstore(add(data, 0x80), count)
            answer := mload(0x40)
            let size := add(0x120, mul(0xa0, count))
            if iszero(call(gas(), vault, 0, add(data, 0x1c), add(0x84, mul(0x60, count)), answer, size)) {
                // Passes the failure on as it is.
                returndatacopy(answer, 0, returndatasize())
                revert(answer, returndatasize())
            }
            mstore(0x40, add(answer, size))
            isReceipt := eq(returndatasize(), size)
        }
        if (!isReceipt || !_isReceipt(answer, count)) revert UnexpectedReceipt();
    }

    /// @notice `ITreasuryVault.pull`.
    function pull(address vault, address strategy, uint128 assets, uint256 minAssets)
        internal
        returns (Receipt memory receipt)
    {
        bytes memory data = abi.encodeCall(ITreasuryVault.pull, (strategy, assets, minAssets));
        uint256 answer;
        bool isReceipt;
        assembly ("memory-safe") {
            let isDone := call(gas(), vault, 0, add(data, 0x20), mload(data), 0x00, 0x00)
            answer := mload(0x40)
            let size := returndatasize()
            returndatacopy(answer, 0, size)
            // Passes a failure on as it is.
            if iszero(isDone) { revert(answer, size) }
            mstore(0x40, add(answer, size))
            isReceipt := eq(size, 0x1c0)
        }
        if (!isReceipt || !_isReceipt(answer, 1)) revert UnexpectedReceipt();
        return receiptAt(answer, 1);
    }

    /// @notice Place of the head of the call data, five words before the legs.
    function headOf(uint256 legs) internal pure returns (uint256) {
        unchecked {
            return legs - 0xa0;
        }
    }

    /// @notice Place of the receipt in an answer.
    function receiptOf(uint256 answer) internal pure returns (uint256) {
        unchecked {
            return answer + 0x20;
        }
    }

    /// @notice The receipt in an answer.
    function receiptAt(uint256 answer, uint256 count) internal pure returns (Receipt memory receipt) {
        assembly ("memory-safe") {
            receipt := add(answer, 0x20)
            // A list in memory is its length and a pointer for each entry.
            let list := mload(0x40)
            mstore(list, count)
            let pointer := add(list, 0x20)
            let leg := add(receipt, 0xe0)
            for { let end := add(pointer, shl(5, count)) } lt(pointer, end) { pointer := add(pointer, 0x20) } {
                mstore(pointer, leg)
                leg := add(leg, 0xa0)
            }
            mstore(0x40, pointer)
            mstore(add(receipt, 0x80), list)
            // The empty list.
            mstore(add(receipt, 0xa0), 0x60)
        }
    }

    /// @notice Ends the call with an answer of the vault as it is.
    function returnAnswer(uint256 answer, uint256 count) internal pure {
        assembly ("memory-safe") {
            return(answer, add(0x120, mul(0xa0, count)))
        }
    }

    /// @dev Whether an answer of the right length has its parts where they are expected.
    function _isReceipt(uint256 answer, uint256 count) private pure returns (bool isReceipt) {
        assembly ("memory-safe") {
            // [0x20] [nav][base][idle before][idle after][offset of legs][offset of members]
            // [count][count legs of 5 words] [0 members]
            isReceipt := and(
                eq(mload(answer), 0x20),
                and(eq(mload(add(answer, 0xa0)), 0xc0), eq(mload(add(answer, 0xe0)), count))
            )
        }
    }
}
