// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {Policy} from "../../contracts/types/Policy.sol";
import {Arena} from "./Arena.sol";

/// @notice Incident 41: fees on what was only won back, on a gift, and by the number of accruals.
contract FeeIncidents is Arena {
    address private immutable COLLECTOR = makeAddr("collector");

    uint16 private managementFeeBps = 0;
    uint16 private performanceFeeBps = 2000;

    function _terms() internal view override returns (Policy memory policy) {
        policy = super._terms();
        policy.limits.managementFeeBps = managementFeeBps;
        policy.limits.performanceFeeBps = performanceFeeBps;
        policy.limits.feeRecipient = COLLECTOR;
    }

    function test_Incident41_RecoveredLoss_NoFeeOnTheWayBack() public {
        _rebalance(_one(_in(0, 500_000 * UNIT)));
        _days(2);
        steady.lose(100_000 * UNIT);
        _days(10);
        assertLt(vault.navState().markPrice, vault.navState().highWaterPrice * 92 / 100, "the mark has come down");
        steady.gain(100_000 * UNIT);
        _days(30);
        assertGe(vault.totalAssets(), HONEST - 2, "all of it is recognised again");
        assertEq(vault.balanceOf(COLLECTOR), 0, "and nobody earned on it");
        assertGe(_worth(ALICE) + _worth(BOB), HONEST - 4);

        // A gain above the old height is charged, once.
        steady.gain(10_000 * UNIT);
        _days(10);
        uint256 earned = _worth(COLLECTOR);
        assertApproxEqRel(earned, 2000 * UNIT, 0.01e18, "a fifth of what is new");
        _days(10);
        assertEq(_worth(COLLECTOR), earned, "not again");
    }

    function test_Incident41_GiftBeforeTheFirstDeposit_EarnsNoFee() public {
        _open(6);
        asset.mint(address(vault), 50_000 * UNIT);
        _enter(vault, ALICE, 2 * HONEST);
        _days(30);
        assertEq(vault.balanceOf(COLLECTOR), 0);
        assertLe(_worth(ALICE), 2 * HONEST, "nor does the entrant");
    }

    function test_Incident41_ManyAccruals_CostWhatOneCosts() public {
        (managementFeeBps, performanceFeeBps) = (200, 0);
        _open(6);
        _enter(vault, ALICE, HONEST);
        uint256 snapshot = vm.snapshotState();
        skip(365 days);
        vault.checkpoint();
        uint256 once = _worth(COLLECTOR);
        uint256 left = _worth(ALICE);
        vm.revertToState(snapshot);

        for (uint256 i = 0; i < 365; ++i) {
            skip(1 days);
            vm.prank(THIEF);
            vault.checkpoint();
        }
        assertApproxEqAbs(_worth(COLLECTOR), once, 365, "a unit each at most");
        assertApproxEqAbs(_worth(ALICE), left, 365);
        // Two per cent a year, charged every second: 1 − e^(−0.02).
        assertApproxEqRel(once, HONEST * 198_013 / 10_000_000, 0.0001e18);
    }

    function _days(uint256 count) private {
        for (uint256 i = 0; i < 24 * count; ++i) {
            skip(1 hours);
            vault.checkpoint();
        }
    }
}
