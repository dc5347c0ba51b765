// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";

/// @title Balances
/// @notice One copy of a call that the vault makes in many places; its code is near the size limit.
library Balance {
    /// @notice The vault's own balance.
    function held(IERC20 token) internal view returns (uint256) {
        return heldBy(token, address(this));
    }

    /// @notice The balance of an account.
    function heldBy(IERC20 token, address account) internal view returns (uint256) {
        return token.balanceOf(account);
    }
}
