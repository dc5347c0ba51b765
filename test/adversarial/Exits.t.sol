// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {IPolicyGuard} from "../../contracts/interfaces/IPolicyGuard.sol";
import {Mode, Policy, StrategyStatus} from "../../contracts/types/Policy.sol";
import {Rule} from "../../contracts/types/Rule.sol";
import {HostileStrategy} from "../mocks/HostileStrategy.sol";
import {Arena} from "./Arena.sol";

/// @notice Attacks on the way out, and on the keeper's work by those who may call something.
contract ExitIncidents is Arena {
    function setUp() public override {
        super.setUp();
        _rebalance(_two(_in(2, 300_000 * UNIT), _in(0, 300_000 * UNIT)));
        _rebalance(_one(_in(1, 300_000 * UNIT)));
        _nextBlock();
    }

    function _terms() internal view override returns (Policy memory policy) {
        address[] memory list = new address[](3);
        // The broken one first: exits come to it before any other.
        (list[0], list[1], list[2]) = (address(odd), address(other), address(steady));
        return _policy(list);
    }

    /// A venue that is lent out to the last unit says so; one that breaks does not. Both are passed by.
    function test_Incident36_FullUtilisation_OtherVenuesStillServe() public {
        for (uint256 i = 0; i < 4; ++i) {
            uint256 snapshot = vm.snapshotState();
            if (i == 0) odd.setLiquidAssets(0);
            if (i == 1) odd.setExitFault(HostileStrategy.Fault.Revert);
            if (i == 2) odd.setExitFault(HostileStrategy.Fault.EatGas);
            if (i == 3) odd.setShortPayBps(1);
            _leave(ALICE);
            assertEq(asset.balanceOf(ALICE), ALICES, "the others pay in full");

            vm.prank(BOB);
            vault.withdraw(99_999 * UNIT, BOB, BOB);
            vm.prank(BOB);
            vm.expectRevert();
            vault.withdraw(100_000 * UNIT, BOB, BOB);
            uint256 shares = vault.balanceOf(BOB);
            vm.prank(BOB);
            vault.redeemInKind(shares, BOB, BOB, new address[](0));
            uint256 inKind = steady.previewRedeem(steady.balanceOf(BOB)) + odd.previewRedeem(odd.balanceOf(BOB));
            assertGe(asset.balanceOf(BOB) + inKind + 3, BOBS, "and the rest in kind");
            vm.revertToState(snapshot);
        }
    }

    function test_Incident36_FullUtilisation_WhatCannotMoveIsLeftBehind() public {
        odd.setTokenFault(HostileStrategy.Fault.Revert);
        address[] memory skip = new address[](1);
        skip[0] = address(odd);
        uint256 shares = vault.balanceOf(ALICE);
        vm.prank(ALICE);
        vault.redeemInKind(shares, ALICE, ALICE, skip);
        vm.startPrank(ALICE);
        steady.redeem(steady.balanceOf(ALICE), ALICE, ALICE);
        other.redeem(other.balanceOf(ALICE), ALICE, ALICE);
        vm.stopPrank();
        assertApproxEqAbs(asset.balanceOf(ALICE), ALICES * 7 / 10, 3);
    }

    /// Forced moves by anyone: only what stands above an absolute cap, and only what the griefer gave away to get it
    /// there.
    function test_Incident37_ForceDeallocate_OnlyAGiftCanBeTrimmed() public {
        vm.startPrank(THIEF);
        for (uint8 i = 0; i < 3; ++i) {
            vm.expectPartialRevert(IPolicyGuard.NothingToTrim.selector);
            guard.trim(i);
        }
        vm.stopPrank();
        assertEq(_position(steady) + _position(other) + _position(odd), 900_000 * UNIT, "nothing moved");

        Policy memory policy = _terms();
        policy.strategies[2].cap = 300_000e6;
        _impose(policy);
        steady.setExitFeeBps(100);
        uint256 spent = 0;
        // The fee of every forced move fills the vault's bucket, and the griefer pays a hundred times as much for it.
        for (uint256 i = 0; i < 10; ++i) {
            _supply(steady, THIEF, 20_000 * UNIT, address(vault));
            spent += 20_000 * UNIT;
            vm.prank(THIEF);
            guard.trim(2);
        }
        assertGe(_worthInKind(ALICE) + _worthInKind(BOB), HONEST + spent / 2, "the depositors have most of it");
        assertEq(asset.balanceOf(THIEF) + steady.balanceOf(THIEF), 0, "the griefer has none of it");
        _assertRefused(_one(_out(2, 100_000 * UNIT)), Rule.None, "the keeper's next plan");
    }

    /// Forced moves by entering and leaving: the leaver pays what they cost.
    function test_Incident37_ForceDeallocate_TheLeaverPaysForIt() public {
        uint256 stake = 900_000 * UNIT;
        _enter(vault, THIEF, stake);
        skip(1 days);
        _rebalance(_two(_in(1, 500_000 * UNIT), _in(2, 500_000 * UNIT)));
        _nextBlock();
        vault.checkpoint();
        other.setExitFeeBps(100);
        odd.setExitFeeBps(100);
        uint256 honest = _worth(ALICE) + _worth(BOB);

        _leave(THIEF);
        assertLe(asset.balanceOf(THIEF), stake * 99 / 100 + 1, "the griefer paid the fee");
        assertGe(_worth(ALICE) + _worth(BOB) + 3, honest, "nobody else did");
        _assertRefused(_one(_out(2, 100_000 * UNIT)), Rule.None, "the keeper's next plan");
    }

    function test_Incident38_Dust_AGiftInEveryBlockDoesNotHoldARemovalUp() public {
        Policy memory closing = _terms();
        closing.strategies[0].status = StrategyStatus.ExitOnly;
        _impose(closing);
        guard.trim(0);
        assertEq(odd.balanceOf(address(vault)), 0, "all of it left");

        address[] memory list = new address[](2);
        (list[0], list[1]) = (address(other), address(steady));
        Policy memory without = _policy(list);
        vm.prank(OWNER);
        guard.submitPolicy(without);
        for (uint256 i = 0; i < 24; ++i) {
            _supply(odd, THIEF, 1, address(vault));
            skip(1 hours);
            vm.roll(block.number + 1);
        }
        _supply(odd, THIEF, 1, address(vault));
        guard.activatePolicy(without);
        assertEq(vault.exitList().length, 2, "removed");
        assertGe(_worth(ALICE) + _worth(BOB), HONEST - 3);
    }

    /// A strategy that has left for good leaves no dust share behind, whatever its price.
    function test_Incident38_Dust_TrimLeavesForGood() public {
        _supply(odd, THIEF, 12_345_678_901, THIEF);
        odd.lose(20_000 * UNIT);
        // A price at which taking out all that the shares are worth leaves one of them behind.
        while (odd.previewWithdraw(_position(odd)) == odd.balanceOf(address(vault))) odd.lose(1007);
        Policy memory closing = _terms();
        closing.strategies[0].status = StrategyStatus.ExitOnly;
        _impose(closing);
        vm.prank(THIEF);
        guard.trim(0);
        assertEq(odd.balanceOf(address(vault)), 0);
    }

    /// In every mode, with every mandate ended, with a policy waiting, and with nobody left who holds a role.
    function test_Incident39_Pause_StopsNoExit() public {
        for (uint256 i = 0; i < 4; ++i) {
            uint256 snapshot = vm.snapshotState();
            vm.startPrank(GUARDIAN);
            if (i == 1) guard.setMode(Mode.ExitOnly);
            if (i >= 2) guard.setMode(Mode.Paused);
            guard.revokeAgent(AGENT);
            vm.stopPrank();
            vm.prank(OWNER);
            guard.submitPolicy(_terms());
            if (i == 3) skip(1000 days);

            assertGe(vault.maxRedeem(ALICE), vault.balanceOf(ALICE), "nothing holds it back");
            vm.prank(BOB);
            vault.withdraw(BOBS / 2, BOB, BOB);
            _leave(ALICE);
            _leaveInKind(BOB);
            assertGe(asset.balanceOf(ALICE) + 1, ALICES);
            assertGe(asset.balanceOf(BOB) + 3, BOBS);
            vm.revertToState(snapshot);
        }
    }

    /// The agent put everything to work and never came back.
    function test_Incident40_ReleaseByABot_NobodyWaitsForIt() public {
        _rebalance(_one(_in(1, 100_000 * UNIT)));
        assertEq(asset.balanceOf(address(vault)), 0, "no idle");
        vm.prank(AGENT);
        guard.resign();
        skip(3650 days);
        _leave(ALICE);
        vm.prank(BOB);
        vault.withdraw(BOBS - 2, BOB, BOB);
        assertGe(asset.balanceOf(ALICE) + 1, ALICES);
        assertEq(asset.balanceOf(BOB), BOBS - 2);
    }
}
