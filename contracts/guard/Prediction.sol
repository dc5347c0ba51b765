// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {IERC4626} from "@openzeppelin/contracts/interfaces/IERC4626.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";

import {ITreasuryVault} from "../interfaces/ITreasuryVault.sol";
import {NavState} from "../types/Nav.sol";
import {ALL_ASSETS, Leg, LegReceipt, Receipt} from "../types/Rebalance.sol";
import {SafeStrategyCall} from "../vault/SafeStrategyCall.sol";
import {SaturatingMath} from "./SaturatingMath.sol";

/// @title The receipt that an execution is expected to have
/// @notice Each strategy is asked what it would do, one by one and as things stand: what a leg changes for another one,
/// what happens until the time of execution, and what a strategy does otherwise than it previews are not foreseen.
library Prediction {
    /// @dev Fourteen static members.
    uint256 private constant NAV_STATE_SIZE = 0x1c0;
    /// @dev `maxNavAgeSeconds` is the fifth member of `NavParameters`.
    uint256 private constant MAX_NAV_AGE_PLACE = 0x80;

    /// @notice Predicts the receipt of `legs` executed at `at`.
    /// @return isReadable Whether every strategy of a leg answered with amounts; if not, the rest means nothing.
    function receiptOf(Leg[] memory legs, ITreasuryVault vault, uint256 at)
        internal
        view
        returns (bool isReadable, Receipt memory receipt)
    {
        (receipt.nav, receipt.base) = _navAndBase(vault, at);
        receipt.idleBefore = IERC20(vault.asset()).balanceOf(address(vault));
        receipt.legs = new LegReceipt[](legs.length);
        uint256 idle = receipt.idleBefore;
        for (uint256 i = 0; i < legs.length; ++i) {
            LegReceipt memory leg;
            (isReadable, leg) = _leg(legs[i], address(vault));
            if (!isReadable) return (false, receipt);
            receipt.legs[i] = leg;
            idle = legs[i].isDeposit ? SaturatingMath.sub(idle, leg.assets) : SaturatingMath.add(idle, leg.assets);
        }
        receipt.idleAfter = idle;
        return (true, receipt);
    }

    /// @dev By the checkpoint if it will be fresh at that time, else as if refreshed now.
    function _navAndBase(ITreasuryVault vault, uint256 at) private view returns (uint256 nav, uint256 base) {
        bool isFresh;
        (nav, base, isFresh) = vault.checkpointState();
        // forge-lint: disable-next-line(block-timestamp)
        if (isFresh && at <= block.timestamp) return (nav, base);
        NavState memory state = _navState(vault);
        if (isFresh && at - state.refreshedAt <= _maxNavAgeSeconds(vault)) return (nav, base);
        return (state.navAssets, state.baseAssets);
    }

    /// @dev `navState`, used where it is received: all its members are whole words or small numbers of the guard's own
    /// vault, and a decoder of each would take more code than a guard has left.
    function _navState(ITreasuryVault vault) private view returns (NavState memory state) {
        _ask(vault, ITreasuryVault.navState.selector);
        assembly ("memory-safe") {
            returndatacopy(state, 0, NAV_STATE_SIZE)
        }
    }

    function _maxNavAgeSeconds(ITreasuryVault vault) private view returns (uint256 age) {
        _ask(vault, ITreasuryVault.navParameters.selector);
        assembly ("memory-safe") {
            returndatacopy(0x00, MAX_NAV_AGE_PLACE, 0x20)
            age := mload(0x00)
        }
    }

    /// @dev Passes a failure on as it is, and leaves the answer where `returndatacopy` finds it.
    function _ask(ITreasuryVault vault, bytes4 selector) private view {
        assembly ("memory-safe") {
            mstore(0x00, selector)
            if iszero(staticcall(gas(), vault, 0x00, 0x04, 0x00, 0x00)) {
                returndatacopy(mload(0x40), 0x00, returndatasize())
                revert(mload(0x40), returndatasize())
            }
        }
    }

    function _leg(Leg memory leg, address vault) private view returns (bool isRead, LegReceipt memory receipt) {
        address strategy = leg.strategy;
        (isRead, receipt.sharesBefore) =
            SafeStrategyCall.tryShares(strategy, IERC20.balanceOf.selector, uint256(uint160(vault)));
        if (isRead) (isRead, receipt.valueBefore) = _value(strategy, receipt.sharesBefore);
        if (!isRead) return (false, receipt);

        receipt.assets = leg.assets;
        uint256 shares;
        if (leg.isDeposit) {
            (isRead, shares) = SafeStrategyCall.tryShares(strategy, IERC4626.previewDeposit.selector, leg.assets);
            receipt.sharesAfter = receipt.sharesBefore + shares;
        } else if (leg.assets == ALL_ASSETS) {
            receipt.assets = receipt.valueBefore;
            return (true, receipt);
        } else {
            (isRead, shares) = SafeStrategyCall.tryShares(strategy, IERC4626.previewWithdraw.selector, leg.assets);
            receipt.sharesAfter = SaturatingMath.sub(receipt.sharesBefore, shares);
        }
        if (isRead) (isRead, receipt.valueAfter) = _value(strategy, receipt.sharesAfter);
    }

    function _value(address strategy, uint256 shares) private view returns (bool isRead, uint256 value) {
        if (shares == 0) return (true, 0);
        return SafeStrategyCall.tryAmount(strategy, IERC4626.previewRedeem.selector, shares);
    }
}
