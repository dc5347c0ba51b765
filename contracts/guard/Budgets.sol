// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {SaturatingMath} from "./SaturatingMath.sol";

/// @title Leaky buckets
/// @notice A bucket holds a level, a fraction of its capacity (1e18 = full), and the time at which that level was true.
/// It leaks evenly and is empty one window after it was full.
///
/// With level ℓ, window W, elapsed e, base B and a budget of b bps:
/// - level in force ℓ' = max(0, ℓ − ⌊1e18 × e ÷ W⌋);
/// - capacity C = ⌊B × b ÷ 10,000⌋;
/// - used u = ⌈ℓ' × C ÷ 1e18⌉;
/// - a charge of x fits if and only if u + x ≤ C;
/// - the new level is ℓ' + ⌈x × 1e18 ÷ C⌉, and ℓ' if x is zero.
///
/// Every rounding is against the spender, so that over any span T the sum of all charges that fit is at most
/// C × (1 + T ÷ W). The level never exceeds 1e18: ℓ' × C ≤ 1e18 × (C − x) when x fits, hence
/// ℓ' ≤ ⌊1e18 − 1e18 × x ÷ C⌋. A capacity of zero takes no charge but zero.
library Budgets {
    uint256 internal constant WAD = 1e18;
    uint256 internal constant BPS = 10_000;

    /// @notice C = ⌊base × bps ÷ 10,000⌋.
    function capacityDown(uint256 base, uint256 bps) internal pure returns (uint256) {
        return SaturatingMath.bpsDown(base, bps);
    }

    /// @notice max(0, levelWad − ⌊1e18 × (at − updatedAt) ÷ windowSeconds⌋). Before `updatedAt` nothing has
    /// leaked.
    /// @param windowSeconds Above zero.
    /// @param at Unix time.
    function levelInForce(uint256 levelWad, uint256 updatedAt, uint256 windowSeconds, uint256 at)
        internal
        pure
        returns (uint256)
    {
        return SaturatingMath.sub(levelWad, WAD * SaturatingMath.sub(at, updatedAt) / windowSeconds);
    }

    /// @notice ⌈levelWad × capacity ÷ 1e18⌉.
    function usedUp(uint256 levelWad, uint256 capacity) internal pure returns (uint256) {
        return SaturatingMath.mulDivUp(levelWad, capacity, WAD);
    }

    /// @notice Charges `amount` to a bucket that stands at `levelWad` now.
    /// @return isWithin Whether the charge fits.
    /// @return observed used + amount, at most 2^256 − 1; to be compared with `capacity`.
    /// @return newLevelWad Level after the charge; meaningless if it does not fit.
    function charge(uint256 levelWad, uint256 capacity, uint256 amount)
        internal
        pure
        returns (bool isWithin, uint256 observed, uint64 newLevelWad)
    {
        observed = SaturatingMath.add(usedUp(levelWad, capacity), amount);
        isWithin = observed <= capacity;
        if (isWithin && amount != 0) levelWad += SaturatingMath.mulDivUp(amount, WAD, capacity);
        // At most 1e18, see above.
        // forge-lint: disable-next-line(unsafe-typecast)
        newLevelWad = uint64(levelWad);
    }
}
