// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {Mode} from "../types/Policy.sol";
import {ALL_ASSETS, ANY_COUNT, MAX_MOVES, Move, Rebalance} from "../types/Rebalance.sol";
import {Rule} from "../types/Rule.sol";
import {RuleContext} from "./RuleContext.sol";

/// @title R1 to R6
/// @notice Everything that can be said before anything moves. All limits are inclusive.
library AuthoriseRules {
    /// @notice The first refusal among R1 to R6.
    /// @return rule `None` if nothing refuses. @return observed What was seen. @return limit What was allowed.
    function firstRefusal(RuleContext memory context, Rebalance calldata plan)
        internal
        pure
        returns (Rule rule, uint256 observed, uint256 limit)
    {
        // R1: the number seen is the mode; 0, Active, is what would have been needed.
        if (context.mode == Mode.Paused || (context.mode == Mode.ExitOnly && _hasDeposit(plan.moves))) {
            return (Rule.Mode, uint256(context.mode), uint256(Mode.Active));
        }
        // R2
        if (!context.hasMandate) return (Rule.Mandate, 0, 0);
        uint256 at = context.at;
        if (at > context.mandate.expiresAt) return (Rule.Mandate, at, context.mandate.expiresAt);
        // R3
        uint256 scope = context.mandate.scope;
        for (uint256 i = 0; i < plan.moves.length; ++i) {
            uint256 index = plan.moves[i].index;
            if ((scope >> index) & 1 == 0) return (Rule.Scope, index, scope);
        }
        // R4
        if (plan.policyVersion != context.policyVersion) {
            return (Rule.Freshness, plan.policyVersion, context.policyVersion);
        }
        uint256 nonce = context.agentLedger.nonce;
        if (plan.nonce != nonce) return (Rule.Freshness, plan.nonce, nonce);
        if (at > plan.deadline) return (Rule.Freshness, at, plan.deadline);
        uint256 count = context.ledger.rebalanceCount;
        if (plan.vaultCount != ANY_COUNT && plan.vaultCount != count) {
            return (Rule.Freshness, plan.vaultCount, count);
        }
        // R5
        uint256 lastRebalanceAt = context.agentLedger.lastRebalanceAt;
        uint256 cooledDownAt = lastRebalanceAt + context.hot.cooldownSeconds;
        if (lastRebalanceAt != 0 && at < cooledDownAt) return (Rule.Cooldown, at, cooledDownAt);
        // R6
        return _shape(plan.moves, context.hot.strategyCount);
    }

    /// @dev R6. Observed and limit are: number of moves and 16; index and length of the list; index and itself for a
    /// strategy seen twice; zero and one for a zero amount; place of the leg and place of the first deposit for a
    /// withdrawal behind it; the amount and 2^128 − 2 for "all" on a deposit.
    function _shape(Move[] calldata moves, uint256 strategyCount)
        private
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

    function _hasDeposit(Move[] calldata moves) private pure returns (bool) {
        for (uint256 i = 0; i < moves.length; ++i) {
            if (moves[i].isDeposit) return true;
        }
        return false;
    }
}
