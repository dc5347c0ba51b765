// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {IPolicyGuard} from "../../contracts/interfaces/IPolicyGuard.sol";
import {
    AgentPolicy,
    GroupPolicy,
    Mode,
    ObjectiveKind,
    Policy,
    StrategyPolicy,
    StrategyStatus
} from "../../contracts/types/Policy.sol";
import {GuardFixture} from "./helpers/GuardFixture.sol";

/// @notice One change at a time against a document in force: what takes effect at once and what waits, for every
/// member.
contract AdoptionMatrixTest is GuardFixture {
    function setUp() public override {
        super.setUp();
        Policy memory policy = defaultPolicy();
        policy.limits.mode = Mode.ExitOnly;
        policy.strategies[1].status = StrategyStatus.ExitOnly;
        policy.strategies[2].status = StrategyStatus.WrittenOff;
        _addGroupsAndFees(policy);
        adopt(policy);
    }

    function test_SubmitPolicy_UnchangedIsAtOnce() public {
        _assertAtOnce(_inForce());
    }

    // Limits that tighten

    function test_SubmitPolicy_Mode() public {
        Policy memory p = _inForce();
        p.limits.mode = Mode.Paused;
        _assertAtOnce(p);
    }

    function test_SubmitPolicy_ModeLooser() public {
        Policy memory p = _inForce();
        p.limits.mode = Mode.Active;
        _assertWaits(p);
    }

    function test_SubmitPolicy_LimitsLower() public {
        for (uint256 i = 0; i < 5; ++i) {
            Policy memory p = _inForce();
            if (i == 0) --p.limits.maxTurnoverBps;
            if (i == 1) --p.limits.maxLossBps;
            if (i == 2) --p.limits.depositCap;
            if (i == 3) --p.limits.managementFeeBps;
            if (i == 4) --p.limits.performanceFeeBps;
            _probe(p, true);
            p = _inForce();
            if (i == 0) ++p.limits.maxTurnoverBps;
            if (i == 1) ++p.limits.maxLossBps;
            if (i == 2) ++p.limits.depositCap;
            if (i == 3) ++p.limits.managementFeeBps;
            if (i == 4) ++p.limits.performanceFeeBps;
            _probe(p, false);
        }
    }

    function test_SubmitPolicy_LimitsHigher() public {
        for (uint256 i = 0; i < 4; ++i) {
            Policy memory p = _inForce();
            if (i == 0) ++p.limits.minIdleBps;
            if (i == 1) ++p.limits.cooldownSeconds;
            if (i == 2) ++p.limits.windowSeconds;
            if (i == 3) ++p.limits.seasoningSeconds;
            _probe(p, true);
            p = _inForce();
            if (i == 0) --p.limits.minIdleBps;
            if (i == 1) --p.limits.cooldownSeconds;
            if (i == 2) --p.limits.windowSeconds;
            if (i == 3) --p.limits.seasoningSeconds;
            _probe(p, false);
        }
    }

    // Limits that wait in either direction

    function test_SubmitPolicy_OtherLimitsWaitEitherWay() public {
        for (uint256 i = 0; i < 12; ++i) {
            Policy memory p = _inForce();
            if (i == 0) ++p.limits.maxGrowthWad;
            if (i == 1) --p.limits.maxGrowthWad;
            if (i == 2) ++p.limits.maxDrawdownBps;
            if (i == 3) --p.limits.maxDrawdownBps;
            if (i == 4) ++p.limits.entryHaltSeconds;
            if (i == 5) --p.limits.entryHaltSeconds;
            if (i == 6) ++p.limits.maxNavAgeSeconds;
            if (i == 7) --p.limits.maxNavAgeSeconds;
            if (i == 8) ++p.limits.policyDelaySeconds;
            if (i == 9) --p.limits.policyDelaySeconds;
            if (i == 10) p.limits.feeRecipient = address(1);
            if (i == 11) p.limits.feeRecipient = address(2);
            _probe(p, false);
        }
    }

    function test_SubmitPolicy_GroupLimits() public {
        for (uint256 i = 0; i < 2; ++i) {
            Policy memory p = _inForce();
            --p.groups[i].maxWeightBps;
            _probe(p, true);
            p = _inForce();
            ++p.groups[i].maxWeightBps;
            _probe(p, false);
            p = _inForce();
            --p.groups[i].cap;
            _probe(p, true);
            p = _inForce();
            ++p.groups[i].cap;
            _probe(p, false);
        }
    }

    function test_SubmitPolicy_GroupsMustBeTheSame() public {
        Policy memory p = _inForce();
        (p.groups[0], p.groups[1]) = (p.groups[1], p.groups[0]);
        _probe(p, false);
        p = _inForce();
        p.groups[1].name = "other";
        _probe(p, false);
        p = _inForce();
        // Fewer, and none of its members left in it.
        GroupPolicy[] memory all = p.groups;
        p.groups = new GroupPolicy[](1);
        p.groups[0] = all[0];
        p.strategies[1].groups = 1;
        _probe(p, false);
        p.groups = new GroupPolicy[](3);
        (p.groups[0], p.groups[1]) = (all[0], all[1]);
        p.groups[2] = GroupPolicy("third", 0, 0);
        p.strategies[1].groups = 3;
        _probe(p, false);
        // In one more, and in one less.
        p = _inForce();
        p.strategies[0].groups = 3;
        _probe(p, false);
        p.strategies[0].groups = 0;
        _probe(p, false);
    }

    function test_SubmitPolicy_TargetsWaitEitherWay() public {
        Policy memory p = _inForce();
        p.objective.kind = ObjectiveKind.TargetWeights;
        p.objective.targetWeightsBps = new uint16[](3);
        p.objective.targetWeightsBps[0] = 5000;
        _probe(p, false);
        adopt(p);
        _probe(p, true);
        --p.objective.targetWeightsBps[0];
        _probe(p, false);
        p.objective.targetWeightsBps[0] += 2;
        _probe(p, false);
        --p.objective.targetWeightsBps[0];
        ++p.objective.bandBps;
        _probe(p, false);
    }

    function test_SubmitPolicy_ObjectiveWaitsEitherWay() public {
        for (uint256 i = 0; i < 5; ++i) {
            Policy memory p = _inForce();
            if (i == 0) ++p.objective.hurdleBps;
            if (i == 1) --p.objective.hurdleBps;
            if (i == 2) ++p.objective.horizonSeconds;
            if (i == 3) --p.objective.horizonSeconds;
            if (i == 4) ++p.objective.bandBps;
            _probe(p, false);
        }
    }

    // Strategies

    function test_SubmitPolicy_StrategyLimits() public {
        for (uint256 i = 0; i < 3; ++i) {
            Policy memory p = _inForce();
            --p.strategies[i].maxWeightBps;
            _probe(p, true);
            p = _inForce();
            ++p.strategies[i].maxWeightBps;
            _probe(p, false);
            p = _inForce();
            --p.strategies[i].cap;
            _probe(p, true);
            p = _inForce();
            ++p.strategies[i].cap;
            _probe(p, false);
        }
    }

    function test_SubmitPolicy_StrategyMembersThatWait() public {
        for (uint256 i = 0; i < 8; ++i) {
            Policy memory p = _inForce();
            StrategyPolicy memory entry = p.strategies[i % 3];
            if (i == 0) ++entry.minWeightBps;
            if (i == 1) ++entry.priceBandBps;
            if (i == 2) --entry.priceBandBps;
            if (i == 3) ++entry.referenceAssets;
            if (i == 4) --entry.referenceAssets;
            if (i == 5) ++entry.referenceShares;
            if (i == 6) --entry.referenceShares;
            if (i == 7) entry.minWeightBps = 10_000;
            _probe(p, false);
        }
    }

    function test_SubmitPolicy_EveryChangeOfStatus() public {
        for (uint256 from = 0; from < 3; ++from) {
            for (uint256 to = 0; to < 3; ++to) {
                Policy memory p = _inForce();
                p.strategies[from].status = StrategyStatus(to);
                // Entry i has status i. Active to ExitOnly is the only change on the list.
                _probe(p, from == to || (from == 0 && to == 1));
            }
        }
    }

    function test_SubmitPolicy_StrategyListMustBeTheSame() public {
        Policy memory p = _inForce();
        StrategyPolicy[] memory all = p.strategies;
        p.strategies = new StrategyPolicy[](2);
        (p.strategies[0], p.strategies[1]) = (all[0], all[1]);
        p.agents[0].scope = 3;
        _probe(p, false);

        p = _inForce();
        (p.strategies[1], p.strategies[2]) = (p.strategies[2], p.strategies[1]);
        _probe(p, false);

        p = _inForce();
        p.strategies[0].strategy = makeAddr("newcomer");
        _probe(p, false);
    }

    // Agents

    function test_SubmitPolicy_AgentLimits() public {
        for (uint256 i = 0; i < 2; ++i) {
            for (uint256 field = 0; field < 4; ++field) {
                Policy memory p = _inForce();
                AgentPolicy memory entry = p.agents[i];
                if (field == 0) --entry.expiresAt;
                if (field == 1) entry.scope = 2;
                if (field == 2) --entry.maxTurnoverBps;
                if (field == 3) --entry.maxLossBps;
                _probe(p, true);
                p = _inForce();
                entry = p.agents[i];
                if (field == 0) ++entry.expiresAt;
                if (field == 1 && i == 0) entry.scope = 6; // narrower: bits 1 and 2 of 0, 1 and 2
                if (field == 1 && i == 1) entry.scope = 4; // other: bit 2 instead of 0 and 1
                if (field == 2) ++entry.maxTurnoverBps;
                if (field == 3) ++entry.maxLossBps;
                _probe(p, field == 1 && i == 0);
            }
        }
    }

    function test_SubmitPolicy_ScopesAreComparedByTheirBits() public {
        Policy memory p = _inForce();
        p.agents[0].scope = 6;
        _assertAtOnce(p);
        // A smaller number, but a strategy that was not in scope.
        p.agents[0].scope = 1;
        _probe(p, false);
        p.agents[0].scope = 5;
        _probe(p, false);
        p.agents[0].scope = 4;
        _probe(p, true);
    }

    function test_SubmitPolicy_AgentListMustBeTheSame() public {
        Policy memory p = _inForce();
        (p.agents[0], p.agents[1]) = (p.agents[1], p.agents[0]);
        _probe(p, false);

        p = _inForce();
        p.agents[0].agent = STRANGER;
        _probe(p, false);

        p = _inForce();
        AgentPolicy[] memory all = p.agents;
        p.agents = new AgentPolicy[](1);
        p.agents[0] = all[0];
        _probe(p, false);

        p = _inForce();
        p.agents = new AgentPolicy[](3);
        (p.agents[0], p.agents[1]) = (all[0], all[1]);
        p.agents[2] = AgentPolicy({agent: STRANGER, expiresAt: 0, scope: 0, maxTurnoverBps: 0, maxLossBps: 0});
        _probe(p, false);
    }

    function test_SubmitPolicy_RevokedAgentsCountAsAbsent() public {
        vm.prank(GUARDIAN);
        guard.revokeAgent(AGENT);
        _assertRevokedIsAbsent();
    }

    function test_SubmitPolicy_ResignedAgentsCountAsAbsent() public {
        vm.prank(AGENT);
        guard.resign();
        _assertRevokedIsAbsent();
    }

    function test_SubmitPolicy_ModeIsComparedWithTheOneInForce() public {
        vm.prank(GUARDIAN);
        guard.setMode(Mode.Paused);
        Policy memory p = _inForce();
        _probe(p, false);
        p.limits.mode = Mode.Paused;
        _assertAtOnce(p);
    }

    function test_SubmitPolicy_ManyTightenedAtOnce() public {
        Policy memory p = _inForce();
        p.limits.mode = Mode.Paused;
        p.limits.maxTurnoverBps = 0;
        p.limits.cooldownSeconds = type(uint32).max;
        p.strategies[0].status = StrategyStatus.ExitOnly;
        p.strategies[0].cap = 0;
        p.agents[1].scope = 0;
        _assertAtOnce(p);
        assertEq(uint256(guard.guardState().mode), uint256(Mode.Paused));
        assertEq(uint256(vault.exitList()[0].status), uint256(StrategyStatus.ExitOnly));
    }

    function test_SubmitPolicy_OneLoosenedAmongManyTightenedWaits() public {
        Policy memory p = _inForce();
        p.limits.maxTurnoverBps = 0;
        p.limits.cooldownSeconds = type(uint32).max;
        ++p.agents[1].maxLossBps;
        _assertWaits(p);
    }

    function _inForce() private view returns (Policy memory policy) {
        policy = defaultPolicy();
        policy.limits.mode = Mode.ExitOnly;
        policy.strategies[1].status = StrategyStatus.ExitOnly;
        policy.strategies[2].status = StrategyStatus.WrittenOff;
        _addGroupsAndFees(policy);
    }

    function _addGroupsAndFees(Policy memory policy) private view {
        policy.groups = new GroupPolicy[](2);
        policy.groups[0] = GroupPolicy("lending", 3000, 1000);
        policy.groups[1] = GroupPolicy("stable", 4000, 2000);
        policy.strategies[0].groups = 1;
        policy.strategies[1].groups = 3;
        policy.limits.managementFeeBps = 100;
        policy.limits.performanceFeeBps = 1000;
        policy.limits.feeRecipient = STRANGER;
    }

    function _assertRevokedIsAbsent() private {
        // Named again: an addition, which waits.
        _probe(_inForce(), false);
        Policy memory p = _inForce();
        AgentPolicy[] memory all = p.agents;
        p.agents = new AgentPolicy[](1);
        p.agents[0] = all[1];
        _assertAtOnce(p);
        assertFalse(guard.agentState(AGENT).exists);
        assertTrue(guard.agentState(OTHER_AGENT).exists);
    }

    /// @dev Asserts, and goes back to where it was.
    function _probe(Policy memory policy, bool isAtOnce) private {
        uint256 snapshot = vm.snapshotState();
        if (isAtOnce) _assertAtOnce(policy);
        else _assertWaits(policy);
        assertTrue(vm.revertToState(snapshot));
    }

    function _assertAtOnce(Policy memory policy) private {
        uint64 version = guard.guardState().policyVersion;
        uint256 snapshot = vm.snapshotState();
        vm.prank(OWNER);
        (bytes32 hash, bool isInForce) = guard.submitPolicy(policy);
        assertTrue(isInForce, "owner: should be at once");
        assertTrue(vm.revertToState(snapshot));
        vm.prank(GUARDIAN);
        (hash, isInForce) = guard.submitPolicy(policy);
        assertTrue(isInForce, "guardian: should be at once");
        assertEq(guard.guardState().policyVersion, version + 1);
        assertEq(guard.guardState().policyHash, hash);
        assertEq(hash, keccak256(abi.encode(policy)));
    }

    function _assertWaits(Policy memory policy) private {
        bytes32 before = guard.guardState().policyHash;
        uint64 version = guard.guardState().policyVersion;
        vm.prank(GUARDIAN);
        vm.expectRevert(IPolicyGuard.NotStricter.selector);
        guard.submitPolicy(policy);
        vm.prank(OWNER);
        (bytes32 hash, bool isInForce) = guard.submitPolicy(policy);
        assertFalse(isInForce, "should wait");
        assertEq(guard.pendingPolicy().hash, hash);
        assertEq(guard.guardState().policyHash, before);
        assertEq(guard.guardState().policyVersion, version);
    }
}
