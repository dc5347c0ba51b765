// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {IERC4626} from "@openzeppelin/contracts/interfaces/IERC4626.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";

import {LegReceipt, MemberReading} from "../types/Rebalance.sol";
import {SafeStrategyCall} from "../vault/SafeStrategyCall.sol";
import {PolicyStore, StoredPolicy} from "./PolicyStore.sol";
import {GroupLimits, PolicyTable, StrategyLimits} from "./PolicyTable.sol";
import {PriceBands} from "./PriceBands.sol";
import {Reference} from "./PriceReference.sol";
import {RuleContext} from "./RuleContext.sol";
import {SaturatingMath} from "./SaturatingMath.sol";

/// @dev A member of a group that was deposited into, as the rule sees it.
/// @param crossedBound Meaningless unless it is outside its band.
struct Member {
    bool isReadable;
    bool isInBand;
    uint256 value;
    uint256 crossedBound;
}

/// @title R9
/// @notice Each group that was deposited into, once, at the first leg that reaches it and in the group's order: its
/// members in the list's order must be readable and inside their price bands on either side; then the sum of their
/// values must not pass min(cap, ⌊maxWeightBps × base ÷ 10,000⌋).
///
/// Members are the group's strategies that are not written off. A member that a leg touched counts by what its receipt
/// says after the leg; the others are read now, after all legs. A member without shares is worth nothing and has no
/// price. A failed read is believed only if it had its full gas allowance.
library GroupRule {
    using PolicyStore for StoredPolicy;

    /// @notice Checks the rule and fills `receipt.members`. What is observed is 2^256 − 1 for a member that cannot be
    /// read; the limit is the group's, or the bound that a price crossed.
    function check(RuleContext memory context, StoredPolicy storage policy, address vault)
        internal
        view
        returns (bool holds, uint256 observed, uint256 limit)
    {
        uint256 groups = 0;
        for (uint256 i = 0; i < context.legs.length; ++i) {
            if (context.legs[i].isDeposit) groups |= context.limits[i].groups;
        }
        if (groups == 0) return (true, 0, 0);

        (uint256 union, Member[] memory members) = _members(context, policy, vault, groups);
        for (uint256 i = 0; i < context.legs.length; ++i) {
            if (!context.legs[i].isDeposit) continue;
            uint256 rest = context.limits[i].groups & groups;
            groups &= ~rest;
            for (uint256 group = 0; rest >> group != 0; ++group) {
                if ((rest >> group) & 1 == 0) continue;
                GroupLimits memory limits = PolicyTable.groupLimits(context.table, context.hot, group);
                (holds, observed, limit) = _judge(limits, context.receipt.base, union, members);
                if (!holds) return (false, observed, limit);
            }
        }
        return (true, 0, 0);
    }

    /// @param union Bit i set: the i-th strategy is in `members`, which is in the list's order.
    function _judge(GroupLimits memory group, uint256 base, uint256 union, Member[] memory members)
        private
        pure
        returns (bool, uint256, uint256)
    {
        uint256 limit = Math.min(group.cap, SaturatingMath.bpsDown(base, group.maxWeightBps));
        uint256 sum = 0;
        uint256 next = 0;
        for (uint256 index = 0; union >> index != 0; ++index) {
            if ((union >> index) & 1 == 0) continue;
            Member memory member = members[next++];
            if ((group.members >> index) & 1 == 0) continue;
            if (!member.isReadable) return (false, type(uint256).max, limit);
            if (!member.isInBand) return (false, member.value, member.crossedBound);
            sum = SaturatingMath.add(sum, member.value);
        }
        return (sum <= limit, sum, limit);
    }

    /// @dev All members of the groups, each read and priced once.
    function _members(RuleContext memory context, StoredPolicy storage policy, address vault, uint256 groups)
        private
        view
        returns (uint256 union, Member[] memory members)
    {
        for (uint256 group = 0; groups >> group != 0; ++group) {
            if ((groups >> group) & 1 == 0) continue;
            union |= PolicyTable.groupLimits(context.table, context.hot, group).members;
        }
        uint256 touched = 0;
        for (uint256 i = 0; i < context.legs.length; ++i) {
            // The bit at that index.
            // forge-lint: disable-next-line(incorrect-shift)
            touched |= 1 << context.limits[i].index;
        }
        members = new Member[](_bits(union));
        MemberReading[] memory readings = new MemberReading[](_bits(union & ~touched));
        uint256 next = 0;
        uint256 nextReading = 0;
        for (uint256 index = 0; union >> index != 0; ++index) {
            if ((union >> index) & 1 == 0) continue;
            if ((touched >> index) & 1 != 0) {
                members[next++] = _touched(context, index);
            } else {
                StrategyLimits memory limits = PolicyTable.strategyLimits(context.table, context.hot, index);
                MemberReading memory reading = _read(limits, vault);
                readings[nextReading++] = reading;
                Reference memory reference_ = policy.referenceAt(limits.referencePlace);
                members[next++] = _member(limits, reference_, reading.isReadable, reading.value, reading.shares);
            }
        }
        context.receipt.members = readings;
    }

    function _touched(RuleContext memory context, uint256 index) private pure returns (Member memory) {
        uint256 i = 0;
        while (context.limits[i].index != index) ++i;
        LegReceipt memory leg = context.receipt.legs[i];
        return _member(context.limits[i], context.references[i], true, leg.valueAfter, leg.sharesAfter);
    }

    function _read(StrategyLimits memory limits, address vault) private view returns (MemberReading memory reading) {
        // At most 32 strategies.
        // forge-lint: disable-next-line(unsafe-typecast)
        reading.index = uint8(limits.index);
        (bool isRead, uint256 shares) =
            SafeStrategyCall.tryShares(limits.strategy, IERC20.balanceOf.selector, uint256(uint160(vault)));
        uint256 value = 0;
        if (isRead && shares != 0) {
            (isRead, value) = SafeStrategyCall.tryAmount(limits.strategy, IERC4626.previewRedeem.selector, shares);
        }
        if (isRead) (reading.isReadable, reading.shares, reading.value) = (true, shares, value);
    }

    function _member(
        StrategyLimits memory limits,
        Reference memory reference_,
        bool isReadable,
        uint256 value,
        uint256 shares
    ) private pure returns (Member memory member) {
        member.isReadable = isReadable;
        member.isInBand = true;
        if (shares == 0) return member;
        member.value = value;
        (member.isInBand, member.crossedBound) =
            PriceBands.check(reference_.price, limits.priceBandBps, true, value, shares);
    }

    function _bits(uint256 mask) private pure returns (uint256 count) {
        for (; mask != 0; mask &= mask - 1) {
            ++count;
        }
    }
}
