// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";

/// @dev A price reference and the Unix time at which it was set or last followed the price, zero if never.
struct Reference {
    uint256 price;
    uint256 at;
}

/// @title Three price references per slot
/// @notice Each has 85 bits; from the top: mantissa 44, exponent 8, time 33 (until the year 2242). The price is
/// mantissa << exponent: exact below 2^44, above it rounded down to 44 significant bits.
///
/// What rounding costs is less than one part in 2^43, a billionth of a basis point, and never adds up: a reference
/// follows the price, not its own rounding. The lower bound of R13 is weaker by so much, the upper one stricter.
/// @dev The n-th strategy that the guard ever saw has the n-th place from zero, three to a slot. A place is a word as
/// it is stored with the strategy: the slot's number above, and in the lowest byte how far up in the slot it stands.
library PriceReference {
    uint256 internal constant BITS = 85;
    /// @dev As many bits.
    uint256 internal constant MASK = 0x1fffffffffffffffffffff;

    uint256 private constant MANTISSA_BITS = 44;
    uint256 private constant EXPONENT_BITS = 8;
    uint256 private constant TIME_BITS = 33;
    uint256 private constant TIME_MASK = 0x1ffffffff;
    uint256 private constant PER_SLOT = 3;

    /// @notice The place of the `n`-th strategy, from zero.
    function placeOf(uint256 n) internal pure returns (uint256) {
        return ((n / PER_SLOT) << 8) | (n % PER_SLOT * BITS);
    }

    /// @notice The slot's number in a place.
    function slotOf(uint256 place) internal pure returns (uint256) {
        return place >> 8;
    }

    /// @notice The bits of a reference.
    /// @param at Below 2^33.
    function packDown(uint256 price, uint256 at) internal pure returns (uint256) {
        uint256 exponent = price >> MANTISSA_BITS == 0 ? 0 : Math.log2(price) + 1 - MANTISSA_BITS;
        return ((price >> exponent) << (EXPONENT_BITS + TIME_BITS)) | (exponent << TIME_BITS) | at;
    }

    /// @notice The reference in its bits.
    function unpack(uint256 bits) internal pure returns (Reference memory) {
        uint256 exponent = (bits >> TIME_BITS) & type(uint8).max;
        return Reference((bits >> (EXPONENT_BITS + TIME_BITS)) << exponent, bits & TIME_MASK);
    }

    /// @notice The bits at a place in its slot.
    function bitsAt(uint256 slot, uint256 place) internal pure returns (uint256) {
        return (slot >> (place & type(uint8).max)) & MASK;
    }

    /// @notice The slot with other bits at a place.
    function replaced(uint256 slot, uint256 place, uint256 bits) internal pure returns (uint256) {
        uint256 shift = place & type(uint8).max;
        return (slot & ~(MASK << shift)) | (bits << shift);
    }
}
