// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {TimelockController} from "@openzeppelin/contracts/governance/TimelockController.sol";
import {VmSafe} from "forge-std/Vm.sol";
import {console} from "forge-std/console.sol";

import {TreasuryFactory} from "../contracts/factory/TreasuryFactory.sol";
import {TreasuryGovernor} from "../contracts/governance/TreasuryGovernor.sol";
import {TreasuryVotes} from "../contracts/governance/TreasuryVotes.sol";
import {PolicyGuard} from "../contracts/guard/PolicyGuard.sol";
import {IPolicyGuard} from "../contracts/interfaces/IPolicyGuard.sol";
import {ITreasuryFactory, TreasuryParameters} from "../contracts/interfaces/ITreasuryFactory.sol";
import {ITreasuryVault} from "../contracts/interfaces/ITreasuryVault.sol";
import {TreasuryLens} from "../contracts/lens/TreasuryLens.sol";
import {TreasuryVault} from "../contracts/vault/TreasuryVault.sol";
import {DeployConfig, DeployConfigReader} from "./lib/DeployConfig.sol";
import {DeployedVault, Deployment} from "./lib/Deployment.sol";
import {DeploymentFile} from "./lib/DeploymentFile.sol";
import {DeploymentRecord, DeploymentRecords} from "./lib/DeploymentRecord.sol";
import {Genesis} from "./lib/Genesis.sol";
import {GovernanceDeployment} from "./lib/GovernanceDeployment.sol";
import {GovernanceConfig, OwnerConfig, OwnerKind} from "./lib/OwnerConfig.sol";
import {PowerProof} from "./lib/PowerProof.sol";
import {Steps} from "./lib/Steps.sol";

