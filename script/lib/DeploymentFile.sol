// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {Vm} from "forge-std/Vm.sol";

import {Ceilings} from "../../contracts/types/Policy.sol";
import {DeployConfig} from "./DeployConfig.sol";
import {DeployedVault, Deployment} from "./Deployment.sol";

/// @title The deployment's record
/// @notice Text of `deployments/<chainId>/<treasury>.json`, schema in deployments/schema.json. It is put together by
/// hand so that the same deployment gives the same bytes.
library DeploymentFile {
    Vm private constant VM = Vm(address(uint160(uint256(keccak256("hevm cheat code")))));

    uint256 private constant SCHEMA_VERSION = 1;

    /// @notice The whole file.
    function render(DeployConfig memory config, Deployment memory deployment) internal view returns (string memory) {
        string memory list = "";
        for (uint256 i = 0; i < deployment.vaults.length; ++i) {
            list = string.concat(list, i == 0 ? "\n" : ",\n", _vault(deployment, deployment.vaults[i]));
        }
        return string.concat(
            "{\n",
            _line("  ", "schemaVersion", VM.toString(SCHEMA_VERSION)),
            _line("  ", "treasury", _quoted(config.treasury)),
            _line("  ", "chainId", VM.toString(config.chainId)),
            _line("  ", "genesisHash", _quoted(VM.toString(deployment.genesisHash))),
            _line("  ", "deployBlock", VM.toString(deployment.deployBlock)),
            _line("  ", "deployer", _quoted(VM.toString(deployment.deployer))),
            '  "vaults": [',
            list,
            "\n  ]\n}\n"
        );
    }

    function _vault(Deployment memory deployment, DeployedVault memory deployed) private view returns (string memory) {
        return string.concat(
            "    {\n",
            _contracts(deployment, deployed),
            _line("      ", "lensVersion", VM.toString(deployment.lens.LENS_VERSION())),
            _ceilings(deployed.guard.ceilings()),
            _codeHashes(deployment, deployed),
            '      "policyHash": ',
            _quoted(VM.toString(deployed.guard.guardState().policyHash)),
            "\n    }"
        );
    }

    function _contracts(Deployment memory deployment, DeployedVault memory deployed)
        private
        view
        returns (string memory)
    {
        string memory own = string.concat(
            _address("asset", deployed.vault.asset()),
            _address("vault", address(deployed.vault)),
            _address("conduit", deployed.vault.conduit()),
            _address("guard", address(deployed.guard)),
            _address("guardian", deployed.guard.guardian())
        );
        return string.concat(
            own,
            _address("factory", address(deployment.factory)),
            _address("governor", address(deployment.governor)),
            _address("timelock", address(deployment.timelock)),
            _address("votes", address(deployment.votes)),
            _address("lens", address(deployment.lens))
        );
    }

    function _ceilings(Ceilings memory ceilings) private pure returns (string memory) {
        string memory budgets = string.concat(
            _line("        ", "maxTurnoverBps", VM.toString(ceilings.maxTurnoverBps)),
            _line("        ", "maxLossBps", VM.toString(ceilings.maxLossBps)),
            _line("        ", "minWindowSeconds", VM.toString(ceilings.minWindowSeconds)),
            _line("        ", "minPolicyDelaySeconds", VM.toString(ceilings.minPolicyDelaySeconds)),
            _line("        ", "maxPolicyDelaySeconds", VM.toString(ceilings.maxPolicyDelaySeconds))
        );
        return string.concat(
            '      "ceilings": {\n',
            budgets,
            _line("        ", "maxManagementFeeBps", VM.toString(ceilings.maxManagementFeeBps)),
            _line("        ", "maxPerformanceFeeBps", VM.toString(ceilings.maxPerformanceFeeBps)),
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
        return string.concat(
            '      "codeHashes": {\n',
            _line("        ", "vault", _codeHash(address(deployed.vault))),
            _line("        ", "conduit", _codeHash(deployed.vault.conduit())),
            _line("        ", "guard", _codeHash(address(deployed.guard))),
            '        "lens": ',
            _codeHash(address(deployment.lens)),
            "\n      },\n"
        );
    }

    function _codeHash(address account) private view returns (string memory) {
        return _quoted(VM.toString(account.codehash));
    }

    function _address(string memory key, address value) private pure returns (string memory) {
        return _line("      ", key, _quoted(VM.toString(value)));
    }

    function _line(string memory indent, string memory key, string memory value) private pure returns (string memory) {
        return string.concat(indent, _quoted(key), ": ", value, ",\n");
    }

    /// @dev Nothing that needs escaping comes here: hex, and a name that was checked.
    function _quoted(string memory value) private pure returns (string memory) {
        return string.concat('"', value, '"');
    }
}
