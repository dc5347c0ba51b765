// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {ITreasuryVault} from "../../contracts/interfaces/ITreasuryVault.sol";
import {HostileStrategy} from "../mocks/HostileStrategy.sol";
import {Conformance, Scene} from "./Conformance.sol";
import {IERC4626} from "@openzeppelin/contracts/interfaces/IERC4626.sol";

/// @notice Rules 9 to 20: `max*` tell the truth. What the guard may not change is Rule 21.
contract LimitConformanceTest is Conformance {
    uint256 private constant MAX_SUPPLY = 2 ** 144 - 1;

    address[3] private _holders = [alice, bob, carol];

    function test_Rule09_DepositOfTheMaximumAndOneMore() public inEachScene {
        _adoptCap(vault.totalAssets() + _units(50) + 3);
        _assertEntryLimits();
    }

    /// @dev The supply's own limit binds where the cap does not: many decimals, many virtual shares.
    function test_Rule09_DepositUpToTheLargestSupplyAndOneMore() public inEachCombination {
        decimalsOffset = 18;
        _build(asset);
        _adoptCap(type(uint128).max);
        _deposit(alice, 1);
        assertLt(vault.maxDeposit(bob), type(uint128).max - vault.totalAssets(), "supply binds");
        _assertEntryLimits();
    }

    function _assertEntryLimits() private {
        uint256 most = vault.maxDeposit(carol);
        uint256 mostShares = vault.maxMint(carol);
        if (most == 0) {
            assertEq(mostShares, 0);
            (bool isZeroDone,) = _tryDeposit(carol, _units(1000), carol);
            assertFalse(isZeroDone);
            return;
        }
        uint256 start = vm.snapshotState();
        (bool isDone, bytes memory answer) = _tryDeposit(carol, most + 1, carol);
        _assertRefused(isDone, answer, ITreasuryVault.DepositCapExceeded.selector, "deposit of one more");
        _deposit(carol, most);
        assertGt(vault.balanceOf(carol), 0);

        vm.revertToStateAndDelete(start);
        _fund(carol, vault.previewMint(mostShares + 1));
        (isDone, answer) = _try(carol, abi.encodeCall(IERC4626.mint, (mostShares + 1, carol)));
        _assertRefused(isDone, answer, ITreasuryVault.DepositCapExceeded.selector, "mint of one more");
        vm.prank(carol);
        vault.mint(mostShares, carol);
        assertEq(vault.balanceOf(carol), mostShares);
    }

    function test_Rule10_ExitsOfTheMaximumSucceed() public inEachScene {
        for (uint256 i = 0; i < 3; ++i) {
            _assertExitLimits(_holders[i]);
        }
    }

    /// forge-config: default.fuzz.runs = 24
    function testFuzz_Rule10_ExitsOfTheMaximumSucceedInTangledStates(uint256 seed) public inEachCombination {
        _reach(Scene(bound(seed, uint256(Scene.Several), SCENES - 2)));
        // On top of the scene: a loss, a fee and too little liquidity, of random sizes.
        second.lose(_part(seed >> 16, asset.balanceOf(address(second))));
        first.setExitFeeBps((seed >> 32) % 300);
        if (seed & 1 == 0) first.setLiquidAssets(_part(seed >> 48, _units(60)));
        if (seed & 2 == 0) third.setLiquidAssets(_part(seed >> 64, _units(12)));
        if (seed & 4 == 0) third.setReportBps(8000 + (seed >> 80) % 2000);
        skip((seed >> 96) % 3 days);
        uint256 moved = _part(seed >> 128, vault.balanceOf(bob));
        vm.prank(bob);
        assertTrue(vault.transfer(carol, moved));
        for (uint256 i = 0; i < 3; ++i) {
            _assertExitLimits(_holders[i]);
        }
    }

    function _part(uint256 word, uint256 whole) private pure returns (uint256) {
        return whole * (word % 1001) / 1000;
    }

    function _assertExitLimits(address holder) private {
        uint256 most = vault.maxWithdraw(holder);
        uint256 mostShares = vault.maxRedeem(holder);
        assertLe(mostShares, vault.balanceOf(holder));
        uint256 start = vm.snapshotState();
        uint256 before = asset.balanceOf(holder);
        vm.prank(holder);
        vault.withdraw(most, holder, holder);
        assertEq(asset.balanceOf(holder) - before, most);
        vm.revertToState(start);
        uint256 preview = vault.previewRedeem(mostShares);
        vm.prank(holder);
        assertEq(vault.redeem(mostShares, holder, holder), preview);
        assertEq(asset.balanceOf(holder) - before, preview);
        vm.revertToStateAndDelete(start);
    }

    /// @dev Entries close by what strategies are worth or whether they can be read; nobody can pause them, and nothing
    /// pauses exits.
    function test_Rule11_ClosedEntriesHaveAMaximumOfZero() public inEachCombination {
        _deposit(alice, _units(100));
        _spread();
        third.setReadFault(HostileStrategy.Fault.Revert);
        _assertClosed(ITreasuryVault.EntriesClosed.selector, "unreadable");
        third.setReadFault(HostileStrategy.Fault.None);
        assertGt(vault.maxDeposit(carol), 0);

        first.lose(_units(30));
        _assertClosed(ITreasuryVault.EntriesClosed.selector, "fallen too far");
        first.gain(_units(30));
        assertGt(vault.maxMint(carol), 0);

        _adoptCap(0);
        _assertClosed(ITreasuryVault.DepositCapExceeded.selector, "no capacity");
    }

    function _assertClosed(bytes4 selector, string memory what) private {
        assertEq(vault.maxDeposit(carol), 0, what);
        assertEq(vault.maxMint(carol), 0, what);
        (bool isDone, bytes memory answer) = _tryDeposit(carol, _units(1), carol);
        _assertRefused(isDone, answer, selector, what);
        _fund(carol, vault.previewMint(_virtualShares()));
        (isDone, answer) = _try(carol, abi.encodeCall(IERC4626.mint, (_virtualShares(), carol)));
        _assertRefused(isDone, answer, selector, what);
        assertGt(vault.maxWithdraw(alice), 0, "exits stay open");
        assertGt(vault.maxRedeem(alice), 0, "exits stay open");
        _assertExitLimits(alice);
    }

    function test_Rule12_AVaultAboveItsCapTakesNothingMore() public inEachScene {
        uint256 total = vault.totalAssets();
        if (total == 0) return;
        _adoptCap(total - 1);
        assertEq(vault.maxDeposit(carol), 0, "above by yield");
        assertEq(vault.maxMint(carol), 0);
        (bool isDone,) = _tryDeposit(carol, _units(1), carol);
        assertFalse(isDone);
        _adoptCap(total);
        assertEq(vault.maxDeposit(carol), 0, "at the cap");
    }

    /// @dev Our vault has no allow list and no cap per account: everybody's limit is the same.
    function test_Rule13_TheLimitIsTheSameForEveryReceiver() public inEachScene {
        uint256 most = vault.maxDeposit(carol);
        uint256 mostShares = vault.maxMint(carol);
        address[7] memory receivers =
            [alice, thief, address(0), address(vault), address(this), vault.conduit(), address(first)];
        for (uint256 i = 0; i < 7; ++i) {
            assertEq(vault.maxDeposit(receivers[i]), most);
            assertEq(vault.maxMint(receivers[i]), mostShares);
        }
    }

    function test_Rule14_AnExitIsBoundedByWhatCanBePaidNow() public inEachCombination {
        _reach(Scene.Illiquid);
        // Idle, five of the first strategy, none of the second, all of the third.
        uint256 payable_ = asset.balanceOf(address(vault)) + _units(5) + _units(5);
        uint256 before = vault.maxWithdraw(alice);
        assertLe(before, payable_);
        assertGe(before + 3, payable_, "and by nothing else");
        assertLt(vault.maxRedeem(alice), vault.balanceOf(alice));
        (bool isDone, bytes memory answer) = _try(alice, abi.encodeCall(IERC4626.withdraw, (before + 3, alice, alice)));
        _assertRefused(isDone, answer, ITreasuryVault.Illiquid.selector, "more than can be paid");

        _deposit(carol, _units(7));
        uint256 raised = vault.maxWithdraw(alice);
        assertGt(raised, before, "an entry raises it");
        _invest(second, _units(20));
        assertLt(vault.maxWithdraw(alice), raised, "an allocation lowers it");
    }

    function test_Rule15_LimitsOfDepositAndMintAgree() public inEachScene {
        _assertAgreement();
        _adoptCap(type(uint128).max);
        _assertAgreement();
        _adoptCap(vault.totalAssets() + _units(3));
        _assertAgreement();
    }

    function _assertAgreement() private view {
        (uint256 most, uint256 mostShares) = (vault.maxDeposit(carol), vault.maxMint(carol));
        assertLe(vault.previewMint(mostShares), most);
        assertEq(mostShares, vault.previewDeposit(most));
        assertEq(mostShares == 0, most == 0);
    }

    /// @dev Our deposit cap is always finite, so "no limit" does not occur: the answer is exactly what the cap leaves.
    function test_Rule16_TheLimitIsExactlyWhatTheCapLeaves() public inEachScene {
        if (scene == Scene.Unreadable) return;
        uint256 cap = vault.totalAssets() + _units(5);
        _adoptCap(cap);
        uint256 room = cap - vault.totalAssets();
        assertEq(vault.maxDeposit(carol), vault.previewDeposit(room) == 0 ? 0 : room);
    }

    function test_Rule17_LimitsDoNotDependOnBalancesOrAllowances() public inEachScene {
        bytes32 before = _limits();
        asset.mint(carol, _units(1000));
        assertEq(_limits(), before, "balance of assets");
        vm.prank(carol);
        asset.approve(address(vault), type(uint256).max);
        assertEq(_limits(), before, "allowance of assets");
        vm.prank(alice);
        vault.approve(carol, type(uint256).max);
        assertEq(_limits(), before, "allowance of shares");
        vm.prank(carol);
        assertEq(_limits(), before, "caller");
    }

    function _limits() private view returns (bytes32) {
        return keccak256(
            abi.encode(vault.maxDeposit(carol), vault.maxMint(carol), vault.maxWithdraw(alice), vault.maxRedeem(alice))
        );
    }

    function test_Rule18_ABrokenStrategyStopsNoLimit() public inEachCombination {
        _deposit(alice, _units(100));
        _spread();
        for (uint256 fault = 1; fault <= 3; ++fault) {
            third.setReadFault(HostileStrategy.Fault(fault));
            _assertWithoutThird("reads");
            third.setReadFault(HostileStrategy.Fault.None);
            third.setTokenFault(HostileStrategy.Fault(fault));
            _assertWithoutThird("balance");
            third.setTokenFault(HostileStrategy.Fault.None);
        }
        assertGt(vault.maxDeposit(carol), 0, "back when it can be read");
        vm.etch(address(third), "");
        _assertWithoutThird("gone");
    }

    function _assertWithoutThird(string memory what) private {
        assertEq(vault.maxDeposit(carol), 0, what);
        assertEq(vault.maxMint(carol), 0, what);
        assertApproxEqAbs(vault.totalAssets(), _units(132) + 3, 2, what);
        assertGt(vault.maxWithdraw(alice), 0, what);
        assertGt(vault.maxRedeem(alice), 0, what);
        _assertExitLimits(alice);
    }

    function test_Rule19_NoAccountAndNoAmountMakesALimitRevert() public inEachCombination {
        address[4] memory accounts = [address(0), address(vault), vault.conduit(), address(this)];
        for (uint256 i = 0; i < 4; ++i) {
            assertEq(vault.maxWithdraw(accounts[i]), 0);
            assertEq(vault.maxRedeem(accounts[i]), 0);
            assertEq(vault.maxDeposit(accounts[i]), vault.maxDeposit(carol));
            assertEq(vault.maxMint(accounts[i]), vault.maxMint(carol));
        }
        // Supply is bounded by 2^144, so a holder of everything that can exist is the worst there is.
        _adoptCap(type(uint128).max);
        _deposit(alice, vault.maxDeposit(alice));
        assertLe(vault.totalSupply(), MAX_SUPPLY);
        vault.maxDeposit(alice);
        vault.maxMint(alice);
        assertGt(vault.maxWithdraw(alice), 0);
        assertGt(vault.maxRedeem(alice), 0);
        // And assets far beyond any that the vault counts.
        asset.mint(address(vault), 2 ** 255);
        assertLt(vault.maxDeposit(alice), 2 ** 128);
        assertLe(vault.maxMint(alice), MAX_SUPPLY);
        assertGt(vault.maxWithdraw(alice), 0);
        assertGt(vault.maxRedeem(alice), 0);
        assertLt(vault.totalAssets(), 2 ** 128);
        skip(4000 days);
        vault.maxWithdraw(alice);
        vault.maxRedeem(alice);
        assertLt(vault.totalAssets(), 2 ** 128);
    }

    function test_Rule20_LimitsOfWithdrawAndRedeemAgree() public inEachScene {
        for (uint256 i = 0; i < 2; ++i) {
            address holder = _holders[i];
            uint256 most = vault.maxWithdraw(holder);
            uint256 worth = vault.convertToAssets(vault.balanceOf(holder));
            assertLe(most, worth);
            assertGe(most + 1, vault.previewRedeem(vault.maxRedeem(holder)), "one unit apart at most");
            if (scene == Scene.Illiquid || scene == Scene.ExitFees) continue;
            assertEq(vault.maxRedeem(holder), worth == 0 ? 0 : vault.balanceOf(holder), "no limit is in force");
            assertGe(most + 1, worth);
        }
    }
}
