// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {GovernorParameters} from "../../contracts/governance/TreasuryGovernor.sol";
import {VotesAllocation} from "../../contracts/governance/TreasuryVotes.sol";
import {IPolicyGuard} from "../../contracts/interfaces/IPolicyGuard.sol";
import {Deploy} from "../../script/Deploy.s.sol";
import {DeployConfig} from "../../script/lib/DeployConfig.sol";
import {Deployment} from "../../script/lib/Deployment.sol";
import {PowerProof} from "../../script/lib/PowerProof.sol";
import {BaseTest} from "../Base.t.sol";

/// Every check of the proof, seen to fail when the power it is about is misplaced.
contract PowerProofTest is BaseTest {
    address private immutable HOLDER = makeAddr("holder");

    DeployConfig private _config;
    Deployment private _made;

    function setUp() public override {
        super.setUp();
        vm.setEnv("VAGUS_GENESIS_HASH", vm.toString(keccak256("genesis")));
        _config.treasury = "proof";
        _config.chainId = block.chainid;
        _config.governance.name = "Governor";
        _config.governance.governor = GovernorParameters({
            votingDelaySeconds: 10, votingPeriodSeconds: 20, proposalThreshold: 1, quorumPercent: 4
        });
        _config.governance.timelockDelaySeconds = 30;
        _config.governance.isExecutorOpen = false;
        _config.governance.votesName = "Votes";
        _config.governance.votesSymbol = "VOT";
        _config.governance.holders.push(VotesAllocation({holder: HOLDER, votes: 1e18}));
        _config.vaults.push(_treasuryParameters("proof"));
        _keep(new Deploy().deploy(_config));
    }

    function test_Proof_HoldsAfterDeployment() public view {
        this.prove();
    }

    function test_RevertWhen_DeployerHasAnyTimelockRole() public {
        _requireRoleRefused(
            _made.timelock.DEFAULT_ADMIN_ROLE(), _made.deployer, "the deployer still administers the timelock"
        );
        _requireRoleRefused(_made.timelock.PROPOSER_ROLE(), _made.deployer, "the deployer can propose to the timelock");
        _requireRoleRefused(_made.timelock.CANCELLER_ROLE(), _made.deployer, "the deployer can cancel in the timelock");
        _requireRoleRefused(
            _made.timelock.EXECUTOR_ROLE(), _made.deployer, "the deployer has an executor role of its own"
        );
        _requireRoleRefused(
            _made.timelock.DEFAULT_ADMIN_ROLE(),
            address(_made.governor),
            "the governor administers the timelock directly"
        );
    }

    function test_RevertWhen_GovernorLacksARole() public {
        _requireRoleNeeded(_made.timelock.PROPOSER_ROLE(), "the governor is not the timelock's proposer");
        _requireRoleNeeded(_made.timelock.CANCELLER_ROLE(), "the governor is not the timelock's canceller");
        _requireRoleNeeded(_made.timelock.EXECUTOR_ROLE(), "the timelock's executor is not the configured one");
    }

    function test_RevertWhen_TimelockDoesNotAdministerItself() public {
        bytes32 admin = _made.timelock.DEFAULT_ADMIN_ROLE();
        vm.prank(address(_made.timelock));
        _made.timelock.renounceRole(admin, address(_made.timelock));
        _requireRefused("the timelock does not administer itself");
    }

    function test_RevertWhen_DelaysOrSettingsDiffer() public {
        _config.governance.timelockDelaySeconds = 31;
        _requireRefused("the timelock has another delay");
        _config.governance.timelockDelaySeconds = 30;
        _config.governance.governor.votingDelaySeconds = 11;
        _requireRefused("the governor has other settings");
        _config.governance.governor.votingDelaySeconds = 10;
        _config.governance.governor.quorumPercent = 5;
        _requireRefused("the governor has other settings");
    }

    function test_RevertWhen_VotesAreElsewhere() public {
        vm.prank(HOLDER);
        assertTrue(_made.votes.transfer(_made.deployer, 1));
        _requireRefused("a holder has another number of votes");
        _config.governance.holders[0].votes -= 1;
        _requireRefused("votes exist beside the holders'");
    }

    function test_RevertWhen_VotingPowerIsElsewhere() public {
        vm.prank(HOLDER);
        _made.votes.delegate(_made.deployer);
        _requireRefused("a holder has another voting power");
    }

    function test_RevertWhen_GuardianDiffersOrAnotherIsNamed() public {
        _config.vaults[0].guardian = HOLDER;
        _requireRefused("the guardian is not the configured one");
        _config.vaults[0].guardian = GUARDIAN;
        vm.prank(address(_made.timelock));
        _made.vaults[0].guard.nameGuardian(HOLDER);
        _requireRefused("another guardian is named");
    }

    function test_RevertWhen_OwnershipIsOfferedOrGone() public {
        IPolicyGuard guard = _made.vaults[0].guard;
        vm.prank(address(_made.timelock));
        guard.offerOwnership(HOLDER);
        _requireRefused("ownership of the guard is offered to someone");
        vm.prank(HOLDER);
        guard.acceptOwnership();
        _requireRefused("the guard has another owner");
    }

    function test_RevertWhen_PolicyWaits() public {
        vm.prank(address(_made.timelock));
        _made.vaults[0].guard.submitPolicy(_policy(new address[](0)));
        _requireRefused("a policy waits");
    }

    function test_RevertWhen_PolicyIsInForce() public {
        vm.prank(address(_made.timelock));
        _made.vaults[0].guard.submitPolicy(_policy(new address[](0)));
        skip(DELAY);
        _made.vaults[0].guard.activatePolicy(_policy(new address[](0)));
        _requireRefused("a policy is in force");
    }

    function test_RevertWhen_VaultHasAnotherAsset() public {
        _config.vaults[0].asset = HOLDER;
        _requireRefused("the vault has another asset");
    }

    function prove() external view {
        PowerProof.requireInPlace(_config, _made);
    }

    function _requireRefused(string memory what) private {
        vm.expectRevert(abi.encodeWithSelector(PowerProof.PowerMisplaced.selector, what));
        this.prove();
    }

    function _requireRoleRefused(bytes32 role, address account, string memory what) private {
        uint256 snapshot = vm.snapshotState();
        vm.prank(address(_made.timelock));
        _made.timelock.grantRole(role, account);
        _requireRefused(what);
        vm.revertToState(snapshot);
    }

    function _requireRoleNeeded(bytes32 role, string memory what) private {
        uint256 snapshot = vm.snapshotState();
        vm.prank(address(_made.timelock));
        _made.timelock.revokeRole(role, address(_made.governor));
        _requireRefused(what);
        vm.revertToState(snapshot);
    }

    function _keep(Deployment memory deployment) private {
        _made.deployer = deployment.deployer;
        _made.factory = deployment.factory;
        _made.lens = deployment.lens;
        _made.votes = deployment.votes;
        _made.timelock = deployment.timelock;
        _made.governor = deployment.governor;
        _made.owner = deployment.owner;
        _made.vaults.push(deployment.vaults[0]);
    }
}
