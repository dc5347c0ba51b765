// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {SSTORE2} from "solady/utils/SSTORE2.sol";

import {
    AgentPolicy,
    GroupPolicy,
    Limits,
    Objective,
    ObjectiveKind,
    Policy,
    StrategyPolicy,
    StrategyStatus
} from "../types/Policy.sol";

/// @dev Limits that every rebalance reads. The mode is not here, because overlays change it.
struct HotLimits {
    uint256 cooldownSeconds;
    uint256 windowSeconds;
    uint256 maxTurnoverBps;
    uint256 maxLossBps;
    uint256 minIdleBps;
    uint256 maxNavAgeSeconds;
    uint256 seasoningSeconds;
    ObjectiveKind objective;
    uint256 bandBps;
    uint256 agentCount;
    uint256 groupCount;
    uint256 strategyCount;
}

/// @dev Limits that only submissions read, and the growth of references that move.
struct ColdLimits {
    uint256 depositCap;
    uint256 maxGrowthWad;
    uint256 policyDelaySeconds;
    uint256 managementFeeBps;
    uint256 performanceFeeBps;
}

/// @dev An agent's mandate as the document has it; whether it was revoked since is an overlay.
struct Mandate {
    address agent;
    uint256 expiresAt;
    uint256 scope;
    uint256 maxTurnoverBps;
    uint256 maxLossBps;
}

/// @dev `members` has the bit of every strategy of the group that is not written off.
struct GroupLimits {
    uint256 maxWeightBps;
    uint256 cap;
    uint256 members;
}

/// @dev `index` is the place in the list. `targetWeightBps` is zero under another objective. `referencePlace` is where
/// the price reference is, see `PriceReference`.
struct StrategyLimits {
    uint256 index;
    address strategy;
    StrategyStatus status;
    uint256 maxWeightBps;
    uint256 minWeightBps;
    uint256 priceBandBps;
    uint256 groups;
    uint256 targetWeightBps;
    uint256 cap;
    uint256 referencePlace;
}

