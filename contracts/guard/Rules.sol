// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";

import {IPolicyGuard} from "../interfaces/IPolicyGuard.sol";
import {Mode, StrategyStatus} from "../types/Policy.sol";
import {ALL_ASSETS, ANY_COUNT, Leg, LegReceipt, MAX_MOVES, Move, Rebalance, Receipt} from "../types/Rebalance.sol";
import {Rule} from "../types/Rule.sol";
import {StrategyRecord} from "./PolicyStore.sol";
import {PriceBands} from "./PriceBands.sol";

/// @notice What rules R1 to R6 look at, besides the rebalance itself.
/// @param hasMandate Whether the agent has a mandate that is not revoked.
/// @param hasActed Whether the agent has rebalanced before.
struct Standing {
    Mode mode;
    bool hasMandate;
    uint40 expiresAt;
    uint32 scope;
    uint64 policyVersion;
    uint64 nonce;
    uint64 rebalanceCount;
    bool hasActed;
    uint40 lastRebalanceAt;
    uint32 cooldownSeconds;
    uint256 strategyCount;
}

/// @title The rules
/// @notice Pure arithmetic, one function per rule. Rules run in the order of their numbers and, within a rule, legs run
/// in order, so that the refusal named is the lowest rule's, then the earliest leg's. All limits are inclusive.
library Rules {
    uint256 internal constant BPS = 10_000;

    /// @notice R1 to R6: everything that can be said before anything moves.
    /// @param at Unix time of execution.
    /// @return rule `None` if nothing refuses. @return observed What was seen. @return limit What was allowed.
    function beforeExecution(Standing memory standing, Rebalance calldata plan, uint256 at)
        internal
        pure
        returns (Rule rule, uint256 observed, uint256 limit)
    {
        // R1: the number seen is the mode; 0, Active, is what would have been needed.
        if (standing.mode == Mode.Paused || (standing.mode == Mode.ExitOnly && _hasDeposit(plan.moves))) {
            return (Rule.Mode, uint256(standing.mode), uint256(Mode.Active));
        }
        // R2
        if (!standing.hasMandate) return (Rule.Mandate, 0, 0);
        if (at > standing.expiresAt) return (Rule.Mandate, at, standing.expiresAt);
        // R3
        for (uint256 i = 0; i < plan.moves.length; ++i) {
            uint256 index = plan.moves[i].index;
            if ((uint256(standing.scope) >> index) & 1 == 0) return (Rule.Scope, index, standing.scope);
        }
        // R4
        if (plan.policyVersion != standing.policyVersion) {
            return (Rule.Freshness, plan.policyVersion, standing.policyVersion);
        }
        if (plan.nonce != standing.nonce) return (Rule.Freshness, plan.nonce, standing.nonce);
        if (at > plan.deadline) return (Rule.Freshness, at, plan.deadline);
        if (plan.vaultCount != ANY_COUNT && plan.vaultCount != standing.rebalanceCount) {
            return (Rule.Freshness, plan.vaultCount, standing.rebalanceCount);
        }
        // R5
        uint256 cooledDownAt = uint256(standing.lastRebalanceAt) + standing.cooldownSeconds;
        if (standing.hasActed && at < cooledDownAt) return (Rule.Cooldown, at, cooledDownAt);
        // R6
        return shape(plan.moves, standing.strategyCount);
    }

    /// @notice R6. Observed and limit are: number of moves and 16; index and length of the list; index and itself for a
    /// strategy seen twice; zero and one for a zero amount; place of the leg and place of the first deposit for a
    /// withdrawal behind it; the amount and 2^128 − 2 for "all" on a deposit.
    function shape(Move[] calldata moves, uint256 strategyCount)
        internal
        pure
        returns (Rule rule, uint256 observed, uint256 limit)
    {
        uint256 length = moves.length;
        if (length == 0 || length > MAX_MOVES) return (Rule.Shape, length, MAX_MOVES);
        uint256 seen = 0;
        uint256 firstDeposit = type(uint256).max;
        for (uint256 i = 0; i < length; ++i) {
            Move calldata move = moves[i];
            uint256 index = move.index;
            if (index >= strategyCount) return (Rule.Shape, index, strategyCount);
            if ((seen >> index) & 1 != 0) return (Rule.Shape, index, index);
            // The bit at `index`.
            // forge-lint: disable-next-line(incorrect-shift)
            seen |= 1 << index;
            if (move.assets == 0) return (Rule.Shape, 0, 1);
            if (!move.isDeposit) {
                if (i > firstDeposit) return (Rule.Shape, i, firstDeposit);
            } else {
                if (firstDeposit == type(uint256).max) firstDeposit = i;
                if (move.assets == ALL_ASSETS) return (Rule.Shape, ALL_ASSETS, ALL_ASSETS - 1);
            }
        }
        return (Rule.None, 0, 0);
    }

    /// @notice What R7 measures: the sum of the amounts of all legs, at most 2^256 − 1.
    function turnoverAssets(Receipt memory receipt) internal pure returns (uint256 total) {
        for (uint256 i = 0; i < receipt.legs.length; ++i) {
            total = Math.saturatingAdd(total, receipt.legs[i].assets);
        }
    }

    /// @notice R8: a strategy deposited into ends at or below min(cap, ⌊maxWeightBps × base ÷ 10,000⌋), at or
    /// below zero if it is not Active.
    function checkWeights(Leg[] memory legs, StrategyRecord[] memory limits, Receipt memory receipt) internal pure {
        for (uint256 i = 0; i < legs.length; ++i) {
            if (!legs[i].isDeposit) continue;
            uint256 limit = 0;
            if (limits[i].status == StrategyStatus.Active) {
                limit = Math.min(limits[i].cap, Math.mulDiv(receipt.base, limits[i].maxWeightBps, BPS));
            }
            _require(receipt.legs[i].valueAfter <= limit, Rule.Weight, receipt.legs[i].valueAfter, limit);
        }
    }

    /// @notice R10: a strategy withdrawn from ends at or above ⌈minWeightBps × NAV ÷ 10,000⌉. Applies in mode
    /// Active only.
    function checkFloors(Leg[] memory legs, StrategyRecord[] memory limits, Receipt memory receipt) internal pure {
        for (uint256 i = 0; i < legs.length; ++i) {
            if (legs[i].isDeposit) continue;
            uint256 limit = Math.mulDiv(receipt.nav, limits[i].minWeightBps, BPS, Math.Rounding.Ceil);
            _require(receipt.legs[i].valueAfter >= limit, Rule.Floor, receipt.legs[i].valueAfter, limit);
        }
    }

    /// @notice R11: if anything was deposited, idle ends at or above ⌈minIdleBps × NAV ÷ 10,000⌉.
    function checkIdle(Leg[] memory legs, uint256 minIdleBps, Receipt memory receipt) internal pure {
        // Withdrawals come first, so the last leg tells whether anything was deposited.
        if (!legs[legs.length - 1].isDeposit) return;
        uint256 limit = Math.mulDiv(receipt.nav, minIdleBps, BPS, Math.Rounding.Ceil);
        _require(receipt.idleAfter >= limit, Rule.Idle, receipt.idleAfter, limit);
    }

    /// @notice What R12 measures: Σ max(0, value before + in − out − value after) over the legs, plus
    /// max(0, idle before + Σ out − Σ in − idle after); at most 2^256 − 1. A gain on one leg offsets nothing.
    function lossAssets(Leg[] memory legs, Receipt memory receipt) internal pure returns (uint256 total) {
        uint256 expected = receipt.idleBefore;
        uint256 deposited = 0;
        for (uint256 i = 0; i < legs.length; ++i) {
            LegReceipt memory leg = receipt.legs[i];
            uint256 due;
            if (legs[i].isDeposit) {
                due = Math.saturatingAdd(leg.valueBefore, leg.assets);
                deposited = Math.saturatingAdd(deposited, leg.assets);
            } else {
                due = Math.saturatingSub(leg.valueBefore, leg.assets);
                expected = Math.saturatingAdd(expected, leg.assets);
            }
            total = Math.saturatingAdd(total, Math.saturatingSub(due, leg.valueAfter));
        }
        expected = Math.saturatingSub(expected, deposited);
        total = Math.saturatingAdd(total, Math.saturatingSub(expected, receipt.idleAfter));
    }

    /// @notice R13: see `PriceBands.check`.
    function checkPrices(Leg[] memory legs, StrategyRecord[] memory limits, Receipt memory receipt) internal pure {
        for (uint256 i = 0; i < legs.length; ++i) {
            (uint256 value, uint256 shares) = pricedAt(legs[i].isDeposit, receipt.legs[i]);
            (bool isWithin, uint256 limit) =
                PriceBands.check(limits[i].referencePrice, limits[i].priceBandBps, legs[i].isDeposit, value, shares);
            _require(isWithin, Rule.Price, value, limit);
        }
    }

    /// @notice The moment at which a leg is priced: before a withdrawal, after a deposit.
    function pricedAt(bool isDeposit, LegReceipt memory leg) internal pure returns (uint256 value, uint256 shares) {
        return isDeposit ? (leg.valueAfter, leg.sharesAfter) : (leg.valueBefore, leg.sharesBefore);
    }

    function _hasDeposit(Move[] calldata moves) private pure returns (bool) {
        for (uint256 i = 0; i < moves.length; ++i) {
            if (moves[i].isDeposit) return true;
        }
        return false;
    }

    function _require(bool holds, Rule rule, uint256 observed, uint256 limit) private pure {
        if (!holds) revert IPolicyGuard.Refused(rule, observed, limit);
    }
}
