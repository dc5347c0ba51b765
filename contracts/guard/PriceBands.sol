// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";

import {SaturatingMath} from "./SaturatingMath.sol";

/// @title Price references and the bands around them
/// @notice A reference price P is ⌊value × 2^128 ÷ shares⌋, both in smallest units. With a band of b bps:
/// - low = ⌊P × (10,000 − b) ÷ 10,000⌋, high = ⌈P × (10,000 + b) ÷ 10,000⌉;
/// - a value is not below the band if value + 1 ≥ ⌈shares × low ÷ 2^128⌉;
/// - a value is not above the band if value ≤ ⌊shares × high ÷ 2^128⌋ + 1.
///
/// The one unit of grace on either side is what an ERC-4626 may round by. All products are taken over 512 bits; results
/// stop at 2^256 − 1.
library PriceBands {
    uint256 internal constant ONE = 1 << 128;
    uint256 internal constant BPS = 10_000;
    /// @dev A reference follows the price at most once in this time.
    uint256 internal constant FOLLOW_SECONDS = 1 days;
    /// @dev `maxGrowthWad` is a rate per day.
    uint256 internal constant GROWTH_UNIT = 1e18 * 1 days;
    /// @dev What shares are worth by which a price is told without a position.
    uint256 internal constant UNIT_VALUE = 1 << 30;

    /// @notice ⌊value × 2^128 ÷ shares⌋.
    /// @param shares Above zero.
    function priceDown(uint256 value, uint256 shares) internal pure returns (uint256) {
        return SaturatingMath.mulDivDown(value, ONE, shares);
    }

    /// @notice Least value, before the unit of grace, of `shares` inside the band: ⌈shares × low ÷ 2^128⌉.
    function lowestValueUp(uint256 referencePrice, uint256 bandBps, uint256 shares) internal pure returns (uint256) {
        uint256 low = SaturatingMath.bpsDown(referencePrice, BPS - bandBps);
        return SaturatingMath.mulDivUp(shares, low, ONE);
    }

    /// @notice Greatest value of `shares` inside the band, with the unit of grace: ⌊shares × high ÷ 2^128⌋ + 1.
    function highestValue(uint256 referencePrice, uint256 bandBps, uint256 shares) internal pure returns (uint256) {
        uint256 high = SaturatingMath.bpsUp(referencePrice, BPS + bandBps);
        return SaturatingMath.add(SaturatingMath.mulDivDown(shares, high, ONE), 1);
    }

    /// @notice R13 for one leg.
    /// @param isDeposit Deposit legs are held to both sides of the band, withdraw legs to the lower one.
    /// @param value Value of the position: before a withdraw leg, after a deposit leg.
    /// @param shares Shares of the position at the same moment.
    /// @return isWithin Whether the rule holds.
    /// @return limit The bound that was crossed; meaningless if none was.
    function check(uint256 referencePrice, uint256 bandBps, bool isDeposit, uint256 value, uint256 shares)
        internal
        pure
        returns (bool isWithin, uint256 limit)
    {
        limit = lowestValueUp(referencePrice, bandBps, shares);
        if (SaturatingMath.add(value, 1) < limit) return (false, limit);
        if (!isDeposit) return (true, 0);
        limit = highestValue(referencePrice, bandBps, shares);
        if (value > limit) return (false, limit);
        return (true, 0);
    }

    /// @notice Where the reference goes. An ERC-4626 rounds by up to a unit, so what is seen is an interval of prices,
    /// from ⌊value × 2^128 ÷ shares⌋ to ⌊(value + 1) × 2^128 ÷ shares⌋. A reference inside it stays, any
    /// other goes towards the nearer end, by at most `stepDown` either way. So a few units of a position, whose price
    /// is all rounding, drag no reference.
    /// @return price The new reference; never zero if it was not, as long as the band is below 10,000 bps.
    /// @return hasFollowed Whether it followed, and its time becomes `at`, even if it stayed where it was. It does not
    /// if less than a day has passed or there are no shares.
    function follow(
        uint256 referencePrice,
        uint256 referenceAt,
        uint256 at,
        uint256 maxGrowthWad,
        uint256 bandBps,
        uint256 value,
        uint256 shares
    ) internal pure returns (uint256 price, bool hasFollowed) {
        if (shares == 0 || at < referenceAt + FOLLOW_SECONDS) return (referencePrice, false);
        uint256 step = stepDown(referencePrice, at - referenceAt, maxGrowthWad, bandBps);
        uint256 lowest = priceDown(value, shares);
        uint256 highest = priceDown(SaturatingMath.add(value, 1), shares);
        price = referencePrice;
        if (price < lowest) price = Math.min(lowest, SaturatingMath.add(price, step));
        else if (price > highest) price = Math.max(highest, SaturatingMath.sub(price, step));
        return (price, true);
    }

    /// @notice The furthest that a reference goes at once: what growth allows for the time that has passed,
    /// ⌊P × maxGrowthWad × elapsed ÷ (1e18 × 86,400)⌋, but no further than the band reaches, ⌊P × bandBps ÷
    /// 10,000⌋. So
    /// a price that was pushed far out of its band, for one transaction, moves a reference that has stood for long no
    /// further than one at the edge of the band does.
    function stepDown(uint256 referencePrice, uint256 elapsed, uint256 maxGrowthWad, uint256 bandBps)
        internal
        pure
        returns (uint256)
    {
        uint256 growth = SaturatingMath.mulDivDown(referencePrice, maxGrowthWad * elapsed, GROWTH_UNIT);
        return Math.min(growth, SaturatingMath.bpsDown(referencePrice, bandBps));
    }

    /// @notice The shares whose value tells a strategy's price, whatever the vault holds of it: ⌈2^30 × 2^128 ÷
    /// P⌉, so
    /// by the reference they are worth 2^30 smallest units or one share. Rounding by a unit is then a
    /// hundred-thousandth of a basis point at most, and they are at most 2^158.
    function unitSharesUp(uint256 referencePrice) internal pure returns (uint256) {
        return Math.ceilDiv(UNIT_VALUE * ONE, Math.max(referencePrice, 1));
    }
}
