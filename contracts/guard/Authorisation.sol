// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {ALL_ASSETS, ANY_COUNT, MAX_MOVES, Move, Rebalance} from "../types/Rebalance.sol";
import {Course} from "./Acceptance.sol";
import {AgentLedger, InForce, StoredPolicy, VaultLedger} from "./PolicyStore.sol";
import {PolicyTable} from "./PolicyTable.sol";
import {PriceReference} from "./PriceReference.sol";

/// @title Whether R1 to R6 certainly hold
/// @notice Reads every slot once and answers yes only if `AuthoriseRules.firstRefusal` would refuse nothing in this
/// block. It never refuses: where it answers no, the rules themselves decide, and name what they refuse. A mode other
/// than Active is left to them.
library Authorisation {
    // Places of the members of a plan.
    uint256 private constant POLICY_VERSION = 0x00;
    uint256 private constant PLAN_NONCE = 0x20;
    uint256 private constant PLAN_COUNT = 0x40;
    uint256 private constant DEADLINE = 0x60;

    // Members of `InForce`, from the bottom; mode 0 is Active.
    uint256 private constant VERSION = 160;
    uint256 private constant MODE = 200;
    uint256 private constant ENDED_MANDATES = 208;

    // Members of the hot word.
    uint256 private constant COOLDOWN = 224;
    uint256 private constant AGENT_COUNT = 48;

    // Members of a mandate's first word.
    uint256 private constant EXPIRES_AT = 56;
    uint256 private constant SCOPE = 24;

    // Members of the ledgers.
    uint256 private constant VAULT_COUNT = 208;
    uint256 private constant AGENT_AT = 128;
    uint256 private constant AGENT_NONCE = 168;

    /// @notice Whether R1 to R6 certainly hold.
    /// @dev The words of a plan are looked at whole, so one that is no number of its type is left to the rules, where
    /// the decoder refuses it.
    /// @param course Filled with what is known before anything moves.
    /// @param moves Those of the plan.
    /// @return legs Place of the legs, with five words before them for the head of the call data, and three words for
    /// each leg behind them: limits and price reference of its strategy. Zero if R1 to R6 do not certainly hold.
    function check(
        Course memory course,
        Rebalance calldata plan,
        Move[] calldata moves,
        address agent,
        StoredPolicy storage policy,
        VaultLedger storage vaultLedger,
        AgentLedger storage agentLedger
    ) internal view returns (uint256 legs) {
        uint256 inForce;
        {
            InForce storage slot = policy.inForce;
            assembly ("memory-safe") {
                inForce := sload(slot.slot)
            }
        }
        course.hot = PolicyTable.hotWord(_table(inForce));
        // R1
        if ((inForce >> MODE) & type(uint8).max != 0) return 0;
        if (_word(plan, POLICY_VERSION) != (inForce >> VERSION) & type(uint40).max) return 0;
        if (!_isTimely(course, plan, vaultLedger, agentLedger)) return 0;
        uint256 scope = _scope(course, inForce, agent);
        return _legs(moves, policy.references, PolicyTable.strategiesOffset(course.hot), scope, _table(inForce));
    }

    /// @dev R4 without the version, and R5.
    function _isTimely(
        Course memory course,
        Rebalance calldata plan,
        VaultLedger storage vaultLedger,
        AgentLedger storage agentLedger
    ) private view returns (bool) {
        uint256 ledger;
        assembly ("memory-safe") {
            ledger := sload(vaultLedger.slot)
        }
        course.ledger = ledger;
        uint256 count = _word(plan, PLAN_COUNT);
        if (count != ANY_COUNT && count != ledger >> VAULT_COUNT) return false;
        assembly ("memory-safe") {
            ledger := sload(agentLedger.slot)
        }
        course.agentLedger = ledger;
        uint256 deadline = _word(plan, DEADLINE);
        // forge-lint: disable-next-line(block-timestamp)
        if (_word(plan, PLAN_NONCE) != (ledger >> AGENT_NONCE) & type(uint64).max || block.timestamp > deadline) {
            return false;
        }
        if (deadline > type(uint64).max) return false;
        uint256 at = (ledger >> AGENT_AT) & type(uint40).max;
        unchecked {
            // forge-lint: disable-next-line(block-timestamp)
            return at == 0 || block.timestamp >= at + (course.hot >> COOLDOWN);
        }
    }

    /// @dev R2: what the agent may touch; nothing without a mandate.
    function _scope(Course memory course, uint256 inForce, address agent) private view returns (uint256) {
        uint256 agentCount = (course.hot >> AGENT_COUNT) & type(uint8).max;
        (uint256 index, uint256 mandate, uint256 budgets) = PolicyTable.mandateWords(_table(inForce), agentCount, agent);
        if (index == agentCount || ((inForce >> ENDED_MANDATES) >> index) & 1 != 0) return 0;
        // forge-lint: disable-next-line(block-timestamp)
        if (block.timestamp > (mandate >> EXPIRES_AT) & type(uint40).max) return 0;
        course.budgets = budgets;
        return (mandate >> SCOPE) & type(uint32).max;
    }

    /// @dev R3 and R6, and the legs. `unused` has the bits of the strategies that the agent may touch and no move has
    /// touched yet; a mandate has none beyond the list.
    /// @param offset Where in the table's code the strategies begin.
    function _legs(
        Move[] calldata moves,
        mapping(uint256 number => uint256 slot) storage references,
        uint256 offset,
        uint256 unused,
        address table
    ) private view returns (uint256 legs) {
        uint256 size;
        {
            uint256 count = moves.length;
            if (count == 0 || count > MAX_MOVES) return 0;
            unchecked {
                size = count * 0x60;
            }
        }
        (uint256 all, uint256 referenceMask) = (ALL_ASSETS, PriceReference.MASK);
        assembly ("memory-safe") {
            legs := add(mload(0x40), 0xa0)
            mstore(0x40, add(legs, shl(1, size)))
            // A move is three words as a leg is, with an index where that has an address.
            calldatacopy(legs, moves.offset, size)
            // Scratch space: the number of the slot of references that was read last, none at first, and the mapping.
            // What was read lies where the head of the call data will be.
            mstore(0x00, not(0))
            mstore(0x20, references.slot)
            let last := 0
            let leg := legs
            for { let end := add(leg, size) } lt(leg, end) { leg := add(leg, 0x60) } {
                let index := mload(leg)
                let isDeposit := mload(add(leg, 0x20))
                let isFine :=
                    and(
                        and(shr(index, unused), 1),
                        // Withdrawals first, and something to move; "all" only out of a strategy.
                        and(
                            iszero(or(gt(last, isDeposit), gt(isDeposit, 1))),
                            lt(sub(mload(add(leg, 0x40)), 1), sub(all, isDeposit))
                        )
                    )
                if iszero(isFine) {
                    legs := 0
                    break
                }
                // The bit at `index`.
                // slither-disable-next-line incorrect-shift
                unused := xor(unused, shl(index, 1))
                last := isDeposit
                let limits := add(leg, size)
                extcodecopy(table, limits, add(offset, shl(6, index)), 0x40)
                mstore(leg, shr(96, mload(limits)))
                // Where the reference is, as `PriceReference` has it: the slot's number and how far up in it.
                let place := mload(add(limits, 0x20))
                let nth := shr(136, shl(128, place))
                if sub(nth, mload(0x00)) {
                    mstore(0x00, nth)
                    mstore(sub(legs, 0x20), sload(keccak256(0x00, 0x40)))
                }
                mstore(add(limits, 0x40), and(shr(and(place, 0xff), mload(sub(legs, 0x20))), referenceMask))
            }
        }
    }

    function _table(uint256 inForce) private pure returns (address) {
        // The lowest 160 bits.
        // forge-lint: disable-next-line(unsafe-typecast)
        return address(uint160(inForce));
    }

    function _word(Rebalance calldata plan, uint256 place) private pure returns (uint256 word) {
        assembly ("memory-safe") {
            word := calldataload(add(plan, place))
        }
    }
}
