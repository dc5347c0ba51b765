// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";

/// @title Share prices and their 64-bit form
/// @notice A price is (assets + 1) × 2^128 ÷ (shares + virtual shares). Stored, it is a float: a mantissa of 56 bits
/// over an exponent of 8, which keeps 56 significant bits from 2^55 upwards, so that no growth is lost to rounding.
library Price {
    /// @dev Live values are clamped here, so that the price of a single share unit still fits 256 bits.
    uint256 internal constant MAX_ASSETS = type(uint128).max - 1;

    uint256 private constant MANTISSA_BITS = 56;
    uint256 private constant EXPONENT_BITS = 8;
    uint256 private constant MAX_EXPONENT = 200; // 256 − 56: the largest price still fits 256 bits

    /// @notice The float nearest from below.
    function packDown(uint256 price) internal pure returns (uint64) {
        uint256 exponent = _exponent(price);
        return _join(price >> exponent, exponent);
    }

    /// @notice The float nearest from above; the largest float where there is none above.
    function packUp(uint256 price) internal pure returns (uint64) {
        uint256 exponent = _exponent(price);
        uint256 mantissa = price >> exponent;
        if (mantissa << exponent != price) mantissa += 1;
        if (mantissa >> MANTISSA_BITS != 0) {
            if (exponent == MAX_EXPONENT) return _join(mantissa - 1, exponent);
            mantissa >>= 1;
            exponent += 1;
        }
        return _join(mantissa, exponent);
    }

    /// @notice The price a float stands for.
    function unpack(uint64 packed) internal pure returns (uint256) {
        // The lowest eight bits are the exponent.
        // forge-lint: disable-next-line(unsafe-typecast)
        return uint256(packed >> EXPONENT_BITS) << uint8(packed);
    }

    /// @notice Price of `assets` over `units` = shares + virtual shares, as the nearest float from above.
    /// @param assets At most `MAX_ASSETS`.
    function ofUp(uint256 assets, uint256 units) internal pure returns (uint64) {
        // ⌈n ÷ units⌉ = ⌊(n − 1) ÷ units⌋ + 1, as n is above zero. The shift loses nothing: assets + 1 <
        // 2^128.
        unchecked {
            return packUp((((assets + 1) << 128) - 1) / units + 1);
        }
    }

    /// @notice The same price itself, rounded down.
    /// @param assets At most `MAX_ASSETS`.
    function ofDown(uint256 assets, uint256 units) internal pure returns (uint256) {
        return ((assets + 1) << 128) / units;
    }

    /// @notice A float times `unitsBefore ÷ unitsAfter`, as the nearest float from above.
    function dilutedUp(uint64 packed, uint256 unitsBefore, uint256 unitsAfter) internal pure returns (uint64) {
        return packUp(mulDivUp(unpack(packed), unitsBefore, unitsAfter));
    }

    /// @notice max(0, ⌊price × units⌋ − 1), at most 2^255.
    function assetsDown(uint256 price, uint256 units) internal pure returns (uint256) {
        (uint256 whole,) = _times(price, units);
        unchecked {
            return whole == 0 ? 0 : whole - 1;
        }
    }

    /// @notice max(0, ⌈price × units⌉ − 1), at most 2^255.
    function assetsUp(uint256 price, uint256 units) internal pure returns (uint256) {
        (uint256 whole, bool hasRest) = _times(price, units);
        if (hasRest) return whole;
        return whole == 0 ? 0 : whole - 1;
    }

    /// @notice ⌊a × b ÷ c⌋, or the largest number where that does not fit.
    function mulDivSaturating(uint256 a, uint256 b, uint256 c) internal pure returns (uint256) {
        // Only part of the answer is wanted here.
        // slither-disable-next-line unused-return
        (uint256 high,) = Math.mul512(a, b);
        return high >= c ? type(uint256).max : Math.mulDiv(a, b, c);
    }

    /// @notice ⌈a × b ÷ c⌉ over 512 bits.
    function mulDivUp(uint256 a, uint256 b, uint256 c) internal pure returns (uint256 result) {
        result = Math.mulDiv(a, b, c);
        if (mulmod(a, b, c) != 0) result += 1;
    }

    /// @param units Above zero.
    function _times(uint256 price, uint256 units) private pure returns (uint256 whole, bool hasRest) {
        uint256 high;
        uint256 low;
        unchecked {
            low = price * units;
        }
        // Nearly always the product fits into a word.
        if (low / units != price) (high, low) = Math.mul512(price, units);
        if (high >> 127 != 0) return (1 << 255, false);
        // The lowest 128 bits are what lies behind the point.
        // forge-lint: disable-next-line(unsafe-typecast)
        return ((high << 128) | (low >> 128), uint128(low) != 0);
    }

    function _exponent(uint256 price) private pure returns (uint256) {
        return price >> MANTISSA_BITS == 0 ? 0 : Math.log2(price) + 1 - MANTISSA_BITS;
    }

    function _join(uint256 mantissa, uint256 exponent) private pure returns (uint64) {
        // Mantissa below 2^56 and exponent at most 200: together 64 bits.
        // forge-lint: disable-next-line(unsafe-typecast)
        return uint64((mantissa << EXPONENT_BITS) | exponent);
    }
}
