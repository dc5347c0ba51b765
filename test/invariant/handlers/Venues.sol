// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {Properties} from "../Properties.sol";
import {IIntruder, WorldStrategy} from "../mocks/WorldStrategy.sol";
import {Handler} from "./Handler.sol";

/// @notice Strategies that change their ways: each fault there is, one or several at a time, and repairs.
contract Venues is Handler {
    IIntruder private immutable _INTRUDER;
    uint256 private _next;

    constructor(Properties world, IIntruder intruder) Handler(world) {
        _INTRUDER = intruder;
        world.expectAction("venue cannot be read");
        world.expectAction("venue reverts on exits");
        world.expectAction("venue eats gas");
        world.expectAction("venue's shares stay put");
        world.expectAction("venue hides its balance");
        world.expectAction("venue lies");
        world.expectAction("venue pays short");
        world.expectAction("venue jumps");
        world.expectAction("venue calls back");
        world.expectAction("venue is repaired");
        world.expectAction("asset blocks the vault");
    }

    /// @dev One fault after the other, so that each comes up.
    function misbehave(uint256 seed) external acts {
        _misbehave(seed, _next++ % 9);
    }

    function misbehaveAgain(uint256 seed) external acts {
        _misbehave(seed, _next++ % 9);
    }

    function _misbehave(uint256 seed, uint256 how) private {
        WorldStrategy strategy = _strategy(_mix(seed, 1) % STRATEGIES);
        WorldStrategy.Fault fault = WorldStrategy.Fault(1 + _mix(seed, 2) % 4);
        WorldStrategy.Fault hard = WorldStrategy.Fault(1 + _mix(seed, 2) % 2);
        WorldStrategy.Fault none = WorldStrategy.Fault.None;
        if (how == 0) {
            strategy.setFaults(fault, strategy.exitFault(), strategy.transferFault(), none);
            _done("venue cannot be read");
        } else if (how == 1) {
            strategy.setFaults(strategy.readFault(), hard, strategy.transferFault(), none);
            _done("venue reverts on exits");
        } else if (how == 2) {
            WorldStrategy.Fault gas = WorldStrategy.Fault.EatGas;
            strategy.setFaults(gas, gas, strategy.transferFault(), none);
            _done("venue eats gas");
        } else if (how == 3) {
            strategy.setFaults(strategy.readFault(), strategy.exitFault(), fault, none);
            _done("venue's shares stay put");
        } else if (how == 4) {
            strategy.setFaults(strategy.readFault(), strategy.exitFault(), fault, fault);
            _done("venue hides its balance");
        } else if (how == 5) {
            strategy.setReportBps(5000 + _mix(seed, 4) % 10_000);
            _done("venue lies");
        } else if (how == 6) {
            strategy.setShortPayBps(1 + _mix(seed, 4) % 2000);
            _done("venue pays short");
        } else if (how == 7) {
            strategy.setExitFeeBps(_mix(seed, 4) % 500);
        } else {
            // All of them call the same intruder back from the start; now and then one stops, and starts again.
            bool isQuiet = address(strategy.intruder()) == address(0);
            strategy.setIntruder(isQuiet ? _INTRUDER : IIntruder(address(0)));
            _done("venue calls back");
        }
    }

    /// @dev Doubles or halves what a venue has, from one block to the next.
    function jump(uint256 seed) external acts {
        WorldStrategy strategy = _strategy(_mix(seed, 1) % STRATEGIES);
        uint256 cash = ASSET.balanceOf(address(strategy));
        if (_mix(seed, 2) % 2 == 0 && cash < 10 * WORLD.SEED_DEPOSIT()) ASSET.mint(address(strategy), cash);
        else ASSET.burn(address(strategy), cash / 2);
        _done("venue jumps");
    }

    function repair(uint256 seed) external acts {
        _repair(_mix(seed, 1) % STRATEGIES);
    }

    /// @dev All at once, so that honest work goes on now and then.
    function repairAll(uint256) external acts {
        ASSET.setBlocked(address(VAULT), false);
        for (uint256 i = 0; i < STRATEGIES; ++i) {
            _repair(i);
        }
    }

    function blockAsset(uint256 seed) external acts {
        if (_mix(seed, 1) % 4 != 0) return;
        ASSET.setBlocked(address(VAULT), true);
        _done("asset blocks the vault");
    }

    function _repair(uint256 index) private {
        _strategy(index).heal();
        _done("venue is repaired");
    }
}