/// @title Deploys a treasury: its owner, factory, lens, and each vault with its guard
/// @notice Inputs and outputs are described in script/README.md. The whole deployment is simulated and proven before
/// the first transaction is sent. Every address follows from the config; what is there already is left as it is, so
/// that a second run finishes an interrupted one and adds vaults that came into the config since.
contract Deploy is Steps {
    using DeploymentRecords for DeploymentRecord;

    /// @dev EIP-170.
    uint256 private constant MAX_CODE_BYTES = 24_576;
    /// @dev Factory and lens hold nothing of a treasury: all treasuries of a chain share them.
    bytes32 private constant SHARED_SALT = 0;

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
        DeploymentRecord memory record = DeploymentRecords.read(path);
        deployment = deployAfter(record, config);
        _requireSame(record, deployment, path);
        _told(config, deployment, path);
        if (vm.isContext(VmSafe.ForgeContext.ScriptDryRun)) return deployment;
        vm.createDir(folder, true);
        vm.writeFile(path, DeploymentFile.render(config, deployment, record));
    }

    /// @notice Deploys without writing anything, and proves that every power is where the config puts it.
    function deploy(DeployConfig memory config) public returns (Deployment memory deployment) {
        DeploymentRecord memory none;
        return deployAfter(none, config);
    }

    /// @notice As `deploy`, after an earlier run that left a record.
    function deployAfter(DeploymentRecord memory record, DeployConfig memory config)
        public
        returns (Deployment memory deployment)
    {
        vm.startBroadcast();
        (, deployment.deployer,) = vm.readCallers();
        _requirePossible(config, deployment.deployer);
        deployment.genesisHash = Genesis.hash();

        _deployShared(deployment);
        _deployOwner(config, deployment);
        deployment.vaults = new DeployedVault[](config.vaults.length);
        for (uint256 i = 0; i < config.vaults.length; ++i) {
            deployment.vaults[i] = _deployVault(config.vaults[i], deployment);
            _requireOnce(deployment, i);
        }
        vm.stopBroadcast();
        deployment.deployBlock = _deployBlock(config, record, deployment);
        PowerProof.requireInPlace(config, deployment);
        if (!record.isThere) return deployment;
        PowerProof.requirePowerless(config, deployment, record.deployer);
        if (stepsToSend() == 0) deployment.deployer = record.deployer;
    }

    function _deployShared(Deployment memory deployment) private {
        bytes memory hashes =
            abi.encode(keccak256(type(TreasuryVault).creationCode), keccak256(type(PolicyGuard).creationCode));
        (address factory,) = _make("factory", SHARED_SALT, bytes.concat(type(TreasuryFactory).creationCode, hashes));
        (address lens,) = _make("lens", SHARED_SALT, type(TreasuryLens).creationCode);
        (deployment.factory, deployment.lens) = (TreasuryFactory(factory), TreasuryLens(lens));
    }

    function _deployOwner(DeployConfig memory config, Deployment memory deployment) private {
        GovernanceConfig memory governance = config.governance;
        bytes32 salt = keccak256(bytes(config.treasury));
        deployment.isOwnerOld = true;
        if (governance.kind == OwnerKind.NewGovernor) {
            _deployGovernor(governance, salt, deployment);
        } else if (governance.kind == OwnerKind.NewTimelock) {
            bytes memory code = bytes.concat(
                type(TimelockController).creationCode,
                abi.encode(
                    governance.timelockDelaySeconds,
                    governance.proposers,
                    OwnerConfig.allExecutors(governance),
                    address(0)
                )
            );
            address timelock;
            (timelock, deployment.isOwnerOld) = _make("timelock", salt, code);
            deployment.timelock = TimelockController(payable(timelock));
        } else if (governance.kind != OwnerKind.Safe) {
            deployment.timelock = TimelockController(payable(governance.timelockAt));
            if (governance.governorAt != address(0)) {
                deployment.governor = TreasuryGovernor(payable(governance.governorAt));
                deployment.votes = TreasuryVotes(address(deployment.governor.token()));
            }
        }
        deployment.owner = governance.kind == OwnerKind.Safe ? governance.safeAt : address(deployment.timelock);
    }

    function _deployGovernor(GovernanceConfig memory governance, bytes32 salt, Deployment memory deployment) private {
        bytes memory code = bytes.concat(
            type(TreasuryVotes).creationCode,
            abi.encode(governance.votesName, governance.votesSymbol, governance.holders)
        );
        (address votes,) = _make("votes", salt, code);
        code = bytes.concat(
            type(GovernanceDeployment).creationCode,
            abi.encode(
                governance.name, votes, governance.governor, governance.timelockDelaySeconds, governance.isExecutorOpen
            )
        );
        address both;
        (both, deployment.isOwnerOld) = _make("timelock and governor", salt, code);
        deployment.votes = TreasuryVotes(votes);
        deployment.timelock = GovernanceDeployment(both).timelock();
        deployment.governor = GovernanceDeployment(both).governor();
    }

    function _deployVault(TreasuryParameters memory parameters, Deployment memory deployment)
        private
        returns (DeployedVault memory deployed)
    {
        parameters.owner = deployment.owner;
        (address vault, address guard) = deployment.factory.predict(parameters);
        (bool hasVault, bool hasGuard) = (vault.code.length != 0, guard.code.length != 0);
        deployed = DeployedVault({
            vault: ITreasuryVault(vault),
            guard: IPolicyGuard(guard),
            isBegun: hasVault || hasGuard,
            isOld: hasVault && hasGuard
        });
        _deployPart(
            string.concat("vault ", parameters.symbol),
            vault,
            deployment.factory,
            abi.encodeCall(ITreasuryFactory.deployVault, (parameters, type(TreasuryVault).creationCode))
        );
        _deployPart(
            string.concat("guard of ", parameters.symbol),
            guard,
            deployment.factory,
            abi.encodeCall(ITreasuryFactory.deployGuard, (parameters, type(PolicyGuard).creationCode))
        );
    }

    function _deployPart(string memory what, address part, TreasuryFactory factory, bytes memory call) private {
        if (part.code.length != 0) return _skip(what, part);
        _send(what, part, address(factory), call);
        _requireSize(what, part);
    }

    /// @dev What an earlier run sent may be older than this run's first block; only its record knows.
    function _deployBlock(DeployConfig memory config, DeploymentRecord memory record, Deployment memory deployment)
        private
        view
        returns (uint256)
    {
        if (record.isThere) return record.deployBlock;
        bool isBegun = OwnerConfig.isMade(config.governance.kind) && deployment.isOwnerOld;
        address old = deployment.owner;
        for (uint256 i = 0; i < deployment.vaults.length; ++i) {
            if (!deployment.vaults[i].isBegun) continue;
            (isBegun, old) = (true, address(deployment.vaults[i].vault));
        }
        if (!isBegun) return block.number;
        if (vm.envExists("VAGUS_DEPLOY_BLOCK")) return vm.envUint("VAGUS_DEPLOY_BLOCK");
        revert Refusal(string.concat(
                "Of this treasury ",
                vm.toString(old),
                " is there, but no record of it; put the record back, or set VAGUS_DEPLOY_BLOCK to a block before it was deployed."
            ));
    }

    /// @dev A record is never taken over by another deployment.
    function _requireSame(DeploymentRecord memory record, Deployment memory deployment, string memory path)
        private
        pure
    {
        if (!record.isThere) return;
        bool isSame = record.genesisHash == deployment.genesisHash && record.owner == deployment.owner;
        for (uint256 i = 0; i < record.vaults.length; ++i) {
            bool isNamed = false;
            for (uint256 j = 0; j < deployment.vaults.length; ++j) {
                isNamed = isNamed || address(deployment.vaults[j].vault) == record.vaults[i].vault;
            }
            isSame = isSame && isNamed;
        }
        if (isSame) return;
        revert Refusal(string.concat(
                path,
                " is the record of another deployment: it has another chain, another owner, or a vault that the config does not make; move it away or choose another treasury name."
            ));
    }

    function _requireOnce(Deployment memory deployment, uint256 index) private pure {
        for (uint256 i = 0; i < index; ++i) {
            if (deployment.vaults[i].vault != deployment.vaults[index].vault) continue;
            revert Refusal(string.concat(
                    "The vaults ",
                    vm.toString(i),
                    " and ",
                    vm.toString(index),
                    " of the config are the same; give one of them another salt."
                ));
        }
    }

    function _told(DeployConfig memory config, Deployment memory deployment, string memory path) private view {
        _tell(
            string.concat(
                "Treasury ",
                config.treasury,
                " on chain ",
                vm.toString(config.chainId),
                ", sent by ",
                vm.toString(deployment.deployer)
            )
        );
        console.log(string.concat("  Owner of the guards: ", vm.toString(deployment.owner)));
        for (uint256 i = 0; i < deployment.vaults.length; ++i) {
            DeployedVault memory deployed = deployment.vaults[i];
            console.log(
                string.concat(
                    "  Vault ",
                    vm.toString(address(deployed.vault)),
                    ": guard ",
                    vm.toString(address(deployed.guard)),
                    ", conduit ",
                    vm.toString(deployed.vault.conduit())
                )
            );
        }
        console.log(string.concat("  Record: ", path));
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
        GovernanceConfig memory governance = config.governance;
        for (uint256 i = 0; i < governance.holders.length; ++i) {
            _requireOther(governance.holders[i].holder, deployer, "hold votes");
        }
        _requireNone(governance.proposers, deployer, "propose to the timelock");
        _requireNone(governance.cancellers, deployer, "cancel in the timelock");
        _requireNone(governance.executors, deployer, "execute in the timelock");
        _requireNone(governance.owners, deployer, "own the Safe");
        _requireContract("governor", governance.governorAt);
        _requireContract("timelock", governance.timelockAt);
        _requireContract("Safe", governance.safeAt);
        for (uint256 i = 0; i < config.vaults.length; ++i) {
            _requireOther(config.vaults[i].guardian, deployer, "be guardian");
            _requireContract("asset", config.vaults[i].asset);
        }
    }

    /// @dev Zero is what the config does not need.
    function _requireContract(string memory what, address account) private view {
        if (account == address(0) || account.code.length != 0) return;
        revert Refusal(string.concat("The ", what, " ", vm.toString(account), " is no contract on this chain."));
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

    function _requireNone(address[] memory accounts, address deployer, string memory what) private pure {
        for (uint256 i = 0; i < accounts.length; ++i) {
            _requireOther(accounts[i], deployer, what);
        }
    }

    function _requireOther(address account, address deployer, string memory what) private pure {
        if (account != deployer) return;
        revert Refusal(string.concat(
                "The deployer ", vm.toString(deployer), " would ", what, "; it must end without any power."
            ));
    }
}
