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
    /// other goes towards the nearer end, by at most ⌊P × maxGrowthWad × elapsed ÷ (1e18 × 86,400)⌋ either way.
    /// So a few units of a
    /// position, whose price is all rounding, drag no reference.
    /// @return price The new reference.
    /// @return hasFollowed Whether it followed, and its time becomes `at`, even if it stayed where it was. It does not
    /// if less than a day has passed or there are no shares.
    function follow(
        uint256 referencePrice,
        uint256 referenceAt,
        uint256 at,
        uint256 maxGrowthWad,
        uint256 value,
        uint256 shares
    ) internal pure returns (uint256 price, bool hasFollowed) {
        if (shares == 0 || at < referenceAt + FOLLOW_SECONDS) return (referencePrice, false);
        uint256 step = SaturatingMath.mulDivDown(referencePrice, maxGrowthWad * (at - referenceAt), GROWTH_UNIT);
        uint256 lowest = priceDown(value, shares);
        uint256 highest = priceDown(SaturatingMath.add(value, 1), shares);
        price = referencePrice;
        if (price < lowest) price = Math.min(lowest, SaturatingMath.add(price, step));
        else if (price > highest) price = Math.max(highest, SaturatingMath.sub(price, step));
        return (price, true);
    }
}
