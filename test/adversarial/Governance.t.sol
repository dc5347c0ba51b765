// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {TimelockController} from "@openzeppelin/contracts/governance/TimelockController.sol";

import {GovernorParameters, TreasuryGovernor} from "../../contracts/governance/TreasuryGovernor.sol";
import {VotesAllocation} from "../../contracts/governance/TreasuryVotes.sol";
import {PolicyGuard} from "../../contracts/guard/PolicyGuard.sol";
import {IPolicyGuard} from "../../contracts/interfaces/IPolicyGuard.sol";
import {TreasuryParameters} from "../../contracts/interfaces/ITreasuryFactory.sol";
import {Mode, Policy} from "../../contracts/types/Policy.sol";
import {TreasuryVault} from "../../contracts/vault/TreasuryVault.sol";
import {Deploy} from "../../script/Deploy.s.sol";
import {DeployConfig} from "../../script/lib/DeployConfig.sol";
import {Deployment} from "../../script/lib/Deployment.sol";
import {TestStrategy} from "../mocks/TestStrategy.sol";
import {Arena} from "./Arena.sol";

/// @notice Attacks by those who hold the votes, and by who held the keys at deployment, on the treasury that the
/// deployment script makes.
contract GovernanceIncidents is Arena {
    uint48 private constant VOTING_DELAY = 1 hours;
    uint32 private constant VOTING_PERIOD = 1 days;
    uint256 private constant TIMELOCK_DELAY = 12 hours;
    uint256 private constant VOTES = 1000e18;

    /// @dev Holds nine tenths of the votes.
    address private immutable CAPTOR = makeAddr("captor");

    address private _deployer;
    TimelockController private _timelock;
    TreasuryGovernor private _governor;
    TestStrategy private _trap;

    function setUp() public override {
        super.setUp();
        _trap = new TestStrategy(asset);
        _takeOver(new Deploy().deploy(_config()));
        Policy memory policy = _terms();
        vm.prank(address(_timelock));
        guard.submitPolicy(policy);
        skip(DELAY);
        guard.activatePolicy(policy);
        _enter(vault, ALICE, ALICES);
        _enter(vault, BOB, BOBS);
        _rebalance(_one(_in(0, 500_000 * UNIT)));
    }

    /// With every vote it needs, the captor reaches nothing before the depositors could leave.
    function test_Incident30_CompoundBeanstalk_NothingFlowsOutBeforeEverybodyCouldLeave() public {
        uint256 startedAt = block.timestamp;
        _carry("robbery", abi.encodeCall(IPolicyGuard.submitPolicy, (_robbery())));
        assertGe(block.timestamp, startedAt + VOTING_DELAY + VOTING_PERIOD + TIMELOCK_DELAY);
        skip(DELAY - 1);
        vm.expectPartialRevert(IPolicyGuard.DelayNotOver.selector);
        guard.activatePolicy(_robbery());
        assertEq(_money(), HONEST, "nothing left the treasury");

        _leave(ALICE);
        _leave(BOB);
        assertGe(asset.balanceOf(ALICE) + asset.balanceOf(BOB), HONEST - 2, "everybody could leave in full");
        skip(1);
        guard.activatePolicy(_robbery());
        assertLe(_money(), 2, "and nothing is left to take");
    }

    /// Who does not leave is protected by the guardian, as often as the captor tries.
    function test_Incident30_CompoundBeanstalk_GuardianVetoesEveryTry() public {
        for (uint256 i = 0; i < 3; ++i) {
            _carry(vm.toString(i), abi.encodeCall(IPolicyGuard.submitPolicy, (_robbery())));
            vm.prank(GUARDIAN);
            guard.vetoPolicy();
            skip(DELAY);
            vm.expectPartialRevert(IPolicyGuard.NotPending.selector);
            guard.activatePolicy(_robbery());
        }
        // Replacing the guardian waits as long as any policy.
        _carry("guardian", abi.encodeCall(IPolicyGuard.nameGuardian, (CAPTOR)));
        vm.expectPartialRevert(IPolicyGuard.DelayNotOver.selector);
        guard.activateGuardian();
        assertEq(_money(), HONEST);
        assertGe(_worth(ALICE) + _worth(BOB), HONEST - 2);
    }

    /// No majority lifts a ceiling.
    function test_Incident30_CompoundBeanstalk_NoMajorityPassesACeiling() public {
        Policy memory policy = _robbery();
        policy.limits.maxLossBps = _ceilings().maxLossBps + 1;
        _assertNotCarried("loss", policy);
        policy = _robbery();
        policy.limits.policyDelaySeconds = DELAY - 1;
        _assertNotCarried("delay", policy);
        policy = _robbery();
        policy.limits.windowSeconds = _ceilings().minWindowSeconds - 1;
        _assertNotCarried("window", policy);
        assertEq(_money(), HONEST);
    }

    function test_Incident31_WasabiStakeDao_DeployerIsLeftWithNothing() public {
        bytes32[4] memory roles = [
            _timelock.DEFAULT_ADMIN_ROLE(),
            _timelock.PROPOSER_ROLE(),
            _timelock.CANCELLER_ROLE(),
            _timelock.EXECUTOR_ROLE()
        ];
        for (uint256 i = 0; i < roles.length; ++i) {
            assertFalse(_timelock.hasRole(roles[i], _deployer), "role");
            _assertShut(address(_timelock), abi.encodeCall(_timelock.grantRole, (roles[i], _deployer)));
        }
        assertEq(_governor.getVotes(_deployer, block.timestamp - 1), 0, "votes");
        bytes memory robbery = abi.encodeCall(IPolicyGuard.submitPolicy, (_robbery()));
        _assertShut(
            address(_timelock), abi.encodeCall(_timelock.schedule, (address(guard), 0, robbery, 0, 0, TIMELOCK_DELAY))
        );
        _assertShut(address(_timelock), abi.encodeCall(_timelock.updateDelay, (0)));
        _assertShut(address(guard), robbery);
        _assertShut(address(guard), abi.encodeCall(IPolicyGuard.setMode, (Mode.Paused)));
        _assertShut(address(guard), abi.encodeCall(IPolicyGuard.nameGuardian, (_deployer)));
        _assertShut(address(guard), abi.encodeCall(IPolicyGuard.offerOwnership, (_deployer)));
        _assertShut(address(guard), abi.encodeCall(IPolicyGuard.acceptOwnership, ()));
        _assertShut(address(guard), abi.encodeCall(IPolicyGuard.pull, (0, 1, 0)));
        assertEq(asset.balanceOf(_deployer) + vault.balanceOf(_deployer), 0);
        assertEq(_money(), HONEST);
    }

    /// @notice For `vm.expectRevert`: one call from outside.
    function execute(string calldata description, bytes calldata data) external {
        (address[] memory targets, uint256[] memory values, bytes[] memory calls) = _proposal(data);
        _governor.execute(targets, values, calls, keccak256(bytes(description)));
    }

    function _carry(string memory description, bytes memory data) private {
        _vote(description, data);
        this.execute(description, data);
    }

    function _assertNotCarried(string memory description, Policy memory policy) private {
        bytes memory data = abi.encodeCall(IPolicyGuard.submitPolicy, (policy));
        _vote(description, data);
        vm.expectPartialRevert(IPolicyGuard.CeilingExceeded.selector);
        this.execute(description, data);
    }

    /// @dev Everything up to the end of the timelock.
    function _vote(string memory description, bytes memory data) private {
        (address[] memory targets, uint256[] memory values, bytes[] memory calls) = _proposal(data);
        vm.startPrank(CAPTOR);
        uint256 id = _governor.propose(targets, values, calls, description);
        skip(VOTING_DELAY + 1);
        _governor.castVote(id, 1);
        vm.stopPrank();
        skip(VOTING_PERIOD);
        _governor.queue(targets, values, calls, keccak256(bytes(description)));
        skip(TIMELOCK_DELAY);
    }

    function _proposal(bytes memory data)
        private
        view
        returns (address[] memory targets, uint256[] memory values, bytes[] memory calls)
    {
        targets = new address[](1);
        values = new uint256[](1);
        calls = new bytes[](1);
        (targets[0], calls[0]) = (address(guard), data);
    }

    function _assertShut(address target, bytes memory data) private {
        uint256 snapshot = vm.snapshotState();
        vm.prank(_deployer);
        (bool isDone,) = target.call(data);
        assertFalse(isDone, vm.toString(data));
        vm.revertToState(snapshot);
    }

    /// @dev Hands everything to a strategy and an agent of the captor.
    function _robbery() private view returns (Policy memory policy) {
        address[] memory list = new address[](2);
        (list[0], list[1]) = (address(steady), address(_trap));
        policy = _policy(list);
        policy.agents[0].agent = CAPTOR;
        policy.limits.maxLossBps = _ceilings().maxLossBps;
        policy.agents[0].maxLossBps = _ceilings().maxLossBps;
    }

    function _takeOver(Deployment memory deployment) private {
        _deployer = deployment.deployer;
        (_timelock, _governor) = (deployment.timelock, deployment.governor);
        vault = TreasuryVault(address(deployment.vaults[0].vault));
        guard = PolicyGuard(address(deployment.vaults[0].guard));
    }

    function _config() private returns (DeployConfig memory config) {
        vm.setEnv("VAGUS_GENESIS_HASH", vm.toString(keccak256("genesis")));
        config.treasury = "captured";
        config.chainId = block.chainid;
        config.governance.name = "Governor";
        config.governance.governor = GovernorParameters(VOTING_DELAY, VOTING_PERIOD, 1, 4);
        config.governance.timelockDelaySeconds = TIMELOCK_DELAY;
        config.governance.isExecutorOpen = true;
        config.governance.votesName = "Votes";
        config.governance.votesSymbol = "VOT";
        config.governance.holders = new VotesAllocation[](2);
        config.governance.holders[0] = VotesAllocation(CAPTOR, VOTES * 9 / 10);
        config.governance.holders[1] = VotesAllocation(BOB, VOTES / 10);
        config.vaults = new TreasuryParameters[](1);
        config.vaults[0] = _treasuryParameters("captured");
        config.vaults[0].owner = address(0);
    }
}
