// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {Test} from "forge-std/Test.sol";
import {Market, MarketParams} from "vagus/strategies/interfaces/IMorphoBlue.sol";

import {AdaptiveCurveIrm} from "../src/AdaptiveCurveIrm.sol";

/// @dev Expected figures were computed apart from the contract, with big integers, from the published formula; the ones
/// by hand are derived beside them.
contract AdaptiveCurveIrmTest is Test {
    uint256 private constant NOW = 1_800_000_000;
    uint256 private constant DAY = 1 days;
    /// @dev 4 %, 0.1 % and 200 % a year, per second, rounded down.
    uint256 private constant INITIAL = 1_268_391_679;
    uint256 private constant LOWEST = 31_709_791;
    uint256 private constant HIGHEST = 63_419_583_967;

    AdaptiveCurveIrm private _irm;
    MarketParams private _params;
    bytes32 private _id;

    function setUp() public {
        vm.warp(NOW);
        _irm = new AdaptiveCurveIrm(address(this));
        _params = MarketParams(address(1), address(2), address(3), address(_irm), 0.86e18);
        _id = keccak256(abi.encode(_params));
    }

    function test_Constants_AreThePublishedOnes() public view {
        assertEq(_irm.INITIAL_RATE_AT_TARGET(), int256(INITIAL));
        assertEq(_irm.MIN_RATE_AT_TARGET(), int256(LOWEST));
        assertEq(_irm.MAX_RATE_AT_TARGET(), int256(HIGHEST));
        assertEq(_irm.ADJUSTMENT_SPEED(), 1_585_489_599_188);
        assertEq(_irm.CURVE_STEEPNESS(), 4e18);
        assertEq(_irm.TARGET_UTILIZATION(), 0.9e18);
    }

    function test_BorrowRate_StartsAtTheInitialRate() public {
        // Empty market: a quarter of the rate at target.
        _assertRate({borrowed: 0, supplied: 0, start: 0, elapsed: 0, rate: 317_097_919, end: INITIAL});
        // However long ago: there was no rate that could have moved.
        _assertRate({borrowed: 9, supplied: 10, start: 0, elapsed: 365 * DAY, rate: INITIAL, end: INITIAL});
    }

    function test_BorrowRate_FollowsTheCurveWithoutTime() public {
        // At the target the rate at target, at full utilisation four times, at none a quarter.
        _assertRate({borrowed: 900, supplied: 1000, start: INITIAL, elapsed: 0, rate: INITIAL, end: INITIAL});
        _assertRate({borrowed: 1000, supplied: 1000, start: INITIAL, elapsed: 0, rate: 4 * INITIAL, end: INITIAL});
        _assertRate({borrowed: 0, supplied: 1000, start: INITIAL, elapsed: 0, rate: INITIAL / 4, end: INITIAL});
        // Halfway up: 1 + 3/2; halfway down: 1 - 3/8.
        _assertRate({borrowed: 950, supplied: 1000, start: 1e9, elapsed: 0, rate: 2.5e9, end: 1e9});
        _assertRate({borrowed: 450, supplied: 1000, start: 1e9, elapsed: 0, rate: 0.625e9, end: 1e9});
    }

    function test_BorrowRate_StaysAtTheTarget() public {
        _assertRate({borrowed: 900, supplied: 1000, start: INITIAL, elapsed: 1e6, rate: INITIAL, end: INITIAL});
    }

    function test_BorrowRate_AdaptsOverTime() public {
        _assertRate(0, 1e12, INITIAL, DAY, 296_494_587, 1_106_540_235);
        _assertRate(950, 1000, INITIAL, 3 * DAY, 3_521_868_067, 1_555_796_999);
        _assertRate(1000, 1000, INITIAL, 5 * DAY, 7_338_724_560, 2_516_027_586);
        _assertRate(500, 1000, INITIAL, 5 * DAY, 731_581_452, 941_045_077);
        _assertRate(987_000_000_001, 987_654_321_098, 555_555_555, 12_345, 2_232_833_494, 566_462_342);
    }

    function test_BorrowRate_StopsAtItsLimits() public {
        _assertRate(1000, 1000, INITIAL, 365 * DAY, 191_527_143_580, HIGHEST);
        _assertRate(0, 1000, INITIAL, 3650 * DAY, 85_220_065, LOWEST);
        _assertRate(123_456_789_012, 987_654_321_098, 3_333_333_333, 7_777_777, 303_561_801, LOWEST);
        _assertRate(901, 1000, HIGHEST, 100, 65_322_171_486, HIGHEST);
        _assertRate(1, 1000, LOWEST, 100, 7_953_872, LOWEST);
    }

    /// @dev Over five days at full utilisation the rate at target grows by e^(50 × 5 / 365) = 1.98359…, over five
    /// days
    /// without borrows it falls to its inverse; the contract's e^x is good to about one per mille.
    function test_BorrowRate_GrowsExponentially() public {
        _set(1e10);
        _irm.borrowRate(_params, _market(1000, 1000, 5 * DAY));
        assertApproxEqRel(uint256(_irm.rateAtTarget(_id)), 1.98359e10, 0.01e18);
        _set(1e10);
        _irm.borrowRate(_params, _market(0, 1000, 5 * DAY));
        assertApproxEqRel(uint256(_irm.rateAtTarget(_id)), 0.504135e10, 0.01e18);
    }

    function test_BorrowRateView_StoresNothing() public {
        _set(INITIAL);
        _irm.borrowRateView(_params, _market(1000, 1000, 5 * DAY));
        assertEq(_irm.rateAtTarget(_id), int256(INITIAL));
    }

    function test_RevertWhen_BorrowRateIsAskedByAnother() public {
        vm.prank(address(0xbad));
        vm.expectRevert(abi.encodeWithSelector(AdaptiveCurveIrm.NotMorpho.selector, address(0xbad)));
        _irm.borrowRate(_params, _market(1, 2, 0));
    }

    function test_RevertWhen_MorphoIsZero() public {
        vm.expectRevert(AdaptiveCurveIrm.ZeroAddress.selector);
        new AdaptiveCurveIrm(address(0));
    }

    /// @dev Nothing overflows, the rates stay inside their limits, and more utilisation never makes borrowing cheaper.
    function testFuzz_BorrowRate_IsBoundedAndMonotone(
        uint128 supplied,
        uint128 low,
        uint128 high,
        uint256 start,
        uint40 ago
    ) public {
        low = uint128(bound(low, 0, supplied));
        high = uint128(bound(high, low, supplied));
        start = bound(start, LOWEST, HIGHEST);
        ago = uint40(bound(ago, 0, NOW));
        _set(start);
        uint256 cheap = _irm.borrowRateView(_params, _market(low, supplied, ago));
        uint256 dear = _irm.borrowRateView(_params, _market(high, supplied, ago));
        assertLe(cheap, dear);
        assertGe(cheap, LOWEST / 4);
        assertLe(dear, 4 * HIGHEST);
        assertEq(_irm.borrowRate(_params, _market(high, supplied, ago)), dear);
        assertGe(_irm.rateAtTarget(_id), int256(LOWEST));
        assertLe(_irm.rateAtTarget(_id), int256(HIGHEST));
    }

    function _assertRate(uint128 borrowed, uint128 supplied, uint256 start, uint256 elapsed, uint256 rate, uint256 end)
        private
    {
        _set(start);
        Market memory market = _market(borrowed, supplied, elapsed);
        assertEq(_irm.borrowRateView(_params, market), rate, "view");
        assertEq(_irm.borrowRate(_params, market), rate, "rate");
        assertEq(_irm.rateAtTarget(_id), int256(end), "rate at target");
    }

    function _market(uint128 borrowed, uint128 supplied, uint256 elapsed) private pure returns (Market memory market) {
        market.totalSupplyAssets = supplied;
        market.totalBorrowAssets = borrowed;
        market.lastUpdate = uint128(NOW - elapsed);
    }

    function _set(uint256 rateAtTarget) private {
        vm.store(address(_irm), keccak256(abi.encode(_id, uint256(0))), bytes32(rateAtTarget));
        assertEq(_irm.rateAtTarget(_id), int256(rateAtTarget));
    }
}
