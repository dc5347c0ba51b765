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

    // Groups

    function test_SubmitPolicy_SixteenGroupsAndNoMore() public {
        Policy memory p = defaultPolicy();
        p.groups = _groups(16);
        p.strategies[2].groups = type(uint16).max;
        _assertAccepted(p);
        p.groups = _groups(17);
        _assertInvalid(p, "groups", 16);
        p.groups = _groups(15);
        _assertInvalid(p, "strategies.groups", 2);
        p.strategies[2].groups = type(uint16).max >> 1;
        _assertAccepted(p);
        p.groups = _groups(0);
        p.strategies[2].groups = 1;
        _assertInvalid(p, "strategies.groups", 2);
    }

    function test_SubmitPolicy_GroupNamesOfOneTo31Bytes() public {
        Policy memory p = defaultPolicy();
        p.groups = _groups(2);
        p.groups[1].name = "x";
        _assertAccepted(p);
        p.groups[1].name = "1234567890123456789012345678901";
        _assertAccepted(p);
        p.groups[1].name = "12345678901234567890123456789012";
        _assertInvalid(p, "groups.name", 1);
        p.groups[1].name = 0;
        _assertInvalid(p, "groups.name", 1);
    }

    function test_RevertWhen_AGroupNameIsNotPaddedAtItsEnd() public {
        Policy memory p = defaultPolicy();
        p.groups = _groups(2);
        p.groups[1].name = "ab\x00c";
        _assertInvalid(p, "groups.name", 1);
        p.groups[1].name = bytes32(uint256(1));
        _assertInvalid(p, "groups.name", 1);
        p.groups[1].name = "a";
        p.groups[1].name |= bytes32(uint256(1));
        _assertInvalid(p, "groups.name", 1);
    }

    function test_RevertWhen_TwoGroupsHaveTheSameName() public {
        Policy memory p = defaultPolicy();
        p.groups = _groups(16);
        p.groups[15].name = p.groups[3].name;
        _assertInvalid(p, "groups.name", 15);
    }

    function test_RevertWhen_AGroupsWeightIsPastTenThousand() public {
        Policy memory p = defaultPolicy();
        p.groups = _groups(2);
        p.groups[1].maxWeightBps = 10_000;
        _assertAccepted(p);
        p.groups[1].maxWeightBps = 10_001;
        _assertInvalid(p, "groups.maxWeightBps", 1);
    }

    // Target weights

    function test_SubmitPolicy_OneTargetPerStrategy() public {
        Policy memory p = _withTargets(5000, 3000, 2000);
        _assertAccepted(p);
        p.objective.targetWeightsBps = new uint16[](2);
        _assertInvalid(p, "objective.targetWeightsBps", 3);
        p.objective.targetWeightsBps = new uint16[](4);
        _assertInvalid(p, "objective.targetWeightsBps", 3);
        p.objective.targetWeightsBps = new uint16[](0);
        _assertInvalid(p, "objective.targetWeightsBps", 3);
        p.objective.kind = ObjectiveKind.Yield;
        _assertAccepted(p);
        p.objective.targetWeightsBps = new uint16[](3);
        _assertInvalid(p, "objective.targetWeightsBps", 0);
    }

    function test_RevertWhen_TargetsAreMoreThanTheWhole() public {
        _assertInvalid(_withTargets(5000, 3000, 2001), "objective.targetWeightsBps", 2);
        _assertInvalid(_withTargets(5000, 5001, 0), "objective.targetWeightsBps", 1);
        _assertInvalid(_withTargets(10_001, 0, 0), "objective.targetWeightsBps", 0);
        _assertAccepted(_withTargets(10_000, 0, 0));
        _assertAccepted(_withTargets(0, 0, 0));
        _assertInvalid(_withTargets(type(uint16).max, type(uint16).max, 2), "objective.targetWeightsBps", 0);
    }

    // Fees

    function test_SubmitPolicy_FeesWithARecipient() public {
        Policy memory p = defaultPolicy();
        p.limits.managementFeeBps = 1;
        _assertInvalid(p, "feeRecipient", 0);
        p.limits.feeRecipient = STRANGER;
        _assertAccepted(p);
        p.limits.managementFeeBps = 0;
        p.limits.performanceFeeBps = 1;
        _assertAccepted(p);
        p.limits.feeRecipient = address(0);
        _assertInvalid(p, "feeRecipient", 0);
        p.limits.performanceFeeBps = 0;
        _assertAccepted(p);
    }

    function test_RevertWhen_TheTreasuryWouldPayFeesToItself() public {
        Policy memory p = defaultPolicy();
        p.limits.feeRecipient = address(vault);
        _assertInvalid(p, "feeRecipient", 0);
        p.limits.feeRecipient = address(guard);
        _assertInvalid(p, "feeRecipient", 0);
    }

    function test_RevertWhen_AFeeIsPastTheWhole() public {
        Policy memory p = defaultPolicy();
        p.limits.feeRecipient = STRANGER;
        p.limits.managementFeeBps = 10_001;
        _assertInvalid(p, "managementFeeBps", 0);
        p.limits.managementFeeBps = 0;
        p.limits.performanceFeeBps = 10_001;
        _assertInvalid(p, "performanceFeeBps", 0);
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
        p = defaultPolicy();
        p.limits.feeRecipient = STRANGER;
        p.limits.managementFeeBps = 201;
        _assertTooHigh(p, "managementFeeBps", 201, 200);
        p.limits.managementFeeBps = 200;
        p.limits.performanceFeeBps = 2001;
        _assertTooHigh(p, "performanceFeeBps", 2001, 2000);
        p.limits.performanceFeeBps = 2000;
        _assertAccepted(p);
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

    function _groups(uint256 count) private pure returns (GroupPolicy[] memory list) {
        list = new GroupPolicy[](count);
        for (uint256 i = 0; i < count; ++i) {
            list[i].name = bytes32(bytes1(SafeCast.toUint8(0x41 + i)));
        }
    }

    function _withTargets(uint16 a, uint16 b, uint16 c) private view returns (Policy memory policy) {
        policy = defaultPolicy();
        policy.objective.kind = ObjectiveKind.TargetWeights;
        policy.objective.targetWeightsBps = new uint16[](3);
        (
            policy.objective.targetWeightsBps[0],
            policy.objective.targetWeightsBps[1],
            policy.objective.targetWeightsBps[2]
        ) = (a, b, c);
    }

    function _agents(uint256 count) private pure returns (AgentPolicy[] memory list) {
        list = new AgentPolicy[](count);
        for (uint256 i = 0; i < count; ++i) {
            list[i].agent = address(SafeCast.toUint160(0x2000 + i));
        }
    }
}
