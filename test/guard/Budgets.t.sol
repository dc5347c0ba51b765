// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {Test} from "forge-std/Test.sol";

import {Budgets} from "../../contracts/guard/Budgets.sol";

/// @notice The arithmetic of the leaky buckets.
contract BudgetsTest is Test {
    uint256 private constant WAD = 1e18;

    struct Run {
        uint256 level;
        uint256 updatedAt;
        uint256 at;
        uint256 total;
        uint256 accepted;
    }

    function test_Charge_AtTheCapacityAndOnePast() public pure {
        (bool isWithin, uint256 observed, uint256 level) = Budgets.charge(0, 1000, 1000);
        assertTrue(isWithin);
        assertEq(observed, 1000);
        assertEq(level, WAD);
        (isWithin, observed,) = Budgets.charge(0, 1000, 1001);
        assertFalse(isWithin);
        assertEq(observed, 1001);
        // Full: not one unit more, and nothing is still nothing.
        (isWithin, observed,) = Budgets.charge(level, 1000, 1);
        assertFalse(isWithin);
        assertEq(observed, 1001);
        (isWithin, observed, level) = Budgets.charge(level, 1000, 0);
        assertTrue(isWithin);
        assertEq(observed, 1000);
        assertEq(level, WAD);
    }

    function test_Charge_CapacityZeroTakesNothing() public pure {
        (bool isWithin, uint256 observed, uint256 level) = Budgets.charge(WAD / 2, 0, 0);
        assertTrue(isWithin);
        assertEq(observed, 0);
        assertEq(level, WAD / 2);
        (isWithin, observed,) = Budgets.charge(0, 0, 1);
        assertFalse(isWithin);
        assertEq(observed, 1);
    }

    function test_Charge_RoundsAgainstTheSpender() public pure {
        // A third of a bucket of 3 units, one part in 1e18 too much.
        (, uint256 observed, uint256 level) = Budgets.charge(0, 3, 1);
        assertEq(level, 333_333_333_333_333_334);
        bool isWithin;
        (isWithin, observed,) = Budgets.charge(level, 3, 1);
        assertFalse(isWithin && observed < 3);
        assertEq(observed, 3);
    }

    function test_Charge_StopsInsteadOfOverflowing() public pure {
        (bool isWithin, uint256 observed,) = Budgets.charge(WAD, 1000, type(uint256).max);
        assertFalse(isWithin);
        assertEq(observed, type(uint256).max);
    }

    function test_LevelInForce_LeaksEvenly() public pure {
        assertEq(Budgets.levelInForce(WAD, 100, 1000, 100), WAD);
        assertEq(Budgets.levelInForce(WAD, 100, 1000, 350), WAD * 3 / 4);
        assertEq(Budgets.levelInForce(WAD, 100, 1000, 1099), WAD / 1000);
        assertEq(Budgets.levelInForce(WAD, 100, 1000, 1100), 0);
        assertEq(Budgets.levelInForce(WAD / 2, 100, 1000, 5000), 0);
        // The leak is rounded down: two thirds stay, and the rest of the division.
        assertEq(Budgets.levelInForce(WAD, 0, 3, 1), 666_666_666_666_666_667);
    }

    function test_CapacityDown_Rounds() public pure {
        assertEq(Budgets.capacityDown(9999, 1), 0);
        assertEq(Budgets.capacityDown(10_000, 1), 1);
        assertEq(Budgets.capacityDown(19_999, 1), 1);
        assertEq(Budgets.capacityDown(type(uint256).max, 10_000), type(uint256).max);
    }

    /// @notice Whatever is asked and whenever: what fits in a span T sums to at most C × (1 + T ÷ W), the level stays
    /// at or below full, and a charge is refused only if the exact bucket would have overflowed but for rounding.
    function testFuzz_Charge_NeverMoreThanCapacityTimesSpan(
        uint256 capacity,
        uint256 window,
        uint256[24] memory amounts,
        uint256[24] memory waits
    ) public pure {
        capacity = bound(capacity, 1, 1e33);
        window = bound(window, 1 hours, 90 days);
        Run memory run;
        for (uint256 i = 0; i < amounts.length; ++i) {
            run.at += waits[i] % 3 == 0 ? 0 : bound(waits[i], 0, window);
            _step(run, capacity, window, amounts[i]);
            assertLe(run.level, WAD);
            assertLe(run.total, capacity + capacity * run.at / window);
        }
        assertGt(run.accepted, 0);
    }

    function _step(Run memory run, uint256 capacity, uint256 window, uint256 seed) private pure {
        uint256 inForce = Budgets.levelInForce(run.level, run.updatedAt, window, run.at);
        uint256 room = capacity - Budgets.usedUp(inForce, capacity);
        // Greedy as often as not: all the room there is.
        uint256 amount = seed % 2 == 0 ? room : bound(seed, 0, capacity + 1);
        (bool isWithin, uint256 observed, uint256 next) = Budgets.charge(inForce, capacity, amount);
        assertEq(isWithin, amount <= room);
        assertEq(observed, capacity - room + amount);
        if (!isWithin) return;
        ++run.accepted;
        (run.level, run.updatedAt) = (next, run.at);
        run.total += amount;
    }

    /// @notice Rounding costs the spender at most one unit and one part in 1e18 of the capacity a charge.
    function testFuzz_Charge_RoundsByLittle(uint256 capacity, uint256 first, uint256 window, uint256 elapsed)
        public
        pure
    {
        capacity = bound(capacity, 1, 1e33);
        first = bound(first, 0, capacity);
        window = bound(window, 1 hours, 90 days);
        elapsed = bound(elapsed, 0, window);
        (,, uint256 level) = Budgets.charge(0, capacity, first);
        uint256 used = Budgets.usedUp(Budgets.levelInForce(level, 0, window, elapsed), capacity);
        uint256 leaked = capacity * elapsed / window;
        uint256 exact = first > leaked ? first - leaked : 0;
        assertGe(used + 1, exact);
        assertLe(used, exact + 2 + 2 * capacity / WAD);
    }
}
