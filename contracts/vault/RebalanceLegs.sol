// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {IERC4626} from "@openzeppelin/contracts/interfaces/IERC4626.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";

import {IConduit} from "../interfaces/IConduit.sol";
import {ALL_ASSETS, Leg, LegReceipt, Receipt} from "../types/Rebalance.sol";
import {Balance} from "./Balance.sol";
import {Word} from "./Word.sol";

/// @title The legs of a rebalance
/// @notice Carries out what the guard authorised and measures it. Nothing here judges: what a strategy did not pay, or
/// took too much of, shows in the receipt's idle, and the guard charges it.
library RebalanceLegs {
    using SafeERC20 for IERC20;

    /// @notice Withdraw legs, then deposit legs through the conduit; the rest returns to idle.
    function execute(Leg[] calldata legs, IERC20 asset, IConduit conduit, Receipt memory receipt) internal {
        receipt.idleBefore = Balance.held(asset);
        receipt.legs = new LegReceipt[](legs.length);
        uint256 deposits = _sumOfDeposits(legs);
        if (deposits == 0) {
            // Nothing to deposit: the conduit is not needed, and a rebalance that only withdraws does not depend on it.
            for (uint256 i = 0; i < legs.length; ++i) {
                withdraw(legs[i].strategy, legs[i].assets, address(this), receipt.legs[i]);
            }
        } else {
            _executeThroughConduit(legs, asset, conduit, receipt.legs, deposits);
        }
        receipt.idleAfter = Balance.held(asset);
    }

    /// @notice One withdraw leg, measured.
    /// @param assets Amount asked, or `ALL_ASSETS`. @param measured Filled; empty before.
    function withdraw(address strategy, uint128 assets, address receiver, LegReceipt memory measured) internal {
        uint256 shares;
        (shares, measured.valueBefore) = _position(strategy);
        measured.sharesBefore = shares;
        if (assets == ALL_ASSETS) {
            measured.assets = IERC4626(strategy).redeem(shares, receiver, address(this));
        } else {
            measured.assets = assets;
            IERC4626(strategy).withdraw(assets, receiver, address(this));
        }
        (measured.sharesAfter, measured.valueAfter) = _position(strategy);
    }

    function _executeThroughConduit(
        Leg[] calldata legs,
        IERC20 asset,
        IConduit conduit,
        LegReceipt[] memory receipts,
        uint256 deposits
    ) private {
        uint256 atStart = Balance.heldBy(asset, address(conduit));
        bool isFunded;
        for (uint256 i = 0; i < legs.length; ++i) {
            Leg calldata leg = legs[i];
            if (!leg.isDeposit) {
                withdraw(leg.strategy, leg.assets, address(conduit), receipts[i]);
                continue;
            }
            if (!isFunded) {
                _fund(asset, conduit, atStart, deposits);
                isFunded = true;
            }
            _deposit(conduit, leg.strategy, leg.assets, receipts[i]);
        }
        conduit.settle(atStart);
    }

    /// @dev Adds from idle what the withdraw legs did not bring. What lay in the conduit before is not counted.
    function _fund(IERC20 asset, IConduit conduit, uint256 atStart, uint256 deposits) private {
        uint256 balance = Balance.heldBy(asset, address(conduit));
        if (balance < atStart) revert IConduit.Overspent(balance, atStart);
        uint256 brought = balance - atStart;
        if (brought < deposits) asset.safeTransfer(address(conduit), deposits - brought);
    }

    function _deposit(IConduit conduit, address strategy, uint128 assets, LegReceipt memory measured) private {
        measured.assets = assets;
        (measured.sharesBefore, measured.valueBefore) = _position(strategy);
        conduit.deposit(strategy, assets);
        (measured.sharesAfter, measured.valueAfter) = _position(strategy);
    }

    function _position(address strategy) private view returns (uint256 shares, uint256 value) {
        shares = Balance.held(IERC20(strategy));
        if (shares != 0) value = Word.read(strategy, IERC4626.previewRedeem.selector, shares);
    }

    function _sumOfDeposits(Leg[] calldata legs) private pure returns (uint256 sum) {
        for (uint256 i = 0; i < legs.length; ++i) {
            if (legs[i].isDeposit) sum += legs[i].assets;
        }
    }
}
