// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {PriceBands} from "../../contracts/guard/PriceBands.sol";
import {PriceReference, Reference} from "../../contracts/guard/PriceReference.sol";

/// @notice Theorems about price bands and the references they lie around.
contract PriceBandsProof {
    /// @notice A wider band allows what a narrower one allows, on either side.
    function check_Check_WiderBandAllowsMore(
        uint128 price,
        uint16 narrow,
        uint16 wide,
        bool isDeposit,
        uint128 value,
        uint96 shares
    ) public pure {
        if (narrow > wide || wide >= 10_000) return;
        (bool isWithin,) = PriceBands.check(price, narrow, isDeposit, value, shares);
        if (!isWithin) return;
        (isWithin,) = PriceBands.check(price, wide, isDeposit, value, shares);
        assert(isWithin);
    }

    /// @notice A withdrawal is allowed wherever a deposit is.
    function check_Check_WithdrawalsAreHeldToLess(uint128 price, uint16 band, uint128 value, uint96 shares)
        public
        pure
    {
        if (band >= 10_000) return;
        (bool isWithin,) = PriceBands.check(price, band, true, value, shares);
        if (!isWithin) return;
        (isWithin,) = PriceBands.check(price, band, false, value, shares);
        assert(isWithin);
    }

    /// @notice The reference itself lies inside every band: what it is worth, rounded either way, is accepted.
    function check_Check_TheReferenceIsInside(uint128 price, uint16 band, bool isDeposit, uint96 shares, bool isUp)
        public
        pure
    {
        if (band >= 10_000) return;
        uint256 value = (uint256(price) * shares) >> 128;
        if (isUp) value += 1;
        (bool isWithin,) = PriceBands.check(price, band, isDeposit, value, shares);
        assert(isWithin);
    }

    /// @notice A reference never moves by more than growth allows, either way, and not at all within a day.
    function check_Follow_StepIsBounded(
        uint128 price,
        uint40 referenceAt,
        uint40 at,
        uint64 maxGrowthWad,
        uint16 band,
        uint96 value,
        uint96 shares
    ) public pure {
        if (at < referenceAt || band >= 10_000) return;
        uint256 elapsed = at - referenceAt;
        (uint256 next, bool hasFollowed) = PriceBands.follow(price, referenceAt, at, maxGrowthWad, band, value, shares);
        uint256 moved = next > price ? next - price : price - next;
        if (elapsed < 1 days || shares == 0) assert(!hasFollowed && moved == 0);
        assert(moved * (1e18 * 1 days) <= uint256(price) * maxGrowthWad * elapsed);
    }

    /// @notice However long it stood, it never moves by more than its band at once, and never to nothing.
    function check_Follow_StaysInsideTheBand(
        uint128 price,
        uint40 elapsed,
        uint64 maxGrowthWad,
        uint16 band,
        uint96 value,
        uint96 shares
    ) public pure {
        if (band >= 10_000) return;
        (uint256 next,) = PriceBands.follow(price, 0, elapsed, maxGrowthWad, band, value, shares);
        uint256 moved = next > price ? next - price : price - next;
        assert(moved * 10_000 <= uint256(price) * band);
        if (price != 0) assert(next != 0);
    }

    /// @notice The shares that tell a price are by the reference worth what they are meant to be, or one share more.
    function check_UnitShares_AreWorthTheUnit(uint128 price) public pure {
        if (price == 0) return;
        uint256 shares = PriceBands.unitSharesUp(price);
        assert(shares != 0 && shares <= 1 << 158);
        assert(shares * price >= 1 << 158);
        assert((shares - 1) * price < 1 << 158);
    }

    /// @notice It goes towards the price seen and never past it.
    function check_Follow_GoesTowardsThePrice(
        uint128 price,
        uint40 elapsed,
        uint64 maxGrowthWad,
        uint16 band,
        uint96 value,
        uint96 shares
    ) public pure {
        if (shares == 0 || band >= 10_000) return;
        (uint256 next,) = PriceBands.follow(price, 0, elapsed, maxGrowthWad, band, value, shares);
        if (next > price) assert(next * shares <= uint256(value) << 128);
        // One unit of the share price above what was seen at most, and the price rounded down.
        if (next < price) assert((next + 1) * shares > uint256(value) << 128);
    }

    /// @notice A stored reference is never above the one that was to be stored, loses less than one part in 2^43, and
    /// keeps its time.
    function check_Reference_PacksDown(uint256 price, uint32 at) public pure {
        Reference memory stored = PriceReference.unpack(PriceReference.packDown(price, at));
        assert(stored.at == at);
        assert(stored.price <= price);
        assert(price - stored.price <= price >> 43);
        if (price >> 44 == 0) assert(stored.price == price);
    }

    /// @notice A packed reference is no longer than its place.
    function check_Reference_FitsItsPlace(uint256 price, uint32 at) public pure {
        assert(PriceReference.packDown(price, at) <= PriceReference.MASK);
    }

    /// @notice What is written at one place of a slot is read there, and the other two stay what they were.
    function check_Reference_PlacesDoNotOverlap(uint256 slot, uint256 number) public pure {
        uint256 bits = number & PriceReference.MASK;
        for (uint256 i = 0; i < 3; ++i) {
            uint256 next = PriceReference.replaced(slot, PriceReference.placeOf(i), bits);
            for (uint256 j = 0; j < 3; ++j) {
                uint256 place = PriceReference.placeOf(j);
                assert(PriceReference.bitsAt(next, place) == (i == j ? bits : PriceReference.bitsAt(slot, place)));
            }
        }
    }

    /// @notice Three strategies to a slot, in their order, each with bits of its own.
    function check_Reference_PlaceOfIsItsOwn(uint64 n) public pure {
        uint256 place = PriceReference.placeOf(n);
        uint256 shift = place & type(uint8).max;
        assert(shift + PriceReference.BITS <= 256);
        assert(shift == 0 || shift == PriceReference.BITS || shift == 2 * PriceReference.BITS);
        assert(3 * PriceReference.slotOf(place) + shift / PriceReference.BITS == n);
    }
}
