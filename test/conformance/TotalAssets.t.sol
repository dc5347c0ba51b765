// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {NavParameters, NavState} from "../../contracts/types/Nav.sol";
import {Leg} from "../../contracts/types/Rebalance.sol";
import {TestStrategy} from "../mocks/TestStrategy.sol";
import {Conformance, Scene} from "./Conformance.sol";
import {Wide} from "./Wide.sol";

/// @notice Rules 7, 32 to 34, 67: what the vault is worth, how fast that changes and what the fees take of it.
contract TotalAssetsConformanceTest is Conformance {
    uint256 private constant YEAR = 365 days;

    /// @dev Ours is the lower of the sum and the mark: N = min(L, ⌊M(S+V)⌋ − 1). The price of entries is the
    /// highest of
    /// the sum, the mark and the observation before.
    function test_Rule32_TotalAssetsIsTheSumFromOutsideOrTheMark() public inEachScene {
        NavState memory state = _state();
        uint256 live = _liveFromOutside();
        uint256 units = _unitsNow();
        assertEq(state.supply + _virtualShares(), units, "supply with fees due");
        assertEq(state.liveAssets, live, "sum");
        (uint256 atMark,) = Wide.timesPrice(state.markPrice, units);
        uint256 expected = atMark == 0 ? 0 : atMark - 1;
        assertEq(vault.totalAssets(), live < expected ? live : expected);
        _assertEntryPrice(state, live, units);
        if (scene == Scene.UnrecognisedGain || scene == Scene.DearShares) {
            assertLt(vault.totalAssets(), live, "the scene is reached");
        } else if (scene != Scene.PriceAboveOne || !hasFees) {
            // A mark that has caught up costs a unit of rounding at most.
            assertGe(vault.totalAssets() + 1, live);
        }
    }

    function _assertEntryPrice(NavState memory state, uint256 live, uint256 units) private pure {
        uint256 expected = live;
        uint256 price = state.markPrice > state.previousPrice ? state.markPrice : state.previousPrice;
        (uint256 whole, bool hasRest) = Wide.timesPrice(price, units);
        uint256 above = hasRest ? whole : whole == 0 ? 0 : whole - 1;
        if (above > expected) expected = above;
        assertLe(state.entryAssets, expected);
        assertGe(state.entryAssets, live, "never below the sum");
        // Where the price is the live one, only its float lies above the sum: 2^-55 of it.
        assertGe(state.entryAssets + expected / 2 ** 55 + 1, expected, "nor below mark and observation");
    }

    /// @dev What lies in the conduit was given to nobody, and does not count.
    function test_Rule32_GiftsToTheConduitAreNotCounted() public inEachScene {
        uint256 before = vault.totalAssets();
        asset.mint(vault.conduit(), _units(50));
        assertEq(vault.totalAssets(), before);
        assertEq(_state().liveAssets, _liveFromOutside());
    }

    /// @dev The declared bound: one unit per leg, from the strategy's own rounding. With the real guard: Rule 33 of the
    /// guarded suite.
    function test_Rule33_MovingFundsCostsAUnitPerLegAndBringsNothing() public inEachScene {
        if (scene < Scene.Several || scene >= Scene.Unreadable) return;
        uint256 total = vault.totalAssets();
        uint256 live = _liveFromOutside();
        Leg[] memory legs = new Leg[](2);
        legs[0] = _out(TestStrategy(address(third)), _units(2));
        legs[1] = _in(first, _units(7) + 1);
        vault.execute(legs, 1 hours, 1 days);
        assertLe(vault.totalAssets(), total, "never upward");
        assertGe(vault.totalAssets() + 2, total);
        assertLe(_liveFromOutside(), live);
        assertGe(_liveFromOutside() + 2, live);
    }

    function test_Rule34_AGainIsBoundedByTimeAndALossIsNot() public inEachCombination {
        _deposit(alice, _units(1000));
        _invest(first, _units(1000));
        skip(1 days);
        vault.checkpoint();
        uint256 before = vault.totalAssets();
        first.gain(_units(500));
        assertLe(vault.totalAssets(), before + _floatStep(before), "nothing at once");
        for (uint256 i = 1; i <= 5; ++i) {
            skip(1 days);
            assertLe(vault.totalAssets(), before + before / 100 + _floatStep(before), "one per cent a day");
            assertGe(vault.totalAssets(), before, "but forward");
            before = vault.totalAssets();
            vault.checkpoint();
        }
        assertGe(before, _units(1045), "and it arrives");
        first.lose(_units(900));
        assertEq(vault.totalAssets(), _liveFromOutside(), "a loss at once and whole");
        assertLe(vault.totalAssets(), _units(600));
    }

    function test_Rule67_FromNoTimeToTenYears() public inEachScene {
        uint256 start = vm.snapshotState();
        uint256[4] memory times = [uint256(0), 1, 365 days, 3653 days];
        for (uint256 i = 0; i < 4; ++i) {
            skip(times[i]);
            uint256 supply = vault.totalSupply();
            uint256 total = vault.totalAssets();
            vault.maxDeposit(carol);
            vault.previewMint(1);
            vault.checkpoint();
            assertEq(vault.totalAssets(), total, "settling changes no value");
            assertLe(vault.totalAssets(), _liveFromOutside());
            // In ten years two per cent a year are e^0.2, and a fifth of a gain that grew 37 fold, the most that can be
            // recognised, is 37^0.2: together less than thrice the units there were.
            uint256 minted = vault.totalSupply() - supply;
            if (!hasFees || (times[i] == 0 && scene < Scene.Several)) assertEq(minted, 0);
            else assertLe(minted, 2 * (supply + _virtualShares()), "the fee is capped");
            if (hasFees && scene == Scene.OneHolder) assertLe(minted, supply / 4, "and small without a gain");
            uint256 most = vault.maxWithdraw(alice);
            vm.prank(alice);
            vault.withdraw(most, alice, alice);
            vm.revertToState(start);
        }
    }

    /// @dev Fee shares are rounded down, against the recipient.
    function test_Rule07_ManagementFeeIsNotMoreThanDeclared() public inEachCombination {
        _deposit(alice, _units(1_000_000));
        uint256 supply = vault.totalSupply();
        skip(YEAR);
        vault.checkpoint();
        uint256 minted = vault.balanceOf(feeRecipient);
        assertEq(vault.totalSupply(), supply + minted);
        if (!hasFees) return assertEq(minted, 0);
        // Holders keep at least 98 % less what compounds of the second: (1 − 0.02/31,536,000)^31,536,000 = e^−0.02
        // to
        // nine digits, so the recipient holds 1 − e^−0.02 = 0.019801326693 of all shares.
        uint256 all = supply + minted;
        assertLe(minted, all * 19_801_326_700 / 1e12 + 1, "not more");
        assertGe(minted + 1, all * 19_801_326_680 / 1e12, "not less");
        assertLe(vault.convertToAssets(minted), _units(1_000_000) / 50, "two per cent at most");
    }

    /// @dev Equal under any splitting of time but for rounding: a share per accrual, against the recipient.
    /// forge-config: default.fuzz.runs = 12
    function testFuzz_Rule07_AccruingManagementOftenGainsNothing(uint256 time, uint256 parts) public inEachCombination {
        _adoptFees(200, 0);
        _deposit(alice, _units(1000) + 7);
        time = bound(time, 1, 400 days);
        parts = bound(parts, 2, 12);
        uint256 start = vm.snapshotState();
        skip(time);
        vault.checkpoint();
        uint256 once = vault.balanceOf(feeRecipient);
        vm.revertToStateAndDelete(start);
        for (uint256 i = 0; i < parts; ++i) {
            skip(i == parts - 1 ? time - time / parts * (parts - 1) : time / parts);
            vault.checkpoint();
        }
        assertLe(vault.balanceOf(feeRecipient), once + parts, "more often is not more");
        assertGe(vault.balanceOf(feeRecipient) + parts + (once >> 50), once, "nor less");
        if (!hasFees) assertEq(once, 0);
    }

    /// @dev Ours: equal under any splitting while the price rises. A price that fell between may have been paid for at
    /// its height.
    /// forge-config: default.fuzz.runs = 12
    function testFuzz_Rule07_AccruingPerformanceOftenGainsNothing(uint256 gain, uint256 parts)
        public
        inEachCombination
    {
        _adoptFees(0, 2000);
        _deposit(alice, _units(1000) + 7);
        _invest(first, _units(1000));
        parts = bound(parts, 2, 12);
        gain = bound(gain, 0, _units(50));
        uint256 start = vm.snapshotState();
        uint256 once;
        for (uint256 run = 0; run < 2; ++run) {
            for (uint256 i = 0; i < parts; ++i) {
                skip(1 days);
                first.gain(gain);
                if (run == 1 || i == parts - 1) vault.checkpoint();
            }
            if (run == 1) continue;
            once = vault.balanceOf(feeRecipient);
            vm.revertToStateAndDelete(start);
        }
        // What the float of the high-water mark rounds up is not charged again: 2^-55 of all shares an accrual.
        uint256 rounding = parts * (2 + (vault.totalSupply() >> 52));
        assertLe(vault.balanceOf(feeRecipient), once + rounding, "more often is not more");
        // Less than the float of a price can tell is no gain.
        if (gain == 0 || !hasFees) assertEq(once, 0);
        else if (gain > _units(1000) >> 45) assertGt(once, 0);
    }

    /// @dev Growth fast enough that no gain of the test waits for it.
    function _adoptFees(uint16 managementFeeBps, uint16 performanceFeeBps) private {
        NavParameters memory terms = _terms();
        terms.maxGrowthWad = 10e18;
        if (hasFees) (terms.managementFeeBps, terms.performanceFeeBps) = (managementFeeBps, performanceFeeBps);
        _adopt(terms);
    }

    function test_Rule07_PerformanceFeeOncePerGain() public inEachCombination {
        _deposit(alice, _units(100_000));
        _invest(first, _units(100_000));
        if (hasFees) {
            NavParameters memory terms = _terms();
            terms.managementFeeBps = 0;
            _adopt(terms);
        }
        first.gain(_units(10_000));
        for (uint256 i = 0; i < 30; ++i) {
            skip(1 days);
            vault.checkpoint();
        }
        uint256 fee = vault.balanceOf(feeRecipient);
        if (!hasFees) return assertEq(fee, 0);
        // Above the mark a share at p keeps H^f · p^(1−f): of 1.1 the holder keeps 1.1^0.8 = 1.0792279, the
        // recipient (1.1 − 1.0792279) / 1.1 = 1.88837 % of all.
        assertApproxEqRel(vault.convertToAssets(fee), _units(110_000) * 188_837 / 10_000_000, 0.001e18);
        // Down and up again to where it was: no second fee, below the high-water mark or at it.
        first.lose(_units(5000));
        skip(1 days);
        vault.checkpoint();
        first.gain(_units(5000));
        skip(10 days);
        vault.checkpoint();
        assertLe(vault.balanceOf(feeRecipient), fee + (vault.totalSupply() >> 50), "the same gain pays once");
    }
}
