// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {IPolicyGuard} from "../../../contracts/interfaces/IPolicyGuard.sol";
import {Mode, Policy, StrategyStatus} from "../../../contracts/types/Policy.sol";
import {World} from "../World.sol";
import {WorldStrategy} from "../mocks/WorldStrategy.sol";
import {Handler} from "./Handler.sol";
import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";

/// @notice Owner and guardian, and whoever trims.
contract Officers is Handler {
    constructor(World world) Handler(world) {
        world.expectAction("pull");
        world.expectAction("trim");
        world.expectAction("tighten");
        world.expectAction("close");
        world.expectAction("revoke");
        world.expectAction("reopen");
    }

    function pull(uint256 which, uint256 assets) external {
        uint8 index = SafeCast.toUint8(which % STRATEGIES);
        uint256 most = _strategy(index).maxWithdraw(address(VAULT));
        if (most == 0) return;
        assets = _within(assets, 1, most);
        uint256 idle = ASSET.balanceOf(address(VAULT));
        vm.prank(WORLD.GUARDIAN());
        GUARD.pull(index, SafeCast.toUint128(assets), assets);
        assertEq(ASSET.balanceOf(address(VAULT)), idle + assets, "pull brings back what was asked");
        WORLD.recordReduction();
        WORLD.succeed("pull");
    }

    /// @dev Caps a strategy below what it holds, or closes it, and trims it as a stranger would.
    function trim(uint256 which, uint256 cap) external {
        uint8 index = SafeCast.toUint8(which % STRATEGIES);
        WorldStrategy strategy = _strategy(index);
        uint256 position = strategy.previewRedeem(strategy.balanceOf(address(VAULT)));
        if (position < 2 || strategy.maxWithdraw(address(VAULT)) == 0) return;
        Policy memory document = WORLD.policy();
        document.strategies[index].cap = uint128(_within(cap, 0, position - 1));
        if (which % 2 == 0) document.strategies[index].status = StrategyStatus.ExitOnly;
        WORLD.adopt(document);
        uint256 before = WORLD.trueValue();
        try GUARD.trim(index) returns (uint256 trimmed) {
            assertGt(trimmed, 0, "a trim takes something");
            assertLe(before, WORLD.trueValue() + 2, "a trim at the true price loses nothing");
            WORLD.recordReduction();
            WORLD.succeed("trim");
        } catch (bytes memory reason) {
            // Off its price band, or the vault's loss bucket is full.
            assertEq(_selectorOf(reason), IPolicyGuard.Refused.selector, "trim fails by a rule only");
        }
    }

    function tighten(uint256 which, uint256 cap) external {
        Policy memory document = WORLD.policy();
        document.limits.mode = GUARD.guardState().mode;
        document.strategies[which % STRATEGIES].cap = uint128(_within(cap, 0, WORLD.SEED_DEPOSIT() / 2));
        uint64 version = GUARD.guardState().policyVersion;
        vm.prank(WORLD.GUARDIAN());
        try GUARD.submitPolicy(document) {
            assertEq(GUARD.guardState().policyVersion, version + 1, "stricter is at once");
            WORLD.succeed("tighten");
        } catch (bytes memory reason) {
            assertEq(_selectorOf(reason), IPolicyGuard.NotStricter.selector, "or not stricter");
        }
    }

    function close(uint256 seed) external {
        Mode mode = GUARD.guardState().mode;
        if (seed % 2 != 0 || mode == Mode.Paused) return;
        vm.prank(WORLD.GUARDIAN());
        GUARD.setMode(Mode(uint8(mode) + 1));
        WORLD.succeed("close");
    }

    function revoke(uint256 seed) external {
        address agent = seed % 2 == 0 ? WORLD.HONEST() : WORLD.HOSTILE();
        if (seed % 3 == 0 || GUARD.agentState(agent).isRevoked) return;
        vm.prank(WORLD.GUARDIAN());
        GUARD.revokeAgent(agent);
        WORLD.succeed("revoke");
    }

    function reopen() external {
        Policy memory document = WORLD.policy();
        Mode mode = GUARD.guardState().mode;
        if (mode != Mode.Active) {
            vm.prank(WORLD.OWNER());
            GUARD.submitPolicy(document);
            try GUARD.activatePolicy(document) {
                revert("opened before the delay");
            } catch (bytes memory reason) {
                assertEq(_selectorOf(reason), IPolicyGuard.DelayNotOver.selector, "the delay is what it waits for");
            }
            assertEq(uint256(GUARD.guardState().mode), uint256(mode), "still closed");
        }
        WORLD.adopt(document);
        assertEq(uint256(GUARD.guardState().mode), uint256(Mode.Active), "open again");
        WORLD.succeed("reopen");
    }
}
