// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {ERC4626} from "@openzeppelin/contracts/token/ERC20/extensions/ERC4626.sol";

/// @notice A strategy of the bench: OpenZeppelin's vault with nothing added.
contract BenchStrategy is ERC4626 {
    constructor(IERC20 asset_) ERC20("Bench Strategy", "BS") ERC4626(asset_) {}
}
