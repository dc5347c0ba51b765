// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {Test} from "forge-std/Test.sol";

import {Price} from "../../contracts/vault/Price.sol";

contract PriceTest is Test {
    function test_Pack_IsExactUpTo56Bits() public pure {
        assertEq(Price.unpack(Price.packUp(0)), 0);
        assertEq(Price.unpack(Price.packUp((1 << 56) - 1)), (1 << 56) - 1);
        assertEq(Price.unpack(Price.packDown((1 << 56) - 1)), (1 << 56) - 1);
        assertEq(Price.unpack(Price.packUp(1 << 56)), 1 << 56);
        assertEq(Price.unpack(Price.packDown((1 << 56) + 1)), 1 << 56);
        assertEq(Price.unpack(Price.packUp((1 << 56) + 1)), (1 << 56) + 2);
    }

    function test_Pack_CarriesIntoTheExponent() public pure {
        assertEq(Price.unpack(Price.packUp((1 << 57) - 1)), 1 << 57);
        assertEq(Price.unpack(Price.packUp((1 << 200) - 1)), 1 << 200);
    }

    function test_Pack_StaysAtTheLargest() public pure {
        uint256 largest = ((1 << 56) - 1) << 200;
        assertEq(Price.unpack(Price.packUp(type(uint256).max)), largest);
        assertEq(Price.unpack(Price.packDown(type(uint256).max)), largest);
    }

    function test_Of_LargestAssetsOverOneShareFits() public pure {
        assertEq(Price.unpack(Price.ofUp(0, 1)), 1 << 128);
        assertGt(Price.unpack(Price.ofUp(Price.MAX_ASSETS, 1)), 1 << 255);
    }

    function testFuzz_Pack_BracketsWithinOneUnitOfTheLastPlace(uint256 price) public pure {
        uint256 up = Price.unpack(Price.packUp(price));
        uint256 down = Price.unpack(Price.packDown(price));
        assertLe(down, price);
        assertLe(price - down, price >> 55);
        if (price <= ((1 << 56) - 1) << 200) {
            assertGe(up, price);
            assertLe(up - price, price >> 55);
        }
        assertEq(Price.packUp(up), Price.packDown(up), "a float packs to itself");
        assertEq(Price.unpack(Price.packUp(up)), up);
    }

    function testFuzz_Assets_NeverBelowWhatThePriceWasMadeOf(uint128 assets, uint256 units) public pure {
        assets = uint128(bound(assets, 0, Price.MAX_ASSETS));
        units = bound(units, 1, 1 << 145);
        uint256 price = Price.unpack(Price.ofUp(assets, units));
        vm.assume(price < ((1 << 56) - 1) << 200);
        assertGe(Price.assetsDown(price, units), assets);
        uint256 up = Price.assetsUp(price, units);
        assertGe(up, Price.assetsDown(price, units));
        assertLe(up - Price.assetsDown(price, units), 1);
    }

    function testFuzz_MulDivSaturating(uint256 a, uint256 b, uint256 c) public pure {
        c = bound(c, 1, type(uint256).max);
        if (b == 0 || a <= type(uint256).max / b) {
            assertEq(Price.mulDivSaturating(a, b, c), a * b / c);
        } else if (c == 1) {
            assertEq(Price.mulDivSaturating(a, b, c), type(uint256).max);
        } else {
            assertGe(Price.mulDivSaturating(a, b, c), type(uint256).max / c);
        }
    }

    function test_Assets_Saturate() public pure {
        assertEq(Price.assetsDown(type(uint256).max, type(uint256).max), (1 << 255) - 1);
        assertEq(Price.assetsUp(type(uint256).max, type(uint256).max), (1 << 255) - 1);
        assertEq(Price.assetsDown(0, 1), 0);
        assertEq(Price.assetsUp(0, 1), 0);
        assertEq(Price.assetsUp(1, 1), 0);
        assertEq(Price.assetsUp((1 << 128) + 1, 1), 1);
        assertEq(Price.assetsDown(1, 1), 0);
    }
}
