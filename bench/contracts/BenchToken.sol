// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";

/// @notice The asset of the bench: OpenZeppelin's token with 18 decimals and nothing added.
contract BenchToken is ERC20 {
    constructor(address holder, uint256 supply) ERC20("Bench Dollar", "BUSD") {
        _mint(holder, supply);
    }
}
