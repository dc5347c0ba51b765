// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {Price} from "../../contracts/vault/Price.sol";

/// @notice Theorems about prices and their 64-bit form, for all 2^256 prices.
contract PriceProof {
    uint256 private constant LARGEST = ((1 << 56) - 1) << 200;

    function check_PackDown_AtMostThePriceAndWithin2Pow55th(uint256 price) public pure {
        uint256 down = Price.unpack(Price.packDown(price));
        assert(down <= price);
        assert(price - down <= price >> 55);
    }

    function check_PackUp_AtLeastThePriceAndWithin2Pow55th(uint256 price) public pure {
        uint256 up = Price.unpack(Price.packUp(price));
        if (price > LARGEST) {
            assert(up == LARGEST);
        } else {
            assert(up >= price);
            assert(up - price <= price >> 55);
        }
    }

    function check_PackDown_IsMonotone(uint256 lower, uint256 higher) public pure {
        if (lower > higher) return;
        assert(Price.unpack(Price.packDown(lower)) <= Price.unpack(Price.packDown(higher)));
    }

    function check_PackUp_IsMonotone(uint256 lower, uint256 higher) public pure {
        if (lower > higher) return;
        assert(Price.unpack(Price.packUp(lower)) <= Price.unpack(Price.packUp(higher)));
    }
}
