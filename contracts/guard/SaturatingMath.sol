// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";

/// @title x × y ÷ d over 512 bits that stops at 2^256 − 1 instead of reverting
/// @notice Strategies report the numbers that rules look at. A hostile one must not be able to turn a rule into an
/// arithmetic panic, because a panic would also stop a withdraw leg that the rule allows.
library SaturatingMath {
    /// @notice ⌊x × y ÷ denominator⌋, at most 2^256 − 1.
    /// @param denominator Above zero.
    function mulDivDown(uint256 x, uint256 y, uint256 denominator) internal pure returns (uint256) {
        (uint256 high,) = Math.mul512(x, y);
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
}
