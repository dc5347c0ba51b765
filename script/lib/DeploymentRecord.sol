// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {Vm} from "forge-std/Vm.sol";

import {JsonFile, StrictJson} from "./StrictJson.sol";

/// @notice A vault as its record has it.
struct RecordedVault {
    address vault;
    address guardian;
    bytes32 policyHash;
}

/// @notice What an earlier run of a deployment wrote; empty if there was none.
struct DeploymentRecord {
    bool isThere;
    bytes32 genesisHash;
    uint256 deployBlock;
    address deployer;
    address owner;
    RecordedVault[] vaults;
}

/// @title The record of an earlier run, as far as the next one goes on from it
library DeploymentRecords {
    using StrictJson for JsonFile;

    Vm private constant VM = Vm(address(uint160(uint256(keccak256("hevm cheat code")))));

    /// @notice Reads the record at a path, if there is one.
    function read(string memory path) internal view returns (DeploymentRecord memory record) {
        if (!VM.exists(path)) return record;
        JsonFile memory file = StrictJson.open(path);
        file.number(".schemaVersion", 2, 2);
        record.isThere = true;
        record.genesisHash = file.word(".genesisHash");
        record.deployBlock = file.number(".deployBlock", 0, type(uint64).max);
        record.deployer = file.account(".deployer");
        record.owner = file.account(".owner.address");
        record.vaults = new RecordedVault[](file.count(".vaults"));
        for (uint256 i = 0; i < record.vaults.length; ++i) {
            string memory at = StrictJson.entry(".vaults", i);
            record.vaults[i] = RecordedVault({
                vault: file.account(string.concat(at, ".vault")),
                guardian: file.account(string.concat(at, ".guardian")),
                policyHash: file.word(string.concat(at, ".policyHash"))
            });
        }
    }

    /// @notice The vault's part of a record; empty if it has none.
    function find(DeploymentRecord memory record, address vault) internal pure returns (RecordedVault memory) {
        for (uint256 i = 0; i < record.vaults.length; ++i) {
            if (record.vaults[i].vault == vault) return record.vaults[i];
        }
        return RecordedVault({vault: address(0), guardian: address(0), policyHash: 0});
    }
}
