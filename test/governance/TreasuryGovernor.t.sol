// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {IGovernor} from "@openzeppelin/contracts/governance/IGovernor.sol";
import {TimelockController} from "@openzeppelin/contracts/governance/TimelockController.sol";
import {Test} from "forge-std/Test.sol";

import {GovernorParameters, TreasuryGovernor} from "../../contracts/governance/TreasuryGovernor.sol";
import {TreasuryVotes, VotesAllocation} from "../../contracts/governance/TreasuryVotes.sol";

contract TreasuryGovernorTest is Test {
    uint48 private constant VOTING_DELAY = 100;
    uint32 private constant VOTING_PERIOD = 1000;
    uint256 private constant TIMELOCK_DELAY = 500;

    address private immutable LARGE = makeAddr("large");
    address private immutable SMALL = makeAddr("small");
    address private immutable TINY = makeAddr("tiny");

    TreasuryVotes private _votes;
    TimelockController private _timelock;
    TreasuryGovernor private _governor;
    Target private _target;

    function setUp() public {
        vm.warp(1_800_000_000);
        VotesAllocation[] memory allocations = new VotesAllocation[](3);
        allocations[0] = VotesAllocation({holder: LARGE, votes: 9600e18});
        allocations[1] = VotesAllocation({holder: SMALL, votes: 399e18});
        allocations[2] = VotesAllocation({holder: TINY, votes: 1e18});
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
        _target = new Target(address(_timelock));
        skip(1);
    }

    // Votes

    function test_Votes_CountInSecondsAndAtOnce() public view {
        assertEq(_votes.CLOCK_MODE(), "mode=timestamp");
        assertEq(_votes.clock(), block.timestamp);
        assertEq(_governor.CLOCK_MODE(), "mode=timestamp");
        assertEq(_governor.clock(), block.timestamp);
        assertEq(_votes.getVotes(LARGE), 9600e18);
        assertEq(_votes.delegates(LARGE), LARGE);
        assertEq(_votes.totalSupply(), 10_000e18);
        assertEq(_votes.decimals(), 18);
    }

    function test_Votes_PastPowerIsWhatWasHeldThen() public {
        uint256 before = block.timestamp;
        skip(10);
        vm.prank(LARGE);
        assertTrue(_votes.transfer(TINY, 600e18));
        skip(1);
        assertEq(_votes.getPastVotes(LARGE, before), 9600e18);
        assertEq(_votes.getVotes(LARGE), 9000e18);
        assertEq(_votes.getVotes(TINY), 601e18);
    }

    function test_Votes_PermitUsesNonce() public {
        (address holder, uint256 key) = makeAddrAndKey("signer");
        bytes32 hash = keccak256(
            abi.encode(
                keccak256("Permit(address owner,address spender,uint256 value,uint256 nonce,uint256 deadline)"),
                holder,
                address(this),
                5,
                0,
                block.timestamp
            )
        );
        (uint8 v, bytes32 r, bytes32 s) =
            vm.sign(key, keccak256(abi.encodePacked("\x19\x01", _votes.DOMAIN_SEPARATOR(), hash)));
        _votes.permit(holder, address(this), 5, block.timestamp, v, r, s);
        assertEq(_votes.allowance(holder, address(this)), 5);
        assertEq(_votes.nonces(holder), 1);
    }

    function test_RevertWhen_SupplyPassesWhatVotesCanCount() public {
        VotesAllocation[] memory allocations = new VotesAllocation[](2);
        allocations[0] = VotesAllocation({holder: LARGE, votes: type(uint208).max});
        allocations[1] = VotesAllocation({holder: SMALL, votes: 1});
        vm.expectRevert();
        new TreasuryVotes("Votes", "VOT", allocations);
    }

    // Governor

    function test_Governor_ExecutesWhatPassed() public {
        uint256 id = _propose(TINY);
        skip(VOTING_DELAY + 1);
        vm.prank(LARGE);
        _governor.castVote(id, 1);
        skip(VOTING_PERIOD);
        _queue();
        assertTrue(_governor.proposalNeedsQueuing(id));
        assertEq(uint8(_governor.state(id)), uint8(IGovernor.ProposalState.Queued));
        skip(TIMELOCK_DELAY);
        _execute();
        assertEq(_target.value(), 42);
        assertEq(uint8(_governor.state(id)), uint8(IGovernor.ProposalState.Executed));
    }

    function test_Governor_QuorumIsFourPercentAndIncludesEquality() public {
        uint256 id = _propose(TINY);
        skip(VOTING_DELAY + 1);
        vm.prank(SMALL);
        _governor.castVote(id, 1);
        skip(VOTING_PERIOD);
        assertEq(uint8(_governor.state(id)), uint8(IGovernor.ProposalState.Defeated), "399 of 10,000");
        assertEq(_governor.quorum(block.timestamp - 1), 400e18);

        vm.prank(TINY);
        assertTrue(_votes.transfer(SMALL, 1e18));
        skip(1);
        id = _proposeAs(SMALL, "again");
        skip(VOTING_DELAY + 1);
        vm.prank(SMALL);
        _governor.castVote(id, 1);
        skip(VOTING_PERIOD);
        assertEq(uint8(_governor.state(id)), uint8(IGovernor.ProposalState.Succeeded), "400 of 10,000");
    }

    function test_RevertWhen_ProposerIsBelowThreshold() public {
        vm.prank(TINY);
        assertTrue(_votes.transfer(SMALL, 1));
        skip(1);
        (address[] memory targets, uint256[] memory values, bytes[] memory calls) = _proposal();
        vm.expectRevert(
            abi.encodeWithSelector(IGovernor.GovernorInsufficientProposerVotes.selector, TINY, 1e18 - 1, 1e18)
        );
        vm.prank(TINY);
        _governor.propose(targets, values, calls, "set");
    }

    function test_RevertWhen_ExecutedBeforeTheTimelock() public {
        uint256 id = _propose(TINY);
        skip(VOTING_DELAY + 1);
        vm.prank(LARGE);
        _governor.castVote(id, 1);
        skip(VOTING_PERIOD);
        _queue();
        skip(TIMELOCK_DELAY - 1);
        vm.expectPartialRevert(TimelockController.TimelockUnexpectedOperationState.selector);
        this.executeFromOutside();
        skip(1);
        _execute();
    }

    function test_RevertWhen_SettingsAreChangedWithoutVote() public {
        vm.prank(LARGE);
        vm.expectRevert(abi.encodeWithSelector(IGovernor.GovernorOnlyExecutor.selector, LARGE));
        _governor.setVotingDelay(0);
        vm.expectRevert();
        _target.set(1);
    }

    function test_Governor_ProposerCancelsBeforeTheVote() public {
        uint256 id = _propose(TINY);
        (address[] memory targets, uint256[] memory values, bytes[] memory calls) = _proposal();
        vm.prank(TINY);
        _governor.cancel(targets, values, calls, keccak256("set"));
        assertEq(uint8(_governor.state(id)), uint8(IGovernor.ProposalState.Canceled));
    }

    function executeFromOutside() external {
        _execute();
    }

    function _proposal()
        private
        view
        returns (address[] memory targets, uint256[] memory values, bytes[] memory calls)
    {
        targets = new address[](1);
        values = new uint256[](1);
        calls = new bytes[](1);
        (targets[0], calls[0]) = (address(_target), abi.encodeCall(Target.set, (42)));
    }

    function _propose(address proposer) private returns (uint256 id) {
        return _proposeAs(proposer, "set");
    }

    function _proposeAs(address proposer, string memory description) private returns (uint256 id) {
        (address[] memory targets, uint256[] memory values, bytes[] memory calls) = _proposal();
        vm.prank(proposer);
        return _governor.propose(targets, values, calls, description);
    }

    function _queue() private {
        (address[] memory targets, uint256[] memory values, bytes[] memory calls) = _proposal();
        _governor.queue(targets, values, calls, keccak256("set"));
    }

    function _execute() private {
        (address[] memory targets, uint256[] memory values, bytes[] memory calls) = _proposal();
        _governor.execute(targets, values, calls, keccak256("set"));
    }
}

contract Target {
    address private immutable _OWNER;
    uint256 public value;

    constructor(address owner) {
        _OWNER = owner;
    }

    function set(uint256 value_) external {
        require(msg.sender == _OWNER);
        value = value_;
    }
}
