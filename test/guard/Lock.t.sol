// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {IPolicyGuard} from "../../contracts/interfaces/IPolicyGuard.sol";
import {Mode, Policy} from "../../contracts/types/Policy.sol";
import {GuardFixture} from "./helpers/GuardFixture.sol";
import {MockStrategy} from "./mocks/MockStrategy.sol";

/// @notice A strategy that is called during a rebalance finds everything that writes shut, whatever role it has.
contract LockTest is GuardFixture {
    /// @dev A strategy that is owner, guardian and agent at once.
    MockStrategy private strategy;

    function setUp() public override {
        super.setUp();
        Policy memory policy = defaultPolicy();
        strategy = strategies[0];
        policy.agents[1].agent = address(strategy);
        start(policy);
        vm.startPrank(OWNER);
        guard.nameGuardian(address(strategy));
        skip(2 days);
        guard.activateGuardian();
        guard.offerOwnership(address(strategy));
        vm.stopPrank();
        vm.prank(address(strategy));
        guard.acceptOwnership();
        vault.checkpoint();
    }

    function test_RevertWhen_AnythingIsEnteredDuringARebalance() public {
        Policy memory policy = defaultPolicy();
        bytes[] memory calls = new bytes[](15);
        calls[0] = abi.encodeCall(IPolicyGuard.rebalance, (plan(address(strategy), moves(deposits(1, 1)))));
        calls[1] = abi.encodeCall(IPolicyGuard.submitPolicy, (policy));
        calls[2] = abi.encodeCall(IPolicyGuard.activatePolicy, (policy));
        calls[3] = abi.encodeCall(IPolicyGuard.vetoPolicy, ());
        calls[4] = abi.encodeCall(IPolicyGuard.setMode, (Mode.Paused));
        calls[5] = abi.encodeCall(IPolicyGuard.revokeAgent, (AGENT));
        calls[6] = abi.encodeCall(IPolicyGuard.resign, ());
        calls[7] = abi.encodeCall(IPolicyGuard.pull, (1, 1, 0));
        calls[8] = abi.encodeCall(IPolicyGuard.trim, (1));
        calls[9] = abi.encodeCall(IPolicyGuard.nameGuardian, (AGENT));
        calls[10] = abi.encodeCall(IPolicyGuard.activateGuardian, ());
        calls[11] = abi.encodeCall(IPolicyGuard.offerOwnership, (AGENT));
        calls[12] = abi.encodeCall(IPolicyGuard.acceptOwnership, ());
        calls[13] = abi.encodeCall(IPolicyGuard.rebalanceFor, (plan(AGENT, moves(deposits(1, 1))), AGENT, ""));
        calls[14] = abi.encodeCall(IPolicyGuard.followPrice, (1));
        for (uint256 i = 0; i < calls.length; ++i) {
            strategy.setCall(address(guard), calls[i]);
            rebalance(moves(deposits(0, 1000)));
            assertTrue(strategy.hasCalled());
            assertFalse(strategy.hasSucceeded());
            assertEq(strategy.answer(), abi.encodeWithSelector(IPolicyGuard.Locked.selector), vm.toString(i));
            skip(60);
        }
        assertEq(held(0), 15_000);
    }

    function test_RevertWhen_AnythingIsEnteredDuringAPullOrATrim() public {
        rebalance(moves(deposits(0, 1000)));
        bytes memory payload = abi.encodeCall(IPolicyGuard.pull, (1, 1, 0));
        strategy.setCall(address(guard), payload);
        vm.prank(address(strategy));
        guard.pull(0, 10, 10);
        assertEq(strategy.answer(), abi.encodeWithSelector(IPolicyGuard.Locked.selector));

        Policy memory policy = defaultPolicy();
        policy.agents[1].agent = address(strategy);
        policy.strategies[0].cap = 10;
        vm.prank(address(strategy));
        guard.submitPolicy(policy);
        strategy.setCall(address(guard), abi.encodeCall(IPolicyGuard.trim, (0)));
        guard.trim(0);
        assertEq(strategy.answer(), abi.encodeWithSelector(IPolicyGuard.Locked.selector));
        assertEq(held(0), 10);
    }

    function test_Rebalance_TheLockOpensAgain() public {
        rebalance(moves(deposits(0, 1000)));
        skip(60);
        rebalance(moves(deposits(0, 1000)));
        vm.prank(address(strategy));
        guard.setMode(Mode.Paused);
        assertEq(uint256(guard.guardState().mode), uint256(Mode.Paused));
    }
}
