// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

/// @title OpenZeppelin's `Math` as its documentation defines it
/// @notice Stands in for the library while theorems are proven: no solver gets through its 512-bit division. It reverts
/// where a product passes 256 bits, so a theorem over it says nothing about such numbers; the domains of the theorems
/// stay below. `MathProof` and `test/guard/MathModel.t.sol` hold the two against each other.
library Math {
    function mulDiv(uint256 x, uint256 y, uint256 denominator) internal pure returns (uint256) {
        return x * y / denominator;
    }

    function mulShr(uint256 x, uint256 y, uint8 n) internal pure returns (uint256) {
        return x * y >> n;
    }

    function mul512(uint256 x, uint256 y) internal pure returns (uint256 high, uint256 low) {
        return (0, x * y);
    }

    function saturatingAdd(uint256 x, uint256 y) internal pure returns (uint256) {
        unchecked {
            return x + y < x ? type(uint256).max : x + y;
        }
    }

    function saturatingSub(uint256 x, uint256 y) internal pure returns (uint256) {
        unchecked {
            return x > y ? x - y : 0;
        }
    }

    function ceilDiv(uint256 x, uint256 y) internal pure returns (uint256) {
        return x == 0 ? 0 : (x - 1) / y + 1;
    }

    function min(uint256 x, uint256 y) internal pure returns (uint256) {
        return x < y ? x : y;
    }

    function max(uint256 x, uint256 y) internal pure returns (uint256) {
        return x > y ? x : y;
    }

    /// @dev Without a loop, so that no unrolling bound enters the proofs.
    function log2(uint256 x) internal pure returns (uint256 place) {
        unchecked {
            if (x >> 128 != 0) (x, place) = (x >> 128, place + 128);
            if (x >> 64 != 0) (x, place) = (x >> 64, place + 64);
            if (x >> 32 != 0) (x, place) = (x >> 32, place + 32);
            if (x >> 16 != 0) (x, place) = (x >> 16, place + 16);
            if (x >> 8 != 0) (x, place) = (x >> 8, place + 8);
            if (x >> 4 != 0) (x, place) = (x >> 4, place + 4);
            if (x >> 2 != 0) (x, place) = (x >> 2, place + 2);
            if (x >> 1 != 0) place += 1;
        }
    }
}
