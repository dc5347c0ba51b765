// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";

import {Word} from "./Word.sol";

/// @title Balances
/// @notice `balanceOf` without a copy in memory: the vault asks it several times in everything it does.
library Balance {
    /// @notice The vault's own balance.
    function held(IERC20 token) internal view returns (uint256) {
        return heldBy(token, address(this));
    }

    /// @notice The balance of an account. Reverts as the token does.
    function heldBy(IERC20 token, address account) internal view returns (uint256) {
        return Word.read(address(token), IERC20.balanceOf.selector, uint256(uint160(account)));
    }
}
