// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {Safe} from "safe-smart-account/Safe.sol";

import {PolicyGuard} from "../../contracts/guard/PolicyGuard.sol";
import {IPolicyGuard} from "../../contracts/interfaces/IPolicyGuard.sol";
import {TreasuryParameters} from "../../contracts/interfaces/ITreasuryFactory.sol";
import {ITreasuryVault} from "../../contracts/interfaces/ITreasuryVault.sol";
import {Mode, Policy} from "../../contracts/types/Policy.sol";
import {ALL_ASSETS, ANY_COUNT, Move, Rebalance} from "../../contracts/types/Rebalance.sol";
import {Rule} from "../../contracts/types/Rule.sol";
import {TreasuryVault} from "../../contracts/vault/TreasuryVault.sol";
import {TestStrategy} from "../mocks/TestStrategy.sol";
import {SafeFixture} from "./helpers/SafeFixture.sol";

/// @notice A treasury whose owner, guardian and agent are three Safes.
contract SafeRolesTest is SafeFixture {
    Safe private _owner;
    Safe private _guardian;
    Safe private _agent;
    TreasuryVault private _vault;
    PolicyGuard private _guard;
    TestStrategy private _strategy;

    address private immutable RELAYER = makeAddr("relayer");

    function setUp() public override {
        super.setUp();
        _owner = _newSafe("owner");
        _guardian = _newSafe("guardian");
        _agent = _newSafe("agent");
        TreasuryParameters memory parameters = _treasuryParameters(0);
        (parameters.owner, parameters.guardian) = (address(_owner), address(_guardian));
        (_vault, _guard) = _deployTreasury(parameters);
        _strategy = new TestStrategy(asset);
        _adoptBySafe(_document());
        _enter(_vault, makeAddr("depositor"), 1000 * UNIT);
    }

    // Owner

    function test_SafeOwner_PolicyTakesEffectAfterTheDelay() public {
        _rebalance(100 * UNIT);
        assertEq(asset.balanceOf(address(_strategy)), 100 * UNIT);
        assertEq(_guard.guardState().policyVersion, 1);
    }

    function test_SafeOwner_TightensAtOnce() public {
        Policy memory policy = _document();
        policy.strategies[0].cap = 50e6;
        _exec(_owner, address(_guard), abi.encodeCall(PolicyGuard.submitPolicy, (policy)));
        assertEq(_guard.guardState().policyVersion, 2);
        _expectRefusal(Rule.Weight, 50 * UNIT + 1, 50 * UNIT);
        this.rebalance(50 * UNIT + 1);
        _rebalance(50 * UNIT);
        assertEq(asset.balanceOf(address(_strategy)), 50 * UNIT);
    }

    function test_RevertWhen_TooFewOfTheOwnersKeysSign() public {
        bytes memory call = abi.encodeCall(PolicyGuard.submitPolicy, (_document()));
        vm.expectRevert("GS020");
        this.execWith(_owner, address(_guard), call, THRESHOLD - 1);
    }

    function test_SafeOwner_HandsOverToAnotherSafe() public {
        Safe next = _newSafe("next");
        _exec(_owner, address(_guard), abi.encodeCall(PolicyGuard.offerOwnership, (address(next))));
        assertEq(_guard.owner(), address(_owner));
        _exec(next, address(_guard), abi.encodeCall(PolicyGuard.acceptOwnership, ()));
        assertEq(_guard.owner(), address(next));
        vm.expectRevert(abi.encodeWithSelector(IPolicyGuard.Unauthorized.selector, address(_owner)));
        this.execWith(_owner, address(_guard), abi.encodeCall(PolicyGuard.nameGuardian, (RELAYER)), THRESHOLD);
        _exec(next, address(_guard), abi.encodeCall(PolicyGuard.nameGuardian, (RELAYER)));
    }

    function test_SafeOwner_ReplacesTheGuardianAfterTheDelay() public {
        Safe next = _newSafe("next");
        _exec(_owner, address(_guard), abi.encodeCall(PolicyGuard.nameGuardian, (address(next))));
        skip(DELAY - 1);
        vm.expectRevert(abi.encodeWithSelector(IPolicyGuard.DelayNotOver.selector, uint40(block.timestamp + 1)));
        _guard.activateGuardian();
        skip(1);
        _guard.activateGuardian();
        _exec(next, address(_guard), abi.encodeCall(PolicyGuard.setMode, (Mode.Paused)));
        assertEq(uint8(_guard.guardState().mode), uint8(Mode.Paused));
    }

    // Guardian

    function test_SafeGuardian_PullsWhatItNamed() public {
        _rebalance(100 * UNIT);
        bytes memory greedy = abi.encodeCall(PolicyGuard.pull, (0, ALL_ASSETS, 100 * UNIT + 1));
        vm.expectRevert(abi.encodeWithSelector(ITreasuryVault.PulledTooLittle.selector, 100 * UNIT, 100 * UNIT + 1));
        this.execWith(_guardian, address(_guard), greedy, THRESHOLD);
        assertEq(asset.balanceOf(address(_strategy)), 100 * UNIT);
        _exec(_guardian, address(_guard), abi.encodeCall(PolicyGuard.pull, (0, ALL_ASSETS, 100 * UNIT)));
        assertEq(asset.balanceOf(address(_strategy)), 0);
        assertEq(asset.balanceOf(address(_vault)), 1000 * UNIT);
    }

    function test_SafeGuardian_RevokesTheAgentAtOnce() public {
        _exec(_guardian, address(_guard), abi.encodeCall(PolicyGuard.revokeAgent, (address(_agent))));
        _expectRefusal(Rule.Mandate, 0, 0);
        this.rebalance(1);
    }

    function test_SafeGuardian_TightensAtOnceAndNeverLoosens() public {
        Policy memory policy = _document();
        policy.limits.maxTurnoverBps -= 1;
        _exec(_guardian, address(_guard), abi.encodeCall(PolicyGuard.submitPolicy, (policy)));
        assertEq(_guard.guardState().policyVersion, 2);
        policy.limits.maxTurnoverBps += 1;
        vm.expectRevert(IPolicyGuard.NotStricter.selector);
        this.execWith(_guardian, address(_guard), abi.encodeCall(PolicyGuard.submitPolicy, (policy)), THRESHOLD);
    }

    function test_SafeGuardian_VetoesWhatWaits() public {
        Policy memory policy = _document();
        policy.limits.maxGrowthWad += 1;
        _exec(_owner, address(_guard), abi.encodeCall(PolicyGuard.submitPolicy, (policy)));
        _exec(_guardian, address(_guard), abi.encodeCall(PolicyGuard.vetoPolicy, ()));
        skip(DELAY);
        vm.expectRevert(
            abi.encodeWithSelector(IPolicyGuard.NotPending.selector, keccak256(abi.encode(policy)), bytes32(0))
        );
        _guard.activatePolicy(policy);
    }

    // Agent

    function test_SafeAgent_Sends() public {
        _exec(_agent, address(_guard), abi.encodeCall(PolicyGuard.rebalance, (_plan(100 * UNIT))));
        assertEq(asset.balanceOf(address(_strategy)), 100 * UNIT);
        assertEq(_guard.agentState(address(_agent)).nonce, 1);
    }

    function test_SafeAgent_Resigns() public {
        _exec(_agent, address(_guard), abi.encodeCall(PolicyGuard.resign, ()));
        _expectRefusal(Rule.Mandate, 0, 0);
        this.rebalance(1);
    }

    function test_SafeAgent_SignsAndAnyoneRelays() public {
        Rebalance memory plan = _plan(100 * UNIT);
        bytes memory signature = _signFor(_agent, _guard.rebalanceDigest(plan, address(_agent)), THRESHOLD);
        vm.prank(RELAYER);
        _guard.rebalanceFor(plan, address(_agent), signature);
        assertEq(asset.balanceOf(address(_strategy)), 100 * UNIT);
        assertEq(_guard.agentState(address(_agent)).nonce, 1);
        assertEq(_guard.agentState(RELAYER).nonce, 0);

        _expectRefusal(Rule.Freshness, 0, 1);
        vm.prank(RELAYER);
        _guard.rebalanceFor(plan, address(_agent), signature);
    }

    function test_RevertWhen_TooFewOfTheAgentsKeysSign() public {
        Rebalance memory plan = _plan(100 * UNIT);
        bytes memory signature = _signFor(_agent, _guard.rebalanceDigest(plan, address(_agent)), THRESHOLD - 1);
        _expectBadSignature();
        _guard.rebalanceFor(plan, address(_agent), signature);
    }

    function test_RevertWhen_AnotherSafesKeysSign() public {
        Rebalance memory plan = _plan(100 * UNIT);
        bytes32 digest = _guard.rebalanceDigest(plan, address(_agent));
        bytes memory signature = _signFor(_guardian, digest, THRESHOLD);
        _expectBadSignature();
        _guard.rebalanceFor(plan, address(_agent), signature);
    }

    /// @dev The Safe is asked when the signature is used, not when it was made.
    function test_RevertWhen_TheSafeWantsMoreKeysByThen() public {
        Rebalance memory plan = _plan(100 * UNIT);
        bytes memory signature = _signFor(_agent, _guard.rebalanceDigest(plan, address(_agent)), THRESHOLD);
        vm.prank(address(_agent));
        _agent.changeThreshold(THRESHOLD + 1);
        _expectBadSignature();
        _guard.rebalanceFor(plan, address(_agent), signature);
    }

    // Everyone: whatever the Safes do

    function test_SafeGuardian_ClosesEverythingAndHoldersLeave() public {
        _rebalance(100 * UNIT);
        _exec(_guardian, address(_guard), abi.encodeCall(PolicyGuard.setMode, (Mode.Paused)));
        _exec(_guardian, address(_guard), abi.encodeCall(PolicyGuard.revokeAgent, (address(_agent))));
        address depositor = makeAddr("depositor");
        uint256 most = _vault.maxWithdraw(depositor);
        assertGe(most, 1000 * UNIT - 1);
        vm.prank(depositor);
        _vault.withdraw(most, depositor, depositor);
        assertEq(asset.balanceOf(depositor), most);
    }

    // Helpers

    /// @notice For `vm.expectRevert`: one call from outside.
    function execWith(Safe safe, address to, bytes calldata data, uint256 count) external {
        _execWith(safe, to, data, count);
    }

    /// @notice For `vm.expectRevert`: one call from outside.
    function rebalance(uint256 assets) external {
        _rebalance(assets);
    }

    function _document() private view returns (Policy memory policy) {
        address[] memory strategies = new address[](1);
        strategies[0] = address(_strategy);
        policy = _policy(strategies);
        policy.agents[0].agent = address(_agent);
    }

    function _adoptBySafe(Policy memory policy) private {
        _exec(_owner, address(_guard), abi.encodeCall(PolicyGuard.submitPolicy, (policy)));
        skip(DELAY);
        vm.roll(block.number + 1);
        vm.prank(RELAYER);
        _guard.activatePolicy(policy);
    }

    function _plan(uint256 assets) private view returns (Rebalance memory plan) {
        plan.policyVersion = _guard.guardState().policyVersion;
        plan.nonce = _guard.agentState(address(_agent)).nonce;
        plan.vaultCount = ANY_COUNT;
        plan.deadline = uint64(block.timestamp);
        plan.decision = keccak256("decision");
        plan.moves = new Move[](1);
        // Amounts of these tests are small.
        // forge-lint: disable-next-line(unsafe-typecast)
        plan.moves[0] = Move({index: 0, isDeposit: true, assets: uint128(assets)});
    }

    /// @dev From the Safe's address, so that a refusal is seen as it is; that a Safe's transaction gets there is shown
    /// by `test_SafeAgent_Sends`.
    function _rebalance(uint256 assets) private {
        Rebalance memory plan = _plan(assets);
        vm.prank(address(_agent));
        _guard.rebalance(plan);
    }

    function _expectRefusal(Rule rule, uint256 observed, uint256 limit) private {
        vm.expectRevert(abi.encodeWithSelector(IPolicyGuard.Refused.selector, rule, observed, limit));
    }

    function _expectBadSignature() private {
        vm.expectRevert(abi.encodeWithSelector(IPolicyGuard.InvalidSignature.selector, address(_agent)));
    }
}
