// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {Leg, Receipt} from "../types/Rebalance.sol";
import {GuardStorage} from "./GuardStorage.sol";
import {InForce, PolicyStore, StoredPolicy} from "./PolicyStore.sol";
import {HotLimits, PolicyTable, StrategyLimits} from "./PolicyTable.sol";
import {Reference} from "./PriceReference.sol";
import {RuleContext} from "./RuleContext.sol";
import {VaultCall} from "./VaultCall.sol";

/// @title How a guard's state is read for the rules
/// @notice For the parts of a guard's code that run by delegatecall. Each slot is read once.
abstract contract GuardReads is GuardStorage {
    using PolicyStore for StoredPolicy;

    /// @dev All that the rules look at before any leg is known.
    /// @param agent Account whose mandate and buckets are meant; zero for none.
    function _contextFor(address agent, uint256 at) internal view returns (RuleContext memory) {
        InForce memory inForce = _policy.inForce;
        HotLimits memory hot = PolicyTable.hotLimits(inForce.table);
        (uint256 index, bool hasMandate) = PolicyStore.findAgent(inForce, hot, agent);
        Receipt memory receipt;
        return RuleContext({
            at: at,
            mode: inForce.mode,
            policyVersion: inForce.version,
            table: inForce.table,
            hot: hot,
            hasMandate: hasMandate,
            mandate: PolicyTable.mandate(inForce.table, index),
            ledger: _ledger,
            agentLedger: _agentLedgers[agent],
            legs: new Leg[](0),
            limits: new StrategyLimits[](0),
            references: new Reference[](0),
            receipt: receipt
        });
    }

    function _allocateLegs(RuleContext memory context, uint256 count) internal pure {
        context.legs = VaultCall.allocateLegs(count);
        context.limits = new StrategyLimits[](count);
        context.references = new Reference[](count);
    }

    /// @dev Puts the strategy at `index` of the list at place `i` of the legs.
    /// @param index Below the number of strategies.
    function _addLeg(RuleContext memory context, uint256 i, uint256 index) internal view returns (Leg memory leg) {
        StrategyLimits memory limits = PolicyTable.strategyLimits(context.table, context.hot, index);
        context.limits[i] = limits;
        context.references[i] = _policy.referenceAt(limits.referencePlace);
        leg = context.legs[i];
        leg.strategy = limits.strategy;
    }

    /// @dev The delay in force; at birth, when no document says one, the shortest.
    function _policyDelay() internal view returns (uint32) {
        address table = _policy.inForce.table;
        if (table == address(0)) return _ceilings.minPolicyDelaySeconds;
        // The table has four bytes for it.
        // forge-lint: disable-next-line(unsafe-typecast)
        return uint32(PolicyTable.coldLimits(table).policyDelaySeconds);
    }
}
