// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";

/// @title Arithmetic that stops at 0 and at 2^256 − 1 instead of reverting
/// @notice Strategies report the numbers that rules look at. A hostile one must not be able to turn a rule into an
/// arithmetic panic, because a panic would also stop a withdraw leg that the rule allows.
library SaturatingMath {
    uint256 internal constant BPS = 10_000;

    /// @notice x + y, at most 2^256 − 1.
    function add(uint256 x, uint256 y) internal pure returns (uint256 sum) {
        unchecked {
            sum = x + y;
        }
        if (sum < x) sum = type(uint256).max;
    }

    /// @notice x − y, at least 0.
    function sub(uint256 x, uint256 y) internal pure returns (uint256) {
        unchecked {
            return x > y ? x - y : 0;
        }
    }

    /// @notice ⌊x × y ÷ denominator⌋, at most 2^256 − 1.
    /// @param denominator Above zero.
    function mulDivDown(uint256 x, uint256 y, uint256 denominator) internal pure returns (uint256) {
        (uint256 high, uint256 low) = Math.mul512(x, y);
        if (high == 0) return low / denominator;
        if (high >= denominator) return type(uint256).max;
        return Math.mulDiv(x, y, denominator);
    }

    /// @notice ⌈x × y ÷ denominator⌉, at most 2^256 − 1.
    /// @param denominator Above zero.
    function mulDivUp(uint256 x, uint256 y, uint256 denominator) internal pure returns (uint256) {
        uint256 down = mulDivDown(x, y, denominator);
        if (down == type(uint256).max || mulmod(x, y, denominator) == 0) return down;
        return down + 1;
    }

    /// @notice ⌊x × bps ÷ 10,000⌋, at most 2^256 − 1.
    /// @param bps Below 2^15.
    function bpsDown(uint256 x, uint256 bps) internal pure returns (uint256) {
        if (x >> 240 != 0) return mulDivDown(x, bps, BPS);
        unchecked {
            return x * bps / BPS;
        }
    }

    /// @notice ⌈x × bps ÷ 10,000⌉, at most 2^256 − 1.
    /// @param bps Below 2^15.
    function bpsUp(uint256 x, uint256 bps) internal pure returns (uint256) {
        if (x >> 240 != 0) return mulDivUp(x, bps, BPS);
        unchecked {
            return (x * bps + (BPS - 1)) / BPS;
        }
    }
}
