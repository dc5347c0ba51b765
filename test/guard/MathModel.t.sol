// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {Test} from "forge-std/Test.sol";

import {Math as Model} from "../symbolic/model/Math.sol";

/// @notice Theorems are proven against `test/symbolic/model/Math.sol` in the place of OpenZeppelin's library. Here both
/// are asked the same, on the numbers that the theorems speak of: products below 2^256. Widths are drawn first, so that
/// small and large numbers come equally often.
contract MathModelTest is Test {
    function testFuzz_MulDiv_IsOpenZeppelins(uint256 x, uint256 y, uint256 denominator, uint8[3] calldata widths)
        public
        pure
    {
        (x, y) = _factors(x, y, widths[0], widths[1]);
        denominator = bound(denominator >> widths[2], 1, type(uint256).max);
        assertEq(Model.mulDiv(x, y, denominator), Math.mulDiv(x, y, denominator));
    }

    function testFuzz_MulShr_IsOpenZeppelins(uint256 x, uint256 y, uint8 n, uint8[2] calldata widths) public pure {
        (x, y) = _factors(x, y, widths[0], widths[1]);
        assertEq(Model.mulShr(x, y, n), Math.mulShr(x, y, n));
    }

    function testFuzz_Mul512_IsOpenZeppelins(uint256 x, uint256 y, uint8[2] calldata widths) public pure {
        (x, y) = _factors(x, y, widths[0], widths[1]);
        (uint256 high, uint256 low) = Math.mul512(x, y);
        (uint256 modelHigh, uint256 modelLow) = Model.mul512(x, y);
        assertEq(modelHigh, high);
        assertEq(modelLow, low);
    }

    /// @notice At the end of the domain: products of 2^256 − 1 and just below.
    function test_Mul512_IsOpenZeppelinsAtTheEndOfTheDomain() public pure {
        for (uint256 width = 0; width < 256; ++width) {
            uint256 x = type(uint256).max >> width;
            uint256 y = type(uint256).max / x;
            (uint256 high, uint256 low) = Math.mul512(x, y);
            (uint256 modelHigh, uint256 modelLow) = Model.mul512(x, y);
            assertEq(modelHigh, high);
            assertEq(modelLow, low);
            assertEq(Model.mulDiv(x, y, x), Math.mulDiv(x, y, x));
        }
    }

    /// @notice One past the domain the model says nothing, rather than something else than the library.
    function test_RevertWhen_TheProductHas257Bits() public {
        vm.expectRevert();
        this.mul512(1 << 128, 1 << 128);
        vm.expectRevert();
        this.mulDiv(1 << 128, 1 << 128, 1 << 128);
    }

    function testFuzz_Saturating_IsOpenZeppelins(uint256 x, uint256 y) public pure {
        assertEq(Model.saturatingAdd(x, y), Math.saturatingAdd(x, y));
        assertEq(Model.saturatingSub(x, y), Math.saturatingSub(x, y));
        assertEq(Model.saturatingSub(y, x), Math.saturatingSub(y, x));
        assertEq(Model.min(x, y), Math.min(x, y));
        assertEq(Model.max(x, y), Math.max(x, y));
        if (y != 0) assertEq(Model.ceilDiv(x, y), Math.ceilDiv(x, y));
    }

    function testFuzz_Log2_IsOpenZeppelins(uint256 x, uint8 width) public pure {
        assertEq(Model.log2(x >> width), Math.log2(x >> width));
    }

    /// @notice Every power of two and its neighbours: between those, neither of the two changes its answer.
    function test_Log2_IsOpenZeppelinsAtEveryPower() public pure {
        assertEq(Model.log2(0), Math.log2(0));
        for (uint256 place = 0; place < 256; ++place) {
            // forge-lint: disable-next-line(incorrect-shift)
            uint256 power = 1 << place;
            assertEq(Math.log2(power), place);
            assertEq(Model.log2(power), place);
            assertEq(Model.log2(power | (power - 1)), Math.log2(power | (power - 1)));
        }
    }

    function mul512(uint256 x, uint256 y) external pure returns (uint256 high, uint256 low) {
        return Model.mul512(x, y);
    }

    function mulDiv(uint256 x, uint256 y, uint256 denominator) external pure returns (uint256) {
        return Model.mulDiv(x, y, denominator);
    }

    function _factors(uint256 x, uint256 y, uint8 xWidth, uint8 yWidth) private pure returns (uint256, uint256) {
        x >>= xWidth;
        y >>= yWidth;
        return (x, x == 0 ? y : bound(y, 0, type(uint256).max / x));
    }
}
