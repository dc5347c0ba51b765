// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {ShareMoreStrategy} from "../mocks/ShareMoreStrategy.sol";
import {TestStrategy} from "../mocks/TestStrategy.sol";
import {VaultFixture} from "./VaultFixture.sol";

/// @notice `maxWithdraw` and `maxRedeem` correct a first guess a few times and answer zero if that does not end. Here
/// their answers are held against the most that really goes, found by halving, over strategies that charge for exits,
/// stand at odd prices and are short of liquidity. 1,000 runs of each have found nothing beyond the grace.
contract VaultLimitsTest is VaultFixture {
    struct Position {
        uint64 assets;
        uint64 gain;
        uint16 exitFeeBps;
        uint64 liquid;
        bool isIlliquid;
    }

    /// @dev What the answers may lie below the truth by, in smallest units of the asset.
    uint256 private constant GRACE = 1;

    /// forge-config: default.fuzz.runs = 64
    function testFuzz_MaxWithdraw_IsTheMostThatGoes(Position[2] memory positions, uint64 idle, uint64 others) public {
        _prepare(positions, idle, others);
        uint256 answer = vault.maxWithdraw(alice);
        assertGt(answer, 0, "idle goes in any case");
        assertTrue(_withdraws(answer), "more than goes");
        uint256 most = _most(_withdraws, type(uint80).max);
        assertLe(most, answer + GRACE, "less than goes");
    }

    /// forge-config: default.fuzz.runs = 64
    function testFuzz_MaxRedeem_IsTheMostThatGoes(Position[2] memory positions, uint64 idle, uint64 others) public {
        _prepare(positions, idle, others);
        uint256 answer = vault.maxRedeem(alice);
        assertGt(answer, 0, "idle goes in any case");
        assertTrue(_redeems(answer), "more than goes");
        uint256 most = _most(_redeems, vault.balanceOf(alice));
        uint256 perUnit = vault.convertToShares(1) + 1;
        assertLe(most, answer + GRACE * perUnit, "less than goes");
    }

    /// @dev The first guess is what redeeming pays. A withdrawal of it asks the strategy for a share more, passes the
    /// next ten thousand and so costs a unit more. What alice lacks for that is half a unit's worth of shares, which
    /// rounds to nothing.
    function test_MaxWithdraw_CorrectsByAUnitAtLeast() public {
        first = new ShareMoreStrategy(asset);
        _adopt(_parameters());
        _deposit(alice, 10_001);
        _deposit(bob, 1e6);
        _invest(first, 10_001 + 1e6);
        first.setExitFeeBps(1);
        vm.prank(alice);
        assertTrue(vault.transfer(bob, 0.5e6));
        assertEq(vault.balanceOf(alice), 10_000.5e6);

        assertEq(vault.previewRedeem(10_000.5e6), 9999, "the guess");
        assertFalse(_withdraws(9999));
        assertEq(vault.maxWithdraw(alice), 9998);
        assertTrue(_withdraws(9998));
    }

    function _prepare(Position[2] memory positions, uint64 idle, uint64 others) private {
        TestStrategy[2] memory strategies = [first, second];
        uint256 total = bound(idle, 10, 1e15);
        for (uint256 i = 0; i < 2; ++i) {
            positions[i].assets = uint64(bound(positions[i].assets, 1, 1e15));
            total += positions[i].assets;
        }
        _deposit(alice, total);
        _deposit(bob, bound(others, 1, 1e15));
        for (uint256 i = 0; i < 2; ++i) {
            _invest(strategies[i], positions[i].assets);
            strategies[i].gain(bound(positions[i].gain, 0, positions[i].assets));
            strategies[i].setExitFeeBps(bound(positions[i].exitFeeBps, 0, 500));
            if (positions[i].isIlliquid) strategies[i].setLiquidAssets(bound(positions[i].liquid, 0, 1e15));
        }
    }

    function _withdraws(uint256 assets) private returns (bool isDone) {
        uint256 state = vm.snapshotState();
        vm.prank(alice);
        try vault.withdraw(assets, alice, alice) {
            isDone = true;
        } catch {}
        vm.revertToState(state);
    }

    function _redeems(uint256 shares) private returns (bool isDone) {
        uint256 state = vm.snapshotState();
        vm.prank(alice);
        try vault.redeem(shares, alice, alice) {
            isDone = true;
        } catch {}
        vm.revertToState(state);
    }

    /// @dev The largest number that goes, if whatever is below one that goes goes too.
    function _most(function(uint256) internal returns (bool) goes, uint256 tooMuch) private returns (uint256 most) {
        if (goes(tooMuch)) return tooMuch;
        while (tooMuch - most > 1) {
            uint256 middle = (most + tooMuch) / 2;
            if (goes(middle)) most = middle;
            else tooMuch = middle;
        }
    }
}