/// @title What the rules need of a document, as one table
/// @notice Adoption writes the table once, as the code of an account of its own, and nothing can change it. Reading it
/// costs one cold account, then little per entry.
/// @dev The table is a list of words; members stand in each from the top in this order, with their bytes:
///
/// | part | words | members |
/// | --- | --- | --- |
/// | hot | 1 | cooldown 4, window 4, turnover 2, loss 2, idle 2, age of NAV 4, seasoning 4, objective 1, band 2,
/// number of agents, groups and strategies 1 each |
/// | cold | 1 | deposit cap 16, growth 8, delay 4, fees 2 and 2 |
/// | agents | 2 each | agent 20, expiry 5, scope 4; turnover 2, loss 2 |
/// | groups | 1 each | cap 16, weight 2, members 4 |
/// | strategies | 2 each | strategy 20, status 1, weights 2 and 2, band 2, groups 2, target 2; cap 16,
/// place of the price reference 16 |
///
/// The zero address stands for the empty policy at birth: it has no code, and all that is read of it is zero.
library PolicyTable {
    /// @dev The code begins with a byte that keeps it from being run.
    uint256 private constant START = 1;
    uint256 private constant HOT = 0;
    uint256 private constant COLD = 1;
    uint256 private constant AGENTS = 2;
    uint256 private constant AGENT_WORDS = 2;
    uint256 private constant AGENT_SIZE = 0x40;
    uint256 private constant STRATEGY_WORDS = 2;

    /// @notice Writes the table of a document.
    /// @param places Of the price references, one for each strategy.
    function write(Policy memory policy, uint256[] memory places) internal returns (address table) {
        return SSTORE2.write(abi.encodePacked(encode(policy, places)));
    }

    /// @notice The table's words.
    function encode(Policy memory policy, uint256[] memory places) internal pure returns (uint256[] memory words) {
        uint256 agentCount = policy.agents.length;
        uint256 groupCount = policy.groups.length;
        uint256 strategyCount = policy.strategies.length;
        words = new uint256[](AGENTS + AGENT_WORDS * agentCount + groupCount + STRATEGY_WORDS * strategyCount);
        words[HOT] =
            _hot(policy.limits, policy.objective) | (agentCount << 48) | (groupCount << 40) | (strategyCount << 32);
        words[COLD] = _cold(policy.limits);
        uint256 next = AGENTS;
        for (uint256 i = 0; i < agentCount; ++i) {
            AgentPolicy memory entry = policy.agents[i];
            words[next++] = _account(entry.agent) | (uint256(entry.expiresAt) << 56) | (uint256(entry.scope) << 24);
            words[next++] = (uint256(entry.maxTurnoverBps) << 240) | (uint256(entry.maxLossBps) << 224);
        }
        for (uint256 i = 0; i < groupCount; ++i) {
            GroupPolicy memory entry = policy.groups[i];
            words[next++] = (uint256(entry.cap) << 128) | (uint256(entry.maxWeightBps) << 112)
                | (_members(policy.strategies, i) << 80);
        }
        uint16[] memory targets = policy.objective.targetWeightsBps;
        for (uint256 i = 0; i < strategyCount; ++i) {
            StrategyPolicy memory entry = policy.strategies[i];
            words[next] = _strategy(entry);
            if (targets.length != 0) words[next] |= uint256(targets[i]) << 8;
            words[next + 1] = (uint256(entry.cap) << 128) | places[i];
            next += STRATEGY_WORDS;
        }
    }

    /// @notice The first word: the limits that every rebalance reads.
    function hotWord(address table) internal view returns (uint256 word) {
        (word,) = _read(table, HOT);
    }

    /// @notice Place of an agent in the list, and the two words of its mandate; the list's length and nothing if it is
    /// not there.
    function mandateWords(address table, uint256 agentCount, address agent)
        internal
        view
        returns (uint256 index, uint256 first, uint256 second)
    {
        index = findAgent(table, agentCount, agent);
        if (index == agentCount) return (index, 0, 0);
        assembly ("memory-safe") {
            // Where `findAgent` left the list.
            let entry := add(mload(0x40), mul(index, AGENT_SIZE))
            first := mload(entry)
            second := mload(add(entry, 0x20))
        }
    }

    /// @notice Members of the first word that the vault needs.
    function navSeconds(uint256 hot) internal pure returns (uint256 maxNavAge, uint256 seasoning) {
        return ((hot >> 112) & type(uint32).max, (hot >> 80) & type(uint32).max);
    }

    /// @notice Where in the table's code the strategies begin, two words each.
    function strategiesOffset(uint256 hot) internal pure returns (uint256) {
        unchecked {
            return _offset(AGENTS + AGENT_WORDS * ((hot >> 48) & type(uint8).max) + ((hot >> 40) & type(uint8).max));
        }
    }

    /// @notice The limits that every rebalance reads.
    function hotLimits(address table) internal view returns (HotLimits memory) {
        (uint256 word,) = _read(table, HOT);
        return HotLimits({
            cooldownSeconds: word >> 224,
            windowSeconds: (word >> 192) & type(uint32).max,
            maxTurnoverBps: (word >> 176) & type(uint16).max,
            maxLossBps: (word >> 160) & type(uint16).max,
            minIdleBps: (word >> 144) & type(uint16).max,
            maxNavAgeSeconds: (word >> 112) & type(uint32).max,
            seasoningSeconds: (word >> 80) & type(uint32).max,
            objective: ObjectiveKind((word >> 72) & type(uint8).max),
            bandBps: (word >> 56) & type(uint16).max,
            agentCount: (word >> 48) & type(uint8).max,
            groupCount: (word >> 40) & type(uint8).max,
            strategyCount: (word >> 32) & type(uint8).max
        });
    }

    /// @notice The limits that submissions read.
    function coldLimits(address table) internal view returns (ColdLimits memory) {
        (uint256 word,) = _read(table, COLD);
        return ColdLimits({
            depositCap: word >> 128,
            maxGrowthWad: (word >> 64) & type(uint64).max,
            policyDelaySeconds: (word >> 32) & type(uint32).max,
            managementFeeBps: (word >> 16) & type(uint16).max,
            performanceFeeBps: word & type(uint16).max
        });
    }

    /// @notice Place of an agent in the list; the list's length if it is not there.
    function findAgent(address table, uint256 agentCount, address agent) internal view returns (uint256 index) {
        uint256 offset = _offset(AGENTS);
        assembly ("memory-safe") {
            // The list is copied behind the end of used memory, looked at, and left there unclaimed.
            let list := mload(0x40)
            extcodecopy(table, list, offset, mul(agentCount, AGENT_SIZE))
            for {} lt(index, agentCount) { index := add(index, 1) } {
                if iszero(shr(96, xor(mload(list), shl(96, agent)))) { break }
                list := add(list, AGENT_SIZE)
            }
        }
    }

    /// @notice The mandate at a place of the list.
    /// @param index Below the number of agents.
    function mandate(address table, uint256 index) internal view returns (Mandate memory) {
        (uint256 word, uint256 second) = _read(table, AGENTS + AGENT_WORDS * index);
        return Mandate({
            // Its upper 160 bits.
            // forge-lint: disable-next-line(unsafe-typecast)
            agent: address(uint160(word >> 96)),
            expiresAt: (word >> 56) & type(uint40).max,
            scope: (word >> 24) & type(uint32).max,
            maxTurnoverBps: second >> 240,
            maxLossBps: (second >> 224) & type(uint16).max
        });
    }

    /// @notice The limits of a group.
    /// @param index Below the number of groups.
    function groupLimits(address table, HotLimits memory hot, uint256 index)
        internal
        view
        returns (GroupLimits memory)
    {
        (uint256 word,) = _read(table, AGENTS + AGENT_WORDS * hot.agentCount + index);
        return GroupLimits({
            cap: word >> 128, maxWeightBps: (word >> 112) & type(uint16).max, members: (word >> 80) & type(uint32).max
        });
    }

    /// @notice The limits of a strategy.
    /// @param index Below the number of strategies.
    function strategyLimits(address table, HotLimits memory hot, uint256 index)
        internal
        view
        returns (StrategyLimits memory)
    {
        (uint256 word, uint256 second) =
            _read(table, AGENTS + AGENT_WORDS * hot.agentCount + hot.groupCount + STRATEGY_WORDS * index);
        return StrategyLimits({
            index: index,
            // Its upper 160 bits.
            // forge-lint: disable-next-line(unsafe-typecast)
            strategy: address(uint160(word >> 96)),
            status: StrategyStatus((word >> 88) & type(uint8).max),
            maxWeightBps: (word >> 72) & type(uint16).max,
            minWeightBps: (word >> 56) & type(uint16).max,
            priceBandBps: (word >> 40) & type(uint16).max,
            groups: (word >> 24) & type(uint16).max,
            targetWeightBps: (word >> 8) & type(uint16).max,
            cap: second >> 128,
            referencePlace: second & type(uint128).max
        });
    }

    /// @dev The word at a place and the one behind it, zero beyond the end.
    function _read(address table, uint256 place) private view returns (uint256 word, uint256 second) {
        uint256 offset = _offset(place);
        assembly ("memory-safe") {
            // Scratch space.
            extcodecopy(table, 0x00, offset, 0x40)
            word := mload(0x00)
            second := mload(0x20)
        }
    }

    /// @dev Places are below 2^8.
    function _offset(uint256 place) private pure returns (uint256) {
        unchecked {
            return START + 32 * place;
        }
    }

    function _hot(Limits memory limits, Objective memory objective) private pure returns (uint256) {
        uint256 times = (uint256(limits.cooldownSeconds) << 224) | (uint256(limits.windowSeconds) << 192);
        uint256 bounds = (uint256(limits.maxTurnoverBps) << 176) | (uint256(limits.maxLossBps) << 160)
            | (uint256(limits.minIdleBps) << 144) | (uint256(limits.maxNavAgeSeconds) << 112)
            | (uint256(limits.seasoningSeconds) << 80);
        return times | bounds | (uint256(objective.kind) << 72) | (uint256(objective.bandBps) << 56);
    }

    function _cold(Limits memory limits) private pure returns (uint256) {
        return (uint256(limits.depositCap) << 128) | (uint256(limits.maxGrowthWad) << 64)
            | (uint256(limits.policyDelaySeconds) << 32) | (uint256(limits.managementFeeBps) << 16)
            | uint256(limits.performanceFeeBps);
    }

    function _strategy(StrategyPolicy memory entry) private pure returns (uint256) {
        return _account(entry.strategy) | (uint256(entry.status) << 88) | (uint256(entry.maxWeightBps) << 72)
            | (uint256(entry.minWeightBps) << 56) | (uint256(entry.priceBandBps) << 40) | (uint256(entry.groups) << 24);
    }

    function _members(StrategyPolicy[] memory strategies, uint256 group) private pure returns (uint256 members) {
        for (uint256 i = 0; i < strategies.length; ++i) {
            bool isMember = (strategies[i].groups >> group) & 1 != 0;
            // The bit at `i`.
            // forge-lint: disable-next-line(incorrect-shift)
            if (isMember && strategies[i].status != StrategyStatus.WrittenOff) members |= 1 << i;
        }
    }

    function _account(address account) private pure returns (uint256) {
        return uint256(uint160(account)) << 96;
    }
}
