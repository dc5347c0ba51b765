// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {AgentPolicy, GroupPolicy, Limits, Mode, Policy, StrategyPolicy, StrategyStatus} from "../types/Policy.sol";
import {InForce, StoredPolicy} from "./PolicyStore.sol";
import {ColdLimits, GroupLimits, HotLimits, Mandate, PolicyTable, StrategyLimits} from "./PolicyTable.sol";

/// @title What takes effect at once
/// @notice A document takes effect at once if and only if it differs from what is in force by nothing but members of
/// one closed list, each in the closing direction:
/// - mode towards Paused, compared with the mode in force, overlay included;
/// - lower: maxTurnoverBps, maxLossBps, depositCap, both fees; a strategy's maxWeightBps and cap; a group's
/// maxWeightBps and cap; an agent's maxTurnoverBps and maxLossBps;
/// - higher: minIdleBps, cooldownSeconds, windowSeconds, seasoningSeconds;
/// - a strategy from Active to ExitOnly;
/// - an agent's earlier expiry, or a scope without some of its bits.
/// Strategies, groups and agents must be the same in the same order, where revoked and resigned agents count as absent.
///
/// Every member outside that list goes into the *frame*: the hash of the document with the list's members set to zero
/// and the agents left out. Comparing frames is comparing everything else, so a member added to the schema later waits
/// unless
/// someone decides otherwise here.
library PolicyComparison {
    /// @notice Hash of everything that a document may not change at once.
    function frameHash(Policy calldata policy) internal pure returns (bytes32) {
        Policy memory frame = policy;
        Limits memory limits = frame.limits;
        limits.mode = Mode.Active;
        limits.cooldownSeconds = 0;
        limits.windowSeconds = 0;
        limits.maxTurnoverBps = 0;
        limits.maxLossBps = 0;
        limits.minIdleBps = 0;
        limits.seasoningSeconds = 0;
        limits.depositCap = 0;
        limits.managementFeeBps = 0;
        limits.performanceFeeBps = 0;
        for (uint256 i = 0; i < frame.strategies.length; ++i) {
            StrategyPolicy memory entry = frame.strategies[i];
            entry.status = StrategyStatus.Active;
            entry.maxWeightBps = 0;
            entry.cap = 0;
        }
        for (uint256 i = 0; i < frame.groups.length; ++i) {
            frame.groups[i].maxWeightBps = 0;
            frame.groups[i].cap = 0;
        }
        frame.agents = new AgentPolicy[](0);
        return keccak256(abi.encode(frame));
    }

    /// @notice Whether a document takes effect at once.
    /// @param frame Its `frameHash`.
    function isAtOnce(StoredPolicy storage store, Policy memory policy, bytes32 frame) internal view returns (bool) {
        // At birth nothing is allowed, so every document loosens. The zero hash is no document's frame.
        if (store.frameHash != frame) return false;
        InForce memory inForce = store.inForce;
        HotLimits memory hot = PolicyTable.hotLimits(inForce.table);
        return _areLimitsTighter(inForce, hot, policy.limits)
            && _areStrategiesTighter(inForce.table, hot, policy.strategies)
            && _areGroupsTighter(inForce.table, hot, policy.groups) && _areAgentsTighter(inForce, hot, policy.agents);
    }

    function _areLimitsTighter(InForce memory inForce, HotLimits memory hot, Limits memory limits)
        private
        view
        returns (bool)
    {
        ColdLimits memory cold = PolicyTable.coldLimits(inForce.table);
        bool isHotTighter = limits.mode >= inForce.mode && limits.cooldownSeconds >= hot.cooldownSeconds
            && limits.windowSeconds >= hot.windowSeconds && limits.maxTurnoverBps <= hot.maxTurnoverBps
            && limits.maxLossBps <= hot.maxLossBps && limits.minIdleBps >= hot.minIdleBps;
        return isHotTighter && limits.seasoningSeconds >= hot.seasoningSeconds && limits.depositCap <= cold.depositCap
            && limits.managementFeeBps <= cold.managementFeeBps && limits.performanceFeeBps <= cold.performanceFeeBps;
    }

    /// @dev Equal frames mean equal lists, so entries are compared place by place.
    function _areStrategiesTighter(address table, HotLimits memory hot, StrategyPolicy[] memory strategies)
        private
        view
        returns (bool)
    {
        for (uint256 i = 0; i < strategies.length; ++i) {
            StrategyPolicy memory entry = strategies[i];
            StrategyLimits memory limits = PolicyTable.strategyLimits(table, hot, i);
            bool isStatusTighter = entry.status == limits.status
                || (limits.status == StrategyStatus.Active && entry.status == StrategyStatus.ExitOnly);
            if (!isStatusTighter || entry.maxWeightBps > limits.maxWeightBps || entry.cap > limits.cap) return false;
        }
        return true;
    }

    function _areGroupsTighter(address table, HotLimits memory hot, GroupPolicy[] memory groups)
        private
        view
        returns (bool)
    {
        for (uint256 i = 0; i < groups.length; ++i) {
            GroupLimits memory limits = PolicyTable.groupLimits(table, hot, i);
            if (groups[i].maxWeightBps > limits.maxWeightBps || groups[i].cap > limits.cap) return false;
        }
        return true;
    }

    function _areAgentsTighter(InForce memory inForce, HotLimits memory hot, AgentPolicy[] memory agents)
        private
        view
        returns (bool)
    {
        uint256 next = 0;
        for (uint256 i = 0; i < hot.agentCount; ++i) {
            if ((inForce.endedMandates >> i) & 1 != 0) continue;
            if (next == agents.length) return false;
            AgentPolicy memory entry = agents[next++];
            Mandate memory mandate = PolicyTable.mandate(inForce.table, i);
            if (
                entry.agent != mandate.agent || entry.expiresAt > mandate.expiresAt || entry.scope & ~mandate.scope != 0
                    || entry.maxTurnoverBps > mandate.maxTurnoverBps || entry.maxLossBps > mandate.maxLossBps
            ) return false;
        }
        return next == agents.length;
    }
}
