// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {Test} from "forge-std/Test.sol";

import {
    ColdLimits,
    GroupLimits,
    HotLimits,
    Mandate,
    PolicyTable,
    StrategyLimits
} from "../../contracts/guard/PolicyTable.sol";
import {PriceReference, Reference} from "../../contracts/guard/PriceReference.sol";
import {
    AgentPolicy,
    GroupPolicy,
    Limits,
    Objective,
    ObjectiveKind,
    Policy,
    StrategyPolicy,
    StrategyStatus
} from "../../contracts/types/Policy.sol";

/// @notice What was submitted is what the rules read, member by member.
contract PolicyTableTest is Test {
    function testFuzz_Table_ReturnsEveryLimit(uint256 seed, uint8 kind, uint16 bandBps, uint256 sizes) public {
        Policy memory policy = _sized(sizes);
        Limits memory limits = _limits(seed);
        policy.limits = limits;
        policy.objective.kind = ObjectiveKind(kind % 2);
        policy.objective.bandBps = bandBps;
        address table = PolicyTable.write(policy, _noPlaces(policy));
        HotLimits memory hot = PolicyTable.hotLimits(table);
        assertEq(hot.cooldownSeconds, limits.cooldownSeconds);
        assertEq(hot.windowSeconds, limits.windowSeconds);
        assertEq(hot.maxTurnoverBps, limits.maxTurnoverBps);
        assertEq(hot.maxLossBps, limits.maxLossBps);
        assertEq(hot.minIdleBps, limits.minIdleBps);
        assertEq(hot.maxNavAgeSeconds, limits.maxNavAgeSeconds);
        assertEq(hot.seasoningSeconds, limits.seasoningSeconds);
        assertEq(uint256(hot.objective), kind % 2);
        assertEq(hot.bandBps, bandBps);
        assertEq(hot.agentCount, policy.agents.length);
        assertEq(hot.groupCount, policy.groups.length);
        assertEq(hot.strategyCount, policy.strategies.length);
        ColdLimits memory cold = PolicyTable.coldLimits(table);
        assertEq(cold.depositCap, limits.depositCap);
        assertEq(cold.maxGrowthWad, limits.maxGrowthWad);
        assertEq(cold.policyDelaySeconds, limits.policyDelaySeconds);
        assertEq(cold.managementFeeBps, limits.managementFeeBps);
        assertEq(cold.performanceFeeBps, limits.performanceFeeBps);
    }

    function testFuzz_Table_ReturnsEveryAgent(AgentPolicy memory entry, uint256 sizes, uint256 place) public {
        Policy memory policy = _sized(sizes);
        vm.assume(policy.agents.length != 0 && uint160(entry.agent) > 0xffff);
        place %= policy.agents.length;
        policy.agents[place] = entry;
        address table = PolicyTable.write(policy, _noPlaces(policy));
        Mandate memory mandate = PolicyTable.mandate(table, place);
        assertEq(mandate.agent, entry.agent);
        assertEq(mandate.expiresAt, entry.expiresAt);
        assertEq(mandate.scope, entry.scope);
        assertEq(mandate.maxTurnoverBps, entry.maxTurnoverBps);
        assertEq(mandate.maxLossBps, entry.maxLossBps);
        assertEq(PolicyTable.findAgent(table, policy.agents.length, entry.agent), place);
        assertEq(PolicyTable.findAgent(table, policy.agents.length, address(0xdead)), policy.agents.length);
    }

    function testFuzz_Table_ReturnsEveryGroup(GroupPolicy memory entry, uint256 sizes, uint256 place, uint256 seed)
        public
    {
        Policy memory policy = _sized(sizes);
        vm.assume(policy.groups.length != 0);
        place %= policy.groups.length;
        policy.groups[place] = entry;
        uint256 members = 0;
        for (uint256 i = 0; i < policy.strategies.length; ++i) {
            uint256 dice = _dice(seed, i);
            // Its lowest sixteen bits.
            // forge-lint: disable-next-line(unsafe-typecast)
            policy.strategies[i].groups = uint16(dice);
            policy.strategies[i].status = StrategyStatus((dice >> 16) % 3);
            bool isMember = (dice >> place) & 1 == 1 && (dice >> 16) % 3 != 2;
            if (isMember) members += 2 ** i;
        }
        address table = PolicyTable.write(policy, _noPlaces(policy));
        GroupLimits memory group = PolicyTable.groupLimits(table, PolicyTable.hotLimits(table), place);
        assertEq(group.cap, entry.cap);
        assertEq(group.maxWeightBps, entry.maxWeightBps);
        assertEq(group.members, members);
    }

    function testFuzz_Table_ReturnsEveryStrategy(uint256 seed, uint256 sizes, uint256 place, uint16 target) public {
        Policy memory policy = _sized(sizes);
        vm.assume(policy.strategies.length != 0);
        StrategyPolicy memory entry = StrategyPolicy({
            strategy: address(uint160(_dice(seed, 0))),
            status: StrategyStatus(_dice(seed, 1) % 3),
            maxWeightBps: uint16(_dice(seed, 2)),
            minWeightBps: uint16(_dice(seed, 3)),
            cap: uint128(_dice(seed, 4)),
            priceBandBps: uint16(_dice(seed, 5)),
            referenceAssets: uint128(_dice(seed, 6)),
            referenceShares: uint128(_dice(seed, 7)),
            groups: uint16(_dice(seed, 8))
        });
        place %= policy.strategies.length;
        policy.strategies[place] = entry;
        bool isTargeted = target % 2 == 1;
        if (isTargeted) {
            policy.objective.targetWeightsBps = new uint16[](policy.strategies.length);
            policy.objective.targetWeightsBps[place] = target;
        }
        uint256[] memory places = _noPlaces(policy);
        places[place] = PriceReference.placeOf(uint32(_dice(seed, 9)));
        address table = PolicyTable.write(policy, places);
        StrategyLimits memory limits = PolicyTable.strategyLimits(table, PolicyTable.hotLimits(table), place);
        assertEq(limits.index, place);
        assertEq(limits.strategy, entry.strategy);
        assertEq(uint256(limits.status), uint256(entry.status));
        assertEq(limits.maxWeightBps, entry.maxWeightBps);
        assertEq(limits.minWeightBps, entry.minWeightBps);
        assertEq(limits.priceBandBps, entry.priceBandBps);
        assertEq(limits.groups, entry.groups);
        assertEq(limits.targetWeightBps, isTargeted ? target : 0);
        assertEq(limits.cap, entry.cap);
        assertEq(limits.referencePlace, places[place]);
    }

    function test_Table_CannotBeRun() public {
        Policy memory policy = _sized(type(uint256).max);
        address table = PolicyTable.write(policy, _noPlaces(policy));
        assertEq(table.code[0], bytes1(0));
        (bool success, bytes memory answer) = table.call{value: 0}(hex"12345678");
        assertTrue(success);
        assertEq(answer.length, 0);
    }

    function test_Table_OfNoDocumentIsZero() public view {
        HotLimits memory hot = PolicyTable.hotLimits(address(0));
        assertEq(hot.strategyCount + hot.agentCount + hot.groupCount + hot.maxTurnoverBps, 0);
        assertEq(PolicyTable.findAgent(address(0), 0, address(0)), 0);
    }

    function testFuzz_Reference_IsExactBelow44Bits(uint256 price, uint256 at) public pure {
        price = bound(price, 0, (1 << 44) - 1);
        at = bound(at, 0, (1 << 33) - 1);
        Reference memory reference_ = PriceReference.unpack(PriceReference.packDown(price, at));
        assertEq(reference_.price, price);
        assertEq(reference_.at, at);
    }

    function testFuzz_Reference_RoundsDownAbove(uint256 price, uint256 at) public pure {
        at = bound(at, 0, (1 << 33) - 1);
        Reference memory reference_ = PriceReference.unpack(PriceReference.packDown(price, at));
        assertLe(reference_.price, price);
        // By less than one part in 2^43, and what is stored is stored again as it is.
        assertLe(price - reference_.price, price >> 43);
        assertEq(PriceReference.packDown(reference_.price, at), PriceReference.packDown(price, at));
        assertEq(reference_.at, at);
    }

    function test_Reference_AtTheEdgesOfTheMantissa() public pure {
        _assertStored((1 << 44) - 1, (1 << 44) - 1);
        _assertStored(1 << 44, 1 << 44);
        _assertStored((1 << 44) + 1, 1 << 44);
        _assertStored((1 << 44) + 2, (1 << 44) + 2);
        _assertStored((1 << 45) - 1, (1 << 45) - 2);
        _assertStored(type(uint256).max, type(uint256).max - ((1 << 212) - 1));
        _assertStored(0, 0);
    }

    function testFuzz_Reference_ThreeInASlotLeaveEachOtherAlone(uint256[3] memory prices, uint256 n, uint256 next)
        public
        pure
    {
        n = bound(n, 0, type(uint32).max - 3) / 3 * 3;
        uint256 slot = type(uint256).max;
        for (uint256 i = 0; i < 3; ++i) {
            slot = PriceReference.replaced(slot, PriceReference.placeOf(n + i), PriceReference.packDown(prices[i], i));
            assertEq(PriceReference.slotOf(PriceReference.placeOf(n + i)), n / 3);
        }
        uint256 changed = next % 3;
        slot = PriceReference.replaced(slot, PriceReference.placeOf(n + changed), PriceReference.packDown(next, 7));
        for (uint256 i = 0; i < 3; ++i) {
            uint256 bits = PriceReference.bitsAt(slot, PriceReference.placeOf(n + i));
            uint256 expected = i == changed ? PriceReference.packDown(next, 7) : PriceReference.packDown(prices[i], i);
            assertEq(bits, expected);
        }
        assertEq(slot >> 255, 1, "the bit that nobody has");
    }

    function _assertStored(uint256 price, uint256 stored) private pure {
        uint256 latest = (1 << 33) - 1;
        assertEq(PriceReference.unpack(PriceReference.packDown(price, latest)).price, stored);
        assertEq(PriceReference.unpack(PriceReference.packDown(price, latest)).at, latest);
    }

    function _noPlaces(Policy memory policy) private pure returns (uint256[] memory) {
        return new uint256[](policy.strategies.length);
    }

    /// @dev Every bit of every member falls either way.
    function _limits(uint256 seed) private pure returns (Limits memory limits) {
        limits.cooldownSeconds = uint32(_dice(seed, 0));
        limits.windowSeconds = uint32(_dice(seed, 1));
        limits.maxTurnoverBps = uint16(_dice(seed, 2));
        limits.maxLossBps = uint16(_dice(seed, 3));
        limits.minIdleBps = uint16(_dice(seed, 4));
        limits.maxGrowthWad = uint64(_dice(seed, 5));
        limits.seasoningSeconds = uint32(_dice(seed, 6));
        limits.policyDelaySeconds = uint32(_dice(seed, 7));
        limits.depositCap = uint128(_dice(seed, 8));
        limits.managementFeeBps = uint16(_dice(seed, 9));
        limits.performanceFeeBps = uint16(_dice(seed, 10));
    }

    function _dice(uint256 seed, uint256 number) private pure returns (uint256) {
        return uint256(keccak256(abi.encode(seed, number)));
    }

    /// @dev Up to the largest lists; agents have addresses of their own.
    function _sized(uint256 sizes) private pure returns (Policy memory policy) {
        policy.agents = new AgentPolicy[](sizes % 17);
        policy.groups = new GroupPolicy[]((sizes >> 64) % 17);
        policy.strategies = new StrategyPolicy[]((sizes >> 128) % 33);
        policy.objective = Objective(ObjectiveKind.Yield, 0, 0, 0, new uint16[](0));
        for (uint256 i = 0; i < policy.agents.length; ++i) {
            // forge-lint: disable-next-line(unsafe-typecast)
            policy.agents[i].agent = address(uint160(0x1000 + i));
        }
    }
}
