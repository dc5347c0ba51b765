// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {IPolicyGuard} from "../interfaces/IPolicyGuard.sol";
import {
    AgentPolicy,
    Ceilings,
    GroupPolicy,
    Limits,
    MAX_AGENTS,
    MAX_GROUPS,
    MAX_STRATEGIES,
    Objective,
    ObjectiveKind,
    POLICY_SCHEMA_VERSION,
    Policy,
    StrategyPolicy
} from "../types/Policy.sol";

/// @title What a document must be, whoever submits it
/// @notice Reverts `InvalidPolicy` if it breaks the schema, `CeilingExceeded` if it passes a ceiling. Enums out of
/// range and numbers too wide never get past the decoder. Whether the strategies fit the vault is the vault's to say,
/// at adoption.
library PolicyValidation {
    uint256 internal constant BPS = 10_000;
    /// @dev 100 % a day. Faster "growth" would make the recognition of gains immediate in all but name.
    uint256 internal constant MAX_GROWTH_WAD = 1e18;

    /// @notice Checks a whole document.
    /// @param vault, guard The treasury that it is for; neither can receive fees.
    function check(Policy memory policy, Ceilings memory ceilings, address vault, address guard) internal pure {
        _require(policy.schemaVersion == POLICY_SCHEMA_VERSION, "schemaVersion", 0);
        _require(policy.strategies.length <= MAX_STRATEGIES, "strategies", MAX_STRATEGIES);
        _require(policy.groups.length <= MAX_GROUPS, "groups", MAX_GROUPS);
        _require(policy.agents.length <= MAX_AGENTS, "agents", MAX_AGENTS);
        _checkLimits(policy.limits);
        _checkFees(policy.limits, vault, guard);
        _checkGroups(policy.groups);
        _checkStrategies(policy.strategies, policy.groups.length);
        _checkAgents(policy.agents, policy.strategies.length);
        _checkObjective(policy.objective, policy.strategies.length);
        checkCeilings(policy.limits, ceilings);
    }

    /// @notice Checks the ceilings themselves, once, when a guard is made.
    function checkCeilingsThemselves(Ceilings memory ceilings) internal pure {
        _require(ceilings.minWindowSeconds != 0, "ceilings.minWindowSeconds", 0);
        _require(ceilings.minPolicyDelaySeconds != 0, "ceilings.minPolicyDelaySeconds", 0);
        _require(ceilings.maxPolicyDelaySeconds >= ceilings.minPolicyDelaySeconds, "ceilings.maxPolicyDelaySeconds", 0);
        _require(ceilings.graceSeconds != 0, "ceilings.graceSeconds", 0);
    }

    /// @notice Checks limits against ceilings.
    function checkCeilings(Limits memory limits, Ceilings memory ceilings) internal pure {
        _atMost("maxTurnoverBps", limits.maxTurnoverBps, ceilings.maxTurnoverBps);
        _atMost("maxLossBps", limits.maxLossBps, ceilings.maxLossBps);
        _atLeast("windowSeconds", limits.windowSeconds, ceilings.minWindowSeconds);
        _atLeast("policyDelaySeconds", limits.policyDelaySeconds, ceilings.minPolicyDelaySeconds);
        _atMost("policyDelaySeconds", limits.policyDelaySeconds, ceilings.maxPolicyDelaySeconds);
        _atMost("managementFeeBps", limits.managementFeeBps, ceilings.maxManagementFeeBps);
        _atMost("performanceFeeBps", limits.performanceFeeBps, ceilings.maxPerformanceFeeBps);
    }

    function _checkLimits(Limits memory limits) private pure {
        _require(limits.maxTurnoverBps <= BPS, "maxTurnoverBps", 0);
        _require(limits.maxLossBps <= BPS, "maxLossBps", 0);
        _require(limits.minIdleBps <= BPS, "minIdleBps", 0);
        _require(limits.maxDrawdownBps <= BPS, "maxDrawdownBps", 0);
        _require(limits.maxGrowthWad <= MAX_GROWTH_WAD, "maxGrowthWad", 0);
        _require(limits.windowSeconds != 0, "windowSeconds", 0);
        _require(limits.entryHaltSeconds != 0, "entryHaltSeconds", 0);
        _require(limits.seasoningSeconds != 0, "seasoningSeconds", 0);
    }

    function _checkFees(Limits memory limits, address vault, address guard) private pure {
        _require(limits.managementFeeBps <= BPS, "managementFeeBps", 0);
        _require(limits.performanceFeeBps <= BPS, "performanceFeeBps", 0);
        address recipient = limits.feeRecipient;
        bool hasFees = limits.managementFeeBps != 0 || limits.performanceFeeBps != 0;
        _require(!hasFees || recipient != address(0), "feeRecipient", 0);
        _require(recipient != vault && recipient != guard, "feeRecipient", 0);
    }

    function _checkGroups(GroupPolicy[] memory groups) private pure {
        for (uint256 i = 0; i < groups.length; ++i) {
            bytes32 name = groups[i].name;
            _require(_isName(name), "groups.name", i);
            for (uint256 j = 0; j < i; ++j) {
                _require(groups[j].name != name, "groups.name", i);
            }
            _require(groups[i].maxWeightBps <= BPS, "groups.maxWeightBps", i);
        }
    }

    function _checkStrategies(StrategyPolicy[] memory strategies, uint256 groupCount) private pure {
        for (uint256 i = 0; i < strategies.length; ++i) {
            StrategyPolicy memory entry = strategies[i];
            _require(entry.strategy != address(0), "strategies.strategy", i);
            for (uint256 j = 0; j < i; ++j) {
                _require(strategies[j].strategy != entry.strategy, "strategies.strategy", i);
            }
            _require(entry.maxWeightBps <= BPS, "strategies.maxWeightBps", i);
            _require(entry.minWeightBps <= BPS, "strategies.minWeightBps", i);
            _require(entry.priceBandBps < BPS, "strategies.priceBandBps", i);
            _require(entry.referenceAssets != 0, "strategies.referenceAssets", i);
            _require(entry.referenceShares != 0, "strategies.referenceShares", i);
            _require(uint256(entry.groups) >> groupCount == 0, "strategies.groups", i);
        }
    }

    function _checkAgents(AgentPolicy[] memory agents, uint256 strategyCount) private pure {
        for (uint256 i = 0; i < agents.length; ++i) {
            AgentPolicy memory entry = agents[i];
            _require(entry.agent != address(0), "agents.agent", i);
            for (uint256 j = 0; j < i; ++j) {
                _require(agents[j].agent != entry.agent, "agents.agent", i);
            }
            _require(uint256(entry.scope) >> strategyCount == 0, "agents.scope", i);
            _require(entry.maxTurnoverBps <= BPS, "agents.maxTurnoverBps", i);
            _require(entry.maxLossBps <= BPS, "agents.maxLossBps", i);
        }
    }

    /// @dev Under target weights there is one per strategy, and together they are at most the whole.
    function _checkObjective(Objective memory objective, uint256 strategyCount) private pure {
        _require(objective.hurdleBps <= BPS, "objective.hurdleBps", 0);
        _require(objective.bandBps <= BPS, "objective.bandBps", 0);
        uint16[] memory targets = objective.targetWeightsBps;
        uint256 expected = objective.kind == ObjectiveKind.TargetWeights ? strategyCount : 0;
        _require(targets.length == expected, "objective.targetWeightsBps", expected);
        uint256 sum = 0;
        for (uint256 i = 0; i < targets.length; ++i) {
            sum += targets[i];
            _require(sum <= BPS, "objective.targetWeightsBps", i);
        }
    }

    /// @dev One to 31 bytes that are not zero, then zeros to the end.
    function _isName(bytes32 name) private pure returns (bool) {
        uint256 length = 0;
        while (length < 32 && name[length] != 0) ++length;
        return length != 0 && length != 32 && uint256(name) << (8 * length) == 0;
    }

    function _require(bool holds, bytes32 field, uint256 index) private pure {
        if (!holds) revert IPolicyGuard.InvalidPolicy(field, index);
    }

    function _atMost(bytes32 field, uint256 value, uint256 ceiling) private pure {
        if (value > ceiling) revert IPolicyGuard.CeilingExceeded(field, value, ceiling);
    }

    function _atLeast(bytes32 field, uint256 value, uint256 floor) private pure {
        if (value < floor) revert IPolicyGuard.CeilingExceeded(field, value, floor);
    }
}
