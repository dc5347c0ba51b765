// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {IPolicyGuard} from "../../../contracts/interfaces/IPolicyGuard.sol";
import {Mode, ObjectiveKind, Policy} from "../../../contracts/types/Policy.sol";
import {Properties} from "../Properties.sol";
import {Handler} from "./Handler.sol";

/// @notice An owner that keeps the treasury at work: what was closed is opened again, by the long way.
contract Owner is Handler {
    constructor(Properties world) Handler(world) {
        world.expectAction("reopen");
        world.expectAction("adopt target weights");
    }

    function reopen(uint256 seed) external acts {
        _open(seed);
    }

    /// @dev Once more often, so that what was closed is not closed for most of the run.
    function reopenAgain(uint256 seed) external acts {
        if (WORLD.mode() == Mode.Active && !WORLD.isEnded(WORLD.HOSTILE())) return;
        _open(seed);
    }

    function _open(uint256 seed) private {
        Mode mode = WORLD.mode();
        Policy memory next = WORLD.openPolicy(seed);
        if (next.objective.kind == ObjectiveKind.TargetWeights) _done("adopt target weights");
        if (mode != Mode.Active) {
            vm.prank(WORLD.owner());
            GUARD.submitPolicy(next);
            WORLD.digest();
            try GUARD.activatePolicy(next) {
                revert("opened before the delay");
            } catch (bytes memory reason) {
                assertEq(_selectorOf(reason), IPolicyGuard.DelayNotOver.selector, "the delay is what it waits for");
            }
            WORLD.forget();
        }
        WORLD.adopt(next);
        assertEq(uint256(WORLD.mode()), uint256(Mode.Active), "open again");
        _done("reopen");
    }
}
