// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";

/// @dev A price reference and the Unix time at which it was set or last followed the price, zero if never.
struct Reference {
    uint256 price;
    uint256 at;
}

/// @title One slot per price reference
/// @notice From the top: mantissa 208 bits, exponent 8, time 40. The price is mantissa << exponent: exact below 2^208,
/// above it rounded down to 208 significant bits.
library PriceReference {
    uint256 private constant MANTISSA_BITS = 208;
    uint256 private constant EXPONENT_BITS = 8;
    uint256 private constant TIME_BITS = 40;

    /// @notice The slot of a reference.
    /// @param at Below 2^40.
    function packDown(uint256 price, uint256 at) internal pure returns (uint256) {
        uint256 exponent = price >> MANTISSA_BITS == 0 ? 0 : Math.log2(price) + 1 - MANTISSA_BITS;
        return ((price >> exponent) << (EXPONENT_BITS + TIME_BITS)) | (exponent << TIME_BITS) | at;
    }

    /// @notice The reference in a slot.
    function unpack(uint256 slot) internal pure returns (Reference memory) {
        uint256 exponent = (slot >> TIME_BITS) & type(uint8).max;
        return Reference((slot >> (EXPONENT_BITS + TIME_BITS)) << exponent, slot & type(uint40).max);
    }
}
