// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {IERC4626} from "@openzeppelin/contracts/interfaces/IERC4626.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";

import {StrategyStatus} from "../types/Policy.sol";
import {Balance} from "./Balance.sol";
import {Observation} from "./NavAccounting.sol";
import {NavSettings} from "./NavSettings.sol";
import {SafeStrategyCall} from "./SafeStrategyCall.sol";

/// @dev One leg of an exit: redeem `shares` of a strategy.
/// @param index Place in the exit list.
/// @param held Shares held before.
/// @param gain What it takes off the amount still wanted.
/// @param received What it pays at least, by the strategy's own preview.
/// @param cost convertToAssets(shares) − received, charged to the leaver.
struct ExitLeg {
    uint256 index;
    address strategy;
    uint256 held;
    uint256 shares;
    uint256 gain;
    uint256 received;
    uint256 cost;
}

/// @title The way an exit takes through idle and strategies
/// @notice Previews sum up a plan, exits carry one out; both come from `plan`. A plan is made before the first leg
/// moves anything, so that strategies over the same venue preview as they execute.
library ExitWalk {
    using NavSettings for uint256[];
    using SafeStrategyCall for address;

    /// @dev Ends the leg's frame, which rolls it back; never reaches a caller of the vault.
    error LegFailed(address strategy);

    /// @notice Legs from place `start` on that bring `wanted`, in policy order.
    /// @param isExact True for `withdraw`: legs are counted by what they pay. False for `redeem`: by what their shares
    /// are worth.
    /// @return legs The legs. @return missing What they leave unmet.
    function plan(Observation memory seen, uint256 start, uint256 wanted, bool isExact)
        internal
        view
        returns (ExitLeg[] memory legs, uint256 missing)
    {
        missing = wanted;
        uint256 count;
        legs = new ExitLeg[](seen.shares.length);
        for (uint256 i = start; i < seen.shares.length && missing != 0; ++i) {
            ExitLeg memory leg = legs[count];
            if (!_fill(leg, seen, i, missing, isExact)) continue;
            missing = Math.saturatingSub(missing, leg.gain);
            count += 1;
        }
        assembly ("memory-safe") {
            // Shortens the array to the legs in use; never lengthens it.
            mstore(legs, count)
        }
    }

    /// @notice What a walk to `target` costs and leaves unmet.
    function preview(Observation memory seen, uint256 target, bool isExact)
        internal
        view
        returns (uint256 cost, uint256 missing)
    {
        if (target <= seen.idle) return (0, 0);
        ExitLeg[] memory legs;
        (legs, missing) = plan(seen, 0, target - seen.idle, isExact);
        for (uint256 i = 0; i < legs.length; ++i) {
            cost += legs[i].cost;
        }
    }

    /// @notice Carries out a leg and holds the strategy to its own preview: no more shares, no fewer assets.
    function redeem(IERC20 asset, ExitLeg memory leg) internal {
        uint256 idle = Balance.held(asset);
        bytes memory data = abi.encodeCall(IERC4626.redeem, (leg.shares, address(this), address(this)));
        bool isDone = leg.strategy.tryCall(data, SafeStrategyCall.WITHDRAW_GAS);
        (bool isRead, uint256 kept) = leg.strategy.tryBalance();
        if (!isDone || !isRead || kept + leg.shares < leg.held || Balance.held(asset) < idle + leg.received) {
            revert LegFailed(leg.strategy);
        }
    }

    /// @dev Sizes one leg; false if the strategy has nothing to give or cannot be read.
    function _fill(ExitLeg memory leg, Observation memory seen, uint256 index, uint256 wanted, bool isExact)
        private
        view
        returns (bool isUsable)
    {
        uint256 held = seen.shares[index];
        if (held == 0) return false;
        (address strategy, StrategyStatus status) = seen.settings.entryAt(index);
        if (status == StrategyStatus.WrittenOff) return false;
        // Not `tryAmount`: a strategy without a limit answers 2^256 − 1.
        (bool isRead, uint256 most) = strategy.tryWord(IERC4626.maxRedeem.selector, uint256(uint160(address(this))));
        most = Math.min(most, held);
        if (!isRead || most == 0) return false;

        (leg.index, leg.strategy, leg.held) = (index, strategy, held);
        uint256 worth;
        if (isExact) {
            (isRead, leg.shares, leg.received) = _sizeByPayment(strategy, most, wanted);
            if (!isRead) return false;
            (isRead, worth) = _worth(strategy, leg.shares);
        } else {
            (isRead, leg.shares, worth) = _sizeByWorth(strategy, most, most == held ? seen.worths[index] : 0, wanted);
            if (!isRead) return false;
            (isRead, leg.received) = _payment(strategy, leg.shares);
        }
        leg.cost = Math.saturatingSub(worth, leg.received);
        leg.gain = isExact ? leg.received : worth;
        return isRead && leg.gain != 0;
    }

    /// @dev The fewest shares that pay `wanted`, at most `most`.
    function _sizeByPayment(address strategy, uint256 most, uint256 wanted)
        private
        view
        returns (bool isRead, uint256 shares, uint256 payment)
    {
        (isRead, payment) = _payment(strategy, most);
        if (!isRead || payment < wanted) return (isRead, most, payment);
        uint256 previous = payment;
        (isRead, shares) = strategy.tryShares(IERC4626.previewWithdraw.selector, wanted);
        if (!isRead || shares >= most) return (true, most, previous);
        (isRead, payment) = _payment(strategy, shares);
        // A preview that rounds the wrong way would leave a rest that nothing else can pay.
        if (!isRead || payment < wanted) return (true, most, previous);
    }

    /// @dev The fewest shares worth `wanted`, at most `most`.
    /// @param mostWorth What `most` shares are worth, zero if not known.
    function _sizeByWorth(address strategy, uint256 most, uint256 mostWorth, uint256 wanted)
        private
        view
        returns (bool isRead, uint256 shares, uint256 worth)
    {
        (isRead, worth) = mostWorth != 0 ? (true, mostWorth) : _worth(strategy, most);
        if (!isRead || worth < wanted) return (isRead, most, worth);
        mostWorth = worth;
        (isRead, shares) = strategy.tryShares(IERC4626.convertToShares.selector, wanted);
        // `convertToShares` rounds down: its answer, or one more, is the fewest.
        for (uint256 i = 0; isRead && i < 2 && shares + i < most; ++i) {
            (isRead, worth) = _worth(strategy, shares + i);
            if (isRead && worth >= wanted) return (true, shares + i, worth);
        }
        return (true, most, mostWorth);
    }

    function _worth(address strategy, uint256 shares) private view returns (bool isRead, uint256 assets) {
        return strategy.tryAmount(IERC4626.convertToAssets.selector, shares);
    }

    function _payment(address strategy, uint256 shares) private view returns (bool isRead, uint256 assets) {
        return strategy.tryAmount(IERC4626.previewRedeem.selector, shares);
    }
}
