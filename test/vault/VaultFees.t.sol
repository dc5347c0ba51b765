// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {ITreasuryVault} from "../../contracts/interfaces/ITreasuryVault.sol";
import {ExitEntry, NavParameters, NavState} from "../../contracts/types/Nav.sol";
import {StrategyStatus} from "../../contracts/types/Policy.sol";
import {Leg} from "../../contracts/types/Rebalance.sol";
import {HostileStrategy} from "../mocks/HostileStrategy.sol";
import {VaultFeesFixture} from "./VaultFeesFixture.sol";

/// @notice Both fees: when they accrue, who receives them, and what they change for everybody else.
contract VaultFeesTest is VaultFeesFixture {
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
}
