// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {Price} from "../../contracts/vault/Price.sol";

/// @notice Theorems about prices and their 64-bit form, for all 2^256 prices.
///
/// Packing is monotone either way: with `lower` ≤ `higher`, what `lower` packs down to is a float at or below
/// `higher`, and what `higher` packs down to is the nearest of those; upwards likewise.
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

    /// @notice No float lies between what a price packs down to and the price.
    function check_PackDown_IsTheNearestFloat(uint256 price, uint56 mantissa, uint8 exponent) public pure {
        if (exponent > 200) return;
        uint256 other = uint256(mantissa) << exponent;
        if (other > price) return;
        assert(other <= Price.unpack(Price.packDown(price)));
    }

    /// @notice No float lies between a price and what it packs up to.
    function check_PackUp_IsTheNearestFloat(uint256 price, uint56 mantissa, uint8 exponent) public pure {
        if (exponent > 200) return;
        uint256 other = uint256(mantissa) << exponent;
        if (other < price) return;
        assert(other >= Price.unpack(Price.packUp(price)));
    }

    /// @notice A float is its own nearest, either way, and has one form only.
    function check_Pack_KeepsFloats(uint256 price) public pure {
        uint64 packed = Price.packDown(price);
        uint256 kept = Price.unpack(packed);
        assert(Price.packDown(kept) == packed);
        assert(Price.packUp(kept) == packed);
    }
}
