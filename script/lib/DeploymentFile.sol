// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {Vm} from "forge-std/Vm.sol";

import {Ceilings} from "../../contracts/types/Policy.sol";
import {DeployConfig} from "./DeployConfig.sol";
import {DeployedVault, Deployment} from "./Deployment.sol";
import {DeploymentRecord, DeploymentRecords, RecordedVault} from "./DeploymentRecord.sol";
import {JsonText} from "./JsonText.sol";
import {OwnerFile} from "./OwnerFile.sol";

/// @dev Contracts that guard and vault are made of, beside those that their interfaces name.
interface IParts {
    function periphery() external view returns (address);
    function governance() external view returns (address);
    function rules() external view returns (address);
}

/// @title The deployment's record
/// @notice Text of `deployments/<chainId>/<treasury>.json`, schema in deployments/schema.json.
library DeploymentFile {
    using DeploymentRecords for DeploymentRecord;

    Vm private constant VM = Vm(address(uint160(uint256(keccak256("hevm cheat code")))));

    uint256 private constant SCHEMA_VERSION = 2;

    /// @notice The whole file.
    /// @param record What an earlier run wrote. What may change by governance, guardian and policy, is taken from it: a
    /// record says what somebody has reviewed, not what happens to be the case.
    function render(DeployConfig memory config, Deployment memory deployment, DeploymentRecord memory record)
        internal
        view
        returns (string memory)
    {
        string memory list = "";
        for (uint256 i = 0; i < deployment.vaults.length; ++i) {
            DeployedVault memory deployed = deployment.vaults[i];
            RecordedVault memory recorded = record.find(address(deployed.vault));
            if (recorded.vault == address(0)) {
                recorded.guardian = deployed.guard.guardian();
                recorded.policyHash = deployed.guard.guardState().policyHash;
            }
            list = string.concat(list, i == 0 ? "\n" : ",\n", _vault(deployment, deployed, recorded));
        }
        string memory head = string.concat(
            "{\n",
            JsonText.line("  ", "schemaVersion", VM.toString(SCHEMA_VERSION)),
            JsonText.line("  ", "treasury", JsonText.quoted(config.treasury)),
            JsonText.line("  ", "chainId", VM.toString(config.chainId)),
            JsonText.line("  ", "genesisHash", JsonText.word(deployment.genesisHash)),
            JsonText.line("  ", "deployBlock", VM.toString(deployment.deployBlock)),
            JsonText.line("  ", "deployer", JsonText.account(deployment.deployer))
        );
        return string.concat(
            head,
            JsonText.line("  ", "owner", OwnerFile.render(config.governance, deployment)),
            '  "vaults": [',
            list,
            "\n  ]\n}\n"
        );
    }

    function _vault(Deployment memory deployment, DeployedVault memory deployed, RecordedVault memory recorded)
        private
        view
        returns (string memory)
    {
        return string.concat(
            "    {\n",
            _contracts(deployment, deployed, recorded.guardian),
            _owners(deployment),
            JsonText.line("      ", "lensVersion", VM.toString(deployment.lens.LENS_VERSION())),
            _ceilings(deployed.guard.ceilings()),
            _codeHashes(deployment, deployed),
            '      "policyHash": ',
            JsonText.word(recorded.policyHash),
            "\n    }"
        );
    }

    function _contracts(Deployment memory deployment, DeployedVault memory deployed, address guardian)
        private
        view
        returns (string memory)
    {
        string memory ofVault = string.concat(
            _address("asset", deployed.vault.asset()),
            _address("vault", address(deployed.vault)),
            _address("vaultPeriphery", IParts(address(deployed.vault)).periphery()),
            _address("conduit", deployed.vault.conduit())
        );
        string memory ofGuard = string.concat(
            _address("guard", address(deployed.guard)),
            _address("guardGovernance", IParts(address(deployed.guard)).governance()),
            _address("guardRules", IParts(address(deployed.guard)).rules()),
            _address("guardian", guardian)
        );
        return string.concat(
            ofVault,
            ofGuard,
            _address("factory", address(deployment.factory)),
            _address("lens", address(deployment.lens))
        );
    }

    /// @dev Only what there is.
    function _owners(Deployment memory deployment) private pure returns (string memory text) {
        if (address(deployment.timelock) != address(0)) text = _address("timelock", address(deployment.timelock));
        if (address(deployment.governor) == address(0)) return text;
        return string.concat(
            text, _address("governor", address(deployment.governor)), _address("votes", address(deployment.votes))
        );
    }

    function _ceilings(Ceilings memory ceilings) private pure returns (string memory) {
        string memory budgets = string.concat(
            _number("maxTurnoverBps", ceilings.maxTurnoverBps),
            _number("maxLossBps", ceilings.maxLossBps),
            _number("minWindowSeconds", ceilings.minWindowSeconds),
            _number("minPolicyDelaySeconds", ceilings.minPolicyDelaySeconds),
            _number("maxPolicyDelaySeconds", ceilings.maxPolicyDelaySeconds)
        );
        return string.concat(
            '      "ceilings": {\n',
            budgets,
            _number("maxManagementFeeBps", ceilings.maxManagementFeeBps),
            _number("maxPerformanceFeeBps", ceilings.maxPerformanceFeeBps),
            '        "graceSeconds": ',
            VM.toString(ceilings.graceSeconds),
            "\n      },\n"
        );
    }

    function _codeHashes(Deployment memory deployment, DeployedVault memory deployed)
        private
        view
        returns (string memory)
    {
        string memory ofVault = string.concat(
            _codeHash("vault", address(deployed.vault)),
            _codeHash("vaultPeriphery", IParts(address(deployed.vault)).periphery()),
            _codeHash("conduit", deployed.vault.conduit()),
            _codeHash("guard", address(deployed.guard)),
            _codeHash("guardGovernance", IParts(address(deployed.guard)).governance()),
            _codeHash("guardRules", IParts(address(deployed.guard)).rules())
        );
        return string.concat(
            '      "codeHashes": {\n',
            ofVault,
            _codeHash("factory", address(deployment.factory)),
            '        "lens": ',
            JsonText.word(address(deployment.lens).codehash),
            "\n      },\n"
        );
    }

    function _codeHash(string memory key, address account) private view returns (string memory) {
        return JsonText.line("        ", key, JsonText.word(account.codehash));
    }

    function _number(string memory key, uint256 value) private pure returns (string memory) {
        return JsonText.line("        ", key, VM.toString(value));
    }

    function _address(string memory key, address value) private pure returns (string memory) {
        return JsonText.line("      ", key, JsonText.account(value));
    }
}
