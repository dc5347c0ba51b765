// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {GovernorParameters} from "../../contracts/governance/TreasuryGovernor.sol";
import {VotesAllocation} from "../../contracts/governance/TreasuryVotes.sol";
import {TreasuryParameters} from "../../contracts/interfaces/ITreasuryFactory.sol";
import {Ceilings} from "../../contracts/types/Policy.sol";
import {JsonFile, StrictJson} from "./StrictJson.sol";

/// @notice Who decides, and how.
struct GovernanceConfig {
    string name;
    GovernorParameters governor;
    uint256 timelockDelaySeconds;
    bool isExecutorOpen;
    string votesName;
    string votesSymbol;
    VotesAllocation[] holders;
}

/// @notice A reviewed deployment: one governance and the vaults it owns. Owners in `vaults` are zero until the timelock
/// exists.
struct DeployConfig {
    string treasury;
    uint256 chainId;
    GovernanceConfig governance;
    TreasuryParameters[] vaults;
}

/// @title The deployment's config file, read strictly
/// @notice Keys are explained in script/README.md.
library DeployConfigReader {
    using StrictJson for JsonFile;

    uint256 private constant SCHEMA_VERSION = 1;
    uint256 private constant MAX_BPS = 10_000;
    uint256 private constant MAX_NAME_BYTES = 64;

    string private constant ROOT_KEYS = "schemaVersion,treasury,chainId,governance,vaults";
    string private constant GOVERNANCE_KEYS =
        "name,votingDelaySeconds,votingPeriodSeconds,proposalThreshold,quorumPercent,timelockDelaySeconds,isExecutorOpen,votes";
    string private constant VOTES_KEYS = "name,symbol,holders";
    string private constant HOLDER_KEYS = "holder,votes";
    string private constant VAULT_KEYS = "asset,name,symbol,decimalsOffset,guardian,salt,ceilings";
    string private constant CEILINGS_KEYS =
        "maxTurnoverBps,maxLossBps,minWindowSeconds,minPolicyDelaySeconds,maxPolicyDelaySeconds,maxManagementFeeBps,maxPerformanceFeeBps,graceSeconds";

    /// @notice Reads and checks the file; whatever it cannot mean is refused here, before anything is sent.
    function read(string memory path) internal view returns (DeployConfig memory config) {
        JsonFile memory file = StrictJson.open(path);
        file.requireKeys("", ROOT_KEYS);
        file.number(".schemaVersion", SCHEMA_VERSION, SCHEMA_VERSION);
        config.treasury = _fileName(file, ".treasury");
        config.chainId = file.number(".chainId", 1, type(uint64).max);
        config.governance = _governance(file);

        uint256 count = file.count(".vaults");
        if (count == 0) file.refuse(".vaults", "must be a list of one vault or more");
        config.vaults = new TreasuryParameters[](count);
        for (uint256 i = 0; i < count; ++i) {
            config.vaults[i] = _vault(file, StrictJson.entry(".vaults", i));
        }
    }

    function _governance(JsonFile memory file) private view returns (GovernanceConfig memory config) {
        file.requireKeys(".governance", GOVERNANCE_KEYS);
        config.name = file.text(".governance.name");
        config.timelockDelaySeconds = file.number(".governance.timelockDelaySeconds", 0, type(uint32).max);
        config.isExecutorOpen = file.flag(".governance.isExecutorOpen");

        file.requireKeys(".governance.votes", VOTES_KEYS);
        config.votesName = file.text(".governance.votes.name");
        config.votesSymbol = file.text(".governance.votes.symbol");
        uint256 supply;
        (config.holders, supply) = _holders(file);

        // forge-lint: disable-start(unsafe-typecast) Bounded as they are read.
        config.governor = GovernorParameters({
            votingDelaySeconds: uint48(file.number(".governance.votingDelaySeconds", 0, type(uint32).max)),
            votingPeriodSeconds: uint32(file.number(".governance.votingPeriodSeconds", 1, type(uint32).max)),
            proposalThreshold: file.number(".governance.proposalThreshold", 0, supply),
            quorumPercent: file.number(".governance.quorumPercent", 1, 100)
        });
        // forge-lint: disable-end(unsafe-typecast)
    }

    function _holders(JsonFile memory file) private view returns (VotesAllocation[] memory holders, uint256 supply) {
        uint256 count = file.count(".governance.votes.holders");
        if (count == 0) file.refuse(".governance.votes.holders", "must be a list of one holder or more");
        holders = new VotesAllocation[](count);
        for (uint256 i = 0; i < count; ++i) {
            string memory at = StrictJson.entry(".governance.votes.holders", i);
            file.requireKeys(at, HOLDER_KEYS);
            holders[i].holder = file.account(string.concat(at, ".holder"));
            // The votes token counts in 208 bits.
            holders[i].votes = file.number(string.concat(at, ".votes"), 1, type(uint208).max - supply);
            supply += holders[i].votes;
            for (uint256 j = 0; j < i; ++j) {
                if (holders[j].holder == holders[i].holder) {
                    file.refuse(string.concat(at, ".holder"), "must not stand in the list twice");
                }
            }
        }
    }

    function _vault(JsonFile memory file, string memory at) private view returns (TreasuryParameters memory vault) {
        file.requireKeys(at, VAULT_KEYS);
        vault.asset = file.account(string.concat(at, ".asset"));
        vault.name = file.text(string.concat(at, ".name"));
        vault.symbol = file.text(string.concat(at, ".symbol"));
        // forge-lint: disable-next-line(unsafe-typecast) Bounded as it is read.
        vault.decimalsOffset = uint8(file.number(string.concat(at, ".decimalsOffset"), 0, 18));
        vault.guardian = file.account(string.concat(at, ".guardian"));
        vault.salt = file.word(string.concat(at, ".salt"));
        vault.ceilings = _ceilings(file, string.concat(at, ".ceilings"));
    }

    function _ceilings(JsonFile memory file, string memory at) private view returns (Ceilings memory ceilings) {
        file.requireKeys(at, CEILINGS_KEYS);
        // forge-lint: disable-start(unsafe-typecast) Bounded as they are read.
        ceilings.maxTurnoverBps = uint16(file.number(string.concat(at, ".maxTurnoverBps"), 1, MAX_BPS));
        ceilings.maxLossBps = uint16(file.number(string.concat(at, ".maxLossBps"), 0, MAX_BPS));
        ceilings.minWindowSeconds = uint32(file.number(string.concat(at, ".minWindowSeconds"), 1, type(uint32).max));
        ceilings.minPolicyDelaySeconds =
            uint32(file.number(string.concat(at, ".minPolicyDelaySeconds"), 1, type(uint32).max));
        ceilings.maxPolicyDelaySeconds = uint32(
            file.number(string.concat(at, ".maxPolicyDelaySeconds"), ceilings.minPolicyDelaySeconds, type(uint32).max)
        );
        ceilings.maxManagementFeeBps = uint16(file.number(string.concat(at, ".maxManagementFeeBps"), 0, MAX_BPS));
        ceilings.maxPerformanceFeeBps = uint16(file.number(string.concat(at, ".maxPerformanceFeeBps"), 0, MAX_BPS));
        ceilings.graceSeconds = uint32(file.number(string.concat(at, ".graceSeconds"), 1, type(uint32).max));
        // forge-lint: disable-end(unsafe-typecast)
    }

    /// @dev The name becomes a file's name, and stands unescaped in JSON.
    function _fileName(JsonFile memory file, string memory at) private pure returns (string memory name) {
        name = file.text(at);
        bytes memory characters = bytes(name);
        bool isPlain = characters.length <= MAX_NAME_BYTES;
        for (uint256 i = 0; i < characters.length; ++i) {
            bytes1 c = characters[i];
            isPlain = isPlain && ((c >= "a" && c <= "z") || (c >= "0" && c <= "9") || c == "-");
        }
        if (!isPlain) file.refuse(at, "must be at most 64 of the characters a to z, 0 to 9 and -");
    }
}
