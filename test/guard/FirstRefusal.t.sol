// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {IERC4626} from "@openzeppelin/contracts/interfaces/IERC4626.sol";
import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";

import {IPolicyGuard} from "../../contracts/interfaces/IPolicyGuard.sol";
import {ITreasuryVault} from "../../contracts/interfaces/ITreasuryVault.sol";
import {GroupPolicy, ObjectiveKind, Policy} from "../../contracts/types/Policy.sol";
import {ALL_ASSETS, Move, Rebalance} from "../../contracts/types/Rebalance.sol";
import {Rule} from "../../contracts/types/Rule.sol";
import {GuardFixture} from "./helpers/GuardFixture.sol";

/// @notice What the view foretells is what the door does, where strategies do what they preview.
contract FirstRefusalTest is GuardFixture {
    uint256 private constant PERCENT = DEPOSIT / 100;

    function testFuzz_FirstRefusal_IsWhatExecutionSays(uint256 seed, bool isTargeted) public {
        _assertAgreement(bound(seed, 1, type(uint128).max), isTargeted);
    }

    /// @dev The plans of the fuzz test are such that every rule from R7 on has its turn but R12, and acceptance too.
    function test_FirstRefusal_PlansMeetEveryRule() public {
        uint256[] memory counts = new uint256[](uint256(Rule.Objective) + 1);
        for (uint256 seed = 1; seed <= 200; ++seed) {
            uint256 snapshot = vm.snapshotState();
            ++counts[uint256(_assertAgreement(seed, seed % 2 == 0))];
            assertTrue(vm.revertToState(snapshot));
        }
        assertGt(counts[uint256(Rule.None)], 9);
        emit log_named_array("times each rule was the answer", counts);
        for (uint256 rule = uint256(Rule.Turnover); rule < counts.length; ++rule) {
            // Strategies that do what they preview lose nothing.
            if (rule != uint256(Rule.Loss)) assertGt(counts[rule], 0, string.concat("rule ", vm.toString(rule)));
        }
    }

    /// @notice Asks the view, then the door.
    function _assertAgreement(uint256 seed, bool isTargeted) private returns (Rule) {
        start(_policy(seed, isTargeted));
        _fill(seed);
        Rebalance memory rebalance_ = plan(AGENT, _moves(seed));
        (Rule rule, uint256 observed, uint256 limit) = guard.firstRefusal(rebalance_, AGENT, block.timestamp);
        vm.prank(AGENT);
        try guard.rebalance(rebalance_) {
            assertEq(uint256(rule), uint256(Rule.None), "refused by the view, not by the door");
        } catch (bytes memory reason) {
            bytes memory expected = abi.encodeWithSelector(IPolicyGuard.Refused.selector, rule, observed, limit);
            assertEq(reason, expected, "another refusal");
        }
        return rule;
    }

    function test_FirstRefusal_NamesEveryRuleAfterExecution() public {
        Policy memory policy = _policy(0, false);
        policy.limits.windowSeconds = 1 hours;
        policy.limits.minIdleBps = 1000;
        policy.limits.maxTurnoverBps = 10_000;
        policy.agents[0].maxTurnoverBps = 9500;
        policy.strategies[1].maxWeightBps = 3000;
        policy.strategies[0].minWeightBps = 500;
        policy.groups[0].maxWeightBps = 5000;
        policy.objective.kind = ObjectiveKind.TargetWeights;
        policy.objective.bandBps = 4000;
        policy.objective.targetWeightsBps = new uint16[](3);
        (policy.objective.targetWeightsBps[0], policy.objective.targetWeightsBps[2]) = (4900, 4000);
        start(policy);
        _says(moves(deposits(0, 95 * PERCENT + 1)), Rule.Turnover, 95 * PERCENT + 1, 95 * PERCENT);
        _says(moves(deposits(1, 30 * PERCENT + 1)), Rule.Weight, 30 * PERCENT + 1, 30 * PERCENT);
        _says(moves(deposits(0, 50 * PERCENT + 1)), Rule.Group, 50 * PERCENT + 1, 50 * PERCENT);
        _says(
            moves(deposits(0, 50 * PERCENT), deposits(2, 40 * PERCENT + 1)), Rule.Idle, 10 * PERCENT - 1, 10 * PERCENT
        );
        rebalance(moves(deposits(0, 20 * PERCENT)));
        skip(1 hours);
        _says(moves(withdraws(0, 15 * PERCENT + 1)), Rule.Floor, 5 * PERCENT - 1, 5 * PERCENT);
        _says(moves(withdraws(0, 11 * PERCENT + 1)), Rule.Objective, 9 * PERCENT - 1, 9 * PERCENT);
        _says(moves(withdraws(0, ALL_ASSETS)), Rule.Floor, 0, 5 * PERCENT);
        _says(moves(withdraws(0, 11 * PERCENT)), Rule.None, 0, 0);

        // A position of no more value than a tenth is a price out of the band, and an entry that loses that much a
        // loss.
        uint256 value = 20 * PERCENT * 99 / 100 - 2;
        strategies[0].setPreviewOffset(SafeCast.toInt256(value) - SafeCast.toInt256(20 * PERCENT));
        _says(moves(withdraws(0, 1)), Rule.Price, value, value + 2);
        strategies[2].setPreviewOffset(-SafeCast.toInt256(PERCENT));
        _says(moves(deposits(2, 40 * PERCENT)), Rule.Loss, PERCENT, PERCENT * 8 / 10);
    }

    function test_FirstRefusal_LeaksBucketsUntilThen() public {
        Policy memory policy = _policy(0, false);
        policy.agents[0].maxTurnoverBps = 4000;
        policy.limits.cooldownSeconds = 60;
        start(policy);
        rebalance(moves(deposits(0, 40 * PERCENT)));
        Rebalance memory rebalance_ = plan(AGENT, moves(withdraws(0, 20 * PERCENT)));
        rebalance_.deadline = type(uint64).max;
        uint256 last = block.timestamp;
        _saysAt(rebalance_, last + 59, Rule.Cooldown, last + 59, last + 60);
        uint256 half = last + 12 hours;
        _saysAt(rebalance_, half - 1, Rule.Turnover, 40 * PERCENT + _leakOfASecond(), 40 * PERCENT);
        _saysAt(rebalance_, half, Rule.None, 0, 0);
        vm.warp(half);
        rebalanceAs(AGENT, rebalance_);
    }

    function test_FirstRefusal_UsesTheCheckpointWhileItWillBeFresh() public {
        Policy memory policy = _policy(0, false);
        policy.strategies[1].maxWeightBps = 1000;
        start(policy);
        uint256 checkpointedAt = block.timestamp;
        // A gift that a refresh recognises, by 1 % a day.
        asset.mint(address(vault), DEPOSIT);
        vm.warp(checkpointedAt + 12 hours);
        Rebalance memory rebalance_ = plan(AGENT, moves(deposits(1, 10 * PERCENT + 1)));
        rebalance_.deadline = type(uint64).max;
        _saysAt(rebalance_, block.timestamp, Rule.Weight, 10 * PERCENT + 1, 10 * PERCENT);
        _saysAt(rebalance_, checkpointedAt + 1 days, Rule.Weight, 10 * PERCENT + 1, 10 * PERCENT);
        _saysAt(rebalance_, checkpointedAt + 1 days + 1, Rule.None, 0, 0);
        vm.warp(checkpointedAt + 1 days + 1);
        _saysAt(rebalance_, block.timestamp, Rule.None, 0, 0);
        rebalanceAs(AGENT, rebalance_);
    }

    function test_RevertWhen_TheVaultCannotBeAsked() public {
        start(_policy(0, false));
        Rebalance memory rebalance_ = plan(AGENT, moves(deposits(0, 1)));
        rebalance_.deadline = type(uint64).max;
        uint256 later = block.timestamp + 1;
        bytes4[2] memory questions = [ITreasuryVault.navState.selector, ITreasuryVault.navParameters.selector];
        for (uint256 i = 0; i < 2; ++i) {
            bytes memory error_ = abi.encodeWithSelector(ITreasuryVault.Locked.selector, i);
            vm.mockCallRevert(address(vault), abi.encodePacked(questions[i]), error_);
            vm.expectRevert(error_);
            guard.firstRefusal(rebalance_, AGENT, later);
            vm.clearMockedCalls();
        }
        _saysAt(rebalance_, later, Rule.None, 0, 0);
    }

    function test_FirstRefusal_NeverRevertsBecauseOfAStrategy() public {
        start(_policy(0, false));
        rebalance(moves(deposits(0, 1000), deposits(1, 1000)));
        bytes4[3] memory broken =
            [IERC4626.previewRedeem.selector, IERC4626.previewDeposit.selector, IERC4626.previewWithdraw.selector];
        Move[3] memory leg = [deposits(0, 1), deposits(0, 1), withdraws(0, 1)];
        for (uint256 i = 0; i < 3; ++i) {
            vm.mockCallRevert(address(strategies[0]), abi.encodeWithSelector(broken[i]), "no");
            _says(moves(leg[i]), Rule.Price, type(uint256).max, 0);
            vm.clearMockedCalls();
            _says(moves(leg[i]), Rule.None, 0, 0);
        }
        vm.etch(address(strategies[0]), hex"fe");
        _says(moves(withdraws(0, ALL_ASSETS)), Rule.Price, type(uint256).max, 0);
        _says(moves(deposits(1, 1)), Rule.Group, type(uint256).max, 90 * PERCENT);
        vm.etch(address(strategies[0]), "");
        _says(moves(deposits(0, 1)), Rule.Price, type(uint256).max, 0);
    }

    function test_FirstRefusal_OfATimeBeforeTheLastRebalance() public {
        Policy memory policy = _policy(0, false);
        start(policy);
        rebalance(moves(deposits(0, 1000)));
        // No time is too early for the arithmetic.
        Rebalance memory rebalance_ = plan(AGENT, moves(deposits(0, 1)));
        uint256 last = block.timestamp;
        _saysAt(rebalance_, last - 1, Rule.Cooldown, last - 1, last);
        _saysAt(rebalance_, 0, Rule.Cooldown, 0, last);
        rebalance_ = plan(OTHER_AGENT, moves(deposits(0, 1)));
        (Rule rule,,) = guard.firstRefusal(rebalance_, OTHER_AGENT, 0);
        assertEq(uint256(rule), uint256(Rule.None));
    }

    function _says(Move[] memory list, Rule rule, uint256 observed, uint256 limit) private view {
        _saysAt(plan(AGENT, list), block.timestamp, rule, observed, limit);
    }

    function _saysAt(Rebalance memory rebalance_, uint256 at, Rule rule, uint256 observed, uint256 limit) private view {
        (Rule seen, uint256 seenObserved, uint256 seenLimit) = guard.firstRefusal(rebalance_, AGENT, at);
        assertEq(uint256(seen), uint256(rule), "rule");
        assertEq(seenObserved, observed, "observed");
        assertEq(seenLimit, limit, "limit");
    }

    /// @dev What a second takes out of a full bucket of 40 % over a day, rounded against the spender.
    function _leakOfASecond() private pure returns (uint256) {
        uint256 level = 1e18 - uint256(1e18) * (12 hours - 1) / 1 days;
        return (level * (40 * PERCENT) + 1e18 - 1) / 1e18 - 20 * PERCENT;
    }

    /// @dev Limits on all sides, tight enough that every rule has its turn.
    function _policy(uint256 seed, bool isTargeted) private view returns (Policy memory policy) {
        policy = defaultPolicy();
        policy.limits.cooldownSeconds = 0;
        policy.limits.minIdleBps = SafeCast.toUint16(_pick(seed, "idle", 7000));
        policy.limits.maxTurnoverBps = SafeCast.toUint16(10_000 - _pick(seed, "turnover", 3000));
        policy.agents[0].maxTurnoverBps = SafeCast.toUint16(10_000 - _pick(seed, "agent", 8000));
        policy.groups = new GroupPolicy[](2);
        policy.groups[0] = GroupPolicy("one", SafeCast.toUint16(9000 - _pick(seed, "group", 6000)), type(uint128).max);
        policy.groups[1] = GroupPolicy("two", SafeCast.toUint16(9000 - _pick(seed, "other", 6000)), type(uint128).max);
        for (uint256 i = 0; i < 3; ++i) {
            policy.strategies[i].groups = SafeCast.toUint16(seed == 0 ? [1, 1, 0][i] : _pick(seed + i, "groups", 4));
            policy.strategies[i].maxWeightBps = SafeCast.toUint16(6000 - _pick(seed + i, "weight", 3000));
            uint256 floor = _pick(seed + i, "has floor", 4) == 1 ? _pick(seed + i, "floor", 500) : 0;
            policy.strategies[i].minWeightBps = SafeCast.toUint16(floor);
        }
        if (!isTargeted) return policy;
        policy.objective.kind = ObjectiveKind.TargetWeights;
        policy.objective.bandBps = SafeCast.toUint16(_pick(seed, "band", 1500));
        policy.objective.targetWeightsBps = new uint16[](3);
        for (uint256 i = 0; i < 3; ++i) {
            policy.objective.targetWeightsBps[i] = SafeCast.toUint16(_pick(seed + i, "target", 3333));
        }
    }

    /// @dev Positions of up to 20 % each and previews off by up to two percent; put there without asking the guard.
    function _fill(uint256 seed) private {
        for (uint256 i = 0; i < 3; ++i) {
            uint256 amount = _pick(seed + i, "held", 20) * PERCENT + _pick(seed + i, "dust", 3);
            vm.startPrank(address(vault));
            asset.approve(address(strategies[i]), amount);
            strategies[i].deposit(amount, address(vault));
            vm.stopPrank();
            if (amount == 0 || _pick(seed + i, "is off", 3) != 0) continue;
            uint256 offset = _pick(seed + i, "offset", amount / 25);
            strategies[i].setPreviewOffset(SafeCast.toInt256(offset) - SafeCast.toInt256(amount / 50));
        }
    }

    /// @dev Three moves, withdrawals first; never more than there is, which would fail without a rule.
    function _moves(uint256 seed) private view returns (Move[] memory list) {
        list = new Move[](3);
        uint256 next = 0;
        for (uint256 round = 0; round < 2; ++round) {
            for (uint256 i = 0; i < 3; ++i) {
                bool isDeposit = _pick(seed + i, "way", 2) == 1;
                if (isDeposit != (round == 1)) continue;
                uint256 shares = strategies[i].balanceOf(address(vault));
                uint256 most = isDeposit ? asset.balanceOf(address(vault)) / 3 : shares;
                uint256 amount = _pick(seed + i, "amount", 2 * most);
                // What a strategy pays for all shares is foreseen where it pays what it previews.
                bool isAll = !isDeposit && amount >= most && strategies[i].previewOffset() == 0;
                list[next++] = Move({
                    index: SafeCast.toUint8(i),
                    isDeposit: isDeposit,
                    assets: isAll ? ALL_ASSETS : SafeCast.toUint128(amount % (most + 1))
                });
            }
        }
    }

    /// @dev A number below `bound`, zero if that is zero; the same for the same seed and name.
    function _pick(uint256 seed, string memory name, uint256 bound) private pure returns (uint256) {
        return seed == 0 || bound == 0 ? 0 : uint256(keccak256(abi.encode(seed, name))) % bound;
    }
}
