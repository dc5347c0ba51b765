// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {GroupPolicy, Policy} from "../../contracts/types/Policy.sol";
import {Rule} from "../../contracts/types/Rule.sol";
import {HostileStrategy} from "../mocks/HostileStrategy.sol";
import {Arena} from "./Arena.sol";

/// @notice One collateral behind several names: what hides in a group, and what a member that nobody can read hides.
contract GroupIncidents is Arena {
    uint256 private constant GROUP_CAP = HONEST / 5;

    /// @dev Other and odd hold the same collateral: a fifth of everything together.
    function _terms() internal view override returns (Policy memory policy) {
        policy = super._terms();
        policy.groups = new GroupPolicy[](1);
        policy.groups[0] = GroupPolicy({name: "collateral", maxWeightBps: 2000, cap: type(uint120).max});
        policy.strategies[1].groups = 1;
        policy.strategies[2].groups = 1;
    }

    function test_Incident10_Stream_OneCollateralBehindTwoNamesHasOneCap() public {
        _rebalance(_one(_in(1, 150_000 * UNIT)));
        _assertRefused(_one(_in(2, GROUP_CAP - 150_000 * UNIT + 1)), Rule.Group, "through the other name");
        assertEq(_position(odd), 0);
        _assertRefused(_one(_in(2, GROUP_CAP - 150_000 * UNIT)), Rule.None, "up to the cap");
        _assertRefused(_one(_in(1, 1)), Rule.Group, "and no unit more by either");
        assertEq(_position(other) + _position(odd), GROUP_CAP);
    }

    /// A member that stopped answering, or whose price ran away, says nothing about what the group holds.
    function test_Incident10_Stream_FrozenMemberClosesItsGroup() public {
        _rebalance(_one(_in(2, 50_000 * UNIT)));
        vault.checkpoint();
        uint256 snapshot = vm.snapshotState();
        odd.setReadFault(HostileStrategy.Fault.Revert);
        _assertRefused(_one(_in(1, UNIT)), Rule.Group, "unreadable");
        assertEq(_position(other), 0);
        vm.revertToState(snapshot);

        odd.setReportBps(8900);
        _assertRefused(_one(_in(1, UNIT)), Rule.Group, "below its band");
        odd.setReportBps(11_100);
        _assertRefused(_one(_in(1, UNIT)), Rule.Group, "above its band");
        odd.setReportBps(0);
        _assertRefused(_one(_in(1, UNIT)), Rule.None, "in sight again");
    }

    /// The whole collateral goes bad: the depositors lose the group's part, each the same, and once.
    function test_Incident13_EzETH_BadDebtIsOneGroupsPartAndBookedOnce() public {
        _rebalance(_two(_in(1, 150_000 * UNIT), _in(2, 50_000 * UNIT)));
        // What an allocator would have gone on to do.
        for (uint8 i = 1; i < 3; ++i) {
            _assertRefused(_one(_in(i, 100_000 * UNIT)), Rule.Group, "more of the same");
        }
        _nextBlock();
        vault.checkpoint();
        other.lose(150_000 * UNIT);
        odd.lose(50_000 * UNIT);

        uint256 levelBefore = guard.guardState().loss.levelWad;
        _leave(ALICE);
        assertApproxEqAbs(asset.balanceOf(ALICE), ALICES * 4 / 5, 1, "the first");
        // Taking what is left of the position home is not a second loss.
        vm.prank(GUARDIAN);
        guard.pull(1, type(uint128).max, 0);
        assertEq(guard.guardState().loss.levelWad, levelBefore, "no bucket is charged for it");
        _leave(BOB);
        assertApproxEqAbs(asset.balanceOf(BOB), BOBS * 4 / 5, 1, "the last");
    }
}
