// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";

import {Mode, Policy} from "../../contracts/types/Policy.sol";
import {ALL_ASSETS, Rebalance} from "../../contracts/types/Rebalance.sol";
import {Rule} from "../../contracts/types/Rule.sol";
import {GuardFixture} from "./helpers/GuardFixture.sol";

/// @notice What is certainly allowed is decided in one pass, which reads each slot of the guard once. The pass may
/// leave a rebalance to the rules, but it must not do so where nothing is out of the ordinary: at a limit it costs what
/// it
/// costs beside it. Measured by the guard's storage reads.
contract FastPassTest is GuardFixture {
    function setUp() public override {
        super.setUp();
        start(defaultPolicy());
    }

    function test_Rebalance_ReadsLessThanTheRules() public {
        rebalance(moves(deposits(0, 10 * UNIT)));
        skip(60);
        assertLt(_reads(AGENT, plan(AGENT, moves(withdraws(0, UNIT)))), _readsOfTheRules());
    }

    function test_Rebalance_AtTheDeadlineIsCheap() public {
        Rebalance memory now_ = plan(AGENT, moves(deposits(0, UNIT)));
        Rebalance memory later = plan(AGENT, moves(deposits(0, UNIT)));
        now_.deadline = SafeCast.toUint64(block.timestamp);
        later.deadline = now_.deadline + 1 days;
        assertEq(_reads(AGENT, now_), _reads(AGENT, later));
        assertLt(_reads(AGENT, now_), _readsOfTheRules());
    }

    function test_Rebalance_AtTheVaultsCountIsCheap() public {
        Rebalance memory counted = plan(AGENT, moves(deposits(0, UNIT)));
        uint256 reads = _reads(AGENT, counted);
        counted.vaultCount = guard.guardState().rebalanceCount;
        assertEq(_reads(AGENT, counted), reads);
    }

    function test_Rebalance_AtTheEndOfTheCooldownIsCheap() public {
        rebalance(moves(deposits(0, UNIT)));
        skip(60);
        uint256 atTheEnd = _reads(AGENT, plan(AGENT, moves(deposits(0, UNIT))));
        skip(1);
        assertEq(atTheEnd, _reads(AGENT, plan(AGENT, moves(deposits(0, UNIT)))));
        assertLt(atTheEnd, _readsOfTheRules());
    }

    function test_Rebalance_AtTheEndOfTheMandateIsCheap() public {
        vm.warp(START + 365 days - 1);
        vault.checkpoint();
        uint256 before = _reads(AGENT, plan(AGENT, moves(deposits(0, UNIT))));
        skip(1);
        assertEq(_reads(AGENT, plan(AGENT, moves(deposits(0, UNIT)))), before);
    }

    function test_Rebalance_EveryStrategyAndAgentIsCheap() public {
        uint256 reads = _reads(AGENT, plan(AGENT, moves(deposits(0, UNIT))));
        assertEq(_reads(AGENT, plan(AGENT, moves(deposits(1, UNIT)))), reads);
        assertEq(_reads(AGENT, plan(AGENT, moves(deposits(2, UNIT)))), reads);
        assertEq(_reads(OTHER_AGENT, plan(OTHER_AGENT, moves(deposits(1, UNIT)))), reads);
    }

    function test_Rebalance_AllAndOneUnitAreCheap() public {
        rebalance(moves(deposits(0, 10 * UNIT)));
        skip(60);
        uint256 reads = _reads(AGENT, plan(AGENT, moves(withdraws(0, UNIT))));
        assertEq(_reads(AGENT, plan(AGENT, moves(withdraws(0, ALL_ASSETS)))), reads);
        assertEq(_reads(AGENT, plan(AGENT, moves(withdraws(0, 1)))), reads);
    }

    function test_Rebalance_AtTheLeastIdleIsCheap() public {
        Policy memory policy = defaultPolicy();
        policy.limits.minIdleBps = 9900;
        adopt(policy);
        vault.checkpoint();
        uint256 most = DEPOSIT / 100;
        uint256 reads = _reads(AGENT, plan(AGENT, moves(deposits(0, most - 1))));
        assertEq(_reads(AGENT, plan(AGENT, moves(deposits(0, most)))), reads);
        refuses(AGENT, moves(deposits(0, most + 1)), Rule.Idle, DEPOSIT - most - 1, DEPOSIT - most);
    }

    /// @dev One slot more is the reference of each strategy more.
    function test_Rebalance_ALegMoreReadsItsReferenceOnly() public {
        rebalance(moves(deposits(0, 10 * UNIT)));
        skip(60);
        uint256 one = _reads(AGENT, plan(AGENT, moves(withdraws(0, UNIT))));
        uint256 two = _reads(AGENT, plan(AGENT, moves(withdraws(0, UNIT), deposits(2, UNIT))));
        uint256 three = _reads(AGENT, plan(AGENT, moves(withdraws(0, UNIT), deposits(1, UNIT), deposits(2, UNIT))));
        assertEq(three - two, two - one);
        assertLt(three, _readsOfTheRules() + 2 * (two - one));
    }

    /// @dev Solidity reads no such plan; the pass, which reads words, must not take it for one.
    function test_RevertWhen_TheDeadlineIsNoNumberOfItsType() public {
        bytes memory data = abi.encodeCall(guard.rebalance, (plan(AGENT, moves(deposits(0, UNIT)))));
        // Behind selector, offset, version, nonce and count.
        uint256 place = 0x04 + 4 * 0x20;
        uint256 deadline;
        assembly ("memory-safe") {
            deadline := mload(add(add(data, 0x20), place))
        }
        uint256 snapshot = vm.snapshotState();
        vm.prank(AGENT);
        (bool isDone,) = address(guard).call(data);
        assertTrue(isDone, "as it is");
        vm.revertToState(snapshot);
        assertEq(deadline, plan(AGENT, moves(deposits(0, UNIT))).deadline, "the deadline's word");
        assembly ("memory-safe") {
            mstore(add(add(data, 0x20), place), or(shl(64, 1), deadline))
        }
        vm.prank(AGENT);
        (isDone,) = address(guard).call(data);
        assertFalse(isDone);
        assertEq(held(0), 0);
    }

    /// @dev Reads of a rebalance of one leg that is left to the rules, as every mode but Active is.
    function _readsOfTheRules() private returns (uint256 reads) {
        uint256 snapshot = vm.snapshotState();
        if (held(0) == 0) {
            rebalance(moves(deposits(0, 10 * UNIT)));
            skip(60);
        }
        vm.prank(GUARDIAN);
        guard.setMode(Mode.ExitOnly);
        reads = _reads(AGENT, plan(AGENT, moves(withdraws(0, UNIT))));
        vm.revertToState(snapshot);
    }

    function _reads(address agent, Rebalance memory plan_) private returns (uint256) {
        uint256 snapshot = vm.snapshotState();
        vm.record();
        rebalanceAs(agent, plan_);
        (bytes32[] memory reads,) = vm.accesses(address(guard));
        vm.revertToState(snapshot);
        return reads.length;
    }
}
