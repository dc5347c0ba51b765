// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {IConduit} from "../../../contracts/interfaces/IConduit.sol";
import {IPolicyGuard} from "../../../contracts/interfaces/IPolicyGuard.sol";
import {ITreasuryVault} from "../../../contracts/interfaces/ITreasuryVault.sol";
import {ExitEntry, NavParameters} from "../../../contracts/types/Nav.sol";
import {Mode, Policy, StrategyPolicy} from "../../../contracts/types/Policy.sol";
import {Leg} from "../../../contracts/types/Rebalance.sol";
import {Properties} from "../Properties.sol";
import {Reading} from "../Reading.sol";
import {WorldStrategy} from "../mocks/WorldStrategy.sol";
import {Handler} from "./Handler.sol";

/// @notice Anybody, trying every door that is not theirs.
contract Strangers is Handler {
    constructor(Properties world) Handler(world) {
        world.expectAction("stranger refused");
        world.expectProperty("property_StrangersCanDoNothing");
    }

    function intrude(uint256 seed) external acts {
        uint256 how = _mix(seed, 1) % 15;
        address target = how < 9 ? address(GUARD) : how < 12 ? address(VAULT) : VAULT.conduit();
        bytes memory call_;
        if (how == 0) call_ = abi.encodeCall(IPolicyGuard.submitPolicy, (WORLD.document()));
        if (how == 1) call_ = abi.encodeCall(IPolicyGuard.vetoPolicy, ());
        if (how == 2) call_ = abi.encodeCall(IPolicyGuard.setMode, (Mode.Paused));
        if (how == 3) call_ = abi.encodeCall(IPolicyGuard.revokeAgent, (WORLD.HONEST()));
        if (how == 4) call_ = abi.encodeCall(IPolicyGuard.resign, ());
        if (how == 5) call_ = abi.encodeCall(IPolicyGuard.pull, (_liquidPlace(), 1, 0));
        if (how == 6) call_ = abi.encodeCall(IPolicyGuard.nameGuardian, (WORLD.THIEF()));
        if (how == 7) call_ = abi.encodeCall(IPolicyGuard.offerOwnership, (WORLD.THIEF()));
        if (how == 8) call_ = abi.encodeCall(IPolicyGuard.acceptOwnership, ());
        if (how == 9) call_ = abi.encodeCall(ITreasuryVault.execute, (new Leg[](0), 1 hours, 1 days));
        if (how == 10) call_ = abi.encodeCall(ITreasuryVault.pull, (address(_strategy(0)), 1, 0));
        NavParameters memory parameters;
        if (how == 11) call_ = abi.encodeCall(ITreasuryVault.adopt, (parameters, new ExitEntry[](0)));
        if (how == 12) call_ = abi.encodeCall(IConduit.deposit, (address(_strategy(0)), 0));
        if (how == 13) call_ = abi.encodeCall(IConduit.settle, (0));
        if (how == 14) call_ = abi.encodeCall(IConduit.clear, (address(_strategy(0))));
        property_StrangersCanDoNothing(target, call_);
        _done("stranger refused");
    }

    /// @dev A listed strategy that a guardian could pull from now, so that nothing but the role refuses a stranger.
    function _liquidPlace() private view returns (uint8 place) {
        StrategyPolicy[] memory strategies = WORLD.document().strategies;
        while (place + 1 < strategies.length) {
            if (Reading.liquid(WorldStrategy(strategies[place].strategy), address(VAULT)) != 0) break;
            ++place;
        }
    }

    function property_StrangersCanDoNothing(address target, bytes memory call_) private {
        vm.prank(WORLD.THIEF());
        (bool isDone,) = target.call(call_);
        assertFalse(isDone, "a stranger got in");
        WORLD.count("property_StrangersCanDoNothing");
    }
}
