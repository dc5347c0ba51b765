// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {Test} from "forge-std/Test.sol";

import {PriceBands} from "../../contracts/guard/PriceBands.sol";
import {SaturatingMath} from "../../contracts/guard/SaturatingMath.sol";

/// @notice The arithmetic of price references and bands.
contract PriceBandsTest is Test {
    uint256 private constant ONE = 1 << 128;
    uint256 private constant GROWTH = 0.01e18;
    /// @dev Wider than any step that growth allows here.
    uint256 private constant WIDE = 9999;

    function test_Check_AtTheEdgesAndOnePast() public pure {
        // 1,000 shares at 1:1, 1 %: 990 and 1,010, with a unit of grace on either side.
        _assertCheck(true, 989, true, 0);
        _assertCheck(true, 988, false, 990);
        _assertCheck(true, 1011, true, 0);
        _assertCheck(true, 1012, false, 1011);
        _assertCheck(false, 989, true, 0);
        _assertCheck(false, 988, false, 990);
        _assertCheck(false, type(uint256).max, true, 0);
    }

    function test_Check_NoShares() public pure {
        (bool isWithin,) = PriceBands.check(ONE, 100, false, 0, 0);
        assertTrue(isWithin);
        (isWithin,) = PriceBands.check(ONE, 100, true, 1, 0);
        assertTrue(isWithin);
        uint256 limit;
        (isWithin, limit) = PriceBands.check(ONE, 100, true, 2, 0);
        assertFalse(isWithin);
        assertEq(limit, 1);
    }

    function test_Check_WithTheLargestNumbers() public pure {
        uint256 most = type(uint256).max;
        (bool isWithin, uint256 limit) = PriceBands.check(most, 9999, true, most, most);
        assertTrue(isWithin);
        (isWithin, limit) = PriceBands.check(most, 0, false, 0, most);
        assertFalse(isWithin);
        assertEq(limit, most);
    }

    function test_Follow_WaitsADay() public pure {
        _assertFollow(1 days - 1, 1_005_000, ONE, false);
        _assertFollow(1 days, 1_005_000, ONE * 1_005_000 / 1_000_000, true);
        // The nearer end of what rounding leaves open.
        _assertFollow(1 days, 995_000, ONE * 995_001 / 1_000_000, true);
    }

    function test_Follow_IsClampedByElapsedGrowth() public pure {
        uint256 day = ONE / 100;
        _assertFollow(1 days, 2_000_000, ONE + day, true);
        _assertFollow(1 days, 500_000, ONE - day, true);
        _assertFollow(36 hours, 2_000_000, ONE + ONE * 15 / 1000, true);
        _assertFollow(200 days, 500_000, ONE * 500_001 / 1_000_000, true);
    }

    function test_Follow_GoesNoFurtherThanTheBandHoweverLongItStood() public pure {
        // 1 % a day: a band of 2.5 % is reached after two days and a half.
        uint256 band = ONE / 40;
        uint256 whole = 2.5 days;
        _assertStep(whole - 1 days, ONE * 15 / 1000);
        _assertStep(whole - 1, ONE * (whole - 1) / 100 / 1 days);
        assertLt(ONE * (whole - 1) / 100 / 1 days, band);
        _assertStep(whole, band);
        _assertStep(whole + 1, band);
        _assertStep(3650 days, band);
        // A price inside the band is reached as before.
        (uint256 price,) = PriceBands.follow(ONE, 0, 200 days, GROWTH, 250, 1_025_000, 1_000_000);
        assertEq(price, ONE * 1_025_000 / 1_000_000);
        // What is worth nothing leaves a reference all the same.
        (price,) = PriceBands.follow(ONE, 0, 200 days, GROWTH, WIDE, 0, 1_000_000);
        assertEq(price, ONE - ONE * WIDE / 10_000);
        (price,) = PriceBands.follow(1, 0, 200 days, 1e18, WIDE, 0, 1);
        assertEq(price, 1);
        // Without a band, or without growth, it stays.
        (price,) = PriceBands.follow(ONE, 0, 200 days, GROWTH, 0, 7, 1);
        assertEq(price, ONE);
        (price,) = PriceBands.follow(ONE, 0, 200 days, 0, WIDE, 7, 1);
        assertEq(price, ONE);
    }

    function test_UnitShares_AreWorth2Pow30OrOneShare() public pure {
        assertEq(PriceBands.unitSharesUp(ONE), 1 << 30);
        assertEq(PriceBands.unitSharesUp(ONE / 2), 1 << 31);
        assertEq(PriceBands.unitSharesUp(ONE + 1), 1 << 30);
        assertEq(PriceBands.unitSharesUp(ONE - 1), (1 << 30) + 1);
        assertEq(PriceBands.unitSharesUp(ONE << 30), 1);
        assertEq(PriceBands.unitSharesUp((ONE << 30) + 1), 1);
        assertEq(PriceBands.unitSharesUp(type(uint256).max), 1);
        assertEq(PriceBands.unitSharesUp(1), 1 << 158);
        assertEq(PriceBands.unitSharesUp(0), 1 << 158);
    }

    function test_Follow_StaysInsideTheIntervalOfRounding() public pure {
        // Three shares worth 4 and a bit: anything from 4/3 to 5/3.
        uint256 low = ONE * 4 / 3;
        uint256 high = ONE * 5 / 3;
        _assertFollowFrom(low, low);
        _assertFollowFrom(ONE * 3 / 2, ONE * 3 / 2);
        _assertFollowFrom(high, high);
        _assertFollowFrom(low - 1, low);
        _assertFollowFrom(high + 1, high);
        _assertFollowFrom(low / 2, low / 2 + low / 2 / 100);
        _assertFollowFrom(high * 2, high * 2 - high * 2 / 100);
    }

    function test_Follow_StaysWithoutShares() public pure {
        (uint256 price, bool hasMoved) = PriceBands.follow(ONE, 0, 30 days, GROWTH, WIDE, 7, 0);
        assertEq(price, ONE);
        assertFalse(hasMoved);
    }

    function test_Follow_StopsInsteadOfOverflowing() public pure {
        uint256 most = type(uint256).max;
        (uint256 price, bool hasMoved) = PriceBands.follow(most, 0, 300 days, 1e18, WIDE, most, 1);
        assertEq(price, most);
        assertTrue(hasMoved);
    }

    function testFuzz_Follow_NeverFasterThanGrowthNorFurtherThanTheBand(
        uint256 reference_,
        uint256 growth,
        uint256 bandBps,
        uint256 elapsed,
        uint256 value,
        uint256 shares
    ) public pure {
        reference_ = bound(reference_, 1, 1 << 192);
        growth = bound(growth, 0, 1e18);
        bandBps = bound(bandBps, 0, 9999);
        elapsed = bound(elapsed, 0, 3650 days);
        shares = bound(shares, 1, 1 << 128);
        (uint256 price, bool hasMoved) = PriceBands.follow(reference_, 7, 7 + elapsed, growth, bandBps, value, shares);
        assertEq(hasMoved, elapsed >= 1 days);
        // Cross-multiplied, so that no division hides a unit: |price − P| × 1e18 × 86,400 ≤ P × growth ×
        // elapsed.
        uint256 distance = price > reference_ ? price - reference_ : reference_ - price;
        uint256 allowed = SaturatingMath.mulDivUp(reference_, growth * elapsed, 86_400e18);
        assertLe(distance, allowed);
        assertLe(distance * 10_000, reference_ * bandBps);
        assertGt(price, 0);
        if (!hasMoved) assertEq(distance, 0);
    }

    function testFuzz_MulDiv_IsExactWithinTheWord(uint256 x, uint256 y, uint256 d) public pure {
        x = bound(x, 0, type(uint128).max);
        y = bound(y, 0, type(uint128).max);
        d = bound(d, 1, type(uint256).max);
        assertEq(SaturatingMath.mulDivDown(x, y, d), x * y / d);
        assertEq(SaturatingMath.mulDivUp(x, y, d), x * y / d + (x * y % d == 0 ? 0 : 1));
    }

    function test_MulDiv_Saturates() public pure {
        uint256 most = type(uint256).max;
        assertEq(SaturatingMath.mulDivDown(most, most, most), most);
        assertEq(SaturatingMath.mulDivUp(most, most, most), most);
        assertEq(SaturatingMath.mulDivDown(most, most, most - 1), most);
        assertEq(SaturatingMath.mulDivUp(most, most, 1), most);
        assertEq(SaturatingMath.mulDivUp(most, 1, 2), (most >> 1) + 1);
    }

    function _assertCheck(bool isDeposit, uint256 value, bool isWithin, uint256 limit) private pure {
        (bool seen, uint256 seenLimit) = PriceBands.check(ONE, 100, isDeposit, value, 1000);
        assertEq(seen, isWithin);
        assertEq(seenLimit, limit);
    }

    /// @dev Value per million shares, after `elapsed`, from a reference of one at a growth of 1 % a day.
    function _assertFollow(uint256 elapsed, uint256 value, uint256 price, bool hasMoved) private pure {
        (uint256 seen, bool seenMoved) = PriceBands.follow(ONE, 1000, 1000 + elapsed, GROWTH, WIDE, value, 1_000_000);
        assertEq(seen, price);
        assertEq(seenMoved, hasMoved);
    }

    /// @dev The step from a reference of one after `elapsed`, at 1 % a day in a band of 2.5 %, either way.
    function _assertStep(uint256 elapsed, uint256 step) private pure {
        assertEq(PriceBands.stepDown(ONE, elapsed, GROWTH, 250), step);
        (uint256 price,) = PriceBands.follow(ONE, 0, elapsed, GROWTH, 250, 2_000_000, 1_000_000);
        assertEq(price, ONE + step);
        (price,) = PriceBands.follow(ONE, 0, elapsed, GROWTH, 250, 0, 1_000_000);
        assertEq(price, ONE - step);
    }

    /// @dev Three shares of value 4, a day later.
    function _assertFollowFrom(uint256 reference_, uint256 price) private pure {
        (uint256 seen, bool hasFollowed) = PriceBands.follow(reference_, 1000, 1000 + 1 days, GROWTH, WIDE, 4, 3);
        assertEq(seen, price);
        assertTrue(hasFollowed);
    }
}
