// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";

import {Math as Model} from "./model/Math.sol";

/// @notice OpenZeppelin's library and the plain expressions that stand for it in the other theorems say the same
/// wherever a product stays below 2^256.
contract MathProof {
    function check_Log2_IsTheModels(uint256 x) public pure {
        assert(Math.log2(x) == Model.log2(x));
    }

    function check_Mul512_IsTheModels(uint128 x, uint128 y) public pure {
        (uint256 high, uint256 low) = Math.mul512(x, y);
        (uint256 expectedHigh, uint256 expectedLow) = Model.mul512(x, y);
        assert(high == expectedHigh);
        assert(low == expectedLow);
    }

    function check_MulDiv_IsTheModels(uint128 x, uint128 y, uint256 denominator) public pure {
        if (denominator == 0) return;
        assert(Math.mulDiv(x, y, denominator) == Model.mulDiv(x, y, denominator));
    }

    function check_MulShr_IsTheModels(uint128 x, uint128 y, uint8 n) public pure {
        assert(Math.mulShr(x, y, n) == Model.mulShr(x, y, n));
    }

    function check_Saturating_IsTheModels(uint256 x, uint256 y) public pure {
        assert(Math.saturatingAdd(x, y) == Model.saturatingAdd(x, y));
        assert(Math.saturatingSub(x, y) == Model.saturatingSub(x, y));
    }

    function check_MinAndMax_AreTheModels(uint256 x, uint256 y) public pure {
        assert(Math.min(x, y) == Model.min(x, y));
        assert(Math.max(x, y) == Model.max(x, y));
    }
}
