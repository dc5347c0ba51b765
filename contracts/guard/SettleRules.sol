// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";

import {Mode, ObjectiveKind, StrategyStatus} from "../types/Policy.sol";
import {LegReceipt, Receipt} from "../types/Rebalance.sol";
import {Rule} from "../types/Rule.sol";
import {Budgets} from "./Budgets.sol";
import {GroupRule} from "./GroupRule.sol";
import {AgentLedger, StoredPolicy, VaultLedger} from "./PolicyStore.sol";
import {HotLimits, StrategyLimits} from "./PolicyTable.sol";
import {PriceBands} from "./PriceBands.sol";
import {RuleContext} from "./RuleContext.sol";
import {SaturatingMath} from "./SaturatingMath.sol";

/// @title R7 to R14
/// @notice What the legs did against every limit, in the order of the rules' numbers and, within a rule, of the legs,
/// so that the refusal named is the lowest rule's, then the earliest leg's. All limits are inclusive. Execution and
/// prediction run the same code.
library SettleRules {
    /// @notice The first refusal among R7 to R14. Fills `receipt.members`, and moves the levels of the buckets in
    /// `context`.
    /// @param vault Holder of the positions.
    /// @return rule `None` if nothing refuses. @return observed What was seen. @return limit What was allowed.
    function firstRefusal(RuleContext memory context, StoredPolicy storage policy, address vault)
        internal
        view
        returns (Rule rule, uint256 observed, uint256 limit)
    {
        bool holds;
        (holds, observed, limit) = _turnover(context);
        if (!holds) return (Rule.Turnover, observed, limit);
        (holds, observed, limit) = _weight(context);
        if (!holds) return (Rule.Weight, observed, limit);
        (holds, observed, limit) = GroupRule.check(context, policy, vault);
        if (!holds) return (Rule.Group, observed, limit);
        if (context.mode == Mode.Active) {
            (holds, observed, limit) = _floor(context);
            if (!holds) return (Rule.Floor, observed, limit);
        }
        (holds, observed, limit) = _idle(context);
        if (!holds) return (Rule.Idle, observed, limit);
        (holds, observed, limit) = _loss(context);
        if (!holds) return (Rule.Loss, observed, limit);
        (holds, observed, limit) = price(context);
        if (!holds) return (Rule.Price, observed, limit);
        if (context.mode == Mode.Active && context.hot.objective == ObjectiveKind.TargetWeights) {
            (holds, observed, limit) = _objective(context);
            if (!holds) return (Rule.Objective, observed, limit);
        }
        return (Rule.None, 0, 0);
    }

    /// @notice What R7 measures: the sum of the amounts of all legs, at most 2^256 − 1.
    function turnoverAssets(Receipt memory receipt) internal pure returns (uint256 total) {
        for (uint256 i = 0; i < receipt.legs.length; ++i) {
            total = SaturatingMath.add(total, receipt.legs[i].assets);
        }
    }

    /// @notice What R12 measures: Σ max(0, value before + in − out − value after) over the legs, plus
    /// max(0, idle before + Σ out − Σ in − idle after); at most 2^256 − 1. A gain on one leg offsets nothing.
    function lossAssets(RuleContext memory context) internal pure returns (uint256 total) {
        Receipt memory receipt = context.receipt;
        uint256 expected = receipt.idleBefore;
        uint256 deposited = 0;
        for (uint256 i = 0; i < context.legs.length; ++i) {
            LegReceipt memory leg = receipt.legs[i];
            uint256 due;
            if (context.legs[i].isDeposit) {
                due = SaturatingMath.add(leg.valueBefore, leg.assets);
                deposited = SaturatingMath.add(deposited, leg.assets);
            } else {
                due = SaturatingMath.sub(leg.valueBefore, leg.assets);
                expected = SaturatingMath.add(expected, leg.assets);
            }
            total = SaturatingMath.add(total, SaturatingMath.sub(due, leg.valueAfter));
        }
        expected = SaturatingMath.sub(expected, deposited);
        total = SaturatingMath.add(total, SaturatingMath.sub(expected, receipt.idleAfter));
    }

    /// @notice R12 for the vault's bucket alone.
    function vaultLoss(RuleContext memory context, uint256 loss)
        internal
        pure
        returns (bool holds, uint256 observed, uint256 limit)
    {
        VaultLedger memory ledger = context.ledger;
        HotLimits memory hot = context.hot;
        limit = Budgets.capacityDown(context.receipt.base, hot.maxLossBps);
        uint256 level = Budgets.levelInForce(ledger.lossLevelWad, ledger.lossUpdatedAt, hot.windowSeconds, context.at);
        (holds, observed, ledger.lossLevelWad) = Budgets.charge(level, limit, loss);
        ledger.lossUpdatedAt = uint40(context.at);
    }

    /// @notice R13: see `PriceBands.check`.
    function price(RuleContext memory context) internal pure returns (bool holds, uint256 observed, uint256 limit) {
        for (uint256 i = 0; i < context.legs.length; ++i) {
            bool isDeposit = context.legs[i].isDeposit;
            (uint256 value, uint256 shares) = pricedAt(isDeposit, context.receipt.legs[i]);
            (holds, limit) =
                PriceBands.check(context.references[i].price, context.limits[i].priceBandBps, isDeposit, value, shares);
            if (!holds) return (false, value, limit);
        }
        return (true, 0, 0);
    }

    /// @notice The moment at which a leg is priced: before a withdrawal, after a deposit.
    function pricedAt(bool isDeposit, LegReceipt memory leg) internal pure returns (uint256 value, uint256 shares) {
        return isDeposit ? (leg.valueAfter, leg.sharesAfter) : (leg.valueBefore, leg.sharesBefore);
    }

    /// @dev R7: the vault's bucket, then the agent's.
    function _turnover(RuleContext memory context) private pure returns (bool holds, uint256 observed, uint256 limit) {
        HotLimits memory hot = context.hot;
        uint256 turnover = turnoverAssets(context.receipt);

        VaultLedger memory ledger = context.ledger;
        limit = Budgets.capacityDown(context.receipt.base, hot.maxTurnoverBps);
        uint256 level =
            Budgets.levelInForce(ledger.turnoverLevelWad, ledger.turnoverUpdatedAt, hot.windowSeconds, context.at);
        (holds, observed, ledger.turnoverLevelWad) = Budgets.charge(level, limit, turnover);
        if (!holds) return (false, observed, limit);
        ledger.turnoverUpdatedAt = uint40(context.at);

        AgentLedger memory agent = context.agentLedger;
        limit = Budgets.capacityDown(context.receipt.base, context.mandate.maxTurnoverBps);
        level = Budgets.levelInForce(agent.turnoverLevelWad, agent.lastRebalanceAt, hot.windowSeconds, context.at);
        (holds, observed, agent.turnoverLevelWad) = Budgets.charge(level, limit, turnover);
    }

    /// @dev R8: a strategy deposited into ends at or below min(cap, ⌊maxWeightBps × base ÷ 10,000⌋); zero if it
    /// is not
    /// Active. A limit of zero allows no deposit at all, whatever the strategy reports.
    function _weight(RuleContext memory context) private pure returns (bool holds, uint256 observed, uint256 limit) {
        for (uint256 i = 0; i < context.legs.length; ++i) {
            if (!context.legs[i].isDeposit) continue;
            StrategyLimits memory limits = context.limits[i];
            limit = 0;
            if (limits.status == StrategyStatus.Active) {
                limit = Math.min(limits.cap, SaturatingMath.bpsDown(context.receipt.base, limits.maxWeightBps));
            }
            observed = context.receipt.legs[i].valueAfter;
            if (limit == 0 || observed > limit) return (false, observed, limit);
        }
        return (true, 0, 0);
    }

    /// @dev R10: a strategy withdrawn from ends at or above ⌈minWeightBps × NAV ÷ 10,000⌉; zero if it is not
    /// Active,
    /// because a floor must not forbid leaving what governance closed.
    function _floor(RuleContext memory context) private pure returns (bool holds, uint256 observed, uint256 limit) {
        for (uint256 i = 0; i < context.legs.length; ++i) {
            StrategyLimits memory limits = context.limits[i];
            if (context.legs[i].isDeposit || limits.status != StrategyStatus.Active) continue;
            limit = SaturatingMath.bpsUp(context.receipt.nav, limits.minWeightBps);
            observed = context.receipt.legs[i].valueAfter;
            if (observed < limit) return (false, observed, limit);
        }
        return (true, 0, 0);
    }

    /// @dev R11: if anything was deposited, idle ends at or above ⌈minIdleBps × NAV ÷ 10,000⌉.
    function _idle(RuleContext memory context) private pure returns (bool holds, uint256 observed, uint256 limit) {
        // Withdrawals come first, so the last leg tells whether anything was deposited.
        if (!context.legs[context.legs.length - 1].isDeposit) return (true, 0, 0);
        limit = SaturatingMath.bpsUp(context.receipt.nav, context.hot.minIdleBps);
        observed = context.receipt.idleAfter;
        return (observed >= limit, observed, limit);
    }

    /// @dev R12: the vault's bucket, then the agent's.
    function _loss(RuleContext memory context) private pure returns (bool holds, uint256 observed, uint256 limit) {
        uint256 loss = lossAssets(context);
        (holds, observed, limit) = vaultLoss(context, loss);
        if (!holds) return (false, observed, limit);

        AgentLedger memory agent = context.agentLedger;
        limit = Budgets.capacityDown(context.receipt.base, context.mandate.maxLossBps);
        uint256 level =
            Budgets.levelInForce(agent.lossLevelWad, agent.lastRebalanceAt, context.hot.windowSeconds, context.at);
        (holds, observed, agent.lossLevelWad) = Budgets.charge(level, limit, loss);
    }

    /// @dev R14: a position outside its target's band may not have been taken further out. The price is the same
    /// before and after as far as the rule is concerned, so further means more shares above the band, fewer below it.
    /// A strategy that is not Active has target zero.
    function _objective(RuleContext memory context) private pure returns (bool holds, uint256 observed, uint256 limit) {
        uint256 band = context.hot.bandBps;
        for (uint256 i = 0; i < context.legs.length; ++i) {
            StrategyLimits memory limits = context.limits[i];
            LegReceipt memory leg = context.receipt.legs[i];
            uint256 target = limits.status == StrategyStatus.Active ? limits.targetWeightBps : 0;
            observed = leg.valueAfter;
            if (leg.sharesAfter > leg.sharesBefore) {
                limit = SaturatingMath.bpsDown(context.receipt.nav, Math.min(target + band, SaturatingMath.BPS));
                if (observed > limit) return (false, observed, limit);
            } else if (leg.sharesAfter < leg.sharesBefore) {
                uint256 lowBps = SaturatingMath.sub(target, band);
                limit = SaturatingMath.bpsUp(context.receipt.nav, lowBps);
                if (observed < limit) return (false, observed, limit);
            }
        }
        return (true, 0, 0);
    }
}
