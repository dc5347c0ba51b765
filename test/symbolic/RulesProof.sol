// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {AuthoriseRules} from "../../contracts/guard/AuthoriseRules.sol";
import {StoredPolicy} from "../../contracts/guard/PolicyStore.sol";
import {StrategyLimits} from "../../contracts/guard/PolicyTable.sol";
import {Reference} from "../../contracts/guard/PriceReference.sol";
import {RuleContext} from "../../contracts/guard/RuleContext.sol";
import {SettleRules} from "../../contracts/guard/SettleRules.sol";
import {Mode, StrategyStatus} from "../../contracts/types/Policy.sol";
import {Leg, LegReceipt, Move, Rebalance} from "../../contracts/types/Rebalance.sol";
import {Rule} from "../../contracts/types/Rule.sol";

/// @notice Stricter limits allow nothing that laxer ones refuse, rule by rule and for all receipts: what the rules
/// allow under b, they allow under a, where b is a or stricter as `ComparisonProof` has it.
///
/// Each theorem runs the rules themselves twice, on two contexts that differ by the members that the rule reads. The
/// limits of the other rules are wide open or closed to the leg, so that the one in question decides. The buckets of R7
/// and R12 are in `BudgetsProof`.
contract RulesProof {
    StoredPolicy private _store;

    /// @notice R1 to R6: an earlier expiry, fewer bits of scope, a longer cooldown.
    function check_Authorise_StricterRefusesWhateverLaxerRefuses(
        Rebalance calldata plan,
        uint40 at,
        uint40[2] calldata expiresAt,
        uint32[2] calldata scope,
        uint32[2] calldata cooldown,
        uint40 lastRebalanceAt,
        uint64 nonce
    ) public pure {
        if (expiresAt[1] > expiresAt[0] || scope[1] & ~scope[0] != 0 || cooldown[1] < cooldown[0]) return;
        RuleContext[2] memory contexts;
        for (uint256 i = 0; i < 2; ++i) {
            RuleContext memory context = contexts[i];
            (context.at, context.policyVersion, context.hasMandate) = (at, plan.policyVersion, true);
            (context.mandate.expiresAt, context.mandate.scope) = (expiresAt[i], scope[i]);
            context.hot.cooldownSeconds = cooldown[i];
            context.hot.strategyCount = 32;
            context.agentLedger.lastRebalanceAt = lastRebalanceAt;
            context.agentLedger.nonce = nonce;
        }
        (Rule strict,,) = AuthoriseRules.firstRefusal(contexts[1], plan);
        if (strict != Rule.None) return;
        (Rule lax,,) = AuthoriseRules.firstRefusal(contexts[0], plan);
        assert(lax == Rule.None);
    }

    /// @notice R8: a lower weight, a lower cap, a status that is closed.
    function check_Weight_StricterRefusesWhateverLaxerRefuses(
        uint128 base,
        uint128 valueAfter,
        uint16[2] calldata maxWeightBps,
        uint128[2] calldata cap,
        bool[2] calldata isClosed
    ) public view {
        if (maxWeightBps[1] > maxWeightBps[0] || cap[1] > cap[0] || (isClosed[0] && !isClosed[1])) return;
        RuleContext[2] memory contexts;
        for (uint256 i = 0; i < 2; ++i) {
            contexts[i] = _deposit(base, valueAfter);
            StrategyLimits memory limits = contexts[i].limits[0];
            (limits.maxWeightBps, limits.cap) = (maxWeightBps[i], cap[i]);
            limits.status = isClosed[i] ? StrategyStatus.ExitOnly : StrategyStatus.Active;
        }
        _assertStricter(contexts, Rule.Weight);
    }

    /// @notice R10: the floor is the same, and a closed strategy has none: leaving it is allowed sooner, not later.
    /// R11: more idle has to stay.
    function check_Idle_StricterRefusesWhateverLaxerRefuses(uint128 nav, uint128 idle, uint16[2] calldata minIdleBps)
        public
        view
    {
        if (minIdleBps[1] < minIdleBps[0]) return;
        RuleContext[2] memory contexts;
        for (uint256 i = 0; i < 2; ++i) {
            contexts[i] = _deposit(type(uint128).max, 0);
            (contexts[i].receipt.nav, contexts[i].receipt.idleAfter) = (nav, idle);
            contexts[i].hot.minIdleBps = minIdleBps[i];
        }
        _assertStricter(contexts, Rule.Idle);
    }

    function _assertStricter(RuleContext[2] memory contexts, Rule rule) private view {
        (Rule strict,,) = SettleRules.firstRefusal(contexts[1], _store, address(this));
        if (strict == rule) return;
        assert(strict == Rule.None);
        (Rule lax,,) = SettleRules.firstRefusal(contexts[0], _store, address(this));
        assert(lax == Rule.None);
    }

    /// @dev One deposit of one unit into a strategy of price one, in no group, with every limit wide open.
    function _deposit(uint256 base, uint256 valueAfter) private pure returns (RuleContext memory context) {
        context.mode = Mode.ExitOnly; // no floor and no objective
        context.at = 1;
        (context.hot.windowSeconds, context.mandate.maxTurnoverBps, context.mandate.maxLossBps) = (1, 10_000, 10_000);
        (context.hot.maxTurnoverBps, context.hot.maxLossBps) = (10_000, 10_000);
        context.legs = new Leg[](1);
        context.legs[0].isDeposit = true;
        context.limits = new StrategyLimits[](1);
        (context.limits[0].cap, context.limits[0].maxWeightBps) = (type(uint128).max, 10_000);
        context.references = new Reference[](1);
        context.references[0].price = 1 << 128;
        context.receipt.base = base;
        context.receipt.legs = new LegReceipt[](1);
        LegReceipt memory leg = context.receipt.legs[0];
        (leg.valueBefore, leg.valueAfter, leg.sharesAfter) = (valueAfter, valueAfter, valueAfter);
    }
}
