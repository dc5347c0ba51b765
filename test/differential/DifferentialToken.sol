// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";

/// @notice The asset of the differential test. Anyone may mint.
contract DifferentialToken is ERC20 {
    constructor() ERC20("Differential", "DIF") {}

    function mint(address to, uint256 amount) external {
        _mint(to, amount);
    }
}
