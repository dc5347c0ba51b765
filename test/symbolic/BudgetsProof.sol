// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {Budgets} from "../../contracts/guard/Budgets.sol";

/// @notice Theorems about the leaky buckets.
///
/// Together they bound what fits in any span. With levels ℓ, one step of time e and one charge x that fits:
/// ℓ' ≥ ℓ − 1e18 × e ÷ W (no faster leak), (ℓ'' − ℓ') × C ≥ 1e18 × x (no cheaper charge), ℓ'' ≤
/// 1e18 (never past full).
/// Summed over all steps of a span T: 1e18 × Σx ≤ C × (ℓ_end − ℓ_start + 1e18 × T ÷ W) ≤ 1e18 × C × (1
/// + T ÷ W).
contract BudgetsProof {
    uint256 private constant WAD = 1e18;

    /// @notice A charge that fits leaves the level at or below full, and no lower than before.
    function check_Charge_LevelNeverPastFull(uint64 level, uint128 capacity, uint128 amount) public pure {
        if (level > WAD) return;
        (bool isWithin,, uint256 next) = Budgets.charge(level, capacity, amount);
        if (!isWithin) return;
        assert(next >= level);
        assert(next <= WAD);
    }

    /// @notice What a charge adds to the level is at least what it takes.
    function check_Charge_RoundsAgainstTheSpender(uint64 level, uint128 capacity, uint128 amount) public pure {
        if (level > WAD) return;
        (bool isWithin,, uint256 next) = Budgets.charge(level, capacity, amount);
        if (isWithin) assert((next - level) * capacity >= uint256(amount) * WAD);
    }

    /// @notice What is used is the exact part of the capacity, rounded up, and never more than all of it.
    function check_UsedUp_IsTheCeiling(uint64 level, uint128 capacity) public pure {
        if (level > WAD) return;
        uint256 used = Budgets.usedUp(level, capacity);
        assert(used * WAD >= uint256(level) * capacity);
        assert(used == 0 || (used - 1) * WAD < uint256(level) * capacity);
        assert(used <= capacity);
    }

    /// @notice A charge fits if and only if what is used leaves room for it.
    function check_Charge_FitsByUsedUp(uint64 level, uint128 capacity, uint128 amount) public pure {
        if (level > WAD) return;
        (bool isWithin, uint256 observed,) = Budgets.charge(level, capacity, amount);
        assert(observed == Budgets.usedUp(level, capacity) + amount);
        assert(isWithin == (observed <= capacity));
    }

    /// @notice Leaking never raises the level, and never takes more than the time that passed.
    function check_LevelInForce_LeaksNoFasterThanTime(uint64 level, uint40 updatedAt, uint32 window, uint40 at)
        public
        pure
    {
        if (level > WAD || window == 0 || at < updatedAt) return;
        uint256 next = Budgets.levelInForce(level, updatedAt, window, at);
        assert(next <= level);
        assert((level - next) * window <= WAD * (at - updatedAt));
    }

    /// @notice A full bucket is empty after its window.
    function check_LevelInForce_EmptyAfterTheWindow(uint64 level, uint40 updatedAt, uint32 window, uint40 at)
        public
        pure
    {
        if (level > WAD || window == 0 || at < updatedAt || at - updatedAt < window) return;
        assert(Budgets.levelInForce(level, updatedAt, window, at) == 0);
    }

    /// @notice Capacity is the exact part of the base, rounded down.
    function check_CapacityDown_IsTheFloor(uint128 base, uint16 bps) public pure {
        uint256 capacity = Budgets.capacityDown(base, bps);
        assert(capacity * 10_000 <= uint256(base) * bps);
        assert((capacity + 1) * 10_000 > uint256(base) * bps);
    }

    /// @notice A longer window leaks no faster. With the three theorems below and `check_Charge_FitsByUsedUp`: stricter
    /// limits of a bucket, which are a longer window and fewer bps of base, refuse whatever laxer ones refuse (R7,
    /// R12).
    function check_LevelInForce_LongerWindowLeaksNoFaster(uint64 level, uint40 elapsed, uint32 shorter, uint32 longer)
        public
        pure
    {
        if (shorter == 0 || shorter > longer) return;
        assert(Budgets.levelInForce(level, 0, longer, elapsed) >= Budgets.levelInForce(level, 0, shorter, elapsed));
    }

    /// @notice Fewer bps are no larger capacity.
    function check_CapacityDown_FewerBpsAreNoMore(uint128 base, uint16 fewer, uint16 more) public pure {
        if (fewer > more) return;
        assert(Budgets.capacityDown(base, fewer) <= Budgets.capacityDown(base, more));
    }

    /// @notice An emptier bucket has no less room.
    function check_UsedUp_EmptierHasMoreRoom(uint64 emptier, uint64 fuller, uint128 capacity) public pure {
        if (emptier > fuller) return;
        assert(Budgets.usedUp(emptier, capacity) <= Budgets.usedUp(fuller, capacity));
    }

    /// @notice A larger bucket, as full as a smaller one, has no less room.
    function check_UsedUp_LargerHasMoreRoom(uint64 level, uint128 smaller, uint128 larger) public pure {
        if (level > WAD || smaller > larger) return;
        // Says nothing that is not so. It shows the solver the product on which the theorem rests.
        if ((WAD - level) * (larger - smaller) > uint256(WAD) * larger) return;
        assert(larger - Budgets.usedUp(level, larger) >= smaller - Budgets.usedUp(level, smaller));
    }
}
