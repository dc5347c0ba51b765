// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {Test} from "forge-std/Test.sol";

import {SaturatingMath} from "../../contracts/guard/SaturatingMath.sol";

contract SaturatingMathTest is Test {
    uint256 private constant MOST = type(uint256).max;

    function test_AddAndSub_StopAtTheEnds() public pure {
        assertEq(SaturatingMath.add(MOST - 1, 1), MOST);
        assertEq(SaturatingMath.add(MOST, 1), MOST);
        assertEq(SaturatingMath.add(MOST, MOST), MOST);
        assertEq(SaturatingMath.sub(1, 1), 0);
        assertEq(SaturatingMath.sub(1, 2), 0);
        assertEq(SaturatingMath.sub(2, 1), 1);
    }

    function test_MulDiv_AtTheLargestResultAndPastIt() public pure {
        assertEq(SaturatingMath.mulDivDown(MOST, 7, 7), MOST);
        assertEq(SaturatingMath.mulDivUp(MOST, 7, 7), MOST);
        assertEq(SaturatingMath.mulDivDown(MOST - 1, 7, 7), MOST - 1);
        assertEq(SaturatingMath.mulDivUp(MOST - 1, 7, 7), MOST - 1);
        assertEq(SaturatingMath.mulDivDown(MOST, 8, 7), MOST);
        assertEq(SaturatingMath.mulDivUp(MOST, 8, 7), MOST);
        assertEq(SaturatingMath.mulDivDown(10, 10, 3), 33);
        assertEq(SaturatingMath.mulDivUp(10, 10, 3), 34);
        assertEq(SaturatingMath.mulDivUp(10, 9, 3), 30);
    }

    /// @dev Plain arithmetic ends at 2^240; both ways round as they say.
    function testFuzz_Bps_IsTheQuotient(uint256 x, uint256 bps, uint256 edge) public pure {
        bps = bound(bps, 0, (1 << 15) - 1);
        if (edge % 4 == 0) x = (1 << 240) - 1;
        if (edge % 4 == 1) x = 1 << 240;
        (uint256 high,) = Math.mul512(x, bps);
        bool isLarge = high >= 10_000;
        uint256 down = isLarge ? MOST : Math.mulDiv(x, bps, 10_000);
        bool hasRest = !isLarge && mulmod(x, bps, 10_000) != 0;
        assertEq(SaturatingMath.bpsDown(x, bps), down);
        assertEq(SaturatingMath.bpsUp(x, bps), hasRest && down != MOST ? down + 1 : down);
    }
}
