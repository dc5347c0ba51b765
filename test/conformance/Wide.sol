// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

/// @title Products of 512 bits, by schoolbook multiplication of halves
/// @notice The suite's own arithmetic: it shares nothing with the libraries under test.
library Wide {
    uint256 private constant LOW = type(uint128).max;

    function product(uint256 a, uint256 b) internal pure returns (uint256 high, uint256 low) {
        unchecked {
            uint256 ll = (a & LOW) * (b & LOW);
            uint256 lh = (a & LOW) * (b >> 128);
            uint256 hl = (a >> 128) * (b & LOW);
            uint256 hh = (a >> 128) * (b >> 128);
            // Three numbers below 2^128: no overflow.
            uint256 middle = (ll >> 128) + (lh & LOW) + (hl & LOW);
            low = (middle << 128) | (ll & LOW);
            high = hh + (lh >> 128) + (hl >> 128) + (middle >> 128);
        }
    }

    /// @notice a × b ≤ c × d.
    function isAtMost(uint256 a, uint256 b, uint256 c, uint256 d) internal pure returns (bool) {
        (uint256 high, uint256 low) = product(a, b);
        (uint256 highOther, uint256 lowOther) = product(c, d);
        return high < highOther || (high == highOther && low <= lowOther);
    }

    /// @notice Whether result = ⌊a × b ÷ c⌋: result × c ≤ a × b < (result + 1) × c.
    function isFloor(uint256 result, uint256 a, uint256 b, uint256 c) internal pure returns (bool) {
        return isAtMost(result, c, a, b) && !isAtMost(result + 1, c, a, b);
    }

    /// @notice Whether result = ⌈a × b ÷ c⌉: (result − 1) × c < a × b ≤ result × c.
    function isCeiling(uint256 result, uint256 a, uint256 b, uint256 c) internal pure returns (bool) {
        return isAtMost(a, b, result, c) && (result == 0 || !isAtMost(a, b, result - 1, c));
    }

    /// @notice ⌊a × b ÷ 2^128⌋ of products below 2^384, and whether something is left over.
    function timesPrice(uint256 a, uint256 b) internal pure returns (uint256 whole, bool hasRest) {
        (uint256 high, uint256 low) = product(a, b);
        require(high >> 128 == 0, "product too large");
        return ((high << 128) | (low >> 128), low & LOW != 0);
    }
}
