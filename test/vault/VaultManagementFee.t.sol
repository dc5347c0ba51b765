// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {ITreasuryVault} from "../../contracts/interfaces/ITreasuryVault.sol";
import {NavState} from "../../contracts/types/Nav.sol";
import {VaultFeesFixture} from "./VaultFeesFixture.sol";

/// @notice The fee on time.
contract VaultManagementFeeTest is VaultFeesFixture {
    function test_Management_AYear() public {
        _start(200, 0);
        vm.warp(START + 365 days);
        NavState memory state = _state();
        assertApproxEqAbs(state.pendingFeeShares, YEAR_AT_TWO_PERCENT, 1);
        assertLe(state.pendingFeeShares, YEAR_AT_TWO_PERCENT);
        assertEq(state.supply, SHARES + state.pendingFeeShares);
        assertEq(vault.totalSupply(), SHARES, "nothing is minted yet");
        vm.expectEmit(address(vault));
        emit ITreasuryVault.FeesAccrued(collector, state.pendingFeeShares, 0);
        vault.checkpoint();
        assertEq(vault.balanceOf(collector), state.pendingFeeShares);
        assertEq(vault.totalSupply(), state.supply);
        assertEq(_state().pendingFeeShares, 0);
        assertEq(vault.totalAssets(), STAKE, "a fee moves no assets");
        // Holders keep (1 − m)^seconds = 98.0198673 %.
        assertApproxEqAbs(vault.convertToAssets(SHARES), 98_019_867, 1);
    }

    function test_Management_EqualUnderSplitting() public {
        _start(200, 0);
        for (uint256 i = 1; i <= 365; ++i) {
            vm.warp(START + i * 1 days);
            vault.checkpoint();
        }
        assertLe(vault.balanceOf(collector), YEAR_AT_TWO_PERCENT + 365);
        assertGe(vault.balanceOf(collector) + 2 * 365, YEAR_AT_TWO_PERCENT);
    }

    /// @dev One basis point a year on one whole unit, refreshed every second: three shares a second, of which rounding
    /// takes at most one. On a hundredth of it nothing is due in a second, and then nothing is lost either.
    function test_Management_RefreshingEverySecondStarvesNoFee() public {
        _start(1, 0);
        _redeem(alice, SHARES - 1e12);
        uint256 before = vault.balanceOf(collector);
        for (uint256 i = 1; i <= 1000; ++i) {
            vm.warp(START + i);
            vault.checkpoint();
        }
        assertGe(vault.balanceOf(collector) - before, 2000);
        _redeem(alice, 1e12 - 1e10);
        before = vault.balanceOf(collector);
        for (uint256 i = 1001; i <= 2000; ++i) {
            vm.warp(START + i);
            vault.checkpoint();
        }
        // 1e10 × 1e-4 ÷ 31,536,000 × 1000 = 31.7.
        assertApproxEqAbs(vault.balanceOf(collector) - before, 31, 8);
    }

    function test_Management_TenYearsUntouched() public {
        _start(200, 2000);
        vm.warp(START + 3650 days);
        NavState memory state = _state();
        // 100e12 × 0.22140275823.
        assertApproxEqAbs(state.pendingFeeShares, 22_140_275_823_763, 1);
        assertEq(vault.previewRedeem(SHARES), _redeemAll(alice));
        assertEq(vault.balanceOf(collector), state.pendingFeeShares);
    }

    function test_Management_StopsAtTheLargestSupply() public {
        (assetDecimals, decimalsOffset) = (18, 18);
        setUp();
        _adopt(_fees(type(uint16).max, 10_000));
        _deposit(alice, 1e18);
        vm.warp(START + 3650 days);
        uint256 most = type(uint144).max;
        assertEq(_state().supply, most);
        assertEq(vault.maxDeposit(bob), 0);
        assertEq(vault.maxMint(bob), 0);
        _gain(1e30);
        vault.checkpoint();
        assertEq(vault.totalSupply(), most);
        vm.warp(START + 36_500 days);
        _gain(1e30);
        vault.checkpoint();
        assertEq(vault.totalSupply(), most, "nothing is left to mint");
        vm.prank(alice);
        vault.redeemInKind(1e18, alice, alice, new address[](0));
        _redeemAll(collector);
    }

    function test_Management_DilutesStoredPricesButNotTheHighWaterMark() public {
        _start(200, 0);
        NavState memory before = _state();
        vm.warp(START + 365 days);
        vm.prank(alice);
        vault.redeemInKind(0, alice, alice, new address[](0));
        uint256 minted = vault.balanceOf(collector);
        assertApproxEqAbs(minted, YEAR_AT_TWO_PERCENT, 1);
        NavState memory later = _state();
        uint256 units = SHARES + 1e6;
        // The price of an empty refresh in the same second shows what is stored; floats round up by one part in 2^55.
        assertApproxEqRel(later.markPrice, before.markPrice * units / (units + minted), 100);
        assertGe(later.markPrice, before.markPrice * units / (units + minted));
        assertEq(later.markPrice, later.observationPrice);
        assertEq(later.markPrice, later.previousPrice);
        assertEq(later.highWaterPrice, before.highWaterPrice);
    }
}
