// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {ITreasuryVault} from "../../contracts/interfaces/ITreasuryVault.sol";
import {NavParameters, NavState} from "../../contracts/types/Nav.sol";
import {VaultFeesFixture} from "./VaultFeesFixture.sol";

/// @notice The fee on gains, and the high-water mark.
contract VaultPerformanceFeeTest is VaultFeesFixture {
    function test_Entry_MakesNoPerformanceFeeDue() public {
        NavParameters memory parameters = _fees(0, 2000);
        parameters.maxGrowthWad = 0.01e18;
        _adopt(parameters);
        _deposit(thief, 1);
        _gain(1000e6);
        skip(12);
        vault.checkpoint();
        uint256 shares = _deposit(bob, 1000e6);
        assertEq(_state().pendingFeeShares, 0, "in the same block");
        // Thief's share, virtual shares and bob's two parts share what is recognised, which is what bob paid.
        uint256 worth = vault.previewRedeem(shares);
        assertApproxEqAbs(worth, 500e6, 200);
        skip(1 days);
        vault.checkpoint();
        assertGt(vault.previewRedeem(shares), worth, "a day later");
        assertEq(asset.balanceOf(address(vault)), 2000e6 + 1);
    }

    /// @dev Alice's 100 have become 120, of which 1 is recognised. The fee is due on 20 and no more, whoever pays in:
    /// 120 × (1 − 1.2^(−0.2)) is 4.29.
    function test_Entry_ChargesAGainOnce() public {
        NavParameters memory parameters = _fees(0, 2000);
        parameters.maxGrowthWad = 0.01e18;
        _adopt(parameters);
        _deposit(alice, STAKE);
        _gain(20e6);
        skip(1 days);
        _deposit(bob, 1200e6);
        for (uint256 i = 0; i < 60; ++i) {
            skip(1 days);
            vault.checkpoint();
        }
        assertEq(vault.totalAssets(), 1320e6);
        assertLe(vault.previewRedeem(vault.balanceOf(collector)), 4.3e6);
        assertGe(vault.previewRedeem(vault.balanceOf(collector)), 3.5e6);
    }

    function test_Performance_OnAGain() public {
        _start(0, 2000);
        uint256 highWater = _state().highWaterPrice;
        vm.warp(START + 1 days);
        _gain(10e6);
        NavState memory state = _state();
        assertApproxEqAbs(state.pendingFeeShares, FIFTH_OF_TEN_PERCENT, 2);
        assertLe(state.pendingFeeShares, FIFTH_OF_TEN_PERCENT);
        vm.expectEmit(address(vault));
        emit ITreasuryVault.FeesAccrued(collector, 0, state.pendingFeeShares);
        vault.checkpoint();
        assertEq(vault.balanceOf(collector), state.pendingFeeShares);
        assertEq(vault.totalAssets(), 110e6);
        // Holders keep 1.1^0.8 = 1.0792303.
        assertApproxEqAbs(vault.convertToAssets(SHARES), 107_923_034, 1);
        assertApproxEqRel(_state().highWaterPrice, highWater * 1_079_230_344 / 1e9, 1e10);
        assertEq(_state().pendingFeeShares, 0, "once");
        vm.warp(START + 2 days);
        vault.checkpoint();
        assertEq(vault.balanceOf(collector), state.pendingFeeShares, "and not again");
    }

    function test_Performance_EqualUnderSplittingWhileThePriceRises() public {
        _start(0, 2000);
        for (uint256 i = 1; i <= 10; ++i) {
            vm.warp(START + i * 1 days);
            _gain(1e6);
            vault.checkpoint();
        }
        assertApproxEqAbs(vault.balanceOf(collector), FIFTH_OF_TEN_PERCENT, 20);
    }

    function test_Performance_LossAndRecoveryChargeNothing() public {
        _start(0, 2000);
        uint256 highWater = _state().highWaterPrice;
        vm.warp(START + 1 days);
        _lose(4e6);
        vault.checkpoint();
        assertEq(_state().highWaterPrice, highWater, "it never falls");
        vm.warp(START + 2 days);
        _gain(4e6);
        vault.checkpoint();
        assertEq(vault.balanceOf(collector), 0);
        vm.warp(START + 3 days);
        _gain(10e6);
        vault.checkpoint();
        assertApproxEqAbs(vault.balanceOf(collector), FIFTH_OF_TEN_PERCENT, 2);
    }

    /// @dev The management fee lowers the price but not the mark, so the fee on a gain starts above what it took.
    function test_Performance_NothingUntilTheManagementFeeIsEarned() public {
        _start(200, 2000);
        vm.warp(START + 365 days);
        _gain(2e6);
        assertApproxEqAbs(_state().pendingFeeShares, YEAR_AT_TWO_PERCENT, 1);
        _gain(1e6);
        assertGt(_state().pendingFeeShares, YEAR_AT_TWO_PERCENT + 1e11);
    }

    function test_Performance_OnlyOnWhatIsRecognised() public {
        NavParameters memory parameters = _fees(0, 2000);
        parameters.maxGrowthWad = 0.01e18;
        _adopt(parameters);
        _deposit(alice, STAKE);
        _gain(50e6);
        assertEq(_state().pendingFeeShares, 0, "nothing is recognised yet");
        vm.warp(START + 1 days);
        // (100e12 + 1e6) × (1.01^0.2 − 1) = 199,204,768,645, and the mark lost a unit in rounding.
        assertApproxEqRel(_state().pendingFeeShares, 199_204_768_645, 1e14);
    }

    /// @dev Fee shares lower the price of the live value below what the mark was before them. That recognises nothing.
    function test_Performance_TheFeeRecognisesNoGain() public {
        NavParameters memory parameters = _fees(0, 2000);
        parameters.maxGrowthWad = 0.09e18;
        _adopt(parameters);
        _deposit(alice, STAKE);
        _gain(10e6);
        vm.warp(START + 1 days);
        assertGt(_state().pendingFeeShares, 0);
        assertLe(vault.totalAssets(), 109e6, "nine of ten");
        assertApproxEqAbs(vault.totalAssets(), 109e6, 1);
        vault.checkpoint();
        assertApproxEqAbs(vault.totalAssets(), 109e6, 1);
        assertEq(_state().pendingFeeShares, 0);
    }

    /// @dev Whoever pushes the price down around an exit uses up the growth that the mark was allowed: the fee on it is
    /// due later, and until then it is everybody's. The recipient loses none of it in the end.
    function test_Performance_APushDownPutsTheFeeOffAndTakesNothingFromIt() public {
        NavParameters memory parameters = _fees(0, 2000);
        parameters.maxGrowthWad = 0.01e18;
        _adopt(parameters);
        _deposit(alice, STAKE);
        _deposit(bob, 1e6);
        _gain(10e6);
        uint256 mark = _state().markPrice;
        vm.warp(START + 1 days);
        assertGt(_state().pendingFeeShares, 1e11, "a fifth of the one per cent that the mark may grow");
        uint256 snapshot = vm.snapshotState();
        uint256 plain = _feeAfterLeaving(0);
        assertTrue(vm.revertToState(snapshot));

        _leavePushed(12e6);
        assertEq(_state().pendingFeeShares, 0, "put off");
        assertEq(vault.balanceOf(collector), 0, "and not taken");
        assertEq(_state().markPrice, mark, "the mark has not grown");
        assertEq(_state().highWaterPrice, mark, "what grows from here on is charged");
        assertTrue(vm.revertToState(snapshot));
        assertApproxEqAbs(_feeAfterLeaving(12e6), plain, 10, "the fee in the end");
        // 111 × (1 − (111 ÷ 101)^(−0.2)) = 2.076232.
        assertApproxEqAbs(plain, 2_076_232, 5);
    }

    function _feeAfterLeaving(uint256 push) private returns (uint256) {
        _leavePushed(push);
        for (uint256 i = 0; i < 30; ++i) {
            skip(1 days);
            vault.checkpoint();
        }
        assertEq(vault.totalAssets(), asset.balanceOf(address(vault)), "all is recognised");
        return vault.previewRedeem(vault.balanceOf(collector));
    }

    /// @dev Bob takes out a millionth of a unit while the price stands lower.
    function _leavePushed(uint256 push) private {
        _lose(push);
        vm.prank(bob);
        vault.redeem(2e6, bob, bob);
        _gain(push);
    }

    function test_Performance_SwitchedOnLaterChargesNothingOfThePast() public {
        _start(0, 0);
        vm.warp(START + 1 days);
        _gain(50e6);
        vault.checkpoint();
        _adopt(_fees(0, 2000));
        vm.warp(START + 2 days);
        vault.checkpoint();
        assertEq(vault.balanceOf(collector), 0);
        _gain(15e6);
        vault.checkpoint();
        vm.warp(START + 3 days);
        vault.checkpoint();
        // Ten per cent again.
        assertApproxEqAbs(vault.balanceOf(collector), FIFTH_OF_TEN_PERCENT, 1e5);
    }

    function test_Performance_GiftBeforeTheFirstDepositRaisesNoFee() public {
        _adopt(_fees(0, 2000));
        _gain(1000e6);
        vault.checkpoint();
        vm.warp(START + 1 days);
        _deposit(alice, STAKE);
        vm.warp(START + 2 days);
        vault.checkpoint();
        assertEq(vault.balanceOf(collector), 0);
        assertEq(_state().pendingFeeShares, 0);
    }

    function test_Performance_StartsAnewWhenTheLastShareIsGone() public {
        _start(0, 2000);
        vm.warp(START + 1 days);
        _gain(10e6);
        vault.checkpoint();
        uint256 high = _state().highWaterPrice;
        _redeemAll(alice);
        _redeemAll(collector);
        assertEq(vault.totalSupply(), 0);
        _lose(asset.balanceOf(address(vault)));
        _deposit(alice, STAKE);
        assertLt(_state().highWaterPrice, high);
        vm.warp(START + 2 days);
        _gain(10e6);
        assertApproxEqAbs(_state().pendingFeeShares, FIFTH_OF_TEN_PERCENT, 2);
    }

    function testFuzz_HighWaterMark_NeverFalls(uint256 seed) public {
        _start(200, 2000);
        uint256 highWater = _state().highWaterPrice;
        for (uint256 i = 1; i <= 12; ++i) {
            uint256 draw = uint256(keccak256(abi.encode(seed, i)));
            vm.warp(block.timestamp + draw % 3 days);
            uint256 amount = (draw >> 64) % 20e6 + 1;
            uint256 kind = (draw >> 32) % 5;
            if (kind == 0) _gain(amount);
            else if (kind == 1) _lose(amount / 10);
            else if (kind == 2 && vault.maxDeposit(bob) > amount) _deposit(bob, amount);
            else if (kind == 3) _redeem(alice, vault.balanceOf(alice) / 3);
            vault.checkpoint();
            assertGe(_state().highWaterPrice, highWater);
            highWater = _state().highWaterPrice;
        }
    }
}
