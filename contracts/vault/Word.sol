// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

/// @title Views of one argument that answer one word
library Word {
    /// @notice Asks with all gas that is left, and reverts as the callee does; a short answer reverts too.
    function read(address target, bytes4 selector, uint256 argument) internal view returns (uint256 word) {
        assembly ("memory-safe") {
            // Scratch space 0x00–0x23 holds the call and 0x00–0x1f takes the answer.
            mstore(0x00, selector)
            mstore(0x04, argument)
            let isDone := staticcall(gas(), target, 0x00, 0x24, 0x00, 0x20)
            if or(iszero(isDone), lt(returndatasize(), 0x20)) {
                // Safe: memory is overwritten freely on the way out.
                returndatacopy(mload(0x40), 0x00, returndatasize())
                revert(mload(0x40), returndatasize())
            }
            word := mload(0x00)
        }
    }
}
