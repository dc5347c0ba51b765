// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {Vm} from "forge-std/Vm.sol";

import {ITreasuryVault} from "../../contracts/interfaces/ITreasuryVault.sol";
import {ExitEntry, NavParameters, NavState} from "../../contracts/types/Nav.sol";
import {StrategyStatus} from "../../contracts/types/Policy.sol";
import {Leg} from "../../contracts/types/Rebalance.sol";
import {HostileStrategy} from "../mocks/HostileStrategy.sol";
import {VaultFixture} from "./VaultFixture.sol";

/// @notice Fees of both kinds. Shares have twelve decimals here, the asset six. Numbers in the tests were computed with
/// Python's `decimal` at 130 digits from the formulas in `ITreasuryVault`, not by the code under test.
contract VaultFeesTest is VaultFixture {
    uint256 private constant STAKE = 100e6;
    uint256 private constant SHARES = 100e12;
    /// @dev 100e12 × ((1 − 2 %/31,536,000)^(−31,536,000) − 1).
    uint256 private constant YEAR_AT_TWO_PERCENT = 2_020_134_003_322;
    /// @dev (100e12 + 1e6) × ((110,000,001 ÷ 100,000,001)^0.2 − 1).
    uint256 private constant FIFTH_OF_TEN_PERCENT = 1_924_487_649_858;

    address internal collector = makeAddr("collector");

    function _fees(uint16 managementBps, uint16 performanceBps)
        internal
        view
        returns (NavParameters memory parameters)
    {
        parameters = _parameters();
        // Growth is recognised at once, so that a gain is a gain.
        parameters.maxGrowthWad = 18e18;
        parameters.seasoningSeconds = 0;
        parameters.managementFeeBps = managementBps;
        parameters.performanceFeeBps = performanceBps;
        parameters.feeRecipient = collector;
    }

    function _start(uint16 managementBps, uint16 performanceBps) internal {
        _adopt(_fees(managementBps, performanceBps));
        assertEq(_deposit(alice, STAKE), SHARES);
    }

    function _gain(uint256 assets) internal {
        asset.mint(address(vault), assets);
    }

    function _lose(uint256 assets) internal {
        asset.burn(address(vault), assets);
    }

    // Entries

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

    // Management

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

    // Performance

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

    // Both

    function test_Fees_AccrueOnceWhicheverFunctionRefreshes() public {
        _adopt(_fees(200, 2000));
        _deposit(alice, STAKE);
        _invest(first, 50e6);
        for (uint256 i = 0; i < 6; ++i) {
            uint256 snapshot = vm.snapshotState();
            vm.warp(START + 30 days);
            _gain(10e6);
            uint256 pending = _state().pendingFeeShares;
            assertGt(pending, FIFTH_OF_TEN_PERCENT / 2);
            vm.recordLogs();
            if (i == 0) _deposit(bob, 1e6);
            if (i == 1) _mint(bob, 1e12);
            if (i == 2) _withdraw(alice, 1e6);
            if (i == 3) _redeem(alice, 1e12);
            if (i == 4) vault.checkpoint();
            if (i == 5) _invest(first, 1e6);
            assertEq(_count(ITreasuryVault.FeesAccrued.selector), 1);
            assertEq(vault.balanceOf(collector), pending);
            // A unit of rounding in favour of those who stay is a gain too: a fifth of 1e-8 of the supply.
            assertLt(_state().pendingFeeShares, 1e6);
            vm.revertToState(snapshot);
        }
    }

    function test_Fees_NoEventAndNoSharesWhereNoneIsDue() public {
        _start(200, 2000);
        vm.recordLogs();
        vault.checkpoint();
        assertEq(_count(ITreasuryVault.FeesAccrued.selector), 0);
        _adopt(_fees(0, 0));
        vm.warp(START + 10 days);
        _gain(10e6);
        vm.recordLogs();
        vault.checkpoint();
        assertEq(_count(ITreasuryVault.FeesAccrued.selector), 0);
        assertEq(vault.balanceOf(collector), 0);
    }

    function test_Fees_WithoutARecipientThereAreNone() public {
        NavParameters memory parameters = _fees(200, 2000);
        parameters.feeRecipient = address(0);
        _adopt(parameters);
        _deposit(alice, STAKE);
        vm.warp(START + 365 days);
        _gain(10e6);
        vault.checkpoint();
        assertEq(vault.totalSupply(), SHARES);
    }

    function test_Adopt_AccruesManagementByTheOldParametersOnly() public {
        _start(200, 2000);
        vm.warp(START + 365 days);
        _gain(10e6);
        third.setReadFault(HostileStrategy.Fault.EatGas);
        vm.recordLogs();
        _adopt(_fees(0, 2000));
        assertEq(_count(ITreasuryVault.FeesAccrued.selector), 1);
        assertApproxEqAbs(vault.balanceOf(collector), YEAR_AT_TWO_PERCENT, 1);
        vm.warp(START + 730 days);
        _adopt(_fees(200, 2000));
        assertApproxEqAbs(vault.balanceOf(collector), YEAR_AT_TWO_PERCENT, 1, "nothing of the year without");
        third.setReadFault(HostileStrategy.Fault.None);
        assertApproxEqAbs(vault.totalSupply(), SHARES + YEAR_AT_TWO_PERCENT, 1);
    }

    function test_RedeemInKind_AccruesManagementAndReadsNoStrategy() public {
        _start(200, 2000);
        _invest(third, 40e6);
        vm.warp(START + 365 days);
        _gain(10e6);
        third.setReadFault(HostileStrategy.Fault.EatGas);
        vm.prank(alice);
        (uint256 idle,, uint256[] memory amounts) = vault.redeemInKind(SHARES, alice, alice, new address[](0));
        assertApproxEqAbs(vault.balanceOf(collector), YEAR_AT_TWO_PERCENT, 1);
        uint256 units = SHARES + vault.balanceOf(collector) + 1e6;
        assertEq(idle, 70e6 * SHARES / units);
        assertEq(amounts[2], 40e6 * SHARES / units);
    }

    function test_Fees_WithAnUnreadableStrategyOnlyManagementAccrues() public {
        _start(200, 2000);
        _invest(third, 10e6);
        vm.warp(START + 365 days);
        _gain(10e6);
        third.setReadFault(HostileStrategy.Fault.Revert);
        NavState memory before = _state();
        assertApproxEqAbs(before.pendingFeeShares, YEAR_AT_TWO_PERCENT, 1);
        vault.checkpoint();
        NavState memory state = _state();
        assertEq(vault.balanceOf(collector), before.pendingFeeShares);
        assertEq(state.refreshedAt, START);
        assertEq(state.highWaterPrice, before.highWaterPrice);
        assertEq(state.markPrice, before.markPrice);
        assertEq(state.pendingFeeShares, 0);
        third.setReadFault(HostileStrategy.Fault.None);
        assertGt(_state().pendingFeeShares, 0, "the gain is charged when it can be read");
    }

    function test_Fees_AreUnseasonedSupply() public {
        NavParameters memory parameters = _fees(200, 0);
        parameters.seasoningSeconds = 1 days;
        _adopt(parameters);
        _deposit(alice, STAKE);
        vm.warp(START + 365 days);
        NavState memory state = _state();
        uint256 expected = SHARES * 1e18 / (SHARES + YEAR_AT_TWO_PERCENT);
        assertApproxEqAbs(state.seasonedWad, expected, 1e4);
        assertLe(state.seasonedWad, expected);
        vault.checkpoint();
        assertEq(_state().seasonedWad, state.seasonedWad);
        assertEq(_state().baseAssets, state.baseAssets);
        vm.warp(START + 366 days);
        vault.checkpoint();
        // A day of fee, 5.5e-5, is unseasoned again.
        assertApproxEqRel(_state().baseAssets, STAKE, 1e14);
    }

    function test_Execute_BaseIsThatOfTheRefresh() public {
        NavParameters memory parameters = _fees(200, 2000);
        parameters.seasoningSeconds = 1 days;
        _adopt(parameters);
        _deposit(alice, STAKE);
        vm.warp(START + 365 days);
        _gain(10e6);
        NavState memory state = _state();
        Leg[] memory legs = new Leg[](1);
        legs[0] = _in(first, 1e6);
        assertEq(vault.execute(legs, 1 hours, 1 days).base, state.baseAssets);
        assertLt(state.baseAssets, state.navAssets * 98 / 100);
        (uint256 nav, uint256 base,) = vault.checkpointState();
        assertApproxEqAbs(nav, state.navAssets, 2);
        assertApproxEqAbs(base, state.baseAssets, 2);
    }

    // Who receives

    function test_Recipient_OfAnyKindKeepsTotalsRight() public {
        address[5] memory recipients = [address(vault), address(this), address(first), alice, vault.conduit()];
        for (uint256 i = 0; i < recipients.length; ++i) {
            uint256 snapshot = vm.snapshotState();
            NavParameters memory parameters = _fees(200, 2000);
            parameters.feeRecipient = recipients[i];
            _adopt(parameters);
            _deposit(alice, STAKE);
            _invest(first, 30e6);
            vm.warp(START + 365 days);
            _gain(10e6);
            uint256 before = vault.balanceOf(recipients[i]);
            uint256 pending = _state().pendingFeeShares;
            vault.checkpoint();
            assertEq(vault.balanceOf(recipients[i]) - before, pending);
            assertEq(vault.totalSupply(), SHARES + pending);
            assertEq(vault.totalAssets(), 110e6);
            assertLe(vault.convertToAssets(vault.totalSupply()), 110e6);
            assertGt(_redeemAll(alice), 104e6);
            vm.revertToState(snapshot);
        }
    }

    /// @dev Shares that are not minted yet are in no `max*` of the recipient, though an exit would mint them first.
    function test_Recipient_MaxIsTruthful() public {
        _start(200, 2000);
        vm.warp(START + 365 days);
        assertEq(vault.maxRedeem(collector), 0);
        assertEq(vault.maxWithdraw(collector), 0);
        vault.checkpoint();
        vm.warp(START + 730 days);
        uint256 most = vault.maxRedeem(collector);
        assertEq(most, vault.balanceOf(collector));
        uint256 assets = vault.previewRedeem(most);
        assertEq(_redeem(collector, most), assets);
        vm.warp(START + 1095 days);
        most = vault.maxWithdraw(collector);
        assertGt(most, 0);
        _withdraw(collector, most);
    }

    // Previews

    function testFuzz_PreviewsEqualExecutionWithFees(uint256 amount, uint256 change, bool isGain, uint256 elapsed)
        public
    {
        _start(200, 2000);
        _deposit(bob, 40e6);
        _deposit(collector, 3e6);
        _invest(first, 70e6);
        vm.warp(START + bound(elapsed, 0, 3650 days));
        if (isGain) first.gain(bound(change, 0, 50e6));
        else first.lose(bound(change, 0, 5e6));
        amount = bound(amount, 10, 3e6);
        address[3] memory accounts = [alice, bob, collector];
        for (uint256 i = 0; i < 3; ++i) {
            uint256 snapshot = vm.snapshotState();
            if (vault.maxDeposit(accounts[i]) >= amount * 2) {
                uint256 previewed = vault.previewDeposit(amount);
                assertEq(_deposit(accounts[i], amount), previewed);
                vm.revertToState(snapshot);
                previewed = vault.previewMint(amount * 1e6);
                assertEq(_mint(accounts[i], amount * 1e6), previewed);
                vm.revertToState(snapshot);
            }
            uint256 shares = vault.previewWithdraw(amount);
            if (shares <= vault.balanceOf(accounts[i])) assertEq(_withdraw(accounts[i], amount), shares);
            vm.revertToState(snapshot);
            shares = vault.maxRedeem(accounts[i]);
            uint256 assets = vault.previewRedeem(shares);
            if (assets != 0) assertEq(_redeem(accounts[i], shares), assets);
            vm.revertToState(snapshot);
            assets = vault.maxWithdraw(accounts[i]);
            assertLe(assets, vault.convertToAssets(vault.balanceOf(accounts[i])));
            _withdraw(accounts[i], assets);
            vm.revertToState(snapshot);
            NavState memory state = _state();
            vault.checkpoint();
            NavState memory later = _state();
            assertEq(later.navAssets, state.navAssets);
            assertEq(later.entryAssets, state.entryAssets);
            assertEq(later.supply, state.supply);
            assertEq(later.markPrice, state.markPrice);
            assertEq(later.highWaterPrice, state.highWaterPrice);
            assertEq(later.pendingFeeShares, 0);
            vm.revertToState(snapshot);
        }
    }

    /// @dev No holder's share may be worth less after someone else's entry or exit than the fee alone leaves of it.
    function testFuzz_EntriesAndExitsCostOthersNothing(uint256 amount, uint256 gain, uint256 elapsed) public {
        _start(200, 2000);
        _deposit(bob, 40e6);
        vm.warp(START + bound(elapsed, 0, 365 days));
        _gain(bound(gain, 0, 50e6));
        uint256 worth = vault.convertToAssets(SHARES);
        _deposit(thief, bound(amount, 1e3, 1e9));
        assertGe(vault.convertToAssets(SHARES) + 1, worth);
        _redeemAll(thief);
        assertGe(vault.convertToAssets(SHARES) + 1, worth);
        _redeemAll(bob);
        assertGe(vault.convertToAssets(SHARES) + 1, worth);
    }

    function test_WrittenOff_RaisesNoFee() public {
        _start(0, 2000);
        _invest(third, 20e6);
        ExitEntry[] memory entries = _list();
        entries[2].status = StrategyStatus.WrittenOff;
        vault.adopt(_fees(0, 2000), entries);
        vm.warp(START + 1 days);
        third.gain(50e6);
        vault.checkpoint();
        assertEq(vault.balanceOf(collector), 0);
        vault.adopt(_fees(0, 2000), _list());
        vm.warp(START + 2 days);
        vault.checkpoint();
        assertGt(vault.balanceOf(collector), 0, "what came back counts when a policy says so");
    }

    function _mint(address account, uint256 shares) private returns (uint256 assets) {
        assets = vault.previewMint(shares);
        asset.mint(account, assets);
        vm.startPrank(account);
        asset.approve(address(vault), assets);
        assets = vault.mint(shares, account);
        vm.stopPrank();
    }

    function _redeem(address account, uint256 shares) private returns (uint256) {
        vm.prank(account);
        return vault.redeem(shares, account, account);
    }

    function _withdraw(address account, uint256 assets) private returns (uint256) {
        vm.prank(account);
        return vault.withdraw(assets, account, account);
    }

    function _count(bytes32 topic) private returns (uint256 count) {
        Vm.Log[] memory logs = vm.getRecordedLogs();
        for (uint256 i = 0; i < logs.length; ++i) {
            if (logs[i].emitter == address(vault) && logs[i].topics[0] == topic) count += 1;
        }
    }
}
