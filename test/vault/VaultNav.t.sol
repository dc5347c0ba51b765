// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {IERC4626} from "@openzeppelin/contracts/interfaces/IERC4626.sol";

import {ITreasuryVault} from "../../contracts/interfaces/ITreasuryVault.sol";
import {NavParameters, NavState} from "../../contracts/types/Nav.sol";
import {HostileStrategy} from "../mocks/HostileStrategy.sol";
import {VaultFixture} from "./VaultFixture.sol";

/// @notice Mark, observations, seasoning. The fixture allows 1 % growth a day and 5 % fall in ten days.
contract VaultNavTest is VaultFixture {
    function _filled() internal {
        _deposit(alice, _units(100));
        _invest(first, _units(100));
    }

    function test_Mark_GrowsByADaysPartAtMost() public {
        _filled();
        first.gain(_units(50));
        vm.warp(START + 1 days);
        assertApproxEqAbs(vault.totalAssets(), _units(101), 2);
        assertLe(vault.totalAssets(), _units(101));
        vm.warp(START + 5 days);
        assertLe(vault.totalAssets(), _units(105));
        vault.checkpoint();
        vm.warp(START + 6 days);
        assertLe(vault.totalAssets(), _units(105) * 101 / 100);
        assertApproxEqAbs(vault.totalAssets(), _units(105) * 101 / 100, 2);
        assertEq(_state().liveAssets, _units(150) - 1);
    }

    function test_Mark_RefreshEverySecondLosesNoGrowth() public {
        _filled();
        first.gain(_units(50));
        for (uint256 i = 1; i <= 600; ++i) {
            vm.warp(START + i);
            vault.checkpoint();
        }
        // 600 seconds of 1 % a day, compounding.
        uint256 expected = _units(100) + _units(100) * 600 / 100 / 1 days;
        assertApproxEqAbs(vault.totalAssets(), expected, 2);
    }

    function test_Mark_StopsAtTheLiveValue() public {
        _filled();
        first.gain(_units(1) / 2);
        vm.warp(START + 1 days);
        assertEq(vault.totalAssets(), _state().liveAssets);
    }

    function test_Mark_OnlyTheFirstRefreshOfABlockMovesIt() public {
        _filled();
        vm.warp(START + 10 days);
        vault.checkpoint();
        uint256 mark = _state().markPrice;
        first.gain(_units(50));
        vault.checkpoint();
        assertEq(_state().markPrice, mark);
        assertGt(_state().observationPrice, mark);
        assertEq(_state().previousPrice, mark);
    }

    function test_Mark_FallsOnlyAfterTwoLowObservations() public {
        _filled();
        first.lose(_units(20));
        vm.warp(START + 1 hours);
        vault.checkpoint();
        uint256 mark = _state().markPrice;
        assertEq(vault.totalAssets(), _units(80), "a loss counts at once");
        assertEq(_state().refreshedAt, START + 1 hours);
        // The observation before was high, so the mark stood still; from here on both lie below.
        vm.warp(START + 2 hours);
        vault.checkpoint();
        uint256 fallen = mark - mark * 500 * 1 hours / (10_000 * 10 days);
        assertApproxEqRel(_state().markPrice, fallen, 100);
        assertGe(_state().markPrice, fallen);
    }

    function test_Mark_OneRefreshFallsByAnHourAtMost() public {
        _filled();
        first.lose(_units(20));
        vm.warp(START + 1 hours);
        vault.checkpoint();
        uint256 mark = _state().markPrice;
        vm.warp(START + 100 days);
        assertApproxEqRel(_state().markPrice, mark - mark * 500 * 1 hours / (10_000 * 10 days), 100);
    }

    function test_Mark_FallsNoLowerThanObservations() public {
        NavParameters memory parameters = _parameters();
        (parameters.maxDrawdownBps, parameters.entryHaltSeconds) = (10_000, 1);
        _filled();
        vm.warp(START + 1);
        _adopt(parameters);
        first.lose(_units(10));
        vault.checkpoint();
        vm.warp(START + 2);
        first.lose(_units(10));
        vault.checkpoint();
        NavState memory state = _state();
        assertEq(state.markPrice, state.previousPrice, "the higher of both is the floor");
        assertGt(state.markPrice, state.observationPrice);
    }

    function test_Entries_ReopenAfterTheHalt() public {
        _filled();
        first.lose(_units(10));
        vm.warp(START + 1 hours);
        vault.checkpoint();
        assertFalse(_state().isEntryOpen);
        for (uint256 i = 2; i < 24 * 12 && !_state().isEntryOpen; ++i) {
            vm.warp(START + i * 1 hours);
            vault.checkpoint();
        }
        assertTrue(_state().isEntryOpen);
        // 10 % below; open within 5 %: the mark had to fall about 5.26 %, which takes ten days and a half at 5 % in
        // ten.
        assertApproxEqAbs(block.timestamp, START + 10.8 days, 0.5 days);
    }

    function test_Entry_PaysThePushedUpObservationInTheNextBlock() public {
        _filled();
        vm.warp(START + 1 hours);
        uint256 honest = vault.previewDeposit(_units(10));
        first.gain(_units(100));
        vault.checkpoint();
        first.lose(_units(100));
        assertApproxEqRel(vault.previewDeposit(_units(10)), honest, 0.001e18, "not of an earlier block");
        vm.warp(START + 1 hours + 12);
        assertLt(vault.previewDeposit(_units(10)), honest * 51 / 100);
        assertEq(vault.totalAssets(), _units(100), "NAV follows the live value down");
    }

    function test_Checkpoint_MovesNothingWhileUnreadable() public {
        _filled();
        asset.mint(address(vault), _units(10));
        _invest(third, _units(10));
        vm.warp(START + 1 days);
        third.setReadFault(HostileStrategy.Fault.EatGas);
        NavState memory before = _state();
        vault.checkpoint();
        assertEq(_state().refreshedAt, before.refreshedAt);
        assertEq(_state().refreshedAt, START);
        assertEq(_state().markPrice, before.markPrice);
        assertFalse(_state().isReadable);
        third.setReadFault(HostileStrategy.Fault.None);
        vault.checkpoint();
        assertEq(_state().refreshedAt, START + 1 days);
    }

    function test_Checkpoint_Emits() public {
        _filled();
        first.gain(_units(50));
        vm.warp(START + 1 days);
        NavState memory next = _state();
        vm.expectEmit(address(vault));
        emit ITreasuryVault.Checkpointed(next.liveAssets, next.markPrice, next.observationPrice);
        vm.prank(thief);
        vault.checkpoint();
    }

    function test_Empty_MarkStartsAtTheLivePrice() public {
        asset.mint(address(vault), _units(5));
        assertEq(vault.totalAssets(), _units(5));
        assertEq(_state().entryAssets, _units(5));
        _deposit(alice, _units(100));
        assertApproxEqAbs(vault.totalAssets(), _units(105), 1);
        vm.warp(START + 1 days);
        _redeemAll(alice);
        asset.mint(address(vault), _units(1000));
        assertApproxEqAbs(vault.totalAssets(), asset.balanceOf(address(vault)), 0, "starts anew at supply zero");
    }

    function test_Season_NewCapitalCountsAfterADay() public {
        _filled();
        assertEq(_state().baseAssets, 0);
        assertEq(_state().seasonedWad, 0);
        vm.warp(START + 6 hours);
        assertEq(_state().seasonedWad, 0.25e18);
        assertApproxEqAbs(_state().baseAssets, _units(25), 1);
        vm.warp(START + 2 days);
        assertEq(_state().seasonedWad, 1e18);
        assertEq(_state().baseAssets, _units(100));
    }

    function test_Season_BorrowedCapitalEnlargesNoBaseAndLeavesNoTrace() public {
        _filled();
        vm.warp(START + 2 days);
        _deposit(thief, _units(900));
        assertApproxEqAbs(_state().baseAssets, _units(100), 1);
        assertApproxEqAbs(_state().navAssets, _units(1000), 1);
        _redeemAll(thief);
        assertApproxEqAbs(_state().baseAssets, _units(100), 1);
        assertApproxEqAbs(_state().seasonedWad, 1e18, 1e5);
    }

    function test_Season_InKindExitCarriesItOver() public {
        _filled();
        vm.warp(START + 12 hours);
        _deposit(bob, _units(100));
        vm.prank(bob);
        vault.redeemInKind(100e12, bob, bob, new address[](0));
        assertApproxEqAbs(_state().seasonedWad, 0.5e18, 1e5);
    }

    function test_CheckpointState_AgesAndFollowsSupply() public {
        _filled();
        vm.warp(START + 1 hours);
        (uint256 nav, uint256 base, bool isFresh) = vault.checkpointState();
        assertTrue(isFresh);
        assertApproxEqAbs(nav, _units(100), 1);
        assertApproxEqAbs(base, _units(100) / 24, 1);
        vm.warp(START + 1 hours + 1);
        (,, isFresh) = vault.checkpointState();
        assertFalse(isFresh);
        vault.checkpoint();
        (nav,, isFresh) = vault.checkpointState();
        assertTrue(isFresh);
        assertEq(nav, _state().navAssets);
        _deposit(bob, _units(50));
        (nav,,) = vault.checkpointState();
        assertApproxEqAbs(nav, _units(150), 1);
    }

    function test_CheckpointState_NotFreshBeforeTheFirstRefreshAndAfterAdoption() public {
        (,, bool isFresh) = vault.checkpointState();
        assertFalse(isFresh);
        _filled();
        vault.checkpoint();
        (,, isFresh) = vault.checkpointState();
        assertTrue(isFresh);
        _adopt(_parameters());
        (,, isFresh) = vault.checkpointState();
        assertFalse(isFresh);
    }

    function testFuzz_Mark_GrowthBound(uint256 seed, uint256 gain_, uint8 steps) public {
        _filled();
        first.gain(bound(gain_, 0, _units(10_000)));
        uint256 elapsed;
        uint256 navBound = _units(100) + 1;
        for (uint256 i = 0; i < bound(steps, 1, 20); ++i) {
            uint256 wait = uint256(keccak256(abi.encode(seed, i))) % 3 days;
            elapsed += wait;
            vm.warp(START + elapsed);
            vault.checkpoint();
            // One refresh after `wait` grows by 1 % × wait ÷ 1 day at most.
            navBound += navBound * wait / 100 / 1 days + 1;
            assertLe(vault.totalAssets(), navBound);
            assertLe(vault.totalAssets(), _state().liveAssets);
            assertGe(_state().entryAssets, _state().liveAssets);
        }
    }

    function testFuzz_Sandwich_NeverPays(uint256 stake, uint256 change, bool isGain, uint256 wait, bool isInKind)
        public
    {
        _filled();
        vm.warp(START + 1 hours);
        vault.checkpoint();
        stake = bound(stake, 1, _units(10_000));
        uint256 shares = _deposit(thief, stake);
        if (isGain) first.gain(bound(change, 0, _units(20)));
        else first.lose(bound(change, 0, _units(20)));
        vm.warp(block.timestamp + bound(wait, 0, 12));
        vm.startPrank(thief);
        uint256 back;
        if (isInKind) {
            (uint256 idle,, uint256[] memory amounts) = vault.redeemInKind(shares, thief, thief, new address[](0));
            back = idle + first.previewRedeem(amounts[0]);
        } else if (vault.previewRedeem(shares) != 0) {
            back = vault.redeem(shares, thief, thief);
        }
        // In kind takes the thief's part of a gain that fell while it was in; else a block's growth at most.
        if (!isGain || !isInKind) assertLe(back, stake + stake * 12 / 100 / 1 days + 1);
    }

    function test_Base_IsNavWithoutSeasoning() public {
        NavParameters memory parameters = _parameters();
        parameters.seasoningSeconds = 0;
        _adopt(parameters);
        _deposit(alice, 1e21);
        assertEq(_state().seasonedWad, 1e18);
        assertEq(_state().baseAssets, 1e21);
    }

    function test_Nav_AnEmptyStrategyIsNotAskedForItsPrice() public {
        _deposit(alice, _units(100));
        assertEq(third.balanceOf(address(vault)), 0);
        third.setReadFault(HostileStrategy.Fault.Revert);
        assertTrue(_state().isReadable);
        third.setReadFault(HostileStrategy.Fault.None);
        third.setTokenFault(HostileStrategy.Fault.Revert);
        assertFalse(_state().isReadable, "that it is empty cannot be seen");
    }

    /// @dev Not even by the last place of the stored price.
    function test_Mark_NeverGrowsFasterThanTheLimit() public {
        _deposit(alice, _units(100));
        vm.warp(START + 1);
        vault.checkpoint();
        _invest(first, _units(50));
        first.gain(_units(50));
        for (uint256 wait = 1; wait < 40; ++wait) {
            uint256 before = _state().markPrice;
            vm.warp(block.timestamp + 13 * wait);
            vault.checkpoint();
            uint256 mark = _state().markPrice;
            assertGt(mark, before);
            assertLe(mark, before + before * 0.01e18 * 13 * wait / (1 days * 1e18));
        }
    }

    function test_Live_StopsBelow128Bits() public {
        _deposit(alice, _units(100));
        _invest(first, _units(60));
        uint256 most = type(uint128).max - 1;
        for (uint256 i = 0; i < 3; ++i) {
            // One below, at the bound, and one past it.
            uint256 worth = most - _units(40) + i - 1;
            vm.mockCall(address(first), abi.encodePacked(IERC4626.convertToAssets.selector), abi.encode(worth));
            assertEq(_state().liveAssets, i == 0 ? most - 1 : most);
            assertEq(vault.totalAssets(), _units(100), "the mark holds");
        }
        vault.checkpoint();
        assertEq(vault.totalAssets(), _units(100));
    }

    /// @dev The guard refuses such a document; a vault that had one all the same must not stop.
    function test_Mark_ADrawdownPastTheWholeIsTheWhole() public {
        bytes32[2] memory seen;
        for (uint16 i = 0; i < 2; ++i) {
            uint256 snapshot = vm.snapshotState();
            NavParameters memory parameters = _parameters();
            parameters.maxDrawdownBps = 10_000 + i;
            _adopt(parameters);
            _filled();
            first.lose(_units(99));
            vm.warp(START + 1 hours);
            vault.checkpoint();
            vm.warp(START + 2 hours);
            vault.checkpoint();
            assertTrue(_state().isEntryOpen);
            seen[i] = keccak256(abi.encode(_state(), vault.maxDeposit(bob)));
            vm.revertToState(snapshot);
        }
        assertEq(seen[0], seen[1]);
    }
}
