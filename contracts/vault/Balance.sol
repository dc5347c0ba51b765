// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";

/// @title Balances
/// @notice `balanceOf` without a copy in memory: the vault asks it several times in everything it does.
library Balance {
    /// @notice The vault's own balance.
    function held(IERC20 token) internal view returns (uint256) {
        return heldBy(token, address(this));
    }

    /// @notice The balance of an account. Reverts as the token does.
    /// @dev `Word.read`, in place.
    function heldBy(IERC20 token, address account) internal view returns (uint256 assets) {
        bytes4 selector = IERC20.balanceOf.selector;
        assembly ("memory-safe") {
            mstore(0x00, selector)
            mstore(0x04, account)
            let isDone := staticcall(gas(), token, 0x00, 0x24, 0x00, 0x20)
            if or(iszero(isDone), lt(returndatasize(), 0x20)) {
                returndatacopy(mload(0x40), 0x00, returndatasize())
                revert(mload(0x40), returndatasize())
            }
            assets := mload(0x00)
        }
    }
}
