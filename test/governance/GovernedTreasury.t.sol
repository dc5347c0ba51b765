// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {TimelockController} from "@openzeppelin/contracts/governance/TimelockController.sol";
import {Safe} from "safe-smart-account/Safe.sol";

import {GovernorParameters, TreasuryGovernor} from "../../contracts/governance/TreasuryGovernor.sol";
import {TreasuryVotes, VotesAllocation} from "../../contracts/governance/TreasuryVotes.sol";
import {PolicyGuard} from "../../contracts/guard/PolicyGuard.sol";
import {IPolicyGuard} from "../../contracts/interfaces/IPolicyGuard.sol";
import {TreasuryParameters} from "../../contracts/interfaces/ITreasuryFactory.sol";
import {Policy} from "../../contracts/types/Policy.sol";
import {ANY_COUNT, Move, Rebalance} from "../../contracts/types/Rebalance.sol";
import {TreasuryVault} from "../../contracts/vault/TreasuryVault.sol";
import {TestStrategy} from "../mocks/TestStrategy.sol";
import {SafeFixture} from "./helpers/SafeFixture.sol";

/// @notice A treasury owned by the timelock of a Governor, guarded by a Safe: every power from proposal to effect.
contract GovernedTreasuryTest is SafeFixture {
    uint48 private constant VOTING_DELAY = 1 hours;
    uint32 private constant VOTING_PERIOD = 3 days;
    uint256 private constant TIMELOCK_DELAY = 2 days;

    address private immutable VOTER = makeAddr("voter");

    TreasuryVotes private _votes;
    TimelockController private _timelock;
    TreasuryGovernor private _governor;
    Safe private _guardian;
    TreasuryVault private _vault;
    PolicyGuard private _guard;
    TestStrategy private _strategy;

    function setUp() public override {
        super.setUp();
        VotesAllocation[] memory allocations = new VotesAllocation[](1);
        allocations[0] = VotesAllocation({holder: VOTER, votes: 100e18});
        _votes = new TreasuryVotes("Votes", "VOT", allocations);
        address[] memory nobody = new address[](0);
        _timelock = new TimelockController(TIMELOCK_DELAY, nobody, nobody, address(this));
        _governor = new TreasuryGovernor(
            "Governor",
            _votes,
            _timelock,
            GovernorParameters({
                votingDelaySeconds: VOTING_DELAY,
                votingPeriodSeconds: VOTING_PERIOD,
                proposalThreshold: 1e18,
                quorumPercent: 4
            })
        );
        _timelock.grantRole(_timelock.PROPOSER_ROLE(), address(_governor));
        _timelock.grantRole(_timelock.CANCELLER_ROLE(), address(_governor));
        _timelock.grantRole(_timelock.EXECUTOR_ROLE(), address(0));
        _timelock.renounceRole(_timelock.DEFAULT_ADMIN_ROLE(), address(this));

        _guardian = _newSafe("guardian");
        TreasuryParameters memory parameters = _treasuryParameters(0);
        (parameters.owner, parameters.guardian) = (address(_timelock), address(_guardian));
        (_vault, _guard) = _deployTreasury(parameters);
        _strategy = new TestStrategy(asset);
        skip(1);
    }

    function test_Governor_PolicyFromProposalToEffect() public {
        Policy memory policy = _document();
        _vote("open", abi.encodeCall(PolicyGuard.submitPolicy, (policy)));
        assertEq(_guard.pendingPolicy().hash, keccak256(abi.encode(policy)), "waits after the timelock too");
        skip(DELAY - 1);
        vm.expectRevert(abi.encodeWithSelector(IPolicyGuard.DelayNotOver.selector, uint40(block.timestamp + 1)));
        _guard.activatePolicy(policy);
        skip(1);
        _guard.activatePolicy(policy);
        _enter(_vault, makeAddr("depositor"), 1000 * UNIT);
        _rebalance(100 * UNIT);
        assertEq(asset.balanceOf(address(_strategy)), 100 * UNIT);
    }

    function test_Governor_TighteningTakesEffectWithItsExecution() public {
        _open();
        _enter(_vault, makeAddr("depositor"), 1000 * UNIT);
        assertGt(_vault.maxDeposit(VOTER), 0);
        Policy memory policy = _document();
        policy.limits.depositCap = 1000e6;
        _vote("cap", abi.encodeCall(PolicyGuard.submitPolicy, (policy)));
        assertEq(_vault.maxDeposit(VOTER), 0);
    }

    function test_Guardian_VetoesWhatWasVoted() public {
        Policy memory policy = _document();
        _vote("open", abi.encodeCall(PolicyGuard.submitPolicy, (policy)));
        _exec(_guardian, address(_guard), abi.encodeCall(PolicyGuard.vetoPolicy, ()));
        skip(DELAY);
        vm.expectRevert(
            abi.encodeWithSelector(IPolicyGuard.NotPending.selector, keccak256(abi.encode(policy)), bytes32(0))
        );
        _guard.activatePolicy(policy);
    }

    function test_Governor_WithdrawsItsOwnProposalByVeto() public {
        _vote("open", abi.encodeCall(PolicyGuard.submitPolicy, (_document())));
        _vote("no", abi.encodeCall(PolicyGuard.vetoPolicy, ()));
        assertEq(_guard.pendingPolicy().hash, bytes32(0));
    }

    function test_Governor_ReplacesTheGuardian() public {
        _open();
        address next = makeAddr("next");
        _vote("guardian", abi.encodeCall(PolicyGuard.nameGuardian, (next)));
        // The guardian in office cannot stop its replacement: neither veto nor voiding touches it.
        vm.expectRevert(abi.encodeWithSelector(IPolicyGuard.NotPending.selector, bytes32(0), bytes32(0)));
        this.exec(_guardian, abi.encodeCall(PolicyGuard.vetoPolicy, ()));
        skip(DELAY);
        _guard.activateGuardian();
        assertEq(_guard.guardian(), next);
    }

    function test_Governor_HandsOverToASafe() public {
        Safe next = _newSafe("next");
        _vote("handover", abi.encodeCall(PolicyGuard.offerOwnership, (address(next))));
        _exec(next, address(_guard), abi.encodeCall(PolicyGuard.acceptOwnership, ()));
        assertEq(_guard.owner(), address(next));
        vm.expectRevert(abi.encodeWithSelector(IPolicyGuard.Unauthorized.selector, address(_timelock)));
        this.vote("late", abi.encodeCall(PolicyGuard.offerOwnership, (VOTER)));
    }

    function test_RevertWhen_GovernorCallsWithoutTheTimelock() public {
        vm.expectRevert(abi.encodeWithSelector(IPolicyGuard.Unauthorized.selector, address(_governor)));
        vm.prank(address(_governor));
        _guard.submitPolicy(_document());
    }

    // Helpers

    /// @notice For `vm.expectRevert`: one call from outside.
    function exec(Safe safe, bytes calldata data) external {
        _exec(safe, address(_guard), data);
    }

    /// @notice For `vm.expectRevert`: one call from outside.
    function vote(string calldata description, bytes calldata data) external {
        _vote(description, data);
    }

    function _open() private {
        Policy memory policy = _document();
        _vote("open", abi.encodeCall(PolicyGuard.submitPolicy, (policy)));
        skip(DELAY);
        _guard.activatePolicy(policy);
    }

    /// @dev Propose, vote, queue, wait, execute.
    function _vote(string memory description, bytes memory data) private {
        address[] memory targets = new address[](1);
        uint256[] memory values = new uint256[](1);
        bytes[] memory calls = new bytes[](1);
        (targets[0], calls[0]) = (address(_guard), data);
        vm.prank(VOTER);
        uint256 id = _governor.propose(targets, values, calls, description);
        skip(VOTING_DELAY + 1);
        vm.prank(VOTER);
        _governor.castVote(id, 1);
        skip(VOTING_PERIOD);
        _governor.queue(targets, values, calls, keccak256(bytes(description)));
        skip(TIMELOCK_DELAY);
        _governor.execute(targets, values, calls, keccak256(bytes(description)));
    }

    function _document() private view returns (Policy memory policy) {
        address[] memory strategies = new address[](1);
        strategies[0] = address(_strategy);
        policy = _policy(strategies);
        policy.limits.maxNavAgeSeconds = 365 days;
    }

    function _rebalance(uint256 assets) private {
        Rebalance memory plan;
        plan.policyVersion = _guard.guardState().policyVersion;
        plan.vaultCount = ANY_COUNT;
        plan.deadline = uint64(block.timestamp);
        plan.moves = new Move[](1);
        // Amounts of these tests are small.
        // forge-lint: disable-next-line(unsafe-typecast)
        plan.moves[0] = Move({index: 0, isDeposit: true, assets: uint128(assets)});
        vm.prank(AGENT);
        _guard.rebalance(plan);
    }
}
