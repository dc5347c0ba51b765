// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {Vm} from "forge-std/Vm.sol";

import {TreasuryGovernor} from "../../contracts/governance/TreasuryGovernor.sol";
import {Deployment} from "./Deployment.sol";
import {JsonText} from "./JsonText.sol";
import {GovernanceConfig, OwnerConfig, OwnerKind} from "./OwnerConfig.sol";

/// @title Who owns the guards, as the deployment's record has it
library OwnerFile {
    Vm private constant VM = Vm(address(uint160(uint256(keccak256("hevm cheat code")))));

    /// @notice The object `owner` of the record.
    function render(GovernanceConfig memory config, Deployment memory deployment)
        internal
        view
        returns (string memory)
    {
        string memory kind = "timelock";
        if (config.kind == OwnerKind.Safe) kind = "safe";
        if (address(deployment.governor) != address(0)) kind = "governor";
        string memory parts = config.kind == OwnerKind.Safe ? _safe(config) : _timelock(config, deployment);
        if (address(deployment.governor) != address(0)) {
            parts = string.concat(parts, ",\n", _governor(deployment));
        }
        return string.concat(
            "{\n",
            JsonText.line("    ", "kind", JsonText.quoted(kind)),
            JsonText.line("    ", "address", JsonText.account(deployment.owner)),
            JsonText.line("    ", "codeHash", JsonText.word(deployment.owner.codehash)),
            parts,
            "\n  }"
        );
    }

    function _timelock(GovernanceConfig memory config, Deployment memory deployment)
        private
        view
        returns (string memory)
    {
        (address[] memory proposers, address[] memory cancellers) = (config.proposers, config.cancellers);
        address[] memory executors = OwnerConfig.allExecutors(config);
        if (config.kind == OwnerKind.NewGovernor) {
            proposers = _one(address(deployment.governor));
            (cancellers, executors) = (proposers, config.isExecutorOpen ? _one(address(0)) : proposers);
        }
        uint256 fromBlock = OwnerConfig.isMade(config.kind) ? deployment.deployBlock : config.fromBlock;
        return string.concat(
            '    "timelock": {\n',
            JsonText.line("      ", "fromBlock", VM.toString(fromBlock)),
            JsonText.line("      ", "delaySeconds", VM.toString(deployment.timelock.getMinDelay())),
            JsonText.line("      ", "proposers", JsonText.accounts(proposers)),
            JsonText.line("      ", "cancellers", JsonText.accounts(cancellers)),
            '      "executors": ',
            JsonText.accounts(executors),
            "\n    }"
        );
    }

    /// @dev Another Governor may count its quorum otherwise than in percent of the supply.
    function _governor(Deployment memory deployment) private view returns (string memory) {
        TreasuryGovernor governor = deployment.governor;
        string memory quorum = "";
        try governor.quorumNumerator() returns (uint256 percent) {
            quorum = JsonText.line("      ", "quorumPercent", VM.toString(percent));
        } catch {}
        return string.concat(
            '    "governor": {\n',
            _governorItself(deployment),
            JsonText.line("      ", "votingDelay", VM.toString(governor.votingDelay())),
            JsonText.line("      ", "votingPeriod", VM.toString(governor.votingPeriod())),
            quorum,
            '      "proposalThreshold": ',
            JsonText.quoted(VM.toString(governor.proposalThreshold())),
            "\n    }"
        );
    }

    function _governorItself(Deployment memory deployment) private view returns (string memory) {
        return string.concat(
            JsonText.line("      ", "address", JsonText.account(address(deployment.governor))),
            JsonText.line("      ", "codeHash", JsonText.word(address(deployment.governor).codehash)),
            JsonText.line("      ", "votes", JsonText.account(address(deployment.votes))),
            JsonText.line("      ", "votesCodeHash", JsonText.word(address(deployment.votes).codehash))
        );
    }

    /// @dev A proxy of Safe keeps the contract whose code it runs in its first slot.
    function _safe(GovernanceConfig memory config) private view returns (string memory) {
        address singleton = address(uint160(uint256(VM.load(config.safeAt, 0))));
        return string.concat(
            '    "safe": {\n',
            JsonText.line("      ", "owners", JsonText.accounts(config.owners)),
            JsonText.line("      ", "singleton", JsonText.account(singleton)),
            JsonText.line("      ", "singletonCodeHash", JsonText.word(singleton.codehash)),
            '      "threshold": ',
            VM.toString(config.threshold),
            "\n    }"
        );
    }

    function _one(address account) private pure returns (address[] memory list) {
        list = new address[](1);
        list[0] = account;
    }
}
