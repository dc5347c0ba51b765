// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";

/// @title Exponentials for fees, rounded down
/// @notice Fixed point with 160 fractional bits. Every series below has positive terms only and every step rounds down,
/// so a result is never above the true value; it is below it by less than one part in 2^150. Known libraries round
/// to the nearest, or in no stated direction, at 60 bits: too coarse for a fee that is charged every second.
///
/// A series ends where its next term is zero, so an argument near zero (an hour of fee, a gain of a few bps) costs few
/// terms.
library Exponential {
    /// @dev Binary places of exponents.
    uint8 internal constant PLACES = 160;
    uint256 internal constant ONE = 2 ** 160;

    /// @dev ln 2, rounded down and up.
    uint256 private constant LN2_DOWN = 1_013_035_739_299_659_071_135_698_605_846_798_551_586_536_899_366;
    uint256 private constant LN2_UP = LN2_DOWN + 1;

    /// @dev Bps of a year of 365 days as a part of a second, 10,000 × 31,536,000, and its powers.
    uint256 private constant YEAR_BPS = 315_360_000_000;
    uint256 private constant YEAR_BPS_2 = 315_360_000_000 ** 2;
    uint256 private constant YEAR_BPS_3 = 315_360_000_000 ** 3;
    uint256 private constant YEAR_BPS_4 = 315_360_000_000 ** 4;
    /// @dev Binary places of a rate per second, more than of an exponent: it is multiplied by seconds.
    uint256 private constant RATE_PLACES = 184;

    /// @notice ⌊amount × e^exponent⌋, at most `most`.
    /// @param exponent With 160 binary places.
    /// @param most Below 2^150.
    function timesExpDown(uint256 amount, uint256 exponent, uint256 most) internal pure returns (uint256) {
        if (amount == 0) return 0;
        // e^exponent = 2^doublings × e^rest; the rest comes out too small, never too large.
        uint256 doublings = exponent / LN2_UP;
        // Says amount × 2^doublings > most without the product.
        if (amount > most >> doublings) return most;
        // As 2^doublings ≤ most < 2^150, the shift is positive; the product is below 2 × most.
        // forge-lint: disable-next-line(unsafe-typecast)
        return Math.min(Math.mulShr(amount, expDown(exponent % LN2_UP), uint8(PLACES - doublings)), most);
    }

    /// @notice −ln(1 − bps/10,000/31,536,000) × seconds_, with 160 binary places: what (1 − m)^(−seconds) has
    /// as
    /// exponent. @param bps A year, below 2^16. @param seconds_ Below 2^64.
    function decayDown(uint256 bps, uint256 seconds_) internal pure returns (uint256) {
        // Σ m^k ÷ k. The fifth term is below 2^−80 of the first for the largest fee there is, and below 2^−120
        // for 2 %.
        // With bps < 2^16 no product reaches 2^(64 + 184), and no rate times seconds 2^(162 + 64).
        unchecked {
            uint256 square = bps * bps;
            uint256 rate = (bps << RATE_PLACES) / YEAR_BPS + (square << RATE_PLACES) / (2 * YEAR_BPS_2)
                + ((square * bps) << RATE_PLACES) / (3 * YEAR_BPS_3) + ((square * square) << RATE_PLACES)
                / (4 * YEAR_BPS_4);
            return (rate * seconds_) >> (RATE_PLACES - PLACES);
        }
    }

    /// @notice e^x by its Taylor series.
    /// @param x At most ln 2, with 160 binary places, like the result.
    function expDown(uint256 x) internal pure returns (uint256 sum) {
        sum = ONE;
        uint256 term = x;
        // The sum is at most 2.
        unchecked {
            for (uint256 i = 2; term != 0; ++i) {
                sum += term;
                term = _timesDown(term, x) / i;
            }
        }
    }

    /// @notice ln(dividend ÷ divisor), with 160 binary places; zero where the quotient is at most one.
    /// @dev With z = quotient ÷ 2^k in [1, 2) and w = (z − 1) ÷ (z + 1): ln z = 2 × (w + w³/3 + w⁵/5 + …).
    /// @param divisor Above zero.
    function lnDown(uint256 dividend, uint256 divisor) internal pure returns (uint256) {
        if (dividend <= divisor) return 0;
        uint256 doublings = Math.log2(dividend) - Math.log2(divisor);
        if (divisor << doublings > dividend) doublings -= 1;
        divisor <<= doublings;
        // So that the sum below fits; rounded towards a smaller quotient.
        if (dividend >> 255 != 0) (dividend, divisor) = (dividend >> 1, (divisor >> 1) + (divisor & 1));
        uint256 w = Math.mulDiv(Math.saturatingSub(dividend, divisor), ONE, dividend + divisor);
        uint256 square = _timesDown(w, w);
        uint256 sum = 0;
        // As w is at most a third, the sum is below ln 2 ÷ 2.
        unchecked {
            for (uint256 i = 1; w != 0; i += 2) {
                sum += w / i;
                w = _timesDown(w, square);
            }
            return 2 * sum + doublings * LN2_DOWN;
        }
    }

    /// @dev ⌊a × b⌋ of two numbers with 160 binary places, each at most 2.
    function _timesDown(uint256 a, uint256 b) private pure returns (uint256) {
        (uint256 high, uint256 low) = Math.mul512(a, b);
        return (high << 96) | (low >> 160);
    }
}
