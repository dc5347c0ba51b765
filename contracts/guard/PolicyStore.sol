// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {ExitEntry, NavParameters} from "../types/Nav.sol";
import {Limits, Mode, Policy, StrategyPolicy} from "../types/Policy.sol";
import {HotLimits, PolicyTable} from "./PolicyTable.sol";
import {PriceBands} from "./PriceBands.sol";
import {PriceReference, Reference} from "./PriceReference.sol";

/// @dev One slot: what is in force. The table is the document's part that the rules need; what follows it overlays the
/// document.
/// @param mode The one in force.
/// @param endedMandates Bit i set: the i-th agent was revoked, or resigned, since the document was adopted.
struct InForce {
    address table;
    uint40 version;
    Mode mode;
    uint16 endedMandates;
}

/// @dev One slot that every rebalance writes.
struct VaultLedger {
    uint64 turnoverLevelWad;
    uint40 turnoverUpdatedAt;
    uint64 lossLevelWad;
    uint40 lossUpdatedAt;
    uint48 rebalanceCount;
}

/// @dev One slot: what an agent did, kept by address across policies. Both buckets are charged by every rebalance and
/// by nothing else, so `lastRebalanceAt` is the time of both levels.
struct AgentLedger {
    uint64 turnoverLevelWad;
    uint64 lossLevelWad;
    uint40 lastRebalanceAt;
    uint64 nonce;
}

/// @dev The policy in force. `references` has one slot per strategy, see `PriceReference`, kept by address whatever
/// leaves the list and moved by no adoption.
struct StoredPolicy {
    InForce inForce;
    bytes32 policyHash;
    bytes32 frameHash;
    mapping(address strategy => uint256) references;
    mapping(uint256 version => uint64) blocks;
}

/// @title The policy in force, in storage
library PolicyStore {
    /// @notice Puts a document in force: the next version, with nothing left of the overlays on the one before.
    /// @param submittedBlock Block of the `PolicySubmitted` event that carries the document.
    /// @return version The new version.
    function adopt(
        StoredPolicy storage store,
        Policy memory policy,
        bytes32 policyHash,
        bytes32 frameHash,
        uint64 submittedBlock
    ) internal returns (uint40 version) {
        version = store.inForce.version + 1;
        store.inForce =
            InForce({table: PolicyTable.write(policy), version: version, mode: policy.limits.mode, endedMandates: 0});
        store.policyHash = policyHash;
        store.frameHash = frameHash;
        store.blocks[version] = submittedBlock;
        for (uint256 i = 0; i < policy.strategies.length; ++i) {
            _firstReference(store, policy.strategies[i]);
        }
    }

    /// @notice Next version for a change that overlays the document in force; the document's block stays.
    function bumpVersion(StoredPolicy storage store) internal returns (uint40 version) {
        uint40 previous = store.inForce.version;
        version = previous + 1;
        store.inForce.version = version;
        store.blocks[version] = store.blocks[previous];
    }

    /// @notice Place of an agent in the list in force, and whether its mandate stands: it is named there, and neither
    /// revoked nor resigned since.
    function findAgent(InForce memory inForce, HotLimits memory hot, address agent)
        internal
        view
        returns (uint256 index, bool hasMandate)
    {
        index = PolicyTable.findAgent(inForce.table, hot.agentCount, agent);
        hasMandate = index != hot.agentCount && (inForce.endedMandates >> index) & 1 == 0;
    }

    /// @notice Ends the mandate at a place of the list.
    function endMandate(StoredPolicy storage store, uint256 index) internal {
        // The bit at `index`, which is below sixteen.
        // forge-lint: disable-next-line(unsafe-typecast, incorrect-shift)
        store.inForce.endedMandates |= uint16(1 << index);
    }

    /// @notice The price reference of a strategy.
    function referenceOf(StoredPolicy storage store, address strategy) internal view returns (Reference memory) {
        return PriceReference.unpack(store.references[strategy]);
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

    /// @dev A strategy that was ever seen keeps the reference it has.
    function _firstReference(StoredPolicy storage store, StrategyPolicy memory entry) private {
        if (store.references[entry.strategy] != 0) return;
        uint256 price = PriceBands.priceDown(entry.referenceAssets, entry.referenceShares);
        store.references[entry.strategy] = PriceReference.packDown(price, block.timestamp);
    }
}
