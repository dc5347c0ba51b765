// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {TimelockController} from "@openzeppelin/contracts/governance/TimelockController.sol";
import {Script} from "forge-std/Script.sol";

import {TreasuryFactory} from "../contracts/factory/TreasuryFactory.sol";
import {TreasuryGovernor} from "../contracts/governance/TreasuryGovernor.sol";
import {TreasuryVotes} from "../contracts/governance/TreasuryVotes.sol";
import {PolicyGuard} from "../contracts/guard/PolicyGuard.sol";
import {IPolicyGuard} from "../contracts/interfaces/IPolicyGuard.sol";
import {TreasuryParameters} from "../contracts/interfaces/ITreasuryFactory.sol";
import {ITreasuryVault} from "../contracts/interfaces/ITreasuryVault.sol";
import {TreasuryLens} from "../contracts/lens/TreasuryLens.sol";
import {TreasuryVault} from "../contracts/vault/TreasuryVault.sol";
import {DeployConfig, DeployConfigReader, GovernanceConfig} from "./lib/DeployConfig.sol";
import {DeployedVault, Deployment} from "./lib/Deployment.sol";
import {DeploymentFile} from "./lib/DeploymentFile.sol";
import {Genesis} from "./lib/Genesis.sol";
import {PowerProof} from "./lib/PowerProof.sol";

/// @title Deploys a treasury: governance, factory, lens, and each vault with its guard
/// @notice Inputs and outputs are described in script/README.md. The whole deployment is simulated and proven before
/// the first transaction is sent.
contract Deploy is Script {
    /// @dev EIP-170.
    uint256 private constant MAX_CODE_BYTES = 24_576;

    /// @notice The config or the chain does not allow this deployment.
    error Refusal(string sentence);

    /// @notice Deploys what the file named by VAGUS_CONFIG says, and writes the record below VAGUS_DEPLOYMENTS_DIR.
    function run() external {
        if (!vm.envExists("VAGUS_CONFIG")) {
            revert Refusal("VAGUS_CONFIG is not set; expected the path of a config file, see script/README.md.");
        }
        deployFile(vm.envString("VAGUS_CONFIG"), vm.envOr("VAGUS_DEPLOYMENTS_DIR", string("deployments")));
    }

    /// @notice Deploys what the file at `configPath` says, and writes `<folder>/<chain id>/<treasury>.json`.
    function deployFile(string memory configPath, string memory folder) public returns (Deployment memory deployment) {
        DeployConfig memory config = DeployConfigReader.read(configPath);
        folder = string.concat(folder, "/", vm.toString(config.chainId));
        string memory path = string.concat(folder, "/", config.treasury, ".json");
        if (vm.exists(path)) {
            revert Refusal(string.concat(path, " exists already; move it away or choose another treasury name."));
        }
        deployment = deploy(config);
        vm.createDir(folder, true);
        vm.writeFile(path, DeploymentFile.render(config, deployment));
    }

    /// @notice Deploys without writing anything, and proves that every power is where the config puts it.
    function deploy(DeployConfig memory config) public returns (Deployment memory deployment) {
        vm.startBroadcast();
        (, deployment.deployer,) = vm.readCallers();
        _requirePossible(config, deployment.deployer);
        deployment.deployBlock = block.number;
        deployment.genesisHash = Genesis.hash();

        _deployShared(config.governance, deployment);
        deployment.vaults = new DeployedVault[](config.vaults.length);
        for (uint256 i = 0; i < config.vaults.length; ++i) {
            deployment.vaults[i] = _deployVault(config.vaults[i], deployment);
        }
        vm.stopBroadcast();
        PowerProof.requireInPlace(config, deployment);
    }

    function _deployShared(GovernanceConfig memory governance, Deployment memory deployment) private {
        deployment.factory =
            new TreasuryFactory(keccak256(type(TreasuryVault).creationCode), keccak256(type(PolicyGuard).creationCode));
        deployment.lens = new TreasuryLens();
        deployment.votes = new TreasuryVotes(governance.votesName, governance.votesSymbol, governance.holders);

        // Governor and timelock need each other's address: the deployer administers the timelock until both exist.
        address[] memory nobody = new address[](0);
        TimelockController timelock =
            new TimelockController(governance.timelockDelaySeconds, nobody, nobody, deployment.deployer);
        deployment.timelock = timelock;
        deployment.governor = new TreasuryGovernor(governance.name, deployment.votes, timelock, governance.governor);
        address governor = address(deployment.governor);
        timelock.grantRole(timelock.PROPOSER_ROLE(), governor);
        timelock.grantRole(timelock.CANCELLER_ROLE(), governor);
        timelock.grantRole(timelock.EXECUTOR_ROLE(), governance.isExecutorOpen ? address(0) : governor);
        timelock.renounceRole(timelock.DEFAULT_ADMIN_ROLE(), deployment.deployer);
    }

    function _deployVault(TreasuryParameters memory parameters, Deployment memory deployment)
        private
        returns (DeployedVault memory deployed)
    {
        parameters.owner = address(deployment.timelock);
        (address vault, address guard) =
            deployment.factory.deploy(parameters, type(TreasuryVault).creationCode, type(PolicyGuard).creationCode);
        deployed = DeployedVault({vault: ITreasuryVault(vault), guard: IPolicyGuard(guard)});
        _requireSize("vault", vault);
        _requireSize("guard", guard);
    }

    /// @dev What the config alone cannot tell: the chain, its tokens, and who sends.
    function _requirePossible(DeployConfig memory config, address deployer) private view {
        if (block.chainid != config.chainId) {
            revert Refusal(string.concat(
                    "The config is for chain ",
                    vm.toString(config.chainId),
                    ", but the endpoint is on chain ",
                    vm.toString(block.chainid),
                    "."
                ));
        }
        for (uint256 i = 0; i < config.governance.holders.length; ++i) {
            _requireOther(config.governance.holders[i].holder, deployer, "hold votes");
        }
        for (uint256 i = 0; i < config.vaults.length; ++i) {
            _requireOther(config.vaults[i].guardian, deployer, "be guardian");
            if (config.vaults[i].asset.code.length == 0) {
                revert Refusal(string.concat(
                        "The asset ", vm.toString(config.vaults[i].asset), " is no contract on this chain."
                    ));
            }
        }
    }

    /// @dev forge's simulation lets any size through; chains do not.
    function _requireSize(string memory name, address account) private view {
        if (account.code.length <= MAX_CODE_BYTES) return;
        revert Refusal(string.concat(
                "The ",
                name,
                "'s code has ",
                vm.toString(account.code.length),
                " bytes; chains allow ",
                vm.toString(MAX_CODE_BYTES),
                "."
            ));
    }

    function _requireOther(address account, address deployer, string memory what) private pure {
        if (account != deployer) return;
        revert Refusal(string.concat(
                "The deployer ", vm.toString(deployer), " would ", what, "; it must end without any power."
            ));
    }
}
