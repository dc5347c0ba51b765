// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {Mode} from "../types/Policy.sol";
import {Leg, Receipt} from "../types/Rebalance.sol";
import {AgentLedger, VaultLedger} from "./PolicyStore.sol";
import {HotLimits, Mandate, StrategyLimits} from "./PolicyTable.sol";
import {Reference} from "./PriceReference.sol";

/// @notice All that the rules look at, besides the plan itself; read once, before anything moves, which is enough
/// because the guard is locked while strategies are called.
/// @param at Unix time of execution.
/// @param mode Mode in force.
/// @param policyVersion Version in force.
/// @param table Limits in force, see `PolicyTable`.
/// @param hasMandate Whether the agent has a mandate that has not ended; if not, `mandate` means nothing.
/// @param ledger, agentLedger Buckets as they stand; the rules move their levels here.
/// @param legs One per move. @param limits, references One per leg: limits and price reference of its strategy.
/// @param receipt What the legs did.
struct RuleContext {
    uint256 at;
    Mode mode;
    uint256 policyVersion;
    address table;
    HotLimits hot;
    bool hasMandate;
    Mandate mandate;
    VaultLedger ledger;
    AgentLedger agentLedger;
    Leg[] legs;
    StrategyLimits[] limits;
    Reference[] references;
    Receipt receipt;
}
