// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {World} from "../World.sol";
import {WorldStrategy} from "../mocks/WorldStrategy.sol";
import {Handler} from "./Handler.sol";

/// @notice Time, yield, losses, gifts, shortages.
contract Surroundings is Handler {
    constructor(World world) Handler(world) {
        world.expectAction("pass time");
        world.expectAction("checkpoint");
        world.expectAction("earn");
        world.expectAction("lose");
        world.expectAction("donate to the vault");
        world.expectAction("shortage");
    }

    function passTime(uint256 seconds_) external {
        vm.warp(block.timestamp + _within(seconds_, 1, 3 hours));
        WORLD.succeed("pass time");
    }

    function checkpoint() external {
        VAULT.checkpoint();
        WORLD.succeed("checkpoint");
    }

    /// @dev At most five basis points a time.
    function earn(uint256 which, uint256 amount) external {
        WorldStrategy strategy = _strategy(which);
        uint256 most = ASSET.balanceOf(address(strategy)) / 2000;
        if (most == 0) return;
        ASSET.mint(address(strategy), _within(amount, 1, most));
        WORLD.succeed("earn");
    }

    /// @dev As much as is earned.
    function lose(uint256 which, uint256 amount) external {
        WorldStrategy strategy = _strategy(which);
        uint256 most = ASSET.balanceOf(address(strategy)) / 2000;
        if (most == 0) return;
        ASSET.burn(address(strategy), _within(amount, 1, most));
        WORLD.succeed("lose");
    }

    function donateToVault(uint256 amount) external {
        ASSET.mint(address(VAULT), _within(amount, 1, WORLD.trueValue() / 500 + 1));
        WORLD.succeed("donate to the vault");
    }

    /// @dev A strategy runs short, or all are liquid again.
    function shortage(uint256 which, uint256 liquidity) external {
        WorldStrategy strategy = _strategy(which);
        if (which % 2 == 0) {
            for (uint256 i = 0; i < STRATEGIES; ++i) {
                _strategy(i).setLiquidity(type(uint256).max);
            }
            return;
        }
        strategy.setLiquidity(_within(liquidity, 0, ASSET.balanceOf(address(strategy)) / 4));
        WORLD.succeed("shortage");
    }
}
