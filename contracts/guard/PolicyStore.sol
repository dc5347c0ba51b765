// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {ExitEntry, NavParameters} from "../types/Nav.sol";
import {AgentPolicy, Limits, Mode, Policy, StrategyPolicy, StrategyStatus} from "../types/Policy.sol";
import {PriceBands} from "./PriceBands.sol";

/// @dev One slot that every rebalance reads. `mode` is the one in force, overlay included.
struct HotLimits {
    uint64 policyVersion;
    Mode mode;
    uint8 strategyCount;
    uint32 cooldownSeconds;
    uint32 windowSeconds;
    uint16 maxTurnoverBps;
    uint16 maxLossBps;
    uint16 minIdleBps;
    uint64 maxGrowthWad;
}

/// @dev One slot that only submissions read.
struct ColdLimits {
    uint128 depositCap;
    uint32 seasoningSeconds;
    uint32 policyDelaySeconds;
    uint16 managementFeeBps;
    uint16 performanceFeeBps;
}

/// @dev One slot that every rebalance writes.
struct VaultLedger {
    uint64 turnoverLevelWad;
    uint40 turnoverUpdatedAt;
    uint64 lossLevelWad;
    uint40 lossUpdatedAt;
    uint48 rebalanceCount;
}

/// @dev One slot: an agent's mandate under the policy in force.
struct Mandate {
    bool exists;
    bool isRevoked;
    uint40 expiresAt;
    uint32 scope;
    uint16 maxTurnoverBps;
    uint16 maxLossBps;
}

/// @dev One slot: what an agent did, kept by address across policies. Both buckets are charged by every rebalance and
/// by nothing else, so `lastRebalanceAt` is the time of both levels.
struct AgentLedger {
    uint64 turnoverLevelWad;
    uint64 lossLevelWad;
    uint40 lastRebalanceAt;
    uint64 nonce;
}

/// @dev Two slots. Limits are overwritten by adoptions; the reference is kept by address and moved by none.
/// `referenceAt` is zero until the strategy is first seen.
struct StrategyRecord {
    StrategyStatus status;
    uint16 maxWeightBps;
    uint16 minWeightBps;
    uint16 priceBandBps;
    uint128 cap;
    uint40 referenceAt;
    uint256 referencePrice;
}

/// @dev The policy in force, unpacked.
struct StoredPolicy {
    HotLimits hot;
    ColdLimits cold;
    bytes32 policyHash;
    bytes32 frameHash;
    address[] strategies;
    address[] agents;
    mapping(address strategy => StrategyRecord) strategyRecords;
    mapping(address agent => Mandate) mandates;
    mapping(uint64 version => uint64) blocks;
}

/// @title The policy in force, in storage
library PolicyStore {
    /// @notice Puts a document in force: the next version, with nothing left of the overlays on the one before.
    /// @param submittedBlock Block of the `PolicySubmitted` event that carries the document.
    function adopt(
        StoredPolicy storage store,
        Policy memory policy,
        bytes32 policyHash,
        bytes32 frameHash,
        uint64 submittedBlock
    ) internal {
        Limits memory limits = policy.limits;
        uint64 version = store.hot.policyVersion + 1;
        store.hot = HotLimits({
            policyVersion: version,
            mode: limits.mode,
            strategyCount: uint8(policy.strategies.length),
            cooldownSeconds: limits.cooldownSeconds,
            windowSeconds: limits.windowSeconds,
            maxTurnoverBps: limits.maxTurnoverBps,
            maxLossBps: limits.maxLossBps,
            minIdleBps: limits.minIdleBps,
            maxGrowthWad: limits.maxGrowthWad
        });
        store.cold = ColdLimits({
            depositCap: limits.depositCap,
            seasoningSeconds: limits.seasoningSeconds,
            policyDelaySeconds: limits.policyDelaySeconds,
            managementFeeBps: limits.managementFeeBps,
            performanceFeeBps: limits.performanceFeeBps
        });
        store.policyHash = policyHash;
        store.frameHash = frameHash;
        store.blocks[version] = submittedBlock;
        _adoptStrategies(store, policy.strategies);
        _adoptAgents(store, policy.agents);
    }

    /// @notice Next version for a change that overlays the document in force; the document's block stays.
    function bumpVersion(StoredPolicy storage store) internal returns (uint64 version) {
        uint64 previous = store.hot.policyVersion;
        version = previous + 1;
        store.hot.policyVersion = version;
        store.blocks[version] = store.blocks[previous];
    }

    /// @notice The vault's part of a document.
    function vaultPart(Policy memory policy)
        internal
        pure
        returns (NavParameters memory parameters, ExitEntry[] memory exitList)
    {
        Limits memory limits = policy.limits;
        parameters = NavParameters({
            maxGrowthWad: limits.maxGrowthWad,
            maxDrawdownBps: limits.maxDrawdownBps,
            entryHaltSeconds: limits.entryHaltSeconds,
            seasoningSeconds: limits.seasoningSeconds,
            maxNavAgeSeconds: limits.maxNavAgeSeconds,
            depositCap: limits.depositCap,
            managementFeeBps: limits.managementFeeBps,
            performanceFeeBps: limits.performanceFeeBps,
            feeRecipient: limits.feeRecipient
        });
        exitList = new ExitEntry[](policy.strategies.length);
        for (uint256 i = 0; i < exitList.length; ++i) {
            exitList[i] = ExitEntry({strategy: policy.strategies[i].strategy, status: policy.strategies[i].status});
        }
    }

    function _adoptStrategies(StoredPolicy storage store, StrategyPolicy[] memory strategies) private {
        // Records of strategies that left the list are out of reach, because every access goes through the list.
        address[] memory list = new address[](strategies.length);
        for (uint256 i = 0; i < strategies.length; ++i) {
            StrategyPolicy memory entry = strategies[i];
            list[i] = entry.strategy;
            StrategyRecord storage record = store.strategyRecords[entry.strategy];
            record.status = entry.status;
            record.maxWeightBps = entry.maxWeightBps;
            record.minWeightBps = entry.minWeightBps;
            record.priceBandBps = entry.priceBandBps;
            record.cap = entry.cap;
            if (record.referenceAt == 0) {
                record.referenceAt = uint40(block.timestamp);
                record.referencePrice = PriceBands.priceDown(entry.referenceAssets, entry.referenceShares);
            }
        }
        store.strategies = list;
    }

    function _adoptAgents(StoredPolicy storage store, AgentPolicy[] memory agents) private {
        address[] memory previous = store.agents;
        for (uint256 i = 0; i < previous.length; ++i) {
            delete store.mandates[previous[i]];
        }
        address[] memory list = new address[](agents.length);
        for (uint256 i = 0; i < agents.length; ++i) {
            AgentPolicy memory entry = agents[i];
            list[i] = entry.agent;
            store.mandates[entry.agent] = Mandate({
                exists: true,
                isRevoked: false,
                expiresAt: entry.expiresAt,
                scope: entry.scope,
                maxTurnoverBps: entry.maxTurnoverBps,
                maxLossBps: entry.maxLossBps
            });
        }
        store.agents = list;
    }
}
