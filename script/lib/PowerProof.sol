// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {TimelockController} from "@openzeppelin/contracts/governance/TimelockController.sol";

import {DeployConfig, GovernanceConfig} from "./DeployConfig.sol";
import {DeployedVault, Deployment} from "./Deployment.sol";

/// @title Who holds which power after a deployment
/// @notice Reads every role, owner, guardian and vote back from the chain and compares it with the config: the powers
/// are where the config puts them, and the deployer has none.
library PowerProof {
    /// @notice A power is not where it belongs.
    error PowerMisplaced(string what);

    /// @notice Reverts unless every power is in its place.
    function requireInPlace(DeployConfig memory config, Deployment memory deployment) internal view {
        _requireTimelock(config.governance, deployment);
        _requireGovernor(config.governance, deployment);
        _requireVotes(config.governance, deployment);
        for (uint256 i = 0; i < deployment.vaults.length; ++i) {
            _requireVault(config, deployment, i);
        }
    }

    function _requireTimelock(GovernanceConfig memory governance, Deployment memory deployment) private view {
        TimelockController timelock = deployment.timelock;
        address governor = address(deployment.governor);
        address executor = governance.isExecutorOpen ? address(0) : governor;
        (bytes32 admin, bytes32 proposer) = (timelock.DEFAULT_ADMIN_ROLE(), timelock.PROPOSER_ROLE());
        (bytes32 canceller, bytes32 execute) = (timelock.CANCELLER_ROLE(), timelock.EXECUTOR_ROLE());

        _require(timelock.hasRole(proposer, governor), "the governor is not the timelock's proposer");
        _require(timelock.hasRole(canceller, governor), "the governor is not the timelock's canceller");
        _require(timelock.hasRole(execute, executor), "the timelock's executor is not the configured one");
        _require(timelock.hasRole(admin, address(timelock)), "the timelock does not administer itself");
        _require(!timelock.hasRole(admin, governor), "the governor administers the timelock directly");
        _require(timelock.getMinDelay() == governance.timelockDelaySeconds, "the timelock has another delay");

        address deployer = deployment.deployer;
        _require(!timelock.hasRole(admin, deployer), "the deployer still administers the timelock");
        _require(!timelock.hasRole(proposer, deployer), "the deployer can propose to the timelock");
        _require(!timelock.hasRole(canceller, deployer), "the deployer can cancel in the timelock");
        _require(!timelock.hasRole(execute, deployer), "the deployer has an executor role of its own");
    }

    function _requireGovernor(GovernanceConfig memory governance, Deployment memory deployment) private view {
        _require(deployment.governor.timelock() == address(deployment.timelock), "the governor has another timelock");
        _require(address(deployment.governor.token()) == address(deployment.votes), "the governor has another token");
        _require(
            deployment.governor.votingDelay() == governance.governor.votingDelaySeconds
                && deployment.governor.votingPeriod() == governance.governor.votingPeriodSeconds
                && deployment.governor.proposalThreshold() == governance.governor.proposalThreshold
                && deployment.governor.quorumNumerator() == governance.governor.quorumPercent,
            "the governor has other settings"
        );
    }

    /// @dev The token has no function that mints; that the holders' parts make up its whole supply shows that nothing
    /// was minted beside them.
    function _requireVotes(GovernanceConfig memory governance, Deployment memory deployment) private view {
        uint256 sum = 0;
        for (uint256 i = 0; i < governance.holders.length; ++i) {
            address holder = governance.holders[i].holder;
            uint256 votes = governance.holders[i].votes;
            _require(deployment.votes.balanceOf(holder) == votes, "a holder has another number of votes");
            _require(deployment.votes.getVotes(holder) == votes, "a holder has another voting power");
            sum += votes;
        }
        _require(deployment.votes.totalSupply() == sum, "votes exist beside the holders'");
        _require(deployment.votes.balanceOf(deployment.deployer) == 0, "the deployer holds votes");
        _require(deployment.votes.getVotes(deployment.deployer) == 0, "the deployer has voting power");
    }

    function _requireVault(DeployConfig memory config, Deployment memory deployment, uint256 index) private view {
        DeployedVault memory deployed = deployment.vaults[index];
        (address guardian, uint40 activatableAt) = deployed.guard.namedGuardian();
        _require(deployed.guard.owner() == address(deployment.timelock), "the timelock is not the guard's owner");
        _require(deployed.guard.offeredOwner() == address(0), "ownership of the guard is offered to someone");
        _require(deployed.guard.guardian() == config.vaults[index].guardian, "the guardian is not the configured one");
        _require(deployed.guard.guardian() != deployment.deployer, "the deployer is the guardian");
        _require(guardian == address(0) && activatableAt == 0, "another guardian is named");
        _require(deployed.guard.guardState().policyHash == 0, "a policy is in force");
        _require(deployed.guard.pendingPolicy().hash == 0, "a policy waits");
        _require(!deployed.guard.agentState(deployment.deployer).exists, "the deployer is an agent");
        _require(deployed.guard.vault() == address(deployed.vault), "the guard guards another vault");
        _require(deployed.vault.guard() == address(deployed.guard), "the vault obeys another guard");
        _require(deployed.vault.asset() == config.vaults[index].asset, "the vault has another asset");
        _require(deployed.vault.totalSupply() == 0, "the vault has shares already");
    }

    function _require(bool isInPlace, string memory what) private pure {
        if (!isInPlace) revert PowerMisplaced(what);
    }
}
