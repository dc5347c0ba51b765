// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {PolicyComparison} from "../../contracts/guard/PolicyComparison.sol";
import {InForce, StoredPolicy} from "../../contracts/guard/PolicyStore.sol";
import {
    ColdLimits,
    GroupLimits,
    HotLimits,
    Mandate,
    PolicyTable,
    StrategyLimits
} from "../../contracts/guard/PolicyTable.sol";
import {
    AgentPolicy,
    GroupPolicy,
    Limits,
    Mode,
    ObjectiveKind,
    POLICY_SCHEMA_VERSION,
    Policy,
    StrategyPolicy,
    StrategyStatus
} from "../../contracts/types/Policy.sol";

/// @notice What a document that takes effect at once may differ by, for all members of both documents at once: one
/// strategy, one group, one agent.
///
/// Together with `RulesProof`: if b takes effect at once over a, then every rebalance that b allows, a allows too, mode
/// aside. Here: b's limits are a's or stricter. There: stricter limits refuse whatever laxer ones refuse.
contract ComparisonProof {
    StoredPolicy private _store;

    function frameOf(Policy calldata policy) external pure returns (bytes32) {
        return PolicyComparison.frameHash(policy);
    }

    function check_IsAtOnce_LimitsAreStricter(Limits calldata a, Limits calldata b) public {
        (Policy memory first, Policy memory second) = (_policy(), _policy());
        (first.limits, second.limits) = (a, b);
        if (!_isAtOnce(first, second)) return;
        address before = _store.inForce.table;
        address next = PolicyTable.write(second, new uint256[](second.strategies.length));
        HotLimits memory old = PolicyTable.hotLimits(before);
        HotLimits memory hot = PolicyTable.hotLimits(next);
        assert(b.mode >= a.mode);
        assert(hot.cooldownSeconds >= old.cooldownSeconds);
        assert(hot.windowSeconds >= old.windowSeconds);
        assert(hot.maxTurnoverBps <= old.maxTurnoverBps);
        assert(hot.maxLossBps <= old.maxLossBps);
        assert(hot.minIdleBps >= old.minIdleBps);
        assert(hot.maxNavAgeSeconds == old.maxNavAgeSeconds);
        assert(hot.seasoningSeconds >= old.seasoningSeconds);
        ColdLimits memory oldCold = PolicyTable.coldLimits(before);
        ColdLimits memory cold = PolicyTable.coldLimits(next);
        assert(cold.depositCap <= oldCold.depositCap);
        assert(cold.maxGrowthWad == oldCold.maxGrowthWad);
        assert(cold.policyDelaySeconds == oldCold.policyDelaySeconds);
        assert(cold.managementFeeBps <= oldCold.managementFeeBps);
        assert(cold.performanceFeeBps <= oldCold.performanceFeeBps);
        assert(b.maxDrawdownBps == a.maxDrawdownBps && b.entryHaltSeconds == a.entryHaltSeconds);
        assert(b.maxNavAgeSeconds == a.maxNavAgeSeconds && b.feeRecipient == a.feeRecipient);
    }

    function check_IsAtOnce_StrategiesAreStricter(StrategyPolicy calldata a, StrategyPolicy calldata b) public {
        (Policy memory first, Policy memory second) = (_policy(), _policy());
        (first.strategies[0], second.strategies[0]) = (a, b);
        if (!_isAtOnce(first, second)) return;
        HotLimits memory hot = PolicyTable.hotLimits(_store.inForce.table);
        StrategyLimits memory old = PolicyTable.strategyLimits(_store.inForce.table, hot, 0);
        StrategyLimits memory limits =
            PolicyTable.strategyLimits(PolicyTable.write(second, new uint256[](second.strategies.length)), hot, 0);
        assert(limits.strategy == old.strategy);
        assert(limits.maxWeightBps <= old.maxWeightBps && limits.cap <= old.cap);
        assert(limits.minWeightBps == old.minWeightBps && limits.priceBandBps == old.priceBandBps);
        assert(limits.groups == old.groups);
        assert(limits.status >= old.status);
        assert(limits.status == old.status || old.status == StrategyStatus.Active);
    }

    function check_IsAtOnce_GroupsAreStricter(GroupPolicy calldata a, GroupPolicy calldata b) public {
        (Policy memory first, Policy memory second) = (_policy(), _policy());
        (first.groups[0], second.groups[0]) = (a, b);
        if (!_isAtOnce(first, second)) return;
        HotLimits memory hot = PolicyTable.hotLimits(_store.inForce.table);
        GroupLimits memory old = PolicyTable.groupLimits(_store.inForce.table, hot, 0);
        GroupLimits memory limits =
            PolicyTable.groupLimits(PolicyTable.write(second, new uint256[](second.strategies.length)), hot, 0);
        assert(a.name == b.name);
        assert(limits.maxWeightBps <= old.maxWeightBps && limits.cap <= old.cap && limits.members == old.members);
    }

    function check_IsAtOnce_MandatesAreStricter(AgentPolicy calldata a, AgentPolicy calldata b) public {
        (Policy memory first, Policy memory second) = (_policy(), _policy());
        (first.agents[0], second.agents[0]) = (a, b);
        if (!_isAtOnce(first, second)) return;
        Mandate memory old = PolicyTable.mandate(_store.inForce.table, 0);
        Mandate memory mandate =
            PolicyTable.mandate(PolicyTable.write(second, new uint256[](second.strategies.length)), 0);
        assert(mandate.agent == old.agent);
        assert(mandate.expiresAt <= old.expiresAt && mandate.scope & ~old.scope == 0);
        assert(mandate.maxTurnoverBps <= old.maxTurnoverBps && mandate.maxLossBps <= old.maxLossBps);
    }

    /// @notice Objective and schema stay as they are.
    function check_IsAtOnce_ObjectiveStays(
        uint16[4] calldata a,
        uint16[4] calldata b,
        uint32[2] calldata horizons,
        bool[2] calldata isTargets
    ) public {
        (Policy memory first, Policy memory second) = (_policy(), _policy());
        _setObjective(first, a, horizons[0], isTargets[0]);
        _setObjective(second, b, horizons[1], isTargets[1]);
        if (!_isAtOnce(first, second)) return;
        assert(a[0] == b[0] && a[1] == b[1] && a[2] == b[2] && a[3] == b[3]);
        assert(horizons[0] == horizons[1] && isTargets[0] == isTargets[1]);
    }

    /// @notice The same document takes effect at once over itself: the theorems above speak of something.
    function check_IsAtOnce_OverItself(Limits calldata limits, StrategyPolicy calldata strategy) public {
        Policy memory policy = _policy();
        policy.limits = limits;
        policy.strategies[0] = strategy;
        assert(_isAtOnce(policy, policy));
    }

    function _setObjective(Policy memory policy, uint16[4] calldata numbers, uint32 horizon, bool isTargets)
        private
        pure
    {
        policy.schemaVersion = numbers[0];
        policy.objective.kind = isTargets ? ObjectiveKind.TargetWeights : ObjectiveKind.Yield;
        policy.objective.hurdleBps = numbers[1];
        policy.objective.horizonSeconds = horizon;
        policy.objective.bandBps = numbers[2];
        policy.objective.targetWeightsBps = new uint16[](1);
        policy.objective.targetWeightsBps[0] = numbers[3];
    }

    function _isAtOnce(Policy memory first, Policy memory second) private returns (bool) {
        // As `PolicyStore.adopt` does, but for the price references, which no comparison looks at.
        _store.inForce = InForce({
            table: PolicyTable.write(first, new uint256[](first.strategies.length)),
            version: 1,
            mode: first.limits.mode,
            endedMandates: 0,
            seenStrategies: 0
        });
        _store.frameHash = this.frameOf(first);
        return PolicyComparison.isAtOnce(_store, second, this.frameOf(second));
    }

    function _policy() private pure returns (Policy memory policy) {
        policy.schemaVersion = POLICY_SCHEMA_VERSION;
        policy.strategies = new StrategyPolicy[](1);
        policy.strategies[0].strategy = address(0x57);
        (policy.strategies[0].referenceAssets, policy.strategies[0].referenceShares) = (1, 1);
        policy.groups = new GroupPolicy[](1);
        policy.agents = new AgentPolicy[](1);
        policy.agents[0].agent = address(0xa6);
        policy.limits.mode = Mode.Active;
    }
}
