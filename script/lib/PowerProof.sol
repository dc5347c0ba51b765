// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {TimelockController} from "@openzeppelin/contracts/governance/TimelockController.sol";

import {DeployConfig} from "./DeployConfig.sol";
import {DeployedVault, Deployment} from "./Deployment.sol";
import {GovernanceConfig, OwnerKind} from "./OwnerConfig.sol";

/// @notice What is asked of a Safe.
interface ISafe {
    function getThreshold() external view returns (uint256);
    function getOwners() external view returns (address[] memory);
    function getModulesPaginated(address start, uint256 pageSize)
        external
        view
        returns (address[] memory modules, address next);
}

/// @title Who holds which power after a deployment
/// @notice Reads every role, owner, guardian and vote back from the chain and compares it with the config: the powers
/// are where the config puts them, and the deployer has none. What was there before this run and may have changed since
/// by its owner's will (settings of a Governor, votes, guardians, policies) is not compared: `keeper policy verify`
/// does that.
library PowerProof {
    /// @dev Head of a Safe's list of modules.
    address private constant SENTINEL = address(1);

    /// @notice A power is not where it belongs.
    error PowerMisplaced(string what);

    /// @notice Reverts unless every power is in its place.
    function requireInPlace(DeployConfig memory config, Deployment memory deployment) internal view {
        GovernanceConfig memory governance = config.governance;
        if (governance.kind == OwnerKind.Safe) {
            _requireSafe(governance);
        } else {
            _requireTimelock(governance, deployment);
        }
        if (address(deployment.governor) != address(0)) {
            _require(
                deployment.governor.timelock() == address(deployment.timelock), "the governor has another timelock"
            );
        }
        if (governance.kind == OwnerKind.NewGovernor && !deployment.isOwnerOld) {
            _requireGovernor(governance, deployment);
            _requireVotes(governance, deployment);
        }
        for (uint256 i = 0; i < deployment.vaults.length; ++i) {
            DeployedVault memory deployed = deployment.vaults[i];
            _require(deployed.guard.owner() == deployment.owner, "the guard has another owner");
            _require(deployed.guard.offeredOwner() == address(0), "ownership of the guard is offered to someone");
            if (!deployed.isOld) _requireNewVault(config, deployed, i);
        }
        requirePowerless(config, deployment, deployment.deployer);
    }

    /// @notice Reverts if an account that deployed has any power.
    function requirePowerless(DeployConfig memory config, Deployment memory deployment, address deployer)
        internal
        view
    {
        if (address(deployment.timelock) != address(0)) _requireNoRole(deployment.timelock, deployer);
        if (address(deployment.governor) != address(0)) {
            _require(deployment.votes.getVotes(deployer) == 0, "the deployer has voting power");
        }
        if (config.governance.kind == OwnerKind.NewGovernor) {
            _require(deployment.votes.balanceOf(deployer) == 0, "the deployer holds votes");
        }
        _require(!_isAmong(config.governance.owners, deployer), "the deployer is an owner of the Safe");
        _require(deployment.owner != deployer, "the deployer owns the guards");
        for (uint256 i = 0; i < deployment.vaults.length; ++i) {
            _require(deployment.vaults[i].guard.guardian() != deployer, "the deployer is the guardian");
            _require(!deployment.vaults[i].guard.agentState(deployer).exists, "the deployer is an agent");
        }
    }

    function _requireTimelock(GovernanceConfig memory governance, Deployment memory deployment) private view {
        TimelockController timelock = deployment.timelock;
        bytes32 admin = timelock.DEFAULT_ADMIN_ROLE();
        _require(timelock.hasRole(admin, address(timelock)), "the timelock does not administer itself");
        bool isSettled = governance.kind == OwnerKind.NewGovernor || governance.kind == OwnerKind.NewTimelock;
        // What this deployment made earlier may have another delay by now; what is only named must be as it is named.
        if (!isSettled || !deployment.isOwnerOld) {
            _require(timelock.getMinDelay() == governance.timelockDelaySeconds, "the timelock has another delay");
        }
        if (governance.kind == OwnerKind.NewGovernor) {
            _requireGovernorsRoles(governance, timelock, address(deployment.governor));
            return;
        }
        _requireRoles(timelock, timelock.PROPOSER_ROLE(), governance.proposers, "a configured proposer is none");
        _requireRoles(timelock, timelock.CANCELLER_ROLE(), governance.cancellers, "a configured canceller is none");
        bytes32 execute = timelock.EXECUTOR_ROLE();
        _requireRoles(timelock, execute, governance.executors, "a configured executor is none");
        _require(
            timelock.hasRole(execute, address(0)) == governance.isExecutorOpen,
            "the timelock's executor is not the configured one"
        );
        if (address(deployment.governor) != address(0)) {
            bytes32 proposer = timelock.PROPOSER_ROLE();
            _require(
                timelock.hasRole(proposer, address(deployment.governor)), "the governor is not the timelock's proposer"
            );
        }
    }

    function _requireGovernorsRoles(GovernanceConfig memory governance, TimelockController timelock, address governor)
        private
        view
    {
        address executor = governance.isExecutorOpen ? address(0) : governor;
        _require(timelock.hasRole(timelock.PROPOSER_ROLE(), governor), "the governor is not the timelock's proposer");
        _require(timelock.hasRole(timelock.CANCELLER_ROLE(), governor), "the governor is not the timelock's canceller");
        _require(
            timelock.hasRole(timelock.EXECUTOR_ROLE(), executor), "the timelock's executor is not the configured one"
        );
        _require(
            !timelock.hasRole(timelock.DEFAULT_ADMIN_ROLE(), governor), "the governor administers the timelock directly"
        );
    }

    function _requireNoRole(TimelockController timelock, address deployer) private view {
        (bytes32 admin, bytes32 proposer) = (timelock.DEFAULT_ADMIN_ROLE(), timelock.PROPOSER_ROLE());
        (bytes32 canceller, bytes32 execute) = (timelock.CANCELLER_ROLE(), timelock.EXECUTOR_ROLE());
        _require(!timelock.hasRole(admin, deployer), "the deployer still administers the timelock");
        _require(!timelock.hasRole(proposer, deployer), "the deployer can propose to the timelock");
        _require(!timelock.hasRole(canceller, deployer), "the deployer can cancel in the timelock");
        _require(!timelock.hasRole(execute, deployer), "the deployer has an executor role of its own");
    }

    function _requireGovernor(GovernanceConfig memory governance, Deployment memory deployment) private view {
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
    }

    /// @dev A module acts for a Safe without its owners: one would be an owner of the guards that nobody named.
    function _requireSafe(GovernanceConfig memory governance) private view {
        ISafe safe = ISafe(governance.safeAt);
        address[] memory owners = safe.getOwners();
        _require(safe.getThreshold() == governance.threshold, "the Safe has another threshold");
        _require(owners.length == governance.owners.length, "the Safe has other owners");
        for (uint256 i = 0; i < owners.length; ++i) {
            _require(_isAmong(governance.owners, owners[i]), "the Safe has other owners");
        }
        (address[] memory modules,) = safe.getModulesPaginated(SENTINEL, 1);
        _require(modules.length == 0, "the Safe has a module, which acts without its owners");
    }

    function _requireNewVault(DeployConfig memory config, DeployedVault memory deployed, uint256 index) private view {
        (address guardian, uint40 activatableAt) = deployed.guard.namedGuardian();
        _require(deployed.guard.guardian() == config.vaults[index].guardian, "the guardian is not the configured one");
        _require(guardian == address(0) && activatableAt == 0, "another guardian is named");
        _require(deployed.guard.guardState().policyHash == 0, "a policy is in force");
        _require(deployed.guard.pendingPolicy().hash == 0, "a policy waits");
        _require(deployed.guard.vault() == address(deployed.vault), "the guard guards another vault");
        _require(deployed.vault.guard() == address(deployed.guard), "the vault obeys another guard");
        _require(deployed.vault.asset() == config.vaults[index].asset, "the vault has another asset");
        _require(deployed.vault.totalSupply() == 0, "the vault has shares already");
    }

    function _requireRoles(TimelockController timelock, bytes32 role, address[] memory accounts, string memory what)
        private
        view
    {
        for (uint256 i = 0; i < accounts.length; ++i) {
            _require(timelock.hasRole(role, accounts[i]), what);
        }
    }

    function _isAmong(address[] memory accounts, address account) private pure returns (bool) {
        for (uint256 i = 0; i < accounts.length; ++i) {
            if (accounts[i] == account) return true;
        }
        return false;
    }

    function _require(bool isInPlace, string memory what) private pure {
        if (!isInPlace) revert PowerMisplaced(what);
    }
}
