// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";

import {VaultCall} from "../../contracts/guard/VaultCall.sol";
import {ITreasuryVault} from "../../contracts/interfaces/ITreasuryVault.sol";
import {Policy} from "../../contracts/types/Policy.sol";
import {Leg, Rebalance} from "../../contracts/types/Rebalance.sol";
import {GuardFixture} from "./helpers/GuardFixture.sol";

/// @notice The guard uses the vault's answer where it was received, so its shape is checked first.
contract VaultAnswerTest is GuardFixture {
    bytes private _answer;

    function setUp() public override {
        super.setUp();
        Policy memory policy = defaultPolicy();
        start(policy);
        Leg[] memory legs = new Leg[](1);
        legs[0] = Leg(address(strategies[0]), true, SafeCast.toUint128(UNIT));
        bytes memory call_ = abi.encodeCall(
            ITreasuryVault.execute, (legs, policy.limits.maxNavAgeSeconds, policy.limits.seasoningSeconds)
        );
        uint256 snapshot = vm.snapshotState();
        vm.prank(address(guard));
        (bool isDone, bytes memory answer) = address(vault).call(call_);
        assertTrue(isDone);
        vm.revertToState(snapshot);
        _answer = answer;
    }

    function test_Rebalance_TakesTheVaultsOwnAnswer() public {
        assertEq(_answer.length, 14 * 0x20);
        _answers(_answer);
        rebalance(moves(deposits(0, UNIT)));
        assertEq(guard.guardState().rebalanceCount, 1);
    }

    function test_RevertWhen_APullIsAnsweredByNoReceipt() public {
        vm.mockCall(address(vault), abi.encodeWithSelector(ITreasuryVault.pull.selector), hex"00");
        vm.expectRevert(VaultCall.UnexpectedReceipt.selector);
        vm.prank(GUARDIAN);
        guard.pull(0, 1, 0);
        // As long as a receipt is, and none.
        vm.mockCall(address(vault), abi.encodeWithSelector(ITreasuryVault.pull.selector), new bytes(0x1c0));
        vm.expectRevert(VaultCall.UnexpectedReceipt.selector);
        vm.prank(GUARDIAN);
        guard.pull(0, 1, 0);
    }

    function test_RevertWhen_TheAnswerIsNoReceiptOfThatManyLegs() public {
        _refuses("");
        bytes memory answer = _answer;
        assembly ("memory-safe") {
            mstore(answer, sub(mload(answer), 1))
        }
        _refuses(answer);
        _refuses(bytes.concat(_answer, hex"00"));
        // Where the receipt begins, where its legs do, and how many there are.
        uint256[3] memory places = [uint256(0), 5, 7];
        for (uint256 i = 0; i < 3; ++i) {
            answer = _answer;
            assembly ("memory-safe") {
                let word := add(add(answer, 0x20), shl(5, mload(add(places, shl(5, i)))))
                mstore(word, add(mload(word), 1))
            }
            _refuses(answer);
        }
        assertEq(held(0), 0);
    }

    function _refuses(bytes memory answer) private {
        _answers(answer);
        Rebalance memory rebalance_ = plan(AGENT, moves(deposits(0, UNIT)));
        vm.expectRevert(VaultCall.UnexpectedReceipt.selector);
        rebalanceAs(AGENT, rebalance_);
    }

    function _answers(bytes memory answer) private {
        vm.mockCall(address(vault), abi.encodePacked(ITreasuryVault.execute.selector), answer);
    }
}
