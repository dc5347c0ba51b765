// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {IPolicyGuard, PendingPolicy} from "../../contracts/interfaces/IPolicyGuard.sol";
import {ITreasuryVault} from "../../contracts/interfaces/ITreasuryVault.sol";
import {NavParameters} from "../../contracts/types/Nav.sol";
import {Ceilings, Mode, Policy, StrategyStatus} from "../../contracts/types/Policy.sol";
import {GuardFixture} from "./helpers/GuardFixture.sol";
import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";

/// @notice The life of a document: birth, waiting, veto, activation, grace, voiding, overlays.
contract AdoptionTest is GuardFixture {
    function test_Constructor_NothingIsAllowedAtBirth() public view {
        assertEq(guard.vault(), address(vault));
        assertEq(guard.owner(), OWNER);
        assertEq(guard.guardian(), GUARDIAN);
        assertEq(guard.guardState().policyVersion, 0);
        assertEq(guard.guardState().policyHash, 0);
        assertEq(uint256(guard.guardState().mode), uint256(Mode.Paused));
        assertEq(guard.policyDelaySeconds(), 1 hours);
        assertEq(guard.strategyStates().length, 0);
        assertEq(guard.policyBlock(0), 0);
        Ceilings memory ceilings = guard.ceilings();
        assertEq(abi.encode(ceilings), abi.encode(defaultCeilings()));
    }

    function test_SubmitPolicy_FirstDocumentWaitsTheDelayAtBirth() public {
        Policy memory policy = defaultPolicy();
        bytes32 expected = keccak256(abi.encode(policy));
        uint40 activatableAt = SafeCast.toUint40(START + 1 hours);
        vm.expectEmit(address(guard));
        emit IPolicyGuard.PolicySubmitted(OWNER, expected, activatableAt, activatableAt + 7 days, abi.encode(policy));
        vm.prank(OWNER);
        (bytes32 hash, bool isInForce) = guard.submitPolicy(policy);
        assertEq(hash, expected);
        assertFalse(isInForce);
        PendingPolicy memory pending = guard.pendingPolicy();
        assertEq(pending.hash, expected);
        assertEq(pending.submittedBlock, 1000);
        assertEq(pending.activatableAt, activatableAt);
        assertEq(pending.expiresAt, activatableAt + 7 days);
    }

    function test_SubmitPolicy_EvenAnEmptyFirstDocumentWaits() public {
        Policy memory policy = defaultPolicy();
        delete policy.strategies;
        delete policy.agents;
        policy.limits.mode = Mode.Paused;
        policy.limits.maxTurnoverBps = 0;
        policy.limits.maxLossBps = 0;
        policy.limits.depositCap = 0;
        vm.prank(GUARDIAN);
        vm.expectRevert(IPolicyGuard.NotStricter.selector);
        guard.submitPolicy(policy);
        vm.prank(OWNER);
        (, bool isInForce) = guard.submitPolicy(policy);
        assertFalse(isInForce);
    }

    function test_ActivatePolicy_FromTheFirstSecondByAnyone() public {
        Policy memory policy = _submit();
        vm.roll(2000);
        vm.warp(START + 1 hours - 1);
        vm.expectRevert(abi.encodeWithSelector(IPolicyGuard.DelayNotOver.selector, START + 1 hours));
        guard.activatePolicy(policy);
        vm.warp(START + 1 hours);
        bytes32 hash = keccak256(abi.encode(policy));
        vm.expectEmit(address(guard));
        emit IPolicyGuard.PolicyAdopted(1, hash);
        vm.prank(STRANGER);
        guard.activatePolicy(policy);

        assertEq(guard.guardState().policyVersion, 1);
        assertEq(guard.guardState().policyHash, hash);
        assertEq(guard.guardState().policyBlock, 1000);
        assertEq(guard.policyBlock(1), 1000);
        assertEq(guard.policyDelaySeconds(), 2 days);
        assertEq(guard.pendingPolicy().hash, 0);
        // The vault has its part.
        assertEq(vault.exitList().length, 3);
        assertEq(vault.exitList()[2].strategy, address(strategies[2]));
        NavParameters memory parameters = vault.navParameters();
        assertEq(parameters.maxGrowthWad, 0.01e18);
        assertEq(parameters.maxDrawdownBps, 1000);
        assertEq(parameters.entryHaltSeconds, 1 days);
        assertEq(parameters.seasoningSeconds, 1 hours);
        assertEq(parameters.maxNavAgeSeconds, 1 days);
        assertEq(parameters.depositCap, 10 * DEPOSIT);
    }

    function test_ActivatePolicy_UntilTheLastSecondOfGrace() public {
        Policy memory policy = _submit();
        uint256 last = START + 1 hours + 7 days;
        vm.warp(last + 1);
        vm.expectRevert(abi.encodeWithSelector(IPolicyGuard.GraceOver.selector, last));
        guard.activatePolicy(policy);
        vm.warp(last);
        guard.activatePolicy(policy);
        assertEq(guard.guardState().policyVersion, 1);
    }

    function test_RevertWhen_AnotherDocumentIsActivated() public {
        Policy memory policy = _submit();
        bytes32 hash = keccak256(abi.encode(policy));
        ++policy.limits.maxLossBps;
        vm.warp(START + 1 hours);
        vm.expectRevert(abi.encodeWithSelector(IPolicyGuard.NotPending.selector, keccak256(abi.encode(policy)), hash));
        guard.activatePolicy(policy);
    }

    function test_RevertWhen_ADocumentIsActivatedTwice() public {
        Policy memory policy = _submit();
        vm.warp(START + 1 hours);
        guard.activatePolicy(policy);
        bytes32 hash = keccak256(abi.encode(policy));
        vm.expectRevert(abi.encodeWithSelector(IPolicyGuard.NotPending.selector, hash, bytes32(0)));
        guard.activatePolicy(policy);
    }

    function test_RevertWhen_AStrangerSubmits() public {
        vm.expectRevert(abi.encodeWithSelector(IPolicyGuard.Unauthorized.selector, STRANGER));
        vm.prank(STRANGER);
        guard.submitPolicy(defaultPolicy());
    }

    function test_RevertWhen_TheVaultRefusesAStrategy() public {
        Policy memory policy = defaultPolicy();
        policy.strategies[1].strategy = address(vault);
        vm.prank(OWNER);
        guard.submitPolicy(policy);
        vm.warp(START + 1 hours);
        vm.expectRevert(abi.encodeWithSelector(ITreasuryVault.UnfitStrategy.selector, address(vault)));
        guard.activatePolicy(policy);
        assertEq(guard.guardState().policyVersion, 0);
    }

    function test_SubmitPolicy_ALaterDocumentWaitsTheDelayInForce() public {
        adopt(defaultPolicy());
        uint256 at = block.timestamp;
        Policy memory policy = defaultPolicy();
        policy.limits.policyDelaySeconds = 1 hours;
        vm.prank(OWNER);
        guard.submitPolicy(policy);
        assertEq(guard.pendingPolicy().activatableAt, at + 2 days);
    }

    // Veto

    function test_VetoPolicy_ByOwnerOrGuardian() public {
        address[2] memory by = [OWNER, GUARDIAN];
        for (uint256 i = 0; i < 2; ++i) {
            Policy memory policy = _submit();
            bytes32 hash = keccak256(abi.encode(policy));
            vm.expectEmit(address(guard));
            emit IPolicyGuard.PolicyVetoed(by[i], hash);
            vm.prank(by[i]);
            guard.vetoPolicy();
            vm.warp(block.timestamp + 1 hours);
            vm.expectRevert(abi.encodeWithSelector(IPolicyGuard.NotPending.selector, hash, bytes32(0)));
            guard.activatePolicy(policy);
        }
    }

    function test_RevertWhen_AStrangerVetoes() public {
        _submit();
        vm.expectRevert(abi.encodeWithSelector(IPolicyGuard.Unauthorized.selector, STRANGER));
        vm.prank(STRANGER);
        guard.vetoPolicy();
    }

    function test_RevertWhen_NothingIsVetoed() public {
        vm.expectRevert(abi.encodeWithSelector(IPolicyGuard.NotPending.selector, bytes32(0), bytes32(0)));
        vm.prank(OWNER);
        guard.vetoPolicy();
    }

    // Voiding

    function test_SubmitPolicy_ReplacesAWaitingOne() public {
        Policy memory first = _submit();
        Policy memory second = defaultPolicy();
        second.limits.maxLossBps = 50;
        vm.expectEmit(address(guard));
        emit IPolicyGuard.PolicyVoided(keccak256(abi.encode(first)));
        vm.prank(OWNER);
        guard.submitPolicy(second);
        assertEq(guard.pendingPolicy().hash, keccak256(abi.encode(second)));
    }

    function test_SetMode_VoidsAWaitingDocument() public {
        _assertVoids(0);
    }

    function test_RevokeAgent_VoidsAWaitingDocument() public {
        _assertVoids(1);
    }

    function test_SubmitPolicy_AStricterDocumentVoidsAWaitingOne() public {
        _assertVoids(2);
    }

    function test_Resign_DoesNotVoidAWaitingDocument() public {
        Policy memory looser = _waitingAfterFirst();
        vm.prank(AGENT);
        guard.resign();
        skip(2 days);
        guard.activatePolicy(looser);
        assertEq(guard.guardState().policyHash, keccak256(abi.encode(looser)));
        assertFalse(guard.agentState(AGENT).isRevoked);
    }

    // Overlays

    function test_SetMode_OverlaysTheDocument() public {
        adopt(defaultPolicy());
        bytes32 hash = guard.guardState().policyHash;
        vm.roll(3000);
        vm.expectEmit(address(guard));
        emit IPolicyGuard.ModeSet(GUARDIAN, 2, Mode.ExitOnly);
        vm.prank(GUARDIAN);
        guard.setMode(Mode.ExitOnly);
        assertEq(uint256(guard.guardState().mode), uint256(Mode.ExitOnly));
        assertEq(guard.guardState().policyVersion, 2);
        assertEq(guard.guardState().policyHash, hash);
        assertEq(guard.policyBlock(2), 1000);
        vm.prank(OWNER);
        guard.setMode(Mode.Paused);
        assertEq(guard.guardState().policyVersion, 3);
        assertEq(guard.guardState().policyBlock, 1000);
    }

    function test_RevertWhen_ModeIsNotStricter() public {
        adopt(defaultPolicy());
        vm.startPrank(GUARDIAN);
        guard.setMode(Mode.ExitOnly);
        for (uint256 i = 0; i < 2; ++i) {
            vm.expectRevert(abi.encodeWithSelector(IPolicyGuard.ModeNotStricter.selector, Mode.ExitOnly, Mode(i)));
            guard.setMode(Mode(i));
        }
    }

    function test_RevokeAgent_OverlaysTheDocument() public {
        adopt(defaultPolicy());
        vm.expectEmit(address(guard));
        emit IPolicyGuard.AgentRevoked(GUARDIAN, 2, AGENT);
        vm.prank(GUARDIAN);
        guard.revokeAgent(AGENT);
        assertTrue(guard.agentState(AGENT).exists);
        assertTrue(guard.agentState(AGENT).isRevoked);
        assertEq(guard.guardState().policyVersion, 2);
        vm.expectRevert(abi.encodeWithSelector(IPolicyGuard.NoSuchAgent.selector, AGENT));
        vm.prank(GUARDIAN);
        guard.revokeAgent(AGENT);
        vm.expectRevert(abi.encodeWithSelector(IPolicyGuard.NoSuchAgent.selector, STRANGER));
        vm.prank(OWNER);
        guard.revokeAgent(STRANGER);
    }

    function test_Resign_EndsTheCallersOwnMandateOnly() public {
        adopt(defaultPolicy());
        vm.expectEmit(address(guard));
        emit IPolicyGuard.AgentResigned(AGENT);
        vm.prank(AGENT);
        guard.resign();
        assertTrue(guard.agentState(AGENT).isRevoked);
        assertFalse(guard.agentState(OTHER_AGENT).isRevoked);
        assertEq(guard.guardState().policyVersion, 1);
        vm.expectRevert(abi.encodeWithSelector(IPolicyGuard.NoSuchAgent.selector, STRANGER));
        vm.prank(STRANGER);
        guard.resign();
    }

    function test_RevertWhen_AStrangerOverlays() public {
        adopt(defaultPolicy());
        vm.startPrank(STRANGER);
        vm.expectRevert(abi.encodeWithSelector(IPolicyGuard.Unauthorized.selector, STRANGER));
        guard.setMode(Mode.Paused);
        vm.expectRevert(abi.encodeWithSelector(IPolicyGuard.Unauthorized.selector, STRANGER));
        guard.revokeAgent(AGENT);
    }

    function test_ActivatePolicy_EndsOverlays() public {
        adopt(defaultPolicy());
        vm.startPrank(GUARDIAN);
        guard.setMode(Mode.Paused);
        guard.revokeAgent(AGENT);
        vm.stopPrank();
        adopt(defaultPolicy());
        assertEq(uint256(guard.guardState().mode), uint256(Mode.Active));
        assertFalse(guard.agentState(AGENT).isRevoked);
        assertEq(guard.guardState().policyVersion, 4);
    }

    function _submit() private returns (Policy memory policy) {
        policy = defaultPolicy();
        vm.prank(OWNER);
        guard.submitPolicy(policy);
    }

    function _waitingAfterFirst() private returns (Policy memory looser) {
        adopt(defaultPolicy());
        looser = defaultPolicy();
        looser.limits.maxLossBps = 200;
        vm.prank(OWNER);
        guard.submitPolicy(looser);
    }

    function _assertVoids(uint256 how) private {
        Policy memory looser = _waitingAfterFirst();
        bytes32 hash = keccak256(abi.encode(looser));
        Policy memory stricter = defaultPolicy();
        stricter.strategies[0].status = StrategyStatus.ExitOnly;
        vm.expectEmit(address(guard));
        emit IPolicyGuard.PolicyVoided(hash);
        vm.prank(GUARDIAN);
        if (how == 0) guard.setMode(Mode.ExitOnly);
        else if (how == 1) guard.revokeAgent(AGENT);
        else guard.submitPolicy(stricter);
        assertEq(guard.pendingPolicy().hash, 0);
        skip(2 days);
        vm.expectRevert(abi.encodeWithSelector(IPolicyGuard.NotPending.selector, hash, bytes32(0)));
        guard.activatePolicy(looser);
    }
}
