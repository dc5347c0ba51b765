// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {IPolicyGuard} from "../../contracts/interfaces/IPolicyGuard.sol";
import {AgentPolicy, GroupPolicy, ObjectiveKind, Policy, StrategyPolicy} from "../../contracts/types/Policy.sol";
import {GuardFixture} from "./helpers/GuardFixture.sol";
import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";

/// @notice What a document must be, and what no document can be.
contract ValidationTest is GuardFixture {
    function test_RevertWhen_SchemaVersionDiffers() public {
        Policy memory p = defaultPolicy();
        p.schemaVersion = 2;
        _assertInvalid(p, "schemaVersion", 0);
        p.schemaVersion = 0;
        _assertInvalid(p, "schemaVersion", 0);
    }

    function test_SubmitPolicy_ThirtyTwoStrategiesAndNoMore() public {
        Policy memory p = defaultPolicy();
        p.strategies = _strategies(32);
        _assertAccepted(p);
        p.strategies = _strategies(33);
        _assertInvalid(p, "strategies", 32);
    }

    function test_SubmitPolicy_SixteenAgentsAndNoMore() public {
        Policy memory p = defaultPolicy();
        p.agents = _agents(16);
        _assertAccepted(p);
        p.agents = _agents(17);
        _assertInvalid(p, "agents", 16);
    }

    function test_RevertWhen_ABpsIsPastTenThousand() public {
        for (uint256 i = 0; i < 10; ++i) {
            _assertBps(i, 10_000, "");
        }
        _assertBps(0, 10_001, "maxTurnoverBps");
        _assertBps(1, 10_001, "maxLossBps");
        _assertBps(2, 10_001, "minIdleBps");
        _assertBps(3, 10_001, "maxDrawdownBps");
        _assertBps(4, 10_001, "strategies.maxWeightBps");
        _assertBps(5, 10_001, "strategies.minWeightBps");
        _assertBps(6, 10_001, "agents.maxTurnoverBps");
        _assertBps(7, 10_001, "agents.maxLossBps");
        _assertBps(8, 10_001, "objective.hurdleBps");
        _assertBps(9, 10_001, "objective.bandBps");
    }

    function test_RevertWhen_ABandReachesZeroPrice() public {
        Policy memory p = defaultPolicy();
        p.strategies[2].priceBandBps = 9999;
        _assertAccepted(p);
        p.strategies[2].priceBandBps = 10_000;
        _assertInvalid(p, "strategies.priceBandBps", 2);
    }

    function test_RevertWhen_AReferenceIsZero() public {
        Policy memory p = defaultPolicy();
        p.strategies[1].referenceAssets = 0;
        _assertInvalid(p, "strategies.referenceAssets", 1);
        p = defaultPolicy();
        p.strategies[1].referenceShares = 0;
        _assertInvalid(p, "strategies.referenceShares", 1);
    }

    function test_RevertWhen_ATimeIsZero() public {
        Policy memory p = defaultPolicy();
        p.limits.windowSeconds = 0;
        _assertInvalid(p, "windowSeconds", 0);
        p = defaultPolicy();
        p.limits.entryHaltSeconds = 0;
        _assertInvalid(p, "entryHaltSeconds", 0);
        p = defaultPolicy();
        p.limits.seasoningSeconds = 0;
        _assertInvalid(p, "seasoningSeconds", 0);
    }

    function test_SubmitPolicy_GrowthUpToAHundredPercentADay() public {
        Policy memory p = defaultPolicy();
        p.limits.maxGrowthWad = 1e18;
        _assertAccepted(p);
        p.limits.maxGrowthWad = 1e18 + 1;
        _assertInvalid(p, "maxGrowthWad", 0);
    }

    function test_RevertWhen_AnAddressIsZeroOrTwice() public {
        Policy memory p = defaultPolicy();
        p.strategies[1].strategy = address(0);
        _assertInvalid(p, "strategies.strategy", 1);
        p.strategies[1].strategy = p.strategies[0].strategy;
        _assertInvalid(p, "strategies.strategy", 1);
        p = defaultPolicy();
        p.agents[1].agent = address(0);
        _assertInvalid(p, "agents.agent", 1);
        p.agents[1].agent = p.agents[0].agent;
        _assertInvalid(p, "agents.agent", 1);
    }

    function test_RevertWhen_AScopeLeavesTheList() public {
        Policy memory p = defaultPolicy();
        p.agents[1].scope = 8;
        _assertInvalid(p, "agents.scope", 1);
        p.strategies = _strategies(32);
        p.agents[1].scope = type(uint32).max;
        _assertAccepted(p);
        p.strategies = _strategies(31);
        _assertInvalid(p, "agents.scope", 1);
    }

    // What is not enforced yet is not promised

    function test_RevertWhen_GroupsArePromised() public {
        Policy memory p = defaultPolicy();
        p.groups = new GroupPolicy[](1);
        _assertNotEnforced(p, "groups");
        p.groups = new GroupPolicy[](17);
        _assertInvalid(p, "groups", 16);
        p = defaultPolicy();
        p.strategies[2].groups = 1;
        _assertNotEnforced(p, "strategies.groups");
    }

    function test_RevertWhen_TargetWeightsArePromised() public {
        Policy memory p = defaultPolicy();
        p.objective.kind = ObjectiveKind.TargetWeights;
        _assertNotEnforced(p, "objective.kind");
        p = defaultPolicy();
        p.objective.targetWeightsBps = new uint16[](3);
        _assertInvalid(p, "objective.targetWeightsBps", 0);
    }

    function test_RevertWhen_FeesArePromised() public {
        Policy memory p = defaultPolicy();
        p.limits.managementFeeBps = 1;
        _assertNotEnforced(p, "managementFeeBps");
        p = defaultPolicy();
        p.limits.performanceFeeBps = 1;
        _assertNotEnforced(p, "performanceFeeBps");
    }

    // Ceilings

    function test_SubmitPolicy_UpToTheCeilings() public {
        Policy memory p = defaultPolicy();
        p.limits.maxTurnoverBps = 10_000;
        p.limits.maxLossBps = 500;
        p.limits.windowSeconds = 1 hours;
        p.limits.policyDelaySeconds = 1 hours;
        _assertAccepted(p);
        p.limits.policyDelaySeconds = 30 days;
        _assertAccepted(p);
    }

    function test_RevertWhen_ACeilingIsPassed() public {
        Policy memory p = defaultPolicy();
        p.limits.maxLossBps = 501;
        _assertTooHigh(p, "maxLossBps", 501, 500);
        p = defaultPolicy();
        p.limits.windowSeconds = 1 hours - 1;
        _assertTooHigh(p, "windowSeconds", 1 hours - 1, 1 hours);
        p = defaultPolicy();
        p.limits.policyDelaySeconds = 1 hours - 1;
        _assertTooHigh(p, "policyDelaySeconds", 1 hours - 1, 1 hours);
        p.limits.policyDelaySeconds = 30 days + 1;
        _assertTooHigh(p, "policyDelaySeconds", 30 days + 1, 30 days);
    }

    function test_RevertWhen_AnEnumIsOutOfRange() public {
        Policy memory p = defaultPolicy();
        bytes memory call = abi.encodeCall(IPolicyGuard.submitPolicy, (p));
        // The first word of the limits is the mode: behind the selector, the offset of the document and its version.
        assertEq(uint8(call[4 + 96 - 1]), 0);
        call[4 + 96 - 1] = 0x03;
        vm.prank(OWNER);
        (bool success,) = address(guard).call(call);
        assertFalse(success);
        call[4 + 96 - 1] = 0x02;
        vm.prank(OWNER);
        (success,) = address(guard).call(call);
        assertTrue(success);
    }

    function _assertBps(uint256 member, uint16 value, bytes32 field) private {
        Policy memory p = defaultPolicy();
        p.limits.maxLossBps = 0;
        if (member == 0) p.limits.maxTurnoverBps = value;
        // The ceiling of losses lies below 100 %.
        if (member == 1 && value > 10_000) p.limits.maxLossBps = value;
        if (member == 2) p.limits.minIdleBps = value;
        if (member == 3) p.limits.maxDrawdownBps = value;
        if (member == 4) p.strategies[0].maxWeightBps = value;
        if (member == 5) p.strategies[0].minWeightBps = value;
        if (member == 6) p.agents[0].maxTurnoverBps = value;
        if (member == 7) p.agents[0].maxLossBps = value;
        if (member == 8) p.objective.hurdleBps = value;
        if (member == 9) p.objective.bandBps = value;
        if (field == "") _assertAccepted(p);
        else _assertInvalid(p, field, 0);
    }

    function _assertAccepted(Policy memory policy) private {
        vm.prank(OWNER);
        (bytes32 hash,) = guard.submitPolicy(policy);
        assertEq(guard.pendingPolicy().hash, hash);
    }

    function _assertInvalid(Policy memory policy, bytes32 field, uint256 index) private {
        vm.expectRevert(abi.encodeWithSelector(IPolicyGuard.InvalidPolicy.selector, field, index));
        vm.prank(OWNER);
        guard.submitPolicy(policy);
    }

    function _assertNotEnforced(Policy memory policy, bytes32 field) private {
        vm.expectRevert(abi.encodeWithSelector(IPolicyGuard.NotEnforced.selector, field));
        vm.prank(OWNER);
        guard.submitPolicy(policy);
    }

    function _assertTooHigh(Policy memory policy, bytes32 field, uint256 value, uint256 ceiling) private {
        vm.expectRevert(abi.encodeWithSelector(IPolicyGuard.CeilingExceeded.selector, field, value, ceiling));
        vm.prank(OWNER);
        guard.submitPolicy(policy);
    }

    function _strategies(uint256 count) private view returns (StrategyPolicy[] memory list) {
        StrategyPolicy memory model = defaultPolicy().strategies[0];
        list = new StrategyPolicy[](count);
        for (uint256 i = 0; i < count; ++i) {
            list[i] = abi.decode(abi.encode(model), (StrategyPolicy));
            list[i].strategy = address(SafeCast.toUint160(0x1000 + i));
        }
    }

    function _agents(uint256 count) private pure returns (AgentPolicy[] memory list) {
        list = new AgentPolicy[](count);
        for (uint256 i = 0; i < count; ++i) {
            list[i].agent = address(SafeCast.toUint160(0x2000 + i));
        }
    }
}
