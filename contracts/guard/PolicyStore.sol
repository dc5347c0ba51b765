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
/// @param seenStrategies How many different strategies were ever in force.
struct InForce {
    address table;
    uint40 version;
    Mode mode;
    uint16 endedMandates;
    uint32 seenStrategies;
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

/// @dev The policy in force.
/// @param references Slots of three price references, see `PriceReference`, moved by no adoption.
/// @param places Number of the place of a strategy's reference, from one; zero if it was never in force. Kept whatever
/// leaves the list, so that a strategy which comes back finds its own reference and no other one's.
struct StoredPolicy {
    InForce inForce;
    bytes32 policyHash;
    bytes32 frameHash;
    mapping(uint256 number => uint256 slot) references;
    mapping(address strategy => uint256) places;
    mapping(uint256 version => uint64) blocks;
}

/// @title The policy in force, in storage
library PolicyStore {
    using PolicyStore for StoredPolicy;

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
        InForce memory inForce = store.inForce;
        uint256[] memory places = new uint256[](policy.strategies.length);
        for (uint256 i = 0; i < places.length; ++i) {
            places[i] = _place(store, inForce, policy.strategies[i]);
        }
        version = inForce.version + 1;
        store.inForce = InForce({
            table: PolicyTable.write(policy, places),
            version: version,
            mode: policy.limits.mode,
            endedMandates: 0,
            seenStrategies: inForce.seenStrategies
        });
        store.policyHash = policyHash;
        store.frameHash = frameHash;
        store.blocks[version] = submittedBlock;
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

    /// @notice The price reference at a place.
    function referenceAt(StoredPolicy storage store, uint256 place) internal view returns (Reference memory) {
        uint256 slot = store.references[PriceReference.slotOf(place)];
        return PriceReference.unpack(PriceReference.bitsAt(slot, place));
    }

    /// @notice Sets the price reference at a place to a price of now; what else is in the slot stays.
    function setReferenceDown(StoredPolicy storage store, uint256 place, uint256 price) internal {
        uint256 number = PriceReference.slotOf(place);
        uint256 bits = PriceReference.packDown(price, block.timestamp);
        store.references[number] = PriceReference.replaced(store.references[number], place, bits);
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

    /// @dev The place of a strategy's reference. One that was ever seen keeps the reference it has; another gets the
    /// next place and the document's price.
    function _place(StoredPolicy storage store, InForce memory inForce, StrategyPolicy memory entry)
        private
        returns (uint256 place)
    {
        uint256 number = store.places[entry.strategy];
        if (number != 0) return PriceReference.placeOf(number - 1);
        place = PriceReference.placeOf(inForce.seenStrategies++);
        store.places[entry.strategy] = inForce.seenStrategies;
        store.setReferenceDown(place, PriceBands.priceDown(entry.referenceAssets, entry.referenceShares));
    }
}
