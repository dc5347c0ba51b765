// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {Mode, Policy} from "../../contracts/types/Policy.sol";
import {ALL_ASSETS, Move, Rebalance} from "../../contracts/types/Rebalance.sol";
import {Rule} from "../../contracts/types/Rule.sol";
import {GuardFixture} from "./helpers/GuardFixture.sol";

/// @notice R1 to R6 at the door, each accepted at its limit and refused one past it.
contract RebalanceRulesTest is GuardFixture {
    function setUp() public override {
        super.setUp();
        start(defaultPolicy());
    }

    function test_Rebalance_MovesTheMoney() public {
        rebalance(moves(deposits(0, 300 * UNIT), deposits(1, 200 * UNIT)));
        assertEq(held(0), 300 * UNIT);
        assertEq(held(1), 200 * UNIT);
        assertEq(asset.balanceOf(address(vault)), DEPOSIT - 500 * UNIT);
        assertEq(guard.agentState(AGENT).nonce, 1);
        assertEq(guard.guardState().rebalanceCount, 1);
        skip(60);
        rebalance(moves(withdraws(0, ALL_ASSETS), withdraws(1, 100 * UNIT), deposits(2, 350 * UNIT)));
        assertEq(strategies[0].balanceOf(address(vault)), 0);
        assertEq(held(1), 100 * UNIT);
        assertEq(held(2), 350 * UNIT);
        assertEq(asset.balanceOf(address(vault)), DEPOSIT - 450 * UNIT);
    }

    // R1

    function test_RevertWhen_ModeIsPaused() public {
        vm.prank(GUARDIAN);
        guard.setMode(Mode.Paused);
        assertRefused(AGENT, plan(AGENT, moves(withdraws(0, 1))), Rule.Mode, 2, 0);
    }

    function test_Rebalance_WithdrawsInExitOnly() public {
        rebalance(moves(deposits(0, 10), deposits(1, 10)));
        vm.prank(GUARDIAN);
        guard.setMode(Mode.ExitOnly);
        skip(60);
        assertRefused(AGENT, plan(AGENT, moves(withdraws(0, 1), deposits(1, 1))), Rule.Mode, 1, 0);
        rebalance(moves(withdraws(0, 1), withdraws(1, 10)));
        assertEq(held(0), 9);
    }

    // R2

    function test_RevertWhen_AgentHasNoMandate() public {
        assertRefused(STRANGER, plan(STRANGER, moves(deposits(0, 1))), Rule.Mandate, 0, 0);
    }

    /// @dev A withdrawal of nothing would turn over and lose nothing, so no budget stops it: the mandate has to.
    function test_RevertWhen_WithoutAMandateAllOfNothingIsWithdrawn() public {
        assertRefused(STRANGER, plan(STRANGER, moves(withdraws(0, ALL_ASSETS))), Rule.Mandate, 0, 0);
        vm.prank(GUARDIAN);
        guard.revokeAgent(AGENT);
        assertRefused(AGENT, plan(AGENT, moves(withdraws(0, ALL_ASSETS))), Rule.Mandate, 0, 0);
        assertEq(guard.guardState().rebalanceCount, 0);
    }

    /// @dev Refused before anything is called: the strategy would refuse in its own words to pay what it does not owe.
    function test_RevertWhen_WithoutAMandateNoStrategyIsCalled() public {
        assertRefused(STRANGER, plan(STRANGER, moves(withdraws(0, UNIT))), Rule.Mandate, 0, 0);
    }

    function test_RevertWhen_AgentIsRevoked() public {
        vm.prank(GUARDIAN);
        guard.revokeAgent(AGENT);
        assertRefused(AGENT, plan(AGENT, moves(deposits(0, 1))), Rule.Mandate, 0, 0);
        rebalanceAs(OTHER_AGENT, plan(OTHER_AGENT, moves(deposits(0, 1))));
    }

    function test_RevertWhen_AgentResigned() public {
        uint64 version = guard.guardState().policyVersion;
        vm.prank(AGENT);
        guard.resign();
        assertEq(guard.guardState().policyVersion, version);
        assertRefused(AGENT, plan(AGENT, moves(deposits(0, 1))), Rule.Mandate, 0, 0);
    }

    function test_Rebalance_UntilTheLastSecondOfTheMandate() public {
        uint256 last = START + 365 days;
        vm.warp(last);
        rebalance(moves(deposits(0, 1)));
        vm.warp(last + 1);
        assertRefused(AGENT, plan(AGENT, moves(deposits(0, 1))), Rule.Mandate, last + 1, last);
    }

    /// @dev Nothing else is out of the ordinary.
    function test_RevertWhen_TheMandateEndedASecondAgo() public {
        uint256 last = START + 365 days;
        vm.warp(last + 1);
        assertRefused(AGENT, plan(AGENT, moves(deposits(0, 1))), Rule.Mandate, last + 1, last);
        assertEq(held(0), 0);
    }

    // R3

    function test_RevertWhen_StrategyIsOutOfScope() public {
        rebalanceAs(OTHER_AGENT, plan(OTHER_AGENT, moves(deposits(1, 1))));
        skip(60);
        assertRefused(OTHER_AGENT, plan(OTHER_AGENT, moves(deposits(1, 1), deposits(2, 1))), Rule.Scope, 2, 3);
    }

    function test_RevertWhen_IndexIsPastTheList() public {
        assertRefused(AGENT, plan(AGENT, moves(deposits(3, 1))), Rule.Scope, 3, 7);
        assertRefused(AGENT, plan(AGENT, moves(deposits(255, 1))), Rule.Scope, 255, 7);
    }

    function test_RevertWhen_ScopeAndShapeBothRefuse_ScopeIsNamed() public {
        Move[] memory list = new Move[](17);
        for (uint256 i = 0; i < 17; ++i) {
            list[i] = deposits(0, 1);
        }
        list[16].index = 9;
        assertRefused(AGENT, plan(AGENT, list), Rule.Scope, 9, 7);
    }

    // R4

    function test_RevertWhen_PolicyVersionDiffers() public {
        Rebalance memory rebalance_ = plan(AGENT, moves(deposits(0, 1)));
        uint64 version = rebalance_.policyVersion;
        rebalance_.policyVersion = version - 1;
        assertRefused(AGENT, rebalance_, Rule.Freshness, version - 1, version);
        rebalance_.policyVersion = version + 1;
        assertRefused(AGENT, rebalance_, Rule.Freshness, version + 1, version);
    }

    function test_RevertWhen_NonceDiffers() public {
        rebalance(moves(deposits(0, 1)));
        skip(60);
        Rebalance memory rebalance_ = plan(AGENT, moves(deposits(0, 1)));
        rebalance_.nonce = 0;
        assertRefused(AGENT, rebalance_, Rule.Freshness, 0, 1);
        rebalance_.nonce = 2;
        assertRefused(AGENT, rebalance_, Rule.Freshness, 2, 1);
    }

    function test_RevertWhen_DeadlineHasPassed() public {
        Rebalance memory rebalance_ = plan(AGENT, moves(deposits(0, 1)));
        rebalance_.deadline = uint64(block.timestamp - 1);
        assertRefused(AGENT, rebalance_, Rule.Freshness, block.timestamp, block.timestamp - 1);
    }

    function test_RevertWhen_VaultCountDiffers() public {
        rebalanceAs(OTHER_AGENT, plan(OTHER_AGENT, moves(deposits(0, 1))));
        Rebalance memory rebalance_ = plan(AGENT, moves(deposits(1, 1)));
        rebalance_.vaultCount = 0;
        assertRefused(AGENT, rebalance_, Rule.Freshness, 0, 1);
        rebalance_.vaultCount = 1;
        rebalanceAs(AGENT, rebalance_);
        assertEq(held(1), 1);
    }

    function test_RevertWhen_RebalanceIsReplayed() public {
        Rebalance memory rebalance_ = plan(AGENT, moves(deposits(0, 1)));
        rebalance_.deadline = type(uint64).max;
        rebalanceAs(AGENT, rebalance_);
        skip(60);
        assertRefused(AGENT, rebalance_, Rule.Freshness, 0, 1);
    }

    // R5

    function test_Rebalance_AfterTheCooldownOfThisAgent() public {
        rebalance(moves(deposits(0, 1)));
        uint256 last = block.timestamp;
        rebalanceAs(OTHER_AGENT, plan(OTHER_AGENT, moves(deposits(1, 1))));
        skip(59);
        assertRefused(AGENT, plan(AGENT, moves(deposits(0, 1))), Rule.Cooldown, last + 59, last + 60);
        skip(1);
        rebalance(moves(deposits(0, 1)));
        assertEq(held(0), 2);
    }

    function test_RevertWhen_CooldownSurvivesAnAdoption() public {
        rebalance(moves(deposits(0, 1)));
        uint256 last = block.timestamp;
        adopt(defaultPolicy());
        assertEq(block.timestamp, last);
        assertRefused(AGENT, plan(AGENT, moves(deposits(0, 1))), Rule.Cooldown, last, last + 60);
    }

    // R6

    function test_RevertWhen_ThereAreNoMoves() public {
        assertRefused(AGENT, plan(AGENT, new Move[](0)), Rule.Shape, 0, 16);
    }

    function test_RevertWhen_ThereAreTooManyMoves() public {
        Move[] memory list = new Move[](17);
        for (uint256 i = 0; i < 17; ++i) {
            list[i] = deposits(0, 1);
        }
        assertRefused(AGENT, plan(AGENT, list), Rule.Shape, 17, 16);
    }

    function test_RevertWhen_StrategyIsTouchedTwice() public {
        assertRefused(AGENT, plan(AGENT, moves(withdraws(1, 1), deposits(1, 1))), Rule.Shape, 1, 1);
    }

    function test_RevertWhen_AmountIsZero() public {
        assertRefused(AGENT, plan(AGENT, moves(deposits(0, 0))), Rule.Shape, 0, 1);
        assertRefused(AGENT, plan(AGENT, moves(withdraws(0, 0))), Rule.Shape, 0, 1);
    }

    function test_RevertWhen_WithdrawalFollowsADeposit() public {
        Move[] memory list = moves(withdraws(0, 1), deposits(1, 1), withdraws(2, 1));
        assertRefused(AGENT, plan(AGENT, list), Rule.Shape, 2, 1);
    }

    function test_RevertWhen_AllIsDeposited() public {
        Move[] memory list = moves(deposits(0, ALL_ASSETS));
        assertRefused(AGENT, plan(AGENT, list), Rule.Shape, ALL_ASSETS, uint256(ALL_ASSETS) - 1);
    }

    function test_RevertWhen_AWordOfAMoveIsTooLarge() public {
        Rebalance memory rebalance_ = plan(AGENT, moves(deposits(0, 1), deposits(1, 1)));
        bytes[3] memory calls = [
            abi.encodeCall(guard.rebalance, (rebalance_)),
            abi.encodeCall(guard.firstRefusal, (rebalance_, AGENT, block.timestamp)),
            abi.encodeCall(guard.rebalanceDigest, (rebalance_, AGENT))
        ];
        uint256[3] memory tooLarge = [uint256(256), 2, 1 << 128];
        for (uint256 i = 0; i < 3; ++i) {
            for (uint256 word = 0; word < 3; ++word) {
                bytes memory data = abi.encodePacked(calls[i]);
                // The plan is the only argument of no fixed size, so its last move ends the call.
                uint256 at = data.length - 96 + 32 * word;
                uint256 value = tooLarge[word];
                assembly ("memory-safe") {
                    mstore(add(add(data, 0x20), at), value)
                }
                vm.prank(AGENT);
                (bool success, bytes memory answer) = address(guard).call(data);
                assertFalse(success);
                assertEq(answer.length, 0);
            }
        }
        rebalanceAs(AGENT, rebalance_);
    }

    function test_FirstRefusal_JudgesAtTheGivenTime() public {
        Rebalance memory rebalance_ = plan(AGENT, moves(deposits(0, 1)));
        (Rule rule,,) = guard.firstRefusal(rebalance_, AGENT, rebalance_.deadline);
        assertEq(uint256(rule), uint256(Rule.None));
        (rule,,) = guard.firstRefusal(rebalance_, AGENT, rebalance_.deadline + 1);
        assertEq(uint256(rule), uint256(Rule.Freshness));
    }

    function test_RevertWhen_SeveralRulesRefuse_TheLowestIsNamed() public {
        Rebalance memory rebalance_ = plan(AGENT, new Move[](0));
        rebalance_.nonce = 7;
        rebalance_.policyVersion = 77;
        vm.warp(START + 366 days);
        assertRefused(AGENT, rebalance_, Rule.Mandate, START + 366 days, START + 365 days);
        vm.prank(GUARDIAN);
        guard.setMode(Mode.Paused);
        assertRefused(AGENT, rebalance_, Rule.Mode, 2, 0);
    }

    function test_RevertWhen_NothingIsInForce() public {
        deployTreasury();
        assertRefused(AGENT, plan(AGENT, moves(deposits(0, 1))), Rule.Mode, 2, 0);
    }
}
