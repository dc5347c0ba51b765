// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {TreasuryParameters} from "../../contracts/interfaces/ITreasuryFactory.sol";
import {Ceilings} from "../../contracts/types/Policy.sol";
import {GovernanceConfig, OwnerConfig} from "./OwnerConfig.sol";
import {JsonFile, StrictJson} from "./StrictJson.sol";

/// @notice A reviewed deployment: one governance and the vaults it owns. Owners in `vaults` are zero until the owner is
/// known.
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
        config.governance = OwnerConfig.read(file);

        uint256 count = file.count(".vaults");
        if (count == 0) file.refuse(".vaults", "must be a list of one vault or more");
        config.vaults = new TreasuryParameters[](count);
        for (uint256 i = 0; i < count; ++i) {
            config.vaults[i] = _vault(file, StrictJson.entry(".vaults", i));
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
