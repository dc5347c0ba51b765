// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {Properties} from "../Properties.sol";
import {WorldStrategy} from "../mocks/WorldStrategy.sol";
import {Handler} from "./Handler.sol";

/// @notice Time, yield, losses, gifts, shortages.
contract Surroundings is Handler {
    uint256 private _next;

    constructor(Properties world) Handler(world) {
        world.expectAction("seconds pass");
        world.expectAction("hours pass");
        world.expectAction("weeks pass");
        world.expectAction("checkpoint");
        world.expectAction("earn");
        world.expectAction("lose");
        world.expectAction("give to the vault");
        world.expectAction("give to a strategy");
        world.expectAction("give to the conduit");
        world.expectAction("give shares to the vault");
        world.expectAction("shortage");
        world.expectAction("change an exit fee");
    }

    function passTime(uint256 seed) external acts {
        uint256 kind = _next++ % 16;
        if (kind % 2 == 0) {
            _pass(1 + _mix(seed, 2) % 600);
            _done("seconds pass");
        } else if (kind != 7 && kind != 15) {
            _pass(1 + _mix(seed, 2) % 2 days);
            _done("hours pass");
        } else {
            _pass(7 days + _mix(seed, 2) % 60 days);
            _done("weeks pass");
        }
    }

    function checkpoint(uint256 seed) external acts {
        VAULT.checkpoint();
        bytes32 before = keccak256(abi.encode(VAULT.navState()));
        // Within one timestamp only the first refresh moves anything.
        if (_mix(seed, 1) % 2 == 0) VAULT.checkpoint();
        assertEq(keccak256(abi.encode(VAULT.navState())), before, "a second checkpoint moved something");
        _done("checkpoint");
    }

    /// @dev At most five basis points a time; now and then more, where past losses are to be made good.
    function earn(uint256 seed) external acts {
        WorldStrategy strategy = _strategy(_mix(seed, 1) % STRATEGIES);
        bool isBehind = _mix(seed, 4) % 2 == 0 && VAULT.navState().highWaterPrice > WORLD.truePrice();
        uint256 amount = _amount(seed, ASSET.balanceOf(address(strategy)) / (isBehind ? 50 : 2000));
        if (amount == 0) return;
        ASSET.mint(address(strategy), amount);
        WORLD.recordYield(amount);
        _done("earn");
    }

    /// @dev As much as is earned, and at times three per cent.
    function lose(uint256 seed) external acts {
        WorldStrategy strategy = _strategy(_mix(seed, 1) % STRATEGIES);
        uint256 amount = _amount(seed, ASSET.balanceOf(address(strategy)) / (_mix(seed, 4) % 16 == 0 ? 33 : 2000));
        if (amount == 0) return;
        ASSET.burn(address(strategy), amount);
        _done("lose");
    }

    function giveToVault(uint256 seed) external acts {
        if (ASSET.isBlocked(address(VAULT))) return;
        uint256 amount = 1 + _mix(seed, 1) % (WORLD.trueValue() / 500 + 1);
        ASSET.mint(address(VAULT), amount);
        WORLD.recordYield(amount);
        _done("give to the vault");
    }

    /// @dev Shares of a strategy, listed or not.
    function giveStrategyShares(uint256 seed) external acts {
        WorldStrategy strategy = _strategy(_mix(seed, 1) % STRATEGIES);
        if (strategy.transferFault() != WorldStrategy.Fault.None) return;
        uint256 shares = _amount(seed, strategy.trueBalanceOf(WORLD.OTHERS()) / 1000);
        if (shares == 0) return;
        WORLD.recordYield(strategy.trueAssetsOf(WORLD.OTHERS()) / 1000 + 1);
        vm.prank(WORLD.OTHERS());
        assertTrue(strategy.transfer(address(VAULT), shares));
        _done("give to a strategy");
    }

    function giveToConduit(uint256 seed) external acts {
        uint256 amount = 1 + _mix(seed, 1) % 1000;
        uint256 total = VAULT.totalAssets();
        ASSET.mint(VAULT.conduit(), amount);
        WORLD.recordConduitGift(amount);
        assertEq(VAULT.totalAssets(), total, "what lies in the conduit is in no NAV");
        _done("give to the conduit");
    }

    /// @dev Shares that the vault itself holds have no owner any more.
    function giveVaultShares(uint256 seed) external acts {
        address person = _depositor(seed);
        uint256 shares = _amount(seed, VAULT.balanceOf(person) / 1000);
        if (shares == 0) return;
        vm.prank(person);
        assertTrue(VAULT.transfer(address(VAULT), shares));
        _done("give shares to the vault");
    }

    /// @dev A strategy runs short, or all are liquid again.
    function shortage(uint256 seed) external acts {
        WorldStrategy strategy = _strategy(_mix(seed, 1) % STRATEGIES);
        if (_mix(seed, 2) % 2 == 0) {
            for (uint256 i = 0; i < STRATEGIES; ++i) {
                _strategy(i).setLiquidity(type(uint256).max);
            }
            return;
        }
        strategy.setLiquidity(_amount(seed, ASSET.balanceOf(address(strategy)) / 4));
        _done("shortage");
    }

    function changeExitFee(uint256 seed) external acts {
        _strategy(LISTED - 1).setExitFeeBps(_mix(seed, 1) % 30);
        _done("change an exit fee");
    }
}
