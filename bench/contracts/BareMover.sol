// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {IERC4626} from "@openzeppelin/contracts/interfaces/IERC4626.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";

/// @title The floor of a rebalance
/// @notice Holds positions and makes the ERC-4626 calls of a rebalance, with standing allowances, and checks nothing
/// but who calls. What anything costs above this is what its checks cost.
contract BareMover {
    error NotOperator(address caller);

    uint256 private constant ASSETS_MASK = (1 << 95) - 1;
    uint256 private constant DEPOSIT_BIT = 1 << 95;

    address private immutable _OPERATOR;

    constructor(address operator, IERC20 asset, address[] memory strategies) {
        _OPERATOR = operator;
        for (uint256 i = 0; i < strategies.length; ++i) {
            asset.approve(strategies[i], type(uint256).max);
        }
    }

    /// @param legs One word each: strategy in the highest 160 bits, then one bit for a deposit, then 95 bits of assets.
    function move(uint256[] calldata legs) external {
        if (msg.sender != _OPERATOR) revert NotOperator(msg.sender);
        for (uint256 i = 0; i < legs.length; ++i) {
            uint256 leg = legs[i];
            // The highest 160 bits, nothing lost.
            // forge-lint: disable-next-line(unsafe-typecast)
            IERC4626 strategy = IERC4626(address(uint160(leg >> 96)));
            if (leg & DEPOSIT_BIT == 0) strategy.withdraw(leg & ASSETS_MASK, address(this), address(this));
            else strategy.deposit(leg & ASSETS_MASK, address(this));
        }
    }
}
