// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {IERC4626} from "@openzeppelin/contracts/interfaces/IERC4626.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";

import {ITreasuryVault} from "../../contracts/interfaces/ITreasuryVault.sol";
import {GroupPolicy, Policy, StrategyPolicy, StrategyStatus} from "../../contracts/types/Policy.sol";
import {MemberReading, Move, Rebalance, Receipt as RebalanceReceipt} from "../../contracts/types/Rebalance.sol";
import {Rule} from "../../contracts/types/Rule.sol";
import {GuardFixture} from "./helpers/GuardFixture.sol";
import {MockStrategy} from "./mocks/MockStrategy.sol";

/// @notice R9. The first group is {A, B} up to 30 % of base, the second {B, C} up to 40 %. NAV and base are `DEPOSIT`,
/// prices 1:1.
contract GroupRulesTest is GuardFixture {
    uint256 private constant PERCENT = DEPOSIT / 100;
    uint256 private constant UNREADABLE = type(uint256).max;

    // At the limit and one past it

    function test_Rebalance_FillsAGroup() public {
        start(_policy());
        rebalance(moves(deposits(0, 20 * PERCENT)));
        _rest();
        _refuses(moves(deposits(1, 10 * PERCENT + 1)), Rule.Group, 30 * PERCENT + 1, 30 * PERCENT);
        rebalance(moves(deposits(1, 10 * PERCENT)));
        assertEq(held(0) + held(1), 30 * PERCENT);
    }

    function test_Rebalance_FillsAGroupWithSeveralLegs() public {
        start(_policy());
        Move[] memory list = moves(deposits(0, 20 * PERCENT), deposits(1, 10 * PERCENT + 1));
        _refuses(list, Rule.Group, 30 * PERCENT + 1, 30 * PERCENT);
        rebalance(moves(deposits(0, 20 * PERCENT), deposits(1, 10 * PERCENT)));
        assertEq(held(0) + held(1), 30 * PERCENT);
    }

    function test_Rebalance_FillsAGroupsCap() public {
        Policy memory policy = _policy();
        policy.groups[0].cap = 5000;
        start(policy);
        _refuses(moves(deposits(0, 3000), deposits(1, 2001)), Rule.Group, 5001, 5000);
        rebalance(moves(deposits(0, 3000), deposits(1, 2000)));
        assertEq(held(0) + held(1), 5000);
    }

    function test_RevertWhen_AGroupAllowsNothing() public {
        Policy memory policy = _policy();
        policy.groups[0].cap = 0;
        start(policy);
        _refuses(moves(deposits(0, 1)), Rule.Group, 1, 0);
        rebalance(moves(deposits(2, 1)));
    }

    function test_Rebalance_MovesInsideAFullGroup() public {
        start(_policy());
        rebalance(moves(deposits(0, 20 * PERCENT), deposits(1, 10 * PERCENT)));
        _rest();
        Move[] memory list = moves(withdraws(0, 5 * PERCENT), deposits(1, 5 * PERCENT + 1));
        _refuses(list, Rule.Group, 30 * PERCENT + 1, 30 * PERCENT);
        rebalance(moves(withdraws(0, 5 * PERCENT), deposits(1, 5 * PERCENT)));
        assertEq(held(0), 15 * PERCENT);
        assertEq(held(1), 15 * PERCENT);
    }

    function test_Rebalance_LeavesAGroupThatIsTooLarge() public {
        start(_policy());
        rebalance(moves(deposits(0, 20 * PERCENT), deposits(1, 10 * PERCENT)));
        _rest();
        strategies[0].setPreviewOffset(SafeCast.toInt256(50 * PERCENT));
        rebalance(moves(withdraws(1, 1)));
        // Into another group, and none of the first is even looked at.
        vm.expectCall(address(strategies[0]), abi.encodeWithSelector(IERC4626.previewRedeem.selector), 0);
        rebalance(moves(deposits(2, 1)));
    }

    // Overlapping groups, and which one is named

    function test_RevertWhen_OnlyTheSecondGroupIsFull() public {
        start(_policy());
        rebalance(moves(deposits(2, 35 * PERCENT)));
        _rest();
        _refuses(moves(deposits(1, 5 * PERCENT + 1)), Rule.Group, 40 * PERCENT + 1, 40 * PERCENT);
        rebalance(moves(deposits(1, 5 * PERCENT)));
    }

    function test_RevertWhen_BothGroupsAreFull_TheFirstOfTheEarliestLegIsNamed() public {
        Policy memory policy = _policy();
        policy.groups[0].cap = 10;
        policy.groups[1].cap = 20;
        start(policy);
        // B is in both: the order of the groups.
        _refuses(moves(deposits(1, 21)), Rule.Group, 21, 10);
        // C comes first: its group is the second of the list.
        _refuses(moves(deposits(2, 21), deposits(0, 11)), Rule.Group, 21, 20);
        _refuses(moves(deposits(0, 11), deposits(2, 21)), Rule.Group, 11, 10);
    }

    function test_RevertWhen_WeightAndGroupRefuse_WeightIsNamed() public {
        Policy memory policy = _policy();
        policy.groups[0].cap = 10;
        policy.strategies[1].cap = 15;
        start(policy);
        _refuses(moves(deposits(0, 11), deposits(1, 16)), Rule.Weight, 16, 15);
    }

    function test_RevertWhen_AMemberGrowsDuringALeg() public {
        start(_policy());
        rebalance(moves(deposits(0, 20 * PERCENT)));
        _rest();
        // Depositing into B makes A worth one more: what counts is A after the legs.
        bytes memory push = abi.encodeCall(MockStrategy.setPreviewOffset, (1));
        strategies[1].setCall(address(strategies[0]), push);
        refuses(AGENT, moves(deposits(1, 10 * PERCENT)), Rule.Group, 30 * PERCENT + 1, 30 * PERCENT);
        rebalance(moves(deposits(1, 10 * PERCENT - 1)));
    }

    // Members that cannot be read

    function test_RevertWhen_AMemberReverts() public {
        _startWithMember();
        vm.mockCallRevert(address(strategies[0]), abi.encodeWithSelector(IERC4626.previewRedeem.selector), "no");
        _refuses(moves(deposits(1, 1)), Rule.Group, UNREADABLE, 30 * PERCENT);
        vm.clearMockedCalls();
        vm.mockCallRevert(address(strategies[0]), abi.encodeWithSelector(IERC20.balanceOf.selector), "no");
        _refuses(moves(deposits(1, 1)), Rule.Group, UNREADABLE, 30 * PERCENT);
        vm.clearMockedCalls();
        rebalance(moves(deposits(1, 1)));
    }

    function test_RevertWhen_AMemberAnswersTooShort() public {
        _startWithMember();
        vm.mockCall(address(strategies[0]), abi.encodeWithSelector(IERC4626.previewRedeem.selector), new bytes(31));
        _refuses(moves(deposits(1, 1)), Rule.Group, UNREADABLE, 30 * PERCENT);
    }

    function test_RevertWhen_AMemberEatsItsGas() public {
        _startWithMember();
        vm.etch(address(strategies[0]), hex"fe");
        _refuses(moves(deposits(1, 1)), Rule.Group, UNREADABLE, 30 * PERCENT);
    }

    function test_RevertWhen_ABrokenMembersGasIsTooLow_ItIsNoRefusal() public {
        _startWithMember();
        vm.mockCallRevert(address(strategies[0]), abi.encodeWithSelector(IERC20.balanceOf.selector), "no");
        Rebalance memory rebalance_ = plan(AGENT, moves(deposits(1, 1)));
        vm.expectPartialRevert(ITreasuryVault.GasTooLow.selector);
        vm.prank(AGENT);
        guard.rebalance{gas: 900_000}(rebalance_);
        _refuses(moves(deposits(1, 1)), Rule.Group, UNREADABLE, 30 * PERCENT);
    }

    function test_RevertWhen_AMemberReportsNoAmount() public {
        _startWithMember();
        bytes memory call = abi.encodeWithSelector(IERC4626.previewRedeem.selector);
        vm.mockCall(address(strategies[0]), call, abi.encode(uint256(1) << 128));
        _refuses(moves(deposits(1, 1)), Rule.Group, UNREADABLE, 30 * PERCENT);
        // One less is an amount: read, and absurd.
        uint256 most = type(uint128).max;
        vm.mockCall(address(strategies[0]), call, abi.encode(most));
        _refuses(moves(deposits(1, 1)), Rule.Group, most, 20 * PERCENT * 101 / 100 + 1);
    }

    function test_RevertWhen_AMemberReportsNoShares() public {
        _startWithMember();
        bytes memory call = abi.encodeCall(IERC20.balanceOf, (address(vault)));
        vm.mockCall(address(strategies[0]), abi.encodeWithSelector(IERC4626.previewRedeem.selector), abi.encode(7));
        vm.mockCall(address(strategies[0]), call, abi.encode(uint256(1) << 248));
        _refuses(moves(deposits(1, 1)), Rule.Group, UNREADABLE, 30 * PERCENT);
        uint256 most = type(uint248).max;
        vm.mockCall(address(strategies[0]), call, abi.encode(most));
        // ⌈shares × ⌊2^128 × 9,900 ÷ 10,000⌋ ÷ 2^128⌉
        uint256 low = uint256(1 << 128) * 9900 / 10_000;
        uint256 bound = (most >> 128) * low + ((most & type(uint128).max) * low + type(uint128).max) / (1 << 128);
        _refuses(moves(deposits(1, 1)), Rule.Group, 7, bound);
    }

    function test_Rebalance_DoesNotAskAMemberWithoutShares() public {
        start(_policy());
        vm.mockCallRevert(address(strategies[0]), abi.encodeWithSelector(IERC4626.previewRedeem.selector), "no");
        rebalance(moves(deposits(1, 30 * PERCENT)));
        assertEq(held(1), 30 * PERCENT);
    }

    // Members outside their bands

    function test_RevertWhen_AnUntouchedMemberIsBelowItsBand() public {
        _startWithMember();
        uint256 bound = 20 * PERCENT * 99 / 100;
        _setValue(0, bound - 2);
        _refuses(moves(deposits(1, 1)), Rule.Group, bound - 2, bound);
        _setValue(0, bound - 1);
        rebalance(moves(deposits(1, 1)));
    }

    function test_RevertWhen_AnUntouchedMemberIsAboveItsBand() public {
        _startWithMember();
        uint256 bound = 20 * PERCENT * 101 / 100 + 1;
        _setValue(0, bound + 1);
        _refuses(moves(deposits(1, 1)), Rule.Group, bound + 1, bound);
        _setValue(0, bound);
        rebalance(moves(deposits(1, 1)));
    }

    function test_RevertWhen_AWithdrawnFromMemberIsAboveItsBand() public {
        _startWithMember();
        // R13 lets a withdrawal pass at any high price; the group does not trust that price.
        uint256 bound = (20 * PERCENT - 100) * 101 / 100 + 1;
        _setValue(0, bound + 101);
        _refuses(moves(withdraws(0, 100), deposits(1, 1)), Rule.Group, bound + 1, bound);
        _setValue(0, bound + 100);
        rebalance(moves(withdraws(0, 100), deposits(1, 1)));
    }

    function test_RevertWhen_TheDepositedIntoMemberIsOutsideItsBand_GroupIsNamedBeforePrice() public {
        _startWithMember();
        uint256 bound = (20 * PERCENT + 1000) * 99 / 100;
        _setValue(0, bound - 2 - 1000);
        _refuses(moves(deposits(0, 1000)), Rule.Group, bound - 2, bound);
    }

    function test_RevertWhen_OneMemberIsUnreadableAndOneOutside_TheFirstOfTheListIsNamed() public {
        Policy memory policy = _policy();
        policy.strategies[2].groups = 1;
        start(policy);
        rebalance(moves(deposits(0, 10 * PERCENT), deposits(1, 5 * PERCENT)));
        _rest();
        uint256 bound = 10 * PERCENT * 101 / 100 + 1;
        _setValue(0, bound + 1);
        vm.mockCallRevert(address(strategies[1]), abi.encodeWithSelector(IERC4626.previewRedeem.selector), "no");
        _refuses(moves(deposits(2, 1)), Rule.Group, bound + 1, bound);
        _setValue(0, bound);
        _refuses(moves(deposits(2, 1)), Rule.Group, UNREADABLE, 30 * PERCENT);
    }

    // Status

    function test_Rebalance_WrittenOffMembersDoNotCount() public {
        Policy memory policy = _policy();
        start(policy);
        rebalance(moves(deposits(0, 20 * PERCENT)));
        policy.strategies[0].status = StrategyStatus.WrittenOff;
        adopt(policy);
        vm.etch(address(strategies[0]), hex"fe");
        vault.checkpoint();
        (, uint256 base,) = vault.checkpointState();
        assertApproxEqAbs(base, 80 * PERCENT, UNIT);
        uint256 limit = base * 3 / 10;
        _refuses(moves(deposits(1, limit + 1)), Rule.Group, limit + 1, limit);
        rebalance(moves(deposits(1, limit)));
    }

    function test_RevertWhen_AClosedMemberFillsTheGroup() public {
        Policy memory policy = _policy();
        start(policy);
        rebalance(moves(deposits(0, 20 * PERCENT)));
        policy.strategies[0].status = StrategyStatus.ExitOnly;
        adopt(policy);
        _rest();
        _refuses(moves(deposits(1, 10 * PERCENT + 1)), Rule.Group, 30 * PERCENT + 1, 30 * PERCENT);
    }

    // The receipt

    function test_Rebalance_TellsWhatItReadOfMembers() public {
        start(_policy());
        rebalance(moves(deposits(0, 10 * PERCENT), deposits(2, 20 * PERCENT)));
        _rest();
        // B is in both groups: A and C are read, in the list's order, each once.
        Rebalance memory rebalance_ = plan(AGENT, moves(deposits(1, 5)));
        vm.expectCall(address(strategies[0]), abi.encodeWithSelector(IERC4626.previewRedeem.selector), 1);
        vm.prank(AGENT);
        RebalanceReceipt memory receipt = guard.rebalance(rebalance_);
        assertEq(receipt.members.length, 2);
        _assertMember(receipt.members[0], 0, 10 * PERCENT);
        _assertMember(receipt.members[1], 2, 20 * PERCENT);
        assertEq(receipt.legs.length, 1);
        assertEq(receipt.legs[0].assets, 5);
        assertEq(receipt.legs[0].valueAfter, 5);
        assertEq(receipt.idleAfter, 70 * PERCENT - 5);

        rebalance_ = plan(AGENT, moves(withdraws(1, 5)));
        vm.prank(AGENT);
        receipt = guard.rebalance(rebalance_);
        assertEq(receipt.members.length, 0);
    }

    // The largest document

    function test_Rebalance_ThirtyTwoStrategiesInSixteenGroups() public {
        Policy memory policy = _policy();
        MockStrategy[] memory all = new MockStrategy[](32);
        StrategyPolicy[] memory list = new StrategyPolicy[](32);
        for (uint256 i = 0; i < 32; ++i) {
            all[i] = i < 3 ? strategies[i] : new MockStrategy(asset, "S");
            list[i] = abi.decode(abi.encode(policy.strategies[0]), (StrategyPolicy));
            list[i].strategy = address(all[i]);
            list[i].groups = type(uint16).max;
        }
        policy.strategies = list;
        policy.groups = new GroupPolicy[](16);
        for (uint256 i = 0; i < 16; ++i) {
            policy.groups[i] = GroupPolicy(bytes32(bytes1(SafeCast.toUint8(65 + i))), 10_000, type(uint128).max);
        }
        policy.groups[15].maxWeightBps = 3200;
        policy.agents[0].scope = type(uint32).max;
        start(policy);
        for (uint256 half = 0; half < 2; ++half) {
            Move[] memory legs = new Move[](16);
            for (uint256 i = 0; i < 16; ++i) {
                legs[i] = deposits(SafeCast.toUint8(16 * half + i), PERCENT - (half == 1 && i == 15 ? 1 : 0));
            }
            rebalance(legs);
            _rest();
        }
        _refuses(moves(deposits(31, 2)), Rule.Group, 32 * PERCENT + 1, 32 * PERCENT);
        Rebalance memory rebalance_ = plan(AGENT, moves(deposits(31, 1)));
        vm.prank(AGENT);
        RebalanceReceipt memory receipt = guard.rebalance(rebalance_);
        assertEq(receipt.members.length, 31);
        for (uint256 i = 0; i < 31; ++i) {
            _assertMember(receipt.members[i], i, PERCENT);
        }
    }

    /// @dev By the view and by the door.
    function _refuses(Move[] memory list, Rule rule, uint256 observed, uint256 limit) private {
        assertRefused(AGENT, plan(AGENT, list), rule, observed, limit);
    }

    function _policy() private view returns (Policy memory policy) {
        policy = defaultPolicy();
        policy.limits.cooldownSeconds = 0;
        policy.limits.minIdleBps = 0;
        policy.limits.windowSeconds = 1 hours;
        policy.limits.policyDelaySeconds = 1 hours;
        policy.groups = new GroupPolicy[](2);
        policy.groups[0] = GroupPolicy("lending", 3000, type(uint128).max);
        policy.groups[1] = GroupPolicy("stable", 4000, type(uint128).max);
        policy.strategies[0].groups = 1;
        policy.strategies[1].groups = 3;
        policy.strategies[2].groups = 2;
    }

    /// @dev A holds 20 %.
    function _startWithMember() private {
        start(_policy());
        rebalance(moves(deposits(0, 20 * PERCENT)));
        _rest();
    }

    /// @dev Until the buckets are empty.
    function _rest() private {
        skip(1 hours);
    }

    /// @dev Makes the vault's position preview as `value`.
    function _setValue(uint256 index, uint256 value) private {
        strategies[index].setPreviewOffset(SafeCast.toInt256(value) - SafeCast.toInt256(held(index)));
    }

    function _assertMember(MemberReading memory member, uint256 index, uint256 value) private pure {
        assertEq(member.index, index);
        assertTrue(member.isReadable);
        assertEq(member.value, value);
        assertEq(member.shares, value);
    }
}
